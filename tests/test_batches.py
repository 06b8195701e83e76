from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from concept_memes.batches import FixedBatches, pooled, rounded
from concept_memes.testing import ColorEncoder, color_images


def test_vectors_are_rounded_to_half_precision() -> None:
    x = np.random.default_rng(0).normal(size=(50, 64)).astype(np.float32)
    result = rounded(x)
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1, atol=1e-6)
    nudged = rounded(x * np.float32(1 + 1e-6))
    assert (result == nudged).all(axis=1).mean() > 0.9  # differences far below half precision are gone
    assert np.abs(result - x / np.linalg.norm(x, axis=1, keepdims=True)).max() < 1e-3


@given(arrays.arrays(np.float32, (3, 5), elements=st.floats(0.125, 1, width=32)), st.integers(0, 2))
def test_a_row_is_rounded_alike_alone_and_among_others(x: np.ndarray, row: int) -> None:
    np.testing.assert_array_equal(rounded(x)[row], rounded(x[row : row + 1])[0])


def test_a_single_frame_is_its_own_mean() -> None:
    frame = np.array([0.6, 0.8], np.float32)
    assert pooled([frame]) is frame


def test_the_order_of_frames_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    frames = list(rng.normal(size=(4, 9)).astype(np.float32))
    np.testing.assert_allclose(pooled(frames), pooled(frames[::-1]), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(pooled(frames)), 1, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_everything_comes_out_once_with_its_kind(batch_size: int) -> None:
    came: list[tuple[str, bool]] = []
    encoder = ColorEncoder(batch_size=batch_size)
    batches = FixedBatches(encoder, lambda keys, _, moving: came.extend((key, moving) for key in keys))
    frame = encoder.preprocess(color_images(["red"], 1)[0])
    for number in range(10):
        batches.add(f"{number}", [frame] * (1 + 4 * (number % 2)), moving=number % 2 == 1)
    batches.finish()
    assert sorted(came) == [(f"{number}", number % 2 == 1) for number in range(10)]
    assert batches.n_encoded == 5 + 25
    assert batches.n_rows == batch_size
