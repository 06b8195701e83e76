from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from concept_memes.centring import unit
from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
from concept_memes.errors import InvalidParameterError
from concept_memes.queries import COPY, expanded
from concept_memes.search import search_concepts, search_images
from concept_memes.testing import ColorEncoder


def text(color: str) -> npt.NDArray[np.float32]:
    return ColorEncoder().encode_texts([color])[0]


def test_the_concept_that_is_asked_for_comes_first(color_set: ConceptSet) -> None:
    for number, color in enumerate(["red", "blue", "lime"]):
        hits = search_concepts(color_set, text(color))
        assert hits[0].concept == number
        assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
        assert len(hits) == 3


def test_similarities_of_concepts_are_cosines_of_raw_vectors(color_set: ConceptSet) -> None:
    query = text("blue")
    for hit in search_concepts(color_set, query):
        assert isinstance(hit, ConceptHit)
        assert (type(hit.concept), type(hit.similarity)) == (int, float)
        assert hit.similarity == pytest.approx(float(color_set.centroids[hit.concept] @ query), abs=1e-6)


def test_images_come_nearest_first_with_their_concepts(color_set: ConceptSet) -> None:
    query = text("blue")
    hits = search_images(color_set, query, top_n=27)
    cosines = color_set.vectors.astype(np.float64) @ query
    assert sorted(hit.index for hit in hits) == list(range(27))
    np.testing.assert_allclose([hit.similarity for hit in hits], -np.sort(-cosines), atol=1e-6)
    for hit in hits:
        assert isinstance(hit, ImageHit)
        assert hit.concept == color_set.labels[hit.index]
        assert hit.path == color_set.images[hit.index].path
    assert {hit.concept for hit in hits[:9]} == {1}


def test_a_picture_finds_itself_first(color_set: ConceptSet) -> None:
    (hit,) = search_images(color_set, color_set.vectors[14], top_n=1)
    assert hit.index == 14
    assert hit.similarity == pytest.approx(1, abs=1e-6)


def test_ties_come_in_the_order_of_the_pictures(color_set: ConceptSet) -> None:
    vectors = color_set.vectors.copy()
    vectors[[20, 3, 11]] = vectors[14]
    tied = replace(color_set, vectors=vectors)
    assert [hit.index for hit in search_images(tied, vectors[14], top_n=4)] == [3, 11, 14, 20]
    centroids = np.repeat(color_set.centroids[:1], 3, axis=0)
    assert [hit.concept for hit in search_concepts(replace(color_set, centroids=centroids), text("red"))] == [0, 1, 2]


def test_as_many_hits_as_asked_for_or_as_there_are(color_set: ConceptSet) -> None:
    assert len(search_concepts(color_set, text("red"), top_n=2)) == 2
    assert len(search_concepts(color_set, text("red"), top_n=50)) == 3
    assert len(search_images(color_set, text("red"))) == 10
    assert len(search_images(color_set, text("red"), top_n=500)) == 27
    assert len(search_images(color_set, text("red"), top_n=np.int64(2))) == 2


def test_pictures_that_could_not_be_read_are_never_found(color_set: ConceptSet) -> None:
    vectors = color_set.vectors.copy()
    vectors[[0, 14]] = 0
    hits = search_images(replace(color_set, vectors=vectors), -text("red"), top_n=27)  # all cosines are negative
    assert sorted(hit.index for hit in hits) == [i for i in range(27) if i not in (0, 14)]


@pytest.mark.parametrize("n_dims", [27, 512, 513])
def test_the_similarity_of_a_picture_does_not_depend_on_the_others(color_set: ConceptSet, n_dims: int) -> None:
    rng = np.random.default_rng(0)
    vectors, query = unit(rng.normal(size=(27, n_dims))), unit(rng.normal(size=n_dims))
    wide = replace(color_set, vectors=vectors)
    similarity = {hit.index: hit.similarity for hit in search_images(wide, query, top_n=27)}
    for index in range(27):
        alone = replace(color_set, vectors=vectors[index : index + 1].copy())
        assert search_images(alone, query, top_n=1)[0].similarity == similarity[index]


def test_similarities_never_leave_their_range(color_set: ConceptSet) -> None:
    x = unit(np.random.default_rng(0).normal(size=(27, 512)))
    assert np.einsum("ij,ij->i", x, x, dtype=np.float32).max() > 1  # otherwise this shows nothing
    wide = replace(color_set, vectors=x)
    assert max(search_images(wide, row, top_n=1)[0].similarity for row in x) <= 1


def test_a_query_may_be_of_double_precision(color_set: ConceptSet) -> None:
    query: Any = text("blue").astype(np.float64)
    assert search_concepts(color_set, query)[0].concept == 1


@pytest.mark.parametrize("search", [search_concepts, search_images])
@pytest.mark.parametrize("top_n", [0, -1, 1.5, True, "3", None])
def test_a_number_of_hits_that_cannot_be_is_refused(color_set: ConceptSet, search: Any, top_n: Any) -> None:
    with pytest.raises(InvalidParameterError, match="top_n must be an integer of at least 1"):
        search(color_set, text("red"), top_n=top_n)


@pytest.mark.parametrize("search", [search_concepts, search_images])
def test_a_query_of_other_shape_or_without_numbers_is_refused(color_set: ConceptSet, search: Any) -> None:
    with pytest.raises(InvalidParameterError, match=r"\(5,\).*vector of 27 dimensions"):
        search(color_set, np.ones(5, np.float32))
    with pytest.raises(InvalidParameterError, match=r"\(1, 27\)"):
        search(color_set, text("red")[None])
    with pytest.raises(InvalidParameterError, match="finite numbers"):
        search(color_set, text("red") * np.nan)


