"""A :class:`ConceptSet` as a folder: one JSON file, one safetensors file, PNGs of exemplars that came as pixels.

Nothing is pickled. The JSON file names the others and is written last, in one step, so a save that is interrupted
leaves the old state whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from concept_memes.concepts import Concept, ConceptSet, Edit, HierarchyNode, ImageRecord, SkippedImage
from concept_memes.errors import NewerFormatError, SavedModelError
from concept_memes.findings import COPY_KINDS, PictureFamilies, PictureTexts
from concept_memes.protocols import IntArray
from concept_memes.whole_files import in_one_step

__all__ = ["FORMAT_VERSION", "load_concept_set", "save_concept_set"]

FORMAT = "concept_memes"
# 1 lacked the arrays in ADDED_ARRAYS, candidates, the tree and the edits; 2 what pictures and concepts say, and copies
FORMAT_VERSION = 3
MAIN_FILE = "concepts.json"
ARRAYS = ("labels", "probabilities", "vectors", "centre", "centroids", "word_vectors")
ADDED_ARRAYS = ("raw_labels", "raw_probabilities")
OPTIONAL_ARRAYS = ("positions",)
# Fields of `PictureTexts` and `PictureFamilies`, and the arrays that hold them.
TEXT_FIELDS = ("texts", "reader", "weight", "encoder")
TEXT_ARRAYS = {"vectors": "text_vectors", "state": "text_state"}
FAMILY_ARRAYS = ("copy_of", "copy_kinds", "template_of")
# Names that only `save_concept_set` gives, with those of `in_one_step`: a replaced model is removed by them, and no
# file of others has one.
PARTS = r"arrays-[0-9a-f]{16}\.safetensors|pixels-[0-9a-f]{16}\.png"
OUR_FILES = re.compile(rf"{PARTS}|\.({PARTS}|{re.escape(MAIN_FILE)})\.[0-9]+\.tmp")
DAMAGED = "Fit and save the model again."


def save_concept_set(concept_set: ConceptSet, folder: str | Path, *, extra: Mapping[str, Any] | None = None) -> Path:
    """Write a set into a folder.

    Parameters
    ----------
    concept_set : ConceptSet
    folder : str or Path
        It is made if it is not there. A model that was saved there before is replaced; a folder with anything else
        in it is refused.
    extra : mapping, optional
        More to keep, in what JSON can hold.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    SavedModelError
        If the place is a file, or a folder that holds something else.
    """
    from safetensors.numpy import save as to_safetensors

    folder = Path(os.path.expanduser(folder))  # pathlib's own raises where there is no such user
    check_place(folder)
    folder.mkdir(parents=True, exist_ok=True)
    given = {name: getattr(concept_set, name) for name in ARRAYS + ADDED_ARRAYS + OPTIONAL_ARRAYS}
    texts, families = concept_set.texts, concept_set.families
    given |= {array: None if texts is None else getattr(texts, name) for name, array in TEXT_ARRAYS.items()}
    given |= {name: None if families is None else getattr(families, name) for name in FAMILY_ARRAYS}
    arrays = {name: np.ascontiguousarray(array) for name, array in given.items() if array is not None}
    data = to_safetensors(arrays)
    arrays_file = f"arrays-{hashlib.blake2b(data, digest_size=8).hexdigest()}.safetensors"
    write_whole(folder / arrays_file, data)
    exemplars = {i for concept in concept_set.concepts for i in concept.exemplars}
    pixel_files = {}
    for index in sorted(exemplars & concept_set.pixels.keys()):
        pixel_files[str(index)] = save_pixels(folder, concept_set.pixels[index].convert("RGB"))
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "arrays": arrays_file,
        "pixels": pixel_files,
        "blocks": concept_set.blocks,
        "encoder": {"name": concept_set.encoder_name, "fingerprint": concept_set.encoder_fingerprint},
        "base_folder": str(concept_set.base_folder),
        "images": [[i.name, path_text(i.path), i.content_hash] for i in concept_set.images],
        "concepts": [asdict(concept) for concept in concept_set.concepts],
        "words": concept_set.words,
        "candidates": concept_set.candidates,
        "hierarchy": [asdict(node) for node in concept_set.hierarchy],
        "edits": [asdict(edit) for edit in concept_set.edits],
        "skipped": [[path_text(s.path), s.index, s.reason] for s in concept_set.skipped],
        "texts": None if texts is None else {name: getattr(texts, name) for name in TEXT_FIELDS},
        "families": None if families is None else {"near": families.near},
        "extra": dict(extra or {}),
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    # File names that are not valid UTF-8 come from the system as lone surrogates; they must survive.
    write_whole(folder / MAIN_FILE, text.encode("utf-8", "surrogatepass"))
    kept = {arrays_file, *pixel_files.values()}
    for path in folder.iterdir():
        if OUR_FILES.fullmatch(path.name) and path.name not in kept:
            path.unlink(missing_ok=True)
    return folder


def load_concept_set(folder: str | Path) -> tuple[ConceptSet, dict[str, Any]]:
    """Read a set from a folder.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    concept_set : ConceptSet
    extra : dict
        What was given to `save_concept_set` as `extra`.

    Raises
    ------
    SavedModelError
        If the folder is not there, holds no saved model, or a damaged one.
    NewerFormatError
        If a newer version of this package wrote it.
    """
    folder = Path(os.path.expanduser(folder))  # pathlib's own raises where there is no such user
    document = read_document(folder)
    arrays = read_arrays(folder, document)
    try:
        concept_set = ConceptSet(
            images=tuple(ImageRecord(name, as_path(path), key) for name, path, key in document["images"]),
            blocks=tuple((int(start), int(stop)) for start, stop in document["blocks"]),
            concepts=tuple(Concept(**as_tuples(concept)) for concept in document["concepts"]),
            words=tuple(document["words"]),
            candidates=tuple(document.get("candidates", ())),
            hierarchy=tuple(HierarchyNode(**as_tuples(node)) for node in document.get("hierarchy", ())),
            edits=tuple(Edit(**as_tuples(edit)) for edit in document.get("edits", ())),
            encoder_name=document["encoder"]["name"],
            encoder_fingerprint=document["encoder"]["fingerprint"],
            skipped=tuple(SkippedImage(as_path(path), index, reason) for path, index, reason in document["skipped"]),
            base_folder=Path(document["base_folder"]),
            pixels={int(index): read_pixels(folder / own_name(name)) for index, name in document["pixels"].items()},
            texts=read_texts(document.get("texts"), arrays),
            families=read_families(document.get("families"), arrays),
            **{name: arrays[name] for name in ARRAYS + ADDED_ARRAYS + OPTIONAL_ARRAYS if name in arrays},
        )
        check_parts(concept_set, folder)
        extra = dict(document["extra"])
    except SavedModelError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SavedModelError(f"{folder / MAIN_FILE} is damaged ({error!r}). {DAMAGED}") from error
    return concept_set, extra


def read_document(folder: Path) -> dict[str, Any]:
    """Read the main file and check that it is ours and not newer than we are."""
    path = folder / MAIN_FILE
    if not folder.is_dir():
        raise SavedModelError(f"{folder}: there is no such folder. Give the folder that save() wrote.")
    if not path.is_file():
        raise SavedModelError(
            f"{folder} is not a saved model: it has no {MAIN_FILE}. Give the folder that save() wrote; for a folder of "
            "pictures, fit a model first."
        )
    try:
        document = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise SavedModelError(f"{path} is damaged ({error}). {DAMAGED}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SavedModelError(f"{path} was not written by this package.")
    version = document.get("format_version")
    if not isinstance(version, int):
        raise SavedModelError(f"{path} is damaged: its format version is {version!r}.")
    if version > FORMAT_VERSION:
        raise NewerFormatError(
            f"{folder} has format version {version}; this version of concept_memes reads up to {FORMAT_VERSION}. "
            "Upgrade it: pip install --upgrade concept-memes"
        )
    return document


def read_arrays(folder: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """Read the arrays that the main file names."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_safetensors

    path = folder / own_name(document.get("arrays"))
    try:
        arrays = from_safetensors(path.read_bytes())
        return arrays | {name: arrays[name] for name in ARRAYS}  # these must be there
    except (OSError, SafetensorError, KeyError) as error:
        raise SavedModelError(f"{path} is missing or damaged ({error}). {DAMAGED}") from error


