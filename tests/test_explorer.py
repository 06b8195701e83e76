"""The whole page: what is in it, that it is there whole or not at all, and that it is as large as it should be."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from explorerdata import SavedPage
from PIL import Image

import concept_memes.explorer.report
import concept_memes.loading.images
from concept_memes import ConceptModel
from concept_memes.concepts import ConceptSet
from concept_memes.errors import InvalidParameterError, OverwriteError
from concept_memes.explorer import save_report
from concept_memes.explorer.likeness import NOTHING
from concept_memes.progress import Progress
from concept_memes.run_report import RunReport
from concept_memes.testing import ColorEncoder, color_images, write_color_images

WORDS = ("blue", "green", "lime", "maroon", "red", "white")
ODD_NAMES = (
    "<img src=x onerror=alert(1)>.png",
    "a%20b#c?.png",
    "javascript:alert(1).png",
    "猫 😀.png",
    os.fsdecode(b"caf\xe9.png"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight red and six blue pictures, and one that cannot be read."""
    folder = tmp_path / "colours"
    write_color_images(folder, ["red"], 8)
    write_color_images(folder, ["blue"], 6)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    return folder


def fitted(images: Any) -> ConceptSet:  # noqa: ANN401 (whatever `fit` takes)
    model = ConceptModel(
        embedding_model=ColorEncoder(), vocabulary=WORDS, min_concept_size=3, duplicates="keep", verbose=False
    )
    found = model.fit(images).concepts_
    positions = np.random.default_rng(0).random((len(found.images), 2)).astype(np.float32)
    positions[~found.vectors.any(axis=1)] = np.nan
    return replace(found, positions=positions)


@pytest.fixture
def concept_set(folder: Path) -> ConceptSet:
    with pytest.warns(UserWarning, match="could not be read"):
        return fitted(folder)


def run_report(concept_set: ConceptSet) -> RunReport:
    n = len(concept_set.images)
    return RunReport(n, n, 0, 2, (), "colors", "", {"embedding": 1.25}, {"python": "3.11"})


def save(concept_set: ConceptSet, path: Path, **settings: Any) -> SavedPage:  # noqa: ANN401 (of `save_report`)
    words = ColorEncoder().encode_texts(WORDS)
    settings = {"words": WORDS, "word_vectors": words, "report": run_report(concept_set), **settings}
    assert save_report(concept_set, path, **settings) == path
    return SavedPage(path)


def test_a_page_says_all_that_is_known_of_the_collection(concept_set: ConceptSet, tmp_path: Path) -> None:
    page = save(concept_set, tmp_path / "concepts.html")
    core, readable = page.core, [i for i, image in enumerate(concept_set.images) if image.content_hash]
    assert (core["version"], core["title"], core["n"], core["model"]) == (1, "colours", 14, "colors")
    assert page.title == "colours"
    columns = core["images"]
    assert {name: len(column) for name, column in columns.items()} == dict.fromkeys(columns, 14)
    assert columns["name"] == [concept_set.images[i].name for i in readable]
    assert columns["concept"] == concept_set.labels[readable].tolist()
    assert columns["sure"] == [round(100 * concept_set.probabilities[i]) for i in readable]
    assert concept_set.positions is not None
    assert columns["x"] == [round(10_000 * float(concept_set.positions[i, 0])) for i in readable]
    assert columns["y"] == [round(10_000 * float(concept_set.positions[i, 1])) for i in readable]
    assert (set(columns["w"]), set(columns["h"])) == ({40}, {30})
    assert columns["href"] == [f"colours/{name}" for name in columns["name"]]
    assert [name for name, _ in core["skipped"]] == ["broken.png"]
    assert "damaged" in core["skipped"][0][1]
    facts = dict(core["facts"])
    assert (facts["Pictures"], facts["Concepts"], facts["Could not be read"]) == ("14", "2", "1")
    assert (facts["In no concept"], facts["Other files in the folder"]) == ("0", "2")
    assert facts["Seconds per step"] == "embedding 1.2"
    assert "Copies of other pictures" not in facts


