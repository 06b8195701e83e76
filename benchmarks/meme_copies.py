"""Measure copies and variants: memes with a known truth, photos that have none, and how the cost grows.

    python benchmarks/meme_copies.py --data FOLDER [--sizes 2500 5000 10000] [--out RESULT.json]

FOLDER holds `meme_templates/` and `photos/`. Variants are generated (see `meme_variants.py`), with fonts, captions and
a mark that were not looked at while the thresholds were chosen. Every pair of files is judged: made from one picture,
it is a copy; from one template, a variant. Beside ours stand what a plain tool does: a perceptual hash with one
threshold, and the cosine of the encoder with one, the latter with the threshold that the truth itself recommends: most
copies at a precision of 0.99.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from meme_variants import CHANGES, COMBINED, HELD_BACK, Variant, files_of, make_heap, make_variants
from PIL import Image

from concept_memes import HubFreeEncoder
from concept_memes.assembly import Collection
from concept_memes.cache import open_cache
from concept_memes.collecting import collect_images, named_images
from concept_memes.embedding import Embedder
from concept_memes.findings import COPY_KINDS, PictureFamilies
from concept_memes.memes.copies import find_families
from concept_memes.progress import Progress

SEEDS = (301, 302, 303)
SIZES = (1_250, 2_500, 5_000)
HASH_BITS = 10  # Hamming distance that imagededup's examples take
LEAST_PRECISION = 0.99
WRONG_NAMED = 20  # so many wrong pairs are named

Pairs = np.ndarray  # of shape (n, 2), ascending in each row


def collected(paths: Sequence[Path], cache_folder: Path) -> Collection:
    with open_cache(cache_folder) as cache:
        embedder = Embedder(HubFreeEncoder(), cache=cache, progress=Progress(verbose=False))
        return collect_images(named_images(list(paths)), embedder).collection


def timed_families(collection: Collection, cache_folder: Path) -> tuple[PictureFamilies, float]:
    start = time.perf_counter()
    with open_cache(cache_folder) as cache:
        families = find_families(collection, collection.vectors, cache=cache, progress=Progress(verbose=False))
    return families, time.perf_counter() - start


# ------------------------------------------------------------------------------------------------ judging


def pairs_of(groups: np.ndarray) -> Pairs:
    """List all pairs of rows with the same group; -1 is in none."""
    order = np.argsort(groups, kind="stable")
    order = order[groups[order] >= 0]
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    found = [np.zeros((0, 2), np.int64)]
    for start, count in zip(starts[counts > 1], counts[counts > 1], strict=True):
        members = np.sort(order[start : start + count])
        one, other = np.triu_indices(count, 1)
        found.append(np.stack([members[one], members[other]], axis=1))
    return np.concatenate(found)


def codes(values: Sequence[str]) -> np.ndarray:
    return np.unique(np.asarray(values), return_inverse=True)[1].astype(np.int64)


def judge(files: Sequence[Variant], called: Pairs) -> dict:
    """Compare the pairs that were called copies with the truth."""
    picture, template = codes([f.picture for f in files]), codes([f.template for f in files])
    kinds = np.array([f.kind for f in files])
    original = {f.picture: row for row, f in enumerate(files) if f.kind == "original"}
    right = picture[called[:, 0]] == picture[called[:, 1]]
    same_template = template[called[:, 0]] == template[called[:, 1]]
    called_set = {(int(a), int(b)) for a, b in called}
    result = {
        "files": len(files),
        "pairs_called": len(called),
        "precision": share(int(right.sum()), len(called)),
        "recall": share(int(right.sum()), len(pairs_of(picture))),
        "another_caption_called_a_copy": int((same_template & ~right).sum()),
        "another_template_called_a_copy": int((~same_template).sum()),
        "wrong_pairs": [
            [files[int(a)].file, files[int(b)].file]
            for a, b in called[~right][:: max(1, (~right).sum() // WRONG_NAMED)]
        ][:WRONG_NAMED],
        "kinds": {},
    }
    for kind in (*CHANGES, *COMBINED, "exact"):
        rows = np.flatnonzero(kinds == kind)
        if len(rows):
            with_it = (kinds[called] == kind).any(axis=1)
            found = [
                (min(row, own), max(row, own)) in called_set
                for row in rows.tolist()
                for own in [original[files[row].picture]]
            ]
            result["kinds"][kind] = {
                "copies": len(rows),
                "recall": share(sum(found), len(found)),  # with its original in one group
                "precision": share(int((right & with_it).sum()), int(with_it.sum())),  # of pairs with it in them
            }
    return result


def original_stands_for_group(files: Sequence[Variant], copy_of: np.ndarray) -> float | None:
    """Tell in how many of the groups of copies that hold an original it stands for them, or its exact copy does."""
    sizes = np.bincount(copy_of[copy_of >= 0], minlength=len(files))
    led = {file.picture: int(copy_of[row]) for row, file in enumerate(files) if file.kind == "original"}
    leaders = [(picture, leader) for picture, leader in led.items() if leader >= 0 and sizes[leader] > 1]
    good = [
        files[leader].picture == picture and files[leader].kind in ("original", "exact") for picture, leader in leaders
    ]
    return share(sum(good), len(good))


def share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def template_ari(files: Sequence[Variant], template_of: np.ndarray) -> float:
    from sklearn.metrics import adjusted_rand_score

    return round(float(adjusted_rand_score(codes([f.template for f in files]), template_of)), 4)


def summed(results: Sequence[dict]) -> dict:
    """Put the seeds together: means of shares, sums of counts, the first of the wrong pairs."""
    together: dict = {}
    for name in dict.fromkeys(name for result in results for name in result):
        values = [result[name] for result in results if result.get(name) is not None]
        if not values:
            together[name] = None
        elif isinstance(values[0], dict):
            together[name] = summed(values)
        elif isinstance(values[0], list):
            together[name] = [one for value in values for one in value][:WRONG_NAMED]
        elif isinstance(values[0], float):
            together[name] = round(float(np.mean(values)), 4)
        else:
            together[name] = sum(values)
    return together


# ------------------------------------------------------------------------------------------------ plain tools


def perceptual_hash(path: Path) -> np.ndarray:
    """Hash a picture: signs of its 8 x 8 lowest cosines against their median, in 64 bits."""
    from scipy.fft import dctn

    with Image.open(path) as file:
        grey = np.asarray(file.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float64)
    low = dctn(grey)[:8, :8]
    return np.packbits(low > np.median(low))


def pairs_by_hash(paths: Sequence[Path]) -> Pairs:
    with ThreadPoolExecutor(2) as pool:
        hashes = np.stack(list(pool.map(perceptual_hash, paths)))
    n_bits = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)
    found = []
    for row in range(len(hashes) - 1):
        distances = n_bits[hashes[row + 1 :] ^ hashes[row]].sum(axis=1)
        near = np.flatnonzero(distances <= HASH_BITS) + row + 1
        found.append(np.stack([np.full_like(near, row), near], axis=1))
    return np.concatenate(found)


def pairs_by_cosine(files: Sequence[Variant], vectors: np.ndarray) -> tuple[Pairs, float]:
    """List the pairs above the lowest cosine at which they are still copies with the least precision."""
    cosines = vectors @ vectors.T
    one, other = np.triu_indices(len(vectors), 1)
    values = cosines[one, other]
    picture = codes([f.picture for f in files])
    order = np.argsort(-values, kind="stable")
    right = np.cumsum(picture[one[order]] == picture[other[order]])
    enough = np.flatnonzero(right / np.arange(1, len(order) + 1) >= LEAST_PRECISION)
    n = int(enough[-1]) + 1 if len(enough) else 0
    chosen = order[:n]
    return np.stack([one[chosen], other[chosen]], axis=1), round(float(values[chosen[-1]]), 4) if n else 1.0


# ------------------------------------------------------------------------------------------------ what is measured


def variants(templates: Path, seeds: Sequence[int]) -> dict:
    """Judge ours and the plain tools on generated variants."""
    ours, hashed, cosine, thresholds = [], [], [], []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            out, cache = Path(folder, "pictures"), Path(folder, "cache")
            files = make_variants(templates, out, seed=seed, style=HELD_BACK)
            paths = [out / file.file for file in files]
            collection = collected(paths, cache)
            families, seconds = timed_families(collection, cache)
            ours.append(
                judge(files, pairs_of(families.copy_of))
                | {
                    "original_stands_for_group": original_stands_for_group(files, families.copy_of),
                    "template_ari": template_ari(files, families.template_of),
                    "ms_per_picture": round(1000 * seconds / len(files), 2),
                }
            )
            hashed.append(judge(files, pairs_by_hash(paths)))
            pairs, threshold = pairs_by_cosine(files, collection.vectors)
            cosine.append(judge(files, pairs))
            thresholds.append(threshold)
    return {
        "seeds": list(seeds),
        "ours": summed(ours),
        f"perceptual_hash_within_{HASH_BITS}_of_64": summed(hashed),
        "cosine_at_precision_0.99": summed(cosine) | {"thresholds": thresholds},
    }


def photos(folder: Path) -> dict:
    """Name every pair of photos that is called a copy, and every template of several photos."""
    with tempfile.TemporaryDirectory() as cache:
        paths = files_of(folder)
        collection = collected(paths, Path(cache))
        families, cold = timed_families(collection, Path(cache))
        _, warm = timed_families(collection, Path(cache))
        by_hash = pairs_by_hash(paths)
    names = [path.relative_to(folder).as_posix() for path in paths]
    copies = np.flatnonzero(families.copy_kinds > 0).tolist()
    heads = np.unique(families.copy_of[families.copy_of >= 0])
    templates = families.template_of[heads]
    several = [names_of.tolist() for value in np.unique(templates) if len(names_of := heads[templates == value]) > 1]
    return {
        "photos": len(paths),
        "copies": [
            [names[i], names[int(families.copy_of[i])], COPY_KINDS[int(families.copy_kinds[i])]] for i in copies
        ],
        "templates_of_several": [[names[i] for i in rows] for rows in several],
        "pairs_by_perceptual_hash": len(by_hash),
        "seconds_cold": round(cold, 2),
        "seconds_warm": round(warm, 2),
    }


def growth(data: Path, sizes: Sequence[int]) -> list[dict]:
    """Measure a heap of several sizes: finding copies for the first time, and once more."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out, vectors = Path(folder, "heap"), Path(folder, "vectors")
        files = make_heap(data / "meme_templates", data / "photos", out, n_pictures=max(sizes))
        order = np.random.default_rng(0).permutation(len(files))
        for size in sorted(sizes):
            some = [files[i] for i in sorted(order[:size].tolist())]
            collection = collected([out / file.file for file in some], vectors)
            notes = Path(folder, f"notes-{size}")
            _, cold = timed_families(collection, notes)
            families, warm = timed_families(collection, notes)
            judged = judge_heap(some, families)
            rows.append({"files": len(some), "seconds": round(cold, 1), "seconds_again": round(warm, 1)} | judged)
    return rows


