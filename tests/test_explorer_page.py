"""The explorer in a real browser: opened from disk, without a network, and without a single complaint."""

from __future__ import annotations

import os
import re
import runpy
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from browser import Visit, launched, visit
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.concepts import Concept, ConceptSet, ImageRecord
from concept_memes.errors import SkippedImagesWarning
from concept_memes.explorer import save_report
from concept_memes.run_report import RunReport
from concept_memes.testing import ColorEncoder, color_images, write_color_images

COLORS = {"red": 14, "blue": 12, "lime": 10, "yellow": 8}
OTHER_WORDS = ("olive drab", "navy, or nearly", "jam")
# Names that a page could take for something else, and names in other scripts.
NASTY = "<img src=x onerror=alert(1)>.png"
ODD_NAMES = {
    "red-00.png": NASTY,
    "red-01.png": "javascript:alert(1).png",
    "red-02.png": "100% #1 & more?.png",
    "blue-00.png": "صورة جميلة.png",
    "blue-01.png": "咸鱼 🐟 梦想.png",
    "blue-02.png": "a" * 180 + ".png",
    "lime-00.png": "</script><script>alert(1)</script>.png".replace("/", "∕"),
}
LARGE = (1000, 700)
PLACES = (
    "#/",
    "#/concept/0",
    "#/pictures",
    "#/map",
    "#/search/blue",
    "#/search/nothing%20here",
    "#/like/0",
    "#/picture/0",
)


@dataclass(frozen=True)
class Explorer:
    """A saved explorer, the folder of its pictures, and the fitted collection."""

    path: Path
    folder: Path
    fitted: ConceptSet

    def row(self, name: str) -> int:
        """Place of a picture on the page; the broken one is not there."""
        shown = [image.name for image in self.fitted.images if image.content_hash]
        return shown.index(name)

    def concept(self, color: str) -> int:
        """Number of the concept that is called like a colour."""
        return next(concept.index for concept in self.fitted.concepts if concept.words[0] == color)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:  # for this module only: while it runs, nothing else can run an event loop
        yield found


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    folder = tmp_path_factory.mktemp("explorer") / "holiday pictures"
    folder.mkdir()
    for color, count in COLORS.items():
        for number, image in enumerate(color_images([color], count)):
            name = f"{color}-{number:02}.png"
            path = folder / ODD_NAMES.get(name, name)
            (image.resize(LARGE) if number == 3 else image).save(path)
            stamp = 1_700_000_000 + 86_400 * 30 * number
            os.utime(path, (stamp, stamp))
    (folder / "broken.png").write_text("not a picture")
    vocabulary = [*COLORS, *OTHER_WORDS]
    model = ConceptModel(
        embedding_model=ColorEncoder(), vocabulary=vocabulary, duplicates="keep", cache=False, verbose=False
    )
    with pytest.warns(SkippedImagesWarning, match="1 of 45"):
        model.fit(folder)
    # Places that the tests know: a corner of the map per concept, and its pictures in a line.
    labels = model.concepts_.labels
    corners = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]], np.float32)
    positions = corners[labels.clip(0)]
    for number in range(len(corners)):
        members = np.flatnonzero(labels == number)
        positions[members, 1] += np.linspace(-0.08, 0.08, len(members), dtype=np.float32)
    model.concepts_ = replace(model.concepts_, positions=positions)
    path = model.save_report(folder.parent / "out" / "concepts.html")
    return Explorer(path, folder, model.concepts_)


@pytest.fixture
def opened(browser: Browser, explorer: Explorer) -> Iterator[Visit]:
    with visit(browser, explorer.path) as seen:
        seen.go()
        yield seen


@pytest.fixture
def page(opened: Visit) -> Page:
    return opened.page


def count_line(page: Page) -> Locator:
    return page.locator(".count")


def tile(page: Page, row: int) -> Locator:
    return page.locator(f'.grid a[href="#/picture/{row}"]')


def natural_width(page: Page, selector: str) -> int:
    page.wait_for_function("s => document.querySelector(s)?.naturalWidth > 0", arg=selector)
    return int(page.locator(selector).first.evaluate("image => image.naturalWidth"))


def test_the_first_screen_shows_every_concept_with_its_cover(page: Page, explorer: Explorer) -> None:
    expect(page.locator("h1")).to_have_text("holiday pictures")
    expect(page.locator(".lead")).to_contain_text("44 pictures in 4 concepts")
    expect(page.locator(".lead")).to_contain_text("1 skipped")
    expect(page.locator(".card")).to_have_count(4)
    expect(page.locator(".card").first).to_contain_text("red")
    expect(page.locator(".card").first).to_contain_text("14 pictures")
    assert natural_width(page, ".card img") >= 200


