"""The look of a picture: a few kilobytes that are kept in the cache, and are all that pictures are compared by."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.loading import load_frames

__all__ = ["DETAIL", "FINGERPRINT", "THUMB", "Look", "look_at"]

#: Side of the small look that all pictures have in memory, in pixels.
THUMB = 32
#: Side of the large look that two pictures are compared by, once they are known to be alike.
DETAIL = 192
#: Frames of an animation that are compared.
N_FRAMES = 4
#: What decides the bytes of a look: to be changed with anything below.
FINGERPRINT = "look-7"

# Pictures are decoded no smaller than this, which decides how well borders are cut off.
WORKING = 2 * DETAIL
# Borders are rows and columns of one colour, give or take what a JPEG of low quality does to it.
BORDER_NOISE = 10.0
# Most that the channels of a picture of one colour vary.
EVEN = 2.0
# A bar with text is white or black, give or take the first of these, in at least that share of its rows, and no lower
# than that. Its last row has hardly any text, and few rows further much less is white or black.
BAR_GROUND, BAR_SHARE, LEAST_BAR, BAR_FULL, BAR_EDGE, BAR_STEP = 20.0, 0.45, 0.05, 0.85, 3, 0.5
# More than this is never cut off a side, and no less of the area is left: what is there is part of the picture.
MOST_BORDER, LEAST_LEFT = 0.4, 0.25
# Looks are kept as JPEG, whose noise at this quality is below that of pictures that go around.
QUALITY = 85

_HEAD = struct.Struct("<IIQffffHB")


@dataclass(frozen=True)
class Look:
    """What is kept of a picture.

    Attributes
    ----------
    size : (int, int)
        Width and height of the file's picture, in pixels.
    n_bytes : int
        Length of the file; 0 for pixels.
    thumb : ndarray of shape (THUMB, THUMB), uint8
        Grey, of the first frame, without its border, stretched to a square.
    whole : ndarray of shape (THUMB, THUMB), uint8
        The same with its border.
    inner : (float, float, float, float)
        What is inside the border, in shares of width and height: left, top, right, bottom.
    frames : tuple of bytes
        The frames with their borders, in colour, stretched to squares of the size `DETAIL`, as JPEG.
    """

    size: tuple[int, int]
    n_bytes: int
    thumb: npt.NDArray[np.uint8]
    whole: npt.NDArray[np.uint8]
    inner: tuple[float, float, float, float]
    frames: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return the note that is kept."""
        head = _HEAD.pack(*self.size, self.n_bytes, *self.inner, THUMB, len(self.frames))
        lengths = struct.pack(f"<{len(self.frames)}I", *map(len, self.frames))
        return b"".join((head, lengths, self.thumb.tobytes(), self.whole.tobytes(), *self.frames))

    @classmethod
    def from_bytes(cls, note: bytes) -> Look:
        """Read a note."""
        width, height, n_bytes, *inner, side, n_frames = _HEAD.unpack_from(note)
        lengths = struct.unpack_from(f"<{n_frames}I", note, _HEAD.size)
        start = _HEAD.size + 4 * n_frames
        thumb, whole = np.frombuffer(note, np.uint8, 2 * side * side, start).reshape(2, side, side)
        ends = start + 2 * side * side + np.cumsum((0, *lengths))
        frames = tuple(note[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True))
        return cls((width, height), n_bytes, thumb, whole, (inner[0], inner[1], inner[2], inner[3]), frames)

    def pixels(self, frame: int = 0) -> npt.NDArray[np.uint8]:
        """Return a frame, of shape (DETAIL, DETAIL, 3)."""
        with Image.open(BytesIO(self.frames[frame])) as image:
            return np.asarray(image.convert("RGB"))


def look_at(source: Path | Image.Image) -> bytes:
    """Look at a picture.

    Parameters
    ----------
    source : Path or PIL.Image.Image

    Returns
    -------
    bytes
        A note, for `Look.from_bytes`.

    Raises
    ------
    UnreadableImageError
        If the picture cannot be read.

    Examples
    --------
    >>> look = Look.from_bytes(look_at(Image.linear_gradient("L")))
    >>> look.size, look.thumb.shape, look.pixels().shape
    ((256, 256), (32, 32), (192, 192, 3))
    """
    frames = load_frames(source, min_size=(WORKING, WORKING), most=N_FRAMES, with_header=True)
    first = next(frames)
    header = frames.header
    size = header.size if header else first.size
    n_bytes = (header.n_bytes if header else None) or 0
    small = reduced(first)
    box = box_inside_border(np.asarray(small))
    shown = [small, *map(reduced, frames)]
    shown = [image.resize((DETAIL, DETAIL), Image.Resampling.BICUBIC) for image in shown]
    grey = small.convert("L")
    thumb, whole = (grey.resize((THUMB, THUMB), Image.Resampling.BOX, box=part) for part in (box, None))
    inner = (box[0] / small.width, box[1] / small.height, box[2] / small.width, box[3] / small.height)
    return Look(size, n_bytes, np.asarray(thumb), np.asarray(whole), inner, tuple(map(as_jpeg, shown))).to_bytes()


