"""Words and pictures in at most 64 dimensions of 8 bits, so that a browser can compare them without a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from concept_memes.protocols import FloatArray

__all__ = ["N_DIMS", "CompactRows", "compact"]

N_DIMS = 64
# A direction that has less than this share of the squared length of the first is rounding.
TINY = 1e-10

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CompactRows:
    """Vectors in a few bytes each.

    Attributes
    ----------
    numbers : ndarray of shape (n, n_dims), int8
    scales : ndarray of shape (n,), float32
        What the numbers of a row are to be multiplied by.
    """

    numbers: npt.NDArray[np.int8]
    scales: FloatArray


def compact(pictures: FloatArray, words: FloatArray, n_dims: int = N_DIMS) -> tuple[CompactRows, CompactRows]:
    """Find few dimensions in which the products of pictures and words stay what they are.

    What is kept is the best approximation of the matrix of all products by one of lower rank: its singular value
    decomposition (Eckart and Young 1936), found from the Gram matrices of both sides without ever making it. The
    dimensions in which pictures differ most are other ones: with those, two of ten pictures that a word finds are the
    same, with these eight. Eight bits cost nothing more (`benchmarks/bench_explorer.py`).

    Parameters
    ----------
    pictures : ndarray of shape (n, d), float32
    words : ndarray of shape (m, d), float32
    n_dims : int, default=64
        At most; fewer where fewer suffice.

    Returns
    -------
    pictures, words : CompactRows
        ``(numbers[i] @ word_numbers[j]) * scales[i] * word_scales[j]`` is nearly ``pictures[i] @ words[j]``.

    Examples
    --------
    >>> x, w = compact(np.eye(3, dtype=np.float32), np.array([[0, 1, 0]], np.float32))
    >>> (x.numbers.astype(int) @ w.numbers[0].astype(int) * x.scales * w.scales[0]).round(3).tolist()
    [0.0, 1.0, 0.0]
    """
    used = words.any(axis=0)  # a part of the vectors that no word has (the look, of the hub-free model) adds nothing
    pictures, words = pictures[:, used], words[:, used]
    with threadpool_limits(limits=1):  # products of several threads differ in their last bits
        half_of_pictures, back_to_pictures = _root(pictures)
        half_of_words, back_to_words = _root(words)
        left, values, right = np.linalg.svd(half_of_pictures @ half_of_words.T, full_matrices=False)
        shares = np.sqrt(values[:n_dims])
        picture_rows = pictures.astype(np.float64) @ (back_to_pictures @ left[:, :n_dims] * shares)
        word_rows = words.astype(np.float64) @ (back_to_words @ right[:n_dims].T * shares)
    return _in_bytes(picture_rows), _in_bytes(word_rows)


def _root(rows: FloatArray) -> tuple[Doubles, Doubles]:
    """Return R with ``R.T @ R = rows.T @ rows``, and what turns the rows into orthonormal columns times R."""
    exact = rows.astype(np.float64)
    squares, directions = np.linalg.eigh(exact.T @ exact)
    kept = squares > TINY * squares.max(initial=0)
    lengths, directions = np.sqrt(squares[kept]), directions[:, kept]
    return lengths[:, None] * directions.T, directions / lengths


def _in_bytes(rows: Doubles) -> CompactRows:
    """Round each row to whole numbers from -127 to 127."""
    scales = np.abs(rows).max(axis=1, initial=0) / 127
    numbers = np.rint(rows / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    return CompactRows(numbers, scales.astype(np.float32))
