"""Opening what a path leads to: a regular file, or a member of an archive (``photos.zip/inner/a.jpg``).

A file that is really there always wins. Only where a path leads *through* a file is that file taken for an archive.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path

from concept_memes.archives import is_archive, open_member
from concept_memes.errors import UnreadableImageError

__all__ = ["open_place", "place_status"]


@contextmanager
def open_place(path: Path) -> Iterator[BufferedReader | BytesIO]:
    """Open what a path leads to, if it is not empty, and close it whatever happens.

    Parameters
    ----------
    path : Path
        Of a file, or of a member of an archive.

    Yields
    ------
    BinaryIO
        Can be read and sought. A member's bytes are in memory.

    Raises
    ------
    UnreadableImageError
        "missing", "empty file", "a folder, not a file", "no permission to read it", and so on.

    Examples
    --------
    >>> with open_place(Path("holiday.zip/beach.jpg")) as file:
    ...     file.read()
    Traceback (most recent call last):
    ...
    concept_memes.errors.UnreadableImageError: holiday.zip/beach.jpg: missing
    """
    with _reasons(path):
        status, archive = _locate(path)
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableImageError(str(path), "a folder, not a file")
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer for ever
            raise UnreadableImageError(str(path), "not a regular file")
        if archive is None:
            file: BufferedReader | BytesIO = path.open("rb")
        elif is_archive(archive, by_content=True):
            file = open_member(archive, path.relative_to(archive).as_posix())
        else:
            raise UnreadableImageError(str(path), "missing")
    with file:
        if not file.seek(0, os.SEEK_END):
            raise UnreadableImageError(str(path), "empty file")
        file.seek(0)
        yield file


def place_status(path: Path) -> os.stat_result:
    """Look at the file that a path leads to; for a member of an archive that is the archive.

    Parameters
    ----------
    path : Path
        Of a file, or of a member of an archive; whether the archive has such a member is not looked at.

    Returns
    -------
    os.stat_result

    Raises
    ------
    UnreadableImageError
        There is no such file, or it cannot be looked at.

    Examples
    --------
    >>> place_status(Path("holiday.zip/beach.jpg"))
    Traceback (most recent call last):
    ...
    concept_memes.errors.UnreadableImageError: holiday.zip/beach.jpg: missing
    """
    with _reasons(path):
        return _locate(path)[0]


def _locate(path: Path) -> tuple[os.stat_result, Path | None]:
    """Find the file of a path: the path itself, or the file among the folders that it goes through."""
    try:
        return os.stat(path), None
    except (FileNotFoundError, NotADirectoryError) as error:  # which one, depends on the system
        for parent in path.parents:
            try:
                status = os.stat(parent)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if stat.S_ISREG(status.st_mode):
                return status, parent
            break
        raise FileNotFoundError(error.errno, error.strerror) from error


@contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """Turn what the system says into short reasons."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableImageError(str(path), "missing") from error
    except PermissionError as error:
        raise UnreadableImageError(str(path), "no permission to read it") from error
    except UnreadableImageError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        words = getattr(error, "strerror", None) or error
        raise UnreadableImageError(str(path), f"cannot be opened: {words}") from error
