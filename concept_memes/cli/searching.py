"""``concept-memes search`` and ``concept-memes similar``: pictures by words, by pictures, and by sums of them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from concept_memes.cli.console import clean, note, say, say_json, say_lines
from concept_memes.cli.figure_files import check_figure, check_pictures, write_figures
from concept_memes.cli.options import Dark, Force, Json, Quiet, Saved, figure_option
from concept_memes.cli.query import Address, Term, as_query, concept_numbers, is_there, parse_query, picture_at
from concept_memes.cli.saved import load

if TYPE_CHECKING:
    from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
    from concept_memes.model import ConceptModel
    from concept_memes.queries import Query

__all__ = ["search", "similar"]

N_FOUND = 5  # concepts that a search shows

Figure = Annotated[Path | None, figure_option("none is drawn")]
Within = Annotated[str | None, typer.Option(metavar="N,N", help="Only images of these concepts, such as 3,7 or none.")]


def search(
    concepts: Saved,
    query: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="What to look for: words, files, added with + or taken with -."),
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="FILE", help="Look for what is like this picture; an address will do.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many images; of concepts, five at most.")] = 10,
    text: Annotated[bool, typer.Option("--text", help="Only images that say it: what 'fit --ocr' has read.")] = False,
    within: Within = None,
    out: Figure = None,
    dark: Dark = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find concepts and pictures by words, by pictures, by both.

    A sum: concept-memes search concepts/ panda + ./a.jpg - 0.5:zoo. With --quiet: a path per line.
    """
    if text and image is not None:
        raise typer.BadParameter("it goes with words, not with --image", param_hint="--text")
    numbers = None if within is None else concept_numbers(within)
    terms, written = parse_query(query or (), image)
    if not quiet and image is None:
        note_pictures(terms)
    if out is not None:
        check_figure(out, force=force)
    model = load(concepts)
    model.verbose = False
    if text:
        check_texts(model.concepts_, concepts)
    wanted = as_query(terms, model.cache)
    found, pictures = found_by(model, wanted, top, numbers, said_only=text)
    if out is not None:
        draw_found(model.concepts_, wanted, pictures, found, out, dark=dark)
    from concept_memes.cli.shown_places import picture_path

    if as_json:
        from concept_memes.cli.documents import search_document

        standard = found_by(model, wanted, top, numbers, said_only=text, scores="standard")
        document = search_document(model.concepts_, written, (found, pictures), standard)
        say_json({**document, "figure": out and str(out.absolute())})
    elif quiet:
        say_lines(picture_path(model.concepts_, hit.index) for hit in pictures)
    else:
        show_found(model.concepts_, wanted, found, pictures, said_only=text)
        if out is not None:
            say(f"Drawn: {out}", wrap=False)


def note_pictures(terms: list[Term]) -> None:
    """Say which words were taken for files."""
    for _, what in terms:
        if isinstance(what, Path):
            note(f"{clean(str(what))} is a file: looking for what is like this picture")


def check_texts(concept_set: ConceptSet, folder: Path) -> None:
    """Say how to get texts where there are none."""
    if concept_set.texts is None:
        fit = f"concept-memes fit IMAGES --ocr -o {shlex.quote(str(folder))}"
        note(f"{folder} knows no texts. To read them: {fit}", "error")
        raise typer.Exit(1)


def show_found(
    concept_set: ConceptSet,
    query: Query,
    concepts: list[ConceptHit],
    pictures: list[ImageHit],
    *,
    said_only: bool,
) -> None:
    """Show what a search found as tables."""
    from concept_memes.cli.tables import concept_table, image_table

    if said_only and not pictures:
        say("No picture says it.")
        return
    known = {concept.index: concept for concept in concept_set.concepts}
    if concepts:
        scores = [hit.similarity for hit in concepts]
        say(concept_table(concept_set, [known[hit.concept] for hit in concepts], similarities=scores), "")
    say(image_table(concept_set, pictures, wanted=query.texts))


def found_by(
    model: ConceptModel,
    query: Query,
    top: int,
    within: list[int] | None,
    *,
    said_only: bool,
    scores: Literal["cosine", "standard"] = "cosine",
) -> tuple[list[ConceptHit], list[ImageHit]]:
    """Find concepts and pictures."""
    text = True if said_only else None
    concepts = model.find_concepts(query, min(top, N_FOUND), text=text, scores=scores)
    pictures = model.find_images(query, top, text=text, within=within, scores=scores)
    if model.concepts_.texts is None or not query.texts:
        pictures.sort(key=lambda hit: -hit.similarity)  # those that expansion found, in the order of what is shown
    return concepts, pictures


