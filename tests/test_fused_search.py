from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from concept_memes import ConceptModel
from concept_memes.centring import unit
from concept_memes.concepts import ConceptSet
from concept_memes.errors import (
    AdjustedWarning,
    InvalidParameterError,
    ModelNotFoundError,
    NoTextEncoderError,
    UnreadableImageError,
)
from concept_memes.findings import PictureFamilies, PictureTexts
from concept_memes.fused_search import LookedFor, copies_of, find_looked_for, find_looked_for_concepts, how_well_said
from concept_memes.queries import Query, spread_of
from concept_memes.search import search_concepts, search_images, standard_scores
from concept_memes.sources import ImageSource
from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images

# Twelve red pictures, nine blue ones, six green ones (labelled 0, 1, 2), as in `color_set`.
SAYING = {1: "加班", 3: "又要加班了", 13: "overtime", 14: "明天加\n班", 22: "red", 23: "no red tape", 26: "scared"}


def color(name: str) -> npt.NDArray[np.float32]:
    return ColorEncoder().encode_texts([name])[0]


@pytest.fixture(scope="module")
def texts() -> PictureTexts:
    return PictureTexts(tuple(SAYING.get(i, "") for i in range(27)), "by hand")


def looked_for(
    texts: PictureTexts, query: str | Query, vector: npt.NDArray[np.float32] | None = None, **more: object
) -> LookedFor:
    return LookedFor(vector, how_well_said(texts, Query(query)), **more)  # type: ignore[arg-type]


# --- pictures -----------------------------------------------------------------------------------------------------


def test_what_says_the_query_comes_before_what_looks_like_it(color_set: ConceptSet, texts: PictureTexts) -> None:
    hits = find_looked_for(color_set, looked_for(texts, "red", color("red")), top_n=27)
    assert [hit.index for hit in hits[:2]] == [22, 23]  # green ones that say so
    assert {hit.concept for hit in hits[2:14]} == {0}
    assert sorted(hit.index for hit in hits) == list(range(27))
    plain = {hit.index: hit.similarity for hit in search_images(color_set, color("red"), top_n=27)}
    for hit in hits:
        if not SAYING.get(hit.index, "").count("red"):
            assert hit.similarity == plain[hit.index]  # what says nothing is as near as it ever was
    spread = spread_of(color_set, color("red"))[1]
    assert hits[0].similarity == min(1, plain[22] + 16 * spread)
    assert hits[1].similarity == pytest.approx(min(1, plain[23] + 16 * spread * (0.6 + 0.3 * 3 / 9)))


@pytest.mark.parametrize("scores", ["cosine", "standard"])
@pytest.mark.parametrize("more", [{}, {"weight": 0.3}, {"weight": 0.8}, {"said_only": True}], ids=str)
def test_similarities_descend(color_set: ConceptSet, scores: str, more: dict[str, object]) -> None:
    captions = {i: "red tape and " * n + "more" for n, i in enumerate((20, 2, 13, 5, 26, 8, 15), start=1)}
    said = PictureTexts(tuple(captions.get(i, "") for i in range(27)), "by hand")
    vectors = np.eye(27, dtype=np.float32) * 0.1  # cosines spread little, as with trained encoders
    vectors[:, 0] = 1 - np.arange(27) / 300
    narrow = replace(color_set, vectors=unit(vectors))
    wanted = looked_for(said, "red tape", unit(np.eye(1, 27, dtype=np.float32))[0], **more)
    hits = find_looked_for(narrow, wanted, top_n=27, scores=scores)  # type: ignore[arg-type]
    found = [hit.similarity for hit in hits]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) > len(captions) // 2


def test_a_word_inside_a_longer_one_does_not_spoil_looks(color_set: ConceptSet, texts: PictureTexts) -> None:
    hits = find_looked_for(color_set, looked_for(texts, "red", color("red")), top_n=27)
    assert [hit.index for hit in hits].index(26) >= 14  # "scared"


