from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tinyclip import N_DIMS, SIDE, tiny_clip, tiny_sentence_transformers_clip, tiny_siglip

from concept_memes.encoders.checkpoint import Checkpoint, model_family
from concept_memes.errors import EncoderError, ModelNotFoundError


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return tiny_clip(tmp_path / "clip")


@pytest.mark.parametrize(
    ("write", "inner", "family", "n_dims"),
    [
        (tiny_clip, "", "clip", N_DIMS),
        (tiny_siglip, "", "siglip", 64),
        (tiny_sentence_transformers_clip, "0_CLIPModel", "clip", N_DIMS),
    ],
)
def test_a_folder_tells_what_its_model_is(
    tmp_path: Path, write: Callable[[Path], Path], inner: str, family: str, n_dims: int
) -> None:
    found = Checkpoint.read(write(tmp_path / "model"), "mine")
    assert found.folder == tmp_path / "model" / inner
    assert (found.family, found.n_dims) == (family, n_dims)
    assert found.preprocessing.shape == (SIDE, SIDE)


def test_the_settings_of_pictures_may_lie_in_a_processor_config(clip: Path) -> None:
    before = Checkpoint.read(clip, "mine").preprocessing
    file = clip / "preprocessor_config.json"
    (clip / "processor_config.json").write_text(json.dumps({"image_processor": json.loads(file.read_text())}))
    file.unlink()
    assert Checkpoint.read(clip, "mine").preprocessing == before


@pytest.mark.parametrize(
    ("config", "n_dims"),
    [
        ({"model_type": "clip"}, 512),
        ({"model_type": "clip", "projection_dim": 768}, 768),
        ({"model_type": "siglip"}, 768),
        ({"model_type": "siglip", "vision_config": {"hidden_size": 1152}}, 1152),
    ],
)
def test_a_length_that_is_left_out_is_that_of_transformers(
    tmp_path: Path, config: dict[str, object], n_dims: int
) -> None:
    from transformers import AutoConfig

    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert Checkpoint.read(tmp_path, "mine").n_dims == n_dims
    theirs = AutoConfig.from_pretrained(tmp_path)
    assert n_dims == (theirs.projection_dim if config["model_type"] == "clip" else theirs.vision_config.hidden_size)


@pytest.mark.parametrize(("kind", "match"), [("bert", "model of type 'bert'"), ("siglip2", "siglip2-b32")])
def test_other_kinds_of_models_are_refused(kind: str, match: str) -> None:
    with pytest.raises(EncoderError, match=match):
        model_family({"model_type": kind}, "mine")


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json", "modules.json"])
def test_a_damaged_file_is_named(clip: Path, file: str) -> None:
    (clip / file).write_text('{"model_type": "cl')
    with pytest.raises(ModelNotFoundError, match=file):
        Checkpoint.read(clip, "mine")


def test_layers_after_the_model_are_not_left_out_silently(tmp_path: Path) -> None:
    folder = tiny_sentence_transformers_clip(tmp_path / "model")
    file = folder / "modules.json"
    first = json.loads(file.read_text())[0]
    file.write_text(json.dumps([first, {"path": "1_Normalize", "type": "x.Normalize"}]))
    assert Checkpoint.read(folder, "mine").n_dims == N_DIMS
    file.write_text(json.dumps([first, {"path": "1_Dense", "type": "x.Dense"}]))
    with pytest.raises(EncoderError, match="further modules after its first, CLIPModel: Dense"):
        Checkpoint.read(folder, "mine")


def test_a_folder_without_a_model_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"'mine'.*Expected: config\.json with model\.safetensors"):
        Checkpoint.read(tmp_path, "mine")
