"""What CLIP and SigLIP say of their patches, on tiny models with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tinyclip import noise_pictures, tiny_clip, tiny_siglip
from torch.nn import functional

from concept_memes.encoders import CLIPEncoder
from concept_memes.encoders.explaining import patch_relevance, written_out
from concept_memes.errors import EncoderError, InvalidParameterError
from concept_memes.protocols import ExplainingEncoder
from concept_memes.testing import ColorEncoder

FAMILIES = pytest.mark.parametrize("family", ["clip", "siglip"])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {"clip": tiny_clip(root / "clip"), "siglip": tiny_siglip(root / "siglip")}


def encoder_of(models: dict[str, Path], family: str, precision: str = "fp32") -> CLIPEncoder:
    return CLIPEncoder(models[family], device="cpu", precision=precision)


def by_weights(encoder: CLIPEncoder, picture: Image.Image, text: str) -> np.ndarray:
    """Attention times gradient, per head and without what is negative, from CLIP's own attention weights."""
    model: Any = encoder._towers.model
    before = model.config.vision_config._attn_implementation
    model.set_attn_implementation("eager")
    kept = []

    def keep(_module: Any, _inputs: Any, output: tuple[Any, Any]) -> None:
        output[1].retain_grad()
        kept.append(output[1])

    hook = model.vision_model.encoder.layers[-1].self_attn.register_forward_hook(keep)
    try:
        pixels = torch.from_numpy(encoder.preprocess(picture)[None])
        vector = model.get_image_features(pixel_values=pixels).pooler_output[0]
        (functional.normalize(vector, dim=0) @ torch.from_numpy(encoder.encode_texts([text])[0])).backward()
    finally:
        hook.remove()
        model.set_attn_implementation(before)
        model.zero_grad()
    weights = kept[0]
    relevance = (weights * weights.grad)[0].clamp(min=0).mean(0)[0, 1:]
    return np.asarray(relevance.detach().numpy().reshape(4, 4))


@FAMILIES
def test_encoders_of_this_kind_explain_themselves(models: dict[str, Path], family: str) -> None:
    assert isinstance(encoder_of(models, family), ExplainingEncoder)
    assert not isinstance(ColorEncoder(), ExplainingEncoder)


def test_a_patch_counts_by_the_attention_that_it_gets_and_what_that_brings(models: dict[str, Path]) -> None:
    encoder = encoder_of(models, "clip")
    for picture in noise_pictures()[:2]:
        expected = by_weights(encoder, picture, "a cat")
        assert expected.max() > 0
        np.testing.assert_allclose(encoder.relevance_map(picture, "a cat"), expected, atol=1e-4 * expected.max())


@FAMILIES
def test_relevance_depends_on_the_picture_and_on_the_text(models: dict[str, Path], family: str) -> None:
    encoder, (first, second, *_) = encoder_of(models, family), noise_pictures()
    cat = encoder.relevance_map(first, "a cat")
    assert cat.shape == (4, 4)
    assert cat.dtype == np.float32
    assert (cat >= 0).all()
    assert cat.max() > 0
    np.testing.assert_array_equal(encoder.relevance_map(first, "a cat"), cat)
    assert not np.allclose(encoder.relevance_map(first, "the dog"), cat, rtol=0.01, atol=0)
    assert not np.allclose(encoder.relevance_map(second, "a cat"), cat, rtol=0.01, atol=0)


def test_the_pooling_of_siglip_is_written_out_as_torch_does_it() -> None:
    torch.manual_seed(0)
    module = torch.nn.MultiheadAttention(16, 4, batch_first=True)
    torch.nn.init.normal_(module.in_proj_bias)
    query, key, value = torch.randn(2, 1, 16), torch.randn(2, 9, 16), torch.randn(2, 9, 16)
    output, weights = written_out(module, query, key, value)
    expected = module(query, key, value, average_attn_weights=False)
    torch.testing.assert_close(output, expected[0])
    torch.testing.assert_close(weights, expected[1])


