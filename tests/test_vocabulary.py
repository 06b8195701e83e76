"""Candidate words: which list a parameter means, the user's own words, and the words to leave out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer

from concept_memes import ConceptModel
from concept_memes.errors import VocabularyError
from concept_memes.testing import ColorEncoder, color_images
from concept_memes.vocabulary import (
    StopWordVectorizer,
    remove_stop_words,
    resolve_stop_words,
    resolve_vocabulary,
    words_from_docs,
)
from concept_memes.word_lists import default_nouns


class TestWordsFromDocs:
    def test_items_stay_whole_in_their_order(self) -> None:
        docs = ["ice-cream", "New York", "C++", "猫", "  red  ", "ice-cream", "", "Red"]
        assert words_from_docs(docs) == ("ice-cream", "New York", "C++", "猫", "red", "Red")

    def test_order_of_a_set_is_the_same_in_every_run(self) -> None:
        assert words_from_docs({"cat", "ant", "bee"}) == ("ant", "bee", "cat")  # type: ignore[arg-type]

    def test_vectorizer_gives_its_features_and_stays_unfitted(self) -> None:
        vectorizer = CountVectorizer(ngram_range=(1, 2))
        assert words_from_docs(["a red cat", "red dog"], vectorizer) == ("cat", "dog", "red", "red cat", "red dog")
        assert not hasattr(vectorizer, "vocabulary_")

    def test_vectorizer_that_finds_nothing_is_refused(self) -> None:
        with pytest.raises(VocabularyError, match="found no words in the 2 docs"):
            words_from_docs(["a", "the"], CountVectorizer(stop_words="english"))

    def test_what_is_no_vectorizer_is_refused(self) -> None:
        with pytest.raises(VocabularyError, match=r"of type str, which has no fit"):
            words_from_docs(["cat"], "tfidf")

    def test_bare_string_is_refused(self) -> None:
        with pytest.raises(VocabularyError, match=r"one string, 'cat'; expected a list"):
            words_from_docs("cat")

    def test_item_that_is_no_string_is_named(self) -> None:
        with pytest.raises(VocabularyError, match="Word 1 is of type int, 7"):
            words_from_docs(["cat", 7])  # type: ignore[list-item]

    @pytest.mark.parametrize("docs", [[], ["", "  "]])
    def test_nothing_left_is_refused(self, docs: list[str]) -> None:
        with pytest.raises(VocabularyError, match="No word is left"):
            words_from_docs(docs)


class TestResolveVocabulary:
    @pytest.mark.parametrize("vocabulary", [None, "nouns"])
    def test_default_is_the_list_in_the_package(self, vocabulary: str | None) -> None:
        assert resolve_vocabulary(vocabulary) == default_nouns()

    def test_path_is_known_again_after_saving_made_it_a_str(self, tmp_path: Path) -> None:
        path = tmp_path / "words.list"
        path.write_text("cat\ndog\n", encoding="utf-8")
        assert resolve_vocabulary(path) == resolve_vocabulary(str(path)) == ("cat", "dog")
        assert resolve_stop_words(str(path)) == ("cat", "dog")

    def test_sequence_is_the_users_words(self) -> None:
        assert resolve_vocabulary(("dog", "cat", "dog")) == ("dog", "cat")

    @pytest.mark.parametrize("as_type", [str, Path])
    def test_text_file_has_a_word_per_line(self, tmp_path: Path, as_type: type[str] | type[Path]) -> None:
        path = tmp_path / "words.txt"
        path.write_bytes("\ufeffice cream\r\n\r\n# animals\r\n猫\r\n#caturday\r\n".encode())
        assert resolve_vocabulary(as_type(path)) == ("ice cream", "猫", "#caturday")

    @pytest.mark.parametrize(
        "vocabulary", ["imagenet", "wordnet:", "wordnets", "wordnet+hypernyms", "imagenet+synonyms", "", 7]
    )
    def test_anything_else_lists_what_is_possible(self, vocabulary: str) -> None:
        with pytest.raises(VocabularyError, match=r"\"nouns\".*\"wordnet\".*\.txt.*list of words"):
            resolve_vocabulary(vocabulary)


class TestStopWords:
    def test_come_as_words_or_as_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "stop.txt"
        path.write_text("rack\n猫\n", encoding="utf-8")
        assert resolve_stop_words(path) == resolve_stop_words(str(path)) == ("rack", "猫")
        assert resolve_stop_words(("rack",)) == ("rack",)

    @pytest.mark.parametrize("nothing", [None, [], ()])
    def test_may_be_none(self, nothing: list[str] | None) -> None:
        assert resolve_stop_words(nothing) == ()

    @pytest.mark.parametrize("wrong", ["rack", b"rack", 7])
    def test_neither_words_nor_file_is_refused(self, wrong: object) -> None:
        with pytest.raises(VocabularyError, match=r"stop_words=.*list of words.*\.txt"):
            resolve_stop_words(wrong)  # type: ignore[arg-type]

    def test_item_that_is_no_word_is_named(self) -> None:
        with pytest.raises(VocabularyError, match="Word 1 is of type int"):
            resolve_stop_words(["rack", 7])  # type: ignore[list-item]

    def test_whole_candidates_go_whatever_their_capitals(self) -> None:
        words = ("Rack", "hat rack", "hot dog", "STRASSE", "猫", "dog")
        assert remove_stop_words(words, ["rack", "hot", "Straße", "猫"]) == ("hat rack", "hot dog", "dog")

    def test_nothing_left_is_said(self) -> None:
        with pytest.raises(VocabularyError, match="All of the 2 candidate words are among the 3 stop words"):
            remove_stop_words(["cat", "Dog"], ["dog", "cat", "cow"])


class TestStopWordVectorizer:
    def test_leaves_columns_out_and_keeps_counts_aligned(self) -> None:
        vectorizer = clone(StopWordVectorizer(CountVectorizer(), ["Rack", "on"]), safe=False)
        counts = vectorizer.fit_transform(["a red hat on a rack", "rack of hats", "red, red"])
        assert list(vectorizer.get_feature_names_out()) == ["hat", "hats", "of", "red"]
        assert counts.toarray().tolist() == [[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 0, 2]]

    def test_nothing_left_is_said(self) -> None:
        with pytest.raises(VocabularyError, match=re.escape("all of the 1 words in them are stop words")):
            StopWordVectorizer(CountVectorizer(), ["rack"]).fit_transform(["a rack"])


class TestStopWordsInTheModel:
    @staticmethod
    def words_of(model: ConceptModel) -> set[str]:
        return {word for concept in model.concepts_.concepts for word in concept.words}

    def test_leave_any_vocabulary(self, tmp_path: Path) -> None:
        images = color_images(["red"], 6) + color_images(["blue"], 4)
        (tmp_path / "words.txt").write_text("red\nblue\nlime\n", encoding="utf-8")
        for vocabulary in (["red", "blue", "lime"], tmp_path / "words.txt"):
            model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=vocabulary, stop_words=["Red"], cache=False)
            found = self.words_of(model.fit(images))
            assert "red" not in found
            assert "blue" in found
        assert "red" not in self.words_of(model.fit(images, docs=["red", "lime"]))

    def test_leave_the_words_that_a_vectorizer_finds(self) -> None:
        images = color_images(["red"], 6) + color_images(["blue"], 4)
        model = ConceptModel(
            embedding_model=ColorEncoder(), vectorizer_model=CountVectorizer(), stop_words=["red"], cache=False
        )
        assert "red" not in self.words_of(model.fit(images, docs=["red square", "blue square"]))

    @pytest.mark.parametrize("vectorizer", [None, CountVectorizer()])
    def test_leave_the_texts_of_ctfidf(self, vectorizer: CountVectorizer | None) -> None:
        images = color_images(["red"], 6) + color_images(["blue"], 4)
        docs = ["red", "Red pepper 辣椒", "blue sea", "blue العربية"]
        model = ConceptModel(
            embedding_model=ColorEncoder(), ctfidf=True, vectorizer_model=vectorizer, stop_words=["RED"], cache=False
        )
        found = self.words_of(model.fit(images, docs=docs))
        assert "red" not in found
        assert {"blue", "العربية"} <= found

    def test_are_resolved_before_anything_is_embedded(self, tmp_path: Path) -> None:
        encoder = ColorEncoder()
        model = ConceptModel(embedding_model=encoder, stop_words=tmp_path / "absent.txt", cache=False)
        with pytest.raises(VocabularyError, match=r"absent\.txt cannot be read"):
            model.fit(color_images(["red"], 3))
        with pytest.raises(VocabularyError, match="All of the 1 candidate words"):
            model.set_params(stop_words=["red"], vocabulary=["Red"]).fit(color_images(["red"], 3))
        assert encoder.n_encoded == 0
