"""How the command line speaks: results on standard output, everything else, in plain words, on standard error."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from concept_memes.concepts import SkippedImage
from concept_memes.errors import ConceptMemesError, ConceptMemesWarning, InvalidParameterError, SkippedImagesWarning

__all__ = [
    "clean",
    "console",
    "note",
    "plain_speech",
    "say",
    "say_json",
    "say_lines",
    "skipped_lines",
    "skipped_place",
    "spoken",
    "told_skipped",
]

N_NAMED = 5  # skipped files that are named; the others are counted
OPTIONS = {
    "min_concept_size": "--min-size",
    "embedding_model": "--model",
    "vocabulary": "--words",
    "stop_words": "--stop-words",
    "n_exemplars": "--exemplars",
    "frames": "--frames",
    "n_concepts": "--n-concepts",
    "granularity": "--granularity",
    "outliers": "--outliers",
    "guide": "--guide",
    "diversity": "--diversity",
    "ocr": "--ocr",
    "text_weight": "--text-weight",
    "text_model": "--text-model",
    "duplicates": "--duplicates",
    "copies": "--copies",
    "concepts": "--concepts",
    "top_n": "--top",
    "within": "--within",
}
PARAMETER = re.compile(rf"(?<!path, )\b({'|'.join(OPTIONS)})=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"',;]*[^\s\"',;.:)])|)")
# Terminals obey control characters, and the marks that turn the direction of writing make a name look like another.
TURNS_WRITING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    r"""Write out what a terminal must not get: control characters, and bytes of names that are not valid UTF-8.

    Parameters
    ----------
    text : str

    Returns
    -------
    str

    Examples
    --------
    >>> clean("[red]caf\udce9[/red]\x1b[2J.jpg")
    '[red]caf\\xe9[/red]\\x1b[2J.jpg'
    """
    return "".join(character if _is_safe(character) else _written_out(character) for character in text)


def _is_safe(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} and character not in TURNS_WRITING


def _written_out(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # Python's stand-in for a byte that is not valid UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def console(file: TextIO) -> Console:
    """Make a console that takes everything literally.

    Parameters
    ----------
    file : text stream

    Returns
    -------
    Console
        As wide as the terminal; where there is none, as wide as what it is given, and without colours.
    """
    made = Console(file=file, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = 100_000
    return made


def say(*things: RenderableType, wrap: bool = True) -> None:
    """Print results on standard output.

    Parameters
    ----------
    *things : str, Text or Table
    wrap : bool, default=True
        False leaves long lines whole, so that commands and paths can be copied.
    """
    to = console(sys.stdout)
    with to.capture() as captured:
        for thing in things:
            to.print(clean(thing) if isinstance(thing, str) else thing, soft_wrap=not wrap)
    lines = captured.get().split("\n")
    write_out("\n".join(lines if to.is_terminal else [line.rstrip() for line in lines]))


def say_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document on standard output.

    Parameters
    ----------
    document : mapping
    """
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(document, ensure_ascii=not unicode, indent=2)
    # Names that are not valid UTF-8 hold lone surrogates; JSON has escapes for them, and Python reads these back.
    write_out(re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def say_lines(lines: Iterable[str]) -> None:
    """Print bare lines on standard output: for eyes on a terminal, for other programs the very bytes of a path.

    Parameters
    ----------
    lines : iterable of str
    """
    if sys.stdout.isatty():
        write_out("".join(f"{clean(line)}\n" for line in lines))
    else:
        write_out("".join(f"{line}\n" for line in lines), as_bytes=True)


def write_out(text: str, *, as_bytes: bool = False) -> None:
    """Write to standard output; end quietly where nobody reads any more, as in ``| head``."""
    try:
        if as_bytes:
            sys.stdout.buffer.write(os.fsencode(text))
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer would fail again, loudly, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None


def note(text: str, kind: str = "note") -> None:
    """Print a message on standard error.

    Parameters
    ----------
    text : str
        One line or several; names in it that could hold line breaks have gone through `clean`.
    kind : {"note", "warning", "error"}, default="note"
    """
    style = {"error": "bold red", "warning": "yellow"}.get(kind, "dim")
    to = console(sys.stderr)
    to.print(Text.assemble((f"{kind}: ", style), "\n".join(map(clean, text.split("\n")))))


def spoken(message: object) -> str:
    """Put a message of the library into the words of the command line: options instead of parameters.

    Parameters
    ----------
    message : Exception, Warning or str

    Returns
    -------
    str

    Examples
    --------
    >>> spoken('To pin one: embedding_model="hub-free".')
    'To pin one: --model hub-free.'
    >>> spoken(InvalidParameterError("concepts", [99], "numbers of concepts, from 0 to 4"))
    '--concepts [99]: must be numbers of concepts, from 0 to 4.'
    """
    if isinstance(message, InvalidParameterError) and message.name in OPTIONS:
        return f"{OPTIONS[message.name]} {message.value}: must be {message.expected}."

    def option(match: re.Match[str]) -> str:
        value = next((group for group in match.groups()[1:] if group), "")
        return f"{OPTIONS[match[1]]} {value}".removesuffix(" True").rstrip()  # a flag

    text = PARAMETER.sub(option, str(message))
    for parameter in ("min_concept_size", "embedding_model"):
        text = re.sub(rf"\b{parameter}\b", OPTIONS[parameter], text)
    return text.replace("that save() wrote", 'that "concept-memes fit" wrote')


def skipped_lines(skipped: Sequence[SkippedImage], how_to_see_all: str = "") -> list[str]:
    """Name the files that were skipped; where there are many, count the reasons and name the first ones.

    Parameters
    ----------
    skipped : sequence of SkippedImage
    how_to_see_all : str, optional
        What to say where not all are named.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from pathlib import Path
    >>> skipped_lines([SkippedImage(Path("a.jpg"), 0, "empty file")])
    ['1 file could not be read and was left out:', '  a.jpg: empty file']
    """
    lines = [f"{len(skipped)} files could not be read and were left out"]
    if len(skipped) == 1:
        lines = ["1 file could not be read and was left out"]
    rest = len(skipped) - N_NAMED
    if rest > 0:
        counts = Counter(s.reason.split(":")[0] for s in skipped)
        lines[0] += f" ({', '.join(f'{count} {reason}' for reason, count in counts.most_common())})"
    lines[0] += ":"
    lines += [f"  {where}: {s.reason}" if (where := skipped_place(s)) else f"  {s.reason}" for s in skipped[:N_NAMED]]
    return lines + [f"  and {rest} more{how_to_see_all}"] * (rest > 0)


def skipped_place(skipped: SkippedImage) -> str:
    """Say which picture was skipped; "" for what could not even be listed and has no path: the reason names it.

    Examples
    --------
    >>> skipped_place(SkippedImage(None, 3, "no path given"))
    'image 3'
    """
    if skipped.path is not None:
        return clean(str(skipped.path))
    return f"image {skipped.index}" if skipped.index >= 0 else ""


@contextmanager
def told_skipped(how_to_see_all: str = "") -> Iterator[list[SkippedImage]]:
    """Collect the pictures that the library skips inside, and name them at the end.

    Parameters
    ----------
    how_to_see_all : str, optional
        What to say where there are more than can be named.

    Yields
    ------
    list of SkippedImage
        It fills while the library warns.
    """
    skipped: list[SkippedImage] = []
    before = warnings.showwarning

    def collect(message: Warning | str, *where: Any, **more: Any) -> None:  # noqa: ANN401 (passed on as they are)
        if isinstance(message, SkippedImagesWarning):
            skipped.extend(s for s in message.skipped if isinstance(s, SkippedImage))
        else:
            before(message, *where, **more)

    warnings.showwarning = collect
    try:
        yield skipped
    finally:
        warnings.showwarning = before
    if skipped:
        note("\n".join(skipped_lines(skipped, how_to_see_all)), "warning")


@contextmanager
def plain_speech(*, debug: bool = False) -> Iterator[None]:
    """Turn errors and warnings into messages and exit codes, and keep other libraries from talking in between.

    Parameters
    ----------
    debug : bool, default=False
        Show tracebacks, all warnings and the log of this package as well.

    Raises
    ------
    typer.Exit
        1 after an error, 130 after Ctrl-C.
    """
    handler = logging.StreamHandler() if debug else logging.NullHandler()
    logger = logging.getLogger("concept_memes" if debug else None)
    level = logger.level
    logger.addHandler(handler)  # without any, Python prints warnings that are logged
    if debug:
        logger.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings():
            if not debug:
                _tell_warnings()
            yield
    except KeyboardInterrupt:
        note("stopped")
        raise typer.Exit(130) from None
    except Exception as error:
        # Typer's own ways to end and its complaints about usage have an exit code, whatever version it is.
        if hasattr(error, "exit_code") or isinstance(error, typer.Abort):
            raise
        if debug:
            traceback.print_exc(file=sys.stderr)
        _tell_error(error)
        raise typer.Exit(1) from None
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _tell_warnings() -> None:
    """Show the warnings of this package, each once, and no others."""
    told: set[str] = set()

    def tell(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
        if (text := spoken(message)) not in told and issubclass(category, ConceptMemesWarning):
            told.add(text)
            note(text, "warning")

    warnings.simplefilter("ignore")
    warnings.simplefilter("always", ConceptMemesWarning)
    warnings.showwarning = tell


def _tell_error(error: Exception) -> None:
    """Say what went wrong, and whose fault it is."""
    if isinstance(error, ConceptMemesError):
        note(spoken(error), "error")
    elif isinstance(error, OSError) and error.strerror:
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
        note(f"{place}{error.strerror}.", "error")
    elif isinstance(error, MemoryError):
        note("there is not enough memory for this.", "error")
    else:
        first_line = (str(error).splitlines() or [""])[0]
        note(
            f"this is a bug in concept-memes, sorry: {type(error).__name__}: {first_line}\n"
            'Please report it, with the traceback that the same command shows as "concept-memes --debug ...".',
            "error",
        )
