"""From what the user gave as ``embedding_model`` to an encoder.

``"auto"`` is a decision, and this is the place where it is taken: CLIP where it can be had within seconds, the
hub-free model otherwise, and never silently. ``"cnn"`` is the same decision among CNNs: VGG16 or the hub-free one.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from concept_memes.encoders.clip import CLIPEncoder, SentenceTransformerEncoder
from concept_memes.encoders.hub_free import HubFreeEncoder
from concept_memes.encoders.hub_free_cnn import HubFreeCNNEncoder
from concept_memes.encoders.keras_cnn import PREFIX, KerasCNNEncoder
from concept_memes.errors import (
    EncoderError,
    FallbackWarning,
    InvalidParameterError,
    MissingExtraError,
    ModelNotFoundError,
)
from concept_memes.protocols import ImageEncoder, TextEncoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from typing_extensions import TypeIs

__all__ = ["DEFAULT_MODEL", "resolve_encoder"]

DEFAULT_MODEL = "clip-ViT-B-32"
_MEMBERS = ("name", "fingerprint", "n_dims", "image_size", "batch_size", "blocks", "preprocess", "encode_images")
_EXPECTED = (
    '"auto", "hub-free", the name of a model ("clip-ViT-B-32", ...), the path of a folder, one of those that know '
    'pictures only ("cnn", "cnn-hub-free", "keras:vgg16", "keras:inception-v3"), a SentenceTransformer, or an object '
    "with the members of ImageEncoder"
)


# Asking these for their members would already look for the weights.
_OURS = (CLIPEncoder, HubFreeCNNEncoder, HubFreeEncoder, KerasCNNEncoder, SentenceTransformerEncoder)


def resolve_encoder(embedding_model: object) -> ImageEncoder:
    """Turn what was given as ``embedding_model`` into an encoder.

    Parameters
    ----------
    embedding_model : str, Path, SentenceTransformer or ImageEncoder
        ``"auto"`` is ``"clip-ViT-B-32"`` where it is in the local cache, or where the hub answers within 3 seconds and
        the download works; otherwise ``"hub-free"``, with one `FallbackWarning`. These know pictures only:
        ``"keras:vgg16"``, ``"keras:inception-v3"``, ``"cnn-hub-free"``, and ``"cnn"``, which is the first of them where
        its weights can be had, otherwise the last one, with a `FallbackWarning`. Other strings are short names, hub ids
        or folders.

    Returns
    -------
    ImageEncoder
        An encoder, whose weights are not loaded yet.

    Raises
    ------
    ModelNotFoundError
        No model can be had; the message names the ways out.
    MissingExtraError
        ``"hub-free"`` was asked for, but its packages are not installed.
    EncoderError
        An encoder has no picture tower, or members that contradict each other.
    InvalidParameterError
        Something else came.

    Warns
    -----
    FallbackWarning
        ``"auto"`` picked ``"hub-free"``, or ``"cnn"`` ``"cnn-hub-free"``.

    Examples
    --------
    >>> resolve_encoder("no/such/folder/at-all")
    Traceback (most recent call last):
    concept_memes.errors.ModelNotFoundError: 'no/such/folder/at-all': there is no such folder. Check the path.
    """
    if isinstance(embedding_model, str) and embedding_model == "auto":
        return _auto()
    if isinstance(embedding_model, str) and embedding_model == "hub-free":
        return HubFreeEncoder()
    if isinstance(embedding_model, str) and (embedding_model == "cnn" or embedding_model.startswith(PREFIX)):
        return _auto_cnn() if embedding_model == "cnn" else KerasCNNEncoder(embedding_model[len(PREFIX) :]).prepare()
    if isinstance(embedding_model, str) and embedding_model == HubFreeCNNEncoder.name:
        return HubFreeCNNEncoder()
    if isinstance(embedding_model, (str, Path)):
        if not str(embedding_model).strip():
            raise InvalidParameterError("embedding_model", embedding_model, _EXPECTED)
        return CLIPEncoder(embedding_model).prepare()
    if isinstance(embedding_model, _OURS):
        return embedding_model
    if _is_sentence_transformer(embedding_model):
        return SentenceTransformerEncoder(embedding_model)
    return _own(embedding_model)


def _auto() -> ImageEncoder:
    """Take CLIP if it can be had soon, else the hub-free model, else raise with the ways out."""
    try:
        return CLIPEncoder(DEFAULT_MODEL).prepare()
    except OSError as error:  # ModelNotFoundError is one: no cache, no hub, or a download that broke off
        reason = error
    if not HubFreeEncoder.is_installed():
        raise ModelNotFoundError(
            f'embedding_model="auto": {reason} The hub-free model is not installed either. Three ways out: '
            '(1) pip install "concept-memes[hub-free]"; (2) connect to the hub once, set HF_ENDPOINT to a mirror, or '
            "pass the path of a local folder with a CLIP model; (3) pass an encoder object of your own."
        ) from reason
    warnings.warn(
        f'embedding_model="auto" picked "hub-free" instead of "{DEFAULT_MODEL}". {reason} Words and search work with '
        f'"hub-free" too; the concepts may differ. To pin one: embedding_model="hub-free" or '
        f'embedding_model="{DEFAULT_MODEL}".',
        FallbackWarning,
        stacklevel=3,
    )
    return HubFreeEncoder()


def _auto_cnn() -> ImageEncoder:
    """Take VGG16 if its weights can be had soon, else the hub-free CNN, else raise with the ways out."""
    try:
        return KerasCNNEncoder("vgg16").prepare()
    except (MissingExtraError, ModelNotFoundError) as error:
        reason = error
    if not HubFreeCNNEncoder.is_installed():
        raise ModelNotFoundError(
            f'embedding_model="cnn": {reason} The CNN of the hub-free model is not installed either: '
            'pip install "concept-memes[hub-free]"'
        ) from reason
    warnings.warn(
        f'embedding_model="cnn" picked "{HubFreeCNNEncoder.name}" instead of "keras:vgg16". {reason} '
        f'With embedding_model="{HubFreeCNNEncoder.name}" this warning goes.',
        FallbackWarning,
        stacklevel=3,
    )
    return HubFreeCNNEncoder()


def _is_sentence_transformer(candidate: object) -> TypeIs[SentenceTransformer]:
    """Tell whether it is one, without importing the library: who holds an instance has imported it."""
    module = sys.modules.get("sentence_transformers")
    return module is not None and isinstance(candidate, module.SentenceTransformer)


def _own(encoder: object) -> ImageEncoder:
    """Check an encoder object of the user, lightly."""
    if isinstance(encoder, type):
        raise InvalidParameterError("embedding_model", encoder, f"an instance, not a class; or {_EXPECTED}")
    if not isinstance(encoder, ImageEncoder):
        if isinstance(encoder, TextEncoder):
            missing = [name for name in _MEMBERS if not hasattr(encoder, name)]
            raise EncoderError(
                f"{encoder!r} encodes texts but not pictures: it lacks {', '.join(missing)} (see ImageEncoder)."
            )
        raise InvalidParameterError("embedding_model", encoder, _EXPECTED)
    if encoder.n_dims < 1 or encoder.batch_size < 1:
        raise EncoderError(
            f"{encoder!r} has n_dims={encoder.n_dims} and batch_size={encoder.batch_size}; both must be at least 1."
        )
    columns = [column for block in encoder.blocks for column in range(*block.indices(encoder.n_dims))]
    if sorted(columns) != list(range(encoder.n_dims)):
        raise EncoderError(
            f"{encoder!r} has blocks={encoder.blocks}, which must cover each of its n_dims={encoder.n_dims} columns "
            f"once; most encoders have (slice(0, {encoder.n_dims}),)."
        )
    return encoder
