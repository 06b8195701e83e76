"""Colours of figures: all that is read can be read, in both themes."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from PIL import ImageColor

from concept_memes.errors import InvalidParameterError
from concept_memes.figures.themes import DARK, LIGHT, Theme, find_theme


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    share = np.array(ImageColor.getrgb(color)) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_texts_have_the_contrast_that_wcag_asks_for(theme: Theme) -> None:
    for ground in (theme.paper, theme.card, theme.track):
        assert contrast(theme.ink, ground) >= 7
        assert contrast(theme.muted, ground) >= 4.5
    assert contrast(theme.stand_in_ink, theme.stand_in) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_bars_and_branches_stand_out_from_the_card(theme: Theme) -> None:
    assert contrast(theme.accent, theme.card) >= 4.5
    assert contrast(theme.line, theme.card) >= 2.5


def test_themes_are_found_by_name_and_differ_in_every_color() -> None:
    assert find_theme("light") is LIGHT
    assert find_theme("dark") is DARK
    assert all(getattr(LIGHT, field.name) != getattr(DARK, field.name) for field in fields(Theme))


@pytest.mark.parametrize("name", ["Dark", "", None, LIGHT])
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(InvalidParameterError, match='theme=.*"light" or "dark"'):
        find_theme(name)
