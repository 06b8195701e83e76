"""Words for concepts: the nearest candidates, or c-TF-IDF over the texts nearest to each concept.

References
----------
Grootendorst, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure", arXiv 2203.05794.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from concept_memes.centring import unit
from concept_memes.concepts import ConceptSet
from concept_memes.errors import VocabularyError
from concept_memes.protocols import FloatArray, IntArray, Labeler
from concept_memes.word_evidence import confidence_of, group_directions, word_scores
from concept_memes.word_families import heads_of_compounds, word_families

__all__ = [
    "NearestWords",
    "RankedWord",
    "class_tfidf",
    "default_vectorizer",
    "directions",
    "rank_words_of_docs",
    "rank_words_of_groups",
]

N_WORDS = 10
# Taking away all of what the collection shares names what is peculiar instead of what is seen, none of it lets words
# that are near everything win. On real photos half keeps the best first word (0.71 right) and adds within five words
# (0.74); it also works for a collection that is one concept.
SHARED_PART = 0.5
# A word that scores less fits nothing, and neither does one far behind the best. Words of another world ("spark plug"
# on photos of animals) mostly score less than 0.1; in close kinds of clothes right words score as little as 0.15.
LEAST_SCORE, LEAST_SHARE_OF_BEST = 0.1, 1 / 3
# What only one text of a concept says is a caption, not what its pictures have in common.
LEAST_TEXTS = 2
# What surrounds words. Not "+", "#", "@", "&" and the like, which belong to them: "C++", "#tag".
PUNCTUATION = "\"'()[]{}<>.,;:!?…“”‘’„«»。，、；：！？（）「」『』《》"


class RankedWord(NamedTuple):
    """A word for a group of pictures.

    Attributes
    ----------
    word : str
    score : float
        What it is ranked by; higher is better.
    confidence : float
        How likely the word is right, in [0, 1].
    """

    word: str
    score: float
    confidence: float


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
    """Ranks words by their cosine with a concept: plainer than the default, for comparison as `labeler`.

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


def rank_words_of_groups(
    concept_set: ConceptSet,
    groups: Sequence[IntArray],
    words: Sequence[str],
    word_vectors: FloatArray,
    *,
    labeler: Labeler | None = None,
    ctfidf: bool = False,
    vectorizer_model: Vectorizer | None = None,
) -> list[list[RankedWord]]:
    """Rank words for groups of pictures: concepts, some of them, or nodes of the hierarchy.

    By default a word is judged by how near it is to the group and by how well it finds the group's pictures in the
    collection (:mod:`concept_memes.word_evidence`); of words that say the same (:mod:`concept_memes.word_families`) one
    is kept.

    Parameters
    ----------
    concept_set : ConceptSet
        The collection, with the concepts that the groups are told apart from.
    groups : sequence of ndarray of shape (n_members,), int64
        Indices of each group's pictures, at least one each.
    words : sequence of str
        Candidates; with `ctfidf`, texts whose words are the candidates.
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm
        Their vectors, in the space of the pictures.
    labeler : Labeler, optional
        Ranks the words instead; it tells no confidences.
    ctfidf : bool, default=False
        Weigh the words of the texts nearest to each concept instead. A group that no text is nearest to gets the texts
        that fit it best.
    vectorizer_model : Vectorizer, optional
        Splits texts into words for `ctfidf`.

    Returns
    -------
    list of list of RankedWord
        Per group its words, best first; empty where nothing fits. Confidences are NaN where the labeler tells none.
    """
    if not len(groups) or not len(words):
        return [[] for _ in groups]
    aims = directions(group_directions(concept_set, groups), concept_set.centre, concept_set.blocks)
    if labeler is not None:
        ranked = labeler.rank_words(aims, words, word_vectors)
        near = [[RankedWord(word, score, math.nan) for word, score in pairs] for pairs in ranked]
    else:
        scores = word_scores(concept_set, groups, aims, word_vectors)
        heads = heads_of_compounds(words)
        near = [_best_of_families(words, row, heads) for row in scores]
    if not ctfidf:
        return near
    weighed = _words_of_texts(concept_set, groups, words, word_vectors, vectorizer_model)
    return [own or nearest for own, nearest in zip(weighed, near, strict=True)]


def _best_of_families(words: Sequence[str], scores: npt.NDArray[np.float64], heads: frozenset[str]) -> list[RankedWord]:
    least = max(LEAST_SCORE, LEAST_SHARE_OF_BEST * scores.max())
    order = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= least]
    families = word_families([words[i] for i in order], heads, n_families=N_WORDS)
    best = [(words[order[family.name]], float(scores[order[family.best]])) for family in families]
    return [RankedWord(word, score, confidence_of(score)) for word, score in best]


def _words_of_texts(
    concept_set: ConceptSet,
    groups: Sequence[IntArray],
    docs: Sequence[str],
    doc_vectors: FloatArray,
    vectorizer_model: Vectorizer | None,
) -> list[list[RankedWord]]:
    """Weigh the words of the texts whose nearest concept lies in a group, by at least half of its pictures."""
    aims = directions(concept_set.centroids, concept_set.centre, concept_set.blocks)
    similarities = np.einsum("ij,kj->ik", doc_vectors, aims, dtype=np.float32)
    return class_tfidf(
        docs,
        similarities.argmax(axis=1).astype(np.int64),
        len(concept_set),
        vectorizer_model=vectorizer_model,
        similarities=similarities.max(axis=1),
        groups=_concepts_in_groups(concept_set, groups),
    )


