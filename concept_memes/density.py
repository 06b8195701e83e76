"""HDBSCAN over the graph of nearest neighbours: dense groups, and how large and how deep they are.

The hdbscan package finds the minimum spanning tree in the whole space, which costs the square of the number of pictures
beyond some twenty dimensions. Among the nearest neighbours alone it is the same tree but for a few edges (on photos and
clothes ARI within 0.005), in half a second for 25,000 vectors; the package does the rest.

References
----------
Campello, Moulavi, Sander, "Density-Based Clustering Based on Hierarchical Density Estimates", PAKDD 2013.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from concept_memes.estimators import logged_warnings
from concept_memes.protocols import IntArray

__all__ = ["dense_groups", "dense_groups_of_points", "density_tree"]

N_NEIGHBORS = 15
MIN_SAMPLES = 5
# A neighbour may be so much farther than the true one, as a share: the groups are the same (photos, clothes, mixtures
# of 25,000 and 100,000), and the search among 100,000 takes 36 s instead of 64.
SLACK = 0.5
# Farther than unit vectors can be: what no chain of neighbours joins.
APART = 10.0
# Edges of length zero would be no edges for scipy.
NO_LENGTH = 1e-12


def density_tree(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Build the single-linkage tree of mutual reachability.

    Parameters
    ----------
    places : ndarray of shape (n, d), float64, unit norm
        At least two.

    Returns
    -------
    ndarray of shape (n - 1, 4), float64
        Which two nodes are joined, at what distance, how many rows are below; in scipy's format.

    Examples
    --------
    >>> tree = density_tree(np.array([[1, 0], [1, 0], [0, 1], [0, 1.0]]))
    >>> tree[:, 2].round(3).tolist(), tree[-1, 3].tolist()
    ([1.414, 1.414, 1.414], 4.0)
    """
    from hdbscan._hdbscan_linkage import label
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
    from scipy.spatial import KDTree

    n = len(places)
    k = min(N_NEIGHBORS, n)
    # Unbalanced, because groups lie together: 1.3 s instead of 5.8 for 25,000 x 64.
    lengths, indices = KDTree(places, balanced_tree=False, leafsize=32).query(places, k=k, eps=SLACK, workers=-1)
    core = lengths[:, min(MIN_SAMPLES, k - 1)]
    rows, columns = np.repeat(np.arange(n), k), indices.ravel()
    reach = np.maximum(np.maximum(lengths.ravel(), core[rows]), core[columns])
    others = rows != columns
    one_way = csr_array((np.maximum(reach, NO_LENGTH)[others], (rows[others], columns[others])), shape=(n, n))
    graph = one_way.maximum(one_way.T).tocsr()
    tree = minimum_spanning_tree(graph).tocoo()
    n_parts, part = connected_components(graph, directed=False)
    first = np.unique(part, return_index=True)[1]
    edges = np.column_stack(
        [
            np.concatenate([tree.row, np.full(n_parts - 1, first[0])]),
            np.concatenate([tree.col, first[1:]]),
            np.concatenate([tree.data, np.full(n_parts - 1, APART)]),
        ]
    ).astype(np.float64)
    return np.asarray(label(edges[np.argsort(edges[:, 2], kind="stable")]))


def dense_groups(
    tree: npt.NDArray[np.float64], min_size: int, *, leaves: bool = False
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Choose groups from a tree.

    Parameters
    ----------
    tree : ndarray of shape (n - 1, 4), float64
        What `density_tree` gives.
    min_size : int
        Fewest rows of a group, at least 2.
    leaves : bool, default=False
        Take the smallest groups that hold, instead of those that last longest.

    Returns
    -------
    labels : ndarray of shape (n,), int64
        -1 for rows in no group.
    strengths : ndarray of shape (n,), float64
        How deep in its group each row lies, in [0, 1].

    Examples
    --------
    >>> places = np.repeat(np.eye(2), 8, axis=0)
    >>> labels, strengths = dense_groups(density_tree(places), 4)
    >>> labels.tolist(), strengths.min().tolist()
    ([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], 1.0)
    """
    from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters

    condensed = condense_tree(tree, min_size)
    labels, strengths, _ = get_clusters(
        condensed, compute_stability(condensed), "leaf" if leaves else "eom", False, False
    )
    return np.asarray(labels, np.int64), np.clip(np.nan_to_num(np.asarray(strengths, np.float64)), 0, 1)


def dense_groups_of_points(
    points: npt.NDArray[np.floating], min_size: int, *, leaves: bool = False
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Find dense groups among points of few dimensions, such as UMAP gives, by Euclidean distance.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        At least three.
    min_size, leaves
        As for `dense_groups`.

    Returns
    -------
    labels : ndarray of shape (n,), int64
    strengths : ndarray of shape (n,), float64

    Examples
    --------
    >>> points = np.repeat([0.0, 5.0], 8)[:, None] + np.tile(np.arange(8) / 100, 2)[:, None]
    >>> dense_groups_of_points(points, 4)[0].tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    from hdbscan import HDBSCAN

    model = HDBSCAN(
        min_cluster_size=min_size,
        min_samples=min(MIN_SAMPLES, min_size, len(points) - 1),
        cluster_selection_method="leaf" if leaves else "eom",
        # More than one job starts worker processes above 16,384 rows, which cost more than they save.
        core_dist_n_jobs=1,
    )
    with logged_warnings():
        model.fit(points)
    return model.labels_.astype(np.int64), np.clip(np.nan_to_num(model.probabilities_.astype(np.float64)), 0, 1)
