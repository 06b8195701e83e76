from __future__ import annotations

import logging
import random
import warnings
from collections.abc import Callable
from typing import Any

import hdbscan
import numpy as np
import numpy.typing as npt
import pytest
import sklearn.cluster
import umap
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN, OPTICS, AgglomerativeClustering, KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from concept_memes import clustering
from concept_memes.centring import centre_vectors, mean_vector, unit
from concept_memes.clustering import (
    FEW,
    Clustering,
    ClusterSettings,
    auto_min_concept_size,
    cluster_vectors,
    number_by_size,
)
from concept_memes.errors import AdjustedWarning, ConceptMemesError, InvalidParameterError
from concept_memes.estimators import check_estimator
from concept_memes.small_collections import LEAST_SILHOUETTE, best_cut, distances_between

FloatArray = npt.NDArray[np.float32]
KEY_SEED = 99


class Identity:
    """A reducer that leaves everything as it is."""

    def fit_transform(self, X: FloatArray) -> FloatArray:  # noqa: N803
        return X


class GivenLabels:
    """A clusterer without scikit-learn's ways: it gives what it was told, in the order of the keys."""

    def __init__(self, labels: Any, probabilities: Any = None) -> None:
        self.given, self.given_probabilities = labels, probabilities

    def fit(self, X: FloatArray) -> None:  # noqa: N803
        self.labels_ = self.given
        if self.given_probabilities is not None:
            self.probabilities_ = self.given_probabilities


class DeviceArray:
    """An array on a graphics card, as CuPy has them: NumPy must be given what `get` returns."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self.values = values

    def get(self) -> npt.NDArray[Any]:
        return self.values

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


class DeviceReducer:
    def fit_transform(self, X: FloatArray) -> DeviceArray:  # noqa: N803
        return DeviceArray(X[:, :4])


class DeviceClusterer:
    def fit(self, X: FloatArray) -> DeviceClusterer:  # noqa: N803
        fitted = hdbscan.HDBSCAN(min_cluster_size=2).fit(X)
        self.labels_ = DeviceArray(fitted.labels_.astype(np.int32))
        self.probabilities_ = DeviceArray(fitted.probabilities_.astype(np.float32))
        return self


def kinds(
    n_per_kind: int, n_kinds: int, *, seed: int = 0, spread: float = 0.1, n_dims: int = 16
) -> tuple[FloatArray, list[str], npt.NDArray[np.int64]]:
    """Make centred vectors of kinds, with keys in an order that has nothing to do with the kinds."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(n_kinds), n_per_kind)
    directions = unit(rng.normal(size=(n_kinds, n_dims)))
    vectors = unit(directions[truth] + spread * rng.normal(size=(len(truth), n_dims)))
    keys = [f"{key:08x}" for key in np.random.default_rng(KEY_SEED).permutation(len(truth))]
    return centre_vectors(vectors, mean_vector(vectors), [(0, n_dims)]), keys, truth


def rows_by_key(n: int) -> tuple[FloatArray, list[str]]:
    """Make vectors whose keys are in the order of the rows."""
    return kinds(n, 1)[0], [f"{i:04}" for i in range(n)]


def with_labels(labels: list[int], keys: list[str] | None = None, probabilities: Any = None) -> Clustering:
    """Cluster with a clusterer that gives these labels."""
    vectors, own_keys = rows_by_key(len(labels))
    return cluster_vectors(
        vectors,
        keys or own_keys,
        ClusterSettings(umap_model=Identity(), hdbscan_model=GivenLabels(np.array(labels), probabilities)),
    )


# --- The default way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_per_kind", [10, 40], ids=["few", "many"])
def test_kinds_become_concepts(n_per_kind: int) -> None:
    vectors, keys, truth = kinds(n_per_kind, 4)
    found = cluster_vectors(vectors, keys)
    assert (found.labels.dtype, found.probabilities.dtype) == (np.int64, np.float64)
    assert adjusted_rand_score(truth, found.labels) > 0.99
    assert found.probabilities.min() >= 0
    assert found.probabilities.max() <= 1


