"""Guided clustering: words of the user's steer where they fit, and concepts still form where they do not.

Twice: pictures that fit the same word are drawn together before dense groups are looked for, and concepts that fit the
same word by far become one, which is called by it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.protocols import FloatArray, IntArray

__all__ = ["gather", "standard_fits", "steer"]

# The weight of the words beside the places, which have length 1. At 2 words that fit nothing begin to cost on photos
# (0.927 instead of 0.931), at 1 they do not.
WEIGHT = 1.0
N_ROUNDS = 10
# A word must fit by one standard deviation before it counts as much as "none of these".
SHARPNESS, NONE_FITS = 2.0, 1.0
# A word is there if some concept stands out by so much, in standard deviations within concepts; then all concepts are
# what it says that come to this share of the best. On photos "animal", "vehicle", "musical instrument" and "flower"
# reach 4.8 to 6.7 (and take in hedgehogs, cannons, lotus, but not chandeliers); "galaxy", "book" and "cat", of which
# there is none, 3.3 to 4.0. Of clothes the hub-free model is sure of nothing: no word of theirs reaches 2.5.
LEAST_FIT, LEAST_SHARE = 4.5, 0.65
# Concepts below this quantile are what the word does not say.
BASE = 0.25
# Spreads below this are none.
TINY = 1e-9


def standard_fits(vectors: FloatArray, word_vectors: FloatArray) -> npt.NDArray[np.float64]:
    """Compare pictures with words, on a scale that all words share.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_dims), float32, unit norm
        Pictures, in the order of their content hashes.
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm

    Returns
    -------
    ndarray of shape (n, n_words), float64
        By how many standard deviations of the collection a picture is nearer to the word than the mean picture.

    Examples
    --------
    >>> x = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    >>> standard_fits(x, x[:1]).round(2).ravel().tolist()
    [1.41, -0.71, -0.71]
    """
    cosines = np.einsum("ij,kj->ik", vectors.astype(np.float64), word_vectors.astype(np.float64))
    spread = cosines.std(axis=0)
    result: npt.NDArray[np.float64] = (cosines - cosines.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf)
    return result


def steer(
    places: npt.NDArray[np.floating],
    graph: Any,  # noqa: ANN401 (scipy has no types)
    fits: npt.NDArray[np.float64] | None,
) -> npt.NDArray[np.float64]:
    """Draw pictures that fit the same word together.

    Parameters
    ----------
    places : ndarray of shape (n, d), unit norm
    graph : scipy.sparse.csr_array of shape (n, n) or None
        Weights of neighbours: a picture fits what its neighbours fit. None where there are too few pictures for it.
    fits : ndarray of shape (n, n_words), float64, optional
        What `standard_fits` gives. Without it nothing is changed.

    Returns
    -------
    ndarray of shape (n, d + n_words), float64, unit norm

    Examples
    --------
    >>> steer(np.eye(2), None, np.array([[3.0], [-1.0]])).round(2).tolist()
    [[0.71, 0.0, 0.7], [0.0, 1.0, 0.02]]
    """
    if fits is None:
        return np.asarray(places, np.float64)
    odds = np.exp(SHARPNESS * np.minimum(fits, 10.0))
    shares = odds / (odds.sum(axis=1, keepdims=True) + np.exp(SHARPNESS * NONE_FITS))
    if graph is not None:
        totals = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12)[:, None]
        for _ in range(N_ROUNDS):
            shares = (shares + (graph @ shares) / totals) / 2
    steered = np.hstack([places, WEIGHT * shares])
    return np.asarray(steered / np.maximum(np.sqrt(np.einsum("ij,ij->i", steered, steered)), 1e-12)[:, None])


def gather(labels: IntArray, fits: npt.NDArray[np.float64]) -> tuple[IntArray, dict[int, int]]:
    """Make one concept of those that fit the same word by far.

    Parameters
    ----------
    labels : ndarray of shape (n,), int64
        0..k-1; -1 for none.
    fits : ndarray of shape (n, n_words), float64
        What `standard_fits` gives.

    Returns
    -------
    labels : ndarray of shape (n,), int64
        Numbered from 0 without gaps, in the order of the lowest numbers.
    words : dict of int to int
        Which word each of the concepts is, that is one.

    Examples
    --------
    >>> fits = np.array([[2.0, 0], [1.8, 0], [0, 0.3], [0.1, 0.2]])
    >>> gather(np.array([0, 1, 2, -1]), fits)
    (array([ 0,  0,  1, -1]), {0: 0, 1: 1})
    """
    n_concepts = int(labels.max(initial=-1)) + 1
    if not n_concepts:
        return labels, {}
    means = np.zeros((n_concepts, fits.shape[1]))
    scatter = np.zeros(fits.shape[1])
    for concept in range(n_concepts):
        members = fits[labels == concept]
        means[concept] = members.mean(axis=0)
        scatter += ((members - means[concept]) ** 2).sum(axis=0)
    within = np.sqrt(scatter / max(int((labels >= 0).sum()), 1))
    above = means - np.quantile(means, BASE, axis=0)
    best = above.max(axis=0)
    present = best > np.maximum(LEAST_FIT * within, TINY)
    # In units of the spread within concepts, so that words compete on one scale.
    claims = np.where(present & (above >= LEAST_SHARE * best), above / np.maximum(within, TINY), 0.0)
    first: dict[int, int] = {}
    target = np.arange(n_concepts + 1)
    target[-1] = -1  # for pictures in no concept
    for concept in range(n_concepts):
        word = int(claims[concept].argmax())
        if claims[concept, word] > 0:
            target[concept] = first.setdefault(word, concept)
    kept = np.unique(target[:-1])
    number = {int(concept): i for i, concept in enumerate(kept)}
    closed = np.array([number.get(int(concept), -1) for concept in target], np.int64)
    return closed[labels], {number[concept]: word for word, concept in first.items()}
