"""Doing something in a forked process, as another user if need be."""

from __future__ import annotations

import os
import pickle
import signal
import warnings
from collections.abc import Callable
from typing import Any

import pytest

NOBODY = 65534


def in_fork(work: Callable[[], Any], *, user: int | None = None) -> Any:
    """Return what a function gives in a forked process; an exception there fails the test here."""
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads, which are idle here
        child = os.fork()
    if not child:
        signal.alarm(120)  # a child that hangs must not outlive the tests
        try:
            if user is not None:
                os.setuid(user)
            answer = (True, work())
        except BaseException as error:
            answer = (False, repr(error))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps(answer))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        fine, result = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    assert fine, result
    return result
