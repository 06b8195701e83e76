"""A small set of concepts that looks the same everywhere, for tests of figures and their image baselines.

Pictures are drawn: no files, no network, no model. Words have only characters that DejaVu Sans has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from matplotlib.transforms import Bbox
from PIL import Image, ImageDraw

from concept_memes.centring import unit
from concept_memes.concepts import Concept, ConceptSet, ImageRecord, SkippedImage

Words = tuple[str, ...]

SHAPES: tuple[tuple[Words, int], ...] = (
    (("red circle", "ball", "sun"), 9),
    (("blue square", "window"), 7),
    (("green triangle", "tent", "mountain"), 6),
    (("violet star",), 4),
    (("orange ring", "life belt"), 3),
)
COLORS = ("#d1495b", "#30638e", "#3a7d44", "#7b4fa3", "#e08e2b")
GROUNDS = ("#fbe9e7", "#e3eef6", "#ffffff", "#efe8f5", "#fdf3e3")
# Wide, square and high pictures: letterboxes are part of how figures look.
SIZES = ((120, 80), (90, 90), (80, 120))
N_DIMS = 8

# For tests that compare figures with baselines.
THEMES = pytest.mark.parametrize("theme", ["light", "dark"])
MADE_WITH = (3, 11)
DRAWN_ALIKE = [
    pytest.mark.usefixtures("only_shipped_fonts"),
    pytest.mark.skipif(
        matplotlib.__version_info__[:2] != MADE_WITH,
        reason="the pictures were made with matplotlib 3.11; others bring another FreeType, which draws other letters",
    ),
]


def compared(tolerance: float) -> pytest.MarkDecorator:
    """Mark a test whose figure is compared with its picture in ``baseline/``."""
    return pytest.mark.mpl_image_compare(
        tolerance=tolerance, savefig_kwargs={"dpi": 60}, style="default", deterministic=True
    )


def draw_shape(concept: int, number: int) -> Image.Image:
    """Draw one picture of a concept: its shape in its colour, a little different with each number."""
    size = SIZES[number % len(SIZES)]
    image = Image.new("RGB", size, GROUNDS[concept % len(GROUNDS)])
    draw, color = ImageDraw.Draw(image), COLORS[concept % len(COLORS)]
    radius = 22 + 3 * (number % 4)
    x, y = size[0] // 2 + 3 * (number % 5) - 6, size[1] // 2 + 2 * (number % 3) - 2
    box = (x - radius, y - radius, x + radius, y + radius)
    kind = concept % len(SHAPES)
    if kind == 0:
        draw.ellipse(box, fill=color)
    elif kind == 1:
        draw.rectangle(box, fill=color)
    elif kind == 2:
        draw.polygon([(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)], fill=color)
    elif kind == 3:
        angles = [math.pi * step / 5 - math.pi / 2 for step in range(10)]
        radii = [radius if step % 2 == 0 else radius * 0.45 for step in range(10)]
        draw.polygon(
            [(x + r * math.cos(a), y + r * math.sin(a)) for a, r in zip(angles, radii, strict=True)], fill=color
        )
    else:
        draw.ellipse(box, outline=color, width=9)
    return image


def shapes_set(
    shapes: Sequence[tuple[Words, int]] = SHAPES, *, n_noise: int = 3, n_skipped: int = 1, n_exemplars: int = 6
) -> ConceptSet:
    """Make a concept per (words, number of pictures), then pictures in none, then some that could not be read.

    Vectors point along one axis per concept, with concepts 0 and 1, and 2 and 3, a little nearer to each other.
    Positions are in [0, 1], concepts around a circle.
    """
    rng = np.random.default_rng(5)
    sizes = [size for _, size in shapes]
    n_images = sum(sizes) + n_noise + n_skipped
    labels = np.array([k for k, size in enumerate(sizes) for _ in range(size)] + [-1] * (n_noise + n_skipped), np.int64)
    angles = 2 * np.pi * np.arange(len(sizes)) / max(1, len(sizes))
    middles = np.stack([0.5 + 0.35 * np.cos(angles), 0.5 + 0.35 * np.sin(angles)], axis=1)
    axes = np.eye(N_DIMS)[np.arange(len(sizes)) % N_DIMS]
    axes = axes + 0.35 * axes[(np.arange(len(sizes)) ^ 1) % max(1, len(sizes))] if len(sizes) > 1 else axes
    vectors = rng.normal(0, 0.08, (n_images, N_DIMS))
    positions = rng.uniform(0.3, 0.7, (n_images, 2))
    for k in range(len(sizes)):
        rows = labels == k
        vectors[rows] += axes[k]
        positions[rows] = middles[k] + rng.normal(0, 0.035, (int(rows.sum()), 2))
    if n_skipped:
        vectors[-n_skipped:], positions[-n_skipped:] = 0, np.nan
    numbers = np.array([int((labels[:i] == label).sum()) for i, label in enumerate(labels)])
    pixels = {
        i: draw_shape(int(labels[i]) if labels[i] >= 0 else i, int(numbers[i])) for i in range(n_images - n_skipped)
    }
    unit_vectors = unit(vectors.astype(np.float32))
    centroids = np.zeros((len(sizes), N_DIMS), np.float32)
    for k in range(len(sizes)):
        centroids[k] = unit_vectors[labels == k].mean(axis=0)
    firsts = np.cumsum([0, *sizes])
    concepts = tuple(
        Concept(
            k, size, words, tuple(0.9 - 0.1 * i for i in range(len(words))),
            exemplars=tuple(range(int(firsts[k]), int(firsts[k]) + min(size, n_exemplars))),
        )
        for k, (words, size) in enumerate(shapes)
    )  # fmt: skip
    words = tuple(sorted({word for words, _ in shapes for word in words}))
    readable = unit_vectors[: n_images - n_skipped]
    return ConceptSet(
        images=tuple(ImageRecord(f"image-{i}.png", None, f"{i:08x}") for i in range(n_images)),
        labels=labels,
        probabilities=np.where(labels < 0, 0.0, 1 - 0.04 * numbers),
        vectors=unit_vectors,
        centre=readable.mean(axis=0),
        blocks=((0, N_DIMS),),
        centroids=unit(centroids),
        concepts=concepts,
        words=words,
        word_vectors=unit(rng.normal(0, 1, (len(words), N_DIMS)).astype(np.float32)),
        encoder_name="shapes",
        encoder_fingerprint="",
        skipped=tuple(SkippedImage(None, n_images - 1 - n, "damaged") for n in range(n_skipped)),
        pixels=pixels,
        positions=positions.astype(np.float32),
    )


def texts(figure: Figure, gid: str) -> list[str]:
    """Return what is written where a regular expression matches the gid."""
    return [text.get_text() for text in figure.texts if re.fullmatch(gid, text.get_gid())]


def drawn(figure: Figure, dpi: float = 100) -> np.ndarray:
    """Return the pixels of a figure, of shape (height, width, 3)."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return np.asarray(Image.open(buffer).convert("RGB"))


