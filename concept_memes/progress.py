"""How far a run is: bars on a terminal and in notebooks, a callback for programs, silence elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, TypeAlias, TypeVar

__all__ = ["OnProgress", "Progress", "ProgressEvent"]

QUICK = 0.3  # seconds; the bars of stages that take less are wiped away, they would only be in the way

T = TypeVar("T")
Advance: TypeAlias = Callable[[int], None]


@dataclass(frozen=True)
class ProgressEvent:
    """How far one stage of a run is.

    Attributes
    ----------
    stage : str
        What is going on, such as "embedding".
    done : int
        Items that are done; 1 at the end of a stage whose length nobody knows.
    total : int or None
        How many there are; None for a stage whose length nobody knows.
    seconds : float
        Since the stage began.

    Examples
    --------
    >>> event = ProgressEvent("embedding", 30, 120, 2.0)
    >>> event.rate, event.remaining
    (15.0, 6.0)
    """

    stage: str
    done: int
    total: int | None
    seconds: float

    @property
    def rate(self) -> float | None:
        """Items per second; None as long as it cannot be told."""
        return self.done / self.seconds if self.total is not None and self.done and self.seconds > 0 else None

    @property
    def remaining(self) -> float | None:
        """Seconds that are left at this rate; None as long as it cannot be told."""
        return None if self.rate is None or self.total is None else (self.total - self.done) / self.rate


#: What programs give to be told.
OnProgress: TypeAlias = Callable[[ProgressEvent], object]


@dataclass(frozen=True)
class Progress:
    """Tells how far a run is, to whoever wants to know.

    Parameters
    ----------
    verbose : bool, default=True
        Draw bars on the standard error stream, if that is a terminal or a notebook.
    callback : callable, optional
        Called with a :class:`ProgressEvent` at the start of each stage and after each step. What it raises ends the
        run.
    last_line : bool, default=True
        Whether `conclude` draws, too.

    Examples
    --------
    >>> seen = []
    >>> list(Progress(verbose=False, callback=seen.append).track("ab", "reading", total=2))
    ['a', 'b']
    >>> [(event.stage, event.done, event.total) for event in seen]
    [('reading', 0, 2), ('reading', 1, 2), ('reading', 2, 2)]
    """

    verbose: bool = True
    callback: OnProgress | None = None
    last_line: bool = True

    @property
    def shown(self) -> bool:
        """Whether anything is drawn."""
        return self.verbose and sys.stderr is not None and (sys.stderr.isatty() or in_notebook())

    @contextmanager
    def counter(self, what: str, *, total: int, unit: str = "img") -> Iterator[Advance]:
        """Tell how far a stage of known length is: a bar with rate and time left.

        Parameters
        ----------
        what : str
            What is going on.
        total : int
            How many items there are; nothing is told where there is none.
        unit : str, default="img"
            What the items are.

        Yields
        ------
        callable
            To be called with how many more items are done.
        """
        done, start = 0, time.perf_counter()
        bar = self._bar(desc=what, total=total, unit=unit) if total else None

        def advance(n: int = 1) -> None:
            nonlocal done
            done += n
            if bar is not None:
                bar.update(n)
            if total:
                self._tell(what, done, total, start)

        try:
            if total:
                self._tell(what, 0, total, start)
            yield advance
        finally:
            wipe_or_leave(bar, start)

    def track(self, items: Iterable[T], what: str, *, total: int, unit: str = "img") -> Iterator[T]:
        """Pass the items on and tell how far they are; takes what `counter` takes."""
        with self.counter(what, total=total, unit=unit) as advance:
            for item in items:
                yield item
                advance(1)

    @contextmanager
    def stage(self, what: str) -> Iterator[None]:
        """Tell of a step whose length nobody knows: its name while it runs, its time afterwards."""
        start = time.perf_counter()
        self._tell(what, 0, None, start)
        bar = self._bar(desc=what, total=1, bar_format="{desc} {elapsed}")
        try:
            yield
            if bar is not None:
                bar.update()
        finally:
            wipe_or_leave(bar, start)
        self._tell(what, 1, None, start)

    def conclude(self, line: str) -> None:
        """Draw the last line of a run, where bars are drawn."""
        if self.shown and self.last_line:
            from tqdm import tqdm

            tqdm.write(line, file=sys.stderr)

    def _tell(self, what: str, done: int, total: int | None, start: float) -> None:
        if self.callback is not None:
            self.callback(ProgressEvent(what, done, total, time.perf_counter() - start))

    def _bar(self, **settings: Any) -> Any:  # noqa: ANN401 (tqdm's class depends on where it draws)
        """Make a bar; None where nothing is drawn."""
        if not self.shown:
            return None
        if in_notebook() and find_spec("ipywidgets") is not None:
            from tqdm.notebook import tqdm as notebook_bar

            return notebook_bar(**{**settings, "bar_format": None})
        from tqdm import tqdm

        return tqdm(dynamic_ncols=True, file=sys.stderr, **settings)


def wipe_or_leave(bar: Any, start: float) -> None:  # noqa: ANN401 (tqdm's class depends on where it draws)
    """Close a bar; one of a quick stage goes."""
    if bar is not None:
        bar.leave = time.perf_counter() - start >= QUICK
        bar.close()


@cache
def in_notebook() -> bool:
    """Tell whether the code runs in a notebook's kernel, whose standard error is no terminal but is read by people."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})
