from __future__ import annotations

import numpy as np

from concept_memes.centring import unit
from concept_memes.encoders.class_activation import cosine_slopes, mean_slopes, weighted_maps

RNG = np.random.default_rng(0)
CLASSES = unit(RNG.normal(size=(30, 12)))
TEXT = unit(RNG.normal(size=12))
TEMPERATURE = 2.0


def cosine(scores: np.ndarray, used: np.ndarray) -> float:
    shares = np.exp(scores / TEMPERATURE)
    mean = (shares / shares.sum() * used) @ CLASSES.astype(np.float64)
    return float(mean @ TEXT / np.linalg.norm(mean))


def test_slopes_are_those_of_the_cosine_measured_by_small_steps() -> None:
    scores, used = RNG.normal(0, 3, 30), RNG.random(30) < 0.6
    shares = np.exp(scores / TEMPERATURE)
    slopes = cosine_slopes(shares / shares.sum(), used, CLASSES, TEXT, TEMPERATURE)
    steps = 1e-5 * np.eye(30)
    measured = [(cosine(scores + step, used) - cosine(scores - step, used)) / 2e-5 for step in steps]
    np.testing.assert_allclose(slopes, measured, atol=1e-8)


def test_the_mean_of_a_map_is_what_the_cosine_gains() -> None:
    maps = RNG.random((5, 7, 7)).astype(np.float32)
    classifier, slopes = RNG.normal(size=(30, 5)).astype(np.float32), RNG.normal(size=30)
    expected = slopes @ (classifier @ maps.mean(axis=(1, 2)))
    np.testing.assert_allclose(weighted_maps(maps, classifier, slopes).mean(), expected, rtol=1e-4)


def test_along_a_way_the_slopes_add_up_to_what_the_cosine_gains_though_it_is_flat_at_the_end() -> None:
    seen, all_used = np.zeros(30), np.ones(30, bool)
    seen[int(np.argmax(CLASSES @ TEXT))] = 60.0  # one class, and no doubt

    def shares(scores: np.ndarray) -> np.ndarray:
        exponents = np.exp(scores / TEMPERATURE)
        return np.asarray(exponents / exponents.sum())

    way = (np.arange(256) + 0.5) / 256
    along = mean_slopes(((shares(part * seen), all_used) for part in way), CLASSES, TEXT, TEMPERATURE)
    gained = cosine(seen, all_used) - cosine(np.zeros(30), all_used)
    assert gained > 0.2
    np.testing.assert_allclose(along @ seen, gained, rtol=1e-3)
    assert abs(cosine_slopes(shares(seen), all_used, CLASSES, TEXT, TEMPERATURE) @ seen) < 1e-6
