"""Addresses of pictures: relative, and such that no name can be taken for something else."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import pytest

from concept_memes.explorer.links import link_to

PAGE = Path("/reports/of mine/concepts.html")
NAMES = [
    "plain.jpg",
    "with space.jpg",
    "50% off #1?.jpg",
    "a&b=c;d.jpg",
    "javascript:alert(1).jpg",
    "C:nul.jpg",
    "\"quotes' `and` <tags>.jpg",
    "猫 😀.jpg",
    "~tilde.jpg",
]


@pytest.mark.parametrize(
    "name", [*NAMES, pytest.param("back\\slash.jpg", marks=pytest.mark.skipif(os.sep == "\\", reason="a folder there"))]
)
@pytest.mark.parametrize("folder", ["/reports/of mine", "/reports/of mine/pictures", "/elsewhere/100%", "/"])
def test_the_address_leads_from_the_page_to_the_file(name: str, folder: str) -> None:
    link = link_to(Path(folder, name), PAGE)
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert link.isascii()
    assert not set(link) & set("\\\"'<>` ")
    found = urlsplit(urljoin("file:///reports/of%20mine/concepts.html", link)).path
    assert os.fsdecode(unquote_to_bytes(found)) == str(Path(folder, name))


def test_a_name_that_is_not_utf8_keeps_its_bytes() -> None:
    assert link_to(Path("/reports", os.fsdecode(b"caf\xe9.jpg")), Path("/reports/a.html")) == "caf%E9.jpg"


def test_a_picture_on_another_drive_has_an_absolute_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def other_drive(path: object, start: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", other_drive)
    assert link_to(Path("/d/a #1.jpg"), PAGE) == "file:///d/a%20%231.jpg"
