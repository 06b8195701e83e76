"""Recipes: parameters of :class:`concept_memes.ConceptModel` that together do what people know from elsewhere."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from concept_memes.errors import InvalidParameterError

if TYPE_CHECKING:
    from concept_memes.model import ConceptModel

__all__ = ["NETWORKS", "RECIPES", "make_model", "parameters_of"]

M = TypeVar("M", bound="ConceptModel")

#: Networks of "cnn-kmeans" -> what they are called as `embedding_model`.
NETWORKS: Mapping[str, str] = {
    "auto": "cnn",
    "vgg16": "keras:vgg16",
    "inception-v3": "keras:inception-v3",
    "hub-free": "cnn-hub-free",
}
#: Their parameters, which may be overridden one by one.
RECIPES: Mapping[str, Mapping[str, Any]] = {
    # Features of a CNN, at unit length, into K-means; what is far from its centroid stays out.
    "cnn-kmeans": {"embedding_model": "cnn", "hdbscan_model": "kmeans"},
}


def parameters_of(recipe: str, network: str | None = None) -> dict[str, Any]:
    """Return the parameters that a recipe sets.

    Parameters
    ----------
    recipe : {"cnn-kmeans"}
    network : {"auto", "vgg16", "inception-v3", "hub-free"}, optional
        Its CNN; "auto" by default.

    Returns
    -------
    dict of str to object

    Raises
    ------
    InvalidParameterError
        There is no such recipe or network.

    Examples
    --------
    >>> parameters_of("cnn-kmeans", "vgg16")
    {'embedding_model': 'keras:vgg16', 'hdbscan_model': 'kmeans'}
    """
    if not isinstance(recipe, str) or recipe not in RECIPES:
        raise InvalidParameterError("recipe", recipe, f"one of {', '.join(map(repr, RECIPES))}")
    parameters = dict(RECIPES[recipe])
    if network is None:
        return parameters
    if not isinstance(network, str) or network not in NETWORKS:
        raise InvalidParameterError("network", network, f"one of {', '.join(map(repr, NETWORKS))}")
    return {**parameters, "embedding_model": NETWORKS[network]}


def make_model(model_class: type[M], recipe: str, *, network: str | None = None, **parameters: Any) -> M:  # noqa: ANN401
    """Make a model by a recipe.

    Parameters
    ----------
    model_class : type
        ConceptModel, or a class derived from it.
    recipe, network
        As for `parameters_of`.
    **parameters
        Of the model; they win over those of the recipe.

    Returns
    -------
    ConceptModel
        Not fitted yet.
    """
    chosen = parameters_of(recipe, network)
    if network is not None and "embedding_model" in parameters:
        raise InvalidParameterError("network", network, "left out where embedding_model= is given")
    known = model_class._get_param_names()
    for name in parameters:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise InvalidParameterError(name, parameters[name], f"a parameter of {model_class.__name__}{hint}")
    return model_class(**{**chosen, **parameters})
