"""What a checkpoint is: family, length of its vectors, preprocessing; read from its files without loading it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from concept_memes.encoders import hub
from concept_memes.encoders.preprocessing import FAMILY_DEFAULTS, PicturePreprocessing
from concept_memes.errors import EncoderError, ModelNotFoundError

__all__ = ["Checkpoint", "model_family"]


@dataclass(frozen=True)
class Checkpoint:
    """What a folder tells about its model without loading it.

    Attributes
    ----------
    folder : Path
        Where ``config.json`` and the weights are.
    family : str
        ``"clip"`` or ``"siglip"``.
    n_dims : int
        Length of a vector.
    preprocessing : PicturePreprocessing
        What is done to a picture.
    config : mapping
        The content of ``config.json``.
    """

    folder: Path
    family: str
    n_dims: int
    preprocessing: PicturePreprocessing
    config: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path, name: str) -> Checkpoint:
        """Read the settings of a model.

        Parameters
        ----------
        folder : Path
            A transformers checkpoint, or a sentence-transformers model around one.
        name : str
            What the user asked for; stands in messages.

        Returns
        -------
        Checkpoint
            The settings.

        Raises
        ------
        ModelNotFoundError
            The folder holds no model, or a file in it is damaged.
        EncoderError
            The model is of another kind, or has layers that would be left out.

        Examples
        --------
        >>> Checkpoint.read(Path("no/such/folder"), "my-clip")
        Traceback (most recent call last):
        concept_memes.errors.ModelNotFoundError: 'my-clip': the folder ... holds no model. Expected: ...
        """
        _refuse_further_modules(folder, name)
        model = hub.model_folder(folder)
        if model is None or not hub.weight_files(model):
            raise ModelNotFoundError(
                f"{name!r}: the folder {folder} holds no model. Expected: config.json with model.safetensors or "
                "pytorch_model.bin, or modules.json and such a folder."
            )
        config = _read_json(model / "config.json")
        family = model_family(config, name)
        processor = _read_json(model / "processor_config.json").get("image_processor")
        return cls(
            model,
            family,
            _n_dims(config, family),
            PicturePreprocessing.from_config(_read_json(model / "preprocessor_config.json") or processor or {}, family),
            config,
        )


def _read_json(file: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one where there is no such file."""
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelNotFoundError(f"{file} is not JSON: {error} Fetch the model again.") from error
    return content if isinstance(content, dict) else {}


def model_family(config: Mapping[str, Any], name: str) -> str:
    """Tell which family of models a configuration belongs to.

    Parameters
    ----------
    config : mapping
        The content of ``config.json``.
    name : str
        What the user asked for; stands in messages.

    Returns
    -------
    str
        ``"clip"`` or ``"siglip"``; SigLIP2 of fixed resolution is a ``"siglip"``.

    Raises
    ------
    EncoderError
        It is another kind of model.

    Examples
    --------
    >>> model_family({"model_type": "clip"}, "my-clip")
    'clip'
    """
    kind = config.get("model_type")
    if kind in FAMILY_DEFAULTS:
        return str(kind)
    if kind == "siglip2":
        raise EncoderError(
            f"{name!r} is a SigLIP2 of the NaFlex kind, whose pictures have no fixed shape. Use one with a fixed "
            'resolution, such as "siglip2-b32".'
        )
    raise EncoderError(
        f"{name!r} is a model of type {kind!r}. Expected: one that knows pictures and texts, CLIP, SigLIP or SigLIP2 "
        '(model_type "clip" or "siglip" in config.json). For any other, pass an object with the encoder protocols.'
    )


def _n_dims(config: Mapping[str, Any], family: str) -> int:
    """Read the length of a vector; numbers that a file leaves out are transformers' defaults."""
    if family == "clip":
        return int(config.get("projection_dim") or 512)
    return int((config.get("vision_config") or {}).get("hidden_size") or 768)


def _refuse_further_modules(folder: Path, name: str) -> None:
    """Refuse a sentence-transformers folder with layers after the model: leaving them out gives other vectors."""
    modules = folder / "modules.json"
    if not modules.is_file():
        return
    try:
        kinds = [str(module["type"]).rpartition(".")[2] for module in json.loads(modules.read_text(encoding="utf-8"))]
    except (ValueError, LookupError, TypeError) as error:
        raise ModelNotFoundError(f"{modules} is no list of modules: {error!r} Fetch the model again.") from error
    further = [kind for kind in kinds[1:] if kind != "Normalize"]
    if further:
        raise EncoderError(
            f"{name!r} has further modules after its first, {kinds[0]}: {', '.join(further)}. If it knows pictures, "
            "load it and pass the object: embedding_model=SentenceTransformer(...). A model of texts alone has no "
            "vectors for pictures; as the text side of a CLIP it is CLIPEncoder(the CLIP, text_model=...)."
        )
