"""What the explorer shows of memes: texts in pictures, copies, templates, and animations that play."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from browser import Visit, launched, visit
from explorerdata import SavedPage
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from concept_memes import ConceptModel
from concept_memes.concepts import ConceptSet
from concept_memes.explorer import thumbnails
from concept_memes.explorer.findings import family_columns, text_columns
from concept_memes.explorer.page import json_block
from concept_memes.findings import COPY_KINDS, PictureFamilies, PictureTexts
from concept_memes.testing import ColorEncoder, color_images

NASTY = "<img src=x onerror=alert(1)>\n</script><script>alert(2)</script>\n\u2028&amp; ok"
TEXTS = {
    "red-00.png": "今天不想\n加班",
    "red-01.png": "加班？ＯＫ\n老板说了算",
    "red-02.png": "EDUCATION\nis free",
    "red-03.png": "The red cat",
    "blue-00.png": "梦",
    "blue-01.png": NASTY,
    "blue-06.png": "Ma\u00f1ana\u200b Caf\u00e9",
}
N_FRAMES = 3


@dataclass(frozen=True)
class Explorer:
    """A saved explorer and the fitted collection."""

    path: Path
    fitted: ConceptSet

    def row(self, name: str) -> int:
        """Place of a picture on the page."""
        return [image.name for image in self.fitted.images].index(name)


def families_of(names: list[str]) -> PictureFamilies:
    """Two copies of a picture, and four pictures with one template, one of which has a copy."""
    place = {name: row for row, name in enumerate(names)}
    copy_of, kinds, template_of = np.arange(len(names)), np.zeros(len(names), np.uint8), np.arange(len(names))
    for copy, of, kind in (
        ("red-05.png", "red-04.png", "exact"),
        ("red-06.png", "red-04.png", "mirrored"),
        ("blue-05.png", "blue-04.png", "cropped"),
    ):
        copy_of[place[copy]], kinds[place[copy]] = place[of], COPY_KINDS.index(kind)
    template_of = copy_of.copy()
    for name in ("blue-02.png", "blue-03.png", "blue-04.png", "blue-05.png"):
        template_of[place[name]] = place["blue-02.png"]
    return PictureFamilies(copy_of, kinds, template_of)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> ConceptModel:
    folder = tmp_path_factory.mktemp("memes") / "memes"
    folder.mkdir()
    for color in ("red", "blue"):
        for number, image in enumerate(color_images([color], 9)):
            image.save(folder / f"{color}-{number:02}.png")
    frames = [Image.new("RGB", (64, 64), color) for color in ("red", "darkred", "crimson")]
    for number, frame in enumerate(frames):
        frame.paste("white", (20 * number, 10, 20 * number + 10, 30))
    frames[0].save(folder / "red-09.gif", save_all=True, append_images=frames[1:], duration=60, loop=0)
    model = ConceptModel(
        embedding_model=ColorEncoder(), vocabulary=["red", "blue"], duplicates="keep", cache=False, verbose=False
    ).fit(folder)
    found = model.concepts_
    names = [image.name for image in found.images]
    red = found.labels[names.index("red-00.png")]
    model.concepts_ = replace(
        found,
        positions=np.full((len(names), 2), 0.5, np.float32),
        texts=PictureTexts(tuple(TEXTS.get(name, "") for name in names), "captions"),
        families=families_of(names),
        concepts=tuple(replace(c, said=("加班", "老板")) if c.index == red else c for c in found.concepts),
    )
    return model


@pytest.fixture(scope="module")
def explorer(fitted: ConceptModel, tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    return Explorer(fitted.save_report(tmp_path_factory.mktemp("page") / "memes.html"), fitted.concepts_)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture
def opened(browser: Browser, explorer: Explorer) -> Iterator[Visit]:
    with visit(browser, explorer.path) as seen:
        yield seen


def found_names(seen: Visit, explorer: Explorer, query: str) -> list[str]:
    """Names of the pictures that say what is looked for, in their order."""
    seen.go()
    seen.page.fill("#query", query)
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("h1")).to_have_text(f"“{query}”")
    expect(seen.page.locator(".grid .tile").first).to_be_visible()
    says = seen.page.locator(".tile:has(.says)")
    return [str(link.get_attribute("title")) for link in says.all()]


def test_texts_stand_in_utf_8_and_cannot_leave_their_block(explorer: Explorer) -> None:
    page = SavedPage(explorer.path)
    said = json.loads(page.scripts["texts"])
    assert dict(zip(said["rows"], said["texts"], strict=True)) == {
        explorer.row(name): text for name, text in TEXTS.items()
    }
    assert page.core["speaking"] == len(TEXTS)
    assert "加班".encode() in explorer.path.read_bytes()
    block = b"".join(list(json_block("texts", [NASTY, "\ud800", "\x00"], ascii_only=False))[1:-1])
    assert not set(block.decode()) & set("<>&\u2028")
    assert json.loads(block) == [NASTY, "\ud800", "\x00"]


def test_nothing_of_it_is_in_a_page_where_nobody_looked(fitted: ConceptModel, tmp_path: Path) -> None:
    model = ConceptModel(embedding_model=ColorEncoder())
    model.concepts_ = replace(fitted.concepts_, texts=None, families=None)
    model.report_ = fitted.report_
    page = SavedPage(model.save_report(tmp_path / "plain.html"))
    assert "texts" not in page.scripts
    assert not {"copies", "templates"} & page.core.keys()
    assert page.core["speaking"] == 0


def test_columns_leave_out_what_could_not_be_read() -> None:
    rows = np.array([1, 3, 4])
    texts = PictureTexts(("lost", "", "", "hello", "你好"), "captions")
    assert text_columns(texts, rows) == {"rows": [1, 2], "texts": ["hello", "你好"]}
    families = PictureFamilies(
        np.array([-1, 1, -1, 1, 4]), np.array([0, 0, 0, 3, 0], np.uint8), np.array([-1, 1, -1, 1, 4])
    )
    assert family_columns(families, rows) == {
        "copies": {"rows": [1], "of": [0], "kinds": ["mirrored"]},
        "templates": {"rows": [], "of": []},
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("加班", ["red-00.png", "red-01.png"]),  # the shorter text first
        ("想加班", ["red-00.png"]),  # a line break in Chinese is none
        ("梦", ["blue-00.png"]),
        ("ok 老板", ["red-01.png"]),  # full width, and another case; both, apart
        ("education is", ["red-02.png"]),
        ("<img src", ["blue-01.png"]),
        ("manana CAFE", ["blue-06.png"]),  # accents, and what nobody sees
    ],
)
def test_the_search_finds_what_pictures_say(opened: Visit, explorer: Explorer, query: str, expected: list[str]) -> None:
    assert found_names(opened, explorer, query) == expected
    expect(opened.page.locator(".lead")).to_contain_text(
        "1 picture says it" if len(expected) == 1 else f"{len(expected)} pictures say it"
    )


def test_those_that_say_it_come_before_those_that_show_it(opened: Visit, explorer: Explorer) -> None:
    assert found_names(opened, explorer, "red") == ["red-03.png"]
    tiles = opened.page.locator(".grid .tile")
    assert tiles.first.get_attribute("title") == "red-03.png"
    assert tiles.count() > 5
    expect(opened.page.locator(".lead")).to_have_text("1 picture says it; after it: by meaning, “red”.")


def test_a_word_of_the_vocabulary_is_not_looked_for_within_words(opened: Visit, explorer: Explorer) -> None:
    assert found_names(opened, explorer, "CATION") == ["red-02.png"]  # no word of the vocabulary: letters
    seen = opened.page.evaluate(
        """async () => {
          const texts = new Texts({ rows: [0, 1, 2], texts: ["education", "the cat", "猫cat"] });
          return [texts.find("cat", [0, 1, 2], true), texts.find("cat", [0, 1, 2], false), texts.find(" ", [0], false)];
        }"""
    )
    assert seen == [[2, 1], [2, 1, 0], []]


def test_the_large_view_has_the_text_as_text(opened: Visit, explorer: Explorer) -> None:
    opened.go(f"#/picture/{explorer.row('blue-01.png')}")
    text = opened.page.locator("#lightbox-text")
    expect(text).to_be_visible()
    assert text.evaluate("element => element.textContent") == NASTY
    assert opened.page.locator("#lightbox-text *").count() == 0
    assert text.evaluate("element => getComputedStyle(element).userSelect") == "text"
    assert text.evaluate("element => getComputedStyle(element).whiteSpace") == "pre-line"
    opened.go(f"#/picture/{explorer.row('red-08.png')}")
    expect(text).to_be_hidden()


def test_a_concept_tells_what_its_pictures_say(opened: Visit, explorer: Explorer) -> None:
    red = explorer.fitted.labels[explorer.row("red-00.png")]
    opened.go(f"#/concept/{red}")
    expect(opened.page.locator(".said a")).to_have_text(["“加班”", "“老板”"])
    opened.page.locator(".said a").first.click()
    expect(opened.page.locator("h1")).to_have_text("“加班”")


def test_a_grid_shows_each_picture_once_and_copies_when_asked(opened: Visit, explorer: Explorer) -> None:
    opened.go("#/pictures")
    count, tiles = opened.page.locator(".count"), opened.page.locator(".grid .tile")
    expect(count).to_have_text("19 pictures, 3 copies hidden show")
    assert tiles.count() == 16
    badge = opened.page.locator(f'.grid a[href="#/picture/{explorer.row("red-04.png")}"] .badge')
    expect(badge).to_have_text("×3")
    image = opened.page.locator(f'.grid a[href="#/picture/{explorer.row("red-04.png")}"] img')
    assert "there 3 times" in str(image.get_attribute("alt"))
    opened.page.get_by_role("button", name="show copies").click()
    assert tiles.count() == 19
    expect(count).to_have_text("19 pictures, 3 copies shown hide")
    expect(badge).to_have_count(0)


def test_a_copy_stands_where_the_picture_that_it_is_one_of_is_not(opened: Visit, explorer: Explorer) -> None:
    opened.go("#/pictures?name=red-06")
    assert opened.page.locator(".grid .tile").all()[0].get_attribute("title") == "red-06.png"
    expect(opened.page.locator(".count")).to_contain_text("1 picture of 19")


def test_the_large_view_lists_copies_and_closes_to_where_it_was_opened(opened: Visit, explorer: Explorer) -> None:
    opened.go("#/pictures")
    opened.page.locator(f'.grid a[href="#/picture/{explorer.row("red-04.png")}"]').click()
    copies = opened.page.locator("#lightbox-copies")
    expect(copies.locator("summary")).to_have_text("There 3 times")
    copies.locator("summary").click()
    expect(copies.locator("li")).to_have_text(
        ["red-04.png shown in the grid", "red-05.png the same file", "red-06.png mirrored"]
    )
    copies.locator("a", has_text="red-06.png").click()
    expect(opened.page.locator("#lightbox-name")).to_have_text("red-06.png")
    expect(copies.locator("b")).to_have_text("red-06.png")  # the list stays; this one is marked
    opened.page.locator("#lightbox-close").click()
    expect(opened.page.locator("#lightbox")).to_be_hidden()
    expect(opened.page.locator("h1")).to_have_text("All pictures")
    assert opened.page.evaluate("document.activeElement.title") == "red-04.png"


def test_the_large_view_shows_others_with_the_same_template(opened: Visit, explorer: Explorer) -> None:
    for name, others in {
        "blue-02.png": ["blue-03.png", "blue-04.png"],
        "blue-05.png": ["blue-02.png", "blue-03.png"],  # a copy has the variants of the picture that it is one of
        "blue-06.png": [],
    }.items():
        opened.go(f"#/picture/{explorer.row(name)}")
        expect(opened.page.locator("#lightbox-name")).to_have_text(name)
        links = opened.page.locator("#lightbox-variants a").all()
        assert [link.get_attribute("title") for link in links] == others
        assert opened.page.locator("#lightbox-variants").is_visible() == bool(others)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(browser: Browser, explorer: Explorer, theme: str) -> None:
    with visit(browser, explorer.path, viewport={"width": 360, "height": 740}, color_scheme=theme) as seen:
        for place in (
            "#/pictures",
            f"#/picture/{explorer.row('blue-02.png')}",
            f"#/picture/{explorer.row('red-00.png')}",
        ):
            seen.go(place)
            seen.page.wait_for_timeout(50)
            widths = "[document.documentElement.scrollWidth, document.querySelector('#lightbox').scrollWidth]"
            assert max(seen.page.evaluate(widths)) <= 360


def frames_seen(page: Page) -> int:
    """Count the different frames that the large picture shows."""
    page.wait_for_selector("#lightbox-figure img[data-full=yes]")
    picture, seen = page.locator("#lightbox-figure img"), set()
    for _ in range(60):  # until all have been there
        seen.add(picture.screenshot())
        if len(seen) == N_FRAMES:
            break
    return len(seen)


@pytest.mark.parametrize("pictures", ["link", "embed"])
def test_an_animation_plays_in_the_large_view(
    browser: Browser, fitted: ConceptModel, tmp_path: Path, pictures: str
) -> None:
    path = fitted.save_report(tmp_path / "memes.html", pictures=pictures)  # type: ignore[arg-type]
    row = Explorer(path, fitted.concepts_).row("red-09.gif")
    with visit(browser, path) as seen:
        seen.go(f"#/picture/{row}")
        assert frames_seen(seen.page) == N_FRAMES
        expect(seen.page.locator("#lightbox-facts")).to_contain_text("animation")
        seen.go("#/pictures")
        expect(seen.page.locator(".badge.play")).to_have_count(1)
        expect(seen.page.locator(f'.grid a[href="#/picture/{row}"] .badge.play')).to_have_count(1)


def test_animations_are_embedded_as_they_are_up_to_a_size(
    fitted: ConceptModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gif = fitted.concepts_.source_of(Explorer(tmp_path, fitted.concepts_).row("red-09.gif"))
    assert isinstance(gif, Path)
    for limit, expected in ((thumbnails.MAX_ANIMATION_BYTES, b"GIF8"), (gif.stat().st_size - 1, b"RIFF")):
        monkeypatch.setattr(thumbnails, "MAX_ANIMATION_BYTES", limit)
        page = SavedPage(fitted.save_report(tmp_path / "memes.html", pictures="embed"))
        (row,) = page.core["plays"]
        line = page.lines("pictures-0")[row]
        assert line.startswith(expected)
        assert (line == gif.read_bytes()) == (expected == b"GIF8")
