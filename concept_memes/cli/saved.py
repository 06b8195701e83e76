"""The saved model that a command is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concept_memes.model import ConceptModel

__all__ = ["is_saved", "load"]


def load(folder: Path) -> ConceptModel:
    """Load a saved model."""
    from concept_memes.persistence import read_document

    read_document(folder)  # a wrong folder is known at once, without the libraries that a model needs
    from concept_memes.model import ConceptModel

    return ConceptModel.load(folder)


def is_saved(folder: Path) -> bool:
    """Tell whether a folder holds a saved model."""
    from concept_memes.errors import NewerFormatError, SavedModelError
    from concept_memes.persistence import read_document

    try:
        read_document(folder)
    except NewerFormatError:
        return True
    except SavedModelError:
        return False
    return True
