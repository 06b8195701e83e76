"""Memes with a known truth: templates with captions, and copies of them as they go around.

    python benchmarks/meme_variants.py --templates FOLDER --out FOLDER [--seed N] [--style NAME]
    python benchmarks/meme_variants.py --templates FOLDER --photos FOLDER --out FOLDER --pictures 20000

The first form writes variants at full size, every kind of copy of every fourth picture or so; `truth.tsv` beside them
says of what each file is a copy. The second one writes a heap of small files, named and dated like one.

What is a copy follows from how files were made: a *picture* is a template with one caption (or none); files made of one
picture are copies, files of one template with other captions are variants.
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Variant:
    """One file that was made: of which template and picture, and how."""

    file: str
    template: str
    caption: str
    picture: str  # files with the same one are copies
    kind: str  # "original", or how it was changed


@dataclass(frozen=True)
class Style:
    """What captions and marks look like, and what they say."""

    fonts: tuple[str, ...]  # files of matplotlib's, which are everywhere alike
    sentences: tuple[tuple[str, str, str, str], ...]  # above, below with {}, two words for {}
    short: tuple[str, ...]
    mark: str


PLAIN = Style(
    fonts=("DejaVuSans-Bold.ttf",),
    sentences=(
        ("when the code works", "and you know {} why", "exactly", "hardly"),
        ("one does not simply", "push to {} on friday", "main", "prod"),
        ("not sure if bug", "or {} feature", "hidden", "clever"),
        ("they said it was easy", "it took {} weeks", "three", "seven"),
        ("brace yourselves", "the {} are coming", "exams", "elections"),
    ),
    short=("no", "me", "42", "yes", "why", "ok", "7"),
    mark="memeheap.example",
)
HELD_OUT = Style(
    fonts=("DejaVuSerif-Bold.ttf", "DejaVuSansMono-Bold.ttf", "STIXGeneralBol.ttf", "DejaVuSans-BoldOblique.ttf"),
    sentences=(
        ("my cat at 3 am", "chasing {}", "ghosts", "socks"),
        ("tell me again", "how you {} the whole book", "read", "wrote"),
        ("what if we told you", "that {} is not a meal", "coffee", "toffee"),
        ("grandma found the wifi", "now she {} everything", "likes", "shares"),
        ("opens the fridge", "sees the same {} as before", "cheese", "cherry"),
        ("nobody:", "absolutely nobody: my {} at dinner", "uncle", "cousin"),
    ),
    short=("nope", "us", "13", "hm", "lol", "go", "1", "eh?"),
    mark="@daily.laughs",
)
UNSEEN = Style(
    fonts=("cmss10.ttf", "DejaVuSans.ttf", "STIXGeneral.ttf", "DejaVuSerif-BoldItalic.ttf"),
    sentences=(
        ("the meeting could have been", "a short {}", "email", "walk"),
        ("dad jokes", "level {}", "expert", "legend"),
        ("when you open the bill", "and the {} is included", "weekend", "waiter"),
        ("nobody knows", "where the {} goes at night", "left sock", "last sock"),
        ("five minutes before", "the {} begins", "lesson", "lecture"),
        ("plants", "need more {} than that", "water", "winter"),
    ),
    short=("hey", "it", "99", "nah", "yup", "so", "5", "huh?"),
    mark="funny.invalid/pics",
)
# Only for the figures that are told: nothing was chosen by looking at these.
HELD_BACK = Style(
    fonts=("cmb10.ttf", "DejaVuSerif.ttf", "DejaVuSansMono-BoldOblique.ttf", "STIXGeneralBolIta.ttf"),
    sentences=(
        ("my phone at one percent", "still runs the {} app", "maps", "camera"),
        ("the group project", "{} did the slides", "nobody", "somebody"),
        ("monday morning", "again without {}", "coffee", "mercy"),
        ("how it started", "how it {} now", "goes", "looks"),
        ("keep calm", "and blame the {}", "router", "printer"),
        ("trust me", "i am a {}", "doctor", "dolphin"),
    ),
    short=("hi", "oh", "77", "meh", "wow", "no?", "3", "hmm"),
    mark="giggles.test",
)
BOTH = Style(
    fonts=PLAIN.fonts + HELD_OUT.fonts,
    sentences=PLAIN.sentences + HELD_OUT.sentences,
    short=PLAIN.short + HELD_OUT.short,
    mark=PLAIN.mark,
)
STYLES = {"plain": PLAIN, "held-out": HELD_OUT, "unseen": UNSEEN, "held-back": HELD_BACK}


def font_of(name: str, size: int) -> ImageFont.FreeTypeFont:
    from matplotlib import get_data_path

    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", name), size)


def fitted_text(text: str, font_name: str, size: int, width: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """Break a text into lines, with a smaller font where a single word is too wide."""
    font = font_of(font_name, size)
    while size > 8 and max(font.getlength(word) for word in text.split()) > width:
        size = int(size * 0.9)
        font = font_of(font_name, size)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(line for line in lines if line), font


@dataclass(frozen=True)
class Captioned:
    """A picture and where its texts are."""

    image: Image.Image
    boxes: tuple[Box, ...] = ()


def outlined(image: Image.Image, above: str, below: str, font_name: str, share: float) -> Captioned:
    """Write white letters with a black outline at the top and at the bottom."""
    image = image.copy()
    draw, boxes = ImageDraw.Draw(image), []
    width, height = image.size
    for text, at_top in ((above, True), (below, False)):
        if not text:
            continue
        lines, font = fitted_text(text.upper(), font_name, max(int(share * height), 10), int(width * 0.92))
        outline = max(int(font.size / 14), 1)
        place = (width / 2, height * 0.03) if at_top else (width / 2, height * 0.97)
        how = {"font": font, "anchor": "ma" if at_top else "md", "align": "center", "stroke_width": outline}
        draw.multiline_text(place, lines, fill="white", stroke_fill="black", **how)
        boxes.append(tuple(int(side) for side in draw.multiline_textbbox(place, lines, **how)))
    return Captioned(image, tuple(boxes))


def with_bar(image: Image.Image, text: str, font_name: str, share: float) -> Captioned:
    """Write black letters into a white bar above the picture."""
    width, height = image.size
    lines, font = fitted_text(text, font_name, max(int(share * height), 10), int(width * 0.92))
    box = ImageDraw.Draw(image).multiline_textbbox((0, 0), lines, font=font)
    room = int(box[3] - box[1] + 0.06 * height)
    both = Image.new("RGB", (width, height + room), "white")
    both.paste(image, (0, room))
    draw, place = ImageDraw.Draw(both), (width * 0.04, 0.02 * height)
    draw.multiline_text(place, lines, font=font, fill="black")
    return Captioned(both, (tuple(int(side) for side in draw.multiline_textbbox(place, lines, font=font)),))


def captions_of(style: Style, n: int, rng: np.random.Generator) -> list[tuple[str, str, str]]:
    """Choose captions, all different: how, above, below. Each second one differs from the one before by a word."""
    halves = [(upper[0], *lower[1:]) for upper in style.sentences for lower in style.sentences]
    halves = [halves[i] for i in rng.permutation(len(halves))]
    short = [style.short[i] for i in rng.permutation(len(style.short))]
    short += [str(number) for number in rng.permutation(range(100, 1000))]
    found: list[tuple[str, str, str]] = []
    for turn in range(math.ceil(n / 6)):
        above, below, one, other = halves[2 * turn]
        found += [("outlined", above, below.format(word)) for word in (one, other)]
        found += [("outlined", "", short[2 * turn + i]) for i in (0, 1)]
        above, below, one, other = halves[2 * turn + 1]
        found += [("bar", f"{above} {below.format(word)}", "") for word in (one, other)]
    return found[:n]


def pictures_of(blank: Image.Image, style: Style, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Captioned]]:
    """Yield captions and the template with them; first the template itself."""
    yield "", Captioned(blank)
    font_name = style.fonts[rng.integers(len(style.fonts))]
    share = float(rng.uniform(0.06, 0.11))
    for how, above, below in captions_of(style, n, rng):
        made = (
            with_bar(blank, above, font_name, share * 0.8)
            if how == "bar"
            else outlined(blank, above, below, font_name, share)
        )
        yield f"{above} / {below}".strip(" /"), made


# ------------------------------------------------------------------------------------------------ copies

Saved = tuple[Image.Image, str, dict[str, int]]  # the picture, the ending of its file, how it is saved
Change = Callable[[Captioned, Style, np.random.Generator], Image.Image]


def resized(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
    scale = float(np.exp(rng.uniform(np.log(0.4), np.log(2.0))))
    width, height = made.image.size
    size = (max(round(width * scale), 16), max(round(height * scale), 16))
    return made.image.resize(size, rng.choice([Image.Resampling.LANCZOS, Image.Resampling.BILINEAR]))


def bordered(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
    image = made.image
    width, height = image.size
    across, down = (int(rng.uniform(0.02, 0.15) * min(width, height)) for _ in range(2))
    sides = rng.choice(["frame", "letterbox", "pillars", "even"])
    left, top = {"frame": (across, down), "letterbox": (0, down), "pillars": (across, 0), "even": (across, across)}[
        sides
    ]
    size = (width + 2 * left, height + 2 * top)
    fill = rng.choice(["white", "black", "coloured", "blurred"])
    if fill == "blurred":
        around = image.resize(size).filter(ImageFilter.GaussianBlur(max(size) / 25))
    else:
        colour = tuple(int(x) for x in rng.integers(0, 256, 3)) if fill == "coloured" else str(fill)
        around = Image.new("RGB", size, colour)
    around.paste(image, (left, top))
    return around


def watermarked(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
    """Put the site's mark into a corner: the same mark on all, at most 3 % of the area."""
    image = made.image.copy()
    width, height = image.size
    size = 8
    while True:  # as large as 3 % of the area and 45 % of the width allow
        left, top, right, bottom = font_of("DejaVuSans.ttf", size + 1).getbbox(style.mark)
        if (right - left) * (bottom - top) > 0.028 * width * height or right - left > 0.45 * width:
            break
        size += 1
    font = font_of("DejaVuSans.ttf", size)
    mask = Image.new("L", image.size, 0)
    corner = ("la", "ra", "ld", "rd")[rng.integers(4)]
    place = (width * (0.01 if corner[0] == "l" else 0.99), height * (0.01 if corner[1] == "a" else 0.99))
    ImageDraw.Draw(mask).text(place, style.mark, font=font, anchor=corner, fill=int(rng.uniform(0.35, 0.7) * 255))
    image.paste("white" if rng.random() < 0.7 else "black", mask=mask)
    return image


