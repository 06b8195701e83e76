"""From centred vectors to labels: smoothing and HDBSCAN, or what the user gives instead; noise is -1.

The points are put into the order of their content first, so that the same pictures give the same labels in whatever
order they came. Nothing here changes from run to run, but for what the user brings.

References
----------
Campello, Moulavi, Sander, "Density-Based Clustering Based on Hierarchical Density Estimates", PAKDD 2013.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.density import dense_groups, dense_groups_of_points, density_tree
from concept_memes.errors import AdjustedWarning
from concept_memes.estimators import clusters_of, logged_warnings, reduced_by
from concept_memes.guiding import gather, steer
from concept_memes.kmeans import KMEANS, kmeans_groups, rejoined
from concept_memes.neighbor_graph import fuzzy_graph
from concept_memes.neighbors import nearest_neighbors
from concept_memes.outliers import settle
from concept_memes.progress import Progress
from concept_memes.protocols import Clusterer, FloatArray, IntArray, Reducer
from concept_memes.small_collections import best_cut, distances_between, group_few, silhouette, stands_out
from concept_memes.smoothing import principal_coordinates, smooth_vectors
from concept_memes.splitting import different_rows, to_number

__all__ = ["GRANULARITIES", "ClusterSettings", "Clustering", "auto_min_concept_size", "cluster_vectors"]

N_NEIGHBORS = 15
# Beyond, neighbours are looked for in the nearest cells: 12.5 s of work instead of 65 at 100,000 x 512.
MOST_EXACT = 50_000
# Estimators of the user get this many dimensions: trees of k nearest neighbours, which many build, slow down beyond.
N_FOR_ESTIMATORS = 20
# Up to here linkage is better than a density estimate (see small_collections).
FEW = 100
# Beyond, and up to here, it is where there are so many kinds that neighbours are of other ones (see `better_linked`).
MOST_LINKED = 500
# How much better its silhouette must be then; on 250 stickers of 20 kinds it is 1.02, and linkage a little worse.
CLEARLY = 1.1
# Linkage needs no dense middle, so three pictures are enough there. With the rule for large collections 80 pictures of
# 20 kinds were nearly all noise; on photos (14 kinds of four) ARI 0.81 instead of 0.05, and nowhere less by 0.01.
FEW_SIZE = 3
GRANULARITIES = ("coarse", "medium", "fine")


@dataclass(frozen=True)
class ClusterSettings:
    """What decides the clustering; as for :class:`concept_memes.ConceptModel`.

    Attributes
    ----------
    min_concept_size : int, optional
        Smaller groups are noise; by default `auto_min_concept_size` of the number of rows, but at most 3 where
        linkage groups: up to 100 different pictures, and up to 500 of very many kinds.
    granularity : {"coarse", "medium", "fine"}
    n_concepts : int, optional
        Exactly so many.
    outliers : {"auto", "keep", "assign"} or float
    umap_model : Reducer or "umap", optional
        Used instead of smoothing. It is cloned, not changed.
    hdbscan_model : Clusterer or "kmeans", optional
        Used instead of HDBSCAN; then `min_concept_size` has no effect, "auto" keeps its outliers, and `granularity`
        "fine" is not possible. It is cloned, not changed. "kmeans" is K-means (:mod:`concept_memes.kmeans`) on the
        vectors as they are, not centred and not smoothed; without `n_concepts`, on as many as the default would find.
    random_state : int or None
        Of UMAP, for `umap_model="umap"`, and of the starts of "kmeans".
    """

    min_concept_size: int | None = None
    granularity: str = "medium"
    n_concepts: int | None = None
    outliers: str | float = "auto"
    umap_model: Reducer | str | None = None
    hdbscan_model: Clusterer | str | None = None
    random_state: int | None = 42

    @property
    def of_features(self) -> bool:
        """Whether it is K-means, which is given the vectors as they are."""
        return isinstance(self.hdbscan_model, str) and self.hdbscan_model == KMEANS


@dataclass(frozen=True)
class Clustering:
    """Labels of a collection.

    Attributes
    ----------
    labels : ndarray of shape (n,), int64
        0..k-1 from the largest to the smallest; -1 for noise.
    probabilities : ndarray of shape (n,), float64
        Strength of membership in [0, 1]; 0 for noise.
    raw_labels : ndarray of shape (n,), int64
        Before outliers were put into concepts; each dense group has the number of the concept that most of it is in.
    raw_probabilities : ndarray of shape (n,), float64
    guided : dict of int to int
        Which word of the guide a concept is, for those that are one.
    """

    labels: IntArray
    probabilities: npt.NDArray[np.float64]
    raw_labels: IntArray
    raw_probabilities: npt.NDArray[np.float64]
    guided: dict[int, int] = field(default_factory=dict)


def auto_min_concept_size(n_images: int) -> int:
    """Smallest size of a concept for a collection of this size.

    Grows slowly, and from about 1,400 pictures on with the fourth root: 3 for 10 pictures, 15 for 1,200, 26 for
    10,000, 45 for 100,000. Concepts differ much in size, and a rule that grows faster loses the small ones of a large
    collection: of 150 kinds in 25,000 vectors 44 finds 118 (ARI 0.80), 32 finds 146 (0.85).

    Parameters
    ----------
    n_images : int

    Returns
    -------
    int
        At least 2.

    Examples
    --------
    >>> [auto_min_concept_size(n) for n in (1, 10, 40, 1_200, 100_000)]
    [2, 3, 4, 15, 45]
    """
    n = float(max(n_images, 1))
    return max(2, int(round(min(1.15 * n**0.36, 2.55 * n**0.25))))


def cluster_vectors(
    vectors: FloatArray,
    keys: Sequence[str],
    settings: ClusterSettings | None = None,
    *,
    features: FloatArray | None = None,
    guide: npt.NDArray[np.float64] | None = None,
    n_copies: npt.NDArray[np.integer] | None = None,
    progress: Progress | None = None,
) -> Clustering:
    """Group vectors.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32, unit norm
        Centred on the collection.
    keys : sequence of str
        Content hash per row: decides the order of the rows, and equal keys get equal labels.
    settings : ClusterSettings, optional
        By default the default ones.
    features : ndarray of shape (n, d), float32, unit norm, optional
        The same vectors before they were centred, for `settings.of_features`.
    guide : ndarray of shape (n, n_words), float64, optional
        How well each picture fits each word of the user's; see :func:`concept_memes.guiding.standard_fits`.
    n_copies : ndarray of shape (n,), int, optional
        How many pictures each row stands for, itself included: decides which concept is the largest, and nothing else.
    progress : Progress, optional
        Where to draw bars.

    Returns
    -------
    Clustering

    Raises
    ------
    ConceptMemesError
        If an estimator of the user gives something else than its protocol promises.
    InvalidParameterError
        If more concepts are asked for than there are different pictures.

    Warns
    -----
    AdjustedWarning
        If a size or a number of clusters was asked for that the pictures are too few for.
    """
    n = len(vectors)
    settings, progress = settings or ClusterSettings(), progress or Progress(verbose=False)
    if n == 0:
        return Clustering(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), np.zeros(0))
    order = np.lexsort((np.arange(n), np.asarray(keys)))
    ordered, ordered_keys = vectors[order], [keys[i] for i in order]
    ordered_guide = None if guide is None else guide[order]
    # Told apart by their vectors: the same pixels in files with other metadata are no different pictures.
    looks = [hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in ordered]
    own_way = settings.umap_model is None and settings.hdbscan_model is None
    seen = ordered if features is None else features[order]
    n_looks = len(set(looks))
    few = own_way and n_looks <= FEW
    size = smallest_size(settings, n, n_looks if own_way and not few else n, few)
    if few:
        with progress.stage("clustering"):
            places = steer(ordered, None, ordered_guide)
            raw, strengths = group_few(np.asarray(places, np.float32), looks), np.ones(n)
    elif own_way or settings.of_features:
        # Each look once: copies would be nobody's neighbours but each other's, and groups of their own.
        _, first, kind = np.unique(np.asarray(looks), return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))  # back into the order of the content
        first, kind = np.sort(first), rank[kind]
        guide_once = None if ordered_guide is None else ordered_guide[first]
        if settings.of_features:
            found = groups_by_kmeans(ordered[first], seen[first], settings, guide_once, progress)
        else:
            found = found_groups(ordered[first], settings, size, guide_once, progress)
        if own_way and n_looks <= MOST_LINKED:
            few_size = min(size, FEW_SIZE) if settings.min_concept_size is None else size
            with progress.stage("clustering"):
                linked = better_linked(ordered[first], found, size, few_size, guide_once)
            if linked is not None:
                found, few, size = linked, True, few_size
        places, raw, strengths = found[0][kind], found[1][kind], found[2][kind]
    else:
        places, raw, strengths = found_groups(ordered, settings, size, ordered_guide, progress)
    raw, strengths = agree_on_copies(raw, strengths, ordered_keys)
    if settings.hdbscan_model is None:
        if settings.outliers != "keep" and not (raw >= 0).any():
            raw, strengths = np.zeros(n, np.int64), np.ones(n)  # what has no parts is one concept
        raw = drop_small(raw, size)  # copies that went to another group may have left too few behind
    if settings.outliers not in ("auto", "keep") and not (raw >= 0).any():
        raw, strengths = np.zeros(n, np.int64), np.ones(n)  # all have been promised a place
    raw = without_gaps(raw)
    with progress.stage("clustering"):
        settled, probabilities, words = finished(raw, strengths, places, ordered, settings, size, few, ordered_guide)
    settled, probabilities = agree_on_copies(settled, probabilities, ordered_keys)
    labels = number_by_size(settled, ordered_keys, None if n_copies is None else n_copies[order])
    back = np.argsort(order)
    return Clustering(
        labels[back],
        certain(labels, probabilities)[back],
        numbered_like(raw, labels)[back],
        certain(raw, strengths)[back],
        {int(labels[np.argmax(settled == concept)]): word for concept, word in words.items() if concept in settled},
    )


def smallest_size(settings: ClusterSettings, n: int, n_counted: int, few: bool) -> int:
    """Return the fewest pictures of a concept; an automatic size goes by the pictures that count."""
    given = settings.min_concept_size
    if given is None:
        automatic = auto_min_concept_size(n_counted)
        if settings.granularity == "fine":
            automatic = max(2, automatic // 2)
        return min(automatic, FEW_SIZE) if few else automatic
    if given > n and settings.hdbscan_model is None:
        warnings.warn(
            f"min_concept_size={given} is more than the {n} pictures that are clustered; no concept can be that "
            f"large, so {n} is used. Lower min_concept_size or leave it at 'auto'.",
            AdjustedWarning,
            stacklevel=3,
        )
        return n
    return given


def found_groups(
    vectors: FloatArray, settings: ClusterSettings, size: int, guide: npt.NDArray[np.float64] | None, progress: Progress
) -> tuple[npt.NDArray[np.float64], IntArray, npt.NDArray[np.float64]]:
    """Find dense groups; return where the pictures lie for that (unit rows), the groups, and the strengths."""
    n = len(vectors)
    with progress.stage("reducing dimensions"):
        neighbors = nearest_neighbors(vectors, vectors, N_NEIGHBORS, exact=n <= MOST_EXACT)
        graph = fuzzy_graph(*neighbors)
        places = steer(smooth_vectors(vectors, graph), graph, guide)
        points: npt.NDArray[Any] | None = None
        if settings.umap_model == "umap":
            points = umap_layout(vectors, *neighbors, settings.random_state)
        elif settings.umap_model is not None:
            points = reduced_by(settings.umap_model, vectors)  # type: ignore[arg-type]  # no other str passes the checks
    with progress.stage("clustering"):
        if settings.hdbscan_model is not None:
            if points is None and n <= N_NEIGHBORS:  # all are neighbours, and would move into one place
                points = vectors
            elif points is None:
                points = principal_coordinates(places.astype(np.float32))[:, :N_FOR_ESTIMATORS]
            return places, *clusters_of(settings.hdbscan_model, points)  # type: ignore[arg-type]  # "kmeans" is not here
        if n < 3:
            return places, np.zeros(n, np.int64), np.ones(n)
        leaves, size = settings.granularity == "fine", max(2, min(size, n))
        if points is not None:
            return places, *dense_groups_of_points(points, size, leaves=leaves)
        return places, *dense_groups(density_tree(places), size, leaves=leaves)


def better_linked(
    vectors: FloatArray,
    found: tuple[npt.NDArray[np.float64], IntArray, npt.NDArray[np.float64]],
    size: int,
    few_size: int,
    guide: npt.NDArray[np.float64] | None,
) -> tuple[npt.NDArray[Any], IntArray, npt.NDArray[np.float64]] | None:
    """Group by linkage where a density estimate has too little to go by; None where what was found is as good.

    With fewer pictures of a kind than neighbours per picture, neighbours are of other kinds, and kinds run together.
    """
    places = steer(vectors, None, guide)
    distances = distances_between(np.asarray(places, np.float32))
    cut, score = best_cut(distances)
    groups = without_gaps(drop_small(cut, few_size))
    if len(vectors) >= N_NEIGHBORS * (int(groups.max()) + 1):
        return None
    dense = settle(found[1], found[2], found[0], vectors, "assign", size)[0]
    if silhouette(distances, groups) <= CLEARLY * silhouette(distances, dense):
        return None
    if not stands_out(score, np.asarray(places, np.float32)):
        return None
    return places, groups, np.ones(len(vectors))


def groups_by_kmeans(
    vectors: FloatArray,
    features: FloatArray,
    settings: ClusterSettings,
    guide: npt.NDArray[np.float64] | None,
    progress: Progress,
) -> tuple[npt.NDArray[Any], IntArray, npt.NDArray[np.float64]]:
    """Group by K-means; return what it was given, the groups (-1 for what is far from all), and the strengths."""
    points: npt.NDArray[Any] = features
    if settings.umap_model is not None:
        with progress.stage("reducing dimensions"):
            if settings.umap_model == "umap":
                neighbors = nearest_neighbors(vectors, vectors, N_NEIGHBORS, exact=len(vectors) <= MOST_EXACT)
                points = umap_layout(vectors, *neighbors, settings.random_state)
            else:
                points = reduced_by(settings.umap_model, vectors)  # type: ignore[arg-type]  # no other str passes
    elif guide is not None:
        points = steer(features, None, guide)
    n_groups = settings.n_concepts
    if n_groups is None:
        default = ClusterSettings(settings.min_concept_size, settings.granularity, outliers=settings.outliers)
        found = cluster_vectors(vectors, [f"{i:012}" for i in range(len(vectors))], default, guide=guide)
        n_groups = min(max(2, int(found.labels.max()) + 1), len(vectors))  # one group is nothing that K-means can tell
    with progress.stage("clustering"):
        return points, *kmeans_groups(points, n_groups, random_state=settings.random_state)


def umap_layout(
    vectors: FloatArray, indices: IntArray, similarities: FloatArray, random_state: int | None
) -> npt.NDArray[np.float64]:
    """Lay the neighbours out by UMAP in five dimensions."""
    if len(vectors) <= 7:  # its spectral start needs more points than dimensions
        return vectors.astype(np.float64)
    import umap

    reducer = umap.UMAP(
        n_neighbors=indices.shape[1],
        n_components=5,
        min_dist=0.0,
        metric="cosine",
        random_state=random_state,
        n_jobs=1,
        precomputed_knn=(indices, np.clip(1 - similarities, 0, 2)),
    )
    with logged_warnings():
        return np.asarray(reducer.fit_transform(vectors), np.float64)


def finished(
    raw: IntArray,
    strengths: npt.NDArray[np.float64],
    places: npt.NDArray[np.floating],
    vectors: FloatArray,
    settings: ClusterSettings,
    size: int,
    few: bool,
    guide: npt.NDArray[np.float64] | None,
) -> tuple[IntArray, npt.NDArray[np.float64], dict[int, int]]:
    """Put outliers into concepts, gather what fits a word, and bring concepts to the number that was asked for."""
    outliers = settings.outliers
    if settings.hdbscan_model is not None:
        outliers, size = ("keep" if outliers == "auto" else outliers), 1
    if settings.of_features:
        labels, probabilities = rejoined(raw, strengths, places, settings.outliers)
    else:
        labels, probabilities = settle(raw, strengths, places, vectors, outliers, size)
    words: dict[int, int] = {}
    if guide is not None:
        labels, words = gather(labels, guide)
    found = int(labels.max()) + 1
    wanted = settings.n_concepts
    if wanted is None and settings.granularity == "coarse":
        wanted = -(-found // 2)
    elif wanted is None and settings.granularity == "fine" and few:
        wanted = max(found, min(2 * found, len(different_rows(vectors)[0]) // FEW_SIZE))
    if wanted is not None and wanted != found:
        labels = to_number(vectors, labels, wanted, min_size=min(size, FEW_SIZE))
        words = {} if wanted < found else words
    return labels, probabilities, words


def without_gaps(labels: IntArray) -> IntArray:
    """Close the gaps between numbers, so that they run from 0 to k-1; -1 stays."""
    closed = np.full(len(labels), -1, np.int64)
    closed[labels >= 0] = np.unique(labels[labels >= 0], return_inverse=True)[1]
    return closed


def certain(labels: IntArray, strengths: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give members a strength above 0, and noise 0."""
    return np.where(labels >= 0, np.where(strengths > 0, strengths, 1.0), 0.0)


