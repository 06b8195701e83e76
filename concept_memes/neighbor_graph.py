"""The fuzzy graph of nearest neighbours, as UMAP builds it: which pictures are near, each measured by its own scale.

References
----------
McInnes, Healy, Melville, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction",
arXiv 1802.03426, sections 3.1 and 4.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.protocols import FloatArray, IntArray

__all__ = ["fuzzy_graph"]

# Halvings of the interval that holds a scale: 2**-64 of it is below what float64 tells apart.
N_HALVINGS = 64
# Cosines of copies differ from 1 by rounding alone.
SAME = 1e-6


def fuzzy_graph(indices: IntArray, similarities: FloatArray) -> Any:  # noqa: ANN401 (scipy has no types)
    """Weigh the edges between nearest neighbours.

    Parameters
    ----------
    indices : ndarray of shape (n, k), int64
        Nearest neighbours of each row, itself usually among them.
    similarities : ndarray of shape (n, k), float32
        Cosines with them, in descending order.

    Returns
    -------
    scipy.sparse.csr_array of shape (n, n), float64
        Symmetric, zero on the diagonal, weights in [0, 1]: 1 for the nearest neighbour of a row; the weights of a
        row's own neighbours sum to log2(k). An edge that two rows give is the fuzzy union of both.

    Examples
    --------
    >>> indices = np.array([[0, 1], [1, 0], [2, 1]])
    >>> fuzzy_graph(indices, np.array([[1, 0.9], [1, 0.9], [1, 0.5]], np.float32)).toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    from scipy.sparse import csr_array

    n, k = indices.shape
    others = indices != np.arange(n)[:, None]
    distances = np.clip(1.0 - similarities.astype(np.float64), 0, 2)
    distances[distances < SAME] = 0.0
    nearest = np.where(others & (distances > 0), distances, np.inf).min(axis=1)
    beyond = np.maximum(distances - np.where(np.isfinite(nearest), nearest, 0.0)[:, None], 0.0)
    weights = np.where(others, np.exp(-beyond / scales(beyond, others)[:, None]), 0.0)
    rows = np.repeat(np.arange(n), k)
    one_way = csr_array((weights.ravel(), (rows, indices.ravel())), shape=(n, n))
    one_way.eliminate_zeros()
    other_way = one_way.T.tocsr()
    union = csr_array(one_way + other_way - one_way.multiply(other_way))
    union.sort_indices()
    return union


def scales(beyond: npt.NDArray[np.float64], others: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Find the scale per row at which the weights of its neighbours sum to log2(k), by halving."""
    n, k = beyond.shape
    target = np.log2(max(k, 2))
    low, high, scale = np.zeros(n), np.full(n, np.inf), np.ones(n)
    for _ in range(N_HALVINGS):
        total = np.where(others, np.exp(-beyond / scale[:, None]), 0.0).sum(axis=1)
        high = np.where(total > target, scale, high)
        low = np.where(total > target, low, scale)
        scale = np.where(np.isinf(high), scale * 2, (low + high) / 2)
    # Where all neighbours are equally near there is no such scale, and the halving runs to zero.
    return np.maximum(scale, 1e-3 * max(float(beyond.mean()), SAME))