@pytest.mark.parametrize("scores", ["cosine", "standard"])
def test_where_nobody_says_it_looks_answer_as_ever(color_set: ConceptSet, texts: PictureTexts, scores: str) -> None:
    for query, vector in (("lime", color("lime")), ("blue", color("blue"))):
        wanted = looked_for(texts, query, vector, expand=True)
        found = find_looked_for(color_set, wanted, top_n=9, scores=scores)  # type: ignore[arg-type]
        assert found == search_images(color_set, vector, top_n=9, scores=scores, expand=True)  # type: ignore[arg-type]
        assert find_looked_for_concepts(color_set, wanted, scores=scores) == search_concepts(  # type: ignore[arg-type]
            color_set,
            vector,
            scores=scores,  # type: ignore[arg-type]
        )


def test_said_only_finds_what_says_it_and_nothing_else(color_set: ConceptSet, texts: PictureTexts) -> None:
    hits = find_looked_for(color_set, looked_for(texts, "加班", color("blue"), said_only=True))
    assert [hit.index for hit in hits] == [1, 14, 3]
    assert hits[0].similarity == 1
    assert find_looked_for(color_set, looked_for(texts, "鸭", color("blue"), said_only=True)) == []
    assert find_looked_for_concepts(color_set, looked_for(texts, "鸭", color("blue"), said_only=True)) == []


def test_looks_decide_between_what_says_it_equally_well(color_set: ConceptSet) -> None:
    same = PictureTexts(tuple("加班" if i in (2, 13, 25) else "" for i in range(27)), "by hand")
    for look, order in (("blue", 13), ("lime", 25), ("red", 2)):
        hits = find_looked_for(color_set, looked_for(same, "加班", color(look), said_only=True))
        assert len(hits) == 3
        assert hits[0].index == order
    unseen = find_looked_for(color_set, looked_for(same, "加班"))
    assert [hit.index for hit in unseen] == [2, 13, 25]  # ties in the order of the pictures


def test_looks_never_move_what_is_said_better_down(color_set: ConceptSet) -> None:
    texts = PictureTexts(tuple({0: "加班的一天", 26: "加班"}.get(i, "") for i in range(27)), "by hand")
    vectors = np.tile(np.eye(27, dtype=np.float32)[1], (27, 1))
    vectors[0] = np.eye(27)[0]  # five standard deviations nearer to the query than all others
    hits = find_looked_for(replace(color_set, vectors=vectors), looked_for(texts, "加班", vectors[0], said_only=True))
    assert [hit.index for hit in hits] == [26, 0]


def test_without_looks_the_texts_answer_alone(color_set: ConceptSet, texts: PictureTexts) -> None:
    hits = find_looked_for(color_set, looked_for(texts, "加班"))
    assert [(hit.index, round(hit.similarity, 2)) for hit in hits] == [(1, 1.0), (14, 0.75), (3, 0.72)]
    assert find_looked_for(color_set, looked_for(texts, "鸭")) == []


def test_the_weight_moves_from_looks_to_texts(color_set: ConceptSet, texts: PictureTexts) -> None:
    def places(weight: float) -> int:
        hits = find_looked_for(color_set, looked_for(texts, "red", color("red"), weight=weight), top_n=27)
        return [hit.index for hit in hits].index(22)

    assert places(0.0) >= 12
    assert places(0.05) >= 12 > places(0.2) >= places(0.5) == 0
    assert find_looked_for(color_set, looked_for(texts, "red", color("red"), weight=0.0)) == search_images(
        color_set, color("red")
    )


def test_standard_scores_are_what_is_ranked_by(color_set: ConceptSet, texts: PictureTexts) -> None:
    for weight in (0.3, 0.5, 0.8):
        wanted = looked_for(texts, "red", color("red"), weight=weight)
        hits = find_looked_for(color_set, wanted, top_n=27, scores="standard")
        assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
        cosines = color_set.vectors.astype(np.float64) @ color("red")
        looks = standard_scores(color_set, color("red"), cosines)
        a, b = min(1, (1 - weight) / weight), min(1, weight / (1 - weight))
        for hit in hits:
            assert hit.similarity == pytest.approx(a * looks[hit.index] + b * 16 * wanted.said[hit.index], abs=1e-4)


