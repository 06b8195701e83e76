from __future__ import annotations

import os
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.filing.names import FreeNames, safe_name

DEVICES = ["CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "COM¹", "CONIN$", "conout$"]
# Any text at all, lone surrogates too, and what is hard more often than by chance.
texts = st.text(
    st.one_of(st.characters(exclude_categories=()), st.sampled_from('. <>:"/\\|?*\u202e\u200d\u0301👩🏽字\udce9\x00\n'))
) | st.builds(
    "".join, st.lists(st.sampled_from([*DEVICES, ".", " ", "con", ".jpg", "a" * 260, "字" * 90, "é", "e\u0301"]))
)


@given(texts, st.integers(32, 255))
def test_names_are_safe_on_every_file_system(text: str, max_bytes: int) -> None:
    name = safe_name(text, max_bytes=max_bytes)
    assert 0 < len(name.encode("utf-8")) <= max_bytes  # would raise for what is no UTF-8
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f]', name)
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Cn", "Zl", "Zp") for character in name)
    assert name[-1] not in ". "
    assert name[0] != " "
    assert re.split(r"\s*(\.|$)", name)[0].upper() not in {device.upper() for device in DEVICES}
    assert unicodedata.is_normalized("NFC", name)
    assert not any("\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069" for character in name)


@given(texts)
def test_a_safe_name_stays_as_it_is(text: str) -> None:
    name = safe_name(text)
    assert safe_name(name) == name


@given(st.lists(texts, max_size=30))
def test_no_two_names_are_the_same_on_any_file_system(given_names: list[str]) -> None:
    names = FreeNames()
    taken = [names.take(text) for text in given_names]
    for form in ("NFC", "NFD", "NFKC"):
        assert len({unicodedata.normalize(form, name.casefold()) for name in taken}) == len(taken)
    assert all(safe_name(name) == name for name in taken)


@given(
    st.lists(st.sampled_from(["a.jpg", "A.JPG", "a (2).jpg", "é.png", "e\u0301.png", "x" * 255 + ".jpg"]), max_size=12)
)
def test_names_depend_on_nothing_but_what_came_before(given_names: list[str]) -> None:
    one, other = FreeNames(), FreeNames()
    assert [one.take(name) for name in given_names] == [other.take(name) for name in given_names]


@pytest.mark.parametrize(
    "text",
    [
        "猫 🐼.jpg",
        "Ångström.png",
        "👨‍👩‍👧 family.gif",
        "مرحبا.jpg",
        "naïve café.webp",
        ".hidden.jpg",
        "a.tar.gz",
        "IMG (1).JPG",
        "=1+1.jpg",
    ],
)
def test_ordinary_names_of_all_languages_stay(text: str) -> None:
    assert safe_name(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 300 + ".jpeg", "a" * 250 + ".jpeg"),
        ("字" * 100 + ".png", "字" * 83 + ".png"),
        ("👨‍👩‍👧" * 20, "👨‍👩‍👧" * 14),
        ("e\u0301" * 200, "é" * 127),
        ("con" + " " * 300 + "x", "_con"),
        ("caf\udce9.png", "caf_.png"),
        ("\u202egnp.exe", "gnp.exe"),
        ("nul", "_nul"),
        ("Com1.tar.gz", "_Com1.tar.gz"),
        ("a\tb\nc", "a b c"),
        ("", "unnamed"),
        ("\x00", "unnamed"),
        ("." * 300 + ".jpg", "unnamed.jpg"),
    ],
)
def test_what_is_not_safe_is_changed_as_little_as_can_be(text: str, expected: str) -> None:
    assert safe_name(text) == expected


def test_a_number_keeps_the_ending_and_the_length() -> None:
    names = FreeNames()
    long = "x" * 251 + ".jpg"
    assert [names.take(long), names.take(long)] == [long, "x" * 247 + " (2).jpg"]
    assert [names.take(name) for name in ("1.jpg", "1 (2).jpg", "1.jpg", "1.JPG")] == [
        "1.jpg",
        "1 (2).jpg",
        "1 (3).jpg",
        "1 (4).JPG",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="looks at what Linux and macOS take")
@given(st.lists(texts, min_size=1, max_size=5))
def test_this_file_system_takes_them(tmp_path_factory: pytest.TempPathFactory, given_names: list[str]) -> None:
    folder: Path = tmp_path_factory.mktemp("names")
    names = FreeNames()
    made = {names.take(text) for text in given_names}
    for name in made:
        (folder / name).touch(exist_ok=False)
    assert {unicodedata.normalize("NFC", name) for name in os.listdir(folder)} == made
