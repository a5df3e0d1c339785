"""The shell: parsing and printing only. What a command needs is imported when it runs."""

from __future__ import annotations

import errno
import sys
from contextlib import suppress
from typing import Annotated, Any

import typer

from leaky import __version__
from leaky.cli.check import CheckCommand, check
from leaky.cli.claims import claims
from leaky.cli.compare import compare
from leaky.cli.doctor import doctor
from leaky.cli.lean import lean
from leaky.cli.list import list_activations
from leaky.cli.plot import plot
from leaky.cli.report import report
from leaky.cli.results import results
from leaky.cli.show import show
from leaky.cli.tune import tune
from leaky.errors import LeakyError

_UsageError: Any = typer.BadParameter.__base__
"""The parser's error for wrong options, of the click that Typer is built on: some versions bring their own."""

app = typer.Typer(
    name="leaky",
    help="The home of the leaky rectifier: which activation to use, with evidence on real data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=CheckCommand)(check)
app.command()(claims)
app.command()(compare)
app.command()(doctor)
app.command()(lean)
app.command(name="list")(list_activations)
app.command()(plot)
app.command()(report)
app.command()(results)
app.command()(show)
app.command()(tune)


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
        code = app(standalone_mode=False)
    except LeakyError as error:
        if debug:
            raise
        _fail(str(error))
    except _UsageError as error:
        if len(sys.argv) == 1:  # no command: the error is the help
            error.show()
            sys.exit(2)
        _fail(error.format_message())
    except BrokenPipeError:  # `leaky results --json | head`: whoever reads has seen enough
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if debug or error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        with suppress(OSError):  # what is still in its buffer would be told of once more at exit
            sys.stdout.close()
        _fail(f"output: cannot be written ({error.strerror}); free some space or write it elsewhere")
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    typer.echo(f"leaky: {' '.join(message.split())}", err=True)
    sys.exit(2)
