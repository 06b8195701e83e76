from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from badfiles import picture
from PIL import Image

from concept_memes.errors import UnreadableImageError
from concept_memes.loading import load_frames, load_image
from concept_memes.loading.jpeg_xl import JpegXlHeader, read_header

codecs = pytest.importorskip("imagecodecs", reason="imagecodecs is not installed")

PIXELS = np.asarray(picture())


def encode(pixels: npt.NDArray[Any] = PIXELS, **options: Any) -> bytes:
    data: bytes = codecs.jpegxl_encode(pixels, **({"lossless": True} | options))
    return data


def save(folder: Path, data: bytes) -> Path:
    path = folder / "picture.jxl"
    path.write_bytes(data)
    return path


class Bits:
    """Write numbers of any width, least significant bit first."""

    def __init__(self) -> None:
        self.value = self.n = 0

    def add(self, *numbers: tuple[int, int]) -> Bits:
        for value, width in numbers:
            self.value |= value << self.n
            self.n += width
        return self

    def file(self) -> io.BytesIO:
        return io.BytesIO(b"\xff\x0a" + self.value.to_bytes(200, "little"))


class TestHeader:
    @pytest.mark.parametrize("container", [False, True])
    @pytest.mark.parametrize(
        "size",
        [(1, 1), (8, 8), (48, 40), (256, 256), (513, 300), (1000, 511), (160, 120), (90, 60), (2000, 3), (33, 50)],
    )
    def test_size_of_encoded_pictures(self, size: tuple[int, int], container: bool) -> None:
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        header = read_header(io.BytesIO(encode(pixels, usecontainer=container, effort=1)))
        assert header == JpegXlHeader(*size)

    @pytest.mark.parametrize(("n_channels", "n_extra"), [(1, 0), (2, 1), (3, 0), (4, 1)])
    @pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
    def test_extra_channels(self, n_channels: int, n_extra: int, kind: type[np.generic]) -> None:
        pixels = np.zeros((9, 7, n_channels), kind)
        assert read_header(io.BytesIO(encode(pixels))) == JpegXlHeader(7, 9, 1, n_extra)

    def test_animation(self) -> None:
        assert read_header(io.BytesIO(encode(np.stack([PIXELS] * 3)))).is_animation

    @pytest.mark.parametrize(("ratio", "width"), [(1, 120), (2, 144), (3, 160), (4, 180), (5, 213), (6, 150), (7, 240)])
    def test_ratios_instead_of_widths(self, ratio: int, width: int) -> None:
        file = Bits().add((1, 1), (14, 5), (ratio, 3), (1, 1)).file()
        assert read_header(file) == JpegXlHeader(width, 120)

    def test_all_that_may_stand_in_a_header(self) -> None:
        bits = Bits().add((0, 1), (3, 2), (49_999, 30), (0, 3), (2, 2), (59_999, 18))  # 60000 x 50000
        bits.add((0, 1), (1, 1), (5, 3))  # orientation 6
        bits.add((1, 1), (1, 1), (3, 5), (1, 3))  # shown at another size
        bits.add((1, 1), (0, 1), (1, 2), (10, 8), (0, 3), (0, 2), (7, 6))  # a preview
        bits.add((1, 1), (2, 2), (9, 10), (0, 2), (1, 2), (4, 3), (0, 1))  # an animation
        bits.add((1, 1), (1, 2), (4, 4), (0, 1), (3, 2), (299, 12))  # floats; 300 more channels
        assert read_header(bits.file()) == JpegXlHeader(60_000, 50_000, 6, 300, True)

    def test_boxes_before_the_picture_are_passed(self) -> None:
        data = encode(usecontainer=True)
        at = data.index(b"jxlc") - 4
        large = struct.pack(">L4sQ", 1, b"Exif", 16 + 4) + bytes(4)
        part = struct.pack(">L4sL", 0, b"jxlp", 0) + data[at + 8 :]
        assert read_header(io.BytesIO(data[:at] + large + part)) == JpegXlHeader(48, 40)

    @pytest.mark.parametrize("data", [b"", b"\xff\x0a", b"\xff\x0a\x00\x01", b"\0\0\0\x0cJXL \r\n\x87\n"])
    def test_too_short(self, data: bytes) -> None:
        with pytest.raises(EOFError):
            read_header(io.BytesIO(data))

    @pytest.mark.parametrize(
        "data", [b"no picture at all", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x02free", struct.pack(">L4s9x", 0, b"free")]
    )
    def test_without_a_picture(self, data: bytes) -> None:
        with pytest.raises(ValueError, match="no JPEG XL codestream"):
            read_header(io.BytesIO(data))


class TestPixels:
    @pytest.mark.parametrize("container", [False, True])
    def test_lossless_pixels_stay_as_they_are(self, tmp_path: Path, container: bool) -> None:
        assert np.array_equal(load_image(save(tmp_path, encode(usecontainer=container))), PIXELS)

    def test_lossy_pixels_stay_near(self, tmp_path: Path) -> None:
        found = load_image(save(tmp_path, encode(lossless=False, distance=1.0)))
        assert np.abs(np.asarray(found, int) - PIXELS).mean() < 12

    def test_16_bit_keeps_the_high_byte(self, tmp_path: Path) -> None:
        found = load_image(save(tmp_path, encode(PIXELS.astype(np.uint16) * 257)))
        assert np.array_equal(found, PIXELS)

    def test_floats_are_scaled(self, tmp_path: Path) -> None:
        found = load_image(save(tmp_path, encode((PIXELS / 255).astype(np.float32))))
        assert np.abs(np.asarray(found, int) - PIXELS).max() <= 1

    def test_grey_and_transparency(self, tmp_path: Path) -> None:
        grey = PIXELS[:, :, 0]
        found = np.asarray(load_image(save(tmp_path, encode(grey))))
        assert np.array_equal(found, np.stack([grey] * 3, axis=2))
        for n_channels in (2, 4):
            clear = np.full((8, 8, n_channels), 100, np.uint8)
            clear[:4, :, -1], clear[4:, :, -1] = 0, 255
            found = np.asarray(load_image(save(tmp_path, encode(clear))))
            assert (found[:4] == 255).all()
            assert (found[4:] == 100).all()

    def test_orientation_is_applied_once(self, tmp_path: Path) -> None:
        # The encoder writes upright pictures only; in the header of an animation the orientation has its own bits.
        data = bytearray(encode(np.stack([PIXELS] * 2)))
        n_bits = 16 + 1 + 5 + 3 + 2  # signature; height in eights and the ratio; two flags
        bits = int.from_bytes(data, "little")
        found = bits >> (n_bits - 2) & 0b11111
        assert found == 0b00010  # not all as usual; with an orientation, upright
        for orientation in range(1, 9):
            turned = (bits | (orientation - 1) << n_bits).to_bytes(len(data), "little")
            assert read_header(io.BytesIO(turned)).orientation == orientation
            expected = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}[orientation]
            upright = picture() if expected is None else picture().transpose(Image.Transpose(expected))
            found = load_image(save(tmp_path, turned))
            assert found.size == upright.size
            assert found.tobytes() == upright.tobytes()

    def test_of_an_animation_the_first_frame(self, tmp_path: Path) -> None:
        path = save(tmp_path, encode(np.stack([PIXELS, 255 - PIXELS])))
        frames = load_frames(path)
        assert [np.array_equal(frame, PIXELS) for frame in frames] == [True]
        assert not frames.is_animation


