from __future__ import annotations

import pytest

from concept_memes.word_families import heads_of_compounds, word_families


def names(words: list[str], candidates: list[str] | None = None) -> list[str]:
    return [words[family.name] for family in word_families(words, heads_of_compounds(candidates or []))]


@pytest.mark.parametrize(
    ("ranked", "kept"),
    [
        (["panda", "pandas", "giant panda"], ["panda"]),
        (["pizza", "pizza box", "pizzeria", "cheese"], ["pizza", "pizzeria", "cheese"]),
        (["street sign", "road sign", "street"], ["street sign"]),
        (["ice cream", "ice-cream", "icecream"], ["ice cream"]),
        (["box", "boxes", "fox"], ["box", "fox"]),
        (["baby", "babies", "bay"], ["baby", "bay"]),
        (["glass", "bus", "iris"], ["glass", "bus", "iris"]),
        (["sand", "sandpiper"], ["sand"]),
        (["a dog in the snow", "a cat in the snow"], ["a dog in the snow", "a cat in the snow"]),
        (["熊猫", "猫", "大熊猫"], ["熊猫", "猫", "大熊猫"]),
        (["w1", "w10"], ["w1", "w10"]),
    ],
)
def test_one_word_of_each_family_is_kept(ranked: list[str], kept: list[str]) -> None:
    assert names(ranked) == kept


def test_compounds_of_one_head_are_one_family_if_the_head_is_a_candidate() -> None:
    ranked = ["starfish", "goldfish", "coral"]
    assert names(ranked, ["fish", *ranked]) == ["starfish", "coral"]
    assert names(ranked, ranked) == ranked


def test_two_kinds_of_a_thing_are_the_thing() -> None:
    assert names(["Indian elephant", "African elephant", "elephant"]) == ["elephant"]
    assert names(["grand piano", "piano", "pianist"]) == ["grand piano", "pianist"]  # one kind only
    far = ["Indian elephant", "African elephant", "rhino", "hippo", "lion", "elephant"]
    assert names(far)[0] == "Indian elephant"  # the thing is not among the five best


def test_the_best_of_a_family_is_told() -> None:
    (family,) = word_families(["red panda", "giant panda", "panda"])
    assert family == (0, 2)


def test_no_more_families_than_asked_for() -> None:
    assert len(word_families(["ant", "bat", "cow"], n_families=2)) == 2
