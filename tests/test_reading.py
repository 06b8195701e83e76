from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from concept_memes import ConceptModel
from concept_memes.cache import VectorCache, open_cache
from concept_memes.concepts import ImageRecord
from concept_memes.errors import InvalidParameterError, MissingExtraError, ReaderError, UnreadableImageError
from concept_memes.findings import COPY_KINDS, PictureFamilies, PictureTexts
from concept_memes.loading import content_hash
from concept_memes.memes import rapid_reader, reading
from concept_memes.memes.rapid_reader import RapidOCRReader
from concept_memes.memes.reading import read_texts, resolve_reader
from concept_memes.progress import Progress, ProgressEvent
from concept_memes.protocols import TextReader
from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images


@dataclass
class Files:
    """Pictures in files."""

    paths: list[Path]

    @property
    def images(self) -> tuple[ImageRecord, ...]:
        return tuple(ImageRecord(path.name, path, content_hash(path) if path.is_file() else "") for path in self.paths)

    def source_of(self, index: int) -> Path | Image.Image:
        return self.paths[index]


class FailingReader(CaptionReader):
    """Does something else for one caption."""

    def __init__(self, caption: str, instead: Callable[[], object]) -> None:
        super().__init__()
        self.caption, self.instead = caption, instead

    def read_text(self, image: Image.Image) -> str:
        text = super().read_text(image)
        return self.instead() if text == self.caption else text  # type: ignore[return-value]


def fail(error: BaseException) -> Callable[[], object]:
    def raise_it() -> object:
        raise error

    return raise_it


def write(folder: Path, captions: list[str]) -> Files:
    paths = [folder / f"{number}.png" for number in range(len(captions))]
    for path, image in zip(paths, captioned_images(captions), strict=True):
        image.save(path)
    return Files(paths)


def read(
    files: Files,
    reader: TextReader,
    *,
    n_frames: int = 8,
    cache: VectorCache | None = None,
    progress: Progress | None = None,
) -> PictureTexts:
    quiet = progress or Progress(verbose=False)
    return read_texts(files, reader, n_frames=n_frames, cache=cache or open_cache(False), progress=quiet)


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "usable_processors", lambda: 1)


def test_pictures_are_read_in_their_order(tmp_path: Path) -> None:
    texts = read(write(tmp_path, ["overtime", "", "加班\n又加班"]), CaptionReader())
    assert texts.texts == ("overtime", "", "加班\n又加班")
    assert (texts.reader, texts.weight, texts.encoder, texts.vectors) == ("captions", 0.0, "", None)


def test_each_content_is_read_once_ever(tmp_path: Path) -> None:
    files = write(tmp_path, ["one", "two"])
    (tmp_path / "copy.png").write_bytes(files.paths[0].read_bytes())
    reader = CaptionReader()
    for paths in (files.paths, [*files.paths, tmp_path / "copy.png"]):
        with open_cache(tmp_path / "cache") as cache:
            assert read(Files(paths), reader, cache=cache).texts[:2] == ("one", "two")
        assert reader.n_read == 2


def test_another_reader_and_other_frames_read_again(tmp_path: Path) -> None:
    files, reader = write(tmp_path, ["one"]), CaptionReader()
    with open_cache(tmp_path / "cache") as cache:
        read(files, reader, cache=cache)
        read(files, reader, cache=cache, n_frames=3)
        assert reader.n_read == 2
        reader.fingerprint = "captions/2"  # type: ignore[misc]
        read(files, reader, cache=cache)
        assert reader.n_read == 3


def test_of_an_animation_the_frames_that_differ_are_read_and_united(tmp_path: Path) -> None:
    red, blue = captioned_images(["one moment"], color="red"), captioned_images(["thanks"], color="blue")
    path = tmp_path / "moving.png"
    red[0].save(path, save_all=True, append_images=[red[0], blue[0], red[0]], duration=100)
    reader = CaptionReader()
    assert read(Files([path]), reader).texts == ("one moment\nthanks",)
    assert reader.n_read == 2
    assert read(Files([path]), reader, n_frames=1).texts == ("one moment",)


