"""Registering and comparing pairs of looks, coarsely first: what does not fit then is not looked at any closer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from concept_memes.lookahead import WorkerThreads, usable_processors
from concept_memes.memes.candidates import alike_upto_symmetry, coarse
from concept_memes.memes.comparison import COPY_LIMIT, Comparisons, blurs_of, compare, compare_windows, nothing_alike
from concept_memes.memes.looks import DETAIL, Look
from concept_memes.memes.registration import (
    SYMMETRIES,
    Warps,
    composed,
    grid,
    inverted,
    register,
    sampled,
    symmetric_starts,
    unmoved,
)
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["TEMPLATE_AGREEMENT", "Aligner", "Pairs"]

Pairs = npt.NDArray[np.int64]

#: Share of windows that pictures of one template have in common, at least.
TEMPLATE_AGREEMENT = 0.35
# Pairs that are worked on together: enough for arrays to pay, few enough for the processor's cache.
COARSE_BATCH, DETAIL_BATCH = 256, 48
# How far off coarse pictures are that need no other start, and those that fit at all have so many places within.
FITTING = 7.0
NEAR, NEAR_SHARE = 18.0, 0.45
BLUR = 0.7
# Other starts: which of the likeliest symmetries, a scale, and the height of a bar at the top of the second (positive)
# or the first (negative).
STARTS = ((0, 1.33, 0), (0, 0.75, 0), (1, 1.0, 0), (1, 1.33, 0), (1, 0.75, 0), (0, 1, 0.18), (0, 1, -0.18))
# What is cut off less, in units of places, is no border.
LEAST_BORDER = 0.03
CHROMA_STEP = 8
# Pairs that differ by more at half the size, somewhere, are no copies, not with a mark either.
HOPELESS = 60.0
# Decoded looks that are kept for the next pairs, of 100 KB each.
KEPT = 2000

Planes = tuple[FloatArray, FloatArray]
T = TypeVar("T")


class Aligner:
    """Looks that are laid over one another."""

    def __init__(self, looks: Sequence[Look]) -> None:
        self.looks = looks
        self.thumbs = np.stack([look.thumb for look in looks])
        self.wholes = np.stack([look.whole for look in looks])
        self.boxes = np.array([look.inner for look in looks], np.float32)
        self.inner = insides(self.boxes)
        sizes = np.array([look.size for look in looks])
        self.blurs, self.half_blurs = blurs_of(sizes, DETAIL), blurs_of(sizes, DETAIL // 2)
        # What was cut off these may not have been found in others, such as a bar that is turned a little.
        self.has_border = (np.abs(self.inner.places - unmoved(1).places) > LEAST_BORDER).any(axis=(1, 2))
        self._decoded: dict[tuple[int, int], Planes] = {}

    def likeness(self, pairs: Pairs) -> FloatArray:
        """Tell how well each of the eight symmetries fits pairs: without borders, and with them.

        Parameters
        ----------
        pairs : ndarray of shape (n, 2), int64

        Returns
        -------
        ndarray of shape (n, 16), float32
            Correlation; with borders only where one of the two has any, else -1.
        """
        found = np.full((len(pairs), 2 * len(SYMMETRIES)), -1, np.float32)
        bordered = self.has_border[pairs].any(axis=1)
        for rows, thumbs, columns in (
            (np.arange(len(pairs)), self.thumbs, slice(len(SYMMETRIES))),
            (np.flatnonzero(bordered), self.wholes, slice(len(SYMMETRIES), None)),
        ):
            used, places = np.unique(pairs[rows], return_inverse=True)
            if len(used):
                found[rows, columns] = alike_upto_symmetry(coarse(thumbs[used]), places.reshape(-1, 2))
        return found

    def align_coarsely(self, pairs: Pairs, likeness: FloatArray) -> tuple[npt.NDArray[np.bool_], Warps]:
        """Register pairs at the size of thumbs.

        Parameters
        ----------
        pairs : ndarray of shape (n, 2), int64
        likeness : ndarray of shape (n, 16), float32
            As `likeness` tells it.

        Returns
        -------
        fitting : ndarray of shape (n,), bool
            Which may show the same.
        warps : Warps
            Of all, between pictures with their borders.
        """
        parts = in_threads(lambda i: self._coarsely(pairs[i], likeness[i]), batches(len(pairs), COARSE_BATCH))
        fitting, warps = joined(parts)
        first, second = self.inner[pairs[:, 0]], self.inner[pairs[:, 1]]
        return fitting, composed(composed(inverted(first), warps), second)

    def _coarsely(self, pairs: Pairs, likeness: FloatArray) -> tuple[npt.NDArray[np.bool_], Warps]:
        rows, places = np.unique(pairs, return_inverse=True)
        first, second = places.reshape(-1, 2).T
        small = gaussian_filter(coarse(self.thumbs[rows]), (0, BLUR, BLUR))
        likeliest = np.argsort(-likeness[:, : len(SYMMETRIES)], axis=1, kind="stable")
        with_borders = likeness[:, len(SYMMETRIES) :]
        best, best_with = likeness.max(axis=1), with_borders.max(axis=1)
        error = np.full(len(pairs), np.inf, np.float32)
        warps = unmoved(len(pairs))

        def start(which: IntArray, other: Warps) -> None:
            a, b = first[which], second[which]
            other = register(small, a, b, other, n_steps=8, points=grid(16))
            other_error = misfit(small, a, b, other)[0]
            better = other_error < error[which]
            error[which[better]] = other_error[better]
            warps.places[which[better]], warps.tones[which[better]] = other.places[better], other.tones[better]

        whole = np.flatnonzero(best_with == best)
        if len(whole):
            one, other = self.inner[pairs[whole, 0]], self.inner[pairs[whole, 1]]
            between = symmetric_starts(with_borders[whole].argmax(axis=1), 1)
            start(whole, composed(composed(one, between), inverted(other)))
        start(np.arange(len(pairs)), symmetric_starts(likeliest[:, 0], 1))
        open_ = np.flatnonzero(error > FITTING)
        for nth, scale, bar in STARTS if len(open_) else ():
            start(open_, with_bar(symmetric_starts(likeliest[open_, nth], scale), bar))
        large = gaussian_filter(self.thumbs[rows].astype(np.float32), (0, BLUR, BLUR))
        warps = register(large, first, second, warps, n_steps=5, points=grid(32))
        return (misfit(large, first, second, warps)[1] > NEAR_SHARE) & plausible(warps), warps

    def compare(self, pairs: Pairs, warps: Warps, *, n_steps: int = 4) -> tuple[Comparisons, Warps]:
        """Register pairs at full size and compare them; animations frame by frame.

        Parameters
        ----------
        pairs : ndarray of shape (n, 2), int64
        warps : Warps
            To begin with.
        n_steps : int
            Of registration, at half the size; three more at full size.

        Returns
        -------
        comparisons : Comparisons
        warps : Warps
            Improved.
        """
        found = in_threads(lambda i: self._compare(pairs[i], warps[i], n_steps), batches(len(pairs), DETAIL_BATCH))
        if not found:
            return nothing_alike(0), warps
        return Comparisons.joined([part for part, _ in found]), joined_warps([part for _, part in found])

    def _compare(self, pairs: Pairs, warps: Warps, n_steps: int) -> tuple[Comparisons, Warps]:
        first, second, pictures, chroma, half = self._of_pairs(pairs)
        warps = register(half, first, second, warps, n_steps=n_steps, points=grid(32))
        rows = np.unique(pairs)
        roughly = compare_windows(half, first, second, warps, self.half_blurs[rows])
        hopeful = np.flatnonzero(roughly.worst < HOPELESS)
        found = nothing_alike(len(pairs))
        if len(hopeful):
            a, b = first[hopeful], second[hopeful]
            better = register(pictures, a, b, warps[hopeful], n_steps=3, points=grid(48))
            warps.places[hopeful], warps.tones[hopeful] = better.places, better.tones
            found.put(hopeful, compare(pictures, chroma, a, b, better, self.boxes[rows], self.blurs[rows]))
        for i in np.flatnonzero(found.same()):
            found.worst[i] = max(found.worst[i], self._worst_of_frames(pairs[i], warps[np.array([i])]))
        return found, warps

    def agreement(self, pairs: Pairs, warps: Warps) -> tuple[FloatArray, Warps]:
        """Register pairs at half the size; tell the share of windows that agree, as `Comparisons` does.

        Parameters
        ----------
        pairs : ndarray of shape (n, 2), int64
        warps : Warps
            To begin with.

        Returns
        -------
        agreement : ndarray of shape (n,), float32
        warps : Warps
            Improved.
        """

        def agree(rows: IntArray) -> tuple[FloatArray, Warps]:
            first, second, _, _, half = self._of_pairs(pairs[rows])
            better = register(half, first, second, warps[rows], n_steps=4, points=grid(32))
            return compare_windows(
                half, first, second, better, self.half_blurs[np.unique(pairs[rows])]
            ).agreement, better

        found = in_threads(agree, batches(len(pairs), DETAIL_BATCH))
        shares = np.concatenate([np.empty(0, np.float32), *(share for share, _ in found)])
        return shares, joined_warps([better for _, better in found])

    def _of_pairs(self, pairs: Pairs) -> tuple[IntArray, IntArray, FloatArray, FloatArray, FloatArray]:
        """Return pairs as numbers of the pictures that follow: brightness, chroma, and brightness at half the size."""
        rows, places = np.unique(pairs, return_inverse=True)
        first, second = places.reshape(-1, 2).T
        pictures, chroma = self._planes([(int(row), 0) for row in rows])
        half = pictures.reshape(len(rows), DETAIL // 2, 2, DETAIL // 2, 2).mean(axis=(2, 4))
        return first, second, pictures, chroma, half

    def _worst_of_frames(self, pair: Pairs, warp: Warps) -> float:
        """Compare the later frames of two animations, where the same share of each has passed."""
        n_first, n_second = (len(self.looks[row].frames) for row in pair)
        if n_first == n_second == 1:
            return 0.0
        if min(n_first, n_second) == 1:
            return COPY_LIMIT  # a picture that moves is no copy of one that does not
        n = min(n_first, n_second)
        for i in range(1, n):
            frames = [(int(pair[0]), i * n_first // n), (int(pair[1]), i * n_second // n)]
            found = compare(
                *self._planes(frames), np.array([0]), np.array([1]), warp, self.boxes[pair], self.blurs[pair]
            )
            if found.agreement[0] and not found.same()[0]:
                return COPY_LIMIT
        return 0.0

    def _planes(self, frames: list[tuple[int, int]]) -> Planes:
        """Return brightness and chroma of frames, decoded or as they were kept."""
        found = []
        for key in frames:
            planes = self._decoded.get(key)
            if planes is None:
                if len(self._decoded) >= KEPT:
                    self._decoded.clear()
                planes = self._decoded[key] = self._decode(*key)
            found.append(planes)
        return np.stack([one for one, _ in found]), np.stack([other for _, other in found], axis=1)

    def _decode(self, row: int, frame: int) -> Planes:
        pixels = np.asarray(Image.fromarray(self.looks[row].pixels(frame)).convert("YCbCr"), np.float32)
        small = DETAIL // CHROMA_STEP
        chroma = pixels[:, :, 1:].reshape(small, CHROMA_STEP, small, CHROMA_STEP, 2).mean(axis=(1, 3))
        return gaussian_filter(pixels[:, :, 0], BLUR), np.moveaxis(chroma, 2, 0)


def with_bar(warps: Warps, height: float) -> Warps:
    """Return warps between pictures one of which has a bar at its top."""
    if not height:
        return warps
    squeezed = unmoved(len(warps))
    squeezed.places[:, 1, 1], squeezed.places[:, 1, 2] = 1 - abs(height), abs(height)
    return composed(warps, squeezed) if height > 0 else composed(inverted(squeezed), warps)


def insides(boxes: FloatArray) -> Warps:
    """Return where places of thumbs are in pictures with their borders."""
    left, top, right, bottom = boxes.T
    found = unmoved(len(boxes))
    found.places[:, 0, 0], found.places[:, 1, 1] = right - left, bottom - top
    found.places[:, 0, 2], found.places[:, 1, 2] = left + right - 1, top + bottom - 1
    return found


def misfit(pictures: FloatArray, first: IntArray, second: IntArray, warps: Warps) -> tuple[FloatArray, FloatArray]:
    """Return how far off pairs are on average, outliers counting little, and the share of places that are near."""
    points = grid(pictures.shape[1])
    there = sampled(pictures, second, warps.places, points)
    target = pictures[first].reshape(len(first), -1)
    off = np.abs(target - warps.tones[:, :1] * there.values - warps.tones[:, 1:])
    count = there.inside.sum(axis=1)
    mean = (np.minimum(off, 40) * there.inside).sum(axis=1) / np.maximum(count, 1)
    near = ((off < NEAR) & there.inside).sum(axis=1) / np.maximum(count, 1)
    enough = count > 0.3 * len(points)
    return np.where(enough, mean, 99).astype(np.float32), np.where(enough, near, 0).astype(np.float32)


def plausible(warps: Warps) -> npt.NDArray[np.bool_]:
    """Find warps that no more than cut, stretch and turn a little."""
    scales = np.linalg.svd(warps.places[:, :, :2].astype(np.float64), compute_uv=False)
    found: npt.NDArray[np.bool_] = (scales.min(axis=1) > 0.5) & (scales.max(axis=1) < 2)
    found &= np.abs(warps.tones[:, 0] - 1.1) < 0.55
    return found


def in_threads(work: Callable[[IntArray], T], parts: Sequence[IntArray]) -> list[T]:
    """Work on batches in as many threads as there are processors; what comes out does not depend on how many."""
    if len(parts) < 2:
        return [work(part) for part in parts]
    with WorkerThreads(usable_processors()) as workers:
        return list(workers.ahead(work, parts))


def batches(n: int, size: int) -> list[IntArray]:
    """Part n rows into batches."""
    return [np.arange(start, min(start + size, n)) for start in range(0, n, size)]


def joined_warps(parts: list[Warps]) -> Warps:
    """Put batches together."""
    if not parts:
        return Warps(np.empty((0, 2, 3), np.float32), np.empty((0, 2), np.float32))
    return Warps(np.concatenate([part.places for part in parts]), np.concatenate([part.tones for part in parts]))


def joined(parts: list[tuple[npt.NDArray[np.bool_], Warps]]) -> tuple[npt.NDArray[np.bool_], Warps]:
    """Put batches of flags and warps together."""
    flags = np.concatenate([np.empty(0, bool), *(flag for flag, _ in parts)])
    return flags, joined_warps([warps for _, warps in parts])
