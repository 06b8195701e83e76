from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.remote.html_tags import html_tags


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no tags", []),
        ("<IMG SRC=a.jpg>", [("img", {"src": "a.jpg"})]),
        ("<img src='a b'alt=\"x>y\"/>", [("img", {"src": "a b", "alt": "x>y"})]),
        ("<img\n src = a.jpg hidden>", [("img", {"src": "a.jpg", "hidden": ""})]),
        ("<a href=/x/y/>", [("a", {"href": "/x/y/"})]),
        ("<img src=1 SRC=2>", [("img", {"src": "1"})]),
        ("<a href='?x=1&amp;y=2&copy=3&#38;z'>", [("a", {"href": "?x=1&y=2&copy=3&z"})]),
        ("<a title='&copy; &eacute;'>", [("a", {"title": "\u00a9 \u00e9"})]),
        ("</A ><b>", [("/a", {}), ("b", {})]),
        ("1 < 2 <b>", [("b", {})]),
        ("<!-- <a> --><b><!--><i>", [("b", {}), ("i", {})]),
        ("<!DOCTYPE html><?xml?><![CDATA[x]]><b>", [("b", {})]),
        ("<script>'<a>' </scripty></script><b>", [("script", {}), ("/script", {}), ("b", {})]),
        ("<style><a></STYLE ><b>", [("style", {}), ("/style", {}), ("b", {})]),
        ("<b><!-- <a>", [("b", {})]),
        ("<b><script><a>", [("b", {}), ("script", {})]),
        ("<img src=a.jpg", [("img", {"src": "a.jpg"})]),
        ("<img src='a.jpg", [("img", {"src": "'a.jpg"})]),
        ("<img =x>", [("img", {"=": "", "x": ""})]),
        ("<", []),
        ("</", []),
    ],
)
def test_tags_are_read(text: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert list(html_tags(text)) == expected


WORDS = st.text("abcxyz", min_size=1, max_size=4)
ATTRIBUTES = st.dictionaries(WORDS, st.text("abc <>&;=/\u00e9 ", max_size=6), max_size=3)


@given(st.lists(st.tuples(WORDS, ATTRIBUTES), max_size=6))
def test_well_formed_pages_are_read_as_the_standard_library_reads_them(tags: list[tuple[str, dict[str, str]]]) -> None:
    text = "".join(
        f"text <{name}" + "".join(f' {key}="{value}"' for key, value in attributes.items()) + ">"
        for name, attributes in tags
    )
    if any("&" in value for _, attributes in tags for value in attributes.values()):
        text = text.replace("&", "&amp;")
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(text)
    assert list(html_tags(text)) == found


@given(st.text("<>/!-?='\"& ab[script", max_size=60))
def test_any_text_is_read_to_its_end(text: str) -> None:
    for name, attributes in html_tags(text):
        assert name == name.lower()
        assert all(key == key.lower() for key in attributes)


@pytest.mark.timeout(60)  # minutes or hours, if the time grew with the square of the length
@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<a ",
        "<![x[",
        "<",
        "<a href='",
        "<a href=\"' ",
        "</",
        "</a ",
        "<?",
        "<!",
        "<script>",
        "<a =",
        "<a x ",
        "&a",
    ],
)
def test_a_page_made_to_take_long_takes_its_length(piece: str) -> None:
    text = piece * 300_000
    assert sum(1 for _ in html_tags(text)) <= 300_000
