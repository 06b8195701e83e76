from __future__ import annotations

import gc
import logging
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from badfiles import bomb_gif, encoded, picture
from fuzz_loading import tiled_tiff, with_checksums
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from concept_memes.errors import InvalidParameterError, UnreadableImageError
from concept_memes.loading import frames as frames_module
from concept_memes.loading import load_frames, load_image, picture_files
from concept_memes.loading.frames import MAX_FRAME_PIXELS, chosen_frames, without_blank
from concept_memes.loading.pixel_room import PixelRoom

SIZES = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 20_000)), min_size=1, max_size=60)
ANIMATED = ("GIF", "WEBP", "PNG", "TIFF", "AVIF")


def numbered(number: int, size: tuple[int, int] = (32, 24)) -> Image.Image:
    """Make a frame whose left half is black and whose right half tells its number by its brightness."""
    image = Image.new("RGB", size)
    image.paste((number * 10,) * 3, (size[0] // 2, 0, *size))
    return image


def number_of(frame: Image.Image) -> int:
    assert frame.mode == "RGB"
    value = frame.getpixel((frame.width - 2, 2))
    assert isinstance(value, tuple)
    return round(value[0] / 10)


def save(folder: Path, frames: Sequence[Image.Image], kind: str = "GIF", **options: Any) -> Path:
    if kind == "WEBP":
        options.setdefault("lossless", True)
    path = folder / "animation"
    more = [frame.copy() for frame in frames[1:]]
    path.write_bytes(encoded(frames[0].copy(), kind, save_all=True, append_images=more, **options))
    return path


def numbers_in(path: Path, **options: Any) -> list[int]:
    return [number_of(frame) for frame in load_frames(path, **options)]


class TestChoosing:
    @given(SIZES, st.integers(1, 12), st.booleans())
    def test_the_first_and_then_in_rising_order_each_once(
        self, sizes: list[tuple[int, int]], most: int, in_order: bool
    ) -> None:
        chosen = chosen_frames(sizes, most, in_order=in_order)
        assert chosen[0] == 0
        assert chosen == sorted(set(chosen))
        assert 1 <= len(chosen) <= most
        assert chosen[-1] < len(sizes)

    @given(SIZES, st.integers(1, 12), st.booleans())
    def test_pixels_are_bounded_unless_one_picture_has_more(
        self, sizes: list[tuple[int, int]], most: int, in_order: bool
    ) -> None:
        chosen = chosen_frames(sizes, most, in_order=in_order)
        decoded = range(chosen[-1] + 1) if in_order else chosen
        assert len(chosen) == 1 or sum(sizes[i][0] * sizes[i][1] for i in decoded) <= MAX_FRAME_PIXELS

    @given(st.integers(1, 500), st.integers(1, 12), st.booleans())
    def test_steps_differ_by_one_at_most_and_short_files_are_taken_whole(
        self, n_frames: int, most: int, in_order: bool
    ) -> None:
        chosen = chosen_frames([(10, 10)] * n_frames, most, in_order=in_order)
        assert len(chosen) == min(most, n_frames)
        steps = np.diff([*chosen, n_frames])
        assert steps.max() - steps.min() <= 1

    def test_ten_thousand_frames_of_four_thousand_squared_are_eleven(self) -> None:
        assert chosen_frames([(4000, 4000)] * 10_000, 8, in_order=True) == [0, 1, 2, 4, 5, 6, 8, 9]
        assert chosen_frames([(4000, 4000)] * 10_000, 8, in_order=False)[-1] == 8750


class TestBlankFrames:
    blank = tuple(Image.new("RGB", (8, 8), color) for color in ("black", "white", "red"))

    def test_are_left_out(self) -> None:
        frames = [self.blank[0], numbered(1), self.blank[1], numbered(2), self.blank[2]]
        assert [number_of(frame) for frame in without_blank(frames)] == [1, 2]

    def test_stay_where_all_are_blank_but_only_the_first(self) -> None:
        assert list(without_blank(self.blank)) == [self.blank[0]]

    def test_black_made_uneven_by_compression_is_blank_and_a_faint_picture_is_not(self) -> None:
        uneven, faint = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8))
        uneven.putpixel((3, 3), (6, 5, 4))
        faint.putpixel((3, 3), (7, 0, 0))
        assert list(without_blank([uneven, faint])) == [faint]

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
    def test_a_black_beginning_does_not_decide(self, tmp_path: Path, kind: str) -> None:
        path = save(tmp_path, [Image.new("RGB", (32, 24)), numbered(12), numbered(20)], kind)
        assert numbers_in(path) == [12, 20]
        assert load_image(path).getextrema() == ((0, 0),) * 3
        frames = load_frames(path, most=1)
        assert [frame.tobytes() for frame in frames] == [load_image(path).tobytes()]
        assert frames.is_animation


