"""Which words the page can search by: all of them, or the 20,000 of WordNet's 118,000 that matter here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from concept_memes.concepts import ConceptSet
from concept_memes.protocols import FloatArray, IntArray
from concept_memes.word_lists import default_nouns, folded

__all__ = ["MAX_WORDS", "choose_words"]

MAX_WORDS = 20_000
# Pictures by which words are judged where there are too many.
N_JUDGES = 2_000
WORDS_AT_A_TIME = 8_192


def choose_words(
    concept_set: ConceptSet, words: Sequence[str], word_vectors: FloatArray, limit: int = MAX_WORDS
) -> IntArray:
    """Choose the words that matter most for a collection.

    First those of its concepts, then everyday ones (the list of nouns in the package), then those that stand out most
    in it: whose nearest picture is farthest above their mean, in standard deviations.

    Parameters
    ----------
    concept_set : ConceptSet
    words : sequence of str
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm
    limit : int, default=20,000
        How many.

    Returns
    -------
    ndarray of shape (min(n_words, limit),), int64
        Ascending.
    """
    if len(words) <= limit:
        return np.arange(len(words))
    shown = set(concept_set.words)
    everyday = {folded(word) for word in default_nouns()}
    rank = np.array([0 if word in shown else 1 if folded(word) in everyday else 2 for word in words])
    return np.sort(np.lexsort((-_standing_out(concept_set, word_vectors), rank))[:limit])


def _standing_out(concept_set: ConceptSet, word_vectors: FloatArray) -> FloatArray:
    """Tell how far the nearest picture of each word lies above the mean of all, in standard deviations."""
    readable = np.flatnonzero(concept_set.vectors.any(axis=1))
    judges = concept_set.vectors[readable[:: max(1, len(readable) // N_JUDGES)]]
    found = np.zeros(len(word_vectors), np.float32)
    for start in range(0, len(word_vectors), WORDS_AT_A_TIME):
        cosines = word_vectors[start : start + WORDS_AT_A_TIME] @ judges.T
        spread = cosines.std(axis=1)
        above = cosines.max(axis=1) - cosines.mean(axis=1)
        found[start : start + WORDS_AT_A_TIME] = np.divide(above, spread, out=np.zeros_like(above), where=spread > 0)
    return found
