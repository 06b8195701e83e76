"""The map: a point per picture, near ones near, coloured and labelled by concept, through DataMapPlot."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from concept_memes.concepts import Concept, ConceptSet
from concept_memes.errors import InvalidParameterError, MissingExtraError
from concept_memes.figures.checks import check_figsize
from concept_memes.figures.fonts import choose_font, clean_text, warn_missing
from concept_memes.figures.footer import BETWEEN, count_of, none_counts, write_footer
from concept_memes.figures.layout import FOOTER, HEAD_POINTS, MARGIN, PADDING, Rect, scale_to
from concept_memes.figures.messages import draw_message
from concept_memes.figures.themes import Theme, ThemeName, find_theme
from concept_memes.figures.wrapping import fit_lines
from concept_memes.protocols import IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from concept_memes.figures.canvas import PaperFigure

__all__ = ["draw_map"]

Points = npt.NDArray[np.float64]

# Inches, in a figure whose size is not given.
WIDTH, HEIGHT, HEAD = 11.0, 9.4, 0.5
# DataMapPlot's glow around a point reaches a quarter, in units of the data: a hundredth of the map.
EXTENT = 25.0
# More labels than these leave no room between them; the largest concepts have them.
MOST_LABELS = 60
# DataMapPlot puts labels on rings around the map, and wants several of them.
LEAST_LABELS = 3
LABEL_WIDTH, LABEL_LINES, LABEL_POINTS = 1.35, 3, (7.0, 11.0)
# How far beyond the farthest point the first ring is, as a share of the map.
LABEL_DISTANCE = 0.14
# Of so many points all are large, of very many all are small.
POINT_AREA, LARGEST_POINT, SMALLEST_POINT = 24_000.0, 60.0, 1.5
MOST_OPAQUE, LEAST_OPAQUE = 0.9, 0.35
TONES = ((0.72, 0.72), (0.55, 0.85), (0.80, 0.58))
TONES_ON_DARK = ((0.50, 0.95), (0.66, 0.85), (0.42, 0.80))


def draw_map(
    concept_set: ConceptSet,
    *,
    title: str | None = None,
    figsize: tuple[float, float] | None = None,
    theme: ThemeName = "light",
) -> Figure:
    """Draw the collection as a map.

    The first call in a process takes some seconds, in which DataMapPlot is loaded.

    Parameters
    ----------
    concept_set : ConceptSet
        With positions; :func:`concept_memes.projection.project` makes them.
    title : str or None
        None counts what is seen.
    figsize : tuple of float or None
        Width and height in inches.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; notebooks show it. Pictures in no concept are grey; of more than 60 concepts the largest
        have labels.

    Raises
    ------
    MissingExtraError
        Without the extra "map".
    InvalidParameterError
        For values that cannot be, and for a set without positions.

    Warns
    -----
    AdjustedWarning
        Where no installed font has some characters of the labels; a box stands for each.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"])
    >>> figure = model.fit(color_images(["red", "blue"], 6)).visualize_map()
    >>> figure.texts[0].get_text()
    '12 images in 2 concepts'
    """
    colors = find_theme(theme)
    check_figsize(figsize)
    if concept_set.positions is None:
        raise InvalidParameterError(
            "concept_set", concept_set, "a set with positions: replace(concept_set, positions=project(concept_set))"
        )
    render_plot = _datamapplot()
    rows = np.flatnonzero(np.isfinite(concept_set.positions).all(axis=1))
    if not len(rows):
        return draw_message(concept_set, colors, figsize, head="No map", body="No image could be read.")
    from concept_memes.figures.canvas import PaperFigure

    (width, height), scale = scale_to((WIDTH, HEIGHT), figsize)
    figure = PaperFigure(width * scale, height * scale, colors.paper, scale=scale)
    head = Rect(MARGIN, MARGIN - 0.06, width - 2 * MARGIN, HEAD - 0.2)
    n_none, n_skipped = none_counts(concept_set)
    counts = [count_of(len(concept_set.labels) - n_skipped, "image"), count_of(len(concept_set), "concept")]
    figure.label(head, title or " in ".join(counts), HEAD_POINTS, color=colors.ink, gid="head", bold=True)
    card = Rect(MARGIN, MARGIN + HEAD, width - 2 * MARGIN, height - 2 * MARGIN - HEAD - 0.5 * FOOTER)
    figure.add_card(card, color=colors.card, edge=colors.card_edge, scale=scale, gid="card")
    inside = Rect(card.x + PADDING, card.y + PADDING, card.width - 2 * PADDING, card.height - 2 * PADDING)
    with _matplotlib_defaults():
        axes = figure.add_axes(figure._fractions(inside), gid="map")
        _draw_points(figure, axes, concept_set, rows, colors, render_plot)
    # The axes come with a ground, ticks and a frame; the card has all that is needed.
    axes.set_facecolor("none")
    figure.set_facecolor(colors.paper)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if n_none:
        counts.append(f"{n_none:,} in none")
    if n_skipped:
        counts.append(f"{n_skipped:,} not readable")
    footer = Rect(MARGIN, height - MARGIN * 0.5 - FOOTER, width - 2 * MARGIN, FOOTER)
    write_footer(figure, footer, concept_set, colors, counts=BETWEEN.join(counts))
    warn_missing(figure.missing)
    return figure


def _datamapplot() -> Callable[..., Any]:
    try:
        from datamapplot import render_plot
    except ImportError as error:
        raise MissingExtraError(
            'Maps are drawn by DataMapPlot, which is not installed. Install it with: pip install "concept-memes[map]"'
        ) from error
    drawing: Callable[..., Any] = render_plot
    return drawing


@contextmanager
def _matplotlib_defaults() -> Iterator[None]:
    """Draw with matplotlib's own settings, whatever the user's are; those come back afterwards."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def _draw_points(
    figure: PaperFigure,
    axes: Axes,
    concept_set: ConceptSet,
    rows: IntArray,
    theme: Theme,
    render_plot: Callable[..., Any],
) -> None:
    """Draw points, glow and labels into the axes."""
    assert concept_set.positions is not None
    points = concept_set.positions[rows].astype(np.float64) * EXTENT
    labels = concept_set.labels[rows]
    placed = [concept for concept in concept_set.concepts if (labels == concept.index).any()]
    middles = np.array([points[labels == concept.index].mean(axis=0) for concept in placed]).reshape(-1, 2)
    palette = dict(zip([concept.index for concept in placed], _colors(points, middles, theme), strict=True))
    point_colors = [palette.get(int(label), theme.line) for label in labels]
    size = float(np.clip(POINT_AREA / len(rows), SMALLEST_POINT, LARGEST_POINT)) * figure.scale**2
    opacity = float(np.clip(2.5 - 0.5 * math.log10(len(rows)), LEAST_OPAQUE, MOST_OPAQUE))
    largest = sorted(placed, key=lambda concept: -concept.size)[:MOST_LABELS]
    texts, families = _texts(figure, largest)
    if len(largest) < LEAST_LABELS:
        axes.scatter(points[:, 0], points[:, 1], c=point_colors, s=size, alpha=opacity, edgecolors="none", gid="points")
        _write_above(figure, axes, largest, texts, points, labels, palette, families)
        return
    from matplotlib.colors import to_hex, to_rgb
    from matplotlib.text import Annotation

    anchors = np.array([_heart(points[labels == concept.index]) for concept in largest])
    ink = np.array(to_rgb(theme.ink))
    own = [palette[concept.index] for concept in largest]
    radius = float(np.linalg.norm(points - anchors.mean(axis=0), axis=1).max())
    render_plot(
        points,
        point_colors,
        texts,
        anchors,
        np.array([concept.size for concept in largest]),
        noise_color=theme.line,
        label_text_colors=[to_hex(tuple(0.45 * np.array(to_rgb(color)) + 0.55 * ink)) for color in own],
        label_arrow_colors=[theme.line] * len(own),
        highlight_colors=own,
        font_family=list(families),
        use_system_fonts=True,
        label_font_size=_label_points(len(largest)) * figure.scale,
        label_linespacing=1.15,
        label_base_radius=radius + LABEL_DISTANCE * EXTENT,
        arrowprops={"linewidth": 0.7 * figure.scale},
        add_glow=len(placed) <= MOST_LABELS,
        point_size=size,
        alpha=opacity,
        figsize=tuple(figure.get_size_inches()),
        dpi=figure.dpi,
        darkmode=theme.name == "dark",
        force_matplotlib=True,  # its other way compiles for half a minute
        ax=axes,
    )
    axes.collections[0].set_gid("points")
    for text in list(axes.texts):  # it leaves behind, unseen, what it has measured labels with
        if not isinstance(text, Annotation):
            text.remove()
    for concept, text in zip(largest, axes.texts, strict=True):
        text.set_gid(f"concept-{concept.index}-label")


