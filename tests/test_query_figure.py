"""The figure of a query: its terms, its pictures in their order, the concepts that they are in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from figuresets import SHAPES, box_of, check_texts, draw_shape, drawn, shapes_set, texts
from PIL import ImageColor

from concept_memes.concepts import ConceptHit, ImageHit
from concept_memes.errors import InvalidParameterError
from concept_memes.figures.query import draw_query
from concept_memes.figures.themes import DARK, LIGHT
from concept_memes.queries import Query

FIVE = shapes_set()
NEAR = [ConceptHit(1, 0.41), ConceptHit(0, 0.39), ConceptHit(4, 0.2)]


def hits(*indices: int) -> list[ImageHit]:
    return [ImageHit(None, 0.9 - 0.01 * rank, index, int(FIVE.labels[index])) for rank, index in enumerate(indices)]


def test_pictures_stand_in_their_order_with_rank_score_and_concept() -> None:
    figure = draw_query(FIVE, Query("red"), hits(0, 9, 1, 30), NEAR)
    assert texts(figure, r"hit-\d-rank") == ["1", "2", "3", "4"]
    assert texts(figure, r"hit-\d-score") == ["0.90", "0.89", "0.88", "0.87"]
    assert texts(figure, r"hit-\d-concept") == [
        "red circle, ball, sun", "blue square, window", "red circle, ball, sun", "in no concept",
    ]  # fmt: skip
    places = [box_of(figure, f"hit-{rank}-image") for rank in range(4)]
    assert [(-round(place.y0), round(place.x0)) for place in places] == sorted(
        (-round(place.y0), round(place.x0)) for place in places
    )
    pixels = drawn(figure)
    middles = [pixels[round(len(pixels) - (p.y0 + p.y1) / 2), round((p.x0 + p.x1) / 2)] for p in places]
    assert middles[0][0] > 150 > middles[0][2]
    assert middles[1][2] > middles[1][0]


def test_concepts_are_counted_those_with_most_pictures_first() -> None:
    figure = draw_query(FIVE, Query("red"), hits(9, 0, 1, 2, 30, 31), NEAR)
    found = [text.get_gid() for text in figure.texts if text.get_gid().endswith("found")]
    assert found == ["concept-0-found", "concept-1-found", "concept-4-found"]
    assert texts(figure, ".*-found") == ["3 of 6 found here", "1 of 6 found here", "near, none found here"]
    assert texts(figure, "concept-0-detail") == ["9 images · #0 · similarity 0.39"]
    assert texts(figure, "groups-rest") == ["2 of 6 in no concept"]
    shares = [box_of(figure, f"concept-{n}-bar").width / box_of(figure, f"concept-{n}-track").width for n in (0, 1)]
    assert shares == pytest.approx([3 / 6, 1 / 6])


def test_where_a_title_is_too_long_what_is_said_stays() -> None:
    said = replace(FIVE.concepts[0], said=("overtime", "monday morning"))
    speaking = replace(FIVE, concepts=(said, *FIVE.concepts[1:]))
    figure = draw_query(speaking, Query("overtime"), hits(0), NEAR)
    assert said.title == "red circle, ball, sun “overtime” “monday morning”"
    assert texts(figure, "hit-0-concept") == ["red circle “overtime”"]
    assert texts(figure, "concept-0-title") == ["red circle “overtime”"]


def test_concepts_that_have_no_room_are_counted() -> None:
    many = shapes_set(SHAPES * 4)
    near = [ConceptHit(n, 0.5) for n in range(20)]
    figure = draw_query(many, Query("red"), [ImageHit(None, 0.9, 0, 0)], near)
    n_cards = len(texts(figure, r"concept-\d+-found"))
    assert n_cards >= 2
    assert texts(figure, "groups-rest") == [f"and {20 - n_cards} more concepts"]
    check_texts(figure)


def test_terms_are_written_and_drawn_with_their_signs() -> None:
    query = Query("animal") + draw_shape(0, 1) - 0.5 * Query("zoo")
    figure = draw_query(FIVE, query, hits(0), NEAR)
    assert texts(figure, r"query-\d") == ["animal", "zoo"]
    assert texts(figure, r"query-\d-sign") == ["+", "− 0.5 ×"]
    places = [box_of(figure, f"query-{n}") for n in range(3)]
    assert places[0].x1 < places[1].x0 < places[1].x1 < places[2].x0
    check_texts(figure)
    assert texts(draw_query(FIVE, -1 * Query("zoo"), hits(0), NEAR), r"query-0-sign") == ["−"]


@pytest.mark.parametrize("kind", ["image", "array", "path"])
def test_a_picture_as_query_is_drawn_however_it_comes(kind: str, tmp_path: Path) -> None:
    picture = draw_shape(0, 1)
    picture.save(tmp_path / "red.png")
    given = {"image": picture, "array": np.asarray(picture), "path": tmp_path / "red.png"}[kind]
    figure = draw_query(FIVE, Query(given), hits(0), NEAR)
    pixels, box = drawn(figure), box_of(figure, "query-0")
    red, green, blue = pixels[round(len(pixels) - (box.y0 + box.y1) / 2), round((box.x0 + box.x1) / 2)]
    assert red > 150 > max(green, blue)


def test_a_query_whose_file_is_gone_has_a_stand_in() -> None:
    figure = draw_query(FIVE, Query(Path("nowhere/gone.png")), hits(0), NEAR)
    pixels, box = drawn(figure), box_of(figure, "query-0")
    at = pixels[round(len(pixels) - box.y1) + 4, round(box.x0) + 4]
    assert tuple(at.tolist()) == ImageColor.getrgb(LIGHT.stand_in)


def test_long_queries_are_cut_and_many_terms_counted() -> None:
    long = draw_query(FIVE, Query("word " * 100), hits(0), NEAR)
    assert texts(long, "query-0")[0].endswith("…")
    query = Query("one word of many")
    for number in range(30):
        query = query + f"one word of many {number}"
    figure = draw_query(FIVE, query, hits(0, 1, 2), NEAR)
    n_terms = len(texts(figure, r"query-\d+"))
    assert texts(figure, "query-more") == [f"and {31 - n_terms} more"]
    check_texts(figure)


@pytest.mark.parametrize("figsize", [None, (6, 4), (20, 8), (6, 14)])
@pytest.mark.parametrize("n_hits", [1, 3, 12, 25])
def test_texts_never_overlap(n_hits: int, figsize: tuple[float, float] | None) -> None:
    figure = draw_query(FIVE, Query("red") + "blue", hits(*range(n_hits)), NEAR, figsize=figsize)
    assert len(texts(figure, r"hit-\d+-score")) == n_hits
    check_texts(figure, dpi=400 if figsize else 100)
    if figsize:
        assert tuple(figure.get_size_inches()) == pytest.approx(figsize)


def test_nothing_found_is_said() -> None:
    figure = draw_query(FIVE, Query("red"), [], [])
    assert texts(figure, "head|body") == ["No images found", "None of 33 images fits the query."]


def test_words_with_dollars_are_no_formulas() -> None:
    figure = draw_query(FIVE, Query("$x^2$ & a_b"), hits(0), NEAR)
    assert texts(figure, "query-0") == ["$x^2$ & a_b"]
    assert not any(text.get_parse_math() for text in figure.texts)


def test_themes_change_colors_and_nothing_else() -> None:
    light, dark = (draw_query(FIVE, Query("red"), hits(0, 9), NEAR, theme=theme) for theme in ("light", "dark"))
    assert [text.get_text() for text in light.texts] == [text.get_text() for text in dark.texts]
    assert {text.get_color() for text in light.texts} == {LIGHT.ink, LIGHT.muted}
    assert {text.get_color() for text in dark.texts} == {DARK.ink, DARK.muted}


def test_hits_of_another_set_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match=r"images=\[99\].*below 33"):
        draw_query(FIVE, Query("red"), [ImageHit(None, 0.9, 99, 0)], [])
    with pytest.raises(InvalidParameterError, match=r"concepts=\[7\].*below 5"):
        draw_query(FIVE, Query("red"), hits(0), [ConceptHit(7, 0.5)])


@pytest.mark.parametrize("wrong", [{"figsize": (0, 1)}, {"theme": "blue"}])
def test_impossible_values_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        draw_query(FIVE, Query("red"), hits(0), NEAR, **wrong)
