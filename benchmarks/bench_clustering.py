"""Measure clustering against the plain recipe and its relatives: time, memory and truth, in cold processes.

    python benchmarks/bench_clustering.py --data FOLDER [--sizes 5000 25000 100000] [--methods NAME ...] [--out FILE]
    python benchmarks/bench_clustering.py --vectors-tool make_vectors.py ...

Every run is a process of its own, and the methods take turns: one run of each, then the next of each, so that what else
the machine does falls on all alike. Vectors have a known truth: FOLDER holds `mix5000.npz` and so on, with `vectors`
(n, d) and `truth` (n,), -1 for noise; or they are made by a tool that is called as
`TOOL mixture OUT.npz --rows N --concepts 150 --seed 0`.

- *ours*: what a fit does between vectors and labels: centring and `cluster_vectors`, with the default random state.
- *plain*: UMAP and HDBSCAN as scripts have them, unseeded, on all processors, with the smallest size of ours.
- *bertopic*: the models that BERTopic makes when it is given none (`BERTopic.__init__`): the same UMAP, HDBSCAN
  with a smallest size of 10 and prediction data. They are made here, since BERTopic itself would add the words.
- *fast_hdbscan*: the same UMAP, and fast_hdbscan in the place of HDBSCAN. *evoc*: EVoC as it comes.

A cold run begins with nothing imported. What numba keeps on disk is there, as on a user's second day: one run of each
method, which is not counted, comes first. A warm run is a second fit in the same process. Seconds are of the wall
clock, imports included, and `cpu_s` says how much of it was work. Ratios are of medians, plain over the method: above 1
is faster. Warm runs are left out from 100,000 rows on.

Packages that only this script needs (evoc, fast_hdbscan) may lie in another environment: `--python` names its
interpreter. A method whose packages are missing is left out, and the result says why.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
PACKAGES = ("numpy", "numba", "umap-learn", "hdbscan", "pynndescent", "scikit-learn", "evoc", "fast_hdbscan")
Labels = np.ndarray


# --- the methods: each imports what it needs, so that a cold run pays for it ---------------------------------------


def ours(vectors: np.ndarray, _: int) -> Labels:
    from concept_memes.centring import centre_vectors, mean_vector
    from concept_memes.clustering import cluster_vectors

    keys = [hashlib.sha256(row.tobytes()).hexdigest() for row in vectors]
    centred = centre_vectors(vectors, mean_vector(vectors), ((0, vectors.shape[1]),))
    return cluster_vectors(centred, keys).labels


def reduced(vectors: np.ndarray) -> np.ndarray:
    import umap

    reducer = umap.UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine")
    return np.asarray(reducer.fit_transform(vectors))


def plain(vectors: np.ndarray, smallest_size: int) -> Labels:
    import hdbscan

    return np.asarray(hdbscan.HDBSCAN(min_cluster_size=smallest_size).fit_predict(reduced(vectors)))


def bertopic(vectors: np.ndarray, _: int) -> Labels:
    import hdbscan
    import umap

    reducer = umap.UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", low_memory=False)
    model = hdbscan.HDBSCAN(
        min_cluster_size=10, metric="euclidean", cluster_selection_method="eom", prediction_data=True
    )
    return np.asarray(model.fit(reducer.fit_transform(vectors)).labels_)


def fast_hdbscan(vectors: np.ndarray, smallest_size: int) -> Labels:
    import fast_hdbscan

    model = fast_hdbscan.HDBSCAN(min_cluster_size=smallest_size)
    return np.asarray(model.fit_predict(reduced(vectors)))


def evoc(vectors: np.ndarray, _: int) -> Labels:
    import evoc

    return np.asarray(evoc.EVoC().fit_predict(vectors))


METHODS: dict[str, tuple[Callable[[np.ndarray, int], Labels], tuple[str, ...]]] = {
    "ours": (ours, ()),
    "plain": (plain, ("umap", "hdbscan")),
    "bertopic": (bertopic, ("umap", "hdbscan")),
    "fast_hdbscan": (fast_hdbscan, ("umap", "fast_hdbscan")),
    "evoc": (evoc, ("evoc",)),
}


# --- one run, in its own process ------------------------------------------------------------------------------------


def run_here(method: str, data: Path, out: Path, smallest_size: int, warm: bool) -> None:
    """Cluster once, or twice, and write the labels and what it took."""
    vectors = np.load(data)["vectors"].astype(np.float32)
    before = peak_mib()
    figures: dict[str, float] = {}
    for name in ("cold", "warm") if warm else ("cold",):
        started, worked = time.perf_counter(), time.process_time()
        labels = METHODS[method][0](vectors, smallest_size)
        figures[f"{name}_s"] = time.perf_counter() - started
        figures[f"{name}_cpu_s"] = time.process_time() - worked
        if name == "cold":
            figures["peak_mib"], figures["peak_above_vectors_mib"] = peak_mib(), peak_mib() - before
            np.save(out.with_suffix(".npy"), labels)
    out.write_text(json.dumps(figures))


def peak_mib() -> float:
    """Most memory that this process has held."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


