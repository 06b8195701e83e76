"""The command line: parse, wire, print. What it says is put together in the modules beside it.

Everything heavy is imported inside the commands, so that ``concept-memes --help`` answers at once.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from concept_memes import __version__
from concept_memes.cli.cache import cache_app
from concept_memes.cli.checks import (
    check_cache,
    check_figure,
    check_out,
    check_report,
    granularity_of,
    separate_words,
    share_or_word,
    whole_numbers,
    whole_or_auto,
)
from concept_memes.cli.console import note, plain_speech, say, say_json, told_skipped
from concept_memes.cli.places import listed
from concept_memes.cli.query import concept_numbers, parse_query

if TYPE_CHECKING:
    from concept_memes.concepts import ConceptSet
    from concept_memes.model import ConceptModel
    from concept_memes.run_report import RunReport
    from concept_memes.sources import Listing

__all__ = ["app", "main"]

DEFAULT_FIGURE = Path("collage.png")
# The mark \b keeps the lines as they are.
HELP = """Find the concepts in a folder of pictures: groups that mean the same, named and searchable.

\b
  concept-memes fit photos/ --out concepts/
  concept-memes search concepts/ panda
  concept-memes show concepts/ -o collage.png
"""
N_SHOWN = 40  # concepts that fit shows
N_FOUND = 5  # concepts that a search shows


class PlainGroup(TyperGroup):
    """Runs the commands so that whatever happens inside is said in plain words."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 (typer's name for the type depends on its version)
        """Run a command."""
        with plain_speech(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)


def user_path(text: str) -> Path:
    """Read a path; the shell leaves the ~ of --out=~/concepts as it is."""
    return Path(os.path.expanduser(text))