def mirrored(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(made.image)


def flipped(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
    return ImageOps.flip(made.image)


def rotated(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
    """Turn by up to five degrees, the corners filled."""
    degrees = float(rng.uniform(1, 5)) * (1 if rng.random() < 0.5 else -1)
    fill = ("black", "white")[rng.integers(2)]
    expand = bool(rng.integers(2))
    return made.image.rotate(degrees, Image.Resampling.BICUBIC, expand=expand, fillcolor=fill)


def quarter_turned(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
    return made.image.transpose(
        (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)[rng.integers(3)]
    )


def cropped(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
    """Cut 5 to 15 % off width and height, and never more than a third of a caption: without it, it is no copy."""
    width, height = made.image.size
    for _ in range(50):
        new_width, new_height = (round(side * (1 - rng.uniform(0.05, 0.15))) for side in (width, height))
        left = int(rng.integers(width - new_width + 1))
        top = int(rng.integers(height - new_height + 1))
        box = (left, top, left + new_width, top + new_height)
        if all(share_inside(text, box) >= 2 / 3 for text in made.boxes):
            return made.image.crop(box)
    return made.image.crop((round(0.025 * width), round(0.025 * height), round(0.975 * width), round(0.975 * height)))


def share_inside(text: Box, box: Box) -> float:
    across = max(min(text[2], box[2]) - max(text[0], box[0]), 0)
    down = max(min(text[3], box[3]) - max(text[1], box[1]), 0)
    return across * down / max((text[2] - text[0]) * (text[3] - text[1]), 1)


def unchanged(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
    return made.image


def one_after_another(*changes: Change) -> Change:
    """Combine changes; the first one alone knows where the texts are."""

    def combined(made: Captioned, style: Style, rng: np.random.Generator) -> Image.Image:
        for change in changes:
            made = Captioned(change(made, style, rng))
        return made.image

    return combined


#: How copies are made. Those of `COMBINED` go through more than one hand.
CHANGES: dict[str, Change] = {
    "recompressed": unchanged,
    "resized": resized,
    "bordered": bordered,
    "watermarked": watermarked,
    "mirrored": mirrored,
    "flipped": flipped,
    "rotated": rotated,
    "quarter_turned": quarter_turned,
    "cropped": cropped,
}
COMBINED: dict[str, Change] = {
    "resized_bordered": one_after_another(resized, bordered),
    "resized_watermarked": one_after_another(resized, watermarked),
    "watermarked_bordered": one_after_another(watermarked, bordered),
    "mirrored_resized": one_after_another(mirrored, resized),
    "cropped_resized": one_after_another(cropped, resized),
}


def encoded(image: Image.Image, kind: str, rng: np.random.Generator) -> tuple[bytes, str]:
    """Return the bytes of a file, and its ending: much is lost where the kind says so, little otherwise."""
    lossy = kind == "recompressed" or kind in COMBINED
    quality = int(rng.integers(30, 91)) if lossy else int(rng.integers(85, 96))
    ending = rng.choice(["jpg", "jpg", "webp"] if lossy else ["jpg", "jpg", "jpg", "png"])
    buffer = io.BytesIO()
    if ending == "png":
        image.save(buffer, "PNG", compress_level=1)
    elif ending == "webp":
        image.save(buffer, "WEBP", quality=quality, method=0)
    else:
        image.save(buffer, "JPEG", quality=quality, subsampling=int(rng.choice([0, 2])))
    return buffer.getvalue(), str(ending)


def opened(path: Path, longest: int | None = None) -> Image.Image:
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file).convert("RGB")
    if longest is not None and max(image.size) != longest:
        scale = longest / max(image.size)
        image = image.resize((max(round(image.width * scale), 1), max(round(image.height * scale), 1)))
    return image


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))


def variants_of_template(
    template: Path, out: Path, seed: int, style: Style, n_captions: int, copies: float, longest: int | None
) -> list[Variant]:
    """Write the files of one template; they depend on its name and the seed alone."""
    rng = np.random.default_rng([seed, *template.name.encode()])
    changes = CHANGES | COMBINED
    made_of: list[Variant] = []
    for number, (caption, made) in enumerate(pictures_of(opened(template, longest), style, n_captions, rng)):
        picture = f"{template.stem}_{number:03d}"
        wanted = ["original", *(kind for kind in changes if rng.random() < copies)]
        for kind in wanted:
            image = made.image if kind == "original" else changes[kind](made, style, rng)
            data, ending = encoded(image, kind, rng)
            name = f"{picture}_{kind}.{ending}"
            (out / name).write_bytes(data)
            made_of.append(Variant(name, template.stem, caption, picture, kind))
    return made_of


def make_variants(
    templates: Path,
    out: Path,
    *,
    seed: int = 0,
    style: Style = PLAIN,
    n_captions: int = 6,
    copies: float = 0.2,
    longest: int | None = None,
    n_processes: int = 2,
) -> list[Variant]:
    """Write variants of templates, and copies of variants.

    Parameters
    ----------
    templates : Path
        A folder of pictures without captions.
    out : Path
        Where the files go, with `truth.tsv`.
    seed : int
        The same one writes the same bytes.
    style : Style
    n_captions : int
        Variants per template, beside the template itself; for each style there are some 70 of them at least.
    copies : float
        How likely each picture has a copy of each of the 14 kinds.
    longest : int, optional
        Longer side of the templates in pixels; as they are if not given.
    n_processes : int

    Returns
    -------
    list of Variant
    """
    out.mkdir(parents=True, exist_ok=True)
    paths = files_of(templates)
    with ProcessPoolExecutor(n_processes) as pool:
        jobs = [
            pool.submit(variants_of_template, path, out, seed, style, n_captions, copies, longest) for path in paths
        ]
        found = [variant for job in jobs for variant in job.result()]
    write_truth(found, out)
    return found


def make_heap(
    templates: Path,
    photos: Path | None,
    out: Path,
    *,
    n_pictures: int = 20_000,
    seed: int = 0,
    longest: int = 320,
    n_processes: int = 2,
) -> list[Variant]:
    """Write a heap of small files: variants, their copies, exact ones too, and photos; named and dated like one.

    Parameters
    ----------
    templates : Path
    photos : Path or None
        Pictures that have nothing to do with the templates.
    out : Path
        Where the files go, one folder per month, and `truth.tsv`.
    n_pictures : int
        How many files, at least.
    seed : int
    longest : int
        Longer side of the templates in pixels.
    n_processes : int

    Returns
    -------
    list of Variant
    """
    others = files_of(photos) if photos is not None else []
    others = others[: n_pictures // 4]
    per_picture, exact_share = 1 + 0.06 * len(CHANGES | COMBINED), 0.05
    per_template = (n_pictures - len(others)) / (1 + exact_share) / max(len(files_of(templates)), 1)
    found = make_variants(
        templates,
        out,
        seed=seed,
        style=BOTH,
        n_captions=math.ceil(per_template / per_picture * 1.06),
        copies=0.06,
        longest=longest,
        n_processes=n_processes,
    )
    rng = np.random.default_rng([seed, 1])
    for path in others:
        name = f"photo_{path.parent.name}_{path.name}"
        (out / name).write_bytes(path.read_bytes())
        found.append(Variant(name, name, "", name, "original"))
    for index in rng.choice(len(found), int(exact_share * len(found)), replace=False).tolist():
        one = found[index]
        name = f"copy_{one.file}"
        (out / name).write_bytes((out / one.file).read_bytes())
        found.append(Variant(name, one.template, one.caption, one.picture, "exact"))
    found = as_a_heap(found, out, rng)
    write_truth(found, out)
    return found


def as_a_heap(found: Sequence[Variant], out: Path, rng: np.random.Generator) -> list[Variant]:
    """Give files the names and dates that phones, chats and browsers give, in folders by month."""
    named = []
    for place, index in enumerate(rng.permutation(len(found)).tolist()):
        one = found[index]
        seconds = 1_672_531_200 + int(rng.integers(0, 3 * 365 * 24 * 3600))  # 2023 to 2025
        when = np.datetime64(seconds, "s")
        day, suffix = str(when)[:10].replace("-", ""), Path(one.file).suffix
        forms = (
            f"IMG-{day}-WA{place:05d}{suffix}",
            f"Screenshot_{day}_{place:06d}{suffix}",
            f"images ({place}){suffix}",
            f"{rng.integers(10**15, 10**16)}{suffix}",
        )
        file = Path(str(when)[:7], forms[rng.integers(len(forms))])
        (out / file).parent.mkdir(exist_ok=True)
        (out / one.file).rename(out / file)
        os.utime(out / file, (seconds, seconds))
        named.append(Variant(file.as_posix(), one.template, one.caption, one.picture, one.kind))
    return sorted(named, key=lambda one: one.file)


def write_truth(found: Sequence[Variant], out: Path) -> None:
    with (out / "truth.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Variant)], delimiter="\t")
        writer.writeheader()
        writer.writerows(asdict(one) for one in found)


def read_truth(folder: Path) -> list[Variant]:
    with (folder / "truth.tsv").open(encoding="utf-8", newline="") as file:
        return [Variant(**row) for row in csv.DictReader(file, delimiter="\t")]


def main() -> None:
    parser = argparse.ArgumentParser(description="Write memes with a known truth.")
    parser.add_argument("--templates", type=Path, required=True)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style", choices=sorted(STYLES), default="plain")
    parser.add_argument("--pictures", type=int, help="write a heap of about so many small files")
    args = parser.parse_args()
    if args.pictures:
        found = make_heap(args.templates, args.photos, args.out, n_pictures=args.pictures, seed=args.seed)
    else:
        found = make_variants(args.templates, args.out, seed=args.seed, style=STYLES[args.style])
    print(f"{len(found)} files in {args.out}")


if __name__ == "__main__":
    main()
