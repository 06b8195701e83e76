"""The estimator as a whole: what comes out of `fit`, and that whatever comes in, everything afterwards works."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from badfiles import make_bad_files
from PIL import Image
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import CountVectorizer
from tinyclip import tiny_clip

from concept_memes import ConceptHit, ConceptModel, ImageHit
from concept_memes.errors import (
    AdjustedWarning,
    EncoderError,
    InvalidParameterError,
    NoImagesError,
    NoTextEncoderError,
    NoWordsWarning,
    SkippedImagesWarning,
    SourceError,
    UnreadableImageError,
    VocabularyError,
)
from concept_memes.testing import ColorEncoder, color_images, write_color_images
from concept_memes.vocabulary import default_nouns

COLORS = ["red", "blue", "lime", "yellow", "magenta", "cyan", "black", "white"]


class PictureOnlyEncoder:
    """Pictures, but no texts."""

    name, n_dims, image_size, batch_size, blocks = "pictures", 3, (8, 8), 4, (slice(0, 3),)
    fingerprint = "pictures/1"

    def preprocess(self, image: Image.Image) -> npt.NDArray[Any]:
        return np.asarray(image.resize((8, 8)), np.float32) / 255

    def encode_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        vectors = batch.mean(axis=(1, 2)) + 1e-3
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


class Nothing:
    """A clusterer that finds nothing."""

    def fit(self, X: npt.NDArray[Any]) -> Nothing:  # noqa: N803
        self.labels_ = np.full(len(X), -1)
        return self


def colored(**parameters: Any) -> ConceptModel:
    return ConceptModel(**{"embedding_model": ColorEncoder(), "vocabulary": COLORS, **parameters})


def three_colors() -> list[Image.Image]:
    return color_images(["red"], 9) + color_images(["blue"], 7) + color_images(["lime"], 5)


def check_whole(model: ConceptModel, n_images: int) -> None:
    """Check everything that must hold after any fit, and use everything that can be used."""
    labels = model.labels_
    assert labels.shape == (n_images,)
    assert labels.dtype == np.int64
    n_concepts = len(model.concepts_)
    sizes = [int((labels == number).sum()) for number in range(n_concepts)]
    assert set(labels.tolist()) <= {-1, *range(n_concepts)}
    assert sizes == sorted(sizes, reverse=True)
    assert 0 not in sizes
    assert [concept.size for concept in model.concepts_.concepts] == sizes
    assert ((model.probabilities_ > 0) == (labels >= 0)).all()
    for concept in model.concepts_.concepts:
        assert concept.exemplars
        assert (labels[list(concept.exemplars)] == concept.index).all()
        assert list(concept.word_scores) == sorted(concept.word_scores, reverse=True)
    assert len(model.visualize_concepts().texts) >= 2
    assert sorted(model.cluster_images) == list(range(n_concepts))
    assert int(model.frequency["Count"].sum()) == n_images
    assert sorted(model.topics) == list(range(n_concepts))
    assert len(model.to_dataframe()) == n_images


# --- what fitting gives -----------------------------------------------------------------------------------------------


def test_fitting_finds_the_kinds_and_numbers_them_by_size() -> None:
    model = colored()
    labels = model.fit_transform(three_colors())
    assert labels.tolist() == [0] * 9 + [1] * 7 + [2] * 5
    assert [concept.words[0] for concept in model.concepts_.concepts] == ["red", "blue", "lime"]
    check_whole(model, 21)


def test_fit_returns_the_model_and_fit_transform_its_labels() -> None:
    model = colored()
    assert model.fit(three_colors()) is model
    np.testing.assert_array_equal(colored().fit_transform(three_colors()), model.labels_)


def test_concepts_of_equal_size_are_numbered_by_content_not_by_order() -> None:
    images = color_images(["red", "blue"], 6)
    labels = colored().fit_transform(images)
    turned = colored().fit_transform(images[::-1])
    np.testing.assert_array_equal(labels, turned[::-1])
    assert sorted(set(labels.tolist())) == [0, 1]


def test_unreadable_images_keep_their_place_and_are_named(tmp_path: Path) -> None:
    images: list[Any] = three_colors()
    (tmp_path / "empty.png").write_bytes(b"")
    images[3:3] = [tmp_path / "empty.png"]
    images.append(str(tmp_path / "gone.jpg"))
    model = colored()
    with pytest.warns(SkippedImagesWarning, match=r"^2 of 23 images .*1 empty file.*1 missing|1 missing.*1 empty") as w:
        labels = model.fit_transform(images)
    assert len(w) == 1
    assert labels.tolist() == [0] * 3 + [-1] + [0] * 6 + [1] * 7 + [2] * 5 + [-1]
    assert [(s.path, s.index) for s in model.skipped_] == [(tmp_path / "empty.png", 3), (tmp_path / "gone.jpg", 22)]
    assert model.report_.n_read == 21
    assert [image.name for image in model.images_][:4:3] == ["image-0", str(tmp_path / "empty.png")]
    check_whole(model, 23)


def test_copies_of_a_picture_share_a_concept_and_are_encoded_once() -> None:
    encoder = ColorEncoder(batch_size=1)
    image, *others = three_colors()
    model = colored(embedding_model=encoder)
    labels = model.fit_transform([image, *others, image, image.copy()])
    assert encoder.n_encoded == 21
    assert model.report_.n_copies == 2
    assert labels[0] == labels[21] == labels[22] == 0
    for concept in model.concepts_.concepts:
        shown = [model.images_[i].content_hash for i in concept.exemplars]
        assert len(set(shown)) == len(shown)


def test_a_second_fit_forgets_the_first() -> None:
    model = colored()
    model.fit(three_colors())
    model.fit([Image.new("RGB", (9, 9), "white")] * 3)
    assert model.labels_.tolist() == [0, 0, 0]
    assert model.concepts_.concepts[0].words[0] == "white"


def test_a_fit_that_fails_leaves_the_fitted_model_as_it_was(tmp_path: Path) -> None:
    model = colored().fit(three_colors())
    with pytest.raises(SourceError):
        model.fit(tmp_path / "nowhere")
    assert len(model.concepts_) == 3
    assert model.find_concepts("blue")[0].concept == 1


# --- searching --------------------------------------------------------------------------------------------------------


def test_concepts_are_found_by_text_nearest_first() -> None:
    hits = colored().fit(three_colors()).find_concepts("lime")
    assert all(isinstance(hit, ConceptHit) for hit in hits)
    assert [concept for concept, _ in hits][0] == 2
    similarities = [similarity for _, similarity in hits]
    assert similarities == sorted(similarities, reverse=True)
    assert len(hits) == 3


def test_hits_are_drawn_as_they_come() -> None:
    model = colored().fit(three_colors())
    hits = model.find_concepts("lime", top_n=2)
    drawn = [text.get_text() for text in model.visualize_concepts(hits).texts if "title" in str(text.get_gid())]
    assert drawn == [model.concepts_.concepts[hit.concept].title for hit in hits]
    assert drawn == [
        text.get_text() for text in model.visualize_concepts(concepts=hits).texts if "title" in str(text.get_gid())
    ]
    with pytest.raises(InvalidParameterError, match="top_n"):
        model.visualize_concepts("lime")  # type: ignore[arg-type]


def test_what_a_picture_finds_is_drawn_in_the_order_of_the_scores_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[ImageHit]] = []

    def draw(concept_set: object, query: object, images: list[ImageHit], *rest: object, **more: object) -> None:
        seen.append(images)

    monkeypatch.setattr("concept_memes.figures.query.draw_query", draw)
    pictures = three_colors()
    model = colored().fit(pictures)
    model.visualize_query(pictures[7], top_n=9)
    shown = [hit.similarity for hit in seen[0]]
    assert len(shown) == 9
    assert shown == sorted(shown, reverse=True)
    assert {hit.index for hit in seen[0]} == {hit.index for hit in model.find_images(pictures[7], top_n=9)}


def test_images_are_found_by_text_and_top_n_limits_them(tmp_path: Path) -> None:
    paths = write_color_images(tmp_path, ["red", "blue"], 5)
    model = colored().fit(paths)
    hits = model.find_images("blue", top_n=4)
    assert len(hits) == 4
    assert all(isinstance(hit, ImageHit) and hit.path == paths[hit.index] for hit in hits)
    assert {hit.path.name.split("-")[0] for hit in hits if hit.path} == {"blue"}
    assert {hit.concept for hit in hits} == {int(model.labels_[5])}
    assert len(model.find_images("blue", top_n=99)) == 10


def test_pictures_find_pictures(tmp_path: Path) -> None:
    paths = write_color_images(tmp_path, ["red", "blue"], 5)
    model = colored().fit(paths)
    for query in (paths[7], Image.open(paths[7]).convert("RGB"), np.asarray(Image.open(paths[7]))):
        best = model.find_images(query, top_n=1)[0]
        assert best.index == 7
        assert best.similarity == pytest.approx(1, abs=1e-5)
        assert model.find_concepts(query, top_n=1)[0].concept == model.labels_[7]


def test_unreadable_images_are_never_found(tmp_path: Path) -> None:
    with pytest.warns(SkippedImagesWarning):
        model = colored().fit([tmp_path / "gone.png", *three_colors()])
    assert 0 not in [hit.index for hit in model.find_images("red", top_n=99)]


def test_a_str_is_a_text_even_where_a_file_has_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    color_images(["blue"], 1)[0].save("red", "PNG")
    model = colored().fit(three_colors())
    assert model.find_concepts("red")[0].concept == 0
    assert model.find_concepts(Path("red"))[0].concept == 1


@pytest.mark.parametrize("query", ["", "  ", 7, None, ["red"], b"red"])
def test_a_query_that_is_none_is_refused(query: Any) -> None:
    model = colored().fit(three_colors())
    with pytest.raises(InvalidParameterError, match=r"query=.* must be a text"):
        model.find_concepts(query)


@pytest.mark.parametrize("top_n", [0, -1, 1.5, True, "3"])
@pytest.mark.parametrize("method", ["find_concepts", "find_images"])
def test_top_n_must_be_a_whole_number_from_1(method: str, top_n: Any) -> None:
    model = colored().fit(three_colors())
    with pytest.raises(InvalidParameterError, match="top_n must be an integer of at least 1"):
        getattr(model, method)("red", top_n=top_n)


# --- new images, vectors ----------------------------------------------------------------------------------------------


def test_transform_gives_new_images_the_concept_of_their_kind() -> None:
    model = colored().fit(three_colors())
    labels = model.transform(color_images(["red", "blue", "lime"], 20, seed=9))
    assert labels.dtype == np.int64
    for number, kind in enumerate(np.split(labels, 3)):
        assert set(kind.tolist()) <= {number, -1}
        assert (kind == number).mean() > 0.6


def test_transform_of_a_collection_of_one_kind_tells_foreign_images() -> None:
    model = colored(umap_model=PCA(2), hdbscan_model=KMeans(1, n_init=1)).fit(color_images(["red"], 30))
    assert len(model.concepts_) == 1
    assert (model.transform(color_images(["red"], 20, seed=9)) == 0).mean() > 0.7
    assert model.transform(color_images(["blue", "white"], 5)).tolist() == [-1] * 10


def test_transform_gives_fitted_images_their_labels() -> None:
    model = colored().fit(three_colors())
    np.testing.assert_array_equal(model.transform(three_colors()), model.labels_)


def test_transform_gives_foreign_images_minus_1() -> None:
    model = colored().fit(three_colors())
    assert model.transform(color_images(["white", "black"], 2)).tolist() == [-1] * 4


def test_transform_marks_unreadable_images_and_warns_once(tmp_path: Path) -> None:
    model = colored().fit(three_colors())
    with pytest.warns(SkippedImagesWarning, match="1 of 2 images") as caught:
        labels = model.transform([tmp_path / "gone.png", color_images(["blue"], 1)[0]])
    assert labels.tolist() == [-1, 1]
    assert len(caught) == 1


def test_transform_of_vectors_equals_transform_of_their_images() -> None:
    model = colored().fit(three_colors())
    new = color_images(["lime", "red", "white"], 2, seed=5)
    np.testing.assert_array_equal(model.transform(image_embeddings=model.embed_images(new)), model.transform(new))


def test_transform_refuses_vectors_of_another_length() -> None:
    model = colored().fit(three_colors())
    with pytest.raises(InvalidParameterError, match=r"image_embeddings=\(2, 5\).*\(n_images, 27\)"):
        model.transform(image_embeddings=np.ones((2, 5)))


@pytest.mark.parametrize("method", ["fit", "fit_transform", "transform"])
def test_images_or_vectors_must_come(method: str) -> None:
    model = colored().fit(three_colors())
    with pytest.raises(InvalidParameterError, match="images=None: images must be given, unless image_embeddings are"):
        getattr(model, method)()


def test_images_and_texts_become_unit_vectors_of_one_space() -> None:
    model = colored()
    images, texts = model.embed_images(three_colors()), model.embed_texts(["red", "blue"])
    for vectors, n in ((images, 21), (texts, 2)):
        assert vectors.shape == (n, 27)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (np.argmax(images[:16] @ texts.T, axis=1) == [0] * 9 + [1] * 7).all()


def test_vectors_of_images_are_those_that_fit_used() -> None:
    model = colored().fit(three_colors())
    np.testing.assert_array_equal(model.embed_images(three_colors()), model.concepts_.vectors)


def test_embedding_unreadable_images_raises_and_names_them(tmp_path: Path) -> None:
    bad = [tmp_path / f"gone-{i}.png" for i in range(2)]
    with pytest.raises(
        UnreadableImageError, match=r"2 of 3 images cannot be read: .*gone-0\.png.*missing.*gone-1\.png"
    ):
        colored().embed_images([bad[0], color_images(["red"], 1)[0], bad[1]])


@pytest.mark.parametrize("texts", ["red", ["red", 3], [None]])
def test_texts_must_be_a_list_of_strings(texts: Any) -> None:
    with pytest.raises(InvalidParameterError, match="texts must be a list of strings"):
        colored().embed_texts(texts)


def test_no_texts_become_no_vectors() -> None:
    assert colored().embed_texts([]).shape == (0, 27)


def test_changing_the_encoder_before_fit_takes_effect() -> None:
    model = ConceptModel(embedding_model=PictureOnlyEncoder())
    assert model.embed_images(three_colors()).shape == (21, 3)
    model.set_params(embedding_model=ColorEncoder())
    assert model.embed_images(three_colors()).shape == (21, 27)


def test_changing_the_encoder_after_fit_waits_for_the_next_fit() -> None:
    model = colored().fit(three_colors())
    model.set_params(embedding_model=PictureOnlyEncoder())
    assert model.find_concepts("blue")[0].concept == 1
    assert model.embedding_model_ is not None
    assert model.embedding_model_.name == "colors"


# --- vectors that were computed before --------------------------------------------------------------------------------


def vectors_of_colors() -> npt.NDArray[np.float32]:
    return ColorEncoder().encode_images(np.stack([ColorEncoder().preprocess(i) for i in three_colors()]))


def test_with_vectors_no_file_is_opened_and_auto_gives_no_words_with_one_warning() -> None:
    paths = [f"no/such/folder/{i}.jpg" for i in range(21)]
    model = ConceptModel()
    with pytest.warns(NoWordsWarning, match="image_embeddings came without a model") as caught:
        labels = model.fit_transform(paths, image_embeddings=vectors_of_colors())
    assert len(caught) == 1
    assert labels.tolist() == [0] * 9 + [1] * 7 + [2] * 5
    assert [concept.words for concept in model.concepts_.concepts] == [(), (), ()]
    assert model.topics == {0: "", 1: "", 2: ""}
    assert model.skipped_ == ()
    assert model.embedding_model_ is None
    assert [str(image.path) for image in model.images_] == paths


def test_with_vectors_and_no_model_searching_by_text_says_why_it_cannot() -> None:
    with pytest.warns(NoWordsWarning):
        model = ConceptModel().fit(image_embeddings=vectors_of_colors())
    with pytest.raises(NoTextEncoderError, match="came from outside.*embedding_model="):
        model.find_concepts("red")
    with pytest.raises(NoTextEncoderError, match="came from outside"):
        model.transform(color_images(["red"], 1))
    assert model.transform(image_embeddings=vectors_of_colors()[[0, 20]]).tolist() == [0, 2]


def test_with_vectors_figures_show_stand_ins_for_files_that_are_gone() -> None:
    with pytest.warns(NoWordsWarning):
        model = ConceptModel().fit(["a.png"] * 21, image_embeddings=vectors_of_colors())
    check_whole(model, 21)


def test_with_vectors_and_a_named_model_of_equal_length_there_are_words() -> None:
    model = colored().fit(image_embeddings=vectors_of_colors())
    assert [concept.words[0] for concept in model.concepts_.concepts] == ["red", "blue", "lime"]
    assert model.find_concepts("blue")[0].concept == 1


def test_vectors_of_another_length_than_the_model_s_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match=r"image_embeddings=\(4, 5\).*27 columns.*'colors'"):
        colored().fit(image_embeddings=np.eye(4, 5) + 1)


def test_vectors_and_images_must_be_equally_many() -> None:
    with pytest.raises(InvalidParameterError, match="one row per image; there are 2 images"):
        colored().fit(["a.png", "b.png"], image_embeddings=vectors_of_colors())


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones(27), r"shape \(n_images, n_dims\)"),
        (np.ones((0, 27)), r"shape \(n_images, n_dims\)"),
        (np.full((2, 27), np.nan), "row 0 and 1 others.*finite and not zero"),
        (np.vstack([np.ones(27), np.zeros(27)]), "row 1.*finite and not zero"),
        ([["a"]], "array of numbers"),
    ],
)
def test_vectors_that_are_none_are_refused(vectors: Any, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        colored().fit(image_embeddings=vectors)


def test_vectors_need_not_be_of_length_1_nor_float32() -> None:
    model = colored().fit(image_embeddings=vectors_of_colors().astype(np.float64) * np.arange(1, 22)[:, None])
    assert model.labels_.tolist() == [0] * 9 + [1] * 7 + [2] * 5
    np.testing.assert_allclose(np.linalg.norm(model.concepts_.vectors, axis=1), 1, atol=1e-5)


def test_with_vectors_no_model_library_is_loaded() -> None:
    code = """
