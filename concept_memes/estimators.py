"""The user's own reducers and clusterers: checked, cloned, fitted to the size of the collection, and what they give."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from concept_memes.errors import AdjustedWarning, ConceptMemesError, InvalidParameterError
from concept_memes.protocols import Clusterer, FloatArray, IntArray, Reducer

__all__ = ["check_estimator", "clusters_of", "logged_warnings", "reduced_by"]

logger = logging.getLogger(__name__)

E = TypeVar("E")


def reduced_by(umap_model: Reducer, vectors: FloatArray) -> npt.NDArray[Any]:
    """Reduce the dimensions with an estimator; vectors too few for it stay as they are.

    Parameters
    ----------
    umap_model : Reducer
        It is cloned, not changed.
    vectors : ndarray of shape (n, d), float32, unit norm

    Returns
    -------
    ndarray of shape (n, n_components)

    Raises
    ------
    ConceptMemesError
        If it gives something else than its protocol promises.
    """
    n = len(vectors)
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


def clusters_of(hdbscan_model: Clusterer, points: npt.NDArray[Any]) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Cluster points with an estimator.

    Parameters
    ----------
    hdbscan_model : Clusterer
        It is cloned, not changed.
    points : ndarray of shape (n, d)

    Returns
    -------
    labels : ndarray of shape (n,), int64
    strengths : ndarray of shape (n,), float64
        In [0, 1]; 1 for all in a cluster where the estimator gives none.

    Raises
    ------
    ConceptMemesError
        If it gives something else than its protocol promises.
    """
    n = len(points)
    model: Any = fit_to_size(fresh(hdbscan_model), n)
    if model is None:
        return np.zeros(n, np.int64), np.ones(n)
    with logged_warnings():
        fitted = model.fit(points)
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
