"""Candidate words: the packaged list, WordNet through nltk, and the user's own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import CountVectorizer

from concept_memes.errors import MissingExtraError, VocabularyError
from concept_memes.vocabulary import default_nouns, resolve_vocabulary, wordnet_nouns, words_from_docs

ROOT = Path(__file__).parents[1]
PHOTO_NAMES = Path(__file__).parents[2] / "shared" / "data" / "photo_names.tsv"
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


@pytest.fixture
def nltk_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay out Debian's WordNet as nltk's downloader would, with a French WordNet of two words."""
    import nltk

    wordnet = tmp_path / "nltk_data" / "corpora" / "wordnet"
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
        "07614500-n\tfra:lemma\tcrème glacée\n"
        "01168468-v\tfra:lemma\tmanger\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path / "nltk_data")])


class TestDefaultNouns:
    def test_are_thousands_sorted_unique_and_clean(self) -> None:
        nouns = default_nouns()
        assert 4000 <= len(nouns) <= 8000
        assert list(nouns) == sorted(set(nouns))
        assert [noun for noun in nouns if not re.fullmatch(r"[A-Za-z]+([ '-]+[A-Za-z]+)*", noun)] == []

    def test_hold_no_word_in_two_spellings(self) -> None:
        folded = [re.sub("[ -]", "", noun).lower() for noun in default_nouns()]
        assert sorted(folded) == sorted(set(folded))

    @pytest.mark.parametrize(
        "words",
        [
            "cat, dog, duck, pigeon, parrot, fish, kangaroo, hedgehog, giant panda, scorpion, trilobite, dalmatian",
            "face, man, woman, baby, child, hand, smile, frown, tear, beard",
            "T-shirt, shirt, dress, hat, shorts, skirt, pants, shoe, coat, jacket, jeans",
            "pizza, ice cream, hot dog, banana, apple, coffee, sushi, cake",
            "stop sign, traffic light, motorcycle, helicopter, schooner, airplane, bus",
            "laptop, headphone, umbrella, wristwatch, grand piano, accordion, chandelier, revolver, teddy bear",
            "cartoon, comic strip, sign, text, meme, emoji, screenshot, speech bubble, yin and yang",
            "water lily, sunflower, bonsai, tree, beach, mountain, sunset, snow, rainbow, castle, table, soccer ball",
        ],
    )
    def test_hold_what_people_photograph_and_share(self, words: str) -> None:
        assert set(words.split(", ")) - set(default_nouns()) == set()

    def test_can_name_every_class_of_the_photos(self) -> None:
        if not PHOTO_NAMES.is_file():
            pytest.skip("the test data beside the project is not here")
        nouns = {noun.lower() for noun in default_nouns()}
        classes = dict(line.split("\t") for line in PHOTO_NAMES.read_text(encoding="utf-8").splitlines())
        assert [name for name, words in classes.items() if not nouns & set(words.split(", "))] == []

    def test_hold_no_offence(self) -> None:
        choices = tomllib.loads((ROOT / "scripts" / "vocabulary_choices.toml").read_text(encoding="utf-8"))
        offences = {word.replace("_", " ").lower() for word in choices["drop"]["offence"]["words"].split()}
        assert len(offences) > 100
        assert {noun.lower() for noun in default_nouns()} & offences == set()

    @pytest.mark.parametrize(
        "word", ["patency", "moke", "mohican", "entity", "justice", "Musa", "genus Musa", "London"]
    )
    def test_hold_nothing_rare_abstract_or_proper(self, word: str) -> None:
        assert word not in default_nouns()

    @pytest.mark.parametrize("plural", ["cats", "eggs", "oxen", "cows"])
    def test_hold_no_plural_beside_its_singular(self, plural: str) -> None:
        assert plural not in default_nouns()

    def test_file_names_its_source_and_ships_the_licence(self) -> None:
        data = resources.files("concept_memes") / "data"
        head = (data / "nouns.txt").read_text(encoding="utf-8").splitlines()[:3]
        assert all(line.startswith("# ") for line in head)
        assert "WordNet 3.0" in " ".join(head)
        assert "Princeton University" in (data / "WORDNET_LICENSE.txt").read_text(encoding="utf-8")

    @needs_wordnet
    def test_script_gives_the_same_bytes(self, tmp_path: Path) -> None:
        output = tmp_path / "nouns.txt"
        script = ROOT / "scripts" / "make_vocabulary.py"
        subprocess.run([sys.executable, str(script), str(WORDNET), "--output", str(output)], check=True)
        assert output.read_bytes() == (ROOT / "concept_memes" / "data" / "nouns.txt").read_bytes()


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
        assert resolve_vocabulary("wordnet:fra") == ("chat", "crème glacée")

    @needs_wordnet
    @pytest.mark.usefixtures("nltk_data")
    def test_unknown_language_lists_the_known(self) -> None:
        with pytest.raises(VocabularyError, match=r"'xyz'.*eng, fra"):
            wordnet_nouns("xyz")


