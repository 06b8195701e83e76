"""From centred vectors to labels: UMAP and HDBSCAN, or what the user gives instead; noise is -1.

The points are put into the order of their content before anything random happens, so that the same pictures give
the same labels in whatever order they came.

References
----------
McInnes, Healy, Melville, "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction",
arXiv 1802.03426. Campello, Moulavi, Sander, "Density-Based Clustering Based on Hierarchical Density Estimates",
PAKDD 2013.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from concept_memes.errors import AdjustedWarning, ConceptMemesError, InvalidParameterError
from concept_memes.neighbors import nearest_neighbors
from concept_memes.progress import Progress
from concept_memes.protocols import Clusterer, FloatArray, IntArray, Reducer
from concept_memes.small_collections import group_few

__all__ = ["Clustering", "auto_min_concept_size", "cluster_vectors"]

logger = logging.getLogger(__name__)

E = TypeVar("E")

N_NEIGHBORS = 15
N_COMPONENTS = 5
MIN_SAMPLES = 5
# Up to here linkage is better than a density estimate (see small_collections).
FEW = 100
# Linkage needs no dense middle, so three pictures are enough there. With the rule for large collections 80 pictures of
# 20 kinds were nearly all noise; on photos (14 kinds of four) ARI 0.81 instead of 0.05, and nowhere less by 0.01.
FEW_SIZE = 3


@dataclass(frozen=True)
class Clustering:
    """Labels of a collection.

    Attributes
    ----------
    labels : ndarray of shape (n,), int64
        0..k-1 from the largest to the smallest; -1 for noise.
    probabilities : ndarray of shape (n,), float64
        Strength of membership in [0, 1]; 0 for noise.
    """

    labels: IntArray
    probabilities: npt.NDArray[np.float64]


def auto_min_concept_size(n_images: int) -> int:
    """Smallest size of a concept for a collection of this size.

    Grows slowly: 3 for 10 pictures, 4 for 40, 15 for 1,200, 32 for 10,000, 73 for 100,000. The figure at 1,200 was
    measured on photos and clothing; a linear rule would make either a small collection coarse or a large one
    shatter.

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
    [2, 3, 4, 15, 73]
    """
    return max(2, int(round(1.15 * float(max(n_images, 1)) ** 0.36)))


def cluster_vectors(
    vectors: FloatArray,
    keys: Sequence[str],
    *,
    min_concept_size: int | None = None,
    umap_model: Reducer | None = None,
    hdbscan_model: Clusterer | None = None,
    random_state: int | None = 42,
    progress: Progress | None = None,
) -> Clustering:
    """Group vectors.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32, unit norm
        Centred on the collection.
    keys : sequence of str
        Content hash per row: decides the order of the rows, and equal keys get equal labels.
    min_concept_size : int, optional
        Smaller groups are noise; by default `auto_min_concept_size` of the number of rows, but at most 3 where up to
        100 different pictures are grouped by linkage.
    umap_model : Reducer, optional
        Used instead of UMAP. It is cloned, not changed.
    hdbscan_model : Clusterer, optional
        Used instead of HDBSCAN; then `min_concept_size` has no effect. It is cloned, not changed.
    random_state : int or None, default=42
        Of UMAP.
    progress : Progress, optional
        Where to draw bars.

    Returns
    -------
    Clustering

    Raises
    ------
    ConceptMemesError
        If an estimator of the user gives something else than its protocol promises.

    Warns
    -----
    AdjustedWarning
        If a size or a number of clusters was asked for that the pictures are too few for.
    """
    n = len(vectors)
    progress = progress or Progress(verbose=False)
    order = np.lexsort((np.arange(n), np.asarray(keys)))
    ordered, ordered_keys = vectors[order], [keys[i] for i in order]
    # Told apart by their vectors: the same pixels in files with other metadata are no different pictures.
    looks = [hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in ordered]
    few = umap_model is None and hdbscan_model is None and len(set(looks)) <= FEW
    automatic = min(auto_min_concept_size(n), FEW_SIZE) if few else auto_min_concept_size(n)
    size = min_concept_size if min_concept_size is not None else automatic
    if n == 0:
        return Clustering(np.zeros(0, np.int64), np.zeros(0))
    if min_concept_size is not None and hdbscan_model is None and size > n:
        warnings.warn(
            f"min_concept_size={size} is more than the {n} pictures that could be read; no concept can be that "
            f"large, so {n} is used. Lower min_concept_size or leave it at 'auto'.",
            AdjustedWarning,
            stacklevel=2,
        )
        size = n
    if few:
        with progress.stage("clustering"):
            raw, strength = group_few(ordered, looks), np.ones(n)
    else:
        with progress.stage("reducing dimensions"):
            reduced = reduce(ordered, umap_model, random_state)
        with progress.stage("clustering"):
            raw, strength = find_clusters(reduced, hdbscan_model, size)
    raw, strength = agree_on_copies(raw, strength, ordered_keys)
    if hdbscan_model is None:
        raw = drop_small(raw, size)  # copies that went to another group may have left too few behind
    labels = number_by_size(raw, ordered_keys)
    strength = np.where(labels >= 0, np.where(strength > 0, strength, 1.0), 0.0)
    back = np.argsort(order)
    return Clustering(labels[back], strength[back])


def reduce(vectors: FloatArray, umap_model: Reducer | None, random_state: int | None) -> npt.NDArray[Any]:
    """Reduce the dimensions; vectors too few for the reducer stay as they are."""
    n = len(vectors)
    if umap_model is None:
        if n <= N_COMPONENTS + 2:
            return vectors
        return default_umap(vectors, random_state)
    n_components = getattr(umap_model, "n_components", None)
    if n <= (n_components if isinstance(n_components, int) else 1) + 1:
        # A spectral start, a PCA or a graph of neighbours needs more points than dimensions.
        return vectors
    with logged_warnings():
        reduced = np.asarray(to_numpy(fresh(umap_model).fit_transform(vectors)))
    if reduced.ndim != 2 or len(reduced) != n or not np.isfinite(reduced).all():
        raise ConceptMemesError(
            f"umap_model={umap_model!r} gave an array of shape {reduced.shape}; expected ({n}, n_components) of finite "
            "numbers. Try it on its own: umap_model.fit_transform(vectors)."
        )
    return reduced


def default_umap(vectors: FloatArray, random_state: int | None) -> npt.NDArray[Any]:
    """UMAP over exact neighbours: its own search compiles for half a minute in every new process."""
    import umap

    indices, similarities = nearest_neighbors(vectors, vectors, N_NEIGHBORS)
    reducer = umap.UMAP(
        n_neighbors=indices.shape[1],
        n_components=N_COMPONENTS,
        min_dist=0.0,
        metric="cosine",
        random_state=random_state,
        n_jobs=1,
        precomputed_knn=(indices, np.clip(1 - similarities, 0, 2)),
    )
    with logged_warnings():
        return np.asarray(reducer.fit_transform(vectors))


def find_clusters(
    reduced: npt.NDArray[Any], hdbscan_model: Clusterer | None, min_concept_size: int
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Cluster reduced vectors; return raw labels and strengths."""
    n = len(reduced)
    if hdbscan_model is None:
        import hdbscan

        if n < 3:
            return np.zeros(n, np.int64), np.ones(n)
        size = max(2, min(min_concept_size, n))
        model: Any = hdbscan.HDBSCAN(
            min_cluster_size=size,
            min_samples=min(MIN_SAMPLES, size, n - 1),
            # More than one job starts worker processes above 16,384 rows, which cost more than they save.
            core_dist_n_jobs=1,
        )
    else:
        model = fit_to_size(fresh(hdbscan_model), n)
    if model is None:
        return np.zeros(n, np.int64), np.ones(n)
    with logged_warnings():
        fitted = model.fit(reduced)
    fitted = model if getattr(fitted, "labels_", None) is None else fitted
    labels = getattr(fitted, "labels_", None)
    if labels is None or np.shape(to_numpy(labels)) != (n,):
        raise ConceptMemesError(
            f"hdbscan_model={hdbscan_model!r} has no labels_ of shape ({n},) after fit. Give an estimator in "
            "scikit-learn's style, such as HDBSCAN, KMeans or AgglomerativeClustering."
        )
    strength = getattr(fitted, "probabilities_", None)
    raw = to_numpy(labels).astype(np.int64)
    if strength is None or np.shape(to_numpy(strength)) != (n,):
        strength = raw >= 0
    return raw, np.clip(np.nan_to_num(to_numpy(strength).astype(np.float64)), 0, 1)


