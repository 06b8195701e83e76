"""Tables that the command line shows: concepts, pictures, the facts of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from concept_memes.cli.console import clean, skipped_place
from concept_memes.concepts import Concept, ConceptSet, SkippedImage
from concept_memes.remote.kept_copies import is_address
from concept_memes.run_report import RunReport
from concept_memes.sources.image_refs import ImageRef

__all__ = [
    "concept_table",
    "facts",
    "facts_table",
    "image_table",
    "near_path",
    "picture_path",
    "placed_table",
    "skipped_table",
    "summary",
]

N_WORDS = 5
NONE = "none"  # what stands for the concept of a picture that is in none


def picture_path(concept_set: ConceptSet, index: int) -> str:
    """Return where a picture of the collection is: an absolute path, its address, or its name if it came as pixels."""
    image = concept_set.images[index]
    return image.name if image.path is None or is_address(image.name) else str(concept_set.base_folder / image.path)


def near_path(path: str | Path) -> str:
    """Return a path as short as it can be from the current folder, and an address as it is."""
    if is_address(str(path)):
        return str(path)
    path, here = Path(path), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


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


def image_table(hits: Iterable[tuple[float, int, str]]) -> Table:
    """Make a table of pictures that a search found: (similarity, concept, path) each."""
    table = plain_table()
    table.add_column("similarity", justify="right")
    table.add_column("concept", justify="right")
    table.add_column("image", overflow="fold", ratio=1)
    for similarity, concept, path in hits:
        table.add_row(f"{similarity:.3f}", number(concept), clean(near_path(path)))
    return table


def placed_table(concept_set: ConceptSet, placed: Iterable[tuple[ImageRef, int]], reasons: Mapping[int, str]) -> Table:
    """Make a table of new pictures: path, concept and its words, or why a picture could not be read."""
    known = {concept.index: concept for concept in concept_set.concepts}
    table = plain_table()
    table.add_column("concept", justify="right")
    table.add_column("words", overflow="fold", ratio=2)
    table.add_column("image", overflow="fold", ratio=3)
    for ref, label in placed:
        reason = Text(clean(reasons.get(ref.index, "")), "yellow")
        place = ref.name if ref.url is not None or ref.path is None else str(ref.path)
        table.add_row(number(label), Text(clean(known[label].title)) if label in known else reason, clean(place))
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
    report = (("read", "n_read"), ("copies of others", "n_copies"), ("in no concept", "n_in_none"))
    counts = [f"{document[key]} {what}" for what, key in report if document[key]]
    counts += [f"{len(document['skipped'])} skipped"] if document["skipped"] else []
    counts += [f"{counted(document['n_other_files'], 'other file')} beside them"] if document["n_other_files"] else []
    set_ones = {name: value for name, value in document["parameters"].items() if value not in (None, False)}
    return {
        "model": document["model"] or "none, the vectors were given",
        "images": f"{document['n_images']}: {', '.join(counts)}",
        "concepts": str(document["n_concepts"]),
        "parameters": ", ".join(f"{name}={value}" for name, value in set_ones.items() if name != "verbose"),
        "seconds": ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in document["seconds"].items()),
        "versions": ", ".join(f"{package} {version}" for package, version in document["versions"].items()),
    }


def summary(concept_set: ConceptSet, report: RunReport) -> str:
    """Say in one sentence what fitting found."""
    n_none = report.n_read - sum(concept.size for concept in concept_set.concepts)
    parts = [counted(len(concept_set), "concept")]
    parts += [f"{n_none} {'image' if n_none == 1 else 'images'} in none"] if n_none else []
    parts += [f"{counted(report.n_copies, 'copy', 'copies')} of others"] if report.n_copies else []
    parts += [f"{counted(report.n_other_files, 'other file')} left aside"] if report.n_other_files else []
    if report.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in report.reasons().items())
        parts.append(f"{len(report.skipped)} skipped ({reasons})")
    read = counted(report.n_read, "image")
    return f"{read} read with {report.encoder_name} in {sum(report.seconds.values()):.0f} s: {', '.join(parts)}."


def counted(n: int, one: str, many: str = "") -> str:
    """Write a number and what is counted.

    Examples
    --------
    >>> counted(1, "image"), counted(0, "image"), counted(2, "copy", "copies")
    ('1 image', '0 images', '2 copies')
    """
    return f"{n} {one if n == 1 else many or one + 's'}"


def plain_table() -> Table:
    """Make an empty table in the house style: a line under the heads, nothing else."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")


def words_of(concept: Concept) -> Text:
    """Write the name of a concept, if it has one, and its best words."""
    name, words = clean(concept.name), clean(", ".join(concept.sure_words[:N_WORDS]))
    if not name:
        return Text(words) if words else Text("(no words)", "dim")
    return Text.assemble((name, "bold"), f": {words}" if words else "")


def number(label: int) -> str:
    """Write the number of a concept."""
    return NONE if label < 0 else str(label)