class TestWordsFromDocs:
    def test_items_stay_whole_in_their_order(self) -> None:
        docs = ["ice-cream", "New York", "C++", "猫", "  red  ", "ice-cream", "", "Red"]
        assert words_from_docs(docs) == ("ice-cream", "New York", "C++", "猫", "red", "Red")

    def test_order_of_a_set_is_the_same_in_every_run(self) -> None:
        assert words_from_docs({"cat", "ant", "bee"}) == ("ant", "bee", "cat")  # type: ignore[arg-type]

    def test_vectorizer_gives_its_features_and_stays_unfitted(self) -> None:
        vectorizer = CountVectorizer(ngram_range=(1, 2))
        assert words_from_docs(["a red cat", "red dog"], vectorizer) == ("cat", "dog", "red", "red cat", "red dog")
        assert not hasattr(vectorizer, "vocabulary_")

    def test_vectorizer_that_finds_nothing_is_refused(self) -> None:
        with pytest.raises(VocabularyError, match="found no words in the 2 docs"):
            words_from_docs(["a", "the"], CountVectorizer(stop_words="english"))

    def test_what_is_no_vectorizer_is_refused(self) -> None:
        with pytest.raises(VocabularyError, match=r"of type str, which has no fit"):
            words_from_docs(["cat"], "tfidf")

    def test_bare_string_is_refused(self) -> None:
        with pytest.raises(VocabularyError, match=r"one string, 'cat'; expected a list"):
            words_from_docs("cat")

    def test_item_that_is_no_string_is_named(self) -> None:
        with pytest.raises(VocabularyError, match="Word 1 is of type int, 7"):
            words_from_docs(["cat", 7])  # type: ignore[list-item]

    @pytest.mark.parametrize("docs", [[], ["", "  "]])
    def test_nothing_left_is_refused(self, docs: list[str]) -> None:
        with pytest.raises(VocabularyError, match="No word is left"):
            words_from_docs(docs)


class TestResolveVocabulary:
    @pytest.mark.parametrize("vocabulary", [None, "nouns"])
    def test_default_is_the_list_in_the_package(self, vocabulary: str | None) -> None:
        assert resolve_vocabulary(vocabulary) == default_nouns()

    def test_sequence_is_the_users_words(self) -> None:
        assert resolve_vocabulary(("dog", "cat", "dog")) == ("dog", "cat")

    @pytest.mark.parametrize("as_type", [str, Path])
    def test_text_file_has_a_word_per_line(self, tmp_path: Path, as_type: type[str] | type[Path]) -> None:
        path = tmp_path / "words.txt"
        path.write_bytes("\ufeffice cream\r\n\r\n# animals\r\n猫\r\n#caturday\r\n".encode())
        assert resolve_vocabulary(as_type(path)) == ("ice cream", "猫", "#caturday")

    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(VocabularyError, match=r"absent\.txt cannot be read: No such file"):
            resolve_vocabulary(tmp_path / "absent.txt")

    def test_empty_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "empty.txt").write_text("# nothing\n\n", encoding="utf-8")
        with pytest.raises(VocabularyError, match=r"empty\.txt holds no words"):
            resolve_vocabulary(str(tmp_path / "empty.txt"))

    def test_file_in_another_encoding_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "latin.txt").write_bytes("café".encode("latin-1"))
        with pytest.raises(VocabularyError, match=r"latin\.txt is not UTF-8"):
            resolve_vocabulary(tmp_path / "latin.txt")

    @pytest.mark.parametrize("vocabulary", ["imagenet", "wordnet:", "wordnets", "", 7])
    def test_anything_else_lists_what_is_possible(self, vocabulary: str) -> None:
        with pytest.raises(VocabularyError, match=r"\"nouns\".*\"wordnet\".*\.txt.*list of words"):
            resolve_vocabulary(vocabulary)
