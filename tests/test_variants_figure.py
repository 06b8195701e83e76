"""The figure of templates and their variants: what stands in it, and what it looks like (see test_baselines.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from figuresets import DRAWN_ALIKE, THEMES, check_texts, compared, drawn, texts
from matplotlib.figure import Figure
from memevariants import variant

from concept_memes.concepts import ConceptSet, ImageRecord
from concept_memes.errors import InvalidParameterError
from concept_memes.figures.themes import ThemeName
from concept_memes.figures.variants import draw_variants
from concept_memes.findings import PictureTexts
from concept_memes.memes.groups import CopyGroup, VariantGroup

WORDS = ("", "no", "when the code works and you know exactly why it does", "42", "me", "why")


def memes(n_templates: int, n_variants: int = 3, *, read: bool = True) -> tuple[ConceptSet, list[VariantGroup]]:
    """Return drawn templates with captions, the second picture of each with two copies."""
    pixels, captions, groups = [], [], []
    for number in range(n_templates):
        copies = []
        for caption in range(n_variants):
            n = 3 if caption == 1 else 1
            copies.append(CopyGroup(tuple(range(len(pixels), len(pixels) + n)), ("itself", *["near"] * (n - 1))))
            pixels += [variant(number, WORDS[caption % len(WORDS)], ((90, 60), (60, 60), (60, 90))[number % 3])] * n
            captions += [WORDS[caption % len(WORDS)]] * n
        in_order = tuple(sorted(copies, key=lambda group: -len(group.images)))
        groups.append(VariantGroup(copies[0].images[0], in_order))
    n, empty = len(pixels), np.zeros((0, 2), np.float32)
    concept_set = ConceptSet(
        tuple(ImageRecord(f"memes/picture-{i}.png", None, f"{i:04}") for i in range(n)), np.full(n, -1), np.zeros(n),
        np.ones((n, 2), np.float32), np.zeros(2, np.float32), ((0, 2),), empty, (), (), empty, "shapes", "",
        pixels=dict(enumerate(pixels)), texts=PictureTexts(tuple(captions), "drawn") if read else None,
    )  # fmt: skip
    return concept_set, groups


def draw(n_templates: int, n_variants: int = 3, *, read: bool = True, theme: ThemeName = "light") -> Figure:
    concept_set, groups = memes(n_templates, n_variants, read=read)
    return draw_variants(concept_set, groups, theme=theme)


def gids(figure: Figure) -> Sequence[str]:
    return [artist.get_gid() for artist in figure.get_children() if artist.get_gid()]


def test_the_picture_that_stands_for_a_template_comes_first_then_those_with_most_copies() -> None:
    figure = draw(1)
    assert texts(figure, "template-0-title") == ["memes/picture-0.png"]
    assert texts(figure, "template-0-variant-1-copies") == ["×3"]
    assert texts(figure, "template-0-variant-[02]-copies") == []


def test_it_says_how_many_variants_and_pictures_there_are() -> None:
    assert texts(draw(2, 4), "template-.-detail") == ["4 variants · 6 images"] * 2
    assert texts(draw(2, 4), "counts") == ["2 templates · 12 images"]


def test_below_a_picture_stands_what_it_says() -> None:
    figure = draw(1)
    assert texts(figure, "template-0-variant-0-text") == []
    assert texts(figure, "template-0-variant-1-text") == ["no"]
    lines = texts(figure, "template-0-variant-2-text")
    assert len(lines) == 3
    assert lines[0].startswith("when the")
    assert lines[-1].endswith("…")


def test_without_texts_nothing_is_written_below_but_the_number_of_copies() -> None:
    figure = draw(1, read=False)
    assert texts(figure, ".*-text") == []
    assert texts(figure, ".*-copies") == ["×3"]
    assert figure.get_figheight() < draw(1).get_figheight()


@pytest.mark.parametrize("n_copies", [99, 200, 1234, 100_000])
def test_however_many_copies_there_are_their_number_is_whole(n_copies: int) -> None:
    concept_set, groups = memes(1)
    many = CopyGroup((2,) * n_copies, ("itself", *["near"] * (n_copies - 1)))
    several = tuple(many if 2 in copies.images else copies for copies in groups[0].variants)
    figure = draw_variants(concept_set, [replace(groups[0], variants=several)])
    assert texts(figure, "template-0-variant-1-copies") == [f"×{n_copies:,}"]
    check_texts(figure)


@pytest.mark.parametrize(("n_variants", "n_drawn", "more"), [(8, 8, []), (9, 7, ["+2 more"]), (20, 7, ["+13 more"])])
def test_eight_tiles_stand_in_a_row_and_the_others_are_counted(n_variants: int, n_drawn: int, more: list[str]) -> None:
    figure = draw(1, n_variants)
    assert sum(gid.endswith("-image") for gid in gids(figure)) == n_drawn
    assert texts(figure, "template-0-more") == more


@pytest.mark.parametrize(("n_templates", "n_variants"), [(1, 2), (3, 3), (9, 2), (9, 7), (3, 12), (40, 3)])
@pytest.mark.parametrize("read", [True, False])
def test_no_text_leaves_the_figure_or_touches_another(n_templates: int, n_variants: int, read: bool) -> None:
    check_texts(draw(n_templates, n_variants, read=read))


def test_cards_stand_side_by_side_while_there_is_room() -> None:
    one, four, five = (draw(n, 2).get_size_inches() for n in (1, 4, 5))
    assert four[1] == one[1]
    assert one[0] < four[0] == five[0]
    assert five[1] > four[1]


def test_it_is_as_large_as_was_asked() -> None:
    concept_set, groups = memes(3)
    figure = draw_variants(concept_set, groups, figsize=(5.0, 4.0))
    assert figure.get_size_inches().tolist() == [5.0, 4.0]
    check_texts(figure, dpi=300)


def test_no_groups_are_said_in_words() -> None:
    concept_set, _ = memes(2)
    figure = draw_variants(concept_set, [])
    assert texts(figure, "head") == ["No variants"]
    assert texts(figure, "body") == ["No two of 10 images are made from the same picture."]


def test_pictures_of_another_set_are_refused() -> None:
    concept_set, groups = memes(2)
    with pytest.raises(InvalidParameterError, match="indices below 10"):
        draw_variants(concept_set, [replace(groups[0], variants=(CopyGroup((3, 10), ("itself", "near")),))])
    with pytest.raises(InvalidParameterError, match="theme"):
        draw_variants(concept_set, groups, theme="sepia")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match="figsize"):
        draw_variants(concept_set, groups, figsize=(0.0, 1.0))


def test_a_picture_that_is_gone_has_a_stand_in() -> None:
    concept_set, groups = memes(1)
    before = drawn(draw_variants(concept_set, groups))
    gone = replace(concept_set, pixels={i: p for i, p in concept_set.pixels.items() if i != 0})
    assert (drawn(draw_variants(gone, groups)) != before).any()


class TestLook:
    """Compared with pictures in ``baseline/``."""

    pytestmark = DRAWN_ALIKE

    @compared(tolerance=0.5)
    @THEMES
    def test_variants(self, theme: ThemeName) -> Figure:
        concept_set, groups = memes(4, 3)
        more_set, more = memes(1, 11)
        shift = len(concept_set.images)
        moved = tuple(replace(v, images=tuple(i + shift for i in v.images)) for v in more[0].variants)
        both = replace(
            concept_set,
            images=concept_set.images + more_set.images,
            pixels={**concept_set.pixels, **{i + shift: p for i, p in more_set.pixels.items()}},
            texts=replace(concept_set.texts, texts=concept_set.texts.texts + more_set.texts.texts),  # type: ignore
        )
        return draw_variants(both, [VariantGroup(more[0].image + shift, moved), *groups], theme=theme)
