"""Where pictures are, as tables and documents tell it."""

from __future__ import annotations

from pathlib import Path

from concept_memes.concepts import ConceptSet
from concept_memes.remote.kept_copies import is_address
from concept_memes.sources.image_refs import ImageRef

__all__ = ["absolute_place", "near_path", "picture_path", "place_of"]


def picture_path(concept_set: ConceptSet, index: int) -> str:
    """Return where a picture of the collection is: an absolute path, its address, or its name if it came as pixels."""
    image = concept_set.images[index]
    return image.name if image.path is None or is_address(image.name) else str(concept_set.base_folder / image.path)


def near_path(path: str | Path) -> str:
    """Return a path as short as it can be from the current folder, and an address as it is."""
    if is_address(str(path)):
        return str(path)
    path, here = Path(path), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def place_of(ref: ImageRef) -> str:
    """Return where a picture is: its path as it was given, or its address."""
    return ref.name if ref.url is not None or ref.path is None else str(ref.path)


def absolute_place(ref: ImageRef) -> str:
    """Return where a picture is from any folder."""
    return place_of(ref) if ref.url is not None or ref.path is None else str(ref.path.absolute())
