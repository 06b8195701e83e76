"""What filing would do: the layout, and what is on the disk by now."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from concept_memes.concepts import ConceptSet, ImageRecord
from concept_memes.errors import FilingError, InvalidParameterError, UnreadableImageError
from concept_memes.filing.journal import JournalContent, read_journal
from concept_memes.filing.layout import LaidOut, LeftImage, lay_out
from concept_memes.filing.placing import CHANGED
from concept_memes.loading import content_hash
from concept_memes.progress import Progress

__all__ = ["FilingPlan", "Mode", "PlannedFile", "check_into", "plan_filing"]

Mode = Literal["link", "copy", "move"]


@dataclass(frozen=True)
class PlannedFile:
    """A picture that is to be filed.

    Attributes
    ----------
    index : int
        The picture.
    source : Path
        Where it is, absolute.
    target : str
        Where it goes, relative to the folder that pictures are filed into, with ``/``: ``"03 panda, bear/a.jpg"``.
    content_hash : str
        Of its file; "" where it was filed before.
    done : bool
        An earlier run has filed it.
    """

    index: int
    source: Path
    target: str
    content_hash: str
    done: bool = False

    @property
    def folder(self) -> str:
        """The folder that it goes into."""
        return self.target.partition("/")[0]


@dataclass(frozen=True)
class FilingPlan:
    """What filing would do. Nothing on the disk is changed until it is carried out.

    Attributes
    ----------
    into : Path
        The folder that pictures are filed into, absolute.
    mode : {"link", "copy", "move"}
    files : tuple of PlannedFile
        By concept, pictures in no concept last.
    left : tuple of LeftImage
        Pictures that stay where they are, with the reasons.
    notes : tuple of str
        What is worth a thought before it is done.
    fingerprint : str
        Two plans with the same one do the same.
    """

    into: Path
    mode: Mode
    files: tuple[PlannedFile, ...]
    left: tuple[LeftImage, ...]
    notes: tuple[str, ...]
    fingerprint: str

    @property
    def folders(self) -> dict[str, tuple[PlannedFile, ...]]:
        """The folders that there will be, with what goes into each."""
        found: dict[str, list[PlannedFile]] = {}
        for file in self.files:
            found.setdefault(file.folder, []).append(file)
        return {name: tuple(files) for name, files in found.items()}


def plan_filing(
    concept_set: ConceptSet,
    into: str | Path,
    mode: Mode = "link",
    *,
    copies: Literal["keep", "aside"] = "keep",
    progress: Progress | None = None,
) -> FilingPlan:
    """Plan one folder per concept, named by its words, and one for the pictures in no concept.

    Every picture is read, to see whether it is still what was fitted. Nothing is changed.

    Parameters
    ----------
    concept_set : ConceptSet
        ``model.concepts_``.
    into : str or Path
        A folder that does not exist yet, is empty, or holds what a run with the same concepts has begun.
    mode : {"link", "copy", "move"}, default="link"
        "link": symbolic links, relative where they can be; the pictures stay where they are. "copy": of the pictures;
        those in archives are unpacked. "move": the pictures themselves.
    copies : {"keep", "aside"}, default="keep"
        "keep": copies of a picture go where it goes. "aside": into a folder "copies" in there, so that the folder of a
        concept has each picture once.
    progress : Progress, optional
        Tells how far the reading is.

    Returns
    -------
    FilingPlan
        For `carry_out`.

    Raises
    ------
    InvalidParameterError
        If there is no such mode, or copies are to go aside and nobody looked for them.
    FilingError
        If `into` is a file, or holds anything else.

    Examples
    --------
    >>> import tempfile
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, write_color_images
    >>> from concept_memes.filing import carry_out, undo
    >>> photos = Path(tempfile.mkdtemp()) / "photos"
    >>> _ = write_color_images(photos, ["red", "blue"], 6)
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"]).fit(photos)
    >>> plan = plan_filing(model.concepts_, photos.parent / "sorted")
    >>> {folder: len(files) for folder, files in plan.folders.items()}
    {'0 red': 6, '1 blue': 6}
    >>> result = carry_out(plan)
    >>> sorted(path.name for path in plan.into.iterdir())
    ['0 red', '1 blue', 'concept-memes-journal.jsonl']
    >>> undo(plan.into).n_undone, plan.into.exists()
    (12, False)
    """
    if mode not in get_args(Mode):
        raise InvalidParameterError("mode", mode, '"link", "copy" or "move"')
    if copies not in ("keep", "aside"):
        raise InvalidParameterError("copies", copies, '"keep" or "aside"')
    if copies == "aside" and concept_set.families is None:
        raise InvalidParameterError("copies", copies, '"keep" where nobody looked for copies (duplicates="collapse")')
    into = Path(os.path.abspath(os.path.expanduser(into)))
    laid_out, left = lay_out(concept_set, copies_aside=copies == "aside")
    fingerprint = _fingerprint(concept_set, laid_out, mode)
    known = check_into(into, fingerprint)
    steps = {} if known is None else known.by_target()
    usual, doubles = _once_each(laid_out)
    files: list[PlannedFile] = []
    more: list[LeftImage] = []
    progress = Progress(verbose=False) if progress is None else progress
    for place in progress.track(usual, "checking", total=len(usual)):
        step = steps.get(place.target)
        if known is not None and step is not None and step.source == str(place.source):
            done = known.states[step.number] == "done"
            files.append(PlannedFile(place.index, place.source, place.target, step.content_hash, done=done))
            continue
        found = _look_at(concept_set, place, mode)
        if isinstance(found, PlannedFile):
            files.append(found)
        else:
            more.append(found)
    return FilingPlan(
        into=into,
        mode=mode,
        files=tuple(files),
        left=tuple(sorted([*left, *doubles, *more], key=lambda one: one.index)),
        notes=tuple(_notes(concept_set, usual, into, mode)),
        fingerprint=fingerprint,
    )


def check_into(into: Path, fingerprint: str) -> JournalContent | None:
    """Read the journal of the folder; raise if it holds anything that is not from the same plan."""
    if os.path.lexists(into) and not into.is_dir():
        raise FilingError(f"{into} is no folder. Give the name of a new one.")
    known = read_journal(into)
    if known is None:
        if into.is_dir() and any(into.iterdir()):
            raise FilingError(
                f"{into} is not empty, and nothing was filed there before. Give a new or an empty folder; nothing was "
                "changed."
            )
        return None
    if known.plan not in ("", fingerprint):
        raise FilingError(
            f"{into} holds an earlier filing, of other concepts or in another mode. Undo it first, or give another "
            "folder; nothing was changed."
        )
    return known


def _once_each(laid_out: Iterable[LaidOut]) -> tuple[list[LaidOut], list[LeftImage]]:
    """Part off the pictures that are one file with another: through a link, or because it was listed twice."""
    rows = sorted(laid_out, key=lambda place: place.source.is_symlink())  # what is no link comes first
    owner: dict[str, LaidOut] = {}
    usual, doubles = set(), []
    for place in rows:
        real = os.path.normcase(os.path.realpath(place.source))
        if real in owner:
            doubles.append(LeftImage(place.index, str(place.source), f"the same file as {owner[real].source}"))
        else:
            owner[real] = place
            usual.add(place.index)
    return [place for place in sorted(rows, key=lambda p: p.target) if place.index in usual], doubles


def _look_at(concept_set: ConceptSet, place: LaidOut, mode: Mode) -> PlannedFile | LeftImage:
    """See whether a picture can be filed."""

    def left(reason: str) -> LeftImage:
        return LeftImage(place.index, str(place.source), reason)

    if mode == "move" and place.source.is_symlink():
        return left("a symbolic link, which would lead nowhere once moved; modes link and copy take it")
    if mode != "copy" and _in_archive(place.source):
        return left("inside an archive; mode copy takes it out")
    try:
        key = content_hash(place.source)
    except UnreadableImageError as error:
        return left(error.reason)
    if key != concept_set.images[place.index].content_hash and not _knows_vector_only(concept_set, place.index):
        return left(CHANGED)
    return PlannedFile(place.index, place.source, place.target, key)


def _in_archive(path: Path) -> bool:
    """Tell whether a path leads through a file."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno in (errno.ENOTDIR, errno.ENOENT) and any(parent.is_file() for parent in path.parents)
    return False


