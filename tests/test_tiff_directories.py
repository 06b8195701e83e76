from __future__ import annotations

import io
import struct

import pytest
from badfiles import encoded, picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from concept_memes.loading.tiff_directories import (
    ORIENTATION,
    PageView,
    first_directory,
    first_value,
    frame_directories,
)

MARKS = {"<": b"II", ">": b"MM"}


def entry(order: str, tag: int, kind: int, count: int, value: int) -> bytes:
    """Make an entry with a value of two bytes, or four."""
    packed = struct.pack(order + ("H" if kind == 3 and count == 1 else "L"), value).ljust(4, b"\0")
    return struct.pack(order + "HHL", tag, kind, count) + packed


def tiff(*directories: list[bytes], order: str = "<", last: int = 0) -> bytes:
    data = MARKS[order] + struct.pack(order + "HL", 42, 8)
    for i, entries in enumerate(directories):
        end = len(data) + 2 + sum(map(len, entries)) + 4
        link = end if i < len(directories) - 1 else last
        data += struct.pack(order + "H", len(entries)) + b"".join(entries) + struct.pack(order + "L", link)
    return data


def page(order: str = "<", width: int = 5, kind: int | None = None) -> list[bytes]:
    entries = [entry(order, 256, 3, 1, width), entry(order, 257, 3, 1, 4)]
    return entries + ([entry(order, 254, 4, 1, kind)] if kind is not None else [])


@pytest.mark.parametrize("order", ["<", ">"])
def test_sizes_in_either_order_of_bytes(order: str) -> None:
    directory = first_directory(io.BytesIO(tiff(page(order), order=order)))
    assert directory.size == (5, 4)
    assert directory.tile_size == (0, 0)
    assert directory.is_frame
    assert directory.next_offset == 0


@pytest.mark.parametrize("big_tiff", [False, True])
def test_pages_as_pillow_writes_them(big_tiff: bool) -> None:
    pages = [picture(10 + i, 20) for i in range(5)]
    file = io.BytesIO(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], big_tiff=big_tiff))
    found = frame_directories(file, 9)
    assert [directory.size for directory in found] == [(10 + i, 20) for i in range(5)]
    assert all(directory.is_sound(len(file.getvalue())) for directory in found)
    assert len(frame_directories(file, 2)) == 2


def test_smaller_copies_and_masks_are_no_frames() -> None:
    pages = [page(width=i + 1, kind=kind) for i, kind in enumerate((0, 1, 2, 3, 4, 5))]
    pages.append([*page(width=7), entry("<", 255, 3, 1, 2)])
    assert [each.size[0] for each in frame_directories(io.BytesIO(tiff(*pages)), 9)] == [1, 3]
    only_copies = tiff(page(width=1, kind=1), page(width=2, kind=1))
    assert [each.size[0] for each in frame_directories(io.BytesIO(only_copies), 9)] == [1]


def test_pages_that_lead_in_a_circle_end() -> None:
    assert len(frame_directories(io.BytesIO(tiff(page(), page(), page(), last=8)), 9)) == 3


def test_pages_end_at_the_first_that_is_damaged() -> None:
    data = tiff(page(), page(), page())
    assert [len(frame_directories(io.BytesIO(data[:n]), 9)) for n in (len(data), len(data) - 1, 50)] == [3, 2, 1]
    outside = [*page(), entry("<", 700, 7, 500, 10)]
    assert len(frame_directories(io.BytesIO(tiff(page(), outside, page())), 9)) == 1
    assert len(frame_directories(io.BytesIO(tiff(page(), page(), last=2**31)), 9)) == 2


def test_values_beyond_the_end_and_several_sizes_are_not_sound() -> None:
    for extra, sound in (((700, 7, 10, 0), True), ((700, 7, 10, 9_000), False), ((700, 7, 9_000, 0), False)):
        data = tiff([*page(), entry("<", *extra)])
        assert first_directory(io.BytesIO(data)).is_sound(len(data)) == sound
    data = tiff([*page(), entry("<", 282, 3, 2, 1)])
    assert not first_directory(io.BytesIO(data)).makes_sense


@pytest.mark.parametrize("n_bytes", range(0, 38, 3))
def test_a_file_that_ends_in_its_first_directory(n_bytes: int) -> None:
    with pytest.raises(struct.error):
        first_directory(io.BytesIO(tiff(page())[:n_bytes]))


def test_a_value_is_found_before_damage() -> None:
    data = tiff([entry("<", ORIENTATION, 3, 1, 6), *page()])
    assert first_value(io.BytesIO(data), ORIENTATION) == 6
    assert first_value(io.BytesIO(data[:24]), ORIENTATION) == 6
    assert first_value(io.BytesIO(data[:20]), ORIENTATION) is None
    assert first_value(io.BytesIO(data), 999) is None


@given(st.binary(max_size=200), st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b""]))
def test_any_bytes_have_an_answer_or_a_known_error(data: bytes, magic: bytes) -> None:
    file = io.BytesIO(magic + data)
    first_value(file, ORIENTATION)
    try:
        assert 1 <= len(frame_directories(file, 4)) <= 4
    except (struct.error, OverflowError):
        return


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(-1, 30)), max_size=9), st.sampled_from(["<", ">"]))
def test_a_view_is_the_file_but_for_where_it_begins(steps: list[tuple[int, int]], order: str) -> None:
    data = tiff(page(order), page(order, width=9), order=order)
    second = frame_directories(io.BytesIO(data), 2)[1]
    expected = io.BytesIO(data[:4] + struct.pack(order + "L", second.offset) + data[8:])
    view = PageView(io.BytesIO(data), second)
    assert view.read(3) == expected.read(3)
    for place, n_bytes in steps:
        assert view.seek(place) == expected.seek(place)
        assert view.read(n_bytes) == expected.read(n_bytes)
        assert view.tell() == expected.tell()
    view.seek(0)
    assert first_directory(io.BytesIO(view.read())).size == (9, 4)


def test_a_view_of_a_page_is_opened_by_pillow_as_that_page() -> None:
    pages = [Image.new("L", (10 + i, 20), 50 * i) for i in range(3)]
    file = io.BytesIO(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    for i, directory in enumerate(frame_directories(file, 9)):
        view = PageView(file, directory)
        assert Image.open(io.BytesIO(view.read())).tobytes() == pages[i].tobytes()


def test_directories_that_lie_over_each_other_are_not_all_read() -> None:
    n_entries, n_pages = 65_535, 40
    data = bytearray(8 + 2 + 12 * n_entries + 4 + 6 * n_pages)
    data[:8] = struct.pack("<2sHL", b"II", 42, 8)
    for at in range(8, 8 + 6 * n_pages, 6):
        struct.pack_into("<H", data, at, n_entries)
        struct.pack_into("<L", data, at + 2 + 12 * n_entries, at + 6)
    assert 1 < len(frame_directories(io.BytesIO(bytes(data)), 10_000)) < n_pages / 2
