"""The command line: thin, every command calls what Python callers call.

stdout is the result, stderr the progress. Exit code 0 nothing wrong, 1 something wrong was found, 2 could not look.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from .. import __version__
from ..errors import LayerkitError
from . import diagnosing, exporting, hosting, knowledge, repairing, shipping, tour

app = typer.Typer(
    name="layerkit",
    help="Find out why a container image archive does not load, repair it, and export only what a target lacks.",
    epilog="Exit codes: 0 nothing wrong, 1 something wrong was found, 2 could not look or bad usage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"layerkit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


for module in (diagnosing, repairing, knowledge, exporting, hosting, shipping, tour):
    module.register(app)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never raises for what a user can cause."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        app(arguments, prog_name="layerkit")
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader went away, as `head` does: not an error of ours, but nothing can be said any more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code
    except LayerkitError as error:
        return complain(error)
    except OSError as error:
        # Such as a full disk behind stdout; whatever concerns a target was said by what opened it.
        return complain(LayerkitError(f"stopped: {error.strerror or error}"))
    except KeyboardInterrupt:
        print("layerkit: stopped", file=sys.stderr)
        return 130
    return 0


def complain(error: LayerkitError) -> int:
    """Say on stderr what stopped us and what to try."""
    from ..text import printable

    print(f"layerkit: {printable(str(error), limit=2000)}", file=sys.stderr)
    if error.hint:
        print(f"  try: {printable(error.hint, limit=2000)}", file=sys.stderr)
    return 2


def run() -> None:
    sys.exit(main())
