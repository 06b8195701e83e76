"""Measure embedding against the plain recipe, side by side in one process.

    python benchmarks/bench_embedding.py --model FOLDER [--photos FOLDER] [--quick] [--only NAME ...] [--out FILE]

The plain recipe is what scripts around CLIP do: open the pictures in a list, hand it to `SentenceTransformer.encode`,
in fp32 and in its own batches. FOLDER holds a CLIP checkpoint; one with random weights costs exactly what a trained one
costs. Photos, if there are any, are for the cosines between precisions, and between shrinking while decoding and not.

Every comparison is a ratio of runs of this process: they take turns, and the best of each counts, but for the words,
which are encoded once each. Pictures and words are made here. Where the processor has no AMX the result says so; with
native bf16 the same figures are asked of it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from concept_memes.cache import open_cache
from concept_memes.embedding import Embedder
from concept_memes.encoders import CLIPEncoder, HubFreeEncoder
from concept_memes.protocols import ImageEncoder
from concept_memes.run_report import package_versions
from concept_memes.sources import list_images
from concept_memes.text_embedding import embed_texts

ROOT = Path(__file__).parent.parent
SMALL, LARGE = (520, 390), (4000, 3000)  # 0.2 and 12 megapixels
PAGE = os.sysconf("SC_PAGE_SIZE")

# What must come out: figure -> least (ratios of images or words per second, of peak memory above the loaded model).
FLOORS = {
    "small_ratio": 3.0,
    "small_int8_ratio": 2.5,
    "large_ratio": 6.0,
    "large_memory_ratio": 5.0,
    "words_cold_ratio": 3.0,
    "words_warm_ratio": 100.0,
    "cosine_bf16": 0.999,
    "cosine_int8": 0.999,
    "cosine_draft": 0.999,
}


# --- material ---------------------------------------------------------------------------------------------------


def write_pictures(folder: Path, n: int, size: tuple[int, int], *, seed: int = 0) -> list[Path]:
    """Write JPEGs that are as hard to decode as photos: smooth colours, edges, and noise like film grain."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    width, height = size
    grain = rng.normal(0, 9, (height, width, 1)).astype(np.float32)
    paths = []
    for number in range(n):
        coarse = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), np.float32)
        shifted = np.roll(grain, (int(rng.integers(height)), int(rng.integers(width))), axis=(0, 1))
        smooth[: height // 3, : width // 2] *= 0.6  # an edge
        paths.append(folder / f"{number:05}.jpg")
        Image.fromarray((smooth + shifted).clip(0, 255).astype(np.uint8)).save(paths[-1], quality=88)
    return paths


def nouns(n: int) -> list[str]:
    """Make up words of one to three syllables, some of two words, as long as the nouns of WordNet are."""
    rng = random.Random(0)
    syllables = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in ("", "n", "r", "st")]
    words: dict[str, None] = {}
    while len(words) < n:
        parts = ["".join(rng.choices(syllables, k=rng.randint(1, 3))) for _ in range(1 + (rng.random() < 0.3))]
        words[" ".join(parts)] = None
    return list(words)


# --- measuring --------------------------------------------------------------------------------------------------


