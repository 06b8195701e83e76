"""The hook that draws the figures of the pages: again when the code has changed, and only then."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

pytest.importorskip("mkdocs")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def loaded() -> Iterator[ModuleType]:
    """The hook, as MkDocs loads it."""
    path = ROOT / "scripts" / "docs_hook.py"
    spec = importlib.util.spec_from_file_location("docs_hook", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.path[0]
    yield module
    sys.modules.pop("docs_diagrams", None)


@pytest.fixture
def hook(loaded: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The hook in a project of two files, whose figure is a line of text."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "code.py").write_text("x = 1\n")
    (tmp_path / "script.py").write_text("y = 1\n")
    monkeypatch.setattr(loaded, "ROOT", tmp_path)
    monkeypatch.setattr(loaded, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(loaded, "SOURCES", ("package", "script.py"))

    def draw(made: Path) -> None:
        (made / "figures").mkdir(parents=True)
        (made / "figures" / "one.webp").write_text(f"drawing {len(list(made.parent.iterdir()))}")

    monkeypatch.setattr(loaded, "draw_all", draw)
    return loaded


def build(hook: ModuleType) -> dict[str, str]:
    from mkdocs.structure.files import Files

    config = SimpleNamespace(
        site_dir="site", use_directory_urls=False, plugins=SimpleNamespace(_current_plugin="docs_hook")
    )
    files = hook.on_files(Files([]), config)
    return {file.src_uri: Path(file.abs_src_path).read_text() for file in files}


def test_figures_become_files_of_the_site(hook: ModuleType) -> None:
    assert build(hook) == {"figures/one.webp": "drawing 1"}


def test_nothing_is_drawn_again_while_the_code_is_the_same(hook: ModuleType) -> None:
    assert build(hook) == build(hook) == {"figures/one.webp": "drawing 1"}


@pytest.mark.parametrize("change", ["edit", "rename", "add"])
def test_changed_code_draws_again(hook: ModuleType, change: str, tmp_path: Path) -> None:
    build(hook)
    code = tmp_path / "package" / "code.py"
    if change == "edit":
        code.write_text("x = 2\n")
    elif change == "rename":
        code.rename(code.with_name("other.py"))
    else:
        (tmp_path / "package" / "new.py").touch()
    assert build(hook) == {"figures/one.webp": "drawing 2"}


def test_compiled_files_are_no_code(hook: ModuleType, tmp_path: Path) -> None:
    before = hook.code_hash()
    (tmp_path / "package" / "code.cpython-311.pyc").write_bytes(b"compiled")
    assert hook.code_hash() == before


def test_pages_show_the_figures_that_are_drawn_in_both_colour_schemes(loaded: ModuleType) -> None:
    shown = {
        match
        for page in (ROOT / "docs").rglob("*.md")
        for match in re.findall(r"figures/([a-z]+)-(light|dark)\.webp#only-(light|dark)\)", page.read_text("utf-8"))
    }
    drawn = set(re.findall(r'yield "([a-z]+)"', (ROOT / "scripts" / "docs_hook.py").read_text("utf-8")))
    assert shown == {(name, scheme, scheme) for name in drawn for scheme in ("light", "dark")}
