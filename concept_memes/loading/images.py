"""One image -> upright RGB pixels, or :class:`UnreadableImageError` with a short reason; and its content hash.

Everything here, and in the modules that it is made of, runs in threads. So nothing global is changed: no
``warnings.catch_warnings``, no setting of Pillow. And nothing should be warned about: a damaged picture is an error
with a reason, never a line on the screen of somebody who loads ten thousand.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from concept_memes.errors import InvalidParameterError, UnreadableImageError
from concept_memes.loading.frames import MAX_FRAMES, chosen_frames, without_blank
from concept_memes.loading.headers import PictureHeader, read_header
from concept_memes.loading.picture_files import MAX_PIXELS, FrameFile, check_size, open_frames
from concept_memes.loading.pixel_room import Held
from concept_memes.loading.places import open_place, place_status
from concept_memes.loading.upright import orientation_of, transparent_key, upright_rgb
from concept_memes.sources import array_problem

__all__ = [
    "MAX_PIXELS",
    "LoadedFrames",
    "content_hash",
    "load_frames",
    "load_image",
    "open_place",
    "place_status",
]

ImageSource: TypeAlias = str | Path | Image.Image | npt.NDArray[np.uint8]
Size: TypeAlias = tuple[int, int]

# A picture that a user opened and did not load reads its file on first use. The same object may be in a list twice.
_users_picture_lock = threading.Lock()

logger = logging.getLogger(__name__)


def load_image(source: ImageSource, *, min_size: Size | None = None, room: Held | None = None) -> Image.Image:
    """Read an image: first frame, upright, transparency over white, RGB.

    Parameters
    ----------
    source : str, Path, PIL image or ndarray
        A file, a member of an archive (``photos.zip/inner/a.jpg``), or pixels: uint8 of shape (h, w), (h, w, 1),
        (h, w, 3) or (h, w, 4). What the user gave is not changed and not closed; of an animation that was given as a
        PIL image, the current frame is taken.
    min_size : (int, int), optional
        Width and height in pixels, as seen upright, that suffice. A JPEG may come out smaller than it is stored,
        never below this in either dimension; other formats come in full. By default all come in full.
    room : Held, optional
        Share of a `PixelRoom`, in which the pixels find place before they are decoded.

    Returns
    -------
    PIL.Image.Image
        A new picture of mode "RGB" without metadata. 16-bit values lose their low byte; floats in [0, 1] or
        [0, 255] and 16-bit integers are taken as they are, other ranges are stretched to black and white.

    Raises
    ------
    UnreadableImageError
        With the reason in few words: "missing", "empty file", "not an image ...", "truncated or damaged: ...",
        "too large: 50000 x 50000 pixels, the limit is 89478485", and so on.

    Examples
    --------
    >>> load_image(np.zeros((4, 6), dtype=np.uint8)).size
    (6, 4)
    """
    with _named(source):
        if isinstance(source, Image.Image | np.ndarray):
            return _of_pixels(source, room)
        with open_place(Path(source)) as file:
            found = open_frames(file, 1)
            return _decode(found, 0, min_size, room)


class LoadedFrames(Iterator[Image.Image]):
    """Frames of one file, decoded one after another; made by `load_frames`.

    Attributes
    ----------
    is_animation : bool
        Whether the file has more than one frame, shown or not. Known with the first frame; False before.
    plays : bool
        Whether these follow each other in time; pages of a TIFF do not. Known with the first frame; False before.
    header : PictureHeader or None
        What the file says of itself. Known with the first frame if it was asked for; None before, and else.
    """

    def __init__(
        self, source: ImageSource, min_size: Size | None, most: int, room: Held | None, with_header: bool
    ) -> None:
        self.is_animation = self.plays = False
        self.header: PictureHeader | None = None
        self._with_header = with_header
        self._frames = self._load(source, min_size, most, room)

    def __next__(self) -> Image.Image:
        return next(self._frames)

    def close(self) -> None:
        """Close the file, if not all frames were taken."""
        self._frames.close()

    def _load(
        self, source: ImageSource, min_size: Size | None, most: int, room: Held | None
    ) -> Generator[Image.Image, None, None]:
        with _named(source):
            if isinstance(source, Image.Image | np.ndarray):
                pixels = _of_pixels(source, room)
                self.header = PictureHeader(pixels.size) if self._with_header else None
                yield pixels
                return
            with open_place(Path(source)) as file:
                found = open_frames(file, MAX_FRAMES if most > 1 else 2)
                self.is_animation = len(found.sizes) > 1
                self.plays = self.is_animation and found.in_order
                pictures = _decode_chosen(found, min_size, most, room, str(source))
                for picture in without_blank(pictures) if self.is_animation else pictures:
                    if self._with_header and self.header is None:  # now, as a PNG may hold its EXIF after the pixels
                        self.header = read_header(file, found)
                    yield picture


def load_frames(
    source: ImageSource,
    *,
    min_size: Size | None = None,
    most: int = 8,
    room: Held | None = None,
    with_header: bool = False,
) -> LoadedFrames:
    """Read some frames of an image: the picture itself, or frames spread over an animation or the pages of a file.

    Animations are GIF, WebP, PNG and AVIF, files with pages TIFF (smaller copies of a page and masks do not count).
    Of n frames, those with the numbers ``i * n // most`` are taken, for i from 0 to most - 1: the first one, and where
    each of the equal parts begins. All of them if there are no more than `most`. In an animation frames are chosen
    among those that can be decoded with `MAX_FRAME_PIXELS` pixels, and among the first `MAX_FRAMES`; of pages, so many
    are taken as fit into `MAX_FRAME_PIXELS`. Frames of one colour, such as a black beginning, are left out unless all
    are. A damaged frame ends the sequence; where it is the first, that is an error.

    Parameters
    ----------
    source, min_size, room
        As for `load_image`. Pixels are one picture.
    most : int, default=8
        Most frames, at least 1. One frame is what `load_image` gives.
    with_header : bool, default=False
        Read what the file says of itself too: `header` of what is returned has it from the first frame on.

    Returns
    -------
    LoadedFrames
        An iterator of pictures as `load_image` gives them, at least one, decoded when they are asked for; its
        `is_animation` tells whether there is more than one in the file. Reading the file begins with the first.

    Raises
    ------
    UnreadableImageError
        As `load_image`; on asking for the first frame.
    InvalidParameterError
        `most` is less than 1.

    Examples
    --------
    >>> frames = load_frames(np.zeros((4, 6), dtype=np.uint8))
    >>> [frame.size for frame in frames], frames.is_animation
    ([(6, 4)], False)
    """
    if most < 1:
        raise InvalidParameterError("most", most, "at least 1")
    return LoadedFrames(source, min_size, most, room, with_header)


def content_hash(source: ImageSource) -> str:
    """Hash what an image holds: the bytes of a file, or mode, size and values of pixels.

    Parameters
    ----------
    source : str, Path, PIL image or ndarray
        As for `load_image`. An array and a PIL image with the same pixels have the same hash.

    Returns
    -------
    str
        BLAKE2b with 16 bytes, in 32 hexadecimal digits.

    Raises
    ------
    UnreadableImageError
        The bytes cannot be read: "missing", "empty file", "a folder, not a file", ... Damage that only decoding
        shows is not seen here.

    Examples
    --------
    >>> content_hash(np.zeros((4, 6, 3), dtype=np.uint8)) == content_hash(Image.new("RGB", (6, 4)))
    True
    """
    with _named(source):
        if isinstance(source, Image.Image | np.ndarray):
            image = _copy_of(source) if isinstance(source, Image.Image) else _from_array(source)
            palette = image.im.getpalette("RGBA", "RGBA") if image.mode in ("P", "PA") else b""
            head = (image.mode, image.size, palette, image.info.get("transparency"), orientation_of(image) or 1)
            return hashlib.blake2b(repr(head).encode() + image.tobytes(), digest_size=16).hexdigest()
        with open_place(Path(source)) as file:
            return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=16)).hexdigest()


@contextmanager
def _named(source: object) -> Iterator[None]:
    """Turn whatever goes wrong into an UnreadableImageError with the picture's name.

    Pillow's decoders raise nearly every built-in exception on damaged files, so all of them mean damage here.
    """
    name = str(source) if isinstance(source, str | os.PathLike) else "image"
    try:
        yield
    except UnreadableImageError as error:
        raise UnreadableImageError(name, error.reason) from error.__cause__
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError(name, f"too large: {_words(error)}") from error
    except MemoryError as error:
        raise UnreadableImageError(name, "not enough memory to decode it") from error
    except Exception as error:
        raise UnreadableImageError(name, f"truncated or damaged: {_words(error)}") from error


def _words(error: BaseException) -> str:
    """Return an exception's message on one short line."""
    origin = error.__cause__ if type(error) is SyntaxError and error.__cause__ else error
    if isinstance(origin, struct.error | LookupError | TypeError):  # their words are for programmers
        return "its header makes no sense"
    return " ".join(str(error).split())[:120].rstrip(". ") or type(error).__name__


