"""The half of the estimator that compares pictures with one another: texts, copies and variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from concept_memes.assembly import Collection
from concept_memes.cache import VectorCache, open_cache
from concept_memes.collecting import vector_hash
from concept_memes.concepts import ConceptSet
from concept_memes.findings import PictureFamilies, PictureTexts, exact_families
from concept_memes.parameters import check_whole
from concept_memes.protocols import ImageEncoder, TextEncoder, TextReader
from concept_memes.run_report import Stopwatch
from concept_memes.searching import SearchedConcepts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from concept_memes.memes.groups import VariantGroup

__all__ = ["ComparedConcepts"]

P = TypeVar("P", Collection, ConceptSet)


class ComparedConcepts(SearchedConcepts):
    """What a fitted or loaded :class:`~concept_memes.ConceptModel` knows of copies, variants and texts."""

    ocr: bool | TextReader
    text_weight: float | str
    text_model: str | TextEncoder
    duplicates: str

    @property
    def texts_(self) -> tuple[str, ...]:
        """The text in each image, lines parted by line breaks; "" for none. Empty if nobody read them (`ocr`)."""
        texts = self._fitted().texts
        return () if texts is None else texts.texts

    @property
    def families_(self) -> PictureFamilies:
        """Which images are copies of one another, and which have the same template; found now if `fit` did not."""
        fitted = self._fitted()
        if fitted.families is not None:
            return fitted.families
        made_for, families = getattr(self, "_families_made", (None, None))
        if made_for is not fitted or families is None:
            with open_cache(self.cache) as cache:
                families = self._families_of(fitted, cache)
            self._families_made = (fitted, families)
        return families

    def find_duplicates(self, kind: Literal["near", "exact"] = "near") -> list[list[Path | str]]:
        """Find images that are there more than once.

        Parameters
        ----------
        kind : {"near", "exact"}, default="near"
            "exact": the same content. "near": the same picture, also recompressed, resized, with a border or a small
            watermark, mirrored, flipped, slightly turned or cropped. The same template with another caption is no copy
            (see `find_variants`). Where vectors came from outside (`image_embeddings`), no file is opened: images with
            the same vector are copies.

        Returns
        -------
        list of list of Path
            Groups of two and more, the largest group first. First in each is the image that is best kept: without a
            border, uncut, upright, with many pixels. Images that came as pixels are given by their names.
        """
        from concept_memes.memes.groups import duplicate_groups

        fitted = self._fitted()
        if kind != "near":  # the same content is known by its hash, and no picture need be looked at
            return duplicate_groups(fitted, exact_families([image.content_hash for image in fitted.images]), kind)
        return duplicate_groups(fitted, self.families_, kind)

    def find_variants(self) -> list[VariantGroup]:
        """Find images that are made from the same picture, with other captions.

        None where all vectors came from outside (`image_embeddings`): no file is opened then.

        Returns
        -------
        list of VariantGroup
            Templates with two and more different pictures, the largest first; each with its copies.
        """
        from concept_memes.memes.groups import variant_groups

        return variant_groups(self._fitted(), self.families_)

    def visualize_variants(
        self,
        top_n: int | Sequence[VariantGroup] = 9,
        *,
        figsize: tuple[float, float] | None = None,
        theme: Literal["light", "dark"] = "light",
    ) -> Figure:
        """Draw templates: the variants of each side by side, with how many copies there are.

        Parameters
        ----------
        top_n : int or sequence of VariantGroup, default=9
            The largest ones, or those given.
        figsize : (float, float), optional
            Width and height in inches.
        theme : {"light", "dark"}, default="light"

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InvalidParameterError
            If `top_n` is no whole number of at least 1, and no sequence of groups either.
        """
        from concept_memes.figures.variants import draw_variants

        if isinstance(top_n, Sequence) and not isinstance(top_n, str):
            groups = list(top_n)
        else:
            check_whole("top_n", top_n, 1, "an integer of at least 1, or what find_variants returned")
            groups = self.find_variants()[:top_n]
        return draw_variants(self._fitted(), groups, figsize=figsize, theme=theme)

    def _families_of(self, pictures: Collection | ConceptSet, cache: VectorCache) -> PictureFamilies:
        hashes = [image.content_hash for image in pictures.images]
        exact = exact_families(hashes)
        # A picture whose vector came from outside is known by that vector, and its file is not opened.
        outside = [key == vector_hash(vector) for key, vector in zip(hashes, pictures.vectors, strict=True)]
        if sum(outside) == sum(map(bool, hashes)):
            return exact
        from concept_memes.memes.copies import find_families

        images = (
            replace(image, content_hash="") if unseen else image
            for image, unseen in zip(pictures.images, outside, strict=True)
        )
        seen = replace(pictures, images=tuple(images))
        return find_families(seen, pictures.vectors, cache=cache, progress=self._progress()).completed(exact)

    def _reader(self) -> TextReader | None:
        """Return what reads the texts, if anything is to; raises if it is not installed."""
        if self.ocr is False:
            return None
        from concept_memes.memes.reading import resolve_reader

        return resolve_reader(self.ocr)

    def _read(
        self,
        collection: Collection,
        encoder: ImageEncoder | None,
        cache: VectorCache,
        watch: Stopwatch,
        like: PictureTexts | None = None,
    ) -> Collection:
        """Read the texts of a collection, and encode them if they are to count, in the space of `like` if given."""
        reader, progress = self._reader(), self._progress()
        if reader is None:
            return collection
        from concept_memes.memes.reading import read_texts
        from concept_memes.text_vectors import encode_picture_texts

        with watch.stage("reading"):
            texts = read_texts(
                collection,
                reader,
                n_frames=int(self.frames),
                cache=cache,
                progress=progress,
                families=collection.families,
            )
        with watch.stage("text vectors"):
            counts = self.text_weight != 0 if like is None else like.vectors is not None
            text_model = self._text_encoder() if counts else self.text_model  # what is not needed is not looked for
            texts = encode_picture_texts(
                texts, text_model, self.text_weight, encoder, cache=cache, progress=progress, like=like
            )
        return replace(collection, texts=texts)

    def _compared(self, pictures: P, cache: VectorCache, watch: Stopwatch) -> P:
        """Find the copies in a collection, if they are to count once."""
        if self.duplicates == "keep":
            return replace(pictures, families=None)
        with watch.stage("copies"):
            return replace(pictures, families=self._families_of(pictures, cache))
