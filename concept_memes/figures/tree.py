"""The tree of concepts, drawn: what is joined further right is more alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from concept_memes.concepts import ConceptSet, HierarchyNode, sure_words
from concept_memes.counting import counted_rows
from concept_memes.errors import InvalidParameterError
from concept_memes.figures.checks import check_figsize
from concept_memes.figures.covers import draw_covers
from concept_memes.figures.fonts import warn_missing
from concept_memes.figures.footer import BETWEEN, count_of, write_footer
from concept_memes.figures.layout import FOOTER, HEAD_POINTS, MARGIN, Rect, scale_to
from concept_memes.figures.messages import draw_message, fate_of_images
from concept_memes.figures.themes import Theme, ThemeName, find_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from concept_memes.figures.canvas import PaperFigure
    from concept_memes.hierarchy import Hierarchy

__all__ = ["draw_hierarchy"]

# Inches, in a figure whose size is not given.
BRANCHES, HEAD, AXIS, PADDING, GAP = 6.2, 0.5, 0.34, 0.18, 0.12
MAX_TITLE, MAX_STUB = 3.4, 1.7
N_TILES, TILE_GAP, TILE_PIXELS = 4, 0.03, 96
AXIS_POINTS, LINE = 7.5, 1.2


class _Rows(NamedTuple):
    """Sizes of what stands in the row of a concept: inches, and points of letters."""

    height: float
    title: float
    detail: float


class _Places(NamedTuple):
    """Where nodes stand: the similarity at which they join, as x, and the middle of what is under them, as y."""

    x: list[float]
    y: list[float]
    start: list[float]


# Few concepts have room; very many make a figure that is still to be scrolled through, not one to get lost in.
_ROOMY, _DENSE = _Rows(0.5, 10.0, 8.0), _Rows(0.36, 8.5, 7.0)
MAX_ROOMY = 60


def draw_hierarchy(
    concept_set: ConceptSet,
    hierarchy: Hierarchy,
    *,
    figsize: tuple[float, float] | None = None,
    theme: ThemeName = "light",
) -> Figure:
    """Draw the tree of concepts, with words at the nodes and pictures at the concepts.

    Parameters
    ----------
    concept_set : ConceptSet
        What fitting gave.
    hierarchy : Hierarchy
        The tree of its concepts.
    figsize : tuple of float or None
        Width and height in inches. None lets the figure grow with the number of concepts.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; notebooks show it. Each artist's ``gid`` says what it is, such as ``"node-3-title"``.
        Words stand on the branch that leads to a node, as many as there is room for.

    Raises
    ------
    InvalidParameterError
        If the tree is not one of these concepts, and for values that cannot be.

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
    >>> figure = draw_hierarchy(model.concepts_, model.hierarchy_)
    >>> [text.get_text() for text in figure.texts if text.get_gid() == "concept-0-title"]
    ['blue']
    """
    from concept_memes.figures.canvas import PaperFigure

    colors = find_theme(theme)
    check_figsize(figsize)
    if hierarchy.n_concepts != len(concept_set) or (not len(hierarchy) and len(concept_set)):
        expected = f"the tree of these {count_of(len(concept_set), 'concept')}"
        raise InvalidParameterError("hierarchy", f"a tree of {hierarchy.n_concepts}", expected)
    if not len(concept_set):
        return draw_message(concept_set, colors, figsize, head="No concepts", body=fate_of_images(concept_set))
    order = _leaf_order(hierarchy.nodes)
    row = _ROOMY if len(order) <= MAX_ROOMY else _DENSE
    tile = 0.84 * row.height
    tiles = [_tiles_of(concept_set, number) for number in order]
    strip = _strip(max(map(len, tiles)), tile)
    sample = PaperFigure(1, 1)  # letters are as wide in any figure
    leaves = [hierarchy.nodes[number] for number in order]
    title_room = max(sample.width_of(node.title, row.title, bold=True) for node in leaves)
    title_room = max(min(MAX_TITLE, title_room), max(sample.width_of(_detail(n), row.detail) for n in leaves))
    # Two concepts need no room for words between the root and them, and have no axis.
    branches = min(BRANCHES, 1.6 + 0.9 * len(order)) if len(order) > 1 else 0.0
    axis = AXIS if len(order) > 2 else 0.0
    natural = (
        2 * MARGIN + 2 * PADDING + branches + strip + 2 * GAP + title_room,
        2 * MARGIN + HEAD + 2 * PADDING + axis + len(order) * row.height + FOOTER,
    )
    (width, height), scale = scale_to(natural, figsize)
    figure = PaperFigure(width * scale, height * scale, colors.paper, scale=scale)
    head = Rect(MARGIN, MARGIN - 0.06, width - 2 * MARGIN, HEAD - 0.18)
    figure.label(head, "Tree of concepts", HEAD_POINTS, color=colors.ink, gid="head", bold=True)
    card = Rect(MARGIN, MARGIN + HEAD, width - 2 * MARGIN, 2 * PADDING + axis + len(order) * row.height)
    figure.add_card(card, color=colors.card, edge=colors.card_edge, scale=scale, gid="card")
    branches += width - natural[0]
    plot = Rect(card.x + PADDING, card.y + PADDING + axis, branches, len(order) * row.height)
    places = _places(figure, hierarchy.nodes, order, plot, row)
    if axis:
        _draw_axis(figure, hierarchy.nodes, places, plot, colors)
    if branches:
        _draw_branches(figure, hierarchy.nodes, places, row, colors)
    gap = round(TILE_GAP / tile * TILE_PIXELS)
    sizes = [(max(1, len(own) * (TILE_PIXELS + gap) - gap), TILE_PIXELS) for own in tiles]
    covers = draw_covers(concept_set, tiles, sizes=sizes, gap=gap, theme=colors)
    for place, (node, own, cover) in enumerate(zip(leaves, tiles, covers, strict=True)):
        top = plot.y + place * row.height
        at = Rect(plot.x + plot.width + GAP, top + (row.height - tile) / 2, _strip(len(own), tile), tile)
        figure.add_picture(at, cover, gid=f"concept-{node.index}-images")
        x, gid = at.x + strip + GAP, f"concept-{node.index}"
        line = row.title * 1.3 / 72
        top += (row.height - line - row.detail * 1.3 / 72) / 2
        title = Rect(x, top, title_room, line)
        figure.label(title, node.title, row.title, color=colors.ink, gid=f"{gid}-title", bold=True)
        below = Rect(x, top + line, title_room, row.detail * 1.3 / 72)
        figure.label(below, _detail(node), row.detail, color=colors.muted, gid=f"{gid}-detail")
    footer = Rect(MARGIN, height - MARGIN * 0.5 - FOOTER, width - 2 * MARGIN, FOOTER)
    counts = [count_of(len(concept_set), "concept"), count_of(len(concept_set.labels), "image")]
    write_footer(figure, footer, concept_set, colors, counts=BETWEEN.join(counts))
    warn_missing(figure.missing)
    return figure


def _strip(n_tiles: int, tile: float) -> float:
    return max(tile, n_tiles * (tile + TILE_GAP) - TILE_GAP)


def _detail(node: HierarchyNode) -> str:
    return f"{count_of(node.size, 'image')}{BETWEEN}#{node.index}"


def _inside(node: HierarchyNode) -> str:
    return f"{len(node.concepts)} concepts{BETWEEN}{count_of(node.size, 'image')}"


def _leaf_order(nodes: Sequence[HierarchyNode]) -> list[int]:
    """Order the concepts so that no branches cross: of two, the larger comes first."""
    order, waiting = [], [nodes[-1]]
    while waiting:  # no recursion: a tree that is a chain may be as deep as there are concepts
        node = waiting.pop()
        if node.children:
            waiting += sorted((nodes[child] for child in node.children), key=lambda n: (n.size, -n.index))
        else:
            order.append(node.index)
    return order


def _tiles_of(concept_set: ConceptSet, number: int) -> list[int]:
    exemplars = concept_set.concepts[number].exemplars
    return list(exemplars[:N_TILES]) or counted_rows(concept_set, concept_set.members(number))[:N_TILES].tolist()


def _places(
    figure: PaperFigure, nodes: Sequence[HierarchyNode], order: Sequence[int], plot: Rect, row: _Rows
) -> _Places:
    """Place the nodes. Branches start at the parent's x; that of the root has room for its words."""
    k = len(order)
    y = [0.0] * len(nodes)
    for place, number in enumerate(order):
        y[number] = plot.y + (place + 0.5) * row.height
    end = plot.x + plot.width
    inner = [node.similarity for node in nodes[k:]]
    if not inner:
        return _Places([end], y, [plot.x])
    low, high = min(inner), max(inner)
    root = nodes[-1]
    words = max(figure.width_of(root.title, row.detail, bold=True), figure.width_of(_inside(root), row.detail - 1))
    stub = min(MAX_STUB, 0.3 * plot.width, words + 2 * GAP)
    left, right = plot.x + stub, end - 0.06 * plot.width  # leaves have branches too where they join at once
    spread = (high - low) or 1.0
    x = [end] * k + [left + (right - left) * (value - low) / spread for value in inner]
    start = [plot.x] * len(nodes)
    for node in nodes[k:]:  # children come before their parents
        one, other = node.children
        y[node.index] = (y[one] + y[other]) / 2
        start[one] = start[other] = x[node.index]
    return _Places(x, y, start)


