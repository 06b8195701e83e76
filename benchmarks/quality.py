"""Measure concepts, words and search on pictures whose truth is known.

    python benchmarks/quality.py --data FOLDER [--names NAMES.tsv] [--precision NAME] [--out RESULT.json]

FOLDER holds one sub-folder of pictures per class; the folder's name, underscores read as spaces, is the class.
NAMES.tsv (class, tab, words that count as naming it) makes the words countable; by default the class's own name
counts. All runs use default parameters and the hub-free model. Figures are averaged over five random states.

ARI counts pictures in no concept as a class of their own; purity leaves them out.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score, average_precision_score

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.concepts import ConceptSet
from concept_memes.run_report import package_versions

ROOT = Path(__file__).parent.parent
STATES = (0, 1, 2, 3, 42)

# What the photos of ../shared/data/photos must show: figure -> (least, most).
FLOORS = {
    "concepts": (26, 36),
    "ari": (0.90, 1),
    "purity": (0.95, 1),
    "noise": (0, 0.05),
    "zero_shot_top1": (0.70, 1),
    "text_search_map": (0.74, 1),
    "panda_at_38": (0.65, 1),
    "named_within_5": (0.68, 1),
}


def truth_of(concept_set: ConceptSet) -> np.ndarray:
    """Class per picture: the name of its folder."""
    return np.array([Path(image.name).parts[0] for image in concept_set.images])


def majority(labels: np.ndarray, truth: np.ndarray, concept: int) -> tuple[str, int]:
    return Counter(truth[labels == concept].tolist()).most_common(1)[0]


def cluster_figures(concept_set: ConceptSet, names: dict[str, set[str]]) -> dict[str, float]:
    truth, labels = truth_of(concept_set), concept_set.labels
    best = [majority(labels, truth, concept.index) for concept in concept_set.concepts]
    words = [[word.lower() for word in concept.words] for concept in concept_set.concepts]
    return {
        "concepts": len(concept_set),
        "ari": adjusted_rand_score(truth, labels),
        "purity": sum(count for _, count in best) / max(1, int((labels >= 0).sum())),
        "noise": float((labels < 0).mean()),
        "named_first": statistics.fmean(
            any(word in names[c] for word in w[:1]) for w, (c, _) in zip(words, best, strict=True)
        ),
        "named_within_5": statistics.fmean(
            any(word in names[c] for word in w[:5]) for w, (c, _) in zip(words, best, strict=True)
        ),
    }


def search_figures(model: ConceptModel) -> dict[str, float]:
    truth = truth_of(model.concepts_)
    classes = sorted(set(truth))
    similarities = model.concepts_.vectors @ model.embed_texts([c.replace("_", " ") for c in classes]).T
    right = np.array(classes)[similarities.argmax(axis=1)] == truth
    figures = {
        "zero_shot_top1": float(right.mean()),
        "text_search_map": statistics.fmean(
            average_precision_score(truth == c, similarities[:, k]) for k, c in enumerate(classes)
        ),
    }
    if "panda" in classes:
        hits = model.find_images("panda", top_n=38)
        figures["panda_at_38"] = statistics.fmean(truth[hit.index] == "panda" for hit in hits)
    return figures


def same(a: ConceptSet, b: ConceptSet, b_of_a: np.ndarray) -> bool:
    """Whether two sets agree in labels, exemplars and words; `b_of_a` maps pictures of a to those of b."""
    return bool(
        np.array_equal(a.labels, b.labels[b_of_a])
        and [c.words for c in a.concepts] == [c.words for c in b.concepts]
        and [c.word_scores for c in a.concepts] == [c.word_scores for c in b.concepts]
        and [[int(b_of_a[i]) for i in c.exemplars] for c in a.concepts] == [list(c.exemplars) for c in b.concepts]
    )


def repeat_figures(folder: Path, reference: ConceptModel, encoder: HubFreeEncoder, cache: Path) -> dict[str, object]:
    """Fit the same folder again, the pictures as a shuffled list, and the folder with 25 bad files mixed in."""
    sys.path.insert(0, str(ROOT / "tests"))
    from badfiles import make_bad_files

    fitted = reference.concepts_
    n = len(fitted.images)
    again = ConceptModel(embedding_model=HubFreeEncoder(), cache=False).fit(folder).concepts_
    order = list(range(n))
    random.Random(0).shuffle(order)
    files = [folder / fitted.images[i].name for i in order]
    shuffled = ConceptModel(embedding_model=encoder, cache=cache).fit(files).concepts_
    with tempfile.TemporaryDirectory() as temporary:
        mixed = Path(temporary) / "mixed"
        shutil.copytree(folder, mixed)
        bad = make_bad_files(mixed / sorted(set(truth_of(fitted)))[0])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = ConceptModel(embedding_model=encoder, cache=cache).fit(mixed)
        index_of = {image.name: i for i, image in enumerate(model.images_)}
        return {
            "same_twice": same(fitted, again, np.arange(n)),
            "same_shuffled": same(fitted, shuffled, np.argsort(order)),
            "bad_files": len(bad),
            "bad_files_skipped": sorted(Path(s.path).name for s in model.skipped_) == sorted(bad),
            "bad_files_warnings": len(caught),
            "same_with_bad_files": same(
                fitted, model.concepts_, np.array([index_of[image.name] for image in fitted.images])
            ),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with one sub-folder per class")
    parser.add_argument("--names", type=Path, help="table of the words that name a class")
    parser.add_argument("--precision", default="auto", help="of the encoder: auto, fp32, bf16")
    parser.add_argument("--out", type=Path, help="where the JSON goes; default: results/quality-<folder>.json")
    args = parser.parse_args()
    folder = args.data.resolve()
    names_file = args.names or folder.parent / "photo_names.tsv"
    lines = names_file.read_text(encoding="utf-8").splitlines() if names_file.is_file() else []
    names = {c.name: {c.name.replace("_", " ").lower()} for c in folder.iterdir() if c.is_dir()}
    names.update({c: set(words.lower().split(", ")) for c, words in (line.split("\t") for line in lines) if c in names})

    encoder = HubFreeEncoder(precision=args.precision)
    kept = tempfile.TemporaryDirectory()  # each run after the first finds all vectors
    cache = Path(kept.name)
    runs, seconds = [], []
    for state in STATES:
        start = time.perf_counter()
        model = ConceptModel(embedding_model=encoder, random_state=state, cache=cache).fit(folder)
        seconds.append(time.perf_counter() - start)
        runs.append(cluster_figures(model.concepts_, names))
        print(state, {k: round(v, 3) for k, v in runs[-1].items()}, model.report_.seconds, flush=True)
    figures = {key: statistics.fmean(run[key] for run in runs) for key in runs[0]}
    figures |= search_figures(model)  # the last state is the default one
    repeats = repeat_figures(folder, model, encoder, cache)

    missed = []
    for key, value in figures.items():
        least, most = FLOORS.get(key, (float("-inf"), float("inf")))
        ok = least <= value <= most
        if not ok and folder.name == "photos":
            missed.append(key)
        judged = key in FLOORS and folder.name == "photos"
        limit = f"  (between {least:g} and {most:g}: {'yes' if ok else 'NO'})" if judged else ""
        print(f"{key:20} {value:.3f}{limit}")
    missed += [key for key, value in repeats.items() if value is False]
    print(json.dumps(repeats, indent=1))
    out = args.out or ROOT / "benchmarks" / "results" / f"quality-{folder.name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "data": folder.name,
        "images": len(model.images_),
        "model": encoder.name,
        "precision": encoder.precision,
        "states": STATES,
        "figures": figures,
        "runs": runs,
        "repeats": repeats,
        "seconds_first_fit": seconds[0],
        "seconds_later_fits": statistics.fmean(seconds[1:]),
        "machine": {"processor": platform.machine(), "system": platform.system()},
        "versions": package_versions(),
    }
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("missed:", ", ".join(missed) or "none")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
