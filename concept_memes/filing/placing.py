"""Putting one picture somewhere, so that nothing is ever overwritten and a kill at any moment loses nothing.

A name is claimed by making an empty file that must be new; what comes replaces that file in one step. `settle_move`,
`settle_copy` and `settle_link` tell, after a kill, whether a step was done, and take away what it left half done.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from concept_memes.errors import FilingError, UnreadableImageError
from concept_memes.filing.journal import sync_folder
from concept_memes.loading import content_hash, open_place

__all__ = [
    "LeftError",
    "hash_of",
    "make_folder",
    "move_file",
    "put_copy",
    "put_link",
    "settle_copy",
    "settle_link",
    "settle_move",
]

CHANGED = "its content has changed since the fit"
BLOCK = 1 << 20


class LeftError(Exception):
    """One picture has to stay where it is; the others can go on."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def hash_of(path: Path) -> str | None:
    """Hash a file as pictures are; None for what is no file that can be read, and for links."""
    if path.is_symlink():
        return None
    try:
        return content_hash(path)
    except UnreadableImageError:
        return None


def make_folder(path: Path) -> None:
    """Make a folder, if it is not there.

    Raises
    ------
    FilingError
        If it cannot be made.
    """
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        words = "something else has its name" if isinstance(error, FileExistsError) else error.strerror
        raise FilingError(f"The folder {path} cannot be made: {words}.") from error


def put_link(target: Path, text: str) -> None:
    """Make a symbolic link.

    Raises
    ------
    LeftError
        If something is in the way.
    FilingError
        If there can be no links at all.
    """
    try:
        os.symlink(text, target)
    except FileExistsError as error:
        raise in_the_way(target) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise LeftError(f"its new path would be too long: {target}") from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise stop(target.parent, error) from error
        raise FilingError(
            f"Symbolic links cannot be made in {target.parent} ({error.strerror}). Give mode 'copy' instead; on "
            "Windows, links need Developer Mode or an administrator."
        ) from error


def put_copy(source: Path, target: Path, part: Path, content_hash: str, *, verify: bool = False) -> None:
    """Copy a picture: into `part` first, then to its name in one step.

    Parameters
    ----------
    source : Path
        A file, or a member of an archive.
    target, part : Path
        In the same folder.
    content_hash : str
        What must arrive.
    verify : bool, default=False
        Read the copy again before it gets its name.

    Raises
    ------
    LeftError
        If the picture cannot be read, is another one by now, or something is in the way.
    FilingError
        If nothing can be written there: the disk is full, or read-only.
    """
    try:
        arrived = _copied(source, part)
        if arrived != content_hash:
            raise LeftError(CHANGED)
        if source.is_file():
            with suppress(OSError):  # FAT, and shares of other systems, may know no permissions
                shutil.copystat(source, part)
        if verify and hash_of(part) != content_hash:
            raise LeftError("its copy came out different; the disk may be damaged")
        claim(target)
        os.replace(part, target)
    except BaseException:
        _remove(part)
        raise


def move_file(source: Path, target: Path, part: Path, content_hash: str) -> None:
    """Move a file; to another drive by copying it, reading the copy again, and only then removing the original.

    Parameters
    ----------
    source, target : Path
    part : Path
        In the folder of `target`, for what is half copied.
    content_hash : str
        Of the file.

    Raises
    ------
    LeftError
        If the file cannot be taken away, is another one by now, or something is in the way.
    FilingError
        If nothing can be written there.
    """
    before = _version(source)
    claim(target)
    try:
        os.replace(source, target)
    except OSError as error:
        target.unlink()  # the empty file that holds the name
        if error.errno != errno.EXDEV:
            raise LeftError(f"it cannot be taken from its folder: {error.strerror}") from error
    else:
        return
    put_copy(source, target, part, content_hash, verify=True)
    sync_folder(target.parent)
    if _version(source) != before:  # what somebody has written while it was copied would be lost
        target.unlink()
        raise LeftError(CHANGED)
    try:
        source.unlink()
    except OSError as error:
        target.unlink()  # the original is still there
        raise LeftError(f"it cannot be taken from its folder: {error.strerror}") from error


def settle_link(target: Path, text: str) -> bool:
    """Tell whether a link was made."""
    return target.is_symlink() and os.readlink(target) == text


def settle_copy(target: Path, part: Path, content_hash: str) -> bool:
    """Tell whether a copy arrived; take away what is half done."""
    _remove(part)
    _unclaim(target)
    return hash_of(target) == content_hash


def settle_move(source: Path, target: Path, part: Path, content_hash: str) -> bool:
    """Tell whether a file was moved; finish what was copied whole, take away what is half done."""
    _remove(part)
    _unclaim(target)
    if not os.path.lexists(source):
        return _size(target) > 0
    if hash_of(target) != content_hash:
        return False
    if hash_of(source) != content_hash:
        return True  # another picture has come to the old place since
    if os.path.samefile(source, target):
        return False
    source.unlink()
    return True


def in_the_way(target: Path) -> LeftError:
    """Say that a name is taken; nothing is overwritten."""
    return LeftError(f"something else is there already: {target}")


def stop(folder: Path, error: OSError) -> FilingError:
    """Say that nothing can be written somewhere."""
    return FilingError(f"{folder} cannot be written into: {error.strerror}.")


def claim(target: Path) -> None:
    """Make an empty file that holds a name; it must be new."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        raise in_the_way(target) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise LeftError(f"its new path would be too long: {target}") from error
        raise stop(target.parent, error) from error


def _remove(part: Path) -> None:
    """Remove what is half copied, if there is anything."""
    if os.path.lexists(part):
        part.unlink()


def _unclaim(target: Path) -> None:
    """Remove the empty file that held a name when the program was killed."""
    if _size(target) == 0:
        target.unlink()


def _size(path: Path) -> int:
    """Return the size of a regular file; -1 for anything else."""
    try:
        status = os.lstat(path)
    except OSError:
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


def _version(path: Path) -> tuple[int, int]:
    """Tell one state of a file from another, without reading it."""
    try:
        status = os.stat(path)
    except OSError:
        return -1, -1
    return status.st_mtime_ns, status.st_size


def _copied(source: Path, part: Path) -> str:
    """Copy the bytes of a picture to the disk; return their hash."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open_place(source) as reading:
            try:
                with part.open("xb") as writing:
                    while block := reading.read(BLOCK):
                        digest.update(block)
                        writing.write(block)
                    writing.flush()
                    os.fsync(writing.fileno())
            except OSError as error:
                if error.errno == errno.EIO:
                    raise LeftError(f"it cannot be read or written: {error.strerror}") from error
                raise stop(part.parent, error) from error
    except UnreadableImageError as error:
        raise LeftError(error.reason) from error
    return digest.hexdigest()
