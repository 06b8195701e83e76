from __future__ import annotations

import threading
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from badfiles import make_bad_files
from PIL import Image

from concept_memes import embedding
from concept_memes.embedding import embed_images, rounded
from concept_memes.errors import EncoderError
from concept_memes.sources import list_images
from concept_memes.testing import ColorEncoder, color_images, write_color_images


class RecordingEncoder(ColorEncoder):
    """Keeps the batches that it gets."""

    def __init__(self, *, batch_size: int = 4) -> None:
        super().__init__(batch_size=batch_size)
        self.batches: list[npt.NDArray[Any]] = []

    def encode_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        self.batches.append(batch)
        return super().encode_images(batch)


def test_vectors_come_in_the_order_of_the_pictures() -> None:
    images = color_images(["red", "blue"], 3)
    encoder = ColorEncoder()
    result = embed_images(list_images(images).refs, encoder)
    assert (result.vectors.shape, result.vectors.dtype) == ((6, 27), np.float32)
    np.testing.assert_allclose(np.linalg.norm(result.vectors, axis=1), 1, atol=1e-6)
    for image, vector in zip(images, result.vectors, strict=True):
        np.testing.assert_allclose(encoder.encode_images(encoder.preprocess(image)[None])[0], vector, atol=1e-3)
    assert len(set(result.content_hashes)) == 6
    assert (result.skipped, result.n_copies) == ((), 0)


def test_each_content_is_encoded_once(tmp_path: Path) -> None:
    paths = write_color_images(tmp_path, ["red", "blue"], 4)
    copy = tmp_path / "a copy.png"
    copy.write_bytes(paths[0].read_bytes())
    encoder = ColorEncoder(batch_size=4)
    result = embed_images(list_images([*paths, copy, paths[1], paths[1]]).refs, encoder)
    assert encoder.n_encoded == 8  # two full batches: nothing to fill up
    assert result.n_copies == 3
    np.testing.assert_array_equal(result.vectors[[8, 9, 10]], result.vectors[[0, 1, 1]])
    assert result.content_hashes[8] == result.content_hashes[0] != result.content_hashes[1]


@pytest.mark.parametrize("n", [1, 3, 4, 5, 8])
def test_every_batch_has_the_same_shape(n: int) -> None:
    encoder = RecordingEncoder(batch_size=4)
    result = embed_images(list_images(color_images(["red"], n)).refs, encoder)
    assert [batch.shape for batch in encoder.batches] == [(4, 16, 16, 3)] * -(-n // 4)
    assert (np.abs(result.vectors).max(axis=1) > 0).all()


def test_a_picture_gets_the_same_bits_in_whatever_company_and_order() -> None:
    images = color_images(["red", "blue", "lime"], 5)
    together = embed_images(list_images(images).refs, ColorEncoder(batch_size=4)).vectors
    backwards = embed_images(list_images(images[::-1]).refs, ColorEncoder(batch_size=4)).vectors[::-1]
    alone = [embed_images(list_images([image]).refs, ColorEncoder(batch_size=4)).vectors[0] for image in images]
    np.testing.assert_array_equal(together, backwards)
    np.testing.assert_array_equal(together, alone)


def test_batches_do_not_depend_on_the_order_of_the_files() -> None:
    images = color_images(["red", "blue", "lime"], 5)
    encoders = RecordingEncoder(), RecordingEncoder()
    embed_images(list_images(images).refs, encoders[0])
    embed_images(list_images(images[::-1]).refs, encoders[1])
    np.testing.assert_array_equal(encoders[0].batches, encoders[1].batches)


def test_bad_files_are_skipped_with_their_reasons(tmp_path: Path) -> None:
    reasons = make_bad_files(tmp_path / "pictures")
    good = write_color_images(tmp_path / "pictures", ["red"], 3)
    listing = list_images(tmp_path / "pictures")
    result = embed_images(listing.refs, ColorEncoder(), base_folder=listing.base_folder)
    found = {ref.name: number for number, ref in enumerate(listing.refs)}
    bad = {listing.refs[skipped.index].name: skipped for skipped in result.skipped}
    assert bad.keys() == reasons.keys()
    for name, reason in reasons.items():
        assert reason in bad[name].reason
        assert bad[name].path == listing.refs[found[name]].path
        assert not result.vectors[found[name]].any()
        assert result.content_hashes[found[name]] == ""
    for path in good:
        assert result.vectors[found[path.name]].any()
        assert result.content_hashes[found[path.name]]
    assert [skipped.index for skipped in result.skipped] == sorted(skipped.index for skipped in result.skipped)
    assert result.n_copies == 0


def test_copies_of_a_bad_file_are_all_skipped(tmp_path: Path) -> None:
    good = write_color_images(tmp_path, ["red"], 1)
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(good[0].read_bytes()[:60])
    result = embed_images(list_images([tmp_path / "a.png", tmp_path / "b.png", good[0]]).refs, ColorEncoder())
    assert [skipped.index for skipped in result.skipped] == [0, 1]
    assert result.content_hashes[:2] == ("", "")
    assert result.n_copies == 0


def test_nothing_readable_gives_zeros_and_asks_the_encoder_nothing(tmp_path: Path) -> None:
    encoder = RecordingEncoder()
    result = embed_images(list_images([tmp_path / "no.png", tmp_path / "none.png"]).refs, encoder)
    assert [skipped.reason for skipped in result.skipped] == ["missing", "missing"]
    assert not result.vectors.any()
    assert encoder.batches == []


def test_relative_paths_are_relative_to_the_base_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_color_images(tmp_path / "pictures", ["red"], 2)
    monkeypatch.chdir(tmp_path)
    listing = list_images("pictures")
    monkeypatch.chdir("/")
    assert not listing.refs[0].path.is_absolute()
    assert embed_images(listing.refs, ColorEncoder(), base_folder=listing.base_folder).skipped == ()


def test_vectors_are_rounded_to_half_precision() -> None:
    x = np.random.default_rng(0).normal(size=(50, 64)).astype(np.float32)
    result = rounded(x)
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1, atol=1e-6)
    nudged = rounded(x * np.float32(1 + 1e-6))
    assert (result == nudged).all(axis=1).mean() > 0.9  # differences far below half precision are gone
    assert np.abs(result - x / np.linalg.norm(x, axis=1, keepdims=True)).max() < 1e-3


