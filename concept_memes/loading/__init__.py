"""One image -> upright RGB pixels, or a short reason why not; and its content hash."""

from __future__ import annotations

from concept_memes.loading.headers import PictureHeader
from concept_memes.loading.images import (
    MAX_PIXELS,
    LoadedFrames,
    content_hash,
    load_frames,
    load_image,
    open_place,
    place_status,
)
from concept_memes.loading.telling_frame import TellingFrame, load_telling_frame

__all__ = [
    "MAX_PIXELS",
    "LoadedFrames",
    "PictureHeader",
    "TellingFrame",
    "content_hash",
    "load_frames",
    "load_image",
    "load_telling_frame",
    "open_place",
    "place_status",
]
