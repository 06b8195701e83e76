"""k nearest neighbours on unit vectors, exactly, by blocked matrix products."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["nearest_neighbors"]

# A block of similarities takes at most this many numbers (float32: 64 MiB).
BLOCK_NUMBERS = 16_777_216


def nearest_neighbors(
    queries: npt.NDArray[np.float32], vectors: npt.NDArray[np.float32], k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Find the `k` rows of `vectors` that are nearest to each query by cosine.

    Parameters
    ----------
    queries : ndarray of shape (m, d), float32, unit norm
    vectors : ndarray of shape (n, d), float32, unit norm
    k : int
        How many; fewer are returned when there are fewer rows.

    Returns
    -------
    indices : ndarray of shape (m, min(k, n)), int64
        Nearest first; equal similarities in the order of the rows.
    similarities : ndarray of the same shape, float32
        Cosines in [-1, 1].

    Examples
    --------
    >>> x = np.eye(3, dtype=np.float32)
    >>> indices, similarities = nearest_neighbors(x, x, 1)
    >>> indices.ravel().tolist(), similarities.ravel().tolist()
    ([0, 1, 2], [1.0, 1.0, 1.0])
    """
    n = len(vectors)
    k = min(k, n)
    indices = np.empty((len(queries), k), np.int64)
    similarities = np.empty((len(queries), k), np.float32)
    rows_per_block = max(1, BLOCK_NUMBERS // max(n, 1))
    for start in range(0, len(queries), rows_per_block):
        block = queries[start : start + rows_per_block] @ vectors.T
        # A few more than k, so that ties at the edge are decided by the row and not by the partition.
        n_candidates = min(n, k + 8)
        candidates = np.argpartition(-block, n_candidates - 1, axis=1)[:, :n_candidates]
        candidates.sort(axis=1)
        values = np.take_along_axis(block, candidates, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")[:, :k]
        nearest = np.take_along_axis(candidates, order, axis=1)
        if k and n_candidates < n:
            # More ties than candidates (many copies of a picture): the partition took any of them.
            limit = np.take_along_axis(block, nearest[:, -1:], axis=1)
            for row in np.flatnonzero((values >= limit).all(axis=1)):
                nearest[row] = np.argsort(-block[row], kind="stable")[:k]
        rows = slice(start, start + len(block))
        indices[rows] = nearest
        similarities[rows] = np.clip(np.take_along_axis(block, nearest, axis=1), -1, 1)
    return indices, similarities
