"""Loaded models: arrays and texts in, unit vectors out. Only here do CLIP and its kin touch torch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.encoders.checkpoint import Checkpoint
from concept_memes.encoders.devices import warn_if_slow
from concept_memes.encoders.memory import memory_errors
from concept_memes.encoders.placement import Placement
from concept_memes.encoders.quiet import loading_quietly
from concept_memes.encoders.rows import filled_rows
from concept_memes.encoders.text_batches import TEXT_BUCKETS, encode_by_length
from concept_memes.errors import AdjustedWarning, EncoderError, ModelNotFoundError
from concept_memes.protocols import FloatArray

__all__ = ["SentenceTower", "Towers", "attention_for", "in_precision", "pooled", "tokenized"]


def in_precision(network: Any, placement: Placement) -> Any:  # noqa: ANN401 (a torch module)
    """Bring a loaded network to its device and precision.

    Parameters
    ----------
    network : nn.Module
        In float32, on the CPU.
    placement : Placement
        Where to, and in which numbers.

    Returns
    -------
    nn.Module
        The same object.
    """
    import torch

    warn_if_slow(placement.precision, placement.device)
    on_cpu = placement.kind == "cpu"
    if placement.precision == "int8" or (on_cpu and placement.precision == "bf16" and _packs_bf16()):
        from concept_memes.encoders.fast_layers import use_fast_layers

        use_fast_layers(network, placement.precision)
        return network.eval()
    dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[placement.precision]
    return network.to(placement.device, dtype).eval()


def _packs_bf16() -> bool:
    """Tell whether oneDNN takes bf16 here; on a processor without AVX-512 it refuses, and torch's own layers do it."""
    import torch

    return bool(torch._C._has_mkldnn) and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def attention_for(placement: Placement) -> dict[str, str]:
    """Return the argument that makes transformers choose the faster attention.

    torch's fused one takes a tenth of ViT-B/32's time in bf16 on a CPU; written out it takes a twentieth.
    """
    return {"attn_implementation": "eager"} if placement.kind == "cpu" and placement.precision == "bf16" else {}


