"""A real browser for tests: the system's own Chromium, without a network, and everything that it complains about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["Visit", "launched", "visit"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
REQUIRED = "CONCEPT_MEMES_REQUIRE_BROWSER"
# The profile is thrown away, and no part of the browser talks to its makers.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOCAL = ("file:", "data:", "blob:")


@dataclass
class Visit:
    """One page in a browser of its own, with what it complained about and what it asked for."""

    page: Page
    address: str
    troubles: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def go(self, place: str = "") -> None:
        """Open a place of the explorer, such as "#/map", as if for the first time."""
        self.page.goto("about:blank")
        self.page.goto(self.address + place)
        self.page.wait_for_selector("main h1", state="attached")


@contextmanager
def launched() -> Iterator[Browser]:
    """Start the browser; where there is none, skip the test, or fail if the environment says that there must be one."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = f"there is no browser on the path: {', '.join(NAMES)}"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{reason}, and {REQUIRED} is set")
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, place: Path | str, *, expected: tuple[str, ...] = (), **options: Any) -> Iterator[Visit]:
    """Open a page; afterwards it must have complained of nothing but what is expected, and asked nobody anything."""
    is_file = isinstance(place, Path)
    context = browser.new_context(offline=is_file, **{"viewport": {"width": 1280, "height": 800}, **options})
    context.set_default_timeout(8000)
    page = context.new_page()
    seen = Visit(page, place.as_uri() if isinstance(place, Path) else place, expected=expected)
    page.on("console", lambda message: seen.troubles.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.troubles.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (seen.troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: seen.requests.append(request.url))
    yield seen
    context.close()
    assert [trouble for trouble in seen.troubles if not any(text in trouble for text in seen.expected)] == []
    if is_file:
        assert [url for url in seen.requests if not url.startswith((*LOCAL, "about:"))] == []
