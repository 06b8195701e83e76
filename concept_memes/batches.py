"""Prepared pictures -> vectors, in calls of one fixed shape.

The same picture gives the same bits in whatever company it comes, because every call of the encoder has the same shape
(the last one is filled up). Where the memory does not hold such a call, half of it is tried, and half of that: the run
goes on, but bits may differ from those of full calls, so their vectors get a name of their own in the cache.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from concept_memes.centring import unit
from concept_memes.errors import EncoderError
from concept_memes.protocols import FloatArray, ImageEncoder

__all__ = ["FixedBatches", "pooled", "rounded"]

logger = logging.getLogger(__name__)

#: Takes contents and their vectors, and whether they have several frames.
Done: TypeAlias = Callable[[Sequence[str], FloatArray, bool], None]


class FixedBatches:
    """Collects the frames of pictures into full calls of an encoder.

    Parameters
    ----------
    encoder : ImageEncoder
    done : callable
        Called after each call of the encoder with the contents that are complete: their keys, their vectors, and
        whether they are animations.

    Attributes
    ----------
    n_rows : int
        Frames per call: the encoder's batch size, or less once memory did not suffice.
    n_encoded : int
        Frames that were encoded, without those that only fill a call up.

    Examples
    --------
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> encoder = ColorEncoder(batch_size=2)
    >>> batches = FixedBatches(encoder, lambda keys, vectors, moving: print(*keys, vectors.shape))
    >>> for key, image in zip("abc", color_images(["red"], 3)):
    ...     batches.add(key, [encoder.preprocess(image)], moving=False)
    a b (2, 27)
    >>> batches.finish()
    c (1, 27)
    """

    def __init__(self, encoder: ImageEncoder, done: Done) -> None:
        self.encoder = encoder
        self.n_rows = encoder.batch_size
        self.n_encoded = 0
        self._done = done
        self._rows: list[tuple[str, int, bool, npt.NDArray[Any]]] = []
        self._frames: dict[str, list[FloatArray]] = {}

    def add(self, key: str, frames: Sequence[npt.NDArray[Any]], *, moving: bool) -> None:
        """Take the prepared frames of a picture; encode when there are enough for a call.

        Parameters
        ----------
        key : str
            Hash of the content.
        frames : sequence of ndarray
            What `ImageEncoder.preprocess` gave, at least one.
        moving : bool
            Whether it is an animation.
        """
        self._rows += [(key, len(frames), moving, frame) for frame in frames]
        while len(self._rows) >= self.n_rows:
            self._encode()

    def finish(self) -> None:
        """Encode what is left."""
        while self._rows:
            self._encode()

    def _encode(self) -> None:
        """Encode the first rows in one call, or in a smaller one where memory does not suffice."""
        while True:
            rows = self._rows[: self.n_rows]
            try:
                vectors = self._call([pixels for *_, pixels in rows])
                break
            except MemoryError:
                if self.n_rows == 1:
                    raise
                self.n_rows //= 2
                logger.warning("memory does not suffice for the batch: going on with %d at a time", self.n_rows)
        del self._rows[: len(rows)]
        self.n_encoded += len(rows)
        complete: dict[bool, dict[str, FloatArray]] = {False: {}, True: {}}
        for (key, n_frames, moving, _), vector in zip(rows, vectors, strict=True):
            frames = self._frames.setdefault(key, [])
            frames.append(vector)
            if len(frames) == n_frames:
                complete[moving][key] = pooled(self._frames.pop(key))
        for moving, of_key in complete.items():
            if of_key:
                self._done(list(of_key), rounded(np.stack(list(of_key.values()))), moving)

    def _call(self, pixels: list[npt.NDArray[Any]]) -> FloatArray:
        """Call the encoder with exactly `n_rows` rows; return those that were asked for."""
        encoder, expected = self.encoder, (self.n_rows, self.encoder.n_dims)
        filled = pixels + [pixels[-1]] * (self.n_rows - len(pixels))
        if len({each.shape for each in filled}) > 1:
            shapes = ", ".join(sorted({str(each.shape) for each in filled}))
            raise EncoderError(f"The encoder {encoder.name!r} prepared pictures of different shapes: {shapes}.")
        vectors = np.asarray(encoder.encode_images(np.stack(filled)))
        if vectors.shape != expected:
            raise EncoderError(
                f"The encoder {encoder.name!r} gave vectors of shape {vectors.shape} for a batch of "
                f"{expected[0]} pictures; expected {expected}."
            )
        if not np.isfinite(vectors).all():
            raise EncoderError(f"The encoder {encoder.name!r} gave vectors with numbers that are not finite.")
        return unit(vectors[: len(pixels)])


def pooled(frames: Sequence[FloatArray]) -> FloatArray:
    """Return the mean direction of the frames of one picture.

    Parameters
    ----------
    frames : sequence of ndarray of shape (n_dims,), unit norm

    Returns
    -------
    ndarray of shape (n_dims,), float32
        Of a single frame, the frame itself.

    Examples
    --------
    >>> pooled([np.array([1, 0], np.float32), np.array([0, 1], np.float32)]).round(3)
    array([0.707, 0.707], dtype=float32)
    """
    return frames[0] if len(frames) == 1 else unit(np.mean(np.stack(frames), axis=0))


def rounded(vectors: npt.NDArray[Any]) -> FloatArray:
    """Round vectors to float16 and scale them back to length 1.

    Parameters
    ----------
    vectors : ndarray of shape (n, n_dims)

    Returns
    -------
    ndarray of shape (n, n_dims), float32, unit norm

    Examples
    --------
    >>> rounded(np.array([[3, 4]])).round(3)
    array([[0.6, 0.8]], dtype=float32)
    """
    # To length 1 first: float16 ends at 65,504.
    return unit(unit(vectors).astype(np.float16))