import json, sys, warnings
import numpy as np
from concept_memes import ConceptModel
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
vectors = np.repeat(np.eye(3, 16), 6, axis=0) + rng.normal(0, 0.05, (18, 16))
model = ConceptModel().fit([f"gone/{i}.jpg" for i in range(18)], image_embeddings=vectors)
loaded = [name for name in ("torch", "transformers", "sentence_transformers") if name in sys.modules]
print(json.dumps([len(model.concepts_), loaded]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [3, []]


def test_a_picture_encoder_gives_concepts_without_words_and_says_so() -> None:
    model = ConceptModel(embedding_model=PictureOnlyEncoder())
    with pytest.warns(NoWordsWarning, match="'pictures' knows pictures only") as caught:
        model.fit(three_colors())
    assert len(caught) == 1
    check_whole(model, 21)
    with pytest.raises(NoTextEncoderError, match="'pictures' knows pictures only"):
        model.find_images("red")
    assert model.find_images(three_colors()[20], top_n=1)[0].index == 20


def test_an_encoder_that_breaks_its_promise_is_named() -> None:
    class Short(PictureOnlyEncoder):
        n_dims, blocks = 4, (slice(0, 4),)

    with pytest.raises(EncoderError, match=r"'pictures' gave vectors of shape \(4, 3\).*\(4, 4\)"):
        ConceptModel(embedding_model=Short()).fit(three_colors())


# --- words ------------------------------------------------------------------------------------------------------------


def test_docs_are_kept_unbroken() -> None:
    docs = ["ice-cream", "New York", "C++", "猫", "red"]
    model = colored().fit(three_colors(), docs=docs)
    assert {word for concept in model.concepts_.concepts for word in concept.words} == set(docs)
    assert model.concepts_.words == tuple(sorted(docs))
    assert model.concepts_.concepts[0].words[0] == "red"


def test_docs_replace_the_vocabulary() -> None:
    model = colored(vocabulary=["blue"]).fit(three_colors(), docs=["lime", "red"])
    assert {word for concept in model.concepts_.concepts for word in concept.words} == {"lime", "red"}


def test_without_docs_the_words_are_the_nouns_of_the_package() -> None:
    model = colored(vocabulary=None).fit(three_colors())
    assert all(len(concept.words) <= 10 for concept in model.concepts_.concepts)
    assert model.concepts_.candidates == default_nouns()
    assert set(model.concepts_.words) <= set(default_nouns())


def test_a_vectorizer_splits_docs_into_words() -> None:
    model = colored(vectorizer_model=CountVectorizer(token_pattern=r"[a-z]+"))
    model.fit(three_colors(), docs=["a red car", "the blue sea"])
    assert set(model.concepts_.candidates) == {"a", "red", "car", "the", "blue", "sea"}
    assert [concept.words[0] for concept in model.concepts_.concepts][:2] == ["red", "blue"]


def test_ctfidf_ranks_the_words_inside_sentences() -> None:
    class FirstColor(ColorEncoder):
        def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
            return super().encode_texts([next(w for w in text.split() if w in COLORS) for text in texts])

    docs = ["a red tomato", "a red tomato soup", "the blue sea", "a blue ocean sea", "fresh lime juice", "lime juice"]
    model = colored(embedding_model=FirstColor(), ctfidf=True).fit(three_colors(), docs=docs)
    tops = [concept.words[:2] for concept in model.concepts_.concepts]
    assert [set(words) for words in tops] == [{"red", "tomato"}, {"blue", "sea"}, {"lime", "juice"}]
    check_whole(model, 21)


def test_ctfidf_works_with_words_and_with_the_vocabulary() -> None:
    docs = ["red", "blue", "lime", "New York"]
    with_docs = colored(ctfidf=True).fit(three_colors(), docs=docs)
    without = colored(ctfidf=True).fit(three_colors())
    for model in (with_docs, without):
        assert [concept.words[0] for concept in model.concepts_.concepts] == ["red", "blue", "lime"]


def test_ctfidf_uses_the_vectorizer() -> None:
    model = colored(ctfidf=True, vectorizer_model=CountVectorizer(analyzer="char"))
    model.fit(three_colors(), docs=["red", "blue", "lime"])
    assert set(model.concepts_.concepts[0].words) == {"r", "e", "d"}


def test_a_labeler_of_one_s_own_names_the_concepts() -> None:
    class Alphabet:
        def rank_words(self, centroids: Any, words: Sequence[str], word_vectors: Any) -> list[list[tuple[str, float]]]:
            return [[(min(words), 1.0), (max(words), 0.5)] if number else [] for number in range(len(centroids))]

    model = colored(labeler=Alphabet()).fit(three_colors())
    assert model.topics == {0: "", 1: "black, yellow", 2: "black, yellow"}
    assert model.concepts_.concepts[0].title == "concept 0"
    assert len(model.visualize_concepts().texts) > 3


@pytest.mark.parametrize("docs", ["one string", [], ["  "], ["red", 3], 7])
def test_docs_that_are_none_are_refused_before_anything_is_embedded(docs: Any) -> None:
    encoder = ColorEncoder()
    with pytest.raises(VocabularyError):
        colored(embedding_model=encoder).fit(three_colors(), docs=docs)
    assert encoder.n_encoded == 0


def test_a_wrong_vocabulary_is_refused_before_anything_is_embedded() -> None:
    encoder = ColorEncoder()
    with pytest.raises(VocabularyError, match="vocabulary='animals'"):
        colored(embedding_model=encoder, vocabulary="animals").fit(three_colors())
    assert encoder.n_encoded == 0


# --- collections of all sizes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2])
def test_one_picture_or_two_are_one_concept(n: int, tmp_path: Path) -> None:
    model = colored().fit(color_images(["red", "blue"][:n], 1))
    assert model.labels_.tolist() == [0] * n
    check_whole(model, n)
    assert len(model.find_concepts("red")) == 1
    again = ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder())
    assert again.transform(color_images(["red", "blue"][:n], 1)).tolist() == [0] * n


@pytest.mark.parametrize("n", [4, 6, 20])
def test_a_small_collection_of_two_kinds_is_two_concepts(n: int) -> None:
    model = colored()
    labels = model.fit_transform(color_images(["red", "blue"], n))
    assert len(model.concepts_) == 2
    assert len(set(labels[:n].tolist())) == len(set(labels[n:].tolist())) == 1
    check_whole(model, 2 * n)


def test_many_kinds_of_few_pictures_are_found() -> None:
    labels = colored().fit_transform(color_images(COLORS, 3))
    assert (labels >= 0).mean() > 0.7
    assert len(set(labels.tolist()) - {-1}) >= 6


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 12, 40])
def test_a_collection_of_any_size_and_of_random_pictures_works(n: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(n)
    images = [rng.integers(0, rng.integers(1, 256, 3), (8, 8, 3)).astype(np.uint8) for _ in range(n)]
    model = colored().fit(images)
    check_whole(model, n)
    assert len(model.find_images("red", top_n=99)) == n
    model.save(tmp_path / "saved")


@pytest.mark.parametrize("n", [2, 7, 150])
def test_identical_pictures_are_one_concept_with_one_exemplar(n: int, tmp_path: Path) -> None:
    model = colored().fit([Image.new("RGB", (20, 20), "blue")] * n)
    assert model.labels_.tolist() == [0] * n
    assert len(model.concepts_.concepts[0].exemplars) == 1
    assert model.concepts_.concepts[0].words[0] == "blue"
    check_whole(model, n)
    assert model.transform([Image.new("RGB", (20, 20), "blue")]).tolist() == [0]
    model.save(tmp_path / "saved")


def test_where_nothing_is_found_everything_still_works(tmp_path: Path) -> None:
    model = colored(hdbscan_model=Nothing()).fit(three_colors())
    assert model.labels_.tolist() == [-1] * 21
    assert len(model.concepts_) == 0
    check_whole(model, 21)
    assert model.find_concepts("red") == []
    assert len(model.find_images("red", top_n=3)) == 3
    assert model.transform(three_colors()).tolist() == [-1] * 21
    assert model.frequency["Count"].to_dict() == {-1: 21}
    with pytest.warns(AdjustedWarning, match="hdbscan_model"):
        again = ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder())
    assert again.find_images("red", top_n=3) == model.find_images("red", top_n=3)
    assert len(again.visualize_concepts().texts) == len(model.visualize_concepts().texts)


