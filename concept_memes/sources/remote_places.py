"""Folders and patterns of images that lie elsewhere (``s3://``, ``gs://``, ``hf://``, ...), listed through fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from concept_memes.errors import MissingExtraError, SourceError
from concept_memes.image_formats import ENDINGS
from concept_memes.remote.kept_copies import shown_address
from concept_memes.sources.folders import has_wildcard

__all__ = ["RemoteFiles", "remote_files"]


@dataclass(frozen=True)
class RemoteFiles:
    """What a search elsewhere has found.

    Attributes
    ----------
    addresses : tuple of str
        Image files, told by their endings, sorted.
    n_others : int
        Files that were seen and left aside.
    is_one_file : bool
        Whether the place is one file, which was not looked at: then its address is the only one, whatever its ending.
    """

    addresses: tuple[str, ...]
    n_others: int = 0
    is_one_file: bool = False


def remote_files(address: str, *, hidden: bool = False) -> RemoteFiles:
    """List the image files of a folder or a pattern that lie elsewhere.

    Parameters
    ----------
    address : str
        A folder, a glob pattern, or a file, of any protocol that fsspec knows; not http(s). Keys and passwords are
        best left to the environment, where the packages for the protocols look for them.
    hidden : bool, default=False
        Whether to list files with a leading dot in their paths too. Otherwise they count among the others.

    Returns
    -------
    RemoteFiles

    Raises
    ------
    SourceError
        If there is nothing at that place, or it cannot be listed.
    MissingExtraError
        If a package is not installed; with its name.

    Examples
    --------
    >>> import fsspec
    >>> memory = fsspec.filesystem("memory")
    >>> memory.pipe({"/memes/a.jpg": b"", "/memes/more/b.png": b"", "/memes/notes.txt": b""})
    >>> remote_files("memory://memes")
    RemoteFiles(addresses=('memory://memes/a.jpg', 'memory://memes/more/b.png'), n_others=1, is_one_file=False)
    >>> memory.rm("/memes", recursive=True)
    """
    shown = shown_address(address)
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError(
            f'{shown} is read with fsspec, which is not installed: run pip install "concept-memes[remote]".'
        ) from error
    head, chain, rest = address.partition("::")
    try:
        system, path = fsspec.core.url_to_fs(address)
        system.invalidate_cache()  # what was listed earlier in this process may have changed
        if has_wildcard(head):
            matched = system.glob(path, detail=True)
            found = [str(name) for name, facts in matched.items() if facts["type"] != "directory"]
        elif system.isdir(path):
            found = [str(name) for name in system.find(path)]
        else:
            system.info(path)
            return RemoteFiles((address,), is_one_file=True)
    except Exception as error:
        raise _listing_error(error, address) from (error if isinstance(error, ImportError) else None)
    images, n_others = _images(sorted(found), path, hidden)
    prefix = _before_path(head, path)
    return RemoteFiles(tuple(f"{prefix}{name.lstrip('/')}{chain}{rest}" for name in images), n_others)


def _listing_error(error: Exception, address: str) -> SourceError | MissingExtraError:
    """Put an error into words. Every protocol has errors of its own, and what they say can hold the address's keys."""
    shown, scheme = shown_address(address), address.partition("://")[0]
    if isinstance(error, ImportError):  # "Install s3fs to access S3"
        return MissingExtraError(f"Addresses that begin with {scheme}:// need a package: {error}.")
    if isinstance(error, FileNotFoundError):
        return SourceError(f"There is no folder or file {shown!r}. Check the spelling.")
    if isinstance(error, PermissionError):
        return SourceError(f"There is no permission to look at {shown!r}.")
    if isinstance(error, ValueError) and "Protocol not known" in str(error):
        return SourceError(f"{shown!r} cannot be listed: no protocol {scheme}:// is known.")
    return SourceError(f"{shown!r} cannot be listed ({type(error).__name__}).")


def _before_path(head: str, path: str) -> str:
    """Return what stands before the path in an address: the protocol, and the host of some."""
    head, path = head.rstrip("/") if path.strip("/") else head, path.strip("/")
    if path and head.endswith(path):
        return head[: -len(path)]
    return head if head.endswith("/") else head + "/"


def _images(names: Iterable[str], place: str, hidden: bool) -> tuple[list[str], int]:
    """Keep the names of images; count the others."""
    parts = place.split("/")
    n_fixed = next((i for i, part in enumerate(parts) if has_wildcard(part)), len(parts))
    root = "/".join(parts[:n_fixed])
    hidden = hidden or any(part.startswith(".") for part in parts[n_fixed:])
    images, n_others = [], 0
    for name in names:
        inside = name[len(root) :] if name.startswith(root) else name
        seen = hidden or not any(part.startswith(".") for part in inside.split("/"))
        if seen and os.path.splitext(name)[1].lower() in ENDINGS:
            images.append(name)
        else:
            n_others += 1
    return images, n_others
