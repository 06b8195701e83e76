from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import rows, run
from webserver import Site, says, web_server

from concept_memes.cli.places import listed
from concept_memes.errors import NoImagesError, SourceError
from concept_memes.sources import Listing
from concept_memes.testing import ColorEncoder


def names_of(listing: Listing) -> list[str]:
    return [ref.name for ref in listing.refs]


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text("red\nblue\n")
    return path


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, pictures: Path) -> Iterator[Site]:
    pytest.importorskip("requests")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with web_server() as running:
        running.answers |= {f"/{path.name}": says(path.read_bytes()) for path in pictures.glob("*.png")}
        yield running


class TestListed:
    def test_one_place_keeps_its_names_and_counts(self, pictures: Path) -> None:
        listing = listed([str(pictures)], hidden=False, cache=False)
        assert (len(listing.refs), listing.refs[0].name, listing.n_other_files) == (14, "blue-00.png", 1)

    def test_several_places_are_one_list_in_which_each_file_stands_once(self, pictures: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as file:
            file.write(pictures / "red-00.png", "red.png")
        places = [
            str(pictures / "red-01.png"),
            str(tmp_path / "photos.zip"),
            str(pictures),
        ]
        listing = listed(places, hidden=False, cache=False)
        assert names_of(listing)[:2] == [str(pictures / "red-01.png"), str(tmp_path / "photos.zip/red.png")]
        assert len(listing.refs) == 15
        assert [ref.index for ref in listing.refs] == list(range(15))

    def test_what_the_shell_makes_of_a_star_may_hold_files_that_list_nothing(
        self, pictures: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (pictures / "labels.csv").write_text("id,label\n1,cat\n")
        (pictures / "empty").mkdir()
        places = sorted(str(path) for path in pictures.iterdir())
        assert len(listed(places, hidden=False, cache=False).refs) == 14
        told = capsys.readouterr().err
        assert "labels.csv' has no column that is known to hold paths" in told
        assert "notes.txt' names no picture" in told
        assert "empty' has no images" in told

    def test_an_address_without_a_picture_is_told_of_among_others(
        self, site: Site, capsys: pytest.CaptureFixture[str]
    ) -> None:
        places = [f"{site.address}/red-00.png", f"{site.address}/gone.png?key=hunter2"]
        assert names_of(listed(places, hidden=False, cache=False)) == places[:1]
        assert (
            capsys.readouterr().err == f"warning: '{site.address}/gone.png?key=***' cannot be read: not found (404).\n"
        )

    def test_a_place_that_is_not_there_is_an_error_among_others_too(self, pictures: Path) -> None:
        with pytest.raises(SourceError, match="There is no folder or file"):
            listed([str(pictures), str(pictures / "nowhere")], hidden=False, cache=False)

    def test_nothing_in_all_places_is_an_error(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        with pytest.raises(NoImagesError, match="None of the 2 places has images"):
            listed([str(tmp_path / "a"), str(tmp_path / "b")], hidden=False, cache=False)

    def test_copies_of_addresses_go_where_the_cache_is(self, site: Site, tmp_path: Path) -> None:
        address = f"{site.address}/red-00.png"
        listing = listed([address], hidden=False, cache=tmp_path / "cache")
        (ref,) = listing.refs
        assert ref.path is not None
        assert ref.path.is_relative_to(tmp_path / "cache")
        again = listed([address, address], hidden=False, cache=tmp_path / "cache")
        assert (names_of(again), site.count("/red-00.png")) == ([address], 1)


def test_hidden_files_are_listed_where_they_are_wanted(
    pictures: Path, tmp_path: Path, words: Path, colors: ColorEncoder
) -> None:
    (pictures / ".hidden").mkdir()
    shutil.copy(pictures / "red-00.png", pictures / ".hidden" / "red.png")
    counts = []
    for options in ([], ["--hidden"]):
        done = run("fit", pictures, "--out", tmp_path / "saved", "--words", words, "--json", *options)
        counts.append((done.document["n_images"], done.document["n_other_files"]))
        placed = run("assign", tmp_path / "saved", pictures, "--json", *options).document["images"]
        counts.append(len(placed))
    assert counts == [(14, 2), 14, (15, 1), 15]


def test_what_a_page_links_to_in_vain_is_named_by_its_address(
    site: Site, tmp_path: Path, words: Path, colors: ColorEncoder
) -> None:
    names = [path.removeprefix("/") for path in site.answers]
    site.answers["/page"] = says(("<html>" + "".join(f'<img src="{name}">' for name in [*names, "gone.png"])).encode())
    done = run("fit", f"{site.address}/page", "--out", tmp_path / "saved", "--words", words)
    assert done.code == 0, done.err
    reason = f"not found (404): {site.address}/gone.png"
    assert done.err == f"warning: 1 file could not be read and was left out:\n  {reason}\n"
    assert rows(run("info", tmp_path / "saved", "--skipped").out)[-1] == [reason]


def test_pictures_with_addresses_are_shown_by_their_addresses(
    site: Site, pictures: Path, tmp_path: Path, words: Path, colors: ColorEncoder
) -> None:
    list_file = tmp_path / "list.txt"
    addresses = [f"{site.address}/{path.name}" for path in sorted(pictures.glob("*.png"))]
    list_file.write_text("\n".join([*addresses, f"{site.address}/gone.png?token=hunter2"]))
    done = run("fit", list_file, "--out", tmp_path / "saved", "--words", words)
    assert done.code == 0, done.err
    assert f"not found (404): {site.address}/gone.png?token=***" in done.err
    found = rows(run("search", tmp_path / "saved", "blue", "--top", "6").out)
    assert {row[-1] for row in found[-6:]} == {address for address in addresses if "blue" in address}
    images = run("search", tmp_path / "saved", "red", "--json").document["images"]
    assert images[0]["path"] in addresses
    assert [row[-1] for row in rows(run("assign", tmp_path / "saved", addresses[0]).out)[2:]] == [addresses[0]]
    placed = run("assign", tmp_path / "saved", list_file, "--json").document["images"]
    assert [image["path"] for image in placed[:-1]] == addresses
    assert placed[-1]["reason"].startswith("not found (404)")
    assert "hunter2" not in done.err + done.out
    assert max(map(site.count, ("/blue-00.png", "/red-07.png"))) == 1
