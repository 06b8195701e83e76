"""The archives that were used last stay open: reading a large zip's list of members takes longer than one member."""

from __future__ import annotations

import atexit
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, TypeAlias

from concept_memes.archives.members import Reader
from concept_memes.archives.tar_readers import COMPRESSED, TarReader, TarStreamReader
from concept_memes.archives.zip_reader import ZipReader

__all__ = ["close_all", "lend"]

# A source is one archive or a few.
_N_OPEN: Final = 4

_Stamp: TypeAlias = tuple[int, int, int, int]


def lend(path: Path) -> AbstractContextManager[Reader]:
    """Lend the reader of an archive, for the time of a ``with`` block.

    Parameters
    ----------
    path : Path

    Returns
    -------
    context manager of Reader
        Raises `MemberError` or what the modules for archives raise.
    """
    return _shared.reader(path)


def close_all() -> None:
    """Close what nobody reads from now, and the others when they are done."""
    _shared.close()


def _open_reader(path: Path) -> Reader:
    """Open an archive; what it is, its first bytes tell."""
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return ZipReader(path)
    for magic, unpack in COMPRESSED:
        if head.startswith(magic):
            return TarStreamReader(path, unpack)
    return TarReader(path)


class _Opened:
    """An archive that stays open while somebody reads from it, and a while after."""

    def __init__(self, stamp: _Stamp) -> None:
        self.stamp = stamp
        self.lock = threading.Lock()
        self.reader: Reader | None = None
        self.n_users = 0
        self.dropped = False

    def close_if_unused(self) -> None:
        if self.dropped and not self.n_users and self.reader is not None:
            self.reader.close()
            self.reader = None


class _OpenArchives:
    """The archives that were used last, shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: OrderedDict[str, _Opened] = OrderedDict()
        self._of_parent: list[object] = []

    @contextmanager
    def reader(self, path: Path) -> Iterator[Reader]:
        """Lend a reader. Opening waits for nobody who reads from another archive."""
        place, status = os.path.abspath(path), os.stat(path)
        stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        with self._lock:
            opened = self._opened.get(place)
            if opened is None or opened.stamp != stamp:
                self._drop(place)
                opened = self._opened[place] = _Opened(stamp)
            self._opened.move_to_end(place)
            opened.n_users += 1
            while len(self._opened) > _N_OPEN:
                self._drop(next(iter(self._opened)))
        try:
            with opened.lock:
                if opened.reader is None:
                    opened.reader = _open_reader(path)
            yield opened.reader
        finally:
            with self._lock:
                opened.n_users -= 1
                opened.close_if_unused()

    def close(self) -> None:
        with self._lock:
            for place in list(self._opened):
                self._drop(place)

    def forget(self) -> None:
        """Leave all to the parent process, in a child that was forked: they share the place in the file."""
        self._of_parent.append((self._lock, self._opened))  # kept, so that nothing of it is closed or complained of
        self._lock, self._opened = threading.Lock(), OrderedDict()

    def _drop(self, place: str) -> None:
        opened = self._opened.pop(place, None)
        if opened is not None:
            opened.dropped = True
            opened.close_if_unused()


_shared = _OpenArchives()
atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.forget)
