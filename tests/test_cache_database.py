"""What the surroundings can do to the file of the cache: nothing of it ends a run, and no file is lost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cachedata import change, keys_of, vectors_of
from processes import NOBODY, in_fork

from concept_memes.cache import VectorCache, open_cache
from concept_memes.cache import database as cache_database
from concept_memes.cache.database import APPLICATION_ID, MIGRATIONS
from concept_memes.cache.files import DATABASE
from concept_memes.errors import CacheError, CacheWarning

KEYS = keys_of(20)
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of a cache that holds vectors."""
    folder = tmp_path / "kept"
    with open_cache(folder) as cache:
        cache.store("model", KEYS, vectors_of(20, 512))
    return folder


def works(cache: VectorCache) -> bool:
    """Whether a cache finds what it is given."""
    cache.store("another", KEYS[:3], vectors_of(3))
    return set(cache.vectors("another", KEYS)) == set(KEYS[:3])


def says_once(caught: pytest.WarningsRecorder, *parts: str) -> None:
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 1, texts
    for part in ("The run goes on", *parts):
        assert part in texts[0]


# --- a file that cannot be used --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"not a database " * 1000, b"SQLite format 3\0" + bytes(5000), b"xy"])
def test_a_file_that_is_no_database_is_moved_aside_and_a_new_one_begun(tmp_path: Path, content: bytes) -> None:
    for name in (DATABASE, f"{DATABASE}-wal"):
        (tmp_path / name).write_bytes(content)
    with pytest.warns(CacheWarning) as caught:
        cache = open_cache(tmp_path)
    says_once(caught, "is damaged", f"{DATABASE}.damaged-1", "a new one is begun")
    assert works(cache)
    cache.close()
    assert (tmp_path / f"{DATABASE}.damaged-1").read_bytes() == content
    assert (tmp_path / f"{DATABASE}.damaged-1-wal").read_bytes() == content


def test_what_was_moved_aside_before_stays(tmp_path: Path) -> None:
    for content in (b"first " * 100, b"second " * 100):
        (tmp_path / DATABASE).write_bytes(content)
        with pytest.warns(CacheWarning, match="damaged"):
            open_cache(tmp_path).close()
    assert (tmp_path / f"{DATABASE}.damaged-1").read_bytes() == b"first " * 100
    assert (tmp_path / f"{DATABASE}.damaged-2").read_bytes() == b"second " * 100


@pytest.mark.parametrize("use", ["look up", "store", "limit", "info"])
def test_damage_that_shows_in_the_middle_of_a_run_is_moved_aside_too(kept: Path, use: str) -> None:
    content = (kept / DATABASE).read_bytes()
    damaged = content[:8192] + b"\xff" * (len(content) - 8192)  # the first page is whole, so opening finds nothing
    (kept / DATABASE).write_bytes(damaged)
    cache = open_cache(kept)
    uses: dict[str, Callable[[], object]] = {
        "look up": lambda: cache.vectors("model", KEYS),
        "store": lambda: cache.store("model", KEYS, vectors_of(20)),
        "limit": lambda: cache.set_limit(10**7),
        "info": cache.info,
    }
    with pytest.warns(CacheWarning) as caught:
        uses[use]()
    says_once(caught, "malformed", "damaged-1")
    assert works(cache)
    cache.close()
    assert (kept / f"{DATABASE}.damaged-1").read_bytes() == damaged


def test_a_file_that_another_process_replaced_is_not_moved_aside(kept: Path) -> None:
    cache = open_cache(kept)
    cache.close()
    content = (kept / DATABASE).read_bytes()
    (kept / DATABASE).write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    cache = open_cache(kept)
    os.replace(kept / DATABASE, kept / "moved by another process")
    with open_cache(kept) as other:
        assert works(other)
        assert cache.vectors("another", KEYS).keys() == set(KEYS[:3])
    assert works(cache)
    assert not list(kept.glob("*damaged*"))
    cache.close()


