"""Density groups over neighbours: what HDBSCAN finds in the whole space, without looking at all of it."""

from __future__ import annotations

import hdbscan
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from concept_memes.centring import unit
from concept_memes.density import APART, dense_groups, dense_groups_of_points, density_tree


def clouds(sizes: list[int], *, spread: float = 0.05, noise: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(noise, -1)])
    middles = np.concatenate([unit(rng.normal(size=(len(sizes), 6))), np.zeros((1, 6))])
    scale = np.where(truth < 0, 1.0, spread)[:, None]
    return unit(middles[truth] + scale * rng.normal(size=(len(truth), 6))).astype(np.float64), truth


@pytest.mark.parametrize("leaves", [False, True], ids=["eom", "leaf"])
def test_groups_are_those_of_hdbscan_in_the_whole_space(leaves: bool) -> None:
    places, _ = clouds([40, 30, 25, 60], spread=0.1, noise=10)
    labels, _ = dense_groups(density_tree(places), 10, leaves=leaves)
    whole = hdbscan.HDBSCAN(10, min_samples=5, cluster_selection_method="leaf" if leaves else "eom").fit(places)
    assert adjusted_rand_score(whole.labels_, labels) > 0.95


def test_clouds_are_groups_and_what_lies_between_is_none() -> None:
    places, truth = clouds([40, 30, 25], noise=12)
    labels, strengths = dense_groups(density_tree(places), 10)
    assert adjusted_rand_score(truth[:95], labels[:95]) > 0.98
    assert strengths[95:].max() < np.quantile(strengths[:95], 0.05)  # none, or on the very edge
    assert not strengths[labels < 0].any()
    assert strengths.max() <= 1


def test_groups_that_no_chain_of_neighbours_joins_are_apart() -> None:
    places, truth = clouds([40, 40], spread=0.001)
    tree = density_tree(places)
    assert tree[-1].tolist()[2:] == [APART, 80]
    assert adjusted_rand_score(truth, dense_groups(tree, 10)[0]) == 1


def test_nothing_smaller_than_the_size_is_a_group() -> None:
    places, _ = clouds([40, 30, 9])
    assert dense_groups(density_tree(places), 10)[0].max() == 1
    assert dense_groups(density_tree(places), 9)[0].max() == 2


def test_copies_are_a_group() -> None:
    places = np.repeat(np.eye(3), 30, axis=0)
    labels, strengths = dense_groups(density_tree(places), 10)
    assert adjusted_rand_score(np.repeat([0, 1, 2], 30), labels) == 1
    assert (strengths == 1).all()


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_few_rows_have_a_tree(n: int) -> None:
    assert density_tree(np.eye(6)[:n]).shape == (n - 1, 4)


def test_points_of_few_dimensions_are_grouped_by_distance() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(0, 1, (40, 2)), rng.normal(20, 1, (40, 2))])
    labels, _ = dense_groups_of_points(points, 10)
    assert adjusted_rand_score(np.repeat([0, 1], 40), labels) > 0.9
