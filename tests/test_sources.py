from __future__ import annotations

import io
import os
import socket
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from badfiles import (
    AVIF_HEADER,
    HEIC_HEADER,
    HTML,
    SVG,
    VIDEO_HEADER,
    WAVE_HEADER,
    encoded,
    picture,
    without_permission,
    zip_archive,
)
from PIL import Image
from webserver import PICTURE, Site, says, web_server

from concept_memes.errors import InvalidParameterError, NoImagesError, SourceError
from concept_memes.remote.kept_copies import kept_path
from concept_memes.sources import ENDINGS, ImageRef, array_problem, image_format, list_images

JPEG = b"\xff\xd8\xff\xe0"
PNG = b"\x89PNG\r\n\x1a\n"


def write(folder: Path, **files: bytes) -> None:
    """Write files; "__" in a name stands for a slash and "_" before an ending for its dot."""
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def names_of(source: object) -> list[str]:
    return [ref.name for ref in list_images(source).refs]  # type: ignore[arg-type]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that other users can enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


class TestFolder:
    def test_lists_images_of_all_subfolders_sorted_by_posix_path(self, tmp_path: Path) -> None:
        write(tmp_path, b_jpg=JPEG, a__z_png=PNG, a__b__c_gif=b"", B_JPG=JPEG, ab_webp=b"")
        listing = list_images(tmp_path)
        assert [ref.name for ref in listing.refs] == ["B.JPG", "a/b/c.gif", "a/z.png", "ab.webp", "b.jpg"]
        assert [ref.index for ref in listing.refs] == [0, 1, 2, 3, 4]
        assert [ref.path for ref in listing.refs] == [tmp_path / ref.name for ref in listing.refs]
        assert listing.n_other_files == 0
        assert listing.unlistable == ()

    def test_paths_stay_relative_as_given_and_base_folder_is_absolute(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, pics__a_jpg=JPEG)
        monkeypatch.chdir(tmp_path)
        listing = list_images("pics")
        assert listing.refs == (ImageRef(0, "a.jpg", Path("pics/a.jpg")),)
        assert listing.base_folder == tmp_path.resolve()
        assert list_images(".").refs[0].path == Path("pics/a.jpg")

    @pytest.mark.parametrize("ending", sorted(ENDINGS | {".JPG", ".Png"}))
    def test_takes_a_file_for_an_image_by_its_ending_alone(self, tmp_path: Path, ending: str) -> None:
        write(tmp_path, **{f"page{ending}": HTML})
        assert names_of(tmp_path) == [f"page{ending}"]

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
    def test_takes_a_file_for_an_image_by_its_first_bytes_alone(self, tmp_path: Path, kind: str) -> None:
        write(tmp_path, noending=encoded(picture(), kind), wrong_txt=encoded(picture(), kind))
        assert names_of(tmp_path) == ["noending", "wrong.txt"]

    def test_counts_other_files_and_hidden_ones_without_listing_them(self, tmp_path: Path) -> None:
        write(tmp_path, a_jpg=JPEG, notes_txt=b"BMW is a car", film_mp4=VIDEO_HEADER, _DS=b"\0\0", empty=b"")
        write(tmp_path, _hidden_jpg=JPEG, _trash__b_jpg=JPEG, _trash__c_jpg=JPEG)
        listing = list_images(tmp_path)
        assert [ref.name for ref in listing.refs] == ["a.jpg"]
        assert listing.n_other_files == 6  # a hidden folder counts once, whatever is in it

    def test_lists_a_broken_link_with_an_image_ending_only(self, tmp_path: Path) -> None:
        for name in ("gone.jpg", "gone.txt", "gone"):
            (tmp_path / name).symlink_to(tmp_path / "nowhere")
        (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
        listing = list_images(tmp_path)
        assert [ref.name for ref in listing.refs] == ["gone.jpg", "loop.png"]
        assert listing.n_other_files == 2

    def test_follows_links_to_files_but_not_to_folders(self, tmp_path: Path) -> None:
        write(tmp_path, real__a_jpg=JPEG)
        (tmp_path / "real" / "loop").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "real" / "loop.jpg").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "link.jpg").symlink_to(tmp_path / "real" / "a.jpg")
        listing = list_images(tmp_path)
        assert [ref.name for ref in listing.refs] == ["link.jpg", "real/a.jpg"]
        assert listing.n_other_files == 2

    def test_a_folder_that_is_a_link_itself_is_listed(self, tmp_path: Path) -> None:
        write(tmp_path, real__a_jpg=JPEG)
        (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
        assert names_of(tmp_path / "link") == ["a.jpg"]

    def test_a_folder_with_an_image_ending_is_a_folder(self, tmp_path: Path) -> None:
        write(tmp_path, odd_jpg__a_png=PNG)
        assert names_of(tmp_path) == ["odd.jpg/a.png"]

    @pytest.mark.timeout(20)  # opening a pipe waits for ever
    def test_never_opens_pipes_and_sockets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, a_jpg=JPEG)
        monkeypatch.chdir(tmp_path)  # the path of a socket must be short
        os.mkfifo("pipe.jpg")
        os.mkfifo("pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket.png")
            listing = list_images(tmp_path)
        assert [ref.name for ref in listing.refs] == ["a.jpg"]
        assert listing.n_other_files == 3

    def test_asks_the_disk_nothing_about_regular_files_with_an_image_ending(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, a_jpg=JPEG, sub__b_png=PNG)
        asked: list[object] = []
        real_stat = os.stat
        monkeypatch.setattr(os, "stat", lambda path, **options: (asked.append(path), real_stat(path, **options))[1])
        monkeypatch.setattr("builtins.open", lambda *args, **kwargs: pytest.fail(f"opened {args[0]}"))
        assert names_of(tmp_path) == ["a.jpg", "sub/b.png"]
        assert asked == [tmp_path]

    def test_names_subfolders_that_cannot_be_listed(self, open_folder: Path) -> None:
        write(open_folder, a_jpg=JPEG, locked__b_jpg=JPEG)
        with without_permission(open_folder / "locked"):
            listing = list_images(open_folder)
        assert [ref.name for ref in listing.refs] == ["a.jpg"]
        assert listing.unlistable == ((open_folder / "locked", "Permission denied"),)

    def test_error_about_no_images_names_subfolders_that_cannot_be_listed(self, open_folder: Path) -> None:
        (open_folder / "locked").mkdir()
        with (
            without_permission(open_folder / "locked"),
            pytest.raises(
                NoImagesError,
                match=r"1 folder\(s\) or file\(s\) in it cannot be listed, the first: .*locked' \(Permission denied\)",
            ),
        ):
            list_images(open_folder)

    def test_file_without_ending_that_cannot_be_opened_counts_as_other(self, open_folder: Path) -> None:
        write(open_folder, a_jpg=JPEG, secret=JPEG)
        with without_permission(open_folder / "secret"):
            assert list_images(open_folder).n_other_files == 1

    def test_keeps_names_that_are_no_valid_unicode(self, tmp_path: Path) -> None:
        try:
            (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(JPEG)
        except OSError:
            pytest.skip("this file system wants valid names")
        (ref,) = list_images(tmp_path).refs
        assert ref.path is not None
        assert os.fsencode(ref.path.name) == b"caf\xe9.jpg"

    def test_empty_folder_is_an_error_that_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(NoImagesError, match="has no images; it has no file at all"):
            list_images(tmp_path)

    def test_folder_without_images_is_an_error_that_counts_the_others(self, tmp_path: Path) -> None:
        write(tmp_path, a_txt=b"x", b_mp4=VIDEO_HEADER)
        with pytest.raises(NoImagesError, match=r"has no images; it has 2 other files\. Images are files such as"):
            list_images(tmp_path)

    def test_missing_folder_is_an_error_that_names_the_current_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SourceError, match=f"no folder or file 'pisc'. The current folder is '{tmp_path}'"):
            list_images("pisc")
        with pytest.raises(SourceError, match="Check the spelling"):
            list_images(tmp_path / "pisc")

    def test_locked_folder_is_an_error(self, open_folder: Path) -> None:
        locked = open_folder / "locked"
        (locked / "inner").mkdir(parents=True)
        with without_permission(locked):
            with pytest.raises(SourceError, match="cannot be listed: Permission denied"):
                list_images(locked)
            with pytest.raises(SourceError, match="no permission to look at"):
                list_images(locked / "inner")

    def test_empty_string_is_not_the_current_folder(self) -> None:
        with pytest.raises(SourceError, match="images is an empty string"):
            list_images("")

    def test_null_character_in_a_path_is_an_error(self) -> None:
        with pytest.raises(SourceError, match="no folder or file"):
            list_images("a\0b")
        with pytest.raises(SourceError, match="no folder or file"):
            list_images("a.csv\0::b")

    def test_a_path_that_is_too_long_is_an_error(self) -> None:
        with pytest.raises(SourceError, match="no folder or file"):
            list_images("x" * 5000 + "/a.jpg")

    def test_tilde_is_expanded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write(tmp_path, pics__a_jpg=JPEG)
        monkeypatch.setenv("HOME", str(tmp_path))
        expected = tmp_path / "pics" / "a.jpg"
        assert list_images("~/pics").refs[0].path == expected
        assert list_images(Path("~/pics/a.jpg")).refs[0].path == expected
        assert list_images("~/p*/*.jpg").refs[0].path == expected
        assert list_images(["~/pics/a.jpg"]).refs == (ImageRef(0, "~/pics/a.jpg", expected),)