def test_pictures_that_cannot_be_read_say_nothing(tmp_path: Path) -> None:
    files = write(tmp_path, ["one", "two"])
    (tmp_path / "damaged.png").write_bytes(files.paths[0].read_bytes()[:60])
    assert read(Files([tmp_path / "missing.png", tmp_path / "damaged.png", *files.paths]), CaptionReader()).texts == (
        "",
        "",
        "one",
        "two",
    )
    reader = FailingReader("one", fail(UnreadableImageError("0.png", "too small")))
    assert read(files, reader).texts == ("", "two")


def test_a_reader_that_fails_is_named_with_the_picture_and_the_cause(tmp_path: Path) -> None:
    files = write(tmp_path, ["one", "two"])
    with pytest.raises(ReaderError, match=r"'captions' could not read .*1\.png: KeyError: 'nothing'") as caught:
        read(files, FailingReader("two", fail(KeyError("nothing"))))
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("instead", [None, ["two"], b"two"])
def test_a_reader_has_to_return_a_string(tmp_path: Path, instead: object) -> None:
    with pytest.raises(ReaderError, match=f"returned {type(instead).__name__}. It must return a string"):
        read(write(tmp_path, ["one", "two"]), FailingReader("two", lambda: instead))


def test_half_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    assert read(write(tmp_path, ["one"]), FailingReader("one", lambda: "one \ud83d")).texts == ("one ?",)


def test_what_was_read_is_kept_when_the_reader_fails(tmp_path: Path, one_thread: None) -> None:
    files = write(tmp_path, ["one", "two", "three", "four"])
    with open_cache(tmp_path / "cache") as cache:
        with pytest.raises(ReaderError):
            read(files, FailingReader("three", fail(ValueError())), cache=cache)
        reader = CaptionReader()
        assert read(files, reader, cache=cache).texts == ("one", "two", "three", "four")
        assert reader.n_read == 2


def test_what_was_read_is_kept_when_the_run_is_interrupted(tmp_path: Path, one_thread: None) -> None:
    def interrupt(event: ProgressEvent) -> None:
        if event.done == 2:
            raise KeyboardInterrupt

    files = write(tmp_path, ["one", "two", "three", "four"])
    with open_cache(tmp_path / "cache") as cache:
        with pytest.raises(KeyboardInterrupt):
            read(files, CaptionReader(), cache=cache, progress=Progress(verbose=False, callback=interrupt))
        reader = CaptionReader()
        read(files, reader, cache=cache)
        assert reader.n_read == 2


def test_the_progress_says_what_is_done(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    progress = Progress(verbose=False, callback=lambda event: seen.append((event.stage, event.done, event.total)))
    read(write(tmp_path, ["one", "two"]), CaptionReader(), progress=progress)
    assert seen == [("reading texts", 0, 2), ("reading texts", 1, 2), ("reading texts", 2, 2)]


def test_what_reads_is_resolved() -> None:
    own = CaptionReader()
    assert resolve_reader(own) is own
    assert resolve_reader(False) is resolve_reader(np.False_) is None


@pytest.mark.skipif(not RapidOCRReader.is_installed(), reason="RapidOCR is not installed")
def test_true_stands_for_rapidocr() -> None:
    assert isinstance(resolve_reader(True), RapidOCRReader)


@pytest.mark.parametrize("ocr", ["rapidocr", None, 1, object(), CaptionReader])
def test_anything_else_is_no_reader(ocr: object) -> None:
    with pytest.raises(InvalidParameterError, match="True, False, or a reader"):
        resolve_reader(ocr)  # type: ignore[arg-type]


def test_without_the_extra_a_fit_names_it_before_it_embeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapid_reader, "find_spec", lambda name: None)
    encoder = ColorEncoder()
    with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[ocr\]"'):
        ConceptModel(embedding_model=encoder, ocr=True, cache=False).fit(captioned_images(["one", "two"]))
    assert encoder.n_encoded == 0


