"""The images that are named on the command line -> one listing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from concept_memes.cli.console import note, spoken

if TYPE_CHECKING:
    from concept_memes.cache import VectorCache
    from concept_memes.sources import Listing

__all__ = ["listed"]


def listed(places: Sequence[str], *, hidden: bool, cache: bool | str | Path | VectorCache) -> Listing:
    """List the pictures of folders, files, patterns and addresses, each once, in order.

    Parameters
    ----------
    places : sequence of str
    hidden : bool
        Whether hidden files and folders count too.
    cache : bool, str, Path or VectorCache
        As for the model: there go the copies of what has an address.

    Returns
    -------
    Listing
        Names are those inside of a single place.

    Raises
    ------
    SourceError
        If a place is not there, or none has images. Of many places, those that are there without are told of.
    """
    from concept_memes.cache import open_cache
    from concept_memes.errors import NoImagesError, SourceError
    from concept_memes.remote.kept_copies import is_address
    from concept_memes.sources import list_images, merged

    with open_cache(cache) as opened:
        downloads = opened.downloads
    listings = []
    for place in places:
        try:
            listings.append(list_images(place, hidden=hidden, downloads=downloads))
        except SourceError as error:
            # The shell makes many places of one star: an empty folder may be among them, or a table of something else.
            is_there = os.path.isfile(os.path.expanduser(place)) or is_address(place)
            if len(places) == 1 or not (is_there or isinstance(error, NoImagesError)):
                raise
            note(spoken(error), "warning")
    if not listings:
        raise NoImagesError(f"None of the {len(places)} places has images.")
    return merged(listings)
