"""The tree of concepts: near ones are joined first, words stand at every node, and it can be cut and drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.centring import centre_vectors, mean_vector, unit
from concept_memes.concepts import Concept, ConceptSet, ImageRecord
from concept_memes.errors import InvalidParameterError
from concept_memes.hierarchy import Hierarchy, average_linkage, build_hierarchy, cut_linkage, in_order_of_content
from concept_memes.labels import RankedWord


def made_set(vectors: npt.NDArray[np.float32], labels: Sequence[int], words: Sequence[str] = ()) -> ConceptSet:
    """Make a set of given labels; concepts carry one word each."""
    given_labels = np.asarray(labels, np.int64)
    k = int(given_labels.max(initial=-1)) + 1
    members = [np.flatnonzero(given_labels == number) for number in range(k)]
    return ConceptSet(
        images=tuple(ImageRecord(f"{i}.png", None, f"{i * 7919 % 100_003:06}") for i in range(len(vectors))),
        labels=given_labels,
        probabilities=(given_labels >= 0).astype(np.float64),
        vectors=vectors,
        centre=mean_vector(vectors),
        blocks=((0, vectors.shape[1]),),
        centroids=unit(np.array([vectors[rows].mean(axis=0) for rows in members])).reshape(k, vectors.shape[1]),
        concepts=tuple(
            Concept(i, len(rows), words=tuple(words[i : i + 1]), word_scores=(0.5,) * len(words[i : i + 1]))
            for i, rows in enumerate(members)
        ),
        words=(),
        word_vectors=np.zeros((0, vectors.shape[1]), np.float32),
        encoder_name="",
        encoder_fingerprint="",
    )


def kinds(*middles: Sequence[float], n: int = 5, seed: int = 0) -> npt.NDArray[np.float32]:
    """Make `n` vectors around each middle."""
    rng = np.random.default_rng(seed)
    return unit(np.repeat(np.array(middles, np.float64), n, axis=0) + rng.normal(0, 0.05, (n * len(middles), 3)))


@pytest.fixture
def pets() -> ConceptSet:
    """Terriers and spaniels are near to each other, cars are far from both; one picture is in no concept."""
    vectors = kinds([1, 0.2, 0], [-1, 0, 0.3], [1, -0.2, 0])
    labels = np.repeat([0, 1, 2], 5)
    labels[3] = -1
    return made_set(vectors, labels.tolist(), ["terrier", "car", "spaniel"])


def test_near_concepts_are_joined_first(pets: ConceptSet) -> None:
    terriers, cars, spaniels, dogs, root = build_hierarchy(pets)
    assert [node.index for node in (terriers, cars, spaniels, dogs, root)] == [0, 1, 2, 3, 4]
    assert (dogs.children, dogs.concepts, dogs.size) == ((0, 2), (0, 2), 9)
    assert (root.children, root.concepts, root.size) == ((1, 3), (0, 1, 2), 14)
    assert (terriers.words, terriers.size, terriers.children, terriers.similarity) == (("terrier",), 4, (), 1.0)


def test_similarity_is_the_mean_cosine_between_the_pictures_of_both_children(pets: ConceptSet) -> None:
    centred = centre_vectors(pets.vectors, pets.centre, pets.blocks).astype(np.float64)
    *_, dogs, root = build_hierarchy(pets)
    for node, one, other in ((dogs, [0], [2]), (root, [1], [0, 2])):
        left, right = (centred[np.isin(pets.labels, numbers)] for numbers in (one, other))
        assert node.similarity == pytest.approx(float((left @ right.T).mean()), abs=1e-9)


def test_words_of_inner_nodes_are_ranked_for_the_pictures_under_them(pets: ConceptSet) -> None:
    asked: list[list[int]] = []

    def rank(concept_set: ConceptSet, groups: Sequence[npt.NDArray[np.int64]]) -> list[list[RankedWord]]:
        assert concept_set is pets
        asked.extend(rows.tolist() for rows in groups)
        return [[RankedWord("dog", 0.9, 0.8), RankedWord("pet", 0.4, 0.3)], []]

    nodes = build_hierarchy(pets, rank)
    assert asked == [[0, 1, 2, 4, 10, 11, 12, 13, 14], [i for i in range(15) if i != 3]]
    assert (nodes[3].words, nodes[3].word_scores, nodes[3].title) == (("dog", "pet"), (0.9, 0.4), "dog, pet")
    assert (nodes[4].words, nodes[4].title) == ((), "3 concepts")
    assert nodes[0].words == ("terrier",)


def test_one_concept_is_its_own_root_and_none_is_no_tree() -> None:
    one = Hierarchy(build_hierarchy(made_set(kinds([1, 0, 0]), [0] * 5, ["cat"])))
    assert (len(one), one.root, one.cut(1), str(one)) == (1, one[0], [(0,)], "cat (5 images, concept 0)")
    none = Hierarchy(build_hierarchy(made_set(kinds([1, 0, 0]), [-1] * 5)))
    assert (len(none), none.root, none.n_concepts, str(none)) == (0, None, 0, "no concepts")
    assert none.to_dataframe().empty


def test_the_order_of_the_pictures_does_not_show() -> None:
    rng = np.random.default_rng(3)
    vectors, labels = unit(rng.normal(size=(300, 3))), np.arange(300) % 40
    order = rng.permutation(300)
    plain = made_set(vectors, labels.tolist())
    moved = made_set(vectors[order], labels[order].tolist())
    moved = ConceptSet(**{**vars(moved), "images": tuple(plain.images[i] for i in order), "centre": plain.centre})
    assert build_hierarchy(plain) == build_hierarchy(moved)


def test_the_tree_is_drawn_with_larger_branches_first(pets: ConceptSet) -> None:
    tree = Hierarchy(build_hierarchy(pets))
    assert str(tree).splitlines() == [
        f"3 concepts (14 images, similarity {tree[4].similarity:.2f})",
        f"├─ 2 concepts (9 images, similarity {tree[3].similarity:.2f})",
        "│  ├─ spaniel (5 images, concept 2)",
        "│  └─ terrier (4 images, concept 0)",
        "└─ car (5 images, concept 1)",
    ]


def test_cutting_gives_as_many_groups_as_asked_for_and_each_nests_in_the_next(pets: ConceptSet) -> None:
    tree = Hierarchy(build_hierarchy(pets))
    assert [tree.cut(n) for n in (1, 2, 3)] == [[(0, 1, 2)], [(0, 2), (1,)], [(0,), (1,), (2,)]]
    for n in (0, 4):
        with pytest.raises(InvalidParameterError, match="from 1 to 3, the number of concepts"):
            tree.cut(n)


def test_parents_and_the_table(pets: ConceptSet) -> None:
    tree = Hierarchy(build_hierarchy(pets))
    assert [None if (above := tree.parent(i)) is None else above.index for i in range(5)] == [3, 4, 3, 4, None]
    table = tree.to_dataframe()
    assert table["parent"].tolist() == [3, 4, 3, 4, -1]
    assert table["concepts"].tolist() == [1, 1, 1, 2, 3]
    assert table["title"].tolist()[:3] == ["terrier", "car", "spaniel"]


def test_five_hundred_concepts_in_a_chain_are_built_cut_and_drawn() -> None:
    angles = np.cumsum(np.linspace(0.001, 0.01, 500))  # each is nearest to the one before it
    vectors = np.stack([np.cos(angles), np.sin(angles), np.zeros(500)], axis=1).astype(np.float32)
    tree = Hierarchy(build_hierarchy(made_set(vectors, list(range(500)))))
    assert len(tree) == 999
    assert len(tree.cut(37)) == 37
    assert len(str(tree).splitlines()) == 999


def test_pictures_are_summed_in_the_order_of_their_content(pets: ConceptSet) -> None:
    hashes = [pets.images[row].content_hash for row in in_order_of_content(pets, np.array([9, 2, 14, 0]))]
    assert hashes == sorted(hashes)
    assert len(hashes) == 4


# --- Linkage ----------------------------------------------------------------------------------------------------------


@given(st.integers(2, 25), st.integers(0, 10_000))
def test_linkage_joins_the_pair_with_the_highest_mean_cosine_every_time(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, k)
    members = [unit(rng.normal(size=(size, 4))).astype(np.float64) for size in sizes]
    pairs, similarities = average_linkage(np.array([rows.sum(axis=0) for rows in members]), sizes)
    groups = dict(enumerate(members))
    for step, ((one, other), similarity) in enumerate(zip(pairs.tolist(), similarities, strict=True)):
        cosines = {(a, b): (groups[a] @ groups[b].T).mean() for a in groups for b in groups if a < b}
        assert cosines[one, other] == pytest.approx(max(cosines.values()), abs=1e-9)
        assert similarity == pytest.approx(cosines[one, other], abs=1e-9)
        groups[k + step] = np.concatenate([groups.pop(one), groups.pop(other)])


def test_ties_of_linkage_go_to_the_lowest_numbers() -> None:
    pairs, _ = average_linkage(np.eye(4), np.ones(4, np.int64))
    assert pairs.tolist() == [[0, 1], [2, 4], [3, 5]]


@given(st.integers(1, 30), st.integers(0, 1000), st.data())
def test_a_cut_holds_every_concept_once(k: int, seed: int, data: st.DataObject) -> None:
    sums = unit(np.random.default_rng(seed).normal(size=(k, 4))).astype(np.float64)
    pairs, _ = average_linkage(sums, np.ones(k, np.int64))
    n_groups = data.draw(st.integers(1, k))
    groups = cut_linkage(pairs, n_groups)
    assert len(groups) == n_groups
    assert sorted(number for group in groups for number in group) == list(range(k))
