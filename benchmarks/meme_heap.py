"""Measure what a heap of memes costs, stage by stage, cold and warm, and what is found in it.

    python benchmarks/meme_heap.py --templates FOLDER --photos FOLDER [--n 20000] [--work FOLDER] [--out RESULT.json]

Makes a heap of at least N files (`meme_variants.py`: captioned templates, copies of them, unrelated photos) in WORK
and goes through it in two processes: the first one has no cache, the second one has that of the first. Memory is the
most that the process has held until the end of a stage. A heap that is in WORK already is taken as it is; the cache
there is made anew. On two cores 20,000 files take about three quarters of an hour, most of it reading texts.

`page_tables.py` writes the tables of the page `docs/questions/fifty-thousand-memes.md` from the result.

What is found is compared with how the files were made. Copies: pairs. Templates: adjusted Rand index over the memes.
Concepts: purity, the share of the memes in concepts that are of their concept's commonest template. Texts: mean
`difflib` ratio of caption and text, letters and digits only, over files that are no copies. Search: what says the
commonest word of the captions, precision and recall over all files.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from meme_variants import Variant, make_heap, read_truth

from concept_memes import ConceptModel
from concept_memes.filing import carry_out, plan_filing
from concept_memes.memes.groups import copy_groups
from concept_memes.progress import ProgressEvent
from concept_memes.run_report import package_versions, peak_memory
from concept_memes.said_words import add_said_words

RESULTS = Path(__file__).parent / "results" / "meme-heap.json"
SECONDS_BETWEEN_LINES = 10.0

# ------------------------------------------------------------------------------------------------ one run


class Stages:
    """Seconds and memory per stage; tells how far it is."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.megabytes: dict[str, int] = {}
        self.of_progress: dict[str, int] = {}
        self._told = 0.0

    def measure(self, stage: str, work: Callable[[], object]) -> object:
        """Do something and note what it costs."""
        start = time.perf_counter()
        result = work()
        self.seconds[stage] = time.perf_counter() - start
        self.megabytes[stage] = megabytes()
        say(f"{stage}: {self.seconds[stage]:.1f} s, {self.megabytes[stage]} MiB")
        return result

    def told(self, event: ProgressEvent) -> None:
        """Print a line now and then; note the memory."""
        self.of_progress[event.stage] = megabytes()
        now = time.monotonic()
        if now - self._told > SECONDS_BETWEEN_LINES:
            self._told = now
            left = f", {event.remaining:.0f} s left" if event.remaining is not None else ""
            say(f"{event.stage}: {event.done} of {event.total or '?'}{left}, {megabytes()} MiB")


def megabytes() -> int:
    return round((peak_memory() or 0) / 2**20)


def say(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, flush=True)


def go_through(heap: Path, work: Path, encoder: str) -> dict:
    """Index, read, collapse copies, cluster, label, show, search, sort."""
    stages = Stages()
    model = ConceptModel(embedding_model=encoder, ocr=True, cache=work / "cache", verbose=False, progress=stages.told)
    stages.measure("fit", lambda: model.fit(heap))
    fitted = model.concepts_
    stages.measure("said words", lambda: add_said_words(fitted))
    stages.measure("explorer", lambda: model.save_report(work / "explorer.html"))
    truth = truth_of(model, heap)
    word = common_word(truth)
    found = stages.measure("first search", lambda: model.find_images(word, len(truth), text=True, duplicates="keep"))
    stages.measure("next search", lambda: model.find_images(word[:-1], len(truth), text=True, duplicates="keep"))
    shutil.rmtree(work / "sorted", ignore_errors=True)
    filed = stages.measure("sort", lambda: carry_out(plan_filing(fitted, work / "sorted", "link")))
    stages.measure("save", lambda: model.save(work / "saved"))
    stages.measure("load", lambda: ConceptModel.load(work / "saved").concepts_)
    report = model.report_
    seconds = {**report.seconds, **{stage: s for stage, s in stages.seconds.items() if stage != "fit"}}
    families, texts = fitted.families, fitted.texts
    if families is None or texts is None:
        raise SystemExit("The model has found no families, or read no texts.")
    return {
        "n_files": report.n_images,
        "n_different_contents": report.n_encoded + report.n_cached,
        "n_hashed": report.n_hashed,
        "n_encoded": report.n_encoded,
        "n_different_pictures": int(len(np.unique(families.copy_of[families.copy_of >= 0]))),
        "n_speaking": texts.n_speaking,
        "text_encoder": texts.encoder,
        "text_weight": texts.weight,
        "seconds_of_fit": round(stages.seconds["fit"], 2),
        "seconds": {stage: round(seconds[stage], 3) for stage in seconds},
        "peak_mib": {**{f"fit: {stage}": mib for stage, mib in stages.of_progress.items()}, **stages.megabytes},
        "explorer_mb": round((work / "explorer.html").stat().st_size / 1e6, 1),
        "n_filed": len(filed.filed),
        "found": {
            "copies": copies_found(model, truth),
            "templates": templates_found(model, truth),
            "concepts": concepts_found(model, truth),
            "texts": texts_found(model, truth),
            "search": search_found([hit.index for hit in found], word, truth),
        },
    }


# ------------------------------------------------------------------------------------------------ what was found


def truth_of(model: ConceptModel, heap: Path) -> list[Variant]:
    """Return how each picture was made, in the order of the model."""
    made = {heap.resolve() / variant.file: variant for variant in read_truth(heap)}
    return [made[Path(image.path).resolve()] for image in model.images_]


def is_meme(variant: Variant) -> bool:
    """Tell memes from photos, which are templates of themselves."""
    return variant.template != variant.picture


