"""Measure concepts, words and search on pictures whose truth is known.

    python benchmarks/quality.py --data FOLDER [--names NAMES.tsv] [--foreign FOLDER] [--out RESULT.json]

FOLDER holds one sub-folder of pictures per class; the folder's name, underscores read as spaces, is the class.
NAMES.tsv (class, tab, words that count as naming it) makes the words countable; by default the class's own name
counts. All runs use default parameters and the hub-free model. Figures are averaged over five random states, which the
default way does not look at: `stability_subsets` is the agreement between fits on random 90 % of the pictures.

ARI counts pictures in no concept as a class of their own; purity leaves them out. Intervals are those of 95 % of 1,000
samples of the pictures, with replacement, of one clustering: differences within them are noise.
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
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, average_precision_score

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.centring import centre_vectors, mean_vector
from concept_memes.clustering import ClusterSettings, cluster_vectors
from concept_memes.concepts import ConceptSet
from concept_memes.run_report import package_versions
from concept_memes.search import search_images

ROOT = Path(__file__).parent.parent
STATES = (0, 1, 2, 3, 42)

# What collections of these names must show: figure -> (least, most).
FLOORS: dict[str, dict[str, tuple[float, float]]] = {
    "photos": {
        "concepts": (28, 33),
        "ari": (0.92, 1),
        "purity": (0.95, 1),
        "noise": (0, 0.03),
        "stability_states": (0.90, 1),
        "stability_subsets": (0.85, 1),
        "zero_shot_top1": (0.70, 1),
        "text_search_map": (0.78, 1),
        "picture_search_at_10": (0.95, 1),
        "panda_at_38": (0.65, 1),
        "named_first": (0.70, 1),
        "named_within_5": (0.80, 1),
        "concepts_per_word": (0, 3),
    },
    "clothing": {
        "concepts": (7, 14),
        "ari": (0.55, 1),
        "noise": (0, 0.10),
        "stability_states": (0.90, 1),
        "stability_subsets": (0.85, 1),
        "guided_ari": (0.60, 1),
    },
}
N_SAMPLES = 1000
N_SUBSETS = 8


def truth_of(concept_set: ConceptSet) -> np.ndarray:
    """Class per picture: the name of its folder."""
    return np.array([Path(image.name).parts[0] for image in concept_set.images])


def majority(labels: np.ndarray, truth: np.ndarray, concept: int) -> tuple[str, int]:
    return Counter(truth[labels == concept].tolist()).most_common(1)[0]


def cluster_figures(concept_set: ConceptSet, names: dict[str, set[str]]) -> dict[str, float]:
    truth, labels = truth_of(concept_set), concept_set.labels
    best = [majority(labels, truth, concept.index) for concept in concept_set.concepts]
    words = [[word.lower() for word in concept.words] for concept in concept_set.concepts]
    used = Counter(word for w in words for word in w[:5])
    return {
        "concepts": len(concept_set),
        "concepts_per_word": max(used.values(), default=0),
        "ari": adjusted_rand_score(truth, labels),
        "purity": purity(truth, labels),
        "noise": float((labels < 0).mean()),
        "named_first": statistics.fmean(
            any(word in names[c] for word in w[:1]) for w, (c, _) in zip(words, best, strict=True)
        ),
        "named_within_5": statistics.fmean(
            any(word in names[c] for word in w[:5]) for w, (c, _) in zip(words, best, strict=True)
        ),
    }


def intervals(concept_set: ConceptSet) -> dict[str, list[float]]:
    """95 % of what ARI and purity would be on other pictures of the same kinds."""
    truth, labels = truth_of(concept_set), concept_set.labels
    rng = np.random.default_rng(0)
    aris, purities = [], []
    for _ in range(N_SAMPLES):
        rows = rng.integers(len(truth), size=len(truth))
        aris.append(adjusted_rand_score(truth[rows], labels[rows]))
        purities.append(purity(truth[rows], labels[rows]))
    return {
        "ari": np.quantile(aris, (0.025, 0.975)).round(4).tolist(),
        "purity": np.quantile(purities, (0.025, 0.975)).round(4).tolist(),
    }


def purity(truth: np.ndarray, labels: np.ndarray) -> float:
    inside = labels >= 0
    found = [Counter(truth[labels == c].tolist()).most_common(1)[0][1] for c in np.unique(labels[inside])]
    return sum(found) / max(1, int(inside.sum()))


def agreement(labelings: list[np.ndarray]) -> float:
    """Mean ARI of all pairs, over the pictures that both saw (others are marked by -2)."""
    pairs = [(a, b, (a > -2) & (b > -2)) for i, a in enumerate(labelings) for b in labelings[i + 1 :]]
    return statistics.fmean(adjusted_rand_score(a[both], b[both]) for a, b, both in pairs)


def refitted(concept_set: ConceptSet, rows: np.ndarray, **settings: object) -> np.ndarray:
    """Labels of a fit on some of the pictures; -2 for the others."""
    vectors = concept_set.vectors[rows]
    keys = [concept_set.images[i].content_hash for i in rows]
    centred = centre_vectors(vectors, mean_vector(vectors), concept_set.blocks)
    labels = np.full(len(concept_set.images), -2)
    labels[rows] = cluster_vectors(centred, keys, ClusterSettings(**settings)).labels
    return labels


def subset_stability(concept_set: ConceptSet, **settings: object) -> float:
    n = len(concept_set.images)
    rng = np.random.default_rng(0)
    subsets = [np.sort(rng.choice(n, int(0.9 * n), replace=False)) for _ in range(N_SUBSETS)]
    return agreement([refitted(concept_set, rows, **settings) for rows in subsets])


def rival_figures(concept_set: ConceptSet) -> dict[str, float]:
    """K-means that is told the number of classes, and the other settings, on the same vectors."""
    truth, every = truth_of(concept_set), np.arange(len(concept_set.images))
    centred = centre_vectors(concept_set.vectors, concept_set.centre, concept_set.blocks)
    k = len(set(truth))
    kmeans = [KMeans(k, n_init=1, random_state=state).fit_predict(centred) for state in STATES]
    figures = {"kmeans_told_k": statistics.fmean(adjusted_rand_score(truth, labels) for labels in kmeans)}
    umap = [refitted(concept_set, every, umap_model="umap", outliers="keep", random_state=s) for s in STATES]
    figures["umap_layout_ari"] = statistics.fmean(adjusted_rand_score(truth, labels) for labels in umap)
    figures["umap_layout_stability_states"] = agreement(umap)
    settings: dict[str, dict[str, object]] = {
        "outliers_keep": {"outliers": "keep"},
        "outliers_assign": {"outliers": "assign"},
        "outliers_0.05": {"outliers": 0.05},
        "coarse": {"granularity": "coarse"},
        "fine": {"granularity": "fine"},
        "told_k": {"n_concepts": k},
    }
    for name, setting in settings.items():
        labels = refitted(concept_set, every, **setting)
        figures[f"{name}_ari"] = adjusted_rand_score(truth, labels)
        figures[f"{name}_purity"] = purity(truth, labels)
        figures[f"{name}_noise"] = float((labels < 0).mean())
        figures[f"{name}_concepts"] = int(labels.max()) + 1
    return figures


def stray_figures(concept_set: ConceptSet, others: np.ndarray) -> dict[str, float]:
    """Foreign pictures among the collection: how many of them, and of its own, are in no concept."""
    n, figures = len(concept_set.images), {}
    vectors = np.vstack([concept_set.vectors, others])
    keys = [image.content_hash for image in concept_set.images] + [f"foreign {i}" for i in range(len(others))]
    centred = centre_vectors(vectors, mean_vector(vectors), concept_set.blocks)
    for outliers in ("keep", "auto", 0.05, "assign"):
        labels = cluster_vectors(centred, keys, ClusterSettings(outliers=outliers)).labels
        own = [c for c in range(labels.max() + 1) if (labels[:n] == c).sum() > (labels[n:] == c).sum()]
        figures[f"{outliers}_foreign_out"] = float((labels[n:] < 0).mean())
        figures[f"{outliers}_foreign_in_own_concepts"] = float(np.isin(labels[n:], own).mean())
        figures[f"{outliers}_own_out"] = float((labels[:n] < 0).mean())
        figures[f"{outliers}_ari_of_own"] = adjusted_rand_score(truth_of(concept_set), labels[:n])
    return figures


def picture_search(model: ConceptModel, truth: np.ndarray) -> float:
    """Share of the ten pictures found for each picture, itself left out, that are of its class."""
    fitted, right = model.concepts_, []
    for i in range(len(truth)):
        hits = search_images(fitted, fitted.vectors[i], top_n=11, expand=True)  # as `find_images` does with a picture
        right.append(np.mean([truth[hit.index] == truth[i] for hit in hits if hit.index != i][:10]))
    return float(np.mean(right))


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
    figures["picture_search_at_10"] = picture_search(model, truth)
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
    parser.add_argument("--foreign", type=Path, help="folder of other pictures, to be told apart as outliers")
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
    runs, seconds, labelings = [], [], []
    for state in STATES:
        start = time.perf_counter()
        model = ConceptModel(embedding_model=encoder, random_state=state, cache=cache).fit(folder)
        seconds.append(time.perf_counter() - start)
        runs.append(cluster_figures(model.concepts_, names))
        labelings.append(model.labels_)
        print(state, {k: round(v, 3) for k, v in runs[-1].items()}, model.report_.seconds, flush=True)
    figures = {key: statistics.fmean(run[key] for run in runs) for key in runs[0]}
    figures |= {
        "stability_states": agreement(labelings),
        "stability_subsets": subset_stability(model.concepts_),
        **search_figures(model),  # the last state is the default one
    }
    guided = ConceptModel(
        embedding_model=encoder, cache=cache, guide=[name.replace("_", " ") for name in sorted(names)], verbose=False
    ).fit(folder)
    figures["guided_ari"] = adjusted_rand_score(truth_of(guided.concepts_), guided.labels_)
    rivals = rival_figures(model.concepts_)
    if args.foreign is not None:
        foreign = ConceptModel(embedding_model=encoder, cache=cache, verbose=False).embed_images(args.foreign)
        rng = np.random.default_rng(0)
        chosen = rng.choice(len(foreign), min(len(foreign), len(model.images_) // 20), replace=False)
        rivals |= {f"strays_{k}": v for k, v in stray_figures(model.concepts_, foreign[np.sort(chosen)]).items()}
    repeats = repeat_figures(folder, model, encoder, cache)

    missed = []
    floors = FLOORS.get(folder.name, {})
    for key, value in figures.items():
        least, most = floors.get(key, (float("-inf"), float("inf")))
        ok = least <= value <= most
        if not ok:
            missed.append(key)
        limit = f"  (between {least:g} and {most:g}: {'yes' if ok else 'NO'})" if key in floors else ""
        print(f"{key:24} {value:.3f}{limit}")
    for key, value in rivals.items():
        print(f"  {key:32} {value:.3f}")
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
        "intervals_95": intervals(model.concepts_),
        "beside": rivals,
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
