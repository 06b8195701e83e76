"""What a layer of the network responds to in a picture: the channels that respond most, as maps of heat."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.errors import InvalidParameterError
from concept_memes.figures.attention import picture_tile, write_model
from concept_memes.figures.checks import check_figsize, check_whole
from concept_memes.figures.layout import FOOTER, HEAD_POINTS, MARGIN, Rect, scale_to
from concept_memes.figures.seen import HEAT, AnyImage, dimmed, layered, shown
from concept_memes.figures.themes import ThemeName, find_theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from concept_memes.protocols import ImageEncoder

__all__ = ["draw_features"]

# Inches, in a figure whose size is not given.
TILE, GAP, HEAD, NUMBER = 1.25, 0.14, 0.72, 0.22
PICTURE = 3.2
DETAIL_POINTS, NUMBER_POINTS = 9.0, 7.5
TILE_PIXELS = 224


def draw_features(
    encoder: ImageEncoder,
    image: AnyImage,
    layer: str | int | None = None,
    *,
    n_channels: int = 16,
    figsize: tuple[float, float] | None = None,
    theme: ThemeName = "light",
) -> Figure:
    """Draw what a layer responds to in a picture.

    Each tile is one channel, over the part of the picture that the encoder sees, from its lowest value (dark) to its
    highest (bright).

    Parameters
    ----------
    encoder : LayeredEncoder
        Those of this package are.
    image : str, Path, PIL.Image.Image or ndarray of uint8
        The picture.
    layer : str, int or None
        A layer by name, or by its place, negative from the end; None for the one in the middle.
    n_channels : int
        The channels whose values differ most over the picture; all where there are fewer.
    figsize : tuple of float or None
        Width and height in inches.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot; notebooks show it.

    Raises
    ------
    EncoderError
        If the encoder shows no layers.
    InvalidParameterError
        If there is no such layer; the message names all. For other values that cannot be.
    UnreadableImageError
        If the picture cannot be read.

    Examples
    --------
    >>> from concept_memes.encoders import HubFreeEncoder
    >>> figure = draw_features(HubFreeEncoder(), Image.new("RGB", (300, 200), "red"), "stem", n_channels=4)
    >>> [text.get_text() for text in figure.texts[:2]]
    ['Layer “stem”', '4 of 32 channels, those that differ most over the picture  ·  112 × 112 places']
    """
    from concept_memes.figures.canvas import PaperFigure

    colors = find_theme(theme)
    check_figsize(figsize)
    check_whole("n_channels", n_channels, 1)
    able = layered(encoder)
    name = layer_name(able.layers, layer)
    picture, small, box = shown(image, able)
    maps = able.feature_maps(picture, name)
    chosen = liveliest(maps, n_channels)
    left = picture_tile(small.size, PICTURE)
    columns = math.ceil(math.sqrt(len(chosen)))
    rows = math.ceil(len(chosen) / columns)
    grid = (columns * TILE + (columns - 1) * GAP, rows * (TILE + NUMBER) + (rows - 1) * GAP)
    natural = (2 * MARGIN + left[0] + 2 * GAP + grid[0], 2 * MARGIN + HEAD + max(left[1], grid[1]) + FOOTER)
    natural = (max(natural[0], 7.0), natural[1])
    (width, height), scale = scale_to(natural, figsize)
    figure = PaperFigure(width * scale, height * scale, colors.paper, scale=scale)
    head = Rect(MARGIN, MARGIN - 0.06, width - 2 * MARGIN, 0.32)
    figure.label(head, f"Layer “{name}”", HEAD_POINTS, color=colors.ink, gid="head", bold=True)
    _, tall, wide = maps.shape
    which = f"{len(chosen)} of {len(maps):,} channels, those that differ most over the picture"
    detail = Rect(MARGIN, head.y + 0.32, head.width, 0.24)
    says = f"{which}  ·  {wide} × {tall} places"
    figure.label(detail, says, DETAIL_POINTS, color=colors.muted, gid="shape")
    figure.add_picture(Rect(MARGIN, MARGIN + HEAD, *left), dimmed(small, box, colors.paper), gid="image")
    start = MARGIN + left[0] + 2 * GAP
    for place, channel in enumerate(chosen):
        x = start + place % columns * (TILE + GAP)
        y = MARGIN + HEAD + place // columns * (TILE + NUMBER + GAP)
        figure.add_picture(Rect(x, y, TILE, TILE), as_heat(maps[channel]), gid=f"channel-{channel}")
        below = Rect(x, y + TILE, TILE, NUMBER)
        figure.label(below, f"{channel}", NUMBER_POINTS, color=colors.muted, gid=f"channel-{channel}-number")
    footer = Rect(MARGIN, height - MARGIN * 0.5 - FOOTER, width - 2 * MARGIN, FOOTER)
    write_model(figure, footer, encoder.name, colors)
    return figure


def layer_name(layers: Sequence[str], layer: str | int | None) -> str:
    """Find a layer by name or place.

    Examples
    --------
    >>> layer_name(("stem", "block 1", "head"), None), layer_name(("stem", "block 1", "head"), -1)
    ('block 1', 'head')
    """
    if layer is None:
        return layers[len(layers) // 2]
    if isinstance(layer, int | np.integer) and not isinstance(layer, bool) and -len(layers) <= layer < len(layers):
        return layers[layer]
    if isinstance(layer, str) and layer in layers:
        return layer
    names = ", ".join(map(repr, layers))
    raise InvalidParameterError("layer", layer, f"one of {names}, or a number from {-len(layers)} to {len(layers) - 1}")


def liveliest(maps: npt.NDArray[np.floating], n: int) -> list[int]:
    """Return the channels whose values differ most over the picture, the liveliest first.

    Examples
    --------
    >>> liveliest(np.array([[[0, 0]], [[0, 5]], [[0, 1]]]), 2)
    [1, 2]
    """
    spreads = maps.reshape(len(maps), -1).astype(np.float64).std(axis=1)
    return [int(channel) for channel in np.argsort(-spreads, kind="stable")[:n]]


def as_heat(values: npt.NDArray[np.floating]) -> Image.Image:
    """Draw a map: its lowest value dark, its highest bright; a map of one value is dark."""
    from matplotlib import colormaps

    low, high = float(values.min()), float(values.max())
    share = (values - low) / (high - low) if high > low else np.zeros(values.shape)
    heat = Image.fromarray((colormaps[HEAT](share)[..., :3] * 255).astype(np.uint8))
    side = max(heat.size)
    enlarged = (round(TILE_PIXELS * heat.width / side), round(TILE_PIXELS * heat.height / side))
    # Squares, so that one sees how many places there are.
    return heat.resize(enlarged, Image.Resampling.NEAREST if side < TILE_PIXELS else Image.Resampling.LANCZOS)
