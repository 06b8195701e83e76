"""The last line of a figure: which model it was, and how much of the collection is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concept_memes.concepts import ConceptSet
from concept_memes.figures.fonts import choose_font, clean_text
from concept_memes.figures.layout import FOOTER_POINTS, Rect
from concept_memes.figures.themes import Theme
from concept_memes.figures.wrapping import shorten

if TYPE_CHECKING:
    from concept_memes.figures.canvas import PaperFigure

__all__ = ["BETWEEN", "count_of", "none_counts", "write_footer"]

BETWEEN = " · "


def write_footer(
    figure: PaperFigure, rect: Rect, concept_set: ConceptSet, theme: Theme, *, counts: str = "", scale: float = 1.0
) -> None:
    """Write the model at the left and, where there is room for both, counts at the right.

    Parameters
    ----------
    figure : PaperFigure
        Where to.
    rect : Rect
        Room for the line, in inches.
    concept_set : ConceptSet
        Knows the model.
    theme : Theme
        Colours.
    counts : str
        What stands at the right.
    scale : float
        Factor for the size of letters, beside that of the figure.
    """
    model = choose_font(clean_text(f"model: {concept_set.encoder_name or 'not known, the vectors were given'}"))
    figure.missing += model.missing
    points = FOOTER_POINTS * scale
    ruler, room = figure.ruler(model, points), rect.width * figure.scale
    text = shorten(model.text, room, ruler.width)
    figure.write(rect, text, ruler, color=theme.muted, gid="model")
    room -= ruler.width(text) + 0.3 * scale * figure.scale
    ruler = figure.ruler(choose_font(counts), points)
    if counts and ruler.width(counts) <= room:
        figure.write(rect, counts, ruler, color=theme.muted, gid="counts", align="right")


def count_of(number: int, noun: str) -> str:
    """Say how many there are of something.

    Examples
    --------
    >>> count_of(1, "image"), count_of(1200, "image")
    ('1 image', '1,200 images')
    """
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def none_counts(concept_set: ConceptSet) -> tuple[int, int]:
    """Count the pictures that are in no concept, and those that could not be read.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"])
    >>> none_counts(model.fit(color_images(["red", "blue"], 6)).concepts_)
    (0, 0)
    """
    n_skipped = sum(skipped.index >= 0 for skipped in concept_set.skipped)  # sub-folders stand there too, with -1
    return int((concept_set.labels < 0).sum()) - n_skipped, n_skipped
