"""Two pictures, one laid over the other: the same, the same with another caption, or different ones.

Small windows are compared one by one. Recompressing and resizing change all windows a little; a caption changes few of
them altogether, and pictures that only resemble each other differ in most.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects, gaussian_filter, label, maximum_filter, uniform_filter
from threadpoolctl import threadpool_limits

from concept_memes.memes.registration import Warps, grid, inverted, sampled, warped
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["COPY_LIMIT", "Comparisons", "blurs_of", "compare", "compare_windows", "nothing_alike"]

Bools = npt.NDArray[np.bool_]

# Windows are two blocks wide and high, one at each block; there are 31 x 31. Fine ones are half as wide and high.
N_BLOCKS = 32
N_FINE_BLOCKS = 64
# Squared brightness that compression changes, and pixels by which registration is off, squared. Windows that differ by
# `COPY_LIMIT` times as much differ. Laid over their originals, 98 % of copies of all kinds but marked ones stay below
# 1.6, and of pictures with another caption 99 % are above 4.7 (generated variants of 120 templates).
NOISE = 60.0
OFF = 0.05
COPY_LIMIT = 2.0
# As above, in fine windows: they tell a word of two thin letters. What is off by registration is an edge in both.
FINE_NOISE, FINE_OFF, FINE_LIMIT, FINE_BLUR = 40.0, 0.06, 4.2, 5
# Variance from which a window has something to compare, and share of it that may differ where windows agree.
TEXTURE = 60.0
AGREEING = 0.35
# Windows with something to compare that two pictures need, and share of them in which copies agree.
LEAST_WINDOWS, LEAST_AGREEMENT = 20, 0.6
# Chroma of the same picture, in levels: mean over the picture, and of the 95th percentile.
CHROMA_MEAN, CHROMA_MOST = 16.0, 48.0
# What two copies show in common, as a share of each.
LEAST_OVERLAP = 0.5
# A bar with text beside a picture: as wide as this share of it; near to white or black, as much of it is so, as much is
# far from that, and it has no colour.
BAR_WIDTH, BAR_GROUND, BAR_NEAR, BAR_EVEN, BAR_FAR, BAR_TEXT, BAR_CHROMA = 0.03, 25.0, 40.0, 0.3, 50.0, 0.05, 6.0
# Just outside of the edge of the picture at least this share of a bar is even, and just inside at most that.
BAR_OUTER, BAR_INNER = 0.8, 0.6
# Black text on clean white: how white, and how much of it within that, and how black.
PAGE_GROUND, PAGE_NEAR, PAGE_EVEN, PAGE_FAR = 15.0, 20.0, 0.5, 60.0
# A mark: most of the area that it changes, in windows, which reach over its edge; its length; windows between it and
# the edges; most that it differs, as it is translucent; from how many levels on it is a change, and how much of that
# becomes brighter, or darker.
MARK_AREA, MARK_LENGTH, MARK_GAP, MARK_LIMIT, MARK_CHANGE, ONE_SIDED = 0.055, 0.5, 2, 80.0, 20.0, 0.85
# On text on clean white, most that a mark changes, as a share of how black the text is.
MARK_INK = 0.5
# Where a mark hardly shows, it may begin farther from one edge, but all that shows must become brighter, or darker.
FAINT, FAINT_GAP, FAINT_ONE_SIDED = 11.0, 11, 0.97
# What is beyond the edge of another picture: so much of a picture, as many of its places change by so much per pixel.
BEYOND, BUSY, CHANGE = 0.02, 0.015, 12.0
# Pixels that an edge shines into, where it is an edge of one of the pictures only; of both, one pixel less.
EDGE = 3.0
# Blur of a look, in its pixels: what was done to it on purpose, and what its making did.
BLUR = 0.9
# Blur that enlarging a small picture makes, in pixels of its own, and the least, squared, that is worth blurring.
OWN_BLUR, LEAST_BLUR = 0.5, 0.08
# Share of a window that must be away from edges.
LEAST_WINDOW = 0.4


@dataclass(frozen=True)
class Comparisons:
    """How pairs compare; arrays of shape (n,).

    Attributes
    ----------
    agreement : ndarray, float32
        Share of the windows with something in them that are the same, in [0, 1]; 0 where there are too few.
    worst : ndarray, float32
        How much the window differs that differs most, in units of what copies differ by.
    overlap_first, overlap_second : ndarray, float32
        Share of each picture that is in the other one.
    marked : ndarray, bool
        Whether all that differs are small marks in corners.
    barred : ndarray, bool
        Whether one of the pictures has a bar with text beside the other.
    more_first, more_second : ndarray, bool
        Whether one picture shows something beyond the edges of the other, and not just an even border.
    same_colour : ndarray, bool
    """

    agreement: FloatArray
    worst: FloatArray
    overlap_first: FloatArray
    overlap_second: FloatArray
    marked: Bools
    barred: Bools
    more_first: Bools
    more_second: Bools
    same_colour: Bools

    def same(self, limit: float = COPY_LIMIT) -> Bools:
        """Which pairs are the same where both show something: no window differs by more than a limit."""
        alike = (self.worst < limit) | self.marked
        overlap = np.minimum(self.overlap_first, self.overlap_second)
        found: Bools = (
            alike & (self.agreement > LEAST_AGREEMENT) & (overlap > LEAST_OVERLAP) & ~self.barred & self.same_colour
        )
        return found

    def copies(self, limit: float = COPY_LIMIT) -> Bools:
        """Which pairs are the same, and neither shows more than the other."""
        return self.same(limit) & ~self.more_first & ~self.more_second

    @property
    def cuts(self) -> Bools:
        """Which pairs are the same, and the second was cut out of the first, or the first out of the second."""
        return self.same() & (self.more_first ^ self.more_second)

    def put(self, rows: IntArray, others: Comparisons) -> None:
        """Write other comparisons into these."""
        for f in fields(self):
            getattr(self, f.name)[rows] = getattr(others, f.name)

    @classmethod
    def joined(cls, parts: list[Comparisons]) -> Comparisons:
        """Put batches together."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def nothing_alike(n: int) -> Comparisons:
    """Return comparisons of pairs that have nothing in common."""
    numbers, flags = np.zeros((4, n), np.float32), np.zeros((5, n), bool)
    numbers[1] = np.inf
    return Comparisons(*numbers, *flags)


