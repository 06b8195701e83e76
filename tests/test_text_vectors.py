"""The texts of pictures as vectors: which encoder is taken, and what its vectors are like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinyclip import tiny_text_tower

from concept_memes.cache import open_cache
from concept_memes.errors import InvalidParameterError, ModelNotFoundError, NoTextEncoderError
from concept_memes.findings import PictureTexts
from concept_memes.progress import Progress
from concept_memes.protocols import FloatArray
from concept_memes.testing import ColorEncoder
from concept_memes.text_vectors import (
    DEFAULT_WEIGHT,
    NGRAMS,
    character_ngrams,
    comparable_text,
    encode_picture_texts,
    ngram_vectors,
    tower_knows,
)

CHINESE = ("去写代码", "回去写代码", "", "一只鸽子", "看鸽子")
ENGLISH = ("so much overtime", "overtime again", "", "a red panda", "two pandas")


class LengthEncoder:
    """Texts by their lengths; all have much in common."""

    name = "lengths"

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        rows = np.array([[10, len(text), 1] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def encoded(
    texts: Sequence[str],
    text_model: Any = "auto",
    weight: float | str = 0.5,
    encoder: Any = None,
    like: PictureTexts | None = None,
    cache: Any = False,
) -> PictureTexts:
    read = PictureTexts(tuple(texts), "a reader")
    with open_cache(cache) as opened:
        return encode_picture_texts(
            read, text_model, weight, encoder, cache=opened, progress=Progress(verbose=False), like=like
        )


def vectors_of(texts: PictureTexts) -> np.ndarray:
    assert texts.vectors is not None
    return texts.vectors


# --- which encoder ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "texts", "known"),
    [
        ("clip-ViT-B-32", ENGLISH, True),
        ("clip-ViT-B-32", CHINESE, False),
        ("clip-ViT-B-32", [*ENGLISH * 9, "鸽子"], True),
        ("clip-ViT-B-32", [*ENGLISH, "鸽子"], False),
        ("clip-ViT-B-32", ["до свидания"], False),
        ("clip-ViT-B-32", ["2 + 2"], True),
        ("clip-ViT-B-32-multilingual-v1", CHINESE, True),
        ("google/siglip2-base-patch16-256", CHINESE, True),
    ],
)
def test_english_towers_get_latin_texts_only(name: str, texts: Sequence[str], known: bool) -> None:
    encoder = ColorEncoder()
    encoder.name = name
    assert tower_knows(encoder, texts) is known


def test_what_has_no_text_tower_knows_no_text() -> None:
    assert not tower_knows(SimpleNamespace(name="multilingual"), ENGLISH)


def test_auto_says_which_encoder_it_took() -> None:
    assert encoded(ENGLISH, encoder=ColorEncoder()).encoder == "colors"
    assert encoded(CHINESE, encoder=ColorEncoder()).encoder == NGRAMS
    assert encoded(ENGLISH, encoder=None).encoder == NGRAMS


def test_the_tower_is_taken_where_it_is_asked_for() -> None:
    assert encoded(CHINESE, "tower", encoder=ColorEncoder()).encoder == "colors"


def test_a_missing_tower_is_said() -> None:
    with pytest.raises(NoTextEncoderError, match='text_model to "ngrams"'):
        encoded(ENGLISH, "tower")


def test_an_encoder_of_the_users_own_is_taken_for_any_language() -> None:
    texts = encoded(CHINESE, LengthEncoder())
    assert texts.encoder == "lengths"
    assert vectors_of(texts).shape == (5, 3)


@pytest.mark.parametrize("suffix", ["", ".jpg"])
def test_a_folder_is_a_model_and_never_a_text(tmp_path: Path, suffix: str) -> None:
    folder = tiny_text_tower(tmp_path / f"texts{suffix}", n_dims=24)
    texts = encoded(ENGLISH, str(folder), cache=tmp_path / "cache")
    assert texts.encoder == str(folder)
    assert vectors_of(texts).shape == (5, 24)
    again = encoded(ENGLISH, str(folder), cache=tmp_path / "cache")
    np.testing.assert_array_equal(vectors_of(again), vectors_of(texts))


def test_a_model_that_cannot_be_had_is_said() -> None:
    with pytest.raises(ModelNotFoundError, match="no such folder"):
        encoded(ENGLISH, "no/such/folder/at-all")


# --- how much they count ----------------------------------------------------------------------------------------------


def test_the_default_weight_is_given_where_pictures_speak() -> None:
    assert encoded(CHINESE, weight="auto").weight == DEFAULT_WEIGHT
    assert encoded(("鸽子", *[""] * 19), weight="auto").weight == DEFAULT_WEIGHT


@pytest.mark.parametrize("texts", [("鸽子", *[""] * 20), ("", ""), (), ("x", ".", "!?")])
def test_texts_do_not_count_where_hardly_any_picture_speaks(texts: tuple[str, ...]) -> None:
    found = encoded(texts, weight="auto")
    assert (found.weight, found.vectors, found.encoder, found.state) == (0.0, None, "", None)


def test_weight_zero_encodes_nothing() -> None:
    found = encoded(CHINESE, LengthEncoder(), weight=0)
    assert (found.texts, found.vectors, found.encoder) == (CHINESE, None, "")


def test_a_weight_without_any_text_gives_rows_of_zeros() -> None:
    assert not vectors_of(encoded(("", ""), weight=1)).any()


def test_an_encoder_is_never_asked_for_no_texts() -> None:
    encoder = LengthEncoder()  # which cannot part nothing into three columns
    assert vectors_of(encoded(("", ""), encoder)).tolist() == [[0, 0, 0]] * 2
    assert vectors_of(encoded((".", ""), encoder, like=encoded(ENGLISH, encoder))).tolist() == [[0, 0, 0]] * 2


# --- vectors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text_model", ["ngrams", "tower"])
def test_rows_are_unit_vectors_and_zero_without_text(text_model: str) -> None:
    vectors = vectors_of(encoded(ENGLISH, text_model, encoder=ColorEncoder()))
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0, 1, 1], atol=1e-6)


@pytest.mark.parametrize("texts", [CHINESE, ENGLISH])
def test_ngrams_bring_texts_together_that_share_words(texts: tuple[str, ...]) -> None:
    vectors = vectors_of(encoded(texts, "ngrams"))
    cosines = vectors @ vectors.T
    assert min(cosines[0, 1], cosines[3, 4]) > 0.1 > 0.05 > max(cosines[0, 3], cosines[1, 4])


def test_ngrams_of_words_know_their_edges() -> None:
    assert character_ngrams("Cat 猫咪") == [
        " c",
        "ca",
        "at",
        "t ",
        " ca",
        "cat",
        "at ",
        " cat",
        "cat ",
        "猫",
        "咪",
        "猫咪",
    ]


def test_lines_capitals_and_widths_do_not_matter() -> None:
    vectors = vectors_of(encoded(("加班\n快乐", "加班快乐", "OVER time", "ｏｖｅｒ\nTIME", "鸽子"), "ngrams"))
    np.testing.assert_allclose(vectors[2], vectors[3], atol=1e-6)
    np.testing.assert_allclose(vectors[0] @ vectors[1], 1, atol=0.2)  # the pair across the line break is another one


@pytest.mark.parametrize(("text", "kept"), [("o", ""), ("| .", ""), ("滚", "滚"), ("no", "no"), ("a\n b", "a b")])
def test_blots_are_no_texts(text: str, kept: str) -> None:
    assert comparable_text(text) == kept


def test_what_all_texts_share_is_taken_away() -> None:
    texts = ["a" * n for n in range(2, 20)]
    raw = LengthEncoder().encode_texts(texts)
    assert (raw @ raw.T).min() > 0.5
    vectors = vectors_of(encoded(texts, LengthEncoder()))
    assert (vectors @ vectors.T).min() < -0.5


def test_one_text_keeps_its_direction() -> None:
    vector = vectors_of(encoded(("hello",), LengthEncoder()))[0]
    np.testing.assert_allclose(vector, LengthEncoder().encode_texts(["hello"])[0], atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(8)))
def test_neither_order_nor_copies_change_a_vector(order: list[int]) -> None:
    texts = [*CHINESE, "鸽子 code", "写代码", "写代码"]
    straight, mixed = encoded(texts, "ngrams"), encoded([texts[i] for i in order] + texts[:3], "ngrams")
    np.testing.assert_array_equal(vectors_of(straight)[order], vectors_of(mixed)[:8])
    np.testing.assert_array_equal(straight.state, mixed.state)  # type: ignore[arg-type]


def test_no_text_depends_on_those_beside_it_in_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = sorted({*CHINESE, *ENGLISH} - {""})
    whole, state = ngram_vectors(texts)
    monkeypatch.setattr("concept_memes.text_vectors.TEXTS_PER_BLOCK", 2)
    blocks, state_of_blocks = ngram_vectors(texts)
    np.testing.assert_array_equal(whole, blocks)
    np.testing.assert_array_equal(state, state_of_blocks)


# --- later texts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text_model", ["ngrams", "tower", LengthEncoder()])
def test_later_texts_come_into_the_same_space(text_model: Any) -> None:
    fitted = encoded(ENGLISH, text_model, 0.7, ColorEncoder())
    later = encoded(("two pandas", "so much overtime"), text_model, 0.2, ColorEncoder(), like=fitted)
    assert (later.weight, later.encoder) == (0.7, fitted.encoder)
    np.testing.assert_array_equal(vectors_of(later), vectors_of(fitted)[[4, 0]])


def test_later_texts_follow_what_was_decided_for_the_first() -> None:
    fitted = encoded(ENGLISH, "auto", 0.5, ColorEncoder())
    assert encoded(CHINESE, "auto", 0.5, ColorEncoder(), like=fitted).encoder == "colors"
    fitted = encoded(CHINESE, "auto", 0.5, ColorEncoder())
    assert encoded(ENGLISH, "auto", 0.5, ColorEncoder(), like=fitted).encoder == NGRAMS


def test_later_texts_do_not_count_where_the_first_did_not() -> None:
    later = encoded(CHINESE, "auto", 0.9, like=encoded(CHINESE, weight=0))
    assert (later.weight, later.vectors) == (0, None)


def test_another_encoder_than_the_first_is_refused() -> None:
    fitted = encoded(ENGLISH, LengthEncoder())
    with pytest.raises(InvalidParameterError, match="'lengths', which encoded the texts"):
        encoded(ENGLISH, "ngrams", like=fitted)


# --- the sentence encoder ---------------------------------------------------------------------------------------------


def test_a_sentence_encoder_keeps_its_vectors_under_what_its_files_are(tmp_path: Path) -> None:
    from concept_memes.encoders.sentences import SentenceEncoder

    one, other = (SentenceEncoder(tiny_text_tower(tmp_path / n, n_dims=d)) for n, d in (("a", 24), ("b", 32)))
    assert one.text_fingerprint != other.text_fingerprint
    assert SentenceEncoder(str(tmp_path / "a")).text_fingerprint == one.text_fingerprint
    assert one.encode_texts([]).shape == (0, 24)
