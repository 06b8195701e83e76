from __future__ import annotations

import csv
import logging
import pickle
import socket
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from sklearn.base import clone

from concept_memes.errors import MissingExtraError, ModelNotFoundError
from concept_memes.loading import load_image
from concept_memes.memes import rapid_reader
from concept_memes.memes.rapid_reader import RapidOCRReader, model_file
from concept_memes.protocols import TextReader

DATA = Path(__file__).parents[2] / "shared" / "data"

pytestmark = pytest.mark.skipif(not RapidOCRReader.is_installed(), reason="RapidOCR is not installed")


@pytest.fixture(scope="module")
def reader() -> RapidOCRReader:
    return RapidOCRReader()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def drawn(*lines: str, size: tuple[int, int] = (480, 320), height: int = 48, ink: str = "black") -> Image.Image:
    image = Image.new("RGB", size, "black" if ink == "white" else "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(height)
    for number, line in enumerate(lines):
        draw.text((size[0] // 12, size[1] // 12 + 2 * number * height), line, ink, font)
    return image


def test_it_is_a_reader(reader: RapidOCRReader) -> None:
    assert isinstance(reader, TextReader)
    assert reader.name == "rapidocr"


def test_lines_are_read_in_their_order(reader: RapidOCRReader) -> None:
    assert reader.read_text(drawn("OVERTIME AGAIN", "said nobody ever")) == "OVERTIME AGAIN\nsaid nobody ever"
    assert reader.read_text(drawn("OVERTIME", ink="white")) == "OVERTIME"


@pytest.mark.parametrize("size", [(1, 1), (600, 1), (1, 40), (640, 480)])
def test_pictures_without_text_say_nothing(reader: RapidOCRReader, size: tuple[int, int]) -> None:
    assert reader.read_text(Image.new("RGB", size, "teal")) == ""


def test_tiny_and_large_pictures_are_read(reader: RapidOCRReader) -> None:
    assert reader.read_text(drawn("OVERTIME", size=(110, 40), height=18)) == "OVERTIME"
    assert reader.read_text(drawn("OVERTIME", size=(1800, 1200), height=120)) == "OVERTIME"
    assert reader.read_text(drawn("OVERTIME", size=(500, 2000), height=60)) == "OVERTIME"


def test_a_large_picture_is_read_in_a_smaller_size(reader: RapidOCRReader, monkeypatch: pytest.MonkeyPatch) -> None:
    read = reader._loaded()
    sizes: list[int] = []

    def noting(pixels: np.ndarray) -> object:
        sizes.append(pixels.size // 3)
        return read(pixels)

    monkeypatch.setattr(reader, "_engine", noting)
    reader.read_text(Image.new("RGB", (4000, 3000), "white"))
    assert 1_200_000 < sizes[0] < 1_500_000  # and its margin


def test_places_are_those_in_the_picture(reader: RapidOCRReader) -> None:
    for scale in (1, 4):  # at the larger one the picture is read in a smaller size
        image = drawn("OVERTIME", size=(400 * scale, 300 * scale), height=40 * scale)
        (line,) = reader.read_lines(image)
        left, top, right, bottom = Image.eval(image.convert("L"), lambda value: 255 - value).getbbox() or (0, 0, 0, 0)
        found = [*line.corners.min(axis=0), *line.corners.max(axis=0)]
        np.testing.assert_allclose(found, [left, top, right, bottom], atol=14 * scale)


def test_small_print_is_read_on_request(reader: RapidOCRReader) -> None:
    image = drawn("OVERTIME AGAIN")
    ImageDraw.Draw(image).text((300, 290), "www.example.com", "black", ImageFont.load_default(15))
    assert reader.read_text(image) == "OVERTIME AGAIN"
    assert RapidOCRReader(everything=True).read_text(image) == "OVERTIME AGAIN\nwww.example.com"


def test_threads_read_what_one_thread_reads() -> None:
    images = [drawn(f"number {number}", f"and {number * 7}") for number in range(4)]
    alone = RapidOCRReader()
    expected = [alone.read_text(image) for image in images]
    together = RapidOCRReader()  # not loaded yet
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(together.read_text, images)) == expected


def test_it_neither_prints_nor_asks_the_network_nor_writes(
    no_network: None, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    models = model_file(rapid_reader.DETECTOR).parent
    before = {path.name: path.stat().st_mtime_ns for path in models.iterdir()}
    level = logging.getLogger().level
    with caplog.at_level(logging.DEBUG):
        reader = RapidOCRReader()
        assert reader.read_text(drawn("OVERTIME")) == "OVERTIME"
        assert reader.read_text(Image.new("RGB", (60, 40))) == ""
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().level == level
    assert {path.name: path.stat().st_mtime_ns for path in models.iterdir()} == before


def test_the_fingerprint_names_version_models_and_settings(reader: RapidOCRReader) -> None:
    assert "rapidocr/" in reader.fingerprint
    assert "det_small.onnx=" in reader.fingerprint
    assert "rec_small.onnx=" in reader.fingerprint
    assert reader.fingerprint == RapidOCRReader().fingerprint
    assert reader.fingerprint != RapidOCRReader(everything=True).fingerprint


def test_it_is_pickled_without_what_was_loaded_and_is_its_own_clone(reader: RapidOCRReader) -> None:
    reader.read_text(drawn("OVERTIME"))
    data = pickle.dumps(RapidOCRReader(everything=True))
    assert len(pickle.dumps(reader)) < 300
    assert pickle.loads(data).everything
    assert clone(reader) is reader
    assert (repr(reader), repr(pickle.loads(data))) == ("RapidOCRReader()", "RapidOCRReader(everything=True)")


def test_without_the_packages_the_line_that_installs_them_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapid_reader, "find_spec", lambda name: None)
    assert not RapidOCRReader.is_installed()
    with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[ocr\]"'):
        RapidOCRReader()


def test_a_package_with_other_models_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapid_reader, "DETECTOR", "another.onnx")
    with pytest.raises(ModelNotFoundError, match=r"no model 'another.onnx'.*pip install"):
        RapidOCRReader().read_text(drawn("OVERTIME"))


@pytest.mark.skipif(not (DATA / "meme_captions.tsv").is_file(), reason="there are no memes beside the project")
def test_captions_of_real_memes_are_read(reader: RapidOCRReader) -> None:
    with (DATA / "meme_captions.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[::20]

    def letters(text: str) -> str:
        return "".join(filter(str.isalnum, text))

    matches = [
        SequenceMatcher(
            None, letters(row["caption"]), letters(reader.read_text(load_image(DATA / "memes" / row["file"]))), False
        ).ratio()
        for row in rows
    ]
    assert len(matches) == 11
    assert np.mean(matches) > 0.9
