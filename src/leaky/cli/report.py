"""`leaky report`: what the studies of a store come to, alone and together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def report(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY]...",
            help="Studies by name, or by how their names begin, such as digits. Default: all.",
        ),
    ] = None,
    store: Annotated[Path, typer.Option(help="The SQLite file to read.")] = Path("leaky.db"),
    html: Annotated[Path | None, typer.Option(help="HTML report to write.")] = None,
    png: Annotated[Path | None, typer.Option(help="Folder to write the report's plots into.")] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV to write: one row per study and activation.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Markdown to write: tables and sentences.")] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write TensorBoard runs into (needs pip install 'leaky\\[tensorboard]')."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line, study and activation.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Read studies together: scores, improvements, profiles, costs, what was lost, and an A/A control."""
    from leaky import report as told
    from leaky.lab.reading import across, stored
    from leaky.lab.store import Store
    from leaky.report.across.rows import records

    for path, option in ((html, "html"), (csv, "csv"), (markdown, "markdown")):
        if path is not None:
            told.check_writable(path, option)
    if png is not None:
        told.check_directory(png)
    with Store(store, create=False) as database:
        found = across(stored(database, studies or ()))
    if html is not None:
        told.write_across(found, html)
    if png is not None:
        told.write_across_png(found, png)
    if csv is not None:
        told.write_across_csv(found, csv)
    if markdown is not None:
        told.write_across_markdown(found, markdown)
    if tensorboard is not None:
        from leaky.lab.export import write_tensorboard

        write_tensorboard(found.studies, tensorboard)
    if as_json:
        for record in records(found):
            typer.echo(json.dumps(record))
        return
    from rich.console import Console

    console = Console()
    for table in told.across_tables(found):
        console.print(table)
        console.print()
    console.print(told.control_sentence(found.controls), markup=False, highlight=False)
    written = [str(path) for path in (html, png, csv, markdown, tensorboard) if path is not None]
    if written:
        console.print(f"Written: {', '.join(written)}.", markup=False, highlight=False, soft_wrap=True)
