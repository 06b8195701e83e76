"""New pictures join fitted concepts by a vote of their nearest fitted pictures.

Voting in the space of the vectors beats ``umap.transform`` with ``approximate_predict`` (0.867 against 0.814 right on
8,242 photos) and needs no pickled model, so a loaded set answers as the fitted one did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concept_memes.centring import centre_vectors, unit
from concept_memes.concepts import ConceptSet
from concept_memes.neighbors import nearest_neighbors
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["assign_vectors"]

N_VOTERS = 10
# A voter this near is the same picture, up to the rounding of its vector.
SAME = 1 - 1e-5


@dataclass(frozen=True)
class Fitted:
    """The readable pictures of a set, centred."""

    vectors: FloatArray
    labels: IntArray
    centroids: FloatArray
    limits: npt.NDArray[np.float64]


def assign_vectors(concept_set: ConceptSet, vectors: FloatArray) -> IntArray:
    """Find the concept of new vectors.

    Parameters
    ----------
    concept_set : ConceptSet
        The fitted concepts.
    vectors : ndarray of shape (n, n_dims), float32, unit norm
        New pictures; a row of zeros (a picture that could not be read) gets -1.

    Returns
    -------
    ndarray of shape (n,), int64
        The label of a fitted picture for the same picture; else the concept that most of the 10 nearest fitted
        pictures are in, weighed by similarity; -1 where most are noise, or where the picture is farther from that
        concept than any of its members. Of pictures of foreign kinds about 85 % get -1, of pictures of the fitted
        kinds about 6 %.
    """
    labels = np.full(len(vectors), -1, np.int64)
    rows = np.flatnonzero(np.abs(vectors).max(axis=1, initial=0) > 0)
    if not len(rows) or not len(concept_set):
        return labels
    fitted = fitted_part(concept_set)
    centred = centre_vectors(vectors[rows], concept_set.centre, concept_set.blocks)
    indices, similarities = nearest_neighbors(centred, fitted.vectors, N_VOTERS)
    winners = vote(fitted.labels[indices], similarities, len(concept_set))
    affinity = np.einsum("ij,ij->i", centred, fitted.centroids[winners], dtype=np.float64)
    winners[(winners >= 0) & (affinity < fitted.limits[winners])] = -1
    # The similarity of raw vectors, because centring turns a collection of copies into zeros.
    readable = np.flatnonzero(np.abs(concept_set.vectors).max(axis=1) > 0)
    nearest = readable[nearest_neighbors(vectors[rows], concept_set.vectors[readable], 1)[0][:, 0]]
    same = np.einsum("ij,ij->i", vectors[rows], concept_set.vectors[nearest], dtype=np.float64) >= SAME
    winners[same] = concept_set.labels[nearest[same]]
    labels[rows] = winners
    return labels


def vote(votes: IntArray, similarities: FloatArray, n_concepts: int) -> IntArray:
    """Return the label with the largest sum of similarities per row; the last column counts for noise."""
    weights = np.zeros((len(votes), n_concepts + 1))
    rows = np.arange(len(votes))
    for column in range(votes.shape[1]):
        np.add.at(weights, (rows, votes[:, column]), np.maximum(similarities[:, column], 0))
    winners: IntArray = weights.argmax(axis=1).astype(np.int64)
    winners[(winners == n_concepts) | (weights.max(axis=1) <= 0)] = -1
    return winners


def fitted_part(concept_set: ConceptSet) -> Fitted:
    """Centre the readable pictures and find how far from its centroid a concept reaches."""
    readable = np.abs(concept_set.vectors).max(axis=1) > 0
    vectors = centre_vectors(concept_set.vectors[readable], concept_set.centre, concept_set.blocks)
    labels = concept_set.labels[readable]
    centroids, limits = [], []
    for concept in range(len(concept_set)):
        members = vectors[labels == concept]
        centroid = unit(members.mean(axis=0, dtype=np.float64))
        affinity = members.astype(np.float64) @ centroid
        centroids.append(centroid)
        limits.append(min(affinity.min(), affinity.mean() - 3 * affinity.std()))
    return Fitted(vectors, labels, np.stack(centroids), np.array(limits))
