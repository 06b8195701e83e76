"""Pictures to be filed, what lies in a folder, and being killed in between, for the tests of filing."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from concept_memes.concepts import Concept, ConceptSet, ImageRecord
from concept_memes.loading import content_hash
from concept_memes.testing import color_images

# What changes the disk, as it is called from Python.
CHANGING = ("fsync", "mkdir", "open", "replace", "rmdir", "symlink", "truncate", "unlink", "write")


def concept_set_of(base: ConceptSet, paths: list[Path], labels: list[int], titles: list[str]) -> ConceptSet:
    """Make a set of files with the labels and names that are wanted; vectors and the like are of no account here."""
    n = len(paths)
    return replace(
        base,
        images=tuple(ImageRecord(path.name, path, content_hash(path)) for path in paths),
        labels=np.array(labels, np.int64),
        probabilities=np.ones(n),
        vectors=np.eye(n, base.vectors.shape[1], dtype=np.float32) + 1,
        concepts=tuple(Concept(i, labels.count(i), name=title) for i, title in enumerate(titles)),
        skipped=(),
        pixels={},
        base_folder=paths[0].parent,
        raw_labels=np.array(labels, np.int64),
        raw_probabilities=np.ones(n),
    )


def draw(folder: Path, names: list[str]) -> list[Path]:
    """Write a picture per name; no two are the same."""
    paths = []
    for path, image in zip((folder / name for name in names), color_images(["red"], len(names)), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, "PNG")
        paths.append(path)
    return paths


def tree(folder: Path) -> dict[str, bytes | str | None]:
    """Tell all that is in a folder: bytes of files, what links hold, None for folders."""
    found: dict[str, bytes | str | None] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def kills(work: Callable[[], Any]) -> Iterator[int]:
    """Do something in a process of its own that is killed before its first change of the disk, its second, and so on.

    Of what is written, half is written before the kill. Yields the number of the change after each kill, and ends when
    the work was done before the next one. The caller puts the disk back as it was in between.
    """
    if not hasattr(os, "fork") or sys.platform == "win32":
        pytest.skip("this system has no fork")
    for last in range(1, 1000):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads, which are idle here
            child = os.fork()
        if not child:
            signal.alarm(120)
            code = 3
            try:
                _kill_before(last)
                work()
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert os.WEXITSTATUS(status) == 0, "the work failed before it was killed"
            return
        assert os.WTERMSIG(status) == signal.SIGKILL
        yield last


def _kill_before(last: int) -> None:
    """Have this process killed before its n-th change of the disk."""
    count = 0

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            nonlocal count
            count += 1
            if count == last:
                if name == "write":
                    function(args[0], args[1][: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **more)

        return call

    for name in CHANGING:
        # os.truncate is looked up in a set of functions.
        function, wrapped = getattr(os, name), counted(name, getattr(os, name))
        if function in os.supports_fd:
            os.supports_fd.add(wrapped)
        setattr(os, name, wrapped)
