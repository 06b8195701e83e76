from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from concept_memes import ConceptModel
from concept_memes.assignment import assign_vectors, place_vectors, vote
from concept_memes.concepts import ConceptSet
from concept_memes.errors import SkippedImagesWarning
from concept_memes.testing import ColorEncoder, color_images


def encoded(color: str, n: int, *, seed: int = 5) -> npt.NDArray[np.float32]:
    encoder = ColorEncoder()
    return encoder.encode_images(np.stack([encoder.preprocess(i) for i in color_images([color], n, seed=seed)]))


@pytest.fixture
def with_noise(color_set: ConceptSet) -> ConceptSet:
    """Make two of the red pictures noise."""
    labels = color_set.labels.copy()
    labels[[2, 7]] = -1
    return replace(color_set, labels=labels)


def test_the_fitted_pictures_keep_their_labels(with_noise: ConceptSet) -> None:
    np.testing.assert_array_equal(assign_vectors(with_noise, with_noise.vectors), with_noise.labels)


def test_new_pictures_of_the_fitted_kinds_join_them(color_set: ConceptSet) -> None:
    for concept, color in enumerate(["red", "blue", "lime"]):
        labels = assign_vectors(color_set, encoded(color, 20))
        assert labels.dtype == np.int64
        assert set(labels.tolist()) <= {concept, -1}
        assert (labels == concept).mean() > 0.6


def test_even_concepts_of_three_pictures_take_in_most_of_their_kind(fit_colors: Callable[..., ConceptSet]) -> None:
    fitted = fit_colors(color_images(["red", "blue", "lime"], 3))
    labels = np.concatenate([assign_vectors(fitted, encoded(color, 40)) for color in ("red", "blue", "lime")])
    assert (labels >= 0).mean() > 0.8


def test_pictures_of_a_foreign_kind_join_nothing(color_set: ConceptSet) -> None:
    assert assign_vectors(color_set, encoded("yellow", 5)).tolist() == [-1] * 5
    assert assign_vectors(color_set, -color_set.vectors[:3]).tolist() == [-1] * 3


def test_pictures_among_noise_are_noise(color_set: ConceptSet) -> None:
    labels = color_set.labels.copy()
    labels[labels == 2] = -1
    fitted = replace(color_set, labels=labels, concepts=color_set.concepts[:2], centroids=color_set.centroids[:2])
    assert assign_vectors(fitted, encoded("lime", 5)).tolist() == [-1] * 5


def test_a_picture_that_could_not_be_read_joins_nothing(color_set: ConceptSet) -> None:
    vectors = np.stack([color_set.vectors[0], np.zeros(27, np.float32)])
    assert assign_vectors(color_set, vectors).tolist() == [0, -1]


def test_unreadable_pictures_of_the_fitted_set_have_no_vote(color_set: ConceptSet) -> None:
    n = len(color_set.vectors)
    fitted = replace(
        color_set,
        images=color_set.images * 2,
        labels=np.concatenate([color_set.labels, np.full(n, -1)]),
        probabilities=np.concatenate([color_set.probabilities, np.zeros(n)]),
        vectors=np.concatenate([color_set.vectors, np.zeros_like(color_set.vectors)]),
    )
    new = encoded("red", 10)
    np.testing.assert_array_equal(assign_vectors(fitted, new), assign_vectors(color_set, new))


def test_no_pictures_and_no_concepts_give_no_labels(color_set: ConceptSet) -> None:
    assert assign_vectors(color_set, np.zeros((0, 27), np.float32)).shape == (0,)
    empty = replace(
        color_set,
        labels=np.full(len(color_set.labels), -1),
        concepts=(),
        centroids=np.zeros((0, 27), np.float32),
    )
    assert assign_vectors(empty, color_set.vectors[:2]).tolist() == [-1, -1]


def test_a_set_of_copies_knows_its_picture_and_no_other(color_set: ConceptSet) -> None:
    one = color_set.vectors[0]
    copies = replace(
        color_set,
        images=color_set.images[:5],
        labels=np.zeros(5, np.int64),
        probabilities=np.ones(5),
        vectors=np.repeat(one[None], 5, axis=0),
        centre=one,
        centroids=one[None],
        concepts=color_set.concepts[:1],
    )
    assert assign_vectors(copies, np.stack([one, color_set.vectors[-1]])).tolist() == [0, -1]


def test_pictures_do_not_influence_each_other(color_set: ConceptSet) -> None:
    vectors = np.concatenate([encoded(color, 6) for color in ("red", "yellow", "blue")])
    together = assign_vectors(color_set, vectors)
    assert together.tolist() == [int(assign_vectors(color_set, row[None])[0]) for row in vectors]


def test_votes_are_weighed_by_similarity() -> None:
    votes = np.array([[0, 1, 1], [0, 1, 1], [-1, -1, 0]])
    similarities = np.array([[0.9, 0.4, 0.4], [0.9, 0.5, 0.5], [0.5, 0.5, 0.9]], np.float32)
    assert vote(votes, similarities, 2)[0].tolist() == [0, 1, -1]


def test_voters_on_the_other_side_do_not_count() -> None:
    assert vote(np.array([[1, 0]]), np.array([[-0.2, -0.9]], np.float32), 2)[0].tolist() == [-1]


def test_confidence_falls_towards_the_limit_of_the_reach(color_set: ConceptSet) -> None:
    placed = place_vectors(color_set, encoded("red", 40))
    inside = placed.labels == 0
    assert ((placed.confidences > 0) == (placed.labels >= 0)).all()
    assert placed.confidences.max() <= 1
    affinity = encoded("red", 40)[inside] @ color_set.centroids[0]
    assert (np.diff(placed.confidences[inside][np.argsort(affinity)]) >= -1e-6).all()


def test_a_divided_vote_lowers_the_confidence(color_set: ConceptSet) -> None:
    new = encoded("red", 40)
    mixed = color_set.labels.copy()
    mixed[:12:3] = 1  # a third of the red voters says blue; centroids stay
    sure, divided = place_vectors(color_set, new), place_vectors(replace(color_set, labels=mixed), new)
    both = (sure.labels == 0) & (divided.labels == 0)
    assert both.any()
    assert (divided.confidences[both] < sure.confidences[both]).all()


def test_assign_tells_label_confidence_exemplars_and_reasons(tmp_path: Path) -> None:
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"])
    model.fit(color_images(["red"], 8) + color_images(["blue"], 6))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    new = [*color_images(["red", "blue"], 3, seed=4), tmp_path / "broken.png"]
    with pytest.warns(SkippedImagesWarning):
        found = model.assign(new)
    with pytest.warns(SkippedImagesWarning):
        labels = model.transform(new).tolist()
    assert [one.label for one in found] == labels
    for one in found:
        assert (one.confidence > 0) == (one.label >= 0)
        assert len(one.exemplars) == (3 if one.label >= 0 else 0)
        assert list(one.similarities) == sorted(one.similarities, reverse=True)
        if one.label >= 0:
            assert set(one.exemplars) <= set(model.concepts_.concepts[one.label].exemplars)
    assert found[-1].reason
    assert not any(one.reason for one in found[:-1])
    assert model.assign(new[:1], n_exemplars=0)[0].exemplars == ()
