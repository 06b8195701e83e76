"""Pictures that arrive later: they join fitted concepts, wait, or become new concepts.

Three steps. New pictures join by the vote of :mod:`concept_memes.assignment`, or are in none. Then the whole collection
is clustered anew, but only to see which groups there are by now: a group that stands for no existing concept becomes a
new one. At last the pictures that are in none are asked again.

An existing concept keeps its number, words and name. The group that holds most of its exemplars is taken to be it,
so two concepts may be one group without becoming one, and of a concept that has come to be two groups the one with the
exemplars keeps the number.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from concept_memes.assembly import Collection, describe_concept
from concept_memes.assignment import Placement, place_vectors
from concept_memes.centring import unit
from concept_memes.clustering import Clustering
from concept_memes.concepts import Concept, ConceptSet, ImageRecord, SkippedImage
from concept_memes.counting import counted_rows, families_among, representatives
from concept_memes.edits import holder
from concept_memes.fusion import comparable_rows
from concept_memes.hierarchy import centred_rows, in_order_of_content
from concept_memes.protocols import FloatArray, IntArray

__all__ = ["Extended", "Grown", "Regroup", "UpdateReport", "extend", "grow", "with_texts_of_copies"]

Regroup: TypeAlias = Callable[[ConceptSet, IntArray], Clustering]


@dataclass(frozen=True)
class UpdateReport:
    """What one `update` did.

    Attributes
    ----------
    labels : ndarray of shape (n_given,), int64
        Concept of each picture that was given; -1 for none, or if it could not be read.
    joined : dict of int to int
        Existing concepts that new pictures joined, and how many.
    new_concepts : tuple of Concept
        Concepts that have formed.
    known : tuple of int
        Which of those given were in the collection already, by their places; they were not added again.
    n_copies : int
        Pictures that were added, and whose content another one before them had.
    n_moved : int
        Pictures that went from an existing concept into a new one.
    n_waiting : int
        Pictures of the whole collection that are in no concept.
    skipped : tuple of SkippedImage
        Pictures of those given that could not be read; `index` is their place among those given.
    n_relocated : int
        Pictures of those known whose files had moved; the collection knows their new places.

    Examples
    --------
    >>> report = UpdateReport(np.array([0, 0, 2, -1]), {0: 2}, (Concept(2, 3, words=("panda",)),), n_waiting=1)
    >>> print(report)
    4 images: 2 joined 1 concept, 1 in 1 new concept, 1 in none
    new: 2 (panda), 3 images
    """

    labels: IntArray
    joined: Mapping[int, int]
    new_concepts: tuple[Concept, ...] = ()
    known: tuple[int, ...] = ()
    n_copies: int = 0
    n_moved: int = 0
    n_waiting: int = 0
    skipped: tuple[SkippedImage, ...] = ()
    n_relocated: int = 0

    @property
    def n_known(self) -> int:
        """How many were in the collection already."""
        return len(self.known)

    def __str__(self) -> str:
        added = np.delete(self.labels, list(self.known))  # each picture counts once
        n_joined = sum(self.joined.values())
        n_unread = sum(one.index >= 0 and one.index not in self.known for one in self.skipped)
        n_new = int(np.isin(added, [concept.index for concept in self.new_concepts]).sum())
        n_none = int((added < 0).sum()) - n_unread
        parts = [f"{self.n_known} known already"] if self.n_known else []
        parts += [f"{n_joined} joined {_counted(len(self.joined), 'concept')}"] if n_joined else []
        parts += [f"{n_new} in {_counted(len(self.new_concepts), 'new concept')}"] if self.new_concepts else []
        parts += [f"{n_none} in none"] if n_none else []
        parts += [f"{n_unread} could not be read"] if n_unread else []
        lines = [f"{_counted(len(self.labels), 'image')}: {', '.join(parts)}"]
        lines += [f"new: {c.index} ({c.title}), {_counted(c.size, 'image')}" for c in self.new_concepts]
        if self.n_relocated:
            lines.append(f"{_counted(self.n_relocated, 'image')} of those known found in a new place")
        if self.n_moved:
            lines.append(f"{_counted(self.n_moved, 'image')} went from existing concepts into new ones")
        return "\n".join(lines)


@dataclass(frozen=True)
class Extended:
    """A set with new pictures that have no concept yet.

    Attributes
    ----------
    concept_set : ConceptSet
        The new pictures stand at its end, labels -1.
    places : ndarray of shape (n_given,), int64
        Where each picture that was given is in it.
    n_known : int
        Pictures that were there already.
    n_copies : int
        Pictures that were added, and whose content another one before them had.
    n_relocated : int
        Pictures that were there already, and whose files lie elsewhere now.
    """

    concept_set: ConceptSet
    places: IntArray
    n_known: int
    n_copies: int
    n_relocated: int


@dataclass(frozen=True)
class Grown:
    """A set whose new pictures have found their concepts.

    Attributes
    ----------
    concept_set : ConceptSet
        New concepts have no words, and there is no tree: both are still to be made.
    new : tuple of int
        Numbers of the new concepts.
    n_moved : int
        Pictures that went from an existing concept into a new one.
    """

    concept_set: ConceptSet
    new: tuple[int, ...]
    n_moved: int


def extend(concept_set: ConceptSet, collection: Collection) -> Extended:
    """Put pictures to the end of a set; they have no concept yet.

    Parameters
    ----------
    concept_set : ConceptSet
    collection : Collection
        The pictures, with vectors of the model that made the set's.

    Returns
    -------
    Extended
        A picture whose path and content are there already is not added again, nor one without a path whose content is
        there. The same content under another path is a copy, unless the file of before is gone: then it has moved.
    """
    known, with_content, images = {}, defaultdict(list), list(concept_set.images)
    for row, image in enumerate(concept_set.images):
        known[_place(image, concept_set.base_folder), image.content_hash] = row
        if image.content_hash:
            known.setdefault((None, image.content_hash), row)
            with_content[image.content_hash].append(row)
    records: list[ImageRecord] = []
    rows: list[int] = []
    places = np.zeros(len(collection.images), np.int64)
    relocated: set[int] = set()
    for row, image in enumerate(collection.images):
        place = _place(image, collection.base_folder)
        found = known.get((place, image.content_hash)) if place is not None or image.content_hash else None
        if found is None and place is not None:
            twins = (i for i in with_content.get(image.content_hash, ()) if i not in relocated)
            found = next((i for i in twins if _is_gone(_place(images[i], concept_set.base_folder))), None)
            if found is not None:
                relocated.add(found)
                images[found] = _moved_record(image, row, found, collection.base_folder, concept_set.base_folder)
        if found is not None:
            places[row] = found
            continue
        places[row] = len(concept_set.images) + len(records)
        rows.append(row)
        records.append(_moved_record(image, row, int(places[row]), collection.base_folder, concept_set.base_folder))
    added = set(rows)
    skipped = [s for s in collection.skipped if s.index in added or s.index < 0]
    n = len(records)
    extended = replace(
        concept_set,
        images=(*images, *records),
        labels=np.concatenate([concept_set.labels, np.full(n, -1, np.int64)]),
        probabilities=np.concatenate([concept_set.probabilities, np.zeros(n)]),
        raw_labels=np.concatenate([concept_set.raw_labels, np.full(n, -1, np.int64)]),
        raw_probabilities=np.concatenate([concept_set.raw_probabilities, np.zeros(n)]),
        vectors=np.concatenate([concept_set.vectors, collection.vectors[rows]]),
        positions=None if n else concept_set.positions,  # a new picture moves its neighbours
        texts=concept_set.texts and concept_set.texts.extended(collection.texts, rows, len(images) + n),
        families=None if n else concept_set.families,
        skipped=concept_set.skipped
        + tuple(s if s.index < 0 else replace(s, index=int(places[s.index])) for s in skipped),
        pixels={
            **concept_set.pixels,
            **{int(places[row]): collection.pixels[row] for row in rows if row in collection.pixels},
        },
    )
    old = {image.content_hash for image in concept_set.images}
    hashes = [record.content_hash for record in records if record.content_hash]
    n_copies = len(hashes) - len({*hashes} - old)
    return Extended(extended, places, len(collection.images) - n, n_copies, len(relocated))


def with_texts_of_copies(concept_set: ConceptSet, start: int) -> ConceptSet:
    """Let new pictures say what a known copy of them says, else the picture that stands for them.

    Known ones keep what they say.

    Parameters
    ----------
    concept_set : ConceptSet
        With the texts that were read in each, and with copies.
    start : int
        The first new picture.

    Returns
    -------
    ConceptSet
    """
    if concept_set.texts is None:
        return concept_set
    return replace(concept_set, texts=concept_set.texts.at(_speakers(concept_set, start)))


def grow(
    concept_set: ConceptSet,
    start: int,
    regroup: Regroup | None,
    *,
    n_exemplars: int,
    diversity: float,
    guide: Sequence[str] = (),
) -> Grown:
    """Give the last pictures of a set their concepts, and make new ones where groups have formed.

    Parameters
    ----------
    concept_set : ConceptSet
        What `extend` gives.
    start : int
        Pictures from here on are new.
    regroup : callable, optional
        Groups the pictures of a set at these indices, which are all that could be read. Without it no concept forms.
    n_exemplars, diversity
        As for :class:`concept_memes.ConceptModel`.
    guide : sequence of str, default=()
        What new groups that are guided by a word are called.

    Returns
    -------
    Grown
        Sizes and centroids of existing concepts follow their pictures; exemplars stay, unless one has gone into a new
        concept.
    """
    k, n = len(concept_set), len(concept_set.images)
    labels, probabilities = concept_set.labels.copy(), concept_set.probabilities.copy()
    raw, raw_probabilities = concept_set.raw_labels.copy(), concept_set.raw_probabilities.copy()
    new = np.arange(start, n)
    placement = _placed(concept_set, labels, probabilities, new, asked=np.arange(start))
    labels[new], probabilities[new] = placement.labels, placement.confidences
    speakers = _speakers(concept_set, start)
    labels[new], probabilities[new] = labels[speakers[new]], probabilities[speakers[new]]
    before, formed_here = labels.copy(), np.zeros(n, np.bool_)
    names: dict[int, str] = {}
    if regroup is not None:
        readable = np.flatnonzero([bool(image.content_hash) for image in concept_set.images])
        heads = representatives(concept_set, readable)
        counted = comparable_rows(concept_set.texts, readable[heads == readable])
        found = regroup(concept_set, counted)
        place = np.full(n, -1, np.int64)  # in what was found; copies have that of the one that counts for them
        place[counted] = np.arange(len(counted))
        place[readable] = place[heads]
        group_of = np.where(place >= 0, found.labels[place], -1)
        formed = new_groups(concept_set, labels, group_of)
        for number, group in enumerate(formed, start=k):
            rows = np.flatnonzero(group_of == group)
            inside = place[rows]
            formed_here[rows] = True
            labels[rows], probabilities[rows] = number, found.probabilities[inside]
            raw[rows] = np.where(found.raw_labels[inside] == group, number, -1)
            raw_probabilities[rows] = np.where(raw[rows] >= 0, found.raw_probabilities[inside], 0.0)
            if group in found.guided:
                names[number] = guide[found.guided[group]]
    n_moved = int(((before >= 0) & (labels >= k)).sum())
    describe = partial(_described, n_existing=k, names=names, n_exemplars=n_exemplars, diversity=diversity)
    grown = describe(concept_set, labels, probabilities)
    waiting = np.flatnonzero(labels < 0)
    labels, probabilities = labels.copy(), probabilities.copy()
    placement = _placed(grown, labels, probabilities, waiting, asked=np.flatnonzero(labels >= 0))
    # Pictures that have been waiting only join what has formed: what the fit left out stays out.
    taken = (waiting >= start) | (placement.labels >= k)
    labels[waiting[taken]], probabilities[waiting[taken]] = placement.labels[taken], placement.confidences[taken]
    labels[new], probabilities[new] = labels[speakers[new]], probabilities[speakers[new]]
    joined = (concept_set.labels < 0) & (np.arange(n) >= start) & (labels >= 0) & ~formed_here
    raw[joined], raw_probabilities[joined] = labels[joined], probabilities[joined]
    twins = new[speakers[new] < start]
    raw[twins], raw_probabilities[twins] = raw[speakers[twins]], raw_probabilities[speakers[twins]]
    grown = replace(
        describe(grown, labels, probabilities), raw_labels=raw, raw_probabilities=raw_probabilities, hierarchy=()
    )
    return Grown(grown, tuple(range(k, len(grown))), n_moved)


def groups_of_concepts(concept_set: ConceptSet, labels: IntArray, group_of: IntArray) -> IntArray:
    """Find the group that stands for each existing concept: that with most of its exemplars, else of its pictures.

    Parameters
    ----------
    concept_set : ConceptSet
    labels, group_of : ndarray of shape (n_images,), int64
        Concept and group per picture; -1 for none.

    Returns
    -------
    ndarray of shape (n_concepts,), int64
        -1 where all pictures of a concept are in no group. Several concepts may have the same.
    """
    stands_for = np.full(len(concept_set), -1, np.int64)
    for concept in concept_set.concepts:
        for rows in (np.array(concept.exemplars, np.int64), np.flatnonzero(labels == concept.index)):
            groups = group_of[rows][group_of[rows] >= 0]
            if len(groups):
                stands_for[concept.index] = np.bincount(groups).argmax()
                break
    return stands_for


def new_groups(concept_set: ConceptSet, labels: IntArray, group_of: IntArray) -> list[int]:
    """Find the groups that stand for no existing concept, and are not a part of what the user has merged.

    Takes what `groups_of_concepts` takes, and returns the groups, ascending.
    """
    merged = merged_by_hand(concept_set)
    taken = {*groups_of_concepts(concept_set, labels, group_of).tolist()}
    free = [group for group in range(int(group_of.max(initial=-1)) + 1) if group not in taken]
    return [group for group in free if holder(labels, np.flatnonzero(group_of == group).tolist()) not in merged]


def merged_by_hand(concept_set: ConceptSet) -> set[int]:
    """Return the concepts that hold what the user has merged; they are not to be taken apart."""
    row_of = {image.content_hash: row for row, image in enumerate(concept_set.images)}
    numbers = set()
    for edit in concept_set.edits:
        if edit.kind == "merge":
            rows = [[row_of[key] for key in group if key in row_of] for group in edit.groups]
            found = [number for group in rows if (number := holder(concept_set.labels, group)) is not None]
            numbers |= {number for number in found if found.count(number) > 1}
    return numbers


def _speakers(concept_set: ConceptSet, start: int) -> IntArray:
    """Find whose concept each picture shares: a copy of a picture that was there before `start` goes with that one.

    New copies of one another go with the one that counts for them; what was there before speaks for itself.
    """
    n = len(concept_set.images)
    heads = representatives(concept_set, np.arange(n))
    known = np.full(n, -1, np.int64)
    known[heads[:start]] = representatives(concept_set, np.arange(start))
    return np.where(np.arange(n) < start, np.arange(n), np.where(known[heads] >= 0, known[heads], heads))


def _placed(
    concept_set: ConceptSet,
    labels: IntArray,
    probabilities: npt.NDArray[np.float64],
    rows: IntArray,
    *,
    asked: IntArray,
) -> Placement:
    """Find the concepts of pictures of a set by a vote of those asked."""
    voters = replace(
        concept_set,
        images=tuple(concept_set.images[row] for row in asked),
        labels=labels[asked],
        probabilities=probabilities[asked],
        raw_labels=labels[asked],
        raw_probabilities=probabilities[asked],
        vectors=concept_set.vectors[asked],
        positions=None,
        texts=concept_set.texts and concept_set.texts.at(asked),
        families=families_among(concept_set, asked),
    )
    return place_vectors(voters, concept_set.vectors[rows], concept_set.texts and concept_set.texts.at(rows))


def _described(
    concept_set: ConceptSet,
    labels: IntArray,
    probabilities: npt.NDArray[np.float64],
    *,
    n_existing: int,
    names: Mapping[int, str],
    n_exemplars: int,
    diversity: float,
) -> ConceptSet:
    """Give a set other labels; an existing concept keeps its exemplars as long as they are in it, and no copies."""
    concepts: list[Concept] = []
    centroids: list[FloatArray] = []
    for number in range(int(labels.max(initial=n_existing - 1)) + 1):
        members = np.flatnonzero(labels == number)
        rows = in_order_of_content(concept_set, counted_rows(concept_set, members))
        old = concept_set.concepts[number] if number < n_existing else None
        shown = np.array(() if old is None else old.exemplars, np.int64)
        stays = (labels[shown] == number).all() and len(counted_rows(concept_set, shown)) == len(shown)
        if old is not None and stays:
            concept, centroid = replace(old, size=len(members)), concept_set.centroids[number]
            if not np.array_equal(np.flatnonzero(concept_set.labels == number), members):
                centroid = unit(concept_set.vectors[rows].mean(axis=0, dtype=np.float64))
        else:
            concept, centroid = describe_concept(
                number,
                rows,
                concept_set.images,
                concept_set.vectors[rows],
                centred_rows(concept_set, rows),
                probabilities[rows],
                size=len(members),
                n_exemplars=n_exemplars,
                diversity=diversity,
            )
            if old is None:
                concept = replace(concept, name=names.get(number, ""))
            else:
                concept = replace(
                    old, size=len(members), exemplars=concept.exemplars, exemplar_scores=concept.exemplar_scores
                )
        concepts.append(concept)
        centroids.append(centroid)
    return replace(
        concept_set,
        labels=labels,
        probabilities=probabilities,
        concepts=tuple(concepts),
        centroids=np.stack(centroids) if centroids else concept_set.centroids,
    )


def _place(image: ImageRecord, base_folder: Path) -> str | None:
    """Return where a picture is, whatever folder one is in; None for pictures that came as pixels."""
    return None if image.path is None else str(base_folder / image.path)


def _is_gone(place: str | None) -> bool:
    """Tell whether a file has left its place; what is inside an archive has not."""
    return place is not None and not os.path.lexists(place) and not any(map(os.path.isfile, Path(place).parents))


def _moved_record(image: ImageRecord, index: int, new_index: int, folder: Path, base_folder: Path) -> ImageRecord:
    """Describe a picture as it is called in a set with another base folder, and under another number."""
    if image.path is None:
        return replace(image, name=f"image-{new_index}") if image.name == f"image-{index}" else image
    return image if folder == base_folder else replace(image, path=folder / image.path)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
