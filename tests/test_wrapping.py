"""Lines of text: they always fit, lose nothing in silence, and break where readers expect."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concept_memes.figures.wrapping import clusters, fit_lines, shorten

# No deadline: a busy machine is no defect of the code.
calm = settings(deadline=None)
texts = st.text(st.sampled_from("abc ,-猫狗，é\u0301\u200d🐼$_"), max_size=60)


@calm
@given(texts, st.integers(0, 20), st.sampled_from(["start", "end"]))
def test_shortened_texts_fit_and_keep_the_end_asked_for(text: str, width: int, keep: str) -> None:
    short = shorten(text, width, len, keep=keep)
    assert len(short) <= width
    if len(text) <= width:
        assert short == text
    elif width:
        assert short.count("…") == 1
        rest = short.replace("…", "")
        assert text.startswith(rest) if keep == "start" else text.endswith(rest)


@calm
@given(texts, st.integers(1, 20), st.integers(1, 4))
def test_lines_fit_and_lose_nothing_without_saying_so(text: str, width: int, n_lines: int) -> None:
    lines = fit_lines(text, width, n_lines, len)
    assert len(lines) <= n_lines
    assert all(0 < len(line) <= width for line in lines)
    if not any("…" in line for line in lines):
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("grand piano, hall", ["grand", "piano, hall"]),
        ("t-shirt of cotton", ["t-shirt of", "cotton"]),
        ("熊猫可爱到爆炸今天真好，也是", ["熊猫可爱到爆炸今天真", "好，也是"]),
        ("Donaudampfschiff", ["Donaudampfs", "chiff"]),
    ],
)
def test_lines_break_where_readers_expect(text: str, lines: list[str]) -> None:
    assert fit_lines(text, 11, 2, len) == lines


def test_accents_and_joined_emoji_are_never_torn_from_their_base() -> None:
    assert shorten("e\u0301" * 5, 4, len) == "e\u0301…"
    family = "👨\u200d👩\u200d👧"
    assert shorten(family + "abc", len(family) + 1, len) == family + "…"
    assert shorten(family + "abc", len(family), len) == "…"


def test_lists_are_cut_after_a_word_and_single_words_inside() -> None:
    assert shorten("piano, concert hall, organ", 20, len) == "piano, concert hall…"
    assert shorten("piano, concert hall, organ", 15, len) == "piano…"
    assert shorten("a piano, organ", 5, len) == "a pi…"
    assert shorten("piano, concert hall.jpg", 10, len, keep="end") == "… hall.jpg"


def test_flags_and_skin_tones_are_never_parted() -> None:
    flag, thumb = "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd"
    assert clusters(f"{flag}{flag}{thumb}e\u0301") == [flag, flag, thumb, "e\u0301"]
