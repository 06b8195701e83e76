from __future__ import annotations

import gc
import hashlib
import io
import os
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from badfiles import (
    bomb_gif,
    bomb_jpeg,
    bomb_png,
    encoded,
    make_bad_files,
    picture,
    png_chunk,
    truncated,
    without_permission,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from concept_memes.errors import UnreadableImageError
from concept_memes.loading import MAX_PIXELS, content_hash, load_image, picture_files
from concept_memes.sources import list_images

WHITE = (255, 255, 255)
KINDS: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encoded(picture(), "JPEG"),
    "progressive": lambda: encoded(picture(), "JPEG", progressive=True),
    "png": lambda: encoded(picture(), "PNG"),
    "palette png": lambda: encoded(picture().quantize(16), "PNG", transparency=3),
    "gif": lambda: encoded(picture().convert("P"), "GIF"),
    "webp": lambda: encoded(picture(), "WEBP"),
    "lossless webp": lambda: encoded(picture(), "WEBP", lossless=True),
    "bmp": lambda: encoded(picture(), "BMP"),
    "tiff": lambda: encoded(picture(), "TIFF"),
    "lzw tiff": lambda: encoded(picture(), "TIFF", compression="tiff_lzw"),
    "deflate tiff": lambda: encoded(picture(), "TIFF", compression="tiff_adobe_deflate"),
    "jpeg tiff": lambda: encoded(picture(), "TIFF", compression="jpeg"),
    "big tiff": lambda: encoded(picture(), "TIFF", big_tiff=True),
    "avif": lambda: encoded(picture(), "AVIF"),
}


def save(folder: Path, data: bytes) -> Path:
    path = folder / "picture.jpg"  # the wrong ending for most, on purpose: only the content counts
    path.write_bytes(data)
    return path


def pixels(image: Image.Image) -> list[tuple[int, ...]]:
    """Return the values of all pixels, row by row."""
    assert image.mode == "RGB"
    return [tuple(row) for row in np.asarray(image).reshape(-1, 3).tolist()]


