"""A web page, served or saved -> its pictures, and those of the pages that it links to.

Downloads begin while links are still being collected: the pages come one by one, politely, and meanwhile the fetcher's
threads bring what was found.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import url2pathname

from concept_memes.errors import InvalidParameterError, SourceError, UnreadableImageError
from concept_memes.remote.downloads import A_PICTURE_CAME, MAX_TEXT_BYTES, Document
from concept_memes.remote.fetching import Fetcher, Looked
from concept_memes.remote.kept_copies import is_address, is_web_address, shown_address
from concept_memes.remote.page_links import picture_links
from concept_memes.remote.private_networks import is_inside
from concept_memes.remote.robots import Robots

__all__ = ["Found", "WebPage", "crawl", "picture_links"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WebPage:
    """A web page as a source of pictures, and the pages that it links to.

    The page itself is asked for because the user named it. What is found there is subject to the site's robots.txt and,
    on a public page, never leads to this machine or into a private network.

    Parameters
    ----------
    address : str or Path
        Address of a page (http, https), or the file of a saved one: its relative links are files beside it.
    depth : int, default=0
        How many links away from the page others are looked at; 0 is this page alone.
    max_pages : int, default=100
        Pages altogether.
    same_host : bool, default=True
        Whether only pages of the same host are looked at ("www." makes no difference). The files beside a saved page
        count as its host.
    foreign_pictures : bool, default=True
        Whether pictures may come from other hosts: most sites keep them elsewhere.
    delay : float, default=1.0
        Seconds between two pages of one host, at least. Where robots.txt asks for more, it gets up to 30.
    max_pictures : int, optional
        Stop when so many are found.
    obey_robots : bool, default=True
        Whether robots.txt is obeyed. Without it you answer for what you ask.

    Examples
    --------
    >>> WebPage("https://example.org/memes/", depth=1).max_pages
    100
    """

    address: str | Path
    depth: int = 0
    max_pages: int = 100
    same_host: bool = True
    foreign_pictures: bool = True
    delay: float = 1.0
    max_pictures: int | None = None
    obey_robots: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.address, str) and is_address(self.address) and not is_web_address(self.address):
            raise InvalidParameterError(
                "address", shown_address(self.address), "an address (http, https) or the file of a saved page"
            )
        if self.depth < 0:
            raise InvalidParameterError("depth", self.depth, "a number of links, 0 or more")
        if self.max_pages < 1:
            raise InvalidParameterError("max_pages", self.max_pages, "at least 1")
        if self.max_pictures is not None and self.max_pictures < 1:
            raise InvalidParameterError("max_pictures", self.max_pictures, "at least 1, or None")
        if not self.delay >= 0:
            raise InvalidParameterError("delay", self.delay, "a number of seconds, 0 or more")


@dataclass(frozen=True)
class Found:
    """A picture that a crawl came upon, or a page that it could not look at.

    Attributes
    ----------
    address : str or Path
        Where it is; a Path for a file beside a saved page.
    path : Path or None
        The kept copy, or the file; None if there is none.
    reason : str or None
        Why there is none.
    page : str
        The page that led to it, as people may see it.
    is_page : bool
        Whether it is a page, with the reason why it was not looked at.
    """

    address: str | Path
    path: Path | None
    reason: str | None
    page: str
    is_page: bool = False


def crawl(
    page: WebPage,
    fetcher: Fetcher,
    *,
    looked: Looked | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Found]:
    """Find pictures and fetch them.

    Parameters
    ----------
    page : WebPage
    fetcher : Fetcher
        Fetches pages and pictures, and keeps the latter.
    looked : Looked, optional
        What `Fetcher.look` found at the page's address, so that it is not asked for twice.
    clock, sleep : callable
        Seconds that count up, and a way to wait; for tests.

    Yields
    ------
    Found
        Pictures in the order in which they were found, each address once, those without a copy too; and pages that
        could not be looked at.

    Raises
    ------
    SourceError
        If the first page cannot be had.
    MissingExtraError
        If an optional package is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Fetcher(Path(folder)) as fetcher:
    ...     saved = Path(folder, "page.html")
    ...     n_written = saved.write_text('<img src="page_files/cat.jpg">')
    ...     [(found.address.name, found.reason) for found in crawl(WebPage(saved), fetcher)]
    [('cat.jpg', 'missing')]
    """
    return _Crawl(page, fetcher, Robots(fetcher.downloads), clock, sleep).run(looked)


@dataclass
class _Crawl:
    """One crawl: what is still to be looked at, and what is on its way."""

    page: WebPage
    fetcher: Fetcher
    robots: Robots
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    queue: deque[tuple[str, int, str]] = field(default_factory=deque)  # address, links away, where it was found
    seen_pages: set[str] = field(default_factory=set)
    seen_pictures: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    asked_at: dict[str, float] = field(default_factory=dict)
    inside: dict[str, bool] = field(default_factory=dict)
    on_the_way: deque[tuple[Found, Future[Path] | None]] = field(default_factory=deque)

    def run(self, looked: Looked | None) -> Iterator[Found]:
        first = self.page.address
        start = (
            first
            if isinstance(first, str) and is_web_address(first)
            else Path(os.path.expanduser(first)).absolute().as_uri()
        )
        self.queue.append((start, 0, ""))
        self.seen_pages.add(start)
        n_pages = 0
        try:
            while self.queue and n_pages < self.page.max_pages and not self.has_enough():
                address, depth, found_on = self.queue.popleft()
                document = self.get_page(address, depth, found_on, looked if not n_pages else None)
                n_pages += 1
                if document is not None:
                    self.take_links(document, depth)
                yield from self.arrived(wait=False)
            self.name_what_is_left()
            yield from self.arrived(wait=True)
        finally:
            for _, future in self.on_the_way:  # none, unless the caller stopped
                if future is not None:
                    future.cancel()

    def has_enough(self) -> bool:
        return self.page.max_pictures is not None and len(self.seen_pictures) >= self.page.max_pictures

    def leave(self, address: str, reason: str, found_on: str, *, is_page: bool = False) -> None:
        """Name what is not fetched."""
        place = _file_of(address) if address.startswith("file:") else address
        self.on_the_way.append((Found(place, None, reason, shown_address(found_on), is_page), None))

    def name_what_is_left(self) -> None:
        if self.queue:
            limit = "max_pictures" if self.has_enough() else "max_pages"
            reason = f"not looked at, nor {len(self.queue) - 1} other pages: {limit} is reached"
            self.leave(self.queue[0][0], reason, self.queue[0][2], is_page=True)

    # ------------------------------------------------------------------------------------------ pages

    def get_page(self, address: str, depth: int, found_on: str, looked: Looked | None) -> Document | None:
        """Bring a page; the first one must come, the others may be missing."""
        try:
            document = self.ask(address, depth) if looked is None else _looked_at(looked)
        except UnreadableImageError as error:
            if not depth:
                raise SourceError(f"The page {_shown(self.page.address)!r} cannot be read: {error.reason}.") from error
            if error.reason == A_PICTURE_CAME:
                self.see_picture(address, found_on)
            else:
                self.leave(address, error.reason, found_on, is_page=True)
            return None
        if not depth:
            self.hosts |= {_host(address), _host(document.address)}
            self.asked_at.setdefault(_host(document.address), self.clock())
        elif document.address != address and document.address in self.seen_pages:
            return None  # looked at, or waiting to be
        elif self.page.same_host and _host(document.address) not in self.hosts:
            self.leave(address, "redirected to another host", found_on, is_page=True)
            return None
        self.seen_pages.add(document.address)
        return document

    def ask(self, address: str, depth: int) -> Document:
        """Read a saved page, or ask for a served one as its host wishes."""
        if not is_web_address(address):
            return _read_saved(address)
        forbidden = self.robots.problem(address) if depth and self.page.obey_robots else None
        if forbidden:
            raise UnreadableImageError(shown_address(address), forbidden)
        self.keep_distance(address)
        return self.fetcher.downloads.document(address)

    def keep_distance(self, address: str) -> None:
        """Wait until the host may be asked for its next page."""
        host = _host(address)
        if host in self.asked_at:
            asked = self.robots.delay(address) if self.page.obey_robots else 0.0
            wait = self.asked_at[host] + max(self.page.delay, asked) - self.clock()
            if wait > 0:
                self.sleep(wait)
        self.asked_at[host] = self.clock()

    # ------------------------------------------------------------------------------------------ links

    def take_links(self, document: Document, depth: int) -> None:
        """Begin to fetch the pictures of a page, and take note of its pages."""
        links = picture_links(document.body, document.address, content_type=document.content_type)
        logger.debug("%s: %d pictures.", shown_address(document.address), len(links.pictures))
        new = [address for address in links.pictures if address not in self.seen_pictures]
        if self.page.max_pictures is not None:
            new = new[: max(0, self.page.max_pictures - len(self.seen_pictures))]
        if self.page.obey_robots:
            self.robots.ask_ahead(
                one for one in new if is_web_address(one) and not self.place_problem(one, document.address)
            )
        for address in new:
            self.see_picture(address, document.address)
        for link in links.homeless:
            self.leave(link, "the saved page does not say which site it is from", document.address)
        if depth < self.page.depth:
            for address in links.pages:
                own = not self.page.same_host or _host(address) in self.hosts
                if own and address not in self.seen_pages:
                    self.seen_pages.add(address)
                    if self.leads_inside(document.address, address):
                        self.leave(address, "leads into a private network", document.address, is_page=True)
                    else:
                        self.queue.append((address, depth + 1, document.address))

    def see_picture(self, address: str, found_on: str) -> None:
        """Take a picture that was not seen before."""
        if address in self.seen_pictures:
            return
        self.seen_pictures.add(address)
        if not is_web_address(address):
            path = _file_of(address)
            reason = None if os.path.isfile(path) else "missing"  # pathlib's raises for names that cannot be
            self.on_the_way.append((Found(path, None if reason else path, reason, shown_address(found_on)), None))
            return
        reason = self.place_problem(address, found_on)
        if reason is None and self.page.obey_robots:
            reason = self.robots.problem(address)
        if reason is not None:
            self.fetcher.refuse(address, reason)
        self.on_the_way.append((Found(address, None, None, shown_address(found_on)), self.fetcher.start(address)))

    def place_problem(self, address: str, found_on: str) -> str | None:
        """Say why the host of a picture is not to be asked at all."""
        if not self.page.foreign_pictures and _host(address) not in self.hosts:
            return "on another host"
        return "leads into a private network" if self.leads_inside(found_on, address) else None

    def leads_inside(self, found_on: str, address: str) -> bool:
        """Tell whether a public page leads to this machine or its network. A saved page is as private as its reader."""
        return is_web_address(found_on) and self.is_inside(address) and not self.is_inside(found_on)

    def is_inside(self, address: str) -> bool:
        host = _host(address)
        if host not in self.inside:
            self.inside[host] = is_inside(address)
        return self.inside[host]

    # ------------------------------------------------------------------------------------------ results

    def arrived(self, *, wait: bool) -> Iterator[Found]:
        """Give what has come, in the order in which it was found."""
        while self.on_the_way:
            found, future = self.on_the_way[0]
            if future is not None and not (wait or future.done()):
                return
            if future is not None:
                found = _with_result(found, future)
            self.on_the_way.popleft()
            yield found


def _with_result(found: Found, future: Future[Path]) -> Found:
    try:
        path = future.result()
    except UnreadableImageError as error:
        return Found(found.address, None, error.reason, found.page)
    except CancelledError:
        return Found(found.address, None, "stopped", found.page)
    return Found(found.address, path, None, found.page)


def _looked_at(looked: Looked) -> Document:
    return Document(looked.path.read_bytes(), looked.address, looked.content_type)


def _read_saved(address: str) -> Document:
    path = _file_of(address)
    try:
        with open(path, "rb") as file:
            body = file.read(MAX_TEXT_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = str(getattr(error, "strerror", None) or error).lower()
        raise UnreadableImageError(str(path), reason) from error
    if len(body) > MAX_TEXT_BYTES:
        raise UnreadableImageError(str(path), f"larger than {MAX_TEXT_BYTES / 1e6:g} MB")
    return Document(body, address, "")


def _file_of(address: str) -> Path:
    """Return the path of a ``file:`` address, whatever bytes are in its name."""
    path = urlsplit(address).path
    if os.name == "nt":
        return Path(url2pathname(path))
    return Path(os.fsdecode(unquote_to_bytes(path)))


def _host(address: str) -> str:
    """Return what pages of one site have in common; "" for files."""
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:  # no address; asking for it will say so
        return address
    return host if port in (None, 80, 443) else f"{host}:{port}"


def _shown(address: str | Path) -> str:
    return shown_address(address) if isinstance(address, str) else str(address)
