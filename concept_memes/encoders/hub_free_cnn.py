"""The pictures' half of the hub-free model alone: a CNN whose weights come from pip, and no words."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from concept_memes.centring import unit
from concept_memes.encoders.lite_pictures import N_VISUAL, LitePictures
from concept_memes.protocols import FloatArray

__all__ = ["HubFreeCNNEncoder"]


class HubFreeCNNEncoder(LitePictures):
    """Pictures by EfficientNet-Lite0's penultimate features, of 1,280 dimensions. It knows no texts.

    Parameters
    ----------
    device : str, default="auto"
        As for :class:`~concept_memes.encoders.HubFreeEncoder`.
    precision : {"auto", "fp32", "fp16", "bf16"}, default="auto"
        On a CPU it is fp32 whatever is asked; "auto" is fp16 on CUDA.
    batch_size : int or "auto", default="auto"
        Pictures per call of the network.

    Attributes
    ----------
    device, precision : str
        What was resolved.
    fingerprint : str
        All that decides the bits of a picture's vector.

    Raises
    ------
    MissingExtraError
        If the package with the weights is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> encoder = HubFreeCNNEncoder(batch_size=2)
    >>> batch = np.stack([encoder.preprocess(Image.new("RGB", (300, 200), c)) for c in ("red", "blue")])
    >>> encoder.encode_images(batch).shape
    (2, 1280)
    """

    name = "cnn-hub-free"
    n_dims = N_VISUAL
    blocks = (slice(0, N_VISUAL),)

    @property
    def precision(self) -> str:
        """In which numbers it computes."""
        return "fp32" if self.placement.kind == "cpu" else self.placement.precision

    @property
    def fingerprint(self) -> str:
        """Weights, preprocessing, precision, kind of device and batch shape."""
        return f"cnn-hub-free/1 {self._picture_fingerprint} {self.placement.kind}"

    def encode_images(self, batch: npt.NDArray[Any]) -> FloatArray:
        """Encode preprocessed pictures.

        Parameters
        ----------
        batch : ndarray of shape (n, 224, 224, 3), uint8
            n may be less than `batch_size`.

        Returns
        -------
        ndarray of shape (n, 1280), float32, unit norm

        Raises
        ------
        EncoderMemoryError
            The batch does not fit into the memory of the device; fewer pictures may.
        """
        return unit(self._features(batch)[0])
