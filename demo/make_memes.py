"""Draw a heap of memes: a few templates with captions, and copies of them as they go around.

A template is a thing on a background, and what people write on it is about one topic; each topic is written on two
templates. Of each picture there are copies: made smaller, compressed harder, with a border, with a site's name,
mirrored, and the very same file once more. A few pictures are nothing but themselves. What each file is stands beside
the folder, in ``FOLDER-truth.tsv``.

    python demo/make_memes.py demo-output/memes
"""

from __future__ import annotations

import argparse
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from make_stickers import background, cut_out, draw_sticker, load_font, truth_file, whole_number
from PIL import Image, ImageDraw, ImageFont, ImageOps

# What is written above and below. Each line of a topic has its word, so that the word can be looked for.
TOPICS = {
    "monday": (
        ("IT IS MONDAY", "AGAIN"),
        ("WHEN MONDAY COMES", "TWICE A WEEK"),
        ("NOBODY LOVES", "A MONDAY AT SIX"),
        ("MONDAY CALLED", "I DID NOT ANSWER"),
        ("HALF OF MONDAY", "IS STILL A MONDAY"),
        ("GIVE ME ONE WEEK", "WITHOUT A MONDAY"),
    ),
    "meeting": (
        ("THIS MEETING", "WAS AN EMAIL"),
        ("MEETING AT NOON", "GOODBYE LUNCH"),
        ("FIRST A MEETING", "ABOUT THE NEXT MEETING"),
        ("MY FACE WHEN", "THE MEETING IS LATE"),
        ("WE NEED A MEETING", "NOBODY KNOWS WHY"),
        ("LAST MEETING TODAY", "THEY SAID"),
    ),
    "exam": (
        ("EXAM TOMORROW", "OPEN THE BOOK TONIGHT"),
        ("THE EXAM WAS EASY", "SAID THE TEACHER"),
        ("NO SLEEP", "ONLY EXAM"),
        ("EXAM IN AN HOUR", "WHAT IS CHAPTER ONE"),
        ("I PASSED THE EXAM", "IN MY DREAM"),
        ("ONE EXAM LEFT", "NO BRAIN LEFT"),
    ),
    "deploy": (
        ("DEPLOY ON FRIDAY", "WHAT COULD GO WRONG"),
        ("WORKS ON MY MACHINE", "DEPLOY IT"),
        ("ONE DOES NOT SIMPLY", "DEPLOY AND GO HOME"),
        ("DEPLOY FIRST", "TEST LATER"),
        ("WHO PRESSED", "DEPLOY"),
        ("WE DEPLOY AT NIGHT", "LIKE COWARDS"),
    ),
    "diet": (
        ("DIET STARTS TODAY", "AFTER THE CAKE"),
        ("MY DIET AND I", "ARE ON A BREAK"),
        ("DAY ONE OF THE DIET", "WHERE IS EVERYONE"),
        ("COFFEE IS A DIET", "TRUST ME"),
        ("I TOLD MY DIET", "IT IS A BIRTHDAY"),
        ("A DIET OF CHEESE", "AND MORE CHEESE"),
    ),
}
TEMPLATES = {
    "⏰": "monday", "🐧": "monday", "🫖": "meeting", "🎸": "meeting", "🎃": "exam",
    "🕶": "exam", "🚜": "deploy", "🚤": "deploy", "☕": "diet", "🎾": "diet",
}  # fmt: skip
ONE_OFFS = "🚑🚲⌛🧩💄🔒🪂🛒⚽🎻🛥⏲🔓🔐⏳🕰"
KINDS = ("smaller", "compressed", "bordered", "marked", "mirrored", "exact")
SITE = "memeheap.example"
SIZE = (440, 396)


@dataclass(frozen=True)
class Meme:
    """One file: which template and topic, of which picture it is a copy, and how it was made."""

    file: str
    template: str
    topic: str  # "" without a caption
    picture: str  # files of the same one are copies
    kind: str  # "original", or one of `KINDS`


