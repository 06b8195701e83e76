from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from badfiles import make_bad_files
from PIL import Image

from concept_memes import embedding, identifying, lookahead
from concept_memes.cache import VectorCache, open_cache
from concept_memes.embedding import EmbeddedImages, Embedder
from concept_memes.errors import EncoderError, EncoderMemoryError, UnreadableImageError
from concept_memes.protocols import ImageEncoder
from concept_memes.run_report import Stopwatch
from concept_memes.sources import ImageRef, Listing, list_images
from concept_memes.testing import ColorEncoder, color_images, write_color_images


def embed(listing: Listing, encoder: ImageEncoder, **options: Any) -> EmbeddedImages:
    return Embedder(encoder, **options).embed(listing.refs, base_folder=listing.base_folder)


def age(folder: Path) -> None:
    """Wait until the files of a folder are old enough that their times tell whether they have changed."""
    newest = max(path.stat().st_ctime for path in folder.iterdir())
    time.sleep(max(0, newest + 2.1 - time.time()))


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
    result = embed(list_images(images), encoder)
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
    result = embed(list_images([*paths, copy, paths[1], paths[1]]), encoder)
    assert encoder.n_encoded == 8  # two full batches: nothing to fill up
    assert result.n_copies == 3
    np.testing.assert_array_equal(result.vectors[[8, 9, 10]], result.vectors[[0, 1, 1]])
    assert result.content_hashes[8] == result.content_hashes[0] != result.content_hashes[1]


