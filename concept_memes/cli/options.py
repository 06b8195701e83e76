"""Arguments and options that several commands share, so that they read alike everywhere, and how they are completed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Dark", "Force", "Hidden", "Json", "Places", "Quiet", "Saved", "Title", "figure_option", "user_path"]


def user_path(text: str) -> Path:
    """Read a path; the shell leaves the ~ of --out=~/concepts as it is."""
    return Path(os.path.expanduser(text))


def saved_folders(incomplete: str) -> list[str]:
    """Complete the name of a saved model. Where none fits, the shell goes on with all files and folders."""
    start, _ = os.path.split(incomplete)
    try:
        with os.scandir(os.path.expanduser(start) or ".") as entries:
            found = sorted(entry.name for entry in entries if os.path.isfile(os.path.join(entry.path, "concepts.json")))
    except OSError:
        return []
    return [f"{os.path.join(start, name)}{os.sep}" for name in found]  # typer leaves out what does not fit


def figure_option(default: str) -> typer.models.OptionInfo:
    """Describe the option -o of a command that draws."""
    option: typer.models.OptionInfo = typer.Option(
        "--out",
        "-o",
        parser=user_path,
        metavar="FILE",
        help=f"A .png, .jpg, .pdf or .svg file; by default {default}.",
    )
    return option


Saved = Annotated[
    Path,
    typer.Argument(
        parser=user_path,
        metavar="CONCEPTS",
        help="The folder that 'fit' saved into.",
        autocompletion=saved_folders,
    ),
]
Places = Annotated[
    list[str],
    typer.Argument(metavar="IMAGES", help="Folders, files, archives, lists, addresses, or patterns in quotes."),
]
Hidden = Annotated[bool, typer.Option("--hidden", help="Look at hidden files and folders too.")]
Title = Annotated[str | None, typer.Option("--title", metavar="TEXT", help="What stands above it.")]
Dark = Annotated[bool, typer.Option("--dark", help="Light on dark.")]
Force = Annotated[
    bool, typer.Option("--force", help="Replace a file that is there, but never a picture of the collection.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print bare results, warnings and errors only; no tables, no progress.")
]
