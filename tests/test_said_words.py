"""The words that the pictures of a concept say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from concept_memes import ConceptModel
from concept_memes.concepts import Concept, ConceptSet, ImageRecord
from concept_memes.findings import PictureFamilies, PictureTexts
from concept_memes.said_words import add_said_words
from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images

CODE = ["写代码", "我写代码", "不想写代码", "代码代码代码"]
BIRD = ["鸽子", "一只鸽子", "鸽子飞了", "看鸽子"]


def set_of(texts: Sequence[str], labels: Sequence[int], keys: Sequence[str] | None = None) -> ConceptSet:
    n = len(texts)
    keys = keys or [f"{i:032x}" for i in range(n)]
    k = max(labels) + 1
    images = tuple(ImageRecord(f"image-{i}", None, key) for i, key in enumerate(keys))
    concepts = tuple(Concept(c, list(labels).count(c), exemplars=(list(labels).index(c),)) for c in range(k))
    vectors = np.eye(n, dtype=np.float32)
    return ConceptSet(
        images, np.array(labels, np.int64), np.ones(n), vectors, vectors.mean(axis=0), ((0, n),), vectors[:k], concepts,
        (), np.zeros((0, n), np.float32), "", "", texts=PictureTexts(tuple(texts), "a reader"),
    )  # fmt: skip


def said(concept_set: ConceptSet) -> list[tuple[str, ...]]:
    return [concept.said for concept in add_said_words(concept_set).concepts]


def test_chinese_concepts_are_described_in_chinese() -> None:
    found = add_said_words(set_of([*CODE, *BIRD], [0] * 4 + [1] * 4)).concepts
    assert [concept.said[0] for concept in found] == ["代码", "鸽子"]
    assert found[0].title == "“代码”"
    assert len(found[0].said) == len(found[0].said_scores)


def test_scores_descend() -> None:
    texts = ["monkey business", "monkey business", "monkey", "monkey business", "dog", "dog business"]
    concept = add_said_words(set_of(texts, [0, 0, 0, 0, 1, 1])).concepts[0]
    assert concept.said == ("monkey", "business")
    assert concept.said_scores[0] > concept.said_scores[1] > 0


def test_what_one_picture_says_is_no_word_of_the_concept() -> None:
    assert said(set_of(["monkey", "panda", "panda"], [0, 0, 0])) == [("panda",)]


def test_a_word_of_one_picture_here_and_one_elsewhere_is_no_word_of_either() -> None:
    assert said(set_of(["monkey panda", "panda", "monkey", "dog", "dog"], [0, 0, 1, 1, 1])) == [("panda",), ("dog",)]


def test_what_is_said_everywhere_is_peculiar_to_none() -> None:
    texts = ["overtime monkey", "overtime monkey"] + ["overtime panda", "overtime panda"] * 4
    assert said(set_of(texts, [0, 0, *[1] * 8]))[0] == ("monkey",)


def test_what_pictures_in_no_concept_say_counts_as_elsewhere() -> None:
    texts = ["overtime", "overtime", "panda", "panda"]
    assert said(set_of(texts, [0, 0, 0, 0])) == [("overtime", "panda")]
    assert said(set_of([*texts, *["overtime"] * 6], [0, 0, 0, 0, *[-1] * 6])) == [("panda",)]


def test_a_copy_does_not_say_it_again() -> None:
    texts = ["monkey", "monkey", "panda", "panda"]
    alone = set_of(texts, [0] * 4)
    assert set(said(alone)[0]) == {"monkey", "panda"}
    families = PictureFamilies(np.array([0, 0, 2, 3]), np.array([0, 2, 0, 0], np.uint8), np.array([0, 0, 2, 3]))
    assert said(replace(alone, families=families)) == [("panda",)]
    assert said(set_of(texts, [0] * 4, keys=["a", "a", "b", "c"])) == [("panda",)]


def test_a_copy_speaks_for_a_picture_that_could_not_be_read() -> None:
    families = PictureFamilies(np.array([0, 0, 2]), np.array([0, 2, 0], np.uint8), np.array([0, 0, 2]))
    assert said(replace(set_of(["", "panda", "panda"], [0] * 3), families=families)) == [("panda",)]


def test_the_order_of_the_pictures_does_not_matter() -> None:
    texts, labels = [*CODE, *BIRD, "monkey", "monkey"], [0] * 4 + [1] * 4 + [0, 1]
    order = np.random.default_rng(0).permutation(10)
    mixed = set_of([texts[i] for i in order], [labels[i] for i in order])
    straight = add_said_words(set_of(texts, labels)).concepts
    for one, other in zip(straight, add_said_words(mixed).concepts, strict=True):
        assert (one.said, one.said_scores) == (other.said, other.said_scores)


def test_stop_words_are_left_out() -> None:
    texts = ["Monkey panda", "monkey panda"]
    assert add_said_words(set_of(texts, [0, 0]), stop_words=["MONKEY"]).concepts[0].said == ("panda",)


def test_only_the_concepts_that_are_asked_for_change() -> None:
    before = set_of([*CODE, *BIRD], [0] * 4 + [1] * 4)
    after = add_said_words(before, [1]).concepts
    assert after[0] is before.concepts[0]
    assert after[1].said == ("鸽子",)


def test_at_most_ten_words() -> None:
    texts = [" ".join(f"word{letter}" for letter in "abcdefghijklmnop")] * 2
    assert len(said(set_of(texts, [0, 0]))[0]) <= 10


@pytest.mark.parametrize("texts", [["", ""], ["12", "34"], ["one", "two"]])
def test_concepts_without_common_words_stay_without(texts: list[str]) -> None:
    assert said(set_of(texts, [0, 0])) == [()]


def test_a_set_that_nobody_read_stays_itself() -> None:
    unread = replace(set_of(CODE, [0] * 4), texts=None)
    assert add_said_words(unread) is unread


def fitted(**parameters: object) -> ConceptModel:
    model = ConceptModel(
        embedding_model=ColorEncoder(), vocabulary=["red", "blue"], ocr=CaptionReader(), cache=False, verbose=False,
        text_weight=0, duplicates="keep", **parameters,
    )  # fmt: skip
    return model.fit(captioned_images(CODE, color="red") + captioned_images(BIRD, color="blue", seed=5))


def test_titles_show_nouns_and_what_is_said() -> None:
    assert [c.title for c in fitted().concepts_.concepts] in (
        ["red “代码”", "blue “鸽子”"],
        ["blue “鸽子”", "red “代码”"],
    )


def test_stop_words_of_the_model_hold_for_what_is_said() -> None:
    assert all("代码" not in c.said for c in fitted(stop_words=["代码"]).concepts_.concepts)


def test_a_merged_concept_says_what_its_parts_say() -> None:
    model = fitted()
    merged = model.merge_concepts([0, 1])[0]
    assert {"代码", "鸽子"} <= set(merged.said)
    assert model.concepts_.concepts[0].said == merged.said


def test_parts_of_a_concept_say_what_their_pictures_say() -> None:
    model = fitted()
    model.merge_concepts([0, 1])
    assert {part.said[0] for part in model.split_concept(0)} == {"代码", "鸽子"}


def test_concepts_that_form_later_get_words_that_they_say() -> None:
    model = fitted()
    new = captioned_images(["谢谢老板", "老板大气", "红包来了老板", "老板好"], color="lime", seed=9)
    update = model.update(new)
    assert [concept.said[0] for concept in update.new_concepts] == ["老板"]
    assert {c.said[0] for c in model.concepts_.concepts[:2]} == {"代码", "鸽子"}


def test_docs_with_ctfidf_still_make_the_words() -> None:
    model = ConceptModel(
        embedding_model=ColorEncoder(), ctfidf=True, ocr=CaptionReader(), cache=False, verbose=False, text_weight=0,
        duplicates="keep",
    )  # fmt: skip
    pictures = captioned_images(CODE, color="red") + captioned_images(BIRD, color="blue", seed=5)
    concepts = model.fit(pictures, docs=["red", "blue"]).concepts_.concepts
    assert {concept.words for concept in concepts} == {("red",), ("blue",)}
    assert {concept.said[0] for concept in concepts} == {"代码", "鸽子"}
