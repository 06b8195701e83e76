from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from badfiles import without_permission
from hypothesis import given
from hypothesis import strategies as st

import concept_memes.sources.folders
from concept_memes.sources.folders import FoundFiles, files_in_folder, files_of_pattern, has_wildcard

JPEG = b"\xff\xd8\xff\xe0"


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(JPEG)


def names_of(found: FoundFiles) -> list[str]:
    return [name for name, _ in found.files]


def test_thumbnails_of_a_saved_explorer_are_no_pictures(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "page_files/thumbs-0123456789abcdef/00000.webp", "page_files/thumbs-mine/b.jpg")
    found = files_in_folder(tmp_path)
    assert (names_of(found), found.n_others) == (["a.jpg", "page_files/thumbs-mine/b.jpg"], 1)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that other users can enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


class TestHidden:
    @pytest.fixture
    def pics(self, tmp_path: Path) -> Path:
        write(tmp_path, "a.jpg", ".b.jpg", ".trash/c.jpg", "sub/.d.jpg", ".c", "sub/.trash/e.jpg")
        return tmp_path

    def test_files_and_folders_are_listed_where_they_are_wanted(self, pics: Path) -> None:
        found = files_in_folder(pics, hidden=True)
        assert names_of(found) == [".b.jpg", ".c", ".trash/c.jpg", "a.jpg", "sub/.d.jpg", "sub/.trash/e.jpg"]
        assert found.n_others == 0

    def test_files_and_folders_count_once_each_otherwise(self, pics: Path) -> None:
        found = files_in_folder(pics)
        assert (names_of(found), found.n_others) == (["a.jpg"], 5)

    def test_ones_match_a_pattern_where_they_are_wanted(self, pics: Path) -> None:
        assert names_of(files_of_pattern(f"{pics}/**/*.jpg")) == [f"{pics}/a.jpg"]
        assert len(files_of_pattern(f"{pics}/**/*.jpg", hidden=True).files) == 5
        assert names_of(files_of_pattern(f"{pics}/**/.d*")) == [f"{pics}/sub/.d.jpg"]


class TestChangesMeanwhile:
    def test_a_subfolder_that_is_gone_is_named_and_the_rest_is_listed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, "a.jpg", "going/b.jpg", "staying/c.jpg")
        real_scan = os.scandir

        def scan(path: str) -> object:
            if str(path).endswith("going"):
                shutil.rmtree(path)
            return real_scan(path)

        monkeypatch.setattr(os, "scandir", scan)
        for search in (lambda: files_in_folder(tmp_path), lambda: files_of_pattern(f"{tmp_path}/**/*.jpg")):
            write(tmp_path, "going/b.jpg")
            found = search()
            assert [path.name for _, path in found.files] == ["a.jpg", "c.jpg"]
            assert found.unlistable == ((tmp_path / "going", "No such file or directory"),)

    def test_a_subfolder_that_becomes_a_file_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, "a.jpg", "going/b.jpg")
        real_scan = os.scandir

        def scan(path: str) -> object:
            if str(path).endswith("going"):
                shutil.rmtree(path)
                Path(path).write_bytes(JPEG)
            return real_scan(path)

        monkeypatch.setattr(os, "scandir", scan)
        assert files_in_folder(tmp_path).unlistable == ((tmp_path / "going", "Not a directory"),)

    def test_a_file_that_is_gone_before_it_was_looked_into_is_no_image(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, "a.jpg", "b", "c")
        real = concept_memes.sources.folders.is_image_file

        def look(path: str, is_regular: bool = False) -> bool:
            (tmp_path / "b").unlink(missing_ok=True)
            return real(path, is_regular)

        monkeypatch.setattr(concept_memes.sources.folders, "is_image_file", look)
        found = files_in_folder(tmp_path)
        assert (names_of(found), found.n_others) == (["a.jpg", "c"], 1)

    def test_entries_that_cannot_be_looked_at_are_others(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, "a.jpg")

        class Entry:
            name, path = "odd", str(tmp_path / "odd")

            def is_dir(self, **_: bool) -> bool:
                raise PermissionError

        real = concept_memes.sources.folders._entries
        monkeypatch.setattr(concept_memes.sources.folders, "_entries", lambda *args: [Entry(), *real(*args)])
        found = files_in_folder(tmp_path)
        assert (names_of(found), found.n_others) == (["a.jpg"], 1)