def _decode(found: FrameFile, number: int, min_size: Size | None, room: Held | None) -> Image.Image:
    """Decode one frame."""
    image = found.frame(number)
    orientation = orientation_of(image)
    declared = image.size
    if min_size is not None and isinstance(image, JpegImageFile):
        width, height = min_size if orientation is None or orientation < 5 else min_size[::-1]
        image.draft(None, (max(width, 1), max(height, 1)))
    check_size(declared, image.size)
    if room is not None:
        room.take(image.size[0] * image.size[1])
    key = transparent_key(image)  # now, because loading drops what tells the depth of the samples
    image.load()
    # The next frame of an animation is painted over this one, so it must stay as it is.
    own = image.copy() if len(found.sizes) > 1 else image
    # A PNG may hold its EXIF after the pixels.
    return upright_rgb(own, orientation or orientation_of(image), key)


def _decode_chosen(
    found: FrameFile, min_size: Size | None, most: int, room: Held | None, name: str
) -> Iterator[Image.Image]:
    """Decode the frames that are chosen, up to one that is damaged."""
    for number in chosen_frames(found.sizes, most, in_order=found.in_order):
        try:
            if number and found.in_order:  # going there decodes what is between the frames
                size = found.sizes[number]
                check_size(size, size)
                if room is not None:
                    room.take(size[0] * size[1])
            picture = _decode(found, number, min_size, room)
        except Exception as error:
            if not number:
                raise
            logger.debug("%s: frame %d and those after it are left out: %s", name, number, _words(error))
            return
        yield picture


def _of_pixels(source: Image.Image | npt.NDArray[np.uint8], room: Held | None) -> Image.Image:
    """Make a picture of what the user holds in memory, or has opened."""
    if isinstance(source, Image.Image):
        if room is not None:
            room.take(source.size[0] * source.size[1])
        key = transparent_key(source)
        copy = _copy_of(source)
        return upright_rgb(copy, orientation_of(copy), key)
    image = _from_array(source)
    if room is not None:
        room.take(image.size[0] * image.size[1])
    return upright_rgb(image, None, None)


def _copy_of(image: Image.Image) -> Image.Image:
    """Copy a picture of the user, because some conversions of Pillow write into the picture they read."""
    if 0 in image.size:
        raise UnreadableImageError("image", "has no pixels")
    with _users_picture_lock:
        return image.copy()


def _from_array(array: npt.NDArray[np.uint8]) -> Image.Image:
    """Wrap an array of pixels."""
    problem = array_problem(array)
    if problem:
        raise UnreadableImageError("image", problem)
    return Image.fromarray(np.ascontiguousarray(array[:, :, 0] if array.shape[2:] == (1,) else array))
