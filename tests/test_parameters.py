from __future__ import annotations

from typing import Any

import hdbscan
import numpy as np
import pytest
import umap
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

from concept_memes.errors import InvalidParameterError
from concept_memes.labels import NearestWords
from concept_memes.model import ConceptModel
from concept_memes.parameters import check_parameters, check_whole


def check(**changed: Any) -> None:
    check_parameters(ConceptModel(**changed).get_params(deep=False))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"min_concept_size": 2},
        {"min_concept_size": np.int64(30)},
        {"diversity": 0},
        {"diversity": 1},
        {"diversity": np.float32(0.5)},
        {"n_exemplars": 1},
        {"random_state": None},
        {"random_state": 0},
        {"random_state": 2**32 - 1},
        {"ctfidf": np.True_},
        {"umap_model": PCA(3)},
        {"umap_model": umap.UMAP()},
        {"hdbscan_model": KMeans(3)},
        {"hdbscan_model": hdbscan.HDBSCAN()},
        {"vectorizer_model": CountVectorizer()},
        {"labeler": NearestWords()},
    ],
    ids=repr,
)
def test_what_can_be_is_accepted(changed: dict[str, Any]) -> None:
    check(**changed)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("min_concept_size", 1, '"auto" or an integer of at least 2'),
        ("min_concept_size", 0, '"auto" or an integer'),
        ("min_concept_size", -5, '"auto" or an integer'),
        ("min_concept_size", 2.0, '"auto" or an integer'),
        ("min_concept_size", "many", '"auto" or an integer'),
        ("min_concept_size", None, '"auto" or an integer'),
        ("min_concept_size", True, '"auto" or an integer'),
        ("diversity", -0.1, r"a number from 0 \(most typical\) to 1"),
        ("diversity", 1.1, "a number from 0"),
        ("diversity", np.nan, "a number from 0"),
        ("diversity", "0.3", "a number from 0"),
        ("diversity", True, "a number from 0"),
        ("n_exemplars", 0, "an integer of at least 1"),
        ("n_exemplars", 2.5, "an integer of at least 1"),
        ("random_state", -1, "None or an integer from 0 to 4294967295"),
        ("random_state", 2**32, "None or an integer from 0"),
        ("random_state", "42", "None or an integer from 0"),
        ("ctfidf", 1, "True or False"),
        ("ctfidf", None, "True or False"),
        ("verbose", "yes", 'True, False or "bars"'),
        ("umap_model", PCA, r"an object, not a class; write PCA\(\)"),
        ("umap_model", KMeans(3).fit_predict, "an estimator with fit_transform"),
        ("umap_model", "pca", "an estimator with fit_transform"),
        ("hdbscan_model", 5, "an estimator with fit"),
        ("hdbscan_model", hdbscan.HDBSCAN, "an object, not a class"),
        ("vectorizer_model", HashingVectorizer(), "get_feature_names_out is missing"),
        ("labeler", NearestWords, "an object, not a class"),
        ("labeler", "best", "an object with rank_words"),
        ("ocr", "rapidocr", "True, False, or an object with name, fingerprint and read_text"),
        ("text_weight", 1.5, r'"auto" or a number from 0 \(looks alone\) to 1'),
        ("text_weight", "high", '"auto" or a number from 0'),
        ("text_weight", True, '"auto" or a number from 0'),
        ("text_model", 3, '"auto", "tower", "ngrams", the name of a model'),
        ("text_model", "", '"auto", "tower", "ngrams"'),
        ("duplicates", "drop", '"collapse" or "keep"'),
        ("duplicates", None, '"collapse" or "keep"'),
    ],
)
def test_what_cannot_be_is_named_with_its_limits(name: str, value: Any, expected: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name} must be .*{expected}") as caught:
        check(**{name: value})
    assert caught.value.name == name
    assert caught.value.value is value


@pytest.mark.parametrize("value", [1, 5, np.int32(5), np.uint8(9)])
def test_whole_numbers_are_whole_numbers(value: Any) -> None:
    check_whole("top_n", value, 1)


@pytest.mark.parametrize("value", [0, 1.0, "1", None, True, np.True_, np.float64(3), [1]])
def test_other_things_are_no_whole_numbers(value: Any) -> None:
    with pytest.raises(InvalidParameterError, match="top_n must be an integer of at least 1"):
        check_whole("top_n", value, 1)


def test_a_vectorizer_without_fit_transform_is_refused() -> None:
    class Half:
        def fit(self, docs: object) -> None: ...

        def transform(self, docs: object) -> None: ...

        def get_feature_names_out(self) -> list[str]:
            return []

    with pytest.raises(InvalidParameterError, match="fit_transform is missing"):
        check(vectorizer_model=Half(), ctfidf=True)
