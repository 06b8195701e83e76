"""`ConceptModel`: the estimator. It validates, orders the steps and delegates; it computes nothing itself."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.assembly import add_words, assemble
from concept_memes.assignment import assign_vectors
from concept_memes.cache import VectorCache, open_cache
from concept_memes.collecting import (
    Collected,
    collect_embeddings,
    collect_images,
    encode_readable,
    named_images,
    warn_skipped,
)
from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
from concept_memes.embedding import N_FRAMES, Embedder
from concept_memes.encoders.resolve import resolve_encoder
from concept_memes.errors import InvalidParameterError, NoTextEncoderError, NoWordsWarning
from concept_memes.fitted import FittedConcepts
from concept_memes.parameters import check_parameters
from concept_memes.progress import Progress
from concept_memes.protocols import Clusterer, FloatArray, ImageEncoder, IntArray, Labeler, Reducer, TextEncoder
from concept_memes.run_report import Stopwatch
from concept_memes.search import search_concepts, search_images
from concept_memes.sources import ImageSource
from concept_memes.text_embedding import embed_texts
from concept_memes.vocabulary import resolve_vocabulary, words_from_docs

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["ConceptModel"]

Query: TypeAlias = str | Path | Image.Image | npt.NDArray[np.uint8]


class ConceptModel(FittedConcepts):
    """Finds the concepts in a collection of images, names them, and finds them again by text.

    Parameters
    ----------
    min_concept_size : int or "auto", default="auto"
        The fewest images that make a concept. "auto" grows slowly with the collection: 3 for up to 100 images, 15
        for 1,200, 73 for 100,000.
    diversity : float, default=0.3
        How much the exemplars of a concept differ: 0 = the most typical images, 1 = the most different ones.
    embedding_model : str, Path, SentenceTransformer or ImageEncoder, default="auto"
        "clip-ViT-B-32", another CLIP or SigLIP checkpoint by name or folder, "hub-free", or an object of your own.
        "auto" is "clip-ViT-B-32" where it can be had within seconds, otherwise "hub-free" with a warning.
    vectorizer_model : object, optional
        A scikit-learn style vectorizer that splits `docs` into candidate words. Without one they stay unbroken.
    umap_model : Reducer, optional
        Reduces dimensions instead of UMAP: any object with `fit_transform`.
    hdbscan_model : Clusterer, optional
        Clusters instead of HDBSCAN: any object with `fit` and `labels_`; then `min_concept_size` has no effect.
    ctfidf : bool, default=False
        Rank the words inside `docs` by class-based TF-IDF, instead of the docs themselves by similarity.
    vocabulary : str, Path or sequence of str, optional
        Candidate words when `fit` gets no `docs`: "nouns" (the list in the package, the default), "wordnet" or
        "wordnet:fra" (through nltk), a text file with a word per line, or words.
    labeler : Labeler, optional
        Ranks the words instead of the nearest-words rule.
    n_exemplars : int, default=8
        Images that stand for a concept, as far as different ones exist.
    frames : int, default=8
        Most frames that are looked at in an animation, evenly spaced: 1 = the first one only.
    cache : bool, str, Path or VectorCache, default=True
        Where vectors of pictures and words are kept, so that no content is ever encoded twice by the same model: True =
        a folder of the user (``concept-memes cache info`` tells which), False = nowhere, or a folder of your own.
    random_state : int or None, default=42
        Of UMAP. None gives another result every time.
    verbose : bool, default=True
        Draw progress bars, if the standard error stream is a terminal.

    Attributes
    ----------
    labels_ : ndarray of shape (n_images,), int64
        Concept per image, from the largest (0) to the smallest; -1 for none, or if it could not be read.
    probabilities_ : ndarray of shape (n_images,), float64
        How surely an image is in its concept, in [0, 1].
    concepts_ : ConceptSet
        Everything that was found.
    images_ : tuple of ImageRecord
        The images that were given.
    skipped_ : tuple of SkippedImage
        Images that could not be read, with the reasons.
    report_ : RunReport
        What the run did.
    embedding_model_ : ImageEncoder
        The encoder that was used.
    frequency : DataFrame
        Index "Cluster", column "Count": images per concept, the largest first.
    topics : dict of int to str
        Words per concept, "w1, w2, ...".
    cluster_embeddings : ndarray of shape (n_concepts, n_dims), float32, unit norm
        Mean direction of each concept.
    cluster_images : dict of int to PIL.Image.Image
        A small collage per concept.

    Examples
    --------
    >>> from concept_memes import ConceptModel
    >>> from concept_memes.testing import ColorEncoder, color_images
    >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "green", "blue"])
    >>> model.fit_transform(color_images(["red"], 6) + color_images(["blue"], 4)).tolist()
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    >>> model.find_concepts("blue", top_n=1)[0].concept
    1
    """

    def __init__(
        self,
        min_concept_size: int | str = "auto",
        diversity: float = 0.3,
        embedding_model: str | Path | SentenceTransformer | ImageEncoder = "auto",
        vectorizer_model: object = None,
        umap_model: Reducer | None = None,
        hdbscan_model: Clusterer | None = None,
        ctfidf: bool = False,
        *,
        vocabulary: str | Path | Sequence[str] | None = None,
        labeler: Labeler | None = None,
        n_exemplars: int = 8,
        frames: int = N_FRAMES,
        cache: bool | str | Path | VectorCache = True,
        random_state: int | None = 42,
        verbose: bool = True,
    ) -> None:
        self.min_concept_size = min_concept_size
        self.diversity = diversity
        self.embedding_model = embedding_model
        self.vectorizer_model = vectorizer_model
        self.umap_model = umap_model
        self.hdbscan_model = hdbscan_model
        self.ctfidf = ctfidf
        self.vocabulary = vocabulary
        self.labeler = labeler
        self.n_exemplars = n_exemplars
        self.frames = frames
        self.cache = cache
        self.random_state = random_state
        self.verbose = verbose

    # --- fitting -----------------------------------------------------------------------------------------------

    def fit(
        self,
        images: ImageSource | None = None,
        docs: Sequence[str] | None = None,
        image_names: Sequence[str] | None = None,
        image_embeddings: npt.NDArray[Any] | None = None,
    ) -> ConceptModel:
        """Find the concepts of a collection.

        Parameters
        ----------
        images : folder, pattern, archive, list file, address, path, PIL image, uint8 array, or a list of these
            The collection; `list_images` says what can be given. May be left out when `image_embeddings` come.
        docs : sequence of str, optional
            Your own candidate words and phrases, taken unbroken. By default `vocabulary`.
        image_names : sequence of str, optional
            What to call the images, one each.
        image_embeddings : ndarray of shape (n_images, n_dims), optional
            Vectors that were computed before. Then no image file is opened until a figure needs it, and no model
            is loaded unless `embedding_model` names one for the words.

        Returns
        -------
        ConceptModel
            This one.

        Raises
        ------
        InvalidParameterError
            If a parameter cannot be what it is.
        SourceError
            If there is no image to work on.

        Warns
        -----
        SkippedImagesWarning
            If some images could not be read; `skipped_` names them.
        """
        check_parameters(self.get_params(deep=False))
        words = self._candidates(docs)
        progress, watch = Progress(bool(self.verbose)), Stopwatch()
        with open_cache(self.cache) as cache:
            encoder, collected = self._collect(images, image_names, image_embeddings, cache, watch)
            warn_skipped(collected.collection)
            with watch.stage("concepts"):
                concept_set = assemble(
                    collected.collection,
                    min_concept_size=None if isinstance(self.min_concept_size, str) else int(self.min_concept_size),
                    diversity=float(self.diversity),
                    n_exemplars=int(self.n_exemplars),
                    umap_model=self.umap_model,
                    hdbscan_model=self.hdbscan_model,
                    random_state=None if self.random_state is None else int(self.random_state),
                    progress=progress,
                )
            with watch.stage("words"), progress.stage("ranking words"):
                concept_set, n_words_cached = self._name(concept_set, encoder, words, cache)
        self.concepts_ = concept_set
        self.report_ = collected.report(watch.seconds, n_words=len(words), n_words_cached=n_words_cached)
        self._encoder_in_use = (concept_set, encoder)
        return self

    def fit_transform(
        self,
        images: ImageSource | None = None,
        docs: Sequence[str] | None = None,
        image_names: Sequence[str] | None = None,
        image_embeddings: npt.NDArray[Any] | None = None,
    ) -> IntArray:
        """Find the concepts of a collection and return the concept of each image.

        Takes what :meth:`fit` takes.

        Returns
        -------
        ndarray of shape (n_images,), int64
            `labels_`.
        """
        return self.fit(images, docs, image_names, image_embeddings).labels_

    def _candidates(self, docs: Sequence[str] | None) -> tuple[str, ...]:
        """Return the candidate words; first of all, so that a mistake in them does not cost an hour of embedding."""
        if docs is None:
            return resolve_vocabulary(self.vocabulary)
        return words_from_docs(docs, None if self.ctfidf else self.vectorizer_model)

    def _collect(
        self,
        images: ImageSource | None,
        names: Sequence[str] | None,
        embeddings: npt.NDArray[Any] | None,
        cache: VectorCache,
        watch: Stopwatch,
    ) -> tuple[ImageEncoder | None, Collected]:
        """Get the vectors of the collection, and the encoder that can speak of them (None if there is none)."""
        if embeddings is not None:
            named = not (isinstance(self.embedding_model, str) and self.embedding_model == "auto")
            encoder = resolve_encoder(self.embedding_model) if named else None
            return encoder, collect_embeddings(images, embeddings, names, encoder)
        with watch.stage("listing"):  # before the model: nobody waits for a hub to hear of a misspelt folder
            listing = named_images(images, names, downloads=cache.downloads)
        with watch.stage("model"):
            encoder = resolve_encoder(self.embedding_model)
        return encoder, collect_images(listing, self._embedder(encoder, cache, watch))

    def _embedder(self, encoder: ImageEncoder, cache: VectorCache, watch: Stopwatch | None = None) -> Embedder:
        return Embedder(encoder, cache, int(self.frames), Progress(bool(self.verbose)), watch)

    def _name(
        self, concept_set: ConceptSet, encoder: ImageEncoder | None, words: tuple[str, ...], cache: VectorCache
    ) -> tuple[ConceptSet, int]:
        """Give the concepts words, if there is an encoder that knows texts; count the words that were known."""
        if not isinstance(encoder, TextEncoder):
            what = "image_embeddings came without a model" if encoder is None else f"{encoder.name!r} has no text tower"
            warnings.warn(
                f"The concepts stay without words, and searching by text is not possible: {what}. Set embedding_model "
                "to a model that encodes texts into the same space.",
                NoWordsWarning,
                stacklevel=3,
            )
            return concept_set, 0
        if not len(concept_set):
            return concept_set, 0
        vectors, n_cached = embed_texts(words, encoder, cache)
        named = add_words(
            concept_set,
            words,
            vectors,
            labeler=self.labeler,
            ctfidf=bool(self.ctfidf),
            vectorizer_model=self.vectorizer_model,
        )
        return named, n_cached

    # --- new images --------------------------------------------------------------------------------------------

    def transform(
        self, images: ImageSource | None = None, image_embeddings: npt.NDArray[Any] | None = None
    ) -> IntArray:
        """Find the concept of new images.

        Parameters
        ----------
        images : as for `fit`
            May be left out when `image_embeddings` come.
        image_embeddings : ndarray of shape (n_images, n_dims), optional
            Their vectors, from the model that made the fitted ones.

        Returns
        -------
        ndarray of shape (n_images,), int64
            -1 for an image that fits no concept or could not be read (warned about once).
        """
        fitted = self._fitted()
        if image_embeddings is not None:
            new = collect_embeddings(images, image_embeddings, None, None).collection
        else:
            with open_cache(self.cache) as cache:
                listing = named_images(images, downloads=cache.downloads)
                new = collect_images(listing, self._embedder(self._encoder(), cache), some=False).collection
        expected = fitted.vectors.shape[1]
        if new.vectors.shape[1] != expected:
            raise InvalidParameterError(
                "image_embeddings", new.vectors.shape, f"of shape (n_images, {expected}), like the fitted ones"
            )
        warn_skipped(new)
        return assign_vectors(fitted, new.vectors)

    def embed_images(self, images: ImageSource) -> FloatArray:
        """Encode images with the model's encoder.

        Parameters
        ----------
        images : as for `fit`

        Returns
        -------
        ndarray of shape (n_images, n_dims), float32, unit norm

        Raises
        ------
        UnreadableImageError
            If an image cannot be read; it names the first and counts the others.
        """
        with open_cache(self.cache) as cache:
            return encode_readable(images, self._embedder(self._encoder(), cache))

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Encode texts into the space of the images.

        Parameters
        ----------
        texts : sequence of str

        Returns
        -------
        ndarray of shape (n_texts, n_dims), float32, unit norm
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InvalidParameterError("texts", texts, "a list of strings")
        encoder = self._encoder()
        if not isinstance(encoder, TextEncoder):
            raise NoTextEncoderError(
                f"The encoder {encoder.name!r} knows pictures only; texts need one with a text tower."
            )
        with open_cache(self.cache) as cache:
            return embed_texts(list(texts), encoder, cache)[0]

    # --- searching ---------------------------------------------------------------------------------------------

    def find_concepts(self, query: Query, top_n: int = 5) -> list[ConceptHit]:
        """Find the concepts nearest to a text or a picture.

        Parameters
        ----------
        query : str, Path, PIL.Image.Image or ndarray
            A str is a text, always; a picture comes as Path, PIL image or uint8 array.
        top_n : int, default=5
            How many at most.

        Returns
        -------
        list of ConceptHit
            ``(concept, similarity)``, nearest first.
        """
        return search_concepts(self._fitted(), self._query(query), top_n=top_n)

    def find_images(self, query: Query, top_n: int = 10) -> list[ImageHit]:
        """Find the images nearest to a text or a picture.

        Parameters
        ----------
        query : str, Path, PIL.Image.Image or ndarray
            A str is a text, always; a picture comes as Path, PIL image or uint8 array.
        top_n : int, default=10
            How many at most.

        Returns
        -------
        list of ImageHit
            ``(path, similarity, index, concept)``, nearest first.
        """
        return search_images(self._fitted(), self._query(query), top_n=top_n)

    def _query(self, query: Query) -> FloatArray:
        if isinstance(query, str):
            if not query.strip():
                raise InvalidParameterError("query", query, "a text with at least one letter, or a picture")
            return np.asarray(self.embed_texts([query])[0], np.float32)
        if isinstance(query, (Path, Image.Image, np.ndarray)):
            return np.asarray(self.embed_images([query])[0], np.float32)
        raise InvalidParameterError("query", query, "a text, a Path, a PIL image or a uint8 array")

    # --- saving ------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Save the fitted model as a folder; nothing is pickled.

        Parameters
        ----------
        path : str or Path
            A new or empty folder, or one that holds a saved model, which is replaced.

        Returns
        -------
        Path
            The folder.
        """
        self._fitted()
        from concept_memes.saved_models import save_model

        return save_model(self, path)

    @classmethod
    def load(cls, path: str | Path, *, embedding_model: object = None) -> ConceptModel:
        """Load a saved model. It answers as the saved one did.

        Parameters
        ----------
        path : str or Path
            The folder that `save` wrote.
        embedding_model : optional
            The encoder, if it was an object of your own. By default the one of the saved model, loaded on first
            use.

        Returns
        -------
        ConceptModel
        """
        from concept_memes.saved_models import load_model

        return load_model(cls, path, embedding_model)
