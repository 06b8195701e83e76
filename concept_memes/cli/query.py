"""What is to be looked for, as it stands on the command line: ``panda + ./a.jpg - 0.5:zoo``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import typer

from concept_memes.image_formats import ENDINGS

if TYPE_CHECKING:
    from concept_memes.cache import VectorCache
    from concept_memes.queries import Query

__all__ = ["Address", "Term", "as_query", "concept_numbers", "is_there", "parse_query", "picture_at", "unknown_parts"]

SIGNS = {"+": 1.0, "-": -1.0}
WEIGHT = re.compile(r"(\d+(?:\.\d+)?|\.\d+):(.+)", re.DOTALL)
HELP_TERMS = "+ and - stand between words or files, with blanks around them: panda + ./a.jpg - zoo"


class Address(str):
    """The address of a picture, which is still to be fetched."""

    __slots__ = ()


#: A term of a query: its weight, and a text, the path of a picture or the address of one.
Term: TypeAlias = tuple[float, str | Path]


def parse_query(arguments: Sequence[str], image: str | None) -> tuple[list[Term], str]:
    """Read what is to be looked for; nothing is fetched.

    ``+`` and ``-`` as arguments of their own part the terms, and the words between them are one text. A number and a
    colon before a term are its weight. A term that names a file, with a folder before it or the ending of a picture, is
    that picture. An address is a picture too. All else is text, a file called "panda" too.

    Parameters
    ----------
    arguments : sequence of str
        As the shell parts them.
    image : str or None
        The picture of ``--image``, a file or an address, instead of arguments.

    Returns
    -------
    terms : list of (float, str, Path or Address)
    written : str
        The query as people write it.

    Raises
    ------
    typer.BadParameter
        If there is nothing to look for, or it cannot be read.

    Examples
    --------
    >>> terms, written = parse_query(["2:golden", "retriever", "-", "black-and-white", "+", "C++"], None)
    >>> terms
    [(2.0, 'golden retriever'), (-1.0, 'black-and-white'), (1.0, 'C++')]
    >>> written
    '2:golden retriever - black-and-white + C++'
    """
    if bool("".join(arguments).strip()) == (image is not None):
        raise typer.BadParameter("give words to look for, or a picture with --image FILE (one of the two)")
    if image is not None:
        place = picture_at(image)
        if isinstance(place, Path) and not is_there(place):
            raise typer.BadParameter(f"there is no file {place}", param_hint="--image")
        return [(1.0, place)], image
    terms: list[Term] = []
    for sign, words in parted(arguments):
        weight, words = weighed(words)
        terms.append((sign * weight, picture_or_text(words)))
    return terms, " ".join(arguments).strip()


def as_query(terms: Sequence[Term], cache: bool | str | Path | VectorCache) -> Query:
    """Add the terms of a query up; pictures that have an address are fetched.

    Parameters
    ----------
    terms : sequence of (float, str, Path or Address)
    cache : bool, str, Path or VectorCache
        As for the model: there go the copies.

    Returns
    -------
    Query

    Raises
    ------
    UnreadableImageError
        If a picture cannot be fetched.

    Examples
    --------
    >>> as_query([(2.0, "panda"), (-0.5, Path("a.jpg"))], cache=False)
    2 * Query('panda') - 0.5 * Query(Path('a.jpg'))
    """
    from concept_memes.queries import Query

    queries = [Query(fetched(what, cache) if isinstance(what, Address) else what) * weight for weight, what in terms]
    return sum(queries[1:], start=queries[0])


def fetched(address: str, cache: bool | str | Path | VectorCache) -> Path:
    """Fetch a picture, and return where its copy is."""
    from concept_memes.cache import open_cache
    from concept_memes.remote.fetching import Fetcher
    from concept_memes.sources.image_refs import temporary_downloads

    with open_cache(cache) as opened, Fetcher(opened.downloads or temporary_downloads()) as fetcher:
        return fetcher.fetch(address)


def picture_at(place: str) -> Path | Address:
    """Read where a picture is: a path, or an address that is not one of this machine."""
    from concept_memes.remote.addresses import local_path
    from concept_memes.remote.kept_copies import is_address

    if is_address(place):
        return local_path(place) or Address(place)
    return Path(os.path.expanduser(place))


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
    from concept_memes.remote.kept_copies import is_address

    if len(words) == 1 and is_address(words[0]):
        return picture_at(words[0])
    for word in words:
        path = Path(os.path.expanduser(word))
        is_picture = path.suffix.lower() in ENDINGS
        looks_like_path = is_picture or os.sep in word or "/" in word
        if looks_like_path and (is_there(path) if is_picture else path.is_file()):
            if len(words) == 1:
                return path
            raise typer.BadParameter(f"{word} is a file and {' '.join(words)} is none. {HELP_TERMS}")
        if is_picture and len(words) == 1:
            raise typer.BadParameter(f"there is no file {word}")
    return " ".join(words).strip()


def is_there(path: Path) -> bool:
    """Tell whether there is a picture; in an archive it is no file, but has one before it: photos.zip/a.jpg."""
    return any(place.is_file() for place in (path, *path.parents))


def unknown_parts(text: str, vocabulary: Iterable[str] = ()) -> list[str]:
    """List the words of a text that no list knows, as the explorer does: longest first, the plural as the singular.

    Parameters
    ----------
    text : str
    vocabulary : iterable of str
        Words that are known beside the nouns of the package and little ones ("of", "with").

    Returns
    -------
    list of str
        In their order.

    Examples
    --------
    >>> unknown_parts("Golden retrievers with an asdfqwezz"), unknown_parts("red tape", ["red"])
    (['asdfqwezz'], [])
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    from concept_memes.word_lists import default_nouns, folded

    known = {folded(word) for words in (vocabulary, default_nouns(), ENGLISH_STOP_WORDS) for word in words}
    endings = ((r"([^s])s$", r"\1"), (r"(s|x|z|o|ch|sh)es$", r"\1"), (r"ies$", "y"))

    def is_known(words: str) -> bool:
        return any(form in known for form in [words, *(re.sub(ending, by, words) for ending, by in endings)])

    parts, unknown, at = re.split(r"[\s,;]+", folded(text)), [], 0
    if is_known(folded(text)):
        return []
    while at < len(parts):
        length = next((n for n in range(len(parts) - at, 0, -1) if is_known(" ".join(parts[at : at + n]))), 0)
        unknown += [parts[at]] if not length and any(map(str.isalpha, parts[at])) else []
        at += max(length, 1)
    return unknown


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
