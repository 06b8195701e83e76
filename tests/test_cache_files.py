from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.cache.files import DATABASE, aside_files, bytes_of, database_files, kept_copies, remove_files
from concept_memes.remote.kept_copies import kept_path

ADDRESS = r"(https?|s3)://[a-z]{1,9}\.org/[A-Za-z0-9._-]{0,20}(\.tar)?\.[A-Za-z0-9]{1,5}"


def write(path: Path, n_bytes: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * n_bytes)
    return path


@given(st.from_regex(ADDRESS, fullmatch=True))
def test_the_copy_of_any_address_is_known_as_ours(tmp_path_factory: pytest.TempPathFactory, address: str) -> None:
    folder = tmp_path_factory.mktemp("kept")
    copy = write(kept_path(folder / "downloads", address))
    page = write(kept_path(folder / "downloads" / "changing", address))
    assert kept_copies(folder) == [copy, page]


@pytest.mark.parametrize(
    "name",
    [
        "downloads/cat.jpg",
        "downloads/0a/cat.jpg",
        f"downloads/0a/{'0a' * 20}.my own.jpg",
        f"downloads/0a/{'0a' * 20}-copy.jpg",
        f"downloads/pictures/{'0a' * 20}.jpg",
        f"downloads/0a/0a/{'0a' * 20}.jpg",
        f"0a/{'0a' * 20}.jpg",
        "downloads/arriving/thesis.part",
        f"{DATABASE}.backup",
        f"{DATABASE}.damaged-mine",
    ],
)
def test_files_of_others_are_not_ours(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert kept_copies(tmp_path) + database_files(tmp_path) + aside_files(tmp_path) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    copy = write(tmp_path / "elsewhere" / f"{'0a' * 20}.jpg")
    (tmp_path / "cache" / "downloads").mkdir(parents=True)
    (tmp_path / "cache" / "downloads" / "0a").symlink_to(copy.parent)
    write(tmp_path / "cache" / "downloads" / "0b" / "x")
    (tmp_path / "cache" / "downloads" / "0b" / copy.name).symlink_to(copy)
    (tmp_path / "cache" / DATABASE).symlink_to(copy)
    assert kept_copies(tmp_path / "cache") + database_files(tmp_path / "cache") == []


def test_what_still_arrives_is_left_alone(tmp_path: Path) -> None:
    arriving = write(tmp_path / "downloads" / "arriving" / "12-0123456789abcdef.part")
    stopped = write(tmp_path / "downloads" / "arriving" / "13-0123456789abcdef.part")
    long_ago = time.time() - 3 * 86_400
    os.utime(stopped, (long_ago, long_ago))
    assert kept_copies(tmp_path) == [stopped]
    assert arriving.exists()


def test_the_database_and_those_that_were_moved_aside_are_told_apart(tmp_path: Path) -> None:
    live = [write(tmp_path / f"{DATABASE}{ending}") for ending in ("", "-shm", "-wal")]
    aside = [write(tmp_path / f"{DATABASE}.damaged-{name}") for name in ("1", "1-wal", "12")]
    assert database_files(tmp_path) == live
    assert aside_files(tmp_path) == aside


def test_sizes_are_added_up_and_what_has_gone_takes_nothing(tmp_path: Path) -> None:
    assert bytes_of([write(tmp_path / "a", 5), write(tmp_path / "b", 7), tmp_path / "gone"]) == 12


def test_removing_takes_empty_folders_along_and_no_others(tmp_path: Path) -> None:
    gone = [write(tmp_path / "downloads" / "0a" / "1"), write(tmp_path / "downloads" / "0b" / "2"), tmp_path / "none"]
    own = write(tmp_path / "downloads" / "0b" / "mine")
    remove_files(gone, tmp_path)
    assert sorted(path for path in tmp_path.rglob("*")) == [tmp_path / "downloads", own.parent, own]
    remove_files([own], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert kept_copies(gone) + database_files(gone) + aside_files(gone) == []