def reduced(image: Image.Image) -> Image.Image:
    """Make a picture smaller where it is much larger than what is looked at; averaged, so that nothing aliases."""
    factors = tuple(max(1, side // WORKING) for side in image.size)
    return image.reduce(factors) if max(factors) > 1 else image  # type: ignore[arg-type]  # a pair is meant


def as_jpeg(image: Image.Image) -> bytes:
    """Compress a look."""
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def box_inside_border(pixels: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Find what is left of a picture when borders, and bars with text above and below it, are cut off.

    Parameters
    ----------
    pixels : ndarray of shape (h, w, 3), uint8

    Returns
    -------
    (int, int, int, int)
        Left, top, right, bottom; all of a picture that is nearly all border.

    Examples
    --------
    >>> picture = np.full((20, 20, 3), 255, np.uint8)
    >>> picture[4:18, 5:14] = np.arange(0, 280, 20)[:, None, None] % 200
    >>> box_inside_border(picture)
    (5, 4, 14, 18)
    """
    height, width = pixels.shape[:2]
    box = (0, 0, width, height)
    for find_ends in (uniform_ends, bars, uniform_ends):
        left, top, right, bottom = box
        above, below = find_ends(pixels[top:bottom, left:right])
        top, bottom = top + above, bottom - below
        before, after = find_ends(pixels[top:bottom, left:right].transpose(1, 0, 2))
        left, right = left + before, right - after
        if min(bottom - top, right - left) < 8 or (bottom - top) * (right - left) < LEAST_LEFT * height * width:
            break
        box = left, top, right, bottom
    return box


def uniform_ends(rows: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """Count the rows at the beginning and at the end that have one colour."""
    if len(rows) < 16 or rows.shape[1] < 8:
        return 0, 0
    return uniform_rows(rows), uniform_rows(rows[::-1])


def bars(rows: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """Count the rows at the beginning and at the end that belong to white or black bars with text."""
    return bar_rows(rows), bar_rows(rows[::-1])


def bar_rows(rows: npt.NDArray[np.uint8]) -> int:
    """Count the rows at the beginning that are a bar: mostly white or black, up to a row that is no more so at once."""
    most, least = int(MOST_BORDER * len(rows)), max(int(LEAST_BAR * len(rows)), 1)
    ground = 255.0 if np.median(rows[:least]) > 127 else 0.0
    share = (np.abs(rows[: most + BAR_EDGE] - ground).max(axis=2) < BAR_GROUND).mean(axis=1)
    before, after = share[:-BAR_EDGE], share[BAR_EDGE:]
    so_far = np.cumsum(before) / np.arange(1, len(before) + 1)
    ends = np.flatnonzero((before > BAR_FULL) & (before - after > BAR_STEP) & (so_far > BAR_SHARE))
    return int(ends[-1]) + 1 if len(ends) and ends[-1] >= least else 0


def uniform_rows(rows: npt.NDArray[np.uint8]) -> int:
    """Count the rows at the beginning that have the colour of the first one."""
    colour = np.median(rows[0], axis=0)
    most = int(MOST_BORDER * len(rows))
    for n in range(most):
        off = np.abs(rows[n] - colour)
        if off.mean() > BORDER_NOISE / 2 or (off.max(axis=1) > 4 * BORDER_NOISE).mean() > 0.02:
            return n
    return 0


def is_even(look: Look) -> bool:
    """Tell whether a picture has one colour, and not even noise."""
    return bool(look.pixels().std(axis=(0, 1)).max() < EVEN)


def flat_colours(looks: Sequence[Look]) -> npt.NDArray[np.float32]:
    """Return the mean colours of looks, of shape (n, 3)."""
    return np.array([look.pixels().reshape(-1, 3).mean(axis=0) for look in looks], np.float32).reshape(-1, 3)
