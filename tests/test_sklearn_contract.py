"""The contract of scikit-learn: parameters, cloning, errors before fitting, pipelines; and checks of parameters."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.errors import ConceptMemesError, InvalidParameterError, VocabularyError
from concept_memes.testing import CaptionReader, ColorEncoder, color_images, write_color_images

OTHER_VALUES: dict[str, Any] = {
    "min_concept_size": 5,
    "diversity": 0.9,
    "embedding_model": ColorEncoder(),
    "vectorizer_model": CountVectorizer(),
    "umap_model": PCA(2),
    "hdbscan_model": KMeans(2),
    "ctfidf": True,
    "n_concepts": 2,
    "granularity": "fine",
    "outliers": 0.05,
    "guide": ["red"],
    "vocabulary": ["red", "blue"],
    "stop_words": ["red"],
    "labeler": None,
    "n_exemplars": 3,
    "ocr": CaptionReader(),
    "text_weight": 0.3,
    "text_model": "ngrams",
    "duplicates": "keep",
    "frames": 2,
    "cache": False,
    "random_state": None,
    "verbose": False,
    "progress": str,
}


def small_model() -> ConceptModel:
    return ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"])


def test_every_parameter_is_covered_here() -> None:
    assert list(OTHER_VALUES) == list(inspect.signature(ConceptModel).parameters)
    assert sorted(ConceptModel().get_params()) == sorted(OTHER_VALUES)


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_init_only_assigns(name: str) -> None:
    marker = object()
    model = ConceptModel(**{name: marker})  # type: ignore[arg-type]
    assert getattr(model, name) is marker
    assert set(vars(model)) == set(OTHER_VALUES)


def test_defaults_are_no_shared_objects() -> None:
    for parameter in inspect.signature(ConceptModel).parameters.values():
        assert parameter.default is None or isinstance(parameter.default, str | int | float | bool)


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_set_params_sets_what_get_params_gets(name: str) -> None:
    model = ConceptModel()
    assert model.set_params(**{name: OTHER_VALUES[name]}) is model
    assert model.get_params(deep=False)[name] is OTHER_VALUES[name]


def test_set_params_refuses_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match="Invalid parameter 'n_topics'"):
        ConceptModel().set_params(n_topics=3)


def test_parameters_of_estimators_are_reached_by_double_underscore() -> None:
    model = ConceptModel(hdbscan_model=KMeans(2)).set_params(hdbscan_model__n_clusters=7)
    assert model.get_params()["hdbscan_model__n_clusters"] == 7


def test_a_clone_has_equal_parameters_and_is_not_fitted() -> None:
    model = ConceptModel(**OTHER_VALUES)
    copy = clone(model)
    assert copy.embedding_model is model.embedding_model
    assert copy.hdbscan_model is not model.hdbscan_model
    assert repr(copy) == repr(model)
    fitted = small_model().fit(color_images(["red", "blue"], 4))
    assert hasattr(fitted, "concepts_")
    assert not hasattr(clone(fitted), "concepts_")


def test_a_clone_finds_the_same() -> None:
    model = small_model()
    images = color_images(["red", "blue"], 6)
    np.testing.assert_array_equal(clone(model).fit_transform(images), model.fit_transform(images))


@pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason="the hub-free model is not installed")
def test_a_clone_shares_an_encoder_with_weights() -> None:
    encoder = HubFreeEncoder()
    assert clone(ConceptModel(embedding_model=encoder)).embedding_model is encoder


def test_the_representation_shows_what_was_changed() -> None:
    assert repr(ConceptModel()) == "ConceptModel()"
    assert repr(ConceptModel(10, diversity=0.5)) == "ConceptModel(diversity=0.5, min_concept_size=10)"
    assert "ConceptModel" in ConceptModel()._repr_html_()


@pytest.mark.parametrize(
    "attribute",
    [
        "labels_",
        "probabilities_",
        "images_",
        "skipped_",
        "embedding_model_",
        "frequency",
        "topics",
        "cluster_embeddings",
        "cluster_images",
    ],
)
def test_fitted_attributes_raise_before_fit(attribute: str) -> None:
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(small_model(), attribute)
    assert not hasattr(small_model(), attribute)  # NotFittedError is an AttributeError too


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("transform", [["red.png"]]),
        ("find_concepts", ["red"]),
        ("find_images", ["red"]),
        ("visualize_concepts", []),
        ("to_dataframe", []),
        ("save", ["folder"]),
    ],
)
def test_fitted_methods_raise_before_fit(
    method: str, arguments: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(small_model(), method)(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_search_before_fit_loads_no_model() -> None:
    with pytest.raises(NotFittedError, match="not fitted yet"):
        ConceptModel(embedding_model="no/such/folder").find_concepts("red")


def test_fitting_does_not_change_parameters() -> None:
    parameters = {**OTHER_VALUES, "min_concept_size": np.int64(3), "diversity": np.float32(0.25), "ctfidf": False}
    model = ConceptModel(**parameters).fit(color_images(["red", "blue"], 6))
    assert all(getattr(model, name) is value for name, value in parameters.items())


def test_results_cannot_be_changed_by_accident() -> None:
    model = small_model().fit(color_images(["red", "blue"], 6))
    with pytest.raises(ValueError, match="read-only"):
        model.labels_[0] = 5


def test_a_fitted_model_survives_pickling() -> None:
    model = small_model().fit(color_images(["red", "blue"], 6))
    copy = pickle.loads(pickle.dumps(model))
    assert copy.find_images("red") == model.find_images("red")
    assert copy.embedding_model_.name == "colors"


# --- pipelines --------------------------------------------------------------------------------------------------------


def test_the_model_is_the_last_step_of_a_pipeline(tmp_path: Path) -> None:
    paths = write_color_images(tmp_path, ["red", "blue"], 6)
    pipeline = Pipeline([("model", small_model())])
    labels = pipeline.fit_transform(paths)
    np.testing.assert_array_equal(labels, small_model().fit_transform(paths))
    np.testing.assert_array_equal(pipeline.transform(paths[:3]), labels[:3])
    pipeline.set_params(model__n_exemplars=1)
    assert pipeline.named_steps["model"].n_exemplars == 1


def test_the_model_stands_behind_a_transformer(tmp_path: Path) -> None:
    def only_files(folder: Path) -> list[Path]:
        return sorted(folder.glob("*.png"))

    write_color_images(tmp_path, ["red", "blue"], 6)
    pipeline = Pipeline([("list", FunctionTransformer(only_files)), ("model", small_model())])
    assert pipeline.fit_transform(tmp_path).shape == (12,)
    assert len(pipeline.named_steps["model"].concepts_) == 2


def test_a_pipeline_hands_over_docs_in_the_place_of_y() -> None:
    pipeline = Pipeline([("model", small_model())])
    pipeline.fit(color_images(["red", "blue"], 6), ["lime"])
    assert pipeline.named_steps["model"].concepts_.words == ("lime",)


# --- checks of parameters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [
        ("min_concept_size", 1, '"auto" or an integer of at least 2'),
        ("min_concept_size", -3, '"auto" or an integer of at least 2'),
        ("min_concept_size", 2.5, '"auto" or an integer of at least 2'),
        ("min_concept_size", "large", '"auto" or an integer of at least 2'),
        ("min_concept_size", True, '"auto" or an integer of at least 2'),
        ("min_concept_size", None, '"auto" or an integer of at least 2'),
        ("diversity", -0.1, "a number from 0"),
        ("diversity", 1.1, "a number from 0"),
        ("diversity", float("nan"), "a number from 0"),
        ("diversity", "high", "a number from 0"),
        ("diversity", True, "a number from 0"),
        ("embedding_model", 7, '"auto", "hub-free"'),
        ("embedding_model", "", '"auto", "hub-free"'),
        ("embedding_model", ColorEncoder, "an instance, not a class"),
        ("vectorizer_model", "words", "an estimator with fit"),
        ("vectorizer_model", CountVectorizer, r"an object, not a class; write CountVectorizer\(\)"),
        ("umap_model", "pca", "an estimator with fit_transform"),
        ("umap_model", PCA, r"an object, not a class; write PCA\(\)"),
        ("umap_model", object(), "fit_transform is missing"),
        ("hdbscan_model", "hdbscan", "an estimator with fit"),
        ("hdbscan_model", KMeans, r"an object, not a class; write KMeans\(\)"),
        ("ctfidf", 1, "True or False"),
        ("ctfidf", "yes", "True or False"),
        ("labeler", "best", "an object with rank_words"),
        ("n_exemplars", 0, "an integer of at least 1"),
        ("n_exemplars", 2.0, "an integer of at least 1"),
        ("n_exemplars", False, "an integer of at least 1"),
        ("frames", 0, "an integer of at least 1"),
        ("frames", "all", "an integer of at least 1"),
        ("cache", 3, "True, False"),
        ("random_state", -1, "None or an integer from 0"),
        ("random_state", 2**32, "None or an integer from 0"),
        ("random_state", 0.5, "None or an integer from 0"),
        ("random_state", np.random.RandomState(0), "None or an integer from 0"),  # noqa: NPY002 (not taken)
        ("verbose", 2, 'True, False or "bars"'),
        ("verbose", None, 'True, False or "bars"'),
        ("progress", "bar", "a callable that takes a ProgressEvent"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_limit(name: str, value: Any, limit: str) -> None:
    model = small_model().set_params(**{name: value})
    with pytest.raises(InvalidParameterError, match=limit) as caught:
        model.fit(color_images(["red", "blue"], 4))
    assert str(caught.value).startswith(f"{name}={value!r}: {name} must be ")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ConceptMemesError)
    assert not hasattr(model, "concepts_")


def test_values_at_the_limits_are_taken() -> None:
    images = color_images(["red", "blue"], 4)
    for values in (
        {"min_concept_size": 2, "diversity": 0, "n_exemplars": 1, "random_state": 0},
        {"diversity": 1.0, "random_state": 2**32 - 1, "verbose": np.True_, "ctfidf": np.False_},
        {"min_concept_size": np.int32(2), "n_exemplars": np.int16(3), "random_state": np.uint32(9)},
    ):
        assert len(small_model().set_params(**values).fit(images).concepts_) == 2


@pytest.mark.parametrize(("vocabulary", "message"), [("animals", "'animals'"), ([], "No word"), (7, "7")])
def test_a_vocabulary_that_is_none_is_refused(vocabulary: Any, message: str) -> None:
    with pytest.raises(VocabularyError, match=message):
        small_model().set_params(vocabulary=vocabulary).fit(color_images(["red", "blue"], 4))


@pytest.mark.parametrize("names", [["a"], ["a"] * 9])
def test_names_must_be_as_many_as_images(names: list[str]) -> None:
    with pytest.raises(InvalidParameterError, match="image_names must be one str per image, 8 in all"):
        small_model().fit(color_images(["red", "blue"], 4), image_names=names)
