"""Tables of a :class:`ConceptSet`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from concept_memes.concepts import ConceptSet

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frequency_table", "images_table"]


def images_table(concept_set: ConceptSet) -> pd.DataFrame:
    """Make a table with one row per image.

    Parameters
    ----------
    concept_set : ConceptSet

    Returns
    -------
    DataFrame
        Columns "path" (None for an image that came as pixels), "name", "concept", "probability", "title" and
        "reason" (why it was skipped).
    """
    import pandas as pd

    reasons = {s.index: s.reason for s in concept_set.skipped}
    titles = {c.index: c.title for c in concept_set.concepts}

    def objects(values: Iterable[str | None]) -> pd.Series:
        """Make a column of Python objects: pandas' own texts have no room for None, nor for names that are no UTF-8."""
        return pd.Series(list(values), dtype=object)

    return pd.DataFrame(
        {
            "path": objects(None if image.path is None else str(image.path) for image in concept_set.images),
            "name": objects(image.name for image in concept_set.images),
            "concept": concept_set.labels,
            "probability": concept_set.probabilities,
            "title": [titles.get(int(label), "") for label in concept_set.labels],
            "reason": objects(reasons.get(i, "") for i in range(len(concept_set.images))),
        }
    )


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
