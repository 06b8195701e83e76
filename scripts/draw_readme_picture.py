"""Draw the picture at the top of the README: a folder of pictures, and the explorer that comes of it.

    python scripts/draw_readme_picture.py

It needs the hub-free model, Playwright, and a chromium on the PATH. What is drawn comes from `demo/make_stickers.py`.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageOps
from playwright.sync_api import sync_playwright

from concept_memes import ConceptModel
from concept_memes.figures.themes import LIGHT

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "images" / "concepts.webp"
SIZE = (1600, 800)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "stickers"
        sys.path.insert(0, str(ROOT / "demo"))
        from make_stickers import make_stickers

        make_stickers(folder)
        model = ConceptModel(embedding_model="hub-free").fit(folder)
        page = model.save_report(Path(place) / "stickers.html", title="Stickers")
        picture = Image.new("RGB", SIZE, LIGHT.paper)
        put_heap(picture, sorted(folder.iterdir()), (40, 40, 440, 760))
        put_arrow(picture, (462, 400))
        put_window(picture, screenshot(page, (1080, 720)), (500, 40))
    OUT.parent.mkdir(exist_ok=True)
    picture.save(OUT, quality=80, method=6)
    print(f"{OUT.relative_to(ROOT)}: {OUT.stat().st_size / 1000:.0f} kB")


def put_heap(picture: Image.Image, paths: list[Path], box: tuple[int, int, int, int]) -> None:
    """Lay the pictures out as a file manager does, in the order of their names."""
    side, left, top, right, bottom = 80, *box
    places = [(x, y) for y in range(top, bottom - side + 1, side) for x in range(left, right - side + 1, side)]
    for place, path in zip(places, paths, strict=False):
        with Image.open(path) as opened:
            tile = ImageOps.contain(opened.convert("RGB"), (side - 8, side - 8))
        picture.paste(tile, (place[0] + (side - tile.width) // 2, place[1] + (side - tile.height) // 2))


def put_arrow(picture: Image.Image, tip: tuple[int, int]) -> None:
    x, y = tip
    ImageDraw.Draw(picture).polygon([(x, y - 18), (x, y + 18), (x + 20, y)], fill=LIGHT.accent)


def put_window(picture: Image.Image, shot: Image.Image, corner: tuple[int, int]) -> None:
    """Put a screenshot down with round corners and a soft shadow."""
    shape = Image.new("L", shot.size)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, shot.width - 1, shot.height - 1), 14, fill=255)
    shadow = Image.new("L", picture.size)
    shadow.paste(shape.point(lambda value: value // 3), (corner[0], corner[1] + 6))
    picture.paste(LIGHT.ink, (0, 0), shadow.filter(ImageFilter.GaussianBlur(14)))
    picture.paste(shot, corner, shape)


def screenshot(page: Path, size: tuple[int, int]) -> Image.Image:
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(f"No browser: looked for {', '.join(BROWSERS)}.")
    with sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        tab = window.new_page(viewport={"width": size[0], "height": size[1]})
        tab.goto(page.as_uri())
        tab.wait_for_function("[...document.images].filter(image => image.complete && image.naturalWidth).length >= 6")
        data = tab.screenshot()
        window.close()
    return Image.open(io.BytesIO(data)).convert("RGB")


if __name__ == "__main__":
    main()