def _heart(points: Points) -> Points:
    """Return the point that is nearest to the median: a mean may lie where there is nothing."""
    nearest: Points = points[np.linalg.norm(points - np.median(points, axis=0), axis=1).argmin()]
    return nearest


def _colors(points: Points, middles: Points, theme: Theme) -> list[str]:
    """Give concepts colours that change with the direction from the middle of the map."""
    if not len(middles):
        return []
    from matplotlib.colors import hsv_to_rgb, to_hex

    apart = middles - points.mean(axis=0)
    angles = np.arctan2(apart[:, 1], apart[:, 0])
    # By rank: concepts that crowd in one direction shall differ all the same.
    hues = (np.argsort(np.argsort(angles, kind="stable")) / len(middles)) % 1.0
    return [to_hex(tuple(hsv_to_rgb((hue, *_tone(place, theme))))) for place, hue in enumerate(hues)]


def _tone(place: int, theme: Theme) -> tuple[float, float]:
    """Return saturation and value, in turn, so that concepts side by side in the circle of hues differ."""
    return (TONES_ON_DARK if theme.name == "dark" else TONES)[place % len(TONES)]


def _label_points(n_labels: int) -> float:
    smallest, largest = LABEL_POINTS
    return max(smallest, largest - max(0, n_labels - 12) * 0.06)