app = typer.Typer(cls=PlainGroup, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
app.add_typer(cache_app, name="cache")

Saved = Annotated[Path, typer.Argument(parser=user_path, metavar="CONCEPTS", help="The folder that 'fit' saved into.")]
Places = Annotated[
    list[str],
    typer.Argument(metavar="IMAGES", help="Folders, files, archives, lists, addresses, or patterns in quotes."),
]
Hidden = Annotated[bool, typer.Option("--hidden", help="Look at hidden files and folders too.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    for stream in (sys.stdout, sys.stderr):
        # Consoles that cannot write 猫 get a question mark; an error would lose the result of an hour.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="concept-memes")


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        say(f"concept-memes {__version__}")
        raise typer.Exit


@app.callback(help=HELP)
def start(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, all warnings and the log.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Do nothing: `HELP` is what it says, and `PlainGroup` reads the options."""


@app.command()
def fit(
    images: Places,
    out: Annotated[
        Path,
        typer.Option(parser=user_path, metavar="FOLDER", help="Folder to save into; an older model there is replaced."),
    ],
    model: Annotated[
        str, typer.Option(metavar="NAME", help="auto, hub-free, a CLIP or SigLIP model, or a folder with one.")
    ] = "auto",
    min_size: Annotated[
        str, typer.Option(metavar="N", help="Fewest images that make a concept; auto grows with the collection.")
    ] = "auto",
    n_concepts: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Exactly so many concepts; by default as many as stand out.")
    ] = None,
    granularity: Annotated[
        str, typer.Option(metavar="HOW", help="coarse: half as many concepts; medium; fine: the smallest that hold.")
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
    collage: Annotated[
        Path | None, typer.Option(parser=user_path, metavar="FILE", help="Draw the concepts into this picture file.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(parser=user_path, metavar="FILE", help="Write what the run did into this .json file.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(parser=user_path, metavar="FOLDER", help="Keep vectors here, not in your cache.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Look up and keep no vectors.")] = False,
    hidden: Hidden = False,
    as_json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show warnings and errors only.")] = False,
) -> None:
    """Find the concepts of pictures, show them, and save them."""
    from concept_memes.cli.documents import fitted_document

    size, how_broad, left_out = whole_or_auto(min_size), granularity_of(granularity), share_or_word(outliers)
    expected = None if guide is None else separate_words(guide)
    check_out(out)
    if collage is not None:
        check_figure(collage)
    if report is not None:
        check_report(report)
    kept_in = check_cache(cache, no_cache)
    source = listed(images, hidden=hidden, cache=kept_in)  # before the model: a misspelt folder is known at once
    from concept_memes.model import ConceptModel

    fitted = ConceptModel(
        min_concept_size=size,
        n_concepts=n_concepts,
        granularity=how_broad,
        outliers=left_out,
        guide=expected,
        diversity=diversity,
        embedding_model=model,
        vocabulary=Path(words) if Path(words).is_file() else words,
        stop_words=stop_words,
        n_exemplars=exemplars,
        frames=frames,
        cache=kept_in,
        verbose=not quiet,
    )
    with told_skipped(f"; to see all: concept-memes info {shlex.quote(str(out))} --skipped"):
        fit_and_keep(fitted, source)
        fitted.save(out)
    if report is not None:
        write_report(fitted.report_, report)
    shown = not (as_json or quiet)
    if shown:
        show_fitted(fitted, out)
    if collage is not None:
        draw(fitted, collage, top=9, concepts=None)
    if as_json:
        document = fitted_document(fitted.concepts_, fitted.report_, fitted.get_params(deep=False), out)
        say_json({**document, "collage": None if collage is None else str(collage.absolute())})
    elif shown:
        show_next(fitted.concepts_, out, collage)


@app.command()
def search(
    concepts: Saved,
    query: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="What to look for: words, files, added with + or taken with -."),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(parser=user_path, metavar="FILE", help="Look for what is like this picture.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many images; of concepts, five at most.")] = 10,
    within: Annotated[
        str | None, typer.Option(metavar="N,N", help="Only images of these concepts, such as 3,7 or none.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the concepts and pictures nearest to words, to a picture, or to a sum: panda + ./a.jpg - 0.5:zoo."""
    from concept_memes.cli.documents import search_document

    numbers = None if within is None else concept_numbers(within)
    wanted, written = parse_query(query or (), image)
    model = load(concepts)
    model.verbose = False
    from concept_memes.search import search_concepts, search_images

    vector = model.embed_query(wanted)  # once: a picture is encoded anew where there is no cache
    found = search_concepts(model.concepts_, vector, top_n=min(top, N_FOUND))
    pictures = search_images(model.concepts_, vector, top_n=top, within=numbers, expand=wanted.has_picture)
    if as_json:
        say_json(search_document(model.concepts_, written, vector, found, pictures))
        return
    from concept_memes.cli.tables import concept_table, image_table, picture_path

    known = {concept.index: concept for concept in model.concepts_.concepts}
    if found:
        scores = [hit.similarity for hit in found]
        say(concept_table(model.concepts_, [known[hit.concept] for hit in found], similarities=scores), "")
    say(image_table((hit.similarity, hit.concept, picture_path(model.concepts_, hit.index)) for hit in pictures))


@app.command()
def show(
    concepts: Saved,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", parser=user_path, metavar="FILE", help="A .png, .jpg, .pdf or .svg file."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many concepts, from the largest.")] = 9,
    numbers: Annotated[
        str | None, typer.Option("--concepts", metavar="N,N", help="These concepts instead, such as 3,7.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help=f"Replace {DEFAULT_FIGURE}.")] = False,
) -> None:
    """Draw the concepts with their exemplars into a picture file."""
    chosen = None if numbers is None else whole_numbers(numbers)
    target = DEFAULT_FIGURE if out is None else out
    check_figure(target)
    if out is None and not force and os.path.lexists(target):
        note(f"{target} is there already. Name another file with -o, or replace it with --force.", "error")
        raise typer.Exit(1)
    draw(load(concepts), target, top=top, concepts=chosen)
    say(f"Drawn: {target}", wrap=False)


@app.command()
def assign(
    concepts: Saved,
    images: Places,
    hidden: Hidden = False,
    as_json: Json = False,
) -> None:
    """Find the concepts of new pictures."""
    from concept_memes.cli.documents import placed_document
    from concept_memes.cli.tables import placed_table

    model = load(concepts)
    source = listed(images, hidden=hidden, cache=model.cache)
    model.verbose = True
    with told_skipped() as skipped:
        labels = model.transform(source).tolist()
    reasons = {one.index: one.reason for one in skipped}
    if as_json:
        say_json(placed_document(model.concepts_, source.refs, labels, reasons))
    else:
        say(placed_table(model.concepts_, zip(source.refs, labels, strict=True), reasons))


@app.command()
def info(
    concepts: Saved,
    skipped: Annotated[bool, typer.Option("--skipped", help="List the files that could not be read.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is saved: the model, the counts, the concepts."""
    from concept_memes.cli.documents import fitted_document
    from concept_memes.cli.tables import concept_table, facts, facts_table, skipped_table

    model = load(concepts)
    document = fitted_document(model.concepts_, model.report_, model.get_params(deep=False), concepts)
    if as_json:
        say_json(document)
    elif skipped:
        say(skipped_table(model.report_.skipped) if model.report_.skipped else "Every image could be read.")
    else:
        say(facts_table(facts(document)), "", concept_table(model.concepts_, model.concepts_.concepts))


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


def write_report(report: RunReport, path: Path) -> None:
    """Write what a run did as JSON."""
    import json

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report.as_document(), indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> ConceptModel:
    """Load a saved model."""
    from concept_memes.persistence import read_document

    read_document(folder)  # a wrong folder is known at once, without the libraries that a model needs
    from concept_memes.model import ConceptModel

    return ConceptModel.load(folder)


def draw(model: ConceptModel, path: Path, *, top: int, concepts: list[int] | None) -> None:
    """Draw the collage into a file, but never over a picture of the collection."""
    found = model.concepts_
    own = (found.base_folder / image.path for image in found.images if image.path is not None)
    if path.exists() and any(os.path.realpath(picture) == os.path.realpath(path) for picture in own):
        note(f"{path} is one of the pictures of the collection; nothing was drawn. Name another file.", "error")
        raise typer.Exit(1)
    figure = model.visualize_concepts(top_n=top, concepts=concepts)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def show_fitted(model: ConceptModel, out: Path) -> None:
    """Show what fit found."""
    from concept_memes.cli.tables import concept_table, summary

    found = model.concepts_
    if len(found):
        say(concept_table(found, found.concepts[:N_SHOWN]))
    if len(found) > N_SHOWN:
        say(f"... and {len(found) - N_SHOWN} smaller: concept-memes info {shlex.quote(str(out))}", wrap=False)
    say("", summary(found, model.report_))
    say(f"Saved: {out}", wrap=False)


def show_next(found: ConceptSet, out: Path, collage: Path | None) -> None:
    """Show what was drawn, and what can be done with the concepts."""
    if collage is not None:
        say(f"Drawn: {collage}", wrap=False)
    if not len(found):
        say("No concept was found. Smaller groups count with --min-size 2; more pictures help too.")
        return
    folder = shlex.quote(str(out))
    say("", "Next:")
    if word := next((concept.words[0] for concept in found.concepts if concept.words), None):
        say(f"  concept-memes search {folder} {shlex.quote(word)}", wrap=False)
    if collage is None:
        say(f"  concept-memes show {folder} -o collage.png", wrap=False)
    say(f"  concept-memes assign {folder} NEW_IMAGES", wrap=False)
