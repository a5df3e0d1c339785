"""`leaky show`: everything about one activation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def show(
    activation: Annotated[
        str,
        typer.Argument(
            help='A name, a call such as "leaky_relu(negative_slope=0.2)", or a framework\'s: keras:leaky_relu.'
        ),
    ],
    png: Annotated[Path | None, typer.Option(help="Write value and derivative to this PNG file.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write all of it to this HTML file, with a slider per parameter.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as one JSON object.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Show an activation: formula, derivative, properties, a plot, and what other frameworks make of the name."""
    from leaky import catalogue
    from leaky.errors import ArgumentError
    from leaky.report import activation as pictures
    from leaky.report.write import check_writable

    spec = catalogue.parse(activation)
    drawable = spec.activation.elementwise
    if png is not None and not drawable:
        raise ArgumentError(
            f"png: {spec.activation.name} needs {pictures.needs(spec.activation)}; leave out --png"
        )
    for path, name in ((png, "png"), (html, "html")):
        if path is not None:
            check_writable(path, name)
    specs = {str(spec): spec}
    high = pictures.reach(specs) if drawable else 0.0
    if png is not None:
        typer.echo(f"{pictures.write_activation_png(specs, png, -high, high)} written", err=True)
    if html is not None:
        typer.echo(
            f"{pictures.write_activation_html(specs, html, -high, high, whole=True)} written", err=True
        )
    told = pictures.sheet(spec)
    if as_json:
        typer.echo(json.dumps(told, allow_nan=False))
    elif png is None and html is None:
        from rich.console import Console

        from leaky.report.activation.table import show as table

        console = Console()
        console.print(table(spec, told, console, -high, high))
