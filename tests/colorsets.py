"""Sets of coloured pictures that the tests of corrections share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from concept_memes.concepts import Concept, ConceptSet
from concept_memes.sources import ImageSource
from concept_memes.testing import color_images

COLORS = ("red", "blue", "lime", "maroon", "yellow")
SIZES = (14, 12, 10, 8, 6)


def five_colors(fit: Callable[[ImageSource], ConceptSet]) -> ConceptSet:
    """Fit red (0), blue (1), lime (2), maroon (3) and yellow (4) pictures, from 14 to 6."""
    found = fit([image for color, n in zip(COLORS, SIZES, strict=True) for image in color_images([color], n)])
    assert [concept.size for concept in found.concepts] == [*SIZES]
    return found


def color_of(concept_set: ConceptSet, row: int) -> str:
    """Return the colour that a picture was drawn in; pictures are named by their places."""
    place = int(concept_set.images[row].name.removeprefix("image-"))
    return COLORS[int(np.searchsorted(np.cumsum(SIZES), place, side="right"))]


def colors_of(concept_set: ConceptSet, number: int) -> list[str]:
    """Return the colours of a concept's pictures."""
    return sorted({color_of(concept_set, row) for row in concept_set.members(number)})


def another_fit(concept_set: ConceptSet, labels: Sequence[int] | npt.NDArray[np.int64]) -> ConceptSet:
    """Make another fit of the same pictures: other labels, without words, edits and tree."""
    k = int(np.max(labels)) + 1
    members = [np.flatnonzero(np.asarray(labels) == number) for number in range(k)]
    return replace(
        concept_set,
        labels=np.asarray(labels, np.int64),
        raw_labels=np.asarray(labels, np.int64),
        concepts=tuple(Concept(i, len(rows), exemplars=(int(rows[0]),)) for i, rows in enumerate(members)),
        centroids=np.stack([concept_set.vectors[rows].mean(axis=0) for rows in members]),
        edits=(),
    )
