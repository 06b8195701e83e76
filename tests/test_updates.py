from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from concept_memes import ConceptModel
from concept_memes.clustering import Clustering
from concept_memes.concepts import Concept, ConceptSet
from concept_memes.errors import InvalidParameterError, NoWordsWarning, SkippedImagesWarning
from concept_memes.protocols import IntArray
from concept_memes.testing import ColorEncoder, color_images, write_color_images
from concept_memes.updates import UpdateReport, groups_of_concepts, grow

WORDS = ["red", "blue", "lime", "yellow"]


def model_of(*, reds: int = 8, blues: int = 6, **parameters: object) -> ConceptModel:
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS, **parameters)  # type: ignore[arg-type]
    return model.fit(color_images(["red"], reds) + color_images(["blue"], blues))


def as_fitted(concept: Concept) -> Concept:
    return replace(concept, size=0)


def in_the_middle(concept_set: ConceptSet, concept: int) -> int:
    rows = np.flatnonzero(concept_set.labels == concept)
    return int(rows[(concept_set.vectors[rows] @ concept_set.centroids[concept]).argmax()])


def test_new_pictures_join_and_existing_concepts_stay_as_they_are() -> None:
    model = model_of()
    before = model.concepts_
    report = model.update(color_images(["red"], 3, seed=3))
    assert report.labels.tolist() == [0, 0, 0]
    assert report.joined == {0: 3}
    assert report.new_concepts == ()
    assert model.labels_.tolist() == [*before.labels.tolist(), 0, 0, 0]
    assert model.concepts_.raw_labels.tolist() == model.labels_.tolist()
    assert (model.concepts_.raw_probabilities[14:] == model.probabilities_[14:]).all()
    assert [as_fitted(c) for c in model.concepts_.concepts] == [as_fitted(c) for c in before.concepts]
    assert [c.size for c in model.concepts_.concepts] == [11, 6]
    np.testing.assert_array_equal(model.concepts_.centroids[1], before.centroids[1])
    assert not np.array_equal(model.concepts_.centroids[0], before.centroids[0])
    np.testing.assert_array_equal(model.concepts_.centre, before.centre)


def test_pictures_that_fit_none_wait_until_there_are_enough_of_them() -> None:
    model = model_of()
    limes = color_images(["lime"], 8)
    first = model.update(limes[:2])
    assert first.labels.tolist() == [-1, -1]
    assert first.n_waiting == 2
    assert len(model.concepts_) == 2
    second = model.update(limes[2:])
    assert second.labels.tolist() == [2] * 6
    assert [(c.index, c.size, c.words[0]) for c in second.new_concepts] == [(2, 8, "lime")]
    assert second.n_waiting == 0
    assert model.labels_[14:].tolist() == [2] * 8
    assert {2, *model.concepts_.raw_labels[14:].tolist()} == {2}


def test_without_new_concepts_everything_waits() -> None:
    model = model_of()
    report = model.update(color_images(["lime"], 8), new_concepts=False)
    assert report.labels.tolist() == [-1] * 8
    assert len(model.concepts_) == 2


def test_a_folder_that_is_given_again_adds_only_what_is_new(tmp_path: Path) -> None:
    write_color_images(tmp_path, ["red"], 8)
    write_color_images(tmp_path, ["blue"], 6)
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS).fit(tmp_path)
    before = model.concepts_
    again = model.update(tmp_path)
    assert again.n_known == 14
    assert again.labels.tolist() == before.labels.tolist()
    assert model.concepts_ is before
    color_images(["red"], 1, seed=3)[0].save(tmp_path / "another.png")
    more = model.update(tmp_path)
    assert (more.n_known, len(model.images_), len(more.labels)) == (14, 15, 15)
    assert model.images_[14].name == "another.png"
    assert more.labels[0] == model.labels_[14]  # the first by name, the last that came


