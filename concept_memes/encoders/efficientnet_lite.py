"""EfficientNet-Lite0 as a small network for inference: batch norms are folded into the convolutions.

Parameter names in the checkpoint are those of the TensorFlow port (``_blocks.3._expand_conv.weight``).

References
----------
Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv 1905.11946. The Lite
variants drop squeeze-and-excitation and use ReLU6.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["EfficientNetLite0"]

N_FEATURES = 1280
BATCH_NORM_EPSILON = 1e-3

# One row per stage: blocks, kernel, stride of the first block, expansion.
STAGES = ((1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6))


def fold(state: Mapping[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Fold a batch norm into the convolution before it; return its weight and bias."""
    scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + BATCH_NORM_EPSILON)
    weight = state[f"{conv}.weight"] * scale[:, None, None, None]
    return weight, state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale


class SameConv(nn.Module):
    """A convolution with TensorFlow's "same" padding, which puts the odd pixel at the bottom right."""

    def __init__(self, weight: Tensor, bias: Tensor, *, stride: int = 1, groups: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
        self.bias = nn.Parameter(bias.contiguous(), requires_grad=False)
        self.stride, self.groups, self.relu = stride, groups, relu

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.shape[-1]
        padding = [max((-(-n // self.stride) - 1) * self.stride + kernel - n, 0) for n in x.shape[-2:]]
        top, left = padding[0] // 2, padding[1] // 2
        if padding[0] % 2 or padding[1] % 2:
            x = functional.pad(x, (left, padding[1] - left, top, padding[0] - top))
            top = left = 0
        x = functional.conv2d(x, self.weight, self.bias, self.stride, (top, left), groups=self.groups)
        return functional.relu6(x, inplace=True) if self.relu else x


class Block(nn.Module):
    """Inverted bottleneck: expand, depthwise, project, and a short cut where the shapes allow one."""

    def __init__(self, state: Mapping[str, Tensor], prefix: str, stride: int, expand: bool) -> None:
        super().__init__()
        layers = []
        if expand:
            layers.append(SameConv(*fold(state, f"{prefix}._expand_conv", f"{prefix}._bn0")))
        weight, bias = fold(state, f"{prefix}._depthwise_conv", f"{prefix}._bn1")
        layers.append(SameConv(weight, bias, stride=stride, groups=len(weight)))
        layers.append(SameConv(*fold(state, f"{prefix}._project_conv", f"{prefix}._bn2"), relu=False))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if x.shape == y.shape else y


class EfficientNetLite0(nn.Module):
    """The network; gives pooled features and class scores.

    Parameters
    ----------
    state : mapping of str to Tensor
        The checkpoint's state.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        layers: list[nn.Module] = [SameConv(*fold(state, "_conv_stem", "_bn0"), stride=2)]
        number = 0
        for n_blocks, _kernel, stride, expansion in STAGES:
            for i in range(n_blocks):
                layers.append(Block(state, f"_blocks.{number}", stride if i == 0 else 1, expansion > 1))
                number += 1
        layers.append(SameConv(*fold(state, "_conv_head", "_bn1")))
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Linear(N_FEATURES, len(state["_fc.bias"]))
        self.classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return features of shape (n, 1280) and class scores of shape (n, 1000) for pixels (n, 3, 224, 224)."""
        maps: Tensor = self.layers(pixels.contiguous(memory_format=torch.channels_last))
        features = maps.mean(dim=(2, 3))
        return features, self.classifier(features)
