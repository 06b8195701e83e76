"""Point it at a folder of images and get back concepts: groups that mean the same, named and searchable.

Nothing heavy is loaded until it is used: importing this package imports neither torch nor numba nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concept_memes.concepts import Assignment, Concept, ConceptHit, ConceptSet, ImageHit, ImageRecord, SkippedImage
    from concept_memes.encoders import CLIPEncoder, HubFreeEncoder
    from concept_memes.errors import ConceptMemesError, ConceptMemesWarning
    from concept_memes.memes.rapid_reader import RapidOCRReader
    from concept_memes.model import ConceptModel
    from concept_memes.queries import Query
    from concept_memes.remote.crawling import WebPage
    from concept_memes.run_report import RunReport
    from concept_memes.sources import list_images
    from concept_memes.tags import Tag
    from concept_memes.updates import UpdateReport

__version__ = "0.1.0"

__all__ = [
    "Assignment",
    "CLIPEncoder",
    "Concept",
    "ConceptHit",
    "ConceptMemesError",
    "ConceptMemesWarning",
    "ConceptModel",
    "ConceptSet",
    "HubFreeEncoder",
    "ImageHit",
    "ImageRecord",
    "Query",
    "RapidOCRReader",
    "RunReport",
    "SkippedImage",
    "Tag",
    "UpdateReport",
    "WebPage",
    "list_images",
]

_MODULES = {
    "Assignment": "concepts",
    "CLIPEncoder": "encoders",
    "Concept": "concepts",
    "ConceptHit": "concepts",
    "ConceptMemesError": "errors",
    "ConceptMemesWarning": "errors",
    "ConceptModel": "model",
    "ConceptSet": "concepts",
    "HubFreeEncoder": "encoders",
    "ImageHit": "concepts",
    "ImageRecord": "concepts",
    "Query": "queries",
    "RapidOCRReader": "memes.rapid_reader",
    "RunReport": "run_report",
    "SkippedImage": "concepts",
    "Tag": "tags",
    "UpdateReport": "updates",
    "WebPage": "remote.crawling",
    "list_images": "sources",
}


def __getattr__(name: str) -> object:
    """Import a public name on its first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
