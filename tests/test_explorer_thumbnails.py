"""Thumbnails and what is known of each file, in one pass."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import concept_memes.loading.images
from concept_memes.concepts import ConceptSet, ImageRecord
from concept_memes.explorer.thumbnails import PictureEntry, PictureReader

ORIENTATION, TAKEN, CHANGED, EXIF = 0x0112, 0x9003, 0x0132, 0x8769


def read(
    source: Path | Image.Image, page: Path, *, name: str = "a.jpg", size: int = 160, large: bool = False
) -> PictureEntry:
    empty = np.empty((0, 2), np.float32)
    path = source if isinstance(source, Path) else None
    concept_set = ConceptSet(
        (ImageRecord(name, path, "0"),), np.array([-1]), np.zeros(1), np.ones((1, 2), np.float32),
        np.ones(2, np.float32), ((0, 2),), empty, (), (), empty, "", "",
        pixels={} if isinstance(source, Path) else {0: source},
    )  # fmt: skip
    (entry,) = PictureReader(concept_set, page, size, large).read([0])
    return entry


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def noisy(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 255, (9, 16, 3), np.uint8).astype(np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


def save(path: Path, picture: Image.Image, **exif: str | int) -> Path:
    tags = Image.Exif()
    if "orientation" in exif:
        tags[ORIENTATION] = exif["orientation"]
    if "changed" in exif:
        tags[CHANGED] = exif["changed"]
    if "taken" in exif:
        tags.get_ifd(EXIF)[TAKEN] = exif["taken"]
    picture.save(path, exif=tags.tobytes())
    return path


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "concepts.html"


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_a_photo_becomes_an_upright_webp_with_its_size_bytes_and_date(tmp_path: Path, page: Path, ending: str) -> None:
    path = save(
        tmp_path / f"a.{ending}",
        noisy(800, 450),
        orientation=6,
        taken="2024:05:17 12:00:01",
        changed="2025:01:01 00:00:00",
    )
    entry = read(path, page)
    assert opened(entry.thumbnail).format == "WEBP"
    assert opened(entry.thumbnail).size == (90, 160)
    assert entry.size == (450, 800)
    assert entry.n_bytes == path.stat().st_size
    assert entry.date == "2024-05-17T12:00:01"
    assert entry.link == f"a.{ending}"
    assert entry.picture == b""


def test_the_date_is_when_it_was_taken_else_changed_else_that_of_the_file(tmp_path: Path, page: Path) -> None:
    then = datetime(2020, 2, 3, 4, 5, 6)
    found = {}
    for name, exif in {
        "all": {"taken": "2024:05:17 12:00:01", "changed": "2025:01:01 00:00:00"},
        "changed": {"changed": "2025:01:01 00:00:00"},
        "never set": {"taken": "0000:00:00 00:00:00"},
        "nonsense": {"taken": "yesterday, I believe"},
        "none": {},
    }.items():
        path = save(tmp_path / f"{name}.jpg", noisy(20, 20), **exif)
        os.utime(path, (then.timestamp(), then.timestamp()))
        found[name] = read(path, page).date
    file = "2020-02-03T04:05:06"
    assert found == {
        "all": "2024-05-17T12:00:01", "changed": "2025-01-01T00:00:00",
        "never set": file, "nonsense": file, "none": file,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("size", "wanted"), [((30, 20), (30, 20)), ((4000, 3), (160, 1)), ((3, 4000), (1, 160)), ((160, 161), (159, 160))]
)
def test_thumbnails_are_as_long_as_wanted_and_never_enlarged(
    page: Path, size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    entry = read(Image.new("RGB", size, "red"), page)
    assert opened(entry.thumbnail).size == wanted
    assert entry.size == size


def test_a_larger_copy_comes_when_it_is_asked_for(tmp_path: Path, page: Path) -> None:
    path = save(tmp_path / "a.jpg", noisy(2000, 1000))
    entry = read(path, page, large=True)
    assert opened(entry.picture).size == (1280, 640)
    assert opened(entry.thumbnail).size == (160, 80)
    assert entry.size == (2000, 1000)


def test_an_animation_is_shown_by_its_first_frame_that_is_not_blank(tmp_path: Path, page: Path) -> None:
    frames = [Image.new("RGB", (40, 30), "black"), noisy(40, 30), Image.new("RGB", (40, 30), "red")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=90)
    entry = read(tmp_path / "a.gif", page)
    assert np.asarray(opened(entry.thumbnail).convert("RGB")).std() > 20
    assert entry.size == (40, 30)


def test_a_file_that_has_moved_leaves_an_empty_place(tmp_path: Path, page: Path) -> None:
    assert read(tmp_path / "gone.jpg", page) == PictureEntry(b"", b"", (0, 0), None, None, None)


def test_a_file_that_got_damaged_keeps_its_link(tmp_path: Path, page: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    entry = read(tmp_path / "a.jpg", page)
    assert (entry.thumbnail, entry.size, entry.n_bytes, entry.link) == (b"", (0, 0), 12, "a.jpg")


def test_a_member_of_an_archive_has_a_thumbnail_and_no_link(tmp_path: Path, page: Path) -> None:
    path = save(tmp_path / "a.jpg", noisy(40, 30), taken="2024:05:17 12:00:01")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(path, "in/a.jpg")
    entry = read(tmp_path / "photos.zip" / "in" / "a.jpg", page)
    assert opened(entry.thumbnail).size == (40, 30)
    assert (entry.link, entry.n_bytes, entry.date) == (None, path.stat().st_size, "2024-05-17T12:00:01")


def test_what_has_an_address_is_neither_linked_nor_dated_by_its_kept_copy(tmp_path: Path, page: Path) -> None:
    path = save(tmp_path / "0123abcd.jpg", noisy(40, 30))
    entry = read(path, page, name="https://example.org/a.jpg")
    assert opened(entry.thumbnail).size == (40, 30)
    assert (entry.link, entry.date) == (None, None)


def test_pixels_have_a_size_and_nothing_else(page: Path) -> None:
    entry = read(noisy(40, 30), page)
    assert opened(entry.thumbnail).size == (40, 30)
    assert (entry.size, entry.n_bytes, entry.date, entry.link) == ((40, 30), None, None, None)


def test_each_file_is_opened_once(tmp_path: Path, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.jpg", noisy(400, 300), taken="2024:05:17 12:00:01")
    opened_paths, open_place = [], concept_memes.loading.images.open_place
    monkeypatch.setattr(
        concept_memes.loading.images, "open_place", lambda found: opened_paths.append(found) or open_place(found)
    )
    assert read(path, page, large=True).date == "2024-05-17T12:00:01"
    assert opened_paths == [path]


def test_pictures_come_in_order_whatever_the_threads_do(fit_colors: Callable[..., ConceptSet], page: Path) -> None:
    sizes = [(30 + i, 20) for i in range(50)]
    concept_set = fit_colors([Image.new("RGB", size, "red") for size in sizes])
    reader = PictureReader(concept_set, page, 160, with_pictures=False)
    assert [entry.size for entry in reader.read(range(50))] == sizes
    assert [entry.size for entry in reader.read([7, 3])] == [sizes[7], sizes[3]]
    lost = replace(concept_set, pixels={i: p for i, p in concept_set.pixels.items() if i != 3})
    assert [entry.size for entry in PictureReader(lost, page, 160, with_pictures=False).read([7, 3])] == [
        sizes[7],
        (0, 0),
    ]