class TestOneFile:
    def test_str_and_path_of_one_file(self, tmp_path: Path) -> None:
        write(tmp_path, a_jpg=JPEG)
        for place in (tmp_path / "a.jpg", str(tmp_path / "a.jpg")):
            assert list_images(place).refs == (ImageRef(0, str(tmp_path / "a.jpg"), tmp_path / "a.jpg"),)

    def test_one_file_is_taken_whatever_it_is(self, tmp_path: Path) -> None:
        write(tmp_path, a_mp4=VIDEO_HEADER, b=b"text", c_jpg=HTML)
        for name in ("a.mp4", "b", "c.jpg"):
            assert names_of(tmp_path / name) == [str(tmp_path / name)]

    @pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.zip", "a.html", "a"])
    def test_a_picture_is_a_picture_whatever_its_name(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(encoded(picture(), "PNG"))
        assert list_images(tmp_path / name).refs == (ImageRef(0, str(tmp_path / name), tmp_path / name),)

    @pytest.mark.timeout(20)  # opening a pipe waits for ever
    def test_a_pipe_is_not_opened(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "list.txt")
        assert names_of(tmp_path / "list.txt") == [str(tmp_path / "list.txt")]


class TestGlob:
    @pytest.fixture
    def pics(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        write(tmp_path, b_jpg=JPEG, a_jpg=JPEG, c_png=PNG, notes_txt=b"x", sub__d_jpg=JPEG, sub__deep__e_jpg=JPEG)
        write(tmp_path, _hidden_jpg=JPEG, _trash__f_jpg=JPEG)
        (tmp_path / "sub.jpg").mkdir()
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("*.jpg", ["a.jpg", "b.jpg"]),
            ("?.jpg", ["a.jpg", "b.jpg"]),
            ("[bc].*", ["b.jpg", "c.png"]),
            ("*", ["a.jpg", "b.jpg", "c.png"]),
            ("*/*.jpg", ["sub/d.jpg"]),
            ("**/*.jpg", ["a.jpg", "b.jpg", "sub/d.jpg", "sub/deep/e.jpg"]),
            ("sub/**", ["sub/d.jpg", "sub/deep/e.jpg"]),
            ("**/**/e.jpg", ["sub/deep/e.jpg"]),
            (".trash/*", [".trash/f.jpg"]),
            (".h*", [".hidden.jpg"]),
        ],
    )
    def test_patterns(self, pics: Path, pattern: str, expected: list[str]) -> None:
        listing = list_images(pattern)
        assert [ref.name for ref in listing.refs] == expected
        assert [ref.path for ref in listing.refs] == [Path(name) for name in expected]
        assert names_of(str(pics / pattern)) == [str(pics / name) for name in expected]

    def test_other_files_that_match_are_counted_and_folders_are_not(self, pics: Path) -> None:
        assert list_images("*").n_other_files == 2  # notes.txt and .hidden.jpg

    def test_no_loop_through_links_to_folders(self, pics: Path) -> None:
        for name in ("loop", "circle"):
            (pics / "sub" / name).symlink_to(pics, target_is_directory=True)
        assert names_of("**/e.jpg") == ["sub/deep/e.jpg"]

    def test_existing_file_or_folder_wins(self, tmp_path: Path) -> None:
        write(tmp_path, **{"a[1]_jpg": JPEG, "a1_jpg": JPEG, "x[y]__b_jpg": JPEG})
        assert names_of(str(tmp_path / "a[1].jpg")) == [str(tmp_path / "a[1].jpg")]
        assert names_of(str(tmp_path / "x[y]")) == ["b.jpg"]

    def test_a_path_object_is_no_pattern(self, pics: Path) -> None:
        with pytest.raises(SourceError, match="There is no folder or file"):
            list_images(Path("*.jpg"))

    def test_match_of_nothing_is_an_error(self, pics: Path) -> None:
        with pytest.raises(NoImagesError, match=r"'\*\.webp' matches no images; it matches no file at all"):
            list_images("*.webp")
        with pytest.raises(NoImagesError, match=r"matches no images; it matches 1 other file\."):
            list_images("*.txt")

    def test_match_in_a_missing_folder_is_an_error(self, pics: Path) -> None:
        with pytest.raises(NoImagesError, match="matches no images"):
            list_images("nowhere/*.jpg")