@dataclass(frozen=True)
class Windows:
    """How the windows of pairs compare; see `Comparisons` for what is not told here.

    Attributes
    ----------
    differing : ndarray of shape (n, n_windows, n_windows), float32
        How much each window differs, in units of what copies differ by.
    usable : ndarray of the same shape, bool
    change : ndarray of shape (n, side, side), float32
        Brightness of the first less that of the second.
    agreement : ndarray of shape (n,), float32
    overlap : ndarray of shape (n,), float32
        Share of the first that is in the second.
    """

    differing: FloatArray
    usable: Bools
    change: FloatArray
    agreement: FloatArray
    overlap: FloatArray

    @property
    def worst(self) -> FloatArray:
        """How much the window differs that differs most."""
        most: FloatArray = self.differing.max(axis=(1, 2))
        return most


def compare_windows(
    pictures: FloatArray,
    first: IntArray,
    second: IntArray,
    warps: Warps,
    blurs: FloatArray,
    *,
    finely: bool = False,
) -> Windows:
    """Compare pairs of pictures by their windows alone.

    Takes what :func:`compare` takes; pictures may be of any size, and of twice the size to compare them finely, too.
    """
    side = pictures.shape[1]
    points = grid(side)
    with threadpool_limits(limits=1):  # products of several threads differ in their last bits
        there = sampled(pictures, second, warps.places, points)
        a = pictures[first]
        b = (warps.tones[:, :1] * there.values + warps.tones[:, 1:]).reshape(a.shape)
        a, b = equally_sharp(a, b, blurs[first], blurs[second], warps)
        other_edge = 1 - np.maximum(*map(np.abs, warped(warps.places, points)))
        safe = away_from_edges(points, other_edge, 2 / side).reshape(a.shape).astype(np.float32)
        share = window_means(safe)
        change = (a - b) * safe
        off = window_means(np.square(change)) / np.maximum(share, LEAST_WINDOW)
        power = variances(a) + variances(b)
        usable = share > LEAST_WINDOW
        noise = NOISE + OFF / 2 * window_means(slopes(a) + slopes(b))
    textured = usable & (power > TEXTURE)
    agreeing = textured & (off < AGREEING * (power + 50))
    count = textured.sum(axis=(1, 2))
    agreement = np.where(count >= LEAST_WINDOWS, agreeing.sum(axis=(1, 2)) / np.maximum(count, 1), 0)
    differing = np.where(usable, off / noise, 0)
    if finely:
        differing = np.maximum(differing, finely_differing(a, b, safe, change))
    overlap = there.inside.mean(axis=1)
    return Windows(differing, usable, change, agreement.astype(np.float32), overlap.astype(np.float32))


