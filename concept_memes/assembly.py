"""From vectors to a :class:`ConceptSet`: centre, cluster, pick exemplars, rank words, put it all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from concept_memes.centring import centre_vectors, mean_vector, unit
from concept_memes.clustering import cluster_vectors
from concept_memes.concepts import Concept, ConceptSet, ImageRecord, SkippedImage
from concept_memes.exemplars import pick_exemplars
from concept_memes.labels import NearestWords, Vectorizer, class_tfidf, directions
from concept_memes.progress import Progress
from concept_memes.protocols import Clusterer, FloatArray, IntArray, Labeler, Reducer

__all__ = ["Collection", "add_words", "assemble"]


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
    """

    images: tuple[ImageRecord, ...]
    vectors: FloatArray
    blocks: tuple[tuple[int, int], ...]
    encoder_name: str
    encoder_fingerprint: str
    skipped: tuple[SkippedImage, ...]
    base_folder: Path
    pixels: Mapping[int, Image.Image]


def assemble(
    collection: Collection,
    *,
    min_concept_size: int | None,
    diversity: float,
    n_exemplars: int,
    umap_model: Reducer | None,
    hdbscan_model: Clusterer | None,
    random_state: int | None,
    progress: Progress,
) -> ConceptSet:
    """Find the concepts of a collection and their exemplars; words come with `add_words`.

    Parameters
    ----------
    collection : Collection
        At least one picture must be readable.
    min_concept_size, diversity, n_exemplars, umap_model, hdbscan_model, random_state
        As for :class:`concept_memes.ConceptModel`; None for an automatic size.
    progress : Progress

    Returns
    -------
    ConceptSet
        Without words.
    """
    readable = np.array([i for i, image in enumerate(collection.images) if image.content_hash], np.int64)
    keys = [collection.images[i].content_hash for i in readable]
    # In the order of content, so that sums do not depend on the order of the files.
    in_order = readable[np.lexsort((readable, np.asarray(keys)))]
    centre = mean_vector(collection.vectors[in_order])
    centred = np.zeros_like(collection.vectors)
    centred[readable] = centre_vectors(collection.vectors[readable], centre, collection.blocks)
    found = cluster_vectors(
        centred[readable],
        keys,
        min_concept_size=min_concept_size,
        umap_model=umap_model,
        hdbscan_model=hdbscan_model,
        random_state=random_state,
        progress=progress,
    )
    labels = np.full(len(collection.images), -1, np.int64)
    probabilities = np.zeros(len(collection.images))
    labels[readable], probabilities[readable] = found.labels, found.probabilities
    concepts, centroids = [], []
    with progress.stage("choosing exemplars"):
        for number in range(labels.max(initial=-1) + 1):
            rows = in_order[labels[in_order] == number]
            centroids.append(unit(collection.vectors[rows].mean(axis=0, dtype=np.float64)))
            positions, scores = pick_exemplars(
                centred[rows],
                unit(centred[rows].mean(axis=0, dtype=np.float64)),
                probabilities[rows],
                [collection.images[i].content_hash for i in rows],
                n_exemplars=n_exemplars,
                diversity=diversity,
            )
            chosen = tuple(int(i) for i in rows[positions])
            concepts.append(
                Concept(number, len(rows), exemplars=chosen, exemplar_scores=tuple(float(s) for s in scores))
            )
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
    )


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
    words : sequence of str
        Candidate words; with `ctfidf`, texts whose words are the candidates.
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm
        Their vectors, in the space of the pictures.
    labeler : Labeler, optional
        By default the nearest words.
    ctfidf : bool, default=False
        Weigh the words of the texts nearest to each concept instead. A concept that no text is nearest to gets the
        nearest texts.
    vectorizer_model : Vectorizer, optional
        Splits texts into words for `ctfidf`.

    Returns
    -------
    ConceptSet
    """
    if not len(concept_set):
        return concept_set
    aims = directions(concept_set.centroids, concept_set.centre, concept_set.blocks)
    ranked = (labeler or NearestWords()).rank_words(aims, words, word_vectors)
    if ctfidf:
        similarities = word_vectors @ aims.T
        nearest: IntArray = similarities.argmax(axis=1).astype(np.int64)
        weighed = class_tfidf(
            words,
            nearest,
            len(concept_set),
            vectorizer_model=vectorizer_model,
            similarities=similarities.max(axis=1),
        )
        ranked = [texts or near for texts, near in zip(weighed, ranked, strict=True)]
    concepts = tuple(
        replace(c, words=tuple(w for w, _ in pairs), word_scores=tuple(s for _, s in pairs))
        for c, pairs in zip(concept_set.concepts, ranked, strict=True)
    )
    row_of = {word: row for row, word in enumerate(words)}
    used = sorted({word for c in concepts for word in c.words if word in row_of})
    return replace(
        concept_set,
        concepts=concepts,
        words=tuple(used),
        word_vectors=word_vectors[[row_of[word] for word in used]].reshape(len(used), word_vectors.shape[1]),
    )
