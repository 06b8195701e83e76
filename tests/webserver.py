"""A web server on this machine that does what servers do: stalls, cuts off, redirects, lies about what it sends.

Everything ends by itself: whatever waits, waits for the end of the test too, and never longer than `PATIENCE`.
"""

from __future__ import annotations

import gzip
import http.server
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from badfiles import HTML, encoded, picture

__all__ = ["HTML", "PATIENCE", "PICTURE", "Answer", "Request", "Site", "redirect", "says", "web_server"]

PATIENCE = 20.0  # seconds that an answer waits at most
PICTURE = encoded(picture(), "JPEG")


class Request(http.server.BaseHTTPRequestHandler):
    """One request, with the site that it goes to."""

    site: Site
    disable_nagle_algorithm = True  # headers and body go out one after the other

    def send(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        """Answer; an underscore in a header's name stands for a dash."""
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:  # noqa: N802 (the library's name)
        self.site.take(self)

    def log_message(self, *_: object) -> None:
        pass


Answer = Callable[[Request], None]


@dataclass
class Site:
    """What is served, and what was asked for.

    `answers` says how to answer a path (without the query). What has no answer is not found. `asked` lists the paths in
    the order of the requests, `agents` their user agents, `most_at_once` how many were under way at the same time.
    """

    address: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    _at_once: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, request: Request) -> None:
        with self._changed:
            self.asked.append(request.path)
            self.headers.append({name.lower(): value for name, value in request.headers.items()})
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self._changed.notify_all()
        try:
            self.answers.get(request.path.partition("?")[0], says(b"nothing here", 404))(request)
        except OSError:
            request.close_connection = True  # the client did not wait
        finally:
            with self._changed:
                self._at_once -= 1
                self._changed.notify_all()

    def wait_until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
        """Wait until something is true of the requests; tells whether it became so."""
        with self._changed:
            return self._changed.wait_for(condition, patience)

    def count(self, path: str) -> int:
        """Count the requests of a path."""
        return Counter(self.asked)[path]

    # ------------------------------------------------------------------------------------------ ways to answer

    def stalls(self, request: Request) -> None:
        """Say nothing at all."""
        self.over.wait(PATIENCE)
        request.close_connection = True

    def stalls_midway(self, request: Request) -> None:
        """Send half of a picture, then nothing."""
        request.send(PICTURE[: len(PICTURE) // 2], Content_Length=str(len(PICTURE)), Content_Type="image/jpeg")
        request.wfile.flush()
        self.stalls(request)

    def drips(self, request: Request) -> None:
        """Send a picture byte by byte."""
        request.send(b"", Content_Length=str(len(PICTURE)), Content_Type="image/jpeg")
        self._drip(request, PICTURE)

    def drips_headers(self, request: Request) -> None:
        """Send headers byte by byte, without an end."""
        self._drip(request, b"HTTP/1.1 200 OK\r\n" + b"X-Long: a\r\n" * 5000)

    def _drip(self, request: Request, data: bytes) -> None:
        for byte in data:
            request.wfile.write(bytes([byte]))
            request.wfile.flush()
            if self.over.wait(0.05):
                break
        request.close_connection = True


def says(body: bytes = PICTURE, status: int = 200, **headers: str) -> Answer:
    """Make an answer; a picture by default."""
    return lambda request: request.send(body, status, **headers)


def redirect(target: str, status: int = 302) -> Answer:
    """Make an answer that leads elsewhere."""
    return says(b"", status, Location=target)


def fails(n: int, status: int = 500, **headers: str) -> Answer:
    """Make an answer that fails some times before it sends a picture."""
    left = iter(range(n))

    def answer(request: Request) -> None:
        if next(left, None) is None:
            request.send(PICTURE)
        else:
            request.send(b"busy", status, **headers)

    return answer


def cut_off(request: Request) -> None:
    """Send less than was promised."""
    request.send(PICTURE[:-20], Content_Length=str(len(PICTURE)), Content_Type="image/jpeg")
    request.close_connection = True


def cut_off_chunks(request: Request) -> None:
    """Send chunks without the last one."""
    request.protocol_version = "HTTP/1.1"
    request.send(b"%x\r\n%s\r\n" % (len(PICTURE), PICTURE), Content_Length="", Transfer_Encoding="chunked")
    request.close_connection = True


def chunks(request: Request) -> None:
    """Send a picture in chunks."""
    request.protocol_version = "HTTP/1.1"
    half = len(PICTURE) // 2
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (PICTURE[:half], PICTURE[half:], b""))
    request.send(body, Content_Length="", Transfer_Encoding="chunked")
    request.close_connection = True


def without_length(body: bytes) -> Answer:
    """Make an answer that ends by hanging up."""

    def answer(request: Request) -> None:
        request.send(body, Content_Length="", Connection="close")
        request.close_connection = True

    return answer


def endless(request: Request) -> None:
    """Send a picture that has no end."""
    request.send(PICTURE, Content_Length="")
    for _ in range(10_000):
        request.wfile.write(bytes(100_000))


def hangs_up(request: Request) -> None:
    """Close the connection without a word."""
    request.close_connection = True


def zipped(body: bytes) -> Answer:
    """Make an answer that is compressed on the way."""
    return says(gzip.compress(body), Content_Encoding="gzip")


@contextmanager
def web_server() -> Iterator[Site]:
    """Start a server on a free port of this machine."""
    site = Site()

    class Handler(Request):
        pass

    Handler.site = site
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.over.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
