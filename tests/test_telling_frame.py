"""Which frame of an animation people see where it does not play."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from concept_memes.errors import UnreadableImageError
from concept_memes.loading import load_telling_frame
from concept_memes.loading.pixel_room import PixelRoom


def face(size: int = 96, *, caption: bool = False, strength: float = 1.0, turned: bool = False) -> Image.Image:
    """A face, with bars for a caption; of less strength it is still fading in."""
    picture = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((size // 4, size // 8, 3 * size // 4, 5 * size // 8), outline="black", width=4)
    draw.rectangle((size // 3, size // 4, size // 2, size // 3), fill="red")
    if caption:
        for x in range(size // 8, 7 * size // 8, 6):
            draw.rectangle((x, 3 * size // 4, x + 2, 7 * size // 8), fill="black")
    if turned:
        picture = picture.transpose(Image.Transpose.ROTATE_180)
    return Image.blend(Image.new("RGB", (size, size), "white"), picture, strength)


def animation(folder: Path, frames: list[Image.Image], kind: str = "GIF") -> Path:
    path = folder / f"a.{kind.lower()}"
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=80, **options)
    return path


def nearest(picture: Image.Image, frames: list[Image.Image]) -> int:
    pixels = np.asarray(picture, float)
    return int(np.argmin([np.abs(pixels - np.asarray(frame, float)).mean() for frame in frames]))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([face(), face(caption=True), face(caption=True, turned=True)], 1),  # the caption comes later
        ([face(strength=0.2), face(strength=0.6), face()], 2),  # it fades in
        ([Image.new("RGB", (96, 96)), face(), face(turned=True)], 1),  # it begins in black
        ([face(caption=True), face(caption=True, turned=True), face()], 0),  # all is there from the beginning
    ],
)
def test_the_first_frame_that_has_nearly_all(
    tmp_path: Path, kind: str, frames: list[Image.Image], expected: int
) -> None:
    found = load_telling_frame(animation(tmp_path, frames, kind), min_size=(96, 96), with_header=True)
    assert nearest(found.picture, frames) == expected
    assert found.plays
    assert found.header is not None
    assert found.header.size == (96, 96)


def test_a_still_picture_is_itself(tmp_path: Path) -> None:
    face().save(tmp_path / "a.png")
    found = load_telling_frame(tmp_path / "a.png", min_size=(96, 96))
    assert (found.plays, found.header) == (False, None)
    assert np.array_equal(np.asarray(found.picture), np.asarray(face()))


def test_a_document_is_known_by_its_first_page(tmp_path: Path) -> None:
    pages = [face(), face(caption=True)]
    found = load_telling_frame(animation(tmp_path, pages, "TIFF"), min_size=(96, 96))
    assert (nearest(found.picture, pages), found.plays) == (0, False)


def test_frames_that_are_too_large_lie_small_in_memory_but_never_below_what_is_wanted(tmp_path: Path) -> None:
    path = animation(tmp_path, [face(640), face(640, caption=True)])
    assert load_telling_frame(path, min_size=(200, 200)).picture.size == (214, 214)
    assert load_telling_frame(path, min_size=(640, 200)).picture.size == (640, 640)
    room = PixelRoom(10_000_000)
    with room.hold() as held:
        load_telling_frame(path, min_size=(200, 200), room=held)
        assert room.n_taken == 640 * 640


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="missing"):
        load_telling_frame(tmp_path / "no.gif", min_size=(8, 8))
