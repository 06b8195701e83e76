from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.errors import MissingExtraError, SourceError
from concept_memes.sources.list_files import COLUMN_NAMES, is_list_file, path_column, read_list, split_column


def written(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def parquet_file(folder: Path, **columns: object) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = folder / "table.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    return path


class TestText:
    def test_blank_lines_and_comments_are_left_out_and_order_and_copies_stay(self, tmp_path: Path) -> None:
        path = written(tmp_path, "list.txt", "b.jpg\n\n# the best ones\n  a.jpg\t\n   # more\nb.jpg\n./#1.jpg")
        assert read_list(path) == ["b.jpg", "a.jpg", "b.jpg", "./#1.jpg"]

    @pytest.mark.parametrize(
        "data",
        [
            b"a 1.jpg\r\nhttps://example.org/\xc3\xa9.jpg\r\n",
            b"\xef\xbb\xbfa 1.jpg\nhttps://example.org/\xc3\xa9.jpg",
            "\ufeffa 1.jpg\r\nhttps://example.org/é.jpg\r\n".encode("utf-16-le"),
            "\ufeffa 1.jpg\nhttps://example.org/é.jpg\n".encode("utf-16-be"),
        ],
        ids=["CRLF", "byte order mark", "UTF-16 of Windows", "UTF-16 big endian"],
    )
    def test_is_read_as_editors_of_all_systems_write_it(self, tmp_path: Path, data: bytes) -> None:
        assert read_list(written(tmp_path, "list.lst", data)) == ["a 1.jpg", "https://example.org/é.jpg"]

    def test_bytes_that_are_no_utf8_stay_what_they_are_in_file_names(self, tmp_path: Path) -> None:
        (entry,) = read_list(written(tmp_path, "list.txt", b"caf\xe9.jpg\n"))
        assert entry is not None
        assert os.fsencode(entry) == b"caf\xe9.jpg"

    @given(
        st.lists(
            st.text(st.characters(exclude_characters="\n\0", exclude_categories=("Cs",)), min_size=1).filter(
                lambda name: name == name.strip() and not name.startswith(("#", "\ufeff"))
            ),
            max_size=5,
        )
    )
    def test_every_name_without_a_line_break_comes_back(self, names: list[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            assert read_list(written(Path(folder), "list.txt", "\n".join(names))) == names

    def test_that_is_cut_off_in_utf16_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"list\.txt' is not a text: .* Save it as UTF-8"):
            read_list(written(tmp_path, "list.txt", b"\xff\xfea"))

    def test_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"none\.txt' cannot be read: No such file"):
            read_list(tmp_path / "none.txt")


class TestTable:
    @pytest.mark.parametrize("name", ["path", "File_Name", " IMAGE ", "url", "src", "filepath"])
    def test_the_column_is_found_by_its_name(self, tmp_path: Path, name: str) -> None:
        path = written(tmp_path, "table.csv", f"id,{name},label\n1,b.jpg,cat\n2,a.jpg,dog\n")
        assert read_list(path) == ["b.jpg", "a.jpg"]

    def test_the_only_column_may_have_any_name_or_none(self, tmp_path: Path) -> None:
        assert read_list(written(tmp_path, "a.csv", "picture\nb.jpg\na.jpg\n")) == ["b.jpg", "a.jpg"]
        assert read_list(written(tmp_path, "b.csv", "b.jpg\na.jpg\n")) == ["b.jpg", "a.jpg"]
        assert read_list(written(tmp_path, "c.csv", "s3://bucket/b\nc/a\n")) == ["s3://bucket/b", "c/a"]

    @pytest.mark.parametrize(("ending", "separator"), [(".csv", ","), (".csv", ";"), (".csv", "\t"), (".tsv", "\t")])
    def test_quotes_separators_and_line_breaks_in_names_are_understood(
        self, tmp_path: Path, ending: str, separator: str
    ) -> None:
        name = f"a {separator} b\n\u2028.jpg"
        path = written(tmp_path, f"table{ending}", f'path{separator}n\r\n"{name}"{separator}1\r\n')
        assert read_list(path) == [name]

    def test_rows_without_a_value_are_missing_values_and_empty_lines_are_none(self, tmp_path: Path) -> None:
        path = written(tmp_path, "table.csv", "id,path\n1,a.jpg\n2,\n\n3\n4,  \n5,b.jpg\n")
        assert read_list(path) == ["a.jpg", None, None, None, "b.jpg"]

    def test_another_column_can_be_asked_for(self, tmp_path: Path) -> None:
        path = written(tmp_path, "table.csv", "path,thumbnail\na.jpg,t/a.jpg\n")
        assert read_list(path, "thumbnail") == ["t/a.jpg"]

    @pytest.mark.parametrize(
        ("head", "message"),
        [
            ("id,label", r"no column that is known to hold paths; its columns are 'id', 'label'\. Name one behind"),
            ("path,url", r"several columns that may hold paths; its columns are 'path', 'url'\. .*table\.csv::column"),
        ],
    )
    def test_an_open_choice_is_an_error_that_lists_the_columns(self, tmp_path: Path, head: str, message: str) -> None:
        with pytest.raises(SourceError, match=message):
            read_list(written(tmp_path, "table.csv", f"{head}\n1,2\n"))

    def test_a_column_that_is_not_there_is_an_error_that_lists_the_columns(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="has no column 'pth'; its columns are 'path', 'id'"):
            read_list(written(tmp_path, "table.csv", "path,id\na.jpg,1\n"), "pth")

    def test_an_empty_table_lists_nothing(self, tmp_path: Path) -> None:
        assert read_list(written(tmp_path, "table.csv", "")) == []
        assert read_list(written(tmp_path, "table.csv", "path,id\n")) == []

    def test_what_is_no_table_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="has null characters"):
            read_list(written(tmp_path, "table.csv", b"path\n\0\0"))
        with pytest.raises(SourceError, match="cannot be read as a table: field larger than"):
            read_list(written(tmp_path, "table.csv", "path,id\n" + "a" * 140_000))


