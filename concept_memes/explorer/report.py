"""Saving the explorer: the place is checked, the pictures are read once, and the page is written front to back.

What the page shows first comes first: concepts and their covers, then what a search needs, then the thumbnails. These
are by far the most, so they wait on disk until it is their turn, and memory does not grow with them.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from concept_memes.centring import centre_vectors
from concept_memes.concepts import ConceptSet
from concept_memes.errors import InvalidParameterError
from concept_memes.explorer.covers import cover_rows, draw_cover, tile_side
from concept_memes.explorer.document import core_document, shown_rows
from concept_memes.explorer.findings import text_columns
from concept_memes.explorer.likeness import like_pictures
from concept_memes.explorer.page import binary_block, json_block, page_end, page_head, page_parts, text_block
from concept_memes.explorer.place import checked_place, whole_file
from concept_memes.explorer.search_data import search_data
from concept_memes.explorer.spool import LineSpool
from concept_memes.explorer.thumbnail_folder import ThumbnailFolder, remove_older
from concept_memes.explorer.thumbnails import PictureEntry, PictureReader
from concept_memes.lookahead import WorkerThreads
from concept_memes.progress import Progress
from concept_memes.protocols import FloatArray, IntArray
from concept_memes.run_report import RunReport

__all__ = ["save_report"]

# More thumbnails than that lie beside the page.
MAX_EMBEDDED = 25_000
THUMBNAIL_SIZES = (32, 640)


def save_report(
    concept_set: ConceptSet,
    path: str | Path,
    *,
    report: RunReport,
    words: Sequence[str],
    word_vectors: FloatArray,
    title: str | None = None,
    thumbnails: Literal["auto", "embed", "folder"] = "auto",
    thumbnail_size: int = 160,
    pictures: Literal["link", "embed", "none"] = "link",
    progress: Progress | None = None,
) -> Path:
    """Write a collection and its concepts as one HTML file that opens from disk, without a network.

    Parameters
    ----------
    concept_set : ConceptSet
        With places on the map, if the map is to show more than a heap.
    path : str or Path
        Where to; the name ends in ".html". A report that was written before is replaced, anything else is not.
    report : RunReport
        What the run did.
    words : sequence of str
        What people can search by meaning; of more than 20,000 those that matter most here are taken.
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm
        In the space of the pictures.
    title : str, optional
        By default the name of the folder that all pictures are in.
    thumbnails : {"auto", "embed", "folder"}, default="auto"
        "embed": in the file. "folder": beside it. "auto": in the file up to 25,000 pictures.
    thumbnail_size : int, default=160
        Longest side in pixels, 32 to 640; nothing is enlarged.
    pictures : {"link", "embed", "none"}, default="link"
        What a click shows: the file where it lies, a copy of at most 1,280 pixels in the page, or the thumbnail. The
        copy of an animation is the file itself, which plays, up to 8 MB.
    progress : Progress, optional
        Who is told how far it is; by default nobody.

    Returns
    -------
    Path
        The file, absolute.

    Raises
    ------
    InvalidParameterError
        If a parameter cannot be what it is.
    OverwriteError
        If there is something at `path` that is no report of this package.
    """
    check_settings(thumbnails, thumbnail_size, pictures, title)
    place, parts = checked_place(path), page_parts()
    progress = progress or Progress(verbose=False)
    rows = shown_rows(concept_set)
    embed = thumbnails == "embed" or (thumbnails == "auto" and len(rows) <= MAX_EMBEDDED)
    place.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        small = spool("thumbs", place, stack) if embed else stack.enter_context(ThumbnailFolder(place))
        large = spool("pictures", place, stack) if pictures == "embed" else None
        chosen = [cover_rows(concept_set, concept) for concept in concept_set.concepts]
        sides = {row: tile_side(len(tiles)) for tiles in chosen for row in tiles}
        reader = PictureReader(concept_set, place, int(thumbnail_size), large is not None, sides)
        entries = read_pictures(reader, rows, small, large, progress, with_links=pictures == "link")
        with progress.stage("page"), whole_file(place) as file:
            search = search_data(concept_set, rows, words, word_vectors)
            core = {
                **core_document(concept_set, rows, entries, report, title),
                "thumbs": small.as_document(),
                "pictures": large.as_document() if large else None,
                "search": search.as_document(),
            }
            centred = centre_vectors(concept_set.vectors[rows], concept_set.centre, concept_set.blocks)
            file.write(page_head(parts, core["title"]))
            file.writelines(json_block("core", core))
            file.writelines(text_block("covers", covers(chosen, tiles_of(rows, entries))))
            if concept_set.texts is not None:
                file.writelines(json_block("texts", text_columns(concept_set.texts, rows), ascii_only=False))
            file.writelines(search.blocks())
            file.writelines(binary_block("neighbours", like_pictures(centred)))
            for spooled in (small, large):
                if isinstance(spooled, LineSpool):
                    spooled.copy_to(file)
            file.write(page_end())
            if isinstance(small, ThumbnailFolder):
                small.finish()
    sources = {Path(os.path.abspath(source)) for i in rows if isinstance(source := concept_set.source_of(int(i)), Path)}
    remove_older(place, "" if embed else small.name, sources)
    return place


def check_settings(thumbnails: str, thumbnail_size: int, pictures: str, title: str | None) -> None:
    """Refuse what cannot be, before any picture is read."""
    if title is not None and not isinstance(title, str):
        raise InvalidParameterError("title", title, "a text, or None")
    if thumbnails not in ("auto", "embed", "folder"):
        raise InvalidParameterError("thumbnails", thumbnails, '"auto", "embed" or "folder"')
    if pictures not in ("link", "embed", "none"):
        raise InvalidParameterError("pictures", pictures, '"link", "embed" or "none"')
    lowest, highest = THUMBNAIL_SIZES
    whole = isinstance(thumbnail_size, int | np.integer) and not isinstance(thumbnail_size, bool)
    if not whole or not lowest <= thumbnail_size <= highest:
        expected = f"a whole number of pixels from {lowest} to {highest}"
        raise InvalidParameterError("thumbnail_size", thumbnail_size, expected)


def spool(name: str, place: Path, stack: ExitStack) -> LineSpool:
    """Open a spool on the disk that the page will be on: there has to be room for it anyway."""
    return LineSpool(name, stack.enter_context(tempfile.TemporaryFile(dir=place.parent)))


def read_pictures(
    reader: PictureReader,
    rows: IntArray,
    small: LineSpool | ThumbnailFolder,
    large: LineSpool | None,
    progress: Progress,
    *,
    with_links: bool,
) -> list[PictureEntry]:
    """Put thumbnails and larger copies where they wait; return what else is known of the pictures."""
    entries = []
    with closing(reader.read(rows.tolist())) as found:
        for entry in progress.track(found, "thumbnails", total=len(rows)):
            small.add(entry.thumbnail)
            if large is not None:
                large.add(entry.picture)
            entries.append(replace(entry, thumbnail=b"", picture=b"", link=entry.link if with_links else None))
    return entries


def tiles_of(rows: IntArray, entries: Sequence[PictureEntry]) -> dict[int, bytes]:
    """Return the tiles that were made, by picture."""
    return {int(row): entry.tile for row, entry in zip(rows, entries, strict=True) if entry.tile}


def covers(chosen: Sequence[Sequence[int]], tiles: Mapping[int, bytes]) -> Iterator[bytes]:
    """Write the covers of all concepts, one line each."""
    with WorkerThreads() as workers:
        drawn = workers.ahead(draw_cover, ([tiles.get(row, b"") for row in rows] for rows in chosen))
        for number, cover in enumerate(drawn):
            yield (b"\n" if number else b"") + base64.b64encode(cover)
