"""Corrections are made again on another fit: concepts are known by their pictures, not by their numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from colorsets import COLORS, another_fit, color_of, colors_of, five_colors

from concept_memes import edits
from concept_memes.concepts import ConceptSet, Edit
from concept_memes.edits import merge_groups, rename, split
from concept_memes.model import ConceptModel
from concept_memes.replaying import replay
from concept_memes.sources import ImageSource
from concept_memes.testing import ColorEncoder, color_images

SETTINGS = {"n_exemplars": 4, "diversity": 0.3}


@pytest.fixture(scope="module")
def five(fit_colors: Callable[[ImageSource], ConceptSet]) -> ConceptSet:
    return five_colors(fit_colors)


def edited(five: ConceptSet) -> ConceptSet:
    """Merge blue and maroon, split red, name lime."""
    merged = merge_groups(five, [[1, 3]], **SETTINGS).concept_set
    return rename(split(merged, 0, 2, **SETTINGS).concept_set, 2, "limes")


def test_the_same_fit_ends_in_the_same_concepts(five: ConceptSet) -> None:
    corrected = edited(five)
    again, lost = replay(five, corrected.edits, **SETTINGS)
    assert lost == ()
    assert again.edits == corrected.edits
    pairs = set(zip(corrected.labels.tolist(), again.labels.tolist(), strict=True))
    assert len(pairs) == len(corrected) == len(again)
    assert [c.size for c in again.concepts] == sorted((c.size for c in corrected.concepts), reverse=True)
    for old, new in pairs:
        first, second = corrected.concepts[old], again.concepts[new]
        assert (first.exemplars, first.name) == (second.exemplars, second.name)
        np.testing.assert_array_equal(corrected.centroids[old], again.centroids[new])


def test_pictures_that_an_edit_does_not_name_go_where_they_went(
    five: ConceptSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "PICTURES_PER_GROUP", 2)
    for number in range(3):  # kinds without parts: the border is anywhere
        corrected = split(five, number, 3, **SETTINGS).concept_set
        assert max(len(group) for group in corrected.edits[0].groups) == 2
        again, lost = replay(five, corrected.edits, **SETTINGS)
        assert lost == ()
        assert len(set(zip(corrected.labels.tolist(), again.labels.tolist(), strict=True))) == len(corrected)


def test_numbers_of_another_fit_do_not_matter(five: ConceptSet) -> None:
    corrected = edited(five)
    other = another_fit(five, np.array([3, 0, 4, 2, 1])[five.labels])
    again, lost = replay(other, corrected.edits, **SETTINGS)
    assert lost == ()
    assert len(set(zip(corrected.labels.tolist(), again.labels.tolist(), strict=True))) == len(corrected)
    limes = next(c.index for c in again.concepts if c.name == "limes")
    assert colors_of(again, limes) == ["lime"]


def test_a_split_parts_a_concept_that_holds_more_than_before(five: ConceptSet) -> None:
    joined = merge_groups(five, [[0, 3]], **SETTINGS).concept_set
    corrected = split(joined, 0, 2, **SETTINGS).concept_set
    coarse = another_fit(five, np.array([0, 0, 1, 0, 1])[five.labels])  # red, blue and maroon; lime and yellow
    again, lost = replay(coarse, corrected.edits[1:], **SETTINGS)
    assert lost == ()
    parts = [colors_of(again, number) for number in range(len(again))]
    assert sorted(color for part in parts for color in part) == sorted(COLORS)
    assert ["lime", "yellow"] in parts
    assert sum("red" in part or "maroon" in part for part in parts) == 2
    assert ["maroon", "red"] not in parts


def test_new_pictures_go_to_the_nearest_part(five: ConceptSet) -> None:
    joined = merge_groups(five, [[0, 3]], **SETTINGS).concept_set
    (edit,) = split(joined, 0, 2, **SETTINGS).concept_set.edits[1:]
    red, maroon = edit.groups
    few = replace(edit, groups=(red[:2], (*maroon[:2], red[-1])))  # one red picture was filed under the other part
    again, lost = replay(another_fit(joined, joined.labels), (few,), **SETTINGS)
    assert lost == ()
    parts = {
        color: {int(again.labels[row]) for row in range(len(again.labels)) if color_of(again, row) == color}
        for color in ("red", "maroon")
    }
    assert len(parts["maroon"]) == 1
    misfiled = next(row for row, image in enumerate(again.images) if image.content_hash == red[-1])
    assert {int(again.labels[misfiled])} == parts["maroon"]
    others = [row for row in range(len(again.labels)) if color_of(again, row) == "red" and row != misfiled]
    assert len({int(again.labels[row]) for row in others} | parts["maroon"]) == 2


def test_what_is_so_already_stays_as_it_is(five: ConceptSet) -> None:
    corrected = edited(five)
    done = another_fit(five, corrected.labels)
    again, lost = replay(done, corrected.edits, **SETTINGS)
    assert lost == ()
    assert len(again) == len(done)
    assert len(set(zip(done.labels.tolist(), again.labels.tolist(), strict=True))) == len(done)


def test_edits_whose_pictures_are_gone_are_told_and_kept(five: ConceptSet) -> None:
    gone = Edit("merge", (("no such",), ("nor such",)))
    half_gone = Edit("merge", (("no such",), (five.images[0].content_hash,)))
    nameless = Edit("rename", (("no such",),), "name")
    given = (gone, half_gone, nameless)
    again, lost = replay(five, given, **SETTINGS)
    assert (lost, again.edits) == (given, given)
    np.testing.assert_array_equal(again.labels, five.labels)


def test_a_concept_that_is_scattered_is_not_known_again(five: ConceptSet) -> None:
    named = rename(five, 0, "reds")
    thirds = np.where(five.labels == 0, np.array([0, 5, 6])[np.arange(len(five.labels)) % 3], five.labels)
    again, lost = replay(another_fit(five, thirds), named.edits, **SETTINGS)
    assert lost == named.edits
    assert all(concept.name == "" for concept in again.concepts)


def test_pictures_that_are_in_no_concept_now_are_no_concept(five: ConceptSet) -> None:
    named = rename(five, 4, "suns")
    again, lost = replay(another_fit(five, np.where(five.labels == 4, -1, five.labels)), named.edits, **SETTINGS)
    assert lost == named.edits
    assert len(again) == 4


def test_a_split_is_made_again_where_a_later_fit_has_other_sides() -> None:
    # Beside many blue pictures red and maroon lie on one side, and plain parting would leave them together.
    kinds = color_images(["red"], 8) + color_images(["maroon"], 5)
    model = ConceptModel(embedding_model=ColorEncoder(), n_concepts=1, vocabulary=["red", "maroon", "blue"])
    model.fit(kinds)
    model.split_concept(0)
    model.fit(kinds + color_images(["blue"], 20))
    labels = model.labels_
    assert set(labels[:8].tolist()).isdisjoint(labels[8:13].tolist())
