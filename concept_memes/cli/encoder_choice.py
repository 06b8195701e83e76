"""``--model``, ``--recipe``, ``--device``, ... -> what `ConceptModel` takes as its encoder, and what goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from concept_memes.cli.checks import one_of

if TYPE_CHECKING:
    from concept_memes.protocols import ImageEncoder

__all__ = ["PRECISIONS", "check_placement", "encoder_of", "recipe_of"]

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
    from concept_memes.encoders import CLIPEncoder, HubFreeCNNEncoder, HubFreeEncoder, KerasCNNEncoder
    from concept_memes.encoders.keras_cnn import PREFIX
    from concept_memes.encoders.resolve import resolve_encoder

    if model.startswith(PREFIX) and precision not in ("auto", "fp32"):  # before its weights are fetched
        raise typer.BadParameter(f"{model} computes in fp32, not in {precision}", param_hint="--precision")
    found = resolve_encoder(model)
    if isinstance(found, KerasCNNEncoder):
        return KerasCNNEncoder(found.network, device=device, batch_size=batch_size)
    if isinstance(found, CLIPEncoder):
        return CLIPEncoder(found.model, device=device, precision=precision, batch_size=batch_size)
    kind = HubFreeCNNEncoder if isinstance(found, HubFreeCNNEncoder) else HubFreeEncoder
    return kind(device=device, precision=precision, batch_size=batch_size)


def recipe_of(recipe: str | None, network: str | None, model: str) -> tuple[str, dict[str, Any]]:
    """Read the values of --recipe and --network.

    Parameters
    ----------
    recipe, network : str or None
    model : str
        What ``--model`` was given; it wins over the recipe's.

    Returns
    -------
    model : str
        The name of the encoder.
    parameters : dict of str to object
        Of `ConceptModel`, beside the encoder.

    Raises
    ------
    typer.BadParameter

    Examples
    --------
    >>> recipe_of("cnn-kmeans", "vgg16", "auto")
    ('keras:vgg16', {'hdbscan_model': 'kmeans'})
    """
    from concept_memes.recipes import NETWORKS, RECIPES, parameters_of

    if recipe is None:
        if network is not None:
            raise typer.BadParameter("it is the CNN of a recipe; give --recipe too", param_hint="--network")
        return model, {}
    one_of(recipe, tuple(RECIPES), "--recipe")
    if network is not None:
        one_of(network, tuple(NETWORKS), "--network")
        if model != "auto":
            raise typer.BadParameter("give either a model or a network", param_hint="--network")
    parameters = parameters_of(recipe, network)
    encoder = parameters.pop("embedding_model")
    return (encoder if model == "auto" else model), parameters
