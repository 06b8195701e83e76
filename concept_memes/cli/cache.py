"""``concept-memes cache``: what is kept between runs, how much it may be, and removing it."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concept_memes.cli.console import note, say, say_json, say_lines
from concept_memes.cli.options import Json, Quiet
from concept_memes.errors import CacheError, CacheWarning

if TYPE_CHECKING:
    from concept_memes.cache import CacheInfo, VectorCache

__all__ = ["cache_app", "cache_document", "read_size", "spoken_size"]

UNITS = {"": 1, "B": 1}
UNITS |= {f"{letter}{ending}": 1000**power for power, letter in enumerate("KMGT", 1) for ending in ("", "B")}
UNITS |= {f"{letter}{ending}": 1024**power for power, letter in enumerate("KMGT", 1) for ending in ("I", "IB")}
# What is kept beside vectors, by the beginning of its fingerprint.
NOTES = {"look": "looks, to tell copies", "history": "how files were saved", "rapidocr": "texts, read by RapidOCR"}
SIZE = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,19})?)\s*([A-Za-z]*)")


def folder_path(text: str) -> Path:
    """Read a path; the shell leaves the ~ of --folder=~/cache as it is."""
    return Path(os.path.abspath(os.path.expanduser(text)))


cache_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
Folder = Annotated[
    Path | None, typer.Option("--folder", parser=folder_path, metavar="FOLDER", help="Another cache than your own.")
]


@cache_app.callback(help="Show, limit or clear what is kept between runs. That is vectors, and copies of addresses.")
def start() -> None:
    """Do nothing: the help is what it says."""


@cache_app.command()
def info(
    folder: Folder = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what is kept, and how much room it takes.

    With --quiet: the folder.
    """
    from concept_memes.cache import CacheInfo

    place = chosen(folder)
    found = CacheInfo(place)
    if is_there(place):
        with opened(place) as cache:
            found = cache.info()
    if as_json:
        say_json(cache_document(found))
        return
    if quiet:
        say_lines([str(place)])
        return
    from concept_memes.cli.tables import facts_table, plain_table

    say(facts_table(facts(found)))
    if found.encoders:
        table = plain_table()
        table.add_column("entries", justify="right")
        table.add_column("of", overflow="fold")
        counts: Counter[str] = Counter()
        for fingerprint, n_vectors in found.encoders.items():
            counts[spoken_fingerprint(fingerprint)] += n_vectors
        for model, n_vectors in counts.most_common():
            table.add_row(f"{n_vectors:,}", model)
        say("", table)


