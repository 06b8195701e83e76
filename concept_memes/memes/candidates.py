"""Which pairs of pictures are worth comparing: far fewer than there are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn

from concept_memes.memes.registration import SYMMETRIES, grid
from concept_memes.neighbors import nearest_neighbors
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["alike_upto_symmetry", "candidate_pairs", "coarse", "descriptors", "symmetric_orders"]

# Neighbours of each picture that are looked at, by shape and by the encoder's vectors.
N_NEIGHBORS = 8
# Up to so many pictures, neighbours are looked for everywhere, beyond in cells.
EXACT = 12_000
# Frequencies of the descriptors, on each axis.
FREQUENCIES = 8
# Side of the coarse pictures.
COARSE = 16
BLOCK = 4096


def coarse(thumbs: npt.NDArray[np.uint8]) -> FloatArray:
    """Average thumbs down to `COARSE`."""
    n, step = len(thumbs), thumbs.shape[1] // COARSE
    means: FloatArray = thumbs.reshape(n, COARSE, step, COARSE, step).mean(axis=(2, 4), dtype=np.float32)
    return means


def descriptors(small: FloatArray) -> FloatArray:
    """Describe pictures by what mirroring and quarter turns do not change.

    Mirroring changes the signs of coefficients of the cosine transform, and a quarter turn swaps the axes. So sums and
    differences of the sizes of pairs of coefficients are the same for all eight.

    Parameters
    ----------
    small : ndarray of shape (n, side, side), float32

    Returns
    -------
    ndarray of shape (n, n_dims), float32, unit norm
    """
    parts = []
    low = np.arange(FREQUENCIES)
    weights = 1 / np.sqrt(1 + low[:, None] + low[None, :])
    upper = np.triu_indices(FREQUENCIES)
    for start in range(0, len(small), BLOCK):
        spectrum = dctn(small[start : start + BLOCK], axes=(1, 2), norm="ortho")[:, :FREQUENCIES, :FREQUENCIES]
        size = np.sqrt(np.abs(spectrum) * weights)
        size[:, 0, 0] = 0
        one, other = size[:, upper[0], upper[1]], size[:, upper[1], upper[0]]
        parts.append(np.concatenate([one + other, np.abs(one - other)], axis=1))
    found = np.concatenate(parts) if parts else np.empty((0, 1))
    found = found - found.mean(axis=0, dtype=np.float64) * 0.9  # what all have tells nothing
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(lengths, 1e-6), np.float32)


def candidate_pairs(spaces: list[FloatArray]) -> npt.NDArray[np.int64]:
    """Return the pairs that are near in some space, the smaller number first; of shape (n_pairs, 2), sorted.

    Parameters
    ----------
    spaces : list of ndarray of shape (n, n_dims), float32, unit norm
    """
    n = len(spaces[0])
    found = []
    for vectors in spaces:
        neighbors, _ = nearest_neighbors(vectors, vectors, N_NEIGHBORS + 1, exact=n <= EXACT)
        first = np.repeat(np.arange(n), neighbors.shape[1])
        second = neighbors.ravel()
        low, high = np.minimum(first, second), np.maximum(first, second)
        found.append((low * n + high)[low < high])
    keys = np.unique(np.concatenate(found))
    return np.stack([keys // n, keys % n], axis=1)


def symmetric_orders(side: int) -> IntArray:
    """Return, for each of `SYMMETRIES`, the places of the pixels of a square picture that is seen through it."""
    points = grid(side)[:, :2]
    orders = []
    for symmetry in SYMMETRIES:
        x, y = np.rint((points @ symmetry.T + 1) * (side / 2) - 0.5).astype(np.int64).T
        orders.append(y * side + x)
    return np.stack(orders)


def alike_upto_symmetry(small: FloatArray, pairs: npt.NDArray[np.int64]) -> FloatArray:
    """Correlate pairs of coarse pictures in all eight positions.

    Parameters
    ----------
    small : ndarray of shape (n, side, side), float32
    pairs : ndarray of shape (n_pairs, 2), int64

    Returns
    -------
    ndarray of shape (n_pairs, 8), float32
        Correlation, per symmetry.
    """
    flat = small.reshape(len(small), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    orders = symmetric_orders(small.shape[1])
    found = np.empty((len(pairs), len(orders)), np.float32)
    for start in range(0, len(pairs), BLOCK):
        part = slice(start, start + BLOCK)
        one, other = flat[pairs[part, 0]], flat[pairs[part, 1]]
        for number, order in enumerate(orders):
            found[part, number] = np.einsum("nd,nd->n", one, other[:, order])
    return found
