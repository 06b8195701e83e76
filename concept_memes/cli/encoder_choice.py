"""``--model``, ``--device``, ``--precision`` and ``--batch-size`` -> what `ConceptModel` takes as its encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from concept_memes.cli.checks import one_of

if TYPE_CHECKING:
    from concept_memes.protocols import ImageEncoder

__all__ = ["PRECISIONS", "check_placement", "encoder_of"]

PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8")


def check_placement(device: str, precision: str, batch_size: str) -> int | str:
    """Refuse values that no encoder takes, and read the size of a batch; the machine is not asked.

    Raises
    ------
    typer.BadParameter
    """
    from concept_memes.encoders.devices import check_choices
    from concept_memes.errors import InvalidParameterError

    one_of(precision, PRECISIONS, "--precision")
    if batch_size != "auto" and not (batch_size.isdecimal() and int(batch_size) >= 1):
        raise typer.BadParameter(f"{batch_size!r} is neither auto nor a whole number", param_hint="--batch-size")
    size = batch_size if batch_size == "auto" else int(batch_size)
    try:
        check_choices(device, precision, size)
    except InvalidParameterError as error:
        raise typer.BadParameter(f"{device!r} is not {error.expected}", param_hint="--device") from error
    return size


def encoder_of(model: str, *, device: str, precision: str, batch_size: int | str) -> str | ImageEncoder:
    """Make the encoder that a name and its settings mean.

    Parameters
    ----------
    model : str
        What ``--model`` was given.
    device, precision : str
    batch_size : int or "auto"
        As for :class:`~concept_memes.encoders.CLIPEncoder`.

    Returns
    -------
    str or ImageEncoder
        The name alone where all settings are left to the encoder.
    """
    if (device, precision, batch_size) == ("auto", "auto", "auto"):
        return model
    from concept_memes.encoders import CLIPEncoder, HubFreeEncoder
    from concept_memes.encoders.resolve import resolve_encoder

    found = resolve_encoder(model)
    if isinstance(found, CLIPEncoder):
        return CLIPEncoder(found.model, device=device, precision=precision, batch_size=batch_size)
    return HubFreeEncoder(device=device, precision=precision, batch_size=batch_size)
