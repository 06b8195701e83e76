"""A :class:`ConceptSet` as a folder: one JSON file, one safetensors file, PNGs of exemplars that came as pixels.

Nothing is pickled. The JSON file names the others and is written last, in one step, so a save that is interrupted
leaves the old state whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from concept_memes.concepts import Concept, ConceptSet, Edit, HierarchyNode, ImageRecord, SkippedImage
from concept_memes.errors import NewerFormatError, SavedModelError
from concept_memes.whole_files import in_one_step

__all__ = ["FORMAT_VERSION", "load_concept_set", "save_concept_set"]

FORMAT = "concept_memes"
FORMAT_VERSION = 2  # 1 lacked the arrays in ADDED_ARRAYS, candidates, the tree and the edits
MAIN_FILE = "concepts.json"
ARRAYS = ("labels", "probabilities", "vectors", "centre", "centroids", "word_vectors")
ADDED_ARRAYS = ("raw_labels", "raw_probabilities")
OPTIONAL_ARRAYS = ("positions",)
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
            **arrays,
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
        later = {name: arrays[name] for name in ADDED_ARRAYS + OPTIONAL_ARRAYS if name in arrays}
        return {name: arrays[name] for name in ARRAYS} | later
    except (OSError, SafetensorError, KeyError) as error:
        raise SavedModelError(f"{path} is missing or damaged ({error}). {DAMAGED}") from error


def check_parts(concept_set: ConceptSet, folder: Path) -> None:
    """Check that what was read fits together; what does not would fail far from here, or answer wrongly."""
    n, k, d = len(concept_set.images), len(concept_set), concept_set.vectors.shape[-1]
    expected: dict[str, tuple[tuple[int, ...], type]] = {
        "labels": ((n,), np.int64),
        "probabilities": ((n,), np.float64),
        "vectors": ((n, d), np.float32),
        "centre": ((d,), np.float32),
        "centroids": ((k, d), np.float32),
        "word_vectors": ((len(concept_set.words), d), np.float32),
        "raw_labels": ((n,), np.int64),
        "raw_probabilities": ((n,), np.float64),
    }
    if concept_set.positions is not None:
        expected["positions"] = ((n, 2), np.float32)
    wrong = []
    for name, (shape, kind) in expected.items():
        array = getattr(concept_set, name)
        if array.shape != shape or array.dtype != kind:
            wrong.append(name)
    if not wrong and n and not -1 <= concept_set.labels.min() <= concept_set.labels.max() < k:
        wrong = ["labels"]
    if not wrong and n and not -1 <= concept_set.raw_labels.min() <= concept_set.raw_labels.max() < k:
        wrong = ["raw_labels"]
    if not wrong and concept_set.positions is not None and misplaced(concept_set):
        wrong = ["positions"]
    if any(not 0 <= i < n for concept in concept_set.concepts for i in concept.exemplars):
        wrong.append("exemplars")
    if wrong:
        raise SavedModelError(f"{folder} is damaged: {', '.join(wrong)} do not fit the rest. {DAMAGED}")


def misplaced(concept_set: ConceptSet) -> bool:
    """Tell whether a picture that could be read has no place on the map."""
    readable = np.array([bool(image.content_hash) for image in concept_set.images], np.bool_)
    places = np.asarray(concept_set.positions)[readable]
    return not bool(((places >= 0) & (places <= 1)).all())  # NaN is neither


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
