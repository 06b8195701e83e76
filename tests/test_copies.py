"""Copies and variants among generated pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps
from scipy.ndimage import gaussian_filter

from concept_memes.findings import COPY_KINDS
from concept_memes.memes.copies import ContentFamilies, families_of_contents
from concept_memes.memes.looks import Look, look_at


def scene(seed: int, size: tuple[int, int] = (320, 260)) -> Image.Image:
    """Draw something with areas and edges, like a photo."""
    rng = np.random.default_rng(seed)
    noise = np.stack([gaussian_filter(rng.normal(size=size[::-1]), 14) for _ in range(3)], axis=2)
    image = Image.fromarray(np.clip(128 + 900 * noise, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y, r = (int(v) for v in rng.uniform((0, 0, 10), (*size, 45)))
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)((x - r, y - r, x + r, y + r // 2), fill=colour)
    return image


def captioned(image: Image.Image, text: str) -> Image.Image:
    image = image.copy()
    place = (image.width / 2, image.height * 0.95)
    font = ImageFont.load_default(28)
    ImageDraw.Draw(image).text(place, text, "white", font, anchor="md", stroke_width=2, stroke_fill="black")
    return image


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def families(images: list[Image.Image | Path]) -> ContentFamilies:
    looks = [Look.from_bytes(look_at(image)) for image in images]
    return families_of_contents(looks, np.zeros((len(looks), 0), np.float32))


CHANGES = {
    "recompressed": (lambda x: recompressed(x, 30), "near"),
    "smaller": (lambda x: x.resize((128, 104)), "near"),
    "other proportions": (lambda x: x.resize((300, 260)), "near"),
    "framed": (lambda x: ImageOps.expand(x, 30, "white"), None),
    "mirrored": (ImageOps.mirror, "mirrored"),
    "flipped": (ImageOps.flip, "flipped"),
    "quarter turn": (lambda x: x.transpose(Image.Transpose.ROTATE_90), "turned"),
    "turned a little": (lambda x: x.rotate(4, Image.Resampling.BICUBIC), "turned"),
    "cropped": (lambda x: x.crop((20, 10, 310, 240)), "cropped"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_picture_is_a_copy(change: str) -> None:
    how, kind = CHANGES[change]
    original = scene(1)
    found = families([original, how(original), scene(2), scene(3)])
    assert found.copy_of[0] == found.copy_of[1]
    assert len(set(found.copy_of.tolist())) == len(set(found.template_of.tolist())) == 3
    if kind is not None:
        assert COPY_KINDS[max(found.kinds[:2])] == kind


@pytest.mark.parametrize(("one", "other"), [("", "no"), ("no", "me"), ("it was easy", "it was early")])
def test_another_caption_makes_a_variant_and_no_copy(one: str, other: str) -> None:
    found = families([captioned(scene(4), one), captioned(scene(4), other), scene(5)])
    assert found.copy_of.tolist() == [0, 1, 2]
    assert found.template_of[0] == found.template_of[1] != found.template_of[2]


def test_copies_do_not_depend_on_the_order_but_in_their_numbers() -> None:
    images = [change(scene(seed)) for seed in (6, 7, 8) for change in (lambda x: x, ImageOps.mirror)]
    looks = [Look.from_bytes(look_at(image)) for image in images]
    nothing = np.zeros((len(looks), 0), np.float32)
    forward, back = families_of_contents(looks, nothing), families_of_contents(looks[::-1], nothing)
    last = len(looks) - 1
    same = forward.copy_of[:, None] == forward.copy_of
    assert (same == (back.copy_of[:, None] == back.copy_of)[::-1, ::-1]).all()
    assert last + 1 == same.sum() // 2


def test_the_picture_with_most_pixels_stands_for_its_copies() -> None:
    original = scene(9)
    found = families([original.resize((160, 130)), original, original.resize((200, 163))])
    assert found.copy_of.tolist() == [1, 1, 1]


def test_flat_pictures_are_the_same_only_if_their_colour_is() -> None:
    images = [Image.new("RGB", size, colour) for colour in ("black", "red", "white") for size in ((1, 1), (50, 40))]
    assert families(images).copy_of.tolist() == [1, 1, 3, 3, 5, 5]


def test_animations_with_other_later_frames_are_no_copies(tmp_path: Path) -> None:
    for name, seeds in (("a", (1, 2, 3)), ("b", (1, 4, 5)), ("c", (1, 2, 3))):
        first, *others = (scene(seed) for seed in seeds)
        if name == "c":
            first, *others = (image.resize((240, 195)) for image in (first, *others))
        first.save(tmp_path / f"{name}.webp", save_all=True, append_images=others, quality=90)
    found = families([tmp_path / "a.webp", tmp_path / "b.webp", tmp_path / "c.webp"])
    assert found.copy_of.tolist() == [0, 1, 0]


def test_many_captions_of_two_scenes_are_two_templates() -> None:
    captions = ["", "no", "me", "yes", "when it works", "42", "why not", "again"]
    found = families([captioned(scene(seed), text) for seed in (10, 11) for text in captions])
    assert len(set(found.template_of[:8].tolist())) == len(set(found.template_of[8:].tolist())) == 1
    assert found.template_of[0] != found.template_of[8]
    assert len(set(found.copy_of.tolist())) == 16
