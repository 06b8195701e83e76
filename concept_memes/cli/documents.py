"""What ``--json`` prints, as plain dictionaries. Paths are absolute, so that they hold in whatever folder one is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from concept_memes.cli.shown_places import absolute_place, picture_path
from concept_memes.concepts import Assignment, ConceptHit, ConceptSet, ImageHit
from concept_memes.memes.groups import variant_groups
from concept_memes.protocols import FloatArray
from concept_memes.run_report import RunReport
from concept_memes.search import standard_scores
from concept_memes.sources.image_refs import ImageRef
from concept_memes.updates import UpdateReport

__all__ = ["assigned_document", "fitted_document", "search_document", "similar_document", "updated_document"]


def fitted_document(
    concept_set: ConceptSet, report: RunReport, parameters: Mapping[str, object], folder: Path
) -> dict[str, Any]:
    """Describe a fitted model.

    Parameters
    ----------
    concept_set : ConceptSet
    report : RunReport
    parameters : mapping of str to object
        What can be written in JSON is kept; of other objects the names of their types.
    folder : Path
        Where it is saved.

    Returns
    -------
    dict
    """
    return {
        "folder": str(folder.absolute()),
        "model": report.encoder_name,
        "fingerprint": report.encoder_fingerprint,
        "n_images": report.n_images,
        "n_read": report.n_read,
        "n_copies": report.n_copies,
        "n_near_copies": report.n_near_copies,
        "n_other_files": report.n_other_files,
        "n_concepts": len(concept_set),
        "n_in_none": n_in_none(concept_set, report),
        "skipped": [
            {"path": None if s.path is None else str(concept_set.base_folder / s.path), "reason": s.reason}
            for s in report.skipped
        ],
        "seconds": report.seconds,
        "texts": texts_document(concept_set),
        "copies": copies_document(concept_set),
        # "auto" is what was asked for; "model" is what it came to, before and after saving.
        "parameters": {name: as_json(value) for name, value in parameters.items() if name != "embedding_model"},
        "versions": report.versions,
        "concepts": [
            {
                "concept": concept.index,
                "size": concept.size,
                "name": concept.name,
                "words": list(concept.words),
                "word_scores": list(concept.word_scores),
                "said": list(concept.said),
                "exemplars": [picture_path(concept_set, index) for index in concept.exemplars],
            }
            for concept in concept_set.concepts
        ],
    }


def search_document(
    concept_set: ConceptSet,
    query: str,
    found: tuple[Sequence[ConceptHit], Sequence[ImageHit]],
    standard: tuple[Sequence[ConceptHit], Sequence[ImageHit]],
) -> dict[str, Any]:
    """Describe what a search found, best first; `score` is the standard score, which other queries' compare with.

    Parameters
    ----------
    concept_set : ConceptSet
    query : str
        As it was typed.
    found, standard : (sequence of ConceptHit, sequence of ImageHit)
        The same hits in the same order; `standard` with standard scores.

    Returns
    -------
    dict
    """
    known = {concept.index: concept for concept in concept_set.concepts}
    return {
        "query": query,
        "concepts": [
            {
                "concept": hit.concept,
                "similarity": hit.similarity,
                "score": in_standard.similarity,
                "size": known[hit.concept].size,
                "words": list(known[hit.concept].words),
                "said": list(known[hit.concept].said),
            }
            for hit, in_standard in zip(found[0], standard[0], strict=True)
        ],
        "images": found_images(concept_set, found[1], [hit.similarity for hit in standard[1]]),
    }


def similar_document(
    concept_set: ConceptSet,
    picture: str,
    label: int,
    vector: FloatArray,
    images: Sequence[ImageHit],
    *,
    known: bool,
) -> dict[str, Any]:
    """Describe the pictures that are like one, best first; `known` says whether it is of the collection."""
    return {
        "picture": picture,
        "known": known,
        "concept": label,
        "images": found_images(concept_set, images, scores_of(concept_set, vector, images)),
    }


def found_images(concept_set: ConceptSet, images: Sequence[ImageHit], scores: Sequence[float]) -> list[dict[str, Any]]:
    """Describe the pictures that a search found; `text` is what each says, null where nobody read it."""
    texts = concept_set.texts
    return [
        {
            "path": picture_path(concept_set, hit.index),
            "similarity": hit.similarity,
            "score": score,
            "concept": hit.concept,
            "text": None if texts is None else texts.texts[hit.index],
        }
        for hit, score in zip(images, scores, strict=True)
    ]


def scores_of(concept_set: ConceptSet, vector: FloatArray, hits: Sequence[ImageHit]) -> list[float]:
    """Return the standard scores of what a search found."""
    scores: list[float] = standard_scores(concept_set, vector, np.array([hit.similarity for hit in hits])).tolist()
    return scores


def assigned_document(concept_set: ConceptSet, placed: Iterable[tuple[ImageRef, Assignment]]) -> dict[str, Any]:
    """Describe the concepts of new pictures; -1 is in none, and `reason` says why one could not be read."""
    words = {concept.index: list(concept.words) for concept in concept_set.concepts}
    return {
        "images": [
            {
                "path": absolute_place(ref),
                "concept": found.label,
                "confidence": found.confidence,
                "words": words.get(found.label, []),
                "nearest": [picture_path(concept_set, index) for index in found.exemplars],
                "reason": found.reason or None,
            }
            for ref, found in placed
        ]
    }


def updated_document(
    concept_set: ConceptSet, refs: Sequence[ImageRef], done: UpdateReport, folder: Path
) -> dict[str, Any]:
    """Describe what an update did."""
    known, reasons = set(done.known), {one.index: one.reason for one in done.skipped}
    return {
        "folder": str(folder.absolute()),
        "n_images": len(concept_set.images),
        "n_concepts": len(concept_set),
        "n_added": len(refs) - len(known),
        "n_known": len(known),
        "n_copies": done.n_copies,
        "n_moved": done.n_moved,
        "n_in_none": done.n_waiting,
        "joined": {str(concept): n for concept, n in done.joined.items()},
        "new_concepts": [{"concept": c.index, "size": c.size, "words": list(c.words)} for c in done.new_concepts],
        "images": [
            {
                "path": absolute_place(ref),
                "concept": label,
                "known": place in known,
                "reason": reasons.get(place),
            }
            for place, (ref, label) in enumerate(zip(refs, done.labels.tolist(), strict=True))
        ],
    }


def texts_document(concept_set: ConceptSet) -> dict[str, Any] | None:
    """Say how many pictures say something and how that counts; None where nobody read them."""
    texts = concept_set.texts
    if texts is None:
        return None
    return {"n_images": texts.n_speaking, "reader": texts.reader, "weight": texts.weight, "encoder": texts.encoder}


def copies_document(concept_set: ConceptSet) -> dict[str, int] | None:
    """Count copies and templates; None where nobody looked for them."""
    families = concept_set.families
    if families is None:
        return None
    templates = variant_groups(concept_set, families)
    n_variants = sum(len(group.variants) for group in templates)
    return {"n_copies": families.n_copies, "n_templates": len(templates), "n_variants": n_variants}


def n_in_none(concept_set: ConceptSet, report: RunReport) -> int:
    """Count the pictures that were read and are in no concept."""
    return report.n_read - sum(concept.size for concept in concept_set.concepts)


def as_json(value: object) -> object:
    """Return a value that JSON can hold."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return str(value) if isinstance(value, Path) else type(value).__name__
