"""By what the cache knows things: files by their stamp, contents and texts by their hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from concept_memes.errors import InvalidParameterError

__all__ = ["FileStamp", "file_stamp", "key_bytes", "text_key"]


class FileStamp(NamedTuple):
    """What tells cheaply that a file is still the same.

    Attributes
    ----------
    path : bytes
        The absolute path as the system has it: names need not be valid UTF-8.
    size : int
        In bytes.
    mtime_ns : int
        When the content changed, in nanoseconds.
    ctime_ns : int
        When anything about the file changed. Tools can set `mtime_ns` back, but not this.
    """

    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int


def file_stamp(path: Path, status: os.stat_result) -> FileStamp:
    """Make the stamp of a file.

    Parameters
    ----------
    path : Path
        A relative one is relative to the current folder.
    status : os.stat_result

    Returns
    -------
    FileStamp

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"abc")
    ...     file.flush()
    ...     file_stamp(Path(file.name), os.stat(file.name)).size
    3
    """
    return FileStamp(os.fsencode(os.path.abspath(path)), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def text_key(text: str) -> str:
    """Return the key of a text, as the hash of the content is the key of a picture.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        32 hexadecimal digits. No file has the key of a text.

    Examples
    --------
    >>> text_key("panda")
    '853c388655a5d78b2f415d1af3016323'
    """
    data = b"concept_memes text\0" + text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def key_bytes(key: str) -> bytes:
    """Return the bytes of a key.

    Parameters
    ----------
    key : str

    Returns
    -------
    bytes

    Raises
    ------
    InvalidParameterError
        If it is not 32 hexadecimal digits.

    Examples
    --------
    >>> key_bytes("ff" * 16) == bytes([255] * 16)
    True
    """
    try:
        content = bytes.fromhex(key)
    except ValueError:
        content = b""
    if len(content) != 16:
        raise InvalidParameterError("key", key, "32 hexadecimal digits")
    return content
