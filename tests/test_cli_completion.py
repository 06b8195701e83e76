"""What the shell completes, asked as bash asks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commandline import run_process

from concept_memes import ConceptModel
from concept_memes.testing import ColorEncoder


@pytest.fixture
def here(tmp_path: Path, pictures: Path, colors: ColorEncoder) -> Path:
    """A folder with a saved model beside pictures."""
    assert colors.n_encoded == 0
    ConceptModel(vocabulary=["red"], verbose=False).fit(pictures).save(tmp_path / "photo-concepts")
    (tmp_path / "photo-album").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("s", {"search", "show", "similar", "sort"}),
        ("cache ", {"info", "clear", "limit"}),
        ("info ph", {"photo-concepts/"}),
        ("info ./ph", {"./photo-concepts/"}),
        ("info zz", set()),  # then bash goes on with files and folders
        ("fit pictures --gran", {"--granularity"}),
        ("fit pictures --granularity ", {"coarse", "medium", "fine"}),
        ("pictures --gran", {"--granularity"}),
    ],
)
def test_bash_is_told_what_fits(here: Path, words: str, expected: set[str]) -> None:
    asked = {"COMP_WORDS": f"concept-memes {words}", "COMP_CWORD": str(words.count(" ") + 1)}
    done = run_process(cwd=here, env={**os.environ, **asked, "_CONCEPT_MEMES_COMPLETE": "complete_bash"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert set(done.stdout.decode().split()) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_that_a_shell_needs_names_the_program(shell: str) -> None:
    done = run_process(env={**os.environ, "_CONCEPT_MEMES_COMPLETE": f"source_{shell}"})
    assert done.returncode == 0
    assert b"concept-memes" in done.stdout
    assert b"_CONCEPT_MEMES_COMPLETE" in done.stdout
