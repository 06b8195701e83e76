"""The HTML around the data: what the page may load, its style and its script, and how data are written into it.

Names of files, words and metadata are data. They stand in blocks that the browser does not run, written so that
nothing in them can end a block; the page reads them as JSON and shows them as text. Should all that fail, the
Content-Security-Policy lets nothing run but the script whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.errors import InvalidParameterError

__all__ = [
    "GENERATOR",
    "PageParts",
    "binary_block",
    "generator",
    "json_block",
    "page_end",
    "page_head",
    "page_parts",
    "text_block",
]

GENERATOR = "concept_memes"  # how the first bytes of a page tell that it is ours; the version follows

# What can end a script element, or begin what only looks like a comment; U+2028 and U+2029 ended lines of JavaScript
# once. All of them are written as JSON escapes.
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
# Halves of characters have no place in UTF-8: names of files that are none hold them.
_LONE = re.compile("[\ud800-\udfff]")
# The encoding of rows of numbers: a whole number of three bytes each, so that base64 of parts is base64 of the whole.
_BYTES_AT_A_TIME = 3 << 18


@dataclass(frozen=True)
class PageParts:
    """What a page is made of, but for the data.

    Attributes
    ----------
    style : str
        CSS.
    skeleton : str
        HTML, what stands in the body.
    script : str
        JavaScript.
    """

    style: str
    skeleton: str
    script: str


def page_parts(assets: Traversable | None = None) -> PageParts:
    """Read the style, the skeleton and the script of the page.

    Parameters
    ----------
    assets : Traversable, optional
        The folder with ``style.css``, ``page.html``, ``order.txt`` (names of scripts, one per line) and the scripts. By
        default the one in the package.

    Returns
    -------
    PageParts

    Raises
    ------
    InvalidParameterError
        If a part would end the element that it stands in.
    """
    folder = resources.files("concept_memes.explorer").joinpath("assets") if assets is None else assets

    def read(name: str) -> str:
        text = folder.joinpath(name).read_text(encoding="utf-8")
        return "\n".join(text.splitlines()) + "\n"  # browsers hash what they read, and they read no "\r\n"

    parts = PageParts(read("style.css"), read("page.html"), "".join(map(read, read("order.txt").split())))
    for name, text, end in (("style", parts.style, "</style"), ("script", parts.script, "</script")):
        if end in text.lower() or "<!--" in text:
            raise InvalidParameterError(
                "assets", str(folder), f"a folder whose {name} holds neither {end!r} nor '<!--'"
            )
    return parts


def page_head(parts: PageParts, title: str) -> bytes:
    """Write the page up to where the data begin.

    Parameters
    ----------
    parts : PageParts
    title : str
        Anything; it is escaped.

    Returns
    -------
    bytes
        UTF-8.
    """
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(parts.script)}'",
            f"style-src '{_hash(parts.style)}'",
            "img-src 'self' file: data: blob:",  # pictures beside the page, those on this disk, those within the page
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
    head = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="generator" content="{generator()} explorer">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{html.escape(title)}</title>
<style>{parts.style}</style>
</head>
<body>
{parts.skeleton}
<script>{parts.script}</script>
"""
    return head.encode("utf-8", "replace")  # names that are not UTF-8 come from the system as lone surrogates


def generator() -> str:
    """Return what a page says of what has made it: the package and its version."""
    return f"{GENERATOR} {metadata.version('concept-memes')}"


def page_end() -> bytes:
    """Write what comes after the data."""
    return b"</body>\n</html>\n"


def json_block(name: str, value: Any, *, ascii_only: bool = True) -> Iterator[bytes]:  # noqa: ANN401 (what JSON holds)
    r"""Write a value as a block of JSON.

    Parameters
    ----------
    name : str
        Of the block: letters, digits and hyphens.
    value : object
        What JSON can hold.
    ascii_only : bool, default=True
        False leaves other letters as they are, in UTF-8: Chinese takes half the room.

    Yields
    ------
    bytes
        ASCII, or UTF-8.

    Examples
    --------
    >>> print(b"".join(json_block("words", ["</script>", "a\u2028b"])).decode(), end="")
    <script type="application/json" id="words">["\u003c/script\u003e","a\u2028b"]</script>
    """
    text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)
    yield f'<script type="application/json" id="{name}">'.encode()
    yield _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
    yield b"</script>\n"


def text_block(name: str, parts: Iterable[bytes]) -> Iterator[bytes]:
    """Write a block of text that needs no escapes, such as base64.

    Parameters
    ----------
    name : str
        Of the block.
    parts : iterable of bytes
        Letters, digits, "+", "/", "=" and line breaks.

    Yields
    ------
    bytes
    """
    yield f'<script type="text/plain" id="{name}">'.encode()
    yield from parts
    yield b"</script>\n"


def binary_block(name: str, numbers: npt.NDArray[Any]) -> Iterator[bytes]:
    r"""Write numbers as a block of base64, little endian, row by row.

    Parameters
    ----------
    name : str
        Of the block.
    numbers : ndarray

    Yields
    ------
    bytes

    Examples
    --------
    >>> b"".join(binary_block("scales", np.array([1, 2], np.uint16)))
    b'<script type="text/plain" id="scales">AQACAA==</script>\n'
    """
    little = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    parts = range(0, len(little), _BYTES_AT_A_TIME)
    return text_block(name, (base64.b64encode(little[start : start + _BYTES_AT_A_TIME].tobytes()) for start in parts))


def _hash(text: str) -> str:
    """Return the hash by which a policy knows what may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
