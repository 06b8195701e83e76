"""Which of very many words a page keeps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from concept_memes.centring import unit
from concept_memes.concepts import ConceptSet
from concept_memes.explorer.page_words import choose_words
from concept_memes.explorer.search_data import search_data


def test_all_words_stay_where_there_are_not_too_many(color_set: ConceptSet) -> None:
    assert choose_words(color_set, ["a", "b"], np.eye(2, 27, dtype=np.float32)).tolist() == [0, 1]


def test_words_of_concepts_come_first_then_everyday_ones_then_those_that_stand_out(color_set: ConceptSet) -> None:
    plain = np.zeros(27)  # equally near to all pictures
    green = unit(color_set.vectors[-1] - color_set.vectors.mean(axis=0))
    words = ["zyzzyva", "dog", "xylem ray", *color_set.words[:1], "quux", "Ice  Cream"]
    vectors = np.stack([plain, plain, green, plain, plain, plain]).astype(np.float32)
    chosen = [[words[i] for i in choose_words(color_set, words, vectors, limit)] for limit in (1, 3, 4)]
    assert chosen[0] == [color_set.words[0]]
    assert chosen[1] == ["dog", color_set.words[0], "Ice  Cream"]
    assert chosen[2] == ["dog", "xylem ray", color_set.words[0], "Ice  Cream"]


def test_the_page_says_when_it_knows_fewer_words_than_the_run(color_set: ConceptSet) -> None:
    rows = np.arange(len(color_set.images))
    full = search_data(color_set, rows, color_set.words, color_set.word_vectors)
    assert full.note == ""
    without_model = replace(color_set, candidates=(*color_set.words, "more", "words"))
    note = search_data(without_model, rows, color_set.words, color_set.word_vectors).note
    assert "The model was not at hand" in note


def test_without_words_there_is_a_search_for_letters(color_set: ConceptSet) -> None:
    nothing = search_data(color_set, np.arange(5), (), np.empty((0, 27), np.float32))
    assert nothing.as_document()["kind"] == "letters"
    assert nothing.note
    assert b"".join(nothing.blocks()) == b""
