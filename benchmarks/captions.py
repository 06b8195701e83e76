"""Judge concepts of vectors without classes by captions: pictures of one concept should share words.

    python benchmarks/captions.py --vectors VECTORS.npy --captions CAPTIONS.json [--out RESULT.json]

CAPTIONS.json holds a list of captions, one per row of VECTORS.npy. The overlap of two captions is the share of their
words that they share (Jaccard, without function words); of a clustering, its mean over all pairs of pictures in one
concept. The plain recipe (UMAP unseeded, HDBSCAN) is run five times; beside each stands ours with the same number
of concepts and the same number of pictures in them: the surest ones. Intervals are those of 95 % of 1,000 samples of
the pictures, with replacement.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.metrics import adjusted_rand_score

from concept_memes.centring import centre_vectors, mean_vector, unit
from concept_memes.clustering import ClusterSettings, auto_min_concept_size, cluster_vectors
from concept_memes.run_report import package_versions

ROOT = Path(__file__).parent.parent
N_RUNS, N_SUBSETS, N_SAMPLES = 5, 8, 1000


def overlaps(captions: list[str]) -> np.ndarray:
    words = [set(re.findall(r"[a-z]+", caption.lower())) - ENGLISH_STOP_WORDS for caption in captions]
    vocabulary = {word: i for i, word in enumerate(sorted(set().union(*words)))}
    table = np.zeros((len(words), len(vocabulary)))
    for row, found in enumerate(words):
        table[row, [vocabulary[word] for word in found]] = 1
    both = table @ table.T
    either = table.sum(axis=1)[:, None] + table.sum(axis=1) - both
    return both / np.maximum(either, 1)


def within(overlap: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Mean overlap of pairs in one concept; `weights` says how often each picture is there."""
    total = pairs = 0.0
    for concept in np.unique(labels[labels >= 0]):
        rows = np.flatnonzero(labels == concept)
        weight = weights[rows]
        every = np.outer(weight, weight)
        np.fill_diagonal(every, 0)  # a picture and its copies share all words, which says nothing
        total += float((overlap[np.ix_(rows, rows)] * every).sum())
        pairs += float(every.sum())
    return total / max(pairs, 1.0)


def plain(vectors: np.ndarray) -> np.ndarray:
    import umap
    from hdbscan import HDBSCAN

    points = umap.UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine").fit_transform(vectors)
    return HDBSCAN(min_cluster_size=auto_min_concept_size(len(vectors))).fit(points).labels_


def agreement(labelings: list[np.ndarray]) -> float:
    pairs = [(a, b, (a > -2) & (b > -2)) for i, a in enumerate(labelings) for b in labelings[i + 1 :]]
    return statistics.fmean(adjusted_rand_score(a[both], b[both]) for a, b, both in pairs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, required=True, help=".npy file with a row per picture")
    parser.add_argument("--captions", type=Path, required=True, help=".json file with a list of texts")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "captions.json")
    args = parser.parse_args()
    vectors = unit(np.load(args.vectors))
    captions = json.loads(args.captions.read_text(encoding="utf-8"))
    captions = [text if isinstance(text, str) else " ".join(text) for text in captions]
    n = len(vectors)
    keys = [f"{i:09}" for i in range(n)]
    overlap = overlaps(captions)

    def ours(rows: np.ndarray, **settings: object) -> tuple[np.ndarray, np.ndarray]:
        chosen = vectors[rows]
        centred = centre_vectors(chosen, mean_vector(chosen), [(0, vectors.shape[1])])
        found = cluster_vectors(centred, [keys[i] for i in rows], ClusterSettings(**settings))
        labels, sure = np.full(n, -2), np.zeros(n)
        labels[rows], sure[rows] = found.labels, found.probabilities
        return labels, sure

    every = np.arange(n)
    rng = np.random.default_rng(0)
    samples = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(N_SAMPLES)]
    runs, plains = [], []
    for _ in range(N_RUNS):
        theirs = plain(vectors)
        plains.append(theirs)
        k, covered = int(theirs.max()) + 1, int((theirs >= 0).sum())
        labels, sure = ours(every, n_concepts=k, outliers="assign")
        labels[np.argsort(-sure, kind="stable")[covered:]] = -1
        gains = [within(overlap, labels, s) - within(overlap, theirs, s) for s in samples]
        run = {
            "concepts": k,
            "covered": covered / n,
            "plain": within(overlap, theirs, np.ones(n)),
            "ours": within(overlap, labels, np.ones(n)),
            "gain_95": np.quantile(gains, (0.025, 0.975)).round(4).tolist(),
        }
        runs.append(run)
        print(run, flush=True)
    default, _ = ours(every)
    subsets = [np.sort(rng.choice(n, int(0.9 * n), replace=False)) for _ in range(N_SUBSETS)]
    result = {
        "vectors": args.vectors.name,
        "images": n,
        "any_two_pictures": within(overlap, np.zeros(n, np.int64), np.ones(n)),
        "runs": runs,
        "plain_overlap": statistics.fmean(run["plain"] for run in runs),
        "our_overlap": statistics.fmean(run["ours"] for run in runs),
        "default_concepts": int(default.max()) + 1,
        "default_noise": float((default < 0).mean()),
        "default_overlap": within(overlap, default, np.ones(n)),
        "stability_states": agreement([ours(every, random_state=state)[0] for state in range(N_RUNS)]),
        "stability_subsets": agreement([ours(rows)[0] for rows in subsets]),
        "plain_stability_states": agreement(plains),
        "versions": package_versions(),
    }
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print({key: value for key, value in result.items() if key not in ("runs", "versions")})
    return int(result["our_overlap"] <= result["plain_overlap"] or result["stability_subsets"] < 0.85)


if __name__ == "__main__":
    sys.exit(main())
