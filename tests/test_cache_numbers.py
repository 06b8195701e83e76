from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from concept_memes.batches import rounded
from concept_memes.cache.numbers import half, packed, unpacked
from concept_memes.centring import unit

NUMBERS = st.floats(-100, 100, width=32) | st.sampled_from([0.0, 1.0, 0.5, 2.0**-14, 2.0**-20, 1 + 2.0**-10])


def there_and_back(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    rows = unpacked(packed(vectors))
    assert all(row is not None for row in rows)
    return np.stack(rows)


def assert_same_bits(found: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> None:
    assert found.dtype == expected.dtype == np.float32
    # As integers, so that 0 and -0 differ.
    np.testing.assert_array_equal(found.view(np.int32), expected.view(np.int32))


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=NUMBERS))
def test_rounded_vectors_come_back_bit_for_bit(x: npt.NDArray[np.float32]) -> None:
    vectors = rounded(x)
    assert_same_bits(there_and_back(vectors), vectors)


@pytest.mark.parametrize("n_dims", [1, 2, 3, 5, 8, 27, 384, 512, 768, 1664])
def test_many_vectors_of_every_length_come_back_bit_for_bit(n_dims: int) -> None:
    rng = np.random.default_rng(n_dims)
    n = 200_000 // n_dims
    # Some numbers large and some tiny, as in vectors with a few strong directions.
    x = rng.standard_normal((n, n_dims)) * rng.choice([1, 1e-2, 1e-4, 1e-6], (n, n_dims))
    vectors = rounded(x)
    assert_same_bits(there_and_back(vectors), vectors)


def test_rounding_once_more_would_not_do() -> None:
    vectors = rounded(np.random.default_rng(0).standard_normal((20_000, 3)))
    assert not np.array_equal(rounded(vectors), vectors)  # otherwise `half` would be needless
    assert_same_bits(unit(half(vectors)), vectors)


@pytest.mark.parametrize("n", [1, 2, 7, 32])
def test_the_company_of_a_vector_does_not_change_its_bits(n: int) -> None:
    vectors = rounded(np.random.default_rng(1).standard_normal((n, 512)))
    together = there_and_back(vectors)
    alone = np.stack([there_and_back(vector[None])[0] for vector in vectors])
    assert_same_bits(together, alone)
    assert_same_bits(there_and_back(np.asfortranarray(vectors)), vectors)


def test_vectors_that_were_not_rounded_come_back_rounded() -> None:
    vectors = unit(np.random.default_rng(2).standard_normal((100, 64)))
    assert_same_bits(there_and_back(vectors), rounded(vectors))


def test_a_vector_takes_two_bytes_per_number() -> None:
    assert [len(row) for row in packed(rounded(np.ones((3, 512))))] == [1024] * 3


@pytest.mark.parametrize("value", [np.nan, np.inf, 3.0, 6e4, 0.01])
def test_bytes_that_were_never_a_vector_are_none(value: float) -> None:
    good = np.array([0, 1], "<f2").tobytes()
    bad = np.array([value, 0.1], "<f2").tobytes()
    rows = unpacked([bad, good, bad])
    assert rows[0] is None
    assert rows[2] is None
    assert rows[1] is not None
    assert rows[1].tolist() == [0, 1]


def test_nothing_gives_nothing() -> None:
    assert unpacked([]) == []
    assert packed(np.zeros((0, 4), np.float32)) == []
