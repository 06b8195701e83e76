"""Fakes and generated pictures for the tests of those who build on this package.

Examples
--------
>>> encoder = ColorEncoder()
>>> pixels = np.stack([encoder.preprocess(image) for image in color_images(["red", "blue"], 1)])
>>> red, blue = encoder.encode_images(pixels)
>>> bool(red @ encoder.encode_texts(["red"])[0] > blue @ encoder.encode_texts(["red"])[0])
True
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from concept_memes.centring import unit
from concept_memes.protocols import FloatArray

__all__ = ["CaptionReader", "ColorEncoder", "captioned_images", "color_images", "write_color_images"]

N_LEVELS = 3

# What the lowest bits of a picture begin with if a caption follows.
CAPTION_MARK = b"\xc4\x9a\x37\x5e"


class ColorEncoder:
    """A tiny encoder that needs no weights: a picture is its colours, and a text is the colour that it names.

    It fulfils :class:`~concept_memes.protocols.ImageEncoder`, :class:`~concept_memes.protocols.TextEncoder` and
    :class:`~concept_memes.protocols.CacheableTexts`, takes microseconds, and counts how many pictures it encoded.

    Parameters
    ----------
    batch_size : int, default=16
        Pictures per call.

    Attributes
    ----------
    n_encoded : int
        Rows that went through `encode_images`, those that fill a batch up included.
    """

    name = "colors"
    n_dims = N_LEVELS**3
    image_size = (16, 16)
    blocks = (slice(0, N_LEVELS**3),)

    def __init__(self, *, batch_size: int = 16) -> None:
        self.batch_size = batch_size
        self.fingerprint = f"colors/1 batch={batch_size}"
        self.text_fingerprint = "colors-texts/1"
        self.n_encoded = 0

    def __sklearn_clone__(self) -> ColorEncoder:
        return self

    def preprocess(self, image: Image.Image) -> npt.NDArray[np.float32]:
        """Shrink to 16 x 16.

        Returns
        -------
        ndarray of shape (16, 16, 3), float32
            Values in [0, 1].
        """
        return np.asarray(image.resize(self.image_size), np.float32) / np.float32(255)

    def encode_images(self, batch: npt.NDArray[Any]) -> FloatArray:
        """Count soft colour bins.

        Returns
        -------
        ndarray of shape (n, 27), float32, unit norm
        """
        self.n_encoded += len(batch)
        return unit(soft_bins(batch.reshape(len(batch), -1, 3)).mean(axis=1))

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts: the colour that a text names; any other text gets a direction of its own, far from colours.

        Returns
        -------
        ndarray of shape (n, 27), float32, unit norm
        """
        vectors = np.zeros((len(texts), self.n_dims), np.float32)
        for i, text in enumerate(texts):
            if text.lower() in ImageColor.colormap:
                rgb = np.array(ImageColor.getrgb(text.lower())[:3], np.float32) / np.float32(255)
                vectors[i] = soft_bins(rgb[None])[0]
            else:
                seed = int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=4).digest(), "big")
                vectors[i] = -np.random.default_rng(seed).random(self.n_dims)
        return unit(vectors)


