"""Options of every command that trains: on what (a task, a CSV, a folder of images), how, and by whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leaky.errors import ArgumentError

if TYPE_CHECKING:
    from leaky.lab import Task

TaskOption = Annotated[
    str | None,
    typer.Option(
        help="A built-in task (digits, the default), a field (image_classification), or a task of your own: "
        "path/to/file.py:function."
    ),
]
CsvOption = Annotated[
    Path | None, typer.Option(help="A table of your own, with names of columns in its first line.")
]
TargetOption = Annotated[str | None, typer.Option(help="The column of --csv that is to be predicted.")]
ImagesOption = Annotated[
    Path | None, typer.Option(help="A folder of your own with a folder of images for every class.")
]
MetricOption = Annotated[
    str | None,
    typer.Option(
        help="Of --csv or --images: accuracy, balanced_accuracy, mse, mae ... Default: by the target."
    ),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        help="The model, of a built-in task, --csv or --images; digits has deep (default) and shallow."
    ),
]
BudgetOption = Annotated[
    str | None,
    typer.Option(
        help="Of a built-in task: smoke (seconds for a study), small (default; seconds for a trial) or full."
    ),
]
RecipeOption = Annotated[
    list[str] | None,
    typer.Option(
        help="A change to the task's recipe, such as optimizer=adamw or schedule=cosine; repeat for several."
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(help="Trials side by side. Default: one per core; on a cluster, all its workers."),
]
ExecutorOption = Annotated[
    str | None,
    typer.Option(
        help="Who trains: local (default), or dask://HOST:PORT, the workers of a Dask scheduler "
        "(needs pip install 'leaky\\[dask]')."  # escaped: Rich reads markup in a help text
    ),
]


def task_arguments(
    *,
    task: str | None,
    csv: Path | None,
    target: str | None,
    images: Path | None,
    metric: str | None,
    preset: str | None,
    budget: str | None,
) -> dict[str, Any]:
    """The arguments `task`, `preset` and `budget` of `leaky.lab`'s studies, from the options given.

    Raises:
        ArgumentError: two sources at once, or an option of a source that was not given.
    """
    sources = {"--task": task, "--csv": csv, "--images": images}
    given = [name for name, value in sources.items() if value is not None]
    if len(given) > 1:
        raise ArgumentError(f"{given[0]} and {given[1]} exclude each other; leave one out")
    own = csv is not None or images is not None
    for option, value, fits, needs in (
        ("--target", target, csv is not None, "--csv"),
        ("--metric", metric, own, "--csv or --images"),
        ("--budget", budget, not own, "a built-in task"),
    ):
        if value is not None and not fits:
            raise ArgumentError(f"{option} is an option of {needs}; leave it out, got {value!r}")
    if not own:
        return {"task": task or "digits", "preset": preset, "budget": budget}
    return {"task": _own(csv, target, images, metric, preset)}


def _own(
    csv: Path | None, target: str | None, images: Path | None, metric: str | None, preset: str | None
) -> Task:
    from leaky import lab

    if csv is None:
        assert images is not None
        return lab.task_from_images(images, model=preset, metric=metric)
    return lab.task_from_csv(csv, target, model=preset, metric=metric)
