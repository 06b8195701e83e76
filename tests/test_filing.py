from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filedpictures import concept_set_of, draw, tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import NOBODY, in_fork

from concept_memes import ConceptModel
from concept_memes.concepts import Concept, ConceptSet, ImageRecord, SkippedImage
from concept_memes.errors import FilingError, InvalidParameterError, NoWordsWarning
from concept_memes.filing import JOURNAL, FilingPlan, Mode, carry_out, plan_filing, undo
from concept_memes.filing.journal import open_journal
from concept_memes.filing.layout import lay_out
from concept_memes.findings import COPY_KINDS, PictureFamilies
from concept_memes.loading import content_hash

MODES: tuple[Mode, ...] = ("link", "copy", "move")
NAMES = ["a/1.png", "b/1.png", "c.png", "猫 🐼.png", "lost.png"]


@pytest.fixture
def sources(color_set: ConceptSet, tmp_path: Path) -> ConceptSet:
    """Five pictures: three pandas, one without words, one in no concept."""
    paths = draw(tmp_path / "photos", NAMES)
    found = concept_set_of(color_set, paths, [0, 0, 0, 1, -1], ["panda, bear/zoo", ""])
    names = [str(path.relative_to(tmp_path / "photos")) for path in paths]
    images = tuple(replace(image, name=name) for image, name in zip(found.images, names, strict=True))
    return replace(found, images=images, base_folder=tmp_path)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "sorted"


def targets(plan: FilingPlan) -> dict[str, str]:
    return {file.target: str(file.source.name) for file in plan.files}


def journal_lines(into: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (into / JOURNAL).read_text().splitlines()]


# What is planned


