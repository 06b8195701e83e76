"""CLIP, SigLIP and SigLIP2: pictures and texts in one space, from a folder, the hub's cache or the hub.

What a checkpoint *is* (settings, preprocessing, the hash of its weights) is read from its files without torch, so a
run whose vectors are all in the cache never loads the model. Weights load when the first vector is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.encoders import hub
from concept_memes.encoders.checkpoint import Checkpoint, model_family
from concept_memes.encoders.preprocessing import PicturePreprocessing
from concept_memes.encoders.towers import SentenceTower, Towers, pooled
from concept_memes.errors import EncoderError, InvalidParameterError
from concept_memes.protocols import FloatArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["CLIPEncoder", "SentenceTransformerEncoder"]

# Text towers that are no CLIP of their own, and the model whose pictures they were trained to match.
_PICTURES_OF = {"clip-ViT-B-32-multilingual-v1": "clip-ViT-B-32"}


class _TwoTowerEncoder:
    """What the encoders of this file share: they differ in where their towers come from."""

    name: str
    batch_size: int

    @cached_property
    def n_dims(self) -> int:
        """Length of a vector."""
        raise NotImplementedError

    @cached_property
    def _towers(self) -> Towers:
        raise NotImplementedError

    @cached_property
    def _preprocessing(self) -> PicturePreprocessing:
        raise NotImplementedError

    @cached_property
    def blocks(self) -> tuple[slice, ...]:
        """Parts of the vector that are centred separately: one, all of it."""
        return (slice(0, self.n_dims),)

    @cached_property
    def image_size(self) -> tuple[int, int]:
        """Width and height in pixels below which decoding must not shrink: twice the model's input.

        The model's own resize then still has pixels to choose from.
        """
        height, width = self._preprocessing.shape
        return 2 * width, 2 * height

    def preprocess(self, image: Image.Image) -> FloatArray:
        """Resize, crop and normalise one picture; may run in many threads.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright; other modes than RGB are converted.

        Returns
        -------
        ndarray of shape (3, height, width), float32
            What the model sees.
        """
        return self._preprocessing(image)

    def encode_images(self, batch: npt.NDArray[Any]) -> FloatArray:
        """Encode pictures.

        Parameters
        ----------
        batch : ndarray of shape (n, 3, height, width), float32
            Stacked results of `preprocess`. The same bits come out for a picture whenever n is the same.

        Returns
        -------
        ndarray of shape (n, n_dims), float32, unit norm
            One vector per picture.

        Raises
        ------
        EncoderError
            The batch has another shape.
        """
        shape = (3, *self._preprocessing.shape)
        if batch.ndim != 4 or batch.shape[1:] != shape:
            raise EncoderError(f"A batch of shape {batch.shape} came; expected (n, {', '.join(map(str, shape))}).")
        return self._checked(self._towers.pictures(batch)) if len(batch) else self._nothing()

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts; a text's vector has the same bits whatever other texts come with it.

        Parameters
        ----------
        texts : sequence of str
            Any length, also empty. What exceeds the model's limit is left out, with one warning per call.

        Returns
        -------
        ndarray of shape (n, n_dims), float32, unit norm
            One vector per text, in the order given.

        Raises
        ------
        InvalidParameterError
            A single string came instead of a sequence, or something that is no text.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InvalidParameterError("texts", texts, 'a sequence of strings, such as ["a cat"]')
        return self._texts(texts) if len(texts) else self._nothing()

    def _texts(self, texts: Sequence[str]) -> FloatArray:
        return self._towers.texts(texts, self.n_dims)

    def _nothing(self) -> FloatArray:
        return np.empty((0, self.n_dims), dtype=np.float32)

    def _checked(self, vectors: FloatArray) -> FloatArray:
        if vectors.shape[1] != self.n_dims:
            raise EncoderError(f"{self.name!r} gave vectors of {vectors.shape[1]} numbers, expected {self.n_dims}.")
        return vectors

    def __sklearn_clone__(self) -> _TwoTowerEncoder:
        """Return the encoder itself: its weights are only read, and copying them would double the memory."""
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, batch_size={self.batch_size})"


def _fingerprint(weights: str, family: str, steps: PicturePreprocessing, precision: str, batch_size: int) -> str:
    """Name all that decides the bits of a picture's vector, in one line."""
    pixels = hashlib.sha256(repr(steps).encode()).hexdigest()
    return f"{family}:{weights[:32]}:{pixels[:12]}:{precision}:batch{batch_size}"


