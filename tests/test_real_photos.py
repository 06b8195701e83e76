"""A quick check on real pictures with the hub-free model: kinds are found, named, searchable and drawn.

The whole collections are measured by `benchmarks/quality.py`; this is a sample that fits into a test run.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import adjusted_rand_score

from concept_memes import ConceptModel, HubFreeEncoder
from concept_memes.centring import unit
from concept_memes.loading import load_image

DATA = Path(__file__).parents[2] / "shared" / "data"
PHOTOS, MEMES = DATA / "photos", DATA / "memes"
KINDS = ["airplanes", "grand_piano", "panda", "pizza", "sunflower", "umbrella"]
N_PER_KIND = 25

pytestmark = [
    pytest.mark.skipif(not HubFreeEncoder.is_installed(), reason="the hub-free model is not installed"),
    pytest.mark.skipif(not PHOTOS.is_dir(), reason="there is no folder with photos beside the project"),
]


@pytest.fixture(scope="session")
def encoder() -> HubFreeEncoder:
    return HubFreeEncoder()


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    return [path for kind in KINDS for path in sorted((PHOTOS / kind).iterdir())[:N_PER_KIND]]


@pytest.fixture(scope="session")
def model(encoder: HubFreeEncoder, photos: list[Path]) -> ConceptModel:
    return ConceptModel(embedding_model=encoder).fit(photos)


def kind_of(path: Path | None) -> str:
    assert path is not None
    return path.parent.name


def kinds_of_concepts(model: ConceptModel) -> dict[int, str]:
    """Return the most frequent kind of each concept."""
    return {
        concept.index: Counter(
            kind_of(model.images_[i].path) for i in model.concepts_.members(concept.index)
        ).most_common()[0][0]
        for concept in model.concepts_.concepts
    }


def test_the_kinds_are_found(model: ConceptModel, photos: list[Path]) -> None:
    assert abs(len(model.concepts_) - len(KINDS)) <= 1
    assert set(kinds_of_concepts(model).values()) == set(KINDS)
    assert adjusted_rand_score([kind_of(path) for path in photos], model.labels_) >= 0.85
    assert (model.labels_ < 0).mean() <= 0.1
    assert model.skipped_ == ()


def test_most_kinds_are_named(model: ConceptModel) -> None:
    rows = [line.split("\t") for line in (DATA / "photo_names.tsv").read_text(encoding="utf-8").splitlines()]
    names = {kind: {name.strip().lower() for cell in cells for name in cell.split(",")} for kind, *cells in rows}
    hits = [
        not names[kind].isdisjoint(word.lower() for word in model.concepts_.concepts[number].words[:5])
        for number, kind in kinds_of_concepts(model).items()
    ]
    assert np.mean(hits) >= 0.6, model.topics


@pytest.mark.parametrize("text", ["panda", "a photo of a pizza", "umbrella"])
def test_a_text_finds_pictures_and_concepts_of_its_kind(text: str, model: ConceptModel) -> None:
    kind = next(kind for kind in KINDS if kind in text)
    found = [kind_of(hit.path) for hit in model.find_images(text, top_n=15)]
    assert found.count(kind) >= 13
    assert kinds_of_concepts(model)[model.find_concepts(text)[0].concept] == kind


def test_a_picture_finds_its_kind(model: ConceptModel) -> None:
    unseen = sorted((PHOTOS / "umbrella").iterdir())[N_PER_KIND]
    found = [kind_of(hit.path) for hit in model.find_images(unseen, top_n=10)]
    assert found.count("umbrella") >= 8


def test_new_pictures_join_their_kind_and_foreign_ones_mostly_none(model: ConceptModel) -> None:
    kinds = kinds_of_concepts(model)
    new = [
        path
        for kind in ("panda", "airplanes")
        for path in sorted((PHOTOS / kind).iterdir())[N_PER_KIND : N_PER_KIND + 6]
    ]
    foreign = [path for kind in ("trilobite", "laptop") for path in sorted((PHOTOS / kind).iterdir())[:6]]
    labels = model.transform([*new, *foreign]).tolist()
    right = [label >= 0 and kinds[label] == kind_of(path) for label, path in zip(labels[:12], new, strict=True)]
    assert np.mean(right) >= 0.75
    assert labels[12:].count(-1) >= 8


def test_exemplars_are_of_the_concept_s_kind(model: ConceptModel) -> None:
    for number, kind in kinds_of_concepts(model).items():
        exemplars = model.concepts_.concepts[number].exemplars
        assert len(exemplars) == 8
        assert sum(kind_of(model.images_[i].path) == kind for i in exemplars) >= 7


@pytest.mark.parametrize(
    "pair", [("panda", "pizza"), ("butterfly", "helicopter"), ("accordion", "yin_yang"), ("lotus", "watch")]
)
def test_twelve_photos_of_two_kinds_are_these_two_kinds(pair: tuple[str, str], encoder: HubFreeEncoder) -> None:
    photos = [path for kind in pair for path in sorted((PHOTOS / kind).iterdir())[:6]]
    small = ConceptModel(embedding_model=encoder, vocabulary=["panda", "pizza", "butterfly"]).fit(photos)
    assert len(small.concepts_) == 2
    assert adjusted_rand_score([kind_of(path) for path in photos], small.labels_) >= 0.75
    assert len([text for text in small.visualize_concepts().texts if str(text.get_gid()).endswith("-title")]) == 2


@pytest.mark.skipif(not MEMES.is_dir(), reason="there is no folder with memes beside the project")
def test_memes_with_chinese_names_and_animations_are_grouped_and_drawn(encoder: HubFreeEncoder, tmp_path: Path) -> None:
    for theme in sorted(path for path in MEMES.iterdir() if path.is_dir()):
        (tmp_path / theme.name).mkdir()
        files = sorted(theme.iterdir())
        for file in [*[f for f in files if f.suffix == ".gif"][:3], *[f for f in files if f.suffix != ".gif"][:7]]:
            (tmp_path / theme.name / file.name).write_bytes(file.read_bytes())
    model = ConceptModel(embedding_model=encoder, vocabulary=["parrot", "duck", "pigeon", "panda", "face"]).fit(
        tmp_path
    )
    names = [image.name for image in model.images_]
    assert any(name.endswith(".gif") for name in names)
    assert not all(name.isascii() for name in names)
    assert model.skipped_ == ()
    assert len(model.concepts_) >= 2
    figure = model.visualize_concepts()
    assert "model: hub-free" in [text.get_text() for text in figure.texts]
    assert all(isinstance(cover, Image.Image) for cover in model.cluster_images.values())
    assert model.find_images(tmp_path / names[0], top_n=1)[0].index == 0


def test_shrinking_while_decoding_hardly_turns_a_vector(tmp_path: Path, photos: list[Path]) -> None:
    encoder = HubFreeEncoder()
    large = []
    for number, path in enumerate(photos[::12]):
        large.append(tmp_path / f"{number}.jpg")
        Image.open(path).convert("RGB").resize((2400, 1800), Image.Resampling.LANCZOS).save(large[-1], quality=92)
    whole = np.stack([encoder.preprocess(Image.open(path).convert("RGB")) for path in large])
    shrunk = ConceptModel(embedding_model=encoder, cache=False).embed_images(large)
    assert load_image(large[0], min_size=encoder.image_size).width < 2400
    cosines = (unit(encoder.encode_images(whole)) * shrunk).sum(axis=1)
    # A level of grey more or less in every pixel turns single vectors by far more (cosine 0.89).
    assert cosines.mean() >= 0.999
    assert cosines.min() >= 0.998
