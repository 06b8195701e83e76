from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from tinyclip import (
    TEXTS,
    noise_pictures,
    tiny_clip,
    tiny_sentence_transformers_clip,
    tiny_siglip,
    tiny_text_tower,
)

from concept_memes.encoders import hub
from concept_memes.encoders.clip import CLIPEncoder, SentenceTransformerEncoder
from concept_memes.encoders.reachability import hub_answers
from concept_memes.errors import AdjustedWarning, EncoderError, EncoderMemoryError, InvalidParameterError
from concept_memes.protocols import CacheableTexts, ImageEncoder, TextEncoder

BATCH = 4
KINDS = ["clip", "siglip", "siglip-left", "sentence-transformers", "multilingual", "wrapped"]
KINDS += [f"{kind} in {precision}" for kind in ("clip", "siglip", "multilingual") for precision in ("bf16", "int8")]
pytestmark = pytest.mark.filterwarnings("ignore:.*does not multiply bf16")  # the processor may have none


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {
        "clip": tiny_clip(root / "clip"),
        "siglip": tiny_siglip(root / "siglip"),
        "siglip-left": tiny_siglip(root / "siglip-left", padding_side="left"),
        "sentence-transformers": tiny_sentence_transformers_clip(root / "st"),
        "text": tiny_text_tower(root / "text"),
    }


@pytest.fixture(scope="module")
def make(checkpoints: dict[str, Path]) -> Callable[[str], Any]:
    def build(kind: str) -> CLIPEncoder | SentenceTransformerEncoder:
        kind, _, precision = kind.partition(" in ")
        common: dict[str, Any] = {"batch_size": BATCH, "device": "cpu", "precision": precision or "fp32"}
        if kind == "multilingual":
            return CLIPEncoder(checkpoints["clip"], text_model=checkpoints["text"], **common)
        if kind == "wrapped":
            from sentence_transformers import SentenceTransformer

            return SentenceTransformerEncoder(
                SentenceTransformer(str(checkpoints["clip"]), device="cpu"), batch_size=BATCH
            )
        return CLIPEncoder(checkpoints[kind], **common)

    return build


@pytest.fixture(scope="module", params=KINDS)
def encoder(request: pytest.FixtureRequest, make: Callable[[str], Any]) -> CLIPEncoder | SentenceTransformerEncoder:
    return make(request.param)


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return noise_pictures()


def batch_of(encoder: ImageEncoder, pictures: list[Image.Image]) -> np.ndarray:
    return np.stack([encoder.preprocess(picture) for picture in pictures])


def assert_unit(vectors: np.ndarray, n: int, encoder: ImageEncoder) -> None:
    assert vectors.shape == (n, encoder.n_dims)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_it_has_both_protocols(encoder: Any) -> None:
    assert isinstance(encoder, ImageEncoder)
    assert isinstance(encoder, TextEncoder)
    assert isinstance(encoder, CacheableTexts)
    assert encoder.blocks == (slice(0, encoder.n_dims),)
    assert encoder.image_size == (128, 128)
    assert encoder.batch_size == BATCH


def test_pictures_become_distinct_unit_vectors(encoder: Any, pictures: list[Image.Image]) -> None:
    batch = batch_of(encoder, pictures)
    assert batch.shape == (4, 3, 64, 64)
    assert batch.dtype == np.float32
    vectors = encoder.encode_images(batch)
    assert_unit(vectors, 4, encoder)
    assert (vectors @ vectors.T)[~np.eye(4, dtype=bool)].max() < 0.9999


def test_a_picture_has_the_same_bits_at_any_place_of_a_batch(encoder: Any, pictures: list[Image.Image]) -> None:
    batch = batch_of(encoder, pictures)
    order = [2, 0, 3, 1]
    np.testing.assert_array_equal(encoder.encode_images(batch[order]), encoder.encode_images(batch)[order])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if " in " in kind])
