"""Corrections by the user: concepts merged, split and renamed.

An edit is kept with the pictures that it was made on, not with numbers, which another fit may give otherwise;
:mod:`concept_memes.replaying` makes it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from concept_memes.assembly import describe_concept
from concept_memes.centring import unit
from concept_memes.concepts import Concept, ConceptSet, Edit
from concept_memes.counting import counted_rows, representatives
from concept_memes.errors import InvalidParameterError
from concept_memes.exemplars import core_members
from concept_memes.hierarchy import centred_rows, in_order_of_content
from concept_memes.parameters import check_whole
from concept_memes.protocols import FloatArray, IntArray
from concept_memes.splitting import different_rows, split_group

__all__ = [
    "Edited",
    "holder",
    "members_in_order",
    "merge_groups",
    "merged",
    "parted",
    "relabelled",
    "rename",
    "renamed",
    "split",
]

# Pictures that an edit knows a concept by, the most typical ones: enough to find it again, few enough to keep.
PICTURES_PER_GROUP = 100


@dataclass(frozen=True)
class Edited:
    """A set after an edit.

    Attributes
    ----------
    concept_set : ConceptSet
        Changed concepts have no words, and there is no tree: both are still to be made.
    changed : tuple of int
        Numbers of the concepts that consist of other pictures than before.
    """

    concept_set: ConceptSet
    changed: tuple[int, ...]


def merge_groups(
    concept_set: ConceptSet, groups: Sequence[Sequence[int]], *, n_exemplars: int, diversity: float
) -> Edited:
    """Merge concepts.

    Parameters
    ----------
    concept_set : ConceptSet
    groups : sequence of sequence of int
        Numbers of the concepts that become one; a group of one stays as it is.
    n_exemplars, diversity
        As for :class:`concept_memes.ConceptModel`.

    Returns
    -------
    Edited
        A merged concept has the lowest number of its group; the numbers that become free are closed up. It keeps a
        name that only one of its group has.

    Raises
    ------
    InvalidParameterError
        If a number is no concept or comes twice, or there are less than two.
    """
    given = [number for group in groups for number in group]
    for number in given:
        check_number("concepts", number, len(concept_set))
    if len(given) < 2:
        raise InvalidParameterError("concepts", given, "two concepts or more to be merged")
    if len(set(given)) < len(given):
        raise InvalidParameterError("concepts", [list(group) for group in groups], "numbers that come only once")
    groups = [group for group in groups if len(group) > 1]
    edits = tuple(Edit("merge", tuple(typical_pictures(concept_set, number) for number in group)) for group in groups)
    edited = merged(concept_set, groups, n_exemplars=n_exemplars, diversity=diversity)
    return replace(edited, concept_set=recorded(edited.concept_set, edits))


def split(concept_set: ConceptSet, number: int, n: int, *, n_exemplars: int, diversity: float) -> Edited:
    """Split a concept.

    Parameters
    ----------
    concept_set : ConceptSet
    number : int
        Of the concept.
    n : int
        How many parts.
    n_exemplars, diversity
        As for :class:`concept_memes.ConceptModel`.

    Returns
    -------
    Edited
        The largest part keeps the number (but no name); the others come at the end, the larger ones first.

    Raises
    ------
    InvalidParameterError
        If the number is no concept, or it has fewer than `n` different pictures.
    """
    check_number("concept", number, len(concept_set))
    rows = members_in_order(concept_set, number)
    counted = counted_rows(concept_set, rows)
    centred = centred_rows(concept_set, counted)
    n_different = len(different_rows(centred)[0])
    limit = f"an integer from 2 to {n_different}, the number of its different pictures"
    check_whole(
        "n",
        n,
        2,
        limit if n_different > 1 else "left out: all pictures of this concept are the same one",
        most=n_different,
    )
    parts = with_copies(concept_set, rows, counted, split_group(centred, n))
    edited = parted(concept_set, number, rows, parts, n_exemplars=n_exemplars, diversity=diversity)
    groups = tuple(typical_pictures(edited.concept_set, part) for part in edited.changed)
    return replace(edited, concept_set=recorded(edited.concept_set, (Edit("split", groups),)))


def rename(concept_set: ConceptSet, number: int, name: str) -> ConceptSet:
    """Give a concept a name.

    Parameters
    ----------
    concept_set : ConceptSet
    number : int
        Of the concept.
    name : str
        White space around and inside it is tidied up; "" takes the name away.

    Returns
    -------
    ConceptSet
        With the name in the tree as well.

    Raises
    ------
    InvalidParameterError
        If the number is no concept, or the name no str.
    """
    check_number("concept", number, len(concept_set))
    if not isinstance(name, str):
        raise InvalidParameterError("name", name, 'a str; "" for none')
    edit = Edit("rename", (typical_pictures(concept_set, number),), " ".join(name.split()))
    return recorded(renamed(concept_set, number, edit.name), (edit,))


def merged(concept_set: ConceptSet, groups: Sequence[Sequence[int]], *, n_exemplars: int, diversity: float) -> Edited:
    """Merge concepts; no edit is kept."""
    first_of = {number: min(group) for group in groups for number in group}
    made_of: dict[int, list[int]] = {}
    for number in range(len(concept_set)):
        made_of.setdefault(first_of.get(number, number), []).append(number)
    number_of = np.full(len(concept_set) + 1, -1, np.int64)  # the last is for -1
    kept: list[int | None] = []
    names = {}
    for new, old in enumerate(made_of.values()):
        number_of[old] = new
        kept.append(old[0] if len(old) == 1 else None)
        given = [concept_set.concepts[number].name for number in old if concept_set.concepts[number].name]
        if len(given) == 1:
            names[new] = given[0]
    labels, raw = number_of[concept_set.labels], number_of[concept_set.raw_labels]
    return relabelled(concept_set, labels, raw, kept, names, n_exemplars=n_exemplars, diversity=diversity)


def parted(
    concept_set: ConceptSet, number: int, rows: IntArray, parts: IntArray, *, n_exemplars: int, diversity: float
) -> Edited:
    """Split a concept as `parts` says, numbered from the largest; no edit is kept."""
    k = len(concept_set)
    numbers = np.array([number, *range(k, k + int(parts.max()))], np.int64)
    labels, raw = concept_set.labels.copy(), concept_set.raw_labels.copy()
    labels[rows] = numbers[parts]
    raw[rows] = np.where(raw[rows] == number, labels[rows], raw[rows])
    kept: list[int | None] = [old if old != number else None for old in range(k)]
    kept += [None] * int(parts.max())
    return relabelled(concept_set, labels, raw, kept, {}, n_exemplars=n_exemplars, diversity=diversity)


def renamed(concept_set: ConceptSet, number: int, name: str) -> ConceptSet:
    """Give a concept, and its node of the tree, a name; no edit is kept."""
    concepts = tuple(replace(c, name=name) if c.index == number else c for c in concept_set.concepts)
    nodes = tuple(replace(node, name=name) if node.index == number else node for node in concept_set.hierarchy)
    return replace(concept_set, concepts=concepts, hierarchy=nodes)


def relabelled(
    concept_set: ConceptSet,
    labels: IntArray,
    raw_labels: IntArray,
    kept: Sequence[int | None],
    names: Mapping[int, str],
    *,
    n_exemplars: int,
    diversity: float,
) -> Edited:
    """Give a set other labels.

    `kept` says per new number which concept it is, whose description stays bit for bit; None is one that consists of
    other pictures than before, and is described anew. `names` are those of the latter.
    """
    concepts: list[Concept] = []
    centroids: list[FloatArray] = []
    for number, old in enumerate(kept):
        if old is not None:
            concepts.append(replace(concept_set.concepts[old], index=number))
            centroids.append(concept_set.centroids[old])
            continue
        members = np.flatnonzero(labels == number)
        rows = in_order_of_content(concept_set, counted_rows(concept_set, members))
        concept, centroid = describe_concept(
            number,
            rows,
            concept_set.images,
            concept_set.vectors[rows],
            centred_rows(concept_set, rows),
            concept_set.probabilities[rows],
            size=len(members),
            n_exemplars=n_exemplars,
            diversity=diversity,
        )
        concepts.append(replace(concept, name=names.get(number, "")))
        centroids.append(centroid)
    used = {word for concept in concepts for word in concept.words}
    places = [place for place, word in enumerate(concept_set.words) if word in used]
    changed = tuple(number for number, old in enumerate(kept) if old is None)
    edited = replace(
        concept_set,
        labels=labels,
        raw_labels=raw_labels,
        concepts=tuple(concepts),
        centroids=np.stack(centroids) if centroids else concept_set.centroids,
        words=tuple(concept_set.words[place] for place in places),
        word_vectors=concept_set.word_vectors[places],
        hierarchy=(),
    )
    return Edited(edited, changed)


def with_copies(concept_set: ConceptSet, rows: IntArray, counted: IntArray, parts: IntArray) -> IntArray:
    """Let copies follow the pictures that count for them; number the parts anew, from the largest on.

    `parts` is of `counted`, which is what `counted_rows` gives of `rows`; what comes back is of `rows`.
    """
    part_of = np.full(len(concept_set.images), -1, np.int64)
    part_of[counted] = parts
    parts = part_of[representatives(concept_set, rows)]
    rank = np.empty(int(parts.max()) + 1, np.int64)
    rank[np.argsort(-np.bincount(parts), kind="stable")] = np.arange(len(rank))
    return rank[parts]


def holder(labels: IntArray, rows: Sequence[int]) -> int | None:
    """Return the concept that holds at least half of these pictures; None if none does."""
    numbers, votes = np.unique(labels[list(rows)], return_counts=True)
    held = [int(number) for number, n in zip(numbers, votes, strict=True) if number >= 0 and 2 * n >= len(rows)]
    return held[0] if held else None


def typical_pictures(concept_set: ConceptSet, number: int) -> tuple[str, ...]:
    """Return content hashes of the pictures that a concept is known again by."""
    rows = counted_rows(concept_set, members_in_order(concept_set, number))
    keys = [concept_set.images[row].content_hash for row in rows]
    centred = centred_rows(concept_set, rows)
    affinity = centred.astype(np.float64) @ unit(centred.mean(axis=0, dtype=np.float64))
    chosen = core_members(affinity, concept_set.probabilities[rows], keys, PICTURES_PER_GROUP)
    return tuple(keys[place] for place in chosen)


def recorded(concept_set: ConceptSet, edits: tuple[Edit, ...]) -> ConceptSet:
    """Keep edits."""
    return replace(concept_set, edits=concept_set.edits + edits)


def members_in_order(concept_set: ConceptSet, number: int) -> IntArray:
    """Return a concept's pictures in the order of their content."""
    return in_order_of_content(concept_set, np.flatnonzero(concept_set.labels == number))


def check_number(name: str, number: int, n_concepts: int) -> None:
    """Refuse what is no number of a concept."""
    limit = f"the number of a concept, from 0 to {n_concepts - 1}" if n_concepts else "left out: there are no concepts"
    check_whole(name, number, 0, limit, most=n_concepts - 1)
