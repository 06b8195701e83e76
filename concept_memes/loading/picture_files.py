"""An open file -> its frames as Pillow's classes show them: sizes known, nothing decoded yet.

`PIL.Image.open` warns of large pictures before one can ask for their size, and calls a damaged file "not an image". So
the classes of the formats are called directly here, and what they would warn of is looked for before they are.
"""

from __future__ import annotations

import importlib
import os
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Final, TypeAlias, cast

from PIL import ImageFile, features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from concept_memes.errors import UnreadableImageError
from concept_memes.image_formats import N_MAGIC, image_format
from concept_memes.loading.gif_frames import gif_canvases
from concept_memes.loading.jpeg_xl import JpegXlImageFile
from concept_memes.loading.tiff_directories import Directory, PageView, first_directory, frame_directories

__all__ = ["MAX_PIXELS", "FrameFile", "check_size", "open_frames"]

#: Most pixels that are decoded: Pillow's own limit against pictures made to fill the memory. A JPEG that is shrunk
#: while it is decoded may declare four times as many, so that photos of 108 and 200 megapixels can be read.
MAX_PIXELS: Final = 89_478_485
_SHRUNK_FACTOR: Final = 4
# Each scan of a progressive JPEG goes over all pixels again, and can be of fifty bytes. Programs write about ten.
_MAX_SCANS: Final = 200
# What is not a marker: bytes of pixels, and marks within them that have no length.
_JPEG_MARKER: Final = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd8])")

Size: TypeAlias = tuple[int, int]


class _Jpeg(JpegImageFile):
    """A JPEG whose EXIF is left alone; the first picture where there are several (MPO)."""

    def _read_dpi_from_exif(self) -> None:
        """Do nothing: Pillow warns of damaged EXIF here."""


class _Tiff(TiffImageFile):
    """A TIFF whose pixels stay as they are stored; it is turned upright like all others."""

    def load_end(self) -> None:
        """Do nothing: Pillow reads all metadata here, and warns of damage in it."""


_Opener: TypeAlias = Callable[[BinaryIO, str], ImageFile.ImageFile]
_OPENERS: Final[Mapping[str, _Opener]] = {
    "JPEG": _Jpeg,
    "PNG": PngImageFile,
    "GIF": GifImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": _Tiff,
    "AVIF": AvifImageFile,
    "JXL": JpegXlImageFile,
}


@dataclass(frozen=True)
class FrameFile:
    """The frames of an open file.

    Attributes
    ----------
    sizes : sequence of (int, int)
        Width and height of every frame that was found, as stored.
    in_order : bool
        Whether a frame can only be decoded after all those before it.
    frame : callable
        Takes the number of a frame and gives it, opened and not decoded. Numbers must be asked for in rising order.
    """

    sizes: tuple[Size, ...]
    in_order: bool
    frame: Callable[[int], ImageFile.ImageFile]


def open_frames(file: BinaryIO, at_most: int) -> FrameFile:
    """Find the frames of an open file.

    Animations are GIF, WebP, PNG and AVIF, as far as Pillow knows them, and the pages of TIFF; of other formats the
    first picture is taken.

    Parameters
    ----------
    file : BinaryIO
    at_most : int
        Frames that are looked for, at least 1.

    Returns
    -------
    FrameFile

    Raises
    ------
    UnreadableImageError
        It is no image, or of a kind that needs another package.
    Exception
        Whatever Pillow's classes raise on damaged files.
    """
    file.seek(0)
    kind = image_format(file.read(N_MAGIC))
    if kind is None:
        raise UnreadableImageError("image", "not an image, or of a kind that is not supported")
    if kind == "TIFF":
        return _tiff_frames(file, at_most)
    canvases = gif_canvases(file, at_most) if kind == "GIF" else []
    if canvases:
        check_size(canvases[0], canvases[0])  # Pillow warns of it on opening
    if kind == "PNG":
        file = _without_senseless_animation(file)
    file.seek(0)
    # No file name for Pillow: with one it maps the file into memory, and a file that shrinks then kills the process.
    image = _opener(kind)(file, "")
    if kind == "JPEG" and image.info.get("progressive"):
        _check_scans(file)
    if kind == "GIF":
        sizes = tuple(canvases) or (image.size,)
    else:
        n_frames = getattr(image, "n_frames", 1) if kind in ("WEBP", "PNG", "AVIF") else 1
        sizes = (image.size,) * max(1, min(n_frames, at_most))

    def frame(number: int) -> ImageFile.ImageFile:
        if number:
            image.seek(number)
        return image

    return FrameFile(sizes, True, frame)


