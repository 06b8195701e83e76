"""Which installed fonts can draw a text.

matplotlib ships DejaVu Sans, which has the European scripts and some emoji but no Chinese, Japanese or Korean. Here
a text gets a list of families that together have its characters. A character that no installed font has is replaced
by a visible box, so that a missing font costs one warning per figure, not one per glyph.
"""

from __future__ import annotations

import logging
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from PIL import ImageFont

from concept_memes.errors import AdjustedWarning
from concept_memes.figures.emoji import color_emoji, split_emoji

__all__ = ["PLACEHOLDER", "FontChoice", "choose_font", "clean_text", "pillow_font", "warn_missing"]

logger = logging.getLogger(__name__)

BASE_FAMILY = "DejaVu Sans"  # comes with matplotlib: figures look the same on every machine
PLACEHOLDER = "\u25a1"  # WHITE SQUARE, in DejaVu Sans

# Families with the shapes that readers of a language expect, from the systems that ship them.
_CHINESE = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Heiti SC", "SimHei", "Noto Sans CJK TC",
    "Microsoft JhengHei", "PingFang TC",
)  # fmt: skip
_JAPANESE = ("Noto Sans CJK JP", "Noto Sans JP", "Hiragino Sans", "Yu Gothic", "Meiryo", "IPAexGothic", "MS Gothic")
_KOREAN = ("Noto Sans CJK KR", "Noto Sans KR", "Apple SD Gothic Neo", "Malgun Gothic", "NanumGothic", "Nanum Gothic")
_SYMBOLS = (
    "Noto Emoji", "Segoe UI Symbol", "Apple Symbols", "Symbola", "Noto Sans Symbols", "Noto Sans Symbols 2",
    "Arial Unicode MS",
)  # fmt: skip
# These claim characters that they draw as something else: one box for everything, nothing, or old maths codes.
_NOT_FOR_TEXT = (
    "last resort", "lastresort", "adobe blank", "stixnonunicode", "stixsize", "cmb10", "cmex10", "cmmi10", "cmr10",
    "cmss10", "cmsy10", "cmtt10", "webdings", "wingdings", "symbol ",
)  # fmt: skip


class FontChoice(NamedTuple):
    """How to draw a text.

    Attributes
    ----------
    text : str
        What to draw: a box stands where no installed font has the character.
    families : tuple of str
        Font families, tried in this order for each character.
    weight : str
        "bold" or "normal"; normal too where bold was asked for and a family has none.
    missing : str
        The characters that were replaced, each once.
    emoji : tuple of str
        Characters of the text that are drawn in colour, as pictures.
    """

    text: str
    families: tuple[str, ...]
    weight: str
    missing: str
    emoji: tuple[str, ...] = ()


def clean_text(text: str) -> str:
    r"""Make one printable line: composed characters, single spaces, no control or direction characters.

    Parameters
    ----------
    text : str
        Anything, such as a file name.

    Returns
    -------
    str

    Examples
    --------
    >>> clean_text("grand\n piano\x07")
    'grand piano'
    """
    joiners = "\u200c\u200d"  # these shape Persian, Indic scripts and emoji
    kept = [
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in unicodedata.normalize("NFC", text)
        if char in joiners or unicodedata.category(char) != "Cf"
    ]
    return " ".join("".join(kept).split())


def choose_font(text: str, *, bold: bool = False, colors: bool = True) -> FontChoice:
    """Find installed families that together have the characters of a text.

    Parameters
    ----------
    text : str
        One line, as :func:`clean_text` gives it.
    bold : bool
        Whether it is to be drawn in bold.
    colors : bool
        Whether whoever draws it can put pictures between the letters, for emoji that a colour font has.

    Returns
    -------
    FontChoice

    Examples
    --------
    >>> choose_font("grand piano")
    FontChoice(text='grand piano', families=('DejaVu Sans',), weight='normal', missing='', emoji=())
    """
    emoji = color_emoji(text) if colors else ()
    parts = split_emoji(text, emoji)
    written = "".join(part for part, is_emoji in parts if not is_emoji)
    families, missing = _cover(written, bold)
    if not all(map(_is_invisible, missing)) and _learn_new_fonts():
        families, missing = _cover(written, bold)
    weight = "bold" if bold and all(map(_has_bold, families)) else "normal"
    drawn = "".join(part if is_emoji else _with_boxes(part, missing) for part, is_emoji in parts)
    lost = [char for char in dict.fromkeys(written) if char in missing and not _is_invisible(char)]
    return FontChoice(drawn, tuple(families), weight, "".join(lost), emoji)


def _with_boxes(text: str, missing: set[str]) -> str:
    # Invisible characters (variation selectors, joiners) leave no gap and need no warning.
    return "".join(char if char not in missing else "" if _is_invisible(char) else PLACEHOLDER for char in text)


def warn_missing(missing: Iterable[str], *, stacklevel: int = 2) -> None:
    """Warn once about all characters that no installed font can draw; silent where there are none.

    Parameters
    ----------
    missing : iterable of str
        Characters.
    stacklevel : int
        For :func:`warnings.warn`.
    """
    characters = list(dict.fromkeys(missing))
    if not characters:
        return
    shown = " ".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in characters[:12])
    more = f" and {len(characters) - 12} more" if len(characters) > 12 else ""
    warnings.warn(
        f"No installed font that can be drawn has {shown}{more}: a box ({PLACEHOLDER}) stands for each. "
        f"To see them, install {' and '.join(_advice(characters))}, then restart Python.",
        AdjustedWarning,
        stacklevel=stacklevel + 1,
    )


