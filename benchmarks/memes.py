"""Measure what the package makes of memes: reading, copies and variants, clustering and queries by look and text.

    python benchmarks/memes.py --data FOLDER [--only reading copies ...] [--out RESULT.json]

FOLDER holds `memes/` (a sub-folder per theme), `meme_captions.tsv` (file, caption), `meme_templates/` (blank templates)
and `photos/` (a sub-folder per class). Each section is a module beside this one, which says what it measures; the
figures of sections that are not run stay in the file as they were.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from pathlib import Path

from concept_memes.run_report import package_versions

RESULTS = Path(__file__).parent / "results" / "memes.json"
SECTIONS = {
    "reading": "meme_reading",
    "copies": "meme_copies",
    "clusters": "meme_clusters",
    "queries": "meme_queries",
    "recipe": "meme_recipe",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    figures = json.loads(arguments.out.read_text("utf-8")) if arguments.out.is_file() else {}
    for section in arguments.only:
        start = time.perf_counter()
        measured = importlib.import_module(SECTIONS[section]).measure(arguments.data)
        figures[section] = {**measured, "versions": package_versions()}
        print(f"{section}: {time.perf_counter() - start:.0f} s")
        print(json.dumps(measured, ensure_ascii=False, indent=1))
        arguments.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
