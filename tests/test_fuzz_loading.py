"""Damaged files of every format: a picture or a named reason comes out, and nothing else. See `fuzz_loading.py`."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from fuzz_loading import good_files, outcomes, ways_of_loading, write

N_FILES = 1000
N_PARTS = 10


def test_the_good_files_can_be_loaded_in_all_ways(tmp_path: Path) -> None:
    for name, data in good_files().items():
        path = tmp_path / ("a" + (f".{name[:3]}" if name[:3] in ("zip", "tar") else ""))
        path.write_bytes(data)
        found = list(outcomes(path))
        assert len(found) == (16 if path.suffix else 4), name
        for i, each in enumerate(found):
            assert len(each) == 32 if i % 4 == 3 else " x " in each, name


def test_every_format_is_among_them() -> None:
    assert {name.split()[0] for name in good_files()} >= {
        "jpeg",
        "png",
        "gif",
        "webp",
        "bmp",
        "tiff",
        "avif",
        "zip",
        "tar",
    }


@pytest.mark.parametrize("part", range(N_PARTS))
def test_damaged_files_give_a_picture_or_a_reason_and_no_warning(tmp_path: Path, part: int) -> None:
    n_pictures = n_reasons = 0
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")  # as errors they would be taken for damage
        for number in range(part * N_FILES // N_PARTS, (part + 1) * N_FILES // N_PARTS):
            name, path = write(tmp_path, number)
            found = list(outcomes(path))
            assert found or name.startswith(("zip", "tar")), name
            n_pictures += any(" x " in each for each in found)
            n_reasons += any(": " in each or each == "empty file" for each in found)
            assert [str(each.message) for each in warned] == [], f"file {number} ({name})"
            path.unlink()
    assert n_pictures > 10
    assert n_reasons > 10


def test_a_check_that_finds_nothing_wrong_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, path = write(tmp_path, 0)
    monkeypatch.setattr("fuzz_loading.load_whole", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(ways_of_loading(path))
