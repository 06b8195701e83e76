from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes import scanning
from concept_memes.centring import unit
from concept_memes.errors import InvalidParameterError
from concept_memes.scanning import similarities, top_similar


def made(n: int, d: int, dtype: Any, seed: int = 0) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
    """Rows close together, so that many are nearly equally similar, and a query among them."""
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=d)
    rows = unit(middle + 0.3 * rng.normal(size=(n, d))).astype(dtype)
    return rows, unit(middle + 0.3 * rng.normal(size=d))


def brute(rows: npt.NDArray[Any], query: npt.NDArray[Any], k: int) -> tuple[list[int], npt.NDArray[np.float64]]:
    """The definition: every product in double precision, everything sorted."""
    exact = np.array([np.einsum("j,j->", row.astype(np.float64), query.astype(np.float64)) for row in rows])
    order = np.argsort(-exact, kind="stable")[:k]
    return order.tolist(), exact[order]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("d", [27, 64, 512])
def test_the_nearest_are_those_of_double_precision(dtype: Any, d: int) -> None:
    rows, query = made(5000, d, dtype)
    for k in (1, 10, 700, 5000, 9999):
        indices, found = top_similar(rows, query, k)
        expected, exact = brute(rows, query, k)
        assert indices.tolist() == expected
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-15)
        assert (indices.dtype, found.dtype) == (np.int64, np.float64)


def test_single_precision_alone_would_get_the_order_wrong() -> None:
    rows, query = made(1, 512, np.float16)
    rows = np.repeat(rows, 500, axis=0)
    rows[:, 7] = np.random.default_rng(0).permutation(500) * 6e-8  # all cosines lie within 3e-8
    query[7] = 1e-3
    expected, _ = brute(rows, query, 300)
    assert np.argsort(-scanning._screened(rows, query, None), kind="stable")[:300].tolist() != expected
    assert top_similar(rows, query, 300)[0].tolist() == expected


def test_the_largest_error_that_screening_may_make_does_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, query = made(5000, 64, np.float32)
    rows = unit(rows[0] + 1e-5 * rows)  # many cosines within the bound
    half = scanning._margin(query) / 2
    wrong = np.random.default_rng(0).choice([-half, half], 5000)
    exact = rows.astype(np.float64) @ query.astype(np.float64)
    assert np.argsort(-(exact + wrong))[:20].tolist() != np.argsort(-exact)[:20].tolist()
    monkeypatch.setattr(scanning, "_screened", lambda *_: exact + wrong)
    assert top_similar(rows, query, 20)[0].tolist() == brute(rows, query, 20)[0]


@given(seed=st.integers(0, 10_000), k=st.integers(1, 40), copies=st.integers(1, 30))
def test_copies_come_in_the_order_of_the_rows(seed: int, k: int, copies: int) -> None:
    rng = np.random.default_rng(seed)
    rows, query = made(20, 8, np.float16, seed)
    rows = rows[rng.integers(20, size=20 * copies)]
    assert top_similar(rows, query, k)[0].tolist() == brute(rows, query, k)[0]


def test_every_half_is_read_as_the_number_that_it_is() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every) & (np.abs(every) <= 2)].reshape(-1, 2)  # subnormal numbers and zeros as well
    for query in ([1, 0], [0, 1]):
        chosen = np.array(query, np.float32)
        screened = scanning._product_of_halves(chosen, len(every))(every)
        np.testing.assert_array_equal(screened, every.astype(np.float32) @ chosen)


def test_screening_errs_less_than_its_bound() -> None:
    for dtype in (np.float16, np.float32):
        rows, query = made(3000, 512, dtype)
        exact = rows.astype(np.float64) @ query.astype(np.float64)
        error = np.abs(scanning._screened(rows, query, None) - exact).max()
        assert 0 < error < scanning._margin(query) / 2


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_threads_and_other_rows_do_not_change_a_bit(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, query = made(3000, 512, dtype)
    monkeypatch.setattr(scanning, "THREADED_NUMBERS", 0)
    monkeypatch.setattr(scanning, "usable_processors", lambda: 1)
    indices, found = top_similar(rows, query, 50)
    for n_threads in (2, 3):
        monkeypatch.setattr(scanning, "usable_processors", lambda n=n_threads: n)
        again, same = top_similar(rows, query, 50)
        assert again.tolist() == indices.tolist()
        assert same.tobytes() == found.tobytes()
    for index, value in zip(indices, found, strict=True):
        assert top_similar(rows[index : index + 1].copy(), query, 1)[1][0] == value


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f2"])
def test_chosen_rows_are_the_only_ones(dtype: Any) -> None:
    rows, query = made(2000, 64, dtype)
    chosen = np.flatnonzero(np.random.default_rng(0).random(2000) < 0.3)
    indices, found = top_similar(rows, query, 20, rows=chosen)
    expected, exact = brute(rows[chosen], query, 20)
    assert indices.tolist() == chosen[expected].tolist()
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-15)
    assert len(top_similar(rows, query, 5, rows=np.empty(0, np.int64))[0]) == 0


def test_columns_of_a_wider_array_are_read_right() -> None:
    wide, query = made(500, 64, np.float16)
    for part in (wide[:, 2:34], wide[::2, :32], wide[::-1, 1:33]):
        assert top_similar(part, query[:32], 30)[0].tolist() == brute(part, query[:32], 30)[0]


def test_a_file_is_searched_without_being_held_in_memory(tmp_path: Path) -> None:
    rows, query = made(60_000, 128, np.float16)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    top_similar(mapped, query, 10)
    tracemalloc.start()
    indices, _ = top_similar(mapped, query, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes / 4
    assert indices.tolist() == np.argsort(-(rows.astype(np.float64) @ query), kind="stable")[:10].tolist()


@pytest.mark.parametrize("vectors", [np.zeros((3, 4)), np.zeros((3, 4), np.int8), np.zeros(4, np.float32)])
def test_vectors_of_another_kind_are_refused(vectors: npt.NDArray[Any]) -> None:
    with pytest.raises(InvalidParameterError, match="vectors must be float16 or float32 of shape"):
        top_similar(vectors, np.zeros(4, np.float32), 1)


def test_some_similarities_are_those_of_their_rows() -> None:
    rows, query = made(3000, 512, np.float16)
    chosen = np.array([2999, 0, 7, 7])
    expected = [np.dot(rows[i].astype(np.float64), query.astype(np.float64)) for i in chosen]
    np.testing.assert_allclose(similarities(rows, query, chosen), expected, rtol=0, atol=1e-15)
