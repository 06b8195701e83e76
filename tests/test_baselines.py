"""What figures look like, compared with pictures of them in ``baseline/`` (pytest-mpl).

After a change that is meant, look at the new pictures and keep them::

    python -m pytest tests/test_baselines.py --mpl-generate-path=tests/baseline

pytest runs with ``--mpl`` here; without it, figures are drawn and not compared.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from figuresets import DRAWN_ALIKE, SHAPES, THEMES, compared, draw_shape, shapes_set
from matplotlib.figure import Figure

from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
from concept_memes.figures.collage import draw_collage
from concept_memes.figures.frequencies import draw_frequencies
from concept_memes.figures.query import draw_query
from concept_memes.figures.themes import ThemeName
from concept_memes.figures.tree import draw_hierarchy
from concept_memes.hierarchy import Hierarchy, build_hierarchy
from concept_memes.queries import Query

# Root mean square over all channels, of 255. Drawn again it is 0; one letter of a title gives 2.6 and more, another
# grey for small print 0.8, other hinting of letters 7 to 20: that is what another FreeType would do.
BASELINE = compared(tolerance=0.5)

pytestmark = DRAWN_ALIKE


def some_gone() -> ConceptSet:
    """Return the shapes with one picture that has moved since."""
    concept_set = shapes_set()
    images = list(concept_set.images)
    images[1] = replace(images[1], name="moved away.png", path=Path("nowhere") / "moved away.png")
    return replace(concept_set, images=tuple(images), pixels={i: p for i, p in concept_set.pixels.items() if i != 1})


@BASELINE
@THEMES
def test_collage(theme: ThemeName) -> Figure:
    return draw_collage(some_gone(), theme=theme)


@BASELINE
def test_collage_of_members() -> Figure:
    return draw_collage(some_gone(), top_n=2, mode="members")


@BASELINE
def test_collage_page() -> Figure:
    return draw_collage(shapes_set((SHAPES * 5)[:23], n_exemplars=2), top_n=23, page=2)


@BASELINE
def test_collage_of_nothing() -> Figure:
    return draw_collage(shapes_set([]))


@BASELINE
@THEMES
def test_frequencies(theme: ThemeName) -> Figure:
    return draw_frequencies(shapes_set((*SHAPES, *SHAPES), n_noise=20), top_n=6, theme=theme)


@BASELINE
@THEMES
def test_hierarchy(theme: ThemeName) -> Figure:
    concept_set = some_gone()
    nodes = build_hierarchy(concept_set)
    words = tuple(replace(node, words=("shape", "drawn thing")) if node.children else node for node in nodes)
    return draw_hierarchy(concept_set, Hierarchy(words), theme=theme)


@BASELINE
@THEMES
def test_query(theme: ThemeName) -> Figure:
    concept_set = some_gone()
    images = [ImageHit(None, 0.91 - 0.02 * n, i, int(concept_set.labels[i])) for n, i in enumerate((0, 1, 9, 2, 30))]
    concepts = [ConceptHit(0, 0.4), ConceptHit(1, 0.35), ConceptHit(4, 0.1)]
    return draw_query(concept_set, Query("red") + draw_shape(0, 1) - 0.5 * Query("sun"), images, concepts, theme=theme)