def _draw_axis(figure: PaperFigure, nodes: Sequence[HierarchyNode], places: _Places, plot: Rect, theme: Theme) -> None:
    """Draw faint lines at round similarities, with numbers above the tree."""
    inner = [node for node in nodes if node.children]
    if len({node.similarity for node in inner}) < 2:
        return
    low, high = min(inner, key=lambda n: n.similarity), max(inner, key=lambda n: n.similarity)
    per_unit = (places.x[high.index] - places.x[low.index]) / (high.similarity - low.similarity)
    rect = Rect(plot.x, plot.y - AXIS, plot.width, AXIS * 0.5)
    taken = figure.label(rect, "similarity", AXIS_POINTS, color=theme.muted, gid="axis-name")
    step = _tick_step(per_unit)
    for tick in range(math.ceil(low.similarity / step), math.floor(high.similarity / step) + 1):
        x = places.x[low.index] + (tick * step - low.similarity) * per_unit
        label = f"{tick * step:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
        if x - 0.25 < plot.x + taken:
            continue
        line = [(x, plot.y - 0.06), (x, plot.y + plot.height)]
        figure.add_path(line, color=theme.track, line=0.7, gid=f"tick-{tick}")
        at = Rect(x - 0.25, rect.y, 0.5, rect.height)
        figure.label(at, label, AXIS_POINTS, color=theme.muted, gid=f"tick-{tick}-number", align="center")


