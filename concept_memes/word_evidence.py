"""How well words fit groups of pictures: how near a word is, and how well it finds the group's pictures.

A word can be nearest to a group without being right: hubs are near everything, and a word of another world is near
whatever is least far from it. As a query on the collection such a word finds anything but the group. So nearness is
multiplied by the average precision with which the word finds the group's pictures. Both have no unit, so that one
scale serves every encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from concept_memes.centring import unit
from concept_memes.concepts import ConceptSet
from concept_memes.counting import counted_rows
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["average_precision", "confidence_of", "group_directions", "nearness", "sample_pictures", "word_scores"]

# Only the nearest words are tried as queries. By nearness alone "helicopter" is the 60th word for helicopters.
N_TRIED = 200
# Up to so many pictures all are looked at, beyond that so many of each part: 25,000 pictures in 60
# concepts and 4,500 words take 2.3 s.
N_ALL = 4096
N_PER_PART = 64
# With nothing to tell a group apart from, finding it proves nothing.
UNPROVEN = 0.5
WORDS_PER_BLOCK = 256
# What turns a score into about how often such a word is right; the whole number that comes nearest on photos by eye.
# In close kinds (clothes) low ones are too low; benchmarks/words.py tells how often each band is right.
CONFIDENCE_POWER = 4


def word_scores(
    concept_set: ConceptSet, groups: Sequence[IntArray], aims: FloatArray, word_vectors: FloatArray
) -> npt.NDArray[np.float64]:
    """Score every word for every group: nearness times how well the word finds the group's pictures.

    Parameters
    ----------
    concept_set : ConceptSet
        The collection.
    groups : sequence of ndarray of shape (n_members,), int64
        Indices of each group's pictures.
    aims : ndarray of shape (n_groups, n_dims), float32, unit norm
        The groups' directions, as :func:`concept_memes.labels.directions` makes them.
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm

    Returns
    -------
    ndarray of shape (n_groups, n_words), float64
        In [0, 1]: 1 for the nearest word if the pictures that it finds first are the group; 0 for a word that finds it
        no better than chance, and for all but the 200 nearest.
    """
    near = nearness(aims, word_vectors)
    tried = np.zeros(near.shape, np.bool_)
    for row, order in zip(tried, np.argsort(-near, axis=1, kind="stable"), strict=True):
        row[order[:N_TRIED]] = True
    rows, weights = sample_pictures(concept_set, groups)
    members = np.stack([np.isin(rows, group) for group in groups])
    scores = np.zeros(near.shape)
    used = word_vectors.any(axis=0)
    pictures = concept_set.vectors[rows][:, used].astype(np.float64)
    wanted = np.flatnonzero(tried.any(axis=0))
    for start in range(0, len(wanted), WORDS_PER_BLOCK):
        words = wanted[start : start + WORDS_PER_BLOCK]
        # Rounded, so that the last bits, which can depend on the number of threads, do not decide between two pictures.
        similarities = (pictures @ word_vectors[words][:, used].astype(np.float64).T).astype(np.float32)
        order = np.argsort(-similarities, axis=0, kind="stable")
        for group, member in enumerate(members):
            columns = np.flatnonzero(tried[group, words])
            scores[group, words[columns]] = average_precision(member, weights, order[:, columns])
    return scores * near


def nearness(aims: FloatArray, word_vectors: FloatArray) -> npt.NDArray[np.float64]:
    """Place words between the average one, which is 0, and the nearest one, which is 1.

    Parameters
    ----------
    aims : ndarray of shape (n_groups, n_dims), float32, unit norm
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm

    Returns
    -------
    ndarray of shape (n_groups, n_words), float64
        In [0, 1]; 1 for all where all are equally near.

    Examples
    --------
    >>> nearness(np.array([[1, 0]], np.float32), np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)).round(2)
    array([[1.  , 0.14, 0.  ]])
    """
    # The words of the hub-free model have no look: columns that are zero need not be multiplied.
    used = word_vectors.any(axis=0)
    # Rounded for the same reason as above.
    cosines = (aims[:, used].astype(np.float64) @ word_vectors[:, used].astype(np.float64).T).astype(np.float32)
    above = cosines - cosines.mean(axis=1, keepdims=True, dtype=np.float64)
    most = above.max(axis=1, keepdims=True)
    placed: npt.NDArray[np.float64] = np.divide(above, most, out=np.ones_like(above), where=most > 1e-6)
    return np.maximum(placed, 0)


def average_precision(
    member: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64], order: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Tell how well rankings find the members of a group, beyond chance.

    Parameters
    ----------
    member : ndarray of shape (n_pictures,), bool
    weights : ndarray of shape (n_pictures,), float64
        How many pictures each stands for.
    order : ndarray of shape (n_pictures, n_rankings), int
        Pictures per ranking, the best first.

    Returns
    -------
    ndarray of shape (n_rankings,), float64
        Average precision, scaled to 0 for chance and 1 for the members before all others; 0.5 where all are members.

    Examples
    --------
    >>> order = np.array([[0, 2], [1, 3], [2, 0], [3, 1]])
    >>> average_precision(np.array([True, True, False, False]), np.ones(4), order).round(2)
    array([1., 0.])
    """
    chance = weights[member].sum() / weights.sum()
    if chance == 0 or chance == 1:
        return np.full(order.shape[1], UNPROVEN if chance else 0.0)
    found = member[order] * weights[order]
    precision = np.cumsum(found, axis=0) / np.cumsum(weights[order], axis=0)
    mean = (found * precision).sum(axis=0) / weights[member].sum()
    return np.asarray(np.maximum((mean - chance) / (1 - chance), 0), np.float64)


