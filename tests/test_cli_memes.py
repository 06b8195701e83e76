"""The command line on memes: texts, copies, templates."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commandline import rows, run
from PIL import Image

import concept_memes.memes.reading
from concept_memes import ConceptModel
from concept_memes.cli.cache import spoken_size
from concept_memes.errors import MissingExtraError
from concept_memes.findings import COPY_KINDS, PictureFamilies, PictureTexts
from concept_memes.memes.groups import copy_groups
from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images, color_images

SAID = {
    "red-0.png": "今天不想\n加班",
    "red-1.png": "加班",
    "red-2.png": "no more OVERTIME",
    "blue-0.png": "[bold]x[/bold]",
}


@pytest.fixture
def saved(tmp_path: Path, colors: ColorEncoder) -> Path:
    """A saved model: seven red pictures with an exact copy and a mirrored one, six blue ones with one template."""
    folder = tmp_path / "memes"
    folder.mkdir()
    for color, n in (("red", 7), ("blue", 6)):
        for number, image in enumerate(color_images([color], n)):
            image.save(folder / f"{color}-{number}.png")
    (folder / "red-6.png").write_bytes((folder / "red-5.png").read_bytes())
    model = ConceptModel(vocabulary=["red", "blue"], duplicates="keep", cache=False, verbose=False).fit(folder)
    names = [image.name for image in model.concepts_.images]
    row = {name: i for i, name in enumerate(names)}
    copy_of, kinds = np.arange(len(names)), np.zeros(len(names), np.uint8)
    for copy, kind in (("red-4.png", "mirrored"), ("red-6.png", "exact")):
        copy_of[row[copy]], kinds[row[copy]] = row["red-5.png"], COPY_KINDS.index(kind)
    template_of = copy_of.copy()
    template_of[[row[name] for name in ("blue-0.png", "blue-1.png", "blue-2.png")]] = row["blue-0.png"]
    model.concepts_ = replace(
        model.concepts_,
        texts=PictureTexts(tuple(SAID.get(name, "") for name in names), "captions"),
        families=PictureFamilies(copy_of, kinds, template_of),
        concepts=tuple(replace(c, said=("加班",), said_scores=(1.0,)) for c in model.concepts_.concepts),
    )
    return model.save(tmp_path / "saved") or tmp_path / "saved"


@pytest.fixture
def plain(saved: Path, tmp_path: Path) -> Path:
    """The same without texts; nobody looked for copies."""
    model = ConceptModel.load(saved)
    model.concepts_ = replace(model.concepts_, texts=None, families=None)
    model.save(tmp_path / "plain")
    return tmp_path / "plain"


# Reading


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concept_memes.memes.reading, "RapidOCRReader", CaptionReader)


@pytest.fixture
def captioned(tmp_path: Path) -> Path:
    folder = tmp_path / "captioned"
    folder.mkdir()
    for number, image in enumerate(captioned_images(["加班", "加班!", "", "over\ntime", "", "day off"])):
        image.save(folder / f"{number}.png")
    return folder


@pytest.mark.usefixtures("colors", "reader")
def test_fit_reads_texts_and_tells_how_many_say_something(captioned: Path, tmp_path: Path) -> None:
    done = run("fit", captioned, "--out", tmp_path / "out", "--ocr", "--text-weight", "0.5", "--min-size", "2")
    assert done.code == 0, done.err
    assert "4 images say something" in done.out
    model = ConceptModel.load(tmp_path / "out")
    assert model.texts_[0] == "加班"
    assert model.concepts_.texts is not None
    assert model.concepts_.texts.weight == 0.5
    found = run("search", tmp_path / "out", "加班", "--text")
    assert [row[-1] for row in rows(found.out)[-2:]] == ["加班", "加班!"]


@pytest.mark.usefixtures("colors")
def test_nothing_is_read_unless_it_is_asked_for(captioned: Path, tmp_path: Path) -> None:
    assert run("fit", captioned, "--out", tmp_path / "out", "--no-ocr", "-q").code == 0
    assert ConceptModel.load(tmp_path / "out").concepts_.texts is None


def test_without_the_extra_its_line_is_named_before_any_work(
    tmp_path: Path, captioned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise MissingExtraError('Reading texts needs RapidOCR: pip install "concept-memes[ocr]"')

    monkeypatch.setattr(concept_memes.memes.reading, "RapidOCRReader", missing)
    monkeypatch.setattr("concept_memes.model.ConceptModel.fit", lambda *_: pytest.fail("it began to work"))
    done = run("fit", captioned, "--out", tmp_path / "out", "--ocr")
    assert (done.code, done.out) == (1, "")
    assert 'pip install "concept-memes[ocr]"' in done.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--text-weight", "2"], "neither auto nor a number from 0"),
        (["--text-weight", "much"], "neither auto nor a number from 0"),
        (["--text-weight", "0.5"], "add --ocr"),
        (["--text-model", "ngrams"], "add --ocr"),
        (["--duplicates", "drop"], "none of collapse, keep"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, captioned: Path, options: list[str], told: str) -> None:
    done = run("fit", captioned, "--out", tmp_path / "out", *options)
    assert done.code == 2
    assert told in " ".join(done.err.replace("│", " ").split())


# Searching


def test_a_search_among_texts_finds_only_what_says_it(saved: Path) -> None:
    found = run("search", saved, "加班", "--text")
    table = rows(found.out)
    assert table[-4][-1] == "says"
    assert [row[-1] for row in table[-2:]] == ["加班", "今天不想 / 加班"]
    assert run("search", saved, "加班", "--text", "-q").out.split() == [
        str(saved.parent / "memes" / name) for name in ("red-1.png", "red-0.png")
    ]
    document = run("search", saved, "overtime", "--text", "--json").document
    assert [hit["text"] for hit in document["images"]] == ["no more OVERTIME"]
    assert document["concepts"][0]["said"] == ["加班"]
    assert run("search", saved, "梦", "--text").out == "No picture says it.\n"


def test_what_says_it_stands_apart_from_what_says_some_of_it(saved: Path) -> None:
    done = run("search", saved, "no", "overtime", "--text")
    assert "concept   similarity" not in done.out  # concepts would be ranked by their looks too
    assert "as it is written" not in done.out
    some = run("search", saved, "no", "holidays", "--text").out
    assert some.startswith("No picture says it as it is written; nearest:\n")
    assert "no more OVERTIME" in some
    both = run("search", saved, "overtime", "+", "boss", "加班", "--text").out
    assert both.index("no more OVERTIME") < both.index("Not as it is written:") < both.index("今天不想 / 加班")


def test_copies_are_shown_once_and_counted(saved: Path, plain: Path, tmp_path: Path) -> None:
    names = {f"red-{n}.png" for n in (4, 5, 6)}
    for command in (["search", saved, "red"], ["search", saved, "--image", saved.parent / "memes" / "red-0.png"]):
        shown = [Path(line).name for line in run(*command, "--top", "99", "-q").out.splitlines()]
        assert len(shown) == len(set(shown)) == 11
        assert len(names & set(shown)) == 1
        assert "2 copies hidden; --duplicates keep shows all." in run(*command, "--top", "99").out
        every = run(*command, "--top", "99", "--duplicates", "keep")
        assert "hidden" not in every.out
        assert all(name in every.out for name in names)
    assert run("search", saved, "red", "--top", "99", "--json").document["n_copies_hidden"] == 2
    assert "hidden" not in run("search", plain, "red", "--top", "99").out
    assert "hidden" in run("search", plain, "red", "--top", "99", "--duplicates", "collapse").out
    done = run("search", saved, "red", "--duplicates", "all")
    assert (done.code, "'all' is none of collapse, keep" in done.err) == (2, True)


def test_copies_of_a_picture_are_not_what_is_like_it(saved: Path) -> None:
    shown = run("similar", saved, "red-4.png", "--top", "99", "-q").out
    assert not [name for name in ("red-4", "red-5", "red-6") if name in shown]
    assert "2 copies hidden" in run("similar", saved, "red-4.png", "--top", "99").out
    assert "red-5" in run("similar", saved, "red-4.png", "--top", "99", "-q", "--duplicates", "keep").out


def test_words_that_the_hub_free_model_is_not_known_to_know_are_named(saved: Path, tmp_path: Path) -> None:
    assert run("search", saved, "asdfqwezz").err == ""  # who knows what another model has learned
    model = ConceptModel.load(saved)
    model.concepts_ = replace(model.concepts_, encoder_name="hub-free")
    model.save(tmp_path / "hub-free")
    done = run("search", tmp_path / "hub-free", "dogs", "with", "asdfqwezz", "-", "qwertzu")
    assert "not in the vocabulary: “asdfqwezz”, “qwertzu”" in done.err
    for words in ("dogs in the snow", "overtime"):  # the latter is said
        assert "vocabulary" not in run("search", tmp_path / "hub-free", words).err


def test_a_search_by_words_shows_what_each_hit_says(saved: Path) -> None:
    table = rows(run("search", saved, "blue", "--top", "6").out)
    assert table[-8][-1:] == ["says"]
    assert "[bold]x[/bold]" in [row[-1] for row in table[-6:]]


def test_a_search_among_texts_that_are_not_there_says_how_to_get_them(plain: Path) -> None:
    done = run("search", plain, "加班", "--text")
    assert (done.code, done.out) == (1, "")
    assert f"concept-memes fit IMAGES --ocr -o {plain}" in done.err
    assert run("search", plain, "--image", plain / "a.png", "--text").code == 2
    assert run("search", plain, "red", "--json").document["images"][0]["text"] is None


# Copies


def test_copies_are_listed_the_best_first_with_the_room_they_take(saved: Path) -> None:
    before = sorted((saved.parent / "memes").iterdir())
    done = run("copies", saved)
    table = rows(done.out)
    assert [(Path(row[0]).name, row[-1]) for row in table[2:5]] == [
        ("red-5.png", "best"),
        ("red-4.png", "mirrored"),
        ("red-6.png", "the same file"),
    ]
    room = sum((saved.parent / "memes" / name).stat().st_size for name in ("red-4.png", "red-6.png"))
    assert f"1 picture has 2 copies, which take {spoken_size(room)}. Nothing was changed." in done.out
    assert sorted((saved.parent / "memes").iterdir()) == before
    document = run("copies", saved, "--json").document
    assert (document["n_groups"], document["n_copies"], document["bytes_of_copies"]) == (1, 2, room)
    assert [one["kind"] for one in document["groups"][0]] == ["itself", "mirrored", "exact"]
    quiet = run("copies", saved, "-q").out.split()
    assert [Path(path).name for path in quiet] == ["red-4.png", "red-6.png"]


def test_exact_copies_alone_are_files_with_one_content(saved: Path) -> None:
    document = run("copies", saved, "--exact", "--json").document
    assert [[Path(one["path"]).name for one in group] for group in document["groups"]] == [["red-5.png", "red-6.png"]]


def test_copies_are_looked_for_where_fit_did_not(plain: Path) -> None:
    document = run("copies", plain, "--json").document
    assert {"red-5.png", "red-6.png"} <= {Path(one["path"]).name for group in document["groups"] for one in group}


def test_only_the_largest_groups_are_shown(saved: Path) -> None:
    model = ConceptModel.load(saved)
    names = [image.name for image in model.concepts_.images]
    copy_of, kinds = np.arange(len(names)), np.zeros(len(names), np.uint8)
    for copy, of in (("red-1.png", "red-0.png"), ("red-2.png", "red-0.png"), ("blue-1.png", "blue-0.png")):
        copy_of[names.index(copy)], kinds[names.index(copy)] = names.index(of), COPY_KINDS.index("near")
    model.concepts_ = replace(model.concepts_, families=PictureFamilies(copy_of, kinds, copy_of.copy()))
    model.save(saved)
    assert model.concepts_.families is not None
    assert len([group for group in copy_groups(model.concepts_.families) if len(group.images) > 1]) == 2
    done = run("copies", saved, "--top", "1")
    assert "red-2.png" in done.out
    assert "blue-1.png" not in done.out
    assert "... and 1 smaller group;" in done.out
    assert "2 pictures have 3 copies" in done.out


# Templates


def test_templates_are_listed_and_drawn(saved: Path, tmp_path: Path) -> None:
    done = run("variants", saved, "-o", tmp_path / "variants.png")
    assert done.code == 0, done.err
    assert rows(done.out)[2][:3] == ["0", "3", "3"]
    assert "“[bold]x[/bold]”" in done.out
    assert "1 template with 3 variants in all." in done.out
    with Image.open(tmp_path / "variants.png") as drawn:
        assert min(drawn.size) > 100
    document = run("variants", saved, "--json").document
    assert [[Path(one["path"]).name for one in group] for group in document["templates"][0]["variants"]] == [
        ["blue-0.png"],
        ["blue-1.png"],
        ["blue-2.png"],
    ]
    quiet = [line.split("\t") for line in run("variants", saved, "-q").out.splitlines()]
    assert [(number, Path(path).name) for number, path in quiet] == [
        ("0", "blue-0.png"), ("0", "blue-1.png"), ("0", "blue-2.png"),
    ]  # fmt: skip


# Telling, filing, exporting


def test_info_tells_of_texts_and_copies(saved: Path, plain: Path) -> None:
    told = run("info", saved).out
    assert "4 images say something, read by captions" in told
    assert "2 copies; 1 template with 3 variants" in told
    assert "“加班”" in told
    document = run("info", saved, "--json").document
    assert document["texts"] == {"n_images": 4, "reader": "captions", "weight": 0.0, "encoder": ""}
    assert document["copies"] == {"n_copies": 2, "n_templates": 1, "n_variants": 3}
    assert document["concepts"][0]["said"] == ["加班"]
    document = run("info", plain, "--json").document
    assert (document["texts"], document["copies"]) == (None, None)


@pytest.mark.parametrize("where", ["saved", "plain"])
def test_copies_are_sorted_aside(where: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    model, into = request.getfixturevalue(where), tmp_path / "sorted"
    plan = run("sort", model, "--into", into, "--copies", "aside")
    assert plan.out.splitlines()[-1].strip() == (
        f"concept-memes sort {model} --into {into} --copies aside --mode link --go"
    )
    assert run("sort", model, "--into", into, "--copies", "aside", "--go").code == 0
    aside = {path.name for path in into.glob("*/copies/*")}
    assert aside >= {"red-6.png"}
    assert all(path.resolve().is_file() for path in into.glob("*/copies/*"))
    assert run("sort", "--undo", into).code == 0
    assert not into.exists()
    assert run("sort", model, "--into", into, "--copies", "away").code == 2


def test_tables_have_texts_copies_and_templates(saved: Path, tmp_path: Path) -> None:
    assert run("export", saved, "-o", tmp_path / "table.json").code == 0
    table = {row["name"]: row for row in json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))}
    assert table["red-0.png"]["text"] == "今天不想\n加班"
    assert Path(table["red-6.png"]["copy_of"]).name == "red-5.png"
    assert table["red-6.png"]["copy_kind"] == "exact"
    assert (table["red-5.png"]["copy_of"], table["red-5.png"]["copy_kind"]) == ("", "")
    assert [table[name]["template"] for name in ("blue-0.png", "blue-3.png")] == [0, None]
