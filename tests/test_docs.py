"""Every code block of the README, CONTRIBUTING and the documentation runs, or says why it does not."""

from __future__ import annotations

import importlib
import os
import re
import shutil
from pathlib import Path

import pageblocks
import pytest
import typer
from pageblocks import BlockError, Reader

from concept_memes import HubFreeEncoder
from concept_memes.cli import app

CACHE = os.environ["CONCEPT_MEMES_CACHE"]  # the session's, so that words are encoded once
ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(page, number, example.parsed, id=f"{page.relative_to(ROOT)}:{example.parsed.line}")
    for page in PAGES
    for number, example in enumerate(pageblocks.parse(page))
]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the pages have it: 120 pictures, more that are new, an archive, one like another, and memes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "demo")
        stickers, memes = map(importlib.import_module, ("make_stickers", "make_memes"))
    folder = tmp_path_factory.mktemp("pages") / "room"
    stickers.make_stickers(folder / "photos", per_concept=6)
    stickers.make_stickers(folder / "inbox", seed=1, per_concept=1)
    memes.make_memes(folder / "memes", n_captions=3, n_copies=2)
    for truth in folder.glob("*-truth.tsv"):
        truth.unlink()
    shutil.copy(folder / "inbox" / "sticker_0001.jpg", folder / "new.jpg")
    shutil.make_archive(str(folder / "photos"), "zip", folder / "photos")
    return folder


@pytest.fixture(scope="module")
def readers(room: Path) -> dict[Path, Reader]:
    """Who reads which page; a page's blocks build on each other."""
    found = {}
    for number, page in enumerate(PAGES):
        folder = shutil.copytree(room, room.with_name(f"page-{number}"))
        found[page] = Reader(page, folder, pageblocks.parse(page))
    return found


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No requests to the hub, so that "auto" is the hub-free model; one cache for all pages."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("CONCEPT_MEMES_CACHE", CACHE)


@pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason="the hub-free model is not installed")
@pytest.mark.usefixtures("offline")
@pytest.mark.filterwarnings("ignore::concept_memes.errors.FallbackWarning")
@pytest.mark.filterwarnings("ignore::concept_memes.errors.NoWordsWarning")  # networks that know pictures only say so
@pytest.mark.parametrize(("page", "number", "block"), BLOCKS)
def test_code_block_runs(page: Path, number: int, block: pageblocks.Block, readers: dict[Path, Reader]) -> None:
    if block.reason:
        pytest.skip(block.reason)
    readers[page].read_to(number)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("```python\n1 / 0\n```\n", "division"),
        ("```python\n1 + 1  # 3\n```\n", "says\n3\nand what comes out is\n2"),
        ("```python\n[range(2), range(3)]  # [slice(...), ...]\n```\n", "what comes out is\n.range"),
        ("```python\nprint('a cat')\n```\n\n```text\na dog\n```\n", "says\na dog"),
        ("```console\nconcept-memes info nowhere/\n```\n", "ended with"),
        ("```console\nrm -r photos\n```\n", "only concept-memes"),
        ("```\nwhat is this\n```\n", "language ''"),
        ("```toml\nx = 1\n```\n", "language 'toml'"),
        ("<!-- skip:  -->\n```toml\nx = 1\n```\n", "language 'toml'"),
        ("<!-- skip: a reason -->\n```toml\nx = 1\n```\n\n```toml\ny = 1\n```\n", "language 'toml'"),
    ],
)
def test_block_that_is_wrong_fails(text: str, match: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    examples = pageblocks.parse(page)
    with pytest.raises((BlockError, ZeroDivisionError), match=match):
        Reader(page, tmp_path, examples[:]).read_to(len(examples) - 1)


def test_blocks_build_on_each_other(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nnumbers = [2, 3]\n```\n\n- in a list:\n\n    ```python\n    numbers  # [2, ...]\n"
        "    print(sum(numbers))\n    ```\n\n```text\n5\n```\n"
    )
    reader = Reader(page, tmp_path, pageblocks.parse(page))
    reader.read_to(2)
    assert reader.namespace["numbers"] == [2, 3]
    assert reader.waiting == []


def test_every_page_is_in_the_navigation() -> None:
    named = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert named == {str(page.relative_to(ROOT / "docs")) for page in PAGES if page.is_relative_to(ROOT / "docs")}


def test_every_command_is_on_its_page() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group of commands
    assert commands
    assert [name for name in commands if f"\nconcept-memes {name} " not in page] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