def test_what_is_taken_away_goes_to_the_end(color_set: ConceptSet, texts: PictureTexts) -> None:
    wanted = looked_for(texts, Query("red") - "加班", color("red"))
    hits = [hit.index for hit in find_looked_for(color_set, wanted, top_n=27)]
    assert hits[:2] == [22, 23]
    assert set(hits[-3:]) == {1, 3, 14}
    only = find_looked_for(color_set, looked_for(texts, Query("overtime") - "加班", said_only=True))
    assert [hit.index for hit in only] == [13]


@pytest.mark.parametrize("within", [0, [0, 2], -1])
def test_only_pictures_of_some_concepts_are_found(
    color_set: ConceptSet, texts: PictureTexts, within: int | list[int]
) -> None:
    wanted = looked_for(texts, "加班", color("blue"))
    hits = find_looked_for(color_set, wanted, top_n=27, within=within)
    numbers = [within] if isinstance(within, int) else within
    assert {hit.concept for hit in hits} == set(numbers) - {-1}
    assert [hit.index for hit in hits[:2]] == ([1, 3] if within != -1 else [])


def test_pictures_that_could_not_be_read_are_never_found(color_set: ConceptSet, texts: PictureTexts) -> None:
    vectors = color_set.vectors.copy()
    vectors[1] = 0
    broken = replace(color_set, vectors=vectors)
    for more in ({}, {"said_only": True}):
        hits = find_looked_for(broken, looked_for(texts, "加班", color("red"), **more), top_n=27)
        assert 1 not in [hit.index for hit in hits]


def test_the_order_of_the_pictures_changes_no_bit(color_set: ConceptSet, texts: PictureTexts) -> None:
    order = np.random.default_rng(1).permutation(27)
    shuffled = replace(
        color_set,
        images=tuple(color_set.images[i] for i in order),
        labels=color_set.labels[order],
        probabilities=color_set.probabilities[order],
        vectors=color_set.vectors[order],
        raw_labels=None,
        raw_probabilities=None,
    )
    moved = PictureTexts(tuple(texts.texts[i] for i in order), "by hand")
    for query in ("red", "加班"):
        for scores in ("cosine", "standard"):
            before = find_looked_for(color_set, looked_for(texts, query, color("red")), top_n=27, scores=scores)
            after = find_looked_for(shuffled, looked_for(moved, query, color("red")), top_n=27, scores=scores)
            assert {order[hit.index]: hit.similarity for hit in after} == {h.index: h.similarity for h in before}
            assert [hit.similarity for hit in after] == [hit.similarity for hit in before]
            assert find_looked_for_concepts(
                color_set, looked_for(texts, query, color("red")), scores=scores
            ) == find_looked_for_concepts(shuffled, looked_for(moved, query, color("red")), scores=scores)


def test_bad_numbers_are_refused(color_set: ConceptSet, texts: PictureTexts) -> None:
    wanted = looked_for(texts, "加班", color("red"))
    for search in (find_looked_for, find_looked_for_concepts):
        with pytest.raises(InvalidParameterError, match="top_n=0"):
            search(color_set, wanted, top_n=0)
        with pytest.raises(InvalidParameterError, match="scores='high'"):
            search(color_set, wanted, scores="high")
    with pytest.raises(InvalidParameterError, match="within=7"):
        find_looked_for(color_set, wanted, within=7)


# --- meanings -----------------------------------------------------------------------------------------------------


