from __future__ import annotations

import os
from pathlib import Path

import pytest
from commandline import run, run_process
from filedpictures import tree

from concept_memes.filing import JOURNAL
from concept_memes.testing import ColorEncoder


@pytest.fixture
def concepts(pictures: Path, tmp_path: Path, colors: ColorEncoder) -> Path:
    """A saved model of eight red and six blue pictures, and one that cannot be read."""
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "words.txt").write_text("red\nblue")
    assert run("fit", pictures, "--out", tmp_path / "concepts", "--words", tmp_path / "words.txt", "-q").code == 0
    return tmp_path / "concepts"


def test_the_plan_is_shown_and_nothing_is_changed(concepts: Path, tmp_path: Path) -> None:
    before = tree(tmp_path)
    done = run("sort", concepts, "--into", tmp_path / "by concept", "--mode", "move")
    assert done.code == 0, done.err
    assert done.out.splitlines()[2].split()[:3] == ["0", "red", "8"]
    assert "2 folders, would move 14 pictures. Nothing was changed. To do it:" in done.out
    assert done.out.splitlines()[-1].strip() == (
        f"concept-memes sort {concepts} --into '{tmp_path / 'by concept'}' --mode move --go"
    )
    assert "1 picture would not be filed" in done.err
    assert "broken.png" in done.err
    assert tree(tmp_path) == before


@pytest.mark.parametrize("mode", ["link", "copy", "move"])
def test_go_does_it_and_undo_puts_all_back(concepts: Path, tmp_path: Path, mode: str) -> None:
    before, into = tree(tmp_path), tmp_path / "sorted"
    done = run("sort", concepts, "--into", into, "--mode", mode, "--go")
    assert (done.code, done.out.splitlines()) == (
        0,
        [f"Filed: 14 pictures in {into}.", f"To put all back: concept-memes sort --undo {into}"],
    )
    assert sorted(path.name for path in into.iterdir()) == ["0 red", "1 blue", JOURNAL]
    assert len(list((into / "0 red").iterdir())) == 8
    assert "14 were there already" in run("sort", concepts, "--into", into, "--mode", mode, "--go").out
    undone = run("sort", "--undo", into)
    assert (undone.code, undone.out) == (0, f"Put back: 14 pictures; {into} is gone.\n")
    assert tree(tmp_path) == before
    again = run("sort", "--undo", into)
    assert (again.code, again.err) == (1, f"error: {into} is not there. Nothing was changed.\n")


def test_json_tells_every_picture(concepts: Path, tmp_path: Path) -> None:
    into = tmp_path / "sorted"
    planned = run("sort", concepts, "--into", into, "--json").document
    assert (planned["carried_out"], planned["mode"], planned["folders"]) == (False, "link", {"0 red": 8, "1 blue": 6})
    assert {file["state"] for file in planned["files"]} == {"planned"}
    assert [Path(one["path"]).name for one in planned["left"]] == ["broken.png"]
    filed = run("sort", concepts, "--into", into, "--json", "--go").document
    assert [(file["source"], file["target"]) for file in filed["files"]] == [
        (file["source"], file["target"]) for file in planned["files"]
    ]
    assert all(Path(file["target"]).samefile(file["source"]) for file in filed["files"])
    assert {file["state"] for file in filed["files"]} == {"filed"}
    again = run("sort", concepts, "--into", into, "--json", "--go").document
    assert {file["state"] for file in again["files"]} == {"before"}
    assert run("sort", "--undo", into, "--json").document == {"folder": str(into), "n_undone": 14, "left": []}


def test_quiet_prints_bare_targets_or_nothing(concepts: Path, tmp_path: Path) -> None:
    into = tmp_path / "sorted"
    planned = run("sort", concepts, "--into", into, "-q")
    assert len(planned.out.splitlines()) == 14
    assert run("sort", concepts, "--into", into, "-q", "--go").out == ""
    assert all(Path(line).is_symlink() for line in planned.out.splitlines())
    assert run("sort", "--undo", into, "-q").out == ""


def test_quiet_still_names_what_would_be_left(concepts: Path, pictures: Path, tmp_path: Path) -> None:
    for path in [path for path in pictures.rglob("*") if path.is_file()]:
        path.unlink()
    done = run("sort", concepts, "--into", tmp_path / "sorted", "--copies", "aside", "-q")
    assert (done.code, done.out) == (0, "")
    assert "would not be filed" in done.err


def test_quiet_prints_the_bytes_of_names(concepts: Path, tmp_path: Path) -> None:
    into = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    planned = run_process("sort", concepts, "--into", os.fsdecode(into), "-q").stdout.splitlines()
    assert len(planned) == 14
    assert all(line.startswith(into + b"/") for line in planned)


def test_moving_warns_that_the_concepts_keep_the_old_places(concepts: Path, tmp_path: Path) -> None:
    assert "keeps the old places" in run("sort", concepts, "--into", tmp_path / "sorted", "--mode", "move").err
    assert "keeps the old places" not in run("sort", concepts, "--into", tmp_path / "sorted").err


def test_what_cannot_be_put_back_is_named_and_an_error(concepts: Path, tmp_path: Path) -> None:
    into = tmp_path / "sorted"
    run("sort", concepts, "--into", into, "--mode", "copy", "--go")
    copy = next((into / "0 red").iterdir())
    copy.write_bytes(b"edited")
    done = run("sort", "--undo", into)
    assert (done.code, done.out) == (1, "Put back: 13 pictures.\n")
    assert "1 picture not put back" in done.err
    assert f"it is no longer the copy that was made: {copy}" in done.err
    assert copy.read_bytes() == b"edited"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["concepts"], "give both"),
        (["--into", "sorted"], "give both"),
        (["concepts", "--undo", "sorted"], "stands alone"),
        (["concepts", "--into", "sorted", "--mode", "symlink"], "symlink is neither link nor copy nor move"),
    ],
)
def test_mistakes_in_the_call_are_said(concepts: Path, tmp_path: Path, args: list[str], message: str) -> None:
    done = run("sort", *(str(tmp_path / arg) if arg == "concepts" else arg for arg in args))
    assert done.code == 2
    assert message in " ".join(done.err.split())


def test_a_place_that_is_in_use_is_refused(concepts: Path, pictures: Path) -> None:
    before = tree(pictures)
    done = run("sort", concepts, "--into", pictures, "--go")
    assert (done.code, "is not empty" in done.err) == (1, True)
    assert tree(pictures) == before


def test_a_folder_inside_the_pictures_is_warned_about(concepts: Path, pictures: Path) -> None:
    done = run("sort", concepts, "--into", pictures / "sorted")
    assert f"warning: {pictures / 'sorted'} is inside {pictures}" in done.err


def test_the_help_comes_without_heavy_libraries() -> None:
    done = run_process("sort", "--help")
    assert done.returncode == 0
    assert b"--undo FOLDER" in done.stdout
