"""WordNet through nltk: its nouns, several languages, names that mean the same or more."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from concept_memes.errors import InvalidParameterError, MissingExtraError, VocabularyError
from concept_memes.vocabulary import resolve_vocabulary
from concept_memes.wordnet import (
    _wordnet,
    common_hypernym,
    hypernyms,
    synonyms,
    with_hypernyms,
    with_synonyms,
    wordnet_nouns,
)

WORDNET = Path("/usr/share/wordnet")

needs_wordnet = pytest.mark.skipif(
    not (WORDNET / "data.noun").is_file(), reason="Debian's wordnet-base is not installed"
)

# Man page lexnames(5WN): number, name, part of speech. Debian leaves the file out, nltk wants it.
LEXNAMES = """
adj.all 3 adj.pert 3 adv.all 4 noun.Tops 1 noun.act 1 noun.animal 1 noun.artifact 1 noun.attribute 1 noun.body 1
noun.cognition 1 noun.communication 1 noun.event 1 noun.feeling 1 noun.food 1 noun.group 1 noun.location 1 noun.motive 1
noun.object 1 noun.person 1 noun.phenomenon 1 noun.plant 1 noun.possession 1 noun.process 1 noun.quantity 1
noun.relation 1 noun.shape 1 noun.state 1 noun.substance 1 noun.time 1 verb.body 2 verb.change 2 verb.cognition 2
verb.communication 2 verb.competition 2 verb.consumption 2 verb.contact 2 verb.creation 2 verb.emotion 2 verb.motion 2
verb.perception 2 verb.possession 2 verb.social 2 verb.stative 2 verb.weather 2 adj.ppl 3
"""


@pytest.fixture
def no_nltk_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide nltk's data, where there is any."""
    import nltk

    monkeypatch.setattr(nltk.data, "path", [])


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out Debian's WordNet as nltk's downloader would, with a French WordNet of a few words."""
    folder = tmp_path_factory.mktemp("nltk_data")
    wordnet = folder / "corpora" / "wordnet"
    wordnet.mkdir(parents=True)
    for source in WORDNET.iterdir():
        if re.fullmatch(r"(data|index)\.(noun|verb|adj|adv)|(noun|verb|adj|adv)\.exc|cntlist\.rev", source.name):
            shutil.copy(source, wordnet / source.name)
    (wordnet / "index.sense").touch()
    pairs = enumerate(re.findall(r"(\S+) (\d)", LEXNAMES))
    lines = (f"{number:02d}\t{name}\t{part}\n" for number, (name, part) in pairs)
    (wordnet / "lexnames").write_text("".join(lines), encoding="utf-8")
    french = wordnet.parent / "omw-1.4" / "fra"
    french.mkdir(parents=True)
    (french / "wn-data-fra.tab").write_text(
        "# French\tfra\turl\tlicence\n"
        "02121620-n\tfra:lemma\tchat\n"
        "02084071-n\tfra:lemma\tchien\n"
        "02084071-n\tfra:lemma\ttoutou\n"
        "02102040-n\tfra:lemma\tépagneul_springer\n"
        "02096051-n\tfra:lemma\tairedale\n"
        "07614500-n\tfra:lemma\tcrème glacée\n"
        "01168468-v\tfra:lemma\tmanger\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def nltk_data(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nltk find that data, and no other."""
    import nltk

    monkeypatch.setattr(nltk.data, "path", [str(data_folder)])


