"""``concept-memes report``: the explorer, one page to look through."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from concept_memes.cli.checks import one_of
from concept_memes.cli.console import note, say, say_json
from concept_memes.cli.options import Json, Quiet, Saved, Title, user_path
from concept_memes.cli.saved import load

__all__ = ["opener", "report"]

THUMBNAILS = ("auto", "embed", "folder")
PICTURES = ("link", "embed", "none")


def report(
    concepts: Saved,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", parser=user_path, metavar="FILE", help="An .html file, named after CONCEPTS."),
    ] = None,
    title: Title = None,
    thumbnails: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="embed: in the file; folder: beside it; auto: in the file up to 25,000 pictures.",
            autocompletion=lambda: list(THUMBNAILS),
        ),
    ] = "auto",
    pictures: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="What a click shows. link: the picture where it lies; embed: a copy in the file; none.",
            autocompletion=lambda: list(PICTURES),
        ),
    ] = "link",
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write one page to look through: concepts, map, search. It opens from disk, without a network."""
    how: dict[str, Any] = {
        "thumbnails": one_of(thumbnails, THUMBNAILS, "--thumbnails"),
        "pictures": one_of(pictures, PICTURES, "--pictures"),
    }
    target = out or Path(f"{concepts.absolute().name}.html")
    if target.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"{target} must end in .html", param_hint="--out")
    from concept_memes.explorer.place import checked_place

    checked_place(target)
    model = load(concepts)
    model.verbose = not quiet
    page = model.save_report(target, title=title, **how)
    if as_json:
        say_json({"page": str(page.absolute())})
    elif not quiet:
        say(f"Written: {target}", wrap=False)
    if show:
        import webbrowser

        if not webbrowser.open(page.absolute().as_uri()):
            note(f"there is no browser to open it with; open {page} yourself", "warning")


def opener() -> str:
    """Return the command of this system that opens a file with the program for it."""
    return {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")
