from __future__ import annotations

import os
import sys
import time
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from filedpictures import concept_set_of, draw, tree
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.concepts import Concept, ConceptSet
from concept_memes.export import write_sidecars
from concept_memes.export.sidecars import keywords_of
from concept_memes.export.xmp import SidecarError, new_sidecar, with_keywords

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC = "{http://purl.org/dc/elements/1.1/}"
HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
)
TAIL = "</rdf:RDF></x:xmpmeta>"
# As darktable, Lightroom and digiKam write them, shortened.
EXISTING = {
    "with keywords": f'{HEAD}<rdf:Description rdf:about="" xmp:Rating="3">\n <dc:subject>\n  <rdf:Bag>\n'
    f"   <rdf:li>holiday &amp; sea</rdf:li>\n  </rdf:Bag>\n </dc:subject>\n</rdf:Description>{TAIL}",
    "an empty list": f'{HEAD}<rdf:Description rdf:about=""><dc:subject><rdf:Bag/></dc:subject></rdf:Description>{TAIL}',
    "a sequence": f'{HEAD}<rdf:Description rdf:about=""><dc:subject><rdf:Seq><rdf:li>sea</rdf:li></rdf:Seq>'
    f"</dc:subject></rdf:Description>{TAIL}",
    "attributes only": f'{HEAD}<rdf:Description rdf:about="" xmp:Rating="5" xmp:Label="a/>b"/>{TAIL}',
    "no keywords": f'{HEAD}<rdf:Description rdf:about=""><xmp:Rating>2</xmp:Rating></rdf:Description>{TAIL}',
    "keywords in the second": f'{HEAD}<rdf:Description rdf:about="" xmp:Rating="1"/><rdf:Description rdf:about="">'
    f"<dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject></rdf:Description>{TAIL}",
    "no description": f"{HEAD}{TAIL}",
    "an empty rdf": '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>',
    "other prefixes": '<RDF xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><Description>'
    '<d:subject xmlns:d="http://purl.org/dc/elements/1.1/"><Bag><li>sea</li></Bag></d:subject></Description></RDF>',
    "a byte order mark": f'\ufeff<?xml version="1.0" encoding="UTF-8"?><!-- 猫 -->{HEAD}<rdf:Description rdf:about="" '
    f'xmp:Label="猫"><dc:subject><rdf:Bag><rdf:li>猫</rdf:li></rdf:Bag></dc:subject></rdf:Description>{TAIL}',
}


def subjects(data: bytes) -> list[str]:
    """Read the keywords with another parser."""
    found = ET.fromstring(data.decode("utf-8-sig")).findall(f".//{DC}subject/*/{RDF}li")
    return ["" if item.text is None else item.text for item in found]


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=6), st.sampled_from(sorted(EXISTING)))
def test_any_keyword_is_added_to_any_sidecar_once(keywords: list[str], kind: str) -> None:
    before = EXISTING[kind].encode()
    made = with_keywords(before, keywords)
    after = before if made is None else made
    old = subjects(before)
    assert subjects(after)[: len(old)] == old
    new = subjects(after)[len(old) :]
    assert len(set(subjects(after))) == len(subjects(after))
    kept = {" ".join(keyword.split()) for keyword in keywords if keyword.isprintable() and keyword.strip()}
    assert kept <= set(subjects(after))
    assert all(text.strip() for text in new)
    assert with_keywords(after, keywords) is None


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=6))
def test_a_new_sidecar_holds_the_keywords_once(keywords: list[str]) -> None:
    made = new_sidecar(keywords)
    assert with_keywords(made, keywords) is None
    assert len(set(subjects(made))) == len(subjects(made))


@pytest.mark.parametrize("kind", EXISTING)
def test_every_other_byte_stays(kind: str) -> None:
    before = EXISTING[kind].encode()
    made = with_keywords(before, ["panda <&>"])
    assert made is not None
    start = next(i for i, (a, b) in enumerate(zip(before, made, strict=False)) if a != b)
    rest = next(i for i in range(1, len(before)) if before[-i] != made[-i])
    assert start + rest - 1 >= len(before) - len(b"/>")  # an empty tag had to be opened, nothing else was changed
    assert b"panda &lt;&amp;&gt;" in made


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "damaged"),
        (b"no xml", "damaged"),
        (EXISTING["with keywords"][:-30].encode(), "damaged"),
        (b"<html/>", "holds no XMP"),
        (b'<!DOCTYPE x [<!ENTITY a "aa">]>' + EXISTING["with keywords"].encode(), "declares entities"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + EXISTING["with keywords"].encode(), "in ISO-8859-1"),
        (EXISTING["with keywords"].encode("utf-16"), "not in UTF-8"),
        (f'{HEAD}<rdf:Description dc:subject="sea"/>{TAIL}'.encode(), "unusual"),
        (f"{HEAD}<rdf:Description><dc:subject>sea</dc:subject></rdf:Description>{TAIL}".encode(), "unusual"),
    ],
)
def test_what_cannot_be_read_safely_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(SidecarError, match=reason):
        with_keywords(data, ["panda"])


