"""``concept-memes copies`` and ``concept-memes variants``: what is there more than once, and what has one template."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concept_memes.cli.cache import spoken_size
from concept_memes.cli.console import clean, say, say_json, say_lines
from concept_memes.cli.drawing import theme_of, write_one
from concept_memes.cli.figure_files import check_figure
from concept_memes.cli.options import Dark, Force, Json, Quiet, Saved, figure_option
from concept_memes.cli.saved import load

if TYPE_CHECKING:
    from rich.table import Table

    from concept_memes.concepts import ConceptSet
    from concept_memes.memes.groups import CopyGroup, VariantGroup

__all__ = ["copies", "variants"]

N_GROUPS, N_TEMPLATES = 20, 9

# How a copy is the same as the picture that is best kept.
WORDS_OF_KINDS = {"itself": "best", "exact": "the same file", "near": "nearly the same"}


def copies(
    concepts: Saved,
    exact: Annotated[bool, typer.Option("--exact", help="Only files with the very same content.")] = False,
    top: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many groups are shown, from the largest.")
    ] = N_GROUPS,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List pictures that are there more than once, the best of each first. Nothing is deleted.

    With --quiet: the paths of the copies, without the best ones.
    """
    model = load(concepts)
    model.verbose = not quiet
    from concept_memes.findings import exact_families
    from concept_memes.memes.groups import copy_groups
    from concept_memes.run_report import counted

    fitted = model.concepts_
    families = exact_families([image.content_hash for image in fitted.images]) if exact else model.families_
    groups = [group for group in copy_groups(families) if len(group.images) > 1]
    sizes = {index: size_of(fitted, index) for group in groups for index in group.images}
    if as_json:
        say_json(copies_document(fitted, groups, sizes))
    elif quiet:
        from concept_memes.cli.shown_places import picture_path

        say_lines(picture_path(fitted, index) for group in groups for index in group.images[1:])
    elif not groups:
        say("No picture is there more than once.")
    else:
        say(copies_table(fitted, groups[:top], sizes), "")
        if len(groups) > top:
            say(f"... and {counted(len(groups) - top, 'smaller group')}; --top {len(groups)} shows all.")
        say(room_of_copies(groups, sizes))
        if not exact:
            say("To file the others without them:")
            say(f"  concept-memes sort {shlex.quote(str(concepts))} --into FOLDER --copies aside", wrap=False)


