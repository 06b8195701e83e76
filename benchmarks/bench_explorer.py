"""Measure the explorer: how large the page is, how long it takes to write and to show, and how well its search finds.

    python benchmarks/bench_explorer.py --data FOLDER [--clip VECTORS.npy] [--n 25000] [--chromium PATH] [--out JSON]

FOLDER holds one sub-folder of pictures per class; the folder's name, underscores read as spaces, is the class.

The search of the page is measured against the one in full precision, with the hub-free model and its whole vocabulary:
mean average precision of the class names, and how many of the ten pictures that a word finds are the same. VECTORS.npy
(n, d) adds pictures of another model; words are made up for them, as CLIP has them: far from all pictures, and a little
nearer to some. Each has a direction of its own, which is the worst case: real words share theirs.

The size is that of a page of N pictures (at least as many as there are in FOLDER), cut out of those in FOLDER and saved
as JPEGs of 300 pixels; their vectors are those of the pictures that they are cut out of, with noise.
"seconds_to_first_paint" is Chromium's first contentful paint of the page from disk, without a network. Memory is what
is held above that before the page is made.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from sklearn.metrics import average_precision_score

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.centring import unit
from concept_memes.concepts import ConceptSet, ImageRecord
from concept_memes.explorer import save_report
from concept_memes.explorer.compact import compact
from concept_memes.run_report import package_versions

LIMITS = {"megabytes": 150, "seconds_to_first_paint": 2.0}  # what a page of 25,000 pictures must keep
LEAST = {"map_lost": 0.01}
SIDE = 300
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def products(pictures: np.ndarray, words: np.ndarray, n_dims: int) -> np.ndarray:
    """Compute what the page computes."""
    x, w = compact(pictures, words, n_dims)
    return x.numbers.astype(np.float32) @ w.numbers.astype(np.float32).T * x.scales[:, None] * w.scales


def same_of_ten(found: np.ndarray, truth: np.ndarray) -> float:
    """How many of the ten pictures that a word finds are the same."""
    best, wanted = (np.argsort(-scores, axis=0, kind="stable")[:10].T for scores in (found, truth))
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(best.tolist(), wanted.tolist(), strict=True)]))


def search_figures(model: ConceptModel) -> dict[str, object]:
    concept_set = model.concepts_
    truth = np.array([Path(image.name).parts[0] for image in concept_set.images])
    names = sorted(set(truth))
    words = np.concatenate(
        [model.embed_texts(concept_set.candidates), model.embed_texts([n.replace("_", " ") for n in names])]
    )
    full = concept_set.vectors @ words.T

    def mean_precision(scores: np.ndarray) -> float:
        found = scores[:, -len(names) :].T
        return float(np.mean([average_precision_score(truth == n, f) for n, f in zip(names, found, strict=True)]))

    figures: dict[str, object] = {
        "pictures": len(truth), "words": len(words), "dims_in_full": int(words.any(axis=0).sum()),
        "map_in_full": mean_precision(full),
    }  # fmt: skip
    for n_dims in (16, 32, 64, 128):
        scores = products(concept_set.vectors, words, n_dims)
        figures[f"map_{n_dims}_int8"] = mean_precision(scores)
        figures[f"same_of_ten_{n_dims}_int8"] = same_of_ten(scores, full)
    directions = np.linalg.svd(concept_set.vectors, full_matrices=False)[2][:64]
    figures["same_of_ten_64_dims_of_pictures_alone"] = same_of_ten(
        concept_set.vectors @ directions.T @ (directions @ words.T), full
    )
    return figures


def clip_figures(path: Path, n_words: int = 5000) -> dict[str, float]:
    """Measure the same for pictures of CLIP, with words made up so that their cosines have CLIP's mean and spread."""
    pictures = unit(np.load(path).astype(np.float32))
    rng = np.random.default_rng(0)
    centre = pictures.mean(axis=0)
    seen = unit(pictures[rng.integers(len(pictures), size=n_words)] - centre)
    gap = unit(rng.normal(size=pictures.shape[1]))
    noise = unit(rng.normal(size=seen.shape))
    words = unit(0.28 * unit(centre) + 0.6 * gap + 0.18 * seen + 0.7 * noise)
    full = pictures @ words.T
    figures = {
        "pictures": len(pictures),
        "words": n_words,
        "mean_cosine": float(full.mean()),
        "spread": float(full.std(axis=0).mean()),
    }
    for n_dims in (32, 64, 128):
        figures[f"same_of_ten_{n_dims}_int8"] = same_of_ten(products(pictures, words, n_dims), full)
    return figures


