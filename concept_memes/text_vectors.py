"""The texts of pictures as vectors, so that what pictures say can count beside what they look like.

Texts of any language can be compared by their characters: TF-IDF of runs of one or two ideographs, and of two to four
letters within words. A text tower or a sentence encoder compares meanings, but only in languages that it has learned:
to an English one all Chinese texts are nearly the same.

References
----------
Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009 (arXiv 0902.2206).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from concept_memes.cache import VectorCache
from concept_memes.centring import unit
from concept_memes.errors import InvalidParameterError, NoTextEncoderError
from concept_memes.findings import PictureTexts
from concept_memes.progress import Progress
from concept_memes.protocols import FloatArray, ImageEncoder, TextEncoder
from concept_memes.scripts import is_ideograph, runs_of_letters
from concept_memes.text_embedding import embed_texts

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["DEFAULT_WEIGHT", "NGRAMS", "encode_picture_texts", "tower_knows"]

#: `PictureTexts.encoder` where texts are compared by their characters.
NGRAMS = "character n-grams"
#: How much the texts count by default. On 371 memes, means over eight samples of 90 %, at 0 / 0.3 / 0.5 / 0.7 / 1:
#: purity of looks 0.92 / 0.97 / 0.96 / 0.96 / 0.55, of what captions are about 0.47 / 0.49 / 0.52 / 0.59 / 0.53.
DEFAULT_WEIGHT = 0.5
# Where fewer pictures say anything, texts are signs and labels by chance: signs in photos, say.
LEAST_SHARE = 0.05
# Texts that must be mostly in Latin script for a tower that has learned English alone.
LATIN_SHARE = 0.9
# What tells in the name of a model that it has learned many languages.
MANY_LANGUAGES = ("multilingual", "siglip2", "xlm", "labse", "jina-clip-v2", "chinese", "cn-clip")
# N-grams are counted in so many buckets. Those that weigh most and are in several texts have columns of their own. The
# others share the rest, where texts that have nothing in common come out at small cosines by chance. On memes at a
# weight of 0.7 purity of looks and topics is 0.96 and 0.59 so, 0.90 and 0.51 with 1,024 shared columns, 0.97 and 0.58
# with a column for each n-gram.
BUCKETS, OWN_COLUMNS, SHARED_COLUMNS = 2**16, 1024, 512
TEXTS_PER_BLOCK = 4096
# Pulls the centre of few texts towards nothing: what a single text says is not what all texts have in common.
PRIOR_TEXTS = 8


def encode_picture_texts(
    texts: PictureTexts,
    text_model: str | TextEncoder,
    weight: float | str,
    encoder: ImageEncoder | None,
    *,
    cache: VectorCache,
    progress: Progress,
    like: PictureTexts | None = None,
) -> PictureTexts:
    """Encode the texts of pictures.

    Parameters
    ----------
    texts : PictureTexts
        What was read.
    text_model : str or TextEncoder
        "tower", "ngrams", the name or folder of a sentence-transformers model, an encoder, or "auto": the tower of
        `encoder` where it knows the language of the texts (see `tower_knows`), else "ngrams".
    weight : float or "auto"
        How much the texts count, in [0, 1]. "auto" is 0.5, and 0 where fewer than one picture in twenty says anything.
    encoder : ImageEncoder or None
        What encoded the pictures.
    cache : VectorCache
        Keeps the vectors of encoders that can be told apart.
    progress : Progress
    like : PictureTexts, optional
        Texts that were encoded before: these get the same weight, and vectors in the same space.

    Returns
    -------
    PictureTexts
        With weight and, if that is not 0, encoder, vectors and state: the centre of the texts, how rare n-grams are.

    Raises
    ------
    NoTextEncoderError
        If the tower is asked for, and there is none.
    ModelNotFoundError
        If a model cannot be had.
    InvalidParameterError
        If `like` was encoded by something else than what `text_model` is.

    Examples
    --------
    >>> from concept_memes.cache import open_cache
    >>> quiet = {"cache": open_cache(False), "progress": Progress(verbose=False)}
    >>> read = PictureTexts(("去写代码", "回去写代码", "", "鸽子"), "a reader")
    >>> texts = encode_picture_texts(read, "auto", "auto", None, **quiet)
    >>> texts.encoder, texts.weight, (texts.vectors @ texts.vectors[0] > 0.2).tolist()
    ('character n-grams', 0.5, [True, True, False, False])
    """
    said = [comparable_text(text) for text in texts.texts]
    used = like.weight if like is not None else _weight(weight, said)
    if used == 0 or (like is not None and like.vectors is None):
        return replace(texts, weight=used, encoder="", vectors=None, state=None)
    # Each text once, in an order of their own: neither copies nor the order of the pictures change what is rare.
    different = sorted({text for text in said if text})
    state = None if like is None else like.state
    chosen = _chosen(text_model, encoder, different, like)
    name = NGRAMS if chosen is None else _name_of(chosen)
    if like is not None and name != like.encoder:
        raise InvalidParameterError(
            "text_model", text_model, f"{like.encoder!r}, which encoded the texts of the fitted images"
        )
    if chosen is None:
        rows, state = ngram_vectors(different, state)
    else:
        # Something at least: an encoder of the user's need not know what no texts at all are.
        rows = embed_texts(different or ["."], chosen, cache, progress)[0][: len(different)]
        rows, state = centred_texts(rows, state)
    place_of = {text: place for place, text in enumerate(different)}
    vectors = np.zeros((len(said), rows.shape[1]), np.float32)
    speaking = [row for row, text in enumerate(said) if text]
    vectors[speaking] = rows[[place_of[said[row]] for row in speaking]]
    return replace(texts, weight=used, encoder=name, vectors=vectors, state=state)


def tower_knows(encoder: object, texts: Sequence[str]) -> bool:
    """Tell whether the text tower of an encoder knows the language of texts.

    Parameters
    ----------
    encoder : ImageEncoder or None
    texts : sequence of str

    Returns
    -------
    bool
        True for a model whose name says that it has learned many languages. Others are taken to know English: then at
        least nine texts in ten must be mostly in Latin script. False for an encoder without a text tower.

    Examples
    --------
    >>> from concept_memes.testing import ColorEncoder
    >>> [tower_knows(ColorEncoder(), [text]) for text in ("red is hot", "红色")], tower_knows(None, ["red"])
    ([True, False], False)
    """
    if not isinstance(encoder, TextEncoder):
        return False
    names = " ".join(str(getattr(encoder, name, "")) for name in ("name", "model", "text_model")).lower()
    if any(part in names for part in MANY_LANGUAGES):
        return True
    latin = [is_latin(text) for text in texts if any(map(str.isalpha, text))]
    return sum(latin) >= LATIN_SHARE * len(latin)


def is_latin(text: str) -> bool:
    """Tell whether at least half of the letters of a text are Latin ones."""
    letters = [letter for letter in text if letter.isalpha()]
    return 2 * sum("LATIN" in unicodedata.name(letter, "") for letter in letters) >= len(letters)


def comparable_text(text: str) -> str:
    """Put a text on one line; "" for one with less than an ideograph or two letters, which is a misread blot."""
    line = " ".join(text.split())
    letters = [letter for letter in line if letter.isalnum()]
    return line if len(letters) > 1 or any(map(is_ideograph, letters)) else ""


def ngram_vectors(texts: Sequence[str], state: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Encode texts by their characters: TF-IDF of n-grams, in a fixed number of columns, centred.

    Parameters
    ----------
    texts : sequence of str
        Different texts.
    state : ndarray of shape (68096,), float32, optional
        What was learned before.

    Returns
    -------
    vectors : ndarray of shape (n_texts, 1536), float32, unit norm
    state : ndarray of shape (68096,), float32
        Inverse document frequency of each bucket, the buckets that have columns of their own, and the centre.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import HashingVectorizer

    # Signs: what falls into one column by chance cancels out on average, instead of making all texts alike.
    hashing = HashingVectorizer(analyzer=character_ngrams, n_features=BUCKETS, alternate_sign=True, norm=None)
    counts: csr_matrix = hashing.transform(texts) if len(texts) else csr_matrix((0, BUCKETS))
    rarity, own, centre = learned(counts) if state is None else np.split(state, [BUCKETS, BUCKETS + OWN_COLUMNS])
    column_of = OWN_COLUMNS + np.arange(BUCKETS) % SHARED_COLUMNS
    has_own = own >= 0
    column_of[own[has_own].astype(np.int64)] = np.flatnonzero(has_own)
    shape = (BUCKETS, OWN_COLUMNS + SHARED_COLUMNS)
    weights = csr_matrix((rarity.astype(np.float64), (np.arange(BUCKETS), column_of)), shape=shape)
    vectors = np.zeros((len(texts), shape[1]), np.float32)
    for start in range(0, len(texts), TEXTS_PER_BLOCK):
        vectors[start : start + TEXTS_PER_BLOCK] = unit((counts[start : start + TEXTS_PER_BLOCK] @ weights).toarray())
    vectors, centre = centred_texts(vectors, None if state is None else centre)
    return vectors, np.concatenate([rarity, own, centre])


def learned(counts: csr_matrix) -> tuple[FloatArray, FloatArray, None]:
    """Learn from counts of n-grams how rare each bucket is, and which get columns of their own; -1 where none does."""
    n_texts = counts.shape[0]
    n_texts_with = np.bincount(counts.indices[counts.data != 0], minlength=BUCKETS)
    rarity = (np.log((1 + n_texts) / (1 + n_texts_with)) + 1).astype(np.float32)
    energy = np.bincount(counts.indices, weights=counts.data**2, minlength=BUCKETS)  # whole numbers: no rounding
    weight = np.where(n_texts_with > 1, energy * rarity.astype(np.float64) ** 2, 0.0)
    own = np.argsort(-weight, kind="stable")[:OWN_COLUMNS]
    return rarity, np.where(weight[own] > 0, own, -1).astype(np.float32), None


def character_ngrams(text: str) -> list[str]:
    """List the n-grams of a text: one and two ideographs, two to four letters of a word with its edges.

    Single letters and pairs across words say little: English captions come out at a mean cosine of 0.34 with all runs
    of one and two characters, at 0.07 with these.

    Examples
    --------
    >>> character_ngrams("写代码 OK")
    ['写', '代', '码', '写代', '代码', ' o', 'ok', 'k ', ' ok', 'ok ', ' ok ']
    """
    found = []
    for run in runs_of_letters(text):
        sizes, letters = ((1, 2), run) if is_ideograph(run[0]) else ((2, 3, 4), f" {run} ")
        found += [letters[i : i + n] for n in sizes for i in range(len(letters) - n + 1)]
    return found


def centred_texts(vectors: FloatArray, centre: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Centre the vectors of different texts on all of them; return the centre as well.

    Texts of CLIP all point nearly the same way, and would draw all pictures with text together. It also helps where
    they do not: with MiniLM 0.194 of the ten nearest of 1,000 captions are among the ten nearest pictures, 0.190
    without; and n-grams of memes alone give five groups instead of one heap.
    """
    if centre is None:
        total = vectors.sum(axis=0, dtype=np.float64)
        centre = (total / (len(vectors) + PRIOR_TEXTS)).astype(np.float32)
    return unit(vectors - centre), centre


