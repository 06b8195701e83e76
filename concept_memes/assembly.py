"""From vectors to a :class:`ConceptSet`: centre, cluster, pick exemplars, rank words, put it all together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.centring import centre_vectors, mean_vector, unit
from concept_memes.clustering import ClusterSettings, cluster_vectors
from concept_memes.concepts import Concept, ConceptSet, ImageRecord, SkippedImage, picture_source
from concept_memes.counting import representatives
from concept_memes.exemplars import pick_exemplars
from concept_memes.findings import PictureFamilies, PictureTexts
from concept_memes.fusion import comparable_rows, fused_rows
from concept_memes.guiding import standard_fits
from concept_memes.labels import RankedWord, Vectorizer, rank_words_of_groups
from concept_memes.progress import Progress
from concept_memes.protocols import FloatArray, IntArray, Labeler

__all__ = ["Collection", "add_words", "assemble", "describe_concept", "with_words"]


@dataclass(frozen=True)
class Collection:
    """Pictures and their vectors, before any concept is known.

    Attributes
    ----------
    images : tuple of ImageRecord
        Every picture that was given, readable or not.
    vectors : ndarray of shape (n_images, n_dims), float32, unit norm
        Zero where a picture could not be read.
    blocks : tuple of (int, int)
        Parts of the vector that are centred separately.
    encoder_name, encoder_fingerprint : str
        What made the vectors; "" if they came from outside.
    skipped : tuple of SkippedImage
        Pictures that could not be read.
    base_folder : Path
        What relative paths are relative to.
    pixels : mapping of int to PIL.Image.Image
        Pictures that came as pixels.
    texts : PictureTexts or None
        What the pictures say; None where nobody read them.
    families : PictureFamilies or None
        Copies and variants; None where nobody looked for them. Copies count once.
    """

    images: tuple[ImageRecord, ...]
    vectors: FloatArray
    blocks: tuple[tuple[int, int], ...]
    encoder_name: str
    encoder_fingerprint: str
    skipped: tuple[SkippedImage, ...]
    base_folder: Path
    pixels: Mapping[int, Image.Image]
    texts: PictureTexts | None = None
    families: PictureFamilies | None = None

    def source_of(self, index: int) -> Path | Image.Image:
        """Return where the pixels of a picture are: an absolute path, or the picture itself."""
        return picture_source(self.images[index], self.base_folder, self.pixels.get(index))


def assemble(
    collection: Collection,
    settings: ClusterSettings | None = None,
    *,
    diversity: float,
    n_exemplars: int,
    progress: Progress,
    guide: tuple[Sequence[str], FloatArray] | None = None,
) -> ConceptSet:
    """Find the concepts of a collection and their exemplars; words come with `add_words`.

    Parameters
    ----------
    collection : Collection
        At least one picture must be readable.
    settings : ClusterSettings, optional
        What decides the clustering; by default the default ones.
    diversity, n_exemplars
        As for :class:`concept_memes.ConceptModel`.
    progress : Progress
    guide : (sequence of str, ndarray of shape (n_words, n_dims)), optional
        Words of the user's that steer the clustering, and their vectors.

    Returns
    -------
    ConceptSet
        Without words.
    """
    readable = np.array([i for i, image in enumerate(collection.images) if image.content_hash], np.int64)
    heads = representatives(collection, readable)
    counted = readable[heads == readable]  # copies count once
    keys = [collection.images[i].content_hash for i in counted]
    # In the order of content, so that sums do not depend on the order of the files.
    in_order = counted[np.lexsort((counted, np.asarray(keys)))]
    centre = mean_vector(collection.vectors[in_order])
    looks = centre_vectors(collection.vectors[counted], centre, collection.blocks)
    compared = fused_rows(collection.texts, counted, looks)
    centred = np.zeros((len(collection.images), compared.shape[1]), np.float32)
    centred[counted] = compared
    told_apart = comparable_rows(collection.texts, counted)
    fits = None
    if guide is not None:
        fits = np.zeros((len(collection.images), len(guide[0])))
        fits[in_order] = standard_fits(collection.vectors[in_order], guide[1])
    found = cluster_vectors(
        centred[told_apart],
        [collection.images[i].content_hash for i in told_apart],
        settings,
        features=features_of(collection, told_apart) if settings is not None and settings.of_features else None,
        guide=None if fits is None else fits[told_apart],
        n_copies=np.bincount(heads, minlength=len(collection.images))[told_apart],
        progress=progress,
    )
    labels, raw_labels = np.full((2, len(collection.images)), -1, np.int64)
    probabilities, raw_probabilities = np.zeros((2, len(collection.images)))
    labels[told_apart], probabilities[told_apart] = found.labels, found.probabilities
    raw_labels[told_apart], raw_probabilities[told_apart] = found.raw_labels, found.raw_probabilities
    for values in (labels, probabilities, raw_labels, raw_probabilities):
        values[readable] = values[heads]
    concepts, centroids = [], []
    with progress.stage("choosing exemplars"):
        for number in range(labels.max(initial=-1) + 1):
            rows = in_order[labels[in_order] == number]
            concept, centroid = describe_concept(
                number,
                rows,
                collection.images,
                collection.vectors[rows],
                centred[rows],
                probabilities[rows],
                size=int((labels == number).sum()),
                n_exemplars=n_exemplars,
                diversity=diversity,
            )
            if guide is not None and number in found.guided:
                concept = replace(concept, name=guide[0][found.guided[number]])
            concepts.append(concept)
            centroids.append(centroid)
    n_dims = collection.vectors.shape[1]
    return ConceptSet(
        images=collection.images,
        labels=labels,
        probabilities=probabilities,
        vectors=collection.vectors,
        centre=centre,
        blocks=collection.blocks,
        centroids=np.stack(centroids) if centroids else np.zeros((0, n_dims), np.float32),
        concepts=tuple(concepts),
        words=(),
        word_vectors=np.zeros((0, n_dims), np.float32),
        encoder_name=collection.encoder_name,
        encoder_fingerprint=collection.encoder_fingerprint,
        skipped=collection.skipped,
        base_folder=collection.base_folder,
        pixels=collection.pixels,
        texts=collection.texts,
        families=collection.families,
        raw_labels=raw_labels,
        raw_probabilities=raw_probabilities,
    )


def features_of(pictures: Collection | ConceptSet, rows: IntArray) -> FloatArray:
    """Return vectors of pictures as they came, not centred; with what they say, as far as it counts.

    Parameters
    ----------
    pictures : Collection or ConceptSet
    rows : ndarray of shape (n,), int64
        Which of them.

    Returns
    -------
    ndarray of shape (n, d), float32, unit norm
    """
    return fused_rows(pictures.texts, rows, pictures.vectors[rows])


def describe_concept(
    number: int,
    rows: IntArray,
    images: Sequence[ImageRecord],
    vectors: FloatArray,
    centred: FloatArray,
    probabilities: npt.NDArray[np.float64],
    *,
    size: int,
    n_exemplars: int,
    diversity: float,
) -> tuple[Concept, FloatArray]:
    """Describe a concept by the members that count: exemplars and centroid; words are not looked for.

    Parameters
    ----------
    number : int
        Of the concept.
    rows : ndarray of shape (n,), int64
        Its pictures as indices of `images`, each once however many copies there are, at least one, in the order of
        their content hashes.
    images : sequence of ImageRecord
        All pictures of the collection.
    vectors, centred : ndarray of shape (n, n_dims), float32, unit norm
        Their vectors, and the same centred on the collection.
    probabilities : ndarray of shape (n,), float64
        How surely each belongs.
    size : int
        How many pictures it has, copies included.
    n_exemplars, diversity
        As for :class:`concept_memes.ConceptModel`.

    Returns
    -------
    concept : Concept
    centroid : ndarray of shape (n_dims,), float32, unit norm
    """
    positions, scores = pick_exemplars(
        centred,
        unit(centred.mean(axis=0, dtype=np.float64)),
        probabilities,
        [images[i].content_hash for i in rows],
        n_exemplars=n_exemplars,
        diversity=diversity,
    )
    chosen = tuple(int(i) for i in rows[positions])
    concept = Concept(number, size, exemplars=chosen, exemplar_scores=tuple(float(s) for s in scores))
    return concept, unit(vectors.mean(axis=0, dtype=np.float64))


def add_words(
    concept_set: ConceptSet,
    words: Sequence[str],
    word_vectors: FloatArray,
    *,
    labeler: Labeler | None = None,
    ctfidf: bool = False,
    vectorizer_model: Vectorizer | None = None,
) -> ConceptSet:
    """Give the concepts words.

    Parameters
    ----------
    concept_set : ConceptSet
    words, word_vectors, labeler, ctfidf, vectorizer_model
        As for :func:`concept_memes.labels.rank_words_of_groups`.

    Returns
    -------
    ConceptSet
        `words` are its candidates.
    """
    if not len(concept_set):
        return concept_set
    ranked = rank_words_of_groups(
        concept_set,
        [np.flatnonzero(concept_set.labels == concept.index) for concept in concept_set.concepts],
        words,
        word_vectors,
        labeler=labeler,
        ctfidf=ctfidf,
        vectorizer_model=vectorizer_model,
    )
    return replace(with_words(concept_set, dict(enumerate(ranked)), words, word_vectors), candidates=tuple(words))


def with_words(
    concept_set: ConceptSet,
    ranked: Mapping[int, Sequence[RankedWord]],
    words: Sequence[str],
    word_vectors: FloatArray,
) -> ConceptSet:
    """Give some concepts words; the others keep theirs.

    Parameters
    ----------
    concept_set : ConceptSet
    ranked : mapping of int to sequence of RankedWord
        Number of a concept -> its words, best first. Confidences stay empty where the labeler told none.
    words : sequence of str
        Candidates that the words are from.
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm
        Their vectors.

    Returns
    -------
    ConceptSet
        `words` and `word_vectors` are those of all its concepts' words that are candidates.
    """
    concepts = list(concept_set.concepts)
    for number, found in ranked.items():
        concepts[number] = replace(
            concepts[number],
            words=tuple(word.word for word in found),
            word_scores=tuple(float(word.score) for word in found),
            word_confidences=tuple(float(word.confidence) for word in found if not math.isnan(word.confidence)),
        )
    vector_of = dict(zip(concept_set.words, concept_set.word_vectors, strict=True))
    vector_of |= dict(zip(words, word_vectors, strict=True))
    used = sorted({word for concept in concepts for word in concept.words if word in vector_of})
    vectors = np.stack([vector_of[word] for word in used]) if used else word_vectors[:0]
    return replace(concept_set, concepts=tuple(concepts), words=tuple(used), word_vectors=vectors)
