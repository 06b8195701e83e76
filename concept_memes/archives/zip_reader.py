"""A zip archive, open for reading by several threads."""

from __future__ import annotations

import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from concept_memes.archives.members import (
    MAX_MEMBER_BYTES,
    MAX_RATIO,
    Entry,
    MemberError,
    member_key,
    name_problem,
)
from concept_memes.image_formats import N_MAGIC

__all__ = ["ZipReader"]

# A picture of one colour unpacks to any multiple of its packed size: below this size that is no harm.
_SMALL: Final = 16 << 20

_METHODS: Final = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstandard", 95: "xz"}


class ZipReader:
    """A zip archive. Its list of members stands at the end of the file and is read once."""

    any_order = True

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._zip = zipfile.ZipFile(self._file)
        except BaseException as error:
            self._file.close()
            if isinstance(error, zipfile.BadZipFile):
                raise MemberError("truncated or damaged: the list of its members cannot be read") from error
            raise
        self._lock = threading.Lock()
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            if not info.is_dir() and not name_problem(info.orig_filename):
                self._infos.setdefault(member_key(info.filename), info)

    def entries(self) -> Iterator[Entry]:
        """Go through all members."""
        for info in self._zip.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            name = info.orig_filename if "\0" in info.orig_filename else info.filename
            is_regular = not info.is_dir() and kind in (0, stat.S_IFREG)

            def first_bytes(info: zipfile.ZipInfo = info) -> bytes:
                try:
                    return self._read(info, N_MAGIC)
                except Exception:  # damaged and without an image's ending: nobody can tell that it was a picture
                    return b""

            yield Entry(name, info.is_dir(), is_regular, first_bytes)

    def read(self, key: str) -> bytes:
        """Return a member's bytes; the checksum is checked."""
        info = self._infos.get(key)
        if info is None:
            raise MemberError("missing")
        if info.file_size > MAX_MEMBER_BYTES:
            raise MemberError(f"too large: {info.file_size} bytes, the limit is {MAX_MEMBER_BYTES}")
        if info.file_size > max(_SMALL, MAX_RATIO * info.compress_size):
            raise MemberError(f"too large: it unpacks to more than {MAX_RATIO} times its packed size")
        return self._read(info, info.file_size)

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()
        self._file.close()

    def _read(self, info: zipfile.ZipInfo, n_bytes: int) -> bytes:
        if info.flag_bits & 1:
            raise MemberError("encrypted")
        # The modules for bzip2 and xz unpack in steps without a limit.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
            raise MemberError(f"packed with {method}, which is not supported in zip archives")
        with self._lock:  # opening and closing count the users of the file, and not safely
            member = self._zip.open(info)
        try:
            parts, left = [], n_bytes
            while left and (part := member.read(left)):  # never more than is left: what a member says may be a lie
                parts.append(part)
                left -= len(part)
        finally:
            with self._lock:
                member.close()
        if left and n_bytes == info.file_size:
            raise MemberError("truncated or damaged: it ends too early")
        return parts[0] if len(parts) == 1 else b"".join(parts)
