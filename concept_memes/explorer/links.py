"""Where a picture lies, as an address that a page can ask for."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

__all__ = ["link_to"]


def link_to(file: Path, page: Path) -> str:
    r"""Return the address of a file as a page names it.

    Parameters
    ----------
    file : Path
        Absolute.
    page : Path
        The HTML file, absolute.

    Returns
    -------
    str
        Relative, so that page and pictures can move together; absolute ("file:///...") where they lie on different
        drives. Everything but letters, digits and "-._~/" is percent-encoded, so that no name can be taken for
        something else.

    Examples
    --------
    >>> link_to(Path("/a/pictures/50% #1?.jpg"), Path("/a/reports/concepts.html"))
    '../pictures/50%25%20%231%3F.jpg'
    >>> link_to(Path("/a/javascript:alert(1).jpg"), Path("/a/concepts.html"))
    'javascript%3Aalert%281%29.jpg'
    """
    try:
        relative = os.path.relpath(file, page.parent)
    except ValueError:  # another drive of Windows
        return file.as_uri()
    return quote(os.fsencode(relative.replace(os.sep, "/")))