@cache_app.command()
def clear(
    folder: Folder = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    keep_downloads: Annotated[
        bool, typer.Option("--keep-downloads", help="Keep the copies of addresses, which need the network again.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove what is kept. Pictures and fitted models are never touched."""
    place, freed = chosen(folder), 0
    anything = is_there(place)
    if anything:
        with opened(place) as cache:
            if not yes:
                ask(cache.info(), downloads=not keep_downloads)
            freed = cache.clear(downloads=not keep_downloads)
    if as_json:
        say_json({"folder": str(place), "freed_bytes": freed})
    elif not quiet:
        told = f"Cleared: {place}, {spoken_size(freed)} freed" if anything else f"Nothing is kept in {place}."
        say(told, wrap=False)


@cache_app.command()
def limit(
    size: Annotated[str, typer.Argument(metavar="SIZE|none", help="Such as 2GB; none takes a limit away.")],
    folder: Folder = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Set how large the vectors may become; those that were not used for longest go first."""
    max_bytes = read_size(size)
    place = chosen(folder)
    with opened(place) as cache:
        cache.set_limit(max_bytes)
        found = cache.info()
    if as_json:
        say_json(cache_document(found))
    if as_json or quiet:
        return
    holds = f"{spoken_size(found.database_bytes)} now"
    kept = "any size" if max_bytes is None else f"at most {spoken_size(max_bytes)}"
    say(f"Limit of the vectors in {place}: {kept} ({holds})", wrap=False)


def chosen(folder: Path | None) -> Path:
    """Return the folder that a command is about."""
    from concept_memes.cache import cache_folder

    return cache_folder() if folder is None else folder


def is_there(folder: Path) -> bool:
    """Tell whether anything of a cache is in a folder: to look must not make one."""
    from concept_memes.cache.files import aside_files, database_files, kept_copies

    return any(found(folder) for found in (database_files, aside_files, kept_copies))


@contextmanager
def opened(folder: Path) -> Iterator[VectorCache]:
    """Open a cache; what a run would only be warned about is an error here."""
    from concept_memes.cache import open_cache

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CacheWarning)
        cache = open_cache(folder)
    with cache:
        if not cache.enabled:
            raise CacheError(cache.trouble)
        for warning in caught:
            note(str(warning.message), "warning")
        yield cache


def ask(found: CacheInfo, *, downloads: bool) -> None:
    """Ask before anything is removed; without a terminal nobody can answer."""
    what = f"{found.n_vectors:,} vectors"
    if downloads and found.n_downloads:
        what += f" and {found.n_downloads:,} copies of addresses"
    if not sys.stdin.isatty():
        note(f"nothing was removed: {what}. There is no terminal to ask on; to remove them, add --yes.", "error")
        raise typer.Exit(1)
    if not typer.confirm(f"Remove {what} from {found.folder}?", err=True):
        note("nothing was removed")
        raise typer.Exit(1)


def read_size(text: str) -> int | None:
    """Read a size in bytes.

    Parameters
    ----------
    text : str
        A number with a unit: ``KB``, ``MB``, ``GB``, ``TB`` by thousands, ``KiB`` and so on by 1,024; or ``none``.

    Returns
    -------
    int or None

    Raises
    ------
    typer.BadParameter
        If it is none, or less than the megabyte that a cache takes at least.

    Examples
    --------
    >>> read_size("2GB"), read_size("1.5 MiB"), read_size("none")
    (2000000000, 1572864, None)
    """
    if text.strip().lower() == "none":
        return None
    match = SIZE.fullmatch(text.strip())
    if match is None or match[2].upper() not in UNITS:
        raise typer.BadParameter(f"{text!r} is neither a size, such as 500MB or 2GB, nor none", param_hint="SIZE")
    size = int(float(match[1]) * UNITS[match[2].upper()])
    if size < 10**6:
        raise typer.BadParameter(f"{text!r} is less than 1MB; to keep nothing, fit with --no-cache", param_hint="SIZE")
    if size >= 2**63:
        raise typer.BadParameter(f"{text!r} is more than any disk has; for no limit, say none", param_hint="SIZE")
    return size


def spoken_size(n_bytes: int) -> str:
    """Write a number of bytes for people.

    Parameters
    ----------
    n_bytes : int

    Returns
    -------
    str

    Examples
    --------
    >>> spoken_size(0), spoken_size(12_345), spoken_size(2_000_000_000), spoken_size(999_960)
    ('0 bytes', '12.3 KB', '2.0 GB', '1.0 MB')
    """
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    for unit, size in (("KB", 10**3), ("MB", 10**6), ("GB", 10**9)):
        if n_bytes < 999.95 * size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes / 10**12:.1f} TB"


def spoken_fingerprint(fingerprint: str) -> str:
    """Write the fingerprint of an encoder for people: its name, the first digits of its weights, where it ran.

    Parameters
    ----------
    fingerprint : str

    Returns
    -------
    str
        Encoders that differ in less, such as the size of a batch, come to the same; ``--json`` tells them apart.

    Examples
    --------
    >>> spoken_fingerprint("clip-texts:0123456789abcdef:0123456789ab:cpu:fp32:batch16:buckets01234567")
    'clip-texts 01234567 cpu fp32'
    >>> spoken_fingerprint("colors/1 batch=16")
    'colors/1'
    >>> spoken_fingerprint("look-7 families-4")
    'looks, to tell copies'
    """
    kind = re.match(r"[a-z]*", fingerprint)
    if kind and kind[0] in NOTES:
        return NOTES[kind[0]]
    name = re.match(r"[^\s:]*", fingerprint)
    weights = re.search(r"\b[0-9a-f]{16,}\b", fingerprint)
    where = re.findall(r"\b(?:cpu|cuda|mps|xpu|fp32|fp16|bf16|int8)\b", fingerprint)
    parts = [name[0] if name else "", weights[0][:8] if weights else "", *where]
    return " ".join(filter(None, parts)) or fingerprint


def facts(found: CacheInfo) -> dict[str, str]:
    """Write in words what a cache holds."""
    told = {
        "folder": str(found.folder),
        "vectors": f"{found.n_vectors:,}",
        "known files": f"{found.n_files:,}",
        "database": spoken_size(found.database_bytes),
        "limit": "none" if found.limit is None else spoken_size(found.limit),
        "downloads": f"{found.n_downloads:,}, {spoken_size(found.downloads_bytes)}",
    }
    if found.set_aside:
        told["damaged"] = ", ".join(path.name for path in found.set_aside)
    return told


def cache_document(found: CacheInfo) -> dict[str, Any]:
    """Describe a cache for ``--json``.

    Parameters
    ----------
    found : CacheInfo

    Returns
    -------
    dict
        Sizes are in bytes.

    Examples
    --------
    >>> from concept_memes.cache import CacheInfo
    >>> cache_document(CacheInfo(Path("/kept"), n_vectors=3))["n_vectors"]
    3
    """
    return {
        "folder": str(found.folder),
        "n_vectors": found.n_vectors,
        "n_files": found.n_files,
        "n_downloads": found.n_downloads,
        "database_bytes": found.database_bytes,
        "downloads_bytes": found.downloads_bytes,
        "limit": found.limit,
        "encoders": dict(found.encoders),
        "set_aside": [str(path) for path in found.set_aside],
    }
