"""Keywords of concepts in XMP sidecars beside the pictures, which are never touched themselves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from concept_memes.concepts import Concept, ConceptSet
from concept_memes.export.xmp import SidecarError, new_sidecar, with_keywords
from concept_memes.remote.kept_copies import is_address
from concept_memes.whole_files import in_one_step

__all__ = ["Sidecar", "SidecarResult", "keywords_of", "write_sidecars"]

N_KEYWORDS = 3  # as many words as a title has


@dataclass(frozen=True)
class Sidecar:
    """What was done, or would be, with the sidecar of one picture.

    Attributes
    ----------
    path : Path
        The sidecar, absolute: ``photo.jpg.xmp`` beside ``photo.jpg``.
    action : {"new", "added", "same", "left"}
        It was made, keywords were added to it, it had them all, or it was left alone.
    keywords : tuple of str
        What the picture's concept says.
    reason : str
        Why it was left alone.
    """

    path: Path
    action: Literal["new", "added", "same", "left"]
    keywords: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True)
class SidecarResult:
    """What was done, or would be, with all sidecars.

    Attributes
    ----------
    sidecars : tuple of Sidecar
        In the order of the images.
    n_without : int
        Pictures that have none: they are in no concept or in one without words, or are no files.
    """

    sidecars: tuple[Sidecar, ...]
    n_without: int

    def count(self, action: str) -> int:
        """Count the sidecars of which an action was taken."""
        return sum(sidecar.action == action for sidecar in self.sidecars)


def keywords_of(concept: Concept) -> tuple[str, ...]:
    """Return the keywords of a concept: its name, if somebody named it, and the words that are sure, three at most.

    Parameters
    ----------
    concept : Concept

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> keywords_of(Concept(0, 9, words=("panda", "bear", "bamboo", "zoo"), name="zoo trip"))
    ('zoo trip', 'panda', 'bear', 'bamboo')
    """
    words = concept.sure_words[:N_KEYWORDS]
    return tuple(dict.fromkeys((concept.name, *words) if concept.name else words))


def write_sidecars(concept_set: ConceptSet, *, dry_run: bool = False) -> SidecarResult:
    """Write the words of concepts as keywords (``dc:subject``) beside the pictures.

    ``photo.jpg.xmp`` is what darktable and digiKam read and write; unlike ``photo.xmp`` it tells the sidecars of
    ``photo.jpg`` and ``photo.png`` apart. In one that is there, keywords are added and every other byte stays; one that
    cannot be read safely is left alone. Keywords are never removed.

    Parameters
    ----------
    concept_set : ConceptSet
    dry_run : bool, default=False
        Only tell what would be done.

    Returns
    -------
    SidecarResult

    Examples
    --------
    >>> import tempfile
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, write_color_images
    >>> photos = Path(tempfile.mkdtemp())
    >>> paths = write_color_images(photos, ["red", "blue"], 6)
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"]).fit(photos)
    >>> write_sidecars(model.concepts_).count("new"), write_sidecars(model.concepts_).count("same")
    (12, 12)
    """
    sidecars = tuple(_sidecars(concept_set, dry_run=dry_run))
    return SidecarResult(sidecars, len(concept_set.images) - len(sidecars))


def _sidecars(concept_set: ConceptSet, *, dry_run: bool) -> Iterator[Sidecar]:
    keywords = {concept.index: keywords_of(concept) for concept in concept_set.concepts}
    for image, label in zip(concept_set.images, concept_set.labels.tolist(), strict=True):
        words = keywords.get(label, ())
        if not words or image.path is None or is_address(image.name):
            continue
        picture = concept_set.base_folder / image.path
        path = picture.with_name(f"{picture.name}.xmp")
        try:
            action = _written(picture, path, words, dry_run=dry_run)
        except SidecarError as error:
            yield Sidecar(path, "left", words, str(error))
        except OSError as error:
            yield Sidecar(path, "left", words, f"it cannot be read or written: {error.strerror}")
        else:
            yield Sidecar(path, action, words)


def _written(picture: Path, path: Path, keywords: tuple[str, ...], *, dry_run: bool) -> Literal["new", "added", "same"]:
    """Write one sidecar, in one step."""
    if not picture.is_file():
        in_archive = any(parent.is_file() for parent in picture.parents)
        raise SidecarError("the picture is in an archive" if in_archive else "the picture is missing")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise SidecarError("its sidecar is no ordinary file")
    is_new = not path.exists() or not path.stat().st_size  # an empty one: killed before the keywords came
    data = new_sidecar(keywords) if is_new else with_keywords(path.read_bytes(), keywords)
    if data is None:
        return "same"
    if not dry_run:
        _put(path, data)
    return "new" if is_new else "added"


def _put(path: Path, data: bytes) -> None:
    """Write a file in one step, with the permissions of the one that is there."""
    with in_one_step(path) as temporary:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))  # a new one gets the usual permissions
        shutil.copymode(path, temporary)
