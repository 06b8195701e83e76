"""Looking once at every content of a collection: what is found is kept in the cache, like vectors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from PIL import Image

from concept_memes.archives import close_archives
from concept_memes.cache import VectorCache
from concept_memes.concepts import ImageRecord
from concept_memes.errors import UnreadableImageError
from concept_memes.loading import content_hash
from concept_memes.lookahead import WorkerThreads, attempt
from concept_memes.progress import Progress

__all__ = ["Pictures", "study"]

# How much work may be lost when a run is killed.
SECONDS_PER_STORE = 2.0


class Pictures(Protocol):
    """Pictures and where they are: a `Collection`, or a `ConceptSet`."""

    @property
    def images(self) -> tuple[ImageRecord, ...]:
        """The pictures."""
        ...

    def source_of(self, index: int) -> Path | Image.Image:
        """Return where the pixels of a picture are."""
        ...


def study(
    pictures: Pictures,
    fingerprint: str,
    look: Callable[[Path | Image.Image], bytes],
    *,
    cache: VectorCache,
    progress: Progress,
    what: str,
    rows: Sequence[int] | None = None,
    n_threads: int | None = None,
) -> Mapping[str, bytes]:
    """Look at every content that was not looked at before.

    Parameters
    ----------
    pictures : Pictures
    fingerprint : str
        What decides the bytes that `look` gives, beside the content.
    look : callable
        Takes what `load_image` and `load_frames` take, and returns what is to be kept; called in threads. May raise
        `UnreadableImageError`.
    cache : VectorCache
    progress : Progress
    what : str
        What the bar says, such as "reading texts".
    rows : sequence of int, optional
        Only these pictures.
    n_threads : int, optional

    Returns
    -------
    mapping of str to bytes
        By content hash; without contents that cannot be read any more.
    """
    positions: dict[str, list[int]] = {}
    for index in range(len(pictures.images)) if rows is None else rows:
        if key := pictures.images[index].content_hash:
            positions.setdefault(key, []).append(index)
    found = cache.notes(fingerprint, list(positions))
    missing = [key for key in positions if key not in found]
    if not missing:
        return found

    def look_at(key: str) -> bytes:
        *others, last = (pictures.source_of(index) for index in positions[key])
        for source in others:
            try:
                return checked(look, source, key)
            except UnreadableImageError:
                continue  # another copy may still be there
        return checked(look, last, key)

    fresh: dict[str, bytes] = {}
    stored = time.monotonic()
    try:
        with WorkerThreads(n_threads) as workers:
            results = workers.ahead(lambda key: attempt(look_at, key), missing)
            for key, note in zip(missing, progress.track(results, what, total=len(missing)), strict=True):
                if not isinstance(note, UnreadableImageError):
                    found[key] = fresh[key] = note
                if time.monotonic() - stored > SECONDS_PER_STORE:
                    cache.store_notes(fingerprint, fresh)
                    fresh, stored = {}, time.monotonic()
    finally:
        cache.store_notes(fingerprint, fresh)
        close_archives()
    return found


def checked(look: Callable[[Path | Image.Image], bytes], source: Path | Image.Image, key: str) -> bytes:
    """Look at a picture; what is found in a file that has become another one would be kept under the wrong name."""
    note = look(source)
    if isinstance(source, Path) and content_hash(source) != key:
        raise UnreadableImageError(str(source), "changed since it was embedded")
    return note
