from __future__ import annotations

from pathlib import Path

import pytest

from concept_memes.whole_files import in_one_step


def test_what_is_there_stays_until_the_new_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with in_one_step(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write() -> None:
        with in_one_step(path) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_names_as_long_as_the_disk_takes_them_are_taken(tmp_path: Path) -> None:
    path = tmp_path / ("\u732b" * 83 + ".png")  # 253 bytes
    with in_one_step(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
