"""Which of two files was saved anew from the other: what a JPEG was rounded to can still be told afterwards.

References
----------
Fan and de Queiroz, "Identification of Bitmap Compression History: JPEG Detection and Quantizer Estimation", IEEE
Transactions on Image Processing 12 (2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, JpegImagePlugin
from scipy.fft import dctn

from concept_memes.loading import load_image, open_place
from concept_memes.protocols import FloatArray

__all__ = ["FINGERPRINT", "History", "look_back", "was_made_from"]

#: What decides the bytes of a history: to be changed with anything below.
FINGERPRINT = "history-2"

# The frequencies of blocks of 8 x 8 that are looked at: those that are seldom rounded to nothing.
FREQUENCIES = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0), (2, 2))
TURNED = [FREQUENCIES.index((across, down)) for down, across in FREQUENCIES]
# Steps that are told, blocks that are looked at, and values that are too few to say anything.
MOST_STEP, MOST_BLOCKS, FEW = 64, 1024, 60
# Finer steps leave nothing that another saving would not cover, and so do steps that are not coarser by this factor.
LEAST_STEP, COARSER = 4, 1.2
# How near values lie to multiples of a step, from -1 to 1, and how much nearer than to those of the next ones. So 160
# of 164 pairs are told that were made so, and none of 640 others.
NEAR, NEARER = 0.1, 0.1


@dataclass(frozen=True)
class History:
    """What is kept of a file.

    Attributes
    ----------
    steps : ndarray of shape (n_frequencies,), float32
        That it was rounded to when it was saved; 1 if it is no JPEG.
    nearness : ndarray of shape (4, n_frequencies, MOST_STEP), float16
        Summed over values: how near they lie to multiples of each step, for blocks that begin at each corner.
    counts : ndarray of the same shape, float32
        Values that are no nearer to 0 than to the first multiple.
    """

    steps: FloatArray
    nearness: npt.NDArray[np.float16]
    counts: npt.NDArray[np.float16]

    def to_bytes(self) -> bytes:
        """Return the note that is kept."""
        return b"".join(
            np.ascontiguousarray(part, "<f2").tobytes() for part in (self.steps, self.nearness, self.counts)
        )

    @classmethod
    def from_bytes(cls, note: bytes) -> History:
        """Read a note."""
        numbers = np.frombuffer(note, "<f2").astype(np.float16)
        n = len(FREQUENCIES)
        nearness, counts = numbers[n:].reshape(2, 4, n, MOST_STEP)
        return cls(numbers[:n].astype(np.float32), nearness, counts)


def look_back(source: Path | Image.Image) -> bytes:
    """Look at what a file was rounded to.

    Parameters
    ----------
    source : Path or PIL.Image.Image

    Returns
    -------
    bytes
        A note, for `History.from_bytes`.

    Raises
    ------
    UnreadableImageError
        If the picture cannot be read.
    """
    brightness = np.asarray(load_image(source).convert("L"), np.float32) - 128
    steps = np.ones(len(FREQUENCIES), np.float32) if isinstance(source, Image.Image) else steps_of(source)
    candidates = np.arange(1, MOST_STEP + 1, dtype=np.float32)
    nearness, counts = np.zeros((2, 4, len(FREQUENCIES), MOST_STEP), np.float16)
    height, width = brightness.shape
    # A file that was mirrored since has its blocks begin at another corner.
    for corner, (down, across) in enumerate((y, x) for y in (0, height % 8) for x in (0, width % 8)):
        blocks = blocks_of(brightness[down:, across:])
        if len(blocks):
            waves = dctn(blocks, axes=(1, 2), norm="ortho")
            for i, (y, x) in enumerate(FREQUENCIES):
                values = waves[:, y, x, None]
                far = np.abs(values) > 0.75 * candidates
                nearness[corner, i] = (np.cos(2 * np.pi * values / candidates) * far).sum(axis=0, dtype=np.float64)
                counts[corner, i] = far.sum(axis=0)
    return History(steps, nearness, counts).to_bytes()


def blocks_of(brightness: FloatArray) -> FloatArray:
    """Return blocks of 8 x 8, evenly chosen where there are many."""
    rows, columns = (side // 8 for side in brightness.shape)
    blocks = brightness[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    if len(blocks) <= MOST_BLOCKS:
        return blocks
    return blocks[np.linspace(0, len(blocks) - 1, MOST_BLOCKS).astype(np.int64)]


def steps_of(path: Path) -> FloatArray:
    """Return what a file says that brightness was rounded to."""
    with open_place(path) as file:
        if file.read(2) != b"\xff\xd8":
            return np.ones(len(FREQUENCIES), np.float32)
        file.seek(0)
        tables = JpegImagePlugin.JpegImageFile(file).quantization
    table = np.array(tables.get(0, [1] * 64), np.float32).reshape(8, 8)
    steps: FloatArray = table[tuple(np.array(FREQUENCIES).T)]
    return steps


def was_made_from(one: History, other: History) -> bool:
    """Tell whether a file was saved anew, more finely, from another one of the same size.

    Parameters
    ----------
    one, other : History
    """
    return any(
        nearer_than_nearby(one, steps, corner) for steps in (other.steps, other.steps[TURNED]) for corner in range(4)
    )


def nearer_than_nearby(one: History, steps: npt.NDArray[np.float32], corner: int) -> bool:
    """Tell whether values lie near to multiples of steps, and not of any about as large."""
    rows = np.flatnonzero((steps >= LEAST_STEP) & (steps < MOST_STEP) & (steps > COARSER * one.steps))
    at = steps[rows].astype(np.int64) - 1
    shares = []
    for off in (0, -1, 1):
        count = one.counts[corner, rows, at + off].sum(dtype=np.float64)
        if count < FEW:
            return False
        shares.append(one.nearness[corner, rows, at + off].sum(dtype=np.float64) / count)
    return bool(shares[0] > NEAR and shares[0] - max(shares[1:]) > NEARER)
