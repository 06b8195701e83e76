"""What a run did: counts, skipped pictures with reasons, seconds per stage, versions, memory."""

from __future__ import annotations

import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from concept_memes.concepts import ConceptSet, SkippedImage

# More different pictures than these are likely to be of several kinds.
LIKELY_SEVERAL = 20

__all__ = ["RunReport", "Stopwatch", "counted", "package_versions", "peak_memory"]

PACKAGES = ("concept-memes", "numpy", "scikit-learn", "umap-learn", "hdbscan", "torch", "transformers", "pillow")


@dataclass(frozen=True)
class RunReport:
    """What one `fit` did.

    Attributes
    ----------
    n_images : int
        Pictures that were given.
    n_read : int
        Pictures that could be read.
    n_copies : int
        Pictures whose content another picture before it had, so that they were not encoded again.
    n_near_copies : int, default=0
        Different contents that are copies of another content, if copies were looked for: recompressed, resized ...
    n_other_files : int
        Files in the folder that are no pictures.
    skipped : tuple of SkippedImage
        Pictures that could not be read, with reasons.
    encoder_name, encoder_fingerprint : str
        The model; "" if vectors were given.
    seconds : dict of str to float
        Seconds per stage.
    versions : dict of str to str
        Versions of Python and of the packages that shape the result.
    n_cached : int, default=0
        Different contents whose vectors an earlier run had computed.
    n_encoded : int, default=0
        Different contents that were encoded.
    n_frames : int, default=0
        Frames that were encoded: more than contents where there are animations.
    n_hashed : int, default=0
        Files that were read for their hash; those that had not changed since an earlier run were not.
    n_fetched : int, default=0
        Different addresses of pictures, whether fetched now or kept from before.
    n_words, n_words_cached : int, default=0
        Candidate words, and how many of them an earlier run had encoded.
    batch_size : int, default=0
        Pictures per call of the encoder, at the end of the run.
    reduced_batch : bool, default=False
        Whether memory did not suffice for the encoder's own batch size. Then vectors may differ in their last bits
        from those of another run.
    peak_memory : int, optional
        Most memory that the process has held so far, in bytes; None where the system does not tell.
    """

    n_images: int
    n_read: int
    n_copies: int
    n_other_files: int
    skipped: tuple[SkippedImage, ...]
    encoder_name: str
    encoder_fingerprint: str
    seconds: dict[str, float]
    versions: dict[str, str]
    n_near_copies: int = 0
    n_cached: int = 0
    n_encoded: int = 0
    n_frames: int = 0
    n_hashed: int = 0
    n_fetched: int = 0
    n_words: int = 0
    n_words_cached: int = 0
    batch_size: int = 0
    reduced_batch: bool = False
    peak_memory: int | None = None

    def as_document(self) -> dict[str, Any]:
        """Return everything as plain data that JSON can hold.

        Returns
        -------
        dict
        """
        skipped = [
            {"path": None if s.path is None else str(s.path), "index": s.index, "reason": s.reason}
            for s in self.skipped
        ]
        return {**vars(self), "skipped": skipped}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> RunReport:
        """Make a report of what `as_document` gave; the first version wrote a skipped picture as a list.

        Parameters
        ----------
        document : mapping

        Returns
        -------
        RunReport
        """
        rows = [(s["path"], s["index"], s["reason"]) if isinstance(s, Mapping) else s for s in document["skipped"]]
        skipped = tuple(SkippedImage(None if path is None else Path(path), i, reason) for path, i, reason in rows)
        return cls(**{**document, "skipped": skipped})

    def reasons(self) -> dict[str, int]:
        """Count the skipped pictures by reason, the most frequent first.

        Returns
        -------
        dict of str to int
        """
        return dict(Counter(s.reason.split(":")[0] for s in self.skipped).most_common())

    def summary(self, concept_set: ConceptSet) -> str:
        """Say in one line what was found: pictures, concepts, outliers, skipped, seconds.

        Parameters
        ----------
        concept_set : ConceptSet
            What was fitted.

        Returns
        -------
        str
        """
        n_none = self.n_read - sum(concept.size for concept in concept_set.concepts)
        parts = [counted(len(concept_set), "concept")]
        parts += [f"{counted(n_none, 'image')} in none"] if n_none else []
        n_copies = self.n_copies + self.n_near_copies
        parts += [f"{counted(n_copies, 'copy', 'copies')} of others"] if n_copies else []
        if concept_set.texts is not None:
            parts.append(f"{counted(concept_set.texts.n_speaking, 'image says', 'images say')} something")
        parts += [f"{counted(self.n_other_files, 'other file')} left aside"] if self.n_other_files else []
        if self.skipped:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.reasons().items())
            parts.append(f"{len(self.skipped)} skipped ({reasons})")
        encoder = f" with {self.encoder_name}" if self.encoder_name else ""
        seconds = sum(self.seconds.values())
        return f"{counted(self.n_read, 'image')} read{encoder} in {seconds:.0f} s: {', '.join(parts)}."

    def no_grouping(self, concept_set: ConceptSet) -> str:
        """Say that a collection did not come apart, and what to try, where that may surprise.

        Parameters
        ----------
        concept_set : ConceptSet
            What was fitted, without a given number of concepts.

        Returns
        -------
        str
            "" where there are several concepts, or at most 20 different pictures.
        """
        n_different = self.n_read - self.n_copies - self.n_near_copies
        if len(concept_set) > 1 or n_different <= LIKELY_SEVERAL:
            return ""
        if not len(concept_set):
            return "No concept was found. Smaller groups count with min_concept_size=2; more images help too."
        told = (
            f"No grouping of the {n_different:,} different images stands out. To part them all the same: n_concepts=5"
        )
        texts = concept_set.texts
        if texts is not None and texts.vectors is not None and 0 < texts.weight < 1:
            told += "; to go by the looks or by the texts alone: text_weight=0 or text_weight=1"
        return f"{told}."

    def __str__(self) -> str:
        lines = [f"{self.n_read} of {self.n_images} images read with {self.encoder_name or 'given vectors'}"]
        if self.n_copies:
            lines.append(f"{self.n_copies} copies of other images")
        if self.n_near_copies:
            lines.append(f"{self.n_near_copies} near copies of other images (recompressed, resized ...)")
        if self.n_cached:
            lines.append(f"{self.n_cached} known from an earlier run, {self.n_encoded} encoded")
        if self.n_other_files:
            lines.append(f"{self.n_other_files} other files in the folder")
        lines += [f"{count} skipped: {reason}" for reason, count in self.reasons().items()]
        if self.reduced_batch:
            lines.append(
                f"memory sufficed for {self.batch_size} at a time only: the last bits of vectors may differ from "
                "another run's"
            )
        lines.append(", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in self.seconds.items()))
        return "\n".join(lines)


def counted(n: int, one: str, many: str = "") -> str:
    """Write a number and what is counted.

    Parameters
    ----------
    n : int
    one : str
        What one is called.
    many : str, optional
        What several are called; with an "s" by default.

    Returns
    -------
    str

    Examples
    --------
    >>> counted(1, "image"), counted(1200, "image"), counted(2, "copy", "copies")
    ('1 image', '1,200 images', '2 copies')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


@dataclass
class Stopwatch:
    """Adds up seconds per stage.

    Examples
    --------
    >>> watch = Stopwatch()
    >>> with watch.stage("labels"):
    ...     pass
    >>> list(watch.seconds)
    ['labels']
    """

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that shape a result.

    Returns
    -------
    dict of str to str
    """
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def peak_memory() -> int | None:
    """Return the most memory that this process has held so far.

    Returns
    -------
    int or None
        Bytes; None on Windows, which does not tell without another package.
    """
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # in kilobytes elsewhere
