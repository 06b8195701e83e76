"""Draw sample pictures: stickers of a few kinds of things, in all sizes, turns and settings.

The pictures are made from the emoji in ``stickers.ttf``, so the demo needs no download. File names say nothing about
what a picture shows; what it shows is written beside the folder, in ``FOLDER-truth.tsv``.

    python demo/make_stickers.py demo-output/stickers
"""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

Pixels = npt.NDArray[np.float32]

FONT = Path(__file__).with_name("stickers.ttf")
STRIKE = 109  # the font holds colour bitmaps of this one size
OUR_NAMES = re.compile(r"sticker_\d{4,}\.(jpg|png|webp|gif)")
TRUTH_HEADER = "file\tconcept"
NOT_CONTENT = {".DS_Store", "Thumbs.db", "desktop.ini"}  # what a file manager leaves behind

# One concept per row. Where it has several emoji, its pictures show them in turn. The network of the hub-free model
# learned from photos and does not know every drawing: these are things that it recognises (see README.md).
CONCEPTS = {
    "ambulance": "🚑",
    "bicycle": "🚲",
    "boat": "🚤🛥",
    "clock": "⏰🕰⏲",
    "coffee cup": "☕",
    "guitar": "🎸",
    "hourglass": "⌛⏳",
    "jack-o'-lantern": "🎃",
    "jigsaw puzzle": "🧩",
    "lipstick": "💄",
    "padlock": "🔒🔓🔐",
    "parachute": "🪂",
    "penguin": "🐧",
    "shopping cart": "🛒",
    "soccer ball": "⚽",
    "sunglasses": "🕶",
    "teapot": "🫖",
    "tennis racket": "🎾",
    "tractor": "🚜",
    "violin": "🎻",
}

# Quiet and strong, light and dark: a kind of thing must not be known by its background.
COLOURS = (
    "#fdf6e3", "#ffffff", "#f6d6d6", "#d8ecd0", "#cfe3f5", "#e8dcf3", "#fbe7b8", "#dfe4e8",
    "#f2a07b", "#8cc0a4", "#7fa8d9", "#b79ad1", "#e3c35c", "#56707f", "#3d4a5c", "#6b4f5e",
)  # fmt: skip
SHAPES = ((300, 300), (300, 300), (400, 290), (290, 400), (340, 300))
FORMATS = ("jpg", "jpg", "png", "webp", "gif")


def load_font(path: Path = FONT) -> ImageFont.FreeTypeFont:
    # The basic layout is in every build of Pillow; one emoji at a time needs no other.
    return ImageFont.truetype(path, STRIKE, layout_engine=ImageFont.Layout.BASIC)


