"""Vectors to a concept set: what belongs together stands together, and unreadable pictures have no say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from concept_memes.assembly import Collection, add_words, assemble
from concept_memes.centring import unit
from concept_memes.clustering import ClusterSettings
from concept_memes.concepts import ConceptSet, ImageRecord, SkippedImage
from concept_memes.progress import Progress

WORDS = ["first", "second", "third"]
WORD_VECTORS = np.eye(3, 8, dtype=np.float32)


def collection(sizes: list[int], *, seed: int = 0) -> Collection:
    """Make kinds of pictures around the first axes."""
    rng = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    vectors = unit(np.eye(8)[kinds] + rng.normal(0, 0.08, (len(kinds), 8)))
    records = tuple(ImageRecord(f"{i}.png", Path(f"{i}.png"), f"{i * 7919 % 1009:04}") for i in range(len(kinds)))
    return Collection(records, vectors, ((0, 8),), "axes", "axes/1", (), Path("/pictures"), {})


def assembled(given: Collection, settings: ClusterSettings | None = None, **parameters: Any) -> ConceptSet:
    usual: dict[str, Any] = {"diversity": 0.3, "n_exemplars": 4, "progress": Progress(verbose=False)}
    return assemble(given, settings, **{**usual, **parameters})


def permuted(given: Collection, order: np.ndarray) -> Collection:
    return replace(given, images=tuple(given.images[i] for i in order), vectors=given.vectors[order])


def with_unreadable(given: Collection, place: int) -> Collection:
    images = [*given.images[:place], ImageRecord("bad.png", Path("bad.png"), ""), *given.images[place:]]
    skipped = (SkippedImage(Path("bad.png"), place, "empty file"),)
    return replace(given, images=tuple(images), vectors=np.insert(given.vectors, place, 0, axis=0), skipped=skipped)


def test_concepts_carry_sizes_centroids_and_exemplars_of_their_members() -> None:
    given = collection([9, 7, 5])
    found = assembled(given)
    assert [concept.size for concept in found.concepts] == [9, 7, 5]
    for concept in found.concepts:
        members = found.members(concept.index)
        np.testing.assert_allclose(found.centroids[concept.index], unit(given.vectors[members].mean(axis=0)), atol=1e-6)
        assert len(concept.exemplars) == len(set(concept.exemplars)) == len(concept.exemplar_scores) == 4
        assert set(concept.exemplars) <= set(members.tolist())
        assert concept.exemplar_scores[0] == max(concept.exemplar_scores)
    assert (found.encoder_name, found.encoder_fingerprint, found.base_folder) == ("axes", "axes/1", Path("/pictures"))


def test_an_unreadable_picture_changes_nothing_but_the_places() -> None:
    given = collection([9, 7, 5])
    plain, mixed = assembled(given), assembled(with_unreadable(given, 3))
    assert mixed.labels[3] == -1
    assert mixed.probabilities[3] == 0
    np.testing.assert_array_equal(np.delete(mixed.labels, 3), plain.labels)
    np.testing.assert_array_equal(mixed.centre, plain.centre)
    np.testing.assert_array_equal(mixed.centroids, plain.centroids)
    assert [[i - (i > 3) for i in c.exemplars] for c in mixed.concepts] == [list(c.exemplars) for c in plain.concepts]


@pytest.mark.parametrize("sizes", [[9, 7, 5], [50, 40, 30]], ids=["few", "many"])
def test_the_order_of_the_pictures_does_not_show(sizes: list[int]) -> None:
    given = collection(sizes)
    order = np.random.default_rng(4).permutation(sum(sizes))
    plain, other = assembled(given), assembled(permuted(given, order))
    np.testing.assert_array_equal(other.labels, plain.labels[order])
    np.testing.assert_array_equal(other.probabilities, plain.probabilities[order])
    np.testing.assert_array_equal(other.centroids, plain.centroids)
    assert [[order[i] for i in c.exemplars] for c in other.concepts] == [list(c.exemplars) for c in plain.concepts]
    assert [c.exemplar_scores for c in other.concepts] == [c.exemplar_scores for c in plain.concepts]


def test_words_are_the_nearest_and_their_vectors_stand_in_the_same_order() -> None:
    found = add_words(assembled(collection([9, 7, 5])), WORDS, WORD_VECTORS)
    assert [concept.words[0] for concept in found.concepts] == WORDS
    assert found.words == tuple(sorted(WORDS))
    np.testing.assert_array_equal(found.word_vectors, WORD_VECTORS[[WORDS.index(word) for word in found.words]])
    for concept in found.concepts:
        assert list(concept.word_scores) == sorted(concept.word_scores, reverse=True)


def test_words_are_added_to_a_new_set() -> None:
    plain = assembled(collection([9, 7, 5]))
    assert add_words(plain, WORDS, WORD_VECTORS) is not plain
    assert plain.words == ()
    assert all(concept.words == () for concept in plain.concepts)


def test_ctfidf_ranks_words_of_equal_weight_by_nearness_not_by_alphabet() -> None:
    words = ["zebra", "aardvark", "second", "third"]
    vectors = unit(np.array([[1, 0, 0], [1, 0.6, 0], [0, 1, 0], [0, 0, 1]]) @ np.eye(3, 8))
    found = add_words(assembled(collection([9, 7, 5])), words, vectors, ctfidf=True)
    assert found.concepts[0].words == ("zebra", "aardvark")


def test_ctfidf_leaves_a_concept_that_no_text_fits_without_words() -> None:
    found = add_words(assembled(collection([9, 7, 5])), WORDS[:2], WORD_VECTORS[:2], ctfidf=True)
    assert [concept.words for concept in found.concepts] == [("first",), ("second",), ()]


def test_a_set_without_concepts_gets_no_words() -> None:
    class Nothing:
        def fit(self, X: Any) -> Nothing:  # noqa: N803
            self.labels_ = np.full(len(X), -1)
            return self

    found = assembled(collection([4, 4]), ClusterSettings(hdbscan_model=Nothing()))
    assert len(found) == 0
    assert found.centroids.shape == (0, 8)
    assert add_words(found, WORDS, WORD_VECTORS) is found