def _texts(figure: PaperFigure, concepts: Sequence[Concept]) -> tuple[list[str], tuple[str, ...]]:
    """Return a label of a few lines per concept, no two alike, and font families that have their characters."""
    texts: list[str] = []
    families: dict[str, None] = {}
    for concept in concepts:
        font = choose_font(clean_text(concept.title))
        figure.missing += font.missing
        families |= dict.fromkeys(font.families)
        measure = figure.ruler(font, _label_points(len(concepts))).width
        text = "\n".join(fit_lines(font.text, LABEL_WIDTH * figure.scale, LABEL_LINES, measure))
        text = text.replace("$", r"\$")  # no formulas
        texts.append(f"{text} #{concept.index}" if text in texts else text)
    return texts, tuple(families) or ("DejaVu Sans",)


def _write_above(
    figure: PaperFigure,
    axes: Axes,
    concepts: Sequence[Concept],
    texts: Sequence[str],
    points: Points,
    labels: IntArray,
    palette: dict[int, str],
    families: Sequence[str],
) -> None:
    """Write labels over their concepts, where there are too few for rings around the map."""
    for concept, text in zip(concepts, texts, strict=True):
        own = points[labels == concept.index]
        axes.annotate(
            text,
            (float(own[:, 0].mean()), float(own[:, 1].max())),
            xytext=(0, 10 * figure.scale),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=palette[concept.index],
            fontsize=LABEL_POINTS[1] * figure.scale,
            fontfamily=list(families),
            gid=f"concept-{concept.index}-label",
        )
    axes.margins(0.12)
    low, high = points.min(axis=0), points.max(axis=0)
    if (high - low).max() < 1e-6 * EXTENT:  # one place: the limits would be a hair's width apart
        axes.set(xlim=(low[0] - 1, low[0] + 1), ylim=(low[1] - 1, low[1] + 1))