def compare(
    pictures: FloatArray,
    chroma: FloatArray,
    first: IntArray,
    second: IntArray,
    warps: Warps,
    inner: FloatArray,
    blurs: FloatArray,
) -> Comparisons:
    """Compare pairs of pictures.

    Parameters
    ----------
    pictures : ndarray of shape (n_pictures, side, side), float32
        Brightness, a little blurred.
    chroma : ndarray of shape (2, n_pictures, small_side, small_side), float32
    first, second : ndarray of shape (n,), int64
    warps : Warps
        Where places of the first are in the second.
    inner : ndarray of shape (n_pictures, 4), float32
        What is inside borders and bars, as `Look.inner`.
    blurs : ndarray of shape (n_pictures,), float32
        How blurred each is, as `blurs_of` tells it.

    Returns
    -------
    Comparisons
        Of pairs that differ too much to be copies only the windows are told.
    """
    n = len(first)
    seen = compare_windows(pictures, first, second, warps, blurs, finely=True)
    points = grid(pictures.shape[1])
    back = inverted(warps)
    overlap_second = (np.maximum(*map(np.abs, warped(back.places, points))) < 1).mean(axis=1).astype(np.float32)
    marked, barred, more_first, more_second, same_colour = np.zeros((5, n), bool)
    rows = np.flatnonzero((seen.agreement > LEAST_AGREEMENT) & (seen.worst < MARK_LIMIT))
    if len(rows):
        there, here = warped(warps.places[rows], points), warped(back.places[rows], points)
        within = [within_boxes(points, inner[of[rows]]) for of in (first, second)]
        more_first[rows] = shows_more(pictures[first[rows]], *there)
        more_second[rows] = shows_more(pictures[second[rows]], *here)
        # What is more, but only in what was taken for a border, is the text of a bar.
        barred[rows] = more_first[rows] & ~shows_more(pictures[first[rows]], *there, within[0])
        barred[rows] |= more_second[rows] & ~shows_more(pictures[second[rows]], *here, within[1])
        same_colour[rows] = have_same_colour(chroma, first[rows], second[rows], warps[rows])
    for k, i in enumerate(rows.tolist()):
        barred[i] |= (
            more_first[i] and has_bar(pictures[first[i]].ravel(), chroma[:, first[i]], there[0][k], there[1][k])
        ) or (more_second[i] and has_bar(pictures[second[i]].ravel(), chroma[:, second[i]], here[0][k], here[1][k]))
        if seen.worst[i] >= COPY_LIMIT:
            marked[i] = only_marks(seen, i, pictures[first[i]])
    worst = seen.worst.astype(np.float32)
    return Comparisons(
        seen.agreement, worst, seen.overlap, overlap_second, marked, barred, more_first, more_second, same_colour
    )


