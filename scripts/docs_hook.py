"""A hook of MkDocs: draws the figures of the pages, and the explorer that they link to, into the built site.

Everything is made from the pictures that the scripts in `demo/` draw, with the hub-free model, and needs no network.
What was made is kept in `build/docs/`, under the hash of all code that it comes from: a build that changes words only
draws nothing.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import docs_diagrams
from matplotlib.figure import Figure
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from concept_memes import ConceptModel
from concept_memes.figures.themes import DARK, LIGHT, Theme

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "docs"
SOURCES = ("concept_memes", "demo", "scripts/docs_diagrams.py", "scripts/docs_hook.py")
PER_KIND = 12  # stickers of each of the twenty kinds
PER_TEMPLATE, PER_PICTURE = 3, 2  # captions of each of the ten templates of memes, and copies of each picture
ATTENDED = "tractor"  # what the attention figure looks for
logger = logging.getLogger("mkdocs.hooks.figures")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the figures to the files of the site; MkDocs calls this."""
    made = KEPT / code_hash()
    if not made.is_dir():
        logger.info("drawing the figures of the pages (about a minute)")
        draw_all(made)
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        files.append(File.generated(config, path.relative_to(made).as_posix(), abs_src_path=str(path)))
    return files


def code_hash() -> str:
    """Return a hash of all that the figures come from."""
    found = hashlib.sha256(b"1")
    for source in SOURCES:
        place = ROOT / source
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and path.suffix != ".pyc":
                found.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def draw_all(made: Path) -> None:
    """Draw everything into a new folder, which appears when it is complete; older ones go."""
    unfinished = KEPT / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "figures").mkdir(parents=True)
    model = ConceptModel(embedding_model="hub-free", cache=KEPT / "cache", verbose=False)
    model.fit(drawn_stickers(unfinished.with_name("stickers")))
    memes = ConceptModel(embedding_model="hub-free", ocr=True, cache=KEPT / "cache", verbose=False)
    memes.fit(drawn_memes(unfinished.with_name("memes")))
    for theme in (LIGHT, DARK):
        for name, draw in (*figures_of(model, theme), *figures_of_memes(memes, theme)):
            draw().savefig(unfinished / "figures" / f"{name}-{theme.name}.webp", pil_kwargs={"quality": 88})
    model.save_report(unfinished / "try-it.html", title="Stickers", thumbnails="embed", pictures="embed")
    for old in KEPT.iterdir():
        if old.is_dir() and old.name not in ("cache", "memes", "stickers", "unfinished"):
            shutil.rmtree(old)
    unfinished.rename(made)


def drawn_stickers(folder: Path) -> Path:
    """Draw the sample pictures."""
    from_demo("make_stickers").make_stickers(folder, per_concept=PER_KIND)
    return folder


def drawn_memes(folder: Path) -> Path:
    """Draw the sample memes."""
    shutil.rmtree(folder, ignore_errors=True)
    from_demo("make_memes").make_memes(folder, n_captions=PER_TEMPLATE, n_copies=PER_PICTURE)
    return folder


def from_demo(name: str) -> ModuleType:
    """Import a script of the demo."""
    sys.path.insert(0, str(ROOT / "demo"))
    try:
        return importlib.import_module(name)
    finally:
        del sys.path[0]


def figures_of(model: ConceptModel, theme: Theme) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name each figure, and say how it is drawn."""
    name = theme.name
    hit = model.find_images(ATTENDED, top_n=1)[0]
    picture = model.concepts_.source_of(hit.index)
    clock = model.find_concepts("clock", top_n=1)[0].concept
    yield "collage", partial(model.visualize_concepts, top_n=9, theme=name)
    yield "members", partial(model.visualize_concepts, concepts=[clock], mode="members", theme=name)
    yield "map", partial(model.visualize_map, title="Stickers", theme=name)
    yield "hierarchy", partial(model.visualize_hierarchy, theme=name)
    yield "frequencies", partial(model.visualize_frequencies, theme=name)
    yield "query", partial(model.visualize_query, "musical instrument", theme=name)
    yield "attention", partial(model.visualize_attention, picture, ATTENDED, theme=name)
    yield "features", partial(model.visualize_features, picture, theme=name)
    yield "pictures", partial(docs_diagrams.draw_pictures, model, theme)
    yield "smoothing", partial(docs_diagrams.draw_smoothing, model, theme)
    yield "exemplars", partial(docs_diagrams.draw_exemplars, model, theme, clock, (0.0, 0.3, 0.9))
    yield "words", partial(docs_diagrams.draw_words, model, theme)


def figures_of_memes(model: ConceptModel, theme: Theme) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """Name each figure of memes, and say how it is drawn."""
    yield "variants", partial(model.visualize_variants, 4, theme=theme.name)
    yield "memes", partial(model.visualize_concepts, top_n=6, theme=theme.name)
    yield "said", partial(model.visualize_query, "monday", 9, theme=theme.name)
