"""Vectors that earlier runs computed, kept in an SQLite database in the user's cache folder.

A vector is found by what was encoded (the hash of the content) and by all that decides its bits (the fingerprint of the
encoder), so a renamed file finds its vector and another model never does. Path, size and times only save the reading
that a hash costs. A vector comes back with the bits that it had when it was stored.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.cache.database import CacheDatabase
from concept_memes.cache.files import DOWNLOADS, aside_files, bytes_of, database_files, kept_copies, remove_files
from concept_memes.cache.keys import FileStamp, file_stamp, key_bytes, text_key
from concept_memes.cache.limit import give_room_back, make_room
from concept_memes.cache.numbers import packed, unpacked
from concept_memes.cache.rows import (
    count_rows,
    find_files,
    find_vectors,
    keep_files,
    keep_vectors,
    limit_of,
    mark_used,
    remove_all,
    set_limit_of,
    today,
)
from concept_memes.errors import InvalidParameterError
from concept_memes.protocols import FloatArray

__all__ = ["CacheInfo", "FileStamp", "VectorCache", "cache_folder", "file_stamp", "open_cache", "text_key"]

#: Name in the environment under which another folder can be given.
FOLDER_VARIABLE = "CONCEPT_MEMES_CACHE"
SMALLEST_LIMIT = 1_000_000  # an empty database already takes some pages

ROWS_PER_BLOCK = 4096  # vectors that are made from bytes at the same time, in double precision
STORES_PER_CHECK = 512  # batches between two looks at the limit
RACY_NS = 2_000_000_000  # the coarsest times of files in use: FAT counts by two seconds
INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class CacheInfo:
    """What a cache holds.

    Attributes
    ----------
    folder : Path or None
        None for a cache that holds nothing.
    n_vectors : int
    n_files : int
        Files that are known by path, size and times.
    database_bytes : int
        On disk, with what SQLite keeps beside the database.
    downloads_bytes : int
        On disk, of the kept copies of addresses.
    n_downloads : int
        Those copies.
    limit : int or None
        Bytes that the database may take; None for no limit.
    encoders : mapping of str to int
        Vectors by the fingerprint of what made them.
    set_aside : tuple of Path
        Damaged databases that were moved aside.
    """

    folder: Path | None
    n_vectors: int = 0
    n_files: int = 0
    database_bytes: int = 0
    downloads_bytes: int = 0
    n_downloads: int = 0
    limit: int | None = None
    encoders: Mapping[str, int] = field(default_factory=dict)
    set_aside: tuple[Path, ...] = ()


def cache_folder() -> Path:
    """Return where the user's cache is, whether it is there or not.

    Returns
    -------
    Path
        What ``CONCEPT_MEMES_CACHE`` names, or the place that the system has for caches.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(os.path.abspath(os.path.expanduser(named)))
    import platformdirs

    return platformdirs.user_cache_path("concept_memes", appauthor=False)


def open_cache(cache: bool | str | Path | VectorCache) -> VectorCache:
    """Open a cache.

    Parameters
    ----------
    cache : bool, str, Path or VectorCache
        True for the one of the user, False for one that holds nothing and keeps nothing, a folder for another one. The
        folder is made if it is not there. A cache is returned as it is.

    Returns
    -------
    VectorCache
        Where it cannot be used, there is a `CacheWarning`, and it holds and keeps nothing.

    Raises
    ------
    InvalidParameterError
        If it is none of these.

    Examples
    --------
    >>> with open_cache(False) as cache:
    ...     cache.vectors("some model", [text_key("panda")])
    {}
    """
    if isinstance(cache, VectorCache):
        return cache
    if isinstance(cache, bool):
        return VectorCache(cache_folder() if cache else None)
    if not isinstance(cache, str | Path) or not str(cache) or "\0" in str(cache):
        raise InvalidParameterError("cache", cache, "True, False or the path of a folder")
    return VectorCache(Path(os.path.abspath(os.path.expanduser(cache))))


