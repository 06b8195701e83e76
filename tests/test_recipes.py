"""The older recipe, and all that an encoder without texts can and cannot do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commandline import run
from PIL import Image
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from concept_memes import ConceptModel, Query
from concept_memes.encoders import HubFreeCNNEncoder
from concept_memes.errors import InvalidParameterError, NoTextEncoderError, NoWordsWarning
from concept_memes.filing import carry_out, plan_filing
from concept_memes.recipes import RECIPES
from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images, color_images, write_color_images

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "photos"
needs_photos = pytest.mark.skipif(
    not (PHOTOS.is_dir() and HubFreeCNNEncoder.is_installed()),
    reason="needs photos beside the project, and the weights",
)
ignore_no_words = pytest.mark.filterwarnings("ignore::concept_memes.errors.NoWordsWarning")


class PicturesOnly:
    """`ColorEncoder` without its texts, which counts what it is given."""

    name, fingerprint = "pictures", "pictures/1"
    n_dims, image_size, batch_size, blocks = 27, (16, 16), 8, (slice(0, 27),)
    preprocess, encode_images = ColorEncoder.preprocess, ColorEncoder.encode_images

    def __init__(self) -> None:
        self.n_encoded = 0

    def __sklearn_clone__(self) -> PicturesOnly:
        return self


def model(**parameters: Any) -> ConceptModel:
    return ConceptModel(embedding_model=PicturesOnly(), cache=False, verbose=False, **parameters)


def three_colors() -> list[Image.Image]:
    return color_images(["red"], 9) + color_images(["blue"], 7) + color_images(["lime"], 5)


# --- recipes ---


def test_a_recipe_sets_parameters_and_the_users_own_win() -> None:
    made = ConceptModel.from_recipe("cnn-kmeans", network="inception-v3", n_concepts=20, outliers=0.05)
    given = made.get_params(deep=False)
    assert (given["embedding_model"], given["hdbscan_model"]) == ("keras:inception-v3", "kmeans")
    assert (given["n_concepts"], given["outliers"]) == (20, 0.05)
    assert ConceptModel.from_recipe("cnn-kmeans").embedding_model == "cnn"
    assert ConceptModel.from_recipe("cnn-kmeans", hdbscan_model=None).hdbscan_model is None
    assert clone(made).get_params(deep=False) == given


def test_a_derived_class_makes_its_own() -> None:
    class Mine(ConceptModel):
        pass

    assert type(Mine.from_recipe("cnn-kmeans")) is Mine


@pytest.mark.parametrize(
    ("recipe", "parameters", "message"),
    [
        ("k-means", {}, f"recipe='k-means'.*{', '.join(map(repr, RECIPES))}"),
        (None, {}, "recipe=None"),
        ("cnn-kmeans", {"network": "resnet"}, "'vgg16', 'inception-v3', 'hub-free'"),
        ("cnn-kmeans", {"network": "vgg16", "embedding_model": "hub-free"}, "left out where embedding_model= is given"),
        ("cnn-kmeans", {"n_concept": 3}, r"n_concept=3.*of ConceptModel \(did you mean 'n_concepts'\?\)\.$"),
    ],
)
def test_what_there_is_not_is_refused_and_what_there_is_named(
    recipe: Any, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        ConceptModel.from_recipe(recipe, **parameters)


@ignore_no_words
def test_each_cluster_gets_a_folder_and_outliers_one_of_their_own(tmp_path: Path) -> None:
    write_color_images(tmp_path / "pictures", ["red", "blue"], 10)
    Image.new("RGB", (40, 30), "yellow").save(tmp_path / "pictures" / "yellow.png")
    made = ConceptModel.from_recipe("cnn-kmeans", n_concepts=2, embedding_model=PicturesOnly(), cache=False)
    made.fit(tmp_path / "pictures")
    carry_out(plan_filing(made.concepts_, tmp_path / "sorted", mode="copy"))
    folders = {folder.name: sorted(folder.iterdir()) for folder in (tmp_path / "sorted").iterdir() if folder.is_dir()}
    assert len(folders) == 3
    colors = [{path.name.split("-")[0] for path in paths} for name, paths in folders.items() if name != "outliers"]
    assert sorted(map(sorted, colors)) == [["blue"], ["red"]]
    assert "yellow.png" in [path.name for path in folders["outliers"]]


def test_the_command_line_knows_it(tmp_path: Path, colors: ColorEncoder) -> None:
    pictures = tmp_path / "pictures"
    write_color_images(pictures, ["red", "blue"], 8)
    (tmp_path / "words.txt").write_text("red\nblue")
    done = run(
        "fit", pictures, "-o", tmp_path / "out", "--recipe", "cnn-kmeans", "--n-concepts", "2", "--words",
        tmp_path / "words.txt", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    loaded = ConceptModel.load(tmp_path / "out")
    assert (loaded.embedding_model, loaded.hdbscan_model) == ("colors", "kmeans")
    assert len(loaded.concepts_) == 2
    assert run("sort", tmp_path / "out", "--into", tmp_path / "sorted", "--mode", "copy", "--go").code == 0
    folders = {folder.name.partition(" ")[2] for folder in (tmp_path / "sorted").iterdir() if folder.is_dir()}
    assert folders - {""} == {"red", "blue"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipe", "foo"], "'foo' is none of cnn-kmeans"),
        (["--network", "vgg16"], "give --recipe too"),
        (["--recipe", "cnn-kmeans", "--network", "resnet"], "'resnet' is none of auto, vgg16"),
        (["--recipe", "cnn-kmeans", "--network", "vgg16", "--model", "hub-free"], "either a model or a network"),
        (["--model", "keras:vgg16", "--precision", "int8"], "computes in fp32"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: list[str], message: str, pictures: Path) -> None:
    done = run("fit", pictures, "-o", pictures.parent / "out", *options)
    assert done.code == 2
    assert message in " ".join(done.err.split())


# --- real photos ---


@pytest.fixture(scope="module")
def cnn() -> HubFreeCNNEncoder:
    return HubFreeCNNEncoder()


@needs_photos
@pytest.mark.parametrize(
    "pair", [("pizza", "panda"), ("stop_sign", "revolver"), ("chandelier", "umbrella"), ("watch", "airplanes")]
)
@ignore_no_words
def test_twelve_photos_of_two_kinds_are_two_groups(pair: tuple[str, str], cnn: HubFreeCNNEncoder) -> None:
    photos = [path for kind in pair for path in sorted((PHOTOS / kind).iterdir())[:6]]
    truth = np.repeat([0, 1], 6)
    made = ConceptModel.from_recipe("cnn-kmeans", n_concepts=2, embedding_model=cnn, verbose=False).fit(photos)
    assert len(made.concepts_) == 2
    inside = made.labels_ >= 0
    assert inside.sum() >= 9
    assert adjusted_rand_score(truth[inside], made.labels_[inside]) == 1


# --- encoders without texts ---


def test_it_says_once_what_it_cannot_do_and_counts_no_words() -> None:
    fitted = model(hdbscan_model="kmeans", n_concepts=3)
    with pytest.warns(
        NoWordsWarning, match=r"'pictures' knows pictures only.*clip-ViT-B-32.*ocr=True.*docs="
    ) as caught:
        fitted.fit(three_colors())
    assert len(caught) == 1
    assert fitted.report_.n_words == 0


@ignore_no_words
@pytest.mark.parametrize("ask", ["find_images", "find_concepts", "visualize_query", "embed_query"])
def test_a_text_names_the_encoders_that_can(ask: str) -> None:
    fitted = model().fit(three_colors())
    with pytest.raises(NoTextEncoderError, match=r"'pictures' knows pictures only.*\"clip-ViT-B-32\".*ocr=True"):
        getattr(fitted, ask)("red")


@ignore_no_words
def test_what_needs_no_text_works(tmp_path: Path) -> None:
    write_color_images(tmp_path / "pictures", ["red"], 9)
    write_color_images(tmp_path / "pictures", ["blue"], 7)
    fitted = model().fit(tmp_path / "pictures")
    red = color_images(["red"], 1, seed=5)[0]
    assert fitted.find_concepts(red, 1)[0].concept == 0
    assert {hit.concept for hit in fitted.find_images(Query(red), 3)} == {0}
    assert fitted.transform([red]).tolist() == [0]
    assert "concept 0" in str(fitted.hierarchy_)
    assert fitted.merge_concepts([0, 1])[0].size == 16
    assert [part.size for part in fitted.split_concept(0)] == [9, 7]
    fitted.visualize_query(red)
    page = fitted.save_report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert '"kind":"letters"' in page.replace(" ", "")
    loaded = ConceptModel.load(fitted.save(tmp_path / "saved"), embedding_model=PicturesOnly())
    assert str(loaded.update(color_images(["lime"], 8))).startswith("8 images: 8 in 1 new concept")
    with pytest.raises(NoTextEncoderError, match="knows pictures only"):
        loaded.tag_images()


def test_a_guide_is_refused_before_a_picture_is_encoded() -> None:
    guided = model(guide=["red"])
    with pytest.raises(NoTextEncoderError, match=r"guide=.*'pictures' knows pictures only.*\"hub-free\""):
        guided.fit(three_colors())
    assert guided.embedding_model.n_encoded == 0
    with pytest.raises(NoTextEncoderError, match="image_embeddings came without a model"):
        ConceptModel(guide=["red"]).fit(image_embeddings=np.eye(4))


def test_texts_that_were_read_make_up_for_it() -> None:
    captions = ["overtime again", "overtime!", "overtime"]
    images = captioned_images(captions, color="red") + captioned_images(["monkey"] * 3, color="blue")
    fitted = model(ocr=CaptionReader()).fit(images)  # and no warning, which would be an error here
    assert {hit.index for hit in fitted.find_images("overtime")} == {0, 1, 2}
    assert fitted.concepts_.concepts[fitted.labels_[0]].said == ("overtime",)


# --- docs= ---

DOCS = ["a red day at sea"] * 5 + ["red red wine"] * 4 + ["a blue whale at sea"] * 7 + ["lime tree"] * 5


def test_one_text_per_image_labels_the_concepts() -> None:
    fitted = model(ctfidf=True, stop_words=["a", "at"]).fit(three_colors(), docs=DOCS)  # and no warning
    words = [concept.words for concept in fitted.concepts_.concepts]
    assert words[0][0] == "red"  # said twice in four texts
    assert [set(some) for some in words] == [
        {"red", "wine", "day", "sea"},
        {"blue", "whale", "sea"},
        {"lime", "tree"},
    ]
    assert words[1][-1] == "sea"  # others say it too
    assert fitted.concepts_.concepts[0].said == ()
    assert "lime" in str(fitted.hierarchy_)


def test_labels_from_texts_last(tmp_path: Path) -> None:
    fitted = model(ctfidf=True, stop_words=["a", "at"]).fit(three_colors(), docs=DOCS)
    loaded = ConceptModel.load(fitted.save(tmp_path / "saved"), embedding_model=PicturesOnly())
    assert loaded.topics == fitted.topics
    assert Counter(hit.concept for hit in loaded.find_images("whale", 20)) == {1: 7}
    merged = loaded.merge_concepts([0, 1])[0]
    assert {"red", "blue"} <= set(merged.words)
    assert loaded.split_concept(0)[0].words
    assert str(loaded.update(color_images(["magenta"], 8))).startswith("8 images: 8 in 1 new concept")
    assert loaded.concepts_.concepts[-1].words == ()
    assert loaded.topics[0]


def test_a_word_of_one_text_is_no_label() -> None:
    docs = [f"picture{i} {'red' if i < 9 else 'other'}" for i in range(21)]
    fitted = model(ctfidf=True).fit(three_colors(), docs=docs)
    assert [concept.words for concept in fitted.concepts_.concepts] == [("red",), ("other",), ("other",)]


@pytest.mark.parametrize(("ctfidf", "n_docs"), [(False, 21), (True, 20), (True, 3)])
def test_docs_that_cannot_be_used_are_named_with_what_is_missing(ctfidf: bool, n_docs: int) -> None:
    expected = "give one text per image as docs=" if ctfidf else "give ctfidf=True and one text per image as docs="
    with pytest.warns(NoWordsWarning, match=expected):
        assert model(ctfidf=ctfidf).fit(three_colors(), docs=DOCS[:n_docs]).topics[0] == ""


def test_texts_of_the_images_come_from_one_place() -> None:
    with pytest.raises(InvalidParameterError, match=r"ocr=.*docs= are the texts"):
        model(ctfidf=True, ocr=CaptionReader()).fit(three_colors(), docs=DOCS)


def test_docs_mean_what_they_meant_where_the_encoder_knows_texts() -> None:
    images = three_colors()
    fitted = ConceptModel(embedding_model=ColorEncoder(), ctfidf=True, cache=False).fit(images, docs=["red"] * 21)
    assert fitted.concepts_.texts is None
