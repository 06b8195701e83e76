"""Scripts: which characters are ideographs, and where runs of letters begin and end."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["is_ideograph", "runs_of_letters"]

# Han characters in all blocks of Unicode, and the mark that repeats one.
IDEOGRAPHS = "\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
_RUNS = re.compile(rf"[{IDEOGRAPHS}]+|[^\s{IDEOGRAPHS}]+")


def is_ideograph(character: str) -> bool:
    """Tell whether a character is a Han ideograph: a word, or part of one, of a script without spaces.

    Examples
    --------
    >>> [is_ideograph(character) for character in "鸭aア1"]
    [True, False, False, False]
    """
    return _IDEOGRAPH.match(character) is not None


def runs_of_letters(text: str) -> list[str]:
    """Split a text into runs of ideographs, and runs of other letters and digits; the rest is left out.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str
        In lower case, full-width letters as plain ones.

    Examples
    --------
    >>> runs_of_letters("我要写代码！ Ｃ++ is Fun_2")
    ['我要写代码', 'c', 'is', 'fun', '2']
    >>> runs_of_letters("नमस्ते दुनिया ❤️")
    ['नमस्ते', 'दुनिया']
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Marks belong to the letters before them: vowels of Hindi, say, which for "\w" are no part of a word.
    kept = "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in folded)
    return [run for run in _RUNS.findall(kept) if any(map(str.isalnum, run))]