class TestLists:
    def test_order_length_and_duplicates_are_kept_without_looking_at_files(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe.jpg"
        os.mkfifo(pipe)
        given = ["z.jpg", Path("a.jpg"), tmp_path, "z.jpg", pipe, "*.jpg"]
        listing = list_images(given)
        assert [ref.name for ref in listing.refs] == [str(path) for path in given]
        assert [ref.path for ref in listing.refs] == [Path(path) for path in given]
        assert [ref.index for ref in listing.refs] == list(range(6))

    def test_pictures_arrays_and_paths_in_any_mix(self) -> None:
        image, array = picture(), np.zeros((2, 3), dtype=np.uint8)
        listing = list_images([image, "a.jpg", array])
        assert [ref.name for ref in listing.refs] == ["image-0", "a.jpg", "image-2"]
        assert [ref.path for ref in listing.refs] == [None, Path("a.jpg"), None]
        assert listing.refs[0].data is image
        assert listing.refs[1].data is None
        assert listing.refs[2].data is array

    def test_generators_tuples_series_and_arrays_of_paths(self) -> None:
        pandas = pytest.importorskip("pandas")
        paths = ["b.jpg", "a.jpg"]
        assert names_of(path for path in paths) == paths
        assert names_of(tuple(paths)) == paths
        assert names_of(pandas.Series(paths, index=[7, 3])) == paths
        assert names_of(np.array(paths)) == paths
        assert names_of(np.array(paths, dtype=object)) == paths
        assert names_of(np.array([Path("c.jpg")], dtype=object)) == ["c.jpg"]

    @pytest.mark.parametrize(
        ("item", "message"),
        [
            (7, r"images\[1\] is 7 of type int\. A list holds paths"),
            (0.5, r"images\[1\] is 0\.5 of type float"),
            (b"a.jpg", r"images\[1\] is b'a.jpg' of type bytes"),
            (["a.jpg"], r"images\[1\] is \['a.jpg'\] of type list"),
            (
                np.zeros((4, 4, 3)),
                r"images\[1\] is an array of shape \(4, 4, 3\) and dtype float64; a picture is uint8",
            ),
            (np.zeros((4, 4, 2), np.uint8), r"images\[1\] is an array of shape \(4, 4, 2\) and dtype uint8; a picture"),
            (np.zeros(4, np.uint8), r"images\[1\] is an array of shape \(4,\)"),
            (np.zeros((0, 4), np.uint8), r"images\[1\] is an array of shape \(0, 4\).* at least one pixel"),
        ],
    )
    def test_wrong_items_are_errors_that_name_the_index(self, item: object, message: str) -> None:
        with pytest.raises(SourceError, match=message):
            list_images(["a.jpg", item])  # type: ignore[list-item]

    @pytest.mark.parametrize("empty", [[], (), iter(()), np.array([], dtype=object)])
    def test_empty_list_is_an_error(self, empty: object) -> None:
        with pytest.raises(NoImagesError, match="images is empty"):
            list_images(empty)  # type: ignore[arg-type]


class TestPixels:
    def test_one_pil_image(self) -> None:
        image = picture()
        (ref,) = list_images(image).refs
        assert ref == ImageRef(0, "image-0", None)
        assert ref.data is image

    @pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4), (3, 3, 3)])
    def test_one_array(self, shape: tuple[int, ...]) -> None:
        array = np.zeros(shape, dtype=np.uint8)
        (ref,) = list_images(array).refs
        assert ref.data is array

    @pytest.mark.parametrize("n_bands", [1, 3, 4])
    def test_stack_of_pictures_is_not_copied(self, n_bands: int) -> None:
        stack = np.arange(2 * 4 * 5 * n_bands, dtype=np.uint8).reshape(2, 4, 5, n_bands)
        refs = list_images(stack).refs
        assert [ref.name for ref in refs] == ["image-0", "image-1"]
        assert isinstance(refs[1].data, np.ndarray)
        np.testing.assert_array_equal(refs[1].data, stack[1])
        assert np.shares_memory(refs[1].data, stack)

    @pytest.mark.parametrize(
        ("array", "message"),
        [
            (np.zeros((2, 4, 5)), "dtype float64; a picture is uint8 with values 0 to 255"),
            (np.zeros((2, 4, 5, 3), bool), "dtype bool; a picture is uint8"),
            (np.zeros((2, 4, 5), np.uint8), r"shape \(2, 4, 5\) .*Many pictures: shape \(n, h, w, c\)"),
            (np.zeros((2, 4, 5, 2), np.uint8), r"shape \(2, 4, 5, 2\)"),
            (np.zeros((2, 0, 5, 3), np.uint8), r"shape \(2, 0, 5, 3\)"),
            (np.zeros((2, 2, 2, 2, 3), np.uint8), r"shape \(2, 2, 2, 2, 3\)"),
            (np.array(5, np.uint8), r"shape \(\) and dtype uint8"),
            (np.array([["a.jpg"]]), r"shape \(1, 1\) and dtype <U5"),
        ],
    )
    def test_wrong_arrays_are_errors_that_say_shape_and_dtype(self, array: np.ndarray, message: str) -> None:
        with pytest.raises(SourceError, match=message):
            list_images(array)

    def test_stack_of_nothing_is_an_error(self) -> None:
        with pytest.raises(NoImagesError, match=r"shape \(0, 4, 5, 3\): there is not one picture"):
            list_images(np.zeros((0, 4, 5, 3), np.uint8))


