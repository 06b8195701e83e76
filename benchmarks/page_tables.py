"""Write the tables of pages that come from results of benchmarks; a test says when they are out of date.

    python benchmarks/page_tables.py

A table stands between two comments: ``<!-- costs: meme-heap.json -->`` and ``<!-- end of costs -->``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parents[1] / "docs"
PAGES = (DOCS / "questions" / "fifty-thousand-memes.md", DOCS / "how" / "copies.md")
PLACE = re.compile(r"<!-- (?P<name>\w+): (?P<file>[\w-]+\.json) -->\n.*?<!-- end of (?P=name) -->", re.DOTALL)

# The stages as the page names them, in the order of the run; first those of `fit`.
STAGES = {
    "listing": "list the files",
    "hashing": "read and hash them",
    "embedding": "look: vectors",
    "copies": "find copies and templates",
    "reading": "read the texts",
    "text vectors": "compare the texts",
    "concepts": "cluster",
    "words": "nouns and said words",
    "said words": "of these, said words",
    "explorer": "write the explorer",
    "first search": "first search in texts",
    "next search": "the next one",
    "sort": "file away, as links",
    "save": "save",
    "load": "load again",
}
# Stages whose work is not the pictures'.
OF_NO_PICTURE = ("listing", "first search", "next search", "save", "load")
# What copies are called on the page; those of `meme_variants.py` that go through more than one hand are put together.
KINDS = {
    "recompressed": "recompressed",
    "resized": "resized",
    "bordered": "with a border",
    "watermarked": "with a small watermark",
    "mirrored": "mirrored",
    "flipped": "flipped",
    "rotated": "turned by up to 5 degrees",
    "quarter_turned": "turned by a quarter or two",
    "cropped": "cropped by 5 to 15 %",
}


def cost_table(figures: dict) -> str:
    """Write the table of costs as the page has it."""
    cold, warm = figures["cold"], figures["warm"]
    n = cold["n_files"]
    rows = ["| stage | the first time | pictures/s | the second time | memory so far |", "|---|---|---|---|---|"]
    memory = memory_by_stage(cold)
    for stage, name in STAGES.items():
        if stage not in cold["seconds"]:
            continue
        first, second = cold["seconds"][stage], warm["seconds"][stage]
        rate = f"{n / first:,.0f}" if first >= 1 and stage not in OF_NO_PICTURE else ""
        rows.append(f"| {name} | {seconds(first)} | {rate} | {seconds(second)} | {memory.get(stage, '')} |")
    fits = [run["seconds_of_fit"] for run in (cold, warm)]
    rows.append(f"| **`fit` in all** | {seconds(fits[0])} | {n / fits[0]:,.0f} | {seconds(fits[1])} | |")
    return "\n".join(rows)


def memory_by_stage(run: dict) -> dict[str, str]:
    """Find the memory at the end of each stage; those of `fit` are known by what it says of its progress."""
    names = {
        "hashing": "reading files", "embedding": "embedding", "copies": "looking for copies",
        "reading": "reading texts", "concepts": "choosing exemplars", "words": "ranking words",
    }  # fmt: skip
    peaks = run["peak_mib"]
    found = {stage: peaks.get(stage) or peaks.get(f"fit: {names.get(stage)}") for stage in STAGES}
    return {stage: f"{mib:,} MiB" for stage, mib in found.items() if mib}


def seconds(number: float) -> str:
    if number >= 120:
        return f"{number / 60:.0f} min" if number >= 600 else f"{number / 60:.1f} min"
    return f"{number:.0f} s" if number >= 10 else f"{number:.1f} s" if number >= 0.1 else f"{number * 1000:.0f} ms"


def found_table(figures: dict) -> str:
    """Write the table of what was found as the page has it."""
    run = figures["cold"]
    copies, templates, concepts, texts, search = (
        run["found"][name] for name in ("copies", "templates", "concepts", "texts", "search")
    )
    rows = [
        ("files", f"{run['n_files']:,}, of {run['n_different_contents']:,} different contents"),
        ("different pictures", f"{run['n_different_pictures']:,}"),
        (
            "copies",
            f"{copies['n_copies']:,} of {copies['n_true']:,}: precision {copies['precision']:.3f}, "
            f"recall {copies['recall']:.3f} of all pairs; {copies['wrong_groups']} of {copies['n_groups']:,} groups "
            "hold another caption",
        ),
        ("templates", f"adjusted Rand index {templates['ari']:.3f} against the {templates['n_true']} true ones"),
        (
            "concepts",
            f"{concepts['n']}, purity {concepts['purity']:.3f}; {concepts['memes_in_none']:.0%} of the memes in none",
        ),
        ("texts", f"mean match {texts['match']:.3f}; {texts['at_least_0.9']:.0%} of the captions at least 0.9"),
        (
            f"what says “{search['word']}”",
            f"{search['n_found']:,} files: precision {search['precision']:.3f}, recall {search['recall']:.3f}",
        ),
        ("the explorer", f"{run['explorer_mb']:.0f} MB in one file"),
    ]
    return "\n".join(["| what | found |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def copies_table(figures: dict) -> str:
    """Write the table of how well copies are found, beside a perceptual hash."""
    variants = figures["copies"]["variants"]
    ours, hashed = variants["ours"], next(value for name, value in variants.items() if name.startswith("perceptual"))
    rows = ["| copies | found | precision | perceptual hash: found | precision |", "|---|---|---|---|---|"]
    kinds = {**KINDS, **{kind: kind.replace("_", ", ") for kind in ours["kinds"] if kind not in KINDS}}
    for kind, name in kinds.items():
        if kind in ours["kinds"]:
            cells = [run["kinds"][kind][what] for run in (ours, hashed) for what in ("recall", "precision")]
            rows.append(f"| {name} | {' | '.join(map(share, cells))} |")
    cells = [run[what] for run in (ours, hashed) for what in ("recall", "precision")]
    rows.append(f"| **all pairs** | {' | '.join(map(share, cells))} |")
    return "\n".join(rows)


def share(number: float | None) -> str:
    return "" if number is None else f"{number:.3f}"


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "costs": cost_table,
    "found": found_table,
    "copies": copies_table,
}


def with_tables(page: str, figures_of: Callable[[str], dict[str, Any] | None]) -> str:
    """Put the tables into a page.

    Parameters
    ----------
    page : str
    figures_of : callable
        The name of a result -> its figures; None where there are none: then the table stays.

    Returns
    -------
    str
    """

    def table(place: re.Match[str]) -> str:
        figures = figures_of(place["file"])
        if figures is None:
            return place[0]
        written = TABLES[place["name"]](figures)
        return f"<!-- {place['name']}: {place['file']} -->\n{written}\n<!-- end of {place['name']} -->"

    return PLACE.sub(table, page)


def stored(name: str) -> dict[str, Any] | None:
    """Return the figures of a result."""
    path = RESULTS / name
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def main() -> None:
    for page in PAGES:
        before = page.read_text("utf-8")
        after = with_tables(before, stored)
        if after != before:
            page.write_text(after, "utf-8")
            print(f"{page.name}: tables written")


if __name__ == "__main__":
    main()