def draw_template(emoji: str, scene: int, font: ImageFont.FreeTypeFont) -> Image.Image:
    """Draw a thing in the middle of a background; the same number gives the same background."""
    picture = background(np.random.default_rng([7, scene]), *SIZE)
    thing = cut_out(emoji, font)
    thing = thing.resize([round(side * 220 / max(thing.size)) for side in thing.size], Image.Resampling.LANCZOS)
    picture.paste(thing, tuple((whole - part) // 2 for whole, part in zip(SIZE, thing.size, strict=True)), thing)
    return picture


def write(picture: Image.Image, above: str, below: str) -> Image.Image:
    """Write a caption: white letters with a black outline, above and below."""
    picture = picture.copy()
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(32)
    for text, y in ((above, 34), (below, SIZE[1] - 34)):
        spaced = text.replace(" ", "  ")  # readers of texts lose narrow spaces
        pen.text((SIZE[0] / 2, y), spaced, "white", font, anchor="mm", stroke_width=2, stroke_fill="black")
    return picture


def copied(picture: Image.Image, kind: str, rng: np.random.Generator) -> Image.Image:
    """Return what a picture looks like after it has gone around."""
    if kind == "smaller":
        scale = rng.uniform(0.55, 0.8)
        return picture.resize([round(side * scale) for side in picture.size])
    if kind == "bordered":
        return ImageOps.expand(picture, int(rng.integers(10, 30)), str(rng.choice(["white", "black"])))
    if kind == "marked":
        picture = picture.copy()
        place = (picture.width - 6, picture.height - 4)
        ImageDraw.Draw(picture).text(place, SITE, "#eeeeee", ImageFont.load_default(11), anchor="rd")
        return picture
    return ImageOps.mirror(picture) if kind == "mirrored" else picture


def make_memes(folder: Path, *, seed: int = 0, n_captions: int = 6, n_copies: int = 3) -> list[Meme]:
    """Draw all pictures into a new or empty folder.

    Parameters
    ----------
    folder : Path
    seed : int
        The same one draws the same pictures.
    n_captions : int
        Per template, at most six; each template is there without a caption as well.
    n_copies : int
        Per picture, at most six, each of another kind.

    Returns
    -------
    list of Meme
        As in the truth file: 296 with the default settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty. Choose an empty or a new folder.")
    font, rng = load_font(), np.random.default_rng([seed])
    made: list[tuple[Image.Image, int, tuple[str, str, str, str]]] = []
    for scene, (emoji, topic) in enumerate(TEMPLATES.items()):
        template = draw_template(emoji, scene, font)
        captions = (("", ""), *TOPICS[topic][:n_captions])
        for number, caption in enumerate(captions):
            picture = write(template, *caption)
            kinds = [KINDS[(scene + number + k) % len(KINDS)] for k in range(n_copies)]
            for kind in ("original", *kinds):
                quality = 45 if kind == "compressed" else 90
                row = (emoji, topic if number else "", f"{emoji}-{number}", kind)
                made.append((copied(picture, kind, rng), quality, row))
    for number, emoji in enumerate(ONE_OFFS):
        picture = draw_sticker(emoji, font, np.random.default_rng([seed, 9, number]))
        made.append((picture, 90, (emoji, "", f"{emoji}-0", "original")))
    memes = []
    for place, index in enumerate(rng.permutation(len(made)).tolist(), 1):  # the names tell nothing
        picture, quality, row = made[index]
        memes.append(Meme(f"meme_{place:04d}.jpg", *row))
        picture.save(folder / memes[-1].file, quality=quality)
    rows = ["\t".join(field.name for field in fields(Meme)), *("\t".join(astuple(meme)) for meme in memes)]
    truth_file(folder).write_text("\n".join(rows) + "\n", encoding="utf-8", newline="\n")
    return memes


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw a heap of memes: templates, captions, and copies.")
    parser.add_argument("folder", type=Path, help="where the pictures go: a new or an empty folder")
    parser.add_argument(
        "--seed", type=lambda text: whole_number(text, 0), default=0, help="other pictures (default: 0)"
    )
    parser.add_argument(
        "--captions", type=int, choices=range(7), default=6, help="how many per template, 0 to 6 (default: 6)"
    )
    parser.add_argument(
        "--copies", type=int, choices=range(7), default=3, help="how many per picture, 0 to 6 (default: 3)"
    )
    args = parser.parse_args()
    memes = make_memes(args.folder, seed=args.seed, n_captions=args.captions, n_copies=args.copies)
    print(f"{len(memes)} pictures of {len(TEMPLATES)} templates are in {args.folder}")
    print(f"What each of them is stands in {truth_file(args.folder)}")


if __name__ == "__main__":
    main()