class TestParquet:
    def test_reads_the_column_of_paths_with_its_missing_values(self, tmp_path: Path) -> None:
        path = parquet_file(tmp_path, id=[1, 2, 3, 4], file_name=["b.jpg", None, "", "a.jpg"])
        assert read_list(path) == ["b.jpg", None, None, "a.jpg"]
        assert read_list(path, "file_name") == ["b.jpg", None, None, "a.jpg"]

    def test_knows_one_without_its_ending(self, tmp_path: Path) -> None:
        path = parquet_file(tmp_path, url=["https://example.org/a.jpg"])
        assert read_list(path.rename(tmp_path / "table")) == ["https://example.org/a.jpg"]

    def test_texts_that_are_kept_as_categories_are_texts(self, tmp_path: Path) -> None:
        pyarrow = pytest.importorskip("pyarrow")
        path = parquet_file(tmp_path, path=pyarrow.array(["a.jpg", "a.jpg", None]).dictionary_encode())
        assert read_list(path) == ["a.jpg", "a.jpg", None]

    def test_a_column_of_texts_as_newer_programs_keep_them(self, tmp_path: Path) -> None:
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        path = parquet_file(tmp_path, path=pyarrow.array(["a.jpg", None], pyarrow.string_view()))
        assert read_list(path) == ["a.jpg", None]

    def test_pictures_inside_the_table_are_an_error_that_names_the_type(self, tmp_path: Path) -> None:
        path = parquet_file(tmp_path, image=[{"bytes": b"...", "path": "a.jpg"}])
        with pytest.raises(SourceError, match=r"column 'image' .* of the type struct<.*, not texts\. Name one"):
            read_list(path)

    def test_damaged_one_is_an_error(self, tmp_path: Path) -> None:
        path = parquet_file(tmp_path, path=["a.jpg"])
        data = path.read_bytes()
        for damaged in (data[:-9], b"PAR1" + bytes(99) + data[-8:], b""):
            path.write_bytes(damaged)
            with pytest.raises(SourceError, match="Parquet file .* cannot be read"):
                read_list(path)

    def test_without_the_extra_the_error_names_the_line_that_installs_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingExtraError, match=r'pip install "concept-memes\[parquet\]"'):
            read_list(written(tmp_path, "table.parquet", "PAR1"))


def test_list_files_are_known_by_their_endings() -> None:
    assert all(is_list_file(f"a.b/list{ending}") for ending in (".txt", ".lst", ".CSV", ".tsv", ".Parquet"))
    assert not any(is_list_file(name) for name in ("list.jpg", "list", "list.txt.gz", ".txt/a"))


@pytest.mark.parametrize("place", ["a.txt::b", "zip://a.csv::", "a.jpg::column", "::column", "a.csv"])
def test_only_tables_have_columns(place: str) -> None:
    assert split_column(place) is None


@given(st.permutations(["id", "label", "size"]), st.sampled_from(sorted(COLUMN_NAMES)), st.integers(0, 3))
def test_the_column_of_paths_is_found_wherever_it_stands(others: list[str], name: str, position: int) -> None:
    columns = [*others[:position], name.upper(), *others[position:]]
    assert path_column(columns, "It", "Choose.") == position


@given(st.binary(max_size=200) | st.text(alphabet="path,;\t\"'\n\r\0é.jpg", max_size=60).map(str.encode))
@pytest.mark.parametrize("ending", [".txt", ".csv", ".tsv", ".parquet"])
def test_whatever_is_in_a_file_it_is_a_list_or_a_named_error(ending: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, entries = written(Path(folder), f"list{ending}", data), []
        with contextlib.suppress(SourceError):
            entries = read_list(path)
    assert all(entry is None or (isinstance(entry, str) and entry) for entry in entries)
