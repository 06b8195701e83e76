"""The half of the estimator that searches: texts and pictures -> vectors -> concepts and pictures."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from concept_memes.cache import VectorCache, open_cache
from concept_memes.collecting import encode_readable
from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
from concept_memes.embedding import Embedder
from concept_memes.errors import (
    AdjustedWarning,
    InvalidParameterError,
    MissingExtraError,
    ModelNotFoundError,
    NoTextEncoderError,
)
from concept_memes.findings import PictureFamilies, PictureTexts
from concept_memes.fitted import WITH_TEXTS, FittedConcepts
from concept_memes.fused_search import (
    SEARCH_WEIGHT,
    LookedFor,
    find_looked_for,
    find_looked_for_concepts,
    how_well_said,
)
from concept_memes.parameters import is_number
from concept_memes.progress import OnProgress, Progress
from concept_memes.protocols import FloatArray, ImageEncoder, TextEncoder
from concept_memes.queries import AnyQuery, Query, combined
from concept_memes.run_report import Stopwatch
from concept_memes.search import Scores
from concept_memes.sources import ImageSource
from concept_memes.text_embedding import embed_texts

__all__ = ["SearchedConcepts"]


class SearchedConcepts(FittedConcepts):
    """What a fitted or loaded :class:`~concept_memes.ConceptModel` finds for a text or a picture."""

    cache: bool | str | Path | VectorCache
    frames: int
    text_weight: float | str
    text_model: str | TextEncoder
    verbose: bool | str
    progress: OnProgress | None
    if TYPE_CHECKING:

        @property
        def families_(self) -> PictureFamilies:
            """Which images are copies of one another: the half that compares pictures knows."""

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
            texts_known = getattr(getattr(self, "concepts_", None), "texts", None) is not None
            raise NoTextEncoderError(
                f"The encoder {encoder.name!r} knows pictures only: it cannot compare words with them. "
                + (
                    "What the pictures say is known: search that with text=True, or give a picture instead of words, "
                    f"or fit with embedding_model= one that knows texts ({WITH_TEXTS})."
                    if texts_known
                    else "Give a picture instead of words, or fit with embedding_model= one that knows texts "
                    f"({WITH_TEXTS}), or with ocr=True: then a search finds what the pictures say."
                )
            )
        with open_cache(self.cache) as cache:
            return embed_texts(list(texts), encoder, cache)[0]

    def find_concepts(
        self,
        query: AnyQuery,
        top_n: int = 5,
        *,
        text: bool | None = None,
        text_weight: float | None = None,
        scores: Scores = "cosine",
    ) -> list[ConceptHit]:
        """Find the concepts nearest to a text, a picture, or a sum of both; or those whose pictures say it.

        Parameters
        ----------
        query : str, Path, PIL.Image.Image, ndarray or Query
            A str is a text, always; a picture comes as Path, PIL image or uint8 array. A :class:`~concept_memes.Query`
            adds them up.
        top_n : int, default=5
            How many at most.
        text : bool, optional
            As for `find_images`: True finds the concepts whose pictures say it, fewer where there are no more.
        text_weight : float, optional
            As for `find_images`.
        scores : {"cosine", "standard"}, default="cosine"
            What `similarity` is: the cosine, or how many standard deviations it lies above the query's mean cosine with
            the pictures of the collection. Only the latter can be compared between queries. Where texts count, the
            mean of how well its pictures say it adds to it as in `find_images`. Concepts are ranked by how surely they
            say it, so the cosine need not descend then.

        Returns
        -------
        list of ConceptHit
            ``(concept, similarity)``, best first.
        """
        wanted = self._looked_for(query, text, text_weight)
        return find_looked_for_concepts(self._fitted(), wanted, top_n=top_n, scores=scores)

    def find_images(
        self,
        query: AnyQuery,
        top_n: int = 10,
        *,
        text: bool | None = None,
        text_weight: float | None = None,
        within: int | Sequence[int] | None = None,
        scores: Scores = "cosine",
        expand: bool | None = None,
        duplicates: Literal["collapse", "keep"] | None = None,
    ) -> list[ImageHit]:
        """Find the images nearest to a text, a picture, or a sum of both; or those that say it.

        A picture that is in the collection finds itself first. Where texts were read (`ocr`), images that say the words
        come before those that only look like them.

        Parameters
        ----------
        query : str, Path, PIL.Image.Image, ndarray or Query
            A str is a text, always; a picture comes as Path, PIL image or uint8 array. A :class:`~concept_memes.Query`
            adds them up.
        top_n : int, default=10
            How many at most.
        text : bool, optional
            True: only images that say it (or mean it, if `text_model` compares meanings), the best match first, by
            looks between equals. False: looks alone. By default both, where texts were read; one that says nothing is
            found by its looks. A text that the encoder cannot read is looked for in the texts alone.
        text_weight : float, optional
            How much texts count, from 0 (looks alone) to 1 (texts alone), when both do. By default the model's
            `text_weight`; 0.5 where that is "auto".
        within : int or sequence of int, optional
            Only images of these concepts; -1 stands for those that are in none.
        scores : {"cosine", "standard"}, default="cosine"
            What `similarity` is: the cosine, or how many standard deviations it lies above the query's mean cosine with
            the images of the collection. Only the latter can be compared between queries. To an image that says the
            query, how well it says it, in [0, 1] (``concept_memes.text_search.TextIndex.match``), gives so many times
            16 standard deviations more, in all at most 1 on the scale of cosines; with a `text_weight` other than 0.5
            the lesser of both is reduced. With ``text=True`` it is how well the image says it. It descends, but for
            `expand`.
        expand : bool, optional
            Rank by the query together with the image nearest to it. More of what is found is right, but what is found
            for a text may come to look like that one image. By default where a picture is looked for. The similarities
            are those of the query itself all the same, so they need not descend.
        duplicates : {"collapse", "keep"}, optional
            "collapse": an image and its copies are found once, as well as the one fits that fits best, and `top_n`
            counts different images. Given is the one that stands for them; where an image is looked for, the copy that
            is most like it. "keep": all are found. By default as the model was fitted; "collapse" looks for copies now
            where `fit` did not.

        Returns
        -------
        list of ImageHit
            ``(path, similarity, index, concept)``, best first.

        Raises
        ------
        InvalidParameterError
            If a parameter cannot be; with ``text=True`` also if no texts were read, or the query has none, or the
            `text_model` of a loaded model was an object, which is not saved.
        NoTextEncoderError
            If the encoder knows no texts, and no texts were read either.

        Examples
        --------
        >>> from concept_memes import ConceptModel
        >>> from concept_memes.testing import CaptionReader, ColorEncoder, captioned_images
        >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red"], ocr=CaptionReader(), cache=False)
        >>> _ = model.fit(captioned_images(["no more overtime", "overtime", "holidays", ""]))
        >>> [hit.index for hit in model.find_images("overtime", text=True)]
        [1, 0]
        >>> [hit.index for hit in model.find_images("overtime", 3)][:2]
        [1, 0]
        """
        fitted, once = self._searched(duplicates)
        wanted = self._looked_for(query, text, text_weight, expand)
        return find_looked_for(fitted, wanted, top_n=top_n, within=within, scores=scores, once=once)

    def embed_query(self, query: AnyQuery) -> FloatArray:
        """Encode what is looked for as one vector.

        Parameters
        ----------
        query : str, Path, PIL.Image.Image, ndarray or Query

        Returns
        -------
        ndarray of shape (n_dims,), float32, unit norm
            Terms of a sum are balanced on the fitted collection; see :class:`~concept_memes.Query`.
        """
        fitted = self._fitted()
        terms = [(what, weight) for what, weight in Query(query).terms if weight]
        if not terms:
            raise InvalidParameterError("query", query, "a sum with a term whose weight is not 0")
        vectors = [self.embed_texts([w])[0] if isinstance(w, str) else self.embed_images([w])[0] for w, _ in terms]
        if len(terms) == 1 and terms[0][1] > 0:
            return np.asarray(vectors[0], np.float32)
        return combined(fitted, np.array(vectors, np.float32), [weight for _, weight in terms])

    def _searched(self, duplicates: str | None) -> tuple[ConceptSet, bool]:
        """Return what is searched, and whether each picture is to be found once."""
        if duplicates is not None and (not isinstance(duplicates, str) or duplicates not in ("collapse", "keep")):
            raise InvalidParameterError("duplicates", duplicates, '"collapse", "keep" or None (as it was fitted)')
        fitted = self._fitted()
        if duplicates == "collapse" and fitted.families is None:
            return replace(fitted, families=self.families_), True
        return fitted, duplicates != "keep" and fitted.families is not None

    def _looked_for(
        self, query: AnyQuery, text: bool | None, text_weight: float | None, expand: bool | None = None
    ) -> LookedFor:
        """Encode what is looked for, and find out how well the pictures say it."""
        wanted, fitted = Query(query), self._fitted()
        expand = wanted.has_picture if expand is None else bool(expand)
        weight = self._search_weight(wanted, text, text_weight)
        if weight == 0 or fitted.texts is None or not wanted.texts:
            return LookedFor(self.embed_query(wanted), expand=expand, of_picture=wanted.has_picture)
        meanings = self._meanings(fitted.texts, wanted, needed=bool(text) or bool(text_weight))
        said = how_well_said(fitted.texts, wanted, meanings)
        texts_alone = weight == 1  # looks decide between equals then, and are not worth an error
        try:
            vector = self._looks_of(wanted, anyway=not texts_alone and not said.any())
            if vector is None and not texts_alone and not (said > 0).any():  # what is said is only taken away
                vector = self._looks_of(wanted, anyway=True)
        except (ModelNotFoundError, MissingExtraError):
            if not texts_alone:
                raise
            vector = None
        return LookedFor(vector, said, weight, said_only=texts_alone, expand=expand, of_picture=wanted.has_picture)

    def _search_weight(self, query: Query, text: bool | None, weight: float | None) -> float:
        """Return how much texts count, 0 where looks alone are searched."""
        if text is not None and not isinstance(text, (bool, np.bool_)):
            raise InvalidParameterError("text", text, "True (what they say), False (how they look) or None (both)")
        if weight is not None and not (is_number(weight) and 0 <= weight <= 1):
            raise InvalidParameterError("text_weight", weight, "a number from 0 (looks alone) to 1 (texts alone)")
        if (text or weight) and self._fitted().texts is None:
            name, value = ("text", text) if text else ("text_weight", weight)
            raise InvalidParameterError(name, value, "left out, as this model has no texts: fit with ocr=True for that")
        if text and not query.texts:
            raise InvalidParameterError("query", query, "words, or a sum with words, where text=True")
        if text is not None:
            return float(text)
        if weight is not None:
            return float(weight)
        return SEARCH_WEIGHT if isinstance(self.text_weight, str) else float(self.text_weight)

    def _meanings(self, texts: PictureTexts, query: Query, *, needed: bool) -> FloatArray | None:
        """Encode the words of a query into the space of what the pictures say, where that is a space of meanings.

        Where what encoded the texts is gone, it is missed only if `needed`.
        """
        from concept_memes.text_vectors import NGRAMS, encode_picture_texts, tower_knows

        if texts.vectors is None or texts.encoder == NGRAMS:  # letters are compared already
            return None
        if not needed and self._lost_text_model(texts):
            warnings.warn(
                f"The texts of the images were encoded by {texts.encoder!r}, an object, which is not saved with the "
                "model: words are looked for as they are written, and not by what they mean. Set it again: "
                "model.text_model = ...",
                AdjustedWarning,
                stacklevel=4,
            )
            return None
        model, encoder, words = self._text_encoder(), None, query.texts
        if isinstance(model, str):  # the tower; what it cannot read has no meaning
            encoder = self._encoder()
            words = tuple(text if tower_knows(encoder, [text]) else "" for text in words)
        quiet = Progress(verbose=False)
        with open_cache(self.cache) as cache:
            return encode_picture_texts(
                PictureTexts(words, "query"), model, texts.weight, encoder, cache=cache, progress=quiet, like=texts
            ).vectors

    def _lost_text_model(self, texts: PictureTexts) -> bool:
        """Tell whether an object encoded the texts that a loaded model has no more."""
        by_tower = isinstance(self.text_model, str) and self.text_model in ("auto", "tower")
        return by_tower and texts.encoder != self._fitted().encoder_name

    def _text_encoder(self) -> str | TextEncoder:
        """Return what compares texts; a model that is known by its name is loaded once."""
        model = self.text_model
        if not isinstance(model, str) or model in ("auto", "tower", "ngrams"):
            return model
        name, encoder = getattr(self, "_text_encoder_made", ("", None))
        if encoder is None or name != model:
            from concept_memes.encoders.sentences import SentenceEncoder

            encoder = SentenceEncoder(model)
            self._text_encoder_made = (model, encoder)
        return encoder

    def _looks_of(self, query: Query, *, anyway: bool) -> FloatArray | None:
        """Encode what is looked for without the words that the encoder cannot read; None where nothing is left.

        `anyway`: with words in a language that it does not know all the same.
        """
        from concept_memes.text_vectors import tower_knows

        try:
            encoder = self._encoder()
        except NoTextEncoderError:  # vectors that came from outside
            return None
        has_texts = isinstance(encoder, TextEncoder)
        readable = query.without_texts(lambda words: not has_texts or not (anyway or tower_knows(encoder, [words])))
        return None if readable is None else self.embed_query(readable)

    def _progress(self) -> Progress:
        """Return what tells how far a run is."""
        bars_only = isinstance(self.verbose, str)
        return Progress(bool(self.verbose), self.progress, last_line=not bars_only)

    def _embedder(self, encoder: ImageEncoder, cache: VectorCache, watch: Stopwatch | None = None) -> Embedder:
        return Embedder(encoder, cache, int(self.frames), self._progress(), watch)

    def _word_vectors(self, concept_set: ConceptSet) -> tuple[tuple[str, ...], FloatArray]:
        """Return the candidate words of a fitted set and their vectors; older saves have its words only."""
        if not concept_set.candidates:
            return concept_set.words, concept_set.word_vectors
        encoder = self._encoder()
        if not isinstance(encoder, TextEncoder):
            raise NoTextEncoderError(
                f"The encoder {encoder.name!r} knows pictures only, and this model has words. Load it with the encoder "
                f"that made them, {concept_set.encoder_name!r}."
            )
        with open_cache(self.cache) as cache:
            return concept_set.candidates, embed_texts(concept_set.candidates, encoder, cache)[0]