def test_a_map_lasts_until_a_picture_is_added() -> None:
    reds, blues = color_images(["red"], 8), color_images(["blue"], 6)
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS).fit(reds + blues)
    places = model.positions_
    model.update(reds[:2])
    assert model.concepts_.positions is places
    model.rename_concept(0, "reds")
    model.merge_concepts([0, 1])
    assert model.concepts_.positions is places
    model.update(color_images(["red"], 1, seed=9))
    assert model.concepts_.positions is None
    assert model.positions_.shape == (15, 2)


def test_a_copy_under_another_path_is_added_and_gets_the_label_of_its_original(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_color_images(tmp_path / folder, ["red"], 6)
        write_color_images(tmp_path / folder, ["blue"], 4)
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS).fit(tmp_path / "one")
    report = model.update(tmp_path / "two")
    assert (report.n_known, report.n_copies, len(model.images_)) == (0, 10, 20)
    assert model.labels_[10:].tolist() == model.labels_[:10].tolist()
    assert model.report_.n_copies == 10


def test_pictures_of_an_update_are_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_color_images(tmp_path / "a" / "pictures", ["red", "blue"], 6)
    write_color_images(tmp_path / "b" / "more", ["lime"], 6)
    monkeypatch.chdir(tmp_path / "a")
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS).fit("pictures")
    monkeypatch.chdir(tmp_path / "b")
    model.update("more")
    monkeypatch.chdir(tmp_path)
    assert all(Path(str(model.concepts_.source_of(i))).is_file() for i in range(18))


def test_pictures_that_cannot_be_read_are_reported_and_never_added_twice(tmp_path: Path) -> None:
    model = model_of()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    color_images(["red"], 1, seed=3)[0].save(tmp_path / "fine.png")
    with pytest.warns(SkippedImagesWarning):
        report = model.update(tmp_path)
    assert report.labels.tolist() == [-1, 0]
    assert [s.index for s in report.skipped] == [0]
    assert [s.index for s in model.skipped_] == [14]
    assert "1 could not be read" in str(report)
    with pytest.warns(SkippedImagesWarning):
        assert model.update(tmp_path).n_known == 2
    assert len(model.images_) == 16
    assert len(model.skipped_) == 1


def test_vectors_can_be_given_instead_of_pictures() -> None:
    encoder = ColorEncoder()

    def vectors(color: str, n: int, seed: int) -> np.ndarray:
        return encoder.encode_images(np.stack([encoder.preprocess(i) for i in color_images([color], n, seed=seed)]))

    with pytest.warns(match="without words"):
        model = ConceptModel().fit(image_embeddings=np.concatenate([vectors("red", 8, 0), vectors("blue", 6, 0)]))
    report = model.update(image_embeddings=np.concatenate([vectors("red", 2, 3), vectors("lime", 6, 0)]))
    assert report.labels.tolist() == [0, 0, 2, 2, 2, 2, 2, 2]
    assert [image.name for image in model.images_][-2:] == ["image-20", "image-21"]
    with pytest.raises(InvalidParameterError, match="like the fitted ones"):
        model.update(image_embeddings=np.ones((2, 5)))


def test_the_order_within_a_batch_does_not_matter() -> None:
    new = color_images(["red"], 4, seed=3) + color_images(["lime"], 6) + color_images(["yellow"], 2)
    straight, reverse = model_of(), model_of()
    one, other = straight.update(new), reverse.update(new[::-1])
    assert one.labels.tolist() == other.labels.tolist()[::-1]
    np.testing.assert_array_equal(straight.concepts_.centroids, reverse.concepts_.centroids)
    assert straight.topics == reverse.topics


def test_a_saved_model_goes_on_growing(tmp_path: Path) -> None:
    model = model_of()
    limes = color_images(["lime"], 8)
    model.update(limes[:2])
    loaded = ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder())
    assert loaded.update(limes[2:]).labels.tolist() == model.update(limes[2:]).labels.tolist()
    np.testing.assert_array_equal(loaded.concepts_.vectors, model.concepts_.vectors)
    assert loaded.topics == model.topics
    again = ConceptModel.load(loaded.save(tmp_path / "again"), embedding_model=ColorEncoder())
    assert again.labels_.tolist() == model.labels_.tolist()
    assert again.report_.n_images == 22


