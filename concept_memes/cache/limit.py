"""Keeping the cache below its limit, and giving the room back to the system."""

from __future__ import annotations

from functools import partial

from concept_memes.cache.database import CacheDatabase
from concept_memes.cache.rows import limit_of, remove_oldest, used_bytes

__all__ = ["give_room_back", "make_room"]

KEPT_SHARE = 0.9  # of the limit, once something must go: otherwise every run would have to make room


def make_room(database: CacheDatabase) -> None:
    """Remove what was not used for longest, until the database is below its limit, if it has one.

    Others can use the database meanwhile: it is done in short steps.

    Parameters
    ----------
    database : CacheDatabase
    """
    limit = database.read(limit_of, None)
    used = database.read(used_bytes, 0)
    if limit is None or used <= limit:
        return
    while used > KEPT_SHARE * limit:
        if not database.write(partial(remove_oldest, share=1 - KEPT_SHARE * limit / used), 0):
            break
        used = database.read(used_bytes, 0)
    give_room_back(database)


def give_room_back(database: CacheDatabase) -> None:
    """Make the file as small as what is in it.

    Parameters
    ----------
    database : CacheDatabase
    """
    database.outside("PRAGMA incremental_vacuum")
    database.outside("PRAGMA wal_checkpoint(TRUNCATE)")
