"""Tables that the command line shows: concepts, pictures, the facts of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from concept_memes.cli.console import clean, skipped_place
from concept_memes.cli.shown_places import near_path, picture_path, place_of
from concept_memes.concepts import Assignment, Concept, ConceptSet, ImageHit, SkippedImage
from concept_memes.run_report import counted
from concept_memes.sources.image_refs import ImageRef

__all__ = [
    "assigned_table",
    "concept_table",
    "excerpt",
    "facts",
    "facts_table",
    "image_table",
    "skipped_table",
]

N_WORDS, N_SAID = 5, 3
NONE = "none"  # what stands for the concept of a picture that is in none


def concept_table(
    concept_set: ConceptSet, concepts: Iterable[Concept], *, similarities: Sequence[float] | None = None
) -> Table:
    """Make a table of concepts.

    Parameters
    ----------
    concept_set : ConceptSet
    concepts : iterable of Concept
        What to show, in this order.
    similarities : sequence of float, optional
        One per concept, after a search; they stand in the place of the typical picture.

    Returns
    -------
    Table
        Number, (similarity,) pictures, words, the name of the most typical picture.
    """
    table = plain_table()
    table.add_column("concept", justify="right")
    if similarities is not None:
        table.add_column("similarity", justify="right")
    table.add_column("images", justify="right")
    table.add_column("words", overflow="fold", ratio=3)
    if similarities is None:
        table.add_column("for example", overflow="fold", ratio=2)
    for row, concept in enumerate(concepts):
        cells: list[RenderableType] = [str(concept.index), str(concept.size), words_of(concept)]
        if similarities is None:
            name = concept_set.images[concept.exemplars[0]].name if concept.exemplars else ""
            cells.append(Text(clean(name), "dim"))
        else:
            cells.insert(1, f"{similarities[row]:.3f}")
        table.add_row(*cells)
    return table


def image_table(concept_set: ConceptSet, hits: Iterable[ImageHit], *, wanted: Sequence[str] = ()) -> Table:
    """Make a table of pictures that a search found: similarity, concept, path, and what they say if texts were read.

    Parameters
    ----------
    concept_set : ConceptSet
    hits : iterable of ImageHit
    wanted : sequence of str, optional
        What was looked for, to be seen in long texts.

    Returns
    -------
    Table
    """
    texts = concept_set.texts
    table = plain_table()
    table.add_column("similarity", justify="right")
    table.add_column("concept", justify="right")
    table.add_column("image", overflow="fold", ratio=3)
    if texts is not None:
        table.add_column("says", overflow="fold", ratio=2)
    for hit in hits:
        path = near_path(picture_path(concept_set, hit.index))
        cells = [f"{hit.similarity:.3f}", number(hit.concept), clean(path)]
        table.add_row(*cells, *([] if texts is None else [clean(excerpt(texts.texts[hit.index], wanted))]))
    return table


def excerpt(text: str, wanted: Sequence[str] = (), length: int = 48) -> str:
    r"""Write a text in one line; of a long one the part with what was looked for, else the beginning.

    Parameters
    ----------
    text : str
    wanted : sequence of str, optional
    length : int, default=48
        Most characters.

    Returns
    -------
    str

    Examples
    --------
    >>> excerpt("no more\novertime"), excerpt("all work and no play makes Jack a dull boy", ["JACK"], 20)
    ('no more / overtime', '...s Jack a dull boy')
    """
    line = " / ".join(text.split("\n"))
    if len(line) <= length:
        return line
    folded = line.casefold()
    at = next((place for word in wanted if (place := folded.find(word.casefold())) >= 0), 0)
    start = min(max(0, at - length // 4), len(line) - length)
    part = line[start : start + length]
    part = f"...{part[3:]}" if start else part
    return f"{part[:-3]}..." if start + length < len(line) else part


def assigned_table(concept_set: ConceptSet, placed: Iterable[tuple[ImageRef, Assignment]]) -> Table:
    """Make a table of new pictures: concept, confidence, its words or why a picture could not be read, path."""
    known = {concept.index: concept for concept in concept_set.concepts}
    table = plain_table()
    table.add_column("concept", justify="right")
    table.add_column("confidence", justify="right")
    table.add_column("words", overflow="fold", ratio=2)
    table.add_column("image", overflow="fold", ratio=3)
    for ref, found in placed:
        sure = f"{found.confidence:.2f}" if found.label in known else ""
        what = Text(clean(known[found.label].title)) if found.label in known else Text(clean(found.reason), "yellow")
        table.add_row(number(found.label), sure, what, clean(near_path(place_of(ref))))
    return table


def skipped_table(skipped: Iterable[SkippedImage]) -> Table:
    """Make a table of pictures that could not be read, with the reasons."""
    table = plain_table()
    table.add_column("image", overflow="fold", ratio=2)
    table.add_column("reason", overflow="fold", ratio=3)
    for one in skipped:
        table.add_row(skipped_place(one), clean(one.reason))
    return table


def facts_table(facts: Mapping[str, str]) -> Table:
    """Make a table of names and values."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, clean(value))
    return table


def facts(document: Mapping[str, Any]) -> dict[str, str]:
    """Write the facts of a fitted model (what ``info --json`` prints) in words."""
    counts = [f"{document['n_read']:,} read"]
    n_copies = document["n_copies"] + document["n_near_copies"]
    counts += [f"{counted(n_copies, 'copy', 'copies')} of others"] if n_copies else []
    counts += [f"{document['n_in_none']:,} in no concept"] if document["n_in_none"] else []
    counts += [f"{len(document['skipped']):,} skipped"] if document["skipped"] else []
    counts += [f"{counted(document['n_other_files'], 'other file')} beside them"] if document["n_other_files"] else []
    findings = {}
    if (texts := document["texts"]) is not None:
        how = f"; {texts['encoder']} count {texts['weight']:g} beside the looks" if texts["weight"] else ""
        many = counted(texts["n_images"], "image says", "images say")
        findings["texts"] = f"{many} something, read by {texts['reader']}{how}"
    if (copies := document["copies"]) is not None:
        told = [counted(copies["n_copies"], "copy", "copies"), counted(copies["n_templates"], "template")]
        findings["copies"] = f"{told[0]}; {told[1]} with {counted(copies['n_variants'], 'variant')}"
    set_ones = {name: value for name, value in document["parameters"].items() if value not in (None, False)}
    return {
        "model": document["model"] or "none, the vectors were given",
        "images": f"{document['n_images']:,}: {', '.join(counts)}",
        "concepts": str(document["n_concepts"]),
        **findings,
        "parameters": ", ".join(f"{name}={value}" for name, value in set_ones.items() if name != "verbose"),
        "seconds": ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in document["seconds"].items()),
        "versions": ", ".join(f"{package} {version}" for package, version in document["versions"].items()),
    }


def plain_table() -> Table:
    """Make an empty table in the house style: a line under the heads, nothing else."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")


def words_of(concept: Concept) -> Text:
    """Write the name of a concept, if it has one, its best words, and what its pictures say."""
    said = [f"“{word}”" for word in concept.said[:N_SAID]]
    name, words = clean(concept.name), clean(" ".join([", ".join(concept.sure_words[:N_WORDS]), *said]).strip())
    if not name:
        return Text(words) if words else Text("(no words)", "dim")
    return Text.assemble((name, "bold"), f": {words}" if words else "")


def number(label: int) -> str:
    """Write the number of a concept."""
    return NONE if label < 0 else str(label)
