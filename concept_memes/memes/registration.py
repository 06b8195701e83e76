"""Laying one picture over another: mirrored or turned, shifted, stretched, a little rotated, brighter or darker.

Many pairs at a time. All pictures are squares of the same size; places in them go from -1 to 1 in both directions, and
a `Warp` says where a place of the first picture is in the second: mirrored pictures are warps with a negative factor.

References
----------
Baker and Matthews, "Lucas-Kanade 20 Years On: A Unifying Framework", IJCV 56 (2004), for the additive algorithm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from concept_memes.protocols import FloatArray, IntArray

__all__ = [
    "SYMMETRIES",
    "Warps",
    "composed",
    "grid",
    "inverted",
    "register",
    "sampled",
    "symmetric_starts",
    "unmoved",
    "warped",
]

#: The eight ways to lay a square onto itself, as matrices: four turns, and four turns of its mirror image.
SYMMETRIES: FloatArray = np.array(
    [
        [[x, 0], [0, y]] if straight else [[0, x], [y, 0]]
        for straight in (True, False)
        for x, y in ((1, 1), (-1, 1), (1, -1), (-1, -1))
    ],
    np.float32,
)

# Brightness that differs by as much is most likely noise; by far more, it is something else, such as a caption.
NOISE = 12.0
# Keeps the steps finite where pictures have no texture.
RIDGE = 1e-3


@dataclass(frozen=True)
class Warps:
    """Where the places of first pictures are in second ones, and how bright they are there.

    Attributes
    ----------
    places : ndarray of shape (n, 2, 3), float32
        Linear part and shift.
    tones : ndarray of shape (n, 2), float32
        Factor and summand that make the second picture as bright as the first.
    """

    places: FloatArray
    tones: FloatArray

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | IntArray) -> Warps:
        return Warps(self.places[rows], self.tones[rows])


def grid(side: int) -> FloatArray:
    """Return the centres of the pixels of a square picture, as rows (x, y, 1); line by line."""
    at = (np.arange(side, dtype=np.float32) + 0.5) * (2 / side) - 1
    x, y = np.meshgrid(at, at)
    return np.stack([x.ravel(), y.ravel(), np.ones(side * side, np.float32)], axis=1)


def symmetric_starts(which: IntArray, scale: float) -> Warps:
    """Return warps to begin with: a symmetry each, times a scale about the middle."""
    places = np.zeros((len(which), 2, 3), np.float32)
    places[:, :, :2] = SYMMETRIES[which] * np.float32(scale)
    return Warps(places, np.tile(np.array([1, 0], np.float32), (len(which), 1)))


def unmoved(n: int) -> Warps:
    """Return warps that change nothing."""
    return symmetric_starts(np.zeros(n, np.int64), 1)


def inverted(warps: Warps) -> Warps:
    """Return the way back."""
    linear = np.linalg.inv(warps.places[:, :, :2].astype(np.float64))
    shift = -np.einsum("nij,nj->ni", linear, warps.places[:, :, 2])
    places = np.concatenate([linear, shift[:, :, None]], axis=2).astype(np.float32)
    factor = 1 / warps.tones[:, 0]
    return Warps(places, np.stack([factor, -warps.tones[:, 1] * factor], axis=1))


def composed(first: Warps, then: Warps) -> Warps:
    """Return the way by one picture to the next."""
    linear = np.einsum("nij,njk->nik", then.places[:, :, :2], first.places[:, :, :2])
    shift = np.einsum("nij,nj->ni", then.places[:, :, :2], first.places[:, :, 2]) + then.places[:, :, 2]
    factor = first.tones[:, 0] * then.tones[:, 0]
    summand = first.tones[:, 0] * then.tones[:, 1] + first.tones[:, 1]
    return Warps(np.concatenate([linear, shift[:, :, None]], axis=2), np.stack([factor, summand], axis=1))


def warped(places: FloatArray, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return x and y of warped points, each of shape (n, n_points)."""
    x, y = points[:, 0], points[:, 1]
    across, down = (
        places[:, axis, 0, None] * x + places[:, axis, 1, None] * y + places[:, axis, 2, None] for axis in (0, 1)
    )
    return across, down


@dataclass(frozen=True)
class Samples:
    """Brightness at places between pixels, and how it changes there.

    Attributes
    ----------
    values, along_x, along_y : ndarray of shape (n, n_places), float32
        Changes are per unit of place.
    inside : ndarray of the same shape, bool
        Whether the place is in the picture.
    """

    values: FloatArray
    along_x: FloatArray
    along_y: FloatArray
    inside: npt.NDArray[np.bool_]


