from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score, silhouette_score

from concept_memes.centring import centre_vectors, mean_vector, unit
from concept_memes.small_collections import best_cut, distances_between, group_few, silhouette, stands_out


def kinds(sizes: list[int], *, seed: int = 0, n_dims: int = 32, spread: float = 0.08) -> npt.NDArray[np.float32]:
    """Make centred vectors: so many around one direction, so many around the next."""
    rng = np.random.default_rng(seed)
    directions = unit(rng.normal(size=(len(sizes), n_dims)) + 0.7)
    vectors = unit(np.repeat(directions, sizes, axis=0) + spread * rng.normal(size=(sum(sizes), n_dims)))
    return centre_vectors(vectors, mean_vector(vectors), [(0, n_dims)])


def names(n: int) -> list[str]:
    return [f"{i:04}" for i in range(n)]


@pytest.mark.parametrize("sizes", [[6, 6], [2, 3], [4, 4, 4], [20, 5, 10, 30]])
@pytest.mark.parametrize("seed", range(3))
def test_kinds_become_groups(sizes: list[int], seed: int) -> None:
    groups = group_few(kinds(sizes, seed=seed), names(sum(sizes)))
    assert adjusted_rand_score(np.repeat(range(len(sizes)), sizes), groups) == 1


@pytest.mark.parametrize("seed", range(3))
def test_kinds_that_nearly_touch_are_not_chained_together(seed: int) -> None:
    groups = group_few(kinds([20, 20, 20], seed=seed, spread=0.16), names(60))
    assert adjusted_rand_score(np.repeat(range(3), 20), groups) > 0.9


@pytest.mark.parametrize("n", [3, 6, 12, 40, 100])
@pytest.mark.parametrize("seed", range(3))
def test_one_kind_is_one_group(n: int, seed: int) -> None:
    assert group_few(kinds([n], seed=seed), names(n)).tolist() == [0] * n


@pytest.mark.parametrize("seed", range(3))
def test_kinds_so_close_that_their_silhouette_is_that_of_one_kind_are_told_from_chance(seed: int) -> None:
    vectors = kinds([20, 20, 20, 20], seed=seed, spread=0.2)
    assert best_cut(distances_between(vectors))[1] < 0.28
    groups = group_few(vectors, names(80))
    assert groups.max() == 3
    assert adjusted_rand_score(np.repeat(range(4), 20), groups) > 0.75


@pytest.mark.parametrize("n", [12, 40, 100])
def test_a_cut_that_chance_gives_does_not_stand_out(n: int) -> None:
    vectors = kinds([n])
    score = best_cut(distances_between(vectors))[1]
    assert not stands_out(score, vectors)
    assert stands_out(0.29, vectors)
    assert not stands_out(0.0, vectors)


@pytest.mark.parametrize("sizes", [[3], [2, 3], [9, 7, 5], [20, 5, 10, 30], [1] * 30])
def test_the_best_cut_is_the_one_of_highest_silhouette(sizes: list[int]) -> None:
    distances = distances_between(kinds(sizes, spread=0.25))
    tree = linkage(squareform(distances, checks=False), "average")
    cuts = [fcluster(tree, k, "maxclust") for k in range(2, max(2, len(distances) // 2) + 1)]
    scores = [silhouette_score(distances, cut, metric="precomputed") for cut in cuts]
    groups, score = best_cut(distances)
    assert score == pytest.approx(max(scores))
    assert adjusted_rand_score(cuts[int(np.argmax(scores))], groups) == 1
    assert silhouette(distances, groups) == pytest.approx(score)
    assert sorted(set(groups.tolist())) == list(range(groups.max() + 1))


def test_rows_in_no_group_count_as_rows_alone() -> None:
    distances = distances_between(kinds([6, 6], spread=0.25))
    groups = np.repeat([0, 1], 6)
    whole = silhouette(distances, groups)
    assert silhouette(distances, np.where(np.arange(12) % 6 < 3, groups, -1)) < whole
    assert silhouette(distances, np.zeros(12, np.int64)) == 0
    assert silhouette(distances, np.full(12, -1)) == 0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_to_compare_are_one_group(n: int) -> None:
    assert group_few(kinds([2])[:n], names(n)).tolist() == [0] * n


def test_pictures_that_are_all_the_same_are_one_group() -> None:
    assert group_few(np.zeros((9, 4), np.float32), names(9)).tolist() == [0] * 9
    assert group_few(np.ones((9, 4), np.float32) / 2, ["a"] * 9).tolist() == [0] * 9


def test_copies_share_a_group_and_do_not_drown_the_rest() -> None:
    once = kinds([6, 6])
    keys = names(12)
    rows = [0] * 100 + list(range(1, 12))
    groups = group_few(once[rows], [keys[i] for i in rows])
    assert len(set(groups[:100])) == 1
    assert adjusted_rand_score([0] * 105 + [1] * 6, groups) == 1


@pytest.mark.parametrize("n_copies", [2, 3, 10])
def test_a_backup_of_everything_does_not_change_the_groups(n_copies: int) -> None:
    vectors, keys = kinds([9, 7, 5]), names(21)
    groups = group_few(vectors, keys)
    assert groups.max() == 2
    again = group_few(np.concatenate([vectors] * n_copies), keys * n_copies)
    np.testing.assert_array_equal(again, np.tile(groups, n_copies))


def test_one_kind_with_a_backup_is_one_group() -> None:
    assert group_few(np.repeat(kinds([12]), 2, axis=0), sorted(names(12) * 2)).tolist() == [0] * 24


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_few_pictures_many_times_each_are_the_groups(n: int) -> None:
    vectors = kinds([1] * n)
    groups = group_few(np.repeat(vectors, 4, axis=0), sorted(names(n) * 4))
    assert adjusted_rand_score(np.repeat(range(n), 4), groups) == 1


def test_the_order_of_the_rows_does_not_matter() -> None:
    vectors, keys = kinds([9, 7, 5], spread=0.3), names(21)
    groups = group_few(vectors, keys)
    order = np.random.default_rng(0).permutation(21)
    np.testing.assert_array_equal(group_few(vectors[order], [keys[i] for i in order]), groups[order])
