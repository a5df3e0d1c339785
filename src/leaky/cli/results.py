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
    """One table a task: a row for every activation and phase, and for every recipe where there are several."""
    from rich.table import Table

    tasks: dict[str, list[Trial]] = {}
    for trial in trials:
        tasks.setdefault(f"{trial.plan.task} {trial.plan.preset}".strip(), []).append(trial)
    made = []
    for task, members in sorted(tasks.items()):
        groups: dict[tuple[str, str, str], list[Trial]] = {}
        varied = _varied(members)
        for trial in members:
            recipe = "\n".join(f"{n}={trial.plan.recipe[n]}" for n in varied if n in trial.plan.recipe)
            groups.setdefault((trial.plan.activation, recipe, trial.plan.phase), []).append(trial)
        table = Table(title=task, title_justify="left", box=None, padding=(0, 1, 0, 0))
        table.add_column("activation", no_wrap=True)
        table.add_column("phase")
        for name in ("rates", "trials", "diverged", "failed", "mean", "last"):
            table.add_column(name, justify="right")
        for (activation, recipe, phase), group in sorted(groups.items()):
            name = activation.replace("(", "\n").rstrip(")")
            table.add_row(f"{name}\n{recipe}" if recipe else name, phase, *_row(group))
        made.append(table)
    return made


def _varied(trials: list[Trial]) -> list[str]:
    """The fields of the recipe that are not the same in all trials."""
    names = sorted({name for trial in trials for name in trial.plan.recipe})
    return [name for name in names if len({str(trial.plan.recipe.get(name)) for trial in trials}) > 1]


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
