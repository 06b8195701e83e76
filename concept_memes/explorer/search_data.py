"""What a page needs to search by meaning: words, and both sides of their products with the pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from concept_memes.concepts import ConceptSet
from concept_memes.explorer.compact import CompactRows, compact
from concept_memes.explorer.page import binary_block, json_block
from concept_memes.explorer.page_words import choose_words
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["SearchData", "search_data"]

NO_WORDS = "This page has no words to compare pictures with, so it looks for letters in names."


@dataclass(frozen=True)
class SearchData:
    """Words, and what their products with the pictures are made of.

    Attributes
    ----------
    words : tuple of str
    word_rows, picture_rows : CompactRows or None
        One row per word and per picture of the page; None where there are no words.
    note : str
        What people should know of the search; may be empty.
    """

    words: tuple[str, ...]
    word_rows: CompactRows | None
    picture_rows: CompactRows | None
    note: str

    def as_document(self) -> dict[str, Any]:
        """Say what kind of search the page has.

        Returns
        -------
        dict
        """
        n_dims = 0 if self.word_rows is None else self.word_rows.numbers.shape[1]
        kind = "meaning" if self.words else "letters"
        return {"dims": n_dims, "n_words": len(self.words), "kind": kind, "note": self.note}

    def blocks(self) -> Iterator[bytes]:
        """Write it.

        Yields
        ------
        bytes
        """
        if self.picture_rows is None or self.word_rows is None:
            return
        yield from json_block("words", self.words)
        for name, rows in (("image", self.picture_rows), ("word", self.word_rows)):
            yield from binary_block(f"{name}-vectors", rows.numbers)
            yield from binary_block(f"{name}-scales", rows.scales)


def search_data(concept_set: ConceptSet, rows: IntArray, words: Sequence[str], word_vectors: FloatArray) -> SearchData:
    """Choose words and bring them and the pictures into a few bytes.

    Parameters
    ----------
    concept_set : ConceptSet
    rows : ndarray of shape (n,), int64
        The pictures of the page.
    words : sequence of str
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm

    Returns
    -------
    SearchData
    """
    if not len(rows) or not word_vectors.any():
        return SearchData((), None, None, NO_WORDS)
    chosen = choose_words(concept_set, words, word_vectors)
    pictures, word_rows = compact(concept_set.vectors[rows], word_vectors[chosen])
    note = ""
    if len(chosen) < len(words):
        note = f"Of {len(words):,} candidate words this page knows the {len(chosen):,} that matter most here."
    elif len(words) < len(concept_set.candidates):
        note = f"The model was not at hand when the page was made, so it knows the {len(words):,} words of concepts."
    return SearchData(tuple(words[i] for i in chosen), word_rows, pictures, note)
