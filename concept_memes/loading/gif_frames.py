"""How many frames a GIF has, and how large its canvas becomes; found by skipping from block to block.

Pillow finds the number by going through all frames, however many there are, and lets a frame that reaches beyond the
canvas enlarge it to any size.
"""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["gif_canvases"]

_TRAILER, _EXTENSION, _IMAGE = b";", b"!", b","


def gif_canvases(file: BinaryIO, at_most: int) -> list[tuple[int, int]]:
    """Return the size of the canvas at each frame.

    Parameters
    ----------
    file : BinaryIO
        A GIF; it may be damaged or end too early.
    at_most : int
        Frames that are looked for.

    Returns
    -------
    list of (int, int)
        Width and height; empty for a GIF without frames.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> file = io.BytesIO()
    >>> Image.new("P", (4, 3)).save(file, "GIF")
    >>> gif_canvases(file, 10)
    [(4, 3)]
    """
    file.seek(0)
    screen = file.read(13)
    if len(screen) < 13:
        return []
    width, height = _number(screen[6:8]), _number(screen[8:10])
    _skip_palette(file, screen[10])
    canvases: list[tuple[int, int]] = []
    while len(canvases) < at_most:
        kind = file.read(1)
        if not kind or kind == _TRAILER:
            break
        if kind == _EXTENSION:
            file.read(1)
            _skip_blocks(file)
        elif kind == _IMAGE:
            place = file.read(9)
            if len(place) < 9:
                break
            width = max(width, _number(place[0:2]) + _number(place[4:6]))
            height = max(height, _number(place[2:4]) + _number(place[6:8]))
            canvases.append((width, height))
            if len(canvases) < at_most:
                _skip_palette(file, place[8])
                file.read(1)
                _skip_blocks(file)
    return canvases


def _number(two_bytes: bytes) -> int:
    return int.from_bytes(two_bytes, "little")


def _skip_palette(file: BinaryIO, flags: int) -> None:
    if flags & 128:
        file.read(3 << ((flags & 7) + 1))


def _skip_blocks(file: BinaryIO) -> None:
    while (size := file.read(1)) and size[0]:
        file.read(size[0])
