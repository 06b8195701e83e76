"""Names for concepts from a callable of the user's own: a captioner, a language model, a rule."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import cast, overload

from PIL import Image

from concept_memes.concepts import ConceptSet
from concept_memes.errors import InvalidParameterError, NamingWarning, UnreadableImageError
from concept_memes.loading import load_telling_frame
from concept_memes.protocols import Labeler, Namer

__all__ = ["ExemplarImages", "check_labeler", "name_concepts", "namer_of", "ranker_of"]

logger = logging.getLogger(__name__)

# Captioners look at 224 to 1,024 pixels. Eight pictures of a phone in full would take 300 MB at once.
SIDE = 1024
N_NAMED = 10  # concepts that a warning names; the others are counted
EXPECTED = (
    "None, an object with rank_words(centroids, words, word_vectors), or a callable that takes exemplars and words and "
    "returns a name"
)


class ExemplarImages(Sequence[Image.Image]):
    """The exemplars of a concept as pictures, loaded when somebody looks at them.

    A naming hook that goes by the words alone opens no file. One that looks (takes a picture, counts or iterates) gets
    upright RGB pictures, at most 1,024 pixels on the longer side; those that cannot be read are left out.

    Parameters
    ----------
    concept_set : ConceptSet
        The collection.
    indices : sequence of int
        Which of its pictures.

    Attributes
    ----------
    indices : tuple of int
        The exemplars, the most typical first, readable or not.
    paths : tuple of (Path or None)
        Where they are, absolute; None for pictures that came as pixels. Nothing is opened, so a file may be gone.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"]).fit(color_images(["red"], 6))
    >>> exemplars = ExemplarImages(model.concepts_, model.concepts_.concepts[0].exemplars[:2])
    >>> len(exemplars), exemplars[0].mode, exemplars.paths
    (2, 'RGB', (None, None))
    """

    def __init__(self, concept_set: ConceptSet, indices: Sequence[int]) -> None:
        self._concept_set = concept_set
        self.indices = tuple(indices)

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """Where the exemplars are."""
        sources = (self._concept_set.source_of(index) for index in self.indices)
        return tuple(source if isinstance(source, Path) else None for source in sources)

    @cached_property
    def _pictures(self) -> list[Image.Image]:
        return [picture for index in self.indices if (picture := self._load(index)) is not None]

    def _load(self, index: int) -> Image.Image | None:
        try:
            picture = load_telling_frame(self._concept_set.source_of(index), min_size=(SIDE, SIDE)).picture
        except (UnreadableImageError, OSError) as error:
            logger.info("An exemplar is left out: %s", error)
            return None
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        return picture

    def __len__(self) -> int:
        return len(self._pictures)

    @overload
    def __getitem__(self, place: int) -> Image.Image: ...
    @overload
    def __getitem__(self, place: slice) -> list[Image.Image]: ...
    def __getitem__(self, place: int | slice) -> Image.Image | list[Image.Image]:
        return self._pictures[place]

    def __iter__(self) -> Iterator[Image.Image]:
        return iter(self._pictures)

    def __repr__(self) -> str:
        return f"ExemplarImages({len(self.indices)} exemplars)"


def name_concepts(
    concept_set: ConceptSet, namer: Namer, concepts: Sequence[int] | None = None, *, stacklevel: int = 2
) -> ConceptSet:
    """Ask a callable for the names of concepts.

    Parameters
    ----------
    concept_set : ConceptSet
    namer : callable
        Called as ``namer(exemplars, words)``, once per concept, in their order, with an :class:`ExemplarImages` and a
        tuple of str, the best word first. It returns the name; "" leaves the concept without one. White space around
        and inside the name is tidied up.
    concepts : sequence of int, optional
        Which ones, by number; by default all.
    stacklevel : int, default=2
        Whose line a warning names: 2 is the caller's.

    Returns
    -------
    ConceptSet
        With the new names in its concepts and in the leaves of its hierarchy; all else is as it was.

    Raises
    ------
    InvalidParameterError
        If a number in `concepts` is no concept.

    Warns
    -----
    NamingWarning
        If the callable failed for some concepts, or returned something else than a str. Those keep the name that they
        had. What it raised is in the log at level INFO, with its traceback.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> images = color_images(["red"], 6) + color_images(["blue"], 4)
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"]).fit(images)
    >>> named = name_concepts(model.concepts_, lambda exemplars, words: f"{words[0]} squares")
    >>> [concept.title for concept in named.concepts]
    ['red squares', 'blue squares']
    """
    numbers = {concept.index for concept in concept_set.concepts}
    wanted = numbers if concepts is None else set(concepts)
    if not wanted <= numbers:
        limit = f"numbers of concepts, from 0 to {len(numbers) - 1}" if numbers else "empty: there are no concepts"
        raise InvalidParameterError("concepts", concepts, limit)
    renamed, failures = list(concept_set.concepts), []
    for place, concept in enumerate(concept_set.concepts):
        if concept.index not in wanted:
            continue
        try:
            name = namer(ExemplarImages(concept_set, concept.exemplars), concept.words)
            if not isinstance(name, str):
                raise TypeError(f"it returned {name!r:.60} of type {type(name).__name__}; expected a str")
        except Exception as error:  # whatever a user's own code raises: a run of hours must not end of it
            logger.info("No name for concept %d", concept.index, exc_info=True)
            failures.append((concept.index, error))
        else:
            renamed[place] = replace(concept, name=" ".join(name.split()))
    if failures:
        warnings.warn(_told(failures, len(wanted)), NamingWarning, stacklevel=stacklevel)
    names = {concept.index: concept.name for concept in renamed}
    hierarchy = tuple(
        node if node.children else replace(node, name=names[node.concepts[0]]) for node in concept_set.hierarchy
    )
    return replace(concept_set, concepts=tuple(renamed), hierarchy=hierarchy)


def check_labeler(labeler: object) -> None:
    """Check what was given as `labeler`, before anything is embedded.

    Raises
    ------
    InvalidParameterError
        If it is neither a `Labeler` nor a callable of two arguments.

    Examples
    --------
    >>> check_labeler(lambda words: words[0])
    Traceback (most recent call last):
    concept_memes.errors.InvalidParameterError: labeler=...: labeler must be a callable of two arguments...
    """
    if labeler is None or ranker_of(labeler) is not None:
        return
    if isinstance(labeler, type):
        raise InvalidParameterError("labeler", labeler, f"an object, not a class; write {labeler.__name__}()")
    if not callable(labeler):
        raise InvalidParameterError("labeler", labeler, EXPECTED)
    try:
        inspect.signature(labeler).bind((), ())
    except TypeError as error:
        expected = f"a callable of two arguments, exemplars and words ({error})"
        raise InvalidParameterError("labeler", labeler, expected) from error
    except ValueError:  # some callables written in C do not say what they take
        return


def ranker_of(labeler: object) -> Labeler | None:
    """Return a `labeler` parameter if it ranks words."""
    ranks = not isinstance(labeler, type) and callable(getattr(labeler, "rank_words", None))
    return cast(Labeler, labeler) if ranks else None


def namer_of(labeler: object) -> Namer | None:
    """Return a `labeler` parameter if it names concepts; an object that also ranks words does both."""
    return cast(Namer, labeler) if callable(labeler) else None


def _told(failures: Sequence[tuple[int, Exception]], n_concepts: int) -> str:
    """Say for which concepts the callable failed, and why it did first."""
    numbers = ", ".join(str(number) for number, _ in failures[:N_NAMED])
    more = f" and {len(failures) - N_NAMED} more" if len(failures) > N_NAMED else ""
    number, error = failures[0]
    return (
        f"The labeler gave no name to {len(failures)} of {n_concepts} concepts ({numbers}{more}); they keep what they "
        f"had. The first failure, of concept {number}: {type(error).__name__}: {error}"
    )
