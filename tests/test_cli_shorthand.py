"""``concept-memes photos/``: what it writes, where, and what is said of a first word that is neither."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from commandline import run
from PIL import Image

from concept_memes import ConceptModel
from concept_memes.cli.figure_files import is_own
from concept_memes.cli.shorthand import where_it_goes
from concept_memes.explorer.place import is_report
from concept_memes.testing import ColorEncoder, write_color_images


@pytest.fixture
def here(tmp_path: Path, pictures: Path, colors: ColorEncoder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a folder of pictures in it."""
    assert pictures.parent == tmp_path
    assert colors.n_encoded == 0
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_alone_is_fitted_saved_drawn_and_made_a_page(here: Path) -> None:
    done = run("pictures/", "--diversity", "0.7")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("concept   images   words")
    assert re.search(
        r"\nSaved: pictures-concepts\nDrawn: pictures-concepts.png\nWritten: pictures-concepts.html\n\n"
        r"Next:\n  (xdg-open|open|start) pictures-concepts.html\n  concept-memes search pictures-concepts \S+\n",
        done.out,
    )
    assert ConceptModel.load(here / "pictures-concepts").diversity == 0.7
    assert is_own(here / "pictures-concepts.png")
    assert is_report(here / "pictures-concepts.html")


def test_again_it_replaces_what_it_wrote_and_nothing_else(here: Path) -> None:
    assert run("pictures", "-q").code == 0
    write_color_images(here / "pictures", ["lime"], 7)
    done = run("pictures", "--json")
    assert {key: done.document[key] for key in ("folder", "collage", "page", "n_concepts")} == {
        "folder": str(here / "pictures-concepts"),
        "collage": str(here / "pictures-concepts.png"),
        "page": str(here / "pictures-concepts.html"),
        "n_concepts": 3,
    }


def test_a_fit_that_goes_without_pictures_of_an_update_says_so(here: Path) -> None:
    assert run("pictures", "-q").code == 0
    write_color_images(here / "inbox", ["lime"], 7)
    assert run("update", "pictures-concepts", "inbox", "-q").code == 0
    again = run("pictures", "-q")
    assert again.code == 0
    assert "pictures-concepts has 7 pictures that are not among these" in again.err
    assert run("pictures", "-q").err == ""


@pytest.mark.parametrize("name", ["pictures-concepts", "pictures-concepts.png", "pictures-concepts.html"])
def test_files_of_others_are_in_the_way_before_any_work(here: Path, colors: ColorEncoder, name: str) -> None:
    if name.endswith("concepts"):
        (here / name).mkdir()
        mine = here / name / "thesis.txt"
    else:
        mine = here / name
    mine.write_bytes(b"years of work")
    done = run("pictures/")
    assert (done.code, done.out, colors.n_encoded) == (1, "", 0)
    assert name in done.err
    assert mine.read_bytes() == b"years of work"
    assert sorted(path.name for path in here.iterdir()) == sorted(["pictures", name])


def test_places_of_ones_own_win(here: Path) -> None:
    done = run("pictures", "--out", "a", "--collage", "b.png", "--report", "c.html", "--report", "d.json", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert sorted(path.name for path in here.iterdir()) == ["a", "b.png", "c.html", "d.json", "pictures"]


def test_nothing_is_written_among_the_pictures(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(path.name for path in (here / "pictures").iterdir())
    monkeypatch.chdir(here / "pictures")
    for arguments in (["."], ["*.png"], sorted(path.name for path in Path().glob("*.png"))):
        assert run(*arguments, "-q").code == 0
        assert sorted(path.name for path in Path().iterdir()) == before
        assert is_own(here / "pictures-concepts.png")
        (here / "pictures-concepts.png").unlink()


def test_many_places_are_named_after_the_first(here: Path) -> None:
    write_color_images(here / "more", ["lime"], 7)
    assert run("pictures", "more", "--json").document["n_images"] == 21
    assert (here / "pictures-concepts.png").exists()


def test_archives_and_lists_lose_their_endings(here: Path) -> None:
    shutil.make_archive(str(here / "cats"), "gztar", here / "pictures")
    (here / "urls.csv").write_text("path\n")
    assert [where_it_goes(name) for name in ("cats.tar.gz", "urls.csv", "urls.csv::path", "cats.tar.gz/summer")] == [
        Path(f"{name}-concepts") for name in ("cats", "urls", "urls", "summer")
    ]
    assert run("cats.tar.gz", "-q").code == 0
    assert is_own(here / "cats-concepts.png")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["picturs/"], "'picturs/' is no command, and there is no such folder or file. Did you mean pictures/?"),
        (["serach", "x"], "Did you mean search?"),
        (["PICTURES"], "Did you mean pictures/?"),
        (["./pictures/sub"], "no such folder or file"),
        (["qqq"], "no such folder or file.\n"),
        (["pict\x1bures"], r"'pict\x1bures' is no command"),
    ],
)
def test_a_first_word_that_is_neither_command_nor_pictures_ends_with_2(
    here: Path, arguments: list[str], told: str
) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "\x1b" not in done.err
    assert [path.name for path in here.iterdir()] == ["pictures"]


def test_saved_concepts_are_not_fitted(here: Path) -> None:
    assert run("fit", "pictures", "--out", "concepts", "-q").code == 0
    done = run("concepts/")
    assert (done.code, done.out) == (2, "")
    assert "concept-memes info concepts/" in done.err


def test_a_command_wins_over_a_folder_of_its_name(here: Path) -> None:
    write_color_images(here / "info", ["red"], 6)
    assert "Missing argument 'CONCEPTS'" in run("info").err
    assert run("./info", "-q").code == 0
    assert is_own(here / "info-concepts.png")


def test_a_pattern_that_matches_nothing_is_an_error_of_the_pictures(here: Path) -> None:
    done = run("pictures/*.gif")
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert [path.name for path in here.iterdir()] == ["pictures"]


def test_a_single_picture_is_named_after_its_folder(here: Path) -> None:
    Image.new("RGB", (9, 9)).save(here / "pictures" / "one.jpg")
    assert where_it_goes("pictures/one.jpg") == Path("pictures-concepts")


def test_without_arguments_the_first_two_commands_are_shown() -> None:
    done = run()
    assert (done.code, done.out) == (2, "")
    assert "  concept-memes photos/ " in done.err
    assert "  concept-memes search photos-concepts/ panda " in done.err
    assert "concept-memes --help" in done.err
    assert "\b" not in done.err
