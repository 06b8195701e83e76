"""A loaded model answers as the saved one did: here, in another process, in another folder; or says why it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from sklearn.cluster import KMeans
from tinyclip import tiny_clip, tiny_text_tower

from concept_memes import CLIPEncoder, ConceptModel, HubFreeEncoder
from concept_memes.cache import open_cache
from concept_memes.encoders.placement import Placement
from concept_memes.errors import (
    AdjustedWarning,
    EncoderError,
    ModelNotFoundError,
    NewerFormatError,
    NoTextEncoderError,
    NoWordsWarning,
    SavedModelError,
    SkippedImagesWarning,
)
from concept_memes.memes.rapid_reader import RapidOCRReader
from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images, color_images, write_color_images

VOCABULARY = ["red", "blue", "lime"]


def pixels_of(figure: Figure) -> npt.NDArray[np.uint8]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def fitted(images: Any, **parameters: Any) -> ConceptModel:
    return ConceptModel(**{"embedding_model": ColorEncoder(), "vocabulary": VOCABULARY, **parameters}).fit(images)


def check_same_answers(model: ConceptModel, loaded: ConceptModel) -> None:
    new = color_images([*VOCABULARY, "white"], 3, seed=8)
    for query in ("red", "lime", new[1]):
        assert loaded.find_concepts(query) == model.find_concepts(query)
        assert loaded.find_images(query) == model.find_images(query)
    np.testing.assert_array_equal(loaded.transform(new), model.transform(new))
    np.testing.assert_array_equal(pixels_of(loaded.visualize_concepts()), pixels_of(model.visualize_concepts()))
    for name in ("labels_", "probabilities_", "cluster_embeddings"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(model, name))
    assert loaded.topics == model.topics
    assert loaded.images_ == model.images_
    assert loaded.skipped_ == model.skipped_
    assert loaded.report_ == model.report_
    assert loaded.concepts_.concepts == model.concepts_.concepts


def test_a_loaded_model_answers_exactly_as_the_saved_one(tmp_path: Path) -> None:
    paths = write_color_images(tmp_path / "pictures", VOCABULARY, 6)
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"")
    with pytest.warns(SkippedImagesWarning):
        model = fitted(tmp_path / "pictures")
    folder = model.save(tmp_path / "saved")
    assert folder == tmp_path / "saved"
    loaded = ConceptModel.load(folder, embedding_model=ColorEncoder())
    check_same_answers(model, loaded)
    assert loaded.find_images(paths[0], top_n=1)[0].path == paths[0]


@pytest.mark.parametrize("as_array", [False, True])
def test_pictures_that_came_as_pixels_are_still_drawn(as_array: bool, tmp_path: Path) -> None:
    images: list[Any] = color_images(VOCABULARY, 6, size=(50, 30))
    if as_array:
        images = [np.asarray(image) for image in images]
    model = fitted(images)
    check_same_answers(model, ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder()))


def test_a_model_that_is_saved_loaded_and_saved_again_is_the_same(tmp_path: Path) -> None:
    model = fitted(color_images(VOCABULARY, 6))
    once = ConceptModel.load(model.save(tmp_path / "once"), embedding_model=ColorEncoder())
    twice = ConceptModel.load(once.save(tmp_path / "twice"), embedding_model=ColorEncoder())
    check_same_answers(model, twice)
    assert {p.name: p.read_bytes() for p in (tmp_path / "once").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "twice").iterdir()
    }


def test_saving_again_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    fitted(color_images(VOCABULARY, 6)).save(tmp_path / "saved")
    model = fitted(color_images(["red", "blue"], 3))
    model.save(tmp_path / "saved")
    model.save(tmp_path / "fresh")
    assert sorted(p.name for p in (tmp_path / "saved").iterdir()) == sorted(
        p.name for p in (tmp_path / "fresh").iterdir()
    )
    loaded = ConceptModel.load(tmp_path / "saved", embedding_model=ColorEncoder())
    assert len(loaded.concepts_) == 2


def test_parameters_come_back(tmp_path: Path) -> None:
    parameters = {
        "min_concept_size": np.int64(3),
        "diversity": 0.7,
        "vocabulary": np.array(VOCABULARY),
        "n_exemplars": 4,
        "random_state": None,
        "ctfidf": True,
        "verbose": False,
    }
    model = fitted(color_images(VOCABULARY, 6), **parameters)
    loaded = ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder())
    expected = {**parameters, "vocabulary": VOCABULARY}
    assert {name: loaded.get_params()[name] for name in parameters} == expected
    np.testing.assert_array_equal(loaded.fit(color_images(VOCABULARY, 6)).labels_, model.labels_)


def test_estimators_are_not_saved_and_this_is_said(tmp_path: Path) -> None:
    model = fitted(color_images(VOCABULARY, 6), hdbscan_model=KMeans(3, n_init=1, random_state=0))
    folder = model.save(tmp_path / "saved")
    with pytest.warns(AdjustedWarning, match="^hdbscan_model of the saved model are objects"):
        loaded = ConceptModel.load(folder, embedding_model=ColorEncoder())
    assert loaded.hdbscan_model is None
    check_same_answers(model, loaded)


def test_nothing_in_the_folder_is_pickled(tmp_path: Path) -> None:
    folder = fitted(color_images(VOCABULARY, 6)).save(tmp_path / "saved")
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors", ".png"}
    assert json.loads((folder / "concepts.json").read_text(encoding="utf-8"))["format_version"] == 3


# --- encoders ---------------------------------------------------------------------------------------------------------


def test_an_encoder_object_must_be_given_again_for_queries(tmp_path: Path) -> None:
    folder = fitted(color_images(VOCABULARY, 6)).save(tmp_path / "saved")
    loaded = ConceptModel.load(folder)
    for query in (lambda: loaded.find_concepts("red"), lambda: loaded.transform(color_images(["red"], 1))):
        with pytest.raises(ModelNotFoundError, match=r"'colors', which is not saved.*load\(path, embedding_model="):
            query()
    assert loaded.embedding_model_ is None
    assert loaded.topics[0]
    assert loaded.transform(image_embeddings=loaded.concepts_.vectors).tolist() == loaded.labels_.tolist()
    assert len(loaded.visualize_concepts().texts) > 3


def test_an_encoder_of_another_length_is_refused(tmp_path: Path) -> None:
    folder = fitted(color_images(VOCABULARY, 6)).save(tmp_path / "saved")
    clip = tiny_clip(tmp_path / "clip")
    loaded = ConceptModel.load(folder, embedding_model=clip)
    with pytest.raises(EncoderError, match=r"gives 32 dimensions; this model was fitted with 'colors', of 27"):
        loaded.find_concepts("red")


def test_another_encoder_of_equal_length_is_used_with_a_warning(tmp_path: Path) -> None:
    folder = fitted(color_images(VOCABULARY, 6)).save(tmp_path / "saved")
    loaded = ConceptModel.load(folder, embedding_model=ColorEncoder(batch_size=3))
    with pytest.warns(AdjustedWarning, match=r"batch=3\) is not quite the one .*batch=16"):
        loaded.find_concepts("red")


def test_vectors_without_a_model_stay_so_and_a_model_may_be_named_later(tmp_path: Path) -> None:
    vectors = ColorEncoder().encode_texts(["red"] * 4 + ["blue"] * 3) + np.eye(7, 27, dtype=np.float32) / 50
    with pytest.warns(NoWordsWarning):
        model = ConceptModel().fit(image_embeddings=vectors)
    folder = model.save(tmp_path / "saved")
    loaded = ConceptModel.load(folder)
    assert loaded.embedding_model == "auto"
    assert loaded.embedding_model_ is None
    with pytest.raises(NoTextEncoderError, match="came from outside"):
        loaded.find_concepts("red")
    named = ConceptModel.load(folder, embedding_model=ColorEncoder())
    assert named.find_concepts("red")[0].concept == 0
    assert named.embedding_model_ is not None


def test_a_checkpoint_that_is_gone_is_missed_only_by_what_needs_it(tmp_path: Path) -> None:
    clip = tiny_clip(tmp_path / "clip")
    folder = fitted(color_images(VOCABULARY, 6), embedding_model=clip).save(tmp_path / "saved")
    clip.rename(tmp_path / "elsewhere")
    loaded = ConceptModel.load(folder)
    assert len(loaded.visualize_concepts().texts) > 2
    with pytest.raises(ModelNotFoundError, match="clip"):
        loaded.find_concepts("red")
    again = ConceptModel.load(folder, embedding_model=tmp_path / "elsewhere")
    assert again.find_concepts("red")


def test_the_settings_of_an_encoder_object_come_back(tmp_path: Path) -> None:
    clip = tiny_clip(tmp_path / "clip")
    model = fitted(
        color_images(VOCABULARY, 6), embedding_model=CLIPEncoder(clip, batch_size=5, precision="int8", device="cpu")
    )
    loaded = ConceptModel.load(model.save(tmp_path / "saved"))
    assert loaded.embedding_model_ is not None
    assert loaded.embedding_model_.placement == Placement("cpu", "int8", 5)
    check_same_answers(model, loaded)


@pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason="the hub-free model is not installed")
def test_the_hub_free_model_is_saved_by_name(tmp_path: Path) -> None:
    model = fitted(color_images(VOCABULARY, 2), embedding_model=HubFreeEncoder(batch_size=2))
    loaded = ConceptModel.load(model.save(tmp_path / "saved"))
    assert isinstance(loaded.embedding_model, HubFreeEncoder)
    check_same_answers(model, loaded)


# --- elsewhere --------------------------------------------------------------------------------------------------------

ELSEWHERE = """
import json, sys
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from concept_memes import ConceptModel
model = ConceptModel.load(sys.argv[1])
canvas = FigureCanvasAgg(model.visualize_concepts())
canvas.draw()
np.save(sys.argv[2], np.asarray(canvas.buffer_rgba()))
print(json.dumps({
    "concepts": model.find_concepts("the cat"),
    "images": [[str(h.path), *h[1:]] for h in model.find_images("a dog")],
    "labels": model.transform(sys.argv[3]).tolist(),
}))
"""


def test_a_model_of_relative_paths_answers_the_same_in_another_process_and_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_clip(Path("model"))
    write_color_images(Path("pictures"), VOCABULARY, 5)
    write_color_images(Path("new"), VOCABULARY, 2, seed=3)
    model = ConceptModel(embedding_model="./model", vocabulary=["cat", "dog", "the"]).fit("pictures")
    assert all(image.path is not None and not image.path.is_absolute() for image in model.images_)
    model.save("saved")
    (tmp_path / "elsewhere").mkdir()
    arguments = [str(tmp_path / name) for name in ("saved", "pixels.npy", "new")]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::ImportWarning", "-c", ELSEWHERE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path / "elsewhere",
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers["concepts"] == [list(hit) for hit in model.find_concepts("the cat")]
    assert answers["images"] == [[str(hit.path), *hit[1:]] for hit in model.find_images("a dog")]
    assert answers["labels"] == model.transform("new").tolist()
    np.testing.assert_array_equal(np.load(tmp_path / "pixels.npy"), pixels_of(model.visualize_concepts()))


def test_files_that_have_moved_are_drawn_as_stand_ins(tmp_path: Path) -> None:
    write_color_images(tmp_path / "pictures", VOCABULARY, 6)
    model = fitted(tmp_path / "pictures")
    before = pixels_of(model.visualize_concepts())
    folder = model.save(tmp_path / "saved")
    (tmp_path / "pictures").rename(tmp_path / "moved")
    loaded = ConceptModel.load(folder, embedding_model=ColorEncoder())
    after = pixels_of(loaded.visualize_concepts())
    assert after.shape == before.shape
    assert (after != before).any()
    assert loaded.find_images("red") == model.find_images("red")


# --- what is no saved model -------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SavedModelError, match="nowhere: there is no such folder"):
        ConceptModel.load(tmp_path / "nowhere")


def test_a_folder_of_pictures_is_no_model_and_is_not_overwritten(tmp_path: Path) -> None:
    write_color_images(tmp_path, ["red"], 2)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SavedModelError, match="is not a saved model"):
        ConceptModel.load(tmp_path)
    with pytest.raises(SavedModelError, match="not empty and holds no saved model"):
        fitted(color_images(VOCABULARY, 6)).save(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_a_newer_format_says_to_upgrade(tmp_path: Path) -> None:
    folder = fitted(color_images(VOCABULARY, 6)).save(tmp_path / "saved")
    document = json.loads((folder / "concepts.json").read_text(encoding="utf-8"))
    (folder / "concepts.json").write_text(json.dumps({**document, "format_version": 99}), encoding="utf-8")
    with pytest.raises(NewerFormatError, match="format version 99.*pip install --upgrade"):
        ConceptModel.load(folder)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"parameters": {"n_topics": 3}, "objects": [], "report": {"skipped": []}, "encoder": None},
        {"parameters": {}, "objects": [], "report": {"skipped": [], "speed": 1}, "encoder": None},
        {"parameters": {}, "objects": [], "report": None, "encoder": None},
        {"parameters": [], "objects": [], "report": {"skipped": [[]]}, "encoder": None},
        {"parameters": {}, "objects": [], "report": {"skipped": []}, "encoder": {"name": "x"}},
    ],
)
def test_damaged_parts_of_the_model_are_refused(extra: dict[str, Any], tmp_path: Path) -> None:
    folder = fitted(color_images(VOCABULARY, 6)).save(tmp_path / "saved")
    document = json.loads((folder / "concepts.json").read_text(encoding="utf-8"))
    (folder / "concepts.json").write_text(json.dumps({**document, "extra": extra}), encoding="utf-8")
    with pytest.raises(SavedModelError, match="damaged"):
        ConceptModel.load(folder)


def test_a_model_over_a_single_picture_of_pixels_loads(tmp_path: Path) -> None:
    model = fitted(Image.new("RGB", (5, 5), "red"))
    loaded = ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder())
    assert loaded.find_images("red") == model.find_images("red")
    assert loaded.concepts_.pixels[0].getpixel((2, 2)) == (255, 0, 0)


def test_with_vectors_no_picture_is_opened_until_a_figure_needs_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = write_color_images(tmp_path / "pictures", ["red", "blue"], 4)
    vectors = ColorEncoder().encode_images(
        np.stack([ColorEncoder().preprocess(image) for image in color_images(["red", "blue"], 4)])
    )
    paths[0].write_bytes(paths[0].read_bytes()[:60])  # the header is whole, the picture is not
    lazy = [Image.open(path) for path in paths]
    model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"]).fit(lazy, image_embeddings=vectors)
    assert all(image.fp is not None for image in lazy)  # Pillow closes the file of a picture that it has read
    with caplog.at_level("WARNING"):
        model.save(tmp_path / "saved")
    assert "image-0 is not saved: truncated" in caplog.text
    loaded = ConceptModel.load(tmp_path / "saved", embedding_model=ColorEncoder())
    assert len(loaded.concepts_.pixels) == 7
    for image in lazy:
        image.close()


@pytest.mark.parametrize("given", ["kept", Path("kept"), "~/kept", Path("~/kept"), "opened"], ids=repr)
def test_a_loaded_model_uses_the_same_cache_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | Path
) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "here"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "here"))
    monkeypatch.chdir(tmp_path / "here")
    model = fitted(color_images(["red", "blue"], 4), cache=open_cache("kept") if given == "opened" else given)
    model.save("saved")
    monkeypatch.chdir(tmp_path / "there")
    loaded = ConceptModel.load(tmp_path / "here" / "saved", embedding_model=ColorEncoder())
    assert open_cache(loaded.cache).folder == tmp_path / "here" / "kept"


def test_a_model_that_kept_nothing_keeps_nothing_when_it_is_loaded(tmp_path: Path) -> None:
    fitted(color_images(["red", "blue"], 4), cache=open_cache(False)).save(tmp_path / "saved")
    assert ConceptModel.load(tmp_path / "saved", embedding_model=ColorEncoder()).cache is False


@pytest.mark.filterwarnings("ignore:ocr of the saved model are objects")
def test_a_folder_that_compares_texts_is_found_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_text_tower(tmp_path / "here" / "texts")
    monkeypatch.chdir(tmp_path / "here")
    images = captioned_images(["no overtime", "overtime", "a panda", "pandas"])
    model = fitted(images, ocr=CaptionReader(), text_model="texts", text_weight=0.5, cache=False)
    expected = model.find_images("panda")
    model.save(tmp_path / "saved")
    monkeypatch.chdir(tmp_path)
    assert model.find_images("panda") == expected
    assert ConceptModel.load(tmp_path / "saved", embedding_model=ColorEncoder()).find_images("panda") == expected


@pytest.mark.skipif(not RapidOCRReader.is_installed(), reason="RapidOCR is not installed")
@pytest.mark.filterwarnings("error::concept_memes.errors.AdjustedWarning")
@pytest.mark.parametrize("everything", [True, False])
def test_the_reader_of_the_package_comes_back(
    everything: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted(color_images(["red"], 4), vocabulary=["red"])
    model.ocr = RapidOCRReader(everything=everything)
    model.save(tmp_path / "saved")
    loaded = ConceptModel.load(tmp_path / "saved", embedding_model=ColorEncoder())
    assert getattr(loaded.ocr, "everything", False) is everything
    monkeypatch.setattr(RapidOCRReader, "is_installed", staticmethod(lambda: False))
    assert ConceptModel.load(tmp_path / "saved").ocr is True
