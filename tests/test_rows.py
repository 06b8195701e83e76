from __future__ import annotations

import numpy as np
import pytest
import torch

from concept_memes.encoders.rows import filled_rows, safe_number


@pytest.mark.parametrize("n", range(1, 41))
def test_no_row_depends_on_its_place(n: int) -> None:
    rng = np.random.default_rng(n)
    rows, weights = (
        rng.normal(size=(n, 512)).astype(np.float32),
        torch.from_numpy(rng.normal(size=(300, 512)).astype(np.float32)),
    )

    def product(rows: np.ndarray) -> np.ndarray:
        return torch.nn.functional.linear(torch.from_numpy(filled_rows(rows)), weights).numpy()[: len(rows)]

    order = rng.permutation(n)
    np.testing.assert_array_equal(product(rows[order]), product(rows)[order])


def test_rows_are_filled_up_with_the_last_one() -> None:
    rows = np.arange(10).reshape(5, 2)
    filled = filled_rows(rows)
    assert len(filled) == safe_number(5) == 8
    np.testing.assert_array_equal(filled[:5], rows)
    assert (filled[5:] == rows[-1]).all()


def test_safe_numbers_stay_as_they_are() -> None:
    rows = np.arange(8)
    assert filled_rows(rows) is rows
