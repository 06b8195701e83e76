"""k nearest neighbours on unit vectors: exact at the speed of a matrix product, or for very many nearly so.

Tiles of similarities are multiplied in float32, whose last bits depend on the shape of the tile and on the threads.
What can be among the k nearest of its query despite that error stays a candidate, and candidates are measured again,
pair by pair, in float64. So a similarity depends on its two vectors and on nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count

import numpy as np
import numpy.typing as npt

from concept_memes.cells import part_into_cells
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["nearest_neighbors"]

Rows = npt.NDArray[np.integer]
Rows32 = npt.NDArray[np.int32]
Neighbors = tuple[IntArray, npt.NDArray[np.float64]]

# A tile is that many rows high and at least as wide: at 1,024 it is compared in the processor's cache, and comparing
# costs a twentieth of multiplying; at 4,096 a third.
TILE = 1024
TILE_NUMBERS = TILE * TILE
# Numbers in a tile of float64 (32 MiB), for the few queries that float32 does not settle.
CROWDED_NUMBERS = 4 * TILE_NUMBERS
# Pairs that are measured at a time: both sides lie in the processor's cache.
PAIRS = 256
PAIRS_PER_TASK = 64 * PAIRS


def nearest_neighbors(
    queries: FloatArray, vectors: FloatArray, k: int, *, exact: bool = True
) -> tuple[IntArray, FloatArray]:
    """Find the `k` rows of `vectors` that are nearest to each query by cosine.

    Parameters
    ----------
    queries : ndarray of shape (m, d), float32, unit norm
        Passing the same object as `vectors` takes half the time, since each pair is then multiplied once.
    vectors : ndarray of shape (n, d), float32, unit norm
    k : int
        How many; fewer are returned when there are fewer rows.
    exact : bool, default=True
        False looks for neighbours in the nearest cells only (see `cells`), where `queries` is `vectors`: 11 s of work
        instead of 65 s for 100,000 rows of 512 numbers, and 94 % of the neighbours. Similarities are right either way.

    Returns
    -------
    indices : ndarray of shape (m, min(k, n)), int64
        Nearest first by the cosine in float64; equal similarities in the order of the rows.
    similarities : ndarray of the same shape, float32
        Cosines in [-1, 1].

    Examples
    --------
    >>> x = np.eye(3, dtype=np.float32)
    >>> indices, similarities = nearest_neighbors(x, x, 1)
    >>> indices.ravel().tolist(), similarities.ravel().tolist()
    ([0, 1, 2], [1.0, 1.0, 1.0])
    """
    k = min(k, len(vectors))
    if not len(queries) or not k:
        return np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    x = np.ascontiguousarray(vectors, np.float32)
    first, copy_of = first_copies(x)
    if len(first) < len(x):
        x = x[first]  # hundreds of copies of a picture would all be candidates of each other
    q = x if queries is vectors else np.ascontiguousarray(queries, np.float32)
    indices, similarities = nearest_of_different(q, x, min(k, len(x)), in_cells=not exact and q is x)
    if len(first) < len(copy_of):
        indices, similarities = with_copies(indices, similarities, copy_of, k)
        if queries is vectors:
            indices, similarities = indices[copy_of], similarities[copy_of]
    return indices, np.clip(similarities, -1, 1).astype(np.float32)


def first_copies(x: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the first row of each different vector, ascending, and for each row which of these it equals."""
    # Equal rows have equal sums; only rows with equal sums have to be compared number by number.
    sums = measured(x, np.cos(np.arange(x.shape[1], dtype=np.float32))[None], np.arange(len(x)), np.zeros(len(x), int))
    if len(np.unique(sums)) == len(x):
        rows = np.arange(len(x))
        return rows, rows
    as_bytes = x.view(np.dtype((np.void, x.shape[1] * x.itemsize))).ravel()
    _, first, group = np.unique(as_bytes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order], place[group]


