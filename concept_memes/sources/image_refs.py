"""References to images that are not read yet, and lists of them. No place is looked at here."""

from __future__ import annotations

import atexit
import functools
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.errors import SourceError
from concept_memes.remote.addresses import local_path
from concept_memes.remote.kept_copies import is_address, kept_path, shown_address

__all__ = [
    "ImageRef",
    "Listing",
    "Pixels",
    "address_ref",
    "array_problem",
    "item_refs",
    "merged",
    "temporary_downloads",
]

Pixels: TypeAlias = Image.Image | npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One image, not read yet.

    Attributes
    ----------
    index : int
        Its place in what was given, from 0.
    name : str
        What people see: the posix path inside the folder or archive, the path as it was given, the address without
        passwords and keys, or ``"image-3"``.
    path : Path or None
        Where it is, relative where the user gave it so; of what has an address, where its copy will be kept. None for
        pictures that came as pixels, and where nothing was given.
    data : PIL.Image.Image or ndarray or None
        The picture itself where it came as pixels. It takes no part in comparisons.
    url : str or None
        The address that it has to be fetched from, passwords and keys included. It is not shown.
    """

    index: int
    name: str
    path: Path | None
    data: Pixels | None = field(default=None, compare=False, repr=False)
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Listing:
    """All images of a source.

    Attributes
    ----------
    refs : tuple of ImageRef
        The images in order.
    n_other_files : int
        Files that were seen and left aside because they are no images.
    base_folder : Path
        The current folder when the listing was made, absolute: what relative paths are relative to.
    unlistable : tuple of (Path or None, str)
        What could not be listed, such as a sub-folder without permission, and why. Where there is no path the reason
        names it.
    downloads : Path or None
        The folder of the copies of what has an address; None where nothing has.
    """

    refs: tuple[ImageRef, ...]
    n_other_files: int
    base_folder: Path
    unlistable: tuple[tuple[Path | None, str], ...] = ()
    downloads: Path | None = None


def array_problem(array: npt.NDArray[Any]) -> str | None:
    """Say why an array cannot be one picture; None where it can.

    Parameters
    ----------
    array : ndarray
        A picture is uint8 of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), values 0 to 255.

    Returns
    -------
    str or None

    Examples
    --------
    >>> array_problem(np.zeros((5, 4, 3), dtype=np.uint8)) is None
    True
    >>> print(array_problem(np.zeros((5, 4, 2), dtype=np.uint8)))
    an array of shape (5, 4, 2) and dtype uint8; a picture has shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)
    """
    came = f"an array of shape {array.shape} and dtype {array.dtype}"
    if array.dtype != np.uint8:
        return f"{came}; a picture is uint8 with values 0 to 255, so scale the values and use .astype(np.uint8)"
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        return f"{came}; a picture has shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4)"
    return f"{came}; a picture has at least one pixel" if array.size == 0 else None


def item_refs(
    items: Iterable[object], *, folder: Path | None = None, downloads: Path | None = None
) -> Iterator[ImageRef]:
    """Make references to the items of a list, keeping order and length.

    Parameters
    ----------
    items : iterable
        Paths, addresses, PIL images and uint8 arrays, in any mix. None, NaN, pandas' NA and empty texts stand for
        images of which nothing is known: references without path and data.
    folder : Path, optional
        What relative paths are relative to; the current folder by default.
    downloads : Path, optional
        Where copies of addresses are kept; a temporary folder by default.

    Yields
    ------
    ImageRef

    Raises
    ------
    SourceError
        If an item is of another kind.

    Examples
    --------
    >>> for ref in item_refs(["cat.jpg", None, "https://me:secret@example.org/dog.jpg"], folder=Path("pics")):
    ...     print(ref.name, ref.path if ref.url is None else "(a copy)")
    cat.jpg pics/cat.jpg
    image-1 None
    https://example.org/dog.jpg (a copy)
    """
    for index, item in enumerate(items):
        if isinstance(item, Image.Image):
            yield ImageRef(index, f"image-{index}", None, item)
        elif isinstance(item, np.ndarray):
            problem = array_problem(item)
            if problem:
                raise SourceError(f"images[{index}] is {problem}.")
            yield ImageRef(index, f"image-{index}", None, item)
        elif _is_nothing(item):
            yield ImageRef(index, f"image-{index}", None)
        elif isinstance(item, str) and is_address(item):
            here = local_path(item)
            yield address_ref(index, item, downloads) if here is None else ImageRef(index, item, here)
        elif isinstance(item, str | os.PathLike) and isinstance(given := os.fspath(item), str):
            path = Path(os.path.expanduser(given))
            yield ImageRef(index, given, path if folder is None else folder / path)
        else:
            raise SourceError(
                f"images[{index}] is {item!r:.80} of type {type(item).__name__}. "
                "A list holds paths (str or Path), addresses, PIL images and uint8 arrays."
            )


def address_ref(index: int, address: str, downloads: Path | None = None) -> ImageRef:
    """Make a reference to a picture that has to be fetched.

    Parameters
    ----------
    index : int
    address : str
    downloads : Path, optional
        Where copies are kept; a temporary folder by default.

    Returns
    -------
    ImageRef

    Examples
    --------
    >>> ref = address_ref(0, "https://example.org/cat.jpg?size=9&key=abc", Path("kept"))
    >>> ref.name, ref.path.suffix
    ('https://example.org/cat.jpg?size=9&key=***', '.jpg')
    """
    kept = kept_path(temporary_downloads() if downloads is None else downloads, address)
    return ImageRef(index, shown_address(address), kept, url=address)


def merged(listings: Sequence[Listing]) -> Listing:
    """Put listings of several places together; a file that several of them list counts once.

    Parameters
    ----------
    listings : sequence of Listing
        At least one, made in the same current folder.

    Returns
    -------
    Listing
        The names are the paths, because those inside their folders could be the same.

    Examples
    --------
    >>> one = Listing((ImageRef(0, "a.jpg", Path("pics/a.jpg")),), 2, Path("/home/me"))
    >>> both = merged([one, one])
    >>> both.refs, both.n_other_files
    ((ImageRef(index=0, name='pics/a.jpg', path=PosixPath('pics/a.jpg')),), 4)
    """
    if len(listings) == 1:
        return listings[0]
    refs: dict[object, ImageRef] = {}
    for ref in (ref for listing in listings for ref in listing.refs):
        key = (len(refs), None) if ref.path is None else ref.path
        name = ref.name if ref.path is None or ref.url is not None else str(ref.path)
        refs.setdefault(key, replace(ref, index=len(refs), name=name))
    return Listing(
        tuple(refs.values()),
        sum(listing.n_other_files for listing in listings),
        listings[0].base_folder,
        tuple(one for listing in listings for one in listing.unlistable),
        next((listing.downloads for listing in listings if listing.downloads is not None), None),
    )


@functools.cache
def temporary_downloads() -> Path:
    """Make the folder for copies that nobody wants to keep; it is removed when the process ends.

    Returns
    -------
    Path
    """
    folder, owner = Path(tempfile.mkdtemp(prefix="concept-memes-")), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # a forked child must not take it from its parent
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def _is_nothing(item: object) -> bool:
    """Tell whether an item of a list or a column stands for a missing value."""
    if item is None or (isinstance(item, str) and not item.strip()):
        return True
    if isinstance(item, float | np.floating):
        return math.isnan(item)
    pandas = sys.modules.get("pandas")  # without it, nobody can have its NA
    return pandas is not None and (item is pandas.NA or item is pandas.NaT)
