"""Figures as files: which ones, under which names, and what they never replace."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from commandline import run
from PIL import Image

from concept_memes import ConceptModel
from concept_memes.cli.figure_files import is_own
from concept_memes.figures import collage
from concept_memes.figures.canvas import PaperFigure
from concept_memes.testing import ColorEncoder


@pytest.fixture
def saved(tmp_path: Path, pictures: Path, colors: ColorEncoder) -> Path:
    """A saved model of eight red and six blue pictures."""
    assert colors.n_encoded == 0
    model = ConceptModel(vocabulary=["red", "blue"], verbose=False).fit(pictures)
    return model.save(tmp_path / "concepts")


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.JPG", b"\xff\xd8"), ("a.pdf", b"%PDF"), ("a.svg", b"<?xml")]
)
def test_show_draws_by_the_ending(saved: Path, tmp_path: Path, name: str, start: bytes) -> None:
    done = run("show", saved, "-o", tmp_path / name)
    assert (done.code, done.out, done.err) == (0, f"Drawn: {tmp_path / name}\n", "")
    assert (tmp_path / name).read_bytes().startswith(start)
    assert is_own(tmp_path / name)


def test_show_draws_the_concepts_that_are_asked_for(saved: Path, tmp_path: Path) -> None:
    for options, titles in (([], {"red", "blue"}), (["--top", "1"], {"red"}), (["--concepts", "1"], {"blue"})):
        assert run("show", saved, *options, "-o", tmp_path / "a.svg").code == 0
        drawn = (tmp_path / "a.svg").read_text()
        assert {color for number, color in enumerate(("red", "blue")) if f'"concept-{number}"' in drawn} == titles


@pytest.mark.parametrize("options", [[], ["--force"]])
def test_show_never_draws_over_a_picture_of_the_collection(saved: Path, pictures: Path, options: list[str]) -> None:
    picture = sorted(pictures.rglob("*.png"))[0]
    before = picture.read_bytes()
    done = run("show", saved, "-o", picture, *options)
    assert (done.code, done.out) == (1, "")
    assert "one of the pictures of the collection" in done.err
    assert picture.read_bytes() == before


def test_show_refuses_numbers_that_are_none(saved: Path, tmp_path: Path) -> None:
    assert run("show", saved, "--concepts", "red", "-o", tmp_path / "a.png").code == 2
    done = run("show", saved, "--concepts", "1,99", "-o", tmp_path / "a.png")
    assert done.code == 1
    assert "--concepts [99]: must be numbers of concepts, from 0 to 1" in done.err
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.pdf", "a.svg"])
def test_a_figure_replaces_an_older_one_but_no_file_of_others(saved: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"years of work")
    done = run("show", saved, "-o", path)
    assert (done.code, done.out) == (1, "")
    assert f"{path} is there already" in done.err
    assert "--force" in done.err
    assert path.read_bytes() == b"years of work"
    assert run("show", saved, "-o", path, "--force").code == 0
    first = path.read_bytes()
    assert run("show", saved, "-o", path, "--dark").code == 0
    assert path.read_bytes() != first


def test_pictures_of_other_programs_are_not_taken_for_figures(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    (tmp_path / "a.svg").write_text("<svg><text>concept_memes</text></svg>")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 (concept_memes)")
    assert not any(is_own(path) for path in tmp_path.iterdir())
    assert not is_own(tmp_path / "missing.png")


@pytest.mark.parametrize(
    ("options", "name"), [([], "collage.png"), (["--tree"], "tree.png"), (["--sizes"], "sizes.png")]
)
def test_show_chooses_a_name_that_tells_what_is_drawn(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("show", saved, *options).out == f"Drawn: {name}\n"
    (tmp_path / name).write_bytes(b"somebody's")
    assert run("show", saved, *options).code == 1
    assert (tmp_path / name).read_bytes() == b"somebody's"


def test_tree_and_sizes_are_other_figures_than_the_collage(saved: Path, tmp_path: Path) -> None:
    drawn = []
    for options in ([], ["--tree"], ["--sizes"]):
        assert run("show", saved, *options, "-o", tmp_path / "a.svg").code == 0
        drawn.append(
            re.findall(r'<g id="((?!patch|text|figure|image|line|axes)[^"]+)"', (tmp_path / "a.svg").read_text())
        )
    assert all(drawn)
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]


def test_dark_is_darker(saved: Path, tmp_path: Path) -> None:
    for options in ([], ["--tree"], ["--sizes"]):
        means = []
        for dark in ([], ["--dark"]):
            assert run("show", saved, *options, *dark, "-o", tmp_path / "a.png").code == 0
            with Image.open(tmp_path / "a.png") as image:
                means.append(np.asarray(image.convert("L")).mean())
        assert means[1] < means[0] / 2


def test_members_are_other_pictures_than_exemplars_and_sizes_count_in_pixels(saved: Path, tmp_path: Path) -> None:
    drawn = set()
    for options in ([], ["--mode", "members"], ["--image-size", "48"]):
        assert run("show", saved, "-o", tmp_path / "a.svg", *options).code == 0
        drawn.add(
            tuple(
                re.findall(r'width="([\d.]+)"[^>]*xlink:href|base64,\s*(\S{90,200})', (tmp_path / "a.svg").read_text())
            )
        )
    assert len(drawn) == 3


def test_more_concepts_than_fit_on_a_page_become_several(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collage, "CONCEPTS_PER_PAGE", 1)
    done = run("show", saved, "--all", "-o", tmp_path / "a.svg")
    assert (done.code, done.out) == (0, f"Drawn: {tmp_path / 'a-1.svg'} to a-2.svg (2 pages)\n")
    pages = [(tmp_path / f"a-{page}.svg").read_text() for page in (1, 2)]
    assert [[f'"concept-{concept}"' in page for concept in (0, 1)] for page in pages] == [[True, False], [False, True]]
    assert not (tmp_path / "a.svg").exists()
    assert run("show", saved, "--all", "-o", tmp_path / "a.pdf").code == 0
    assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "a.pdf").read_bytes())) == 2
    assert is_own(tmp_path / "a.pdf")
    assert run("show", saved, "--all", "--page", "2", "-o", tmp_path / "b.svg").code == 0
    assert '"concept-1"' in (tmp_path / "b.svg").read_text()
    assert '"concept-0"' not in (tmp_path / "b.svg").read_text()
    assert run("show", saved, "--all", "--page", "3", "-o", tmp_path / "b.svg").code == 1


def test_one_page_that_is_in_the_way_keeps_all_from_being_drawn(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collage, "CONCEPTS_PER_PAGE", 1)
    (tmp_path / "a-2.png").write_bytes(b"somebody's")
    assert run("show", saved, "--all", "-o", tmp_path / "a.png").code == 1
    assert sorted(path.name for path in tmp_path.glob("a*")) == ["a-2.png"]


def test_a_figure_that_fails_leaves_the_older_one_and_no_scraps(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("show", saved, "-o", tmp_path / "a.png").code == 0
    before = (tmp_path / "a.png").read_bytes()

    def half(_: PaperFigure, path: Path, **__: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PaperFigure, "savefig", half)
    done = run("show", saved, "-o", tmp_path / "a.png")
    assert (done.code, done.err) == (1, "error: No space left on device.\n")
    assert (tmp_path / "a.png").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "concepts", "pictures"]


def test_show_says_in_json_where_the_figures_are_and_nothing_when_quiet(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("show", "concepts", "--json").document == {"figures": [str(tmp_path / "collage.png")]}
    done = run("show", "concepts", "-q", "-o", "b.png")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert is_own(tmp_path / "b.png")
    assert saved.name == "concepts"


@pytest.mark.parametrize(
    "options",
    [
        ["--mode", "all"],
        ["--tree", "--sizes"],
        ["--tree", "--top", "3"],
        ["--all", "--top", "3"],
        ["--tree", "--page", "1"],
    ],
)
def test_options_of_show_that_contradict_each_other_end_with_2(saved: Path, tmp_path: Path, options: list[str]) -> None:
    done = run("show", saved, *options, "-o", tmp_path / "a.png")
    assert (done.code, done.out) == (2, "")
    assert not (tmp_path / "a.png").exists()


@pytest.mark.slow
def test_map_draws_the_collection_and_replaces_nothing(saved: Path, tmp_path: Path) -> None:
    pytest.importorskip("datamapplot", reason='needs pip install "concept-memes[map]"')
    done = run("map", saved, "-o", tmp_path / "map.png", "--title", "Colours", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert is_own(tmp_path / "map.png")
    (tmp_path / "mine.png").write_bytes(b"somebody's")
    done = run("map", saved, "-o", tmp_path / "mine.png")
    assert (done.code, (tmp_path / "mine.png").read_bytes()) == (1, b"somebody's")
