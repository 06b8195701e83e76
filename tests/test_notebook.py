"""The notebooks run from top to bottom in a kernel and find what they say; they are stored without outputs."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concept_memes import HubFreeEncoder
from concept_memes.memes.rapid_reader import RapidOCRReader

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
CACHE = os.environ["CONCEPT_MEMES_CACHE"]  # the session's, so that words are encoded once
needs_model = pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason="the hub-free model is not installed")
needs_reader = pytest.mark.skipif(not RapidOCRReader.is_installed(), reason="RapidOCR is not installed")

Run = Callable[..., dict[str, Any]]


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a notebook as jupyter would, then evaluate expressions in what it has left."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("CONCEPT_MEMES_CACHE", CACHE)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run_notebook(name: str, **expressions: str) -> dict[str, Any]:
        book = nbformat.read(NOTEBOOKS / name, as_version=4)
        asked = "print({" + ", ".join(f"{key!r}: {value}" for key, value in expressions.items()) + "})"
        book.cells.append(nbformat.v4.new_code_cell(asked))
        client = nbclient.NotebookClient(
            book, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOKS)}}
        )
        client.execute()
        figures = [
            cell.source
            for cell in book.cells
            if cell.cell_type == "code" and any("image/png" in output.get("data", {}) for output in cell.outputs)
        ]
        said = [output.text for output in book.cells[-1].outputs if output.get("name") == "stdout"]
        values: dict[str, Any] = ast.literal_eval("".join(said))
        return {**values, "figures": figures}

    return run_notebook


def test_there_are_four() -> None:
    assert len(PATHS) == 4


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_outputs_are_cleared(path: Path) -> None:
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert code
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert {cell["execution_count"] for cell in code} == {None}


@needs_model
def test_first_look(run: Run) -> None:
    found = run(
        "first_look.ipynb",
        labels="labels.shape",
        concepts="len(model.concepts_)",
        kinds="[dict(line.split('\\t') for line in (folder.parent / 'stickers-truth.tsv').read_text().splitlines())"
        "[hit.path.name] for hit in found]",
        same="like_it[0].path == found[0].path",
        joined="float((new_labels >= 0).mean())",
        grown="len(model.images_)",
        loaded="loaded.find_concepts('penguin', top_n=3) == model.find_concepts('penguin', top_n=3)",
        page="page.read_text(encoding='utf-8')[:15].lower()",
    )
    assert found["labels"] == (160,)
    assert 15 <= found["concepts"] <= 25
    assert found["kinds"].count("violin") >= 3
    assert found["same"]
    assert found["joined"] > 0.5
    assert found["grown"] == 180
    assert found["loaded"]
    assert found["page"] == "<!doctype html>"
    assert len(found["figures"]) == 5


@needs_model
def test_a_meme_collection(run: Run) -> None:
    found = run(
        "a_meme_collection.ipynb",
        skipped="[skipped.path.name for skipped in model.skipped_]",
        templates="sorted({tuple(sorted({plan[int(model.images_[i].name[5:7])][0] for i in "
        "joined.concepts_.members(k) if joined.concepts_.raw_labels[i] >= 0})) for k in range(len(joined.concepts_))})",
        outside="[model.images_[index].name for index in outside]",
        now="int(now.sum())",
        before="int(before.sum())",
        titles="titles",
        label="titles[found.label]",
        template="plan[int(model.images_[model.find_images(new_meme, top_n=1)[0].index].name[5:7])][0]",
    )
    assert found["skipped"] == ["broken.jpg"]
    assert found["templates"] == [("⏰",), ("🎃",), ("🎸",), ("🐧",), ("🕶",), ("🫖",)]
    assert found["outside"] == ["broken.jpg", *(f"meme-{number}.jpg" for number in range(48, 60))]
    assert (found["now"], found["before"]) == (0, 12)
    assert len(found["titles"]) == 5
    assert {"rock stars", "smug penguin", "panic clock"} <= set(found["titles"])
    assert found["label"] == "smug penguin"
    assert found["template"] == "🐧"
    assert len(found["figures"]) == 2


@needs_model
def test_your_own_model_and_vocabulary(run: Run) -> None:
    found = run(
        "your_own_model_and_vocabulary.ipynb",
        colours="len(by_colour.concepts_)",
        named="{word for concept in by_colour.concepts_.concepts for word in concept.words} <= set(COLOURS)",
        rows="len(vectors)",
        agree="float(__import__('sklearn.metrics').metrics.adjusted_rand_score(from_vectors.labels_, meaning.labels_))",
        own_words="{word for concept in words.concepts_.concepts for word in concept.words}",
        concepts="(len(words.concepts_), len(guided.concepts_))",
        titles="[concept.title.split()[0] for concept in named.concepts_.concepts if concept.name]",
        loaded="loaded.find_images('lightblue', top_n=6) == blue",
    )
    assert found["colours"] >= 2
    assert found["named"]
    assert found["rows"] == 120
    assert found["agree"] > 0.95  # vectors alone know nothing of copies, so each counts
    assert found["own_words"] <= {
        *("vehicle", "musical instrument", "kitchen", "toy", "sport", "time", "animal", "clothing", "make-up")
    }
    assert {"musical instrument", "vehicle"} <= found["own_words"]
    assert found["concepts"][1] < found["concepts"][0]
    assert {"bright", "dark"} >= set(found["titles"]) != set()
    assert found["loaded"]
    assert len(found["figures"]) == 2


@needs_model
@needs_reader
def test_fifty_thousand_memes(run: Run) -> None:
    found = run(
        "fifty_thousand_memes.ipynb",
        made="(len(heap), len({meme.picture for meme in heap}))",
        in_groups="[sorted({meme.picture for meme in heap if meme.file in {path.name for path in group}}) "
        "for group in copies]",
        n_copies="n_copies",
        templates="[sorted({meme.template for meme in heap if meme.file in {model.images_[i].name "
        "for copies in group.variants for i in copies.images}}) for group in variants]",
        read="sum(meme.topic.upper() in dict(zip([image.name for image in model.images_], model.texts_))[meme.file] "
        "for meme in heap if meme.topic and meme.kind == 'original')",
        said="{word for concept in model.concepts_.concepts for word in concept.said[:1]}",
        topics="{word for concept in by_text.concepts_.concepts for word in concept.said[:2]}",
        n_concepts="(len(model.concepts_), len(by_text.concepts_))",
        monday="[meme.topic for hit in said for meme in heap if meme.file == hit.path.name]",
        shown="[meme.template for hit in shown for meme in heap if meme.file == hit.path.name]",
        filed="len(filed.filed)",
        left="place.exists() and sorted(path.name for path in place.iterdir() if path.is_dir())",
        page="page.read_text(encoding='utf-8')[:15].lower()",
    )
    assert found["made"] == (216, 56)
    assert {len(pictures) for pictures in found["in_groups"]} == {1}  # similar is not duplicate
    assert found["n_copies"] >= 145  # of 160
    assert len(found["templates"]) == 10
    assert sum(len(templates) == 1 for templates in found["templates"]) >= 9  # emoji on one ground look alike
    assert found["read"] >= 28  # of 30
    assert len(found["said"] & {"monday", "meeting", "exam", "deploy", "diet"}) >= 4
    assert len(found["topics"] & {"monday", "meeting", "exam", "deploy", "diet"}) >= 3
    assert found["n_concepts"][1] < found["n_concepts"][0]
    assert set(found["monday"]) == {"monday"}
    assert len(found["monday"]) >= 6  # pictures, each with its copies
    assert set(found["shown"][:4]) == {"🐧"}  # so many pictures of it there are
    assert found["filed"] == 216
    assert not found["left"]
    assert found["page"] == "<!doctype html>"
    assert len(found["figures"]) == 4
