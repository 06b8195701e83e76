"""Which files are images: by their ending, or by their first bytes. Nothing is opened here."""

from __future__ import annotations

from typing import Final

__all__ = ["ENDINGS", "N_MAGIC", "image_format"]

#: Endings of image files, in lower case.
ENDINGS: Final = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".bmp", ".tif", ".tiff")
    + (".heic", ".heif", ".hif", ".avif", ".jxl")
)

#: Number of bytes that `image_format` wants to see.
N_MAGIC: Final = 64
_MAGIC: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),  # in a container
    (b"\xff\x0a", "JXL"),  # as it is
)
_BMP_HEADER_SIZES: Final = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
_HEIF_BRANDS: Final = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)


def image_format(first_bytes: bytes) -> str | None:
    """Name the image format that a file's first bytes belong to.

    Parameters
    ----------
    first_bytes : bytes
        The first 64 bytes of a file, or all of a shorter one.

    Returns
    -------
    str or None
        "JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "HEIF" or "JXL"; None for anything else.

    Examples
    --------
    >>> image_format(b"GIF89a...")
    'GIF'
    >>> image_format(b"<!DOCTYPE html>") is None
    True
    """
    for magic, name in _MAGIC:
        if first_bytes.startswith(magic):
            return name
    if first_bytes[:4] == b"RIFF" and first_bytes[8:12] == b"WEBP":
        return "WEBP"
    # Two letters alone would make a bitmap of every text about BMW; the size of the second header settles it.
    if first_bytes[:2] == b"BM" and int.from_bytes(first_bytes[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    if first_bytes[4:8] == b"ftyp":
        # The generic brands (mif1, msf1) say nothing of the codec; then the compatible brands tell.
        end = min(int.from_bytes(first_bytes[:4], "big"), len(first_bytes))
        brands = {first_bytes[at : at + 4] for at in (8, *range(16, end, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    return None
