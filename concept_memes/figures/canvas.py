"""The paper that figures are drawn on. Imports matplotlib: import it where a figure is drawn, not before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from typing import Literal

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import BboxImage
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.transforms import Bbox, TransformedBbox
from PIL import Image

from concept_memes.figures.emoji import draw_emoji, split_emoji
from concept_memes.figures.fonts import FontChoice, choose_font, clean_text
from concept_memes.figures.layout import Rect
from concept_memes.figures.wrapping import shorten

__all__ = ["PaperFigure", "Ruler"]

MEASURE_DPI = 300
# In sizes of the font: room for an emoji, the picture in it, and how far that goes above the baseline.
EMOJI_WIDTH, EMOJI_SIDE, EMOJI_RISE = 1.3, 1.1, 0.88


class Ruler:
    """Measures lines of text as they will be drawn.

    Parameters
    ----------
    font : FontChoice
        How the text is drawn.
    points : float
        Font size.

    Examples
    --------
    >>> from concept_memes.figures.fonts import choose_font
    >>> ruler = Ruler(choose_font("panda"), 10)
    >>> ruler.width("panda, bear") > ruler.width("panda") > ruler.width("") == 0
    True
    """

    def __init__(self, font: FontChoice, points: float) -> None:
        self.emoji = font.emoji
        self._font = (font.families, font.weight, points)
        self.properties = _properties(*self._font)

    def width(self, text: str) -> float:
        """Return the width of one line in inches, with room for the rounding of glyphs at other resolutions."""
        return sum(self.part_width(part, emoji) for part, emoji in split_emoji(text, self.emoji))

    def part_width(self, text: str, is_emoji: bool) -> float:
        """Return the width of a part of a line, as :func:`~concept_memes.figures.emoji.split_emoji` parts it."""
        return EMOJI_WIDTH * self._font[2] / 72 if is_emoji else _measured(text, *self._font)


def _properties(families: tuple[str, ...], weight: str, points: float) -> FontProperties:
    # Everything is said, because what is left out comes from the user's rcParams.
    return FontProperties(
        family=list(families), style="normal", variant="normal", stretch="normal", weight=weight, size=points
    )


@lru_cache(maxsize=20_000)  # pages of one collage measure the same titles
def _measured(text: str, families: tuple[str, ...], weight: str, points: float) -> float:
    renderer = RendererAgg(1, 1, MEASURE_DPI)  # type: ignore[no-untyped-call]
    properties = _properties(families, weight, points)
    width, _, _ = renderer.get_text_width_height_descent(text, properties, False)  # type: ignore[no-untyped-call]
    return 1.02 * float(width) / MEASURE_DPI


class PaperFigure(Figure):
    r"""A figure outside pyplot's list of open figures: freed with its last reference, shown by notebooks as a PNG.

    What matters to its look is set here, so that it does not depend on the rcParams of the one who draws. Places are
    given in inches from the upper left corner, or in what `scale` makes of them.

    Parameters
    ----------
    width, height : float
        Size in inches, at 100 dots per inch.
    background : str
        Colour of the paper.
    scale : float
        Inches per unit of length in all that is drawn, and factor for letters and lines: a figure that was planned for
        another size is drawn as it was planned.

    Attributes
    ----------
    missing : str
        Characters that no installed font has, of all that was written so far; for
        :func:`~concept_memes.figures.fonts.warn_missing`.

    Examples
    --------
    >>> PaperFigure(1, 1)._repr_png_()[:4]
    b'\x89PNG'
    """

    def __init__(self, width: float, height: float, background: str = "white", *, scale: float = 1.0) -> None:
        super().__init__(
            figsize=(width, height), dpi=100, facecolor=background, edgecolor=background, linewidth=0, frameon=True
        )
        self.missing = ""
        self.scale = scale
        self.set_layout_engine("none")
        FigureCanvasAgg(self)
        # An artist and not only the figure's patch, so that "tight" boxes (the default of notebooks) keep the margins.
        self.add_artist(Rectangle((0, 0), 1, 1, facecolor=background, edgecolor="none", zorder=-2, gid="paper"))

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=self.dpi, facecolor="auto", edgecolor="auto", transparent=False)
        return buffer.getvalue()

    def add_card(self, rect: Rect, *, color: str, edge: str, scale: float, gid: str) -> None:
        """Draw a card with rounded corners under everything else."""
        x, y, width, height = self._fractions(rect)
        figure_width, figure_height = self.get_size_inches()
        card = FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={0.06 * scale / figure_width}",
            mutation_aspect=figure_width / figure_height,
            facecolor=color,
            edgecolor=edge,
            linewidth=0.8 * scale,
            transform=self.transFigure,
            zorder=-1,
            gid=gid,
        )
        self.add_artist(card)

    def add_picture(self, rect: Rect, picture: Image.Image, *, gid: str) -> None:
        """Draw a picture. Not as axes: 200 of them would take seconds, and there is nothing to measure."""
        box = TransformedBbox(Bbox.from_bounds(*self._fractions(rect)), self.transFigure)
        artist = BboxImage(box, interpolation="auto", origin="upper", gid=gid)
        artist.set_data(np.asarray(picture))
        self.add_artist(artist)

    def add_box(self, rect: Rect, *, color: str, gid: str, edge: str = "none", line: float = 0.0) -> None:
        """Draw a rectangle over cards and under texts."""
        x, y, width, height = self._fractions(rect)
        line *= self.scale
        box = Rectangle((x, y), width, height, facecolor=color, edgecolor=edge, linewidth=line, zorder=0, gid=gid)
        self.add_artist(box)

    def add_path(
        self, points: Sequence[tuple[float, float]], *, color: str, line: float, gid: str, above: bool = False
    ) -> None:
        """Draw a line through points, with round joints, under texts; above or under boxes and pictures."""
        width, height = self.get_size_inches()
        path = Line2D(
            [x * self.scale / width for x, _ in points],
            [1 - y * self.scale / height for _, y in points],
            color=color,
            linewidth=line * self.scale,
            linestyle="-",
            marker="",
            solid_joinstyle="round",
            solid_capstyle="round",
            transform=self.transFigure,
            zorder=0.5 if above else -0.5,
            gid=gid,
        )
        self.add_artist(path)

    def label(
        self,
        rect: Rect,
        text: str,
        points: float,
        *,
        color: str,
        gid: str,
        bold: bool = False,
        align: Literal["left", "center", "right"] = "left",
        keep: Literal["start", "end"] = "start",
    ) -> float:
        """Write one line of any text, down the middle of a rectangle and cut with an ellipsis where it is too long.

        Returns
        -------
        float
            Width of what was written.
        """
        font = choose_font(clean_text(text), bold=bold)
        ruler = self.ruler(font, points)
        line = shorten(font.text, rect.width * self.scale, ruler.width, keep=keep)
        if line:
            self.missing += font.missing
            # Capitals are a good 0.7 of the size, and stand with their feet on the baseline.
            top = rect.y + (rect.height - points * 1.27 / 72) / 2
            self.write(Rect(rect.x, top, rect.width, rect.height), line, ruler, color=color, gid=gid, align=align)
        return ruler.width(line) / self.scale

    def ruler(self, font: FontChoice, points: float) -> Ruler:
        """Return what measures text of a size, in inches, as this figure draws it."""
        return Ruler(font, points * self.scale)

    def width_of(self, text: str, points: float, *, bold: bool = False) -> float:
        """Return how wide a label of a text would be."""
        font = choose_font(clean_text(text), bold=bold)
        return self.ruler(font, points).width(font.text) / self.scale

    def write(
        self,
        rect: Rect,
        text: str,
        ruler: Ruler,
        *,
        color: str,
        gid: str,
        align: Literal["left", "center", "right"] = "left",
    ) -> None:
        """Write one line at the top of a rectangle, word for word: dollars and underscores start no formulas."""
        points = ruler.properties.get_size_in_points() / self.scale
        parts = split_emoji(text, ruler.emoji)
        if len(parts) == 1 and not parts[0][1]:
            x = rect.x + {"left": 0.0, "center": 0.5, "right": 1.0}[align] * rect.width
            self._write_part(x, rect.y, text, ruler, color=color, gid=gid, align=align)
            return
        x = rect.x + {"left": 0.0, "center": 0.5, "right": 1.0}[align] * (rect.width - ruler.width(text) / self.scale)
        for part, is_emoji in parts:
            width = ruler.part_width(part, is_emoji) / self.scale
            if is_emoji:
                side, top = EMOJI_SIDE * points / 72, rect.y + (1 - EMOJI_RISE) * points / 72
                at = Rect(x + (width - side) / 2, top, side, side)
                self.add_picture(at, draw_emoji(part), gid=f"{gid}-emoji")
            else:
                self._write_part(x, rect.y, part, ruler, color=color, gid=gid, align="left")
            x += width

    def _write_part(self, x: float, top: float, text: str, ruler: Ruler, *, color: str, gid: str, align: str) -> None:
        width, height = self.get_size_inches()
        # Lines side by side share a baseline, whichever letters and fonts they have: few rise above their size.
        ascent = ruler.properties.get_size_in_points() / 72
        self.text(
            x * self.scale / width,
            1 - (top * self.scale + ascent) / height,
            text,
            fontproperties=ruler.properties,
            color=color,
            horizontalalignment=align,
            verticalalignment="baseline",
            parse_math=False,
            usetex=False,
            gid=gid,
        )

    def _fractions(self, rect: Rect) -> tuple[float, float, float, float]:
        """Turn units from the upper left into fractions of the figure from the lower left."""
        width, height = self.get_size_inches() / self.scale
        return rect.x / width, 1 - (rect.y + rect.height) / height, rect.width / width, rect.height / height
