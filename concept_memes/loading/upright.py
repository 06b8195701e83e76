"""Decoded pixels -> upright RGB: transparency over white, 16 bits to 8, and the side that is up.

Pillow's EXIF reader warns of every oddity, so the orientation, the only thing of EXIF that matters, is read by hand.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Final, TypeAlias

import numpy as np
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from concept_memes.loading.tiff_directories import ORIENTATION, first_value

__all__ = ["TransparentKey", "exif_bytes", "orientation_of", "transparent_key", "upright_rgb"]

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
TransparentKey: TypeAlias = int | tuple[int, ...]


def upright_rgb(image: Image.Image, orientation: int | None, key: TransparentKey | None) -> Image.Image:
    """Make a new RGB picture without metadata.

    Parameters
    ----------
    image : PIL.Image.Image
        Decoded, of any mode, and ours to change. 16-bit values lose their low byte; floats in [0, 1] or [0, 255] and
        16-bit integers are taken as they are, other ranges are stretched to black and white.
    orientation : int or None
        As `orientation_of` gives it.
    key : int, tuple of int or None
        As `transparent_key` gives it.

    Returns
    -------
    PIL.Image.Image
        Transparent pixels are white.

    Examples
    --------
    >>> upright_rgb(Image.new("L", (4, 3)), 6, None).size
    (3, 4)
    """
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


def transparent_key(image: Image.Image) -> TransparentKey | None:
    """Return the value that stands for transparent in a picture without an alpha channel.

    PNG gives it in the depth of the file, and Pillow scales the pixels but not this value.

    Parameters
    ----------
    image : PIL.Image.Image
        Not loaded yet, if it is a file: loading drops what tells the depth of the samples.

    Returns
    -------
    int, tuple of int, or None

    Examples
    --------
    >>> image = Image.new("RGB", (1, 1))
    >>> image.info["transparency"] = (255, 0, 255)
    >>> transparent_key(image)
    (255, 0, 255)
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


def _key_mask(image: Image.Image, key: TransparentKey | None) -> Image.Image | None:
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
    with np.errstate(invalid="ignore"):  # some kinds of "not a number"; the setting holds for this thread
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


def orientation_of(image: Image.Image) -> int | None:
    """Return how a picture is stored, from its TIFF tags, EXIF or XMP.

    Parameters
    ----------
    image : PIL.Image.Image

    Returns
    -------
    int or None
        1 (upright) to 8; None where nothing says. Senseless values are returned as they are.

    Examples
    --------
    >>> image = Image.new("RGB", (1, 1))
    >>> image.info["xmp"] = b'tiff:Orientation="6"'
    >>> orientation_of(image)
    6
    """
    if isinstance(image, TiffImageFile):
        found = image.tag_v2.get(ORIENTATION)
    else:
        found = first_value(BytesIO(exif_bytes(image)), ORIENTATION)  # damaged EXIF is no reason to lose the picture
    if isinstance(found, int):
        return found
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    match = re.search(rb'tiff:Orientation(?:="|>)([1-8])', xmp.encode() if isinstance(xmp, str) else bytes(xmp))
    return int(match[1]) if match else None


def exif_bytes(image: Image.Image) -> bytes:
    r"""Return a picture's EXIF block, a TIFF file of its own; PNGs of older programs hold it in hexadecimal.

    Parameters
    ----------
    image : PIL.Image.Image

    Returns
    -------
    bytes
        Empty where there is none.

    Examples
    --------
    >>> image = Image.new("RGB", (1, 1))
    >>> image.info["exif"] = b"Exif\0\0II*\0"
    >>> exif_bytes(image)
    b'II*\x00'
    """
    exif = image.info.get("exif")
    text = image.info.get("Raw profile type exif")
    if not isinstance(exif, bytes) and isinstance(text, str):
        try:
            exif = bytes.fromhex("".join(text.split("\n")[3:]))  # after three lines of other things
        except ValueError:
            return b""
    if not isinstance(exif, bytes):
        return b""
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    return exif