class TestWrongSources:
    @pytest.mark.parametrize(
        "source", [None, 3, 2.5, {"a": "a.jpg"}, {"a.jpg"}, b"a.jpg", object()], ids=lambda value: type(value).__name__
    )
    def test_are_errors_that_name_the_type_and_what_is_accepted(self, source: object) -> None:
        with pytest.raises(SourceError, match=f"of type {type(source).__name__}: that is no source.*Give a folder"):
            list_images(source)  # type: ignore[arg-type]

    def test_a_path_object_that_was_an_address_is_an_error_that_says_so(self) -> None:
        with pytest.raises(SourceError, match="A Path cannot hold an address"):
            list_images(Path("https://example.org/a.jpg"))


class TestTables:
    def test_the_column_of_paths_is_taken_from_a_data_frame(self) -> None:
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"id": [1, 2], "File": ["b.jpg", "a.jpg"], "label": ["x", "y"]})
        assert names_of(frame) == ["b.jpg", "a.jpg"]
        assert names_of(frame[["File"]].rename(columns={"File": "picture"})) == ["b.jpg", "a.jpg"]

    def test_frames_of_other_libraries_are_known_by_what_they_can_do(self) -> None:
        class Frame(dict[str, list[str]]):
            columns, shape = ["id", "path"], (2, 2)

        assert names_of(Frame(id=["1", "2"], path=["b.jpg", "a.jpg"])) == ["b.jpg", "a.jpg"]

    def test_an_open_choice_of_columns_is_an_error_that_lists_them(self) -> None:
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"path": ["a.jpg"], "url": ["https://example.org/a.jpg"], 3: [1]})
        with pytest.raises(
            SourceError, match=r"DataFrame that has several columns .* 'path', 'url', '3'\. Pass the one"
        ):
            list_images(frame)
        with pytest.raises(SourceError, match="no column that is known to hold paths"):
            list_images(frame[[3]].assign(label="x"))
        with pytest.raises(SourceError, match="its columns are none at all"):
            list_images(pandas.DataFrame())

    def test_missing_values_keep_their_places(self) -> None:
        pandas = pytest.importorskip("pandas")
        missing = [None, float("nan"), np.float32("nan"), pandas.NA, pandas.NaT, "", "  "]
        listing = list_images(["a.jpg", *missing, "b.jpg"])
        assert [ref.path for ref in listing.refs] == [Path("a.jpg"), *[None] * len(missing), Path("b.jpg")]
        assert [ref.name for ref in listing.refs[1:3]] == ["image-1", "image-2"]
        assert all(ref.data is None and ref.url is None for ref in listing.refs)

    @pytest.mark.parametrize("kind", ["object", "string", "category"])
    def test_columns_with_missing_values_keep_their_length(self, kind: str) -> None:
        pandas = pytest.importorskip("pandas")
        column = pandas.Series(["b.jpg", None, "a.jpg"], dtype=kind)
        assert names_of(column) == ["b.jpg", "image-1", "a.jpg"]
        assert names_of(column.to_numpy()) == ["b.jpg", "image-1", "a.jpg"]


