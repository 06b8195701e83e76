"""``concept-memes sort``: one folder per concept. Without --go it only shows what it would do."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from concept_memes.cli.checks import one_of
from concept_memes.cli.console import clean, note, say, say_json, say_lines
from concept_memes.cli.options import Json, Quiet, user_path
from concept_memes.cli.saved import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from concept_memes.concepts import ConceptSet
    from concept_memes.filing import FilingPlan, FilingResult, LeftImage, Mode, UndoResult

__all__ = ["sort"]

N_NAMED = 5  # pictures that are named per reason; the others are counted


def sort(
    concepts: Annotated[
        Path | None,
        typer.Argument(parser=user_path, metavar="CONCEPTS", help="The folder that 'fit' saved into."),
    ] = None,
    into: Annotated[
        Path | None, typer.Option(parser=user_path, metavar="FOLDER", help="A new folder, with one per concept in it.")
    ] = None,
    mode: Annotated[
        str, typer.Option(metavar="HOW", help="link: the pictures stay where they are; copy; or move.")
    ] = "link",
    copies: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="keep: copies go where the picture goes; aside: into a folder 'copies' in there.",
            autocompletion=lambda: ["keep", "aside"],
        ),
    ] = "keep",
    go: Annotated[bool, typer.Option("--go", help="Do it. Without, the plan is shown and nothing is changed.")] = False,
    undo: Annotated[
        Path | None, typer.Option("--undo", parser=user_path, metavar="FOLDER", help="Put all back as it was before.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Sort pictures into one folder per concept. Shows the plan first; --go does it, --undo puts all back."""
    if undo is not None:
        if concepts is not None or into is not None or go:
            raise typer.BadParameter("it stands alone: concept-memes sort --undo FOLDER", param_hint="--undo")
        put_back(undo, as_json=as_json, quiet=quiet)
        return
    if concepts is None or into is None:
        raise typer.BadParameter("give both: concept-memes sort CONCEPTS --into FOLDER", param_hint="CONCEPTS, --into")
    how = cast("Literal['keep', 'aside']", one_of(copies, ("keep", "aside"), "--copies"))
    from concept_memes.filing import carry_out, plan_filing
    from concept_memes.persistence import load_concept_set
    from concept_memes.progress import Progress

    concept_set, _ = load_concept_set(concepts)
    if how == "aside" and concept_set.families is None:
        concept_set = replace(concept_set, families=load(concepts).families_)
    progress = Progress(verbose=not quiet)
    plan = plan_filing(concept_set, into, known_mode(mode), copies=how, progress=progress)
    for text in plan.notes:
        note(text, "warning")
    if plan.mode == "move":
        note(
            f"{concepts} keeps the old places of what is moved: search and figures no longer find the pictures. To "
            f"tell it the new ones: concept-memes update {shlex.quote(str(concepts))} {shlex.quote(str(into))}",
            "warning",
        )
    done = carry_out(plan, progress=progress) if go else None
    if as_json:
        say_json(filing_document(plan, done))
    elif done is None and quiet:
        say_lines(str(plan.into / file.target) for file in plan.files)
        note_left(plan)
    elif done is None:
        aside = "" if how == "keep" else " --copies aside"
        show_plan(plan, concept_set, f"{shlex.quote(str(concepts))} --into {shlex.quote(str(into))}{aside}")
    else:
        show_done(done, into, quiet=quiet)


def put_back(folder: Path, *, as_json: bool, quiet: bool) -> None:
    """Undo a filing; what cannot be put back is named, and the exit code is 1."""
    from concept_memes.filing import undo
    from concept_memes.progress import Progress

    result = undo(folder, progress=Progress(verbose=not quiet))
    if as_json:
        say_json(undo_document(result))
    elif not quiet:
        gone = "" if result.left or result.folder.exists() else f"; {folder} is gone"
        say(f"Put back: {result.n_undone:,} pictures{gone}.", wrap=False)
    if result.left:
        if not as_json:
            note("\n".join(left_lines(result.left, "not put back")), "warning")
        raise typer.Exit(1)


