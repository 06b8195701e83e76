"""The directories of a TIFF file, one per page, read without Pillow, which warns of damage and goes on.

EXIF blocks are TIFF files too, of one directory.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

__all__ = [
    "ORIENTATION",
    "Directory",
    "PageView",
    "find_text",
    "first_directory",
    "first_value",
    "frame_directories",
]

#: Numbers of the tags that matter here.
ORIENTATION: Final = 0x0112
_KIND, _OLD_KIND, _WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 254, 255, 256, 257, 322, 323
# Tags of one number that are read on opening. Pillow warns where there are several, and takes the first.
_SINGLE: Final = frozenset((_WIDTH, _HEIGHT, 259, 266, ORIENTATION, 277, 278, 282, 283, 284, 296, 317, 322, 323))
_REDUCED, _MASK = 1, 4  # bits of the kind of a page
_OLD_REDUCED: Final = 2

# Bytes per value of the field types.
_FIELD_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_MAX_ENTRIES: Final = 65_535
# Bytes of a text that are read; what is looked for are dates.
_MAX_TEXT: Final = 1024
# Entries of all pages together. Directories may lie over each other: a small file can have thousands of the largest.
_MAX_ALL_ENTRIES: Final = 1_000_000


@dataclass(frozen=True)
class Directory:
    """What one page says of itself.

    Attributes
    ----------
    offset : int
        Where it begins in the file.
    values : dict of int to int
        First value of every tag that is kept in the directory itself.
    n_bytes_elsewhere : int
        Bytes of values that are kept elsewhere in the file.
    end_elsewhere : int
        Where the last of them end.
    next_offset : int
        Where the next directory begins; 0 after the last.
    makes_sense : bool
        Whether sizes and the like are single numbers.
    n_entries : int
    """

    offset: int
    values: dict[int, int]
    n_bytes_elsewhere: int
    end_elsewhere: int
    next_offset: int
    makes_sense: bool
    n_entries: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored; 0 where they are not given."""
        return self.values.get(_WIDTH, 0), self.values.get(_HEIGHT, 0)

    @property
    def tile_size(self) -> tuple[int, int]:
        """Width and height of its tiles; 0 where it has none."""
        return self.values.get(_TILE_WIDTH, 0), self.values.get(_TILE_HEIGHT, 0)

    @property
    def is_frame(self) -> bool:
        """Whether it is a picture of its own, not a smaller copy or a mask of another page."""
        return not self.values.get(_KIND, 0) & (_REDUCED | _MASK) and self.values.get(_OLD_KIND) != _OLD_REDUCED

    def is_sound(self, file_size: int) -> bool:
        """Tell whether it makes sense, and all its values lie within the file.

        Parameters
        ----------
        file_size : int
            In bytes.

        Returns
        -------
        bool
        """
        return self.makes_sense and self.end_elsewhere <= file_size and self.n_bytes_elsewhere <= file_size


class _Layout:
    """How numbers are written in a file: in which order of bytes, and how many (BigTIFF has more)."""

    def __init__(self, header: bytes) -> None:
        order = ">" if header[:2] == b"MM" else "<"
        self.order = order
        if header[2:4] in (b"+\0", b"\0+"):  # BigTIFF
            self.start, self.number, self.link = 8, struct.Struct(order + "Q"), struct.Struct(order + "Q")
            self.entry = struct.Struct(order + "HHQ8s")
        else:
            self.start, self.number, self.link = 4, struct.Struct(order + "H"), struct.Struct(order + "L")
            self.entry = struct.Struct(order + "HHL4s")


def first_directory(file: BinaryIO) -> Directory:
    """Read the first directory of a TIFF file.

    Parameters
    ----------
    file : BinaryIO

    Returns
    -------
    Directory

    Raises
    ------
    struct.error
        The file ends too early.
    OverflowError
        It is to be found beyond the end of every file.

    Examples
    --------
    >>> import io
    >>> exif = struct.pack("<2sHLHHHLHHL", b"II", 42, 8, 1, ORIENTATION, 3, 1, 6, 0, 0)
    >>> first_directory(io.BytesIO(exif)).values[ORIENTATION]
    6
    """
    return _directory(file, *_start(file))


def frame_directories(file: BinaryIO, at_most: int) -> list[Directory]:
    """Read the directories of the pages that are pictures of their own, up to where the file is damaged.

    Pages end too where they have more than a million entries together, which no scanner writes.

    Parameters
    ----------
    file : BinaryIO
    at_most : int
        Pages that are wanted.

    Returns
    -------
    list of Directory
        At least one: where no page is a picture of its own, the first page.

    Raises
    ------
    struct.error, OverflowError
        As `first_directory`.
    """
    layout, offset = _start(file)
    directory = first = _directory(file, layout, offset)
    n_entries = 0
    found: list[Directory] = []
    seen = {offset}
    file_size = file.seek(0, os.SEEK_END)
    while True:
        n_entries += directory.n_entries
        if directory.is_frame:
            found.append(directory)
        if (
            n_entries > _MAX_ALL_ENTRIES
            or len(found) == at_most
            or not directory.next_offset
            or directory.next_offset in seen
        ):
            break
        try:
            directory = _directory(file, layout, directory.next_offset)
        except (struct.error, OverflowError):
            break
        if not directory.is_sound(file_size):
            break
        seen.add(directory.offset)
    return found or [first]


