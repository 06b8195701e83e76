"""What the estimator knows of copies and texts: which pictures are looked at, and which say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from concept_memes import ConceptModel
from concept_memes.errors import InvalidParameterError
from concept_memes.findings import COPY_KINDS, PictureFamilies
from concept_memes.memes import copies
from concept_memes.protocols import FloatArray
from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images, color_images, write_color_images


def vectors_of(images: list[Image.Image]) -> FloatArray:
    encoder = ColorEncoder()
    return encoder.encode_images(np.stack([encoder.preprocess(image) for image in images]))


def all_copies_of(row: int) -> Any:  # noqa: ANN401 (a callable)
    """Look for copies as if all pictures that can be looked at were mirrored copies of one."""

    def find(pictures: Any, *_: object, **__: object) -> PictureFamilies:  # noqa: ANN401
        copy_of = np.array([row if image.content_hash else -1 for image in pictures.images])
        kinds = np.where((copy_of >= 0) & (copy_of != np.arange(len(copy_of))), COPY_KINDS.index("mirrored"), 0)
        return PictureFamilies(copy_of, kinds.astype(np.uint8), copy_of.copy())

    return find


@pytest.mark.parametrize("duplicates", ["collapse", "keep"])
def test_where_vectors_came_from_outside_copies_are_the_same_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, duplicates: str
) -> None:
    def looked(*_: object, **__: object) -> None:
        raise AssertionError("no picture is to be looked at")

    monkeypatch.setattr(copies, "find_families", looked)
    paths = write_color_images(tmp_path, ["red", "blue"], 4)
    vectors = vectors_of(color_images(["red", "blue"], 4))
    vectors[5] = vectors[4]
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"], duplicates=duplicates)
    for images in (paths, color_images(["red", "blue"], 4)):
        known = model.fit(images, image_embeddings=vectors)
        assert known.families_.copy_of.tolist() == [0, 1, 2, 3, 4, 4, 6, 7]
        assert (known.families_.near, known.find_variants()) == (False, [])
    model.fit(paths, image_embeddings=vectors).save(tmp_path / "saved")
    assert ConceptModel.load(tmp_path / "saved").find_duplicates() == [[paths[4], paths[5]]]


def test_pictures_are_looked_at_beside_those_whose_vectors_came_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "find_families", all_copies_of(2))
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"], cache=False)
    model.fit(color_images(["red"], 4))
    vectors = vectors_of(color_images(["red"], 3, seed=3))
    model.update(image_embeddings=vectors[[0, 1, 0]])
    assert model.families_.copy_of.tolist() == [2, 2, 2, 2, 4, 5, 4]
    assert model.families_.template_of.tolist() == [2, 2, 2, 2, 4, 5, 4]
    assert [COPY_KINDS[kind] for kind in model.families_.copy_kinds[[0, 2, 4, 6]]] == [
        "mirrored",
        "itself",
        "itself",
        "exact",
    ]


def test_copies_that_arrive_later_say_what_the_picture_says_that_stands_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copies, "find_families", all_copies_of(1))
    model = ConceptModel(embedding_model=ColorEncoder(), ocr=CaptionReader(), text_weight=0.5, cache=False)
    model.fit(captioned_images(["overtime", "holidays", "overtime", "holidays"], color="red"))
    before = model.texts_
    model.update(captioned_images(["syadiloh"], color="red", seed=3))
    assert model.texts_ == (*before, "holidays")
    texts = model.concepts_.texts
    assert texts is not None
    assert texts.vectors is not None
    np.testing.assert_array_equal(texts.vectors[4], texts.vectors[1])


def test_with_duplicates_kept_every_picture_that_arrives_says_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "find_families", all_copies_of(1))
    model = ConceptModel(embedding_model=ColorEncoder(), ocr=CaptionReader(), duplicates="keep", cache=False)
    model.fit(captioned_images(["overtime", "holidays", "overtime", "holidays"], color="red"))
    model.update(captioned_images(["syadiloh"], color="red", seed=3))
    assert model.texts_ == ("overtime", "holidays", "overtime", "holidays", "syadiloh")


def test_the_same_content_is_found_without_a_look_at_any_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(*_: object, **__: object) -> None:
        raise AssertionError("no picture is to be looked at")

    monkeypatch.setattr(copies, "find_families", looked)
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"], duplicates="keep", cache=False)
    images = color_images(["red"], 4)
    model.fit([*images, images[1]])
    assert model.find_duplicates("exact") == [["image-1", "image-4"]]
    with pytest.raises(InvalidParameterError, match="kind must be"):
        model.find_duplicates("all")  # type: ignore[arg-type]


@pytest.mark.parametrize("top_n", [0, -1, True, 1.5, "3", None])
def test_fewer_templates_than_one_cannot_be_drawn(top_n: Any) -> None:  # noqa: ANN401 (what people may pass)
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"], duplicates="keep", cache=False)
    model.fit(color_images(["red"], 4))
    with pytest.raises(InvalidParameterError, match="top_n must be an integer of at least 1, or what find_variants"):
        model.visualize_variants(top_n)
