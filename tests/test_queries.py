from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from concept_memes import ConceptModel, Query
from concept_memes.centring import unit
from concept_memes.concepts import ConceptSet
from concept_memes.errors import InvalidParameterError
from concept_memes.queries import combined, cosines, expanded, spread_of
from concept_memes.search import search_images
from concept_memes.testing import ColorEncoder, color_images, write_color_images


def text(color: str) -> Any:
    return ColorEncoder().encode_texts([color])[0]


def test_a_sum_reads_as_it_was_written() -> None:
    picture, pixels = Image.new("RGB", (40, 30)), np.zeros((30, 40, 3), np.uint8)
    query = Query("panda") + 2 * Query(Path("a.jpg")) - Query("zoo") / 2
    assert repr(query) == "Query('panda') + 2 * Query(Path('a.jpg')) - 0.5 * Query('zoo')"
    assert repr(-Query(picture) + Query(pixels)) == "-Query(<picture of 40 x 30>) + Query(<picture of 40 x 30>)"
    assert repr(eval(repr(query))) == repr(query)


def test_terms_keep_their_order_and_weights() -> None:
    query = 2 * (Query("a") - 0.5 * (Query("b") - Query("c"))) * 0.25
    assert query.terms == (("a", 0.5), ("b", -0.25), ("c", 0.25))
    assert Query(query).terms == query.terms


@pytest.mark.parametrize("other", ["zoo", Path("a.jpg"), Image.new("RGB", (2, 2)), np.zeros((2, 2, 3), np.uint8)])
def test_texts_and_pictures_are_added_from_both_sides(other: Any) -> None:
    for query, weights in [
        (Query("panda") + other, (1, 1)),
        (Query("panda") - other, (1, -1)),
        (other + Query("panda"), (1, 1)),
        (other - Query("panda"), (1, -1)),
    ]:
        assert isinstance(query, Query)
        assert tuple(weight for _, weight in query.terms) == weights
        assert any(what is other for what, _ in query.terms)


def test_queries_cannot_be_changed() -> None:
    query: Any = Query("panda")
    with pytest.raises(AttributeError, match="cannot be changed"):
        query.terms = ()
    with pytest.raises(AttributeError, match="cannot be changed"):
        del query.terms
    longer = query
    longer += "zoo"
    assert query.terms == (("panda", 1.0),)


def test_queries_can_be_copied_and_pickled() -> None:
    query = Query("panda") - Query(Path("a.jpg"))
    assert copy.deepcopy(query).terms == pickle.loads(pickle.dumps(query)).terms == query.terms


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), True])
def test_weights_are_finite_numbers(weight: Any) -> None:
    with pytest.raises(InvalidParameterError, match="weight must be a finite number"):
        weight * Query("panda")


@pytest.mark.parametrize("what", ["", " ", None, 7, ["panda"], b"panda"])
def test_what_is_neither_text_nor_picture_is_refused(what: Any) -> None:
    with pytest.raises(InvalidParameterError, match="query must be a text"):
        Query(what)


@pytest.mark.parametrize("other", [None, 7, ["panda"]])
def test_sums_with_something_else_are_refused(other: Any) -> None:
    for use in (lambda: Query("a") + other, lambda: other - Query("a"), lambda: Query("a") * "b"):
        with pytest.raises(TypeError, match="unsupported operand|can't multiply"):
            use()
    with pytest.raises(InvalidParameterError, match="weight"):
        Query("a") / 0


def test_a_picture_counts_as_one_only_where_it_is_looked_for() -> None:
    assert not Query("a").has_picture
    assert (Query("a") + Path("a.jpg")).has_picture
    assert not (Query("a") - Path("a.jpg")).has_picture


def test_what_is_ranked_is_the_sum_of_standard_scores(color_set: ConceptSet) -> None:
    vectors = np.stack([text("red"), text("blue"), color_set.vectors[25]])
    weights = (1.0, -0.5, 2.0)
    query = combined(color_set, vectors, weights)
    scores = color_set.vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    standard = ((scores - scores.mean(0)) / scores.std(0)) @ weights
    ours = color_set.vectors.astype(np.float64) @ query
    np.testing.assert_allclose((ours - ours.mean()) / ours.std(), standard / standard.std(), atol=1e-4)
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-6)


def test_a_text_weighs_as_much_as_a_picture_whose_cosines_spread_more(color_set: ConceptSet) -> None:
    rng = np.random.default_rng(0)
    modality = unit(rng.normal(size=27))  # what all texts share and no picture has
    modality -= modality @ unit(color_set.centre) * unit(color_set.centre)
    blue = unit(0.15 * text("blue") + modality)
    red = color_set.vectors[0]
    blue_at_all, red_at_all = (cosines(color_set, x).std() for x in (blue, red))
    assert blue_at_all < 0.5 * red_at_all  # otherwise this shows nothing
    plain, balanced = unit(red + blue), combined(color_set, np.stack([red, blue]), (1.0, 1.0))
    best = [np.argsort(-cosines(color_set, x))[:12] for x in (plain, balanced)]
    assert set(color_set.labels[best[0]].tolist()) == {0}
    assert np.corrcoef(cosines(color_set, balanced), cosines(color_set, blue))[0, 1] > (
        np.corrcoef(cosines(color_set, plain), cosines(color_set, blue))[0, 1] + 0.1
    )


