"""Texts to words: Chinese with and without jieba, and what is no word."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from concept_memes import segmenting
from concept_memes.segmenting import common_runs, jieba_cut, split_texts

TEXTS = ["程序员要写代码", "回去写代码吧", "我不想写代码", "这只鸽子", "鸽子又飞了"]


@pytest.fixture
def without_jieba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenting, "jieba_cut", lambda: None)


def test_jieba_parts_chinese_into_words() -> None:
    pytest.importorskip("jieba", reason="the extra chinese is not installed")
    assert split_texts(TEXTS[:2]) == [["程序员", "代码"], ["回去", "代码"]]


def test_jieba_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jieba", reason="the extra chinese is not installed")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    jieba_cut.cache_clear()
    assert "代码" in split_texts(TEXTS)[0]
    assert list(tmp_path.iterdir()) == []


def test_jieba_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jieba", reason="the extra chinese is not installed")
    jieba_cut.cache_clear()
    split_texts(TEXTS)
    assert capfd.readouterr() == ("", "")


def test_jieba_that_is_not_installed_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    jieba_cut.cache_clear()
    try:
        assert jieba_cut() is None
        assert split_texts(TEXTS)[3] == ["鸽子"]
    finally:
        jieba_cut.cache_clear()


@pytest.mark.usefixtures("without_jieba")
def test_without_jieba_words_are_what_several_texts_have_in_common() -> None:
    assert split_texts(TEXTS) == [["写代码"], ["写代码"], ["写代码"], ["鸽子"], ["鸽子"]]


@pytest.mark.usefixtures("without_jieba")
def test_without_jieba_the_order_of_the_texts_does_not_matter() -> None:
    assert split_texts(TEXTS[::-1]) == split_texts(TEXTS)[::-1]


def test_a_part_that_stands_elsewhere_too_is_a_word_of_its_own() -> None:
    texts = [["写代码"], ["写代码"], ["代码"], ["代码"], ["代码"]]
    assert common_runs(texts) == {"写代码", "代码"}


def test_runs_that_begin_or_end_with_function_words_are_none() -> None:
    assert common_runs([["鸽子的"], ["鸽子的"]]) == {"鸽子"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("THE Monkeys don't write", ["monkeys", "write"]),
        ("2024 666 a b", []),
        ("Eclipse3 eclipse3", ["eclipse3"]),
        ("ｏｖｅｒｔｉｍｅ", ["overtime"]),
        ("", []),
        ("什么 我们", []),
        ("Überstunden сегодня", ["überstunden", "сегодня"]),
    ],
)
def test_words_are_small_whole_and_say_something(text: str, words: list[str]) -> None:
    assert split_texts([text]) == [words]