@pytest.mark.parametrize("nothing", [[], (), np.empty((0, 4, 4, 3), np.uint8), iter([])])
def test_an_empty_collection_is_refused(nothing: Any) -> None:
    with pytest.raises(NoImagesError, match="not one"):
        colored().fit(nothing)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoImagesError, match="no file at all"):
        colored().fit(tmp_path)


def test_more_exemplars_than_pictures_gives_all_of_them() -> None:
    model = colored(n_exemplars=50).fit(three_colors())
    assert [sorted(c.exemplars) for c in model.concepts_.concepts] == [
        list(range(9)),
        list(range(9, 16)),
        list(range(16, 21)),
    ]


def test_n_exemplars_limits_the_exemplars() -> None:
    model = colored(n_exemplars=2).fit(three_colors())
    assert [len(concept.exemplars) for concept in model.concepts_.concepts] == [2, 2, 2]


def test_diversity_changes_the_exemplars_but_not_the_first() -> None:
    typical, different = (colored(n_exemplars=3, diversity=d).fit(color_images(["red"], 40)) for d in (0, 1))
    a, b = typical.concepts_.concepts[0], different.concepts_.concepts[0]
    assert a.exemplars[0] == b.exemplars[0]
    assert a.exemplars != b.exemplars
    assert np.mean(a.exemplar_scores) > np.mean(b.exemplar_scores)


