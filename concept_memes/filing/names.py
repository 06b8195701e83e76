"""Names that every file system takes, and that no two of a folder share on any of them. Pure functions of texts."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["MAX_BYTES", "FreeNames", "safe_name"]

#: Longest name in bytes of UTF-8. Linux counts bytes; Windows and macOS count UTF-16 units, which are never more.
MAX_BYTES = 255

FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
# Marks that turn the direction of writing make a name look like another one ("gpj.exe"), and are not seen themselves.
UNSEEN = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
# What Windows takes for a device, whatever ending follows.
RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\..*)?", re.IGNORECASE)
ENDING = re.compile(r"\.[^.\s]{1,15}")
JOINER = "\u200d"  # makes one sign of several emoji
UNNAMED = "unnamed"


def safe_name(text: str, *, max_bytes: int = MAX_BYTES, ending: bool = True) -> str:
    r"""Make a name of a file or folder that Linux, macOS, Windows and the file systems of USB sticks all take.

    Parameters
    ----------
    text : str
        Any text, such as the name of a file or the words of a concept.
    max_bytes : int, default=255
        Longest name in bytes of UTF-8, at least 32.
    ending : bool, default=True
        Keep an ending like ``.jpg`` where the name has to be cut.

    Returns
    -------
    str
        In Unicode's NFC. Letters of all languages and emoji stay; ``<>:"/\|?*`` and bytes that are no UTF-8 become
        ``_``; control characters, and marks that turn the direction of writing, are left out; dots and blanks at the
        end too. Never empty.

    Examples
    --------
    >>> safe_name("t-shirt/jersey: 猫 🐼. "), safe_name("nul.jpg"), safe_name("..")
    ('t-shirt_jersey_ 猫 🐼', '_nul.jpg', 'unnamed')
    """
    safe = "".join(map(_safe_character, unicodedata.normalize("NFC", text)))
    name = _not_reserved(_trimmed(unicodedata.normalize("NFC", safe)))
    kept = _ending_of(name) if ending else ""
    stem = _cut(name.removesuffix(kept), max_bytes - len(kept.encode()))
    return _not_reserved((stem or UNNAMED) + kept)


class FreeNames:
    """Gives names of which no two are the same on any file system: not by case, and not by how accents are written.

    Examples
    --------
    >>> names = FreeNames()
    >>> names.take("cat.jpg"), names.take("Cat.JPG"), names.take("cat.jpg")
    ('cat.jpg', 'Cat (2).JPG', 'cat (3).jpg')
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._last: dict[str, int] = {}

    def take(self, text: str, *, max_bytes: int = MAX_BYTES) -> str:
        """Return a safe name that was not given before; a number in brackets makes it another one.

        Parameters
        ----------
        text : str
            As for `safe_name`.
        max_bytes : int, default=255
            Longest name in bytes of UTF-8, at least 32.

        Returns
        -------
        str
        """
        name = plain = safe_name(text, max_bytes=max_bytes)
        key = _key(plain)
        number = self._last.get(key, 1)
        while _key(name) in self._taken:
            number += 1
            ending = _ending_of(plain)
            mark = f" ({number}){ending}"
            name = _cut(plain.removesuffix(ending), max_bytes - len(mark.encode())) + mark
        self._taken.add(_key(name))
        self._last[key] = number
        return name


def _safe_character(character: str) -> str:
    """Return what stands for a character."""
    category = unicodedata.category(character)
    if category == "Cs":  # Python's stand-in for a byte that is no UTF-8
        return "_"
    if category in {"Zs", "Zl", "Zp"} or character in "\t\n\r":
        return " "
    if category in {"Cc", "Cn"} or character in UNSEEN:
        return ""
    return "_" if FORBIDDEN.match(character) else character


def _not_reserved(name: str) -> str:
    """Put something before a name that Windows takes for a device."""
    return f"_{name}" if RESERVED.fullmatch(name) else name


def _trimmed(name: str) -> str:
    """Take away blanks around a name and dots behind it: Windows does, and would then not find it."""
    return name.strip(" ").rstrip(". ")


def _ending_of(name: str) -> str:
    """Return the ending of a name with its dot, "" where it has none."""
    dot = name.rfind(".")
    return name[dot:] if dot > 0 and ENDING.fullmatch(name[dot:]) else ""


def _cut(name: str, max_bytes: int) -> str:
    """Cut a name to a number of bytes, but not within a character or an emoji of several parts."""
    if len(name.encode()) <= max_bytes:
        return name
    cut = name.encode()[:max_bytes].decode(errors="ignore")
    end = len(cut)
    while end and (name[end - 1] == JOINER or _belongs_before(name[end])):
        end -= 1
    return _trimmed(cut[:end] or cut)


def _belongs_before(character: str) -> bool:
    """Tell whether a character changes the one before it: accents, skin tones, joiners."""
    is_skin_tone = "\U0001f3fb" <= character <= "\U0001f3ff"
    return bool(unicodedata.combining(character)) or character in (JOINER, "\ufe0f", "\u20e3") or is_skin_tone


def _key(name: str) -> str:
    """Return what two names share that some file system takes for one: case, compatible forms, joiners do not count."""
    plain = re.sub("[\u200c\u200d\ufe0e\ufe0f]", "", name)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
