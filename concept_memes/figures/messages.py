"""A figure that has nothing to draw says so in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from concept_memes.concepts import ConceptSet
from concept_memes.figures.footer import count_of, none_counts, write_footer
from concept_memes.figures.layout import LINE_HEIGHT, Rect, plan_page
from concept_memes.figures.themes import Theme

if TYPE_CHECKING:
    from concept_memes.figures.canvas import PaperFigure

__all__ = ["draw_message", "fate_of_images"]


def draw_message(
    concept_set: ConceptSet, theme: Theme, figsize: tuple[float, float] | None, *, head: str, body: str
) -> PaperFigure:
    """Draw a figure of two lines of text.

    Parameters
    ----------
    concept_set : ConceptSet
        Knows the model.
    theme : Theme
        Colours.
    figsize : tuple of float or None
        Width and height in inches.
    head, body : str
        What is to be said.

    Returns
    -------
    PaperFigure
    """
    from concept_memes.figures.canvas import PaperFigure

    page = plan_page(1, (2, 1), 1, figsize or (6.4, 3.2))
    figure = PaperFigure(page.width, page.height, theme.paper)
    top = page.height / 2 - 0.35 * page.scale
    lines = ((head, 16 * page.scale, theme.ink, "head"), (body, 10 * page.scale, theme.muted, "body"))
    for text, points, color, gid in lines:
        rect = Rect(page.footer.x, top, page.footer.width, points * LINE_HEIGHT / 72)
        figure.label(rect, text, points, color=color, gid=gid, bold=gid == "head", align="center")
        top += rect.height
    counts = f"0 of {count_of(len(concept_set), 'concept')}" if len(concept_set) else ""
    write_footer(figure, page.footer, concept_set, theme, counts=counts, scale=page.scale)
    return figure


def fate_of_images(concept_set: ConceptSet) -> str:
    """Say what became of the pictures of a set without concepts.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"])
    >>> fate_of_images(model.fit(color_images(["red"], 6)).concepts_)
    '6 images are in none.'
    """
    n_all, (_, n_skipped) = len(concept_set.labels), none_counts(concept_set)
    text = f"{count_of(n_all, 'image')} {'is' if n_all == 1 else 'are'} in none."
    return text + (f" {n_skipped:,} of them could not be read." if n_skipped else "")
