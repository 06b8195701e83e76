"""What users pass as images -> a list of references, in order. Nothing is decoded here.

A folder, a glob pattern, one file, one picture, or a list of paths and pictures in any mix all become
one :class:`Listing` of :class:`ImageRef`. Reading the pixels is the work of :mod:`concept_memes.loading`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.errors import InvalidParameterError, NoImagesError, SourceError

__all__ = ["ENDINGS", "N_MAGIC", "ImageRef", "ImageSource", "Listing", "array_problem", "image_format", "list_images"]

Pixels: TypeAlias = Image.Image | npt.NDArray[np.uint8]
ImageSource: TypeAlias = str | os.PathLike[str] | Pixels | Iterable[str | os.PathLike[str] | Pixels]

#: Endings of image files, in lower case.
ENDINGS = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".bmp", ".tif", ".tiff")
    + (".heic", ".heif", ".hif", ".avif")
)

#: Number of bytes that `image_format` wants to see.
N_MAGIC = 64
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_BMP_HEADER_SIZES = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"))
_ACCEPTED = (
    "Give a folder, a glob pattern, a file, a PIL image, a uint8 array, or a list of paths, PIL images and uint8 arrays"
)


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One image, not read yet.

    Attributes
    ----------
    index : int
        Its place in what was given, from 0.
    name : str
        What people see: the posix path inside the folder, the path as it was given, or ``"image-3"``.
    path : Path or None
        Where it is, relative where the user gave it so; None for pictures that came as pixels.
    data : PIL.Image.Image or ndarray or None
        The picture itself where it came as pixels. It takes no part in comparisons.
    """

    index: int
    name: str
    path: Path | None
    data: Pixels | None = field(default=None, compare=False, repr=False)


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
    unlistable : tuple of (Path, str)
        Sub-folders that could not be listed, and why.
    """

    refs: tuple[ImageRef, ...]
    n_other_files: int
    base_folder: Path
    unlistable: tuple[tuple[Path, str], ...] = ()


def list_images(images: ImageSource, *, names: Sequence[str] | None = None) -> Listing:
    """List the images of a source without decoding any.

    Parameters
    ----------
    images : str, Path, PIL image, ndarray, or an iterable of these
        - A folder: every image in it and in its sub-folders, sorted by posix path. Images are files with an
          image ending or with an image's first bytes. Hidden files and folders (leading dot), links to folders
          (not followed, so that no loop can arise), pipes and all other files are counted, not listed.
        - A glob pattern such as ``"pics/**/*.jpg"``, with the same rules. A file or folder that really has
          such a name wins.
        - One file, one PIL image, or one uint8 array of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4).
        - A uint8 array of shape (n, h, w, c): n pictures.
        - An iterable of paths, PIL images and uint8 arrays, in any mix. Order and length are kept: a path
          that cannot be read is listed too, and skipped with its reason when it is loaded. Paths in a list
          are never patterns.
    names : sequence of str, optional
        What to call the images, one name per image. By default the path.

    Returns
    -------
    Listing

    Raises
    ------
    SourceError
        There is nothing at that place, or an object is of a kind that cannot be a picture.
    NoImagesError
        The place is there, but it holds no image.
    InvalidParameterError
        `names` has the wrong length.

    Examples
    --------
    >>> listing = list_images(["holiday/beach.jpg", np.zeros((4, 4, 3), dtype=np.uint8)])
    >>> [ref.name for ref in listing.refs]
    ['holiday/beach.jpg', 'image-1']
    """
    if isinstance(images, str | os.PathLike):
        listing = _list_place(images)
    elif isinstance(images, Image.Image):
        listing = _list_items([images])
    elif isinstance(images, np.ndarray):
        listing = _list_array(images)
    elif isinstance(images, Iterable) and not isinstance(images, Mapping | Set | bytes | bytearray):
        if hasattr(images, "iloc") and hasattr(images, "columns"):  # iterating a DataFrame gives its column names
            raise SourceError("images is a DataFrame: pass the column that holds the paths, such as frame['path'].")
        listing = _list_items(images)
    else:
        raise SourceError(f"images is of type {type(images).__name__}: that is no source of images. {_ACCEPTED}.")
    return listing if names is None else _renamed(listing, names)


def image_format(first_bytes: bytes) -> str | None:
    """Name the image format that a file's first bytes belong to.

    Parameters
    ----------
    first_bytes : bytes
        The first 64 bytes of a file, or all of a shorter one.

    Returns
    -------
    str or None
        "JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF" or "HEIF"; None for anything else.

    Examples
    --------
    >>> image_format(b"GIF89a...")
    'GIF'
    >>> image_format(b"<!DOCTYPE html>") is None
    True
    """
    for magic, name in _MAGIC:
        if first_bytes.startswith(magic):
            return name
    if first_bytes[:4] == b"RIFF" and first_bytes[8:12] == b"WEBP":
        return "WEBP"
    # Two letters alone would make a bitmap of every text about BMW; the size of the second header settles it.
    if first_bytes[:2] == b"BM" and int.from_bytes(first_bytes[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    if first_bytes[4:8] == b"ftyp":
        # The generic brands (mif1, msf1) say nothing of the codec; then the compatible brands tell.
        end = min(int.from_bytes(first_bytes[:4], "big"), len(first_bytes))
        brands = {first_bytes[at : at + 4] for at in (8, *range(16, end, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & _HEIF_BRANDS:
            return "HEIF"
    return None


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


def _list_place(place: str | os.PathLike[str]) -> Listing:
    """List what one path or pattern leads to."""
    given = os.fspath(place)
    if not given:
        raise SourceError(f'images is an empty string. {_ACCEPTED}; "." is the current folder.')
    path = Path(os.path.expanduser(given))  # pathlib's own raises where there is no such user
    try:
        mode = os.stat(path).st_mode
    except PermissionError as error:
        raise SourceError(f"There is no permission to look at {given!r}.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if isinstance(place, str) and any(character in given for character in "*?["):
            return _list_glob(given)
        hint = "Check the spelling" if path.is_absolute() else f"The current folder is {str(Path.cwd())!r}"
        if given.startswith(("http://", "https://")):
            hint = "Addresses are not fetched: download the images into a folder first"
        raise SourceError(f"There is no folder or file {given!r}. {hint}.") from error
    return _list_folder(path, given) if stat.S_ISDIR(mode) else _list_items([place])


def _list_folder(folder: Path, given: str) -> Listing:
    """List a folder and its sub-folders. One pass of `os.scandir`, so that 100,000 files take seconds."""
    found: list[tuple[str, str]] = []
    unlistable: list[tuple[Path, str]] = []
    n_others = 0
    pending = [(str(folder), "")]
    while pending:
        path, inside = pending.pop()
        try:
            with os.scandir(path) as scan:
                entries = list(scan)
        except OSError as error:
            if not inside:
                raise SourceError(f"The folder {given!r} cannot be listed: {error.strerror}.") from error
            unlistable.append((Path(path), error.strerror or str(error)))
            continue
        for entry in entries:
            name = inside + entry.name
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                pending.append((entry.path, name + "/"))
            elif not entry.name.startswith(".") and _is_image_file(entry.path, entry.is_file(follow_symlinks=False)):
                found.append((name, entry.path))
            else:
                n_others += 1
    if not found:
        raise _no_images(f"The folder {given!r}", n_others, unlistable)
    found.sort()
    refs = tuple(ImageRef(i, name, Path(path)) for i, (name, path) in enumerate(found))
    return Listing(refs, n_others, Path.cwd(), tuple(sorted(unlistable)))


def _list_glob(pattern: str) -> Listing:
    """List the image files that a pattern matches, sorted by posix path."""
    parts = Path(os.path.expanduser(pattern)).parts
    n_fixed = next(i for i, part in enumerate(parts) if any(character in part for character in "*?["))
    root, rest = Path(*parts[:n_fixed]), list(parts[n_fixed:])
    if rest[-1] == "**":  # whether that means files too depends on the version of Python
        rest.append("*")
    wants_hidden = any(part.startswith(".") for part in rest)
    n_others = 0
    found: list[Path] = []
    try:
        # pathlib's "**" does not follow links to folders, so no loop can arise; glob's does.
        for match in set(root.glob("/".join(rest))):
            hidden = not wants_hidden and any(part.startswith(".") for part in match.relative_to(root).parts)
            if match.is_dir():
                continue
            if not hidden and _is_image_file(str(match)):
                found.append(match)
            else:
                n_others += 1
    except ValueError as error:
        raise SourceError(f"The pattern {pattern!r} cannot be used: {error}.") from error
    if not found:
        raise _no_images(f"The pattern {pattern!r}", n_others, [])
    found.sort(key=Path.as_posix)
    return Listing(tuple(ImageRef(i, str(p), p) for i, p in enumerate(found)), n_others, Path.cwd())


def _list_items(items: Iterable[object]) -> Listing:
    """List paths and pictures, keeping order and length."""
    refs = tuple(_items_to_refs(items))
    if not refs:
        raise NoImagesError(f"images is empty: there is not one image in it. {_ACCEPTED}.")
    return Listing(refs, 0, Path.cwd())


def _items_to_refs(items: Iterable[object]) -> Iterator[ImageRef]:
    for index, item in enumerate(items):
        if isinstance(item, Image.Image):
            yield ImageRef(index, f"image-{index}", None, item)
        elif isinstance(item, np.ndarray):
            problem = array_problem(item)
            if problem:
                raise SourceError(f"images[{index}] is {problem}.")
            yield ImageRef(index, f"image-{index}", None, item)
        elif isinstance(item, str | os.PathLike) and isinstance(given := os.fspath(item), str):
            yield ImageRef(index, given, Path(os.path.expanduser(given)))
        else:
            raise SourceError(
                f"images[{index}] is {item!r:.80} of type {type(item).__name__}. "
                "A list holds paths (str or Path), PIL images and uint8 arrays."
            )


def _list_array(array: npt.NDArray[Any]) -> Listing:
    """List one picture, a stack of pictures, or an array of paths."""
    if array.dtype.kind in "OUT" and array.ndim == 1:  # T: numpy's variable-width strings
        return _list_items(array.tolist() if array.dtype.kind == "O" else map(str, array))
    if array.ndim == 4 and len(array):
        problem = array_problem(array[0])
        if problem is None:
            return _list_items(array)
    if array.ndim == 4 and not len(array):
        raise NoImagesError(f"images is an array of shape {array.shape}: there is not one picture in it.")
    problem = array_problem(array)
    if problem:
        raise SourceError(f"images is {problem}. Many pictures: shape (n, h, w, c), or a list of arrays.")
    return _list_items([array])


def _is_image_file(path: str, is_regular: bool = False) -> bool:
    """Tell whether a file is an image by its ending or its first bytes; opens regular files only.

    A folder's scan knows which files are regular, and on a network drive it is slow to ask again for each.
    """
    has_ending = os.path.splitext(path)[1].lower() in ENDINGS
    try:
        if not is_regular and not stat.S_ISREG(os.stat(path).st_mode):
            return False  # opening a pipe would wait for its writer for ever
    except OSError:
        # A link that leads nowhere: with an image's ending it was meant to be one, and is to be named as missing.
        return has_ending
    if has_ending:
        return True
    try:
        with open(path, "rb", buffering=0) as file:
            return image_format(file.read(N_MAGIC)) is not None
    except OSError:
        return False


def _no_images(where: str, n_others: int, unlistable: Sequence[tuple[Path, str]]) -> NoImagesError:
    """Make the error for a place that is there but holds no image."""
    seen = f"{n_others} other file{'s' * (n_others != 1)}" if n_others else "no file at all"
    message = f"{where} has no images; it has {seen}."
    if where.startswith("The pattern"):
        message = f"{where} matches no images; it matches {seen}."
    if unlistable:
        message += f" {len(unlistable)} folder(s) in it cannot be listed, the first is {str(unlistable[0][0])!r}."
    return NoImagesError(f"{message} Images are files such as .jpg, .png, .gif, .webp, .bmp, .tiff, .heic or .avif.")


def _renamed(listing: Listing, names: Sequence[str]) -> Listing:
    """Give the images the user's names."""
    expected = f"one str per image, {len(listing.refs)} in all"
    if isinstance(names, str):
        raise InvalidParameterError("names", names, expected)
    given = list(names)
    if len(given) != len(listing.refs):
        raise InvalidParameterError("names", f"<{len(given)} names>", expected)
    for name in given:
        if not isinstance(name, str):
            raise InvalidParameterError("names", name, expected)
    return replace(listing, refs=tuple(replace(ref, name=str(n)) for ref, n in zip(listing.refs, given, strict=True)))
