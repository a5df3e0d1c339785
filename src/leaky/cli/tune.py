"""`leaky tune`: which slope, and how much it matters."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leaky.cli.task_options import (
    BudgetOption,
    CsvOption,
    ExecutorOption,
    ImagesOption,
    MetricOption,
    PresetOption,
    RecipeOption,
    TargetOption,
    TaskOption,
    WorkersOption,
    task_arguments,
)

if TYPE_CHECKING:
    from leaky.records import Tuning


def tune(
    task: TaskOption = None,
    csv: CsvOption = None,
    target: TargetOption = None,
    images: ImagesOption = None,
    metric: MetricOption = None,
    activation: Annotated[
        str, typer.Option(help="Whose parameter is tuned: leaky_relu's negative_slope, elu's alpha, ...")
    ] = "leaky_relu",
    value: Annotated[
        list[float] | None,
        typer.Option(help="A value of it; repeat. Default: slopes from 0 (ReLU) to 0.6."),
    ] = None,
    per: Annotated[
        str, typer.Option(help="One value for the whole network, or one for every layer (by Optuna).")
    ] = "network",
    search: Annotated[
        str | None,
        typer.Option(
            help="grid (default) or optuna (needs pip install 'leaky\\[tune]'; for layers the only one)."
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Of Optuna, those in its storage included. Default: 40; 8 with smoke.")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            help="URL of Optuna's database. Default: a SQLite file beside the store, leaky-optuna.db."
        ),
    ] = None,
    study_name: Annotated[
        str | None, typer.Option(help="Of the Optuna study, gone on with where it exists. Default: made up.")
    ] = None,
    preset: PresetOption = None,
    budget: BudgetOption = None,
    learning_rate: Annotated[
        list[float] | None,
        typer.Option(
            help="A learning rate of the grid; repeat. Optuna searches from the lowest to the highest. "
            "Default: the task's."
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Final runs per value, on fresh seeds. Default: 10; 3 with the budget smoke."),
    ] = None,
    tuning_seeds: Annotated[
        int | None, typer.Option(help="Runs per setting tried. Default: 3; 1 with the budget smoke.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number repeats it all on other seeds.")] = 0,
    margin: Annotated[
        float | None,
        typer.Option(help="The smallest difference that matters, in the metric's unit. Default: the task's."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Overrides the task's number of epochs.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Overrides the task's batch size.")] = None,
    recipe: RecipeOption = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    store: Annotated[
        Path, typer.Option(help="SQLite file with every trial; a stopped tuning goes on from it.")
    ] = Path("leaky.db"),
    report: Annotated[Path | None, typer.Option(help="HTML report to write.")] = Path("tuning.html"),
    png: Annotated[Path | None, typer.Option(help="Folder to write the report's plots into.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object instead of a table.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Find the slope: searched with the learning rate, told by fresh seeds, with the plateau of what is as good."""
    chosen: dict[str, Any] = {"per": per, "search": search}
    try:
        from leaky import lab

        tuning = lab.tune(
            activation=activation,
            **task_arguments(
                task=task,
                csv=csv,
                target=target,
                images=images,
                metric=metric,
                preset=preset,
                budget=budget,
            ),
            **chosen,
            values=value,
            trials=trials,
            storage=storage,
            study_name=study_name,
            learning_rates=learning_rate,
            seeds=seeds,
            tuning_seeds=tuning_seeds,
            seed=seed,
            margin=margin,
            epochs=epochs,
            batch_size=batch_size,
            recipe=recipe,
            workers=workers,
            executor=executor,
            store=store,
            report=report,
            png=png,
            command=shlex.join(["leaky", *sys.argv[1:]]),
        )
    except KeyboardInterrupt:
        typer.echo(
            f"leaky: interrupted; finished trials are in {store}, the same command goes on from there",
            err=True,
        )
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(tuning.to_json()))
    else:
        _print(tuning, store, report, png)


def _print(tuning: Tuning, store: Path, report: Path | None, png: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from leaky import report as told

    console = Console()
    console.print(told.tuning_table(tuning, width=console.width))
    findings = Table.grid(padding=(0, 1))
    notes = [*told.study_caveats(tuning.study), *tuning.study.notes]
    for sentence in [*told.tuning_sentences(tuning), *(f"Note: {note}" for note in notes)]:
        findings.add_row("-", Text(sentence))
    console.print()
    console.print(findings)
    written = f"Trials are in {store}"
    written += f", the report is {report}" if report else ""
    written += f", plots are in {png}" if png else ""
    console.print()
    console.print(f"{written}.", markup=False, highlight=False, soft_wrap=True)
