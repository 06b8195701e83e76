"""Corrections: what they change, what stays, bit for bit, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from colorsets import another_fit, colors_of, five_colors

from concept_memes.assembly import with_words
from concept_memes.concepts import Concept, ConceptSet
from concept_memes.edits import PICTURES_PER_GROUP, merge_groups, rename, split
from concept_memes.errors import InvalidParameterError
from concept_memes.labels import RankedWord
from concept_memes.sources import ImageSource
from concept_memes.testing import color_images

SETTINGS = {"n_exemplars": 4, "diversity": 0.3}


@pytest.fixture(scope="module")
def five(fit_colors: Callable[[ImageSource], ConceptSet]) -> ConceptSet:
    return five_colors(fit_colors)


def same(one: Concept, other: Concept) -> bool:
    return replace(one, index=0) == replace(other, index=0)


# --- Merging ----------------------------------------------------------------------------------------------------------


def test_a_merged_concept_has_the_lowest_number_and_the_gap_closes(five: ConceptSet) -> None:
    merged = merge_groups(five, [[3, 1]], **SETTINGS)
    assert merged.changed == (1,)
    assert [colors_of(merged.concept_set, i) for i in range(4)] == [["red"], ["blue", "maroon"], ["lime"], ["yellow"]]
    assert [(c.index, c.size) for c in merged.concept_set.concepts] == [(0, 14), (1, 20), (2, 10), (3, 6)]
    assert len(merged.concept_set.centroids) == 4


def test_concepts_that_are_not_merged_stay_bit_for_bit(five: ConceptSet) -> None:
    named = rename(five, 4, "suns")
    merged = merge_groups(named, [[1, 3]], **SETTINGS).concept_set
    for new, old in ((0, 0), (2, 2), (3, 4)):
        assert same(merged.concepts[new], named.concepts[old])
        np.testing.assert_array_equal(merged.centroids[new], named.centroids[old])
    assert merged.concepts[3].name == "suns"
    np.testing.assert_array_equal(merged.probabilities, five.probabilities)


def test_a_merged_concept_is_described_by_its_own_pictures(five: ConceptSet) -> None:
    merged = merge_groups(five, [[0, 3]], **SETTINGS).concept_set
    members = merged.members(0)
    mean = five.vectors[members].mean(axis=0)
    np.testing.assert_allclose(merged.centroids[0], mean / np.linalg.norm(mean), atol=1e-6)
    exemplars = merged.concepts[0].exemplars
    assert len(exemplars) == 4
    assert set(exemplars) <= set(members.tolist())
    assert merged.concepts[0].words == ()
    assert merged.hierarchy == ()


def test_several_groups_are_merged_at_once_by_the_numbers_of_before(five: ConceptSet) -> None:
    merged = merge_groups(five, [[4, 2], [3, 0], [1]], **SETTINGS)
    assert [colors_of(merged.concept_set, i) for i in range(3)] == [["maroon", "red"], ["blue"], ["lime", "yellow"]]
    assert merged.changed == (0, 2)
    assert [edit.kind for edit in merged.concept_set.edits] == ["merge", "merge"]


@pytest.mark.parametrize(
    ("names", "expected"), [({1: "sky"}, "sky"), ({3: "wine"}, "wine"), ({1: "sky", 3: "wine"}, ""), ({}, "")]
)
def test_a_name_stays_if_only_one_of_the_merged_had_one(five: ConceptSet, names: dict[int, str], expected: str) -> None:
    for number, name in names.items():
        five = rename(five, number, name)
    assert merge_groups(five, [[1, 3]], **SETTINGS).concept_set.concepts[1].name == expected


def test_raw_labels_follow(five: ConceptSet) -> None:
    raw = five.labels.copy()
    raw[[0, 20, 45]] = -1  # a red, a blue and a yellow picture were put into their concepts later on
    merged = merge_groups(replace(five, raw_labels=raw), [[1, 3]], **SETTINGS).concept_set
    np.testing.assert_array_equal(merged.raw_labels, np.where(raw < 0, -1, merged.labels))
    parted = split(merged, 1, 2, **SETTINGS).concept_set
    np.testing.assert_array_equal(parted.raw_labels, np.where(raw < 0, -1, parted.labels))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([[0, 5]], "from 0 to 4"),
        ([[0, -1]], "from 0 to 4"),
        ([[0, True]], "from 0 to 4"),
        ([["a", "b"]], "from 0 to 4"),
        ([[2]], "two concepts or more"),
        ([[]], "two concepts or more"),
        ([[1, 1]], "come only once"),
        ([[1, 2], [2, 3]], "come only once"),
    ],
)
def test_what_cannot_be_merged_is_refused(five: ConceptSet, groups: list[list[int]], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        merge_groups(five, groups, **SETTINGS)


# --- Splitting and renaming -------------------------------------------------------------------------------------------


def test_the_largest_part_keeps_the_number_and_the_others_come_last(five: ConceptSet) -> None:
    joined = merge_groups(five, [[0, 3, 4]], **SETTINGS).concept_set
    parted = split(joined, 0, 3, **SETTINGS)
    assert parted.changed == (0, 3, 4)
    assert [colors_of(parted.concept_set, i) for i in range(5)] == [["red"], ["blue"], ["lime"], ["maroon"], ["yellow"]]
    assert [c.size for c in parted.concept_set.concepts] == [14, 12, 10, 8, 6]
    assert same(parted.concept_set.concepts[1], five.concepts[1])


def test_parts_have_no_name(five: ConceptSet) -> None:
    parted = split(rename(five, 0, "reds"), 0, 2, **SETTINGS).concept_set
    assert (parted.concepts[0].name, parted.concepts[5].name) == ("", "")


def test_more_parts_than_different_pictures_are_refused(
    five: ConceptSet, fit_colors: Callable[[ImageSource], ConceptSet]
) -> None:
    with pytest.raises(InvalidParameterError, match="n=7: n must be an integer from 2 to 6"):
        split(five, 4, 7, **SETTINGS)
    with pytest.raises(InvalidParameterError, match="n=1: "):
        split(five, 4, 1, **SETTINGS)
    copies = fit_colors(color_images(["red"], 1) * 4)
    with pytest.raises(InvalidParameterError, match="all pictures of this concept are the same one"):
        split(copies, 0, 2, **SETTINGS)


def test_names_are_tidied_up_and_taken_away(five: ConceptSet) -> None:
    named = rename(five, 2, "  mix \n tapes ")
    assert (named.concepts[2].name, named.concepts[2].title) == ("mix tapes", "mix tapes")
    assert named.concepts[2].words == five.concepts[2].words
    assert rename(named, 2, "").concepts[2].title == five.concepts[2].title
    with pytest.raises(InvalidParameterError, match="name=3"):
        rename(five, 2, 3)  # type: ignore[arg-type]


# --- Words ------------------------------------------------------------------------------------------------------------


def test_some_concepts_get_words_and_the_vectors_of_all_used_words_are_kept(five: ConceptSet) -> None:
    vectors = np.eye(2, five.vectors.shape[1], dtype=np.float32)
    found = with_words(five, {1: [RankedWord("new", 0.5, 0.9)], 2: []}, ["new", "unused"], vectors)
    assert (found.concepts[1].words, found.concepts[1].word_confidences) == (("new",), (0.9,))
    assert found.concepts[2].words == ()
    assert found.concepts[0] == five.concepts[0]
    assert found.words == tuple(sorted({word for concept in found.concepts for word in concept.words}))
    known = dict(zip([*five.words, "new"], [*five.word_vectors, vectors[0]], strict=True))
    for word, vector in zip(found.words, found.word_vectors, strict=True):
        np.testing.assert_array_equal(vector, known[word])


def test_confidences_that_the_labeler_does_not_tell_are_left_out(five: ConceptSet) -> None:
    vectors = np.zeros((1, five.vectors.shape[1]), np.float32)
    found = with_words(five, {0: [RankedWord("new", 0.5, float("nan"))]}, ["new"], vectors)
    assert (found.concepts[0].words, found.concepts[0].word_confidences) == (("new",), ())


# --- What is kept ----------------------------------------------------------------------------------------------------


def test_few_pictures_are_kept_of_a_large_concept(five: ConceptSet) -> None:
    many = 3 * PICTURES_PER_GROUP
    records = tuple(replace(five.images[0], content_hash=f"{i:04}") for i in range(many))
    vectors = five.vectors[np.arange(many) % 14] + np.linspace(0, 0.01, many, dtype=np.float32)[:, None]
    large = another_fit(
        replace(five, images=records, vectors=vectors, probabilities=np.ones(many)), np.zeros(many, np.int64)
    )
    (edit,) = rename(large, 0, "reds").edits
    assert len(edit.groups[0]) == len(set(edit.groups[0])) == PICTURES_PER_GROUP
