"""One address -> the bytes behind it, or a short reason why not. Over http(s) with requests, else with fsspec."""

from __future__ import annotations

import email.utils
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin, urlsplit

from concept_memes.errors import MissingExtraError
from concept_memes.remote.content_kinds import N_FIRST_BYTES
from concept_memes.remote.http_session import EndedError, Work
from concept_memes.remote.kept_copies import is_web_address
from concept_memes.remote.private_networks import is_inside

if TYPE_CHECKING:
    import requests
    from urllib3.response import HTTPResponse

__all__ = ["DownloadError", "Judge", "Limits", "Received", "receive"]

#: Looks at the first bytes and at what the server says they are. Raises a `DownloadError` to end the download, or
#: returns how many bytes such a thing may have; None leaves the usual limit.
Judge = Callable[[bytes, str], int | None]

_N_REDIRECTS = 5
_LONGEST_PAUSE = 30.0  # seconds; who asks for a longer one is asked again in the next run
_BLOCK = 65_536
_STATUS_REASONS = {
    401: "not allowed without a login (401)",
    403: "not allowed (403)",
    404: "not found (404)",
    410: "gone (410)",
    429: "the server asks for fewer requests (429)",
    451: "not allowed for legal reasons (451)",
}
_MAY_PASS = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524))


class DownloadError(Exception):
    """A download failed.

    Parameters
    ----------
    reason : str
        Why, in a few words for people, without the address.
    may_pass : bool, default=False
        Whether another attempt may help.
    pause : float, optional
        Seconds that the server asks to wait.
    answered : bool, default=True
        Whether there was a server that answered.
    status : int, default=0
        What an HTTP server answered; 0 if that is not the reason.
    """

    def __init__(
        self,
        reason: str,
        *,
        may_pass: bool = False,
        pause: float | None = None,
        answered: bool = True,
        status: int = 0,
    ) -> None:
        self.reason, self.may_pass, self.pause = reason, may_pass, pause
        self.answered, self.status = answered, status
        super().__init__(reason)


@dataclass(frozen=True)
class Limits:
    """What one download may take.

    Attributes
    ----------
    timeout : float
        Seconds for a connection, and between one byte and the next.
    deadline : float
        Seconds for all of it, attempts and pauses included.
    max_bytes : int
        Size after unpacking.
    n_retries : int
        Attempts after the first.
    backoff : float
        Seconds before the second attempt; each pause is twice the one before.
    """

    timeout: float = 30.0
    deadline: float = 120.0
    max_bytes: int = 100_000_000
    n_retries: int = 3
    backoff: float = 0.5


@dataclass(frozen=True)
class Received:
    """What came.

    Attributes
    ----------
    address : str
        Where it came from in the end, after redirects.
    content_type : str
        What the server said it is; "" if it said nothing.
    is_sure : bool
        Whether the length was told, so that all of it is known to have come.
    """

    address: str
    content_type: str
    is_sure: bool


def receive(
    address: str, file: BinaryIO, work: Work, limits: Limits, session: Callable[[], requests.Session], judge: Judge
) -> Received:
    """Download one address into a file, with retries.

    Parameters
    ----------
    address : str
    file : binary file
        Emptied before each attempt.
    work : Work
        Entered by the caller.
    limits : Limits
    session : callable
        Gives the session for http(s); not called for other protocols.
    judge : callable
        Looks at the first bytes, so that no video of gigabytes comes to its end before it is refused.

    Returns
    -------
    Received

    Raises
    ------
    DownloadError
    MissingExtraError
        If requests or fsspec is not installed; a missing package of one protocol is a reason like others.
    """
    for attempt in itertools.count():
        file.seek(0)
        file.truncate()
        try:
            work.check()
            if is_web_address(address):
                return _over_http(address, file, work, limits, session(), judge)
            return _with_fsspec(address, file, work, limits, judge)
        except EndedError:
            raise _ended(work, limits) from None
        except DownloadError as error:
            work.let_go()
            if work.is_over:  # the cut looks like any broken connection
                raise _ended(work, limits) from None
            pause = limits.backoff * 2**attempt if error.pause is None else error.pause
            if not error.may_pass or attempt >= limits.n_retries or pause > min(_LONGEST_PAUSE, work.left):
                raise
            try:
                work.wait(pause)
            except EndedError:
                raise error from None
    raise AssertionError("unreachable")


