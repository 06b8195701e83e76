"""What is to be looked for, as it stands on the command line: ``panda + ./a.jpg - 0.5:zoo``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concept_memes.cli.console import clean, note
from concept_memes.image_formats import ENDINGS

if TYPE_CHECKING:
    from concept_memes.queries import Query

__all__ = ["concept_numbers", "parse_query"]

SIGNS = {"+": 1.0, "-": -1.0}
WEIGHT = re.compile(r"(\d+(?:\.\d+)?|\.\d+):(.+)", re.DOTALL)
HELP_TERMS = "+ and - stand between words or files, with blanks around them: panda + ./a.jpg - zoo"


def parse_query(arguments: Sequence[str], image: Path | None) -> tuple[Query, str]:
    """Read what is to be looked for.

    ``+`` and ``-`` as arguments of their own part the terms, and the words between them are one text. A number and a
    colon before a term are its weight. A term that names a file, with a folder before it or the ending of a picture, is
    that picture; a note says so. All else is text, a file called "panda" too.

    Parameters
    ----------
    arguments : sequence of str
        As the shell parts them.
    image : Path or None
        The picture of ``--image``, instead of arguments.

    Returns
    -------
    query : Query
    written : str
        The query as people write it.

    Raises
    ------
    typer.BadParameter
        If there is nothing to look for, or it cannot be read.

    Examples
    --------
    >>> query, written = parse_query(["2:golden", "retriever", "-", "black-and-white", "+", "C++"], None)
    >>> query
    2 * Query('golden retriever') - Query('black-and-white') + Query('C++')
    >>> written
    '2:golden retriever - black-and-white + C++'
    """
    from concept_memes.queries import Query

    if bool("".join(arguments).strip()) == (image is not None):
        raise typer.BadParameter("give words to look for, or a picture with --image FILE (one of the two)")
    if image is not None:
        return Query(image), str(image)
    total: Query | None = None
    for sign, words in parted(arguments):
        weight, words = weighed(words)
        what = picture_or_text(words)
        if isinstance(what, Path):
            note(f"{clean(str(what))} is a file: looking for what is like this picture")
        term = Query(what) * (sign * weight)
        total = term if total is None else total + term
    assert total is not None  # `parted` gives one term at least
    return total, " ".join(arguments).strip()


def parted(arguments: Sequence[str]) -> list[tuple[float, list[str]]]:
    """Part arguments at ``+`` and ``-`` into (sign, words) each."""
    terms: list[tuple[float, list[str]]] = []
    sign: float | None = 1.0
    for place, argument in enumerate(arguments):
        if argument in SIGNS:
            if sign is None or place == 0:
                sign = SIGNS[argument]
                continue
            raise typer.BadParameter(HELP_TERMS)
        if sign is not None:
            terms.append((sign, []))
            sign = None
        terms[-1][1].append(argument)
    if sign is not None or not all("".join(words).strip() for _, words in terms):
        raise typer.BadParameter(HELP_TERMS)
    return terms


def weighed(words: list[str]) -> tuple[float, list[str]]:
    """Take the weight off a term: 2:panda."""
    match = WEIGHT.fullmatch(words[0])
    return (1.0, words) if match is None else (float(match[1]), [match[2], *words[1:]])


def picture_or_text(words: list[str]) -> str | Path:
    """Return the picture that a term names, or the text that it is."""
    for word in words:
        path = Path(os.path.expanduser(word))
        is_picture = path.suffix.lower() in ENDINGS
        looks_like_path = is_picture or os.sep in word or "/" in word
        # A member of an archive is no file, but has one before it: photos.zip/a.jpg.
        if looks_like_path and (path.is_file() or (is_picture and any(place.is_file() for place in path.parents))):
            if len(words) == 1:
                return path
            raise typer.BadParameter(f"{word} is a file and {' '.join(words)} is none. {HELP_TERMS}")
        if is_picture and len(words) == 1:
            raise typer.BadParameter(f"there is no file {word}")
    return " ".join(words).strip()


def concept_numbers(text: str) -> list[int]:
    """Read the value of --within: numbers of concepts; "none" for the pictures in none, as the tables call it.

    Examples
    --------
    >>> concept_numbers("3,none")
    [3, -1]
    """
    parts = ["-1" if part == "none" else part for part in text.replace(",", " ").split()]
    if not parts or not all(part.removeprefix("-").isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is no list of concept numbers, such as 3,7 or none", param_hint="--within")
    return [int(part) for part in parts]
