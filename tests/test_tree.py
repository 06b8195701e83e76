"""The drawn tree of concepts: places, words where there is room, any number of concepts."""

from __future__ import annotations

import itertools

import pytest
from figuresets import SHAPES, box_of, check_texts, drawn, shapes_set, texts
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from concept_memes.concepts import HierarchyNode
from concept_memes.errors import InvalidParameterError
from concept_memes.figures.themes import DARK
from concept_memes.figures.tree import draw_hierarchy
from concept_memes.hierarchy import Hierarchy, build_hierarchy

FIVE = shapes_set()
TREE = Hierarchy(build_hierarchy(FIVE))


def named(tree: Hierarchy, words: tuple[str, ...]) -> Hierarchy:
    """Give words to the inner nodes."""
    return Hierarchy(
        tuple(
            HierarchyNode(
                node.index, node.children, node.concepts, node.size, node.similarity, words, (0.5,) * len(words)
            )
            if node.children
            else node
            for node in tree
        )
    )


def lines(figure: Figure, gid: str) -> Line2D:
    (line,) = [artist for artist in figure.artists if isinstance(artist, Line2D) and artist.get_gid() == gid]
    return line


def test_every_concept_has_a_row_with_pictures_words_and_size() -> None:
    figure = draw_hierarchy(FIVE, TREE)
    assert sorted(texts(figure, r"concept-\d-title")) == sorted(concept.title for concept in FIVE.concepts)
    assert texts(figure, "concept-0-detail") == ["9 images · #0"]
    tops = sorted(box_of(figure, f"concept-{n}-images").y1 for n in range(5))
    assert all(below < above for below, above in itertools.pairwise(tops))


def test_nodes_stand_at_their_similarities() -> None:
    figure = draw_hierarchy(FIVE, TREE)
    inner = [node for node in TREE if node.children]
    x = {node.index: lines(figure, f"node-{node.index}-join").get_xdata()[0] for node in inner}
    low, high = inner[-1], inner[0]
    per_unit = (x[high.index] - x[low.index]) / (high.similarity - low.similarity)
    for node in inner:
        assert x[node.index] == pytest.approx(x[low.index] + per_unit * (node.similarity - low.similarity))
    # The axis says the same.
    for number in texts(figure, "tick-.*-number"):
        (tick,) = [t for t in figure.texts if t.get_gid().endswith("-number") and t.get_text() == number]
        assert tick.get_position()[0] == pytest.approx(x[low.index] + per_unit * (float(number) - low.similarity))
    assert len(texts(figure, "tick-.*-number")) >= 3


def test_branches_lead_from_parents_to_children_and_never_cross() -> None:
    figure = draw_hierarchy(FIVE, TREE)
    for node in TREE:
        if node.children:
            ends = sorted(lines(figure, f"node-{child}-branch").get_ydata()[0] for child in node.children)
            assert sorted(lines(figure, f"node-{node.index}-join").get_ydata()) == pytest.approx(ends)
            assert lines(figure, f"node-{node.index}-branch").get_ydata()[0] == pytest.approx(sum(ends) / 2)
            for child in node.children:
                start = lines(figure, f"node-{child}-branch").get_xdata()[0]
                assert start == pytest.approx(lines(figure, f"node-{node.index}-join").get_xdata()[0])
    rows = [box_of(figure, f"concept-{n}-images").y1 for n in range(5)]
    for node in TREE:  # what is under a node stands together
        own = [rows[n] for n in node.concepts]
        others = [rows[n] for n in range(5) if n not in node.concepts]
        assert not any(min(own) < other < max(own) for other in others)


def test_of_two_branches_the_larger_comes_first() -> None:
    figure = draw_hierarchy(FIVE, TREE)
    for node in TREE:
        if node.children:
            large, small = sorted(node.children, key=lambda child: -TREE[child].size)
            above, below = (lines(figure, f"node-{child}-branch").get_ydata()[0] for child in (large, small))
            assert above > below


