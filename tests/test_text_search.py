from __future__ import annotations

import copy
import gc
import pickle
import sqlite3
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes import text_search
from concept_memes.errors import InvalidParameterError, MissingExtraError
from concept_memes.findings import PictureTexts
from concept_memes.text_search import TextIndex, fold_text, index_of

TEXTS = [
    "明天还要加\n班",  # 0: broken inside the word
    "",
    "不想上班",  # 2
    "加班",  # 3
    "One does not simply\nwrite MEMES",  # 4
    "Overtime again?",  # 5
    "Café ２０２６",  # 6
    "がんばれ",  # 7
    "한국어 짤",  # 8
    "加油，上班",  # 9
    "c++ and java",  # 10
    "meme",  # 11
]


@pytest.fixture(scope="module")
def index() -> TextIndex:
    return TextIndex(TEXTS)


def found(index: TextIndex, query: str) -> list[int]:
    """Texts that say something of a query, the best first."""
    match = index.match(query)
    return [int(row) for row in np.argsort(-match, kind="stable") if match[row] > 0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("加班", [3, 0]),  # across a line break, and the text that is the query first
        ("班", [3, 2, 9, 0]),
        ("上 班", [2, 9, 0, 3]),  # then what has one of both
        ("天还要", [0]),
        ("ん", [7]),
        ("국어", [8]),
        ("かん", []),
        ("meme", [11, 4]),
        ("MEMES", [4]),
        ("vert", [5]),
        ("cafe", [6]),
        ("CAFÉ 2026", [6]),
        ("c++", [10]),
        ("simply write", [4]),
        ("again", [5]),
        ("again!", [5]),
        ("鸭", []),
    ],
)
def test_words_are_found_in_any_script(index: TextIndex, query: str, expected: list[int]) -> None:
    assert found(index, query) == expected


@pytest.mark.parametrize("query", ['"', "NOT", "a AND", "NEAR(加班", "*", "text:java", "^c", "{", "a\x00b", "\ud800"])
def test_operators_are_plain_text(index: TextIndex, query: str) -> None:
    match = index.match(query)
    assert match.shape == (len(TEXTS),)
    assert match.max() < 1


def test_operators_change_nothing(index: TextIndex) -> None:
    for query in ("加班*", "-加班", '"加班"', "^加班"):
        assert index.match(query).tolist() == index.match("加班").tolist()
    assert found(index, "text:java") == [10]  # one of its words
    assert index.match("java NOT meme")[[10, 11]].min() > 0


@pytest.mark.parametrize("query", ["", " \n", "\u200b"])
def test_nothing_cannot_be_looked_for(index: TextIndex, query: str) -> None:
    with pytest.raises(InvalidParameterError, match="at least one letter"):
        index.match(query)


def test_the_whole_query_beats_all_words_and_these_beat_some() -> None:
    texts = [
        "boss wants overtime",
        "no overtime boss",
        "overtime boss",
        "boss",
        "nothing",
        "the overtime, boss is here",
    ]
    match = TextIndex(texts).match("overtime boss")
    assert np.argsort(-match, kind="stable").tolist() == [2, 1, 5, 0, 3, 4]
    assert (match[2], match[0], match[4]) == (1, 0.5, 0)
    assert 0 < match[3] < 0.4 < match[0] < 0.6 < match[5] < match[1] < 0.9


def test_all_words_count_in_any_order_without_spaces_around_ideographs(index: TextIndex) -> None:
    assert index.match("上班 加油")[9] == 0.5
    assert found(index, "不想加班") == [2, 0, 3]  # its pairs, where nobody says all of it
    assert index.match("不想加班").max() < 0.4


@pytest.mark.parametrize(
    ("query", "expected"),
    [("哈哈哈", [0.4, 1, 0.4, 0, 0]), ("no no", [0, 0, 0, 0.5, 0.5]), ("no, no!", [0, 0, 0, 0.5, 0.5])],
)
def test_a_word_that_is_repeated_is_found_where_it_is_said_once(query: str, expected: list[float]) -> None:
    match = TextIndex(["哈哈", "哈哈哈", "笑哈哈", "no way", "no"]).match(query)
    np.testing.assert_allclose(match, expected)


def test_rare_words_weigh_more() -> None:
    match = TextIndex(["the cat", "the dog", "the bird", "cat food", "the end"]).match("the bird")
    assert match[2] == 1
    match = TextIndex(["the cat", "the dog", "a bird", "cat food", "the end"]).match("the bird")
    assert match[2] > match[0] > 0


