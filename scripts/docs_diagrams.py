"""Draw the figures of "How it works": what happens to real vectors of the sample pictures, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from numpy.typing import NDArray

from concept_memes import ConceptModel
from concept_memes.centring import centre_vectors
from concept_memes.clustering import N_NEIGHBORS
from concept_memes.concepts import ConceptSet
from concept_memes.exemplars import pick_exemplars
from concept_memes.figures.themes import Theme
from concept_memes.loading import load_image
from concept_memes.neighbor_graph import fuzzy_graph
from concept_memes.neighbors import nearest_neighbors
from concept_memes.smoothing import principal_coordinates, smooth_vectors

__all__ = ["draw_exemplars", "draw_pictures", "draw_smoothing", "draw_words"]

Place: TypeAlias = Sequence[float] | NDArray[np.floating]

COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#b279a2", "#9d755d", "#72b7b2", "#eeca3b")


def draw_pictures(model: ConceptModel, theme: Theme, n_concepts: int = 8) -> Figure:
    """Draw the pictures of a few concepts on the two main axes of their vectors."""
    fitted = model.concepts_
    chosen = np.flatnonzero((fitted.labels >= 0) & (fitted.labels < n_concepts))
    places = _on_two_axes(centre_vectors(fitted.vectors, fitted.centre, fitted.blocks)[chosen])
    figure, (axes,) = _paper(1, (9, 6), theme)
    low, high = places.min(axis=0), places.max(axis=0)
    margin = 0.06 * (high - low)
    axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    for index, place in zip(chosen, places, strict=True):
        _put(axes, fitted, int(index), place)
    return figure


def draw_smoothing(model: ConceptModel, theme: Theme, n_concepts: int = 8) -> Figure:
    """Draw the pictures of a few concepts before and after smoothing, on their two main axes."""
    fitted = model.concepts_
    centred = centre_vectors(fitted.vectors, fitted.centre, fitted.blocks)
    smooth = smooth_vectors(centred, fuzzy_graph(*nearest_neighbors(centred, centred, N_NEIGHBORS)))
    chosen = np.flatnonzero((fitted.labels >= 0) & (fitted.labels < n_concepts))
    figure, panels = _paper(2, (9, 4.4), theme)
    for axes, vectors, title in zip(panels, (centred, smooth), ("as they come", "after smoothing"), strict=True):
        places = _on_two_axes(vectors[chosen])
        colours = [COLOURS[label] for label in fitted.labels[chosen]]
        axes.scatter(*places.T, c=colours, s=34, alpha=0.75, linewidths=0)
        axes.margins(0.08)
        axes.set_title(title, color=theme.ink, fontsize=13, pad=8)
    return figure


def draw_exemplars(model: ConceptModel, theme: Theme, concept: int, diversities: Sequence[float]) -> Figure:
    """Draw the exemplars of a concept at several diversities, a row for each."""
    fitted, n = model.concepts_, 6
    members = fitted.members(concept)
    centred = centre_vectors(fitted.vectors, fitted.centre, fitted.blocks)[members]
    keys = [fitted.images[index].content_hash for index in members]
    figure, rows = _paper(len(diversities), (9, 1.45 * len(diversities)), theme, across=False)
    for axes, diversity in zip(rows, diversities, strict=True):
        shown, _ = pick_exemplars(
            centred,
            fitted.centroids[concept],
            fitted.probabilities[members],
            keys,
            n_exemplars=n,
            diversity=diversity,
        )
        axes.set(xlim=(-1.6, n - 0.4), ylim=(-0.5, 0.5))
        axes.text(-1.5, 0, f"diversity\n{diversity:g}", color=theme.ink, fontsize=12, va="center")
        for k, row in enumerate(shown):
            _put(axes, fitted, int(members[row]), (k, 0), side=96)
    return figure


def draw_words(model: ConceptModel, theme: Theme, n_concepts: int = 4) -> Figure:
    """Draw how sure the words of a few concepts are."""
    fitted = model.concepts_
    several = sorted(fitted.concepts, key=lambda concept: -len(concept.words))[:n_concepts]
    n_words = max(len(concept.words[:5]) for concept in several)
    figure, panels = _paper(n_concepts, (9, 0.42 * n_words + 1.7), theme)
    for axes, concept in zip(panels, several, strict=True):
        words, sure = concept.words[:5], concept.word_confidences[:5]
        axes.set(xlim=(0, 1), ylim=(n_words + 0.1, -2.1))
        for k, exemplar in enumerate(concept.exemplars[:2]):
            _put(axes, fitted, exemplar, (0.2 + 0.42 * k, -1.15), side=66)
        for k, (word, confidence) in enumerate(zip(words, sure, strict=True)):
            axes.barh(k + 0.3, 1, height=0.2, color=theme.track)
            axes.barh(k + 0.3, confidence, height=0.2, color=theme.accent)
            axes.text(0, k + 0.02, word, color=theme.ink, fontsize=10.5, va="center")
            axes.text(1, k + 0.02, f"{confidence:.2f}", color=theme.muted, fontsize=9, va="center", ha="right")
    return figure


def _on_two_axes(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    return principal_coordinates((vectors - vectors.mean(axis=0)).astype(np.float32))[:, :2]


def _paper(n: int, size: tuple[float, float], theme: Theme, *, across: bool = True) -> tuple[Figure, list[Axes]]:
    figure = Figure(size, dpi=130, facecolor=theme.paper, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.14, h_pad=0.08)
    FigureCanvasAgg(figure)
    panels = figure.subplots(*((1, n) if across else (n, 1)), squeeze=False).ravel().tolist()
    for axes in panels:
        axes.set_facecolor(theme.paper)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure, panels


def _put(axes: Axes, fitted: ConceptSet, index: int, place: Place, side: int = 42) -> None:
    thumbnail = load_image(fitted.source_of(index))
    thumbnail.thumbnail((2 * side, 2 * side))
    picture = OffsetImage(np.asarray(thumbnail), zoom=0.36, dpi_cor=True)
    axes.add_artist(AnnotationBbox(picture, (float(place[0]), float(place[1])), frameon=False, pad=0))
