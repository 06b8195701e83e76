"""Derive ``concept_memes/data/nouns.txt``, the words that concepts are named with, from WordNet 3.0.

The list wants nouns that people know and a picture can show. WordNet holds 118,000 nouns and says of hardly any how
common it is: its tag counts come from a small corpus in which no pizza and no hedgehog occurs. What it does hold is
117,000 definitions and examples written in everyday English, and a word that these use often is a common word. So:

1. A noun comes in where its *first* sense is an animal, an artifact, food, a natural object or a plant, and where
   definitions mention it often enough (``ENOUGH``).
2. Of the names of one thing the commonest stays, and the others where they are nearly as common.
3. The classes of ImageNet come in, because picture models know them.
4. People add and drop what numbers cannot know: ``vocabulary_choices.toml``, each section with its reason.

Run ``python scripts/make_vocabulary.py``; it needs the database files of WordNet 3.0 (Debian: ``wordnet-base``) and
gives the same bytes every time.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parents[1] / "concept_memes" / "data"
CHOICES = Path(__file__).with_name("vocabulary_choices.toml")
WORDNET = Path("/usr/share/wordnet")

# Mentions that a word needs, by the lexicographer file of its first sense (man page lexnames(5WN)). Food is mentioned
# least and is nearly always known; plants are mentioned by thousands of definitions of other plants.
ENOUGH = {5: 4.0, 6: 4.0, 13: 2.0, 17: 4.0, 20: 6.0}
# A definition of a verb or adjective that mentions a thing does so because the thing is familiar ("with a hammer").
WEIGHT = {"noun": 1, "verb": 2, "adj": 2, "adv": 2}
# A second name stays where it has this share of the best name's mentions, or this many: "photo", "auto".
SHARE, MANY = 0.5, 20.0
# Kinds that are concrete for WordNet and for no camera: taxa, medicines, microbes.
UNSEEN_KINDS = ("taxonomic_group", "biological_group", "drug", "microorganism")
# "electrical device", "aquatic mammal": a qualifier before one of these names a class of things, and no thing.
CLASS_HEADS = re.compile(
    "_(agent|animal|appliance|bird|circuit|covering|device|equipment|establishment|fabric|facility|fish|food|garment"
    "|group|implement|installation|institution|instrument|insect|machine|material|mammal|mechanism|part|plant|product"
    "|reptile|structure|surface|system|tool|tree|tube|unit|vehicle|weapon)$"
)

HEADER = """\
# Nouns that a picture can show: the candidate words that concepts are named with by default.
# Made by scripts/make_vocabulary.py; change that script or scripts/vocabulary_choices.toml, not this file.
# Derived from WordNet 3.0, Copyright 2006 by Princeton University, all rights reserved; see WORDNET_LICENSE.txt.
"""


@dataclass(frozen=True)
class Synset:
    """One sense: the words for it, the kind of thing it is, and what it is a kind of."""

    file: int
    words: tuple[str, ...]
    sense_ids: tuple[int, ...]
    parents: tuple[str, ...]
    is_instance: bool


def read_synsets(wordnet: Path) -> dict[str, Synset]:
    """Read ``data.noun`` (format: man page wndb(5WN)); the keys are offsets of eight digits."""
    synsets = {}
    for line in _records(wordnet / "data.noun"):
        fields = line.split(" | ", 1)[0].split()
        n_words = int(fields[3], 16)
        after = 4 + 2 * n_words
        pointers = [
            (fields[after + 1 + 4 * i], fields[after + 2 + 4 * i])
            for i in range(int(fields[after]))
            if fields[after + 3 + 4 * i] == "n"
        ]
        synsets[fields[0]] = Synset(
            file=int(fields[1]),
            words=tuple(fields[4:after:2]),
            sense_ids=tuple(int(number, 16) for number in fields[5:after:2]),
            parents=tuple(target for symbol, target in pointers if symbol == "@"),
            is_instance=any(symbol == "@i" for symbol, _ in pointers),
        )
    return synsets


def read_senses(wordnet: Path) -> dict[str, list[str]]:
    """Read ``index.noun``: every noun with the offsets of its senses, the commonest first."""
    senses = {}
    for line in _records(wordnet / "index.noun"):
        fields = line.split()
        senses[fields[0]] = fields[-int(fields[2]) :]
    return senses


def read_tag_counts(wordnet: Path) -> dict[str, int]:
    """Read ``cntlist.rev``: how often a sense occurs in WordNet's tagged corpus, by sense key."""
    lines = (line.split() for line in _records(wordnet / "cntlist.rev"))
    return {key: int(count) for key, _, count in lines if "%1:" in key}


def count_mentions(wordnet: Path, nouns: Iterable[str]) -> Counter[str]:
    """Count the definitions and examples that use a noun of up to three words, in the singular or the plural."""
    forms = {form for noun in nouns for form in (noun, _plural(noun))}
    mentions: Counter[str] = Counter()
    for part_of_speech, weight in WEIGHT.items():
        for line in _records(wordnet / f"data.{part_of_speech}"):
            words = re.findall(r"[A-Za-z][A-Za-z'-]*", line.split("|", 1)[1])
            phrases = {"_".join(words[i : i + n]) for n in (1, 2, 3) for i in range(len(words) - n + 1)}
            for phrase in phrases & forms:
                mentions[phrase] += weight
    return mentions


