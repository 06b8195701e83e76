"""``concept-memes search`` and ``concept-memes similar``: pictures by words, by pictures, and by sums of them."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, cast

import typer

from concept_memes.cli.checks import DUPLICATES, one_of
from concept_memes.cli.console import clean, note, say, say_json, say_lines
from concept_memes.cli.figure_files import check_figure, check_pictures, write_figures
from concept_memes.cli.options import Dark, Force, Json, Quiet, Saved, figure_option
from concept_memes.cli.query import (
    Address,
    Term,
    as_query,
    concept_numbers,
    is_there,
    parse_query,
    picture_at,
    unknown_parts,
)
from concept_memes.cli.saved import load

if TYPE_CHECKING:
    from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
    from concept_memes.figures.themes import ThemeName
    from concept_memes.model import ConceptModel
    from concept_memes.queries import Query

__all__ = ["search", "similar"]

N_FOUND = 5  # concepts that a search shows

Copies: TypeAlias = Literal["collapse", "keep"]
Figure = Annotated[Path | None, figure_option("none is drawn")]
Duplicates = Annotated[
    str | None,
    typer.Option(
        "--duplicates",
        metavar="HOW",
        help="collapse: a picture and its copies are shown once; keep: all are. By default as 'fit' did.",
        autocompletion=lambda: list(DUPLICATES),
    ),
]
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
    duplicates: Duplicates = None,
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
    numbers, copies = None if within is None else concept_numbers(within), copies_asked(duplicates)
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
    found, pictures = found_by(model, wanted, top, numbers, said_only=text, copies=copies)
    n_hidden = n_copies_of(model, pictures, numbers, copies)
    if out is not None:
        draw_found(model.concepts_, wanted, pictures, found, out, dark=dark, n_hidden=n_hidden)
    if not quiet and not text:
        note_unknown(model.concepts_, wanted)
    from concept_memes.cli.shown_places import picture_path

    if as_json:
        from concept_memes.cli.documents import search_document

        standard = found_by(model, wanted, top, numbers, said_only=text, copies=copies, scores="standard")
        document = search_document(model.concepts_, written, (found, pictures), standard)
        say_json({**document, "n_copies_hidden": n_hidden, "figure": out and str(out.absolute())})
    elif quiet:
        say_lines(picture_path(model.concepts_, hit.index) for hit in pictures)
    else:
        show_found(model.concepts_, wanted, found, pictures, said_only=text)
        say_hidden(n_hidden)
        if out is not None:
            say(f"Drawn: {out}", wrap=False)


def note_pictures(terms: list[Term]) -> None:
    """Say which words were taken for files."""
    for _, what in terms:
        if isinstance(what, Path):
            note(f"{clean(str(what))} is a file: looking for what is like this picture")


def note_unknown(concept_set: ConceptSet, query: Query) -> None:
    """Say which words the hub-free model is not known to know; others have learned what no list holds."""
    if concept_set.encoder_name != "hub-free":
        return
    texts = concept_set.texts
    if texts is not None:
        from concept_memes.text_search import index_of
    unsaid = [text for text in query.texts if texts is None or not index_of(texts).match(text).any()]
    if unknown := list(dict.fromkeys(part for text in unsaid for part in unknown_parts(text, concept_set.candidates))):
        words = ", ".join(f"“{clean(word)}”" for word in unknown)
        note(f"not in the vocabulary: {words}. What is found may have nothing to do with it")


def copies_asked(duplicates: str | None) -> Copies | None:
    """Read the value of --duplicates."""
    return None if duplicates is None else cast("Copies", one_of(duplicates, DUPLICATES, "--duplicates"))


def searched_set(model: ConceptModel, copies: Copies | None) -> tuple[ConceptSet, bool]:
    """Return what is searched, which knows its copies if they are hidden, and whether they are."""
    fitted = model.concepts_
    if copies == "collapse" and fitted.families is None:
        return replace(fitted, families=model.families_), True
    return fitted, copies != "keep" and fitted.families is not None


def n_copies_of(model: ConceptModel, pictures: list[ImageHit], within: list[int] | None, copies: Copies | None) -> int:
    """Count the copies of what was found that are hidden."""
    from concept_memes.fused_search import copies_of

    searched, once = searched_set(model, copies)
    return len(copies_of(searched, pictures, within)) if once else 0


def say_hidden(n_hidden: int) -> None:
    """Say that copies are hidden, and how to see them."""
    if n_hidden:
        from concept_memes.run_report import counted

        say("", f"{counted(n_hidden, 'copy', 'copies')} hidden; --duplicates keep shows all.")


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

    if said_only:
        show_said(concept_set, query, pictures)
        return
    known = {concept.index: concept for concept in concept_set.concepts}
    if concepts:
        scores = [hit.similarity for hit in concepts]
        say(concept_table(concept_set, [known[hit.concept] for hit in concepts], similarities=scores), "")
    say(image_table(concept_set, pictures, wanted=query.texts))


def show_said(concept_set: ConceptSet, query: Query, pictures: list[ImageHit]) -> None:
    """Show which pictures say it, and apart from them those that say some of it, or mean it."""
    from concept_memes.cli.tables import image_table
    from concept_memes.text_search import ALL_WORDS, index_of

    if not pictures:
        say("No picture says it.")
        return
    assert concept_set.texts is not None
    index = index_of(concept_set.texts)
    terms = [what for what, weight in query.terms if isinstance(what, str) and weight > 0]
    matches = [index.match(what) for what in terms]
    says = {hit.index for hit in pictures if any(match[hit.index] >= ALL_WORDS for match in matches)}
    written = [hit for hit in pictures if hit.index in says]
    others = [hit for hit in pictures if hit.index not in says]
    if written:
        say(image_table(concept_set, written, wanted=query.texts))
    if others:
        before = ["", "Not as it is written:"] if written else ["No picture says it as it is written; nearest:"]
        say(*before, "", image_table(concept_set, others, wanted=query.texts))


def found_by(
    model: ConceptModel,
    query: Query,
    top: int,
    within: list[int] | None,
    *,
    said_only: bool,
    copies: Copies | None = None,
    scores: Literal["cosine", "standard"] = "cosine",
) -> tuple[list[ConceptHit], list[ImageHit]]:
    """Find concepts and pictures."""
    text = True if said_only else None
    concepts = model.find_concepts(query, min(top, N_FOUND), text=text, scores=scores)
    pictures = model.find_images(query, top, text=text, within=within, scores=scores, duplicates=copies)
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
    duplicates: Duplicates = None,
    out: Figure = None,
    dark: Dark = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the pictures that are most like one.

    With --quiet: a path per line.
    """
    numbers, copies = None if within is None else concept_numbers(within), copies_asked(duplicates)
    place = picture_at(picture)
    if out is not None:
        check_figure(out, force=force)
    model = load(concepts)
    model.verbose = False
    fitted, once = searched_set(model, copies)
    row = row_of(fitted, place, picture)
    from concept_memes.assignment import assign_vectors
    from concept_memes.cli.shown_places import near_path, picture_path
    from concept_memes.concepts import ImageHit
    from concept_memes.fused_search import copies_of, once_each
    from concept_memes.queries import Query
    from concept_memes.search import search_concepts, search_images

    if row is None:
        query = as_query([(1.0, place)], model.cache)
        vector, shown = model.embed_query(query), picture if isinstance(place, Address) else str(place.absolute())
        label = int(assign_vectors(fitted, vector[None])[0])
    else:  # known by its vector, without the model that made it
        query, vector, label = Query(fitted.source_of(row)), fitted.vectors[row], int(fitted.labels[row])
        shown = picture_path(fitted, row)

    def nearest(n: int) -> list[ImageHit]:
        return search_images(fitted, vector, top_n=n, within=numbers, expand=True)

    most = top + (row is not None)
    pictures = once_each(fitted, nearest, most) if once else nearest(most)
    itself = [] if row is None else [ImageHit(None, 1.0, row, label)]
    same = {row} | (set(copies_of(fitted, itself).tolist()) if once else set())
    pictures = [hit for hit in pictures if hit.index not in same][:top]
    n_hidden = len(copies_of(fitted, [*pictures, *itself], numbers)) if once else 0
    pictures.sort(key=lambda hit: -hit.similarity)
    if out is not None:
        concepts_near = search_concepts(fitted, vector, top_n=N_FOUND)
        draw_found(fitted, query, pictures, concepts_near, out, dark=dark, n_hidden=n_hidden)
    if as_json:
        from concept_memes.cli.documents import similar_document

        document = similar_document(fitted, shown, label, vector, pictures, known=row is not None)
        say_json({**document, "n_copies_hidden": n_hidden, "figure": out and str(out.absolute())})
    elif quiet:
        say_lines(picture_path(fitted, hit.index) for hit in pictures)
    else:
        from concept_memes.cli.tables import image_table

        title = next((f"concept {label} ({one.title})" for one in fitted.concepts if one.index == label), "no concept")
        say(f"{near_path(shown)}: {title}", "", image_table(fitted, pictures))
        say_hidden(n_hidden)
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
    n_hidden: int,
) -> None:
    """Draw what a query found into a file."""
    from concept_memes.figures.query import draw_query

    check_pictures(concept_set, [path])
    theme: ThemeName = "dark" if dark else "light"
    write_figures([draw_query(concept_set, query, pictures, concepts, n_hidden=n_hidden, theme=theme)], path)
