"""Real processes that are stopped in the middle of embedding, and the runs that go on from there."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tinyclip import tiny_clip

from concept_memes.cache import open_cache
from concept_memes.embedding import Embedder
from concept_memes.encoders import CLIPEncoder
from concept_memes.protocols import ImageEncoder
from concept_memes.sources import list_images
from concept_memes.testing import ColorEncoder, write_color_images

BATCH = 4
N_PICTURES = 48

# Says a line before each batch, and holds the batch up so that the parent can stop it in the middle.
CHILD = """
import signal, sys, time
from pathlib import Path
import numpy as np
from concept_memes.cache import open_cache
from concept_memes.embedding import Embedder
from concept_memes.sources import list_images

signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background makes children deaf to it
pictures, cache, out, kind, batch = sys.argv[1:]
if kind == "colors":
    from concept_memes.testing import ColorEncoder
    encoder = ColorEncoder(batch_size=int(batch))
else:
    from concept_memes.encoders import CLIPEncoder
    encoder = CLIPEncoder(kind, batch_size=int(batch), precision="fp32")
encode = encoder.encode_images

def slowly(rows):
    print("batch", flush=True)
    vectors = encode(rows)
    time.sleep(0.03)
    return vectors

encoder.encode_images = slowly
with open_cache(cache) as kept:
    result = Embedder(encoder, kept).embed(list_images(pictures).refs)
np.save(out, result.vectors)
"""


def start(pictures: Path, folder: Path, kind: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(pictures), str(folder / "cache"), str(folder / "out.npy"), kind, str(BATCH)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def run_and_stop(process: subprocess.Popen[str], how: signal.Signals, after: int) -> int:
    """Stop a run after some batches have begun; return how many had begun by then."""
    with process:
        assert process.stdout is not None
        for _ in range(after):
            assert process.stdout.readline() == "batch\n"
        process.send_signal(how)
        rest = process.stdout.read().count("batch")
        assert process.wait(timeout=60) != 0
    return after + rest


def finish(process: subprocess.Popen[str]) -> int:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.count("batch")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_run_that_is_stopped_again_and_again_ends_where_an_undisturbed_one_does(
    tmp_path: Path, how: signal.Signals
) -> None:
    pictures = tmp_path / "pictures"
    write_color_images(pictures, ["red", "blue"], N_PICTURES // 2)
    begun = sum(run_and_stop(start(pictures, tmp_path, "colors"), how, after) for after in (1, 3, 2, 4))
    begun += finish(start(pictures, tmp_path, "colors"))
    # Each stop loses the batch under way at most.
    assert N_PICTURES // BATCH <= begun <= N_PICTURES // BATCH + 4
    undisturbed = Embedder(ColorEncoder(batch_size=BATCH)).embed(list_images(pictures).refs)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), undisturbed.vectors)


def test_a_network_that_is_killed_again_and_again_gives_the_same_bits(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    write_color_images(pictures, ["red", "blue"], 10)
    model = tiny_clip(tmp_path / "model")
    for after in (1, 2):
        run_and_stop(start(pictures, tmp_path, str(model)), signal.SIGKILL, after)
    finish(start(pictures, tmp_path, str(model)))
    encoder: ImageEncoder = CLIPEncoder(model, batch_size=BATCH, precision="fp32")
    undisturbed = Embedder(encoder).embed(list_images(pictures).refs)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), undisturbed.vectors)


def test_two_runs_at_once_share_a_cache(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    write_color_images(pictures, ["red", "blue"], N_PICTURES // 2)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "cache").symlink_to(tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    processes = [start(pictures, folder, "colors") for folder in (tmp_path, tmp_path / "other")]
    for process in processes:
        finish(process)
    ours, theirs = np.load(tmp_path / "out.npy"), np.load(tmp_path / "other" / "out.npy")
    np.testing.assert_array_equal(ours, theirs)
    with open_cache(tmp_path / "cache") as cache:
        warm = Embedder(ColorEncoder(batch_size=BATCH), cache).embed(list_images(pictures).refs)
    assert warm.n_cached == N_PICTURES
    np.testing.assert_array_equal(warm.vectors, ours)