class TestListFiles:
    @pytest.fixture
    def pics(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        write(tmp_path, lists__a_jpg=JPEG)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def test_paths_are_relative_to_the_folder_of_the_list(self, pics: Path) -> None:
        (pics / "lists" / "chosen.txt").write_text(f"a.jpg\n../b.jpg\n{pics}/c.jpg\n~/d.jpg\n")
        listing = list_images("lists/chosen.txt")
        assert [ref.path for ref in listing.refs] == [
            Path("lists/a.jpg"),
            Path("lists/../b.jpg"),
            pics / "c.jpg",
            Path.home() / "d.jpg",
        ]
        assert [ref.name for ref in listing.refs] == ["a.jpg", "../b.jpg", f"{pics}/c.jpg", "~/d.jpg"]
        assert listing.downloads is None

    def test_entries_may_be_addresses_and_members_of_archives(self, pics: Path) -> None:
        (pics / "lists" / "chosen.lst").write_text("https://example.org/a.jpg\nb.zip/x/c.jpg\ns3://bucket/d.jpg\n")
        listing = list_images(pics / "lists" / "chosen.lst", downloads=pics / "kept")
        assert [ref.url for ref in listing.refs] == ["https://example.org/a.jpg", None, "s3://bucket/d.jpg"]
        assert listing.refs[1].path == pics / "lists/b.zip/x/c.jpg"
        assert listing.downloads == pics / "kept"

    def test_a_column_is_named_behind_a_table(self, pics: Path) -> None:
        (pics / "table.csv").write_text("path,thumb\na.jpg,t/a.jpg\n,\n")
        assert names_of("table.csv") == ["a.jpg"]
        assert names_of("table.csv::thumb") == ["t/a.jpg"]
        (pics / "table.csv::path").mkdir()
        (pics / "table.csv::path" / "real.jpg").write_bytes(JPEG)
        assert names_of("table.csv::path") == ["real.jpg"]  # what really has such a name wins
        with pytest.raises(SourceError, match="has no column 'x'"):
            list_images("table.csv::x")
        with pytest.raises(SourceError, match="There is no folder or file"):
            list_images("other.csv::x")

    def test_an_empty_list_is_an_error(self, pics: Path) -> None:
        (pics / "empty.txt").write_text("# nothing yet\n")
        with pytest.raises(NoImagesError, match=r"The list 'empty\.txt' is empty"):
            list_images("empty.txt")

    def test_a_text_that_lists_nothing_is_an_error_and_not_a_list_of_missing_files(self, pics: Path) -> None:
        (pics / "notes.txt").write_text("Dear diary,\ntoday I took pictures. Many of them.\n" + "x" * 5000)
        with pytest.raises(NoImagesError, match=r"The list 'notes\.txt' names no picture: of its 3 entries none"):
            list_images("notes.txt")
        (pics / "notes.txt").write_text("Dear diary,\nlists")
        assert names_of("notes.txt") == ["Dear diary,", "lists"]  # a folder is there, though it is no picture
        (pics / "notes.csv").write_text('path\n""\n,\n')
        with pytest.raises(NoImagesError, match="names no picture|is empty"):
            list_images("notes.csv")


class TestArchives:
    @pytest.fixture
    def photos(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        path = tmp_path / "photos.zip"
        with zipfile.ZipFile(path, "w") as file:
            for name in ("b.jpg", "x/a.png", "x/y/c.jpg", "notes.txt", "../d.jpg", "inner.zip"):
                file.writestr(name, JPEG)
            file.writestr("notes.txt", b"text")
        return path

    @pytest.fixture(autouse=True)
    def no_duplicates(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Duplicate name")
            yield

    def test_members_are_listed_under_their_names_inside(self, photos: Path) -> None:
        listing = list_images("photos.zip")
        assert [ref.name for ref in listing.refs][:3] == ["b.jpg", "inner.zip", "notes.txt"]  # pictures by their bytes
        assert [ref.path for ref in listing.refs] == [Path("photos.zip") / ref.name for ref in listing.refs]
        ((archive, reason),) = listing.unlistable
        assert archive == Path("photos.zip")
        assert reason.endswith(": ../d.jpg")

    def test_a_folder_and_a_member_can_be_named(self, photos: Path) -> None:
        assert names_of("photos.zip/x") == ["a.png", "y/c.jpg"]
        assert names_of(photos / "x" / "y") == ["c.jpg"]
        assert list_images("photos.zip/x/a.png").refs == (
            ImageRef(0, "photos.zip/x/a.png", Path("photos.zip/x/a.png")),
        )
        with pytest.raises(NoImagesError, match=r"The archive 'photos\.zip/z' has no images"):
            list_images("photos.zip/z")

    def test_are_known_by_their_content_where_the_user_names_them(self, photos: Path) -> None:
        photos.rename("photos")
        assert "x/a.png" in names_of("photos")
        assert names_of("photos/x") == ["a.png", "y/c.jpg"]

    def test_in_a_folder_are_other_files(self, photos: Path, tmp_path: Path) -> None:
        write(tmp_path, a_jpg=JPEG)
        listing = list_images(tmp_path)
        assert [ref.name for ref in listing.refs] == ["a.jpg"]
        assert listing.n_other_files == 1

    def test_without_images_and_damaged_ones_are_errors(self, tmp_path: Path) -> None:
        (tmp_path / "a.zip").write_bytes(zip_archive())
        with pytest.raises(NoImagesError, match=r"The archive .*a\.zip' has no images; it has 1 other file\."):
            list_images(tmp_path / "a.zip")
        for name in ("b.zip", "c.tar.gz"):
            (tmp_path / name).write_bytes(zip_archive()[:30])
            with pytest.raises(SourceError, match=f"The archive .*{name}' cannot be listed: "):
                list_images(tmp_path / name)


class TestAddresses:
    def test_in_lists_have_a_place_for_their_copy_and_no_secrets_in_their_names(self, tmp_path: Path) -> None:
        address = "https://me:hunter2@example.org/a.jpg?sig=abc"
        listing = list_images([address, "memory://pics/a.jpg"], downloads=tmp_path)
        ref = listing.refs[0]
        assert (ref.name, ref.url) == ("https://example.org/a.jpg?sig=***", address)
        assert ref.path == kept_path(tmp_path, address)
        assert listing.downloads == tmp_path
        assert "hunter2" not in repr(listing)
        assert "abc" not in repr(listing)

    def test_without_a_folder_for_copies_go_to_a_temporary_one(self) -> None:
        listing = list_images(["https://example.org/a.jpg"])
        assert listing.downloads is not None
        assert listing.downloads.is_dir()
        assert listing.refs[0].path == kept_path(listing.downloads, "https://example.org/a.jpg")

    def test_drives_of_windows_are_no_protocols(self) -> None:
        (ref,) = list_images(["C:\\pics\\a.jpg"]).refs
        assert (ref.url, ref.path) == (None, Path("C:\\pics\\a.jpg"))

    def test_of_files_are_their_paths(self, tmp_path: Path) -> None:
        write(tmp_path, pics__a_jpg=JPEG)
        assert names_of((tmp_path / "pics").as_uri()) == ["a.jpg"]
        (ref,) = list_images([(tmp_path / "b c.jpg").as_uri()]).refs
        assert (ref.url, ref.path) == (None, tmp_path / "b c.jpg")

    def test_of_a_folder_elsewhere_list_its_images(self, memory: Any, tmp_path: Path) -> None:
        memory.pipe({"/pics/b.jpg": JPEG, "/pics/x/a.png": JPEG, "/pics/notes.txt": b"text"})
        listing = list_images("memory://pics", downloads=tmp_path)
        assert [ref.url for ref in listing.refs] == ["memory://pics/b.jpg", "memory://pics/x/a.png"]
        assert [ref.name for ref in listing.refs] == [ref.url for ref in listing.refs]
        assert (listing.n_other_files, listing.downloads) == (1, tmp_path)
        assert names_of("memory://pics/*.jpg") == ["memory://pics/b.jpg"]
        with pytest.raises(NoImagesError, match="'memory://pics/\\*.gif' has no images"):
            list_images("memory://pics/*.gif")

    def test_of_one_file_elsewhere_are_what_comes(self, memory: Any) -> None:
        with zipfile.ZipFile(archive := io.BytesIO(), "w") as file:
            file.writestr("x/a.jpg", JPEG)
        entries = "a.jpg\nmemory://pics/x/b.jpg\nfile:///etc/passwd\n"
        memory.pipe({"/pics/a.jpg": JPEG, "/pics/p.zip": archive.getvalue(), "/pics/list.txt": entries.encode()})
        assert names_of("memory://pics/a.jpg") == ["memory://pics/a.jpg"]
        assert names_of("memory://pics/p.zip") == ["x/a.jpg"]
        listing = list_images("memory://pics/list.txt")
        assert [ref.url for ref in listing.refs] == ["memory://pics/a.jpg", "memory://pics/x/b.jpg", None]
        assert listing.refs[2].path is None
        ((path, reason),) = listing.unlistable
        assert path is None
        assert reason == "a list from elsewhere cannot name files of this machine: file:///etc/passwd"


@pytest.fixture
def memory() -> Iterator[Any]:
    """The memory that fsspec calls memory://, with nothing in it after the test."""
    system = pytest.importorskip("fsspec").filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


class TestWeb:
    @pytest.fixture
    def site(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
        pytest.importorskip("requests")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        with web_server() as running:
            yield running

    def test_a_picture_is_one_image_fetched_once(self, site: Site, tmp_path: Path) -> None:
        site.answers["/cat"] = says()
        listing = list_images(f"{site.address}/cat", downloads=tmp_path)
        (ref,) = listing.refs
        assert (ref.name, ref.url) == (f"{site.address}/cat", f"{site.address}/cat")
        assert ref.path is not None
        assert ref.path.read_bytes() == PICTURE
        assert list_images(f"{site.address}/cat", downloads=tmp_path) == listing
        assert site.count("/cat") == 1

    def test_an_archive_is_its_members(self, site: Site, tmp_path: Path) -> None:
        with zipfile.ZipFile(archive := io.BytesIO(), "w") as file:
            file.writestr("x/a.jpg", PICTURE)
        site.answers["/p"] = says(archive.getvalue())
        (ref,) = list_images(f"{site.address}/p?key=abc", downloads=tmp_path).refs
        assert (ref.name, ref.url) == ("x/a.jpg", None)
        assert ref.path == kept_path(tmp_path, f"{site.address}/p?key=abc") / "x/a.jpg"
        site.answers["/broken.zip"] = says(archive.getvalue()[:20])
        with pytest.raises(SourceError, match=rf"The archive '{site.address}/broken\.zip' cannot be listed"):
            list_images(f"{site.address}/broken.zip")

    @pytest.mark.parametrize("name", ["list.txt", "list.csv", "list"])
    def test_a_list_is_what_it_names_relative_to_it(self, site: Site, name: str) -> None:
        site.answers[f"/x/{name}"] = says(b"a.jpg\n/b.jpg\nhttps://example.org/c.jpg\n", Content_Type="text/plain")
        listing = list_images(f"{site.address}/x/{name}")
        expected = [f"{site.address}/x/a.jpg", f"{site.address}/b.jpg", "https://example.org/c.jpg"]
        assert [ref.url for ref in listing.refs] == expected

    def test_a_page_is_the_pictures_on_it(self, site: Site, tmp_path: Path) -> None:
        page = b'<html><img src="a.jpg"><img src="gone.jpg"><a href="b.jpg">b</a></html>'
        site.answers |= {"/page": says(page, Content_Type="text/html"), "/a.jpg": says(), "/b.jpg": says()}
        listing = list_images(f"{site.address}/page", downloads=tmp_path)
        assert {ref.name for ref in listing.refs} == {f"{site.address}/a.jpg", f"{site.address}/b.jpg"}
        assert all(ref.path is not None and ref.path.read_bytes() == PICTURE for ref in listing.refs)
        assert listing.unlistable == ((None, f"not found (404): {site.address}/gone.jpg"),)
        assert site.count("/page") == 1

    def test_a_page_object_says_how_far_to_go(self, site: Site) -> None:
        from concept_memes.remote.crawling import WebPage

        page = b'<img src="a.jpg"><img src="b.jpg"><a href="/next">next</a>'
        site.answers |= {"/page": says(page, Content_Type="text/html"), "/a.jpg": says(), "/b.jpg": says()}
        site.answers["/next"] = says(b'<img src="c.jpg">', Content_Type="text/html")
        site.answers["/c.jpg"] = says()
        assert names_of(WebPage(f"{site.address}/page", max_pictures=1)) == [f"{site.address}/a.jpg"]
        listing = list_images(WebPage(f"{site.address}/page", depth=1, delay=0))
        assert {ref.name for ref in listing.refs} == {f"{site.address}/{name}.jpg" for name in "abc"}
        assert listing.downloads is not None

    def test_a_page_without_pictures_is_an_error(self, site: Site) -> None:
        site.answers["/page"] = says(b"<html><p>No picture here.", Content_Type="text/html")
        with pytest.raises(NoImagesError, match=f"The page '{site.address}/page' has no images"):
            list_images(f"{site.address}/page")

    def test_what_cannot_be_had_is_an_error_with_the_reason(self, site: Site) -> None:
        address = site.address.replace("://", "://me:hunter2@")
        with pytest.raises(SourceError, match=rf"'{site.address}/cat' cannot be read: not found \(404\)") as caught:
            list_images(f"{address}/cat")
        assert "hunter2" not in str(caught.value)

    def test_a_saved_page_is_the_pictures_beside_it(self, tmp_path: Path) -> None:
        write(tmp_path, files__a_jpg=JPEG)
        (tmp_path / "page.html").write_text('<img src="files/a.jpg"><img src="files/b.jpg">')
        listing = list_images(tmp_path / "page.html")
        assert [ref.path for ref in listing.refs] == [tmp_path / "files/a.jpg"]
        assert listing.unlistable == ((tmp_path / "files/b.jpg", "missing"),)


def test_a_listing_is_taken_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, _a_jpg=JPEG, b_jpg=JPEG)
    listing = list_images(tmp_path, hidden=True)
    assert len(listing.refs) == 2
    assert list_images(listing) is listing
    assert [ref.name for ref in list_images(listing, names=["x", "y"]).refs] == ["x", "y"]


class TestNames:
    def test_replace_those_of_the_listing(self) -> None:
        listing = list_images(["a.jpg", picture()], names=["cat", "dog"])
        assert [ref.name for ref in listing.refs] == ["cat", "dog"]
        assert listing.refs[0].path == Path("a.jpg")

    @pytest.mark.parametrize("names", [[], ["one"], ["one", "two", "three"]])
    def test_of_the_wrong_number_are_an_error(self, names: list[str]) -> None:
        with pytest.raises(InvalidParameterError, match=f"<{len(names)} names>.*one str per image, 2 in all"):
            list_images(["a.jpg", "b.jpg"], names=names)

    @pytest.mark.parametrize("names", ["ab", ["one", 2]])
    def test_of_the_wrong_type_are_an_error(self, names: list[str]) -> None:
        with pytest.raises(InvalidParameterError, match="one str per image"):
            list_images(["a.jpg", "b.jpg"], names=names)


class TestImageFormat:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
    def test_knows_what_pillow_writes(self, kind: str) -> None:
        assert image_format(encoded(picture(), kind)[:64]) == kind

    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (HEIC_HEADER, "HEIF"),
            (AVIF_HEADER, "AVIF"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "AVIF"),
            (b"MM\0*\0\0\0\x08", "TIFF"),
            (b"II+\0\x08\0\0\0", "TIFF"),
        ],
    )
    def test_knows_headers(self, data: bytes, kind: str) -> None:
        assert image_format(data) == kind

    @pytest.mark.parametrize(
        "data",
        [b"", b"B", b"BMW is a car, and a good one", b"RIFF", HTML, SVG, VIDEO_HEADER, WAVE_HEADER, b"P5 1 1 9 "],
    )
    def test_knows_what_is_no_image(self, data: bytes) -> None:
        assert image_format(data[:64]) is None


def test_array_problem_is_none_for_pictures() -> None:
    assert array_problem(np.asarray(picture())) is None
    assert array_problem(np.asarray(Image.new("L", (3, 2)))) is None
