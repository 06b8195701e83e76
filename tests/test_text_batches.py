"""Batches of texts: shapes that depend on the texts alone, and less at a time where the memory is short."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.encoders.text_batches import TEXT_BUCKETS, encode_by_length
from concept_memes.errors import EncoderMemoryError
from concept_memes.protocols import FloatArray


def sums(ids: np.ndarray, mask: np.ndarray) -> FloatArray:
    return np.stack([(ids * mask).sum(1), mask.sum(1)], axis=1).astype(np.float32)


@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=20), max_size=30), st.integers(1, 7))
def test_vectors_come_back_in_the_order_of_the_texts(texts: list[list[int]], batch_size: int) -> None:
    vectors = encode_by_length(texts, sums, buckets=TEXT_BUCKETS, batch_size=batch_size, pad_id=0, n_dims=2)
    assert vectors.tolist() == [[sum(text), len(text)] for text in texts]


def test_a_text_is_padded_to_the_next_length_whatever_comes_with_it() -> None:
    shapes = []

    def encode(ids: np.ndarray, mask: np.ndarray) -> FloatArray:
        shapes.append(ids.shape)
        return sums(ids, mask)

    encode_by_length([[1] * n for n in (2, 3, 7, 5)], encode, buckets=(3, 5, 8), batch_size=4, pad_id=0, n_dims=2)
    assert shapes == [(4, 3), (4, 5), (4, 8)]


@pytest.mark.parametrize(("given", "expected"), [(1, 1), (2, 4), (3, 4), (4, 4), (6, 8), (32, 32)])
def test_the_number_of_rows_is_one_at_which_no_text_depends_on_its_place(given: int, expected: int) -> None:
    shapes = set()

    def encode(ids: np.ndarray, mask: np.ndarray) -> FloatArray:
        shapes.add(len(ids))
        return sums(ids, mask)

    encode_by_length([[1, 2, 3]] * 5, encode, buckets=(3,), batch_size=given, pad_id=0, n_dims=2)
    assert shapes == {expected}


def test_texts_that_do_not_fit_come_in_halves() -> None:
    tried = []

    def encode(ids: np.ndarray, mask: np.ndarray) -> FloatArray:
        tried.append(len(ids))
        if len(ids) > 1:
            raise EncoderMemoryError("too many")
        return sums(ids, mask)

    texts = [[n, n] for n in range(1, 6)]
    vectors = encode_by_length(texts, encode, buckets=(2,), batch_size=20, pad_id=0, n_dims=2)
    assert vectors[:, 0].tolist() == [2, 4, 6, 8, 10]
    assert tried == [20, 12, 8, 4, 1, 1, 1, 1, 1]  # multiples of four, or one


def test_a_single_text_that_does_not_fit_is_an_error() -> None:
    def encode(ids: np.ndarray, _: np.ndarray) -> FloatArray:
        raise EncoderMemoryError(f"{len(ids)} are too many")

    with pytest.raises(EncoderMemoryError, match="1 are too many"):
        encode_by_length([[1]], encode, buckets=(3,), batch_size=4, pad_id=0, n_dims=2)
