"""`leaky check`: a linter for the activations of a model."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand


class CheckCommand(TyperCommand):
    """A command whose help ends with the table of codes, which is loaded when help is asked for."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help, with the codes where torch is installed."""
        from leaky.errors import MissingExtraError

        with contextlib.suppress(MissingExtraError):
            from leaky.models.check.codes import CODES

            self.epilog = "\n\n".join(f"{code}: {text}" for code, text in CODES.items())
        super().format_help(ctx, formatter)


def check(
    model: Annotated[
        str,
        typer.Argument(
            help="path/to/file.py:function, a function without arguments that returns a model, "
            "or a model and its optimizer."
        ),
    ],
    ignore: Annotated[
        list[str] | None, typer.Option(help="A code to silence, such as LKY405; repeat for several.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Look for mistakes with activations in a model, without running it. Exit code 1 on findings, 2 on errors."""
    from leaky import loading, models
    from leaky.errors import ArgumentError

    file, name = loading.split(model, "model", ArgumentError)
    with contextlib.redirect_stdout(sys.stderr):  # what the user's code prints is no part of the report
        built = loading.load(file, name, "model", ArgumentError, models.Module)
        optimizer = None
        if isinstance(built, tuple) and len(built) == 2:
            built, optimizer = built
        if not isinstance(built, models.Module):
            raise ArgumentError(
                f"model: `{name}` in `{file}` must return a torch.nn.Module, or one and its optimizer, "
                f"got {type(built).__name__}"
            )
        report = models.check(built, optimizer, ignore=ignore or ())
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(report)
    else:
        typer.echo(str(report))
    return 1 if report else 0
