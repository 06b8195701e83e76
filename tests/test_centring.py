from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from concept_memes.centring import ROWS, centre_vectors, mean_vector, unit

NUMBERS = st.floats(-100, 100, width=32)


def random_units(n: int, d: int, seed: int = 0) -> npt.NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(n, d)) + 0.5)


@given(arrays(np.float32, (4, 3), elements=NUMBERS))
def test_unit_keeps_directions_and_makes_lengths_one(x: npt.NDArray[np.float32]) -> None:
    lengths = np.linalg.norm(x.astype(np.float64), axis=1)
    result = unit(x)
    assert result.dtype == np.float32
    for row, length, given_row in zip(result, lengths, x, strict=True):
        if length > 1e-6:
            assert np.linalg.norm(row.astype(np.float64)) == pytest.approx(1, abs=1e-6)
            np.testing.assert_allclose(row * length, given_row, atol=1e-4)
        else:
            assert not row.any()


def test_unit_takes_one_vector_and_stacks_of_them() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    np.testing.assert_array_equal(unit(x)[1, 2], unit(x[1, 2]))


def test_unit_does_not_change_what_was_given() -> None:
    x = np.array([[3.0, 4.0]])
    unit(x)
    assert x.tolist() == [[3.0, 4.0]]


def test_mean_vector_sums_in_double_precision() -> None:
    x = np.array([[1e8], [1.0], [-1e8], [1.0]], np.float32)
    assert mean_vector(x).tolist() == [0.5]
    assert mean_vector(x).dtype == np.float32


def test_mean_vector_of_nothing_is_zero() -> None:
    assert mean_vector(np.zeros((0, 3), np.float32)).tolist() == [0, 0, 0]


def test_centring_takes_away_what_all_share() -> None:
    shared = np.array([5.0, 0, 0])
    x = unit(shared + np.array([[0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]))
    assert (x @ x.T).min() > 0.9  # one heap before
    centred = centre_vectors(x, mean_vector(x), [(0, 3)])
    assert (centred @ centred.T)[0, 1:].max() < 0.1  # open afterwards
    np.testing.assert_allclose(np.linalg.norm(centred, axis=1), 1, atol=1e-6)


def test_every_block_keeps_its_weight() -> None:
    x = random_units(6, 8)
    blocks = [(0, 5), (5, 8)]
    centred = centre_vectors(x, mean_vector(x), blocks)
    for start, stop in blocks:
        np.testing.assert_allclose(
            np.linalg.norm(centred[:, start:stop], axis=1), np.linalg.norm(x[:, start:stop], axis=1), atol=1e-6
        )


def test_blocks_are_centred_separately() -> None:
    x = random_units(6, 8)
    whole = centre_vectors(x, mean_vector(x), [(0, 8)])
    assert np.abs(whole - centre_vectors(x, mean_vector(x), [(0, 5), (5, 8)])).max() > 0.01


def test_a_block_that_is_zero_stays_zero() -> None:
    x = random_units(6, 8)
    text = x[:1].copy()
    text[:, :5] = 0
    centred = centre_vectors(text, mean_vector(x), [(0, 5), (5, 8)])
    assert not centred[:, :5].any()
    assert np.linalg.norm(centred) == pytest.approx(1, abs=1e-6)


def test_a_collection_of_one_picture_centres_to_zero() -> None:
    x = np.repeat(random_units(1, 8), 7, axis=0)
    assert not centre_vectors(x, mean_vector(x), [(0, 8)]).any()


@pytest.mark.parametrize("n_dims", [7, 16, 512])
def test_a_row_is_centred_the_same_alone_and_in_company(n_dims: int) -> None:
    x = random_units(33, n_dims)
    centre = mean_vector(x)
    together = centre_vectors(x, centre, [(0, 3), (3, n_dims)])
    alone = [centre_vectors(row[None], centre, [(0, 3), (3, n_dims)])[0] for row in x]
    np.testing.assert_array_equal(together, alone)


def test_a_large_collection_is_centred_row_by_row_alike() -> None:
    x = unit(np.random.default_rng(0).normal(size=(2 * ROWS + 5, 6)))
    centre, blocks = mean_vector(x), [(0, 2), (2, 6)]
    whole = centre_vectors(x, centre, blocks)
    for rows in (slice(ROWS - 2, ROWS + 2), slice(2 * ROWS, None)):
        np.testing.assert_array_equal(whole[rows], centre_vectors(x[rows], centre, blocks))
