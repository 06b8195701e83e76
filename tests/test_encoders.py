"""One contract suite over every encoder: what `concept_memes.protocols` promises, each of them must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from tinyclip import tiny_clip

from concept_memes import CLIPEncoder, HubFreeEncoder
from concept_memes.encoders import HubFreeCNNEncoder, KerasCNNEncoder, resolve_encoder
from concept_memes.protocols import CacheableTexts, ImageEncoder, TextEncoder
from concept_memes.testing import ColorEncoder, color_images

TEXTS = ["panda", "", "a red car in front of a house", "猫", "C++ " * 500]


PICTURES_ONLY = ["hub-free CNN", "vgg16", "inception-v3"]


@pytest.fixture(scope="module", params=["colors", "hub-free", "tiny CLIP", *PICTURES_ONLY])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ImageEncoder:
    if request.param == "colors":
        return ColorEncoder(batch_size=4)
    if request.param == "hub-free":
        if not HubFreeEncoder.is_installed():
            pytest.skip("the hub-free extra is not installed")
        return HubFreeEncoder(batch_size=4)
    if request.param == "hub-free CNN":
        if not HubFreeCNNEncoder.is_installed():
            pytest.skip("the hub-free extra is not installed")
        return HubFreeCNNEncoder(batch_size=4)
    if request.param in PICTURES_ONLY:
        if not KerasCNNEncoder.is_installed():
            pytest.skip("the keras extra is not installed")
        return KerasCNNEncoder(request.param, weights=None, batch_size=4)
    folder: Path = tmp_path_factory.mktemp("clip") / "tiny"
    tiny_clip(folder)
    return CLIPEncoder(folder, batch_size=4)


@pytest.fixture(scope="module")
def batch(encoder: ImageEncoder) -> np.ndarray:
    return np.stack([encoder.preprocess(image) for image in color_images(["red", "blue"], 2, size=(90, 60))])


@pytest.fixture(scope="module")
def vectors(encoder: ImageEncoder, batch: np.ndarray) -> np.ndarray:
    return encoder.encode_images(batch)


@pytest.fixture(scope="module")
def text_encoder(encoder: ImageEncoder) -> TextEncoder:
    if not isinstance(encoder, TextEncoder):
        pytest.skip("it knows pictures only")
    return encoder


def test_it_has_the_members_of_its_protocols(encoder: ImageEncoder) -> None:
    assert isinstance(encoder, ImageEncoder)
    knows_texts = not isinstance(encoder, (HubFreeCNNEncoder, KerasCNNEncoder))
    assert isinstance(encoder, TextEncoder) == knows_texts
    assert isinstance(encoder, CacheableTexts) == knows_texts
    assert resolve_encoder(encoder) is encoder


def test_blocks_cover_the_vector_once(encoder: ImageEncoder) -> None:
    covered = [column for block in encoder.blocks for column in range(*block.indices(encoder.n_dims))]
    assert sorted(covered) == list(range(encoder.n_dims))


@pytest.mark.parametrize("size", [(1, 1), (3000, 3), (3, 3000), (224, 224), (640, 480)])
def test_pictures_of_any_shape_become_arrays_of_one_shape(encoder: ImageEncoder, size: tuple[int, int]) -> None:
    usual = encoder.preprocess(Image.new("RGB", (300, 200), "green"))
    odd = encoder.preprocess(Image.new("RGB", size, "green"))
    assert odd.shape == usual.shape
    assert odd.dtype == usual.dtype


def test_pictures_become_unit_vectors(encoder: ImageEncoder, vectors: np.ndarray) -> None:
    assert vectors.shape == (4, encoder.n_dims)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_different_pictures_have_different_vectors(vectors: np.ndarray) -> None:
    assert vectors[0] @ vectors[2] < 0.9999


def test_the_place_in_a_batch_changes_no_bit(encoder: ImageEncoder, batch: np.ndarray, vectors: np.ndarray) -> None:
    np.testing.assert_array_equal(vectors, encoder.encode_images(batch[::-1])[::-1])


def test_texts_become_unit_vectors(text_encoder: TextEncoder) -> None:
    vectors = text_encoder.encode_texts(["panda", "a red car", "blue"])
    assert vectors.shape == (3, text_encoder.n_dims)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*(longer|cut).*")  # the last text is too long for CLIP on purpose
def test_the_company_of_a_text_changes_no_bit(text_encoder: TextEncoder) -> None:
    together = text_encoder.encode_texts(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_array_equal(text_encoder.encode_texts([text])[0], vector)


def test_half_of_a_surrogate_pair_is_a_text_too(text_encoder: TextEncoder) -> None:
    vectors = text_encoder.encode_texts(["caf\udce9", "a cat"])  # a file name that is no UTF-8, as Python shows it
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_single_string_is_no_list_of_letters(text_encoder: TextEncoder) -> None:
    if isinstance(text_encoder, ColorEncoder):
        pytest.skip("the fake checks nothing")
    with pytest.raises(ValueError, match="sequence of strings"):
        text_encoder.encode_texts("panda")


def test_no_texts_give_no_vectors(text_encoder: TextEncoder) -> None:
    assert text_encoder.encode_texts([]).shape == (0, text_encoder.n_dims)


def test_cloning_gives_the_encoder_itself(encoder: ImageEncoder) -> None:
    assert clone(encoder) is encoder


def test_the_fingerprint_names_the_batch_size(encoder: ImageEncoder) -> None:
    assert encoder.fingerprint == encoder.fingerprint
    if isinstance(encoder, KerasCNNEncoder):
        assert KerasCNNEncoder(encoder.network, weights=None, batch_size=8).fingerprint != encoder.fingerprint
    elif isinstance(encoder, (ColorEncoder, HubFreeCNNEncoder, HubFreeEncoder)):
        assert type(encoder)(batch_size=8).fingerprint != encoder.fingerprint
    else:
        assert CLIPEncoder(encoder.name, batch_size=8).fingerprint != encoder.fingerprint
