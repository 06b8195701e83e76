"""What the encoders around CLIP and its kin have in common: checks, shapes, and the form of their fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.encoders.explaining import layer_names, patch_relevance, place_of_layer, token_maps
from concept_memes.encoders.preprocessing import PicturePreprocessing
from concept_memes.encoders.text_batches import TEXT_BUCKETS, check_texts
from concept_memes.encoders.towers import Towers
from concept_memes.errors import EncoderError
from concept_memes.protocols import FloatArray

__all__ = ["TwoTowerEncoder", "picture_fingerprint", "text_fingerprint"]


class TwoTowerEncoder:
    """What encoders with a tower for pictures and one for texts share; they differ in where their towers come from."""

    name: str

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
            Stacked results of `preprocess`. The same bits come out for a picture whenever n is the same; n may be
            less than `batch_size`.

        Returns
        -------
        ndarray of shape (n, n_dims), float32, unit norm
            One vector per picture.

        Raises
        ------
        EncoderError
            The batch has another shape.
        EncoderMemoryError
            It does not fit into the memory of the device; fewer pictures may.
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
        check_texts(texts)
        return self._texts(texts) if len(texts) else self._nothing()

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers of the picture tower, such as ``("patches", "block 1", ...)``; loads the weights."""
        return layer_names(self._towers.model)

    def seen_part(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Tell which part of a picture the model sees.

        Parameters
        ----------
        size : (int, int)
            Width and height of the picture in pixels.

        Returns
        -------
        tuple of float
            Left, top, right and bottom in pixels of the picture.
        """
        return self._preprocessing.seen_part(size)

    def relevance_map(self, image: Image.Image, text: str) -> FloatArray:
        """Tell which patches of a picture speak for a text: attention times gradient where the patches are gathered.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright.
        text : str

        Returns
        -------
        ndarray of shape (rows, columns) of patches, float32
            At least 0. In fp32, whatever the encoder's precision.
        """
        towers = self._towers_with_gradients
        return patch_relevance(towers.model, towers.finish, self.preprocess(image), self.encode_texts([text])[0])

    def feature_maps(self, image: Image.Image, layer: str) -> FloatArray:
        """Return what a layer holds of each patch of a picture.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright.
        layer : str
            One of `layers`.

        Returns
        -------
        ndarray of shape (width of the layer, rows, columns), float32

        Raises
        ------
        InvalidParameterError
            There is no such layer.
        """
        return token_maps(self._towers.model, self.preprocess(image), place_of_layer(self.layers, layer))

    @property
    def _towers_with_gradients(self) -> Towers:
        return self._towers

    def _texts(self, texts: Sequence[str]) -> FloatArray:
        return self._towers.texts(texts, self.n_dims)

    def _nothing(self) -> FloatArray:
        return np.empty((0, self.n_dims), dtype=np.float32)

    def _checked(self, vectors: FloatArray) -> FloatArray:
        if vectors.shape[1] != self.n_dims:
            raise EncoderError(f"{self.name!r} gave vectors of {vectors.shape[1]} numbers, expected {self.n_dims}.")
        return vectors

    def __sklearn_clone__(self) -> TwoTowerEncoder:
        """Return the encoder itself: its weights are only read, and copying them would double the memory."""
        return self


def picture_fingerprint(weights: str, family: str, steps: PicturePreprocessing, where: str, batch_size: int) -> str:
    """Name all that decides the bits of a picture's vector, in one line."""
    pixels = hashlib.sha256(repr(steps).encode()).hexdigest()
    return f"{family}:{weights[:32]}:{pixels[:12]}:{where}:batch{batch_size}"


def text_fingerprint(weights: str, family: str, settings: str, where: str, batch_size: int) -> str:
    """Name all that decides the bits of a text's vector, in one line."""
    buckets = hashlib.sha256(repr(TEXT_BUCKETS).encode()).hexdigest()
    return f"{family}-texts:{weights[:32]}:{settings[:12]}:{where}:batch{batch_size}:buckets{buckets[:8]}"