def scores(
    wordnet: Path, synsets: Mapping[str, Synset], senses: Mapping[str, list[str]]
) -> dict[str, tuple[float, str]]:
    """Give every noun whose first sense is a thing to see its mentions, and that sense."""
    mentions, tags = count_mentions(wordnet, senses), read_tag_counts(wordnet)
    unseen = {senses[kind][0] for kind in UNSEEN_KINDS}
    found = {}
    for word, offsets in senses.items():
        sense = synsets[offsets[0]]
        if sense.file not in ENOUGH or sense.is_instance or CLASS_HEADS.search(word):
            continue
        # The index is in lower case: a word that its synset spells in capitals is a name or a taxon. Digits and dots
        # belong to codes.
        if word not in sense.words or not re.fullmatch(r"[a-z_'-]+", word):
            continue
        if unseen.intersection(_ancestors(offsets[0], synsets)):
            continue
        key = f"{word}%1:{sense.file:02d}:{sense.sense_ids[sense.words.index(word)]:02d}::"
        found[word] = (mentions[word] + mentions[_plural(word)] + 2.0 * min(tags.get(key, 0), 10), offsets[0])
    return found


def common_nouns(scored: Mapping[str, tuple[float, str]], synsets: Mapping[str, Synset]) -> set[str]:
    """Choose the words that are mentioned enough, and of the names of one thing the commonest."""
    best: dict[str, float] = {}
    for score, offset in scored.values():
        best[offset] = max(score, best.get(offset, 0.0))
    return {
        word
        for word, (score, offset) in scored.items()
        if score >= ENOUGH[synsets[offset].file] and (score >= MANY or score >= SHARE * best[offset])
    }


def imagenet_names(classes: Path, synsets: Mapping[str, Synset]) -> set[str]:
    """Read the names of ImageNet's classes, spelled as in WordNet."""
    names = set()
    for line in classes.read_text(encoding="utf-8").splitlines():
        _, synset_id, name = line.split("\t")
        spelled = {word.lower(): word for word in synsets[synset_id[1:]].words}
        names.add(spelled[name.lower().replace(" ", "_")])
    return names


def choose(wordnet: Path, classes: Path, choices: Path) -> list[str]:
    """Return the list, sorted, with spaces between the parts of a word."""
    synsets, senses = read_synsets(wordnet), read_senses(wordnet)
    decided = tomllib.loads(choices.read_text(encoding="utf-8"))
    dropped = {word.lower() for section in decided["drop"].values() for word in section["words"].split()}
    nouns = common_nouns(scores(wordnet, synsets, senses), synsets) | imagenet_names(classes, synsets)
    for name, section in decided["add"].items():
        words = section["words"].split()
        unknown = [word for word in words if word.lower() not in senses]
        if unknown and not section.get("new", False):
            raise SystemExit(f"{choices.name}: [add.{name}] holds words that WordNet lacks: {' '.join(unknown)}")
        nouns.update(_spelled(word, synsets, senses) for word in words)
    nouns = {noun for noun in nouns if noun.lower() not in dropped}
    # "eggs" beside "egg" would name the same pictures twice; "glasses" beside "glass" would not.
    kept_plurals = set(decided["keep_plural"]["words"].split())
    nouns -= {_plural(noun) for noun in nouns} - kept_plurals
    return _one_spelling_each(nouns)


def _one_spelling_each(nouns: set[str]) -> list[str]:
    # Of "chain saw" and "chainsaw", "Cardigan" and "cardigan" one is enough: the one in parts, then in lower case.
    chosen: dict[str, str] = {}
    for noun in sorted(nouns, key=lambda noun: (-noun.count("_"), not noun.islower(), noun)):
        chosen.setdefault(re.sub("[_-]", "", noun).lower(), noun.replace("_", " "))
    return sorted(chosen.values())


def _spelled(word: str, synsets: Mapping[str, Synset], senses: Mapping[str, list[str]]) -> str:
    # "ferris_wheel" becomes "Ferris_wheel": WordNet's index is all lower case, its synsets are not.
    spellings = [
        name
        for offset in senses.get(word.lower(), [])
        for name in synsets[offset].words
        if name.lower() == word.lower()
    ]
    return word if word in spellings or not spellings else spellings[0]


def _records(path: Path) -> Iterator[str]:
    # Lines that start with a space are the licence.
    with path.open(encoding="latin-1") as lines:
        yield from (line for line in lines if not line.startswith(" "))


def _ancestors(offset: str, synsets: Mapping[str, Synset]) -> set[str]:
    found: set[str] = set()
    waiting = [offset]
    while waiting:
        for parent in synsets[waiting.pop()].parents:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def _plural(word: str) -> str:
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(s|x|z|ch|sh)$", word) else "s")


def main() -> None:
    """Write the list."""
    parser = argparse.ArgumentParser(description="Derive the packaged list of nouns from WordNet 3.0.")
    parser.add_argument("wordnet", nargs="?", type=Path, default=WORDNET, help="folder that holds data.noun")
    parser.add_argument(
        "--classes", type=Path, default=DATA / "imagenet1k_classes.tsv", help="names of ImageNet's classes"
    )
    parser.add_argument("--output", type=Path, default=DATA / "nouns.txt", help="where the list goes")
    arguments = parser.parse_args()
    nouns = choose(arguments.wordnet, arguments.classes, CHOICES)
    arguments.output.write_text(HEADER + "\n".join(nouns) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