def test_names_stay_and_the_tree_follows() -> None:
    model = model_of()
    model.rename_concept(1, "sky")
    model.update(color_images(["lime"], 6))
    assert [c.name for c in model.concepts_.concepts] == ["", "sky", ""]
    assert len(model.concepts_.hierarchy) == 5
    assert model.concepts_.hierarchy[-1].size == 20
    assert model.concepts_.hierarchy[-1].words


def test_what_the_user_has_merged_is_not_taken_apart() -> None:
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS)
    model.fit(color_images(["red"], 8) + color_images(["blue"], 6) + color_images(["lime"], 4))
    model.merge_concepts([0, 1])
    model.update(color_images(["blue"], 3, seed=9))
    assert len(model.concepts_) == 2
    assert set(model.labels_[:14].tolist()) == {0}


def test_a_concept_that_has_come_to_be_two_groups_keeps_the_one_with_its_exemplars(color_set: ConceptSet) -> None:
    labels = np.minimum(color_set.labels, 1)  # blue and green as one concept
    exemplars = tuple(range(12, 16))
    concepts = (color_set.concepts[0], replace(color_set.concepts[1], size=15, exemplars=exemplars, words=("blue",)))
    fitted = replace(color_set, labels=labels, raw_labels=labels, concepts=concepts, centroids=color_set.centroids[:2])

    def regroup(grown: ConceptSet, rows: IntArray) -> Clustering:
        found, ones = color_set.labels[rows], np.ones(len(rows))
        return Clustering(found, ones, found, ones)

    assert groups_of_concepts(fitted, labels, color_set.labels).tolist() == [0, 1]
    grown = grow(fitted, len(labels) - 1, regroup, n_exemplars=4, diversity=0.3)
    assert grown.new == (2,)
    assert grown.n_moved >= 5
    assert grown.concept_set.labels.tolist() == color_set.labels.tolist()
    assert grown.concept_set.concepts[1].words == ("blue",)
    assert grown.concept_set.concepts[1].exemplars == exemplars
    assert set(grown.concept_set.concepts[2].exemplars) <= set(range(21, 27))


def test_those_who_wait_are_asked_again_when_a_concept_has_formed(color_set: ConceptSet) -> None:
    labels = np.where(color_set.labels == 2, -1, color_set.labels)
    fitted = replace(
        color_set,
        labels=labels,
        raw_labels=labels,
        probabilities=(labels >= 0).astype(float),
        concepts=color_set.concepts[:2],
        centroids=color_set.centroids[:2],
    )
    left_out = in_the_middle(color_set, 2)

    def regroup(grown: ConceptSet, rows: IntArray) -> Clustering:
        found = np.where(rows == left_out, -1, color_set.labels[rows])
        return Clustering(found, np.ones(len(rows)), found, np.ones(len(rows)))

    grown = grow(fitted, len(labels) - 1, regroup, n_exemplars=4, diversity=0.3).concept_set
    assert grown.labels.tolist() == color_set.labels.tolist()
    assert 0 < grown.probabilities[left_out] < 1
    assert grown.concepts[2].size == 6


def test_exemplars_that_have_gone_are_replaced(color_set: ConceptSet) -> None:
    labels = np.minimum(color_set.labels, 1)
    concepts = (color_set.concepts[0], replace(color_set.concepts[1], size=15, exemplars=(12, 13, 14, 25)))
    fitted = replace(color_set, labels=labels, raw_labels=labels, concepts=concepts, centroids=color_set.centroids[:2])

    def regroup(grown: ConceptSet, rows: IntArray) -> Clustering:
        found, ones = color_set.labels[rows], np.ones(len(rows))
        return Clustering(found, ones, found, ones)

    exemplars = grow(fitted, len(labels) - 1, regroup, n_exemplars=4, diversity=0.3).concept_set.concepts[1].exemplars
    assert len(exemplars) == 4
    assert set(exemplars) <= set(range(12, 21))


