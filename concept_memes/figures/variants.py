"""Templates and their variants: a card per template, its different pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from concept_memes.concepts import ConceptSet
from concept_memes.errors import InvalidParameterError
from concept_memes.figures.checks import check_figsize
from concept_memes.figures.covers import draw_covers
from concept_memes.figures.fonts import choose_font, clean_text, warn_missing
from concept_memes.figures.footer import BETWEEN, count_of, write_footer
from concept_memes.figures.layout import DETAIL_POINTS, FOOTER, HEAD_POINTS, MARGIN, TITLE_POINTS, Rect, scale_to
from concept_memes.figures.messages import draw_message
from concept_memes.figures.themes import Theme, ThemeName, find_theme
from concept_memes.figures.wrapping import fit_lines
from concept_memes.memes.groups import CopyGroup, VariantGroup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from concept_memes.figures.canvas import PaperFigure

__all__ = ["draw_variants"]

# Inches, in a figure whose size is not given.
TILE, TILE_GAP, PADDING, CARD_GAP, HEAD, TITLE = 1.3, 0.12, 0.15, 0.16, 0.5, 0.5
LINE = DETAIL_POINTS * 1.35 / 72
COPIES, LEAST_WIDTH = 0.34, 3.6
# A template with more variants has a tile in place of the last that counts the others; so many stand in a row.
MAX_TILES, MAX_LINES = 8, 3
# Titles need room.
LEAST_TILES = 2
PIXELS = 192


class _Card(NamedTuple):
    """What the card of a template shows."""

    number: int
    group: VariantGroup
    shown: tuple[CopyGroup, ...]
    captions: tuple[list[str], ...]

    @property
    def n_more(self) -> int:
        """Variants that are not drawn."""
        return len(self.group.variants) - len(self.shown)

    @property
    def n_cells(self) -> int:
        """Tiles that it has room for, with the one that counts what is not drawn."""
        return max(LEAST_TILES, len(self.shown) + bool(self.n_more))

    @property
    def width(self) -> float:
        """What it needs."""
        return self.n_cells * (TILE + TILE_GAP) - TILE_GAP + 2 * PADDING

    @property
    def height(self) -> float:
        """What it needs."""
        n_lines = max(any(len(copies.images) > 1 for copies in self.shown), *map(len, self.captions))
        return 2 * PADDING + TITLE + TILE + (0.06 + n_lines * LINE if n_lines else 0.0)


def draw_variants(
    concept_set: ConceptSet,
    groups: Sequence[VariantGroup],
    *,
    figsize: tuple[float, float] | None = None,
    theme: ThemeName = "light",
) -> Figure:
    """Draw templates: the different pictures that were made from each, side by side.

    The picture that stands for a template comes first. Below a picture stands what it says, if somebody read it, and
    how often it is there, copies included. Eight pictures of a template are drawn at most, and the others counted.

    Parameters
    ----------
    concept_set : ConceptSet
        The collection.
    groups : sequence of VariantGroup
        The templates, in this order.
    figsize : tuple of float or None
        Width and height in inches. None lets the figure grow with the number of templates.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; notebooks show it. Each artist's ``gid`` says what it is, such as ``"template-0-title"``.

    Raises
    ------
    InvalidParameterError
        For pictures that are not in the collection, and for values that cannot be.

    Warns
    -----
    AdjustedWarning
        Where no installed font has some characters of the texts; a box stands for each.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"])
    >>> _ = model.fit(color_images(["red", "blue"], 6))
    >>> variants = VariantGroup(0, (CopyGroup((0, 2), ("itself", "near")), CopyGroup((1,), ("itself",))))
    >>> [text.get_text() for text in draw_variants(model.concepts_, [variants]).texts][:4]
    ['Templates and their variants', 'image-0', '2 variants · 3 images', '×2']
    """
    from concept_memes.figures.canvas import PaperFigure

    colors = find_theme(theme)
    check_figsize(figsize)
    _check_groups(concept_set, groups)
    if not groups:
        body = f"No two of {count_of(len(concept_set.images), 'image')} are made from the same picture."
        return draw_message(concept_set, colors, figsize, head="No variants", body=body)
    cards = [_card(concept_set, number, group) for number, group in enumerate(groups)]
    rows = _rows(cards)
    heights = [max(card.height for card in row) for row in rows]
    natural = (
        2 * MARGIN + max(LEAST_WIDTH, *map(_row_width, rows)),
        2 * MARGIN + HEAD + sum(heights) + CARD_GAP * (len(rows) - 1) + FOOTER,
    )
    (width, height), scale = scale_to(natural, figsize)
    figure = PaperFigure(width * scale, height * scale, colors.paper, scale=scale)
    head = Rect(MARGIN, MARGIN - 0.06, width - 2 * MARGIN, HEAD - 0.2)
    figure.label(head, "Templates and their variants", HEAD_POINTS, color=colors.ink, gid="head", bold=True)
    tiles = [[copies.images[0]] for card in cards for copies in card.shown]
    covers = iter(draw_covers(concept_set, tiles, sizes=[(PIXELS, PIXELS)] * len(tiles), gap=0, theme=colors))
    top = MARGIN + HEAD
    for number, (row, row_height) in enumerate(zip(rows, heights, strict=True)):
        x = MARGIN
        # Rows end at the same place, unless the last one is too short.
        spare = natural[0] - 2 * MARGIN - _row_width(row)
        spare = spare if number + 1 < len(rows) or spare < natural[0] / 2 else 0.0
        for card in row:
            place = Rect(x, top, card.width + spare / len(row), row_height)
            _draw_card(figure, concept_set, card, [next(covers) for _ in card.shown], place, colors)
            x += place.width + CARD_GAP
        top += row_height + CARD_GAP
    footer = Rect(MARGIN, height - MARGIN * 0.5 - FOOTER, width - 2 * MARGIN, FOOTER)
    counts = [count_of(len(cards), "template"), count_of(len(concept_set.images), "image")]
    write_footer(figure, footer, concept_set, colors, counts=BETWEEN.join(counts))
    warn_missing(figure.missing)
    return figure


def _check_groups(concept_set: ConceptSet, groups: Sequence[VariantGroup]) -> None:
    indices = [i for group in groups for copies in group.variants for i in copies.images]
    wrong = [i for i in indices if not 0 <= i < len(concept_set.images)]
    if wrong:
        raise InvalidParameterError("groups", wrong, f"pictures of this set: indices below {len(concept_set.images)}")


def _card(concept_set: ConceptSet, number: int, group: VariantGroup) -> _Card:
    """Choose what is drawn: first the picture that stands for the template, then those with most copies."""
    in_order = sorted(group.variants, key=lambda copies: group.image not in copies.images)  # stable
    shown = tuple(in_order if len(in_order) <= MAX_TILES else in_order[: MAX_TILES - 1])
    texts = concept_set.texts.texts if concept_set.texts is not None else ()
    return _Card(number, group, shown, tuple(_lines(texts[c.images[0]], _room(c)) if texts else [] for c in shown))


def _room(copies: CopyGroup) -> float:
    """Measure the corner for the number of copies: a number that is cut would be another one."""
    from concept_memes.figures.canvas import Ruler

    font = choose_font(_times(copies), bold=True)
    return max(COPIES, Ruler(font, DETAIL_POINTS).width(font.text) + 0.06)


def _times(copies: CopyGroup) -> str:
    return f"×{len(copies.images):,}"


def _lines(text: str, room: float) -> list[str]:
    """Break what a picture says into lines, as wide as a tile but for the number of copies."""
    from concept_memes.figures.canvas import Ruler

    font = choose_font(clean_text(" ".join(text.split())))
    return fit_lines(font.text, TILE - room, MAX_LINES, Ruler(font, DETAIL_POINTS).width)


def _rows(cards: Sequence[_Card]) -> list[list[_Card]]:
    """Put cards side by side, in their order, as long as the tiles of a row are no more than one card may have."""
    rows: list[list[_Card]] = []
    for card in cards:
        if rows and sum(one.n_cells for one in rows[-1]) + card.n_cells <= MAX_TILES:
            rows[-1].append(card)
        else:
            rows.append([card])
    return rows


def _row_width(row: Sequence[_Card]) -> float:
    return sum(card.width for card in row) + CARD_GAP * (len(row) - 1)


def _draw_card(
    figure: PaperFigure,
    concept_set: ConceptSet,
    card: _Card,
    covers: Sequence[Image.Image],
    place: Rect,
    theme: Theme,
) -> None:
    gid = f"template-{card.number}"
    figure.add_card(place, color=theme.card, edge=theme.card_edge, scale=figure.scale, gid=gid)
    x, y, width = place.x + PADDING, place.y + PADDING, place.width - 2 * PADDING
    title, below = Rect(x, y - 0.05, width, 0.23), Rect(x, y + 0.17, width, LINE)
    name = concept_set.images[card.group.image].name
    figure.label(title, name, TITLE_POINTS, color=theme.ink, gid=f"{gid}-title", bold=True, keep="end")
    counts = [count_of(len(card.group.variants), "variant"), count_of(card.group.size, "image")]
    figure.label(below, BETWEEN.join(counts), DETAIL_POINTS, color=theme.muted, gid=f"{gid}-detail")
    top = y + TITLE
    for number, (copies, lines, cover) in enumerate(zip(card.shown, card.captions, covers, strict=True)):
        at = Rect(x + number * (TILE + TILE_GAP), top, TILE, TILE)
        own = f"{gid}-variant-{number}"
        figure.add_picture(at, cover, gid=f"{own}-image")
        room = _room(copies)
        if len(copies.images) > 1:
            corner = Rect(at.x + TILE - room, top + TILE + 0.06, room, LINE)
            figure.label(
                corner, _times(copies), DETAIL_POINTS, color=theme.accent, gid=f"{own}-copies", bold=True, align="right"
            )
        for row, line in enumerate(lines):
            below = Rect(at.x, top + TILE + 0.06 + row * LINE, TILE - room, LINE)
            figure.label(below, line, DETAIL_POINTS, color=theme.muted, gid=f"{own}-text")
    if card.n_more:
        at = Rect(x + len(card.shown) * (TILE + TILE_GAP), top, TILE, TILE)
        figure.add_box(at, color=theme.track, gid=f"{gid}-more-box")
        figure.label(at, f"+{card.n_more:,} more", TITLE_POINTS, color=theme.muted, gid=f"{gid}-more", align="center")
