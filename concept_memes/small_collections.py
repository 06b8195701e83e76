"""Grouping a handful of pictures, where a density estimate has nothing to estimate from.

Average linkage on cosine distances, cut where the silhouette is best; one group where no cut stands out. A cut stands
out by its silhouette alone, or because chance gives no such silhouette: pictures without groups, scattered as widely in
every direction, are drawn and cut as well. Many pictures of close kinds have lower silhouettes than a few of one kind,
and texts beside the looks lower them again, so that no single limit tells groups from none.

References
----------
Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", J. Comput. Appl.
Math. 20 (1987). Liu, Hayes, Nobel, Marron, "Statistical significance of clustering for high-dimension, low-sample size
data", J. Am. Stat. Assoc. 103 (2008), for one normal distribution as what chance gives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

__all__ = ["best_cut", "distances_between", "group_few", "silhouette", "stands_out"]

# One kind of picture alone reaches 0.12 to 0.36 (by noise in it), two kinds and more 0.29 to 0.67.
LEAST_SILHOUETTE = 0.28
# A cut that is better than those of so many draws is one that chance gives once in ten times.
N_DRAWS = 9
# Times that a picture must come, on average, for its copies to be a group of their own.
MANY_COPIES = 3


def group_few(vectors: npt.NDArray[np.float32], keys: Sequence[str]) -> npt.NDArray[np.int64]:
    """Group few pictures by average linkage.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32, unit norm
        Centred on the collection.
    keys : sequence of str
        Content hash per picture. Copies of a picture always share a group, and count once, so that neither a hundred
        copies of one picture nor a backup of all of them changes the groups.

    Returns
    -------
    ndarray of shape (n,), int64
        Group per picture, from 0; a group may hold a single picture.

    Examples
    --------
    >>> x = np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1]], np.float32)
    >>> group_few(x, ["a", "b", "c", "d"]).tolist()
    [0, 0, 1, 1]
    """
    distinct, first, inverse = np.unique(np.asarray(keys), return_index=True, return_inverse=True)
    groups = cut_tree(vectors[first])
    if not groups.any() and len(keys) >= MANY_COPIES * len(distinct):
        # Nothing but copies, of pictures that have no groups among them: then the copies are the groups.
        groups = cut_tree(np.repeat(vectors[first], 2, axis=0))[::2]
    return groups[inverse]


def cut_tree(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Cut the average-linkage tree where the silhouette is best; all zeros if no cut stands out."""
    groups, score = best_cut(distances_between(vectors))
    return groups if stands_out(score, vectors) else np.zeros(len(vectors), np.int64)


def stands_out(score: float, vectors: npt.NDArray[np.float32]) -> bool:
    """Say whether a cut is better than what chance makes of pictures without groups.

    Parameters
    ----------
    score : float
        Silhouette of the best cut.
    vectors : ndarray of shape (n, d), float32, unit norm
        What was cut. Draws from one normal distribution, as wide in every direction, are cut for comparison; they are
        the same ones at each call.

    Returns
    -------
    bool

    Examples
    --------
    >>> x = np.array([[1, 0], [1, 0.01], [0, 1], [0.01, 1]], np.float32)
    >>> stands_out(0.99, x), stands_out(0.01, x)
    (True, False)
    """
    if score > LEAST_SILHOUETTE or score <= 0:
        return score > 0
    from scipy.linalg import eigh

    with threadpool_limits(limits=1):  # products of several threads differ in their last bits
        rows = vectors.astype(np.float64)
        widths = np.sqrt(np.clip(eigh(rows @ rows.T, eigvals_only=True)[::-1], 0, None))
    widths = widths[: min(vectors.shape)]
    draws = np.random.default_rng(0)
    for _ in range(N_DRAWS):
        drawn = draws.normal(size=(len(vectors), len(widths))) * widths
        lengths = np.sqrt(np.einsum("ij,ij->i", drawn, drawn))[:, None]
        if best_cut(distances_between(drawn / np.maximum(lengths, 1e-12)))[1] >= score:
            return False
    return True


