"""Everything that this package raises or warns about on purpose.

::

    ConceptMemesError
    ├── InvalidParameterError      (ValueError)    a parameter has a value that it cannot have
    ├── SourceError                (ValueError)    what was given is no source of images
    │   └── NoImagesError                          a source holds no image that can be read
    ├── UnreadableImageError       (ValueError)    one image cannot be read; carries the reason
    ├── EncoderError               (ValueError)    an encoder does not do what its protocol promises
    │   ├── ModelNotFoundError     (OSError)       the weights of a model are not at hand
    │   ├── NoTextEncoderError                     texts are asked for, but the encoder has none
    │   └── EncoderMemoryError     (MemoryError)   a batch does not fit into the memory of the device
    ├── ReaderError                (ValueError)    a reader of texts does not do what its protocol promises
    ├── MissingExtraError          (ImportError)   an optional package is not installed
    ├── VocabularyError            (ValueError)    no candidate words, or words of the wrong kind
    ├── CacheError                 (OSError)       the cache cannot be used for what was asked
    ├── OverwriteError             (FileExistsError) writing would replace something that is not ours
    ├── FilingError                (ValueError)    pictures cannot be filed into folders as asked
    └── SavedModelError            (ValueError)    a folder does not hold a model that can be loaded
        └── NewerFormatError                       it was written by a newer version of the package

    ConceptMemesWarning (UserWarning)
    ├── SkippedImagesWarning                       some images could not be read; says how many and why
    ├── FallbackWarning                            "auto" picked another model than the first choice
    ├── CacheWarning                               the run goes on without the cache; says why
    ├── NoWordsWarning                             concepts stay without words; says why
    ├── NamingWarning                              a naming hook failed for some concepts; says which and why
    ├── EditsWarning                               corrections could not be made again by a fit; says which
    └── AdjustedWarning                            a value was changed to fit the data; says which
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AdjustedWarning",
    "CacheError",
    "CacheWarning",
    "ConceptMemesError",
    "ConceptMemesWarning",
    "EditsWarning",
    "EncoderError",
    "EncoderMemoryError",
    "FallbackWarning",
    "FilingError",
    "InvalidParameterError",
    "MissingExtraError",
    "ModelNotFoundError",
    "NamingWarning",
    "NewerFormatError",
    "NoImagesError",
    "NoTextEncoderError",
    "NoWordsWarning",
    "OverwriteError",
    "ReaderError",
    "SavedModelError",
    "SkippedImagesWarning",
    "SourceError",
    "UnreadableImageError",
    "VocabularyError",
]


class ConceptMemesError(Exception):
    """The root of all errors of this package."""


class InvalidParameterError(ConceptMemesError, ValueError):
    """A parameter has a value that it cannot have.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What came.
    expected : str
        What was expected, to follow "must be".
    """

    def __init__(self, name: str, value: object, expected: str) -> None:
        self.name = name
        self.value = value
        self.expected = expected
        super().__init__(f"{name}={value!r}: {name} must be {expected}.")

    def __reduce__(self) -> tuple[type[InvalidParameterError], tuple[str, object, str]]:
        return type(self), (self.name, self.value, self.expected)  # worker processes send errors pickled


class SourceError(ConceptMemesError, ValueError):
    """What was given is no source of images."""


class NoImagesError(SourceError):
    """A source holds no image that can be read."""


class UnreadableImageError(ConceptMemesError, ValueError):
    """One image cannot be read.

    Parameters
    ----------
    name : str
        The image: its path, or its place in the list that was given.
    reason : str
        Why, in words for people ("the file is empty").
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason}")

    def __reduce__(self) -> tuple[type[UnreadableImageError], tuple[str, str]]:
        return type(self), (self.name, self.reason)  # worker processes send errors pickled


class EncoderError(ConceptMemesError, ValueError):
    """An encoder does not do what its protocol promises."""


class ModelNotFoundError(EncoderError, OSError):
    """The weights of a model are not at hand, or are not what they should be."""


class NoTextEncoderError(EncoderError):
    """Texts are to be encoded, but the encoder only knows pictures."""


class EncoderMemoryError(EncoderError, MemoryError):
    """A batch does not fit into the memory of the device; a smaller one may."""


class ReaderError(ConceptMemesError, ValueError):
    """A reader of texts in pictures does not do what its protocol promises."""


class MissingExtraError(ConceptMemesError, ImportError):
    """An optional package is not installed; the message names the line that installs it."""


class VocabularyError(ConceptMemesError, ValueError):
    """There are no candidate words, or they are of the wrong kind."""


class CacheError(ConceptMemesError, OSError):
    """The cache cannot be used for what was asked."""


class OverwriteError(ConceptMemesError, FileExistsError):
    """Writing would replace something that this package has not written."""


class FilingError(ConceptMemesError, ValueError):
    """Pictures cannot be filed into folders as asked, or filed ones not be put back."""


class SavedModelError(ConceptMemesError, ValueError):
    """A folder does not hold a model that can be loaded."""


class NewerFormatError(SavedModelError):
    """A saved model was written by a newer version of the package."""


class ConceptMemesWarning(UserWarning):
    """The root of all warnings of this package."""


class SkippedImagesWarning(ConceptMemesWarning):
    """Some images could not be read and were left out.

    Parameters
    ----------
    message : str
        How many, and why.
    skipped : sequence of SkippedImage, default=()
        Which ones, for those who catch the warning to say it in their own way.
    """

    def __init__(self, message: str, skipped: Sequence[object] = ()) -> None:
        self.skipped = tuple(skipped)
        super().__init__(message)


class FallbackWarning(ConceptMemesWarning):
    """``embedding_model="auto"`` picked another model than its first choice."""


class CacheWarning(ConceptMemesWarning):
    """The cache cannot be used; the run goes on without it."""


class NoWordsWarning(ConceptMemesWarning):
    """Concepts stay without words."""


class NamingWarning(ConceptMemesWarning):
    """A naming hook failed for some concepts, which keep the names that they had, or none."""


class EditsWarning(ConceptMemesWarning):
    """Corrections of concepts could not be made again on what a fit has found."""


class AdjustedWarning(ConceptMemesWarning):
    """A value was changed so that it fits the data."""
