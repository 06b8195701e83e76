from __future__ import annotations

import numpy as np
import pytest

from concept_memes.findings import COPY_KINDS, PictureFamilies, PictureTexts, exact_families


def test_pictures_with_the_same_content_are_copies_of_the_first() -> None:
    families = exact_families(["a", "b", "a", "", "b", "a"])
    assert families.copy_of.tolist() == [0, 1, 0, -1, 1, 0]
    assert [COPY_KINDS[kind] for kind in families.copy_kinds] == [
        "itself",
        "itself",
        "exact",
        "itself",
        "exact",
        "exact",
    ]
    assert families.template_of.tolist() == families.copy_of.tolist()
    assert families.n_copies == 3
    assert not families.near


def test_their_arrays_cannot_be_changed() -> None:
    families = exact_families(["a", "a"])
    texts = PictureTexts(("hello",), "fake", 0.5, "fake", np.ones((1, 1), np.float32))
    for array in (families.copy_of, families.copy_kinds, families.template_of, texts.vectors):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_texts_of_new_pictures_come_after_those_of_the_fitted_ones() -> None:
    fitted = PictureTexts(("one", ""), "fake", 0.5, "fake", np.array([[1, 0], [0, 0]], np.float32))
    new = PictureTexts(("two", "three"), "fake", 0.5, "fake", np.array([[0, 1], [0.6, 0.8]], np.float32))
    extended = fitted.extended(new, [1], 3)
    assert extended.texts == ("one", "", "three")
    assert extended.vectors is not None
    np.testing.assert_array_equal(extended.vectors, np.array([[1, 0], [0, 0], [0.6, 0.8]], np.float32))
    assert (extended.reader, extended.weight, extended.encoder) == ("fake", 0.5, "fake")


def test_new_pictures_that_nobody_read_say_nothing() -> None:
    fitted = PictureTexts(("one",), "fake", 0.5, "fake", np.ones((1, 2), np.float32))
    extended = fitted.extended(None, [0, 1], 3)
    assert extended.texts == ("one", "", "")
    assert extended.vectors is not None
    assert extended.vectors[1:].tolist() == [[0, 0], [0, 0]]


def test_without_vectors_none_are_made() -> None:
    assert PictureTexts(("one",), "fake").extended(PictureTexts(("two",), "fake"), [0], 2).vectors is None


def test_families_know_whether_near_copies_were_looked_for() -> None:
    none = np.zeros(0, np.int64)
    assert PictureFamilies(none, none.astype(np.uint8), none).near
