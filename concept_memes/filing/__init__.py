"""Sort my folder: one folder per concept, by links, copies or moves; planned first, journalled, and undone at will."""

from __future__ import annotations

from concept_memes.filing.carrying_out import FilingResult, carry_out
from concept_memes.filing.journal import JOURNAL
from concept_memes.filing.layout import LeftImage
from concept_memes.filing.planning import FilingPlan, Mode, PlannedFile, plan_filing
from concept_memes.filing.undoing import UndoResult, undo

__all__ = [
    "JOURNAL",
    "FilingPlan",
    "FilingResult",
    "LeftImage",
    "Mode",
    "PlannedFile",
    "UndoResult",
    "carry_out",
    "plan_filing",
    "undo",
]
