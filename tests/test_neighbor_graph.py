"""The fuzzy graph of neighbours: what UMAP builds, symmetric, and whole where pictures are copies."""

from __future__ import annotations

import numpy as np
import pytest

from concept_memes.centring import unit
from concept_memes.neighbor_graph import fuzzy_graph
from concept_memes.neighbors import nearest_neighbors


def vectors(n: int, *, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, 8)))


def graph_of(x: np.ndarray, k: int = 15) -> np.ndarray:
    return np.asarray(fuzzy_graph(*nearest_neighbors(x, x, k)).toarray())


def test_it_is_the_graph_that_umap_builds() -> None:
    from umap.umap_ import fuzzy_simplicial_set

    x = vectors(200)
    indices, similarities = nearest_neighbors(x, x, 15)
    distances = np.where(indices == np.arange(200)[:, None], 0, 1 - similarities).astype(np.float32)
    state = np.random.RandomState(0)  # noqa: NPY002 (what UMAP wants)
    theirs, _, _ = fuzzy_simplicial_set(x, 15, state, "cosine", knn_indices=indices, knn_dists=distances)
    np.testing.assert_allclose(graph_of(x), theirs.toarray(), atol=1e-4)


def test_it_is_symmetric_and_nobody_is_a_neighbour_of_himself() -> None:
    graph = graph_of(vectors(60))
    np.testing.assert_array_equal(graph, graph.T)
    assert not np.diag(graph).any()
    assert graph.min() >= 0
    assert graph.max() <= 1
    np.testing.assert_allclose(graph.max(axis=1), 1)  # the nearest neighbour


def test_scales_are_the_rows_own() -> None:
    dense, loose = unit(vectors(20) * 0.01 + np.eye(8)[0]), unit(vectors(20, seed=1) * 0.3 + np.eye(8)[1])
    graph = graph_of(np.concatenate([dense, loose]), 6)
    assert graph[:20].sum() == pytest.approx(graph[20:].sum(), rel=0.2)


@pytest.mark.parametrize("n_copies", [5, 40])
def test_copies_are_each_others_neighbours(n_copies: int) -> None:
    x = np.concatenate([np.repeat(vectors(1), n_copies, axis=0), vectors(30, seed=1)])
    graph = graph_of(x, 10)
    assert np.isfinite(graph).all()
    assert (graph[:n_copies].max(axis=1) == 1).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_pictures_have_a_graph_too(n: int) -> None:
    graph = graph_of(vectors(n))
    assert graph.shape == (n, n)
    assert np.isfinite(graph).all()
