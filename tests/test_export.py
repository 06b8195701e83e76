from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from concept_memes.concepts import ConceptSet, ImageRecord, SkippedImage
from concept_memes.export import frequency_table, images_table


@pytest.fixture
def with_gaps(color_set: ConceptSet) -> ConceptSet:
    """Make picture 3 unreadable, picture 4 noise, and give picture 5 a path."""
    labels, probabilities = color_set.labels.copy(), color_set.probabilities.copy()
    labels[[3, 4]], probabilities[[3, 4]] = -1, 0
    images = list(color_set.images)
    images[5] = ImageRecord("猫.png", Path("cats/猫.png"), "ab")
    skipped = (SkippedImage(None, 3, "empty file"), SkippedImage(Path("closed"), -1, "no permission"))
    return replace(color_set, images=tuple(images), labels=labels, probabilities=probabilities, skipped=skipped)


def test_there_is_a_row_per_image_in_their_order(with_gaps: ConceptSet) -> None:
    table = images_table(with_gaps)
    assert list(table.columns) == ["path", "name", "concept", "probability", "title", "reason"]
    assert len(table) == 27
    assert table["name"].tolist() == [image.name for image in with_gaps.images]
    np.testing.assert_array_equal(table["concept"], with_gaps.labels)
    np.testing.assert_array_equal(table["probability"], with_gaps.probabilities)


def test_rows_say_where_what_and_why(with_gaps: ConceptSet) -> None:
    rows = images_table(with_gaps).to_dict("records")
    assert rows[5] == {
        "path": str(Path("cats/猫.png")),
        "name": "猫.png",
        "concept": 0,
        "probability": 1.0,
        "title": "red",
        "reason": "",
    }
    assert (rows[3]["concept"], rows[3]["title"], rows[3]["reason"]) == (-1, "", "empty file")
    assert (rows[4]["concept"], rows[4]["title"], rows[4]["reason"]) == (-1, "", "")
    assert rows[0]["path"] is None
    assert [row["reason"] for row in rows].count("no permission") == 0  # a folder is no image


def test_frequencies_are_sorted_by_count(with_gaps: ConceptSet) -> None:
    table = frequency_table(with_gaps)
    assert (table.index.name, list(table.columns)) == ("Cluster", ["Count"])
    assert table["Count"].to_dict() == {0: 10, 1: 9, 2: 6, -1: 2}
    assert table.index.tolist() == [0, 1, 2, -1]


def test_noise_has_no_row_where_there_is_none(color_set: ConceptSet) -> None:
    assert frequency_table(color_set)["Count"].to_dict() == {0: 12, 1: 9, 2: 6}


def test_equal_counts_come_in_the_order_of_the_numbers(color_set: ConceptSet) -> None:
    labels = np.array([2] * 9 + [0] * 9 + [1] * 9)
    assert frequency_table(replace(color_set, labels=labels)).index.tolist() == [0, 1, 2]
