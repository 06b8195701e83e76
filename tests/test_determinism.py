"""The same pictures give the same concepts, bit for bit.

In whatever order, under whatever names, in any process, computed now or found in the cache.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.testing import ColorEncoder, color_images

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "photos"
COLORS = ["red", "blue", "lime", "yellow", "magenta", "cyan"]
WORDS = [*COLORS, "panda", "pizza", "sunflower"]

# Labels by content, and per concept its size, exemplars by content, scores as they are, words and centroid.
SUMMARY = """
def summary(model):
    found = model.concepts_
    keys = [image.content_hash for image in found.images]
    return {
        "labels": {key: [int(l), float(p).hex()] for key, l, p in zip(keys, found.labels, found.probabilities)},
        "concepts": [
            [c.size, [keys[i] for i in c.exemplars], [s.hex() for s in c.exemplar_scores], c.words,
             [s.hex() for s in c.word_scores], found.centroids[c.index].tobytes().hex()]
            for c in found.concepts
        ],
        "centre": found.centre.tobytes().hex(),
        "vectors": {key: row.tobytes().hex() for key, row in zip(keys, found.vectors)},
    }
"""
namespace: dict[str, Any] = {}
exec(SUMMARY, namespace)
summary = namespace["summary"]

IN_A_PROCESS = (
    SUMMARY
    + """
import json, sys
from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.testing import ColorEncoder
encoder = HubFreeEncoder(batch_size=6) if sys.argv[1] == "hub-free" else ColorEncoder()
model = ConceptModel(embedding_model=encoder, vocabulary=json.loads(sys.argv[2]), cache=False, verbose=False)
model.fit(sys.argv[3])
print(json.dumps(summary(model)))
"""
)


def in_a_process(encoder: str, folder: Path) -> Any:
    arguments = [encoder, json.dumps(WORDS), str(folder)]
    done = subprocess.run([sys.executable, "-c", IN_A_PROCESS, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def renamed(paths: list[Path], folder: Path) -> list[Path]:
    """Link pictures under names that put them into another order; return the links in the order of `paths`."""
    folder.mkdir()
    new = []
    for number, path in zip(np.random.default_rng(1).permutation(len(paths)), paths, strict=True):
        new.append(folder / f"{number:04}{path.suffix}")
        new[-1].hardlink_to(path)
    assert sorted(new) != new
    return new


def check_any_order_and_process(paths: list[Path], encoder: Any, folder: Path) -> None:
    def fit(images: Any, cache: bool | Path = False) -> ConceptModel:
        return ConceptModel(embedding_model=encoder, vocabulary=WORDS, cache=cache).fit(images)

    first = fit(paths)
    expected = summary(first)
    assert len(first.concepts_) > 1
    assert summary(fit(paths)) == expected, "a second run differs"
    cold, warm = (fit(paths, folder.with_name("cache")) for _ in range(2))
    assert (cold.report_.n_cached, warm.report_.n_encoded) == (0, 0)
    assert warm.report_.n_words_cached == len(WORDS)
    assert summary(cold) == expected, "a run that fills a cache differs"
    assert summary(warm) == expected, "a run that finds everything in the cache differs"
    order = np.random.default_rng(0).permutation(len(paths))
    shuffled = fit([paths[i] for i in order])
    assert summary(shuffled) == expected, "a shuffled list differs"
    np.testing.assert_array_equal(shuffled.labels_, first.labels_[order])
    new_names = renamed(paths, folder)
    by_folder = fit(folder)
    assert summary(by_folder) == expected, "the folder under other names differs"
    place = {path: i for i, path in enumerate(new_names)}
    assert [first.labels_[place[image.path]] for image in by_folder.images_ if image.path] == by_folder.labels_.tolist()
    assert in_a_process(encoder.name, folder) == as_json(expected), "another process differs"


def written(images: list[Any], folder: Path) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"{i:04}.png" for i in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    return paths


@pytest.mark.parametrize("n_per_color", [7, 30], ids=["few", "many"])
def test_generated_pictures_give_the_same_bits(n_per_color: int, tmp_path: Path) -> None:
    paths = written(color_images(COLORS, n_per_color), tmp_path / "pictures")
    check_any_order_and_process(paths, ColorEncoder(), tmp_path / "renamed")


def test_pictures_and_their_copies_give_the_same_bits(tmp_path: Path) -> None:
    images = color_images(COLORS, 7)
    paths = written([*images, *images[::3]], tmp_path / "pictures")
    check_any_order_and_process(paths, ColorEncoder(), tmp_path / "renamed")


@pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason="the hub-free model is not installed")
@pytest.mark.skipif(not PHOTOS.is_dir(), reason="there is no folder with photos beside the project")
def test_real_photos_give_the_same_bits(tmp_path: Path) -> None:
    paths = [path for kind in ("panda", "pizza", "sunflower") for path in sorted((PHOTOS / kind).iterdir())[:6]]
    copies = [tmp_path / f"{i}{path.suffix}" for i, path in enumerate(paths)]
    for path, copy in zip(paths, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    check_any_order_and_process(copies, HubFreeEncoder(batch_size=6), tmp_path / "renamed")


def test_other_pictures_in_the_collection_do_not_change_a_picture_s_vector() -> None:
    images = color_images(COLORS, 5)
    encoder = ColorEncoder()
    alone = ConceptModel(embedding_model=encoder).embed_images(images[7:8])
    among = ConceptModel(embedding_model=encoder).embed_images(images)
    np.testing.assert_array_equal(alone[0], among[7])


def test_fitting_leaves_the_global_random_state_alone() -> None:
    np.random.seed(3)  # noqa: NPY002 (the old global state is what must not change)
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]  # noqa: NPY002
    ConceptModel(embedding_model=ColorEncoder(), vocabulary=COLORS).fit(color_images(COLORS, 20))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # type: ignore[index]  # noqa: NPY002