def box_of(figure: Figure, gid: str) -> Bbox:
    """Return where the one artist with a gid is, in pixels from the lower left."""
    (artist,) = [artist for artist in figure.get_children() if artist.get_gid() == gid]
    return artist.get_window_extent(figure.canvas.get_renderer())


def check_texts(figure: Figure, dpi: float = 100) -> None:
    """No text leaves the figure, or touches another text or a picture. Tiny letters need many dots per inch."""
    figure.set_dpi(dpi)
    renderer = figure.canvas.get_renderer()
    written = [text for text in figure.texts if text.get_text()]
    drawings = [artist for artist in figure.artists if isinstance(artist, BboxImage)]
    boxes = np.array([artist.get_window_extent(renderer).extents for artist in (*written, *drawings)])
    low, high = boxes[:, :2], boxes[:, 2:]
    overlap = ((low[:, None] < high) & (low < high[:, None])).all(axis=2)[: len(written)]
    overlap &= ~np.eye(*overlap.shape, dtype=bool)
    touching = [f"{written[i]} touches {(*written, *drawings)[j]}" for i, j in np.argwhere(overlap)[:3]]
    assert not touching, touching
    outside = (low < figure.bbox.min).any(axis=1) | (high > figure.bbox.max).any(axis=1)
    assert not outside[: len(written)].any(), [written[i] for i in np.flatnonzero(outside[: len(written)])]
