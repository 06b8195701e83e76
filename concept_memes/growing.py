"""The half of the estimator that meets new images: `transform`, `assign` and `update`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from concept_memes.assembly import features_of
from concept_memes.assignment import assign_vectors, describe_placement, place_vectors
from concept_memes.cache import VectorCache, open_cache
from concept_memes.clustering import Clustering, ClusterSettings, cluster_vectors
from concept_memes.collecting import Collected, collect_embeddings, collect_images, named_images, warn_skipped
from concept_memes.concepts import Assignment, ConceptSet
from concept_memes.correcting import CorrectedConcepts, labelled_by_docs
from concept_memes.counting import count_near_copies, representatives
from concept_memes.edits import Edited
from concept_memes.errors import AdjustedWarning, InvalidParameterError, NoTextEncoderError
from concept_memes.fitted import WITH_TEXTS
from concept_memes.guiding import standard_fits
from concept_memes.hierarchy import centred_rows, in_order_of_content
from concept_memes.parameters import check_whole
from concept_memes.progress import Progress
from concept_memes.protocols import Clusterer, FloatArray, ImageEncoder, IntArray, Reducer, TextEncoder, TextReader
from concept_memes.run_report import RunReport, Stopwatch
from concept_memes.sources import ImageSource
from concept_memes.text_embedding import embed_texts
from concept_memes.updates import Regroup, UpdateReport, extend, grow, with_texts_of_copies
from concept_memes.vocabulary import words_from_docs

__all__ = ["GrowingConcepts"]


class GrowingConcepts(CorrectedConcepts):
    """What a fitted or loaded :class:`~concept_memes.ConceptModel` does with images that it was not fitted on."""

    min_concept_size: int | str
    granularity: str
    n_concepts: int | None
    outliers: str | float
    guide: Sequence[str] | None
    umap_model: Reducer | str | None
    hdbscan_model: Clusterer | str | None
    random_state: int | None
    frames: int
    ocr: bool | TextReader
    report_: RunReport

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
        new = self._collected(images, image_embeddings).collection
        warn_skipped(new)
        return assign_vectors(fitted, new.vectors, new.texts)

    def assign(
        self,
        images: ImageSource | None = None,
        image_embeddings: npt.NDArray[Any] | None = None,
        *,
        n_exemplars: int = 3,
    ) -> list[Assignment]:
        """Find the concept of new images, how likely each belongs there, and which exemplars are nearest to it.

        Parameters
        ----------
        images : as for `fit`
            May be left out when `image_embeddings` come.
        image_embeddings : ndarray of shape (n_images, n_dims), optional
            Their vectors, from the model that made the fitted ones.
        n_exemplars : int, default=3
            Exemplars of the concept per image at most.

        Returns
        -------
        list of Assignment
            ``(label, confidence, exemplars, similarities, reason)`` per image; the labels are those of `transform`.

        Examples
        --------
        >>> from concept_memes import ConceptModel
        >>> from concept_memes.testing import ColorEncoder, color_images
        >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue"])
        >>> model = model.fit(color_images(["red"], 8) + color_images(["blue"], 6))
        >>> found = model.assign(color_images(["blue"], 1, seed=4))[0]
        >>> found.label, len(found.exemplars), found.confidence > 0.5
        (1, 3, True)
        """
        fitted = self._fitted()
        check_whole("n_exemplars", n_exemplars, 0, "an integer, 0 or more")
        new = self._collected(images, image_embeddings).collection
        warn_skipped(new)
        return describe_placement(
            fitted,
            new.vectors,
            place_vectors(fitted, new.vectors, new.texts),
            n_exemplars=n_exemplars,
            reasons={one.index: one.reason for one in new.skipped},
        )

    def update(
        self,
        images: ImageSource | None = None,
        image_names: Sequence[str] | None = None,
        image_embeddings: npt.NDArray[Any] | None = None,
        *,
        new_concepts: bool = True,
    ) -> UpdateReport:
        """Add new images to the fitted collection.

        Existing concepts keep their numbers, words, names and, as far as they are still in them, exemplars. New images
        that fit one join it. The others wait, with label -1, until enough of their kind have come: then they become a
        new concept, with the next number. So may part of an existing concept, once there are enough pictures to tell
        it apart. New concepts are those that a fit on everything would find and that nothing stands for yet; what the
        user has merged is not taken apart.

        An image that is in the collection already, the same content at the same path, is not added again: the same
        folder may be given time and again. `labels_`, `images_` and the others grow at the end. Updates are a history:
        other batches, or another order of them, may give other concepts; within one, the order does not matter.

        Parameters
        ----------
        images : as for `fit`
            May be left out when `image_embeddings` come.
        image_names : sequence of str, optional
            What to call the images, one each.
        image_embeddings : ndarray of shape (n_images, n_dims), optional
            Their vectors, from the model that made the fitted ones.
        new_concepts : bool, default=True
            Whether concepts may form. The whole collection is clustered for it, which takes as long as in `fit`.

        Returns
        -------
        UpdateReport
            Labels of the images, what they joined, what has formed; print it to read it. `report_` counts the whole
            collection.

        Raises
        ------
        InvalidParameterError
            If vectors have another length than the fitted ones.

        Warns
        -----
        SkippedImagesWarning
            If some of the images could not be read; they are in `skipped_` then.

        Examples
        --------
        >>> from concept_memes import ConceptModel
        >>> from concept_memes.testing import ColorEncoder, color_images
        >>> model = ConceptModel(embedding_model=ColorEncoder(), vocabulary=["red", "blue", "lime"])
        >>> model = model.fit(color_images(["red", "blue"], 8))
        >>> print(model.update(color_images(["red"], 2, seed=3) + color_images(["lime"], 6)))
        8 images: 2 joined 1 concept, 6 in 1 new concept
        new: 2 (lime), 6 images
        """
        fitted = self._fitted()
        progress, watch = self._progress(), Stopwatch()
        collected = self._collected(images, image_embeddings, image_names, watch)
        warn_skipped(collected.collection)
        start = len(fitted.images)
        extended, n_moved = extend(fitted, collected.collection), 0
        if len(extended.concept_set.images) > start:
            with open_cache(self.cache) as cache:
                compared = self._compared(extended.concept_set, cache, watch)
                extended = replace(extended, concept_set=with_texts_of_copies(compared, start))
        new: tuple[int, ...] = ()
        if len(extended.concept_set.images) > start:
            guide = self._guide_again()
            with watch.stage("concepts"):
                grown = grow(
                    extended.concept_set,
                    start,
                    self._regroup(guide, progress) if new_concepts else None,
                    guide=() if guide is None else guide[0],
                    **self._description(),
                )
            with watch.stage("words"), progress.stage("ranking words"):
                self._edited(Edited(grown.concept_set, grown.new))
            new, n_moved = grown.new, grown.n_moved
        elif extended.n_relocated:
            self._edited(Edited(extended.concept_set, ()))
        self.report_ = self._report_of_all(collected, watch)
        labels = self.concepts_.labels[extended.places]
        joined, counts = np.unique(labels[(extended.places >= start) & (labels >= 0)], return_counts=True)
        n_read = sum(bool(image.content_hash) for image in self.concepts_.images)
        update = UpdateReport(
            labels,
            {int(c): int(n) for c, n in zip(joined, counts, strict=True) if c not in new},
            tuple(concept for concept in self.concepts_.concepts if concept.index in new),
            known=tuple(np.flatnonzero(extended.places < start).tolist()),
            n_copies=extended.n_copies,
            n_moved=n_moved,
            n_waiting=n_read - int((self.concepts_.labels >= 0).sum()),
            skipped=collected.collection.skipped,
            n_relocated=extended.n_relocated,
        )
        progress.conclude(str(update).splitlines()[0])
        return update

    def _collected(
        self,
        images: ImageSource | None,
        embeddings: npt.NDArray[Any] | None,
        names: Sequence[str] | None = None,
        watch: Stopwatch | None = None,
    ) -> Collected:
        """Get the vectors of new images, which must be of the length of the fitted ones."""
        fitted = self._fitted()
        if embeddings is not None:
            new = collect_embeddings(images, embeddings, names, None)
        else:
            with open_cache(self.cache) as cache:
                listing = named_images(images, names, downloads=cache.downloads)
                encoder = self._encoder()
                new = collect_images(listing, self._embedder(encoder, cache, watch), some=False)
                if fitted.texts is not None:
                    self._warn_unread(fitted)
                    read = self._read(new.collection, encoder, cache, watch or Stopwatch(), fitted.texts)
                    new = replace(new, collection=read)
        expected, given = fitted.vectors.shape[1], new.collection.vectors.shape
        if given[1] != expected:
            raise InvalidParameterError(
                "image_embeddings", given, f"of shape (n_images, {expected}), like the fitted ones"
            )
        return new

    def _warn_unread(self, fitted: ConceptSet) -> None:
        """Say that nobody reads new images where somebody read the fitted ones."""
        if self.ocr is False and fitted.texts is not None and not labelled_by_docs(fitted):
            warnings.warn(
                f"The texts of the fitted images were read by {fitted.texts.reader!r}, and ocr is False: the new "
                "images are not read, and count by their looks alone. Set the reader again: model.ocr = ...",
                AdjustedWarning,
                stacklevel=4,
            )

    def _cluster_settings(self) -> ClusterSettings:
        """Return the parameters that decide the clustering."""
        share = None if isinstance(self.outliers, str) else float(self.outliers)
        return ClusterSettings(
            min_concept_size=None if isinstance(self.min_concept_size, str) else int(self.min_concept_size),
            granularity=self.granularity,
            n_concepts=None if self.n_concepts is None else int(self.n_concepts),
            outliers=self.outliers if share is None else share,
            umap_model=self.umap_model,
            hdbscan_model=self.hdbscan_model,
            random_state=None if self.random_state is None else int(self.random_state),
        )

    def _guide(self, encoder: ImageEncoder | None, cache: VectorCache) -> tuple[tuple[str, ...], FloatArray] | None:
        """Return the words that steer the clustering, and their vectors."""
        if self.guide is None:
            return None
        self._check_guide(encoder)
        assert isinstance(encoder, TextEncoder)
        words = words_from_docs(self.guide)
        return words, embed_texts(words, encoder, cache)[0]

    def _check_guide(self, encoder: ImageEncoder | None) -> None:
        """Raise if words are to steer that the encoder cannot read."""
        if self.guide is None or isinstance(encoder, TextEncoder):
            return
        who = "image_embeddings came without a model" if encoder is None else f"{encoder.name!r} knows pictures only"
        raise NoTextEncoderError(
            f"guide= needs an encoder that encodes texts into the space of the images, and {who}. Set "
            f"embedding_model to one that does ({WITH_TEXTS}), or leave guide out."
        )

    def _guide_again(self) -> tuple[tuple[str, ...], FloatArray] | None:
        """Return the words that steered the clustering, and their vectors, for a fitted model."""
        if self.guide is None:
            return None
        with open_cache(self.cache) as cache:
            return self._guide(self._encoder(), cache)

    def _regroup(self, guide: tuple[tuple[str, ...], FloatArray] | None, progress: Progress) -> Regroup:
        """Return what clusters a grown set as `fit` does."""

        def regroup(concept_set: ConceptSet, rows: IntArray) -> Clustering:
            in_order, fits = in_order_of_content(concept_set, rows), None
            if guide is not None:
                fits = np.zeros((len(concept_set.images), len(guide[0])))
                fits[in_order] = standard_fits(concept_set.vectors[in_order], guide[1])
                fits = fits[rows]
            keys = [concept_set.images[row].content_hash for row in rows]
            vectors = centred_rows(concept_set, rows)
            # As many as there are by now: a number that a fit was told would tear concepts up to make room.
            settings = replace(self._cluster_settings(), n_concepts=None)
            features = features_of(concept_set, rows) if settings.of_features else None
            n = len(concept_set.images)
            n_copies = np.bincount(representatives(concept_set, np.arange(n)), minlength=n)[rows]
            return cluster_vectors(
                vectors, keys, settings, features=features, guide=fits, n_copies=n_copies, progress=progress
            )

        return regroup

    def _report_of_all(self, collected: Collected, watch: Stopwatch) -> RunReport:
        """Report on an update: counts of the whole collection, seconds and what was encoded of the new images."""
        images, before = self.concepts_.images, self.report_
        hashes = [image.content_hash for image in images if image.content_hash]
        report = collected.report(watch.seconds, n_words=before.n_words, n_words_cached=before.n_words)
        return replace(
            report,
            n_images=len(images),
            n_read=len(hashes),
            n_copies=len(hashes) - len(set(hashes)),
            n_near_copies=count_near_copies(self.concepts_),
            n_other_files=before.n_other_files + report.n_other_files,
            skipped=self.concepts_.skipped,
            encoder_name=self.concepts_.encoder_name,
            encoder_fingerprint=self.concepts_.encoder_fingerprint,
        )
