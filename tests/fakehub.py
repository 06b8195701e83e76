"""A model hub on this machine that answers as told, and the cache that a real one would leave behind."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Request = http.server.BaseHTTPRequestHandler
Answer = Callable[[Request], None]

DESCRIPTION = json.dumps({"id": "sentence-transformers/clip-ViT-B-32", "siblings": []}).encode()


def says(body: bytes, status: int = 200) -> Answer:
    """Make an answer."""

    def answer(request: Request) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


@contextmanager
def fake_hub(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """Start a hub; gives its address and the list of paths that it was asked for, which grows."""
    asked: list[str] = []

    class Handler(Request):
        def do_GET(self) -> None:  # noqa: N802 (the library's name)
            asked.append(self.path)
            try:
                answer(self)
            except OSError:
                self.close_connection = True  # the client did not wait

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def put_into_cache(root: Path, hub_id: str, weights: bytes | None = b"weights") -> Path:
    """Lay out a downloaded model as the hub's cache does, with links into blobs/."""
    repository = root / ("models--" + hub_id.replace("/", "--"))
    model = repository / "snapshots" / "abc" / "0_CLIPModel"
    model.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    (model.parent / "modules.json").write_text(json.dumps([{"path": "0_CLIPModel", "type": "x.CLIPModel"}]))
    (model / "config.json").write_text("{}")
    if weights is not None:
        blob = repository / "blobs" / ("0" * 64)
        blob.parent.mkdir()
        blob.write_bytes(weights)
        (model / "model.safetensors").symlink_to(blob)
    return model
