"""Corrections of a fitted model: words, names and the tree follow; they are saved, and made again by the next fit."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import concept_memes.fitted
from concept_memes import ConceptModel
from concept_memes.errors import EditsWarning, InvalidParameterError
from concept_memes.testing import ColorEncoder, color_images

COLORS = ("red", "blue", "lime", "maroon")
PICTURES = [image for color, n in zip(COLORS, (10, 8, 6, 5), strict=True) for image in color_images([color], n)]


def fitted(**parameters: Any) -> ConceptModel:
    settings: dict[str, Any] = {"embedding_model": ColorEncoder(), "vocabulary": [*COLORS, "brown"]}
    return ConceptModel(**{**settings, **parameters}).fit(PICTURES)


def test_a_merge_gives_words_a_tree_and_returns_the_concept() -> None:
    model = fitted()
    before = model.concepts_
    (merged,) = model.merge_concepts([0, 3])
    assert merged == model.concepts_.concepts[0]
    assert merged.size == 15
    assert merged.words
    assert merged.words[0] in {"red", "maroon", "brown"}
    assert [c.words for c in model.concepts_.concepts[1:]] == [c.words for c in before.concepts[1:3]]
    assert len(model.hierarchy_) == 5
    assert model.hierarchy_.root is not None
    assert model.hierarchy_.root.words
    assert model.labels_.max() == 2
    assert len(before) == 4  # the set of before is as it was


def test_words_of_parts_are_those_that_a_fit_would_rank() -> None:
    model = fitted()
    words = [concept.words for concept in model.concepts_.concepts]
    scores = [concept.word_scores for concept in model.concepts_.concepts]
    model.merge_concepts([0, 3])
    parts = model.split_concept(0)
    assert [part.index for part in parts] == [0, 3]
    assert [part.words for part in parts] == [words[0], words[3]]
    assert [part.word_scores for part in parts] == [scores[0], scores[3]]
    assert [node.words for node in model.hierarchy_[:4]] == [c.words for c in model.concepts_.concepts]


def test_merging_along_the_tree_gives_the_number_of_the_cut() -> None:
    model = fitted()
    groups = model.hierarchy_.cut(2)
    model.merge_concepts(groups)
    assert len(model.concepts_) == 2
    assert fitted().merge_concepts([[0], [1]]) == ()


@pytest.mark.parametrize("concepts", [np.array([0, 3]), (0, 3), [np.array([0, 3])], range(0, 4, 3)])
def test_numbers_come_in_any_kind_of_sequence(concepts: Any) -> None:
    assert fitted().merge_concepts(concepts)[0].size == 15


@pytest.mark.parametrize("concepts", [3, [3], "03", [[0, 9]], None, []])
def test_what_cannot_be_merged_changes_nothing(concepts: Any) -> None:
    model = fitted()
    before = model.concepts_
    with pytest.raises(InvalidParameterError, match="concepts="):
        model.merge_concepts(concepts)
    assert model.concepts_ is before


def test_corrections_need_a_fitted_model() -> None:
    model = ConceptModel()
    for correct in (
        lambda: model.merge_concepts([0, 1]),
        lambda: model.split_concept(0),
        lambda: model.rename_concept(0, "a"),
        lambda: model.forget_edits(),
        lambda: model.hierarchy_,
    ):
        with pytest.raises(NotFittedError):
            correct()


def test_a_name_is_the_title_everywhere() -> None:
    model = fitted()
    assert model.rename_concept(1, "sky").title == "sky"
    assert model.hierarchy_[1].title == "sky"
    assert "sky (8 images, concept 1)" in str(model.hierarchy_)
    assert model.to_dataframe()["title"].tolist().count("sky") == 8


def test_searching_goes_on_without_making_another_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted()

    def fail(_: object) -> None:
        raise AssertionError("there is an encoder already")

    monkeypatch.setattr(concept_memes.fitted, "resolve_encoder", fail)
    model.merge_concepts([0, 3])
    model.rename_concept(0, "reds")
    assert model.find_concepts("blue", top_n=1)[0].concept == 1
    assert model.transform(color_images(["maroon"], 2, seed=5)).tolist() == [0, 0]


def test_a_callable_names_what_a_correction_changed_and_nothing_else() -> None:
    asked = []

    def namer(exemplars: Sequence[Image.Image], words: tuple[str, ...]) -> str:
        asked.append(words[0])
        return f"all {words[0]}"

    model = fitted(labeler=namer)
    assert len(asked) == 4
    model.rename_concept(1, "sky")
    (merged,) = model.merge_concepts([0, 3])
    assert len(asked) == 5
    assert merged.name == f"all {merged.words[0]}"
    assert model.hierarchy_[0].name == merged.name
    model.fit(PICTURES)
    assert [c.name for c in model.concepts_.concepts if c.size == 8] == ["sky"]


def test_a_callable_does_not_rename_what_the_user_named() -> None:
    model = fitted(labeler=lambda exemplars, words: "" if words[0] == "red" else "a colour")
    model.rename_concept(3, "wine")
    assert model.merge_concepts([0, 3])[0].name == "wine"


# --- The next fit -----------------------------------------------------------------------------------------------------


def same_grouping(one: Any, other: Any) -> bool:
    return len(set(zip(one.tolist(), other.tolist(), strict=True))) == one.max() + 1 == other.max() + 1


def corrected() -> ConceptModel:
    model = fitted()
    model.merge_concepts([0, 3])
    model.split_concept(2)
    model.rename_concept(1, "sky")
    return model


def test_the_next_fit_makes_them_again() -> None:
    model = corrected()
    before = model.concepts_
    model.fit(PICTURES)
    assert model.concepts_ is not before
    assert same_grouping(before.labels, model.labels_)
    assert model.concepts_.edits == before.edits
    assert [c.name for c in model.concepts_.concepts if c.size == 8] == ["sky"]
    assert [c.size for c in model.concepts_.concepts] == sorted((c.size for c in before.concepts), reverse=True)
    once = model.concepts_
    model.fit(PICTURES)
    np.testing.assert_array_equal(model.labels_, once.labels)
    assert model.concepts_.concepts == once.concepts
    assert model.hierarchy_.nodes == once.hierarchy


def test_more_pictures_join_what_was_corrected() -> None:
    model = corrected()
    model.fit([*color_images(["maroon", "red"], 4, seed=3), *PICTURES])
    joined = set(model.labels_[8:18].tolist()) | set(model.labels_[-5:].tolist())
    assert len(joined) == 1
    assert joined == set(model.labels_[:8].tolist())


def test_a_loaded_model_makes_them_again(tmp_path: Path) -> None:
    model = corrected()
    model.save(tmp_path / "model")
    loaded = ConceptModel.load(tmp_path / "model", embedding_model=ColorEncoder())
    assert loaded.concepts_.edits == model.concepts_.edits
    assert loaded.hierarchy_ == model.hierarchy_
    assert loaded.fit(PICTURES).labels_.tolist() == model.fit(PICTURES).labels_.tolist()
    assert len(loaded.concepts_) == len(model.concepts_) == 4


def test_a_loaded_model_is_corrected_as_the_saved_one(tmp_path: Path) -> None:
    model = fitted()
    model.save(tmp_path / "model")
    loaded = ConceptModel.load(tmp_path / "model", embedding_model=ColorEncoder())
    assert loaded.merge_concepts([0, 3]) == model.merge_concepts([0, 3])
    assert loaded.split_concept(1) == model.split_concept(1)
    assert loaded.hierarchy_ == model.hierarchy_


def test_clones_and_forgetful_models_go_without() -> None:
    model = corrected()
    assert len(clone(model).fit(PICTURES).concepts_) == 4
    assert clone(model).fit(PICTURES).concepts_.edits == ()
    labels = model.labels_
    assert model.forget_edits() is model
    np.testing.assert_array_equal(model.labels_, labels)
    assert same_grouping(model.fit(PICTURES).labels_, fitted().labels_)


def test_what_cannot_be_made_again_is_said_once_and_kept() -> None:
    model = corrected()
    n_edits = len(model.concepts_.edits)
    others = color_images(["yellow", "cyan"], 6)
    with pytest.warns(EditsWarning, match="3 of 3 corrections .*a merge of 2, a split of 2, the name 'sky'") as told:
        model.fit(others)
    assert len(told) == 1
    assert told[0].filename == __file__
    assert len(model.concepts_.edits) == n_edits == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(PICTURES)
    assert [c.name for c in model.concepts_.concepts if c.size == 8] == ["sky"]


# --- Without words ----------------------------------------------------------------------------------------------------


def test_vectors_from_outside_are_corrected_and_have_a_tree_without_words() -> None:
    vectors = fitted().concepts_.vectors
    model = ConceptModel(verbose=False)
    with pytest.warns(UserWarning, match="without words"):
        model.fit(image_embeddings=vectors)
    assert (len(model.hierarchy_), model.hierarchy_[4].words) == (7, ())
    (merged,) = model.merge_concepts([0, 3])
    assert (merged.words, merged.size) == ((), 15)
    assert len(model.split_concept(0)) == 2


def test_an_old_save_without_candidates_and_tree_is_named_with_the_words_that_it_has() -> None:
    model = fitted()
    model.concepts_ = replace(model.concepts_, candidates=(), hierarchy=())
    assert len(model.hierarchy_) == 7
    known = set(model.concepts_.words)
    (merged,) = model.merge_concepts([0, 3])
    assert merged.words
    assert set(merged.words) <= known
