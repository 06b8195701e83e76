"""What a file says of its picture, without disturbing who decodes it."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from concept_memes.loading import PictureHeader, load_frames
from concept_memes.loading.headers import read_header
from concept_memes.loading.picture_files import open_frames

EXIF, TAKEN, CHANGED = 0x8769, 0x9003, 0x0132


def dated() -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(EXIF)[TAKEN] = "2024:05:17 12:00:01"
    return exif


def striped(n: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (24, 32, 3), np.uint8).astype(np.uint8)) for _ in range(n)]


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif"])
def test_reading_it_changes_no_frame(tmp_path: Path, ending: str) -> None:
    path, frames = tmp_path / f"a.{ending}", striped(5)
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with closing(load_frames(path)) as plain, closing(load_frames(path, with_header=True)) as with_header:
        pixels = [np.asarray(frame) for frame in plain]
        assert len(pixels) == 5
        assert all(np.array_equal(a, b) for a, b in zip(pixels, with_header, strict=True))
        assert plain.header is None
        assert with_header.header == PictureHeader((32, 24), path.stat().st_size, None)


def test_a_jpeg_that_is_shrunk_on_decoding_has_the_size_that_it_is_stored_in(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (1600, 800)).save(path, exif=dated().tobytes())
    with closing(load_frames(path, min_size=(100, 100), with_header=True)) as frames:
        assert next(frames).size == (200, 100)
        assert frames.header == PictureHeader((1600, 800), path.stat().st_size, datetime(2024, 5, 17, 12, 0, 1))


def test_an_exif_block_after_the_pixels_of_a_png_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(path, exif=dated().tobytes())
    data = path.read_bytes()
    start = data.index(b"eXIf") - 4
    stop = start + 12 + int.from_bytes(data[start : start + 4], "big")
    end = data.index(b"IEND") - 4
    path.write_bytes(data[:start] + data[stop:end] + data[start:stop] + data[end:])
    with closing(load_frames(path, with_header=True)) as frames:
        next(frames)
        assert frames.header is not None
        assert frames.header.taken == datetime(2024, 5, 17, 12, 0, 1)


@pytest.mark.parametrize("ending", ["gif", "png", "tif", "jpg"])
def test_reading_goes_on_where_it_was(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    striped(1)[0].save(path)
    with path.open("rb") as file:
        found = open_frames(file, 1)
        file.seek(7)
        assert read_header(file, found).n_bytes == path.stat().st_size
        assert file.tell() == 7


@pytest.mark.parametrize("cut", range(4, 90, 5))
def test_damaged_exif_is_no_reason_to_lose_the_picture(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.webp"
    Image.new("RGB", (8, 8)).save(path, exif=dated().tobytes()[:cut])
    with closing(load_frames(path, with_header=True)) as frames:
        assert next(frames).size == (8, 8)
        assert frames.header is not None
        assert frames.header.taken in (None, datetime(2024, 5, 17, 12, 0, 1))
