from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commandline import run

from concept_memes import ConceptModel
from concept_memes.concepts import ConceptSet, ImageRecord, SkippedImage
from concept_memes.errors import InvalidParameterError, MissingExtraError, OverwriteError
from concept_memes.export import frequency_table, images_table, save_table
from concept_memes.findings import COPY_KINDS, PictureFamilies, PictureTexts
from concept_memes.sources import list_images
from concept_memes.testing import ColorEncoder, write_color_images

OLD_COLUMNS = {"path", "name", "concept", "probability", "title", "reason"}
ENDINGS = (".csv", ".parquet", ".json", ".jsonl")
ODD = os.fsdecode(b"caf\xe9 #1 50%.png")


@pytest.fixture
def with_gaps(color_set: ConceptSet) -> ConceptSet:
    """Make picture 3 unreadable, picture 4 noise, give picture 5 a path, 6 an address, 7 a name that is no UTF-8."""
    labels, probabilities = color_set.labels.copy(), color_set.probabilities.copy()
    vectors, positions = color_set.vectors.copy(), np.random.default_rng(0).random((27, 2), np.float32)
    labels[[3, 4]], probabilities[[3, 4]] = -1, 0
    vectors[3], positions[3] = 0, np.nan
    images = list(color_set.images)
    images[5] = ImageRecord("猫.png", Path("cats/猫.png"), "ab")
    images[6] = ImageRecord("https://example.org/a.png", Path("/kept/12/3.png"), "cd")
    images[7] = ImageRecord(ODD, Path("/photos", ODD), "ef")
    images[8] = ImageRecord('=cmd|"/C calc"!A0.png', Path("/photos/=cmd.png"), "01")
    images[10] = ImageRecord("＝1+1.png", Path("/photos/＝1+1.png"), "03")
    images[11] = ImageRecord("\n=1+1.png", Path("/photos/\n=1+1.png"), "04")
    images[9] = ImageRecord('two\nlines, "quoted".png', Path('/photos/two\nlines, "quoted".png'), "02")
    skipped = (SkippedImage(None, 3, "empty file"), SkippedImage(Path("closed"), -1, "no permission"))
    return replace(
        color_set,
        images=tuple(images),
        labels=labels,
        probabilities=probabilities,
        vectors=vectors,
        positions=positions,
        skipped=skipped,
        base_folder=Path("/home/me"),
    )