class TestAnimations:
    @pytest.mark.parametrize("kind", ANIMATED)
    def test_frames_are_spread_evenly(self, tmp_path: Path, kind: str) -> None:
        path = save(tmp_path, [numbered(i) for i in range(1, 21)], kind)
        assert numbers_in(path) == [1, 3, 6, 8, 11, 13, 16, 18]
        assert numbers_in(path, most=3) == [1, 7, 14]
        assert numbers_in(path, most=1) == [1]
        assert numbers_in(path, most=100) == list(range(1, 21))

    @pytest.mark.parametrize("kind", ANIMATED)
    def test_frames_are_those_that_pillow_shows(self, tmp_path: Path, kind: str) -> None:
        clear = picture()
        clear.putalpha(Image.linear_gradient("L").resize(clear.size).point(lambda value: 255 * (value > 99)))
        moved = [Image.new("RGBA", clear.size) for _ in range(4)]
        for i, image in enumerate(moved):
            image.paste(clear, (5 * i, 3 * i))
        options = {"GIF": {"disposal": 2}, "PNG": {"disposal": 1}}.get(kind, {})
        path = save(tmp_path, moved, kind, **options)
        with Image.open(path) as image:
            expected = []
            for frame in ImageSequence.Iterator(image):
                white = Image.new("RGBA", image.size, "white")
                expected.append(Image.alpha_composite(white, frame.convert("RGBA")).convert("RGB"))
        found = list(load_frames(path))
        assert len(found) == len(expected) == 4
        for ours, theirs in zip(found, expected, strict=True):
            assert np.abs(np.asarray(ours, int) - np.asarray(theirs, int)).max() <= 1
        assert found[0].tobytes() == load_image(path).tobytes()

    @pytest.mark.parametrize("kind", ANIMATED)
    def test_is_animation_is_known_with_the_first_frame(self, tmp_path: Path, kind: str) -> None:
        for n_frames in (1, 2):
            frames = load_frames(save(tmp_path, [numbered(i + 1) for i in range(n_frames)], kind))
            next(frames)
            assert frames.is_animation == (n_frames == 2)
            frames.close()

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
    def test_a_still_is_one_frame_as_load_image_gives_it(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "still"
        path.write_bytes(encoded(picture(), kind))
        frames = load_frames(path)
        assert [frame.tobytes() for frame in frames] == [load_image(path).tobytes()]
        assert not frames.is_animation

    def test_a_still_of_one_colour_is_no_blank_frame(self, tmp_path: Path) -> None:
        path = tmp_path / "still"
        path.write_bytes(encoded(Image.new("RGB", (9, 9)), "PNG"))
        assert len(list(load_frames(path))) == 1

    def test_a_camera_file_with_several_pictures_is_a_still(self, tmp_path: Path) -> None:
        path = save(tmp_path, [picture(64, 64), picture(32, 32)], "MPO")
        frames = load_frames(path)
        assert [frame.size for frame in frames] == [(64, 64)]
        assert not frames.is_animation

    def test_pixels_of_a_user_are_one_frame(self, tmp_path: Path) -> None:
        with Image.open(save(tmp_path, [numbered(i) for i in range(1, 4)])) as image:
            image.seek(1)
            frames = load_frames(image)
            assert [number_of(frame) for frame in frames] == [2]
            assert not frames.is_animation
        assert [frame.size for frame in load_frames(np.zeros((4, 6), np.uint8))] == [(6, 4)]

    @pytest.mark.parametrize("kind", ["WEBP", "PNG", "TIFF"])  # Pillow crashes where it is to write such an AVIF
    def test_all_frames_are_upright(self, tmp_path: Path, kind: str) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        path = save(tmp_path, [numbered(i) for i in range(1, 4)], kind, exif=exif)
        expected = [numbered(i).transpose(Image.Transpose.ROTATE_270) for i in range(1, 4)]
        for ours, theirs in zip(load_frames(path), expected, strict=True):
            assert ours.size == theirs.size == (24, 32)
            assert np.abs(np.asarray(ours, int) - np.asarray(theirs, int)).mean() < 4

    def test_min_size_counts_for_stills(self, tmp_path: Path) -> None:
        path = tmp_path / "photo"
        path.write_bytes(encoded(picture(640, 480), "JPEG"))
        assert [frame.size for frame in load_frames(path, min_size=(80, 60))] == [(80, 60)]

    @pytest.mark.parametrize("most", [0, -1])
    def test_fewer_than_one_frame_is_an_error(self, most: int) -> None:
        with pytest.raises(InvalidParameterError, match="most must be at least 1"):
            load_frames("a.gif", most=most)


class TestPages:
    def test_smaller_copies_and_masks_are_no_frames(self, tmp_path: Path) -> None:
        path = save(tmp_path, [numbered(i) for i in range(1, 6)], "TIFF", tiffinfo={254: 2})
        data = bytearray(path.read_bytes())
        kind = struct.pack("<HHL", 254, 4, 1)
        places = [i for i in range(len(data)) if data.startswith(kind, i)]
        assert len(places) == 5
        for place, value in zip(places, (2, 1, 2, 4, 3), strict=True):
            data[place + 8 : place + 12] = struct.pack("<L", value)
        path.write_bytes(data)
        assert numbers_in(path) == [1, 3]
        data[places[0] + 8] = 1  # a smaller copy comes first
        path.write_bytes(data)
        assert numbers_in(path) == [3]
        assert number_of(load_image(path)) == 3
        data[places[2] + 8] = 1  # nothing but smaller copies
        path.write_bytes(data)
        frames = load_frames(path)
        assert [number_of(frame) for frame in frames] == [1]
        assert not frames.is_animation

    @pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
    @pytest.mark.parametrize("big_tiff", [False, True])
    def test_pages_of_any_size_and_compression(self, tmp_path: Path, compression: str | None, big_tiff: bool) -> None:
        sizes = [(32, 24), (60, 10), (10, 60)]
        pages = [numbered(i + 1, size) for i, size in enumerate(sizes)]
        found = list(load_frames(save(tmp_path, pages, "TIFF", compression=compression, big_tiff=big_tiff)))
        assert [(number_of(frame), frame.size) for frame in found] == list(enumerate(sizes, start=1))

    def test_pages_that_lead_in_a_circle_end(self, tmp_path: Path) -> None:
        path = save(tmp_path, [numbered(1), numbered(2)], "TIFF")
        data = bytearray(path.read_bytes())
        first = struct.unpack_from("<L", data, 4)[0]
        n_entries = struct.unpack_from("<H", data, first)[0]
        second = struct.unpack_from("<L", data, first + 2 + 12 * n_entries)[0]
        n_entries = struct.unpack_from("<H", data, second)[0]
        struct.pack_into("<L", data, second + 2 + 12 * n_entries, first)
        path.write_bytes(data)
        assert numbers_in(path) == [1, 2]

    def test_many_large_pages_are_fewer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(frames_module, "MAX_FRAME_PIXELS", 3 * 32 * 24)
        assert numbers_in(save(tmp_path, [numbered(i) for i in range(1, 10)], "TIFF")) == [1, 4, 7]


class TestDamageAndLimits:
    @pytest.mark.parametrize("kind", ANIMATED)
    def test_a_damaged_first_frame_is_an_error_on_asking_for_it(self, tmp_path: Path, kind: str) -> None:
        path = save(tmp_path, [picture(), numbered(2, (48, 40))], kind)
        path.write_bytes(path.read_bytes()[:200])
        frames = load_frames(path)
        with pytest.raises(UnreadableImageError) as caught:
            next(frames)
        assert caught.value.name == str(path)
        assert caught.value.reason.startswith("truncated or damaged: ")

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF"])
    def test_a_damaged_later_frame_ends_the_sequence(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
    ) -> None:
        noise = [Image.fromarray(np.random.default_rng(i).integers(0, 255, (40, 48, 3), np.uint8)) for i in range(4)]
        path = save(tmp_path, noise, kind)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * 0.8)])
        with caplog.at_level(logging.DEBUG, logger="concept_memes.loading.images"):
            n_frames = len(list(load_frames(path)))
        assert 1 <= n_frames < 4
        assert kind == "TIFF" or "and those after it are left out" in caplog.text

    def test_a_png_that_announces_more_frames_than_it_has(self, tmp_path: Path) -> None:
        path = save(tmp_path, [numbered(i) for i in range(1, 4)], "PNG")
        data = bytearray(path.read_bytes())
        at = data.index(b"acTL") + 4
        for announced in (4, 100, 0x7FFFFFFF):
            data[at : at + 4] = struct.pack(">L", announced)
            path.write_bytes(with_checksums(bytes(data)))
            assert numbers_in(path)[0] == 1

    @pytest.mark.parametrize("announced", [0, 0x80000001])
    def test_a_senseless_number_of_frames_leaves_the_first_without_a_warning(
        self, tmp_path: Path, recwarn: pytest.WarningsRecorder, announced: int
    ) -> None:
        path = save(tmp_path, [numbered(i) for i in range(1, 4)], "PNG")
        data = bytearray(path.read_bytes())
        at = data.index(b"acTL") + 4
        data[at : at + 4] = struct.pack(">L", announced)
        path.write_bytes(with_checksums(bytes(data)))
        assert numbers_in(path) == [1]
        assert not recwarn.list

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
    def test_frames_are_chosen_among_the_first_that_fit_the_limit(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        monkeypatch.setattr(frames_module, "MAX_FRAME_PIXELS", 12 * 32 * 24)
        frames = load_frames(save(tmp_path, [numbered(i) for i in range(1, 21)], kind), most=4)
        assert [number_of(frame) for frame in frames] == [1, 4, 7, 10]
        assert frames.is_animation

    def test_a_later_frame_that_enlarges_the_canvas_beyond_the_limit_ends_the_sequence(
        self, tmp_path: Path, recwarn: pytest.WarningsRecorder
    ) -> None:
        path = save(tmp_path, [numbered(i) for i in range(1, 4)])
        data = bytearray(path.read_bytes())
        at = data.rindex(b"\x21\xf9\x04") + 8  # the last frame, behind its control block
        assert data[at] == ord(",")
        data[at + 1 : at + 5] = struct.pack("<HH", 12_000, 9_000)
        path.write_bytes(data)
        assert numbers_in(path) == [1, 2]
        assert not recwarn.list

    def test_a_first_frame_beyond_the_canvas_is_refused_without_a_warning(
        self, tmp_path: Path, recwarn: pytest.WarningsRecorder
    ) -> None:
        data = bytearray(bomb_gif(48, 40))
        at = data.index(b"\x2c" + bytes(4))
        data[at + 1 : at + 5] = struct.pack("<HH", 12_000, 9_000)
        path = tmp_path / "bomb.gif"
        path.write_bytes(data)
        with pytest.raises(UnreadableImageError, match="too large: 12048 x 9040 pixels"):
            load_image(path)
        assert not recwarn.list

    def test_a_page_with_giant_tiles_is_refused(self, tmp_path: Path) -> None:
        data = bytearray(tiled_tiff(np.zeros((64, 64), np.uint8)))
        for tag in (322, 323):
            at = data.index(struct.pack("<HHLL", tag, 4, 1, 16))
            data[at + 8 : at + 12] = struct.pack("<L", 60_000)
        path = tmp_path / "bomb.tif"
        path.write_bytes(data)
        with pytest.raises(UnreadableImageError, match="too large: 60000 x 60000 pixels"):
            load_image(path)

    def test_files_are_closed_also_when_not_all_frames_are_taken(self, tmp_path: Path) -> None:
        path = save(tmp_path, [numbered(i) for i in range(1, 9)], "TIFF")
        gc.collect()
        n_before = len(os.listdir("/proc/self/fd"))
        frames = load_frames(path)
        assert len(os.listdir("/proc/self/fd")) == n_before
        next(frames)
        assert len(os.listdir("/proc/self/fd")) == n_before + 1
        frames.close()
        assert len(os.listdir("/proc/self/fd")) == n_before
        assert len(list(load_frames(path))) == 8
        assert len(os.listdir("/proc/self/fd")) == n_before


class TestRoom:
    @pytest.mark.parametrize("kind", ANIMATED)
    def test_frames_of_one_file_share_their_place(self, tmp_path: Path, kind: str) -> None:
        path = save(tmp_path, [numbered(i) for i in range(1, 4)], kind)
        room = PixelRoom(10_000)
        with room.hold() as held:
            for _ in load_frames(path, room=held):
                assert room.n_taken == 32 * 24
        assert room.n_taken == 0

    def test_a_shrunk_jpeg_takes_what_it_shrinks_to(self, tmp_path: Path) -> None:
        path = tmp_path / "photo"
        path.write_bytes(encoded(picture(640, 480), "JPEG"))
        room = PixelRoom(10_000)
        with room.hold() as held:
            load_image(path, min_size=(80, 60), room=held)
            assert room.n_taken == 80 * 60
            load_image(np.zeros((100, 90, 3), np.uint8), room=held)
            assert room.n_taken == 9000
            load_image(Image.new("L", (100, 95)), room=held)
            assert room.n_taken == 9500

    def test_the_place_is_taken_before_decoding(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "still"
        path.write_bytes(encoded(picture(), "PNG"))
        room = PixelRoom(10_000)
        taken = []
        load = picture_files.PngImageFile.load
        monkeypatch.setattr(
            picture_files.PngImageFile, "load", lambda image: (taken.append(room.n_taken), load(image))[1]
        )
        with room.hold() as held:
            load_image(path, room=held)
        assert taken[0] == 48 * 40