def similar(
    concepts: Saved,
    picture: Annotated[
        str, typer.Argument(metavar="PICTURE", help="A picture of the collection or a new one: file, name or address.")
    ],
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many images.")] = 10,
    within: Within = None,
    out: Figure = None,
    dark: Dark = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the pictures that are most like one.

    With --quiet: a path per line.
    """
    numbers = None if within is None else concept_numbers(within)
    place = picture_at(picture)
    if out is not None:
        check_figure(out, force=force)
    model = load(concepts)
    model.verbose = False
    fitted = model.concepts_
    row = row_of(fitted, place, picture)
    from concept_memes.assignment import assign_vectors
    from concept_memes.cli.shown_places import near_path, picture_path
    from concept_memes.queries import Query
    from concept_memes.search import search_concepts, search_images

    if row is None:
        query = as_query([(1.0, place)], model.cache)
        vector, shown = model.embed_query(query), picture if isinstance(place, Address) else str(place.absolute())
        label = int(assign_vectors(fitted, vector[None])[0])
    else:  # known by its vector, without the model that made it
        query, vector, label = Query(fitted.source_of(row)), fitted.vectors[row], int(fitted.labels[row])
        shown = picture_path(fitted, row)
    pictures = search_images(fitted, vector, top_n=top + (row is not None), within=numbers, expand=True)
    pictures = [hit for hit in pictures if hit.index != row][:top]
    pictures.sort(key=lambda hit: -hit.similarity)
    if out is not None:
        draw_found(fitted, query, pictures, search_concepts(fitted, vector, top_n=N_FOUND), out, dark=dark)
    if as_json:
        from concept_memes.cli.documents import similar_document

        document = similar_document(fitted, shown, label, vector, pictures, known=row is not None)
        say_json({**document, "figure": out and str(out.absolute())})
    elif quiet:
        say_lines(picture_path(fitted, hit.index) for hit in pictures)
    else:
        from concept_memes.cli.tables import image_table

        title = next((f"concept {label} ({one.title})" for one in fitted.concepts if one.index == label), "no concept")
        say(f"{near_path(shown)}: {title}", "", image_table(fitted, pictures))
        if out is not None:
            say(f"Drawn: {out}", wrap=False)


def row_of(concept_set: ConceptSet, place: Path | Address, given: str) -> int | None:
    """Find a picture of the collection: by its file, its address, or the name that tables show.

    Parameters
    ----------
    concept_set : ConceptSet
    place : Path or Address
    given : str
        The same as it was typed.

    Returns
    -------
    int or None
        None for a new picture.

    Raises
    ------
    UnreadableImageError
        If it is nowhere, or could not be read.
    """
    from concept_memes.errors import UnreadableImageError
    from concept_memes.remote.kept_copies import shown_address

    if isinstance(place, Address):
        found = [row for row, image in enumerate(concept_set.images) if image.name == shown_address(place)]
    else:
        same_name = [
            row for row, image in enumerate(concept_set.images) if image.path and image.path.name == place.name
        ]
        there = os.path.realpath(place)
        paths = {row: concept_set.base_folder / str(concept_set.images[row].path) for row in same_name}
        found = [row for row, path in paths.items() if os.path.realpath(path) == there]
        if not found and not place.exists():
            found = [row for row, image in enumerate(concept_set.images) if image.name == given]
    if not found:
        if isinstance(place, Path) and not is_there(place):
            raise UnreadableImageError(given, "there is no such file, and no picture of the collection has this name")
        return None
    if not concept_set.images[found[0]].content_hash:
        reason = next((one.reason for one in concept_set.skipped if one.index == found[0]), "it could not be read")
        raise UnreadableImageError(given, reason)
    return found[0]


def draw_found(
    concept_set: ConceptSet,
    query: Query,
    pictures: list[ImageHit],
    concepts: list[ConceptHit],
    path: Path,
    *,
    dark: bool,
) -> None:
    """Draw what a query found into a file."""
    from concept_memes.figures.query import draw_query

    check_pictures(concept_set, [path])
    write_figures([draw_query(concept_set, query, pictures, concepts, theme="dark" if dark else "light")], path)
