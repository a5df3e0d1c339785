"""`leaky claims`: what is said of leaky rectifiers, measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leaky.cli.task_options import ExecutorOption, WorkersOption

if TYPE_CHECKING:
    from leaky.records.ledger import Entry


def claims(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME ...]", help="Claims, by name or number; all of them by default."),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show the ledger without measuring.")] = False,
    budget: Annotated[
        str,
        typer.Option(help="small (about an hour on two cores for all), or smoke: only whether they run."),
    ] = "small",
    store: Annotated[
        Path, typer.Option(help="SQLite file with what is measured; a stopped run goes on from it.")
    ] = Path("claims.db"),
    page: Annotated[
        Path | None,
        typer.Option(
            help="Write the ledger as Markdown here, its pictures and numbers beside it; when interrupted, too."
        ),
    ] = None,
    definitions: Annotated[
        Path | None,
        typer.Option(help="Only write the hash and the day of every definition here, as JSON."),
    ] = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line and claim.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Measure what is said of leaky rectifiers: effects with intervals, and a ruling on every claim."""
    from leaky import lab

    if definitions is not None:
        from leaky.lab.claims.definitions import write_definitions

        typer.echo(f"definitions written to {write_definitions(definitions)}", err=True)
        return
    try:
        entries = lab.run_claims(
            names or (),
            budget=budget,
            store=store,
            page=page,
            workers=workers,
            executor=executor,
            measure=not listed,
            progress=True,
            told=lambda line: typer.echo(line, err=True),
        )
    except KeyboardInterrupt:
        typer.echo(
            f"leaky: interrupted; what was measured is in {store}, the same command goes on from there",
            err=True,
        )
        raise typer.Exit(130) from None
    if as_json:
        for entry in entries:
            typer.echo(json.dumps(entry.to_json()))
    else:
        _print(entries, listed)
    if any(entry.missing.startswith("failed") for entry in entries):
        raise typer.Exit(1)


def _print(entries: list[Entry], listed: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from leaky.report.claims.finding import effect_text

    console = Console()
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("", "name", "claim", "ruling"):
        table.add_column(
            name, justify="right" if not name else "left", no_wrap=name in ("", "name", "ruling")
        )
    for entry in entries:
        ruling = entry.ruling or entry.missing
        table.add_row(str(entry.number), entry.name, Text(entry.statement), ruling)
        for effect in () if listed else entry.effects:
            table.add_row("", "", Text(f"- {effect_text(effect)}"), effect.ruling)
    console.print(table)
