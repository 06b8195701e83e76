"""Which of two files was saved anew from the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter

from concept_memes.memes.resaving import History, look_back, was_made_from


def saved(image: Image.Image, path: Path, quality: int) -> History:
    image.save(path, quality=quality)
    return History.from_bytes(look_back(path))


def photo(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    noise = np.stack([gaussian_filter(rng.normal(size=(261, 323)), 2) for _ in range(3)], axis=2)
    return Image.fromarray(np.clip(128 + 400 * noise, 0, 255).astype(np.uint8))


CHANGES = {
    "saved anew": lambda x: x,
    "mirrored": ImageOps.mirror,
    "flipped": ImageOps.flip,
    "quarter turn": lambda x: x.transpose(Image.Transpose.ROTATE_90),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_what_was_saved_anew_is_told_from_its_source(change: str, ending: str, tmp_path: Path) -> None:
    first = saved(photo(1), tmp_path / "first.jpg", 70)
    second = saved(CHANGES[change](Image.open(tmp_path / "first.jpg")), tmp_path / f"second.{ending}", 92)
    assert was_made_from(second, first)
    assert not was_made_from(first, second)


@pytest.mark.parametrize("quality", [20, 50, 70])
def test_what_lost_more_is_no_source(quality: int, tmp_path: Path) -> None:
    first = saved(photo(1), tmp_path / "first.jpg", 85)
    worse = saved(Image.open(tmp_path / "first.jpg"), tmp_path / "worse.jpg", quality)
    assert not was_made_from(first, worse)
    assert not was_made_from(worse, first)


def test_pixels_and_tiny_pictures_have_a_history_too() -> None:
    tiny = History.from_bytes(look_back(Image.new("RGB", (5, 3))))
    assert tiny.steps.tolist() == [1.0] * 10
    assert not was_made_from(tiny, tiny)
