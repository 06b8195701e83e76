"""Copies count once: which pictures count, and for which others each of them stands."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from concept_memes.concepts import ImageRecord
from concept_memes.findings import PictureFamilies
from concept_memes.protocols import IntArray

__all__ = ["HasFamilies", "count_near_copies", "counted_rows", "families_among", "representatives"]


class HasFamilies(Protocol):
    """Pictures of which some may be copies of others: a `Collection`, or a `ConceptSet`."""

    @property
    def images(self) -> tuple[ImageRecord, ...]:
        """The pictures."""
        ...

    @property
    def families(self) -> PictureFamilies | None:
        """Which are copies; None where nobody looked for them, or where each is to count."""
        ...


def representatives(pictures: HasFamilies, rows: IntArray) -> IntArray:
    """Find the picture that counts for each.

    Parameters
    ----------
    pictures : Collection or ConceptSet
    rows : ndarray of shape (n,), int64
        Some of its pictures, each once.

    Returns
    -------
    ndarray of shape (n,), int64
        Each one of `rows`: the picture that stands for the copies; where it is not among `rows`, that of its copies
        there with the smallest content hash. The picture itself if it has no copy.

    Examples
    --------
    >>> from concept_memes.concepts import ConceptSet, ImageRecord
    >>> from concept_memes.findings import exact_families
    >>> hashes, empty = ["b", "a", "b", "b"], np.zeros((0, 1), np.float32)
    >>> concept_set = ConceptSet(
    ...     tuple(ImageRecord(str(i), None, key) for i, key in enumerate(hashes)), np.full(4, -1), np.zeros(4),
    ...     np.ones((4, 1), np.float32), np.zeros(1, np.float32), ((0, 1),), empty, (), (), empty, "", "",
    ...     families=exact_families(hashes))
    >>> representatives(concept_set, np.arange(4)).tolist(), representatives(concept_set, np.array([2, 3])).tolist()
    ([0, 1, 0, 0], [2, 2])
    """
    if pictures.families is None:
        return rows
    heads = pictures.families.copy_of[rows]
    heads = np.where(heads >= 0, heads, rows)
    orphans = np.flatnonzero(~np.isin(heads, rows))
    if len(orphans):
        keys = np.asarray([pictures.images[row].content_hash for row in rows[orphans]])
        in_order = orphans[np.lexsort((rows[orphans], keys))]
        absent, first = np.unique(heads[in_order], return_index=True)
        heads[orphans] = rows[in_order][first][np.searchsorted(absent, heads[orphans])]
    return heads.astype(np.int64)


def counted_rows(pictures: HasFamilies, rows: IntArray) -> IntArray:
    """Leave out pictures for which another one counts.

    Parameters
    ----------
    pictures : Collection or ConceptSet
    rows : ndarray of shape (n,), int64
        Some of its pictures, each once.

    Returns
    -------
    ndarray of shape (at most n,), int64
        In their order; one of each group of copies.
    """
    return rows if pictures.families is None else rows[representatives(pictures, rows) == rows]


def count_near_copies(pictures: HasFamilies) -> int:
    """Count the different contents that are copies of another content; 0 where nobody looked for copies."""
    if pictures.families is None:
        return 0
    contents = {image.content_hash for image in pictures.images if image.content_hash}
    heads = pictures.families.copy_of
    return len(contents) - len(np.unique(heads[heads >= 0]))


def families_among(pictures: HasFamilies, rows: IntArray) -> PictureFamilies | None:
    """Tell which of some pictures are copies of one another, by their places among them.

    Parameters
    ----------
    pictures : Collection or ConceptSet
    rows : ndarray of shape (n,), int64
        Some of its pictures, ascending.

    Returns
    -------
    PictureFamilies or None
        For a set of these pictures alone; templates are not told. None where nobody looked for copies.
    """
    if pictures.families is None:
        return None
    copy_of = np.searchsorted(rows, representatives(pictures, rows))
    return PictureFamilies(copy_of, pictures.families.copy_kinds[rows], copy_of.copy(), pictures.families.near)
