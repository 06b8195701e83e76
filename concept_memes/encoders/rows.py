"""Rows of a batch, filled up to a number at which no row depends on its place.

With five to seven, or nine to eleven rows, matrix libraries treat the last rows in another way than the first, and the
same picture gets other bits at another place (seen in fp32 with MKL). Multiples of four are safe.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["filled_rows", "safe_number"]


def safe_number(n: int) -> int:
    """Return the number of rows that `n` rows are filled up to.

    Parameters
    ----------
    n : int

    Returns
    -------
    int

    Examples
    --------
    >>> [safe_number(n) for n in (1, 2, 3, 4, 6, 16)]
    [1, 2, 3, 4, 8, 16]
    """
    return n if n < 4 else -(-n // 4) * 4


def filled_rows(batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Repeat the last row until the number of rows is safe.

    Parameters
    ----------
    batch : ndarray of shape (n, ...), n at least 1

    Returns
    -------
    ndarray of shape (m, ...), m at least n

    Examples
    --------
    >>> filled_rows(np.arange(6)).tolist()
    [0, 1, 2, 3, 4, 5, 5, 5]
    """
    missing = safe_number(len(batch)) - len(batch)
    return np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
