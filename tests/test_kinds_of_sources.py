"""One contract for every kind of input: the same pictures give the same concepts, however they are given."""

from __future__ import annotations

import csv
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from webserver import Site, says, web_server

from concept_memes import ConceptModel
from concept_memes.sources import Listing, list_images
from concept_memes.testing import ColorEncoder, write_color_images

WORDS = ["red", "blue"]


class Pictures:
    """Eight red and six blue pictures in a folder, and the ways to hand them over."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.beside = folder / "pics", folder / "beside"
        self.beside.mkdir()
        self.files = sorted(write_color_images(self.folder, ["red"], 8) + write_color_images(self.folder, ["blue"], 6))

    def as_folder(self) -> object:
        return self.folder

    def as_pattern(self) -> object:
        return f"{self.folder}/*.png"

    def as_list_of_paths(self) -> object:
        return [str(path) for path in self.files]

    def as_address_of_a_folder(self) -> object:
        return self.folder.as_uri()

    def as_listing(self) -> Listing:
        return list_images(self.folder)

    def as_zip(self) -> Path:
        with zipfile.ZipFile(self.beside / "photos.zip", "w") as file:
            for path in self.files:
                file.write(path, f"x/{path.name}")
        return self.beside / "photos.zip"

    def as_tar_gz(self) -> object:
        with tarfile.open(self.beside / "photos.tar.gz", "w:gz") as file:
            for path in self.files:
                file.add(path, path.name)
        return self.beside / "photos.tar.gz"

    def as_folder_in_a_zip(self) -> object:
        return self.as_zip() / "x"

    def as_members_of_a_zip(self) -> object:
        archive = self.as_zip()
        return [archive / "x" / path.name for path in self.files]

    def as_text(self) -> object:
        (self.folder / "list.txt").write_text("# chosen\n" + "\n".join(path.name for path in self.files))
        return self.folder / "list.txt"

    def as_csv(self) -> object:
        with open(self.beside / "table.csv", "w", newline="") as file:
            csv.writer(file).writerows([("id", "file_name"), *enumerate(self.as_list_of_paths())])  # type: ignore[arg-type]
        return self.beside / "table.csv"

    def as_column_of_a_tsv(self) -> object:
        with open(self.beside / "table.tsv", "w", newline="") as file:
            rows = [(path.stem, path, "x") for path in self.files]
            csv.writer(file, delimiter="\t").writerows([("path", "where", "url"), *rows])
        return f"{self.beside}/table.tsv::where"

    def as_parquet(self) -> object:
        pytest.importorskip("pyarrow")
        return self._frame_to("to_parquet", "table.parquet")

    def as_data_frame(self) -> object:
        pandas = pytest.importorskip("pandas")
        return pandas.DataFrame({"id": range(14), "image": self.as_list_of_paths()})

    def as_series(self) -> object:
        return self.as_data_frame()["image"]  # type: ignore[index]

    def as_saved_page(self) -> object:
        page = self.beside / "page.html"
        page.write_text("".join(f'<p><img src="../pics/{path.name}"></p>' for path in self.files))
        return page

    def as_folder_elsewhere(self) -> object:
        system = pytest.importorskip("fsspec").filesystem("memory")
        system.store.clear()
        for path in self.files:
            system.pipe(f"/kinds/{path.name}", path.read_bytes())
        return "memory://kinds"

    def _frame_to(self, method: str, name: str) -> Path:
        frame: Any = self.as_data_frame()
        getattr(frame, method)(self.beside / name)
        return self.beside / name


WAYS = sorted(name for name in vars(Pictures) if name.startswith("as_"))


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    return Pictures(tmp_path)


def fitted(source: object) -> ConceptModel:
    return ConceptModel(embedding_model=ColorEncoder(), vocabulary=WORDS).fit(source)  # type: ignore[arg-type]


def concepts_of(model: ConceptModel) -> dict[str, int]:
    """Return the concept per content."""
    assert model.skipped_ == ()
    hashes = [image.content_hash for image in model.concepts_.images]
    assert len(hashes) == 14
    return dict(zip(hashes, model.labels_.tolist(), strict=True))


@pytest.fixture
def expected(pictures: Pictures) -> dict[str, int]:
    found = concepts_of(fitted([str(path) for path in pictures.files]))
    assert sorted(found.values()) == [0] * 8 + [1] * 6
    return found


@pytest.mark.parametrize("way", WAYS)
def test_the_same_pictures_give_the_same_concepts(
    pictures: Pictures, expected: dict[str, int], way: str, tmp_path: Path
) -> None:
    source = getattr(pictures, way)()
    model = fitted(source)
    assert concepts_of(model) == expected
    loaded = ConceptModel.load(model.save(tmp_path / "saved"), embedding_model=ColorEncoder())
    assert loaded.concepts_.images == model.concepts_.images
    assert loaded.find_images("blue", top_n=6) == model.find_images("blue", top_n=6)
    assert (loaded.transform(source) == model.labels_).all()


class TestServed:
    @pytest.fixture
    def site(self, monkeypatch: pytest.MonkeyPatch, pictures: Pictures) -> Iterator[Site]:
        pytest.importorskip("requests")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        with web_server() as running:
            running.answers |= {f"/{path.name}": says(path.read_bytes()) for path in pictures.files}
            yield running

    def page(self, site: Site, pictures: Pictures) -> str:
        html = "".join(f'<p><img src="/{path.name}"></p>' for path in pictures.files)
        site.answers["/page"] = says(html.encode(), Content_Type="text/html")
        return f"{site.address}/page"

    def archive(self, site: Site, pictures: Pictures) -> str:
        site.answers["/photos.zip"] = says(pictures.as_zip().read_bytes())
        return f"{site.address}/photos.zip"

    def list(self, site: Site, pictures: Pictures) -> str:
        names = "\n".join(path.name for path in pictures.files)
        site.answers["/list.txt"] = says(names.encode(), Content_Type="text/plain")
        return f"{site.address}/list.txt"

    def addresses(self, site: Site, pictures: Pictures) -> list[str]:
        return [f"{site.address}/{path.name}" for path in pictures.files]

    @pytest.mark.parametrize("way", [page, archive, list, addresses])
    def test_pictures_give_the_same_concepts_and_are_fetched_once(
        self, site: Site, pictures: Pictures, expected: dict[str, int], way: Callable[..., object]
    ) -> None:
        source = way(self, site, pictures)
        model = fitted(source)
        assert concepts_of(model) == expected
        assert concepts_of(fitted(source)) == expected
        assert max(site.count(f"/{path.name}") for path in pictures.files) == (0 if way is TestServed.archive else 1)
        assert site.count("/photos.zip") <= 1

    def test_in_any_mix_of_kinds_missing_ones_keep_their_places(
        self, site: Site, pictures: Pictures, tmp_path: Path
    ) -> None:
        archive, files = pictures.as_zip(), pictures.files
        mixed: list[object] = [archive / "x" / path.name for path in files[:4]]
        mixed += [None, f"{site.address}/gone.png", tmp_path / "nothing" / "a.png", archive / "x" / "gone.png", archive]
        mixed += [*self.addresses(site, pictures)[4:9], *files[9:]]
        with pytest.warns(UserWarning, match="5 of 19 images") as caught:
            model = fitted(mixed)
        assert len(caught) == 1
        reasons = {one.index: one.reason for one in model.skipped_}
        assert list(reasons) == [4, 5, 6, 7, 8]
        assert reasons[4] == "no path given"
        assert reasons[5] == f"not found (404): {site.address}/gone.png"
        assert reasons[6] == reasons[7] == "missing"
        assert reasons[8].startswith("not an image")  # an item of a list is one picture
        assert [label < 0 for label in model.labels_] == [False] * 4 + [True] * 5 + [False] * 10
