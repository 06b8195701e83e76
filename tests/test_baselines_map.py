"""What maps, attention and features look like, compared with pictures of them in ``baseline/``.

How to renew them stands in `test_baselines.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from figuresets import DRAWN_ALIKE, THEMES, compared, draw_shape, shapes_set
from matplotlib.figure import Figure
from test_attention import RightHalf

from concept_memes.figures.attention import draw_attention
from concept_memes.figures.features import draw_features
from concept_memes.figures.map import draw_map

pytestmark = DRAWN_ALIKE


# Another version of DataMapPlot may put a label elsewhere by a hair; a label that is gone gives more.
@compared(tolerance=2.0)
@THEMES
def test_map(theme: Any) -> Figure:
    pytest.importorskip("datamapplot", reason='maps need pip install "concept-memes[map]"')
    return draw_map(shapes_set(), theme=theme)


@compared(tolerance=0.5)
@THEMES
def test_attention(theme: Any) -> Figure:
    return draw_attention(RightHalf(), draw_shape(3, 0).resize((480, 320)), "violet star", theme=theme)


@compared(tolerance=0.5)
@THEMES
def test_features(theme: Any) -> Figure:
    return draw_features(RightHalf(), draw_shape(3, 0).resize((480, 320)), n_channels=6, theme=theme)
