"""Progress bars on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Progress"]

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """Draws bars on the standard error stream if that is a terminal and somebody wants them.

    Parameters
    ----------
    verbose : bool, default=True
        False draws nothing, ever.

    Examples
    --------
    >>> list(Progress(verbose=False).track([1, 2], "reading", total=2))
    [1, 2]
    """

    verbose: bool = True

    @property
    def shown(self) -> bool:
        """Whether anything is drawn."""
        return self.verbose and sys.stderr is not None and sys.stderr.isatty()

    def track(self, items: Iterable[T], what: str, *, total: int) -> Iterator[T]:
        """Pass the items on and draw how far they are.

        Parameters
        ----------
        items : iterable
        what : str
            What is going on, to stand before the bar.
        total : int
            How many items will come.
        """
        if not self.shown:
            yield from items
            return
        from tqdm import tqdm

        yield from tqdm(items, desc=what, total=total, unit="img", leave=True, dynamic_ncols=True)

    @contextmanager
    def stage(self, what: str) -> Iterator[None]:
        """Draw one line for a step whose length nobody knows: its name while it runs, its time afterwards."""
        if not self.shown:
            yield
            return
        from tqdm import tqdm

        with tqdm(total=1, desc=what, bar_format="{desc} {elapsed}", leave=True) as bar:
            yield
            bar.update()
