"""Twenty queries over memes, by looks, by what the pictures say, and by both; a section of memes.py.

Ten captions: the most frequent pairs of ideographs in the captions of ``meme_captions.tsv`` (each caption counted once,
ties by code point), leaving out a pair that has an ideograph in common with a more frequent one. What is right has the
pair in its caption; memes whose caption nobody wrote down are left out of what is found. Ten looks: of each theme whose
pictures look alike, two pictures, at one and two thirds of their names in order. What is right is of the same theme;
the picture itself is left out. The query by texts alone is, for a picture, what that picture says.

The weight is the default of the package, one for all queries.
"""

from __future__ import annotations

import csv
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from concept_memes import ConceptModel
from concept_memes.fused_search import SEARCH_WEIGHT
from concept_memes.text_search import TextIndex

THEMES = (("小鹦鹉", "鹦鹉兄弟"), ("鸭子",), ("鸽子",), ("罗翔",), ("滑稽",))
N_CAPTIONS = 10
AT = 5
N_TIMED = 50_000
IDEOGRAPHS = re.compile("[\u4e00-\u9fff]+")
CHANNELS = ("looks", "texts", "fused")


def frequent_pairs(captions: Sequence[str], n: int) -> list[str]:
    """Return the most frequent pairs of ideographs, none of which has one in common with another."""
    counts = Counter(
        pair
        for caption in captions
        for pair in {run[i : i + 2] for run in IDEOGRAPHS.findall(caption) for i in range(len(run) - 1)}
    )
    chosen: list[str] = []
    for pair, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if not set(pair) & set("".join(chosen)):
            chosen.append(pair)
    return chosen[:n]


def precision(names: Sequence[str], right: Callable[[str], bool]) -> float:
    """Return the share of the first five that are right; what is missing is wrong."""
    return sum(map(right, names[:AT])) / AT


def found(model: ConceptModel, channel: str, query: str | Path, words: str) -> list[str]:
    """Return the names of all that a query finds, in order."""
    n = len(model.images_)
    if channel == "texts":
        hits = model.find_images(words, n, text=True, duplicates="keep") if words.strip() else []
    else:
        hits = model.find_images(query, n, text=None if channel == "fused" else False, duplicates="keep")
    return [model.images_[hit.index].name for hit in hits]


def caption_queries(model: ConceptModel, captions: dict[str, str]) -> dict[str, dict[str, float]]:
    """Precision at 5 per pair of ideographs and channel."""
    figures = {}
    for pair in frequent_pairs(list(captions.values()), N_CAPTIONS):

        def says(name: str, pair: str = pair) -> bool:
            return pair in captions[name]

        figures[pair] = {
            channel: precision([name for name in found(model, channel, pair, pair) if name in captions], says)
            for channel in CHANNELS
        }
    return figures


def look_queries(model: ConceptModel, folder: Path) -> dict[str, dict[str, float]]:
    """Precision at 5 per picture and channel."""
    names = [image.name for image in model.images_]
    figures = {}
    for themes in THEMES:

        def alike(name: str, themes: tuple[str, ...] = themes) -> bool:
            return name.split("/")[0] in themes

        own = sorted(filter(alike, names))
        for name in (own[len(own) // 3], own[2 * len(own) // 3]):
            figures[name] = {
                channel: precision(
                    [other for other in found(model, channel, folder / name, said_by(model, name)) if other != name],
                    alike,
                )
                for channel in CHANNELS
            }
    return figures


def said_by(model: ConceptModel, name: str) -> str:
    """Return what a picture of the collection says."""
    return model.texts_[[image.name for image in model.images_].index(name)]


def seconds_of(texts: Sequence[str]) -> dict[str, float]:
    """Time the index over many texts: those of the memes, again and again, each with a number of its own."""
    own = [text for text in texts if text]
    many = [f"{own[i % len(own)]}\n{i}" for i in range(N_TIMED)]
    start = time.perf_counter()
    index = TextIndex(many)
    figures = {"texts": N_TIMED, "build": time.perf_counter() - start}
    for query in ("加班", "写代码", "的"):
        start = time.perf_counter()
        index.match(query)
        figures[query] = time.perf_counter() - start
    return {name: round(value, 4) for name, value in figures.items()}


def measure(data: Path) -> dict[str, object]:
    """Measure the twenty queries with the hub-free model.

    Parameters
    ----------
    data : Path
        The folder that holds ``memes`` and ``meme_captions.tsv``.

    Returns
    -------
    dict
        Precision at 5 per query and channel, their means, and seconds of the index.
    """
    with (data / "meme_captions.tsv").open(encoding="utf-8", newline="") as file:
        captions = {row["file"]: row["caption"] for row in csv.DictReader(file, delimiter="\t")}
    model = ConceptModel(embedding_model="hub-free", ocr=True, verbose=False).fit(data / "memes")
    return figures_of(model, data / "memes", captions)


def figures_of(model: ConceptModel, folder: Path, captions: dict[str, str]) -> dict[str, object]:
    """Measure a fitted model."""
    by_caption, by_look = caption_queries(model, captions), look_queries(model, folder)

    def means(queries: Sequence[dict[str, float]]) -> dict[str, float]:
        return {channel: round(statistics.fmean(query[channel] for query in queries), 4) for channel in CHANNELS}

    every = means([*by_caption.values(), *by_look.values()])
    return {
        "weight": SEARCH_WEIGHT,
        "precision_at_5": {
            "captions": means(list(by_caption.values())),
            "looks": means(list(by_look.values())),
            "all": every,
            "fused_above_better_single": round(every["fused"] - max(every["looks"], every["texts"]), 4),
        },
        "captions": by_caption,
        "looks": by_look,
        "seconds": seconds_of(model.texts_),
    }
