"""Batches of texts whose shape depends on nothing but the texts themselves.

The same text in batches of different width or height gives different last bits, so a text is padded to the smallest
bucket that holds it and every batch has the same number of rows, the last one filled up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np

from concept_memes.encoders.rows import safe_number
from concept_memes.errors import EncoderMemoryError, InvalidParameterError
from concept_memes.protocols import FloatArray

__all__ = ["TEXT_BUCKETS", "check_texts", "encode_by_length"]

logger = logging.getLogger(__name__)

# Most words are 3 to 5 tokens with their two end marks; padding them to 8 would double the work.
TEXT_BUCKETS = (3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256)


def check_texts(texts: object) -> None:
    """Refuse what is no sequence of texts; of a single string every letter would be taken for a text.

    Parameters
    ----------
    texts : object
        What came as `texts`.

    Raises
    ------
    InvalidParameterError
        A single string came, or something that is no text.

    Examples
    --------
    >>> check_texts("a cat")
    Traceback (most recent call last):
    concept_memes.errors.InvalidParameterError: texts='a cat': texts must be a sequence of strings, ...
    """
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):  # type: ignore[attr-defined]
        raise InvalidParameterError("texts", texts, 'a sequence of strings, such as ["a cat"]')


def _rows(n: int) -> int:
    """Return a number of texts at which none depends on its place: one, or a multiple of four.

    Two texts of three tokens are six rows of a matrix product, which is not safe.
    """
    return 1 if n == 1 else safe_number(max(n, 4))


def encode_by_length(
    token_ids: Sequence[Sequence[int]],
    encode: Callable[[np.ndarray, np.ndarray], FloatArray],
    *,
    buckets: Sequence[int],
    batch_size: int,
    pad_id: int,
    n_dims: int,
) -> FloatArray:
    """Encode tokenised texts bucket by bucket and put the vectors back in the order of the texts.

    Parameters
    ----------
    token_ids : sequence of sequence of int
        Tokens per text, special tokens included, none longer than the last bucket.
    encode : callable
        Takes ids and mask, both of shape (batch_size, length) and int64, and returns vectors (batch_size, n_dims).
    buckets : sequence of int
        Lengths that a text may be padded to, ascending.
    batch_size : int
        Rows of every call, filled up to a number at which no row depends on its place; about half for the rest
        of the texts where `encode` raises `EncoderMemoryError`.
    pad_id : int
        Token that fills a row up.
    n_dims : int
        Length of a vector.

    Returns
    -------
    ndarray of shape (n_texts, n_dims), float32

    Raises
    ------
    EncoderMemoryError
        Not even one text fits.
    """
    vectors = np.zeros((len(token_ids), n_dims), np.float32)
    lengths = np.array([len(ids) for ids in token_ids], np.int64)
    batch_size = _rows(batch_size)
    bucket_of = np.searchsorted(np.asarray(buckets), lengths)
    for number, width in enumerate(buckets):
        rows = np.flatnonzero(bucket_of == number)
        start = 0
        while start < len(rows):
            batch = rows[start : start + batch_size]
            ids = np.full((batch_size, width), pad_id, np.int64)
            mask = np.zeros((batch_size, width), np.int64)
            mask[len(batch) :, 0] = 1  # a row without any token would give NaN
            for i, row in enumerate(batch):
                ids[i, : lengths[row]] = token_ids[row]
                mask[i, : lengths[row]] = 1
            try:
                vectors[batch] = encode(ids, mask)[: len(batch)]
            except EncoderMemoryError:
                if batch_size == 1:
                    raise
                logger.warning("%d texts at a time are too many for the memory; trying fewer", batch_size)
                batch_size = _rows(batch_size // 2) if batch_size > 4 else 1
            else:
                start += len(batch)
    return vectors
