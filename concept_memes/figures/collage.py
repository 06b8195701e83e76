"""The collage: one card per concept, with its exemplars as equal tiles, its words and its size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from PIL import Image

from concept_memes.concepts import Concept, ConceptHit, ConceptSet
from concept_memes.counting import counted_rows
from concept_memes.errors import InvalidParameterError
from concept_memes.figures.checks import check_figsize, check_whole
from concept_memes.figures.covers import draw_cover, draw_covers
from concept_memes.figures.fonts import FontChoice, choose_font, clean_text, warn_missing
from concept_memes.figures.footer import BETWEEN, count_of, none_counts, write_footer
from concept_memes.figures.layout import (
    DETAIL_POINTS,
    LINE_HEIGHT,
    TILE_GAP,
    TITLE_POINTS,
    Page,
    Rect,
    plan_page,
    tile_shape,
)
from concept_memes.figures.messages import draw_message, fate_of_images
from concept_memes.figures.themes import Theme, ThemeName, find_theme
from concept_memes.figures.wrapping import fit_lines, shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from concept_memes.figures.canvas import PaperFigure

__all__ = ["concept_cover", "count_pages", "draw_collage"]

MAX_TITLE_LINES = 2
# Five by four cards of the usual shape: printed across A4, titles have 8 points.
CONCEPTS_PER_PAGE = 20
# Both make cards twice as wide as high.
N_EXEMPLARS, N_MEMBERS = 9, 18
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
    mode: Literal["exemplars", "members"] = "exemplars",
    image_size: int = 224,
    n_images: int | None = None,
    theme: ThemeName = "light",
    page: int | None = None,
) -> Figure:
    """Draw concepts as cards with their pictures, words and sizes.

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
    mode : {"exemplars", "members"}
        The pictures that stand for a concept, the most typical first; or its members, evenly from the surest to the
        least sure. Of copies that count once one is drawn.
    image_size : int
        Side of a tile in pixels, in a card that is full. Pictures are shrunk to their tile before they go into the
        figure; raise this to print. In figures of very many concepts tiles get fewer pixels, to save memory.
    n_images : int or None
        At most this many pictures per concept; None for 9 exemplars or 18 members.
    theme : {"light", "dark"}
        Colours.
    page : int or None
        Of the concepts above only this page, from 1 on; :func:`count_pages` counts them. Cards stand at the same
        places on all pages. None draws all concepts in one figure.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; notebooks show it. Each artist's ``gid`` says what it is, such as ``"concept-3-title"``.

    Raises
    ------
    InvalidParameterError
        For concepts and pages that do not exist, and for values that cannot be.

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
    ['red', '1 image · #0', 'model: hub-free', '1 of 1 concept · 1 image']
    """
    from concept_memes.figures.canvas import PaperFigure

    colors = find_theme(theme)
    _check_values(top_n, image_size, n_images, mode)
    check_figsize(figsize)
    chosen = _chosen_concepts(concept_set, concepts, top_n)
    shown, footing = _page_of(len(chosen), page)
    if not chosen:
        return _draw_nothing(concept_set, colors, figsize)
    cards = [_card(concept, similarity) for concept, similarity in chosen]
    # Of all pages, so that cards look the same on each.
    tiles = [_tiles_of(concept_set, card.concept, mode, n_images) for card in cards]
    shape = tile_shape(max(1, *map(len, tiles)))
    places, titles = _plan(cards, shape, figsize, len(cards) if page is None else CONCEPTS_PER_PAGE)
    figure = PaperFigure(places.width, places.height, colors.paper)
    pictures = {card.concept.index: own for card, own in zip(cards[shown], tiles[shown], strict=True)}
    size, gap = _cover_pixels(places, shape, image_size)
    drawn = draw_covers(concept_set, list(pictures.values()), sizes=[size] * len(pictures), gap=gap, theme=colors)
    covers = dict(zip(pictures, drawn, strict=True))
    for card, lines, cell, picture, text in zip(
        cards[shown], titles[shown], places.cells, places.pictures, places.texts, strict=False
    ):
        gid = f"concept-{card.concept.index}"
        figure.add_card(cell, color=colors.card, edge=colors.card_edge, scale=places.scale, gid=gid)
        figure.add_picture(picture, covers[card.concept.index], gid=f"{gid}-images")
        _write_words(figure, text, card, lines, places.scale, colors)
    counts = footing + _counts(concept_set, len(pictures))
    write_footer(figure, places.footer, concept_set, colors, counts=counts, scale=places.scale)
    warn_missing("".join([*(card.title.missing for card in cards[shown]), figure.missing]))
    return figure


def count_pages(n_concepts: int) -> int:
    """Count the pages that a number of concepts takes, at 20 concepts a page.

    Parameters
    ----------
    n_concepts : int
        How many are to be drawn.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> [count_pages(n) for n in (0, 20, 21, 500)]
    [1, 1, 2, 25]
    """
    check_whole("n_concepts", n_concepts, 0)
    return max(1, math.ceil(n_concepts / CONCEPTS_PER_PAGE))


def concept_cover(concept_set: ConceptSet, concept: int, *, size: int = 512, theme: ThemeName = "light") -> Image.Image:
    """Put the exemplars of one concept into one picture.

    Parameters
    ----------
    concept_set : ConceptSet
        What fitting gave.
    concept : int
        Number of the concept.
    size : int
        Side of the picture in pixels, at least 16.
    theme : {"light", "dark"}
        Colours of what is no picture.

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
    check_whole("size", size, 16)
    (found, _), *_ = _chosen_concepts(concept_set, [concept], 1)
    tiles = _tiles_of(concept_set, found, "exemplars", len(found.exemplars) or None)
    return draw_cover(concept_set, tiles, size=(size, size), gap=max(1, size // 64), theme=find_theme(theme))


def _check_values(top_n: int, image_size: int, n_images: int | None, mode: str) -> None:
    check_whole("top_n", top_n, 1)
    check_whole("image_size", image_size, 16)
    if n_images is not None:
        check_whole("n_images", n_images, 1)
    if mode not in ("exemplars", "members"):
        raise InvalidParameterError("mode", mode, '"exemplars" or "members"')


def _page_of(n_concepts: int, page: int | None) -> tuple[slice, str]:
    """Return which of the concepts stand on a page, and what the footer says of it."""
    if page is None:
        return slice(0, n_concepts), ""
    n_pages = count_pages(n_concepts)
    if isinstance(page, bool) or not isinstance(page, int | np.integer) or not 1 <= page <= n_pages:
        expected = f"a whole number from 1 to {n_pages}: {count_of(n_concepts, 'concept')}, {CONCEPTS_PER_PAGE} a page"
        raise InvalidParameterError("page", page, f"{expected} (top_n says how many are drawn)")
    start = (int(page) - 1) * CONCEPTS_PER_PAGE
    return slice(start, start + CONCEPTS_PER_PAGE), f"page {page} of {n_pages:,}{BETWEEN}" if n_pages > 1 else ""


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
    detail = [count_of(concept.size, "image")]
    if title != number:
        detail.append(f"#{concept.index}")
    if similarity is not None:
        detail.append(f"similarity {similarity:.2f}")
    return _Card(concept, choose_font(title, bold=True), BETWEEN.join(detail))


def _tiles_of(concept_set: ConceptSet, concept: Concept, mode: str, n_images: int | None) -> list[int]:
    """Pick the pictures of a card, none of them twice."""
    if mode == "exemplars" and concept.exemplars:
        return list(concept.exemplars[: n_images or N_EXEMPLARS])
    members: list[int] = counted_rows(concept_set, concept_set.members(concept.index)).tolist()
    if mode == "exemplars":  # there are none, so the surest stand for it
        return members[: n_images or N_EXEMPLARS]
    wanted = min(len(members), n_images or N_MEMBERS)
    return [members[place] for place in np.linspace(0, len(members) - 1, wanted).round().astype(int)]


def _plan(
    cards: Sequence[_Card], shape: tuple[int, int], figsize: tuple[float, float] | None, n_cells: int
) -> tuple[Page, list[list[str]]]:
    """Lay out the page; titles get a second line only where one of them needs it."""
    from concept_memes.figures.canvas import Ruler

    for title_lines in range(1, MAX_TITLE_LINES + 1):
        page = plan_page(n_cells, shape, title_lines, figsize)
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


def _write_words(figure: PaperFigure, rect: Rect, card: _Card, lines: list[str], scale: float, theme: Theme) -> None:
    from concept_memes.figures.canvas import Ruler

    gid = f"concept-{card.concept.index}"
    title, advance = Ruler(card.title, TITLE_POINTS * scale), TITLE_POINTS * LINE_HEIGHT / 72 * scale
    for number, line in enumerate(lines):  # not one text of two lines: its baselines would depend on its letters
        at = Rect(rect.x, rect.y + number * advance, rect.width, advance)
        figure.write(at, line, title, color=theme.ink, gid=f"{gid}-title")
    below = Rect(rect.x, rect.y + len(lines) * advance, rect.width, rect.height - len(lines) * advance)
    font = choose_font(card.detail)
    detail = Ruler(font, DETAIL_POINTS * scale)
    figure.write(below, shorten(font.text, rect.width, detail.width), detail, color=theme.muted, gid=f"{gid}-detail")


def _counts(concept_set: ConceptSet, n_drawn: int) -> str:
    n_none, n_skipped = none_counts(concept_set)
    parts = [f"{n_drawn:,} of {count_of(len(concept_set), 'concept')}", count_of(len(concept_set.labels), "image")]
    parts += [f"{n_none:,} in none"] if n_none else []
    parts += [f"{n_skipped:,} not readable"] if n_skipped else []
    return BETWEEN.join(parts)


def _draw_nothing(concept_set: ConceptSet, theme: Theme, figsize: tuple[float, float] | None) -> PaperFigure:
    """Say that there is nothing to draw, and what became of the pictures."""
    if len(concept_set):
        body = f"None of the {len(concept_set):,} was asked for."
        return draw_message(concept_set, theme, figsize, head="No concepts to show", body=body)
    return draw_message(concept_set, theme, figsize, head="No concepts", body=fate_of_images(concept_set))
