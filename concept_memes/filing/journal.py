"""The journal of a filing: JSON lines, on the disk before what they announce is done, so that a kill loses nothing.

::

    {"format": "concept_memes filing", "version": 1, "plan": "8c1...", "made": ["/home/me/sorted"]}
    {"step": 1, "do": "move", "target": "03 panda/a.jpg", "source": "/home/me/photos/a.jpg", "hash": "2f4..."}
    {"end": 1, "state": "done"}
    {"undo": 1, "hash": "2f4..."}
    {"end": 1, "state": "undone"}

A step that has no end was under way when the program was killed: what is on the disk tells whether it was done.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from concept_memes.errors import FilingError

__all__ = ["JOURNAL", "Journal", "JournalContent", "Kind", "Step", "open_journal", "read_journal"]

#: Name of the file, in the folder that pictures were filed into.
JOURNAL = "concept-memes-journal.jsonl"
FORMAT = "concept_memes filing"
VERSION = 1

Kind = Literal["folder", "link", "copy", "move"]
State = Literal["begun", "done", "dropped", "undoing", "undone"]
STATES = ("done", "dropped", "undone")


class NewerJournalError(Exception):
    """A newer version of this package wrote the journal."""


@dataclass(frozen=True)
class Step:
    """One change on the disk.

    Attributes
    ----------
    number : int
        From 1, in the order of the journal.
    kind : {"folder", "link", "copy", "move"}
    target : str
        What it makes, relative to the folder that pictures are filed into, with ``/``.
    source : str
        Absolute path of the picture; "" for a folder.
    content_hash : str
        Of the picture, as `loading.content_hash` gives it; "" for a folder.
    link : str
        What the symbolic link holds; "" for the others.
    """

    number: int
    kind: Kind
    target: str
    source: str = ""
    content_hash: str = ""
    link: str = ""

    def as_line(self) -> dict[str, Any]:
        """Return what stands in the journal."""
        told = {"do": self.kind, "target": self.target, "source": self.source, "hash": self.content_hash}
        return {"step": self.number, **{key: value for key, value in {**told, "link": self.link}.items() if value}}


@dataclass
class JournalContent:
    """What a journal tells.

    Attributes
    ----------
    plan : str
        Fingerprint of the plan that was carried out; "" where the program was killed before the first line.
    made : tuple of str
        Folders that were made so that the one of the journal could be, the outermost first.
    steps : dict of int to Step
    states : dict of int to str
        How far each step is.
    undo_hashes : dict of int to str
        Content of moved files when their undoing began.
    """

    plan: str
    made: tuple[str, ...]
    steps: dict[int, Step]
    states: dict[int, State]
    undo_hashes: dict[int, str]

    def by_target(self) -> dict[str, Step]:
        """Return the steps that are done or under way, by what they make."""
        return {s.target: s for s in self.steps.values() if self.states[s.number] not in ("dropped", "undone")}


def read_journal(folder: Path) -> JournalContent | None:
    """Read the journal of a folder, without changing it.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    JournalContent or None
        None where there is none.

    Raises
    ------
    FilingError
        If it is damaged, or a newer version of this package wrote it.
    """
    path = folder / JOURNAL
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return _parsed(data, path)


class Journal:
    """A journal that is open for writing; made by `open_journal`.

    Attributes
    ----------
    content : JournalContent
    """

    def __init__(self, folder: Path, fd: int, content: JournalContent) -> None:
        self.folder, self.content = folder, content
        self._fd = fd

    def start(self, plan: str, made: Iterable[Path]) -> None:
        """Write the first line, if there is none."""
        if not self.content.plan:
            self.content.plan, self.content.made = plan, tuple(map(str, made))
            head = {"format": FORMAT, "version": VERSION, "plan": plan, "made": self.content.made}
            self._write([head], sync=True)
            sync_folder(self.folder)

    def begin(self, steps: Sequence[Step]) -> None:
        """Write what will be done; it is on the disk when this returns."""
        if not steps:
            return
        self._write([step.as_line() for step in steps], sync=True)
        for step in steps:
            self.content.steps[step.number] = step
            self.content.states[step.number] = "begun"

    def begin_undo(self, steps: Sequence[Step], hashes: Sequence[str]) -> None:
        """Write what will be undone; it is on the disk when this returns."""
        lines = [{"undo": step.number, "hash": key} for step, key in zip(steps, hashes, strict=True)]
        self._write(lines, sync=True)
        for step, key in zip(steps, hashes, strict=True):
            self.content.states[step.number] = "undoing"
            self.content.undo_hashes[step.number] = key

    def end(self, step: Step, state: Literal["done", "dropped", "undone"]) -> None:
        """Write what became of a step. It need not be on the disk: without it, what is there is looked at."""
        self._write([{"end": step.number, "state": state}], sync=False)
        self.content.states[step.number] = state

    def new_number(self) -> int:
        """Return the number of the next step."""
        return max(self.content.steps, default=0) + 1

    def _write(self, lines: Sequence[dict[str, Any]], *, sync: bool) -> None:
        data = "".join(json.dumps(line) + "\n" for line in lines).encode("ascii")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
            if sync:
                os.fsync(self._fd)
        except OSError as error:
            raise FilingError(
                f"{self.folder / JOURNAL} cannot be written ({error.strerror}), so nothing more was done. Mend that, "
                "then go on by doing the same again, or undo it."
            ) from error


@contextmanager
def open_journal(folder: Path, *, create: bool) -> Iterator[Journal]:
    """Open the journal of a folder for writing, for one process at a time.

    Parameters
    ----------
    folder : Path
    create : bool
        Make it if it is not there.

    Yields
    ------
    Journal

    Raises
    ------
    FilingError
        If there is none, it is damaged, or another process has it open.
    """
    path = folder / JOURNAL
    flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0) | (os.O_CREAT if create else 0)
    try:
        fd = os.open(path, flags, 0o644)
    except FileNotFoundError as error:
        what = (
            f"holds no {JOURNAL}: no pictures were filed there, or all is undone" if folder.is_dir() else "is not there"
        )
        raise FilingError(f"{folder} {what}. Nothing was changed.") from error
    except OSError as error:
        raise FilingError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        if not _lock(fd):
            raise FilingError(f"{folder}: another process files pictures there. Wait until it is done.")
        if not _is_at(fd, path):  # another process has undone all, and taken it away, before it was locked here
            raise FilingError(f"{folder}: what was filed there has just been undone. Do the same again.")
        data = path.read_bytes()
        content = _parsed(data, path)
        os.truncate(fd if os.truncate in os.supports_fd else path, data.rfind(b"\n") + 1)
        yield Journal(folder, fd, content)
    finally:
        os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    """Tell whether an open file is still the one that has this name."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def sync_folder(folder: Path) -> None:
    """Have the entries of a folder written to the disk, where the system can."""
    if sys.platform == "win32":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError:  # network file systems that cannot; what matters is synced file by file
        return
    finally:
        os.close(fd)