def cut_out(emoji: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """Return one emoji as RGBA, cropped to what is not transparent."""
    canvas = Image.new("RGBA", (2 * STRIKE, 2 * STRIKE))
    ImageDraw.Draw(canvas).text((STRIKE // 4, STRIKE // 4), emoji, font=font, embedded_color=True)
    box = canvas.getchannel("A").getbbox()
    if box is None:
        raise SystemExit(
            f"The font has no picture of U+{ord(emoji[0]):04X}. Run demo/make_font.py, see demo/README.md."
        )
    return canvas.crop(box)


def pick_colours(rng: np.random.Generator, n: int) -> list[Pixels]:
    chosen = rng.choice(len(COLOURS), n, replace=False)
    return [np.array([int(COLOURS[i][j : j + 2], 16) for j in (1, 3, 5)], np.float32) for i in chosen]


def blend(amount: Pixels, first: Pixels, second: Pixels) -> Pixels:
    """Mix two colours: `amount` of shape (height, width) in [0, 1] -> (height, width, 3)."""
    mixed: Pixels = first + amount[..., None] * (second - first)
    return mixed


def cloud(rng: np.random.Generator, width: int, height: int) -> Pixels:
    """Smooth noise in [0, 1], coarse and fine together, like a wall or a sky out of focus."""
    total = np.zeros((height, width), np.float32)
    for cells, weight in ((3, 1.0), (7, 0.5), (16, 0.25)):
        small = Image.fromarray(rng.random((cells, cells)).astype(np.float32))
        total += weight * np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    scaled: Pixels = (total - total.min()) / np.ptp(total)
    return scaled


def background(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    kind = rng.choice(["plain", "gradient", "glow", "stripes", "dots", "photo"])
    first, second = pick_colours(rng, 2)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = rng.uniform(0, math.pi)
    along = x * math.cos(angle) + y * math.sin(angle)
    near = first + 0.25 * (second - first)  # patterns stay soft: they are the setting, not the thing
    if kind == "plain":
        pixels = np.broadcast_to(first, (height, width, 3))
    elif kind == "gradient":
        pixels = blend((along - along.min()) / np.ptp(along), first, second)
    elif kind == "glow":
        distance = np.hypot(x / width - rng.uniform(0.3, 0.7), y / height - rng.uniform(0.3, 0.7))
        pixels = blend(np.minimum(distance * 1.4, 1), first, second)
    elif kind == "stripes":
        pixels = blend(0.5 + 0.5 * np.sin(along * 2 * math.pi / rng.uniform(24, 60)), first, near)
    elif kind == "dots":
        step = rng.uniform(28, 56)
        across = y * math.cos(angle) - x * math.sin(angle)
        waves = np.cos(along * 2 * math.pi / step) + np.cos(across * 2 * math.pi / step)
        pixels = blend(np.clip(waves - 0.4, 0, 1), first, near)
    else:
        grain = 6 * rng.standard_normal((height, width, 1), np.float32)
        pixels = blend(cloud(rng, width, height), first, second) + grain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def outlined(sticker: Image.Image, width: int) -> Image.Image:
    """Put a white rim around a cut-out, as if it were printed and cut with scissors."""
    sticker = ImageOps.expand(sticker, 2 * width)
    blurred = sticker.getchannel("A").filter(ImageFilter.GaussianBlur(width))
    rim = blurred.point([min(255, max(0, 12 * (value - 24))) for value in range(256)])
    card = Image.new("RGBA", sticker.size, "white")
    card.putalpha(rim)
    return Image.alpha_composite(card, sticker)


def paste(picture: Image.Image, sticker: Image.Image, centre: tuple[float, float], *, shadow: bool) -> None:
    left, top = (round(c - side / 2) for c, side in zip(centre, sticker.size, strict=True))
    if shadow:
        margin = 16
        alpha = ImageOps.expand(sticker.getchannel("A"), margin).filter(ImageFilter.GaussianBlur(6))
        dark = ImageChops.multiply(alpha, Image.new("L", alpha.size, 100))
        picture.paste((20, 20, 30), (left - margin + 5, top - margin + 8), dark)
    picture.paste(sticker, (left, top), sticker)


def draw_sticker(emoji: str, font: ImageFont.FreeTypeFont, rng: np.random.Generator) -> Image.Image:
    """Draw one picture of `emoji`; everything but the emoji is left to chance."""
    width, height = SHAPES[rng.integers(len(SHAPES))]
    picture = background(rng, width, height)
    short = min(width, height)
    sticker = cut_out(emoji, font)
    if rng.random() < 0.5:
        sticker = ImageOps.mirror(sticker)
    rim = int(rng.integers(4, 8)) if rng.random() < 0.5 else 0
    shadow = bool(rng.random() < 0.6)
    n_copies = int(rng.choice([1, 1, 1, 1, 1, 2, 2, 3]))
    for centre, share in arrangement(rng, n_copies, width, height):
        scale = share * short / max(sticker.size)
        copy = sticker.resize([round(side * scale) for side in sticker.size], Image.Resampling.LANCZOS)
        copy = copy.rotate(rng.normal(0, 10), Image.Resampling.BICUBIC, expand=True)
        paste(picture, outlined(copy, rim) if rim else copy, centre, shadow=shadow)
    light = rng.uniform(0.85, 1.12)
    return picture.point([min(255, round(value * light)) for value in range(256)] * 3)


def arrangement(
    rng: np.random.Generator, n_copies: int, width: int, height: int
) -> list[tuple[tuple[float, float], float]]:
    """Say where the copies go (centre in pixels) and how large they are (share of the short side)."""
    short = min(width, height)
    if n_copies == 1:
        share = rng.uniform(0.6, 0.88)
        slack = (0.92 - share) / 2 * short
        x, y = rng.uniform(-slack, slack, 2)
        return [((width / 2 + x, height / 2 + y), share)]
    # Copies stand on a ring around the middle, so that they touch but hide little of each other.
    turn = rng.uniform(0, 2 * math.pi)
    share, radius = {2: (0.52, 0.25), 3: (0.46, 0.27)}[n_copies]
    places = []
    for angle in (turn + 2 * math.pi * i / n_copies for i in range(n_copies)):
        x, y = radius * short * math.cos(angle), radius * short * math.sin(angle)
        places.append(((width / 2 + x, height / 2 + y), share * rng.uniform(0.85, 1.1)))
    return places


def save(picture: Image.Image, path: Path) -> None:
    if path.suffix == ".gif":
        picture = picture.quantize(256)
    picture.save(path, quality=88)  # PNG and GIF lose nothing and take no notice


def truth_file(folder: Path) -> Path:
    """Return where it is written what the pictures show: beside the folder, not in it."""
    folder = folder.resolve()
    return folder.with_name(folder.name + "-truth.tsv")


def empty_our_folder(folder: Path) -> None:
    """Make the folder, or remove what an earlier run drew there; refuse a folder with anything else in it."""
    truth = truth_file(folder)
    lines = truth.read_text(encoding="utf-8", errors="replace").splitlines() if truth.is_file() else [TRUTH_HEADER]
    if not lines or lines[0] != TRUTH_HEADER:
        raise SystemExit(f"{truth} was not written by this script. Choose another folder for the pictures.")
    if folder.exists() and not folder.is_dir():
        raise SystemExit(f"{folder} is no folder. Choose another name.")
    ours = {line.split("\t")[0] for line in lines[1:]}
    found = [path for path in folder.iterdir() if path.name not in NOT_CONTENT] if folder.exists() else []
    for path in found:
        if not (path.is_file() and path.name in ours and OUR_NAMES.fullmatch(path.name)):
            raise SystemExit(
                f"{folder} holds {path.name}, which this script did not draw; nothing was changed. "
                "Choose an empty or a new folder."
            )
    for path in found:
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)


def make_stickers(folder: Path, seed: int = 0, per_concept: int = 16) -> list[tuple[str, str]]:
    """Draw all pictures into `folder`.

    Returns
    -------
    list of (str, str)
        File name and concept of every picture, as in the truth file.
    """
    font = load_font()
    wanted = [(number, k) for number in range(len(CONCEPTS)) for k in range(per_concept)]
    # Shuffled, so that neither the order of the files nor their format tells the concept.
    order = np.random.default_rng([seed]).permutation(len(wanted))
    names = list(CONCEPTS)
    plan = [(f"sticker_{i + 1:04d}.{FORMATS[i % len(FORMATS)]}", *wanted[j]) for i, j in enumerate(order)]
    truth = [(file, names[number]) for file, number, _ in plan]
    empty_our_folder(folder)
    # First of all, because a run that is broken off must know its own pictures when it is started again.
    rows = [TRUTH_HEADER, *("\t".join(row) for row in truth)]
    truth_file(folder).write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
    for file, number, k in plan:
        emoji = CONCEPTS[names[number]]
        # A generator of its own for each picture: one more concept does not change the pictures of the others.
        rng = np.random.default_rng([seed, number, k])
        save(draw_sticker(emoji[k % len(emoji)], font, rng), folder / file)
    return truth


def whole_number(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text!r}")
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Draw sample pictures for the demo: stickers of a few kinds of things."
    )
    parser.add_argument(
        "folder", type=Path, help="where the pictures go: a new folder, an empty one, or an earlier run's"
    )
    parser.add_argument(
        "--seed", type=lambda text: whole_number(text, 0), default=0, help="other pictures (default: 0)"
    )
    parser.add_argument(
        "--per-concept", type=lambda text: whole_number(text, 1), default=16, help="pictures per concept (default: 16)"
    )
    args = parser.parse_args()
    truth = make_stickers(args.folder, args.seed, args.per_concept)
    print(f"{len(truth)} pictures of {len(CONCEPTS)} kinds of things are in {args.folder}")
    print(f"What each of them shows is in {truth_file(args.folder)}")


if __name__ == "__main__":
    main()