def read(path: Path) -> list[dict[str, Any]]:
    """Read a table as its users would."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.split("\n") if line]


# The table in memory


def test_there_is_a_row_per_image_in_their_order(with_gaps: ConceptSet) -> None:
    table = images_table(with_gaps)
    assert set(table.columns) >= OLD_COLUMNS
    assert len(table) == 27
    assert table["name"].tolist() == [image.name for image in with_gaps.images]
    np.testing.assert_array_equal(table["concept"], with_gaps.labels)
    np.testing.assert_array_equal(table["probability"], with_gaps.probabilities)
    np.testing.assert_array_equal(table[["x", "y"]].to_numpy(), with_gaps.positions)


def test_rows_say_where_what_and_why(with_gaps: ConceptSet) -> None:
    rows = images_table(with_gaps).drop(columns=["x", "y", "exemplar_rank"]).to_dict("records")
    assert rows[5] == {
        "path": str(Path("/home/me/cats/猫.png")),
        "name": "猫.png",
        "concept": 0,
        "title": "red",
        "words": "red",
        "probability": 1.0,
        "reason": "",
    }
    assert (rows[3]["concept"], rows[3]["title"], rows[3]["reason"]) == (-1, "", "empty file")
    assert (rows[4]["concept"], rows[4]["words"], rows[4]["reason"]) == (-1, "", "")
    assert (rows[0]["path"], rows[6]["path"]) == (None, "https://example.org/a.png")
    assert rows[7]["path"] == f"/photos/{ODD}"
    assert [row["reason"] for row in rows].count("no permission") == 0  # a folder is no image


def test_exemplars_are_ranked(with_gaps: ConceptSet) -> None:
    ranks = images_table(with_gaps)["exemplar_rank"]
    for concept in with_gaps.concepts:
        assert ranks[list(concept.exemplars)].tolist() == list(range(len(concept.exemplars)))
    assert ranks.notna().sum() == sum(len(concept.exemplars) for concept in with_gaps.concepts)


def test_places_are_there_only_where_they_were_made(color_set: ConceptSet) -> None:
    assert not {"x", "y", "vector"} & set(images_table(color_set).columns)


def test_vectors_come_on_demand(with_gaps: ConceptSet) -> None:
    column = images_table(with_gaps, vectors=True)["vector"]
    assert column[3] is None
    np.testing.assert_array_equal(column[5], with_gaps.vectors[5])


def test_a_model_gives_the_table_with_places_on_demand(pictures: Path) -> None:
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"]).fit(pictures)
    assert "x" not in model.to_dataframe()
    table = model.to_dataframe(positions=True, vectors=True)
    np.testing.assert_array_equal(table[["x", "y"]].to_numpy(), model.positions_)
    assert all(Path(path).is_file() for path in table["path"])
    assert len(table["vector"][0]) == model.concepts_.vectors.shape[1]


def test_frequencies_are_sorted_by_count(with_gaps: ConceptSet) -> None:
    table = frequency_table(with_gaps)
    assert (table.index.name, list(table.columns)) == ("Cluster", ["Count"])
    assert table["Count"].to_dict() == {0: 10, 1: 9, 2: 6, -1: 2}
    assert table.index.tolist() == [0, 1, 2, -1]


def test_noise_has_no_row_where_there_is_none(color_set: ConceptSet) -> None:
    assert frequency_table(color_set)["Count"].to_dict() == {0: 12, 1: 9, 2: 6}


def test_equal_counts_come_in_the_order_of_the_numbers(color_set: ConceptSet) -> None:
    labels = np.array([2] * 9 + [0] * 9 + [1] * 9)
    assert frequency_table(replace(color_set, labels=labels)).index.tolist() == [0, 1, 2]


# The table as a file


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_hold_what_the_table_holds(with_gaps: ConceptSet, tmp_path: Path, ending: str) -> None:
    table = images_table(with_gaps, vectors=True)
    path = save_table(with_gaps, tmp_path / f"table{ending}", vectors=True)
    rows = read(path)
    assert list(rows[0]) == list(table.columns)
    assert len(rows) == 27
    empty = "" if ending == ".csv" else None
    for i, row in enumerate(rows):
        assert int(row["concept"]) == table["concept"][i]
        assert float(row["probability"]) == table["probability"][i]
        assert (row["title"], row["words"], row["reason"]) == tuple(table.loc[i, ["title", "words", "reason"]])
        rank = table["exemplar_rank"][i]
        assert row["exemplar_rank"] in ((empty,) if rank is pd.NA else (rank, str(rank)))
        if i == 3:
            assert (row["x"], row["y"], row["vector"]) == (empty, empty, empty)
            continue
        assert np.float32(row["x"]) == table["x"][i]
        vector = json.loads(row["vector"]) if ending == ".csv" else row["vector"]
        np.testing.assert_array_equal(np.array(vector, np.float32), with_gaps.vectors[i])
    assert rows[0]["path"] == empty
    assert rows[9]["path"] == '/photos/two\nlines, "quoted".png'


@pytest.mark.parametrize("ending", ENDINGS)
def test_names_that_are_no_utf8_can_be_read_back(with_gaps: ConceptSet, tmp_path: Path, ending: str) -> None:
    path = save_table(with_gaps, tmp_path / f"table{ending}")
    path.read_bytes().decode("utf-8") if ending != ".parquet" else None
    row = read(path)[7]
    assert row["name"] == "caf\\xe9 #1 50%.png"
    assert row["path"] == "file:///photos/caf%E9%20%231%2050%25.png"
    assert list_images([row["path"]]).refs[0].path == Path("/photos", ODD)


def test_a_list_of_this_package_reads_the_paths_back(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    write_color_images(photos, ["red", "blue"], 6)
    try:
        next(photos.iterdir()).rename(photos / ODD)
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"]).fit(photos)
    for ending in ENDINGS[:2]:
        listing = list_images(save_table(model.concepts_, tmp_path / f"table{ending}"))
        assert {ref.path for ref in listing.refs} == set(photos.iterdir())


def test_spreadsheets_compute_nothing(with_gaps: ConceptSet, tmp_path: Path) -> None:
    rows = read(save_table(with_gaps, tmp_path / "table.csv"))
    assert rows[8]["name"] == '\'=cmd|"/C calc"!A0.png'
    assert rows[8]["path"] == "/photos/=cmd.png"
    assert not any(value[:1] in tuple("=+@＝\t\r\n") for row in rows for value in row.values() if value)
    assert read(save_table(with_gaps, tmp_path / "table.json"))[8]["name"] == '=cmd|"/C calc"!A0.png'


def test_csv_begins_so_that_spreadsheets_know_it_is_utf8(with_gaps: ConceptSet, tmp_path: Path) -> None:
    path = save_table(with_gaps, tmp_path / "table.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfpath,")
    assert pd.read_csv(path)["name"][5] == "猫.png"


def test_parquet_has_types(with_gaps: ConceptSet, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(save_table(with_gaps, tmp_path / "table.parquet", vectors=True))
    n_dims = with_gaps.vectors.shape[1]
    assert {name: schema.field(name).type for name in ("path", "concept", "x", "exemplar_rank", "vector")} == {
        "path": pa.string(),
        "concept": pa.int64(),
        "x": pa.float32(),
        "exemplar_rank": pa.int64(),
        "vector": pa.list_(pa.float32(), n_dims),
    }


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_replaced_unasked(with_gaps: ConceptSet, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"table{ending}"
    path.write_text("mine")
    with pytest.raises(OverwriteError, match="is there already"):
        save_table(with_gaps, path)
    assert path.read_text() == "mine"
    assert len(read(save_table(with_gaps, path, overwrite=True))) == 27
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_is_there_whole_or_not_at_all(
    with_gaps: ConceptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    path = tmp_path / f"table{ending}"
    path.write_text("the old one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_table(with_gaps, path, overwrite=True)
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [(path.name, "the old one")]


def test_places_that_are_no_table_are_refused(with_gaps: ConceptSet, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="a name that ends in .csv, .parquet, .json, .jsonl"):
        save_table(with_gaps, tmp_path / "table.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OverwriteError, match="is a folder"):
        save_table(with_gaps, tmp_path / "folder.csv", overwrite=True)


def test_parquet_without_pyarrow_names_the_extra(
    with_gaps: ConceptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[parquet\]"'):
        save_table(with_gaps, tmp_path / "table.parquet")
    assert list(tmp_path.iterdir()) == []


# The command


@pytest.fixture
def concepts(pictures: Path, tmp_path: Path, colors: ColorEncoder) -> Path:
    (tmp_path / "words.txt").write_text("red\nblue")
    assert run("fit", pictures, "--out", tmp_path / "concepts", "--words", tmp_path / "words.txt", "-q").code == 0
    return tmp_path / "concepts"


def test_the_command_writes_a_table_with_places(concepts: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.json"
    done = run("export", concepts, "-o", out, "--vectors")
    assert (done.code, done.out) == (0, f"Written: {out}, 14 rows\n")
    rows = read(out)
    assert len(rows) == 14
    assert all(0 <= row["x"] <= 1 and 0 <= row["y"] <= 1 and len(row["vector"]) for row in rows)
    again = run("export", concepts, "-o", out)
    assert (again.code, "replace it with --force" in again.err) == (1, True)
    assert run("export", concepts, "-o", out, "--force", "-q").out == ""
    assert "vector" not in read(out)[0]


def test_the_command_writes_sidecars(concepts: Path, pictures: Path) -> None:
    planned = run("export", concepts, "--xmp", "--dry-run")
    assert planned.out.startswith("Sidecars: 14 would be made, 0 would be added to, 0 had the keywords already;")
    assert not list(pictures.glob("*.xmp"))
    document = run("export", concepts, "--xmp", "--json").document
    assert {one["action"] for one in document["sidecars"]} == {"new"}
    assert len(list(pictures.glob("*.png.xmp"))) == 14
    assert "14 had the keywords already" in run("export", concepts, "--xmp").out


def test_mistakes_in_the_call_are_said(concepts: Path, tmp_path: Path) -> None:
    nothing, wrong = run("export", concepts), run("export", concepts, "-o", tmp_path / "table.xlsx")
    assert (nothing.code, wrong.code) == (2, 2)
    assert "give -o FILE, or --xmp, or both" in " ".join(nothing.err.split())
    assert ".csv, .parquet, .json, .jsonl" in " ".join(wrong.err.split())


# Texts, copies, templates


@pytest.fixture
def with_findings(with_gaps: ConceptSet) -> ConceptSet:
    """Give some images texts, copies and a template; 5 has a path, 7 one that is no UTF-8, 8 a name like a formula."""
    n = len(with_gaps.images)
    texts = [""] * n
    texts[0], texts[5] = '=1+1, "quoted"', "今天不想\n加班"
    copy_of, kinds = np.arange(n), np.zeros(n, np.uint8)
    copy_of[3] = -1
    for copy, of, kind in ((6, 5, "near"), (10, 7, "mirrored"), (1, 0, "exact")):
        copy_of[copy], kinds[copy] = of, COPY_KINDS.index(kind)
    template_of = copy_of.copy()
    template_of[[8, 9]] = 8
    template_of[[0, 1, 2, 11]] = 0  # larger: the copy counts
    return replace(
        with_gaps,
        texts=PictureTexts(tuple(texts), "captions"),
        families=PictureFamilies(copy_of, kinds, template_of),
        concepts=tuple(replace(c, said=("加班", "老板")) if not c.index else c for c in with_gaps.concepts),
    )


def test_what_nobody_looked_for_has_no_columns(with_gaps: ConceptSet) -> None:
    assert not {"text", "said", "copy_of", "copy_kind", "template"} & set(images_table(with_gaps).columns)


def test_rows_say_what_is_said_and_what_is_a_copy_of_what(with_findings: ConceptSet) -> None:
    table = images_table(with_findings)
    assert table.loc[5, ["text", "said"]].tolist() == ["今天不想\n加班", "加班, 老板"]
    assert table["copy_of"].tolist()[:11] == [
        "", "image-0", "", "", "", "", str(Path("/home/me/cats/猫.png")), "", "", "", f"/photos/{ODD}",
    ]  # fmt: skip
    assert table["copy_kind"].tolist()[:11] == ["", "exact", "", "", "", "", "near", "", "", "", "mirrored"]
    template = {index: number for index, number in enumerate(table["template"]) if not pd.isna(number)}
    assert template == {0: 0, 1: 0, 2: 0, 11: 0, 8: 1, 9: 1}


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_hold_texts_copies_and_templates(with_findings: ConceptSet, tmp_path: Path, ending: str) -> None:
    rows = read(save_table(with_findings, tmp_path / f"table{ending}"))
    quoted = "'" if ending == ".csv" else ""
    assert rows[0]["text"] == f'{quoted}=1+1, "quoted"'
    assert rows[5]["text"] == "今天不想\n加班"
    assert rows[10]["copy_of"] == "file:///photos/caf%E9%20%231%2050%25.png"
    assert (rows[9]["template"], rows[10]["template"]) == (("1", "") if ending == ".csv" else (1, None))
