"""Copies and variants as people read them: groups of pictures, out of what `find_families` found."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from concept_memes.concepts import ConceptSet
from concept_memes.errors import InvalidParameterError
from concept_memes.findings import COPY_KINDS, PictureFamilies, exact_families

__all__ = ["CopyGroup", "VariantGroup", "duplicate_groups", "variant_groups"]


@dataclass(frozen=True)
class CopyGroup:
    """A picture and its copies.

    Attributes
    ----------
    images : tuple of int
        Indices in the collection; first the picture that stands for them.
    kinds : tuple of str
        How each is the same as the first: "itself", "exact", "near", "mirrored", ...; see
        :data:`concept_memes.findings.COPY_KINDS`.
    """

    images: tuple[int, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class VariantGroup:
    """A template: different pictures made from the same one, and the copies of each.

    Attributes
    ----------
    image : int
        The picture that stands for the template.
    variants : tuple of CopyGroup
        Its different pictures, the one with most copies first.
    """

    image: int
    variants: tuple[CopyGroup, ...]

    @property
    def size(self) -> int:
        """Pictures in all, copies included."""
        return sum(len(variant.images) for variant in self.variants)


def duplicate_groups(
    concept_set: ConceptSet, families: PictureFamilies, kind: Literal["near", "exact"] = "near"
) -> list[list[Path | str]]:
    """List pictures that are there more than once.

    Parameters
    ----------
    concept_set : ConceptSet
    families : PictureFamilies
    kind : {"near", "exact"}, default="near"

    Returns
    -------
    list of list of Path or str
        The largest group first; first in each the picture that stands for it. Paths as they were given; names of
        pictures that came as pixels.

    Raises
    ------
    InvalidParameterError
        If the kind is another one.
    """
    if not isinstance(kind, str) or kind not in ("near", "exact"):
        raise InvalidParameterError("kind", kind, '"near" or "exact"')
    if kind == "exact":
        families = exact_families([image.content_hash for image in concept_set.images])
    groups = [group for group in copy_groups(families) if len(group.images) > 1]
    images = concept_set.images
    return [[images[i].path or images[i].name for i in group.images] for group in groups]


def variant_groups(concept_set: ConceptSet, families: PictureFamilies) -> list[VariantGroup]:
    """List templates with two and more different pictures.

    Parameters
    ----------
    concept_set : ConceptSet
    families : PictureFamilies

    Returns
    -------
    list of VariantGroup
        The largest first.
    """
    variants: dict[int, list[CopyGroup]] = defaultdict(list)
    for group in copy_groups(families):
        variants[int(families.template_of[group.images[0]])].append(group)
    found = [VariantGroup(image, tuple(several)) for image, several in variants.items() if len(several) > 1]
    return sorted(found, key=lambda group: (-group.size, group.image))


def copy_groups(families: PictureFamilies) -> list[CopyGroup]:
    """List every different picture with its copies, the one with most copies first."""
    members: dict[int, list[int]] = defaultdict(list)
    for index in np.flatnonzero(families.copy_of >= 0).tolist():
        members[int(families.copy_of[index])].append(index)
    groups = []
    for first, indices in members.items():
        in_order = (first, *(i for i in indices if i != first))
        groups.append(CopyGroup(in_order, tuple(COPY_KINDS[families.copy_kinds[i]] for i in in_order)))
    return sorted(groups, key=lambda group: (-len(group.images), group.images[0]))
