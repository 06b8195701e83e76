from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

DEMO = Path(__file__).parents[1] / "demo"
SCRIPT = DEMO / "make_stickers.py"


@pytest.fixture(scope="module")
def stickers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_stickers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def drawn(stickers: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "pictures"
    stickers.make_stickers(folder, seed=0, per_concept=2)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def truth(folder: Path) -> list[tuple[str, str]]:
    lines = folder.with_name(folder.name + "-truth.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "file\tconcept"
    return [(line.split("\t")[0], line.split("\t")[1]) for line in lines[1:]]


def test_default_collection_has_at_least_200_pictures_of_15_to_20_concepts(stickers: ModuleType) -> None:
    n_concepts = len(stickers.CONCEPTS)
    default = stickers.make_stickers.__defaults__[1]
    assert 15 <= n_concepts <= 20
    # Up to 15 pictures may be what a clustering asks for before it sees a group at all.
    assert default > 15
    assert n_concepts * default >= 200


def test_every_concept_has_its_number_of_pictures(stickers: ModuleType, drawn: Path) -> None:
    assert Counter(concept for _, concept in truth(drawn)) == dict.fromkeys(stickers.CONCEPTS, 2)
    assert {file for file, _ in truth(drawn)} == {path.name for path in drawn.iterdir()}


def test_pictures_open_in_their_format_and_differ(drawn: Path) -> None:
    formats, sizes = set(), set()
    for path in drawn.iterdir():
        with Image.open(path) as image:
            image.load()
            assert image.format == {"jpg": "JPEG"}.get(path.suffix[1:], path.suffix[1:].upper())
            assert min(image.size) >= 256
            low, high = image.convert("L").getextrema()
            assert high - low > 40, f"{path.name} shows nothing"
            formats.add(image.format)
            sizes.add(image.size)
    assert formats == {"JPEG", "PNG", "WEBP", "GIF"}
    assert {width > height for width, height in sizes} == {True, False}
    assert len(set(hashes(drawn).values())) == len(list(drawn.iterdir()))


def test_names_and_formats_do_not_tell_the_concept(stickers: ModuleType, drawn: Path) -> None:
    rows = truth(drawn)
    assert all(stickers.OUR_NAMES.fullmatch(file) for file, _ in rows)
    concepts = [concept for _, concept in sorted(rows)]
    assert concepts != sorted(concepts)
    side_by_side = sum(a == b for a, b in zip(concepts, concepts[1:], strict=False))
    assert side_by_side < len(stickers.CONCEPTS) / 2


def test_same_seed_gives_the_same_bytes_on_a_second_run_over_its_own_pictures(
    stickers: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    stickers.make_stickers(folder, seed=3, per_concept=1)
    first = hashes(folder)
    (folder / ".DS_Store").write_bytes(b"left by a file manager")
    stickers.make_stickers(folder, seed=3, per_concept=1)
    assert {name: value for name, value in hashes(folder).items() if name != ".DS_Store"} == first


def test_another_seed_gives_other_pictures(stickers: ModuleType, drawn: Path, tmp_path: Path) -> None:
    stickers.make_stickers(tmp_path / "pictures", seed=4, per_concept=1)
    assert not set(hashes(tmp_path / "pictures").values()) & set(hashes(drawn).values())


def test_a_smaller_second_run_leaves_no_old_pictures(stickers: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    stickers.make_stickers(folder, per_concept=2)
    stickers.make_stickers(folder, per_concept=1)
    assert len(list(folder.iterdir())) == len(stickers.CONCEPTS) == len(truth(folder))


@pytest.mark.parametrize("name", ["holiday.jpg", "sticker_0001.jpg", "sticker_notes.txt"])
def test_a_folder_with_files_of_somebody_else_is_refused_and_left_alone(
    stickers: ModuleType, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / name).write_bytes(b"precious")
    with pytest.raises(SystemExit, match=f"holds {name}, which this script did not draw; nothing was changed"):
        stickers.make_stickers(folder, per_concept=1)
    assert [path.name for path in tmp_path.rglob("*")] == ["pictures", name]
    assert (folder / name).read_bytes() == b"precious"


def test_a_foreign_file_among_our_pictures_keeps_all_of_them(stickers: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    stickers.make_stickers(folder, per_concept=1)
    (folder / "holiday.jpg").write_bytes(b"precious")
    before = hashes(folder)
    with pytest.raises(SystemExit, match=r"holds holiday\.jpg"):
        stickers.make_stickers(folder, seed=1, per_concept=1)
    assert hashes(folder) == before


def test_a_foreign_table_beside_the_folder_is_not_overwritten(stickers: ModuleType, tmp_path: Path) -> None:
    table = tmp_path / "pictures-truth.tsv"
    table.write_text("what\twhere\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="was not written by this script"):
        stickers.make_stickers(tmp_path / "pictures", per_concept=1)
    assert table.read_text(encoding="utf-8") == "what\twhere\n"


def test_a_file_in_the_place_of_the_folder_is_refused(stickers: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "pictures").write_bytes(b"precious")
    with pytest.raises(SystemExit, match="is no folder"):
        stickers.make_stickers(tmp_path / "pictures", per_concept=1)
    assert (tmp_path / "pictures").read_bytes() == b"precious"


def test_the_font_has_exactly_the_emoji_that_are_drawn(stickers: ModuleType) -> None:
    ttlib = pytest.importorskip("fontTools.ttLib", reason="fontTools is installed with the extra 'test' only")
    with ttlib.TTFont(stickers.FONT) as font:
        assert set(font.getBestCmap()) == {ord(sign) for emoji in stickers.CONCEPTS.values() for sign in emoji}
        assert "SIL Open Font License" in font["name"].getDebugName(13)
    assert stickers.FONT.stat().st_size < 1_000_000
    assert "SIL OPEN FONT LICENSE Version 1.1" in (DEMO / "OFL.txt").read_text(encoding="utf-8")


def test_every_emoji_has_a_picture_of_its_own(stickers: ModuleType) -> None:
    font = stickers.load_font()
    every = [sign for emoji in stickers.CONCEPTS.values() for sign in emoji]
    cut_outs = [stickers.cut_out(sign, font) for sign in every]
    assert all(max(image.size) > 80 for image in cut_outs)
    assert len({image.tobytes() for image in cut_outs}) == len(every)


def test_an_emoji_that_the_font_lacks_is_named(stickers: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"no picture of U\+1F4A9"):
        stickers.cut_out("\N{PILE OF POO}", stickers.load_font())


def test_drawing_needs_neither_fonttools_nor_the_package(tmp_path: Path) -> None:
    # A name that is None in sys.modules cannot be imported.
    code = (
        "import runpy, sys\n"
        "for name in ('fontTools', 'concept_memes', 'torch', 'matplotlib', 'scipy'): sys.modules[name] = None\n"
        f"sys.argv = ['make_stickers.py', {str(tmp_path / 'pictures')!r}, '--per-concept', '1']\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"pictures of {len(truth(tmp_path / 'pictures'))} kinds" in done.stdout


@pytest.mark.parametrize("options", [["--seed", "-1"], ["--per-concept", "0"], ["--per-concept", "many"]])
def test_wrong_options_are_refused_before_anything_is_drawn(
    stickers: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    options: list[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["make_stickers.py", str(tmp_path / "pictures"), *options])
    with pytest.raises(SystemExit):
        stickers.main()
    assert "expected a whole number of at least" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
