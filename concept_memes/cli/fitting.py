"""``concept-memes fit``: pictures -> a saved model, and what was found."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from concept_memes.cli.checks import (
    DUPLICATES,
    GRANULARITIES,
    check_cache,
    check_ocr,
    check_out,
    check_reports,
    one_of,
    one_or_more,
    separate_words,
    share_or_word,
    weight_or_auto,
    whole_or_auto,
)
from concept_memes.cli.console import note, say, say_json, spoken, told_skipped
from concept_memes.cli.drawing import N_COLLAGE, draw_collage
from concept_memes.cli.encoder_choice import PRECISIONS, check_placement, encoder_of, recipe_of
from concept_memes.cli.figure_files import check_figure
from concept_memes.cli.options import Force, Hidden, Json, Places, Quiet, user_path
from concept_memes.cli.places import listed
from concept_memes.cli.reporting import opener

if TYPE_CHECKING:
    from concept_memes.concepts import ConceptSet
    from concept_memes.model import ConceptModel
    from concept_memes.run_report import RunReport
    from concept_memes.sources import Listing

__all__ = ["fit"]

N_SHOWN = 40  # concepts that fit shows


def fit(
    images: Places,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            parser=user_path,
            metavar="FOLDER",
            help="Folder to save into; an older model there is replaced.",
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="auto, hub-free, a CLIP or SigLIP model, or a folder with one; cnn, keras:vgg16 know no words.",
            autocompletion=lambda: ["auto", "hub-free", "clip-ViT-B-32", "cnn-hub-free", "keras:vgg16"],
        ),
    ] = "auto",
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Where the model runs: auto, cpu, cuda, cuda:1, mps, xpu.")
    ] = "auto",
    precision: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="auto, fp32, fp16, bf16, or int8, which is twice as fast on a CPU.",
            autocompletion=lambda: list(PRECISIONS),
        ),
    ] = "auto",
    batch_size: Annotated[
        str, typer.Option(metavar="N", help="Images at a time; auto is what suits the device.")
    ] = "auto",
    min_size: Annotated[
        str, typer.Option(metavar="N", help="Fewest images that make a concept; auto grows with the collection.")
    ] = "auto",
    n_concepts: Annotated[
        int | None,
        typer.Option(
            parser=one_or_more, metavar="N", help="Exactly so many concepts; by default as many as stand out."
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Work as people know it from elsewhere: cnn-kmeans; give --n-concepts with it.",
            autocompletion=lambda: ["cnn-kmeans"],
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="CNN of that recipe: auto, vgg16, inception-v3 or hub-free.",
            autocompletion=lambda: ["auto", "vgg16", "inception-v3", "hub-free"],
        ),
    ] = None,
    granularity: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="coarse: half as many concepts; medium; fine: the smallest that hold.",
            autocompletion=lambda: list(GRANULARITIES),
        ),
    ] = "medium",
    outliers: Annotated[
        str, typer.Option(metavar="HOW", help="auto, keep, assign, or the largest share to leave out, such as 0.05.")
    ] = "auto",
    guide: Annotated[
        str | None, typer.Option(metavar="WORDS", help="What you expect, such as 'cat,dog': steers where it fits.")
    ] = None,
    diversity: Annotated[
        float, typer.Option(min=0, max=1, metavar="X", help="Exemplars: 0 the most typical, 1 the most different.")
    ] = 0.3,
    words: Annotated[
        str, typer.Option(metavar="WORDS", help="Candidate words: nouns, wordnet, or a file with one per line.")
    ] = "nouns",
    stop_words: Annotated[
        Path | None, typer.Option(parser=user_path, metavar="FILE", help="Words that name no concept, one per line.")
    ] = None,
    exemplars: Annotated[int, typer.Option(min=1, metavar="N", help="Images that stand for a concept.")] = 8,
    frames: Annotated[
        int, typer.Option(min=1, metavar="N", help="Most frames of an animation that are looked at.")
    ] = 8,
    ocr: Annotated[
        bool, typer.Option("--ocr/--no-ocr", help="Read the texts in the images (Chinese, English).")
    ] = False,
    text_weight: Annotated[
        str, typer.Option(metavar="W", help="How much texts count: 0 the looks alone, 1 the texts alone, or auto.")
    ] = "auto",
    text_model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What compares texts: auto, tower, ngrams, or a sentence-transformers model.",
            autocompletion=lambda: ["auto", "tower", "ngrams"],
        ),
    ] = "auto",
    duplicates: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="collapse: copies of an image count once and are shown once; keep.",
            autocompletion=lambda: list(DUPLICATES),
        ),
    ] = "collapse",
    collage: Annotated[
        Path | None, typer.Option(parser=user_path, metavar="FILE", help="Draw the concepts into this picture file.")
    ] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            parser=user_path,
            metavar="FILE",
            help="Write a page to look through (.html), or what the run did (.json); may be given twice.",
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(parser=user_path, metavar="FOLDER", help="Keep vectors here, not in your cache.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Look up and keep no vectors.")] = False,
    hidden: Hidden = False,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the concepts of pictures, show them, and save them."""
    weight, copies = weight_or_auto(text_weight), one_of(duplicates, DUPLICATES, "--duplicates")
    check_ocr(ocr, weight, text_model)
    size, left_out = whole_or_auto(min_size), share_or_word(outliers)
    how_broad = one_of(granularity, GRANULARITIES, "--granularity")
    expected = None if guide is None else separate_words(guide)
    n_at_once = check_placement(device, precision, batch_size)
    encoder, by_recipe = recipe_of(recipe, network, model)
    check_out(out, force=force)
    if collage is not None:
        check_figure(collage, force=force)
    page, record = check_reports(report or [], out, force=force)
    kept_in = check_cache(cache, no_cache)
    source = listed(images, hidden=hidden, cache=kept_in)  # before the model: a misspelt folder is known at once
    note_left_behind(out, source)
    from concept_memes.model import ConceptModel

    fitted = ConceptModel(
        min_concept_size=size,
        n_concepts=n_concepts,
        granularity=how_broad,
        outliers=left_out,
        guide=expected,
        diversity=diversity,
        embedding_model=encoder_of(encoder, device=device, precision=precision, batch_size=n_at_once),
        **by_recipe,
        vocabulary=Path(words) if Path(words).is_file() else words,
        stop_words=stop_words,
        n_exemplars=exemplars,
        ocr=ocr,
        text_weight=weight,
        text_model=text_model,
        duplicates=copies,
        frames=frames,
        cache=kept_in,
        verbose=False if quiet else "bars",  # the last line stands under the table
    )
    with told_skipped(f"; to see all: concept-memes info {shlex.quote(str(out))} --skipped"):
        fit_and_keep(fitted, source)
        if page is not None:
            _ = fitted.positions_  # made here, so that they are saved: the page needs them, and so does the map
        fitted.save(out)
    if record is not None:
        write_record(fitted.report_, record)
    shown = not (as_json or quiet)
    if shown:
        show_fitted(fitted, out)
    drawn = [] if collage is None else draw_collage(fitted, collage, N_COLLAGE, force=force)
    if shown and drawn:
        say(f"Drawn: {drawn[0]}", wrap=False)
    if page is not None:
        fitted.save_report(page)
    if as_json:
        from concept_memes.cli.documents import fitted_document

        document = fitted_document(fitted.concepts_, fitted.report_, fitted.get_params(deep=False), out)
        written = {"collage": collage, "page": page}
        say_json({**document, **{what: path and str(path.absolute()) for what, path in written.items()}})
    elif shown:
        show_next(fitted.concepts_, out, page, drawn=bool(drawn))


