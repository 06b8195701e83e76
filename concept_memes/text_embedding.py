"""Texts -> vectors, each text once ever: words that an earlier run encoded come from the cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from concept_memes.batches import rounded
from concept_memes.cache import VectorCache, text_key
from concept_memes.errors import EncoderError
from concept_memes.progress import Progress
from concept_memes.protocols import CacheableTexts, FloatArray, TextEncoder

__all__ = ["embed_texts"]

# Texts per call. What is encoded is kept after each one, so whoever stops a run loses seconds. They come in the order
# of their lengths, because an encoder fills batches of one length up.
CHUNK = 512


def embed_texts(
    texts: Sequence[str], encoder: TextEncoder, cache: VectorCache, progress: Progress | None = None
) -> tuple[FloatArray, int]:
    """Encode texts that the cache does not know.

    Parameters
    ----------
    texts : sequence of str
    encoder : TextEncoder
        Its texts are kept if it is also a `CacheableTexts`.
    cache : VectorCache
    progress : Progress, optional
        Where to tell how far it is.

    Returns
    -------
    vectors : ndarray of shape (n_texts, n_dims), float32, unit norm
        Rounded to half precision, as in the cache; a row of zeros where the encoder gives one.
    n_cached : int
        Texts that were not encoded.

    Raises
    ------
    EncoderError
        If the encoder gives vectors of another shape than it promises, or numbers that are not finite.

    Examples
    --------
    >>> from concept_memes.cache import open_cache
    >>> from concept_memes.testing import ColorEncoder
    >>> vectors, n_cached = embed_texts(["red", "blue"], ColorEncoder(), open_cache(False))
    >>> vectors.shape, n_cached
    ((2, 27), 0)
    """
    if not isinstance(encoder, CacheableTexts) or not len(texts):
        return _encoded(encoder, list(texts)), 0
    fingerprint = encoder.text_fingerprint
    key_of = {text: text_key(text) for text in texts}
    known = cache.vectors(fingerprint, list(key_of.values()))
    missing = sorted((text for text, key in key_of.items() if key not in known), key=len)
    with (progress or Progress(verbose=False)).counter("encoding words", total=len(missing), unit="word") as advance:
        for start in range(0, len(missing), CHUNK):
            chunk = missing[start : start + CHUNK]
            vectors = _encoded(encoder, chunk)
            keys = [key_of[text] for text in chunk]
            cache.store(fingerprint, keys, vectors)
            known.update(zip(keys, vectors, strict=True))
            advance(len(chunk))
    return np.stack([known[key_of[text]] for text in texts]), len(key_of) - len(missing)


def _encoded(encoder: TextEncoder, texts: list[str]) -> FloatArray:
    """Encode texts; refuse what are no vectors for them, before they are kept."""
    vectors = np.asarray(encoder.encode_texts(texts))
    n_dims = getattr(encoder, "n_dims", None) or "n_dims"  # one for texts only need not tell
    if vectors.ndim != 2 or len(vectors) != len(texts) or n_dims not in ("n_dims", vectors.shape[1]):
        raise EncoderError(
            f"The encoder {type(encoder).__name__} gave vectors of shape {vectors.shape} for {len(texts)} texts; "
            f"expected ({len(texts)}, {n_dims})."
        )
    if not np.isfinite(vectors).all():
        raise EncoderError(f"The encoder {type(encoder).__name__} gave text vectors with numbers that are not finite.")
    return rounded(vectors)
