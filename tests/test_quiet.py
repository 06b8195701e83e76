from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from tinyclip import SIDE, tiny_clip, tiny_text_tower
from transformers import AutoModel
from transformers.utils import logging as transformers_logging

from concept_memes.encoders import CLIPEncoder
from concept_memes.encoders.quiet import loading_quietly


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("checkpoints") / "clip")


@pytest.fixture(autouse=True)
def bars_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformers_logging, "_tqdm_active", True)


@pytest.fixture
def hub_bars_are_unwanted() -> Iterator[None]:
    disable_progress_bars()
    yield
    enable_progress_bars()


def test_transformers_draws_a_bar_where_nobody_keeps_it_from_that(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    AutoModel.from_pretrained(folder)
    assert "Loading weights" in capfd.readouterr().err


def test_our_encoders_load_without_a_bar(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text_model = tiny_text_tower(tmp_path / "text")
    capfd.readouterr()
    encoder = CLIPEncoder(folder, text_model=text_model, device="cpu")
    encoder.encode_texts(["a cat"])
    encoder.encode_images(np.zeros((1, 3, SIDE, SIDE), np.float32))
    assert capfd.readouterr().err == ""
    assert transformers_logging.is_progress_bar_enabled()


@pytest.mark.usefixtures("hub_bars_are_unwanted")
def test_what_the_user_chose_for_downloads_stays() -> None:
    with loading_quietly():
        assert not transformers_logging.is_progress_bar_enabled()
    assert transformers_logging.is_progress_bar_enabled()
    assert are_progress_bars_disabled()


def test_bars_that_the_user_does_not_want_stay_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformers_logging, "_tqdm_active", False)
    with loading_quietly():
        pass
    assert not transformers_logging.is_progress_bar_enabled()


def test_a_load_that_fails_leaves_the_bars_as_they_were() -> None:
    with pytest.raises(OSError, match="damaged"), loading_quietly():
        raise OSError("damaged")
    assert transformers_logging.is_progress_bar_enabled()


def test_a_load_inside_another_does_not_end_its_silence() -> None:
    with loading_quietly():
        with loading_quietly():
            pass
        assert not transformers_logging.is_progress_bar_enabled()
    assert transformers_logging.is_progress_bar_enabled()


def test_a_load_in_another_thread_waits_so_that_neither_ends_the_other_s_silence() -> None:
    inside = threading.Event()

    def load() -> None:
        with loading_quietly():
            inside.set()

    thread = threading.Thread(target=load)
    with loading_quietly():
        thread.start()
        assert not inside.wait(0.2)
    thread.join()
    assert inside.is_set()
    assert transformers_logging.is_progress_bar_enabled()


def test_loads_in_several_threads_are_all_silent(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    encoders = [CLIPEncoder(folder, device="cpu") for _ in range(4)]
    threads = [threading.Thread(target=encoder.encode_texts, args=(["a cat"],)) for encoder in encoders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "Loading weights" not in capfd.readouterr().err
    assert transformers_logging.is_progress_bar_enabled()
    assert all("_towers" in vars(encoder) for encoder in encoders)
