"""Names from a callable of the user's own: what it gets, what becomes of it, and that it never ends a run."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageStat
from sklearn.base import clone

from concept_memes import ConceptModel
from concept_memes.cli.documents import fitted_document
from concept_memes.cli.tables import words_of
from concept_memes.concepts import ConceptSet, HierarchyNode
from concept_memes.errors import AdjustedWarning, InvalidParameterError, NamingWarning, NoWordsWarning
from concept_memes.labels import NearestWords
from concept_memes.naming import SIDE, ExemplarImages, check_labeler, name_concepts, namer_of, ranker_of
from concept_memes.protocols import FloatArray
from concept_memes.testing import ColorEncoder, color_images, write_color_images

Names = Callable[[Sequence[Image.Image], tuple[str, ...]], Any]


def first_word(exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
    return f"all {words[0]}"


def names_of(concept_set: ConceptSet) -> list[str]:
    return [concept.name for concept in concept_set.concepts]


def fitted(**parameters: Any) -> ConceptModel:
    images = color_images(["red"], 9) + color_images(["blue"], 7) + color_images(["lime"], 5)
    given = {"embedding_model": ColorEncoder(), "vocabulary": ["red", "blue", "lime"], "cache": False, **parameters}
    return ConceptModel(**given).fit(images)


@pytest.fixture
def on_disk(tmp_path: Path) -> ConceptSet:
    """Two concepts of files."""
    write_color_images(tmp_path / "photos", ["red"], 6)
    write_color_images(tmp_path / "photos", ["blue"], 4)
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"], cache=False)
    return model.fit(tmp_path / "photos").concepts_


@pytest.fixture
def no_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_telling_frame(*_: object, **__: object) -> None:
        pytest.fail("a file was opened")

    monkeypatch.setattr("concept_memes.naming.load_telling_frame", load_telling_frame)


class TestNameConcepts:
    def test_asks_once_per_concept_in_their_order_with_its_exemplars_and_words(self, on_disk: ConceptSet) -> None:
        asked = []

        def namer(exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
            asked.append((exemplars, words))
            return f"  number\n {len(asked)} "

        named = name_concepts(on_disk, namer)
        assert names_of(named) == ["number 1", "number 2"]
        assert [concept.title for concept in named.concepts] == ["number 1", "number 2"]
        assert [words for _, words in asked] == [concept.words for concept in on_disk.concepts]
        for (exemplars, _), concept in zip(asked, on_disk.concepts, strict=True):
            assert isinstance(exemplars, ExemplarImages)
            assert exemplars.indices == concept.exemplars

    def test_changes_nothing_but_names(self, on_disk: ConceptSet) -> None:
        named = name_concepts(on_disk, first_word)
        assert [replace(concept, name="") for concept in named.concepts] == list(on_disk.concepts)
        assert named.labels is on_disk.labels

    def test_names_only_the_concepts_that_were_asked_for(self, on_disk: ConceptSet) -> None:
        assert names_of(name_concepts(on_disk, first_word, [1])) == ["", "all blue"]
        assert names_of(name_concepts(on_disk, first_word, [])) == ["", ""]

    @pytest.mark.parametrize("concepts", [[2], [-1], [0, "red"]])
    def test_refuses_what_is_no_concept(self, on_disk: ConceptSet, concepts: list[Any]) -> None:
        with pytest.raises(InvalidParameterError, match="numbers of concepts, from 0 to 1"):
            name_concepts(on_disk, first_word, concepts)

    def test_empty_name_is_no_name_and_no_failure(self, on_disk: ConceptSet) -> None:
        once = name_concepts(on_disk, first_word)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert names_of(name_concepts(once, lambda exemplars, words: " ")) == ["", ""]

    def test_failures_are_told_in_one_warning_and_leave_the_others_alone(self, on_disk: ConceptSet) -> None:
        def only_blue(exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
            if words[0] != "blue":
                raise ConnectionError("no answer")
            return "sea"

        named = name_concepts(on_disk, first_word)
        with pytest.warns(NamingWarning, match=r"1 of 2 concepts \(0\).*concept 0: ConnectionError: no answer") as told:
            again = name_concepts(named, only_blue)
        assert names_of(again) == ["all red", "sea"]
        assert [Path(warning.filename).name for warning in told] == [Path(__file__).name]

    @pytest.mark.parametrize("wrong", [None, 7, ["red"], b"red"])
    def test_something_else_than_a_str_is_a_failure(self, on_disk: ConceptSet, wrong: object) -> None:
        with pytest.warns(NamingWarning, match=rf"2 of 2 concepts.*of type {type(wrong).__name__}; expected a str"):
            named = name_concepts(on_disk, lambda exemplars, words: wrong)  # type: ignore[arg-type, return-value]
        assert names_of(named) == ["", ""]

    def test_being_stopped_is_no_failure(self, on_disk: ConceptSet) -> None:
        def stopped(exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            name_concepts(on_disk, stopped)

    def test_many_failures_are_counted(self, on_disk: ConceptSet) -> None:
        many = replace(on_disk, concepts=tuple(replace(on_disk.concepts[0], index=i) for i in range(14)))
        with pytest.warns(NamingWarning, match=r"14 of 14 concepts \(0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 4 more\)"):
            name_concepts(many, lambda exemplars, words: None)  # type: ignore[arg-type, return-value]

    def test_leaves_of_the_hierarchy_carry_the_names(self, on_disk: ConceptSet) -> None:
        leaves = [HierarchyNode(i, (), (i,), 5, 1.0) for i in range(2)]
        tree = (*leaves, HierarchyNode(2, (0, 1), (0, 1), 10, 0.2, name="mine"))
        named = name_concepts(replace(on_disk, hierarchy=tree), first_word)
        assert [node.name for node in named.hierarchy] == ["all red", "all blue", "mine"]

    @pytest.mark.usefixtures("no_loading")
    def test_a_name_from_words_opens_no_file(self, on_disk: ConceptSet) -> None:
        def namer(exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
            assert isinstance(exemplars, ExemplarImages)
            assert all(path is not None and path.is_file() for path in exemplars.paths)
            return words[0]

        assert names_of(name_concepts(on_disk, namer)) == ["red", "blue"]


class TestExemplarImages:
    def test_are_upright_rgb_pictures_of_bounded_size(self, tmp_path: Path) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was turned
        Image.new("RGBA", (3 * SIDE, SIDE), "red").convert("RGB").save(tmp_path / "a.jpg", exif=exif)
        Image.new("L", (20, 10), 255).save(tmp_path / "b.png")
        model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"], cache=False).fit(tmp_path)
        exemplars = ExemplarImages(model.concepts_, [0, 1])
        assert [(picture.mode, picture.size) for picture in exemplars] == [
            ("RGB", (round(SIDE / 3), SIDE)),
            ("RGB", (20, 10)),
        ]
        assert exemplars[-1] is exemplars[1]
        assert exemplars[:1] == [exemplars[0]]

    def test_those_that_cannot_be_read_are_left_out(self, on_disk: ConceptSet) -> None:
        exemplars = ExemplarImages(on_disk, on_disk.concepts[0].exemplars)
        gone, broken, *_ = exemplars.paths
        assert gone is not None
        assert broken is not None
        gone.unlink()
        broken.write_bytes(b"")
        assert len(exemplars) == len(list(exemplars)) == len(exemplars.paths) - 2

    def test_pixels_have_no_path(self) -> None:
        concepts = fitted().concepts_
        exemplars = ExemplarImages(concepts, concepts.concepts[0].exemplars)
        assert set(exemplars.paths) == {None}
        assert all(isinstance(picture, Image.Image) for picture in exemplars)
        assert len(exemplars) > 0


class TestInTheModel:
    def test_names_become_titles_and_the_words_stay(self) -> None:
        model = fitted(labeler=first_word)
        assert [concept.title for concept in model.concepts_.concepts] == ["all red", "all blue", "all lime"]
        assert [concept.words for concept in model.concepts_.concepts] == [
            concept.words for concept in fitted().concepts_.concepts
        ]
        assert "names" in model.report_.seconds
        assert set(model.to_dataframe()["title"]) == {"all red", "all blue", "all lime"}

    def test_an_object_that_ranks_and_names_does_both(self) -> None:
        class Both(NearestWords):
            def __call__(self, exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
                return " or ".join(words)

            def rank_words(
                self, centroids: FloatArray, words: Sequence[str], word_vectors: FloatArray
            ) -> list[list[tuple[str, float]]]:
                return [[("this", 2.0), ("that", 1.0)] for _ in centroids]

        assert names_of(fitted(labeler=Both()).concepts_) == ["this or that"] * 3

    def test_pictures_suffice_where_there_are_no_words(self) -> None:
        def size(exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
            assert words == ()
            return f"{len(exemplars)} of {exemplars[0].width}"

        images = color_images(["red"], 6)
        vectors = np.tile(np.eye(4, dtype=np.float32)[0], (6, 1))
        with pytest.warns(NoWordsWarning):
            model = ConceptModel(labeler=size, cache=False).fit(images, image_embeddings=vectors)
        assert names_of(model.concepts_) == [f"{len(model.concepts_.concepts[0].exemplars)} of {images[0].width}"]

    def test_failures_are_told_where_fit_was_called(self) -> None:
        def fails(exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
            raise RuntimeError("out of tokens")

        with pytest.warns(NamingWarning, match="3 of 3.*out of tokens") as told:
            model = fitted(labeler=fails)
        assert names_of(model.concepts_) == ["", "", ""]
        assert [Path(warning.filename).name for warning in told] == [Path(__file__).name]

    def test_names_are_saved_and_the_callable_is_not(self, tmp_path: Path) -> None:
        fitted(labeler=first_word).save(tmp_path / "model")
        with pytest.warns(AdjustedWarning, match="labeler"):
            loaded = ConceptModel.load(tmp_path / "model", embedding_model=ColorEncoder())
        assert names_of(loaded.concepts_) == ["all red", "all blue", "all lime"]
        assert loaded.labeler is None

    def test_the_command_line_shows_names_beside_words(self) -> None:
        named = fitted(labeler=lambda exemplars, words: "zoo trip" if words[0] == "red" else "")
        zoo, other, _ = named.concepts_.concepts
        assert words_of(zoo).plain == f"zoo trip: {', '.join(zoo.words)}"
        assert words_of(other).plain == ", ".join(other.words)
        assert words_of(replace(zoo, words=())).plain == "zoo trip"
        document = fitted_document(named.concepts_, named.report_, {}, Path("concepts"))
        assert [concept["name"] for concept in document["concepts"]] == ["zoo trip", "", ""]

    def test_a_clone_names_as_the_model_does(self) -> None:
        model = clone(ConceptModel(labeler=first_word))
        assert model.labeler is first_word

    @pytest.mark.parametrize(
        "namer",
        [
            lambda exemplars, words: words[0],
            lambda *both: both[1][0],
            lambda exemplars, words, style="short": words[0],
        ],
    )
    def test_any_callable_of_two_arguments_fits(self, namer: Names) -> None:
        assert names_of(fitted(labeler=namer).concepts_) == ["red", "blue", "lime"]

    def test_example_of_the_guide_runs(self) -> None:
        def by_light(exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
            light = statistics.fmean(ImageStat.Stat(image.convert("L")).mean[0] for image in exemplars)
            return f"{'bright' if light > 127 else 'dark'} {words[0]}" if words else ""

        images = color_images(["yellow"], 6) + color_images(["blue"], 4)
        model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["yellow", "blue"], labeler=by_light)
        assert [concept.title for concept in model.fit(images).concepts_.concepts] == ["bright yellow", "dark blue"]


class TestCheckLabeler:
    @pytest.mark.parametrize("labeler", [None, NearestWords(), first_word, max])
    def test_takes_what_ranks_or_names(self, labeler: object) -> None:
        check_labeler(labeler)

    @pytest.mark.parametrize(
        ("labeler", "told"),
        [
            ("best", "None, an object with rank_words.*or a callable"),
            (7, "or a callable"),
            (NearestWords, r"an object, not a class; write NearestWords\(\)"),
            (lambda words: "", "a callable of two arguments, exemplars and words"),
            (lambda exemplars, words, style: "", "missing a required argument: 'style'"),
        ],
    )
    def test_tells_what_is_wrong(self, labeler: object, told: str) -> None:
        with pytest.raises(InvalidParameterError, match=f"labeler=.*{told}"):
            check_labeler(labeler)

    def test_is_asked_before_anything_is_embedded(self) -> None:
        encoder = ColorEncoder()
        with pytest.raises(InvalidParameterError, match="two arguments"):
            fitted(embedding_model=encoder, labeler=lambda words: "")
        assert encoder.n_encoded == 0

    def test_each_part_of_the_package_gets_what_it_can_use(self) -> None:
        ranks = NearestWords()
        assert (ranker_of(ranks), namer_of(ranks)) == (ranks, None)
        assert (ranker_of(first_word), namer_of(first_word)) == (None, first_word)
        assert (ranker_of(None), namer_of(None)) == (None, None)