@pytest.mark.parametrize("concepts", [[3], [-1], [0, 99], ["red"], [0.0]])
def test_a_concept_that_does_not_exist_cannot_be_drawn(concepts: Any) -> None:
    model = colored().fit(three_colors())
    with pytest.raises(InvalidParameterError, match="concepts must be numbers of concepts, from 0 to 2"):
        model.visualize_concepts(concepts=concepts)


def test_hits_of_a_search_are_drawn_with_their_similarity() -> None:
    model = colored().fit(three_colors())
    texts = [text.get_text() for text in model.visualize_concepts(concepts=model.find_concepts("lime", top_n=1)).texts]
    assert texts[0].startswith("lime")
    assert "similarity" in texts[1]
    assert "model: colors" in texts


def test_a_minimum_size_above_the_collection_is_lowered_with_a_warning() -> None:
    with pytest.warns(AdjustedWarning, match="min_concept_size=30 is more than the 21 pictures"):
        model = colored(min_concept_size=30).fit(three_colors())
    check_whole(model, 21)


def test_kinds_below_the_minimum_size_are_no_concepts() -> None:
    model = colored(min_concept_size=6).fit(three_colors())
    assert model.labels_.tolist() == [0] * 9 + [1] * 7 + [-1] * 5


@pytest.mark.parametrize("random_state", [None, 7])
def test_many_pictures_go_through_umap_and_hdbscan(random_state: int | None) -> None:
    model = colored(random_state=random_state)
    kinds = np.split(model.fit_transform(color_images(COLORS[:4], 40)), 4)
    found = [set(kind.tolist()) - {-1} for kind in kinds]
    assert all(found)
    assert sum(map(len, found)) == len(set.union(*found)) == len(model.concepts_), "a concept has pictures of two kinds"
    assert (model.labels_ >= 0).mean() > 0.8
    check_whole(model, 160)


