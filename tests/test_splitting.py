"""Concepts in parts, and clusterings brought to a number of concepts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from concept_memes import splitting
from concept_memes.centring import centre_vectors, mean_vector, unit
from concept_memes.errors import InvalidParameterError
from concept_memes.splitting import different_rows, split_group, to_number


def mixture(
    n_kinds: int, n_each: int, *, spread: float = 0.15, d: int = 32, seed: int = 0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Make kinds of pictures around random middles, centred."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(n_kinds), n_each)
    vectors = unit(unit(rng.normal(size=(n_kinds, d)))[truth] + rng.normal(0, spread, (len(truth), d)))
    return centre_vectors(vectors, mean_vector(vectors), [(0, d)]), truth


@pytest.mark.parametrize("n_kinds", [2, 5, 12])
def test_one_heap_is_parted_into_its_kinds(n_kinds: int) -> None:
    vectors, truth = mixture(n_kinds, 30)
    parted = to_number(vectors, np.zeros(len(vectors), np.int64), n_kinds)
    assert adjusted_rand_score(truth, parted) >= 0.97


def test_kinds_that_share_a_concept_are_parted_and_the_others_left_alone() -> None:
    vectors, truth = mixture(6, 30)
    coarse = np.where(truth == 5, 2, truth)
    parted = to_number(vectors, coarse, 6)
    np.testing.assert_array_equal(parted[~np.isin(truth, [2, 5])], truth[~np.isin(truth, [2, 5])])
    assert adjusted_rand_score(truth, parted) >= 0.99
    assert set(parted[np.isin(truth, [2, 5])]) == {2, 5}


def test_parts_of_one_kind_are_joined_first_and_get_the_lowest_number() -> None:
    vectors, truth = mixture(4, 30)
    fine = np.where(truth == 1, np.where(np.arange(120) % 2, 1, 4), truth)
    np.testing.assert_array_equal(to_number(vectors, fine, 4), truth)
    fine = np.where(truth == 3, np.where(np.arange(120) % 2, 0, 4), np.where(truth == 0, 3, truth))
    joined = to_number(vectors, fine, 4)
    assert set(joined[truth == 3]) == {0}
    assert set(joined[truth == 0]) == {3}


@given(
    st.lists(st.integers(-1, 4), min_size=1, max_size=40),
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(0, 1000),
)
def test_the_number_is_exact_whatever_there_is(given_labels: list[int], n: int, n_different: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng.normal(size=(n_different, 3)))[np.arange(len(given_labels)) % n_different]
    _, labels = np.unique(np.array([-1, *given_labels], np.int64), return_inverse=True)
    labels = labels[1:] - 1
    if n <= len(different_rows(vectors)[0]):
        found = to_number(vectors, labels, n)
        assert sorted(set(found[found >= 0])) == list(range(n))
    elif n > len(given_labels):
        with pytest.raises(InvalidParameterError, match=f"n_concepts={n}: .* the number of different pictures"):
            to_number(vectors, labels, n)


@pytest.mark.parametrize("n", [0, -3])
def test_less_than_one_concept_is_refused(n: int) -> None:
    with pytest.raises(InvalidParameterError, match="n_concepts"):
        to_number(*mixture(2, 4), n)


def test_the_labels_that_are_given_stay_as_they_are() -> None:
    vectors, truth = mixture(3, 10)
    before = truth.copy()
    to_number(vectors, truth, 6)
    np.testing.assert_array_equal(truth, before)


def test_pictures_in_no_concept_stay_out_until_they_are_needed() -> None:
    vectors, truth = mixture(3, 10)
    labels = np.where(truth == 2, -1, truth)
    assert (to_number(vectors, labels, 8)[truth == 2] == -1).all()
    assert (to_number(vectors, labels, 21)[truth == 2] >= 0).all()
    assert to_number(vectors, np.full(30, -1), 2).min() == 0


def test_a_part_is_no_single_picture_while_a_concept_can_be_parted_otherwise() -> None:
    vectors, _ = mixture(1, 40, spread=0.05)
    vectors = np.concatenate([vectors, -vectors[:1]])  # a stray one, far from all others
    assert np.bincount(split_group(vectors, 2)).min() >= 2
    assert np.bincount(to_number(vectors, np.zeros(41, np.int64), 6, min_size=3)).min() >= 3


def test_a_stray_picture_takes_another_along() -> None:
    vectors = unit(np.array([[1, 0, 0], [1, 0.01, 0], [1, 0, 0.02], [-1, 0, 0]]))
    assert np.bincount(split_group(vectors, 2)).tolist() == [2, 2]
    assert np.bincount(split_group(vectors[1:], 2)).tolist() == [2, 1]  # three cannot do better


def test_a_concept_with_room_for_two_parts_is_parted_before_one_that_gains_more() -> None:
    wide = np.eye(3, 8, dtype=np.float32)
    close = unit(np.eye(8)[7] + np.random.default_rng(0).normal(0, 0.01, (6, 8)))
    labels = np.repeat([0, 1], [3, 6])
    parted = to_number(np.concatenate([wide, close]), labels, 3)
    assert parted[:3].tolist() == [0, 0, 0]
    assert set(parted[3:]) == {1, 2}


def test_copies_stay_together() -> None:
    vectors, truth = mixture(2, 6)
    twice = np.concatenate([vectors, vectors])
    for n in (2, 5, 12):
        parts = split_group(twice, n)
        np.testing.assert_array_equal(parts[:12], parts[12:])
    with pytest.raises(InvalidParameterError, match="from 1 to 12"):
        split_group(twice, 13)


def test_zeros_of_either_sign_are_one_picture() -> None:
    vectors = np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0]], np.float32)
    assert len(different_rows(vectors)[0]) == 2


def test_the_order_of_the_rows_does_not_show() -> None:
    vectors, truth = mixture(8, 25, spread=0.3)
    order = np.random.default_rng(1).permutation(len(vectors))
    plain = to_number(vectors, truth // 2, 13)
    np.testing.assert_array_equal(to_number(vectors[order], truth[order] // 2, 13), plain[order])


def test_parts_are_numbered_from_the_largest() -> None:
    vectors, truth = mixture(4, 30)
    rows = np.concatenate([np.flatnonzero(truth == kind)[:n] for kind, n in enumerate((5, 30, 11, 20))])
    parts = split_group(vectors[rows], 4)
    assert np.bincount(parts).tolist() == [30, 20, 11, 5]


def test_many_pictures_are_parted_by_a_sample_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, truth = mixture(3, 400)
    looked_at = []
    means = splitting.neighbor_means
    monkeypatch.setattr(splitting, "SAMPLE", 200)
    monkeypatch.setattr(splitting, "neighbor_means", lambda rows: looked_at.append(len(rows)) or means(rows))
    parted = to_number(vectors, np.zeros(1200, np.int64), 3)
    assert adjusted_rand_score(truth, parted) >= 0.97
    assert max(looked_at) <= 200
