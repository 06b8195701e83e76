"""One pass over the pictures of a collection: thumbnails, and what is known of each file."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from PIL import Image

from concept_memes.archives import close_archives
from concept_memes.concepts import ConceptSet
from concept_memes.errors import UnreadableImageError
from concept_memes.explorer.covers import webp
from concept_memes.explorer.links import link_to
from concept_memes.loading import PictureHeader, TellingFrame, load_telling_frame, open_place
from concept_memes.loading.pixel_room import PixelRoom
from concept_memes.lookahead import WorkerThreads
from concept_memes.remote.kept_copies import is_address

__all__ = ["PictureEntry", "PictureReader"]

# 25,000 photos of 160 pixels are 116 MB of base64 at this quality; at 80 they would be 145.
THUMBNAIL_QUALITY = 70
PICTURE_SIZE, PICTURE_QUALITY = 1280, 80
# Animations within a page; larger ones are a still picture there. Memes are small: of 46 none has above 0.25 MB.
MAX_ANIMATION_BYTES = 8_000_000
TILE_QUALITY = 92  # they are encoded once more, with the cover
# Pixels that may lie decoded at once.
ROOM_PIXELS = 40_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PictureEntry:
    """What the page knows of a picture.

    Attributes
    ----------
    thumbnail : bytes
        WebP; empty if the picture cannot be read any more.
    picture : bytes
        A larger copy, WebP, or the file itself of an animation that is not too large; empty where none was asked for.
    size : (int, int)
        Width and height in pixels; zeros if it cannot be read any more.
    n_bytes : int or None
        Of its file.
    date : str or None
        When it was taken, else when its file was last changed, as "2024-05-17T12:00:00" in local time.
    link : str or None
        The address of its file; None for members of archives, what has an address of its own, and pixels.
    tile : bytes
        For a cover, WebP; empty where none was asked for, or the picture cannot be read any more.
    plays : bool
        Whether it is an animation.
    """

    thumbnail: bytes
    picture: bytes
    size: tuple[int, int]
    n_bytes: int | None
    date: str | None
    link: str | None
    tile: bytes = b""
    plays: bool = False


@dataclass(frozen=True)
class PictureReader:
    """Reads the pictures of a collection, each file once.

    Parameters
    ----------
    concept_set : ConceptSet
    page : Path
        The HTML file, absolute, to which links are relative.
    thumbnail_size : int
        Longest side in pixels; nothing is enlarged.
    with_pictures : bool
        Whether larger copies are wanted too.
    tile_sides : mapping of int to int, optional
        For pictures that stand on covers the longest side of their tiles. They are made in the same pass, because an
        archive may have to be read from its beginning for every picture that is not the next one.
    """

    concept_set: ConceptSet
    page: Path
    thumbnail_size: int
    with_pictures: bool
    tile_sides: Mapping[int, int] = field(default_factory=dict)

    def read(self, rows: Sequence[int]) -> Generator[PictureEntry, None, None]:
        """Read pictures in threads, in order, a few ahead.

        Parameters
        ----------
        rows : sequence of int

        Yields
        ------
        PictureEntry
        """
        room = PixelRoom(ROOM_PIXELS)
        try:
            with WorkerThreads() as workers:
                yield from workers.ahead(lambda row: self._entry(row, room), rows)
        finally:
            close_archives()

    def _entry(self, row: int, room: PixelRoom) -> PictureEntry:
        source = self.concept_set.source_of(row)
        status = _status_of_file(source)
        local = status is not None and not is_address(self.concept_set.images[row].name)
        link = link_to(Path(source), self.page) if local and isinstance(source, Path) else None
        changed = _iso(datetime.fromtimestamp(status.st_mtime)) if local and status else None  # noqa: DTZ006 (local)
        tile_side = self.tile_sides.get(row, 0)
        side = PICTURE_SIZE if self.with_pictures else max(self.thumbnail_size, tile_side)
        try:
            with room.hold() as held:
                frame = load_telling_frame(source, min_size=(side, side), room=held, with_header=True)
                picture, header = frame.picture, frame.header
                assert header is not None
                thumbnail = webp(_shrunk(picture, self.thumbnail_size), THUMBNAIL_QUALITY)
                larger = self._larger(source, frame, header) if self.with_pictures else b""
                tile = webp(_shrunk(picture, tile_side), TILE_QUALITY) if tile_side else b""
        except (UnreadableImageError, OSError) as error:
            logger.info("A picture of the report stays empty: %s", error)
            return PictureEntry(b"", b"", (0, 0), status.st_size if status and local else None, changed, link)
        taken = _iso(header.taken) if header.taken else changed
        return PictureEntry(thumbnail, larger, header.size, header.n_bytes, taken, link, tile, frame.plays)

    def _larger(self, source: Path | Image.Image, frame: TellingFrame, header: PictureHeader) -> bytes:
        """Return the copy that a click shows: of an animation the file itself, because it plays."""
        if frame.plays and isinstance(source, Path) and (header.n_bytes or 0) <= MAX_ANIMATION_BYTES:
            with open_place(source) as file:
                return file.read()
        return webp(_shrunk(frame.picture, PICTURE_SIZE), PICTURE_QUALITY)


def _status_of_file(source: Path | Image.Image) -> os.stat_result | None:
    """Look at the file itself; None for members of archives, pixels and what is not there any more."""
    if not isinstance(source, Path):
        return None
    try:
        status = os.stat(source)
    except (OSError, ValueError):  # ValueError: a null character in the path
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    """Shrink a picture so that its longest side is not above a number of pixels."""
    scale = side / max(picture.size)
    if scale >= 1:
        return picture
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _iso(date: datetime) -> str:
    return date.isoformat(timespec="seconds")
