"""Look and text of pictures as one vector each, so that whatever compares pictures compares both.

The cosine of two pictures that say something is ``(1 - weight) * look + weight * text``. A picture that says nothing
counts by its look alone: two of them are as near as their looks, and one that says something is
``sqrt(1 - weight) * look`` away, since the part of it that speaks has no counterpart. So pictures are never drawn
together by having no text in common.
"""

from __future__ import annotations

import numpy as np

from concept_memes.centring import unit
from concept_memes.findings import PictureTexts
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["comparable_rows", "fuse", "fused_rows"]


def fuse(looks: FloatArray, texts: FloatArray, weight: float) -> FloatArray:
    """Make one vector of look and text.

    Parameters
    ----------
    looks : ndarray of shape (n, d), float32, unit norm
        Vectors of pictures; centred, if their cosines are to tell kinds apart.
    texts : ndarray of shape (n, m), float32, unit norm
        Vectors of what they say; rows of zeros for pictures that say nothing.
    weight : float
        How much the texts count, in [0, 1]: 0 = the looks alone, 1 = the texts alone.

    Returns
    -------
    ndarray of shape (n, d + m), float32, unit norm

    Examples
    --------
    >>> look, text = np.array([[1, 0], [0.6, 0.8], [1, 0]], np.float32), np.array([[1, 0], [1, 0], [0, 0]], np.float32)
    >>> (one, other, silent) = fuse(look, text, 0.36)
    >>> round(float(one @ other), 2), round(float(one @ silent), 2)  # 0.64 * 0.6 + 0.36 * 1, and 0.8 * 1
    (0.74, 0.8)
    """
    says = np.abs(texts).max(axis=1, initial=0) > 0
    share = np.where(says, np.float64(weight), 0.0)[:, None]
    fused = np.concatenate([looks * np.sqrt(1 - share), texts * np.sqrt(share)], axis=1)
    return unit(fused) + np.float32(0)  # not -0.0, whose bytes would make equal vectors look different


def fused_rows(texts: PictureTexts | None, rows: IntArray, looks: FloatArray) -> FloatArray:
    """Add what pictures say to what they look like, as far as it is to count.

    Parameters
    ----------
    texts : PictureTexts or None
        What the pictures of a collection say.
    rows : ndarray of shape (n,), int64
        Which of the pictures.
    looks : ndarray of shape (n, d), float32, unit norm
        Their looks.

    Returns
    -------
    ndarray of shape (n, d) or (n, d + m), float32, unit norm
        The looks themselves where the texts do not count.
    """
    if texts is None or texts.vectors is None:
        return looks
    return fuse(looks, texts.vectors[rows], texts.weight)


def comparable_rows(texts: PictureTexts | None, rows: IntArray) -> IntArray:
    """Leave out pictures that cannot be compared: those without text, where the texts alone count.

    Parameters
    ----------
    texts : PictureTexts or None
        What the pictures of a collection say.
    rows : ndarray of shape (n,), int64

    Returns
    -------
    ndarray of shape (at most n,), int64
        All of them, unless the weight is 1.
    """
    if texts is None or texts.vectors is None or texts.weight < 1:
        return rows
    return rows[np.flatnonzero(np.abs(texts.vectors[rows]).max(axis=1, initial=0) > 0)]
