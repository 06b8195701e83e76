"""The pictures' way into CLIP and SigLIP: resize, crop, normalise.

These are our own few lines of PIL and numpy. The image processors of transformers choose between two back ends,
depending on whether torchvision is installed, and these do not give the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from concept_memes.errors import EncoderError
from concept_memes.protocols import FloatArray

__all__ = ["FAMILY_DEFAULTS", "PicturePreprocessing"]

_CLIP_PICTURES = {
    "size": {"shortest_edge": 224},
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
_SIGLIP_PICTURES = {
    "size": {"height": 224, "width": 224},
    "do_center_crop": False,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}
# model_type in config.json -> what preprocessor_config.json may leave out
FAMILY_DEFAULTS = {"clip": _CLIP_PICTURES, "siglip": _SIGLIP_PICTURES}

# A strip of 10000 x 1 pixels would be enlarged to 2 million pixels a row before its middle is cut out.
_LONGEST_SIDES = 8


@dataclass(frozen=True)
class PicturePreprocessing:
    """Resize, crop and normalise a picture; the same bits as transformers' PIL back end.

    Parameters
    ----------
    size : tuple of int, or int
        Height and width in pixels to resize to, or the length of the shorter side.
    crop : tuple of int, or None
        Height and width of the middle that is cut out; None cuts nothing.
    resample : int
        PIL's number of the filter; 3 is bicubic.
    scale : float
        Factor from 0..255 to the range in which `mean` and `std` are given.
    mean, std : tuple of float
        Per channel.

    Examples
    --------
    >>> from PIL import Image
    >>> preprocessing = PicturePreprocessing.from_config({}, "clip")
    >>> preprocessing(Image.new("RGB", (640, 480))).shape
    (3, 224, 224)
    """

    size: tuple[int, int] | int
    crop: tuple[int, int] | None
    resample: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def from_config(cls, config: Mapping[str, Any], family: str) -> PicturePreprocessing:
        """Read ``preprocessor_config.json``, old or new.

        Parameters
        ----------
        config : mapping
            The file's content; what it leaves out is what the family of models does.
        family : str
            ``"clip"`` or ``"siglip"``.

        Returns
        -------
        PicturePreprocessing
            The parameters.

        Raises
        ------
        EncoderError
            The pictures would have different shapes after these steps.
        """
        known = {"resample": 3, "rescale_factor": 1 / 255, **FAMILY_DEFAULTS[family], **config}
        crop = _height_and_width(known["crop_size"]) if known["do_center_crop"] else None
        size: Any = known["size"]
        if isinstance(size, Mapping) and size.get("shortest_edge"):
            size = size["shortest_edge"]
        elif not isinstance(size, int):
            size = _height_and_width(size)
        if crop is None and not isinstance(size, tuple):
            raise EncoderError(
                f"The image processor resizes to size={known['size']!r} and cuts nothing, so that pictures of "
                "different shape stay different. It must resize to a height and a width, or cut out the middle."
            )
        unusual = [key for key in ("do_resize", "do_rescale", "do_normalize") if known.get(key) is False]
        if unusual or known.get("do_pad"):
            raise EncoderError(
                f"The image processor has {unusual or ['do_pad']}: such preprocessing is not supported. Pass an "
                "encoder object of your own (see ImageEncoder)."
            )
        return cls(
            size,
            crop,
            int(known["resample"]),
            float(known["rescale_factor"]),
            tuple(map(float, known["image_mean"])),
            tuple(map(float, known["image_std"])),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the result."""
        if self.crop is not None:
            return self.crop
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)

    def seen_part(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Tell which part of a picture the model sees.

        Parameters
        ----------
        size : (int, int)
            Width and height of the picture in pixels.

        Returns
        -------
        tuple of float
            Left, top, right and bottom in pixels of the picture; beyond its borders where the crop is larger.

        Examples
        --------
        >>> PicturePreprocessing.from_config({}, "clip").seen_part((640, 480))
        (80.0, 0.0, 560.0, 480.0)
        >>> PicturePreprocessing.from_config({}, "siglip").seen_part((640, 480))
        (0.0, 0.0, 640.0, 480.0)
        """
        width, height = size
        if self.crop is None:
            return 0.0, 0.0, float(width), float(height)
        if isinstance(self.size, tuple):
            across, down = width / self.size[1], height / self.size[0]
        else:
            across = down = min(size) / self.size
        seen = (self.crop[1] * across, self.crop[0] * down)
        left, top = (width - seen[0]) / 2, (height - seen[1]) / 2
        return left, top, left + seen[0], top + seen[1]

    @cached_property
    def _table(self) -> FloatArray:
        """Return the normalised value of each of the 256 values in each channel, shape (3, 256)."""
        values = (np.arange(256, dtype=np.float64) * self.scale).astype(np.float32)
        mean, std = np.array(self.mean, np.float32)[:, None], np.array(self.std, np.float32)[:, None]
        return np.asarray((values - mean) / std, dtype=np.float32)

    def __call__(self, image: Image.Image) -> FloatArray:
        """Return float32 of shape (3, height, width)."""
        image = image if image.mode == "RGB" else image.convert("RGB")
        image = self._resized(image)
        if self.crop is not None:
            height, width = self.crop
            left, top = (image.width - width) // 2, (image.height - height) // 2
            image = image.crop((left, top, left + width, top + height))  # PIL fills with black beyond the border
        pixels = np.asarray(image)
        result = np.empty((3, *pixels.shape[:2]), dtype=np.float32)
        for channel, values in enumerate(self._table):
            np.take(values, pixels[..., channel], out=result[channel], mode="clip")  # "raise" copies: 4 times slower
        return result

    def _resized(self, image: Image.Image) -> Image.Image:
        if isinstance(self.size, tuple):
            height, width = self.size
        else:
            image = _without_far_ends(image)
            short, long = sorted(image.size)
            long = int(self.size * long / short)
            width, height = (self.size, long) if image.width <= image.height else (long, self.size)
        return image.resize((width, height), resample=Image.Resampling(self.resample))


def _height_and_width(size: object) -> tuple[int, int]:
    """Read a size that is a number (a square), a pair, or a mapping."""
    if isinstance(size, Mapping) and {"height", "width"} <= set(size):
        return int(size["height"]), int(size["width"])
    if isinstance(size, int):
        return size, size
    if isinstance(size, (list, tuple)) and len(size) == 2:
        return int(size[0]), int(size[1])
    raise EncoderError(f"The image processor has the size {size!r}: a number, or a height and a width, is expected.")


def _without_far_ends(image: Image.Image) -> Image.Image:
    """Cut the ends off a strip, which the crop would throw away after enlarging them."""
    most = _LONGEST_SIDES * min(image.size)
    if max(image.size) <= most:
        return image
    width, height = min(image.width, most), min(image.height, most)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