def _parsed(data: bytes, path: Path) -> JournalContent:
    """Read the lines; the last one counts only if it is whole."""
    found = JournalContent("", (), {}, {}, {})
    whole = data[: data.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            _add(found, json.loads(line))
        except NewerJournalError as error:
            raise FilingError(f"{path}: {error}. Upgrade: pip install --upgrade concept-memes") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise FilingError(
                f"{path} is damaged in line {number} ({error!r}); nothing was done. Mend the line, or file into "
                "another folder."
            ) from error
    return found


def _add(found: JournalContent, line: dict[str, Any]) -> None:
    """Take in one line."""
    if "format" in line:
        if line["format"] != FORMAT or not isinstance(line["version"], int):
            raise ValueError(f"format {line['format']!r}, version {line['version']!r}")
        if line["version"] > VERSION:
            raise NewerJournalError(f"its format version is {line['version']}, up to {VERSION} can be read")
        found.plan, found.made = str(line["plan"]), tuple(map(str, line["made"]))
    elif not found.plan:
        raise ValueError("the first line must tell the format")
    elif "step" in line:
        number, kind = int(line["step"]), line["do"]
        if kind not in ("folder", "link", "copy", "move"):
            raise ValueError(f"no such step: {kind!r}")
        target = _inside(line["target"])
        source = "" if kind == "folder" else str(line["source"])
        found.steps[number] = Step(number, kind, target, source, str(line.get("hash", "")), str(line.get("link", "")))
        found.states[number] = "begun"
    elif "undo" in line:
        found.undo_hashes[found.steps[line["undo"]].number] = str(line["hash"])
        found.states[line["undo"]] = "undoing"
    else:
        if line["state"] not in STATES:
            raise ValueError(f"no such state: {line['state']!r}")
        found.states[found.steps[line["end"]].number] = line["state"]


def _inside(target: object) -> str:
    """Refuse a target that leads out of the folder: what is undone is removed."""
    if not isinstance(target, str) or not target or any(part in ("", ".", "..") for part in target.split("/")):
        raise ValueError(f"{target!r} is no place inside the folder")
    return target


def _lock(fd: int) -> bool:
    """Keep other processes away until the file is closed; a killed process lets go of it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(fd, 1 << 30, os.SEEK_SET)  # far behind the end: what is locked cannot be read by others
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        return sys.platform != "win32" or error.errno not in (13, 36)  # some network file systems know no locks
    return True
