from __future__ import annotations

import numpy as np
import pytest

from concept_memes import ConceptModel
from concept_memes.centring import unit
from concept_memes.clustering import ClusterSettings, cluster_vectors
from concept_memes.errors import InvalidParameterError
from concept_memes.kmeans import kmeans_groups, rejoined
from concept_memes.testing import ColorEncoder, color_images


def kinds(n_kinds: int, n_each: int, *, noise: float = 0.2, seed: int = 0) -> np.ndarray:
    """Unit vectors around as many axes."""
    rng = np.random.default_rng(seed)
    x = np.repeat(np.eye(n_kinds, 16), n_each, axis=0) + rng.normal(0, noise, (n_kinds * n_each, 16))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def keys(n: int) -> list[str]:
    return [f"{i:04}" for i in range(n)]


def same_groups(one: np.ndarray, other: np.ndarray) -> bool:
    return len({*zip(one.tolist(), other.tolist(), strict=True)}) == len(set(one.tolist())) == len(set(other.tolist()))


def test_kinds_become_groups_and_each_has_a_strength() -> None:
    labels, strengths = kmeans_groups(kinds(4, 20, noise=0.05), 4)
    inside = labels >= 0
    assert same_groups(labels[inside], np.repeat(np.arange(4), 20)[inside])
    assert inside.mean() > 0.85
    assert ((strengths > 0) == inside).all()
    assert strengths.max() <= 1


def test_what_is_beyond_the_fence_is_left_out_and_nothing_else() -> None:
    line = np.linspace(0, 1, 21)[:, None]
    labels, _ = kmeans_groups(np.vstack([line, [[3.0]]]), 1)
    assert labels.tolist() == [0] * 21 + [-1]
    assert kmeans_groups(line, 1)[0].tolist() == [0] * 21


def test_one_group_is_as_sure_as_can_be() -> None:
    assert kmeans_groups(np.linspace(0, 1, 5)[:, None], 1)[1].tolist() == [1.0] * 5


def test_more_groups_than_points_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match="n_concepts=4.*from 1 to 3"):
        kmeans_groups(np.eye(3), 4)


def test_a_share_leaves_the_farthest_out() -> None:
    x = np.array([[0.0], [0.1], [2.0], [3.0], [10.0], [10.1]])
    raw, strengths = np.array([0, 0, -1, -1, 1, 1]), np.array([0.9, 0.9, 0, 0, 0.9, 0.9])
    labels, sure = rejoined(raw, strengths, x, 0.2)
    assert labels.tolist() == [0, 0, 0, -1, 1, 1]
    assert 0 < sure[2] < 0.9
    assert sure[3] == 0
    assert rejoined(raw, strengths, x, 0.9)[0].tolist() == raw.tolist()  # no more than are far
    assert rejoined(raw, strengths, x, "assign")[0].tolist() == [0, 0, 0, 0, 1, 1]


# --- as hdbscan_model="kmeans" ---


def settings(**parameters: object) -> ClusterSettings:
    return ClusterSettings(hdbscan_model="kmeans", **parameters)  # type: ignore[arg-type]


def test_neither_order_nor_threads_change_a_label() -> None:
    from threadpoolctl import threadpool_limits

    x = kinds(6, 25)
    found = cluster_vectors(x, keys(150), settings(n_concepts=6))
    back = np.random.default_rng(1).permutation(150)
    shuffled = cluster_vectors(x[back], [keys(150)[i] for i in back], settings(n_concepts=6))
    np.testing.assert_array_equal(shuffled.labels, found.labels[back])
    np.testing.assert_array_equal(shuffled.probabilities, found.probabilities[back])
    with threadpool_limits(limits=1):
        alone = cluster_vectors(x, keys(150), settings(n_concepts=6))
    np.testing.assert_array_equal(alone.probabilities, found.probabilities)


def test_the_features_count_and_not_the_centred_vectors() -> None:
    features = kinds(3, 10, noise=0.02)
    centred = np.random.default_rng(0).normal(size=(30, 16)).astype(np.float32)
    found = cluster_vectors(centred, keys(30), settings(n_concepts=3, outliers="assign"), features=features)
    assert same_groups(found.labels, np.repeat(np.arange(3), 10))


def test_copies_count_once() -> None:
    x = kinds(2, 12, noise=0.05)
    once = cluster_vectors(x, keys(24), settings(n_concepts=2, outliers="assign"))
    often = cluster_vectors(
        np.vstack([x, np.repeat(x[:1], 200, axis=0)]), keys(224), settings(n_concepts=2, outliers="assign")
    )
    assert same_groups(often.labels[:24], once.labels)
    assert set(often.labels[24:]) == {often.labels[0]}


def test_without_a_number_there_are_as_many_as_the_default_finds() -> None:
    x = kinds(5, 40, noise=0.08)
    default = cluster_vectors(x, keys(200))
    assert cluster_vectors(x, keys(200), settings()).labels.max() == default.labels.max() == 4


def test_without_a_number_there_are_two_at_least() -> None:
    assert cluster_vectors(kinds(1, 20), keys(20), settings()).labels.max() == 1
    assert cluster_vectors(kinds(1, 1), keys(1), settings()).labels.tolist() == [0]


def test_every_picture_has_a_place_where_that_is_asked_for() -> None:
    x = np.vstack([kinds(3, 30, noise=0.05), unit(np.ones((1, 16)) - 3 * np.eye(1, 16))])
    labels = [
        cluster_vectors(x, keys(91), settings(n_concepts=3, outliers=outliers)).labels
        for outliers in ("auto", "keep", "assign", 0.0)
    ]
    assert [found[-1] for found in labels[:2]] == [-1, -1]
    assert all((found >= 0).all() for found in labels[2:])


def test_a_reducer_is_used_before_it() -> None:
    class FirstThree:
        def fit_transform(self, x: np.ndarray) -> np.ndarray:
            return x[:, :3]

    noisy = kinds(3, 30, noise=0.05)
    noisy[:, 3:] = np.random.default_rng(1).normal(0, 5, (90, 13))
    found = cluster_vectors(noisy, keys(90), settings(umap_model=FirstThree(), n_concepts=3))
    inside = found.labels >= 0
    assert same_groups(found.labels[inside], np.repeat(np.arange(3), 30)[inside])


def test_a_model_is_fitted_saved_and_grows_by_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    model = ConceptModel(
        embedding_model=ColorEncoder(), hdbscan_model="kmeans", n_concepts=3, vocabulary=["red", "blue"], cache=False
    )
    images = color_images(["red"], 12) + color_images(["blue"], 9) + color_images(["lime"], 6)
    model.fit(images)
    assert [concept.size for concept in model.concepts_.concepts] == pytest.approx([12, 9, 6], abs=2)
    loaded = ConceptModel.load(model.save(tmp_path_factory.mktemp("saved") / "model"), embedding_model=ColorEncoder())
    assert loaded.get_params(deep=False)["hdbscan_model"] == "kmeans"
    report = loaded.update(color_images(["magenta"], 10) + color_images(["red"], 2, seed=3))
    assert len(report.new_concepts) == 1
    assert (report.labels[:10] == report.new_concepts[0].index).mean() > 0.7
    assert set(report.labels[10:]) == {0}


def test_another_word_is_no_clusterer() -> None:
    with pytest.raises(InvalidParameterError, match="hdbscan_model='k-means'"):
        ConceptModel(embedding_model=ColorEncoder(), hdbscan_model="k-means").fit(color_images(["red"], 4))
