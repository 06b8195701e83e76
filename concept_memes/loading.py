"""One image -> upright RGB pixels, or :class:`UnreadableImageError` with a short reason; and its content hash.

Everything here runs in threads. So nothing global is changed: no ``warnings.catch_warnings``, no setting of Pillow.
And nothing should be warned about: a damaged picture is an error with a reason, never a line on the screen of
somebody who loads ten thousand. `PIL.Image.open` warns of large pictures before one can ask for their size, and
Pillow's EXIF reader warns of every oddity, so the classes of the formats are called directly here, and the
orientation, the only thing of EXIF that matters, is read by hand.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import stat
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from concept_memes.errors import UnreadableImageError
from concept_memes.sources import N_MAGIC, array_problem, image_format

__all__ = ["MAX_PIXELS", "content_hash", "load_image"]

#: Most pixels that are decoded: Pillow's own limit against pictures made to fill the memory. A JPEG that is shrunk
#: while it is decoded may declare four times as many, so that photos of 108 and 200 megapixels can be read.
MAX_PIXELS: Final = 89_478_485
_SHRUNK_FACTOR: Final = 4

_ORIENTATION_TAG: Final = 0x0112
_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ALPHA_MODES: Final = frozenset(("P", "PA", "LA", "La", "RGBA", "RGBa"))
_KEYED_MODES: Final = frozenset(("1", "L", "I", "I;16", "RGB"))  # one value of theirs may stand for transparent
_Key: TypeAlias = int | tuple[int, ...]

# Bytes per value of the TIFF field types.
_FIELD_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}

# A picture that a user opened and did not load reads its file on first use. The same object may be in a list twice.
_users_picture_lock = threading.Lock()


class _Jpeg(JpegImageFile):
    """A JPEG whose EXIF is left alone; the first picture where there are several (MPO)."""

    def _read_dpi_from_exif(self) -> None:
        """Do nothing: Pillow warns of damaged EXIF here."""


class _Tiff(TiffImageFile):
    """A TIFF whose pixels stay as they are stored; it is turned upright like all others."""

    def load_end(self) -> None:
        """Do nothing: Pillow reads all metadata here, and warns of damage in it."""


_Reader: TypeAlias = Callable[[BinaryIO, str], ImageFile.ImageFile]
_READERS: Final[Mapping[str, _Reader]] = {
    "JPEG": _Jpeg,
    "PNG": PngImageFile,
    "GIF": GifImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
    "TIFF": _Tiff,
    "AVIF": AvifImageFile,
}


class _UnreadableError(Exception):
    """A reason on its way to the place that knows the picture's name."""


