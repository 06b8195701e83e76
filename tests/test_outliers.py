"""Outliers on a leash: the fringe joins, strangers stay out, and what was found before is not lost."""

from __future__ import annotations

import numpy as np
import pytest

from concept_memes.centring import unit
from concept_memes.errors import InvalidParameterError
from concept_memes.outliers import check_outliers, settle


def scene(*, n_fringe: int = 8, n_strangers: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two kinds of 30, the last `n_fringe` of each just outside the dense part, and strangers."""
    rng = np.random.default_rng(0)
    middles = np.eye(12)[[0, 1]]
    kinds = np.concatenate([unit(middle + 0.15 * rng.normal(size=(30, 12))) for middle in middles])
    strangers = unit(np.eye(12)[5:6] + 0.1 * rng.normal(size=(n_strangers, 12)))
    raw = np.repeat([0, 1, -1], [30, 30, n_strangers])
    for kind in (0, 1):
        raw[30 * (kind + 1) - n_fringe : 30 * (kind + 1)] = -1
    return np.concatenate([kinds, strangers]).astype(np.float32), raw, np.repeat([0, 1, -1], [30, 30, n_strangers])


def settled(x: np.ndarray, raw: np.ndarray, outliers: str | float, **more: int) -> np.ndarray:
    labels, probabilities = settle(raw, np.where(raw >= 0, 0.7, 0.0), x, x, outliers, **more)
    np.testing.assert_array_equal(probabilities > 0, labels >= 0)
    assert probabilities.max() <= 1
    return labels


def test_the_fringe_joins_and_strangers_stay_out() -> None:
    x, raw, truth = scene()
    np.testing.assert_array_equal(settled(x, raw, "auto"), truth)


def test_kept_means_kept() -> None:
    x, raw, _ = scene()
    np.testing.assert_array_equal(settled(x, raw, "keep"), raw)


def test_assigned_means_every_picture() -> None:
    x, raw, truth = scene()
    labels = settled(x, raw, "assign")
    assert labels.min() == 0
    np.testing.assert_array_equal(labels[:60], truth[:60])


@pytest.mark.parametrize(("share", "n_out"), [(0.0, 0), (0.02, 1), (0.04, 2), (0.5, 4)])
def test_a_share_is_the_most_that_stays_out(share: float, n_out: int) -> None:
    x, raw, truth = scene()
    labels = settled(x, raw, share)
    assert (labels < 0).sum() == n_out  # and never more than the strangers
    assert set(np.flatnonzero(labels < 0)) <= set(np.flatnonzero(truth < 0))


def test_members_of_dense_groups_never_become_outliers() -> None:
    x, raw, _ = scene()
    x[0] = -x[0]  # far from everything, but the clustering says that it belongs
    assert settled(x, raw, "auto")[0] >= 0


def test_where_most_is_noise_it_stays_noise() -> None:
    x, raw, _ = scene(n_fringe=20)
    np.testing.assert_array_equal(settled(x, raw, "auto"), raw)
    assert (settled(x, raw, 0.5) >= 0).sum() > (raw >= 0).sum()  # but a share is a promise


def test_a_concept_that_is_left_with_too_few_is_given_up() -> None:
    x, raw, _ = scene()
    raw[:2] = 2  # two pictures of the first kind as a concept of their own
    assert settled(x, raw, "assign", min_size=2).max() <= 2
    assert settled(x, raw, "assign", min_size=29).max() == 1


@pytest.mark.parametrize("min_size", [1, 7, 13])
def test_it_comes_to_an_end_where_all_concepts_are_too_small(min_size: int) -> None:
    x = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    raw = np.repeat([0, 1, 2], 4)
    labels, _ = settle(raw, np.ones(12), x, x, "assign", min_size)
    sizes = np.bincount(labels)
    assert sizes.sum() == 12
    assert sizes.min() >= min_size or len(sizes) == 1


def test_strengths_stay_and_the_fringe_has_less_than_the_core() -> None:
    x, raw, _ = scene()
    strengths = np.where(raw >= 0, 0.7, 0.0)
    labels, probabilities = settle(raw, strengths, x, x, "auto")
    np.testing.assert_array_equal(probabilities[raw >= 0], 0.7)
    joined = (raw < 0) & (labels >= 0)
    assert (probabilities[joined] > 0.3).all()


def test_without_any_concept_nothing_happens() -> None:
    x, raw, _ = scene()
    assert (settled(x, np.full_like(raw, -1), "assign") == -1).all()


@pytest.mark.parametrize("outliers", ["auto", "keep", "assign", 0, 0.05, 1, np.float32(0.5)])
def test_what_can_be_asked_for(outliers: object) -> None:
    check_outliers(outliers)


@pytest.mark.parametrize("outliers", ["drop", 5, -0.1, True, None, float("nan"), ["keep"]])
def test_what_cannot_be_asked_for(outliers: object) -> None:
    with pytest.raises(InvalidParameterError, match='"auto", "keep", "assign" or a share from 0 to 1'):
        check_outliers(outliers)