def n_pairs(counts: Iterable[int]) -> int:
    return sum(n * (n - 1) // 2 for n in counts)


def copies_found(model: ConceptModel, truth: Sequence[Variant]) -> dict:
    groups = [group.images for group in copy_groups(model.concepts_.families)]
    group_of = {index: number for number, images in enumerate(groups) for index in images}
    found = n_pairs(map(len, groups))
    true = n_pairs(Counter(variant.picture for variant in truth).values())
    right = n_pairs(Counter((group_of[i], one.picture) for i, one in enumerate(truth) if i in group_of).values())
    wrong = [images for images in groups if len({truth[i].picture for i in images}) > 1]
    return {
        "n_copies": model.concepts_.families.n_copies,
        "n_true": len(truth) - len({variant.picture for variant in truth}),
        "precision": round(right / max(found, 1), 4),
        "recall": round(right / max(true, 1), 4),
        "n_groups": sum(len(images) > 1 for images in groups),
        "wrong_groups": len(wrong),
        "wrong_groups_of_photos": sum(not is_meme(truth[i]) for i, *_ in wrong),
    }


def templates_found(model: ConceptModel, truth: Sequence[Variant]) -> dict:
    from sklearn.metrics import adjusted_rand_score

    memes = [i for i, variant in enumerate(truth) if is_meme(variant)]
    of = model.concepts_.families.template_of
    return {
        "n_true": len({truth[i].template for i in memes}),
        "n_found": len(np.unique(of[memes])),
        "ari": round(float(adjusted_rand_score([truth[i].template for i in memes], of[memes])), 4),
    }


def concepts_found(model: ConceptModel, truth: Sequence[Variant]) -> dict:
    inside = [i for i, one in enumerate(truth) if is_meme(one) and model.labels_[i] >= 0]
    n_memes = sum(map(is_meme, truth))
    commonest = Counter()
    for (label, _), n in Counter((int(model.labels_[i]), truth[i].template) for i in inside).items():
        commonest[label] = max(commonest[label], n)
    titles = [concept.title for concept in model.concepts_.concepts[:12]]
    return {
        "n": len(model.concepts_),
        "purity": round(commonest.total() / max(len(inside), 1), 4),
        "memes_in_none": round(1 - len(inside) / max(n_memes, 1), 4),
        "pictures_in_none": round(float((model.labels_ < 0).mean()), 4),
        "first_titles": titles,
    }


def texts_found(model: ConceptModel, truth: Sequence[Variant]) -> dict:
    captioned = [i for i, one in enumerate(truth) if one.caption and one.kind == "original"]
    ratios = [
        SequenceMatcher(None, *map(letters_of, (truth[i].caption, model.texts_[i])), autojunk=False).ratio()
        for i in captioned
    ]
    silent = [i for i, one in enumerate(truth) if is_meme(one) and not one.caption and one.kind == "original"]
    return {
        "n_captioned": len(captioned),
        "match": round(float(np.mean(ratios)), 4),
        "at_least_0.9": round(float(np.mean(np.array(ratios) >= 0.9)), 4),
        "blank_templates_read_as_blank": round(float(np.mean([not model.texts_[i] for i in silent])), 4),
    }


def letters_of(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def common_word(truth: Sequence[Variant]) -> str:
    """Return the commonest word of five letters and more; of several the first in the alphabet."""
    counts = Counter(word for one in truth for word in set(re.findall("[a-z]{5,}", one.caption.lower())))
    return min(counts, key=lambda word: (-counts[word], word))


def search_found(found: Sequence[int], word: str, truth: Sequence[Variant]) -> dict:
    true = {i for i, one in enumerate(truth) if word in one.caption.lower()}
    right = len(true & set(found))
    return {
        "word": word,
        "n_found": len(found),
        "n_true": len(true),
        "precision": round(right / max(len(found), 1), 4),
        "recall": round(right / max(len(true), 1), 4),
    }


# ------------------------------------------------------------------------------------------------ the command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--templates", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--work", type=Path, help="kept afterwards; a temporary folder by default")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--encoder", default="hub-free")
    parser.add_argument("--one-run", type=Path, help=argparse.SUPPRESS)  # the child's result
    args = parser.parse_args()
    if args.one_run:
        figures = go_through(args.work / "heap", args.work, args.encoder)
        args.one_run.write_text(json.dumps(figures), "utf-8")
    elif args.templates is None:
        parser.error("--templates is missing")
    elif args.work:
        args.work.mkdir(parents=True, exist_ok=True)
        measure(args, args.work)
    else:
        with tempfile.TemporaryDirectory() as work:
            measure(args, Path(work))


def measure(args: argparse.Namespace, work: Path) -> None:
    heap = work / "heap"
    start = time.perf_counter()
    if not (heap / "truth.tsv").is_file():
        say(f"making {args.n} files in {heap}")
        make_heap(args.templates, args.photos, heap, n_pictures=args.n)
    made = time.perf_counter() - start
    shutil.rmtree(work / "cache", ignore_errors=True)
    figures: dict = {
        "heap": {"n": args.n, "seconds_to_make": round(made, 1), "encoder": args.encoder},
        "machine": {"processors": os.cpu_count(), "machine": platform.machine()},
        "versions": package_versions(),
    }
    for run in ("cold", "warm"):
        say(f"--- {run}")
        child = [sys.executable, __file__, "--work", work, "--encoder", args.encoder, "--one-run", work / f"{run}.json"]
        subprocess.run([str(part) for part in child], check=True)
        figures[run] = json.loads((work / f"{run}.json").read_text("utf-8"))
        args.out.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(json.dumps(figures, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