def distances_between(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Measure cosine distances.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), unit norm

    Returns
    -------
    ndarray of shape (n, n), float64
        From 0 to 2, symmetric; the same for every number of threads.

    Examples
    --------
    >>> distances_between(np.eye(2)).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    with threadpool_limits(limits=1):
        distances = np.clip(1.0 - vectors.astype(np.float64) @ vectors.T.astype(np.float64), 0, 2)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0)
    return np.asarray(distances)


def best_cut(distances: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], float]:
    """Cut the average-linkage tree where the silhouette is best, into at most half as many groups as rows.

    Parameters
    ----------
    distances : ndarray of shape (n, n), float64
        Between the rows, symmetric, 0 on the diagonal.

    Returns
    -------
    groups : ndarray of shape (n,), int64
        Group per row, from 0; all zeros if there is no cut.
    score : float
        The mean silhouette, in [-1, 1]; 0 if there is no cut.

    Examples
    --------
    >>> places = np.array([0, 0.1, 1, 1.1])
    >>> groups, score = best_cut(np.abs(places[:, None] - places))
    >>> groups.tolist(), round(score, 2)
    ([0, 0, 1, 1], 0.9)
    """
    n = len(distances)
    best, best_score = np.zeros(n, np.int64), 0.0
    if n < 3:
        return best, best_score
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(distances, checks=False), "average")
    groups = np.unique(fcluster(tree, max(2, n // 2), "maxclust"), return_inverse=True)[1].astype(np.int64)
    sums = sums_to_groups(distances, groups)
    sizes = np.bincount(groups)
    row_in = np.arange(2 * n - 1)  # a row below each node of the tree
    for node, (left, _, _, _) in enumerate(tree):
        row_in[n + node] = row_in[int(left)]
    # From the finest cut upwards; two groups become one at each step, and so do their sums.
    for step in range(n - len(sizes), n - 1):
        height_below = tree[step - 1, 2] if step else -1.0
        if tree[step, 2] > height_below:  # what joins at one height is not parted
            score = mean_silhouette(sums, sizes, groups)
            if score >= best_score:
                best, best_score = groups.copy(), score
        one, other = sorted(groups[row_in[tree[step, :2].astype(np.int64)]])
        sums[:, one] += sums[:, other]
        sizes[one] += sizes[other]
        last = len(sizes) - 1  # takes the place that is free
        sums[:, other], sizes[other] = sums[:, last], sizes[last]
        groups[groups == other] = one
        groups[groups == last] = other if last != other else one
        sums, sizes = sums[:, :last], sizes[:last]
    return np.unique(best, return_inverse=True)[1].astype(np.int64), best_score


def silhouette(distances: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> float:
    """Return the mean silhouette of a grouping.

    Parameters
    ----------
    distances : ndarray of shape (n, n), float64
    groups : ndarray of shape (n,), int64
        Group per row, from 0; -1 for rows in none, whose silhouette is 0 as that of a row alone.

    Returns
    -------
    float
        In [-1, 1]; 0 if there are not two groups.

    Examples
    --------
    >>> places = np.array([0, 0.1, 1, 1.1])
    >>> round(silhouette(np.abs(places[:, None] - places), np.array([0, 0, 1, 1])), 2)
    0.9
    """
    inside = groups >= 0
    kept = np.unique(groups[inside], return_inverse=True)[1]
    if not inside.any() or not kept.any():
        return 0.0
    among = distances[np.ix_(inside, inside)]
    return mean_silhouette(sums_to_groups(among, kept), np.bincount(kept), kept) * float(inside.mean())


def sums_to_groups(distances: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Add up the distances of each row to the rows of each group."""
    return np.column_stack([distances[:, groups == number].sum(axis=1) for number in range(int(groups.max()) + 1)])


def mean_silhouette(
    sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64], groups: npt.NDArray[np.int64]
) -> float:
    """Return the mean silhouette, from the sums of distances to the rows of each group."""
    rows, own = np.arange(len(groups)), sizes[groups]
    inside = sums[rows, groups] / np.maximum(own - 1, 1)
    means = sums / sizes
    means[rows, groups] = np.inf
    outside = means.min(axis=1)
    scores = np.where(own > 1, (outside - inside) / np.maximum(np.maximum(inside, outside), 1e-12), 0.0)
    return float(scores.mean())
