"""Lists of words: the one in the package, text files of the user, and what makes two words one."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path

from concept_memes.errors import VocabularyError

__all__ = ["default_nouns", "folded", "read_word_list", "unique_words"]


@cache
def default_nouns() -> tuple[str, ...]:
    """Return the nouns that come with the package: common English names of what a picture can show.

    Returns
    -------
    tuple of str
        About 5,200 words, sorted, with spaces between the parts of a word.

    References
    ----------
    Derived from WordNet 3.0 (Princeton University, https://wordnet.princeton.edu) by ``scripts/make_vocabulary.py``.

    Examples
    --------
    >>> nouns = default_nouns()
    >>> "giant panda" in nouns, "ice cream" in nouns, "selfie" in nouns
    (True, True, True)
    """
    text = resources.files("concept_memes").joinpath("data", "nouns.txt").read_text(encoding="utf-8")
    return _lines(text)


def read_word_list(path: Path) -> tuple[str, ...]:
    r"""Read a text file with one word or phrase per line, in any script.

    Parameters
    ----------
    path : Path
        UTF-8, with or without a mark at the beginning, or UTF-16 with one ("Unicode" in editors on Windows). Blank
        lines and lines that start with ``# `` are left out; ``#caturday`` is a word.

    Returns
    -------
    tuple of str
        In the order of the file, each once.

    Raises
    ------
    VocabularyError
        If the file cannot be read, is in another encoding, or holds no word.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "words.txt"
    ...     _ = path.write_text("# pets\ncat\nقطة\n猫\n", encoding="utf-16")
    ...     read_word_list(path)
    ('cat', 'قطة', '猫')
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise VocabularyError(f"The word list {path} cannot be read: {error.strerror or error}.") from error
    utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        words = _lines(raw.decode("utf-16" if utf16 else "utf-8-sig"))
    except UnicodeDecodeError as error:
        raise VocabularyError(f"The word list {path} is not UTF-8 text ({error.reason}); save it as UTF-8.") from error
    if not words:
        raise VocabularyError(f"The word list {path} holds no words; expected one word or phrase per line.")
    return words


def unique_words(words: Iterable[str]) -> tuple[str, ...]:
    """Strip words and leave each of them once, in the order given.

    Letters with accents come in two spellings that look the same (one character, or two); they become the first.

    Parameters
    ----------
    words : iterable of str

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> unique_words([" cat ", "", "caf\u00e9", "cafe\u0301", "Cat"])
    ('cat', 'café', 'Cat')
    """
    return tuple(dict.fromkeys(word for given in words if (word := unicodedata.normalize("NFC", given).strip())))


def folded(word: str) -> str:
    """Return what two words share that differ in capitals, accents' spelling or spaces only.

    Parameters
    ----------
    word : str

    Returns
    -------
    str

    Examples
    --------
    >>> folded("  Ice  CREAM "), folded("Straße") == folded("STRASSE")
    ('ice cream', True)
    """
    return unicodedata.normalize("NFC", " ".join(unicodedata.normalize("NFC", word).casefold().split()))


def _lines(text: str) -> tuple[str, ...]:
    # "# " and not "#": "#caturday" is a word that people label memes with.
    return unique_words(line for line in text.splitlines() if line.strip() != "#" and not line.startswith("# "))
