"""Who stands for a group of copies, and how the others are the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from concept_memes.findings import COPY_KINDS
from concept_memes.memes.looks import DETAIL, Look
from concept_memes.memes.registration import SYMMETRIES, Warps, composed, grid, inverted, sampled, warped
from concept_memes.memes.resaving import History, was_made_from
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["Grouping", "LookBack", "with_best_leaders"]

#: Takes numbers of pictures, and returns how those were saved that can be read and are files.
LookBack = Callable[[Sequence[int]], Mapping[int, History]]

# As many pixels as the largest has, give or take this factor, are many.
MANY_PIXELS = 1.3
# A turn of less than this, in degrees, and a cut of less than this share, are no more than inaccurate.
TURNED, CROPPED = 0.7, 0.94
# Turns that differ by less, in degrees, are the same.
SAME_TURN = 0.5
# A picture that shows less of the plane than that, as a share of the most that one shows, was cut.
WHOLE = 0.988
# Pixels of a look by which edges lie apart that are not the same.
APART = 0.8
# A border begins where brightness changes by so many times as much from line to line as it does within the picture,
# and by so many levels at least.
STEP, LEAST_STEP = 3.0, 12.0
# What is wider than that, in pixels of a look, is a border in any case where so much of it has one brightness.
WIDE, NEARLY_ALL = 10.0, 0.97
# Corners that a turn has left are filled: by so much more of them has one brightness, give or take so many levels.
FILLED, FILL_NOISE = 0.1, 16.0
# Others that one is compared with for this.
N_TURNED = 4
# A mark: windows of so many pixels, how far from the upper and lower edge they reach, as a share of the side; by how
# many levels they differ, and how many times as much as most.
MARK_WINDOW, MARK_BAND, MARK_LEVELS, MARK_FACTOR = 12, 0.2, 2.5, 3.0
# Most of the windows that it takes, and a blur that makes pictures of any size as sharp, in pixels.
MARK_AREA, MARK_BLUR = 0.12, 1.0
# Pictures that are laid on one another at the same time.
N_LAID = 48


@dataclass(frozen=True)
class Grouping:
    """Groups of pictures.

    Attributes
    ----------
    leaders : ndarray of shape (n,), int64
        Of each picture; itself for leaders.
    warps : Warps
        Where places of the leader are in each picture.
    """

    leaders: IntArray
    warps: Warps


def with_best_leaders(
    groups: Grouping, looks: Sequence[Look], n_files: IntArray, look_back: LookBack | None = None
) -> tuple[IntArray, IntArray]:
    """Choose who stands for each group, and name how the others are the same.

    That is the best file to keep: not turned or mirrored unless most files are, without a border or a mark, and not
    cut; of these one of those with most pixels, give or take, that was not saved anew from another one; of these the
    one that was compressed least.

    Parameters
    ----------
    groups : Grouping
    looks : sequence of Look
    n_files : ndarray of shape (n,), int64
        How many files have the content of each picture.
    look_back : callable, optional
        Tells how pictures were saved; asked once, for those that look equally good.

    Returns
    -------
    stands_for : ndarray of shape (n,), int64
        Who stands for each picture.
    kinds : ndarray of shape (n,), int64
        Places in `COPY_KINDS`.
    """
    n = len(looks)
    stands_for = np.arange(n)
    order = np.argsort(groups.leaders, kind="stable")
    good: list[tuple[IntArray, IntArray]] = []  # of each group all, and the good ones
    for members in np.split(order, np.flatnonzero(np.diff(groups.leaders[order])) + 1):
        if len(members) > 1:
            group = Group([looks[i] for i in members], groups.warps[members], n_files[members])
            good.append((members, members[group.good()]))
    asked = [row for _, rows in good if len(rows) > 1 for row in rows.tolist()]
    histories = look_back(asked) if look_back is not None and asked else {}
    for members, rows in good:
        stands_for[members] = least_compressed(rows, looks, histories)
    between = composed(inverted(groups.warps[stands_for]), groups.warps)
    return stands_for, np.where(stands_for == np.arange(n), 0, kinds_of(between))


def least_compressed(rows: IntArray, looks: Sequence[Look], histories: Mapping[int, History]) -> int:
    """Return the largest file, of those that were not saved anew from another one."""
    # Many files were saved with the same few tables: one of each is enough to ask.
    sources = {
        (tuple(sorted(looks[row].size)), histories[row].steps.tobytes()): histories[row]
        for row in rows.tolist()
        if row in histories
    }

    def is_new(row: int) -> bool:
        size = tuple(sorted(looks[row].size))
        return row in histories and any(
            size == other and was_made_from(histories[row], source) for (other, _), source in sources.items()
        )

    new = {row: is_new(row) for row in rows.tolist()}
    return int(min(rows.tolist(), key=lambda row: (new[row], -looks[row].n_bytes, row)))


class Group:
    """Pictures that show the same.

    Attributes
    ----------
    looks : sequence of Look
    warps : Warps
        Where places of one of them are in each.
    n_files : ndarray of shape (n,), int64
    """

    def __init__(self, looks: Sequence[Look], warps: Warps, n_files: IntArray) -> None:
        self.looks, self.warps, self.n_files = looks, warps, n_files
        self._brightness: dict[int, FloatArray] = {}

    def good(self) -> IntArray:
        """Return the numbers of those that look good."""
        positions, turns = positions_of(self.warps)
        counts = np.bincount(positions, self.n_files, len(SYMMETRIES))
        rows = np.flatnonzero(counts[positions] == counts.max())
        rows = self._whole(self._straight(rows, turns))
        rows = self._unmarked(rows)
        areas = self._areas()
        pixels = np.array([look.size[0] * look.size[1] for look in self.looks], np.float64) / areas
        large: IntArray = rows[pixels[rows] > pixels[rows].max() / MANY_PIXELS]
        return large

    def brightness(self, row: int) -> FloatArray:
        """Return the brightness of a picture, of shape (DETAIL, DETAIL)."""
        if row not in self._brightness:
            self._brightness[row] = self.looks[row].pixels().astype(np.float32) @ np.array(
                [0.299, 0.587, 0.114], np.float32
            )
        return self._brightness[row]

    def _areas(self) -> npt.NDArray[np.float64]:
        """How much of the plane each picture takes."""
        factors = np.abs(np.linalg.det(self.warps.places[:, :, :2].astype(np.float64)))
        areas: npt.NDArray[np.float64] = 1 / np.maximum(factors, 1e-6)
        return areas

    def _straight(self, rows: IntArray, turns: npt.NDArray[np.float64]) -> IntArray:
        """Keep those that are turned as most files are; of as many, those whose corners are not filled."""
        near = np.abs(turns[rows, None] - turns[rows]) < SAME_TURN
        counts = near @ self.n_files[rows]
        most: IntArray = rows[counts == counts.max()]
        other = np.abs(turns[most, None] - turns[most]) >= SAME_TURN
        if not other.any():
            return most
        filled = np.array(
            [max((self._filled(a, b) for b in most[other[i]][:N_TURNED]), default=0.0) for i, a in enumerate(most)]
        )
        straight: IntArray = most[filled < filled.min() + FILLED]
        return straight

    def _filled(self, row: int, other: int) -> float:
        """Tell how much of what a picture shows beyond the edges of another one has one brightness."""
        way = composed(inverted(self.warps[np.array([row])]), self.warps[np.array([other])])
        beyond = np.maximum(*map(np.abs, warped(way.places, grid(DETAIL))))[0] > 1 + 1.5 / DETAIL
        shown = self.brightness(row).ravel()[beyond]
        return one_brightness(shown)

    def _whole(self, rows: IntArray) -> IntArray:
        """Keep those without a border that show the whole picture."""
        areas = self._areas()
        if areas[rows].min() > WHOLE * areas[rows].max():
            return rows
        ends = self._ends()
        free = np.array([not self._has_border(row, rows, ends) for row in rows.tolist()])
        rows = rows[free] if free.any() else rows[areas[rows] < areas[rows].min() / WHOLE]
        whole: IntArray = rows[areas[rows] > WHOLE * areas[rows].max()]
        return whole

    def _ends(self) -> npt.NDArray[np.float64]:
        """Where each ends in the plane: left, top, right, bottom; the last two with their signs changed."""
        corners = np.array([[-1, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]], np.float32)
        x, y = (np.sort(at, axis=1) for at in warped(inverted(self.warps).places, corners))
        return np.stack([at[:, part].mean(axis=1) for part in (slice(2), slice(2, 4)) for at in (x, y)], axis=1)

    def _has_border(self, row: int, rows: IntArray, ends: npt.NDArray[np.float64]) -> bool:
        """Tell whether a picture has a border beyond the edge of another one."""
        to_member = self.warps.places[row].astype(np.float64)
        middle = (ends[row, :2] + ends[row, 2:]) / 2
        for side in range(4):
            axis, sign = side % 2, 1 if side < 2 else -1
            for end in np.unique(np.round(ends[rows, side], 2)):
                place = middle.copy()
                place[axis] = end
                at = to_member[:, :2] @ place + to_member[:, 2]
                along = int(np.abs(at).argmax()) if abs(at).max() > 0.5 else axis
                depth = (1 - abs(at[along])) * DETAIL / 2  # pixels from the picture's own edge
                if sign * (end - ends[row, side]) > 0 and depth > APART:
                    lines = self.brightness(row).T if along == 0 else self.brightness(row)
                    if ends_border(lines if at[along] < 0 else lines[::-1], depth):
                        return True
        return False

    def _unmarked(self, rows: IntArray) -> IntArray:
        """Keep those without a mark that others do not have."""
        if len(rows) < 2:
            return rows
        few = rows[np.linspace(0, len(rows) - 1, min(len(rows), N_LAID)).astype(np.int64)]
        laid = self._laid_on(rows[0], few)
        usual = np.median(laid, axis=0)
        marked = np.zeros(len(rows), bool)
        for start in range(0, len(rows), N_LAID):
            part = rows[start : start + N_LAID]
            for i, one in enumerate(self._laid_on(rows[0], part), start):
                marked[i] = has_mark(one, usual if len(rows) > 2 else laid[1 - i])
        unmarked: IntArray = rows if marked.all() else rows[~marked]
        return unmarked

    def _laid_on(self, first: int, rows: IntArray) -> FloatArray:
        """Return the brightness of pictures as they lie on one of them, less the median of each."""
        ways = composed(inverted(self.warps[np.full(len(rows), first)]), self.warps[rows])
        pictures = np.stack([self.brightness(row) for row in rows.tolist()])
        there = sampled(pictures, np.arange(len(rows)), ways.places, grid(DETAIL)).values
        toned = (there - np.median(there, axis=1, keepdims=True)).reshape(-1, DETAIL, DETAIL)
        blurred: FloatArray = gaussian_filter(toned, (0, MARK_BLUR, MARK_BLUR))
        return blurred


def ends_border(lines: FloatArray, depth: float) -> bool:
    """Tell whether a border ends so many lines from the beginning.

    It ends along all of a line; the edge of a thing that is shown there, only along some of it.
    """
    at = round(depth)
    change = np.median(np.abs(lines[2 : at + 16] - lines[: at + 14]), axis=1)  # from each line but the first
    most, within = change[max(at - 3, 0) : at + 1].max(), np.median(change[at + 2 :])
    if most > max(STEP * within, LEAST_STEP):
        return True
    return depth > WIDE and one_brightness(lines[:at]) > NEARLY_ALL


def one_brightness(shown: FloatArray) -> float:
    """Tell how much of what is shown is as bright, give or take; 0 of nothing."""
    return float((np.abs(shown - np.median(shown)) < FILL_NOISE).mean()) if shown.size else 0.0


def has_mark(one: FloatArray, other: FloatArray) -> bool:
    """Tell whether a picture has something small above or below that another one does not have."""
    size, band = MARK_WINDOW, int(MARK_BAND * DETAIL) // MARK_WINDOW + 1

    def means(x: FloatArray) -> FloatArray:
        found: FloatArray = x.reshape(DETAIL // size, size, DETAIL // size, size).mean(axis=(1, 3))
        return found

    off = means(np.abs(one - other))
    place = off > max(MARK_LEVELS, MARK_FACTOR * float(np.median(off)))
    if not place.any() or place.mean() > MARK_AREA or place[band:-band].any():
        return False
    texture = [means(np.abs(np.diff(x, axis=1, prepend=x[:, :1]))) for x in (one, other)]
    return bool(texture[0][place].sum() > texture[1][place].sum())


def positions_of(warps: Warps) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Return the nearest of `SYMMETRIES`, and by how many degrees a picture is turned besides."""
    linear = warps.places[:, :, :2].astype(np.float64)
    symmetries = SYMMETRIES.astype(np.float64)
    nearest = np.einsum("nij,kij->nk", linear, symmetries).argmax(axis=1)
    upright = np.einsum("nij,nkj->nik", linear, symmetries[nearest])
    lengths = np.sqrt(np.abs(np.linalg.det(upright)))
    turns = np.degrees((upright[:, 1, 0] - upright[:, 0, 1]) / (2 * lengths))
    # What is mirrored turns the other way.
    return nearest.astype(np.int64), turns * np.linalg.det(symmetries[nearest])


def kinds_of(warps: Warps) -> IntArray:
    """Name what warps do, as places in `COPY_KINDS`."""
    nearest, turns = positions_of(warps)
    linear = warps.places[:, :, :2].astype(np.float64)
    scales = np.abs(np.einsum("nij,nij->ni", linear, SYMMETRIES[nearest].astype(np.float64)))
    kinds = np.full(len(warps), COPY_KINDS.index("near"))
    kinds[(scales > 1 / CROPPED).any(axis=1)] = COPY_KINDS.index("cropped")  # the leader reaches over its edges
    kinds[(np.abs(turns) > TURNED) | (nearest > 2)] = COPY_KINDS.index("turned")
    kinds[nearest == 1] = COPY_KINDS.index("mirrored")
    kinds[nearest == 2] = COPY_KINDS.index("flipped")
    return kinds
