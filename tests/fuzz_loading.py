"""Damaged files of every format, made from good ones by rule; loading them must give a picture or a reason.

The test suite runs some hundreds of them. By hand, many, in child processes with limits on memory and time::

    python tests/fuzz_loading.py --n 10000

The file with a given number is the same wherever the same packages and collections are at hand, so one that failed can
be looked at again with ``--first NUMBER --n 1 --keep FOLDER``.
"""

from __future__ import annotations

import argparse
import collections
import functools
import io
import random
import resource
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import badfiles
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from concept_memes.archives import close_archives, is_archive, list_archive
from concept_memes.errors import UnreadableImageError
from concept_memes.loading import content_hash, load_frames, load_image

DATA = Path(__file__).parents[2] / "shared" / "data"
MAX_REAL_BYTES = 60_000
HARD_NUMBERS = (
    0,
    1,
    2,
    3,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
)


@functools.cache
def good_files() -> dict[str, bytes]:
    """Make good files of every format and kind, and take some real ones where they are at hand."""
    one = badfiles.picture()
    frames = [ImageOps.flip(one), ImageOps.mirror(one)]
    clear = one.copy()
    clear.putalpha(Image.linear_gradient("L").resize(one.size))
    deep = Image.fromarray(np.asarray(one)[:, :, 0].astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6

    def encoded(image: Image.Image, kind: str, *, more: Sequence[Image.Image] = (), **options: Any) -> bytes:
        """Write copies: what one format leaves in a picture disturbs the next."""
        if more:
            options |= {"save_all": True, "append_images": [frame.copy() for frame in more]}
        return badfiles.encoded(image.copy(), kind, **options)

    files = {
        "jpeg": encoded(one, "JPEG", exif=exif),
        "jpeg progressive": encoded(one, "JPEG", progressive=True),
        "jpeg cmyk": encoded(one.convert("CMYK"), "JPEG"),
        "jpeg grey": encoded(one.convert("L"), "JPEG"),
        "mpo": encoded(one, "MPO", more=frames),
        "png": encoded(one, "PNG", exif=exif),
        "png palette": encoded(one.quantize(16), "PNG", transparency=3),
        "png alpha": encoded(clear, "PNG"),
        "png 16 bit": encoded(deep, "PNG"),
        "png animated": encoded(one, "PNG", more=frames),
        "gif": encoded(one.quantize(32), "GIF"),
        "gif animated": encoded(one.quantize(16), "GIF", disposal=2, duration=40, more=frames),
        "gif clear": encoded(clear, "GIF", disposal=3, more=[clear, *frames]),
        "webp": encoded(one, "WEBP", exif=exif),
        "webp lossless": encoded(clear, "WEBP", lossless=True),
        "webp animated": encoded(one, "WEBP", more=frames),
        "bmp": encoded(one, "BMP"),
        "bmp palette": encoded(one.quantize(16), "BMP"),
        "bmp one bit": encoded(one.convert("1"), "BMP"),
        "tiff": encoded(one, "TIFF", exif=exif),
        "tiff pages": encoded(one, "TIFF", compression="tiff_lzw", more=frames),
        "tiff deflate": encoded(clear, "TIFF", compression="tiff_adobe_deflate"),
        "tiff packbits": encoded(one, "TIFF", compression="packbits"),
        "tiff jpeg": encoded(one, "TIFF", compression="jpeg"),
        "tiff group 4": encoded(one.convert("1"), "TIFF", compression="group4"),
        "tiff big": encoded(one, "TIFF", big_tiff=True),
        "tiff tiled": tiled_tiff(np.asarray(badfiles.picture(64, 64).convert("L"))),
        "tiff 16 bit": encoded(deep, "TIFF", compression="tiff_lzw"),
        "tiff float": encoded(one.convert("F"), "TIFF"),
        "tiff cmyk": encoded(one.convert("CMYK"), "TIFF", compression="tiff_lzw"),
        "avif": encoded(one, "AVIF", exif=exif),
        "avif alpha": encoded(clear, "AVIF"),
        "avif animated": encoded(one, "AVIF", more=frames),
    }
    files |= heic_files(one, clear) | jpeg_xl_files(one, clear, deep) | real_files()
    pictures = {
        "a/1.jpg": files["jpeg"],
        "a/2.png": files["png"],
        "3.gif": files["gif animated"],
        "4.tif": files["tiff"],
    }
    return files | archives(pictures)


def tiled_tiff(pixels: npt.NDArray[np.uint8], side: int = 16) -> bytes:
    """Make a grey TIFF of compressed tiles, which Pillow cannot write."""
    height, width = pixels.shape
    corners = [(y, x) for y in range(0, height, side) for x in range(0, width, side)]
    tiles = [zlib.compress(pixels[y : y + side, x : x + side].tobytes()) for y, x in corners]
    offsets = [8 + sum(map(len, tiles[:i])) for i in range(len(tiles))]
    sizes = [len(tile) for tile in tiles]
    at = 8 + sum(sizes)
    lists = struct.pack(f"<{2 * len(tiles)}L", *offsets, *sizes)
    entries = [(256, 1, width), (257, 1, height), (258, 1, 8), (259, 1, 8), (262, 1, 1), (322, 1, side), (323, 1, side)]
    entries += [(324, len(tiles), at), (325, len(tiles), at + 4 * len(tiles))]
    directory = b"".join(struct.pack("<HHLL", tag, 4, count, value) for tag, count, value in entries)
    head = struct.pack("<2sHL", b"II", 42, at + len(lists))
    return head + b"".join(tiles) + lists + struct.pack("<H", len(entries)) + directory + bytes(4)


def heic_files(one: Image.Image, clear: Image.Image) -> dict[str, bytes]:
    """Make HEIC files, where its package is installed."""
    try:
        import pillow_heif
    except ImportError:
        return {}
    files = {}
    for name, image in (("heic", one), ("heic alpha", clear)):
        buffer = io.BytesIO()
        pillow_heif.from_pillow(image).save(buffer, quality=80)
        files[name] = buffer.getvalue()
    return files


def jpeg_xl_files(one: Image.Image, clear: Image.Image, deep: Image.Image) -> dict[str, bytes]:
    """Make JPEG XL files, where its package is installed."""
    try:
        from imagecodecs import jpegxl_encode
    except ImportError:
        return {}
    return {
        "jxl": jpegxl_encode(np.asarray(one), lossless=False, distance=1.0),
        "jxl in boxes": jpegxl_encode(np.asarray(clear), lossless=True, usecontainer=True),
        "jxl 16 bit": jpegxl_encode(np.asarray(deep), lossless=True),
        "jxl animated": jpegxl_encode(np.stack([np.asarray(one)] * 3), lossless=False),
    }


def real_files() -> dict[str, bytes]:
    """Take the smallest few of every format from the collections beside the project."""
    files: dict[str, bytes] = {}
    for ending in ("jpg", "png", "gif"):
        found = sorted((path.stat().st_size, path) for path in DATA.glob(f"*/**/*.{ending}"))
        for size, path in found[:3]:
            if size <= MAX_REAL_BYTES:
                files[f"real {path.name}"] = path.read_bytes()
    return files


def archives(members: dict[str, bytes]) -> dict[str, bytes]:
    """Put pictures into archives of every kind."""
    files = {}
    for name, method in (("zip stored", zipfile.ZIP_STORED), ("zip deflated", zipfile.ZIP_DEFLATED)):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            for member, data in members.items():
                archive.writestr(zipfile.ZipInfo(member), data, method)
        files[name] = buffer.getvalue()
    for kind in ("", "gz", "bz2", "xz"):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=f"w:{kind}") as tar:
            for member, data in members.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        files[f"tar {kind}".strip()] = buffer.getvalue()
    return files


