from __future__ import annotations

import numpy as np

from concept_memes.centring import unit
from concept_memes.encoders.class_activation import cosine_slopes, weighted_maps

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
