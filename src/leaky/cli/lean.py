"""`leaky lean`: what a model would keep for backward, made lean."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def lean(
    model: Annotated[
        str,
        typer.Argument(help="path/to/file.py:function, a function without arguments that returns a model."),
    ],
    input: Annotated[
        list[str] | None,
        typer.Option(help="Shape of an argument of the model, such as 2,3,224,224; repeat for several."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; nothing is applied.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Show what `lean` knows in a model, what that becomes, and the bytes saved for backward before and after."""
    shapes = [_shape(text) for text in input or []]
    from leaky import loading, models
    from leaky.errors import ArgumentError

    file, name = loading.split(model, "model", ArgumentError)
    built = loading.load(file, name, "model", ArgumentError, models.Module)
    if not isinstance(built, models.Module):
        raise ArgumentError(
            f"model: `{name}` in `{file}` must return a torch.nn.Module, got {type(built).__name__}"
        )
    example = models.random_inputs(shapes, built) if shapes else None
    report = models.lean(built, example, dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    else:
        from rich.console import Console

        Console().print(report)


def _shape(text: str) -> tuple[int, ...]:
    from leaky.errors import ArgumentError

    try:
        shape = tuple(int(size) for size in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise ArgumentError(
            f"input: must be sizes of at least 1 with commas between, such as 1,3,64,64, got `{text}`"
        )
    return shape