def flip(numbers: random.Random, data: bytearray) -> None:
    for _ in range(numbers.randint(1, 8)):
        data[numbers.randrange(len(data))] ^= numbers.randint(1, 255)


def flip_in_header(numbers: random.Random, data: bytearray) -> None:
    for _ in range(numbers.randint(1, 3)):
        data[numbers.randrange(min(len(data), 256))] ^= 1 << numbers.randrange(8)


def write_hard_number(numbers: random.Random, data: bytearray) -> None:
    """Overwrite a number with one that programs stumble over, mostly near the beginning."""
    for _ in range(numbers.randint(1, 3)):
        width = numbers.choice((1, 2, 4))
        end = min(len(data), 512) if numbers.random() < 0.7 else len(data)
        at = numbers.randrange(max(1, end - width))
        value = numbers.choice(HARD_NUMBERS) & ((1 << 8 * width) - 1)
        data[at : at + width] = value.to_bytes(width, numbers.choice(("little", "big")))


def cut_off(numbers: random.Random, data: bytearray) -> None:
    del data[numbers.randrange(len(data)) :]


def cut_out(numbers: random.Random, data: bytearray) -> None:
    at = numbers.randrange(len(data))
    del data[at : at + numbers.randint(1, max(1, len(data) // 8))]


def insert(numbers: random.Random, data: bytearray) -> None:
    at = numbers.randrange(len(data))
    data[at:at] = numbers.randbytes(numbers.randint(1, 200))


def repeat(numbers: random.Random, data: bytearray) -> None:
    """Repeat a piece of the file, as copied blocks and chunks are."""
    at = numbers.randrange(len(data))
    piece = data[at : at + numbers.randint(1, max(1, len(data) // 4))]
    data[at:at] = piece * numbers.randint(1, 4)


def splice(numbers: random.Random, data: bytearray) -> None:
    """Put a piece of another file in the place of one of this file."""
    other = good_files()[numbers.choice(sorted(good_files()))]
    start, at = numbers.randrange(len(other)), numbers.randrange(len(data))
    n_bytes = numbers.randint(1, 400)
    data[at : at + n_bytes] = other[start : start + n_bytes]


MUTATIONS: tuple[Callable[[random.Random, bytearray], None], ...] = (
    flip,
    flip_in_header,
    write_hard_number,
    cut_off,
    cut_out,
    insert,
    repeat,
    splice,
)


def with_checksums(data: bytes) -> bytes:
    """Make the checksums of a PNG right again, so that damage gets behind them."""
    at, parts = 8, [data[:8]]
    while at + 12 <= len(data):
        n_bytes = struct.unpack_from(">L", data, at)[0]
        body = data[at + 4 : at + 8 + n_bytes]
        if len(body) < 4 + n_bytes:
            break
        parts.append(data[at : at + 4] + body + struct.pack(">L", zlib.crc32(body)))
        at += 12 + n_bytes
    return b"".join(parts) + data[at:]


def damaged(number: int) -> tuple[str, bytes]:
    """Make the file with a number: the name of the good one, and the bytes."""
    numbers = random.Random(number)
    name = sorted(good_files())[number % len(good_files())]
    data = bytearray(good_files()[name])
    for _ in range(numbers.choice((1, 1, 1, 2, 3))):
        if data:
            numbers.choice(MUTATIONS)(numbers, data)
    if name.startswith("png") and numbers.random() < 0.7:
        return name, with_checksums(bytes(data))
    return name, bytes(data)


def outcomes(path: Path) -> Iterator[str]:
    """Load a file in all ways; yield what came out, a size or a reason. Everything else is an error."""
    if path.suffix not in (".zip", ".tar") or not is_archive(path, by_content=True):
        yield from ways_of_loading(path)
        return
    try:
        listing = list_archive(path)
    except UnreadableImageError as error:
        yield reason(error)
        return
    for _, why in listing.refused:
        assert why
        assert "\n" not in why
        yield why
    for member in listing.members[:6]:
        yield from ways_of_loading(path / member)
    close_archives()


def ways_of_loading(path: Path) -> Iterator[str]:
    for load in (load_whole, load_small, load_several, content_hash):
        try:
            yield load(path)
        except UnreadableImageError as error:
            yield reason(error)


def reason(error: UnreadableImageError) -> str:
    assert "\n" not in error.reason
    assert 0 < len(error.reason) < 200
    return error.reason


def load_whole(path: Path) -> str:
    return checked(load_image(path))


def load_small(path: Path) -> str:
    return checked(load_image(path, min_size=(16, 16)))


def load_several(path: Path) -> str:
    frames = load_frames(path)
    found = [checked(frame) for frame in frames]
    assert 1 <= len(found) <= 8
    assert len(found) == 1 or frames.is_animation
    return found[0]


def checked(image: Image.Image) -> str:
    assert image.mode == "RGB"
    assert type(image) is Image.Image
    assert 0 not in image.size
    image.getpixel((image.width - 1, image.height - 1))
    return f"{image.width} x {image.height}"


def write(folder: Path, number: int) -> tuple[str, Path]:
    name, data = damaged(number)
    path = folder / f"{number}{'.tar' if name.startswith('tar') else '.zip' if name.startswith('zip') else '.jpg'}"
    path.write_bytes(data)
    return name, path


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def work(first: int, last: int, folder: Path, seconds: int, memory: int) -> None:
    """Check some files in this process, and say the number before each; a signal ends it when one takes too long."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    good_files()
    warnings.simplefilter("always")  # as errors they would be taken for damage
    warned: list[str] = []
    warnings.showwarning = lambda message, *_: warned.append(str(message))
    for number in range(first, last):
        name, path = write(folder, number)
        say(f"at {number} {name}")
        signal.alarm(seconds)
        start = time.perf_counter()
        found = list(outcomes(path))
        signal.alarm(0)
        assert not warned, warned
        what = "picture" if any(" x " in each and "too large" not in each for each in found) else "reason"
        say(f"ok {number} {time.perf_counter() - start:.3f} {what} {resource.getrusage(0).ru_maxrss}")
        path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000, help="number of files")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=20, help="most time for one file")
    parser.add_argument("--memory", type=int, default=4 << 30, help="bytes of address space of a child")
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    if given.child:
        work(given.first, given.first + given.n, folder, given.seconds, given.memory)
        return 0
    failures, counts, slowest, peak = 0, collections.Counter[str](), (0.0, 0), 0
    first, end = given.first, given.first + given.n
    while first < end:
        limits = ["--seconds", str(given.seconds), "--memory", str(given.memory), "--keep", str(folder)]
        command = [sys.executable, __file__, "--child", "--first", str(first), "--n", str(end - first), *limits]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [line.split() for line in done.stdout.splitlines()]
        for word, number, seconds, what, memory in (line[:5] for line in lines if line[0] == "ok"):
            counts[what] += word == "ok"
            slowest, peak = max(slowest, (float(seconds), int(number))), max(peak, int(memory))
        if not done.returncode:
            break
        if not lines:
            say(done.stderr)
            return 2
        number, name = next((int(line[1]), " ".join(line[2:])) for line in reversed(lines) if line[0] == "at")
        failures, first = failures + 1, number + 1
        say(f"FAILED: file {number} ({name}), exit status {done.returncode}\n{done.stderr[-1500:]}")
    say(f"{sum(counts.values())} files: {dict(counts)}; {failures} failures")
    say(f"slowest: {slowest[0]:.2f} s (file {slowest[1]}); most memory: {peak // 1024} MiB")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
