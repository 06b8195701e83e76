"""What a file says of the picture in it: its size in pixels and bytes, and when it was taken."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import BinaryIO, Final

from PIL.TiffImagePlugin import TiffImageFile

from concept_memes.loading.picture_files import FrameFile
from concept_memes.loading.tiff_directories import find_text
from concept_memes.loading.upright import exif_bytes, orientation_of

__all__ = ["PictureHeader", "read_header"]

_EXIF, _TAKEN, _CHANGED = 0x8769, 0x9003, 0x0132  # where EXIF has its own tags, DateTimeOriginal, DateTime


@dataclass(frozen=True)
class PictureHeader:
    """What a file says of its picture.

    Attributes
    ----------
    size : (int, int)
        Width and height in pixels as stored, seen upright; of an animation those of its first frame.
    n_bytes : int or None
        Length of the file; None for pictures that came as pixels.
    taken : datetime or None
        When it was taken, by the clock of the camera, or else when it was last changed; None where EXIF does not say.
    """

    size: tuple[int, int]
    n_bytes: int | None = None
    taken: datetime | None = None


def read_header(file: BinaryIO, found: FrameFile) -> PictureHeader:
    """Read what an open file says of its picture.

    Parameters
    ----------
    file : BinaryIO
        Reading goes on where it was.
    found : FrameFile
        Its frames, the first of which is decoded.

    Returns
    -------
    PictureHeader
    """
    here = file.tell()
    image, size = found.frame(0), found.sizes[0]
    upright = size[::-1] if (orientation_of(image) or 1) in range(5, 9) else size
    exif = file if isinstance(image, TiffImageFile) else BytesIO(exif_bytes(image))
    texts = (find_text(exif, _TAKEN, inside=_EXIF), find_text(exif, _CHANGED))
    taken = next((date for text in texts if text and (date := _date(text))), None)
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(here)
    return PictureHeader(upright, n_bytes, taken)


_FORMATS: Final = ("%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S")  # the second is wrong and common


def _date(text: str) -> datetime | None:
    """Read a date as EXIF writes it; cameras whose clock was never set write zeros."""
    for form in _FORMATS:
        try:
            return datetime.strptime(text.strip(), form)  # noqa: DTZ007 (cameras do not say in which time zone)
        except ValueError:
            continue
    return None