class PeakMemory:
    """Watches what this process holds, above what it held at the start, in bytes."""

    def __enter__(self) -> PeakMemory:
        gc.collect()
        self.start = self.most = resident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self.most = max(self.most, resident())

    def __exit__(self, *args: object) -> None:
        self._done.set()
        self._thread.join()
        self.above = self.most - self.start


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def seconds_of(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def best_of(functions: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Time functions in turns; return the best seconds of each."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(seconds_of(function))
    return {name: min(found) for name, found in times.items()}


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-embedding-") as folder:
        yield Path(folder)


# --- the two ways -----------------------------------------------------------------------------------------------


class Recipe:
    """The plain way: pictures opened in a list, everything by `SentenceTransformer.encode`."""

    def __init__(self, model: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self.model = SentenceTransformer(str(model), device="cpu")

    def pictures(self, paths: Sequence[Path]) -> np.ndarray:
        return np.asarray(self.model.encode([Image.open(path) for path in paths], show_progress_bar=False))

    def words(self, words: Sequence[str]) -> np.ndarray:
        return np.asarray(self.model.encode(list(words), show_progress_bar=False))


def ours(encoder: ImageEncoder, paths: Sequence[Path]) -> np.ndarray:
    return Embedder(encoder).embed(list_images(list(paths)).refs).vectors


def unit_rows(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


# --- the parts --------------------------------------------------------------------------------------------------


def machine() -> dict[str, object]:
    import torch

    flags: set[str] = set()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        flags = set(next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), "").split())
    return {
        "processor": platform.machine(),
        "processors": os.cpu_count(),
        "amx": "amx_tile" in flags,
        "native_bf16": bool(flags & {"amx_bf16", "avx512_bf16"}),
        "vnni": bool(flags & {"avx512_vnni", "avx_vnni"}),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.is_available() and torch.cuda.get_device_name(),
    }


def measure_limit(model: Path) -> dict[str, float]:
    """How fast the processor multiplies large matrices, and what a picture costs: the limit of all that follows."""
    import torch

    config = json.loads((model / "config.json").read_text())["vision_config"]
    width, layers = config.get("hidden_size", 768), config.get("num_hidden_layers", 12)
    inner, patch = config.get("intermediate_size", 4 * width), config.get("patch_size", 32)
    tokens = (config.get("image_size", 224) // patch) ** 2 + 1
    per_layer = 2 * tokens * (4 * width * width + 2 * width * inner) + 4 * tokens * tokens * width
    flops = layers * per_layer + 2 * (tokens - 1) * 3 * patch * patch * width
    figures: dict[str, float] = {"gflop_per_picture": flops / 1e9}
    side = 4096
    for name, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = torch.randn(side, side, dtype=kind), torch.randn(side, side, dtype=kind)
        seconds = best_of({name: lambda a=a, b=b: a @ b}, 4)[name]
        figures[f"tflops_{name}"] = 2 * side**3 / seconds / 1e12
        figures[f"limit_{name}_per_s"] = figures[f"tflops_{name}"] * 1e12 / flops
    return figures


def measure_small(model: Path, recipe: Recipe, quick: bool) -> dict[str, float]:
    n = 96 if quick else 256
    with scratch() as folder:
        paths = write_pictures(folder, n, SMALL)
        encoders = {name: CLIPEncoder(model, precision=name) for name in ("auto", "fp32", "int8")}
        for encoder in encoders.values():
            ours(encoder, paths[:32])
        recipe.pictures(paths[:32])
        best = best_of(
            {
                "recipe": lambda: recipe.pictures(paths),
                **{name: (lambda e=encoder: ours(e, paths)) for name, encoder in encoders.items()},
            },
            2 if quick else 3,
        )
        encoder = encoders["auto"]
        decoded = np.stack([encoder.preprocess(Image.open(p).convert("RGB")) for p in paths[: encoder.batch_size]])
        encoding = best_of({"encoding": lambda: encoder.encode_images(decoded)}, 8)["encoding"]
        decoding = seconds_of(lambda: [encoder.preprocess(Image.open(p).convert("RGB")) for p in paths[:64]])
    return {
        "small_recipe_per_s": n / best["recipe"],
        "small_per_s": n / best["auto"],
        "small_fp32_per_s": n / best["fp32"],
        "small_int8_per_s": n / best["int8"],
        "small_ratio": best["recipe"] / best["auto"],
        "small_fp32_ratio": best["recipe"] / best["fp32"],
        "small_int8_ratio": best["recipe"] / best["int8"],
        "decoded_per_s": encoder.batch_size / encoding,
        "decoding_ms_per_picture_on_one_thread": decoding / 64 * 1000,
        "precision": encoder.precision,
    }


def measure_large(model: Path, recipe: Recipe, quick: bool) -> dict[str, float]:
    n = 16 if quick else 64
    with scratch() as folder:
        paths = write_pictures(folder, n, LARGE)
        encoder = CLIPEncoder(model)
        # Load the models, and open no picture: what decoding takes is part of the memory that is asked for.
        encoder.encode_images(np.stack([encoder.preprocess(Image.new("RGB", (224, 224)))] * encoder.batch_size))
        recipe.model.encode([Image.new("RGB", (224, 224))] * 32, show_progress_bar=False)
        with PeakMemory() as our_memory:
            our_seconds = seconds_of(lambda: ours(encoder, paths))
        with PeakMemory() as recipe_memory:
            recipe_seconds = seconds_of(lambda: recipe.pictures(paths))
        best = best_of({"ours": lambda: ours(encoder, paths), "recipe": lambda: recipe.pictures(paths)}, 1)
        our_seconds, recipe_seconds = min(our_seconds, best["ours"]), min(recipe_seconds, best["recipe"])
    return {
        "large_recipe_per_s": n / recipe_seconds,
        "large_per_s": n / our_seconds,
        "large_ratio": recipe_seconds / our_seconds,
        "large_recipe_memory_mib": recipe_memory.above / 2**20,
        "large_memory_mib": our_memory.above / 2**20,
        "large_memory_ratio": recipe_memory.above / max(our_memory.above, 2**20),
    }


def measure_words(model: Path, recipe: Recipe, quick: bool) -> dict[str, float]:
    words = nouns(2_000 if quick else 20_000)
    with scratch() as folder:
        encoder = CLIPEncoder(model)
        encoder.encode_texts(words[:64])
        recipe.words(words[:64])
        recipe_seconds = seconds_of(lambda: recipe.words(words))
        with open_cache(folder) as cache:
            cold = seconds_of(lambda: embed_texts(words, encoder, cache))
        with open_cache(folder) as cache:  # a new connection, as a new process has
            warm = seconds_of(lambda: embed_texts(words, encoder, cache))
    return {
        "words_recipe_per_s": len(words) / recipe_seconds,
        "words_cold_per_s": len(words) / cold,
        "words_warm_per_s": len(words) / warm,
        "words_cold_ratio": recipe_seconds / cold,
        "words_warm_ratio": recipe_seconds / warm,
    }


def measure_again(model: Path, quick: bool) -> dict[str, float]:
    """Embed a folder twice, then with fifty more pictures."""
    n = 300 if quick else 5_000
    with scratch() as folder:
        write_pictures(folder / "pictures", n, SMALL)
        time.sleep(2.5)  # younger files are hashed again, because their times do not tell whether they have changed
        encoder = CLIPEncoder(model)
        seconds, results = [], []
        for round_ in range(3):
            if round_ == 2:
                write_pictures(folder / "pictures" / "more", 50, SMALL, seed=1)
            with open_cache(folder / "cache") as cache:
                refs = list_images(folder / "pictures").refs
                start = time.perf_counter()
                results.append(Embedder(encoder, cache).embed(refs))
                seconds.append(time.perf_counter() - start)
        same = np.array_equal(results[0].vectors, results[1].vectors)
    return {
        "again_pictures": n,
        "again_first_s": seconds[0],
        "again_second_s": seconds[1],
        "again_share": seconds[1] / seconds[0],
        "again_encoded": results[1].n_encoded,
        "again_read_for_hash": results[1].n_hashed,
        "again_same_bits": bool(same),
        "fifty_more_encoded": results[2].n_encoded,
    }


def measure_cosines(model: Path, photos: Path | None, quick: bool) -> dict[str, float]:
    """Cosines to fp32, to pictures decoded in full, and to the model's own preprocessing, least and mean."""
    if photos is None:
        return {}
    paths = sorted(photos.rglob("*.jpg"))
    paths = random.Random(0).sample(paths, min(len(paths), 64 if quick else 320))
    figures: dict[str, float] = {}
    for prefix, make in (
        ("", lambda p: CLIPEncoder(model, precision=p)),
        ("hub_free_", lambda p: HubFreeEncoder(precision=p)),
    ):
        full = unit_rows(ours(make("fp32"), paths))
        for precision in ("bf16", "int8"):
            try:
                cosines = (full * unit_rows(ours(make(precision), paths))).sum(axis=1)
            except ValueError as error:  # a model that has no such precision says so
                figures[f"{prefix}cosine_{precision}_note"] = str(error)
                continue
            figures[f"{prefix}cosine_{precision}"] = float(cosines.min())
            figures[f"{prefix}cosine_{precision}_mean"] = float(cosines.mean())
    # Photos of a phone's size, of which decoding keeps an eighth.
    with scratch() as folder:
        large = []
        for number, path in enumerate(paths[: 16 if quick else 64]):
            large.append(folder / f"{number}.jpg")
            Image.open(path).convert("RGB").resize((2400, 1800), Image.Resampling.LANCZOS).save(large[-1], quality=92)
        for prefix, encoder in (
            ("", CLIPEncoder(model, precision="fp32")),
            ("hub_free_", HubFreeEncoder(precision="fp32")),
        ):
            whole = np.stack([encoder.preprocess(Image.open(path).convert("RGB")) for path in large])
            plain = np.vstack([encoder.encode_images(batch[None]) for batch in whole])
            cosines = (unit_rows(plain) * unit_rows(ours(encoder, large))).sum(axis=1)
            figures[f"{prefix}cosine_draft"] = float(cosines.min())
            figures[f"{prefix}cosine_draft_mean"] = float(cosines.mean())
    return figures


START = """
import sys, time
start = time.perf_counter()
from PIL import Image
from concept_memes.encoders import CLIPEncoder, HubFreeEncoder
encoder = CLIPEncoder(sys.argv[1]) if sys.argv[1] else HubFreeEncoder()
import numpy as np
pixels = encoder.preprocess(Image.new("RGB", (300, 200), "red"))
if sys.argv[2] == "warm":
    encoder.fingerprint, getattr(encoder, "text_fingerprint", "")
    assert "torch" not in sys.modules
else:
    encoder.encode_images(np.stack([pixels] * encoder.batch_size))
print(time.perf_counter() - start)
"""
RECIPE_START = """
import sys, time
start = time.perf_counter()
from PIL import Image
from sentence_transformers import SentenceTransformer
SentenceTransformer(sys.argv[1], device="cpu").encode([Image.new("RGB", (300, 200), "red")], show_progress_bar=False)
print(time.perf_counter() - start)
"""


def measure_start(model: Path, quick: bool) -> dict[str, float]:
    """Seconds from the start of a process to its first vector, the best of several processes."""

    def run(code: str, *arguments: str) -> float:
        command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
        return min(seconds_of(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(3))

    help_command = [shutil.which("concept-memes", path=str(Path(sys.executable).parent)) or "concept-memes", "--help"]
    return {
        "start_recipe_s": run(RECIPE_START, str(model)),
        "start_clip_s": run(START, str(model), "cold"),
        "start_clip_fingerprint_s": run(START, str(model), "warm"),
        "start_hub_free_s": run(START, "", "cold"),
        "start_hub_free_fingerprint_s": run(START, "", "warm"),
        "start_help_s": min(
            seconds_of(lambda: subprocess.run(help_command, check=True, capture_output=True)) for _ in range(5)
        ),
    }


def measure_hub_free(quick: bool) -> dict[str, float]:
    encoders = {name: HubFreeEncoder(precision=name) for name in ("fp32", "bf16")}
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (encoders["fp32"].batch_size, 224, 224, 3), dtype=np.uint8)
    for encoder in encoders.values():
        encoder.encode_images(batch)
    best = best_of({name: (lambda e=e: e.encode_images(batch)) for name, e in encoders.items()}, 3 if quick else 6)
    return {f"hub_free_{name}_decoded_per_s": len(batch) / seconds for name, seconds in best.items()}


def measure_gpu(model: Path, quick: bool) -> dict[str, float]:
    import torch

    if not torch.cuda.is_available():
        return {"gpu_note": "no GPU at hand: not measured"}  # type: ignore[dict-item]
    figures = {}
    with scratch() as folder:
        paths = write_pictures(folder, 512 if quick else 2048, SMALL)
        for precision in ("fp32", "fp16", "bf16"):
            encoder = CLIPEncoder(model, device="cuda", precision=precision)
            ours(encoder, paths[: encoder.batch_size])
            figures[f"gpu_{precision}_per_s"] = len(paths) / seconds_of(lambda e=encoder: ours(e, paths))
            decoded = np.stack([encoder.preprocess(Image.open(p).convert("RGB")) for p in paths[: encoder.batch_size]])
            seconds = best_of({"x": lambda e=encoder, d=decoded: e.encode_images(d)}, 5)["x"]
            figures[f"gpu_{precision}_decoded_per_s"] = len(decoded) / seconds
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder with a CLIP checkpoint")
    parser.add_argument("--photos", type=Path, help="folder of real photos, for the cosines")
    parser.add_argument("--quick", action="store_true", help="a tenth of the material: to see that it runs")
    parser.add_argument("--only", nargs="*", help="parts to measure; by default all")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "embedding.json")
    args = parser.parse_args()
    recipe_of: list[Recipe] = []

    def recipe() -> Recipe:
        if not recipe_of:
            recipe_of.append(Recipe(args.model))
        return recipe_of[0]

    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "start": lambda: measure_start(args.model, args.quick),
        "limit": lambda: measure_limit(args.model),
        "large": lambda: measure_large(args.model, recipe(), args.quick),
        "small": lambda: measure_small(args.model, recipe(), args.quick),
        "words": lambda: measure_words(args.model, recipe(), args.quick),
        "cosines": lambda: measure_cosines(args.model, args.photos, args.quick),
        "again": lambda: measure_again(args.model, args.quick),
        "hub_free": lambda: measure_hub_free(args.quick),
        "gpu": lambda: measure_gpu(args.model, args.quick),
    }
    figures: dict[str, Any] = {}
    for name in args.only or parts:
        found = parts[name]()
        figures |= found
        for key, value in found.items():
            print(f"{key:40} {value:.5g}" if isinstance(value, float) else f"{key:40} {value}", flush=True)
    if {"small_per_s", "limit_bf16_per_s"} <= figures.keys():
        figures["share_of_limit"] = figures["small_per_s"] / figures["limit_bf16_per_s"]
        figures["share_of_limit_decoded"] = figures["decoded_per_s"] / figures["limit_bf16_per_s"]
    found_machine = machine()
    if not found_machine["amx"]:
        figures["note"] = "This processor has no AMX; " + (
            "it multiplies bf16 natively." if found_machine["native_bf16"] else "it has no native bf16 either."
        )
    missed = [key for key, least in FLOORS.items() if key in figures and figures[key] < least]
    if "again_share" in figures:
        missed += [] if figures["again_share"] < 0.02 and figures["again_encoded"] == 0 else ["again_share"]
        missed += [] if figures["fifty_more_encoded"] == 50 and figures["again_same_bits"] else ["fifty_more"]
    if figures.get("start_help_s", 0) >= 0.5:
        missed.append("start_help_s")
    result = {
        "figures": figures,
        "floors": FLOORS,
        "missed": missed,
        "quick": args.quick,
        "machine": found_machine,
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": package_versions(),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("missed:", ", ".join(missed) or "none")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
