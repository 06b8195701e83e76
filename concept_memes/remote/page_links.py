"""A web page -> the pictures that it shows or links to, and the pages that it links to. Nothing is fetched here."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from concept_memes.image_formats import ENDINGS
from concept_memes.remote.html_tags import html_tags

__all__ = ["PageLinks", "picture_links"]

_Attributes = dict[str, str]

# Where sites that load pictures late keep the address until then.
_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
_LATE = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-full-src")
_META = frozenset(
    ("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src", "thumbnailurl", "image")
)
_GAP = re.compile(r"[\s,]*")
_ADDRESS = re.compile(r"\S+")
_SIZE = re.compile(r"\s*([0-9]++(?:\.[0-9]++)?|\.[0-9]++)[wx]")  # never back: there are lines of a million digits
_URL = re.compile(r"url\(", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([a-z0-9_:.-]{1,40})", re.IGNORECASE)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SAVED_FROM = re.compile(r"<!--\s*saved from url=\(\d+\)(\S+)", re.IGNORECASE)
# Links to these are no pages, whatever else they are.
_NO_PAGES = frozenset(
    (".pdf", ".zip", ".gz", ".tar", ".7z", ".rar", ".exe", ".dmg", ".apk", ".mp3", ".ogg", ".wav", ".mp4", ".webm")
    + (".mov", ".avi", ".mkv", ".css", ".js", ".json", ".xml", ".rss", ".svg", ".ico", ".doc", ".docx", ".epub")
)


@dataclass(frozen=True)
class PageLinks:
    """What a page leads to, each once, in the order of the page.

    Attributes
    ----------
    pictures : tuple of str
        Addresses, without fragments.
    pages : tuple of str
        Addresses, without fragments.
    n_embedded : int
        Pictures that are written into the page itself (``data:``). They are icons and placeholders, and left aside.
    homeless : tuple of str
        Links from the root of a site ("/cat.jpg") on a saved page that does not say which site it was.
    """

    pictures: tuple[str, ...]
    pages: tuple[str, ...]
    n_embedded: int
    homeless: tuple[str, ...]


def picture_links(page: str | bytes, base: str, *, content_type: str = "") -> PageLinks:
    """Find the pictures and pages that a page leads to.

    Pictures are those that it shows (``img``, ``picture``, ``video poster``, backgrounds in ``style``, the ones that it
    offers to those who share it), and those that it links to by an ending such as ".jpg". A picture that is there in
    several sizes counts once, as the largest; one that is the button for a larger picture counts as the larger one.

    Parameters
    ----------
    page : str or bytes
        HTML, however broken. Bytes are decoded as the byte order mark, the server or the page says, else as UTF-8.
    base : str
        Address of the page, for relative links; ``file:///...`` for a saved one.
    content_type : str, default=""
        What the server said that it is.

    Returns
    -------
    PageLinks

    Examples
    --------
    >>> links = picture_links('<a href="2.html">more</a> <img src="cat.jpg">', "https://example.org/1.html")
    >>> links.pictures, links.pages
    (('https://example.org/cat.jpg',), ('https://example.org/2.html',))
    """
    text = _decoded(page, content_type) if isinstance(page, bytes) else page
    saved_from = _SAVED_FROM.search(text[:4096])
    reader = _Reader(base, saved_from.group(1) if saved_from else "")
    for tag, attributes in html_tags(text):
        reader.take(tag, attributes)
    reader.finish()
    return PageLinks(tuple(reader.pictures), tuple(reader.pages), reader.n_embedded, tuple(reader.homeless))


def _decoded(page: bytes, content_type: str) -> str:
    """Turn bytes into text; what cannot be decoded becomes a mark, and the links around it survive."""
    said = re.search(r"charset\s*=\s*[\"']?([\w:.-]+)", content_type, re.IGNORECASE)
    meta = _CHARSET.search(page[:4096])
    names = [name for mark, name in _MARKS if page.startswith(mark)]
    names += [said.group(1)] if said else []
    names += [meta.group(1).decode("ascii")] if meta else []
    for name in names:
        try:
            return page.decode(name, "replace")
        except (LookupError, UnicodeError):  # there is no such encoding, or one that is not for pages ("undefined")
            continue
    return page.decode("utf-8", "replace")


class _Reader:
    """Collects links from tags. There is no tree: pages are broken, and a tree would only say how."""

    def __init__(self, base: str, saved_from: str) -> None:
        self.base, self.saved_from = base, saved_from
        self.has_base = False
        self.pictures: dict[str, None] = {}
        self.pages: dict[str, None] = {}
        self.homeless: dict[str, None] = {}
        self.n_embedded = 0
        self.in_picture_link = False
        self.choices: list[tuple[float, str]] | None = None  # the sizes of a <picture>

    def take(self, tag: str, given: _Attributes) -> None:
        """Take what one tag leads to."""
        for url in _urls_of_style(given.get("style", "")):
            self.add_picture(url)
        if tag == "/a":
            self.in_picture_link = False
        elif tag == "/picture":
            self.finish()
        elif take := getattr(self, f"take_{tag}", None):
            take(given)

    def finish(self) -> None:
        """Settle which size of a <picture> counts."""
        choices, self.choices = self.choices, None
        if choices:
            self.add_picture(max(choices, key=lambda choice: choice[0])[1])

    # ------------------------------------------------------------------------------------------ one tag each

    def take_base(self, given: _Attributes) -> None:
        if given.get("href") and not self.has_base:
            self.has_base = True
            self.base = self.resolved(given["href"]) or self.base

    def take_picture(self, given: _Attributes) -> None:
        self.finish()
        self.choices = []

    def take_source(self, given: _Attributes) -> None:
        if self.choices is not None and given.get("type", "") != "image/svg+xml":
            self.choices += _sizes(given)

    def take_img(self, given: _Attributes) -> None:
        late = next((given[name] for name in _LATE if given.get(name)), "")
        shown = late or given.get("src", "")
        sizes = _sizes(given)
        if shown:
            sizes.insert(0, (1.0, shown))
        if self.in_picture_link:
            self.in_picture_link = False  # links that are not closed must not swallow the rest of the page
            self.choices = None if self.choices is None else []
        elif self.choices is not None:
            self.choices[:0] = sizes  # of the same size the one that every browser can read
            self.finish()
        elif sizes:
            best = max(sizes, key=lambda choice: choice[0])[1]
            self.add_picture(best)

    def take_a(self, given: _Attributes) -> None:
        self.in_picture_link = False
        address = self.resolved(given.get("href", ""))
        if address is None:
            return
        if _ending(address) in ENDINGS:
            self.add_picture(given["href"])
            self.in_picture_link = True
        elif "download" not in given and _ending(address) not in _NO_PAGES:
            self.pages.setdefault(address)

    take_area = take_a

    def take_link(self, given: _Attributes) -> None:
        relations = given.get("rel", "").lower().split()
        if "image_src" in relations:
            self.add_picture(given.get("href", ""))
        elif "next" in relations and (address := self.resolved(given.get("href", ""))):
            self.pages.setdefault(address)

    def take_meta(self, given: _Attributes) -> None:
        names = {given.get(key, "").lower() for key in ("property", "name", "itemprop")}
        if names & _META:
            self.add_picture(given.get("content", ""))

    def take_video(self, given: _Attributes) -> None:
        self.add_picture(given.get("poster", ""))

    def take_input(self, given: _Attributes) -> None:
        if given.get("type", "").lower() == "image":
            self.add_picture(given.get("src", ""))

    # ------------------------------------------------------------------------------------------ addresses

    def add_picture(self, link: str) -> None:
        if link.strip().lower().startswith("data:"):
            self.n_embedded += 1
        elif address := self.resolved(link):
            self.pictures.setdefault(address)

    def resolved(self, link: str) -> str | None:
        """Return the address of a link; None for what is no web address, and no file on a saved page."""
        link = re.sub(r"[\t\r\n]", "", link).strip()
        if not link or link.startswith("#"):
            return None
        base = self.base
        if base.startswith("file:") and link.startswith("/"):
            base = self.saved_from or ("https:" if link.startswith("//") else "")
            if not base.startswith(("http:", "https:")):
                self.homeless.setdefault(link)
                return None
        try:
            address = urldefrag(urljoin(base, link)).url
            scheme = urlsplit(address).scheme
        except ValueError:
            return None
        from_disk = scheme == "file" and self.base.startswith("file:")
        return address if scheme in ("http", "https") or from_disk else None


def _sizes(given: _Attributes) -> list[tuple[float, str]]:
    """Read what sizes a picture is there in: the numbers tell widths or densities, the largest is wanted."""
    found: list[tuple[float, str]] = []
    for name in _SETS:
        text, at = given.get(name, ""), 0
        while match := _ADDRESS.match(text, _end(_GAP.match(text, at))):
            address, at = match.group(), match.end()
            number = None
            if address.endswith(","):
                address = address.rstrip(",")
            else:
                number = _SIZE.match(text, at)
                comma = text.find(",", at)
                at = len(text) if comma < 0 else comma
            found.append((float(number.group(1)) if number else 1.0, address))
    return found


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0


def _urls_of_style(style: str) -> Iterator[str]:
    """Find ``url(...)`` in a style."""
    at = 0
    while (match := _URL.search(style, at)) and (end := style.find(")", match.end())) >= 0:
        yield style[match.end() : end].strip().strip("\"'")
        at = end


def _ending(address: str) -> str:
    try:
        return PurePosixPath(unquote(urlsplit(address).path)).suffix.lower()
    except ValueError:
        return ""
