from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import typer
from commandline import run
from typer.testing import CliRunner
from webserver import says, web_server

from concept_memes import ConceptModel, Query
from concept_memes.cli import app
from concept_memes.cli.figure_files import is_own
from concept_memes.cli.query import as_query, concept_numbers, parse_query
from concept_memes.errors import NoWordsWarning, SkippedImagesWarning
from concept_memes.testing import ColorEncoder, color_images, write_color_images


@pytest.fixture
def saved(tmp_path: Path, colors: ColorEncoder) -> Path:
    """A saved model of eight red, six blue and five lime pictures."""
    folder = tmp_path / "pictures"
    for color, n in (("red", 8), ("blue", 6), ("lime", 5)):
        write_color_images(folder, [color], n)
    ConceptModel(vocabulary=["red", "blue", "lime"], verbose=False).fit(folder).save(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a picture, and a file without an ending."""
    color_images(["blue"], 1, seed=5)[0].save(tmp_path / "pool.jpg")
    (tmp_path / "panda").write_bytes((tmp_path / "pool.jpg").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("panda", "Query('panda')"),
        ("golden retriever", "Query('golden retriever')"),
        ("panda + zoo - cage", "Query('panda') + Query('zoo') - Query('cage')"),
        ("- zoo", "-Query('zoo')"),
        ("+ zoo", "Query('zoo')"),
        ("2:golden retriever - 0.5:fruit salad", "2 * Query('golden retriever') - 0.5 * Query('fruit salad')"),
        (".5:zoo", "0.5 * Query('zoo')"),
        ("C++ + C", "Query('C++') + Query('C')"),
        ("black-and-white - sepia", "Query('black-and-white') - Query('sepia')"),
        ("1:16:9 screen", "Query('16:9 screen')"),
        ("black/white", "Query('black/white')"),
        ("panda + ./pool.jpg", "Query('panda') + Query(Path('pool.jpg'))"),
        ("pool.jpg", "Query(Path('pool.jpg'))"),
        ("2:./pool.jpg - panda", "2 * Query(Path('pool.jpg')) - Query('panda')"),
        ("./panda", "Query(Path('panda'))"),
        ("pool.jpg.zip/a.txt", "Query('pool.jpg.zip/a.txt')"),
        ("pool.jpg/a.png", "Query(Path('pool.jpg/a.png'))"),
    ],
)
@pytest.mark.usefixtures("here")
def test_arguments_become_a_query(arguments: str, expected: str) -> None:
    terms, written = parse_query(arguments.split(" "), None)
    assert repr(as_query(terms, cache=False)) == expected
    assert written == arguments


def test_quotes_make_signs_a_part_of_the_text() -> None:
    assert parse_query(["salt + pepper", "-", "rock - roll"], None)[0] == [(1, "salt + pepper"), (-1, "rock - roll")]


@pytest.mark.parametrize("arguments", ["panda +", "+", "-", "panda + - zoo", "panda - - zoo", "- + zoo"])
def test_signs_without_terms_are_refused(arguments: str) -> None:
    with pytest.raises(typer.BadParameter, match="stand between words or files"):
        parse_query(arguments.split(), None)


@pytest.mark.usefixtures("here")
def test_a_file_beside_words_wants_a_sign() -> None:
    with pytest.raises(typer.BadParameter, match=r"pool\.jpg is a file and panda \./pool\.jpg is none"):
        parse_query(["panda", "./pool.jpg"], None)


@pytest.mark.usefixtures("here")
def test_a_picture_that_is_not_there_is_not_taken_for_a_text() -> None:
    with pytest.raises(typer.BadParameter, match=r"there is no file pol\.jpg"):
        parse_query(["panda", "+", "pol.jpg"], None)


def test_numbers_of_concepts_may_be_none() -> None:
    assert concept_numbers("3, 7") == [3, 7]
    assert concept_numbers("none") == concept_numbers("-1") == [-1]
    for text in ("", "red", "1.5"):
        with pytest.raises(typer.BadParameter, match="no list of concept numbers"):
            concept_numbers(text)


def test_sums_of_words_and_pictures_are_searched(saved: Path, here: Path) -> None:
    done = run("search", saved, "lime", "+", "./pool.jpg", "-", "0.5:red", "--json", "--top", "19")
    assert "pool.jpg is a file: looking for what is like this picture" in done.err
    assert done.document["query"] == "lime + ./pool.jpg - 0.5:red"
    model = ConceptModel.load(saved, embedding_model=ColorEncoder())
    query = Query("lime") + Path("pool.jpg") - 0.5 * Query("red")
    for key, hits in (("images", model.find_images(query, top_n=19)), ("concepts", model.find_concepts(query))):
        in_order = sorted((hit.similarity for hit in hits), reverse=True)  # whatever expansion ranks by
        assert [each["similarity"] for each in done.document[key]] == in_order
    standard = sorted((hit.similarity for hit in model.find_images(query, top_n=19, scores="standard")), reverse=True)
    np.testing.assert_allclose([each["score"] for each in done.document["images"]], standard)
    assert [each["concept"] for each in done.document["concepts"]][-1] == 0  # what was taken away is the last


def test_a_search_within_concepts(saved: Path) -> None:
    document = run("search", saved, "blue", "--within", "0,2", "--json", "--top", "99").document
    assert [image["concept"] for image in document["images"]].count(0) == 8
    assert {image["concept"] for image in document["images"]} == {0, 2}
    assert run("search", saved, "blue", "--within", "none", "--json").document["images"] == []
    done = run("search", saved, "blue", "--within", "7")
    assert (done.code, done.out) == (1, "")
    assert "--within [7]: must be numbers of concepts, from 0 to 2" in done.err


def test_a_text_is_not_announced_as_a_file(saved: Path, here: Path) -> None:
    assert run("search", saved, "panda").err == ""  # although there is a file of that name


def test_a_picture_that_has_an_address_is_fetched(saved: Path, here: Path) -> None:
    with web_server() as site:
        site.answers["/pool.jpg"] = says((here / "pool.jpg").read_bytes())
        address = f"{site.address}/pool.jpg"
        by_file = run("search", saved, "--image", "pool.jpg", "--json").document
        for query in (["--image", address], [address]):
            document = run("search", saved, *query, "--json").document
            assert document["images"] == by_file["images"]
            assert document["query"] == address
        summed = run("search", saved, "lime", "+", address, "--json").document
        assert summed["images"] == run("search", saved, "lime", "+", "./pool.jpg", "--json").document["images"]
        assert run("similar", saved, address, "--json").document["images"] == by_file["images"]
        done = run("search", saved, "--image", f"{site.address}/none.jpg")
    assert (done.code, done.out) == (1, "")
    assert "not found (404)" in done.err


def test_a_file_that_is_not_there_is_known_before_the_work(saved: Path, colors: ColorEncoder) -> None:
    before = colors.n_encoded
    done = run("search", saved, "--image", "nowhere.jpg")
    assert (done.code, done.out, colors.n_encoded) == (2, "", before)
    assert "there is no file nowhere.jpg" in done.err


def test_a_quiet_search_prints_bare_paths(saved: Path, here: Path) -> None:
    expected = [image["path"] for image in run("search", saved, "blue", "--json", "--top", "3").document["images"]]
    done = run("search", saved, "blue", "+", "./pool.jpg", "--top", "3", "-q")
    assert (done.code, done.err) == (0, "")
    done = run("search", saved, "blue", "--top", "3", "-q")
    assert done.out.splitlines() == expected


def test_bare_paths_are_the_bytes_of_the_names(tmp_path: Path, colors: ColorEncoder) -> None:
    folder = tmp_path / "odd"
    try:
        for path in write_color_images(folder, ["red"], 5):
            os.rename(path, os.fsencode(path).replace(b"red", b"caf\xe9"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    ConceptModel(vocabulary=["red"], verbose=False).fit(folder).save(tmp_path / "saved")
    assert colors.n_encoded > 0
    result = CliRunner().invoke(app, ["search", str(tmp_path / "saved"), "red", "-q", "--top", "2"])
    assert result.exit_code == 0
    assert all(os.path.isfile(line) for line in result.stdout_bytes.splitlines())
    assert b"caf\xe9-0" in result.stdout_bytes


def test_what_was_found_is_drawn(saved: Path, here: Path) -> None:
    done = run("search", saved, "blue", "-o", "found.svg", "--within", "0,1", "--top", "7")
    assert done.out.endswith("Drawn: found.svg\n")
    assert is_own(here / "found.svg")
    assert run("similar", saved, "pool.jpg", "-o", "like.png", "--json").document["figure"] == str(here / "like.png")
    assert is_own(here / "like.png")
    (here / "mine.png").write_bytes(b"mine")
    for command in (["search", saved, "blue"], ["similar", saved, "pool.jpg"]):
        assert run(*command, "-o", "mine.png").code == 1
        assert run(*command, "-o", "mine.gif").code == 2
    assert (here / "mine.png").read_bytes() == b"mine"


# --- similar -------------------------------------------------------------------------------------------------------


def test_a_picture_of_the_collection_is_known_and_not_among_its_own_kind(saved: Path, here: Path) -> None:
    picture = here / "pictures" / "blue-02.png"
    expected = [hit.path for hit in ConceptModel.load(saved, embedding_model=ColorEncoder()).find_images(picture, 6)]
    for given in ("pictures/blue-02.png", picture, "blue-02.png"):  # the last is the name that tables show
        document = run("similar", saved, given, "--top", "5", "--json").document
        assert (document["picture"], document["known"], document["concept"]) == (str(picture), True, 1)
        assert [image["path"] for image in document["images"]] == [str(path) for path in expected if path != picture]
        assert {image["concept"] for image in document["images"]} == {1}


def test_a_picture_of_the_collection_needs_no_model(tmp_path: Path) -> None:
    paths = write_color_images(tmp_path / "a", ["red", "blue"], 6)
    vectors = np.vstack([np.random.default_rng(0).normal(c, 0.1, (6, 4)) for c in ([1, 0, 0, 0], [0, 1, 0, 0])])
    with pytest.warns(NoWordsWarning):
        ConceptModel(verbose=False).fit(paths, image_embeddings=vectors).save(tmp_path / "saved")
    done = run("similar", tmp_path / "saved", paths[0], "--top", "5", "-q")
    assert (done.code, done.err) == (0, "")
    assert set(done.out.splitlines()) == {str(path) for path in paths[1:6]}


def test_a_new_picture_is_told_its_concept(saved: Path, here: Path) -> None:
    done = run("similar", saved, "pool.jpg", "--top", "2")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("pool.jpg: concept 1 (blue)\n\nsimilarity   concept   image\n")
    assert done.out.count("pictures/blue-") == 2
    document = run("similar", saved, "pool.jpg", "--json", "--within", "0,2").document
    assert (document["known"], document["concept"], document["figure"]) == (False, 1, None)
    assert 1 not in {image["concept"] for image in document["images"]}


def test_a_picture_that_is_nowhere_is_an_error(saved: Path, here: Path) -> None:
    done = run("similar", saved, "nowhere.jpg")
    assert (done.code, done.out) == (1, "")
    assert done.err == ("error: nowhere.jpg: there is no such file, and no picture of the collection has this name\n")


def test_a_picture_of_the_collection_that_could_not_be_read_says_why(tmp_path: Path, colors: ColorEncoder) -> None:
    write_color_images(tmp_path / "a", ["red"], 6)
    (tmp_path / "a" / "empty.jpg").touch()
    with pytest.warns(SkippedImagesWarning):
        ConceptModel(vocabulary=["red"], verbose=False).fit(tmp_path / "a").save(tmp_path / "saved")
    assert colors.n_encoded > 0
    done = run("similar", tmp_path / "saved", "empty.jpg")
    assert (done.code, done.err) == (1, "error: empty.jpg: empty file\n")
