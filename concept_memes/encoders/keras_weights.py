"""The networks of `keras.applications` that this package knows, and their weights: found, fetched, checked.

Keras fetches them itself, with the hashes that it publishes, but it knows no time limit and would wait for ever for a
server that does not answer.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from concept_memes.encoders.keras_backend import keras_folder, load_keras
from concept_memes.encoders.reachability import FILE_PATIENCE, is_offline, within
from concept_memes.errors import ModelNotFoundError

__all__ = ["NETWORKS", "Network", "cached_weights", "find_weights", "md5_of"]

logger = logging.getLogger(__name__)

# Seconds without a new byte, after which a download is given up.
PATIENCE_PER_BYTE = 30.0
_PLACE = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True)
class Network:
    """A network, as `keras.applications` has it.

    Attributes
    ----------
    name : str
        Ours: ``"vgg16"``.
    module, constructor : str
        Its names in `keras.applications`.
    pooling : {"max", "avg"}
        How the last maps become one vector.
    n_dims : int
        Length of that vector.
    side : int
        Width and height of the pictures that it sees, in pixels.
    address : str
        Where its weights without the classifier are.
    md5 : str
        Of that file, as Keras publishes it.
    """

    name: str
    module: str
    constructor: str
    pooling: str
    n_dims: int
    side: int
    address: str
    md5: str

    @property
    def file(self) -> str:
        """Name of the file with the weights."""
        return self.address.rpartition("/")[2]


NETWORKS = {
    "vgg16": Network(
        "vgg16",
        "vgg16",
        "VGG16",
        "max",
        512,
        224,
        f"{_PLACE}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "6d6bbae143d832006294945121d1f1fc",
    ),
    "inception-v3": Network(
        "inception-v3",
        "inception_v3",
        "InceptionV3",
        "avg",
        2048,
        299,
        f"{_PLACE}/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "bcbd6486424b2319ff4ef7d526e38f63",
    ),
}


def md5_of(file: Path) -> str:
    """Hash a file as Keras does."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def cached_weights(network: Network) -> Path | None:
    """Find the weights in Keras' own folder; asks nobody.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Path or None
        None as well where a download was broken off.
    """
    file = keras_folder() / "models" / network.file
    return file if file.is_file() and md5_of(file) == network.md5 else None


def find_weights(network: Network) -> Path:
    """Return the file with the weights, from Keras' folder or fetched into it.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Path

    Raises
    ------
    ModelNotFoundError
        They are not there, and cannot be fetched; known within about ten seconds where nobody answers.
    MissingExtraError
        Keras is not installed.
    """
    if (file := cached_weights(network)) is not None:
        return file
    target = keras_folder() / "models" / network.file
    try:
        if is_offline():
            raise ConnectionError("downloads are turned off (HF_HUB_OFFLINE)")
        if not within(FILE_PATIENCE, lambda: _sends_a_byte(network.address)):
            raise ConnectionError(f"it does not answer, or not within {FILE_PATIENCE:g} s")
        logger.info("fetching %s", network.address)
        _fetch(network, target)
    except OSError as error:
        raise ModelNotFoundError(
            f"The weights of {network.constructor} are not in {target.parent}, and cannot be fetched from "
            f"{network.address}: {error}. Three ways out: (1) put the file there, or connect to the network once; "
            f'(2) KerasCNNEncoder("{network.name}", weights="path/of/{network.file}"); '
            '(3) embedding_model="cnn-hub-free", a CNN whose weights come from pip.'
        ) from error
    return target


def _sends_a_byte(address: str) -> bool:
    request = urllib.request.Request(address, headers={"Range": "bytes=0-0"})
    with urllib.request.urlopen(request, timeout=FILE_PATIENCE) as response:
        return bool(response.read(1))


def _fetch(network: Network, target: Path) -> None:
    """Let Keras fetch the file, as long as it comes nearer; raise ConnectionError otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    keras = load_keras()
    failures: list[Exception] = []

    def fetch() -> None:
        keras.utils.disable_interactive_logging()  # of this thread: Keras would draw a bar on the screen
        try:
            keras.utils.get_file(
                network.file,
                network.address,
                cache_dir=str(target.parent.parent),
                cache_subdir=target.parent.name,
                file_hash=network.md5,
            )
        except Exception as error:  # its own root for what the server says, ValueError for a wrong hash
            failures.append(error)

    # The client's own timeouts would be those of the whole process. Only a thread that is left behind bounds the wait.
    thread = threading.Thread(target=fetch, name="concept-memes-keras", daemon=True)
    thread.start()
    size, since = -1, time.monotonic()
    while thread.is_alive():
        thread.join(0.1)
        now_there = target.stat().st_size if target.exists() else -1
        if now_there != size:
            size, since = now_there, time.monotonic()
        elif time.monotonic() - since > PATIENCE_PER_BYTE:
            raise ConnectionError(f"the download stopped at {max(size, 0):,} bytes")
    if failures:
        raise ConnectionError(str(failures[0])) from failures[0]
