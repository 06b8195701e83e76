"""Who stands for a group of copies, and how the others are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concept_memes.findings import COPY_KINDS
from concept_memes.memes.looks import Look
from concept_memes.memes.registration import SYMMETRIES, Warps, composed, inverted
from concept_memes.protocols import IntArray

__all__ = ["Grouping", "with_best_leaders"]

# Pictures that show more of the plane than that, as a share of the least that one shows, have a border. As many pixels
# as the largest has, give or take this factor, are many.
TIGHT, MANY_PIXELS = 1.04, 1.3
# A turn of less than this, in degrees, and a cut of less than this share, are no more than inaccurate.
TURNED, CROPPED = 0.7, 0.94


@dataclass(frozen=True)
class Grouping:
    """Groups of pictures.

    Attributes
    ----------
    leaders : ndarray of shape (n,), int64
        Of each picture; itself for leaders.
    warps : Warps
        Where places of the leader are in each picture.
    """

    leaders: IntArray
    warps: Warps


def with_best_leaders(
    groups: Grouping, whole: Grouping, looks: Sequence[Look], degree: IntArray
) -> tuple[IntArray, IntArray]:
    """Choose who stands for each group, and name how the others are the same.

    That is a picture without a border, that was not cut, turned or mirrored unless most were; of these one of those
    with most pixels, give or take, that is the same as most others.

    Parameters
    ----------
    groups : Grouping
    whole : Grouping
        The same without what was cut.
    looks : sequence of Look
    degree : ndarray of shape (n,), int64
        With how many others each was found to be the same.

    Returns
    -------
    stands_for : ndarray of shape (n,), int64
        Who stands for each picture.
    kinds : ndarray of shape (n,), int64
        Places in `COPY_KINDS`.
    """
    n = len(looks)
    positions, turns = positions_of(groups.warps)
    # How much of its leader's plane a picture takes: little without a border.
    areas = 1 / np.maximum(np.abs(np.linalg.det(groups.warps.places[:, :, :2].astype(np.float64))), 1e-6)
    pixels = np.array([look.size[0] * look.size[1] for look in looks], np.float64) / areas
    sizes = np.array([look.n_bytes for look in looks])
    stands_for = np.arange(n)
    order = np.argsort(groups.leaders, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(groups.leaders[order])) + 1):
        if len(members) > 1:
            left = members[whole.leaders[members] == groups.leaders[members[0]]]
            left = left[areas[left] < TIGHT * areas[left].min()]
            counts = np.bincount(positions[members], minlength=len(SYMMETRIES))
            upright = left[counts[positions[left]] == counts[positions[left]].max()]
            straight = upright[turns[upright] < max(TURNED, turns[upright].min() + 0.1)]
            large = straight[pixels[straight] > pixels[straight].max() / MANY_PIXELS]
            stands_for[members] = large[np.lexsort((large, -sizes[large], -degree[large]))[0]]
    between = composed(inverted(groups.warps[stands_for]), groups.warps)
    return stands_for, np.where(stands_for == np.arange(n), 0, kinds_of(between))


def positions_of(warps: Warps) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Return the nearest of `SYMMETRIES`, and by how many degrees a picture is turned besides."""
    linear = warps.places[:, :, :2].astype(np.float64)
    nearest = np.einsum("nij,kij->nk", linear, SYMMETRIES.astype(np.float64)).argmax(axis=1)
    upright = np.einsum("nij,nkj->nik", linear, SYMMETRIES[nearest].astype(np.float64))
    lengths = np.sqrt(np.abs(np.linalg.det(upright)))
    return nearest.astype(np.int64), np.degrees(np.abs(upright[:, 1, 0] - upright[:, 0, 1]) / (2 * lengths))


def kinds_of(warps: Warps) -> IntArray:
    """Name what warps do, as places in `COPY_KINDS`."""
    nearest, turns = positions_of(warps)
    linear = warps.places[:, :, :2].astype(np.float64)
    scales = np.abs(np.einsum("nij,nij->ni", linear, SYMMETRIES[nearest].astype(np.float64)))
    kinds = np.full(len(warps), COPY_KINDS.index("near"))
    kinds[(scales > 1 / CROPPED).any(axis=1)] = COPY_KINDS.index("cropped")  # the leader reaches over its edges
    kinds[(turns > TURNED) | (nearest > 2)] = COPY_KINDS.index("turned")
    kinds[nearest == 1] = COPY_KINDS.index("mirrored")
    kinds[nearest == 2] = COPY_KINDS.index("flipped")
    return kinds
