"""Copies count once: in centre, clustering, exemplars, words, votes and figures; each has its concept all the same.

What is a copy of what is said by the names of pictures here: "red-1" stands for "red-1~2" and "red-1~3", and "~red-1"
for all three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from figuresets import shapes_set
from PIL import Image
from sklearn.base import BaseEstimator

from concept_memes import ConceptModel
from concept_memes.assignment import place_vectors
from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit, ImageRecord
from concept_memes.counting import count_near_copies, counted_rows, families_among, representatives
from concept_memes.errors import InvalidParameterError
from concept_memes.explorer.covers import cover_rows
from concept_memes.figures import frequencies, query, tree
from concept_memes.figures.collage import _tiles_of
from concept_memes.findings import PictureFamilies
from concept_memes.memes import copies
from concept_memes.queries import Query
from concept_memes.replaying import counted_keys
from concept_memes.testing import ColorEncoder, color_images

COLORS = ["red", "lime", "blue"]


def families_by_name(pictures: Any, *_: object, **__: object) -> PictureFamilies:
    """Tell copies by names; which of them stands for the others too."""
    names = [image.name for image in pictures.images]
    first: dict[str, int] = {}
    for index in sorted(range(len(names)), key=lambda i: (not names[i].startswith("~"), len(names[i]), names[i])):
        if pictures.images[index].content_hash:
            first.setdefault(picture_of(names[index]), index)
    heads = [first.get(picture_of(name), -1) for name in names]
    copy_of = np.array(heads, np.int64)
    kinds = ((copy_of != np.arange(len(names))) & (copy_of >= 0)) * np.uint8(2)
    return PictureFamilies(copy_of, kinds, copy_of.copy())


def picture_of(name: str) -> str:
    return name.strip("~").split("~")[0]


@pytest.fixture(autouse=True)
def told_by_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "find_families", families_by_name)


def heap(n_per_color: int = 8, seed: int = 0) -> tuple[list[Image.Image], list[str]]:
    images = color_images(COLORS, n_per_color, seed=seed)
    return images, [f"{color}-{n}" for color in COLORS for n in range(n_per_color)]


def altered(image: Image.Image, by: int) -> Image.Image:
    """Change a picture a little, as recompressing would: another content, another vector."""
    pixels = np.asarray(image).astype(np.int64)
    pixels[: 1 + by, : 3 + by] += 9 * by
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def with_copies(
    images: Sequence[Image.Image], names: Sequence[str], n_copies: dict[str, int]
) -> tuple[list[Image.Image], list[str]]:
    """Put altered copies to the end."""
    more = [
        (altered(images[names.index(name)], i), f"{name}~{i}") for name, n in n_copies.items() for i in range(1, n + 1)
    ]
    return [*images, *(image for image, _ in more)], [*names, *(name for _, name in more)]


def fitted(images: Sequence[Image.Image], names: Sequence[str], **parameters: Any) -> ConceptModel:
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=COLORS, cache=False, **parameters)
    return model.fit(images, image_names=names)


def label_of(model: ConceptModel, name: str) -> int:
    return int(model.labels_[[image.name for image in model.images_].index(name)])


def some_pictures(hashes: Sequence[str], copy_of: Sequence[int] | None) -> ConceptSet:
    concept_set = shapes_set((((), len(hashes)),), n_noise=0, n_skipped=0)
    images = tuple(ImageRecord(f"{i}", None, key) for i, key in enumerate(hashes))
    if copy_of is None:
        return replace(concept_set, images=images)
    heads = np.array(copy_of, np.int64)
    families = PictureFamilies(heads, (heads != np.arange(len(heads))).astype(np.uint8), heads)
    return replace(concept_set, images=images, families=families)


class TestRepresentatives:
    def test_each_picture_counts_where_nobody_looked_for_copies(self) -> None:
        rows = np.array([3, 1, 2])
        pictures = some_pictures("abcd", None)
        assert representatives(pictures, rows) is rows
        assert counted_rows(pictures, rows) is rows
        assert families_among(pictures, rows) is None
        assert count_near_copies(pictures) == 0

    def test_the_one_that_stands_for_copies_counts_for_them(self) -> None:
        pictures = some_pictures("abcde", [4, 1, 1, 3, 4])
        assert representatives(pictures, np.arange(5)).tolist() == [4, 1, 1, 3, 4]
        assert counted_rows(pictures, np.arange(5)).tolist() == [1, 3, 4]
        assert counted_rows(pictures, np.array([4, 0, 3, 2, 1])).tolist() == [4, 3, 1]

    def test_where_it_is_missing_the_copy_with_the_smallest_content_hash_counts(self) -> None:
        pictures = some_pictures("zyxwv", [0, 0, 0, 3, 3])
        assert representatives(pictures, np.array([1, 2, 3, 4])).tolist() == [2, 2, 3, 3]
        assert representatives(pictures, np.array([4, 2, 1])).tolist() == [4, 2, 2]

    def test_a_picture_that_could_not_be_compared_counts_for_itself(self) -> None:
        pictures = some_pictures(["a", "", "b"], [2, -1, 2])
        assert representatives(pictures, np.arange(3)).tolist() == [2, 1, 2]

    def test_copies_among_some_pictures_go_by_their_places_there(self) -> None:
        pictures = some_pictures("abcde", [4, 1, 1, 3, 4])
        found = families_among(pictures, np.array([0, 2, 3, 4]))
        assert found is not None
        assert found.copy_of.tolist() == [3, 1, 2, 3]

    def test_near_copies_are_contents_that_are_copies_of_another_content(self) -> None:
        assert count_near_copies(some_pictures(["a", "a", "b", "c", ""], [2, 2, 2, 3, -1])) == 1


@pytest.mark.parametrize("n_per_color", [8, 45], ids=["few", "many"])
@pytest.mark.parametrize("parameters", [{}, {"n_concepts": 5}, {"granularity": "coarse"}, {"outliers": 0.1}])
def test_copies_change_nothing_but_the_sizes(n_per_color: int, parameters: dict[str, Any]) -> None:
    images, names = heap(n_per_color)
    alone = fitted(images, names, **parameters).concepts_
    more = fitted(*with_copies(images, names, {"red-0": 3, "lime-2": 3, "blue-5": 3, "blue-1": 1}), **parameters)
    found = more.concepts_
    n = len(images)
    # Numbers may differ: concepts with copies are larger.
    number_of = {int(a): int(b) for a, b in zip(alone.labels, found.labels[:n], strict=True)}
    assert len(set(number_of.values())) == len(number_of)
    np.testing.assert_array_equal([number_of[int(a)] for a in alone.labels], found.labels[:n])
    np.testing.assert_array_equal(alone.probabilities, found.probabilities[:n])
    np.testing.assert_allclose(
        [node.similarity for node in alone.hierarchy], [node.similarity for node in found.hierarchy], atol=1e-12
    )
    np.testing.assert_array_equal(alone.centre, found.centre)
    for concept in alone.concepts:
        other = found.concepts[number_of[concept.index]]
        assert concept.exemplars == other.exemplars
        assert concept.exemplar_scores == other.exemplar_scores
        assert (concept.words, concept.word_scores) == (other.words, other.word_scores)
        np.testing.assert_array_equal(alone.centroids[concept.index], found.centroids[other.index])
        assert other.size == int((found.labels == other.index).sum())
    for place, image in enumerate(found.images[n:], start=n):
        assert found.labels[place] == label_of(more, image.name.split("~")[0])
    assert sum(c.size for c in found.concepts) == int((found.labels >= 0).sum())
    assert [c.size for c in found.concepts] == sorted((c.size for c in found.concepts), reverse=True)


def test_copies_have_the_probability_and_the_raw_label_of_the_one_that_counts() -> None:
    found = fitted(*with_copies(*heap(), {"red-0": 2})).concepts_
    for values in (found.probabilities, found.raw_labels, found.raw_probabilities):
        assert values[-1] == values[-2] == values[0]


def test_the_concept_with_most_pictures_is_the_first_copies_included() -> None:
    images, names = heap()
    model = fitted(*with_copies(images, names, {"blue-0": 9}))
    assert label_of(model, "blue-3") == 0
    assert model.concepts_.concepts[0].size == 17


def test_duplicates_that_are_kept_count_each() -> None:
    images, names = with_copies(*heap(), {"red-0": 9})
    kept = fitted(images, names, duplicates="keep").concepts_
    once = fitted(images, names).concepts_
    assert kept.families is None
    assert (kept.centre != once.centre).any()


def test_a_collection_without_copies_is_the_same_either_way() -> None:
    kept, once = (fitted(*heap(), duplicates=how).concepts_ for how in ("keep", "collapse"))
    for name in ("labels", "probabilities", "raw_labels", "raw_probabilities", "centre", "centroids"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(once, name))
    assert kept.concepts == once.concepts
    assert kept.hierarchy == once.hierarchy


def test_many_copies_of_one_picture_are_no_concept_of_their_own() -> None:
    images, names = heap()
    lone = color_images(["yellow"], 1)
    images, names = with_copies([*images, *lone], [*names, "yellow-0"], {"yellow-0": 6})
    assert label_of(fitted(images, names, duplicates="keep", outliers="keep"), "yellow-0") >= 0
    model = fitted(images, names, outliers="keep")
    assert label_of(model, "yellow-0") == label_of(model, "yellow-0~6") == -1


def test_the_smallest_size_of_a_concept_counts_different_pictures() -> None:
    images, names = heap()
    images, names = images[:19], names[:19]  # three blue ones
    images, names = with_copies(images, names, {"blue-0": 9})
    assert label_of(fitted(images, names, min_concept_size=5, outliers="keep"), "blue-1") == -1


def test_the_user_s_own_clusterer_sees_each_picture_once() -> None:
    seen = []

    class Halves(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
        def fit(self, points: npt.NDArray[Any]) -> Halves:
            seen.append(len(points))
            self.labels_ = (np.arange(len(points)) % 2).astype(np.int64)
            return self

    model = fitted(*with_copies(*heap(), {"red-0": 3}), hdbscan_model=Halves())
    assert seen == [24]
    assert label_of(model, "red-0~2") == label_of(model, "red-0")


def test_neither_exemplars_nor_members_in_a_figure_are_copies_of_one_another() -> None:
    found = fitted(*with_copies(*heap(), {"red-0": 3, "red-1": 3, "lime-0": 4}), n_exemplars=8).concepts_
    for concept in found.concepts:
        for shown in (
            list(concept.exemplars),
            _tiles_of(found, concept, "members", None),
            cover_rows(found, replace(concept, exemplars=())),
        ):
            heads = found.families.copy_of[shown]  # type: ignore[union-attr]
            assert len(np.unique(heads)) == len(shown)
        assert len(_tiles_of(found, concept, "members", None)) == 8


def test_a_cover_shows_no_copy_of_an_exemplar_that_does_not_stand_for_its_copies() -> None:
    found = fitted(*with_copies(*heap(), {"red-0": 1})).concepts_
    copy = len(found.images) - 1
    rows = cover_rows(found, replace(found.concepts[int(found.labels[copy])], exemplars=(copy,)))
    assert rows[0] == copy
    assert 0 not in rows


def test_figures_show_no_picture_twice_where_there_are_no_exemplars(monkeypatch: pytest.MonkeyPatch) -> None:
    images, names = with_copies(*heap(), {"red-0": 3, "red-1": 3, "blue-0": 6})
    found = fitted(images, names).concepts_
    assert found.families is not None
    nobody = replace(
        found,
        labels=np.where(found.labels == found.labels[16], -1, found.labels),  # blue
        concepts=tuple(replace(concept, exemplars=()) for concept in found.concepts),
    )
    red = int(found.labels[0])
    drawn: list[list[int]] = []
    monkeypatch.setattr(query, "draw_covers", lambda _, tiles, **kwargs: drawn.extend(tiles) or covers(tiles))
    hits = [ImageHit(None, 0.9, i, red) for i in (0, 24)]
    query.draw_query(nobody, Query("red"), hits, [ConceptHit(red, 0.5)])
    (shown,) = [tiles for tiles in drawn if len(tiles) > 1]
    outside = next(row for row in frequencies._rows(nobody, 9) if row.gid == "none").tiles
    for tiles in (shown, tree._tiles_of(nobody, red), outside):
        assert len(tiles) > 1
        assert len(np.unique(found.families.copy_of[list(tiles)])) == len(tiles)
    assert [hits[0].index, hits[1].index] == [tiles[0] for tiles in drawn[:2]]  # what was found is drawn, copies too


def covers(tiles: Sequence[Sequence[int]]) -> list[Image.Image]:
    return [Image.new("RGB", (8, 8)) for _ in tiles]


def test_copies_have_one_vote() -> None:
    found = fitted(*with_copies(*heap(), {"red-0": 40})).concepts_
    once = fitted(*heap()).concepts_
    number = {-1: -1} | {int(a): int(b) for a, b in zip(once.labels, found.labels, strict=False)}
    new = fitted(*heap(seed=5)).concepts_.vectors
    few, many = place_vectors(once, new), place_vectors(found, new)
    assert [number[int(label)] for label in few.labels] == many.labels.tolist()
    np.testing.assert_allclose(few.confidences, many.confidences, atol=1e-12)
    assert (few.confidences < 1).all()  # a vote, and no picture that was there


class TestUpdates:
    @pytest.fixture
    def model(self) -> ConceptModel:
        return fitted(*heap())

    def test_a_new_copy_joins_the_concept_of_the_picture(self, model: ConceptModel) -> None:
        # A copy that looks like another kind altogether goes with its picture all the same.
        model.update(color_images(["blue"], 1, seed=9), image_names=["red-0~1"])
        assert model.labels_[-1] == label_of(model, "red-0")
        assert model.probabilities_[-1] == model.probabilities_[0]
        assert model.concepts_.raw_labels[-1] == model.concepts_.raw_labels[0]

    def test_it_does_so_if_it_stands_for_the_known_ones_from_now_on(self, model: ConceptModel) -> None:
        before = model.labels_.copy()
        model.update(color_images(["blue"], 1, seed=9), image_names=["~red-0"])
        assert model.concepts_.families is not None
        assert model.concepts_.families.copy_of[0] == len(before)
        np.testing.assert_array_equal(model.labels_, [*before, before[0]])

    def test_a_copy_of_a_picture_in_none_stays_in_none(self) -> None:
        images, names = heap()
        model = fitted([*images, *color_images(["yellow"], 1)], [*names, "odd"], outliers="keep")
        assert model.labels_[-1] == -1
        model.update(color_images(["red"], 1, seed=9), image_names=["odd~1"])
        assert model.labels_[-2:].tolist() == [-1, -1]

    def test_copies_alone_make_no_new_concept(self, model: ConceptModel) -> None:
        yellow = color_images(["yellow"], 1)
        images, names = with_copies(yellow, ["yellow-0"], {"yellow-0": 7})
        report = model.update(images, image_names=names)
        assert report.new_concepts == ()
        assert len(set(report.labels.tolist())) == 1

    def test_copies_go_with_the_new_concept_of_their_pictures(self, model: ConceptModel) -> None:
        yellow, names = color_images(["yellow"], 6), [f"yellow-{i}" for i in range(6)]
        images, names = with_copies(yellow, names, {"yellow-0": 2})
        report = model.update(images, image_names=names)
        (concept,) = report.new_concepts
        assert report.labels.tolist() == [concept.index] * 8
        assert concept.size == 8
        heads = model.concepts_.families.copy_of[list(concept.exemplars)]  # type: ignore[union-attr]
        assert len(np.unique(heads)) == len(heads)

    def test_sizes_follow_and_exemplars_stay(self, model: ConceptModel) -> None:
        before = model.concepts_.concepts[label_of(model, "red-0")]
        centroid = model.concepts_.centroids[before.index]
        model.update([altered(heap()[0][0], 1)], image_names=["red-0~1"])
        after = model.concepts_.concepts[before.index]
        assert (after.size, after.exemplars) == (before.size + 1, before.exemplars)
        np.testing.assert_array_equal(model.concepts_.centroids[before.index], centroid)

    def test_copies_that_wait_go_with_what_forms_later(self, model: ConceptModel) -> None:
        yellow = color_images(["yellow"], 6)
        model.update([yellow[0], altered(yellow[0], 1)], image_names=["yellow-0", "yellow-0~1"])
        assert model.labels_[-2:].tolist() == [-1, -1]
        report = model.update(yellow[1:], image_names=[f"yellow-{i}" for i in range(1, 6)])
        (concept,) = report.new_concepts
        assert concept.size == 7
        assert set(model.labels_[-7:].tolist()) == {concept.index}

    def test_the_one_that_counts_decides_for_new_copies_however_they_look(self, model: ConceptModel) -> None:
        images = [*color_images(["red"], 1, seed=9), *color_images(["blue"], 1, seed=9)]
        model.update(images, image_names=["new", "new~1"], new_concepts=False)
        assert model.labels_[-2:].tolist() == [label_of(model, "red-0")] * 2

    def test_old_copies_have_one_vote_among_those_asked(self) -> None:
        once, often = fitted(*heap()), fitted(*with_copies(*heap(), {"red-0": 40}))
        names = [f"new-{i}" for i in range(24)]
        for model in (once, often):
            model.update(heap(seed=5)[0], image_names=names, new_concepts=False)
        np.testing.assert_allclose(once.probabilities_[-24:], often.probabilities_[-24:], atol=1e-12)

    def test_exemplars_that_have_turned_out_to_be_copies_are_chosen_anew(self, model: ConceptModel) -> None:
        fitted_set = model.concepts_
        number = int(fitted_set.labels[0])
        one, other = fitted_set.concepts[number].exemplars[:2]
        images = [*fitted_set.images]
        images[other] = replace(images[other], name=f"{images[one].name}~1")
        model.concepts_ = replace(fitted_set, images=tuple(images))
        model.update(color_images(["blue"], 1, seed=9), image_names=["new"])
        families = model.concepts_.families
        assert families is not None
        exemplars = list(model.concepts_.concepts[number].exemplars)
        assert len(exemplars) > 2
        assert len(np.unique(families.copy_of[exemplars])) == len(exemplars)

    def test_the_new_concept_with_most_pictures_has_the_lowest_number(self, model: ConceptModel) -> None:
        yellow, cyan = color_images(["yellow"], 6), color_images(["cyan"], 5, seed=3)
        names = [*(f"yellow-{i}" for i in range(6)), *(f"cyan-{i}" for i in range(5))]
        model.update(*with_copies([*yellow, *cyan], names, {"cyan-0": 6}))
        assert label_of(model, "cyan-0") == 3
        assert label_of(model, "yellow-0") == 4

    def test_a_copy_has_the_raw_label_of_the_known_picture(self) -> None:
        images, names = heap()
        odd = color_images(["#d04030"], 1)
        model = fitted([*images, *odd], [*names, "odd"], outliers="assign")
        row = len(names)
        raw = replace(
            model.concepts_,
            raw_labels=np.where(np.arange(row + 1) == row, -1, model.concepts_.raw_labels),
            raw_probabilities=np.where(np.arange(row + 1) == row, 0.0, model.concepts_.raw_probabilities),
        )
        model.concepts_ = raw
        model.update([altered(odd[0], 1)], image_names=["odd~1"], new_concepts=False)
        assert model.labels_[-1] == model.labels_[row] >= 0
        assert model.concepts_.raw_labels[-1] == -1

    def test_the_report_counts_near_copies(self, model: ConceptModel) -> None:
        assert model.report_.n_near_copies == 0
        again = altered(heap()[0][0], 1)
        model.update([again, again.copy()], image_names=["red-0~1", "red-0~2"])
        assert model.report_.n_near_copies == 1


class TestEdits:
    def test_parts_of_a_split_hold_whole_groups_of_copies(self) -> None:
        images, names = with_copies(*heap(), {"red-0": 3, "blue-0": 3})
        model = fitted(images, names)
        merged = model.merge_concepts([0, 1, 2])[0]
        assert merged.size == 30
        parts = model.split_concept(merged.index, 3)
        assert sorted((part.size for part in parts), reverse=True) == [part.size for part in parts] == [11, 11, 8]
        for name in ("red-0", "blue-0"):
            assert {label_of(model, f"{name}~{i}") for i in (1, 2, 3)} == {label_of(model, name)}

    def test_a_merged_concept_is_described_by_different_pictures(self) -> None:
        images, names = heap()
        alone, often = fitted(images, names), fitted(*with_copies(images, names, {"red-0": 9}))
        one = alone.merge_concepts([label_of(alone, "red-0"), label_of(alone, "blue-0")])[0]
        other = often.merge_concepts([label_of(often, "red-0"), label_of(often, "blue-0")])[0]
        assert (one.size, one.exemplars) == (16, other.exemplars)
        assert other.size == 25
        np.testing.assert_array_equal(alone.concepts_.centroids[one.index], often.concepts_.centroids[other.index])
        hashes = {image.content_hash for image in often.images_[24:]}
        assert not hashes & {key for edit in often.concepts_.edits for group in edit.groups for key in group}

    def test_an_edit_s_pictures_go_by_those_that_count_now_and_each_once(self) -> None:
        pictures = some_pictures("abcde", [4, 1, 1, 3, 4])
        groups = [("a", "c", "gone"), ("e", "d"), ("b",)]
        assert counted_keys(pictures, np.arange(5), groups) == [("b", "e"), ("d",)]
        assert counted_keys(some_pictures("abcde", None), np.arange(5), groups) == groups

    def test_copies_are_no_different_pictures_to_part(self) -> None:
        images, names = with_copies(*[part[:2] for part in heap()], {"red-0": 3, "red-1": 3})
        model = fitted(images, names)
        with pytest.raises(InvalidParameterError, match="from 2 to 2"):
            model.split_concept(0, 3)

    def test_a_split_is_made_again_when_other_copies_have_come(self) -> None:
        images, names = heap()
        model = fitted(images, names)
        model.merge_concepts([0, 1, 2])
        model.split_concept(0, 3)
        expected = model.labels_.copy()
        # Another picture stands for "red-0" from now on.
        model.fit([*images, altered(images[0], 1)], image_names=[*names, "~red-0"])
        same = {(int(a), int(b)) for a, b in zip(expected, model.labels_, strict=False)}
        assert len(same) == 3
        assert model.labels_[-1] == model.labels_[0]


def test_copies_of_pictures_that_are_gone_are_no_trouble() -> None:
    """`find_families` gives -1 for what cannot be read any more; it counts for itself."""
    images, names = heap()
    model = fitted(images, names)
    families = model.concepts_.families
    assert families is not None
    copy_of = families.copy_of.copy()
    copy_of[3] = -1
    found = replace(model.concepts_, families=replace(families, copy_of=copy_of))
    assert counted_rows(found, np.arange(len(names))).tolist() == list(range(len(names)))
