from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from test_attention import RightHalf, drawn

from concept_memes.errors import EncoderError, InvalidParameterError
from concept_memes.figures.features import draw_features
from concept_memes.testing import ColorEncoder

PICTURE = Image.new("RGB", (90, 60), "teal")


def test_the_channels_that_differ_most_come_first() -> None:
    figure = draw_features(RightHalf(), PICTURE, n_channels=2)
    channels = [text.get_text() for text in figure.texts if str(text.get_gid()).endswith("-number")]
    assert channels == ["7", "3"]
    heat = drawn(figure, "channel-7")
    assert heat[:56, :56].min() > 100
    assert heat[60:, 60:, 0].max() < 10
    texts = {text.get_gid(): text.get_text() for text in figure.texts}
    assert texts["shape"].startswith("2 of 20 channels")
    assert texts["shape"].endswith("4 × 4 places")


@pytest.mark.parametrize(("layer", "name"), [(None, "second"), ("third", "third"), (0, "first"), (-1, "third")])
def test_a_layer_is_chosen_by_name_or_place(layer: str | int | None, name: str) -> None:
    assert draw_features(RightHalf(), PICTURE, layer).texts[0].get_text() == f"Layer “{name}”"


@pytest.mark.parametrize("layer", ["fourth", 3, -4, True])
def test_an_unknown_layer_is_answered_with_all_there_are(layer: str | int) -> None:
    with pytest.raises(InvalidParameterError, match="'first', 'second', 'third', or a number from -3 to 2"):
        draw_features(RightHalf(), PICTURE, layer)


def test_more_channels_than_there_are_draw_all() -> None:
    figure = draw_features(RightHalf(), PICTURE, n_channels=99)
    assert sum(str(text.get_gid()).endswith("-number") for text in figure.texts) == 20


def test_a_channel_of_one_value_is_dark() -> None:
    assert drawn(draw_features(RightHalf(), PICTURE, n_channels=20), "channel-0").max() < 10


def test_what_the_encoder_does_not_see_is_dimmed() -> None:
    picture = drawn(draw_features(RightHalf(), PICTURE), "image")
    np.testing.assert_array_equal(picture[30, 45], [0, 128, 128])
    assert picture[30, 3, 0] > 150


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(EncoderError, match="what its layers respond to"):
        draw_features(ColorEncoder(), PICTURE)
    with pytest.raises(InvalidParameterError, match="n_channels"):
        draw_features(RightHalf(), PICTURE, n_channels=0)
