from __future__ import annotations

import io
import os
import re
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from concept_memes import ConceptModel
from concept_memes.errors import InvalidParameterError
from concept_memes.progress import Progress, ProgressEvent
from concept_memes.testing import ColorEncoder, color_images

NEEDED = ("fcntl", "pty", "termios")  # of the standard library, but not on Windows


def drawn_on_terminal(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> str:
    """Do something while the standard error stream is a terminal; return what was drawn there."""
    fcntl, pty, termios = (pytest.importorskip(name, reason="no pseudo-terminals here") for name in NEEDED)
    outer, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # a new one has no size
    with os.fdopen(inner, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        work()
        terminal.write("end")
        terminal.flush()
        text = ""
        while not text.endswith("end"):
            text += os.read(outer, 65536).decode()
        monkeypatch.undo()
    os.close(outer)
    return text.removesuffix("end")


def work_with(progress: Progress) -> Callable[[], object]:
    def work() -> None:
        assert list(progress.track(iter("abc"), "reading pictures", total=3)) == ["a", "b", "c"]
        with progress.stage("naming concepts"):
            pass

    return work


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave bars of quick stages, too."""
    monkeypatch.setattr("concept_memes.progress.QUICK", 0)


@pytest.mark.usefixtures("at_once")
def test_bars_are_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn_on_terminal(monkeypatch, work_with(Progress()))
    assert "reading pictures" in text
    assert "3/3" in text
    assert "naming concepts" in text


def test_a_bar_is_there_at_once_and_gone_after_a_quick_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawn_on_terminal(monkeypatch, lambda: next(Progress().track([1, 2], "reading pictures", total=2)))
    assert "0/2" in drawn
    assert drawn.endswith("\r")
    assert drawn.split("\r")[-2].strip() == ""


@pytest.mark.usefixtures("at_once")
def test_nothing_is_drawn_for_those_who_want_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn_on_terminal(monkeypatch, work_with(Progress(verbose=False))) == ""


def test_nothing_is_drawn_into_files_and_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    work_with(Progress())()
    assert file.getvalue() == ""


def test_a_program_without_standard_error_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    work_with(Progress())()


def test_nothing_goes_to_standard_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    drawn_on_terminal(monkeypatch, work_with(Progress()))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verbose", [True, False])
def test_items_are_taken_one_at_a_time(monkeypatch: pytest.MonkeyPatch, verbose: bool) -> None:
    taken = []

    def work() -> None:
        items = Progress(verbose=verbose).track((taken.append(i) or i for i in range(5)), "reading", total=5)
        next(items)
        assert taken == [0]
        items.close()

    drawn_on_terminal(monkeypatch, work)
    assert taken == [0]


@pytest.mark.parametrize("verbose", [True, False])
def test_an_error_inside_a_stage_is_passed_on(monkeypatch: pytest.MonkeyPatch, verbose: bool) -> None:
    def work() -> None:
        with pytest.raises(RuntimeError, match="failed"), Progress(verbose=verbose).stage("naming"):
            raise RuntimeError("failed")

    drawn_on_terminal(monkeypatch, work)


@pytest.mark.usefixtures("at_once")
def test_a_bar_tells_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        with Progress().counter("embedding", total=4) as advance:
            for _ in range(4):
                time.sleep(0.06)  # tqdm draws ten times a second at most
                advance(1)

    drawn = drawn_on_terminal(monkeypatch, work)
    assert re.search(r"embedding: +\d+%.*[1-3]/4 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+img/s\]", drawn)


def test_a_program_is_told_of_each_step_and_of_the_time_left() -> None:
    seen: list[ProgressEvent] = []
    progress = Progress(verbose=False, callback=seen.append)
    with progress.counter("embedding", total=3) as advance:
        advance(2)
        advance(1)
    with progress.stage("clustering"):
        pass
    assert [(event.stage, event.done, event.total) for event in seen] == [
        ("embedding", 0, 3), ("embedding", 2, 3), ("embedding", 3, 3), ("clustering", 0, None), ("clustering", 1, None)
    ]  # fmt: skip
    first, second, last = seen[:3]
    assert first.rate is None
    assert first.remaining is None
    assert second.rate == pytest.approx(2 / second.seconds)
    assert second.remaining == pytest.approx(second.seconds / 2)
    assert last.remaining == 0
    assert (seen[-1].rate, seen[-1].remaining) == (None, None)


def test_stages_without_items_are_not_told() -> None:
    seen: list[ProgressEvent] = []
    with Progress(verbose=False, callback=seen.append).counter("fetching", total=0):
        pass
    assert seen == []


def fitted_with(callback: Callable[[ProgressEvent], object], **more: Any) -> ConceptModel:
    settings = {"cache": False, "verbose": False, **more}
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"], progress=callback, **settings)
    return model.fit(color_images(["red", "blue"], 4))


def test_a_fit_tells_of_all_its_stages() -> None:
    seen: list[ProgressEvent] = []
    fitted_with(seen.append)
    stages = list(dict.fromkeys(event.stage for event in seen))
    assert stages == [
        "reading files", "embedding", "looking for copies", "comparing pictures", "clustering", "choosing exemplars",
        "encoding words", "ranking words",
    ]  # fmt: skip
    ends = {event.stage: event for event in seen}
    counted = ("reading files", "embedding", "encoding words")
    assert [(ends[stage].done, ends[stage].total) for stage in counted] == [(8, 8), (8, 8), (2, 2)]


def test_a_callback_can_stop_a_run_and_what_was_embedded_stays(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(event: ProgressEvent) -> None:
        if event.stage == "clustering":
            raise StopError

    with pytest.raises(StopError):
        fitted_with(stop, cache=tmp_path)
    model = fitted_with(lambda event: None, cache=tmp_path)
    assert (model.report_.n_cached, model.report_.n_encoded) == (8, 0)


def test_a_fit_ends_with_one_line_of_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawn_on_terminal(monkeypatch, lambda: fitted_with(lambda event: None, verbose=True))
    last = drawn.strip().splitlines()[-1].strip()
    assert re.fullmatch(r"8 images read with colors in \d+ s: 2 concepts\.", last)


def test_bars_alone_leave_the_line_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "images read" not in drawn_on_terminal(monkeypatch, lambda: fitted_with(print, verbose="bars"))


def test_the_callback_is_not_saved_and_not_missed(tmp_path: Path) -> None:
    fitted_with(lambda event: None).save(tmp_path / "concepts")
    assert ConceptModel.load(tmp_path / "concepts", embedding_model=ColorEncoder()).progress is None  # and no warning


def test_something_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="progress='bar'"):
        ConceptModel(progress="bar").fit(color_images(["red"], 3))  # type: ignore[arg-type]


def test_notebooks_get_a_bar_and_the_line(tmp_path: Path) -> None:
    cell = (
        "import concept_memes.progress\n"
        "concept_memes.progress.QUICK = 0\n"
        "from concept_memes import ConceptModel\n"
        "from concept_memes.testing import ColorEncoder, color_images\n"
        "model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=['red', 'blue'], cache=False)\n"
        "model.fit(color_images(['red', 'blue'], 4)); None"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    shown = "".join(output.get("text", "") for output in notebook.cells[0].outputs if output.get("name") == "stderr")
    assert re.search(r"embedding: 100%.*8/8", shown)
    assert "8 images read with colors" in shown