def known_mode(text: str) -> Mode:
    """Read the value of --mode."""
    if text in ("link", "copy", "move"):
        return cast("Mode", text)
    raise typer.BadParameter(f"{text} is neither link nor copy nor move", param_hint="--mode")


def show_plan(plan: FilingPlan, concept_set: ConceptSet, arguments: str) -> None:
    """Show what would be done, and how to do it."""
    say(plan_table(plan, concept_set))
    note_left(plan)
    n_done = sum(file.done for file in plan.files)
    before = f" ({n_done:,} of them are filed already)" if n_done else ""
    verb = {"link": "links to", "copy": "copies of", "move": "would move"}[plan.mode]
    say("", f"{len(plan.folders)} folders, {verb} {len(plan.files):,} pictures{before}. Nothing was changed. To do it:")
    say(f"  concept-memes sort {arguments} --mode {plan.mode} --go", wrap=False)


def note_left(plan: FilingPlan) -> None:
    """Name what would be left where it is."""
    if plan.left:
        note("\n".join(left_lines(plan.left, "would not be filed")), "warning")


def show_done(done: FilingResult, into: Path, *, quiet: bool) -> None:
    """Show what was done, and how to undo it."""
    if done.left:
        note("\n".join(left_lines(done.left, "not filed")), "warning")
    if quiet:
        return
    before = f", {done.n_before:,} were there already" if done.n_before else ""
    say(f"Filed: {len(done.filed):,} pictures in {into}{before}.", wrap=False)
    say(f"To put all back: concept-memes sort --undo {shlex.quote(str(into))}", wrap=False)


def plan_table(plan: FilingPlan, concept_set: ConceptSet) -> Table:
    """Make a table of the folders that there will be."""
    from concept_memes.cli.tables import plain_table

    table = plain_table()
    table.add_column("folder", overflow="fold", ratio=3)
    table.add_column("images", justify="right")
    table.add_column("for example", overflow="fold", ratio=2, style="dim")
    typical = [index for concept in concept_set.concepts for index in concept.exemplars[:1]]
    for folder, files in plan.folders.items():
        first = next((file for file in files if file.index in typical), files[0])
        table.add_row(clean(folder), f"{len(files):,}", clean(concept_set.images[first.index].name))
    return table


def left_lines(left: Sequence[LeftImage], what: str) -> list[str]:
    """Name the pictures that are left, by reason; where there are many, the first of each."""
    from concept_memes.run_report import counted

    lines = [f"{counted(len(left), 'picture')} {what}:"]
    reasons = Counter(one.reason for one in left)
    if len(reasons) > N_NAMED:  # most say something of their own
        lines += [f"  {clean(one.name)}: {clean(one.reason)}" for one in left[:N_NAMED]]
        return [*lines, f"  and {len(left) - N_NAMED:,} more; --json lists all"]
    for reason, count in reasons.most_common():
        names = [clean(one.name) for one in left if one.reason == reason]
        more = f" and {count - N_NAMED:,} more" if count > N_NAMED else ""
        lines.append(f"  {clean(reason)}: {', '.join(names[:N_NAMED])}{more}")
    return lines


def filing_document(plan: FilingPlan, done: FilingResult | None) -> dict[str, Any]:
    """Describe a plan, or what was done, for ``--json``; `state` is planned, filed, or before (by an earlier run)."""
    filed = set() if done is None else {file.index for file in done.filed}
    left = plan.left if done is None else done.left
    stays = {one.index for one in left}
    return {
        "into": str(plan.into),
        "mode": plan.mode,
        "carried_out": done is not None,
        "folders": {name: len(files) for name, files in plan.folders.items()},
        "files": [
            {
                "source": str(file.source),
                "target": str(plan.into / file.target),
                "state": "filed" if file.index in filed else "before" if file.done else "planned",
            }
            for file in plan.files
            if file.index not in stays
        ],
        "left": [{"path": one.name, "reason": one.reason} for one in left],
        "notes": list(plan.notes),
    }


def undo_document(result: UndoResult) -> dict[str, Any]:
    """Describe what was undone for ``--json``."""
    return {
        "folder": str(result.folder),
        "n_undone": result.n_undone,
        "left": [{"path": one.name, "reason": one.reason} for one in result.left],
    }
