"""Which frames of an animation, or pages of a file, stand for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, cast

import numpy as np
from PIL import Image

__all__ = ["MAX_FRAMES", "MAX_FRAME_PIXELS", "chosen_frames", "without_blank"]

#: Frames of one file among which some are chosen; what comes after them is left out.
MAX_FRAMES: Final = 10_000
#: Pixels that are decoded for the frames of one file, in all: twice what one picture may have.
MAX_FRAME_PIXELS: Final = 2 * 89_478_485

# A frame is blank where no channel varies by more than this: the compression of some formats makes black uneven.
_BLANK_RANGE: Final = 6


def chosen_frames(sizes: Sequence[tuple[int, int]], most: int, *, in_order: bool) -> list[int]:
    """Choose frames that are spread evenly, and do not have too many pixels to decode.

    Parameters
    ----------
    sizes : sequence of (int, int)
        Width and height of all frames.
    most : int
        Frames that are wanted, at least 1.
    in_order : bool
        Whether a frame can only be decoded after all those before it, as in most animations. Then the frames are
        chosen among the first that have `MAX_FRAME_PIXELS` pixels together; else so many are chosen as may have.

    Returns
    -------
    list of int
        Numbers ``i * n // m`` of m of n frames: the first, and where each of the equal parts begins.

    Examples
    --------
    >>> chosen_frames([(100, 100)] * 20, 8, in_order=True)
    [0, 2, 5, 7, 10, 12, 15, 17]
    >>> chosen_frames([(8000, 6000)] * 20, 8, in_order=True)
    [0, 1, 2]
    """
    n_pixels = [max(1, width * height) for width, height in sizes]
    n_frames = len(n_pixels)
    if in_order:
        n_frames = max(1, int(np.searchsorted(np.cumsum(n_pixels), MAX_FRAME_PIXELS, side="right")))
        n_chosen = min(most, n_frames)
    else:
        n_chosen = min(most, n_frames, max(1, MAX_FRAME_PIXELS // max(n_pixels)))
    return [i * n_frames // n_chosen for i in range(n_chosen)]


def without_blank(frames: Iterable[Image.Image]) -> Iterator[Image.Image]:
    """Leave out frames of one colour; where all are, the first stands for them.

    Parameters
    ----------
    frames : iterable of PIL.Image.Image
        RGB.

    Yields
    ------
    PIL.Image.Image

    Examples
    --------
    >>> black, grey = Image.new("RGB", (8, 8)), Image.linear_gradient("L").convert("RGB")
    >>> [frame.size for frame in without_blank([black, grey, black])], len(list(without_blank([black, black])))
    ([(256, 256)], 1)
    """
    first_blank: Image.Image | None = None
    n_shown = 0
    for frame in frames:
        if not _is_blank(frame):
            first_blank, n_shown = None, n_shown + 1
            yield frame
        elif not n_shown and first_blank is None:
            first_blank = frame
    if first_blank is not None:
        yield first_blank


def _is_blank(frame: Image.Image) -> bool:
    extrema = cast(tuple[tuple[int, int], ...], frame.getextrema())
    return all(high - low <= _BLANK_RANGE for low, high in extrema)
