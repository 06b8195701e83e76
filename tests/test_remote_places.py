from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from concept_memes.errors import MissingExtraError, SourceError
from concept_memes.sources.remote_places import remote_files

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory() -> Iterator[None]:
    """Put files into the memory that fsspec lists as memory://pics."""
    system = fsspec.filesystem("memory")
    if system.exists("/pics"):
        system.rm("/pics", recursive=True)
    names = ("b.jpg", "a.JPG", "notes.txt", "sub/c.png", "sub/deep/d.webp", ".hidden.jpg", ".trash/e.jpg")
    system.pipe({f"/pics/{name}": b"" for name in names})
    yield
    system.rm("/pics", recursive=True)


def inside(addresses: tuple[str, ...]) -> list[str]:
    return [address.removeprefix("memory://pics/") for address in addresses]


class TestFolder:
    @pytest.mark.parametrize("place", ["memory://pics", "memory://pics/", "memory:///pics"])
    def test_lists_images_of_all_subfolders_and_counts_the_others(self, memory: None, place: str) -> None:
        found = remote_files(place)
        assert [address.partition("pics/")[2] for address in found.addresses] == [
            "a.JPG",
            "b.jpg",
            "sub/c.png",
            "sub/deep/d.webp",
        ]
        assert found.n_others == 3
        assert not found.is_one_file
        with fsspec.open(found.addresses[0]) as file:
            assert file.read() == b""

    def test_hidden_files_are_listed_where_they_are_wanted(self, memory: None) -> None:
        found = remote_files("memory://pics", hidden=True)
        assert inside(found.addresses)[:2] == [".hidden.jpg", ".trash/e.jpg"]
        assert found.n_others == 1
        assert inside(remote_files("memory://pics/.trash").addresses) == [".trash/e.jpg"]

    def test_what_came_since_the_last_listing_is_seen(self, memory: None) -> None:
        before = remote_files("memory://pics/sub")
        fsspec.filesystem("memory").pipe("/pics/sub/new.jpg", b"")
        assert set(remote_files("memory://pics/sub").addresses) - set(before.addresses) == {"memory://pics/sub/new.jpg"}

    def test_a_folder_in_an_archive_elsewhere_keeps_the_whole_chain(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
            for name in ("pics/a.jpg", "pics/b.txt", "c.jpg"):
                file.writestr(name, b"data")
        chain = f"::file://{tmp_path}/a.zip"
        assert remote_files(f"zip://pics{chain}").addresses == (f"zip://pics/a.jpg{chain}",)
        assert remote_files(f"zip://*.jpg{chain}").addresses == (f"zip://c.jpg{chain}",)
        with fsspec.open(f"zip://pics/a.jpg{chain}") as file:
            assert file.read() == b"data"


class TestPattern:
    @pytest.mark.parametrize(
        ("pattern", "expected", "n_others"),
        [
            ("*.jpg", ["b.jpg"], 1),
            ("*", ["a.JPG", "b.jpg"], 2),
            ("*/*.png", ["sub/c.png"], 0),
            ("**/*.webp", ["sub/deep/d.webp"], 0),
            (".h*", [".hidden.jpg"], 0),
            ("[ab].*", ["a.JPG", "b.jpg"], 0),
        ],
    )
    def test_patterns(self, memory: None, pattern: str, expected: list[str], n_others: int) -> None:
        found = remote_files(f"memory://pics/{pattern}")
        assert (inside(found.addresses), found.n_others) == (expected, n_others)


def test_one_file_is_not_looked_at(memory: None) -> None:
    found = remote_files("memory://pics/notes.txt")
    assert found.addresses == ("memory://pics/notes.txt",)
    assert found.is_one_file


class TestTrouble:
    def test_missing_place_is_an_error(self, memory: None) -> None:
        with pytest.raises(SourceError, match=r"There is no folder or file 'memory://nowhere/pics'"):
            remote_files("memory://nowhere/pics")

    def test_unknown_protocol_is_an_error(self) -> None:
        with pytest.raises(SourceError, match=r"no protocol nosuch:// is known"):
            remote_files("nosuch://bucket")

    def test_missing_package_of_a_protocol_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "s3fs", None)
        with pytest.raises(MissingExtraError, match=r"begin with s3:// need a package: Install s3fs"):
            remote_files("s3://bucket/pics")

    def test_without_the_extra_the_error_names_the_line_that_installs_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "fsspec", None)
        with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[remote\]"'):
            remote_files("s3://bucket/pics")

    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (PermissionError("key=hunter2"), "There is no permission to look at"),
            (RuntimeError("key=hunter2"), r"cannot be listed \(RuntimeError\)"),
        ],
    )
    def test_errors_of_protocols_are_put_into_words_without_keys(
        self, memory: None, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(type(fsspec.filesystem("memory")), "isdir", fail)
            with pytest.raises(SourceError, match=message) as caught:
                remote_files("memory://me:hunter2@pics/sub")
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None