def test_the_first_screen_does_not_wait_for_the_rest_of_the_file(browser: Browser, explorer: Explorer) -> None:
    content = explorer.path.read_bytes()
    half = content.index(b'"concepts":', content.index(b'id="core"'))  # within the first block
    start = content.index(b"\n", content.index(b'id="covers"')) + 1
    cut = content.index(b"</script>", start) + len(b"</script>\n<script")  # the next block has only begun
    go_on = [threading.Event(), threading.Event()]

    class Slow(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + content[:half])
            go_on[0].wait(20)
            self.wfile.write(content[half:cut])
            go_on[1].wait(20)
            self.wfile.write(content[cut:])

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/concepts.html"
        with visit(browser, address, expected=("favicon",)) as seen:
            seen.page.goto(address, wait_until="commit")
            expect(seen.page.locator("#core")).to_be_attached()  # what there is of it so far
            expect(seen.page.locator(".loading").first).to_have_text("Opening the collection")
            go_on[0].set()
            expect(seen.page.locator(".card")).to_have_count(4)
            assert natural_width(seen.page, ".card img") >= 200
            assert seen.page.evaluate("document.readyState") == "loading"
            go_on[1].set()
            seen.page.wait_for_function("() => document.readyState === 'complete'")
            seen.page.fill("#query", "yellow")
            seen.page.keyboard.press("Enter")
            expect(seen.page.locator(".found-concepts .card").first).to_contain_text("yellow")
        server.shutdown()


def test_a_known_word_finds_by_meaning(page: Page, explorer: Explorer) -> None:
    page.fill("#query", "yellow")
    page.keyboard.press("Enter")
    expect(page.locator(".found-concepts .card").first).to_contain_text("yellow")
    expect(page.locator(".found-concepts .card").first).to_contain_text("score 0.9")
    rows = {explorer.row(f"yellow-{number:02}.png") for number in range(COLORS["yellow"])}
    shown = page.locator(".grid .tile").evaluate_all("tiles => tiles.map(tile => tile.hash)")
    assert {int(place.split("/")[-1]) for place in shown[: len(rows)]} == rows
    scores = [float(text) for text in page.locator(".grid .score").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == len(rows)  # nothing but these
    assert min(scores) > 0.9
    expect(page.locator(".lead")).to_be_hidden()


def test_a_word_that_fits_nothing_is_said_to_fit_nothing(page: Page) -> None:
    page.fill("#query", "olive drab")
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_have_text("Nothing stands out; these come nearest.")
    expect(count_line(page)).to_have_text("24 pictures")


def test_several_words_are_looked_for_together(page: Page) -> None:
    page.fill("#query", "red, lime")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("“red, lime”")
    found = page.locator(".found-concepts .card-title").all_inner_texts()
    assert {found[0], found[1]} == {"red", "lime"}


def test_a_word_that_is_not_known_is_compared_by_letters_and_the_page_says_so(page: Page, explorer: Explorer) -> None:
    page.fill("#query", "lime-0")
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_contain_text("“lime-0” is not in the vocabulary: compared by letters")
    expect(count_line(page)).to_have_text("9 pictures")
    expect(page.locator(".score")).to_have_count(0)
    page.fill("#query", "xyzzy")
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_contain_text("“xyzzy” is not in the vocabulary, and no name has it")
    expect(page.locator(".nothing")).to_be_visible()


def test_known_and_unknown_words_together_are_compared_each_in_their_way(page: Page, explorer: Explorer) -> None:
    page.fill("#query", "blue -03.png")
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_contain_text("By meaning: “blue”. Not in the vocabulary, so by letters: “-03.png”")
    expect(page.locator(".grid .tile").first).to_have_attribute("href", f"#/picture/{explorer.row('blue-03.png')}")
    expect(count_line(page)).to_have_text("4 pictures")


def test_a_word_that_finds_nothing_is_said_to_be_left_out(page: Page) -> None:
    page.fill("#query", "blue xyzzy")
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_have_text(
        "By meaning: “blue”. Left out, not in the vocabulary nor in a name: “xyzzy”."
    )
    expect(count_line(page)).to_have_text("12 pictures")


def test_a_plural_is_searched_as_the_singular_and_the_page_says_so(page: Page) -> None:
    page.fill("#query", "blues")
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_have_text("By meaning: “blue”.")
    expect(count_line(page)).to_have_text("12 pictures")


def test_a_name_is_not_taken_for_the_plural_of_another_word(page: Page) -> None:
    page.fill("#query", "James")
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_contain_text("“james” is not in the vocabulary")


def test_a_word_with_a_comma_is_one_word(page: Page) -> None:
    page.fill("#query", "navy, or")
    page.locator("#suggestions li", has_text="navy, or nearly").click()
    expect(page.locator("h1")).to_have_text("“navy, or nearly”")
    expect(page.locator(".lead")).not_to_contain_text("not in the vocabulary")


def test_where_a_filter_leaves_nothing_that_fits_the_page_says_so(opened: Visit, page: Page) -> None:
    opened.go("#/search/yellow?name=lime")
    expect(page.locator(".lead")).to_have_text("Nothing stands out; these come nearest.")


def test_words_are_suggested_and_chosen_by_keys(page: Page) -> None:
    field = page.locator("#query")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("yel")
    expect(page.locator("#suggestions li")).to_have_text(["yellow"])
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "suggestion-0")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("“yellow”")
    page.locator("#query").fill("re")
    page.locator("#suggestions li", has_text="red").click()
    expect(page.locator("h1")).to_have_text("“red”")


