"""Words for concepts: the nearest candidates, or c-TF-IDF over the texts nearest to each concept.

References
----------
Grootendorst, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure", arXiv 2203.05794.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from concept_memes.centring import unit
from concept_memes.errors import VocabularyError
from concept_memes.protocols import FloatArray

__all__ = ["NearestWords", "class_tfidf", "directions"]

N_WORDS = 10
# Taking away all of what the collection shares names what is peculiar instead of what is seen, none of it lets words
# that are near everything win. On real photos half keeps the best first word (0.71 right) and adds within five words
# (0.74); it also works for a collection that is one concept.
SHARED_PART = 0.5
# What surrounds words. Not "+", "#", "@", "&" and the like, which belong to them: "C++", "#tag".
PUNCTUATION = "\"'()[]{}<>.,;:!?…“”‘’„«»。，、；：！？（）「」『』《》"


class Vectorizer(Protocol):
    """Texts to counts of words, in scikit-learn's style."""

    def fit_transform(self, raw_documents: Sequence[str]) -> Any:  # noqa: ANN401 (sparse, of whatever library)
        """Count the words: an array of shape (n_docs, n_words), sparse or not."""
        ...

    def get_feature_names_out(self) -> Any:  # noqa: ANN401 (an array or a list)
        """Return the words of the columns."""
        ...


def directions(centroids: FloatArray, centre: FloatArray, blocks: Sequence[tuple[int, int]]) -> FloatArray:
    """Take half of what the collection shares away from the centroids, block by block.

    Parameters
    ----------
    centroids : ndarray of shape (n_concepts, n_dims), float32, unit norm
    centre : ndarray of shape (n_dims,), float32
        Mean of the collection's vectors.
    blocks : sequence of (int, int)
        Start and stop of each block.

    Returns
    -------
    ndarray of shape (n_concepts, n_dims), float32, unit norm

    Examples
    --------
    >>> centroids = np.array([[0.6, 0.8], [0.8, 0.6]], np.float32)
    >>> directions(centroids, np.array([0.7, 0.7], np.float32), [(0, 2)]).round(2)
    array([[0.48, 0.88],
           [0.88, 0.48]], dtype=float32)
    """
    result = np.zeros(centroids.shape, np.float64)
    for start, stop in blocks:
        block = centroids[:, start:stop]
        weight = np.linalg.norm(block, axis=1, keepdims=True)
        result[:, start:stop] = unit(unit(block) - SHARED_PART * unit(centre[start:stop])) * weight
    return unit(result)


@dataclass(frozen=True)
class NearestWords:
    """Ranks words by their cosine with a concept; the default labeler.

    Parameters
    ----------
    n_words : int, default=10
        Words per concept at most.

    Examples
    --------
    >>> x = np.eye(2, dtype=np.float32)
    >>> NearestWords(n_words=1).rank_words(x, ["cat", "dog"], x)
    [[('cat', 1.0)], [('dog', 1.0)]]
    """

    n_words: int = N_WORDS

    def rank_words(
        self, centroids: FloatArray, words: Sequence[str], word_vectors: FloatArray
    ) -> list[list[tuple[str, float]]]:
        """Rank words per concept; see :class:`concept_memes.protocols.Labeler`."""
        ranked = []
        for centroid in centroids:
            scores = np.einsum("ij,j->i", word_vectors, centroid, dtype=np.float32)
            order = np.argsort(-scores, kind="stable")[: self.n_words]
            ranked.append([(words[i], float(scores[i])) for i in order])
        return ranked


def class_tfidf(
    docs: Sequence[str],
    concept_of_doc: npt.NDArray[np.int64],
    n_concepts: int,
    *,
    vectorizer_model: Vectorizer | None = None,
    similarities: FloatArray | None = None,
) -> list[list[tuple[str, float]]]:
    """Rank the words of the texts that belong to each concept by class-based TF-IDF.

    Parameters
    ----------
    docs : sequence of str
        Texts.
    concept_of_doc : ndarray of shape (n_docs,), int64
        Concept that each text is nearest to.
    n_concepts : int
    vectorizer_model : object, optional
        A scikit-learn style vectorizer with `fit_transform` and `get_feature_names_out`; by default words are split
        at white space and kept whole otherwise ("ice-cream", "C++").
    similarities : ndarray of shape (n_docs,), float32, optional
        How near each text is to its concept; words of equal weight stand in the order of the mean over their texts.
        Texts of one word each all weigh the same, so that nothing else would rank them.

    Returns
    -------
    list of list of (str, float)
        Per concept its words and scores, in descending order; empty for a concept without texts.

    Raises
    ------
    VocabularyError
        If the vectorizer finds no word in any text.

    Examples
    --------
    >>> docs = ["a red panda", "panda bear", "fast car"]
    >>> ranked = class_tfidf(docs, np.array([0, 0, 1]), 2)
    >>> ranked[0][0][0], [word for word, _ in ranked[1]]
    ('panda', ['car', 'fast'])
    """
    from sklearn.base import clone
    from sklearn.feature_extraction.text import CountVectorizer

    own = CountVectorizer(analyzer=split_words) if vectorizer_model is None else vectorizer_model
    vectorizer: Vectorizer = clone(own, safe=False)
    try:
        counts = vectorizer.fit_transform(docs)
    except ValueError as error:  # scikit-learn: empty vocabulary
        raise VocabularyError(f"No words were found in the {len(docs)} docs: {error}") from error
    words = vectorizer.get_feature_names_out()
    near = np.ones(len(docs)) if similarities is None else similarities.astype(np.float64)
    per_concept, nearness = np.zeros((2, n_concepts, len(words)))
    for concept in range(n_concepts):
        rows = concept_of_doc == concept
        per_concept[concept] = np.asarray(counts[rows].sum(axis=0)).ravel()
        nearness[concept] = np.asarray(counts[rows].T @ near[rows]).ravel() / np.maximum(per_concept[concept], 1)
    lengths = per_concept.sum(axis=1, keepdims=True)
    frequency = np.divide(per_concept, lengths, out=np.zeros_like(per_concept), where=lengths > 0)
    weights = frequency * np.log1p(lengths.mean() / np.maximum(per_concept.sum(axis=0), 1))
    ranked = []
    for row, nearest in zip(weights, nearness, strict=True):
        order = [i for i in np.lexsort((-nearest, -row))[:N_WORDS] if row[i] > 0]
        ranked.append([(str(words[i]), float(row[i])) for i in order])
    return ranked


def split_words(text: str) -> list[str]:
    """Split at white space and strip punctuation around words, but not inside or what makes "C++" and "#tag"."""
    words = (part.strip(PUNCTUATION).lower() for part in text.split())
    return [word for word in words if word]
