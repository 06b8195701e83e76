"""Searching in what pictures say: a full-text index that knows scripts without spaces, and how well a text says it."""

from __future__ import annotations

import math
import re
import sqlite3
import threading
import unicodedata
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from concept_memes.errors import InvalidParameterError, MissingExtraError
from concept_memes.findings import PictureTexts
from concept_memes.scripts import IDEOGRAPHS

__all__ = ["TextIndex", "fold_text", "index_of"]

# What stands alone as a word, because its script has no spaces or hides words in longer ones: ideographs and their
# radicals, kana, bopomofo, hangul.
ALONE = f"{IDEOGRAPHS}\u2e80-\u2fdf\u3006-\u3007\u3040-\u30ff\u3100-\u318f\u31f0-\u31ff\ua960-\ua97f\uac00-\ud7ff"
STANDS_ALONE = re.compile(f"[{ALONE}]")
RUN_ALONE = re.compile(f"[{ALONE}]+")
RUNS = re.compile(f"[{ALONE}]+|[^{ALONE}]+")
SPACE_BESIDE = re.compile(rf"(?<=[{ALONE}])\s+|\s+(?=[{ALONE}])")
# Soft hyphens and other characters without width; those that control a terminal part words.
UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
ACCENTED = re.compile("[\u00c0-\u052f\u1e00-\u1fff]")
ACCENTS = re.compile("[\u0300-\u036f]")

# How well a text says a query, in [0, 1]: it is the query; it holds it, and the larger the part the better; it holds
# all its words; some of them.
IS, HOLDS, HOLDS_MORE, ALL_WORDS, SOME_WORDS = 1.0, 0.6, 0.3, 0.5, 0.4
# The power of a word's share in a longer one: "education" says little of "cat".
PART_OF_WORD = 3
# Beyond so many letters on one side a word is no word: "aaaa..." would take the square of its length.
LONGEST_REST = 64
# A longer query is somebody's whole page; what is beyond makes no difference.
MAX_WORDS = 200


