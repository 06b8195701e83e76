"""From what the user passed to a :class:`~concept_memes.assembly.Collection`: list, embed, keep the records."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.assembly import Collection
from concept_memes.centring import unit
from concept_memes.concepts import ImageRecord, SkippedImage
from concept_memes.counting import count_near_copies
from concept_memes.embedding import EmbeddedImages, Embedder
from concept_memes.errors import InvalidParameterError, NoImagesError, SkippedImagesWarning, UnreadableImageError
from concept_memes.loading import load_image
from concept_memes.protocols import FloatArray, ImageEncoder
from concept_memes.run_report import RunReport, package_versions, peak_memory
from concept_memes.sources import ImageSource, Listing, list_images

__all__ = [
    "Collected",
    "collect_embeddings",
    "collect_images",
    "encode_readable",
    "skipped_message",
    "warn_skipped",
]


@dataclass(frozen=True)
class Collected:
    """A collection, and what is worth reporting about the way to it.

    Attributes
    ----------
    collection : Collection
    n_other_files : int
        Files of the folder that are no images.
    embedded : EmbeddedImages or None
        What embedding took; None for vectors that were given.
    reduced_batch : bool
        Whether memory did not suffice for the encoder's own batch size.
    """

    collection: Collection
    n_other_files: int
    embedded: EmbeddedImages | None = None
    reduced_batch: bool = False

    def report(self, seconds: dict[str, float], *, n_words: int, n_words_cached: int) -> RunReport:
        """Report on a run that took this many seconds per stage."""
        report = RunReport(
            n_images=len(self.collection.images),
            n_read=sum(bool(image.content_hash) for image in self.collection.images),
            n_copies=0,
            n_near_copies=count_near_copies(self.collection),
            n_other_files=self.n_other_files,
            skipped=self.collection.skipped,
            encoder_name=self.collection.encoder_name,
            encoder_fingerprint=self.collection.encoder_fingerprint,
            seconds=seconds,
            versions=package_versions(),
            n_words=n_words,
            n_words_cached=n_words_cached,
            reduced_batch=self.reduced_batch,
            peak_memory=peak_memory(),
        )
        if self.embedded is None:
            return report
        counts = ("n_copies", "n_cached", "n_encoded", "n_frames", "n_hashed", "n_fetched", "batch_size")
        return replace(report, **{name: getattr(self.embedded, name) for name in counts})


def collect_images(listing: Listing, embedder: Embedder, *, some: bool = True) -> Collected:
    """Embed listed images.

    Parameters
    ----------
    listing : Listing
        What `named_images` gives.
    embedder : Embedder
    some : bool, default=True
        Whether at least one must be readable.

    Returns
    -------
    Collected

    Raises
    ------
    NoImagesError
        If none can be read.
    """
    encoder = embedder.encoder
    embedded = embed(listing, embedder)
    skipped = embedded.skipped + tuple(SkippedImage(path, -1, reason) for path, reason in listing.unlistable)
    if some and not any(embedded.content_hashes):
        named = "; ".join(f"{f'image {s.index}' if s.path is None else s.path} ({s.reason})" for s in skipped[:5])
        more = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        raise NoImagesError(f"None of the {len(listing.refs)} images could be read: {named}{more}.")
    collection = Collection(
        images=records(listing, embedded.content_hashes),
        vectors=embedded.vectors,
        blocks=tuple(block.indices(encoder.n_dims)[:2] for block in encoder.blocks),
        encoder_name=encoder.name,
        encoder_fingerprint=encoder.fingerprint,
        skipped=skipped,
        base_folder=listing.base_folder,
        pixels={
            ref.index: load_image(ref.data)
            for ref, key in zip(listing.refs, embedded.content_hashes, strict=True)
            if ref.data is not None and key
        },
    )
    reduced = embedded.batch_size < encoder.batch_size
    return Collected(collection, listing.n_other_files, embedded, reduced_batch=reduced)


def embed(listing: Listing, embedder: Embedder) -> EmbeddedImages:
    """Embed listed images, fetching those that have an address."""
    if embedder.fetch is None and listing.downloads is not None:
        from concept_memes.remote.fetching import Fetcher

        with Fetcher(listing.downloads) as fetcher:
            return replace(embedder, fetch=fetcher.fetch_all).embed(listing.refs, base_folder=listing.base_folder)
    return embedder.embed(listing.refs, base_folder=listing.base_folder)


def collect_embeddings(
    images: ImageSource | None,
    embeddings: npt.NDArray[Any],
    names: Sequence[str] | None,
    encoder: ImageEncoder | None,
) -> Collected:
    """Take vectors that were computed before; no image file is opened.

    Parameters
    ----------
    images : as for `ConceptModel.fit`, optional
        Where the pictures are, for figures.
    embeddings : ndarray of shape (n_images, n_dims)
    names : sequence of str, optional
    encoder : ImageEncoder, optional
        The model that made them, for words and search.

    Returns
    -------
    Collected

    Raises
    ------
    InvalidParameterError
        If the vectors have the wrong shape, hold what is no number, or one of them is zero.
    """
    vectors = check_embeddings(embeddings)
    if images is None:
        if names is not None and len(names) != len(vectors):
            raise InvalidParameterError("image_names", f"{len(names)} names", f"as many as vectors ({len(vectors)})")
        listing = None
        titles = list(names) if names is not None else [f"image-{i}" for i in range(len(vectors))]
    else:
        listing = named_images(images, names)
        if len(listing.refs) != len(vectors):
            raise InvalidParameterError(
                "image_embeddings", vectors.shape, f"one row per image; there are {len(listing.refs)} images"
            )
    if encoder is not None and encoder.n_dims != vectors.shape[1]:
        raise InvalidParameterError(
            "image_embeddings",
            vectors.shape,
            f"of {encoder.n_dims} columns, like the vectors of embedding_model={encoder.name!r}",
        )
    keys = [vector_hash(row) for row in vectors]
    n_dims = vectors.shape[1]
    blocks = ((0, n_dims),) if encoder is None else tuple(b.indices(n_dims)[:2] for b in encoder.blocks)
    collection = Collection(
        images=records(listing, keys)
        if listing is not None
        else tuple(ImageRecord(title, None, key) for title, key in zip(titles, keys, strict=True)),
        vectors=vectors,
        blocks=blocks,
        encoder_name="" if encoder is None else encoder.name,
        encoder_fingerprint="" if encoder is None else encoder.fingerprint,
        skipped=(),
        base_folder=Path.cwd() if listing is None else listing.base_folder,
        pixels={}
        if listing is None
        else {ref.index: unopened(ref.data) for ref in listing.refs if ref.data is not None},
    )
    return Collected(collection, 0 if listing is None else listing.n_other_files)


def vector_hash(vector: FloatArray) -> str:
    """Hash a vector: what a picture is known by whose vector came from outside.

    Parameters
    ----------
    vector : ndarray of shape (n_dims,), float32

    Returns
    -------
    str
        Hexadecimal.
    """
    return hashlib.blake2b(vector.tobytes(), digest_size=16).hexdigest()


def encode_readable(images: ImageSource, embedder: Embedder) -> FloatArray:
    """Encode images, all of which must be readable.

    Parameters
    ----------
    images : as for `ConceptModel.fit`
    embedder : Embedder

    Returns
    -------
    ndarray of shape (n_images, n_dims), float32, unit norm

    Raises
    ------
    UnreadableImageError
        It names the first ten of them.
    """
    listing = named_images(images, downloads=embedder.cache.downloads)
    embedded = embed(listing, embedder)
    if embedded.skipped and len(listing.refs) == 1:  # what is looked for: nothing would be left of it
        one = embedded.skipped[0]
        raise UnreadableImageError(listing.refs[0].name if one.path is None else str(one.path), one.reason)
    if embedded.skipped:
        raise UnreadableImageError(
            f"{len(embedded.skipped)} of {len(listing.refs)} images cannot be read",
            f"{first_reasons(listing, embedded.skipped)}. Leave them out",
        )
    return embedded.vectors


def warn_skipped(collection: Collection) -> None:
    """Warn the caller of a method of the model about images that could not be read, if there are any."""
    if collection.skipped:
        message = skipped_message(collection.skipped, len(collection.images))
        warnings.warn(SkippedImagesWarning(message, collection.skipped), stacklevel=3)


def skipped_message(skipped: Sequence[SkippedImage], n_images: int) -> str:
    """Say in one sentence how many images were left out, and why.

    Parameters
    ----------
    skipped : sequence of SkippedImage
    n_images : int
        How many were given.

    Returns
    -------
    str

    Examples
    --------
    >>> skipped_message([SkippedImage(None, 0, "empty file"), SkippedImage(None, 4, "missing")], 9)
    '2 of 9 images could not be read and were left out (1 empty file, 1 missing); skipped_ names them.'
    """
    places = sum(s.index < 0 for s in skipped)  # folders, members of archives, links of pages
    counts = Counter(s.reason.split(":")[0] for s in skipped if s.index >= 0)
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    message = f"{len(skipped) - places} of {n_images} images could not be read and were left out"
    message += f" ({reasons})" if reasons else ""
    if places:
        message += f"; {places} other place{'s' if places > 1 else ''} could not be listed"
    return message + "; skipped_ names them."


def named_images(
    images: ImageSource | None, names: Sequence[str] | None = None, *, downloads: Path | None = None
) -> Listing:
    """List images under the names that were given.

    Parameters
    ----------
    images : as for `ConceptModel.fit`
    names : sequence of str, optional
        What to call them.
    downloads : Path, optional
        Folder of the copies of what is fetched.

    Returns
    -------
    Listing

    Raises
    ------
    InvalidParameterError
        If `images` is None, or `names` has the wrong length.
    SourceError
        If there is no image there.
    """
    if images is None:
        raise InvalidParameterError("images", images, "given, unless image_embeddings are")
    try:
        return list_images(images, names=names, downloads=downloads)
    except InvalidParameterError as error:
        raise InvalidParameterError("image_names", error.value, error.expected) from error


def unopened(data: Image.Image | npt.NDArray[np.uint8]) -> Image.Image:
    """Keep a PIL image as it is, because reading it may open its file; make one of an array."""
    return data if isinstance(data, Image.Image) else load_image(data)


def first_reasons(listing: Listing, skipped: Sequence[SkippedImage], most: int = 10) -> str:
    """Name the first images that could not be read, with the reasons."""
    named = [f"{listing.refs[s.index].name if s.index >= 0 else s.path} ({s.reason})" for s in skipped[:most]]
    return "; ".join([*named, f"and {len(skipped) - most} more"] if len(skipped) > most else named)


def records(listing: Listing, content_hashes: Sequence[str]) -> tuple[ImageRecord, ...]:
    """Keep what is worth keeping of references."""
    return tuple(ImageRecord(ref.name, ref.path, key) for ref, key in zip(listing.refs, content_hashes, strict=True))


def check_embeddings(embeddings: object) -> FloatArray:
    """Check vectors from outside and scale them to length 1."""
    try:
        vectors = np.asarray(embeddings, np.float64)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor of torch that wants gradients
        raise InvalidParameterError(
            "image_embeddings", type(embeddings).__name__, "an array of numbers of shape (n_images, n_dims)"
        ) from error
    if vectors.ndim != 2 or not vectors.shape[0] or not vectors.shape[1]:
        raise InvalidParameterError(
            "image_embeddings", vectors.shape, "of shape (n_images, n_dims), with a row at least"
        )
    largest = np.abs(vectors).max(axis=1)
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1) | (largest == 0))
    if len(bad):
        raise InvalidParameterError(
            "image_embeddings",
            f"row {bad[0]} and {len(bad) - 1} others" if len(bad) > 1 else f"row {bad[0]}",
            "finite and not zero",
        )
    # Lengths of very small and very large vectors are beyond what a float can hold.
    return unit(vectors / largest[:, None])
