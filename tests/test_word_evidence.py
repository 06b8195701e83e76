from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score
from test_labels import kinds, members

from concept_memes import word_evidence
from concept_memes.word_evidence import average_precision, nearness, sample_pictures, word_scores


def test_average_precision_is_that_of_scikit_learn_beyond_chance() -> None:
    rng = np.random.default_rng(0)
    member = rng.random(50) < 0.3
    similarities = rng.normal(size=(50, 4)) + member[:, None]
    found = average_precision(member, np.ones(50), np.argsort(-similarities, axis=0, kind="stable"))
    chance = member.mean()
    for column, value in zip(similarities.T, found, strict=True):
        expected = (average_precision_score(member, column) - chance) / (1 - chance)
        assert value == pytest.approx(max(expected, 0))


def test_a_group_of_everything_or_nothing_proves_nothing() -> None:
    order = np.arange(4)[:, None]
    assert average_precision(np.ones(4, bool), np.ones(4), order) == [0.5]
    assert average_precision(np.zeros(4, bool), np.ones(4), order) == [0.0]


def test_weights_stand_for_copies() -> None:
    member = np.array([True, False, True])
    once = average_precision(np.array([True, False, False, True]), np.ones(4), np.arange(4)[:, None])
    weighed = average_precision(member, np.array([1.0, 2.0, 1.0]), np.arange(3)[:, None])
    np.testing.assert_allclose(weighed, once)


def test_nearness_has_neither_offset_nor_unit() -> None:
    rng = np.random.default_rng(0)
    aims, words = rng.normal(size=(3, 8)).astype(np.float32), rng.normal(size=(20, 8)).astype(np.float32)
    near = nearness(aims, words)
    assert near.max(axis=1) == pytest.approx([1, 1, 1])
    shifted = np.hstack([words * 0.1, np.full((20, 1), 0.7, np.float32)])
    np.testing.assert_allclose(nearness(np.hstack([aims, np.ones((3, 1), np.float32)]), shifted), near, atol=1e-5)


def test_equally_near_words_are_all_nearest() -> None:
    assert nearness(np.eye(2, dtype=np.float32)[:1], np.ones((3, 2), np.float32)).tolist() == [[1, 1, 1]]


def test_only_the_nearest_words_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, vectors = kinds(), np.eye(16, dtype=np.float32)[:4]
    monkeypatch.setattr(word_evidence, "N_TRIED", 1)
    scores = word_scores(fitted, members(fitted), fitted.centroids, vectors)
    assert (np.count_nonzero(scores, axis=1) == 1).all()


def test_large_collections_are_sampled_evenly_from_every_concept_and_group(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = kinds(n=40)
    half = np.flatnonzero(fitted.labels == 0)[:20]
    rows, weights = sample_pictures(fitted, [half])
    assert len(rows) == 160
    assert weights.tolist() == [1] * 160
    exact = word_scores(fitted, members(fitted), fitted.centroids, np.eye(16, dtype=np.float32)[:6])
    monkeypatch.setattr(word_evidence, "N_ALL", 100)
    monkeypatch.setattr(word_evidence, "N_PER_PART", 10)
    rows, weights = sample_pictures(fitted, [half])
    assert len(rows) == 50
    assert weights.sum() == pytest.approx(160)
    assert np.isin(rows, half).sum() == 10
    sampled = word_scores(fitted, members(fitted), fitted.centroids, np.eye(16, dtype=np.float32)[:6])
    np.testing.assert_allclose(sampled, exact, atol=0.1)


def test_unreadable_pictures_are_left_out() -> None:
    from dataclasses import replace

    fitted = kinds()
    gone = replace(fitted, images=(replace(fitted.images[0], content_hash=""), *fitted.images[1:]))
    assert 0 not in sample_pictures(gone, [])[0]
