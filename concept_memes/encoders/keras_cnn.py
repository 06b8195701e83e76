"""VGG16 and Inception v3 through `keras.applications`: the features that the older recipe clusters.

References
----------
Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", arXiv 1409.1556.
Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", arXiv 1512.00567.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.centring import unit
from concept_memes.encoders.explaining import place_of_layer
from concept_memes.encoders.keras_backend import backend_name, is_installed, load_keras
from concept_memes.encoders.keras_weights import NETWORKS, find_weights, md5_of
from concept_memes.encoders.memory import memory_errors
from concept_memes.encoders.placement import Placement
from concept_memes.encoders.rows import filled_rows
from concept_memes.errors import InvalidParameterError, MissingExtraError, ModelNotFoundError
from concept_memes.protocols import FloatArray

if TYPE_CHECKING:
    from typing import Self

__all__ = ["PREFIX", "KerasCNNEncoder"]

PREFIX = "keras:"
# Pictures per call on a CPU: more of them are no faster, and take memory.
BATCH_CPU = 4
SEED = 0  # of random weights


class KerasCNNEncoder:
    """Pictures by a classic network of Keras without its classifier. It knows no texts.

    The whole picture is squeezed into a square, as `keras.utils.load_img` does with ``interpolation="bilinear"``, and
    goes through the network's own `preprocess_input`. Keras runs on torch, unless you chose another backend
    (``KERAS_BACKEND``, its configuration, or by importing it before).

    Parameters
    ----------
    network : {"vgg16", "inception-v3"}, default="vgg16"
        VGG16 with global max pooling, 512 dimensions, or Inception v3 with global average pooling, 2,048.
    weights : "imagenet", str, Path or None, default="imagenet"
        "imagenet": those that Keras publishes, from its own folder (``~/.keras/models``) or fetched into it. A path: a
        file of weights without the classifier (``..._notop.h5``). None: random ones from a fixed seed, for tests.
    device : str, default="auto"
        ``"auto"`` takes CUDA, else Apple's MPS, else the CPU; or ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    batch_size : int or "auto", default="auto"
        Pictures per call of the network.

    Attributes
    ----------
    name : str
        ``"keras:vgg16"`` or ``"keras:inception-v3"``.
    fingerprint : str
        All that decides the bits of a picture's vector.

    Raises
    ------
    InvalidParameterError
        If a parameter has a value that it cannot have.
    MissingExtraError
        If Keras is not installed.

    Examples
    --------
    >>> encoder = KerasCNNEncoder("vgg16", weights=None, batch_size=1)
    >>> encoder.encode_images(encoder.preprocess(Image.new("RGB", (300, 200), "red"))[None]).shape
    (1, 512)
    """

    def __init__(
        self,
        network: str = "vgg16",
        *,
        weights: str | Path | None = "imagenet",
        device: str = "auto",
        batch_size: int | str = "auto",
    ) -> None:
        if not isinstance(network, str) or network not in NETWORKS:
            raise InvalidParameterError("network", network, f"one of {', '.join(map(repr, NETWORKS))}")
        if weights is not None and not (isinstance(weights, (str, Path)) and str(weights)):
            raise InvalidParameterError("weights", weights, '"imagenet", the path of a file, or None for random ones')
        self.network = network
        self.weights = weights
        self.placement = Placement(device, "fp32", batch_size, BATCH_CPU)
        if not is_installed():
            raise MissingExtraError(
                f"{NETWORKS[network].constructor} comes through Keras, which is not installed. Install it with: pip "
                'install "concept-memes[keras]"'
            )

    @staticmethod
    def is_installed() -> bool:
        """Return whether Keras is there; does not import it."""
        return is_installed()

    @property
    def name(self) -> str:
        """What it is called as ``embedding_model``."""
        return f"{PREFIX}{self.network}"

    @property
    def n_dims(self) -> int:
        """Length of a vector."""
        return NETWORKS[self.network].n_dims

    @property
    def blocks(self) -> tuple[slice, ...]:
        """The whole vector."""
        return (slice(0, self.n_dims),)

    @property
    def image_size(self) -> tuple[int, int]:
        """Least width and height that decoding may give: twice what the network sees."""
        side = 2 * NETWORKS[self.network].side
        return side, side

    @property
    def device(self) -> str:
        """Where the network runs."""
        return self.placement.device

    @property
    def precision(self) -> str:
        """In which numbers it computes: always fp32."""
        return self.placement.precision

    @property
    def batch_size(self) -> int:
        """Pictures in every call."""
        return self.placement.batch_size

    @property
    def fingerprint(self) -> str:
        """Network, weights, pooling, backend, batch shape and kind of device; Keras is not imported for it."""
        network = NETWORKS[self.network]
        return (
            f"{self.name}/1 weights={self._weights_hash} {network.side} pooling={network.pooling} fp32 "
            f"{backend_name()} batch={self.batch_size} {self.placement.kind}"
        )

    def __repr__(self) -> str:
        weights = "" if self.weights == "imagenet" else f", weights={self.weights!r}"
        where = self.placement.describe().replace(", precision='fp32'", "")
        return f"KerasCNNEncoder({self.network!r}{weights}{where})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave what was loaded behind: a worker process loads it from the same place."""
        place = self.placement
        return _made_again, (self.network, self.weights, place.given_device, place.given_batch_size)

    def __sklearn_clone__(self) -> Self:
        return self

    def prepare(self) -> Self:
        """Make sure that the weights are at hand; nothing is loaded.

        Returns
        -------
        KerasCNNEncoder
            This one.

        Raises
        ------
        ModelNotFoundError
            They are not, and cannot be fetched; the message names the ways out.
        """
        if self.weights is not None:
            self._weights_file()
        return self

    def preprocess(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Squeeze the whole picture into the network's square.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright RGB picture.

        Returns
        -------
        ndarray of shape (side, side, 3), uint8
        """
        side = NETWORKS[self.network].side
        return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR), np.uint8)

    def encode_images(self, batch: npt.NDArray[Any]) -> FloatArray:
        """Encode preprocessed pictures.

        Parameters
        ----------
        batch : ndarray of shape (n, side, side, 3), uint8
            n may be less than `batch_size`.

        Returns
        -------
        ndarray of shape (n, n_dims), float32, unit norm

        Raises
        ------
        ModelNotFoundError
            The weights cannot be had.
        EncoderMemoryError
            The batch does not fit into the memory of the device; fewer pictures may.
        """
        if not len(batch):
            return np.empty((0, self.n_dims), np.float32)
        return unit(self._run(self._model[1], filled_rows(batch))[: len(batch)])

    def _run(self, model: Any, batch: npt.NDArray[Any]) -> FloatArray:  # noqa: ANN401 (of Keras)
        """Send preprocessed pictures through a network of Keras; return what it gives."""
        keras = self._model[0]
        prepare = getattr(keras.applications, NETWORKS[self.network].module).preprocess_input
        pixels = prepare(batch.astype(np.float32), data_format="channels_last")
        if keras.config.image_data_format() == "channels_first":
            pixels = pixels.transpose(0, 3, 1, 2)
        with memory_errors(self.device, len(batch)), keras.device(self._keras_device), _without_gradients():
            given = model(np.ascontiguousarray(pixels), training=False)
            # Keras hands a tensor of torch to numpy in a way that numpy warns of.
            arrays = given.cpu().numpy() if hasattr(given, "cpu") else keras.ops.convert_to_numpy(given)
        return np.array(arrays, np.float32)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the network's layers, as Keras has them, without the pooling; the network is built for it."""
        return tuple(layer.name for layer in self._model[1].layers[1:-1])

    def seen_part(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Tell which part of a picture the network sees: all of it.

        Parameters
        ----------
        size : (int, int)
            Width and height of the picture in pixels.

        Returns
        -------
        tuple of float
            Left, top, right and bottom in pixels of the picture.
        """
        return 0.0, 0.0, float(size[0]), float(size[1])

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

        Raises
        ------
        InvalidParameterError
            There is no such layer.
        """
        place_of_layer(self.layers, layer)
        keras, model = self._model
        maps = self._run(keras.Model(model.input, model.get_layer(layer).output), self.preprocess(image)[None])[0]
        first = keras.config.image_data_format() == "channels_first"
        return maps if first else np.ascontiguousarray(maps.transpose(2, 0, 1))

    @property
    def _keras_device(self) -> str:
        kind, _, number = self.device.partition(":")
        return f"{'gpu' if kind == 'cuda' else kind}:{number or 0}"

    @property
    def _weights_hash(self) -> str:
        if self.weights is None:
            return f"random-{SEED}"
        return NETWORKS[self.network].md5 if self.weights == "imagenet" else self._given_hash

    @cached_property
    def _given_hash(self) -> str:
        return md5_of(self._weights_file())

    def _weights_file(self) -> Path:
        if self.weights == "imagenet":
            return find_weights(NETWORKS[self.network])
        file = Path(os.path.expanduser(str(self.weights)))
        if not file.is_file():
            raise ModelNotFoundError(f"weights={str(self.weights)!r}: there is no such file. Check the path.")
        return file

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        """Keras and the network."""
        network, keras = NETWORKS[self.network], load_keras()
        file = None if self.weights is None else self._weights_file()
        with keras.device(self._keras_device):
            build = getattr(keras.applications, network.constructor)
            model = build(weights=None, include_top=False, pooling=network.pooling)
            if file is None:
                model.set_weights(_random_weights(model))
                return keras, model
            try:
                model.load_weights(str(file))
            except Exception as error:  # what readers of its formats raise has no common root
                raise ModelNotFoundError(
                    f"{file} does not hold the weights of {network.constructor} without its classifier: {error}. Keras "
                    f"calls that file {network.file}."
                ) from error
        return keras, model


def _made_again(network: str, weights: str | Path | None, device: str, batch_size: int | str) -> KerasCNNEncoder:
    return KerasCNNEncoder(network, weights=weights, device=device, batch_size=batch_size)


def _without_gradients() -> Any:  # noqa: ANN401 (a context manager)
    """Keep torch from keeping all maps for a derivative that nobody takes."""
    if backend_name() != "torch":
        return nullcontext()
    import torch

    return torch.inference_mode()


def _random_weights(model: Any) -> list[npt.NDArray[np.float32]]:  # noqa: ANN401 (of Keras)
    """Draw kernels by He's rule, the same ones every time; batch norms leave everything as it is."""
    rng = np.random.default_rng(SEED)
    drawn = []
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) > 1:
            values = rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        else:
            values = np.full(shape, float(variable.path.endswith("moving_variance")))
        drawn.append(values.astype(np.float32))
    return drawn
