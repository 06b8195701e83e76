from __future__ import annotations

import io
import struct

from badfiles import encoded, gif_without_frames, picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from concept_memes.loading.gif_frames import gif_canvases


def gif(n_frames: int) -> bytes:
    frames = [picture().rotate(10 * i) for i in range(n_frames)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], comment=b"words" * 100, duration=40)


@given(st.integers(1, 12), st.integers(1, 15))
def test_frames_are_counted_as_pillow_counts_them_up_to_the_number_asked_for(n_frames: int, at_most: int) -> None:
    file = io.BytesIO(gif(n_frames))
    with Image.open(file) as image:
        assert image.n_frames == n_frames
    assert gif_canvases(file, at_most) == [(48, 40)] * min(n_frames, at_most)


def test_frames_that_reach_beyond_the_canvas_enlarge_it_for_good() -> None:
    data = bytearray(gif(4))
    places = [i + 8 for i in range(len(data)) if data.startswith(b"\x21\xf9\x04", i)]
    data[places[1] + 1 : places[1] + 9] = struct.pack("<4H", 10, 20, 100, 5)
    data[places[2] + 1 : places[2] + 9] = struct.pack("<4H", 10, 20, 5, 100)
    assert gif_canvases(io.BytesIO(data), 9) == [(48, 40), (110, 40), (110, 120), (110, 120)]


def test_a_gif_that_ends_too_early_has_the_frames_that_have_begun() -> None:
    data = gif(4)
    found = [len(gif_canvases(io.BytesIO(data[:n]), 9)) for n in range(len(data))]
    assert found == sorted(found)
    assert set(found) == {0, 1, 2, 3, 4}


def test_no_frames() -> None:
    assert gif_canvases(io.BytesIO(gif_without_frames()), 9) == []


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    assert len(gif_canvases(io.BytesIO(b"GIF89a" + data), 5)) <= 5