def numbered_like(raw: IntArray, labels: IntArray) -> IntArray:
    """Give every dense group the number of the concept that most of its pictures are in; the lowest of several."""
    numbered = np.full(len(raw), -1, np.int64)
    for group in np.unique(raw[raw >= 0]):
        rows = raw == group
        kept = labels[rows][labels[rows] >= 0]
        if len(kept):
            numbered[rows] = np.bincount(kept).argmax()
    return numbered


def drop_small(labels: IntArray, min_size: int) -> IntArray:
    """Make groups smaller than `min_size` noise, but never all of a collection that is one group."""
    if len(np.unique(labels)) == 1:
        return labels
    values, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.where(counts[inverse] >= min_size, values[inverse], -1)


def agree_on_copies(
    labels: IntArray, strength: npt.NDArray[np.float64], keys: Sequence[str]
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Give rows with equal keys the label that most of them have, and one strength; keys are sorted."""
    _, starts, counts = np.unique(np.asarray(keys), return_index=True, return_counts=True)
    labels, strength = labels.copy(), strength.copy()
    for start, count in zip(starts[counts > 1], counts[counts > 1], strict=True):
        rows = slice(start, start + count)
        values, votes = np.unique(labels[rows], return_counts=True)
        winner = values[np.argmax(votes)]
        strength[rows] = strength[rows][labels[rows] == winner].mean()
        labels[rows] = winner
    return labels, strength


def number_by_size(labels: IntArray, keys: Sequence[str], n_copies: npt.NDArray[np.integer] | None = None) -> IntArray:
    """Give labels numbers from the largest to the smallest; ties go to the smallest key, negative labels become -1."""
    counts = np.ones(len(labels), np.int64) if n_copies is None else n_copies
    values = [value for value in np.unique(labels) if value >= 0]
    first_key = {value: keys[int(np.argmax(labels == value))] for value in values}  # keys are sorted
    size = {value: int(counts[labels == value].sum()) for value in values}
    ranked = sorted(values, key=lambda value: (-size[value], first_key[value]))
    numbered = np.full(len(labels), -1, np.int64)
    for number, value in enumerate(ranked):
        numbered[labels == value] = number
    return numbered
