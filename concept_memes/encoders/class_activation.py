"""Which places of a picture carry a text, for the hub-free network: class-activation maps through ConSE.

The class scores are linear in the means of the last maps, and from there to the cosine with a text all is smooth. So
the derivative of the cosine by the mean of each map is known in closed form, and the maps weighted by it are the
class-activation map of the text. It is averaged along the way from empty maps to the maps as they are: where the
network is sure of a class, the derivative at the end is next to nothing, and falls on odd places.

References
----------
Zhou et al., "Learning Deep Features for Discriminative Localization", arXiv 1512.04150. Selvaraju et al., "Grad-CAM:
Visual Explanations from Deep Networks via Gradient-based Localization", arXiv 1610.02391. Sundararajan et al.,
"Axiomatic Attribution for Deep Networks", arXiv 1703.01365.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from concept_memes.protocols import FloatArray

__all__ = ["cosine_slopes", "mean_slopes", "weighted_maps"]


def cosine_slopes(
    probabilities: npt.NDArray[np.floating],
    used: npt.NDArray[np.bool_],
    class_vectors: FloatArray,
    text: FloatArray,
    temperature: float,
) -> npt.NDArray[np.float64]:
    """Derive the cosine of ConSE's mean and a text by the class scores.

    Parameters
    ----------
    probabilities : ndarray of shape (n_classes,)
        Softmax of the scores divided by the temperature.
    used : ndarray of shape (n_classes,), bool
        Classes that take part in the mean.
    class_vectors : ndarray of shape (n_classes, d), float32, unit norm
    text : ndarray of shape (d,), float32, unit norm
    temperature : float

    Returns
    -------
    ndarray of shape (n_classes,), float64
        How the cosine changes with each score; they sum to 0.

    Examples
    --------
    >>> slopes = cosine_slopes(np.array([0.5, 0.5]), np.array([True, True]), np.eye(2), np.array([1.0, 0.0]), 1.0)
    >>> slopes.round(3).tolist()
    [0.354, -0.354]
    """
    shares = np.where(used, probabilities, 0.0).astype(np.float64)
    mean = shares @ class_vectors
    length = max(float(np.linalg.norm(mean)), 1e-12)
    towards = (text - (mean @ text) / length**2 * mean) / length
    by_share = np.where(used, class_vectors @ towards, 0.0)
    return np.asarray(probabilities * (by_share - shares @ by_share) / temperature, np.float64)


def mean_slopes(
    likely: Iterable[tuple[npt.NDArray[np.floating], npt.NDArray[np.bool_]]],
    class_vectors: FloatArray,
    text: FloatArray,
    temperature: float,
) -> npt.NDArray[np.float64]:
    """Average the slopes of a cosine along a way.

    Parameters
    ----------
    likely : iterable of (probabilities, used)
        At each place of the way, as for `cosine_slopes`.
    class_vectors, text, temperature
        As for `cosine_slopes`.

    Returns
    -------
    ndarray of shape (n_classes,), float64
        Times what the scores gain along the way, they sum to what the cosine gains, where all classes take part.

    Examples
    --------
    >>> everywhere = [(np.array([0.5, 0.5]), np.array([True, True]))] * 2
    >>> mean_slopes(everywhere, np.eye(2), np.array([1.0, 0.0]), 1.0).round(3).tolist()
    [0.354, -0.354]
    """
    slopes = [cosine_slopes(shares, used, class_vectors, text, temperature) for shares, used in likely]
    return np.asarray(np.mean(slopes, axis=0), np.float64)


def weighted_maps(maps: FloatArray, classifier: FloatArray, slopes: npt.NDArray[np.floating]) -> FloatArray:
    """Weigh the last maps by what a text's cosine gains from each.

    Parameters
    ----------
    maps : ndarray of shape (n_channels, h, w), float32
        What the classifier sees the mean of.
    classifier : ndarray of shape (n_classes, n_channels), float32
    slopes : ndarray of shape (n_classes,)
        What `cosine_slopes` gives.

    Returns
    -------
    ndarray of shape (h, w), float32
        Positive where the picture speaks for the text, negative where it speaks against it.

    Examples
    --------
    >>> maps = np.array([[[1, 0]], [[0, 1]]], np.float32)
    >>> weighted_maps(maps, np.eye(2, dtype=np.float32), np.array([0.5, -0.5])).tolist()
    [[0.5, -0.5]]
    """
    return np.asarray(np.einsum("k,khw->hw", slopes @ classifier, maps), np.float32)