def variants(
    concepts: Saved,
    out: Annotated[Path | None, figure_option("none is drawn")] = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many templates, from the largest.")] = N_TEMPLATES,
    dark: Dark = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List templates: pictures that are made from the same one, with other captions.

    With --quiet: number of the template, tab, path of each picture.
    """
    if out is not None:
        check_figure(out, force=force)
    model = load(concepts)
    model.verbose = not quiet
    groups = model.find_variants()
    fitted = model.concepts_
    if out is not None:
        write_one(model, model.visualize_variants(groups[:top], theme=theme_of(dark)), out, force=force)
    if as_json:
        say_json({**variants_document(fitted, groups), "figure": out and str(out.absolute())})
    elif quiet:
        from concept_memes.cli.shown_places import picture_path

        say_lines(
            f"{number}\t{picture_path(fitted, index)}"
            for number, group in enumerate(groups)
            for variant in group.variants
            for index in variant.images
        )
    else:
        show_templates(fitted, groups, top)
        if out is not None:
            say(f"Drawn: {out}", wrap=False)


def show_templates(concept_set: ConceptSet, groups: Sequence[VariantGroup], top: int) -> None:
    """Show the largest templates, and count them all."""
    from concept_memes.run_report import counted

    if not groups:
        say("No two different pictures have the same template.")
        return
    say(variants_table(concept_set, groups[:top]), "")
    n_variants = sum(len(group.variants) for group in groups)
    say(f"{counted(len(groups), 'template')} with {counted(n_variants, 'variant')} in all.")


def size_of(concept_set: ConceptSet, index: int) -> int | None:
    """Return how many bytes a picture's own file has; None for members of archives, addresses and pixels."""
    from concept_memes.remote.kept_copies import is_address

    image = concept_set.images[index]
    if image.path is None or is_address(image.name):
        return None
    try:
        return os.stat(concept_set.base_folder / image.path).st_size
    except (OSError, ValueError):  # it has moved, or lies in an archive
        return None


def copies_table(concept_set: ConceptSet, groups: Sequence[CopyGroup], sizes: dict[int, int | None]) -> Table:
    """Make a table of groups, parted by lines: path, size, and how it is the same as the first."""
    from concept_memes.cli.shown_places import near_path, picture_path
    from concept_memes.cli.tables import plain_table

    table = plain_table()
    table.add_column("image", overflow="fold", ratio=1)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("copy", no_wrap=True)
    for group in groups:
        for place, (index, kind) in enumerate(zip(group.images, group.kinds, strict=True)):
            path = near_path(picture_path(concept_set, index))
            size = sizes[index]
            shown = "" if size is None else spoken_size(size)
            table.add_row(
                clean(path if place == 0 else f"  {path}"),
                shown,
                WORDS_OF_KINDS.get(kind, kind),
                style="bold" if place == 0 else None,
            )
    return table


def room_of_copies(groups: Sequence[CopyGroup], sizes: dict[int, int | None]) -> str:
    """Say how many copies there are, and how much room they take."""
    from concept_memes.run_report import counted

    known = [size for group in groups for index in group.images[1:] if (size := sizes[index]) is not None]
    n_copies = sum(len(group.images) - 1 for group in groups)
    one = "takes" if n_copies == 1 else "take"
    room = f", which {one} {spoken_size(sum(known))}" if known else ""
    have = counted(len(groups), "picture has", "pictures have")
    return f"{have} {counted(n_copies, 'copy', 'copies')}{room}. Nothing was changed."


def variants_table(concept_set: ConceptSet, groups: Sequence[VariantGroup]) -> Table:
    """Make a table of templates: number, different pictures, all with copies, two of them, and what they say."""
    from concept_memes.cli.tables import excerpt, plain_table

    texts = concept_set.texts
    table = plain_table()
    table.add_column("template", justify="right")
    table.add_column("variants", justify="right")
    table.add_column("images", justify="right")
    table.add_column("for example", overflow="fold", ratio=2, style="dim")
    if texts is not None:
        table.add_column("says", overflow="fold", ratio=3)
    for number, group in enumerate(groups):
        firsts = [variant.images[0] for variant in group.variants]
        cells = [str(number), str(len(firsts)), str(group.size), clean(concept_set.images[group.image].name)]
        if texts is not None:
            said = [f"“{clean(excerpt(texts.texts[index], length=20))}”" for index in firsts if texts.texts[index]]
            cells.append(" ".join(said[:2]))
        table.add_row(*cells)
    return table


def copies_document(
    concept_set: ConceptSet, groups: Sequence[CopyGroup], sizes: dict[int, int | None]
) -> dict[str, Any]:
    """Describe copies for ``--json``; the first of each group is best kept."""
    return {
        "n_groups": len(groups),
        "n_copies": sum(len(group.images) - 1 for group in groups),
        "bytes_of_copies": sum(sizes[index] or 0 for group in groups for index in group.images[1:]),
        "groups": [members(concept_set, group, sizes) for group in groups],
    }


def variants_document(concept_set: ConceptSet, groups: Sequence[VariantGroup]) -> dict[str, Any]:
    """Describe templates for ``--json``: of each its variants, of each of these its copies."""
    sizes = {i: size_of(concept_set, i) for group in groups for variant in group.variants for i in variant.images}
    return {
        "templates": [
            {
                "template": number,
                "n_images": group.size,
                "variants": [members(concept_set, variant, sizes) for variant in group.variants],
            }
            for number, group in enumerate(groups)
        ]
    }


def members(concept_set: ConceptSet, group: CopyGroup, sizes: dict[int, int | None]) -> list[dict[str, Any]]:
    """Describe a picture and its copies."""
    from concept_memes.cli.shown_places import picture_path

    return [
        {"path": picture_path(concept_set, index), "kind": kind, "bytes": sizes[index]}
        for index, kind in zip(group.images, group.kinds, strict=True)
    ]
