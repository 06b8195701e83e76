"""``concept-memes photos/``: the short form, spelled out as the ``fit`` that it stands for."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["is_place", "nearest", "spelled_out", "where_it_goes"]

# What parts of a name say how pictures are packed, not what they are.
PACKED = re.compile(r"(\.(tar|zip|cbz|cbt|tgz|tbz2?|txz|gz|bz2|xz|zst|csv|tsv|txt|lst|parquet|html?))+$", re.IGNORECASE)
WILDCARDS = frozenset("*?[")


def is_place(text: str) -> bool:
    """Tell whether the first argument names pictures: an address, a pattern, or what is there.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool

    Examples
    --------
    >>> is_place("https://example.org/cats.zip"), is_place("photos/*.jpg"), is_place("serach")
    (True, True, False)
    """
    from concept_memes.remote.kept_copies import is_address

    path = Path(os.path.expanduser(text.split("::", maxsplit=1)[0]))
    inside_a_file = any(parent.is_file() for parent in path.parents)  # of an archive: photos.zip/summer
    return is_address(text) or not WILDCARDS.isdisjoint(text) or os.path.lexists(path) or inside_a_file


def spelled_out(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of the command that the short form stands for.

    Parameters
    ----------
    arguments : sequence of str
        The pictures first; options of ``fit`` may follow, and win.

    Returns
    -------
    list of str
        What has a name is named after the folder of the pictures: ``photos-concepts/``, ``photos-concepts.png`` and
        ``photos-concepts.html``.

    Examples
    --------
    >>> spelled_out(["cats.zip", "--model", "hub-free"])[:3]
    ['fit', '--out=cats-concepts', '--collage=cats-concepts.png']
    """
    place = where_it_goes(arguments[0])
    return ["fit", f"--out={place}", f"--collage={place}.png", f"--report={place}.html", *arguments]


def where_it_goes(place: str) -> Path:
    """Choose where the concepts of a place go: the current folder, or beside the pictures' where it is among them.

    Parameters
    ----------
    place : str

    Returns
    -------
    Path
        A figure among the pictures would be taken for one of them the next time.

    Examples
    --------
    >>> [where_it_goes(place).name for place in ("photos/", "photos/2024/*.jpg", "/data/cats.tar.gz", "photos/a.jpg")]
    ['photos-concepts', '2024-concepts', 'cats-concepts', 'photos-concepts']
    >>> where_it_goes("https://example.org/my%20cats/?page=1").name
    'my-cats-concepts'
    """
    from concept_memes.image_formats import ENDINGS
    from concept_memes.remote.kept_copies import is_address

    if is_address(place):
        parts = urlsplit(place.split("::")[-1])
        name = unquote(parts.path).rstrip("/").rpartition("/")[2] or parts.netloc.rpartition("@")[2]
        name = re.sub(r"[^\w.-]+", "-", PACKED.sub("", name)).strip("-.")
        return Path(f"{name or 'pictures'}-concepts")
    whole = Path(os.path.abspath(os.path.expanduser(place.split("::", maxsplit=1)[0])))
    if not whole.exists():
        plain = [part for part in (whole, *whole.parents) if WILDCARDS.isdisjoint(str(part))]
        whole = plain[0]
    if whole.suffix.lower() in ENDINGS and not whole.is_dir():
        whole = whole.parent
    name = (whole.name if whole.is_dir() else PACKED.sub("", whole.name)) or "pictures"
    inside = whole.is_dir() and Path.cwd().is_relative_to(os.path.realpath(whole))
    return (whole.parent if inside else Path()) / f"{name}-concepts"


def nearest(text: str, commands: Iterable[str]) -> list[str]:
    """Find what somebody may have meant: commands, and what lies where the text points to.

    Parameters
    ----------
    text : str
    commands : iterable of str

    Returns
    -------
    list of str
        Three at most, the nearest first.
    """
    start, name = os.path.split(text.rstrip("/\\"))
    try:
        with os.scandir(os.path.expanduser(start) or ".") as entries:
            there = {entry.name: f"{os.path.join(start, entry.name)}{'/' * entry.is_dir()}" for entry in entries}
    except OSError:
        there = {}
    known = {**there, **({} if start else {command: command for command in commands})}
    lower = {each.lower(): shown for each, shown in known.items()}
    return [lower[match] for match in difflib.get_close_matches(name.lower(), lower, n=3)]