def fit_to_size(model: E, n: int) -> E | None:
    """Lower what a clusterer asks for to what n points can give; None if there is nothing to cluster."""
    if n < 2:
        return None
    for name, limit, least in (("n_clusters", n, 1), ("min_cluster_size", n, 2), ("min_samples", n, 1)):
        value = getattr(model, name, None)
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value > limit:
            lowered = max(limit, least)
            warnings.warn(
                f"hdbscan_model has {name}={value}, but only {n} pictures could be read; {lowered} is used.",
                AdjustedWarning,
                stacklevel=4,
            )
            setattr(model, name, lowered)
    return model


def fresh(model: E) -> E:
    """Clone an estimator; one that is not in scikit-learn's style is copied deeply."""
    from sklearn.base import clone

    copy: E = clone(model, safe=False)
    return copy


def to_numpy(values: object) -> npt.NDArray[Any]:
    """Turn what an estimator gives (NumPy, CuPy, pandas) into a NumPy array."""
    for name in ("to_numpy", "get"):
        convert = getattr(values, name, None)
        if callable(convert) and not isinstance(values, np.ndarray):
            return np.asarray(convert())
    return np.asarray(values)


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


def number_by_size(labels: IntArray, keys: Sequence[str]) -> IntArray:
    """Give labels numbers from the largest to the smallest; ties go to the smallest key, negative labels become -1."""
    values = [value for value in np.unique(labels) if value >= 0]
    first_key = {value: keys[int(np.argmax(labels == value))] for value in values}  # keys are sorted
    size = {value: int((labels == value).sum()) for value in values}
    ranked = sorted(values, key=lambda value: (-size[value], first_key[value]))
    numbered = np.full(len(labels), -1, np.int64)
    for number, value in enumerate(ranked):
        numbered[labels == value] = number
    return numbered


@contextmanager
def logged_warnings() -> Iterator[None]:
    """Send the warnings of third-party estimators to the log: they speak of parameters that the user never set."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        logger.info("%s", warning.message)


def check_estimator(name: str, model: object, methods: Sequence[str]) -> None:
    """Check that an estimator has the methods that the pipeline calls.

    Raises
    ------
    InvalidParameterError
        If it is a class instead of an object, or lacks a method.
    """
    if model is None:
        return
    if isinstance(model, type):
        raise InvalidParameterError(name, model, f"an object, not a class; write {model.__name__}()")
    missing = [method for method in methods if not callable(getattr(model, method, None))]
    if missing:
        raise InvalidParameterError(name, model, f"an estimator with {' and '.join(methods)}; {missing[0]} is missing")