def test_a_concept_shows_all_its_pictures_and_its_words(page: Page, explorer: Explorer) -> None:
    page.locator(".card", has_text="blue").click()
    expect(page.locator("h1")).to_have_text("blue")
    expect(count_line(page)).to_have_text("12 pictures")
    expect(page.locator(".grid .tile")).to_have_count(12)
    expect(page.locator(".words a").first).to_have_attribute("href", "#/search/blue")
    expect(page.locator(".near")).to_have_count(3)
    assert page.title() == "blue · holiday pictures"


def test_a_click_shows_the_picture_itself_and_keys_turn_to_the_others(page: Page, explorer: Explorer) -> None:
    number = explorer.concept("blue")
    page.locator(".card", has_text="blue").click()
    row = explorer.row("blue-03.png")
    tile(page, row).click()
    expect(page.locator("#lightbox")).to_be_visible()
    expect(page.locator("#lightbox-name")).to_have_text("blue-03.png")
    expect(page.locator("#lightbox-facts")).to_contain_text("1,000 × 700 px")
    expect(page.locator("#lightbox-facts")).to_contain_text("2024")
    expect(page.locator("#lightbox-concept")).to_have_attribute("href", f"#/concept/{number}")
    assert natural_width(page, "#lightbox-figure img[data-full=yes]") == LARGE[0]
    expect(page.locator("#lightbox-open")).to_have_attribute("href", (explorer.folder / "blue-03.png").as_uri())
    order = page.locator(".grid .tile").evaluate_all("tiles => tiles.map(tile => Number(tile.hash.split('/')[2]))")
    place = order.index(row)
    step = 1 if place == 0 else -1
    page.keyboard.press("ArrowRight" if step == 1 else "ArrowLeft")
    expect(page).to_have_url(re.compile(f"#/picture/{order[place + step]}$"))
    page.keyboard.press("ArrowLeft" if step == 1 else "ArrowRight")
    expect(page.locator("#lightbox-name")).to_have_text("blue-03.png")
    page.keyboard.press("ArrowRight" if step == 1 else "ArrowLeft")
    page.keyboard.press("Escape")
    expect(page.locator("#lightbox")).to_be_hidden()
    expect(page).to_have_url(re.compile(f"#/concept/{number}$"))
    expect(tile(page, order[place + step])).to_be_focused()  # what was seen last


def test_more_like_this_finds_pictures_of_the_same_kind(page: Page, explorer: Explorer) -> None:
    page.evaluate("row => location.hash = `#/picture/${row}`", explorer.row("red-05.png"))
    page.get_by_role("link", name="More like this").click()
    expect(page.locator("#lightbox")).to_be_hidden()
    expect(page.locator("h1")).to_have_text("More like this")
    expect(page.locator(".grid .tile")).to_have_count(12)
    found = page.locator(".grid .tile").evaluate_all("tiles => tiles.map(tile => Number(tile.hash.split('/')[2]))")
    readable = [
        label for label, image in zip(explorer.fitted.labels, explorer.fitted.images, strict=True) if image.content_hash
    ]
    assert {readable[row] for row in found} == {explorer.concept("red")}
    assert explorer.row("red-05.png") not in found


def test_dark_mode_changes_the_colours_and_is_remembered(page: Page) -> None:
    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))

    assert paper() == "rgb(244, 243, 240)"
    button = page.get_by_role("button", name="Dark mode")
    button.click()
    assert paper() == "rgb(23, 24, 27)"
    expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    assert paper() == "rgb(23, 24, 27)"
    button.click()
    assert paper() == "rgb(244, 243, 240)"


