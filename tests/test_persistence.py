from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from concept_memes import persistence
from concept_memes.concepts import Concept, ConceptSet, ImageRecord, SkippedImage
from concept_memes.errors import NewerFormatError, SavedModelError
from concept_memes.findings import PictureFamilies, PictureTexts, exact_families
from concept_memes.persistence import FORMAT_VERSION, MAIN_FILE, load_concept_set, save_concept_set

Document = dict[str, Any]


def assert_same(one: ConceptSet, other: ConceptSet) -> None:
    """Check every field but the pixels, of which only exemplars are saved."""
    for field in fields(ConceptSet):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "pixels":
            continue
        if field.name in ("texts", "families") and a is not None:
            assert_same_findings(a, b)
        elif isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, strict=True)
        else:
            assert a == b, field.name
            assert type(a) is type(b), field.name


def assert_same_findings(one: PictureTexts | PictureFamilies, other: PictureTexts | PictureFamilies) -> None:
    assert type(one) is type(other)
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, strict=True)
        else:
            assert a == b, field.name


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def change_document(folder: Path, change: Callable[[Document], object]) -> None:
    path = folder / MAIN_FILE
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), "utf-8")


@pytest.fixture
def saved(color_set: ConceptSet, tmp_path: Path) -> Path:
    return save_concept_set(color_set, tmp_path / "saved")


@pytest.fixture
def odd_set(color_set: ConceptSet) -> ConceptSet:
    """A set with names, paths and gaps of every kind."""
    bad_name = os.fsdecode(b"caf\xe9.jpg")  # not UTF-8: a lone surrogate
    images = list(color_set.images)
    images[0] = ImageRecord("猫/面白い.png", Path("猫/面白い.png"), "ab")
    images[1] = ImageRecord(bad_name, Path("/pictures") / bad_name, "cd")
    images[2] = ImageRecord('quote " \n \\ 👍', None, "")
    concepts = list(color_set.concepts)
    concepts[1] = Concept(1, 9, exemplars=(12, 13), exemplar_scores=(0.1 + 0.2, 1 / 3))  # without words
    return replace(
        color_set,
        images=tuple(images),
        concepts=tuple(concepts),
        encoder_name="名",
        skipped=(SkippedImage(None, 2, "missing"), SkippedImage(Path(bad_name), -1, "no permission")),
        base_folder=Path("/somewhere/猫"),
        blocks=((0, 9), (9, 27)),
    )


# --- Round trips ------------------------------------------------------------------------------------------------------


def test_a_set_comes_back_as_it_was(color_set: ConceptSet, saved: Path) -> None:
    loaded, extra = load_concept_set(saved)
    assert_same(color_set, loaded)
    assert extra == {}
    exemplars = {i for concept in color_set.concepts for i in concept.exemplars}
    assert loaded.pixels.keys() == exemplars
    for index in exemplars:
        assert loaded.pixels[index].size == color_set.pixels[index].size
        assert loaded.pixels[index].tobytes() == color_set.pixels[index].tobytes()


def test_odd_names_paths_and_gaps_come_back(odd_set: ConceptSet, tmp_path: Path) -> None:
    loaded, _ = load_concept_set(save_concept_set(odd_set, tmp_path / "saved"))
    assert_same(odd_set, loaded)


def test_a_set_without_concepts_and_words_comes_back(color_set: ConceptSet, tmp_path: Path) -> None:
    empty = replace(
        color_set,
        labels=np.full(27, -1),
        raw_labels=np.full(27, -1),
        probabilities=np.zeros(27),
        concepts=(),
        centroids=np.zeros((0, 27), np.float32),
        words=(),
        word_vectors=np.zeros((0, 27), np.float32),
    )
    assert_same(empty, load_concept_set(save_concept_set(empty, tmp_path / "saved"))[0])


def test_more_than_the_set_can_be_kept(color_set: ConceptSet, tmp_path: Path) -> None:
    extra = {"parameters": {"diversity": 0.3, "vocabulary": ["犬", "cat"]}, "objects": []}
    folder = save_concept_set(color_set, tmp_path / "saved", extra=extra)
    assert load_concept_set(folder)[1] == extra


