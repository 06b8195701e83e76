from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from concept_memes import neighbors
from concept_memes.centring import unit
from concept_memes.neighbors import nearest_neighbors


def random_units(n: int, d: int = 8, seed: int = 0) -> npt.NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(n, d)))


@pytest.mark.parametrize("k", [1, 3, 15, 50])
def test_finds_what_sorting_all_similarities_finds(k: int) -> None:
    queries, vectors = random_units(20, seed=1), random_units(50)
    all_similarities = queries @ vectors.T
    indices, similarities = nearest_neighbors(queries, vectors, k)
    np.testing.assert_array_equal(indices, np.argsort(-all_similarities, axis=1, kind="stable")[:, :k])
    np.testing.assert_allclose(similarities, -np.sort(-all_similarities, axis=1)[:, :k], atol=1e-6)
    assert (indices.dtype, similarities.dtype) == (np.int64, np.float32)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, vectors = random_units(23, seed=1), random_units(40)
    whole = nearest_neighbors(queries, vectors, 5)
    monkeypatch.setattr(neighbors, "BLOCK_NUMBERS", 160)  # four queries at a time
    in_blocks = nearest_neighbors(queries, vectors, 5)
    np.testing.assert_array_equal(whole[0], in_blocks[0])
    np.testing.assert_allclose(whole[1], in_blocks[1], atol=1e-6)


@pytest.mark.parametrize("n_copies", [3, 9, 100, 326, 336, 342])
def test_ties_come_in_the_order_of_the_rows(n_copies: int) -> None:
    # Integers, so that the products of copies are equal to the last bit.
    vectors = np.zeros((n_copies, 4), np.float32)
    vectors[:, 1] = 1
    indices, similarities = nearest_neighbors(np.eye(4, dtype=np.float32)[[1, 1]], vectors, 3)
    assert indices.tolist() == [[0, 1, 2]] * 2
    assert similarities.tolist() == [[1, 1, 1]] * 2


def test_nearer_rows_come_before_ties_at_the_edge() -> None:
    vectors = np.zeros((60, 2), np.float32)
    vectors[:, 0] = 0.5
    vectors[50, 0] = 1
    indices, _ = nearest_neighbors(np.array([[1, 0]], np.float32), vectors, 3)
    assert indices.tolist() == [[50, 0, 1]]


def test_fewer_rows_than_neighbors_asked_for_gives_all_rows() -> None:
    indices, similarities = nearest_neighbors(random_units(2, seed=1), random_units(3), 10)
    assert indices.shape == similarities.shape == (2, 3)
    assert np.sort(indices, axis=1).tolist() == [[0, 1, 2]] * 2


def test_no_queries_and_no_vectors_give_empty_results() -> None:
    assert nearest_neighbors(random_units(0), random_units(3), 2)[0].shape == (0, 2)
    assert nearest_neighbors(random_units(2), random_units(0), 2)[0].shape == (2, 0)


def test_similarities_are_cosines_even_where_rounding_exceeds_one() -> None:
    x = random_units(500, 512)
    similarities = nearest_neighbors(x, x, 1)[1]
    assert (x * x).sum(axis=1).max() > 1  # otherwise this shows nothing
    assert similarities.max() <= 1
