"""What the page knows of a collection at once: its concepts, its pictures in columns, and what the run did."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from concept_memes.centring import centre_vectors
from concept_memes.concepts import ConceptSet
from concept_memes.explorer.findings import family_columns
from concept_memes.explorer.page import generator
from concept_memes.explorer.thumbnails import PictureEntry
from concept_memes.protocols import IntArray
from concept_memes.remote.kept_copies import is_address
from concept_memes.run_report import RunReport

__all__ = [
    "concept_entries",
    "core_document",
    "folder_name",
    "picture_columns",
    "run_facts",
    "shown_rows",
    "skipped_entries",
    "tree_entries",
]

VERSION = 1  # of the page's data

N_NEAR = 5
# Places on the map are whole numbers up to this.
PLACES = 10_000


def shown_rows(concept_set: ConceptSet) -> IntArray:
    """Return the pictures that the page shows: those that could be read.

    Parameters
    ----------
    concept_set : ConceptSet

    Returns
    -------
    ndarray of shape (n,), int64
        Their indices in the set, ascending. A row of the page is a place in this.
    """
    return np.flatnonzero(concept_set.vectors.any(axis=1))


def core_document(
    concept_set: ConceptSet, rows: IntArray, entries: Sequence[PictureEntry], report: RunReport, title: str | None
) -> dict[str, Any]:
    """Describe a collection; where its pictures are to be found in the page is not known here.

    Parameters
    ----------
    concept_set : ConceptSet
    rows : ndarray of shape (n,), int64
        As `shown_rows` gives them.
    entries : sequence of PictureEntry
        One per row.
    report : RunReport
    title : str or None
        By default `folder_name`.

    Returns
    -------
    dict
    """
    made = datetime.now()  # noqa: DTZ005 (by the clock of who reads it)
    return {
        "version": VERSION,
        "title": title or folder_name(concept_set),
        "made": made.isoformat(timespec="seconds"),
        "generator": generator(),
        "model": concept_set.encoder_name,
        "facts": run_facts(concept_set, report, made),
        "skipped": skipped_entries(concept_set),
        "concepts": concept_entries(concept_set, rows),
        "tree": tree_entries(concept_set),
        "n": len(rows),
        "images": picture_columns(concept_set, rows, entries),
        "speaking": 0 if concept_set.texts is None else concept_set.texts.n_speaking,
        "plays": [row for row, entry in enumerate(entries) if entry.plays],
        **({} if concept_set.families is None else family_columns(concept_set.families, rows)),
    }


def folder_name(concept_set: ConceptSet) -> str:
    """Return the name of the folder, or the archive, that all pictures are in; "Pictures" where there is none.

    Parameters
    ----------
    concept_set : ConceptSet

    Returns
    -------
    str
    """
    folders = {
        os.path.abspath(concept_set.base_folder / image.path.parent)
        for image in concept_set.images
        if image.path is not None and not is_address(image.name)
    }
    try:
        return Path(os.path.commonpath(folders)).name or "Pictures"
    except ValueError:  # no folder at all, or different drives
        return "Pictures"


def concept_entries(concept_set: ConceptSet, rows: IntArray) -> list[dict[str, Any]]:
    """Describe the concepts.

    Parameters
    ----------
    concept_set : ConceptSet
        With places on the map.
    rows : ndarray of shape (n,), int64
        As `shown_rows` gives them.

    Returns
    -------
    list of dict
    """
    places = _places(concept_set)
    row_of = {int(index): row for row, index in enumerate(rows)}
    near = _near(concept_set)
    entries = []
    for number, concept in enumerate(concept_set.concepts):
        x, y = np.median(places[concept_set.labels == concept.index], axis=0)
        sure = set(concept.sure_words)
        known = concept.word_confidences or (None,) * len(concept.words)
        # Not all words but the first ones: by c-TF-IDF a word may be surer than the one before it.
        words = [[word, how and round(how, 3)] for word, how in zip(concept.words, known, strict=False) if word in sure]
        entries.append(
            {
                "id": concept.index,
                "title": concept.title,
                "name": concept.name,
                "words": words,
                "said": list(concept.said),
                "size": concept.size,
                "exemplars": [row_of[index] for index in concept.exemplars if index in row_of],
                "x": round(float(x)),
                "y": round(float(y)),
                "near": near[number],
            }
        )
    return entries


def tree_entries(concept_set: ConceptSet) -> list[list[Any]]:
    """Describe the tree of concepts.

    Parameters
    ----------
    concept_set : ConceptSet

    Returns
    -------
    list of list
        Index, children, concepts, size, similarity and title per node.
    """
    return [
        [node.index, node.children, node.concepts, node.size, round(node.similarity, 4), node.title]
        for node in concept_set.hierarchy
    ]


def picture_columns(concept_set: ConceptSet, rows: IntArray, entries: Sequence[PictureEntry]) -> dict[str, list[Any]]:
    """Describe the pictures, column by column.

    Parameters
    ----------
    concept_set : ConceptSet
        With places on the map.
    rows : ndarray of shape (n,), int64
        As `shown_rows` gives them.
    entries : sequence of PictureEntry
        One per row; what is in them of pixels is not looked at.

    Returns
    -------
    dict of str to list
    """
    places = _places(concept_set)[rows].round().astype(int)
    return {
        "name": [concept_set.images[index].name for index in rows],
        "concept": concept_set.labels[rows].tolist(),
        "sure": (concept_set.probabilities[rows] * 100).round().astype(int).tolist(),
        "x": places[:, 0].tolist(),
        "y": places[:, 1].tolist(),
        "w": [entry.size[0] for entry in entries],
        "h": [entry.size[1] for entry in entries],
        "bytes": [entry.n_bytes for entry in entries],
        "date": [entry.date for entry in entries],
        "href": [entry.link for entry in entries],
    }


def skipped_entries(concept_set: ConceptSet) -> list[list[str]]:
    """List what could not be read, with the reasons.

    Parameters
    ----------
    concept_set : ConceptSet

    Returns
    -------
    list of list of str
        Name and reason.
    """
    names = [
        concept_set.images[s.index].name if s.index >= 0 else str(s.path) if s.path is not None else "a folder"
        for s in concept_set.skipped
    ]
    return [[name, skipped.reason] for name, skipped in zip(names, concept_set.skipped, strict=True)]


def run_facts(concept_set: ConceptSet, report: RunReport, made: datetime) -> list[list[str]]:
    """Say what the run did, ready to print.

    Parameters
    ----------
    concept_set : ConceptSet
    report : RunReport
    made : datetime
        When the page is made.

    Returns
    -------
    list of list of str
        Label and value.
    """
    n_shown = len(shown_rows(concept_set))
    n_none = int((concept_set.labels < 0).sum()) - (len(concept_set.labels) - n_shown)
    n_copies = report.n_copies if concept_set.families is None else concept_set.families.n_copies
    texts = concept_set.texts
    facts = [
        ("Pictures", f"{n_shown:,}"),
        ("Concepts", f"{len(concept_set):,}"),
        ("In no concept", f"{n_none:,}"),
        ("Could not be read", f"{len(concept_set.skipped):,}" if concept_set.skipped else ""),
        ("Copies of other pictures", f"{n_copies:,}" if n_copies else ""),
        ("Pictures that say something", f"{texts.n_speaking:,}, read by {texts.reader}" if texts else ""),
        ("Other files in the folder", f"{report.n_other_files:,}" if report.n_other_files else ""),
        ("Corrections by hand", f"{len(concept_set.edits):,}" if concept_set.edits else ""),
        ("Model", concept_set.encoder_name or "none: the vectors came from outside"),
        ("Candidate words", f"{len(concept_set.candidates):,}" if concept_set.candidates else ""),
        ("Seconds per step", ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in report.seconds.items())),
        ("Versions", ", ".join(f"{name} {version}" for name, version in report.versions.items())),
        ("Page made", f"{made:%Y-%m-%d %H:%M}"),
    ]
    return [[label, value] for label, value in facts if value]


def _places(concept_set: ConceptSet) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return places on the map in the page's numbers; what has none lies in the middle."""
    positions = concept_set.positions
    if positions is None:
        return np.full((len(concept_set.images), 2), PLACES / 2)
    return np.nan_to_num(positions.astype(np.float64), nan=0.5).clip(0, 1) * PLACES


def _near(concept_set: ConceptSet) -> list[list[int]]:
    """Find the concepts that are most like each concept, the likest first."""
    if not len(concept_set):
        return []
    centroids = centre_vectors(concept_set.centroids, concept_set.centre, concept_set.blocks).astype(np.float64)
    cosines = centroids @ centroids.T
    np.fill_diagonal(cosines, -math.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, : min(N_NEAR, len(concept_set) - 1)]
    return [[concept_set.concepts[i].index for i in nearest] for nearest in order]
