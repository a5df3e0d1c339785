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

        Console().print(_table(trials))


def _table(trials: Iterable[Trial]) -> Table:
    from rich.table import Table

    table = Table(title="Trials in the store", title_justify="left")
    for name in ("task", "activation", "phase"):
        table.add_column(name)
    for name in ("learning rates", "trials", "diverged", "failed", "mean score", "last finished"):
        table.add_column(name, justify="right")
    groups: dict[tuple[str, str, str], list[Trial]] = {}
    for trial in trials:
        task = f"{trial.plan.task} {trial.plan.preset}".strip()
        groups.setdefault((task, trial.plan.activation, trial.plan.phase), []).append(trial)
    for (task, activation, phase), group in sorted(groups.items()):
        scores = [trial.score for trial in group if trial.score is not None]
        rates = sorted({trial.plan.learning_rate for trial in group})
        table.add_row(
            task,
            activation,
            phase,
            f"{rates[0]:g}" if len(rates) == 1 else f"{rates[0]:g} to {rates[-1]:g}",
            str(len(group)),
            str(sum(trial.status == "diverged" for trial in group)),
            str(sum(trial.status == "failed" for trial in group)),
            f"{sum(scores) / len(scores):.4g}" if scores else "-",
            max(trial.finished_at for trial in group)[:19].replace("T", " "),
        )
    return table
