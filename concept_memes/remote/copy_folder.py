"""The folder of copies: a copy appears under its name in one step, or not at all."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from concept_memes.errors import UnreadableImageError
from concept_memes.remote.kept_copies import shown_address

__all__ = ["CopyFolder", "is_there"]

logger = logging.getLogger(__name__)

_STALE_SECONDS = 86_400.0  # what began to arrive a day ago will not arrive any more


class CopyFolder:
    """Where copies arrive and are kept. Several processes may use one folder at the same time.

    Parameters
    ----------
    folder : Path
        Made when the first copy arrives.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     copies = CopyFolder(Path(folder))
    ...     with copies.arriving() as (file, temporary):
    ...         n_bytes = file.write(b"the picture")
    ...         file.close()
    ...         copies.keep(temporary, Path(folder, "ab", "cd.jpg"), "https://example.org/cat.jpg")
    ...     Path(folder, "ab", "cd.jpg").read_bytes()
    b'the picture'
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._swept = False

    @contextmanager
    def arriving(self) -> Iterator[tuple[BinaryIO, Path]]:
        """Open a new file on the same disk as the copies. It is gone afterwards if nobody kept it.

        Yields
        ------
        tuple of (binary file, Path)

        Raises
        ------
        UnreadableImageError
            If no file can be made there.
        """
        folder = self.folder / "arriving"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._sweep(folder)
            temporary = folder / f"{os.getpid()}-{secrets.token_hex(8)}.part"
            file: BinaryIO = open(temporary, "xb")  # noqa: SIM115 (closed below; the caller may close it before)
        except OSError as error:
            raise UnreadableImageError(str(folder), f"no copy can be made there ({error.strerror})") from error
        try:
            yield file, temporary
        finally:
            try:
                file.close()
            finally:  # a full disk can fail the closing too
                temporary.unlink(missing_ok=True)

    def keep(self, temporary: Path, kept: Path, address: str) -> None:
        """Let a copy appear under its name.

        Parameters
        ----------
        temporary : Path
            What `arriving` gave, closed.
        kept : Path
        address : str
            For the error's words.

        Raises
        ------
        UnreadableImageError
            If it cannot be written.
        """
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary, kept)
        except OSError as error:
            if is_there(kept):  # on Windows a copy that is open cannot be replaced, and need not be
                return
            reason = f"the copy cannot be written ({error.strerror})"
            raise UnreadableImageError(shown_address(address), reason) from error

    def _sweep(self, folder: Path) -> None:
        """Remove what runs that were killed left half-arrived, once."""
        with self._lock:
            swept, self._swept = self._swept, True
        if swept:
            return
        for entry in folder.iterdir():
            try:
                if entry.suffix == ".part" and time.time() - entry.stat().st_mtime > _STALE_SECONDS:
                    entry.unlink()
            except OSError:  # another process was faster, or it is not ours; it takes room and does no harm
                logger.debug("%s cannot be removed.", entry, exc_info=True)


def is_there(kept: Path) -> bool:
    """Tell whether a copy is kept.

    Parameters
    ----------
    kept : Path

    Returns
    -------
    bool
        False for an empty file: a crash of the machine may leave one.

    Examples
    --------
    >>> is_there(Path("no-such-copy.jpg"))
    False
    """
    try:
        return kept.stat().st_size > 0
    except OSError:
        return False