def load_image(
    source: str | Path | Image.Image | npt.NDArray[np.uint8], *, min_size: tuple[int, int] | None = None
) -> Image.Image:
    """Read an image: first frame, upright, transparency over white, RGB.

    Parameters
    ----------
    source : str, Path, PIL image or ndarray
        A file, or pixels: uint8 of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4). What the user gave is not
        changed and not closed; of an animation that was given as a PIL image, the current frame is taken.
    min_size : (int, int), optional
        Width and height in pixels, as seen upright, that suffice. A JPEG may come out smaller than it is stored,
        never below this in either dimension; other formats come in full. By default all come in full.

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
        if isinstance(source, Image.Image):
            key = _transparent_key(source)
            copy = _copy_of(source)
            return _upright_rgb(copy, _orientation(copy), key)
        if isinstance(source, np.ndarray):
            return _upright_rgb(_from_array(source), None, None)
        with _open_file(Path(source)) as file:
            return _decode(file, min_size)


def content_hash(source: str | Path | Image.Image | npt.NDArray[np.uint8]) -> str:
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
            head = (image.mode, image.size, palette, image.info.get("transparency"), _orientation(image) or 1)
            return hashlib.blake2b(repr(head).encode() + image.tobytes(), digest_size=16).hexdigest()
        with _open_file(Path(source)) as file:
            return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=16)).hexdigest()


@contextmanager
def _named(source: object) -> Iterator[None]:
    """Turn whatever goes wrong into an UnreadableImageError with the picture's name.

    Pillow's decoders raise nearly every built-in exception on damaged files, so all of them mean damage here.
    """
    name = str(source) if isinstance(source, str | os.PathLike) else "image"
    try:
        yield
    except _UnreadableError as error:
        raise UnreadableImageError(name, str(error)) from error.__cause__
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


@contextmanager
def _open_file(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file that is not empty, and close it whatever happens."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise _UnreadableError("a folder, not a file")
        if not stat.S_ISREG(mode):  # opening a pipe would wait for its writer for ever
            raise _UnreadableError("not a regular file")
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _UnreadableError("missing") from error
    except PermissionError as error:
        raise _UnreadableError("no permission to read it") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise _UnreadableError(f"cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    with file:
        if os.fstat(file.fileno()).st_size == 0:
            raise _UnreadableError("empty file")
        yield file


def _decode(file: BinaryIO, min_size: tuple[int, int] | None) -> Image.Image:
    """Decode the first frame of an open file."""
    kind = image_format(file.read(N_MAGIC))
    if kind is None:
        raise _UnreadableError("not an image, or of a kind that is not supported")
    if kind == "TIFF":
        _check_tiff(file)
    file.seek(0)
    # No file name for Pillow: with one it maps the file into memory, and a file that shrinks then kills the process.
    image = _reader(kind)(file, "")
    orientation = _orientation(image)
    declared = image.size
    if min_size is not None and isinstance(image, JpegImageFile):
        width, height = min_size if orientation is None or orientation < 5 else min_size[::-1]
        image.draft(None, (max(width, 1), max(height, 1)))
    _check_size(declared, image.size)
    key = _transparent_key(image)  # now, because loading drops what tells the depth of the samples
    image.load()
    # A PNG may hold its EXIF after the pixels.
    return _upright_rgb(image, orientation or _orientation(image), key)


def _reader(kind: str) -> _Reader:
    """Return what opens a format. HEIF comes from a package of its own, where it is installed."""
    if kind != "HEIF":
        return _READERS[kind]
    try:
        reader: _Reader = importlib.import_module("pillow_heif").HeifImageFile
    except ImportError as error:
        raise _UnreadableError("HEIC needs another package: pip install pillow-heif") from error
    return reader


def _check_size(declared: tuple[int, int], decoded: tuple[int, int]) -> None:
    """Refuse pictures that would fill the memory, before a pixel is decoded."""
    n_declared, n_decoded = declared[0] * declared[1], decoded[0] * decoded[1]
    if n_decoded > MAX_PIXELS or n_declared > MAX_PIXELS * _SHRUNK_FACTOR:
        raise _UnreadableError(f"too large: {declared[0]} x {declared[1]} pixels, the limit is {MAX_PIXELS}")


def _copy_of(image: Image.Image) -> Image.Image:
    """Copy a picture of the user, because some conversions of Pillow write into the picture they read."""
    if 0 in image.size:
        raise _UnreadableError("has no pixels")
    with _users_picture_lock:
        return image.copy()


def _from_array(array: npt.NDArray[np.uint8]) -> Image.Image:
    """Wrap an array of pixels."""
    problem = array_problem(array)
    if problem:
        raise _UnreadableError(problem)
    return Image.fromarray(np.ascontiguousarray(array[:, :, 0] if array.shape[2:] == (1,) else array))


# --- Pixels -----------------------------------------------------------------------------------------------------


def _upright_rgb(image: Image.Image, orientation: int | None, key: _Key | None) -> Image.Image:
    """Make a new RGB picture without metadata, of a picture that is ours to change."""
    if image.mode != "P" or not isinstance(image.info.get("transparency"), bytes | int):
        image.info.pop("transparency", None)  # it is in `key`, and Pillow's conversions warn of senseless ones
    mask = _key_mask(image, key)
    if mask is not None:
        rgb = _eight_bit(image).convert("RGB")
        rgb.paste((255, 255, 255), mask=mask)
    elif image.mode in _ALPHA_MODES and image.has_transparency_data:
        rgba = image.convert("LA" if image.mode == "La" else "RGBA").convert("RGBA")
        rgb = Image.new("RGB", image.size, (255, 255, 255))
        rgb.paste(rgba, mask=rgba.getchannel("A"))
    else:
        rgb = _eight_bit(image).convert("RGB")
    if orientation in _TRANSPOSE:
        rgb = rgb.transpose(_TRANSPOSE[orientation])
    rgb.info = {}  # an orientation that stays would turn the picture again, somewhere else
    return rgb


def _transparent_key(image: Image.Image) -> _Key | None:
    """Return the value that stands for transparent in a picture without an alpha channel.

    PNG gives it in the depth of the file, and Pillow scales the pixels but not this value.
    """
    key = image.info.get("transparency")
    if image.mode not in _KEYED_MODES or not isinstance(key, int | tuple):
        return None
    args = image.tile[0].args if isinstance(image, ImageFile.ImageFile) and image.tile else None
    raw_mode = args if isinstance(args, str) else args[0] if args else None
    if isinstance(key, int):
        return key * {"L;2": 85, "L;4": 17}.get(str(raw_mode), 1)
    # The low byte is gone from the pixels, so near neighbours of the transparent colour count as transparent too.
    return tuple(value >> 8 for value in key) if raw_mode == "RGB;16B" else key


def _key_mask(image: Image.Image, key: _Key | None) -> Image.Image | None:
    """Mark the pixels that have the transparent value."""
    n_bands = 3 if image.mode == "RGB" else 1
    if key is None or (1 if isinstance(key, int) else len(key)) != n_bands:
        return None
    pixels = np.asarray(image)
    same = pixels == (bool(key) if image.mode == "1" else np.asarray(key))
    return Image.fromarray((same.all(axis=2) if n_bands == 3 else same).astype(np.uint8) * np.uint8(255))


def _eight_bit(image: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit and float grey to 8 bits, where Pillow's own conversion clips; leave other modes."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode not in ("I", "F"):
        return image
    values = np.asarray(image).astype(np.float64)
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    if image.mode == "I" and low >= 0 and high <= 65535:
        scaled = np.floor(values / 256)
    elif low >= 0 and high <= 255:
        scaled = values * (255 if high <= 1 else 1)
    else:
        scaled = (values - low) * 255 / (float(high - low) or 1.0)
    # Not a number and minus infinity are black, infinity is white.
    return Image.fromarray(np.nan_to_num(scaled, nan=0, posinf=255, neginf=0).clip(0, 255).round().astype(np.uint8))


# --- Orientation ------------------------------------------------------------------------------------------------


def _orientation(image: Image.Image) -> int | None:
    """Return how a picture is stored, 1 (upright) to 8, from its TIFF tags, EXIF or XMP; None where nothing says."""
    if isinstance(image, _Tiff):
        found = image.tag_v2.get(_ORIENTATION_TAG)
    else:
        found = _exif_orientation(_exif_bytes(image.info))
    if isinstance(found, int):
        return found
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    match = re.search(rb'tiff:Orientation(?:="|>)([1-8])', xmp.encode() if isinstance(xmp, str) else bytes(xmp))
    return int(match[1]) if match else None


def _exif_bytes(info: Mapping[str | tuple[int, int], Any]) -> bytes:
    """Return a picture's EXIF block; PNGs of older programs hold it as text, in hexadecimal after three lines."""
    exif = info.get("exif")
    text = info.get("Raw profile type exif")
    if not isinstance(exif, bytes) and isinstance(text, str):
        try:
            return bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError:
            return b""
    return exif if isinstance(exif, bytes) else b""


