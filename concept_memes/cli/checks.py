"""What the command line checks before the work begins: a mistake must not show after an hour."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import typer

__all__ = [
    "DUPLICATES",
    "GRANULARITIES",
    "check_cache",
    "check_ocr",
    "check_out",
    "check_reports",
    "one_of",
    "one_or_more",
    "separate_words",
    "share_or_word",
    "weight_or_auto",
    "whole_numbers",
    "whole_or_auto",
]

GRANULARITIES = ("coarse", "medium", "fine")
DUPLICATES = ("collapse", "keep")


def whole_or_auto(text: str) -> int | str:
    """Read the value of --min-size."""
    if text == "auto":
        return text
    if not text.isdecimal() or int(text) < 2:
        raise typer.BadParameter(f"{text!r} is neither auto nor a whole number of at least 2", param_hint="--min-size")
    return int(text)


def one_or_more(text: str) -> int:
    """Read the value of --n-concepts."""
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is no whole number of at least 1", param_hint="--n-concepts")
    return int(text)


def share_or_word(text: str) -> float | str:
    """Read the value of --outliers."""
    from concept_memes.errors import InvalidParameterError
    from concept_memes.outliers import check_outliers

    try:
        value: float | str = float(text)
    except ValueError:
        value = text
    try:
        check_outliers(value)
    except InvalidParameterError as error:
        raise typer.BadParameter(f"{text} is not {error.expected}", param_hint="--outliers") from error
    return value


def weight_or_auto(text: str) -> float | str:
    """Read the value of --text-weight."""
    if text == "auto":
        return text
    try:
        weight = float(text)
    except ValueError:
        weight = -1
    if not 0 <= weight <= 1:
        told = f"{text!r} is neither auto nor a number from 0 (looks alone) to 1 (texts alone)"
        raise typer.BadParameter(told, param_hint="--text-weight")
    return weight


def check_ocr(ocr: bool, weight: float | str, text_model: str) -> None:
    """Raise at once if texts cannot be read, or if options speak of texts that nobody reads."""
    if ocr:
        from concept_memes.memes.reading import resolve_reader

        resolve_reader(True)
    elif weight not in ("auto", 0) or text_model != "auto":
        option = "--text-weight" if weight not in ("auto", 0) else "--text-model"
        raise typer.BadParameter("without texts it does nothing: add --ocr, which reads them", param_hint=option)


def one_of(text: str, choices: Sequence[str], option: str) -> str:
    """Read the value of an option that has few.

    Examples
    --------
    >>> one_of("fine", GRANULARITIES, "--granularity")
    'fine'
    """
    if text not in choices:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(choices)}", param_hint=option)
    return text


def separate_words(text: str) -> list[str]:
    """Read the value of --guide."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise typer.BadParameter("give words, with commas between them", param_hint="--guide")
    return words


def whole_numbers(text: str) -> list[int]:
    """Read the value of --concepts."""
    parts = text.replace(",", " ").split()
    if not parts or not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{text!r} is no list of concept numbers, such as 3,7", param_hint="--concepts")
    return [int(part) for part in parts]


def check_out(folder: Path, *, force: bool = False) -> None:
    """Raise at once if a model cannot be saved there: an hour of work, or corrections, would be lost at the end."""
    from concept_memes.errors import OverwriteError, SavedModelError
    from concept_memes.persistence import MAIN_FILE, check_place, read_document

    check_place(folder)
    if not force and (folder / MAIN_FILE).is_file() and read_document(folder).get("edits"):
        raise OverwriteError(
            f"{folder} holds corrections of yours, which a new fit would lose. Save into another folder, or replace it "
            "with --force. In Python, fitting the loaded model again keeps them."
        )
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise SavedModelError(f"{there} is a file, so {folder} cannot be made. Save into another folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise SavedModelError(f"There is no permission to write into {there}. Save into another folder.")


def check_reports(paths: Sequence[Path], out: Path, *, force: bool = False) -> tuple[Path | None, Path | None]:
    """Tell page (.html) and record (.json) of a run apart; raise at once if one cannot be written."""
    from concept_memes.persistence import MAIN_FILE

    page = record = None
    for path in paths:
        if path.suffix.lower() in (".html", ".htm"):
            page = path  # the last one: the short form gives one, and the user may give another
        elif path.suffix.lower() == ".json" and not path.is_dir():
            record = path
        else:
            told = f"{path} must be a file whose name ends in .html (a page) or .json (what the run did)"
            raise typer.BadParameter(told, param_hint="--report")
    if page is not None:
        from concept_memes.explorer.place import checked_place

        checked_place(page)
    if record is not None:
        if os.path.realpath(record) == os.path.realpath(out / MAIN_FILE):
            raise typer.BadParameter(f"{record} is where the concepts themselves are saved", param_hint="--report")
        check_record(record, force=force)
    return page, record


def check_record(path: Path, *, force: bool = False) -> None:
    """Raise if there is something else than the record of a run."""
    if not os.path.lexists(path) or force or is_record(path):
        return
    from concept_memes.errors import OverwriteError

    raise OverwriteError(
        f"{path} is there already, and is no record of a run. Name another file, or replace it with --force."
    )


def is_record(path: Path) -> bool:
    """Tell whether a file is the record of a run, by what it tells."""
    try:
        told = json.loads(path.read_bytes()) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.keys() >= {"n_images", "n_read", "encoder_fingerprint", "seconds"}


def check_cache(folder: Path | None, no_cache: bool) -> Path | bool:
    """Return the value of `cache` that the two options mean."""
    if no_cache and folder is not None:
        raise typer.BadParameter("--cache FOLDER and --no-cache contradict each other")
    return not no_cache if folder is None else folder
