"""The texts in pictures: read once per content, kept in the cache."""

from __future__ import annotations

from concept_memes.cache import VectorCache
from concept_memes.findings import PictureTexts
from concept_memes.memes.studying import Pictures
from concept_memes.progress import Progress
from concept_memes.protocols import TextReader

__all__ = ["read_texts", "resolve_reader"]


def resolve_reader(ocr: bool | TextReader) -> TextReader | None:
    """Return what reads the texts; None where nobody is to read them."""
    raise NotImplementedError


def read_texts(
    pictures: Pictures, reader: TextReader, *, n_frames: int, cache: VectorCache, progress: Progress
) -> PictureTexts:
    """Read the texts in pictures."""
    raise NotImplementedError