def pillow_font(text: str, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """Load the one font that has most of a text's characters, for drawing with Pillow.

    Parameters
    ----------
    text : str
        One line.
    size : int
        Size in pixels.

    Returns
    -------
    tuple of str and PIL.ImageFont.FreeTypeFont
        The text, with boxes where this font lacks the character, and the font.
    """
    choice = choose_font(text, colors=False)

    def n_missing(family: str) -> int:
        known = _characters(family, False)
        return sum(ord(char) not in known for char in choice.text)

    family = min(choice.families, key=n_missing)
    known = _characters(family, False)
    box = PLACEHOLDER if ord(PLACEHOLDER) in known else "?"
    drawn = "".join(char if ord(char) in known else box for char in choice.text)
    found = _find(family, False)
    # matplotlib 3.11 gives the file and the number of the face in it, older ones the file, whose first face they use.
    return drawn, ImageFont.truetype(str(getattr(found, "path", found)), size, index=getattr(found, "face_index", 0))


def _cover(text: str, bold: bool) -> tuple[list[str], set[str]]:
    """Choose families until they have all characters of a text; what none has is left over."""
    families = [BASE_FAMILY]
    missing = {char for char in text if ord(char) not in _characters(BASE_FAMILY, bold)}
    for family in _candidates(text) if missing else []:
        found = {char for char in missing if ord(char) in _characters(family, bold and _has_bold(family))}
        if found:
            families.append(family)
            missing -= found
        if not missing:
            break
    return families, missing


@cache
def _learn_new_fonts() -> bool:
    """Tell matplotlib of fonts that were installed after it made its list: it keeps that list on disk for good.

    Returns
    -------
    bool
        Whether there were any.
    """
    from matplotlib import font_manager

    known = {str(entry.fname) for entry in font_manager.fontManager.ttflist}
    added = False
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            font_manager.fontManager.addfont(path)
            added = True
        except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:  # what FreeType and its readers raise
            logger.info("The font %s cannot be used: %s", path, error)
    return added


def _candidates(text: str) -> list[str]:
    """List installed families, those that suit the languages of the text first."""
    from matplotlib import font_manager

    preferred: Sequence[str] = (*_CHINESE, *_JAPANESE, *_KOREAN)
    if any("\u3040" <= char <= "\u30ff" for char in text):  # kana
        preferred = (*_JAPANESE, *_CHINESE, *_KOREAN)
    elif any("\uac00" <= char <= "\ud7a3" or "\u1100" <= char <= "\u11ff" for char in text):  # Hangul
        preferred = (*_KOREAN, *_CHINESE, *_JAPANESE)
    rank = {family: place for place, family in enumerate((*preferred, *_SYMBOLS))}
    others = len(rank)
    rank["Unifont"] = others + 1  # has nearly everything, in pixels of 1985: better than a box, worse than all others
    installed = {entry.name for entry in font_manager.fontManager.ttflist} - {BASE_FAMILY}
    # findfont logs a line per text about a family that lacks the weight asked for.
    usable = [name for name in installed if not f"{name.lower()} ".startswith(_NOT_FOR_TEXT) and 400 in _weights(name)]
    return sorted(usable, key=lambda family: (rank.get(family, others), "Sans" not in family, family))


def _has_bold(family: str) -> bool:
    return 700 in _weights(family)


def _weights(family: str) -> set[int | str]:
    from matplotlib import font_manager

    upright = [entry for entry in font_manager.fontManager.ttflist if entry.name == family and entry.style == "normal"]
    weights = [entry.weight for entry in upright]
    return {font_manager.weight_dict.get(str(weight), weight) for weight in weights}


@cache
def _characters(family: str, bold: bool) -> frozenset[int]:
    """Return the code points that a family can draw: none for broken files and colour fonts, which Agg cannot draw."""
    from matplotlib import font_manager

    try:
        font = font_manager.get_font(_find(family, bold))
        flags: Any = font.face_flags  # an enum since matplotlib 3.10, before that a number
        if getattr(flags, "value", flags) & 1 << 14:  # FT_FACE_FLAG_COLOR: emoji as bitmaps or layers
            return frozenset()
        return frozenset(font.get_charmap())
    except (OSError, RuntimeError, ValueError) as error:  # what FreeType and findfont raise
        logger.info("The font family %r cannot be used: %s", family, error)
        return frozenset()


def _find(family: str, bold: bool) -> str:
    """Find the file that matplotlib will draw a family with."""
    from matplotlib import font_manager

    # Everything is said, because what is left out comes from the user's rcParams.
    wanted = font_manager.FontProperties(
        family=family, style="normal", variant="normal", stretch="normal", size=10, weight="bold" if bold else "normal"
    )
    return font_manager.findfont(wanted, fallback_to_default=False)


def _is_invisible(char: str) -> bool:
    return char in "\u200c\u200d" or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _advice(characters: Sequence[str]) -> list[str]:
    """Name fonts to install."""
    # By range too, because emoji are newer than the tables of an older Python.
    emoji = {c for c in characters if "\U0001f000" <= c <= "\U0001faff" or unicodedata.category(c) == "So"}
    cjk = {char for char in characters if unicodedata.east_asian_width(char) in "WF"} - emoji
    advice = []
    if cjk:
        advice.append("Noto Sans CJK (Debian and Ubuntu: fonts-noto-cjk)")
    if emoji:
        advice.append("Noto Emoji, or Noto Color Emoji as bitmaps (Debian and Ubuntu: fonts-noto-color-emoji)")
    if set(characters) - cjk - emoji:
        advice.append("the Noto Sans font of the script (https://fonts.google.com/noto)")
    return advice
