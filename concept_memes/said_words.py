"""What the pictures of a concept say: c-TF-IDF over the texts that were read in them.

A word stands for a concept if at least two of its different pictures say it, and if it is said there more than
elsewhere.

References
----------
Grootendorst, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure", arXiv 2203.05794.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from concept_memes.concepts import ConceptSet
from concept_memes.labels import RankedWord, class_tfidf
from concept_memes.protocols import IntArray
from concept_memes.segmenting import split_texts

__all__ = ["add_said_words"]

# Different pictures of a concept that must say a word: what one says is its caption, not what they have in common.
LEAST_PICTURES = 2
# Share of the pictures with a word that must be in the concept, one more counted outside.
LEAST_SHARE = 0.3


def add_said_words(
    concept_set: ConceptSet, numbers: Sequence[int] | None = None, *, stop_words: Collection[str] = ()
) -> ConceptSet:
    """Give the concepts the words that their pictures say.

    Parameters
    ----------
    concept_set : ConceptSet
    numbers : sequence of int, optional
        Only these concepts; the others keep theirs. By default all.
    stop_words : collection of str
        Words that name no concept, in small letters.

    Returns
    -------
    ConceptSet
        Up to ten words per concept in `said`, in descending order of `said_scores`; the set itself where nobody read
        the texts. Each picture counts once, however many copies of it there are.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images
    >>> captions = ["Overtime again", "overtime!", "no more overtime", "again no monkey", "monkey", "monkey business"]
    >>> images = captioned_images(captions[:3], color="red") + captioned_images(captions[3:], color="blue")
    >>> model = ConceptModel(
    ...     embedding_model=ColorEncoder(), vocabulary=["red"], ocr=CaptionReader(), duplicates="keep", cache=False
    ... )
    >>> [concept.said for concept in model.fit(images).concepts_.concepts]
    [('overtime',), ('monkey',)]
    """
    if concept_set.texts is None or not len(concept_set):
        return concept_set
    wanted = list(range(len(concept_set)) if numbers is None else numbers)
    texts, concept_of_text = different_texts(concept_set)
    found = rank_said_words(texts, concept_of_text, wanted, len(concept_set), stop_words)
    concepts = list(concept_set.concepts)
    for number, words in zip(wanted, found, strict=True):
        said, scores = tuple(word.word for word in words), tuple(float(word.score) for word in words)
        concepts[number] = replace(concepts[number], said=said, said_scores=scores)
    return replace(concept_set, concepts=tuple(concepts))


def different_texts(concept_set: ConceptSet) -> tuple[list[str], IntArray]:
    """Return the texts of different pictures, and the concept of each; -1 for none.

    Of copies the picture that stands for them speaks, or one that could be read where that one could not.
    """
    assert concept_set.texts is not None
    families = concept_set.families
    spoken: dict[tuple[str | int, int], str] = {}
    for row, (image, text) in enumerate(zip(concept_set.images, concept_set.texts.texts, strict=True)):
        picture = image.content_hash if families is None else int(families.copy_of[row])
        said_by = picture, int(concept_set.labels[row])
        if text and (picture == row or said_by not in spoken):
            spoken[said_by] = text
    return list(spoken.values()), np.array([label for _, label in spoken], np.int64)


def rank_said_words(
    texts: Sequence[str],
    concept_of_text: IntArray,
    wanted: Sequence[int],
    n_concepts: int,
    stop_words: Collection[str],
) -> list[list[RankedWord]]:
    """Rank the words of texts for some concepts; see `add_said_words`."""
    stopped = {word.casefold() for word in stop_words}
    words_of = [[word for word in words if word not in stopped] for words in split_texts(texts)]
    n_texts_with = Counter(word for words in words_of for word in words)
    docs = [" ".join(word for word in words if n_texts_with[word] >= LEAST_PICTURES) for words in words_of]
    if not any(docs):
        return [[] for _ in wanted]
    from sklearn.feature_extraction.text import CountVectorizer

    ranked = class_tfidf(
        docs,
        np.where(concept_of_text < 0, n_concepts, concept_of_text),  # what is in no concept is one more class
        n_concepts + 1,
        vectorizer_model=CountVectorizer(analyzer=str.split),
        groups=[[number] for number in wanted],
        least_uses=LEAST_PICTURES,
    )
    return [[word for word in words if word.confidence >= LEAST_SHARE] for words in ranked]
