from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from badfiles import encoded, picture

from concept_memes.archives import close_archives
from concept_memes.errors import UnreadableImageError
from concept_memes.loading import content_hash, load_frames, load_image
from concept_memes.loading.places import open_place, place_status

PNG = encoded(picture(), "PNG")


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    yield
    close_archives()


@pytest.fixture(params=["photos.zip", "photos.tar", "photos.tar.gz", "download"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An archive with a picture, an animation, an empty file and one that is no picture."""
    gif = encoded(picture(), "GIF", save_all=True, append_images=[picture().rotate(90), picture().rotate(180)])
    members = {"inner/a.png": PNG, "b.gif": gif, "empty.png": b"", "no.png": b"text"}
    path = tmp_path / str(request.param)
    if path.suffix in (".zip", ""):
        with zipfile.ZipFile(path, "w") as file:
            for name, data in members.items():
                file.writestr(name, data)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
            for name, data in members.items():
                (tmp_path / "member").write_bytes(data)
                tar.add(tmp_path / "member", name)
    return path


def reason(path: Path) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        load_image(path)
    assert caught.value.name == str(path)
    return caught.value.reason


class TestMembers:
    def test_are_read_like_files(self, archive: Path, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(PNG)
        for place in (archive / "inner/a.png", archive / "./inner//a.png"):
            assert load_image(place).tobytes() == load_image(tmp_path / "a.png").tobytes()
            assert load_image(str(place)).tobytes() == picture().tobytes()
            assert content_hash(place) == content_hash(tmp_path / "a.png")
        assert len(list(load_frames(archive / "b.gif"))) == 3

    def test_relative_paths_work(self, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(archive.parent)
        assert load_image(Path(archive.name) / "inner/a.png").size == (48, 40)
        assert load_image(f"{archive.name}/inner/a.png").size == (48, 40)

    def test_that_cannot_be_read_have_the_reasons_of_files(self, archive: Path) -> None:
        assert reason(archive / "empty.png") == "empty file"
        assert reason(archive / "no.png").startswith("not an image")
        for name in ("missing.png", "inner", "inner/a.png/b.png"):
            assert reason(archive / name) == "missing"
        assert reason(archive / "a\0.png") == "cannot be opened: embedded null byte"

    def test_are_read_in_threads(self, archive: Path) -> None:
        expected = load_image(archive / "inner/a.png").tobytes()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: load_image(archive / "inner/a.png").tobytes(), range(40)))
        assert set(found) == {expected}

    def test_status_is_that_of_the_archive(self, archive: Path) -> None:
        assert place_status(archive / "inner/a.png") == os.stat(archive)
        assert place_status(archive) == os.stat(archive)

    def test_archives_inside_archives_are_not_opened(self, archive: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "outer.zip", "w") as file:
            file.write(archive, archive.name)
        assert reason(tmp_path / "outer.zip" / archive.name / "inner/a.png") == "missing"

    def test_bytes_stay_in_memory_after_closing(self, archive: Path) -> None:
        with open_place(archive / "inner/a.png") as file:
            close_archives()
            assert file.read() == PNG
        assert file.closed


class TestFiles:
    def test_a_real_file_wins(self, tmp_path: Path) -> None:
        (tmp_path / "photos.zip").mkdir()
        (tmp_path / "photos.zip" / "a.png").write_bytes(PNG)
        with open_place(tmp_path / "photos.zip/a.png") as file:
            assert file.read() == PNG
        assert reason(tmp_path / "photos.zip/b.png") == "missing"
        assert reason(tmp_path / "photos.zip") == "a folder, not a file"

    def test_an_archive_itself_is_no_picture(self, archive: Path) -> None:
        assert reason(archive).startswith("not an image")

    def test_a_path_through_a_file_that_is_no_archive_is_missing(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(PNG)
        assert reason(tmp_path / "a.png/b.png") == "missing"

    def test_a_damaged_archive_is_the_reason(self, tmp_path: Path) -> None:
        (tmp_path / "a.zip").write_bytes(b"PK\3\4 and nothing more")
        assert reason(tmp_path / "a.zip/b.png") == "truncated or damaged: the list of its members cannot be read"

    def test_status_of_what_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        for name in ("missing.png", "missing/a.png"):
            with pytest.raises(UnreadableImageError, match="missing"):
                place_status(tmp_path / name)

    def test_a_link_to_an_archive_leads_into_it(self, archive: Path, tmp_path: Path) -> None:
        (tmp_path / "link.zip").symlink_to(archive)
        assert load_image(tmp_path / "link.zip/inner/a.png").size == (48, 40)