def finely_differing(a: FloatArray, b: FloatArray, safe: FloatArray, change: FloatArray) -> FloatArray:
    """Compare fine windows; return by how much the one differs that differs most, of those in each window."""
    edges = np.sqrt(edges_near(a) * edges_near(b))
    share = window_means(safe, N_FINE_BLOCKS)
    off = window_means(np.square(change), N_FINE_BLOCKS) / np.maximum(share, LEAST_WINDOW)
    noise = FINE_NOISE + FINE_OFF * window_means(edges, N_FINE_BLOCKS)
    fine = np.where(share > LEAST_WINDOW, off / noise, 0) * np.float32(COPY_LIMIT / FINE_LIMIT)
    most: FloatArray = maximum_filter(fine, (0, 3, 3))[:, 1::2, 1::2]
    return most


def edges_near(x: FloatArray) -> FloatArray:
    """Square of how brightness changes, averaged over the pixels around."""
    near: FloatArray = np.maximum(uniform_filter(slopes(x), (0, FINE_BLUR, FINE_BLUR)), 0)
    return near


def blurs_of(sizes: FloatArray, side: int) -> FloatArray:
    """Return how blurred looks of some side are, in their pixels: by much where the picture has fewer of its own.

    Parameters
    ----------
    sizes : ndarray of shape (n, 2)
        Width and height of the pictures.
    """
    enlarged = np.maximum(side / np.sqrt(np.prod(sizes.astype(np.float64), axis=1)), 1)
    blurs: FloatArray = np.sqrt(BLUR**2 + OWN_BLUR**2 * (enlarged**2 - 1)).astype(np.float32)
    return blurs


def equally_sharp(
    a: FloatArray, b: FloatArray, blurs_a: FloatArray, blurs_b: FloatArray, warps: Warps
) -> tuple[FloatArray, FloatArray]:
    """Blur the picture of each pair that shows what both show in more pixels."""
    scales = np.sqrt(np.abs(np.linalg.det(warps.places[:, :, :2].astype(np.float64))))
    b = b.copy()
    differ = np.square(blurs_b / scales) - np.square(blurs_a)
    for i in np.flatnonzero(np.abs(differ) > LEAST_BLUR):
        finer = a if differ[i] > 0 else b
        finer[i] = gaussian_filter(finer[i], np.sqrt(np.abs(differ[i])))
    return a, b


def window_means(x: FloatArray, n_blocks: int = N_BLOCKS) -> FloatArray:
    """Average over windows."""
    side = x.shape[1]
    block = side // n_blocks
    weights = np.zeros((n_blocks - 1, side), np.float32)
    for i, row in enumerate(weights):
        row[i * block : (i + 2) * block] = 1 / (2 * block)
    means: FloatArray = np.matmul(np.matmul(weights, x), weights.T)
    return means


def variances(x: FloatArray) -> FloatArray:
    return np.maximum(window_means(x * x) - np.square(window_means(x)), 0)


def slopes(x: FloatArray) -> FloatArray:
    """Square of how brightness changes from pixel to pixel."""
    gy, gx = np.gradient(x, axis=(1, 2))
    squared: FloatArray = np.asarray(gx * gx + gy * gy, np.float32)
    return squared


def away_from_edges(points: FloatArray, other_edge: FloatArray, pixel: float) -> Bools:
    """Find the places that are in both pictures, and where no edge of one lies within the other.

    What is beyond such an edge, such as a border, shines into the pixels beside it.
    """
    own_edge = 1 - np.abs(points[:, :2]).max(axis=1)
    near, far = np.minimum(own_edge, other_edge), np.maximum(own_edge, other_edge)
    one_sided = (near < EDGE * pixel) & (far > 2 * EDGE * pixel)
    safe: Bools = (near > (EDGE - 1) * pixel) & ~one_sided
    return safe