class CLIPEncoder(_TwoTowerEncoder):
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
        ``"auto"`` takes CUDA, else Apple's MPS, else the CPU; or any name that torch knows.
    batch_size : int, default=32
        Pictures or texts in every call of the model.
    local_files_only : bool, default=False
        Ask no hub: use folders and the local cache alone.

    Attributes
    ----------
    name : str
        `model` as given.
    fingerprint : str
        Family, SHA-256 of settings and weights, preprocessing, precision and batch size. The hash covers every byte
        of the weights: seconds for a folder, nothing for the hub's cache. The device is not in it.
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
        On first use: the model is of another kind.

    Examples
    --------
    >>> encoder = CLIPEncoder("clip-ViT-B-32", local_files_only=True)
    >>> encoder
    CLIPEncoder('clip-ViT-B-32', batch_size=32)
    >>> encoder.encode_texts(["a cat", "a dog"]).shape  # doctest: +SKIP
    (2, 512)
    """

    def __init__(
        self,
        model: str | Path,
        *,
        text_model: str | Path | None = None,
        device: str = "auto",
        batch_size: int = 32,
        local_files_only: bool = False,
    ) -> None:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InvalidParameterError("batch_size", batch_size, "a whole number of at least 1")
        self.model = model
        self.text_model = text_model
        self.device = device
        self.batch_size = batch_size
        self.local_files_only = local_files_only
        self.name = str(model)

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
        return Towers.load(self._checkpoint, self.name, self.device, self.batch_size)

    @cached_property
    def _text_tower(self) -> SentenceTower | None:
        _, texts = self._parts()
        if texts is None:
            return None
        folder = hub.find_model(texts, local_files_only=self.local_files_only)
        return SentenceTower(folder, str(texts), self.device, self.batch_size)

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
        return _fingerprint(hub.weights_hash(found.folder), found.family, found.preprocessing, "fp32", self.batch_size)

    def prepare(self) -> CLIPEncoder:
        """Find the model now, downloading it if need be, so that what is missing shows at once.

        Returns
        -------
        CLIPEncoder
            The encoder itself. The weights are still not in memory.
        """
        _ = self._checkpoint
        _, texts = self._parts()
        if texts is not None:
            hub.find_model(texts, local_files_only=self.local_files_only)
        return self

    def __getstate__(self) -> dict[str, object]:
        """Leave what was loaded behind: a worker process loads it from the same place."""
        kept = ("model", "text_model", "device", "batch_size", "local_files_only", "name")
        return {key: self.__dict__[key] for key in kept}


class SentenceTransformerEncoder(_TwoTowerEncoder):
    """A loaded ``SentenceTransformer`` that holds a CLIP or SigLIP model.

    Pictures and texts go through the object's own modules, on its device and in its precision.

    Parameters
    ----------
    model : SentenceTransformer
        The loaded model.
    batch_size : int, default=32
        Pictures or texts in every call of the model.

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
        self.model = model
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

    @cached_property
    def fingerprint(self) -> str:
        """What decides the bits of a picture's vector; hashes all parameters in memory."""
        import torch

        digest = hashlib.sha256(self._towers.model.config.to_json_string().encode())
        for key, tensor in sorted(self.model.state_dict().items()):
            digest.update(key.encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        precision = str(self._towers.model.dtype).rpartition(".")[2]
        return _fingerprint(digest.hexdigest(), f"st-{self._family}", self._preprocessing, precision, self.batch_size)
