"""The texts in pictures: read once per content, kept in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from concept_memes.cache import VectorCache
from concept_memes.errors import InvalidParameterError, ReaderError, UnreadableImageError
from concept_memes.findings import COPY_KINDS, PictureFamilies, PictureTexts
from concept_memes.loading import load_frames
from concept_memes.lookahead import usable_processors
from concept_memes.memes.lines import united, weight_of
from concept_memes.memes.rapid_reader import RapidOCRReader
from concept_memes.memes.studying import Pictures, study
from concept_memes.progress import Progress
from concept_memes.protocols import IntArray, TextReader

__all__ = ["read_texts", "resolve_reader"]

# Raise it with everything that changes which frames are read and how their texts are united.
FRAMES_VERSION = 1

# Kinds of copies whose letters stand otherwise than those of the picture that stands for them.
LIE_OTHERWISE = tuple(map(COPY_KINDS.index, ("mirrored", "flipped", "turned")))

# Frames are compared at this size, in grey; one is read if some place differs by more than that from all before it.
FRAME_SIDE = 64
DIFFERENT = 24


def resolve_reader(ocr: bool | TextReader) -> TextReader | None:
    """Return what reads the texts.

    Parameters
    ----------
    ocr : bool or TextReader
        True = RapidOCR, False = nobody; a reader is taken as it is.

    Returns
    -------
    TextReader or None
        None where nobody is to read them.

    Raises
    ------
    MissingExtraError
        If RapidOCR is not installed.
    InvalidParameterError
        If it is something else.

    Examples
    --------
    >>> from concept_memes.testing import CaptionReader
    >>> resolve_reader(False), resolve_reader(CaptionReader()).name
    (None, 'captions')
    """
    if isinstance(ocr, bool | np.bool_):
        return RapidOCRReader() if ocr else None
    if isinstance(ocr, type) or not isinstance(ocr, TextReader):
        raise InvalidParameterError(
            "ocr", ocr, "True, False, or a reader: an object with `name`, `fingerprint` and `read_text(image)`"
        )
    return ocr


def read_texts(
    pictures: Pictures,
    reader: TextReader,
    *,
    n_frames: int,
    cache: VectorCache,
    progress: Progress,
    families: PictureFamilies | None = None,
) -> PictureTexts:
    """Read the texts in pictures, each content once ever.

    Copies say the same, mirrored and turned ones too, whose own letters are no text. So of each group the picture is
    read that stands for it, and one of each way in which others lie on it: of a picture and its mirror image, which of
    them stands for both is chance. What says most is right; of 20 memes none says more when mirrored or on its head.

    What was read is kept when the run is interrupted.

    Parameters
    ----------
    pictures : Pictures
    reader : TextReader
        Its `read_text` is called in as many threads as there are processors.
    n_frames : int
        Most frames of an animation that are read; only those that differ are.
    cache : VectorCache
    progress : Progress
    families : PictureFamilies, optional
        Which pictures are copies; without it every content is read.

    Returns
    -------
    PictureTexts
        Without vectors; "" for a picture that says nothing, and for one that cannot be read.

    Raises
    ------
    ReaderError
        If the reader fails, or returns something else than a string.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), ocr=CaptionReader(), cache=False)
    >>> model.fit(captioned_images(["overtime", "holidays", ""])).texts_
    ('overtime', 'holidays', '')
    """

    def look(source: Path | Image.Image) -> bytes:
        return united([text_in(frame, reader, source) for frame in different_frames(source, n_frames)]).encode()

    candidates = rows_to_read(pictures, families)
    fingerprint = f"{reader.fingerprint} frames={n_frames}/{FRAMES_VERSION}"
    notes = study(
        pictures,
        fingerprint,
        look,
        cache=cache,
        progress=progress,
        what="reading texts",
        rows=sorted({row for rows in candidates.values() for row in rows}),
        n_threads=usable_processors(),
    )
    said: dict[int, str] = {}
    for head, rows in candidates.items():
        keys = [pictures.images[row].content_hash for row in rows]
        said[head] = max((notes.get(key, b"").decode(errors="replace") for key in keys), key=weight_of)
    texts = tuple(said[head] for head in heads_of(len(pictures.images), families).tolist())
    return PictureTexts(texts, reader.name)


def heads_of(n: int, families: PictureFamilies | None) -> IntArray:
    """Tell for each picture which one stands for it: itself, or the one that it is a copy of."""
    own = np.arange(n, dtype=np.int64)
    return own if families is None else np.where(families.copy_of >= 0, families.copy_of, own)


def rows_to_read(pictures: Pictures, families: PictureFamilies | None) -> dict[int, list[int]]:
    """Tell which pictures are read for each that stands for itself or others: itself first, then what lies otherwise.

    Of several that lie otherwise in the same way the one with the smallest content hash.
    """
    heads = heads_of(len(pictures.images), families)
    found = {head: [head] for head in np.unique(heads).tolist()}
    if families is None:
        return found
    for kind in LIE_OTHERWISE:
        smallest: dict[int, int] = {}
        for row in np.flatnonzero(families.copy_kinds == kind).tolist():
            one = smallest.setdefault(int(heads[row]), row)
            if pictures.images[row].content_hash < pictures.images[one].content_hash:
                smallest[int(heads[row])] = row
        for head, row in smallest.items():
            found[head].append(row)
    return found


def different_frames(source: Path | Image.Image, n_frames: int) -> Iterator[Image.Image]:
    """Decode the frames of a picture that differ from all before them."""
    seen: list[np.ndarray] = []
    for frame in load_frames(source, most=n_frames):
        small = np.asarray(frame.convert("L").resize((FRAME_SIDE, FRAME_SIDE), Image.Resampling.BOX), np.int16)
        if all(np.abs(small - other).max() > DIFFERENT for other in seen):
            seen.append(small)
            yield frame


def text_in(image: Image.Image, reader: TextReader, source: Path | Image.Image) -> str:
    """Read one frame; whatever goes wrong in the reader of a user is told with its name and the picture's."""
    where = f"{reader.name!r} could not read {str(source) if isinstance(source, Path) else 'a picture'}"
    try:
        text = reader.read_text(image)
    except UnreadableImageError:
        raise
    except Exception as error:
        raise ReaderError(f"The reader {where}: {type(error).__name__}: {error}") from error
    if not isinstance(text, str):
        raise ReaderError(
            f"The reader {where}: `read_text` returned {type(text).__name__}. It must return a string: the text line "
            'by line, "" if there is none.'
        )
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair is no text, and could not be kept
