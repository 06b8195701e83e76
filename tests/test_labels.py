from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from concept_memes.assembly import add_words
from concept_memes.centring import mean_vector, unit
from concept_memes.concepts import Concept, ConceptSet, ImageRecord
from concept_memes.errors import VocabularyError
from concept_memes.labels import NearestWords, RankedWord, class_tfidf, directions, rank_words_of_groups, split_words
from concept_memes.protocols import Labeler
from concept_memes.testing import ColorEncoder


def random_units(n: int, d: int = 8, seed: int = 0) -> npt.NDArray[np.float32]:
    return unit(np.random.default_rng(seed).normal(size=(n, d)))


# --- The nearest words ------------------------------------------------------------------------------------------------


def test_words_come_in_the_order_of_their_scores_which_are_cosines() -> None:
    centroids, vectors = random_units(3), random_units(40, seed=1)
    words = [f"word{i}" for i in range(40)]
    ranked = NearestWords().rank_words(centroids, words, vectors)
    cosines = centroids.astype(np.float64) @ vectors.T
    for pairs, row in zip(ranked, cosines, strict=True):
        assert [word for word, _ in pairs] == [words[i] for i in np.argsort(-row)[:10]]
        np.testing.assert_allclose([score for _, score in pairs], -np.sort(-row)[:10], atol=1e-6)


def test_equal_scores_keep_the_order_of_the_words() -> None:
    vectors = np.repeat(random_units(1), 3, axis=0)
    ranked = NearestWords(n_words=2).rank_words(vectors[:1], ["b", "c", "a"], vectors)
    assert [word for word, _ in ranked[0]] == ["b", "c"]


def test_no_words_and_no_concepts_give_empty_lists() -> None:
    assert NearestWords().rank_words(random_units(2), [], random_units(0)) == [[], []]
    assert NearestWords().rank_words(random_units(0), ["a"], random_units(1)) == []


def test_half_of_what_the_collection_shares_is_taken_away() -> None:
    centroids = unit(np.array([[3.0, 4.0], [4.0, 3.0]]))
    centre = np.array([0.2, 0.2], np.float32)  # only its direction counts
    expected = unit(centroids - 0.5 * unit(centre))
    np.testing.assert_allclose(directions(centroids, centre, [(0, 2)]), expected, atol=1e-6)


def test_a_collection_of_one_concept_keeps_its_direction() -> None:
    centroids = random_units(1)
    np.testing.assert_allclose(directions(centroids, centroids[0] * 0.8, [(0, 8)]), centroids, atol=1e-6)


def test_directions_keep_the_weight_of_every_block() -> None:
    centroids = random_units(4)
    aims = directions(centroids, centroids.mean(axis=0), [(0, 3), (3, 8)])
    for start, stop in [(0, 3), (3, 8)]:
        np.testing.assert_allclose(
            np.linalg.norm(aims[:, start:stop], axis=1), np.linalg.norm(centroids[:, start:stop], axis=1), atol=1e-6
        )


def scores_of(ranked: Sequence[RankedWord]) -> dict[str, float]:
    return {found.word: found.score for found in ranked}


# --- c-TF-IDF ---------------------------------------------------------------------------------------------------------


def test_class_tfidf_is_frequency_times_rarity() -> None:
    docs = ["panda panda bear", "bear", "car bear"]
    first, second = class_tfidf(docs, np.array([0, 0, 1]), 2)
    mean_length = 3.0  # 4 words of concept 0, 2 of concept 1
    assert scores_of(first) == pytest.approx(
        {"panda": 2 / 4 * math.log(1 + mean_length / 2), "bear": 2 / 4 * math.log(1 + mean_length / 3)}
    )
    assert scores_of(second) == pytest.approx(
        {"car": 1 / 2 * math.log(1 + mean_length / 1), "bear": 1 / 2 * math.log(1 + mean_length / 3)}
    )
    assert [found.word for found in first] == ["panda", "bear"]
    assert [found.word for found in second] == ["car", "bear"]


def test_a_concept_without_texts_gets_no_words() -> None:
    assert class_tfidf(["a cat"], np.array([2]), 3)[:2] == [[], []]


