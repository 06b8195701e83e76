"""Tables of a :class:`ConceptSet`, as columns and as DataFrames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from concept_memes.concepts import ConceptSet
from concept_memes.findings import COPY_KINDS, PictureFamilies
from concept_memes.memes.groups import variant_groups
from concept_memes.remote.kept_copies import is_address

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NUMBERS", "TEXTS", "frequency_table", "image_columns", "images_table"]

#: Columns of texts.
TEXTS = ("path", "name", "title", "words", "said", "text", "copy_of", "copy_kind", "reason")
#: Columns of whole numbers that may be missing.
NUMBERS = ("exemplar_rank", "template")


def image_columns(concept_set: ConceptSet, *, vectors: bool = False) -> dict[str, Any]:
    """Collect what is known of each image, column by column.

    Parameters
    ----------
    concept_set : ConceptSet
    vectors : bool, default=False
        The vectors too.

    Returns
    -------
    dict of str to list or ndarray
        As the columns of `images_table`; "exemplar_rank" and "template" are lists with None, "vector" one of arrays
        and None.
    """
    images, labels = concept_set.images, concept_set.labels.tolist()
    reasons = {s.index: s.reason for s in concept_set.skipped}
    titles = {c.index: c.title for c in concept_set.concepts}
    words = {c.index: ", ".join(c.words) for c in concept_set.concepts}
    ranks = {index: rank for c in concept_set.concepts for rank, index in enumerate(c.exemplars)}
    columns: dict[str, Any] = {
        "path": [_place(concept_set, index) for index in range(len(images))],
        "name": [image.name for image in images],
        "concept": concept_set.labels,
        "title": [titles.get(label, "") for label in labels],
        "words": [words.get(label, "") for label in labels],
        "probability": concept_set.probabilities,
    }
    if concept_set.texts is not None:
        said = {c.index: ", ".join(c.said) for c in concept_set.concepts}
        columns |= {"said": [said.get(label, "") for label in labels], "text": list(concept_set.texts.texts)}
    if concept_set.families is not None:
        columns |= _family_columns(concept_set, concept_set.families)
    if concept_set.positions is not None:
        columns |= {"x": concept_set.positions[:, 0], "y": concept_set.positions[:, 1]}
    columns["exemplar_rank"] = [ranks.get(index) for index in range(len(images))]
    columns["reason"] = [reasons.get(index, "") for index in range(len(images))]
    if vectors:
        columns["vector"] = [row if row.any() else None for row in concept_set.vectors]
    return columns


def images_table(concept_set: ConceptSet, *, vectors: bool = False) -> pd.DataFrame:
    """Make a table with one row per image.

    Parameters
    ----------
    concept_set : ConceptSet
    vectors : bool, default=False
        A column with the vectors too.

    Returns
    -------
    DataFrame
        In the order of the images, with the columns

        - "path": absolute, of a picture in an archive the archive's with its name behind; an address; None for an
          image that came as pixels;
        - "name": what people see;
        - "concept": its number, -1 for none; "title" and "words" of the concept, "" for none;
        - "probability", in [0, 1];
        - "said": what the pictures of the concept say, and "text": what this one says, lines parted by line breaks;
          both only if texts were read;
        - "copy_of": the path or the name of the picture that it is a copy of, "" for none; "copy_kind": how, as in
          :data:`concept_memes.findings.COPY_KINDS`, "" for none; "template": the number of the group of pictures with
          the same template, 0 for the largest, NA for pictures that have theirs alone; these only if copies were
          looked for;
        - "x" and "y": the place on the map, in [0, 1], NaN for images that could not be read; both only if the set
          has positions;
        - "exemplar_rank": 0 for the most typical picture of a concept, and so on; NA for those that are no exemplars;
        - "reason": why it was skipped; "";
        - "vector": an array of float32, None for images that could not be read.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"]).fit(color_images(["red"], 5))
    >>> images_table(model.concepts_)[["name", "title"]].iloc[0].tolist()
    ['image-0', 'red']
    """
    import pandas as pd

    columns = image_columns(concept_set, vectors=vectors)
    # Objects: pandas' own texts have no room for None, nor for names that are no UTF-8.
    as_objects = ("path", "name", "copy_of", "reason", "vector")
    series = {name: pd.Series(columns[name], dtype=object) for name in as_objects if name in columns}
    series |= {name: pd.Series(columns[name], dtype="Int64") for name in NUMBERS if name in columns}
    return pd.DataFrame({**columns, **series})


def frequency_table(concept_set: ConceptSet) -> pd.DataFrame:
    """Count the images per concept.

    Parameters
    ----------
    concept_set : ConceptSet

    Returns
    -------
    DataFrame
        Index "Cluster", column "Count", the largest first; -1 counts the images in no concept, if there are any.
    """
    import pandas as pd

    clusters, counts = np.unique(concept_set.labels, return_counts=True)
    order = np.lexsort((clusters, -counts))
    index = pd.Index(clusters[order], name="Cluster")
    return pd.DataFrame({"Count": counts[order]}, index=index)


def _family_columns(concept_set: ConceptSet, families: PictureFamilies) -> dict[str, list[Any]]:
    """Tell of each image which one it is a copy of, how, and the number of its template."""
    copies = [(of, COPY_KINDS[kind]) if kind else None for of, kind in _pairs(families)]
    number = {
        index: number
        for number, group in enumerate(variant_groups(concept_set, families))
        for variant in group.variants
        for index in variant.images
    }
    return {
        "copy_of": ["" if one is None else _place(concept_set, one[0]) or _name(concept_set, one[0]) for one in copies],
        "copy_kind": ["" if one is None else one[1] for one in copies],
        "template": [number.get(index) for index in range(len(copies))],
    }


def _pairs(families: PictureFamilies) -> Iterator[tuple[int, int]]:
    return zip(families.copy_of.tolist(), families.copy_kinds.tolist(), strict=True)


def _name(concept_set: ConceptSet, index: int) -> str:
    return concept_set.images[index].name


def _place(concept_set: ConceptSet, index: int) -> str | None:
    """Return where a picture is; the copy of what has an address lies where nobody looks for it."""
    image = concept_set.images[index]
    if image.path is None or is_address(image.name):
        return image.name if is_address(image.name) else None
    return str(concept_set.base_folder / image.path)
