"""Tiny checkpoints with random weights, so that the true model code runs on any clone: no download, no data folder.

Their vectors mean nothing, but two texts or two pictures do get two vectors.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
    DistilBertConfig,
    DistilBertModel,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipModel,
)
from transformers.utils import logging as transformers_logging

N_DIMS = 32
SIDE = 64
MERGES = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>"), ("t", "h"), ("th", "e</w>")]
# One of them fills a bucket to the last token ("c" ... of one letter each), which is where kernels could change.
TEXTS = ["a cat", "", "the dog", "c d e f g h", "photo of a cat " * 3, "猫 äß !", "x y", "dog", "a b c d e f g h i j"]
LAYERS = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}


def noise_pictures() -> list[Image.Image]:
    """Draw four pictures of noise, of different shapes."""
    rng = np.random.default_rng(0)
    shapes = [(90, 70), (64, 64), (200, 65), (31, 80)]
    return [Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)) for width, height in shapes]


def clip_tokenizer() -> CLIPTokenizer:
    """CLIP's own tokenizer over all bytes and a handful of merges."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    tokens = [*letters, *(letter + "</w>" for letter in letters), *map("".join, MERGES)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=MERGES, model_max_length=77)


def word_tokenizer(end: str, template: str) -> PreTrainedTokenizerFast:
    """Letters and a few words; stands in for tokenizers whose real files are large."""
    tokens = ["<pad>", "<unk>", "<s>", end, *map(chr, range(32, 127)), *map(chr, range(161, 500))]
    tokens += [f"##{token}" for token in tokens[4:]] + ["cat", "dog", "the", "photo"]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    core = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>", max_input_chars_per_word=20_000))
    core.normalizer = normalizers.NFC()
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [(token, vocabulary[token]) for token in ("<s>", end)]
    core.post_processor = processors.TemplateProcessing(single=template, special_tokens=special)
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", unk_token="<unk>", eos_token=end)


def tiny_clip(folder: Path, *, seed: int = 0) -> Path:
    """Write a CLIP of 2 layers, width 64, for pictures of 64 pixels."""
    tokenizer = clip_tokenizer()
    text = {
        **LAYERS,
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {**LAYERS, "image_size": SIDE, "patch_size": 16}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=N_DIMS)
    _save(CLIPModel, config, folder, seed)
    tokenizer.save_pretrained(folder)
    # The old spelling, as in the files of sentence-transformers/clip-ViT-B-32.
    processor = {
        "crop_size": SIDE,
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "resample": 3,
        "size": SIDE,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return folder


def tiny_siglip(folder: Path, *, padding_side: str = "right") -> Path:
    """Write a SigLIP of the same size."""
    tokenizer = word_tokenizer("</s>", "$A </s>")
    tokenizer.padding_side = padding_side
    text = {
        **LAYERS,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 64,
        "projection_size": 64,
        "bos_token_id": 2,
    }
    text |= {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    vision = {**LAYERS, "image_size": SIDE, "patch_size": 16}
    _save(SiglipModel, SiglipConfig(text_config=text, vision_config=vision), folder, 1)
    tokenizer.save_pretrained(folder)
    processor = {
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "SiglipImageProcessor",
        "image_std": [0.5, 0.5, 0.5],
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"height": SIDE, "width": SIDE},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return folder


def tiny_sentence_transformers_clip(folder: Path) -> Path:
    """Write the layout of sentence-transformers/clip-ViT-B-32: modules.json and 0_CLIPModel/."""
    tiny_clip(folder / "0_CLIPModel")
    modules = [{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]
    (folder / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    return folder


def tiny_text_tower(folder: Path, *, n_dims: int = N_DIMS) -> Path:
    """Write a text model as clip-ViT-B-32-multilingual-v1 is one: DistilBERT, mean pooling, a dense layer."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

    tokenizer = word_tokenizer("</s>", "<s> $A </s>")
    config = DistilBertConfig(
        vocab_size=len(tokenizer), dim=64, hidden_dim=128, n_layers=2, n_heads=2, max_position_embeddings=40
    )
    bert = folder.with_name(folder.name + "-bert")
    _save(DistilBertModel, config, bert, 2)
    tokenizer.save_pretrained(bert)
    first = Transformer(str(bert), max_seq_length=40)
    torch.manual_seed(3)
    dense = Dense(64, n_dims, bias=False, activation_function=torch.nn.Identity())
    SentenceTransformer(modules=[first, Pooling(64, "mean"), dense], device="cpu").save(str(folder))
    return folder


def _save(kind: type, config: object, folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config)
        with torch.no_grad():  # random weights of the usual size give all texts nearly the same vector
            for weight in model.parameters():
                if weight.ndim > 1:
                    weight.mul_(3)
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    model.save_pretrained(folder)
    if shown:
        transformers_logging.enable_progress_bar()
