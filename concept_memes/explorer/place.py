"""Where a report is written: what may be replaced, and files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from concept_memes.errors import InvalidParameterError, OverwriteError
from concept_memes.explorer.page import GENERATOR
from concept_memes.whole_files import in_one_step

__all__ = ["checked_place", "is_report", "whole_file"]

HEAD_BYTES = 4096  # the generator stands in the first 1,000


def checked_place(path: str | Path) -> Path:
    """Return where a report can be written, or say why not.

    Parameters
    ----------
    path : str or Path
        ``~`` stands for the home folder.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    InvalidParameterError
        If the name is not one of an HTML file.
    OverwriteError
        If there is something else than a report of this package.

    Examples
    --------
    >>> checked_place("concepts.html").name
    'concepts.html'
    """
    place = Path(os.path.abspath(os.path.expanduser(path)))
    if place.suffix.lower() != ".html":
        raise InvalidParameterError("path", str(path), 'a name that ends in ".html", such as "concepts.html"')
    if place.is_dir():
        raise OverwriteError(f"{place} is a folder. Give the name of a file in it.")
    if os.path.lexists(place) and not is_report(place):
        raise OverwriteError(
            f"{place} is there already, and is no report of this package. Give another name, or remove it first."
        )
    return place


def is_report(path: Path) -> bool:
    """Tell whether a file is a report of this package.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False for what is no regular file, or cannot be read.
    """
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            return False
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return head.startswith(b"<!doctype html>") and f'<meta name="generator" content="{GENERATOR} '.encode() in head


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file that is there whole or not at all.

    Parameters
    ----------
    path : Path
        The folders above it are made.

    Yields
    ------
    BinaryIO
        A new file beside it. At the end of the block it takes its place; if the block fails, it is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with in_one_step(path) as temporary, temporary.open("wb") as file:
        yield file
