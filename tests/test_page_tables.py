"""What pages say of benchmarks is what was measured."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
PAGE = """Before.

<!-- costs: heap.json -->
| old |
<!-- end of costs -->

<!-- found: heap.json -->
<!-- end of found -->

<!-- copies: memes.json -->
| kept |
<!-- end of copies -->
After.
"""


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module("page_tables")


def test_tables_of_the_pages_are_those_of_the_results(tables: ModuleType) -> None:
    for page in tables.PAGES:
        text = page.read_text(encoding="utf-8")
        assert list(tables.PLACE.finditer(text))
        assert tables.with_tables(text, tables.stored) == text, "run benchmarks/page_tables.py"


def test_costs_and_what_was_found_are_put_where_the_page_wants_them(tables: ModuleType) -> None:
    groups = {"n_groups": 4_000, "wrong_groups": 3, "wrong_groups_of_photos": 0}
    run = {
        "n_files": 20_100,
        "n_different_contents": 19_000,
        "n_different_pictures": 10_000,
        "seconds_of_fit": 1805.0,
        "seconds": {"hashing": 4.02, "reading": 1500.0, "sort": 0.0421},
        "peak_mib": {"fit: reading texts": 1200, "sort": 1300},
        "explorer_mb": 118.2,
        "found": {
            "copies": {"n_copies": 9_000, "n_true": 9_100, "precision": 0.9991, "recall": 0.95, **groups},
            "templates": {"n_true": 60, "ari": 0.9712},
            "concepts": {"n": 64, "purity": 0.99, "memes_in_none": 0.02},
            "texts": {"match": 0.961, "at_least_0.9": 0.88},
            "search": {"word": "coffee", "n_found": 300, "precision": 1.0, "recall": 0.97},
        },
    }
    warm = {**run, "seconds_of_fit": 62.0, "seconds": {**run["seconds"], "reading": 0.31}}
    page = tables.with_tables(PAGE, {"heap.json": {"cold": run, "warm": warm}}.get)
    assert "| old |" not in page
    assert "| kept |" in page
    assert (page[:8], page[-7:]) == ("Before.\n", "After.\n")
    assert "| read the texts | 25 min | 13 | 0.3 s | 1,200 MiB |" in page
    assert "| file away, as links | 42 ms |  | 42 ms | 1,300 MiB |" in page
    assert "| **`fit` in all** | 30 min | 11 | 62 s | |" in page
    assert "| files | 20,100, of 19,000 different contents |" in page
    assert "| copies | 9,000 of 9,100: precision 0.999, recall 0.950 of all pairs; 3 of 4,000 groups hold " in page
    assert tables.with_tables(page, {"heap.json": {"cold": run, "warm": warm}}.get) == page


def test_copies_stand_beside_a_perceptual_hash(tables: ModuleType) -> None:
    ours = {"recall": 0.97, "precision": 0.999, "kinds": {"mirrored": {"recall": 0.9, "precision": 1.0}}}
    hashed = {"recall": 0.5, "precision": 0.2, "kinds": {"mirrored": {"recall": 0.0, "precision": None}}}
    figures = {"copies": {"variants": {"ours": ours, "perceptual_hash_within_10_of_64": hashed}}}
    page = tables.with_tables(PAGE, {"memes.json": figures}.get)
    assert "| mirrored | 0.900 | 1.000 | 0.000 |  |\n| **all pairs** | 0.970 | 0.999 | 0.500 | 0.200 |" in page
