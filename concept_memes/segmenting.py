"""Texts to words, Chinese too: by jieba where it is installed, else by what several texts have in common.

jieba would write its dictionary, made ready, into the folder for temporary files, and read it from there the next time,
whoever wrote it. Here the dictionary is made ready in memory, once per process (0.7 s).
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from functools import lru_cache
from importlib import resources
from typing import Any, TypeAlias

from concept_memes.scripts import is_ideograph, runs_of_letters

__all__ = ["is_function_word", "split_texts"]

Cut: TypeAlias = Callable[[str], Sequence[str]]

# Without jieba: the longest runs that are words, and texts that a run must be in to be one.
LONGEST_RUN = 4
LEAST_TEXTS = 2
# A run is part of a longer one if so much of it stands there: "写代" of "写代码".
PART = 0.75
# Without jieba: no word begins or ends with these.
FUNCTION_CHARACTERS = frozenset(
    "的了是我你他她它您这那哪不没在就都也还又才吗呢吧啊呀哦嗯嘛哈有和与跟把被给让叫使很太最更真好要会能可得着过到地之其个只些么谁啥怎一们为以"
    "而所且并去来说看想"
)


def split_texts(texts: Sequence[str]) -> list[list[str]]:
    """Split texts into the words that may say what they are about, each once per text.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    list of list of str
        In small letters, in the order of the text: Chinese words of two ideographs and more, and words of two letters
        and more of other scripts; no function words and no numbers. The order of the texts changes nothing.

    Examples
    --------
    >>> split_texts(["The monkeys write code", "100 MONKEYS!"])
    [['monkeys', 'write', 'code'], ['monkeys']]
    """
    runs = [runs_of_letters(text) for text in texts]
    chinese = [[run for run in of_text if is_ideograph(run[0])] for of_text in runs]
    cut: Cut = str.split
    if any(chinese):
        cut = jieba_cut() or partial_cut(common_runs(chinese))
    return [list(dict.fromkeys(word for run in of_text for word in words_of_run(run, cut))) for of_text in runs]


def words_of_run(run: str, cut: Cut) -> list[str]:
    """Return the words of one run of letters."""
    words = cut(run) if is_ideograph(run[0]) else [run]
    return [word for word in words if len(word) > 1 and any(map(str.isalpha, word)) and not is_function_word(word)]


def is_function_word(word: str) -> bool:
    """Tell whether a word only holds a sentence together.

    Examples
    --------
    >>> [is_function_word(word) for word in ("the", "什么", "panda", "鸽子")]
    [True, True, False, False]
    """
    return word in function_words()


@lru_cache(maxsize=1)
def function_words() -> Set[str]:
    """Return function words of English and Chinese, and what is left of English ones beside an apostrophe."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    beside = set("ain aren couldn didn doesn don isn ll re ve wasn weren won".split())  # noqa: SIM905 (readable)
    chinese = (
        resources.files("concept_memes").joinpath("data", "chinese_function_words.txt").read_text(encoding="utf-8")
    )
    listed = {word for word in chinese.splitlines() if not word.startswith("# ")}
    return frozenset({*ENGLISH_STOP_WORDS, *beside, *listed})


@lru_cache(maxsize=1)
def jieba_cut() -> Cut | None:
    """Return what parts Chinese into words; None where jieba is not installed."""
    try:
        with warnings.catch_warnings():  # of its escapes, and of pkg_resources
            warnings.simplefilter("ignore")
            import jieba
    except ImportError:
        return None
    tokenizer: Any = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True  # or it would do the same again, and keep a file of it
    cut: Cut = tokenizer.lcut
    return cut


def common_runs(texts: Sequence[Sequence[str]]) -> frozenset[str]:
    """Find the runs of ideographs that several texts have in common, the longest only.

    Parameters
    ----------
    texts : sequence of sequence of str
        Runs of ideographs per text.

    Returns
    -------
    frozenset of str
        Runs of two to four ideographs.

    Examples
    --------
    >>> sorted(common_runs([["我要写代码"], ["回去写代码"], ["他写代码呢", "鸽子"], ["鸽子"]]))
    ['写代码', '鸽子']
    """
    sizes = range(2, LONGEST_RUN + 1)
    counts: Counter[str] = Counter()
    for runs in texts:
        counts.update({run[i : i + n] for run in runs for n in sizes for i in range(len(run) - n + 1)})
    able = {run: n for run, n in counts.items() if n >= LEAST_TEXTS and is_able(run)}
    return frozenset(able) - parts_of_longer(able)


def is_able(run: str) -> bool:
    """Tell whether a run of ideographs may be a word."""
    return not is_function_word(run) and not {run[0], run[-1]} & FUNCTION_CHARACTERS


def parts_of_longer(counts: Mapping[str, int]) -> set[str]:
    """Find the runs that mostly stand in one longer run."""
    parts = set()
    for run, n in counts.items():
        for inner in {run[i : i + size] for size in range(2, len(run)) for i in range(len(run) - size + 1)}:
            if n >= PART * counts.get(inner, n + n):
                parts.add(inner)
    return parts


def partial_cut(words: Set[str]) -> Cut:
    """Return what finds words in a run of ideographs, the longest first; the rest is left out."""

    def cut(run: str) -> list[str]:
        found, start = [], 0
        while start < len(run):
            size = next((n for n in range(LONGEST_RUN, 1, -1) if run[start : start + n] in words), 0)
            if size:
                found.append(run[start : start + size])
            start += max(size, 1)
        return found

    return cut
