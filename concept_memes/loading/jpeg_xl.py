"""JPEG XL: its size, read from the first bytes, and its pixels, through the package `imagecodecs`.

The decoder does not tell the size before it decodes, and a picture of a hundred bytes can fill the memory. So the
header is read here: ISO/IEC 18181-1, annexes on the codestream header; 18181-2 for the boxes around it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from concept_memes.errors import UnreadableImageError

if TYPE_CHECKING:
    from PIL import _imaging

__all__ = ["JpegXlHeader", "JpegXlImageFile", "read_header"]

_CODESTREAM: Final = b"\xff\x0a"
# More bytes than the header ever has before what is read of it.
_N_HEADER: Final = 128
_MAX_BOXES: Final = 1000
# They are decoded with the colours, and take as much memory each.
_MAX_EXTRA_CHANNELS: Final = 4
# Width / height, where a header gives a ratio instead of a width.
_RATIOS: Final = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_Field: TypeAlias = tuple[int, int]  # a number, and the bits that are added to it


@dataclass(frozen=True)
class JpegXlHeader:
    """What the first bytes of a JPEG XL say.

    Attributes
    ----------
    width, height : int
        Pixels as they are stored, before the picture is turned upright.
    orientation : int
        1 (upright) to 8, as in EXIF. The decoder turns the picture.
    n_extra_channels : int
        Alpha and others, which are decoded with the colours.
    is_animation : bool
    """

    width: int
    height: int
    orientation: int = 1
    n_extra_channels: int = 0
    is_animation: bool = False


class _Bits:
    """Numbers of any width, least significant bit first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def read(self, n_bits: int) -> int:
        if n_bits > self._left:
            raise EOFError("the file ends in its header")
        value = self._value & ((1 << n_bits) - 1)
        self._value >>= n_bits
        self._left -= n_bits
        return value

    def choose(self, *fields: _Field) -> int:
        """Read two bits, which say how wide the number is, and the number."""
        offset, n_bits = fields[self.read(2)]
        return offset + self.read(n_bits)


def read_header(file: BinaryIO) -> JpegXlHeader:
    r"""Read the header of a JPEG XL file.

    Parameters
    ----------
    file : BinaryIO
        Read from its beginning.

    Returns
    -------
    JpegXlHeader

    Raises
    ------
    EOFError
        The file ends too early.
    ValueError
        There is no such header in it.

    Examples
    --------
    >>> import io
    >>> read_header(io.BytesIO(b"\xff\x0a" + bytes.fromhex("89402408040100")))
    JpegXlHeader(width=48, height=40, orientation=1, n_extra_channels=0, is_animation=False)
    """
    data = _codestream(file)
    if data[:2] != _CODESTREAM:
        raise ValueError("it has no JPEG XL codestream")
    bits = _Bits(data[2:])
    width, height = _size(bits)
    if bits.read(1):  # everything else has its usual value
        return JpegXlHeader(width, height)
    orientation, is_animation = 1, False
    if bits.read(1):
        orientation = 1 + bits.read(3)
        if bits.read(1):  # the size it should be shown at
            _size(bits)
        if bits.read(1):
            _skip_preview(bits)
        is_animation = bool(bits.read(1))
        if is_animation:
            bits.choose((100, 0), (1000, 0), (1, 10), (1, 30))  # ticks per second
            bits.choose((1, 0), (1001, 0), (1, 8), (1, 10))
            bits.choose((0, 0), (0, 3), (0, 16), (0, 32))  # loops
            bits.read(1)
    if bits.read(1):  # samples are floats
        bits.choose((32, 0), (16, 0), (24, 0), (1, 6))
        bits.read(4)
    else:
        bits.choose((8, 0), (10, 0), (12, 0), (1, 6))
    bits.read(1)  # whether 16 bits suffice for what is decoded
    n_extra = bits.choose((0, 0), (1, 0), (2, 4), (1, 12))
    return JpegXlHeader(width, height, orientation, n_extra, is_animation)


