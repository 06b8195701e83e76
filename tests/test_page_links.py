from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.remote.page_links import picture_links

BASE = "https://example.org/a/page.html"


def pictures(html: str | bytes, base: str = BASE, content_type: str = "") -> list[str]:
    """List the pictures, without what all have in common."""
    found = picture_links(html, base, content_type=content_type).pictures
    return [address.removeprefix("https://example.org") for address in found]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="cat.jpg">', ["/a/cat.jpg"]),
        ("<IMG SRC=/cat.php?id=7>", ["/cat.php?id=7"]),
        ('<img src="cat.jpg"><img src="./cat.jpg#top">', ["/a/cat.jpg"]),
        ('<img src=" ca\nt.jpg ">', ["/a/cat.jpg"]),
        ('<img src="//cdn.example.com/cat.jpg">', ["https://cdn.example.com/cat.jpg"]),
        ('<img src="?a=1&amp;b=2&copy=3&region=4">', ["/a/page.html?a=1&b=2&copy=3&region=4"]),
        ('<img src="small.jpg" srcset="mid.jpg 2x, large.jpg 3x">', ["/a/large.jpg"]),
        ('<img src="small.jpg" srcset="w_9,h_9/mid.jpg 800w,large.jpg 1600w">', ["/a/large.jpg"]),
        ('<img srcset="a.jpg, b.jpg 2x">', ["/a/b.jpg"]),
        ('<img srcset=" , ,a.jpg">', ["/a/a.jpg"]),
        ('<img src="blank.gif" data-src="cat.jpg">', ["/a/cat.jpg"]),
        ('<img src="data:image/gif;base64,AA" data-srcset="a.jpg 1x, b.jpg 2x">', ["/a/b.jpg"]),
        (
            '<picture><source srcset="a.avif 800w, b.avif 1600w" type="image/avif"><img src="a.jpg"></picture>',
            ["/a/b.avif"],
        ),
        ('<picture><source srcset="a.webp"><img src="a.jpg"></picture>', ["/a/a.jpg"]),
        ('<picture><source srcset="a.svg 9x" type="image/svg+xml"><img src="a.jpg"></picture>', ["/a/a.jpg"]),
        ('<picture><source srcset="a.webp"></picture><img src="b.jpg">', ["/a/a.webp", "/a/b.jpg"]),
        ('<picture><source srcset="a.webp">', ["/a/a.webp"]),
        ('<a href="large.JPG"><img src="small.jpg"></a><img src="other.jpg">', ["/a/large.JPG", "/a/other.jpg"]),
        ('<a href="large.jpg"><picture><source srcset="s.webp"><img src="s.jpg"></picture></a>', ["/a/large.jpg"]),
        ('<a href="large.jpg">unclosed <img src="s.jpg"><p><img src="other.jpg">', ["/a/large.jpg", "/a/other.jpg"]),
        ('<a href="page2"><img src="cat.jpg"></a>', ["/a/cat.jpg"]),
        ('<a href="p%2Ejpg">', ["/a/p%2Ejpg"]),
        ('<link rel="image_src" href="cat.jpg">', ["/a/cat.jpg"]),
        ('<link rel="icon" href="icon.png">', []),
        ('<meta property="og:image" content="/cat.jpg">', ["/cat.jpg"]),
        ('<meta name="twitter:image" content="/cat.jpg">', ["/cat.jpg"]),
        ('<meta name="description" content="cat.jpg">', []),
        ('<video poster="cat.jpg" src="film.mp4"></video>', ["/a/cat.jpg"]),
        ('<input type="image" src="cat.jpg">', ["/a/cat.jpg"]),
        ("<div style=\"background: url('cat.jpg'), url( dog.jpg )\">", ["/a/cat.jpg", "/a/dog.jpg"]),
        ("<style>body { background: url(cat.jpg) }</style>", []),
        ('<script>"<img src=cat.jpg>"</script>', []),
        ('<!-- <img src="cat.jpg"> -->', []),
        ('<noscript><img src="cat.jpg"></noscript>', ["/a/cat.jpg"]),
        ('<base href="/b/"><base href="/c/"><img src="cat.jpg">', ["/b/cat.jpg"]),
        ('<img src="javascript:alert(1)"><img src="file:///etc/cat.jpg"><img src="ftp://x/cat.jpg">', []),
        ('<img src="http://[::/cat.jpg"><img src="b.jpg">', ["/a/b.jpg"]),
        ('<img src><img src=""><img><a>', []),
        ('<![foo[ ]]><img src="b.jpg">', ["/a/b.jpg"]),
        ('<img src="a.jpg" <div <a href="b.jpg" <<<><img src="c.jpg">', ["/a/a.jpg", "/a/c.jpg"]),
        ('<dom-module get="x"><_reader><img src="a.jpg">', ["/a/a.jpg"]),
        ('<img src="a.jpg" src="b.jpg">', ["/a/a.jpg"]),
        ("", []),
    ],
)
def test_pictures_of_a_page(html: str, expected: list[str]) -> None:
    assert pictures(html) == expected


