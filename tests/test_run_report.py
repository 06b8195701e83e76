from __future__ import annotations

import platform
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path

import numpy as np
import pytest
from figuresets import shapes_set

from concept_memes import run_report
from concept_memes.concepts import SkippedImage
from concept_memes.findings import PictureTexts
from concept_memes.run_report import PACKAGES, RunReport, Stopwatch, package_versions

REPORT = RunReport(
    n_images=10,
    n_read=7,
    n_copies=2,
    n_other_files=1,
    skipped=(
        SkippedImage(Path("a"), 0, "missing"),
        SkippedImage(Path("b"), 1, "truncated or damaged: its header makes no sense"),
        SkippedImage(Path("c"), 2, "truncated or damaged: image file is truncated"),
    ),
    encoder_name="colors",
    encoder_fingerprint="colors/1",
    seconds={"embedding": 1.25, "words": 0.04},
    versions={"python": "3.11"},
)


def test_reasons_are_counted_without_their_details() -> None:
    assert list(REPORT.reasons().items()) == [("truncated or damaged", 2), ("missing", 1)]


def test_the_text_tells_what_happened() -> None:
    assert str(REPORT).splitlines() == [
        "7 of 10 images read with colors",
        "2 copies of other images",
        "1 other files in the folder",
        "2 skipped: truncated or damaged",
        "1 skipped: missing",
        "embedding 1.2 s, words 0.0 s",
    ]


def test_near_copies_are_told_apart_in_the_text_and_counted_with_the_others_in_the_summary() -> None:
    report = replace(REPORT, n_near_copies=3)
    assert "3 near copies of other images (recompressed, resized ...)" in str(report).splitlines()
    assert "5 copies of others" in report.summary(shapes_set())


@pytest.mark.parametrize(("n_concepts", "n_read", "told"), [(1, 24, True), (1, 23, False), (2, 99, False)])
def test_a_collection_that_did_not_come_apart_is_told_of(n_concepts: int, n_read: int, told: bool) -> None:
    report = replace(REPORT, n_read=n_read, n_copies=2, n_near_copies=1)
    advice = report.no_grouping(shapes_set([(("circle",), 8)] * n_concepts))
    assert ("No grouping of the 21 different images stands out" in advice) == told
    assert ("n_concepts=5" in advice) == told
    assert "text_weight" not in advice


def test_where_there_is_no_concept_smaller_ones_are_advised() -> None:
    assert "min_concept_size=2" in replace(REPORT, n_read=24).no_grouping(shapes_set([]))
    assert replace(REPORT, n_read=22).no_grouping(shapes_set([])) == ""


@pytest.mark.parametrize(("weight", "told"), [(0.0, False), (0.5, True), (1.0, False)])
def test_where_texts_count_beside_looks_one_of_them_alone_is_advised(weight: float, told: bool) -> None:
    found = shapes_set([(("circle",), 8)])
    n = len(found.images)
    found = replace(found, texts=PictureTexts(("a",) * n, "eyes", weight, "letters", np.ones((n, 1), np.float32)))
    advice = replace(REPORT, n_read=40).no_grouping(found)
    assert ("text_weight=0 or text_weight=1" in advice) == told


def test_the_text_is_silent_about_what_did_not_happen() -> None:
    report = replace(REPORT, n_read=10, n_copies=0, n_other_files=0, skipped=(), encoder_name="", seconds={"words": 2})
    assert str(report).splitlines() == ["10 of 10 images read with given vectors", "words 2.0 s"]


def test_a_report_cannot_be_changed_and_turns_into_plain_data() -> None:
    with pytest.raises(FrozenInstanceError):
        REPORT.n_read = 3  # type: ignore[misc]
    assert RunReport(**{**asdict(REPORT), "skipped": REPORT.skipped}) == REPORT


def test_a_stopwatch_adds_up_the_seconds_of_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 11.5, 20.0, 20.25, 30.0, 33.0])
    monkeypatch.setattr(run_report.time, "perf_counter", lambda: next(times))
    watch = Stopwatch()
    for stage in ("read", "read", "words"):
        with watch.stage(stage):
            pass
    assert watch.seconds == {"read": 1.75, "words": 3.0}


def test_a_stage_that_fails_is_timed_too() -> None:
    watch = Stopwatch()
    with pytest.raises(RuntimeError, match="failed"), watch.stage("read"):
        raise RuntimeError("failed")
    assert watch.seconds["read"] >= 0


def test_two_stopwatches_share_nothing() -> None:
    with Stopwatch().stage("read"):
        pass
    assert Stopwatch().seconds == {}


def test_versions_are_those_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = package_versions()
    assert set(versions) == {"python", *PACKAGES}
    assert versions["python"] == platform.python_version()
    assert versions["numpy"] == np.__version__
    monkeypatch.setattr(run_report, "PACKAGES", ("no-such-package-of-ours",))
    assert package_versions()["no-such-package-of-ours"] == "not installed"
