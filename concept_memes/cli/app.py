"""The command line: wiring. What it does stands in the modules beside it, one per command or few.

How a command module looks (``cli/info.py`` is the shortest):

- The command is a plain function with typer's annotations. Its docstring is its help: one sentence. Here it is wired in
  one line, in the order of the help: ``app.command()(info)``, or ``app.command("map")(draw_map)``.
- On top it imports `typer` and the light modules of this folder only; the library is imported inside the functions, so
  that ``concept-memes --help`` answers at once.
- `options` has the shared parameters: ``concepts: Saved``, ``images: Places``, ``out: ...``, ``as_json: Json = False``,
  ``quiet: Quiet = False``, ``force: Force = False``. Every command has --json and --quiet. Paths: ``parser=user_path``.
- First comes what can be refused without work: mistakes in the call raise `typer.BadParameter` (exit code 2). Then
  ``saved.load(concepts)``. Whatever the library raises is turned into one line and exit code 1 by `PlainGroup`; a
  command never catches to print, and says what is no exception with ``note(text, "error"); raise typer.Exit(1)``.
- Results go to standard output: ``say`` (tables, lines; ``wrap=False`` for lines to be copied) or ``say_json``, exactly
  one document, with absolute paths. All else goes to standard error through ``note(text, "note"|"warning"|"error")``.
- Quiet: where text is the result (search, info, ...) it comes bare, a path per line, without heads; where a file is the
  result (fit, show, ...) nothing is printed. No progress bars: ``model.verbose = not quiet``. Warnings and errors stay.
- What is put into tables is in `tables`, what into documents in `documents`, or beside the command where only it needs
  them. Files are never replaced unless they are this program's own, or with --force.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from concept_memes import __version__
from concept_memes.cli.arriving import assign, update
from concept_memes.cli.cache import cache_app
from concept_memes.cli.console import clean, plain_speech, say
from concept_memes.cli.copies import copies, variants
from concept_memes.cli.drawing import draw_map, show
from concept_memes.cli.export import export
from concept_memes.cli.fitting import fit
from concept_memes.cli.info import info
from concept_memes.cli.options import user_path
from concept_memes.cli.reporting import report
from concept_memes.cli.saved import is_saved
from concept_memes.cli.searching import search, similar
from concept_memes.cli.shorthand import is_place, nearest, spelled_out
from concept_memes.cli.sort import sort

__all__ = ["app", "main"]

# The mark \b keeps the lines as they are.
FIRST_STEPS = """Find the concepts in a folder of pictures: groups that mean the same, named and searchable.

\b
  concept-memes photos/                        find them, and make a page
  concept-memes search photos-concepts/ panda  search by meaning
"""
HELP = f"""{FIRST_STEPS}
The first one is short for "fit" with places for all that it writes; options of "fit" may follow the pictures.
"""
EPILOG = "Exit codes: 0 done, 1 error, 2 wrong call, 130 stopped with Ctrl-C."


class PlainGroup(TyperGroup):
    """Runs the commands so that whatever happens inside is said in plain words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (typer's name depends on its version)
        """Read the arguments; without any, say what to begin with."""
        if not args and not ctx.resilient_parsing:
            steps = FIRST_STEPS.replace("\b\n", "")
            sys.stderr.write(f"{steps}\nAll commands: concept-memes --help\n")
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 (as above)
        """Find the command; the short form begins with pictures instead."""
        if self.get_command(ctx, args[0]) is None:
            if not ctx.resilient_parsing:
                args = self.as_command(ctx, args)
            elif is_place(args[0]):  # the shell completes the options
                args = ["fit", *args]
        return super().resolve_command(ctx, args)

    def as_command(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (as above)
        """Spell the short form out, or say that the first argument is neither command nor pictures."""
        first = args[0]
        if is_saved(user_path(first)):
            ctx.fail(f"{first} holds saved concepts. To see them: concept-memes info {shlex.quote(first)}")
        if not is_place(first):
            near = nearest(first, self.commands)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            ctx.fail(f"'{clean(first)}' is no command, and there is no such folder or file.{clean(hint)}")
        return spelled_out(args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 (as above)
        """Run a command."""
        with plain_speech(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)


app = typer.Typer(cls=PlainGroup, pretty_exceptions_enable=False, rich_markup_mode=None)


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    for stream in (sys.stdout, sys.stderr):
        # Consoles that cannot write 猫 get a question mark; an error would lose the result of an hour.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="concept-memes")


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        say(f"concept-memes {__version__}")
        raise typer.Exit


@app.callback(help=HELP, epilog=EPILOG)
def start(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, all warnings and the log.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Do nothing: `HELP` is what it says, and `PlainGroup` reads the options."""


# In the order of the help.
app.command()(fit)
app.command()(search)
app.command()(similar)
app.command()(show)
app.command("map")(draw_map)
app.command()(report)
app.command()(info)
app.command()(copies)
app.command()(variants)
app.command()(assign)
app.command()(update)
app.command()(export)
app.command()(sort)
app.add_typer(cache_app, name="cache")
