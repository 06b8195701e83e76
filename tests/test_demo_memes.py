from __future__ import annotations

import hashlib
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

DEMO = Path(__file__).parents[1] / "demo"


@pytest.fixture(scope="module")
def memes() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DEMO)
        return importlib.import_module("make_memes")


def content(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_each_picture_is_there_once_and_in_so_many_copies(memes: ModuleType, tmp_path: Path) -> None:
    made = memes.make_memes(tmp_path / "heap", n_captions=1, n_copies=2)
    assert sorted(path.name for path in (tmp_path / "heap").iterdir()) == [meme.file for meme in made]
    assert len(made) == 10 * 2 * 3 + 16
    for meme in made:
        siblings = [other for other in made if other.picture == meme.picture]
        assert len(siblings) in (1, 3)
        assert len({other.kind for other in siblings}) == len(siblings)
        assert len({(other.template, other.topic) for other in siblings}) == 1


def test_exact_copies_have_the_same_bytes_and_other_files_have_not(memes: ModuleType, tmp_path: Path) -> None:
    made = {meme.file: meme for meme in memes.make_memes(tmp_path / "heap", n_captions=1, n_copies=6)}
    kinds: dict[str, set[str]] = {}
    for file, found in content(tmp_path / "heap").items():
        kinds.setdefault(found, set()).add(made[file].kind)
    assert {frozenset(several) for several in kinds.values() if len(several) > 1} == {frozenset({"original", "exact"})}


def test_what_is_written_beside_the_folder_is_what_was_drawn(memes: ModuleType, tmp_path: Path) -> None:
    made = memes.make_memes(tmp_path / "heap", n_captions=0, n_copies=1)
    lines = (tmp_path / "heap-truth.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "file\ttemplate\ttopic\tpicture\tkind"
    assert [memes.Meme(*line.split("\t")) for line in lines[1:]] == made
    with Image.open(tmp_path / "heap" / next(meme.file for meme in made if meme.kind == "original")) as picture:
        assert picture.size in (memes.SIZE, (300, 300), (400, 290), (290, 400), (340, 300))


def test_same_seed_draws_the_same_files(memes: ModuleType, tmp_path: Path) -> None:
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        memes.make_memes(tmp_path / name, seed=seed, n_captions=0, n_copies=1)
    one, again, other = (content(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again != other


def test_the_command_of_the_page_draws_as_many_as_the_page_says(
    memes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (DEMO.parent / "docs" / "questions" / "fifty-thousand-memes.md").read_text(encoding="utf-8")
    told = re.search(r"on (\d+) memes that this project\s+draws \(`python demo/make_memes.py memes/ ([^`]+)`\)", page)
    assert told is not None
    monkeypatch.setattr(sys, "argv", ["make_memes.py", str(tmp_path / "memes"), *told[2].split()])
    memes.main()
    assert len([*(tmp_path / "memes").iterdir()]) == int(told[1])


def test_folder_that_holds_something_is_refused(memes: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "mine.jpg").touch()
    with pytest.raises(SystemExit, match="is not empty"):
        memes.make_memes(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.jpg"]
