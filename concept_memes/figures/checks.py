"""Checks of what figures are asked for."""

from __future__ import annotations

import math

import numpy as np

from concept_memes.errors import InvalidParameterError

__all__ = ["check_figsize", "check_whole"]


def check_whole(name: str, value: int, lowest: int) -> None:
    """Refuse what is no whole number of at least `lowest`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < lowest:
        raise InvalidParameterError(name, value, f"a whole number of at least {lowest}")


def check_figsize(figsize: tuple[float, float] | None) -> None:
    """Refuse what is no size of a figure in inches."""
    if figsize is not None and (len(figsize) != 2 or not all(math.isfinite(side) and side > 0 for side in figsize)):
        raise InvalidParameterError("figsize", figsize, "width and height in inches, both above 0, or None")
