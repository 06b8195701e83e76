"""Doing what is planned, step by step: the journal first, then the disk. A run that was killed goes on from there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TypeVar

from concept_memes.errors import FilingError
from concept_memes.filing.journal import Journal, Step, open_journal
from concept_memes.filing.layout import LeftImage
from concept_memes.filing.placing import (
    LeftError,
    make_folder,
    move_file,
    put_copy,
    put_link,
    settle_copy,
    settle_link,
    settle_move,
)
from concept_memes.filing.planning import FilingPlan, PlannedFile, check_into
from concept_memes.progress import Progress

__all__ = ["FilingResult", "batches", "carry_out", "part_of", "settle"]

BATCH = 100  # steps that are announced together: waiting for the disk is what takes time

T = TypeVar("T")


@dataclass(frozen=True)
class FilingResult:
    """What filing did.

    Attributes
    ----------
    into : Path
        The folder that pictures were filed into.
    filed : tuple of PlannedFile
        What was filed by this run.
    n_before : int
        Pictures that an earlier run had filed.
    left : tuple of LeftImage
        Pictures that stay where they are, with the reasons; those of the plan too.
    """

    into: Path
    filed: tuple[PlannedFile, ...]
    n_before: int
    left: tuple[LeftImage, ...]


def carry_out(plan: FilingPlan, *, progress: Progress | None = None) -> FilingResult:
    """Do what is planned. Nothing is overwritten; a picture whose place is taken stays where it is.

    Killed at any moment, nothing is lost and nothing is there twice: plan and carry out again to go on, or `undo`.

    Parameters
    ----------
    plan : FilingPlan
        From `plan_filing`.
    progress : Progress, optional
        Tells how far it is.

    Returns
    -------
    FilingResult

    Raises
    ------
    FilingError
        If nothing more can be written, because the disk is full or read-only, or there can be no links; what was done
        stays, and is in the journal. If another process files pictures there.

    Examples
    --------
    See `plan_filing`.
    """
    check_into(plan.into, plan.fingerprint)
    made = _made(plan.into)
    with open_journal(plan.into, create=True) as journal:
        if journal.content.plan not in ("", plan.fingerprint):  # another process was here in between
            raise FilingError(f"{plan.into} holds another filing by now; nothing was changed. Plan again.")
        journal.start(plan.fingerprint, made)
        settle(journal)
        there = journal.content.by_target()
        pending = [file for file in plan.files if file.target not in there]
        filed, left = _do(journal, plan, pending, Progress(verbose=False) if progress is None else progress)
    return FilingResult(plan.into, tuple(filed), len(plan.files) - len(pending), (*plan.left, *left))


def settle(journal: Journal) -> None:
    """Find out how far the steps came that were under way when a run was killed, and tidy up after them."""
    content, folder = journal.content, journal.folder
    for step in list(content.steps.values()):
        state, target, part = content.states[step.number], folder / step.target, part_of(folder, step)
        if state == "undoing":
            if step.kind == "move":
                back = settle_move(
                    target, Path(step.source), part_of(folder, step, back=True), content.undo_hashes[step.number]
                )
            else:
                back = not os.path.lexists(target)
            journal.end(step, "undone" if back else "done")
        elif state == "begun":
            journal.end(step, "done" if _was_done(step, target, part) else "dropped")


def part_of(folder: Path, step: Step, *, back: bool = False) -> Path:
    """Name what a step has half copied: beside the place where it goes, or where it goes back to."""
    beside = Path(step.source) if back else folder / step.target
    return beside.with_name(f".concept-memes-{step.number}.part")


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Part a sequence into those that are announced together."""
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _was_done(step: Step, target: Path, part: Path) -> bool:
    if step.kind == "folder":
        return target.is_dir()
    if step.kind == "link":
        return settle_link(target, step.link)
    if step.kind == "copy":
        return settle_copy(target, part, step.content_hash)
    return settle_move(Path(step.source), target, part, step.content_hash)


def _made(into: Path) -> list[Path]:
    """Make the folder that pictures are filed into; return those that were not there."""
    missing = [place for place in (into, *into.parents) if not os.path.lexists(place)][::-1]
    for place in missing:
        make_folder(place)
    return missing


def _do(
    journal: Journal, plan: FilingPlan, pending: Sequence[PlannedFile], progress: Progress
) -> tuple[list[PlannedFile], list[LeftImage]]:
    """Carry out what is pending, in batches: announce, do, note what became of it."""
    filed: list[PlannedFile] = []
    left: list[LeftImage] = []
    with progress.counter("filing", total=len(pending)) as advance:
        for batch in batches(pending):
            makings, steps = _steps(journal.new_number(), batch, plan)
            try:
                journal.begin([*makings, *steps])
                for making in makings:
                    make_folder(plan.into / making.target)
                    journal.end(making, "done")
                for file, step in zip(batch, steps, strict=True):
                    left += _filed(journal, file, step)
                    if journal.content.states[step.number] == "done":
                        filed.append(replace(file, done=True))
                    advance(1)
            except FilingError as error:
                raise FilingError(
                    f"{error} Filing stopped after {len(filed)} of {len(pending)} pictures. Nothing is lost: do the "
                    f"same again to go on, or undo what was done in {plan.into}."
                ) from error
    return filed, left


def _steps(number: int, batch: Sequence[PlannedFile], plan: FilingPlan) -> tuple[list[Step], list[Step]]:
    """Write down the folders that a batch needs, and its files."""
    needed = {str(place): None for file in batch for place in [*PurePosixPath(file.target).parents][-2::-1]}
    folders = [place for place in needed if not (plan.into / place).is_dir()]
    makings = [Step(number + i, "folder", folder) for i, folder in enumerate(folders)]
    number += len(makings)
    steps = []
    for i, file in enumerate(batch):
        link = _link_text(file.source, plan.into, file.target.count("/")) if plan.mode == "link" else ""
        steps.append(Step(number + i, plan.mode, file.target, str(file.source), file.content_hash, link))
    return makings, steps


def _filed(journal: Journal, file: PlannedFile, step: Step) -> list[LeftImage]:
    """File one picture; say why it has to stay where it is."""
    try:
        _place(step, journal.folder)
    except LeftError as error:
        journal.end(step, "dropped")
        return [LeftImage(file.index, str(file.source), error.reason)]
    journal.end(step, "done")
    return []


def _link_text(source: Path, into: Path, depth: int) -> str:
    """Return what a link holds: a relative path, so that both folders can be moved together, where there is one."""
    if os.pardir in source.parts:  # behind a link, the folder above is another one than the text says
        source = Path(os.path.realpath(source.parent), source.name)
    try:
        return os.path.join(*[os.pardir] * depth, os.path.relpath(source, os.path.realpath(into)))
    except ValueError:  # another drive of Windows
        return str(source)


def _place(step: Step, into: Path) -> None:
    """Put one picture where it belongs."""
    target, part = into / step.target, part_of(into, step)
    if step.kind == "link":
        if not os.path.lexists(step.source):
            raise LeftError("missing")
        put_link(target, step.link)
    elif step.kind == "copy":
        put_copy(Path(step.source), target, part, step.content_hash)
    else:
        move_file(Path(step.source), target, part, step.content_hash)
