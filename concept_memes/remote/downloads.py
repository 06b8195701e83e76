"""All downloads of a run: one session, one count of who answers, and one way to end everything."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, BinaryIO

from concept_memes.errors import UnreadableImageError
from concept_memes.remote.content_kinds import content_kind
from concept_memes.remote.downloading import DownloadError, Judge, Limits, Received, receive
from concept_memes.remote.fetch_lanes import Lanes, host_of
from concept_memes.remote.http_session import Work, open_session
from concept_memes.remote.kept_copies import shown_address

if TYPE_CHECKING:
    import requests

__all__ = ["A_PICTURE_CAME", "MAX_TEXT_BYTES", "USER_AGENT_NAME", "Document", "Downloads"]

#: Why a page cannot be had where there is a picture.
A_PICTURE_CAME = "a picture came, not a web page"
#: What robots.txt may call this package.
USER_AGENT_NAME = "concept-memes"
#: Size of a page, which is read into memory.
MAX_TEXT_BYTES = 20_000_000


@dataclass(frozen=True)
class Document:
    """A text from the web, in memory.

    Attributes
    ----------
    body : bytes
    address : str
        Where it came from in the end, after redirects.
    content_type : str
        What the server said it is; "" if it said nothing.
    """

    body: bytes
    address: str
    content_type: str


class Downloads:
    """Downloads addresses into files or into memory, and keeps nothing.

    Parameters
    ----------
    limits : Limits
        What one download may take, unless said otherwise.
    lanes : Lanes
        Who may download next, and who does not answer.

    Examples
    --------
    >>> downloads = Downloads(Limits(n_retries=0), Lanes(4, 2, 8))
    >>> downloads.document("http://127.0.0.1:9/")  # nobody listens there
    Traceback (most recent call last):
    concept_memes.errors.UnreadableImageError: http://127.0.0.1:9/: the server cannot be reached
    >>> downloads.close()
    """

    def __init__(self, limits: Limits, lanes: Lanes) -> None:
        self.limits, self.lanes = limits, lanes
        self.is_closed = False
        self._lock = threading.Lock()
        self._works: set[Work] = set()
        self._session: requests.Session | None = None

    def close(self) -> None:
        """End what is under way; no thread is waited for."""
        with self._lock:
            self.is_closed = True
            works, session = list(self._works), self._session
        self.lanes.close()
        for work in works:
            work.stop()
        if session is not None:
            session.close()

    def download(self, address: str, file: BinaryIO, work: Work, limits: Limits, judge: Judge) -> Received:
        """Download into a file, unless the host is known to be silent.

        Parameters
        ----------
        address : str
        file : binary file
        work : Work
            A new one; it can be stopped from any thread.
        limits : Limits
        judge : callable
            Looks at the first bytes and the content type; raises a `DownloadError` to end the download.

        Returns
        -------
        Received

        Raises
        ------
        DownloadError
            With a short reason.
        """
        host = host_of(address)
        with self._lock:
            self._works.add(work)
            if self.is_closed:
                work.stop()
        try:
            if self.lanes.is_given_up(host):
                reason = "its server did not answer many times in a row, and is not asked any more"
                raise DownloadError(reason, answered=False)
            with work:
                received = receive(address, file, work, limits, self._open_session, judge)
            self.lanes.heard_of(host, answered=True)
            return received
        except DownloadError as error:
            if not work.is_stopped:
                self.lanes.heard_of(host, answered=error.answered)
            raise
        finally:
            with self._lock:
                self._works.discard(work)

    def document(self, address: str) -> Document:
        """Fetch a web page into memory. Nothing is kept.

        Parameters
        ----------
        address : str

        Returns
        -------
        Document

        Raises
        ------
        UnreadableImageError
            With a short reason; `A_PICTURE_CAME` where there is one instead of a page.
        """

        def judge(first_bytes: bytes, content_type: str) -> None:
            kind = content_kind(first_bytes, content_type)
            if kind not in ("page", "list"):  # a text may be a page that begins with words
                raise DownloadError(A_PICTURE_CAME if kind == "picture" else "no web page came")

        document = self._document(address, self.limits.deadline, judge)
        if isinstance(document, DownloadError):
            raise UnreadableImageError(shown_address(address), document.reason)
        return document

    def find_document(self, address: str, *, deadline: float = 20.0) -> Document | None:
        """Fetch a text that may not exist, such as robots.txt.

        Parameters
        ----------
        address : str
        deadline : float, default=20.0
            Seconds for all of it.

        Returns
        -------
        Document or None
            None if the server says that there is none, or none for us (any 4xx, but for 429).

        Raises
        ------
        UnreadableImageError
            If whether there is one cannot be found out.
        """
        document = self._document(address, min(deadline, self.limits.deadline), lambda *_: None)
        if isinstance(document, DownloadError):
            if 400 <= document.status < 500 and document.status != 429:
                return None
            raise UnreadableImageError(shown_address(address), document.reason)
        return document

    def _document(self, address: str, deadline: float, judge: Judge) -> Document | DownloadError:
        limits = replace(self.limits, max_bytes=MAX_TEXT_BYTES, deadline=deadline)
        with io.BytesIO() as file:
            try:
                received = self.download(address, file, Work(deadline), limits, judge)
            except DownloadError as error:
                return error
            return Document(file.getvalue(), received.address, received.content_type)

    def _open_session(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = open_session(_user_agent(), self.lanes.n_threads)
            return self._session


def _user_agent() -> str:
    try:
        return f"{USER_AGENT_NAME}/{version('concept-memes')}"
    except PackageNotFoundError:  # run from a checkout
        return USER_AGENT_NAME
