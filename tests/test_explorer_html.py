"""The HTML around the data: the policy names what is there, and nothing in the data can leave its block."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from explorerdata import SavedPage, write_assets
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.errors import InvalidParameterError
from concept_memes.explorer.page import binary_block, json_block, page_end, page_head, page_parts


def page_of(folder: Path, title: str = "photos", **parts: str) -> SavedPage:
    path = folder / "page.html"
    path.write_bytes(page_head(page_parts(write_assets(folder / "assets", **parts)), title) + page_end())
    return SavedPage(path)


def sha(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_names_exactly_the_script_and_the_style_that_are_there(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert f"script-src 'sha256-{sha(page.scripts[''])}'" in page.policy
    assert f"style-src 'sha256-{sha(page.style)}'" in page.policy
    assert "let a = 1;\nlet b = 2;" in page.scripts[""]


def test_windows_line_ends_do_not_change_the_hash_that_a_browser_computes(tmp_path: Path) -> None:
    page = page_of(tmp_path, script="let a = 1;\r\nlet c = 3;")
    raw = (tmp_path / "page.html").read_bytes()
    assert b"\r" not in raw
    assert sha(page.scripts[""]) in page.policy


def test_the_policy_comes_first_and_lets_nothing_come_from_elsewhere(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert page.tags[:5] == ["html", "head", "meta", "meta", "meta"]
    assert page.metas[0] == {"charset": "utf-8"}
    rules = dict(rule.split(" ", 1) for rule in page.policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert set(rules["img-src"].split()) == {"'self'", "file:", "data:", "blob:"}
    assert "unsafe" not in page.policy
    assert "http" not in page.policy
    assert "*" not in page.policy
    assert rules["require-trusted-types-for"] == "'script'"


def test_the_page_in_the_package_names_no_address_and_no_style_or_handler_in_its_tags() -> None:
    parts = page_parts()
    whole = page_head(parts, "title").decode()
    assert not re.search(r"(?:src|href|action|url)\s*[=(]\s*[\"']?\s*(?:https?:)?//", whole)
    found: list[str] = []

    class Attributes(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(name for name, _ in attrs)

    Attributes().feed(parts.skeleton)
    assert "id" in found
    assert not [name for name in found if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("part", ["</script", "</SCRIPT >", "<!--"])
def test_a_script_that_would_end_its_element_is_refused(tmp_path: Path, part: str) -> None:
    with pytest.raises(InvalidParameterError, match="whose script holds neither"):
        page_of(tmp_path, script=f"let a = '{part}';")


def test_a_style_that_would_end_its_element_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match="whose style holds neither"):
        page_of(tmp_path, style="</style><p>")


def test_a_title_is_text(tmp_path: Path) -> None:
    title = "</title><script>alert(1)</script> & 'odd' \udcff"
    page = page_of(tmp_path, title)
    assert page.title == title.replace("\udcff", "?")
    assert list(page.scripts) == [""]


@pytest.mark.parametrize(
    "name",
    [
        "<img src=x onerror=alert(1)>.jpg",
        "</script><script>alert(1)</script>.jpg",
        "<!--<script>.jpg",
        "\u2028\u2029.jpg",
        "\udcff\udc80.jpg",
        "\x00\x07\x1b[31m\x7f.jpg",
        "&lt;b&gt;&amp;.jpg",
        "]]>.jpg",
        "\"\\'`${1}.jpg",
        "猫 😀 عربي.jpg",
    ],
)
def test_a_name_comes_out_of_its_block_as_it_went_in(name: str) -> None:
    block = b"".join(json_block("core", {name: [name]}))
    inner = block.removeprefix(b'<script type="application/json" id="core">').removesuffix(b"</script>\n")
    assert not set(inner) & set(b"<>&")
    assert inner.isascii()
    assert json.loads(inner) == {name: [name]}


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner)))
def test_no_text_can_leave_a_block_of_json(value: object) -> None:
    inner = b"".join(list(json_block("core", value))[1:-1])
    assert not set(inner) & set(b"<>&")
    assert json.loads(inner) == value


def test_numbers_that_json_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        list(json_block("core", [float("nan")]))


@pytest.mark.parametrize("n_rows", [0, 1, 5, 70_000])
@pytest.mark.parametrize("kind", ["int8", "float32", "uint32", ">f4"])
def test_binary_blocks_are_little_endian_rows_in_one_run_of_base64(n_rows: int, kind: str) -> None:
    numbers = np.arange(n_rows * 12).reshape(n_rows, 12).astype(kind)
    block = b"".join(binary_block("numbers", numbers)).decode()
    text = re.fullmatch(r'<script type="text/plain" id="numbers">([A-Za-z0-9+/]*=*)</script>\n', block)
    assert text
    little = np.dtype(kind).newbyteorder("<")
    assert np.array_equal(np.frombuffer(base64.b64decode(text[1]), little).reshape(-1, 12), numbers)
