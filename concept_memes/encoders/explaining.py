"""Which patches of a picture carry a text, and what its layers hold, for vision transformers of CLIP's kind.

CLIP reads a picture's vector off the class token of its last layer, SigLIP off a probe that looks at all patches.
Either way one attention gathers the patches at the end. What a patch brings to the cosine with a text through one of
its heads is the attention times its gradient: the last layer of Chefer et al., which their notebook for CLIP shows.
Attention times gradient is value times gradient, summed over a head, so CLIP's attention need not be written out.

References
----------
Chefer, Gur, Wolf, "Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder Transformers",
arXiv 2103.15679.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.errors import EncoderError, InvalidParameterError
from concept_memes.protocols import FloatArray

__all__ = ["layer_names", "patch_relevance", "place_of_layer", "token_maps"]


def place_of_layer(layers: Sequence[str], layer: str) -> int:
    """Find a layer by its name.

    Raises
    ------
    InvalidParameterError
        There is no such layer; all that there are are named.

    Examples
    --------
    >>> place_of_layer(("patches", "block 1"), "block 1")
    1
    """
    if layer not in layers:
        raise InvalidParameterError("layer", layer, f"one of {', '.join(map(repr, layers))}")
    return list(layers).index(layer)


def layer_names(model: Any) -> tuple[str, ...]:  # noqa: ANN401 (a torch module)
    """Name the layers of a vision tower: the patches, then its blocks.

    Parameters
    ----------
    model : CLIPModel or SiglipModel

    Returns
    -------
    tuple of str
        Such as ``("patches", "block 1", "block 2")``.
    """
    return ("patches", *(f"block {i}" for i in range(1, len(_vision(model).encoder.layers) + 1)))


def patch_relevance(
    model: Any,  # noqa: ANN401
    finish: Callable[[Any], Any],
    pixels: npt.NDArray[Any],
    text: FloatArray,
) -> FloatArray:
    """Tell how much each patch brings to the cosine of a picture and a text.

    Parameters
    ----------
    model : CLIPModel or SiglipModel
        With layers that know their gradients: those of `fast_layers` do not.
    finish : callable
        Takes the output of `get_image_features` and returns the vectors.
    pixels : ndarray of shape (3, height, width), float32
        One preprocessed picture.
    text : ndarray of shape (n_dims,), float32, unit norm

    Returns
    -------
    ndarray of shape (height // side, width // side), float32
        At least 0; 0 for patches that speak against the text in all heads.
    """
    import torch
    from torch.nn import functional

    vision, kept = _vision(model), {}
    head = getattr(vision, "head", None)

    def keep_values(_module: Any, _inputs: Any, output: Any) -> Any:  # noqa: ANN401
        kept["values"] = output.detach().requires_grad_()
        return kept["values"]

    def keep_weights(module: Any, inputs: Any, named: dict[str, Any], _output: Any) -> Any:  # noqa: ANN401
        output, kept["weights"] = written_out(module, *(inputs or (named["query"], named["key"], named["value"]))[:3])
        return output, kept["weights"]

    if head is None:
        hook = vision.encoder.layers[-1].self_attn.v_proj.register_forward_hook(keep_values)
    else:
        hook = head.attention.register_forward_hook(keep_weights, with_kwargs=True)
    try:
        with torch.enable_grad():
            given = torch.from_numpy(np.ascontiguousarray(pixels[None])).to(model.device, model.dtype)
            vector = finish(model.get_image_features(pixel_values=given))[0].float()
            cosine = functional.normalize(vector, dim=0) @ torch.from_numpy(np.array(text)).to(vector.device)
            (seen,) = kept.values()
            (gradient,) = torch.autograd.grad(cosine, seen)
    finally:
        hook.remove()
    brought = (seen * gradient).detach().float()
    if head is None:  # (1, tokens, width): the first token is the one that gathers
        n_heads = vision.encoder.layers[-1].self_attn.num_heads
        per_head = brought[0, 1:].unflatten(-1, (n_heads, -1)).sum(-1).T
    else:  # (1, heads, 1, tokens)
        per_head = brought[0, :, 0]
    relevance = per_head.clamp(min=0).mean(0).cpu().numpy()
    return np.asarray(relevance.reshape(_grid(model, pixels)), np.float32)


def token_maps(model: Any, pixels: npt.NDArray[Any], layer: int) -> FloatArray:  # noqa: ANN401
    """Return what a layer holds of each patch, as maps.

    Parameters
    ----------
    model : CLIPModel or SiglipModel
    pixels : ndarray of shape (3, height, width), float32
        One preprocessed picture.
    layer : int
        Its place among `layer_names`.

    Returns
    -------
    ndarray of shape (width of the layer, height // side, width // side), float32
        Without the class token.
    """
    import torch

    vision = _vision(model)
    module = vision.encoder.layers[layer - 1] if layer else vision.embeddings.patch_embedding
    given = torch.from_numpy(np.ascontiguousarray(pixels[None])).to(model.device, model.dtype)
    with torch.inference_mode(), _output_of(module) as outputs:
        model.get_image_features(pixel_values=given)
    output = outputs[0][0] if isinstance(outputs[0], tuple) else outputs[0]
    rows, columns = _grid(model, pixels)
    tokens = output[0].float() if layer else output[0].float().flatten(1).T
    maps = tokens[-rows * columns :].T.reshape(-1, rows, columns)
    return np.asarray(maps.cpu().numpy(), np.float32)


def written_out(module: Any, query: Any, key: Any, value: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Do what an ``nn.MultiheadAttention`` does, with weights that its output can be derived by; its own cannot.

    Takes tensors of shape (n, tokens, width); returns the output, of shape (n, queries, width), and the weights, of
    shape (n, heads, queries, keys).
    """
    from torch.nn import functional

    parts = zip((query, key, value), module.in_proj_weight.chunk(3), module.in_proj_bias.chunk(3), strict=True)
    q, k, v = (
        functional.linear(x, weight, bias).reshape(*x.shape[:2], module.num_heads, -1).transpose(1, 2)
        for x, weight, bias in parts
    )
    weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)
    return module.out_proj((weights @ v).transpose(1, 2).flatten(2)), weights


@contextmanager
def _output_of(module: Any) -> Iterator[list[Any]]:  # noqa: ANN401
    outputs: list[Any] = []
    hook = module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        hook.remove()


def _vision(model: Any) -> Any:  # noqa: ANN401
    vision = getattr(model, "vision_model", None)
    vision = getattr(vision, "vision_model", vision)  # transformers wrapped it for a while
    if not hasattr(vision, "encoder") or not hasattr(vision, "embeddings"):
        raise EncoderError(
            f"{type(model).__name__} has no vision transformer of the kind that is known here; maps of what it sees "
            "are drawn for CLIP, SigLIP and the hub-free model."
        )
    return vision


def _grid(model: Any, pixels: npt.NDArray[Any]) -> tuple[int, int]:  # noqa: ANN401
    side = int(model.config.vision_config.patch_size)
    return pixels.shape[1] // side, pixels.shape[2] // side
