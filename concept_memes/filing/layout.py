"""Which picture goes into which folder, under which name. Pure: no place is looked at.

The same concepts give the same layout, whatever is on the disk by now: a run that was killed finds its names again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from concept_memes.concepts import Concept, ConceptSet
from concept_memes.filing.names import FreeNames, safe_name
from concept_memes.remote.kept_copies import is_address

__all__ = ["COPIES", "OUTLIERS", "LaidOut", "LeftImage", "folder_name", "lay_out"]

#: Folder of the pictures in no concept; it comes after all others.
OUTLIERS = "outliers"
#: Folder of copies, in that of their concept.
COPIES = "copies"
TITLE_BYTES = 100  # of the words in the name of a folder, so that paths stay short


@dataclass(frozen=True)
class LaidOut:
    """A picture and its place.

    Attributes
    ----------
    index : int
        The picture.
    source : Path
        Where it is, absolute; for one in an archive the archive with the name behind it.
    folder, name : str
        Its folder, and its name in there.
    """

    index: int
    source: Path
    folder: str
    name: str

    @property
    def target(self) -> str:
        """The place relative to the folder that pictures are filed into."""
        return f"{self.folder}/{self.name}"


@dataclass(frozen=True)
class LeftImage:
    """A picture that stays where it is.

    Attributes
    ----------
    index : int
        The picture; -1 for a place that could not even be listed.
    name : str
        What people see: its path, its address, or its name.
    reason : str
        Why, in words for people.
    """

    index: int
    name: str
    reason: str


def folder_name(concept: Concept, n_concepts: int) -> str:
    """Name the folder of a concept: its number, so that the order is that of the concepts, and its title if it has one.

    Parameters
    ----------
    concept : Concept
    n_concepts : int
        How many there are; the numbers have equally many digits.

    Returns
    -------
    str

    Examples
    --------
    >>> folder_name(Concept(3, 12, words=("panda", "bear")), 30), folder_name(Concept(3, 12), 5)
    ('03 panda, bear', 'concept 3')
    """
    number = str(concept.index).zfill(len(str(max(n_concepts - 1, 0))))
    if not (concept.name or concept.words or concept.said):
        return f"concept {number}"
    return safe_name(f"{number} {safe_name(concept.title, max_bytes=TITLE_BYTES, ending=False)}", ending=False)


def lay_out(
    concept_set: ConceptSet, *, copies_aside: bool = False
) -> tuple[tuple[LaidOut, ...], tuple[LeftImage, ...]]:
    """Give each picture that is a file a folder and a name.

    Parameters
    ----------
    concept_set : ConceptSet
    copies_aside : bool, default=False
        Give copies a folder of their own, "copies" in that of their concept, so that the latter has each picture once.

    Returns
    -------
    laid_out : tuple of LaidOut
        By concept, pictures in no concept last.
    left : tuple of LeftImage
        Pictures that are no files: those that came as pixels or from an address, and what could not be read.

    Examples
    --------
    >>> from concept_memes.testing import color_images
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"]).fit(color_images(["red"], 5))
    >>> lay_out(model.concepts_)[1][0]
    LeftImage(index=0, name='image-0', reason='it came as pixels, not as a file')
    """
    left = [
        LeftImage(skipped.index, _shown(concept_set, skipped.index, skipped.path), f"unreadable: {skipped.reason}")
        for skipped in concept_set.skipped
    ]
    unreadable = {skipped.index for skipped in concept_set.skipped}
    rows: dict[int, list[int]] = {number: [] for number in [*range(len(concept_set)), -1]}
    for index, image in enumerate(concept_set.images):
        if index in unreadable:
            continue
        if is_address(image.name):
            left.append(LeftImage(index, image.name, "it has an address, and is no file of yours"))
        elif image.path is None:
            left.append(LeftImage(index, image.name, "it came as pixels, not as a file"))
        else:
            rows[int(concept_set.labels[index])].append(index)
    folders = {concept.index: folder_name(concept, len(concept_set)) for concept in concept_set.concepts}
    laid_out = []
    for number, indices in rows.items():
        names, names_of_copies = FreeNames(), FreeNames()
        folder = folders.get(number, OUTLIERS)
        copies = _copies(concept_set, indices) if copies_aside else set()
        aside = f"{folder}/{names.take(COPIES)}" if copies else ""  # no picture can have this name then
        for index in indices:
            source = concept_set.base_folder / _path_of(concept_set, index)
            if index in copies:
                laid_out.append(LaidOut(index, source, aside, names_of_copies.take(source.name)))
            else:
                laid_out.append(LaidOut(index, source, folder, names.take(source.name)))
    return tuple(laid_out), tuple(left)


def _copies(concept_set: ConceptSet, indices: Sequence[int]) -> set[int]:
    """Find the pictures of a folder of which another one in it is a copy; the one that stands for them is none."""
    if concept_set.families is None:
        return set()
    copy_of = concept_set.families.copy_of
    groups: dict[int, list[int]] = {}
    for index in indices:
        groups.setdefault(int(copy_of[index]), []).append(index)
    stays = {original if original in group else group[0] for original, group in groups.items()}
    return set(indices) - stays


def _path_of(concept_set: ConceptSet, index: int) -> Path:
    """Return the path of a picture as it was given."""
    path = concept_set.images[index].path
    assert path is not None  # `lay_out` has left out the others
    return path


def _shown(concept_set: ConceptSet, index: int, path: Path | None) -> str:
    """Name what could not be read."""
    if path is not None:
        return str(concept_set.base_folder / path)
    return concept_set.images[index].name if index >= 0 else ""
