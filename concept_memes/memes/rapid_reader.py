"""Reading texts with RapidOCR: models for Chinese and English in its package, on ONNX Runtime, without a network."""

from __future__ import annotations

import hashlib
import math
import threading
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.errors import MissingExtraError, ModelNotFoundError
from concept_memes.memes.lines import TextLine, caption_lines, in_reading_order
from concept_memes.protocols import FloatArray

__all__ = ["RapidOCRReader"]

PACKAGES: Final = ("rapidocr", "onnxruntime")
DETECTOR: Final = "PP-OCRv6_det_small.onnx"
RECOGNIZER: Final = "PP-OCRv6_rec_small.onnx"

# Most pixels of a picture as it is read: beyond that, only small print gains.
MOST_PIXELS: Final = 1_200_000
# Short side at which text is looked for, at least: smaller pictures are enlarged for it. Where nothing is found, that
# was all: a photo without text costs half of a meme. Looking in a smaller size first saves nothing: things that look
# like letters are found at any size, and at 160 pixels captions begin to be missed.
SHORT_SIDE: Final = 384
# Letters that touch the edge of a picture are found less well: the pixels at the edge go on outside for that share.
MARGIN: Final = 0.05

# Change it with everything that changes what is read from the same pixels: it is part of the fingerprint.
VERSION: Final = 1


class RapidOCRReader:
    r"""Reads Chinese and English with RapidOCR (PP-OCRv6), on the processor, without a network.

    The models are loaded for the first picture. One reader may be used by many threads at a time: each picture is read
    on one, so several pictures are read at once where there are several processors.

    Parameters
    ----------
    everything : bool, default=False
        False = the caption: without site names, signs and small print, as far as they can be told from it, and without
        what was read with little certainty beside what was read well. True = whatever is legible.

    Attributes
    ----------
    name : str
        ``"rapidocr"``.
    fingerprint : str
        Version of RapidOCR, hashes of the models, settings.

    Raises
    ------
    MissingExtraError
        If the packages are not installed.

    References
    ----------
    PP-OCR: a practical ultra lightweight OCR system, arXiv:2009.09941. RapidOCR: https://github.com/RapidAI/RapidOCR

    Examples
    --------
    >>> from PIL import Image, ImageDraw, ImageFont
    >>> image = Image.new("RGB", (320, 100), "white")
    >>> ImageDraw.Draw(image).text((20, 30), "OVERTIME", "black", ImageFont.load_default(44))
    >>> RapidOCRReader().read_text(image)
    'OVERTIME'
    """

    name = "rapidocr"

    def __init__(self, *, everything: bool = False) -> None:
        self.everything = everything
        self._engine: Any = None
        self._loading = threading.Lock()
        if not self.is_installed():
            raise MissingExtraError(
                "Texts in pictures are read with RapidOCR, which is not installed. Install it with: pip install "
                '"concept-memes[ocr]"'
            )

    @staticmethod
    def is_installed() -> bool:
        """Return whether the packages are there; imports neither of them."""
        return all(find_spec(package) is not None for package in PACKAGES)

    @property
    def fingerprint(self) -> str:
        """Version of RapidOCR, hashes of the models, settings."""
        models = " ".join(f"{name}={file_hash(model_file(name))[:16]}" for name in (DETECTOR, RECOGNIZER))
        return f"rapidocr/{VERSION} {version('rapidocr')} {models} everything={self.everything}"

    def __repr__(self) -> str:
        return f"RapidOCRReader({'everything=True' if self.everything else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave what was loaded behind: a worker process loads it from the same place."""
        return _made_again, (self.everything,)

    def __sklearn_clone__(self) -> RapidOCRReader:
        return self

    def read_text(self, image: Image.Image) -> str:
        """Read the text in a picture.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright RGB picture of any size.

        Returns
        -------
        str
            Line by line, from top to bottom, those side by side from left to right (vertical ones from right to left);
            "" if there is none.
        """
        lines = in_reading_order(self.read_lines(image))
        return "\n".join(line.text for line in (lines if self.everything else caption_lines(lines, image.height)))

    def read_lines(self, image: Image.Image) -> list[TextLine]:
        """Find all lines of text in a picture, with their places and certainties.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright RGB picture of any size.

        Returns
        -------
        list of TextLine
            In no particular order.
        """
        scale = min(1.0, math.sqrt(MOST_PIXELS / (image.width * image.height)))
        picture = prepared(image, scale)
        found = self._loaded()(picture.pixels)
        if getattr(found, "txts", None) is None:
            return []
        return [
            TextLine(" ".join(text.split()), float(score), picture.places(np.asarray(box, np.float32)))
            for text, score, box in zip(found.txts, found.scores, found.boxes, strict=True)
            if text.strip()
        ]

    def _loaded(self) -> Any:  # noqa: ANN401 (a class of an optional package)
        with self._loading:
            if self._engine is None:
                self._engine = load_engine()
            return self._engine


def _made_again(everything: bool) -> RapidOCRReader:
    return RapidOCRReader(everything=everything)


@dataclass(frozen=True)
class Prepared:
    """A picture as RapidOCR gets it: smaller, with a margin, blue before red."""

    pixels: npt.NDArray[np.uint8]
    scale: float
    margin: int

    def places(self, corners: FloatArray) -> FloatArray:
        """Return where corners are in the picture itself."""
        return np.asarray((corners - np.float32(self.margin)) / np.float32(self.scale), np.float32)


def prepared(image: Image.Image, scale: float) -> Prepared:
    """Prepare a picture; one that is too flat to be scaled keeps a pixel."""
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    smaller = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    margin = max(8, int(MARGIN * max(size)))
    pixels = np.asarray(smaller.convert("RGB"))[:, :, ::-1]
    framed = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    return Prepared(np.ascontiguousarray(framed), scale, margin)


def load_engine() -> Any:  # noqa: ANN401 (a class of an optional package)
    """Load the models.

    Their files are named one by one, as RapidOCR fetches what it has to look for. One thread per picture: with several
    pictures at a time that is faster than several threads for each, and the bits do not depend on their number.
    """
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",  # it has a logger of its own, which prints
            "Global.use_cls": False,  # turns lines that stand on their head, and takes some for such
            "Det.model_path": str(model_file(DETECTOR)),
            "Det.limit_side_len": SHORT_SIDE,
            "Rec.model_path": str(model_file(RECOGNIZER)),
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def model_file(name: str) -> Path:
    """Return where a model lies in the installed package; nothing is imported."""
    spec = find_spec(PACKAGES[0])
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    for folder in folders:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise ModelNotFoundError(
        f"The installed package rapidocr has no model {name!r}. This version of concept-memes reads with the models of "
        'rapidocr 3.10: run pip install --force-reinstall "rapidocr~=3.10.0".'
    )


@cache
def file_hash(path: Path) -> str:
    """Hash a model, once per process."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
