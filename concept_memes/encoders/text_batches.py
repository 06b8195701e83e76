"""Batches of texts whose shape depends on nothing but the texts themselves.

The same text in batches of different width or height gives different last bits, so a text is padded to the smallest
bucket that holds it and every batch has the same number of rows, the last one filled up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np

from concept_memes.encoders.rows import safe_number
from concept_memes.errors import EncoderMemoryError
from concept_memes.protocols import FloatArray

__all__ = ["TEXT_BUCKETS", "encode_by_length"]

logger = logging.getLogger(__name__)

# Most words are 3 to 5 tokens with their two end marks; padding them to 8 would double the work.
TEXT_BUCKETS = (3, 4, 5, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256)


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
        Rows of every call, filled up to a number at which no row depends on its place; halved for the rest of the
        texts where `encode` raises `EncoderMemoryError`.
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
    batch_size = safe_number(batch_size)
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
                logger.warning("%d texts at a time are too many for the memory; trying half", batch_size)
                batch_size //= 2
            else:
                start += len(batch)
    return vectors
