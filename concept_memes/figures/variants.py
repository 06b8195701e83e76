"""Templates and their variants as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from concept_memes.concepts import ConceptSet
from concept_memes.memes.groups import VariantGroup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_variants"]


def draw_variants(
    concept_set: ConceptSet,
    groups: Sequence[VariantGroup],
    *,
    figsize: tuple[float, float] | None = None,
    theme: Literal["light", "dark"] = "light",
) -> Figure:
    """Draw templates with their variants."""
    raise NotImplementedError