def _unit_norm(vectors: Any) -> FloatArray:  # noqa: ANN401 (a tensor, but torch is not imported here)
    """Bring a tensor of shape (n, n_dims) to the CPU as float32 of unit length."""
    array = vectors.float().cpu().numpy().astype(np.float32)
    return np.asarray(array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def tokenized(
    tokenizer: Any,  # noqa: ANN401
    texts: Sequence[str],
    limit: int,
    *,
    warn: bool = True,
) -> list[list[int]]:
    """Turn texts into token numbers.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizer
    texts : sequence of str
    limit : int
        What the model reads at most, in tokens with start and end marks.
    warn : bool, default=True
        Whether to warn of texts that are cut.

    Returns
    -------
    list of list of int
        At most `limit` numbers per text.

    Warns
    -----
    AdjustedWarning
        Texts were cut; one warning counts them.
    """
    if not texts:
        return []
    # Halves of surrogate pairs, as in file names that are no UTF-8, are no text to a tokenizer: "?" instead.
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    rows: list[list[int]] = [list(row) for row in tokenizer(list(texts), verbose=False)["input_ids"]]
    long = [index for index, row in enumerate(rows) if len(row) > limit]
    if long:
        cut = tokenizer([texts[index] for index in long], truncation=True, max_length=limit)["input_ids"]
        for index, row in zip(long, cut, strict=True):
            rows[index] = list(row)
    if long and warn:
        warnings.warn(
            f"{len(long)} of {len(texts)} texts are longer than the {limit} tokens that the model reads; "
            "what comes after is left out.",
            AdjustedWarning,
            stacklevel=5,
        )
    return rows


def pooled(output: Any) -> Any:  # noqa: ANN401 (a tensor)
    """Return the vectors of `get_*_features`: transformers 5 wraps what 4 returned bare.

    Parameters
    ----------
    output : Tensor, or an object with a `pooler_output`
        What the model gave.

    Returns
    -------
    Tensor of shape (n, n_dims)
        The vectors, not of unit length yet.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> pooled(SimpleNamespace(pooler_output="vectors")), pooled("vectors")
    ('vectors', 'vectors')
    """
    return getattr(output, "pooler_output", output)


class Towers:
    """A loaded CLIP or SigLIP with its tokenizer: arrays in, unit vectors out.

    Parameters
    ----------
    model : CLIPModel or SiglipModel
        The model of transformers, on its device.
    tokenizer : PreTrainedTokenizer
        Its tokenizer.
    batch_size : int
        Texts in every call of the model.
    finish : callable, optional
        Takes the output of `get_image_features` or `get_text_features` and returns the vectors, a tensor.

    Raises
    ------
    ModelNotFoundError
        Model and tokenizer do not belong together.

    Examples
    --------
    >>> towers = Towers.load(checkpoint, "my-clip", Placement())  # doctest: +SKIP
    >>> towers.texts(["a cat", "a dog"], 512).shape  # doctest: +SKIP
    (2, 512)
    """

    def __init__(
        self,
        model: Any,  # noqa: ANN401
        tokenizer: Any,  # noqa: ANN401
        batch_size: int,
        finish: Callable[[Any], Any] = pooled,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.finish = finish
        self.is_clip = model.config.model_type == "clip"
        self._check_end_of_text()

    @classmethod
    def load(cls, checkpoint: Checkpoint, name: str, placement: Placement) -> Towers:
        """Load weights and tokenizer from a folder.

        Parameters
        ----------
        checkpoint : Checkpoint
            The folder's settings.
        name : str
            What the user asked for; stands in messages.
        placement : Placement
            Device, precision and batch size.

        Returns
        -------
        Towers
            The loaded model.

        Raises
        ------
        ModelNotFoundError
            A file is damaged, or a part of the weights is missing.
        """
        from transformers import AutoModel, AutoTokenizer

        folder = str(checkpoint.folder)
        try:
            with loading_quietly():
                model, info = AutoModel.from_pretrained(
                    folder, local_files_only=True, output_loading_info=True, **attention_for(placement)
                )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # a broken file raises whatever its reader raises: safetensors, tokenizers, torch
            raise ModelNotFoundError(
                f"{name!r}: the model in {folder} cannot be loaded: {error} If the files are damaged, fetch them again."
            ) from error
        if info["missing_keys"]:
            # transformers fills the gaps with random numbers and only logs it.
            raise ModelNotFoundError(
                f"{name!r}: the weights in {folder} lack {len(info['missing_keys'])} parts of the model, such as "
                f"{min(info['missing_keys'])!r}. Fetch the model again."
            )
        # Not by an argument, whose name changed: torch_dtype before transformers 4.56, dtype since.
        return cls(in_precision(model.float(), placement), tokenizer, placement.text_batch_size)

    def _check_end_of_text(self) -> None:
        """Refuse a tokenizer whose end mark is not the one at which CLIP reads its vector off.

        It would then read the start mark, and every text would get the same vector.
        """
        expected = getattr(self.model.config.text_config, "eos_token_id", None)
        if self.is_clip and expected not in (2, self.tokenizer.eos_token_id):  # 2: old files; the highest number counts
            raise ModelNotFoundError(
                f"The model expects token {expected} at the end of a text, its tokenizer writes "
                f"{self.tokenizer.eos_token_id}: they do not belong together. Fetch the model again."
            )

    @property
    def limit(self) -> int:
        """The longest text in tokens, start and end marks included."""
        return int(self.model.config.text_config.max_position_embeddings)

    def pictures(self, batch: npt.NDArray[Any]) -> FloatArray:
        """Encode preprocessed pictures, all in one call.

        Parameters
        ----------
        batch : ndarray of shape (n, 3, height, width), float32

        Returns
        -------
        ndarray of shape (n, n_dims), float32, unit norm
        """
        import torch

        with memory_errors(str(self.model.device), len(batch)), torch.inference_mode():
            rows = np.ascontiguousarray(filled_rows(batch))
            pixels = torch.from_numpy(rows).to(self.model.device, self.model.dtype)
            return _unit_norm(self.finish(self.model.get_image_features(pixel_values=pixels)))[: len(batch)]

    def texts(self, texts: Sequence[str], n_dims: int) -> FloatArray:
        """Encode texts in batches of fixed shape.

        Parameters
        ----------
        texts : sequence of str
        n_dims : int
            Length of a vector.

        Returns
        -------
        ndarray of shape (n_texts, n_dims), float32, unit norm
        """
        import torch

        if not self.is_clip:
            texts = [text.lower() for text in texts]  # SigLIP and SigLIP2 were trained on lower case
        # SigLIP was trained with every text padded to the limit, and reads its vector off the last place.
        buckets = [*(b for b in TEXT_BUCKETS if b < self.limit), self.limit] if self.is_clip else [self.limit]
        pad = self.tokenizer.pad_token_id or 0
        rows = tokenized(self.tokenizer, texts, self.limit)
        if not self.is_clip and self.tokenizer.padding_side == "left":
            rows = [[pad] * (self.limit - len(row)) + row for row in rows]

        # No attention mask: CLIP looks back only, and its vector comes before the padding; SigLIP was trained without.
        # With one, the kernel could change with the company: transformers drops a mask that hides nothing.
        def encode(ids: npt.NDArray[Any], _: npt.NDArray[Any]) -> FloatArray:
            with memory_errors(str(self.model.device), len(ids), "texts"), torch.inference_mode():
                inputs = torch.from_numpy(ids).to(self.model.device)
                return _unit_norm(self.finish(self.model.get_text_features(input_ids=inputs)))

        return encode_by_length(rows, encode, buckets=buckets, batch_size=self.batch_size, pad_id=pad, n_dims=n_dims)


class SentenceTower:
    """The text side of a sentence-transformers model, such as the multilingual one for CLIP.

    Parameters
    ----------
    folder : Path
        The model's folder.
    name : str
        What the user asked for; stands in messages.
    placement : Placement
        Device, precision and batch size.

    Raises
    ------
    ModelNotFoundError
        The model cannot be loaded.

    Examples
    --------
    >>> tower = SentenceTower(folder, "my-texts", Placement())  # doctest: +SKIP
    >>> tower.texts(["eine Katze", "un chat"], 512).shape  # doctest: +SKIP
    (2, 512)
    """

    def __init__(self, folder: Path, name: str, placement: Placement) -> None:
        from sentence_transformers import SentenceTransformer

        try:
            with loading_quietly():
                model = SentenceTransformer(
                    str(folder), device="cpu", local_files_only=True, model_kwargs=attention_for(placement)
                )
        except Exception as error:  # as in Towers.load
            raise ModelNotFoundError(
                f"{name!r}: the text model in {folder} cannot be loaded: {error} If its files are damaged, fetch them "
                "again."
            ) from error
        self.model = in_precision(model, placement)
        self.batch_size = placement.text_batch_size

    @property
    def n_dims(self) -> int:
        """Length of a vector."""
        tell = getattr(self.model, "get_embedding_dimension", None)  # its name in sentence-transformers 6
        return int((tell or self.model.get_sentence_embedding_dimension)())

    def texts(self, texts: Sequence[str], n_dims: int) -> FloatArray:
        """Encode texts in batches of fixed shape.

        Parameters
        ----------
        texts : sequence of str
        n_dims : int
            Length of the pictures' vectors.

        Returns
        -------
        ndarray of shape (n_texts, n_dims), float32, unit norm

        Raises
        ------
        EncoderError
            The model gives vectors of another length.
        """
        import torch

        model = self.model
        limit = int(model.max_seq_length or 128)
        pad = model.tokenizer.pad_token_id or 0

        def encode(ids: npt.NDArray[Any], mask: npt.NDArray[Any]) -> FloatArray:
            # One more row, of padding but for its first place: without any padding transformers drops the mask, and the
            # kernel that runs then may be another one, with other bits (attention on a GPU; not seen on CPUs).
            ids, mask = np.pad(ids, ((0, 1), (0, 0)), constant_values=pad), np.pad(mask, ((0, 1), (0, 0)))
            mask[-1, 0] = 1
            features = {"input_ids": ids, "attention_mask": mask}
            with memory_errors(str(model.device), len(ids), "texts"), torch.inference_mode():
                output = model({key: torch.from_numpy(value).to(model.device) for key, value in features.items()})
            vectors = _unit_norm(output["sentence_embedding"])
            if vectors.shape[1] != n_dims:
                raise EncoderError(
                    f"The text model gives vectors of {vectors.shape[1]} numbers, the pictures' model of {n_dims}: "
                    "they were not trained together."
                )
            return vectors[:-1]

        return encode_by_length(
            tokenized(model.tokenizer, texts, limit),
            encode,
            buckets=[*(b for b in TEXT_BUCKETS if b < limit), limit],
            batch_size=self.batch_size,
            pad_id=pad,
            n_dims=n_dims,
        )
