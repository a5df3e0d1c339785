"""`leaky compare`: which activation is better on a task."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    from leaky.records import Study


def compare(
    task: TaskOption = None,
    csv: CsvOption = None,
    target: TargetOption = None,
    images: ImagesOption = None,
    metric: MetricOption = None,
    activation: Annotated[
        list[str] | None,
        typer.Option(help="An activation, such as 'leaky_relu(negative_slope=0.1)'; repeat for several."),
    ] = None,
    preset: PresetOption = None,
    budget: BudgetOption = None,
    baseline: Annotated[str, typer.Option(help="The activation that differences are taken to.")] = "relu",
    learning_rate: Annotated[
        list[float] | None,
        typer.Option(
            help="A learning rate of the grid all are tuned over; repeat. Default: the task's grid."
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Final runs per activation, on fresh seeds. Default: 10; 3 with the budget smoke."),
    ] = None,
    tuning_seeds: Annotated[
        int | None,
        typer.Option(help="Runs per activation and learning rate. Default: 3; 1 with the budget smoke."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number repeats the study on other seeds.")] = 0,
    margin: Annotated[
        float | None,
        typer.Option(
            help="The smallest difference that matters, in the metric's unit. Default: the task's; "
            "0.005 (half a percentage point) for accuracy."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Overrides the task's number of epochs.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Overrides the task's batch size.")] = None,
    recipe: RecipeOption = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="A field of the recipe and its levels, such as initialisation=he,xavier: every activation is "
            "trained at each. Repeat for a second field."
        ),
    ] = None,
    workers: WorkersOption = None,
    executor: ExecutorOption = None,
    store: Annotated[
        Path, typer.Option(help="SQLite file with every trial; a stopped study goes on from it.")
    ] = Path("leaky.db"),
    report: Annotated[Path | None, typer.Option(help="HTML report to write.")] = Path("report.html"),
    png: Annotated[Path | None, typer.Option(help="Folder to write the report's plots into.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the study as one JSON object instead of a table.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Compare activations: learning rate tuned for each, fresh paired seeds, intervals, a verdict."""
    try:
        from leaky import lab

        study = lab.compare(
            activations=activation or lab.ACTIVATIONS,
            **task_arguments(
                task=task,
                csv=csv,
                target=target,
                images=images,
                metric=metric,
                preset=preset,
                budget=budget,
            ),
            baseline=baseline,
            learning_rates=learning_rate,
            seeds=seeds,
            tuning_seeds=tuning_seeds,
            seed=seed,
            margin=margin,
            epochs=epochs,
            batch_size=batch_size,
            recipe=recipe,
            vary=vary,
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
        typer.echo(json.dumps(study.to_json()))
    else:
        _print(study, store, report, png)


def _print(study: Study, store: Path, report: Path | None, png: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from leaky import report as told

    console = Console()
    if study.conditions:
        console.print(told.interaction_table(study, width=console.width))
        sentences, caveats = told.interaction_sentences(study), told.lost_text(study)
    else:
        console.print(told.study_table(study, width=console.width))
        sentences, caveats = told.verdict_sentences(study), told.study_caveats(study)
    findings = Table.grid(padding=(0, 1))
    notes = [*caveats, *study.notes]
    for sentence in [*sentences, *(f"Note: {note}" for note in notes)]:
        findings.add_row("-", Text(sentence))
    console.print()
    console.print(findings)
    written = f"Trials are in {store}"
    written += f", the report is {report}" if report else ""
    written += f", plots are in {png}" if png else ""
    console.print()
    console.print(f"{written}.", markup=False, highlight=False, soft_wrap=True)
