"""`leaky plot`: activations in one picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

_FARTHEST = 1e100
"""Ends beyond would overflow on the way to the picture."""


def plot(
    activations: Annotated[
        list[str],
        typer.Argument(help='Names or calls, such as relu "leaky_relu(negative_slope=0.2)" keras:elu.'),
    ],
    png: Annotated[Path | None, typer.Option(help="Write the picture to this PNG file.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write it to this HTML file, with a slider per parameter.")
    ] = None,
    low: Annotated[
        float | None, typer.Option("--from", help="Left end; by default so that all kinks are in sight.")
    ] = None,
    high: Annotated[float | None, typer.Option("--to", help="Right end.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Plot activations and their derivatives side by side, kinks marked: in the terminal, or into a file."""
    from leaky import catalogue
    from leaky.errors import ArgumentError
    from leaky.report import activation as pictures
    from leaky.report.write import check_writable

    specs = {str(spec): spec for spec in map(catalogue.parse, activations)}
    for spec in specs.values():
        if not spec.activation.elementwise:
            raise ArgumentError(
                f"plot: {spec.activation.name} needs {pictures.needs(spec.activation)}; "
                f"see `leaky show {spec.activation.name}`"
            )
    reach = pictures.reach(specs)
    low, high = -reach if low is None else low, reach if high is None else high
    if not (
        math.isfinite(low) and math.isfinite(high) and high - low > 1e-6 * max(abs(low), abs(high), 1e-30)
    ):
        raise ArgumentError(f"plot: --from must be below --to, both finite, got {low:g} and {high:g}")
    if max(-low, high) > _FARTHEST:
        raise ArgumentError(
            f"plot: --from and --to must be within {_FARTHEST:g} of 0, got {low:g} and {high:g}"
        )
    for path, name in ((png, "png"), (html, "html")):
        if path is not None:
            check_writable(path, name)
    if png is not None:
        typer.echo(f"{pictures.write_activation_png(specs, png, low, high)} written", err=True)
    if html is not None:
        typer.echo(f"{pictures.write_activation_html(specs, html, low, high)} written", err=True)
    if png is None and html is None:
        from rich.console import Console

        from leaky.report.activation.table import plot as table

        console = Console()
        console.print(table(specs, console, low, high))
        typer.echo(
            "--png FILE and --html FILE write it to a file; the page has a slider per parameter.", err=True
        )
