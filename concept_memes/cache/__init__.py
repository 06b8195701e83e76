"""Vectors that earlier runs computed, kept in an SQLite database in the user's cache folder."""

from __future__ import annotations

from concept_memes.cache.vector_cache import (
    CacheInfo,
    FileStamp,
    VectorCache,
    cache_folder,
    file_stamp,
    open_cache,
    text_key,
)

__all__ = ["CacheInfo", "FileStamp", "VectorCache", "cache_folder", "file_stamp", "open_cache", "text_key"]
