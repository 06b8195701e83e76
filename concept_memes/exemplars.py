"""Pictures that stand for a concept: typical ones, but not eight times the same.

References
----------
Carbonell and Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing
summaries", SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["core_members", "mmr", "pick_exemplars"]

# Candidates per exemplar: enough to choose from, few enough to stay in the core of the concept.
CANDIDATES_PER_EXEMPLAR = 5


def mmr(
    query: npt.NDArray[np.float32], candidates: npt.NDArray[np.float32], n: int, *, diversity: float
) -> npt.NDArray[np.int64]:
    """Choose candidates by maximal marginal relevance.

    Parameters
    ----------
    query : ndarray of shape (d,), float32, unit norm
        What the chosen ones are to resemble.
    candidates : ndarray of shape (m, d), float32, unit norm
        What to choose from.
    n : int
        How many; all candidates if there are fewer.
    diversity : float
        In [0, 1]. 0 chooses the most typical, 1 the most different from those chosen before; the first chosen is
        always the most typical.

    Returns
    -------
    ndarray of shape (min(n, m),), int64
        Rows of `candidates` in the order of choice.

    Examples
    --------
    >>> x = np.array([[1, 0], [0.999, 0.045], [0.8, 0.6]], np.float32)
    >>> mmr(x[0], x, 2, diversity=0.0).tolist(), mmr(x[0], x, 2, diversity=1.0).tolist()
    ([0, 1], [0, 2])
    """
    n = min(n, len(candidates))
    if n == 0:
        return np.zeros(0, np.int64)
    relevance = candidates.astype(np.float64) @ query
    chosen = [int(np.argmax(relevance))]
    redundancy = candidates.astype(np.float64) @ candidates[chosen[0]]
    while len(chosen) < n:
        score = (1 - diversity) * relevance - diversity * redundancy
        score[chosen] = -np.inf
        chosen.append(int(np.argmax(score)))
        redundancy = np.maximum(redundancy, candidates.astype(np.float64) @ candidates[chosen[-1]])
    return np.array(chosen, np.int64)


def core_members(
    affinity: npt.NDArray[np.float64], probabilities: npt.NDArray[np.float64], keys: Sequence[str], n: int
) -> npt.NDArray[np.int64]:
    """Choose members from the core of a concept: surely in it and near its centroid, each picture once.

    Parameters
    ----------
    affinity : ndarray of shape (m,), float64
        Cosine of each member and the centroid.
    probabilities : ndarray of shape (m,), float64
        Strength of membership in [0, 1].
    keys : sequence of str
        Content hash per member; of equal ones the first is kept.
    n : int
        How many.

    Returns
    -------
    ndarray of shape (at most n,), int64
        Positions of members, best first; ties in the order of the keys.

    Examples
    --------
    >>> core_members(np.array([0.9, 0.9, 0.5]), np.ones(3), ["a", "a", "b"], 3).tolist()
    [0, 2]
    """
    _, first = np.unique(np.asarray(keys), return_index=True)  # in the order of the keys
    worth = np.maximum(affinity, 0) * probabilities
    order = np.argsort(-worth[first], kind="stable")
    return first[order][:n].astype(np.int64)


def pick_exemplars(
    members: npt.NDArray[np.float32],
    centroid: npt.NDArray[np.float32],
    probabilities: npt.NDArray[np.float64],
    keys: Sequence[str],
    *,
    n_exemplars: int,
    diversity: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Choose the pictures that stand for a concept.

    Parameters
    ----------
    members : ndarray of shape (m, d), float32, unit norm
        The concept's pictures, centred on the collection.
    centroid : ndarray of shape (d,), float32, unit norm
        Their mean direction.
    probabilities : ndarray of shape (m,), float64
        Strength of membership in [0, 1].
    keys : sequence of str
        Content hash per member.
    n_exemplars : int
        How many, as far as different pictures exist.
    diversity : float
        In [0, 1]: 0 the most typical, 1 the most different.

    Returns
    -------
    positions : ndarray of shape (at most n_exemplars,), int64
        The most typical first.
    scores : ndarray of the same shape, float64
        Cosine of each and the centroid.

    Examples
    --------
    >>> x = np.array([[1, 0], [0.8, 0.6], [0.8, -0.6]], np.float32)
    >>> centroid = np.array([1, 0], np.float32)
    >>> positions, scores = pick_exemplars(x, centroid, np.ones(3), "abc", n_exemplars=2, diversity=0.5)
    >>> positions.tolist(), scores.round(3).tolist()
    ([0, 1], [1.0, 0.8])
    """
    affinity = members.astype(np.float64) @ centroid
    core = core_members(affinity, probabilities, list(keys), CANDIDATES_PER_EXEMPLAR * n_exemplars)
    chosen = core[mmr(centroid, members[core], n_exemplars, diversity=diversity)]
    return chosen, affinity[chosen]