def test_a_disk_that_damages_everything_is_given_up(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damage(*_: object, **__: object) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    cache = open_cache(kept)
    monkeypatch.setattr("concept_memes.cache.vector_cache.find_vectors", damage)
    with pytest.warns(CacheWarning) as caught:
        assert cache.vectors("model", KEYS) == {}
    assert [("moved" in str(w.message), "damaged again" in str(w.message)) for w in caught] == [
        (False, False),
        (False, True),
    ]
    assert not cache.enabled
    assert cache.downloads is None
    assert cache.vectors("model", KEYS) == {}  # and no further warning


@pytest.mark.parametrize("version", [len(MIGRATIONS) + 1, 999])
def test_a_database_of_a_newer_version_is_left_as_it_is(kept: Path, version: int) -> None:
    change(kept, f"PRAGMA user_version = {version}")
    content = (kept / DATABASE).read_bytes()
    with pytest.warns(CacheWarning) as caught:
        cache = open_cache(kept)
    says_once(caught, f"newer version of concept_memes (format {version}", "Update concept_memes")
    cache.store("model", KEYS, vectors_of(20))
    assert cache.vectors("model", KEYS) == {}
    with pytest.raises(CacheError, match="newer version"):
        cache.clear()
    cache.close()
    assert (kept / DATABASE).read_bytes() == content
    assert [path.name for path in kept.iterdir()] == [DATABASE]


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    change(tmp_path, "CREATE TABLE recipes (name)", "INSERT INTO recipes VALUES ('soup')")
    content = (tmp_path / DATABASE).read_bytes()
    with pytest.warns(CacheWarning) as caught:
        cache = open_cache(tmp_path)
    says_once(caught, "is a database of another program", "Choose another folder")
    with pytest.raises(CacheError, match="another program"):
        cache.clear()
    assert (tmp_path / DATABASE).read_bytes() == content


def test_an_empty_file_becomes_a_cache(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    with open_cache(tmp_path) as cache:
        assert works(cache)


def test_a_missing_table_is_said_and_the_run_goes_on(kept: Path) -> None:
    change(kept, "DROP TABLE keys")
    cache = open_cache(kept)
    with pytest.warns(CacheWarning) as caught:
        assert cache.vectors("model", KEYS) == {}
    says_once(caught, "no such table", "without the cache")
    assert not cache.enabled


def test_a_new_database_is_marked_as_ours_and_can_shrink(kept: Path) -> None:
    connection = sqlite3.connect(kept / DATABASE)
    found = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version", "auto_vacuum", "journal_mode")
    }
    connection.close()
    assert found == {
        "application_id": APPLICATION_ID,
        "user_version": len(MIGRATIONS),
        "auto_vacuum": 2,
        "journal_mode": "wal",
    }


def test_older_databases_are_migrated_and_keep_what_they_hold(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = (("CREATE TABLE later (value INTEGER)", "INSERT INTO later VALUES (7)"),)
    monkeypatch.setattr(cache_database, "MIGRATIONS", MIGRATIONS + more)
    for _ in range(2):  # once only
        with open_cache(kept) as cache:
            assert set(cache.vectors("model", KEYS)) == set(KEYS)
    connection = sqlite3.connect(kept / DATABASE)
    assert connection.execute("SELECT value FROM later").fetchall() == [(7,)]
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    connection.close()


# --- a place that cannot be written ----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.warns(CacheWarning) as caught:
        cache = open_cache(tmp_path / place)
    says_once(caught, "without the cache", "hoose another folder")
    assert not works(cache)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / DATABASE).mkdir()
    with pytest.warns(CacheWarning) as caught:
        cache = open_cache(tmp_path)
    says_once(caught, "unable to open database file")
    assert not works(cache)


@pytest.fixture
def place_of_another() -> Iterator[Path]:
    """A folder that everybody can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def as_somebody_else(work: Callable[[], Any]) -> Any:
    """Do something as a user whom permissions stop."""
    if os.name == "nt":
        pytest.skip("Windows has no such permissions")
    return in_fork(work, user=NOBODY if ROOT else None)


def test_a_folder_that_cannot_be_made_is_said(place_of_another: Path) -> None:
    os.chmod(place_of_another, 0o555)

    def work() -> tuple[list[str], bool]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            cache = open_cache(place_of_another / "new")
            return [str(warning.message) for warning in caught], works(cache)

    said, worked = as_somebody_else(work)
    assert len(said) == 1
    assert "Permission denied" in said[0]
    assert not worked


def test_a_read_only_file_is_read_and_one_warning_says_that_nothing_is_kept(place_of_another: Path) -> None:
    with open_cache(place_of_another) as cache:
        cache.store("model", KEYS, vectors_of(20))
    os.chmod(place_of_another, 0o777)
    os.chmod(place_of_another / DATABASE, 0o444)

    def work() -> tuple[bool, list[str]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            cache = open_cache(place_of_another)
            found = set(cache.vectors("model", KEYS)) == set(KEYS)
            assert not caught
            for _ in range(3):
                cache.store("another", KEYS, vectors_of(20))
            found = found and set(cache.vectors("model", KEYS)) == set(KEYS)
            return found, [str(warning.message) for warning in caught]

    found, said = as_somebody_else(work)
    assert found
    assert len(said) == 1
    assert "cannot be written: attempt to write a readonly database. The run goes on" in said[0]


def test_a_look_up_that_cannot_note_the_day_finds_all_the_same(
    place_of_another: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_cache(place_of_another) as cache:
        cache.store("model", KEYS, vectors_of(20))
    os.chmod(place_of_another, 0o777)
    os.chmod(place_of_another / DATABASE, 0o444)
    for module in ("vector_cache", "rows"):
        monkeypatch.setattr(f"concept_memes.cache.{module}.today", lambda: 10**6)

    def work() -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return len(open_cache(place_of_another).vectors("model", KEYS))

    assert as_somebody_else(work) == len(KEYS)


def test_a_full_database_keeps_what_it_has(kept: Path) -> None:
    cache = open_cache(kept)
    cache._database.read(lambda connection: connection.execute("PRAGMA max_page_count = 1"), None)  # type: ignore[union-attr]
    with pytest.warns(CacheWarning) as caught:
        cache.store("model", keys_of(500, start=100), vectors_of(500, 512))
    says_once(caught, "database or disk is full", "is not kept", "Make room on the disk")
    cache.store("model", keys_of(500, start=100), vectors_of(500, 512))  # no second warning
    assert set(cache.vectors("model", [*KEYS, *keys_of(500, start=100)])) == set(KEYS)
    with pytest.raises(CacheError, match="full"):
        cache._database.demand(  # type: ignore[union-attr]
            lambda connection: connection.execute("INSERT INTO vectors VALUES (99999, zeroblob(10000000))")
        )


def test_a_disk_that_takes_no_more_ends_no_run(kept: Path) -> None:
    """The system refuses to let files grow, as it does where the room for a user is used up."""
    resource = pytest.importorskip("resource")

    def work() -> tuple[int, list[str]]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with warnings.catch_warnings(record=True) as caught, open_cache(kept) as cache:
            warnings.simplefilter("always")
            for start in range(100, 1100, 50):
                cache.store("model", keys_of(50, start=start), vectors_of(50, 512))
            return len(cache.vectors("model", keys_of(1100))), [str(warning.message) for warning in caught]

    n_found, said = in_fork(work)
    assert len(said) == 1
    assert "cannot be written" in said[0]
    assert len(KEYS) <= n_found < 500
    with open_cache(kept) as cache:  # and nothing is damaged
        assert len(cache.vectors("model", keys_of(1100))) == n_found
        assert works(cache)


def test_where_there_is_no_write_ahead_log_the_older_way_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class WithoutWal(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "PRAGMA journal_mode = WAL":
                raise sqlite3.OperationalError("locking protocol")
            return super().execute(statement, *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **more, factory=WithoutWal))
    with open_cache(tmp_path) as cache:
        assert works(cache)
        assert not (tmp_path / f"{DATABASE}-wal").exists()


# --- several processes ---------------------------------------------------------------------------------------------


def test_a_lock_that_is_never_released_ends_no_run(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_database, "BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(kept / DATABASE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    cache = open_cache(kept)
    with pytest.warns(CacheWarning) as caught:
        cache.store("another", KEYS, vectors_of(20))
    says_once(caught, "another process has held it", "Wait for the other process")
    assert set(cache.vectors("model", KEYS)) == set(KEYS)  # readers do not wait
    holder.close()
    cache.close()


def test_switching_to_the_log_waits_for_another_that_writes(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(kept, "PRAGMA journal_mode = DELETE")
    holder = sqlite3.connect(kept / DATABASE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # SQLite refuses at once to switch, whatever its time-out is
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        holder.rollback()

    monkeypatch.setattr(cache_database.time, "sleep", sleep)
    with open_cache(kept) as cache:
        assert works(cache)
        assert (kept / f"{DATABASE}-wal").exists()
    assert len(waits) == 1
    holder.close()


CHILD = """
import sys, warnings
warnings.simplefilter("error")
sys.path.insert(0, sys.argv[1])
from cachedata import keys_of, vectors_of
from concept_memes.cache import open_cache
print("ready", flush=True)
sys.stdin.readline()
number = int(sys.argv[3])
with open_cache(sys.argv[2]) as cache:
    for i in range(20):
        cache.store("model", keys_of(8, start=1000 * number + 8 * i), vectors_of(8, 64, seed=i))
        cache.store("model", keys_of(8), vectors_of(8, 64))
        print("stored", flush=True)
    assert len(cache.vectors("model", keys_of(8))) == 8
    sys.stdin.readline()
"""


def start(folder: Path, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(folder), str(number)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def go(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def test_processes_that_begin_a_cache_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    children = [start(tmp_path / "kept", number) for number in range(1, 4)]
    for child in children:
        go(child)
    for child in children:
        _, errors = child.communicate("\n", timeout=120)
        assert (child.returncode, errors) == (0, "")
    with open_cache(tmp_path / "kept") as cache:
        assert cache.info().n_vectors == 3 * 160 + 8
        assert cache._database.read(  # type: ignore[union-attr]
            lambda connection: connection.execute("PRAGMA integrity_check").fetchall(), []
        ) == [("ok",)]


def test_what_was_stored_survives_a_kill(tmp_path: Path) -> None:
    child = start(tmp_path, 1)
    go(child)
    assert child.stdout is not None
    assert [child.stdout.readline() for _ in range(5)] == ["stored\n"] * 5
    child.kill()
    child.communicate(timeout=60)
    assert child.returncode != 0
    with open_cache(tmp_path) as cache:
        assert set(cache.vectors("model", keys_of(40, start=1000))) == set(keys_of(40, start=1000))


def test_a_forked_process_uses_a_connection_of_its_own(kept: Path) -> None:
    cache = open_cache(kept)
    connection = cache._database._connection  # type: ignore[union-attr]
    assert connection is not None

    def work() -> tuple[int, bool]:
        n_found = len(cache.vectors("model", KEYS))
        cache.store("child", KEYS, vectors_of(20))
        own = cache._database._connection is not connection  # type: ignore[union-attr]
        cache.close()
        return n_found, own

    assert in_fork(work) == (20, True)
    assert len(cache.vectors("child", KEYS)) == 20
    assert works(cache)
    cache.close()


def test_a_fork_while_a_thread_holds_the_lock_does_not_wait_for_it(kept: Path) -> None:
    cache = open_cache(kept)
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with cache._database._lock:  # type: ignore[union-attr]
            held.set()
            released.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert held.wait(60)
        assert in_fork(lambda: len(cache.vectors("model", KEYS))) == 20
    finally:
        released.set()
        thread.join()
        cache.close()


def test_a_transaction_that_was_left_open_is_taken_back(kept: Path) -> None:
    cache = open_cache(kept)
    assert cache._database is not None
    # Ctrl-C between the two steps of beginning and of guarding what was begun.
    cache._database.outside("BEGIN IMMEDIATE; DELETE FROM keys")
    assert set(cache.vectors("model", KEYS)) == set(KEYS)
    assert works(cache)
    cache.close()


def test_a_folder_that_is_deleted_in_the_middle_of_a_run_ends_no_run(kept: Path) -> None:
    cache = open_cache(kept)
    shutil.rmtree(kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cache.store("another", KEYS, vectors_of(20))
        cache.vectors("another", KEYS)
        cache.close()
    assert works(open_cache(kept))
