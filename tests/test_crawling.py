from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import webserver
from webserver import PICTURE, Request, Site, redirect, says, web_server

import concept_memes.remote.crawling
from concept_memes.errors import InvalidParameterError, SourceError
from concept_memes.remote.crawling import Found, WebPage, crawl
from concept_memes.remote.fetching import Fetcher
from concept_memes.remote.kept_copies import kept_path
from concept_memes.remote.robots import FORBIDDEN, Robots


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with web_server() as running:
        yield running


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Fetcher]:
    with Fetcher(tmp_path / "kept", timeout=5.0, n_retries=0) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


def page(*links: str) -> webserver.Answer:
    """Make a page: what ends in .jpg is shown, the rest is linked to."""
    tags = [f'<img src="{link}">' if link.endswith(".jpg") else f'<a href="{link}">more</a>' for link in links]
    return says(b"<!DOCTYPE html>" + "".join(tags).encode(), Content_Type="text/html")


def found_by(source: WebPage, fetcher: Fetcher, clock: Clock | None = None, **options: Any) -> list[Found]:
    clock = clock or Clock()
    return list(crawl(source, fetcher, clock=clock, sleep=clock.sleep, **options))


def reasons(found: list[Found]) -> dict[str, str | None]:
    """Return each address without its host, and why it is not there."""
    return {str(f.address).rpartition("/")[2]: f.reason for f in found}


