"""Where the copy of what has an address lies on disk, and what people see of the address. Nothing is fetched here.

The place follows from the address alone, so that the next run finds the copy without asking anyone.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit

__all__ = ["is_address", "is_web_address", "kept_path", "shown_address"]

# Two letters at least before the colon: C:\pictures is a drive of Windows.
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]+::)*[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_CHAIN = re.compile(r"::(?=[a-z][a-z0-9+.-]+://)", re.IGNORECASE)
_ENDING = re.compile(r"\.[a-z0-9]{1,8}", re.IGNORECASE)
# Words in the name of a query's part that say: its value opens doors.
_SECRETS = frozenset(
    ("accesskey", "accesstoken", "apikey", "auth", "authorization", "authtoken", "credential", "credentials", "hm")
    + ("hmac", "jwt", "key", "pass", "passwd", "password", "policy", "pwd", "secret", "session", "sessionid", "sig")
    + ("sign", "signature", "token")
)


def is_address(text: str) -> bool:
    r"""Tell whether a text is an address (``https://...``, ``s3://...``) and not a path.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool

    Examples
    --------
    >>> is_address("https://example.org/cat.jpg"), is_address("s3://bucket/cat.jpg")
    (True, True)
    >>> is_address("pictures/cat.jpg"), is_address("C:\\pictures\\cat.jpg")
    (False, False)
    """
    return _ADDRESS.match(text) is not None


def is_web_address(text: str) -> bool:
    """Tell whether a text is an address of the web.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool

    Examples
    --------
    >>> is_web_address("HTTPS://example.org"), is_web_address("s3://bucket")
    (True, False)
    """
    return text[:8].lower().startswith(("http://", "https://"))


def kept_path(folder: Path, address: str) -> Path:
    """Tell where the copy of an address lies, whether it is there or not.

    Parameters
    ----------
    folder : Path
        Where copies are kept.
    address : str
        What differs only in the fragment (``#...``), in the case of the host or in the password has one copy.
        Whoever looks with another user name may see something else, so that one counts, and so does the query.

    Returns
    -------
    Path
        The hash of the address, with the address's ending for people.

    Examples
    --------
    >>> kept_path(Path("kept"), "https://example.org/photos/Cat.JPG?size=large").as_posix()
    'kept/87/874b9cefdbb09916d43cd16976bd78a8e4c1696b.jpg'
    """
    key, path = address, address
    if is_web_address(address):
        key, path = _web_key(address)
    name = PurePosixPath(path).name
    suffixes = [suffix for suffix in PurePosixPath(name).suffixes[-2:] if _ENDING.fullmatch(suffix)]
    ending = "".join(suffixes if suffixes[:1] == [".tar"] else suffixes[-1:]).lower()
    digest = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:40]
    return folder / digest[:2] / f"{digest}{ending}"


def shown_address(address: str) -> str:
    """Return an address as people may see it: without user and password, and with keys in the query made unreadable.

    Parameters
    ----------
    address : str

    Returns
    -------
    str

    Examples
    --------
    >>> shown_address("https://me:secret@example.org/cat.jpg?size=9&token=abc")
    'https://example.org/cat.jpg?size=9&token=***'
    >>> shown_address("s3://bucket/cat.jpg")
    's3://bucket/cat.jpg'
    """
    return "::".join(map(_shown_link, _CHAIN.split(address)))


def _shown_link(address: str) -> str:
    """Clean one link of a chain such as ``zip://a.jpg::https://...``."""
    # By hand, not by urlsplit: this has to work for addresses that are wrong.
    head, mark, tail = address.partition("://")
    if not mark:
        return address
    host = re.match(r"[^/?#]*", tail)
    end = host.end() if host else 0
    tail = tail[:end].rpartition("@")[2] + tail[end:]
    before, question, query = tail.partition("?")
    parts = re.split(r"([&;#])", query)
    return f"{head}://{before}{question}{''.join(map(_without_secret, parts))}"


def _web_key(address: str) -> tuple[str, str]:
    """Return what tells one address on the web from others, and its path."""
    try:
        parts = urlsplit(address)
        user = parts.username
    except ValueError:  # not an address; fetching it will say so
        return address, ""
    host = parts.netloc.rpartition("@")[2].lower()
    netloc = host if user is None else f"{user}@{host}"
    return urlunsplit((parts.scheme.lower(), netloc, parts.path or "/", parts.query, "")), parts.path


def _without_secret(part: str) -> str:
    """Hide the value of one part of a query where its name says that it is a key."""
    name, equals, value = part.partition("=")
    words = re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1-\2", name).lower())
    secret = bool(value) and not _SECRETS.isdisjoint(words)
    return f"{name}{equals}***" if secret else part
