"""Figures as files: marked as this program's own, written whole, and never in the place of somebody else's file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concept_memes import __version__
from concept_memes.whole_files import in_one_step

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from concept_memes.concepts import ConceptSet

__all__ = ["check_figure", "check_pictures", "is_own", "page_paths", "write_figures"]

ENDINGS = (".png", ".jpg", ".jpeg", ".pdf", ".svg")
MAKER = "concept_memes"
SOFTWARE = 0x0131  # the tag of Exif for the program that made a picture
# Where PDF and SVG name their maker, as matplotlib writes them.
MADE_BY = {
    ".pdf": re.compile(rb"/Creator\s*\(" + MAKER.encode()),
    ".svg": re.compile(rb"<dc:title>" + MAKER.encode()),
}


def check_figure(path: Path, *, force: bool = False) -> None:
    """Raise at once if a figure cannot be written there.

    Parameters
    ----------
    path : Path
    force : bool, default=False
        Whether a file that is there may be replaced.

    Raises
    ------
    typer.BadParameter
        If it is a folder, or its ending is none of a figure.
    OverwriteError
        If a file is there that this program has not drawn.
    """
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; give the name of a file", param_hint="the picture file")
    if path.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"{path} must end in one of {', '.join(ENDINGS)}", param_hint="the picture file")
    if os.path.lexists(path) and not force and not is_own(path):
        from concept_memes.errors import OverwriteError

        raise OverwriteError(
            f"{path} is there already, and concept-memes has not drawn it. Name another file, or replace it with "
            "--force."
        )


def check_pictures(concept_set: ConceptSet, paths: Sequence[Path]) -> None:
    """Raise if one of the files is a picture of the collection: those are never replaced.

    Parameters
    ----------
    concept_set : ConceptSet
    paths : sequence of Path

    Raises
    ------
    OverwriteError
    """
    there = {os.path.realpath(path): path for path in paths if path.exists()}
    if not there:
        return
    for image in concept_set.images:
        if image.path is not None and (path := there.get(os.path.realpath(concept_set.base_folder / image.path))):
            from concept_memes.errors import OverwriteError

            raise OverwriteError(
                f"{path} is one of the pictures of the collection; nothing was drawn. Name another file."
            )


def is_own(path: Path) -> bool:
    """Tell whether this program has drawn a file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        By what is written inside; False for what cannot be read.
    """
    kind = path.suffix.lower()
    try:
        if kind in MADE_BY:
            return MADE_BY[kind].search(path.read_bytes()) is not None
        from PIL import Image

        with Image.open(path, formats=["PNG", "JPEG"]) as image:
            maker = image.getexif().get(SOFTWARE, "") if image.format == "JPEG" else image.info.get("Software", "")
    except (OSError, SyntaxError, ValueError):
        return False
    return isinstance(maker, str) and maker.startswith(MAKER)


def page_paths(path: Path, n_pages: int) -> list[Path]:
    """Name the files of a figure of several pages; a PDF holds them all.

    Parameters
    ----------
    path : Path
    n_pages : int

    Returns
    -------
    list of Path

    Examples
    --------
    >>> [path.name for path in page_paths(Path("collage.png"), 3)]
    ['collage-1.png', 'collage-2.png', 'collage-3.png']
    >>> page_paths(Path("a.png"), 1) == [Path("a.png")], len(page_paths(Path("a.pdf"), 3))
    (True, 1)
    """
    if n_pages == 1 or path.suffix.lower() == ".pdf":
        return [path]
    return [path.with_name(f"{path.stem}-{page}{path.suffix}") for page in range(1, n_pages + 1)]


def write_figures(figures: Iterable[Figure], path: Path, n_pages: int = 1) -> list[Path]:
    """Write figures, each in one step: a file is there whole or not at all.

    Parameters
    ----------
    figures : iterable of Figure
        The pages; each is drawn when its turn comes, and let go.
    path : Path
        The ending says the format.
    n_pages : int, default=1
        How many there are.

    Returns
    -------
    list of Path
        The files.
    """
    paths = page_paths(path, n_pages)
    path.parent.mkdir(parents=True, exist_ok=True)
    if n_pages > 1 and len(paths) == 1:
        from matplotlib.backends.backend_pdf import PdfPages

        with in_one_step(path) as temporary, PdfPages(temporary, **marks(path)) as book:
            for figure in figures:
                book.savefig(figure)
        return paths
    for figure, target in zip(figures, paths, strict=True):
        with in_one_step(target) as temporary:
            figure.savefig(temporary, format=target.suffix[1:].lower(), **marks(target))
    return paths


def marks(path: Path) -> dict[str, Any]:
    """Return the arguments of matplotlib that write into a figure who made it."""
    made_by, kind = f"{MAKER} {__version__}", path.suffix.lower()
    if kind in (".jpg", ".jpeg"):
        from PIL import Image

        exif = Image.Exif()
        exif[SOFTWARE] = made_by
        return {"pil_kwargs": {"exif": exif}}
    if kind == ".png":
        return {"metadata": {"Software": made_by}}
    return {"metadata": {"Creator": made_by}}
