"""The default reducer: each picture moves towards its neighbours, until the members of a kind lie together.

UMAP lays the graph of neighbours out by thousands of random pulls and pushes. Pulling alone, all pictures at once, does
for clustering what the layout does, without chance: the vectors are averaged over the graph, ten times, half way each
time. What is a group becomes a dense one, and HDBSCAN finds it.

References
----------
Taubin, "A signal processing approach to fair surface design", SIGGRAPH 1995. Zhang, Liu, Li, Wu, "Attributed Graph
Clustering via Adaptive Graph Convolution", IJCAI 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from concept_memes.protocols import FloatArray

__all__ = ["principal_coordinates", "smooth_vectors"]

N_ROUNDS = 10
N_DIMS = 64
# The axes of more rows than these are those of every second, third, ... of them.
SAMPLE = 10_000


def smooth_vectors(vectors: FloatArray, graph: Any) -> npt.NDArray[np.float64]:  # noqa: ANN401 (scipy has no types)
    """Average vectors over a graph of neighbours.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32, unit norm
        Centred on the collection.
    graph : scipy.sparse.csr_array of shape (n, n)
        Weights of neighbours; what :func:`concept_memes.neighbor_graph.fuzzy_graph` gives.

    Returns
    -------
    ndarray of shape (n, at most 64), float64, unit norm
        Places of the pictures: members of a group lie together. The same for every number of threads.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> x = np.array([[1, 0], [0.8, 0.6], [-1, 0]], np.float32)
    >>> pair = csr_array(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0.0]]))
    >>> places = smooth_vectors(x, pair)
    >>> bool((places[0] @ places[1]).round(6) == 1), bool(places[0] @ places[2] < 0)
    (True, True)
    """
    places = principal_coordinates(vectors)
    totals = np.asarray(graph.sum(axis=1)).ravel()
    averages = graph.multiply(1.0 / np.maximum(totals, 1e-12)[:, None]).tocsr()
    alone = totals <= 0  # a picture without neighbours stays where it is
    for _ in range(N_ROUNDS):
        means = averages @ places
        means[alone] = places[alone]
        places = (places + means) / 2
    norms = np.sqrt(np.einsum("ij,ij->i", places, places))[:, None]
    unit_places: npt.NDArray[np.float64] = np.divide(places, norms, out=np.zeros_like(places), where=norms > 1e-12)
    return unit_places


def principal_coordinates(vectors: FloatArray) -> npt.NDArray[np.float64]:
    """Project vectors onto their principal axes; by one thread, because products of several differ in their last bits.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32

    Returns
    -------
    ndarray of shape (n, min(64, n, d)), float64

    Examples
    --------
    >>> principal_coordinates(np.array([[3, 0, 4], [6, 0, 8]], np.float32)).round(6).tolist()
    [[5.0, 0.0], [10.0, 0.0]]
    """
    from scipy.linalg import eigh

    n, d = vectors.shape
    sample = vectors[:: -(-n // SAMPLE)].astype(np.float64)
    with threadpool_limits(limits=1):
        moments = sample @ sample.T if len(sample) < d else sample.T @ sample
        size = len(moments)
        _, axes = eigh(moments, subset_by_index=(max(size - N_DIMS, 0), size - 1))
        axes = axes[:, ::-1]
        if len(sample) < d:
            axes = sample.T @ axes
            lengths = np.sqrt(np.einsum("ij,ij->j", axes, axes))
            axes = np.divide(axes, lengths, out=np.zeros_like(axes), where=lengths > 1e-9)
        # Axes have no direction of their own: the largest part of each shall be positive.
        axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
        coordinates = np.empty((n, axes.shape[1]))
        for start in range(0, n, SAMPLE):
            coordinates[start : start + SAMPLE] = vectors[start : start + SAMPLE].astype(np.float64) @ axes
    return coordinates
