"""The tree of concepts: which are near to each other, and what larger groups have in common.

Concepts are joined by average linkage: always the two groups between whose pictures the mean cosine, centred on the
collection, is highest. Sums of vectors are all that this takes, so it is exact without the cosines of all pairs of
pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from concept_memes.centring import centre_vectors
from concept_memes.concepts import ConceptSet, HierarchyNode
from concept_memes.counting import counted_rows
from concept_memes.errors import InvalidParameterError
from concept_memes.fusion import fused_rows
from concept_memes.labels import RankedWord
from concept_memes.protocols import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Hierarchy", "RankGroups", "average_linkage", "build_hierarchy", "cut_linkage"]

# Ranks words for groups of pictures, which are given as indices: `labels.rank_words_of_groups` with all else bound.
RankGroups: TypeAlias = Callable[[ConceptSet, Sequence[IntArray]], Sequence[Sequence[RankedWord]]]


@dataclass(frozen=True)
class Hierarchy(Sequence[HierarchyNode]):
    """The tree of concepts, to be read: a sequence of its nodes, which draws itself as text.

    Parameters
    ----------
    nodes : tuple of HierarchyNode
        The concepts 0..k-1 first, then what joins two nodes each, the nearest first; the last is the root.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "orange", "blue"])
    >>> tree = model.fit(color_images(["red", "blue", "orange"], 6)).hierarchy_
    >>> len(tree), tree.root.size, tree.cut(2)
    (5, 18, [(0, 2), (1,)])
    """

    nodes: tuple[HierarchyNode, ...]

    @overload
    def __getitem__(self, index: int) -> HierarchyNode: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[HierarchyNode, ...]: ...

    def __getitem__(self, index: int | slice) -> HierarchyNode | tuple[HierarchyNode, ...]:
        """Return a node by its number, or several."""
        return self.nodes[index]

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.nodes)

    @property
    def root(self) -> HierarchyNode | None:
        """The node above all others; None in a collection without concepts."""
        return self.nodes[-1] if self.nodes else None

    @property
    def n_concepts(self) -> int:
        """Number of concepts."""
        return (len(self.nodes) + 1) // 2

    def cut(self, n: int) -> list[tuple[int, ...]]:
        """Cut the tree into groups of concepts.

        Parameters
        ----------
        n : int
            How many groups, from 1 (all concepts in one) to the number of concepts (each on its own).

        Returns
        -------
        list of tuple of int
            Concepts per group, ascending; the groups in the order of their first concepts. What
            `ConceptModel.merge_concepts` takes.

        Raises
        ------
        InvalidParameterError
            If there are fewer concepts.
        """
        whole = isinstance(n, (int, np.integer)) and not isinstance(n, bool)
        if not whole or not 1 <= n <= self.n_concepts:
            raise InvalidParameterError("n", n, f"from 1 to {self.n_concepts}, the number of concepts")
        pairs = np.array([node.children for node in self.nodes[self.n_concepts :]], np.int64).reshape(-1, 2)
        return cut_linkage(pairs, n)

    def parent(self, index: int) -> HierarchyNode | None:
        """Return the node above a node; None above the root.

        Parameters
        ----------
        index : int
            Number of the node.

        Returns
        -------
        HierarchyNode or None
        """
        node = self.nodes[index]
        return next((above for above in self.nodes[self.n_concepts :] if node.index in above.children), None)

    def to_dataframe(self) -> pd.DataFrame:
        """Return one row per node.

        Returns
        -------
        DataFrame
            Index "node"; columns "parent" (-1 above the root), "concepts" (how many are under it), "size",
            "similarity" and "title".
        """
        import pandas as pd

        parents = {child: node.index for node in self.nodes for child in node.children}
        rows = {
            "parent": [parents.get(node.index, -1) for node in self.nodes],
            "concepts": [len(node.concepts) for node in self.nodes],
            "size": [node.size for node in self.nodes],
            "similarity": [node.similarity for node in self.nodes],
            "title": [node.title for node in self.nodes],
        }
        return pd.DataFrame(rows, index=pd.RangeIndex(len(self.nodes), name="node"))

    def __str__(self) -> str:
        """Draw the tree, larger branches first; concepts carry their numbers."""
        return "\n".join(self._lines()) or "no concepts"

    def _lines(self) -> Iterator[str]:
        waiting = [(self.nodes[-1], "", "")] if self.nodes else []
        while waiting:  # no recursion: a tree that is a chain may be as deep as there are concepts
            node, lead, indent = waiting.pop()
            what = f"similarity {node.similarity:.2f}" if node.children else f"concept {node.index}"
            yield f"{lead}{node.title} ({node.size} images, {what})"
            children = sorted((self.nodes[i] for i in node.children), key=lambda child: (child.size, -child.index))
            for place, child in enumerate(children):  # the last in the list is drawn first
                lead, further = ("├─ ", "│  ") if place else ("└─ ", "   ")
                waiting.append((child, indent + lead, indent + further))


def build_hierarchy(concept_set: ConceptSet, rank: RankGroups | None = None) -> tuple[HierarchyNode, ...]:
    """Build the tree of a set's concepts.

    Parameters
    ----------
    concept_set : ConceptSet
        The nodes of its concepts carry their words and names.
    rank : callable, optional
        Ranks words for the groups of pictures under the other nodes; without it they have none.

    Returns
    -------
    tuple of HierarchyNode
        2k-1 nodes for k concepts, none for none.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"])
    >>> nodes = build_hierarchy(model.fit(color_images(["red", "blue"], 6)).concepts_)
    >>> nodes[-1].children, nodes[-1].concepts, nodes[-1].size
    ((0, 1), (0, 1), 12)
    """
    k = len(concept_set)
    if not k:
        return ()
    members = [np.flatnonzero(concept_set.labels == i) for i in range(k)]
    rows_of = [in_order_of_content(concept_set, counted_rows(concept_set, rows)) for rows in members]
    sums = np.stack([centred_rows(concept_set, rows).sum(axis=0, dtype=np.float64) for rows in rows_of])
    pairs, similarities = average_linkage(sums, np.array([len(rows) for rows in rows_of]))
    nodes = [
        HierarchyNode(c.index, (), (c.index,), c.size, 1.0, c.words, c.word_scores, c.word_confidences, c.name)
        for c in concept_set.concepts
    ]
    for (one, other), similarity in zip(pairs.tolist(), similarities.tolist(), strict=True):
        concepts = tuple(sorted(nodes[one].concepts + nodes[other].concepts))
        size = nodes[one].size + nodes[other].size
        nodes.append(HierarchyNode(len(nodes), (one, other), concepts, size, similarity))
    if rank is None or k == 1:
        return tuple(nodes)
    groups = [np.flatnonzero(np.isin(concept_set.labels, node.concepts)) for node in nodes[k:]]
    for place, ranked in enumerate(rank(concept_set, groups), start=k):
        sure = tuple(float(word.confidence) for word in ranked)
        nodes[place] = replace(
            nodes[place],
            words=tuple(word.word for word in ranked),
            word_scores=tuple(float(word.score) for word in ranked),
            word_confidences=() if np.isnan(sure).any() else sure,
        )
    return tuple(nodes)


def average_linkage(
    sums: npt.NDArray[np.float64], sizes: npt.NDArray[np.integer]
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Join groups of vectors by the mean cosine between their members.

    Parameters
    ----------
    sums : ndarray of shape (k, d), float64
        Sum of the unit vectors of each group, at least one group.
    sizes : ndarray of shape (k,), int
        Number of vectors in each.

    Returns
    -------
    pairs : ndarray of shape (k - 1, 2), int64
        Which two are joined, the nearest first: groups are 0..k-1, what row i joins is k + i. Ties go to the lowest
        numbers.
    similarities : ndarray of shape (k - 1,), float64
        Mean cosine between the members of the two; never rises.

    Examples
    --------
    >>> pairs, similarities = average_linkage(np.array([[2.0, 0], [0, 3], [0.6, 0.8]]), np.array([2, 3, 1]))
    >>> pairs.tolist(), similarities.round(2).tolist()
    ([[1, 2], [0, 3]], [0.8, 0.15])
    """
    k = len(sums)
    means = sums / np.asarray(sizes, np.float64)[:, None]
    # Products of other shapes and numbers of threads differ in their last bits; rounded, they give the same tree.
    similarity = np.round(means @ means.T, 12)
    np.fill_diagonal(similarity, -np.inf)
    weight, node = np.asarray(sizes, np.float64).copy(), np.arange(k)
    nearest = similarity.argmax(axis=1)
    best = similarity[np.arange(k), nearest]
    pairs, similarities = np.empty((k - 1, 2), np.int64), np.empty(k - 1)
    for step in range(k - 1):
        one = int(best.argmax())
        other = int(nearest[one])
        pairs[step] = np.sort(node.take([one, other]))
        similarities[step] = best[one]
        row = (weight[one] * similarity[one] + weight[other] * similarity[other]) / (weight[one] + weight[other])
        row[[one, other]] = -np.inf
        similarity[one] = similarity[:, one] = row
        similarity[other] = similarity[:, other] = best[other] = -np.inf
        weight[one], node[one] = weight[one] + weight[other], k + step
        # A mean is no higher than the higher of the two, so no group is nearer to the new one than to its nearest.
        stale = np.flatnonzero(((nearest == one) | (nearest == other)) & (best > -np.inf))
        nearest[stale] = similarity[stale].argmax(axis=1)
        best[stale] = similarity[stale, nearest[stale]]
    return pairs, similarities


