"""``concept-memes assign`` and ``concept-memes update``: new pictures, and the concepts that they belong to."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from concept_memes.cli.console import note, say, say_json, say_lines, told_skipped
from concept_memes.cli.options import Hidden, Json, Places, Quiet, Saved
from concept_memes.cli.places import listed
from concept_memes.cli.saved import load

__all__ = ["assign", "update"]


def assign(
    concepts: Saved,
    images: Places,
    hidden: Hidden = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the concepts of new pictures; the collection stays as it is.

    The exit code is 1 if none of them could be read. With --quiet: a number, a tab, the picture; -1 is none.
    """
    from concept_memes.cli.documents import assigned_document
    from concept_memes.cli.shown_places import place_of
    from concept_memes.cli.tables import assigned_table

    model = load(concepts)
    source = listed(images, hidden=hidden, cache=model.cache)
    model.verbose = not quiet
    with told_skipped():
        assigned = model.assign(source)
    placed = list(zip(source.refs, assigned, strict=True))
    if as_json:
        say_json(assigned_document(model.concepts_, placed))
    elif quiet:
        say_lines(f"{found.label}\t{place_of(ref)}" for ref, found in placed)
    else:
        say(assigned_table(model.concepts_, placed))
    if all(found.reason for found in assigned):
        note("none of the pictures could be read.", "error")
        raise typer.Exit(1)


def update(
    concepts: Saved,
    images: Places,
    new_concepts: Annotated[
        bool,
        typer.Option("--new-concepts/--no-new-concepts", help="Whether concepts may form; takes as long as a fit."),
    ] = True,
    hidden: Hidden = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add new pictures to the collection, and save it.

    Numbers and words of existing concepts stay; pictures that are there already are not added again, so the same folder
    may be given time and again.
    """
    from concept_memes.cli.documents import updated_document
    from concept_memes.run_report import counted

    model = load(concepts)
    source = listed(images, hidden=hidden, cache=model.cache)
    model.verbose = False if quiet else "bars"  # the last line is printed below
    before = len(model.images_)
    with told_skipped(f"; to see all: concept-memes info {shlex.quote(str(concepts))} --skipped"):
        done = model.update(source, new_concepts=new_concepts)
    changed = len(model.images_) > before or done.n_relocated > 0
    if changed:
        model.save(concepts)
    if as_json:
        say_json(updated_document(model.concepts_, source.refs, done, concepts))
    elif not quiet:
        say(*str(done).splitlines(), wrap=False)
        say(f"{counted(len(model.images_), 'image')}, {counted(len(model.concepts_), 'concept')}.")
        say(f"Saved: {concepts}" if changed else f"Nothing is new; {concepts} stays as it was.", wrap=False)
        if changed:
            say("", "Pages and figures show what was before. To renew the page:", wrap=False)
            say(f"  concept-memes report {shlex.quote(str(concepts))}", wrap=False)