# --- many runs ------------------------------------------------------------------------------------------------------


def run_apart(python: str, method: str, data: Path, warm: bool, timeout: float) -> dict[str, Any]:
    """Run a method in a new process; return its figures and labels, or why there are none."""
    from concept_memes.clustering import auto_min_concept_size  # not at the top: a cold run would have it loaded

    with tempfile.TemporaryDirectory(prefix="bench-clustering-") as folder:
        out = Path(folder) / "run.json"
        command = [python, __file__, "--run", method, "--data", str(data), "--out", str(out)]
        command += ["--smallest-size", str(auto_min_concept_size(len(np.load(data)["truth"])))]
        started = time.perf_counter()
        try:
            run = subprocess.run(
                command + ["--warm"] * warm,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            return {"failed": f"no result within {timeout:.0f} s"}
        if run.returncode:
            return {"failed": (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1]}
        figures = json.loads(out.read_text())
        # With the interpreter's start and the reading of the vectors, without the warm fit.
        figures["process_s"] = time.perf_counter() - started - figures.get("warm_s", 0.0)
        return {**figures, "labels": np.load(out.with_suffix(".npy"))}


def missing_packages(python: str, modules: tuple[str, ...]) -> list[str]:
    """Name the modules that an interpreter does not find."""
    code = "import importlib.util as u, sys; print(*[m for m in sys.argv[1:] if u.find_spec(m) is None])"
    found = subprocess.run([python, "-c", code, *modules], capture_output=True, text=True, check=True)
    return found.stdout.split()


def quality(labels: Labels, truth: Labels) -> dict[str, float]:
    """How far labels agree with the truth; noise is a class of its own, or left out where either says noise."""
    from sklearn.metrics import adjusted_rand_score

    both = (labels >= 0) & (truth >= 0)
    return {
        "ari": float(adjusted_rand_score(truth, labels)),
        "ari_clustered": float(adjusted_rand_score(truth[both], labels[both])),
        "n_clusters": len(np.unique(labels[labels >= 0])),
        "noise": float((labels < 0).mean()),
    }


def summary(runs: list[dict[str, Any]], truth: Labels) -> dict[str, Any]:
    """Medians over runs of one method at one size."""
    failures = [run["failed"] for run in runs if "failed" in run]
    if failures:
        return {"failed": failures[0]}
    qualities = [quality(run["labels"], truth) for run in runs]
    names = [name for name in runs[0] if name != "labels"]
    return {
        "runs": len(runs),
        **{name: statistics.median(run[name] for run in runs) for name in names},
        "cold_s_all": [run["cold_s"] for run in runs],
        **{name: statistics.median(q[name] for q in qualities) for name in qualities[0]},
        "ari_all": [q["ari"] for q in qualities],
        "same_labels": all(np.array_equal(runs[0]["labels"], run["labels"]) for run in runs) if len(runs) > 1 else None,
    }


def add_ratios(results: dict[str, dict[str, Any]], sizes: list[int]) -> dict[str, float]:
    """Add ratios to the plain recipe; return each method's exponent of growth, fitted to the logarithms."""
    exponents = {}
    for method, by_size in results.items():
        done = {size: by_size[str(size)] for size in sizes if "cold_s" in by_size.get(str(size), {})}
        for size, figures in done.items():
            reference = results.get("plain", {}).get(str(size), {})
            for name in ("cold_s", "warm_s", "peak_mib"):
                if name in reference and name in figures:
                    figures[f"plain_over_this_{name}"] = reference[name] / figures[name]
            if "ari" in reference:
                figures["ari_above_plain"] = figures["ari"] - reference["ari"]
        if len(done) > 1:
            seconds = [figures["cold_s"] for figures in done.values()]
            exponents[method] = float(np.polyfit(np.log(list(done)), np.log(seconds), 1)[0])
    return exponents


def table(results: dict[str, dict[str, Any]], sizes: list[int], exponents: dict[str, float]) -> str:
    """Write the figures as a table."""
    head = f"{'rows':>7} {'method':<13}{'cold s':>8}{'x plain':>8}{'warm s':>8}{'x plain':>8}{'MiB':>7}"
    lines = [head + f"{'ARI':>7}{'clust.':>7}{'groups':>7}{'noise':>7}  same labels"]
    for size in sizes:
        for method, by_size in results.items():
            f = by_size.get(str(size), {})
            if "cold_s" not in f:
                lines.append(f"{size:>7} {method:<13} {f.get('failed') or f.get('skipped') or 'not run'}")
                continue
            times = (f["cold_s"], f.get("plain_over_this_cold_s"), f.get("warm_s"), f.get("plain_over_this_warm_s"))
            cells = "".join(f"{'-' if value is None else format(value, '.2f'):>8}" for value in times)
            lines.append(
                f"{size:>7} {method:<13}{cells}{f['peak_mib']:>7.0f}{f['ari']:>7.3f}{f['ari_clustered']:>7.3f}"
                f"{f['n_clusters']:>7.0f}{f['noise']:>7.3f}  {f['same_labels']}"
            )
    lines.extend(f"growth of {method}: n^{exponent:.2f}" for method, exponent in exponents.items())
    return "\n".join(lines)


def make_vectors(tool: Path, folder: Path, sizes: list[int]) -> None:
    for size in sizes:
        out = folder / f"mix{size}.npz"
        command = [sys.executable, str(tool), "mixture", str(out), "--rows", str(size), "--concepts", "150"]
        subprocess.run([*command, "--seed", "0"], check=True)


def measure(data: Path, pythons: dict[str, str], a: argparse.Namespace) -> dict[str, Any]:
    results: dict[str, dict[str, Any]] = {method: {} for method in a.methods}
    runnable = []
    for method in a.methods:
        missing = missing_packages(pythons[method], METHODS[method][1])
        if missing:
            reason = f"{', '.join(missing)} cannot be imported by {Path(pythons[method]).name}"
            results[method] = {str(size): {"skipped": reason} for size in a.sizes}
            continue
        runnable.append(method)
        run_apart(pythons[method], method, data / f"mix{min(a.sizes)}.npz", False, a.timeout)  # fills numba's cache
    for size in a.sizes:
        file = data / f"mix{size}.npz"
        truth = np.load(file)["truth"]
        runs: dict[str, list[dict[str, Any]]] = {method: [] for method in runnable}
        for _ in range(a.repeats if size < 100_000 else a.repeats_large):
            for method in runnable:
                runs[method].append(run_apart(pythons[method], method, file, size < 100_000, a.timeout))
                told = {name: value for name, value in runs[method][-1].items() if name != "labels"}
                print(size, method, json.dumps(told), file=sys.stderr, flush=True)
        for method in runnable:
            results[method][str(size)] = summary(runs[method], truth)
    exponents = add_ratios(results, a.sizes)
    print(table(results, a.sizes, exponents))
    return {"results": results, "growth_exponents": exponents}


def versions(python: str) -> dict[str, str]:
    """Versions of the packages that an interpreter has."""
    code = (
        "import importlib.metadata as m, json, sys\n"
        "found = {}\n"
        "for name in sys.argv[1:]:\n"
        "    try: found[name] = m.version(name)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    run = subprocess.run([python, "-c", code, *PACKAGES], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(run.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with mix5000.npz and so on")
    parser.add_argument("--vectors-tool", type=Path, help="script that makes them, where there is no folder")
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 25_000, 100_000])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--python", default=sys.executable, help="interpreter of the methods that this one cannot run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--repeats-large", type=int, default=1, help="runs at 100,000 rows and more")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for one run")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "clustering.json")
    parser.add_argument("--run", choices=list(METHODS), help=argparse.SUPPRESS)
    parser.add_argument("--smallest-size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--warm", action="store_true", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.run:
        run_here(a.run, a.data, a.out, a.smallest_size, a.warm)
        return
    if (a.data is None) == (a.vectors_tool is None):
        parser.error("give either --data or --vectors-tool")
    a.sizes = sorted(a.sizes)
    own = {method: not missing_packages(sys.executable, METHODS[method][1]) for method in a.methods}
    pythons = {method: sys.executable if own[method] else a.python for method in a.methods}
    with tempfile.TemporaryDirectory(prefix="bench-clustering-") as folder:
        data = a.data or Path(folder)
        if a.vectors_tool is not None:
            make_vectors(a.vectors_tool, data, a.sizes)
        found = measure(data, pythons, a)
    report = {
        "machine": {"processor": platform.machine(), "processors": os.cpu_count()},
        "versions": {name: versions(python) for name, python in (("ours", sys.executable), ("other", a.python))},
        **found,
    }
    a.out.parent.mkdir(parents=True, exist_ok=True)
    a.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