def cut_linkage(pairs: IntArray, n_groups: int) -> list[tuple[int, ...]]:
    """Undo the last joins, so that a number of groups is left.

    Parameters
    ----------
    pairs : ndarray of shape (k - 1, 2), int64
        What `average_linkage` gives.
    n_groups : int
        From 1 to k.

    Returns
    -------
    list of tuple of int
        Members of each group, ascending; the groups in the order of their first members.

    Examples
    --------
    >>> cut_linkage(np.array([[1, 2], [0, 3]]), 2)
    [(0,), (1, 2)]
    """
    k = len(pairs) + 1
    groups: dict[int, tuple[int, ...]] = {i: (i,) for i in range(k)}
    for step, (one, other) in enumerate(pairs[: k - n_groups].tolist()):
        groups[k + step] = groups.pop(one) + groups.pop(other)
    return sorted(tuple(sorted(group)) for group in groups.values())


def in_order_of_content(concept_set: ConceptSet, rows: IntArray) -> IntArray:
    """Sort pictures by their content hashes, so that sums over them do not depend on the order of the files."""
    keys = np.asarray([concept_set.images[row].content_hash for row in rows])
    return rows[np.lexsort((rows, keys))].astype(np.int64)


def centred_rows(concept_set: ConceptSet, rows: IntArray) -> FloatArray:
    """Return vectors of pictures, centred on the collection; with what they say, as far as it counts."""
    looks = centre_vectors(concept_set.vectors[rows], concept_set.centre, concept_set.blocks)
    return fused_rows(concept_set.texts, rows, looks)
