"""One query against many rows: the nearest ones, exactly, from memory or from a file that is larger than it.

The rows are gone through once in single precision, which is quick and a little wrong; what may be among the nearest,
judged by a bound on that error, is computed again in double precision. So the answer is the one of double precision and
has the same bits for any number of threads, any library of matrix products and any other rows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.errors import InvalidParameterError
from concept_memes.lookahead import usable_processors
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["similarities", "top_similar"]

# A block in single precision is half a megabyte: it stays in a core's own cache, and OpenBLAS does not start threads of
# its own for it, which take turns with ours (a million rows in blocks of two megabytes: 7.5 s instead of 0.1).
BLOCK_NUMBERS = 131_072
# Below this a second thread costs more than it brings.
THREADED_NUMBERS = 8_388_608
# Two threads reach the bandwidth of a laptop's memory nearly, four that of most.
MAX_THREADS = 4
# Rows may be this long; unit rows in half precision are at most 1.001.
MAX_LENGTH = 2.0
# What shifting the bits of a half into a float leaves out: the exponents count from another number.
HALF_TO_SINGLE = np.float32(2.0**112)
SIGN_AND_VALUE = np.int32(-0x7000_2000)  # 0x8fffe000: the sign, five bits of exponent, ten of the value


def top_similar(
    vectors: npt.NDArray[Any], query: npt.NDArray[Any], k: int, *, rows: IntArray | None = None
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Find the `k` rows that have the largest dot products with a query.

    Parameters
    ----------
    vectors : ndarray or memmap of shape (n, d), float16 or float32
        Finite rows of about unit length (at most 2). A memmap is read in blocks and never as a whole; half precision
        needs half the time that it takes to read.
    query : ndarray of shape (d,), float32
        Unit norm gives cosines.
    k : int
        How many; all where there are fewer.
    rows : ndarray of shape (m,), int64, optional
        Only these rows, in ascending order.

    Returns
    -------
    indices : ndarray of shape (min(k, n),), int64
        Largest first; equal ones in the order of the rows.
    similarities : ndarray of shape (min(k, n),), float64
        In double precision, not rounded.

    Raises
    ------
    InvalidParameterError
        If `vectors` are of another type or shape, or the query is of another length or not finite.

    Examples
    --------
    >>> x = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 1]], np.float16)
    >>> indices, cosines = top_similar(x, np.array([0, 1], np.float32), 3)
    >>> indices.tolist(), cosines.round(3).tolist()
    ([1, 3, 2], [1.0, 1.0, 0.8])
    """
    query = _checked(vectors, query)
    n = len(vectors) if rows is None else len(rows)
    k = min(k, n)
    if k < 1:
        return np.empty(0, np.int64), np.empty(0)
    candidates = np.arange(n)
    if k < n:
        screened = _screened(vectors, query, rows)
        edge = np.partition(screened, n - k)[n - k]
        candidates = np.flatnonzero(screened >= edge - _margin(query))
    chosen = candidates if rows is None else np.asarray(rows)[candidates]
    exact = similarities(vectors, query, chosen)
    order = np.argsort(-exact, kind="stable")[:k]
    return chosen[order].astype(np.int64), exact[order]


