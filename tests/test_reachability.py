from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from fakehub import DESCRIPTION, Answer, Request, fake_hub, says

from concept_memes.encoders.reachability import hub_answers, hub_sends

Serve = Callable[[Answer], list[str]]


def stalls(_: Request) -> None:
    time.sleep(4)


def dribbles(request: Request) -> None:
    request.send_response(200)
    request.end_headers()
    for byte in DESCRIPTION[:8]:
        request.wfile.write(bytes([byte]))
        request.wfile.flush()
        time.sleep(0.5)


def redirects_for_ever(request: Request) -> None:
    request.send_response(302)
    request.send_header("Location", request.path)
    request.send_header("Content-Length", "0")
    request.end_headers()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Let the hub answer as told; returns the paths that it was asked for."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:

        def start(answer: Answer) -> list[str]:
            address, asked = stack.enter_context(fake_hub(answer))
            monkeypatch.setenv("HF_ENDPOINT", address)
            return asked

        yield start


def test_the_hub_answers_when_it_describes_the_model(serve: Serve) -> None:
    asked = serve(says(DESCRIPTION))
    assert hub_answers()
    assert asked == ["/api/models/sentence-transformers/clip-ViT-B-32"]


@pytest.mark.parametrize(
    "answer",
    [
        says(b"<html>Please log in to the hotel's network</html>"),
        says(b'["a list"]'),
        says(DESCRIPTION, 503),
        says(b"{" * 5_000_000),
        redirects_for_ever,
    ],
    ids=["portal", "other-json", "unavailable", "endless", "redirects"],
)
def test_what_is_not_the_hub_does_not_count(serve: Serve, answer: Answer) -> None:
    asked = serve(answer)
    assert not hub_answers()
    assert asked


@pytest.mark.parametrize("answer", [stalls, dribbles])
def test_a_slow_server_costs_no_more_than_the_timeout(serve: Serve, answer: Answer) -> None:
    serve(answer)
    hub_answers(timeout=0.01)  # imports the client, whose time is not the server's
    start = time.monotonic()
    assert not hub_answers(timeout=0.6)
    assert time.monotonic() - start < 2.5


def test_an_address_where_nobody_listens_is_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert not hub_answers()
    assert not hub_sends("a/b", "model.safetensors")


@pytest.mark.parametrize("address", ["no address", "ftp://127.0.0.1", "http://[::"])
def test_a_wrong_address_is_no_hub(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert not hub_answers()


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_asks_nobody(serve: Serve, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    asked = serve(says(DESCRIPTION))
    monkeypatch.setenv(variable, "1")
    assert not hub_answers()
    assert not hub_sends("a/b", "model.safetensors")
    assert asked == []


def test_one_byte_of_a_file_is_asked_for(serve: Serve) -> None:
    ranges = []

    def answer(request: Request) -> None:
        ranges.append(request.headers["Range"])
        says(b"x", 206)(request)

    asked = serve(answer)
    assert hub_sends("a/b", "0_CLIPModel/model.safetensors")
    assert asked == ["/a/b/resolve/main/0_CLIPModel/model.safetensors"]
    assert ranges == ["bytes=0-0"]


def test_a_server_that_sends_the_whole_file_instead_is_not_read_to_its_end(serve: Serve) -> None:
    sent = []

    def answer(request: Request) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(2000):
            request.wfile.write(b"x" * 1_000_000)
            sent.append(1)

    serve(answer)
    assert hub_sends("a/b", "model.safetensors")
    assert len(sent) < 1000


def test_the_server_that_files_are_redirected_to_must_send_them(serve: Serve) -> None:
    def answer(request: Request) -> None:
        request.send_response(302)
        request.send_header("Location", "http://127.0.0.1:9/blocked")
        request.send_header("Content-Length", "0")
        request.end_headers()

    serve(answer)
    assert not hub_sends("a/b", "model.safetensors")


@pytest.mark.parametrize(("status", "expected"), [(401, True), (404, True), (429, False), (500, False), (503, False)])
def test_a_refusal_is_left_to_the_download_but_not_what_it_would_try_again(
    serve: Serve, status: int, expected: bool
) -> None:
    serve(says(b"no", status))
    assert hub_sends("a/b", "model.safetensors") is expected


def test_a_file_that_does_not_begin_to_come_costs_no_more_than_the_timeout(serve: Serve) -> None:
    serve(stalls)
    hub_sends("a/b", "model.safetensors", timeout=0.01)
    start = time.monotonic()
    assert not hub_sends("a/b", "model.safetensors", timeout=0.6)
    assert time.monotonic() - start < 2.5
