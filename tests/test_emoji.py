"""Emoji in labels: drawn in colour where a font has them, a box and one warning where none has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from figuresets import SHAPES, box_of, check_texts, drawn, shapes_set, texts
from matplotlib import font_manager
from matplotlib.figure import Figure

from concept_memes.concepts import ConceptSet
from concept_memes.errors import AdjustedWarning
from concept_memes.figures import emoji
from concept_memes.figures.canvas import PaperFigure, Ruler
from concept_memes.figures.collage import draw_collage
from concept_memes.figures.fonts import choose_font, warn_missing
from concept_memes.figures.layout import Rect

PANDA, THUMB, FAMILY, FLAG = "\U0001f43c", "\U0001f44d\U0001f3fd", "\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea"
HEART = "\u2764\ufe0f"

needs_font = pytest.mark.skipif(
    not any(path.endswith("NotoColorEmoji.ttf") for path in font_manager.findSystemFonts()),
    reason="Noto Color Emoji is not installed",
)


def named(name: str) -> ConceptSet:
    concept_set = shapes_set(SHAPES[:1])
    return replace(concept_set, concepts=(replace(concept_set.concepts[0], name=name),))


def colors_in(figure: Figure, gid: str) -> float:
    """Return the share of pixels in a place that are no grey."""
    pixels, box = drawn(figure), box_of(figure, gid)
    cut = pixels[round(len(pixels) - box.y1) : round(len(pixels) - box.y0), round(box.x0) : round(box.x1)].astype(int)
    return float((np.ptp(cut, axis=2) > 60).mean())


@needs_font
@pytest.mark.parametrize("picture", ["\U0001f600", THUMB, HEART, FLAG])
def test_emoji_are_drawn_in_color_between_the_letters(picture: str) -> None:
    figure = draw_collage(named(f"my {picture} zoo"))
    assert texts(figure, "concept-0-title") == ["my ", " zoo"]
    assert colors_in(figure, "concept-0-title-emoji") > 0.2
    before, after = (t.get_window_extent(figure.canvas.get_renderer()) for t in figure.texts[:2])
    place = box_of(figure, "concept-0-title-emoji")
    assert before.x1 < place.x1
    assert place.x1 < after.x1
    assert before.x0 < place.x0
    check_texts(figure)


@needs_font
def test_a_family_is_one_picture_not_its_members_side_by_side() -> None:
    assert choose_font(FAMILY).emoji == (FAMILY,)
    picture = emoji.draw_emoji(FAMILY)
    assert picture.width == picture.height
    assert picture.getbbox() is not None


@needs_font
@pytest.mark.parametrize("align", ["left", "center", "right"])
def test_lines_with_emoji_are_aligned(align: str) -> None:
    figure = PaperFigure(4, 1)
    font = choose_font(f"{PANDA} zoo {PANDA}")
    ruler = Ruler(font, 12)
    figure.write(Rect(0.5, 0.2, 3.0, 0.3), font.text, ruler, color="black", gid="x", align=align)
    places = [a.get_window_extent(figure.canvas.get_renderer()) for a in figure.artists if a.get_gid() == "x-emoji"]
    width, free = 100 * ruler.width(font.text), 300 - 100 * ruler.width(font.text)
    start = 50 + {"left": 0.0, "center": 0.5, "right": 1.0}[align] * free
    assert places[0].x0 == pytest.approx(start, abs=3)
    assert places[1].x1 == pytest.approx(start + width, abs=3)


@needs_font
def test_long_titles_of_emoji_wrap_and_stay_in_their_card() -> None:
    figure = draw_collage(named(PANDA * 300))
    card = box_of(figure, "concept-0")
    pictures = [a for a in figure.artists if a.get_gid() == "concept-0-title-emoji"]
    assert len(pictures) > 20
    boxes = [picture.get_window_extent(figure.canvas.get_renderer()) for picture in pictures]
    assert all(card.x0 < box.x0 and box.x1 < card.x1 and card.y0 < box.y0 for box in boxes)
    assert len({round(box.y0) for box in boxes}) == 2
    assert texts(figure, "concept-0-title") == ["…"]


@needs_font
def test_numbers_and_letters_stay_letters() -> None:
    assert choose_font("no. 1 #hash © ™").emoji == ()


@pytest.mark.usefixtures("only_shipped_fonts")
def test_without_a_color_font_a_box_stands_for_each_and_one_warning_names_the_font() -> None:
    with pytest.warns(AdjustedWarning, match="fonts-noto-color-emoji") as caught:
        figure = draw_collage(named(f"{PANDA} zoo {PANDA}"))
    assert len(caught) == 1
    assert texts(figure, "concept-0-title") == ["□ zoo □"]


def test_fonts_that_come_out_empty_or_black_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emoji, "_is_colored", lambda image: False)
    assert emoji._color_font.__wrapped__() is None


@needs_font
def test_the_warning_leaves_out_what_is_drawn() -> None:
    choice = choose_font(f"{PANDA} \ue123")
    assert choice.missing == "\ue123"
    with pytest.warns(AdjustedWarning, match="U\\+E123"):
        warn_missing(choice.missing)
