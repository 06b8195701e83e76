"""Fonts: families that have the glyphs, what is passed over, and what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from concept_memes.errors import AdjustedWarning
from concept_memes.figures import fonts


def has_font_for(text: str) -> bool:
    return not fonts.choose_font(text).missing


needs_cjk = pytest.mark.skipif(not has_font_for("猫熊表情包"), reason="no font with Chinese is installed")


@pytest.mark.usefixtures("only_shipped_fonts")
def test_last_resort_fonts_are_not_taken_for_fonts() -> None:
    assert fonts.choose_font("猫").missing == "猫"


def test_colour_emoji_fonts_are_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
    if not path.exists():
        pytest.skip("Noto Color Emoji is not installed")
    # matplotlib leaves bitmap fonts out of its list; newer colour fonts are outlines in layers and get into it.
    entry = font_manager.FontEntry(fname=str(path), name="Noto Color Emoji", weight=400)
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist, entry])
    monkeypatch.setattr(fonts, "_characters", fonts._characters.__wrapped__)
    choice = fonts.choose_font("\U0001fae8 \U0001f99c", colors=False)
    assert "Noto Color Emoji" not in choice.families
    if choice.missing:
        with pytest.warns(AdjustedWarning, match="Noto Emoji"):
            fonts.warn_missing(choice.missing)


def test_broken_fonts_are_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    entry = font_manager.FontEntry(fname=str(tmp_path / "broken.ttf"), name="Broken", weight=400)
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist, entry])
    assert fonts.choose_font("\ue123").families == ("DejaVu Sans",)


def write_font(path: Path, char: str) -> None:
    """Make a font that has one character, a square."""
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(char): "square"})
    pen = TTGlyphPen(None)
    for point in ((100, 0), (100, 700), (800, 700), (800, 0)):
        (pen.lineTo if pen.points else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    builder.setupGlyf({".notdef": square, "square": square})
    builder.setupHorizontalMetrics({".notdef": (900, 100), "square": (900, 100)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Late Arrival", "styleName": "Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(path)


def test_fonts_installed_after_matplotlib_made_its_list_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    write_font(tmp_path / "late.ttf", "\ue123")
    paths = [str(tmp_path / "broken.ttf"), str(tmp_path / "late.ttf")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist])
    monkeypatch.setattr(fonts, "_learn_new_fonts", fonts._learn_new_fonts.__wrapped__)
    assert fonts.choose_font("\ue123").missing == "\ue123"
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: paths)
    assert fonts.choose_font("\ue123") == ("\ue123", ("DejaVu Sans", "Late Arrival"), "normal", "", ())


@needs_cjk
def test_characters_look_as_readers_of_their_language_expect() -> None:
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    for text, family in (("猫", "Noto Sans CJK SC"), ("ねこ猫", "Noto Sans CJK JP"), ("고양이", "Noto Sans CJK KR")):
        if family not in installed:
            pytest.skip(f"{family} is not installed")
        assert fonts.choose_font(text, bold=True).families == ("DejaVu Sans", family)


def test_bold_gives_way_where_a_family_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_has_bold", lambda family: False)
    assert fonts.choose_font("cat", bold=True).weight == "normal"


def test_invisible_characters_need_no_font_and_leave_no_box() -> None:
    assert fonts.clean_text("a\u202eb\u200b\u00ad c\u2028d") == "ab c d"
    assert fonts.clean_text("e\u0301") == "é"
    choice = fonts.choose_font("x\U000e0101")
    assert (choice.text, choice.missing) == ("x", "")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("猫", "Noto Sans CJK"),
        ("\U0001fae8", "Noto Emoji"),
        ("\u0e44", "Noto Sans font of the script"),
        ("\udc80", r"U\+DC80"),
    ],
)
def test_warnings_name_the_font_to_install(text: str, advice: str) -> None:
    with pytest.warns(AdjustedWarning, match=advice):
        fonts.warn_missing(text)


def test_nothing_missing_is_nothing_to_warn_about() -> None:
    fonts.warn_missing("")


def test_texts_of_pillow_use_the_one_font_that_has_most_of_them() -> None:
    text, font = fonts.pillow_font("panda \U0001fae8.jpg", 12)
    assert text == f"panda {fonts.PLACEHOLDER}.jpg"
    assert font.getname()[0] == "DejaVu Sans"
    assert font.size == 12
