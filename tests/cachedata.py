"""What the tests of the cache put into it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

import numpy as np

from concept_memes.batches import rounded
from concept_memes.cache import FileStamp
from concept_memes.cache.files import DATABASE
from concept_memes.protocols import FloatArray

OLD = 10**18  # nanoseconds: in 2001


def keys_of(n: int, start: int = 0) -> list[str]:
    return [hashlib.blake2b(b"%d" % i, digest_size=16).hexdigest() for i in range(start, start + n)]


def vectors_of(n: int, n_dims: int = 8, seed: int = 0) -> FloatArray:
    return rounded(np.random.default_rng(seed).standard_normal((n, n_dims)))


def stamp(name: str = "/pictures/a.jpg", *, size: int = 5, mtime_ns: int = OLD, ctime_ns: int = OLD) -> FileStamp:
    return FileStamp(os.fsencode(name), size, mtime_ns, ctime_ns)


def change(folder: Path, *statements: str) -> None:
    """Change a database behind the back of the cache."""
    connection = sqlite3.connect(folder / DATABASE, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def put_copies(folder: Path) -> list[Path]:
    """Put files as downloading makes them, and three of the user's own between them; return the latter."""
    name = "0a" * 20
    for place in (f"0a/{name}.jpg", f"changing/0a/{name}.html"):
        path = folder / "downloads" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
    own = [folder / "holiday.jpg", folder / "downloads" / "invoice.pdf", folder / "downloads" / "0a" / "mine.jpg"]
    for path in own:
        path.write_bytes(b"mine")
    return own
