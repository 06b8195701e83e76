"""Copies of what has an address: fetched by many threads, kept for the next run.

A copy appears under its name in one step, when all of it has come and its first bytes are those of a picture. So a copy
that is there is whole, whoever else fetches at the same time. Failures are not kept: the next run asks again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from concept_memes.errors import InvalidParameterError, UnreadableImageError
from concept_memes.remote.content_kinds import N_FIRST_BYTES, ContentKind, content_kind, no_picture, picture_is_whole
from concept_memes.remote.copy_folder import CopyFolder, is_there
from concept_memes.remote.downloading import DownloadError, Judge, Limits, Received
from concept_memes.remote.downloads import MAX_TEXT_BYTES, Downloads
from concept_memes.remote.fetch_lanes import Lanes, host_of
from concept_memes.remote.http_session import Work
from concept_memes.remote.kept_copies import kept_path, shown_address

__all__ = ["Fetcher", "Looked"]

logger = logging.getLogger(__name__)

_AHEAD_PER_THREAD = 8


@dataclass(frozen=True)
class Looked:
    """What is behind an address that may be anything.

    Attributes
    ----------
    kind : str
        "picture", "page" (HTML), "archive", or "list" (text, CSV, Parquet).
    path : Path
        The copy. Those of pictures and archives are kept for the next run; those of pages and lists, which change, are
        replaced each time.
    address : str
        Where it came from in the end, after redirects: what relative links are relative to.
    content_type : str
        What the server said it is; "" if it said nothing or was not asked.
    """

    kind: ContentKind
    path: Path
    address: str
    content_type: str


class Fetcher:
    """Fetches what has an address into a folder of copies. Use it as a context, so that its threads end.

    http(s) goes through requests, with the proxies and certificates of the environment; all else through fsspec.

    - Broken connections, time-outs, 429 and 5xx are tried again, after a pause that grows; ``Retry-After`` up to half a
      minute is obeyed. Other answers are final.
    - At most five redirects are followed, to http(s) only, and from a public server never to this machine or into a
      private network. Addresses that the caller gives may lead anywhere.
    - After `give_up_after` addresses in a row for which a server did not answer, it is not asked any more.
    - An address that failed is not asked again by the same fetcher.

    Parameters
    ----------
    folder : Path
        Where copies are kept; made when the first one comes.
    n_threads : int, default=16
        Downloads at once.
    timeout : float, default=30.0
        Seconds for a connection, and between one byte and the next.
    deadline : float, default=120.0
        Seconds for one address altogether, attempts and pauses included. Other protocols than http(s) look at the clock
        between one block and the next only: fsspec's own time-outs count within.
    max_bytes : int, default=100,000,000
        Size of a picture.
    n_retries : int, default=3
        Attempts after the first.
    per_host : int, default=4
        Downloads from one host at once.
    backoff : float, default=0.5
        Seconds before the second attempt; each pause is twice the one before.
    give_up_after : int, default=8
        Addresses without an answer, one after another.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Fetcher(Path(folder), n_retries=0) as fetcher:
    ...     fetcher.fetch("http://127.0.0.1:9/cat.jpg")  # nobody listens there
    Traceback (most recent call last):
    concept_memes.errors.UnreadableImageError: http://127.0.0.1:9/cat.jpg: the server cannot be reached
    """

    def __init__(
        self,
        folder: Path,
        *,
        n_threads: int = 16,
        timeout: float = 30.0,
        deadline: float = 120.0,
        max_bytes: int = 100_000_000,
        n_retries: int = 3,
        per_host: int = 4,
        backoff: float = 0.5,
        give_up_after: int = 8,
    ) -> None:
        for name, value, least in (
            ("n_threads", n_threads, 1),
            ("max_bytes", max_bytes, 1),
            ("n_retries", n_retries, 0),
            ("per_host", per_host, 1),
            ("give_up_after", give_up_after, 1),
        ):
            if value < least:
                raise InvalidParameterError(name, value, f"at least {least}")
        for name, seconds in (("timeout", timeout), ("deadline", deadline)):
            if not seconds > 0:
                raise InvalidParameterError(name, seconds, "a number of seconds above 0")
        self.folder = folder
        self.n_threads = n_threads
        #: What brings the bytes; it fetches texts too, which are not kept.
        self.downloads = Downloads(
            Limits(timeout, deadline, max_bytes, n_retries, backoff), Lanes(n_threads, per_host, give_up_after)
        )
        self._copies = CopyFolder(folder)
        self._lock = threading.Lock()
        self._under_way: dict[str, _Job] = {}
        self._failed: dict[str, str] = {}

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End what is under way; no thread is waited for."""
        self.downloads.close()

    def fetch(self, address: str) -> Path:
        """Return the copy of a picture; at once if it is kept.

        Parameters
        ----------
        address : str

        Returns
        -------
        Path

        Raises
        ------
        UnreadableImageError
            With a short reason: "not found (404)", "timed out after 30 s", "a web page came, not a picture", ...
        MissingExtraError
            If the package for that protocol is not installed.
        """
        return self.start(address).result()

    def start(self, address: str) -> Future[Path]:
        """Begin to fetch a picture in the background.

        Parameters
        ----------
        address : str

        Returns
        -------
        Future of Path
            With the errors of `fetch`. An address that is under way is not asked for twice.
        """
        return self._start(address).future

    def fetch_all(self, addresses: Iterable[str]) -> Iterator[tuple[str, Path | UnreadableImageError]]:
        """Fetch pictures at the same time, politely.

        Parameters
        ----------
        addresses : iterable of str
            Taken one by one, as far ahead as copies may wait.

        Yields
        ------
        tuple of (str, Path or UnreadableImageError)
            Each address with its copy or the reason why there is none, in the order given.

        Raises
        ------
        MissingExtraError
            If the package for a protocol is not installed.
        """
        waiting: deque[_Job] = deque()
        try:
            for address in addresses:
                waiting.append(self._start(address))
                if len(waiting) >= _AHEAD_PER_THREAD * self.n_threads:
                    yield _outcome(waiting[0])
                    waiting.popleft()
            while waiting:
                yield _outcome(waiting[0])
                waiting.popleft()
        finally:
            for job in waiting:  # none, unless the caller stopped
                job.future.cancel()
                job.work.stop()

    def refuse(self, address: str, reason: str) -> None:
        """Let an address fail without asking for it.

        Parameters
        ----------
        address : str
        reason : str
            Such as "robots.txt forbids it".
        """
        with self._lock:
            self._failed[address] = reason

    def look(self, address: str, *, max_bytes: int = 20_000_000_000, deadline: float = 7200.0) -> Looked:
        """Fetch what may be anything: a picture, a web page, an archive or a list.

        Parameters
        ----------
        address : str
        max_bytes : int, default=20,000,000,000
            Size of an archive or a list.
        deadline : float, default=7200.0
            Seconds for all of it.

        Returns
        -------
        Looked

        Raises
        ------
        UnreadableImageError
            Also if it is none of these.
        MissingExtraError
            If the package for that protocol is not installed.
        """
        kept = kept_path(self.folder, address)
        if is_there(kept):
            with open(kept, "rb") as copy:
                return Looked(content_kind(copy.read(N_FIRST_BYTES)), kept, address, "")
        kinds: list[ContentKind] = []  # of each attempt

        def judge(first_bytes: bytes, content_type: str) -> int | None:
            kinds.append(content_kind(first_bytes, content_type))
            if kinds[-1] == "other":
                reason = no_picture(first_bytes, content_type) or "something else came"
                raise DownloadError(reason.replace("not a picture", "no picture, page, archive or list"))
            least = {"picture": self.downloads.limits.max_bytes, "page": MAX_TEXT_BYTES}.get(kinds[-1], max_bytes)
            return min(least, max_bytes)

        limits = replace(self.downloads.limits, max_bytes=max_bytes, deadline=deadline)
        with self._copies.arriving() as (file, temporary):
            received = self._receive(address, file, Work(deadline), limits, judge)
            file.close()
            if kinds[-1] in ("page", "list"):
                kept = kept_path(self.folder / "changing", address)
            self._copies.keep(temporary, kept, address)
        return Looked(kinds[-1], kept, received.address, received.content_type)

    def _start(self, address: str) -> _Job:
        kept = kept_path(self.folder, address)
        if is_there(kept):
            return _Job.ended(address, kept)
        with self._lock:
            if self.downloads.is_closed:
                raise RuntimeError("The fetcher is closed: make another one.")
            if address in self._failed:
                return _Job.ended(address, UnreadableImageError(shown_address(address), self._failed[address]))
            job = self._under_way.get(address)
            if job is not None and not job.work.is_stopped:
                return job
            job = self._under_way[address] = _Job(address, Future(), Work(self.downloads.limits.deadline))
        self.downloads.lanes.submit(host_of(address), job.future, lambda: self._bring(job))
        job.future.add_done_callback(lambda _: self._forget(job))
        return job

    def _forget(self, job: _Job) -> None:
        with self._lock:
            if self._under_way.get(job.address) is job:
                del self._under_way[job.address]

    def _bring(self, job: _Job) -> Path:
        """Fetch one picture; runs in the threads."""
        kept = kept_path(self.folder, job.address)

        def judge(first_bytes: bytes, content_type: str) -> None:
            reason = no_picture(first_bytes, content_type)
            if reason is not None:
                raise DownloadError(reason)

        with self._copies.arriving() as (file, temporary):
            received = self._receive(job.address, file, job.work, self.downloads.limits, judge)
            file.close()
            if not received.is_sure and not picture_is_whole(temporary.read_bytes()):
                raise self._failure(job.address, DownloadError("cut off before its end"), job.work)
            self._copies.keep(temporary, kept, job.address)
        return kept

    def _receive(self, address: str, file: BinaryIO, work: Work, limits: Limits, judge: Judge) -> Received:
        """Download into a file, and remember what failed."""
        try:
            return self.downloads.download(address, file, work, limits, judge)
        except DownloadError as error:
            raise self._failure(address, error, work) from None  # causes name the address with its keys
        except OSError as error:
            reason = f"the copy cannot be written ({error.strerror or type(error).__name__})"
            raise UnreadableImageError(shown_address(address), reason) from None

    def _failure(self, address: str, error: DownloadError, work: Work) -> UnreadableImageError:
        if not work.is_stopped:
            with self._lock:
                self._failed[address] = error.reason
        logger.debug("%s: %s", shown_address(address), error.reason)
        return UnreadableImageError(shown_address(address), error.reason)


@dataclass(frozen=True)
class _Job:
    """One picture that is asked for."""

    address: str
    future: Future[Path]
    work: Work

    @classmethod
    def ended(cls, address: str, result: Path | UnreadableImageError) -> _Job:
        future: Future[Path] = Future()
        if isinstance(result, UnreadableImageError):
            future.set_exception(result)
        else:
            future.set_result(result)
        return cls(address, future, Work(0.0))


def _outcome(job: _Job) -> tuple[str, Path | UnreadableImageError]:
    try:
        return job.address, job.future.result()
    except UnreadableImageError as error:
        return job.address, error
    except CancelledError:
        return job.address, UnreadableImageError(shown_address(job.address), "stopped")