def test_the_patch_that_alone_speaks_for_a_text_has_all_relevance(models: dict[str, Path]) -> None:
    encoder, place, gathered = encoder_of(models, "clip"), 6, []
    model: Any = encoder._towers.model
    attention = model.vision_model.encoder.layers[-1].self_attn

    class Planted(torch.nn.Module):
        """Values that are 1 in one patch and -1 in all others."""

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            values = -torch.ones_like(tokens)
            values[:, 1 + place] = 1.0
            return values

    kept, attention.v_proj = attention.v_proj, Planted()
    hook = attention.out_proj.register_forward_hook(lambda _module, inputs, _output: gathered.append(inputs[0][:, 0]))
    try:
        pixels = encoder.preprocess(noise_pictures()[0])
        # Not of unit length: the cosine with a constant would not change.
        text = np.eye(1, 64, dtype=np.float32)[0]
        relevance = patch_relevance(model, lambda _: gathered[-1] + torch.arange(64.0), pixels, text).ravel()
    finally:
        hook.remove()
        attention.v_proj = kept
    assert relevance.argmax() == place
    assert np.delete(relevance, place).max() == 0


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_fast_layers_do_not_stand_in_the_way(models: dict[str, Path], precision: str) -> None:
    picture = noise_pictures()[0]
    exact = encoder_of(models, "clip").relevance_map(picture, "a cat")
    fast = encoder_of(models, "clip", precision)
    np.testing.assert_allclose(fast.relevance_map(picture, "a cat"), exact, atol=0.1 * exact.max())
    assert fast.feature_maps(picture, "block 1").shape == (64, 4, 4)


def test_looking_changes_no_vector_and_leaves_nothing_behind(models: dict[str, Path]) -> None:
    encoder, picture = encoder_of(models, "clip"), noise_pictures()[0]
    batch = np.stack([encoder.preprocess(picture)])
    before = encoder.encode_images(batch)
    encoder.relevance_map(picture, "a cat")
    encoder.feature_maps(picture, "block 2")
    np.testing.assert_array_equal(encoder.encode_images(batch), before)
    model: Any = encoder._towers.model
    assert all(weight.grad is None for weight in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


@FAMILIES
def test_layers_have_a_map_per_channel(models: dict[str, Path], family: str) -> None:
    encoder, picture = encoder_of(models, family), noise_pictures()[0]
    assert encoder.layers == ("patches", "block 1", "block 2")
    maps = {layer: encoder.feature_maps(picture, layer) for layer in encoder.layers}
    assert {m.shape for m in maps.values()} == {(64, 4, 4)}
    assert not np.allclose(maps["block 1"], maps["block 2"])
    convolution: Any = encoder._towers.model.vision_model.embeddings.patch_embedding
    with torch.inference_mode():
        expected = convolution(torch.from_numpy(encoder.preprocess(picture)[None]))[0].numpy()
    np.testing.assert_allclose(maps["patches"], expected, atol=1e-5)


def test_a_layer_that_is_not_there_is_answered_with_those_that_are(models: dict[str, Path]) -> None:
    with pytest.raises(InvalidParameterError, match="one of 'patches', 'block 1', 'block 2'"):
        encoder_of(models, "clip").feature_maps(noise_pictures()[0], "block 3")


def test_models_of_another_build_are_refused() -> None:
    with pytest.raises(EncoderError, match="no vision transformer"):
        patch_relevance(torch.nn.Linear(2, 2), lambda x: x, np.zeros((3, 4, 4), np.float32), np.ones(2, np.float32))


@pytest.mark.parametrize(
    ("family", "size", "expected"),
    [("clip", (90, 70), (10, 0, 80, 70)), ("clip", (64, 200), (0, 68, 64, 132)), ("siglip", (90, 70), (0, 0, 90, 70))],
)
def test_what_is_seen_is_what_is_cut_out(
    models: dict[str, Path], family: str, size: tuple[int, int], expected: tuple[float, ...]
) -> None:
    assert encoder_of(models, family).seen_part(size) == pytest.approx(expected)