def test_concepts_name_their_words_pictures_places_and_neighbours(concept_set: ConceptSet, tmp_path: Path) -> None:
    core = save(concept_set, tmp_path / "concepts.html").core
    red, blue = core["concepts"]
    assert (red["id"], red["size"], red["title"], red["name"], red["near"]) == (0, 8, "red", "", [1])
    assert (blue["title"], blue["near"]) == ("blue", [0])
    names = core["images"]["name"]
    for entry, concept in zip(core["concepts"], concept_set.concepts, strict=True):
        assert [names[row] for row in entry["exemplars"]] == [concept_set.images[i].name for i in concept.exemplars]
        assert [word for word, _ in entry["words"]] == list(concept.sure_words)
        members = [row for row, label in enumerate(core["images"]["concept"]) if label == concept.index]
        assert entry["x"] == pytest.approx(np.median([core["images"]["x"][row] for row in members]), abs=1)
    assert [node[0] for node in core["tree"]] == [0, 1, 2]
    assert core["tree"][-1][1:4] == [[0, 1], [0, 1], 14]


def test_each_word_keeps_its_own_confidence(concept_set: ConceptSet, tmp_path: Path) -> None:
    first = replace(
        concept_set.concepts[0],
        words=("red", "lime", "blue"),
        word_scores=(0.9, 0.8, 0.7),
        word_confidences=(0.9, 0.05, 0.8),  # by c-TF-IDF they need not fall
    )
    changed = replace(concept_set, concepts=(first, *concept_set.concepts[1:]))
    page = save(changed, tmp_path / "concepts.html")
    assert page.core["concepts"][0]["words"] == [["red", 0.9], ["blue", 0.8]]


def test_blocks_stand_in_the_order_in_which_a_page_needs_them(concept_set: ConceptSet, tmp_path: Path) -> None:
    search = ["words", "image-vectors", "image-scales", "word-vectors", "word-scales", "neighbours"]
    page = save(concept_set, tmp_path / "concepts.html", pictures="embed")
    assert page.order == ["", "core", "covers", *search, "thumbs-0", "pictures-0"]


def test_the_numbers_of_the_page_find_what_words_mean(concept_set: ConceptSet, tmp_path: Path) -> None:
    page = save(concept_set, tmp_path / "concepts.html")
    n, words, search = page.core["n"], json.loads(page.scripts["words"]), page.core["search"]
    assert (search["kind"], search["n_words"], words) == ("meaning", len(WORDS), list(WORDS))
    pictures = page.numbers("image-vectors", "<i1", search["dims"]) * page.numbers("image-scales", "<f4", 1)
    vectors = page.numbers("word-vectors", "<i1", search["dims"]) * page.numbers("word-scales", "<f4", 1)
    scores = pictures @ vectors[words.index("blue")]
    assert len(scores) == n
    best = {page.core["images"]["concept"][row] for row in np.argsort(-scores)[:6]}
    assert best == {1}
    readable = concept_set.vectors[concept_set.vectors.any(axis=1)]
    assert np.abs(pictures @ vectors.T - readable @ ColorEncoder().encode_texts(WORDS).T).max() < 0.02


def test_neighbours_are_rows_of_the_page(concept_set: ConceptSet, tmp_path: Path) -> None:
    page = save(concept_set, tmp_path / "concepts.html")
    like, labels = page.numbers("neighbours", "<u4", 12), np.array(page.core["images"]["concept"])
    assert like.shape == (14, 12)
    assert (labels[like[labels == 0, :7]] == 0).all()
    assert not (like == np.arange(14)[:, None]).any()
    assert ((like < 14) | (like == NOTHING)).all()


