from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from concept_memes.tsne import pushes, pushes_of_few, tsne_layout


def pushes_by_pairs(y: np.ndarray) -> np.ndarray:
    apart = y[:, None] - y[None]
    near = 1 / (1 + (apart**2).sum(axis=2))
    np.fill_diagonal(near, 0)
    return np.asarray((near[:, :, None] ** 2 * apart).sum(axis=1) / near.sum())


@pytest.mark.parametrize(("size", "error"), [(1e-4, 1e-3), (0.5, 2e-3), (3.0, 0.05), (10.0, 0.15)])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_grid_pushes_as_all_pairs_do(size: float, error: float, seed: int) -> None:
    y = np.random.default_rng(seed).normal(0, size, (60, 2))
    expected = pushes_by_pairs(y)
    np.testing.assert_allclose(pushes(y), expected, atol=error * np.abs(expected).max())
    np.testing.assert_allclose(pushes_of_few(y), expected, atol=1e-9 * np.abs(expected).max())


def test_places_that_are_equal_do_not_push_each_other() -> None:
    np.testing.assert_allclose(pushes(np.ones((5, 2))), 0, atol=1e-9)


def two_cliques(n: int) -> csr_array:
    inside = np.kron(np.eye(2), np.ones((n, n))) - np.eye(2 * n)
    return csr_array(inside)


def test_groups_that_share_no_edge_come_apart_from_one_heap() -> None:
    start = np.random.default_rng(0).normal(size=(40, 2))
    y = tsne_layout(two_cliques(20), start)
    middles = y[:20].mean(axis=0), y[20:].mean(axis=0)
    reach = max(np.linalg.norm(y[:20] - middles[0], axis=1).max(), np.linalg.norm(y[20:] - middles[1], axis=1).max())
    assert np.linalg.norm(middles[0] - middles[1]) > 2 * reach


def test_the_size_of_the_start_does_not_count() -> None:
    start = np.random.default_rng(1).normal(size=(20, 2))
    np.testing.assert_allclose(tsne_layout(two_cliques(10), start), tsne_layout(two_cliques(10), 64 * start))


def test_a_start_in_one_place_stays_finite() -> None:
    assert np.isfinite(tsne_layout(two_cliques(4), np.zeros((8, 2)))).all()
