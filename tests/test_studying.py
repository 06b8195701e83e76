from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from concept_memes.cache import open_cache
from concept_memes.concepts import ImageRecord, picture_source
from concept_memes.errors import UnreadableImageError
from concept_memes.loading import content_hash, load_image
from concept_memes.memes.studying import study
from concept_memes.progress import Progress

QUIET = Progress(verbose=False)


class Heap:
    """Pictures in a folder, listed with what they hold now."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder = folder
        self.images = tuple(ImageRecord(name, Path(name), content_hash(folder / name)) for name in names)

    def source_of(self, index: int) -> Path | Image.Image:
        return picture_source(self.images[index], self.folder, None)


def paint(path: Path, red: int) -> None:
    Image.new("RGB", (4, 4), (red, 0, 0)).save(path)


def redness(source: Path | Image.Image) -> bytes:
    return str(load_image(source).getpixel((0, 0))[0]).encode()  # type: ignore[index]


@pytest.fixture
def heap(tmp_path: Path) -> Heap:
    for name, red in (("a.png", 10), ("b.png", 20), ("copy of a.png", 10)):
        paint(tmp_path / name, red)
    return Heap(tmp_path, ["a.png", "b.png", "copy of a.png"])


def test_each_content_is_looked_at_once(heap: Heap) -> None:
    looked: list[object] = []

    def look(source: Path | Image.Image) -> bytes:
        looked.append(source)
        return redness(source)

    found = study(heap, "redness", look, cache=open_cache(False), progress=QUIET, what="looking")
    assert [found[image.content_hash] for image in heap.images] == [b"10", b"20", b"10"]
    assert len(looked) == 2


def test_what_was_found_is_kept_for_the_next_run(heap: Heap, tmp_path: Path) -> None:
    with open_cache(tmp_path / "cache") as cache:
        first = study(heap, "redness", redness, cache=cache, progress=QUIET, what="looking")

    def fail(source: Path | Image.Image) -> bytes:
        raise AssertionError(f"{source} was looked at again")

    with open_cache(tmp_path / "cache") as cache:
        assert study(heap, "redness", fail, cache=cache, progress=QUIET, what="looking") == first
        with pytest.raises(AssertionError, match="looked at again"):
            study(heap, "another way", fail, cache=cache, progress=QUIET, what="looking")


def test_only_the_rows_that_are_asked_for_are_looked_at(heap: Heap) -> None:
    found = study(heap, "redness", redness, cache=open_cache(False), progress=QUIET, what="looking", rows=[1])
    assert found == {heap.images[1].content_hash: b"20"}


def test_a_copy_stands_in_for_a_file_that_has_gone(heap: Heap) -> None:
    (heap.folder / "a.png").unlink()
    found = study(heap, "redness", redness, cache=open_cache(False), progress=QUIET, what="looking")
    assert found[heap.images[0].content_hash] == b"10"


def test_a_file_that_has_gone_or_changed_is_left_out(heap: Heap, tmp_path: Path) -> None:
    (heap.folder / "b.png").unlink()
    paint(heap.folder / "a.png", 99)
    paint(heap.folder / "copy of a.png", 98)
    with open_cache(tmp_path / "cache") as cache:
        assert study(heap, "redness", redness, cache=cache, progress=QUIET, what="looking") == {}
        assert cache.notes("redness", [image.content_hash for image in heap.images]) == {}


def test_what_was_found_before_an_error_is_kept(heap: Heap, tmp_path: Path) -> None:
    def look(source: Path | Image.Image) -> bytes:
        if source == heap.folder / "b.png":
            raise RuntimeError("the reader broke")
        return redness(source)

    with open_cache(tmp_path / "cache") as cache:
        with pytest.raises(RuntimeError, match="the reader broke"):
            study(heap, "redness", look, cache=cache, progress=QUIET, what="looking", n_threads=1)
        assert cache.notes("redness", [heap.images[0].content_hash]) == {heap.images[0].content_hash: b"10"}


def test_an_unreadable_picture_is_no_error(heap: Heap) -> None:
    def look(source: Path | Image.Image) -> bytes:
        raise UnreadableImageError(str(source), "damaged")

    assert study(heap, "redness", look, cache=open_cache(False), progress=QUIET, what="looking") == {}
