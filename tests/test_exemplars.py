from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from concept_memes.centring import unit
from concept_memes.exemplars import core_members, mmr, pick_exemplars

MANY_VECTORS = st.integers(1, 12).flatmap(
    lambda m: arrays(np.float32, (m, 3), elements=st.floats(-1, 1, width=16)).map(unit)
)
QUERIES = arrays(np.float32, 3, elements=st.floats(-1, 1, width=16)).map(unit)


@given(QUERIES, MANY_VECTORS, st.integers(0, 15), st.floats(0, 1))
def test_mmr_chooses_each_once_and_the_most_typical_first(
    query: npt.NDArray[np.float32], candidates: npt.NDArray[np.float32], n: int, diversity: float
) -> None:
    chosen = mmr(query, candidates, n, diversity=diversity)
    assert chosen.dtype == np.int64
    assert len(chosen) == len(set(chosen.tolist())) == min(n, len(candidates))
    if n:
        relevance = candidates.astype(np.float64) @ query
        assert relevance[chosen[0]] == relevance.max()


@given(QUERIES, MANY_VECTORS, st.integers(1, 15))
def test_mmr_without_diversity_is_the_order_of_relevance(
    query: npt.NDArray[np.float32], candidates: npt.NDArray[np.float32], n: int
) -> None:
    relevance = candidates.astype(np.float64) @ query
    chosen = mmr(query, candidates, n, diversity=0.0)
    np.testing.assert_array_equal(chosen, np.argsort(-relevance, kind="stable")[:n])


@given(QUERIES, MANY_VECTORS)
def test_mmr_with_full_diversity_takes_what_is_farthest_from_the_first(
    query: npt.NDArray[np.float32], candidates: npt.NDArray[np.float32]
) -> None:
    chosen = mmr(query, candidates, 2, diversity=1.0)
    if len(chosen) == 2:
        to_first = candidates.astype(np.float64) @ candidates[chosen[0]]
        others = np.delete(to_first, chosen[0])
        assert to_first[chosen[1]] == others.min()


def test_mmr_judges_by_the_nearest_of_all_chosen() -> None:
    # 0 and 1 are taken; 2 is the twin of 0 and 3 is far from both, but less typical.
    candidates = unit(np.array([[1, 0.1, 0], [0, 1, 0], [1, 0.11, 0], [0.2, 0, 1]]))
    query = unit(np.array([1, 0.9, 0.1]))
    assert mmr(query, candidates, 3, diversity=0.6).tolist()[2] == 3


def test_core_members_are_sure_and_near_and_each_picture_once() -> None:
    affinity = np.array([0.9, 0.8, 0.95, 0.9, -0.5])
    probabilities = np.array([1.0, 1.0, 0.2, 1.0, 1.0])
    core = core_members(affinity, probabilities, ["d", "b", "c", "d", "e"], 9)
    assert core.tolist() == [0, 1, 2, 4]
    assert core_members(affinity, probabilities, ["d", "b", "c", "d", "e"], 2).tolist() == [0, 1]


def test_core_members_settle_ties_by_content() -> None:
    assert core_members(np.full(3, 0.5), np.ones(3), ["c", "a", "b"], 3).tolist() == [1, 2, 0]


def pictures(n: int = 60) -> npt.NDArray[np.float32]:
    return unit(np.random.default_rng(0).normal(size=(n, 6)) + [2, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("n", [1, 3, 8, 9])
def test_there_are_as_many_exemplars_as_different_pictures_allow(n: int) -> None:
    members = pictures(n)
    centroid = unit(members.mean(axis=0))
    keys = [f"{i}" for i in range(n)]
    positions, scores = pick_exemplars(members, centroid, np.ones(n), keys, n_exemplars=8, diversity=0.3)
    assert len(positions) == len(scores) == min(8, n)


def test_copies_fill_one_place_only() -> None:
    members = np.concatenate([np.repeat(pictures(1), 20, axis=0), pictures(4)[1:]])
    keys = ["a"] * 20 + ["b", "c", "d"]
    positions, _ = pick_exemplars(members, members[0], np.ones(23), keys, n_exemplars=8, diversity=0.0)
    assert sorted(keys[i] for i in positions) == ["a", "b", "c", "d"]


def test_the_first_exemplar_is_the_most_typical_and_scores_are_cosines() -> None:
    members = pictures()
    centroid = unit(members.mean(axis=0))
    keys = [f"{i:03}" for i in range(60)]
    positions, scores = pick_exemplars(members, centroid, np.ones(60), keys, n_exemplars=8, diversity=0.7)
    assert positions[0] == np.argmax(members @ centroid)
    np.testing.assert_allclose(scores, members[positions] @ centroid, atol=1e-6)


def test_more_diversity_gives_exemplars_that_are_less_alike() -> None:
    members = pictures()
    centroid = unit(members.mean(axis=0))
    keys = [f"{i:03}" for i in range(60)]

    def likeness(diversity: float) -> float:
        positions, _ = pick_exemplars(members, centroid, np.ones(60), keys, n_exemplars=6, diversity=diversity)
        products = members[positions] @ members[positions].T
        return float(products[~np.eye(6, dtype=bool)].mean())

    assert likeness(0.0) > likeness(0.5) > likeness(1.0)


def test_even_full_diversity_stays_in_the_core() -> None:
    members = pictures(200)
    centroid = unit(members.mean(axis=0))
    affinity = members @ centroid
    keys = [f"{i:03}" for i in range(200)]
    positions, _ = pick_exemplars(members, centroid, np.ones(200), keys, n_exemplars=8, diversity=1.0)
    assert affinity[positions].min() > np.median(affinity)
