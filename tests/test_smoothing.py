"""Smoothing over the graph of neighbours: kinds contract, nothing depends on chance or threads."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from concept_memes.centring import centre_vectors, mean_vector, unit
from concept_memes.neighbor_graph import fuzzy_graph
from concept_memes.neighbors import nearest_neighbors
from concept_memes.smoothing import N_DIMS, SAMPLE, principal_coordinates, smooth_vectors


def kinds(n_per_kind: int, n_kinds: int, n_dims: int = 100) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(n_kinds), n_per_kind)
    x = unit(unit(rng.normal(size=(n_kinds, n_dims)))[truth] + 0.12 * rng.normal(size=(len(truth), n_dims)))
    return centre_vectors(x, mean_vector(x), [(0, n_dims)]), truth


def smoothed(x: np.ndarray) -> np.ndarray:
    return smooth_vectors(x, fuzzy_graph(*nearest_neighbors(x, x, 15)))


def test_members_of_a_kind_come_to_lie_together() -> None:
    x, truth = kinds(40, 5)
    places = smoothed(x)
    same = truth[:, None] == truth
    before, after = x @ x.T, places @ places.T
    assert before[same].min() < 0.3  # kinds are loose ...
    assert after[same].min() > 0.9  # ... and lie together afterwards,
    assert after[~same].max() < 0.2  # but not with others


def test_places_have_length_one_and_at_most_64_dimensions() -> None:
    places = smoothed(kinds(40, 5)[0])
    assert places.shape == (200, N_DIMS)
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 1)


def test_a_picture_without_neighbours_stays_where_it_is() -> None:
    x, _ = kinds(5, 2)
    nobody = csr_array((10, 10))
    expected = principal_coordinates(x)
    places = smooth_vectors(x, nobody)
    np.testing.assert_allclose(places, expected / np.linalg.norm(expected, axis=1, keepdims=True))


def test_vectors_of_zeros_stay_zero() -> None:
    assert not smooth_vectors(np.zeros((4, 8), np.float32), csr_array((4, 4))).any()


@pytest.mark.parametrize("shape", [(30, 100), (100, 30), (200, 200), (1, 5), (3, 1)])
def test_cosines_survive_where_all_axes_are_kept(shape: tuple[int, int]) -> None:
    x = unit(np.random.default_rng(0).normal(size=shape))
    coordinates = principal_coordinates(x)
    if min(shape) <= N_DIMS:
        np.testing.assert_allclose(coordinates @ coordinates.T, x @ x.T, atol=1e-5)
    else:  # the axes that are kept are those of the largest part
        largest = np.linalg.svd(x.astype(np.float64), compute_uv=False)[:N_DIMS]
        np.testing.assert_allclose(np.linalg.norm(coordinates, axis=0), largest, rtol=1e-6)


def test_axes_of_a_large_collection_are_those_of_a_sample() -> None:
    n = 2 * SAMPLE + 1
    x = unit(np.random.default_rng(0).normal(size=(n, 3)) * [3, 2, 1])
    coordinates = principal_coordinates(x)
    assert coordinates.shape == (n, 3)
    np.testing.assert_allclose(coordinates @ coordinates[:5].T, x @ x[:5].T, atol=1e-5)


def test_the_number_of_threads_does_not_show() -> None:
    x, _ = kinds(60, 8, 512)
    results = []
    for n_threads in (1, 2):
        with threadpool_limits(limits=n_threads):
            results.append(smoothed(x))
    np.testing.assert_array_equal(*results)
