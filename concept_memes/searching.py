"""The half of the estimator that searches: texts and pictures -> vectors -> concepts and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from concept_memes.cache import VectorCache, open_cache
from concept_memes.collecting import encode_readable
from concept_memes.concepts import ConceptHit, ConceptSet, ImageHit
from concept_memes.embedding import Embedder
from concept_memes.errors import InvalidParameterError, NoTextEncoderError
from concept_memes.fitted import FittedConcepts
from concept_memes.progress import OnProgress, Progress
from concept_memes.protocols import FloatArray, ImageEncoder, TextEncoder
from concept_memes.queries import AnyQuery, Query, combined
from concept_memes.run_report import Stopwatch
from concept_memes.search import Scores, search_concepts, search_images
from concept_memes.sources import ImageSource
from concept_memes.text_embedding import embed_texts

__all__ = ["SearchedConcepts"]


class SearchedConcepts(FittedConcepts):
    """What a fitted or loaded :class:`~concept_memes.ConceptModel` finds for a text or a picture."""

    cache: bool | str | Path | VectorCache
    frames: int
    verbose: bool | str
    progress: OnProgress | None

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

    def find_concepts(self, query: AnyQuery, top_n: int = 5, *, scores: Scores = "cosine") -> list[ConceptHit]:
        """Find the concepts nearest to a text, a picture, or a sum of both.

        Parameters
        ----------
        query : str, Path, PIL.Image.Image, ndarray or Query
            A str is a text, always; a picture comes as Path, PIL image or uint8 array. A :class:`~concept_memes.Query`
            adds them up.
        top_n : int, default=5
            How many at most.
        scores : {"cosine", "standard"}, default="cosine"
            What `similarity` is: the cosine, or how many standard deviations it lies above the query's mean cosine with
            the pictures of the collection. Only the latter can be compared between queries.

        Returns
        -------
        list of ConceptHit
            ``(concept, similarity)``, nearest first.
        """
        return search_concepts(self._fitted(), self.embed_query(query), top_n=top_n, scores=scores)

    def find_images(
        self,
        query: AnyQuery,
        top_n: int = 10,
        *,
        within: int | Sequence[int] | None = None,
        scores: Scores = "cosine",
        expand: bool | None = None,
    ) -> list[ImageHit]:
        """Find the images nearest to a text, a picture, or a sum of both.

        A picture that is in the collection finds itself first.

        Parameters
        ----------
        query : str, Path, PIL.Image.Image, ndarray or Query
            A str is a text, always; a picture comes as Path, PIL image or uint8 array. A :class:`~concept_memes.Query`
            adds them up.
        top_n : int, default=10
            How many at most.
        within : int or sequence of int, optional
            Only images of these concepts; -1 stands for those that are in none.
        scores : {"cosine", "standard"}, default="cosine"
            What `similarity` is: the cosine, or how many standard deviations it lies above the query's mean cosine with
            the images of the collection. Only the latter can be compared between queries.
        expand : bool, optional
            Rank by the query together with the image nearest to it. More of what is found is right, but what is found
            for a text may come to look like that one image. By default where a picture is looked for. The similarities
            are those of the query itself all the same, so they need not descend.

        Returns
        -------
        list of ImageHit
            ``(path, similarity, index, concept)``, nearest first.
        """
        wanted = Query(query)
        return search_images(
            self._fitted(),
            self.embed_query(wanted),
            top_n=top_n,
            within=within,
            scores=scores,
            expand=wanted.has_picture if expand is None else bool(expand),
        )

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
                "that made them."
            )
        with open_cache(self.cache) as cache:
            return concept_set.candidates, embed_texts(concept_set.candidates, encoder, cache)[0]
