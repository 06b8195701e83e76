"""Words that say the same thing in other letters: "panda", "pandas", "giant panda" and "panda bear" are one family."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

__all__ = ["Family", "heads_of_compounds", "word_families"]

# Two kinds of a thing among this many best words, and the thing itself: the thing is what the pictures share.
N_BEST = 5
# "sand" and "sandpiper": models that read pieces of words put such words side by side. Two letters begin too much.
LEAST_BEGINNING = 3
# "fish" is the head of "starfish", "fly" would be that of "butterfly".
LEAST_HEAD = 4
# Longer texts are captions: "a dog in the snow" and "a cat in the snow" are not one thing.
MOST_PARTS_OF_NAME = 3


class Family(NamedTuple):
    """Words of one family, as places in the list that was given.

    Attributes
    ----------
    best : int
        The word that ranks highest.
    name : int
        The word that stands for the family, mostly the same.
    """

    best: int
    name: int


def word_families(words: Sequence[str], heads: Set[str] = frozenset(), *, n_families: int = 10) -> list[Family]:
    """Take the best word of every family from a ranking.

    Words are of one family if the parts of one are parts of the other ("pizza", "pizza box"), if they end in the same
    noun ("street sign", "road sign"; "goldfish", "starfish" where "fish" is a head), or if one begins with the other
    ("sand", "sandpiper"); plurals and ways to write a word count as the word. Where two kinds of a thing and the thing
    itself are among the five best, the thing stands for the family: "elephant" for "Indian elephant, African elephant,
    elephant".

    Parameters
    ----------
    words : sequence of str
        Best first.
    heads : set of str, optional
        What `heads_of_compounds` finds in all candidates.
    n_families : int, default=10
        The most that are wanted.

    Returns
    -------
    list of Family
        Best first.

    Examples
    --------
    >>> ranked = ["giant panda", "panda bear", "panda", "red panda", "pandas", "animal"]
    >>> [ranked[family.name] for family in word_families(ranked)]
    ['panda', 'animal']
    """
    parts = [_parts(word) for word in words]
    kept: list[Family] = []
    for place, own in enumerate(parts):
        if len(kept) == n_families:
            break
        if own and not any(_related(own, parts[member], heads) for family in kept for member in family):
            kept.append(Family(place, _thing(place, parts[:N_BEST])))
    return kept


def heads_of_compounds(words: Iterable[str]) -> frozenset[str]:
    """Return the words that others may end in.

    Parameters
    ----------
    words : iterable of str
        All candidates.

    Returns
    -------
    frozenset of str
        Those of a single part and at least four letters, in the singular.

    Examples
    --------
    >>> sorted(heads_of_compounds(["fishes", "goldfish", "fly", "pet fish"]))
    ['fish', 'goldfish']
    """
    singles = (parts[0] for parts in map(_parts, words) if len(parts) == 1)
    return frozenset(word for word in singles if len(word) >= LEAST_HEAD)


def _parts(word: str) -> tuple[str, ...]:
    return tuple(_singular(part) for part in re.split(r"[\s\-_]+", word.casefold()) if part)


def _singular(word: str) -> str:
    """Cut the plural off; only to compare, so a wrong stem does no harm unless two words share it."""
    if len(word) < 4 or word.endswith(("ss", "us", "is")):
        return word
    for plural, singular in (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("s", "")):
        if word.endswith(plural) and len(word) > len(plural) + 1:
            return word.removesuffix(plural) + singular
    return word


def _related(a: tuple[str, ...], b: tuple[str, ...], heads: Set[str]) -> bool:
    if set(a) <= set(b) or set(b) <= set(a) or "".join(a) == "".join(b):
        return True
    if max(len(a), len(b)) <= MOST_PARTS_OF_NAME and _head(a[-1], heads) == _head(b[-1], heads):
        return True
    if len(a) > 1 or len(b) > 1:
        return False
    short, long = sorted((a[0], b[0]), key=len)
    return len(short) >= LEAST_BEGINNING and short.isalpha() and long.startswith(short)


def _head(word: str, heads: Set[str]) -> str:
    """Return the longest known word that a compound ends in."""
    for start in range(LEAST_BEGINNING, len(word) - LEAST_HEAD + 1):
        if word[start:] in heads:
            return word[start:]
    return word


def _thing(place: int, best: Sequence[tuple[str, ...]]) -> int:
    """Return the place of the bare noun where it is among the best beside two kinds of it, else the place given."""
    if place >= len(best) or len(best[place]) == 1:
        return place
    noun = best[place][-1]
    kinds = {parts for parts in best if len(parts) > 1 and parts[-1] == noun}
    return best.index((noun,)) if len(kinds) > 1 and (noun,) in best else place
