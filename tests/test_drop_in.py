"""Code written for the older package Concept runs after its import is changed: the same calls, the same answers."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hdbscan import HDBSCAN
from matplotlib.figure import Figure
from PIL import Image
from sklearn.feature_extraction.text import CountVectorizer

from concept_memes import ConceptModel
from concept_memes.errors import AdjustedWarning
from concept_memes.testing import ColorEncoder, write_color_images

COLORS = ["red", "blue", "lime", "yellow", "magenta", "cyan"]
SIZES = [9, 8, 7, 6, 5, 4]


@pytest.fixture(scope="module")
def img_names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("photos")
    groups = [write_color_images(folder, [color], n, seed=n) for color, n in zip(COLORS, SIZES, strict=True)]
    paths = [path for group in groups for path in group]
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def concept_model(img_names: list[str]) -> ConceptModel:
    concept_model = ConceptModel(min_concept_size=3, embedding_model=ColorEncoder())
    concept_model.fit_transform(img_names, docs=COLORS)
    return concept_model


def test_constructor_takes_the_old_arguments_in_the_old_order() -> None:
    old = [
        "min_concept_size",
        "diversity",
        "embedding_model",
        "vectorizer_model",
        "umap_model",
        "hdbscan_model",
        "ctfidf",
    ]
    parameters = list(inspect.signature(ConceptModel).parameters.values())
    assert [p.name for p in parameters[:7]] == old
    assert all(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters[:7])
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters[7:])
    values: list[Any] = [30, 0.5, "clip-ViT-B-32", CountVectorizer(), None, None, True]
    model = ConceptModel(*values)
    assert [getattr(model, name) for name in old] == values


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_fitting_takes_the_old_arguments_in_the_old_order(method: str) -> None:
    names = list(inspect.signature(getattr(ConceptModel, method)).parameters)
    assert names == ["self", "images", "docs", "image_names", "image_embeddings"]


def test_fit_transform_of_paths_with_docs_gives_labels(img_names: list[str], concept_model: ConceptModel) -> None:
    predictions = ConceptModel(3, 0.3, ColorEncoder()).fit_transform(img_names, COLORS)
    assert len(predictions) == len(img_names)
    assert predictions.tolist() == np.repeat(np.arange(6), SIZES).tolist()
    np.testing.assert_array_equal(predictions, concept_model.labels_)


def test_old_keywords_and_estimators_work(img_names: list[str]) -> None:
    model = ConceptModel(
        min_concept_size=3,
        diversity=0.3,
        embedding_model=ColorEncoder(),
        vectorizer_model=CountVectorizer(ngram_range=(1, 2)),
        umap_model=None,
        hdbscan_model=HDBSCAN(min_cluster_size=4, metric="euclidean", cluster_selection_method="eom"),
        ctfidf=True,
    )
    model.fit_transform(img_names, docs=["red car", "blue sea", "lime tree"])
    assert any(model.topics.values())


def test_image_names_are_kept(img_names: list[str]) -> None:
    names = [f"picture {i}" for i in range(len(img_names))]
    model = ConceptModel(3, embedding_model=ColorEncoder()).fit(img_names, COLORS, names)
    assert [image.name for image in model.images_] == names
    assert [str(image.path) for image in model.images_] == img_names


def test_image_embeddings_are_taken(img_names: list[str], concept_model: ConceptModel) -> None:
    vectors = concept_model.embed_images(img_names)
    model = ConceptModel(3, embedding_model=ColorEncoder())
    labels = model.fit_transform(img_names, docs=COLORS, image_embeddings=vectors)
    np.testing.assert_array_equal(labels, concept_model.labels_)
    assert model.topics == concept_model.topics
    np.testing.assert_array_equal(model.transform(img_names[:5], image_embeddings=vectors[:5]), labels[:5])


def test_transform_gives_one_label_per_image(img_names: list[str], concept_model: ConceptModel) -> None:
    np.testing.assert_array_equal(concept_model.transform(img_names[::5]), concept_model.labels_[::5])


def test_find_concepts_gives_five_pairs(concept_model: ConceptModel) -> None:
    found = concept_model.find_concepts("blue")
    assert len(found) == 5
    assert all(isinstance(pair, tuple) and len(pair) == 2 for pair in found)
    assert all(type(concept) is int and type(similarity) is float for concept, similarity in found)
    assert [concept for concept, _ in found][0] == 1


def test_what_was_found_can_be_drawn(concept_model: ConceptModel) -> None:
    search_results = concept_model.find_concepts("blue")
    figure = concept_model.visualize_concepts(concepts=[concept for concept, _ in search_results])
    assert isinstance(figure, Figure)
    titles = [text.get_text() for text in figure.texts if str(text.get_gid()).endswith("-title")]
    assert len(titles) == 5
    assert titles[0].startswith("blue")


def test_visualize_concepts_takes_the_old_arguments(concept_model: ConceptModel) -> None:
    assert list(inspect.signature(ConceptModel.visualize_concepts).parameters)[1:4] == ["top_n", "concepts", "figsize"]
    figure = concept_model.visualize_concepts(4, None, (20, 15))
    assert tuple(figure.get_size_inches()) == (20, 15)
    assert len([t for t in figure.texts if str(t.get_gid()).endswith("-title")]) == 4
    assert isinstance(concept_model.visualize_concepts(), Figure)


def test_frequency_is_the_old_table(concept_model: ConceptModel) -> None:
    frequency = concept_model.frequency
    assert isinstance(frequency, pd.DataFrame)
    assert frequency.index.name == "Cluster"
    assert list(frequency.columns) == ["Count"]
    assert frequency["Count"].to_dict() == dict(enumerate(SIZES))


def test_topics_are_words_with_commas_between(concept_model: ConceptModel) -> None:
    topics = concept_model.topics
    assert list(topics) == list(range(6))
    assert [words.split(", ")[0] for words in topics.values()] == COLORS


def test_cluster_embeddings_are_the_directions_of_the_concepts(concept_model: ConceptModel) -> None:
    embeddings = concept_model.cluster_embeddings
    assert embeddings.shape == (6, 27)
    assert np.argmax(embeddings @ concept_model.embed_texts(COLORS).T, axis=1).tolist() == list(range(6))


def test_cluster_images_are_pictures_of_the_concepts(concept_model: ConceptModel) -> None:
    images = concept_model.cluster_images
    assert list(images) == list(range(6))
    assert all(isinstance(image, Image.Image) for image in images.values())
    red, green, blue = np.asarray(images[1], float).mean(axis=(0, 1))
    assert blue > max(red, green) + 20


def test_a_saved_model_loads_again(concept_model: ConceptModel, tmp_path: Path) -> None:
    concept_model.save(str(tmp_path / "my_model"))
    loaded = ConceptModel.load(str(tmp_path / "my_model"), embedding_model=ColorEncoder())
    assert loaded.find_concepts("blue") == concept_model.find_concepts("blue")
    assert loaded.topics == concept_model.topics
    pd.testing.assert_frame_equal(loaded.frequency, concept_model.frequency)


def test_the_old_default_size_does_not_break_a_small_collection(img_names: list[str]) -> None:
    with pytest.warns(AdjustedWarning, match="min_concept_size=100 is more than the 39 pictures"):
        labels = ConceptModel(min_concept_size=100, embedding_model=ColorEncoder()).fit_transform(
            img_names, docs=COLORS
        )
    assert len(labels) == 39
