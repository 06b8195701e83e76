"""What is found out about pictures beside their vectors: the texts in them, and which are copies or variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

__all__ = ["COPY_KINDS", "FROM_DOCS", "PictureFamilies", "PictureTexts", "exact_families"]

#: How a picture is the same as the one that stands for it. `PictureFamilies.copy_kinds` counts along this tuple, and so
#: do saved models: new kinds go to the end.
COPY_KINDS = ("itself", "exact", "near", "mirrored", "flipped", "turned", "cropped")


#: `PictureTexts.reader` of texts that nobody read: the user gave one with each picture.
FROM_DOCS = "docs"


class _Frozen:
    """Makes the arrays of a dataclass read-only."""

    def __post_init__(self) -> None:
        for value in (getattr(self, f.name) for f in fields(self)):  # type: ignore[arg-type]  # those below are
            if isinstance(value, np.ndarray):
                value.setflags(write=False)


@dataclass(frozen=True, eq=False)
class PictureTexts(_Frozen):
    r"""What the pictures of a collection say.

    Attributes
    ----------
    texts : tuple of str
        One per picture, lines parted by ``"\n"``; "" for a picture without text, or one that could not be read.
    reader : str
        What read them, such as ``"rapidocr"``; `FROM_DOCS` where the user gave them.
    weight : float
        How much the texts count beside the looks, in [0, 1]: 0 = the looks alone, 1 = the texts alone.
    encoder : str
        What made `vectors`, such as ``"character n-grams"``; "" where there are none.
    vectors : ndarray of shape (n_images, n_text_dims), float32, unit norm, or None
        Rows of zeros for pictures without text. None where the weight is 0.
    state : ndarray of float32, or None
        What the encoder of the texts learned from them, if it learned anything; new texts are encoded with it.
    """

    texts: tuple[str, ...]
    reader: str
    weight: float = 0.0
    encoder: str = ""
    vectors: npt.NDArray[np.float32] | None = None
    state: npt.NDArray[np.float32] | None = None

    @property
    def n_speaking(self) -> int:
        """Pictures that say something."""
        return sum(map(bool, self.texts))

    def at(self, rows: npt.NDArray[np.int64]) -> PictureTexts:
        """Return the texts of some pictures.

        Parameters
        ----------
        rows : ndarray of shape (n,), int64

        Returns
        -------
        PictureTexts
        """
        vectors = None if self.vectors is None else self.vectors[rows]
        return replace(self, texts=tuple(self.texts[row] for row in rows), vectors=vectors)

    def extended(self, other: PictureTexts | None, rows: Sequence[int], n: int) -> PictureTexts:
        """Put texts of other pictures to the end.

        Parameters
        ----------
        other : PictureTexts or None
            In the same space; None where nobody read them.
        rows : sequence of int
            Which of them.
        n : int
            How many pictures that makes in all; what is missing says nothing.

        Returns
        -------
        PictureTexts
        """
        texts = self.texts + tuple(other.texts[row] for row in rows) if other is not None else self.texts
        texts += ("",) * (n - len(texts))
        vectors = self.vectors
        if vectors is not None:
            new = np.zeros((n - len(vectors), vectors.shape[1]), np.float32)
            if other is not None and other.vectors is not None:
                new[: len(rows)] = other.vectors[list(rows)]
            vectors = np.concatenate([vectors, new])
        return replace(self, texts=texts, vectors=vectors)


@dataclass(frozen=True, eq=False)
class PictureFamilies(_Frozen):
    """Which pictures of a collection are copies of one another, and which have the same template.

    A tree of three levels: a template, its different pictures, the copies of each.

    Attributes
    ----------
    copy_of : ndarray of shape (n_images,), int64
        The picture that stands for this one and its copies: itself where it has none, -1 for one that could not be
        read.
    copy_kinds : ndarray of shape (n_images,), uint8
        How it is the same as that one, as a place in `COPY_KINDS`.
    template_of : ndarray of shape (n_images,), int64
        The picture that stands for all with the same template, copies of them included; -1 for one that could not be
        read.
    near : bool
        Whether near copies and templates were looked for, or exact copies only.

    Examples
    --------
    >>> families = exact_families(["a", "b", "a", ""])
    >>> families.copy_of.tolist(), [COPY_KINDS[kind] for kind in families.copy_kinds]
    ([0, 1, 0, -1], ['itself', 'itself', 'exact', 'itself'])
    """

    copy_of: npt.NDArray[np.int64]
    copy_kinds: npt.NDArray[np.uint8]
    template_of: npt.NDArray[np.int64]
    near: bool = True

    @property
    def n_copies(self) -> int:
        """Pictures that are copies of another one."""
        return int((self.copy_kinds > 0).sum())

    def completed(self, other: PictureFamilies) -> PictureFamilies:
        """Take from another what is known of pictures that are unknown here.

        Parameters
        ----------
        other : PictureFamilies
            Of the same pictures.

        Returns
        -------
        PictureFamilies
            `near` is this one's.
        """
        unknown = self.copy_of < 0
        copy_of, kinds, template_of = (
            np.where(unknown, theirs, ours)
            for ours, theirs in (
                (self.copy_of, other.copy_of),
                (self.copy_kinds, other.copy_kinds),
                (self.template_of, other.template_of),
            )
        )
        return replace(self, copy_of=copy_of, copy_kinds=kinds, template_of=template_of)


def exact_families(content_hashes: Sequence[str]) -> PictureFamilies:
    """Find the copies that have the same content hash; the first of them stands for them.

    Parameters
    ----------
    content_hashes : sequence of str
        "" for a picture that could not be read.

    Returns
    -------
    PictureFamilies
        Each different content is a template of its own.
    """
    first: dict[str, int] = {}
    copy_of = np.full(len(content_hashes), -1, np.int64)
    for index, key in enumerate(content_hashes):
        if key:
            copy_of[index] = first.setdefault(key, index)
    kinds = ((copy_of >= 0) & (copy_of != np.arange(len(copy_of)))).astype(np.uint8)
    return PictureFamilies(copy_of, kinds, copy_of.copy(), near=False)
