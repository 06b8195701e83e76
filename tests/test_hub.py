from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fakehub import DESCRIPTION, Answer, Request, fake_hub, put_into_cache, says

from concept_memes.encoders import hub
from concept_memes.errors import ModelNotFoundError

Serve = Callable[[Answer], list[str]]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Let the hub answer as told, and nothing be downloaded yet; returns the paths that the hub was asked for."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:

        def start(answer: Answer) -> list[str]:
            address, asked = stack.enter_context(fake_hub(answer))
            monkeypatch.setenv("HF_ENDPOINT", address)
            return asked

        yield start


def test_a_model_in_the_cache_is_found_by_both_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert not hub.is_cached("clip-ViT-B-32")
    put_into_cache(tmp_path, "sentence-transformers/clip-ViT-B-32")
    assert hub.is_cached("clip-ViT-B-32")
    assert hub.is_cached("sentence-transformers/clip-ViT-B-32")
    assert not hub.is_cached("clip-ViT-B-16")


def test_the_cache_is_where_huggingface_hub_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    put_into_cache(tmp_path / "huggingface" / "hub", "a/b")
    assert hub.is_cached("a/b")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "elsewhere"))
    assert not hub.is_cached("a/b")
    put_into_cache(tmp_path / "elsewhere" / "hub", "a/b")
    assert hub.is_cached("a/b")


def test_a_broken_off_download_is_not_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    model = put_into_cache(tmp_path, "a/b", weights=None)
    assert not hub.is_cached("a/b")
    index = {"weight_map": {"x": "model-1.safetensors", "y": "model-2.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    (model / "model-1.safetensors").write_bytes(b"")
    assert not hub.is_cached("a/b")
    (model / "model-2.safetensors").write_bytes(b"")
    assert hub.is_cached("a/b")


def test_the_hash_reads_folders_but_trusts_the_names_of_the_cache(tmp_path: Path) -> None:
    cached = put_into_cache(tmp_path / "cache", "a/b", b"one")
    before = hub.weights_hash(cached)
    (tmp_path / "cache" / "models--a--b" / "blobs" / ("0" * 64)).write_bytes(b"two")
    assert hub.weights_hash(cached) == before

    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"one")
    before = hub.weights_hash(folder)
    (folder / "model.safetensors").write_bytes(b"two")
    assert hub.weights_hash(folder) != before
    (folder / "model.safetensors").write_bytes(b"one")
    assert hub.weights_hash(folder) == before
    (folder / "config.json").write_text('{"hidden_act": "gelu"}')
    assert hub.weights_hash(folder) != before


FILES = ["config.json", "model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors", "onnx/model.onnx"]
COMMIT = "1" * 40


def sends_a_model(request: Request) -> None:
    if "/tree/" in request.path:
        tree = [{"type": "file", "path": name, "size": 2, "oid": "2" * 40} for name in FILES]
        return says(json.dumps(tree).encode())(request)
    if request.path.startswith("/api/"):
        siblings = [{"rfilename": name} for name in FILES]
        return says(json.dumps({"id": "a/b", "sha": COMMIT, "siblings": siblings}).encode())(request)
    request.send_response(200)
    request.send_header("X-Repo-Commit", COMMIT)
    request.send_header("ETag", f'"{len(request.path):040x}"')
    request.send_header("Content-Length", "2")
    request.end_headers()
    request.wfile.write(b"" if request.command == "HEAD" else b"{}")
    return None


def test_a_download_fetches_settings_and_one_format_of_weights(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(sends_a_model)
    folder = hub.find_model("a/b")
    assert sorted(file.name for file in folder.rglob("*")) == ["config.json", "model.safetensors"]
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert hub.find_model("a/b") == folder


def test_a_model_that_the_hub_does_not_know_is_an_error_with_its_cause(serve: Serve) -> None:
    def answer(request: Request) -> None:
        known = "clip-ViT-B-32" in request.path
        says(DESCRIPTION if known else b'{"error": "Repository not found"}', 200 if known else 404)(request)

    serve(answer)
    with pytest.raises(ModelNotFoundError, match="'nobody/nothing'.*cannot be fetched") as caught:
        hub.find_model("nobody/nothing")
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_answers_but_sends_no_files_is_given_up_without_retries(serve: Serve, status: int) -> None:
    def answer(request: Request) -> None:
        (sends_a_model if request.path.startswith("/api/") else says(b"", status))(request)

    asked = serve(answer)
    with pytest.raises(ModelNotFoundError, match=r"model\.safetensors did not begin to come"):
        hub.find_model("a/b")
    assert [path for path in asked if "/resolve/" in path] == ["/a/b/resolve/main/model.safetensors"]


def test_a_hub_that_fails_after_its_first_answer_is_given_up_without_retries(serve: Serve) -> None:
    def answer(request: Request) -> None:
        known = "clip-ViT-B-32" in request.path
        says(DESCRIPTION, 200 if known else 503)(request)

    asked = serve(answer)
    with pytest.raises(ModelNotFoundError, match="503"):
        hub.find_model("a/b")
    assert asked == ["/api/models/sentence-transformers/clip-ViT-B-32", "/api/models/a/b"]