def _tick_step(per_unit: float) -> float:
    """Choose 1, 2 or 5 times a power of ten so that numbers stand at least half an inch apart."""
    least = 0.55 / per_unit
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _draw_branches(
    figure: PaperFigure, nodes: Sequence[HierarchyNode], places: _Places, row: _Rows, theme: Theme
) -> None:
    """Draw a branch to each node, and its words on it where they fit: nothing else comes between two branches."""
    for node in nodes:
        x, y, start = places.x[node.index], places.y[node.index], places.start[node.index]
        figure.add_path([(start, y), (x, y)], color=theme.line, line=LINE, gid=f"node-{node.index}-branch")
        if not node.children:
            continue
        ends = [places.y[child] for child in node.children]
        figure.add_path([(x, min(ends)), (x, max(ends))], color=theme.line, line=LINE, gid=f"node-{node.index}-join")
        room = x - start - 0.1
        half = 0.5 * row.height - 0.04
        line = min(half, row.detail * 1.3 / 72)
        words = _fitting_words(figure, node, room, row.detail)
        if words:
            above = Rect(start + 0.06, y - line - 0.02, room, line)
            figure.label(above, words, row.detail, color=theme.ink, gid=f"node-{node.index}-title", bold=True)
        detail = _inside(node)
        if figure.width_of(detail, row.detail - 1) <= room:
            below = Rect(start + 0.06, y + 0.02, room, line)
            figure.label(below, detail, row.detail - 1, color=theme.muted, gid=f"node-{node.index}-detail")


def _fitting_words(figure: PaperFigure, node: HierarchyNode, room: float, points: float) -> str:
    """Return the title, or as many of its words as there is room for: a word cut short says less than none."""
    words = [node.name] if node.name else list(sure_words(node.words, node.word_confidences)[:3])
    for count in range(len(words), 0, -1):
        text = ", ".join(words[:count])
        if figure.width_of(text, points, bold=True) <= room:
            return text
    return ""
