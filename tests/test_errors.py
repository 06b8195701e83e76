from __future__ import annotations

import inspect
import pickle
import re

import pytest

from concept_memes import errors
from concept_memes.errors import (
    ConceptMemesError,
    ConceptMemesWarning,
    EncoderError,
    InvalidParameterError,
    ModelNotFoundError,
    NewerFormatError,
    NoImagesError,
    NoTextEncoderError,
    SavedModelError,
    SkippedImagesWarning,
    SourceError,
    UnreadableImageError,
)

CLASSES = [value for _, value in inspect.getmembers(errors, inspect.isclass) if value.__module__ == errors.__name__]


def test_everything_has_one_of_two_roots() -> None:
    assert len(CLASSES) > 10
    for kind in CLASSES:
        assert issubclass(kind, ConceptMemesError) != issubclass(kind, ConceptMemesWarning), kind
    assert issubclass(ConceptMemesWarning, UserWarning)


def test_all_names_are_public_and_in_the_tree_at_the_top() -> None:
    names = {kind.__name__ for kind in CLASSES}
    assert names == set(errors.__all__)
    assert names == set(re.findall(r"\w+(?:Error|Warning)\b", errors.__doc__ or "")) - {
        "FileExistsError",
        "ImportError",
        "MemoryError",
        "OSError",
        "UserWarning",
        "ValueError",
    }


def test_the_tree_at_the_top_is_the_true_one() -> None:
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ([│├└─ ]*)(\w+)(?: +\((\w+)\))?", line)
        if match:
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            bases = {base.__name__ for base in getattr(errors, match[2]).__mro__[1:]}
            assert {*path[:depth], *([match[3]] if match[3] else [])} <= bases, line


def test_builtin_kinds_catch_them_too() -> None:
    for kind in (InvalidParameterError, SourceError, UnreadableImageError, EncoderError, SavedModelError):
        assert issubclass(kind, ValueError)
    assert issubclass(NoImagesError, SourceError)
    assert issubclass(ModelNotFoundError, OSError)
    assert issubclass(NoTextEncoderError, EncoderError)
    assert issubclass(NewerFormatError, SavedModelError)
    assert issubclass(errors.MissingExtraError, ImportError)


def test_messages_say_what_came_and_what_was_expected() -> None:
    error = InvalidParameterError("diversity", 7, "a number from 0 to 1")
    assert str(error) == "diversity=7: diversity must be a number from 0 to 1."
    assert (error.name, error.value, error.expected) == ("diversity", 7, "a number from 0 to 1")
    unreadable = UnreadableImageError("a.png", "empty file")
    assert str(unreadable) == "a.png: empty file"
    assert (unreadable.name, unreadable.reason) == ("a.png", "empty file")


@pytest.mark.parametrize(
    "error",
    [
        InvalidParameterError("n", 1, "2"),
        UnreadableImageError("a.png", "empty file"),
        SkippedImagesWarning("1 of 2", [1]),
        SourceError("nothing there"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_the_way_between_processes(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))  # as multiprocessing does it
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
