"""The collage as people see it: places of texts and tiles, pixels, and what happens when something is missing."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from figuresets import box_of, check_texts, drawn, texts
from matplotlib._pylab_helpers import Gcf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from concept_memes.concepts import Concept, ConceptHit, ConceptSet, ImageRecord, SkippedImage
from concept_memes.errors import AdjustedWarning, InvalidParameterError
from concept_memes.figures import fonts
from concept_memes.figures.collage import CONCEPTS_PER_PAGE, concept_cover, count_pages, draw_collage
from concept_memes.figures.covers import draw_cover
from concept_memes.figures.layout import tile_boxes
from concept_memes.figures.themes import DARK, LIGHT
from concept_memes.testing import color_images

DATA = Path(__file__).parents[2] / "shared" / "data"
RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)
Picture = Image.Image | Path


def rgb(color: str) -> tuple[int, ...]:
    return Image.new("RGB", (1, 1), color).getpixel((0, 0))


def plain(color: tuple[int, int, int], size: tuple[int, int] = (60, 60)) -> Image.Image:
    return Image.new("RGB", size, color)


def a_set(
    *groups: tuple[Sequence[str], Sequence[Picture]], n_noise: int = 0, n_skipped: int = 0, model: str = "hub-free"
) -> ConceptSet:
    """Make a set with one concept per (words, exemplars)."""
    images: list[ImageRecord] = []
    labels, pixels, concepts = [], {}, []
    for number, (words, pictures) in enumerate(groups):
        exemplars = range(len(images), len(images) + len(pictures))
        for index, picture in zip(exemplars, pictures, strict=True):
            if isinstance(picture, Path):
                images.append(ImageRecord(str(picture), picture, str(index)))
            else:
                pixels[index] = picture
                images.append(ImageRecord(f"image-{index}", None, str(index)))
        labels += [number] * len(pictures)
        concepts.append(Concept(number, 1000 + 38 - number * 1000, words=tuple(words), exemplars=tuple(exemplars)))
    images += [ImageRecord(f"noise-{n}", Path(f"noise-{n}"), f"n{n}") for n in range(n_noise)]
    empty = np.empty((0, 2), np.float32)
    return ConceptSet(
        images=tuple(images),
        labels=np.array(labels + [-1] * n_noise, np.int64),
        probabilities=np.ones(len(images)),
        vectors=np.zeros((len(images), 2), np.float32),
        centre=np.zeros(2, np.float32),
        blocks=((0, 2),),
        centroids=np.zeros((len(concepts), 2), np.float32),
        concepts=tuple(concepts),
        words=(),
        word_vectors=empty,
        encoder_name=model,
        encoder_fingerprint="",
        skipped=tuple(SkippedImage(None, n, "damaged") for n in range(n_skipped)),
        pixels=pixels,
    )


def many(n_concepts: int, n_exemplars: int = 8, words: Sequence[str] = ("grand piano", "concert hall")) -> ConceptSet:
    picture = plain(RED, (8, 6))
    return a_set(*[(words, [picture] * n_exemplars)] * n_concepts)


def cards(figure: Figure) -> list[str]:
    return [artist.get_gid() for artist in figure.artists if isinstance(artist, FancyBboxPatch)]


def check_cards(figure: Figure) -> None:
    """No text touches anything, nor leaves its card."""
    check_texts(figure)
    renderer = figure.canvas.get_renderer()
    for text in figure.texts:
        if "concept" in text.get_gid() and text.get_text():
            box, card = (
                text.get_window_extent(renderer),
                box_of(figure, re.sub(r"-(title|detail)$", "", text.get_gid())),
            )
            assert box.x0 >= card.x0, text
            assert box.x1 <= card.x1, text
            assert box.y0 >= card.y0, text
            assert box.y1 <= card.y1, text


def has_font_for(text: str) -> bool:
    return not fonts.choose_font(text).missing


needs_cjk = pytest.mark.skipif(not has_font_for("猫熊表情包"), reason="no font with Chinese is installed")


# --- what is drawn ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [1, 2, 3, 9, 16, 50, 200])
def test_any_number_may_be_asked_for_and_what_exists_is_drawn(asked: int) -> None:
    figure = draw_collage(many(12, 2), top_n=asked)
    assert cards(figure) == [f"concept-{n}" for n in range(min(asked, 12))]
    check_cards(figure)


def test_two_hundred_concepts_keep_titles_readable_and_the_figure_savable() -> None:
    figure = draw_collage(many(200, 1), top_n=200)
    assert len(cards(figure)) == 200
    assert {text.get_fontsize() for text in figure.texts if text.get_gid().endswith("title")} == {10.5}
    assert max(figure.get_size_inches()) * 200 < 2**16
    pixels = sum(a.get_size()[0] * a.get_size()[1] for a in figure.artists if isinstance(a, BboxImage))
    assert pixels < 50_000_000


def test_the_largest_come_first_whatever_their_order_in_the_set() -> None:
    concept_set = many(3)
    turned = ConceptSet(**{**vars(concept_set), "concepts": concept_set.concepts[::-1]})
    assert cards(draw_collage(turned, top_n=2)) == ["concept-0", "concept-1"]


def test_concepts_asked_for_come_in_that_order() -> None:
    figure = draw_collage(many(5), [3, np.int64(0), 3])
    assert cards(figure) == ["concept-3", "concept-0", "concept-3"]


def test_hits_of_a_search_show_their_similarity() -> None:
    figure = draw_collage(many(5), [ConceptHit(2, 0.3149), ConceptHit(1, -0.05)])
    assert cards(figure) == ["concept-2", "concept-1"]
    assert "similarity 0.31" in texts(figure, "concept-2-detail")[0]
    assert "similarity -0.05" in texts(figure, "concept-1-detail")[0]
    assert "similarity" not in texts(draw_collage(many(5), [2]), "concept-2-detail")[0]


def test_cards_say_words_number_and_size_and_the_footer_the_model() -> None:
    concept_set = a_set((["panda", "bear"], [plain(RED)]), ([], [plain(BLUE)]), n_noise=3)
    figure = draw_collage(concept_set)
    assert texts(figure, "concept-0-title") == ["panda, bear"]
    assert texts(figure, "concept-0-detail") == ["1,038 images · #0"]
    assert texts(figure, "concept-1-title") == ["concept 1"]
    assert texts(figure, "concept-1-detail") == ["38 images"]
    assert texts(figure, "model") == ["model: hub-free"]
    assert texts(figure, "counts") == ["2 of 2 concepts · 5 images · 3 in none"]


def test_the_footer_tells_unreadable_pictures_from_pictures_in_none() -> None:
    concept_set = a_set((["panda"], [plain(RED)]), n_noise=3)
    skipped = (SkippedImage(Path("a.jpg"), 2, "empty file"), SkippedImage(Path("locked"), -1, "no permission"))
    figure = draw_collage(replace(concept_set, skipped=skipped))
    assert texts(figure, "counts") == ["1 of 1 concept · 4 images · 2 in none · 1 not readable"]


def test_one_image_is_not_one_images() -> None:
    concept_set = a_set((["a"], [plain(RED)]))
    single = ConceptSet(**{**vars(concept_set), "concepts": (Concept(0, 1, exemplars=(0,)),)})
    assert texts(draw_collage(single), "concept-0-detail") == ["1 image"]


def test_vectors_from_outside_have_no_model_to_name() -> None:
    figure = draw_collage(a_set((["a"], [plain(RED)]), model=""))
    assert texts(figure, "model") == ["model: not known, the vectors were given"]


def test_a_folder_that_could_not_be_read_is_not_counted_as_an_image() -> None:
    found = a_set(n_noise=12, n_skipped=2)
    figure = draw_collage(replace(found, skipped=(*found.skipped, SkippedImage(Path("closed"), -1, "no permission"))))
    assert texts(figure, "body") == ["12 images are in none. 2 of them could not be read."]


def test_without_concepts_the_figure_says_so_and_counts_the_images() -> None:
    figure = draw_collage(a_set(n_noise=12, n_skipped=2))
    assert texts(figure, "head") == ["No concepts"]
    assert texts(figure, "body") == ["12 images are in none. 2 of them could not be read."]
    assert texts(figure, "model") == ["model: hub-free"]
    check_cards(figure)


def test_no_hits_are_a_figure_too() -> None:
    assert texts(draw_collage(many(5), []), "head|body") == ["No concepts to show", "None of the 5 was asked for."]


# --- where it stands -------------------------------------------------------------------------------------------------

LONG = ["Donaudampfschifffahrtsgesellschaftskapitänsmütze", "an endless number of words", "W" * 80]


@pytest.mark.parametrize("figsize", [None, (4, 3), (20, 15), (3, 12), (14, 2.5), (3, 3)])
@pytest.mark.parametrize("words", [["cat"], LONG])
def test_texts_never_overlap_nor_leave_their_card(words: list[str], figsize: tuple[float, float] | None) -> None:
    figure = draw_collage(many(9, 3, words), figsize=figsize)
    check_cards(figure)
    if figsize:
        assert tuple(figure.get_size_inches()) == figsize
    figure.set_dpi(217)  # glyphs round differently at other resolutions
    check_cards(figure)


def test_long_titles_wrap_to_two_lines_and_end_in_an_ellipsis() -> None:
    lines = texts(draw_collage(many(9, 3, LONG)), "concept-4-title")
    assert len(lines) == 2
    assert lines[0].startswith("Donaudampf")
    assert lines[1].endswith("…")


def test_titles_that_fit_take_one_line_and_no_room_for_a_second() -> None:
    short, long = draw_collage(many(4, 3, ["cat"])), draw_collage(many(4, 3, LONG))
    assert texts(short, "concept-0-title") == ["cat"]
    assert short.get_figheight() < long.get_figheight()


def test_footer_drops_the_counts_before_it_overlaps() -> None:
    figure = draw_collage(a_set((["a"], [plain(RED)]), model="model-" * 20))
    assert texts(figure, "counts") == []
    assert texts(figure, "model")[0].endswith("…")
    check_cards(figure)


@needs_cjk
def test_chinese_titles_are_drawn_in_full_and_wrap_between_characters() -> None:
    words = ["熊猫可爱到爆炸", "表情包，搞笑", "大家一起来看看吧这是一个很长很长的标题啊你说是不是"]
    figure = draw_collage(many(9, 4, words))
    assert len(texts(figure, "concept-0-title")) == 2
    assert texts(figure, "concept-0-title")[0].startswith("熊猫可爱到爆炸")
    check_cards(figure)
    assert drawn(figure).std() > 0  # drawn without "Glyph missing", which would be an error here


@pytest.mark.parametrize("words", [["$5 bill", "a_b$"], ["\\frac{1}{2}$"], ["a\nb", "c\td\x00"], ["$x$ & $y^2$"]])
def test_words_are_drawn_literally(words: list[str]) -> None:
    figure = draw_collage(many(2, 1, words))
    wanted = " ".join(", ".join(words).replace("\x00", "").split())
    assert texts(figure, "concept-0-title") == [wanted]
    assert not any(text.get_parse_math() for text in figure.texts)
    check_cards(figure)
    drawn(figure)


# --- pixels ----------------------------------------------------------------------------------------------------------


def test_tiles_show_their_picture_and_letterboxes_the_mat() -> None:
    concept_set = a_set((["wide"], [plain(RED, (300, 100)), plain(BLUE, (100, 300))]))
    cover = draw_cover(concept_set, [0, 1], size=(210, 100), gap=10)
    (x, y, side, _), (x2, _, _, _) = tile_boxes(2, (210, 100), 10)
    pixels = np.asarray(cover)
    red = (pixels[y : y + side, x : x + side] == RED).all(axis=2)
    blue = (pixels[y : y + side, x2 : x2 + side] == BLUE).all(axis=2)
    assert red.any(axis=0).sum() == side - 2, "all but the line around the tile"
    assert abs(red.any(axis=1).sum() - side / 3) <= 1
    assert abs(blue.any(axis=0).sum() - side / 3) <= 1
    assert cover.getpixel((x + 50, y + 5)) == cover.getpixel((x2 + 5, y + 50)) == rgb(LIGHT.mat)
    assert cover.getpixel((105, 50)) == rgb(LIGHT.card)


def test_the_figure_shows_the_tiles_where_they_belong() -> None:
    figure = draw_collage(a_set((["x"], [plain(RED), plain(BLUE, (20, 60))])))
    pixels = drawn(figure)
    box = box_of(figure, "concept-0-images")
    middle = round(pixels.shape[0] - (box.y0 + box.y1) / 2)

    def at(fraction: float) -> tuple[int, ...]:
        return tuple(pixels[middle, round(box.x0 + fraction * box.width)].tolist())

    assert (at(0.25), at(0.75), at(0.55), at(0.95)) == (RED, BLUE, rgb(LIGHT.mat), rgb(LIGHT.mat))


@pytest.mark.parametrize("n_exemplars", range(1, 10))
def test_any_number_of_exemplars_gives_as_many_equal_tiles(n_exemplars: int) -> None:
    concept_set = a_set((["x"], [plain(RED)] * n_exemplars), (["y"], [plain(GREEN)] * 9))
    figure = draw_collage(concept_set)
    (artist,) = [a for a in figure.artists if a.get_gid() == "concept-0-images"]
    red = (np.asarray(artist.get_array())[..., :3] == RED).all(axis=2)
    runs = np.flatnonzero(np.diff(red.any(axis=1).astype(int), prepend=0) == 1)
    per_row = [int((np.diff(red[row + 3].astype(int), prepend=0) == 1).sum()) for row in runs]
    assert sum(per_row) == n_exemplars
    assert abs(red.sum() / n_exemplars - round((red.sum() / n_exemplars) ** 0.5) ** 2) < 1e-6, "not equal squares"


def test_one_exemplar_is_one_large_tile() -> None:
    concept_set = a_set((["x"], [plain(RED)]), (["y"], [plain(GREEN)] * 9))
    cover = np.asarray(draw_cover(concept_set, [0], size=(300, 300), gap=4))
    assert (cover[4:-4, 4:-4] == RED).all()
    assert (cover[:4] == rgb(LIGHT.tile_edge)).all()


def test_small_tiles_are_all_picture() -> None:
    cover = draw_cover(a_set((["x"], [plain(RED)])), [0], size=(40, 40), gap=4)
    assert cover.getcolors() == [(1600, RED)]


def test_no_more_exemplars_than_asked_for() -> None:
    concept_set = a_set((["x"], [plain(RED), plain(GREEN), plain(BLUE)]))
    pixels = drawn(draw_collage(concept_set, n_images=2)).reshape(-1, 3)
    assert (pixels == GREEN).all(axis=1).any()
    assert not (pixels == BLUE).all(axis=1).any()


def test_a_concept_without_exemplars_shows_its_members() -> None:
    concept_set = a_set((["x"], [plain(RED)]))
    bare = ConceptSet(**{**vars(concept_set), "concepts": (Concept(0, 1),)})
    assert concept_cover(bare, 0, size=64).getpixel((32, 32)) == RED
    nobody = ConceptSet(**{**vars(bare), "labels": np.array([-1])})
    assert len(cards(draw_collage(nobody))) == 1


def test_large_pictures_are_shrunk_before_they_go_into_the_figure(tmp_path: Path) -> None:
    plain(RED, (4000, 3000)).save(tmp_path / "large.jpg")
    figure = draw_collage(a_set((["x"], [tmp_path / "large.jpg"] * 9)), image_size=100)
    (artist,) = [a for a in figure.artists if isinstance(a, BboxImage)]
    assert all(300 <= side <= 320 for side in artist.get_size())


def test_missing_and_damaged_files_become_stand_ins(tmp_path: Path) -> None:
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG no picture")
    gone = [tmp_path / "gone" / "a rather long name of a file_0123456.jpg", tmp_path / "damaged.png", tmp_path]
    concept_set = a_set((["x"], [*gone, plain(RED)]))
    cover = draw_cover(concept_set, [0, 1, 2, 3], size=(400, 400), gap=8)
    for x, y in ((10, 10), (390, 10), (10, 390)):
        assert cover.getpixel((x, y)) == rgb(LIGHT.stand_in)
        tile = np.asarray(cover.crop((x // 200 * 204, y // 200 * 204, x // 200 * 204 + 196, y // 200 * 204 + 196)))
        assert len(np.unique(tile.reshape(-1, 3), axis=0)) > 5, "no name on the tile"
    assert cover.getpixel((390, 390)) == RED
    assert len(cards(draw_collage(concept_set))) == 1


@pytest.mark.parametrize("name", ["鹦鹉兄弟.jpg", "bad\udc80byte.jpg", "new\nline\x07.png", "🐼.gif", "x" * 300, ""])
def test_stand_ins_take_any_file_name(name: str) -> None:
    concept_set = a_set((["x"], [plain(RED)]))
    record = ImageRecord(name, Path("nowhere") / "gone.jpg", "")
    moved = ConceptSet(**{**vars(concept_set), "images": (record,), "pixels": {}})
    assert concept_cover(moved, 0, size=200).getpixel((3, 3)) == rgb(LIGHT.stand_in)
    assert concept_cover(moved, 0, size=16).getpixel((8, 8)) == rgb(LIGHT.stand_in)


def test_cover_is_a_square_of_all_exemplars() -> None:
    concept_set = a_set((["x"], [plain(RED), plain(GREEN), plain(BLUE), plain(RED)]))
    cover = concept_cover(concept_set, 0, size=200)
    assert cover.size == (200, 200)
    assert cover.mode == "RGB"
    assert [cover.getpixel(at) for at in ((50, 50), (150, 50), (50, 150), (150, 150))] == [RED, GREEN, BLUE, RED]


# --- members, themes, pages ------------------------------------------------------------------------------------------


def members_shown(n_members: int, **wanted: object) -> list[int]:
    """Return which members a card shows, by rank of sureness; each picture is as red as its rank."""
    concept_set = a_set((["x"], [plain((rank, 0, 0)) for rank in range(n_members)]))
    # Not in the order of the pictures: the surest is the last.
    sure = ConceptSet(**{**vars(concept_set), "probabilities": np.linspace(0, 1, n_members)})
    figure = draw_collage(sure, mode="members", image_size=40, **wanted)
    (artist,) = [a for a in figure.artists if a.get_gid() == "concept-0-images"]
    pixels = np.asarray(artist.get_array())[..., :3].reshape(-1, 3)
    reds = dict.fromkeys(int(red) for red, green, _ in pixels.tolist() if green == 0)
    return [n_members - 1 - red for red in reds]


def test_members_are_shown_evenly_from_the_surest_to_the_least_sure() -> None:
    assert members_shown(35, n_images=3) == [0, 17, 34]
    assert members_shown(35) == [*range(0, 36, 2)]
    assert members_shown(5) == [0, 1, 2, 3, 4]


def test_members_are_more_pictures_than_exemplars() -> None:
    pictures = [plain(RED)] * 30
    concept_set = a_set((["x"], pictures))
    areas = {}
    for mode in ("exemplars", "members"):
        (artist,) = [a for a in draw_collage(concept_set, mode=mode).artists if a.get_gid() == "concept-0-images"]
        red = (np.asarray(artist.get_array())[..., :3] == RED).all(axis=2)
        areas[mode] = int((np.diff(red[len(red) // 6].astype(int), prepend=0) == 1).sum())
    assert areas == {"exemplars": 3, "members": 6}


def test_the_dark_theme_is_dark_everywhere_and_says_the_same() -> None:
    gone = a_set((["panda"], [plain(RED, (60, 20)), Path("nowhere/gone.jpg")]), n_noise=1)
    light, dark = draw_collage(gone), draw_collage(gone, theme="dark")
    assert [text.get_text() for text in light.texts] == [text.get_text() for text in dark.texts]
    check_cards(dark)
    found = set(map(tuple, drawn(dark).reshape(-1, 3).tolist()))
    for color in (DARK.paper, DARK.card, DARK.mat, DARK.stand_in):
        assert rgb(color) in found, color
    assert drawn(light).mean() > 200
    assert drawn(dark).mean() < 80
    assert concept_cover(gone, 0, size=200, theme="dark").getpixel((50, 5)) == rgb(DARK.card)


@pytest.mark.parametrize(("n_concepts", "n_pages"), [(0, 1), (1, 1), (20, 1), (21, 2), (500, 25)])
def test_pages_are_counted(n_concepts: int, n_pages: int) -> None:
    assert count_pages(n_concepts) == n_pages


def test_pages_show_all_concepts_once_and_say_which_they_are() -> None:
    concept_set, shown = many(2 * CONCEPTS_PER_PAGE + 5, 1), []
    for page in (1, 2, 3):
        figure = draw_collage(concept_set, top_n=500, page=page)
        shown += cards(figure)
        check_cards(figure)
        (counts,) = texts(figure, "counts")
        assert counts.startswith(f"page {page} of 3 · {20 if page < 3 else 5} of 45 concepts")
    assert shown == [f"concept-{n}" for n in range(45)]


def test_cards_stand_at_the_same_places_on_all_pages() -> None:
    concept_set = many(21, 1)
    (*_, long), rest = concept_set.concepts, concept_set.concepts[:-1]
    named = ConceptSet(**{**vars(concept_set), "concepts": (*rest, replace(long, words=tuple(LONG)))})
    first, last = (draw_collage(named, top_n=21, page=page) for page in (1, 2))
    assert tuple(first.get_size_inches()) == tuple(last.get_size_inches())
    assert np.allclose(box_of(first, "concept-0").bounds, box_of(last, "concept-20").bounds)


def test_one_page_need_not_say_so() -> None:
    assert "page" not in texts(draw_collage(many(3, 1), page=1), "counts")[0]


def test_pages_of_what_a_search_gave() -> None:
    hits = [ConceptHit(n % 5, 0.5) for n in range(23)]
    assert cards(draw_collage(many(5), hits, page=2)) == ["concept-0", "concept-1", "concept-2"]


@pytest.mark.parametrize("page", [0, 3, 1.0, True, "1"])
def test_pages_that_do_not_exist_are_refused_with_their_number(page: object) -> None:
    with pytest.raises(InvalidParameterError, match=r"page=.*from 1 to 2: 21 concepts, 20 a page .*top_n"):
        draw_collage(many(21, 1), top_n=21, page=page)


def test_lists_of_words_are_cut_after_a_word() -> None:
    words = ["grand piano in a concert hall", "steinway and other makers", "upright"]
    lines = texts(draw_collage(many(9, 1, words)), "concept-0-title")
    # Which of the two depends on the version of the font.
    assert " ".join(lines) in (
        "grand piano in a concert hall…",
        "grand piano in a concert hall, steinway and other makers…",
    )


# --- fonts -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("only_shipped_fonts")
def test_missing_glyphs_cost_one_warning_that_says_what_to_install() -> None:
    concept_set = a_set((["猫", "cat"], [plain(RED)]), (["猫熊"], [plain(RED)]))
    with pytest.warns(AdjustedWarning, match=r"猫 熊: a box .* install Noto Sans CJK .*fonts-noto-cjk") as caught:
        figure = draw_collage(concept_set)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert texts(figure, "concept-0-title") == [f"{fonts.PLACEHOLDER}, cat"]
    drawn(figure)  # a "Glyph missing" warning would be an error


def test_a_title_of_nothing_visible_falls_back_to_the_number() -> None:
    assert texts(draw_collage(a_set((["\u200b\n"], [plain(RED)]))), "concept-0-title") == ["concept 0"]


# --- manners ---------------------------------------------------------------------------------------------------------


def test_unknown_concepts_are_named_with_the_range() -> None:
    with pytest.raises(InvalidParameterError, match=r"concepts=\[7, -1\].*from 0 to 4"):
        draw_collage(many(5), [0, 7, -1])
    with pytest.raises(InvalidParameterError, match="there are no concepts"):
        draw_collage(a_set(n_noise=3), [0])
    with pytest.raises(InvalidParameterError, match=r"\[9\].*from 0 to 4"):
        concept_cover(many(5), 9)


@pytest.mark.parametrize("concepts", ["01", 3, [True], ["0"], [0.0]])
def test_what_is_no_number_of_a_concept_is_refused(concepts: object) -> None:
    with pytest.raises(InvalidParameterError, match="concepts"):
        draw_collage(many(5), concepts)


@pytest.mark.parametrize(
    "wrong",
    [
        {"top_n": 0},
        {"top_n": 2.5},
        {"n_images": 0},
        {"image_size": 3},
        {"figsize": (0, 3)},
        {"figsize": (1, 2, 3)},
        {"mode": "all"},
        {"theme": "blue"},
    ],
)
def test_impossible_numbers_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
        draw_collage(many(2), **wrong)
    with pytest.raises(InvalidParameterError, match="n_concepts"):
        count_pages(-1)


def test_an_animation_is_drawn_by_its_first_frame_that_is_not_blank(
    tmp_path: Path, fit_colors: Callable[..., ConceptSet]
) -> None:
    black, picture = Image.new("RGB", (40, 30)), color_images(["red"], 1)[0]
    black.save(tmp_path / "moving.png", save_all=True, append_images=[picture])
    concept_set = fit_colors([tmp_path / "moving.png", *color_images(["red"], 5)])
    red, green, blue = draw_cover(concept_set, [0], size=(120, 90), gap=4).getpixel((60, 45))
    assert red > 150 > max(green, blue)


def test_covers_below_16_pixels_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match="size=4"):
        concept_cover(many(1), 0, size=4)


def test_figures_are_agg_figures_that_notebooks_show_and_pickle_keeps() -> None:
    figure = draw_collage(many(2, 1))
    assert isinstance(figure, Figure)
    assert isinstance(figure.canvas, FigureCanvasAgg)
    shown = Image.open(BytesIO(figure._repr_png_()))
    assert shown.size == tuple(np.round(figure.get_size_inches() * 100).astype(int))
    assert np.array_equal(drawn(pickle.loads(pickle.dumps(figure))), drawn(figure))


def test_pyplot_and_its_settings_are_left_alone() -> None:
    before = dict(matplotlib.rcParams)
    figure = draw_collage(many(2, 1))
    assert dict(matplotlib.rcParams) == before
    assert not any(manager.canvas.figure is figure for manager in Gcf.get_all_fig_managers())


def test_the_users_settings_do_not_change_the_figure() -> None:
    usual = drawn(draw_collage(many(2, 1)))
    strange = {
        "font.size": 30, "font.weight": "bold", "font.family": "serif", "text.color": "red", "figure.dpi": 37,
        "figure.constrained_layout.use": True, "figure.facecolor": "black", "figure.edgecolor": "red",
        "image.origin": "lower", "image.interpolation": "nearest", "patch.linewidth": 9, "text.parse_math": True,
    }  # fmt: skip
    with matplotlib.rc_context(strange):
        assert np.array_equal(drawn(draw_collage(many(2, 1))), usual)


def test_tight_boxes_of_notebooks_keep_the_margins() -> None:
    figure = draw_collage(a_set((["x"], [plain(RED)])))
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=100, bbox_inches="tight", pad_inches=0)
    tight = np.asarray(Image.open(buffer).convert("RGB"))
    assert np.abs(np.array(tight.shape) - drawn(figure).shape).max() <= 1


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_vector_formats_can_be_saved(ending: str) -> None:
    buffer = BytesIO()
    draw_collage(many(2, 1)).savefig(buffer, format=ending)
    assert len(buffer.getvalue()) > 1000


def test_real_photos_make_a_figure_without_warnings() -> None:
    if not (DATA / "photos").is_dir():
        pytest.skip("the shared photos are not here")
    classes = sorted((DATA / "photos").iterdir())[:3]
    concept_set = a_set(*[([folder.name], sorted(folder.iterdir())[:8]) for folder in classes])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_collage(concept_set, image_size=64)
    assert texts(figure, "concept-1-title") == [fonts.clean_text(classes[1].name)]
    assert drawn(figure).std() > 20
