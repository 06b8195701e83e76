from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from concept_memes.encoders.preprocessing import PicturePreprocessing
from concept_memes.errors import EncoderError

PROCESSORS = {
    "clip": ("clip", "CLIPImageProcessorPil", {}),
    "clip-336": ("clip", "CLIPImageProcessorPil", {"size": 336, "crop_size": 336}),
    "clip-crops-beyond": ("clip", "CLIPImageProcessorPil", {"size": 50, "crop_size": {"height": 71, "width": 64}}),
    "clip-bilinear-square": ("clip", "CLIPImageProcessorPil", {"size": {"height": 60, "width": 70}, "resample": 2}),
    "siglip": ("siglip", "SiglipImageProcessorPil", {}),
    "siglip-256": ("siglip", "SiglipImageProcessorPil", {"size": {"height": 256, "width": 256}, "resample": 2}),
}


@pytest.mark.parametrize("case", PROCESSORS)
@pytest.mark.parametrize("size", [(300, 200), (201, 301), (64, 64), (40, 300), (1, 5), (225, 224)])
def test_preprocessing_gives_the_bits_of_the_image_processor(case: str, size: tuple[int, int]) -> None:
    from transformers.models.clip import image_processing_pil_clip
    from transformers.models.siglip import image_processing_pil_siglip

    family, name, settings = PROCESSORS[case]
    module = image_processing_pil_clip if family == "clip" else image_processing_pil_siglip
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    expected = getattr(module, name)(**settings)(images=image, return_tensors="np")["pixel_values"][0]
    np.testing.assert_array_equal(PicturePreprocessing.from_config(settings, family)(image), expected)


def test_a_thin_strip_does_not_fill_the_memory() -> None:
    preprocessing = PicturePreprocessing.from_config({}, "clip")
    strip = Image.new("RGB", (1_000_000, 1), "red")  # 150 GB, resized as a whole
    np.testing.assert_array_equal(preprocessing(strip), preprocessing(Image.new("RGB", (9, 9), "red")))


def test_other_modes_than_rgb_are_converted() -> None:
    preprocessing = PicturePreprocessing.from_config({}, "clip")
    grey = Image.new("L", (30, 30), 90)
    np.testing.assert_array_equal(preprocessing(grey), preprocessing(grey.convert("RGB")))


@pytest.mark.parametrize("settings", [{"do_center_crop": False}, {"do_pad": True}, {"do_resize": False}, {"size": "?"}])
def test_preprocessing_that_is_not_known_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(EncoderError, match="The image processor"):
        PicturePreprocessing.from_config({"size": {"shortest_edge": 64}, **settings} | settings, "clip")
