"""CLIP, SigLIP and SigLIP2: pictures and texts in one space, from a folder, the hub's cache or the hub.

What a checkpoint *is* (settings, preprocessing, the hash of its weights) is read from its files without torch, so a
run whose vectors are all in the cache never loads the model. Weights load when the first vector is asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from concept_memes.encoders import hub
from concept_memes.encoders.checkpoint import Checkpoint, model_family
from concept_memes.encoders.devices import device_kind
from concept_memes.encoders.placement import Placement
from concept_memes.encoders.preprocessing import PicturePreprocessing
from concept_memes.encoders.towers import SentenceTower, Towers, pooled
from concept_memes.encoders.two_towers import TwoTowerEncoder, picture_fingerprint, text_fingerprint
from concept_memes.errors import EncoderError
from concept_memes.protocols import FloatArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["CLIPEncoder", "SentenceTransformerEncoder"]

# Text towers that are no CLIP of their own, and the model whose pictures they were trained to match.
_PICTURES_OF = {"clip-ViT-B-32-multilingual-v1": "clip-ViT-B-32"}


class CLIPEncoder(TwoTowerEncoder):
    """Pictures and texts by a CLIP, SigLIP or SigLIP2 model.

    Parameters
    ----------
    model : str or Path
        A short name (``"clip-ViT-B-32"``, ``"siglip2-b32"``, ...), an id on the model hub, or a folder with a
        transformers checkpoint or a sentence-transformers model. ``"clip-ViT-B-32-multilingual-v1"`` is that text
        model over the pictures of ``"clip-ViT-B-32"``.
    text_model : str or Path, optional
        A sentence-transformers model that encodes the texts instead, trained to match `model`.
    device : str, default="auto"
        ``"auto"`` takes CUDA, else Apple's MPS, else the CPU; or ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    precision : {"auto", "fp32", "fp16", "bf16", "int8"}, default="auto"
        ``"auto"`` is fp16 on CUDA, bf16 on CPUs that multiply it in hardware, fp32 elsewhere. ``"int8"`` is for CPUs:
        weights and activations of 8 bits, at a cosine to fp32 of 0.9998 for pictures and 0.9995 for texts (ViT-B/32
        with random weights). Vectors are float32 in any case.
    batch_size : int or "auto", default="auto"
        Pictures or texts in every call of the model; ``"auto"`` goes by the device and the size of its memory.
    local_files_only : bool, default=False
        Ask no hub: use folders and the local cache alone.

    Attributes
    ----------
    name : str
        `model` as given.
    device, precision : str
        What was resolved, such as ``"cpu"`` and ``"bf16"``.
    batch_size : int
        Pictures in every call.
    fingerprint : str
        Family, SHA-256 of settings and weights, preprocessing, precision, kind of device and batch size. The hash
        covers every byte of the weights: a second for a folder, nothing for the hub's cache.
    text_fingerprint : str
        The same for texts: weights, tokenizer, precision, kind of device, lengths of padding and batch size.
    n_dims : int
        Length of a vector.
    image_size : tuple of int
        Twice the width and height of the model's input, in pixels.
    blocks : tuple of slice
        One: the whole vector.

    Raises
    ------
    ModelNotFoundError
        On first use: there is no such folder, the hub does not know the model, or its files are damaged.
    EncoderError
        On first use: the model is of another kind, or there is no such device.

    Examples
    --------
    >>> encoder = CLIPEncoder("clip-ViT-B-32", device="cpu", precision="int8", local_files_only=True)
    >>> encoder
    CLIPEncoder('clip-ViT-B-32', device='cpu', precision='int8')
    >>> encoder.batch_size
    16
    >>> encoder.encode_texts(["a cat", "a dog"]).shape  # doctest: +SKIP
    (2, 512)
    """

    def __init__(
        self,
        model: str | Path,
        *,
        text_model: str | Path | None = None,
        device: str = "auto",
        precision: str = "auto",
        batch_size: int | str = "auto",
        local_files_only: bool = False,
    ) -> None:
        self.placement = Placement(device, precision, batch_size)
        self.model = model
        self.text_model = text_model
        self.local_files_only = local_files_only
        self.name = str(model)

    @property
    def device(self) -> str:
        """Where the model runs."""
        return self.placement.device

    @property
    def precision(self) -> str:
        """In which numbers it computes."""
        return self.placement.precision

    @property
    def batch_size(self) -> int:
        """Pictures in every call."""
        return self.placement.batch_size

    def _parts(self) -> tuple[str | Path, str | Path | None]:
        """Return the model of the pictures, and the model of the texts if that is another one."""
        short = str(self.model).removeprefix("sentence-transformers/")
        if isinstance(self.model, str) and self.text_model is None and short in _PICTURES_OF:
            return _PICTURES_OF[short], self.model
        return self.model, self.text_model

    @cached_property
    def _checkpoint(self) -> Checkpoint:
        pictures, _ = self._parts()
        return Checkpoint.read(hub.find_model(pictures, local_files_only=self.local_files_only), str(pictures))

    @cached_property
    def _towers(self) -> Towers:
        return Towers.load(self._checkpoint, self.name, self.placement)

    @cached_property
    def _towers_with_gradients(self) -> Towers:
        place = self.placement
        if place.precision == "fp32":
            return self._towers
        # Layers for bf16 and int8 have no gradients, and those of fp16 are lost in rounding.
        return Towers.load(self._checkpoint, self.name, Placement(place.given_device, "fp32", place.given_batch_size))

    @cached_property
    def _text_tower(self) -> SentenceTower | None:
        folder = self._text_folder
        return None if folder is None else SentenceTower(folder, str(self._parts()[1]), self.placement)

    @cached_property
    def _text_folder(self) -> Path | None:
        _, texts = self._parts()
        return None if texts is None else hub.find_model(texts, local_files_only=self.local_files_only)

    def _texts(self, texts: Sequence[str]) -> FloatArray:
        return (self._text_tower or self._towers).texts(texts, self.n_dims)

    @cached_property
    def _preprocessing(self) -> PicturePreprocessing:
        return self._checkpoint.preprocessing

    @cached_property
    def n_dims(self) -> int:
        """Length of a vector."""
        return self._checkpoint.n_dims

    @cached_property
    def fingerprint(self) -> str:
        """What decides the bits of a picture's vector."""
        found = self._checkpoint
        return picture_fingerprint(self._weights_hash, found.family, found.preprocessing, self._where, self.batch_size)

    @cached_property
    def text_fingerprint(self) -> str:
        """What decides the bits of a text's vector."""
        if self._text_folder is None:
            weights, family = self._weights_hash, self._checkpoint.family
            settings = hub.files_hash(self._checkpoint.folder, weights=False)
        else:
            weights, family, settings = hub.files_hash(self._text_folder, weights=True), "st", ""
        return text_fingerprint(weights, family, settings, self._where, self.placement.text_batch_size)

    @cached_property
    def _weights_hash(self) -> str:
        return hub.weights_hash(self._checkpoint.folder)

    @property
    def _where(self) -> str:
        return f"{self.placement.kind}:{self.precision}"

    def prepare(self) -> CLIPEncoder:
        """Find the model now, downloading it if need be, so that what is missing shows at once.

        Returns
        -------
        CLIPEncoder
            The encoder itself. The weights are still not in memory.
        """
        _ = self._checkpoint, self._text_folder
        return self

    def __repr__(self) -> str:
        return f"CLIPEncoder({self.name!r}{self.placement.describe()})"

    def __getstate__(self) -> dict[str, object]:
        """Leave what was loaded behind: a worker process loads it from the same place."""
        kept = ("model", "text_model", "placement", "local_files_only", "name")
        return {key: self.__dict__[key] for key in kept}


