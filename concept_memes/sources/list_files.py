"""Lists of pictures in files and tables: a text with one path per line, a column of a CSV, TSV or Parquet file.

What a line or a cell holds is the business of :mod:`concept_memes.sources.listing`: a path, an address, or nothing.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from concept_memes.errors import MissingExtraError, SourceError
from concept_memes.image_formats import ENDINGS

__all__ = ["COLUMN_NAMES", "LIST_ENDINGS", "is_list_file", "path_column", "read_list", "split_column"]

#: Endings of files that list pictures, in lower case.
LIST_ENDINGS = (".txt", ".lst", ".csv", ".tsv", ".parquet")
_TABLES = (".csv", ".tsv", ".parquet")
#: Names of columns that hold paths or addresses, in lower case.
COLUMN_NAMES = frozenset(
    ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "image_file")
    + ("image_url", "url", "src")
)
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_PARQUET_MAGIC = b"PAR1"


def is_list_file(path: str | os.PathLike[str]) -> bool:
    """Tell by its ending whether a file lists pictures.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    bool

    Examples
    --------
    >>> is_list_file("chosen.TXT"), is_list_file("chosen.jpg")
    (True, False)
    """
    return os.fspath(path).lower().endswith(LIST_ENDINGS)


def split_column(place: str) -> tuple[str, str] | None:
    """Take a place such as ``"table.csv::column"`` apart.

    Parameters
    ----------
    place : str

    Returns
    -------
    tuple of (str, str) or None
        The file and the column; None for any other text.

    Examples
    --------
    >>> split_column("memes/table.csv::template")
    ('memes/table.csv', 'template')
    >>> split_column("memes/table.csv") is None
    True
    """
    file, mark, column = place.rpartition("::")
    return (file, column) if mark and column and file.lower().endswith(_TABLES) else None


def read_list(path: Path, column: str | None = None) -> list[str | None]:
    r"""Read a list of pictures.

    - Text: one path or address per line. Blank lines and lines that begin with # are left out, and so are blanks at
      both ends of a line; write ``./#1.jpg`` for a name that begins with #.
    - CSV and TSV: the column that is asked for, else the only one, else the one with a name such as "path" or "url". A
      CSV may be separated by semicolons or tabs too. A single column may do without a head.
    - Parquet: the same, with the extra `parquet`.

    Texts are UTF-8, or UTF-16 with a byte order mark; bytes that are not UTF-8 come through, as they do in file names.

    Parameters
    ----------
    path : Path
    column : str, optional
        Of a table.

    Returns
    -------
    list of (str or None)
        What is in the list, in order; None where a row of a table has no value.

    Raises
    ------
    SourceError
        If the file cannot be read, or no column can be chosen.
    MissingExtraError
        If a Parquet file is to be read without the extra.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     list_file = Path(folder) / "chosen.csv"
    ...     _ = list_file.write_text("id,path\n1,cat.jpg\n2,\n")
    ...     read_list(list_file)
    ['cat.jpg', None]
    """
    ending = path.suffix.lower()
    try:
        with path.open("rb") as file:
            is_parquet = file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
        if is_parquet or ending == ".parquet":
            return _read_parquet(path, column)
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise SourceError(f"The list {str(path)!r} cannot be read: {error.strerror or error}.") from error
    except UnicodeError as error:
        raise SourceError(f"The list {str(path)!r} is not a text: {error}. Save it as UTF-8.") from error
    if ending in _TABLES:
        return _read_table(path, text, "\t" if ending == ".tsv" else None, column)
    lines = (line.strip() for line in text.split("\n"))  # splitlines() would split names at rare characters too
    return [line for line in lines if line and not line.startswith("#")]


def path_column(columns: Iterable[object], where: str, how_to_choose: str) -> int:
    """Choose the column of a table that holds paths or addresses.

    Parameters
    ----------
    columns : iterable of str
        The names of the columns.
    where, how_to_choose : str
        For the error: what has these columns, and what to do.

    Returns
    -------
    int
        Its position: the only column, or the only one with a name such as "path" or "url".

    Raises
    ------
    SourceError
        It lists the columns.

    Examples
    --------
    >>> path_column(["id", "File_Name", "label"], "The table", "Choose one.")
    1
    """
    names = [str(column) for column in columns]
    fitting = [i for i, name in enumerate(names) if name.strip().lower() in COLUMN_NAMES]
    if len(names) == 1 or len(fitting) == 1:
        return fitting[0] if fitting else 0
    shown = ", ".join(repr(name) for name in names[:20]) + ", ..." * (len(names) > 20)
    which = "several columns that may hold" if fitting else "no column that is known to hold"
    raise SourceError(f"{where} has {which} paths; its columns are {shown or 'none at all'}. {how_to_choose}")


def _decoded(data: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            if encoding == "utf-16":
                return data.decode(encoding)
            data = data[len(mark) :]
    return data.decode("utf-8", "surrogateescape")


def _read_table(path: Path, text: str, separator: str | None, column: str | None) -> list[str | None]:
    """Read a column of a CSV or TSV file."""
    if "\0" in text:
        raise SourceError(f"The list {str(path)!r} is not a text: it has null characters in it.")
    if separator is None:
        head = text.partition("\n")[0]
        separator = max(",;\t", key=head.count)  # the first of them where there is none: one column
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise SourceError(f"The list {str(path)!r} cannot be read as a table: {error}.") from error
    if not rows:
        return []
    names = [name.strip() for name in rows[0]]
    if column is None and len(names) == 1 and _is_entry(names[0]):
        position = 0  # there is no head
    else:
        position = _chosen(path, names, column)
        rows = rows[1:]
    return [(row[position].strip() or None) if position < len(row) else None for row in rows]


def _is_entry(cell: str) -> bool:
    """Tell whether the first cell of a single column is a path or an address, and not the column's name."""
    return cell.lower() not in COLUMN_NAMES and ("/" in cell or cell.lower().endswith(tuple(ENDINGS)))


def _read_parquet(path: Path, column: str | None) -> list[str | None]:
    """Read a column of a Parquet file."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError(
            f"{str(path)!r} is a Parquet file, and the package for these is not installed: run pip install "
            '"concept-memes[parquet]".'
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            name = schema.names[_chosen(path, schema.names, column)]
            kind = schema.field(name).type
            if pyarrow.types.is_dictionary(kind):
                kind = kind.value_type
            if str(kind) not in ("string", "large_string", "string_view"):
                raise SourceError(
                    f"The column {name!r} of {str(path)!r} holds values of the type {str(kind):.80}, not texts. "
                    f"{_how_to_choose(path)}"
                )
            cells: list[str | None] = file.read(columns=[name]).column(0).to_pylist()
    except pyarrow.ArrowException as error:
        first_line = (str(error).splitlines() or [""])[0]
        raise SourceError(f"The Parquet file {str(path)!r} cannot be read: {first_line:.200}") from error
    return [cell or None for cell in cells]


def _chosen(path: Path, names: Sequence[str], column: str | None) -> int:
    """Return the position of the column that was asked for, or of the one that holds paths."""
    if column is None:
        return path_column(names, f"The table {str(path)!r}", _how_to_choose(path))
    if column in names:
        return list(names).index(column)
    shown = ", ".join(repr(name) for name in names[:20])
    raise SourceError(f"The table {str(path)!r} has no column {column!r}; its columns are {shown}.")


def _how_to_choose(path: Path) -> str:
    return f"Name one behind the file: {str(path) + '::column'!r}."
