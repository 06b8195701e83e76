"""Names that a user may have: what is in them must survive the whole way, from the folder to tables and figures."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from commandline import run, run_process

from concept_memes import ConceptModel
from concept_memes.testing import ColorEncoder, write_color_images

WORDS = ["red", "blue", "lime"]
ODD = (
    "🐼🎉.png",
    "two\nlines.png",
    "tab\tbell\x07\x1b[2J.png",
    " blank .png",
    "-rf.png",
    "$(touch x) `y` 'z' \"q\".png",
    "[red]markup[bold].png",
    "back\\slash.png",
    "e\u0301 \u202egnp.png",
    "#1 50% ?a=b&c.png",
    "字" * 83 + "ab.png",  # 255 bytes
)
NOT_UTF8 = b"caf\xe9 \xff.png"


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of eight red and six blue pictures, most of them with odd names, in a folder with an odd name."""
    if sys.platform != "linux":
        pytest.skip("other systems refuse most of these names")
    plain = write_color_images(tmp_path / "plain", ["red"], 8) + write_color_images(tmp_path / "plain", ["blue"], 6)
    folder = tmp_path / "odd\n🐼"
    folder.mkdir()
    names = [*ODD, *(f"{i}.png" for i in range(len(plain)))]
    for path, name in zip(plain[:-1], names, strict=False):
        shutil.copy(path, folder / name)
    try:
        shutil.copy(plain[-1], os.fsencode(folder) + b"/" + NOT_UTF8)
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    return folder


def fitted(folder: Path) -> ConceptModel:
    return ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS).fit(folder)


def test_survive_saving_and_loading(odd: Path, tmp_path: Path) -> None:
    model = fitted(odd)
    assert model.skipped_ == ()
    loaded = ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder())
    assert loaded.concepts_.images == model.concepts_.images
    assert {os.fsencode(image.name) for image in loaded.concepts_.images} >= {NOT_UTF8, *map(os.fsencode, ODD)}
    assert all(image.path is not None and image.path.is_file() for image in loaded.concepts_.images)
    hits = loaded.find_images("blue", top_n=6)
    assert [hit.path for hit in hits] == [hit.path for hit in model.find_images("blue", top_n=6)]


def test_survive_the_cache(odd: Path) -> None:
    for path in odd.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))  # new files are hashed again: they may change within a second
    first, second = fitted(odd), fitted(odd)
    assert (first.report_.n_hashed, first.report_.n_encoded) == (14, 14)
    assert (second.report_.n_hashed, second.report_.n_encoded) == (0, 0)
    assert (second.labels_ == first.labels_).all()


def test_stand_in_tables(odd: Path) -> None:
    table = fitted(odd).to_dataframe()
    assert [os.fsencode(name) for name in table["name"]] == sorted(map(os.fsencode, os.listdir(odd)), key=os.fsdecode)
    assert all(Path(path).is_file() for path in table["path"])
    assert NOT_UTF8 in [os.fsencode(name) for name in table["name"]]


def test_are_drawn(odd: Path, tmp_path: Path) -> None:
    model = fitted(odd)
    model.visualize_concepts().savefig(tmp_path / "collage.png")
    assert (tmp_path / "collage.png").stat().st_size > 1000
    for path in odd.iterdir():
        path.unlink()  # what is missing gets a stand-in with its name
    model.visualize_concepts().savefig(tmp_path / "stand-ins.png")
    assert (tmp_path / "stand-ins.png").stat().st_size > 1000


def test_are_shown_by_the_command_line_without_harm(odd: Path, tmp_path: Path, colors: ColorEncoder) -> None:
    (odd / "broken\x1b[31m\n.png").touch()
    words = tmp_path / "words.txt"
    words.write_text("\n".join(WORDS))
    done = run("fit", odd, "--out", tmp_path / "saved", "--words", words)
    assert done.code == 0, done.err
    for shown in (done, run("search", tmp_path / "saved", "red"), run("assign", tmp_path / "saved", odd)):
        assert shown.code == 0, shown.err
        assert not {"\x1b", "\x07", "\u202e"} & set(shown.out + shown.err)
    assert "broken\\x1b[31m\\x0a.png: empty file" in done.err
    assert "caf\\xe9 \\xff.png" in run("assign", tmp_path / "saved", odd).out


def test_are_whole_in_json(odd: Path, tmp_path: Path, colors: ColorEncoder) -> None:
    (odd / os.fsdecode(b"broken\xff\n.png")).touch()
    fit_document = run("fit", odd, "--out", tmp_path / "saved", "--json").document
    info_document = run("info", tmp_path / "saved", "--json").document
    (skipped,) = info_document["skipped"]
    assert os.fsencode(skipped["path"]) == os.fsencode(odd) + b"/broken\xff\n.png"
    assert fit_document["skipped"] == info_document["skipped"]
    for command in (["search", tmp_path / "saved", "blue", "--top", "20"], ["assign", tmp_path / "saved", odd]):
        paths = {os.fsencode(image["path"]) for image in run(*command, "--json").document["images"]}
        assert {os.fsencode(odd) + b"/" + name for name in (NOT_UTF8, *map(os.fsencode, ODD))} <= paths


def test_can_be_given_on_a_real_command_line(odd: Path, tmp_path: Path) -> None:
    model = fitted(odd)
    model.save(tmp_path / "saved")
    done = run_process("info", tmp_path / "saved", "--json", env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stderr
    exemplars = [path for concept in json.loads(done.stdout)["concepts"] for path in concept["exemplars"]]
    assert exemplars
    assert all(Path(path).is_file() for path in exemplars)


def test_may_stand_in_lists(odd: Path, tmp_path: Path) -> None:
    names = [os.fsencode(name) for name in sorted(os.listdir(odd))]
    one_line = [name for name in names if b"\n" not in name and name == name.strip() and not name.startswith(b"#")]
    (odd / "list.txt").write_bytes(b"\n".join(one_line))
    model = fitted(odd / "list.txt")
    assert model.skipped_ == ()
    assert [os.fsencode(image.name) for image in model.concepts_.images] == one_line
