from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
from commandline import run

from concept_memes import ConceptModel, Query
from concept_memes.cli.query import concept_numbers, parse_query
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
    query, written = parse_query(arguments.split(" "), None)
    assert repr(query) == expected
    assert written == arguments


def test_quotes_make_signs_a_part_of_the_text() -> None:
    assert repr(parse_query(["salt + pepper", "-", "rock - roll"], None)[0]) == (
        "Query('salt + pepper') - Query('rock - roll')"
    )


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
        assert [each["similarity"] for each in done.document[key]] == [hit.similarity for hit in hits]
    standard = model.find_images(query, top_n=19, scores="standard")
    np.testing.assert_allclose([each["score"] for each in done.document["images"]], [h.similarity for h in standard])
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
