"""What a report may replace, and that it is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from explorerdata import write_assets

from concept_memes.errors import InvalidParameterError, OverwriteError
from concept_memes.explorer.page import page_end, page_head, page_parts
from concept_memes.explorer.place import checked_place, is_report, whole_file


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "concepts.html"
    path.write_bytes(page_head(page_parts(write_assets(tmp_path / "assets")), "photos" * 1000) + page_end())
    return path


def test_a_report_of_ours_may_be_replaced(report: Path) -> None:
    assert is_report(report)
    assert checked_place(report) == report


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html><title>my thesis</title>",
        b"\xff\xd8\xff\xe0 a picture",
        b'notes on <!doctype html> and <meta name="generator" content="concept_memes 1">',
        b'<!doctype html><meta name="generator" content="WordPress 6">',
    ],
)
def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.html"
    path.write_bytes(content)
    with pytest.raises(OverwriteError, match="no report of this package"):
        checked_place(path)


def test_a_folder_a_pipe_and_a_link_to_nothing_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(OverwriteError, match="is a folder"):
        checked_place(tmp_path / "folder.html")
    (tmp_path / "link.html").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OverwriteError, match="no report"):
        checked_place(tmp_path / "link.html")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.html")
        with pytest.raises(OverwriteError, match="no report"):
            checked_place(tmp_path / "pipe.html")


@pytest.mark.parametrize("name", ["concepts", "concepts.htm", "photo.jpg", "concepts.html.bak"])
def test_a_name_that_a_browser_would_not_open_as_a_page_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidParameterError, match=r'ends in "\.html"'):
        checked_place(tmp_path / name)


def test_the_home_folder_can_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert checked_place("~/concepts.html") == tmp_path / "concepts.html"


def test_a_name_may_be_as_long_as_the_disk_takes(tmp_path: Path) -> None:
    place = tmp_path / ("猫" * 80 + ".html")  # 245 bytes of 255
    with whole_file(place) as file:
        file.write(b"page")
    assert place.read_bytes() == b"page"


def test_a_file_whose_writing_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "concepts.html"
    with whole_file(path) as file:
        file.write(b"first")
    with pytest.raises(ZeroDivisionError), whole_file(path) as file:
        file.write(bytes([1 // 0]))
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in path.parent.iterdir()] == ["concepts.html"]
