from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from concept_memes.cache import VectorCache, open_cache
from concept_memes.errors import EncoderError
from concept_memes.protocols import CacheableTexts, FloatArray
from concept_memes.testing import ColorEncoder
from concept_memes.text_embedding import embed_texts


class Counting(ColorEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        self.asked += texts
        return super().encode_texts(texts)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VectorCache]:
    with open_cache(tmp_path) as opened:
        yield opened


def test_each_text_is_encoded_once_ever(cache: VectorCache) -> None:
    encoder = Counting()
    cold, n_cached = embed_texts(["red", "blue", "red"], encoder, cache)
    assert (encoder.asked, n_cached) == (["red", "blue"], 0)
    warm, n_cached = embed_texts(["blue", "green", "red"], encoder, cache)
    assert (encoder.asked, n_cached) == (["red", "blue", "green"], 2)
    np.testing.assert_array_equal(warm[[2, 0]], cold[:2])


def test_a_warm_run_gives_the_same_bits_as_one_without_a_cache(cache: VectorCache) -> None:
    words = ["red", "blue", "a word", "猫", ""]
    embed_texts(words, ColorEncoder(), cache)
    warm, _ = embed_texts(words, ColorEncoder(), cache)
    without, _ = embed_texts(words, ColorEncoder(), open_cache(False))
    np.testing.assert_array_equal(warm, without)


def test_an_encoder_that_does_not_name_its_texts_is_asked_every_time(cache: VectorCache) -> None:
    class Nameless:
        n_asked = 0

        def encode_texts(self, texts: Sequence[str]) -> FloatArray:
            self.n_asked += len(texts)
            return np.eye(3, dtype=np.float32)[: len(texts)]

    encoder = Nameless()
    assert not isinstance(encoder, CacheableTexts)
    for _ in range(2):
        vectors, n_cached = embed_texts(["a", "b"], encoder, cache)
        assert (vectors.shape, n_cached) == ((2, 3), 0)
    assert encoder.n_asked == 4


def test_no_text_is_no_vector(cache: VectorCache) -> None:
    assert embed_texts([], ColorEncoder(), cache)[0].shape == (0, 27)


def test_pictures_and_texts_do_not_get_into_each_others_way(cache: VectorCache) -> None:
    encoder = ColorEncoder()
    assert encoder.text_fingerprint != encoder.fingerprint


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones((1, 27)), r"shape \(1, 27\) for 2 texts; expected \(2, 27\)"),
        (np.ones((2, 28)), r"shape \(2, 28\) for 2 texts; expected \(2, 27\)"),
        (np.ones(27), r"shape \(27,\) for 2 texts"),
        (np.float32(1), r"shape \(\) for 2 texts"),
        (np.full((2, 27), np.nan), "not finite"),
    ],
    ids=["fewer", "longer", "one", "number", "nan"],
)
def test_what_are_no_vectors_is_an_error_and_is_not_kept(cache: VectorCache, given: np.ndarray, message: str) -> None:
    class Wrong(ColorEncoder):
        def encode_texts(self, texts: Sequence[str]) -> FloatArray:
            return given

    with pytest.raises(EncoderError, match=message):
        embed_texts(["red", "blue"], Wrong(), cache)
    assert cache.info().n_vectors == 0
