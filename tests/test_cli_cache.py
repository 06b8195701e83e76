"""``concept-memes cache``, as a user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from cachedata import change, keys_of, put_copies, stamp, vectors_of
from commandline import COMMAND, rows, run

from concept_memes.cache import cache_folder, open_cache
from concept_memes.cache.files import DATABASE
from concept_memes.cli.cache import read_size


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache, with vectors of two models, a file and two copies of addresses."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("CONCEPT_MEMES_CACHE", str(folder))
    with open_cache(True) as cache:
        cache.store("clip-ViT-B-32 fp32", keys_of(1200), vectors_of(1200))
        cache.store("hub-free", keys_of(3), vectors_of(3))
        cache.remember_hashes([(stamp(), keys_of(1)[0])])
    put_copies(folder)
    return folder


def n_vectors(folder: Path) -> int:
    with open_cache(folder) as cache:
        return cache.info().n_vectors


# --- info ----------------------------------------------------------------------------------------------------------


def test_info_shows_what_is_kept_and_where(kept: Path) -> None:
    done = run("cache", "info")
    assert (done.code, done.err) == (0, "")
    table = rows(done.out)
    assert table[:3] == [["folder", str(kept)], ["vectors", "1,203"], ["known files", "1"]]
    assert table[3][0] == "database"
    assert table[4:6] == [["limit", "none"], ["downloads", "2, 2.0 KB"]]
    assert table[-2:] == [["1,200", "clip-ViT-B-32 fp32"], ["3", "hub-free"]]


def test_info_as_json_has_the_numbers(kept: Path) -> None:
    document = run("cache", "info", "--json").document
    assert document.pop("database_bytes") >= os.path.getsize(kept / DATABASE)
    assert document == {
        "folder": str(kept),
        "n_vectors": 1203,
        "n_files": 1,
        "n_downloads": 2,
        "downloads_bytes": 2000,
        "limit": None,
        "encoders": {"clip-ViT-B-32 fp32": 1200, "hub-free": 3},
        "set_aside": [],
    }


def test_looking_makes_no_cache(tmp_path: Path) -> None:
    done = run("cache", "info", "--folder", tmp_path / "none")
    assert rows(done.out)[:2] == [["folder", str(tmp_path / "none")], ["vectors", "0"]]
    assert not (tmp_path / "none").exists()


def test_another_folder_can_be_named(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCEPT_MEMES_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() != kept
    assert run("cache", "info", "--json", "--folder=~/kept").document["n_vectors"] == 1203


def test_a_damaged_cache_is_said_and_named(kept: Path) -> None:
    (kept / DATABASE).write_bytes(b"garbage" * 1000)
    done = run("cache", "info")
    assert done.code == 0
    assert done.err.startswith("warning: ")
    assert "is damaged" in done.err
    assert ["damaged", f"{DATABASE}.damaged-1"] in rows(done.out)


@pytest.mark.parametrize("command", [["info"], ["clear", "--yes"], ["limit", "2GB"]])
def test_what_cannot_be_used_is_an_error_that_says_what_to_do(kept: Path, command: list[str]) -> None:
    change(kept, "PRAGMA user_version = 99")
    done = run("cache", *command)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert "newer version" in done.err
    assert "Update concept_memes" in done.err
    assert "run goes on" not in done.err


# --- clear ---------------------------------------------------------------------------------------------------------


def test_clear_removes_and_says_how_much_is_free(kept: Path) -> None:
    before = run("cache", "info", "--json").document
    done = run("cache", "clear", "--yes")
    after = run("cache", "info", "--json").document
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Cleared: {kept}, ")
    assert done.out.endswith(" KB freed\n")
    assert (after["n_vectors"], after["n_files"], after["n_downloads"]) == (0, 0, 0)
    assert after["database_bytes"] < before["database_bytes"]
    assert (kept / "holiday.jpg").read_bytes() == b"mine"


def test_clear_can_keep_the_downloads(kept: Path) -> None:
    assert run("cache", "clear", "--yes", "--keep-downloads").code == 0
    document = run("cache", "info", "--json").document
    assert (document["n_vectors"], document["n_downloads"]) == (0, 2)


def test_without_a_terminal_nothing_is_removed_unasked(kept: Path) -> None:
    done = run("cache", "clear")
    assert (done.code, done.out) == (1, "")
    assert "nothing was removed: 1,203 vectors and 2 copies of addresses." in done.err
    assert "--yes" in done.err
    assert n_vectors(kept) == 1203


@pytest.mark.parametrize(("answer", "code", "left"), [(b"y\n", 0, 0), (b"n\n", 1, 1203), (b"\n", 1, 1203)])
def test_on_a_terminal_it_asks(kept: Path, answer: bytes, code: int, left: int) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "cache", "clear"], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        os.close(theirs)
        os.write(ours, answer)
        out, errors = child.communicate(timeout=120)
    os.close(ours)
    assert b"Remove 1,203 vectors and 2 copies of addresses from " in errors
    assert (b"nothing was removed" in errors, b"Cleared" in out) == (code == 1, code == 0)
    assert child.returncode == code
    assert n_vectors(kept) == left


def test_where_nothing_is_kept_there_is_nothing_to_clear(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    done = run("cache", "clear", "--folder", tmp_path)
    assert (done.code, done.out) == (0, f"Nothing is kept in {tmp_path}.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


# --- limit ---------------------------------------------------------------------------------------------------------


def test_a_limit_is_kept_and_shown_and_can_be_taken_away(kept: Path) -> None:
    done = run("cache", "limit", "2GB")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Limit of the vectors in {kept}: at most 2.0 GB (")
    assert ["limit", "2.0 GB"] in rows(run("cache", "info").out)
    assert "any size" in run("cache", "limit", "none").out
    assert run("cache", "info", "--json").document["limit"] is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2 * 10**9),
        ("2gb", 2 * 10**9),
        ("1.5 MB", 1_500_000),
        ("1GiB", 2**30),
        ("3T", 3 * 10**12),
        ("1000000", 10**6),
        ("5000KB", 5 * 10**6),
        ("None", None),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int | None) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "2XB", "-2GB", "2,5GB", "1KB", "999999", "9999999999999TB", "inf", "٣GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is less than 1MB|is neither a size|is more than"):
        read_size(text)


# --- the command line ------------------------------------------------------------------------------------------------


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom concept_memes.cli import app\n"
        "assert CliRunner().invoke(app, ['cache', '--help']).exit_code == 0\n"
        "print(*[name for name in ('sqlite3', 'torch', 'concept_memes.cache.vector_cache') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == ""


# --- quiet, documents, fingerprints --------------------------------------------------------------------------------


def test_quiet_prints_the_folder_alone_and_else_nothing(kept: Path) -> None:
    assert run("cache", "info", "-q").out == f"{kept}\n"
    for command in (["limit", "2GB"], ["clear", "--yes"]):
        done = run("cache", *command, "--quiet")
        assert (done.code, done.out, done.err) == (0, "", "")
    assert n_vectors(kept) == 0


def test_limit_and_clear_say_in_json_what_they_did(kept: Path) -> None:
    assert run("cache", "limit", "2GB", "--json").document["limit"] == 2_000_000_000
    document = run("cache", "clear", "--yes", "--json").document
    assert document["folder"] == str(kept)
    assert document["freed_bytes"] > 2000
    assert run("cache", "info", "--json").document["n_vectors"] == 0


def test_long_fingerprints_are_told_in_few_words_and_those_that_look_alike_are_one(kept: Path) -> None:
    long = "clip:0123456789abcdef0123456789abcdef:0123456789ab:cpu:fp32:batch"
    with open_cache(True) as cache:
        cache.store(f"{long}16", keys_of(5), vectors_of(5))
        cache.store(f"{long}32", keys_of(4), vectors_of(4))
    assert ["9", "clip 01234567 cpu fp32"] in rows(run("cache", "info").out)
    assert run("cache", "info", "--json").document["encoders"][f"{long}32"] == 4
