"""A fitted :class:`~concept_memes.ConceptModel` as a folder: its set, its parameters and its report."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image

from concept_memes.cache import VectorCache
from concept_memes.concepts import ConceptSet
from concept_memes.encoders.clip import CLIPEncoder
from concept_memes.encoders.hub import OWN_NAMES, SHORT_NAMES
from concept_memes.encoders.hub_free import HubFreeEncoder
from concept_memes.encoders.hub_free_cnn import HubFreeCNNEncoder
from concept_memes.encoders.keras_cnn import PREFIX, KerasCNNEncoder
from concept_memes.errors import AdjustedWarning, SavedModelError, UnreadableImageError
from concept_memes.loading import load_image
from concept_memes.memes.rapid_reader import RapidOCRReader
from concept_memes.persistence import load_concept_set, save_concept_set
from concept_memes.protocols import ImageEncoder
from concept_memes.run_report import RunReport

if TYPE_CHECKING:
    from concept_memes.model import ConceptModel

__all__ = ["load_model", "save_model"]

logger = logging.getLogger(__name__)

M = TypeVar("M", bound="ConceptModel")

#: What stands for ``RapidOCRReader(everything=True)`` in a saved model.
EVERYTHING = "rapidocr, everything"


def save_model(model: ConceptModel, folder: str | Path) -> Path:
    """Save a fitted model.

    Parameters
    ----------
    model : ConceptModel
    folder : str or Path

    Returns
    -------
    Path
        The folder.
    """
    plain: dict[str, object] = {}
    objects = []
    for name, value in model.get_params(deep=False).items():
        if name in ("embedding_model", "progress"):  # the one has a recipe, the other belongs to the program that runs
            continue
        if name == "cache":
            value = kept_in(value)
        elif name == "text_model" and isinstance(value, str) and value not in ("auto", "tower", "ngrams"):
            value = lasting(value)
        elif name == "ocr" and isinstance(value, RapidOCRReader):
            value = EVERYTHING if value.everything else True
        try:
            plain[name] = as_json(value)
        except TypeError:
            objects.append(name)
    extra = {
        "parameters": plain,
        "objects": objects,
        "report": model.report_.as_document(),
        "encoder": encoder_recipe(model),
    }
    fitted = model.concepts_
    exemplars = {index for concept in fitted.concepts for index in concept.exemplars} & fitted.pixels.keys()
    return save_concept_set(replace(fitted, pixels=upright(fitted, exemplars)), folder, extra=extra)


def upright(concept_set: ConceptSet, indices: Iterable[int]) -> dict[int, Image.Image]:
    """Read pictures that came as pixels as a figure does; one that cannot be read is left to its stand-in."""
    pictures = {}
    for index in indices:
        try:
            pictures[index] = load_image(concept_set.pixels[index])
        except UnreadableImageError as error:
            logger.warning("%s is not saved: %s", concept_set.images[index].name, error.reason)
    return pictures


def kept_in(cache: bool | str | Path | VectorCache) -> bool | str:
    """Name the folder of a cache so that it is found from elsewhere; none stays none."""
    place = (cache.folder or False) if isinstance(cache, VectorCache) else cache
    return place if isinstance(place, bool) else os.path.abspath(os.path.expanduser(place))


def as_json(value: object) -> object:
    """Turn a parameter into what JSON can hold.

    Raises
    ------
    TypeError
        If it is an object that JSON cannot hold.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, Iterable):
        items = list(value)
        if all(isinstance(item, str) for item in items):
            return [str(item) for item in items]
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def encoder_recipe(model: ConceptModel) -> dict[str, Any] | None:
    """Describe how to make the encoder again; None if it was an object of the user's own."""
    given = model.embedding_model
    if isinstance(given, CLIPEncoder):
        texts = None if given.text_model is None else lasting(given.text_model)
        return {"model": lasting(given.model), "text_model": texts, **placed(given)}
    if isinstance(given, (HubFreeEncoder, HubFreeCNNEncoder)):
        return {"model": given.name, **placed(given)}
    if isinstance(given, KerasCNNEncoder):
        weights = given.weights if given.weights in ("imagenet", None) else lasting_file(given.weights)
        return {"model": given.name, "weights": weights, **placed(given)}
    if isinstance(given, str) and given in ("auto", "cnn"):
        return {"model": model.concepts_.encoder_name or given}  # what it picked: another day it may pick another
    return {"model": lasting(given)} if isinstance(given, (str, Path)) else None


