"""What the page knows of texts in pictures, copies and templates: only the pictures that have any are named."""

from __future__ import annotations

from typing import Any

import numpy as np

from concept_memes.findings import COPY_KINDS, PictureFamilies, PictureTexts
from concept_memes.protocols import IntArray

__all__ = ["family_columns", "text_columns"]


def text_columns(texts: PictureTexts, rows: IntArray) -> dict[str, list[Any]]:
    """List the pictures that say something, and what they say.

    Parameters
    ----------
    texts : PictureTexts
    rows : ndarray of shape (n,), int64
        The pictures of the page.

    Returns
    -------
    dict of str to list
        "rows" are places in `rows`.
    """
    said = [(row, text) for row, index in enumerate(rows.tolist()) if (text := texts.texts[index])]
    return {"rows": [row for row, _ in said], "texts": [text for _, text in said]}


def family_columns(families: PictureFamilies, rows: IntArray) -> dict[str, dict[str, list[Any]]]:
    """List the copies, and the pictures that share a template.

    Parameters
    ----------
    families : PictureFamilies
    rows : ndarray of shape (n,), int64
        The pictures of the page: all that could be read.

    Returns
    -------
    dict of str to dict
        "copies" has the "rows" that are copies, the row "of" which each is one, and the "kinds"; "templates" the "rows"
        of different pictures that have a template with others, and the row "of" the one that stands for it.

    Examples
    --------
    >>> copies = np.array([0, 0, -1, 3]), np.array([0, 4, 0, 0], np.uint8)
    >>> found = family_columns(PictureFamilies(*copies, template_of=np.array([0, 0, -1, 0])), np.array([0, 1, 3]))
    >>> found["copies"], found["templates"]
    ({'rows': [1], 'of': [0], 'kinds': ['flipped']}, {'rows': [0, 2], 'of': [0, 0]})
    """
    row_of = np.full(len(families.copy_of), -1, np.int64)
    row_of[rows] = np.arange(len(rows))
    copies = rows[families.copy_kinds[rows] > 0]
    different = rows[families.copy_kinds[rows] == 0]
    shared = np.bincount(families.template_of[different], minlength=len(row_of)) > 1
    variants = different[shared[families.template_of[different]]]
    return {
        "copies": {
            "rows": row_of[copies].tolist(),
            "of": row_of[families.copy_of[copies]].tolist(),
            "kinds": [COPY_KINDS[kind] for kind in families.copy_kinds[copies].tolist()],
        },
        "templates": {
            "rows": row_of[variants].tolist(),
            "of": row_of[families.template_of[variants]].tolist(),
        },
    }
