"""What the cache asks its database: statements on a connection, in the transaction of the caller."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "count_rows",
    "find_files",
    "find_vectors",
    "keep_files",
    "keep_vectors",
    "limit_of",
    "mark_used",
    "remove_all",
    "remove_oldest",
    "set_limit_of",
    "today",
    "used_bytes",
]

VALUES_PER_QUERY = 900  # SQLite took 999 at most for long
ROWS_PER_REMOVAL = 20_000  # others wait for the lock meanwhile: parts of a second


def today() -> int:
    """Return the number of the day: what was used when is kept no finer, so that few look-ups write.

    Returns
    -------
    int
        Days since 1970.

    Examples
    --------
    >>> today() > 20_000
    True
    """
    return int(time.time() // 86_400)


def find_files(connection: sqlite3.Connection, paths: Sequence[bytes]) -> list[tuple[Any, ...]]:
    """Find what is known of files.

    Parameters
    ----------
    connection : Connection
    paths : sequence of bytes

    Returns
    -------
    list of tuple
        Path, size, mtime_ns, ctime_ns and hash.
    """
    query = (
        "SELECT path, size, mtime_ns, ctime_ns, content FROM files "
        "WHERE path IN ({}) AND typeof(content) = 'blob' AND length(content) = 16"
    )
    return _select(connection, query, paths)


def keep_files(connection: sqlite3.Connection, rows: Sequence[tuple[bytes, int, int, int, bytes]]) -> None:
    """Keep what is known of files.

    Parameters
    ----------
    connection : Connection
    rows : sequence of tuple
        As `find_files` gives them.
    """
    day = today()
    connection.executemany("REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", [(*row, day) for row in rows])


def find_vectors(
    connection: sqlite3.Connection, fingerprint: str, contents: Sequence[bytes]
) -> tuple[int, list[tuple[bytes, bytes, int]]]:
    """Find vectors of an encoder; those that do not have its length are no vectors.

    Notes are kept like vectors of no numbers, and may have any length.

    Parameters
    ----------
    connection : Connection
    fingerprint : str
    contents : sequence of bytes
        Keys, without doubles.

    Returns
    -------
    encoder : int
        Its number; -1 if it is not known.
    rows : list of (bytes, bytes, int)
        Key, numbers, and the day when they were used last.
    """
    encoder = connection.execute("SELECT id, n_dims FROM encoders WHERE fingerprint = ?", (fingerprint,)).fetchone()
    if encoder is None:
        return -1, []
    query = (
        "SELECT keys.content, vectors.numbers, keys.used FROM keys JOIN vectors ON vectors.id = keys.vector "
        "WHERE keys.encoder = ? AND keys.content IN ({}) "
        "AND typeof(vectors.numbers) = 'blob' AND ? IN (0, length(vectors.numbers))"
    )
    return encoder[0], _select(connection, query, contents, before=[encoder[0]], after=[2 * encoder[1]])


def mark_used(connection: sqlite3.Connection, encoder: int, contents: Sequence[bytes]) -> None:
    """Note that vectors were of use today.

    Parameters
    ----------
    connection : Connection
    encoder : int
    contents : sequence of bytes
    """
    rows = [(today(), encoder, content) for content in contents]
    connection.executemany("UPDATE keys SET used = ? WHERE encoder = ? AND content = ?", rows)


def keep_vectors(
    connection: sqlite3.Connection, fingerprint: str, n_dims: int, numbers_of: Mapping[bytes, bytes]
) -> None:
    """Keep vectors; what stood under the same keys before is replaced.

    Parameters
    ----------
    connection : Connection
    fingerprint : str
    n_dims : int
        If the encoder had vectors of another length, it has become another one, and those go.
    numbers_of : mapping of bytes to bytes
    """
    encoder = _encoder(connection, fingerprint, n_dims)
    query = "SELECT content, vector FROM keys WHERE encoder = ? AND content IN ({})"
    contents = list(numbers_of)
    place_of = dict(_select(connection, query, contents, before=[encoder]))
    end = connection.execute("SELECT coalesce(max(id), 0) FROM vectors").fetchone()[0]
    new = [content for content in contents if content not in place_of]
    place_of.update((content, end + position) for position, content in enumerate(new, start=1))
    rows = [(place_of[content], numbers) for content, numbers in numbers_of.items()]
    connection.executemany("REPLACE INTO vectors VALUES (?, ?)", rows)
    day = today()
    keys = [(encoder, content, place_of[content], day) for content in contents]
    connection.executemany("REPLACE INTO keys VALUES (?, ?, ?, ?)", keys)


def _encoder(connection: sqlite3.Connection, fingerprint: str, n_dims: int) -> int:
    """Return the number of an encoder."""
    known = connection.execute("SELECT id, n_dims FROM encoders WHERE fingerprint = ?", (fingerprint,)).fetchone()
    if known is None:
        added = connection.execute("INSERT INTO encoders (fingerprint, n_dims) VALUES (?, ?)", (fingerprint, n_dims))
        return added.lastrowid or 0
    encoder: int = known[0]
    if known[1] != n_dims:
        connection.execute("DELETE FROM vectors WHERE id IN (SELECT vector FROM keys WHERE encoder = ?)", (encoder,))
        connection.execute("DELETE FROM keys WHERE encoder = ?", (encoder,))
        connection.execute("UPDATE encoders SET n_dims = ? WHERE id = ?", (n_dims, encoder))
    return encoder


def count_rows(connection: sqlite3.Connection) -> tuple[dict[str, int], int]:
    """Count what is there.

    Parameters
    ----------
    connection : Connection

    Returns
    -------
    vectors : dict of str to int
        By the fingerprint of the encoder, most first.
    n_files : int
    """
    query = (
        "SELECT encoders.fingerprint, count(*) AS n FROM keys JOIN encoders ON encoders.id = keys.encoder "
        "GROUP BY encoders.id ORDER BY n DESC, encoders.id"
    )
    return dict(connection.execute(query)), connection.execute("SELECT count(*) FROM files").fetchone()[0]


def limit_of(connection: sqlite3.Connection) -> int | None:
    """Return the limit in bytes.

    Parameters
    ----------
    connection : Connection

    Returns
    -------
    int or None
    """
    row = connection.execute("SELECT value FROM settings WHERE name = 'limit'").fetchone()
    return None if row is None else row[0]


def set_limit_of(connection: sqlite3.Connection, limit: int | None) -> None:
    """Keep the limit.

    Parameters
    ----------
    connection : Connection
    limit : int or None
    """
    connection.execute("DELETE FROM settings WHERE name = 'limit'")
    if limit is not None:
        connection.execute("INSERT INTO settings VALUES ('limit', ?)", (limit,))


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how large the database is without its free pages.

    Parameters
    ----------
    connection : Connection

    Returns
    -------
    int
    """
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def remove_oldest(connection: sqlite3.Connection, share: float) -> int:
    """Remove a share of the vectors, those first that were not used for longest, and of the short cuts to hashes.

    Parameters
    ----------
    connection : Connection
    share : float
        Between 0 and 1. What would take long is cut short; call again.

    Returns
    -------
    int
        Rows that were removed; 0 if there is nothing to remove.
    """
    count = "SELECT (SELECT count(*) FROM keys), (SELECT count(*) FROM files)"
    n_vectors, n_files = connection.execute(count).fetchone()
    if not n_vectors:
        removed: int = connection.execute("DELETE FROM files").rowcount
        return removed
    n_removed: int = min(math.ceil(share * n_vectors), ROWS_PER_REMOVAL)
    query = "SELECT encoder, content, vector FROM keys ORDER BY used, vector LIMIT ?"
    oldest = connection.execute(query, (n_removed,)).fetchall()
    connection.executemany("DELETE FROM keys WHERE encoder = ? AND content = ?", [row[:2] for row in oldest])
    connection.executemany("DELETE FROM vectors WHERE id = ?", [row[2:] for row in oldest])
    # Short cuts that lead nowhere now go first; but what was hashed today may be about to get its vector.
    query = "DELETE FROM files WHERE seen < ? AND content NOT IN (SELECT content FROM keys)"
    n_files_removed = connection.execute(query, (today(),)).rowcount
    n_more = max(0, math.ceil(n_files * n_removed / n_vectors) - n_files_removed)
    connection.execute("DELETE FROM files WHERE path IN (SELECT path FROM files ORDER BY seen LIMIT ?)", (n_more,))
    return n_removed


def remove_all(connection: sqlite3.Connection) -> None:
    """Remove everything but the limit.

    Parameters
    ----------
    connection : Connection
    """
    for table in ("keys", "vectors", "files", "encoders"):
        connection.execute(f"DELETE FROM {table}")


def _select(
    connection: sqlite3.Connection,
    query: str,
    values: Sequence[bytes],
    *,
    before: Sequence[Any] = (),
    after: Sequence[Any] = (),
) -> list[Any]:
    """Ask for many values, some at a time; ``{}`` in the query is where they stand."""
    found: list[Any] = []
    for start in range(0, len(values), VALUES_PER_QUERY):
        chunk = values[start : start + VALUES_PER_QUERY]
        marks = ", ".join("?" * len(chunk))
        found += connection.execute(query.format(marks), (*before, *chunk, *after)).fetchall()
    return found
