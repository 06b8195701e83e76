"""Where things go in a figure: grids, cards, tiles and letterboxes. Pure geometry, no drawing.

All places are counted from the upper left corner, with y growing downwards. The unit is whatever the caller uses:
the functions on tiles and letterboxes work in whole pixels, :func:`plan_page` in inches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "Page",
    "Rect",
    "cell_grid",
    "letterbox",
    "plan_page",
    "scale_to",
    "tile_boxes",
    "tile_shape",
    "best_columns",
]

# Inches at text scale 1. A cell is a card: padding, picture, gap, text, padding.
MARGIN, GUTTER, PADDING, TEXT_GAP, TILE_GAP, FOOTER = 0.32, 0.2, 0.12, 0.1, 0.045, 0.26
# Height of a line in font sizes. Titles get more than the 1.16 of DejaVu Sans, because CJK fonts are taller.
LINE_HEIGHT, DETAIL_LINE_HEIGHT = 1.45, 1.25
HEAD_POINTS, TITLE_POINTS, DETAIL_POINTS, FOOTER_POINTS = 15.0, 10.5, 8.5, 8.0
# Up to this height matplotlib can save a figure at 200 dpi (its limit is 65,536 pixels).
MAX_HEIGHT = 300.0


class Rect(NamedTuple):
    """A rectangle.

    Attributes
    ----------
    x, y : float
        Upper left corner.
    width, height : float
        Its size, in the unit of the corner.
    """

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Page:
    """Places of everything in a collage, in inches.

    Attributes
    ----------
    width, height : float
        Size of the figure.
    scale : float
        Factor for font sizes and gaps; 1 in figures whose size is not given.
    cells : tuple of Rect
        One card per concept, row by row.
    pictures : tuple of Rect
        Room for the tiles in each card.
    texts : tuple of Rect
        Room for the words in each card.
    footer : Rect
        Room for the last line.
    """

    width: float
    height: float
    scale: float
    cells: tuple[Rect, ...]
    pictures: tuple[Rect, ...]
    texts: tuple[Rect, ...]
    footer: Rect


def letterbox(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int, int, int]:
    """Place a picture as large as it goes into a box: aspect kept, nothing cropped, centred.

    Parameters
    ----------
    size : tuple of int
        Width and height of the picture, at least 1.
    box : tuple of int
        Width and height of the box, at least 1.

    Returns
    -------
    tuple of int
        x, y, width and height inside the box. Sides are rounded to whole pixels and are never below 1.

    Examples
    --------
    >>> letterbox((400, 200), (100, 100))
    (0, 25, 100, 50)
    """
    (width, height), (box_width, box_height) = size, box
    scale = min(box_width / width, box_height / height)
    fitted_width = min(box_width, max(1, round(width * scale)))
    fitted_height = min(box_height, max(1, round(height * scale)))
    return (box_width - fitted_width) // 2, (box_height - fitted_height) // 2, fitted_width, fitted_height


def tile_shape(n_tiles: int) -> tuple[int, int]:
    """Choose columns and rows for equal tiles: at most twice as wide as high, with the fewest holes.

    Parameters
    ----------
    n_tiles : int
        Number of tiles, at least 1.

    Returns
    -------
    tuple of int
        Columns and rows.

    Examples
    --------
    >>> [tile_shape(n) for n in (1, 2, 3, 8, 9)]
    [(1, 1), (2, 1), (2, 2), (4, 2), (3, 3)]
    """
    shapes = [
        (columns, rows)
        for rows in range(1, n_tiles + 1)
        for columns in [math.ceil(n_tiles / rows)]
        if rows <= columns <= 2 * rows
    ]
    return min(shapes, key=lambda shape: (shape[0] * shape[1] - n_tiles, shape[0] / shape[1]))


def best_columns(n_tiles: int, size: tuple[int, int], gap: int) -> tuple[int, int]:
    """Choose the number of columns that makes equal square tiles in a box largest.

    Parameters
    ----------
    n_tiles : int
        Number of tiles, at least 1.
    size : tuple of int
        Width and height of the box.
    gap : int
        Space between two tiles.

    Returns
    -------
    tuple of int
        Columns and the side of a tile; among equals the one with the fewest holes, then the one nearest to a square.
        The side is never below 1, so tiles stick out of a box that is too small for them.

    Examples
    --------
    >>> best_columns(8, (430, 210), 10)
    (4, 100)
    """
    width, height = size

    def rank(columns: int) -> tuple[int, int, int, int]:
        rows = math.ceil(n_tiles / columns)
        side = min((width - (columns - 1) * gap) // columns, (height - (rows - 1) * gap) // rows)
        return side, n_tiles - columns * rows, -abs(columns - rows), columns

    best = max(range(1, n_tiles + 1), key=rank)
    return best, max(1, rank(best)[0])


def tile_boxes(n_tiles: int, size: tuple[int, int], gap: int) -> list[tuple[int, int, int, int]]:
    """Place equal square tiles in a box, as large as they go; the block and a short last row are centred.

    Parameters
    ----------
    n_tiles : int
        Number of tiles.
    size : tuple of int
        Width and height of the box.
    gap : int
        Space between two tiles.

    Returns
    -------
    list of tuple of int
        x, y, width and height per tile, row by row.

    Examples
    --------
    >>> tile_boxes(3, (210, 210), 10)
    [(0, 0, 100, 100), (110, 0, 100, 100), (55, 110, 100, 100)]
    """
    if n_tiles == 0:
        return []
    columns, side = best_columns(n_tiles, size, gap)
    rows = math.ceil(n_tiles / columns)
    top = (size[1] - rows * side - (rows - 1) * gap) // 2
    boxes = []
    for tile in range(n_tiles):
        row, column = divmod(tile, columns)
        in_row = min(columns, n_tiles - row * columns)
        left = (size[0] - in_row * side - (in_row - 1) * gap) // 2
        boxes.append((left + column * (side + gap), top + row * (side + gap), side, side))
    return boxes


def cell_grid(n_cells: int, columns: int, box: Rect, gutter: float) -> tuple[Rect, ...]:
    """Cut a box into equal cells with even gutters, row by row.

    Parameters
    ----------
    n_cells, columns : int
        Number of cells, and how many stand in a row.
    box : Rect
        What is cut.
    gutter : float
        Space between two cells, across and down.

    Returns
    -------
    tuple of Rect

    Examples
    --------
    >>> cell_grid(2, 2, Rect(0.0, 0.0, 11.0, 5.0), 1.0)[1]
    Rect(x=6.0, y=0.0, width=5.0, height=5.0)
    """
    rows = math.ceil(n_cells / columns)
    width = (box.width - (columns - 1) * gutter) / columns
    height = (box.height - (rows - 1) * gutter) / rows
    return tuple(
        Rect(box.x + column * (width + gutter), box.y + row * (height + gutter), width, height)
        for row, column in (divmod(cell, columns) for cell in range(n_cells))
    )


def plan_page(
    n_cells: int, shape: tuple[int, int], title_lines: int = 2, figsize: tuple[float, float] | None = None
) -> Page:
    """Place the cards of a collage.

    Parameters
    ----------
    n_cells : int
        Number of cards, at least 1.
    shape : tuple of int
        Columns and rows of tiles in a full card.
    title_lines : int
        Lines kept free for the title in every card.
    figsize : tuple of float or None
        Width and height in inches; None lets the figure grow with the number of cards.

    Returns
    -------
    Page
    """
    if figsize is None:
        return _grown_page(n_cells, shape, title_lines)
    pages = [_fixed_page(n_cells, shape, title_lines, columns, figsize) for columns in _column_choices(n_cells)]
    return max(pages, key=lambda page: _tile_side(page.pictures[0], shape))


def scale_to(natural: tuple[float, float], figsize: tuple[float, float] | None) -> tuple[tuple[float, float], float]:
    """Fit a figure that was planned at one size into another: all of it grows or shrinks alike.

    Parameters
    ----------
    natural : tuple of float
        Width and height that the figure needs, in inches.
    figsize : tuple of float or None
        Width and height that it gets; None leaves it as it is.

    Returns
    -------
    tuple of float
        Width and height there is, in the units of the plan: one of them may be more than it needs.
    float
        Inches per unit.

    Examples
    --------
    >>> scale_to((10.0, 5.0), (8.0, 2.5))
    ((16.0, 5.0), 0.5)
    """
    if figsize is None:
        return natural, 1.0
    scale = min(figsize[0] / natural[0], figsize[1] / natural[1])
    return (figsize[0] / scale, figsize[1] / scale), scale


def _text_height(title_lines: int) -> float:
    return (title_lines * TITLE_POINTS * LINE_HEIGHT + DETAIL_POINTS * DETAIL_LINE_HEIGHT) / 72


def _tile_side(picture: Rect, shape: tuple[int, int]) -> float:
    return min(picture.width / shape[0], picture.height / shape[1])


def _column_choices(n_cells: int) -> list[int]:
    """List the column counts that differ in their number of rows: the fewest columns for each."""
    return sorted({math.ceil(n_cells / math.ceil(n_cells / columns)) for columns in range(1, n_cells + 1)})


def _card_width(columns: int, shape: tuple[int, int]) -> float:
    """Give few cards much room; square ones less width than wide ones, so that all fill about the same area."""
    width = (6.4, 5.0, 3.9, 3.3, 2.9, 2.7)[min(columns, 6) - 1]
    return max(2.2, width * math.sqrt(shape[0] / shape[1] / 2))


def _grown_page(n_cells: int, shape: tuple[int, int], title_lines: int) -> Page:
    # About square for few cards, without holes where that is near; a page to scroll through for many.
    root = math.ceil(math.sqrt(n_cells))
    columns = min(range(root, root + 2), key=lambda choice: -n_cells % choice)
    columns = min(columns, 5 if shape[0] > shape[1] else 7)
    card_width = _card_width(columns, shape)
    tile = (card_width - 2 * PADDING - (shape[0] - 1) * TILE_GAP) / shape[0]
    picture_height = shape[1] * tile + (shape[1] - 1) * TILE_GAP
    card_height = picture_height + 2 * PADDING + TEXT_GAP + _text_height(title_lines)
    # More columns than that only where the figure would become too high to save.
    columns = max(columns, math.ceil(n_cells * (card_height + GUTTER) / MAX_HEIGHT))
    rows = math.ceil(n_cells / columns)
    width = columns * card_width + (columns - 1) * GUTTER + 2 * MARGIN
    height = rows * card_height + (rows - 1) * GUTTER + 2 * MARGIN + FOOTER
    return _page(n_cells, columns, title_lines, (width, height), 1.0)


def _fixed_page(
    n_cells: int, shape: tuple[int, int], title_lines: int, columns: int, figsize: tuple[float, float]
) -> Page:
    """Fit the cards into a given size; text and gaps shrink and grow with the cards."""
    rows = math.ceil(n_cells / columns)
    wanted_width = _card_width(3, shape)
    wanted_height = wanted_width * shape[1] / shape[0] + _text_height(title_lines)
    scale = min(figsize[0] / columns / wanted_width, figsize[1] / rows / wanted_height, 1.8)
    return _page(n_cells, columns, title_lines, figsize, scale)


def _page(n_cells: int, columns: int, title_lines: int, size: tuple[float, float], scale: float) -> Page:
    margin, padding = MARGIN * scale, PADDING * scale
    footer_height = FOOTER * scale
    inside = Rect(margin, margin, size[0] - 2 * margin, size[1] - 2 * margin - footer_height)
    cells = cell_grid(n_cells, columns, inside, GUTTER * scale)
    text_height = _text_height(title_lines) * scale
    picture_height = cells[0].height - 2 * padding - TEXT_GAP * scale - text_height
    width = cells[0].width - 2 * padding
    return Page(
        width=size[0],
        height=size[1],
        scale=scale,
        cells=cells,
        pictures=tuple(Rect(c.x + padding, c.y + padding, width, picture_height) for c in cells),
        texts=tuple(Rect(c.x + padding, c.y + c.height - padding - text_height, width, text_height) for c in cells),
        footer=Rect(margin, size[1] - margin * 0.5 - footer_height, size[0] - 2 * margin, footer_height),
    )
