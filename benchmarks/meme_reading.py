"""How well texts in pictures are read, and how fast.

Captioned memes: the file name is the text in the picture (`meme_captions.tsv`). The match is `difflib`'s ratio of the
letters, digits and ideographs of the two; means over all, and over two random halves. English: captions written on the
blank templates, white with a black outline, and the share of their letters that is found, in order. Photos: 200 drawn
with a seed; those in which text is found, and of these those in which people see none.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from concept_memes.loading import load_image
from concept_memes.lookahead import usable_processors
from concept_memes.memes.rapid_reader import RapidOCRReader

N_PHOTOS = 200
ENGLISH = (
    ("ONE DOES NOT SIMPLY", "DEPLOY ON A FRIDAY"),
    ("WHEN THE BUILD IS GREEN", "BUT NOBODY RAN THE TESTS"),
    ("I ASKED FOR COFFEE", "NOT FOR ANOTHER MEETING"),
)
# Photos of the sample that do show what the reader found, looked at one by one: signs, names of makers, dates, marks of
# photographers. What is found in any other photo of the sample counts as false.
WITH_TEXT = """
    airplanes/0550 airplanes/0581 dalmatian/0034 dalmatian/0052 grand_piano/0092 headphone/0023 headphone/0027
    helicopter/0008 laptop/0070 laptop/0078 llama/0062 lotus/0018 motorbikes/0373 pizza/0031 pizza/0048
    starfish/0085 stop_sign/0016 stop_sign/0033 stop_sign/0040 stop_sign/0043 stop_sign/0050 stop_sign/0053
    stop_sign/0060 umbrella/0018 umbrella/0047 watch/0052 watch/0136
"""


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def shows_text(photo: str) -> bool:
    return photo.replace("image_", "").removesuffix(".jpg") in WITH_TEXT.split()


def match(caption: str, text: str) -> float:
    return SequenceMatcher(None, letters(caption), letters(text), autojunk=False).ratio()


def found_share(caption: str, text: str) -> float:
    """Return how much of a caption is found in a text, in order."""
    blocks = SequenceMatcher(None, letters(caption), letters(text), autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(letters(caption))


def figures_of(values: Sequence[float], seed: int = 0) -> dict:
    scores = np.array(values)
    order = np.random.default_rng(seed).permutation(len(scores))
    halves = [round(float(scores[half].mean()), 4) for half in np.array_split(order, 2)]
    return {
        "n": len(scores),
        "mean": round(float(scores.mean()), 4),
        "halves": halves,
        "share_at_least_0.9": round(float((scores >= 0.9).mean()), 3),
    }


def captioned(template: Path, above: str, below: str) -> Image.Image:
    """Write a caption on a template, white with a black outline, as wide as nine tenths of it at most."""
    import matplotlib

    image = load_image(template)
    draw = ImageDraw.Draw(image)
    font_file = str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans-Bold.ttf")
    for text, place, anchor in ((above, 0.03, "ma"), (below, 0.97, "md")):
        size = image.height // 9
        while ImageFont.truetype(font_file, size).getlength(text) > 0.9 * image.width:
            size -= 1
        at = (image.width / 2, place * image.height)
        font = ImageFont.truetype(font_file, size)
        draw.text(at, text, "white", font, anchor, stroke_width=max(1, size // 12), stroke_fill="black")
    return image


def timed(read: Callable[[Image.Image], str], images: Sequence[Image.Image]) -> tuple[list[str], dict]:
    """Read pictures as a fit does, with a thread per processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(usable_processors()) as threads:
        texts = list(threads.map(read, images))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return texts, {
        "seconds_per_picture": round(wall / len(images), 3),
        "processor_seconds_per_picture": round(cpu / len(images), 3),
    }


def measure(data: Path) -> dict:
    with (data / "meme_captions.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    captions = [row["caption"] for row in rows]
    memes = [load_image(data / "memes" / row["file"]) for row in rows]
    reader, everything = RapidOCRReader(), RapidOCRReader(everything=True)

    start = time.perf_counter()
    reader.read_text(memes[0])
    cold = round(time.perf_counter() - start, 2)
    texts, seconds = timed(reader.read_text, memes)
    all_texts, _ = timed(everything.read_text, memes)

    templates = sorted(path for path in (data / "meme_templates").iterdir() if path.suffix in (".jpg", ".png"))
    english = [ENGLISH[number % len(ENGLISH)] for number in range(len(templates))]
    written = [captioned(path, *caption) for path, caption in zip(templates, english, strict=True)]
    english_texts, english_seconds = timed(reader.read_text, written)

    photos = sorted(path for path in (data / "photos").glob("*/*") if path.is_file())
    photos = [photos[i] for i in np.random.default_rng(0).permutation(len(photos))[:N_PHOTOS]]
    photo_texts, photo_seconds = timed(reader.read_text, [load_image(path) for path in photos])
    names = {path.relative_to(data / "photos").as_posix(): text for path, text in zip(photos, photo_texts, strict=True)}
    return {
        "fingerprint": reader.fingerprint,
        "processors": os.cpu_count(),
        "captions": figures_of([match(caption, text) for caption, text in zip(captions, texts, strict=True)]),
        "captions_everything": figures_of([match(c, text) for c, text in zip(captions, all_texts, strict=True)]),
        "seconds_first_picture": cold,
        **seconds,
        "english": {
            **figures_of([found_share("".join(c), t) for c, t in zip(english, english_texts, strict=True)]),
            **english_seconds,
        },
        "photos": {
            "n": len(photos),
            "with_text": sum(map(bool, photo_texts)),
            "with_false_text": {name: text for name, text in names.items() if text and not shows_text(name)},
            **photo_seconds,
        },
    }
