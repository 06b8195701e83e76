"""The notebook runs from top to bottom and shows what it says it shows; it is stored without outputs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from concept_memes import HubFreeEncoder

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TOUR = NOTEBOOKS / "tour.ipynb"


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_outputs_are_cleared(path: Path) -> None:
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert code
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert {cell["execution_count"] for cell in code} == {None}


@pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason="the hub-free model is not installed")
def test_the_tour_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setattr("sys.path", [*sys.path])
    namespace: dict[str, Any] = {"__name__": "__main__"}
    sources = ["".join(cell["source"]) for cell in cells(TOUR) if cell["cell_type"] == "code"]
    try:
        for number, source in enumerate(sources):
            exec(compile(source, f"cell {number} of {TOUR.name}", "exec"), namespace)
        assert "80 of 80 images read with hub-free" in capsys.readouterr().out
        model = namespace["model"]
        assert namespace["labels"].shape == (80,)
        assert 15 <= len(model.concepts_) <= 25
        assert isinstance(namespace["figure"], Figure)
        kinds = dict(
            line.split("\t") for line in (namespace["folder"].parent / "stickers-truth.tsv").read_text().splitlines()
        )
        assert [kinds[hit.path.name] for hit in namespace["found"]].count("violin") >= 3
        assert namespace["like_it"][0].path == namespace["found"][0].path
        assert np.mean(namespace["new_labels"] >= 0) > 0.5
        assert namespace["loaded"].find_concepts("penguin", top_n=3) == namespace["hits"]
    finally:
        if "workspace" in namespace:
            namespace["workspace"].cleanup()