def test_pages_are_what_links_lead_to_but_for_files() -> None:
    html = (
        '<a href="2.html#top">2</a><a href="2.html">2</a><a href="/gallery/">g</a><a href="#top">top</a>'
        '<a href="mailto:me@example.org">me</a><a href="film.mp4">film</a><a href="x" download>x</a>'
        '<area href="map"><link rel="next" href="?page=2"><link rel="stylesheet" href="style">'
    )
    assert picture_links(html, BASE).pages == (
        "https://example.org/a/2.html",
        "https://example.org/gallery/",
        "https://example.org/a/map",
        "https://example.org/a/page.html?page=2",
    )


def test_pictures_inside_the_page_are_counted() -> None:
    html = '<img src="data:image/png;base64,AAAA"><i style="background:url(data:image/gif;base64,AA)">'
    links = picture_links(html, BASE)
    assert (links.pictures, links.n_embedded) == ((), 2)


@pytest.mark.parametrize(
    ("page", "content_type"),
    [
        ("<img src='ü.jpg'>".encode(), ""),
        ("<img src='ü.jpg'>".encode("utf-8-sig"), "text/html; charset=latin-1"),
        ("<img src='ü.jpg'>".encode("latin-1"), 'text/html; charset="ISO-8859-1"'),
        ("<meta charset=windows-1252><img src='ü.jpg'>".encode("cp1252"), "text/html"),
        ("\ufeff<img src='ü.jpg'>".encode("utf-16-be"), ""),
        ("<meta charset=no-such><img src='ü.jpg'>".encode(), "text/html; charset=nor-this"),
    ],
)
def test_the_encoding_is_found(page: bytes, content_type: str) -> None:
    assert pictures(page, content_type=content_type) == ["/a/ü.jpg"]


def test_bytes_that_cannot_be_decoded_do_not_hide_the_rest() -> None:
    assert pictures(b"\xff\xfa<img src=a.jpg>\xc3") == ["/a/a.jpg"]


def test_the_links_of_a_saved_page_are_files_beside_it() -> None:
    html = '<img src="page_files/a.jpg"><img src="../b.jpg"><img src="https://example.org/c.jpg"><img src="/d.jpg">'
    links = picture_links(html + '<img src="//cdn.org/e.jpg">', "file:///home/me/page.html")
    assert links.pictures == (
        "file:///home/me/page_files/a.jpg",
        "file:///home/b.jpg",
        "https://example.org/c.jpg",
        "https://cdn.org/e.jpg",
    )
    assert links.homeless == ("/d.jpg",)


def test_a_saved_page_may_say_where_it_is_from() -> None:
    html = '<!-- saved from url=(0019)https://example.org/x/ --><html><img src="/d.jpg"><img src="e.jpg">'
    links = picture_links(html, "file:///home/me/page.html")
    assert links.pictures == ("https://example.org/d.jpg", "file:///home/me/e.jpg")
    assert links.homeless == ()


PIECES = st.sampled_from(
    [
        "<",
        ">",
        '"',
        "'",
        "=",
        " ",
        "/",
        "<a href=",
        "<img srcset=",
        "<picture>",
        "</picture>",
        "<!--",
        "<![",
        "&amp",
        ",",
    ]
    + [
        "<base href=",
        "<source srcset=",
        "style='url(",
        "http://[",
        "//",
        "<script>",
        "</script>",
        "1x",
        "data:",
        "a.jpg",
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join))
def test_no_page_is_too_broken(html: str) -> None:
    for base in (BASE, "file:///home/page.html"):
        links = picture_links(html, base)
        assert all(address.startswith(("http://", "https://", "file:///")) for address in links.pictures + links.pages)
        assert len(set(links.pictures)) == len(links.pictures)


@pytest.mark.parametrize("charset", ["undefined", "idna", "no-such"])
def test_encodings_that_are_none_do_no_harm(charset: str) -> None:
    links = picture_links(b'<img src="caf\xc3\xa9.jpg">', BASE, content_type=f"text/html; charset={charset}")
    assert [address.rpartition("/")[2] for address in links.pictures] == ["café.jpg"]


@pytest.mark.parametrize(
    "html", ["<p style='" + "url(a.jpg)" * 500_000 + "'>", '<img srcset="a.jpg ' + "1" * 2_000_000 + '">']
)
def test_long_lines_take_a_time_that_grows_with_their_length_only(html: str) -> None:
    assert len(picture_links(html, BASE).pictures) == 1  # hours, where each step looks at all of the line
