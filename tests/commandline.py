"""Running the command line in tests, in this process or as one of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from concept_memes.cli import app

COMMAND = [sys.executable, "-c", "from concept_memes.cli import main; main()"]


class Done:
    """What a command did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


def run(*args: str | Path) -> Done:
    """Run a command in this process, with whatever encoder the test has put in place."""
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def run_process(*args: str | Path, **more: Any) -> subprocess.CompletedProcess[bytes]:
    """Run a command as a process of its own."""
    command = [*COMMAND, *map(str, args)]
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        command, capture_output=True, check=False, timeout=200, **more
    )
    return done


def rows(text: str) -> list[list[str]]:
    """Split a table into cells; columns are apart by two blanks at least."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines() if line.strip()]
