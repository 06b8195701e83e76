"""What fitting produces: one frozen :class:`ConceptSet`, and the small results that searching gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from concept_memes.findings import PictureFamilies, PictureTexts

__all__ = [
    "Assignment",
    "Concept",
    "ConceptHit",
    "ConceptSet",
    "Edit",
    "HierarchyNode",
    "ImageHit",
    "ImageRecord",
    "SkippedImage",
    "picture_source",
]


# Words that people see are at least so sure, as a share of the first one's confidence.
SURE_SHARE = 0.2


def sure_words(words: tuple[str, ...], confidences: tuple[float, ...]) -> tuple[str, ...]:
    """Leave out words that are far less sure than the first; all stay where nobody said how sure they are."""
    if not confidences:
        return words
    return tuple(word for word, sure in zip(words, confidences, strict=False) if sure >= SURE_SHARE * confidences[0])


class ConceptHit(NamedTuple):
    """A concept that a query found.

    Attributes
    ----------
    concept : int
        Number of the concept.
    similarity : float
        Cosine of query and concept, in [-1, 1]; higher is nearer. Not rounded.
    """

    concept: int
    similarity: float


class ImageHit(NamedTuple):
    """A picture that a query found.

    Attributes
    ----------
    path : Path or None
        Where the picture is, as it was given; None for pictures that came as pixels.
    similarity : float
        Cosine of query and picture, in [-1, 1]; higher is nearer. Not rounded.
    index : int
        Place of the picture in what was given to `fit`.
    concept : int
        The concept that the picture is in; -1 for none.
    """

    path: Path | None
    similarity: float
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a hit
    concept: int


class Assignment(NamedTuple):
    """Where a new picture belongs.

    Attributes
    ----------
    label : int
        The concept; -1 for none.
    confidence : float
        How likely it belongs there, in [0, 1]; 0 for none. Of unseen photos of the fitted kinds, those with 0.8 and
        more were right in 96 of 100 cases, of clothes in 91; where a third was of foreign kinds in 92 and 83.
    exemplars : tuple of int
        Pictures of the collection that stand for the concept, the nearest first.
    similarities : tuple of float
        Cosine of each and the picture.
    reason : str
        Why the picture could not be read; "" if it could.
    """

    label: int
    confidence: float
    exemplars: tuple[int, ...] = ()
    similarities: tuple[float, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class SkippedImage:
    """A picture that could not be read.

    Attributes
    ----------
    path : Path or None
        Where it is, as it was given; None for pictures that came as pixels.
    index : int
        Its place in what was given to `fit`.
    reason : str
        Why, in words for people.
    """

    path: Path | None
    index: int
    reason: str


@dataclass(frozen=True)
class ImageRecord:
    """A picture of the collection.

    Attributes
    ----------
    name : str
        What people see: the path inside the folder, the name that they gave, or ``"image-3"``.
    path : Path or None
        Where it is, as it was given; None for pictures that came as pixels.
    content_hash : str
        Hexadecimal hash of the file (or pixels, or vector); "" for a picture that could not be read.
    """

    name: str
    path: Path | None
    content_hash: str


@dataclass(frozen=True)
class Concept:
    """Pictures that belong together, with what stands for them.

    Attributes
    ----------
    index : int
        Number of the concept, 0 for the largest.
    size : int
        Number of member pictures.
    words : tuple of str
        What its pictures show, best first; empty where no word fits.
    word_scores : tuple of float
        Score per word, in descending order.
    word_confidences : tuple of float
        How likely each word is right, in [0, 1]; empty where the labeler does not say.
    exemplars : tuple of int
        Indices of pictures that stand for the concept, the most typical first.
    exemplar_scores : tuple of float
        Cosine of each exemplar and the concept's centroid, both centred on the collection.
    name : str
        What the user or a naming hook calls it; "" where nobody did.
    said : tuple of str
        What its pictures say, most peculiar to it first; empty where nobody read them, or they say nothing in common.
    said_scores : tuple of float
        c-TF-IDF per said word, in descending order.
    """

    index: int
    size: int
    words: tuple[str, ...] = ()
    word_scores: tuple[float, ...] = ()
    word_confidences: tuple[float, ...] = ()
    exemplars: tuple[int, ...] = ()
    exemplar_scores: tuple[float, ...] = ()
    name: str = ""
    said: tuple[str, ...] = ()
    said_scores: tuple[float, ...] = ()

    @property
    def title(self) -> str:
        """The name, else up to three words and two of what is said, or "concept 7" where there are none.

        Words that are far less sure than the best are left out: "starfish" alone, not "starfish, starling, sea bass".

        Examples
        --------
        >>> Concept(0, 12, words=("panda", "bear", "bamboo", "zoo")).title
        'panda, bear, bamboo'
        >>> Concept(7, 12).title
        'concept 7'
        >>> Concept(7, 12, words=("panda",), name="zoo trip").title
        'zoo trip'
        >>> Concept(7, 12, words=("panda",), said=("overtime", "boss", "monday")).title
        'panda “overtime” “boss”'
        """
        return self.titles[0]

    @property
    def titles(self) -> tuple[str, ...]:
        """The title, and where something is said shorter ones for little room, which still tell what is said.

        Examples
        --------
        >>> Concept(7, 12, words=("panda", "bear"), said=("overtime", "boss")).titles
        ('panda, bear “overtime” “boss”', 'panda “overtime” “boss”', 'panda “overtime”')
        """
        if self.name:
            return (self.name,)
        words, said = self.sure_words[:3], [f"“{word}”" for word in self.said[:2]]
        if not said:
            return (", ".join(words) or f"concept {self.index}",)
        numbers = [(n, len(said)) for n in range(len(words), 0, -1)] or [(0, len(said))]
        numbers += [(numbers[-1][0], 1)] if len(said) > 1 else []
        return tuple(" ".join(filter(None, [", ".join(words[:n]), *said[:m]])) for n, m in numbers)

    @property
    def sure_words(self) -> tuple[str, ...]:
        """The words but for those that are far less sure than the best.

        Examples
        --------
        >>> Concept(0, 12, words=("starfish", "sea bass"), word_confidences=(0.97, 0.06)).sure_words
        ('starfish',)
        """
        return sure_words(self.words, self.word_confidences)


@dataclass(frozen=True)
class HierarchyNode:
    """A node of the tree of concepts.

    Attributes
    ----------
    index : int
        Its place in the tree: 0..k-1 are the concepts themselves, the others join two nodes each; the last is the
        root.
    children : tuple of int
        The two nodes that it joins; empty for a concept.
    concepts : tuple of int
        The concepts under it, ascending.
    size : int
        Pictures under it.
    similarity : float
        Mean cosine, centred on the collection, between the pictures of its two children; 1 for a concept.
    words : tuple of str
        What its pictures show, best first.
    word_scores : tuple of float
        Score per word.
    word_confidences : tuple of float
        How likely each word is right, in [0, 1]; empty where the labeler does not say.
    name : str
        What the concept is called, if somebody named it.
    """

    index: int
    children: tuple[int, ...]
    concepts: tuple[int, ...]
    size: int
    similarity: float
    words: tuple[str, ...] = ()
    word_scores: tuple[float, ...] = ()
    word_confidences: tuple[float, ...] = ()
    name: str = ""

    @property
    def title(self) -> str:
        """The name, else up to three words that are sure enough, or what it consists of where there are none.

        Examples
        --------
        >>> HierarchyNode(5, (0, 1), (0, 1), 30, 0.2, words=("dog", "pet")).title
        'dog, pet'
        >>> HierarchyNode(5, (0, 1), (0, 1), 30, 0.2).title, HierarchyNode(0, (), (0,), 20, 1.0).title
        ('2 concepts', 'concept 0')
        """
        plain = f"{len(self.concepts)} concepts" if self.children else f"concept {self.index}"
        return self.name or ", ".join(sure_words(self.words, self.word_confidences)[:3]) or plain


@dataclass(frozen=True)
class Edit:
    """A correction by the user, kept so that it can be made again after another fit.

    Numbers of concepts change from fit to fit, so an edit knows its concepts by their pictures.

    Attributes
    ----------
    kind : {"merge", "split", "rename"}
    groups : tuple of tuple of str
        Content hashes of pictures. For "merge" a group per concept that was merged, for "split" one per part that came
        out, for "rename" a single one.
    name : str
        The new name, for "rename".
    """

    kind: str
    groups: tuple[tuple[str, ...], ...]
    name: str = ""


@dataclass(frozen=True, eq=False)
class ConceptSet:
    """A collection of pictures and its concepts. Frozen: an edit makes a new one.

    Attributes
    ----------
    images : tuple of ImageRecord
        Every picture that was given, in that order, readable or not.
    labels : ndarray of shape (n_images,), int64
        Concept per picture; -1 for none.
    probabilities : ndarray of shape (n_images,), float64
        How surely a picture is in its concept, in [0, 1]; 0 for noise.
    vectors : ndarray of shape (n_images, n_dims), float32, unit norm
        Rows of pictures that could not be read are zero.
    centre : ndarray of shape (n_dims,), float32
        Mean of the vectors of readable pictures.
    blocks : tuple of (int, int)
        Start and stop of the parts of the vector that are centred separately.
    centroids : ndarray of shape (n_concepts, n_dims), float32, unit norm
        Mean direction of each concept's pictures.
    concepts : tuple of Concept
        From the largest to the smallest.
    words : tuple of str
        Every word that any concept carries, sorted.
    word_vectors : ndarray of shape (n_words, n_dims), float32, unit norm
        Their vectors.
    encoder_name, encoder_fingerprint : str
        The model that made the vectors; "" for vectors that came from outside.
    skipped : tuple of SkippedImage
        Pictures that could not be read, with the reasons.
    base_folder : Path
        What relative paths in `images` are relative to.
    pixels : mapping of int to PIL.Image.Image
        Pictures that came as pixels, by index.
    candidates : tuple of str
        All words that concepts could be named with; those of `words` among them.
    raw_labels : ndarray of shape (n_images,), int64
        Labels as the clustering gave them, before outliers were put into concepts; numbered as `labels`.
    raw_probabilities : ndarray of shape (n_images,), float64
        Their probabilities.
    hierarchy : tuple of HierarchyNode
        The tree of concepts: the concepts first, the root last; empty where there is none.
    edits : tuple of Edit
        Corrections by the user, oldest first.
    positions : ndarray of shape (n_images, 2), float32, or None
        Places on the map, in [0, 1]; NaN for pictures that could not be read. None until a map is made.
    texts : PictureTexts or None
        What the pictures say; None where nobody read them.
    families : PictureFamilies or None
        Copies and variants; None where nobody looked for them.
    """

    images: tuple[ImageRecord, ...]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    vectors: npt.NDArray[np.float32]
    centre: npt.NDArray[np.float32]
    blocks: tuple[tuple[int, int], ...]
    centroids: npt.NDArray[np.float32]
    concepts: tuple[Concept, ...]
    words: tuple[str, ...]
    word_vectors: npt.NDArray[np.float32]
    encoder_name: str
    encoder_fingerprint: str
    skipped: tuple[SkippedImage, ...] = ()
    base_folder: Path = Path()
    pixels: Mapping[int, Image.Image] = field(default_factory=dict, repr=False)
    candidates: tuple[str, ...] = field(default=(), repr=False)
    raw_labels: npt.NDArray[np.int64] = None  # type: ignore[assignment]  # `labels`, unless given
    raw_probabilities: npt.NDArray[np.float64] = None  # type: ignore[assignment]  # `probabilities`, unless given
    hierarchy: tuple[HierarchyNode, ...] = ()
    edits: tuple[Edit, ...] = ()
    positions: npt.NDArray[np.float32] | None = None
    texts: PictureTexts | None = None
    families: PictureFamilies | None = None

    def __post_init__(self) -> None:
        if self.raw_labels is None:
            object.__setattr__(self, "raw_labels", self.labels)
        if self.raw_probabilities is None:
            object.__setattr__(self, "raw_probabilities", self.probabilities)
        for value in (getattr(self, f.name) for f in fields(self)):
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __len__(self) -> int:
        """Return the number of concepts."""
        return len(self.concepts)

    def __repr__(self) -> str:
        noise = int((self.labels < 0).sum())
        return f"ConceptSet({len(self)} concepts, {len(self.images)} images, {noise} in none, {self.encoder_name!r})"

    def members(self, concept: int) -> npt.NDArray[np.int64]:
        """Return the indices of a concept's pictures, surest first, ties in the order given.

        Parameters
        ----------
        concept : int
            Number of the concept; -1 for the pictures that are in none.

        Returns
        -------
        ndarray of shape (size,), int64
        """
        rows = np.flatnonzero(self.labels == concept)
        return rows[np.argsort(-self.probabilities[rows], kind="stable")].astype(np.int64)

    def source_of(self, index: int) -> Path | Image.Image:
        """Return where the pixels of a picture are: an absolute path, or the picture itself.

        Parameters
        ----------
        index : int
            The picture.

        Returns
        -------
        Path or PIL.Image.Image
        """
        return picture_source(self.images[index], self.base_folder, self.pixels.get(index))


def picture_source(image: ImageRecord, base_folder: Path, pixels: Image.Image | None) -> Path | Image.Image:
    """Return where the pixels of a picture are: an absolute path, or the picture itself.

    Parameters
    ----------
    image : ImageRecord
    base_folder : Path
        What its path is relative to.
    pixels : PIL.Image.Image or None
        The picture, if it came as pixels.

    Returns
    -------
    Path or PIL.Image.Image
    """
    if pixels is not None:
        return pixels
    return base_folder / (image.name if image.path is None else image.path)
