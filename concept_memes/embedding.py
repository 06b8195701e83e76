"""From references to vectors: hash, decode in threads that stay a little ahead, batch, encode; collect the skipped.

The same picture gives the same bits in whatever company it comes: every call of the encoder has the same shape (the
last batch is filled up), and vectors are rounded to float16, which is what a cache holds.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from concept_memes.centring import unit
from concept_memes.concepts import SkippedImage
from concept_memes.errors import EncoderError, UnreadableImageError
from concept_memes.loading import content_hash, load_image
from concept_memes.progress import Progress
from concept_memes.protocols import FloatArray, ImageEncoder
from concept_memes.sources import ImageRef, Pixels

__all__ = ["EmbeddedImages", "embed_images", "rounded"]

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

# Enough that no thread waits while the encoder works, few enough that the decoded pictures stay a few megabytes.
AHEAD_PER_THREAD = 4


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
    """

    vectors: FloatArray
    content_hashes: tuple[str, ...]
    skipped: tuple[SkippedImage, ...]
    n_copies: int


def embed_images(
    refs: Sequence[ImageRef],
    encoder: ImageEncoder,
    *,
    base_folder: Path | None = None,
    progress: Progress | None = None,
) -> EmbeddedImages:
    """Encode pictures, each content once.

    Parameters
    ----------
    refs : sequence of ImageRef
    encoder : ImageEncoder
    base_folder : Path, optional
        What relative paths are relative to; the current folder by default.
    progress : Progress, optional
        Where to draw a bar.

    Returns
    -------
    EmbeddedImages

    Raises
    ------
    EncoderError
        If the encoder gives vectors of another shape than it promises, or numbers that are not finite.
    """
    progress = progress or Progress(verbose=False)
    base = base_folder or Path.cwd()
    hashes: list[str] = [""] * len(refs)
    reasons: dict[int, str] = {}
    first: dict[str, int] = {}
    n_threads = min(8, (os.cpu_count() or 1) + 2)
    n_ahead = AHEAD_PER_THREAD * n_threads
    with closing_pool(n_threads) as pool:
        read = ahead(pool, lambda ref: attempt(content_hash, source(ref, base)), refs, n_ahead=n_ahead)
        for position, result in enumerate(read):
            if isinstance(result, UnreadableImageError):
                reasons[position] = result.reason
            else:
                hashes[position] = result
                first.setdefault(result, position)
        # In the order of content, so that the batches do not depend on the order of the files.
        distinct = sorted(first)
        prepared = ahead(
            pool, lambda key: attempt(prepare, source(refs[first[key]], base), encoder), distinct, n_ahead=n_ahead
        )
        vector_of, reason_of = encode_all(
            zip(distinct, progress.track(prepared, "embedding", total=len(distinct)), strict=True), encoder
        )
    vectors = np.zeros((len(refs), encoder.n_dims), np.float32)
    for position, key in enumerate(hashes):
        if key in vector_of:
            vectors[position] = vector_of[key]
        elif key in reason_of:
            reasons[position] = reason_of[key]
            hashes[position] = ""
    skipped = tuple(SkippedImage(refs[i].path, refs[i].index, reasons[i]) for i in sorted(reasons))
    return EmbeddedImages(vectors, tuple(hashes), skipped, sum(map(bool, hashes)) - len(vector_of))


def encode_all(
    prepared: Iterable[tuple[str, npt.NDArray[Any] | UnreadableImageError]], encoder: ImageEncoder
) -> tuple[dict[str, FloatArray], dict[str, str]]:
    """Encode prepared pictures batch by batch; return vectors and reasons by content hash."""
    vector_of: dict[str, FloatArray] = {}
    reason_of: dict[str, str] = {}
    keys: list[str] = []
    batch: list[npt.NDArray[Any]] = []

    def flush() -> None:
        filled = batch + [batch[-1]] * (encoder.batch_size - len(batch))
        if len({pixels.shape for pixels in filled}) > 1:
            shapes = ", ".join(sorted({str(pixels.shape) for pixels in filled}))
            raise EncoderError(f"The encoder {encoder.name!r} prepared pictures of different shapes: {shapes}.")
        vectors = checked(encoder.encode_images(np.stack(filled)), encoder)
        vector_of.update(zip(keys, rounded(vectors[: len(keys)]), strict=True))
        keys.clear()
        batch.clear()

    for key, pixels in prepared:
        if isinstance(pixels, UnreadableImageError):
            reason_of[key] = pixels.reason
            continue
        keys.append(key)
        batch.append(pixels)
        if len(batch) == encoder.batch_size:
            flush()
    if batch:
        flush()
    return vector_of, reason_of


def rounded(vectors: npt.NDArray[Any]) -> FloatArray:
    """Round vectors to float16 and scale them back to length 1.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_dims)

    Returns
    -------
    ndarray of shape (n, n_dims), float32, unit norm
    """
    # To length 1 first: float16 ends at 65,504.
    return unit(unit(vectors).astype(np.float16))


def checked(vectors: npt.NDArray[Any], encoder: ImageEncoder) -> npt.NDArray[Any]:
    """Check what an encoder gave."""
    vectors = np.asarray(vectors)
    expected = (encoder.batch_size, encoder.n_dims)
    if vectors.shape != expected:
        raise EncoderError(
            f"The encoder {encoder.name!r} gave vectors of shape {vectors.shape} for a batch of "
            f"{expected[0]} pictures; expected {expected}."
        )
    if not np.isfinite(vectors).all():
        raise EncoderError(f"The encoder {encoder.name!r} gave vectors with numbers that are not finite.")
    return vectors


def prepare(image_source: Path | Pixels, encoder: ImageEncoder) -> npt.NDArray[Any]:
    """Decode one picture and make it ready for the encoder."""
    return encoder.preprocess(load_image(image_source, min_size=encoder.image_size))


def source(ref: ImageRef, base_folder: Path) -> Path | Pixels:
    """Tell where the pixels of a reference are."""
    if ref.data is not None:
        return ref.data
    return base_folder / (ref.path or ref.name)


def attempt(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | UnreadableImageError:
    """Call a function; an unreadable picture is a result, not the end of the run."""
    try:
        return function(*args, **kwargs)
    except UnreadableImageError as error:
        return error


def ahead(pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], *, n_ahead: int) -> Iterator[R]:
    """Map in threads, in order, with few results waiting: memory must not grow with the number of pictures."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= n_ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class closing_pool(ThreadPoolExecutor):  # noqa: N801 (used like a function)
    """Threads that drop what has not begun when the run is interrupted."""

    def __exit__(self, *args: object) -> None:
        self.shutdown(wait=True, cancel_futures=True)
