"""Which pictures of a template look alike, once they lie on one another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from concept_memes.neighbors import nearest_neighbors
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["alike", "changes"]

Bools = npt.NDArray[np.bool_]
Pairs = npt.NDArray[np.int64]

# Pictures of a template that look most alike, when they lie on one another, are compared for being copies.
N_ALIKE = 12
# How much small pictures that lie on one another may differ somewhere, in levels, to be compared for being copies.
LARGEST_CHANGE = 80.0
# Up to so many pictures of a template are all compared with each other, place by place.
FEW = 500
# Up to so many, those that look alike are looked for everywhere, beyond in cells.
EXACT = 12_000


def alike(laid: FloatArray, inside: Bools) -> Pairs:
    """Return pairs of pictures that look alike, the smaller number first; of shape (n_pairs, 2)."""
    n = len(laid)
    if n <= N_ALIKE + 1:
        pairs = np.stack(np.triu_indices(n, 1), axis=1)
    else:
        neighbors = nearest_by_places(laid, inside) if n <= FEW else nearest_by_correlation(laid, inside)
        first, second = np.repeat(np.arange(n), neighbors.shape[1]), neighbors.ravel()
        low, high = np.minimum(first, second), np.maximum(first, second)
        keys = np.unique((low * n + high)[low < high])
        pairs = np.stack([keys // n, keys % n], axis=1)
    return pairs[changes(laid, inside, pairs) < LARGEST_CHANGE]


def nearest_by_places(laid: FloatArray, inside: Bools) -> IntArray:
    """Return the pictures that differ least from each where both show something; much in one place counts more."""
    nearest = np.empty((len(laid), N_ALIKE + 1), np.int64)
    for i in range(len(laid)):
        both = inside & inside[i]
        off = np.square(laid - laid[i]) * both
        mean = off.sum(axis=1, dtype=np.float64) / np.maximum(both.sum(axis=1), 1)
        nearest[i] = np.argsort(np.round(mean, 6), kind="stable")[: N_ALIKE + 1]
    return nearest


def nearest_by_correlation(laid: FloatArray, inside: Bools) -> IntArray:
    """Return the pictures that correlate most with each, what all of the template have in common taken away."""
    count = np.maximum(inside.sum(axis=0, dtype=np.float64), 1)
    mean = (laid * inside).sum(axis=0, dtype=np.float64) / count
    own = np.where(inside, laid - mean, 0).astype(np.float32)
    own /= np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-6)
    return nearest_neighbors(own, own, N_ALIKE + 1, exact=len(laid) <= EXACT)[0]


def changes(laid: FloatArray, inside: Bools, pairs: Pairs) -> npt.NDArray[np.floating]:
    """Return how much pairs differ where they differ most, in levels, averaged over 2 x 2 places."""
    side = round(laid.shape[1] ** 0.5) // 2
    found = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), 1024):
        one, other = pairs[start : start + 1024].T
        off = np.abs(laid[one] - laid[other]) * (inside[one] & inside[other])
        inner = off.reshape(-1, side, 2, side, 2).mean(axis=(2, 4))[:, 1:-1, 1:-1]
        found[start : start + 1024] = inner.max(axis=(1, 2))
    return found
