"""The shell: parsing and printing only. What a command needs is imported when it runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from leaky import __version__
from leaky.cli.compare import compare
from leaky.cli.results import results
from leaky.errors import LeakyError

app = typer.Typer(
    name="leaky",
    help="The home of the leaky rectifier: which activation to use, with evidence on real data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(compare)
app.command()(results)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"leaky {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of every command."""


def main() -> None:
    """Run the shell command; an error leaky raises on purpose is one line on stderr and exit code 2."""
    debug = "--debug" in sys.argv
    try:
        app()
    except LeakyError as error:
        if debug:
            raise
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted; finished trials are kept, the same command goes on from there", code=130)
    except OSError as error:  # a full disk, a closed pipe
        if debug:
            raise
        _fail(f"{error.strerror or error}{f': `{error.filename}`' if error.filename else ''}")


def _fail(message: str, code: int = 2) -> None:
    typer.echo(f"leaky: {' '.join(message.split())}", err=True)
    sys.exit(code)
