"""Geometry of figures: properties that hold for every size, and the shapes that people see."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concept_memes.figures.layout import (
    MAX_HEIGHT,
    Page,
    Rect,
    best_columns,
    cell_grid,
    letterbox,
    plan_page,
    tile_boxes,
    tile_shape,
)

# No deadline: a busy machine is no defect of the geometry.
calm = settings(deadline=None, max_examples=50)
sides = st.integers(1, 5000)


def overlap(a: Rect | tuple[float, ...], b: Rect | tuple[float, ...]) -> bool:
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    return ax + aw > bx + 1e-9 and bx + bw > ax + 1e-9 and ay + ah > by + 1e-9 and by + bh > ay + 1e-9


def inside(a: Rect | tuple[float, ...], b: Rect | tuple[float, ...]) -> bool:
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    return ax >= bx - 1e-9 and ay >= by - 1e-9 and ax + aw <= bx + bw + 1e-9 and ay + ah <= by + bh + 1e-9


@calm
@given(sides, sides, sides, sides)
def test_letterbox_keeps_the_aspect_within_a_pixel_and_touches_the_box(w: int, h: int, box_w: int, box_h: int) -> None:
    x, y, width, height = letterbox((w, h), (box_w, box_h))
    assert inside((x, y, width, height), (0, 0, box_w, box_h))
    assert width == box_w or height == box_h
    scale = min(box_w / w, box_h / h)
    assert abs(width - w * scale) <= 1
    assert abs(height - h * scale) <= 1
    assert abs(2 * x + width - box_w) <= 1, "not centred across"
    assert abs(2 * y + height - box_h) <= 1, "not centred down"


@pytest.mark.parametrize(
    ("n_tiles", "shape"), [(1, (1, 1)), (2, (2, 1)), (3, (2, 2)), (4, (2, 2)), (6, (3, 2)), (8, (4, 2)), (9, (3, 3))]
)
def test_usual_numbers_of_tiles_have_tidy_shapes(n_tiles: int, shape: tuple[int, int]) -> None:
    assert tile_shape(n_tiles) == shape


@calm
@given(st.integers(1, 200))
def test_every_number_of_tiles_has_a_shape_with_room_and_no_empty_row(n_tiles: int) -> None:
    columns, rows = tile_shape(n_tiles)
    assert columns * (rows - 1) < n_tiles <= columns * rows
    assert rows <= columns <= 2 * rows


@calm
@given(st.integers(1, 30), st.integers(200, 900), st.integers(200, 900), st.integers(0, 6))
def test_tiles_are_equal_squares_inside_the_box_and_apart(n_tiles: int, width: int, height: int, gap: int) -> None:
    boxes = tile_boxes(n_tiles, (width, height), gap)
    assert len(boxes) == n_tiles
    assert {box[2:] for box in boxes} == {(boxes[0][2], boxes[0][2])}
    assert all(inside(box, (0, 0, width, height)) for box in boxes)
    grown = [(x, y, side + gap, side + gap) for x, y, side, _ in boxes]
    assert not any(overlap(a, b) for a, b in itertools.combinations(grown, 2))


@calm
@given(st.integers(1, 30), st.integers(50, 900), st.integers(50, 900))
def test_no_other_number_of_columns_makes_larger_tiles(n_tiles: int, width: int, height: int) -> None:
    _, side = best_columns(n_tiles, (width, height), 2)
    for columns in range(1, n_tiles + 1):
        rows = -(-n_tiles // columns)
        assert side >= min((width - 2 * (columns - 1)) // columns, (height - 2 * (rows - 1)) // rows)


def test_one_tile_fills_the_box_and_none_needs_none() -> None:
    assert tile_boxes(1, (300, 200), 5) == [(50, 0, 200, 200)]
    assert tile_boxes(0, (300, 200), 5) == []


def test_a_short_last_row_is_centred() -> None:
    assert [box[:2] for box in tile_boxes(5, (320, 210), 10)] == [(0, 0), (110, 0), (220, 0), (55, 110), (165, 110)]


@calm
@given(st.integers(1, 40), st.integers(1, 8), st.floats(0, 0.3))
def test_cells_are_equal_with_even_gutters(n_cells: int, columns: int, gutter: float) -> None:
    cells = cell_grid(n_cells, columns, Rect(1.0, 2.0, 30.0, 40.0), gutter)
    assert len(cells) == n_cells
    assert all(inside(cell, (1, 2, 30, 40)) for cell in cells)
    for left, right in itertools.pairwise(cells):
        if right.y == left.y:
            assert right.x - (left.x + left.width) == pytest.approx(gutter, abs=1e-9)
    for upper, lower in zip(cells, cells[columns:], strict=False):
        assert lower.y - (upper.y + upper.height) == pytest.approx(gutter, abs=1e-9)


def check_page(page: Page, n_cells: int) -> None:
    assert len(page.cells) == len(page.pictures) == len(page.texts) == n_cells
    paper = Rect(0, 0, page.width, page.height)
    for cell, picture, text in zip(page.cells, page.pictures, page.texts, strict=True):
        assert inside(cell, paper)
        assert not overlap(cell, page.footer)
        assert inside(picture, cell)
        assert inside(text, cell)
        assert not overlap(picture, text)
        assert min(picture.width, picture.height, text.width, text.height) > 0
    assert inside(page.footer, paper)
    columns = sum(cell.y == page.cells[0].y for cell in page.cells)
    for cell, following in itertools.pairwise(page.cells):
        assert following.y > cell.y or following.x >= cell.x + cell.width - 1e-9
    assert not any(overlap(a, b) for a, b in zip(page.cells, page.cells[columns:], strict=False))


@calm
@given(st.integers(1, 1500), st.integers(1, 12), st.integers(1, 3))
def test_grown_pages_hold_any_number_of_cards_at_full_text_size(n_cells: int, n_tiles: int, lines: int) -> None:
    page = plan_page(n_cells, tile_shape(n_tiles), lines)
    check_page(page, n_cells)
    assert page.scale == 1
    assert page.cells[0].width >= 2
    assert page.height <= MAX_HEIGHT + 5


@calm
@given(st.integers(1, 200), st.integers(1, 12), st.floats(0.5, 60), st.floats(0.5, 60))
def test_given_sizes_are_kept_whatever_has_to_fit(n_cells: int, n_tiles: int, width: float, height: float) -> None:
    page = plan_page(n_cells, tile_shape(n_tiles), 2, (width, height))
    check_page(page, n_cells)
    assert (page.width, page.height) == (width, height)


@pytest.mark.parametrize(("n_cells", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (9, 3), (10, 5), (16, 4), (50, 5)])
def test_few_cards_stand_in_a_block_and_many_in_a_page_to_scroll(n_cells: int, columns: int) -> None:
    page = plan_page(n_cells, (4, 2))
    assert sum(cell.y == page.cells[0].y for cell in page.cells) == columns


def test_the_figure_grows_with_the_rows_and_cards_stay_as_they_are() -> None:
    small, large = plan_page(50, (4, 2)), plan_page(200, (4, 2))
    assert large.height > 3 * small.height
    assert large.width == pytest.approx(small.width)
    assert large.cells[0].width == pytest.approx(small.cells[0].width)
    assert large.cells[0].height == pytest.approx(small.cells[0].height)


def test_a_high_figure_gets_fewer_columns_than_a_wide_one() -> None:
    wide, high = (plan_page(9, (4, 2), 1, size) for size in ((30.0, 5.0), (5.0, 30.0)))
    assert high.cells[1].y > high.cells[0].y
    assert wide.cells[4].y == wide.cells[0].y
