"""Copies and variants among generated pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps
from scipy.ndimage import gaussian_filter

from concept_memes.cache import open_cache
from concept_memes.collecting import collect_images, named_images
from concept_memes.embedding import Embedder
from concept_memes.findings import COPY_KINDS
from concept_memes.memes import alignment, copies
from concept_memes.memes.copies import ContentFamilies, families_of_contents, find_families
from concept_memes.memes.looks import Look, look_at
from concept_memes.progress import Progress
from concept_memes.testing import ColorEncoder


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


def families(images: Sequence[Image.Image | Path]) -> ContentFamilies:
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


def barred(image: Image.Image, text: str) -> Image.Image:
    """Put a white bar with text above a picture."""
    whole = Image.new("RGB", (image.width, image.height + 60), "white")
    whole.paste(image, (0, 60))
    ImageDraw.Draw(whole).text((10, 12), text, "black", ImageFont.load_default(30))
    return whole


def marked(image: Image.Image, text: str = "memes.example") -> Image.Image:
    """Put a translucent mark into a corner."""
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).text((image.width - 4, image.height - 4), text, 130, ImageFont.load_default(13), anchor="rd")
    image = image.copy()
    image.paste("white", mask=mask)
    return image


def test_a_small_translucent_mark_in_a_corner_makes_no_other_picture() -> None:
    found = families([scene(1), marked(scene(1)), scene(2), marked(scene(2))])
    assert found.copy_of.tolist() == [found.copy_of[0]] * 2 + [found.copy_of[2]] * 2
    assert found.copy_of[0] != found.copy_of[2]


def test_a_mark_does_not_hide_another_caption() -> None:
    found = families([captioned(scene(1), "no"), marked(captioned(scene(1), "me"))])
    assert found.copy_of.tolist() == [0, 1]
    assert found.template_of[0] == found.template_of[1]


def test_a_bar_with_text_makes_a_variant_and_a_plain_border_a_copy() -> None:
    found = families([scene(3), barred(scene(3), "when it rains"), ImageOps.expand(scene(3), 30, "white")])
    assert found.copy_of[0] == found.copy_of[2] != found.copy_of[1]
    assert len(set(found.template_of.tolist())) == 1


def test_what_is_left_without_its_caption_belongs_to_the_picture_without_one() -> None:
    blank = scene(4)
    whole = [barred(blank, "one thing"), barred(blank, "quite another"), blank, blank.crop((16, 12, 310, 250))]
    found = families(whole)
    assert found.copy_of.tolist() == [0, 1, 2, 2]
    assert COPY_KINDS[found.kinds[3]] == "cropped"


def test_what_may_be_cut_out_of_several_variants_belongs_to_none() -> None:
    variants = [captioned(scene(4), "no"), captioned(scene(4), "me")]
    found = families([*variants, variants[0].crop((0, 0, 320, 215))])
    assert found.copy_of.tolist() == [0, 1, 2]
    assert len(set(found.template_of.tolist())) == 1


def test_a_picture_without_border_and_as_most_are_stands_for_its_copies() -> None:
    picture = scene(5)
    group = [ImageOps.expand(picture, 40, "black"), ImageOps.mirror(picture), picture, recompressed(picture, 60)]
    found = families(group)
    assert found.copy_of.tolist() == [2, 2, 2, 2]
    assert [COPY_KINDS[kind] for kind in found.kinds] == ["near", "mirrored", "itself", "near"]


def test_noise_is_a_picture_of_its_own() -> None:
    rng = np.random.default_rng(0)
    noisy = [np.clip(rng.normal(120, 6, (30, 40, 3)), 0, 255).astype(np.uint8) for _ in range(3)]
    assert families([Image.fromarray(pixels) for pixels in noisy]).copy_of.tolist() == [0, 1, 2]


def test_the_same_contents_are_compared_once_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [scene(1), ImageOps.mirror(scene(1)), scene(2)]
    for number, image in enumerate(images):
        image.save(tmp_path / f"{number}.png")
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    with open_cache(tmp_path / "cache") as cache:
        collection = collect_images(named_images(paths), Embedder(ColorEncoder(), cache=cache)).collection

        def found() -> list[int]:
            quiet = Progress(verbose=False)
            return find_families(collection, collection.vectors, cache=cache, progress=quiet).copy_of.tolist()

        first = found()
        monkeypatch.setattr(copies, "families_of_contents", lambda *_: pytest.fail("compared again"))
        assert found() == first == [first[0], first[0], 2]


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [captioned(scene(seed), text) for seed in range(6) for text in ("", "no", "me")]
    images += [ImageOps.mirror(image) for image in images[::2]]
    monkeypatch.setattr(alignment, "DETAIL_BATCH", 5)
    monkeypatch.setattr(alignment, "usable_processors", lambda: 1)
    one = families(images)
    monkeypatch.setattr(alignment, "usable_processors", lambda: 4)
    four = families(images)
    assert one.copy_of.tolist() == four.copy_of.tolist()
    assert one.template_of.tolist() == four.template_of.tolist()


@pytest.mark.parametrize("share", [0.01, 0.02, 0.05])
def test_the_whole_picture_stands_for_what_was_cut_out_of_it(share: float) -> None:
    picture = scene(5, (640, 520))
    across, down = round(picture.width * share), round(picture.height * share)
    cut = picture.crop((across, down, picture.width - across, picture.height - down))
    assert families([cut, picture]).copy_of.tolist() == [1, 1]
    assert families([picture, cut]).copy_of.tolist() == [0, 0]


def test_a_narrow_border_is_no_larger_picture() -> None:
    picture = scene(5)
    for colour in ("white", "black"):
        assert families([ImageOps.expand(picture, 8, colour), picture]).copy_of.tolist() == [1, 1]


def test_what_was_compressed_least_stands_for_its_copies_however_many_others_are_alike(tmp_path: Path) -> None:
    paths = [tmp_path / f"{quality}.jpg" for quality in (20, 50, 85)]
    for path in paths:
        scene(6).save(path, quality=int(path.stem))
    assert families([*paths]).copy_of.tolist() == [2, 2, 2]


def test_a_picture_without_a_mark_stands_for_one_with_it() -> None:
    assert families([marked(scene(1)), scene(1)]).copy_of.tolist() == [1, 1]


def test_as_most_files_are_is_told_by_files_not_by_contents() -> None:
    pictures = [ImageOps.mirror(scene(5)), scene(5)]
    looks = [Look.from_bytes(look_at(image)) for image in pictures]
    nothing = np.zeros((2, 0), np.float32)
    for n_files, leader in (([1, 2], 1), ([2, 1], 0)):
        assert families_of_contents(looks, nothing, np.array(n_files)).copy_of.tolist() == [leader] * 2


def test_a_file_that_was_mirrored_and_saved_anew_does_not_stand_for_its_source(tmp_path: Path) -> None:
    for seed in (1, 2, 3):
        source, mirrored = tmp_path / f"{seed}.jpg", tmp_path / f"{seed}-mirrored.jpg"
        scene(seed).save(source, quality=70)
        ImageOps.mirror(Image.open(source)).save(mirrored, quality=92)
        assert mirrored.stat().st_size > source.stat().st_size
        with open_cache(tmp_path / "cache") as cache:
            embedder = Embedder(ColorEncoder(), cache=cache)
            collection = collect_images(named_images([mirrored, source]), embedder).collection
            found = find_families(collection, collection.vectors, cache=cache, progress=Progress(verbose=False))
            assert found.copy_of.tolist() == [1, 1]
