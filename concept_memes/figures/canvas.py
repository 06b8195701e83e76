"""The paper that figures are drawn on. Imports matplotlib: import it where a figure is drawn, not before."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import BboxImage
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.transforms import Bbox, TransformedBbox
from PIL import Image

from concept_memes.figures.fonts import FontChoice
from concept_memes.figures.layout import Rect

__all__ = ["PaperFigure", "Ruler"]

MEASURE_DPI = 300


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
        # Everything is said, because what is left out comes from the user's rcParams.
        self.properties = FontProperties(
            family=list(font.families),
            style="normal",
            variant="normal",
            stretch="normal",
            weight=font.weight,
            size=points,
        )
        self._renderer = RendererAgg(1, 1, MEASURE_DPI)  # type: ignore[no-untyped-call]

    def width(self, text: str) -> float:
        """Return the width of one line in inches, with room for the rounding of glyphs at other resolutions."""
        if not text:
            return 0.0
        width, _, _ = self._renderer.get_text_width_height_descent(  # type: ignore[no-untyped-call]
            text, self.properties, False
        )
        return 1.02 * float(width) / MEASURE_DPI


class PaperFigure(Figure):
    r"""A figure outside pyplot's list of open figures: freed with its last reference, shown by notebooks as a PNG.

    What matters to its look is set here, so that it does not depend on the rcParams of the one who draws. Places are
    given in inches from the upper left corner.

    Parameters
    ----------
    width, height : float
        Size in inches, at 100 dots per inch.
    background : str
        Colour of the paper.

    Examples
    --------
    >>> PaperFigure(1, 1)._repr_png_()[:4]
    b'\x89PNG'
    """

    def __init__(self, width: float, height: float, background: str = "white") -> None:
        super().__init__(
            figsize=(width, height), dpi=100, facecolor=background, edgecolor=background, linewidth=0, frameon=True
        )
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
        x, y, width, height = self._fractions(rect)
        # Lines side by side share a baseline, whichever letters and fonts they have: few rise above their size.
        ascent = ruler.properties.get_size_in_points() / 72 / self.get_size_inches()[1]
        self.text(
            x + {"left": 0.0, "center": 0.5, "right": 1.0}[align] * width,
            y + height - ascent,
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
        """Turn inches from the upper left into fractions of the figure from the lower left."""
        width, height = self.get_size_inches()
        return rect.x / width, 1 - (rect.y + rect.height) / height, rect.width / width, rect.height / height
