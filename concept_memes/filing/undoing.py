"""Putting everything back: what the journal tells, in reverse. What the user has changed since is left alone."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from concept_memes.errors import FilingError
from concept_memes.filing.carrying_out import batches, part_of, settle
from concept_memes.filing.journal import JOURNAL, Journal, Step, open_journal
from concept_memes.filing.layout import LeftImage
from concept_memes.filing.placing import LeftError, hash_of, move_file
from concept_memes.progress import Progress

__all__ = ["UndoResult", "undo"]


@dataclass(frozen=True)
class UndoResult:
    """What undoing did.

    Attributes
    ----------
    folder : Path
        The folder that pictures had been filed into.
    n_undone : int
        Links and copies that were removed, and pictures that were moved back.
    left : tuple of LeftImage
        What could not be undone, with the reasons; `index` is -1. The journal stays as long as there is any.
    """

    folder: Path
    n_undone: int
    left: tuple[LeftImage, ...]


def undo(folder: str | Path, *, progress: Progress | None = None) -> UndoResult:
    """Undo a filing: remove the links and copies, move the pictures back, remove the folders that are empty then.

    Only what is still as it was made is removed, and a copy only while its original is there. A picture is moved back
    only where nothing is in the way. Killed at any moment, it can be done again.

    Parameters
    ----------
    folder : str or Path
        The folder that pictures were filed into.
    progress : Progress, optional
        Tells how far it is.

    Returns
    -------
    UndoResult

    Raises
    ------
    FilingError
        If nothing was filed there, or all of it is undone by now; if the journal is damaged, or another process uses
        it; if nothing can be written.

    Examples
    --------
    See `plan_filing`.
    """
    folder = Path(os.path.abspath(os.path.expanduser(folder)))
    progress = Progress(verbose=False) if progress is None else progress
    with open_journal(folder, create=False) as journal:
        settle(journal)
        content = journal.content
        files = [step for step in content.by_target().values() if step.kind != "folder"]
        left: list[LeftImage] = []
        with progress.counter("undoing", total=len(files)) as advance:
            for batch in batches(reversed(files)):
                hashes = [(hash_of(folder / step.target) or "") if step.kind == "move" else "" for step in batch]
                journal.begin_undo(batch, hashes)
                for step, key in zip(batch, hashes, strict=True):
                    left += _undone(journal, step, key)
                    advance(1)
        _remove_folders(journal)
        if not left and sys.platform != "win32":  # while it is locked: nobody else may have begun to write into it
            (folder / JOURNAL).unlink()
    if not left:
        if sys.platform == "win32":  # which removes no file that is open
            (folder / JOURNAL).unlink()
        for place in reversed(content.made):
            if not _removed(Path(place)):
                break
    return UndoResult(folder, len(files) - len(left), tuple(left))


def _undone(journal: Journal, step: Step, content_hash: str) -> list[LeftImage]:
    """Undo one step; say why it cannot be."""
    target = journal.folder / step.target
    try:
        if step.kind == "move":
            _move_back(target, Path(step.source), part_of(journal.folder, step, back=True), content_hash)
        elif os.path.lexists(target):
            _check_ours(step, target)
            target.unlink()
    except LeftError as error:
        reason = error.reason
    except OSError as error:
        reason = f"it cannot be removed: {error.strerror}"
    else:
        journal.end(step, "undone")
        return []
    journal.end(step, "done")
    return [LeftImage(-1, str(target), reason)]


def _move_back(target: Path, source: Path, part: Path, content_hash: str) -> None:
    if not os.path.lexists(target):
        raise LeftError(f"it is no longer there; it came from {source}")
    if not content_hash:
        raise LeftError("it is no file that can be read by now")
    try:
        source.parent.mkdir(parents=True, exist_ok=True)
        move_file(target, source, part, content_hash)
    except (FilingError, OSError) as error:  # one folder may be closed, the others are not
        raise LeftError(f"it cannot go back: {error}") from error


def _check_ours(step: Step, target: Path) -> None:
    """Raise if what is there is not what was made, or if it exists nowhere else."""
    if step.kind == "link":
        if not target.is_symlink() or os.readlink(target) != step.link:
            raise LeftError("it is no longer the link that was made")
    elif hash_of(target) != step.content_hash:
        raise LeftError("it is no longer the copy that was made")
    elif _hash_of_original(Path(step.source)) != step.content_hash:
        raise LeftError(f"its original is gone or was changed, so this copy stays: {step.source}")


def _hash_of_original(source: Path) -> str | None:
    """Hash what was copied; it may have been reached through a link."""
    return hash_of(Path(os.path.realpath(source)))


def _remove_folders(journal: Journal) -> None:
    """Remove the folders that were made, where they are empty."""
    content = journal.content
    for step in reversed([s for s in content.by_target().values() if s.kind == "folder"]):
        if _removed(journal.folder / step.target):
            journal.end(step, "undone")


def _removed(folder: Path) -> bool:
    """Remove a folder if it is empty; tell whether it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
