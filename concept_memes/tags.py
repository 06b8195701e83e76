"""Words for single pictures: what is near the picture and its neighbours, and what is said of its concept.

One picture tells less than it and those around it. On real photos a listed word is among three for 0.60 of pictures by
the nearest noun, and for 0.70 with neighbours and concept (benchmarks/words.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from concept_memes.centring import centre_vectors, unit
from concept_memes.concepts import ConceptSet
from concept_memes.labels import directions
from concept_memes.neighbors import nearest_neighbors
from concept_memes.protocols import FloatArray, IntArray
from concept_memes.word_evidence import confidence_of, group_directions, nearness, word_scores
from concept_memes.word_families import heads_of_compounds, word_families

__all__ = ["Tag", "tag_vectors"]

N_NEIGHBORS = 10
# Families are looked for among so many of the best words per tag that is wanted.
N_PER_TAG = 20
# Pictures whose scores for all words lie in memory at a time: 340 MB (and 27 s) for 25,000 pictures and 4,500 words.
BLOCK = 1024


class Tag(NamedTuple):
    """A word for a picture.

    Attributes
    ----------
    word : str
    confidence : float
        How likely the word is right, in [0, 1].
    """

    word: str
    confidence: float


def tag_vectors(
    concept_set: ConceptSet,
    vectors: FloatArray,
    labels: IntArray,
    words: Sequence[str],
    word_vectors: FloatArray,
    *,
    top_n: int = 3,
) -> list[list[Tag]]:
    """Choose words for pictures.

    A word counts by how near it is to the picture together with its ten nearest fitted ones, and by how well it fits
    the picture's concept; half each. A picture in no concept has the first half only, and its words little confidence.

    Parameters
    ----------
    concept_set : ConceptSet
        The fitted collection.
    vectors : ndarray of shape (n_images, n_dims), float32, unit norm
        Pictures, of the collection or new ones; zero where a picture could not be read.
    labels : ndarray of shape (n_images,), int64
        Their concepts; -1 for none.
    words : sequence of str
        Candidates.
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm
        Their vectors.
    top_n : int, default=3
        Words per picture at most; one of each family (:mod:`concept_memes.word_families`).

    Returns
    -------
    list of list of Tag
        Per picture, the surest first; empty for a picture that could not be read.
    """
    tags: list[list[Tag]] = [[] for _ in vectors]
    rows = np.flatnonzero(vectors.any(axis=1))
    if not len(words) or not len(rows):
        return tags
    groups = [np.flatnonzero(concept_set.labels == concept.index) for concept in concept_set.concepts]
    of_concepts = np.zeros((len(groups) + 1, len(words)))  # the last row is for pictures in none
    if groups:
        aims = directions(group_directions(concept_set, groups), concept_set.centre, concept_set.blocks)
        of_concepts[:-1] = word_scores(concept_set, groups, aims, word_vectors)
    together = directions(_with_neighbors(concept_set, vectors[rows]), concept_set.centre, concept_set.blocks)
    heads = heads_of_compounds(words)
    for block, near in _blocks(together, word_vectors):
        scores = (near + of_concepts[labels[rows[block]]]) / 2
        for row, own in zip(rows[block], scores, strict=True):
            order = _best(own, N_PER_TAG * top_n)
            families = word_families([words[i] for i in order], heads, n_families=top_n)
            tags[row] = [Tag(words[order[f.name]], confidence_of(float(own[order[f.best]]))) for f in families]
    return tags


def _with_neighbors(concept_set: ConceptSet, vectors: FloatArray) -> FloatArray:
    """Add to each picture the mean of its nearest fitted ones, weighed by similarity; a fitted one finds itself too."""
    hashes = np.array([image.content_hash for image in concept_set.images])
    readable = np.flatnonzero(hashes != "")
    fitted = concept_set.vectors[readable[np.lexsort((readable, hashes[readable]))]]
    indices, similarities = nearest_neighbors(
        centre_vectors(vectors, concept_set.centre, concept_set.blocks),
        centre_vectors(fitted, concept_set.centre, concept_set.blocks),
        N_NEIGHBORS,
    )
    mean = np.zeros(vectors.shape)
    for place in range(indices.shape[1]):  # one neighbour of all pictures at a time: no array of (n, 10, n_dims)
        mean += np.maximum(similarities[:, place, None], 0) * fitted[indices[:, place]]
    return unit(vectors + unit(mean))


def _blocks(aims: FloatArray, word_vectors: FloatArray) -> Iterator[tuple[slice, npt.NDArray[np.float64]]]:
    for start in range(0, len(aims), BLOCK):
        block = slice(start, start + BLOCK)
        yield block, nearness(aims[block], word_vectors)


def _best(scores: npt.NDArray[np.float64], n: int) -> IntArray:
    """Places of the highest scores that are not 0, best first, equal ones in the order of the words."""
    places = np.flatnonzero(scores >= np.partition(scores, -n)[-n]) if n < len(scores) else np.arange(len(scores))
    order = places[np.argsort(-scores[places], kind="stable")]
    return order[scores[order] > 0][:n].astype(np.int64)
