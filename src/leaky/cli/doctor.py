"""`leaky doctor`: what the activations of a model do on data, and what is wrong with them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FunctionType
from typing import Annotated, Any

import typer


def doctor(
    model: Annotated[
        str,
        typer.Argument(
            help="path/to/file.py:function, a function without arguments that returns a model, "
            "or (model, optimizer, loss)."
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            help="path/to/file.py:function, a function without arguments that returns an iterable of batches: "
            "tensors, tuples or dicts, whose first entry the model is called with."
        ),
    ],
    steps: Annotated[
        int | None,
        typer.Option(
            help="With (model, optimizer, loss): train for so many steps and watch. With a model alone: look at so "
            "many batches. Default: one pass over the data, without training."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Weights to load first: a state_dict, read with weights_only=True.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="HTML report to write.")] = None,
    png: Annotated[Path | None, typer.Option(help="Folder to write the report's figures into.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the diagnosis as one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Find dying units and what else is wrong with a model's activations, with evidence and what to do.

    Nothing of the model is written anywhere. The exit code is 0 whatever is found, and 2 on errors; for a code that
    depends on findings there is `leaky check`.
    """
    from leaky import loading
    from leaky.errors import ArgumentError
    from leaky.report import check_directory, check_writable

    if report is not None:
        check_writable(report)
    if png is not None:
        check_directory(png)
    sources = [
        (loading.split(text, what, ArgumentError), what) for text, what in ((model, "model"), (data, "data"))
    ]
    from leaky.doctor.examine import examine

    (built_from, _), (batches_from, _) = sources
    built = loading.load(*built_from, "model", ArgumentError, _module())
    batches = loading.load(*batches_from, "data", ArgumentError, FunctionType)
    try:
        diagnosis = examine(built, _function(batches), steps=steps, checkpoint=checkpoint)
    except KeyboardInterrupt:
        typer.echo("leaky: interrupted; nothing was written", err=True)
        raise typer.Exit(130) from None
    written = []
    if report is not None:
        diagnosis.report(report, command=shlex.join(["leaky", *sys.argv[1:]]))
        written.append(f"The report is {report}")
    if png is not None:
        from leaky.report.diagnosis import write_diagnosis_png

        write_diagnosis_png(diagnosis, png)
        written.append(f"figures are in {png}")
    if as_json:
        typer.echo(json.dumps(diagnosis.to_json()))
        return
    from rich.console import Console

    console = Console()
    console.print(diagnosis)
    if written:
        told = ", ".join(written)
        console.print(f"\n{told[0].upper()}{told[1:]}.", markup=False, highlight=False, soft_wrap=True)


def _module() -> type:
    from leaky import models

    return models.Module


def _function(batches: Any) -> Callable[[], Iterable[Any]]:
    """A function is called again for each round over the data; anything else is gone over again."""
    return batches if callable(batches) else lambda: batches
