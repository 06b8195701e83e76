"""The seams of the package: what an encoder, a reducer, a clusterer, a labeler and a namer must offer.

They are protocols, not base classes: any object with these members fits. An encoder in ten lines is in
``CONTRIBUTING.md``; a fake one for tests is :class:`concept_memes.testing.ColorEncoder`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = [
    "CacheableTexts",
    "Clusterer",
    "ExplainingEncoder",
    "FloatArray",
    "ImageEncoder",
    "IntArray",
    "Labeler",
    "LayeredEncoder",
    "Namer",
    "Reducer",
    "TextEncoder",
    "TextReader",
]

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@runtime_checkable
class ImageEncoder(Protocol):
    """Pictures to vectors.

    Attributes
    ----------
    name : str
        What the user asked for, such as ``"clip-ViT-B-32"``.
    fingerprint : str
        Model, weights, preprocessing, precision and batch shape in one string: two encoders with the same
        fingerprint give the same bits for the same picture.
    n_dims : int
        Length of a vector.
    image_size : tuple of int
        Width and height in pixels below which decoding must not shrink a picture.
    batch_size : int
        Number of pictures in every call of `encode_images`; the caller pads the last batch.
    blocks : tuple of slice
        Parts of the vector that are centred separately; ``(slice(0, n_dims),)`` for most encoders.
    """

    # Read-only here, so that plain attributes fit as well as properties that read a file on first use.
    @property
    def name(self) -> str:
        """What the user asked for."""
        ...

    @property
    def fingerprint(self) -> str:
        """What decides the bits of a vector."""
        ...

    @property
    def n_dims(self) -> int:
        """Length of a vector."""
        ...

    @property
    def image_size(self) -> tuple[int, int]:
        """Least width and height that decoding may give."""
        ...

    @property
    def batch_size(self) -> int:
        """Pictures in every call."""
        ...

    @property
    def blocks(self) -> tuple[slice, ...]:
        """Parts of the vector that are centred separately."""
        ...

    def preprocess(self, image: Image.Image) -> npt.NDArray[Any]:
        """Resize, crop and normalise one upright RGB picture; runs in loader threads."""
        ...

    def encode_images(self, batch: npt.NDArray[Any]) -> FloatArray:
        """Encode stacked `preprocess` results into unit vectors of shape (n, n_dims), float32."""
        ...


@runtime_checkable
class TextEncoder(Protocol):
    """Texts to vectors in the same space as the pictures."""

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts into unit vectors of shape (n, n_dims), float32."""
        ...


@runtime_checkable
class CacheableTexts(TextEncoder, Protocol):
    """Texts whose vectors may be kept for later runs.

    Attributes
    ----------
    text_fingerprint : str
        All that decides the bits of a text's vector: weights, precision, prompts, shape of the batches.
    """

    @property
    def text_fingerprint(self) -> str:
        """What decides the bits of a text's vector."""
        ...


@runtime_checkable
class LayeredEncoder(Protocol):
    """An encoder that shows what its layers hold of a picture.

    Attributes
    ----------
    layers : tuple of str
        Names of its layers, from the pixels on.
    """

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its layers."""
        ...

    def seen_part(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Tell which part of a picture of this width and height it sees: left, top, right, bottom in pixels."""
        ...

    def feature_maps(self, image: Image.Image, layer: str) -> FloatArray:
        """Return what a layer holds of the part that is seen: shape (n_channels, h, w)."""
        ...


@runtime_checkable
class ExplainingEncoder(LayeredEncoder, TextEncoder, Protocol):
    """An encoder that shows what it sees in a picture, and which parts of it carry a text."""

    def relevance_map(self, image: Image.Image, text: str) -> FloatArray:
        """Tell which places of the part that is seen speak for a text: shape (h, w), higher is more, 0 is nothing."""
        ...


@runtime_checkable
class TextReader(Protocol):
    """Reads the text in a picture.

    Attributes
    ----------
    name : str
        What it is called in reports.
    fingerprint : str
        All that decides what it reads: models, settings, version.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def fingerprint(self) -> str:
        """What decides the text that it reads."""
        ...

    def read_text(self, image: Image.Image) -> str:
        """Return the text in one upright RGB picture, line by line; "" if there is none. Runs in threads."""
        ...


@runtime_checkable
class Reducer(Protocol):
    """Vectors to fewer dimensions: UMAP, PCA, anything in scikit-learn's style."""

    def fit_transform(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:  # noqa: N803 (scikit-learn's name)
        """Reduce an array of shape (n, d) to (n, n_components)."""
        ...


@runtime_checkable
class Clusterer(Protocol):
    """Vectors to labels: HDBSCAN, KMeans, anything in scikit-learn's style; -1 is noise."""

    def fit(self, X: npt.NDArray[Any]) -> object:  # noqa: N803 (scikit-learn's name)
        """Cluster an array of shape (n, d); `labels_` of shape (n,) must exist afterwards."""
        ...


@runtime_checkable
class Labeler(Protocol):
    """Concepts and candidate words to ranked words per concept."""

    def rank_words(
        self, centroids: FloatArray, words: Sequence[str], word_vectors: FloatArray
    ) -> list[list[tuple[str, float]]]:
        """Rank words per concept, best first.

        Parameters
        ----------
        centroids : ndarray of shape (n_concepts, n_dims), float32, unit norm
            Concepts, with half of what the whole collection shares taken away.
        words : sequence of str
            Candidates.
        word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm
            Their vectors.

        Returns
        -------
        list of list of (str, float)
            Per concept its words and scores, in descending order of the score; empty where nothing fits.
        """
        ...


class Namer(Protocol):
    """A concept's exemplars and words to a name; any callable of two arguments fits."""

    def __call__(self, exemplars: Sequence[Image.Image], words: tuple[str, ...], /) -> str:
        """Name a concept.

        Parameters
        ----------
        exemplars : sequence of PIL.Image.Image
            Upright, RGB, the most typical first, loaded when they are looked at;
            see :class:`concept_memes.naming.ExemplarImages`.
        words : tuple of str
            What its pictures show, best first; empty where there are none.

        Returns
        -------
        str
            The name; "" for none.
        """
        ...