def make_collection(model: ConceptModel, n: int, folder: Path) -> ConceptSet:
    """Cut n pictures out of those of a fitted model."""
    small = model.concepts_
    rng = np.random.default_rng(0)
    rows = np.resize(np.arange(len(small.images)), n)
    seeds = rng.integers(2**32, size=n)

    def cut(i: int) -> None:
        draw = np.random.default_rng(seeds[i])
        picture = Image.open(small.source_of(int(rows[i])))
        picture.draft("RGB", (2 * SIDE, 2 * SIDE))
        picture = picture.convert("RGB")
        width, height = (max(1, int(length * draw.uniform(0.75, 1))) for length in picture.size)
        left, top = (
            int(draw.uniform(0, whole - part)) for whole, part in zip(picture.size, (width, height), strict=True)
        )
        picture = picture.crop((left, top, left + width, top + height))
        if draw.random() < 0.5:
            picture = ImageOps.mirror(picture)
        picture.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / f"{i:05}.jpg", quality=88)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(cut, range(n)))
    vectors = unit(
        small.vectors[rows] + rng.normal(0, 0.3 / small.vectors.shape[1] ** 0.5, (n, small.vectors.shape[1]))
    )
    positions = model.positions_[rows] + rng.normal(0, 0.01, (n, 2))
    return replace(
        small,
        images=tuple(ImageRecord(f"{i:05}.jpg", folder / f"{i:05}.jpg", f"{i:032x}") for i in range(n)),
        labels=small.labels[rows],
        probabilities=small.probabilities[rows],
        raw_labels=small.raw_labels[rows],
        raw_probabilities=small.raw_probabilities[rows],
        vectors=vectors,
        concepts=tuple(replace(c, size=int((small.labels[rows] == c.index).sum())) for c in small.concepts),
        positions=positions.clip(0, 1).astype(np.float32),
        edits=(),
    )


class MemoryWatch:
    """The most memory that the process holds in a block, above what it held before."""

    def __enter__(self) -> MemoryWatch:
        self.before = self.most = self.now()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self) -> None:
        while not self.stop.wait(0.05):
            self.most = max(self.most, self.now())

    def __exit__(self, *args: object) -> None:
        self.stop.set()
        self.thread.join()

    @staticmethod
    def now() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def seconds_to_first_paint(page: Path, chromium: str) -> float:
    from playwright.sync_api import sync_playwright

    script = "performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        tab = browser.new_context(offline=True, viewport={"width": 1440, "height": 900}).new_page()
        tab.goto(page.as_uri(), wait_until="commit", timeout=120_000)
        tab.wait_for_selector("main img", timeout=120_000)
        tab.wait_for_timeout(500)
        (painted,) = tab.evaluate(script)
        browser.close()
    return painted / 1000


def page_figures(model: ConceptModel, n: int, chromium: str | None) -> dict[str, float]:
    figures: dict[str, float] = {"pictures": n}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "pictures").mkdir()
        concept_set = make_collection(model, n, folder / "pictures")
        words, word_vectors = concept_set.candidates, model.embed_texts(concept_set.candidates)
        for way in ("embed", "folder"):
            page = folder / f"{way}.html"
            with MemoryWatch() as memory:
                start = time.perf_counter()
                save_report(
                    concept_set, page, report=model.report_, words=words, word_vectors=word_vectors, thumbnails=way
                )
                seconds = time.perf_counter() - start
            figures[f"{way}_megabytes"] = page.stat().st_size / 1e6
            figures[f"{way}_seconds_per_1000"] = seconds / n * 1000
            figures[f"{way}_megabytes_of_memory"] = (memory.most - memory.before) / 1e6
            if chromium:
                times = [seconds_to_first_paint(page, chromium) for _ in range(3)]
                figures[f"{way}_seconds_to_first_paint"] = sorted(times)[1]
        thumbnails = list((folder / "folder_files").rglob("*.webp"))
        figures["bytes_per_thumbnail"] = sum(path.stat().st_size for path in thumbnails) / len(thumbnails)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--n", type=int, default=25_000)
    parser.add_argument("--chromium")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    model = ConceptModel(embedding_model=HubFreeEncoder()).fit(args.data)
    result = {
        "search": search_figures(model),
        **({"search_clip": clip_figures(args.clip)} if args.clip else {}),
        "page": page_figures(model, args.n, args.chromium),
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": package_versions(),
    }
    text = json.dumps(result, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")
    search, page = result["search"], result["page"]
    lost = search["map_in_full"] - search["map_64_int8"]
    assert lost <= LEAST["map_lost"], f"the page's search loses {lost:.3f} of mean average precision"
    if args.n <= 25_000:
        assert page["embed_megabytes"] < LIMITS["megabytes"]
    for way in ("embed", "folder"):
        if args.chromium:
            assert page[f"{way}_seconds_to_first_paint"] < LIMITS["seconds_to_first_paint"]


if __name__ == "__main__":
    main()