def test_thumbnails_come_in_blocks_of_lines_that_the_page_can_find(
    concept_set: ConceptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("concept_memes.explorer.spool.BLOCK_BYTES", 700)
    page = save(concept_set, tmp_path / "concepts.html", pictures="embed")
    for kind in ("thumbs", "pictures"):
        chunks = page.core[kind]["chunks"]
        assert len(chunks) > 2
        found = [page.pictures(f"{kind}-{number}") for number in range(len(chunks))]
        assert f"{kind}-{len(chunks)}" not in page.scripts
        assert chunks == np.cumsum([0, *map(len, found[:-1])]).tolist()
        pictures = [picture for block in found for picture in block]
        assert [picture.size for picture in pictures if picture] == [(40, 30)] * 14
        colors = [picture.resize((1, 1)).getpixel((0, 0)) for picture in pictures if picture]
        reds = [color[0] > color[2] for color in colors]
        assert reds == [name.startswith("red") for name in page.core["images"]["name"]]
    assert set(page.core["images"]["href"]) == {None}


def test_covers_are_transparent_beside_the_pictures(concept_set: ConceptSet, tmp_path: Path) -> None:
    red, blue = save(concept_set, tmp_path / "concepts.html").pictures("covers")
    for cover, channel in ((red, 0), (blue, 2)):
        assert cover is not None
        assert (cover.format, cover.mode, cover.size) == ("WEBP", "RGBA", (400, 400))
        pixels = np.asarray(cover)
        assert (
            pixels[200, 200, 3] == pixels[4, 98, 3] == 0
        )  # between four tiles; above a picture that is wider than high
        assert pixels[98, 98, 3] == 255
        assert pixels[98, 98, :3].argmax() == channel


def test_a_whole_page_opens_each_file_once(
    concept_set: ConceptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, open_place = [], concept_memes.loading.images.open_place
    monkeypatch.setattr(
        concept_memes.loading.images, "open_place", lambda path: opened.append(path) or open_place(path)
    )
    save(concept_set, tmp_path / "concepts.html", pictures="embed")
    assert len(opened) == len(set(opened)) == 14


def test_files_that_have_moved_leave_empty_places(concept_set: ConceptSet, folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("*.png"):
        if path.name not in ("red-00.png", "red-01.png"):
            path.unlink()
    page = save(concept_set, tmp_path / "concepts.html")
    columns, thumbs = page.core["images"], page.pictures("thumbs-0")
    there = [name in ("red-00.png", "red-01.png") for name in columns["name"]]
    assert [thumb is not None for thumb in thumbs] == there
    assert [width > 0 for width in columns["w"]] == there
    assert [href is not None for href in columns["href"]] == there
    assert [cover is not None for cover in page.pictures("covers")][1] is False


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_names_of_files_are_data_and_lead_to_their_files(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    for image, name in zip(color_images(["red"], len(ODD_NAMES)), ODD_NAMES, strict=True):
        image.save(folder / name)
    page = save(fitted(folder), tmp_path / "concepts.html", title="</title><script>alert(1)</script>")
    assert page.title == "</title><script>alert(1)</script>"
    assert page.order == ["", "core", "covers", *page.order[3:9], "thumbs-0"]
    assert "img" not in page.tags
    columns = page.core["images"]
    assert sorted(columns["name"]) == sorted(ODD_NAMES)
    for name, href in zip(columns["name"], columns["href"], strict=True):
        assert unquote(href, errors="surrogateescape") == f"odd/{name}"


def test_thumbnails_may_lie_beside_the_page(concept_set: ConceptSet, folder: Path, tmp_path: Path) -> None:
    (folder / "blue-03.png").unlink()
    page = save(concept_set, tmp_path / "my concepts.html", thumbnails="folder")
    thumbs = page.core["thumbs"]
    assert "thumbs-0" not in page.scripts
    assert thumbs["base"].startswith("my%20concepts_files/thumbs-")
    beside = tmp_path / unquote(thumbs["base"])
    lost = page.core["images"]["name"].index("blue-03.png")
    assert thumbs["missing"] == [lost]
    wanted = [f"{row:05}.webp" for row in range(14) if row != lost]
    assert sorted(path.name for path in beside.iterdir()) == wanted
    assert {Image.open(BytesIO(path.read_bytes())).size for path in beside.iterdir()} == {(40, 30)}


def test_old_thumbnails_go_when_a_new_page_is_there_and_nothing_else_does(
    concept_set: ConceptSet, tmp_path: Path
) -> None:
    path = tmp_path / "concepts.html"
    first = tmp_path / save(concept_set, path, thumbnails="folder").core["thumbs"]["base"]
    beside = first.parent
    for mine in (beside / "notes.txt", first / "notes.txt", beside / "thumbs" / "00001.webp"):
        mine.parent.mkdir(exist_ok=True)
        mine.write_text("mine")
    again = tmp_path / save(concept_set, path, thumbnails="folder").core["thumbs"]["base"]
    assert again == first
    assert len(list(first.iterdir())) == 15
    other = tmp_path / save(concept_set, path, thumbnails="folder", thumbnail_size=32).core["thumbs"]["base"]
    assert len(list(other.iterdir())) == 14
    assert [file.name for file in first.iterdir()] == ["notes.txt"]
    save(concept_set, path)
    assert not other.exists()
    left = {file.relative_to(beside).as_posix() for file in beside.rglob("*.*") if file.is_file()}
    assert left == {"notes.txt", f"{first.name}/notes.txt", "thumbs/00001.webp"}


def test_what_a_killed_process_of_the_same_number_left_is_no_obstacle(concept_set: ConceptSet, tmp_path: Path) -> None:
    left = tmp_path / "concepts_files" / f".thumbs-{os.getpid()}.tmp"
    left.mkdir(parents=True)
    (left / "99999.webp").write_bytes(b"half")
    page = save(concept_set, tmp_path / "concepts.html", thumbnails="folder")
    thumbnails = tmp_path / page.core["thumbs"]["base"]
    assert sorted(path.name for path in thumbnails.parent.iterdir()) == [thumbnails.name]
    assert len(list(thumbnails.iterdir())) == page.core["n"]


def test_thumbnails_that_are_pictures_of_the_collection_stay(concept_set: ConceptSet, tmp_path: Path) -> None:
    base = tmp_path / save(concept_set, tmp_path / "concepts.html", thumbnails="folder").core["thumbs"]["base"]
    of_thumbnails = fitted(base)
    save(of_thumbnails, tmp_path / "concepts.html")
    assert len(list(base.iterdir())) == 14


@pytest.mark.parametrize("thumbnails", ["embed", "folder"])
def test_a_save_that_fails_leaves_what_was_there(
    concept_set: ConceptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, thumbnails: str
) -> None:
    path = tmp_path / "reports" / "concepts.html"
    save(concept_set, path, thumbnails=thumbnails)
    before = {file: file.read_bytes() for file in path.parent.rglob("*.*") if file.is_file()}

    def broken(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(concept_memes.explorer.report, "like_pictures", broken)
    for place in (path, tmp_path / "new" / "concepts.html"):
        with pytest.raises(OSError, match="No space"):
            save(concept_set, place, thumbnails=thumbnails, thumbnail_size=32)
    assert {file: file.read_bytes() for file in path.parent.rglob("*.*") if file.is_file()} == before
    assert not list((tmp_path / "new").iterdir())


def test_nothing_is_read_before_the_place_is_known_to_be_free(concept_set: ConceptSet, folder: Path) -> None:
    (folder / "mine.html").write_text("<!doctype html>my thesis")
    stages: list[str] = []
    progress = Progress(verbose=False, callback=lambda event: stages.append(event.stage))
    with pytest.raises(OverwriteError, match=r"mine\.html is there already"):
        save(concept_set, folder / "mine.html", progress=progress)
    assert (folder / "mine.html").read_text() == "<!doctype html>my thesis"
    save(concept_set, folder / "concepts.html", progress=progress)
    assert list(dict.fromkeys(stages)) == ["thumbnails", "page"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("thumbnails", "inside"),
        ("pictures", True),
        ("thumbnail_size", 31),
        ("thumbnail_size", 641),
        ("thumbnail_size", 99.5),
        ("title", 5),
    ],
)
def test_parameters_that_cannot_be_are_refused(
    concept_set: ConceptSet, tmp_path: Path, name: str, value: object
) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name}={value!r}: {name} must be"):
        save(concept_set, tmp_path / "concepts.html", **{name: value})
    assert not (tmp_path / "concepts.html").exists()


def test_thumbnails_lie_beside_the_page_only_where_there_are_too_many(
    concept_set: ConceptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concept_memes.explorer.report, "MAX_EMBEDDED", 14)
    assert save(concept_set, tmp_path / "a.html").core["thumbs"]["place"] == "embed"
    monkeypatch.setattr(concept_memes.explorer.report, "MAX_EMBEDDED", 13)
    assert save(concept_set, tmp_path / "b.html").core["thumbs"]["place"] == "folder"


def test_a_page_has_a_name_and_a_summary_where_there_is_no_folder_no_concept_and_no_word(tmp_path: Path) -> None:
    vectors = np.eye(3, 8, dtype=np.float32)
    with pytest.warns(UserWarning, match="without words"):
        model = ConceptModel(verbose=False).fit(image_embeddings=vectors)
    alone = replace(
        model.concepts_, labels=np.full(3, -1), concepts=(), centroids=np.empty((0, 8), np.float32), hierarchy=()
    )
    nothing = np.empty((0, 8), np.float32)
    page = save(alone, tmp_path / "concepts.html", words=(), word_vectors=nothing)
    assert (page.core["title"], page.core["concepts"], page.core["tree"]) == ("Pictures", [], [])
    assert (page.core["search"]["kind"], page.core["search"]["dims"]) == ("letters", 0)
    assert page.order == ["", "core", "covers", "neighbours", "thumbs-0"]
    assert page.scripts["covers"] == ""
    assert page.pictures("thumbs-0") == [None] * 3
    assert "came from outside" in dict(page.core["facts"])["Model"]


def test_reading_pictures_does_not_fill_the_screen(
    concept_set: ConceptSet, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "red-03.png").unlink()
    with caplog.at_level(logging.WARNING):
        save(concept_set, tmp_path / "concepts.html")
    assert not caplog.records


def test_the_model_saves_its_report_and_a_loaded_one_does_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "concept_memes.projection.project", lambda found: np.full((len(found.images), 2), 0.25, np.float32)
    )
    (folder / "broken.png").unlink()
    encoder = ColorEncoder()
    model = ConceptModel(embedding_model=encoder, vocabulary=WORDS, min_concept_size=3, verbose=False).fit(folder)
    page = SavedPage(model.save_report(tmp_path / "a.html"))
    assert page.core["search"]["note"] == ""
    assert set(page.core["images"]["x"]) == {2500}
    assert dict(page.core["facts"])["Candidate words"] == "6"
    loaded = ConceptModel.load(model.save(tmp_path / "model"))  # without its encoder
    second = SavedPage(loaded.save_report(tmp_path / "b.html", title="again"))
    assert second.title == "again"
    assert "The model was not at hand" in second.core["search"]["note"]
    assert second.core["search"]["kind"] == "meaning"
    assert second.core["images"]["name"] == page.core["images"]["name"]


def test_a_page_is_made_where_the_model_is_not_installed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "broken.png").unlink()
    model = ConceptModel(
        embedding_model=ColorEncoder(), vocabulary=WORDS, min_concept_size=3, duplicates="keep", verbose=False
    )
    model.fit(folder).save(tmp_path / "model")
    monkeypatch.setattr("concept_memes.encoders.hub_free.HubFreeEncoder.is_installed", lambda *_: False)
    loaded = ConceptModel.load(tmp_path / "model", embedding_model="hub-free")
    page = SavedPage(loaded.save_report(tmp_path / "concepts.html"))
    assert "The model was not at hand" in page.core["search"]["note"]


def test_the_size_of_the_file_is_that_of_its_pictures_and_a_little(
    fit_colors: Callable[..., ConceptSet], tmp_path: Path
) -> None:
    sizes = {}
    for n in (30, 90):
        path = tmp_path / f"{n}.html"
        page = save(fit_colors(color_images(["red", "blue"], n // 2, size=(320, 240))), path)
        lines = [line for name in page.scripts if name.startswith("thumbs") for line in page.lines(name)]
        assert len(lines) == n
        sizes[n] = path.stat().st_size - sum(len(line) * 4 / 3 for line in lines)
    beside_thumbnails = (sizes[90] - sizes[30]) / 60
    # A line of base64 has up to two letters more; names, numbers, vectors and neighbours of a picture are the rest.
    assert 100 < beside_thumbnails < 400
    # Photos of 160 pixels take 3,470 bytes on average (benchmarks/bench_explorer.py).
    assert 25_000 * (3_470 * 4 / 3 + beside_thumbnails) < 150e6