def test_the_pictures_of_a_page_are_fetched(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/page": page("a.jpg", "b.jpg", "c.jpg", "a.jpg"), "/a.jpg": says(), "/c.jpg": says()})
    found = found_by(WebPage(f"{site.address}/page"), fetcher)
    assert reasons(found) == {"a.jpg": None, "b.jpg": "not found (404)", "c.jpg": None}
    assert [f.address for f in found] == [f"{site.address}/{name}.jpg" for name in "abc"]
    assert found[0] == Found(
        f"{site.address}/a.jpg", kept_path(fetcher.folder, f"{site.address}/a.jpg"), None, f"{site.address}/page"
    )
    assert site.count("/a.jpg") == 1


def test_pictures_are_fetched_while_links_are_still_being_collected(site: Site, fetcher: Fetcher) -> None:
    in_time: list[bool] = []

    def held_back(request: Request) -> None:
        in_time.append(site.wait_until(lambda: "/1.jpg" in site.asked))
        page("2.jpg")(request)

    site.answers.update({"/one": page("1.jpg", "/two"), "/two": held_back, "/1.jpg": says(), "/2.jpg": says()})
    found = found_by(WebPage(f"{site.address}/one", depth=1), fetcher)
    assert reasons(found) == {"1.jpg": None, "2.jpg": None}
    assert in_time == [True]


def test_pictures_are_given_before_all_pages_are_seen(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/one": page("1.jpg", "/two"), "/1.jpg": says(), "/two": page("2.jpg"), "/2.jpg": says()})
    fetcher.fetch(f"{site.address}/1.jpg")
    found = crawl(WebPage(f"{site.address}/one", depth=1, delay=0.0), fetcher)
    assert str(next(found).address).endswith("/1.jpg")
    assert "/two" not in site.asked
    assert str(next(found).address).endswith("/2.jpg")


@pytest.mark.parametrize(
    ("depth", "expected"), [(0, ["0.jpg"]), (1, ["0.jpg", "1.jpg"]), (2, ["0.jpg", "1.jpg", "2.jpg"])]
)
def test_links_are_followed_to_the_depth(site: Site, fetcher: Fetcher, depth: int, expected: list[str]) -> None:
    for i in range(4):
        site.answers.update({f"/{i}": page(f"{i}.jpg", f"/{i + 1}", "/0"), f"/{i}.jpg": says()})
    found = found_by(WebPage(f"{site.address}/0", depth=depth), fetcher)
    assert list(reasons(found)) == expected
    assert site.count("/0") == 1


def test_pages_that_cannot_be_had_are_named(site: Site, fetcher: Fetcher) -> None:
    site.answers.update(
        {
            "/page": page("/gone", "/film", "/photo", "a.jpg"),
            "/film": says(bytes(900), Content_Type="video/mp4"),
            "/photo": says(),
            "/a.jpg": says(),
        }
    )
    found = found_by(WebPage(f"{site.address}/page", depth=1), fetcher)
    assert reasons(found) == {"a.jpg": None, "gone": "not found (404)", "film": "no web page came", "photo": None}
    assert {str(f.address).rpartition("/")[2] for f in found if f.is_page} == {"gone", "film"}


@pytest.mark.parametrize("answer", [says(b"", 404), says(b"", 500), says(), webserver.hangs_up])
def test_the_first_page_must_come(site: Site, fetcher: Fetcher, answer: webserver.Answer) -> None:
    site.answers["/page"] = answer
    address = site.address.replace("//", "//me:secret@")
    with pytest.raises(SourceError, match=r"The page 'http://127.*cannot be read: \w+") as caught:
        found_by(WebPage(f"{address}/page"), fetcher)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://[::/page", "http://127.0.0.1:x/page", "http://"])
def test_an_address_that_is_none_is_named(fetcher: Fetcher, address: str) -> None:
    with pytest.raises(SourceError, match="not a valid address"):
        found_by(WebPage(address), fetcher)


def test_relative_links_start_where_a_redirect_led(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/page": redirect("/new/page"), "/new/page": page("a.jpg"), "/new/a.jpg": says()})
    assert reasons(found_by(WebPage(f"{site.address}/page"), fetcher)) == {"a.jpg": None}


def test_a_page_that_was_looked_at_already_is_not_asked_for_again(site: Site, fetcher: Fetcher, clock: Clock) -> None:
    site.answers.update({"/old": redirect("/x/page"), "/x/a.jpg": says()})
    site.answers["/x/page"] = page("a.jpg", "/next")
    site.answers["/next"] = page()
    looked = fetcher.look(f"{site.address}/old")
    found = found_by(WebPage(f"{site.address}/old", depth=1, delay=2.0), fetcher, clock, looked=looked)
    assert reasons(found) == {"a.jpg": None}
    assert site.count("/x/page") == 1
    assert clock.slept == [2.0]


# ------------------------------------------------------------------------------------------------ manners


def test_robots_txt_is_obeyed_for_pages_and_pictures(site: Site, fetcher: Fetcher) -> None:
    site.answers.update(
        {
            "/robots.txt": says(b"User-agent: *\nDisallow: /private"),
            "/page": page("a.jpg", "/private.jpg", "/private/page", "/more"),
            "/more": page("b.jpg"),
            "/a.jpg": says(),
            "/b.jpg": says(),
        }
    )
    found = found_by(WebPage(f"{site.address}/page", depth=1), fetcher)
    assert reasons(found) == {"a.jpg": None, "private.jpg": FORBIDDEN, "page": FORBIDDEN, "b.jpg": None}
    assert not any(path.startswith("/private") for path in site.asked)
    assert site.count("/robots.txt") == 1


def test_robots_txt_can_be_left_aside(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/robots.txt": says(b"User-agent: *\nDisallow: /"), "/page": page("a.jpg"), "/a.jpg": says()})
    found = found_by(WebPage(f"{site.address}/page", obey_robots=False), fetcher)
    assert reasons(found) == {"a.jpg": None}
    assert "/robots.txt" not in site.asked


def test_a_picture_that_was_refused_is_not_fetched_later_by_the_same_fetcher(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/robots.txt": says(b"User-agent: *\nDisallow: /a"), "/page": page("a.jpg"), "/a.jpg": says()})
    found_by(WebPage(f"{site.address}/page"), fetcher)
    assert [str(result) for _, result in fetcher.fetch_all([f"{site.address}/a.jpg"])] == [
        f"{site.address}/a.jpg: {FORBIDDEN}"
    ]


def test_pages_of_one_host_are_asked_for_at_a_distance(site: Site, fetcher: Fetcher, clock: Clock) -> None:
    site.answers.update({"/0": page("/1", "/2"), "/1": page(), "/2": page()})
    found_by(WebPage(f"{site.address}/0", depth=1, delay=3.0), fetcher, clock)
    assert clock.slept == [3.0, 3.0]


def test_a_host_that_asks_for_more_distance_gets_it(site: Site, fetcher: Fetcher, clock: Clock) -> None:
    site.answers.update(
        {"/robots.txt": says(b"User-agent: *\nCrawl-delay: 9"), "/0": page("/1"), "/1": page("/2"), "/2": page()}
    )
    found_by(WebPage(f"{site.address}/0", depth=2, delay=3.0), fetcher, clock)
    assert clock.slept == [9.0, 9.0]


def test_time_that_passed_anyhow_counts(site: Site, fetcher: Fetcher, clock: Clock) -> None:
    def slow(request: Request) -> None:
        clock.now += 2.0
        page("/1")(request)

    site.answers.update({"/0": slow, "/1": page()})
    found_by(WebPage(f"{site.address}/0", depth=1, delay=3.0), fetcher, clock)
    assert clock.slept == [1.0]


def test_pages_of_other_hosts_are_looked_at_only_if_told(site: Site, fetcher: Fetcher) -> None:
    with web_server() as other:
        site.answers.update({"/page": page("/moved", f"{other.address}/there")})
        site.answers["/moved"] = redirect(f"{other.address}/elsewhere")
        other.answers.update({"/there": page("a.jpg"), "/elsewhere": page("b.jpg"), "/a.jpg": says(), "/b.jpg": says()})
        found = found_by(WebPage(f"{site.address}/page", depth=1), fetcher)
        assert reasons(found) == {"moved": "redirected to another host"}
        assert other.count("/there") == 0
        told = found_by(WebPage(f"{site.address}/page", depth=1, same_host=False), fetcher)
        assert reasons(told) == {"a.jpg": None, "b.jpg": None}


@pytest.mark.parametrize(("foreign", "reason"), [(True, None), (False, "on another host")])
def test_pictures_may_come_from_other_hosts_unless_told(
    site: Site, fetcher: Fetcher, foreign: bool, reason: str | None
) -> None:
    with web_server() as other:
        site.answers["/page"] = page(f"{other.address}/a.jpg")
        other.answers["/a.jpg"] = says()
        found = found_by(WebPage(f"{site.address}/page", foreign_pictures=foreign), fetcher)
        assert reasons(found) == {"a.jpg": reason}
        assert other.count("/robots.txt") == int(foreign)


def test_a_public_page_does_not_lead_inside(site: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concept_memes.remote.crawling, "is_inside", lambda address: "127.0.0.1" not in address)
    site.answers["/page"] = page("http://192.168.1.1/restart.jpg", "http://192.168.1.1/setup")
    found = found_by(WebPage(f"{site.address}/page", depth=1, same_host=False), fetcher)
    assert reasons(found) == dict.fromkeys(["restart.jpg", "setup"], "leads into a private network")


@pytest.mark.parametrize(("limit", "n_asked"), [({"max_pages": 3}, 3), ({"max_pictures": 2}, 2)])
def test_limits_are_kept_and_what_they_leave_is_counted(
    site: Site, fetcher: Fetcher, limit: dict[str, int], n_asked: int
) -> None:
    site.answers["/0"] = page("0.jpg", *(f"/{i}" for i in range(1, 9)))
    site.answers.update({f"/{i}": page(f"{i}.jpg") for i in range(1, 9)})
    site.answers.update({f"/{i}.jpg": says() for i in range(9)})
    found = found_by(WebPage(f"{site.address}/0", depth=1, **limit), fetcher)
    pages = [path for path in site.asked if path in site.answers and not path.endswith(".jpg")]
    assert len(pages) == n_asked
    left = 9 - n_asked - 1
    assert found[-1].reason == f"not looked at, nor {left} other pages: {next(iter(limit))} is reached"
    assert sum(f.path is not None for f in found) == n_asked


def test_a_caller_that_stops_taking_stops_the_crawl(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/0": page(*(f"{i}.jpg" for i in range(99))), "/0.jpg": says()})
    site.answers.update({f"/{i}.jpg": site.stalls for i in range(1, 99)})
    found = crawl(WebPage(f"{site.address}/0"), fetcher)
    next(found)
    found.close()
    fetcher.close()
    assert len(site.asked) < 12


# ------------------------------------------------------------------------------------------------ saved pages


def test_a_saved_page_leads_to_files_beside_it(site: Site, fetcher: Fetcher, tmp_path: Path) -> None:
    folder = tmp_path / "my pages é"
    (folder / "page_files").mkdir(parents=True)
    shown = [folder / "page_files" / "cat #1.jpg", tmp_path / "up.jpg"]
    for path in shown:
        path.write_bytes(PICTURE)
    site.answers["/c.jpg"] = says()
    saved = folder / "page.html"
    saved.write_text(
        '<img src="page_files/cat%20%231.jpg"><img src="../up.jpg"><img src="none.jpg"><img src="/root.jpg">'
        f'<img src="{site.address}/c.jpg">'
    )
    found = found_by(WebPage(saved), fetcher)
    assert [(f.address, f.path, f.reason) for f in found] == [
        (shown[0], shown[0], None),
        (shown[1], shown[1], None),
        (folder / "none.jpg", None, "missing"),
        (f"{site.address}/c.jpg", kept_path(fetcher.folder, f"{site.address}/c.jpg"), None),
        ("/root.jpg", None, "the saved page does not say which site it is from"),
    ]


def test_saved_pages_lead_to_each_other(fetcher: Fetcher, tmp_path: Path, clock: Clock) -> None:
    for i in range(3):
        (tmp_path / f"{i}.html").write_text(f'<a href="{i + 1}.html">next</a><img src="{i}.jpg">')
        (tmp_path / f"{i}.jpg").write_bytes(PICTURE)
    found = found_by(WebPage(str(tmp_path / "0.html"), depth=9), fetcher, clock)
    assert reasons(found) == {"0.jpg": None, "1.jpg": None, "2.jpg": None, "3.html": "no such file or directory"}
    assert clock.slept == []


def test_a_saved_page_with_an_odd_name_is_read(fetcher: Fetcher, tmp_path: Path) -> None:
    odd = Path(bytes(tmp_path).decode() + "/\udcff?#%.html")
    try:
        odd.write_text('<img src="a.jpg">')
    except (OSError, UnicodeError):
        pytest.skip("this file system does not know such names")
    (tmp_path / "a.jpg").write_bytes(PICTURE)
    assert reasons(found_by(WebPage(odd), fetcher)) == {"a.jpg": None}


def test_links_that_can_be_no_files_are_missing(fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(f'<img src="{"x" * 5000}.jpg"><img src="%00.jpg"><a href="%00">')
    found = found_by(WebPage(tmp_path / "page.html", depth=1), fetcher)
    assert [f.reason for f in found] == ["missing", "missing", "embedded null byte"]


def test_a_saved_page_that_is_not_there_is_named(fetcher: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.html' cannot be read: no such file"):
        found_by(WebPage(tmp_path / "none.html"), fetcher)


@pytest.mark.parametrize(
    "given",
    [
        {"address": "ftp://example.org"},
        {"depth": -1},
        {"max_pages": 0},
        {"max_pictures": 0},
        {"delay": -1.0},
        {"delay": float("nan")},
    ],
)
def test_parameters_are_checked(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError, match=next(iter(given))):
        WebPage(**{"address": "https://example.org", **given})


def test_the_hosts_of_a_page_are_asked_for_their_wishes_at_the_same_time(
    site: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = [f"http://127.0.0.1:{port}" for port in (1, 9)]
    site.answers["/page"] = page("a.jpg", *(f"{host}/b.jpg" for host in hosts))
    asked: list[str] = []
    monkeypatch.setattr(Robots, "ask_ahead", lambda _, addresses: asked.extend(addresses))
    found_by(WebPage(f"{site.address}/page"), fetcher)
    assert asked == [f"{site.address}/a.jpg", *(f"{host}/b.jpg" for host in hosts)]
    asked.clear()
    found_by(WebPage(f"{site.address}/page", max_pictures=1), fetcher)
    found_by(WebPage(f"{site.address}/page", obey_robots=False), fetcher)
    assert asked == [f"{site.address}/a.jpg"]
