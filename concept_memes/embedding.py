"""From references to vectors: hash -> look up -> decode the misses in threads -> batch -> encode -> store.

A content that the cache knows is neither opened nor decoded. What is encoded is stored after every call of the encoder,
so a run that is stopped, however rudely, loses at most the batch under way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.archives import close_archives
from concept_memes.batches import FixedBatches
from concept_memes.cache import FileStamp, VectorCache, open_cache
from concept_memes.concepts import SkippedImage
from concept_memes.errors import UnreadableImageError
from concept_memes.identifying import Contents, Fetch, current_stamp, fetch_all, identify, place_of
from concept_memes.loading import content_hash, load_frames
from concept_memes.loading.pixel_room import PixelRoom
from concept_memes.lookahead import WorkerThreads, attempt
from concept_memes.progress import Progress
from concept_memes.protocols import FloatArray, ImageEncoder
from concept_memes.run_report import Stopwatch
from concept_memes.sources import ImageRef, Pixels

__all__ = ["N_FRAMES", "EmbeddedImages", "Embedder"]

#: Frames of an animation that are looked at, by default.
N_FRAMES = 8

# What the threads may hold decoded at the same time: three phone photos in full, or hundreds of small pictures.
ROOM_PIXELS = 40_000_000

# What decides the pixels that an encoder sees, beside the encoder. Raise it when loading changes: then what older
# versions have stored is not found any more.
PIXELS_VERSION = 1


@dataclass(frozen=True)
class EmbeddedImages:
    """Vectors of pictures, in the order of the references.

    Attributes
    ----------
    vectors : ndarray of shape (n, n_dims), float32, unit norm
        A row of zeros for a picture that could not be read.
    content_hashes : tuple of str
        "" for a picture that could not be read.
    skipped : tuple of SkippedImage
        Those pictures, with reasons.
    n_copies : int
        Pictures whose content came before, and that were not encoded again.
    n_cached : int
        Different contents whose vectors came from the cache.
    n_encoded : int
        Different contents that were encoded.
    n_frames : int
        Frames that were encoded: more than contents where there are animations.
    n_hashed : int
        Files that were read for their hash; the others are known from an earlier run.
    n_fetched : int
        Different addresses, whether fetched now or kept from before.
    batch_size : int
        Frames per call of the encoder, at the end of the run: less than the encoder's own where memory did not suffice.
    """

    vectors: FloatArray
    content_hashes: tuple[str, ...]
    skipped: tuple[SkippedImage, ...]
    n_copies: int
    n_cached: int
    n_encoded: int
    n_frames: int
    n_hashed: int
    n_fetched: int
    batch_size: int


@dataclass(frozen=True)
class Embedder:
    """Encodes pictures, each content once, and once ever where a cache is at hand.

    Parameters
    ----------
    encoder : ImageEncoder
    cache : VectorCache, optional
        Without one nothing is looked up or kept.
    n_frames : int, default=8
        Most frames that are looked at in an animation or a file of several pages; its vector is their mean direction.
    progress : Progress, optional
        Where to draw a bar.
    watch : Stopwatch, optional
        Where to add up the seconds.
    fetch : callable, optional
        Brings what has an address to its kept copy.

    Examples
    --------
    >>> from concept_memes.sources import list_images
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> embedded = Embedder(ColorEncoder()).embed(list_images(color_images(["red", "blue"], 2)).refs)
    >>> embedded.vectors.shape, embedded.n_encoded
    ((4, 27), 4)
    """

    encoder: ImageEncoder
    cache: VectorCache = field(default_factory=lambda: open_cache(False))
    n_frames: int = N_FRAMES
    progress: Progress = field(default_factory=lambda: Progress(verbose=False))
    watch: Stopwatch | None = None
    fetch: Fetch | None = None

    def embed(self, refs: Sequence[ImageRef], *, base_folder: Path | None = None) -> EmbeddedImages:
        """Encode pictures.

        Parameters
        ----------
        refs : sequence of ImageRef
        base_folder : Path, optional
            What relative paths are relative to; the current folder by default.

        Returns
        -------
        EmbeddedImages

        Raises
        ------
        EncoderError
            If the encoder gives vectors of another shape than it promises, or numbers that are not finite.
        """
        base, watch = base_folder or Path.cwd(), self.watch or Stopwatch()
        contents = Contents.unknown(len(refs))
        if self.fetch is not None:
            with watch.stage("fetching"):
                fetch_all(refs, contents, self.fetch, self.progress)
        with WorkerThreads() as workers, closing_archives():
            with watch.stage("hashing"), self.progress.counter("reading files", total=len(refs)) as advance:
                identify(refs, contents, base, self.cache, workers, advance)
            with watch.stage("embedding"):
                run = _Run(self, refs, contents, base)
                run.look_up()
                run.encode_missing(workers)
        return run.result()


class _Run:
    """One way through a list of references: which contents have vectors by now, which cannot be read."""

    def __init__(self, embedder: Embedder, refs: Sequence[ImageRef], contents: Contents, base_folder: Path) -> None:
        self.embedder, self.refs, self.contents, self.base_folder = embedder, refs, contents, base_folder
        self.positions = contents.positions()
        self.vector_of: dict[str, FloatArray] = {}
        self.reason_of: dict[str, str] = {}
        self.room = PixelRoom(ROOM_PIXELS)
        self.batches = FixedBatches(embedder.encoder, self.keep)
        self.encoded: set[str] = set()

    def fingerprint(self, *, moving: bool) -> str:
        """Name all that decides the bits of a vector, beside the content."""
        encoder, n_rows = self.embedder.encoder, self.batches.n_rows
        name = f"{encoder.fingerprint} pixels={PIXELS_VERSION}"
        name += f" frames={self.embedder.n_frames}" if moving else ""
        return name if n_rows == encoder.batch_size else f"{name} rows={n_rows}"

    def look_up(self) -> None:
        """Take what the cache has of calls of this size."""
        for moving in (False, True):
            missing = [key for key in self.positions if key not in self.vector_of]
            self.vector_of.update(self.embedder.cache.vectors(self.fingerprint(moving=moving), missing))

    def keep(self, keys: Sequence[str], vectors: FloatArray, moving: bool) -> None:
        """Store what was encoded, at once: a run that is killed goes on from there."""
        self.embedder.cache.store(self.fingerprint(moving=moving), keys, vectors)
        self.vector_of.update(zip(keys, vectors, strict=True))
        self.encoded.update(keys)

    def encode_missing(self, workers: WorkerThreads) -> None:
        """Decode and encode what has no vector yet, in the order of the list: archives are read from front to back."""
        missing = [key for key in self.positions if key not in self.vector_of]
        if not missing:
            return
        n_rows = self.batches.n_rows
        prepared = workers.ahead(lambda key: attempt(self.prepare, key), missing)
        for key, result in zip(
            missing, self.embedder.progress.track(prepared, "embedding", total=len(missing)), strict=True
        ):
            if isinstance(result, UnreadableImageError):
                self.reason_of[key] = result.reason
            elif result is not None and key not in self.vector_of:  # it may have been found after it was prepared
                frames, moving = result
                self.batches.add(key, frames, moving=moving)
            if self.batches.n_rows < n_rows:  # an earlier run may have been through this
                n_rows = self.batches.n_rows
                self.look_up()
        self.batches.finish()

    def prepare(self, key: str) -> tuple[list[npt.NDArray[Any]], bool] | None:
        """Make a content ready for the encoder, from its first copy that still holds it; runs in the threads."""
        if key in self.vector_of:
            return None
        *others, last = self.positions[key]
        for position in others:
            try:
                return self.prepare_copy(key, position)
            except UnreadableImageError:
                if holds(place_of(self.refs[position], self.base_folder), key):
                    raise  # a damaged content is damaged in every copy
        return self.prepare_copy(key, last)

    def prepare_copy(self, key: str, position: int) -> tuple[list[npt.NDArray[Any]], bool]:
        """Decode one picture and make its frames ready for the encoder."""
        encoder, place = self.embedder.encoder, place_of(self.refs[position], self.base_folder)
        if place is None:
            raise UnreadableImageError("image", "no path given")
        with self.room.hold() as held:
            found = load_frames(place, min_size=encoder.image_size, most=self.embedder.n_frames, room=held)
            frames = [encoder.preprocess(frame) for frame in found]
        check_unchanged(place, key, self.contents.stamps[position])
        return frames, found.is_animation

    def result(self) -> EmbeddedImages:
        """Put everything into the order of the references."""
        refs, hashes, reasons = self.refs, list(self.contents.hashes), dict(self.contents.reasons)
        vectors = np.zeros((len(refs), self.embedder.encoder.n_dims), np.float32)
        for position, key in enumerate(hashes):
            if key in self.vector_of:
                vectors[position] = self.vector_of[key]
            elif key in self.reason_of:
                reasons[position] = self.reason_of[key]
                hashes[position] = ""
        return EmbeddedImages(
            vectors=vectors,
            content_hashes=tuple(hashes),
            skipped=tuple(skipped_image(refs[i], reasons[i]) for i in sorted(reasons)),
            n_copies=sum(map(bool, hashes)) - len(self.vector_of),
            n_cached=len(self.vector_of) - len(self.encoded),
            n_encoded=len(self.encoded),
            n_frames=self.batches.n_encoded,
            n_hashed=self.contents.n_hashed,
            n_fetched=self.contents.n_fetched,
            batch_size=self.batches.n_rows,
        )


@contextmanager
def closing_archives() -> Iterator[None]:
    """Let go of the archives that were read."""
    try:
        yield
    finally:
        close_archives()


def skipped_image(ref: ImageRef, reason: str) -> SkippedImage:
    """Name what could not be read: by its path, or by the address that it was to come from."""
    if ref.url is None:
        return SkippedImage(ref.path, ref.index, reason)
    return SkippedImage(None, ref.index, f"{reason}: {ref.name}")


def check_unchanged(place: Path | Pixels, key: str, stamp: FileStamp | None) -> None:
    """Refuse a file that became another one since it was hashed: its vector would be kept under the wrong name."""
    # A file without a stamp changed while it was hashed.
    changed = isinstance(place, Path) and (stamp is None or current_stamp(place) != stamp)
    if changed and content_hash(place) != key:
        raise UnreadableImageError(str(place), "changed while the run was reading it")


def holds(place: Path | Pixels | None, key: str) -> bool:
    """Tell whether a content is still where it was hashed."""
    try:
        return place is not None and content_hash(place) == key
    except UnreadableImageError:
        return False
