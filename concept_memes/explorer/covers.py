"""A few pictures of a concept as one small picture, transparent where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from concept_memes.concepts import Concept, ConceptSet
from concept_memes.counting import representatives
from concept_memes.figures.layout import letterbox, tile_boxes

__all__ = ["cover_rows", "draw_cover", "tile_side", "webp"]

SIZE, GAP, N_TILES = 400, 8, 4
QUALITY = 72


def cover_rows(concept_set: ConceptSet, concept: Concept) -> list[int]:
    """Choose the pictures of a cover: exemplars, then the surest others, up to four, and none of them twice.

    Parameters
    ----------
    concept_set : ConceptSet
    concept : Concept

    Returns
    -------
    list of int
    """
    rows = np.array(list(dict.fromkeys([*concept.exemplars, *concept_set.members(concept.index).tolist()])), np.int64)
    _, first = np.unique(representatives(concept_set, rows), return_index=True)
    return [int(row) for row in rows[np.sort(first)[:N_TILES]]]


def tile_side(n_tiles: int) -> int:
    """Return how long a tile is.

    Parameters
    ----------
    n_tiles : int
        Tiles of the cover, at least 1.

    Returns
    -------
    int
        Pixels.

    Examples
    --------
    >>> tile_side(4), tile_side(1)
    (196, 400)
    """
    return tile_boxes(n_tiles, (SIZE, SIZE), GAP)[0][2]


def draw_cover(tiles: Sequence[bytes]) -> bytes:
    """Put pictures into one as equal tiles, nothing cropped.

    Between and beside the pictures it is transparent, so that a page can lay it on a light or a dark mat.

    Parameters
    ----------
    tiles : sequence of bytes
        Pictures in a format that Pillow knows, at least one; empty for an empty tile.

    Returns
    -------
    bytes
        WebP of 400 x 400 pixels; empty if all tiles are.

    Examples
    --------
    >>> draw_cover([b"", b""])
    b''
    """
    if not any(tiles):
        return b""
    cover = Image.new("RGBA", (SIZE, SIZE))
    for data, (x, y, width, height) in zip(tiles, tile_boxes(len(tiles), cover.size, GAP), strict=True):
        if data:
            with Image.open(BytesIO(data)) as picture:
                left, top, *size = letterbox(picture.size, (width, height))
                tile = picture.convert("RGB").resize((size[0], size[1]), Image.Resampling.LANCZOS)
            cover.paste(tile, (x + left, y + top))
    return webp(cover, QUALITY)


def webp(picture: Image.Image, quality: int) -> bytes:
    """Encode a picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB or RGBA.
    quality : int
        0 to 100.

    Returns
    -------
    bytes
        WebP.
    """
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()