def judge_heap(files: Sequence[Variant], families: PictureFamilies) -> dict:
    """Judge without kinds: of a part of a heap the originals may be missing."""
    picture, template = codes([f.picture for f in files]), codes([f.template for f in files])
    called = pairs_of(families.copy_of)
    right = picture[called[:, 0]] == picture[called[:, 1]]
    same_template = template[called[:, 0]] == template[called[:, 1]]
    return {
        "pairs_called": len(called),
        "precision": share(int(right.sum()), len(called)),
        "recall": share(int(right.sum()), len(pairs_of(picture))),
        "another_caption_called_a_copy": int((same_template & ~right).sum()),
        "another_template_called_a_copy": int((~same_template).sum()),
        "template_ari": template_ari(files, families.template_of),
    }


def measure(data: Path, *, seeds: Sequence[int] = SEEDS, sizes: Sequence[int] = SIZES) -> dict:
    """Measure all of it.

    Parameters
    ----------
    data : Path
        Holds `meme_templates/` and `photos/`.
    seeds : sequence of int
        Of the generated variants.
    sizes : sequence of int
        Of the heaps; none leaves the growth out.

    Returns
    -------
    dict
        Of plain values.
    """
    return {
        "variants": variants(data / "meme_templates", seeds),
        "photos": photos(data / "photos"),
        "growth": growth(data, sizes) if sizes else [],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure copies and variants.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    text = json.dumps(measure(args.data, seeds=args.seeds, sizes=args.sizes), indent=2) + "\n"
    print(text)
    if args.out is not None:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
