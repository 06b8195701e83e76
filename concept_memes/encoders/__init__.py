"""Encoders: pictures and texts to unit vectors in one shared space."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concept_memes.encoders.clip import CLIPEncoder
    from concept_memes.encoders.hub_free import HubFreeEncoder
    from concept_memes.encoders.hub_free_cnn import HubFreeCNNEncoder
    from concept_memes.encoders.keras_cnn import KerasCNNEncoder
    from concept_memes.encoders.resolve import resolve_encoder

__all__ = ["CLIPEncoder", "HubFreeCNNEncoder", "HubFreeEncoder", "KerasCNNEncoder", "resolve_encoder"]

_MODULES = {
    "CLIPEncoder": "clip",
    "HubFreeCNNEncoder": "hub_free_cnn",
    "HubFreeEncoder": "hub_free",
    "KerasCNNEncoder": "keras_cnn",
    "resolve_encoder": "resolve",
}


def __getattr__(name: str) -> object:
    """Import a public name on its first use (PEP 562), so that choosing one encoder does not load the others."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
