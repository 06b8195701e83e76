"""Pictures in zip and tar files, read where they are: nothing is unpacked to disk."""

from __future__ import annotations

from concept_memes.archives.reading import (
    ARCHIVE_ENDINGS,
    MAX_MEMBER_BYTES,
    ArchiveListing,
    close_archives,
    is_archive,
    list_archive,
    open_member,
)

__all__ = [
    "ARCHIVE_ENDINGS",
    "ArchiveListing",
    "MAX_MEMBER_BYTES",
    "close_archives",
    "is_archive",
    "list_archive",
    "open_member",
]