def placed(encoder: CLIPEncoder | HubFreeEncoder | HubFreeCNNEncoder | KerasCNNEncoder) -> dict[str, Any]:
    """Return where and how an encoder runs as the user gave it: on another machine "auto" is something else."""
    given = encoder.placement
    return {
        "device": given.given_device,
        "precision": given.given_precision,
        "batch_size": given.given_batch_size,
    }


def lasting(model: str | Path) -> str:
    """Make the path of a folder absolute, so that it is found from elsewhere; other names stay."""
    folder = Path(os.path.expanduser(model))
    is_name = isinstance(model, str) and model in {*SHORT_NAMES, *OWN_NAMES}
    return str(folder.absolute()) if folder.is_dir() and not is_name else str(model)


def lasting_file(path: str | Path) -> str:
    """Make the path of a file absolute, so that it is found from elsewhere."""
    return os.path.abspath(os.path.expanduser(path))


def make_encoder(recipe: Mapping[str, Any] | None) -> str | ImageEncoder | None:
    """Turn what `encoder_recipe` wrote into a value for `embedding_model`."""
    if recipe is None or set(recipe) == {"model"}:
        return None if recipe is None else str(recipe["model"])
    # What older saves lack: they computed in float32 in batches that they name.
    settings = {"device": "auto", "precision": "fp32", **recipe}
    where = {key: settings[key] for key in ("device", "precision", "batch_size")}
    # The name alone where an encoder is not installed, so that what needs none works.
    for kind in (HubFreeEncoder, HubFreeCNNEncoder):
        if recipe["model"] == kind.name:
            return kind(**where) if kind.is_installed() else kind.name
    if recipe["model"].startswith(PREFIX):
        del where["precision"]  # always fp32
        name = recipe["model"]
        known = KerasCNNEncoder.is_installed()
        return KerasCNNEncoder(name[len(PREFIX) :], weights=recipe["weights"], **where) if known else name
    return CLIPEncoder(recipe["model"], text_model=recipe["text_model"], **where)


def load_model(model_class: type[M], folder: str | Path, embedding_model: Any = None) -> M:  # noqa: ANN401 (an encoder of any kind)
    """Load a saved model.

    Parameters
    ----------
    model_class : type
        ConceptModel, or a class derived from it.
    folder : str or Path
    embedding_model : object, optional
        The encoder, if it was an object.

    Returns
    -------
    ConceptModel

    Raises
    ------
    SavedModelError
        If the folder holds no model that can be loaded.

    Warns
    -----
    AdjustedWarning
        If the model had estimators or other objects as parameters, which are not saved.
    """
    concept_set, extra = load_concept_set(folder)
    try:
        report = RunReport.from_document(extra["report"])
        encoder: Any = make_encoder(extra["encoder"]) if embedding_model is None else embedding_model
        parameters = dict(extra["parameters"])
        if parameters.get("ocr") == EVERYTHING:  # where it is not installed, only what reads misses it
            parameters["ocr"] = RapidOCRReader(everything=True) if RapidOCRReader.is_installed() else True
        model = model_class(embedding_model=encoder, **parameters)
        model.report_ = report
    except (KeyError, TypeError, ValueError) as error:
        raise SavedModelError(f"{folder} is damaged ({error!r}). Fit and save the model again.") from error
    model.concepts_ = concept_set
    if extra["objects"]:
        of_texts = {"ocr", "text_model"} & set(extra["objects"])
        when = "fit it, give it new images or search by text" if of_texts else "fit it"
        warnings.warn(
            f"{', '.join(extra['objects'])} of the saved model are objects, which are not saved: the loaded model "
            f"answers as the saved one did, but set them again before you {when}.",
            AdjustedWarning,
            stacklevel=3,
        )
    return model
