from __future__ import annotations

import pytest
from badfiles import AVIF_HEADER, HEIC_HEADER, encoded, picture
from hypothesis import given
from hypothesis import strategies as st

from concept_memes.image_formats import ENDINGS, N_MAGIC, image_format


@pytest.mark.parametrize(
    ("first_bytes", "kind"),
    [
        *((encoded(picture(), kind), kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")),
        (encoded(picture(), "TIFF", big_tiff=True), "TIFF"),
        (AVIF_HEADER, "AVIF"),
        (HEIC_HEADER, "HEIF"),
        (b"\xff\x0a\xfa\x1f", "JXL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "JXL"),
    ],
)
def test_formats_are_known_by_their_first_bytes(first_bytes: bytes, kind: str) -> None:
    assert image_format(first_bytes[:N_MAGIC]) == kind


@given(st.text(st.characters(codec="utf-8"), max_size=N_MAGIC))
def test_no_text_is_an_image(text: str) -> None:
    assert image_format(text.encode()) is None or text.startswith(("GIF87a", "GIF89a", "II*\0", "II+\0"))


@given(st.binary(max_size=N_MAGIC))
def test_any_bytes_have_an_answer(first_bytes: bytes) -> None:
    assert image_format(first_bytes) in {None, "JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "HEIF", "JXL"}


def test_endings_are_in_lower_case_with_their_dot() -> None:
    assert {".jpg", ".heic", ".avif", ".jxl", ".webp"} <= ENDINGS
    assert all(ending.startswith(".") and ending == ending.lower() for ending in ENDINGS)