def test_texts_that_mean_it_count_without_the_same_letters(color_set: ConceptSet) -> None:
    vectors = np.zeros((27, 3), np.float32)
    vectors[:26, 0], vectors[4], vectors[0] = 1, [0, 1, 0], [0.436, 0.9, 0]
    vectors[5] = [0.954, 0.3, 0]  # a little nearer than the others says nothing
    texts = PictureTexts(("working late", *["x"] * 25, ""), "by hand", 0.3, "meanings", vectors)
    said = how_well_said(texts, Query("overtime"), np.array([[0, 1, 0]], np.float32))
    assert np.flatnonzero(said).tolist() == [0, 4]
    assert 0 < said[0] < said[4] < 0.31
    assert not how_well_said(texts, Query("overtime")).any()
    both = how_well_said(texts, Query("x") - "overtime", np.array([[0, 0, 1], [0, 1, 0]], np.float32))
    assert both[1] == 1
    assert both[0] == -said[0]


class Counted(ColorEncoder):
    """Compares texts like `ColorEncoder`; counts how often it is made."""

    made = 0

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        Counted.made += 1


@pytest.mark.parametrize("text_model", ["tower", "a/sentence-model", "an object"])
def test_meanings_are_compared_by_what_encoded_the_texts(monkeypatch: pytest.MonkeyPatch, text_model: str) -> None:
    monkeypatch.setattr("concept_memes.encoders.sentences.SentenceEncoder", Counted)
    monkeypatch.setattr(Counted, "made", 0)
    others = [f"word number {i}" for i in range(40)]
    model = ConceptModel(
        embedding_model=ColorEncoder(),
        vocabulary=["red"],
        ocr=CaptionReader(),
        text_model=Counted("mine") if text_model == "an object" else text_model,
        cache=False,
        verbose=False,
    ).fit(captioned_images(["so red", "red", *others], color="blue"))
    for _ in range(2):
        assert [hit.index for hit in model.find_images("crimson", text=True)] == [1]
        assert model.find_images("crimson", 3, text_weight=0.8)[0].index == 1
    model.transform(captioned_images(["crimson"]))
    assert Counted.made == (text_model != "tower")  # loaded once for the fit, all searches and what is new
    if text_model == "tower":
        assert model.find_images("深红", text=True) == []  # it has learned English only


# --- copies -------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_copies(color_set: ConceptSet) -> ConceptSet:
    """Three of the twelve red pictures are copies of a fourth, and one of the blue ones is of another."""
    copy_of = np.arange(27)
    copy_of[[0, 3, 5]], copy_of[12] = 2, 14
    kinds = (copy_of != np.arange(27)).astype(np.uint8) * 2
    return replace(color_set, families=PictureFamilies(copy_of, kinds, copy_of.copy()))


@pytest.mark.parametrize("said_only", [False, True])
@pytest.mark.parametrize("scores", ["cosine", "standard"])
def test_copies_are_found_once(with_copies: ConceptSet, scores: Any, said_only: bool) -> None:
    says = PictureTexts(tuple("red" if row % 3 == 0 or row in (2, 14) else "" for row in range(27)), "by hand")
    wanted = looked_for(says, "red", color("red"), said_only=said_only)
    every = find_looked_for(with_copies, wanted, top_n=27, scores=scores)
    heads = with_copies.families.copy_of.tolist()  # type: ignore[union-attr]  # it has some
    order = list(dict.fromkeys(heads[hit.index] for hit in every))
    for top_n in (1, 3, 8, 27):
        hits = find_looked_for(with_copies, wanted, top_n=top_n, scores=scores, once=True)
        assert [heads[hit.index] for hit in hits] == order[:top_n]
    first = {heads[hit.index]: hit for hit in reversed(every)}
    assert [hit.similarity for hit in hits] == [first[heads[hit.index]].similarity for hit in hits]
    assert 2 in [hit.index for hit in hits]  # what stands for the others
    assert not {0, 3, 5} & {hit.index for hit in hits}
    hidden = copies_of(with_copies, hits[:4])
    assert {heads[row] for row in hidden} <= {hit.index for hit in hits[:4]}
    assert copies_of(with_copies, hits).tolist() == [0, 3, 5, 12]
    assert copies_of(with_copies, hits, within=1).tolist() == [12]
    plain = replace(with_copies, families=None)
    assert find_looked_for(plain, wanted, top_n=9, once=True) == find_looked_for(plain, wanted, top_n=9)


