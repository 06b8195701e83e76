"""Emoji in colour, as small pictures between the letters: matplotlib draws no colour fonts, Pillow does."""

from __future__ import annotations

import logging
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, features

from concept_memes.figures.wrapping import clusters

__all__ = ["color_emoji", "draw_emoji", "split_emoji"]

logger = logging.getLogger(__name__)

# Bitmaps come in few sizes: Noto's in 109, Apple's in 160 and smaller. Fonts of outlines take any.
SIZES = (109, 160, 128, 96)
GRINNING_FACE = "\U0001f600"
EMOJI_STYLE = "\ufe0f"  # after a character: the emoji is meant, not the letter


def color_emoji(text: str) -> tuple[str, ...]:
    """Find the emoji in a text that an installed colour font has.

    Parameters
    ----------
    text : str
        One line.

    Returns
    -------
    tuple of str
        Each once, with its modifiers; empty where no such font is installed.

    Examples
    --------
    >>> color_emoji("grand piano, no. 1")
    ()
    """
    found = [cluster for cluster in dict.fromkeys(clusters(text)) if _asks_for_color(cluster)]
    if not found or (known := _color_font()) is None:
        return ()
    characters = known[1]
    return tuple(
        cluster for cluster in found if all(ord(char) in characters or char in "\u200d\ufe0f" for char in cluster)
    )


def split_emoji(text: str, emoji: tuple[str, ...]) -> list[tuple[str, bool]]:
    """Part a text into what is written and what is drawn.

    Parameters
    ----------
    text : str
        One line.
    emoji : tuple of str
        What is drawn.

    Returns
    -------
    list of (str, bool)
        The parts in their order; True for a single emoji.

    Examples
    --------
    >>> split_emoji("so $$ dear", ("$",))
    [('so ', False), ('$', True), ('$', True), (' dear', False)]
    """
    parts: list[tuple[str, bool]] = []
    for cluster in clusters(text):
        if cluster in emoji:
            parts.append((cluster, True))
        elif parts and not parts[-1][1]:
            parts[-1] = (parts[-1][0] + cluster, False)
        else:
            parts.append((cluster, False))
    return parts


@lru_cache(maxsize=256)
def draw_emoji(cluster: str) -> Image.Image:
    """Draw an emoji that :func:`color_emoji` found.

    Parameters
    ----------
    cluster : str
        One character as people see it.

    Returns
    -------
    PIL.Image.Image
        RGBA, square, transparent around it.
    """
    known = _color_font()
    assert known is not None, "color_emoji found nothing to draw"
    return _drawn(cluster, known[0])


def _asks_for_color(cluster: str) -> bool:
    return cluster[0] >= "\U0001f000" or (EMOJI_STYLE in cluster and cluster[0] > "\u2000")


def _drawn(cluster: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    if not features.check("raqm"):  # without it, families and flags would be drawn one beside the other
        cluster = cluster[0]
    box = font.getbbox(cluster)
    image = Image.new("RGBA", (max(1, int(box[2])), max(1, int(box[3]))))
    ImageDraw.Draw(image).text((0, 0), cluster, font=font, embedded_color=True)
    image = image.crop(image.getbbox() or (0, 0, 1, 1))
    square = Image.new("RGBA", (max(image.size), max(image.size)))
    square.paste(image, ((square.width - image.width) // 2, (square.height - image.height) // 2))
    return square


@cache
def _color_font() -> tuple[ImageFont.FreeTypeFont, frozenset[int]] | None:
    """Find an installed colour font that Pillow can draw, and the characters that it has."""
    from matplotlib import font_manager

    for path in sorted(path for path in font_manager.findSystemFonts() if "emoji" in Path(path).stem.lower()):
        try:
            characters = frozenset(font_manager.get_font(path).get_charmap())
            font = _in_some_size(path)
        except (OSError, RuntimeError, ValueError) as error:  # what FreeType and Pillow raise
            logger.info("The font %s cannot be used: %s", path, error)
            continue
        if ord(GRINNING_FACE) in characters and _is_colored(_drawn(GRINNING_FACE, font)):
            return font, characters
    return None


def _in_some_size(path: str) -> ImageFont.FreeTypeFont:
    for size in SIZES[:-1]:
        try:
            return ImageFont.truetype(path, size)
        except OSError as error:  # "invalid pixel size"
            logger.debug("%s has no size %d: %s", path, size, error)
    return ImageFont.truetype(path, SIZES[-1])


def _is_colored(image: Image.Image) -> bool:
    """Tell colours from black shapes, and from nothing: fonts of a newer format come out empty."""
    pixels: list[Any] = image.convert("RGB").resize((16, 16)).getcolors() or []
    return any(max(color) - min(color) > 60 for _, color in pixels)