def test_dark_mode_follows_the_system(browser: Browser, explorer: Explorer) -> None:
    with visit(browser, explorer.path, color_scheme="dark") as seen:
        seen.go()
        assert seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(23, 24, 27)"


def test_a_browser_that_gives_files_no_storage_has_dark_mode_all_the_same(browser: Browser, explorer: Explorer) -> None:
    with visit(browser, explorer.path) as seen:
        seen.page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})"
        )
        seen.go()
        seen.page.get_by_role("button", name="Dark mode").click()
        assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_filters_narrow_the_pictures_and_stay_in_the_address(page: Page, opened: Visit, explorer: Explorer) -> None:
    opened.go("#/pictures")
    expect(count_line(page)).to_have_text("44 pictures")
    page.get_by_label("Name").fill("YELLOW-0")
    expect(count_line(page)).to_have_text("8 pictures of 44")
    page.get_by_label("Size").select_option("medium")
    expect(count_line(page)).to_have_text("1 picture of 44")
    expect(tile(page, explorer.row("yellow-03.png"))).to_be_visible()
    page.reload()
    expect(count_line(page)).to_have_text("1 picture of 44")
    expect(page.get_by_label("Name")).to_have_value("YELLOW-0")
    page.get_by_role("button", name="Clear").click()
    expect(count_line(page)).to_have_text("44 pictures")
    page.locator("select[name=concept]").select_option(str(explorer.concept("lime")))
    expect(count_line(page)).to_have_text("10 pictures of 44")
    page.get_by_label("Longer side, px").fill("900")
    expect(count_line(page)).to_have_text("1 picture of 44")
    page.get_by_role("button", name="Clear").click()
    page.locator("input[name=from]").fill("2024-08-01")
    page.locator("input[name=to]").fill("2024-08-31")
    expect(count_line(page)).to_have_text("3 pictures of 44")  # one each of the colours that have ten pictures
    page.get_by_label("Name").fill("nobody")
    expect(page.locator(".nothing")).to_have_text("No picture passes this filter.")


def test_a_link_to_the_same_place_without_a_filter_takes_it_away(page: Page, opened: Visit) -> None:
    opened.go("#/pictures?name=yellow")
    expect(count_line(page)).to_have_text("8 pictures of 44")
    page.locator(".places").get_by_role("link", name="Pictures").click()
    expect(count_line(page)).to_have_text("44 pictures")


def test_pictures_can_be_put_into_another_order(page: Page, opened: Visit, explorer: Explorer) -> None:
    opened.go(f"#/concept/{explorer.concept('lime')}")
    page.get_by_label("Order").select_option("newest")
    expect(page.locator(".grid .tile").first).to_have_attribute("href", f"#/picture/{explorer.row('lime-09.png')}")
    page.get_by_label("Order").select_option("largest")
    expect(page.locator(".grid .tile").first).to_have_attribute("href", f"#/picture/{explorer.row('lime-03.png')}")


def place_on_map(page: Page, explorer: Explorer, row: int) -> tuple[float, float]:
    """Where a picture is in the window while the whole map is seen."""
    shown = [i for i, image in enumerate(explorer.fitted.images) if image.content_hash]
    assert explorer.fitted.positions is not None
    x, y = explorer.fitted.positions[shown[row]]
    box = page.locator("canvas").bounding_box()
    assert box is not None
    margin = min(72, box["width"] / 9)
    return (
        box["x"] + margin + float(x) * (box["width"] - 2 * margin),
        box["y"] + margin + float(1 - y) * (box["height"] - 2 * margin),
    )


def test_the_map_shows_a_picture_under_the_pointer_and_opens_it(page: Page, opened: Visit, explorer: Explorer) -> None:
    opened.go("#/map")
    number = explorer.concept("lime")
    rows = [explorer.row(image.name) for image in explorer.fitted.images if image.name.startswith("lime-")]
    row = max(rows, key=lambda r: place_on_map(page, explorer, r)[1])
    x, y = place_on_map(page, explorer, row)
    page.mouse.move(x + 3, y + 2)
    expect(page.locator(".map-card")).to_be_visible()
    expect(page.locator(".map-card strong")).to_have_text(
        next(i.name for i in explorer.fitted.images if explorer_row(explorer, i) == row)
    )
    assert natural_width(page, ".map-card img") > 0
    page.mouse.click(x + 3, y + 2)
    expect(page).to_have_url(re.compile(f"#/picture/{row}$"))
    expect(page.locator("#lightbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#lightbox")).to_be_hidden()
    expect(page.locator("canvas")).to_be_focused()
    middle = np.mean([place_on_map(page, explorer, r) for r in rows], axis=0)
    page.mouse.click(float(middle[0]), float(middle[1]))  # its title lies over the middle of its pictures
    expect(page).to_have_url(re.compile(f"#/concept/{number}$"))


