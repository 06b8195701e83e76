"""Candidate words: the list in the package, WordNet through nltk, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from concept_memes.errors import MissingExtraError, VocabularyError

__all__ = ["default_nouns", "resolve_vocabulary", "wordnet_nouns", "words_from_docs"]


@cache
def default_nouns() -> tuple[str, ...]:
    """Return the nouns that come with the package: common English names of what a picture can show.

    Returns
    -------
    tuple of str
        About 4,500 words, sorted, with spaces between the parts of a word.

    References
    ----------
    Derived from WordNet 3.0 (Princeton University, https://wordnet.princeton.edu) by ``scripts/make_vocabulary.py``.

    Examples
    --------
    >>> nouns = default_nouns()
    >>> "giant panda" in nouns, "ice cream" in nouns
    (True, True)
    """
    text = resources.files("concept_memes").joinpath("data", "nouns.txt").read_text(encoding="utf-8")
    return _lines(text)


def wordnet_nouns(language: str = "eng") -> tuple[str, ...]:
    """Return all nouns of WordNet, the rare and the abstract ones too, or of a WordNet in another language.

    Parameters
    ----------
    language : str
        Three letters (ISO 639-3): ``"eng"`` is WordNet itself, with about 118,000 nouns; others, such as ``"fra"``
        and ``"jpn"``, are those of the Open Multilingual Wordnet. They need an encoder that knows the language.

    Returns
    -------
    tuple of str
        Sorted, with spaces between the parts of a word. Not sifted: WordNet holds insults too.

    Raises
    ------
    MissingExtraError
        If nltk is not installed.
    VocabularyError
        If nltk's data is not on this computer, or there is no WordNet in this language.

    Examples
    --------
    >>> nouns = wordnet_nouns("fra")  # doctest: +SKIP
    >>> "chat" in nouns  # doctest: +SKIP
    True
    """
    try:
        from nltk.corpus import CorpusReader, LazyCorpusLoader, WordNetCorpusReader
        from nltk.corpus.reader.wordnet import WordNetError
    except ImportError as error:
        raise MissingExtraError('WordNet is read through nltk: run pip install "nltk>=3.9".') from error
    # Loaders of our own: nltk's are global, keep the first folder that they saw and hold its files open.
    multilingual = LazyCorpusLoader("omw-1.4", CorpusReader, r".*/wn-data-.*\.tab", encoding="utf8")
    reader = LazyCorpusLoader("wordnet", WordNetCorpusReader, multilingual)
    try:
        names = _lemma_names(reader, language)
    except LookupError as error:
        raise VocabularyError(
            f"The data that WordNet nouns in {language!r} come from is not on this computer: run "
            'python -m nltk.downloader wordnet omw-1.4, or use vocabulary="nouns", which comes with the package.'
        ) from error
    except WordNetError as error:
        known = ", ".join(sorted(reader.langs()))
        raise VocabularyError(f"There is no WordNet in language {language!r}; these are there: {known}.") from error
    return tuple(sorted({name.replace("_", " ") for name in names}))


def _lemma_names(reader: Any, language: str) -> list[str]:  # noqa: ANN401 (nltk has no types)
    try:
        return list(reader.all_lemma_names(pos="n", lang=language))
    finally:
        # nltk leaves its files open. Where loading failed there is nothing to close, and asking would load again.
        for stream in vars(reader).get("_data_file_map", {}).values():
            stream.close()


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
    found = _unique(words)
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
        all nouns of WordNet. A path that ends in ``.txt``: a UTF-8 file with one word or phrase per line; blank
        lines and lines that start with ``# `` are left out. A sequence: these words.

    Returns
    -------
    tuple of str
        The words, each once.

    Raises
    ------
    VocabularyError
        If it stands for nothing that is known, the file cannot be read, or no word is left.

    Examples
    --------
    >>> resolve_vocabulary(["cat", "dog"])
    ('cat', 'dog')
    >>> len(resolve_vocabulary("nouns")) > 4000
    True
    """
    if vocabulary is None or (isinstance(vocabulary, str) and vocabulary == "nouns"):
        return default_nouns()
    if isinstance(vocabulary, Path) or (isinstance(vocabulary, str) and vocabulary.endswith(".txt")):
        return _words_from_file(Path(vocabulary))
    if isinstance(vocabulary, str):
        source, colon, language = vocabulary.partition(":")
        if source == "wordnet" and bool(colon) == bool(language):
            return wordnet_nouns(language or "eng")
    if isinstance(vocabulary, str | bytes) or not isinstance(vocabulary, Iterable):
        raise VocabularyError(
            f'vocabulary={vocabulary!r}: expected "nouns" (the list in the package), "wordnet" or "wordnet:fra" (all '
            "nouns of WordNet in a language), a path to a .txt file with one word per line, or a list of words."
        )
    return words_from_docs(vocabulary)


def _words_from_file(path: Path) -> tuple[str, ...]:
    try:
        # utf-8-sig: editors on Windows put a mark before the first word.
        words = _lines(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise VocabularyError(f"The word list {path} is not UTF-8 text ({error.reason}); save it as UTF-8.") from error
    except OSError as error:
        raise VocabularyError(f"The word list {path} cannot be read: {error.strerror or error}.") from error
    if not words:
        raise VocabularyError(f"The word list {path} holds no words; expected one word or phrase per line.")
    return words


def _lines(text: str) -> tuple[str, ...]:
    # "# " and not "#": "#caturday" is a word that people label memes with.
    return _unique(line for line in text.splitlines() if line.strip() != "#" and not line.startswith("# "))


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stripped for word in words if (stripped := word.strip())))
