"""Fonts: families that have the glyphs, what is passed over, and what is said where there are none."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pytest
from matplotlib import font_manager

from concept_memes.errors import AdjustedWarning
from concept_memes.figures import fonts


def has_font_for(text: str) -> bool:
    return not fonts.choose_font(text).missing


needs_cjk = pytest.mark.skipif(not has_font_for("猫熊表情包"), reason="no font with Chinese is installed")


@pytest.fixture
def only_shipped_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = Path(matplotlib.get_data_path())
    entries = [entry for entry in font_manager.fontManager.ttflist if Path(entry.fname).is_relative_to(shipped)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", entries)


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
    choice = fonts.choose_font("\U0001fae8 \U0001f99c")
    assert "Noto Color Emoji" not in choice.families
    if choice.missing:
        with pytest.warns(AdjustedWarning, match="without colours"):
            fonts.warn_missing(choice.missing)


def test_broken_fonts_are_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    entry = font_manager.FontEntry(fname=str(tmp_path / "broken.ttf"), name="Broken", weight=400)
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist, entry])
    assert fonts.choose_font("\ue123").families == ("DejaVu Sans",)


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
