"""``concept-memes report``, as a user types it."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest
from commandline import run

from concept_memes import ConceptModel
from concept_memes.explorer.place import is_report
from concept_memes.testing import ColorEncoder


@pytest.fixture
def saved(tmp_path: Path, pictures: Path, colors: ColorEncoder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved model in the current folder."""
    assert colors.n_encoded == 0
    monkeypatch.chdir(tmp_path)
    return ConceptModel(vocabulary=["red", "blue"], verbose=False).fit(pictures).save(tmp_path / "concepts")


def test_a_page_is_written_and_replaced(saved: Path, tmp_path: Path) -> None:
    done = run("report", "concepts", "--title", "My <colours>")
    assert (done.code, done.out, done.err) == (0, "Written: concepts.html\n", "")
    assert is_report(tmp_path / "concepts.html")
    assert "My &lt;colours&gt;" in (tmp_path / "concepts.html").read_text()
    done = run("report", saved, "--json")
    assert done.document == {"page": str(tmp_path / "concepts.html")}
    assert "colours&gt;" not in (tmp_path / "concepts.html").read_text()
    done = run("report", saved, "-o", "b.html", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert is_report(tmp_path / "b.html")


def test_pages_of_others_are_never_replaced(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("<!doctype html><title>mine</title>")
    done = run("report", saved, "-o", "mine.html")
    assert (done.code, done.out) == (1, "")
    assert "mine.html" in done.err
    assert "mine</title>" in (tmp_path / "mine.html").read_text()


def test_thumbnails_go_where_they_are_told_to(saved: Path, tmp_path: Path) -> None:
    assert run("report", saved, "--thumbnails", "folder", "-q").code == 0
    assert (tmp_path / "concepts_files").is_dir()
    with_links = (tmp_path / "concepts.html").stat().st_size
    assert run("report", saved, "--pictures", "embed", "-q", "-o", "all.html").code == 0
    assert (tmp_path / "all.html").stat().st_size > with_links


@pytest.mark.parametrize(
    "options", [["--thumbnails", "sideways"], ["--pictures", "all"], ["-o", "page.pdf"], ["--title"]]
)
def test_wrong_options_end_with_2(saved: Path, tmp_path: Path, options: list[str]) -> None:
    done = run("report", saved, *options)
    assert (done.code, done.out) == (2, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["concepts", "pictures"]


def test_the_page_is_opened_on_request(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    assert run("report", saved, "--open").code == 0
    assert opened == [(tmp_path / "concepts.html").as_uri()]
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert "there is no browser" in run("report", saved, "--open").err
