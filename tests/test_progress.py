from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Callable

import pytest

from concept_memes.progress import Progress

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


def test_bars_are_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn_on_terminal(monkeypatch, work_with(Progress()))
    assert "reading pictures" in text
    assert "3/3" in text
    assert "naming concepts" in text


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
