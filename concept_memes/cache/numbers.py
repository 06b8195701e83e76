"""Vectors as the bytes that the cache keeps, and back, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.centring import unit
from concept_memes.protocols import FloatArray

__all__ = ["half", "packed", "unpacked"]

# Lengths that vectors of half precision can have, in steps so small that every number rounds to where it was.
LENGTHS = (1 - 2**-12, 1 + 2**-12, 1 - 2**-11, 1 + 2**-11)


def half(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float16]:
    """Return the float16 numbers whose scaling to length 1 gives these vectors.

    Vectors are rounded to float16 and scaled to length 1 before use. Rounding the result once more can give other
    numbers, because scaling moved some of them over the middle between two. But the length was within 2**-11 of 1, so
    undoing it roughly is enough to get every number back.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_dims)
        Scaled to length 1 after rounding; others are scaled to length 1 and rounded.

    Returns
    -------
    ndarray of shape (n, n_dims), float16

    Examples
    --------
    >>> rounded = unit(np.array([[0.00048828125, 0.9998]], np.float16))
    >>> bool((unit(half(rounded)) == rounded).all())
    True
    """
    vectors = np.ascontiguousarray(vectors)
    numbers = unit(vectors).astype(np.float16)
    wrong = (unit(numbers) != vectors).any(axis=1)
    for length in LENGTHS:
        rows = np.flatnonzero(wrong)
        if not len(rows):
            break
        tried = (vectors[rows].astype(np.float64) * length).astype(np.float16)
        right = (unit(tried) == vectors[rows]).all(axis=1)
        numbers[rows[right]], wrong[rows[right]] = tried[right], False
    return numbers


def packed(vectors: npt.NDArray[Any]) -> list[bytes]:
    r"""Write vectors as bytes.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_dims)
        As for `half`.

    Returns
    -------
    list of bytes
        Two bytes per number, in the same order on all machines.

    Examples
    --------
    >>> packed(np.array([[0, 1]], np.float32))
    [b'\x00\x00\x00<']
    """
    return [row.tobytes() for row in half(vectors).astype("<f2")]


def unpacked(rows: Sequence[bytes]) -> list[FloatArray | None]:
    r"""Read vectors from bytes.

    Parameters
    ----------
    rows : sequence of bytes
        All of the same length.

    Returns
    -------
    list of ndarray of shape (n_dims,), float32, unit norm
        A row of zeros stays one. None for what was never a vector: its length is neither 1 nor 0.

    Examples
    --------
    >>> unpacked([b"\x00\x00\x00<", b"\x00\x00\x00@"])
    [array([0., 1.], dtype=float32), None]
    """
    if not rows:
        return []
    numbers = np.frombuffer(b"".join(rows), "<f2").reshape(len(rows), -1).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # damage can be any number, also none
        squares = np.einsum("ij,ij->i", numbers, numbers)
        good = (np.abs(squares - 1) < 0.01) | (squares == 0)
    vectors = iter(unit(numbers[good]))
    return [next(vectors) if is_good else None for is_good in good]