def _ended(work: Work, limits: Limits) -> DownloadError:
    if work.is_stopped:
        return DownloadError("stopped")
    return DownloadError(f"timed out after {limits.deadline:g} s", answered=False)


def _silent(limits: Limits) -> DownloadError:
    return DownloadError(f"timed out after {limits.timeout:g} s", may_pass=True, answered=False)


def _over_http(
    address: str, file: BinaryIO, work: Work, limits: Limits, session: requests.Session, judge: Judge
) -> Received:
    """Ask for an address, follow its redirects, and receive what comes."""
    current = address
    for _ in range(_N_REDIRECTS + 1):
        with _ask(current, work, limits, session) as response:
            target = session.get_redirect_target(response)
            if target is None:
                _check_status(response)
                is_sure = _receive_body(response, file, work, limits, judge)
                return Received(current, response.headers.get("Content-Type", ""), is_sure)
            current = _redirected(address, current, target)
    raise DownloadError("too many redirects")


def _ask(address: str, work: Work, limits: Limits, session: requests.Session) -> requests.Response:
    import requests
    from requests import exceptions

    patience = (min(limits.timeout, work.left), limits.timeout)
    try:
        return session.get(address, stream=True, allow_redirects=False, timeout=patience)
    except exceptions.Timeout:
        raise _silent(limits) from None
    except exceptions.SSLError:
        raise DownloadError("the server's certificate is not accepted") from None
    except exceptions.ProxyError:
        raise DownloadError("the proxy does not let it through", may_pass=True) from None
    except (exceptions.InvalidURL, exceptions.InvalidSchema, exceptions.MissingSchema, UnicodeError):
        raise DownloadError("not a valid address") from None
    except requests.ConnectionError as error:
        raise _no_connection(error) from None
    except (requests.RequestException, OSError, ValueError) as error:
        # Whatever else a client meets in answers that are none: one bad server never ends a run.
        raise DownloadError(f"the request failed ({type(error).__name__})", may_pass=True) from None


def _no_connection(error: Exception) -> DownloadError:
    """Say why a server cannot be reached, from the names of errors that urllib3 wraps into each other."""
    names: set[str] = set()
    cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
    while isinstance(cause, BaseException) and len(names) < 5:
        names.add(type(cause).__name__)
        cause = cause.__cause__ or (cause.args[-1] if cause.args else None)
    if names & {"NameResolutionError", "gaierror"}:
        return DownloadError("no such host", answered=False)
    if names & {"RemoteDisconnected", "ConnectionResetError", "ProtocolError", "BrokenPipeError"}:
        return DownloadError("the server hung up without an answer", may_pass=True, answered=False)
    return DownloadError("the server cannot be reached", may_pass=True, answered=False)


def _redirected(first: str, current: str, target: str) -> str:
    """Check where a redirect leads: to the web, and from outside never to this machine or its network."""
    try:
        old, new = urlsplit(current), urlsplit(urljoin(current, target))
        same_server = (old.scheme, old.hostname, old.port) == (new.scheme, new.hostname, new.port)
    except ValueError:
        raise DownloadError("redirected to what is no address") from None
    if new.scheme.lower() not in ("http", "https"):
        raise DownloadError("redirected to what is no web address")
    login = old.netloc.rpartition("@")[0] if same_server else ""
    new = new._replace(netloc=f"{login}@{new.netloc.rpartition('@')[2]}" if login else new.netloc)
    address = new.geturl()
    if not same_server and is_inside(address) and not is_inside(first):
        raise DownloadError("redirected into a private network")
    return address


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    reason = _STATUS_REASONS.get(status) or f"the server answers {status}"
    pause = _asked_pause(response.headers.get("Retry-After"))
    raise DownloadError(reason, may_pass=status in _MAY_PASS, pause=pause, status=status)


