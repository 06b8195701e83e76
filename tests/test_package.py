"""The package as a whole: what importing costs, what is public, and that the pages say what the code does."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import concept_memes
from concept_memes.protocols import ImageEncoder

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "concept_memes"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
HEAVY = [
    "hdbscan",
    "matplotlib",
    "nltk",
    "numba",
    "pandas",
    "safetensors",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "torch",
    "transformers",
    "umap",
]


def heavy_modules_after(code: str) -> list[str]:
    """Run code in a fresh interpreter and return the heavy packages that it loaded."""
    report = f"; import json, sys; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code + report], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    loaded: list[str] = json.loads(done.stdout)
    return loaded


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_modules_after("import concept_memes") == []


def test_listing_the_public_names_loads_nothing_heavy() -> None:
    assert heavy_modules_after("import concept_memes; dir(concept_memes)") == []


def test_the_check_for_heavy_modules_sees_them() -> None:
    assert heavy_modules_after("import scipy") == ["scipy"]


def test_public_names_are_sorted_and_unique() -> None:
    assert list(concept_memes.__all__) == sorted(set(concept_memes.__all__))


@pytest.mark.parametrize("name", concept_memes.__all__)
def test_public_name_resolves_and_is_listed(name: str) -> None:
    assert getattr(concept_memes, name) is not None
    assert name in dir(concept_memes)


@pytest.mark.parametrize("name", [n for n in concept_memes.__all__ if not n.startswith("__")])
def test_public_name_is_documented(name: str) -> None:
    thing = getattr(concept_memes, name)
    if isinstance(thing, type) or callable(thing):
        assert (thing.__doc__ or "").strip(), f"{name} has no docstring"


def test_unknown_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        concept_memes.no_such_name  # noqa: B018 (the access is the test)


@pytest.mark.parametrize("module", MODULES)
def test_all_of_a_module_resolves(module: str) -> None:
    name = ".".join(["concept_memes", *module.removesuffix(".py").split("/")]).removesuffix(".__init__")
    if name.endswith("__main__"):
        pytest.skip("importing it runs the command line")
    loaded = importlib.import_module(name)
    public = getattr(loaded, "__all__", [])
    assert [n for n in public if not hasattr(loaded, n)] == []
    assert len(set(public)) == len(public)


def test_newest_version_in_the_changelog_is_the_package_s() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[:2] == ["Unreleased", concept_memes.__version__]


def pages_modules() -> set[str]:
    """Return the files that docs/architecture.md names, with `a/{b,c}.py` taken apart."""
    page = ROOT / "docs" / "architecture.md"
    named: set[str] = set()
    for token in re.findall(r"`([\w/{},.]+)`", page.read_text(encoding="utf-8")):
        if match := re.fullmatch(r"(.*)\{(.+)\}(.*)", token):
            before, middle, after = match.groups()
            named |= {f"{before}{part}{after}" for part in middle.split(",")}
        else:
            named.add(token)
    return named


@pytest.mark.parametrize("module", MODULES)
def test_module_stands_on_the_architecture_page(module: str) -> None:
    folder = module.removesuffix("__init__.py")  # `encoders/` stands for its __init__.py
    assert {module, folder} & pages_modules(), f"add `{module}` to the module map in docs/architecture.md"


def project() -> dict[str, Any]:
    """Return the [project] table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def normalised(requirement: str) -> str:
    """Return the name in a requirement as registries compare it."""
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def is_for_type_checkers(node: ast.AST) -> bool:
    """Tell whether a node is `if TYPE_CHECKING:`; what such a block imports need not be installed."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imports_in(node: ast.AST) -> Iterator[str]:
    """Yield the names of all modules that code imports when it runs."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
    if not is_for_type_checkers(node):
        for child in ast.iter_child_nodes(node):
            yield from imports_in(child)


def third_party_imports() -> Iterator[tuple[str, str]]:
    """Yield module and top-level package for every import of what is neither ours nor Python's."""
    for module in MODULES:
        names = imports_in(ast.parse((PACKAGE / module).read_text(encoding="utf-8")))
        for top in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"concept_memes"}:
            yield module, top


def test_every_imported_package_is_declared() -> None:
    extras = project()["optional-dependencies"]
    for_users = [names for extra, names in extras.items() if extra not in {"dev", "docs", "test"}]
    declared = {normalised(r) for r in sum(for_users, project()["dependencies"])}
    distributions = packages_distributions()
    missing = {
        (module, top)
        for module, top in third_party_imports()
        if declared.isdisjoint(normalised(d) for d in distributions.get(top, [top]))
    }
    assert missing == set(), "imported, but not in pyproject.toml"


def test_extras_that_messages_name_exist() -> None:
    texts = [(PACKAGE / module).read_text(encoding="utf-8") for module in MODULES]
    texts += [page.read_text(encoding="utf-8") for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]]
    lists = [found for text in texts for found in re.findall(r"concept-memes\[([a-z][a-z,-]*)\]", text)]
    named = {extra for found in lists for extra in found.split(",")}
    assert named <= set(project()["optional-dependencies"])


def test_encoder_in_the_contributing_page_keeps_the_protocol() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.partition("## Add an encoder")[2].partition("\n## ")[0]
    match = re.search(r"```python\n(.*?)```", section, flags=re.DOTALL)
    assert match is not None
    namespace: dict[str, Any] = {}
    exec(match.group(1), namespace)
    encoder = namespace["encoder"]
    assert isinstance(encoder, ImageEncoder)

    pictures = [Image.new("RGB", (40, 30), color) for color in ("white", "red", "black", "gray")]
    vectors = encoder.encode_images(np.stack([encoder.preprocess(picture) for picture in pictures]))
    assert vectors.shape == (4, encoder.n_dims)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
