"""``concept-memes show`` and ``concept-memes map``: figures as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from concept_memes.cli.checks import one_of, whole_numbers
from concept_memes.cli.console import say, say_json
from concept_memes.cli.figure_files import check_figure, check_pictures, page_paths, write_figures
from concept_memes.cli.options import Dark, Force, Json, Quiet, Saved, Title, figure_option
from concept_memes.cli.saved import load

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from concept_memes.model import ConceptModel

__all__ = ["draw_collage", "draw_map", "say_drawn", "show", "write_one"]

MODES = ("exemplars", "members")
N_COLLAGE, N_SIZES = 9, 30  # concepts that are drawn where nobody says how many


def show(
    concepts: Saved,
    out: Annotated[Path | None, figure_option("collage.png, tree.png or sizes.png")] = None,
    top: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many concepts, from the largest; by default 9.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All concepts, 20 a page: collage-1.png, or one .pdf.")] = False,
    numbers: Annotated[
        str | None, typer.Option("--concepts", metavar="N,N", help="These concepts instead, such as 3,7.")
    ] = None,
    tree: Annotated[bool, typer.Option("--tree", help="Draw the tree of concepts instead.")] = False,
    sizes: Annotated[bool, typer.Option("--sizes", help="Draw how many pictures each concept has instead.")] = False,
    mode: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="exemplars: the most typical pictures; members: from the surest to the least sure.",
            autocompletion=lambda: list(MODES),
        ),
    ] = "exemplars",
    image_size: Annotated[
        int, typer.Option(min=16, max=2048, metavar="PIXELS", help="Side of a picture; more to print.")
    ] = 224,
    page: Annotated[int | None, typer.Option(min=1, metavar="N", help="Of several pages this one only.")] = None,
    dark: Dark = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw the concepts: with their pictures, as a tree, or by size."""
    chosen = None if numbers is None else whole_numbers(numbers)
    one_of(mode, MODES, "--mode")
    if sum(given for given in (tree, sizes, every, chosen is not None, top is not None and not sizes)) > 1:
        raise typer.BadParameter("--tree, --sizes, --all, --concepts and --top exclude each other")
    if page is not None and (tree or sizes):
        raise typer.BadParameter("the tree and the sizes have no pages", param_hint="--page")
    target = out or Path("tree.png" if tree else "sizes.png" if sizes else "collage.png")
    check_figure(target, force=True)  # which files it will be is known when the concepts are
    model = load(concepts)
    theme = theme_of(dark)
    if tree or sizes:
        figure = (
            model.visualize_hierarchy(theme=theme) if tree else model.visualize_frequencies(top or N_SIZES, theme=theme)
        )
        drawn = [write_one(model, figure, target, force=force)]
    else:
        count = len(model.concepts_) if every else top or N_COLLAGE
        drawn = draw_collage(
            model, target, count, chosen, page=page, force=force, mode=mode, image_size=image_size, theme=theme
        )
    say_drawn(drawn, as_json=as_json, quiet=quiet)


def draw_map(
    concepts: Saved,
    out: Annotated[Path | None, figure_option("map.png")] = None,
    title: Title = None,
    dark: Dark = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw the collection as a map, a point per picture."""
    target = out or Path("map.png")
    check_figure(target, force=force)
    model = load(concepts)
    model.verbose = not quiet
    check_pictures(model.concepts_, [target])
    figure = model.visualize_map(title=title, theme=theme_of(dark))
    say_drawn([write_one(model, figure, target, force=force)], as_json=as_json, quiet=quiet)


def draw_collage(
    model: ConceptModel,
    path: Path,
    top: int,
    concepts: Sequence[int] | None = None,
    *,
    page: int | None = None,
    force: bool = False,
    **look: Any,  # noqa: ANN401 (as `visualize_concepts` takes it)
) -> list[Path]:
    """Draw the collage into a file, or into one per page where there are more concepts than fit on one.

    Parameters
    ----------
    model : ConceptModel
    path : Path
    top : int
        The largest concepts, if `concepts` is None.
    concepts : sequence of int, optional
    page : int, optional
        This page only.
    force : bool, default=False
        Whether files of others may be replaced.
    **look
        `mode`, `image_size` and `theme` of `visualize_concepts`.

    Returns
    -------
    list of Path
        The files.
    """
    from concept_memes.figures.collage import count_pages

    n_pages = count_pages(min(top, len(model.concepts_)) if concepts is None else len(concepts))
    pages = list(range(1, n_pages + 1)) if page is None and n_pages > 1 else [page]
    targets = page_paths(path, len(pages))
    check_pictures(model.concepts_, targets)
    for target in targets:
        check_figure(target, force=force)
    figures = (model.visualize_concepts(top, concepts, page=number, **look) for number in pages)
    return write_figures(figures, path, len(pages))


def write_one(model: ConceptModel, figure: Figure, path: Path, *, force: bool) -> Path:
    """Write a figure into a file, if it may be there."""
    check_pictures(model.concepts_, [path])
    check_figure(path, force=force)
    return write_figures([figure], path)[0]


def theme_of(dark: bool) -> Any:  # noqa: ANN401 (the library's names of themes)
    """Return the name of the theme that --dark means."""
    return "dark" if dark else "light"


def say_drawn(paths: Sequence[Path], *, as_json: bool, quiet: bool) -> None:
    """Say which files were drawn."""
    if as_json:
        say_json({"figures": [str(path.absolute()) for path in paths]})
    elif not quiet:
        pages = f" to {paths[-1].name} ({len(paths)} pages)" if len(paths) > 1 else ""
        say(f"Drawn: {paths[0]}{pages}", wrap=False)
