"""Who may download next: a few threads for all hosts, few at once per host, none for hosts that do not answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

__all__ = ["Lanes", "host_of"]

T = TypeVar("T")


@dataclass
class _Lane:
    """The downloads of one host."""

    n_running: int = 0
    waiting: deque[tuple[Future[Any], Callable[[], Any]]] = field(default_factory=deque)
    n_silent: int = 0


class Lanes:
    """Threads for downloads. Those of a busy host wait in its lane and hold no thread, so that others go on.

    Parameters
    ----------
    n_threads : int
        Downloads at once.
    per_host : int
        Downloads from one host at once.
    give_up_after : int
        After so many downloads in a row without an answer a host is given up.

    Examples
    --------
    >>> lanes = Lanes(4, 2, 8)
    >>> future = Future()
    >>> lanes.submit("example.org", future, lambda: "the picture")
    >>> future.result()
    'the picture'
    >>> lanes.close()
    """

    def __init__(self, n_threads: int, per_host: int, give_up_after: int) -> None:
        self.n_threads, self._per_host, self._give_up_after = n_threads, per_host, give_up_after
        self._lock = threading.Lock()
        self._lanes: dict[str, _Lane] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False

    def submit(self, host: str, future: Future[T], function: Callable[[], T]) -> None:
        """Run a function when it is its host's turn, and hand its result to the future.

        Parameters
        ----------
        host : str
        future : Future
            A new one. Cancelling it before its turn drops the function.
        function : callable
        """
        with self._lock:
            lane = self._lanes.setdefault(host, _Lane())
            lane.waiting.append((future, function))
            self._start_next(host, lane)
            dropped = list(lane.waiting) if self._closed else []
        for waiting, _ in dropped:
            waiting.cancel()

    def is_given_up(self, host: str) -> bool:
        """Tell whether a host has been silent too often.

        Parameters
        ----------
        host : str

        Returns
        -------
        bool
        """
        with self._lock:
            lane = self._lanes.get(host)
            return lane is not None and lane.n_silent >= self._give_up_after

    def heard_of(self, host: str, *, answered: bool) -> None:
        """Take note of how a download ended.

        Parameters
        ----------
        host : str
        answered : bool
            Whether there was an answer, be it a refusal.
        """
        with self._lock:
            lane = self._lanes.setdefault(host, _Lane())
            lane.n_silent = 0 if answered else lane.n_silent + 1

    def close(self) -> None:
        """Drop what waits; what runs is not waited for."""
        with self._lock:
            self._closed = True
            dropped = [future for lane in self._lanes.values() for future, _ in lane.waiting]
            for lane in self._lanes.values():
                lane.waiting.clear()
            pool = self._pool
        for future in dropped:
            future.cancel()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=False)  # each runs, and finds that it is stopped

    def _start_next(self, host: str, lane: _Lane) -> None:
        """Hand the next of a lane to the threads, with the lock held."""
        while lane.waiting and lane.n_running < self._per_host and not self._closed:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.n_threads, thread_name_prefix="concept-memes-fetch")
            lane.n_running += 1
            future, function = lane.waiting.popleft()
            self._pool.submit(self._run, host, lane, future, function)

    def _run(self, host: str, lane: _Lane, future: Future[T], function: Callable[[], T]) -> None:
        try:
            if future.set_running_or_notify_cancel():
                try:
                    result = function()
                except BaseException as error:  # whoever waits for the future gets it, whatever it is
                    future.set_exception(error)
                else:
                    future.set_result(result)
        finally:
            with self._lock:
                lane.n_running -= 1
                self._start_next(host, lane)


def host_of(address: str) -> str:
    """Return what addresses of one server have in common.

    Parameters
    ----------
    address : str

    Returns
    -------
    str

    Examples
    --------
    >>> host_of("https://me:secret@Example.org:8000/cat.jpg"), host_of("s3://bucket/cat.jpg")
    ('https://example.org:8000', 's3://bucket')
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()
