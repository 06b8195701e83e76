"""Importing Keras: on torch unless the user chose another backend, and without leaving traces.

Keras decides on its backend once, at its import, writes a configuration file into the user's folder there, and would
take Tensorflow.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from concept_memes.errors import EncoderError, MissingExtraError

__all__ = ["backend_name", "is_installed", "keras_folder", "load_keras"]

OUR_CHOICE = "torch"  # it is here anyway
KERAS_CHOICE = "tensorflow"  # what Keras writes into its file where nobody has chosen
VARIABLE = "KERAS_BACKEND"
_ONE_AT_A_TIME = threading.RLock()


def is_installed() -> bool:
    """Tell whether Keras is there; does not import it."""
    return "keras" in sys.modules or find_spec("keras") is not None


def keras_folder() -> Path:
    """Return the folder where Keras keeps its configuration and, in ``models/``, weights; by its own rules.

    Examples
    --------
    >>> keras_folder().name != ""
    True
    """
    if chosen := os.environ.get("KERAS_HOME"):
        return Path(chosen).expanduser()
    home = Path(os.path.expanduser("~"))
    return (home if os.access(home, os.W_OK) else Path("/tmp")) / ".keras"


def backend_name() -> str:
    """Return the backend that Keras runs on, or will run on; does not import it.

    Examples
    --------
    >>> backend_name() in ("torch", "jax", "tensorflow", "numpy", "openvino")
    True
    """
    if (keras := sys.modules.get("keras")) is not None and hasattr(keras, "config"):
        return str(keras.config.backend())
    if chosen := os.environ.get(VARIABLE):
        return chosen
    try:
        written = json.loads((keras_folder() / "keras.json").read_text(encoding="utf-8")).get("backend", KERAS_CHOICE)
    except (OSError, ValueError, AttributeError):
        return OUR_CHOICE
    return OUR_CHOICE if written == KERAS_CHOICE else str(written)


def load_keras() -> Any:  # noqa: ANN401 (a module without types)
    """Import Keras, on the user's backend or on torch.

    Returns
    -------
    module

    Raises
    ------
    MissingExtraError
        Keras is not installed.
    EncoderError
        Its backend is not, or it is older than Keras 3.
    """
    if not is_installed():
        raise MissingExtraError(
            "VGG16 and Inception v3 come through Keras, which is not installed. Install it with: pip install "
            '"concept-memes[keras]"'
        )
    backend = backend_name()
    try:
        with _ONE_AT_A_TIME, _on(backend), _leaving_no_file():
            keras = import_module("keras")
    except ImportError as error:
        raise EncoderError(
            f"Keras cannot be imported on its backend {backend!r}: {error}. Install that backend, or choose the one "
            f"that this package brings: {VARIABLE}=torch, set before keras is imported."
        ) from error
    if not hasattr(keras, "ops"):
        raise EncoderError(
            f"Keras {keras.__version__} is too old: version 3.4 and later run on torch. Upgrade it with: pip install "
            '"concept-memes[keras]"'
        )
    return keras


@contextmanager
def _on(backend: str) -> Iterator[None]:
    """Name the backend for the import alone: processes that are started later make their own choice."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = backend
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


@contextmanager
def _leaving_no_file() -> Iterator[None]:
    """Take away the configuration that an import writes; it would say Tensorflow. One that was there stays."""
    file = keras_folder() / "keras.json"
    was_there = file.exists()
    try:
        yield
    finally:
        if not was_there:
            file.unlink(missing_ok=True)