def test_vectors_of_any_length_are_taken() -> None:
    class Unnormalised(ColorEncoder):
        def encode_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
            return super().encode_images(batch) * np.float32(1e6)  # beyond what half precision can hold

    refs = list_images(color_images(["red", "blue"], 2)).refs
    expected = embed_images(refs, ColorEncoder()).vectors
    np.testing.assert_allclose(embed_images(refs, Unnormalised()).vectors, expected, atol=1e-3)


class BrokenEncoder(ColorEncoder):
    def __init__(self, **broken: Any) -> None:
        super().__init__(batch_size=4)
        self.broken = broken

    def preprocess(self, image: Image.Image) -> npt.NDArray[np.float32]:
        pixels = super().preprocess(image)
        return pixels[: 1 + int(pixels[0, 0, 0] * 15)] if "ragged" in self.broken else pixels

    def encode_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        vectors = super().encode_images(batch)
        return self.broken["change"](vectors) if "change" in self.broken else vectors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v[:2], r"'colors' gave vectors of shape \(2, 27\) for a batch of 4 pictures; expected \(4, 27\)"),
        (lambda v: v[:, :5], r"shape \(4, 5\)"),
        (lambda v: v[0], r"shape \(27,\)"),
        (lambda v: v * np.nan, "not finite"),
    ],
    ids=["rows", "dimensions", "one vector", "nan"],
)
def test_an_encoder_that_breaks_its_promise_is_named(change: Any, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        embed_images(list_images(color_images(["red"], 3)).refs, BrokenEncoder(change=change))


def test_an_encoder_that_prepares_different_shapes_is_named() -> None:
    with pytest.raises(EncoderError, match=r"'colors' prepared pictures of different shapes: \("):
        embed_images(list_images(color_images(["red", "blue"], 2)).refs, BrokenEncoder(ragged=True))


def test_errors_of_the_encoder_are_not_taken_for_bad_pictures() -> None:
    class Failing(ColorEncoder):
        def preprocess(self, image: Image.Image) -> npt.NDArray[np.float32]:
            raise RuntimeError("a bug in the encoder")

    with pytest.raises(RuntimeError, match="a bug in the encoder"):
        embed_images(list_images(color_images(["red"], 2)).refs, Failing())


def test_few_decoded_pictures_wait_however_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[weakref.ref[npt.NDArray[np.float32]]] = []
    waiting = []

    class Slow(ColorEncoder):
        def preprocess(self, image: Image.Image) -> npt.NDArray[np.float32]:
            pixels = super().preprocess(image)
            prepared.append(weakref.ref(pixels))
            return pixels

        def encode_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
            time.sleep(0.02)  # all threads get as far ahead as they may
            waiting.append(sum(reference() is not None for reference in prepared))
            return super().encode_images(batch)

    monkeypatch.setattr(embedding.os, "cpu_count", lambda: 2)  # four threads
    listing = list_images(write_color_images(tmp_path, ["red", "blue", "lime"], 50))
    embed_images(listing.refs, Slow(batch_size=4), base_folder=listing.base_folder)
    assert len(prepared) == 150
    assert 4 < max(waiting) <= embedding.AHEAD_PER_THREAD * 4 + 4 + 1  # those that wait, a batch, one on its way


def test_an_interrupt_ends_promptly_and_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []

    class Interrupted(ColorEncoder):
        def preprocess(self, image: Image.Image) -> npt.NDArray[np.float32]:
            begun.append(1)
            if len(begun) > 4:
                time.sleep(0.1)  # so that those after the first batch are not done when the interrupt comes
            return super().preprocess(image)

        def encode_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
            raise KeyboardInterrupt

    monkeypatch.setattr(embedding.os, "cpu_count", lambda: 2)  # four threads
    before = set(threading.enumerate())
    listing = list_images(write_color_images(tmp_path, ["red"], 40))
    with pytest.raises(KeyboardInterrupt):
        embed_images(listing.refs, Interrupted(batch_size=4), base_folder=listing.base_folder)
    assert set(threading.enumerate()) <= before
    assert len(begun) < embedding.AHEAD_PER_THREAD * 4  # what was waiting was not begun any more
