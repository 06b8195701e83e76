"""Lines of text that fit a width: where they break and how they are shortened. Measures with what the caller gives."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable

__all__ = ["clusters", "fit_lines", "shorten"]


def shorten(text: str, width: float, measure: Callable[[str], float], *, keep: str = "start") -> str:
    """Cut a text with an ellipsis so that it fits a width.

    A list is cut after a word of it, if one fits: half a word says less than none.

    Parameters
    ----------
    text : str
        One line.
    width : float
        Room.
    measure : callable
        Gives the width of a text.
    keep : {"start", "end"}
        Which end stays: the start of a title, the end of a file name.

    Returns
    -------
    str
        The text itself where it fits; "" where not even the ellipsis does.

    Examples
    --------
    >>> shorten("grand piano", 8, len), shorten("holiday/beach.jpg", 8, len, keep="end")
    ('grand p…', '…ach.jpg')
    >>> shorten("piano, concert hall", 14, len)
    'piano…'
    """
    if measure(text) <= width:
        return text
    parts = clusters(text)
    kept = bisect_right(range(1, len(parts)), width, key=lambda count: measure(_cut(parts, count, keep)))
    if keep == "start" and ", " in "".join(parts[:kept]):
        return "".join(parts[:kept]).rpartition(", ")[0] + "…"
    return _cut(parts, kept, keep) if kept or measure("…") <= width else ""


def fit_lines(text: str, width: float, n_lines: int, measure: Callable[[str], float]) -> list[str]:
    """Break a text into lines that fit a width; what is left over ends in an ellipsis.

    Lines break after spaces and hyphens and between wide (Chinese, Japanese, Korean) characters, and inside a word
    only where the word alone is wider than a line.

    Parameters
    ----------
    text : str
        Without line breaks.
    width : float
        Room in one line.
    n_lines : int
        At most this many lines, at least 1.
    measure : callable
        Gives the width of a text.

    Returns
    -------
    list of str
        The lines, none of them wider than `width`.

    Examples
    --------
    >>> fit_lines("grand piano, concert hall", 13, 2, len)
    ['grand piano,', 'concert hall']
    >>> fit_lines("grand piano, concert hall", 8, 2, len)
    ['grand', 'piano…']
    """
    lines: list[str] = []
    rest = text.strip()
    while rest and len(lines) < n_lines - 1 and measure(rest) > width:
        line = _first_line(rest, width, measure)
        if not line:
            break
        lines.append(line.rstrip())
        rest = rest[len(line) :].lstrip()
    last = shorten(rest, width, measure)
    return [*lines, last] if last else lines


def _cut(parts: list[str], count: int, keep: str) -> str:
    return (
        "".join(parts[:count]).rstrip(" ,;，、；") + "…"
        if keep == "start"
        else "…" + "".join(parts[len(parts) - count :])
    )


def _first_line(text: str, width: float, measure: Callable[[str], float]) -> str:
    """Take the longest start of a text that fits and ends where a line may end."""
    parts = clusters(text)
    # By bisection, because measuring is slow.
    fitting = bisect_right(range(1, len(parts) + 1), width, key=lambda count: measure("".join(parts[:count]).rstrip()))
    for count in range(fitting, 0, -1):
        if _may_break(parts[count - 1], parts[count] if count < len(parts) else " "):
            return "".join(parts[:count])
    return "".join(parts[:fitting])


def _may_break(part: str, following: str) -> bool:
    return part[-1] in " -/" or (_is_wide(part) and following[0] not in "，。、！？：；）」』】》”’…,.!?:;)")


def _is_wide(part: str) -> bool:
    return unicodedata.east_asian_width(part[0]) in "WF"


def clusters(text: str) -> list[str]:
    """Split into characters as people see them: accents, joiners, selectors and skin tones stay with their base.

    Parameters
    ----------
    text : str
        Anything.

    Returns
    -------
    list of str
        Put together they are the text.

    Examples
    --------
    >>> [len(part) for part in clusters("ae\u0301\U0001f44d\U0001f3fd\U0001f1e9\U0001f1ea!")]
    [1, 2, 2, 2, 1]
    """
    parts: list[str] = []
    for char in text:
        if parts and _belongs_to(char, parts[-1]):
            parts[-1] += char
        else:
            parts.append(char)
    return parts


def _belongs_to(char: str, part: str) -> bool:
    if _is_flag_letter(char):  # two of them are a flag
        return len(part) == 1 and _is_flag_letter(part)
    skin_tone = "\U0001f3fb" <= char <= "\U0001f3ff"
    return part[-1] == "\u200d" or char == "\u200d" or skin_tone or unicodedata.category(char) in ("Mn", "Me", "Mc")


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
