from __future__ import annotations

import numpy as np
import pytest

from concept_memes.cells import part_into_cells
from concept_memes.centring import unit


@pytest.mark.parametrize("n", [1, 2, 10, 500, 3_000])
def test_every_row_lies_in_one_cell_and_visits_others(n: int) -> None:
    x = unit(np.random.default_rng(0).normal(size=(n, 16)))
    cells = part_into_cells(x)
    assert np.sort(np.concatenate(cells.members)).tolist() == list(range(n))
    n_cells = round(n**0.5)
    assert len(cells.members) == len(cells.visitors) == n_cells
    times = np.bincount(np.concatenate(cells.visitors), minlength=n)
    assert (times == min(16, n_cells) - 1).all()
    for members, visitors in zip(cells.members, cells.visitors, strict=True):
        assert not np.intersect1d(members, visitors).size
        assert (np.diff(members) > 0).all()
        assert (np.diff(visitors) > 0).all()


def test_rows_of_one_concept_meet() -> None:
    rng = np.random.default_rng(0)
    concept = rng.permutation(np.repeat(np.arange(10), 100))
    x = unit(rng.normal(size=(10, 32))[concept] + 0.3 * rng.normal(size=(1_000, 32)))
    cells = part_into_cells(x)
    meets = np.eye(1_000, dtype=bool)
    for members, visitors in zip(cells.members, cells.visitors, strict=True):
        meets[np.ix_(np.concatenate([members, visitors]), members)] = True
    assert meets[concept[:, None] == concept].mean() > 0.98
    assert meets.mean() < 0.75


def test_rows_of_zeros_and_copies_have_a_cell() -> None:
    x = np.zeros((50, 8), np.float32)
    x[:25, 3] = 1
    assert sum(map(len, part_into_cells(x).members)) == 50
