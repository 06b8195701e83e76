from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from figuresets import shapes_set

from concept_memes.concepts import ConceptSet, ImageRecord
from concept_memes.errors import InvalidParameterError
from concept_memes.findings import COPY_KINDS, PictureFamilies
from concept_memes.memes.groups import CopyGroup, copy_groups, duplicate_groups, variant_groups

#: Pictures 0 to 9: templates {0, 1, 2, 3, 8} and {4, 5, 7} and {6}; 9 could not be read.
#: Copies: 3 and 8 of 1, 5 of 4.
COPY_OF = [0, 1, 2, 1, 4, 4, 6, 7, 1, -1]
TEMPLATE_OF = [2, 2, 2, 2, 4, 4, 6, 4, 2, -1]
KINDS = ["itself", "itself", "itself", "mirrored", "itself", "exact", "itself", "itself", "near", "itself"]


def families() -> PictureFamilies:
    return PictureFamilies(
        np.array(COPY_OF), np.array([COPY_KINDS.index(kind) for kind in KINDS], np.uint8), np.array(TEMPLATE_OF)
    )


def pictures() -> ConceptSet:
    concept_set = shapes_set((((), 9),), n_noise=0, n_skipped=1)
    hashes = ["a", "b", "c", "d", "e", "e", "g", "h", "i"]
    images = [ImageRecord(f"folder/{i}.png", Path("folder", f"{i}.png"), key) for i, key in enumerate(hashes)]
    images[8] = ImageRecord("from a chat", None, "i")
    return replace(concept_set, images=(*images, ImageRecord("folder/9.png", Path("folder", "9.png"), "")))


def test_copies_stand_behind_the_one_that_stands_for_them() -> None:
    groups = copy_groups(families())
    assert groups[0] == CopyGroup((1, 3, 8), ("itself", "mirrored", "near"))
    assert groups[1] == CopyGroup((4, 5), ("itself", "exact"))


def test_groups_with_most_copies_come_first_then_the_order_of_the_pictures() -> None:
    assert [group.images for group in copy_groups(families())] == [(1, 3, 8), (4, 5), (0,), (2,), (6,), (7,)]


def test_a_picture_that_could_not_be_read_is_in_no_group() -> None:
    assert 9 not in {i for group in copy_groups(families()) for i in group.images}
    assert 9 not in {i for g in variant_groups(pictures(), families()) for v in g.variants for i in v.images}


def test_the_one_that_stands_for_copies_comes_first_even_if_it_is_the_last_of_the_collection() -> None:
    found = PictureFamilies(np.array([2, 2, 2]), np.array([3, 2, 0], np.uint8), np.array([2, 2, 2]))
    assert copy_groups(found) == [CopyGroup((2, 0, 1), ("itself", "mirrored", "near"))]


def test_a_template_has_its_different_pictures_with_their_copies() -> None:
    first, second = variant_groups(pictures(), families())
    assert (first.image, first.size) == (2, 5)
    assert [variant.images for variant in first.variants] == [(1, 3, 8), (0,), (2,)]
    assert (second.image, second.size) == (4, 3)
    assert [variant.images for variant in second.variants] == [(4, 5), (7,)]


def test_copies_alone_are_no_variants() -> None:
    only_copies = PictureFamilies(np.array([0, 0]), np.array([0, 2], np.uint8), np.array([0, 0]))
    assert variant_groups(pictures(), only_copies) == []


def test_duplicates_are_given_by_path_and_pixels_by_name() -> None:
    assert duplicate_groups(pictures(), families()) == [
        [Path("folder", "1.png"), Path("folder", "3.png"), "from a chat"],
        [Path("folder", "4.png"), Path("folder", "5.png")],
    ]


def test_exact_duplicates_go_by_the_content_alone() -> None:
    assert duplicate_groups(pictures(), families(), "exact") == [[Path("folder", "4.png"), Path("folder", "5.png")]]


def test_other_kinds_of_duplicates_are_refused() -> None:
    with pytest.raises(InvalidParameterError, match='"near" or "exact"'):
        duplicate_groups(pictures(), families(), "similar")  # type: ignore[arg-type]
