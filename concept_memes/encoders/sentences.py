"""A sentence-transformers model of the user's, for texts alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from concept_memes.encoders import hub
from concept_memes.encoders.placement import Placement
from concept_memes.encoders.towers import SentenceTower
from concept_memes.encoders.two_towers import text_fingerprint
from concept_memes.protocols import FloatArray

__all__ = ["SentenceEncoder"]


class SentenceEncoder:
    """Texts to vectors by a sentence-transformers model; it need not know pictures.

    Parameters
    ----------
    model : str or Path
        A hub id, such as ``"sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"``, or a folder. It is found
        now, and loaded on first use.

    Attributes
    ----------
    name : str
        What the user asked for; a folder with its whole path, so that it is known again from elsewhere.
    text_fingerprint : str
        All that decides the bits of a vector.

    Raises
    ------
    ModelNotFoundError
        If there is no such model, or it cannot be had.

    Examples
    --------
    >>> SentenceEncoder("no/such/folder/at-all")
    Traceback (most recent call last):
    concept_memes.errors.ModelNotFoundError: 'no/such/folder/at-all': there is no such folder. Check the path.
    """

    def __init__(self, model: str | Path) -> None:
        self.folder = hub.find_model(model)
        if own := self.folder == Path(os.path.expanduser(model)):  # and no copy of a model of the hub
            self.folder = self.folder.absolute()
        self.name = str(self.folder) if own else str(model)
        self.placement = Placement("auto", "auto", "auto")

    @cached_property
    def text_fingerprint(self) -> str:
        """What decides the bits of a vector."""
        where = f"{self.placement.kind}:{self.placement.precision}"
        weights = hub.files_hash(self.folder, weights=True)
        return text_fingerprint(weights, "st", "", where, self.placement.text_batch_size)

    @cached_property
    def _tower(self) -> SentenceTower:
        return SentenceTower(self.folder, self.name, self.placement)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        ndarray of shape (n_texts, n_dims), float32, unit norm
        """
        return self._tower.texts(texts, self._tower.n_dims)

    def __repr__(self) -> str:
        return f"SentenceEncoder({self.name!r})"
