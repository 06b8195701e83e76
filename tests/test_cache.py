"""What a cache finds, what it must not find, and what it does where it cannot be used."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest
from cachedata import OLD, change, keys_of, put_copies, stamp, vectors_of

from concept_memes.cache import CacheInfo, FileStamp, VectorCache, cache_folder, file_stamp, open_cache, rows, text_key
from concept_memes.cache.files import DATABASE
from concept_memes.errors import CacheError, CacheWarning, InvalidParameterError
from concept_memes.protocols import FloatArray


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VectorCache]:
    with open_cache(tmp_path / "kept") as opened:
        yield opened


# --- vectors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_dims", [1, 2, 3, 27, 512, 1664])
def test_a_later_run_finds_the_same_bits(tmp_path: Path, n_dims: int) -> None:
    keys, vectors = keys_of(50), vectors_of(50, n_dims)
    with open_cache(tmp_path) as cache:
        cache.store("model", keys, vectors)
    with open_cache(tmp_path) as cache:
        found = cache.vectors("model", keys)
    assert set(found) == set(keys)
    for key, vector in zip(keys, vectors, strict=True):
        np.testing.assert_array_equal(found[key].view(np.int32), vector.view(np.int32))


def test_a_row_of_zeros_is_a_vector_too(cache: VectorCache) -> None:
    cache.store("model", keys_of(1), np.zeros((1, 4), np.float32))
    assert cache.vectors("model", keys_of(1))[keys_of(1)[0]].tolist() == [0, 0, 0, 0]


def test_only_what_is_there_is_found(cache: VectorCache) -> None:
    cache.store("model", keys_of(3), vectors_of(3))
    assert set(cache.vectors("model", keys_of(9))) == set(keys_of(3))
    assert cache.vectors("model", []) == {}


def test_another_model_never_gets_these_vectors(cache: VectorCache) -> None:
    keys = keys_of(4)
    cache.store("model fp32", keys, vectors_of(4, seed=1))
    assert cache.vectors("model bf16", keys) == {}
    cache.store("model bf16", keys, vectors_of(4, seed=2))
    for fingerprint, seed in (("model fp32", 1), ("model bf16", 2)):
        found = cache.vectors(fingerprint, keys)
        np.testing.assert_array_equal(np.stack([found[key] for key in keys]), vectors_of(4, seed=seed))


def test_another_process_that_empties_the_cache_and_fills_it_again_changes_no_look_up(
    cache: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, select = keys_of(4), rows._select
    cache.store("model one", keys, vectors_of(4, seed=1))

    def meanwhile(*args: Any, **more: Any) -> list[Any]:
        monkeypatch.setattr(rows, "_select", select)
        with VectorCache(cache.folder) as other:
            other.clear()
            other.store("model two", keys, vectors_of(4, seed=2))  # under the number that the first model had
        return select(*args, **more)

    monkeypatch.setattr(rows, "_select", meanwhile)
    found = cache.vectors("model one", keys)
    np.testing.assert_array_equal(np.stack([found[key] for key in keys]), vectors_of(4, seed=1))
    assert cache.vectors("model one", keys) == {}


def test_storing_again_replaces(cache: VectorCache) -> None:
    cache.store("model", keys_of(3), vectors_of(3, seed=1))
    cache.store("model", keys_of(3, start=1), vectors_of(3, seed=2))
    found = cache.vectors("model", keys_of(4))
    np.testing.assert_array_equal(found[keys_of(1)[0]], vectors_of(3, seed=1)[0])
    np.testing.assert_array_equal(np.stack([found[key] for key in keys_of(4)[1:]]), vectors_of(3, seed=2))
    assert cache.info().n_vectors == 4


def test_an_encoder_whose_vectors_have_another_length_has_become_another_one(cache: VectorCache) -> None:
    cache.store("model", keys_of(3), vectors_of(3, 8))
    cache.store("model", keys_of(1, start=5), vectors_of(1, 4))
    found = cache.vectors("model", keys_of(9))
    assert {key: vector.shape for key, vector in found.items()} == {keys_of(6)[5]: (4,)}


def test_more_keys_than_a_query_takes(cache: VectorCache) -> None:
    keys, vectors = keys_of(5000), vectors_of(5000, 3)
    cache.store("model", keys, vectors)
    found = cache.vectors("model", keys_of(6000))
    np.testing.assert_array_equal(np.stack([found[key] for key in keys]), vectors)
    assert len(found) == 5000


@pytest.mark.parametrize("numbers", ["x'0102'", "NULL", "17", "'text of 16 chars'", "zeroblob(17)"])
def test_a_damaged_row_is_missing_and_can_be_stored_again(tmp_path: Path, numbers: str) -> None:
    keys, vectors = keys_of(2), vectors_of(2)
    with open_cache(tmp_path) as cache:
        cache.store("model", keys, vectors)
    loose = "CREATE TABLE loose AS SELECT * FROM vectors", "DROP TABLE vectors", "ALTER TABLE loose RENAME TO vectors"
    index = "CREATE UNIQUE INDEX vector_id ON vectors (id)"  # without NOT NULL, so that anything can stand there
    change(tmp_path, *loose, index, f"UPDATE vectors SET numbers = {numbers} WHERE id = 1")
    with open_cache(tmp_path) as cache:
        assert list(cache.vectors("model", keys)) == keys[1:]
        cache.store("model", keys[:1], vectors[:1])
        np.testing.assert_array_equal(cache.vectors("model", keys)[keys[0]], vectors[0])


@pytest.mark.parametrize("key", ["", "abc", "zz" * 16, "0" * 31, "0" * 64])
def test_what_is_no_key_is_refused(cache: VectorCache, key: str) -> None:
    with pytest.raises(InvalidParameterError, match="32 hexadecimal digits"):
        cache.vectors("model", [key])
    with pytest.raises(InvalidParameterError, match="32 hexadecimal digits"):
        cache.store("model", [key], vectors_of(1))


@pytest.mark.parametrize("vectors", [np.zeros((3, 4)), np.zeros(2), np.zeros((2, 2, 2))])
def test_there_must_be_a_row_per_key(cache: VectorCache, vectors: FloatArray) -> None:
    with pytest.raises(InvalidParameterError, match="a row per key"):
        cache.store("model", keys_of(2), vectors)


# --- files ---------------------------------------------------------------------------------------------------------


def test_notes_come_back_as_they_were_stored(tmp_path: Path) -> None:
    notes = {text_key("a"): "加班\n".encode(), text_key("b"): b"", text_key("c"): bytes(range(256)) * 40}
    with open_cache(tmp_path) as cache:
        cache.store_notes("reader", notes)
    with open_cache(tmp_path) as cache:
        assert cache.notes("reader", [*notes, text_key("d")]) == notes
        assert cache.notes("another reader", list(notes)) == {}


def test_notes_are_no_vectors_and_go_when_the_cache_is_cleared(cache: VectorCache) -> None:
    cache.store_notes("reader", {text_key("a"): b"1234"})
    cache.store("encoder", [text_key("a")], np.ones((1, 2), np.float32))
    assert cache.notes("reader", [text_key("a")]) == {text_key("a"): b"1234"}
    assert cache.vectors("encoder", [text_key("a")])[text_key("a")].shape == (2,)
    assert cache.info().n_vectors == 2
    cache.clear()
    assert cache.notes("reader", [text_key("a")]) == {}


def test_a_cache_that_keeps_nothing_keeps_no_notes() -> None:
    cache = open_cache(False)
    cache.store_notes("reader", {text_key("a"): b"1234"})
    assert cache.notes("reader", [text_key("a")]) == {}


def test_a_file_that_did_not_change_has_the_hash_that_it_had(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        cache.remember_hashes([(stamp(), keys_of(1)[0])])
    with open_cache(tmp_path) as cache:
        assert cache.known_hashes([None, stamp(), stamp("/pictures/b.jpg")]) == [None, keys_of(1)[0], None]


@pytest.mark.parametrize(
    "changed", [{"size": 6}, {"mtime_ns": OLD + 1}, {"ctime_ns": OLD + 1}, {"mtime_ns": OLD - 1}], ids=str
)
def test_a_file_of_which_anything_changed_is_not_known(cache: VectorCache, changed: dict[str, int]) -> None:
    cache.remember_hashes([(stamp(), keys_of(1)[0])])
    assert cache.known_hashes([stamp(**changed)]) == [None]
    cache.remember_hashes([(stamp(**changed), keys_of(2)[1])])
    assert cache.known_hashes([stamp(**changed), stamp()]) == [keys_of(2)[1], None]


def test_a_file_that_changed_a_moment_before_its_hash_is_not_remembered(cache: VectorCache) -> None:
    taken = time.time_ns()
    recent, older = stamp("/a", mtime_ns=taken - 10**9), stamp("/b", mtime_ns=taken - 3 * 10**9)
    cache.remember_hashes([(recent, keys_of(1)[0]), (older, keys_of(1)[0])], taken_ns=taken)
    assert cache.known_hashes([recent, older]) == [None, keys_of(1)[0]]
    cache.remember_hashes([(stamp("/c", mtime_ns=time.time_ns()), keys_of(1)[0])])
    assert cache.info().n_files == 1


@pytest.mark.parametrize("when", [2**63, -(2**63) - 1, 2**70])
def test_times_that_no_database_holds_are_not_remembered(cache: VectorCache, when: int) -> None:
    cache.remember_hashes([(stamp(mtime_ns=when), keys_of(1)[0]), (stamp(ctime_ns=when), keys_of(1)[0])])
    assert cache.known_hashes([stamp(mtime_ns=when), stamp(ctime_ns=when)]) == [None, None]


def test_names_that_are_not_valid_utf_8_are_known_too(cache: VectorCache) -> None:
    odd = FileStamp(b"/pictures/caf\xe9.jpg", 1, OLD, OLD)
    cache.remember_hashes([(odd, keys_of(1)[0])])
    assert cache.known_hashes([odd]) == [keys_of(1)[0]]


def test_the_stamp_of_a_file_is_absolute_and_has_its_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(b"abc")
    os.utime(tmp_path / "a.jpg", ns=(1, 12345678900))
    monkeypatch.chdir(tmp_path)
    status = os.stat("a.jpg")
    found = file_stamp(Path("a.jpg"), status)
    assert found == (os.fsencode(tmp_path / "a.jpg"), 3, 12345678900, status.st_ctime_ns)


# --- texts ---------------------------------------------------------------------------------------------------------


def test_the_key_of_a_text_is_its_own() -> None:
    keys = {text_key(text) for text in ("panda", "Panda", "panda ", "", "猫", "\udce9")}
    assert len(keys) == 6
    assert all(len(bytes.fromhex(key)) == 16 for key in keys)
    # A file whose content is the text has another key.
    assert text_key("panda") != hashlib.blake2b(b"panda", digest_size=16).hexdigest()


# --- which folder --------------------------------------------------------------------------------------------------


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCEPT_MEMES_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    assert not cache_folder().exists()
    with open_cache(True) as cache:
        assert cache.folder == tmp_path / "elsewhere"
        assert cache.downloads == tmp_path / "elsewhere" / "downloads"
    assert (tmp_path / "elsewhere" / DATABASE).is_file()


@pytest.mark.parametrize("named", ["", None])
def test_without_it_the_system_does(monkeypatch: pytest.MonkeyPatch, named: str | None) -> None:
    monkeypatch.delenv("CONCEPT_MEMES_CACHE")
    if named is not None:
        monkeypatch.setenv("CONCEPT_MEMES_CACHE", named)
    assert cache_folder() == Path(platformdirs.user_cache_dir("concept_memes", appauthor=False))


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_cache("~/kept") as cache:
        assert cache.folder == tmp_path / "kept"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_new_folder_is_private_and_an_old_one_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(mode=0o755)
    for name, mode in (("new", 0o700), ("old", 0o755)):
        open_cache(tmp_path / name).close()
        assert (tmp_path / name).stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("value", [None, 1, 0, "", b"folder", ["folder"], "a\0b"])
def test_what_is_no_cache_is_refused(value: object) -> None:
    with pytest.raises(InvalidParameterError, match="must be True, False or the path of a folder"):
        open_cache(value)  # type: ignore[arg-type]


def test_no_cache_finds_nothing_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCEPT_MEMES_CACHE", str(tmp_path / "kept"))
    with open_cache(False) as cache:
        cache.store("model", keys_of(1), vectors_of(1))
        cache.remember_hashes([(stamp(), keys_of(1)[0])])
        cache.set_limit(10**7)
        assert cache.vectors("model", keys_of(1)) == {}
        assert cache.known_hashes([stamp(), None]) == [None, None]
        assert (cache.enabled, cache.folder, cache.downloads, cache.limit) == (False, None, None, None)
        assert (cache.clear(), cache.info(), cache.trouble) == (0, CacheInfo(None), "")
    assert not (tmp_path / "kept").exists()


# --- opening, closing, sharing -------------------------------------------------------------------------------------


def test_an_open_cache_is_used_as_it_is_and_may_be_used_after_closing(cache: VectorCache) -> None:
    assert open_cache(cache) is cache
    cache.store("model", keys_of(1), vectors_of(1))
    cache.close()
    cache.close()
    assert set(cache.vectors("model", keys_of(1))) == set(keys_of(1))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda cache: pickle.loads(pickle.dumps(cache))])
def test_copies_see_the_same_vectors(cache: VectorCache, duplicate: object) -> None:
    cache.store("model", keys_of(1), vectors_of(1))
    with duplicate(cache) as other:  # type: ignore[operator]
        assert other is not cache
        assert set(other.vectors("model", keys_of(1))) == set(keys_of(1))


def test_threads_may_share_a_cache(cache: VectorCache) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(10):
                keys = keys_of(5, start=1000 * number + 5 * i)
                cache.store("model", keys, vectors_of(5))
                assert set(cache.vectors("model", keys)) == set(keys)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert cache.info().n_vectors == 200


def test_an_interrupted_store_leaves_the_cache_as_it_was(cache: VectorCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.store("model", keys_of(2), vectors_of(2))

    def stop(connection: sqlite3.Connection, **_: object) -> None:
        connection.execute("DELETE FROM keys")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("concept_memes.cache.vector_cache.keep_vectors", stop)
        with pytest.raises(KeyboardInterrupt):
            cache.store("model", keys_of(2, start=7), vectors_of(2))
    assert set(cache.vectors("model", keys_of(9))) == set(keys_of(2))
    cache.store("model", keys_of(2, start=7), vectors_of(2))
    assert cache.info().n_vectors == 4


# --- info and clear ------------------------------------------------------------------------------------------------


def test_info_counts_what_is_there(cache: VectorCache) -> None:
    assert cache.folder is not None
    cache.store("small", keys_of(2), vectors_of(2))
    cache.store("large", keys_of(3), vectors_of(3))
    cache.remember_hashes([(stamp(), keys_of(1)[0])])
    put_copies(cache.folder)
    found = cache.info()
    files = [path for path in cache.folder.iterdir() if path.name.startswith(DATABASE)]
    assert found == CacheInfo(
        folder=cache.folder,
        n_vectors=5,
        n_files=1,
        database_bytes=sum(path.stat().st_size for path in files),
        downloads_bytes=2000,
        n_downloads=2,
        limit=None,
        encoders={"large": 3, "small": 2},
    )


def test_clear_removes_what_the_cache_made_and_nothing_else(tmp_path: Path) -> None:
    own = put_copies(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"garbage" * 1000)
    with pytest.warns(CacheWarning, match="damaged"):
        cache = open_cache(tmp_path)
    cache.store("model", keys_of(2000), vectors_of(2000, 512))
    cache.remember_hashes([(stamp(), keys_of(1)[0])])
    cache.set_limit(10**8)
    assert cache.clear() > 2000 * 1024 + 2000 + 7000
    assert cache.vectors("model", keys_of(2)) == {}
    assert cache.known_hashes([stamp()]) == [None]
    after = cache.info()
    assert (after.n_vectors, after.n_files, after.n_downloads, after.set_aside, after.encoders) == (0, 0, 0, (), {})
    assert after.database_bytes < 200_000
    assert after.limit == 10**8
    cache.close()
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*own, tmp_path / DATABASE}
    assert not (tmp_path / "downloads" / "changing").exists()


def test_clear_can_leave_the_downloads(cache: VectorCache) -> None:
    assert cache.folder is not None
    put_copies(cache.folder)
    cache.clear(downloads=False)
    assert cache.info().n_downloads == 2


def test_another_run_goes_on_while_the_cache_is_cleared(cache: VectorCache) -> None:
    assert cache.folder is not None
    cache.store("model", keys_of(2), vectors_of(2))
    with open_cache(cache.folder) as other:
        other.clear()
    cache.store("model", keys_of(2, start=2), vectors_of(2))
    assert set(cache.vectors("model", keys_of(4))) == set(keys_of(4)[2:])


def test_what_cannot_be_cleared_or_limited_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(CacheWarning):
        cache = open_cache(tmp_path / "file")
    with pytest.raises(CacheError, match="is a file, so it cannot be the folder of a cache"):
        cache.clear()
    with pytest.raises(CacheError, match="is a file"):
        cache.set_limit(10**7)
    assert (tmp_path / "file").read_text() == "no folder"
