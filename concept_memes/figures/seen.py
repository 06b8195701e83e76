"""A picture with what an encoder sees of it: heat over the part that it sees, the rest dimmed."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.errors import EncoderError
from concept_memes.loading import load_image
from concept_memes.protocols import ExplainingEncoder, LayeredEncoder

__all__ = ["AnyImage", "Box", "dimmed", "explaining", "heated", "layered", "shown"]

AnyImage: TypeAlias = str | Path | Image.Image | npt.NDArray[np.uint8]
Box: TypeAlias = tuple[float, float, float, float]

# Longest side of a picture in a figure, in pixels.
LONGEST = 1000
# What the encoder does not see is so much nearer to the paper; what does not speak for the text steps back a little.
UNSEEN, QUIET = 0.78, 0.35
HEAT = "inferno"
# The darkest part of the colour map looks like shadow, and the brightest like paper.
COOLEST, HOTTEST = 0.25, 0.95
STRONGEST = 0.85


def explaining(encoder: object, what: str) -> ExplainingEncoder:
    """Check that an encoder can show what it sees.

    Raises
    ------
    EncoderError
        If it cannot; the message says which can.
    """
    if not isinstance(encoder, ExplainingEncoder):
        raise EncoderError(
            f"The encoder {getattr(encoder, 'name', encoder)!r} cannot tell {what}. Use CLIPEncoder or HubFreeEncoder, "
            "or give your encoder the members of concept_memes.protocols.ExplainingEncoder."
        )
    return encoder


def layered(encoder: object) -> LayeredEncoder:
    """Check that an encoder can show what its layers respond to.

    Raises
    ------
    EncoderError
        If it cannot; the message says which can.
    """
    if not isinstance(encoder, LayeredEncoder):
        raise EncoderError(
            f"The encoder {getattr(encoder, 'name', encoder)!r} cannot tell what its layers respond to. Use one of "
            "this package, or give yours the members of concept_memes.protocols.LayeredEncoder."
        )
    return encoder


def shown(image: AnyImage, encoder: LayeredEncoder) -> tuple[Image.Image, Image.Image, Box]:
    """Load a picture.

    Parameters
    ----------
    image : str, Path, PIL.Image.Image or ndarray of uint8
    encoder : LayeredEncoder

    Returns
    -------
    picture : PIL.Image.Image
        As large as it is, for the encoder.
    small : PIL.Image.Image
        At most 1,000 pixels long, for the figure.
    box : tuple of float
        Left, top, right and bottom of what the encoder sees, in pixels of `small`.
    """
    picture = load_image(image)
    small = picture.copy()
    small.thumbnail((LONGEST, LONGEST))
    across, down = small.width / picture.width, small.height / picture.height
    left, top, right, bottom = encoder.seen_part(picture.size)
    return picture, small, (left * across, top * down, right * across, bottom * down)


def spread(values: npt.NDArray[np.floating], box: Box, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Lay a map over the box of a picture; return a value per pixel, NaN outside the box.

    Examples
    --------
    >>> spread(np.array([[0.0, 1.0]]), (1, 0, 3, 1), (4, 1)).tolist()
    [[nan, 0.0, 1.0, nan]]
    """
    left, top, right, bottom = (round(edge) for edge in box)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    fitted = Image.fromarray(np.asarray(values, np.float32)).resize(
        (right - left, bottom - top), Image.Resampling.BILINEAR
    )
    canvas = np.full((size[1], size[0]), np.nan, np.float32)
    inside = slice(max(top, 0), min(bottom, size[1])), slice(max(left, 0), min(right, size[0]))
    cut = np.asarray(fitted)[
        inside[0].start - top : inside[0].stop - top, inside[1].start - left : inside[1].stop - left
    ]
    canvas[inside] = cut
    return canvas


def dimmed(picture: Image.Image, box: Box, paper: str) -> Image.Image:
    """Dim what lies outside the box."""
    seen = np.isfinite(spread(np.zeros((1, 1)), box, picture.size))
    return blended(picture, np.where(seen, 0.0, UNSEEN), Image.new("RGB", picture.size, paper))


def heated(picture: Image.Image, relevance: npt.NDArray[np.floating], box: Box, paper: str) -> Image.Image:
    """Lay heat over a picture: the more a place speaks for something, the brighter; what is not seen is dimmed.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB.
    relevance : ndarray of shape (h, w)
        Of the box; what is below 0 counts as 0, and the largest as full heat.
    box : tuple of float
        Left, top, right and bottom in pixels of the picture.
    paper : str
        Colour that unseen parts fade into.

    Returns
    -------
    PIL.Image.Image
    """
    from matplotlib import colormaps

    positive = np.clip(relevance, 0, None)
    # Not by cubics: they swing over 0 where nothing is.
    heat = spread(positive / max(float(positive.max()), 1e-12), box, picture.size)
    share = np.nan_to_num(heat)
    colors = colormaps[HEAT](COOLEST + (HOTTEST - COOLEST) * share)[..., :3] * 255
    grey = picture.convert("L").convert("RGB")
    quiet = blended(picture, np.full(share.shape, QUIET), grey)
    warm = blended(quiet, STRONGEST * np.sqrt(share), Image.fromarray(colors.astype(np.uint8)))
    return blended(warm, np.where(np.isnan(heat), UNSEEN, 0.0), Image.new("RGB", picture.size, paper))


def blended(below: Image.Image, share: npt.NDArray[np.floating], above: Image.Image) -> Image.Image:
    """Lay a picture over another one, in a share per pixel."""
    mask = Image.fromarray((np.clip(share, 0, 1) * 255).round().astype(np.uint8))
    return Image.composite(above, below, mask)
