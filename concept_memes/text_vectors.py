"""The texts of pictures as vectors, so that what pictures say can count beside what they look like."""

from __future__ import annotations

from concept_memes.cache import VectorCache
from concept_memes.findings import PictureTexts
from concept_memes.progress import Progress
from concept_memes.protocols import ImageEncoder, TextEncoder

__all__ = ["encode_picture_texts"]


def encode_picture_texts(
    texts: PictureTexts,
    text_model: str | TextEncoder,
    weight: float | str,
    encoder: ImageEncoder | None,
    *,
    cache: VectorCache,
    progress: Progress,
    like: PictureTexts | None = None,
) -> PictureTexts:
    """Encode the texts of pictures, in the space of `like` if it is given."""
    raise NotImplementedError