def first_value(file: BinaryIO, tag: int) -> int | None:
    """Find a value in the first directory, which may be damaged behind it, as that of EXIF often is.

    Parameters
    ----------
    file : BinaryIO
    tag : int

    Returns
    -------
    int or None
        None where the directory does not have it.
    """
    try:
        layout, offset = _start(file)
        return next(
            (value for found, value, n_bytes, _ in _entries(file, layout, offset) if found == tag and not n_bytes)
        )
    except (struct.error, OverflowError, StopIteration):
        return None


def find_text(file: BinaryIO, tag: int, *, inside: int | None = None) -> str | None:
    r"""Find a text of more than a few letters in the first directory, or in one that it points to.

    Parameters
    ----------
    file : BinaryIO
    tag : int
    inside : int, optional
        The tag that points to the directory to look in.

    Returns
    -------
    str or None
        Up to its first null character; None where the directory does not have it, or it is not ASCII.

    Examples
    --------
    >>> import io
    >>> exif = struct.pack("<2sHLHHHLLL", b"II", 42, 8, 1, 306, 2, 20, 26, 0) + b"2024:05:17 12:00:00\0"
    >>> find_text(io.BytesIO(exif), 306)
    '2024:05:17 12:00:00'
    """
    try:
        layout, offset = _start(file)
        if inside is not None:
            offset = next(value for found, value, n_bytes, _ in _entries(file, layout, offset) if found == inside)
        place, n_bytes = next(
            (value, n_bytes) for found, value, n_bytes, _ in _entries(file, layout, offset) if found == tag and n_bytes
        )
        file.seek(place)
        return file.read(min(n_bytes, _MAX_TEXT)).partition(b"\0")[0].decode("ascii")
    except (struct.error, OverflowError, StopIteration, UnicodeDecodeError):
        return None


def _start(file: BinaryIO) -> tuple[_Layout, int]:
    """Read how numbers are written, and where the first directory is."""
    file.seek(0)
    header = file.read(16)
    layout = _Layout(header)
    return layout, layout.link.unpack_from(header, layout.start)[0]


def _directory(file: BinaryIO, layout: _Layout, offset: int) -> Directory:
    values: dict[int, int] = {}
    total = end = n_entries = 0
    makes_sense = True
    for tag, value, n_bytes, count in _entries(file, layout, offset):
        n_entries += 1
        makes_sense &= count == 1 or tag not in _SINGLE
        if n_bytes:
            total += n_bytes
            end = max(end, value + n_bytes)
        else:
            values.setdefault(tag, value)
    next_offset: int = layout.link.unpack(file.read(layout.link.size))[0]
    return Directory(offset, values, total, end, next_offset, makes_sense, n_entries)


def _entries(file: BinaryIO, layout: _Layout, offset: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield tag, first value, 0, number of values; or tag, offset, bytes of values kept elsewhere, number."""
    file.seek(offset)
    n_entries = layout.number.unpack(file.read(layout.number.size))[0]
    if n_entries > _MAX_ENTRIES:
        raise struct.error("a directory with more entries than there are tags")
    for _ in range(n_entries):
        tag, kind, count, value = layout.entry.unpack(file.read(layout.entry.size))
        n_bytes = _FIELD_BYTES.get(kind, 0) * count
        in_place = n_bytes <= len(value)
        used = value[: _FIELD_BYTES.get(kind, 0)] if in_place else value
        first = int.from_bytes(used, "big" if layout.order == ">" else "little")
        yield tag, first, 0 if in_place else n_bytes, count


class PageView:
    """A TIFF file that begins with another of its pages: the header is read as if it pointed there.

    Pillow reads all directories up to the page that it is sent to; this way it reads one.

    Parameters
    ----------
    file : BinaryIO
    directory : Directory
        Of the page.
    """

    def __init__(self, file: BinaryIO, directory: Directory) -> None:
        layout, _ = _start(file)
        file.seek(0)
        self._head = file.read(layout.start) + layout.link.pack(directory.offset)
        self._file = file
        file.seek(0)

    def read(self, n_bytes: int = -1, /) -> bytes:
        """Read on."""
        at = self._file.tell()
        data = self._file.read(n_bytes)
        return self._head[at : at + len(data)] + data[max(0, len(self._head) - at) :]

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Say where reading goes on."""
        return self._file.tell()

    def fileno(self) -> int:
        """Return the number of the open file. libtiff reads with it, and is told of the page in other ways."""
        return self._file.fileno()
