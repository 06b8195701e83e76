from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_labels import kinds

from concept_memes import ConceptModel, tags
from concept_memes.centring import unit
from concept_memes.errors import InvalidParameterError, SkippedImagesWarning
from concept_memes.tags import Tag, tag_vectors
from concept_memes.testing import ColorEncoder, color_images

WORDS = ["ant", "bat", "cow", "dog", "elk"]
VECTORS = np.eye(16, dtype=np.float32)[:5]


def test_pictures_get_the_words_of_what_they_show() -> None:
    fitted = kinds()
    found = tag_vectors(fitted, fitted.vectors, fitted.labels, WORDS, VECTORS)
    assert [own[0].word for own in found] == [WORDS[label] for label in fitted.labels]
    assert all(own[0].confidence > 0.8 for own in found)
    for own in found:
        sure = [tag.confidence for tag in own]
        assert len(own) <= 3
        assert sure == sorted(sure, reverse=True)


def test_a_picture_in_no_concept_gets_words_that_are_not_sure() -> None:
    fitted = kinds()
    (own,) = tag_vectors(fitted, VECTORS[4:], np.array([-1]), WORDS, VECTORS)
    assert own[0].word == "elk"
    assert own[0].confidence < 0.1


def test_neighbors_and_the_concept_outweigh_a_picture_that_misleads() -> None:
    fitted = kinds()
    odd = unit(np.eye(16)[0] + 1.1 * np.eye(16)[1] + np.eye(16)[15])[None]  # a little more bat than ant
    assert tag_vectors(fitted, odd, np.array([0]), WORDS, VECTORS)[0][0].word == "ant"
    assert tag_vectors(fitted, odd, np.array([1]), WORDS, VECTORS)[0][0].word == "bat"


def test_neighbors_outweigh_what_one_picture_shows_besides() -> None:
    fitted = kinds()
    odd = unit(np.eye(16)[0] + 1.2 * np.eye(16)[4] + np.eye(16)[15])[None]  # an elk beside an ant; nobody else has one
    assert tag_vectors(fitted, odd, np.array([-1]), WORDS, VECTORS)[0][0].word == "ant"


def test_unreadable_pictures_get_no_words() -> None:
    fitted = kinds()
    found = tag_vectors(fitted, np.zeros((1, 16), np.float32), np.array([-1]), WORDS, VECTORS)
    assert found == [[]]
    assert tag_vectors(fitted, fitted.vectors[:2], fitted.labels[:2], [], VECTORS[:0]) == [[], []]


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = kinds(spread=0.6)
    whole = tag_vectors(fitted, fitted.vectors, fitted.labels, WORDS, VECTORS)
    monkeypatch.setattr(tags, "BLOCK", 5)
    assert tag_vectors(fitted, fitted.vectors, fitted.labels, WORDS, VECTORS) == whole


def test_a_picture_gets_the_same_words_alone() -> None:
    fitted = kinds(spread=0.6)
    whole = tag_vectors(fitted, fitted.vectors, fitted.labels, WORDS, VECTORS)
    assert tag_vectors(fitted, fitted.vectors[7:8], fitted.labels[7:8], WORDS, VECTORS) == whole[7:8]


def test_one_word_of_each_family() -> None:
    fitted = kinds()
    axes = np.eye(16)
    vectors = unit(np.stack([axes[0], axes[0], axes[0] + axes[1], axes[2], axes[3], axes[4]]))
    words = ["ant", "ants", "bat", "cow", "dog", "elk"]
    (own,) = tag_vectors(fitted, fitted.vectors[:1], fitted.labels[:1], words, vectors, top_n=2)
    assert [tag.word for tag in own] == ["ant", "bat"]


# --- Through the model ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> ConceptModel:
    words = ["red", "blue", "lime"]
    images = color_images(["red"], 8) + color_images(["blue"], 6) + color_images(["lime"], 4)
    encoder = ColorEncoder()
    return ConceptModel(min_concept_size=3, embedding_model=encoder, vocabulary=words, cache=False).fit(images)


def test_the_model_tags_its_own_images(model: ConceptModel) -> None:
    found = model.tag_images(top_n=1)
    assert [[tag.word for tag in own] for own in found] == [["red"]] * 8 + [["blue"]] * 6 + [["lime"]] * 4
    assert isinstance(found[0][0], Tag)


def test_the_model_tags_new_images_and_leaves_out_what_it_cannot_read(model: ConceptModel, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    new = [*color_images(["blue"], 1, seed=5), bad, *color_images(["red"], 1, seed=5)]
    with pytest.warns(SkippedImagesWarning):
        found = model.tag_images(new)
    assert [own[0].word if own else None for own in found] == ["blue", None, "red"]
    vectors = model.embed_images([new[0]])
    assert model.tag_images(image_embeddings=vectors) == found[:1]


def test_a_saved_model_gives_the_same_tags(model: ConceptModel, tmp_path: Path) -> None:
    loaded = ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder())
    assert loaded.tag_images() == model.tag_images()


@pytest.mark.parametrize("top_n", [0, 1.5, "3"])
def test_an_odd_number_of_tags_is_refused(model: ConceptModel, top_n: object) -> None:
    with pytest.raises(InvalidParameterError, match="top_n"):
        model.tag_images(top_n=top_n)  # type: ignore[arg-type]
