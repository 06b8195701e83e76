"""Thumbnails as files beside the page, for collections that are too large for one file."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from concept_memes.sources.folders import OUR_THUMBNAILS

__all__ = ["ThumbnailFolder", "remove_older"]

# Names that only this module gives. A folder is named by what is in it, so the page that is there, and its thumbnails,
# stay whole until a new page takes its place.
FOLDER = re.compile(rf"{OUR_THUMBNAILS.pattern}|\.thumbs-[0-9]+\.tmp")
FILE = re.compile(r"[0-9]{5,}\.webp")
N_DIGITS = 5


class ThumbnailFolder:
    """The files of one page, written into a folder that gets its name when all are there.

    Parameters
    ----------
    page : Path
        The HTML file, absolute. The folders for "concepts.html" lie in "concepts_files".

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, ThumbnailFolder(Path(folder, "concepts.html")) as thumbnails:
    ...     thumbnails.add(b"one")
    ...     thumbnails.add(b"")
    ...     thumbnails.finish()
    ...     where = thumbnails.as_document()
    ...     (Path(folder) / where["base"] / "00000.webp").read_bytes(), where["missing"]
    (b'one', [1])
    """

    def __init__(self, page: Path) -> None:
        self._parent = _files_beside(page)
        self._folder = self._parent / f".thumbs-{os.getpid()}.tmp"
        self._digest = hashlib.blake2b(digest_size=8)
        self._n_rows = 0
        self._missing: list[int] = []

    @property
    def name(self) -> str:
        """What the folder is called once it is finished."""
        return f"thumbs-{self._digest.hexdigest()}"

    def __enter__(self) -> ThumbnailFolder:
        if self._folder.is_dir():  # of a process that was killed and had the same number, as it has in a container
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True)
        return self

    def __exit__(self, *args: object) -> None:
        if self._folder.exists():  # it was not finished
            shutil.rmtree(self._folder)
            with suppress(OSError):  # something else is in it
                self._parent.rmdir()

    def add(self, picture: bytes) -> None:
        """Write the next file.

        Parameters
        ----------
        picture : bytes
            WebP; empty for none.
        """
        self._digest.update(len(picture).to_bytes(8, "little") + picture)
        if picture:
            (self._folder / f"{self._n_rows:0{N_DIGITS}}.webp").write_bytes(picture)
        else:
            self._missing.append(self._n_rows)
        self._n_rows += 1

    def finish(self) -> None:
        """Give the folder its name."""
        final = self._parent / self.name
        if final.is_dir():  # the same thumbnails as before; some may have got lost
            for file in self._folder.iterdir():
                file.replace(final / file.name)
            self._folder.rmdir()
        else:
            self._folder.replace(final)

    def as_document(self) -> dict[str, Any]:
        """Say where a page finds the files.

        Returns
        -------
        dict
            "base" is a relative address; behind it come rows with "pad" digits at least, and ".webp".
        """
        base = f"{quote(os.fsencode(self._parent.name))}/{self.name}/"
        return {"place": "folder", "mime": "image/webp", "base": base, "pad": N_DIGITS, "missing": self._missing}


def remove_older(page: Path, keep: str, pictures: Collection[Path]) -> None:
    """Remove the thumbnails of earlier pages that this one has taken the place of; nothing else is touched.

    Parameters
    ----------
    page : Path
        The HTML file, absolute.
    keep : str
        Name of the folder that the page needs; "" for none.
    pictures : collection of Path
        Pictures of the collection, absolute: they stay, wherever they are.
    """
    parent = _files_beside(page)
    if not parent.is_dir():
        return
    for folder in parent.iterdir():
        if folder.name == keep or not FOLDER.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
            continue
        for file in folder.iterdir():
            if FILE.fullmatch(file.name) and file not in pictures:
                file.unlink(missing_ok=True)
        with suppress(OSError):  # something else is in it
            folder.rmdir()
    with suppress(OSError):
        parent.rmdir()


def _files_beside(page: Path) -> Path:
    """Return the folder of the files that belong to a page, called as browsers call it."""
    return page.with_name(f"{page.stem}_files")