class TestWordnetNouns:
    @pytest.mark.parametrize("language", ["eng", "fra"])
    @pytest.mark.usefixtures("no_nltk_data")
    def test_without_data_names_the_line_that_fetches_it(self, language: str) -> None:
        with pytest.raises(VocabularyError, match=re.escape("python -m nltk.downloader wordnet omw-1.4")):
            wordnet_nouns(language)

    def test_without_nltk_names_the_line_that_installs_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "nltk.corpus", None)
        with pytest.raises(MissingExtraError, match="pip install"):
            wordnet_nouns()

    @needs_wordnet
    @pytest.mark.usefixtures("nltk_data")
    def test_english_is_the_whole_of_wordnet(self) -> None:
        nouns = wordnet_nouns()
        assert len(nouns) > 100_000
        assert list(nouns) == sorted(set(nouns))
        assert {"ice cream", "justice", "patency"} <= set(nouns)
        assert not any("_" in noun for noun in nouns)

    @needs_wordnet
    @pytest.mark.usefixtures("nltk_data")
    def test_other_languages_come_from_the_multilingual_wordnet(self) -> None:
        assert resolve_vocabulary("wordnet:fra") == (
            "airedale",
            "chat",
            "chien",
            "crème glacée",
            "toutou",
            "épagneul springer",
        )

    @needs_wordnet
    @pytest.mark.usefixtures("nltk_data")
    def test_unknown_language_lists_the_known(self) -> None:
        with pytest.raises(VocabularyError, match=r"'xyz'.*eng, fra"):
            wordnet_nouns("xyz")


@needs_wordnet
@pytest.mark.usefixtures("nltk_data")
class TestNamesBesideAndAbove:
    def test_synonyms_are_the_other_names_of_the_commonest_sense(self) -> None:
        assert synonyms("Sofa") == ("couch", "lounge")
        assert synonyms("chien", "fra") == ("toutou",)
        assert synonyms("xylophone zebra") == ()

    def test_hypernyms_go_from_the_nearest_to_entity(self) -> None:
        found = hypernyms("cocker spaniel")
        assert found[:3] == ("spaniel", "sporting dog", "hunting dog")
        assert found[-1] == "entity"
        assert hypernyms("airedale", "fra") == ("chien",)

    def test_synonyms_stand_behind_their_word_and_unknown_words_stay(self) -> None:
        assert with_synonyms(["sofa", "猫", "couch"]) == ("sofa", "couch", "lounge", "猫")

    def test_only_everyday_words_that_gather_two_are_added(self) -> None:
        words = ["cocker spaniel", "Airedale", "T-shirt", "猫"]
        assert with_hypernyms(words) == (*words, "dog", "animal")

    def test_names_of_one_thing_get_nothing_broader(self) -> None:
        assert with_hypernyms(["sofa", "couch", "sofa "]) == ("sofa", "couch")

    def test_hypernyms_speak_the_language(self) -> None:
        assert with_hypernyms(["épagneul springer", "airedale"], "fra") == ("épagneul springer", "airedale", "chien")

    @pytest.mark.parametrize(
        ("words", "name"),
        [
            (["cocker spaniel", "Irish setter", "Airedale", "kennel"], "dog"),
            (["terrier", "Airedale", "fox terrier"], "terrier"),
            (["robin", "eagle"], "bird"),
            (["justice", "banana", "bus"], ""),
            (["猫"], ""),
            ([], ""),
        ],
    )
    def test_common_hypernym_names_what_most_words_are(self, words: list[str], name: str) -> None:
        assert common_hypernym(words) == name

    def test_share_of_one_wants_all_words(self) -> None:
        assert common_hypernym(["robin", "eagle", "kennel"]) == "bird"
        assert common_hypernym(["robin", "eagle", "kennel"], share=1) == ""

    @pytest.mark.parametrize("share", [0, 1.5])
    def test_share_out_of_range_is_refused(self, share: float) -> None:
        with pytest.raises(InvalidParameterError, match="share="):
            common_hypernym(["robin"], share=share)

    def test_vocabulary_takes_them_as_endings(self, tmp_path: Path) -> None:
        path = tmp_path / "breeds.txt"
        path.write_text("spaniel\nterrier\n", encoding="utf-8")
        assert resolve_vocabulary(f"{path}+hypernyms") == ("spaniel", "terrier", "dog", "animal")
        assert "couch" in resolve_vocabulary("nouns+synonyms")

    def test_files_are_closed_after_use_and_opened_again(self) -> None:
        with _wordnet("eng") as reader:
            reader.synsets("theodolite", pos="n")  # in no other test: nltk keeps what it has read
            streams = list(reader._data_file_map.values())
        assert streams
        assert all(stream.closed for stream in streams)
        assert hypernyms("zebra")[0] == "equine"
