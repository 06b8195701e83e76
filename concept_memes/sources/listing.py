"""What users pass as images -> a list of references, in order. No picture is decoded here.

A folder, a pattern, an archive, a list file, a web page, one picture, or a list of paths, addresses and pictures in any
mix all become one :class:`Listing` of :class:`ImageRef`. What has to be looked into for that is fetched: a page, an
archive, a list. Reading the pixels is the work of :mod:`concept_memes.loading.images`.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.archives import is_archive, list_archive
from concept_memes.errors import InvalidParameterError, NoImagesError, SourceError, UnreadableImageError
from concept_memes.image_formats import ENDINGS, N_MAGIC, image_format
from concept_memes.remote.addresses import joined, local_path
from concept_memes.remote.content_kinds import N_FIRST_BYTES, content_kind
from concept_memes.remote.kept_copies import is_address, is_web_address, shown_address
from concept_memes.sources.folders import FoundFiles, files_in_folder, files_of_pattern, has_wildcard
from concept_memes.sources.image_refs import (
    ImageRef,
    Listing,
    Pixels,
    address_ref,
    array_problem,
    item_refs,
    merged,
    temporary_downloads,
)
from concept_memes.sources.list_files import is_list_file, path_column, read_list, split_column
from concept_memes.sources.remote_places import remote_files

if TYPE_CHECKING:
    from concept_memes.remote.crawling import WebPage
    from concept_memes.remote.fetching import Looked

__all__ = [
    "ENDINGS",
    "N_MAGIC",
    "ImageRef",
    "ImageSource",
    "Listing",
    "Pixels",
    "array_problem",
    "image_format",
    "list_images",
    "merged",
]

ImageSource: TypeAlias = "str | os.PathLike[str] | Pixels | Listing | WebPage | Iterable[Any]"

_ACCEPTED = (
    "Give a folder, a glob pattern, a file, an archive, an address, a PIL image, a uint8 array, "
    "or a list of paths, addresses, PIL images and uint8 arrays"
)
_KINDS = "Images are files such as .jpg, .png, .gif, .webp, .bmp, .tiff, .heic or .avif."


def list_images(
    images: ImageSource, *, names: Sequence[str] | None = None, hidden: bool = False, downloads: Path | None = None
) -> Listing:
    """List the images of a source without decoding any.

    Parameters
    ----------
    images : str, Path, PIL image, ndarray, WebPage, Listing, or an iterable of these but the last two
        One place:

        - A folder: every image in it and in its sub-folders, sorted by posix path. Images are files with an
          image ending or with an image's first bytes. Hidden files and folders (leading dot), links to folders
          (not followed, so that no loop can arise), pipes, archives and all other files are counted, not listed.
        - A glob pattern such as ``"pics/**/*.jpg"``, with the same rules. A file or folder that really has
          such a name wins.
        - An archive (.zip, .cbz, .tar, .tar.gz, ...), or a folder in one (``"photos.zip/summer"``): its images.
          They are read where they are; nothing is unpacked to disk.
        - A list: a .txt or .lst file with one path or address per line, or a column of a .csv, .tsv or .parquet
          file, with the same rules as for lists below. The column is the only one, or the one with a name such as
          "path", "file_name" or "url"; another one is named behind the file, ``"table.csv::column"``. Relative
          paths are relative to the folder of the file.
        - An address: ``https://...`` of a picture, a web page (the pictures on it), an archive or a list;
          ``s3://...`` and whatever else fsspec opens: a folder, a pattern, or one file.
        - A saved web page, an .html file: the pictures on it. :class:`~concept_memes.remote.crawling.WebPage` says how
          far links are followed.
        - One image file, one PIL image, or one uint8 array of shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4).

        Many:

        - A uint8 array of shape (n, h, w, c): n pictures.
        - An iterable of paths, addresses, PIL images and uint8 arrays, in any mix; a column of a table is one too.
          Order and length are kept: what cannot be read is listed too, and skipped with its reason when it is
          loaded, and so is a missing value (None, NaN, ""). Each item is one picture; a path in an archive is the
          archive's path with the member's behind it. Items are never patterns.
        - A data frame with one column of paths, found as in a .csv file.
        - A :class:`Listing`: taken as it is.
    names : sequence of str, optional
        What to call the images, one name per image. By default the path or the address.
    hidden : bool, default=False
        Whether to list hidden files and folders too.
    downloads : Path, optional
        The folder of the copies of what has an address. By default a temporary one, gone when the process ends.

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
    MissingExtraError
        An optional package is needed.

    Examples
    --------
    >>> listing = list_images(["holiday/beach.jpg", np.zeros((4, 4, 3), dtype=np.uint8)])
    >>> [ref.name for ref in listing.refs]
    ['holiday/beach.jpg', 'image-1']
    """
    if isinstance(images, Listing):
        listing = images
    elif isinstance(images, str | os.PathLike):
        listing = _list_place(images, hidden, downloads)
    elif isinstance(images, Image.Image):
        listing = _list_items([images])
    elif isinstance(images, np.ndarray):
        listing = _list_array(images, downloads)
    elif hasattr(images, "columns") and hasattr(images, "shape"):  # iterating a DataFrame gives its columns
        listing = _list_items(_frame_column(images), downloads)
    elif isinstance(images, Iterable) and not isinstance(images, Mapping | Set | bytes | bytearray):
        listing = _list_items(images, downloads)
    else:
        listing = _list_page(images, downloads)
    return listing if names is None else _renamed(listing, names)


def _list_place(place: str | os.PathLike[str], hidden: bool, downloads: Path | None) -> Listing:
    """List what one path, pattern or address leads to."""
    given = os.fspath(place)
    if not given:
        raise SourceError(f'images is an empty string. {_ACCEPTED}; "." is the current folder.')
    if isinstance(place, str) and is_address(given):
        here = local_path(given)
        if here is None:
            return _list_address(given, hidden, downloads)
        given = str(here)
    path = Path(os.path.expanduser(given))  # pathlib's own raises where there is no such user
    try:
        mode = os.stat(path).st_mode
    except PermissionError as error:
        raise SourceError(f"There is no permission to look at {given!r}.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        listing = _list_unseen(place, path, given, hidden, downloads)
        if listing is None:
            raise SourceError(f"There is no folder or file {given!r}. {_hint(place, path, given)}.") from error
        return listing
    if stat.S_ISDIR(mode):
        return _list_folder(path, given, hidden)
    return _list_file(path, place, downloads) if stat.S_ISREG(mode) else _list_items([place])


def _list_unseen(
    place: str | os.PathLike[str], path: Path, given: str, hidden: bool, downloads: Path | None
) -> Listing | None:
    """List what is no file and no folder: the inside of an archive, a column of a list, a pattern."""
    archive = next((parent for parent in path.parents if os.path.isfile(parent)), None)
    if archive is not None and is_archive(archive, by_content=True):
        return _list_archive(archive, given, inside=path.relative_to(archive).as_posix())
    if not isinstance(place, str):
        return None
    named = split_column(given)
    if named is not None and os.path.isfile(file := os.path.expanduser(named[0])):
        return _list_entries(Path(file), given, downloads, column=named[1])
    return _list_pattern(given, hidden) if has_wildcard(given) else None


def _hint(place: str | os.PathLike[str], path: Path, given: str) -> str:
    """Say what to do about a place that is not there."""
    if not isinstance(place, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/[^/]", given):
        return "A Path cannot hold an address, it takes a slash away: pass the address as a str"
    return "Check the spelling" if path.is_absolute() else f"The current folder is {str(Path.cwd())!r}"


def _list_folder(folder: Path, given: str, hidden: bool) -> Listing:
    try:
        found = files_in_folder(folder, hidden=hidden)
    except OSError as error:
        raise SourceError(f"The folder {given!r} cannot be listed: {error.strerror or error}.") from error
    return _list_found(found, f"The folder {given!r} has")


def _list_pattern(pattern: str, hidden: bool) -> Listing:
    try:
        found = files_of_pattern(pattern, hidden=hidden)
    except ValueError as error:
        raise SourceError(f"The pattern {pattern!r} cannot be used: {error}.") from error
    return _list_found(found, f"The pattern {pattern!r} matches")


def _list_found(found: FoundFiles, place_has: str) -> Listing:
    """List files that were found on disk."""
    if not found.files:
        raise _no_images(place_has, found.n_others, found.unlistable)
    refs = tuple(ImageRef(i, name, path) for i, (name, path) in enumerate(found.files))
    return Listing(refs, found.n_others, Path.cwd(), found.unlistable)


def _list_file(path: Path, place: str | os.PathLike[str], downloads: Path | None) -> Listing:
    """List what one file is or holds: a picture, an archive, a list, a saved page."""
    if path.suffix.lower() in ENDINGS:
        return _list_items([place])
    given = os.fspath(place)
    try:
        with path.open("rb") as file:
            head = file.read(N_FIRST_BYTES)
    except OSError:
        return _list_items([place])  # reading it gives the reason
    kind = content_kind(head)
    if kind == "picture":
        return _list_items([place])
    if is_archive(path, by_content=True):
        return _list_archive(path, given)
    if is_list_file(path):
        return _list_entries(path, given, downloads)
    if kind == "page" or path.suffix.lower() in (".html", ".htm", ".xhtml"):
        from concept_memes.remote.crawling import WebPage

        return _list_page(WebPage(path), downloads)
    return _list_items([place])


def _list_archive(archive: Path, given: str, *, inside: str = "", shown: str = "") -> Listing:
    """List the images of an archive, or of one folder in it, or one member."""
    try:
        found = list_archive(archive)
    except UnreadableImageError as error:
        raise SourceError(f"The archive {shown or str(archive)!r} cannot be listed: {error.reason}.") from error
    if inside in found.members:
        return _list_items([given])
    start = f"{inside}/" if inside else ""
    members = [member for member in found.members if member.startswith(start)]
    unlistable = tuple(
        (archive, reason if name == archive.name else f"{reason}: {name}") for name, reason in found.refused
    )
    if not members:
        raise _no_images(f"The archive {shown or given!r} has", None if inside else found.n_others, unlistable)
    refs = tuple(ImageRef(i, member[len(start) :], archive / member) for i, member in enumerate(members))
    return Listing(refs, 0 if inside else found.n_others, Path.cwd(), unlistable)


def _list_entries(path: Path, given: str, downloads: Path | None, *, column: str | None = None) -> Listing:
    """List what stands in a list file on disk."""
    entries = read_list(path, column)
    if not entries:
        raise NoImagesError(f"The list {given!r} is empty: there is not one path in it.")
    if not any(entry and _can_be_picture(entry, path.parent) for entry in entries):
        raise NoImagesError(
            f"The list {given!r} names no picture: of its {len(entries)} entries none is a file, an address, or a name "
            "with an image's ending."
        )
    return _list_items(entries, downloads, folder=path.parent)


def _can_be_picture(entry: str, folder: Path) -> bool:
    """Tell whether a line can be meant as a picture: notes and licences lie beside pictures too."""
    has_ending = os.path.splitext(entry)[1].lower() in ENDINGS
    return has_ending or is_address(entry) or os.path.lexists(folder / os.path.expanduser(entry))


def _list_address(address: str, hidden: bool, downloads: Path | None) -> Listing:
    """List what one address leads to."""
    from concept_memes.remote.fetching import Fetcher

    shown, folder = shown_address(address), temporary_downloads() if downloads is None else downloads
    if not is_web_address(address):
        found = remote_files(address, hidden=hidden)
        if not found.is_one_file:
            if not found.addresses:
                raise _no_images(f"{shown!r} has", found.n_others, ())
            refs = tuple(address_ref(i, one, folder) for i, one in enumerate(found.addresses))
            return Listing(refs, found.n_others, Path.cwd(), downloads=folder)
        if os.path.splitext(address.partition("::")[0])[1].lower() in ENDINGS:
            return _list_items([address], folder)
    try:
        with Fetcher(folder) as fetcher:
            looked = fetcher.look(address)
    except UnreadableImageError as error:
        raise SourceError(f"{shown!r} cannot be read: {error.reason}.") from error
    if looked.kind == "picture":
        return _list_items([address], folder)
    if looked.kind == "archive":
        return _list_archive(looked.path, address, shown=shown)
    if looked.kind == "page":
        from concept_memes.remote.crawling import WebPage

        return _list_page(WebPage(address), folder, looked)
    entries = [None if entry is None else (entry, joined(looked.address, entry)) for entry in read_list(looked.path)]
    if not any(entries):
        raise NoImagesError(f"The list {shown!r} is empty: there is not one address in it.")
    foreign = [entry[0] for entry in entries if entry and entry[1] is None]
    listing = _list_items([entry and entry[1] for entry in entries], folder)
    reason = "a list from elsewhere cannot name files of this machine"
    return replace(listing, unlistable=tuple((None, f"{reason}: {shown_address(one)}") for one in foreign))


def _list_page(page: object, downloads: Path | None, looked: Looked | None = None) -> Listing:
    """List the pictures on a web page, which are fetched meanwhile."""
    from concept_memes.remote.crawling import WebPage, crawl
    from concept_memes.remote.fetching import Fetcher

    if not isinstance(page, WebPage):
        raise SourceError(f"images is of type {type(page).__name__}: that is no source of images. {_ACCEPTED}.")
    folder = temporary_downloads() if downloads is None else downloads
    refs: list[ImageRef] = []
    unlistable: list[tuple[Path | None, str]] = []
    with Fetcher(folder) as fetcher:
        for found in crawl(page, fetcher, looked=looked):
            place, reason = found.address, found.reason
            if isinstance(place, Path):
                if reason is None:
                    refs.append(ImageRef(len(refs), str(place), place))
                else:
                    unlistable.append((place, reason))
            elif reason is None:
                refs.append(address_ref(len(refs), place, folder))
            else:
                unlistable.append((None, f"{reason}: {shown_address(place)}"))
    if not refs:
        raise _no_images(f"The page {shown_address(str(page.address))!r} has", None, unlistable)
    return Listing(tuple(refs), 0, Path.cwd(), tuple(unlistable), folder)


def _list_items(items: Iterable[object], downloads: Path | None = None, *, folder: Path | None = None) -> Listing:
    """List paths, addresses and pictures, keeping order and length."""
    refs = tuple(item_refs(items, folder=folder, downloads=downloads))
    if not refs:
        raise NoImagesError(f"images is empty: there is not one image in it. {_ACCEPTED}.")
    kept_in = None
    if any(ref.url is not None for ref in refs):
        kept_in = temporary_downloads() if downloads is None else downloads
    return Listing(refs, 0, Path.cwd(), downloads=kept_in)


def _frame_column(frame: Any) -> Iterable[object]:  # noqa: ANN401 (of any library)
    """Return the column of a data frame that holds paths."""
    columns = list(frame.columns)
    column = columns[path_column(columns, "images is a DataFrame that", "Pass the one you mean: frame['column'].")]
    return cast("Iterable[object]", frame[column])


def _list_array(array: npt.NDArray[Any], downloads: Path | None) -> Listing:
    """List one picture, a stack of pictures, or an array of paths."""
    if array.dtype.kind in "OUT" and array.ndim == 1:  # T: numpy's variable-width strings
        return _list_items(array.tolist(), downloads)
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


def _no_images(place_has: str, n_others: int | None, unlistable: Sequence[tuple[Path | None, str]]) -> NoImagesError:
    """Make the error for a place that is there but holds no image."""
    message = f"{place_has} no images"
    if n_others is not None:
        seen = f"{n_others} other file{'s' * (n_others != 1)}" if n_others else "no file at all"
        message += f"; it {place_has.rpartition(' ')[2]} {seen}"
    if unlistable:
        path, reason = unlistable[0]
        first = reason if path is None else f"{str(path)!r} ({reason})"
        message += f". {len(unlistable)} folder(s) or file(s) in it cannot be listed, the first: {first}"
    return NoImagesError(f"{message}. {_KINDS}")


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