@pytest.mark.parametrize("n_per_kind", [10, 40], ids=["few", "many"])
def test_the_order_of_the_rows_does_not_show(n_per_kind: int) -> None:
    vectors, keys, _ = kinds(n_per_kind, 4, spread=0.3)
    copied = np.arange(0, len(keys), 3)  # copies too, because equal keys leave the order of their rows open
    vectors, keys = np.concatenate([vectors, vectors[copied]]), keys + [keys[i] for i in copied]
    found = cluster_vectors(vectors, keys)
    assert len(set(found.labels.tolist())) > 1
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(len(keys))
        again = cluster_vectors(vectors[order], [keys[i] for i in order])
        np.testing.assert_array_equal(again.labels, found.labels[order])
        np.testing.assert_array_equal(again.probabilities, found.probabilities[order])


@pytest.mark.parametrize("n_per_kind", [10, 40], ids=["few", "many"])
def test_copies_share_their_label(n_per_kind: int) -> None:
    vectors, keys, _ = kinds(n_per_kind, 4, spread=0.3)
    n = len(keys)
    found = cluster_vectors(np.concatenate([vectors, vectors, vectors]), keys * 3)
    for part in (slice(n, 2 * n), slice(2 * n, 3 * n)):
        np.testing.assert_array_equal(found.labels[part], found.labels[:n])
        np.testing.assert_array_equal(found.probabilities[part], found.probabilities[:n])


def test_many_kinds_of_four_pictures_are_not_noise() -> None:
    vectors, keys, truth = kinds(4, 20, spread=0.05)
    found = cluster_vectors(vectors, keys)
    assert adjusted_rand_score(truth, found.labels) > 0.9


@pytest.mark.parametrize("n_kinds", [24, 25, 26, 50, 80])
@pytest.mark.parametrize("n_copies", [1, 3])
def test_many_kinds_of_four_pictures_are_told_apart_beyond_a_hundred_too(n_kinds: int, n_copies: int) -> None:
    vectors, keys, truth = kinds(4, n_kinds, spread=0.05)
    found = cluster_vectors(np.concatenate([vectors] * n_copies), keys * n_copies)
    assert adjusted_rand_score(np.tile(truth, n_copies), found.labels) > 0.85
    assert abs(found.labels.max() + 1 - n_kinds) <= 0.2 * n_kinds


@pytest.mark.parametrize("n", [96, 104])
def test_close_kinds_come_out_on_both_sides_of_a_hundred(n: int) -> None:
    vectors, keys, truth = kinds(n // 8, 8, spread=0.18, n_dims=64)
    assert best_cut(distances_between(vectors))[1] < LEAST_SILHOUETTE
    found = cluster_vectors(vectors, keys)
    assert found.labels.max() == 7
    assert adjusted_rand_score(truth, found.labels) > 0.9


def test_large_kinds_are_left_to_density(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering, "stands_out", lambda *args: True)
    monkeypatch.setattr(clustering, "CLEARLY", 0.0)
    vectors, keys, _ = kinds(40, 4, spread=0.25)
    found = cluster_vectors(vectors, keys)
    monkeypatch.setattr(clustering, "MOST_LINKED", 0)
    np.testing.assert_array_equal(found.labels, cluster_vectors(vectors, keys).labels)


def test_a_hundred_different_pictures_are_few_however_many_copies_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_graph(*args: object) -> None:
        raise AssertionError("a graph of neighbours was asked for")

    monkeypatch.setattr(clustering, "fuzzy_graph", no_graph)
    vectors, keys, truth = kinds(FEW // 4, 4)
    found = cluster_vectors(np.concatenate([vectors] * 3), keys * 3)
    assert adjusted_rand_score(np.tile(truth, 3), found.labels) == 1


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8, 12, 40, 101, 120])
def test_collections_of_every_size_get_labels(n: int) -> None:
    vectors, keys, _ = kinds(max(n, 1), 1)
    found = cluster_vectors(vectors[:n], keys[:n])
    assert found.labels.shape == found.probabilities.shape == (n,)
    numbers = set(found.labels.tolist()) - {-1}
    assert numbers == set(range(len(numbers)))


