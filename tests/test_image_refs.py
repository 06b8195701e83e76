from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.errors import SourceError
from concept_memes.remote.kept_copies import kept_path
from concept_memes.sources.image_refs import ImageRef, Listing, address_ref, item_refs, merged, temporary_downloads

PIXELS = np.zeros((2, 2, 3), np.uint8)
ADDRESS = "https://example.org/a.jpg"
# What is given, and whether that has a path, pixels, an address.
ITEMS = st.sampled_from(
    [
        ("a.jpg", (True, False, False)),
        (Path("b/c.jpg"), (True, False, False)),
        (ADDRESS, (True, False, True)),
        (PIXELS, (False, True, False)),
        *[(nothing, (False, False, False)) for nothing in (None, float("nan"), "", " ")],
    ]
)


@given(st.lists(ITEMS, max_size=8))
def test_every_item_of_a_list_has_one_reference_in_its_place(items: list[tuple[object, tuple[bool, ...]]]) -> None:
    refs = list(item_refs([item for item, _ in items], downloads=Path("kept")))
    assert [ref.index for ref in refs] == list(range(len(items)))
    has = [tuple(part is not None for part in (ref.path, ref.data, ref.url)) for ref in refs]
    assert has == [expected for _, expected in items]


def test_paths_are_relative_to_the_folder_and_absolute_ones_stay() -> None:
    refs = list(item_refs(["a.jpg", "/b.jpg", Path("../c.jpg"), "file:///d.jpg"], folder=Path("lists")))
    assert [ref.path for ref in refs] == [Path("lists/a.jpg"), Path("/b.jpg"), Path("lists/../c.jpg"), Path("/d.jpg")]
    assert [ref.name for ref in refs] == ["a.jpg", "/b.jpg", "../c.jpg", "file:///d.jpg"]


def test_a_path_object_is_never_an_address() -> None:
    (ref,) = item_refs([Path("https://example.org/a.jpg")])
    assert ref.url is None


def test_bytes_are_no_path() -> None:
    with pytest.raises(SourceError, match=r"images\[0\] is b'a' of type bytes\. A list holds paths .*, addresses"):
        list(item_refs([b"a"]))


def test_what_has_an_address_shows_no_secrets() -> None:
    address = "https://me:hunter2@example.org/a.jpg?token=hunter3"
    ref = address_ref(3, address, Path("kept"))
    assert (ref.index, ref.url, ref.path) == (3, address, kept_path(Path("kept"), address))
    assert "hunter" not in repr(ref)
    assert "hunter" not in ref.name


class TestMerged:
    def listing(self, *paths: str, n_others: int = 0, downloads: Path | None = None) -> Listing:
        refs = tuple(ImageRef(i, Path(path).name, Path(path)) for i, path in enumerate(paths))
        return Listing(refs, n_others, Path("/home/me"), ((Path("locked"), "why"),) * n_others, downloads)

    def test_a_file_counts_once_and_names_are_the_paths(self) -> None:
        both = merged([self.listing("x/a.jpg", "x/b.jpg", n_others=1), self.listing("y/a.jpg", "x/b.jpg", n_others=2)])
        assert [(ref.index, ref.name) for ref in both.refs] == [(0, "x/a.jpg"), (1, "x/b.jpg"), (2, "y/a.jpg")]
        assert both.n_other_files == 3
        assert len(both.unlistable) == 3

    def test_one_alone_stays_as_it_is(self) -> None:
        one = self.listing("x/a.jpg")
        assert merged([one]) is one

    def test_addresses_keep_their_names_and_pixels_their_copies(self) -> None:
        kept = Path("/kept")
        refs = tuple(item_refs(["https://example.org/a.jpg", PIXELS, None], downloads=kept))
        one = Listing(refs, 0, Path("/home/me"), (), kept)
        both = merged([self.listing("x/a.jpg"), one, one])
        assert [ref.name for ref in both.refs[:2]] == ["x/a.jpg", "https://example.org/a.jpg"]
        assert [ref.index for ref in both.refs] == [0, 1, 2, 3, 4, 5]
        assert sum(ref.data is PIXELS for ref in both.refs) == 2
        assert both.downloads == kept


class TestTemporaryDownloads:
    def test_are_one_folder_for_the_process(self) -> None:
        assert temporary_downloads() == temporary_downloads()
        assert temporary_downloads().is_dir()

    def test_are_gone_when_the_process_ends_and_not_when_its_child_does(self) -> None:
        code = """
import os
from concept_memes.sources.image_refs import temporary_downloads
folder = temporary_downloads()
(folder / "a.jpg").write_bytes(b"")
child = os.fork()
if child:
    os.waitpid(child, 0)
    print(folder, len(os.listdir(folder)))
"""
        if not hasattr(os, "fork"):
            pytest.skip("no fork on this system")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60, text=True)
        folder, n_files = done.stdout.split()
        assert n_files == "1"
        assert not Path(folder).exists()
