"""Drawn templates with captions, and copies of them, for tests: no files, no fonts but matplotlib's own.

A template is a picture of soft hills with some shapes on them; what it looks like depends on its number alone.
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

SIZE = (320, 240)


@lru_cache(maxsize=64)
def _drawn(number: int, size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng([number, 77])
    coarse = rng.integers(20, 236, (6, 8, 3)).astype(np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    width, height = size
    for _ in range(9):
        x, y = rng.integers(0, width), rng.integers(0, height)
        across, down = rng.integers(width // 12, width // 4), rng.integers(height // 12, height // 4)
        color = tuple(int(c) for c in rng.integers(0, 256, 3))
        box = (int(x - across), int(y - down), int(x + across), int(y + down))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)(box, fill=color)
    return image.filter(ImageFilter.GaussianBlur(0.7))


def template(number: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw a template; another number gives another picture."""
    return _drawn(number, size).copy()


def captioned(image: Image.Image, text: str, *, at_top: bool = False) -> Image.Image:
    """Write white letters with a black outline, as memes have them."""
    image = image.copy()
    font = ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf"), image.height // 9)
    place = (image.width / 2, image.height * (0.03 if at_top else 0.97))
    anchor = "ma" if at_top else "md"
    ImageDraw.Draw(image).text(
        place, text.upper(), font=font, anchor=anchor, fill="white", stroke_width=2, stroke_fill="black"
    )
    return image


def variant(number: int, text: str = "", size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw a template with a caption, or without one."""
    image = template(number, size)
    return captioned(image, text) if text else image


def recompressed(image: Image.Image, quality: int = 50) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def resized(image: Image.Image, scale: float = 0.6) -> Image.Image:
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def bordered(image: Image.Image, share: float = 0.08, color: str = "white") -> Image.Image:
    return ImageOps.expand(image, round(share * min(image.size)), color)


def cropped(image: Image.Image, share: float = 0.1) -> Image.Image:
    across, down = round(share / 2 * image.width), round(share / 2 * image.height)
    return image.crop((across, down, image.width - across, image.height - down))
