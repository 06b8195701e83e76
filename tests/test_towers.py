"""What the loaded models compute: the same numbers as the libraries, whatever comes together in a batch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tinyclip import TEXTS, noise_pictures, tiny_clip, tiny_siglip, tiny_text_tower

from concept_memes.encoders import CLIPEncoder
from concept_memes.encoders.clip import SentenceTransformerEncoder
from concept_memes.errors import EncoderError, ModelNotFoundError
from concept_memes.protocols import ImageEncoder

BATCH = 4


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {
        "clip": tiny_clip(root / "clip"),
        "siglip": tiny_siglip(root / "siglip"),
        "siglip-left": tiny_siglip(root / "siglip-left", padding_side="left"),
        "text": tiny_text_tower(root / "text"),
    }


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return noise_pictures()


def batch_of(encoder: ImageEncoder, pictures: list[Image.Image]) -> np.ndarray:
    return np.stack([encoder.preprocess(picture) for picture in pictures])


@pytest.mark.parametrize("kind", ["clip", "siglip", "siglip-left"])
def test_vectors_equal_those_of_transformers(
    kind: str, checkpoints: dict[str, Path], pictures: list[Image.Image]
) -> None:
    from transformers import AutoModel, AutoTokenizer

    encoder = CLIPEncoder(checkpoints[kind], batch_size=BATCH, device="cpu", precision="fp32")
    model = AutoModel.from_pretrained(checkpoints[kind])
    tokenizer = AutoTokenizer.from_pretrained(checkpoints[kind])
    padding = {"padding": True} if kind == "clip" else {"padding": "max_length", "max_length": 64}
    with torch.inference_mode():
        pixels = torch.from_numpy(batch_of(encoder, pictures))
        expected = torch.nn.functional.normalize(model.get_image_features(pixel_values=pixels).pooler_output).numpy()
        np.testing.assert_allclose(encoder.encode_images(pixels.numpy()), expected, atol=1e-5)
        inputs = tokenizer([text.lower() for text in TEXTS], return_tensors="pt", truncation=True, **padding)
        inputs = inputs if kind == "clip" else {"input_ids": inputs["input_ids"]}
        expected = torch.nn.functional.normalize(model.get_text_features(**inputs).pooler_output).numpy()
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected, atol=1e-5)


def test_texts_of_the_multilingual_model_equal_those_of_sentence_transformers(checkpoints: dict[str, Path]) -> None:
    from sentence_transformers import SentenceTransformer

    encoder = CLIPEncoder(
        checkpoints["clip"], text_model=checkpoints["text"], batch_size=BATCH, device="cpu", precision="fp32"
    )
    expected = SentenceTransformer(str(checkpoints["text"]), device="cpu").encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected, atol=1e-5)


def test_a_wrapped_model_gives_what_it_gives_itself(checkpoints: dict[str, Path], pictures: list[Image.Image]) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(checkpoints["clip"]), device="cpu")
    encoder = SentenceTransformerEncoder(model, batch_size=BATCH)
    expected = model.encode(pictures, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_images(batch_of(encoder, pictures)), expected, atol=1e-5)
    expected = model.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected, atol=1e-5)


def test_bf16_needs_no_processor_that_packs_it(
    monkeypatch: pytest.MonkeyPatch, checkpoints: dict[str, Path], pictures: list[Image.Image]
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("bf16 path needs the cpu support avx512")

    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_linear_weight", refuse)
    plain, packed = (CLIPEncoder(checkpoints["clip"], device="cpu", precision=p) for p in ("fp32", "bf16"))
    batch = batch_of(plain, pictures)
    cosines = (plain.encode_images(batch) * packed.encode_images(batch)).sum(axis=1)
    assert cosines.min() > 0.999


def test_texts_for_siglip_are_lower_case(checkpoints: dict[str, Path]) -> None:
    encoder = CLIPEncoder(checkpoints["siglip"], batch_size=BATCH, device="cpu", precision="fp32")
    np.testing.assert_array_equal(encoder.encode_texts(["The CAT"]), encoder.encode_texts(["the cat"]))


def test_a_text_tower_of_other_length_is_refused(tmp_path: Path, checkpoints: dict[str, Path]) -> None:
    encoder = CLIPEncoder(checkpoints["clip"], text_model=tiny_text_tower(tmp_path / "t", n_dims=16), device="cpu")
    with pytest.raises(EncoderError, match="16 numbers, the pictures' model of 32"):
        encoder.encode_texts(["a cat"])


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path / "a")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelNotFoundError, match="cannot be loaded"):
        CLIPEncoder(folder).encode_texts(["a cat"])


def test_weights_that_lack_a_part_are_not_filled_with_random_numbers(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tiny_clip(tmp_path / "a")
    tensors = load_file(folder / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelNotFoundError, match="lack 1 parts of the model, such as 'visual_projection.weight'"):
        CLIPEncoder(folder).encode_texts(["a cat"])


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = tiny_clip(tmp_path / "a")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["eos_token_id"] = 7
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelNotFoundError, match="do not belong together"):
        CLIPEncoder(folder).encode_texts(["a cat"])
