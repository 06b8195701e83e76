from __future__ import annotations

import pytest

from concept_memes.encoders.prompts import is_name, prompted


@pytest.mark.parametrize("text", ["panda", "ice cream", "great white shark", "Persian cat", "St. Bernard", "frame"])
def test_names_of_things_are_names(text: str) -> None:
    assert is_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "a panda",
        "the sea",
        "two pandas",
        "3 cats",
        "photo of a panda",
        "photographs",
        "movie screenshot",
        "It snows.",
        "cats, dogs",
        "why me?",
        "pandas eat bamboo in the snow",
    ],
)
def test_sentences_and_captions_are_no_names(text: str) -> None:
    assert not is_name(text)


def test_only_names_become_captions_and_their_places_are_told() -> None:
    assert prompted(["a red car", " panda ", "", "ice cream"]) == (
        ["a photo of a panda", "a photo of a ice cream"],
        [1, 3],
    )