def test_of_copies_the_one_is_found_that_says_it(with_copies: ConceptSet) -> None:
    says = PictureTexts(tuple("red" if row == 3 else "" for row in range(27)), "docs")
    wanted = looked_for(says, "red", color("red"), said_only=True)
    assert [hit.index for hit in find_looked_for(with_copies, wanted, once=True)] == [3]


def test_a_picture_finds_itself_and_not_what_stands_for_it(with_copies: ConceptSet) -> None:
    for row in (2, 3, 12):
        wanted = LookedFor(with_copies.vectors[row], expand=True, of_picture=True)
        assert find_looked_for(with_copies, wanted, top_n=2, once=True)[0].index == row


def test_copies_are_found_as_the_model_was_fitted(with_copies: ConceptSet, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ConceptModel(embedding_model=ColorEncoder(), cache=False, verbose=False)
    model.concepts_ = with_copies
    once = {hit.index for hit in model.find_images("red", 27)}
    assert once == set(range(27)) - {0, 3, 5, 12}
    assert {hit.index for hit in model.find_images("red", 27, duplicates="keep")} == set(range(27))
    drawn = [text.get_text() for text in model.visualize_query("red", 9).texts]
    assert "9 best images, 3 copies hidden" in drawn
    assert "9 best images" in [text.get_text() for text in model.visualize_query("red", 9, duplicates="keep").texts]
    model.concepts_ = replace(with_copies, families=None)
    assert len(model.find_images("red", 27)) == 27
    monkeypatch.setattr(ConceptModel, "families_", with_copies.families)
    assert {hit.index for hit in model.find_images("red", 27, duplicates="collapse")} == once
    with pytest.raises(InvalidParameterError, match="duplicates='none'"):
        model.find_images("red", duplicates="none")  # type: ignore[arg-type]


# --- concepts -----------------------------------------------------------------------------------------------------


def test_concepts_whose_pictures_say_it_come_first(color_set: ConceptSet, texts: PictureTexts) -> None:
    wanted = looked_for(texts, "加班", color("lime"), said_only=True)
    hits = find_looked_for_concepts(color_set, wanted)
    assert [hit.concept for hit in hits] == [0, 1]  # two of twelve, one of nine
    assert hits[0].similarity == pytest.approx((1 + 0.6 + 0.3 * 2 / 5) / 12)
    fused = find_looked_for_concepts(color_set, looked_for(texts, "red", color("blue")), top_n=3)
    assert fused[0].concept == 2  # two of six say it
    assert {hit.concept for hit in fused} == {0, 1, 2}


def test_a_small_concept_that_says_it_throughout_beats_a_large_one_where_some_do(color_set: ConceptSet) -> None:
    said = PictureTexts(tuple("加班" if i < 10 or i >= 21 else "" for i in range(27)), "by hand")
    assert find_looked_for_concepts(color_set, looked_for(said, "加班"))[0].concept == 2


def test_one_picture_that_says_it_does_not_outweigh_how_a_concept_looks(color_set: ConceptSet) -> None:
    texts = PictureTexts(tuple("the red thing" if i == 12 else "" for i in range(27)), "by hand")
    wanted = looked_for(texts, "red", color("red"))
    assert find_looked_for(color_set, wanted)[0].index == 12
    standard = find_looked_for_concepts(color_set, wanted, scores="standard")
    assert [hit.similarity for hit in standard] == sorted((hit.similarity for hit in standard), reverse=True)


# --- the estimator ------------------------------------------------------------------------------------------------


def captioned(captions: Sequence[str] = ("加班", "又加班了", "overtime", "", "", "red")) -> ImageSource:
    colors = ("red", "blue")
    return [image for name in colors for image in captioned_images(captions, color=name)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ConceptModel:
    cache = tmp_path_factory.mktemp("cache")
    return ConceptModel(
        embedding_model=ColorEncoder(), vocabulary=["red", "blue"], ocr=CaptionReader(), cache=cache, verbose=False
    ).fit(captioned())


def test_words_are_looked_for_in_texts_and_looks(model: ConceptModel) -> None:
    assert {hit.index for hit in model.find_images("red", 2)} == {5, 11}
    assert {hit.index for hit in model.find_images("red", 7)} == {0, 1, 2, 3, 4, 5, 11}
    assert {hit.index for hit in model.find_images("red", 6, text=False)} == {0, 1, 2, 3, 4, 5}
    assert [hit.index for hit in model.find_images("red", 9, text=True)] == [5, 11]  # of red looks first
    assert {hit.index for hit in model.find_images("red", 6, text_weight=0)} == {0, 1, 2, 3, 4, 5}


def test_what_the_encoder_cannot_read_is_looked_for_in_texts_alone(model: ConceptModel) -> None:
    hits = model.find_images("加班", 12)
    assert [hit.index for hit in hits] == [0, 6, 1, 7]
    assert [hit.similarity for hit in hits] == [1, 1, pytest.approx(0.75), pytest.approx(0.75)]
    assert len(model.find_images("鸭", 12)) == 12  # nobody says it: looks are better than nothing
    assert model.find_images("鸭", 12, text=True) == []
    mixed = model.find_images(Query(captioned_images([""], color="blue")[0]) + "加班", 12)
    assert [hit.index for hit in mixed[:4]] == [6, 0, 7, 1]


def test_what_only_takes_unknown_words_away_goes_by_looks(model: ConceptModel) -> None:
    for search in (model.find_images, model.find_concepts):
        assert search(-Query("加班"))
    without = [hit.index for hit in model.find_images(-Query("加班"), 12)]
    assert set(without[-4:]) == {0, 1, 6, 7}  # what says it is the last
    picture = Query(captioned_images([""], color="blue")[0])
    assert {hit.index for hit in model.find_images(picture - "加班", 4)} == {8, 9, 10, 11}


def test_a_text_model_that_is_lost_is_missed_by_meaning_alone(tmp_path: Path) -> None:
    captions = ["crimson", "overtime", *(f"word number {i}" for i in range(40))]
    model = ConceptModel(
        embedding_model=ColorEncoder(), ocr=CaptionReader(), text_model=Counted("mine"), cache=False, verbose=False
    ).fit(captioned_images(captions))
    model.save(tmp_path / "saved")
    with pytest.warns(AdjustedWarning, match="text_model"):
        loaded = ConceptModel.load(tmp_path / "saved", embedding_model=ColorEncoder())
    for search in (loaded.find_images, loaded.find_concepts):
        with pytest.warns(AdjustedWarning, match=r"'mine', an object.*as they are written.*model\.text_model"):
            assert search("red")
        with pytest.raises(InvalidParameterError, match="text_model="):
            search("red", text=True)
    with pytest.warns(AdjustedWarning, match="'mine'"):
        assert loaded.find_images("overtime", 1)[0].index == 1
    loaded.text_model = Counted("mine")
    assert loaded.find_images("red", text=True) == model.find_images("red", text=True)


def test_a_picture_that_is_not_there_is_named_and_nothing_is_to_be_left_out(model: ConceptModel) -> None:
    with pytest.raises(UnreadableImageError) as error:
        model.find_images(Path("nowhere.jpg"))
    assert str(error.value).startswith("nowhere.jpg: ")
    assert "eave" not in str(error.value)


def test_a_picture_is_looked_for_by_its_looks(model: ConceptModel) -> None:
    picture = captioned()[7]
    assert model.find_images(picture, 12) == model.find_images(picture, 12, text=False)
    assert model.find_images(picture, 1)[0].index == 7
    with pytest.raises(InvalidParameterError, match="words"):
        model.find_images(picture, text=True)


def test_concepts_are_found_by_what_their_pictures_say(model: ConceptModel) -> None:
    fitted = model.concepts_
    says = PictureTexts(tuple("加班" if label == 1 else "no" for label in fitted.labels), "by hand")
    model.concepts_ = replace(fitted, texts=says)
    try:
        assert [hit.concept for hit in model.find_concepts("加班")] == [1]
        assert model.find_concepts("加班")[0].similarity == 1
        assert {hit.concept for hit in model.find_concepts("加班", text=False)} == set(range(len(fitted)))
    finally:
        model.concepts_ = fitted


def test_the_weight_of_the_model_counts_in_searches() -> None:
    by_looks = ConceptModel(
        embedding_model=ColorEncoder(),
        vocabulary=["red"],
        ocr=CaptionReader(),
        text_weight=0,
        cache=False,
        verbose=False,
    ).fit(captioned())
    assert by_looks.find_images("red", 6) == by_looks.find_images("red", 6, text=False)
    assert {hit.index for hit in by_looks.find_images("red", 2, text_weight=0.5)} == {5, 11}
    assert [hit.index for hit in by_looks.find_images("red", 9, text=True)] == [5, 11]
    by_looks.text_weight = 1.0
    assert [hit.index for hit in by_looks.find_images("red", 9)] == [5, 11]


def test_a_model_without_texts_says_how_to_get_them(fit_colors: Callable[[ImageSource], ConceptSet]) -> None:
    model = ConceptModel(embedding_model=ColorEncoder(), cache=False, verbose=False)
    model.concepts_ = fit_colors(captioned())
    for more in ({"text": True}, {"text_weight": 0.5}):
        for search in (model.find_images, model.find_concepts):
            with pytest.raises(InvalidParameterError, match="ocr=True"):
                search("red", **more)
    assert model.find_images("red", text=False) == model.find_images("red") == model.find_images("red", text_weight=0)


@pytest.mark.parametrize(
    ("name", "value"), [("text", "yes"), ("text", 1), ("text_weight", 1.5), ("text_weight", "auto")]
)
def test_bad_parameters_are_refused(model: ConceptModel, name: str, value: object) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name}="):
        model.find_images("red", **{name: value})


class PicturesOnly:
    """`ColorEncoder` without its texts."""

    name, fingerprint = "pictures", "pictures/1"
    n_dims, image_size, batch_size, blocks = 27, (16, 16), 8, (slice(0, 27),)
    preprocess, encode_images, n_encoded = ColorEncoder.preprocess, ColorEncoder.encode_images, 0


def test_an_encoder_without_texts_searches_what_the_pictures_say() -> None:
    model = ConceptModel(embedding_model=PicturesOnly(), ocr=CaptionReader(), cache=False, verbose=False)
    model.fit(captioned())
    assert [hit.index for hit in model.find_images("overtime")] == [2, 8]
    assert model.find_images("nothing") == []
    assert len(model.find_images(Query(captioned()[0]) + "overtime", 12)) == 12
    with pytest.raises(NoTextEncoderError, match="search that with text=True") as error:
        model.find_images("overtime", text=False)
    assert "ocr" not in str(error.value)  # it was read


def test_a_loaded_model_searches_texts_without_its_encoder(model: ConceptModel, tmp_path: Path) -> None:
    model.save(tmp_path / "saved")
    with pytest.warns(AdjustedWarning, match="ocr"):
        loaded = ConceptModel.load(tmp_path / "saved")
    assert {hit.index for hit in loaded.find_images("加班", text=True)} == {0, 1, 6, 7}
    with pytest.raises(ModelNotFoundError):
        loaded.find_images("red")
    with pytest.warns(AdjustedWarning, match="ocr"):
        again = ConceptModel.load(tmp_path / "saved", embedding_model=ColorEncoder())
    assert again.find_images("red") == model.find_images("red")
    assert again.find_images("加班", text=True) == model.find_images("加班", text=True)


def test_a_figure_shows_what_was_found(model: ConceptModel) -> None:
    texts = [text.get_text() for text in model.visualize_query("加班", 3, text=True).texts]
    assert "加班" in texts
    assert "3 best images" in texts
    assert texts.count("1.00") == 2
    nothing = [text.get_text() for text in model.visualize_query("鸭", text=True).texts]
    assert "None of 12 images fits the query." in nothing