# --- other estimators -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimators",
    [
        {"hdbscan_model": KMeans(3, n_init=10, random_state=0)},
        {"hdbscan_model": AgglomerativeClustering(3)},
        {"hdbscan_model": HDBSCAN(min_cluster_size=4, copy=True)},
        {"umap_model": PCA(3)},
        {"umap_model": PCA(2), "hdbscan_model": KMeans(3, n_init=10, random_state=0)},
        {"umap_model": PCA(3), "hdbscan_model": HDBSCAN(min_cluster_size=4, copy=True)},
    ],
    ids=["KMeans", "Agglomerative", "HDBSCAN", "PCA", "PCA-KMeans", "PCA-HDBSCAN"],
)
def test_estimators_of_scikit_learn_go_through_the_whole_pipeline(estimators: dict[str, Any], tmp_path: Path) -> None:
    before = {name: estimator.get_params() for name, estimator in estimators.items()}
    model = colored(**estimators).fit(three_colors())
    assert model.labels_.tolist() == [0] * 9 + [1] * 7 + [2] * 5
    check_whole(model, 21)
    assert model.find_concepts("blue")[0].concept == 1
    assert (model.transform(color_images(["lime"], 20, seed=3)) == 2).mean() > 0.7
    for name, estimator in estimators.items():
        assert estimator.get_params() == before[name]
        assert not any(attribute.endswith("_") for attribute in vars(estimator)), "it was fitted, not cloned"
    with pytest.warns(AdjustedWarning, match=", ".join(sorted(estimators))):
        again = ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder())
    assert again.find_images("lime") == model.find_images("lime")


