"""Groups out of pairs that were compared, without comparing all pairs and without chains of near misses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from concept_memes.memes.alignment import joined_warps
from concept_memes.memes.registration import Warps, composed, inverted, unmoved
from concept_memes.protocols import IntArray

__all__ = ["Links", "link", "led_groups"]

Pairs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
#: Takes numbers of candidate pairs, and returns which of them hold and how they lie on each other.
Check = Callable[[IntArray], tuple[Bools, Warps]]
#: Takes pairs and warps to begin with, and returns which of them hold and better warps.
CheckAgain = Callable[[Pairs, Warps], tuple[Bools, Warps]]


class Links:
    """Pairs that hold.

    Attributes
    ----------
    pairs : ndarray of shape (n, 2), int64
    warps : Warps
        Where places of the first are in the second.
    """

    def __init__(self, pairs: Pairs, warps: Warps) -> None:
        self.pairs, self.warps = pairs, warps


def components(n: int, pairs: Pairs) -> IntArray:
    """Return the number of the connected component of each picture."""
    ones = np.ones(len(pairs), np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def link(n: int, pairs: Pairs, priority: npt.NDArray[np.floating], check: Check) -> Links:
    """Check candidates until nothing more can be connected by them; pairs that are connected already are skipped.

    In each round every picture has its best candidate checked, as in Boruvka's algorithm for spanning trees.

    Parameters
    ----------
    n : int
        Pictures.
    pairs : ndarray of shape (n_pairs, 2), int64
        Candidates.
    priority : ndarray of shape (n_pairs,)
        The likely ones have the largest.
    check : callable

    Returns
    -------
    Links
    """
    waiting = np.argsort(-priority, kind="stable")
    component = np.arange(n)
    held: list[Pairs] = [np.empty((0, 2), np.int64)]
    warps: list[Warps] = []
    while len(waiting):
        of = component[pairs[waiting]]
        waiting = waiting[of[:, 0] != of[:, 1]]
        if not len(waiting):
            break
        best = np.full(n, len(waiting))
        np.minimum.at(best, pairs[waiting, 0], np.arange(len(waiting)))
        np.minimum.at(best, pairs[waiting, 1], np.arange(len(waiting)))
        chosen = np.unique(best[best < len(waiting)])
        holds, found = check(waiting[chosen])
        good = np.flatnonzero(holds)
        held.append(pairs[waiting[chosen]][good])
        warps.append(found[good])
        waiting = np.delete(waiting, chosen)
        component = components(n, np.concatenate(held))
    return Links(np.concatenate(held), joined_warps(warps))


def led_groups(n: int, links: Links, rank: IntArray, check: CheckAgain) -> tuple[IntArray, Warps]:
    """Give every group a leader that each of its members was compared with.

    The leader of what is connected is the one of lowest rank. Who does not hold against the leader looks for another
    one, among those that it was linked with and that did not hold either.

    Parameters
    ----------
    n : int
    links : Links
    rank : ndarray of shape (n,), int64
        All different.
    check : callable

    Returns
    -------
    leaders : ndarray of shape (n,), int64
        Of each picture; itself where it is alone.
    warps : Warps
        Where places of the leader are in each picture.
    """
    leaders = np.full(n, -1)
    result = unmoved(n)
    pairs, warps = links.pairs, links.warps
    while (leaders < 0).any():
        free = leaders < 0
        inner = np.flatnonzero(free[pairs].all(axis=1))
        pairs, warps = pairs[inner], warps[inner]
        component = components(n, pairs)
        order = np.lexsort((rank, component))
        order = order[free[order]]
        first = np.unique(component[order], return_index=True)[1]
        tops = order[first]
        leaders[tops] = tops
        top_of = np.full(n, -1)
        top_of[component[tops]] = tops
        reached, way = ways_from(n, tops, pairs, warps)
        members = np.flatnonzero(free & reached & (leaders < 0))
        if not len(members):
            continue
        tried = np.stack([top_of[component[members]], members], axis=1)
        holds, better = check(tried, way[members])
        good = np.flatnonzero(holds)
        leaders[members[good]] = tried[good, 0]
        result.places[members[good]], result.tones[members[good]] = better.places[good], better.tones[good]
    return leaders, result


def ways_from(n: int, tops: IntArray, pairs: Pairs, warps: Warps) -> tuple[Bools, Warps]:
    """Follow links from leaders to all that are connected, breadth first; return who was reached, and by which warp."""
    reached = np.zeros(n, bool)
    reached[tops] = True
    way = unmoved(n)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    steps = joined_warps([warps, inverted(warps)])
    while True:
        new = np.flatnonzero(reached[both[:, 0]] & ~reached[both[:, 1]])
        if not len(new):
            return reached, way
        targets, first = np.unique(both[new, 1], return_index=True)
        edges = new[first]
        there = composed(way[both[edges, 0]], steps[edges])
        way.places[targets], way.tones[targets] = there.places, there.tones
        reached[targets] = True