def test_lower_precision_turns_no_vector(make: Callable[[str], Any], pictures: list[Image.Image], kind: str) -> None:
    rough, fine = make(kind), make(kind.partition(" in ")[0])
    batch = batch_of(fine, pictures)
    least = 0.999 if "bf16" in kind else 0.995  # 8 bits are coarser at this width of 64; at 768 they give 0.9998
    assert (rough.encode_images(batch) * fine.encode_images(batch)).sum(axis=1).min() > least
    assert (rough.encode_texts(TEXTS) * fine.encode_texts(TEXTS)).sum(axis=1).min() > least
    assert rough.fingerprint != fine.fingerprint
    assert rough.text_fingerprint != fine.text_fingerprint
    assert not np.array_equal(rough.encode_images(batch), fine.encode_images(batch))  # it did compute otherwise


def test_a_batch_that_does_not_fit_is_an_error_and_a_smaller_one_is_encoded(
    make: Callable[[str], Any], pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = make("clip")
    batch = batch_of(encoder, pictures)
    model = encoder._towers.model
    encode = model.get_image_features

    def small(pixel_values: torch.Tensor) -> Any:
        if len(pixel_values) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return encode(pixel_values=pixel_values)

    monkeypatch.setattr(model, "get_image_features", small)
    with pytest.raises(EncoderMemoryError, match="A batch of 4 pictures does not fit"):
        encoder.encode_images(batch)
    assert_unit(encoder.encode_images(batch[:2]), 2, encoder)


def test_texts_that_do_not_fit_are_encoded_fewer_at_a_time(
    make: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = make("clip")
    expected = encoder.encode_texts(TEXTS)
    model = encoder._towers.model
    encode = model.get_text_features

    def small(input_ids: torch.Tensor) -> Any:
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return encode(input_ids=input_ids)

    monkeypatch.setattr(model, "get_text_features", small)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected, atol=1e-5)


def test_texts_become_distinct_unit_vectors(encoder: Any) -> None:
    vectors = encoder.encode_texts(TEXTS)
    assert_unit(vectors, len(TEXTS), encoder)
    assert (vectors @ vectors.T)[~np.eye(len(TEXTS), dtype=bool)].max() < 0.9999


def test_a_text_has_the_same_bits_in_any_company(encoder: Any) -> None:
    together = encoder.encode_texts(TEXTS)
    alone = np.concatenate([encoder.encode_texts([text]) for text in TEXTS[::2]])
    np.testing.assert_array_equal(together[::2], alone)
    np.testing.assert_array_equal(encoder.encode_texts(TEXTS[::-1])[::-1], together)


def test_a_batch_that_is_full_without_any_padding_gives_the_same_bits(encoder: Any) -> None:
    for n_letters in (6, 14):  # with two end marks these fill the buckets of 8 and 16 tokens
        text = "c " * n_letters
        np.testing.assert_array_equal(encoder.encode_texts([text] * BATCH)[:1], encoder.encode_texts([text]))


def test_long_texts_are_cut_with_one_warning_that_counts_them(encoder: Any) -> None:
    long = ["cat " * 2500, "dog " * 2500]
    with pytest.warns(AdjustedWarning, match="2 of 4 texts are longer than the") as caught:
        vectors = encoder.encode_texts([long[0], "a cat", long[1], ""])
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert_unit(vectors, 4, encoder)
    np.testing.assert_array_equal(vectors[1], encoder.encode_texts(["a cat"])[0])


def test_nothing_gives_no_vectors(encoder: Any) -> None:
    assert encoder.encode_texts([]).shape == (0, encoder.n_dims)
    assert encoder.encode_images(np.empty((0, 3, 64, 64), np.float32)).shape == (0, encoder.n_dims)


def test_a_single_string_is_refused(encoder: Any) -> None:
    with pytest.raises(InvalidParameterError, match="sequence of strings"):
        encoder.encode_texts("a cat")


def test_a_batch_of_another_shape_is_refused(encoder: Any) -> None:
    with pytest.raises(EncoderError, match=r"expected \(n, 3, 64, 64\)"):
        encoder.encode_images(np.zeros((2, 64, 64, 3), np.float32))


def test_scikit_learn_clones_it_to_itself(encoder: Any) -> None:
    assert clone(encoder) is encoder


def test_the_threads_of_torch_stay_as_they_are(encoder: Any, pictures: list[Image.Image]) -> None:
    before = torch.get_num_threads()
    encoder.encode_images(batch_of(encoder, pictures))
    encoder.encode_texts(["a cat"])
    assert torch.get_num_threads() == before
    assert not torch.is_inference_mode_enabled()


def test_the_layouts_of_one_model_share_a_fingerprint(make: Callable[[str], Any]) -> None:
    assert make("clip").fingerprint == make("sentence-transformers").fingerprint == make("multilingual").fingerprint
    assert make("clip").fingerprint != make("siglip").fingerprint


@pytest.mark.parametrize("change", ["weights", "preprocessing", "config", "batch"])
def test_the_fingerprint_depends_on_all_that_changes_vectors(tmp_path: Path, change: str) -> None:
    folder = tiny_clip(tmp_path / "a")
    before = CLIPEncoder(folder).fingerprint
    batch_size = 32
    if change == "weights":
        tiny_clip(folder, seed=5)
    elif change == "batch":
        batch_size = 8
    else:
        file, key, value = {
            "preprocessing": ("preprocessor_config.json", "resample", 2),
            "config": ("config.json", "logit_scale_init_value", 1.0),
        }[change]
        content = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps({**content, key: value}))
    assert CLIPEncoder(folder, batch_size=batch_size).fingerprint != before


