"""K-means, as the older recipe has it: every picture to its nearest centroid, and what is far from there to none.

References
----------
Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007. Tukey, "Exploratory Data Analysis",
Addison-Wesley 1977, for the fence. Rousseeuw, "Silhouettes", J. Comput. Appl. Math. 20 (1987).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from concept_memes.errors import InvalidParameterError
from concept_memes.estimators import logged_warnings
from concept_memes.protocols import IntArray

__all__ = ["KMEANS", "kmeans_groups", "rejoined"]

#: What asks for it as ``hdbscan_model``.
KMEANS = "kmeans"
# Runs from other starts, of which the tightest counts: one run is as good as its start.
N_STARTS = 10
# How many quartile ranges beyond the upper quartile of its group a distance is an outlier. Of two kinds of photos, 4 to
# 30 of each, it leaves 2 to 3 % out, and of single photos of a third kind 63 to 95 %; three ranges 0 to 1 %, and 30 to
# 50 %.
FENCE = 1.5
LEAST = 0.01  # the strength of what is in a group at all


def kmeans_groups(
    points: npt.NDArray[np.floating], n_groups: int, *, random_state: int | None = 42
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Group points by K-means, and leave out what is far from its centroid.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        At least one, each different point once, in an order that does not depend on how they came.
    n_groups : int
        Exactly so many.
    random_state : int or None, default=42
        Of the starts; None for others every time.

    Returns
    -------
    labels : ndarray of shape (n,), int64
        0..n_groups-1; -1 for a point whose distance to its centroid is beyond Tukey's fence: more than one and a half
        quartile ranges above the upper quartile of its group.
    strengths : ndarray of shape (n,), float64
        In [0, 1]: 1 less the distance to its centroid as a share of that to the next one; 0 for what is left out.

    Raises
    ------
    InvalidParameterError
        If there are fewer points than groups.

    Examples
    --------
    >>> x = np.array([[0.0], [0.1], [0.2], [0.3], [2.0], [9.0], [9.1]])
    >>> labels, strengths = kmeans_groups(x, 2)
    >>> (labels == labels[0]).tolist(), int(labels[4]), strengths.round(2).tolist()[:3]
    ([True, True, True, True, False, False, False], -1, [0.94, 0.95, 0.96])
    """
    if n_groups > len(points):
        expected = f"from 1 to {len(points)}, the number of different pictures"
        raise InvalidParameterError("n_concepts", n_groups, expected)
    from sklearn.cluster import KMeans

    # On one thread: sums of several differ in their last bits, and with them the turn that an iteration takes.
    with threadpool_limits(limits=1), logged_warnings():
        model = KMeans(n_groups, n_init=N_STARTS, random_state=random_state).fit(points)
        distances = np.asarray(model.transform(points), np.float64)
    labels = np.asarray(model.labels_, np.int64)
    own = distances[np.arange(len(points)), labels]
    out = own > fences(own, labels)[labels]
    return np.where(out, -1, labels), np.where(out, 0.0, margins(distances, own, labels))


def fences(distances: npt.NDArray[np.float64], labels: IntArray) -> npt.NDArray[np.float64]:
    """Return per group the distance beyond which a member is an outlier."""
    limits = np.full(labels.max() + 1, np.inf)
    for group in np.unique(labels):
        low, high = np.percentile(distances[labels == group], [25, 75])
        limits[group] = high + FENCE * (high - low)
    return limits


def margins(
    distances: npt.NDArray[np.float64], own: npt.NDArray[np.float64], labels: IntArray
) -> npt.NDArray[np.float64]:
    """Return how much nearer the own centroid is than the next one, in [0, 1]; 1 where there is but one."""
    if distances.shape[1] < 2:
        return np.ones(len(labels))
    others = distances.copy()
    others[np.arange(len(labels)), labels] = np.inf
    return np.asarray(np.clip(1 - own / np.maximum(others.min(axis=1), 1e-12), LEAST, 1))


def rejoined(
    raw: IntArray, strengths: npt.NDArray[np.float64], points: npt.NDArray[np.floating], outliers: str | float
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Put points that were left out back to the nearest centroid, as far as that is asked for.

    Parameters
    ----------
    raw : ndarray of shape (n,), int64
        What `kmeans_groups` gives, in any numbers from 0 without gaps.
    strengths : ndarray of shape (n,), float64
    points : ndarray of shape (n, d)
    outliers : {"auto", "keep", "assign"} or float
        "auto" and "keep" leave them out, "assign" puts all back; a number leaves at most this share of all points out,
        the farthest.

    Returns
    -------
    labels : ndarray of shape (n,), int64
    strengths : ndarray of shape (n,), float64

    Examples
    --------
    >>> x = np.array([[0.0], [0.1], [1.0], [5.0], [5.1], [9.0]])
    >>> raw = np.array([0, 0, -1, 1, 1, -1])
    >>> [rejoined(raw, np.ones(6), x, outliers)[0].tolist() for outliers in ("keep", "assign", 0.2)]
    [[0, 0, -1, 1, 1, -1], [0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, -1]]
    """
    left_out = np.flatnonzero(raw < 0)
    if outliers in ("auto", "keep") or not len(left_out):
        return raw, strengths
    from scipy.spatial.distance import cdist

    centroids = np.stack([points[raw == group].mean(axis=0, dtype=np.float64) for group in range(raw.max() + 1)])
    away = cdist(points[left_out], centroids)
    n_out = 0 if isinstance(outliers, str) else min(int(outliers * len(raw)), len(left_out))
    back = np.argsort(away.min(axis=1), kind="stable")[: len(left_out) - n_out]
    labels, strengths = raw.copy(), strengths.copy()
    labels[left_out[back]] = away[back].argmin(axis=1)
    strengths[left_out[back]] = margins(away, away.min(axis=1), away.argmin(axis=1))[back]
    return labels, strengths
