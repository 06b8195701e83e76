"""The collage: one card per concept, with its exemplars as equal tiles, its words and its size."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from concept_memes.concepts import Concept, ConceptHit, ConceptSet
from concept_memes.errors import InvalidParameterError
from concept_memes.figures.covers import BACKGROUND, draw_cover
from concept_memes.figures.fonts import FontChoice, choose_font, clean_text, warn_missing
from concept_memes.figures.layout import (
    DETAIL_POINTS,
    FOOTER_POINTS,
    LINE_HEIGHT,
    TILE_GAP,
    TITLE_POINTS,
    Page,
    Rect,
    plan_page,
    tile_shape,
)
from concept_memes.figures.wrapping import fit_lines, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from concept_memes.figures.canvas import PaperFigure

__all__ = ["concept_cover", "draw_collage"]

PAPER, CARD_EDGE, INK, GREY = "#f4f3f0", "#e6e4df", "#23252a", "#6f7177"
MAX_TITLE_LINES = 2
# All covers of a figure together: 48 million pixels take 144 MB. Beyond about 100 concepts tiles get fewer pixels.
MAX_PIXELS = 48_000_000


class _Card(NamedTuple):
    """What one card says and shows."""

    concept: Concept
    title: FontChoice
    detail: str


def draw_collage(
    concept_set: ConceptSet,
    concepts: Sequence[int] | Sequence[ConceptHit] | None = None,
    *,
    top_n: int = 9,
    figsize: tuple[float, float] | None = None,
    image_size: int = 224,
    n_images: int = 9,
) -> Figure:
    """Draw concepts as cards with their exemplars, words and sizes.

    Parameters
    ----------
    concept_set : ConceptSet
        What fitting gave.
    concepts : sequence of int or of ConceptHit, or None
        What to draw, in this order; hits of a search show their similarity. None draws the largest.
    top_n : int
        How many of the largest concepts are drawn where `concepts` is None; all where there are fewer.
    figsize : tuple of float or None
        Width and height in inches. None lets the figure grow with the number of concepts, so that titles stay
        readable.
    image_size : int
        Side of a tile in pixels, in a card that is full. Pictures are shrunk to their tile before they go into the
        figure; raise this to print. In figures of very many concepts tiles get fewer pixels, to save memory.
    n_images : int
        At most this many exemplars per concept.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; notebooks show it. Each artist's ``gid`` says what it is, such as ``"concept-3-title"``.

    Raises
    ------
    InvalidParameterError
        For concepts that do not exist, and for numbers that cannot be.

    Warns
    -----
    AdjustedWarning
        Where no installed font has some characters of the words; a box stands for each.

    Examples
    --------
    >>> from concept_memes.concepts import ImageRecord
    >>> empty = np.empty((0, 2), np.float32)
    >>> record = ImageRecord("red", None, "0")
    >>> concept_set = ConceptSet(
    ...     (record,), np.array([0]), np.ones(1), np.ones((1, 2), np.float32), np.ones(2, np.float32), ((0, 2),),
    ...     empty, (Concept(0, 1, words=("red",), exemplars=(0,)),), (), empty, "hub-free", "",
    ...     pixels={0: Image.new("RGB", (40, 30), "red")})
    >>> [text.get_text() for text in draw_collage(concept_set).texts]
    ['red', '1 image  ·  #0', 'model: hub-free', '1 of 1 concept  ·  1 image']
    """
    from concept_memes.figures.canvas import PaperFigure

    _check_numbers(top_n, image_size, n_images, figsize)
    chosen = _chosen_concepts(concept_set, concepts, top_n)
    model = choose_font(clean_text(f"model: {concept_set.encoder_name or 'not known, the vectors were given'}"))
    if not chosen:
        return _draw_nothing(concept_set, model, figsize)
    cards = [_card(concept, similarity) for concept, similarity in chosen]
    tiles = {card.concept.index: _tiles_of(concept_set, card.concept, n_images) for card in cards}
    shape = tile_shape(max(1, *map(len, tiles.values())))
    page, titles = _plan(cards, shape, figsize)
    figure = PaperFigure(page.width, page.height, PAPER)
    size, gap = _cover_pixels(page, shape, image_size)
    # Threads, because decoding is most of the work and releases the GIL.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        drawn = pool.map(partial(draw_cover, concept_set, size=size, gap=gap), tiles.values())
        covers = dict(zip(tiles, drawn, strict=True))
    for card, lines, cell, picture, text in zip(cards, titles, page.cells, page.pictures, page.texts, strict=True):
        gid = f"concept-{card.concept.index}"
        figure.add_card(cell, color=BACKGROUND, edge=CARD_EDGE, scale=page.scale, gid=gid)
        figure.add_picture(picture, covers[card.concept.index], gid=f"{gid}-images")
        _write_words(figure, text, card, lines, page.scale)
    _write_footer(figure, page, model, _counts(concept_set, len(tiles)))
    warn_missing("".join([*(card.title.missing for card in cards), model.missing]))
    return figure


def concept_cover(concept_set: ConceptSet, concept: int, *, size: int = 512) -> Image.Image:
    """Put the exemplars of one concept into one picture.

    Parameters
    ----------
    concept_set : ConceptSet
        What fitting gave.
    concept : int
        Number of the concept.
    size : int
        Side of the picture in pixels, at least 16.

    Returns
    -------
    PIL.Image.Image
        Square, RGB.

    Raises
    ------
    InvalidParameterError
        For a concept that does not exist, or a size below 16.

    Examples
    --------
    >>> from concept_memes.concepts import ImageRecord
    >>> empty = np.empty((0, 2), np.float32)
    >>> concept_set = ConceptSet(
    ...     (ImageRecord("red", None, "0"),), np.array([0]), np.ones(1), np.ones((1, 2), np.float32),
    ...     np.ones(2, np.float32), ((0, 2),), empty, (Concept(0, 1, exemplars=(0,)),), (), empty, "hub-free", "",
    ...     pixels={0: Image.new("RGB", (40, 40), "red")})
    >>> concept_cover(concept_set, 0, size=64).getpixel((32, 32))
    (255, 0, 0)
    """
    _check_whole("size", size, 16)
    (found, _), *_ = _chosen_concepts(concept_set, [concept], 1)
    tiles = _tiles_of(concept_set, found, len(found.exemplars) or 9)
    return draw_cover(concept_set, tiles, size=(size, size), gap=max(1, size // 64))


def _check_numbers(top_n: int, image_size: int, n_images: int, figsize: tuple[float, float] | None) -> None:
    _check_whole("top_n", top_n, 1)
    _check_whole("image_size", image_size, 16)
    _check_whole("n_images", n_images, 1)
    if figsize is not None and (len(figsize) != 2 or not all(math.isfinite(side) and side > 0 for side in figsize)):
        raise InvalidParameterError("figsize", figsize, "width and height in inches, both above 0, or None")


def _check_whole(name: str, value: int, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < lowest:
        raise InvalidParameterError(name, value, f"a whole number of at least {lowest}")


def _chosen_concepts(
    concept_set: ConceptSet, concepts: Sequence[int] | Sequence[ConceptHit] | None, top_n: int
) -> list[tuple[Concept, float | None]]:
    """Look up what is to be drawn, with the similarity where a search gave one."""
    if concepts is None:
        largest = sorted(concept_set.concepts, key=lambda concept: -concept.size)
        return [(concept, None) for concept in largest[:top_n]]
    if isinstance(concepts, str) or not isinstance(concepts, Iterable):
        raise InvalidParameterError("concepts", concepts, "a sequence of concept numbers or of hits, or None")
    known = {concept.index: concept for concept in concept_set.concepts}
    hits = [(item[0], float(item[1])) if isinstance(item, tuple) else (item, None) for item in concepts]
    wrong = [number for number, _ in hits if isinstance(number, bool | float | str) or number not in known]
    if wrong:
        expected = (
            f"numbers of concepts, from {min(known)} to {max(known)}" if known else "empty: there are no concepts"
        )
        raise InvalidParameterError("concepts", wrong, expected)
    return [(known[number], similarity) for number, similarity in hits]


def _card(concept: Concept, similarity: float | None) -> _Card:
    number = f"concept {concept.index}"
    title = clean_text(concept.title) or number
    detail = _count(concept.size, "image")
    if title != number:
        detail += f"  ·  #{concept.index}"
    if similarity is not None:
        detail += f"  ·  similarity {similarity:.2f}"
    return _Card(concept, choose_font(title, bold=True), detail)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def _tiles_of(concept_set: ConceptSet, concept: Concept, n_images: int) -> list[int]:
    """Pick the pictures of a card: the exemplars, or the surest members of a concept that has none."""
    return list(concept.exemplars[:n_images]) or concept_set.members(concept.index)[:n_images].tolist()


def _plan(
    cards: Sequence[_Card], shape: tuple[int, int], figsize: tuple[float, float] | None
) -> tuple[Page, list[list[str]]]:
    """Lay out the page; titles get a second line only where one of them needs it."""
    from concept_memes.figures.canvas import Ruler

    for title_lines in range(1, MAX_TITLE_LINES + 1):
        page = plan_page(len(cards), shape, title_lines, figsize)
        room = page.texts[0].width
        rulers = [Ruler(card.title, TITLE_POINTS * page.scale) for card in cards]
        if all(ruler.width(card.title.text) <= room for card, ruler in zip(cards, rulers, strict=True)):
            break
    titles = [
        fit_lines(card.title.text, room, title_lines, ruler.width) for card, ruler in zip(cards, rulers, strict=True)
    ]
    return page, titles


def _cover_pixels(page: Page, shape: tuple[int, int], image_size: int) -> tuple[tuple[int, int], int]:
    """Choose the pixels of a cover so that tiles of full cards get `image_size`, within the limit for all covers."""
    picture = page.pictures[0]
    gap = TILE_GAP * page.scale
    columns, rows = shape
    side = min((picture.width - (columns - 1) * gap) / columns, (picture.height - (rows - 1) * gap) / rows)
    per_inch = image_size / side
    wanted = per_inch**2 * picture.width * picture.height * len(page.cells)
    per_inch *= min(1.0, math.sqrt(MAX_PIXELS / wanted))
    size = max(1, round(picture.width * per_inch)), max(1, round(picture.height * per_inch))
    return size, max(1, round(gap * per_inch))


def _write_words(figure: PaperFigure, rect: Rect, card: _Card, lines: list[str], scale: float) -> None:
    from concept_memes.figures.canvas import Ruler

    gid = f"concept-{card.concept.index}"
    title, advance = Ruler(card.title, TITLE_POINTS * scale), TITLE_POINTS * LINE_HEIGHT / 72 * scale
    for number, line in enumerate(lines):  # not one text of two lines: its baselines would depend on its letters
        at = Rect(rect.x, rect.y + number * advance, rect.width, advance)
        figure.write(at, line, title, color=INK, gid=f"{gid}-title")
    below = Rect(rect.x, rect.y + len(lines) * advance, rect.width, rect.height - len(lines) * advance)
    font = choose_font(card.detail)
    detail = Ruler(font, DETAIL_POINTS * scale)
    figure.write(below, shorten(font.text, rect.width, detail.width), detail, color=GREY, gid=f"{gid}-detail")


def _write_footer(figure: PaperFigure, page: Page, model: FontChoice, counts: str) -> None:
    """Write which model it was and, where there is room for both, how much of the collection the figure shows."""
    from concept_memes.figures.canvas import Ruler

    ruler = Ruler(model, FOOTER_POINTS * page.scale)
    text = shorten(model.text, page.footer.width, ruler.width)
    figure.write(page.footer, text, ruler, color=GREY, gid="model")
    room = page.footer.width - ruler.width(text) - 0.3 * page.scale
    ruler = Ruler(choose_font(counts), FOOTER_POINTS * page.scale)
    if counts and ruler.width(counts) <= room:
        figure.write(page.footer, counts, ruler, color=GREY, gid="counts", align="right")


def _counts(concept_set: ConceptSet, n_drawn: int) -> str:
    parts = [f"{n_drawn:,} of {_count(len(concept_set), 'concept')}", _count(len(concept_set.labels), "image")]
    n_skipped = sum(skipped.index >= 0 for skipped in concept_set.skipped)  # sub-folders stand there too, with -1
    n_none = int((concept_set.labels < 0).sum()) - n_skipped
    parts += [f"{n_none:,} in none"] if n_none else []
    parts += [f"{n_skipped:,} not readable"] if n_skipped else []
    return "  ·  ".join(parts)


def _draw_nothing(concept_set: ConceptSet, model: FontChoice, figsize: tuple[float, float] | None) -> PaperFigure:
    """Say that there is nothing to draw, and what became of the pictures."""
    from concept_memes.figures.canvas import PaperFigure, Ruler

    page = plan_page(1, (2, 1), 1, figsize or (6.4, 3.2))
    figure = PaperFigure(page.width, page.height, PAPER)
    n_all, n_skipped = len(concept_set.labels), len(concept_set.skipped)
    if len(concept_set):
        head, body = "No concepts to show", f"None of the {len(concept_set):,} was asked for."
    else:
        head, body = "No concepts", f"{_count(n_all, 'image')} {'is' if n_all == 1 else 'are'} in none."
        body += f" {n_skipped:,} of them could not be read." if n_skipped else ""
    top = page.height / 2 - 0.35 * page.scale
    for text, points, color, gid in ((head, 16 * page.scale, INK, "head"), (body, 10 * page.scale, GREY, "body")):
        font = choose_font(text, bold=gid == "head")
        ruler = Ruler(font, points)
        line = shorten(font.text, page.footer.width, ruler.width)
        rect = Rect(page.footer.x, top, page.footer.width, points * LINE_HEIGHT / 72)
        figure.write(rect, line, ruler, color=color, gid=gid, align="center")
        top += rect.height
    _write_footer(figure, page, model, _counts(concept_set, 0) if len(concept_set) else "")
    return figure
