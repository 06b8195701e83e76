"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

import concept_memes.fitted
import concept_memes.model
from concept_memes.assembly import add_words, assemble
from concept_memes.collecting import collect_images, named_images
from concept_memes.concepts import ConceptSet
from concept_memes.embedding import Embedder
from concept_memes.progress import Progress
from concept_memes.sources import ImageSource
from concept_memes.testing import ColorEncoder, color_images, write_color_images

# No deadlines: a busy machine is no defect of the code.
settings.register_profile("calm", deadline=None)
settings.load_profile("calm")

COLORS = ("red", "blue", "lime")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what downloads from the model hub, and say so, unless it is asked for."""
    if "hub" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("hub"):
                item.add_marker(pytest.mark.skip(reason="downloads from the model hub; run it with: pytest -m hub"))


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a cache of its own."""
    monkeypatch.setenv("CONCEPT_MEMES_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def fit_colors() -> Callable[[ImageSource], ConceptSet]:
    """Make a concept set of pictures that are mostly of one colour, with the names of colours as words."""

    def fit(images: ImageSource) -> ConceptSet:
        encoder, silent = ColorEncoder(), Progress(verbose=False)
        concept_set = assemble(
            collect_images(named_images(images), Embedder(encoder)).collection,
            diversity=0.3,
            n_exemplars=4,
            progress=silent,
        )
        return add_words(concept_set, COLORS, encoder.encode_texts(COLORS))

    return fit


@pytest.fixture(scope="session")
def color_set(fit_colors: Callable[[ImageSource], ConceptSet]) -> ConceptSet:
    """Twelve red pictures (concept 0), nine blue ones (1) and six green ones (2), given as pixels, in that order."""
    images: list[Image.Image | np.ndarray] = []
    for color, n in zip(COLORS, (12, 9, 6), strict=True):
        images += color_images([color], n)
    return fit_colors(images)


@pytest.fixture
def colors(monkeypatch: pytest.MonkeyPatch) -> ColorEncoder:
    """The encoder that every name of a model stands for."""
    encoder = ColorEncoder()
    for module in (concept_memes.model, concept_memes.fitted):
        monkeypatch.setattr(module, "resolve_encoder", lambda _: encoder)
    return encoder


@pytest.fixture
def only_shipped_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide all fonts but those that come with matplotlib: figures look the same on every machine."""
    import matplotlib
    from matplotlib import font_manager

    from concept_memes.figures import emoji, fonts

    shipped = Path(matplotlib.get_data_path())
    entries = [entry for entry in font_manager.fontManager.ttflist if Path(entry.fname).is_relative_to(shipped)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", entries)
    monkeypatch.setattr(fonts, "_learn_new_fonts", lambda: False)
    monkeypatch.setattr(emoji, "_color_font", lambda: None)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with eight red, six blue pictures, and a file that is none."""
    folder = tmp_path / "pictures"
    write_color_images(folder, ["red"], 8)
    write_color_images(folder, ["blue"], 6)
    (folder / "notes.txt").write_text("no picture")
    return folder
