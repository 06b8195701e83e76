"""Concepts for other programs: tables as DataFrames and files, keywords in XMP sidecars."""

from __future__ import annotations

from concept_memes.export.files import save_table
from concept_memes.export.sidecars import Sidecar, SidecarResult, write_sidecars
from concept_memes.export.tables import frequency_table, images_table

__all__ = ["Sidecar", "SidecarResult", "frequency_table", "images_table", "save_table", "write_sidecars"]