def test_the_same_set_gives_the_same_files(color_set: ConceptSet, saved: Path, tmp_path: Path) -> None:
    assert content(save_concept_set(color_set, tmp_path / "again")) == content(saved)


def test_a_loaded_set_can_be_saved_again(saved: Path, tmp_path: Path) -> None:
    loaded, _ = load_concept_set(saved)
    assert content(save_concept_set(loaded, tmp_path / "again")) == content(saved)


def test_nothing_is_pickled(saved: Path) -> None:
    assert {path.suffix for path in saved.iterdir()} == {".json", ".safetensors", ".png"}
    for name, data in content(saved).items():
        assert not data.startswith(b"\x80"), name  # how pickles begin
        assert not data.startswith(b"PK"), name  # how torch's archives of pickles begin
        assert not data.startswith(b"\x93NUMPY"), name


def test_text_is_readable_in_the_file(odd_set: ConceptSet, tmp_path: Path) -> None:
    folder = save_concept_set(odd_set, tmp_path / "saved")
    assert "猫/面白い.png".encode() in (folder / MAIN_FILE).read_bytes()


def test_the_folder_and_its_parents_are_made(color_set: ConceptSet, tmp_path: Path) -> None:
    folder = save_concept_set(color_set, str(tmp_path / "a" / "b"))
    assert folder == tmp_path / "a" / "b"
    load_concept_set(str(folder))


