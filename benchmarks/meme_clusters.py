"""Clustering of memes by look, by text and by both, with weak truths for each.

Looks: five themes that are one figure or kind of animal each (of several folders where two folders are one figure).
Texts: what captions are about, by this rule: of the words that at least three captions have, the most frequent one of a
caption (the first in Unicode of equally frequent ones); captions without such a word do not count. Words are those that
the package would give concepts, so the extra "chinese" must be installed; the truth comes from the captions, what is
clustered from what the reader read.

Purity: share of the pictures of known truth, among those in concepts, whose truth is the most frequent one in their
concept. A clustering into very small concepts is pure, so numbers of concepts and the adjusted Rand index stand beside
it. Groups change with a handful of pictures more or less: means over samples of 90 % are the sounder figures.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.metrics import adjusted_rand_score

from concept_memes import ConceptModel
from concept_memes.concepts import ConceptSet
from concept_memes.segmenting import split_texts
from concept_memes.sources import list_images
from concept_memes.text_vectors import DEFAULT_WEIGHT

LOOKS = {"小鹦鹉": "parrot", "鹦鹉兄弟": "parrot", "鸭子": "duck", "鸽子": "pigeon", "罗翔": "man", "滑稽": "face"}
LEAST_CAPTIONS = 3
N_SAMPLES, SAMPLE = 8, 0.9
CURVE = (0.2, 0.6, 0.8)


def topics_of(captions: dict[str, str]) -> dict[str, str]:
    """Return what each caption is about, for those about something that others are about."""
    words = dict(zip(captions, map(set, split_texts(list(captions.values()))), strict=True))
    counts = Counter(word for of_caption in words.values() for word in of_caption)
    shared = {word for word, n in counts.items() if n >= LEAST_CAPTIONS}
    return {
        file: min(of_caption & shared, key=lambda word: (-counts[word], word))
        for file, of_caption in words.items()
        if of_caption & shared
    }


def agreement(labels: np.ndarray, truth: list[str]) -> dict:
    """Compare concepts with what is known of some of the pictures ("" of the others)."""
    known = np.array([bool(name) for name in truth])
    inside = np.flatnonzero(known & (labels >= 0))
    names = np.array(truth)[inside]
    right = sum(Counter(names[labels[inside] == c]).most_common(1)[0][1] for c in np.unique(labels[inside]))
    return {
        "purity": right / max(len(inside), 1),
        "ari": float(adjusted_rand_score(names, labels[inside])) if len(inside) else 0.0,
        "in_concepts": len(inside) / int(known.sum()),
    }


def told(found: ConceptSet, looks: dict[str, str], topics: dict[str, str]) -> dict:
    """Say how good a clustering is."""
    files = [f"{image.path.parent.name}/{image.path.name}" for image in found.images if image.path]
    labels = np.asarray(found.labels)
    return {
        "concepts": len(found),
        "in_none": float((labels < 0).mean()),
        "look": agreement(labels, [looks.get(file.split("/")[0], "") for file in files]),
        "text": agreement(labels, [topics.get(file, "") for file in files]),
    }


def mean_of(runs: list[dict]) -> dict:
    """Average figures of several runs, however deep they lie."""
    first = runs[0]
    return {
        key: mean_of([run[key] for run in runs])
        if isinstance(first[key], dict)
        else round(float(np.mean([run[key] for run in runs])), 3)
        for key in first
    }


def measure(data: Path) -> dict:
    """Cluster memes at several weights."""
    lines = (data / "meme_captions.tsv").read_text("utf-8").splitlines()[1:]
    topics = topics_of(dict(line.split("\t") for line in lines))
    files = [ref.path for ref in list_images(data / "memes").refs]
    draws = np.random.default_rng(0)
    samples = [np.sort(draws.permutation(len(files))[: round(SAMPLE * len(files))]) for _ in range(N_SAMPLES)]
    figures: dict = {"images": len(files), "captions_with_topic": len(topics), "topics": len(set(topics.values()))}
    with TemporaryDirectory() as cache:
        for name, weight in {"look": 0.0, "fused": "auto", "text": 1.0, **{f"{w}": w for w in CURVE}}.items():
            model = ConceptModel(embedding_model="hub-free", ocr=True, text_weight=weight, cache=cache, verbose=False)
            whole = model.fit(data / "memes").concepts_
            runs = [told(model.fit([files[i] for i in sample]).concepts_, LOOKS, topics) for sample in samples]
            assert whole.texts is not None
            figures[name] = {
                "weight": whole.texts.weight,
                "texts_by": whole.texts.encoder,
                "all": mean_of([told(whole, LOOKS, topics)]),
                "mean_of_samples": mean_of(runs),
            }
            if weight == "auto":
                assert whole.texts.weight == DEFAULT_WEIGHT
                figures["images_with_text"] = sum(map(bool, whole.texts.texts))
                figures["titles"] = [concept.title for concept in whole.concepts]
    return figures