def _exif_orientation(exif: bytes) -> int | None:
    """Find the orientation in an EXIF block, which is a TIFF file of its own."""
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    try:
        return next((value for tag, value, _ in _directory(BytesIO(exif)) if tag == _ORIENTATION_TAG), None)
    except (struct.error, OverflowError):  # damaged EXIF is no reason to lose the picture
        return None


def _check_tiff(file: BinaryIO) -> None:
    """Refuse a TIFF with tags beyond its end, which a truncated one has: Pillow warns of them and goes on."""
    size = os.fstat(file.fileno()).st_size
    total = 0
    try:
        for _, offset, n_bytes in _directory(file):
            total += n_bytes
            if (n_bytes and offset + n_bytes > size) or total > size:
                raise _UnreadableError("truncated or damaged: the file ends before its metadata")
    except (struct.error, OverflowError) as error:
        raise _UnreadableError("truncated or damaged: the file ends before its directory") from error


def _directory(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield the first directory of a TIFF file: tag, first value, 0; or tag, offset, bytes of values kept elsewhere.

    Raises `struct.error` where the file ends too early, and `OverflowError` for an offset beyond every file.
    """
    file.seek(0)
    header = file.read(16)
    order = ">" if header[:2] == b"MM" else "<"
    if header[2:4] in (b"+\0", b"\0+"):  # BigTIFF
        start, number, link = 8, struct.Struct(order + "Q"), struct.Struct(order + "Q")
        entry = struct.Struct(order + "HHQ8s")
    else:
        start, number, link = 4, struct.Struct(order + "H"), struct.Struct(order + "L")
        entry = struct.Struct(order + "HHL4s")
    file.seek(link.unpack_from(header, start)[0])
    for _ in range(number.unpack(file.read(number.size))[0]):
        tag, kind, count, value = entry.unpack(file.read(entry.size))
        n_bytes = _FIELD_BYTES.get(kind, 0) * count
        in_place = n_bytes <= len(value)
        used = value[: _FIELD_BYTES.get(kind, 0)] if in_place else value
        yield tag, int.from_bytes(used, "big" if order == ">" else "little"), 0 if in_place else n_bytes
    link.unpack(file.read(link.size))  # where the next directory is
