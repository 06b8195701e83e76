"""Builders of files that look like images and cannot be read, for the tests of whoever reads files.

Every builder is a function of nothing that returns bytes, so that a test can have one of them alone.
"""

from __future__ import annotations

import importlib.util
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HTML = b"<!DOCTYPE html>\n<html><body><h1>404 Not Found</h1></body></html>\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>\n'
VIDEO_HEADER = struct.pack(">L4s4sL8s", 24, b"ftyp", b"isom", 512, b"isommp42") + bytes(200)
HEIC_HEADER = struct.pack(">L4s4sL8s", 24, b"ftyp", b"heic", 0, b"mif1heic") + bytes(200)
AVIF_HEADER = struct.pack(">L4s4sL8s", 24, b"ftyp", b"avif", 0, b"avifmif1") + bytes(200)
WAVE_HEADER = struct.pack("<4sL8sLHHLLHH", b"RIFF", 236, b"WAVEfmt ", 16, 1, 1, 8000, 8000, 1, 8) + bytes(200)


def picture(width: int = 48, height: int = 40) -> Image.Image:
    """Make a small RGB picture that no format can write in a few bytes: smooth colours and some noise."""
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([255 * x / width, 255 * y / height, 128 + 127 * np.sin(x / 5)], axis=2)
    noise = np.random.default_rng(7).integers(-20, 21, smooth.shape)
    return Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Write a picture in a format of Pillow and return the bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def truncated(data: bytes, share: float = 0.6) -> bytes:
    """Cut a file off after a share of its bytes."""
    return data[: int(len(data) * share)]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Make one chunk of a PNG with its checksum."""
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def bomb_png(width: int = 60_000, height: int = 60_000) -> bytes:
    """Make a PNG of a few bytes that declares any size."""
    header = png_chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(bytes(999))) + png_chunk(b"IEND", b"")


def bomb_jpeg(width: int = 50_000, height: int = 50_000) -> bytes:
    """Make a JPEG that declares any size up to 65,535 x 65,535, by changing the frame header of a small one."""
    data = bytearray(encoded(picture(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def bomb_gif(width: int = 60_000, height: int = 60_000) -> bytes:
    """Make a GIF that declares any screen size up to 65,535 x 65,535."""
    data = bytearray(encoded(picture().convert("P"), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def gif_without_frames() -> bytes:
    """Make a GIF that ends after its header."""
    return b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0, 0, 0) + b";"


def png_with_wrong_checksum() -> bytes:
    """Make a PNG whose header does not have the checksum that it says."""
    data = bytearray(encoded(picture(), "PNG"))
    data[29] ^= 0xFF  # 8 signature, 4 length, 4 kind, 13 header; then the checksum
    return bytes(data)


def zip_archive() -> bytes:
    """Make an archive with one file in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "no picture here")
    return buffer.getvalue()


@contextmanager
def without_permission(path: Path) -> Iterator[None]:
    """Take all permissions from a file or folder; root, who may read everything, becomes nobody meanwhile.

    It must lie in a folder that others may enter, which pytest's `tmp_path` is not.
    """
    mode = path.stat().st_mode
    path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        path.chmod(mode)


def make_bad_files(folder: Path) -> dict[str, str]:
    """Write 25 files that a folder listing takes for images and that nobody can read.

    Not among them, because they are no such files: pipes (a folder listing leaves them out), and files without
    permission to read (root can read them all the same).

    Parameters
    ----------
    folder : Path
        Where to; made if need be.

    Returns
    -------
    dict of str to str
        Name of the file -> part of the reason that is to be given for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = picture()
    no_image, damaged, too_large = "not an image", "truncated or damaged", "too large"
    has_heif = importlib.util.find_spec("pillow_heif") is not None
    files: dict[str, tuple[bytes, str]] = {
        "empty.jpg": (b"", "empty file"),
        "empty.PNG": (b"", "empty file"),
        "a page (1).jpg": (HTML, no_image),
        "notes.png": ("Nur ein paar Notizen, 只是文字\n".encode(), no_image),
        "random.gif": (np.random.default_rng(3).bytes(2000), no_image),
        "zeros.jpeg": (bytes(4096), no_image),
        "archive.png": (zip_archive(), no_image),
        "drawing.png": (SVG, no_image),
        "video.jpg": (VIDEO_HEADER, no_image),
        "sound.webp": (WAVE_HEADER, no_image),
        "truncated.jpg": (truncated(encoded(image, "JPEG"), 0.9), damaged),
        "truncated progressive.jfif": (truncated(encoded(image, "JPEG", progressive=True), 0.9), damaged),
        "断.png": (truncated(encoded(image, "PNG")), damaged),
        "truncated.gif": (truncated(encoded(image.convert("P"), "GIF"), 0.9), damaged),
        "truncated.webp": (truncated(encoded(image, "WEBP")), damaged),
        "truncated.bmp": (truncated(encoded(image, "BMP")), damaged),
        "truncated.tiff": (truncated(encoded(image, "TIFF")), damaged),
        "truncated lzw.tif": (truncated(encoded(image, "TIFF", compression="tiff_lzw")), damaged),
        "header only.avif": (AVIF_HEADER, damaged),
        "header only.heic": (HEIC_HEADER, damaged if has_heif else "HEIC needs"),
        "header only.png": (encoded(image, "PNG")[:33], damaged),
        "no frames.gif": (gif_without_frames(), damaged),
        "wrong checksum.png": (png_with_wrong_checksum(), damaged),
        "bomb.png": (bomb_png(), f"{too_large}: 60000 x 60000 pixels"),
    }
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    (folder / "broken link.jpg").symlink_to(folder / "no such file.jpg")
    return {name: reason for name, (_, reason) in files.items()} | {"broken link.jpg": "missing"}