def read_texts(document: Mapping[str, Any] | None, arrays: Mapping[str, Any]) -> PictureTexts | None:
    """Put together what the pictures say."""
    if document is None:
        return None
    fields = {name: document[name] for name in TEXT_FIELDS}
    found = {name: arrays[array] for name, array in TEXT_ARRAYS.items() if array in arrays}
    return PictureTexts(**{**fields, "texts": tuple(document["texts"])}, **found)


def read_families(document: Mapping[str, Any] | None, arrays: Mapping[str, Any]) -> PictureFamilies | None:
    """Put together which pictures are copies and variants."""
    if document is None:
        return None
    return PictureFamilies(**{name: arrays[name] for name in FAMILY_ARRAYS}, near=bool(document["near"]))


def check_parts(concept_set: ConceptSet, folder: Path) -> None:
    """Check that what was read fits together; what does not would fail far from here, or answer wrongly."""
    n, k, d = len(concept_set.images), len(concept_set), concept_set.vectors.shape[-1]
    expected: dict[str, tuple[object, tuple[int, ...], type]] = {
        "labels": (concept_set.labels, (n,), np.int64),
        "probabilities": (concept_set.probabilities, (n,), np.float64),
        "vectors": (concept_set.vectors, (n, d), np.float32),
        "centre": (concept_set.centre, (d,), np.float32),
        "centroids": (concept_set.centroids, (k, d), np.float32),
        "word_vectors": (concept_set.word_vectors, (len(concept_set.words), d), np.float32),
        "raw_labels": (concept_set.raw_labels, (n,), np.int64),
        "raw_probabilities": (concept_set.raw_probabilities, (n,), np.float64),
    }
    if concept_set.positions is not None:
        expected["positions"] = (concept_set.positions, (n, 2), np.float32)
    if (texts := concept_set.texts) is not None and texts.vectors is not None:
        expected["text_vectors"] = (texts.vectors, (n, texts.vectors.shape[-1]), np.float32)
    if (families := concept_set.families) is not None:
        expected["copy_of"] = (families.copy_of, (n,), np.int64)
        expected["copy_kinds"] = (families.copy_kinds, (n,), np.uint8)
        expected["template_of"] = (families.template_of, (n,), np.int64)
    wrong = [
        name
        for name, (array, shape, kind) in expected.items()
        if getattr(array, "shape", None) != shape or getattr(array, "dtype", None) != kind
    ]
    wrong = wrong or [name for name, is_wrong in WRONG_VALUES.items() if is_wrong(concept_set)]
    if wrong:
        raise SavedModelError(f"{folder} is damaged: {', '.join(wrong)} do not fit the rest. {DAMAGED}")


