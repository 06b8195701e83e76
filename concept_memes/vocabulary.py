"""Candidate words: which of the lists a parameter means, the user's own words, and the words to leave out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from os.path import isabs
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from concept_memes.errors import VocabularyError
from concept_memes.word_lists import default_nouns, folded, read_word_list, unique_words
from concept_memes.wordnet import with_hypernyms, with_synonyms, wordnet_nouns

__all__ = [
    "StopWordVectorizer",
    "remove_stop_words",
    "resolve_stop_words",
    "resolve_vocabulary",
    "words_from_docs",
]

WIDENED = {"+synonyms": with_synonyms, "+hypernyms": with_hypernyms}


def words_from_docs(docs: Sequence[str], vectorizer_model: object | None = None) -> tuple[str, ...]:
    """Return the user's own words and phrases as candidate words.

    Parameters
    ----------
    docs : sequence of str
        Words or phrases, one per item. An item stays whole: "ice-cream", "New York", "C++" and "猫" are kept.
    vectorizer_model : object, optional
        In scikit-learn's style (`fit` and `get_feature_names_out`), such as ``CountVectorizer``. With it `docs` are
        running text, and the words are what it finds in them. A copy is fitted; the object stays as it is.

    Returns
    -------
    tuple of str
        In the order given (with a vectorizer: in its order), stripped, each once.

    Raises
    ------
    VocabularyError
        If `docs` is one string, holds something that is no string, or no word is left.

    Examples
    --------
    >>> words_from_docs(["ice-cream", " New York ", "ice-cream", "C++"])
    ('ice-cream', 'New York', 'C++')
    """
    if isinstance(docs, str | bytes):
        raise VocabularyError(f"The words came as one string, {docs!r}; expected a list of words, such as [{docs!r}].")
    if not isinstance(docs, Iterable):
        raise VocabularyError(f"The words came as {type(docs).__name__}, {docs!r}; expected a list of words.")
    # The order of a set changes from run to run, and with it the order of words that fit equally well.
    docs = sorted(docs, key=str) if isinstance(docs, Set) else list(docs)
    for index, doc in enumerate(docs):
        if not isinstance(doc, str):
            raise VocabularyError(
                f"Word {index} is of type {type(doc).__name__}, {doc!r:.60}; every word must be a str."
            )
    words = docs if vectorizer_model is None else _features(docs, vectorizer_model)
    found = unique_words(words)
    if not found:
        raise VocabularyError(
            f"No word is left of the {len(docs)} that were given; give at least one that is more than blanks, or "
            'vocabulary="nouns" for the list in the package.'
        )
    return found


def _features(docs: Sequence[str], vectorizer_model: Any) -> list[str]:  # noqa: ANN401 (any object that fits)
    from sklearn.base import clone

    for method in ("fit", "get_feature_names_out"):
        if not hasattr(vectorizer_model, method):
            raise VocabularyError(
                f"vectorizer_model is of type {type(vectorizer_model).__name__}, which has no {method}; expected an "
                "object such as sklearn.feature_extraction.text.CountVectorizer()."
            )
    vectorizer = clone(vectorizer_model, safe=False)
    try:
        vectorizer.fit(docs)
    except ValueError as error:
        # scikit-learn's own message for documents of stop words only.
        raise VocabularyError(f"The vectorizer found no words in the {len(docs)} docs: {error}") from error
    return [str(feature) for feature in vectorizer.get_feature_names_out()]


def resolve_vocabulary(vocabulary: str | Path | Sequence[str] | None) -> tuple[str, ...]:
    """Return the candidate words that a `vocabulary` parameter stands for.

    Parameters
    ----------
    vocabulary : str, Path, sequence of str or None
        ``None`` or ``"nouns"``: the list in the package. ``"wordnet"`` or, for another language, ``"wordnet:fra"``:
        all nouns of WordNet. A path that ends in ``.txt``: a file with one word or phrase per line, in any script,
        in UTF-8 or UTF-16; blank lines and lines that start with ``# `` are left out. A path or ``"nouns"`` with
        ``"+synonyms"`` or ``"+hypernyms"`` behind it: its words, and those that WordNet has beside or above them.
        A sequence: these words.

    Returns
    -------
    tuple of str
        The words, each once.

    Raises
    ------
    MissingExtraError
        If WordNet is asked for and nltk is not installed.
    VocabularyError
        If it stands for nothing that is known, the file cannot be read, or no word is left.

    Examples
    --------
    >>> resolve_vocabulary(["cat", "dog"])
    ('cat', 'dog')
    >>> len(resolve_vocabulary("nouns")) > 5000
    True
    """
    if vocabulary is None or (isinstance(vocabulary, str) and vocabulary == "nouns"):
        return default_nouns()
    if isinstance(vocabulary, str):
        for ending, widen in WIDENED.items():
            narrow = vocabulary.removesuffix(ending)
            if narrow != vocabulary and (narrow.endswith(("nouns", *WIDENED)) or _is_path(narrow)):
                return widen(resolve_vocabulary(narrow))
        source, colon, language = vocabulary.partition(":")
        if source == "wordnet" and bool(colon) == bool(language) and "+" not in language:
            return wordnet_nouns(language or "eng")
    if _is_path(vocabulary):
        return read_word_list(Path(vocabulary))
    if isinstance(vocabulary, str | bytes) or not isinstance(vocabulary, Iterable):
        raise VocabularyError(
            f'vocabulary={vocabulary!r}: expected "nouns" (the list in the package), "wordnet" or "wordnet:fra" (all '
            "nouns of WordNet in a language), a path to a .txt file with one word per line (with +synonyms or "
            "+hypernyms behind it for WordNet's words beside or above them), or a list of words."
        )
    return words_from_docs(vocabulary)


def _is_path(value: object) -> TypeGuard[str | Path]:
    # Saved models keep every path as an absolute str, whatever its ending.
    return isinstance(value, Path) or (isinstance(value, str) and (value.endswith(".txt") or isabs(value)))


def resolve_stop_words(stop_words: str | Path | Sequence[str] | None) -> tuple[str, ...]:
    """Return the words that a `stop_words` parameter stands for.

    Parameters
    ----------
    stop_words : str, Path, sequence of str or None
        A path (as a str, one that ends in ``.txt``) to a file like those of `resolve_vocabulary`, or the words.

    Returns
    -------
    tuple of str
        Empty for None and for an empty list.

    Raises
    ------
    VocabularyError
        If it is neither, or the file cannot be read.

    Examples
    --------
    >>> resolve_stop_words(["rack", "rack "]), resolve_stop_words(None)
    (('rack',), ())
    """
    if stop_words is None:
        return ()
    if _is_path(stop_words):
        return read_word_list(Path(stop_words))
    if isinstance(stop_words, str | bytes) or not isinstance(stop_words, Iterable):
        raise VocabularyError(
            f"stop_words={stop_words!r}: expected a list of words, such as [{stop_words!r}], or a path to a .txt file "
            "with one word per line."
        )
    stop_words = list(stop_words)
    return words_from_docs(stop_words) if stop_words else ()


def remove_stop_words(words: Sequence[str], stop_words: Sequence[str]) -> tuple[str, ...]:
    """Leave words out, whatever their capitals and wherever they come from.

    Parameters
    ----------
    words : sequence of str
        Candidates: words, phrases or, for c-TF-IDF, texts.
    stop_words : sequence of str
        What to leave out. Whole candidates count: "hot" does not take "hot dog" away.

    Returns
    -------
    tuple of str

    Raises
    ------
    VocabularyError
        If nothing is left.

    Examples
    --------
    >>> remove_stop_words(["Rack", "hat", "hat rack"], ["rack"])
    ('hat', 'hat rack')
    """
    if not stop_words:
        return tuple(words)
    unwanted = set(map(folded, stop_words))
    left = tuple(word for word in words if folded(word) not in unwanted)
    if not left:
        raise VocabularyError(
            f"All of the {len(words)} candidate words are among the {len(unwanted)} stop words; give other words "
            "(vocabulary or docs), or fewer stop words."
        )
    return left


class StopWordVectorizer:
    """A vectorizer without some of its words, for c-TF-IDF.

    Parameters
    ----------
    vectorizer_model : object
        In scikit-learn's style (`fit_transform` and `get_feature_names_out`).
    stop_words : sequence of str
        What to leave out, whatever its capitals.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> vectorizer = StopWordVectorizer(CountVectorizer(), ["Rack"])
    >>> vectorizer.fit_transform(["a hat on a rack"]).toarray(), list(vectorizer.get_feature_names_out())
    (array([[1, 1]]), ['hat', 'on'])
    """

    def __init__(self, vectorizer_model: Any, stop_words: Sequence[str]) -> None:  # noqa: ANN401 (any object that fits)
        self.vectorizer_model = vectorizer_model
        self.stop_words = stop_words

    def fit_transform(self, raw_documents: Sequence[str]) -> Any:  # noqa: ANN401 (sparse, of whatever library)
        """Count the words that are left: an array of shape (n_docs, n_words), sparse or not."""
        counts = self.vectorizer_model.fit_transform(raw_documents)
        words = self.vectorizer_model.get_feature_names_out()
        unwanted = set(map(folded, self.stop_words))
        kept = np.flatnonzero([folded(str(word)) not in unwanted for word in words])
        if not len(kept):
            raise VocabularyError(f"all of the {len(words)} words in them are stop words")
        self._words = np.asarray(words, dtype=object)[kept]
        return counts[:, kept]

    def get_feature_names_out(self) -> Any:  # noqa: ANN401 (an array or a list)
        """Return the words of the columns."""
        return self._words
