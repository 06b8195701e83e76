"""``concept-memes info``: what is saved."""

from __future__ import annotations

from typing import Annotated

import typer

from concept_memes.cli.console import clean, say, say_json, say_lines
from concept_memes.cli.options import Json, Quiet, Saved
from concept_memes.cli.saved import load

__all__ = ["info"]


def info(
    concepts: Saved,
    tree: Annotated[bool, typer.Option("--tree", help="Show the tree of concepts.")] = False,
    skipped: Annotated[bool, typer.Option("--skipped", help="List the files that could not be read.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what is saved: the model, the counts, the concepts.

    With --quiet: number, tab, size, tab, title of each concept; with --skipped, the paths.
    """
    if tree and (skipped or as_json):
        raise typer.BadParameter("--tree goes with neither --skipped nor --json, which says all", param_hint="--tree")
    model = load(concepts)
    found, left_out = model.concepts_, model.report_.skipped
    from concept_memes.cli.documents import fitted_document
    from concept_memes.cli.tables import concept_table, facts, facts_table, skipped_table

    document = fitted_document(found, model.report_, model.get_params(deep=False), concepts)
    if as_json:
        say_json(document)
    elif tree:
        say(*str(model.hierarchy_).splitlines(), wrap=False)
    elif skipped and quiet:
        say_lines(str(found.base_folder / one.path) for one in left_out if one.path is not None)
    elif skipped:
        say(skipped_table(left_out) if left_out else "Every image could be read.")
    elif quiet:
        say_lines(f"{concept.index}\t{concept.size}\t{clean(concept.title)}" for concept in found.concepts)
    else:
        say(facts_table(facts(document)), "", concept_table(found, found.concepts))
