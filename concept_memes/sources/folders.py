"""The image files of a folder, or of a glob pattern. Nothing is decoded; files without an image ending are looked into.

What changes meanwhile does no harm: an entry that is gone is not listed, a folder that is gone is named.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from concept_memes.image_formats import ENDINGS, N_MAGIC, image_format

__all__ = ["FoundFiles", "files_in_folder", "files_of_pattern", "has_wildcard", "is_image_file"]

OUR_THUMBNAILS = re.compile(r"thumbs-[0-9a-f]{16}")  # see `explorer.thumbnail_folder`


@dataclass(frozen=True)
class FoundFiles:
    """What a search on disk has found.

    Attributes
    ----------
    files : tuple of (str, Path)
        Image files: the posix path inside the folder (or the path that a pattern matched), and where they are; sorted.
    n_others : int
        Files that were seen and left aside because they are no images.
    unlistable : tuple of (Path, str)
        Folders that could not be listed, and why.
    """

    files: tuple[tuple[str, Path], ...]
    n_others: int
    unlistable: tuple[tuple[Path, str], ...]


def has_wildcard(text: str) -> bool:
    """Tell whether a text can be a glob pattern.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool

    Examples
    --------
    >>> has_wildcard("pics/*.jpg"), has_wildcard("pics/a.jpg")
    (True, False)
    """
    return any(character in text for character in "*?[")


def files_in_folder(folder: Path, *, hidden: bool = False) -> FoundFiles:
    """Find the image files of a folder and its sub-folders.

    The thumbnails of an explorer that was saved into the folder are none of its pictures.

    One pass of `os.scandir`, so that 100,000 files take seconds. Links to folders are not followed: they could lead in
    a circle, or list the same picture twice. Links to files are.

    Parameters
    ----------
    folder : Path
    hidden : bool, default=False
        Whether to look into hidden folders and at hidden files (leading dot) too. Otherwise each counts as one other
        file, whatever is in it.

    Returns
    -------
    FoundFiles

    Raises
    ------
    OSError
        If the folder itself cannot be listed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.jpg").write_bytes(b"")
    ...     _ = (Path(folder) / "notes.txt").write_bytes(b"")
    ...     found = files_in_folder(Path(folder))
    >>> [name for name, path in found.files], found.n_others
    (['a.jpg'], 1)
    """
    with os.scandir(folder):
        pass  # raises where there is nothing to find at all
    found: list[tuple[str, Path]] = []
    unlistable: list[tuple[Path, str]] = []
    n_others = 0
    pending = [(str(folder), "")]
    while pending:
        path, inside = pending.pop()
        for entry in _entries(path, unlistable):
            name, kind = inside + entry.name, _kind(entry)
            seen = hidden or not entry.name.startswith(".")
            seen = seen and not (kind == "folder" and OUR_THUMBNAILS.fullmatch(entry.name))
            if seen and kind == "folder":
                pending.append((entry.path, name + "/"))
            elif seen and is_image_file(entry.path, kind == "file"):
                found.append((name, Path(entry.path)))
            else:
                n_others += 1
    found.sort(key=lambda one: one[0])
    return FoundFiles(tuple(found), n_others, tuple(sorted(unlistable)))


def files_of_pattern(pattern: str, *, hidden: bool = False) -> FoundFiles:
    """Find the image files that a glob pattern matches.

    ``*``, ``?`` and ``[...]`` stand for parts of a name, ``**`` for any number of folders. ``**`` does not follow links
    to folders, so no loop can arise; what stands for one folder does.

    Parameters
    ----------
    pattern : str
        It holds at least one of these characters.
    hidden : bool, default=False
        Whether wildcards match a leading dot. They do too if a part of the pattern begins with one.

    Returns
    -------
    FoundFiles
        Folders that match are not counted among the others.

    Examples
    --------
    >>> files_of_pattern("nowhere/*.jpg").unlistable
    ((PosixPath('nowhere'), 'No such file or directory'),)
    """
    parts = Path(os.path.expanduser(pattern)).parts
    n_fixed = next(i for i, part in enumerate(parts) if has_wildcard(part))
    rest = parts[n_fixed:] if parts[-1] != "**" else (*parts[n_fixed:], "*")
    hidden = hidden or any(part.startswith(".") for part in rest)
    found: list[Path] = []
    unlistable: list[tuple[Path, str]] = []
    n_others = 0
    # With each folder goes which parts of the pattern its entries may be.
    pending = [(str(Path(*parts[:n_fixed])), _widened({0}, rest))]
    while pending:
        path, steps = pending.pop()
        for entry in _entries(path, unlistable):
            matched = {step + 1 for step in steps if rest[step] != "**" and fnmatch.fnmatch(entry.name, rest[step])}
            seen, kind = hidden or not entry.name.startswith("."), _kind(entry)
            if "folder" in kind:
                inside = matched - {len(rest)}
                if kind == "folder":
                    inside |= {step for step in steps if rest[step] == "**"}
                if seen and inside:
                    pending.append((entry.path, _widened(inside, rest)))
            elif len(rest) in matched:
                if seen and is_image_file(entry.path, kind == "file"):
                    found.append(Path(entry.path))
                else:
                    n_others += 1
    found.sort(key=Path.as_posix)
    return FoundFiles(tuple((str(path), path) for path in found), n_others, tuple(sorted(unlistable)))


def is_image_file(path: str, is_regular: bool = False) -> bool:
    """Tell whether a file is an image by its ending or its first bytes; opens regular files only.

    Parameters
    ----------
    path : str
    is_regular : bool, default=False
        Whether it is known to be a regular file. A folder's scan knows, and on a network drive it is slow to ask again.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_image_file("cat.jpg", is_regular=True)
    True
    """
    has_ending = os.path.splitext(path)[1].lower() in ENDINGS
    try:
        if not is_regular and not stat.S_ISREG(os.stat(path).st_mode):
            return False  # opening a pipe would wait for its writer for ever
    except OSError:
        # A link that leads nowhere: with an image's ending it was meant to be one, and is to be named as missing.
        return has_ending
    if has_ending:
        return True
    try:
        with open(path, "rb", buffering=0) as file:
            return image_format(file.read(N_MAGIC)) is not None
    except OSError:
        return False


def _entries(path: str, unlistable: list[tuple[Path, str]]) -> list[os.DirEntry[str]]:
    """List the entries of a folder; where that fails, name it, and keep what was seen."""
    entries: list[os.DirEntry[str]] = []
    try:
        with os.scandir(path) as scan:
            entries.extend(scan)
    except OSError as error:
        unlistable.append((Path(path), error.strerror or str(error)))
    return entries


def _kind(entry: os.DirEntry[str]) -> str:
    """Tell what an entry is; one that is gone by now, or cannot be looked at, is something else."""
    try:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        if entry.is_file(follow_symlinks=False):
            return "file"
        if entry.is_symlink() and entry.is_dir():
            return "link to a folder"
    except OSError:
        pass
    return "other"


def _widened(steps: set[int], rest: tuple[str, ...]) -> set[int]:
    """Add the parts of a pattern that may come as well, because ``**`` stands for no folder too."""
    reached = set(steps)
    for step in range(min(steps), len(rest)):
        if step in reached and rest[step] == "**":
            reached.add(step + 1)
    return reached