class TestRefusals:
    def reason(self, path: Path) -> str:
        with pytest.raises(UnreadableImageError) as caught:
            load_image(path)
        return caught.value.reason

    def test_bombs_are_refused_by_their_header(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "imagecodecs", None)  # it is not asked
        large = Bits().add((0, 1), (3, 2), (49_999, 30), (0, 3), (2, 2), (59_999, 18), (1, 1)).file()
        assert self.reason(save(tmp_path, large.read())).startswith("too large: 60000 x 50000 pixels")
        many = Bits().add((1, 1), (1, 5), (1, 3), (0, 1), (0, 1), (0, 1), (0, 2), (0, 1), (2, 2), (3, 4)).file()
        assert self.reason(save(tmp_path, many.read())) == "too large: 5 channels beside its colours, the limit is 4"

    def test_truncated(self, tmp_path: Path) -> None:
        for share in (0.001, 0.1, 0.5, 0.95):
            data = encode()
            assert self.reason(save(tmp_path, data[: int(len(data) * share) + 2])).startswith("truncated or damaged: ")

    def test_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "imagecodecs", None)
        reason = self.reason(save(tmp_path, encode()))
        assert reason == 'JPEG XL needs another package: pip install "concept-memes[jxl]"'


def test_a_header_that_is_spread_over_several_boxes_is_read(tmp_path: Path) -> None:
    def box(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", 8 + len(data)) + kind + data

    for width in (300, 11_000):
        data = encode(np.zeros((width, width, 3), np.uint8), effort=1)
        start = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
        parts = box(b"jxlp", bytes(4) + data[:2]) + box(b"jxlp", b"\x80\0\0\x01" + data[2:])
        path = save(tmp_path, start + parts)
        with path.open("rb") as file:
            assert read_header(file) == JpegXlHeader(width, width)
    with pytest.raises(UnreadableImageError, match="too large: 11000 x 11000"):
        load_image(path)
