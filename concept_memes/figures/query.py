"""What a query finds: the best pictures in their order, beside the concepts that they are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
from concept_memes.counting import counted_rows
from concept_memes.errors import InvalidParameterError
from concept_memes.figures.checks import check_figsize
from concept_memes.figures.covers import draw_covers, source_tile
from concept_memes.figures.fonts import warn_missing
from concept_memes.figures.footer import BETWEEN, count_of, write_footer
from concept_memes.figures.layout import DETAIL_POINTS, FOOTER, MARGIN, TITLE_POINTS, Rect, cell_grid, scale_to
from concept_memes.figures.messages import draw_message
from concept_memes.figures.themes import Theme, ThemeName, find_theme
from concept_memes.queries import Query

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from concept_memes.figures.canvas import PaperFigure

__all__ = ["draw_query"]

# Inches, in a figure whose size is not given.
TILE, TILE_GAP, CAPTION, PADDING, GAP = 1.75, 0.14, 0.44, 0.14, 0.22
ASIDE, COVER, CARD_GAP, ASIDE_HEAD = 3.7, 0.86, 0.12, 0.3
QUERY_POINTS, LABEL_POINTS = 20.0, 9.0
TERM, TERM_PICTURE, TERM_GAP, REST = 0.5, 1.1, 0.12, 0.24
PIXELS = 192


class _Group(NamedTuple):
    """A concept with the pictures of it that were found."""

    concept: int
    n_found: int
    similarity: float | None


def draw_query(
    concept_set: ConceptSet,
    query: Query,
    images: Sequence[ImageHit],
    concepts: Sequence[ConceptHit],
    *,
    n_hidden: int = 0,
    figsize: tuple[float, float] | None = None,
    theme: ThemeName = "light",
) -> Figure:
    """Draw a query, the pictures that it found, and the concepts that these are in.

    Parameters
    ----------
    concept_set : ConceptSet
        What was searched.
    query : Query
        What was looked for: texts are written, pictures drawn.
    images : sequence of ImageHit
        The pictures, best first.
    concepts : sequence of ConceptHit
        Concepts that are near to the query, best first. Those that hold pictures come before those that hold none.
    n_hidden : int, default=0
        How many copies of the pictures are left out; it is said, unless there are none.
    figsize : tuple of float or None
        Width and height in inches. None lets the figure grow with the number of pictures.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; notebooks show it. Each artist's ``gid`` says what it is, such as ``"hit-0-score"``.

    Raises
    ------
    InvalidParameterError
        For hits of another set, and for values that cannot be.

    Warns
    -----
    AdjustedWarning
        Where no installed font has some characters of the words; a box stands for each.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"])
    >>> _ = model.fit(color_images(["red", "blue"], 6))
    >>> figure = draw_query(model.concepts_, Query("red"), model.find_images("red", 3), model.find_concepts("red", 1))
    >>> [text.get_text() for text in figure.texts][:3]
    ['red', '3 best images', '1']
    """
    from concept_memes.figures.canvas import PaperFigure

    colors = find_theme(theme)
    check_figsize(figsize)
    _check_hits(concept_set, images, concepts)
    if not images:
        why = f"None of {count_of(len(concept_set.labels), 'image')} fits the query."
        return draw_message(concept_set, colors, figsize, head="No images found", body=why)
    groups, n_none = _groups(images, concepts)
    columns = next((n for n in (1, 2, 3, 4) if len(images) <= n * n), 5 if len(images) > 16 else 4)
    rows = -(-len(images) // columns)
    query_height = TERM_PICTURE if query.has_picture else TERM
    cell = TILE + CAPTION
    hits_height = rows * cell + (rows - 1) * TILE_GAP + 2 * PADDING
    # As many cards stand beside the pictures as there is room for, three at least.
    body = max(hits_height, min(3, len(groups)) * (COVER + 2 * PADDING + CARD_GAP) + REST)
    hits_width = columns * (TILE + TILE_GAP) - TILE_GAP + 2 * PADDING
    natural = (
        2 * MARGIN + hits_width + GAP + ASIDE,
        2 * MARGIN + query_height + 0.2 + ASIDE_HEAD + body + FOOTER,
    )
    (width, height), scale = scale_to(natural, figsize)
    figure = PaperFigure(width * scale, height * scale, colors.paper, scale=scale)
    _draw_terms(
        figure,
        query,
        Rect(MARGIN, MARGIN - (0.0 if query.has_picture else 0.08), width - 2 * MARGIN, query_height),
        colors,
    )
    top = MARGIN + query_height + 0.12 + ASIDE_HEAD
    panel = Rect(MARGIN, top, hits_width + width - natural[0], hits_height)
    title = Rect(panel.x, top - ASIDE_HEAD, panel.width, ASIDE_HEAD - 0.06)
    said = "Best image" if len(images) == 1 else f"{len(images):,} best images"
    said += f", {n_hidden:,} {'copy' if n_hidden == 1 else 'copies'} hidden" if n_hidden else ""
    figure.label(title, said, LABEL_POINTS, color=colors.muted, gid="hits-head")
    figure.add_card(panel, color=colors.card, edge=colors.card_edge, scale=scale, gid="hits")
    _draw_hits(figure, concept_set, images, columns, rows, panel, colors)
    aside = Rect(panel.x + panel.width + GAP, top, ASIDE, body)
    _draw_groups(figure, concept_set, groups, n_none, len(images), aside, colors)
    footer = Rect(MARGIN, height - MARGIN * 0.5 - FOOTER, width - 2 * MARGIN, FOOTER)
    counts = [count_of(len(concept_set), "concept"), count_of(len(concept_set.labels), "image")]
    write_footer(figure, footer, concept_set, colors, counts=BETWEEN.join(counts))
    warn_missing(figure.missing)
    return figure


def _check_hits(concept_set: ConceptSet, images: Sequence[ImageHit], concepts: Sequence[ConceptHit]) -> None:
    wrong = [hit.index for hit in images if not 0 <= hit.index < len(concept_set.images)]
    if wrong:
        raise InvalidParameterError("images", wrong, f"hits in this set: indices below {len(concept_set.images)}")
    wrong = [hit.concept for hit in concepts if not 0 <= hit.concept < len(concept_set)]
    wrong += [hit.concept for hit in images if not -1 <= hit.concept < len(concept_set)]
    if wrong:
        raise InvalidParameterError("concepts", wrong, f"concepts of this set: numbers below {len(concept_set)}")


def _groups(images: Sequence[ImageHit], concepts: Sequence[ConceptHit]) -> tuple[list[_Group], int]:
    """Count the pictures per concept: those with most first, then concepts that are near and hold none."""
    similarities = {int(hit.concept): float(hit.similarity) for hit in concepts}
    found = Counter(hit.concept for hit in images)
    n_none = found.pop(-1, 0)
    order = sorted(found, key=lambda concept: -found[concept])  # stable: ties in the order of their best pictures
    order += [concept for concept in similarities if concept not in found]
    return [_Group(concept, found[concept], similarities.get(concept)) for concept in order], n_none


def _draw_terms(figure: PaperFigure, query: Query, room: Rect, theme: Theme) -> None:
    """Draw the terms of a query in a row, with the signs between them; what has no room is counted."""
    x, end = room.x, room.x + room.width
    for number, (term, weight) in enumerate(query.terms):
        sign = _sign(weight, first=number == 0)
        gid = f"query-{number}"
        more = f"and {len(query.terms) - number} more"
        reserve = figure.width_of(more, TITLE_POINTS) + TERM_GAP if number + 1 < len(query.terms) else 0.0
        before = figure.width_of(sign, QUERY_POINTS) + TERM_GAP if sign else 0.0
        wanted = figure.width_of(term, QUERY_POINTS, bold=True) if isinstance(term, str) else room.height
        if number and x + before + min(wanted, 1.2) + reserve > end:
            figure.label(Rect(x, room.y, end - x, room.height), more, TITLE_POINTS, color=theme.muted, gid="query-more")
            return
        if sign:
            at = Rect(x, room.y, before, room.height)
            figure.label(at, sign, QUERY_POINTS, color=theme.muted, gid=f"{gid}-sign")
            x += before
        at = Rect(x, room.y, min(wanted, end - reserve - x), room.height)
        if isinstance(term, str):
            x += figure.label(at, term, QUERY_POINTS, color=theme.ink, gid=gid, bold=True)
        else:
            source = Image.fromarray(term) if isinstance(term, np.ndarray) else term
            name = term.name if isinstance(term, Path) else "picture"
            tile = source_tile(source, name, (PIXELS, PIXELS), theme)
            figure.add_picture(Rect(x, room.y, room.height, room.height), tile, gid=gid)
            x += room.height
        x += TERM_GAP


def _sign(weight: float, *, first: bool) -> str:
    sign = "−" if weight < 0 else "" if first else "+"
    return sign if abs(weight) == 1 else f"{sign} {abs(weight):g} ×".strip()


def _draw_hits(
    figure: PaperFigure,
    concept_set: ConceptSet,
    images: Sequence[ImageHit],
    columns: int,
    rows: int,
    panel: Rect,
    theme: Theme,
) -> None:
    """Draw the pictures row by row, each with its rank, its similarity and its concept."""
    height = rows * (TILE + CAPTION) + (rows - 1) * TILE_GAP
    width = columns * (TILE + TILE_GAP) - TILE_GAP
    inside = Rect(panel.x + (panel.width - width) / 2, panel.y + PADDING, width, height)
    cells = cell_grid(len(images), columns, inside, TILE_GAP)
    covers = draw_covers(
        concept_set, [[hit.index] for hit in images], sizes=[(PIXELS, PIXELS)] * len(images), gap=0, theme=theme
    )
    line = DETAIL_POINTS * 1.35 / 72
    for rank, (hit, cell, cover) in enumerate(zip(images, cells, covers, strict=True)):
        gid = f"hit-{rank}"
        figure.add_picture(Rect(cell.x, cell.y, TILE, TILE), cover, gid=f"{gid}-image")
        top = cell.y + TILE + 0.05
        at = Rect(cell.x, top, TILE, line)
        taken = figure.label(at, f"{rank + 1}", DETAIL_POINTS, color=theme.muted, gid=f"{gid}-rank")
        at = Rect(cell.x + taken + 0.1, top, TILE - taken - 0.1, line)
        figure.label(at, f"{hit.similarity:.2f}", DETAIL_POINTS, color=theme.ink, gid=f"{gid}-score", bold=True)
        titles = concept_set.concepts[hit.concept].titles if hit.concept >= 0 else ("in no concept",)
        below, points = Rect(cell.x, top + line, TILE, line), DETAIL_POINTS - 0.5
        title = _fitting(figure, titles, points, TILE)
        figure.label(below, title, points, color=theme.muted, gid=f"{gid}-concept")


def _fitting(figure: PaperFigure, titles: Sequence[str], points: float, width: float, *, bold: bool = False) -> str:
    """Choose the longest title that fits; where none does, the shortest is cut."""
    return next((title for title in titles if figure.width_of(title, points, bold=bold) <= width), titles[-1])


def _draw_groups(
    figure: PaperFigure,
    concept_set: ConceptSet,
    groups: Sequence[_Group],
    n_none: int,
    n_images: int,
    room: Rect,
    theme: Theme,
) -> None:
    """Draw a card per concept, as many as there is room for; the rest is counted."""
    height = COVER + 2 * PADDING
    n_cards = min(len(groups), int((room.height + CARD_GAP + 1e-9) // (height + CARD_GAP)))
    if len(groups) > n_cards or n_none:  # a line of text below
        n_cards = min(n_cards, int((room.height - REST + 1e-9) // (height + CARD_GAP)))
    title = Rect(room.x, room.y - ASIDE_HEAD, room.width, ASIDE_HEAD - 0.06)
    figure.label(title, "Concepts", LABEL_POINTS, color=theme.muted, gid="groups-head")
    pixels = (PIXELS, PIXELS)
    tiles = [
        concept_set.concepts[group.concept].exemplars[:4]
        or counted_rows(concept_set, concept_set.members(group.concept))[:4].tolist()
        for group in groups[:n_cards]
    ]
    covers = draw_covers(concept_set, tiles, sizes=[pixels] * len(tiles), gap=PIXELS // 32, theme=theme)
    top = room.y
    for group, cover in zip(groups, covers, strict=False):
        card = Rect(room.x, top, room.width, height)
        _draw_group(figure, concept_set, group, cover, n_images, card, theme)
        top += height + CARD_GAP
    rest = [f"and {count_of(len(groups) - n_cards, 'more concept')}"] if len(groups) > n_cards else []
    rest += [f"{n_none} of {n_images} in no concept"] if n_none else []
    if rest:
        line = Rect(room.x + PADDING, top, room.width - PADDING, REST)
        figure.label(line, BETWEEN.join(rest), DETAIL_POINTS, color=theme.muted, gid="groups-rest")


def _draw_group(
    figure: PaperFigure,
    concept_set: ConceptSet,
    group: _Group,
    cover: Image.Image,
    n_images: int,
    card: Rect,
    theme: Theme,
) -> None:
    concept, gid = concept_set.concepts[group.concept], f"concept-{group.concept}"
    figure.add_card(card, color=theme.card, edge=theme.card_edge, scale=figure.scale, gid=gid)
    figure.add_picture(Rect(card.x + PADDING, card.y + PADDING, COVER, COVER), cover, gid=f"{gid}-images")
    x = card.x + PADDING + COVER + 0.14
    width = card.x + card.width - PADDING - x
    line = COVER / 4
    top = card.y + PADDING + (0.0 if group.n_found else line / 2)
    title = _fitting(figure, concept.titles, TITLE_POINTS, width, bold=True)
    figure.label(Rect(x, top, width, line), title, TITLE_POINTS, color=theme.ink, gid=f"{gid}-title", bold=True)
    found = f"{group.n_found} of {n_images} found here" if group.n_found else "near, none found here"
    ink = theme.ink if group.n_found else theme.muted
    figure.label(Rect(x, top + line, width, line), found, DETAIL_POINTS, color=ink, gid=f"{gid}-found")
    detail = [count_of(concept.size, "image"), f"#{concept.index}"]
    detail += [f"similarity {group.similarity:.2f}"] if group.similarity is not None else []
    below = Rect(x, top + 2 * line, width, line)
    figure.label(below, BETWEEN.join(detail), DETAIL_POINTS, color=theme.muted, gid=f"{gid}-detail")
    if group.n_found:
        track = Rect(x, top + 3.4 * line, width, 0.07)
        figure.add_box(track, color=theme.track, gid=f"{gid}-track")
        share = Rect(track.x, track.y, track.width * group.n_found / n_images, track.height)
        figure.add_box(share, color=theme.accent, gid=f"{gid}-bar")