def test_terms_that_cancel_each_other_out_are_refused(color_set: ConceptSet) -> None:
    with pytest.raises(InvalidParameterError, match="cancel each other out"):
        combined(color_set, np.stack([text("red")] * 2), (1.0, -1.0))


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_the_size_of_all_weights_together_does_not_matter(color_set: ConceptSet, scale: float) -> None:
    vectors = np.stack([text("red"), text("blue")])
    expected = combined(color_set, vectors, (1.0, -0.5))
    np.testing.assert_allclose(combined(color_set, vectors, (scale, -0.5 * scale)), expected, atol=1e-6)


def test_a_collection_of_copies_adds_plain_vectors(color_set: ConceptSet) -> None:
    same = replace(color_set, vectors=np.repeat(color_set.vectors[:1], 27, axis=0))
    vectors = np.stack([text("red"), text("blue")])
    np.testing.assert_allclose(combined(same, vectors, (1.0, 1.0)), unit(vectors.sum(0)), atol=1e-6)


def test_the_spread_is_that_of_readable_pictures_in_any_order(color_set: ConceptSet) -> None:
    vectors = color_set.vectors.copy()
    vectors[[3, 20]] = 0
    holes = replace(color_set, vectors=vectors)
    mean, spread = spread_of(holes, text("blue"))
    known = np.delete(vectors, [3, 20], axis=0).astype(np.float64) @ text("blue")
    assert (mean, spread) == (pytest.approx(known.mean(), abs=1e-6), pytest.approx(known.std(), abs=1e-6))
    order = np.random.default_rng(0).permutation(27)
    assert spread_of(replace(color_set, vectors=vectors[order].copy()), text("blue")) == (mean, spread)


def test_the_nearest_picture_is_added_at_half_the_weight(color_set: ConceptSet) -> None:
    query = color_set.vectors[14]
    near = color_set.vectors.astype(np.float64) @ query
    near[14] = -1
    neighbour = color_set.vectors[near.argmax()]
    expected = combined(color_set, np.stack([query, neighbour]), (1.0, 0.5))
    np.testing.assert_array_equal(expanded(color_set, query), expected)
    assert not np.array_equal(expected, query)


def test_copies_of_the_query_do_not_stand_in_for_its_neighbour(color_set: ConceptSet) -> None:
    vectors = color_set.vectors.copy()
    vectors[[3, 9]] = vectors[14]
    copied = replace(color_set, vectors=vectors)
    assert not np.allclose(expanded(copied, vectors[14]), vectors[14], atol=1e-4)
    alone = replace(color_set, vectors=np.repeat(vectors[14:15], 27, axis=0))
    np.testing.assert_array_equal(expanded(alone, vectors[14]), vectors[14])


# --- through the model ---------------------------------------------------------------------------------------------


def colored() -> ConceptModel:
    return ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue", "lime"], verbose=False)


def three_colors() -> list[Image.Image]:
    return color_images(["red"], 9) + color_images(["blue"], 7) + color_images(["lime"], 5)


def test_sums_of_texts_and_pictures_are_searched(tmp_path: Path) -> None:
    paths = write_color_images(tmp_path, ["red", "blue"], 5)
    model = colored().fit(paths)
    blue = int(model.labels_[5])
    for query in (
        Query("blue") - "red",
        Query(paths[7]) - Query("red"),
        -Query("red"),
        Query(paths[7]) + 3 * Query("blue"),
    ):
        assert model.find_concepts(query, top_n=1)[0].concept == blue
        assert {hit.concept for hit in model.find_images(query, top_n=5)} == {blue}
    assert model.find_images(2 * Query("blue")) == model.find_images("blue")


@pytest.mark.parametrize("query", [Query("red") - "red", 0 * Query("red")])
def test_sums_that_come_to_nothing_are_refused(query: Query) -> None:
    model = colored().fit(three_colors())
    with pytest.raises(InvalidParameterError, match="query must be a sum"):
        model.find_images(query)


def test_texts_are_expanded_when_asked_and_pictures_unless_asked_not_to() -> None:
    model = colored().fit(three_colors())
    picture = color_images(["purple"], 1, seed=9)[0]
    fitted = model.concepts_
    for query in ("purple", picture):
        vector = model.embed_query(query)
        for expand in (True, False):
            assert model.find_images(query, expand=expand) == search_images(fitted, vector, expand=expand)
        assert model.find_images(query, expand=True) != model.find_images(query, expand=False)
        assert model.find_images(query) == model.find_images(query, expand=query is picture)


def test_a_search_may_be_kept_within_concepts_and_give_standard_scores() -> None:
    model = colored().fit(three_colors())
    hits = model.find_images("lime", within=[1, 2], top_n=99, scores="standard")
    assert sorted({hit.concept for hit in hits}) == [1, 2]
    assert hits[0].similarity > 1
    assert model.find_concepts("lime", scores="standard")[0].similarity > 1


def test_texts_can_be_left_out_of_a_query() -> None:
    picture = Path("a.jpg")
    query = Query("panda") + picture - 0.5 * Query("zoo") + 0 * Query("nothing")
    assert query.texts == ("panda", "zoo")
    left = query.without_texts(lambda text: text == "zoo")
    assert left is not None
    assert left.terms == (("panda", 1.0), (picture, 1.0))
    assert Query("panda").without_texts(lambda _: True) is None
