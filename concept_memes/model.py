"""`ConceptModel`: the estimator. It validates, orders the steps and delegates; it computes nothing itself."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from concept_memes.assembly import Collection, add_words, assemble, with_words
from concept_memes.assignment import assign_vectors
from concept_memes.cache import VectorCache, open_cache
from concept_memes.collecting import (
    Collected,
    collect_embeddings,
    collect_images,
    named_images,
    warn_skipped,
)
from concept_memes.concepts import ConceptSet
from concept_memes.correcting import labelled_by_docs
from concept_memes.embedding import N_FRAMES
from concept_memes.encoders.resolve import resolve_encoder
from concept_memes.errors import AdjustedWarning, InvalidParameterError, NoWordsWarning
from concept_memes.findings import FROM_DOCS, PictureTexts
from concept_memes.fitted import WITH_TEXTS
from concept_memes.growing import GrowingConcepts
from concept_memes.hierarchy import build_hierarchy
from concept_memes.naming import name_concepts, namer_of, ranker_of
from concept_memes.parameters import check_parameters, check_whole
from concept_memes.progress import OnProgress, Progress
from concept_memes.protocols import (
    Clusterer,
    ImageEncoder,
    IntArray,
    Labeler,
    Namer,
    Reducer,
    TextEncoder,
    TextReader,
)
from concept_memes.run_report import Stopwatch
from concept_memes.sources import ImageSource
from concept_memes.tags import Tag, tag_vectors
from concept_memes.text_embedding import embed_texts
from concept_memes.vocabulary import remove_stop_words, resolve_stop_words, resolve_vocabulary, words_from_docs

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["ConceptModel"]


class ConceptModel(GrowingConcepts):
    """Finds the concepts in a collection of images, names them, and finds them again by text.

    Parameters
    ----------
    min_concept_size : int or "auto", default="auto"
        The fewest images that make a concept. "auto" grows slowly with the collection: 3 for up to 100 images, 15
        for 1,200, 45 for 100,000.
    diversity : float, default=0.3
        How much the exemplars of a concept differ: 0 = the most typical images, 1 = the most different ones.
    embedding_model : str, Path, SentenceTransformer or ImageEncoder, default="auto"
        "clip-ViT-B-32", another CLIP or SigLIP checkpoint by name or folder, "hub-free", or an object of your own.
        "auto" is "clip-ViT-B-32" where it can be had within seconds, otherwise "hub-free" with a warning.
    vectorizer_model : object, optional
        A scikit-learn style vectorizer that splits `docs` into candidate words. Without one they stay unbroken.
    umap_model : Reducer or "umap", optional
        Reduces dimensions. By default vectors are averaged over UMAP's graph of neighbours, which is faster than its
        layout and has no chance in it; "umap" is that layout in five dimensions, and any object with `fit_transform`
        will do.
    hdbscan_model : Clusterer or "kmeans", optional
        Clusters instead of HDBSCAN: any object with `fit` and `labels_`; then `min_concept_size` has no effect and its
        outliers are kept unless `outliers` says otherwise. "kmeans" is K-means on the vectors as they are, with
        `n_concepts` groups (as many as the default would find, if it is left out), without what is far from its
        centroid: beyond Tukey's fence, unless `outliers` is "assign" or a share.
    ctfidf : bool, default=False
        Rank the words inside `docs` by class-based TF-IDF, instead of the docs themselves by similarity.
    n_concepts : int, optional
        Exactly so many concepts of a fit, by joining the nearest or parting the widest; updates may add more.
    granularity : {"coarse", "medium", "fine"}, default="medium"
        How broad a concept is. "medium": what stands out most clearly. "coarse": half as many, each of the nearest ones
        together ("animals" instead of "dogs" and "cats"). "fine": the smallest groups that hold ("spaniels").
    outliers : {"auto", "keep", "assign"} or float, default="auto"
        What becomes of images that are in no dense group. "keep": they are in no concept (-1). "assign": each goes to
        the nearest one. "auto": so does each but those that are far out of proportion there; where less than half of
        the images is in a dense group, it is like "keep". A share, such as 0.05: like "auto", but at most 5 % are in no
        concept. `concepts_.raw_labels` and `raw_probabilities` hold what was found before.
    guide : sequence of str, optional
        Words that you expect: images that fit the same one are drawn together, and what fits it by far becomes one
        concept of that name. Where none fits, concepts form as ever.
    vocabulary : str, Path or sequence of str, optional
        Candidate words when `fit` gets no `docs`: "nouns" (the list in the package, the default), "wordnet" or
        "wordnet:fra" (through nltk), a text file with a word per line, or words. "words.txt+hypernyms" adds the
        broader words that gather some of them, "words.txt+synonyms" other names for them (through nltk).
    stop_words : str, Path or sequence of str, optional
        Words that name no concept, wherever they come from and whatever their capitals: words, or a text file with one
        per line.
    labeler : Labeler or callable, optional
        An object with `rank_words` ranks the words instead of the default rule. A callable names the concepts: it is
        called as ``labeler(exemplars, words)`` once per concept, with its pictures (loaded when it looks at them) and
        its words, and returns the name, which becomes the title. If it fails for some, these stay without a name.
    n_exemplars : int, default=8
        Images that stand for a concept, as far as different ones exist.
    ocr : bool or TextReader, default=False
        Read the texts in the images: True = with RapidOCR (Chinese and English; needs the extra "ocr"), or an object of
        your own with `read_text`. Each content is read once ever.
    text_weight : float or "auto", default="auto"
        How much the texts count beside the looks, in clustering and in searches: 0 = the looks alone, 1 = the texts
        alone. "auto" is 0 where no texts are read.
    text_model : str or TextEncoder, default="auto"
        What compares texts: "tower" (the text tower of the embedding model), "ngrams" (TF-IDF of runs of characters,
        for any language), the name of a sentence-transformers model, or an object with `encode_texts`. "auto" is the
        tower where it knows the language of the texts, else "ngrams"; `concepts_.texts.encoder` says which.
    duplicates : {"collapse", "keep"}, default="collapse"
        "collapse": copies of an image (also recompressed, resized, mirrored and so on) count once in the clustering and
        are shown once; each still has its label. "keep": only the very same looks count once.
    frames : int, default=8
        Most frames that are looked at in an animation, evenly spaced: 1 = the first one only.
    cache : bool, str, Path or VectorCache, default=True
        Where vectors of pictures and words are kept, so that no content is ever encoded twice by the same model: True =
        a folder of the user (``concept-memes cache info`` tells which), False = nowhere, or a folder of your own.
    random_state : int or None, default=42
        Of `umap_model="umap"` and `hdbscan_model="kmeans"`. Without these nothing is random, and every state gives the
        same.
    verbose : bool or "bars", default=True
        Draw bars with rate and time left, and a last line, on a terminal or in a notebook. "bars" leaves the line out.
    progress : callable, optional
        For programs: called with a :class:`~concept_memes.progress.ProgressEvent` as the run goes on. What it raises
        ends the run; what was embedded by then is kept in the cache.

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
    hierarchy_ : Hierarchy
        The tree of concepts, words at every node; ``print(model.hierarchy_)`` draws it.

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
        umap_model: Reducer | str | None = None,
        hdbscan_model: Clusterer | str | None = None,
        ctfidf: bool = False,
        *,
        n_concepts: int | None = None,
        granularity: str = "medium",
        outliers: str | float = "auto",
        guide: Sequence[str] | None = None,
        vocabulary: str | Path | Sequence[str] | None = None,
        stop_words: str | Path | Sequence[str] | None = None,
        labeler: Labeler | Namer | None = None,
        n_exemplars: int = 8,
        ocr: bool | TextReader = False,
        text_weight: float | str = "auto",
        text_model: str | TextEncoder = "auto",
        duplicates: str = "collapse",
        frames: int = N_FRAMES,
        cache: bool | str | Path | VectorCache = True,
        random_state: int | None = 42,
        verbose: bool | str = True,
        progress: OnProgress | None = None,
    ) -> None:
        self.min_concept_size = min_concept_size
        self.diversity = diversity
        self.embedding_model = embedding_model
        self.vectorizer_model = vectorizer_model
        self.umap_model = umap_model
        self.hdbscan_model = hdbscan_model
        self.ctfidf = ctfidf
        self.n_concepts = n_concepts
        self.granularity = granularity
        self.outliers = outliers
        self.guide = guide
        self.vocabulary = vocabulary
        self.stop_words = stop_words
        self.labeler = labeler
        self.n_exemplars = n_exemplars
        self.ocr = ocr
        self.text_weight = text_weight
        self.text_model = text_model
        self.duplicates = duplicates
        self.frames = frames
        self.cache = cache
        self.random_state = random_state
        self.verbose = verbose
        self.progress = progress

    @classmethod
    def from_recipe(
        cls,
        recipe: str,
        *,
        network: str | None = None,
        **parameters: Any,  # noqa: ANN401 (of the constructor)
    ) -> ConceptModel:
        """Make a model that works as people know it from elsewhere.

        Parameters
        ----------
        recipe : {"cnn-kmeans"}
            "cnn-kmeans": features of a CNN at unit length, into K-means; what is beyond Tukey's fence around its
            centroid is in no concept. Say `n_concepts`: left out, it is as many as this package would find by itself.
        network : {"auto", "vgg16", "inception-v3", "hub-free"}, optional
            The CNN: VGG16 (max pooling, 512 dimensions) or Inception v3 (average pooling, 2,048) through Keras, or the
            CNN of the hub-free model (1,280). "auto", the default, is VGG16 where its weights can be had, else the
            hub-free one, with a `FallbackWarning`.
        **parameters
            Of the constructor; they win over those of the recipe.

        Returns
        -------
        ConceptModel
            Not fitted yet.

        Raises
        ------
        InvalidParameterError
            If there is no such recipe, network or parameter.

        Examples
        --------
        >>> from concept_memes.testing import ColorEncoder, color_images
        >>> model = ConceptModel.from_recipe("cnn-kmeans", n_concepts=2, embedding_model=ColorEncoder())
        >>> model.fit_transform(color_images(["red"], 6) + color_images(["blue"], 4)).tolist()  # one is far from both
        [0, 0, -1, 0, 0, 0, 1, 1, 1, 1]
        """
        from concept_memes.recipes import make_model

        return make_model(cls, recipe, network=network, **parameters)

    # --- fitting -----------------------------------------------------------------------------------------------

    def fit(
        self,
        images: ImageSource | None = None,
        docs: Sequence[str] | None = None,
        image_names: Sequence[str] | None = None,
        image_embeddings: npt.NDArray[Any] | None = None,
    ) -> ConceptModel:
        """Find the concepts of a collection.

        Corrections that were made before (`merge_concepts`, `split_concept`, `rename_concept`) are made again on what
        is found; `forget_edits`, or a new model, goes without them.

        Parameters
        ----------
        images : folder, pattern, archive, list file, address, path, PIL image, uint8 array, or a list of these
            The collection; `list_images` says what can be given. May be left out when `image_embeddings` come.
        docs : sequence of str, optional
            Your own candidate words and phrases, taken unbroken. By default `vocabulary`. With `ctfidf` texts, whose
            words are the candidates. An encoder that knows pictures only cannot compare them with pictures: then
            `ctfidf` needs one text per image, in the order of the images, and a search by text searches these.
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
        EditsWarning
            If corrections cannot be made again.
        """
        check_parameters(self.get_params(deep=False))
        self._reader()  # what is not installed is missed now, and not after an hour of embedding
        words = self._candidates(docs)
        edits = self.concepts_.edits if hasattr(self, "concepts_") else ()
        progress, watch = self._progress(), Stopwatch()
        with open_cache(self.cache) as cache:
            encoder, collected = self._collect(images, image_names, image_embeddings, cache, watch)
            warn_skipped(collected.collection)
            collection = self._compared(collected.collection, cache, watch)
            collection = self._read(collection, encoder, cache, watch)
            collection = self._with_docs(collection, docs, encoder)
            self._warn_unused(collection)
            with watch.stage("concepts"):
                concept_set = assemble(
                    collection,
                    self._cluster_settings(),
                    diversity=float(self.diversity),
                    n_exemplars=int(self.n_exemplars),
                    progress=progress,
                    guide=self._guide(encoder, cache),
                )
            with watch.stage("words"):
                concept_set = self._with_said_words(self._replayed(concept_set, edits))
                concept_set, n_words_cached = self._name(concept_set, encoder, words, cache, progress)
        if (namer := namer_of(self.labeler)) is not None:
            with watch.stage("names"), progress.stage("naming concepts"):
                nameless = [concept.index for concept in concept_set.concepts if not concept.name]
                concept_set = name_concepts(concept_set, namer, nameless, stacklevel=3)
        self.concepts_ = concept_set
        collected = replace(collected, collection=collection)
        n_words = len(words) if isinstance(encoder, TextEncoder) else 0
        self.report_ = collected.report(watch.seconds, n_words=n_words, n_words_cached=n_words_cached)
        self._encoder_in_use = (concept_set, encoder)
        progress.conclude(self.report_.summary(concept_set))
        if self.n_concepts is None and (advice := self.report_.no_grouping(concept_set)):
            progress.conclude(advice)
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
        stop_words = resolve_stop_words(self.stop_words)
        if docs is None:
            words = resolve_vocabulary(self.vocabulary)
        else:
            words = words_from_docs(docs, None if self.ctfidf else self.vectorizer_model)
        return remove_stop_words(words, stop_words)

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
            if self.ocr is not False:
                raise InvalidParameterError("ocr", self.ocr, "False where image_embeddings come")
            named = not (isinstance(self.embedding_model, str) and self.embedding_model == "auto")
            encoder = resolve_encoder(self.embedding_model) if named else None
            self._check_guide(encoder)
            return encoder, collect_embeddings(images, embeddings, names, encoder)
        with watch.stage("listing"):  # before the model: nobody waits for a hub to hear of a misspelt folder
            listing = named_images(images, names, downloads=cache.downloads)
        with watch.stage("model"):
            encoder = resolve_encoder(self.embedding_model)
        self._check_guide(encoder)
        return encoder, collect_images(listing, self._embedder(encoder, cache, watch))

    def _with_docs(
        self, collection: Collection, docs: Sequence[str] | None, encoder: ImageEncoder | None
    ) -> Collection:
        """Take docs for the texts of the images, where nothing else can be made of them and there is one each."""
        if docs is None or not self.ctfidf or isinstance(encoder, TextEncoder) or len(docs) != len(collection.images):
            return collection
        if collection.texts is not None:
            raise InvalidParameterError("ocr", self.ocr, "False where docs= are the texts of the images")
        return replace(collection, texts=PictureTexts(tuple(docs), FROM_DOCS))

    def _warn_unused(self, collection: Collection) -> None:
        """Say which parameters speak of texts that there are none of."""
        if collection.texts is not None:
            return
        weight, model = self.text_weight, self.text_model
        unused = [] if isinstance(weight, str) or weight == 0 else [f"text_weight={weight}"]
        unused += [] if isinstance(model, str) and model == "auto" else ["text_model"]
        if unused:
            warnings.warn(
                f"Without texts {' and '.join(unused)} did nothing: no texts were read. To read them, set ocr=True.",
                AdjustedWarning,
                stacklevel=3,
            )

    def _name(
        self,
        concept_set: ConceptSet,
        encoder: ImageEncoder | None,
        words: tuple[str, ...],
        cache: VectorCache,
        progress: Progress,
    ) -> tuple[ConceptSet, int]:
        """Give the concepts and their tree words, if an encoder knows texts; count the words that were known."""
        if labelled_by_docs(concept_set):
            of_docs = self._ranker_of_docs()
            members = [np.flatnonzero(concept_set.labels == concept.index) for concept in concept_set.concepts]
            ranked = dict(enumerate(of_docs(concept_set, members)))
            named = with_words(concept_set, ranked, (), concept_set.word_vectors)
            return replace(named, hierarchy=build_hierarchy(named, of_docs)), 0
        if not isinstance(encoder, TextEncoder):
            if concept_set.texts is None:
                warnings.warn(without_words(encoder, self.ctfidf), NoWordsWarning, stacklevel=3)
            return replace(concept_set, hierarchy=build_hierarchy(concept_set)), 0
        if not len(concept_set):
            return replace(concept_set, candidates=words), 0  # an update may find concepts to be named
        vectors, n_cached = embed_texts(words, encoder, cache, progress)
        with progress.stage("ranking words"):
            named = add_words(
                concept_set,
                words,
                vectors,
                labeler=ranker_of(self.labeler),
                ctfidf=bool(self.ctfidf),
                vectorizer_model=self._word_counter(),
            )
            rank = self._ranker(words, vectors)
            return replace(named, hierarchy=build_hierarchy(named, rank)), n_cached

    # --- new images --------------------------------------------------------------------------------------------

    def tag_images(
        self,
        images: ImageSource | None = None,
        top_n: int = 3,
        *,
        image_embeddings: npt.NDArray[Any] | None = None,
    ) -> list[list[Tag]]:
        """Choose words for every single image.

        A word counts by how near it is to the image and the images most like it, and by how well it fits their concept.

        Parameters
        ----------
        images : as for `fit`, optional
            By default the fitted images.
        top_n : int, default=3
            Words per image at most; of words that say the same only one.
        image_embeddings : ndarray of shape (n_images, n_dims), optional
            Vectors of new images, from the model that made the fitted ones.

        Returns
        -------
        list of list of Tag
            Per image ``(word, confidence)``, the surest first; empty for an image that could not be read. The
            candidates are those of `fit`, with `ctfidf` the docs.

        Raises
        ------
        NoTextEncoderError
            If there is no encoder for words.

        Examples
        --------
        >>> from concept_memes.testing import ColorEncoder, color_images
        >>> model = ConceptModel(
        ...     embedding_model=ColorEncoder(), vocabulary=["red", "blue"], min_concept_size=3, cache=False
        ... )
        >>> model = model.fit(color_images(["red"], 6) + color_images(["blue"], 4))
        >>> [tags[0].word for tags in model.tag_images()][5:7]
        ['red', 'blue']
        """
        check_whole("top_n", top_n, 1)
        fitted = self._fitted()
        if fitted.candidates or fitted.words:
            words, word_vectors = self._word_vectors(fitted)
        else:  # an older save without concepts, or an encoder that knows no texts, which is said here
            words = self._candidates(None)
            word_vectors = self.embed_texts(words)
        if images is None and image_embeddings is None:
            return tag_vectors(fitted, fitted.vectors, fitted.labels, words, word_vectors, top_n=top_n)
        new = self._collected(images, image_embeddings).collection
        warn_skipped(new)
        labels = assign_vectors(fitted, new.vectors, new.texts)
        return tag_vectors(fitted, new.vectors, labels, words, word_vectors, top_n=top_n)

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


def without_words(encoder: ImageEncoder | None, ctfidf: bool) -> str:
    """Say why concepts stay without words, and what helps."""
    if encoder is None:
        why = "image_embeddings came without a model"
    else:
        why = f"the encoder {encoder.name!r} knows pictures only"
    docs = "one text per image as docs=" if ctfidf else "ctfidf=True and one text per image as docs="
    return (
        f"The concepts stay without words, and searching by text is not possible: {why}. Set embedding_model to one "
        f"that encodes texts into the same space ({WITH_TEXTS}), read the texts in the images with ocr=True, or give "
        f"{docs}."
    )