def test_at_most_ten_words_come_in_descending_order() -> None:
    docs = [" ".join(f"w{i}" for i in range(n)) for n in range(1, 16)]
    (ranked,) = class_tfidf(docs, np.zeros(15, np.int64), 1)
    scores = [found.score for found in ranked]
    assert len(ranked) == 10
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("An ice-cream, please!", ["an", "ice-cream", "please"]),
        ("C++ and C# (or F#).", ["c++", "and", "c#", "or", "f#"]),
        ("猫 “熊猫”。", ["猫", "熊猫"]),
        ("New York's #tag @home R&B", ["new", "york's", "#tag", "@home", "r&b"]),
        ("a I 7 é", ["a", "i", "7", "é"]),
        ("3.5 mm, 24/7", ["3.5", "mm", "24/7"]),
        (" ... ?! ", []),
        ("", []),
    ],
)
def test_words_are_kept_whole(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_the_users_vectorizer_splits_and_is_not_fitted() -> None:
    vectorizer = CountVectorizer(ngram_range=(2, 2))
    ranked = class_tfidf(["red panda", "fast car"], np.array([0, 1]), 2, vectorizer_model=vectorizer)
    assert [[found.word for found in own] for own in ranked] == [["red panda"], ["fast car"]]
    assert not hasattr(vectorizer, "vocabulary_")


def test_a_vectorizer_may_give_dense_counts() -> None:
    class Dense:
        def fit_transform(self, raw_documents: Sequence[str]) -> npt.NDArray[np.int64]:
            return np.array([[text.count("a"), text.count("b")] for text in raw_documents])

        def get_feature_names_out(self) -> list[str]:
            return ["a", "b"]

    ranked = class_tfidf(["aaa", "bb"], np.array([0, 1]), 2, vectorizer_model=Dense())
    assert [[found.word for found in own] for own in ranked] == [["a"], ["b"]]


@pytest.mark.parametrize("vectorizer", [None, CountVectorizer(stop_words="english")], ids=["own", "stop words"])
def test_texts_without_any_word_are_an_error_that_says_so(vectorizer: Any) -> None:
    docs = ["..."] if vectorizer is None else ["the", "of"]
    with pytest.raises(VocabularyError, match=f"No words were found in the {len(docs)} docs"):
        class_tfidf(docs, np.zeros(len(docs), np.int64), 1, vectorizer_model=vectorizer)


# --- Words on their way to the concepts -------------------------------------------------------------------------------


def test_concepts_get_the_names_of_their_colors(color_set: ConceptSet) -> None:
    assert [concept.words[0] for concept in color_set.concepts] == ["red", "blue", "lime"]
    assert color_set.words == ("blue", "lime", "red")
    np.testing.assert_array_equal(color_set.word_vectors, ColorEncoder().encode_texts(["blue", "lime", "red"]))
    for concept in color_set.concepts:
        assert len(concept.word_scores) == len(concept.words)
        assert list(concept.word_scores) == sorted(concept.word_scores, reverse=True)


def test_a_labeler_of_the_user_ranks_the_words(color_set: ConceptSet) -> None:
    class Shortest:
        def rank_words(
            self, centroids: npt.NDArray[np.float32], words: Sequence[str], word_vectors: npt.NDArray[np.float32]
        ) -> list[list[tuple[str, float]]]:
            np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-6)
            assert word_vectors.shape == (len(words), centroids.shape[1])
            return [[(min(words, key=len), 1.0)], [], [("my own word", 0.5)]]

    labeler = Shortest()
    assert isinstance(labeler, Labeler)
    words = ["red", "yellow", "no"]
    named = add_words(color_set, words, ColorEncoder().encode_texts(words), labeler=labeler)
    assert [concept.words for concept in named.concepts] == [("no",), (), ("my own word",)]
    assert [concept.word_scores for concept in named.concepts] == [(1.0,), (), (0.5,)]
    assert named.words == ("no",)  # the others have no vector
    assert named.word_vectors.shape == (1, color_set.vectors.shape[1])
    assert color_set.concepts[0].words[0] == "red"  # the old set is as it was


def test_texts_near_no_concept_leave_it_without_words(color_set: ConceptSet) -> None:
    encoder = ColorEncoder()
    docs = ["red", "blue"]  # nothing green
    named = add_words(color_set, docs, encoder.encode_texts(docs), ctfidf=True)
    assert [concept.words[:1] for concept in named.concepts] == [("red",), ("blue",), ()]


def test_words_of_texts_are_as_sure_as_the_share_of_their_uses_in_the_concept() -> None:
    first, _ = class_tfidf(["panda bear", "panda", "bear"], np.array([0, 0, 1]), 2)
    assert {found.word: found.confidence for found in first} == {"panda": 2 / 3, "bear": 1 / 3}


def test_texts_of_several_concepts_are_weighed_together() -> None:
    docs = ["red car", "red bus", "green tree"]
    both, third = class_tfidf(docs, np.array([0, 1, 2]), 3, groups=[[0, 1], [2]])
    assert both[0].word == "red"
    assert both[0].score == pytest.approx(2 / 4 * math.log(1 + 2 / 2))
    assert [found.word for found in third] == ["green", "tree"]


# --- Words by nearness and by what they find --------------------------------------------------------------------------


def collection(vectors: npt.NDArray[np.float32], labels: Sequence[int]) -> ConceptSet:
    x, numbers = unit(vectors), np.array(labels, np.int64)
    k = max(labels) + 1
    return ConceptSet(
        images=tuple(ImageRecord(f"{i}", None, f"{i:04}") for i in range(len(x))),
        labels=numbers,
        probabilities=np.ones(len(x)),
        vectors=x,
        centre=mean_vector(x),
        blocks=((0, x.shape[1]),),
        centroids=np.stack([unit(x[numbers == c].mean(axis=0)) for c in range(k)]),
        concepts=tuple(Concept(c, int((numbers == c).sum())) for c in range(k)),
        words=(),
        word_vectors=x[:0],
        encoder_name="",
        encoder_fingerprint="",
    )


