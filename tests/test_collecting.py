from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from concept_memes.collecting import (
    check_embeddings,
    collect_embeddings,
    collect_images,
    encode_readable,
    named_images,
    skipped_message,
    warn_skipped,
)
from concept_memes.concepts import SkippedImage
from concept_memes.embedding import Embedder
from concept_memes.errors import InvalidParameterError, NoImagesError, SkippedImagesWarning, UnreadableImageError
from concept_memes.testing import ColorEncoder, color_images, write_color_images


def broken(folder: Path, name: str = "broken.png") -> Path:
    """Write a picture that ends too early."""
    path = folder / name
    buffer = io.BytesIO()
    color_images(["red"], 1)[0].save(buffer, "PNG")
    path.write_bytes(buffer.getvalue()[:80])
    return path


def test_a_folder_becomes_records_and_vectors(tmp_path: Path) -> None:
    write_color_images(tmp_path / "pictures", ["red", "blue"], 2)
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    broken(tmp_path / "pictures", "a.png")
    collected = collect_images(named_images(tmp_path / "pictures"), Embedder(ColorEncoder()))
    collection = collected.collection
    assert [i.name for i in collection.images] == ["a.png", "blue-00.png", "blue-01.png", "red-00.png", "red-01.png"]
    assert [bool(i.content_hash) for i in collection.images] == [False, True, True, True, True]
    assert collection.vectors.shape == (5, 27)
    assert [s.index for s in collection.skipped] == [0]
    assert (collected.embedded.n_copies, collected.n_other_files) == (0, 1)
    assert (collection.encoder_name, collection.encoder_fingerprint) == ("colors", "colors/1 batch=16")
    assert collection.blocks == ((0, 27),)
    assert collection.pixels == {}
    report = collected.report({"words": 1.0}, n_words=5, n_words_cached=2)
    assert (report.n_images, report.n_read, report.n_other_files, report.seconds) == (5, 4, 1, {"words": 1.0})


def test_pixels_are_kept_and_files_are_not(tmp_path: Path) -> None:
    (path,) = write_color_images(tmp_path, ["red"], 1)
    image = color_images(["blue"], 1)[0]
    collection = collect_images(named_images([path, image]), Embedder(ColorEncoder())).collection
    assert collection.pixels.keys() == {1}
    assert collection.pixels[1].tobytes() == image.tobytes()


def test_a_broken_picture_that_was_opened_but_not_read_is_skipped(tmp_path: Path) -> None:
    with Image.open(broken(tmp_path)) as lazy:
        collection = collect_images(
            named_images([lazy, *color_images(["red"], 1)]), Embedder(ColorEncoder())
        ).collection
    assert [skipped.index for skipped in collection.skipped] == [0]
    assert collection.pixels.keys() == {1}


def test_images_get_the_names_that_were_given() -> None:
    collection = collect_images(
        named_images(color_images(["red"], 2), ["one", "二"]), Embedder(ColorEncoder())
    ).collection
    assert [image.name for image in collection.images] == ["one", "二"]


def test_copies_are_counted(tmp_path: Path) -> None:
    (path,) = write_color_images(tmp_path, ["red"], 1)
    assert collect_images(named_images([path] * 4), Embedder(ColorEncoder())).embedded.n_copies == 3


def test_blocks_of_the_encoder_become_starts_and_stops() -> None:
    class Blocks(ColorEncoder):
        blocks = (slice(None, 7), slice(7, None))

    collection = collect_images(named_images(color_images(["red"], 2)), Embedder(Blocks())).collection
    assert collection.blocks == ((0, 7), (7, 27))


def test_no_readable_image_is_an_error_that_names_them(tmp_path: Path) -> None:
    paths = [broken(tmp_path), tmp_path / "missing.png"]
    with pytest.raises(NoImagesError, match=r"None of the 2 images .*broken.png \(truncated.*missing.png \(missing\)"):
        collect_images(named_images(paths), Embedder(ColorEncoder()))
    assert len(collect_images(named_images(paths), Embedder(ColorEncoder()), some=False).collection.skipped) == 2


def test_no_images_and_no_embeddings_is_an_error() -> None:
    with pytest.raises(InvalidParameterError, match="unless image_embeddings are"):
        collect_images(named_images(None), Embedder(ColorEncoder()))


# --- Vectors from outside ---------------------------------------------------------------------------------------------


def test_vectors_from_outside_need_no_image() -> None:
    x = np.random.default_rng(0).normal(size=(3, 8))
    collection = collect_embeddings(None, x, None, None).collection
    np.testing.assert_allclose(collection.vectors, x / np.linalg.norm(x, axis=1, keepdims=True), atol=1e-6)
    assert [image.name for image in collection.images] == ["image-0", "image-1", "image-2"]
    assert len({image.content_hash for image in collection.images}) == 3
    assert (collection.encoder_name, collection.blocks, collection.skipped) == ("", ((0, 8),), ())


