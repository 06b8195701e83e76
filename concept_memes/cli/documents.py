"""What ``--json`` prints, as plain dictionaries. Paths are absolute, so that they hold in whatever folder one is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from concept_memes.cli.tables import picture_path
from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
from concept_memes.protocols import FloatArray
from concept_memes.run_report import RunReport
from concept_memes.search import standard_scores
from concept_memes.sources.image_refs import ImageRef

__all__ = ["fitted_document", "placed_document", "search_document"]


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
        "n_other_files": report.n_other_files,
        "n_concepts": len(concept_set),
        "n_in_none": n_in_none(concept_set, report),
        "skipped": [
            {"path": None if s.path is None else str(concept_set.base_folder / s.path), "reason": s.reason}
            for s in report.skipped
        ],
        "seconds": report.seconds,
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
                "exemplars": [picture_path(concept_set, index) for index in concept.exemplars],
            }
            for concept in concept_set.concepts
        ],
    }


def search_document(
    concept_set: ConceptSet,
    query: str,
    vector: FloatArray,
    concepts: Sequence[ConceptHit],
    images: Sequence[ImageHit],
) -> dict[str, Any]:
    """Describe what a search found, best first; `score` is the standard score, which other queries' compare with."""
    known = {concept.index: concept for concept in concept_set.concepts}
    concept_scores, image_scores = (
        standard_scores(concept_set, vector, np.array([hit.similarity for hit in hits])).tolist()
        for hits in (concepts, images)
    )
    return {
        "query": query,
        "concepts": [
            {
                "concept": hit.concept,
                "similarity": hit.similarity,
                "score": score,
                "size": known[hit.concept].size,
                "words": list(known[hit.concept].words),
            }
            for hit, score in zip(concepts, concept_scores, strict=True)
        ],
        "images": [
            {
                "path": picture_path(concept_set, hit.index),
                "similarity": hit.similarity,
                "score": score,
                "concept": hit.concept,
            }
            for hit, score in zip(images, image_scores, strict=True)
        ],
    }


def placed_document(
    concept_set: ConceptSet, refs: Sequence[ImageRef], labels: Iterable[int], reasons: Mapping[int, str]
) -> dict[str, Any]:
    """Describe the concepts of new pictures; -1 is in none, and `reason` says why one could not be read."""
    words = {concept.index: list(concept.words) for concept in concept_set.concepts}
    return {
        "images": [
            {
                "path": ref.name if ref.url is not None or ref.path is None else str(ref.path.absolute()),
                "concept": label,
                "words": words.get(label, []),
                "reason": reasons.get(ref.index),
            }
            for ref, label in zip(refs, labels, strict=True)
        ]
    }


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