def _codestream(file: BinaryIO) -> bytes:
    """Return the first bytes of the codestream, which may lie in a box after others, or in several of them."""
    file.seek(0)
    start = file.read(_N_HEADER)
    if start[:2] == _CODESTREAM:
        return start
    at, end, found = 0, file.seek(0, os.SEEK_END), b""
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8 and found:
            break
        if len(head) < 8:
            raise EOFError("the file ends before its pixels")
        size, kind, n_head = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, n_head = int.from_bytes(head[8:16], "big"), 16
        after = at + size if size else end + 1  # 0: up to the end of the file
        if kind in (b"jxlc", b"jxlp"):
            begin = at + n_head + 4 * (kind == b"jxlp")  # a part has its number first
            file.seek(begin)
            found += file.read(max(0, min(after - begin, _N_HEADER - len(found))))
            if kind == b"jxlc" or len(found) == _N_HEADER:
                break
        if after < at + n_head or after > end:
            break
        at = after
    if not found:
        raise ValueError("it has no JPEG XL codestream")
    return found


def _size(bits: _Bits) -> tuple[int, int]:
    """Read width and height."""
    in_eights = bits.read(1)

    def side() -> int:
        if in_eights:
            return 8 * (1 + bits.read(5))
        return bits.choose((1, 9), (1, 13), (1, 18), (1, 30))

    height = side()
    ratio = bits.read(3)
    if not ratio:
        return side(), height
    numerator, denominator = _RATIOS[ratio - 1]
    return height * numerator // denominator, height


def _skip_preview(bits: _Bits) -> None:
    """Read the size of the preview."""
    in_eights = bits.read(1)

    def side() -> None:
        if in_eights:
            bits.choose((16, 0), (32, 0), (1, 5), (33, 9))
        else:
            bits.choose((1, 6), (65, 8), (321, 10), (1345, 12))

    side()
    if not bits.read(3):
        side()


class JpegXlImageFile(ImageFile.ImageFile):
    """A JPEG XL as Pillow's classes show their formats: the size is known at once, pixels come with `load`."""

    format = "JXL"
    format_description = "JPEG XL"

    def _open(self) -> None:
        assert self.fp is not None
        self.header = read_header(cast(BinaryIO, self.fp))
        n_extra = self.header.n_extra_channels
        if n_extra > _MAX_EXTRA_CHANNELS:
            reason = f"too large: {n_extra} channels beside its colours, the limit is {_MAX_EXTRA_CHANNELS}"
            raise UnreadableImageError("image", reason)
        self._size = (self.header.width, self.header.height)
        self._mode = "RGB"

    def load(self) -> _imaging.PixelAccess | None:
        """Decode the first frame; it comes upright."""
        if self._im is None:
            assert self.fp is not None
            self.fp.seek(0)
            pixels = _decoder()(self.fp.read(), index=0, numthreads=1)  # pictures are decoded in threads of ours
            picture = Image.fromarray(_eight_bit(pixels))
            self._size, self._mode, self.im = picture.size, picture.mode, picture.im
        return Image.Image.load(self)


def _decoder() -> Callable[..., npt.NDArray[Any]]:
    """Return the decoder, from a package of its own, where it is installed."""
    try:
        decode: Callable[..., npt.NDArray[Any]] = importlib.import_module("imagecodecs").jpegxl_decode
    except ImportError as error:
        reason = 'JPEG XL needs another package: pip install "concept-memes[jxl]"'
        raise UnreadableImageError("image", reason) from error
    return decode


def _eight_bit(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Bring decoded samples to what Pillow takes: 8 bits, one to four channels."""
    if pixels.ndim not in (2, 3):
        raise ValueError(f"it decodes to an array of shape {pixels.shape}")
    if pixels.dtype == np.uint16:
        pixels = pixels >> 8
    elif pixels.dtype.kind == "f":  # from 0 to 1; what is brighter is white
        pixels = np.nan_to_num(pixels.astype(np.float32) * 255, nan=0, posinf=255, neginf=0).clip(0, 255).round()
    elif pixels.dtype != np.uint8:
        raise ValueError(f"it decodes to numbers of type {pixels.dtype}")
    if pixels.ndim == 3:
        pixels = pixels[:, :, : 4 if pixels.shape[2] >= 3 else 2]
        pixels = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    return np.ascontiguousarray(pixels, dtype=np.uint8)
