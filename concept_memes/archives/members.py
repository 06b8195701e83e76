"""What the readers of archives share: what a member is, which names are safe, how large a member may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from concept_memes.image_formats import ENDINGS

__all__ = [
    "MAX_MEMBER_BYTES",
    "MAX_RATIO",
    "Entry",
    "MemberError",
    "Reader",
    "damage",
    "has_image_ending",
    "member_key",
    "name_problem",
]

#: Most bytes of one member: the largest picture that is decoded, at 16 bits per colour and not compressed.
MAX_MEMBER_BYTES: Final = 512 << 20
#: Nothing that is a picture unpacks to more than this many times its packed size, unless it is small. Deflate can
#: reach 1,032 times, with zeros.
MAX_RATIO: Final = 200


class MemberError(Exception):
    """A reason why a member, or the whole archive, cannot be read; in words for people."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as it stands in an archive.

    Attributes
    ----------
    name : str
        As it was stored.
    is_folder, is_regular : bool
        Neither for links and devices.
    first_bytes : callable
        Reads the first bytes; b"" where they cannot be read. To be called before the next entry is asked for.
    """

    name: str
    is_folder: bool
    is_regular: bool
    first_bytes: Callable[[], bytes]


class Reader(Protocol):
    """What all kinds of archives can do."""

    @property
    def any_order(self) -> bool:
        """Whether reading back and forth is as quick as reading in order."""

    def entries(self) -> Iterator[Entry]:
        """Go through all members. Raises where the archive is damaged; what came before that can be read."""

    def read(self, key: str) -> bytes:
        """Return a member's bytes, or raise `MemberError` or what the modules below raise."""

    def close(self) -> None:
        """Let go of the file."""


def member_key(name: str) -> str:
    """Return a member's name as it looks in a path: without "./" and doubled slashes.

    Examples
    --------
    >>> member_key("./inner//a.jpg")
    'inner/a.jpg'
    """
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def name_problem(name: str) -> str | None:
    """Say why a member's name is not safe to use; None where it is.

    Examples
    --------
    >>> name_problem("../../etc/passwd.jpg")
    "its name leads out of the archive ('..')"
    >>> name_problem("inner/a.jpg") is None
    True
    """
    if "\0" in name:
        return "its name holds a null character"
    if name.startswith(("/", "\\")):
        return "its name is absolute"
    if re.match("[A-Za-z]:", name):
        return "its name begins with a drive letter"
    if ".." in re.split(r"[/\\]", name):
        return "its name leads out of the archive ('..')"
    return None


def damage(error: BaseException) -> MemberError:
    """Return an error of the modules below as a reason.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    MemberError

    Examples
    --------
    >>> damage(EOFError("unexpected end of data."))
    MemberError('truncated or damaged: unexpected end of data')
    """
    if isinstance(error, MemberError):
        return error
    return MemberError(
        f"truncated or damaged: {' '.join(str(error).split())[:120].rstrip('. ') or type(error).__name__}"
    )


def has_image_ending(name: str) -> bool:
    """Tell whether a name ends like that of a picture.

    Examples
    --------
    >>> has_image_ending("a.JPG")
    True
    """
    return name.lower().endswith(tuple(ENDINGS))
