"""Which texts are names of things, and become a caption as well: "panda" and "a photo of a panda"."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["TEMPLATE", "is_name", "prompted"]

TEMPLATE = "a photo of a {}"
_MOST_WORDS = 3
# "a photo of a a photo of a panda", "a photo of a two pandas" and "a photo of a the sea" are no English.
_OPENING = re.compile(
    r"(an?|the|some|this|that|these|those|my|your|his|her|its|our|their|one|two|three|four|five|six|seven|eight|nine|"
    r"ten|several|many|few|no|\d.*)$"
)
_PICTURES = re.compile(
    r"\b(photo(graph)?|picture|image|pic|snapshot|screenshot|selfie|drawing|painting|sketch|cartoon|illustration|meme)s?\b"
)


def is_name(text: str) -> bool:
    """Tell whether a text is the bare name of a thing: at most three words, no article, number or full stop.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool

    Examples
    --------
    >>> [is_name(text) for text in ("panda", "great white shark", "a panda", "photo of a panda", "It snows.")]
    [True, True, False, False, False]
    """
    words = text.lower().split()
    if not 0 < len(words) <= _MOST_WORDS or _OPENING.match(words[0]):
        return False
    return re.search(r"[,;:!?]|\.\s*$", text) is None and _PICTURES.search(text.lower()) is None


def prompted(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Put the names among texts into a caption.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    captions : list of str
        One per name.
    numbers : list of int
        The places of the names among the texts.

    Examples
    --------
    >>> prompted(["panda", "two pandas eat bamboo"])
    (['a photo of a panda'], [0])
    """
    numbers = [number for number, text in enumerate(texts) if is_name(text)]
    return [TEMPLATE.format(texts[number].strip()) for number in numbers], numbers