def similarities(vectors: npt.NDArray[Any], query: npt.NDArray[Any], rows: IntArray) -> npt.NDArray[np.float64]:
    """Dot products of a query with some rows, in double precision.

    Parameters
    ----------
    vectors : ndarray or memmap of shape (n, d), float16 or float32
    query : ndarray of shape (d,), float32
    rows : ndarray of shape (m,), int64

    Returns
    -------
    ndarray of shape (m,), float64
        The bits of one do not depend on the other rows.

    Examples
    --------
    >>> similarities(np.eye(3, dtype=np.float32), np.array([0, 0.5, 1], np.float32), np.array([2, 1])).tolist()
    [1.0, 0.5]
    """
    query = _checked(vectors, query).astype(np.float64)
    found = np.empty(len(rows), np.float64)
    step = max(1, BLOCK_NUMBERS // max(1, len(query)))
    for start in range(0, len(rows), step):
        block = vectors[rows[start : start + step]].astype(np.float64)
        # One sum per row, not a matrix product: those treat a row by its place among the others.
        np.einsum("ij,j->i", block, query, out=found[start : start + step])
    return found


def _checked(vectors: npt.NDArray[Any], query: npt.NDArray[Any]) -> FloatArray:
    """Return the query in single precision, if it fits the vectors."""
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or vectors.dtype.itemsize not in (2, 4):
        what = f"{vectors.dtype} of shape {vectors.shape}"
        raise InvalidParameterError("vectors", what, "float16 or float32 of shape (n, d)")
    query = np.asarray(query, np.float32)
    if query.shape != vectors.shape[1:]:
        expected = f"a vector of {vectors.shape[1]} dimensions, like the pictures'"
        raise InvalidParameterError("query", query.shape, expected)
    if not np.isfinite(query).all():
        raise InvalidParameterError("query", query, "a vector of finite numbers")
    return query


def _margin(query: FloatArray) -> float:
    """How far two screened values may be in the wrong order.

    A sum of d products in single precision is wrong by at most ``d 2^-24 |row| |query|`` in whatever order it is taken
    (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1); the factor 1.01 covers terms of second order.
    """
    return float(2 * 1.01 * (len(query) + 2) * 2.0**-24 * MAX_LENGTH * np.linalg.norm(query.astype(np.float64)))


def _screened(vectors: npt.NDArray[Any], query: FloatArray, rows: IntArray | None) -> FloatArray:
    """Dot products with all rows (or those chosen) in single precision, wrong by half of `_margin` at most."""
    n = len(vectors) if rows is None else len(rows)
    step = max(1, BLOCK_NUMBERS // max(1, len(query) // 2))
    found = np.empty(n, np.float32)
    plain = np.asarray(vectors)  # a memmap makes an object per slice; this is a view of the same memory
    made = _product_of_halves if _is_plain_half(plain) else _product_of

    def scan(first: int) -> None:
        product = made(query, step)
        for start in range(first, n, step * n_threads):
            stop = min(n, start + step)
            found[start:stop] = product(plain[start:stop] if rows is None else plain[rows[start:stop]])

    n_threads = min(MAX_THREADS, usable_processors()) if n * len(query) >= THREADED_NUMBERS else 1
    if n_threads == 1:
        scan(0)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(scan, range(0, step * n_threads, step)))
    return found


def _product_of(query: FloatArray, _: int) -> Callable[[npt.NDArray[Any]], FloatArray]:
    """Return the product of a block with a query."""
    return lambda block: np.matmul(block.astype(np.float32, copy=False), query)


def _product_of_halves(query: FloatArray, step: int) -> Callable[[npt.NDArray[Any]], FloatArray]:
    """Return the product of a block of at most `step` rows of halves with a query.

    It takes a fifth of the time of numpy's conversion. Two halves are looked at as one integer of 32 bits.
    Shifted to where single precision has its exponent and value, and without what is between sign and exponent, each is
    its number times 2^-112, which the query makes up for.
    """
    scaled = query * HALF_TO_SINGLE
    low, high = np.ascontiguousarray(scaled[0::2]), np.ascontiguousarray(scaled[1::2])
    buffer = np.empty((step, len(low)), np.int32)  # the system gives out new memory slower than it is filled

    def product(block: npt.NDArray[Any]) -> FloatArray:
        pairs = block.view(np.int32)
        bits = np.right_shift(pairs, 3, out=buffer[: len(pairs)])
        np.bitwise_and(bits, SIGN_AND_VALUE, out=bits)
        found: FloatArray = np.matmul(bits.view(np.float32), high)
        np.left_shift(pairs, 16, out=bits)
        np.right_shift(bits, 3, out=bits)
        np.bitwise_and(bits, SIGN_AND_VALUE, out=bits)
        found += np.matmul(bits.view(np.float32), low)
        return found

    return product


def _is_plain_half(vectors: npt.NDArray[Any]) -> bool:
    """Whether the bits of two neighbours can be looked at as one integer."""
    native = vectors.dtype == np.float16 and vectors.dtype.isnative and sys.byteorder == "little"
    return native and vectors.flags.c_contiguous and vectors.shape[1] % 2 == 0
