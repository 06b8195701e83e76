"""New pictures on the command line: their concepts, and a collection that grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import rows, run

from concept_memes import ConceptModel
from concept_memes.persistence import load_concept_set
from concept_memes.testing import ColorEncoder, color_images, write_color_images


@pytest.fixture
def saved(tmp_path: Path, pictures: Path, colors: ColorEncoder) -> Path:
    """A saved model of eight red and six blue pictures."""
    assert colors.n_encoded == 0
    model = ConceptModel(vocabulary=["red", "blue", "lime"], verbose=False).fit(pictures)
    return model.save(tmp_path / "concepts")


def test_assign_shows_the_concept_of_each_new_picture(saved: Path, tmp_path: Path) -> None:
    new = write_color_images(tmp_path / "new", ["blue", "red"], 1, seed=1)
    (tmp_path / "new" / "empty.jpg").touch()
    done = run("assign", saved, tmp_path / "new")
    assert done.code == 0
    found = {row[-1]: row[:-1] for row in rows(done.out)[2:]}
    concept, confidence, words = found[str(new[0])]
    assert (concept, words) == ("1", "blue")
    assert 0.5 < float(confidence) <= 1
    assert found[str(new[1])][0] == "0"
    assert found[str(tmp_path / "new" / "empty.jpg")] == ["none", "empty file"]
    assert done.err == f"warning: 1 file could not be read and was left out:\n  {tmp_path}/new/empty.jpg: empty file\n"


def test_assign_prints_one_json_document(saved: Path, tmp_path: Path) -> None:
    new = write_color_images(tmp_path / "new", ["blue"], 2, seed=1)
    (tmp_path / "new" / "empty.jpg").touch()
    images = run("assign", saved, *new, tmp_path / "new" / "empty.jpg", "--json").document["images"]
    assert [(image["path"], image["concept"], image["reason"]) for image in images] == [
        (str(new[0]), 1, None),
        (str(new[1]), 1, None),
        (str(tmp_path / "new" / "empty.jpg"), -1, "empty file"),
    ]
    assert images[0]["words"][0] == "blue"
    assert images[2]["words"] == []
    assert 0.5 < images[0]["confidence"] <= 1
    assert images[2]["confidence"] == 0
    assert {Path(path).name[:4] for path in images[0]["nearest"]} == {"blue"}


def test_assign_prints_bare_lines_when_quiet(saved: Path, tmp_path: Path) -> None:
    new = write_color_images(tmp_path / "new", ["blue", "red"], 1, seed=1)
    done = run("assign", saved, tmp_path / "new", "-q")
    assert (done.code, done.out, done.err) == (0, f"1\t{new[0]}\n0\t{new[1]}\n", "")


def test_assign_fails_when_nothing_could_be_read(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "empty.jpg").touch()
    done = run("assign", saved, tmp_path / "new", "--json")
    assert done.code == 1
    assert done.document["images"][0]["reason"] == "empty file"
    assert done.err.endswith("error: none of the pictures could be read.\n")


def test_update_adds_what_is_new_and_saves_it(saved: Path, tmp_path: Path, pictures: Path) -> None:
    write_color_images(pictures, ["lime"], 6)
    color_images(["red"], 1, seed=3)[0].save(pictures / "another.png")
    done = run("update", saved, pictures)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "21 images: 14 known already, 1 joined 1 concept, 6 in 1 new concept",
        "new: 2 (lime), 6 images",
        "21 images, 3 concepts.",
        f"Saved: {saved}",
        "",
        "Pages and figures show what was before. To renew the page:",
        f"  concept-memes report {saved}",
    ]
    assert len(load_concept_set(saved)[0]) == 3
    again = run("update", saved, pictures)
    assert again.out.splitlines()[-1] == f"Nothing is new; {saved} stays as it was."


def test_update_says_in_json_what_became_of_each_picture(saved: Path, tmp_path: Path) -> None:
    new = write_color_images(tmp_path / "new", ["blue", "lime"], 1, seed=1)
    (tmp_path / "new" / "empty.jpg").touch()
    document = run("update", saved, tmp_path / "new", "--json").document
    assert {key: document[key] for key in ("folder", "n_images", "n_concepts", "n_added", "n_known", "joined")} == {
        "folder": str(saved),
        "n_images": 17,
        "n_concepts": 2,
        "n_added": 3,
        "n_known": 0,
        "joined": {"1": 1},
    }
    assert document["images"] == [
        {"path": str(new[0]), "concept": 1, "known": False, "reason": None},
        {"path": str(tmp_path / "new" / "empty.jpg"), "concept": -1, "known": False, "reason": "empty file"},
        {"path": str(new[1]), "concept": -1, "known": False, "reason": None},
    ]


def test_update_is_silent_when_quiet_and_can_leave_the_concepts_alone(saved: Path, tmp_path: Path) -> None:
    write_color_images(tmp_path / "new", ["lime"], 8)
    done = run("update", saved, tmp_path / "new", "--no-new-concepts", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    grown = load_concept_set(saved)[0]
    assert (len(grown.images), len(grown)) == (22, 2)


def test_an_update_that_is_stopped_leaves_the_saved_model_as_it_was(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    write_color_images(tmp_path / "new", ["lime"], 8)
    monkeypatch.setattr(ColorEncoder, "encode_images", stopped)
    done = run("update", saved, tmp_path / "new")
    assert (done.code, done.out, done.err) == (130, "", "note: stopped\n")
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


def test_update_finds_pictures_that_sorting_has_moved(saved: Path, tmp_path: Path) -> None:
    assert run("sort", saved, "--into", tmp_path / "sorted", "--mode", "move", "--go").code == 0
    done = run("update", saved, tmp_path / "sorted")
    assert "14 images of those known found in a new place" in done.out
    assert f"Saved: {saved}" in done.out
    found = load_concept_set(saved)[0]
    assert len(found.images) == 14
    assert all(Path(str(found.source_of(row))).is_file() for row in range(14))
