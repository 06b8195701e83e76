"""Reading a saved explorer as a browser reads it, and a small collection to save."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["SavedPage", "write_assets"]


class SavedPage(HTMLParser):
    """The elements of a page: meta tags, the title, and scripts by their id."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.metas: list[dict[str, str | None]] = []
        self.scripts: dict[str, str] = {}
        self.order: list[str] = []
        self.title = self.style = ""
        self.tags: list[str] = []
        self._open: tuple[str, str] = ("", "")
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        if tag == "meta":
            self.metas.append(found)
        name = found.get("id") or ""
        if tag == "script":
            self.scripts[name] = ""
            self.order.append(name)
        self._open = (tag, name)

    def handle_endtag(self, tag: str) -> None:
        self._open = ("", "")

    def handle_data(self, data: str) -> None:
        tag, name = self._open
        if tag == "script":
            self.scripts[name] += data
        elif tag == "title":
            self.title += data
        elif tag == "style":
            self.style += data

    @property
    def core(self) -> dict[str, Any]:
        core: dict[str, Any] = json.loads(self.scripts["core"])
        return core

    @property
    def policy(self) -> str:
        return next(m["content"] or "" for m in self.metas if m.get("http-equiv") == "Content-Security-Policy")

    def numbers(self, name: str, kind: str, n_columns: int) -> npt.NDArray[Any]:
        return np.frombuffer(base64.b64decode(self.scripts[name]), kind).reshape(-1, n_columns)

    def lines(self, name: str) -> list[bytes]:
        return [base64.b64decode(line) for line in self.scripts[name].split("\n")]

    def pictures(self, name: str) -> list[Image.Image | None]:
        """Pictures in lines; None for an empty one."""
        return [Image.open(BytesIO(line)) if line else None for line in self.lines(name)]


def write_assets(folder: Path, *, style: str = "p { color: red }", script: str = "let a = 1;") -> Path:
    """Write the smallest page there can be."""
    folder.mkdir()
    (folder / "style.css").write_text(style, newline="")
    (folder / "page.html").write_text("<main></main>")
    (folder / "order.txt").write_text("a.js\nb.js\n")
    (folder / "a.js").write_text(script, newline="")
    (folder / "b.js").write_text("let b = 2;")
    return folder
