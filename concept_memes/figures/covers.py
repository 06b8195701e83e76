"""Exemplars as equal tiles in one picture: nothing cropped, nothing distorted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from PIL import Image, ImageDraw

from concept_memes.concepts import ConceptSet
from concept_memes.errors import UnreadableImageError
from concept_memes.figures.fonts import clean_text, pillow_font
from concept_memes.figures.layout import letterbox, tile_boxes
from concept_memes.figures.wrapping import shorten
from concept_memes.loading import load_frames

__all__ = ["draw_cover"]

logger = logging.getLogger(__name__)

BACKGROUND, MAT = "#ffffff", "#f4f3f0"
STAND_IN, STAND_IN_INK = "#e3e3e3", "#6d6f75"


def draw_cover(concept_set: ConceptSet, tiles: Sequence[int], *, size: tuple[int, int], gap: int) -> Image.Image:
    """Put pictures of a collection as equal square tiles into one picture.

    Parameters
    ----------
    concept_set : ConceptSet
        The collection.
    tiles : sequence of int
        Indices of its pictures. One that cannot be read any more becomes a grey tile with the end of its name.
    size : tuple of int
        Width and height in pixels.
    gap : int
        Pixels between two tiles.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Examples
    --------
    >>> import numpy as np
    >>> from concept_memes.concepts import ImageRecord
    >>> empty = np.empty((0, 2), np.float32)
    >>> concept_set = ConceptSet(
    ...     (ImageRecord("red", None, "0"),), np.array([-1]), np.zeros(1), np.ones((1, 2), np.float32),
    ...     np.ones(2, np.float32), ((0, 2),), empty, (), (), empty, "", "",
    ...     pixels={0: Image.new("RGB", (9, 9), "red")})
    >>> draw_cover(concept_set, [0, 0], size=(90, 40), gap=10).getcolors()
    [(400, (255, 255, 255)), (3200, (255, 0, 0))]
    """
    cover = Image.new("RGB", size, BACKGROUND)
    for index, (x, y, width, height) in zip(tiles, tile_boxes(len(tiles), size, gap), strict=True):
        cover.paste(_tile(concept_set, index, (width, height)), (x, y))
    return cover


def _tile(concept_set: ConceptSet, index: int, size: tuple[int, int]) -> Image.Image:
    """Shrink one picture into a tile; a drawn stand-in where it cannot be read any more."""
    source = concept_set.source_of(index)
    try:
        with closing(load_frames(source, min_size=size)) as frames:  # not the black one that some animations begin with
            picture = next(frames)
    except (UnreadableImageError, OSError) as error:
        logger.info("A stand-in is drawn for a picture: %s", error)
        return _stand_in(concept_set.images[index].name, size)
    x, y, width, height = letterbox(picture.size, size)
    tile = Image.new("RGB", size, MAT)
    tile.paste(picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0), (x, y))
    return tile


def _stand_in(name: str, size: tuple[int, int]) -> Image.Image:
    """Draw a grey tile with the end of a file's name."""
    tile = Image.new("RGB", size, STAND_IN)
    side = min(size)
    points = max(side // 12, 8)
    if side < 3 * points:  # too small for letters
        return tile
    text, font = pillow_font(clean_text(Path(name).name) or "?", points)
    line = shorten(text, size[0] - points, font.getlength, keep="end")
    draw = ImageDraw.Draw(tile)
    middle, stroke = size[0] // 2, max(1, side // 90)
    left, top, right, bottom = middle - side // 6, side // 4, middle + side // 6, side // 2
    draw.rectangle((left, top, right, bottom), outline=STAND_IN_INK, width=stroke)
    draw.line((left, bottom, right, top), fill=STAND_IN_INK, width=stroke)
    draw.text((middle, round(side * 0.7)), line, fill=STAND_IN_INK, font=font, anchor="mm")
    return tile