def explorer_row(explorer: Explorer, image: ImageRecord) -> int:
    return explorer.row(image.name) if image.content_hash else -1


def test_the_map_is_coloured_by_concept_and_shows_thumbnails_from_near(
    page: Page, opened: Visit, explorer: Explorer
) -> None:
    opened.go("#/map")
    opened.expected = ("willReadFrequently",)  # this test reads the canvas

    def colors() -> int:
        return int(
            page.evaluate(
                """() => {
                    const canvas = document.querySelector("canvas");
                    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                    const hues = new Set();
                    for (let i = 0; i < data.length; i += 4) {
                      const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
                      if (data[i + 3] > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 60) {
                        hues.add(`${r >> 5} ${g >> 5} ${b >> 5}`);
                      }
                    }
                    return hues.size;
                }"""
            )
        )

    page.wait_for_timeout(200)
    assert colors() >= 4
    row = explorer.row("yellow-04.png")
    x, y = place_on_map(page, explorer, row)
    page.mouse.move(x, y)
    for _ in range(6):
        page.mouse.wheel(0, -240)
    page.wait_for_timeout(400)
    near = page.evaluate(
        "([x, y]) => [...document.querySelector('canvas').getContext('2d').getImageData(x, y, 1, 1).data]",
        [x, y - page.locator("canvas").bounding_box()["y"] - 18],  # type: ignore[index]
    )
    assert near[0] > 180 > 90 > near[2], near  # the yellow of the picture itself


def test_the_map_works_with_keys_alone(page: Page, opened: Visit, explorer: Explorer) -> None:
    opened.go("#/map")
    page.locator("canvas").focus()
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowDown")
    expect(page.locator(".map-card")).to_be_visible()
    expect(page.locator("#status")).not_to_be_empty()
    address = page.locator(".map-card").get_attribute("href")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == address
    expect(page.locator("#lightbox")).to_be_visible()


def test_a_filter_dims_the_map(page: Page, opened: Visit) -> None:
    opened.go("#/map?name=yellow")
    expect(count_line(page)).to_have_text("8 pictures of 44")


def test_a_finger_on_the_map_first_shows_and_then_opens(browser: Browser, explorer: Explorer) -> None:
    with visit(browser, explorer.path, viewport={"width": 390, "height": 844}, has_touch=True) as seen:
        seen.go("#/map")
        row = explorer.row("yellow-00.png")
        x, y = place_on_map(seen.page, explorer, row)
        seen.page.touchscreen.tap(x, y)
        card = seen.page.locator(".map-card")
        expect(card).to_be_visible()
        expect(card).to_have_class(re.compile("docked"))
        card.tap()
        expect(seen.page.locator("#lightbox")).to_be_visible()


def test_everything_can_be_reached_by_keys(page: Page, explorer: Explorer) -> None:
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Order of the concepts")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".card").nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".card").nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(".card").nth(3)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("red")
    expect(page.locator("h1")).to_be_focused()
    page.locator(".grid .tile").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#lightbox")).to_be_visible()
    for _ in range(9):  # the focus goes round inside
        page.keyboard.press("Tab")
        assert page.evaluate("document.querySelector('#lightbox').contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(page.locator(".grid .tile").nth(1)).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#help-sheet")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help-sheet")).to_be_hidden()


def test_back_and_forward_work(page: Page, explorer: Explorer) -> None:
    page.locator(".card", has_text="lime").click()
    expect(page.locator("h1")).to_have_text("lime")
    page.locator(".grid .tile").nth(2).click()
    expect(page.locator("#lightbox")).to_be_visible()
    page.go_back()
    expect(page.locator("#lightbox")).to_be_hidden()
    expect(page.locator("h1")).to_have_text("lime")
    page.go_back()
    expect(page.locator("h1")).to_have_text("holiday pictures")
    page.go_forward()
    expect(page.locator("h1")).to_have_text("lime")
    page.go_forward()
    expect(page.locator("#lightbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#lightbox")).to_be_hidden()
    expect(page.locator("h1")).to_have_text("lime")


def test_an_impatient_escape_leaves_no_more_than_the_picture(page: Page, explorer: Explorer) -> None:
    page.locator(".card", has_text="lime").click()
    page.locator(".grid .tile").first.click()
    expect(page.locator("#lightbox")).to_be_visible()
    page.evaluate(
        """() => {
            const dialog = document.querySelector("#lightbox");
            dialog.dispatchEvent(new Event("cancel", {cancelable: true}));
            dialog.close();
        }"""
    )
    expect(page).to_have_url(re.compile(f"#/concept/{explorer.concept('lime')}$"))
    expect(page.locator("h1")).to_have_text("lime")
    page.locator(".grid .tile").first.click()
    expect(page.locator("#lightbox")).to_be_visible()


