"""Pictures by the thousand as lines of a page, kept on disk until the page has come to where they stand."""

from __future__ import annotations

import base64
import shutil
from typing import Any, BinaryIO

from concept_memes.explorer.page import text_block

__all__ = ["LineSpool"]

# A browser takes a block out of the page in one go.
BLOCK_BYTES = 1_000_000


class LineSpool:
    r"""Blocks of lines of base64, one line per picture.

    Parameters
    ----------
    name : str
        Blocks are called "name-0", "name-1" and so on.
    file : BinaryIO
        An empty file, open for writing and reading.

    Examples
    --------
    >>> from io import BytesIO
    >>> spool, page = LineSpool("thumbs", BytesIO()), BytesIO()
    >>> for picture in (b"one", b"", b"two"):
    ...     spool.add(picture)
    >>> spool.as_document()
    {'place': 'embed', 'mime': 'image/webp', 'chunks': [0]}
    >>> spool.copy_to(page)
    >>> page.getvalue()
    b'<script type="text/plain" id="thumbs-0">b25l\n\ndHdv</script>\n'
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self.name = name
        self._file = file
        self._first_rows: list[int] = []
        self._lines: list[bytes] = []
        self._n_waiting = self._n_lines = 0

    def add(self, picture: bytes) -> None:
        """Add a line.

        Parameters
        ----------
        picture : bytes
            WebP; empty for an empty line.
        """
        line = base64.b64encode(picture)
        self._lines.append(line)
        self._n_lines += 1
        self._n_waiting += len(line) + 1
        if self._n_waiting >= BLOCK_BYTES:
            self._close_block()

    def as_document(self) -> dict[str, Any]:
        """Say where a page finds the lines.

        Returns
        -------
        dict
            "chunks" has the first line of each block.
        """
        self._close_block()
        return {"place": "embed", "mime": "image/webp", "chunks": list(self._first_rows)}

    def copy_to(self, page: BinaryIO) -> None:
        """Write all blocks.

        Parameters
        ----------
        page : BinaryIO
        """
        self._close_block()
        self._file.seek(0)
        shutil.copyfileobj(self._file, page, 1 << 20)

    def _close_block(self) -> None:
        if self._lines:
            block = text_block(f"{self.name}-{len(self._first_rows)}", [b"\n".join(self._lines)])
            self._file.writelines(block)
            self._first_rows.append(self._n_lines - len(self._lines))
            self._lines, self._n_waiting = [], 0