@pytest.mark.parametrize("change", ["weights", "tokenizer", "text_model", "precision", "batch"])
def test_the_fingerprint_of_texts_depends_on_all_that_changes_them(
    tmp_path: Path, checkpoints: dict[str, Path], change: str
) -> None:
    folder = tiny_clip(tmp_path / "a")
    before = CLIPEncoder(folder, device="cpu", precision="fp32").text_fingerprint
    given: dict[str, Any] = {"device": "cpu", "precision": "fp32"}
    if change == "weights":
        tiny_clip(folder, seed=5)
    elif change == "tokenizer":
        file = folder / "tokenizer.json"
        file.write_text(file.read_text(encoding="utf-8").replace('"ca"', '"ac"'), encoding="utf-8")
    else:
        given |= {
            "text_model": {"text_model": checkpoints["text"]},
            "precision": {"precision": "int8"},
            "batch": {"batch_size": 8},
        }[change]
    assert CLIPEncoder(folder, **given).text_fingerprint != before


def test_pictures_and_texts_have_fingerprints_of_their_own(make: Callable[[str], Any]) -> None:
    clip, multilingual = make("clip"), make("multilingual")
    assert clip.fingerprint == multilingual.fingerprint
    assert clip.text_fingerprint != multilingual.text_fingerprint


def test_a_wrapped_model_tells_its_own_device_and_precision(make: Callable[[str], Any]) -> None:
    encoder = make("wrapped")
    assert (encoder.device, encoder.precision) == ("cpu", "fp32")
    assert "cpu:fp32" in encoder.text_fingerprint


def test_the_fingerprint_of_a_wrapped_model_depends_on_its_weights(make: Callable[[str], Any]) -> None:
    encoder = make("wrapped")
    changed = copy.deepcopy(encoder.model)
    with torch.no_grad():
        next(changed.parameters()).add_(1)
    assert SentenceTransformerEncoder(encoder.model, batch_size=BATCH).fingerprint == encoder.fingerprint
    assert SentenceTransformerEncoder(changed, batch_size=BATCH).fingerprint != encoder.fingerprint


def test_the_fingerprint_of_a_wrapped_model_depends_on_what_its_further_modules_do(
    make: Callable[[str], Any],
) -> None:
    from sentence_transformers.sentence_transformer.modules import Dense

    def with_dense(activation: torch.nn.Module) -> SentenceTransformerEncoder:
        model = copy.deepcopy(make("wrapped").model)
        torch.manual_seed(0)
        model.append(Dense(32, 32, activation_function=activation))
        return SentenceTransformerEncoder(model, batch_size=BATCH)

    bent, straight, again = with_dense(torch.nn.Tanh()), with_dense(torch.nn.Identity()), with_dense(torch.nn.Tanh())
    assert not np.allclose(bent.encode_texts(["a cat"]), straight.encode_texts(["a cat"]))
    assert bent.fingerprint != straight.fingerprint
    assert bent.text_fingerprint != straight.text_fingerprint
    assert (bent.fingerprint, bent.text_fingerprint) == (again.fingerprint, again.text_fingerprint)


