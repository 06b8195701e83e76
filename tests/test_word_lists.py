"""Lists of words: the one in the package, files of the user, and what makes two words one."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from concept_memes.errors import VocabularyError
from concept_memes.word_lists import default_nouns, folded, read_word_list, unique_words

ROOT = Path(__file__).parents[1]
PHOTO_NAMES = Path(__file__).parents[2] / "shared" / "data" / "photo_names.tsv"
WORDNET = Path("/usr/share/wordnet")

needs_wordnet = pytest.mark.skipif(
    not (WORDNET / "data.noun").is_file(), reason="Debian's wordnet-base is not installed"
)


class TestDefaultNouns:
    def test_are_thousands_sorted_unique_and_clean(self) -> None:
        nouns = default_nouns()
        assert 5000 <= len(nouns) <= 8000
        assert list(nouns) == sorted(set(nouns))
        assert [noun for noun in nouns if not re.fullmatch(r"[A-Za-z0-9]+([ '-]+[A-Za-z0-9]+)*", noun)] == []

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
            "selfie, group photo, mirror selfie, sticky note, QR code, handwriting, receipt, map, chart, logo",
            "hoodie, sneaker, beanie, blazer, denim jacket, tracksuit, long-sleeved shirt, outerwear, sweater, sandal",
            "smartphone, drone, smartwatch, game console, electric scooter, tablet computer, phone charger, USB drive",
            "ramen, taco, pho, kimchi, falafel, croissant, bubble tea, mooncake, fried chicken, birthday cake",
            "capybara, shiba inu, pit bull, tabby cat, stray dog, koi, quokka, flock of birds, axolotl",
            "wedding, concert, crowd, protest, dancing, skateboarding, karaoke, fashion show, press conference",
            "street, night, forest, palm tree, food truck, art gallery, waiting room, rice field, northern lights",
            "digital art, pencil drawing, sculpture, graffiti, pixel art, movie poster, album cover, calligraphy",
            "facepalm, thumbs up, shrug, laughing face, crying face, thinking face, anime girl, rage comic, superhero",
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
        "word",
        ["patency", "moke", "mohican", "entity", "justice", "Musa", "genus Musa", "London", "bone marrow", "coucal"],
    )
    def test_hold_nothing_rare_abstract_or_proper(self, word: str) -> None:
        assert word not in default_nouns()

    @pytest.mark.parametrize(
        "words",
        [
            "race, rack, hoe, spade, oreo, knob, rapeseed, yellow face, troll, dummy, whip, stole, hip, bust, clone",
            "wig, prisoner, wrinkle, snout, scar, old woman, wooden leg, morgue, loincloth, pregnant woman, bald head",
            "photo, photograph, thing, object, instrumentality, artifact, whole",
        ],
    )
    def test_hold_nothing_rude_personal_or_empty(self, words: str) -> None:
        assert set(words.split(", ")) & set(default_nouns()) == set()

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


class TestReadWordList:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_words_of_any_script_come_out_as_they_are(self, tmp_path: Path, encoding: str) -> None:
        words = ("猫", "العربية", "कुत्ता", "😂", "👩‍🚀", "crème glacée", "#caturday")
        path = tmp_path / "words.txt"
        path.write_text("# pets\r\n" + "\r\n".join(words) + "\r\n\r\n", encoding=encoding, newline="")
        assert read_word_list(path) == words

    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(VocabularyError, match=r"absent\.txt cannot be read: No such file"):
            read_word_list(tmp_path / "absent.txt")

    def test_empty_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "empty.txt").write_text("# nothing\n\n", encoding="utf-8")
        with pytest.raises(VocabularyError, match=r"empty\.txt holds no words"):
            read_word_list(tmp_path / "empty.txt")

    @pytest.mark.parametrize("raw", ["café".encode("latin-1"), b"\xff\xfeA"])
    def test_file_in_another_encoding_is_refused(self, tmp_path: Path, raw: bytes) -> None:
        (tmp_path / "other.txt").write_bytes(raw)
        with pytest.raises(VocabularyError, match=r"other\.txt is not UTF-8"):
            read_word_list(tmp_path / "other.txt")


def test_unique_words_know_both_spellings_of_an_accent() -> None:
    assert unique_words(["cafe\u0301", "caf\u00e9", " ", "Café"]) == ("caf\u00e9", "Caf\u00e9")


@pytest.mark.parametrize(("one", "other"), [("Rack", "rACK "), ("ice  cream", "Ice Cream"), ("É", "e\u0301")])
def test_folded_ignores_capitals_blanks_and_the_spelling_of_accents(one: str, other: str) -> None:
    assert folded(one) == folded(other)
