from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from concept_memes.memes.lines import TextLine, caption_lines, in_reading_order, united

HEIGHT = 400  # of the pictures


def line(text: str, left: float, top: float, width: float, height: float, certainty: float = 1.0) -> TextLine:
    right, bottom = left + width, top + height
    return TextLine(text, certainty, np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32))


def texts(lines: list[TextLine]) -> list[str]:
    return [one.text for one in lines]


def test_lines_are_read_from_top_to_bottom_and_side_by_side_from_left_to_right() -> None:
    lines = [
        line("one", 10, 10, 80, 20),
        line("two", 120, 14, 80, 20),
        line("three", 60, 50, 80, 20),
        line("four", 10, 90, 80, 20),
    ]
    for shuffled in permutations(lines):
        assert texts(in_reading_order(shuffled)) == ["one", "two", "three", "four"]


def test_vertical_lines_are_read_from_right_to_left() -> None:
    lines = [line("还有位置吗", 250, 20, 40, 200), line("带我一个", 190, 20, 40, 160)]
    for shuffled in permutations(lines):
        assert texts(in_reading_order(shuffled)) == ["还有位置吗", "带我一个"]


def test_a_vertical_line_does_not_mix_up_the_lines_beside_it() -> None:
    lines = [line("above", 10, 10, 150, 20), line("below", 60, 190, 150, 20), line("加班加班", 300, 5, 40, 200)]
    for shuffled in permutations(lines):
        ordered = texts(in_reading_order(shuffled))
        assert ordered.index("above") < ordered.index("below")


def test_small_print_beside_a_caption_is_left_out() -> None:
    caption = [line("我不学了", 20, 300, 300, 60), line("把钱还给我", 20, 230, 300, 60)]
    assert texts(caption_lines([line("site.com", 5, 5, 60, 15), *caption], HEIGHT)) == ["我不学了", "把钱还给我"]
    assert texts(caption_lines([line("达内教育", 5, 5, 60, 30), *caption], HEIGHT)) == ["我不学了", "把钱还给我"]


def test_beside_ideographs_a_line_in_latin_letters_has_to_be_nearly_as_high() -> None:
    caption = line("垃圾语言毁我青春", 20, 300, 300, 50)
    assert texts(caption_lines([line("Judicial", 5, 5, 99, 35), caption], HEIGHT)) == ["垃圾语言毁我青春"]
    assert texts(caption_lines([line("司法考试", 5, 5, 99, 35), caption], HEIGHT)) == ["司法考试", "垃圾语言毁我青春"]
    assert texts(caption_lines([line("Ruby", 5, 5, 99, 40), caption], HEIGHT)) == ["Ruby", "垃圾语言毁我青春"]
    english = line("OVERTIME AGAIN AND AGAIN", 20, 300, 300, 50)
    assert texts(caption_lines([line("Monday", 5, 5, 99, 35), english], HEIGHT)) == [
        "Monday",
        "OVERTIME AGAIN AND AGAIN",
    ]


def test_small_lines_stay_where_they_say_the_most() -> None:
    page = [line("THE HEADING OF A PAGE", 10, 10, 380, 60)]
    page += [line(f"and line {i} of what stands below it", 10, 90 + 30 * i, 380, 20) for i in range(4)]
    assert caption_lines(page, HEIGHT) == page


def test_what_was_read_with_less_certainty_than_the_rest_is_left_out() -> None:
    sure = line("OVERTIME", 10, 200, 200, 40)
    assert texts(caption_lines([line("xqvz", 10, 10, 200, 40, 0.75), sure], HEIGHT)) == ["OVERTIME"]
    assert texts(caption_lines([line("AGAIN", 10, 10, 200, 40, 0.85), sure], HEIGHT)) == ["AGAIN", "OVERTIME"]
    assert texts(caption_lines([line("AGAIN", 10, 10, 200, 40, 0.75)], HEIGHT)) == ["AGAIN"]
    assert texts(caption_lines([line("AGAIN", 10, 10, 200, 40, 0.55)], HEIGHT)) == []


@pytest.mark.parametrize("text", ["O", "8", "00", "oO0", "P", "★", "?!"])
def test_shapes_that_look_like_letters_are_no_text(text: str) -> None:
    assert caption_lines([line(text, 100, 100, 40, 40)], HEIGHT) == []
    assert texts(caption_lines([line("OVERTIME", 10, 300, 300, 40), line(text, 50, 50, 150, 150)], HEIGHT)) == [
        "OVERTIME"
    ]


def test_short_captions_are_text() -> None:
    for text in ("no", "me", "42", "OK", "滚"):
        assert texts(caption_lines([line(text, 100, 300, 80, 60)], HEIGHT)) == [text]
    assert caption_lines([line("no", 100, 300, 80, 60, 0.8)], HEIGHT) == []
    assert caption_lines([line("业", 10, 10, 300, 300)], HEIGHT) == []  # a lotus


@pytest.mark.parametrize("text", ["ZZ", "区区"])
def test_two_letters_that_fill_a_picture_are_a_shape(text: str) -> None:
    assert caption_lines([line(text, 10, 60, 380, 300)], HEIGHT) == []
    assert texts(caption_lines([line(text, 10, 60, 380, 220)], HEIGHT)) == [text]
    assert texts(caption_lines([line("ZZZ", 10, 60, 380, 300)], HEIGHT)) == ["ZZZ"]


def test_a_single_letter_that_ends_a_caption_stays() -> None:
    lines = [line("面试通过率很", 10, 300, 300, 40), line("高", 320, 305, 36, 36), line("厚", 10, 10, 120, 160)]
    assert texts(caption_lines(lines, HEIGHT)) == ["面试通过率很", "高"]


def test_of_no_lines_nothing_stays() -> None:
    assert caption_lines([], HEIGHT) == in_reading_order([]) == []


def test_frames_are_united_line_by_line() -> None:
    assert united([]) == united([""]) == ""
    assert united(["", "hello there", "hello there", ""]) == "hello there"
    assert united(["first\nsecond", "second\nthird"]) == "first\nsecond\nthird"
    assert united(["你", "你好", "你好世界"]) == "你好世界"
    assert united(["我绝对不会鸽你", "我绝对不会鸽尔"]) == "我绝对不会鸽你"
    assert united(["大家好", "6大家好", "占大家好"]) == "大家好"
    assert united(["yes", "no"]) == "yes\nno"


def test_a_line_that_stands_twice_in_one_frame_stands_twice_in_the_text() -> None:
    assert united(["不能砍\n不能砍"]) == "不能砍\n不能砍"
    assert united(["不能砍\n不能砍", "不能砍\n不能砍"]) == "不能砍\n不能砍"
    assert united(["...", "..."]) == "..."
