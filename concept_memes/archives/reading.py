"""Archives of pictures: which files are archives, which members are pictures, and the bytes of one member.

A member's address is an ordinary path, the archive's with the member's name behind it: ``photos.zip/inner/a.jpg``.
Nothing is unpacked to disk, and no member to more than `MAX_MEMBER_BYTES`. Archives inside archives are other files.

Reading the list of members of a large zip takes longer than reading a member. So the archives that were used last stay
open, a few of them, until others come, the file changes, or `close_archives` is called.
"""

from __future__ import annotations

import logging
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from concept_memes.archives.members import (
    MAX_MEMBER_BYTES,
    damage,
    has_image_ending,
    member_key,
    name_problem,
)
from concept_memes.archives.opened import close_all, lend
from concept_memes.errors import UnreadableImageError
from concept_memes.image_formats import N_MAGIC, image_format

__all__ = [
    "ARCHIVE_ENDINGS",
    "MAX_MEMBER_BYTES",
    "ArchiveListing",
    "close_archives",
    "is_archive",
    "list_archive",
    "open_member",
]

logger = logging.getLogger(__name__)

#: Endings of archives, in lower case.
ARCHIVE_ENDINGS: Final = (".zip", ".cbz", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


@dataclass(frozen=True)
class ArchiveListing:
    """What is in an archive.

    Attributes
    ----------
    members : tuple of str
        Names of the pictures as they stand in their addresses. In natural order ("page 9" before "page 10") where the
        archive can be read in any order; in the order of the archive for a compressed tar, which can only be read from
        front to back.
    n_others : int
        Members that are left aside: other files, hidden ones, links, devices, and further members of the same name.
    refused : tuple of (str, str)
        Pictures that will not be opened because their names are not safe, with the reason; and the archive itself,
        where it is damaged and what comes after the damage is lost.
    """

    members: tuple[str, ...]
    n_others: int
    refused: tuple[tuple[str, str], ...] = ()


def is_archive(path: str | os.PathLike[str], *, by_content: bool = False) -> bool:
    """Tell whether a file is an archive whose pictures can be read.

    Parameters
    ----------
    path : str or Path
        A file; it need not exist unless its content is asked for.
    by_content : bool, default=False
        Look into the file where the ending does not tell. For files that a user names: many other files are zip
        archives too, from text documents to programs.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_archive("holiday.tar.gz"), is_archive("holiday.jpg")
    (True, False)
    """
    if os.fspath(path).lower().endswith(ARCHIVE_ENDINGS):
        return True
    if not by_content:
        return False
    try:
        if not os.path.isfile(path):  # opening a pipe would wait for its writer for ever
            return False
        with open(path, "rb") as file:
            head = file.read(512)
        if image_format(head[:N_MAGIC]) is not None or not any(head):  # a block of zeros is a tar with nothing in it
            return False
        return head.startswith((b"PK\3\4", b"PK\5\6")) or tarfile.is_tarfile(path)
    except Exception as error:  # the unpackers raise many kinds on damaged files
        logger.debug("%s is taken for no archive: %s", path, error)
        return False


def list_archive(path: str | os.PathLike[str]) -> ArchiveListing:
    """List the pictures in an archive: members with an image's ending or an image's first bytes.

    Parameters
    ----------
    path : str or Path
        A zip or tar archive. A compressed tar is unpacked once, in memory, to find its members.

    Returns
    -------
    ArchiveListing

    Raises
    ------
    UnreadableImageError
        The archive cannot be listed at all; with the reason.

    Examples
    --------
    >>> import tempfile, zipfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with zipfile.ZipFile(folder + "/photos.zip", "w") as file:
    ...         for name in ("page 10.png", "page 9.png", "notes.txt", "../a.jpg"):
    ...             file.writestr(name, b"...")
    ...     list_archive(folder + "/photos.zip")
    ArchiveListing(members=('page 9.png', 'page 10.png'), n_others=1,
                   refused=(('../a.jpg', "its name leads out of the archive ('..')"),))
    """
    members: dict[str, None] = {}
    refused: list[tuple[str, str]] = []
    n_others = 0
    with _in_words(path), lend(Path(path)) as reader:
        try:
            for entry in reader.entries():
                if entry.is_folder:
                    continue
                key, problem = member_key(entry.name), name_problem(entry.name)
                hidden = any(part.startswith(".") or part == "__MACOSX" for part in key.split("/"))
                is_picture = (
                    entry.is_regular
                    and key not in members
                    and (problem is not None or not hidden)
                    and (has_image_ending(key) or image_format(entry.first_bytes()) is not None)
                )
                if not is_picture:
                    n_others += 1
                elif problem:
                    refused.append((entry.name, problem))
                else:
                    members[key] = None
        except Exception as error:
            if not members and not n_others and not refused:
                raise
            n_seen = n_others + len(members) + len(refused)
            refused.append((Path(path).name, f"{_words(error)}; what comes after its first {n_seen} members is lost"))
        any_order = reader.any_order
    return ArchiveListing(tuple(sorted(members, key=_natural) if any_order else members), n_others, tuple(refused))


def open_member(archive: str | os.PathLike[str], member: str) -> BytesIO:
    """Open a member of an archive, in memory.

    Parameters
    ----------
    archive : str or Path
    member : str
        Its name, as `list_archive` gives it.

    Returns
    -------
    BytesIO
        Can be read and sought.

    Raises
    ------
    UnreadableImageError
        "missing", "encrypted", "too large: ...", "truncated or damaged: ...", and so on.
    """
    key = member_key(member)
    with _in_words(f"{os.fspath(archive)}/{member}"), lend(Path(archive)) as reader:
        return BytesIO(reader.read(key))


def close_archives() -> None:
    """Close the archives that stay open between calls. They open again when they are needed."""
    close_all()


@contextmanager
def _in_words(name: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever goes wrong into an UnreadableImageError."""
    try:
        yield
    except MemoryError as error:
        raise UnreadableImageError(os.fspath(name), "not enough memory to unpack it") from error
    except Exception as error:
        raise UnreadableImageError(os.fspath(name), _words(error)) from error


def _words(error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return "missing" if isinstance(error, FileNotFoundError) else str(damage(error))


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return a key by which "page 9" comes before "page 10"."""
    parts = re.split(r"([0-9]+)", name)
    numbers = [part.lstrip("0") if i % 2 else part for i, part in enumerate(parts)]
    # Numbers compare by their number of digits first; they can have more digits than int() takes.
    return [(len(part) if i % 2 else 0, part) for i, part in enumerate(numbers)], name
