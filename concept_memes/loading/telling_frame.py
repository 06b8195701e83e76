"""The frame of an animation that people see where it does not play: in figures, on covers, as a thumbnail."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import numpy as np
from PIL import Image

from concept_memes.loading.headers import PictureHeader
from concept_memes.loading.images import ImageSource, Size, load_frames
from concept_memes.loading.pixel_room import Held

__all__ = ["TellingFrame", "load_telling_frame"]

# Contents are compared on pictures of so many pixels a side.
_SIDE = 64
# Of 46 animated memes five are shown by another frame than the first, two of which have no caption yet as they begin.
# The frame with most content would turn a face upside down; the one nearest to the mean of all is blank where a figure
# walks through an empty picture.
_SHARE_OF_MOST = 0.9


@dataclass(frozen=True)
class TellingFrame:
    """One frame, and what is known of its file.

    Attributes
    ----------
    picture : PIL.Image.Image
        RGB, upright.
    plays : bool
        Whether it is one of several that follow each other in time.
    header : PictureHeader or None
        What the file says of itself; None where it was not asked for.
    """

    picture: Image.Image
    plays: bool
    header: PictureHeader | None


def load_telling_frame(
    source: ImageSource, *, min_size: Size, room: Held | None = None, with_header: bool = False
) -> TellingFrame:
    """Read the frame of an animation that tells what is in it; of other pictures the picture, the first page.

    Of the frames that `load_frames` gives, the first one whose edges are nearly as strong, in all, as those of the
    frame where they are strongest. So a picture that fades in, a figure that has not come yet, and a caption that is
    missing at the beginning do not stand for an animation.

    Parameters
    ----------
    source, room, with_header
        As for `load_frames`.
    min_size : (int, int)
        Width and height in pixels that suffice; what is larger may come out smaller, never below this.

    Returns
    -------
    TellingFrame

    Raises
    ------
    UnreadableImageError
        As `load_image`.

    Examples
    --------
    >>> frame = load_telling_frame(np.zeros((4, 6), dtype=np.uint8), min_size=(6, 4))
    >>> frame.picture.size, frame.plays
    ((6, 4), False)
    """
    with closing(load_frames(source, min_size=min_size, room=room, with_header=with_header)) as frames:
        telling = next(frames)
        if not frames.plays:
            return TellingFrame(telling, False, frames.header)
        telling = _reduced(telling, min_size)
        candidates = [(_content(telling), telling)]
        for frame in frames:
            content = _content(frame)
            most = max(content, *(other for other, _ in candidates))
            candidates = [one for one in candidates if one[0] >= _SHARE_OF_MOST * most]
            if content >= _SHARE_OF_MOST * most:
                candidates.append((content, _reduced(frame, min_size)))
        return TellingFrame(candidates[0][1], True, frames.header)


def _content(frame: Image.Image) -> int:
    """Add up how much neighbouring pixels differ."""
    small = np.asarray(frame.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX), np.int64)
    return int(np.abs(np.diff(small, axis=0)).sum() + np.abs(np.diff(small, axis=1)).sum())


def _reduced(frame: Image.Image, min_size: Size) -> Image.Image:
    """Shrink a frame that is at least twice as large as it need be: some of them lie in memory at once."""
    factor = min(side // max(1, least) for side, least in zip(frame.size, min_size, strict=True))
    return frame.reduce(factor) if factor > 1 else frame