def test_a_set_without_concepts_finds_none(color_set: ConceptSet) -> None:
    empty = replace(color_set, concepts=(), centroids=np.zeros((0, 27), np.float32))
    assert search_concepts(empty, text("red")) == []


# --- scores, parts of a collection, expansion ----------------------------------------------------------------------


@pytest.mark.parametrize("search", [search_concepts, search_images])
def test_standard_scores_are_deviations_from_the_mean_over_the_pictures(color_set: ConceptSet, search: Any) -> None:
    known = color_set.vectors.astype(np.float64) @ text("blue")
    plain = search(color_set, text("blue"), top_n=3)
    standard = search(color_set, text("blue"), top_n=3, scores="standard")
    for one, other in zip(plain, standard, strict=True):
        assert other.similarity == pytest.approx((one.similarity - known.mean()) / known.std(), abs=1e-4)
        assert one._replace(similarity=0) == other._replace(similarity=0)
    assert standard[0].similarity > 1


def test_standard_scores_of_queries_with_cosines_of_different_size_are_alike(color_set: ConceptSet) -> None:
    rng = np.random.default_rng(0)
    modality = rng.normal(size=27)
    modality -= color_set.vectors.T @ np.linalg.lstsq(color_set.vectors.T, modality, rcond=None)[0]
    far = unit(text("blue") + 3 * unit(modality))  # a text as CLIP gives it: at a distance from all pictures
    cosines = [search_images(color_set, query, top_n=9)[-1].similarity for query in (text("blue"), far)]
    assert cosines[0] > 2 * cosines[1]
    scores = [
        search_images(color_set, query, top_n=9, scores="standard")[-1].similarity for query in (text("blue"), far)
    ]
    assert scores[0] == pytest.approx(scores[1], rel=1e-3)


def test_where_all_pictures_are_equally_near_the_scores_are_zero(color_set: ConceptSet) -> None:
    same = replace(color_set, vectors=np.repeat(color_set.vectors[:1], 27, axis=0))
    assert [hit.similarity for hit in search_images(same, text("red"), scores="standard")] == [0.0] * 10


@pytest.mark.parametrize(("within", "labels"), [(1, {1}), ([0, 2], {0, 2}), (np.int64(2), {2}), ((), set())])
def test_only_pictures_of_the_wanted_concepts_are_found(color_set: ConceptSet, within: Any, labels: set[int]) -> None:
    hits = search_images(color_set, text("red"), top_n=99, within=within)
    everywhere = [hit for hit in search_images(color_set, text("red"), top_n=99) if hit.concept in labels]
    assert hits == everywhere
    assert {hit.concept for hit in hits} == labels


def test_minus_1_are_the_pictures_in_no_concept_but_not_the_unreadable(color_set: ConceptSet) -> None:
    labels, vectors = color_set.labels.copy(), color_set.vectors.copy()
    labels[[2, 4, 13]] = -1
    vectors[4] = 0
    loose = replace(color_set, labels=labels, raw_labels=labels, vectors=vectors)
    assert [hit.index for hit in search_images(loose, text("red"), within=-1)] == [2, 13]


@pytest.mark.parametrize("within", [3, [0, 9], "0", True, [0.0], -2])
def test_concepts_that_do_not_exist_cannot_be_looked_into(color_set: ConceptSet, within: Any) -> None:
    with pytest.raises(InvalidParameterError, match="within must be numbers of concepts, from 0 to 2, or -1"):
        search_images(color_set, text("red"), within=within)


@pytest.mark.parametrize("search", [search_concepts, search_images])
def test_an_unknown_kind_of_scores_is_refused(color_set: ConceptSet, search: Any) -> None:
    with pytest.raises(InvalidParameterError, match='scores must be "cosine" or "standard"'):
        search(color_set, text("red"), scores="percent")


def test_an_expanded_search_ranks_by_the_neighbour_too_and_keeps_the_cosines(color_set: ConceptSet) -> None:
    query = unit(color_set.vectors[14] + color_set.vectors[3])
    plain = search_images(color_set, query, top_n=27)
    hits = search_images(color_set, query, top_n=27, expand=True)
    assert hits[0] == plain[0]  # the nearest stays the first
    assert set(hits) == set(plain)
    assert hits != plain
    ranked = search_images(color_set, expanded(color_set, query), top_n=27)
    assert [hit.index for hit in hits] == [hit.index for hit in ranked]
    assert search_images(color_set, query, top_n=5, expand=True) == hits[:5]


def test_a_picture_of_the_collection_and_its_copies_come_first_when_expanded(color_set: ConceptSet) -> None:
    assert np.sort(color_set.vectors @ color_set.vectors.T, axis=1)[:, -2].max() > COPY  # two are nearly copies
    for index in range(27):
        hit = search_images(color_set, color_set.vectors[index], top_n=1, expand=True)[0]
        assert hit.index == index
        assert hit.similarity == pytest.approx(1, abs=1e-6)
    vectors = color_set.vectors.copy()
    vectors[[25, 4, 9]] = vectors[14]
    copied = replace(color_set, vectors=vectors)
    assert [hit.index for hit in search_images(copied, vectors[14], top_n=4, expand=True)] == [4, 9, 14, 25]