@pytest.mark.parametrize("n", [1, 3, 40, 150])
def test_one_picture_many_times_is_one_concept(n: int) -> None:
    found = cluster_vectors(np.zeros((n, 8), np.float32), ["same"] * n)
    assert found.labels.tolist() == [0] * n
    assert found.probabilities.tolist() == [1] * n


@pytest.mark.parametrize("n_looks", [1, 2])
def test_many_different_files_with_equal_vectors_are_concepts(n_looks: int) -> None:
    n = FEW + 20
    vectors = np.eye(8, dtype=np.float32)[np.arange(n) % n_looks]
    found = cluster_vectors(vectors, [f"{i:04}" for i in range(n)])
    assert found.labels.tolist() == (np.arange(n) % n_looks).tolist()


@pytest.mark.parametrize("n_per_kind", [10, 40], ids=["few", "many"])
@pytest.mark.parametrize("size", [2, 5, 9, 25])
def test_no_concept_is_smaller_than_asked_for(n_per_kind: int, size: int) -> None:
    vectors, keys, _ = kinds(n_per_kind, 4, spread=0.3)
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(len(keys), int(0.7 * len(keys)), replace=False))  # kinds of unequal size
    found = cluster_vectors(
        vectors[chosen], [keys[i] for i in chosen], ClusterSettings(min_concept_size=size, outliers="keep")
    )
    assert np.bincount(found.labels[found.labels >= 0], minlength=1).min() >= (size if found.labels.max() >= 0 else 0)
    if size == 2:
        assert found.labels.max() >= 2  # something is found at all


def test_a_group_that_its_copies_leave_too_small_is_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    # The three rows of one picture go where most of them are, and leave a single picture behind.
    raw = np.array([1, 0, 0] + [0] * 118 + [1], np.int64)
    monkeypatch.setattr(clustering, "dense_groups", lambda *args, **kwargs: (raw, np.ones(len(raw))))
    vectors, keys = rows_by_key(len(raw))
    found = cluster_vectors(vectors, ["0000"] * 3 + keys[3:], ClusterSettings(2, outliers="keep"))
    assert found.labels.tolist() == [0] * 121 + [-1]


def test_a_size_beyond_the_collection_is_lowered_with_a_warning() -> None:
    vectors, keys, _ = kinds(12, 1)
    with pytest.warns(AdjustedWarning, match="min_concept_size=50 is more than the 12 pictures"):
        found = cluster_vectors(vectors, keys, ClusterSettings(min_concept_size=50))
    assert found.labels.tolist() == [0] * 12


