"""Mapping in threads that stay a little ahead of the caller."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from concept_memes.errors import UnreadableImageError

__all__ = ["AHEAD_PER_THREAD", "WorkerThreads", "attempt", "usable_processors"]

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

#: Results that may wait per thread: enough that no thread waits while the encoder works, few enough that what waits
#: stays a few megabytes.
AHEAD_PER_THREAD = 4


class WorkerThreads:
    """A few threads for work that waits for files or runs outside Python's lock, such as decoding.

    Parameters
    ----------
    n_threads : int, optional
        Two more than there are processors, eight at most, by default.

    Examples
    --------
    >>> with WorkerThreads(2) as workers:
    ...     list(workers.ahead(len, ["a", "bb", "ccc"]))
    [1, 2, 3]
    """

    def __init__(self, n_threads: int | None = None) -> None:
        self.n_threads = n_threads or min(8, (os.cpu_count() or 1) + 2)
        self._pool = ThreadPoolExecutor(self.n_threads, thread_name_prefix="concept-memes")

    def __enter__(self) -> WorkerThreads:
        return self

    def __exit__(self, *args: object) -> None:
        # What has not begun is dropped when the run is interrupted.
        self._pool.shutdown(wait=True, cancel_futures=True)

    def ahead(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Map in order, with few results waiting: memory must not grow with the number of pictures.

        Parameters
        ----------
        function : callable
            Runs in the threads.
        items : iterable
            Taken one by one, as far ahead as results may wait.

        Returns
        -------
        iterator
        """
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(self._pool.submit(function, item))
            if len(waiting) >= AHEAD_PER_THREAD * self.n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def attempt(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | UnreadableImageError:
    """Call a function; an unreadable picture is a result, not the end of the run.

    Returns
    -------
    object
        What the function gave, or the error.

    Examples
    --------
    >>> attempt(int, "7")
    7
    """
    try:
        return function(*args, **kwargs)
    except UnreadableImageError as error:
        return error


def usable_processors() -> int:
    """Return how many processors this process may use: as many threads as that for work that only computes."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
