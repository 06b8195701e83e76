"""The code blocks of the pages, run as a reader would run them: in order, in a folder that holds pictures.

What a block's language means: ``python`` and ``console`` (commands, one per line) run, and what comes out is kept; a
``text`` block is what the block above it must have printed, with ``...`` for what may differ. Values in comments are
checked too: after ``labels.shape  # (120,)`` the shape must be that. Any other block, and one that cannot run here,
stands below ``<!-- skip: REASON -->``.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass, field
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import Any
from unittest.mock import patch

import commandline
from sybil import Document, Example, Region
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

SKIP = re.compile(r"<!-- skip: (?P<reason>[^\n]*\S) -->\s*\Z")
LANGUAGES = ("python", "console", "text")
VALUES = (ast.Call, ast.Constant, ast.Dict, ast.List, ast.Set, ast.Tuple, ast.UnaryOp)
_fences = FencedCodeBlockLexer(language=r"[^\n]*?", mapping={"language": "language", "source": "source"})


class BlockError(AssertionError):
    """A block does not do what its page says."""


@dataclass(frozen=True)
class Block:
    """What a page's block says; `reason` is why it is not run, "" where it is."""

    language: str
    source: str
    line: int  # of its first line, from 1
    reason: str


@dataclass
class Reader:
    """Somebody who reads one page from the top, and has done all blocks but the `waiting` ones."""

    page: Path
    folder: Path
    waiting: list[Example]
    namespace: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    printed: str = ""
    failed_in: int = 0

    def read_to(self, number: int) -> None:
        """Do all blocks up to this one that have not been done yet."""
        if self.failed_in:
            raise BlockError(f"the block in line {self.failed_in} of {self.page} failed before this one")
        while self.waiting and self.waiting[0].namespace["numbers"][id(self.waiting[0].region)] <= number:
            example = self.waiting.pop(0)
            self.failed_in = example.parsed.line
            example.namespace["reader"] = self
            example.evaluate()
            self.failed_in = 0


def parse(page: Path) -> list[Example]:
    """Find the blocks of a page, those that are skipped among them."""
    document = Document.parse(str(page), _regions)
    examples = list(document.examples())
    document.namespace["numbers"] = {id(example.region): k for k, example in enumerate(examples)}
    return examples


def _regions(document: Document) -> Iterable[Region]:
    for region in _fences(document):
        source = region.lexemes["source"]
        above = SKIP.search(document.text, 0, region.start) if "<!-- skip:" in document.text else None
        line = document.text[: region.start].count("\n") + 2
        block = Block(region.lexemes["language"].strip(), str(source), line, above["reason"] if above else "")
        yield Region(region.start, region.end, block, _evaluate)


def _evaluate(example: Example) -> None:
    block, reader = example.parsed, example.namespace["reader"]
    if block.reason:
        return
    if block.language not in LANGUAGES:
        raise BlockError(
            f"{reader.page}, line {block.line}: a block of the language {block.language!r}. Say one of "
            f"{', '.join(LANGUAGES)}, or put <!-- skip: REASON --> above it."
        )
    with contextlib.chdir(reader.folder):
        if block.language == "python":
            reader.printed = run_python(block, reader.page, reader.namespace)
        elif block.language == "console":
            reader.printed = run_commands(block, reader.page)
        else:
            _compare(block.source, reader.printed, f"{reader.page}, line {block.line}")


def run_python(block: Block, page: Path, namespace: dict[str, Any]) -> str:
    """Run a block statement by statement, compare values with the comments behind them; return what it printed."""
    source = "\n" * (block.line - 1) + block.source
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for statement in ast.parse(source, str(page)).body:
            said = comments.get(statement.end_lineno or 0, "")
            if isinstance(statement, ast.Expr) and _is_value(said):
                value = eval(compile(ast.Expression(statement.value), str(page), "eval"), namespace)
                _compare(said, repr(value), f"{page}, line {statement.lineno}")
            else:
                exec(compile(ast.Module([statement], []), str(page), "exec"), namespace)
    return printed.getvalue()


def run_commands(block: Block, page: Path) -> str:
    """Run the commands of a block, in this process; return what they printed."""
    printed = ""
    for number, line in enumerate(block.source.replace("\\\n", "").splitlines()):
        words = shlex.split(line, comments=True)
        settings = {}
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name, _, value = words.pop(0).partition("=")
            settings[name] = value
        if not words and not settings:
            continue  # a comment
        if words[:1] != ["concept-memes"]:
            raise BlockError(f"{page}, line {block.line + number}: only concept-memes can be run, not {line}")
        with patch.dict(os.environ, settings):
            done = commandline.run(*words[1:])
        if done.code != 0:
            raise BlockError(f"{page}: {line}\nended with {done.code} and said\n{done.out}{done.err}")
        printed += done.out
    return printed


def _is_value(text: str) -> bool:
    """Tell a value, such as ``[Hit(index=...), ...]``, from words; a word alone is no value."""
    with contextlib.suppress(ValueError, SyntaxError):
        value = ast.parse(text, mode="eval").body
        return isinstance(value, VALUES) and not (isinstance(value, ast.Constant) and value.value is ...)
    return False


def _compare(said: str, found: str, place: str) -> None:
    if not OutputChecker().check_output(said.rstrip() + "\n", found.rstrip() + "\n", ELLIPSIS | NORMALIZE_WHITESPACE):
        raise BlockError(f"{place}: the page says\n{said}\nand what comes out is\n{found}")
