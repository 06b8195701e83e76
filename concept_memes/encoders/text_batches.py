"""Batches of texts whose shape depends on nothing but the texts themselves.

The same text in batches of different width or height gives different last bits, so a text is padded to the smallest
bucket that holds it and every batch has the same number of rows, the last one filled up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from concept_memes.protocols import FloatArray

__all__ = ["encode_by_length"]


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
        Rows of every call.
    pad_id : int
        Token that fills a row up.
    n_dims : int
        Length of a vector.

    Returns
    -------
    ndarray of shape (n_texts, n_dims), float32
    """
    vectors = np.zeros((len(token_ids), n_dims), np.float32)
    lengths = np.array([len(ids) for ids in token_ids], np.int64)
    bucket_of = np.searchsorted(np.asarray(buckets), lengths)
    for number, width in enumerate(buckets):
        rows = np.flatnonzero(bucket_of == number)
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            ids = np.full((batch_size, width), pad_id, np.int64)
            mask = np.zeros((batch_size, width), np.int64)
            mask[len(batch) :, 0] = 1  # a row without any token would give NaN
            for i, row in enumerate(batch):
                ids[i, : lengths[row]] = token_ids[row]
                mask[i, : lengths[row]] = 1
            vectors[batch] = encode(ids, mask)[: len(batch)]
    return vectors
