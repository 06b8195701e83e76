from __future__ import annotations

import io
import tarfile
import zipfile

import pytest
from badfiles import AVIF_HEADER, HTML, SVG, VIDEO_HEADER, encoded, picture
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.remote.content_kinds import N_FIRST_BYTES, content_kind, no_picture, picture_is_whole


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.jpg"))
    return buffer.getvalue()


def empty_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w"):
        pass
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said", "kind"),
    [
        (encoded(picture(), "PNG"), "text/html", "picture"),
        (AVIF_HEADER, "", "picture"),
        (HTML, "image/jpeg", "page"),
        (b"\xef\xbb\xbf  <!-- a --> <?xml version='1.0'?>\n<!DOCTYPE HTML>", "", "page"),
        ("\ufeff<html><head>".encode("utf-16-le"), "", "page"),
        (b"<p>Hello", "", "page"),
        (b"Hello <img src=a.jpg>", "text/html; charset=utf-8", "page"),
        (tar(), "", "archive"),
        (empty_zip(), "application/octet-stream", "archive"),
        (b"\x1f\x8b\x08", "", "archive"),
        (b"PAR1....", "", "list"),
        (b"path,label\na.jpg,cat\n", "text/csv", "list"),
        (b"a.jpg\n", "", "list"),
        (b"a.jpg\n", "application/pdf", "other"),
        (SVG, "image/svg+xml", "other"),
        (SVG, "text/html", "other"),
        (b"<plans of a house>", "application/xml", "other"),
        (VIDEO_HEADER, "video/mp4", "other"),
        (b"", "text/plain", "other"),
    ],
)
def test_kinds_are_told_by_the_first_bytes(content: bytes, said: str, kind: str) -> None:
    assert content_kind(content[:N_FIRST_BYTES], said) == kind


@pytest.mark.parametrize(
    ("content", "said", "expected"),
    [
        (encoded(picture(), "GIF"), "", None),
        (b"", "image/png", "an empty file came"),
        (HTML, "image/png", "a web page came, not a picture"),
        (SVG, "", "an SVG drawing came, which cannot be read"),
        (VIDEO_HEADER, "video/mp4", "something else (video/mp4) came, not a picture"),
        (VIDEO_HEADER, "image/jpeg", "something else came, not a picture"),
        (VIDEO_HEADER, "<script>", "something else came, not a picture"),
        (b"words", "text/plain", "a text came, not a picture"),
    ],
)
def test_what_is_no_picture_is_named(content: bytes, said: str, expected: str | None) -> None:
    assert no_picture(content, said) == expected


@given(st.binary(max_size=600), st.text(max_size=60))
def test_any_bytes_are_of_some_kind(content: bytes, said: str) -> None:
    assert (content_kind(content, said) == "picture") is (no_picture(content, said) is None)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_picture_without_its_end_is_seen(kind: str) -> None:
    whole = encoded(picture(), kind)
    assert picture_is_whole(whole)
    assert picture_is_whole(whole + bytes(3))  # what some programs add
    assert not picture_is_whole(whole[:-12])


def test_formats_without_a_mark_of_their_end_pass() -> None:
    assert picture_is_whole(encoded(picture(), "BMP")[:-20])


def test_many_comments_are_read_in_one_way() -> None:
    assert content_kind(b"<!---->" * 70 + b"<section>") == "list"
    assert content_kind(b"<!---->" * 70 + b"<html>") == "page"
