from __future__ import annotations

import builtins
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import webserver
from badfiles import SVG
from webserver import HTML, PICTURE, Answer, Request, Site, redirect, says, web_server

import concept_memes.remote.downloading
import concept_memes.remote.fetching
from concept_memes.errors import InvalidParameterError, MissingExtraError, UnreadableImageError
from concept_memes.remote.fetching import Fetcher
from concept_memes.remote.http_session import Work
from concept_memes.remote.kept_copies import kept_path


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with web_server() as running:
        yield running


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Fetcher]:
    """Impatient, with no retries."""
    with Fetcher(tmp_path / "kept", timeout=5.0, deadline=20.0, n_retries=0, backoff=0.0) as made:
        yield made


def reason(fetcher: Fetcher, address: str) -> str:
    """Fetch what cannot be had, and return why."""
    with pytest.raises(UnreadableImageError) as caught:
        fetcher.fetch(address)
    return caught.value.reason


def left_over(fetcher: Fetcher) -> list[Path]:
    """List what lies in the folder of copies."""
    return sorted(path for path in fetcher.folder.rglob("*") if path.is_file())


def test_a_picture_is_fetched_to_the_place_of_its_copy(site: Site, fetcher: Fetcher) -> None:
    site.answers["/a/cat.jpg"] = says()
    address = f"{site.address}/a/cat.jpg"
    copy = fetcher.fetch(address)
    assert copy == kept_path(fetcher.folder, address)
    assert copy.read_bytes() == PICTURE
    assert left_over(fetcher) == [copy]
    assert site.headers[0]["user-agent"].startswith("concept-memes/")


def test_a_kept_copy_is_not_fetched_again(site: Site, fetcher: Fetcher) -> None:
    site.answers["/cat.jpg"] = says()
    address = f"{site.address}/cat.jpg"
    fetcher.fetch(address)
    with Fetcher(fetcher.folder) as another:
        assert another.fetch(address).read_bytes() == PICTURE
    assert site.asked == ["/cat.jpg"]


def test_an_empty_file_is_no_copy(site: Site, fetcher: Fetcher) -> None:
    site.answers["/cat.jpg"] = says()
    copy = kept_path(fetcher.folder, f"{site.address}/cat.jpg")
    copy.parent.mkdir(parents=True)
    copy.touch()
    assert fetcher.fetch(f"{site.address}/cat.jpg").read_bytes() == PICTURE


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (says(b"", 404), "not found (404)"),
        (says(b"", 403), "not allowed (403)"),
        (says(b"", 401), "not allowed without a login (401)"),
        (says(b"", 418), "the server answers 418"),
        (says(b"", 500), "the server answers 500"),
        (says(b"", 429), "the server asks for fewer requests (429)"),
        (says(HTML, Content_Type="image/jpeg"), "a web page came, not a picture"),
        (says(b" \n<!-- x --><HTML lang=en>", Content_Type="image/jpeg"), "a web page came, not a picture"),
        (says(b"Please log in", Content_Type="text/html"), "a web page came, not a picture"),
        (says(SVG, Content_Type="image/svg+xml"), "an SVG drawing came, which cannot be read"),
        (
            says(b'{"error": 1}', Content_Type="application/json"),
            "something else (application/json) came, not a picture",
        ),
        (says(b"PK\x03\x04" + bytes(600)), "an archive came, not a picture"),
        (says(b""), "an empty file came"),
        (says(b"", 204), "an empty file came"),
        (webserver.cut_off, "cut off before its end"),
        (webserver.cut_off_chunks, "cut off before its end"),
        (webserver.without_length(PICTURE[:-20]), "cut off before its end"),
        (webserver.hangs_up, "the server hung up without an answer"),
        (says(b"no gzip at all" * 99, Content_Encoding="gzip"), "what came cannot be unpacked"),
        (redirect("/picture"), "too many redirects"),
        (redirect("file:///etc/passwd"), "redirected to what is no web address"),
        (redirect("ftp://127.0.0.1/cat.jpg"), "redirected to what is no web address"),
        (redirect("http://[::"), "redirected to what is no address"),
    ],
)
def test_what_goes_wrong_is_named_in_few_words(site: Site, fetcher: Fetcher, answer: Answer, expected: str) -> None:
    site.answers["/picture"] = answer
    assert reason(fetcher, f"{site.address}/picture") == expected
    assert left_over(fetcher) == []