def soft_bins(colors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Spread colours (..., 3) over the corners of a cube of N_LEVELS levels per channel: (..., 27)."""
    levels = np.linspace(0, 1, N_LEVELS, dtype=np.float32)
    near = np.maximum(0, 1 - np.abs(colors[..., None] - levels) * (N_LEVELS - 1))
    cube = near[..., 0, :, None, None] * near[..., 1, None, :, None] * near[..., 2, None, None, :]
    return np.asarray(cube.reshape(*colors.shape[:-1], -1), np.float32)


def color_images(
    colors: Sequence[str], n_per_color: int, *, size: tuple[int, int] = (40, 30), seed: int = 0
) -> list[Image.Image]:
    """Draw pictures that are mostly of one colour, each a little different.

    Parameters
    ----------
    colors : sequence of str
        Names that PIL knows.
    n_per_color : int
        Pictures per colour.
    size : (int, int), default=(40, 30)
        Width and height in pixels.
    seed : int, default=0
        Of the differences.

    Returns
    -------
    list of PIL.Image.Image
        RGB; all of the first colour, then all of the second, and so on.
    """
    rng = np.random.default_rng(seed)
    images = []
    for color in colors:
        base = np.array(ImageColor.getrgb(color)[:3], np.float64)
        for _ in range(n_per_color):
            tint = base + rng.normal(0, 14, 3)
            noise = rng.normal(0, 6, (size[1], size[0], 3))
            images.append(Image.fromarray(np.clip(tint + noise, 0, 255).astype(np.uint8)))
    return images


def write_color_images(folder: Path, colors: Sequence[str], n_per_color: int, *, seed: int = 0) -> list[Path]:
    """Write the pictures of `color_images` as PNG files named ``red-00.png`` and so on.

    Parameters
    ----------
    folder : Path
        It is made if it is not there.
    colors : sequence of str
    n_per_color : int
    seed : int, default=0

    Returns
    -------
    list of Path
        In the order of `color_images`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, image in enumerate(color_images(colors, n_per_color, seed=seed)):
        path = folder / f"{colors[number // n_per_color]}-{number % n_per_color:02}.png"
        image.save(path)
        paths.append(path)
    return paths


class CaptionReader:
    r"""A tiny reader of texts that needs no models: it reads the captions that `captioned_images` hides in pixels.

    It fulfils :class:`~concept_memes.protocols.TextReader`, and counts how many pictures it read.

    Attributes
    ----------
    n_read : int
        Pictures that went through `read_text`, frames of animations counted one by one.

    Examples
    --------
    >>> reader = CaptionReader()
    >>> [reader.read_text(image) for image in captioned_images(["OVERTIME\nagain", ""])]
    ['OVERTIME\nagain', '']
    """

    name = "captions"
    fingerprint = "captions/1"

    def __init__(self) -> None:
        self.n_read = 0

    def __sklearn_clone__(self) -> CaptionReader:
        return self

    def read_text(self, image: Image.Image) -> str:
        """Return the hidden caption; "" if there is none.

        Parameters
        ----------
        image : PIL.Image.Image
            RGB, with the pixels that it was made with: PNG and lossless WebP keep them, JPEG and GIF do not.

        Returns
        -------
        str
        """
        self.n_read += 1
        data = np.packbits(np.asarray(image.convert("RGB")).ravel() & 1).tobytes()
        start = len(CAPTION_MARK) + 2
        if not data.startswith(CAPTION_MARK):
            return ""
        length = int.from_bytes(data[len(CAPTION_MARK) : start], "big")
        return data[start : start + length].decode()


def captioned_images(
    captions: Sequence[str], *, color: str = "gray", size: tuple[int, int] = (40, 30), seed: int = 0
) -> list[Image.Image]:
    """Draw pictures of one colour that say something, which `CaptionReader` reads and nobody sees.

    A picture is that of `color_images`, and the caption is in the lowest bits of its pixels: 440 bytes of UTF-8 find
    place in 40 x 30 pixels.

    Parameters
    ----------
    captions : sequence of str
        One per picture; "" for a picture without text.
    color : str, default="gray"
        A name that PIL knows.
    size : (int, int), default=(40, 30)
        Width and height in pixels.
    seed : int, default=0
        Of what makes pictures of one colour different.

    Returns
    -------
    list of PIL.Image.Image
        RGB.

    Raises
    ------
    ValueError
        If a caption is too long for the size.
    """
    images = []
    for caption, image in zip(captions, color_images([color], len(captions), size=size, seed=seed), strict=True):
        text = caption.encode()
        bits = np.unpackbits(np.frombuffer(CAPTION_MARK + len(text).to_bytes(2, "big") + text, np.uint8))
        values = np.asarray(image).copy()
        if len(bits) > values.size:
            raise ValueError(f"a caption of {len(text)} bytes does not fit into {size[0]} x {size[1]} pixels")
        flat = values.reshape(-1)
        if caption:
            flat[: len(bits)] = flat[: len(bits)] & 0xFE | bits
        images.append(Image.fromarray(values))
    return images