def sampled(pictures: FloatArray, rows: IntArray, places: FloatArray, points: FloatArray) -> Samples:
    """Look up pictures at warped points, bilinearly.

    Parameters
    ----------
    pictures : ndarray of shape (n_pictures, side, side), float32
    rows : ndarray of shape (n,), int64
        Which picture.
    places : ndarray of shape (n, 2, 3), float32
    points : ndarray of shape (n_points, 3), float32
        As `grid` gives them.

    Returns
    -------
    Samples
    """
    side = pictures.shape[1]
    x, y = warped(places, points)
    inside = (np.abs(x) < 1) & (np.abs(y) < 1)
    half, last = np.float32(side / 2), np.float32(side - 1.001)
    x = np.clip((x + 1) * half - np.float32(0.5), 0, last)
    y = np.clip((y + 1) * half - np.float32(0.5), 0, last)
    column, line = x.astype(np.int32), y.astype(np.int32)
    fx, fy = x - column, y - line
    start = (rows.astype(np.int64) * (side * side))[:, None] + line * side + column
    flat = pictures.ravel()
    v00, v01, v10, v11 = (flat.take(start + step) for step in (0, 1, side, side + 1))
    above, below = v00 + fx * (v01 - v00), v10 + fx * (v11 - v10)
    along_x = ((v01 - v00) * (1 - fy) + (v11 - v10) * fy) * np.float32(side / 2)
    return Samples(above + fy * (below - above), along_x, (below - above) * np.float32(side / 2), inside)


def register(
    pictures: FloatArray, first: IntArray, second: IntArray, warps: Warps, *, n_steps: int, points: FloatArray
) -> Warps:
    """Improve warps by a few steps of Gauss-Newton; what fits nowhere, such as captions, counts little.

    Parameters
    ----------
    pictures : ndarray of shape (n_pictures, side, side), float32
        Brightness from 0 to 255.
    first, second : ndarray of shape (n,), int64
        Pairs of pictures.
    warps : Warps
        To begin with: right within about a fifteenth of the side.
    n_steps : int
    points : ndarray of shape (n_points, 3), float32
        Places in the first pictures that are looked at.

    Returns
    -------
    Warps
    """
    every = np.broadcast_to(np.eye(2, 3, dtype=np.float32), (len(first), 2, 3))
    target = sampled(pictures, first, every, points).values
    x, y = points[:, 0], points[:, 1]
    places, tones = warps.places, warps.tones
    with threadpool_limits(limits=1):  # products of several threads differ in their last bits
        for _ in range(n_steps):
            there = sampled(pictures, second, places, points)
            off = target - tones[:, :1] * there.values - tones[:, 1:]
            weights = there.inside / np.square(1 + np.square(off / spread(off, there.inside)))
            gx, gy = there.along_x, there.along_y
            slopes = np.stack([gx * x, gx * y, gx, gy * x, gy * y, gy, there.values, np.ones_like(gx)], axis=1)
            weighted = slopes * weights[:, None]
            normal = np.matmul(weighted, slopes.transpose(0, 2, 1)).astype(np.float64)
            diagonal = np.einsum("nii->ni", normal)
            diagonal += RIDGE * diagonal + 10.0
            right = np.matmul(weighted, off[:, :, None]).astype(np.float64)
            step = np.linalg.solve(normal, right)[:, :, 0]
            moved = np.clip(step[:, :6] / tones[:, :1], -0.2, 0.2).reshape(-1, 2, 3)
            places = places + moved.astype(np.float32)
            tones = (tones + step[:, 6:]).astype(np.float32)
            tones[:, 0] = np.clip(tones[:, 0], 0.5, 2)
    return Warps(places, tones)


def spread(off: FloatArray, inside: npt.NDArray[np.bool_]) -> FloatArray:
    """Return how far off the better half is, per pair; of shape (n, 1)."""
    size = np.where(inside, np.abs(off), np.float32(np.inf))
    n_points = off.shape[1]
    kth = n_points // 2
    half: FloatArray = np.partition(size, kth, axis=1)[:, kth : kth + 1]
    return np.clip(np.where(np.isfinite(half), 1.5 * half, NOISE), NOISE, 80).astype(np.float32)
