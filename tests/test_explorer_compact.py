"""Products of words and pictures in few bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from concept_memes.centring import unit
from concept_memes.explorer.compact import CompactRows, compact


def rows(n: int, d: int, seed: int, rank: int | None = None) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(n, rank or d)) @ rng.normal(size=(rank or d, d)))


def products(pictures: CompactRows, words: CompactRows) -> npt.NDArray[np.float64]:
    """What the page computes."""
    whole = pictures.numbers.astype(np.int32) @ words.numbers.astype(np.int32).T
    return whole * pictures.scales[:, None].astype(float) * words.scales.astype(float)


def test_products_of_few_dimensions_are_kept_to_two_digits() -> None:
    x, w = rows(200, 300, 0, rank=40), rows(150, 300, 1)
    small_x, small_w = compact(x, w)
    assert small_x.numbers.dtype == small_w.numbers.dtype == np.int8
    assert small_x.scales.dtype == small_w.scales.dtype == np.float32
    assert small_x.numbers.shape == (200, 40)  # what is not needed is not kept
    assert np.abs(products(small_x, small_w) - x @ w.T).max() < 0.01


def test_the_dimensions_are_those_in_which_words_and_pictures_meet() -> None:
    rng = np.random.default_rng(0)
    x = np.hstack([10 * rng.normal(size=(300, 100)), rng.normal(size=(300, 8))])  # loud where no word is
    w = np.hstack([0.01 * rng.normal(size=(200, 100)), rng.normal(size=(200, 8))])
    x, w = x.astype(np.float32), w.astype(np.float32)
    small_x, small_w = compact(x, w, 16)
    assert np.corrcoef(products(small_x, small_w).ravel(), (x @ w.T).ravel())[0, 1] > 0.95
    loudest = np.linalg.svd(x, full_matrices=False)[2][:16]
    assert np.corrcoef((x @ loudest.T @ loudest @ w.T).ravel(), (x @ w.T).ravel())[0, 1] < 0.5


def test_no_approximation_of_that_rank_is_better() -> None:
    x, w = rows(120, 50, 0), rows(90, 50, 1)
    small = compact(x, w, 10)
    u, s, v = np.linalg.svd(x @ w.T, full_matrices=False)
    best = np.linalg.norm((u[:, :10] * s[:10]) @ v[:10] - x @ w.T)
    assert np.linalg.norm(products(*small) - x @ w.T) < 1.01 * best


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (3, 1), (2, 2)])
def test_the_smallest_collections_work(n: int, m: int) -> None:
    x, w = rows(n, 30, 0), rows(m, 30, 1)
    assert np.allclose(products(*compact(x, w)), x @ w.T, atol=0.02)


def test_words_that_say_nothing_of_pictures_have_products_of_zero() -> None:
    x = np.eye(4, 8, dtype=np.float32)
    w = np.zeros((3, 8), np.float32)
    w[0, 6] = 1  # where no picture is
    found = products(*compact(x, w))
    assert found.shape == (4, 3)
    assert not found.any()


def test_the_same_vectors_give_the_same_bytes() -> None:
    x, w = rows(80, 100, 0), rows(60, 100, 1)
    for first, second in zip(compact(x, w), compact(x.copy(), w.copy()), strict=True):
        assert np.array_equal(first.numbers, second.numbers)
        assert np.array_equal(first.scales, second.scales)
