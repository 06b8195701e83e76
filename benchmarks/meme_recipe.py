"""The older recipe, a CNN and K-means, beside what the package does by itself; a section of `memes.py`.

Photos and clothes, a folder per class: adjusted Rand index (pictures in no concept are a group of their own), number of
concepts and share in none, of

- "recipe, told": "cnn-kmeans" on the hub-free CNN, told the true number; with the mean over five states of K-means,
- "recipe, not told": the same without a number,
- "same features": the default clustering of the same features,
- "default": the hub-free model as it is, with words and search.

"twelve of two": six pictures each of two classes, 40 draws with a seed from the photos: how often two groups come out,
and how often nothing but the two classes (what is in none left aside). "seconds": per picture, networks of Keras with
random weights, which take as long as trained ones.
"""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.encoders import HubFreeCNNEncoder, KerasCNNEncoder
from concept_memes.errors import NoWordsWarning
from concept_memes.loading import load_image
from concept_memes.protocols import ImageEncoder

STATES = (42, 0, 1, 2, 3)
N_DRAWS, N_EACH = 40, 6
N_TIMED = 24


def measure(data: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name in ("photos", "clothing"):
        paths = sorted(path for path in (data / name).glob("*/*") if path.is_file())
        truth = np.array([path.parent.name for path in paths])
        features = ConceptModel(embedding_model="cnn-hub-free", verbose=False).embed_images(paths)
        n_classes = len(set(truth))
        told = [fitted(features, random_state=state, n_concepts=n_classes) for state in STATES]
        default = ConceptModel(embedding_model=HubFreeEncoder(), verbose=False).fit(paths)
        figures[name] = {
            "pictures": len(paths),
            "classes": n_classes,
            "recipe, told": judged(told[0], truth),
            "recipe, told, mean of states": round(float(np.mean([judged(one, truth)["ari"] for one in told])), 3),
            "recipe, not told": judged(fitted(features), truth),
            "same features": judged(fitted(features, hdbscan_model=None), truth),
            "default": judged(default, truth),
        }
        if name == "photos":
            figures["twelve of two"] = twelve_of_two(features, truth)
    figures["seconds"] = seconds_per_picture(sorted((data / "photos").glob("*/*"))[::40][:N_TIMED])
    figures["processors"] = os.cpu_count()
    return figures


def fitted(features: np.ndarray, **parameters: object) -> ConceptModel:
    """Fit by the recipe on features that are there already."""
    model = ConceptModel.from_recipe("cnn-kmeans", **{"embedding_model": "auto", "verbose": False, **parameters})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoWordsWarning)
        return model.fit(image_embeddings=features)


def judged(model: ConceptModel, truth: np.ndarray) -> dict[str, float]:
    return {
        "ari": round(float(adjusted_rand_score(truth, model.labels_)), 3),
        "concepts": len(model.concepts_),
        "in none": round(float((model.labels_ < 0).mean()), 3),
    }


def twelve_of_two(features: np.ndarray, truth: np.ndarray) -> dict[str, dict[str, float]]:
    """Count over random draws how often two groups come out, and how often they are the classes."""
    rng = np.random.default_rng(0)
    ways: dict[str, dict[str, Any]] = {
        "recipe, told": {"n_concepts": 2},
        "recipe, not told": {},
        "default clustering": {"hdbscan_model": None},
    }
    counts = {way: np.zeros(3) for way in ways}
    for _ in range(N_DRAWS):
        pair = rng.choice(sorted(set(truth)), 2, replace=False)
        rows = np.concatenate([rng.choice(np.flatnonzero(truth == kind), N_EACH, replace=False) for kind in pair])
        for way, parameters in ways.items():
            labels = fitted(features[rows], **parameters).labels_
            inside = labels >= 0
            two = len(set(labels[inside])) == 2
            right = two and adjusted_rand_score(truth[rows][inside], labels[inside]) == 1
            counts[way] += [two, right, (~inside).mean()]
    return {
        way: dict(zip(("two groups", "the two classes", "in none"), (c / N_DRAWS).round(3).tolist(), strict=True))
        for way, c in counts.items()
    }


def seconds_per_picture(paths: list[Path]) -> dict[str, float]:
    encoders: dict[str, ImageEncoder] = {
        "vgg16": KerasCNNEncoder("vgg16", weights=None, device="cpu"),
        "inception-v3": KerasCNNEncoder("inception-v3", weights=None, device="cpu"),
        "hub-free": HubFreeCNNEncoder(device="cpu"),
    }
    taken = {}
    for name, encoder in encoders.items():
        prepared = [encoder.preprocess(load_image(path)) for path in paths]
        batches = [np.stack(prepared[i : i + encoder.batch_size]) for i in range(0, len(paths), encoder.batch_size)]
        encoder.encode_images(batches[0])  # loads the network
        start = time.perf_counter()
        for batch in batches:
            encoder.encode_images(batch)
        taken[name] = round((time.perf_counter() - start) / len(paths), 4)
    return taken
