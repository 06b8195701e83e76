"""Measure maps and attention on pictures whose truth is known.

    python benchmarks/maps.py --data FOLDER [FOLDER ...] [--pairs N] [--out RESULT.json]

Each FOLDER holds one sub-folder of pictures per class. Maps: our layout, UMAP and scikit-learn's t-SNE on the same
vectors (hub-free, centred), in one process: trustworthiness (10 neighbours), the share of pictures whose 10 neighbours
on the map are mostly of their class, and seconds, UMAP's with its import and compiling. UMAP and t-SNE depend on
chance: means over three states. Attention: two photos of different classes side by side, and the share of the heat for
a class's name that lies on its half. Pairs are drawn with a seed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.centring import centre_vectors
from concept_memes.loading import load_image
from concept_memes.projection import project
from concept_memes.run_report import package_versions

STATES = (42, 0, 1)
K = 10
Layout = Callable[[int], np.ndarray]
SIDE = 300


def kept_apart(places: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of points whose nearest are mostly of their class."""
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=K + 1).fit(places).kneighbors(places, return_distance=False)[:, 1:]
    return float(np.mean([np.bincount(truth[row]).argmax() == own for row, own in zip(near, truth, strict=True)]))


def trust(vectors: np.ndarray, places: np.ndarray) -> float:
    from sklearn.manifold import trustworthiness

    return float(trustworthiness(vectors, places, n_neighbors=K, metric="cosine"))


def measured(
    layout: Callable[[int], np.ndarray], states: tuple[int, ...], vectors: np.ndarray, truth: np.ndarray
) -> dict:
    runs = []
    for state in states:
        start = time.perf_counter()
        places = layout(state)
        seconds = time.perf_counter() - start
        runs.append((trust(vectors, places), kept_apart(places, truth), seconds))
    scores = np.array(runs)
    return {
        "trustworthiness": round(float(scores[:, 0].mean()), 4),
        "of_their_class": round(float(scores[:, 1].mean()), 4),
        "seconds_first": round(float(scores[0, 2]), 2),
        "seconds_later": round(float(scores[1:, 2].mean()), 2) if len(runs) > 1 else None,
    }


def maps_of(folder: Path) -> dict:
    """Measure the layouts on one collection."""
    model = ConceptModel(embedding_model="hub-free", vocabulary=["thing"], verbose=False).fit(folder)
    fitted = model.concepts_
    rows = np.array([i for i, image in enumerate(fitted.images) if image.content_hash])
    _, truth = np.unique([fitted.images[i].name.split("/")[0] for i in rows], return_inverse=True)
    vectors = centre_vectors(fitted.vectors[rows], fitted.centre, fitted.blocks)

    def umap(state: int) -> np.ndarray:
        from umap import UMAP

        return np.asarray(UMAP(metric="cosine", random_state=state, n_jobs=1).fit_transform(vectors))

    def tsne(state: int) -> np.ndarray:
        from sklearn.manifold import TSNE

        return np.asarray(TSNE(metric="cosine", init="random", random_state=state).fit_transform(vectors))

    found = {"pictures": len(rows), "ours": measured(lambda _: project(fitted)[rows], (0, 0), vectors, truth)}
    found["umap"] = measured(umap, STATES, vectors, truth)
    found["sklearn_tsne"] = measured(tsne, STATES, vectors, truth)
    return found


def attention(folder: Path, n_pairs: int) -> dict:
    """Measure on which half the heat for a class's name lies, in pictures of two classes side by side."""
    encoder, rng = HubFreeEncoder(), np.random.default_rng(0)
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    shares = []
    for _ in range(n_pairs):
        two = [classes[i] for i in rng.choice(len(classes), 2, replace=False)]
        halves = [load_image(sorted(one.iterdir())[rng.integers(len(list(one.iterdir())))]) for one in two]
        both = Image.new("RGB", (SIDE, SIDE))
        for place, half in enumerate(halves):
            both.paste(half.resize((SIDE // 2, SIDE)), (place * SIDE // 2, 0))
        for place, one in enumerate(two):
            heat = encoder.relevance_map(both, one.name.replace("_", " "))
            heat = np.clip(heat, 0, None)
            middle = heat.shape[1] / 2
            columns = np.clip(middle - np.arange(heat.shape[1]), 0, 1)  # how much of each column is the left half
            left = float((heat * columns).sum())
            shares.append((left if place == 0 else float(heat.sum()) - left) / max(float(heat.sum()), 1e-12))
    found = np.array(shares)
    return {
        "maps": len(found),
        "mean_share": round(float(found.mean()), 4),
        "median_share": round(float(np.median(found)), 4),
        "most_on_the_right_half": round(float((found > 0.5).mean()), 4),
        "four_fifths_on_the_right_half": round(float((found >= 0.8).mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure maps and attention.")
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--pairs", type=int, default=150)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    result = {
        "maps": {folder.name: maps_of(folder) for folder in args.data},
        "attention": {args.data[0].name: attention(args.data[0], args.pairs)},
        "versions": package_versions(),
    }
    text = json.dumps(result, indent=2) + "\n"
    print(text)
    if args.out is not None:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
