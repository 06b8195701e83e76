"""Words that steer: they draw together what fits them, and leave the rest alone."""

from __future__ import annotations

import numpy as np

from concept_memes.centring import unit
from concept_memes.clustering import ClusterSettings, cluster_vectors
from concept_memes.guiding import gather, standard_fits, steer
from concept_memes.model import ConceptModel
from concept_memes.testing import ColorEncoder, color_images


def test_fits_are_standard_scores_of_each_word() -> None:
    x = unit(np.random.default_rng(0).normal(size=(50, 6)))
    fits = standard_fits(x, unit(np.random.default_rng(1).normal(size=(3, 6))))
    np.testing.assert_allclose(fits.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(fits.std(axis=0), 1)


def test_a_word_that_is_equally_near_to_all_fits_none() -> None:
    assert not standard_fits(np.repeat(np.eye(3, dtype=np.float32)[:1], 5, axis=0), np.eye(3, dtype=np.float32)).any()


def test_pictures_of_one_word_come_nearer_and_others_stay() -> None:
    places = np.eye(4)
    fits = np.array([[3.0, -1], [3.0, -1], [-1, -1], [-1, -1]])
    steered = steer(places, None, fits)
    cosines = steered @ steered.T
    assert cosines[0, 1] > 0.4
    assert cosines[2, 3] < 0.05
    np.testing.assert_allclose(np.linalg.norm(steered, axis=1), 1)


def test_concepts_that_fit_the_same_word_become_one() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2, 3, 3, -1])
    fits = np.array([[0.2, 0.1], [0.1, 0.2]] + [[2.0, 0]] * 2 + [[0, 1.7]] * 2 + [[1.6, 0.3]] * 2 + [[3.0, 0]])
    gathered, words = gather(labels, fits)
    assert gathered.tolist() == [0, 0, 1, 1, 2, 2, 1, 1, -1]
    assert words == {1: 0, 2: 1}


def test_a_word_that_fits_more_than_half_of_the_collection_is_there() -> None:
    labels = np.repeat([0, 1, 2, 3], 10)
    fits = np.concatenate([np.full(30, 0.6), np.full(10, -1.7)]) + np.tile([-0.1, 0.1], 20)
    assert gather(labels, fits[:, None])[0].tolist() == [0] * 30 + [1] * 10


def test_a_word_that_fits_nothing_gathers_nothing() -> None:
    labels = np.repeat(np.arange(10), 20)
    noise = np.random.default_rng(0).normal(size=(200, 3))
    gathered, words = gather(labels, noise)
    np.testing.assert_array_equal(gathered, labels)
    assert words == {}


def three_kinds() -> tuple[np.ndarray, list[str], np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 60)
    x = unit(np.eye(8)[truth] + 0.08 * rng.normal(size=(180, 8)))
    return x, [f"{i:03}" for i in rng.permutation(180)], truth


def test_new_concepts_form_where_no_word_fits() -> None:
    x, keys, truth = three_kinds()
    fits = standard_fits(x, unit(np.array([[1.0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]])))
    found = cluster_vectors(x, keys, guide=fits)
    assert len(set(found.labels[truth == 2].tolist())) == 1
    assert set(found.labels[truth == 2].tolist()).isdisjoint(found.labels[truth < 2].tolist())
    assert set(found.guided.values()) == {0}
    assert len(set(found.labels[truth < 2].tolist())) == 1


def test_the_order_of_the_rows_does_not_show_under_a_guide() -> None:
    x, keys, _ = three_kinds()
    fits = standard_fits(x, np.eye(8, dtype=np.float32)[:2])
    order = np.random.default_rng(1).permutation(180)
    found = cluster_vectors(x, keys, guide=fits)
    again = cluster_vectors(x[order], [keys[i] for i in order], guide=fits[order])
    np.testing.assert_array_equal(again.labels, found.labels[order])
    assert again.guided == found.guided


def test_a_number_of_concepts_is_kept_under_a_guide() -> None:
    x, keys, _ = three_kinds()
    fits = standard_fits(x, np.eye(8, dtype=np.float32)[:2])
    assert cluster_vectors(x, keys, ClusterSettings(n_concepts=2), guide=fits).labels.max() == 1
    assert cluster_vectors(x, keys, ClusterSettings(n_concepts=7), guide=fits).labels.max() == 6


def test_concepts_are_called_by_the_word_that_they_are() -> None:
    model = ConceptModel(
        embedding_model=ColorEncoder(), vocabulary=["red", "blue", "lime"], guide=["red"], verbose=False
    )
    model.fit(color_images(["red"], 9) + color_images(["blue"], 7) + color_images(["lime"], 6))
    assert [concept.name for concept in model.concepts_.concepts] == ["red", "", ""]
    assert model.concepts_.concepts[0].words  # words stay


def test_where_there_is_no_concept_a_guide_has_nothing_to_gather() -> None:
    model = ConceptModel(
        embedding_model=ColorEncoder(), vocabulary=["red"], guide=["red"], min_concept_size=15, verbose=False
    )
    model.fit(color_images(["red"], 9) + color_images(["blue"], 7))
    assert not len(model.concepts_)