def test_a_word_inside_a_longer_one_counts_by_their_ratio() -> None:
    match = TextIndex(["cat", "cats", "education", "the cat sat", "concatenate; a cat"]).match("cat")
    assert match[0] == 1
    assert match[1] == pytest.approx((0.6 + 0.3 * 3 / 4) * (3 / 4) ** 3)
    assert match[2] == pytest.approx((0.6 + 0.3 * 3 / 9) * (3 / 9) ** 3)
    assert match[3] == pytest.approx(0.6 + 0.3 * 3 / 9)
    assert match[4] > 0.6  # a whole one counts, wherever it stands


def test_signs_between_words_do_not_hide_them() -> None:
    index = TextIndex(["我不想，加班！", "hello, world", "help; worldly"])
    assert found(index, "想加班") == [0]
    assert index.match("想加班")[0] > 0.6
    assert found(index, "hello world")[0] == 1


def test_signs_alone_can_be_looked_for() -> None:
    match = TextIndex(["?!", "why?!", "why"]).match("?!")
    assert match[0] == 1
    assert match[1] == pytest.approx(0.6 + 0.3 * 2 / 5)
    assert match[2] == 0


def test_line_breaks_part_latin_words_and_soft_hyphens_do_not() -> None:
    assert fold_text("over\u2028time") == fold_text("over\r\ntime") == fold_text("over\x00time") == "over time"
    assert fold_text("over\u00adtime\ufeff") == "overtime"


def test_marks_of_other_scripts_are_letters() -> None:
    assert fold_text("ガ か\u3099") == "ガが"
    assert found(TextIndex(["हिन्दी में", "ทำไม", "да, ёлка"]), "हिन्दी") == [0]
    assert found(TextIndex(["हिन्दी में", "ทำไม", "да, ёлка"]), "ไม") == [1]
    assert found(TextIndex(["हिन्दी में", "ทำไม", "да, ёлка"]), "ЕЛКА") == [2]


@given(st.lists(st.text(), max_size=5), st.text())
def test_any_text_can_be_looked_for_in_any_other(texts: list[str], query: str) -> None:
    index = TextIndex([*texts, query])
    if not fold_text(query):
        with pytest.raises(InvalidParameterError):
            index.match(query)
        return
    match = index.match(query)
    assert match.min() >= 0
    assert match[-1] == match.max() == 1  # it is the query


def test_a_page_can_be_looked_for() -> None:
    page = " ".join(f"word{i} 字{i}" for i in range(2_000))
    assert TextIndex([page, "word7 only"]).match(page)[0] == 1


def test_a_scream_takes_no_square_of_its_length() -> None:
    scream = "a" * 10_000
    index, started = TextIndex([scream, "a"]), time.process_time()
    assert index.match("a")[1] == 1
    assert 0 < index.match("a")[0] < 1e-3
    assert time.process_time() - started < 5  # 30 s if all letters around each of them were counted


def test_the_order_of_the_texts_changes_nothing(index: TextIndex) -> None:
    backwards = TextIndex(TEXTS[::-1])
    for query in ("加班", "不想加班", "one meme", "班"):
        assert backwards.match(query)[::-1].tolist() == index.match(query).tolist()


def test_several_threads_search_at_once(index: TextIndex) -> None:
    queries = ["加班", "meme", "不想加班", "simply write"] * 50
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda query: index.match(query).tolist(), queries))
    assert answers == [index.match(query).tolist() for query in queries]


def test_an_index_is_built_once_and_dies_with_its_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, built = PictureTexts(("加班", "meme"), "by hand"), []
    monkeypatch.setattr(text_search, "TextIndex", lambda given: built.append(given) or TextIndex(given))
    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(id, pool.map(index_of, [texts] * 50)))) == 1
    assert len(built) == 1
    gone = weakref.ref(index_of(texts))
    assert pickle.loads(pickle.dumps(texts)).texts == copy.deepcopy(texts).texts == texts.texts
    del texts, built[:]
    gc.collect()
    assert gone() is None


def test_a_python_without_full_text_search_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Without:
        def execute(self, *_: object) -> None:
            raise sqlite3.OperationalError("no such module: fts5")

    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: Without())
    with pytest.raises(MissingExtraError, match="FTS5.*text=False"):
        TextIndex(["a"])


def test_no_texts_are_no_texts() -> None:
    assert TextIndex([]).match("a").tolist() == []
    assert TextIndex(["", ""]).match("a b").tolist() == [0, 0]
    assert len(TextIndex(["", ""])) == 2