def with_copies(indices: IntArray, similarities: npt.NDArray[np.float64], copy_of: IntArray, k: int) -> Neighbors:
    """Turn the nearest different vectors into the `k` nearest rows, copies in the order of the rows."""
    members = np.argsort(copy_of, kind="stable")
    counts = np.bincount(copy_of)
    starts = np.cumsum(counts) - counts
    found = indices.ravel()
    n_copies = np.minimum(counts[found], k)
    nth = np.arange(n_copies.sum()) - np.repeat(np.cumsum(n_copies) - n_copies, n_copies)
    rows = members[np.repeat(starts[found], n_copies) + nth]
    queries = np.repeat(np.arange(found.size) // indices.shape[1], n_copies)
    return k_best(queries, rows, np.repeat(similarities.ravel(), n_copies), len(indices), k)


def k_best(queries: Rows, rows: Rows, values: npt.NDArray[np.float64], n_queries: int, k: int) -> Neighbors:
    """Sort pairs and keep the `k` best of each query; every query has that many."""
    order = np.lexsort((rows, -values, queries))
    counts = np.bincount(queries, minlength=n_queries)
    places = (np.cumsum(counts) - counts)[:, None] + np.arange(k)
    return rows[order][places].astype(np.int64), values[order][places]


def nearest_of_different(q: FloatArray, x: FloatArray, k: int, *, in_cells: bool) -> Neighbors:
    """Find neighbours among vectors of which no two are equal."""
    indices, similarities = np.empty((len(q), k), np.int64), np.empty((len(q), k))
    candidates = Candidates(q, x, k)
    queries, rows = candidates.collect_in_cells() if in_cells else candidates.collect()
    settled = np.flatnonzero(~candidates.crowded)
    place = np.cumsum(~candidates.crowded) - 1
    indices[settled], similarities[settled] = k_best(
        place[queries], rows, measured(q, x, queries, rows), len(settled), k
    )
    crowded = np.flatnonzero(candidates.crowded)
    for part in slices(len(crowded), max(1, CROWDED_NUMBERS // len(x))):
        few = crowded[part]
        indices[few], similarities[few] = nearest_of_crowded(q[few], x, k)
    return indices, similarities


def sum_error(q: FloatArray, x: FloatArray, rounding: float) -> float:
    """Bound of what is lost in a dot product, in whatever order it is summed.

    d roundings by the book; eight more for what is rounded while bounds are compared.

    References
    ----------
    Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition (2002), section 3.1.
    """
    n_dims: int = x.shape[1]
    return 1.01 * (n_dims + 8) * rounding * longest(q) * longest(x)


def longest(x: FloatArray) -> float:
    """Largest norm of a row."""
    squared: FloatArray = np.einsum("ij,ij->i", x, x)
    return 1.001 * math.sqrt(squared.max())


class Candidates:
    """Pairs that may be among the `k` nearest of their query, as far as a product in float32 can tell.

    Attributes
    ----------
    crowded : ndarray of shape (n_queries,), bool
        Queries with too many rows that may be; their pairs are not kept.
    """

    def __init__(self, q: FloatArray, x: FloatArray, k: int) -> None:
        self.q, self.x, self.k = q, x, k
        # The k-th largest product seen may be too large by the error, and the product of a true neighbour too small.
        self.margin = np.float32(2 * sum_error(q, x, 2.0**-24))
        self.room = max(4 * k, 128)
        self.crowded = np.zeros(len(q), bool)
        self.least = np.full(len(q), -np.inf, np.float32)  # what is below cannot be among the k nearest
        self.queries: list[Rows32] = []
        self.rows: list[Rows32] = []
        self.values: list[FloatArray] = []
        self.length = self.length_after_cut = 0

    def collect(self) -> tuple[Rows32, Rows32]:
        """Return query and row of all pairs that may be; where queries and rows are one, half of the tiles will do."""
        q, x, symmetric = self.q, self.x, self.q is self.x
        every = np.arange(max(len(q), len(x)), dtype=np.int32)
        bands = list(slices(len(q), TILE))
        columns = bands if symmetric else list(slices(len(x), max(TILE, TILE_NUMBERS // len(q))))
        for i, band in enumerate(bands):
            # A first bound for all queries, before their pairs are collected across.
            own = columns[i] if symmetric else columns[0]
            tile = q[band] @ x[own].T
            self.least[band] = self.kth_at_least(tile) - self.margin
            self.add(tile, every[band], every[own])
        for i, band in enumerate(bands):
            for own in columns[i + 1 :] if symmetric else columns[1:]:
                tile = q[band] @ x[own].T
                self.add(tile, every[band], every[own])
                if symmetric:
                    self.add(tile, every[band], every[own], across=True)
        self.cut()
        return self.queries[0], self.rows[0]

    def collect_in_cells(self) -> tuple[Rows32, Rows32]:
        """Return pairs as `collect` does, but only of those who meet in a cell; who meets too few counts as crowded."""
        cells = part_into_cells(self.x)
        for visitors_of in (cells.members, cells.visitors):
            for members, visitors in zip(cells.members, visitors_of, strict=True):
                for part in slices(len(visitors), max(1, TILE_NUMBERS // max(1, len(members)))):
                    if not len(members):
                        continue
                    rows = visitors[part]
                    tile = self.x[rows] @ self.x[members].T
                    if visitors_of is cells.members:
                        self.least[rows] = self.kth_at_least(tile) - self.margin
                    self.add(tile, rows.astype(np.int32), members.astype(np.int32))
        self.cut()
        self.crowded |= np.bincount(self.queries[0], minlength=len(self.least)) < self.k
        settled = ~self.crowded[self.queries[0]]
        return self.queries[0][settled], self.rows[0][settled]

    def kth_at_least(self, tile: FloatArray) -> FloatArray:
        """Return what the k-th largest number of each row is not below."""
        n_rows, n_columns = tile.shape
        if n_columns < self.k:
            return np.full(n_rows, -np.inf, np.float32)
        parts = n_columns // 16
        if parts >= 4 * self.k:
            # The k-th largest of the maxima of sixteen numbers each: nearly as good and ten times faster.
            tile = tile[:, : 16 * parts].reshape(n_rows, 16, parts).max(axis=1)
        return np.partition(tile, tile.shape[1] - self.k, axis=1)[:, -self.k]

    def add(self, tile: FloatArray, queries: Rows32, rows: Rows32, *, across: bool = False) -> None:
        """Keep the pairs of a tile that reach the bound of their query; across, rows are the queries and vice versa."""
        hits = np.flatnonzero(tile >= (self.least[rows] if across else self.least[queries][:, None]))
        down, right = np.divmod(hits.astype(np.int32), np.int32(tile.shape[1]))
        left, right = queries[down], rows[right]
        self.queries.append(right if across else left)
        self.rows.append(left if across else right)
        self.values.append(tile.ravel()[hits])
        self.length += len(hits)
        # Later, and pairs would come in that a higher bound keeps out; sooner, and more time would go into sorting.
        if self.length > self.length_after_cut + 2 * self.k * len(self.least):
            self.cut()

    def cut(self) -> None:
        """Raise the bounds to what has been seen, and drop what is below or crowded."""
        queries, rows, values = (np.concatenate(parts) for parts in (self.queries, self.rows, self.values))
        # One whole number per pair, so that one fast sort does: the query, then the bits of a positive float.
        keys = queries.astype(np.int64) << 32
        keys |= (np.float32(2 * max(1.0, float(np.abs(values).max(initial=0)))) - values).view(np.int32)
        order = np.argsort(keys)
        queries, rows, values = queries[order], rows[order], values[order]
        counts = np.bincount(queries, minlength=len(self.least))
        starts = np.cumsum(counts) - counts
        full = np.flatnonzero(counts >= self.k)
        self.least[full] = np.maximum(self.least[full], values[starts[full] + self.k - 1] - self.margin)
        keep = values >= self.least[queries]
        self.crowded |= np.bincount(queries[keep], minlength=len(self.least)) > self.room
        self.least[self.crowded] = np.inf
        keep &= ~self.crowded[queries]
        self.queries, self.rows, self.values = [queries[keep]], [rows[keep]], [values[keep]]
        self.length = self.length_after_cut = len(self.values[0])


def slices(n: int, size: int) -> Iterator[slice]:
    """Part n rows into slices of nearly the same length, at most `size`."""
    n_parts = -(-n // size)
    edges = [n * i // max(n_parts, 1) for i in range(n_parts + 1)]
    return map(slice, edges, edges[1:])


def nearest_of_crowded(q: FloatArray, x: FloatArray, k: int) -> Neighbors:
    """Find neighbours of a few queries by products in float64; all that is within its error is measured."""
    tile, exact = np.empty((len(q), len(x))), q.astype(np.float64)
    for columns in slices(len(x), TILE):
        tile[:, columns] = exact @ x[columns].T.astype(np.float64)
    margin = 4 * sum_error(q, x, 2.0**-53)  # twice that of these products and twice that of measuring
    kth = np.partition(tile, len(x) - k, axis=1)[:, len(x) - k]
    queries, rows = np.nonzero(tile >= (kth - margin)[:, None])
    return k_best(queries, rows, measured(q, x, queries, rows), len(q), k)


def measured(q: FloatArray, x: FloatArray, queries: Rows, rows: Rows) -> npt.NDArray[np.float64]:
    """Dot products of pairs in float64, each summed in the same order, however many there are."""
    values = np.empty(len(queries), np.float64)

    def measure(start: int) -> None:
        for at in range(start, min(start + PAIRS_PER_TASK, len(values)), PAIRS):
            part = slice(at, min(at + PAIRS, start + PAIRS_PER_TASK))
            left = np.take(q, queries[part], axis=0).astype(np.float64)
            right = np.take(x, rows[part], axis=0).astype(np.float64)
            np.einsum("ij,ij->i", left, right, out=values[part])

    with ThreadPoolExecutor(cpu_count()) as threads:
        list(threads.map(measure, range(0, len(values), PAIRS_PER_TASK)))
    return values