def test_the_fingerprint_of_a_wrapped_model_does_not_depend_on_what_it_did_before(make: Callable[[str], Any]) -> None:
    model = make("wrapped").model
    before = SentenceTransformerEncoder(model).text_fingerprint
    model.encode(["a cat", "c d e f g h " * 50], show_progress_bar=False)
    assert SentenceTransformerEncoder(model).text_fingerprint == before


def test_a_wrapped_model_that_was_just_trained_has_no_dropout(make: Callable[[str], Any]) -> None:
    from sentence_transformers.sentence_transformer.modules import Dropout

    model = copy.deepcopy(make("wrapped").model)
    model.append(Dropout(0.5))
    encoder = SentenceTransformerEncoder(model.train(), batch_size=BATCH)
    np.testing.assert_array_equal(encoder.encode_texts(["a cat"]), encoder.encode_texts(["a cat"]))


def test_the_multilingual_name_is_its_text_tower_over_the_pictures_of_clip(
    monkeypatch: pytest.MonkeyPatch, checkpoints: dict[str, Path]
) -> None:
    folders = {"clip-ViT-B-32": checkpoints["clip"], "clip-ViT-B-32-multilingual-v1": checkpoints["text"]}
    monkeypatch.setattr(hub, "find_model", lambda name, **_: folders.get(name, name))
    encoder = CLIPEncoder("clip-ViT-B-32-multilingual-v1", device="cpu", batch_size=BATCH)
    composed = CLIPEncoder(checkpoints["clip"], text_model=checkpoints["text"], device="cpu", batch_size=BATCH)
    assert encoder.name == "clip-ViT-B-32-multilingual-v1"
    np.testing.assert_array_equal(encoder.encode_texts(["a cat"]), composed.encode_texts(["a cat"]))


def test_a_pickled_encoder_loads_its_weights_again(make: Callable[[str], Any]) -> None:
    encoder = make("clip")
    vectors = encoder.encode_texts(["a cat"])
    data = pickle.dumps(encoder)
    assert len(data) < 1000
    np.testing.assert_array_equal(pickle.loads(data).encode_texts(["a cat"]), vectors)


def test_a_text_model_alone_is_refused(checkpoints: dict[str, Path]) -> None:
    from sentence_transformers import SentenceTransformer

    with pytest.raises(EncoderError, match=r"further modules.*CLIPEncoder\(the CLIP, text_model="):
        CLIPEncoder(checkpoints["text"]).n_dims  # noqa: B018 (reading it finds the model)
    with pytest.raises(EncoderError, match="no picture tower"):
        SentenceTransformerEncoder(SentenceTransformer(str(checkpoints["text"]), device="cpu"))


@pytest.mark.parametrize("batch_size", [0, -1, 2.5])
def test_a_batch_size_that_cannot_be_is_refused(batch_size: Any) -> None:
    with pytest.raises(InvalidParameterError, match="batch_size"):
        CLIPEncoder("clip-ViT-B-32", batch_size=batch_size)


@pytest.mark.hub
def test_the_real_model_tells_a_cat_from_a_truck() -> None:
    if not (hub.is_cached("clip-ViT-B-32") or hub_answers()):
        pytest.skip("the model hub does not answer, and sentence-transformers/clip-ViT-B-32 is not in the cache")
    encoder = CLIPEncoder("clip-ViT-B-32")
    assert encoder.n_dims == 512
    cat, kitten, truck = encoder.encode_texts(["a cat", "a kitten", "a lorry on a motorway"])
    assert cat @ kitten > cat @ truck
    red = encoder.preprocess(Image.new("RGB", (300, 300), "red"))
    picture = encoder.encode_images(np.stack([red] * encoder.batch_size))[0]
    right, wrong = encoder.encode_texts(["a plain red picture", "a plain blue picture"])
    assert picture @ right > picture @ wrong