class TestPermissions:
    def test_folders_under_a_pattern_that_cannot_be_listed_are_named(self, open_folder: Path) -> None:
        write(open_folder, "a.jpg", "locked/b.jpg", "sub/c.jpg")
        with without_permission(open_folder / "locked"):
            found = files_of_pattern(f"{open_folder}/**/*.jpg")
        assert [path.name for _, path in found.files] == ["a.jpg", "c.jpg"]
        assert found.unlistable == ((open_folder / "locked", "Permission denied"),)

    def test_folders_that_a_pattern_cannot_mean_are_left_alone(self, open_folder: Path) -> None:
        write(open_folder, "a.jpg", "locked/b.jpg")
        with without_permission(open_folder / "locked"):
            assert files_of_pattern(f"{open_folder}/*.jpg").unlistable == ()

    def test_a_folder_that_cannot_be_listed_at_all_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            files_in_folder(tmp_path / "nowhere")


class TestLinks:
    def test_to_folders_are_followed_where_a_pattern_names_one_folder(self, tmp_path: Path) -> None:
        write(tmp_path, "real/a.jpg", "real/deep/b.jpg")
        (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
        (tmp_path / "real" / "loop").symlink_to(tmp_path, target_is_directory=True)
        assert names_of(files_of_pattern(f"{tmp_path}/link*/*.jpg")) == [f"{tmp_path}/link/a.jpg"]
        found = files_of_pattern(f"{tmp_path}/**/*.jpg")
        assert names_of(found) == [f"{tmp_path}/real/a.jpg", f"{tmp_path}/real/deep/b.jpg"]

    def test_that_go_in_a_circle_end(self, tmp_path: Path) -> None:
        write(tmp_path, "a.jpg")
        (tmp_path / "x").symlink_to(tmp_path / "y")
        (tmp_path / "y").symlink_to(tmp_path / "x")
        (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
        (tmp_path / "here").symlink_to(".", target_is_directory=True)
        found = files_in_folder(tmp_path)
        assert (names_of(found), found.n_others) == (["a.jpg", "loop.jpg"], 3)


def test_a_tree_deeper_than_paths_may_be_long_is_listed_as_far_as_it_goes(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):  # of 200 characters each; more than 4,096
        os.mkdir("d" * 200, dir_fd=here)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    write(tmp_path, "a.jpg")
    try:
        found = files_in_folder(tmp_path)
        assert names_of(found) == ["a.jpg"]
        ((_, reason),) = found.unlistable
        assert reason == "File name too long"
    finally:
        shutil.rmtree(tmp_path)


PARTS = st.sampled_from(["a", "b", "*", "**", "?", "[ab]", "a*"])


@given(st.lists(PARTS, min_size=1, max_size=4).filter(lambda parts: any(map(has_wildcard, parts))))
def test_patterns_match_what_those_of_pathlib_match(parts: list[str]) -> None:
    tree = ["a", "ab", "a.jpg", "b/a", "b/b", "b/c/a", "b/c/b/ab", "c/a/b", "c/b/a/a"]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write(root, *tree)
        pattern = [*parts, "*"] if parts[-1] == "**" else parts
        expected = sorted(str(path) for path in set(root.glob("/".join(pattern))) if path.is_file())
        found = files_of_pattern(f"{name}/{'/'.join(parts)}")
    assert sorted(str(path) for _, path in found.files) == expected
