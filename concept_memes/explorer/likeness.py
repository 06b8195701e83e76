"""The pictures that are most like each picture of a collection."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from concept_memes.neighbors import nearest_neighbors
from concept_memes.protocols import FloatArray, IntArray
from concept_memes.queries import COPY, NEIGHBOUR_WEIGHT

__all__ = ["N_LIKE", "NOTHING", "like_pictures"]

N_LIKE = 12
NOTHING = 0xFFFFFFFF
# How many times as many candidates are ranked again.
CANDIDATES = 3
# Above this neighbours are looked for in cells, as clustering does.
EXACT_UP_TO = 50_000
ROWS = 1024


def like_pictures(vectors: FloatArray, k: int = N_LIKE) -> npt.NDArray[np.uint32]:
    """Find the pictures that are most like each picture.

    They are ranked by the picture and, at half the weight, its nearest neighbour, as a search by picture is. Of twelve
    pictures so found 0.958 are of the same class on photos, 0.725 on clothes and 0.625 on memes; ranked by the picture
    alone 0.946, 0.715 and 0.619, and by vectors that are not centred 0.943, 0.698 and 0.618.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32, unit norm
        Centred on the collection.
    k : int, default=12
        How many.

    Returns
    -------
    ndarray of shape (n, k), uint32
        Rows, the likest first, without the picture itself; copies of it come first. 0xFFFFFFFF where there are fewer.

    Examples
    --------
    >>> like_pictures(np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32), 2).tolist()
    [[1, 2], [0, 2], [1, 0]]
    """
    n = len(vectors)
    like = np.full((n, k), NOTHING, np.uint32)
    n_candidates = min(n - 1, CANDIDATES * k)
    if n_candidates < 1:
        return like
    found, cosines = nearest_neighbors(vectors, vectors, n_candidates + 1, exact=n <= EXACT_UP_TO)
    for start in range(0, n, ROWS):
        part = slice(start, start + ROWS)
        others = _without_itself(found[part], np.arange(start, min(start + ROWS, n)))
        near = np.take_along_axis(cosines[part], others, axis=1).astype(np.float64)
        rows = np.take_along_axis(found[part], others, axis=1)
        order = np.argsort(-_expanded(vectors, rows, near), axis=1, kind="stable")[:, :k]
        like[part, : order.shape[1]] = np.take_along_axis(rows, order, axis=1)
    return like


def _without_itself(found: IntArray, rows: IntArray) -> IntArray:
    """Return the places of all neighbours but the picture itself, or the last where copies have pushed it out."""
    itself = found == rows[:, None]
    itself[~itself.any(axis=1), -1] = True
    return np.nonzero(~itself)[1].reshape(len(rows), -1)


def _expanded(vectors: FloatArray, rows: IntArray, near: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Score candidates by the picture and the nearest one that is no copy of it.

    A copy scores 1 + s / 2, where s is the similarity of that neighbour, and nothing else more than s + 1 / 2.
    """
    copies = near >= COPY
    first = np.where(copies.all(axis=1), 0, copies.argmin(axis=1))
    neighbour = vectors[np.take_along_axis(rows, first[:, None], axis=1)[:, 0]]
    scores = near.copy()
    for place in range(rows.shape[1]):  # a sum per pair, so that none depends on the others
        scores[:, place] += NEIGHBOUR_WEIGHT * np.einsum(
            "ij,ij->i", neighbour, vectors[rows[:, place]], dtype=np.float64
        )
    return scores