@pytest.mark.parametrize(
    "answer",
    [webserver.chunks, webserver.without_length(PICTURE), webserver.zipped(PICTURE), says(Content_Type="text/html")],
    ids=["chunks", "no-length", "gzip", "wrong-type"],
)
def test_every_way_of_sending_a_picture_is_understood(site: Site, fetcher: Fetcher, answer: Answer) -> None:
    site.answers["/picture"] = answer
    assert fetcher.fetch(f"{site.address}/picture").read_bytes() == PICTURE


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:9/cat.jpg", "the server cannot be reached"),
        ("http://no-such-host.invalid/cat.jpg", "no such host"),
        ("http://", "not a valid address"),
        ("http://[::/cat.jpg", "not a valid address"),
        ("http://127.0.0.1:99999/cat.jpg", "not a valid address"),
        ("nothing-known://cat.jpg", "no protocol nothing-known:// is known"),
    ],
)
def test_addresses_that_lead_nowhere(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, address: str, expected: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    assert reason(fetcher, address) == expected


# ------------------------------------------------------------------------------------------------ time and size


@pytest.mark.parametrize("way", ["stalls", "stalls_midway"])
def test_a_server_that_falls_silent_is_left(site: Site, tmp_path: Path, way: str) -> None:
    site.answers["/cat.jpg"] = getattr(site, way)
    with Fetcher(tmp_path, timeout=0.2, n_retries=0) as fetcher:
        assert reason(fetcher, f"{site.address}/cat.jpg") == "timed out after 0.2 s"
        assert left_over(fetcher) == []


@pytest.mark.parametrize("way", ["drips", "drips_headers"])
def test_a_server_that_drips_is_left_at_the_deadline(site: Site, tmp_path: Path, way: str) -> None:
    site.answers["/cat.jpg"] = getattr(site, way)
    with Fetcher(tmp_path, timeout=5.0, deadline=0.4) as fetcher:
        assert reason(fetcher, f"{site.address}/cat.jpg") == "timed out after 0.4 s"
        assert left_over(fetcher) == []


def test_a_picture_that_is_declared_too_large_is_refused_at_once(site: Site, tmp_path: Path) -> None:
    site.answers["/cat.jpg"] = lambda request: request.send(b"", Content_Length="30000000")
    with Fetcher(tmp_path, max_bytes=20_000_000) as fetcher:
        assert reason(fetcher, f"{site.address}/cat.jpg") == "larger than 20 MB"


@pytest.mark.parametrize(
    "answer", [webserver.endless, webserver.zipped(PICTURE + bytes(900_000))], ids=["endless", "bomb"]
)
def test_a_picture_that_turns_out_too_large_is_cut_off(site: Site, tmp_path: Path, answer: Answer) -> None:
    site.answers["/cat.jpg"] = answer
    with Fetcher(tmp_path, max_bytes=500_000) as fetcher:
        assert reason(fetcher, f"{site.address}/cat.jpg") == "larger than 500000 bytes"
        assert left_over(fetcher) == []
    assert site.asked == ["/cat.jpg"]


def test_what_is_no_picture_is_not_received_to_its_end(site: Site, tmp_path: Path) -> None:
    def video(request: Request) -> None:
        request.send(b"\0\0\0\x18ftypisom" + bytes(999), Content_Length=str(10**9), Content_Type="video/mp4")
        site.stalls(request)

    site.answers["/film.jpg"] = video
    with Fetcher(tmp_path, max_bytes=2 * 10**9) as fetcher:
        assert reason(fetcher, f"{site.address}/film.jpg") == "something else (video/mp4) came, not a picture"


# ------------------------------------------------------------------------------------------------ trying again


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(site: Site, tmp_path: Path, status: int) -> None:
    site.answers["/cat.jpg"] = webserver.fails(2, status)
    with Fetcher(tmp_path, n_retries=2, backoff=0.0) as fetcher:
        assert fetcher.fetch(f"{site.address}/cat.jpg").read_bytes() == PICTURE
    assert len(site.asked) == 3


@pytest.mark.parametrize(
    ("answer", "n_asked"),
    [
        (says(b"", 500), 3),
        (webserver.cut_off, 3),
        (webserver.hangs_up, 3),
        (says(b"", 404), 1),
        (says(b"", 403), 1),
        (says(HTML), 1),
    ],
)
def test_only_what_may_pass_is_tried_again(site: Site, tmp_path: Path, answer: Answer, n_asked: int) -> None:
    site.answers["/cat.jpg"] = answer
    with Fetcher(tmp_path, n_retries=2, backoff=0.0) as fetcher:
        reason(fetcher, f"{site.address}/cat.jpg")
    assert len(site.asked) == n_asked


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note pauses instead of making them."""
    noted: list[float] = []
    monkeypatch.setattr(Work, "wait", lambda _, seconds: noted.append(seconds))
    return noted


def test_pauses_grow(site: Site, tmp_path: Path, pauses: list[float]) -> None:
    site.answers["/cat.jpg"] = says(b"", 500)
    with Fetcher(tmp_path, n_retries=3, backoff=0.5) as fetcher:
        reason(fetcher, f"{site.address}/cat.jpg")
    assert pauses == [0.5, 1.0, 2.0]


def test_a_server_may_say_how_long_to_wait(site: Site, tmp_path: Path, pauses: list[float]) -> None:
    site.answers["/cat.jpg"] = webserver.fails(1, 429, Retry_After="7")
    with Fetcher(tmp_path) as fetcher:
        fetcher.fetch(f"{site.address}/cat.jpg")
    assert pauses == [7.0]


def test_a_date_to_come_back_is_understood(site: Site, tmp_path: Path, pauses: list[float]) -> None:
    site.answers["/cat.jpg"] = webserver.fails(1, 503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")
    with Fetcher(tmp_path) as fetcher:
        fetcher.fetch(f"{site.address}/cat.jpg")
    assert pauses == [0.0]


def test_an_hour_is_not_waited(site: Site, tmp_path: Path, pauses: list[float]) -> None:
    site.answers["/cat.jpg"] = says(b"", 503, Retry_After="3600")
    with Fetcher(tmp_path) as fetcher:
        assert reason(fetcher, f"{site.address}/cat.jpg") == "the server answers 503"
    assert (pauses, site.asked) == ([], ["/cat.jpg"])


def test_an_address_that_failed_is_asked_again_in_the_next_run_only(site: Site, fetcher: Fetcher) -> None:
    address = f"{site.address}/cat.jpg"
    assert reason(fetcher, address) == reason(fetcher, address) == "not found (404)"
    assert len(site.asked) == 1
    site.answers["/cat.jpg"] = says()
    with Fetcher(fetcher.folder) as later:
        assert later.fetch(address).read_bytes() == PICTURE


def test_a_server_that_never_answers_is_given_up(site: Site, tmp_path: Path) -> None:
    site.answers.update({f"/{i}.jpg": webserver.hangs_up for i in range(9)})
    with Fetcher(tmp_path, n_retries=0, per_host=1, give_up_after=3) as fetcher:
        outcomes = [str(result) for _, result in fetcher.fetch_all(f"{site.address}/{i}.jpg" for i in range(9))]
    assert len(site.asked) == 3
    assert sum("is not asked any more" in outcome for outcome in outcomes) == 6


def test_a_server_that_refuses_is_there(site: Site, tmp_path: Path) -> None:
    with Fetcher(tmp_path, n_retries=0, per_host=1, give_up_after=3) as fetcher:
        list(fetcher.fetch_all(f"{site.address}/{i}.jpg" for i in range(9)))
    assert len(site.asked) == 9


# ------------------------------------------------------------------------------------------------ redirects


@pytest.mark.parametrize("n", [1, 5])
def test_redirects_are_followed(site: Site, fetcher: Fetcher, n: int) -> None:
    site.answers.update({f"/{i}": redirect(f"/{i + 1}", 301 + i % 2) for i in range(n)})
    site.answers[f"/{n}"] = says()
    assert fetcher.fetch(f"{site.address}/0").read_bytes() == PICTURE


def test_no_more_than_five_redirects_are_followed(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({f"/{i}": redirect(f"/{i + 1}") for i in range(9)})
    assert reason(fetcher, f"{site.address}/0") == "too many redirects"
    assert len(site.asked) == 6


def test_nobody_outside_redirects_into_a_private_network(
    site: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_server() as other:
        site.answers.update({"/0": redirect("/1"), "/1": redirect(f"{other.address}/2"), "/2": says()})
        other.answers.update({"/2": says(), "/0": redirect(f"{site.address}/2")})
        monkeypatch.setattr(
            concept_memes.remote.downloading, "is_inside", lambda address: address.startswith(other.address)
        )
        assert reason(fetcher, f"{site.address}/0") == "redirected into a private network"
        assert other.asked == []
        assert fetcher.fetch(f"{other.address}/0").read_bytes() == PICTURE  # who begins inside may go anywhere


def test_cookies_are_not_kept(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/0": says(b"", 302, Location="/1", Set_Cookie="who=you"), "/1": says(Set_Cookie="who=you")})
    fetcher.fetch(f"{site.address}/0")
    fetcher.fetch(f"{site.address}/0?again")
    assert not any("cookie" in headers for headers in site.headers)


def test_a_login_goes_to_its_own_server_only(site: Site, fetcher: Fetcher) -> None:
    with web_server() as other:
        site.answers.update({"/0": redirect(f"{site.address}/1"), "/1": redirect(f"{other.address}/2")})
        other.answers["/2"] = says()
        fetcher.fetch(site.address.replace("//", "//me:secret@") + "/0")
        assert ["authorization" in headers for headers in site.headers] == [True, True]
        assert "authorization" not in other.headers[0]


# ------------------------------------------------------------------------------------------------ secrets


def test_passwords_and_keys_are_not_shown(site: Site, fetcher: Fetcher, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "concept_memes")
    address = site.address.replace("//", "//me:secret@") + "/cat.jpg?size=9&token=secret"
    with pytest.raises(UnreadableImageError) as caught:
        fetcher.fetch(address)
    shown = f"{caught.value} {caught.value.__cause__} {caplog.text} {kept_path(fetcher.folder, address)}"
    assert "secret" not in shown
    assert str(caught.value) == f"{site.address}/cat.jpg?size=9&token=***: not found (404)"
    assert caught.value.__suppress_context__


# ------------------------------------------------------------------------------------------------ many at once


def test_many_come_in_the_order_given(site: Site, tmp_path: Path) -> None:
    paths = [f"/{i}.jpg" for i in range(60)]
    site.answers.update({path: says(PICTURE + path.encode()) for path in paths[::2]})
    with Fetcher(tmp_path, n_threads=5) as fetcher:
        found = list(fetcher.fetch_all(site.address + path for path in paths))
    assert [address for address, _ in found] == [site.address + path for path in paths]
    for (_, result), path in zip(found, paths, strict=True):
        if path in site.answers:
            assert isinstance(result, Path)
            assert result.read_bytes() == PICTURE + path.encode()
        else:
            assert isinstance(result, UnreadableImageError)
            assert result.reason == "not found (404)"


def test_few_at_once_come_from_one_host(site: Site, tmp_path: Path) -> None:
    def together(request: Request) -> None:
        site.wait_until(lambda: site.most_at_once >= 3)
        request.send(PICTURE)

    site.answers.update({f"/{i}.jpg": together for i in range(12)})
    with Fetcher(tmp_path, n_threads=8, per_host=3) as fetcher:
        assert all(isinstance(r, Path) for _, r in fetcher.fetch_all(f"{site.address}/{i}.jpg" for i in range(12)))
    assert site.most_at_once == 3


def test_a_slow_host_does_not_hold_up_another(site: Site, tmp_path: Path) -> None:
    with web_server() as other:
        arrived = threading.Event()

        def after_the_other(request: Request) -> None:
            arrived.wait(webserver.PATIENCE)
            request.send(PICTURE)

        def last(request: Request) -> None:
            request.send(PICTURE)
            arrived.set()

        site.answers.update({f"/{i}.jpg": after_the_other for i in range(6)})
        other.answers["/other.jpg"] = last
        addresses = [f"{site.address}/{i}.jpg" for i in range(6)] + [f"{other.address}/other.jpg"]
        with Fetcher(tmp_path, n_threads=3, per_host=2) as fetcher:
            assert all(isinstance(result, Path) for _, result in fetcher.fetch_all(addresses))


def test_addresses_are_taken_as_far_ahead_as_copies_may_wait(site: Site, tmp_path: Path) -> None:
    taken: list[int] = []

    def addresses() -> Iterator[str]:
        for i in range(1000):
            taken.append(i)
            yield f"{site.address}/{i}.jpg"

    with Fetcher(tmp_path, n_threads=2) as fetcher:
        found = fetcher.fetch_all(addresses())
        next(found)
        assert 2 < len(taken) <= 16
        found.close()


def test_an_address_that_stands_twice_is_asked_for_once(site: Site, tmp_path: Path) -> None:
    site.answers["/cat.jpg"] = says()
    with Fetcher(tmp_path) as fetcher:
        found = list(fetcher.fetch_all([f"{site.address}/cat.jpg"] * 20))
    assert len({result for _, result in found}) == 1
    assert site.asked == ["/cat.jpg"]


def test_closing_ends_what_is_under_way(site: Site, tmp_path: Path) -> None:
    site.answers.update({f"/{i}.jpg": site.stalls_midway for i in range(9)})
    fetcher = Fetcher(tmp_path, timeout=300.0, deadline=600.0, per_host=4)
    futures = [fetcher.start(f"{site.address}/{i}.jpg") for i in range(9)]
    assert site.wait_until(lambda: len(site.asked) == 4)
    fetcher.close()
    for future in futures[:4]:
        with pytest.raises(UnreadableImageError, match="stopped"):
            future.result(webserver.PATIENCE)
    assert all(future.cancelled() for future in futures[4:])
    assert len(site.asked) == 4
    with pytest.raises(RuntimeError, match="closed"):
        fetcher.start(f"{site.address}/0.jpg")


def test_a_caller_that_stops_taking_stops_the_downloads(site: Site, tmp_path: Path) -> None:
    site.answers.update({f"/{i}.jpg": site.stalls for i in range(1, 9)}, **{"/0.jpg": says()})
    with Fetcher(tmp_path, n_threads=2, timeout=300.0, deadline=600.0) as fetcher:
        found = fetcher.fetch_all(f"{site.address}/{i}.jpg" for i in range(999))
        next(found)
        assert site.wait_until(lambda: len(site.asked) >= 2)
        found.close()
        site.answers["/last.jpg"] = says()
        assert fetcher.fetch(f"{site.address}/last.jpg").read_bytes() == PICTURE  # the threads are free again


def test_an_interrupt_ends_a_process_that_is_fetching(site: Site, tmp_path: Path) -> None:
    site.answers["/cat.jpg"] = site.stalls
    script = (
        "import sys; from pathlib import Path; from concept_memes.remote.fetching import Fetcher\n"
        "with Fetcher(Path(sys.argv[1]), timeout=300.0, deadline=600.0) as fetcher:\n"
        "    list(fetcher.fetch_all([sys.argv[2]]))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path), f"{site.address}/cat.jpg"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert site.wait_until(lambda: bool(site.asked))
        process.send_signal(2)
        _, errors = process.communicate(timeout=webserver.PATIENCE)
    assert "KeyboardInterrupt" in errors


def test_processes_that_fetch_the_same_do_not_disturb_each_other(site: Site, tmp_path: Path) -> None:
    def together(request: Request) -> None:
        site.wait_until(lambda: len(site.asked) >= 2, 5.0)
        request.send(PICTURE)

    site.answers["/cat.jpg"] = together
    with Fetcher(tmp_path) as one, Fetcher(tmp_path) as two:
        first, second = (f.start(f"{site.address}/cat.jpg") for f in (one, two))
        assert first.result() == second.result()
        assert first.result().read_bytes() == PICTURE
        assert left_over(one) == [first.result()]
    assert len(site.asked) == 2


def test_what_a_killed_run_left_is_removed_after_a_day(site: Site, fetcher: Fetcher) -> None:
    site.answers["/cat.jpg"] = says()
    folder = fetcher.folder / "arriving"
    folder.mkdir(parents=True)
    old, new, foreign = folder / "1-a.part", folder / "2-b.part", folder / "notes.txt"
    for path in (old, new, foreign):
        path.write_bytes(b"half")
    for path in (old, foreign):
        os.utime(path, (time.time() - 1e5,) * 2)
    copy = fetcher.fetch(f"{site.address}/cat.jpg")
    assert left_over(fetcher) == sorted([copy, new, foreign])


def test_a_folder_that_cannot_be_written_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    site.answers["/cat.jpg"] = says()
    with Fetcher(tmp_path / "file") as fetcher:
        assert reason(fetcher, f"{site.address}/cat.jpg").startswith("no copy can be made there")


@pytest.mark.parametrize(
    ("name", "value"), [("n_threads", 0), ("per_host", 0), ("n_retries", -1), ("timeout", 0), ("deadline", -1.0)]
)
def test_limits_are_checked(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(InvalidParameterError, match=name):
        Fetcher(tmp_path, **{name: value})


# ------------------------------------------------------------------------------------------------ other protocols


def test_anything_that_fsspec_opens_is_fetched(fetcher: Fetcher, tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/web/Cat #1.jpg", PICTURE)
    local = tmp_path / "cat.jpg"
    local.write_bytes(PICTURE)
    for address in ("memory://web/Cat #1.jpg", local.as_uri()):
        assert fetcher.fetch(address).read_bytes() == PICTURE


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("memory://web/none.jpg", "not found"),
        ("memory://web/page.jpg", "a web page came, not a picture"),
        ("memory://web/large.jpg", "larger than 1 MB"),
        ("file:///", "a folder, not a picture"),
    ],
)
def test_other_protocols_have_the_same_limits(tmp_path: Path, address: str, expected: str) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/web/page.jpg": HTML, "/web/large.jpg": PICTURE + bytes(1_000_000)})
    with Fetcher(tmp_path, max_bytes=1_000_000, n_retries=0) as fetcher:
        assert reason(fetcher, address) == expected


def test_a_protocol_whose_package_is_missing_is_a_reason_that_names_it(fetcher: Fetcher) -> None:
    assert re.search("smb:// need a package that is not installed .*smbprotocol", reason(fetcher, "smb://server/a.jpg"))
    ((_, result),) = fetcher.fetch_all(["smb://server/share/dog.jpg"])  # others in the list go on
    assert isinstance(result, UnreadableImageError)
    assert "smbprotocol" in result.reason


@pytest.mark.parametrize(
    ("package", "address"), [("requests", "http://127.0.0.1:9/a.jpg"), ("fsspec", "memory://a.jpg")]
)
def test_without_the_extra_the_line_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, address: str
) -> None:
    real: Callable[..., Any] = builtins.__import__

    def missing(name: str, *args: Any) -> Any:
        if name == package:
            raise ImportError(name)
        return real(name, *args)

    with Fetcher(tmp_path) as fetcher:
        monkeypatch.setattr(builtins, "__import__", missing)
        with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[remote\]"'):
            fetcher.fetch(address)


# ------------------------------------------------------------------------------------------------ what may be anything


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (says(), "picture"),
        (says(HTML), "page"),
        (says(b"PK\x03\x04" + bytes(99), Content_Type="application/zip"), "archive"),
        (says(b"a.jpg\nb.jpg\n", Content_Type="text/plain"), "list"),
        (says(b"PAR1" + bytes(99)), "list"),
    ],
)
def test_what_is_behind_an_address_is_told_by_what_comes(
    site: Site, fetcher: Fetcher, answer: Answer, kind: str
) -> None:
    site.answers.update({"/moved": redirect("/it"), "/it": answer})
    looked = fetcher.look(f"{site.address}/moved")
    assert (looked.kind, looked.address) == (kind, f"{site.address}/it")
    assert left_over(fetcher) == [looked.path]


def test_pictures_and_archives_are_kept_but_pages_and_lists_change(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/a": says(), "/b": says(b"PK\x03\x04"), "/c": says(HTML), "/d": says(b"list")})
    for _ in range(2):
        for path in "abcd":
            fetcher.look(f"{site.address}/{path}")
    assert [site.count(f"/{path}") for path in "abcd"] == [1, 1, 2, 2]
    assert reason(fetcher, f"{site.address}/c") == "a web page came, not a picture"  # and no copy of a page is taken


def test_each_kind_has_its_own_limit(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concept_memes.remote.fetching, "MAX_TEXT_BYTES", 3000)
    kinds = {"picture": PICTURE, "page": HTML, "archive": b"PK\x03\x04", "list": b"a.jpg"}
    site.answers.update({f"/{kind}": says(body + b" " * (7000 - len(body))) for kind, body in kinds.items()})
    found = {}
    with Fetcher(tmp_path, max_bytes=5000) as fetcher:
        for kind in kinds:
            try:
                found[kind] = fetcher.look(f"{site.address}/{kind}", max_bytes=8000).kind
            except UnreadableImageError as error:
                found[kind] = error.reason
    assert found == {
        "picture": "larger than 5000 bytes",
        "page": "larger than 3000 bytes",
        "archive": "archive",
        "list": "list",
    }


def test_what_is_nothing_of_that_is_refused(site: Site, fetcher: Fetcher) -> None:
    site.answers["/film"] = says(bytes(999), Content_Type="video/mp4")
    with pytest.raises(UnreadableImageError, match=r"something else \(video/mp4\) came, no picture, page, archive or"):
        fetcher.look(f"{site.address}/film")


def test_a_document_is_not_kept(site: Site, fetcher: Fetcher) -> None:
    site.answers.update({"/moved": redirect("/it"), "/it": webserver.zipped(HTML)})
    document = fetcher.downloads.document(f"{site.address}/moved")
    assert (document.body, document.address) == (HTML, f"{site.address}/it")
    assert not fetcher.folder.exists()
