from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from threadpoolctl import threadpool_limits

from concept_memes.centring import mean_vector, unit
from concept_memes.concepts import ConceptSet, ImageRecord
from concept_memes.projection import around, framed, project, turned


def set_of(vectors: np.ndarray, keys: Sequence[str] | None = None) -> ConceptSet:
    """A set without concepts; a picture with the key "" could not be read."""
    n, d = vectors.shape
    keys = keys or [f"{i:04d}" for i in range(n)]
    none = np.zeros((0, d), np.float32)
    images = tuple(ImageRecord(f"image-{key}", None, key) for key in keys)
    labels, centre = np.full(n, -1, np.int64), mean_vector(vectors)
    return ConceptSet(images, labels, np.zeros(n), vectors, centre, ((0, d),), none, (), (), none, "", "")


def kinds(n_kinds: int, n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return unit(np.repeat(rng.normal(size=(n_kinds, 32)), n, axis=0) + rng.normal(0, 0.5, (n_kinds * n, 32)))


def test_each_kind_lies_together() -> None:
    positions = project(set_of(kinds(8, 25)))
    assert positions.shape == (200, 2)
    assert positions.dtype == np.float32
    kind = np.repeat(np.arange(8), 25)
    apart = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    nearest = np.argsort(apart, axis=1)[:, 1:11]
    assert (kind[nearest] == kind[:, None]).mean() > 0.97


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 17, 40])
def test_any_number_of_pictures_is_placed_in_the_square(n: int) -> None:
    positions = project(set_of(unit(np.random.default_rng(n).normal(size=(n, 8)))))
    assert positions.min() >= 0
    assert positions.max() <= 1
    assert n == 1 or (pdist(positions).min() > 0.05 and np.ptp(positions[:, 0]) > 0.9)


def test_no_pictures_have_no_places() -> None:
    assert project(set_of(np.zeros((0, 4), np.float32))).shape == (0, 2)


@pytest.mark.filterwarnings("error")
def test_the_same_picture_many_times_is_a_disc_in_the_middle() -> None:
    positions = project(set_of(np.repeat(unit(np.ones((1, 8))), 300, axis=0)))
    np.testing.assert_allclose(positions.mean(axis=0), 0.5, atol=0.02)
    assert pdist(positions).min() > 1e-3
    assert positions.min() >= 0
    assert positions.max() <= 1


def test_pictures_that_could_not_be_read_have_no_place() -> None:
    vectors = kinds(3, 10)
    vectors[[4, 20]] = 0
    positions = project(set_of(vectors, ["" if i in (4, 20) else f"{i:04d}" for i in range(30)]))
    assert np.flatnonzero(np.isnan(positions).any(axis=1)).tolist() == [4, 20]


def test_a_collection_that_cannot_be_read_at_all_has_no_places() -> None:
    assert np.isnan(project(set_of(np.zeros((3, 4), np.float32), ["", "", ""]))).all()


def test_the_order_of_the_pictures_does_not_matter() -> None:
    concept_set = set_of(kinds(4, 15))
    order = np.random.default_rng(3).permutation(60)
    images = tuple(concept_set.images[i] for i in order)
    turned_round = replace(concept_set, images=images, vectors=concept_set.vectors[order])
    np.testing.assert_array_equal(project(turned_round), project(concept_set)[order])


def test_the_number_of_threads_does_not_matter() -> None:
    concept_set = set_of(kinds(4, 40))
    alone = threadpool_limits(limits=1)
    with alone:
        expected = project(concept_set)
    with threadpool_limits(limits=2):
        np.testing.assert_array_equal(project(concept_set), expected)


def test_copies_stand_close_together_and_do_not_hide_each_other() -> None:
    vectors = kinds(4, 15)
    with_copies = np.concatenate([vectors, np.repeat(vectors[:1], 4, axis=0)])
    keys = [f"{i:04d}" for i in range(60)] + ["0000"] * 4
    positions = project(set_of(with_copies, keys))
    copies = positions[[0, 60, 61, 62, 63]]
    assert pdist(copies).min() > 1e-4
    assert pdist(copies).max() < 0.01
    once = replace(set_of(vectors), centre=mean_vector(with_copies))
    np.testing.assert_allclose(project(once), positions[:60], atol=0.01)


def test_copies_of_one_picture_of_many_take_up_little_room() -> None:
    places = around(np.array([[0.5, 0.5], [0.9, 0.9]]), np.array([0] * 5000 + [1]))
    assert np.linalg.norm(places[:5000] - 0.5, axis=1).max() < 0.05


def test_what_lies_far_out_does_not_make_the_others_small() -> None:
    points = np.random.default_rng(0).normal(size=(1000, 2))
    points[0] = 1e4
    framed_points = framed(points)
    assert np.ptp(framed_points[1:], axis=0).min() > 0.6
    assert framed_points.min() >= 0
    assert framed_points.max() <= 1
    order = np.argsort(points[:, 0])
    assert (np.diff(framed_points[order, 0]) >= 0).all()


def test_the_longer_side_lies_across() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 2)) * [1, 5] @ np.array([[0.8, 0.6], [-0.6, 0.8]])
    spread = turned(points).std(axis=0)
    assert spread[0] > 4 * spread[1]
    np.testing.assert_allclose(pdist(turned(points)), pdist(points))
