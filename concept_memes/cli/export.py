"""``concept-memes export``: a table for other programs, and keywords beside the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concept_memes.cli.console import clean, note, say, say_json
from concept_memes.cli.options import Force, Json, Quiet, Saved, user_path
from concept_memes.cli.saved import load

if TYPE_CHECKING:
    from concept_memes.export import SidecarResult

__all__ = ["export"]

N_NAMED = 5  # sidecars that are named; the others are counted


def export(
    concepts: Saved,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", parser=user_path, metavar="FILE", help="A .csv, .parquet, .json or .jsonl file."),
    ] = None,
    vectors: Annotated[bool, typer.Option("--vectors", help="A column with the vectors too.")] = False,
    xmp: Annotated[
        bool, typer.Option("--xmp", help="Write the words as keywords into photo.jpg.xmp beside each photo.jpg.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written; write nothing.")] = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a table of the pictures, or keywords into XMP sidecars."""
    if out is None and not xmp:
        raise typer.BadParameter("give -o FILE, or --xmp, or both", param_hint="--out")
    if out is not None:
        check_out(out, force)
    model = load(concepts)
    model.verbose = not quiet
    from concept_memes.export import save_table, write_sidecars

    if out is not None and not dry_run:
        model.positions_  # noqa: B018 (makes the columns x and y)
        save_table(model.concepts_, out, vectors=vectors, overwrite=force)
    sidecars = write_sidecars(model.concepts_, dry_run=dry_run) if xmp else None
    if as_json:
        say_json(export_document(len(model.images_), out, sidecars, dry_run=dry_run))
        return
    if out is not None and not quiet:
        would = "Would write" if dry_run else "Written"
        say(f"{would}: {out}, {len(model.images_):,} rows", wrap=False)
    if sidecars is not None:
        tell_sidecars(sidecars, dry_run=dry_run, quiet=quiet)


def check_out(path: Path, force: bool) -> None:
    """Raise at once if the table cannot be written there."""
    from concept_memes.errors import InvalidParameterError, OverwriteError
    from concept_memes.export.files import check_table_path

    try:
        check_table_path(path, overwrite=force)
    except InvalidParameterError as error:
        raise typer.BadParameter(f"{path} must be {error.expected}", param_hint="--out") from error
    except OverwriteError:
        if path.is_dir():
            raise
        note(f"{path} is there already. Name another file with -o, or replace it with --force.", "error")
        raise typer.Exit(1) from None


def tell_sidecars(result: SidecarResult, *, dry_run: bool, quiet: bool) -> None:
    """Say what became of the sidecars, and name those that were left alone."""
    left = [sidecar for sidecar in result.sidecars if sidecar.action == "left"]
    if left:
        lines = [f"  {clean(str(sidecar.path))}: {clean(sidecar.reason)}" for sidecar in left[:N_NAMED]]
        more = [f"  and {len(left) - N_NAMED:,} more; --json lists all"] if len(left) > N_NAMED else []
        note("\n".join([f"{len(left):,} sidecars are left alone:", *lines, *more]), "warning")
    if quiet:
        return
    would = "would be " if dry_run else ""
    counts = [f"{result.count('new'):,} {would}made", f"{result.count('added'):,} {would}added to"]
    counts.append(f"{result.count('same'):,} had the keywords already")
    say(f"Sidecars: {', '.join(counts)}; {result.n_without:,} pictures have no words.", wrap=False)


def export_document(n_rows: int, out: Path | None, sidecars: SidecarResult | None, *, dry_run: bool) -> dict[str, Any]:
    """Describe what was written for ``--json``."""
    return {
        "dry_run": dry_run,
        "table": None if out is None else str(out.absolute()),
        "n_rows": n_rows,
        "sidecars": None
        if sidecars is None
        else [
            {"path": str(one.path), "action": one.action, "keywords": list(one.keywords), "reason": one.reason}
            for one in sidecars.sidecars
        ],
    }
