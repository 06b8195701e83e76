"""Measure how long one query takes against many vectors in half precision that lie in a file.

    python benchmarks/bench_search.py [--rows 1000000] [--dims 512] [--folder FOLDER] [--out RESULT.json]

The file (1 GB by default) is made in FOLDER, or in a temporary one, and deleted in the end. The plain way,
``np.asarray(vectors, np.float32) @ query`` and ``argsort``, is timed beside ours, and both answers are compared with
brute force in double precision. Times are of the clock, so they grow where other programs use the processors; the
processor's own time, over all threads, stands beside them.

"warm" is with the file in the system's page cache, "cold" after asking the system to forget it. Memory is what Python
and numpy allocate at most, the pages of the file left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from concept_memes import scanning
from concept_memes.run_report import package_versions
from concept_memes.scanning import top_similar

ROOT = Path(__file__).parent.parent
BLOCK = 50_000
TOP = (10, 1000)


def make_vectors(path: Path, rows: int, dims: int) -> None:
    """Write unit vectors that gather around 300 centres, all leaning one way, as those of pictures do."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((300, dims), np.float32) + 1.5 * rng.standard_normal(dims, np.float32)
    out = np.lib.format.open_memmap(path, "w+", np.float16, (rows, dims))
    for start in range(0, rows, BLOCK):
        n = min(BLOCK, rows - start)
        x = centres[rng.integers(300, size=n)] + rng.standard_normal((n, dims), np.float32)
        out[start : start + n] = x / np.linalg.norm(x, axis=1, keepdims=True)
    out.flush()


def make_queries(vectors: np.ndarray, n: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    x = vectors[rng.integers(len(vectors), size=n)].astype(np.float32)
    x += 0.5 * rng.standard_normal(x.shape, np.float32) / np.sqrt(x.shape[1])
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), np.float32)


def plain(vectors: np.ndarray, query: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-(np.asarray(vectors, np.float32) @ query), kind="stable")[:k]


def truth(vectors: np.ndarray, query: np.ndarray, k: int) -> np.ndarray:
    exact = np.concatenate(
        [
            np.einsum("ij,j->i", vectors[start : start + BLOCK].astype(np.float64), query.astype(np.float64))
            for start in range(0, len(vectors), BLOCK)
        ]
    )
    return np.argsort(-exact, kind="stable")[:k]


def milliseconds(run: Callable[[np.ndarray], object], queries: np.ndarray) -> list[float]:
    times = []
    for query in queries:
        start = time.perf_counter()
        run(query)
        times.append(1000 * (time.perf_counter() - start))
    return times


def peak_mb(run: Callable[[np.ndarray], object], query: np.ndarray) -> float:
    tracemalloc.start()
    run(query)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def forget(path: Path) -> None:
    """Ask the system to drop the file from its page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cold(path: Path, query: np.ndarray) -> float:
    forget(path)
    vectors = np.load(path, mmap_mode="r")
    start = time.perf_counter()
    top_similar(vectors, query, TOP[0])
    return 1000 * (time.perf_counter() - start)


def measure(path: Path, n_queries: int) -> dict[str, object]:
    vectors = np.load(path, mmap_mode="r")
    queries = make_queries(vectors, n_queries)
    same = {f"same_top_{k}_as_double": all(map(np.array_equal, *answers(vectors, queries[:3], k))) for k in TOP}
    ours = {f"ours_ms_top_{k}": milliseconds(lambda q, k=k: top_similar(vectors, q, k), queries) for k in TOP}
    naive = milliseconds(lambda q: plain(vectors, q, TOP[0]), queries[:3])
    processors = scanning.usable_processors
    scanning.usable_processors = lambda: 1
    one = milliseconds(lambda q: top_similar(vectors, q, TOP[0]), queries)
    bits = [top_similar(vectors, q, TOP[0])[1].tobytes() for q in queries]
    scanning.usable_processors = processors
    same["same_bits_for_one_thread"] = bits == [top_similar(vectors, q, TOP[0])[1].tobytes() for q in queries]
    begun = time.process_time()
    milliseconds(lambda q: top_similar(vectors, q, TOP[0]), queries)
    used = 1000 * (time.process_time() - begun) / len(queries)
    memory = peak_mb(lambda q: top_similar(vectors, q, TOP[0]), queries[0])
    memory_plain = peak_mb(lambda q: plain(vectors, q, TOP[0]), queries[0])
    figures: dict[str, object] = {name: statistics.median(times) for name, times in ours.items()}
    figures |= {"ours_ms_fastest": min(ours[f"ours_ms_top_{TOP[0]}"]), "ours_ms_one_thread": statistics.median(one)}
    figures |= {"ours_processor_ms": used}
    figures |= {"plain_ms": statistics.median(naive)}
    figures |= {"plain_to_ours": statistics.median(naive) / statistics.median(ours[f"ours_ms_top_{TOP[0]}"])}
    figures |= {"ours_peak_mb": memory, "plain_peak_mb": memory_plain, "matrix_mb": vectors.nbytes / 1e6}
    if hasattr(os, "posix_fadvise"):
        del vectors
        figures["ours_ms_cold"] = statistics.median(cold(path, query) for query in queries[:3])
    return figures | same


def answers(vectors: np.ndarray, queries: np.ndarray, k: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [top_similar(vectors, q, k)[0] for q in queries], [truth(vectors, q, k) for q in queries]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument("--queries", type=int, default=15)
    parser.add_argument("--folder", type=Path, help="where the file of vectors is made; by default a temporary folder")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "search.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / "vectors.npy"
        make_vectors(path, args.rows, args.dims)
        figures = measure(path, args.queries)
    for name, value in figures.items():
        print(f"{name:24} {value if isinstance(value, bool) else round(float(value), 1)}")
    result = {
        "rows": args.rows,
        "dims": args.dims,
        "dtype": "float16, memory-mapped",
        "threads": min(scanning.MAX_THREADS, scanning.usable_processors()),
        "figures": figures,
        "machine": {"processor": platform.machine(), "system": platform.system()},
        "versions": package_versions(),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0 if all(value for value in figures.values() if isinstance(value, bool)) else 1


if __name__ == "__main__":
    sys.exit(main())
