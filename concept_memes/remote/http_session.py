"""Requests over http(s) that end when they have to: each has one end in time, and any thread can end it.

The time-outs of HTTP clients count from byte to byte: a server that sends one a second holds a thread for ever, even in
the midst of the headers. Only shutting the connection from outside ends that, so each request makes its socket known.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

from concept_memes.errors import MissingExtraError

if TYPE_CHECKING:
    import requests
    from urllib3 import ProxyManager

__all__ = ["EndedError", "Work", "open_session"]

_current = threading.local()


class EndedError(Exception):
    """A download has no time left, or was stopped."""


class Work:
    """One download under way. Used as a context, in the thread that does it.

    Parameters
    ----------
    seconds : float
        What all of it may take, waiting between attempts included. It counts from the beginning of the context.

    Examples
    --------
    >>> with Work(60.0) as work:
    ...     work.check()
    >>> work.stop()
    >>> work.is_over
    True
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends = float("inf")
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Work:
        self._ends = time.monotonic() + self._seconds
        self._timer = threading.Timer(self._seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()
        _current.work = self
        return self

    def __exit__(self, *_: object) -> None:
        _current.work = None
        self.let_go()
        if self._timer is not None:
            self._timer.cancel()

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped it."""
        return self._stopped.is_set()

    @property
    def is_over(self) -> bool:
        """Whether the time is over, or it was stopped."""
        return self._stopped.is_set() or time.monotonic() >= self._ends

    @property
    def left(self) -> float:
        """Seconds left."""
        return max(0.0, self._ends - time.monotonic())

    def check(self) -> None:
        """Go on only if there is time left.

        Raises
        ------
        EndedError
        """
        if self.is_over:
            raise EndedError

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than the work may take.

        Raises
        ------
        EndedError
            If it was stopped meanwhile.
        """
        self._stopped.wait(min(seconds, self.left))
        self.check()

    def stop(self) -> None:
        """End it, from any thread, also in the midst of receiving."""
        self._stopped.set()
        self._cut()

    def hold(self, connected: socket.socket | None) -> None:
        """Take note of the connection that is in use."""
        with self._lock:
            self._socket = connected
        if self.is_over:
            self._cut()

    def let_go(self) -> None:
        """Forget the connection: it goes back to the pool, and other work will use it."""
        with self._lock:
            self._socket = None

    def _cut(self) -> None:
        """Shut the connection, which wakes the thread that waits for its next byte."""
        with self._lock:
            if self._socket is not None:
                with contextlib.suppress(OSError):  # closed already: there is nothing left to wake
                    self._socket.shutdown(socket.SHUT_RDWR)


def open_session(user_agent: str, n_connections: int) -> requests.Session:
    """Open a session whose requests can be ended by their `Work`; safe to use from many threads.

    It keeps no cookies, follows no redirects and tries nothing twice: all that is decided in
    :mod:`concept_memes.remote.downloading`. Proxies and certificates from the environment count, as they do for
    requests.

    Parameters
    ----------
    user_agent : str
    n_connections : int
        Connections that stay open for the next request, per host.

    Returns
    -------
    requests.Session

    Raises
    ------
    MissingExtraError
        If requests is not installed.

    Examples
    --------
    >>> with open_session("example/1.0", 4) as session:
    ...     session.headers["User-Agent"]
    'example/1.0'
    """
    try:
        import requests
        from requests.adapters import HTTPAdapter
        from requests.cookies import RequestsCookieJar
        from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
        from urllib3.connection import HTTPConnection, HTTPSConnection
        from urllib3.response import HTTPResponse
    except ImportError as error:
        raise MissingExtraError(
            'Addresses are fetched with requests: run pip install "concept-memes[remote]".'
        ) from error

    # urllib3's own method gives another type than the standard library's, which the checker minds.
    class KnownHTTP(HTTPConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]
            _make_known(self.sock)
            return super().getresponse()

    class KnownHTTPS(HTTPSConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override]
            _make_known(self.sock)
            return super().getresponse()

    class HTTPPool(HTTPConnectionPool):
        ConnectionCls = KnownHTTP

    class HTTPSPool(HTTPSConnectionPool):
        ConnectionCls = KnownHTTPS

    pools = {"http": HTTPPool, "https": HTTPSPool}

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: object) -> None:
            super().init_poolmanager(connections, maxsize, block, **kwargs)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, proxy: str, **kwargs: object) -> ProxyManager:
            manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
            manager.pool_classes_by_scheme = pools
            return manager

    class Session(requests.Session):
        def resolve_redirects(self, *_: object, **__: object) -> Iterator[requests.Response]:
            return iter(())  # requests would read the body of each redirect to its end, however long

    session = Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter(pool_connections=32, pool_maxsize=n_connections))
    session.cookies = RequestsCookieJar(DefaultCookiePolicy(allowed_domains=[]))
    # Pictures are compressed as they are; what is compressed once more anyhow is unpacked.
    session.headers.update({"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"})
    return session


def _make_known(connected: socket.socket | None) -> None:
    """Tell the work of this thread which connection it uses."""
    work: Work | None = getattr(_current, "work", None)
    if work is not None:
        work.hold(connected)
