from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webserver import HTML, Answer, Site, redirect, says, web_server

from concept_memes.errors import MissingExtraError
from concept_memes.remote.downloading import Limits
from concept_memes.remote.downloads import Document, Downloads
from concept_memes.remote.fetch_lanes import Lanes
from concept_memes.remote.fetching import Fetcher
from concept_memes.remote.robots import FORBIDDEN, Robots


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with web_server() as running:
        yield running


@pytest.fixture
def robots(tmp_path: Path) -> Iterator[Robots]:
    with Fetcher(tmp_path / "kept", timeout=10.0, n_retries=0) as fetcher:
        yield Robots(fetcher.downloads)


def test_what_is_ruled_out_is_not_allowed(site: Site, robots: Robots) -> None:
    site.answers["/robots.txt"] = says(
        b"User-agent: *\nDisallow: /private/\nAllow: /private/cat.jpg\nDisallow: /*.php$"
    )
    asked = {path: robots.problem(site.address + path) for path in ("/a", "/private/", "/private/cat.jpg", "/x.php")}
    assert asked == {"/a": None, "/private/": FORBIDDEN, "/private/cat.jpg": None, "/x.php": FORBIDDEN}
    assert site.asked == ["/robots.txt"]


def test_rules_for_this_package_come_first(site: Site, robots: Robots) -> None:
    site.answers["/robots.txt"] = says(b"User-agent: *\nDisallow: /\n\nUser-agent: Concept-Memes\nDisallow: /b")
    assert robots.problem(f"{site.address}/a") is None
    assert robots.problem(f"{site.address}/b") == FORBIDDEN


@pytest.mark.parametrize("answer", [says(b"", 404), says(b"", 403), says(b""), says(HTML), redirect("/none")])
def test_where_nothing_is_ruled_out_all_is_allowed(site: Site, robots: Robots, answer: Answer) -> None:
    site.answers["/robots.txt"] = answer
    assert robots.problem(f"{site.address}/a") is None
    assert robots.delay(f"{site.address}/a") == 0.0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (says(b"", 500), "the server answers 500"),
        (says(b"", 429), "the server asks for fewer requests (429)"),
        (redirect("/robots.txt"), "too many redirects"),
    ],
)
def test_without_an_answer_nothing_is_allowed(site: Site, robots: Robots, answer: Answer, expected: str) -> None:
    site.answers["/robots.txt"] = answer
    assert robots.problem(f"{site.address}/a") == f"robots.txt is not to be had ({expected})"
    assert robots.problem(f"{site.address}/b") == f"robots.txt is not to be had ({expected})"
    assert set(site.asked) == {"/robots.txt"}


def test_a_host_that_keeps_silent_allows_nothing(site: Site, tmp_path: Path) -> None:
    site.answers["/robots.txt"] = site.stalls
    with Fetcher(tmp_path / "kept", timeout=0.3, n_retries=0) as fetcher:
        problem = Robots(fetcher.downloads).problem(f"{site.address}/a")
    assert problem == "robots.txt is not to be had (timed out after 0.3 s)"


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("2.5", 2.5), ("86400", 30.0), ("soon", 0.0), ("-3", 0.0)])
def test_the_pause_that_a_host_wants_is_bounded(site: Site, robots: Robots, said: str, seconds: float) -> None:
    site.answers["/robots.txt"] = says(f"User-agent: *\nCrawl-delay: {said}".encode())
    assert robots.delay(f"{site.address}/a") == seconds


class _Fake(Downloads):
    """Has the same answer for all."""

    body = b""

    def find_document(self, address: str, **_: Any) -> Document:
        return Document(self.body, address, "")


@given(st.binary(max_size=200) | st.text("UsDialow-ge:nt* /\n#$%.", max_size=80).map(str.encode))
def test_any_file_can_be_read(body: bytes) -> None:
    downloads = _Fake(Limits(), Lanes(1, 1, 1))
    downloads.body = body
    robots = Robots(downloads)
    assert robots.problem("http://example.org/a?b=%zz#c") in (None, FORBIDDEN)
    assert 0.0 <= robots.delay("http://example.org/a") <= 30.0


def test_without_the_extra_the_line_that_installs_it_is_named(robots: Robots, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any) -> Any:
        if name == "protego":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[remote\]"'):
        robots.problem("http://127.0.0.1:9/a")


def test_hosts_are_asked_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    all_are_asked = threading.Barrier(3)

    def find_document(self: Downloads, address: str, **_: Any) -> Document:
        all_are_asked.wait(20)  # broken, where one waits for the answer of another
        return Document(b"User-agent: *\nDisallow: /", address, "")

    monkeypatch.setattr(Downloads, "find_document", find_document)
    with Fetcher(tmp_path / "kept") as fetcher:
        robots = Robots(fetcher.downloads)
        addresses = [f"http://{name}.example.org/a.jpg" for name in "abc"]
        robots.ask_ahead(addresses)
        assert [robots.problem(address) for address in addresses] == [FORBIDDEN] * 3


def test_what_is_asked_when_all_ends_is_not_allowed(tmp_path: Path) -> None:
    with Fetcher(tmp_path / "kept") as fetcher:
        robots = Robots(fetcher.downloads)
    assert robots.problem("http://127.0.0.1:9/a") == "robots.txt is not to be had (stopped)"
