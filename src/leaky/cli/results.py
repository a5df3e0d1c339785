"""`leaky results`: what the store holds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from leaky.records import Trial


def results(
    store: Annotated[Path, typer.Option(help="The SQLite file to read.")] = Path("leaky.db"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line and trial, with its epochs.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """List the trials in the store: a summary, or every one of them with --json."""
    from leaky.lab.store import Store

    with Store(store, create=False) as database:
        trials = database.trials()
    if as_json:
        for trial in trials:
            typer.echo(json.dumps(trial.to_json()))
    else:
        from rich.console import Console

        console = Console()
        for table in _tables(trials):
            console.print(table)


def _tables(trials: Iterable[Trial]) -> list[Table]:
    """One table a task: a row for every activation and phase."""
    from rich.table import Table

    tasks: dict[str, dict[tuple[str, str], list[Trial]]] = {}
    for trial in trials:
        groups = tasks.setdefault(f"{trial.plan.task} {trial.plan.preset}".strip(), {})
        groups.setdefault((trial.plan.activation, trial.plan.phase), []).append(trial)
    made = []
    for task, groups in sorted(tasks.items()):
        table = Table(title=task, title_justify="left", box=None, padding=(0, 1, 0, 0))
        table.add_column("activation", no_wrap=True)
        table.add_column("phase")
        for name in ("rates", "trials", "diverged", "failed", "mean", "last"):
            table.add_column(name, justify="right")
        for (activation, phase), group in sorted(groups.items()):
            table.add_row(activation.replace("(", "\n").rstrip(")"), phase, *_row(group))
        made.append(table)
    return made


def _row(group: list[Trial]) -> list[str]:
    scores = [trial.score for trial in group if trial.score is not None]
    rates = sorted({trial.plan.learning_rate for trial in group})
    return [
        f"{rates[0]:g}" if len(rates) == 1 else f"{rates[0]:g} to {rates[-1]:g}",
        str(len(group)),
        str(sum(trial.status == "diverged" for trial in group)),
        str(sum(trial.status == "failed" for trial in group)),
        f"{sum(scores) / len(scores):.4g}" if scores else "-",
        max(trial.finished_at for trial in group)[5:16].replace("T", " "),
    ]
