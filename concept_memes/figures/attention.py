"""Which parts of a picture carry a text: the picture, and beside it the picture under a map of heat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from concept_memes.errors import InvalidParameterError
from concept_memes.figures.checks import check_figsize
from concept_memes.figures.fonts import warn_missing
from concept_memes.figures.layout import FOOTER, FOOTER_POINTS, GUTTER, HEAD_POINTS, MARGIN, Rect, letterbox, scale_to
from concept_memes.figures.seen import COOLEST, HEAT, HOTTEST, AnyImage, explaining, heated, shown
from concept_memes.figures.themes import Theme, ThemeName, find_theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from concept_memes.figures.canvas import PaperFigure
    from concept_memes.protocols import ImageEncoder

__all__ = ["draw_attention"]

# Inches, in a figure whose size is not given.
SIDE, HEAD, LEGEND = 4.4, 0.72, 0.42
LEAST_ROOM = 2.5  # for the words over and under pictures that are high and narrow
DETAIL_POINTS = 9.0
BAR, BAR_HEIGHT = 1.6, 0.11


def draw_attention(
    encoder: ImageEncoder,
    image: AnyImage,
    text: str,
    *,
    figsize: tuple[float, float] | None = None,
    theme: ThemeName = "light",
) -> Figure:
    """Draw which parts of a picture carry a text.

    Heat is relative: the place that speaks most for the text is brightest, however little that is. The cosine above the
    picture says how well the whole of it fits.

    Parameters
    ----------
    encoder : ExplainingEncoder
        Those of this package are.
    image : str, Path, PIL.Image.Image or ndarray of uint8
        The picture.
    text : str
        What to look for in it.
    figsize : tuple of float or None
        Width and height in inches.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; notebooks show it. What the encoder does not see of the picture is dimmed.

    Raises
    ------
    EncoderError
        If the encoder cannot tell.
    UnreadableImageError
        If the picture cannot be read.
    InvalidParameterError
        For a text without a word.

    Warns
    -----
    AdjustedWarning
        Where no installed font has some characters of the text; a box stands for each.

    Examples
    --------
    >>> from concept_memes.encoders import HubFreeEncoder
    >>> figure = draw_attention(HubFreeEncoder(), Image.new("RGB", (300, 200), "red"), "a red wall")
    >>> figure.texts[0].get_text()
    '“a red wall”'
    """
    from concept_memes.figures.canvas import PaperFigure

    colors = find_theme(theme)
    check_figsize(figsize)
    if not isinstance(text, str) or not text.strip():
        raise InvalidParameterError("text", text, "a text to look for, such as 'panda'")
    able = explaining(encoder, "which parts of a picture carry a text")
    picture, small, box = shown(image, able)
    relevance = able.relevance_map(picture, text)
    cosine = float(encoder.encode_images(np.stack([encoder.preprocess(picture)]))[0] @ able.encode_texts([text])[0])
    tile = picture_tile(small.size)
    room = max(tile[0], LEAST_ROOM)
    natural = (2 * MARGIN + 2 * room + GUTTER, 2 * MARGIN + HEAD + tile[1] + LEGEND + FOOTER)
    (width, height), scale = scale_to(natural, figsize)
    figure = PaperFigure(width * scale, height * scale, colors.paper, scale=scale)
    head = Rect(MARGIN, MARGIN - 0.06, width - 2 * MARGIN, 0.32)
    figure.label(head, f"“{text}”", HEAD_POINTS, color=colors.ink, gid="head", bold=True)
    detail = Rect(MARGIN, head.y + 0.32, head.width, 0.24)
    says = f"cosine of picture and text {cosine:.2f}"
    if not (relevance > 0).any():
        says += "  ·  no part of the picture speaks for it"
    figure.label(detail, says, DETAIL_POINTS, color=colors.muted, gid="score")
    left = (width - 2 * tile[0] - GUTTER) / 2
    for place, (gid, part) in enumerate((("image", small), ("attention", heated(small, relevance, box, colors.paper)))):
        figure.add_picture(Rect(left + place * (tile[0] + GUTTER), MARGIN + HEAD, *tile), part, gid=gid)
    legend = Rect(left + tile[0] - room, MARGIN + HEAD + tile[1], room, LEGEND)
    _draw_legend(figure, legend._replace(x=left + tile[0] + GUTTER), colors)
    if box[2] - box[0] < small.width - 1 or box[3] - box[1] < small.height - 1:
        figure.label(legend, "dimmed: not seen by the model", FOOTER_POINTS, color=colors.muted, gid="unseen")
    footer = Rect(MARGIN, height - MARGIN * 0.5 - FOOTER, width - 2 * MARGIN, FOOTER)
    write_model(figure, footer, encoder.name, colors)
    warn_missing(figure.missing)
    return figure


def picture_tile(size: tuple[int, int], side: float = SIDE) -> tuple[float, float]:
    """Return width and height in inches of a picture that fits a square.

    Examples
    --------
    >>> picture_tile((200, 100), 4.0)
    (4.0, 2.0)
    """
    _, _, width, height = letterbox(size, (1000, 1000))
    return side * width / 1000, side * height / 1000


def write_model(figure: PaperFigure, rect: Rect, name: str, theme: Theme) -> None:
    """Write the name of a model at the bottom of a figure."""
    figure.label(rect, f"model: {name}", FOOTER_POINTS, color=theme.muted, gid="model")


def _draw_legend(figure: PaperFigure, room: Rect, theme: Theme) -> None:
    """Draw the scale of heat, at the right under the picture."""
    from matplotlib import colormaps

    ramp = colormaps[HEAT](np.linspace(COOLEST, HOTTEST, 128))[None, :, :3] * 255
    most = figure.width_of("most", FOOTER_POINTS)
    width = min(BAR, room.width - most - figure.width_of("nothing", FOOTER_POINTS) - 0.2)
    bar = Rect(room.x + room.width - most - 0.08 - width, room.y + (room.height - BAR_HEIGHT) / 2, width, BAR_HEIGHT)
    figure.add_picture(bar, Image.fromarray(ramp.astype(np.uint8)), gid="scale")
    before = Rect(room.x, room.y, bar.x - room.x - 0.08, room.height)
    after = Rect(bar.x + bar.width + 0.08, room.y, most + 0.02, room.height)
    figure.label(before, "nothing", FOOTER_POINTS, color=theme.muted, gid="least", align="right")
    figure.label(after, "most", FOOTER_POINTS, color=theme.muted, gid="most")
