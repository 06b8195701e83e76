from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.remote.kept_copies import is_address, kept_path, shown_address

FOLDER = Path("kept")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.org/a.jpg", True),
        ("HTTP://example.org", True),
        ("s3://bucket/a.jpg", True),
        ("simplecache::s3://bucket/a.jpg", True),
        ("zip://a.jpg::https://example.org/a.zip", True),
        ("C:\\pictures\\a.jpg", False),
        ("C:/pictures/a.jpg", False),
        ("c://pictures", False),
        ("table.csv::column", False),
        ("data:image/png;base64,AAAA", False),
        ("what? http://example.org", False),
        ("", False),
    ],
)
def test_addresses_are_told_from_paths(text: str, expected: bool) -> None:
    assert is_address(text) is expected


@pytest.mark.parametrize(
    ("address", "ending"),
    [
        ("https://example.org/a.JPG?x=.exe#.bat", ".jpg"),
        ("https://example.org/a", ""),
        ("https://example.org.uk", ""),
        ("https://example.org/a.tar.gz", ".tar.gz"),
        ("https://example.org/a.b.gz", ".gz"),
        ("https://example.org/a.jp%67", ""),
        ("https://example.org/a.j p", ""),
        ("https://example.org/.jpg", ""),
        ("s3://bucket/a#1.webp", ".webp"),
        ("http://[::/a.jpg", ""),
    ],
)
def test_the_ending_is_kept_for_people_where_it_is_safe(address: str, ending: str) -> None:
    assert "".join(kept_path(FOLDER, address).suffixes) == ending


@pytest.mark.parametrize(
    "other",
    [
        "HTTPS://EXAMPLE.org/Cat.jpg?size=1",
        "https://example.org/Cat.jpg?size=1#top",
    ],
)
def test_what_makes_no_difference_to_the_server_makes_none_to_the_place(other: str) -> None:
    assert kept_path(FOLDER, other) == kept_path(FOLDER, "https://example.org/Cat.jpg?size=1")


@pytest.mark.parametrize(
    "other",
    [
        "http://example.org/Cat.jpg?size=1",
        "https://example.org/cat.jpg?size=1",
        "https://example.org/Cat.jpg?size=2",
        "https://example.org:8000/Cat.jpg?size=1",
        "https://me@example.org/Cat.jpg?size=1",
        "s3://example.org/Cat.jpg?size=1",
    ],
)
def test_what_may_be_another_picture_has_another_place(other: str) -> None:
    assert kept_path(FOLDER, other) != kept_path(FOLDER, "https://example.org/Cat.jpg?size=1")


def test_a_new_password_finds_the_copy_but_a_new_user_does_not() -> None:
    one, two, three = (kept_path(FOLDER, f"https://{login}@example.org/a") for login in ("me:1", "me:2", "you:1"))
    assert one == two != three


@given(st.text())
def test_every_text_has_a_place_inside_the_folder(text: str) -> None:
    place = kept_path(FOLDER, text)
    assert place.parent.parent == FOLDER
    assert place.name.isascii()
    assert place == kept_path(FOLDER, text)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:pass@example.org/a@b.jpg", "https://example.org/a@b.jpg"),
        ("https://me:p@ss@example.org/", "https://example.org/"),
        ("https://example.org/a.jpg?keyword=cat&page=2", "https://example.org/a.jpg?keyword=cat&page=2"),
        ("https://x.org/a?X-Amz-Signature=1f&X-Amz-Date=2", "https://x.org/a?X-Amz-Signature=***&X-Amz-Date=2"),
        ("https://x.org/a?access_token=1&b=2", "https://x.org/a?access_token=***&b=2"),
        ("https://x.org/a?apiKey=1;sig=2#key=3", "https://x.org/a?apiKey=***;sig=***#key=***"),
        ("s3://key:secret@bucket/a.jpg", "s3://bucket/a.jpg"),
        ("http://[::/a.jpg?token=1", "http://[::/a.jpg?token=***"),
        ("a/path.jpg?token=1", "a/path.jpg?token=1"),
    ],
)
def test_logins_and_keys_are_not_shown(address: str, shown: str) -> None:
    assert shown_address(address) == shown


def test_chained_addresses_are_cleaned_too() -> None:
    shown = shown_address("zip://a.jpg::https://me:secret@example.org/a.zip?token=secret")
    assert shown == "zip://a.jpg::https://example.org/a.zip?token=***"


@pytest.mark.parametrize("name", ["pass", "accesskey", "authtoken", "access_key", "apiToken"])
def test_keys_are_known_by_many_names(name: str) -> None:
    assert shown_address(f"https://example.org/a.jpg?{name}=abc") == f"https://example.org/a.jpg?{name}=***"
