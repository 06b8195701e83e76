"""The SQLite file of the cache: opening, migrating, and going on when it cannot be used.

Whatever the surroundings do to the file (a full disk, a read-only folder, damage, another process), a run is warned and
goes on. Only what the user asked for by name (a limit, clearing) raises.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Literal, TypeVar

from concept_memes.cache.files import ASIDE, DATABASE, ENDINGS
from concept_memes.errors import CacheError, CacheWarning

__all__ = ["MIGRATIONS", "CacheDatabase"]

logger = logging.getLogger(__name__)
T = TypeVar("T")

APPLICATION_ID = 0x636D7663  # "cmvc", in the head of the file: tells our databases from those of others
BUSY_SECONDS = 20.0  # writing takes milliseconds; whoever holds the file longer has stopped in the middle
PAGE_BYTES = 8192  # seven vectors of 512 numbers fill a page; of the usual 4,096 a quarter would stay empty

# Vectors have a table of their own: they are added at its end, and marking one as used rewrites a page of short rows
# instead of one full of numbers. One tuple of statements per version of the format; what was released is never edited.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        "CREATE TABLE encoders (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, n_dims INTEGER NOT NULL)",
        "CREATE TABLE keys (encoder INTEGER NOT NULL, content BLOB NOT NULL, vector INTEGER NOT NULL, "
        "used INTEGER NOT NULL, PRIMARY KEY (encoder, content)) WITHOUT ROWID",
        "CREATE TABLE vectors (id INTEGER PRIMARY KEY, numbers BLOB NOT NULL)",
        "CREATE TABLE files (path BLOB NOT NULL PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, "
        "ctime_ns INTEGER NOT NULL, content BLOB NOT NULL, seen INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    ),
)

DAMAGED = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))
BUSY = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))
# After these, what is in the file can still be read.
NOT_WRITABLE = BUSY | {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}

# Connections of a parent process. A child may neither use nor close them, so it must not forget them either.
_of_parents: list[sqlite3.Connection] = []


class _UnusableError(Exception):
    """What is there is nothing that this version could or should use."""


class CacheDatabase:
    """A SQLite file that is opened when it is needed.

    Parameters
    ----------
    folder : Path
        It is made, for this user only, if it is not there.

    Attributes
    ----------
    path : Path
        The file.
    trouble : str
        Why the file cannot be used at all; "" while it can.
    keeps : bool
        Whether anything is written. False after a write has failed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     database = CacheDatabase(Path(folder))
    ...     database.read(lambda connection: connection.execute("SELECT count(*) FROM keys").fetchone(), ())
    ...     database.close()
    (0,)
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE
        self.trouble = ""
        self.keeps = True
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._n_moved = 0
        self.read(lambda _: None, None)

    def __del__(self) -> None:
        if getattr(self, "_process", None) == os.getpid():
            self.close()

    def read(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Look something up.

        Parameters
        ----------
        work : callable
            Takes the connection.
        otherwise : object
            What is returned where the file cannot be used; then the user has been warned.

        Returns
        -------
        object
            What `work` gave, or `otherwise`.
        """
        return self._run(work, otherwise, "read")

    def write(self, work: Callable[[sqlite3.Connection], T], otherwise: T, *, vital: bool = True) -> T:
        """Change something, in one transaction that is on disk when this returns.

        Parameters
        ----------
        work : callable
            Takes the connection.
        otherwise : object
            What is returned where the file cannot be written.
        vital : bool, default=True
            False for what nobody misses: a failure is no reason to warn or to stop writing.

        Returns
        -------
        object
            What `work` gave, or `otherwise`.
        """
        return self._run(work, otherwise, "write" if vital else "try")

    def demand(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Change something that the user asked for.

        Parameters
        ----------
        work : callable
            Takes the connection.

        Returns
        -------
        object
            What `work` gave.

        Raises
        ------
        CacheError
            If it cannot be done.
        """
        done: list[T] = []
        self._run(lambda connection: done.append(work(connection)), None, "demand")
        if not done:
            raise CacheError(self.trouble or f"The cache {self.path} cannot be written.")
        return done[0]

    def outside(self, statement: str) -> None:
        """Run a statement that cannot be part of a transaction and that nobody misses where it fails.

        Parameters
        ----------
        statement : str
        """
        # As a script, because `execute` takes one step, and a vacuum is one step per page.
        self._run(lambda connection: connection.executescript(statement), None, "tidy")

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        self._leave_parent()
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(sqlite3.Error):  # what is stored was on disk before
                    connection.close()

    def _run(
        self,
        work: Callable[[sqlite3.Connection], T],
        otherwise: T,
        how: Literal["read", "write", "try", "demand", "tidy"],
    ) -> T:
        self._leave_parent()
        with self._lock:
            for _ in range(2):  # a second time on a new file, where the first one was damaged
                if self.trouble or (how in ("write", "try") and not self.keeps):
                    break
                try:
                    connection = self._opened()
                    writes = how in ("write", "try", "demand")
                    # What several statements read must be of one moment: others give the numbers of rows away again.
                    with _transaction(connection, writes=writes, snapshot=how == "read"):
                        return work(connection)
                except _UnusableError as error:
                    self._give_up(str(error))
                except (sqlite3.Error, OSError) as error:
                    code = _code(error)
                    if code in DAMAGED:
                        self._replace(error)
                    elif how == "demand":
                        raise CacheError(f"The cache {self.path} cannot be written: {_spoken(error)}.") from error
                    elif how == "write" and code in NOT_WRITABLE and self._connection is not None:
                        self._freeze(error)
                    elif how in ("try", "tidy") and self._connection is not None:
                        logger.debug("not done in %s: %s", self.path, error)
                        break
                    else:
                        self._give_up(f"The cache {self.path} cannot be used: {_spoken(error)}.", _advice(error))
        return otherwise

    def _leave_parent(self) -> None:
        """Forget, in a forked process, the connection and the lock of the parent."""
        if self._process == os.getpid():
            return
        if self._connection is not None:
            _of_parents.append(self._connection)
        self._connection, self._lock, self._process = None, threading.RLock(), os.getpid()

    def _opened(self) -> sqlite3.Connection:
        """Return the connection; open the file if need be."""
        if self._connection is None:
            folder = self.path.parent
            if folder.exists() and not folder.is_dir():
                raise _UnusableError(f"{folder} is a file, so it cannot be the folder of a cache.")
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._identity = _identity(self.path)
            self._connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(self._connection, self.path)
            except BaseException as error:
                if _code(error) not in DAMAGED:  # those are moved away first
                    self.close()
                raise
            self._identity = self._identity or _identity(self.path)
        return self._connection

    def _replace(self, error: Exception) -> None:
        """Move a damaged file out of the way, so that a new one can be begun."""
        if os.name == "nt":
            self.close()  # an open file has no other name there
        if _identity(self.path) != self._identity:
            self.close()
            return  # another process has done so already
        self._n_moved += 1
        if self._n_moved > 1:  # a disk that damages what was written a moment ago
            self._give_up(f"The cache {self.path} is damaged again ({_spoken(error)}).", "Check the disk.")
            return
        try:
            aside = _move_aside(self.path)
        except OSError as problem:
            self._give_up(f"The cache {self.path} is damaged and cannot be moved aside: {_spoken(problem)}.")
            return
        self.close()  # not before: SQLite would tidy up, and change or delete what is to be kept
        if aside is not None:
            _warn(
                f"The cache {self.path} is damaged ({_spoken(error)}). It is called {aside.name} now, and a new one is "
                "begun. The run goes on, and embeds again what it needs. Delete the damaged one when you like."
            )

    def _freeze(self, error: Exception) -> None:
        """Write nothing any more; what is there can still be read."""
        self.keeps = False
        _warn(
            f"The cache {self.path} cannot be written: {_spoken(error)}. The run goes on, but what it embeds from now "
            f"on is not kept. {_advice(error)}"
        )

    def _give_up(self, trouble: str, advice: str = "Choose another folder for the cache.") -> None:
        """Do without the file from now on."""
        self.trouble = f"{trouble} {advice}"
        self.close()
        _warn(f"{trouble} The run goes on without the cache. {advice}")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check whose database it is, and bring it to this version."""
    with _transaction(connection, writes=False, snapshot=True):
        version, owner = _number(connection, "PRAGMA user_version"), _number(connection, "PRAGMA application_id")
        empty = not _number(connection, "SELECT count(*) FROM sqlite_master")
    if not empty and owner != APPLICATION_ID:
        raise _UnusableError(f"{path} is a database of another program.")
    if version > len(MIGRATIONS):
        raise _UnusableError(
            f"{path} was written by a newer version of concept_memes (format {version}; this one knows formats up to "
            f"{len(MIGRATIONS)}). Update concept_memes."
        )
    if empty:  # both count only before anything is written
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if _use_wal(connection):
        connection.execute("PRAGMA synchronous = NORMAL")  # with WAL a killed process loses nothing by it
    connection.execute("PRAGMA journal_size_limit = 16777216")
    if version < len(MIGRATIONS):
        with _transaction(connection, writes=True):
            # Another process may have been quicker.
            for number in range(_number(connection, "PRAGMA user_version"), len(MIGRATIONS)):
                for statement in MIGRATIONS[number]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number + 1}")


def _use_wal(connection: sqlite3.Connection) -> bool:
    """Switch to write-ahead logging, where readers and a writer do not wait for each other."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            # Only the first connection ever has to switch. SQLite does not wait by itself for the lock that this takes.
            now = connection.execute("PRAGMA journal_mode").fetchone()[0]
            return "wal" in (now, connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            code = _code(error)
            if code in BUSY and time.monotonic() < deadline:
                time.sleep(0.02)
            elif code in DAMAGED:
                raise
            else:  # some network file systems cannot; the older way is slower and just as safe
                logger.debug("no write-ahead log: %s", error)
                return False


@contextmanager
def _transaction(connection: sqlite3.Connection, *, writes: bool, snapshot: bool = False) -> Iterator[None]:
    """Commit at the end, or leave everything as it was."""
    if connection.in_transaction:  # Ctrl-C can come between any two steps
        connection.rollback()
    if not (writes or snapshot):
        yield
        return
    try:
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        yield
        connection.commit()
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        raise


def _move_aside(path: Path) -> Path | None:
    """Give a file and those beside it a name that is free; None if it is not there any more."""
    if not path.exists():
        return None
    for number in count(1):
        aside = path.with_name(f"{path.name}{ASIDE}{number}")
        with suppress(FileExistsError):
            os.close(os.open(aside, os.O_CREAT | os.O_EXCL))  # the name is ours now, whoever else looks for one
            break
    for ending in ENDINGS:
        with suppress(FileNotFoundError):
            os.replace(f"{path}{ending}", f"{aside}{ending}")
    return aside


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell one file from another that has its name now."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _number(connection: sqlite3.Connection, statement: str) -> int:
    return int(connection.execute(statement).fetchone()[0])


def _code(error: BaseException) -> int:
    """Return the kind of an error, without the details in its higher bits."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _spoken(error: Exception) -> str:
    """Say what went wrong, for people."""
    if _code(error) in BUSY:
        return f"another process has held it for {BUSY_SECONDS:.0f} seconds"
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def _advice(error: Exception) -> str:
    """Say what to do about it."""
    code = _code(error)
    if code in BUSY:
        return "Wait for the other process, or end it."
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return "Make room on the disk, or choose another folder for the cache."
    return "Allow writing there, or choose another folder for the cache."


def _warn(message: str) -> None:
    warnings.warn(message, CacheWarning, stacklevel=2)
