"""The colours of all figures, light and dark, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from concept_memes.errors import InvalidParameterError

__all__ = ["DARK", "LIGHT", "Theme", "ThemeName", "find_theme"]

ThemeName: TypeAlias = Literal["light", "dark"]


@dataclass(frozen=True)
class Theme:
    """Colours of a figure, as hexadecimal strings that matplotlib and Pillow both know.

    Text in `ink` and `muted` has a contrast of at least 4.5 on `paper`, `card` and `track` (WCAG 2.2, level AA).

    Attributes
    ----------
    name : str
        "light" or "dark".
    paper : str
        Behind everything.
    card, card_edge : str
        Cards on the paper, and the line around them.
    mat : str
        Around a picture that does not fill its tile.
    tile_edge : str
        The line around a tile, so that a white picture does not melt into a white card.
    ink, muted : str
        Text, and text that steps back.
    accent : str
        Bars, and what is to be seen first.
    track : str
        What lies under a bar, and bars that step back.
    line : str
        Branches of a tree.
    stand_in, stand_in_ink : str
        Tiles in place of pictures that cannot be read any more.
    """

    name: ThemeName
    paper: str
    card: str
    card_edge: str
    mat: str
    tile_edge: str
    ink: str
    muted: str
    accent: str
    track: str
    line: str
    stand_in: str
    stand_in_ink: str


LIGHT = Theme(
    name="light",
    paper="#f4f3f0",
    card="#ffffff",
    card_edge="#e3e1db",
    mat="#f4f3f0",
    tile_edge="#e3e1db",
    ink="#23252a",
    muted="#64666c",
    accent="#2f6f8f",
    track="#e6e4df",
    line="#9a9ca3",
    stand_in="#e3e3e3",
    stand_in_ink="#5d5f65",
)
DARK = Theme(
    name="dark",
    paper="#15171b",
    card="#1f2228",
    card_edge="#30343c",
    mat="#2a2e36",
    tile_edge="#363b44",
    ink="#ecebe7",
    muted="#a3a6ae",
    accent="#6fb1d0",
    track="#2b2f37",
    line="#666a74",
    stand_in="#33373f",
    stand_in_ink="#b4b7be",
)


def find_theme(name: str) -> Theme:
    """Return the colours of a theme.

    Parameters
    ----------
    name : {"light", "dark"}

    Returns
    -------
    Theme

    Raises
    ------
    InvalidParameterError
        For any other name.

    Examples
    --------
    >>> find_theme("dark").paper
    '#15171b'
    """
    for theme in (LIGHT, DARK):
        if theme.name == name:
            return theme
    raise InvalidParameterError("theme", name, '"light" or "dark"')
