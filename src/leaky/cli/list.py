"""`leaky list`: the activations there are."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def list_activations(
    family: Annotated[
        str | None,
        typer.Option(help="Only this family: rectifier, exponential, sigmoidal, gated or adaptive."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array of them.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """List the activations by family: parameters with defaults, formula, derivative at 0, gain."""
    from leaky.catalogue import TABLE
    from leaky.errors import unknown_name
    from leaky.report.activation.table import list_row, list_table

    families = list(dict.fromkeys(entry.family for entry in TABLE.values()))
    if family is not None and family not in families:
        raise unknown_name("family", family, families)
    entries = [entry for entry in TABLE.values() if family in (None, entry.family)]
    if as_json:
        typer.echo(json.dumps([list_row(entry) for entry in entries], allow_nan=False))
    else:
        from rich.console import Console

        Console().print(list_table(entries))