class TextIndex:
    r"""Texts in the memory of SQLite: what holds a string, a word or its beginning, in any script.

    Built on FTS5. Each ideograph, kana and hangul is a word of its own and a run of them a phrase, so that words of one
    and two characters are found; of the tokenizers of FTS5, unicode61 finds no word inside a Chinese sentence and
    trigram none below three characters. Several threads may search at once.

    Parameters
    ----------
    texts : sequence of str
        Lines parted by line breaks; "" for none.

    Raises
    ------
    MissingExtraError
        If the SQLite of this Python has no FTS5.

    Examples
    --------
    >>> index = TextIndex(["明天还要加\n班", "Overtime memes", "", "不想上班", "加班"])
    >>> index.match("加班").round(2).tolist()
    [0.7, 0.0, 0.0, 0.0, 1.0]
    >>> index.match("meme").nonzero()[0].tolist(), index.match("VERT").nonzero()[0].tolist()
    ([1], [1])
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.folded = [fold_text(text) for text in texts]
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            self._database.execute(
                # The words are looked up here only, so neither they nor their sizes need be kept.
                "CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0, "
                "tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* Co'\")"
            )
        except sqlite3.OperationalError as error:
            raise MissingExtraError(
                f"Searching in texts needs SQLite with FTS5, and SQLite {sqlite3.sqlite_version} of this Python was "
                "built without it; those of python.org, conda and the distributions have it. Looks can be searched "
                "with text=False."
            ) from error
        rows = ((row, _spaced(text)) for row, text in enumerate(self.folded) if text)
        with self._database:
            self._database.executemany("INSERT INTO words(rowid, text) VALUES (?, ?)", rows)

    def __len__(self) -> int:
        return len(self.folded)

    def match(self, query: str) -> npt.NDArray[np.float64]:
        """Say how well each text says a query.

        Capitals, accents, the width of digits and letters, and line breaks make no difference; traditional and
        simplified characters do. All characters are plain text: there are no operators.

        Parameters
        ----------
        query : str

        Returns
        -------
        ndarray of shape (n_texts,), float64
            In [0, 1], and 0 for a text that says nothing of it. 1: the text is the query. From 0.6 to 0.9: it holds
            the query, the larger the part the more. 0.5: it holds all words of it, elsewhere or in another order. Up
            to 0.4: some of them, by BM25's weight of rare words. Where a word is found inside a longer one, the
            cube of their ratio is left of that: 0.51 for "meme" in "memes", 0.04 for "cat" in "education".

        Raises
        ------
        InvalidParameterError
            If there is nothing in the query.
        """
        wanted = fold_text(query)
        if not wanted:
            raise InvalidParameterError("query", query, "a text with at least one letter")
        found = np.zeros(len(self.folded))
        pieces = list(dict.fromkeys(filter(None, map(fold_text, query.split()[:MAX_WORDS]))))  # each once, in order
        words = list(dict.fromkeys(word for piece in pieces for word in _words(piece)))[:MAX_WORDS]
        if words not in ([], [wanted]):  # one word is left of "哈哈哈" and of "no no", too
            self._add_some_words(found, words)
        if pieces not in ([], [wanted]):
            self._add_all_words(found, pieces)
        size = _n_letters if _n_letters(wanted) else len  # of "?!" the signs count
        for row in self._holding(wanted):
            share = min(1.0, size(wanted) / max(1, size(self.folded[row])))
            cover = self._cover(row, wanted)
            value = IS if share == cover == 1 else (HOLDS + HOLDS_MORE * share) * cover**PART_OF_WORD
            found[row] = max(found[row], value)
        return found

    def _add_some_words(self, found: npt.NDArray[np.float64], words: Sequence[str]) -> None:
        """Give a text the share of the query that it holds, rare words counting more."""
        total, n = 0.0, len(self.folded)
        for word in words:
            rows = self._phrase(word, prefix=False)
            weight = math.log1p((n - len(rows) + 0.5) / (len(rows) + 0.5))
            found[rows] += weight
            total += weight
        found *= SOME_WORDS / total

    def _add_all_words(self, found: npt.NDArray[np.float64], pieces: Sequence[str]) -> None:
        """Give a text that holds every piece of the query more."""
        for row in set.intersection(*map(self._holding, pieces)):
            cover = min(self._cover(row, piece) for piece in pieces)
            found[row] = max(found[row], ALL_WORDS * cover**PART_OF_WORD)

    def _holding(self, wanted: str) -> set[int]:
        """Find the texts that hold a folded string, or its words in a row, whatever signs stand between them."""
        rows = {row for row, text in enumerate(self.folded) if wanted in text}
        if not rows or len(_tokens(wanted)) > 1:
            rows.update(self._phrase(wanted, prefix=True))
        return rows

    def _phrase(self, words: str, *, prefix: bool) -> list[int]:
        """Find the texts that have words in a row; of the last one only the beginning, if so wanted."""
        tokens = _tokens(words)[:MAX_WORDS]
        if not tokens:
            return []
        expression = f'"{" ".join(tokens)}"' + (" *" if prefix and not STANDS_ALONE.match(tokens[-1]) else "")
        with self._lock:
            found = self._database.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)).fetchall()
        return [row for (row,) in found]

    def _cover(self, row: int, wanted: str) -> float:
        """Return the share that a string has of the words it touches in a text: 1 where it ends where they do."""
        text, best = self.folded[row], 0.0
        start = text.find(wanted)
        if start < 0:  # found as words in a row, with signs between them
            return 1.0
        while start >= 0 and best < 1:
            stop = start + len(wanted)
            around = _rest_of_word(text, start, -1) + _rest_of_word(text, stop - 1, 1)
            best = max(best, len(wanted) / (len(wanted) + around))
            start = text.find(wanted, start + 1)
        return best


_indexes: WeakKeyDictionary[PictureTexts, TextIndex] = WeakKeyDictionary()
_building = threading.Lock()


def index_of(texts: PictureTexts) -> TextIndex:
    """Return the index of what the pictures of a collection say; it is built once and lives as long as the texts.

    Parameters
    ----------
    texts : PictureTexts

    Returns
    -------
    TextIndex
    """
    with _building:
        if texts not in _indexes:
            _indexes[texts] = TextIndex(texts.texts)
        return _indexes[texts]


def fold_text(text: str) -> str:
    r"""Bring a text to the form in which it is compared.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        NFKC, without capitals, accents and characters that nobody sees; no spaces and line breaks beside ideographs,
        single spaces elsewhere.

    Examples
    --------
    >>> fold_text("我要\n加 班"), fold_text(" Café\n２０２６ "), fold_text("がんばれ")
    ('我要加班', 'cafe 2026', 'がんばれ')
    """
    readable = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be written anywhere
    folded = unicodedata.normalize("NFKC", UNSEEN.sub("", readable)).casefold()
    if ACCENTED.search(folded):  # of Latin, Greek and Cyrillic letters; the marks of kana and Indic scripts are letters
        folded = unicodedata.normalize("NFC", ACCENTS.sub("", unicodedata.normalize("NFD", folded)))
    return " ".join(SPACE_BESIDE.sub("", CONTROL.sub(" ", folded)).split())


def _words(piece: str) -> list[str]:
    """Part a piece without spaces into words; a run of ideographs gives its pairs, which most words are."""
    words: list[str] = []
    for run in RUNS.findall(piece):
        if not STANDS_ALONE.match(run):
            words += _tokens(run)
        elif len(run) < 3:
            words.append(run)
        else:
            words += [run[i : i + 2] for i in range(len(run) - 1)]
    return words


def _tokens(text: str) -> list[str]:
    """Part a folded text as the index does."""
    return _spaced("".join(char if _is_letter(char) else " " for char in text)).split()


def _spaced(text: str) -> str:
    """Put spaces around what stands alone."""
    return RUN_ALONE.sub(lambda run: f" {' '.join(run[0])} ", text)


def _is_letter(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN"


def _n_letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _rest_of_word(text: str, at: int, step: int) -> int:
    """Count the letters beyond a place, in one direction, that belong to the same word."""
    if STANDS_ALONE.match(text[at]) or not _is_letter(text[at]):
        return 0
    n = 0
    while n < LONGEST_REST and 0 <= (at := at + step) < len(text):
        if not _is_letter(text[at]) or STANDS_ALONE.match(text[at]):
            break
        n += 1
    return n
