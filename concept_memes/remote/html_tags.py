"""The tags of a web page, one after another, however broken it is, in a time that grows with its length only.

The standard library's parser takes hours for some pages of a few megabytes (an unclosed comment mark, many times over),
and reads "&copy=1" in an address as a sign.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

__all__ = ["html_tags"]

_NAME = re.compile(r"[A-Za-z][^\s/>]*")
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s/>=][^\s/>=]*|=)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>]*))?""")
_GAP = re.compile(r"[\s/]*")
# What is in these is no HTML.
_RAW = frozenset(("script", "style", "textarea", "title", "xmp"))
_BARE_AND = re.compile(r"&(?=[A-Za-z0-9_.~-]{1,80}=)")


def html_tags(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Read the tags of a page.

    Parameters
    ----------
    text : str

    Yields
    ------
    tuple of (str, dict)
        The name in lower case, with a slash before it for closing tags, and the attributes. Of two attributes of the
        same name the first counts. Comments, scripts and styles are passed over.

    Examples
    --------
    >>> list(html_tags('<A HREF="?a=1&amp;b=2">more</a>'))
    [('a', {'href': '?a=1&b=2'}), ('/a', {})]
    """
    at = text.find("<")
    while at >= 0:
        end, tag = _read(text, at)
        if end < 0:  # what is not closed swallows the rest, as in browsers
            return
        if tag is not None:
            yield tag
            if tag[0] in _RAW:
                closing = re.compile(f"</{tag[0]}(?=[\\s/>])", re.IGNORECASE).search(text, end)
                if closing is None:
                    return
                end = closing.start()
        at = text.find("<", end)


def _read(text: str, at: int) -> tuple[int, tuple[str, dict[str, str]] | None]:
    """Read what begins with "<": gives where it ends, or -1, and the tag if it is one."""
    if text.startswith("<!--", at):
        end = text.find("-->", at + 2)  # "<!-->" is a whole comment
        return (end + 3 if end >= 0 else -1), None
    if text.startswith(("<!", "<?"), at):
        end = text.find(">", at)
        return (end + 1 if end >= 0 else -1), None
    closes = text.startswith("</", at)
    name = _NAME.match(text, at + 1 + closes)
    if name is None:
        return at + 1, None  # a sign in the text
    if closes:
        end = text.find(">", name.end())
        return (end + 1 if end >= 0 else -1), ("/" + name.group().lower(), {})
    end, attributes = _read_attributes(text, name.end())
    return end, (name.group().lower(), attributes)


def _read_attributes(text: str, at: int) -> tuple[int, dict[str, str]]:
    """Read attributes up to the end of a tag: gives where that is."""
    attributes: dict[str, str] = {}
    while True:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        if at >= len(text):
            return len(text), attributes
        if text[at] == ">":
            return at + 1, attributes
        match = _ATTRIBUTE.match(text, at)
        if match is None:  # cannot be: whatever is no gap and no end begins a name
            return at + 1, attributes
        value = match.group(2) or ""
        if value[:1] in ("'", '"') and value[-1:] == value[:1] and len(value) > 1:
            value = value[1:-1]
        if "&" in value:
            value = html.unescape(_BARE_AND.sub("&amp;", value))
        attributes.setdefault(match.group(1).lower(), value)
        at = match.end()