def test_a_report_reads_well() -> None:
    report = UpdateReport(np.array([0, -1, -1, 4]), {0: 1}, known=(3,), n_moved=2)
    assert str(report).splitlines() == [
        "4 images: 1 known already, 1 joined 1 concept, 2 in none",
        "2 images went from existing concepts into new ones",
    ]


def test_a_report_counts_each_picture_once(tmp_path: Path) -> None:
    write_color_images(tmp_path, ["red"], 8)
    write_color_images(tmp_path, ["blue"], 6)
    write_color_images(tmp_path, ["lime"], 2)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS, outliers="keep", min_concept_size=5)
    with pytest.warns(SkippedImagesWarning):
        model.fit(tmp_path)
    assert (model.labels_ < 0).sum() == 3
    write_color_images(tmp_path / "new", ["lime"], 4, seed=5)
    with pytest.warns(SkippedImagesWarning):
        report = model.update(tmp_path)
    # The two lime pictures that waited are in the new concept too, but they were known.
    assert (report.n_known, report.labels.tolist().count(2)) == (17, 6)
    assert str(report).splitlines() == ["21 images: 17 known already, 4 in 1 new concept", "new: 2 (lime), 6 images"]


def test_pixels_of_an_update_are_kept_for_figures() -> None:
    model = model_of()
    model.update(color_images(["lime"], 6))
    assert isinstance(model.concepts_.source_of(17), Image.Image)
    assert set(model.cluster_images) == {0, 1, 2}


def test_what_the_fit_left_out_stays_out() -> None:
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(4), 40)
    vectors = np.eye(12)[kinds] + 0.35 * rng.normal(size=(160, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    model = ConceptModel(outliers="keep", verbose=False)
    with pytest.warns(NoWordsWarning):
        model.fit(image_embeddings=vectors[:159])
    before = model.concepts_
    assert (before.labels < 0).sum() > 3
    model.update(image_embeddings=vectors[159:])
    np.testing.assert_array_equal(model.labels_[:159], before.labels)
    np.testing.assert_array_equal(model.concepts_.raw_labels[:159], before.raw_labels)


def test_a_number_of_concepts_is_that_of_the_fit_and_new_ones_may_form() -> None:
    model = model_of(n_concepts=2)
    report = model.update(color_images(["lime"], 8))
    assert [concept.index for concept in report.new_concepts] == [2]
    assert report.labels.tolist() == [2] * 8


def test_pictures_whose_files_have_moved_are_found_in_their_new_places(tmp_path: Path) -> None:
    write_color_images(tmp_path / "old", ["red", "blue"], 6)
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS).fit(tmp_path / "old")
    before = model.concepts_
    (tmp_path / "old").rename(tmp_path / "new")
    report = model.update(tmp_path / "new")
    assert (report.n_known, report.n_copies, report.n_relocated, len(model.images_)) == (12, 0, 12, 12)
    assert str(report).splitlines()[-1] == "12 images of those known found in a new place"
    assert model.labels_.tolist() == before.labels.tolist()
    assert all(Path(str(model.concepts_.source_of(row))).is_file() for row in range(12))
    assert model.update(tmp_path / "new").n_relocated == 0


def test_a_copy_of_a_picture_that_is_still_there_has_not_moved(tmp_path: Path) -> None:
    write_color_images(tmp_path / "old", ["red", "blue"], 6)
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS).fit(tmp_path / "old")
    first = sorted((tmp_path / "old").iterdir())[0]
    for name in ("a", "b"):
        (tmp_path / f"{name}{first.suffix}").write_bytes(first.read_bytes())
    copies = sorted(path for path in tmp_path.iterdir() if path.is_file())
    assert model.update(copies[:1]).n_relocated == 0
    assert len(model.images_) == 13
    first.unlink()
    report = model.update(copies[1:])  # one of two copies takes the place, the other is there already
    assert (report.n_relocated, len(model.images_)) == (1, 13)
    assert sum(image.path is not None and image.path.name == copies[1].name for image in model.images_) == 1
