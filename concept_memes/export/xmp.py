"""Keywords in XMP: a new sidecar, or one that is there with keywords added and every other byte as it was.

A sidecar is not written anew from what a parser understood: keywords are put in at a place that the parser finds, so
that what other programs keep in there, and how they write it, stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import escape

__all__ = ["SidecarError", "new_sidecar", "with_keywords"]

DC = "http://purl.org/dc/elements/1.1/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
# Characters that XML 1.0 cannot hold, not even as references.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# An opening tag; what is quoted may hold its end.
TAG = re.compile(rb"""<([^\s/>]+)(?:[^"'>]|"[^"]*"|'[^']*')*>""")
CONTAINERS = tuple(f"{RDF} {name}" for name in ("Bag", "Seq", "Alt"))
NAMES = f'xmlns:dc="{DC}" xmlns:rdf="{RDF}"'


UNUSUAL = "its sidecar holds its keywords in an unusual way"


class SidecarError(Exception):
    """A sidecar that keywords cannot be put into; the reason is in words for people."""


def new_sidecar(keywords: Sequence[str]) -> bytes:
    """Make a sidecar that holds keywords and nothing else.

    Parameters
    ----------
    keywords : sequence of str

    Returns
    -------
    bytes

    Examples
    --------
    >>> with_keywords(new_sidecar(["panda"]), ["panda"]) is None
    True
    """
    items = "".join(f"\n     <rdf:li>{escape(keyword)}</rdf:li>" for keyword in _known(keywords))
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="concept_memes">\n'
        f' <rdf:RDF xmlns:rdf="{RDF}">\n'
        f'  <rdf:Description rdf:about="" xmlns:dc="{DC}">\n'
        f"   <dc:subject>\n    <rdf:Bag>{items}\n    </rdf:Bag>\n   </dc:subject>\n"
        '  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>\n'
    ).encode()


def with_keywords(data: bytes, keywords: Sequence[str]) -> bytes | None:
    """Add keywords to a sidecar.

    Parameters
    ----------
    data : bytes
        What is in it.
    keywords : sequence of str

    Returns
    -------
    bytes or None
        None where it has all of them already.

    Raises
    ------
    SidecarError
        If it is no XMP in UTF-8 that can be read safely.
    """
    place = _Sidecar().read(data)
    missing = [keyword for keyword in _known(keywords) if keyword not in place.subjects]
    if not missing:
        return None
    if place.bag is not None:
        prefix = _tag(data, place.bag)[1].decode().rpartition(":")[0]
        made = _inserted(data, place.bag, "".join(_item(keyword, prefix) for keyword in missing))
    elif place.description is not None:
        made = _inserted(data, place.description, _subject(missing))
    elif place.rdf is not None:
        described = f'<rdf:Description rdf:about="" {NAMES}>{_subject(missing)}</rdf:Description>'
        made = _inserted(data, place.rdf, described)
    else:
        raise SidecarError("its sidecar holds no XMP")
    after = _Sidecar().read(made)  # nothing is written that has not been read again
    if after.subjects != [*place.subjects, *missing] or after.n_elements < place.n_elements:
        raise SidecarError("keywords cannot be put into its sidecar")
    return made


@dataclass
class _Element:
    """Where the opening and the closing tag of an element begin, in bytes."""

    start: int
    end: int = -1


class _Sidecar:
    """Finds the keywords of a sidecar, and the places where more can go. Nothing is loaded; entities are refused."""

    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.rdf: _Element | None = None
        self.description: _Element | None = None
        self.bag: _Element | None = None
        self.n_elements = 0
        self._n_lists = 0
        self._path: list[tuple[str, _Element]] = []
        self._text: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.XmlDeclHandler = _check_encoding
        self._parser.StartDoctypeDeclHandler = _refuse_entities
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append

    def read(self, data: bytes) -> _Sidecar:
        """Read a whole sidecar."""
        if b"\0" in data:
            raise SidecarError("its sidecar is not in UTF-8")
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise SidecarError(f"its sidecar is damaged: {error}") from error
        if self._n_lists != (self.bag is not None):
            raise SidecarError(UNUSUAL)
        return self

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if f"{DC} subject" in attributes:
            raise SidecarError(UNUSUAL)
        self.n_elements += 1
        element = _Element(self._parser.CurrentByteIndex)
        self._path.append((name, element))
        self._text.clear()
        names = [name for name, _ in self._path[-2:]]
        if name == f"{RDF} RDF":
            self.rdf = self.rdf or element
        elif names[-2:] == [f"{RDF} RDF", f"{RDF} Description"]:
            self.description = self.description or element
        elif names[-2:] == [f"{RDF} Description", f"{DC} subject"]:
            self._n_lists += 1
        elif names[-2:-1] == [f"{DC} subject"] and name in CONTAINERS:
            self.bag = self.bag or element

    def _end(self, name: str) -> None:
        _, element = self._path.pop()
        element.end = self._parser.CurrentByteIndex
        if name == f"{RDF} li" and self._path and self._path[-1][1] is self.bag:
            self.subjects.append("".join(self._text).strip())


def _check_encoding(version: str, encoding: str | None, standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise SidecarError(f"its sidecar is in {encoding}, not in UTF-8")


def _refuse_entities(*_: object) -> None:
    raise SidecarError("its sidecar declares entities, which is not safe to read")


def _tag(data: bytes, element: _Element) -> re.Match[bytes]:
    """Find the opening tag of an element, and its name."""
    match = TAG.match(data, element.start)
    if match is None:
        raise SidecarError("keywords cannot be put into its sidecar")
    return match


def _inserted(data: bytes, element: _Element, content: str) -> bytes:
    """Put something in at the end of an element; open it where it is written as one empty tag."""
    added, tag = content.encode(), _tag(data, element)
    if not tag[0].endswith(b"/>"):
        return data[: element.end] + added + data[element.end :]
    return data[: tag.end() - 2] + b">" + added + b"</" + tag[1] + b">" + data[tag.end() :]


def _item(keyword: str, prefix: str) -> str:
    name = f"{prefix}:li" if prefix else "li"
    return f"<{name}>{escape(keyword)}</{name}>"


def _subject(keywords: Sequence[str]) -> str:
    items = "".join(_item(keyword, "rdf") for keyword in keywords)
    return f"<dc:subject {NAMES}><rdf:Bag>{items}</rdf:Bag></dc:subject>"


def _known(keywords: Sequence[str]) -> list[str]:
    """Return keywords as XML can hold them, each once."""
    clean = (" ".join(NOT_XML.sub("", keyword).split()) for keyword in keywords)
    return list(dict.fromkeys(keyword for keyword in clean if keyword))
