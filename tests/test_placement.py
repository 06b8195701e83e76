from __future__ import annotations

import pickle

import pytest

from concept_memes.encoders.placement import Placement
from concept_memes.errors import InvalidParameterError


def test_what_was_given_stays_and_what_it_came_to_is_shown() -> None:
    placement = Placement("cpu", "auto", "auto")
    assert (placement.given_precision, placement.given_batch_size) == ("auto", "auto")
    assert placement.precision in {"fp32", "bf16"}
    assert placement.batch_size == 16


def test_a_number_is_the_batch_of_pictures_and_of_texts() -> None:
    placement = Placement("cpu", "int8", 5)
    assert (placement.precision, placement.batch_size, placement.text_batch_size) == ("int8", 5, 5)


def test_the_number_of_a_card_is_not_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concept_memes.encoders.placement.resolve_device", lambda device: device)
    placement = Placement("cuda:1", "auto", 8)
    assert (placement.device, placement.kind, placement.precision) == ("cuda:1", "cuda", "fp16")


def test_a_value_that_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(InvalidParameterError, match="precision="):
        Placement(given_precision="fp8")


def test_what_it_came_to_here_does_not_travel_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("concept_memes.encoders.placement.resolve_device", lambda _: "cuda")
    placement = Placement(given_batch_size=8)
    assert (placement.device, placement.precision) == ("cuda", "fp16")
    monkeypatch.setattr("concept_memes.encoders.placement.resolve_device", lambda _: "mps")
    moved = pickle.loads(pickle.dumps(placement))
    assert moved == placement
    assert (moved.device, moved.precision) == ("mps", "fp32")


def test_only_what_differs_from_auto_is_described() -> None:
    assert Placement().describe() == ""
    assert Placement(given_precision="fp32").describe() == ", precision='fp32'"
