from __future__ import annotations

from pathlib import Path

import pytest

from concept_memes.remote.addresses import joined, local_path
from concept_memes.remote.kept_copies import is_web_address


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///pics/a.jpg", "/pics/a.jpg"),
        ("FILE://localhost/pics/a.jpg", "/pics/a.jpg"),
        ("file:///two%20cats%23%3F.jpg", "/two cats#?.jpg"),
        ("file:///a?b#c.jpg", "/a?b#c.jpg"),
        ("file:///caf%E9.jpg", "/caf\udce9.jpg"),
        ("file://elsewhere/pics/a.jpg", None),
        ("file://", None),
        ("https://example.org/a.jpg", None),
        ("zip://a.jpg::file:///a.zip", None),
    ],
)
def test_files_of_this_machine_are_known_by_their_addresses(address: str, path: str | None) -> None:
    assert local_path(address) == (None if path is None else Path(path))


def test_a_path_as_an_address_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "100%25 ü\n#.jpg"
    assert local_path(path.as_uri()) == path


@pytest.mark.parametrize(
    ("base", "entry", "meant"),
    [
        ("https://example.org/x/list.txt", "a b.jpg", "https://example.org/x/a b.jpg"),
        ("https://example.org/x/list.txt", "/a.jpg", "https://example.org/a.jpg"),
        ("https://example.org/x/list.txt", "../a.jpg", "https://example.org/a.jpg"),
        ("https://example.org/x/list.txt", "//cdn.example.org/a.jpg", "https://cdn.example.org/a.jpg"),
        ("https://example.org/list.txt", "s3://bucket/a.jpg", "s3://bucket/a.jpg"),
        ("zip://x/list.txt::s3://bucket/a.zip", "a.jpg", "zip://x/a.jpg::s3://bucket/a.zip"),
        ("https://example.org/list.txt", "//[", None),
        ("s3://bucket/list.txt", "file:///etc/passwd", None),
        ("s3://bucket/list.txt", "zip://a.jpg::file:///a.zip", None),
        ("s3://bucket/list.txt", "local:///etc/passwd", None),
        ("https://example.org/list.txt", "zip://a.jpg::/home/me/a.zip", None),
        ("https://example.org/list.txt", "simplecache::zip://a.jpg::/home/me/a.zip", None),
        ("https://example.org/list.txt", "zip://a.jpg::s3://bucket/a.zip", "zip://a.jpg::s3://bucket/a.zip"),
        ("https://example.org/list.txt", "https://example.org/a::b.jpg", "https://example.org/a::b.jpg"),
        ("https://example.org/list.txt", "C:/Users/me/a.jpg", None),
        ("https://example.org/list.txt", "file:/home/me/a.jpg", None),
        ("zip://list.txt::https://example.org/a.zip", "a.jpg::/home/me/a.zip", None),
    ],
)
def test_entries_of_a_list_from_elsewhere(base: str, entry: str, meant: str | None) -> None:
    assert joined(base, entry) == meant


def test_addresses_of_the_web() -> None:
    assert is_web_address("http://example.org")
    assert not any(is_web_address(text) for text in ("https:/example.org", "httpx://a", "C:\\http://", ""))