def test_deep_sidecars_are_read_in_linear_time() -> None:
    n = 20_000
    data = new_sidecar(["panda"]).replace(b"</rdf:Description>", b"<a>" * n + b"</a>" * n + b"</rdf:Description>")
    start = time.process_time()
    assert with_keywords(data, ["panda"]) is None
    assert time.process_time() - start < 1


def test_keywords_are_the_name_and_the_words_that_are_sure() -> None:
    words, sure = ("panda", "bear", "zoo", "bamboo", "sea"), (0.9, 0.8, 0.1, 0.7, 0.6)
    assert keywords_of(Concept(0, 9, words=words, word_confidences=sure)) == ("panda", "bear", "bamboo")
    assert keywords_of(Concept(0, 9, words=("panda",), name="panda")) == ("panda",)
    assert keywords_of(Concept(0, 9)) == ()


@pytest.fixture
def sources(color_set: ConceptSet, tmp_path: Path) -> ConceptSet:
    """Three pandas, one picture in a concept without words, one in none."""
    paths = draw(tmp_path / "photos", ["a.png", "b.png", "猫.png", "wordless.png", "lost.png"])
    found = concept_set_of(color_set, paths, [0, 0, 0, 1, -1], ["panda", ""])
    return replace(found, base_folder=tmp_path)


def test_sidecars_stand_beside_the_pictures_which_stay_as_they_are(sources: ConceptSet, tmp_path: Path) -> None:
    before = tree(tmp_path / "photos")
    result = write_sidecars(sources)
    after = tree(tmp_path / "photos")
    made = {name for name in after if name not in before}
    assert made == {"a.png.xmp", "b.png.xmp", "猫.png.xmp"}
    assert {name: held for name, held in after.items() if name in before} == before
    assert all(subjects(after[name]) == ["panda"] for name in made)  # type: ignore[arg-type]
    assert [(one.path.name, one.action, one.keywords) for one in result.sidecars][0] == ("a.png.xmp", "new", ("panda",))
    assert (result.count("new"), result.n_without) == (3, 2)


def test_a_dry_run_tells_the_same_and_writes_nothing(sources: ConceptSet, tmp_path: Path) -> None:
    (tmp_path / "photos/b.png.xmp").write_text(EXISTING["attributes only"])
    before = tree(tmp_path)
    planned = write_sidecars(sources, dry_run=True)
    assert tree(tmp_path) == before
    assert planned == write_sidecars(sources)
    assert [one.action for one in planned.sidecars] == ["new", "added", "new"]
    assert {one.action for one in write_sidecars(sources).sidecars} == {"same"}


def test_what_others_wrote_stays(sources: ConceptSet, tmp_path: Path) -> None:
    path = tmp_path / "photos/b.png.xmp"
    path.write_text(EXISTING["with keywords"])
    path.chmod(0o640)
    write_sidecars(sources)
    assert subjects(path.read_bytes()) == ["holiday & sea", "panda"]
    assert 'xmp:Rating="3"' in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    assert not list((tmp_path / "photos").glob(".*"))


def test_a_sidecar_that_cannot_be_read_is_left_and_told(sources: ConceptSet, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "a.png.xmp").write_text("damaged <")
    (photos / "elsewhere").write_text(EXISTING["with keywords"])
    (photos / "b.png.xmp").symlink_to(photos / "elsewhere")
    (photos / "猫.png").unlink()
    before = tree(tmp_path)
    result = write_sidecars(sources)
    assert [one.action for one in result.sidecars] == ["left"] * 3
    reasons = [one.reason for one in result.sidecars]
    assert reasons[0].startswith("its sidecar is damaged")
    assert reasons[1:] == ["its sidecar is no ordinary file", "the picture is missing"]
    assert tree(tmp_path) == before


def test_an_empty_sidecar_is_taken_for_a_new_one(sources: ConceptSet, tmp_path: Path) -> None:
    (tmp_path / "photos/a.png.xmp").touch()
    write_sidecars(sources)
    assert subjects((tmp_path / "photos/a.png.xmp").read_bytes()) == ["panda"]


def test_pictures_in_archives_have_none(sources: ConceptSet, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as file:
        file.write(tmp_path / "photos/a.png", "a.png")
    member = replace(sources.images[0], path=Path("more.zip/a.png"))
    result = write_sidecars(replace(sources, images=(member, *sources.images[1:])))
    assert (result.sidecars[0].action, result.sidecars[0].reason) == ("left", "the picture is in an archive")


def test_names_that_are_too_long_for_a_sidecar_are_told(sources: ConceptSet, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("paths are limited otherwise there")
    long = tmp_path / "photos" / ("x" * 251 + ".png")
    (tmp_path / "photos/a.png").rename(long)
    images = (replace(sources.images[0], path=long), *sources.images[1:])
    first, *others = write_sidecars(replace(sources, images=images)).sidecars
    assert (first.action, first.reason) == ("left", f"it cannot be read or written: {os.strerror(36)}")
    assert {one.action for one in others} == {"new"}
