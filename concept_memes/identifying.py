"""Which contents a list of references holds: fetch what lies elsewhere, hash what is new, take short cuts for the rest.

A hash costs reading the file; a file whose size and times are those of an earlier run costs a look at its folder entry.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from concept_memes.cache import FileStamp, VectorCache, file_stamp
from concept_memes.errors import UnreadableImageError
from concept_memes.loading import content_hash
from concept_memes.loading.places import place_status
from concept_memes.lookahead import WorkerThreads, attempt
from concept_memes.progress import Progress
from concept_memes.sources import ImageRef, Pixels

__all__ = ["Contents", "Fetch", "current_stamp", "fetch_all", "identify", "place_of"]

#: Fetches addresses to their kept copies, several at a time; gives the copy or the error per address, in order.
Fetch: TypeAlias = Callable[[Sequence[str]], Iterable[tuple[str, Path | UnreadableImageError]]]

# Files per look at the cache: few enough that little is lost when a run is stopped, many enough to be quick.
CHUNK = 512


@dataclass
class Contents:
    """What is behind references, in their order.

    Attributes
    ----------
    hashes : list of str
        Hash of the content; "" where it could not be read.
    stamps : list of FileStamp or None
        What the file looked like when it was hashed; None for pictures that came as pixels, and for files that changed
        meanwhile.
    reasons : dict of int to str
        Why one could not be read, by position.
    n_hashed : int
        Files and pictures that were read for their hash; the others are known from an earlier run.
    n_fetched : int
        Different addresses, whether fetched now or kept from before.
    """

    hashes: list[str]
    stamps: list[FileStamp | None]
    reasons: dict[int, str] = field(default_factory=dict)
    n_hashed: int = 0
    n_fetched: int = 0

    @classmethod
    def unknown(cls, n: int) -> Contents:
        """Begin with nothing known of `n` references.

        Parameters
        ----------
        n : int

        Returns
        -------
        Contents
        """
        return cls([""] * n, [None] * n)

    def positions(self) -> dict[str, list[int]]:
        """Return each content with the places where it stands, in order.

        Returns
        -------
        dict of str to list of int
        """
        found: dict[str, list[int]] = {}
        for position, key in enumerate(self.hashes):
            if key:
                found.setdefault(key, []).append(position)
        return found


def fetch_all(refs: Sequence[ImageRef], contents: Contents, fetch: Fetch, progress: Progress | None = None) -> None:
    """Bring what has an address to its kept copy, each address once; keep the reasons of those that cannot be had.

    Parameters
    ----------
    refs : sequence of ImageRef
    contents : Contents
        Where the reasons go.
    fetch : callable
    progress : Progress, optional
        Where to tell how far it is.
    """
    positions: dict[str, list[int]] = {}
    for i, ref in enumerate(refs):
        if ref.url is not None:
            positions.setdefault(ref.url, []).append(i)
    contents.n_fetched = len(positions)
    results = fetch(list(positions)) if positions else ()
    for address, result in (progress or Progress(verbose=False)).track(results, "fetching", total=len(positions)):
        if isinstance(result, UnreadableImageError):
            contents.reasons.update(dict.fromkeys(positions[address], result.reason))


def identify(
    refs: Sequence[ImageRef],
    found: Contents,
    base_folder: Path,
    cache: VectorCache,
    workers: WorkerThreads,
    advance: Callable[[int], None] | None = None,
) -> None:
    """Find the hash of every content.

    Parameters
    ----------
    refs : sequence of ImageRef
    found : Contents
        Where the hashes go; what has a reason already is left alone.
    base_folder : Path
        What relative paths are relative to.
    cache : VectorCache
        Knows the hashes of files that have not changed.
    workers : WorkerThreads
    advance : callable, optional
        Told how many more references are done.
    """
    advance = advance or (lambda n: None)
    places = [place_of(ref, base_folder) for ref in refs]
    for start in range(0, len(refs), CHUNK):
        positions = [i for i in range(start, min(start + CHUNK, len(refs))) if i not in found.reasons]
        stamps = list(workers.ahead(lambda i: current_stamp(places[i]), positions))
        known = cache.known_hashes(stamps)
        new = []
        for i, stamp, key in zip(positions, stamps, known, strict=True):
            found.stamps[i], found.hashes[i] = stamp, key or ""
            if key is None:
                new.append(i)
        taken_ns, fresh = time.time_ns(), []
        advance(min(CHUNK, len(refs) - start) - len(new))
        for i, result in zip(
            new, workers.ahead(lambda i: attempt(_hash, places[i], found.stamps[i]), new), strict=True
        ):
            advance(1)
            if isinstance(result, UnreadableImageError):
                found.reasons[i] = result.reason
                continue
            found.hashes[i], stamp = result
            found.stamps[i] = stamp
            found.n_hashed += 1
            if stamp is not None:
                fresh.append((stamp, found.hashes[i]))
        cache.remember_hashes(fresh, taken_ns=taken_ns)


def place_of(ref: ImageRef, base_folder: Path) -> Path | Pixels | None:
    """Tell where the pixels of a reference are.

    Parameters
    ----------
    ref : ImageRef
    base_folder : Path

    Returns
    -------
    Path, PIL image or ndarray; None if nothing was given
    """
    if ref.data is not None:
        return ref.data
    return None if ref.path is None else base_folder / ref.path


def current_stamp(place: Path | Pixels | None) -> FileStamp | None:
    """Look at a file's size and times.

    Parameters
    ----------
    place : Path, PIL image, ndarray or None

    Returns
    -------
    FileStamp or None
        None for pixels, and where there is no file to look at (reading it gives the reason).
    """
    if not isinstance(place, Path):
        return None
    try:
        return file_stamp(place, place_status(place))
    except (OSError, ValueError, UnreadableImageError):
        return None


def _hash(place: Path | Pixels | None, before: FileStamp | None) -> tuple[str, FileStamp | None]:
    """Hash a content; the stamp from before comes with it only if the file is still the same."""
    if place is None:
        raise UnreadableImageError("image", "no path given")
    key = content_hash(place)
    return key, before if before == current_stamp(place) else None