class VectorCache:
    """Keeps vectors by content and encoder; `open_cache` makes one.

    No method but `set_limit` and `clear` raises for what the surroundings do. After a `CacheWarning` nothing is kept
    any more (a full disk, a read-only folder), or nothing is found either (a database of a newer version); a damaged
    one is moved aside. Threads may share a cache, and so may processes, also forked ones.

    Parameters
    ----------
    folder : Path or None
        None for a cache that holds nothing and keeps nothing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open_cache(folder) as cache:
    ...     cache.store("some model", [text_key("panda")], np.array([[0.0, 1.0]], np.float32))
    ...     cache.vectors("some model", [text_key("panda")])[text_key("panda")].tolist()
    ...     cache.vectors("another model", [text_key("panda")])
    [0.0, 1.0]
    {}
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._database = None if folder is None else CacheDatabase(folder)
        self._n_stores = 0

    def __repr__(self) -> str:
        return f"VectorCache({self.folder!r})"

    def __reduce__(self) -> tuple[Callable[..., VectorCache], tuple[bool | Path]]:
        return open_cache, (False if self.folder is None else self.folder,)  # copies and workers open it anew

    def __enter__(self) -> VectorCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def enabled(self) -> bool:
        """Whether anything can be found in it."""
        return self._database is not None and not self._database.trouble

    @property
    def trouble(self) -> str:
        """Why it cannot be used; "" where it can, and where none is wanted."""
        return "" if self._database is None else self._database.trouble

    @property
    def downloads(self) -> Path | None:
        """The folder for kept copies of addresses; it need not be there yet."""
        return None if self.folder is None or not self.enabled else self.folder / DOWNLOADS

    def known_hashes(self, stamps: Sequence[FileStamp | None]) -> list[str | None]:
        """Return the hashes of files that have not changed since they were remembered.

        Parameters
        ----------
        stamps : sequence of FileStamp or None
            What the files look like now.

        Returns
        -------
        list of str or None
            In the same order; None for what is not known.
        """
        paths = [stamp.path for stamp in stamps if stamp is not None]
        if self._database is None or not paths:
            return [None] * len(stamps)
        rows: list[tuple[Any, ...]] = self._database.read(partial(find_files, paths=paths), [])
        known = {FileStamp(*stamp): content.hex() for *stamp, content in rows}
        return [None if stamp is None else known.get(stamp) for stamp in stamps]

    def remember_hashes(self, items: Iterable[tuple[FileStamp, str]], *, taken_ns: int | None = None) -> None:
        """Keep the hashes of files, so that the next run need not read them.

        A file that had changed less than two seconds before is left out: it could change again without showing it,
        because file systems count time in steps.

        Parameters
        ----------
        items : iterable of (FileStamp, str)
            What a file looked like before and after it was hashed, and the hash.
        taken_ns : int, optional
            When the first of these files was opened for its hash (``time.time_ns()``); now by default, which is right
            only for files that were hashed a moment ago.
        """
        newest = (time.time_ns() if taken_ns is None else taken_ns) - RACY_NS
        rows = [
            (*stamp, key_bytes(key))
            for stamp, key in items
            if stamp.mtime_ns <= newest and stamp.mtime_ns in INT64 and stamp.ctime_ns in INT64
        ]
        if self._database is not None and rows:
            self._database.write(partial(keep_files, rows=rows), None)

    def vectors(self, fingerprint: str, keys: Sequence[str]) -> dict[str, FloatArray]:
        """Return the vectors that are there.

        Parameters
        ----------
        fingerprint : str
            What decides the bits of a vector beside the content.
        keys : sequence of str
            Hashes of contents or `text_key` of texts, 32 hexadecimal digits each.

        Returns
        -------
        dict of str to ndarray of shape (n_dims,), float32, unit norm
            Only what was found, with the same bits as when it was stored; a row of zeros stays one.
        """
        rows = self._rows(fingerprint, keys)
        found: dict[str, FloatArray] = {}
        for start in range(0, len(rows), ROWS_PER_BLOCK):
            block = rows[start : start + ROWS_PER_BLOCK]
            for (key, _), vector in zip(block, unpacked([row[1] for row in block]), strict=True):
                if vector is not None:
                    found[key] = vector
        return found

    def notes(self, fingerprint: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the notes that are there: what else was found out about contents, such as the text in a picture.

        Parameters
        ----------
        fingerprint : str
            What decides the bytes of a note beside the content.
        keys : sequence of str
            Hashes of contents, 32 hexadecimal digits each.

        Returns
        -------
        dict of str to bytes
            Only what was found.
        """
        return dict(self._rows(fingerprint, keys))

    def _rows(self, fingerprint: str, keys: Sequence[str]) -> list[tuple[str, bytes]]:
        """Return the keys that are there, with what is kept under them, and note that it was of use."""
        if self._database is None or not keys:
            return []
        contents = list({key_bytes(key): None for key in keys})
        find = partial(find_vectors, fingerprint=fingerprint, contents=contents)
        nothing: tuple[int, list[tuple[bytes, bytes, int]]] = (-1, [])
        encoder, rows = self._database.read(find, nothing)
        old = [content for content, _, used in rows if used != today()]
        if old:
            self._database.write(partial(mark_used, encoder=encoder, contents=old), None, vital=False)
        return [(content.hex(), data) for content, data, _ in rows]

    def store(self, fingerprint: str, keys: Sequence[str], vectors: npt.NDArray[Any]) -> None:
        """Keep vectors. They are on disk when this returns.

        Parameters
        ----------
        fingerprint : str
            What decides the bits of a vector beside the content.
        keys : sequence of str
            Hashes of contents or `text_key` of texts, 32 hexadecimal digits each.
        vectors : ndarray of shape (len(keys), n_dims)
            Rounded to float16 and then scaled to length 1, or zeros. They come back with the same bits. Vectors that
            were not rounded come back rounded.

        Raises
        ------
        InvalidParameterError
            If there is not one vector per key, or a key is none.
        """
        if np.ndim(vectors) != 2 or len(vectors) != len(keys):
            raise InvalidParameterError("vectors", np.shape(vectors), f"of shape ({len(keys)}, n_dims), a row per key")
        if self._database is not None and len(keys):
            self._keep(fingerprint, vectors.shape[1], dict(zip(map(key_bytes, keys), packed(vectors), strict=True)))

    def store_notes(self, fingerprint: str, notes: Mapping[str, bytes]) -> None:
        """Keep notes on contents. They are on disk when this returns.

        Parameters
        ----------
        fingerprint : str
            What decides the bytes of a note beside the content; never that of an encoder.
        notes : mapping of str to bytes
            By the hash of the content.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, open_cache(folder) as cache:
        ...     cache.store_notes("some reader", {text_key("a picture"): b"OVERTIME"})
        ...     cache.notes("some reader", [text_key("a picture")])[text_key("a picture")]
        b'OVERTIME'
        """
        if notes:
            self._keep(fingerprint, 0, {key_bytes(key): note for key, note in notes.items()})

    def _keep(self, fingerprint: str, n_dims: int, data_of: Mapping[bytes, bytes]) -> None:
        if self._database is None:
            return
        keep = partial(keep_vectors, fingerprint=fingerprint, n_dims=n_dims, numbers_of=data_of)
        self._database.write(keep, None)
        self._n_stores += 1
        if self._n_stores % STORES_PER_CHECK == 0:
            make_room(self._database)

    def info(self) -> CacheInfo:
        """Return what the cache holds.

        Returns
        -------
        CacheInfo
        """
        if self.folder is None or self._database is None:
            return CacheInfo(None)
        nothing: tuple[dict[str, int], int] = ({}, 0)
        encoders, n_files = self._database.read(count_rows, nothing)
        copies = kept_copies(self.folder)
        return CacheInfo(
            folder=self.folder,
            n_vectors=sum(encoders.values()),
            n_files=n_files,
            database_bytes=bytes_of(database_files(self.folder)),
            downloads_bytes=bytes_of(copies),
            n_downloads=len(copies),
            limit=self.limit,
            encoders=encoders,
            set_aside=tuple(aside_files(self.folder)),
        )

    def clear(self, *, downloads: bool = True) -> int:
        """Remove what the cache itself made, damaged databases that were moved aside too; nothing else in its folder.

        A run that uses the cache at the same time goes on. The limit stays.

        Parameters
        ----------
        downloads : bool, default=True
            Whether the kept copies of addresses go too.

        Returns
        -------
        int
            Bytes that are free now.

        Raises
        ------
        CacheError
            If the database cannot be emptied.
        OSError
            If a file cannot be removed.
        """
        if self.folder is None or self._database is None:
            return 0
        others = aside_files(self.folder) + (kept_copies(self.folder) if downloads else [])
        before = bytes_of(database_files(self.folder)) + bytes_of(others)
        self._database.demand(remove_all)
        give_room_back(self._database)
        remove_files(others, self.folder)
        return max(0, before - bytes_of(database_files(self.folder)))

    @property
    def limit(self) -> int | None:
        """Bytes that the database may take, also in later runs; None for no limit. Kept copies do not count."""
        if self._database is None:
            return None
        return self._database.read(limit_of, None)

    def set_limit(self, max_bytes: int | None) -> None:
        """Set how large the database may become; what was not used for longest goes first.

        Parameters
        ----------
        max_bytes : int or None
            At least 1,000,000; None for no limit. The room is made now, when the cache is closed, and now and then.

        Raises
        ------
        InvalidParameterError
            If it is no whole number of that size.
        CacheError
            If the limit cannot be kept for later runs.
        """
        whole = isinstance(max_bytes, int) and not isinstance(max_bytes, bool)
        if max_bytes is not None and not (whole and SMALLEST_LIMIT <= max_bytes < INT64.stop):
            raise InvalidParameterError("max_bytes", max_bytes, f"a whole number of at least {SMALLEST_LIMIT}, or None")
        if self._database is None:
            return
        self._database.demand(partial(set_limit_of, limit=max_bytes))
        make_room(self._database)

    def close(self) -> None:
        """Make room where there is a limit, and let go of the file. It may be called again, and so may the others."""
        if self._database is not None:
            if self._n_stores:
                make_room(self._database)
            self._n_stores = 0
            self._database.close()
