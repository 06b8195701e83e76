from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from concept_memes.concepts import Concept, ConceptHit, ConceptSet, ImageHit, ImageRecord


def test_hits_unpack_like_tuples() -> None:
    concept, similarity = ConceptHit(3, 0.5)
    assert (concept, similarity) == (3, 0.5)
    path, similarity, index, number = ImageHit(Path("a.png"), 0.5, 7, 2)
    assert (path, similarity, index, number) == (Path("a.png"), 0.5, 7, 2)
    assert ImageHit(None, 0.5, 7, 2).index == 7  # not the method of tuples


def test_the_title_is_the_best_three_words() -> None:
    assert Concept(0, 5, words=("a", "b", "c", "d")).title == "a, b, c"
    assert Concept(0, 5, words=("a",)).title == "a"
    assert Concept(4, 5).title == "concept 4"


def test_a_set_is_frozen_in_all_its_parts(color_set: ConceptSet) -> None:
    with pytest.raises(FrozenInstanceError):
        color_set.words = ()  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        color_set.concepts[0].size = 3  # type: ignore[misc]
    for name in ("labels", "probabilities", "vectors", "centre", "centroids", "word_vectors"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(color_set, name)[...] = 0


def test_the_length_is_the_number_of_concepts_and_the_text_is_short(color_set: ConceptSet) -> None:
    assert len(color_set) == 3
    assert repr(color_set) == "ConceptSet(3 concepts, 27 images, 0 in none, 'colors')"


def test_members_come_surest_first_and_ties_in_order(color_set: ConceptSet) -> None:
    probabilities = color_set.probabilities.copy()
    probabilities[[12, 14, 20]] = [0.2, 0.5, 0.9]
    labels = color_set.labels.copy()
    labels[[3, 1]] = -1
    changed = replace(color_set, probabilities=probabilities, labels=labels)
    assert changed.members(1).tolist() == [13, 15, 16, 17, 18, 19, 20, 14, 12]
    assert changed.members(-1).tolist() == [1, 3]
    assert changed.members(99).tolist() == []
    assert changed.members(1).dtype == np.int64


def test_the_source_of_a_picture_is_its_pixels_or_an_absolute_path(color_set: ConceptSet) -> None:
    images = (ImageRecord("a", Path("sub/a.png"), "a"), ImageRecord("b", Path("/b.png"), "b"), *color_set.images[2:])
    pixels = {i: image for i, image in color_set.pixels.items() if i >= 3}
    changed = replace(color_set, images=images, pixels=pixels, base_folder=Path("/base"))
    assert changed.source_of(0) == Path("/base/sub/a.png")
    assert changed.source_of(1) == Path("/b.png")
    assert changed.source_of(2) == Path("/base/image-2")  # its pixels were not kept
    assert changed.source_of(3) is color_set.pixels[3]


# --- What assembling puts into a set ----------------------------------------------------------------------------------


def test_every_part_of_a_set_fits_the_others(color_set: ConceptSet) -> None:
    assert [concept.size for concept in color_set.concepts] == [12, 9, 6]
    assert [concept.index for concept in color_set.concepts] == [0, 1, 2]
    assert color_set.labels.tolist() == [0] * 12 + [1] * 9 + [2] * 6
    np.testing.assert_allclose(color_set.centre, color_set.vectors.mean(axis=0), atol=1e-6)
    for concept in color_set.concepts:
        rows = color_set.labels == concept.index
        mean = color_set.vectors[rows].mean(axis=0)
        np.testing.assert_allclose(color_set.centroids[concept.index], mean / np.linalg.norm(mean), atol=1e-6)
        assert rows[list(concept.exemplars)].all()
        assert len(set(concept.exemplars)) == len(concept.exemplars) == len(concept.exemplar_scores) == 4
        assert concept.exemplar_scores[0] == max(concept.exemplar_scores)