def test_equal_vectors_from_outside_are_copies_of_each_other() -> None:
    x = np.random.default_rng(0).normal(size=(3, 8))
    images = collect_embeddings(None, x[[0, 1, 0]], None, None).collection.images
    assert images[0].content_hash == images[2].content_hash != images[1].content_hash


def test_no_file_is_opened_for_vectors_from_outside(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    collection = collect_embeddings([tmp_path / "empty.png", tmp_path / "no.png"], np.eye(2), None, None).collection
    assert [image.path for image in collection.images] == [tmp_path / "empty.png", tmp_path / "no.png"]
    assert all(image.content_hash for image in collection.images)


def test_names_go_with_vectors_from_outside() -> None:
    assert [i.name for i in collect_embeddings(None, np.eye(2), ["a", "b"], None).collection.images] == ["a", "b"]
    with pytest.raises(InvalidParameterError, match="1 names.*as many as vectors"):
        collect_embeddings(None, np.eye(2), ["a"], None)


def test_vectors_must_fit_the_images_and_the_encoder() -> None:
    with pytest.raises(InvalidParameterError, match="one row per image; there are 3 images"):
        collect_embeddings(color_images(["red"], 3), np.eye(2), None, None)
    with pytest.raises(InvalidParameterError, match="of 27 columns.*'colors'"):
        collect_embeddings(None, np.eye(2), None, ColorEncoder())


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.zeros(3), r"of shape \(n_images, n_dims\)"),
        (np.zeros((0, 3)), "with a row at least"),
        (np.zeros((3, 0)), "with a row at least"),
        ("vectors.npy", r"str.*array of numbers"),
        ([[1, 2], [3]], "array of numbers"),
        ([[1, np.nan], [1, 1]], "row 0.*finite and not zero"),
        ([[1, 1], [0, 0], [np.inf, 1]], "row 1 and 1 others.*finite and not zero"),
    ],
)
def test_what_is_no_array_of_vectors_is_refused(embeddings: Any, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        check_embeddings(embeddings)


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e200])
def test_only_the_direction_of_a_vector_counts(scale: float) -> None:
    np.testing.assert_allclose(check_embeddings(scale * np.array([[3.0, 4.0]])), [[0.6, 0.8]], atol=1e-6)


def test_tensors_are_taken_and_those_that_want_gradients_refused() -> None:
    torch = pytest.importorskip("torch")
    assert check_embeddings(torch.eye(2)).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(InvalidParameterError, match="Tensor.*array of numbers"):
        check_embeddings(torch.eye(2, requires_grad=True))


# --- Images that must be readable -------------------------------------------------------------------------------------


def test_readable_images_are_encoded() -> None:
    vectors = encode_readable(color_images(["red"], 3), Embedder(ColorEncoder()))
    assert vectors.shape == (3, 27)


def test_unreadable_images_are_all_named(tmp_path: Path) -> None:
    images: list[Path | Image.Image] = [*color_images(["red"], 1), tmp_path / "a.png", tmp_path / "b.png"]
    with pytest.raises(UnreadableImageError, match=r"2 of 3 images cannot be read: .*a.png \(missing\); .*b.png"):
        encode_readable(images, Embedder(ColorEncoder()))


def test_a_long_list_of_unreadable_images_is_cut(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match=r"25 of 25 images .*09.png \(missing\); and 15 more"):
        encode_readable([tmp_path / f"{i:02}.png" for i in range(25)], Embedder(ColorEncoder()))


# --- Telling about it -------------------------------------------------------------------------------------------------


def test_reasons_are_counted_the_most_frequent_first() -> None:
    skipped = [SkippedImage(None, i, r) for i, r in enumerate(["missing", "damaged: a", "damaged: b"])]
    assert skipped_message(skipped, 7) == (
        "3 of 7 images could not be read and were left out (2 damaged, 1 missing); skipped_ names them."
    )


def test_places_that_could_not_be_listed_are_no_images() -> None:
    message = skipped_message([SkippedImage(Path("x"), -1, "no permission")], 7)
    assert message.startswith("0 of 7 images")
    assert "; 1 other place could not be listed" in message


def test_the_warning_carries_what_was_skipped(tmp_path: Path) -> None:
    images: list[Path | Image.Image] = [*color_images(["red"], 1), tmp_path / "no.png"]
    collection = collect_images(named_images(images), Embedder(ColorEncoder())).collection
    with pytest.warns(SkippedImagesWarning, match="1 of 2 images") as caught:
        warn_skipped(collection)
    warning = caught[0].message
    assert isinstance(warning, SkippedImagesWarning)
    assert warning.skipped == collection.skipped