def png(width: int, height: int, depth: int, color: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Make a PNG from unfiltered rows (each with its leading zero), for kinds that Pillow cannot write."""
    head = png_chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, depth, color, 0, 0, 0))
    middle = b"".join(png_chunk(kind, body) for kind, body in chunks)
    return b"\x89PNG\r\n\x1a\n" + head + middle + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def exif(orientation: int, order: str = "<", field: str = "H") -> bytes:
    """Make an EXIF block with an orientation, and one other tag before it."""
    kind = {"B": 1, "H": 3, "L": 4}[field]
    value = struct.pack(order + field, orientation).ljust(4, b"\0")
    entries = struct.pack(order + "HHLHH", 0x0100, 3, 1, 99, 0) + struct.pack(order + "HHL", 0x0112, kind, 1) + value
    mark = b"II" if order == "<" else b"MM"
    return b"Exif\0\0" + mark + struct.pack(order + "HLH", 42, 8, 2) + entries + struct.pack(order + "L", 0)


def reason(source: Any, **options: Any) -> str:
    """Return why something cannot be read."""
    with pytest.raises(UnreadableImageError) as caught:
        load_image(source, **options)
    assert str(caught.value) == f"{caught.value.name}: {caught.value.reason}"
    assert "\n" not in caught.value.reason
    return caught.value.reason


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that other users can enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


class TestBadFiles:
    def test_all_25_are_listed_and_unreadable_for_the_expected_reason(self, tmp_path: Path) -> None:
        expected = make_bad_files(tmp_path)
        listing = list_images(tmp_path)
        assert len(expected) == 25
        assert {ref.name for ref in listing.refs} == set(expected)
        for ref in listing.refs:
            assert expected[ref.name] in reason(ref.path), ref.name

    def test_errors_carry_name_reason_and_cause(self, tmp_path: Path) -> None:
        path = save(tmp_path, truncated(encoded(picture(), "JPEG"), 0.9))
        with pytest.raises(UnreadableImageError) as caught:
            load_image(path)
        assert caught.value.name == str(path)
        assert caught.value.reason.startswith("truncated or damaged: image file is truncated")
        assert isinstance(caught.value.__cause__, OSError)

    @pytest.mark.parametrize("function", [load_image, content_hash])
    def test_what_is_no_readable_file(self, tmp_path: Path, function: Callable[[Path], object]) -> None:
        os.mkfifo(tmp_path / "pipe.jpg")
        (tmp_path / "empty.jpg").touch()
        (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
        expected = {
            "missing.jpg": "missing",
            "empty.jpg/inside.jpg": "missing",
            ".": "a folder, not a file",
            "pipe.jpg": "not a regular file",
            "empty.jpg": "empty file",
            "loop.jpg": "cannot be opened: Too many levels of symbolic links",
            "null\0.jpg": "cannot be opened: embedded null byte",
            "long" * 100: "cannot be opened: File name too long",
        }
        reasons = {}
        for name in expected:
            with pytest.raises(UnreadableImageError) as caught:
                function(tmp_path / name)
            reasons[name] = caught.value.reason
        assert reasons == expected

    @pytest.mark.parametrize("function", [load_image, content_hash])
    def test_no_permission(self, open_folder: Path, function: Callable[[Path], object]) -> None:
        path = save(open_folder, encoded(picture(), "PNG"))
        with without_permission(path), pytest.raises(UnreadableImageError, match="no permission to read it"):
            function(path)
        function(path)

    @pytest.mark.parametrize("kind", KINDS)
    def test_truncated_at_any_byte_is_unreadable_or_loses_no_pixel(self, tmp_path: Path, kind: str) -> None:
        data = KINDS[kind]()
        whole = load_image(save(tmp_path, data)).tobytes()
        complete = []
        for n in sorted({*range(1, 64, 3), *range(64, len(data) - 32, 199), *range(len(data) - 32, len(data))}):
            try:
                image = load_image(save(tmp_path, data[:n]))
            except UnreadableImageError:
                continue
            assert image.tobytes() == whole
            complete.append(n)
        # Only trailers without pixels may be missing.
        assert all(n > len(data) - 30 for n in complete)

    @pytest.mark.parametrize(
        "error",
        [struct.error, SyntaxError, ValueError, OverflowError, ZeroDivisionError, KeyError, AssertionError, EOFError],
    )
    def test_whatever_a_plugin_raises_is_damage_with_its_cause(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
    ) -> None:
        raised = error("words\nof a plugin")

        def fail(*args: object) -> ImageFile.ImageFile:
            raise raised

        monkeypatch.setattr(picture_files, "_OPENERS", {"PNG": fail})
        with pytest.raises(UnreadableImageError, match="truncated or damaged: ") as caught:
            load_image(save(tmp_path, encoded(picture(), "PNG")))
        assert caught.value.__cause__ is raised

    def test_too_little_memory_is_a_reason_and_an_interrupt_passes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail_with(error: BaseException) -> None:
            def fail(*args: object) -> ImageFile.ImageFile:
                raise error

            monkeypatch.setattr(picture_files, "_OPENERS", {"PNG": fail})

        path = save(tmp_path, encoded(picture(), "PNG"))
        fail_with(MemoryError())
        assert reason(path) == "not enough memory to decode it"
        fail_with(Image.DecompressionBombError("Image size (9 pixels) exceeds."))
        assert reason(path) == "too large: Image size (9 pixels) exceeds"
        fail_with(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            load_image(path)

    def test_second_frame_may_be_damaged(self, tmp_path: Path) -> None:
        frames = [picture().quantize(8), Image.new("RGB", (48, 40), "red").quantize(8)]
        data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
        path = save(tmp_path, data[:-20])
        assert load_image(path).tobytes() == frames[0].convert("RGB").tobytes()

    @settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        kind=st.sampled_from(sorted(KINDS)),
        flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=6),
        header_flips=st.lists(st.tuples(st.integers(0, 63), st.integers(1, 255)), max_size=2),
        share=st.one_of(st.just(1.0), st.floats(0, 1)),
    )
    @example(kind="png", flips=[], header_flips=[], share=1.0)
    def test_any_damage_gives_an_rgb_picture_or_an_unreadable_image_error(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        kind: str,
        flips: list[tuple[float, int]],
        header_flips: list[tuple[int, int]],
        share: float,
    ) -> None:
        monkeypatch.setattr(picture_files, "MAX_PIXELS", 1_000_000)  # damaged sizes would make this slow
        data = bytearray(KINDS[kind]())
        for place, change in flips:
            data[int(place * len(data))] ^= change
        for at, change in header_flips:
            data[at] ^= change
        path = save(tmp_path, truncated(bytes(data), share))
        try:
            image = load_image(path, min_size=(8, 8))
        except UnreadableImageError:
            return
        assert image.mode == "RGB"
        assert len(image.tobytes()) == image.width * image.height * 3


class TestSizeLimit:
    @pytest.mark.parametrize("bomb", [bomb_png, bomb_jpeg, bomb_gif])
    def test_reason_says_the_size(self, tmp_path: Path, bomb: Callable[[int, int], bytes]) -> None:
        path = save(tmp_path, bomb(40_000, 50_000))
        expected = f"too large: 40000 x 50000 pixels, the limit is {MAX_PIXELS}"
        assert reason(path) == expected
        assert reason(path, min_size=(224, 224)) == expected

    def test_a_size_that_pillow_warns_of_is_refused_without_a_warning(
        self, tmp_path: Path, recwarn: pytest.WarningsRecorder
    ) -> None:
        assert "too large: 11000 x 9000" in reason(save(tmp_path, bomb_png(11_000, 9_000)))
        assert not recwarn.list
        assert Image.MAX_IMAGE_PIXELS == MAX_PIXELS

    def test_a_jpeg_that_is_shrunk_may_declare_more(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(picture_files, "MAX_PIXELS", 100 * 100)
        path = save(tmp_path, encoded(picture(200, 160), "JPEG"))
        assert load_image(path, min_size=(50, 50)).size == (100, 80)
        assert "too large: 200 x 160 pixels, the limit is 10000" in reason(path)
        larger = save(tmp_path, encoded(picture(400, 200), "JPEG"))
        assert "too large" in reason(larger, min_size=(50, 50))


class TestMinSize:
    @pytest.mark.parametrize("size", [(801, 603), (799, 600), (400, 900)])
    @pytest.mark.parametrize("min_size", [(100, 100), (99, 200), (256, 10), (1, 1), (0, 0), (900, 900)])
    def test_jpeg_is_never_smaller(self, tmp_path: Path, size: tuple[int, int], min_size: tuple[int, int]) -> None:
        result = load_image(save(tmp_path, encoded(picture(*size), "JPEG")), min_size=min_size)
        assert result.width >= min(size[0], min_size[0])
        assert result.height >= min(size[1], min_size[1])
        scale = min(size[0] // max(min_size[0], 1), size[1] // max(min_size[1], 1))
        assert (result.size == size) == (scale < 2)

    def test_counts_for_the_upright_picture(self, tmp_path: Path) -> None:
        path = save(tmp_path, encoded(picture(800, 400), "JPEG", exif=exif(6)))
        assert load_image(path).size == (400, 800)
        assert load_image(path, min_size=(200, 400)).size == (200, 400)
        assert load_image(path, min_size=(400, 200)).size == (400, 800)

    def test_shrunk_picture_shows_the_same(self, tmp_path: Path) -> None:
        path = save(tmp_path, encoded(picture(640, 480), "JPEG", quality=95))
        small = load_image(path, min_size=(80, 60))
        assert small.size == (80, 60)
        expected = load_image(path).reduce(8)
        assert np.abs(np.asarray(small, dtype=int) - np.asarray(expected)).mean() < 4

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF"])
    def test_other_formats_come_in_full(self, tmp_path: Path, kind: str) -> None:
        assert load_image(save(tmp_path, encoded(picture(300, 200), kind)), min_size=(10, 10)).size == (300, 200)


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
    def test_agrees_with_pillow(self, tmp_path: Path, orientation: int, kind: str, options: dict[str, Any]) -> None:
        tags = Image.Exif()
        tags[0x0112] = orientation
        path = save(tmp_path, encoded(picture(), kind, exif=tags, **options))
        with Image.open(path) as image:
            expected = ImageOps.exif_transpose(image).convert("RGB")
        result = load_image(path)
        assert result.size == ((40, 48) if orientation > 4 else (48, 40))
        assert result.tobytes() == expected.tobytes()
        assert not result.info

    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("field", ["B", "H", "L"])
    def test_either_byte_order_and_any_width(self, tmp_path: Path, order: str, field: str) -> None:
        path = save(tmp_path, encoded(picture(), "JPEG", exif=exif(8, order, field)))
        assert load_image(path).size == (40, 48)

    def test_turns_clockwise_where_the_tag_says_so(self, tmp_path: Path) -> None:
        stored = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0]]], dtype=np.uint8))  # red, green
        path = save(tmp_path, encoded(stored, "PNG", exif=exif(6)))
        assert pixels(load_image(path)) == [(255, 0, 0), (0, 255, 0)]
        assert load_image(path).size == (1, 2)
        assert pixels(load_image(save(tmp_path, encoded(stored, "PNG", exif=exif(8))))) == [(0, 255, 0), (255, 0, 0)]

    def test_png_with_exif_after_the_pixels(self, tmp_path: Path) -> None:
        data = encoded(picture(), "PNG")
        late = data[:-12] + png_chunk(b"eXIf", exif(6)[6:]) + data[-12:]
        assert load_image(save(tmp_path, late)).size == (40, 48)

    def test_png_with_exif_as_text(self, tmp_path: Path) -> None:
        block = exif(6)
        text = b"Raw profile type exif\0" + f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
        data = encoded(picture(), "PNG")
        assert load_image(save(tmp_path, data[:33] + png_chunk(b"tEXt", text) + data[33:])).size == (40, 48)

    @pytest.mark.parametrize("form", ['tiff:Orientation="6"', "<tiff:Orientation>6</tiff:Orientation>"])
    def test_xmp_counts_where_exif_is_silent(self, tmp_path: Path, form: str) -> None:
        xmp = f"<x:xmpmeta><rdf:Description {form}/></x:xmpmeta>".encode()
        assert load_image(save(tmp_path, encoded(picture(), "WEBP", xmp=xmp))).size == (40, 48)
        assert load_image(save(tmp_path, encoded(picture(), "JPEG", xmp=xmp))).size == (40, 48)
        assert load_image(save(tmp_path, encoded(picture(), "JPEG", xmp=xmp, exif=exif(1)))).size == (48, 40)

    @pytest.mark.parametrize(
        "block",
        [
            exif(6)[:20],
            exif(6)[:12] + b"\xff\xff\xff\xff",
            b"Exif\0\0",
            b"Exif\0\0II",
            b"garbage" * 9,
            b"Exif\0\0II+\0\x08\0\0\0" + b"\xff" * 30,
            exif(9),
            exif(0),
        ],
    )
    def test_damaged_exif_is_ignored_without_a_warning(
        self, tmp_path: Path, recwarn: pytest.WarningsRecorder, block: bytes
    ) -> None:
        assert load_image(save(tmp_path, encoded(picture(), "JPEG", exif=block))).size == (48, 40)
        assert not recwarn.list


class TestTransparency:
    def test_shows_white_in_every_mode_with_alpha(self) -> None:
        rgba = Image.new("RGBA", (2, 1), (200, 100, 0, 255))
        rgba.putpixel((0, 0), (200, 100, 0, 0))
        for mode in ("RGBA", "RGBa", "PA"):
            assert pixels(load_image(rgba.convert(mode))) == [WHITE, (200, 100, 0)], mode
        grey = Image.new("LA", (2, 1), (90, 255))
        grey.putpixel((0, 0), (90, 0))
        for mode in ("LA", "La"):
            assert pixels(load_image(grey.convert(mode))) == [WHITE, (90, 90, 90)], mode

    @pytest.mark.parametrize("mode", ["RGBA", "RGBa"])
    def test_half_transparent_is_half_white(self, mode: str) -> None:
        image = Image.new("RGBA", (1, 1), (200, 100, 0, 128)).convert(mode)
        np.testing.assert_allclose(pixels(load_image(image)), [(227, 177, 127)], atol=1)

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
    def test_of_files_shows_white(self, tmp_path: Path, kind: str) -> None:
        image = Image.new("RGBA", (16, 16), (200, 100, 0, 0))
        assert set(pixels(load_image(save(tmp_path, encoded(image, kind))))) == {WHITE}

    def test_palette_with_one_transparent_entry(self, tmp_path: Path) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, 200, 100, 50])
        image.putpixel((1, 0), 1)
        for data in (encoded(image, "PNG", transparency=0), encoded(image, "GIF", transparency=0)):
            assert pixels(load_image(save(tmp_path, data))) == [WHITE, (200, 100, 50)]
        for data in (encoded(image, "PNG"), encoded(image, "GIF"), encoded(image, "BMP"), encoded(image, "TIFF")):
            assert pixels(load_image(save(tmp_path, data))) == [(10, 20, 30), (200, 100, 50)]

    def test_palette_with_alpha_per_entry(self, tmp_path: Path) -> None:
        image = Image.new("P", (3, 1))
        image.putpalette([10, 20, 30, 200, 100, 50, 0, 0, 0])
        image.putpixel((1, 0), 1)
        image.putpixel((2, 0), 2)
        data = encoded(image, "PNG", transparency=b"\x00\xff\x80")
        assert pixels(load_image(save(tmp_path, data))) == [WHITE, (200, 100, 50), (127, 127, 127)]

    def test_png_with_a_transparent_value_in_any_depth(self, tmp_path: Path) -> None:
        def load(*args: Any) -> list[tuple[int, ...]]:
            return pixels(load_image(save(tmp_path, png(*args))))

        grey = struct.pack(">H", 1)
        assert load(2, 1, 1, 0, b"\0\x40", (b"tRNS", grey)) == [(0, 0, 0), WHITE]
        assert load(2, 1, 1, 0, b"\0\x40", (b"tRNS", bytes(2))) == [WHITE, WHITE]
        assert load(3, 1, 2, 0, b"\0\x18", (b"tRNS", grey)) == [(0, 0, 0), WHITE, (170, 170, 170)]
        assert load(2, 1, 4, 0, b"\0\x12", (b"tRNS", grey)) == [WHITE, (34, 34, 34)]
        assert load(2, 1, 8, 0, b"\0\x01\x02", (b"tRNS", grey)) == [WHITE, (2, 2, 2)]
        row = b"\0" + struct.pack(">2H", 0x1234, 0x1235)
        assert load(2, 1, 16, 0, row, (b"tRNS", b"\x12\x34")) == [WHITE, (0x12, 0x12, 0x12)]
        row = b"\0" + bytes((1, 2, 3, 1, 2, 4))
        assert load(2, 1, 8, 2, row, (b"tRNS", struct.pack(">3H", 1, 2, 3))) == [WHITE, (1, 2, 4)]
        row = b"\0" + struct.pack(">6H", 0x0102, 0x0304, 0x0506, 0x0702, 0x0304, 0x0506)
        assert load(2, 1, 16, 2, row, (b"tRNS", row[1:7])) == [WHITE, (7, 3, 5)]

    def test_senseless_transparent_value_is_ignored(self) -> None:
        image = Image.new("L", (1, 1), 7)
        for value in (b"\0", (7, 7, 7), "7", None, 300):
            image.info["transparency"] = value
            assert pixels(load_image(image)) == [(7, 7, 7)]


class TestModes:
    def test_one_bit(self, tmp_path: Path) -> None:
        image = Image.fromarray(np.array([[False, True]]))
        assert image.mode == "1"
        for kind in ("PNG", "BMP", "TIFF", "GIF"):
            assert pixels(load_image(save(tmp_path, encoded(image, kind)))) == [(0, 0, 0), WHITE]

    @pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
    def test_cmyk(self, tmp_path: Path, kind: str) -> None:
        # Pillow writes the inverted values and the marker that Adobe's programs write.
        data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), kind)
        assert (b"Adobe" in data) == (kind == "JPEG")
        np.testing.assert_allclose(pixels(load_image(save(tmp_path, data)))[0], (255, 0, 0), atol=2)

    @pytest.mark.parametrize("mode", ["YCbCr", "LAB", "CMYK"])
    def test_color_spaces_of_tiff(self, tmp_path: Path, mode: str) -> None:
        data = encoded(Image.new("RGB", (16, 16), (200, 100, 50)).convert(mode), "TIFF")
        np.testing.assert_allclose(pixels(load_image(save(tmp_path, data)))[0], (200, 100, 50), atol=2)

    @pytest.mark.parametrize("mode", ["YCbCr", "LAB", "HSV", "CMYK", "RGBX"])
    def test_color_spaces_of_pil_images(self, mode: str) -> None:
        image = Image.new("RGB", (4, 4), (200, 100, 50)).convert(mode)
        np.testing.assert_allclose(pixels(load_image(image))[0], (200, 100, 50), atol=2)

    def test_16_bit_grey_keeps_the_high_byte(self, tmp_path: Path) -> None:
        values = np.array([[0, 255, 256, 0x1234, 0x7FFF, 0xFFFF]], dtype=np.uint16)
        expected = [(v >> 8,) * 3 for v in values[0].tolist()]
        deep = Image.fromarray(values)
        assert deep.mode == "I;16"
        assert pixels(load_image(save(tmp_path, encoded(deep, "PNG")))) == expected
        assert pixels(load_image(save(tmp_path, encoded(deep, "TIFF")))) == expected
        big_endian = Image.frombytes("I;16B", (6, 1), values.byteswap().tobytes())
        for image in (deep, big_endian, deep.convert("I")):
            assert pixels(load_image(image)) == expected, image.mode

    def test_16_bit_color_and_grey_with_alpha_keep_the_high_byte(self, tmp_path: Path) -> None:
        row = b"\0" + struct.pack(">3H", 0x1234, 0x80FF, 0xFF00)
        assert pixels(load_image(save(tmp_path, png(1, 1, 16, 2, row)))) == [(0x12, 0x80, 0xFF)]
        row = b"\0" + struct.pack(">4H", 0x1234, 0xFFFF, 0x1234, 0)
        assert pixels(load_image(save(tmp_path, png(2, 1, 16, 4, row)))) == [(0x12, 0x12, 0x12), WHITE]
        row = b"\0" + struct.pack(">8H", 0x1234, 0x80FF, 0xFF00, 0xFFFF, 1, 2, 3, 0)
        assert pixels(load_image(save(tmp_path, png(2, 1, 16, 6, row)))) == [(0x12, 0x80, 0xFF), WHITE]

    def test_32_bit_integers_beyond_16_bits_are_stretched(self, tmp_path: Path) -> None:
        for values in ([-100, 0, 100], [0, 500_000, 1_000_000]):
            image = Image.fromarray(np.array([values], dtype=np.int32))
            assert pixels(load_image(save(tmp_path, encoded(image, "TIFF")))) == [(0,) * 3, (128,) * 3, WHITE]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0.0, 0.5, 1.0], [0, 128, 255]),
            ([0.0, 100.0, 255.0], [0, 100, 255]),
            ([-1.0, 0.0, 1.0], [0, 128, 255]),
            ([1000.0, 1500.0, 2000.0], [0, 128, 255]),
            ([np.nan, 0.5, np.inf], [0, 128, 255]),
            ([-np.inf, 0.0, 0.5], [0, 0, 128]),
            ([np.nan, np.nan, np.nan], [0, 0, 0]),
            ([5000.0, 5000.0, 5000.0], [0, 0, 0]),
            ([-3e38, 0.0, 3e38], [0, 128, 255]),
        ],
    )
    def test_floats_are_scaled(self, tmp_path: Path, values: list[float], expected: list[int]) -> None:
        image = Image.fromarray(np.array([values], dtype=np.float32))
        assert pixels(load_image(save(tmp_path, encoded(image, "TIFF")))) == [(v,) * 3 for v in expected]

    def test_first_frame_of_animations(self, tmp_path: Path) -> None:
        frames = [Image.new("RGB", (16, 16), color) for color in ("red", "blue", "lime")]
        for kind in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
            data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
            np.testing.assert_allclose(pixels(load_image(save(tmp_path, data)))[0], (255, 0, 0), atol=3)

    def test_first_picture_of_a_camera_file_with_several(self, tmp_path: Path) -> None:
        frames = [picture(64, 64), picture(32, 32)]
        data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
        assert load_image(save(tmp_path, data)).size == (64, 64)


class TestGivenPixels:
    @pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
    def test_arrays(self, shape: tuple[int, ...]) -> None:
        array = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
        if shape[2:] == (4,):
            array[..., 3] = 255
        expected = np.broadcast_to(array.reshape(4, 5, -1)[..., :3], (4, 5, 3))
        np.testing.assert_array_equal(np.asarray(load_image(array)), expected)
        np.testing.assert_array_equal(np.asarray(load_image(array[::-1, ::2])), expected[::-1, ::2])

    def test_result_shares_no_memory_with_an_array(self) -> None:
        array = np.zeros((4, 5, 3), dtype=np.uint8)
        result = load_image(array)
        array[:] = 255
        assert set(pixels(result)) == {(0, 0, 0)}

    @pytest.mark.parametrize("array", [np.zeros((4, 5)), np.zeros((4, 5, 2), np.uint8), np.zeros((0, 5), np.uint8)])
    def test_wrong_arrays_are_unreadable(self, array: npt.NDArray[Any]) -> None:
        assert reason(array).startswith(f"an array of shape {array.shape} and dtype {array.dtype}")

    def test_pil_images_stay_as_they_are(self) -> None:
        image = picture().quantize(8)
        image.info["transparency"] = bytes(range(8))
        image.getexif()[0x0112] = 6
        before = (image.mode, image.size, image.tobytes(), image.getpalette("RGBA"), dict(image.info))
        result = load_image(image)
        content_hash(image)
        assert (image.mode, image.size, image.tobytes(), image.getpalette("RGBA"), dict(image.info)) == before
        assert image.im.getpalette("RGBA", "RGBA")[3] == 255  # Pillow's conversion writes alpha into the palette
        result.putpixel((0, 0), (1, 2, 3))
        assert image.tobytes() == before[2]

    def test_an_rgb_image_is_copied(self) -> None:
        image = picture()
        result = load_image(image)
        assert result.tobytes() == image.tobytes()
        result.putpixel((0, 0), (1, 2, 3))
        assert result.tobytes() != image.tobytes()

    def test_orientation_of_an_opened_image_counts(self, tmp_path: Path) -> None:
        for kind in ("JPEG", "PNG", "TIFF"):
            path = save(tmp_path, encoded(picture(), kind, exif=exif(6)))
            with Image.open(path) as image:
                assert load_image(image).tobytes() == load_image(path).tobytes()

    def test_current_frame_of_an_animation_is_taken_and_kept(self, tmp_path: Path) -> None:
        frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
        path = save(tmp_path, encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
        with Image.open(path) as image:
            image.seek(1)
            assert pixels(load_image(image))[0] == (0, 0, 255)
            assert image.tell() == 1
            image.seek(0)  # it is still open
            assert pixels(load_image(image))[0] == (255, 0, 0)

    def test_same_unread_image_in_many_threads(self, tmp_path: Path) -> None:
        path = save(tmp_path, encoded(picture(400, 300), "PNG"))
        expected = load_image(path).tobytes()
        for _ in range(5):
            with Image.open(path) as image, ThreadPoolExecutor(8) as pool:
                results = list(pool.map(lambda _, image=image: load_image(image).tobytes(), range(8)))
            assert set(results) == {expected}

    def test_closed_and_empty_and_damaged_images_are_unreadable(self, tmp_path: Path) -> None:
        image = Image.open(save(tmp_path, encoded(picture(), "PNG")))
        image.close()
        assert reason(image).startswith("truncated or damaged: ")
        assert reason(Image.new("RGB", (0, 4))) == "has no pixels"
        with Image.open(save(tmp_path, truncated(encoded(picture(), "PNG")))) as image:
            assert "image file is truncated" in reason(image)


class TestFiles:
    @pytest.mark.filterwarnings("error::ResourceWarning")
    @pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
    def test_are_always_closed(self, tmp_path: Path) -> None:
        bad = [tmp_path / name for name in make_bad_files(tmp_path)]
        good = []
        for name, make in KINDS.items():
            good.append(tmp_path / name)
            good[-1].write_bytes(make())
        gc.collect()
        n_before = len(os.listdir("/proc/self/fd"))
        results = []
        for path in (good + bad) * 5:
            try:
                results.append(load_image(path))
            except UnreadableImageError:
                continue
            assert len(os.listdir("/proc/self/fd")) == n_before
        assert len(results) == 5 * len(good)
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) == n_before

    def test_can_be_loaded_in_threads(self, tmp_path: Path) -> None:
        paths = []
        for name, make in KINDS.items():
            paths.append(tmp_path / name)
            paths[-1].write_bytes(make())
        expected = [load_image(path).tobytes() for path in paths]
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda path: load_image(path).tobytes(), paths * 5))
        assert results == expected * 5

    def test_result_does_not_need_the_file(self, tmp_path: Path) -> None:
        path = save(tmp_path, encoded(picture(), "BMP"))
        result = load_image(str(path))
        path.write_bytes(b"")
        assert result.tobytes() == picture().tobytes()

    def test_pillow_is_left_as_it_is(self, tmp_path: Path) -> None:
        before = (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, list(Image.ID), dict(Image.OPEN))
        for name in make_bad_files(tmp_path):
            reason(tmp_path / name)
        assert before == (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, list(Image.ID), dict(Image.OPEN))


class TestNoWarnings:
    @pytest.mark.filterwarnings("default")
    def test_damaged_and_truncated_files_warn_of_nothing(
        self, tmp_path: Path, recwarn: pytest.WarningsRecorder
    ) -> None:
        for name in make_bad_files(tmp_path / "bad"):
            reason(tmp_path / "bad" / name)
        for make in KINDS.values():
            for share in np.linspace(0.05, 0.9, 9):
                path = save(tmp_path, truncated(make(), share))
                with pytest.raises(UnreadableImageError):
                    load_image(path)
        assert [str(warning.message) for warning in recwarn.list] == []


class TestContentHash:
    def test_of_a_file_is_that_of_its_bytes(self, tmp_path: Path) -> None:
        data = encoded(picture(), "PNG")
        path = save(tmp_path, data)
        expected = hashlib.blake2b(data, digest_size=16).hexdigest()
        assert content_hash(path) == content_hash(str(path)) == expected
        assert len(expected) == 32

    def test_does_not_decode(self, tmp_path: Path) -> None:
        path = save(tmp_path, b"no image")
        assert content_hash(path) == hashlib.blake2b(b"no image", digest_size=16).hexdigest()

    def test_of_equal_pixels_is_equal(self) -> None:
        image = picture()
        array = np.asarray(image)
        assert content_hash(image) == content_hash(array) == content_hash(image.copy())
        assert content_hash(np.asfortranarray(array)) == content_hash(image)
        assert content_hash(array[:, :, :1]) == content_hash(array[:, :, 0])

    def test_of_an_opened_file_is_that_of_its_pixels(self, tmp_path: Path) -> None:
        with Image.open(save(tmp_path, encoded(picture(), "PNG"))) as image:
            assert content_hash(image) == content_hash(picture())

    def test_differs_wherever_the_picture_differs(self) -> None:
        image = picture()
        palette = image.quantize(8)
        other_palette = palette.copy()
        other_palette.putpalette([9] * 24)
        transparent = palette.copy()
        transparent.info["transparency"] = 1
        turned = image.copy()
        turned.info["exif"] = exif(6)
        pictures = [
            image,
            image.convert("L"),
            image.convert("RGBA"),
            image.convert("YCbCr"),
            Image.frombytes("RGB", (40, 48), image.tobytes()),
            ImageOps.flip(image),
            palette,
            other_palette,
            transparent,
            turned,
        ]
        assert len({content_hash(one) for one in pictures}) == len(pictures)

    def test_of_no_pixels_is_an_error(self) -> None:
        with pytest.raises(UnreadableImageError, match="image: has no pixels"):
            content_hash(Image.new("RGB", (4, 0)))


class TestHeic:
    def test_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make_bad_files(tmp_path)
        monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it were not installed
        assert reason(tmp_path / "header only.heic") == 'HEIC needs another package: pip install "concept-memes[heic]"'

    def test_is_read_where_pillow_heif_is_installed(self, tmp_path: Path) -> None:
        pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
        buffer = io.BytesIO()
        pillow_heif.from_pillow(picture()).save(buffer, quality=95, exif=exif(6)[6:])
        result = load_image(save(tmp_path, buffer.getvalue()))
        expected = picture().transpose(Image.Transpose.ROTATE_270)
        assert np.abs(np.asarray(result, dtype=int) - np.asarray(expected)).mean() < 12
