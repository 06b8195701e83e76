"""More like this: the nearest pictures, copies first, never the picture itself."""

from __future__ import annotations

import numpy as np
import pytest

from concept_memes.centring import unit
from concept_memes.explorer.likeness import N_LIKE, NOTHING, like_pictures


def test_the_likest_come_first_and_nobody_is_like_itself() -> None:
    rng = np.random.default_rng(0)
    middles = unit(rng.normal(size=(5, 32)))
    x = unit(np.repeat(middles, 20, axis=0) + 0.1 * rng.normal(size=(100, 32)))
    like = like_pictures(x)
    assert like.shape == (100, N_LIKE)
    assert like.dtype == np.uint32
    own = np.arange(100)[:, None]
    assert not (like == own).any()
    assert (like // 20 == own // 20).all()


def test_it_is_ranked_by_the_picture_and_half_of_its_nearest_neighbour() -> None:
    rng = np.random.default_rng(1)
    x = unit(rng.normal(size=(60, 8)))
    like = like_pictures(x, 5)
    cosines = (x @ x.T).astype(np.float64)
    np.fill_diagonal(cosines, -np.inf)
    for i in range(60):
        scores = cosines[i] + 0.5 * (x @ x[cosines[i].argmax()]).astype(np.float64)
        near = np.argsort(-cosines[i])[:15]  # three times as many as are wanted are ranked again
        assert like[i].tolist() == sorted(near.tolist(), key=lambda j: -scores[j])[:5]


@pytest.mark.parametrize("n", [0, 1, 2, 5, 13])
def test_where_there_are_fewer_the_rest_is_nothing(n: int) -> None:
    x = unit(np.random.default_rng(2).normal(size=(n, 4)))
    like = like_pictures(x)
    there = min(max(0, n - 1), N_LIKE)
    assert (like[:, there:] == NOTHING).all()
    assert all(len(set(row[:there]) - {i}) == there for i, row in enumerate(like.tolist()))
    assert (like[:, :there] < n).all()


def test_copies_come_before_what_is_only_like_it_even_if_there_are_very_many() -> None:
    rng = np.random.default_rng(3)
    one, others = unit(rng.normal(size=(1, 6))), unit(rng.normal(size=(30, 6)))
    x = np.concatenate([others, np.repeat(one, 50, axis=0)]).astype(np.float32)
    like = like_pictures(x)
    assert (like[30:] >= 30).all()
    assert not (like == np.arange(80)[:, None]).any()
    assert all(len(set(row)) == N_LIKE for row in like.tolist())