def test_a_clusterer_that_wants_more_groups_than_pictures_gets_fewer_with_a_warning() -> None:
    with pytest.warns(AdjustedWarning, match="n_clusters=8, but only 2 pictures"):
        model = colored(hdbscan_model=KMeans(8, n_init=1)).fit(color_images(["red", "blue"], 1))
    assert len(model.concepts_) == 2
    check_whole(model, 2)


# --- bad files --------------------------------------------------------------------------------------------------------


def test_bad_files_change_nothing_and_are_named_with_reasons(tmp_path: Path) -> None:
    clean, mixed = tmp_path / "clean", tmp_path / "mixed"
    for folder in (clean, mixed):
        write_color_images(folder, ["red", "blue", "lime"], 7)
    reasons = make_bad_files(mixed)
    assert len(reasons) == 25
    expected = colored().fit(clean)
    model = colored()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(mixed)
    assert [warning.category for warning in caught] == [SkippedImagesWarning]
    assert str(caught[0].message).startswith("25 of 46 images could not be read")
    found = {s.path.name: s.reason for s in model.skipped_ if s.path is not None}
    assert sorted(found) == sorted(reasons)
    assert len(model.skipped_) == 25
    wrong = {name: (found[name], reason) for name, reason in reasons.items() if reason not in found[name]}
    assert wrong == {}
    assert all(model.images_[s.index].path == s.path and model.labels_[s.index] == -1 for s in model.skipped_)
    label_of = {image.name: label for image, label in zip(model.images_, model.labels_.tolist(), strict=True)}
    assert [label_of[image.name] for image in expected.images_] == expected.labels_.tolist()
    assert model.topics == expected.topics
    assert [concept.exemplar_scores for concept in model.concepts_.concepts] == [
        concept.exemplar_scores for concept in expected.concepts_.concepts
    ]
    assert model.to_dataframe().set_index("name").loc["empty.jpg", "reason"] == "empty file"
    check_whole(model, 46)