def _weight(weight: float | str, said: Sequence[str]) -> float:
    if not isinstance(weight, str):
        return float(weight)
    return DEFAULT_WEIGHT if sum(map(bool, said)) >= LEAST_SHARE * max(len(said), 1) and any(said) else 0.0


def _chosen(
    text_model: str | TextEncoder, encoder: ImageEncoder | None, texts: Sequence[str], like: PictureTexts | None
) -> TextEncoder | None:
    """Return what is to encode the texts; None for n-grams."""
    if not isinstance(text_model, str):
        return text_model
    if text_model == "ngrams":
        return None
    if text_model == "auto":  # what was decided for the fitted texts holds for all that come later
        by_tower = tower_knows(encoder, texts) if like is None else like.encoder != NGRAMS
        if not by_tower:
            return None
    if text_model in ("auto", "tower"):
        if not isinstance(encoder, TextEncoder):
            raise NoTextEncoderError(
                'text_model="tower" needs an embedding model that encodes texts as well. Set embedding_model to one, '
                'or text_model to "ngrams" or to the name of a sentence-transformers model.'
            )
        return encoder
    from concept_memes.encoders.sentences import SentenceEncoder

    return SentenceEncoder(text_model)


def _name_of(encoder: Any) -> str:  # noqa: ANN401 (one for texts only need not have a name)
    return str(getattr(encoder, "name", "") or type(encoder).__name__)