def has_bar(pixels: FloatArray, chroma: FloatArray, across: FloatArray, down: FloatArray) -> bool:
    """Tell whether a picture has, beyond an edge of another one, a white or black bar with text.

    A bar ends at the edge of the other picture; what goes on there may be a picture that the other was cut out of. But
    what looks like a page with text counts as a bar in any case.

    Parameters
    ----------
    pixels : ndarray of shape (n_points,)
    chroma : ndarray of shape (2, small_side, small_side)
    across, down : ndarray of shape (n_points,)
        Where they are in the other picture.
    """
    side, small = round(len(pixels) ** 0.5), chroma.shape[1]
    for along, toward in ((across, down), (down, across)):
        for sign in (-1, 1):
            beyond = (np.abs(along) < 0.95) & (sign * toward > 1.03)
            if beyond.mean() < BAR_WIDTH:
                continue
            out = sign * toward
            strip, outer, inner = (
                pixels[(np.abs(along) < 0.95) & (out > start) & (out < stop)]
                for start, stop in ((1.03, np.inf), (1.02, 1.07), (0.92, 0.97))
            )
            bars = ((strip, outer, inner), (255 - strip, 255 - outer, 255 - inner))
            if not is_page(strip) and not any(ends_in_bar(*parts) for parts in bars):
                continue
            lines, columns = (at * small // side for at in np.divmod(np.flatnonzero(beyond), side))
            if np.quantile(np.abs(chroma[:, lines, columns] - 128).sum(axis=0), 0.3) < BAR_CHROMA:
                return True
    return False


def within_boxes(points: FloatArray, boxes: FloatArray) -> Bools:
    """Tell which places are in boxes of shares of width and height; of shape (n_boxes, n_points)."""
    left, top, right, bottom = 2 * boxes.T[:, :, None] - 1
    x, y = points[:, 0], points[:, 1]
    found: Bools = (x > left) & (x < right) & (y > top) & (y < bottom)
    return found


def shows_more(pictures: FloatArray, across: FloatArray, down: FloatArray, within: Bools | None = None) -> Bools:
    """Tell whether pictures show something beyond the edges of others.

    Parameters
    ----------
    pictures : ndarray of shape (n, side, side), float32
    across, down : ndarray of shape (n, n_points), float32
        Where their pixels are in the others.
    within : ndarray of shape (n, n_points), bool, optional
        Only these are looked at.

    Returns
    -------
    ndarray of shape (n,), bool
    """
    beyond = np.maximum(np.abs(across), np.abs(down)) > 1.04
    if within is not None:
        beyond &= within
    busy = (slopes(pictures) > CHANGE**2).reshape(beyond.shape) & beyond
    n_beyond = beyond.sum(axis=1)
    more: Bools = (n_beyond > BEYOND * beyond.shape[1]) & (busy.sum(axis=1) > BUSY * np.maximum(n_beyond, 1))
    return more


def ends_in_bar(strip: FloatArray, outer: FloatArray, inner: FloatArray) -> bool:
    """Tell whether there is a white bar with text beyond an edge: even just outside of the edge, and not inside."""
    if not is_text_on(strip) or not len(outer) or not len(inner):
        return False
    ground = np.quantile(strip, 0.9)
    return bool((ground - outer < BAR_NEAR).mean() > BAR_OUTER and (ground - inner < BAR_NEAR).mean() < BAR_INNER)


def is_page(pixels: FloatArray) -> bool:
    """Tell whether brightness is that of black text on clean white."""
    ground = np.quantile(pixels, 0.9)
    below = ground - pixels
    return bool(
        ground > 255 - PAGE_GROUND and (below < PAGE_NEAR).mean() > PAGE_EVEN and (below > PAGE_FAR).mean() > BAR_TEXT
    )


def is_text_on(strip: FloatArray) -> bool:
    """Tell whether brightness is that of dark text on white."""
    ground = np.quantile(strip, 0.9)
    below = ground - strip
    return bool(
        ground > 255 - BAR_GROUND and (below < BAR_NEAR).mean() > BAR_EVEN and (below > BAR_FAR).mean() > BAR_TEXT
    )


def ink(pixels: FloatArray) -> float:
    """Tell how much darker the text on a page is than the page."""
    return float(np.quantile(pixels, 0.9) - np.quantile(pixels, 0.02))


def only_marks(seen: Windows, pair: int, first: FloatArray) -> bool:
    """Tell whether what differs are marks: small, in a corner, and all brighter or all darker than the picture.

    Parameters
    ----------
    seen : Windows
    pair : int
        Which pair.
    first : ndarray of shape (side, side), float32
        Its first picture.

    Captions stand in the middle, and have letters with an outline; where two captions differ, each covers the other's
    ground, so some of it becomes brighter and some darker. On text on white, what is as black as that is another word.
    """
    differing, change, usable = seen.differing[pair], seen.change[pair], seen.usable[pair]
    parts, _ = label(differing > COPY_LIMIT / 2, np.ones((3, 3)))
    strong = [box for i, box in enumerate(find_objects(parts), 1) if differing[parts == i].max() >= COPY_LIMIT]
    rows, columns = np.flatnonzero(usable.any(axis=1)), np.flatnonzero(usable.any(axis=0))
    frame = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    # Letters of one mark may lie apart: what is in the same corner is one.
    corners: dict[tuple[bool, bool], list[tuple[slice, slice]]] = {}
    for down, across in strong:
        at_bottom = down.start + down.stop > frame[0].start + frame[0].stop
        at_right = across.start + across.stop > frame[1].start + frame[1].stop
        corners.setdefault((at_bottom, at_right), []).append((down, across))
    return all(is_mark(boxes, change, first, frame, differing) for boxes in corners.values())


def is_mark(
    boxes: list[tuple[slice, slice]],
    change: FloatArray,
    first: FloatArray,
    frame: tuple[slice, slice],
    differing: FloatArray,
) -> bool:
    """Tell whether the windows in some boxes are one mark."""
    n_windows = len(differing)
    spans = [(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes)) for axis in (0, 1)]
    gaps = [min(start - side.start, side.stop - stop) for (start, stop), side in zip(spans, frame, strict=True)]
    height, width = ((stop - start) / n_windows for start, stop in spans)
    faint = max(float(differing[box].max()) for box in boxes) < FAINT
    if height * width > MARK_AREA or max(height, width) > MARK_LENGTH or min(gaps) > MARK_GAP:
        return False
    if max(gaps) > (FAINT_GAP if faint else MARK_GAP):
        return False
    (top, bottom), (left, right) = spans
    block = len(change) // N_BLOCKS
    place = (slice(top * block, (bottom + 1) * block), slice(left * block, (right + 1) * block))
    there, own = change[place], first[place]
    on_page = is_page(own) and is_page(own - there)
    if on_page:
        blackest = min(ink(own), ink(own - there))
        if np.quantile(np.abs(there), 0.98) > MARK_INK * blackest:
            return False
    strong = there[np.abs(there) > MARK_CHANGE]
    total = float(np.abs(strong).sum())
    one_sided = FAINT_ONE_SIDED if max(gaps) > MARK_GAP or on_page else ONE_SIDED
    return total > 0 and abs(float(strong.sum())) / total > one_sided


def have_same_colour(chroma: FloatArray, first: IntArray, second: IntArray, warps: Warps) -> Bools:
    """Compare chroma coarsely."""
    points = grid(chroma.shape[2])
    every = np.broadcast_to(np.eye(2, 3, dtype=np.float32), (len(first), 2, 3))
    off = np.zeros((len(first), len(points)), np.float32)
    inside = np.ones(off.shape, bool)
    for plane in chroma:
        there = sampled(plane, second, warps.places, points)
        # Beside an edge, a border shines in.
        inside = there.inside & (np.abs(points[:, :2]).max(axis=1) < 0.9)
        off += np.abs(sampled(plane, first, every, points).values - there.values) * inside
    most = np.percentile(off, 95, axis=1)
    same: Bools = (off.sum(axis=1) / np.maximum(inside.sum(axis=1), 1) < CHROMA_MEAN) & (most < CHROMA_MOST)
    return same