def test_where_no_file_can_be_read_the_error_says_why(tmp_path: Path) -> None:
    make_bad_files(tmp_path)
    with pytest.raises(NoImagesError, match=r"None of the 25 images could be read: .*not an image.*and \d+ more\.$"):
        colored().fit(tmp_path)


# --- the true CLIP path -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("models") / "tiny-clip")


def test_a_clip_checkpoint_goes_through_the_whole_pipeline(clip_folder: Path, tmp_path: Path) -> None:
    paths = write_color_images(tmp_path / "pictures", ["red", "blue"], 8)
    model = ConceptModel(embedding_model=clip_folder, vocabulary=["cat", "dog", "the"])
    labels = model.fit_transform(tmp_path / "pictures")
    names = [image.name for image in model.images_]
    assert {label for name, label in zip(names, labels.tolist(), strict=True) if "red" in name} != {
        label for name, label in zip(names, labels.tolist(), strict=True) if "blue" in name
    }
    check_whole(model, 16)
    assert model.find_images(paths[3], top_n=1)[0].path == paths[3]
    again = ConceptModel.load(model.save(tmp_path / "saved"))
    assert again.find_concepts("the cat") == model.find_concepts("the cat")
    assert again.find_images("a dog") == model.find_images("a dog")
    new = color_images(["red", "blue"], 3, seed=4)
    np.testing.assert_array_equal(again.transform(new), model.transform(new))
    assert again.embedding_model_ is not None
    assert model.embedding_model_ is not None
    assert again.embedding_model_.fingerprint == model.embedding_model_.fingerprint


def test_a_folder_that_is_not_there_is_an_error_before_any_model_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def must_not_be_called(_: object) -> None:
        raise AssertionError("the model was resolved first")

    monkeypatch.setattr("concept_memes.model.resolve_encoder", must_not_be_called)
    with pytest.raises(SourceError, match="no-such-folder"):
        ConceptModel().fit("no-such-folder/")
