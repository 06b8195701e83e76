"""The faster layers compute what torch's compute, nearly; and a row's bits do not depend on the other rows."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from concept_memes.encoders.fast_layers import Int8Linear, PackedLinear, PatchLinear, use_fast_layers

KINDS = {"bf16": PackedLinear, "int8": Int8Linear}
N_IN, N_OUT = 96, 160


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def numbers(precision: str, x: torch.Tensor) -> torch.Tensor:
    return x.bfloat16() if precision == "bf16" else x


@pytest.mark.parametrize("precision", KINDS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["none", "swish", "gelu"])
def test_a_layer_gives_nearly_the_same_numbers(precision: str, bias: bool, activation: str) -> None:
    weight, offset, x = random(N_OUT, N_IN), random(N_OUT, seed=1) if bias else None, random(3, 7, N_IN, seed=2)
    after = {"none": lambda y: y, "swish": functional.silu, "gelu": functional.gelu}[activation]
    expected = after(functional.linear(x, weight, offset))
    found = KINDS[precision](weight, offset, activation)(numbers(precision, x)).float()
    assert found.shape == (3, 7, N_OUT)
    assert functional.cosine_similarity(found.flatten(1), expected.flatten(1)).min() > 0.9995
    assert float((found - expected).norm() / expected.norm()) < 0.03


@pytest.mark.parametrize("precision", KINDS)
def test_a_row_has_the_same_bits_in_any_company(precision: str) -> None:
    layer = KINDS[precision](random(N_OUT, N_IN), random(N_OUT, seed=1))
    x = numbers(precision, random(50, N_IN, seed=2))
    louder = x.clone()
    louder[:-1] *= 100  # one scale for all rows would take the last row's digits away
    assert torch.equal(layer(x)[-1], layer(louder)[-1])
    assert torch.equal(layer(x.flip(0)).flip(0), layer(x))


def test_a_row_of_zeros_gives_the_bias() -> None:
    bias = random(N_OUT, seed=1)
    torch.testing.assert_close(Int8Linear(random(N_OUT, N_IN), bias)(torch.zeros(2, N_IN)), bias.expand(2, -1))


@pytest.mark.parametrize("shape", [(64, 64), (70, 65)])
def test_patches_are_what_the_convolution_sees(shape: tuple[int, int]) -> None:
    convolution = nn.Conv2d(3, 32, 16, 16).requires_grad_(False)
    pixels = random(2, 3, *shape)
    found, expected = PatchLinear(convolution, Int8Linear)(pixels), convolution(pixels)
    assert found.shape == expected.shape
    assert functional.cosine_similarity(found.flatten(1), expected.flatten(1)).min() > 0.999


class Network(nn.Module):
    """An MLP as transformers writes one, and layers that must stay as they are."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.fc1, self.fc2, self.activation_fn = nn.Linear(N_IN, N_OUT), nn.Linear(N_OUT, N_IN), activation
        self.norm = nn.LayerNorm(N_IN)
        self.attention = nn.MultiheadAttention(N_IN, 4, batch_first=True)
        self.overlapping = nn.Conv2d(3, 8, 3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.fc2(self.activation_fn(self.fc1(x))))
        return x + self.attention(x, x, x, need_weights=False)[0]


@pytest.mark.parametrize("precision", KINDS)
@pytest.mark.parametrize("activation", ["QuickGELUActivation", "GELUActivation", "Tanh"])
def test_a_network_with_fast_layers_computes_nearly_the_same(precision: str, activation: str) -> None:
    from transformers import activations

    kind = getattr(activations, activation, None) or getattr(nn, activation)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(kind()).eval()
    x = random(2, 9, N_IN)
    with torch.inference_mode():
        expected = network(x)
        use_fast_layers(network, precision)
        found = network(numbers(precision, x)).float()
    assert isinstance(network.fc1, KINDS[precision])
    assert isinstance(network.fc2, KINDS[precision])
    assert isinstance(network.activation_fn, nn.Identity) == (activation != "Tanh")
    assert type(network.overlapping) is nn.Conv2d
    assert functional.cosine_similarity(found.flatten(1), expected.flatten(1)).min() > 0.999
