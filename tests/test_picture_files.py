from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from badfiles import bomb_png, encoded, picture, png_chunk
from PIL import features

from concept_memes.errors import UnreadableImageError
from concept_memes.loading.picture_files import check_size, open_frames


def animated(kind: str, n_frames: int = 5, **options: Any) -> io.BytesIO:
    frames = [picture().rotate(20 * i) for i in range(n_frames)]
    return io.BytesIO(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_frames_are_found_up_to_the_number_asked_for(kind: str) -> None:
    file = animated(kind)
    assert open_frames(file, 10).sizes == ((48, 40),) * 5
    assert open_frames(file, 2).sizes == ((48, 40),) * 2
    assert open_frames(file, 10).in_order == (kind != "TIFF")


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "BMP"])
def test_other_formats_have_one(kind: str) -> None:
    options = {"save_all": True, "append_images": [picture()]} if kind == "MPO" else {}
    assert open_frames(io.BytesIO(encoded(picture(), kind, **options)), 10).sizes == ((48, 40),)


def test_nothing_is_decoded_on_opening() -> None:
    assert open_frames(io.BytesIO(bomb_png(9_000, 9_000)), 10).frame(0).size == (9_000, 9_000)


@pytest.mark.parametrize("kind", ["AVIF", "WEBP"])
def test_a_build_of_pillow_that_lacks_a_format_says_what_to_do(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(features, "check", lambda name: name != kind.lower())
    with pytest.raises(UnreadableImageError) as caught:
        open_frames(io.BytesIO(encoded(picture(), kind)), 1)
    expected = f'this build of Pillow cannot read {kind}: pip install --force-reinstall "pillow>=11.3"'
    assert caught.value.reason == expected


def test_no_image() -> None:
    with pytest.raises(UnreadableImageError, match="not an image, or of a kind that is not supported"):
        open_frames(io.BytesIO(b"text"), 1)


@pytest.mark.parametrize(
    "chunks",
    [
        [png_chunk(b"acTL", struct.pack(">LL", 0, 0))],
        [png_chunk(b"acTL", struct.pack(">LL", 2, 0))] * 2,
        [png_chunk(b"acTL", struct.pack(">LL", 0x80000001, 0))],
    ],
    ids=["none", "twice", "too many"],
)
@pytest.mark.parametrize("before_pixels", [True, False])
def test_a_png_that_announces_frames_without_sense_is_a_still_without_a_warning(
    chunks: list[bytes], before_pixels: bool, recwarn: pytest.WarningsRecorder
) -> None:
    data = encoded(picture(), "PNG")
    at = 33 if before_pixels else len(data) - 12
    found = open_frames(io.BytesIO(data[:at] + b"".join(chunks) + data[at:]), 10)
    assert found.sizes == ((48, 40),)
    image = found.frame(0)
    image.load()
    assert image.tobytes() == picture().tobytes()
    assert not recwarn.list


def test_a_shrunk_picture_may_declare_four_times_the_limit() -> None:
    check_size((18_000, 19_000), (2_250, 2_375))
    with pytest.raises(UnreadableImageError, match="too large: 20000 x 19000 pixels"):
        check_size((20_000, 19_000), (2_500, 2_375))


def test_a_progressive_jpeg_is_refused_where_it_would_take_for_ever() -> None:
    data = encoded(picture(200, 300), "JPEG", progressive=True)
    scan = data[data.rfind(b"\xff\xda") : -2]
    assert open_frames(io.BytesIO(data + scan * 300), 1).sizes == (
        (200, 300),
    )  # what comes after the end does not count
    assert open_frames(io.BytesIO(data[:-2] + scan * 50 + data[-2:]), 1).sizes == ((200, 300),)
    with pytest.raises(UnreadableImageError, match="more than 200 scans"):
        open_frames(io.BytesIO(data[:-2] + scan * 300 + data[-2:]), 1)
