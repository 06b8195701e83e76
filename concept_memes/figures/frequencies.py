"""How many pictures each concept has, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from concept_memes.concepts import Concept, ConceptSet
from concept_memes.counting import counted_rows
from concept_memes.figures.checks import check_figsize, check_whole
from concept_memes.figures.covers import draw_covers, stand_in
from concept_memes.figures.fonts import warn_missing
from concept_memes.figures.footer import BETWEEN, count_of, none_counts, write_footer
from concept_memes.figures.layout import FOOTER, HEAD_POINTS, MARGIN, Rect, scale_to
from concept_memes.figures.messages import draw_message, fate_of_images
from concept_memes.figures.themes import Theme, ThemeName, find_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

    from concept_memes.figures.canvas import PaperFigure

__all__ = ["draw_frequencies"]

# Inches, in a figure whose size is not given.
WIDTH, HEAD, ROW, TILE, GAP, BETWEEN_PARTS, PADDING = 9.8, 0.5, 0.46, 0.4, 0.14, 0.22, 0.18
MAX_TITLE, COUNT_ROOM, BAR = 3.3, 1.15, 0.2
TITLE_POINTS, COUNT_POINTS = 10.0, 9.0
TILE_PIXELS = 96


class _Row(NamedTuple):
    """One bar: what it says, how many pictures it counts, what it shows, and whether it is a concept."""

    gid: str
    title: str
    n_images: int
    tiles: tuple[int, ...]
    concept: bool


def draw_frequencies(
    concept_set: ConceptSet,
    *,
    top_n: int = 30,
    figsize: tuple[float, float] | None = None,
    theme: ThemeName = "light",
) -> Figure:
    """Draw how many pictures each concept has.

    Bars are drawn to the scale of the largest concept. What is no single concept has a bar of its own below: the
    smaller concepts together, the pictures in none, those that could not be read. Where such a bar would be longer than
    the scale, it is drawn broken.

    Parameters
    ----------
    concept_set : ConceptSet
        What fitting gave.
    top_n : int
        How many of the largest concepts have a bar of their own.
    figsize : tuple of float or None
        Width and height in inches. None lets the figure grow with the number of bars.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; notebooks show it. Each artist's ``gid`` says what it is, such as ``"concept-3-bar"``.

    Raises
    ------
    InvalidParameterError
        For values that cannot be.

    Warns
    -----
    AdjustedWarning
        Where no installed font has some characters of the words; a box stands for each.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"])
    >>> figure = draw_frequencies(model.fit(color_images(["red", "blue"], 6)).concepts_)
    >>> [text.get_text() for text in figure.texts if text.get_gid().endswith("title")]
    ['blue', 'red']
    """
    from concept_memes.figures.canvas import PaperFigure

    colors = find_theme(theme)
    check_whole("top_n", top_n, 1)
    check_figsize(figsize)
    if not len(concept_set):
        return draw_message(concept_set, colors, figsize, head="No concepts", body=fate_of_images(concept_set))
    rows = _rows(concept_set, top_n)
    n_concepts = sum(row.concept for row in rows)
    parted = BETWEEN_PARTS if n_concepts < len(rows) else 0.0
    natural = (WIDTH, 2 * MARGIN + HEAD + len(rows) * ROW + parted + 2 * PADDING + FOOTER)
    (width, height), scale = scale_to(natural, figsize)
    figure = PaperFigure(width * scale, height * scale, colors.paper, scale=scale)
    head = Rect(MARGIN, MARGIN - 0.06, width - 2 * MARGIN, HEAD - 0.2)
    figure.label(head, "Images per concept", HEAD_POINTS, color=colors.ink, gid="head", bold=True)
    card = Rect(MARGIN, MARGIN + HEAD, width - 2 * MARGIN, len(rows) * ROW + parted + 2 * PADDING)
    figure.add_card(card, color=colors.card, edge=colors.card_edge, scale=scale, gid="card")
    inside = Rect(card.x + PADDING, card.y + PADDING, card.width - 2 * PADDING, card.height - 2 * PADDING)
    title_room = min(MAX_TITLE, max(figure.width_of(row.title, TITLE_POINTS, bold=row.concept) for row in rows))
    before = TILE + 2 * GAP + title_room
    bars = Rect(inside.x + before, 0.0, inside.width - before - COUNT_ROOM, BAR)
    largest = max(row.n_images for row in rows if row.concept)
    top = inside.y
    for place, (row, tile) in enumerate(zip(rows, _tiles(concept_set, rows, colors), strict=True)):
        if place == n_concepts:
            line = top + parted / 2
            ends = [(inside.x, line), (inside.x + inside.width, line)]
            figure.add_path(ends, color=colors.card_edge, line=0.8, gid="rule")
            top += parted
        figure.add_picture(Rect(inside.x, top + (ROW - TILE) / 2, TILE, TILE), tile, gid=f"{row.gid}-image")
        title = Rect(inside.x + TILE + GAP, top, title_room, ROW)
        ink = colors.ink if row.concept else colors.muted
        figure.label(title, row.title, TITLE_POINTS, color=ink, gid=f"{row.gid}-title", bold=row.concept)
        _draw_bar(figure, row, top, bars, largest, len(concept_set.labels), colors)
        top += ROW
    counts = [count_of(len(concept_set), "concept"), count_of(len(concept_set.labels), "image")]
    footer = Rect(MARGIN, height - MARGIN * 0.5 - FOOTER, width - 2 * MARGIN, FOOTER)
    write_footer(figure, footer, concept_set, colors, counts=BETWEEN.join(counts))
    warn_missing(figure.missing)
    return figure


def _rows(concept_set: ConceptSet, top_n: int) -> list[_Row]:
    largest = sorted(concept_set.concepts, key=lambda concept: -concept.size)
    own, others = largest[:top_n], largest[top_n:]
    if len(others) == 1:  # a bar of its own takes no more room than one that says "1 smaller concept"
        own, others = largest, []
    rows = [_Row(f"concept-{c.index}", c.title, c.size, _first(concept_set, c, 1), True) for c in own]
    if others:
        tiles = tuple(tile for concept in others[:4] for tile in _first(concept_set, concept, 1))
        n_images = sum(concept.size for concept in others)
        rows.append(_Row("smaller", count_of(len(others), "smaller concept"), n_images, tiles, False))
    n_none, n_skipped = none_counts(concept_set)
    if n_none:
        unread = {skipped.index for skipped in concept_set.skipped}
        outside = counted_rows(concept_set, np.flatnonzero(concept_set.labels < 0)).tolist()
        tiles = tuple(i for i in outside if i not in unread)[:4]
        rows.append(_Row("none", "in no concept", n_none, tiles, False))
    if n_skipped:
        rows.append(_Row("unreadable", "not readable", n_skipped, (), False))
    return rows


def _first(concept_set: ConceptSet, concept: Concept, n: int) -> tuple[int, ...]:
    return concept.exemplars[:n] or tuple(concept_set.members(concept.index)[:n].tolist())


def _tiles(concept_set: ConceptSet, rows: list[_Row], theme: Theme) -> list[Image.Image]:
    size = (TILE_PIXELS, TILE_PIXELS)
    groups = [row.tiles for row in rows]
    covers = draw_covers(concept_set, groups, sizes=[size] * len(rows), gap=TILE_PIXELS // 24, theme=theme)
    return [cover if row.tiles else stand_in("", size, theme) for row, cover in zip(rows, covers, strict=True)]


def _draw_bar(
    figure: PaperFigure, row: _Row, top: float, room: Rect, largest: int, n_images: int, theme: Theme
) -> None:
    """Draw bar, count and share of one row."""
    length = max(room.width * min(1.0, row.n_images / largest), 0.02)
    bar = Rect(room.x, top + (ROW - BAR) / 2, length, BAR)
    figure.add_box(bar, color=theme.accent if row.concept else theme.line, gid=f"{row.gid}-bar")
    if row.n_images > largest:
        x, lean = bar.x + 0.86 * bar.width, 0.05
        across = [(x + lean, bar.y - 0.04), (x - lean, bar.y + bar.height + 0.04)]
        figure.add_path(across, color=theme.card, line=4.0, gid=f"{row.gid}-break", above=True)
    at = Rect(bar.x + bar.width + 0.1, top, COUNT_ROOM - 0.1, ROW)
    taken = figure.label(at, f"{row.n_images:,}", COUNT_POINTS, color=theme.ink, gid=f"{row.gid}-count")
    after = Rect(at.x + taken + 0.1, top, at.width - taken - 0.1, ROW)
    figure.label(after, _share(row.n_images, n_images), COUNT_POINTS, color=theme.muted, gid=f"{row.gid}-share")


def _share(count: int, n_images: int) -> str:
    share = 100 * count / n_images
    return f"{share:.0f} %" if share >= 10 else f"{share:.1f} %" if share >= 0.1 else "< 0.1 %"
