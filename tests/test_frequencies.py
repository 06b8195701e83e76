"""Bars of how many pictures a concept has: lengths, what is summed up, what is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from figuresets import SHAPES, box_of, check_texts, drawn, shapes_set, texts

from concept_memes.errors import InvalidParameterError
from concept_memes.figures.frequencies import draw_frequencies
from concept_memes.figures.themes import DARK, LIGHT

FIVE = shapes_set()


def test_bars_are_as_long_as_their_counts() -> None:
    figure = draw_frequencies(FIVE)
    lengths = [box_of(figure, f"concept-{n}-bar").width for n in range(5)]
    assert [round(9 * length / lengths[0], 6) for length in lengths] == [9, 7, 6, 4, 3]
    assert texts(figure, r"concept-\d-count") == ["9", "7", "6", "4", "3"]
    assert texts(figure, r"concept-\d-share") == ["27 %", "21 %", "18 %", "12 %", "9.1 %"]


def test_concepts_stand_from_the_largest_down_with_their_titles_and_pictures() -> None:
    figure = draw_frequencies(FIVE)
    assert texts(figure, r"concept-\d-title")[0] == "red circle, ball, sun"
    tops = [box_of(figure, f"concept-{n}-image").y1 for n in range(5)]
    assert tops == sorted(tops, reverse=True)
    pixels, box = drawn(figure), box_of(figure, "concept-0-image")
    red, green, blue = pixels[round(len(pixels) - (box.y0 + box.y1) / 2), round((box.x0 + box.x1) / 2)]
    assert red > 150 > max(green, blue)


def test_smaller_concepts_are_one_bar() -> None:
    figure = draw_frequencies(FIVE, top_n=2)
    assert texts(figure, ".*-title") == [
        "red circle, ball, sun", "blue square, window", "3 smaller concepts", "in no concept", "not readable",
    ]  # fmt: skip
    assert texts(figure, "smaller-count") == ["13"]
    with pytest.raises(ValueError, match="unpack"):
        box_of(figure, "concept-2-bar")


def test_one_smaller_concept_has_its_own_bar() -> None:
    assert texts(draw_frequencies(FIVE, top_n=4), ".*-title")[4] == "orange ring, life belt"


def test_pictures_in_none_are_told_from_unreadable_ones() -> None:
    figure = draw_frequencies(shapes_set(n_noise=4, n_skipped=2))
    assert texts(figure, "none-(title|count)") == ["in no concept", "4"]
    assert texts(figure, "unreadable-(title|count)") == ["not readable", "2"]
    clean = draw_frequencies(shapes_set(n_noise=0, n_skipped=0))
    assert texts(clean, "none-title|unreadable-title") == []
    assert not [artist for artist in clean.get_children() if artist.get_gid() == "rule"]


def test_counts_add_up_to_the_collection() -> None:
    figure = draw_frequencies(FIVE, top_n=2)
    assert sum(int(count) for count in texts(figure, ".*-count")) == len(FIVE.images)


def test_a_sum_that_is_longer_than_the_scale_is_drawn_broken() -> None:
    figure = draw_frequencies(shapes_set(n_noise=40))
    assert box_of(figure, "none-bar").width == pytest.approx(box_of(figure, "concept-0-bar").width)
    gids = [artist.get_gid() for artist in figure.get_children()]
    assert "none-break" in gids
    assert "concept-0-break" not in gids
    assert "unreadable-break" not in gids


@pytest.mark.parametrize("figsize", [None, (4, 3), (16, 5), (4, 14)])
@pytest.mark.parametrize("n_concepts", [1, 5, 60])
def test_texts_never_overlap(n_concepts: int, figsize: tuple[float, float] | None) -> None:
    shapes = [(("a word that is longer than most", "W" * 60), 12), *(SHAPES * 12)][:n_concepts]
    figure = draw_frequencies(shapes_set(shapes, n_noise=300), top_n=40, figsize=figsize)
    check_texts(figure, dpi=400 if figsize else 100)
    if figsize:
        assert tuple(figure.get_size_inches()) == pytest.approx(figsize)


def test_a_long_name_of_a_model_stays_in_a_small_figure() -> None:
    figure = draw_frequencies(replace(FIVE, encoder_name="model-" * 30), figsize=(4, 3))
    assert texts(figure, "model")[0].endswith("…")
    assert texts(figure, "counts") == []
    check_texts(figure, dpi=400)


def test_themes_change_colors_and_nothing_else() -> None:
    light, dark = draw_frequencies(FIVE), draw_frequencies(FIVE, theme="dark")
    assert [text.get_text() for text in light.texts] == [text.get_text() for text in dark.texts]
    assert (light.get_facecolor(), dark.get_facecolor()) != (dark.get_facecolor(), light.get_facecolor())
    assert {text.get_color() for text in light.texts} == {LIGHT.ink, LIGHT.muted}
    assert {text.get_color() for text in dark.texts} == {DARK.ink, DARK.muted}


def test_without_concepts_the_figure_says_so() -> None:
    figure = draw_frequencies(shapes_set([]))
    assert texts(figure, "head|body") == ["No concepts", "4 images are in none. 1 of them could not be read."]


@pytest.mark.parametrize("wrong", [{"top_n": 0}, {"figsize": (0, 1)}, {"theme": "blue"}])
def test_impossible_values_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        draw_frequencies(FIVE, **wrong)
