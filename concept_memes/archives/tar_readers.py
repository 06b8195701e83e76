"""Tar archives, open for reading by several threads: plain ones in any order, compressed ones from front to back.

The reader of a compressed tar goes forward and keeps what it passes for a while, because callers in several threads
ask *nearly* in order; for what lies behind it, and is no longer kept, it begins again.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from concept_memes.archives.members import (
    MAX_MEMBER_BYTES,
    MAX_RATIO,
    Entry,
    MemberError,
    damage,
    has_image_ending,
    member_key,
    name_problem,
)
from concept_memes.image_formats import N_MAGIC, image_format

__all__ = ["COMPRESSED", "STASH_BYTES", "TarReader", "TarStreamReader"]


class Unpacking(Protocol):
    """The unpacked bytes of an open file."""

    def read(self, size: int, /) -> bytes:
        """Read on."""

    def close(self) -> None:
        """Let go."""


#: First bytes of what a tar may be compressed with, and what unpacks it.
COMPRESSED: Final[tuple[tuple[bytes, Callable[[BinaryIO], Unpacking]], ...]] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
)
#: What is kept of the members that a forward reader passes.
STASH_BYTES: Final = 64 << 20

# A compressed tar is given this much before the ratio counts: folders of tiny files compress well.
_SMALL: Final = 256 << 20
# Names longer than a header's field stand in a member of their own, which tarfile reads whole.
_MAX_NAME_BYTES: Final = 1 << 20
_NAME_TYPES: Final = (b"x", b"g", b"X", b"L", b"K")


class _Info(tarfile.TarInfo):
    """A member of a tar. A senseless header is an error, where tarfile takes it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Info:
        """Read a header."""
        info = super().frombuf(buf, encoding, errors)
        if info.type in _NAME_TYPES and info.size > _MAX_NAME_BYTES:
            raise tarfile.ReadError("a name of more than a megabyte")
        return info

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> _Info:
        """Read the next header of an archive."""
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            # Blocks of zeros, or nothing more: that is the end. A senseless first header means that it is no tar.
            if type(error).__name__ in ("EOFHeaderError", "EmptyHeaderError") or not archive.offset:
                raise
            raise tarfile.ReadError("a header makes no sense") from error


def _tar_entry(archive: tarfile.TarFile, info: tarfile.TarInfo, lock: threading.Lock) -> Entry:
    def first_bytes() -> bytes:
        with lock:
            member = archive.extractfile(info)
            return member.read(N_MAGIC) if member else b""

    return Entry(info.name, info.isdir(), info.isreg(), first_bytes)


def _too_large(info: tarfile.TarInfo) -> MemberError:
    return MemberError(f"too large: {info.size} bytes, the limit is {MAX_MEMBER_BYTES}")


def _read_tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, *, only_pictures: bool = False) -> bytes:
    """Read a member; b"" for what is not a picture if only these are wanted."""
    if info.size > MAX_MEMBER_BYTES:
        raise _too_large(info)
    member = archive.extractfile(info)
    assert member is not None  # it is a regular one
    head = member.read(N_MAGIC)
    if only_pictures and not has_image_ending(info.name) and image_format(head) is None:
        return b""
    data = head + member.read()
    if len(data) != info.size:
        raise MemberError("truncated or damaged: it ends too early")
    return data


class TarReader:
    """A tar that is not compressed: its headers are read once, its members in any order."""

    any_order = True

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._lock = threading.Lock()
        self._end = "missing"  # why there is nothing more
        try:
            self._tar = tarfile.open(fileobj=self._file, mode="r:", tarinfo=_Info)  # noqa: SIM115 (stays open)
        except BaseException as error:
            self._file.close()
            if isinstance(error, tarfile.ReadError):
                raise MemberError("not an archive, or of a kind that is not supported") from error
            raise
        self._all: list[tarfile.TarInfo] = []
        self._infos: dict[str, tarfile.TarInfo] = {}
        try:
            while info := self._tar.next():
                self._all.append(info)
                if info.isreg() and not name_problem(info.name):
                    self._infos.setdefault(member_key(info.name), info)
        except Exception as error:  # what came before can be read
            self._end = str(damage(error))

    def entries(self) -> Iterator[Entry]:
        """Go through all members, up to where the archive is damaged."""
        for info in self._all:
            yield _tar_entry(self._tar, info, self._lock)
        if self._end != "missing":
            raise MemberError(self._end)

    def read(self, key: str) -> bytes:
        """Return a member's bytes."""
        info = self._infos.get(key)
        if info is None:
            raise MemberError(self._end)
        with self._lock:
            return _read_tar_member(self._tar, info)

    def close(self) -> None:
        """Let go of the file."""
        self._tar.close()
        self._file.close()