def _concepts_in_groups(concept_set: ConceptSet, groups: Sequence[IntArray]) -> list[list[int]]:
    """Return the concepts that each group holds at least half of."""
    sizes = np.array([concept.size for concept in concept_set.concepts])
    held = []
    for group in groups:
        shared = np.bincount(concept_set.labels[group] + 1, minlength=len(concept_set) + 1)[1:]
        held.append([int(c) for c in np.flatnonzero(2 * shared >= sizes)])
    return held


def rank_words_of_docs(
    concept_set: ConceptSet, groups: Sequence[IntArray], *, vectorizer_model: Vectorizer | None = None
) -> list[list[RankedWord]]:
    """Rank words for groups of pictures by c-TF-IDF over the texts that came with them, whatever the encoder knows.

    Parameters
    ----------
    concept_set : ConceptSet
        With `texts`, one per picture.
    groups : sequence of ndarray of shape (n_members,), int64
        Indices of each group's pictures: concepts, or nodes of the hierarchy.
    vectorizer_model : Vectorizer, optional
        Splits texts into words.

    Returns
    -------
    list of list of RankedWord
        Per group its words, best first; empty where its texts have no word in common.
    """
    if concept_set.texts is None or not len(groups) or not any(text.strip() for text in concept_set.texts.texts):
        return [[] for _ in groups]
    n_concepts = len(concept_set)
    return class_tfidf(
        concept_set.texts.texts,
        np.where(concept_set.labels < 0, n_concepts, concept_set.labels),  # what is in no concept is one more class
        n_concepts + 1,
        vectorizer_model=vectorizer_model,
        groups=_concepts_in_groups(concept_set, groups),
        least_uses=LEAST_TEXTS,
    )


def class_tfidf(
    docs: Sequence[str],
    concept_of_doc: npt.NDArray[np.int64],
    n_concepts: int,
    *,
    vectorizer_model: Vectorizer | None = None,
    similarities: FloatArray | None = None,
    groups: Sequence[Sequence[int]] | None = None,
    least_uses: int = 1,
) -> list[list[RankedWord]]:
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
    groups : sequence of sequence of int, optional
        Concepts whose texts are taken together, one list per answer; by default each concept by itself.
    least_uses : int, default=1
        How often the texts of a group must use a word.

    Returns
    -------
    list of list of RankedWord
        Per group its words, in descending order of the score, one per family; empty for a group without texts. The
        confidence is the share of a word's uses that lies in the group, with one more counted outside.

    Raises
    ------
    VocabularyError
        If the vectorizer finds no word in any text.

    Examples
    --------
    >>> docs = ["a red panda", "panda bear", "fast car"]
    >>> ranked = class_tfidf(docs, np.array([0, 0, 1]), 2)
    >>> ranked[0][0].word, [word for word, _, _ in ranked[1]]
    ('panda', ['car', 'fast'])
    """
    from sklearn.base import clone

    vectorizer: Vectorizer = clone(default_vectorizer() if vectorizer_model is None else vectorizer_model, safe=False)
    try:
        counts = vectorizer.fit_transform(docs)
    except ValueError as error:  # scikit-learn: empty vocabulary
        raise VocabularyError(f"No words were found in the {len(docs)} docs: {error}") from error
    words = vectorizer.get_feature_names_out()
    near = np.ones(len(docs)) if similarities is None else similarities.astype(np.float64)
    uses, nearness = np.zeros((2, n_concepts, len(words)))
    for concept in range(n_concepts):
        rows = concept_of_doc == concept
        uses[concept] = np.asarray(counts[rows].sum(axis=0)).ravel()
        nearness[concept] = np.asarray(counts[rows].T @ near[rows]).ravel()
    rarity = np.log1p(uses.sum() / n_concepts / np.maximum(uses.sum(axis=0), 1))
    ranked = []
    for group in [[concept] for concept in range(n_concepts)] if groups is None else groups:
        own = uses[list(group)].sum(axis=0)
        weights = own / max(own.sum(), 1) * rarity
        closeness = nearness[list(group)].sum(axis=0) / np.maximum(own, 1)
        order = [i for i in np.lexsort((-closeness, -weights)) if weights[i] > 0 and own[i] >= least_uses]
        kept = [order[f.best] for f in word_families([str(words[i]) for i in order], n_families=N_WORDS)]
        sure = own / (uses.sum(axis=0) + 1)
        ranked.append([RankedWord(str(words[i]), float(weights[i]), float(sure[i])) for i in kept])
    return ranked


def default_vectorizer() -> Vectorizer:
    """Make the vectorizer that `class_tfidf` uses where none is given: words are what `split_words` gives."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer: Vectorizer = CountVectorizer(analyzer=split_words)
    return vectorizer


def split_words(text: str) -> list[str]:
    """Split at white space and strip punctuation around words, but not inside or what makes "C++" and "#tag"."""
    words = (part.strip(PUNCTUATION).lower() for part in text.split())
    return [word for word in words if word]
