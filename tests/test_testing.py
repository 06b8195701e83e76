from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone

from concept_memes.protocols import ImageEncoder, TextEncoder, TextReader
from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images, color_images, write_color_images

COLORS = ["red", "lime", "blue", "yellow", "white", "black", "gray"]


def test_the_fake_encoder_fulfils_both_protocols() -> None:
    assert isinstance(ColorEncoder(), ImageEncoder)
    assert isinstance(ColorEncoder(), TextEncoder)


def test_pictures_are_nearest_to_the_name_of_their_color() -> None:
    encoder = ColorEncoder()
    images = color_images(COLORS, 3)
    vectors = encoder.encode_images(np.stack([encoder.preprocess(image) for image in images]))
    names = encoder.encode_texts([*COLORS, "a sunny beach", "猫"])
    assert (vectors.shape, vectors.dtype) == ((21, encoder.n_dims), np.float32)
    assert names.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(names, axis=1), 1, atol=1e-6)
    assert (vectors @ names.T).argmax(axis=1).tolist() == np.repeat(range(7), 3).tolist()


def test_texts_get_the_same_vector_alone_and_in_company() -> None:
    texts = ["Red", "a sunny beach", "blue"]
    together = ColorEncoder().encode_texts(texts)
    np.testing.assert_array_equal(together, [ColorEncoder().encode_texts([text])[0] for text in texts])
    np.testing.assert_array_equal(together[0], ColorEncoder().encode_texts(["red"])[0])
    assert ColorEncoder().encode_texts([]).shape == (0, 27)


def test_every_row_that_is_encoded_counts() -> None:
    encoder = ColorEncoder(batch_size=4)
    encoder.encode_images(np.zeros((4, 16, 16, 3), np.float32))
    encoder.encode_images(np.zeros((3, 16, 16, 3), np.float32))
    assert encoder.n_encoded == 7


def test_the_fingerprint_names_the_batch_size() -> None:
    assert ColorEncoder(batch_size=4).fingerprint != ColorEncoder(batch_size=5).fingerprint
    assert ColorEncoder(batch_size=4).fingerprint == ColorEncoder(batch_size=4).fingerprint


def test_cloning_a_model_keeps_the_encoder() -> None:
    encoder = ColorEncoder()
    assert clone(encoder, safe=False) is encoder


def test_pictures_of_a_color_differ_and_the_seed_decides() -> None:
    images = color_images(["red", "blue"], 3, size=(20, 10))
    assert [(image.mode, image.size) for image in images] == [("RGB", (20, 10))] * 6
    assert len({image.tobytes() for image in images}) == 6
    assert [i.tobytes() for i in images] == [i.tobytes() for i in color_images(["red", "blue"], 3, size=(20, 10))]
    assert images[0].tobytes() != color_images(["red"], 1, size=(20, 10), seed=1)[0].tobytes()


def test_written_pictures_are_those_that_are_drawn(tmp_path: Path) -> None:
    paths = write_color_images(tmp_path / "new" / "folder", ["red", "blue"], 2)
    assert [path.name for path in paths] == ["red-00.png", "red-01.png", "blue-00.png", "blue-01.png"]
    for path, image in zip(paths, color_images(["red", "blue"], 2), strict=True):
        with Image.open(path) as written:
            assert written.tobytes() == image.tobytes()


@pytest.mark.parametrize("color", ["no such colour"])
def test_unknown_colors_are_refused(color: str) -> None:
    with pytest.raises(ValueError, match="unknown color"):
        color_images([color], 1)


def test_the_fake_reader_reads_what_was_hidden_and_nothing_else(tmp_path: Path) -> None:
    reader = CaptionReader()
    assert isinstance(reader, TextReader)
    assert clone(reader) is reader
    captions = ["OVERTIME", "加班\n又加班", "", "x" * 440]
    for number, (caption, image) in enumerate(zip(captions, captioned_images(captions, color="red"), strict=True)):
        image.save(tmp_path / f"{number}.png")
        with Image.open(tmp_path / f"{number}.png") as saved:
            assert reader.read_text(saved) == caption
    assert reader.read_text(color_images(["red"], 1)[0]) == ""
    assert reader.n_read == 5


def test_a_hidden_caption_is_not_seen() -> None:
    (plain,), (captioned,) = color_images(["red"], 1), captioned_images(["OVERTIME"], color="red")
    difference = np.abs(np.asarray(plain, np.int16) - np.asarray(captioned, np.int16))
    assert difference.max() == 1


def test_a_caption_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="a caption of 445 bytes does not fit into 40 x 30 pixels"):
        captioned_images(["x" * 445])
