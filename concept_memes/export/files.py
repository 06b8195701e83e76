r"""The table of images as a file that other programs open: CSV, Parquet, JSON, JSON lines.

What no text in a file can hold, names that are not valid UTF-8, is written so that it can be read back: the path as a
``file://`` address, which lists of this package take, and the name with ``\xe9`` for a byte.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import numpy as np

from concept_memes.concepts import ConceptSet
from concept_memes.errors import InvalidParameterError, MissingExtraError, OverwriteError
from concept_memes.export.tables import NUMBERS, TEXTS, image_columns
from concept_memes.whole_files import in_one_step

__all__ = ["ENDINGS", "check_table_path", "save_table"]

SURROGATE = re.compile("[\ud800-\udfff]")
# What spreadsheets take for the beginning of a formula, which could do anything on the computer of the reader.
FORMULA = re.compile(r"[=+\-@＝＋－＠\t\r\n]")


def save_table(concept_set: ConceptSet, path: str | Path, *, vectors: bool = False, overwrite: bool = False) -> Path:
    """Write the table of images into a file, whole or not at all.

    Parameters
    ----------
    concept_set : ConceptSet
    path : str or Path
        ``.csv``: for spreadsheets, UTF-8 with a byte order mark; a name, title or word that begins like a formula gets
        an apostrophe before it. ``.parquet``: with types; needs pyarrow. ``.json``: one list of records; ``.jsonl``: a
        record per line.
    vectors : bool, default=False
        A column with the vectors too: fixed-size lists of float32 in Parquet, lists of numbers in the others.
    overwrite : bool, default=False
        Replace a file that is there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InvalidParameterError
        If the name ends in none of these.
    OverwriteError
        If there is such a file, or a folder.
    MissingExtraError
        If pyarrow is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"]).fit(color_images(["red"], 5))
    >>> path = save_table(model.concepts_, Path(tempfile.mkdtemp()) / "table.csv")
    >>> path.read_text(encoding="utf-8-sig").splitlines()[0]
    'path,name,concept,title,words,probability,copy_of,copy_kind,template,exemplar_rank,reason'
    """
    path = Path(os.path.expanduser(path))
    write = check_table_path(path, overwrite=overwrite)
    columns = _portable(image_columns(concept_set, vectors=vectors))
    path.parent.mkdir(parents=True, exist_ok=True)
    with in_one_step(path) as temporary:
        with temporary.open("wb") as file:
            write(columns, file, concept_set.vectors.shape[1])
            file.flush()
            os.fsync(file.fileno())
        check_table_path(path, overwrite=overwrite)  # a file may have come in between
    return path


Writer = Callable[[dict[str, Any], IO[bytes], int], None]


def check_table_path(path: Path, *, overwrite: bool) -> Writer:
    """Return what writes a kind of file; raise if nothing does, or if something would be replaced."""
    if path.suffix.lower() not in ENDINGS:
        raise InvalidParameterError("path", str(path), f"a name that ends in {', '.join(ENDINGS)}")
    if path.is_dir():
        raise OverwriteError(f"{path} is a folder. Give the name of a file.")
    if os.path.lexists(path) and not overwrite:
        raise OverwriteError(f"{path} is there already. Give another name, or say that it may be replaced.")
    return ENDINGS[path.suffix.lower()]


def _portable(columns: dict[str, Any]) -> dict[str, Any]:
    """Make texts valid UTF-8, so that every reader takes them and the bytes can be told."""
    made = dict(columns)
    for name in columns.keys() & set(TEXTS):
        write = _portable_path if name in ("path", "copy_of") else _portable_text
        made[name] = [text if text is None else write(text) for text in columns[name]]
    return made


def _portable_path(path: str) -> str:
    return f"file://{quote(os.fsencode(path))}" if SURROGATE.search(path) else path


def _portable_text(text: str) -> str:
    return SURROGATE.sub(lambda found: _written_out(ord(found[0])), text)


def _written_out(code: int) -> str:
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _rows(columns: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one record per image, of what JSON can hold; the vectors as arrays."""
    lists = {name: _json_values(name, values) for name, values in columns.items()}
    for values in zip(*lists.values(), strict=True):
        yield dict(zip(lists, values, strict=True))


def _json_values(name: str, values: Any) -> list[Any]:  # noqa: ANN401 (an array or a list)
    if name in ("x", "y"):  # the shortest digits that mean the same in float32
        return [None if np.isnan(value) else float(str(value)) for value in values]
    return list(values.tolist() if isinstance(values, np.ndarray) else values)


def _vector_text(vector: np.ndarray[Any, Any] | None) -> str:
    """Write a vector with as many digits as float32 needs to come back the same."""
    return "null" if vector is None else f"[{', '.join(map('%.9g'.__mod__, vector.tolist()))}]"


def _write_csv(columns: dict[str, Any], file: IO[bytes], _: int) -> None:
    from io import TextIOWrapper

    text = TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in _rows(columns):
        for name in row.keys() & set(TEXTS) - {"path"}:  # paths are absolute, or addresses
            if FORMULA.match(row[name]):
                row[name] = f"'{row[name]}"
        if "vector" in row:
            row["vector"] = "" if row["vector"] is None else _vector_text(row["vector"])
        writer.writerow(row.values())
    text.detach()


def _json_record(row: dict[str, Any]) -> str:
    vector = row.pop("vector", False)
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    return text if vector is False else f'{text[:-1]}, "vector": {_vector_text(vector)}}}'


def _write_json(columns: dict[str, Any], file: IO[bytes], _: int) -> None:
    separator = b"[\n"
    for row in _rows(columns):
        file.write(separator + _json_record(row).encode())
        separator = b",\n"
    file.write(b"\n]\n")


def _write_json_lines(columns: dict[str, Any], file: IO[bytes], _: int) -> None:
    for row in _rows(columns):
        file.write(_json_record(row).encode() + b"\n")


def _write_parquet(columns: dict[str, Any], file: IO[bytes], n_dims: int) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError(
            'Parquet files need pyarrow: pip install "concept-memes[parquet]". CSV and JSON need nothing more.'
        ) from error
    kinds = dict.fromkeys(TEXTS, pa.string()) | dict.fromkeys(NUMBERS, pa.int64())
    arrays = {name: pa.array(values, kinds.get(name)) for name, values in columns.items() if name != "vector"}
    for name in ("x", "y"):
        if name in arrays:
            arrays[name] = pa.array(columns[name], from_pandas=True)  # no place is null, not a number
    if "vector" in columns:
        arrays["vector"] = pa.array(columns["vector"], pa.list_(pa.float32(), n_dims))
    pq.write_table(pa.table(arrays), file)


#: What can be written, by the end of the name.
ENDINGS: dict[str, Writer] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".json": _write_json,
    ".jsonl": _write_json_lines,
}
