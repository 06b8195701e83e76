"""What a fitted or loaded model can tell: views of its :class:`ConceptSet`, and the encoder that speaks of it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from concept_memes.concepts import ConceptSet, ImageRecord, SkippedImage
from concept_memes.encoders.resolve import resolve_encoder
from concept_memes.errors import AdjustedWarning, EncoderError, ModelNotFoundError, NoTextEncoderError
from concept_memes.hierarchy import Hierarchy, build_hierarchy
from concept_memes.protocols import FloatArray, ImageEncoder, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WITH_TEXTS", "FittedConcepts", "encoder_for"]


# What messages name where an encoder knows pictures only.
WITH_TEXTS = '"clip-ViT-B-32", "hub-free"'


class FittedConcepts(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The half of :class:`~concept_memes.ConceptModel` that only reads `concepts_`.

    Everything here raises scikit-learn's `NotFittedError` before `fit`.
    """

    concepts_: ConceptSet
    embedding_model: object
    _encoder_in_use: tuple[object, ImageEncoder | None]  # what it was made for, and the encoder

    @property
    def embedding_model_(self) -> ImageEncoder | None:
        """The encoder of the fitted images; None if it is not known."""
        known = bool(self._fitted().encoder_name) and self.embedding_model is not None
        return self._encoder() if known else self._encoder_made()

    @property
    def labels_(self) -> IntArray:
        """Concept per image; -1 for none."""
        return self._fitted().labels

    @property
    def probabilities_(self) -> npt.NDArray[np.float64]:
        """How surely an image is in its concept."""
        return self._fitted().probabilities

    @property
    def images_(self) -> tuple[ImageRecord, ...]:
        """The images that were given."""
        return self._fitted().images

    @property
    def skipped_(self) -> tuple[SkippedImage, ...]:
        """Images that could not be read."""
        return self._fitted().skipped

    @property
    def hierarchy_(self) -> Hierarchy:
        """The tree of concepts, words at every node; ``print(model.hierarchy_)`` draws it."""
        fitted = self._fitted()
        return Hierarchy(fitted.hierarchy or build_hierarchy(fitted))

    @property
    def frequency(self) -> pd.DataFrame:
        """Images per concept."""
        from concept_memes.export import frequency_table

        return frequency_table(self._fitted())

    @property
    def topics(self) -> dict[int, str]:
        """Words per concept."""
        return {concept.index: ", ".join(concept.words) for concept in self._fitted().concepts}

    @property
    def cluster_embeddings(self) -> FloatArray:
        """Mean direction of each concept."""
        return self._fitted().centroids

    @property
    def cluster_images(self) -> dict[int, Image.Image]:
        """A small collage per concept."""
        from concept_memes.figures.collage import concept_cover

        fitted = self._fitted()
        return {concept.index: concept_cover(fitted, concept.index) for concept in fitted.concepts}

    def _fitted(self) -> ConceptSet:
        """Return the fitted set, or raise scikit-learn's error."""
        check_is_fitted(self, "concepts_")
        return self.concepts_

    def _encoder_made(self) -> ImageEncoder | None:
        """Return the encoder in use, if it was made for what is fitted now (or, before `fit`, for the parameter)."""
        made_for, encoder = getattr(self, "_encoder_in_use", (None, None))
        return encoder if made_for is getattr(self, "concepts_", self.embedding_model) else None

    def _encoder(self) -> ImageEncoder:
        """Return the encoder for queries; make it on first use."""
        encoder = self._encoder_made()
        if encoder is None:
            fitted: ConceptSet | None = getattr(self, "concepts_", None)
            encoder = encoder_for(fitted, self.embedding_model)
            self._encoder_in_use = (self.embedding_model if fitted is None else fitted, encoder)
        return encoder


def encoder_for(fitted: ConceptSet | None, embedding_model: object) -> ImageEncoder:
    """Make the encoder for queries and new images.

    Parameters
    ----------
    fitted : ConceptSet or None
        What its vectors must agree with; None before `fit`.
    embedding_model : object
        The model's parameter; None in a loaded model whose encoder was an object.

    Returns
    -------
    ImageEncoder

    Raises
    ------
    NoTextEncoderError
        If the vectors came from outside, and nobody has said from which model.
    ModelNotFoundError
        If the encoder was an object, which is not saved, or cannot be found.
    EncoderError
        If its vectors have another length than the fitted ones.

    Warns
    -----
    AdjustedWarning
        If the vectors are of equal length, but another model made the fitted ones.
    """
    if fitted is None:
        return resolve_encoder(embedding_model)
    foreign = not fitted.encoder_name
    if foreign and (embedding_model is None or (isinstance(embedding_model, str) and embedding_model == "auto")):
        raise NoTextEncoderError(
            "The vectors of this model came from outside, so there is no encoder for texts or new images. Fit with "
            "embedding_model= set to the model that made them, or give image_embeddings=."
        )
    if embedding_model is None:
        raise ModelNotFoundError(
            f"This model was fitted with an encoder object, {fitted.encoder_name!r}, which is not saved with it. "
            "Load it with ConceptModel.load(path, embedding_model=your_encoder)."
        )
    encoder = resolve_encoder(embedding_model)
    n_dims = fitted.vectors.shape[1]
    if encoder.n_dims != n_dims:
        raise EncoderError(
            f"The encoder {encoder.name!r} gives {encoder.n_dims} dimensions; this model was fitted with "
            f"{fitted.encoder_name or 'given vectors'!r}, of {n_dims}. Use the encoder that made those."
        )
    if not foreign and encoder.fingerprint != fitted.encoder_fingerprint:
        warnings.warn(
            f"The encoder {encoder.name!r} ({encoder.fingerprint}) is not quite the one that this model was fitted "
            f"with, {fitted.encoder_name!r} ({fitted.encoder_fingerprint}). If they do not share one space, what it "
            "finds is worthless.",
            AdjustedWarning,
            stacklevel=4,
        )
    return encoder
