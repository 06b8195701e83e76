from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
)
from PIL import Image

from concept_memes.errors import InvalidParameterError, NoImagesError, SourceError
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
            pytest.raises(NoImagesError, match=r"1 folder\(s\) in it cannot be listed, the first is .*locked"),
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

    def test_web_address_is_an_error_that_says_what_to_do(self) -> None:
        with pytest.raises(SourceError, match="Addresses are not fetched: download"):
            list_images("https://example.org/pics/a.jpg")

    def test_empty_string_is_not_the_current_folder(self) -> None:
        with pytest.raises(SourceError, match="images is an empty string"):
            list_images("")

    def test_null_character_in_a_path_is_an_error(self) -> None:
        with pytest.raises(SourceError, match="no folder or file"):
            list_images("a\0b")

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
        write(tmp_path, a_txt=b"text")
        assert names_of(tmp_path / "a.txt") == [str(tmp_path / "a.txt")]


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
            (None, r"images\[1\] is None of type NoneType"),
            (float("nan"), r"images\[1\] is nan of type float"),
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

    def test_data_frame_is_an_error_and_not_its_column_names(self) -> None:
        pandas = pytest.importorskip("pandas")
        with pytest.raises(SourceError, match="pass the column that holds the paths"):
            list_images(pandas.DataFrame({"path": ["a.jpg"]}))


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