def test_the_seed_decides_umaps_layout_and_nothing_else() -> None:
    vectors, keys, _ = kinds(150, 1)
    first, second, other = (
        cluster_vectors(vectors, keys, ClusterSettings(umap_model="umap", random_state=seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert (first.probabilities != other.probabilities).any()


def test_no_global_seed_is_read_or_set() -> None:
    vectors, keys, _ = kinds(40, 4)
    before, before_python = np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002
    cluster_vectors(vectors, keys)
    after = np.random.get_state(legacy=False)  # noqa: NPY002
    np.testing.assert_equal(after, before)
    assert random.getstate() == before_python


@given(st.integers(0, 2_000_000), st.integers(0, 2_000_000))
def test_the_automatic_size_grows_with_the_collection(n: int, m: int) -> None:
    small, large = sorted((n, m))
    assert 2 <= auto_min_concept_size(small) <= auto_min_concept_size(large)


@pytest.mark.parametrize("n_copies", [2, 5])
def test_a_backup_of_all_pictures_changes_no_concept(n_copies: int) -> None:
    vectors, keys, _ = kinds(40, 4, spread=0.3)
    once = cluster_vectors(vectors, keys)
    found = cluster_vectors(np.concatenate([vectors] * n_copies), keys * n_copies)
    assert adjusted_rand_score(once.labels, found.labels[: len(keys)]) > 0.95


@pytest.mark.parametrize("outliers", ["auto", "keep", "assign", 0.05])
@pytest.mark.parametrize("sizes", [[7, 2, 2, 2, 2, 2, 7, 2, 2], [8, 2, 8, 2, 8], [2, 2, 2, 2, 2, 6]])
@pytest.mark.parametrize("wanted", [1, 2, 3, 5])
def test_the_number_of_concepts_is_exact(outliers: str | float, sizes: list[int], wanted: int) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    vectors = unit(np.eye(12)[truth] + 0.03 * rng.normal(size=(len(truth), 12)))
    keys = [f"{i:03}" for i in range(len(truth))]
    found = cluster_vectors(vectors, keys, ClusterSettings(n_concepts=wanted, outliers=outliers))
    assert len(set(found.labels[found.labels >= 0].tolist())) == wanted


def test_a_number_is_exact_for_a_clusterer_that_leaves_gaps_too() -> None:
    vectors, keys = rows_by_key(6)
    model = GivenLabels(np.array([3, 3, 3, 7, 7, -1]))
    for wanted in (1, 2, 3):
        settings = ClusterSettings(n_concepts=wanted, umap_model=Identity(), hdbscan_model=model)
        assert cluster_vectors(vectors, keys, settings).labels.max() == wanted - 1


@pytest.mark.parametrize("outliers", ["assign", 0.0])
def test_a_promised_place_is_given_where_no_concept_was_found(outliers: str | float) -> None:
    vectors, keys, _ = kinds(2, 5, spread=0.02)
    assert cluster_vectors(vectors, keys, ClusterSettings(outliers=outliers)).labels.min() == 0


# --- Numbers and strengths --------------------------------------------------------------------------------------------


def test_concepts_are_numbered_by_size_then_by_the_smallest_key() -> None:
    found = with_labels([9, 4, 4, 7, 7, 7, -1, 9])
    assert found.labels.tolist() == [1, 2, 2, 0, 0, 0, -1, 1]


def test_the_smallest_key_decides_among_equal_sizes_in_whatever_order_the_rows_are() -> None:
    # The clusterer sees the rows in the order of the keys: the last row here is its first.
    found = with_labels([3, 3, 8, 8], keys=["d", "c", "b", "a"])
    assert found.labels.tolist() == [1, 1, 0, 0]


@given(st.lists(st.integers(-3, 5), max_size=30))
def test_numbers_run_from_zero_and_sizes_never_grow(labels: list[int]) -> None:
    numbered = number_by_size(np.array(labels, np.int64), [f"{i:03}" for i in range(len(labels))])
    sizes = np.bincount(numbered[numbered >= 0])
    assert (np.diff(sizes) <= 0).all()
    assert (sizes > 0).all()
    np.testing.assert_array_equal(numbered < 0, np.array(labels, np.int64) < 0)
    for value in set(labels) - {-1, -2, -3}:
        assert len(set(numbered[np.array(labels) == value].tolist())) == 1


def test_noise_alone_is_no_concept() -> None:
    found = with_labels([-1] * 6)
    assert found.labels.tolist() == [-1] * 6
    assert found.probabilities.tolist() == [0] * 6


def test_copies_get_the_label_of_most_of_them() -> None:
    found = with_labels([0, 0, 1, 1, 1, -1], keys=["a", "a", "a", "b", "c", "c"])
    assert found.labels.tolist()[:3] == [0, 0, 0]
    assert found.labels[4] == found.labels[5]


def test_strengths_of_the_clusterer_are_kept_and_noise_has_none() -> None:
    found = with_labels([0, 0, 0, -1], probabilities=np.array([0.25, 0.5, np.nan, 0.75]))
    assert found.probabilities.tolist() == [0.25, 0.5, 1, 0]


def test_members_are_sure_where_the_clusterer_gives_no_strengths() -> None:
    assert with_labels([0, 0, -1]).probabilities.tolist() == [1, 1, 0]


# --- Estimators of the user: one contract for all --------------------------------------------------------------------

CLUSTERERS: dict[str, Callable[[], Any]] = {
    "hdbscan": lambda: hdbscan.HDBSCAN(),
    "hdbscan, large": lambda: hdbscan.HDBSCAN(min_cluster_size=15, min_samples=20),
    "sklearn HDBSCAN": lambda: sklearn.cluster.HDBSCAN(min_samples=10, copy=True),
    "KMeans": lambda: KMeans(4, n_init=1, random_state=0),
    "MiniBatchKMeans": lambda: MiniBatchKMeans(4, n_init=1, random_state=0),
    "AgglomerativeClustering": lambda: AgglomerativeClustering(4),
    "Agglomerative, threshold": lambda: AgglomerativeClustering(None, distance_threshold=1.0),
    "DBSCAN": lambda: DBSCAN(0.8, min_samples=3),
    "OPTICS": lambda: OPTICS(min_samples=5),
    "like cuML": lambda: DeviceClusterer(),
}
REDUCERS: dict[str, Callable[[], Any]] = {
    "UMAP": lambda: umap.UMAP(n_components=3, random_state=0),
    "PCA": lambda: PCA(5, random_state=0),
    "PCA by share": lambda: PCA(0.95),
    "TruncatedSVD": lambda: TruncatedSVD(4, random_state=0),
    "identity": lambda: Identity(),
    "like cuML": lambda: DeviceReducer(),
}
SIZES = [1, 2, 3, 5, 8, 12, 40]


def state(model: Any) -> dict[str, str]:
    return {name: repr(value) for name, value in vars(model).items()}


def check_contract(n: int, **models: Any) -> None:
    vectors, keys, _ = kinds(-(-n // 4), 4)
    before = {name: state(model) for name, model in models.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AdjustedWarning)  # all other warnings are errors here
        found = cluster_vectors(vectors[:n], keys[:n], ClusterSettings(**models))
    assert {name: state(model) for name, model in models.items()} == before  # what the user gave is not fitted
    assert found.labels.shape == (n,)
    assert (found.labels.dtype, found.probabilities.dtype) == (np.int64, np.float64)
    numbers = set(found.labels.tolist()) - {-1}
    assert numbers == set(range(len(numbers)))
    assert (np.diff(np.bincount(found.labels[found.labels >= 0])) <= 0).all()
    np.testing.assert_array_equal(found.probabilities > 0, found.labels >= 0)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", CLUSTERERS)
def test_every_clusterer_fits_collections_of_every_size(name: str, n: int) -> None:
    check_contract(n, umap_model=Identity(), hdbscan_model=CLUSTERERS[name]())


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", REDUCERS)
def test_every_reducer_fits_collections_of_every_size(name: str, n: int) -> None:
    check_contract(n, umap_model=REDUCERS[name]())


@pytest.mark.parametrize("n", SIZES)
def test_a_clusterer_alone_fits_collections_of_every_size(n: int) -> None:
    check_contract(n, hdbscan_model=KMeans(4, n_init=1, random_state=0))


@pytest.mark.parametrize("name", [name for name in CLUSTERERS if name not in ("hdbscan, large", "OPTICS")])
def test_every_clusterer_is_the_one_that_clusters(name: str) -> None:
    vectors, keys, truth = kinds(30, 4, spread=0.05)
    found = cluster_vectors(vectors, keys, ClusterSettings(umap_model=Identity(), hdbscan_model=CLUSTERERS[name]()))
    assert adjusted_rand_score(truth, found.labels) > 0.9


def test_the_number_of_clusters_is_the_users() -> None:
    vectors, keys, _ = kinds(30, 4)
    found = cluster_vectors(
        vectors, keys, ClusterSettings(umap_model=PCA(5), hdbscan_model=KMeans(7, n_init=1, random_state=0))
    )
    assert found.labels.max() == 6


def test_more_clusters_than_pictures_are_lowered_with_a_warning() -> None:
    vectors, keys = rows_by_key(5)
    with pytest.warns(AdjustedWarning, match="n_clusters=8, but only 5 pictures"):
        found = cluster_vectors(vectors, keys, ClusterSettings(hdbscan_model=KMeans(8, n_init=1)))
    assert found.labels.max() == 4


def test_the_size_parameter_does_not_touch_the_users_clusterer() -> None:
    vectors, keys = rows_by_key(6)
    model = GivenLabels(np.array([0, 0, 0, 0, 1, -1]))
    found = cluster_vectors(vectors, keys, ClusterSettings(50, umap_model=Identity(), hdbscan_model=model))
    assert found.labels.tolist() == [0, 0, 0, 0, 1, -1]


def test_the_users_reducer_sees_the_vectors_in_the_order_of_the_keys() -> None:
    seen = []

    class Recorder(Identity):
        def __deepcopy__(self, memo: object) -> Recorder:
            return self

        def fit_transform(self, X: FloatArray) -> FloatArray:  # noqa: N803
            seen.append(X.copy())
            return X

    vectors, keys, _ = kinds(30, 4)
    cluster_vectors(vectors, keys, ClusterSettings(umap_model=Recorder()))
    np.testing.assert_array_equal(seen[0], vectors[np.argsort(keys)])


class BadReducer(Identity):
    def __init__(self, change: Callable[[FloatArray], Any]) -> None:
        self.change = change

    def fit_transform(self, X: FloatArray) -> Any:  # noqa: N803
        return self.change(X)


@pytest.mark.parametrize(
    "change", [lambda x: x[1:], lambda x: x[:, 0], lambda x: x * np.nan], ids=["rows", "dimensions", "nan"]
)
def test_a_reducer_that_gives_nonsense_is_named(change: Callable[[FloatArray], Any]) -> None:
    vectors, keys = rows_by_key(20)
    with pytest.raises(ConceptMemesError, match=r"umap_model=.*expected \(20, n_components\) of finite numbers"):
        cluster_vectors(vectors, keys, ClusterSettings(umap_model=BadReducer(change)))


@pytest.mark.parametrize(
    "model",
    [GaussianMixture(2), GivenLabels(None), GivenLabels(np.zeros(3)), GivenLabels(np.zeros((20, 1)))],
    ids=["mixture", "none", "too few", "two dimensions"],
)
def test_a_clusterer_that_gives_no_labels_is_named(model: Any) -> None:
    vectors, keys = rows_by_key(20)
    with pytest.raises(ConceptMemesError, match=r"hdbscan_model=.*no labels_ of shape \(20,\) after fit"):
        cluster_vectors(vectors, keys, ClusterSettings(umap_model=Identity(), hdbscan_model=model))


def test_warnings_of_third_parties_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Warner(GivenLabels):
        def fit(self, X: FloatArray) -> None:  # noqa: N803
            warnings.warn("something about a parameter", FutureWarning, stacklevel=1)
            super().fit(X)

    vectors, keys = rows_by_key(4)
    with caplog.at_level(logging.INFO, logger="concept_memes.estimators"):
        cluster_vectors(
            vectors, keys, ClusterSettings(umap_model=Identity(), hdbscan_model=Warner(np.zeros(4, np.int64)))
        )
    assert "something about a parameter" in caplog.text


# --- Checking what was given -----------------------------------------------------------------------------------------


def test_estimators_are_checked_before_the_work_begins() -> None:
    check_estimator("hdbscan_model", None, ["fit"])
    check_estimator("hdbscan_model", KMeans(3), ["fit"])
    with pytest.raises(InvalidParameterError, match=r"not a class; write KMeans\(\)"):
        check_estimator("hdbscan_model", KMeans, ["fit"])
    with pytest.raises(InvalidParameterError, match="with fit_transform; fit_transform is missing"):
        check_estimator("umap_model", object(), ["fit_transform"])