def test_a_folder_per_concept_is_planned_and_nothing_changed(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    before = tree(tmp_path)
    plan = plan_filing(sources, into)
    assert targets(plan) == {
        "0 panda, bear_zoo/1.png": "1.png",
        "0 panda, bear_zoo/1 (2).png": "1.png",
        "0 panda, bear_zoo/c.png": "c.png",
        "concept 1/猫 🐼.png": "猫 🐼.png",
        "outliers/lost.png": "lost.png",
    }
    assert list(plan.folders) == ["0 panda, bear_zoo", "concept 1", "outliers"]
    assert (plan.into, plan.left, plan.notes) == (into, (), ())
    assert tree(tmp_path) == before


def test_folders_are_in_the_order_of_the_concepts(sources: ConceptSet, into: Path) -> None:
    concepts = tuple(Concept(i, 1, words=(f"word{i}",)) for i in range(12))
    many = replace(sources, concepts=concepts, labels=np.array([11, 2, 0, 10, -1]))
    folders = [path.partition("/")[0] for path in sorted(targets(plan_filing(many, into)))]
    assert folders == ["00 word0", "02 word2", "10 word10", "11 word11", "outliers"]


def test_what_changed_or_is_gone_is_told_and_left(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    (tmp_path / "photos/c.png").write_bytes(b"another picture")
    (tmp_path / "photos/lost.png").unlink()
    (tmp_path / "photos/a/1.png").write_bytes(b"")
    plan = plan_filing(sources, into)
    assert {Path(one.name).name: one.reason for one in plan.left} == {
        "1.png": "empty file",
        "c.png": "its content has changed since the fit",
        "lost.png": "missing",
    }
    assert [one.index for one in plan.left] == [0, 2, 4]
    assert targets(plan) == {"0 panda, bear_zoo/1 (2).png": "1.png", "concept 1/猫 🐼.png": "猫 🐼.png"}


def test_what_is_no_file_is_told_and_left(sources: ConceptSet, into: Path) -> None:
    images = list(sources.images)
    images[0] = ImageRecord("image-0", None, "ab")
    images[1] = ImageRecord("https://example.org/b.png", Path("/kept/87/8.png"), "cd")
    skipped = (SkippedImage(images[2].path, 2, "truncated"), SkippedImage(Path("/closed"), -1, "no permission"))
    plan = plan_filing(replace(sources, images=tuple(images), skipped=skipped), into)
    assert {(one.name, one.reason) for one in plan.left} == {
        ("image-0", "it came as pixels, not as a file"),
        ("https://example.org/b.png", "it has an address, and is no file of yours"),
        (str(images[2].path), "unreadable: truncated"),
        ("/closed", "unreadable: no permission"),
    }
    assert len(plan.files) == 2


def test_one_file_that_is_listed_twice_is_filed_once(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    link = tmp_path / "photos/a-link.png"
    link.symlink_to("c.png")
    images = list(sources.images)
    images[0] = ImageRecord("a-link.png", link, images[2].content_hash)  # before the file itself
    images[1] = images[2]
    plan = plan_filing(replace(sources, images=tuple(images)), into)
    real = tmp_path / "photos/c.png"
    assert {(one.name, one.reason) for one in plan.left} == {
        (str(link), f"the same file as {real}"),
        (str(real), f"the same file as {real}"),
    }
    assert [file.source for file in plan.files if file.source.name == "c.png"] == [real]


def test_symbolic_links_are_not_moved(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "photos/c.png")
    images = (*sources.images[:2], replace(sources.images[2], path=link), *sources.images[3:])
    linked = replace(sources, images=images)
    (left,) = plan_filing(linked, into, "move").left
    assert (left.name, "symbolic link" in left.reason) == (str(link), True)
    assert plan_filing(linked, into, "copy").left == ()


@pytest.mark.parametrize("mode", MODES)
def test_pictures_in_archives_are_only_copied(sources: ConceptSet, into: Path, tmp_path: Path, mode: Mode) -> None:
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as file:
        file.write(tmp_path / "photos/c.png", "inner/c.png")
    member = replace(sources.images[2], path=Path("more.zip/inner/c.png"))
    plan = plan_filing(replace(sources, images=(*sources.images[:2], member, *sources.images[3:])), into, mode)
    if mode != "copy":
        assert [one.reason for one in plan.left] == ["inside an archive; mode copy takes it out"]
        return
    assert carry_out(plan).left == ()
    assert (into / "0 panda, bear_zoo/c.png").read_bytes() == (tmp_path / "photos/c.png").read_bytes()
    assert undo(into).left == ()


def test_pictures_whose_vectors_were_given_are_filed(sources: ConceptSet, into: Path) -> None:
    paths = [image.path for image in sources.images]
    rng = np.random.default_rng(0)
    with pytest.warns(NoWordsWarning):
        model = ConceptModel().fit(paths, image_embeddings=rng.normal(size=(5, 8)))
    plan = plan_filing(model.concepts_, into)
    assert (len(plan.files), plan.left) == (5, ())
    assert carry_out(plan_filing(model.concepts_, into, "copy")).left == ()


@pytest.mark.parametrize(("mode", "n_notes"), [("link", 1), ("copy", 1), ("move", 0)])
def test_a_place_that_a_later_fit_would_see_is_noted(
    sources: ConceptSet, tmp_path: Path, mode: Mode, n_notes: int
) -> None:
    notes = plan_filing(sources, tmp_path / "photos/by concept", mode).notes
    assert len(notes) == n_notes
    assert all(f"is inside {tmp_path / 'photos'}:" in note for note in notes)


def test_only_a_new_or_empty_folder_is_taken(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    with pytest.raises(FilingError, match="is not empty"):
        plan_filing(sources, tmp_path / "photos")
    with pytest.raises(FilingError, match="is no folder"):
        plan_filing(sources, tmp_path / "photos/c.png")
    with pytest.raises(InvalidParameterError, match='mode must be "link", "copy" or "move"'):
        plan_filing(sources, into, "symlink")  # type: ignore[arg-type]
    into.mkdir()
    assert carry_out(plan_filing(sources, into)).left == ()
    assert undo(into).left == ()
    assert into.is_dir()  # it was there before


def test_another_filing_in_the_same_folder_is_refused(sources: ConceptSet, into: Path) -> None:
    carry_out(plan_filing(sources, into, "link"))
    before = tree(into)
    other = replace(sources, labels=np.array([0, 0, 1, 1, -1]))
    for concept_set, mode in ((sources, "copy"), (other, "link")):
        with pytest.raises(FilingError, match="holds an earlier filing"):
            plan_filing(concept_set, into, mode)
    assert tree(into) == before


names = st.text(st.sampled_from("aA.éé字 🐼\\:\x00\udce9"), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # it only serves as a pattern
@given(files=st.lists(st.tuples(names, names, st.integers(-1, 2)), min_size=1, max_size=20))
def test_every_picture_has_one_place_of_its_own(color_set: ConceptSet, files: list[tuple[str, str, int]]) -> None:
    n = len(files)
    found = replace(
        color_set,
        images=tuple(ImageRecord(name, Path("/", folder, name), "ab") for folder, name, _ in files),
        labels=np.array([label for *_, label in files]),
        concepts=tuple(Concept(i, 1, name=name) for i, (name, *_) in zip(range(3), files * 3, strict=False)),
        vectors=np.zeros((n, 4), np.float32),
        pixels={},
    )
    laid_out, left = lay_out(found)
    assert sorted(place.index for place in laid_out) == list(range(n))
    assert left == ()
    assert len({place.target.casefold() for place in laid_out}) == n
    assert all(place.target.count("/") == 1 for place in laid_out)
    assert lay_out(found) == (laid_out, left)
    for place in laid_out:
        label = int(found.labels[place.index])
        assert place.folder == "outliers" if label < 0 else place.folder.startswith(f"{label} ")


# What is done


def test_links_lead_to_the_pictures_and_survive_a_common_move(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    before = tree(tmp_path / "photos")
    result = carry_out(plan_filing(sources, into))
    assert (len(result.filed), result.n_before, result.left) == (5, 0, ())
    link = into / "concept 1/猫 🐼.png"
    assert os.readlink(link) == os.path.join("..", "..", "photos", "猫 🐼.png")
    assert tree(tmp_path / "photos") == before
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(into, elsewhere / "sorted")
    shutil.move(tmp_path / "photos", elsewhere / "photos")
    assert (elsewhere / "sorted/concept 1/猫 🐼.png").read_bytes() == before["猫 🐼.png"]


def test_links_are_right_where_the_folder_is_reached_through_a_link(sources: ConceptSet, tmp_path: Path) -> None:
    (tmp_path / "deep/deeper").mkdir(parents=True)
    (tmp_path / "short").symlink_to("deep/deeper")
    carry_out(plan_filing(sources, tmp_path / "short/sorted"))
    assert (tmp_path / "short/sorted/outliers/lost.png").samefile(tmp_path / "photos/lost.png")


@pytest.mark.parametrize("mode", MODES)
def test_pictures_behind_a_link_and_back_are_filed(color_set: ConceptSet, tmp_path: Path, mode: Mode) -> None:
    paths = draw(tmp_path / "deep/er/photos", ["a.png"])
    (tmp_path / "link").symlink_to(tmp_path / "deep/er/photos")
    odd = Path(f"{tmp_path}/link/../photos/a.png")
    data = paths[0].read_bytes()
    carry_out(plan_filing(concept_set_of(color_set, [odd], [0], ["panda"]), tmp_path / "sorted", mode))
    assert (tmp_path / "sorted/0 panda/a.png").read_bytes() == data


def test_copies_are_made_where_there_are_no_permissions(
    sources: ConceptSet, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(shutil, "copystat", refused)
    assert len(carry_out(plan_filing(sources, into, "copy")).filed) == 5


def test_copies_have_the_bytes_and_the_times(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    os.utime(tmp_path / "photos/lost.png", (1_600_000_000, 1_600_000_000))
    before = tree(tmp_path / "photos")
    carry_out(plan_filing(sources, into, "copy"))
    copy = into / "outliers/lost.png"
    assert (copy.read_bytes(), copy.stat().st_mtime) == (before["lost.png"], 1_600_000_000)
    assert not copy.is_symlink()
    assert tree(tmp_path / "photos") == before


def test_moves_leave_nothing_behind(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    before = tree(tmp_path / "photos")
    carry_out(plan_filing(sources, into, "move"))
    assert tree(tmp_path / "photos") == {"a": None, "b": None}
    assert (into / "0 panda, bear_zoo/1 (2).png").read_bytes() == before[os.path.join("b", "1.png")]
    assert undo(into).n_undone == 5
    assert tree(tmp_path) == {"photos": None, **{os.path.join("photos", name): held for name, held in before.items()}}


@pytest.mark.parametrize("mode", MODES)
def test_doing_it_again_does_nothing(sources: ConceptSet, into: Path, mode: Mode) -> None:
    carry_out(plan_filing(sources, into, mode))
    before = tree(into)
    plan = plan_filing(sources, into, mode)
    assert all(file.done for file in plan.files)
    result = carry_out(plan)
    assert (result.filed, result.n_before, result.left) == ((), 5, ())
    assert tree(into) == before


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_overwritten(sources: ConceptSet, into: Path, tmp_path: Path, mode: Mode) -> None:
    plan = plan_filing(sources, into, mode)
    carry_out(replace(plan, files=plan.files[:1]))
    taken = into / plan.files[1].target
    taken.write_bytes(b"mine")
    result = carry_out(plan)
    assert [(one.name, one.reason) for one in result.left] == [
        (str(plan.files[1].source), f"something else is there already: {taken}")
    ]
    assert (len(result.filed), result.n_before) == (3, 1)
    assert taken.read_bytes() == b"mine"
    assert plan.files[1].source.is_file()
    undo(into)
    assert taken.read_bytes() == b"mine"


def test_a_picture_that_changes_in_between_is_not_copied(sources: ConceptSet, into: Path) -> None:
    plan = plan_filing(sources, into, "copy")
    plan.files[0].source.write_bytes(b"edited")
    plan.files[1].source.unlink()
    result = carry_out(plan)
    assert [one.reason for one in result.left] == ["its content has changed since the fit", "missing"]
    assert sorted(path.name for path in (into / "0 panda, bear_zoo").iterdir()) == ["c.png"]


@pytest.mark.parametrize("mode", MODES)
def test_a_full_disk_stops_it_and_it_goes_on_later(
    sources: ConceptSet, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    before = tree(tmp_path / "photos")
    plan = plan_filing(sources, into, mode)
    name = {"link": "symlink", "copy": "fsync", "move": "open"}[mode]
    real, calls = getattr(os, name), 0

    def full(*args: Any, **more: Any) -> Any:
        nonlocal calls
        is_new = mode != "move" or args[1] & os.O_EXCL
        calls += bool(is_new)
        if is_new and calls == (6 if mode == "copy" else 4):  # the journal is synced three times before
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, full)
        with pytest.raises(FilingError, match=r"No space left on device.*stopped after \d of 5 pictures") as caught:
            carry_out(plan)
    assert "go on, or undo" in str(caught.value)
    n_there = sum(path.is_file() for path in into.rglob("*.png"))
    assert 0 < n_there < 5
    result = carry_out(plan_filing(sources, into, mode))
    assert len(result.filed) + result.n_before == 5
    assert len(list(into.rglob("*.png"))) == 5
    assert not list(into.rglob("*.part"))
    undo(into)
    assert tree(tmp_path / "photos") == before


def test_where_no_links_can_be_made_it_is_said(
    sources: ConceptSet, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)
    with pytest.raises(FilingError, match="Give mode 'copy' instead; on Windows, links need Developer Mode"):
        carry_out(plan_filing(sources, into))


needs_root = pytest.mark.skipif(
    sys.platform == "win32" or os.getuid() != 0, reason="only root can do something as another user"
)


@needs_root
def test_a_folder_that_cannot_be_written_is_an_error(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    opened_up(tmp_path, 0o755)

    def work() -> str:
        with pytest.raises(FilingError) as caught:
            carry_out(plan_filing(sources, into))
        return str(caught.value)

    assert in_fork(work, user=NOBODY) == f"The folder {into} cannot be made: Permission denied."


@needs_root
def test_pictures_that_cannot_be_taken_away_stay(sources: ConceptSet, tmp_path: Path) -> None:
    opened_up(tmp_path, 0o755)
    place = tmp_path / "free"
    place.mkdir()
    place.chmod(0o777)
    before = tree(tmp_path / "photos")
    result = in_fork(lambda: carry_out(plan_filing(sources, place / "sorted", "move")), user=NOBODY)
    assert {one.reason for one in result.left} == {"it cannot be taken from its folder: Permission denied"}
    assert len(result.left) == 5
    assert tree(tmp_path / "photos") == before
    assert not list((place / "sorted").rglob("*.png"))


def opened_up(folder: Path, mode: int) -> None:
    """Let another user into a test's folder."""
    for place in (folder, *folder.parents):
        if place.stat().st_uid == os.getuid() and place != Path(tempfile.gettempdir()):
            place.chmod(mode)


def test_paths_that_are_too_long_are_left(sources: ConceptSet, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("other limits there")
    limit = os.pathconf(tmp_path, "PC_PATH_MAX")
    place = tmp_path
    while len(os.fsencode(place)) < limit - 300:
        place /= "d" * 200
    place /= "e" * (limit - 75 - len(os.fsencode(place)))  # room for the journal, not for all names
    images = (*sources.images[:4], replace(sources.images[4], path=Path("photos") / ("x" * 80 + ".png")))
    (tmp_path / "photos/lost.png").rename(tmp_path / images[4].path)
    result = carry_out(plan_filing(replace(sources, images=images), place, "move"))
    assert [one.index for one in result.left] == [4]
    assert result.left[0].reason.startswith("its new path would be too long")
    assert (tmp_path / images[4].path).is_file()
    assert undo(place).left == ()


def test_names_that_are_no_utf8_come_back_as_they_were(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path / "photos") + b"/caf\xe9.png"))
    try:
        (tmp_path / "photos/lost.png").rename(odd)
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    before = tree(tmp_path / "photos")
    named = replace(sources, images=(*sources.images[:4], replace(sources.images[4], path=odd)))
    carry_out(plan_filing(named, into, "move"))
    assert (into / "outliers/caf_.png").is_file()
    undo(into)
    assert tree(tmp_path / "photos") == before


def test_to_another_drive_and_back(sources: ConceptSet, tmp_path: Path) -> None:
    far = Path("/dev/shm")
    if not far.is_dir() or far.stat().st_dev == tmp_path.stat().st_dev or not os.access(far, os.W_OK):
        pytest.skip("there is no other drive")
    before = tree(tmp_path / "photos")
    with tempfile.TemporaryDirectory(dir=far) as folder:
        result = carry_out(plan_filing(sources, Path(folder) / "sorted", "move"))
        assert (len(result.filed), result.left) == (5, ())
        assert not list((tmp_path / "photos").rglob("*.png"))
        assert undo(Path(folder) / "sorted").left == ()
        assert os.listdir(folder) == []
    assert tree(tmp_path / "photos") == before


def test_a_copy_that_came_out_different_does_not_cost_the_original(
    sources: ConceptSet, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_filing(sources, into, "move")

    def damaging(source: Path, target: Path) -> None:
        if Path(source).suffix != ".part":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        os.rename(source, target)

    def damage(source: Path, target: Path) -> None:
        target.write_bytes(b"damaged")

    monkeypatch.setattr(os, "replace", damaging)
    monkeypatch.setattr(shutil, "copystat", damage)
    result = carry_out(plan)
    assert {one.reason for one in result.left} == {"its copy came out different; the disk may be damaged"}
    assert all(file.source.is_file() for file in plan.files)
    assert [path.name for path in into.rglob("*") if path.is_file()] == [JOURNAL]


def test_what_is_written_while_it_is_copied_to_another_drive_is_not_lost(
    sources: ConceptSet, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_filing(sources, into, "move")

    def far(source: Path, target: Path) -> None:
        if Path(source).suffix != ".part":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        os.rename(source, target)

    def edit(source: Path, target: Path) -> None:
        source.write_bytes(b"edited")

    monkeypatch.setattr(os, "replace", far)
    monkeypatch.setattr(shutil, "copystat", edit)
    result = carry_out(plan)
    assert {one.reason for one in result.left} == {"its content has changed since the fit"}
    assert [file.source.read_bytes() for file in plan.files] == [b"edited"] * 5
    assert [path.name for path in into.rglob("*") if path.is_file()] == [JOURNAL]


def test_what_was_moved_before_a_kill_is_known_where_another_has_its_place(
    sources: ConceptSet, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_filing(sources, into, "move")
    near = os.replace

    def killed(source: Path, target: Path) -> None:
        near(source, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            carry_out(plan)
    first = plan.files[0]
    data = (into / first.target).read_bytes()
    first.source.write_bytes(b"another")
    assert [Path(one.name) for one in undo(into).left] == [into / first.target]
    first.source.unlink()
    assert undo(into).left == ()
    assert first.source.read_bytes() == data


def test_two_processes_do_not_file_into_one_folder(sources: ConceptSet, into: Path) -> None:
    plan = plan_filing(sources, into)
    carry_out(replace(plan, files=plan.files[:1]))

    def work() -> str:
        with pytest.raises(FilingError) as caught:
            carry_out(plan)
        return str(caught.value)

    with open_journal(into, create=False):
        assert "another process files pictures there" in in_fork(work)


def test_a_journal_that_another_process_takes_away_is_not_written_into(
    sources: ConceptSet, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_filing(sources, into, "move")

    def lock_too_late(fd: int) -> bool:
        (into / JOURNAL).unlink()
        return True

    monkeypatch.setattr("concept_memes.filing.journal._lock", lock_too_late)
    with pytest.raises(FilingError, match="has just been undone"):
        carry_out(plan)
    assert all(file.source.is_file() for file in plan.files)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
def test_the_journal_goes_while_no_other_process_can_write_into_it(
    sources: ConceptSet, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_filing(sources, into, "move")
    carry_out(plan)
    said, unlink = [], Path.unlink

    def work() -> str:
        try:
            carry_out(plan)
        except FilingError as error:
            return str(error)
        return "filed, and the journal is taken away"

    def slow(path: Path, missing_ok: bool = False) -> None:
        if path.name == JOURNAL:
            said.append(in_fork(work))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", slow)
    undo(into)
    assert len(said) == 1
    assert "another process files pictures there" in said[0]


def test_what_was_begun_leaves_nothing_where_its_picture_has_gone(
    sources: ConceptSet, into: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_filing(sources, into, "move")

    def killed(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            carry_out(plan)
    plan.files[0].source.rename(tmp_path / "mine.png")
    undo(into)
    assert not into.exists()


def test_progress_is_told(sources: ConceptSet, into: Path) -> None:
    from concept_memes.progress import Progress

    stages: list[tuple[str, int, int | None]] = []
    progress = Progress(verbose=False, callback=lambda event: stages.append((event.stage, event.done, event.total)))
    carry_out(plan_filing(sources, into, progress=progress), progress=progress)
    undo(into, progress=progress)
    assert [one for one in stages if one[1] == 5] == [("checking", 5, 5), ("filing", 5, 5), ("undoing", 5, 5)]


# What is undone


@pytest.mark.parametrize("mode", MODES)
def test_undoing_twice_is_harmless(sources: ConceptSet, into: Path, tmp_path: Path, mode: Mode) -> None:
    before = tree(tmp_path)
    carry_out(plan_filing(sources, into, mode))
    result = undo(into)
    assert (result.folder, result.n_undone, result.left) == (into, 5, ())
    assert tree(tmp_path) == before
    with pytest.raises(FilingError, match="is not there"):
        undo(into)
    assert tree(tmp_path) == before


def test_folders_that_were_made_on_the_way_go_again(sources: ConceptSet, tmp_path: Path) -> None:
    before = tree(tmp_path)
    carry_out(plan_filing(sources, tmp_path / "new/newer/sorted"))
    undo(tmp_path / "new/newer/sorted")
    assert tree(tmp_path) == before


def edited(path: Path) -> None:
    """Write something of one's own, in the place of a link or into a file."""
    if path.is_symlink():
        path.unlink()
    path.write_bytes(b"edited")


def renamed(path: Path) -> None:
    """Give another name."""
    path.rename(path.with_name("mine.png"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("change", [edited, renamed])
def test_undoing_loses_nothing_that_the_user_did(
    sources: ConceptSet, into: Path, tmp_path: Path, mode: Mode, change: Callable[[Path], object]
) -> None:
    carry_out(plan_filing(sources, into, mode))
    (into / "outliers/notes.txt").write_text("my notes")
    change(into / "0 panda, bear_zoo/c.png")
    before = {held for held in without_journal(tmp_path).values() if isinstance(held, bytes)}
    undo(into)
    held = without_journal(tmp_path)
    assert before <= set(held.values())
    assert (into / "outliers/notes.txt").exists()
    if (into / JOURNAL).exists():
        undo(into)
        assert without_journal(tmp_path) == held


def without_journal(folder: Path) -> dict[str, Any]:
    return {name: held for name, held in tree(folder).items() if not name.endswith(JOURNAL)}


def test_a_copy_whose_original_is_gone_stays(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    carry_out(plan_filing(sources, into, "copy"))
    (tmp_path / "photos/lost.png").unlink()
    (tmp_path / "photos/c.png").write_bytes(b"edited")
    result = undo(into)
    assert result.n_undone == 3
    assert {Path(one.name).name: one.reason.partition(",")[0] for one in result.left} == {
        "lost.png": "its original is gone or was changed",
        "c.png": "its original is gone or was changed",
    }
    assert (into / "outliers/lost.png").is_file()
    assert (into / JOURNAL).is_file()  # so that it can be undone when the originals are back


def test_what_was_moved_goes_back_only_where_nothing_is_in_the_way(
    sources: ConceptSet, into: Path, tmp_path: Path
) -> None:
    content = (tmp_path / "photos/c.png").read_bytes()
    carry_out(plan_filing(sources, into, "move"))
    (tmp_path / "photos/c.png").write_bytes(b"a new one")
    shutil.rmtree(tmp_path / "photos/a")  # folders that are gone are made again
    (left,) = undo(into).left
    assert left.reason == f"something else is there already: {tmp_path / 'photos/c.png'}"
    assert (tmp_path / "photos/c.png").read_bytes() == b"a new one"
    assert (into / "0 panda, bear_zoo/c.png").read_bytes() == content
    assert (tmp_path / "photos/a/1.png").is_file()
    (tmp_path / "photos/c.png").unlink()
    assert undo(into).n_undone == 1
    assert (tmp_path / "photos/c.png").read_bytes() == content
    assert not into.exists()


def test_a_damaged_journal_is_not_acted_upon(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    carry_out(plan_filing(sources, into, "move"))
    lines = (into / JOURNAL).read_bytes().splitlines(keepends=True)
    (into / JOURNAL).write_bytes(b"".join([*lines[:2], b"{damaged\n", *lines[3:]]))
    before = tree(tmp_path)
    for work in (lambda: undo(into), lambda: plan_filing(sources, into, "move")):
        with pytest.raises(FilingError, match="is damaged in line 3"):
            work()
    assert tree(tmp_path) == before


def test_a_journal_cannot_lead_out_of_its_folder(sources: ConceptSet, into: Path, tmp_path: Path) -> None:
    carry_out(plan_filing(sources, into, "copy"))
    text = (into / JOURNAL).read_text()
    (into / JOURNAL).write_text(text.replace("outliers/lost.png", "../photos/lost.png"))
    with pytest.raises(FilingError, match="is no place inside the folder"):
        undo(into)
    assert (tmp_path / "photos/lost.png").is_file()


def test_a_journal_of_a_newer_version_is_refused(sources: ConceptSet, into: Path) -> None:
    carry_out(plan_filing(sources, into))
    text = (into / JOURNAL).read_text()
    (into / JOURNAL).write_text(text.replace('"version": 1', '"version": 2', 1))
    with pytest.raises(FilingError, match="its format version is 2, up to 1 can be read. Upgrade"):
        undo(into)


def test_what_is_to_be_done_is_in_the_journal_before(
    sources: ConceptSet, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced: list[set[str]] = []
    real = os.symlink

    def look(text: str, target: Path) -> None:
        lines = journal_lines(into)
        announced.append({line["target"] for line in lines if "step" in line})
        assert str(target.relative_to(into)) in announced[-1]
        assert not any("end" in line and line["end"] == len(announced) + 3 for line in lines)
        real(text, target)

    monkeypatch.setattr(os, "symlink", look)
    carry_out(plan_filing(sources, into))
    assert len(announced) == 5
    head, *lines = journal_lines(into)
    assert (head["format"], head["version"]) == ("concept_memes filing", 1)
    assert [line["end"] for line in lines if "end" in line] == list(range(1, 9))


def test_pictures_that_came_as_pixels_only(color_set: ConceptSet, into: Path) -> None:
    plan = plan_filing(color_set, into)
    assert (plan.files, len(plan.left)) == ((), 27)


def test_pictures_of_a_list_do_not_make_everything_their_folder(sources: ConceptSet, tmp_path: Path) -> None:
    images = tuple(replace(image, name=str(image.path.relative_to(tmp_path))) for image in sources.images if image.path)
    listed = replace(sources, images=tuple(replace(image, path=Path(image.name)) for image in images))
    assert plan_filing(listed, tmp_path / "sorted").notes == ()
    assert len(plan_filing(listed, tmp_path / "photos/a/sorted").notes) == 1


# Copies


def with_copies(sources: ConceptSet, pairs: dict[int, int]) -> ConceptSet:
    """Say of which pictures others are near copies."""
    copy_of = np.arange(len(sources.images))
    kinds = np.zeros(len(copy_of), np.uint8)
    for copy, original in pairs.items():
        copy_of[copy], kinds[copy] = original, COPY_KINDS.index("near")
    return replace(sources, families=PictureFamilies(copy_of, kinds, copy_of.copy()))


@pytest.mark.parametrize("mode", ["link", "copy", "move"])
def test_copies_go_aside_and_come_back(sources: ConceptSet, tmp_path: Path, mode: Mode) -> None:
    members = sources.members(0).tolist()
    first, copy, other = members[:3]
    fitted, before = with_copies(sources, {copy: first}), tree(tmp_path)
    plan = plan_filing(fitted, tmp_path / "sorted", mode, copies="aside")
    carry_out(plan)
    (folder,) = [name for name in plan.folders if name.startswith("0 ")]
    assert len(plan.folders[folder]) == len(members)
    once = {path.name for path in (tmp_path / "sorted" / folder).iterdir()}
    assert once == {"1.png", "c.png", "copies"}
    (aside,) = (tmp_path / "sorted" / folder / "copies").iterdir()
    assert content_hash(aside) == sources.images[copy].content_hash  # a link leads there from one folder deeper
    assert content_hash(tmp_path / "sorted" / folder / "c.png") == sources.images[other].content_hash
    assert plan_filing(fitted, tmp_path / "sorted", mode, copies="aside").files[0].done
    with pytest.raises(FilingError, match="holds an earlier filing"):
        plan_filing(fitted, tmp_path / "sorted", mode)
    assert undo(tmp_path / "sorted").left == ()
    assert tree(tmp_path) == before


def test_where_the_picture_is_in_another_concept_one_copy_stays(sources: ConceptSet) -> None:
    (there, *_), (one, other, _) = sources.members(1).tolist(), sources.members(0).tolist()
    laid_out, _ = lay_out(with_copies(sources, {one: there, other: there}), copies_aside=True)
    aside = {place.index for place in laid_out if place.folder.endswith("/copies")}
    assert aside == {max(one, other)}
    assert len(laid_out) == len(sources.images)


def test_a_picture_called_copies_is_not_taken_for_the_folder(sources: ConceptSet) -> None:
    first, copy, other, *_ = sources.members(0).tolist()
    images = list(sources.images)
    images[other] = replace(images[other], path=Path("x/Copies"))
    laid_out, _ = lay_out(with_copies(replace(sources, images=tuple(images)), {copy: first}), copies_aside=True)
    assert next(place for place in laid_out if place.index == other).name == "Copies (2)"


def test_copies_that_nobody_looked_for_cannot_go_aside(sources: ConceptSet, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="nobody looked for copies"):
        plan_filing(sources, tmp_path / "sorted", copies="aside")
    with pytest.raises(InvalidParameterError, match='"keep" or "aside"'):
        plan_filing(sources, tmp_path / "sorted", copies="left")  # type: ignore[arg-type]
