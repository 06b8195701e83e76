"""WordNet through nltk: all its nouns, in several languages, and names that mean the same or more.

References
----------
Miller, "WordNet: A Lexical Database for English", Communications of the ACM 38(11), 1995.
Bond and Foster, "Linking and Extending an Open Multilingual Wordnet", ACL 2013 (P13-1133).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from concept_memes.errors import InvalidParameterError, MissingExtraError, VocabularyError
from concept_memes.word_lists import default_nouns, folded, unique_words

__all__ = ["common_hypernym", "hypernyms", "synonyms", "with_hypernyms", "with_synonyms", "wordnet_nouns"]

Synset = Any  # nltk has no types


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
    with _wordnet(language) as reader:
        return tuple(sorted(unique_words(_spoken(name) for name in reader.all_lemma_names(pos="n", lang=language))))


def synonyms(word: str, language: str = "eng") -> tuple[str, ...]:
    """Return the other names of a thing.

    Parameters
    ----------
    word : str
        A noun; its commonest sense counts.
    language : str, default="eng"
        As for `wordnet_nouns`.

    Returns
    -------
    tuple of str
        The commonest first; empty where WordNet does not know the word, or no other for it.

    Raises
    ------
    MissingExtraError, VocabularyError
        As for `wordnet_nouns`.

    Examples
    --------
    >>> synonyms("sofa")  # doctest: +SKIP
    ('couch', 'lounge')
    """
    with _wordnet(language) as reader:
        return _other_names(reader, word, language)


def hypernyms(word: str, language: str = "eng") -> tuple[str, ...]:
    """Return the broader words for a thing, from the nearest to "entity".

    Parameters
    ----------
    word : str
        A noun; its commonest sense counts.
    language : str, default="eng"
        As for `wordnet_nouns`.

    Returns
    -------
    tuple of str
        One name per step; empty where WordNet does not know the word.

    Raises
    ------
    MissingExtraError, VocabularyError
        As for `wordnet_nouns`.

    Examples
    --------
    >>> hypernyms("spaniel")[:3]  # doctest: +SKIP
    ('sporting dog', 'hunting dog', 'dog')
    """
    with _wordnet(language) as reader:
        broader = _upwards(_sense(reader, word, language))[1:]
        return unique_words(name for synset in broader if (name := _name(synset, language)))


def with_synonyms(words: Sequence[str], language: str = "eng") -> tuple[str, ...]:
    """Add to each word the other names of the thing.

    Parameters
    ----------
    words : sequence of str
        Nouns; those that WordNet does not know stay as they are.
    language : str, default="eng"
        As for `wordnet_nouns`.

    Returns
    -------
    tuple of str
        Each word with its synonyms behind it, each once; ``"breeds.txt+synonyms"`` as `vocabulary` gives the same.

    Raises
    ------
    MissingExtraError, VocabularyError
        As for `wordnet_nouns`.

    Examples
    --------
    >>> with_synonyms(["sofa", "猫"])  # doctest: +SKIP
    ('sofa', 'couch', 'lounge', '猫')
    """
    with _wordnet(language) as reader:
        return unique_words(name for word in words for name in (word, *_other_names(reader, word, language)))


def with_hypernyms(words: Sequence[str], language: str = "eng") -> tuple[str, ...]:
    """Add the broader words that gather at least two of the words, so that spaniels and terriers can be "dog".

    Parameters
    ----------
    words : sequence of str
        Nouns; those that WordNet does not know stay as they are.
    language : str, default="eng"
        As for `wordnet_nouns`.

    Returns
    -------
    tuple of str
        The words and behind them the broader ones, those nearest to the words first. Only everyday words are added,
        which are those that the list in the package has a name for: "dog", and not "placental" or "entity".

    Raises
    ------
    MissingExtraError, VocabularyError
        As for `wordnet_nouns`.

    Examples
    --------
    >>> with_hypernyms(["cocker spaniel", "Airedale"])  # doctest: +SKIP
    ('cocker spaniel', 'Airedale', 'dog', 'animal')
    """
    gathers: Counter[Synset] = Counter()
    with _wordnet(language) as reader:
        for sense in dict.fromkeys(_sense(reader, word, language) for word in words):  # "sofa" and "couch" are one
            gathers.update(_upwards(sense)[1:])
        shared = [synset for synset, n_words in gathers.items() if n_words > 1]
        shared.sort(key=lambda synset: (-synset.min_depth(), gathers[synset], synset.offset()))
        return unique_words([*words, *(name for synset in shared if (name := _everyday_name(synset, language)))])


def common_hypernym(words: Sequence[str], language: str = "eng", *, share: float = 0.6) -> str:
    """Return the nearest everyday word that is as broad as most of the words: "dog" for three breeds and a kennel.

    Parameters
    ----------
    words : sequence of str
        Nouns, such as the words of a concept; those that WordNet does not know do not count.
    language : str, default="eng"
        As for `wordnet_nouns`.
    share : float, default=0.6
        How many of the words it must cover: above 0 (any one) to 1 (all).

    Returns
    -------
    str
        One of `words` where that covers the others; "" where nothing but general words is left.

    Raises
    ------
    InvalidParameterError
        If `share` is out of range.
    MissingExtraError, VocabularyError
        As for `wordnet_nouns`.

    Examples
    --------
    >>> common_hypernym(["cocker spaniel", "Irish setter", "Airedale", "kennel"])  # doctest: +SKIP
    'dog'
    >>> model = ConceptModel(labeler=lambda exemplars, words: common_hypernym(words[:4]))  # doctest: +SKIP
    """
    if not 0 < share <= 1:
        raise InvalidParameterError("share", share, "a number above 0 (any word) and at most 1 (all words)")
    covers: Counter[Synset] = Counter()
    with _wordnet(language) as reader:
        chains = [chain for word in words if (chain := _upwards(_sense(reader, word, language)))]
        for chain in chains:
            covers.update(chain)
        enough = [synset for synset, n_words in covers.items() if n_words >= share * len(chains)]
        enough.sort(key=lambda synset: (-synset.min_depth(), -covers[synset], synset.offset()))
        return next((name for synset in enough if (name := _everyday_name(synset, language))), "")


@contextmanager
def _wordnet(language: str) -> Iterator[Any]:
    """Open WordNet; errors of nltk become ours."""
    try:
        import nltk
        from nltk.corpus.reader.wordnet import WordNetError

        reader = _reader(tuple(map(str, nltk.data.path)))
    except ImportError as error:
        raise MissingExtraError('WordNet is read through nltk: run pip install "nltk>=3.9".') from error
    try:
        reader.ensure_loaded()
        if language != "eng":
            reader._load_lang_data(language)
    except LookupError as error:
        raise VocabularyError(
            f"The data that WordNet nouns in {language!r} come from is not on this computer: run "
            'python -m nltk.downloader wordnet omw-1.4, or use vocabulary="nouns", which comes with the package.'
        ) from error
    except WordNetError as error:
        known = ", ".join(sorted(reader.langs()))
        raise VocabularyError(f"There is no WordNet in language {language!r}; these are there: {known}.") from error
    try:
        yield reader
    finally:
        # nltk leaves its files open, and opens again what is not in this table.
        for stream in reader._data_file_map.values():
            stream.close()
        reader._data_file_map.clear()


@cache
def _reader(folders: tuple[str, ...]) -> Any:  # noqa: ANN401 (nltk has no types)
    # Loaders of our own, one per search path: nltk's are global and keep the first folder that they saw. Kept, because
    # reading the index takes a second.
    from nltk.corpus import CorpusReader, LazyCorpusLoader, WordNetCorpusReader

    multilingual = LazyCorpusLoader("omw-1.4", CorpusReader, r".*/wn-data-.*\.tab", encoding="utf8")
    return LazyCorpusLoader("wordnet", WordNetCorpusReader, multilingual)


def _sense(reader: Any, word: str, language: str) -> Synset | None:  # noqa: ANN401 (nltk has no types)
    """Return the commonest sense of a word."""
    return next(iter(reader.synsets(word.strip().replace(" ", "_"), pos="n", lang=language)), None)


def _upwards(sense: Synset | None) -> tuple[Synset, ...]:
    """Return a sense and all that is broader, each once, the nearest first."""
    seen = {} if sense is None else {sense: None}
    waiting = list(seen)
    while waiting:
        step = dict.fromkeys(broader for synset in waiting for broader in synset.hypernyms())
        waiting = [synset for synset in step if synset not in seen]
        seen.update(dict.fromkeys(waiting))
    return tuple(seen)


def _other_names(reader: Any, word: str, language: str) -> tuple[str, ...]:  # noqa: ANN401 (nltk has no types)
    sense = _sense(reader, word, language)
    names = [] if sense is None else map(_spoken, sense.lemma_names(language))
    return unique_words(name for name in names if folded(name) != folded(word))


def _name(synset: Synset, language: str) -> str:
    return next(map(_spoken, synset.lemma_names(language)), "")


def _everyday_name(synset: Synset, language: str) -> str:
    """Return its first name that the list in the package has; in other languages its first name, if there is one."""
    known = [name for name in map(_spoken, synset.lemma_names("eng")) if folded(name) in _everyday()]
    if not known:
        return ""
    return known[0] if language == "eng" else _name(synset, language)


@cache
def _everyday() -> frozenset[str]:
    return frozenset(map(folded, default_nouns()))


def _spoken(lemma: str) -> str:
    return lemma.replace("_", " ")
