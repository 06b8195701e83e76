"""Checks of parameters; every message names the parameter, its value and the limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from concept_memes.clustering import GRANULARITIES
from concept_memes.errors import InvalidParameterError, VocabularyError
from concept_memes.estimators import check_estimator
from concept_memes.kmeans import KMEANS
from concept_memes.naming import check_labeler
from concept_memes.outliers import check_outliers
from concept_memes.protocols import TextEncoder, TextReader
from concept_memes.vocabulary import words_from_docs

__all__ = ["check_parameters", "check_whole"]


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Check the parameters of a :class:`concept_memes.ConceptModel`.

    Parameters
    ----------
    parameters : mapping of str to object
        What `get_params` gives.

    Raises
    ------
    InvalidParameterError
        For the first that cannot be.
    """
    p = parameters
    if not (isinstance(p["min_concept_size"], str) and p["min_concept_size"] == "auto"):
        check_whole("min_concept_size", p["min_concept_size"], 2, '"auto" or an integer of at least 2')
    diversity = p["diversity"]
    if not is_number(diversity) or not 0 <= diversity <= 1:
        raise InvalidParameterError("diversity", diversity, "a number from 0 (most typical) to 1 (most different)")
    check_whole("n_exemplars", p["n_exemplars"], 1)
    check_whole("frames", p["frames"], 1)
    if p["random_state"] is not None:
        check_whole("random_state", p["random_state"], 0, "None or an integer from 0 to 4294967295", most=2**32 - 1)
    for name, also in (("ctfidf", ""), ("verbose", "bars")):
        if not isinstance(p[name], (bool, np.bool_)) and not (also and isinstance(p[name], str) and p[name] == also):
            raise InvalidParameterError(name, p[name], f'True, False or "{also}"' if also else "True or False")
    if p["n_concepts"] is not None:
        check_whole("n_concepts", p["n_concepts"], 1, "None or an integer of at least 1")
    granularity = p["granularity"]
    if not isinstance(granularity, str) or granularity not in GRANULARITIES:
        raise InvalidParameterError("granularity", granularity, '"coarse", "medium" or "fine"')
    check_outliers(p["outliers"])
    if p["guide"] is not None:
        check_guide(p["guide"])
    check_estimators(p)
    check_labeler(p["labeler"])
    check_callback(p["progress"])
    check_memes(p)


def check_estimators(p: Mapping[str, Any]) -> None:
    """Check what reduces, clusters and counts words instead of ours."""
    for name, own, method in (("umap_model", "umap", "fit_transform"), ("hdbscan_model", KMEANS, "fit")):
        if not (isinstance(p[name], str) and p[name] == own):
            check_estimator(name, p[name], [method])
    check_estimator("vectorizer_model", p["vectorizer_model"], ["fit", "fit_transform", "get_feature_names_out"])


def check_guide(guide: object) -> None:
    """Check the words of a guide."""
    expected = "a list of at least one word, or None"
    if isinstance(guide, Iterator):
        raise InvalidParameterError("guide", guide, expected)  # looking at it would use it up
    try:
        words_from_docs(guide)  # type: ignore[arg-type]  # it checks what it gets
    except VocabularyError as error:
        raise InvalidParameterError("guide", guide, expected) from error


def check_memes(p: Mapping[str, Any]) -> None:
    """Check what decides how texts and copies count."""
    if not isinstance(p["ocr"], (bool, np.bool_, TextReader)):
        raise InvalidParameterError("ocr", p["ocr"], "True, False, or an object with name, fingerprint and read_text")
    weight, model = p["text_weight"], p["text_model"]
    if not (isinstance(weight, str) and weight == "auto") and not (is_number(weight) and 0 <= weight <= 1):
        raise InvalidParameterError("text_weight", weight, '"auto" or a number from 0 (looks alone) to 1 (texts alone)')
    if not (isinstance(model, str) and model) and not isinstance(model, TextEncoder):
        raise InvalidParameterError(
            "text_model", model, '"auto", "tower", "ngrams", the name of a model, or an object with encode_texts'
        )
    duplicates = p["duplicates"]
    if not isinstance(duplicates, str) or duplicates not in ("collapse", "keep"):
        raise InvalidParameterError("duplicates", duplicates, '"collapse" or "keep"')


def check_callback(callback: object) -> None:
    """Check what is to be told of progress."""
    if callback is not None and not callable(callback):
        raise InvalidParameterError("progress", callback, "a callable that takes a ProgressEvent, or None")


def check_whole(name: str, value: object, least: int, expected: str | None = None, *, most: float = np.inf) -> None:
    """Check a whole number.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What came.
    least : int
        The smallest that is allowed.
    expected : str, optional
        What the message says is allowed.
    most : float, optional
        The largest that is allowed.

    Raises
    ------
    InvalidParameterError
        If it is no integer, or out of range.

    Examples
    --------
    >>> check_whole("top_n", 0, 1)
    Traceback (most recent call last):
    concept_memes.errors.InvalidParameterError: top_n=0: top_n must be an integer of at least 1.
    """
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not least <= value <= most:  # type: ignore[operator]
        raise InvalidParameterError(name, value, expected or f"an integer of at least {least}")


def is_number(value: object) -> bool:
    """Tell whether it is a real number, and not True or False."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
