"""What users pass as images -> a list of references, in order. No picture is decoded here."""

from __future__ import annotations

from concept_memes.sources.listing import (
    ENDINGS,
    N_MAGIC,
    ImageRef,
    ImageSource,
    Listing,
    Pixels,
    array_problem,
    image_format,
    list_images,
    merged,
)

__all__ = [
    "ENDINGS",
    "ImageRef",
    "ImageSource",
    "Listing",
    "N_MAGIC",
    "Pixels",
    "array_problem",
    "image_format",
    "list_images",
    "merged",
]