def check_size(declared: Size, decoded: Size) -> None:
    """Refuse a picture that would fill the memory.

    Parameters
    ----------
    declared : (int, int)
        Width and height as stored.
    decoded : (int, int)
        Width and height that it will have once decoded, less for a JPEG that is shrunk on the way.

    Raises
    ------
    UnreadableImageError

    Examples
    --------
    >>> check_size((50_000, 40_000), (50_000, 40_000))
    Traceback (most recent call last):
    ...
    concept_memes.errors.UnreadableImageError: image: too large: 50000 x 40000 pixels, the limit is 89478485
    """
    n_declared, n_decoded = declared[0] * declared[1], decoded[0] * decoded[1]
    if n_decoded > MAX_PIXELS or n_declared > MAX_PIXELS * _SHRUNK_FACTOR:
        reason = f"too large: {declared[0]} x {declared[1]} pixels, the limit is {MAX_PIXELS}"
        raise UnreadableImageError("image", reason)


def _check_scans(file: BinaryIO) -> None:
    """Refuse a progressive JPEG that would take for ever."""
    here = file.tell()
    file.seek(0)
    data, at, n_scans = file.read(), 2, 0
    file.seek(here)
    while (found := _JPEG_MARKER.search(data, at)) and found[1] != b"\xd9":
        n_scans += found[1] == b"\xda"
        if n_scans > _MAX_SCANS:
            raise UnreadableImageError("image", f"too large: a JPEG of more than {_MAX_SCANS} scans")
        at = found.end() + max(2, int.from_bytes(data[found.end() : found.end() + 2], "big"))


def _opener(kind: str) -> _Opener:
    """Return what opens a format. HEIC comes from a package of its own, where it is installed."""
    if kind in ("AVIF", "WEBP") and not features.check(kind.lower()):
        reason = f'this build of Pillow cannot read {kind}: pip install --force-reinstall "pillow>=11.3"'
        raise UnreadableImageError("image", reason)
    if kind != "HEIF":
        return _OPENERS[kind]
    try:
        return cast(_Opener, importlib.import_module("pillow_heif").HeifImageFile)
    except ImportError as error:
        reason = 'HEIC needs another package: pip install "concept-memes[heic]"'
        raise UnreadableImageError("image", reason) from error


def _tiff_frames(file: BinaryIO, at_most: int) -> FrameFile:
    """Find the pages of a TIFF."""
    size = file.seek(0, os.SEEK_END)
    try:
        first = first_directory(file)
        if not first.is_sound(size):  # Pillow warns of it and goes on
            what = "the file ends before its metadata" if first.makes_sense else "its header makes no sense"
            raise UnreadableImageError("image", f"truncated or damaged: {what}")
        pages = frame_directories(file, at_most)
    except (struct.error, OverflowError) as error:
        reason = "truncated or damaged: the file ends before its directory"
        raise UnreadableImageError("image", reason) from error

    def frame(number: int) -> ImageFile.ImageFile:
        page: Directory = pages[number]
        check_size(page.tile_size, page.tile_size)  # a tile is decoded whole, however small the page
        view = cast(BinaryIO, PageView(file, page)) if page.offset != first.offset else file
        view.seek(0)
        return _Tiff(view, "")

    return FrameFile(tuple(page.size for page in pages), False, frame)


def _without_senseless_animation(file: BinaryIO) -> BinaryIO:
    """Leave out what announces the frames of a PNG where it makes no sense: Pillow warns of it, and shows one frame."""
    found: list[tuple[int, int, int]] = []  # where it begins and ends, and how many frames it announces
    at, end = 8, file.seek(0, os.SEEK_END)
    while at + 12 <= end:
        file.seek(at)
        head = file.read(12)
        after = at + 12 + int.from_bytes(head[:4], "big")
        if head[4:8] == b"acTL":
            found.append((at, after, int.from_bytes(head[8:], "big")))
        at = after
    if not found or (len(found) == 1 and 0 < found[0][2] <= 0x80000000):
        return file
    file.seek(0)
    data = file.read()
    for start, after, _ in reversed(found):
        data = data[:start] + data[after:]
    return BytesIO(data)