@pytest.mark.parametrize("n", [1, 3, 4, 5, 8])
def test_every_batch_has_the_same_shape(n: int) -> None:
    encoder = RecordingEncoder(batch_size=4)
    result = embed(list_images(color_images(["red"], n)), encoder)
    assert [batch.shape for batch in encoder.batches] == [(4, 16, 16, 3)] * -(-n // 4)
    assert (np.abs(result.vectors).max(axis=1) > 0).all()


def test_a_picture_gets_the_same_bits_in_whatever_company_and_order() -> None:
    images = color_images(["red", "blue", "lime"], 5)
    together = embed(list_images(images), ColorEncoder(batch_size=4)).vectors
    backwards = embed(list_images(images[::-1]), ColorEncoder(batch_size=4)).vectors[::-1]
    alone = [embed(list_images([image]), ColorEncoder(batch_size=4)).vectors[0] for image in images]
    np.testing.assert_array_equal(together, backwards)
    np.testing.assert_array_equal(together, alone)


def test_bad_files_are_skipped_with_their_reasons(tmp_path: Path) -> None:
    reasons = make_bad_files(tmp_path / "pictures")
    good = write_color_images(tmp_path / "pictures", ["red"], 3)
    listing = list_images(tmp_path / "pictures")
    result = embed(listing, ColorEncoder())
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
    result = embed(list_images([tmp_path / "a.png", tmp_path / "b.png", good[0]]), ColorEncoder())
    assert [skipped.index for skipped in result.skipped] == [0, 1]
    assert result.content_hashes[:2] == ("", "")
    assert result.n_copies == 0


def test_nothing_readable_gives_zeros_and_asks_the_encoder_nothing(tmp_path: Path) -> None:
    encoder = RecordingEncoder()
    result = embed(list_images([tmp_path / "no.png", tmp_path / "none.png"]), encoder)
    assert [skipped.reason for skipped in result.skipped] == ["missing", "missing"]
    assert not result.vectors.any()
    assert encoder.batches == []


def test_relative_paths_are_relative_to_the_base_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_color_images(tmp_path / "pictures", ["red"], 2)
    monkeypatch.chdir(tmp_path)
    listing = list_images("pictures")
    monkeypatch.chdir("/")
    assert not listing.refs[0].path.is_absolute()
    assert embed(listing, ColorEncoder()).skipped == ()


def test_vectors_of_any_length_are_taken() -> None:
    class Unnormalised(ColorEncoder):
        def encode_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
            return super().encode_images(batch) * np.float32(1e6)  # beyond what half precision can hold

    listing = list_images(color_images(["red", "blue"], 2))
    expected = embed(listing, ColorEncoder()).vectors
    np.testing.assert_allclose(embed(listing, Unnormalised()).vectors, expected, atol=1e-3)


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
        embed(list_images(color_images(["red"], 3)), BrokenEncoder(change=change))


def test_an_encoder_that_prepares_different_shapes_is_named() -> None:
    with pytest.raises(EncoderError, match=r"'colors' prepared pictures of different shapes: \("):
        embed(list_images(color_images(["red", "blue"], 2)), BrokenEncoder(ragged=True))


def test_errors_of_the_encoder_are_not_taken_for_bad_pictures() -> None:
    class Failing(ColorEncoder):
        def preprocess(self, image: Image.Image) -> npt.NDArray[np.float32]:
            raise RuntimeError("a bug in the encoder")

    with pytest.raises(RuntimeError, match="a bug in the encoder"):
        embed(list_images(color_images(["red"], 2)), Failing())


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

    monkeypatch.setattr(lookahead.os, "cpu_count", lambda: 2)  # four threads
    listing = list_images(write_color_images(tmp_path, ["red", "blue", "lime"], 50))
    embed(listing, Slow(batch_size=4))
    assert len(prepared) == 150
    assert 4 < max(waiting) <= lookahead.AHEAD_PER_THREAD * 4 + 4 + 1  # those that wait, a batch, one on its way


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

    monkeypatch.setattr(lookahead.os, "cpu_count", lambda: 2)  # four threads
    before = set(threading.enumerate())
    listing = list_images(write_color_images(tmp_path, ["red"], 40))
    with pytest.raises(KeyboardInterrupt):
        embed(listing, Interrupted(batch_size=4))
    assert set(threading.enumerate()) <= before
    assert len(begun) < lookahead.AHEAD_PER_THREAD * 4  # what was waiting was not begun any more


# --- with a cache -----------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VectorCache]:
    with open_cache(tmp_path / "cache") as opened:
        yield opened


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr(embedding, "load_frames", fail)


def test_a_second_run_decodes_and_encodes_nothing(
    tmp_path: Path, cache: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = list_images(write_color_images(tmp_path / "pictures", ["red", "blue"], 7))
    first = embed(listing, ColorEncoder(), cache=cache)
    assert (first.n_cached, first.n_encoded, first.n_hashed) == (0, 14, 14)
    forbid_decoding(monkeypatch)
    encoder = ColorEncoder()
    second = embed(listing, encoder, cache=cache)
    assert (second.n_cached, second.n_encoded, encoder.n_encoded) == (14, 0, 0)
    np.testing.assert_array_equal(first.vectors, second.vectors)
    assert first.content_hashes == second.content_hashes


def test_files_that_have_not_changed_are_not_even_read(
    tmp_path: Path, cache: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_color_images(tmp_path / "pictures", ["red"], 6)
    age(tmp_path / "pictures")
    embed(list_images(paths), ColorEncoder(), cache=cache)
    monkeypatch.setattr(identifying, "content_hash", None)  # calling it would fail
    second = embed(list_images(paths), ColorEncoder(), cache=cache)
    assert (second.n_hashed, second.n_cached) == (0, 6)


def test_new_pictures_cost_as_many_encodings(tmp_path: Path, cache: VectorCache) -> None:
    write_color_images(tmp_path / "pictures", ["red", "blue"], 6)
    embed(list_images(tmp_path / "pictures"), ColorEncoder(batch_size=1), cache=cache)
    write_color_images(tmp_path / "pictures", ["lime"], 5)
    encoder = ColorEncoder(batch_size=1)
    result = embed(list_images(tmp_path / "pictures"), encoder, cache=cache)
    assert encoder.n_encoded == result.n_encoded == result.n_frames == 5
    assert result.n_cached == 12


def test_a_renamed_or_copied_file_costs_a_hash_and_no_encoding(tmp_path: Path, cache: VectorCache) -> None:
    paths = write_color_images(tmp_path / "pictures", ["red"], 3)
    before = embed(list_images(paths), ColorEncoder(), cache=cache)
    renamed = paths[0].rename(tmp_path / "pictures" / "other name.png")
    copy = tmp_path / "copy.png"
    copy.write_bytes(paths[1].read_bytes())
    encoder = ColorEncoder()
    after = embed(list_images([renamed, copy]), encoder, cache=cache)
    assert (encoder.n_encoded, after.n_hashed, after.n_cached) == (0, 2, 2)
    np.testing.assert_array_equal(after.vectors, before.vectors[:2])


def test_a_changed_file_is_embedded_again(tmp_path: Path, cache: VectorCache) -> None:
    (path,) = write_color_images(tmp_path / "pictures", ["red"], 1)
    age(tmp_path / "pictures")
    embed(list_images([path]), ColorEncoder(), cache=cache)
    size, times = path.stat().st_size, (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    image = np.full((30, 40, 3), (0, 0, 255), np.uint8)
    Image.fromarray(image).save(path)
    path.write_bytes(path.read_bytes().ljust(size, b"\0"))  # same size, same time of change: only its content differs
    os.utime(path, ns=times)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (size, times[1])
    after = embed(list_images([path]), ColorEncoder(), cache=cache)
    assert after.n_encoded == 1
    np.testing.assert_array_equal(after.vectors, embed(list_images([image]), ColorEncoder()).vectors)


def test_another_model_never_gets_these_vectors(tmp_path: Path, cache: VectorCache) -> None:
    listing = list_images(write_color_images(tmp_path / "pictures", ["red"], 3))
    embed(listing, ColorEncoder(batch_size=4), cache=cache)
    other = ColorEncoder(batch_size=8)
    assert other.fingerprint != ColorEncoder(batch_size=4).fingerprint
    assert embed(listing, other, cache=cache).n_encoded == 3


def test_a_bad_file_is_reported_by_warm_runs_too(tmp_path: Path, cache: VectorCache) -> None:
    make_bad_files(tmp_path / "pictures")
    write_color_images(tmp_path / "pictures", ["red"], 3)
    listing = list_images(tmp_path / "pictures")
    cold, warm = (embed(listing, ColorEncoder(), cache=cache) for _ in range(2))
    assert cold.skipped == warm.skipped
    np.testing.assert_array_equal(cold.vectors, warm.vectors)


def test_every_call_of_the_encoder_is_stored_at_once(tmp_path: Path) -> None:
    class Stopping(ColorEncoder):
        def encode_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
            if self.n_encoded == 8:
                raise KeyboardInterrupt
            return super().encode_images(batch)

    listing = list_images(write_color_images(tmp_path / "pictures", ["red", "blue"], 7))
    with open_cache(tmp_path / "cache") as cache, pytest.raises(KeyboardInterrupt):
        embed(listing, Stopping(batch_size=4), cache=cache)
    with open_cache(tmp_path / "cache") as cache:
        rest = embed(listing, ColorEncoder(batch_size=4), cache=cache)
    assert (rest.n_cached, rest.n_encoded) == (8, 6)
    np.testing.assert_array_equal(rest.vectors, embed(listing, ColorEncoder(batch_size=4)).vectors)


def test_a_file_that_changes_while_it_is_read_is_not_kept_under_the_old_name(
    tmp_path: Path, cache: VectorCache
) -> None:
    (path,) = write_color_images(tmp_path / "pictures", ["red"], 1)
    (blue,) = write_color_images(tmp_path / "blue", ["blue"], 1)

    class Changing(ColorEncoder):
        def preprocess(self, image: Image.Image) -> npt.NDArray[np.float32]:
            blue.replace(path)  # decoded, but not yet checked
            return super().preprocess(image)

    result = embed(list_images([path]), Changing(), cache=cache)
    assert [(s.index, s.reason) for s in result.skipped] == [(0, "changed while the run was reading it")]
    again = embed(list_images([path]), ColorEncoder(), cache=cache)
    assert again.skipped == ()
    assert again.vectors[0] @ ColorEncoder().encode_texts(["blue"])[0] > 0.9


def test_a_file_that_changes_while_it_is_hashed_is_not_kept_under_the_old_name(
    tmp_path: Path, cache: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = write_color_images(tmp_path / "pictures", ["red"], 1)
    red, blue = path.read_bytes(), write_color_images(tmp_path / "blue", ["blue"], 1)[0]
    hashed = identifying.content_hash

    def saved_meanwhile(place: Path) -> str:
        key = hashed(place)
        blue.replace(path)
        return key

    with monkeypatch.context() as patched:
        patched.setattr(identifying, "content_hash", saved_meanwhile)
        result = embed(list_images([path]), ColorEncoder(), cache=cache)
    assert [(s.index, s.reason) for s in result.skipped] == [(0, "changed while the run was reading it")]
    path.write_bytes(red)
    again = embed(list_images([path]), ColorEncoder(), cache=cache)
    assert again.n_cached == 0
    assert again.vectors[0] @ ColorEncoder().encode_texts(["red"])[0] > 0.9


@pytest.mark.parametrize("becomes", ["missing", "another"])
def test_a_copy_stands_in_for_one_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, becomes: str) -> None:
    paths = write_color_images(tmp_path / "pictures", ["red", "blue"], 1)
    copy = tmp_path / "copy.png"
    copy.write_bytes(paths[0].read_bytes())
    undisturbed = embed(list_images([*paths, copy]), ColorEncoder())
    identify = embedding.identify

    def then_changed(*args: Any) -> identifying.Contents:
        found = identify(*args)
        paths[0].unlink()
        if becomes == "another":
            write_color_images(tmp_path / "pictures", ["red"], 1, seed=9)
        return found

    monkeypatch.setattr(embedding, "identify", then_changed)
    result = embed(list_images([*paths, copy]), ColorEncoder())
    assert result.skipped == ()
    np.testing.assert_array_equal(result.vectors, undisturbed.vectors)


def test_only_what_was_read_counts_as_hashed(tmp_path: Path) -> None:
    paths = [*write_color_images(tmp_path, ["red"], 2), tmp_path / "missing.png"]
    assert embed(list_images(paths), ColorEncoder()).n_hashed == 2


# --- memory -----------------------------------------------------------------------------------------------------


class SmallMemory(ColorEncoder):
    """Holds no more than two pictures at a time."""

    def __init__(self, *, batch_size: int = 8, most: int = 2) -> None:
        super().__init__(batch_size=batch_size)
        self.most, self.sizes = most, []

    def encode_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        self.sizes.append(len(batch))
        if len(batch) > self.most:
            raise EncoderMemoryError(f"{len(batch)} pictures do not fit")
        return super().encode_images(batch)


def test_a_batch_that_does_not_fit_is_halved_and_the_run_goes_on(tmp_path: Path) -> None:
    listing = list_images(write_color_images(tmp_path, ["red", "blue"], 5))
    encoder = SmallMemory()
    result = embed(listing, encoder)
    assert encoder.sizes == [8, 4, 2, 2, 2, 2, 2]
    assert result.batch_size == 2
    np.testing.assert_allclose(result.vectors, embed(listing, ColorEncoder(batch_size=8)).vectors, atol=1e-6)


def test_what_was_waiting_when_the_batch_became_smaller_counts_as_encoded(tmp_path: Path, cache: VectorCache) -> None:
    listing = list_images(write_color_images(tmp_path / "pictures", ["red", "blue"], 5))
    embed(listing, SmallMemory(batch_size=7, most=3), cache=cache)
    again = embed(listing, SmallMemory(batch_size=7, most=3), cache=cache)
    assert (again.n_encoded, again.n_frames) == (7, 7)  # one of them waits while the cache is asked for the others
    assert again.n_cached == 3


def test_a_single_picture_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EncoderMemoryError, match="1 pictures do not fit"):
        embed(list_images(write_color_images(tmp_path, ["red"], 5)), SmallMemory(most=0))


def test_vectors_of_smaller_batches_are_kept_apart(tmp_path: Path, cache: VectorCache) -> None:
    listing = list_images(write_color_images(tmp_path / "pictures", ["red", "blue"], 5))
    embed(listing, SmallMemory(), cache=cache)
    again = SmallMemory()
    result = embed(listing, again, cache=cache)
    assert again.sizes[:3] == [8, 4, 2]
    assert len(again.sizes) < 3 + 5  # those that an earlier run had are taken as soon as the batch is that small
    assert result.n_cached > 0
    roomy = ColorEncoder(batch_size=8)
    assert embed(listing, roomy, cache=cache).n_cached == 0  # the bits of full batches are not those


# --- animations -------------------------------------------------------------------------------------------------


def write_animation(path: Path, colors: Sequence[str]) -> Path:
    first, *rest = (color_images([color], 1)[0] for color in colors)
    first.save(
        path, save_all=True, append_images=rest, duration=100, **({"lossless": True} if path.suffix == ".webp" else {})
    )
    return path


@pytest.mark.parametrize("ending", [".webp", ".tiff", ".png"])
def test_an_animation_is_one_item_between_its_frames(tmp_path: Path, ending: str) -> None:
    path = write_animation(tmp_path / f"moving{ending}", ["red", "blue"])
    encoder = ColorEncoder()
    result = embed(list_images([path]), encoder)
    assert (result.vectors.shape, result.n_encoded, result.n_frames) == ((1, 27), 1, 2)
    red, blue = encoder.encode_texts(["red", "blue"])
    assert result.vectors[0] @ red > 0.5
    assert abs(result.vectors[0] @ red - result.vectors[0] @ blue) < 0.1
    np.testing.assert_allclose(np.linalg.norm(result.vectors[0]), 1, atol=1e-6)


def test_frames_are_at_most_as_many_as_wanted(tmp_path: Path) -> None:
    path = write_animation(tmp_path / "moving.webp", ["red", "blue", "lime"] * 7)
    assert embed(list_images([path]), ColorEncoder()).n_frames == 8
    one = embed(list_images([path]), ColorEncoder(), n_frames=1)
    assert one.n_frames == 1
    assert one.vectors[0] @ ColorEncoder().encode_texts(["red"])[0] > 0.9


def test_another_number_of_frames_concerns_animations_only(tmp_path: Path, cache: VectorCache) -> None:
    paths = [*write_color_images(tmp_path, ["red"], 3), write_animation(tmp_path / "a.webp", ["red", "blue", "lime"])]
    eight = embed(list_images(paths), ColorEncoder(), cache=cache)
    two = embed(list_images(paths), ColorEncoder(), cache=cache, n_frames=2)
    assert (eight.n_encoded, two.n_cached, two.n_encoded) == (4, 3, 1)
    again = embed(list_images(paths), ColorEncoder(), cache=cache)
    assert again.n_cached == 4
    np.testing.assert_array_equal(again.vectors, eight.vectors)


def test_an_animation_may_straddle_calls_of_the_encoder(tmp_path: Path) -> None:
    paths = [write_animation(tmp_path / f"{i}.webp", ["red", "blue", "lime"]) for i in range(2)]
    paths[1].write_bytes(paths[1].read_bytes() + b"\0")
    small, large = (embed(list_images(paths), ColorEncoder(batch_size=n)).vectors for n in (2, 16))
    np.testing.assert_allclose(small, large, atol=1e-6)


# --- the rest ---------------------------------------------------------------------------------------------------


def test_seconds_are_told_per_stage(tmp_path: Path) -> None:
    watch = Stopwatch()
    embed(list_images(write_color_images(tmp_path, ["red"], 2)), ColorEncoder(), watch=watch)
    assert list(watch.seconds) == ["hashing", "embedding"]


def test_what_has_an_address_is_fetched_once_and_named_by_it(tmp_path: Path) -> None:
    (kept,) = write_color_images(tmp_path, ["red"], 1)
    refs = [
        ImageRef(i, name, path, url=url)
        for i, (name, path, url) in enumerate(
            [
                ("https://example.org/a.png", kept, "https://example.org/a.png"),
                ("https://example.org/b.png", tmp_path / "b.png", "https://example.org/b.png"),
                ("https://example.org/a.png", kept, "https://example.org/a.png"),
            ]
        )
    ]
    asked: list[str] = []

    def fetch(addresses: Sequence[str]) -> Iterator[tuple[str, Path | UnreadableImageError]]:
        for address in addresses:
            asked.append(address)
            yield address, kept if "a.png" in address else UnreadableImageError(address, "not found (404)")

    watch = Stopwatch()
    result = Embedder(ColorEncoder(), fetch=fetch, watch=watch).embed(refs)
    assert list(watch.seconds) == ["fetching", "hashing", "embedding"]
    assert asked == ["https://example.org/a.png", "https://example.org/b.png"]
    assert [(s.path, s.index, s.reason) for s in result.skipped] == [
        (None, 1, "not found (404): https://example.org/b.png")
    ]
    assert (result.n_fetched, result.n_copies) == (2, 1)
