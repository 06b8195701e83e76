from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from concept_memes import HubFreeEncoder
from concept_memes.errors import EncoderError, InvalidParameterError, UnreadableImageError
from concept_memes.figures.attention import draw_attention
from concept_memes.loading import load_image
from concept_memes.protocols import FloatArray
from concept_memes.testing import ColorEncoder

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "photos"


class RightHalf(ColorEncoder):
    """Sees the middle square of a picture, where the upper right quarter speaks for every text but "nothing"."""

    layers = ("first", "second", "third")

    def seen_part(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        side = min(size)
        return (size[0] - side) / 2, (size[1] - side) / 2, (size[0] + side) / 2, (size[1] + side) / 2

    def relevance_map(self, image: Image.Image, text: str) -> FloatArray:
        return np.array([[-5, 0 if text == "nothing" else 3], [-1, 0]], np.float32)

    def feature_maps(self, image: Image.Image, layer: str) -> FloatArray:
        maps = np.zeros((20, 4, 4), np.float32)
        maps[7, 0, 0], maps[3, 1, 1] = 9, 5
        return maps + self.layers.index(layer)


def drawn(figure: Any, gid: str) -> np.ndarray:
    (found,) = [artist for artist in figure.get_children() if artist.get_gid() == gid]
    return np.asarray(found.get_array()).astype(float)


def test_heat_lies_over_the_part_of_the_original_that_speaks_and_the_rest_is_dimmed() -> None:
    figure = draw_attention(RightHalf(), Image.new("RGB", (400, 200), (0, 0, 120)), "panda")
    heat = drawn(figure, "attention")
    assert heat.shape[:2] == (200, 400)
    assert drawn(figure, "image").shape == heat.shape
    assert heat[20, 280, 0] > 180  # yellow
    assert heat[40, 140, 0] < 60  # below 0 is as if nothing
    assert (heat[:, :95] > 150).all()  # seen by nobody: faded into the paper
    assert (heat[:, 305:] > 150).all()
    texts = {text.get_gid(): text.get_text() for text in figure.texts}
    assert texts["head"] == "“panda”"
    assert texts["unseen"] == "dimmed: not seen by the model"
    assert texts["model"] == "model: colors"
    assert {"least", "most"} <= texts.keys()


def test_what_is_said_of_a_narrow_picture_is_said_in_full() -> None:
    figure = draw_attention(RightHalf(), Image.new("RGB", (60, 600)), "nothing")
    texts = {text.get_gid(): text.get_text() for text in figure.texts}
    assert texts["score"].endswith("no part of the picture speaks for it")
    assert texts["unseen"] == "dimmed: not seen by the model"


def test_a_square_picture_is_not_said_to_be_dimmed() -> None:
    figure = draw_attention(RightHalf(), Image.new("RGB", (200, 200)), "panda")
    assert "unseen" not in {text.get_gid() for text in figure.texts}


def test_the_cosine_is_said() -> None:
    encoder, picture = RightHalf(), Image.new("RGB", (64, 64), "red")
    cosine = encoder.encode_images(np.stack([encoder.preprocess(picture)]))[0] @ encoder.encode_texts(["red"])[0]
    assert f"cosine of picture and text {cosine:.2f}" in [
        t.get_text() for t in draw_attention(encoder, picture, "red").texts
    ]


def test_a_text_that_no_place_speaks_for_is_said_so_and_has_no_heat() -> None:
    figure = draw_attention(RightHalf(), Image.new("RGB", (200, 200), (0, 0, 120)), "nothing")
    assert any("no part of the picture speaks for it" in text.get_text() for text in figure.texts)
    assert np.ptp(drawn(figure, "attention"), axis=(0, 1)).max() == 0


def test_pictures_come_as_paths_and_arrays_too(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    by_path = drawn(draw_attention(RightHalf(), str(tmp_path / "noise.png"), "panda"), "attention")
    np.testing.assert_array_equal(by_path, drawn(draw_attention(RightHalf(), pixels, "panda"), "attention"))


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    picture = Image.new("RGB", (20, 20))
    with pytest.raises(EncoderError, match=r"'colors' cannot tell .* Use CLIPEncoder or HubFreeEncoder"):
        draw_attention(ColorEncoder(), picture, "panda")
    with pytest.raises(InvalidParameterError, match="a text to look for"):
        draw_attention(RightHalf(), picture, "  ")
    with pytest.raises(InvalidParameterError, match="theme"):
        draw_attention(RightHalf(), picture, "panda", theme="pink")  # type: ignore[arg-type]
    with pytest.raises(UnreadableImageError):
        draw_attention(RightHalf(), tmp_path / "gone.png", "panda")


@pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason="the hub-free model is not installed")
@pytest.mark.skipif(not PHOTOS.is_dir(), reason="there is no folder with photos beside the project")
def test_of_two_pictures_side_by_side_the_heat_lies_on_the_one_that_is_named() -> None:
    """12 pairs; `benchmarks/maps.py` takes more."""
    encoder, rng = HubFreeEncoder(device="cpu"), np.random.default_rng(0)
    kinds = sorted(folder.name for folder in PHOTOS.iterdir() if folder.is_dir())
    shares = []
    for _ in range(12):
        pair = rng.choice(kinds, 2, replace=False)
        both = Image.new("RGB", (320, 320))
        for place, kind in enumerate(pair):
            files = sorted((PHOTOS / kind).iterdir())
            both.paste(half_of(load_image(files[rng.integers(len(files))])), (160 * place, 0))
        for place, kind in enumerate(pair):
            relevance = encoder.relevance_map(both, str(kind).replace("_", " "))
            wide = np.asarray(Image.fromarray(relevance).resize((28, 28), Image.Resampling.BICUBIC)).clip(0)
            shares.append(wide[:, 14 * place : 14 * place + 14].sum() / max(wide.sum(), 1e-12))
    assert np.mean(shares) > 0.8
    assert np.mean(np.array(shares) > 0.5) > 0.85


def half_of(image: Image.Image) -> Image.Image:
    """Cut out the middle of a picture, half as wide as high."""
    scale = max(160 / image.width, 320 / image.height)
    image = image.resize((max(160, round(image.width * scale)), max(320, round(image.height * scale))))
    left, top = (image.width - 160) // 2, (image.height - 320) // 2
    return image.crop((left, top, left + 160, top + 320))


@pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason="the hub-free model is not installed")
def test_the_hub_free_model_shows_its_layers_and_changes_no_vector() -> None:
    encoder = HubFreeEncoder(device="cpu")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8))
    before = encoder.encode_images(np.stack([encoder.preprocess(picture)]))
    assert len(encoder.layers) == 18
    assert encoder.feature_maps(picture, "stem").shape == (32, 112, 112)
    head = encoder.feature_maps(picture, "head")
    assert head.shape == (1280, 7, 7)
    look = head.mean(axis=(1, 2))
    np.testing.assert_allclose(
        look / np.linalg.norm(look), before[0, :1280] / np.linalg.norm(before[0, :1280]), atol=1e-5
    )
    assert encoder.relevance_map(picture, "panda").shape == (7, 7)
    assert encoder.seen_part((400, 300)) == (68.75, 18.75, 331.25, 281.25)
    np.testing.assert_array_equal(encoder.encode_images(np.stack([encoder.preprocess(picture)])), before)
    with pytest.raises(InvalidParameterError, match="one of 'stem', 'block 1'"):
        encoder.feature_maps(picture, "block 17")
