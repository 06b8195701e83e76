"""What a run did: counts, skipped pictures with reasons, seconds per stage, versions."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata

from concept_memes.concepts import SkippedImage

__all__ = ["RunReport", "Stopwatch", "package_versions"]

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

    def reasons(self) -> dict[str, int]:
        """Count the skipped pictures by reason, the most frequent first.

        Returns
        -------
        dict of str to int
        """
        return dict(Counter(s.reason.split(":")[0] for s in self.skipped).most_common())

    def __str__(self) -> str:
        lines = [f"{self.n_read} of {self.n_images} images read with {self.encoder_name or 'given vectors'}"]
        if self.n_copies:
            lines.append(f"{self.n_copies} copies of other images")
        if self.n_other_files:
            lines.append(f"{self.n_other_files} other files in the folder")
        lines += [f"{count} skipped: {reason}" for reason, count in self.reasons().items()]
        lines.append(", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in self.seconds.items()))
        return "\n".join(lines)


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