def confidence_of(score: float) -> float:
    """Turn a score into how likely the word is right.

    Parameters
    ----------
    score : float
        From `word_scores`, in [0, 1].

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> confidence_of(0.5)
    0.0625
    """
    return score**CONFIDENCE_POWER


def sample_pictures(concept_set: ConceptSet, groups: Sequence[IntArray]) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Choose the pictures that words are tried on: all, or evenly from every concept and group if they are many.

    Parameters
    ----------
    concept_set : ConceptSet
    groups : sequence of ndarray of shape (n_members,), int64

    Returns
    -------
    rows : ndarray of shape (n_chosen,), int64
        Indices of readable pictures, in the order of their content; of copies the one that stands for them.
    weights : ndarray of shape (n_chosen,), float64
        How many pictures each stands for.
    """
    hashes = np.array([image.content_hash for image in concept_set.images])
    readable = counted_rows(concept_set, np.flatnonzero(hashes != ""))
    rows = readable[np.lexsort((readable, hashes[readable]))]
    if len(rows) <= N_ALL:
        return rows, np.ones(len(rows))
    part = np.full(len(hashes), -1)
    for number, group in enumerate(groups):
        part[group[part[group] < 0]] = number
    _, part_of_row = np.unique(np.stack([concept_set.labels, part], axis=1)[rows], axis=0, return_inverse=True)
    chosen, weights = np.zeros(len(rows), np.bool_), np.ones(len(rows))
    for number in range(part_of_row.max() + 1):
        places = np.flatnonzero(part_of_row == number)
        taken = places[np.unique(np.linspace(0, len(places) - 1, min(len(places), N_PER_PART)).round().astype(int))]
        chosen[taken], weights[taken] = True, len(places) / len(taken)
    return rows[chosen], weights[chosen]


def group_directions(concept_set: ConceptSet, groups: Sequence[IntArray]) -> FloatArray:
    """Return the mean direction of each group, summed in the order of content, of shape (n_groups, n_dims)."""
    hashes = np.array([image.content_hash for image in concept_set.images])
    means = []
    for group in (counted_rows(concept_set, members) for members in groups):
        rows = group[np.lexsort((group, hashes[group]))]
        means.append(unit(concept_set.vectors[rows].mean(axis=0, dtype=np.float64)))
    return np.stack(means)
