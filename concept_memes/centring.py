"""Centring on the collection: what all pictures share is taken away, so that what parts them shows.

In a collection of close kinds (clothes, say) all vectors point in nearly the same direction, and a clustering sees
one heap. Subtracting the mean vector and scaling back to length 1 opens the heap. A vector made of several parts
is centred part by part, so that no part gains weight by it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["centre_vectors", "mean_vector", "unit"]

TINY = 1e-6
# Rows that are centred at a time, in float64: all of a large collection would take three times its memory.
ROWS = 4096


def unit(x: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Scale the rows of an array to length 1; rows of zeros stay zero.

    Parameters
    ----------
    x : ndarray of shape (..., d)

    Returns
    -------
    ndarray of shape (..., d), float32

    Examples
    --------
    >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    x = np.asarray(x, np.float64)
    norms = np.linalg.norm(x, axis=-1, keepdims=True)
    scaled: npt.NDArray[np.float64] = np.divide(x, norms, out=np.zeros_like(x), where=norms > TINY)
    return scaled.astype(np.float32)


def mean_vector(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean of the rows; sums in float64, so that the order of the rows does not show.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32

    Returns
    -------
    ndarray of shape (d,), float32

    Examples
    --------
    >>> mean_vector(np.array([[1, 0], [0, 1]], np.float32)).tolist()
    [0.5, 0.5]
    """
    if len(vectors) == 0:
        return np.zeros(vectors.shape[1], np.float32)
    return np.asarray(vectors.mean(axis=0, dtype=np.float64), np.float32)


def centre_vectors(
    vectors: npt.NDArray[np.float32], centre: npt.NDArray[np.float32], blocks: Sequence[tuple[int, int]]
) -> npt.NDArray[np.float32]:
    """Subtract the centre and scale back to length 1, block by block; every block keeps its weight.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32, unit norm
        Pictures, texts or means of pictures.
    centre : ndarray of shape (d,), float32
        Mean of the collection's vectors.
    blocks : sequence of (int, int)
        Start and stop of each block; together they cover the vector.

    Returns
    -------
    ndarray of shape (n, d), float32, unit norm
        A block that is zero stays zero (a text has no look).

    Examples
    --------
    >>> x = np.array([[0.6, 0.8], [0.8, 0.6]], np.float32)
    >>> centre_vectors(x, mean_vector(x), [(0, 2)]).round(2)
    array([[-0.71,  0.71],
           [ 0.71, -0.71]], dtype=float32)
    """
    result = np.empty(vectors.shape, np.float32)
    for first in range(0, len(vectors), ROWS):
        rows = vectors[first : first + ROWS]
        centred = np.zeros(rows.shape, np.float64)
        for start, stop in blocks:
            block = rows[:, start:stop].astype(np.float64)
            weight = np.linalg.norm(block, axis=1, keepdims=True)
            centred[:, start:stop] = np.where(weight > TINY, unit(block - centre[start:stop]) * weight, 0.0)
        result[first : first + ROWS] = unit(centred)
    return result
