"""Files that are there whole or not at all: written beside their place, then moved into it in one step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["in_one_step"]


@contextmanager
def in_one_step(path: Path) -> Iterator[Path]:
    """Write a file that is there whole or not at all.

    Parameters
    ----------
    path : Path
        Its folder is there.

    Yields
    ------
    Path
        A name beside it. What is written there takes its place at the end of the block, and goes if the block fails.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with in_one_step(Path(folder) / "a.txt") as temporary:
    ...         _ = temporary.write_text("whole")
    ...     [file.name for file in Path(folder).iterdir()]
    ['a.txt']
    """
    # A letter may take four bytes, and a name no more than 255.
    temporary = path.with_name(f".{path.name[:50]}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
