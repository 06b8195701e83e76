"""The explorer: a collection and its concepts as one HTML file that opens from disk, without a network."""

from __future__ import annotations

from concept_memes.explorer.report import save_report

__all__ = ["save_report"]
