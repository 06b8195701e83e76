"""A graph of neighbours laid out in the plane by t-SNE: neighbours pull, everybody pushes.

Nothing is random and nothing is compiled: all pictures move at once, from a start that is given, and the pushes of all
on all are a convolution on a grid. So the layout is the same on every run and for every number of threads.

References
----------
van der Maaten, Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008. Linderman, Rachh, Hoskins, Steinerberger, Kluger,
"Fast interpolation-based t-SNE for improved visualization of single-cell RNA-seq data", arXiv 1712.09005. Belkina et
al., "Automated optimized parameters for t-distributed stochastic neighbor embedding", Nature Communications 10, 2019
(the learning rate).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["tsne_layout"]

Points = npt.NDArray[np.float64]

# First neighbours find each other, pulled so many times as much, then groups spread. With 200 steps instead of 300
# trustworthiness is the same within 0.002; with 50 first steps groups of a mixture of 60 kinds lie in two places.
N_EARLY = 100
N_LATE = 300
EARLY_PULL = 12.0
START_SPREAD = 1e-4
EARLY_MOMENTUM, LATE_MOMENTUM = 0.5, 0.8
# As sklearn's: fewer steps of few pictures would come to nothing.
LEAST_RATE = 50.0
# What few neighbours hold would fly off the map, and the grid would have to follow it.
LONGEST_STEP = 5.0
# The pushes fall off over a length of 1. On a grid of half of it they are right to 5 % of the largest push;
# on a third of it, which takes twice the time, to 2 %.
SPACING = 0.5
LEAST_CELLS, MOST_CELLS = 32, 600
# Up to here all pairs are looked at.
FEW = 400
# Cells to the left of a point, and to its right, that a cubic goes through.
REACH = (-1, 0, 1, 2)


def tsne_layout(graph: Any, start: npt.NDArray[np.floating]) -> Points:  # noqa: ANN401 (scipy has no types)
    """Lay out a graph.

    Parameters
    ----------
    graph : scipy.sparse.csr_array of shape (n, n)
        Symmetric weights of neighbours; what :func:`concept_memes.neighbor_graph.fuzzy_graph` gives.
    start : ndarray of shape (n, 2)
        Where the points are at first; only its shape counts, not its size.

    Returns
    -------
    ndarray of shape (n, 2), float64
        Centred on the origin; a group of 50 is about ten across.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> pairs = csr_array(np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0.0]]))
    >>> y = tsne_layout(pairs, np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]))
    >>> bool(np.linalg.norm(y[0] - y[1]) < 0.5 * np.linalg.norm(y[0] - y[2]))
    True
    """
    from scipy.sparse import csr_array

    n = graph.shape[0]
    spread = float(np.std(start))
    y = np.asarray(start, np.float64) * (START_SPREAD / spread if spread > 0 else 0.0)
    weights = np.asarray(graph.data, np.float64) / max(float(graph.data.sum()), 1e-12)
    rows = np.repeat(np.arange(n), np.diff(graph.indptr))
    speed, gains = np.zeros_like(y), np.ones_like(y)
    for step in range(N_EARLY + N_LATE):
        pull, momentum = (EARLY_PULL, EARLY_MOMENTUM) if step < N_EARLY else (1.0, LATE_MOMENTUM)
        apart = y[rows] - y[graph.indices]
        pulls = weights / (1 + np.einsum("ij,ij->i", apart, apart))
        pulled = y * np.bincount(rows, pulls, n)[:, None] - csr_array((pulls, graph.indices, graph.indptr), (n, n)) @ y
        gradient = 4 * (pull * pulled - (pushes_of_few(y) if n <= FEW else pushes(y)))
        # Steps grow along a way that goes on and shrink where it turns (Jacobs' delta-bar-delta).
        turned = np.sign(gradient) == np.sign(speed)
        gains = np.maximum(np.where(turned, gains * 0.8, gains + 0.2), 0.01)
        speed = momentum * speed - max(n / (4 * pull), LEAST_RATE) * gains * gradient
        lengths = np.sqrt(np.einsum("ij,ij->i", speed, speed))[:, None]
        speed *= LONGEST_STEP / np.maximum(lengths, LONGEST_STEP)
        y = y + speed
        y -= y.mean(axis=0)
    return y


def pushes(y: Points) -> Points:
    """Sum what all points push each one, divided by the sum of all similarities.

    Parameters
    ----------
    y : ndarray of shape (n, 2), float64

    Returns
    -------
    ndarray of shape (n, 2), float64
        ``sum_j q_ij^2 (y_i - y_j) / sum_kl q_kl`` with ``q_ij = 1 / (1 + |y_i - y_j|^2)`` and k != l.
    """
    from scipy import fft
    from scipy.sparse import csr_array

    n = len(y)
    low, span = y.min(axis=0), float(np.ptp(y, axis=0).max())
    spacing = max(min(SPACING, max(span, 1e-9) / LEAST_CELLS), span / MOST_CELLS)
    side = int(np.ceil(span / spacing)) + len(REACH)
    padded = fft.next_fast_len(2 * side, real=True)
    places = (y - low) / spacing + 1
    cells = np.floor(places).astype(np.int64)
    by_row, by_column = (cubic(places[:, axis] - cells[:, axis]) for axis in (0, 1))
    shares = (by_row[:, :, None] * by_column[:, None, :]).reshape(n, -1)
    around = cells[:, :, None] + np.array(REACH)
    nodes = (around[:, 0, :, None] * side + around[:, 1, None, :]).reshape(n, -1)
    ends = np.arange(0, shares.size + 1, shares.shape[1])
    on_grid = csr_array((shares.ravel(), nodes.ravel(), ends), shape=(n, side * side))
    charges = (on_grid.T @ np.column_stack([np.ones(n), y])).T.reshape(3, side, side)
    offsets = np.minimum(np.arange(padded), padded - np.arange(padded)) * spacing
    near = 1 / (1 + offsets[:, None] ** 2 + offsets**2)
    seen = fft.rfft2(charges, s=(padded, padded))
    squared = fft.irfft2(seen * fft.rfft2(near**2), s=(padded, padded))[:, :side, :side].reshape(3, -1).T
    plain = fft.irfft2(seen[0] * fft.rfft2(near), s=(padded, padded))[:side, :side].ravel()
    # What a point is to itself, as the grid sees it: 1 but for the error of the interpolation.
    steps = np.abs(np.subtract.outer(REACH, REACH))
    between = near[np.repeat(np.repeat(steps, 4, 0), 4, 1), np.tile(steps, (4, 4))]
    itself = float(((shares @ between) * shares).sum())
    total = float((on_grid @ plain).sum()) - itself
    felt = on_grid @ squared
    return np.asarray((y * felt[:, :1] - felt[:, 1:]) / max(total, 1e-12), np.float64)


def pushes_of_few(y: Points) -> Points:
    """Sum the same pair by pair: exact, and faster for few points, however far apart they are."""
    across, down = (y[:, None, axis] - y[None, :, axis] for axis in (0, 1))
    near = 1 / (1 + across**2 + down**2)
    total = float(near.sum()) - len(y)
    near *= near
    sums = np.column_stack([np.einsum("ij,ij->i", near, across), np.einsum("ij,ij->i", near, down)])
    return np.asarray(sums / max(total, 1e-12), np.float64)


def cubic(past: npt.NDArray[np.float64]) -> Points:
    """Weigh the four nodes around places by Lagrange's cubic; `past` in [0, 1) is how far each is past the second."""
    f = past
    return np.stack(
        [
            -f * (f - 1) * (f - 2) / 6,
            (f + 1) * (f - 1) * (f - 2) / 2,
            -(f + 1) * f * (f - 2) / 2,
            (f + 1) * f * (f - 1) / 6,
        ],
        axis=1,
    )