def test_a_picture_opened_by_its_address_lies_over_its_concept(page: Page, opened: Visit, explorer: Explorer) -> None:
    opened.go(f"#/picture/{explorer.row('blue-04.png')}")
    expect(page.locator("#lightbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#lightbox")).to_be_hidden()
    expect(page.locator("h1")).to_have_text("blue")


@pytest.mark.parametrize("place", ["#/concept/99", "#/picture/4444", "#/like/x", "#/nonsense", "#/search/"])
def test_an_address_that_leads_nowhere_leads_to_the_concepts(page: Page, opened: Visit, place: str) -> None:
    opened.go(place)
    expect(page.locator("h1")).to_have_text("holiday pictures")
    expect(page.locator(".card")).to_have_count(4)


def test_nothing_is_wider_than_a_phone(browser: Browser, explorer: Explorer) -> None:
    with visit(browser, explorer.path, viewport={"width": 390, "height": 844}, has_touch=True) as seen:
        for place in (*PLACES, "#/about", "#/skipped", f"#/picture/{explorer.row('a' * 180 + '.png')}"):
            seen.go(place)
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390, place
        seen.go("#/pictures")
        seen.page.get_by_role("button", name="Filter").tap()
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
        small = seen.page.locator("button:visible, select:visible, input:visible, .places a").evaluate_all(
            "all => all.filter(one => one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML)"
        )
        assert small == []


def test_a_swipe_turns_to_the_next_picture(browser: Browser, explorer: Explorer) -> None:
    with visit(browser, explorer.path, viewport={"width": 390, "height": 844}, has_touch=True) as seen:
        page = seen.page
        seen.go(f"#/concept/{explorer.concept('blue')}")
        page.locator(".grid .tile").first.tap()
        expect(page.locator("#lightbox-place")).to_have_text("1 of 12")
        page.evaluate(
            """() => {
                const stage = document.querySelector("#lightbox-stage");
                for (const [kind, x] of [["touchstart", 300], ["touchend", 100]]) {
                  const touch = new Touch({identifier: 1, target: stage, clientX: x, clientY: 400});
                  const touches = kind === "touchstart" ? [touch] : [];
                  stage.dispatchEvent(new TouchEvent(kind, {touches, changedTouches: [touch], bubbles: true}));
                }
            }"""
        )
        expect(page.locator("#lightbox-place")).to_have_text("2 of 12")