def misplaced(concept_set: ConceptSet) -> bool:
    """Tell whether a picture that could be read has no place on the map."""
    readable = np.array([bool(image.content_hash) for image in concept_set.images], np.bool_)
    places = np.asarray(concept_set.positions)[readable]
    return not bool(((places >= 0) & (places <= 1)).all())  # NaN is neither


def outside(labels: IntArray, n: int) -> bool:
    """Tell whether something else than -1..n-1 is among labels."""
    return not bool(((labels >= -1) & (labels < n)).all())


def misled(families: PictureFamilies) -> bool:
    """Tell whether copies or variants stand for pictures that are not there, or are of no kind."""
    n = len(families.copy_of)
    return (
        outside(families.copy_of, n)
        or outside(families.template_of, n)
        or bool((families.copy_kinds >= len(COPY_KINDS)).any())
    )


def unlike_texts(concept_set: ConceptSet) -> bool:
    """Tell whether there is not one text per picture."""
    texts = concept_set.texts
    return texts is not None and (
        len(texts.texts) != len(concept_set.images) or not all(isinstance(text, str) for text in texts.texts)
    )


# What may be wrong with arrays of the right shapes.
WRONG_VALUES: dict[str, Callable[[ConceptSet], bool]] = {
    "labels": lambda found: outside(found.labels, len(found)),
    "raw_labels": lambda found: outside(found.raw_labels, len(found)),
    "positions": lambda found: found.positions is not None and misplaced(found),
    "exemplars": lambda found: any(not 0 <= i < len(found.images) for c in found.concepts for i in c.exemplars),
    "texts": unlike_texts,
    "families": lambda found: found.families is not None and misled(found.families),
}


def check_place(folder: Path) -> None:
    """Refuse a place where something else than a saved model would suffer."""
    if folder.exists() and not folder.is_dir():
        raise SavedModelError(f"{folder} is a file. A model is saved as a folder: give another name.")
    if not folder.is_dir() or all(OUR_FILES.fullmatch(path.name) for path in folder.iterdir()):
        return  # new, empty, or left behind by a save that was interrupted
    try:
        read_document(folder)
    except NewerFormatError as error:
        raise SavedModelError(f"{error} It was not replaced; save into another folder.") from error
    except SavedModelError as error:
        raise SavedModelError(
            f"{folder} is not empty and holds no saved model; nothing was written. Save into a new or empty folder."
        ) from error


def own_name(name: object) -> str:
    """Check the name of a file that the main file gives: it must not lead out of the folder."""
    if not isinstance(name, str) or not OUR_FILES.fullmatch(name):
        raise SavedModelError(f"{MAIN_FILE} is damaged: it names a file {name!r}. {DAMAGED}")
    return name


def save_pixels(folder: Path, image: Image.Image) -> str:
    """Write a picture that came as pixels; return the name of the file."""
    key = hashlib.blake2b(repr(image.size).encode() + image.tobytes(), digest_size=8).hexdigest()
    name = f"pixels-{key}.png"
    if not (folder / name).exists():
        png = BytesIO()
        image.save(png, "PNG")
        write_whole(folder / name, png.getvalue())
    return name


def read_pixels(path: Path) -> Image.Image:
    """Read a picture that came as pixels."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SavedModelError(f"{path} is missing or damaged ({error}). {DAMAGED}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one step: it is there whole or not at all."""
    with in_one_step(path) as temporary:
        temporary.write_bytes(data)


def as_tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Read the fields of a dataclass as JSON holds them, where tuples, and tuples of tuples, are lists."""

    def frozen(value: object) -> object:
        return tuple(frozen(item) for item in value) if isinstance(value, list) else value

    return {name: frozen(value) for name, value in fields.items()}


def path_text(path: Path | None) -> str | None:
    """Write a path as JSON holds it."""
    return None if path is None else str(path)


def as_path(text: str | None) -> Path | None:
    """Read a path as JSON holds it."""
    return None if text is None else Path(text)
