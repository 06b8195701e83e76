"""The command line. Nobody imports it but ``__main__``; `app` wires the commands, the other modules hold them."""

from __future__ import annotations

from concept_memes.cli.app import app, main

__all__ = ["app", "main"]