def kinds(n_kinds: int = 4, n: int = 12, spread: float = 0.25) -> ConceptSet:
    """Pictures around the axes of a space of 16 dimensions; all of them also share the last axis."""
    axes = np.repeat(np.eye(16)[:n_kinds], n, axis=0)
    noise = spread * np.random.default_rng(0).normal(size=axes.shape)
    return collection((axes + np.eye(16)[15] + noise).astype(np.float32), [i // n for i in range(len(axes))])


def members(fitted: ConceptSet) -> list[npt.NDArray[np.int64]]:
    return [np.flatnonzero(fitted.labels == concept.index) for concept in fitted.concepts]


def test_a_word_that_is_near_everything_does_not_win() -> None:
    fitted = kinds()
    vectors = unit(np.vstack([np.eye(16)[:4], 0.3 * np.eye(16)[:4].sum(axis=0) + np.eye(16)[15]]))
    words = ["ant", "bat", "cow", "dog", "hub"]
    plain = NearestWords().rank_words(fitted.centroids, words, vectors)
    assert [own[0][0] for own in plain] == ["hub"] * 4
    ranked = rank_words_of_groups(fitted, members(fitted), words, vectors)
    assert [own[0].word for own in ranked] == words[:4]
    assert all(own[0].confidence > 0.9 for own in ranked)
    assert not [found for own in ranked for found in own if found.word == "hub"]


def test_words_of_another_world_leave_concepts_empty() -> None:
    vectors = unit(np.eye(16)[8:12])
    ranked = rank_words_of_groups(kinds(), members(kinds()), ["spark plug", "piston", "clutch", "axle"], vectors)
    assert all(found.confidence < 0.1 for own in ranked for found in own)
    assert sum(not own for own in ranked) >= 2


def test_a_single_word_names_its_concept_only() -> None:
    fitted = kinds()
    ranked = rank_words_of_groups(fitted, members(fitted), ["ant"], np.eye(16, dtype=np.float32)[:1])
    assert [[found.word for found in own] for own in ranked] == [["ant"], [], [], []]


def test_a_collection_of_one_concept_gets_words_that_are_not_sure() -> None:
    fitted = kinds(1)
    words = ["ant", "bat"]
    ((best, *_),) = rank_words_of_groups(fitted, members(fitted), words, np.eye(16, dtype=np.float32)[:2])
    assert best.word == "ant"
    assert best.confidence < 0.1


def test_some_groups_get_the_words_that_they_get_among_all() -> None:
    fitted = kinds()
    words, vectors = ["ant", "bat", "cow", "dog"], np.eye(16, dtype=np.float32)[:4]
    everyone = rank_words_of_groups(fitted, members(fitted), words, vectors)
    assert rank_words_of_groups(fitted, members(fitted)[2:3], words, vectors) == everyone[2:3]
    assert rank_words_of_groups(fitted, [], words, vectors) == []
    assert rank_words_of_groups(fitted, members(fitted), [], vectors[:0]) == [[], [], [], []]


def test_a_union_of_concepts_gets_the_word_for_both() -> None:
    fitted = kinds()
    words = ["animal", "ant", "bat", "cow"]
    vectors = unit(np.vstack([np.eye(16)[0] + np.eye(16)[1], np.eye(16)[:3]]))
    (own,) = rank_words_of_groups(fitted, [np.flatnonzero(fitted.labels < 2)], words, vectors)
    assert own[0].word == "animal"


def test_words_do_not_depend_on_the_order_of_the_pictures() -> None:
    fitted = kinds(spread=0.6)
    words, vectors = [f"{c}{i}" for i in range(10) for c in "abcdefg"], random_units(70, 16)
    order = np.random.default_rng(1).permutation(len(fitted.images))
    shuffled = replace(
        fitted,
        images=tuple(fitted.images[i] for i in order),
        labels=fitted.labels[order],
        raw_labels=fitted.labels[order],
        vectors=fitted.vectors[order],
    )
    first = rank_words_of_groups(fitted, members(fitted), words, vectors)
    assert first == rank_words_of_groups(shuffled, members(shuffled), words, vectors)
    assert any(first)


def test_candidates_and_confidences_are_kept(color_set: ConceptSet) -> None:
    words = ["red", "blue", "lime", "white"]
    named = add_words(color_set, words, ColorEncoder().encode_texts(words))
    assert named.candidates == tuple(words)
    for concept in named.concepts:
        assert len(concept.word_confidences) == len(concept.words) > 0
        assert all(0 <= sure <= 1 for sure in concept.word_confidences)
    labelled = add_words(color_set, words, ColorEncoder().encode_texts(words), labeler=NearestWords())
    assert [concept.word_confidences for concept in labelled.concepts] == [(), (), ()]
