"""Corrections made again on what another fit has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from concept_memes.centring import unit
from concept_memes.concepts import ConceptSet, Edit
from concept_memes.counting import counted_rows, representatives
from concept_memes.edits import holder, members_in_order, merged, parted, relabelled, renamed, with_copies
from concept_memes.hierarchy import centred_rows
from concept_memes.protocols import IntArray
from concept_memes.splitting import different_rows, split_group

__all__ = ["replay"]


def replay(
    concept_set: ConceptSet, edits: Sequence[Edit], *, n_exemplars: int, diversity: float
) -> tuple[ConceptSet, tuple[Edit, ...]]:
    """Make edits again on what another fit has found, oldest first.

    A concept is known again by the pictures of the edit: it is the one that holds at least half of those that are
    there. A merge joins the concepts that are known again. A split parts a concept that holds several parts: as it was
    parted then, if it still parts so by itself, otherwise the edit's pictures go to their parts and the others to the
    nearest one. What is so already stays as it is.

    Parameters
    ----------
    concept_set : ConceptSet
        Fresh from a fit, without words.
    edits : sequence of Edit
    n_exemplars, diversity
        As for :class:`concept_memes.ConceptModel`.

    Returns
    -------
    concept_set : ConceptSet
        With all edits kept, numbered from the largest concept to the smallest.
    lost : tuple of Edit
        Edits whose concepts are not known again.
    """
    lost = []
    row_of = {image.content_hash: row for row, image in enumerate(concept_set.images)}  # copies share a label
    for edit in edits:
        found = [holder(concept_set.labels, [row_of[key] for key in g if key in row_of]) for g in edit.groups]
        known = sorted({number for number in found if number is not None})
        if len([number for number in found if number is not None]) < min(2, len(edit.groups)):
            lost.append(edit)
        elif edit.kind == "rename":
            concept_set = renamed(concept_set, known[0], edit.name)
        elif edit.kind == "merge" and len(known) > 1:
            concept_set = merged(concept_set, [known], n_exemplars=n_exemplars, diversity=diversity).concept_set
        elif edit.kind == "split":
            for number in known:
                groups = [group for group, holding in zip(edit.groups, found, strict=True) if holding == number]
                rows = members_in_order(concept_set, number)
                groups = counted_keys(concept_set, rows, groups)
                if len(groups) > 1:
                    counted = counted_rows(concept_set, rows)
                    parts = with_copies(concept_set, rows, counted, parts_again(concept_set, counted, groups))
                    concept_set = parted(
                        concept_set, number, rows, parts, n_exemplars=n_exemplars, diversity=diversity
                    ).concept_set
    return replace(numbered_by_size(concept_set), edits=tuple(edits)), tuple(lost)


def counted_keys(concept_set: ConceptSet, rows: IntArray, groups: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Name the pictures of an edit by those that count for them now: another copy may have come. Each stays once."""
    if concept_set.families is None:
        return [tuple(group) for group in groups]
    key_of = dict(zip(rows.tolist(), representatives(concept_set, rows).tolist(), strict=True))
    counted = {concept_set.images[i].content_hash: concept_set.images[j].content_hash for i, j in key_of.items()}
    taken: set[str] = set()
    kept = []
    for group in groups:
        keys = {counted[key] for key in group if key in counted} - taken
        taken |= keys
        kept.append(tuple(sorted(keys)))
    return [group for group in kept if group]


def parts_again(concept_set: ConceptSet, rows: IntArray, groups: Sequence[Sequence[str]]) -> IntArray:
    """Part a concept as an edit did: pictures -> parts, numbered from the largest."""
    centred = centred_rows(concept_set, rows)
    group_of = {key: place for place, group in enumerate(groups) for key in group}
    given = np.array([group_of.get(concept_set.images[row].content_hash, -1) for row in rows], np.int64)
    if len(different_rows(centred)[0]) >= len(groups):
        parts = split_group(centred, len(groups))
        pairs = set(zip(given[given >= 0].tolist(), parts[given >= 0].tolist(), strict=True))
        if len(pairs) == len({part for _, part in pairs}) == len(groups):
            return parts  # no part holds pictures of two groups, and no group lies in two parts
    means = np.stack([unit(centred[given == place].mean(axis=0, dtype=np.float64)) for place in range(len(groups))])
    nearest = np.round(np.einsum("ij,kj->ik", centred, means, dtype=np.float64), 9).argmax(axis=1)
    parts = np.where(given >= 0, given, nearest)
    rank = np.empty(len(groups), np.int64)
    rank[np.argsort(-np.bincount(parts, minlength=len(groups)), kind="stable")] = np.arange(len(groups))
    return rank[parts]


def numbered_by_size(concept_set: ConceptSet) -> ConceptSet:
    """Give the concepts numbers from the largest on, ties in the order of their smallest content hashes."""
    first_hash = {c.index: concept_set.images[members_in_order(concept_set, c.index)[0]] for c in concept_set.concepts}
    ranked = sorted(concept_set.concepts, key=lambda c: (-c.size, first_hash[c.index].content_hash))
    kept = [concept.index for concept in ranked]
    number_of = np.full(len(kept) + 1, -1, np.int64)  # the last is for -1
    number_of[kept] = np.arange(len(kept))
    labels, raw = number_of[concept_set.labels], number_of[concept_set.raw_labels]
    return relabelled(concept_set, labels, raw, kept, {}, n_exemplars=1, diversity=0.0).concept_set