def note_left_behind(out: Path, source: Listing) -> None:
    """Say that pictures of the model that is replaced are not among those given: an update may have brought them."""
    from concept_memes.persistence import MAIN_FILE, read_document

    if not (out / MAIN_FILE).is_file():
        return
    document = read_document(out)
    given = {os.path.abspath(ref.path) for ref in source.refs if ref.path is not None}
    before = (os.path.join(document["base_folder"], path) for _, path, _ in document["images"] if path is not None)
    n_left = sum(os.path.abspath(path) not in given and os.path.isfile(path) for path in before)
    if n_left:
        note(
            f"{out} has {n_left} pictures that are not among these; the new concepts go without them. To keep them and "
            f"add what is new: concept-memes update {shlex.quote(str(out))} IMAGES"
        )


def fit_and_keep(model: ConceptModel, source: Listing) -> None:
    """Fit, and say what is left of it when it is stopped."""
    try:
        model.fit(source)
    except KeyboardInterrupt:
        from concept_memes.cache import open_cache

        with open_cache(model.cache) as cache:
            if cache.enabled:
                note("what was embedded by now is kept: the same command goes on from there")
        raise


def write_record(report: RunReport, path: Path) -> None:
    """Write what a run did as JSON."""
    import json

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report.as_document(), indent=2) + "\n", encoding="utf-8")


def show_fitted(model: ConceptModel, out: Path) -> None:
    """Show what fit found."""
    from concept_memes.cli.tables import concept_table

    found = model.concepts_
    if len(found):
        say(concept_table(found, found.concepts[:N_SHOWN]))
    if len(found) > N_SHOWN:
        say(f"... and {len(found) - N_SHOWN} smaller: concept-memes info {shlex.quote(str(out))}", wrap=False)
    say("", model.report_.summary(found))
    if len(found) and model.n_concepts is None and (advice := model.report_.no_grouping(found)):
        say(spoken(advice))
    say(f"Saved: {out}", wrap=False)


def show_next(found: ConceptSet, out: Path, page: Path | None, *, drawn: bool) -> None:
    """Say where the page is, and what can be done with the concepts."""
    if page is not None:
        say(f"Written: {page}", wrap=False)
    if not len(found):
        say("No concept was found. Smaller groups count with --min-size 2; more pictures help too.")
        return
    folder = shlex.quote(str(out))
    say("", "Next:")
    if page is not None:
        say(f"  {opener()} {shlex.quote(str(page))}", wrap=False)
    if word := next((concept.words[0] for concept in found.concepts if concept.words), None):
        say(f"  concept-memes search {folder} {shlex.quote(word)}", wrap=False)
    if word := next((concept.said[0] for concept in found.concepts if concept.said), None):
        say(f"  concept-memes search {folder} {shlex.quote(word)} --text", wrap=False)
    if page is None:
        say(f"  concept-memes report {folder}", wrap=False)
    if not drawn:
        say(f"  concept-memes show {folder} -o collage.png", wrap=False)
    if found.families is not None and found.families.n_copies:
        say(f"  concept-memes copies {folder}", wrap=False)
    say(f"  concept-memes assign {folder} NEW_IMAGES", wrap=False)