def test_a_fitted_model_knows_the_texts() -> None:
    images = captioned_images(["overtime", "", "holidays"])
    model = ConceptModel(embedding_model=ColorEncoder(), ocr=CaptionReader(), cache=False)
    assert model.fit(images).texts_ == ("overtime", "", "holidays")
    assert ConceptModel(embedding_model=ColorEncoder(), cache=False).fit(images).texts_ == ()


def test_copies_of_all_kinds_say_what_the_picture_says_that_stands_for_them(tmp_path: Path) -> None:
    kinds = [COPY_KINDS.index(kind) for kind in ("near", "itself", "mirrored", "itself")] + [0]
    families = PictureFamilies(np.array([1, 1, 1, 3, -1]), np.array(kinds, np.uint8), np.array([1, 1, 1, 3, -1]))
    files = write(tmp_path, ["0vertlme", "overtime", "emitrevo", "holidays"])
    files.paths.append(tmp_path / "missing.png")
    reader, quiet = CaptionReader(), Progress(verbose=False)
    found = read_texts(files, reader, n_frames=1, cache=open_cache(False), progress=quiet, families=families)
    assert found.texts == ("overtime", "overtime", "overtime", "holidays", "")
    assert reader.n_read == 3  # not the one that was recompressed


def test_a_mirror_image_that_stands_for_a_picture_does_not_take_its_text(tmp_path: Path) -> None:
    kinds = [COPY_KINDS.index(kind) for kind in ("mirrored", "itself", "near", "mirrored")]
    families = PictureFamilies(np.ones(4, np.int64), np.array(kinds, np.uint8), np.ones(4, np.int64))
    files, quiet = write(tmp_path, ["加班", "八", "日", "加班"]), Progress(verbose=False)
    found = read_texts(files, CaptionReader(), n_frames=1, cache=open_cache(False), progress=quiet, families=families)
    assert found.texts == ("加班",) * 4


def test_of_a_picture_and_its_mirror_image_both_say_what_one_says_whenever_they_come() -> None:
    scribbles = np.random.default_rng(0).integers(0, 255, (2, 6, 8, 3), np.uint8)
    one, other = (Image.fromarray(pixels).resize((160, 120), Image.Resampling.BICUBIC) for pixels in scribbles)
    caption = np.asarray(captioned_images(["overtime"], size=(160, 120))[0]).reshape(-1)[:200] & 1
    pixels = np.asarray(one).copy()
    pixels.reshape(-1)[:200] = pixels.reshape(-1)[:200] & 0xFE | caption
    written = Image.fromarray(pixels)
    mirrored = ImageOps.mirror(written)
    assert [CaptionReader().read_text(image) for image in (written, mirrored)] == ["overtime", ""]
    for images in ([written, mirrored, other], [mirrored, other, written]):
        model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"], ocr=CaptionReader(), cache=False)
        assert sorted(model.fit(images).texts_) == ["", "overtime", "overtime"]
        assert sorted(model.fit([written, other]).texts_) == ["", "overtime"]
        model.update([mirrored])
        assert sorted(model.texts_) == ["", "overtime", "overtime"]


def test_a_damaged_note_is_read_as_far_as_it_can_be(tmp_path: Path) -> None:
    files, reader = write(tmp_path, ["one"]), CaptionReader()
    with open_cache(tmp_path / "cache") as cache:
        read(files, reader, cache=cache)
        ((key, note),) = cache.notes("captions/1 frames=8/1", [files.images[0].content_hash]).items()
        cache.store_notes("captions/1 frames=8/1", {key: note + b"\xff"})
        assert read(files, reader, cache=cache).texts == ("one\ufffd",)