def test_names_are_data_everywhere(page: Page, opened: Visit, explorer: Explorer) -> None:
    row = explorer.row(NASTY)
    opened.go(f"#/picture/{row}")
    expect(page.locator("#lightbox-name")).to_have_text(NASTY)
    assert natural_width(page, "#lightbox-figure img[data-full=yes]") == 40
    page.goto(f"{opened.address}#/like/{row}")
    expect(page.locator(".like-head .lead")).to_have_text(NASTY)
    page.goto(f"{opened.address}#/search/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    expect(page.locator("h1")).to_have_text("“<img src=x onerror=alert(1)>”")
    assert page.locator("[onerror]").count() == 0
    opened.go(f"#/picture/{explorer.row('javascript:alert(1).png')}")
    expect(page.locator("#lightbox-open")).to_have_attribute("href", re.compile("^file:"))
    for name in ODD_NAMES.values():
        opened.go(f"#/picture/{explorer.row(name)}")
        assert natural_width(page, "#lightbox-figure img[data-full=yes]") == 40, name


def test_an_address_of_a_script_is_no_link(browser: Browser, explorer: Explorer, tmp_path: Path) -> None:
    content = explorer.path.read_text(encoding="utf-8")
    changed = tmp_path / "concepts.html"
    row = explorer.row("red-05.png")
    links = re.search(r'"href":\[(.*?)\]', content)
    assert links is not None
    parts = links[1].split(",")
    parts[row] = '"javascript:alert(1)"'
    changed.write_text(content.replace(links[1], ",".join(parts)), encoding="utf-8")
    with visit(browser, changed) as seen:
        seen.go(f"#/picture/{row}")
        expect(seen.page.locator("#lightbox-notice")).to_have_text("Only the thumbnail is in this file.")
        expect(seen.page.locator("#lightbox-open")).to_be_hidden()
        assert seen.page.locator("a[href^=javascript]").count() == 0


def test_a_picture_that_has_moved_is_shown_as_its_thumbnail(
    browser: Browser, explorer: Explorer, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere.html"
    moved.write_bytes(explorer.path.read_bytes())
    with visit(browser, moved, expected=("ERR_FILE_NOT_FOUND",)) as seen:
        seen.go(f"#/picture/{explorer.row('red-03.png')}")
        expect(seen.page.locator("#lightbox-notice")).to_contain_text("not where it was")
        assert natural_width(seen.page, "#lightbox-figure img") == 160


def test_a_picture_that_was_gone_before_the_page_was_made_is_said_to_be_so(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"], cache=False, verbose=False)
    model.fit(write_color_images(folder, ["red"], 6))
    (folder / "red-02.png").unlink()
    with visit(browser, model.save_report(tmp_path / "concepts.html")) as seen:
        seen.go("#/picture/2")
        expect(seen.page.locator("#lightbox-notice")).to_contain_text("could not be read any more when this page")
        expect(seen.page.locator("#lightbox-open")).to_be_hidden()


def test_skipped_files_and_the_run_are_listed(page: Page) -> None:
    page.get_by_role("link", name="About").click()
    expect(page.locator("dl.facts")).to_contain_text("colors")
    page.get_by_role("link", name="1 skipped file").click()
    expect(page.locator("h1")).to_have_text("Skipped files")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("broken.png")
    expect(page.locator("tbody td").nth(1)).not_to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_those_who_hear_the_page_are_told_everything(browser: Browser, explorer: Explorer, scheme: str) -> None:
    with visit(browser, explorer.path, color_scheme=scheme) as seen:
        page = seen.page
        for place in (*PLACES, "#/about", "#/skipped"):
            seen.go(place)
            assert page.locator("img:not([alt])").count() == 0, place
            assert page.locator("main").count() == page.locator("h1").count() == 1, place
            assert page.evaluate(NAMELESS) == [], place
            levels = page.evaluate(
                "[...document.querySelectorAll('main h1, main h2, main h3')].map(h => +h.tagName[1])"
            )
            assert levels[0] == 1, place
            assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False)), place
            assert page.evaluate(FAINT) == [], place
        page.fill("#query", "lime")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").first).to_contain_text("picture")


NAMELESS = """() => [...document.querySelectorAll("a, button, input, select, canvas, dialog[open]")]
  .filter((one) => one.offsetParent !== null)
  .filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length
    || one.getAttribute("aria-labelledby") || one.querySelector("img[alt]:not([alt=''])")))
  .map((one) => one.outerHTML)"""

# Texts whose contrast with what is under them is below 4.5 (WCAG AA); under 3 for large ones.
FAINT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => {
    const [r, g, b] = color.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const under = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = rgba(getComputedStyle(one).backgroundColor);
      if (color[3] > 200) return color;
    }
    return rgba(getComputedStyle(document.documentElement).backgroundColor);
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *:not(script):not(option)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.offsetParent === null || element.disabled) continue;
    const style = getComputedStyle(element);
    if (style.opacity === "0") continue;
    const [a, b] = [light(rgba(style.color)), light(under(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) faint.push([element.outerHTML, contrast]);
  }
  return faint;
}"""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a page with 2,600 pictures in one concept, and 150 concepts of two."""
    labels = np.r_[np.zeros(2600, np.int64), np.repeat(np.arange(1, 151), 2)]
    return saved(tmp_path_factory.mktemp("crowd") / "crowd.html", labels)