def test_home_is_understood(color_set: ConceptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert save_concept_set(color_set, "~/saved") == tmp_path / "saved"
    load_concept_set("~/saved")


# --- Replacing --------------------------------------------------------------------------------------------------------


def smaller(color_set: ConceptSet) -> ConceptSet:
    concepts = tuple(replace(concept, exemplars=concept.exemplars[:1]) for concept in color_set.concepts)
    return replace(color_set, probabilities=color_set.probabilities / 2, concepts=concepts)


def test_a_replaced_model_leaves_nothing_behind(color_set: ConceptSet, saved: Path, tmp_path: Path) -> None:
    save_concept_set(smaller(color_set), saved)
    assert content(saved) == content(save_concept_set(smaller(color_set), tmp_path / "fresh"))


def test_replacing_leaves_the_files_of_others_alone(color_set: ConceptSet, saved: Path) -> None:
    others = ["notes.txt", "pixels-mine.png", "arrays-2024.safetensors", ".hidden", "sub/concepts.json"]
    for name in others:
        (saved / name).parent.mkdir(exist_ok=True)
        (saved / name).write_bytes(name.encode())
    save_concept_set(smaller(color_set), saved)
    for name in others:
        assert (saved / name).read_bytes() == name.encode()


def test_a_damaged_file_list_does_not_delete_files_of_others(color_set: ConceptSet, saved: Path) -> None:
    victims = [saved.parent / "victim.txt", saved / "holiday.png"]
    for victim in victims:
        victim.write_text("mine")
    change_document(saved, lambda d: d.update(arrays="../victim.txt", pixels={"0": "holiday.png"}))
    save_concept_set(color_set, saved)
    assert [victim.read_text() for victim in victims] == ["mine", "mine"]
    assert_same(color_set, load_concept_set(saved)[0])


def test_a_damaged_model_can_be_replaced(color_set: ConceptSet, saved: Path) -> None:
    change_document(saved, lambda d: (d.pop("arrays"), d.pop("pixels")))
    save_concept_set(color_set, saved)
    assert_same(color_set, load_concept_set(saved)[0])


@pytest.mark.parametrize("n_writes", [0, 1, 2, 3])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["disk", "interrupt"])
def test_an_interrupted_save_leaves_the_old_model(
    color_set: ConceptSet, saved: Path, monkeypatch: pytest.MonkeyPatch, n_writes: int, error: BaseException
) -> None:
    changed = smaller(color_set)
    picture = Image.new("RGB", (8, 8), "gold")
    changed = replace(changed, pixels={**color_set.pixels, **dict.fromkeys(changed.concepts[0].exemplars, picture)})
    real, n_done = Path.replace, 0

    def failing(self: Path, target: Path) -> Path:
        nonlocal n_done
        if n_done == n_writes:
            raise error
        n_done += 1
        return real(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    if n_writes < 3:  # arrays, one new picture, the main file
        with pytest.raises(type(error)):
            save_concept_set(changed, saved)
        assert_same(color_set, load_concept_set(saved)[0])
    else:
        save_concept_set(changed, saved)
    monkeypatch.undo()
    save_concept_set(changed, saved)  # and the next attempt works and clears up
    assert_same(changed, load_concept_set(saved)[0])
    assert len(list(saved.iterdir())) == 2 + 3  # main file, arrays, a picture per concept


def test_a_first_save_that_was_interrupted_can_be_tried_again(
    color_set: ConceptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> str:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(persistence.json, "dumps", full)
        with pytest.raises(OSError, match="disk full"):
            save_concept_set(color_set, tmp_path / "saved")
    (tmp_path / "saved" / f".{MAIN_FILE}.1234.tmp").write_text("{")  # as a killed process leaves it
    assert_same(color_set, load_concept_set(save_concept_set(color_set, tmp_path / "saved"))[0])
    assert not list((tmp_path / "saved").glob(".*"))


# --- Places that are refused ------------------------------------------------------------------------------------------


def test_a_file_is_not_overwritten(color_set: ConceptSet, tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_text("mine")
    with pytest.raises(SavedModelError, match="model.zip is a file. A model is saved as a folder"):
        save_concept_set(color_set, tmp_path / "model.zip")
    assert content(tmp_path) == {"model.zip": b"mine"}


@pytest.mark.parametrize(
    "files",
    [
        {"holiday.jpg": b"x"},
        {MAIN_FILE: b"[]"},
        {MAIN_FILE: b'{"format": "another program", "format_version": 1}'},
        {MAIN_FILE: b"not json"},
        {"arrays-0123456789abcdef.safetensors": b"x", "notes.txt": b"y"},
        {"sub/folder.txt": b"x"},
    ],
    ids=["pictures", "list", "foreign", "text", "mixed", "sub-folder"],
)
def test_a_folder_with_something_else_is_refused_and_not_touched(
    color_set: ConceptSet, tmp_path: Path, files: dict[str, bytes]
) -> None:
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    with pytest.raises(SavedModelError, match="not empty and holds no saved model; nothing was written"):
        save_concept_set(color_set, tmp_path)
    assert content(tmp_path) == files


def test_a_model_of_a_newer_version_is_not_replaced(color_set: ConceptSet, saved: Path) -> None:
    change_document(saved, lambda d: d.update(format_version=FORMAT_VERSION + 1))
    before = content(saved)
    with pytest.raises(SavedModelError, match="was not replaced; save into another folder"):
        save_concept_set(color_set, saved)
    assert content(saved) == before


# --- What does not load -----------------------------------------------------------------------------------------------


def test_places_without_a_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(SavedModelError, match="there is no such folder"):
        load_concept_set(tmp_path / "nothing")
    with pytest.raises(SavedModelError, match=f"is not a saved model: it has no {MAIN_FILE}"):
        load_concept_set(tmp_path)


def test_a_newer_format_asks_for_an_upgrade(saved: Path) -> None:
    change_document(saved, lambda d: d.update(format_version=FORMAT_VERSION + 1))
    with pytest.raises(NewerFormatError, match=f"format version {FORMAT_VERSION + 1}.*pip install --upgrade"):
        load_concept_set(saved)


@pytest.mark.parametrize("data", [b"", b"{", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"format": "other"}'], ids=repr)
def test_a_main_file_that_is_none_is_refused(saved: Path, data: bytes) -> None:
    (saved / MAIN_FILE).write_bytes(data)
    with pytest.raises(SavedModelError, match=f"{MAIN_FILE} (is damaged|was not written by this package)"):
        load_concept_set(saved)


ENTRIES = ["arrays", "pixels", "blocks", "encoder", "base_folder", "images", "concepts", "words", "skipped", "extra"]
WRONG = {"gone": ..., "null": None, "number": 7, "list": [[1]], "object": {"x": 1}}
# An object of one entry is a list of one word to Python, and the extras may hold anything.
CASES = [(e, w) for e in ENTRIES for w in WRONG if (e, w) not in [("extra", "object"), ("words", "object")]]


@pytest.mark.parametrize(("name", "wrong"), CASES)
def test_a_damaged_entry_is_refused(saved: Path, name: str, wrong: str) -> None:
    change_document(saved, lambda d: d.pop(name) if wrong == "gone" else d.update({name: WRONG[wrong]}))
    with pytest.raises(SavedModelError, match="damaged"):
        load_concept_set(saved)


@pytest.mark.parametrize("version", [None, "1", 1.5])
def test_a_damaged_format_version_is_refused(saved: Path, version: Any) -> None:
    change_document(saved, lambda d: d.update(format_version=version))
    with pytest.raises(SavedModelError, match="format version is"):
        load_concept_set(saved)


@pytest.mark.parametrize("change", ["gone", "empty", "cut", "text"])
@pytest.mark.parametrize("pattern", ["arrays-*.safetensors", "pixels-*.png"])
def test_files_that_are_missing_or_damaged_are_named(saved: Path, pattern: str, change: str) -> None:
    path = next(saved.glob(pattern))
    data = path.read_bytes()
    path.unlink()
    if change != "gone":
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "text": b"x" * len(data)}[change])
    with pytest.raises(SavedModelError, match=f"{path.name} is missing or damaged"):
        load_concept_set(saved)


@pytest.mark.parametrize("name", ["labels", "probabilities", "vectors", "centre", "centroids", "word_vectors"])
@pytest.mark.parametrize("change", ["gone", "shorter", "flat", "kind"])
def test_arrays_that_do_not_fit_are_named(saved: Path, name: str, change: str) -> None:
    from safetensors.numpy import load_file, save_file

    path = next(saved.glob("arrays-*.safetensors"))
    arrays = load_file(path)
    if change == "gone":
        del arrays[name]
    else:
        changed = {"shorter": arrays[name][:-1], "flat": arrays[name].ravel()[:1].reshape(()), "kind": arrays[name]}
        arrays[name] = np.ascontiguousarray(changed[change], np.float16 if change == "kind" else None)
    save_file(arrays, path)
    with pytest.raises(SavedModelError, match="damaged"):
        load_concept_set(saved)


def with_places(concept_set: ConceptSet) -> ConceptSet:
    positions = np.random.default_rng(0).random((len(concept_set.images), 2), np.float32)
    readable = np.array([bool(image.content_hash) for image in concept_set.images])
    positions[~readable] = np.nan
    return replace(concept_set, positions=positions)


def test_places_on_the_map_come_back_bit_for_bit(odd_set: ConceptSet, tmp_path: Path) -> None:
    placed = with_places(odd_set)
    assert np.isnan(placed.positions).any()
    loaded, _ = load_concept_set(save_concept_set(placed, tmp_path / "placed"))
    assert_same(loaded, placed)
    assert not loaded.positions.flags.writeable


def test_a_set_without_a_map_is_saved_without_one(color_set: ConceptSet, saved: Path) -> None:
    save_concept_set(with_places(color_set), saved)
    save_concept_set(color_set, saved)
    assert load_concept_set(saved)[0].positions is None


@pytest.mark.parametrize("change", ["shorter", "flat", "kind", "outside", "nowhere"])
def test_damaged_places_are_refused(color_set: ConceptSet, tmp_path: Path, change: str) -> None:
    placed = with_places(color_set)
    positions = placed.positions.copy()
    if change in ("outside", "nowhere"):
        positions[3, 0] = 1.5 if change == "outside" else np.nan
    changed = {"shorter": positions[:-1], "flat": positions.ravel(), "kind": positions.astype(np.float64)}
    folder = save_concept_set(replace(placed, positions=changed.get(change, positions)), tmp_path / "placed")
    with pytest.raises(SavedModelError, match="positions do not fit the rest"):
        load_concept_set(folder)


def test_labels_and_exemplars_out_of_range_are_refused(saved: Path) -> None:
    before = (saved / MAIN_FILE).read_bytes()
    change_document(saved, lambda d: d["concepts"][0].update(exemplars=[0, 27]))
    with pytest.raises(SavedModelError, match="exemplars do not fit"):
        load_concept_set(saved)
    (saved / MAIN_FILE).write_bytes(before)
    from safetensors.numpy import load_file, save_file

    path = next(saved.glob("arrays-*.safetensors"))
    arrays = load_file(path)
    arrays["labels"] = arrays["labels"] + 1
    save_file(arrays, path)
    with pytest.raises(SavedModelError, match="labels do not fit"):
        load_concept_set(saved)


@pytest.mark.parametrize("away", ["..", "absolute"])
@pytest.mark.parametrize("what", ["arrays", "pixels"])
def test_names_in_the_main_file_do_not_lead_out_of_the_folder(
    saved: Path, tmp_path: Path, what: str, away: str
) -> None:
    path = next(saved.glob(f"{what}-*"))
    outside = tmp_path / path.name
    path.rename(outside)
    name = f"../{path.name}" if away == ".." else str(outside)
    change_document(saved, lambda d: d.update({what: name if what == "arrays" else {"0": name}}))
    with pytest.raises(SavedModelError, match="names a file"):
        load_concept_set(saved)


# --- What else was found out about pictures ---------------------------------------------------------------------------


@pytest.fixture
def told_set(color_set: ConceptSet) -> ConceptSet:
    n = len(color_set.images)
    texts = PictureTexts(
        tuple(f"第 {i} 张\nline two" for i in range(n)),
        "fake reader",
        0.25,
        "character n-grams",
        np.eye(n, 5, dtype=np.float32),
        np.arange(5, dtype=np.float32),
    )
    families = exact_families(["a", "b", *[f"c{i // 2}" for i in range(n - 2)]])
    return replace(color_set, texts=texts, families=families)


def test_texts_and_families_come_back_as_they_were(told_set: ConceptSet, tmp_path: Path) -> None:
    loaded, _ = load_concept_set(save_concept_set(told_set, tmp_path / "saved"))
    assert_same(told_set, loaded)


def test_texts_without_vectors_come_back_without(told_set: ConceptSet, tmp_path: Path) -> None:
    assert told_set.texts is not None
    plain = replace(told_set, texts=replace(told_set.texts, vectors=None, state=None, encoder="", weight=0.0))
    loaded, _ = load_concept_set(save_concept_set(plain, tmp_path / "saved"))
    assert_same(plain, loaded)


def test_a_model_of_the_format_before_has_neither(saved: Path) -> None:
    def older(document: Document) -> None:
        document["format_version"] = 2
        del document["texts"], document["families"]
        for concept in document["concepts"]:
            del concept["said"], concept["said_scores"]

    change_document(saved, older)
    loaded, _ = load_concept_set(saved)
    assert loaded.texts is None
    assert loaded.families is None
    assert all(concept.said == () for concept in loaded.concepts)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda found: replace(found, texts=replace(found.texts, texts=found.texts.texts[1:])), "texts"),
        (lambda found: replace(found, texts=replace(found.texts, vectors=found.texts.vectors[1:])), "text_vectors"),
        (lambda found: replace(found, families=replace(found.families, copy_of=found.families.copy_of[1:])), "copy_of"),
        (
            lambda found: replace(found, families=replace(found.families, copy_of=found.families.copy_of + 99)),
            "families",
        ),
        (
            lambda found: replace(found, families=replace(found.families, copy_kinds=found.families.copy_kinds + 99)),
            "families",
        ),
    ],
)
def test_texts_and_families_that_do_not_fit_are_refused(
    told_set: ConceptSet, tmp_path: Path, change: Callable[[Any], ConceptSet], named: str
) -> None:
    folder = save_concept_set(change(told_set), tmp_path / "saved")
    with pytest.raises(SavedModelError, match=rf"{named}.* do not fit the rest"):
        load_concept_set(folder)
