"""Which pictures are copies of one another, and which are variants of the same template."""

from __future__ import annotations

from concept_memes.cache import VectorCache
from concept_memes.findings import PictureFamilies, exact_families
from concept_memes.memes.studying import Pictures
from concept_memes.progress import Progress
from concept_memes.protocols import FloatArray

__all__ = ["find_families"]


def find_families(
    pictures: Pictures, vectors: FloatArray, *, cache: VectorCache, progress: Progress
) -> PictureFamilies:
    """Find copies and variants."""
    return exact_families([image.content_hash for image in pictures.images])