def saved(path: Path, labels: np.ndarray, words: tuple[str, ...] = ()) -> Path:
    """Save a page of tiny pictures with given concepts, and no words that a search could understand."""
    n, k = len(labels), int(labels.max(initial=-1)) + 1
    vectors = np.random.default_rng(0).normal(size=(n, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    concepts = tuple(
        Concept(i, len(rows), words=words, exemplars=(int(rows[0]),))
        for i, rows in ((i, np.flatnonzero(labels == i)) for i in range(k))
    )
    centroids = np.array([vectors[labels == i].mean(axis=0) for i in range(k)], np.float32).reshape(k, 8)
    picture = Image.new("RGB", (8, 8), "teal")
    concept_set = ConceptSet(
        tuple(ImageRecord(f"image-{i}", None, f"{i:x}") for i in range(n)),
        labels,
        np.where(labels < 0, 0.0, 1.0),
        vectors,
        vectors.sum(axis=0) / max(n, 1),
        ((0, 8),),
        centroids,
        concepts,
        words,
        np.zeros((len(words), 8), np.float32),
        "",
        "",
        pixels=dict.fromkeys(range(n), picture),
        positions=np.random.default_rng(1).random((n, 2)).astype(np.float32),
    )
    report = RunReport(n, n, 0, 0, (), "", "", {}, {})
    return save_report(concept_set, path, report=report, words=(), word_vectors=np.zeros((0, 8), np.float32))


def test_only_what_is_seen_is_in_the_document(browser: Browser, crowd: Path) -> None:
    with visit(browser, crowd) as seen:
        page = seen.page
        seen.go("#/concept/0")
        expect(count_line(page)).to_have_text("2,600 pictures")

        def nodes() -> int:
            return int(page.evaluate("document.body.querySelectorAll('*').length"))

        assert nodes() < 900
        height = page.evaluate("document.documentElement.scrollHeight")
        assert height > 20_000
        page.evaluate("y => scrollTo(0, y)", height // 2)
        page.wait_for_function("() => Number(document.querySelector('.cell').dataset.place) > 500")
        assert nodes() < 900
        box = page.locator(".cell").first.bounding_box()
        assert box is not None
        assert -3 * box["height"] < box["y"] < 800
        page.locator(".grid .tile").nth(20).focus()
        page.keyboard.press("End")
        expect(page.locator(".cell").last).to_have_attribute("aria-posinset", "2600")
        expect(page.locator(".cell").last.locator("a")).to_be_focused()
        seen.go("#/")
        expect(page.locator(".lead")).to_contain_text("151 concepts")
        assert page.locator(".card").count() < 60


def test_going_back_finds_the_page_where_it_was_left(browser: Browser, crowd: Path) -> None:
    with visit(browser, crowd) as seen:
        seen.go("#/concept/0")
        seen.page.evaluate("scrollTo(0, 9000)")
        seen.page.wait_for_function("() => history.state?.scroll === 9000")
        seen.page.evaluate("location.hash = '#/about'")
        expect(seen.page.locator("h1")).to_contain_text("About")
        assert seen.page.evaluate("scrollY") == 0
        seen.page.go_back()
        expect(count_line(seen.page)).to_have_text("2,600 pictures")
        assert seen.page.evaluate("scrollY") == 9000


def test_without_word_vectors_letters_are_compared_and_the_page_says_so(browser: Browser, crowd: Path) -> None:
    with visit(browser, crowd) as seen:
        seen.go("#/search/image-259")
        expect(seen.page.locator(".lead")).to_contain_text(
            "There are no word vectors in this file: compared by letters"
        )
        expect(count_line(seen.page)).to_have_text("11 pictures")


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_collection_without_concepts_says_so_and_shows_its_pictures(browser: Browser, tmp_path: Path, n: int) -> None:
    page_file = saved(tmp_path / "few.html", np.full(n, -1))
    with visit(browser, page_file) as seen:
        seen.go()
        expect(seen.page.locator(".nothing")).to_contain_text(
            "No concepts were found" if n else "There are no pictures"
        )
        for place in PLACES:
            seen.go(place)
        seen.go("#/pictures")
        expect(seen.page.locator(".grid .tile")).to_have_count(n)


def test_real_words_find_drawn_stickers(browser: Browser, tmp_path: Path) -> None:
    if not HubFreeEncoder.is_installed():
        pytest.skip("the hub-free model is not installed")
    stickers = runpy.run_path(str(Path(__file__).parents[1] / "demo" / "make_stickers.py"))
    folder = tmp_path / "stickers"
    kinds = list(stickers["CONCEPTS"])[:6]
    drawn = stickers["make_stickers"](folder, per_concept=5)
    pictures = [folder / name for name, kind in drawn if kind in kinds]
    words = [kind.replace("_", " ") for kind in kinds]
    model = ConceptModel(embedding_model=HubFreeEncoder(), vocabulary=words, cache=False, verbose=False).fit(pictures)
    n = len(model.concepts_.images)
    model.concepts_ = replace(model.concepts_, positions=np.random.default_rng(0).random((n, 2)).astype(np.float32))
    word = model.concepts_.concepts[0].words[0]
    with visit(browser, model.save_report(tmp_path / "concepts.html")) as seen:
        seen.go()
        seen.page.fill("#query", word)
        seen.page.keyboard.press("Enter")
        expect(seen.page.locator("h1")).to_have_text(f"“{word}”")
        shown = seen.page.locator(".grid .tile").evaluate_all("all => all.map(one => Number(one.hash.split('/')[2]))")
        best = [hit.index for hit in model.find_images(word, top_n=5)]
        assert len({*best} & {*shown[:5]}) >= 4
        concepts = seen.page.locator(".found-concepts .card").evaluate_all(
            "all => all.map(one => Number(one.hash.split('/')[2]))"
        )
        assert concepts[0] == model.find_concepts(word, top_n=1)[0].concept
