"""Filing that is killed (SIGKILL, in a process of its own) between any two changes of the disk."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from filedpictures import concept_set_of, draw, kills, tree

from concept_memes.concepts import ConceptSet
from concept_memes.errors import FilingError
from concept_memes.filing import JOURNAL, Mode, carry_out, plan_filing, undo

MODES = ("link", "copy", "move", "move far")


class Place:
    """A picture in a concept and one in none, the folder that they are filed into, and a way back to the start."""

    def __init__(self, base: ConceptSet, folder: Path, mode: str) -> None:
        self.folder, self.mode = folder / "work", "move" if mode == "move far" else mode
        self.into = self.folder / "sorted"
        paths = draw(self.folder / "photos", ["a/1.png", "b/1.png"])
        self.concept_set = concept_set_of(base, paths, [0, -1], ["panda"])
        self.before = tree(self.folder)
        shutil.copytree(self.folder, folder / "kept")
        self._kept = folder / "kept"

    def file(self) -> None:
        mode: Mode = self.mode  # type: ignore[assignment]
        carry_out(plan_filing(self.concept_set, self.into, mode))

    def undo(self) -> None:
        undo(self.into)

    def reset(self, state: Path | None = None) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self._kept if state is None else state, self.folder, symlinks=True)

    def keep(self, name: str) -> Path:
        kept = self._kept.with_name(name)
        shutil.copytree(self.folder, kept, symlinks=True)
        return kept

    def without_journal(self) -> dict[str, bytes | str | None]:
        return {name: held for name, held in tree(self.folder).items() if not name.endswith(JOURNAL)}


@pytest.fixture(params=MODES)
def place(
    request: pytest.FixtureRequest, color_set: ConceptSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    made = Place(color_set, tmp_path, request.param)
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # a killed process loses nothing that the system has
    if request.param == "move far":
        near = os.replace

        def far(source: Path, target: Path) -> None:
            """Behave as if what is sorted were on another drive."""
            if (made.into in Path(source).parents) != (made.into in Path(target).parents):
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            near(source, target)

        monkeypatch.setattr(os, "replace", far)
    return made


def test_filing_that_was_killed_goes_on(place: Place) -> None:
    place.file()
    complete = place.without_journal()
    place.reset()
    n_kills = 0
    for n_kills in kills(place.file):  # noqa: B007 (counted)
        place.file()
        assert place.without_journal() == complete
        place.undo()
        assert {**tree(place.folder), "sorted": None} == {**place.before, "sorted": None}
        place.reset()
    assert n_kills > 10


def test_filing_that_was_killed_can_be_undone(place: Place) -> None:
    for _ in kills(place.file):
        undone_or_never_begun(place)
        place.reset()


def test_undoing_that_was_killed_goes_on(place: Place) -> None:
    place.file()
    filed = place.keep("filed")
    n_kills = 0
    for n_kills in kills(place.undo):  # noqa: B007 (counted)
        undone_or_never_begun(place)
        place.reset(filed)
    assert n_kills > 5


def test_filing_goes_on_after_undoing_was_killed(place: Place) -> None:
    place.file()
    filed, complete = place.keep("filed"), place.without_journal()
    for _ in kills(place.undo):
        place.file()
        assert place.without_journal() == complete
        place.reset(filed)


def undone_or_never_begun(place: Place) -> None:
    """Undo; before the first line of the journal, and after its end, there is nothing but an empty folder."""
    try:
        place.undo()
    except FilingError:
        assert not (place.into / JOURNAL).exists()
    assert {**tree(place.folder), "sorted": None} == {**place.before, "sorted": None}