class SentenceTransformerEncoder(TwoTowerEncoder):
    """A loaded ``SentenceTransformer`` that holds a CLIP or SigLIP model.

    Pictures and texts go through the object's own modules, on its device and in its precision.

    Parameters
    ----------
    model : SentenceTransformer
        The loaded model.
    batch_size : int, default=32
        Pictures or texts in every call of the model.

    Attributes
    ----------
    device, precision : str
        Those of the object, such as ``"cpu"`` and ``"fp32"``.
    fingerprint, text_fingerprint : str
        SHA-256 of all parameters, and what else decides the bits of a picture's or a text's vector.

    Raises
    ------
    EncoderError
        The object encodes texts alone.

    Examples
    --------
    >>> from sentence_transformers import SentenceTransformer  # doctest: +SKIP
    >>> SentenceTransformerEncoder(SentenceTransformer("clip-ViT-B-32"))  # doctest: +SKIP
    SentenceTransformerEncoder('sentence-transformers/clip-ViT-B-32', batch_size=32)
    """

    def __init__(self, model: SentenceTransformer, *, batch_size: int = 32) -> None:
        first: Any = model[0]
        inner: Any = getattr(first, "model", None) or getattr(first, "auto_model", None)
        self.name = str(getattr(getattr(inner, "config", None), "_name_or_path", "") or "SentenceTransformer")
        if not hasattr(inner, "get_image_features"):
            raise EncoderError(
                f"The SentenceTransformer {self.name!r} has no picture tower: it encodes texts alone. Pass one that "
                'holds a CLIP, such as SentenceTransformer("clip-ViT-B-32"), or give it to CLIPEncoder(the CLIP, '
                "text_model=the name of this model) if it was trained to match a CLIP."
            )
        self.model = model.eval()  # as its own encode() does; after training its dropout would still be at work
        self.batch_size = batch_size
        self._family = model_family(inner.config.to_dict(), self.name)
        processor: Any = first.processor
        self._preprocessing = PicturePreprocessing.from_config(processor.image_processor.to_dict(), self._family)
        self._towers = Towers(inner, processor.tokenizer, batch_size, self._finish)
        blank = np.zeros((1, 3, *self._preprocessing.shape), np.float32)
        self.n_dims = self._towers.pictures(blank).shape[1]

    def _finish(self, output: Any) -> Any:  # noqa: ANN401 (tensors)
        """Run the modules after the first, such as a Dense layer of a fine-tuned model."""
        features: dict[str, Any] = {"sentence_embedding": pooled(output)}
        for module in list(self.model)[1:]:
            features = module(features)
        return features["sentence_embedding"]

    @property
    def device(self) -> str:
        """Where the object's weights are."""
        return str(self._towers.model.device)

    @property
    def precision(self) -> str:
        """In which numbers the object computes."""
        name = str(self._towers.model.dtype).rpartition(".")[2]
        return {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}.get(name, name)

    @cached_property
    def fingerprint(self) -> str:
        """What decides the bits of a picture's vector; hashes all parameters in memory."""
        family = f"st-{self._family}"
        return picture_fingerprint(self._weights_hash, family, self._preprocessing, self._where, self.batch_size)

    @cached_property
    def text_fingerprint(self) -> str:
        """What decides the bits of a text's vector; hashes all parameters in memory."""
        tokenizer = self._towers.tokenizer
        rules = getattr(tokenizer, "backend_tokenizer", None)
        words = repr(sorted(tokenizer.get_vocab().items()))
        if rules is not None:
            # What the last call cut and filled up stands in there as well, and decides nothing of the next one.
            words = json.dumps(json.loads(rules.to_str()) | {"truncation": None, "padding": None}, sort_keys=True)
        words += f" {tokenizer.pad_token_id} {tokenizer.padding_side}"
        settings = hashlib.sha256(words.encode()).hexdigest()
        return text_fingerprint(self._weights_hash, f"st-{self._family}", settings, self._where, self.batch_size)

    @cached_property
    def _weights_hash(self) -> str:
        import torch

        digest = hashlib.sha256(self._towers.model.config.to_json_string().encode())
        digest.update(repr(list(self.model)[1:]).encode())  # two layers with the same weights may differ in activation
        for key, tensor in sorted(self.model.state_dict().items()):
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()

    @property
    def _where(self) -> str:
        return f"{device_kind(self.device)}:{self.precision}"

    def __repr__(self) -> str:
        return f"SentenceTransformerEncoder({self.name!r}, batch_size={self.batch_size})"