def test_nodes_have_as_many_words_as_there_is_room_for() -> None:
    root = len(TREE) - 1
    assert texts(draw_hierarchy(FIVE, named(TREE, ("shape", "thing"))), f"node-{root}-title") == ["shape, thing"]
    figure = draw_hierarchy(FIVE, named(TREE, ("shape", "W" * 40)))
    assert texts(figure, f"node-{root}-title") == ["shape"]
    assert texts(draw_hierarchy(FIVE, named(TREE, ("W" * 80,))), r"node-\d+-title") == []
    assert texts(draw_hierarchy(FIVE, TREE), r"node-\d+-title") == [], "no words, nothing to say"
    assert texts(draw_hierarchy(FIVE, TREE), f"node-{root}-detail") == ["5 concepts · 29 images"]


@pytest.mark.parametrize(
    ("n_concepts", "figsize"),
    [(1, None), (2, None), (3, None), (30, None), (200, None), (1, (3, 3)), (3, (3, 9)), (30, (5, 4)), (200, (30, 12))],
)
def test_texts_never_overlap_whatever_the_number_of_concepts(
    n_concepts: int, figsize: tuple[float, float] | None
) -> None:
    concept_set = shapes_set((SHAPES * 40)[:n_concepts], n_exemplars=2)
    tree = named(Hierarchy(build_hierarchy(concept_set)), ("shape", "something drawn", "thing"))
    figure = draw_hierarchy(concept_set, tree, figsize=figsize)
    assert len(texts(figure, r"concept-\d+-title")) == n_concepts
    check_texts(figure, dpi=600 if figsize else 100)
    if figsize:
        assert tuple(figure.get_size_inches()) == pytest.approx(figsize)


def test_words_on_branches_touch_no_branch() -> None:
    figure = draw_hierarchy(FIVE, named(TREE, ("shape", "thing")))
    renderer = figure.canvas.get_renderer()
    branches = [a for a in figure.artists if isinstance(a, Line2D) and a.get_gid().startswith("node")]
    labels = [text for text in figure.texts if text.get_gid().startswith("node")]
    assert len(labels) >= 4
    for text, branch in itertools.product(labels, branches):
        box = text.get_window_extent(renderer)
        x, y = branch.get_transform().transform(branch.get_xydata()).T
        touches = min(x) < box.x1 and max(x) > box.x0 and min(y) < box.y1 and max(y) > box.y0
        assert not touches, f"{text} and {branch.get_gid()}"


def test_a_tree_that_is_a_chain_is_drawn() -> None:
    concept_set = shapes_set((SHAPES * 10)[:40], n_exemplars=1)
    leaves = build_hierarchy(concept_set)[:40]
    nodes = [*leaves]
    for n in range(1, 40):
        below = 0 if n == 1 else len(nodes) - 1
        size = nodes[below].size + nodes[n].size
        nodes.append(HierarchyNode(len(nodes), (below, n), tuple(range(n + 1)), size, 0.9 - n / 100))
    figure = draw_hierarchy(concept_set, Hierarchy(tuple(nodes)))
    assert len(texts(figure, r"concept-\d+-title")) == 40
    check_texts(figure)


def test_the_dark_theme_is_dark() -> None:
    assert drawn(draw_hierarchy(FIVE, TREE, theme="dark"))[2, 2].tolist() == [
        int(DARK.paper[i : i + 2], 16) for i in (1, 3, 5)
    ]


def test_without_concepts_the_figure_says_so() -> None:
    assert texts(draw_hierarchy(shapes_set([]), Hierarchy(())), "head") == ["No concepts"]


def test_the_tree_of_other_concepts_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="a tree of 5.*these 2 concepts"):
        draw_hierarchy(shapes_set(SHAPES[:2]), TREE)
    with pytest.raises(InvalidParameterError, match="hierarchy"):
        draw_hierarchy(FIVE, Hierarchy(()))


@pytest.mark.parametrize("wrong", [{"figsize": (0, 1)}, {"theme": "blue"}])
def test_impossible_values_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        draw_hierarchy(FIVE, TREE, **wrong)
