"""Query vectors against a :class:`ConceptSet`: the nearest concepts and the nearest pictures."""

from __future__ import annotations

import numpy as np

from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
from concept_memes.errors import InvalidParameterError
from concept_memes.protocols import FloatArray

__all__ = ["search_concepts", "search_images"]


def search_concepts(concept_set: ConceptSet, query: FloatArray, *, top_n: int = 5) -> list[ConceptHit]:
    """Find the concepts nearest to a query.

    Parameters
    ----------
    concept_set : ConceptSet
    query : ndarray of shape (n_dims,), float32, unit norm
        A text or a picture in the space of the set's vectors.
    top_n : int, default=5
        How many at most.

    Returns
    -------
    list of ConceptHit
        Nearest first; fewer than `top_n` if there are fewer concepts.

    Raises
    ------
    InvalidParameterError
        If `top_n` is less than 1, or the query has another length than the vectors.
    """
    similarities = cosines(concept_set, concept_set.centroids, query, top_n)
    return [ConceptHit(int(i), float(similarities[i])) for i in np.argsort(-similarities, kind="stable")[:top_n]]


def search_images(concept_set: ConceptSet, query: FloatArray, *, top_n: int = 10) -> list[ImageHit]:
    """Find the pictures nearest to a query; pictures that could not be read are never found.

    Parameters
    ----------
    concept_set : ConceptSet
    query : ndarray of shape (n_dims,), float32, unit norm
        A text or a picture in the space of the set's vectors.
    top_n : int, default=10
        How many at most.

    Returns
    -------
    list of ImageHit
        Nearest first.

    Raises
    ------
    InvalidParameterError
        If `top_n` is less than 1, or the query has another length than the vectors.
    """
    similarities = cosines(concept_set, concept_set.vectors, query, top_n)
    similarities[np.abs(concept_set.vectors).max(axis=1, initial=0) == 0] = -np.inf
    hits = []
    for i in np.argsort(-similarities, kind="stable")[:top_n]:
        if np.isfinite(similarities[i]):
            image = concept_set.images[i]
            hits.append(ImageHit(image.path, float(similarities[i]), int(i), int(concept_set.labels[i])))
    return hits


def cosines(concept_set: ConceptSet, vectors: FloatArray, query: FloatArray, top_n: int) -> FloatArray:
    """Check a query and return its cosine with every row."""
    if isinstance(top_n, bool) or not isinstance(top_n, (int, np.integer)) or top_n < 1:
        raise InvalidParameterError("top_n", top_n, "an integer of at least 1")
    n_dims = concept_set.vectors.shape[1]
    query = np.asarray(query, np.float32)
    if query.shape != (n_dims,):
        raise InvalidParameterError("query", query.shape, f"a vector of {n_dims} dimensions, like the pictures'")
    if not np.isfinite(query).all():
        raise InvalidParameterError("query", query, "a vector of finite numbers")
    # One dot product per row: the result for a picture must not depend on how many others there are.
    similarities: FloatArray = np.einsum("ij,j->i", vectors, query, dtype=np.float32)
    return similarities.clip(-1, 1)
