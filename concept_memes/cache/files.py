"""Which files in the folder of a cache are its own. Users may name a folder that holds other things; these stay."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

__all__ = [
    "ASIDE",
    "DATABASE",
    "DOWNLOADS",
    "ENDINGS",
    "aside_files",
    "bytes_of",
    "database_files",
    "kept_copies",
    "remove_files",
]

#: Name of the database.
DATABASE = "vectors.sqlite3"
#: What SQLite appends to it for the files that it keeps beside it; the database itself comes last.
ENDINGS = ("-wal", "-shm", "-journal", "")
#: What follows the name of a database that is damaged and was moved aside.
ASIDE = ".damaged-"
#: Name of the folder with copies of addresses.
DOWNLOADS = "downloads"

# What the copies of addresses are called, whole ones and those that still arrive. Nobody else gives such names.
COPY_FOLDER = re.compile(r"[0-9a-f]{2}")
COPY = re.compile(r"[0-9a-f]{40}(?:\.[a-z0-9]{1,8}){0,2}")
PARTIAL = re.compile(r"[0-9]+-[0-9a-f]{16}\.part")
PARTIAL_SECONDS = 86_400  # one that is older arrives no more


def database_files(folder: Path) -> list[Path]:
    """List the database, and what SQLite keeps beside it.

    Parameters
    ----------
    folder : Path
        The folder of the cache.

    Returns
    -------
    list of Path
    """
    names = {DATABASE + ending for ending in ENDINGS}
    return [folder / entry.name for entry in _entries(folder) if entry.name in names and _is_file(entry)]


def aside_files(folder: Path) -> list[Path]:
    """List damaged databases that were moved aside.

    Parameters
    ----------
    folder : Path
        The folder of the cache.

    Returns
    -------
    list of Path
    """
    name = re.compile(rf"{re.escape(DATABASE + ASIDE)}[0-9]+(?:-wal|-shm|-journal)?")
    return [folder / entry.name for entry in _entries(folder) if name.fullmatch(entry.name) and _is_file(entry)]


def kept_copies(folder: Path) -> list[Path]:
    """List the copies of addresses, and what is left of those that stopped arriving.

    Parameters
    ----------
    folder : Path
        The folder of the cache.

    Returns
    -------
    list of Path

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     kept = Path(name) / "downloads" / "0a"
    ...     kept.mkdir(parents=True)
    ...     for file in ("0a" * 20 + ".jpg", "my own.jpg"):
    ...         _ = (kept / file).write_bytes(b"")
    ...     [path.name for path in kept_copies(Path(name))]
    ['0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a.jpg']
    """
    root = folder / DOWNLOADS
    copies = []
    for place in (root, root / "changing"):
        for inner in _entries(place):
            if COPY_FOLDER.fullmatch(inner.name) and inner.is_dir(follow_symlinks=False):
                copies += [file for file in _entries(inner) if COPY.fullmatch(file.name) and _is_file(file)]
    for file in _entries(root / "arriving"):
        if PARTIAL.fullmatch(file.name) and _is_file(file):
            with suppress(OSError):  # it arrived in this moment
                if time.time() - file.stat().st_mtime > PARTIAL_SECONDS:
                    copies.append(file)
    return [Path(file.path) for file in copies]


def bytes_of(paths: Iterable[Path]) -> int:
    """Add up what files take; those that have gone meanwhile take nothing.

    Parameters
    ----------
    paths : iterable of Path

    Returns
    -------
    int
    """
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def remove_files(paths: list[Path], folder: Path) -> None:
    """Remove files, and the folders inside the cache's that are empty then.

    Parameters
    ----------
    paths : list of Path
    folder : Path
        The folder of the cache; it stays.

    Raises
    ------
    OSError
        If one cannot be removed.
    """
    parents: set[Path] = set()
    for path in paths:
        path.unlink(missing_ok=True)
        parents.update(parent for parent in path.parents if parent.is_relative_to(folder) and parent != folder)
    for parent in sorted(parents, key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):  # it holds something else
            parent.rmdir()


def _is_file(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False)


def _entries(folder: Path | os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    """Go through a folder that may not be there, in order."""
    try:
        with os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
