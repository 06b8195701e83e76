"""Look and text as one vector each: in the clustering, and in all that comes after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from concept_memes import ConceptModel
from concept_memes.assignment import place_vectors
from concept_memes.centring import unit
from concept_memes.errors import AdjustedWarning
from concept_memes.findings import PictureTexts
from concept_memes.fusion import comparable_rows, fuse, fused_rows
from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images, color_images

CODE = ["写代码", "写代码", "我写代码", "写代码吧", "还在写代码", "爱上写代码"]
BIRD = ["鸽子", "鸽子", "鸽子飞", "看鸽子", "白色鸽子", "鸽子咕咕"]


def random_unit(n: int, d: int, seed: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, d)))


def model(weight: float | str = 0.5, **parameters: Any) -> ConceptModel:
    given = {"cache": False, "verbose": False, "ocr": CaptionReader(), "text_model": "ngrams", "duplicates": "keep"}
    given |= parameters
    return ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue", "lime"], text_weight=weight, **given)


def mixed_pictures() -> list[Image.Image]:
    """Two looks, and in each of them two topics and pictures that say nothing."""
    pictures = []
    for seed, color in enumerate(("red", "blue")):
        pictures += captioned_images([*CODE, *BIRD], color=color, seed=seed)
        pictures += color_images([color], 3, seed=10 + seed)
    return pictures


def test_similarity_is_the_weighted_mean_of_look_and_text() -> None:
    looks, texts = random_unit(6, 5, 0), random_unit(6, 4, 1)
    fused = fuse(looks, texts, 0.3)
    np.testing.assert_allclose(fused @ fused.T, 0.7 * looks @ looks.T + 0.3 * texts @ texts.T, atol=1e-6)


def test_pictures_without_text_are_compared_by_their_looks() -> None:
    looks, texts = random_unit(4, 5, 0), random_unit(4, 4, 1)
    texts[2:] = 0
    fused = fuse(looks, texts, 0.36)
    np.testing.assert_allclose(fused[2] @ fused[3], looks[2] @ looks[3], atol=1e-6)
    np.testing.assert_allclose(fused[0] @ fused[2], 0.8 * (looks[0] @ looks[2]), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(fused, axis=1), 1, atol=1e-6)


def test_texts_alone_leave_no_trace_of_the_looks() -> None:
    texts = random_unit(3, 4, 1)
    np.testing.assert_array_equal(fuse(random_unit(3, 5, 0), texts, 1.0)[:, :5], 0)
    np.testing.assert_allclose(fuse(random_unit(3, 5, 0), texts, 1.0)[:, 5:], texts, atol=1e-7)


def test_pictures_without_text_keep_their_looks_where_texts_alone_count() -> None:
    looks, texts = random_unit(3, 5, 0), random_unit(3, 4, 1)
    texts[1] = 0
    np.testing.assert_allclose(fuse(looks, texts, 1.0)[1, :5], looks[1], atol=1e-7)


def test_without_text_vectors_looks_are_the_same_object() -> None:
    looks, rows = random_unit(3, 5, 0), np.arange(3)
    assert fused_rows(None, rows, looks) is looks
    assert fused_rows(PictureTexts(("a", "b", "c"), "a reader"), rows, looks) is looks


def test_only_where_texts_alone_count_silent_pictures_cannot_be_compared() -> None:
    vectors = random_unit(3, 4, 1)
    vectors[1] = 0
    texts, rows = PictureTexts(("a", "", "c"), "a reader", 0.9, "e", vectors), np.arange(3)
    assert comparable_rows(texts, rows).tolist() == [0, 1, 2]
    assert comparable_rows(replace(texts, weight=1.0), rows).tolist() == [0, 2]
    assert comparable_rows(None, rows).tolist() == [0, 1, 2]


def test_weight_zero_gives_the_bits_of_a_fit_without_texts() -> None:
    pictures = mixed_pictures()
    without = model("auto", ocr=False, text_model="auto").fit(pictures).concepts_
    read = model(0).fit(pictures).concepts_
    np.testing.assert_array_equal(without.labels, read.labels)
    np.testing.assert_array_equal(without.probabilities, read.probabilities)
    np.testing.assert_array_equal(without.centroids, read.centroids)
    assert [c.exemplars for c in without.concepts] == [c.exemplars for c in read.concepts]
    assert [n.similarity for n in without.hierarchy] == [n.similarity for n in read.hierarchy]


def test_a_weight_of_texts_that_nobody_reads_is_told() -> None:
    with pytest.warns(AdjustedWarning, match=r"Without texts text_weight=0\.8 and text_model did nothing.*ocr=True"):
        model(0.8, ocr=False).fit(mixed_pictures())


def test_the_weight_moves_concepts_from_looks_to_texts() -> None:
    pictures = mixed_pictures()
    look = model(0).fit_transform(pictures)
    assert len(set(look[:15])) == len(set(look[15:])) == 1
    assert look[0] != look[15]
    text = model(1).fit_transform(pictures)
    speaking = [*range(12), *range(15, 27)]
    code = [i for i in speaking if i % 15 < 6]
    assert len(set(text[code])) == 1  # red ones and blue ones that say the same are one concept
    assert not set(text[code]) & set(text[[i for i in speaking if i % 15 >= 6]])


def test_pictures_without_text_are_in_no_concept_where_texts_alone_count() -> None:
    labels = model(1).fit_transform(mixed_pictures())
    assert labels[[12, 13, 14, 27, 28, 29]].tolist() == [-1] * 6
    assert (labels[:12] >= 0).all()


def test_pictures_without_any_text_form_no_concept_where_texts_alone_count() -> None:
    fitted = model(1).fit(color_images(["red"], 6)).concepts_
    assert fitted.labels.tolist() == [-1] * 6
    assert len(fitted) == 0


def test_the_order_of_the_pictures_changes_nothing() -> None:
    pictures = mixed_pictures()
    order = np.random.default_rng(3).permutation(len(pictures))
    one, other = model().fit(pictures).concepts_, model().fit([pictures[i] for i in order]).concepts_
    np.testing.assert_array_equal(one.labels[order], other.labels)
    np.testing.assert_array_equal(one.probabilities[order], other.probabilities)
    assert one.texts is not None
    assert other.texts is not None
    np.testing.assert_array_equal(one.texts.vectors[order], other.texts.vectors)  # type: ignore[index]
    np.testing.assert_array_equal(one.texts.state, other.texts.state)  # type: ignore[arg-type]
    assert [c.said for c in one.concepts] == [c.said for c in other.concepts]


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_fitted_pictures_are_assigned_to_their_concepts(weight: float) -> None:
    pictures = mixed_pictures()
    fitted = model(weight).fit(pictures)
    np.testing.assert_array_equal(fitted.transform(pictures), fitted.labels_)


def test_new_pictures_join_by_what_they_say() -> None:
    fitted = model(1).fit(mixed_pictures())
    new = captioned_images(["他写代码", "鸽子吗", ""], color="lime")
    code, bird = fitted.labels_[0], fitted.labels_[6]
    assert fitted.transform(new).tolist() == [code, bird, -1]
    assert [found.label for found in fitted.assign(new)] == [code, bird, -1]


def test_a_concept_reaches_as_far_as_what_its_pictures_say() -> None:
    fitted = model(1).fit(mixed_pictures()).concepts_
    texts = fitted.texts
    assert texts is not None
    said = np.zeros((30, 3), np.float32)
    said[fitted.labels == 0, 0] = said[fitted.labels == 1, 1] = 1
    said[::2, 2] = 0.1 * said[::2].sum(axis=1)  # they say nearly the same
    tight = replace(fitted, texts=replace(texts, vectors=unit(said)))
    near, far = unit(np.array([[1, 0, 0.05], [1, 0, 1]]))
    new = PictureTexts(("near", "far"), "a reader", 1.0, texts.encoder, np.stack([near, far]))
    assert place_vectors(tight, fitted.vectors[:2], new).labels.tolist() == [0, -1]


def test_pictures_that_nobody_read_go_by_their_looks() -> None:
    fitted = model(0.3).fit(mixed_pictures()).concepts_
    looks = place_vectors(replace(fitted, texts=None), fitted.vectors)
    np.testing.assert_array_equal(place_vectors(fitted, fitted.vectors).labels, looks.labels)


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_updates_compare_texts_too(weight: float) -> None:
    fitted = model(weight).fit(mixed_pictures())
    new = captioned_images(["他写代码", "又写代码"], color="red", seed=40)
    update = fitted.update(new + captioned_images(["谢谢老板", "老板大气", "红包来了老板"], color="red", seed=50))
    assert set(update.labels[:2]) == {fitted.labels_[0]}
    assert fitted.labels_[0] not in update.labels[2:] if weight == 1 else True
    texts = fitted.concepts_.texts
    assert texts is not None
    assert texts.texts[30] == "他写代码"
    assert texts.vectors is not None
    assert texts.vectors.shape[0] == len(fitted.images_)


def test_pictures_without_text_form_no_new_concept_where_texts_alone_count() -> None:
    fitted = model(1).fit(mixed_pictures())
    update = fitted.update(color_images(["lime"], 8, seed=60))
    assert update.labels.tolist() == [-1] * 8
    assert update.new_concepts == ()


def test_a_concept_splits_by_what_its_pictures_say() -> None:
    pictures = captioned_images(CODE, color="red") + captioned_images(BIRD, color="red", seed=3)
    fitted = model(1, n_concepts=1).fit(pictures)
    fitted.split_concept(0)
    assert len(set(fitted.labels_[:6])) == len(set(fitted.labels_[6:])) == 1
    assert fitted.labels_[0] != fitted.labels_[6]
    assert {c.said[0] for c in fitted.concepts_.concepts} == {"代码", "鸽子"}


def test_the_map_tells_texts_apart() -> None:
    from concept_memes.projection import project

    pictures = captioned_images(CODE, color="red") + captioned_images(BIRD, color="red", seed=3)
    places = project(model(1).fit(pictures).concepts_)
    within = np.linalg.norm(places[:6] - places[:6].mean(axis=0), axis=1).mean()
    assert np.linalg.norm(places[:6].mean(axis=0) - places[6:].mean(axis=0)) > 2 * within


def test_a_loaded_model_answers_like_the_fitted_one(tmp_path: Path) -> None:
    fitted = model(0.5).fit(mixed_pictures())
    fitted.save(tmp_path / "saved")
    with pytest.warns(AdjustedWarning, match="ocr"):
        loaded = ConceptModel.load(tmp_path / "saved", embedding_model=ColorEncoder())
    loaded.ocr = CaptionReader()
    new = captioned_images(["他写代码", "鸽子吗", ""], color="red", seed=9)
    np.testing.assert_array_equal(loaded.transform(new), fitted.transform(new))
    assert [c.said for c in loaded.concepts_.concepts] == [c.said for c in fitted.concepts_.concepts]
    assert [c.title for c in loaded.concepts_.concepts] == [c.title for c in fitted.concepts_.concepts]


def test_a_loaded_model_without_its_reader_says_that_new_images_are_not_read(tmp_path: Path) -> None:
    model(0.5).fit(mixed_pictures()).save(tmp_path / "saved")
    with pytest.warns(AdjustedWarning, match="ocr of the saved model .* before you fit it, give it new images or "):
        loaded = ConceptModel.load(tmp_path / "saved", embedding_model=ColorEncoder())
    with pytest.warns(AdjustedWarning, match="were read by 'captions', and ocr is False: the new images") as caught:
        loaded.update(captioned_images(["他写代码"], color="red", seed=9))
    assert caught[0].filename == __file__
    assert (loaded.texts_[-1], len(loaded.texts_)) == ("", len(loaded.images_))