def _asked_pause(header: str | None) -> float | None:
    """Read ``Retry-After``: seconds, or a date."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        date = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())


def _receive_body(response: requests.Response, file: BinaryIO, work: Work, limits: Limits, judge: Judge) -> bool:
    """Write what comes into a file; tells whether the length was known, and so that all of it came."""
    content_type, raw = response.headers.get("Content-Type", ""), response.raw
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > limits.max_bytes:
        raise _too_large(limits.max_bytes)
    writer = _Writer(file, limits, judge, content_type)
    for part in _parts(raw, limits):
        work.check()
        writer.write(part)
    work.check()  # a connection that was shut from here can look like the end
    writer.finish()
    return length.isdecimal() or bool(raw.chunked)


def _parts(raw: HTTPResponse, limits: Limits) -> Iterator[bytes]:
    """Give what comes, unpacked."""
    from urllib3 import exceptions

    try:
        size = N_FIRST_BYTES  # a read waits for all that it asks for, and the first bytes may settle it
        while part := raw.read(size, decode_content=True):
            yield part
            size = _BLOCK
    except exceptions.ReadTimeoutError:
        raise _silent(limits) from None
    except exceptions.DecodeError:
        raise DownloadError("what came cannot be unpacked", may_pass=True) from None
    except (exceptions.HTTPError, OSError, ValueError):
        raise DownloadError("cut off before its end", may_pass=True) from None


class _Writer:
    """Writes what comes, looks at the first bytes as soon as they are there, and refuses what is too large."""

    def __init__(self, file: BinaryIO, limits: Limits, judge: Judge, content_type: str) -> None:
        self._file, self._max_bytes, self._judge, self._type = file, limits.max_bytes, judge, content_type
        self._first, self._judged, self._n_bytes = b"", False, 0

    def write(self, part: bytes) -> None:
        self._n_bytes += len(part)
        if not self._judged:
            self._first += part[:N_FIRST_BYTES]
            if len(self._first) >= N_FIRST_BYTES:
                self.finish()
        if self._n_bytes > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._file.write(part)

    def finish(self) -> None:
        if not self._judged:
            self._judged = True
            allowed = self._judge(self._first[:N_FIRST_BYTES], self._type)
            self._max_bytes = self._max_bytes if allowed is None else allowed


def _too_large(size: int) -> DownloadError:
    shown = f"{size / 1e6:g} MB" if size >= 1e6 else f"{size} bytes"
    return DownloadError(f"larger than {shown}")


def _with_fsspec(address: str, file: BinaryIO, work: Work, limits: Limits, judge: Judge) -> Received:
    """Read an address of any other protocol."""
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError(
            'Addresses such as s3://... are read with fsspec: run pip install "concept-memes[remote]".'
        ) from error
    writer = _Writer(file, limits, judge, "")
    try:
        with fsspec.open(address, "rb") as stream:
            while part := stream.read(1 << 20):
                work.check()
                writer.write(part)
        writer.finish()
    except (DownloadError, EndedError):
        raise
    except ImportError as error:  # "Install s3fs to access S3"
        protocol = address.partition("://")[0]
        reason = f"addresses that begin with {protocol}:// need a package that is not installed ({error})"
        raise DownloadError(reason) from error
    except FileNotFoundError:
        raise DownloadError("not found") from None
    except IsADirectoryError:
        raise DownloadError("a folder, not a picture") from None
    except PermissionError:
        raise DownloadError("not allowed") from None
    except Exception as error:
        # Each protocol has errors of its own, which say too much: addresses with keys among them.
        if "Protocol not known" in str(error):
            raise DownloadError(f"no protocol {address.partition('://')[0]}:// is known") from None
        raise DownloadError(f"cannot be read ({type(error).__name__})", may_pass=isinstance(error, OSError)) from None
    return Received(address, "", is_sure=True)