def _knows_vector_only(concept_set: ConceptSet, index: int) -> bool:
    """Tell whether what is known of a picture is its vector, which was given: its file may have any content."""
    vector = concept_set.vectors[index].tobytes()
    return hashlib.blake2b(vector, digest_size=16).hexdigest() == concept_set.images[index].content_hash


def _fingerprint(concept_set: ConceptSet, laid_out: Iterable[LaidOut], mode: Mode) -> str:
    """Hash what a plan does, apart from where to and from what is on the disk."""
    rows = [[str(p.source), p.target, concept_set.images[p.index].content_hash] for p in laid_out]
    return hashlib.blake2b(json.dumps([mode, rows]).encode("ascii"), digest_size=16).hexdigest()


def _notes(concept_set: ConceptSet, files: Iterable[LaidOut], into: Path, mode: Mode) -> Iterable[str]:
    """Yield what is worth a thought."""
    if mode == "move":
        return
    real = Path(os.path.realpath(into))
    roots = {_root(place.source, concept_set.images[place.index]) for place in files}
    for root in sorted(roots):
        if real.is_relative_to(os.path.realpath(root)):
            yield (
                f"{into} is inside {root}: a later fit of that folder would see every picture twice. A folder beside "
                "it would not be seen."
            )
            return


def _root(source: Path, image: ImageRecord) -> Path:
    """Return the folder that was fitted: names are paths inside it, but in lists they are the paths themselves."""
    name = Path(image.name)
    depth = len(name.parts)
    if image.path != name and not name.is_absolute() and source.parts[-depth:] == name.parts:
        return source.parents[depth - 1]
    return source.parent