class _Unpacked:
    """The unpacked bytes of a file, forward only; refuses to unpack very much from very little."""

    def __init__(self, path: Path, unpack: Callable[[BinaryIO], Unpacking]) -> None:
        self._file = path.open("rb")
        self._stream = unpack(self._file)
        self._n_bytes = 0

    def read(self, n_bytes: int) -> bytes:
        data = self._stream.read(n_bytes)
        self._n_bytes += len(data)
        if self._n_bytes > max(_SMALL, MAX_RATIO * self._file.tell()):
            raise MemberError(f"too large: the archive unpacks to more than {MAX_RATIO} times its packed size")
        return data

    def close(self) -> None:
        self._stream.close()
        self._file.close()


class TarStreamReader:
    """A compressed tar. Reading in order, from however many threads, unpacks it once.

    Of several members with one name the first counts, as in the other readers: the only one that a forward reader can
    find again without knowing what comes.
    """

    any_order = False

    def __init__(self, path: Path, unpack: Callable[[BinaryIO], Unpacking]) -> None:
        self._path, self._unpack = path, unpack
        self._lock = threading.Lock()
        self._tar: tarfile.TarFile | None = None
        self._stream: _Unpacked | None = None
        self._passed: set[str] = set()
        self._end: str | None = None  # why nothing more comes: known once the end was reached
        self._stash: OrderedDict[str, bytes] = OrderedDict()
        self._n_stashed = 0

    def entries(self) -> Iterator[Entry]:
        """Go through all members: a pass of its own, which takes as long as unpacking."""
        stream, lock = _Unpacked(self._path, self._unpack), threading.Lock()
        try:
            archive = self._opened(stream)
            while info := archive.next():
                archive.members = []  # type: ignore[attr-defined] # else it keeps them all
                yield _tar_entry(archive, info, lock)
        finally:
            stream.close()

    def read(self, key: str) -> bytes:
        """Return a member's bytes: kept ones at once, others by going forward, or from the beginning again."""
        with self._lock:
            if key in self._stash:
                self._stash.move_to_end(key, last=False)  # asked for once: the first to go
                return self._stash[key]
            if self._tar is None or key in self._passed:
                if self._end is not None and key not in self._passed:
                    raise MemberError(self._end)
                self._begin()
            return self._forward_to(key)

    def close(self) -> None:
        """Let go of the file and of what is kept."""
        if self._stream is not None:
            self._stream.close()
        self._tar = self._stream = None
        self._stash.clear()
        self._n_stashed = 0

    @staticmethod
    def _opened(stream: _Unpacked) -> tarfile.TarFile:
        try:
            return tarfile.open(fileobj=stream, mode="r|", tarinfo=_Info)  # type: ignore[call-overload, no-any-return]
        except tarfile.ReadError as error:
            raise MemberError("not a tar archive, or damaged at its beginning") from error

    def _begin(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream, self._tar = None, None
        self._passed.clear()
        self._stream = _Unpacked(self._path, self._unpack)
        self._tar = self._opened(self._stream)

    def _forward_to(self, key: str) -> bytes:
        """Read on up to a member, and keep the pictures on the way."""
        assert self._tar is not None
        try:
            while info := self._tar.next():
                self._tar.members = []  # type: ignore[attr-defined] # else it keeps them all
                passed = member_key(info.name)
                if not info.isreg() or name_problem(info.name) or passed in self._passed:
                    continue
                if passed == key and info.size > MAX_MEMBER_BYTES:
                    break
                if passed == key:
                    data = _read_tar_member(self._tar, info)
                elif info.size <= STASH_BYTES // 2:
                    data = _read_tar_member(self._tar, info, only_pictures=True)
                else:
                    data = b""
                self._passed.add(passed)
                self._keep(passed, data, first_to_go=passed == key)
                if passed == key:
                    return data
        except Exception as error:
            self._end, self._tar = str(damage(error)), None
            raise
        if info is not None:
            self._passed.add(key)
            raise _too_large(info)
        self._end, self._tar = "missing", None
        raise MemberError(self._end)

    def _keep(self, key: str, data: bytes, *, first_to_go: bool) -> None:
        if not data or key in self._stash:
            return
        self._stash[key] = data
        self._n_stashed += len(data)
        if first_to_go:  # it was asked for; the others were not, yet
            self._stash.move_to_end(key, last=False)
        while self._n_stashed > STASH_BYTES:
            self._n_stashed -= len(self._stash.popitem(last=False)[1])
