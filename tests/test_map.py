from __future__ import annotations

import socket
import sys
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pytest
from figuresets import SHAPES, shapes_set
from matplotlib import pyplot
from matplotlib.text import Text

from concept_memes.concepts import ConceptSet
from concept_memes.errors import AdjustedWarning, InvalidParameterError, MissingExtraError
from concept_memes.figures.map import MOST_LABELS, draw_map
from concept_memes.figures.themes import find_theme

pytest.importorskip("datamapplot", reason='maps need pip install "concept-memes[map]"')


def labels_of(figure: Any) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in figure.axes[0].texts]


def many_kinds(n_kinds: int, n: int) -> ConceptSet:
    return shapes_set([((f"kind {i}",), n) for i in range(n_kinds)], n_noise=0, n_skipped=0)


def test_each_concept_has_a_label_and_the_figure_its_counts() -> None:
    figure = draw_map(shapes_set())
    assert sorted(labels_of(figure)) == sorted(
        ["red circle, ball, sun", "blue square, window", "green triangle, tent, mountain", "violet star",
         "orange ring, life belt"]
    )  # fmt: skip
    texts = {text.get_gid(): text.get_text() for text in figure.texts}
    assert texts["head"] == "32 images in 5 concepts"
    assert "3 in none" in texts["counts"]
    assert "1 not readable" in texts["counts"]
    assert texts["model"] == "model: shapes"


def test_every_picture_that_could_be_read_is_a_point_and_those_in_none_are_grey() -> None:
    concept_set = shapes_set()
    points = draw_map(concept_set).axes[0].collections[0]
    assert len(points.get_offsets()) == 32
    colors = [matplotlib.colors.to_hex(color) for color in points.get_facecolors()]
    grey = find_theme("light").line
    assert [color == grey for color in colors] == (concept_set.labels[:32] < 0).tolist()
    assert len(set(colors)) == 6


def test_a_title_of_the_users_own() -> None:
    figure = draw_map(shapes_set(), title="My $5 shapes")
    assert figure.texts[0].get_text() == "My $5 shapes"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ground_and_paper_are_those_of_the_theme(theme: Any) -> None:
    figure = draw_map(shapes_set(), theme=theme)
    assert matplotlib.colors.to_hex(figure.get_facecolor()) == find_theme(theme).paper


def test_labels_lie_within_the_figure_and_do_not_overlap() -> None:
    figure = draw_map(many_kinds(30, 4))
    renderer = figure.canvas.get_renderer()
    boxes = [Text.get_window_extent(text, renderer) for text in figure.axes[0].texts]  # without the lines
    width, height = figure.get_size_inches() * figure.dpi
    assert len(boxes) == 30
    for place, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
        assert not any(box.overlaps(other) for other in boxes[:place])


@pytest.mark.parametrize(("n_kinds", "n"), [(0, 1), (1, 1), (1, 20), (2, 1), (2, 8), (3, 1), (4, 3)])
def test_few_pictures_and_few_concepts(n_kinds: int, n: int) -> None:
    shapes = [((f"kind {i}",), n) for i in range(n_kinds)]
    figure = draw_map(shapes_set(shapes, n_noise=0 if n_kinds else n, n_skipped=0))
    assert sorted(labels_of(figure)) == [f"kind {i}" for i in range(n_kinds)]
    assert figure._repr_png_()[:4] == b"\x89PNG"


def test_all_pictures_in_one_place() -> None:
    concept_set = many_kinds(1, 5)
    figure = draw_map(replace(concept_set, positions=np.full((5, 2), 0.5, np.float32)))
    assert labels_of(figure) == ["kind 0"]
    low, high = figure.axes[0].get_xlim()
    assert high - low > 0.5


def test_of_very_many_concepts_the_largest_have_labels() -> None:
    concept_set = shapes_set([((f"kind {i}",), 3 if i < 100 else 1) for i in range(500)], n_noise=0, n_skipped=0)
    figure = draw_map(concept_set)
    assert len(labels_of(figure)) == MOST_LABELS
    assert {int(label.split()[1]) for label in labels_of(figure)} <= set(range(100))
    assert len({tuple(color) for color in figure.axes[0].collections[0].get_facecolors()}) > 400


def test_nothing_that_could_be_read() -> None:
    concept_set = replace(shapes_set(), positions=np.full((33, 2), np.nan, np.float32))
    figure = draw_map(concept_set)
    assert "No image could be read." in [text.get_text() for text in figure.texts]


def test_words_are_no_formulas_and_concepts_of_one_title_are_told_apart() -> None:
    concept_set = shapes_set()
    concepts = [replace(concept, words=("$x_1$ and $y$",)) for concept in concept_set.concepts]
    texts = draw_map(replace(concept_set, concepts=tuple(concepts))).axes[0].texts
    assert len({text.get_text() for text in texts}) == len(SHAPES)
    figure = draw_map(replace(concept_set, concepts=(replace(concepts[0], words=("$\\broken{",)), *concepts[1:])))
    figure._repr_png_()  # a formula that is none would raise


@pytest.mark.usefixtures("only_shipped_fonts")
def test_characters_that_no_font_has_are_told_once() -> None:
    concept_set = shapes_set()
    concepts = (replace(concept_set.concepts[0], words=("熊猫",)), *concept_set.concepts[1:])
    with pytest.warns(AdjustedWarning, match="熊") as record:
        figure = draw_map(replace(concept_set, concepts=concepts))
    assert len(record) == 1
    assert "□□" in labels_of(figure)


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def refuse(*args: Any, **_: Any) -> None:
        asked.append(args)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    draw_map(shapes_set())
    assert asked == []


def test_pyplot_and_the_settings_of_the_user_stay_as_they_are() -> None:
    with matplotlib.rc_context({"axes.facecolor": "red", "lines.linewidth": 7.0, "font.size": 30.0}):
        before, backend, open_before = dict(matplotlib.rcParams), matplotlib.get_backend(), pyplot.get_fignums()
        loud = draw_map(shapes_set())._repr_png_()
        assert dict(matplotlib.rcParams) == before
        assert matplotlib.get_backend() == backend
        assert pyplot.get_fignums() == open_before
    assert draw_map(shapes_set())._repr_png_() == loud


def test_the_same_set_gives_the_same_figure() -> None:
    assert draw_map(shapes_set())._repr_png_() == draw_map(shapes_set())._repr_png_()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datamapplot", None)
    with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[map\]"'):
        draw_map(shapes_set())


def test_a_set_without_places_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="a set with positions"):
        draw_map(replace(shapes_set(), positions=None))


def test_a_size_of_the_users_own() -> None:
    figure = draw_map(shapes_set(), figsize=(6, 5))
    assert tuple(figure.get_size_inches()) == pytest.approx((6, 5))
