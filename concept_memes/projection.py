"""Places on a map: the vectors of a collection in two dimensions, near ones near.

The same neighbours that the clustering looks at are laid out by t-SNE, from the two first axes of the smoothed places,
so what stands far apart there starts far apart.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from concept_memes.clustering import MOST_EXACT, N_NEIGHBORS
from concept_memes.concepts import ConceptSet
from concept_memes.hierarchy import centred_rows
from concept_memes.neighbor_graph import fuzzy_graph
from concept_memes.neighbors import nearest_neighbors
from concept_memes.protocols import FloatArray
from concept_memes.smoothing import principal_coordinates, smooth_vectors
from concept_memes.tsne import tsne_layout

__all__ = ["project"]

Points = npt.NDArray[np.float64]

# The empty edge of the map.
MARGIN = 0.02
# What lies beyond the middle 98 % in a direction may take up so much more of the map, as a share of their half width.
MIDDLE = (1, 99)
LINEAR, BEYOND = 1.1, 0.15
# Copies stand around their place like the seeds of a sunflower, the second so far away from the first.
SEED = 0.0015
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
LARGEST_HEAD = 0.03


def project(concept_set: ConceptSet) -> FloatArray:
    """Place every picture on a map.

    Parameters
    ----------
    concept_set : ConceptSet
        Concepts play no part: only its vectors are looked at, and those of its texts as far as they count.

    Returns
    -------
    ndarray of shape (n_images, 2), float32
        In [0, 1], x to the right and y up; x is the longer side. NaN for pictures that could not be read. The same
        pictures get the same places in whatever order they come, and on any number of threads; copies stand close
        around one place.

    Examples
    --------
    >>> from concept_memes.concepts import ImageRecord
    >>> x = np.eye(3, dtype=np.float32)
    >>> no_words = np.empty((0, 3), np.float32)
    >>> images = tuple(ImageRecord(name, None, name) for name in "abc")
    >>> concept_set = ConceptSet(
    ...     images, np.full(3, -1), np.zeros(3), x, x.mean(axis=0), ((0, 3),), no_words, (), (), no_words, "", "")
    >>> positions = project(concept_set)
    >>> positions.shape, bool((positions >= 0).all() and (positions <= 1).all())
    ((3, 2), True)
    """
    images = concept_set.images
    readable = (i for i, image in enumerate(images) if image.content_hash)
    rows = np.array(sorted(readable, key=lambda i: (images[i].content_hash, images[i].name)), np.int64)
    positions = np.full((len(images), 2), np.nan, np.float32)
    if not len(rows):
        return positions
    centred = centred_rows(concept_set, rows)
    _, first, look = np.unique(centred, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))  # back into the order of the content
    positions[rows] = around(framed(turned(laid_out(centred[np.sort(first)]))), rank[look.ravel()])
    return positions


def laid_out(vectors: FloatArray) -> Points:
    """Lay different vectors out in the plane: t-SNE; one or two need none."""
    n = len(vectors)
    if n <= 2:
        return np.column_stack([np.arange(n), np.zeros(n)])
    graph = fuzzy_graph(*nearest_neighbors(vectors, vectors, N_NEIGHBORS, exact=n <= MOST_EXACT))
    # Few pictures are all neighbours, and smoothing would move them into one place.
    places = principal_coordinates(vectors) if n <= N_NEIGHBORS else smooth_vectors(vectors, graph)
    start = np.zeros((n, 2))
    start[:, : places.shape[1]] = places[:, :2]
    return tsne_layout(graph, start)


def turned(points: Points) -> Points:
    """Turn points so that they spread most from left to right, and the farthest is to the right, and the highest."""
    centred = points - points.mean(axis=0)
    (xx, xy), (_, yy) = np.einsum("ni,nj->ij", centred, centred)
    angle = np.arctan2(2 * xy, xx - yy) / 2
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = centred[:, 0] * cos + centred[:, 1] * sin, centred[:, 1] * cos - centred[:, 0] * sin
    return np.column_stack([axis * (np.sign(axis[np.abs(axis).argmax()]) or 1.0) for axis in (x, y)])


def framed(points: Points) -> Points:
    """Move and scale points into the unit square; few that lie far out do not make the others small."""
    low, high = np.percentile(points, MIDDLE, axis=0)
    half = float((high - low).max()) / 2 or 1.0
    scaled = (points - (low + high) / 2) / half
    beyond = np.maximum(np.abs(scaled) - LINEAR, 0.0)
    scaled = np.sign(scaled) * (np.minimum(np.abs(scaled), LINEAR) + BEYOND * (1 - np.exp(-beyond / BEYOND)))
    low, high = scaled.min(axis=0), scaled.max(axis=0)
    width = float((high - low).max()) or 1.0
    return np.asarray(0.5 + (scaled - (low + high) / 2) * (1 - 2 * MARGIN) / width, np.float64)


def around(places: Points, look: npt.NDArray[np.int64]) -> Points:
    """Give each picture the place of its look; of several copies the first stands on it and the others around it."""
    order = np.argsort(look, kind="stable")
    counts = np.bincount(look, minlength=len(places))
    nth = np.empty(len(look), np.int64)
    nth[order] = np.arange(len(look)) - np.repeat(np.cumsum(counts) - counts, counts)
    seed = np.minimum(SEED, LARGEST_HEAD / np.sqrt(np.maximum(counts, 1)))[look]
    if len(places) == 1:  # nothing else is on the map
        seed = np.full(len(look), min(10 * SEED, (0.5 - MARGIN) / np.sqrt(max(len(look), 1))))
    radius, angle = seed * np.sqrt(nth), nth * GOLDEN_ANGLE
    offsets = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return np.asarray(np.clip(places[look] + offsets, 0.0, 1.0), np.float64)
