from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import stat
import struct
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from badfiles import encoded, picture, truncated, without_permission
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.archives import close_archives, is_archive, list_archive, open_member, tar_readers
from concept_memes.archives import members as archive_members
from concept_memes.archives import opened as open_archives
from concept_memes.archives.members import member_key, name_problem
from concept_memes.errors import UnreadableImageError

PNG = encoded(picture(), "PNG")
KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")
TARS = KINDS[1:]


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    yield
    close_archives()


def make(folder: Path, kind: str, members: Mapping[str, bytes], name: str = "photos") -> Path:
    path = folder / f"{name}.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED)
    else:
        mode = "w:" + kind.removeprefix("tar").removeprefix(".")
        with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
            for member, data in members.items():
                add(tar, member, data)
    return path


def add(tar: tarfile.TarFile, name: str, data: bytes = b"", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(data))


def reason(archive: Path, member: str) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        open_member(archive, member)
    assert caught.value.name == f"{archive}/{member}"
    return caught.value.reason


class TestIsArchive:
    @pytest.mark.parametrize(
        "name", ["a.zip", "a.CBZ", "a.tar", "a.tar.gz", "a.TGZ", "a.tar.bz2", "a.tbz2", "a.tar.xz", "a.txz"]
    )
    def test_by_ending_without_opening(self, name: str) -> None:
        assert is_archive(name)

    @pytest.mark.parametrize("name", ["a.jpg", "zip", "a.gz", "a.zip.jpg", "a.docx", ""])
    def test_other_endings_are_none(self, name: str) -> None:
        assert not is_archive(name)

    @pytest.mark.parametrize("kind", KINDS)
    def test_by_content_whatever_the_ending(self, tmp_path: Path, kind: str) -> None:
        path = make(tmp_path, kind, {"a.png": PNG}).rename(tmp_path / "download")
        assert not is_archive(path)
        assert is_archive(path, by_content=True)

    @pytest.mark.parametrize("data", [PNG, b"", b"text", bytes(10_240), b"\x1f\x8bno gzip", b"BZh9no", b"\xfd7zXZ\0no"])
    def test_other_contents_are_none(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "download").write_bytes(data)
        assert not is_archive(tmp_path / "download", by_content=True)

    def test_places_that_are_no_files_are_none(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for place in (tmp_path, tmp_path / "missing", tmp_path / "pipe"):
            assert not is_archive(place, by_content=True)


class TestListing:
    @pytest.mark.parametrize("kind", KINDS)
    def test_pictures_are_members_others_are_counted(self, tmp_path: Path, kind: str) -> None:
        members = {
            "b.jpg": b"named like one",
            "inner/a": PNG,
            "notes.txt": b"none",
            "none": b"none",
            "empty.png": b"",
            ".hidden.png": PNG,
            ".git/a.png": PNG,
            "__MACOSX/a.png": PNG,
        }
        listing = list_archive(make(tmp_path, kind, members))
        assert sorted(listing.members) == ["b.jpg", "empty.png", "inner/a"]
        assert listing.n_others == 5
        assert listing.refused == ()

    @pytest.mark.parametrize("kind", ["zip", "tar"])
    def test_natural_order_where_any_order_is_quick(self, tmp_path: Path, kind: str) -> None:
        long = "b/1" + "0" * 90 + ".png"
        names = ["page 10.png", "b/2.png", "page 9.png", "page 09.png", "b/10.png", "page.png", long]
        listing = list_archive(make(tmp_path, kind, dict.fromkeys(names, PNG)))
        expected = ["b/2.png", "b/10.png", long, "page 09.png", "page 9.png", "page 10.png", "page.png"]
        assert list(listing.members) == expected

    @pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
    def test_order_of_the_archive_where_it_is_read_from_front_to_back(self, tmp_path: Path, kind: str) -> None:
        names = ("10.png", "9.png", "a.png", "1.png")
        assert list_archive(make(tmp_path, kind, dict.fromkeys(names, PNG))).members == names

    @pytest.mark.parametrize("kind", KINDS)
    def test_names_that_are_not_safe_are_refused_with_the_reason(self, tmp_path: Path, kind: str) -> None:
        bad = {
            "/etc/a.png": "its name is absolute",
            "\\\\server\\a.png": "its name is absolute",
            "../a.png": "its name leads out of the archive ('..')",
            "b/../../a.png": "its name leads out of the archive ('..')",
            "b\\..\\a.png": "its name leads out of the archive ('..')",
            "C:\\a.png": "its name begins with a drive letter",
            "c:a.png": "its name begins with a drive letter",
        }
        path = make(tmp_path, kind, {**dict.fromkeys(bad, PNG), "good..name.png": PNG, "../notes.txt": b""})
        listing = list_archive(path)
        assert dict(listing.refused) == bad
        assert listing.members == ("good..name.png",)
        assert listing.n_others == 1
        for name in (*bad, "etc/a.png", "a.png"):
            assert reason(path, name) == "missing"

    def test_a_null_character_in_a_name_is_refused(self, tmp_path: Path) -> None:
        path = make(tmp_path, "zip", {"aXb.png": PNG, "other.png": PNG})
        path.write_bytes(path.read_bytes().replace(b"aXb.png", b"a\0b.png"))
        listing = list_archive(path)
        assert listing.refused == (("a\0b.png", "its name holds a null character"),)
        assert listing.members == ("other.png",)

    @pytest.mark.parametrize("kind", TARS)
    def test_links_and_devices_are_others(self, tmp_path: Path, kind: str) -> None:
        with tarfile.open(tmp_path / f"a.{kind}", "w:" + kind.removeprefix("tar").removeprefix(".")) as tar:  # type: ignore[call-overload]
            add(tar, "real.png", PNG)
            add(tar, "link.png", type=tarfile.SYMTYPE, linkname="/etc/passwd")
            add(tar, "hard.png", type=tarfile.LNKTYPE, linkname="real.png")
            add(tar, "pipe.png", type=tarfile.FIFOTYPE)
            add(tar, "device.png", type=tarfile.CHRTYPE)
            add(tar, "folder.png", type=tarfile.DIRTYPE)
        listing = list_archive(tmp_path / f"a.{kind}")
        assert (listing.members, listing.n_others, listing.refused) == (("real.png",), 4, ())
        for name in ("link.png", "hard.png", "pipe.png", "folder.png"):
            assert reason(tmp_path / f"a.{kind}", name) == "missing"

    def test_links_and_folders_in_a_zip(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            link = zipfile.ZipInfo("link.png")
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc/passwd")
            archive.mkdir("folder.png")
            archive.writestr("real.png", PNG)
        listing = list_archive(tmp_path / "a.zip")
        assert (listing.members, listing.n_others) == (("real.png",), 1)

    @pytest.mark.parametrize("kind", KINDS)
    def test_of_two_members_of_one_name_the_first_counts(self, tmp_path: Path, kind: str) -> None:
        if kind == "zip":
            with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
                archive.writestr("a.png", b"first")
                with pytest.warns(UserWarning, match="Duplicate name"):
                    archive.writestr("a.png", b"second")
        else:
            with tarfile.open(tmp_path / f"a.{kind}", "w:" + kind.removeprefix("tar").removeprefix(".")) as tar:  # type: ignore[call-overload]
                add(tar, "./a.png", b"first")
                add(tar, "a.png", b"second")
        path = tmp_path / f"a.{kind}"
        listing = list_archive(path)
        assert (listing.members, listing.n_others) == (("a.png",), 1)
        for _ in range(2):
            assert open_member(path, "a.png").read() == b"first"

    @pytest.mark.parametrize("kind", KINDS)
    def test_odd_names_stay_as_they_are(self, tmp_path: Path, kind: str) -> None:
        names = ["ünï 😀.png", "new\nline.png", "x" * 250 + ".png", "d/" * 60 + "deep.png", " .png"]
        path = make(tmp_path, kind, dict.fromkeys(names, PNG))
        assert sorted(list_archive(path).members) == sorted(names)
        for name in names:
            assert open_member(path, name).read() == PNG

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_empty_archive_lists_nothing(self, tmp_path: Path, kind: str) -> None:
        assert list_archive(make(tmp_path, kind, {})).members == ()

    @given(st.text(max_size=20))
    def test_safe_names_stay_inside(self, name: str) -> None:
        if name_problem(name) is None:
            inside = os.path.normpath(os.path.join("/archive", member_key(name)))
            assert inside == "/archive" or inside.startswith("/archive/")


class TestDamage:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("data", [b"", b"no archive at all", PNG], ids=["empty", "text", "picture"])
    def test_what_is_no_archive_cannot_be_listed(self, tmp_path: Path, kind: str, data: bytes) -> None:
        path = tmp_path / f"a.{kind}"
        path.write_bytes(data)
        with pytest.raises(UnreadableImageError, match=r"not an archive, or of a kind that is not supported"):
            list_archive(path)

    def test_a_missing_one_and_one_without_permission(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableImageError, match="missing"):
            list_archive(tmp_path / "a.zip")

    def test_a_truncated_zip_cannot_be_listed(self, tmp_path: Path) -> None:
        path = make(tmp_path, "zip", {"a.png": PNG})
        path.write_bytes(truncated(path.read_bytes()))
        with pytest.raises(UnreadableImageError, match="damaged: the list of its members cannot be read"):
            list_archive(path)

    def test_other_members_of_a_damaged_zip_can_be_read(self, tmp_path: Path) -> None:
        path = make(tmp_path, "zip", {"a.png": PNG, "b.png": PNG, "c.png": PNG})
        data = bytearray(path.read_bytes())
        data[data.index(b"b.png") + 500] ^= 0xFF
        path.write_bytes(data)
        assert list_archive(path).members == ("a.png", "b.png", "c.png")
        assert open_member(path, "a.png").read() == open_member(path, "c.png").read() == PNG
        assert reason(path, "b.png").startswith("truncated or damaged: ")

    @pytest.mark.parametrize("kind", TARS)
    def test_what_comes_before_the_damage_of_a_tar_can_be_read(self, tmp_path: Path, kind: str) -> None:
        noise = random.Random(1).randbytes(3_000_000)
        path = make(tmp_path, kind, {"a.png": PNG, "b.png": noise, "c.png": PNG})
        path.write_bytes(truncated(path.read_bytes(), 0.8))
        listing = list_archive(path)
        assert listing.members == ("a.png", "b.png")
        ((name, why),) = listing.refused
        assert name == path.name
        assert why.startswith("truncated or damaged: ")
        assert why.endswith("what comes after its first 2 members is lost")
        for _ in range(2):
            assert open_member(path, "a.png").read() == PNG
            assert reason(path, "b.png").startswith("truncated or damaged: ")
            assert reason(path, "c.png").startswith("truncated or damaged: ")

    @pytest.mark.parametrize("kind", TARS)
    def test_a_senseless_header_is_damage_not_the_end(self, tmp_path: Path, kind: str) -> None:
        plain = make(tmp_path, "tar", {"a.png": PNG, "b.png": PNG, "c.png": PNG})
        data = bytearray(plain.read_bytes())
        data[data.index(b"b.png")] ^= 0xFF
        compress = {"tar": bytes, "tar.gz": gzip.compress, "tar.bz2": bz2.compress}
        path = tmp_path / f"damaged.{kind}"
        path.write_bytes(compress.get(kind, lzma.compress)(data))
        listing = list_archive(path)
        assert listing.members == ("a.png",)
        assert listing.refused[0][1].startswith("truncated or damaged: a header makes no sense")

    def test_a_tar_without_its_end_mark_is_whole(self, tmp_path: Path) -> None:
        path = make(tmp_path, "tar", {"a.png": PNG})
        path.write_bytes(path.read_bytes()[: 512 + -(-len(PNG) // 512) * 512])
        assert (list_archive(path).members, list_archive(path).refused) == (("a.png",), ())

    @pytest.mark.parametrize("kind", KINDS)
    def test_members_that_are_not_there_are_missing(self, tmp_path: Path, kind: str) -> None:
        path = make(tmp_path, kind, {"a.png": PNG, "folder/b.png": PNG})
        for name in ("c.png", "", "folder", "folder/b.png/c.png", "../a.png"):
            assert reason(path, name) == "missing"
        assert open_member(path, "folder//./b.png").read() == PNG


class TestLimits:
    def encrypted_zip(self, folder: Path) -> Path:
        path = make(folder, "zip", {"a.png": PNG, "noend": PNG})
        data = bytearray(path.read_bytes())
        for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            at = -1
            while (at := data.find(mark, at + 1)) >= 0:
                data[at + offset] |= 1
        path.write_bytes(data)
        return path

    def test_encrypted_members_are_listed_and_say_so_when_read(self, tmp_path: Path) -> None:
        path = self.encrypted_zip(tmp_path)
        assert (list_archive(path).members, list_archive(path).n_others) == (("a.png",), 1)
        assert reason(path, "a.png") == "encrypted"

    @pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")])
    def test_methods_that_unpack_without_limit_are_not_supported(self, tmp_path: Path, method: int, name: str) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
            archive.writestr("a.png", PNG)
        assert reason(tmp_path / "a.zip", "a.png") == f"packed with {name}, which is not supported in zip archives"

    def test_a_member_that_unpacks_to_very_much_is_refused(self, tmp_path: Path) -> None:
        path = make(tmp_path, "zip", {"bomb.png": bytes(20 << 20), "small.png": bytes(2 << 20)})
        assert reason(path, "bomb.png") == "too large: it unpacks to more than 200 times its packed size"
        assert len(open_member(path, "small.png").read()) == 2 << 20

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_member_above_the_limit_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        for module in ("zip_reader", "tar_readers"):
            monkeypatch.setattr(f"concept_memes.archives.{module}.MAX_MEMBER_BYTES", 1000)
        path = make(tmp_path, kind, {"a.png": b"." * 1001, "b.png": b"." * 1000})
        assert reason(path, "a.png") == "too large: 1001 bytes, the limit is 1000"
        assert open_member(path, "b.png").read() == b"." * 1000
        assert reason(path, "a.png") == "too large: 1001 bytes, the limit is 1000"

    def test_a_zip_that_lies_about_a_size_gives_no_more_than_it_says(self, tmp_path: Path) -> None:
        path = make(tmp_path, "zip", {"a.png": bytes(1 << 20)})
        data = path.read_bytes().replace(struct.pack("<L", 1 << 20), struct.pack("<L", 4096))
        path.write_bytes(data)
        assert reason(path, "a.png").startswith("truncated or damaged: Bad CRC-32")

    @pytest.mark.parametrize("kind", TARS[1:])
    def test_a_compressed_tar_that_unpacks_to_very_much_is_stopped(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        monkeypatch.setattr(tar_readers, "_SMALL", 1 << 20)
        path = make(tmp_path, kind, {"a.png": PNG, "zeros": bytes(30 << 20), "b.png": PNG})
        listing = list_archive(path)
        assert listing.members == ("a.png",)
        assert "unpacks to more than 200 times its packed size" in listing.refused[0][1]
        assert open_member(path, "a.png").read() == PNG
        assert "unpacks to more than 200 times" in reason(path, "b.png")

    @pytest.mark.parametrize("kind", ["tar", "tar.gz"])
    @pytest.mark.parametrize("field", [b"x", b"L", b"K"])
    def test_a_name_of_gigabytes_is_not_read(self, tmp_path: Path, kind: str, field: bytes) -> None:
        first = tarfile.TarInfo("a.png")
        first.size = len(PNG)
        bomb = tarfile.TarInfo("name")
        bomb.type, bomb.size = field, 7 << 30
        padding = bytes(-len(PNG) % 512)
        data = first.tobuf() + PNG + padding + bomb.tobuf(tarfile.GNU_FORMAT) + bytes(2048)
        path = tmp_path / f"a.{kind}"
        path.write_bytes(data if kind == "tar" else gzip.compress(data))
        listing = list_archive(path)
        assert listing.members == ("a.png",)
        assert "a name of more than a megabyte" in listing.refused[0][1]

    def test_nothing_is_written_to_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        paths = [make(tmp_path, kind, {"inner/a.png": PNG}) for kind in KINDS]
        before = sorted(tmp_path.rglob("*"))
        for path in paths:
            list_archive(path)
            open_member(path, "inner/a.png")
        assert sorted(tmp_path.rglob("*")) == before


class TestStayingOpen:
    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
        """Record which archives are really opened."""
        paths: list[Path] = []
        open_reader = open_archives._open_reader

        def recording(path: Path) -> archive_members.Reader:
            paths.append(path)
            return open_reader(path)

        monkeypatch.setattr(open_archives, "_open_reader", recording)
        return paths

    @pytest.mark.parametrize("kind", KINDS)
    def test_many_members_one_opening(self, tmp_path: Path, opened: list[Path], kind: str) -> None:
        path = make(tmp_path, kind, {f"{i}.png": str(i).encode() for i in range(50)})
        members = list_archive(path).members
        with ThreadPoolExecutor(4) as pool:
            read = list(pool.map(lambda name: open_member(path, name).read(), members))
        assert read == [name.removesuffix(".png").encode() for name in members]
        assert opened == [path]

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_change_is_seen(self, tmp_path: Path, opened: list[Path], kind: str) -> None:
        path = make(tmp_path, kind, {"a.png": b"old"})
        assert open_member(path, "a.png").read() == b"old"
        os.utime(make(tmp_path, kind, {"a.png": b"newer"}), ns=(1, 1))
        assert open_member(path, "a.png").read() == b"newer"
        assert len(opened) == 2

    def test_few_stay_open_and_none_after_closing(self, tmp_path: Path, opened: list[Path]) -> None:
        paths = [make(tmp_path, "zip", {"a.png": PNG}, name=str(i)) for i in range(10)]
        n_before = len(os.listdir("/proc/self/fd"))
        for path in paths:
            open_member(path, "a.png")
        assert 0 < len(os.listdir("/proc/self/fd")) - n_before <= 5
        close_archives()
        assert len(os.listdir("/proc/self/fd")) == n_before
        assert open_member(paths[0], "a.png").read() == PNG

    def test_closing_waits_for_those_who_read(self, tmp_path: Path) -> None:
        path = make(tmp_path, "zip", {"a.png": PNG})
        with open_archives.lend(path) as reader:
            close_archives()
            assert reader.read("a.png") == PNG

    def test_many_archives_in_many_threads(self, tmp_path: Path) -> None:
        numbers = [(i, j) for j in range(20) for i in range(9)]
        paths = {
            i: make(tmp_path, KINDS[i % 5], {f"{j}.png": f"{i} {j}".encode() for j in range(20)}, name=str(i))
            for i in range(9)
        }
        with ThreadPoolExecutor(8) as pool:
            read = list(pool.map(lambda n: open_member(paths[n[0]], f"{n[1]}.png").read(), numbers))
        assert read == [f"{i} {j}".encode() for i, j in numbers]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
    @pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_forked_child_opens_its_own(self, tmp_path: Path, kind: str) -> None:
        names = [f"{i}.png" for i in range(200)]
        path = make(tmp_path, kind, {name: name.encode() * 500 for name in names})
        open_member(path, names[0])
        child = os.fork()
        if not child:  # no assertion here: pytest would go on in the child
            same = all(open_member(path, name).read() == name.encode() * 500 for name in names)
            os._exit(0 if same else 1)
        same = all(open_member(path, name).read() == name.encode() * 500 for name in names)
        assert os.waitpid(child, 0)[1] == 0
        assert same


class TestFrontToBack:
    @pytest.fixture
    def n_unpacked(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
        """Count the bytes that are unpacked."""
        total, lock = [0], threading.Lock()
        read = tar_readers._Unpacked.read

        def counting(self: tar_readers._Unpacked, n_bytes: int) -> bytes:
            data = read(self, n_bytes)
            with lock:
                total[0] += len(data)
            return data

        monkeypatch.setattr(tar_readers._Unpacked, "read", counting)
        return lambda: total[0]

    @pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
    def test_reading_in_order_from_threads_unpacks_once(
        self, tmp_path: Path, n_unpacked: Callable[[], int], kind: str
    ) -> None:
        data = {f"{i}.png": random.Random(i).randbytes(3000) for i in range(300)}
        path = make(tmp_path, kind, data)
        with ThreadPoolExecutor(4) as pool:
            read = list(pool.map(lambda name: open_member(path, name).read(), data))
        assert read == list(data.values())
        assert n_unpacked() <= 300 * (3072 + 512) + 20_480

    def test_any_order_gives_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tar_readers, "STASH_BYTES", 10_000)
        data = {f"{i}.png": random.Random(i).randbytes(100 * i) for i in range(60)}
        path = make(tmp_path, "tar.gz", data)
        names = [*data, *reversed(data), *random.Random(1).sample(sorted(data), 60)]
        with ThreadPoolExecutor(4) as pool:
            read = list(pool.map(lambda name: open_member(path, name).read(), names))
        assert read == [data[name] for name in names]

    def test_what_is_kept_is_bounded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tar_readers, "STASH_BYTES", 10_000)
        path = make(tmp_path, "tar.gz", {f"{i}.png": b"." * 1500 for i in range(50)})
        with open_archives.lend(path) as reader:
            assert isinstance(reader, tar_readers.TarStreamReader)
            for name in ("49.png", "0.png", "20.png"):
                reader.read(name)
                assert sum(map(len, reader._stash.values())) == reader._n_stashed <= 10_000
                assert len(reader._stash) > 1

    def test_a_missing_member_is_looked_for_once(self, tmp_path: Path, n_unpacked: Callable[[], int]) -> None:
        path = make(tmp_path, "tar.gz", {f"{i}.png": PNG for i in range(20)})
        assert reason(path, "missing.png") == "missing"
        once = n_unpacked()
        assert reason(path, "missing too.png") == "missing"
        assert n_unpacked() == once
        assert open_member(path, "3.png").read() == PNG


class TestPermission:
    def test_no_permission_is_the_reason(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            os.chmod(name, 0o755)
            path = make(Path(name), "zip", {"a.png": PNG})
            with without_permission(path):
                assert reason(path, "a.png") == "no permission to read it"
            assert open_member(path, "a.png").read() == PNG
