"""Exemplars as equal tiles in one picture: nothing cropped, nothing distorted."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image, ImageDraw

from concept_memes.concepts import ConceptSet
from concept_memes.errors import UnreadableImageError
from concept_memes.figures.fonts import clean_text, pillow_font
from concept_memes.figures.layout import letterbox, tile_boxes
from concept_memes.figures.themes import LIGHT, Theme
from concept_memes.figures.wrapping import shorten
from concept_memes.loading import load_telling_frame

__all__ = ["draw_cover", "draw_covers", "draw_tile", "fit_tile", "source_tile", "stand_in"]

logger = logging.getLogger(__name__)

MIN_EDGED = 48  # smaller tiles have no line around them: it would be a good part of the picture


def draw_cover(
    concept_set: ConceptSet, tiles: Sequence[int], *, size: tuple[int, int], gap: int, theme: Theme = LIGHT
) -> Image.Image:
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
    theme : Theme
        Colours of what is no picture; between the tiles that of a card.

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
    cover = Image.new("RGB", size, theme.card)
    for index, (x, y, width, height) in zip(tiles, tile_boxes(len(tiles), size, gap), strict=True):
        cover.paste(draw_tile(concept_set, index, (width, height), theme), (x, y))
    return cover


def draw_covers(
    concept_set: ConceptSet,
    groups: Sequence[Sequence[int]],
    *,
    sizes: Sequence[tuple[int, int]],
    gap: int,
    theme: Theme = LIGHT,
) -> list[Image.Image]:
    """Draw several covers at once, as :func:`draw_cover` draws one.

    Parameters
    ----------
    concept_set : ConceptSet
        The collection.
    groups : sequence of sequence of int
        The pictures of each cover.
    sizes : sequence of tuple of int
        Width and height of each in pixels.
    gap : int
        Pixels between two tiles.
    theme : Theme
        Colours of what is no picture.

    Returns
    -------
    list of PIL.Image.Image
    """
    # Threads, because decoding is most of the work and releases the GIL.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        draw = partial(draw_cover, concept_set, gap=gap, theme=theme)
        return list(pool.map(lambda group, size: draw(group, size=size), groups, sizes))


def draw_tile(concept_set: ConceptSet, index: int, size: tuple[int, int], theme: Theme = LIGHT) -> Image.Image:
    """Shrink one picture of a collection into a tile; a drawn stand-in where it cannot be read any more.

    Parameters
    ----------
    concept_set : ConceptSet
        The collection.
    index : int
        The picture.
    size : tuple of int
        Width and height in pixels.
    theme : Theme
        Colours of what is no picture.

    Returns
    -------
    PIL.Image.Image
        RGB, of that size.
    """
    return source_tile(concept_set.source_of(index), concept_set.images[index].name, size, theme)


def source_tile(source: Path | Image.Image, name: str, size: tuple[int, int], theme: Theme = LIGHT) -> Image.Image:
    """Shrink a picture, wherever it is, into a tile; a drawn stand-in with its name where it cannot be read.

    Parameters
    ----------
    source : Path or PIL.Image.Image
        The picture.
    name : str
        What stands on a stand-in.
    size : tuple of int
        Width and height in pixels.
    theme : Theme
        Colours of what is no picture.

    Returns
    -------
    PIL.Image.Image
        RGB, of that size.

    Examples
    --------
    >>> source_tile(Image.new("L", (9, 9), "white"), "", (40, 40)).getcolors()
    [(1600, (255, 255, 255))]
    """
    try:
        picture = load_telling_frame(source, min_size=size).picture
    except (UnreadableImageError, OSError) as error:
        logger.info("A stand-in is drawn for a picture: %s", error)
        return stand_in(name, size, theme)
    return fit_tile(picture, size, theme)


def fit_tile(picture: Image.Image, size: tuple[int, int], theme: Theme = LIGHT) -> Image.Image:
    """Shrink a picture into a tile: nothing cropped, nothing distorted, a mat beside it and a thin line around it.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB.
    size : tuple of int
        Width and height in pixels.
    theme : Theme
        Colours of mat and line.

    Returns
    -------
    PIL.Image.Image
        RGB, of that size.

    Examples
    --------
    >>> tile = fit_tile(Image.new("RGB", (8, 4), "red"), (120, 120))
    >>> tile.getpixel((60, 60)), tile.getpixel((60, 10)), tile.getpixel((0, 60))
    ((255, 0, 0), (244, 243, 240), (227, 225, 219))
    """
    x, y, width, height = letterbox(picture.size, size)
    tile = Image.new("RGB", size, theme.mat)
    tile.paste(picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0), (x, y))
    if min(size) >= MIN_EDGED:
        line = max(1, round(min(size) / 80))
        ImageDraw.Draw(tile).rectangle((0, 0, size[0] - 1, size[1] - 1), outline=theme.tile_edge, width=line)
    return tile


def stand_in(name: str, size: tuple[int, int], theme: Theme = LIGHT) -> Image.Image:
    """Draw a grey tile with the end of a file's name.

    Parameters
    ----------
    name : str
        Of the file; "" leaves the line out.
    size : tuple of int
        Width and height in pixels.
    theme : Theme
        Colours.

    Returns
    -------
    PIL.Image.Image
        RGB, of that size.
    """
    tile = Image.new("RGB", size, theme.stand_in)
    side = min(size)
    points = max(side // 12, 8)
    if side < 3 * points:  # too small for letters
        return tile
    draw = ImageDraw.Draw(tile)
    middle, stroke = size[0] // 2, max(2, side // 80)
    top, bottom = (side // 4, side // 2) if name else (3 * side // 8, 5 * side // 8)
    left, right = middle - side // 6, middle + side // 6
    draw.rectangle((left, top, right, bottom), outline=theme.stand_in_ink, width=stroke)
    draw.line((left, bottom, right, top), fill=theme.stand_in_ink, width=stroke)
    if name:
        text, font = pillow_font(clean_text(Path(name).name) or "?", points)
        line = shorten(text, size[0] - points, font.getlength, keep="end")
        draw.text((middle, round(side * 0.7)), line, fill=theme.stand_in_ink, font=font, anchor="mm")
    return tile
