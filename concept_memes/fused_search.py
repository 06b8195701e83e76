"""Looks and texts searched together: how well pictures say a query beside how much they look like it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
from concept_memes.findings import PictureTexts
from concept_memes.protocols import FloatArray, IntArray
from concept_memes.queries import TINY, Query, expanded, spread_of
from concept_memes.scanning import similarities, top_similar
from concept_memes.search import Scores, check, rows_within, search_concepts, search_images, standard_scores
from concept_memes.text_search import index_of

__all__ = [
    "SEARCH_WEIGHT",
    "LookedFor",
    "copies_of",
    "find_looked_for",
    "find_looked_for_concepts",
    "how_well_said",
    "once_each",
]

# How much texts count in a search, unless the user says.
SEARCH_WEIGHT = 0.5
# A text that is the query counts as much as so many standard deviations of looks; one that holds it, 9.6 at least. The
# best looks are at 3 to 6: what says a query comes before what only looks like it.
TEXT_SCALE = 16.0
# How well a text says what it only means, at most: from so many standard deviations of all texts on; it counts from
# half of them. Of 1,000 captions of photos (MiniLM), 28 do for "mountain climbing", and five about other food do for
# "pizza", which none shows: so a deviation counts a little less than one of looks.
MEANS, SURE_MEANING = 0.3, 6.0


@dataclass(frozen=True, eq=False)
class LookedFor:
    """A query in both senses.

    Attributes
    ----------
    vector : ndarray of shape (n_dims,), float32, unit norm, or None
        What it looks like; None where the encoder cannot tell.
    said : ndarray of shape (n_images,), float64, or None
        How well each picture says it, from :func:`how_well_said`; None to search by looks alone.
    weight : float
        How much `said` counts, in [0, 1].
    said_only : bool
        Find nothing but what says it; looks decide between what says it equally well.
    expand : bool
        Rank looks by the query and the picture nearest to it.
    of_picture : bool
        A picture is looked for, so that which copy it finds matters.
    """

    vector: FloatArray | None
    said: npt.NDArray[np.float64] | None = None
    weight: float = SEARCH_WEIGHT
    said_only: bool = False
    expand: bool = False
    of_picture: bool = False

    @property
    def by_looks_alone(self) -> bool:
        """Whether texts change nothing: nobody asked for them, or no picture says it."""
        unsaid = self.said is None or self.weight == 0 or not self.said.any()
        return unsaid and not self.said_only and self.vector is not None

    @property
    def texts_alone(self) -> bool:
        """Whether nothing is found but what says it."""
        return self.said_only or self.vector is None

    @property
    def factors(self) -> tuple[float, float]:
        """What looks and texts are multiplied by; the larger one is 1, so up to a weight of 0.5 looks stay as are."""
        larger = max(self.weight, 1 - self.weight)
        return (1 - self.weight) / larger, self.weight / larger


def how_well_said(texts: PictureTexts, query: Query, meanings: FloatArray | None = None) -> npt.NDArray[np.float64]:
    """Say how well each picture says the words of a query.

    Parameters
    ----------
    texts : PictureTexts
        What the pictures say.
    query : Query
        Its pictures have no part in this.
    meanings : ndarray of shape (n_query_texts, n_text_dims), float32, unit norm, optional
        Its texts in the space of ``texts.vectors``. With them pictures count too whose texts mean the query, up to 0.3.

    Returns
    -------
    ndarray of shape (n_images,), float64
        The weighted sum over the query's texts of what :meth:`~concept_memes.text_search.TextIndex.match` gives; below
        0 for what says only what is taken away. 0 throughout for a query without texts.

    Examples
    --------
    >>> texts = PictureTexts(("no more overtime", "overtime, boss!", ""), "by hand")
    >>> (how_well_said(texts, Query("overtime") - "boss") > 0).tolist()
    [True, True, False]
    """
    terms = [(what, weight) for what, weight in query.terms if isinstance(what, str) and weight]
    total = np.zeros(len(texts.texts))
    largest = max((abs(weight) for _, weight in terms), default=1.0)
    for place, (what, weight) in enumerate(terms):
        match = index_of(texts).match(what)
        if meanings is not None:
            match = np.maximum(match, _meant(texts, meanings[place]))
        total += weight / largest * match
    return total


def find_looked_for(
    concept_set: ConceptSet,
    wanted: LookedFor,
    *,
    top_n: int = 10,
    within: int | Sequence[int] | None = None,
    scores: Scores = "cosine",
    once: bool = False,
) -> list[ImageHit]:
    """Find the pictures that look like a query or say it.

    Ranked by ``a * looks + b * 16 * said``, looks as standard scores and the factors from the weight; where texts alone
    are searched, by `said`, and by looks between equals.

    Parameters
    ----------
    concept_set : ConceptSet
    wanted : LookedFor
    top_n : int, default=10
        How many at most.
    within : int or sequence of int, optional
        Only pictures of these concepts; -1 stands for those that are in none.
    scores : {"cosine", "standard"}, default="cosine"
        What `similarity` is: "standard" is what is ranked by, and "cosine" the same on the scale of cosines, ``a *
        cosine + b * 16 * spread * said``, at most 1, with the standard deviation of the cosines of all pictures. Where
        texts alone are searched, it is `said`, or 16 times that. It descends, unless looks are ranked by an expanded
        query.
    once : bool, default=False
        Find a picture and its copies once, as well as the one fits that fits best. What is found is the one that stands
        for them, if it says as much and was searched; where a picture is looked for, the copy that is most like it.

    Returns
    -------
    list of ImageHit
        Best first, ties in the order of the pictures; fewer than `top_n` where texts alone are searched and fewer say
        it.
    """
    if once:

        def find(n: int) -> list[ImageHit]:
            return find_looked_for(concept_set, wanted, top_n=n, within=within, scores=scores)

        hits = once_each(concept_set, find, top_n)
        return hits if wanted.of_picture else _by_their_heads(concept_set, wanted, hits, within)
    if wanted.by_looks_alone:
        assert wanted.vector is not None
        return search_images(
            concept_set, wanted.vector, top_n=top_n, within=within, scores=scores, expand=wanted.expand
        )
    check(top_n, scores)
    allowed = rows_within(concept_set, within)
    if wanted.said is None:
        return []
    rows = _candidates(concept_set, wanted, allowed, top_n)
    said = wanted.said[rows]
    looks, ranked = np.zeros(len(rows)), np.zeros(len(rows))
    if wanted.vector is not None:
        looks = _looks(concept_set, wanted.vector, rows, scores)
        by = expanded(concept_set, wanted.vector) if wanted.expand else wanted.vector
        ranked = _looks(concept_set, by, rows, "standard")
    order = _best_first(wanted, ranked, said)[:top_n]
    values = _similarity(wanted, looks, _unit(concept_set, wanted, scores) * said, scores)
    return [
        ImageHit(concept_set.images[i].path, float(values[k]), int(i), int(concept_set.labels[i]))
        for k, i in zip(order, rows[order], strict=True)
    ]


def once_each(concept_set: ConceptSet, find: Callable[[int], list[ImageHit]], top_n: int) -> list[ImageHit]:
    """Find pictures of which no two are copies of one another.

    Parameters
    ----------
    concept_set : ConceptSet
        It knows the copies; where it does not, all are different.
    find : callable
        ``find(n)`` gives the n best pictures, best first, fewer if there are no more.
    top_n : int
        How many at most.

    Returns
    -------
    list of ImageHit
        Of a group of copies the best one.
    """
    hits = find(top_n)
    if concept_set.families is None:
        return hits
    heads, n = concept_set.families.copy_of, top_n
    while True:
        best: dict[int, ImageHit] = {}
        for hit in hits:
            best.setdefault(int(heads[hit.index]), hit)
        if len(best) >= top_n or len(hits) < n:
            return list(best.values())[:top_n]
        n *= 2  # the first ones stay the same
        hits = find(n)


def _by_their_heads(
    concept_set: ConceptSet, wanted: LookedFor, hits: list[ImageHit], within: int | Sequence[int] | None
) -> list[ImageHit]:
    """Put in the place of a copy what stands for it: the uncut one, with many pixels; similarities stay."""
    if concept_set.families is None:
        return hits
    rows, said = rows_within(concept_set, within), wanted.said
    every = np.arange(len(concept_set.images))
    searched = np.isin(every, every if rows is None else rows)
    found = []
    for hit in hits:
        head = int(concept_set.families.copy_of[hit.index])
        if searched[head] and (said is None or said[head] >= said[hit.index]):
            path, label = concept_set.images[head].path, int(concept_set.labels[head])
            hit = hit._replace(path=path, index=head, concept=label)  # noqa: PLW2901
        found.append(hit)
    return found


def copies_of(concept_set: ConceptSet, hits: Sequence[ImageHit], within: int | Sequence[int] | None = None) -> IntArray:
    """List the copies of what was found that are not among it.

    Parameters
    ----------
    concept_set : ConceptSet
    hits : sequence of ImageHit
    within : int or sequence of int, optional
        Only pictures of these concepts were searched.

    Returns
    -------
    ndarray of shape (n_copies,), int64
        Rows, ascending; none where nobody looked for copies.
    """
    found = np.array([hit.index for hit in hits], np.int64)
    if concept_set.families is None or not len(found):
        return np.zeros(0, np.int64)
    heads = concept_set.families.copy_of
    together = np.isin(heads, heads[found])
    together[found] = False
    rows = rows_within(concept_set, within)
    return np.flatnonzero(together) if rows is None else rows[together[rows]]


def find_looked_for_concepts(
    concept_set: ConceptSet, wanted: LookedFor, *, top_n: int = 5, scores: Scores = "cosine"
) -> list[ConceptHit]:
    """Find the concepts that look like a query, or whose pictures say it.

    What the pictures of a concept say counts by how many standard errors their mean lies above that of all pictures: a
    small concept that says it throughout comes before a large one where some do.

    Parameters
    ----------
    concept_set : ConceptSet
    wanted : LookedFor
    top_n : int, default=5
        How many at most.
    scores : {"cosine", "standard"}, default="cosine"
        What `similarity` is: "standard" is what is ranked by, and "cosine" is as for pictures, with the mean of `said`;
        it need not descend.

    Returns
    -------
    list of ConceptHit
        Best first, ties in the order of the concepts; fewer than `top_n` where texts alone are searched and fewer say
        it.
    """
    if wanted.by_looks_alone:
        assert wanted.vector is not None
        return search_concepts(concept_set, wanted.vector, top_n=top_n, scores=scores)
    check(top_n, scores)
    n = len(concept_set)
    if wanted.said is None or not n:
        return []
    readable = concept_set.vectors.any(axis=1)
    known = np.sort(wanted.said[readable])  # sums of sorted numbers have the same bits in whatever order they came
    mean, spread = known.mean(), known.std()
    members = [np.sort(wanted.said[readable & (concept_set.labels == i)]) for i in range(n)]
    said = np.array([own.mean() if len(own) else 0.0 for own in members])
    errors = np.array([(own.mean() - mean) * len(own) ** 0.5 if own.any() else 0.0 for own in members])
    surely = (errors / max(spread, TINY) / TEXT_SCALE).clip(-1, 1)
    looks, ranked = np.zeros(n), np.zeros(n)
    if wanted.vector is not None:
        cosines = similarities(concept_set.centroids, wanted.vector, np.arange(n))
        ranked = standard_scores(concept_set, wanted.vector, cosines)
        looks = ranked if scores == "standard" else cosines
    found = np.arange(n)
    if wanted.texts_alone:
        found = np.flatnonzero([own.max(initial=0) > 0 for own in members])
    order = found[_best_first(wanted, ranked[found], surely[found])][:top_n]
    said = surely if scores == "standard" else said
    values = _similarity(wanted, looks, _unit(concept_set, wanted, scores) * said, scores)
    return [ConceptHit(concept_set.concepts[i].index, float(values[i])) for i in order]


def _candidates(concept_set: ConceptSet, wanted: LookedFor, allowed: IntArray | None, top_n: int) -> IntArray:
    """Return the pictures that can be among the best: those that say something, and those with the best looks."""
    assert wanted.said is not None
    rows = np.arange(len(concept_set.labels)) if allowed is None else allowed
    said = wanted.said[rows]
    if wanted.texts_alone:
        return rows[said > 0]
    assert wanted.vector is not None
    by = expanded(concept_set, wanted.vector) if wanted.expand else wanted.vector
    silent, _ = top_similar(concept_set.vectors, by, top_n, rows=rows[said == 0])
    return np.sort(np.concatenate([rows[said != 0], silent]))


def _looks(concept_set: ConceptSet, query: FloatArray, rows: IntArray, scores: Scores) -> npt.NDArray[np.float64]:
    cosines = similarities(concept_set.vectors, query, rows)
    return standard_scores(concept_set, query, cosines) if scores == "standard" else cosines


def _best_first(wanted: LookedFor, looks: npt.NDArray[np.float64], said: npt.NDArray[np.float64]) -> IntArray:
    """Order by standard scores of looks and what is said together; where texts are alone, looks only part equals."""
    if wanted.texts_alone:
        return np.lexsort((-looks, -said))
    a, b = wanted.factors
    return np.argsort(-(a * looks + b * TEXT_SCALE * said), kind="stable")


def _unit(concept_set: ConceptSet, wanted: LookedFor, scores: Scores) -> float:
    """Return what a text that is the query adds to the similarity."""
    if scores == "standard":
        return TEXT_SCALE
    spread = 0.0 if wanted.vector is None else spread_of(concept_set, wanted.vector)[1]
    return 1.0 if wanted.texts_alone or spread <= TINY else TEXT_SCALE * spread


def _similarity(
    wanted: LookedFor, looks: npt.NDArray[np.float64], said: npt.NDArray[np.float64], scores: Scores
) -> npt.NDArray[np.float64]:
    a, b = (0.0, 1.0) if wanted.texts_alone else wanted.factors
    values: npt.NDArray[np.float64] = a * looks + b * said
    return values if scores == "standard" else values.clip(-1, 1, out=values)


def _meant(texts: PictureTexts, meaning: FloatArray) -> npt.NDArray[np.float64]:
    """Say how surely texts mean a query: from how far their cosine with it is above the mean of all texts."""
    assert texts.vectors is not None
    with_text = texts.vectors.any(axis=1)
    cosines = similarities(texts.vectors, meaning, np.flatnonzero(with_text))
    found = np.zeros(len(texts.vectors))
    ordered = np.sort(cosines)  # so that sums have the same bits in whatever order the pictures came
    if len(cosines) and (spread := float(ordered.std())) > TINY:
        sure = (cosines - float(ordered.mean())) / spread / SURE_MEANING
        found[with_text] = MEANS * np.where(sure < 0.5, 0, sure.clip(0, 1))
    return found
