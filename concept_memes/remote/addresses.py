"""What an address means: a place of the web, a file of this machine, an entry of a list that came from elsewhere."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes, urljoin, urlsplit
from urllib.request import url2pathname

from concept_memes.remote.kept_copies import is_address, is_web_address

__all__ = ["joined", "local_path"]

# Protocols of fsspec that read files of this machine.
_LOCAL = re.compile("(?:file|local|git)://", re.IGNORECASE)


def local_path(address: str) -> Path | None:
    """Return the path that an address on this machine stands for.

    Parameters
    ----------
    address : str

    Returns
    -------
    Path or None
        None for places elsewhere.

    Examples
    --------
    >>> local_path("file:///home/me/two%20cats.jpg")
    PosixPath('/home/me/two cats.jpg')
    >>> local_path("s3://bucket/cat.jpg") is None
    True
    """
    if address[:7].lower() != "file://":
        return None
    try:
        parts = urlsplit(address)
        is_here = parts.netloc.lower() in ("", "localhost")
    except ValueError:
        return None
    # Names may have ? and # in them; nobody gives a query to a file.
    path = address[7 + len(parts.netloc) :] if is_here else ""
    if os.name == "nt":
        return Path(url2pathname(path)) if path else None
    return Path(os.fsdecode(unquote_to_bytes(path))) if path else None  # any bytes, as in file names


def joined(base: str, entry: str) -> str | None:
    """Return the address that an entry of a list means, where the list itself came from an address.

    Parameters
    ----------
    base : str
        Address of the list.
    entry : str
        An address, or a path relative to the list.

    Returns
    -------
    str or None
        None for a file of this machine, where a list from elsewhere has no business, and for what is no address.

    Examples
    --------
    >>> joined("https://example.org/memes/list.txt", "a.jpg")
    'https://example.org/memes/a.jpg'
    >>> joined("s3://bucket/memes/list.txt", "a.jpg")
    's3://bucket/memes/a.jpg'
    >>> joined("https://example.org/list.txt", "file:///home/me/a.jpg") is None
    True
    """
    if is_web_address(entry):
        return entry
    if is_address(entry):
        # The last link of a chain is where the bytes are; without a protocol it is a path of this machine.
        last = entry.rpartition("::")[2]
        return entry if is_address(last) and _LOCAL.search(entry) is None else None
    if is_web_address(base):
        try:
            address = urljoin(base, entry)
        except ValueError:
            return None
        return address if is_web_address(address) else None  # "C:/a.jpg" and "file:/a.jpg" come out as they are
    if "::" in entry:
        return None
    head, chain, rest = base.partition("::")
    return f"{posixpath.dirname(head)}/{entry}{chain}{rest}"
