from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from threadpoolctl import threadpool_limits

from concept_memes import neighbors
from concept_memes.centring import unit
from concept_memes.neighbors import nearest_neighbors

Array = npt.NDArray[np.float32]


def random_units(n: int, d: int = 8, seed: int = 0) -> Array:
    return unit(np.random.default_rng(seed).normal(size=(n, d)))


def close_units(n: int, d: int, spread: float, seed: int = 0) -> Array:
    """Make vectors that differ from one another by little more than what float32 rounds away."""
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=d) + spread * rng.normal(size=(n, d)))


def by_sorting_everything(queries: Array, vectors: Array, k: int) -> tuple[npt.NDArray[np.int64], Array]:
    # Row by row in float64, in one fixed order: what is near then depends on the two vectors alone.
    exact = np.stack([np.einsum("ij,j->i", vectors.astype(np.float64), q.astype(np.float64)) for q in queries])
    order = np.argsort(-exact, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(exact, order, axis=1).clip(-1, 1).astype(np.float32)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few hundred rows go through as many tiles as fifty thousand do."""
    monkeypatch.setattr(neighbors, "TILE", 48)
    monkeypatch.setattr(neighbors, "TILE_NUMBERS", 48 * 48)
    monkeypatch.setattr(neighbors, "CROWDED_NUMBERS", 4 * 48 * 48)


@pytest.mark.parametrize("k", [1, 3, 15, 50])
def test_finds_what_sorting_all_similarities_finds(k: int) -> None:
    queries, vectors = random_units(20, seed=1), random_units(50)
    indices, similarities = nearest_neighbors(queries, vectors, k)
    expected = by_sorting_everything(queries, vectors, k)
    np.testing.assert_array_equal(indices, expected[0])
    np.testing.assert_array_equal(similarities, expected[1])
    assert (indices.dtype, similarities.dtype) == (np.int64, np.float32)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("k", [1, 12, 60])
@pytest.mark.parametrize(
    ("n", "d", "spread"),
    [
        (49, 5, 1.0),
        (500, 64, 1.0),
        (400, 64, 1e-2),
        (400, 512, 1e-3),  # similarities differ in the sixth place
        (300, 512, 1e-4),  # and in the eighth: nothing is settled by float32
    ],
)
def test_a_collection_with_itself_is_exact_however_close_the_vectors_are(n: int, d: int, spread: float, k: int) -> None:
    x = close_units(n, d, spread)
    expected = by_sorting_everything(x, x, k)
    for queries in (x, x.copy()):  # half of the tiles, and all of them
        indices, similarities = nearest_neighbors(queries, x, k)
        np.testing.assert_array_equal(indices, expected[0])
        np.testing.assert_array_equal(similarities, expected[1])


@pytest.mark.usefixtures("small_tiles")
def test_concepts_that_lie_together_are_exact_too() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(7, 32))
    x = unit(np.repeat(centres, 80, axis=0) + rng.normal(size=(560, 32)))
    np.testing.assert_array_equal(nearest_neighbors(x, x, 15)[0], by_sorting_everything(x, x, 15)[0])


def test_crowded_queries_are_found() -> None:
    # Otherwise the test of close vectors would not show that they are settled in float64.
    x = close_units(300, 512, 1e-4)
    candidates = neighbors.Candidates(x, x, 12)
    candidates.collect()
    assert candidates.crowded.all()
    spread_out = neighbors.Candidates(random_units(300, 64), random_units(300, 64), 12)
    spread_out.collect()
    assert not spread_out.crowded.any()


def test_tiles_and_threads_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x = random_units(700, 96)
    with threadpool_limits(1):
        whole = nearest_neighbors(x, x, 9)
    for tile in (64, 333):
        monkeypatch.setattr(neighbors, "TILE", tile)
        monkeypatch.setattr(neighbors, "PAIRS", 7)
        in_tiles = nearest_neighbors(x, x, 9)
        np.testing.assert_array_equal(whole[0], in_tiles[0])
        np.testing.assert_array_equal(whole[1], in_tiles[1])


@pytest.mark.parametrize("d", [7, 64, 512])
def test_the_order_of_the_rows_does_not_show(d: int) -> None:
    x = random_units(300, d)
    order = np.random.default_rng(1).permutation(300)
    indices, similarities = nearest_neighbors(x, x, 6)
    shuffled = x[order]
    other_indices, other_similarities = nearest_neighbors(shuffled, shuffled, 6)
    np.testing.assert_array_equal(order[other_indices], indices[order])
    np.testing.assert_array_equal(other_similarities, similarities[order])


@pytest.mark.parametrize("n_alone", [1, 10, 300])
def test_one_query_gets_what_many_get(n_alone: int) -> None:
    queries, vectors = random_units(300, 64, seed=1), random_units(2_000, 64)
    indices, similarities = nearest_neighbors(queries, vectors, 5)
    alone = nearest_neighbors(queries[:n_alone], vectors, 5)
    np.testing.assert_array_equal(alone[0], indices[:n_alone])
    np.testing.assert_array_equal(alone[1], similarities[:n_alone])


@pytest.mark.parametrize("n_copies", [3, 9, 100, 326, 336, 342])
def test_ties_come_in_the_order_of_the_rows(n_copies: int) -> None:
    vectors = np.zeros((n_copies, 4), np.float32)
    vectors[:, 1] = 1
    indices, similarities = nearest_neighbors(np.eye(4, dtype=np.float32)[[1, 1]], vectors, 3)
    assert indices.tolist() == [[0, 1, 2]] * 2
    assert similarities.tolist() == [[1, 1, 1]] * 2


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("n", [120, 400])  # few enough to be candidates all, and too many
def test_ties_of_different_vectors_come_in_the_order_of_the_rows(n: int) -> None:
    x = np.eye(n, dtype=np.float32)
    indices, _ = nearest_neighbors(x, x, 4)
    assert indices[0].tolist() == [0, 1, 2, 3]
    assert indices[2].tolist() == [2, 0, 1, 3]
    assert indices[n - 1].tolist() == [n - 1, 0, 1, 2]


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("k", [2, 10, 30])
def test_copies_of_pictures_are_exact(k: int) -> None:
    rng = np.random.default_rng(0)
    # One picture two hundred times, others once to thrice, all in disorder.
    x = random_units(120, 32)[np.concatenate([np.zeros(200, int), np.arange(120), rng.integers(0, 120, 60)])]
    x = x[rng.permutation(len(x))]
    expected = by_sorting_everything(x, x, k)
    for queries in (x, x.copy()):
        indices, similarities = nearest_neighbors(queries, x, k)
        np.testing.assert_array_equal(indices, expected[0])
        np.testing.assert_array_equal(similarities, expected[1])


def test_many_copies_cost_no_list_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    measured, n_pairs = neighbors.measured, []

    def counting(*arguments: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        n_pairs.append(len(arguments[2]))
        return measured(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(neighbors, "measured", counting)
    x = np.concatenate([np.repeat(random_units(1, 32), 3_000, axis=0), random_units(50, 32, seed=1)])
    nearest_neighbors(x, x, 10)
    assert sum(n_pairs) < 10_000  # all pairs of copies would be nine millions


def test_nearer_rows_come_before_ties_at_the_edge() -> None:
    vectors = np.zeros((60, 2), np.float32)
    vectors[:, 0] = 0.5
    vectors[50, 0] = 1
    indices, _ = nearest_neighbors(np.array([[1, 0]], np.float32), vectors, 3)
    assert indices.tolist() == [[50, 0, 1]]


def test_rows_of_zeros_are_far_from_everything() -> None:
    x = random_units(200, 16)
    x[[3, 7]] = 0
    indices, similarities = nearest_neighbors(x, x, 2)
    assert indices[[3, 7]].tolist() == [[0, 1], [0, 1]]
    assert similarities[[3, 7]].tolist() == [[0, 0], [0, 0]]


def test_fewer_rows_than_neighbors_asked_for_gives_all_rows() -> None:
    indices, similarities = nearest_neighbors(random_units(2, seed=1), random_units(3), 10)
    assert indices.shape == similarities.shape == (2, 3)
    assert np.sort(indices, axis=1).tolist() == [[0, 1, 2]] * 2


def test_no_queries_and_no_vectors_give_empty_results() -> None:
    assert nearest_neighbors(random_units(0), random_units(3), 2)[0].shape == (0, 2)
    assert nearest_neighbors(random_units(2), random_units(0), 2)[0].shape == (2, 0)


def test_similarities_are_cosines_even_where_rounding_exceeds_one() -> None:
    x = random_units(500, 512)
    similarities = nearest_neighbors(x, x, 1)[1]
    assert (x * x).sum(axis=1).max() > 1  # otherwise this shows nothing
    assert similarities.max() <= 1


def test_vectors_that_are_not_contiguous_are_read_as_they_are() -> None:
    wide = random_units(80, 20)
    x = wide[:, ::2]
    np.testing.assert_array_equal(nearest_neighbors(x, x, 4)[0], nearest_neighbors(x.copy(), x.copy(), 4)[0])


@pytest.mark.usefixtures("small_tiles")
def test_in_cells_most_neighbours_are_found_and_measured_exactly() -> None:
    rng = np.random.default_rng(0)
    x = unit(np.repeat(rng.normal(size=(40, 32)), 50, axis=0) + 1.2 * rng.normal(size=(2_000, 32)))
    exact, _ = nearest_neighbors(x, x, 10)
    indices, similarities = nearest_neighbors(x, x, 10, exact=False)
    found = np.mean([len(np.intersect1d(*pair)) for pair in zip(exact, indices, strict=True)]) / 10
    assert 0.9 < found < 1  # all of them would mean that cells are not what was used
    assert (indices[:, 0] == np.arange(2_000)).all()
    assert (np.diff(similarities, axis=1) <= 0).all()
    pairs = np.einsum("id,ijd->ij", x.astype(np.float64), x[indices].astype(np.float64))
    np.testing.assert_allclose(similarities, pairs, atol=1e-7)


def test_in_cells_copies_are_settled_exactly() -> None:
    x = np.concatenate([np.repeat(random_units(1, 64), 300, axis=0), random_units(8, 64, seed=1)])
    for found, expected in zip(nearest_neighbors(x, x, 9, exact=False), by_sorting_everything(x, x, 9), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_in_cells_rows_that_meet_too_few_are_settled_exactly() -> None:
    x = random_units(900, 16)  # they meet about half of the others
    for found, expected in zip(
        nearest_neighbors(x, x, 800, exact=False), by_sorting_everything(x, x, 800), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_in_cells_tiles_and_threads_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x = random_units(900, 32)
    with threadpool_limits(1):
        whole = nearest_neighbors(x, x, 9, exact=False)
    monkeypatch.setattr(neighbors, "TILE_NUMBERS", 500)
    in_tiles = nearest_neighbors(x, x, 9, exact=False)
    np.testing.assert_array_equal(whole[0], in_tiles[0])
    np.testing.assert_array_equal(whole[1], in_tiles[1])
