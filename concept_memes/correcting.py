"""The half of the estimator that corrects a fitted set: concepts merged, split and renamed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from concept_memes.assembly import with_words
from concept_memes.cache import VectorCache
from concept_memes.concepts import Concept, ConceptSet, Edit
from concept_memes.edits import Edited, merge_groups, rename, split
from concept_memes.errors import EditsWarning
from concept_memes.findings import FROM_DOCS
from concept_memes.hierarchy import RankGroups, build_hierarchy
from concept_memes.labels import Vectorizer, default_vectorizer, rank_words_of_docs, rank_words_of_groups
from concept_memes.naming import name_concepts, namer_of, ranker_of
from concept_memes.protocols import FloatArray, Labeler, Namer
from concept_memes.replaying import replay
from concept_memes.said_words import add_said_words
from concept_memes.showing import ShownConcepts
from concept_memes.vocabulary import StopWordVectorizer, resolve_stop_words

__all__ = ["CorrectedConcepts"]

C = TypeVar("C", bound="CorrectedConcepts")


class CorrectedConcepts(ShownConcepts):
    """What a user can correct in a fitted or loaded :class:`~concept_memes.ConceptModel`.

    Corrections are kept with the pictures that they were made on, saved with the model, and made again when the same
    model, or the loaded one, is fitted anew. `sklearn.base.clone` forgets them, as it forgets all that was fitted.
    """

    diversity: float
    vectorizer_model: object
    ctfidf: bool
    stop_words: str | Path | Sequence[str] | None
    labeler: Labeler | Namer | None
    n_exemplars: int
    cache: bool | str | Path | VectorCache

    def merge_concepts(self, concepts: Sequence[int] | Sequence[Sequence[int]]) -> tuple[Concept, ...]:
        """Make one concept of several.

        The merged concept has the lowest of their numbers; higher numbers close the gap. It gets exemplars and words of
        its own; a name stays if only one of them had one. All other concepts stay as they are.

        Parameters
        ----------
        concepts : sequence of int, or sequence of such sequences
            The numbers, ``[3, 5]``, or several groups at once, ``[[3, 5], [0, 1, 8]]``, by the numbers of before. A
            group of one stays as it is, so that ``hierarchy_.cut(10)`` can be given.

        Returns
        -------
        tuple of Concept
            The merged concepts.

        Raises
        ------
        InvalidParameterError
            If a number is no concept, or comes twice.

        Examples
        --------
        >>> from concept_memes import ConceptModel
        >>> from concept_memes.testing import ColorEncoder, color_images
        >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "maroon", "blue"])
        >>> model = model.fit(color_images(["red"], 8) + color_images(["blue"], 6) + color_images(["maroon"], 4))
        >>> model.merge_concepts([0, 2])[0].size, model.labels_.tolist()[::4]
        (12, [0, 0, 1, 1, 0])
        """
        fitted = self._fitted()
        given: list[Any] = list(concepts) if np.iterable(concepts) else [concepts]
        several = any(np.iterable(item) for item in given)
        groups = [[*item] if np.iterable(item) else [item] for item in given] if several else [given]
        return self._edited(merge_groups(fitted, groups, **self._description()))

    def split_concept(self, concept: int, n: int = 2) -> tuple[Concept, ...]:
        """Make several concepts of one.

        The largest part keeps the number, the others come after all that there are. Each gets exemplars and words of
        its own. All other concepts stay as they are.

        Parameters
        ----------
        concept : int
            Its number.
        n : int, default=2
            How many parts.

        Returns
        -------
        tuple of Concept
            The parts, the largest first.

        Raises
        ------
        InvalidParameterError
            If the number is no concept, or it has fewer than `n` different pictures.

        Examples
        --------
        >>> from concept_memes import ConceptModel
        >>> from concept_memes.testing import ColorEncoder, color_images
        >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "maroon", "blue"])
        >>> model = model.fit(color_images(["red"], 8) + color_images(["blue"], 6) + color_images(["maroon"], 4))
        >>> merged = model.merge_concepts([0, 2])
        >>> [(part.index, part.size) for part in model.split_concept(0)]
        [(0, 8), (2, 4)]
        """
        return self._edited(split(self._fitted(), concept, n, **self._description()))

    def rename_concept(self, concept: int, name: str) -> Concept:
        """Give a concept a name, which becomes its title; its words stay.

        Parameters
        ----------
        concept : int
            Its number.
        name : str
            "" takes the name away.

        Returns
        -------
        Concept
            With its new name.

        Raises
        ------
        InvalidParameterError
            If the number is no concept, or the name no str.

        Examples
        --------
        >>> from concept_memes import ConceptModel
        >>> from concept_memes.testing import ColorEncoder, color_images
        >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"]).fit(color_images(["red"], 6))
        >>> model.rename_concept(0, "red squares").title
        'red squares'
        """
        self._keep(rename(self._fitted(), concept, name))
        return self.concepts_.concepts[concept]

    def forget_edits(self: C) -> C:
        """Forget the corrections, so that the next `fit` does not make them again; the concepts stay as they are.

        Returns
        -------
        ConceptModel
            This one.
        """
        self._keep(replace(self._fitted(), edits=()))
        return self

    def _edited(self, edited: Edited) -> tuple[Concept, ...]:
        """Finish an edit: words and names for what it changed, and a new tree."""
        concept_set, rank = edited.concept_set, None
        words, vectors = self._word_vectors(self._fitted())
        if labelled_by_docs(concept_set):
            rank = self._ranker_of_docs()
        elif words:
            rank = self._ranker(words, vectors)
        if rank is not None:
            members = [np.flatnonzero(concept_set.labels == number) for number in edited.changed]
            ranked = dict(zip(edited.changed, rank(concept_set, members), strict=True))
            concept_set = with_words(concept_set, ranked, words, vectors)
        concept_set = self._with_said_words(concept_set, edited.changed)
        if (namer := namer_of(self.labeler)) is not None:
            nameless = [number for number in edited.changed if not concept_set.concepts[number].name]
            concept_set = name_concepts(concept_set, namer, nameless, stacklevel=4)
        self._keep(replace(concept_set, hierarchy=build_hierarchy(concept_set, rank)))
        return tuple(concept_set.concepts[number] for number in edited.changed)

    def _with_said_words(self, concept_set: ConceptSet, numbers: Sequence[int] | None = None) -> ConceptSet:
        """Give concepts, by default all, the words that their pictures say."""
        if labelled_by_docs(concept_set):  # which are its words already
            return concept_set
        return add_said_words(concept_set, numbers, stop_words=resolve_stop_words(self.stop_words))

    def _keep(self, concept_set: ConceptSet) -> None:
        """Put another set in the place of the fitted one; the encoder in use still speaks of it."""
        encoder = self._encoder_made()
        self.concepts_ = concept_set
        if encoder is not None:
            self._encoder_in_use = (concept_set, encoder)

    def _description(self) -> dict[str, Any]:
        """Return what decides about the exemplars of a concept."""
        return {"n_exemplars": int(self.n_exemplars), "diversity": float(self.diversity)}

    def _replayed(self, concept_set: ConceptSet, edits: Sequence[Edit]) -> ConceptSet:
        """Make corrections again on what a fit has found; warn of those that cannot be."""
        if not edits:
            return concept_set
        corrected, lost = replay(concept_set, edits, **self._description())
        if lost:
            warnings.warn(
                f"{len(lost)} of {len(edits)} corrections could not be made again ({told(lost)}): no concept "
                "holds half of the pictures that they were made on. They are kept; forget_edits() drops them.",
                EditsWarning,
                stacklevel=3,
            )
        return corrected

    def _ranker(self, words: Sequence[str], word_vectors: FloatArray) -> RankGroups:
        """Return what ranks words for groups of pictures as this model does."""
        return partial(
            rank_words_of_groups,
            words=words,
            word_vectors=word_vectors,
            labeler=ranker_of(self.labeler),
            ctfidf=bool(self.ctfidf),
            vectorizer_model=self._word_counter(),
        )

    def _ranker_of_docs(self) -> RankGroups:
        """Return what ranks words for groups of pictures by the texts that came with them."""
        return partial(rank_words_of_docs, vectorizer_model=self._word_counter())

    def _word_counter(self) -> Vectorizer | None:
        """Return what counts words in texts for c-TF-IDF, without the stop words; None is the default."""
        stop_words = resolve_stop_words(self.stop_words)
        vectorizer: Vectorizer | None = self.vectorizer_model  # type: ignore[assignment]  # checked in `fit`
        if not stop_words:
            return vectorizer
        return StopWordVectorizer(default_vectorizer() if vectorizer is None else vectorizer, stop_words)


def labelled_by_docs(concept_set: ConceptSet) -> bool:
    """Tell whether its words come from texts that the user gave, one with each picture."""
    return concept_set.texts is not None and concept_set.texts.reader == FROM_DOCS


def told(edits: Sequence[Edit]) -> str:
    """Say what edits did, the first five of them."""
    what = [
        f"the name {edit.name!r}" if edit.kind == "rename" else f"a {edit.kind} of {len(edit.groups)}"
        for edit in edits[:5]
    ]
    return ", ".join(what) + (f" and {len(edits) - 5} more" if len(edits) > 5 else "")
