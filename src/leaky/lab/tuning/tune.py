"""`leaky.lab.tune`: which slope (or other parameter of an activation), and how much it matters."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from leaky import report as reports
from leaky.catalogue import Spec, parse
from leaky.errors import StudyError
from leaky.lab.definition import Task
from leaky.lab.design import Design, rate_grid
from leaky.lab.design import seeds as seed_ranges
from leaky.lab.engine import Named, engine
from leaky.lab.environment import environment, now
from leaky.lab.kept import KeptStudy
from leaky.lab.loading import fingerprint, task_source
from leaky.lab.preflight import preflight
from leaky.lab.recipe_changes import Changes, changed
from leaky.lab.runner import Runner
from leaky.lab.speaker import speaking_as
from leaky.lab.store import Store
from leaky.lab.study import SEEDS, SMOKE_SEEDS, call_text, margin_of
from leaky.lab.tuning import best, result
from leaky.lab.tuning.arguments import by_optuna, check_outputs, places
from leaky.lab.tuning.search import OptunaSearch
from leaky.lab.tuning.settings import Settings, beside, reachable
from leaky.lab.tuning.shape import Shape, shape
from leaky.lab.tuning.space import Space
from leaky.records import Arm, Study, Trial, Tuning

Per = Literal["network", "layer"]
SearchName = Literal["grid", "optuna"]
_TRIALS, _SMOKE_TRIALS = 40, 8


def tune(
    task: str | Task = "digits",
    activation: str | Spec = "leaky_relu",
    *,
    values: Iterable[float] | None = None,
    per: Per = "network",
    search: SearchName | None = None,
    trials: int | None = None,
    storage: str | None = None,
    study_name: str | None = None,
    sampler: Any = None,
    pruner: Any = None,
    preset: str | None = None,
    budget: str | None = None,
    learning_rates: Iterable[float] | None = None,
    seeds: int | None = None,
    tuning_seeds: int | None = None,
    seed: int = 0,
    margin: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    recipe: Changes | None = None,
    workers: int | None = None,
    executor: Named = None,
    store: str | Path = "leaky.db",
    report: str | Path | None = None,
    png: str | Path | None = None,
    progress: bool = True,
    command: str | None = None,
) -> Tuning:
    """Find the slope of a leaky ReLU (or another activation's parameter) for a task, and how much it matters.

    Slope and learning rate are searched together on a validation split. Each slope is then trained at its best
    learning rate on fresh seeds, the same for all, and each of those runs touches the test split once: that is the
    response curve. What is as good as the best is told by multiple comparisons with the best (Edwards and Hsu 1983),
    intervals that hold for all slopes at once, whichever of them is truly the best; so no slope profits from having
    been picked. A PReLU is trained beside it, and the slopes that it learns are kept.

    Trials are in the store at once, and a Optuna study in its storage: called again with the same arguments, a tuning
    that was stopped goes on where it was.

    Args:
        task: a built-in task ("digits"), a field, `path/to/file.py:function`, or a `leaky.lab.Task`.
        activation: whose first number above 0 by default is tuned: `negative_slope` of leaky_relu, `alpha` of elu,
            `beta` of silu. Others keep what the spec says.
        values: of that parameter, at least 0 (for a slope, 0 is ReLU). By default 0, 0.003, 0.01, 0.03, 0.1, 0.3 and
            0.6 for a `negative_slope`, and a tenth to ten times the default of others. Optuna starts from them, and
            searches from the lowest above 0 to the highest on a logarithmic scale, 0 being a choice of its own.
        per: "network", one value for all; or "layer", one for every place that the model asks an activation for, by
            Optuna alone.
        search: "grid" (default of "network") or "optuna" (default of "layer"; needs `pip install 'leaky[tune]'`).
        trials: of Optuna, each on every tuning seed, counting those that the storage holds already; by default 40,
            and 8 with the budget "smoke".
        storage: the URL of Optuna's database; by default a SQLite file beside the store, `leaky-optuna.db`.
            `optuna-dashboard` shows either while the search runs.
        study_name: of the study in it, which is loaded if it exists; by default made of all that defines the search.
        sampler: Optuna's; by default its TPE, seeded by `seed`.
        pruner: Optuna's; by default its median rule from the middle of a first run on. Validation scores are reported
            after every epoch.
        preset: of a built-in task.
        budget: of a built-in task: "smoke", "small" (default) or "full".
        learning_rates: the grid, by default the task's; Optuna searches from its lowest to its highest.
        seeds: final runs per value; ten by default, three with the budget "smoke".
        tuning_seeds: runs per setting that is tried; three by default, one with the budget "smoke".
        seed: another number repeats it all on other seeds.
        margin: the smallest difference that matters, in the metric's unit; by default the task's.
        epochs: overrides the task's recipe.
        batch_size: overrides the task's recipe.
        recipe: changes to the task's recipe, as in `leaky.lab.compare`.
        workers: processes side by side, one core each, as in `leaky.lab.compare`.
        executor: who runs the trials, as in `leaky.lab.compare`. Workers on other machines must reach the `storage`
            of a search by Optuna: give the URL of a database server.
        store: the SQLite file that holds the trials.
        report: write a self-contained HTML report here.
        png: write the report's plots into this folder.
        progress: show progress on stderr.
        command: recorded in the report as the way to repeat it.

    Returns:
        A `leaky.records.Tuning`: `points` of the response curve, `plateau`, `recommended`, `learned` slopes, and the
        whole `study` with every trial.

    Raises:
        ArgumentError: an argument is out of range or does not go with another.
        MissingExtraError: the search is Optuna's, which is not installed.
        TaskError: the task cannot be loaded, or fails on its first two samples.
        StoreError: the store or Optuna's storage cannot be used.
        StudyError: no trial came to a score.

    Example:
        >>> import leaky
        >>> tuning = leaky.lab.tune("digits", preset="shallow", report="report.html")     # doctest: +SKIP
        >>> tuning.recommended, tuning.plateau                                            # doctest: +SKIP
        >>> [(p.value, p.arm.score.estimate, p.standing) for p in tuning.points]          # doctest: +SKIP
    """
    asked = dict(locals())
    began = time.monotonic()
    few = budget == "smoke"
    with speaking_as("tune"):
        shaped = shape(activation, values, few=few)
        searched = by_optuna(asked)
        usual_tuning, usual = SMOKE_SEEDS if few else SEEDS
        tuning, final = seed_ranges(
            seed, usual_tuning if tuning_seeds is None else tuning_seeds, usual if seeds is None else seeds
        )
        check_outputs(report, png)
    with (
        speaking_as("tune"),
        engine(executor, workers) as trainers,
        tempfile.TemporaryDirectory(prefix="leaky-") as scratch,
    ):
        source = task_source(task, preset, Path(scratch), budget)
        loaded = source.load()
        limit = margin_of(margin, loaded)
        grid = rate_grid(loaded.learning_rates if learning_rates is None else learning_rates)
        trained = changed(loaded.recipe, recipe, epochs=epochs, batch_size=batch_size)
        named = {shaped.at(value): value for value in shaped.values}
        beside_it = (shaped.learned,) if shaped.learned else ()
        on_grid = () if searched and per == "network" else tuple(named)
        design = Design(
            task=loaded.name,
            preset=source.preset,
            fingerprint=fingerprint(source, loaded),
            recipe=trained.record(),
            activations=(*on_grid, *beside_it),
            baseline=(*on_grid, *beside_it, "")[0],
            learning_rates=grid,
            tuning_seeds=tuning,
            final_seeds=final,
        )
        preflight(loaded, (*named, *beside_it), trained)
        layers = places(loaded, trained, shaped) if per == "layer" else 0
        hunt = None
        if searched:
            limit_of_trials = (_SMOKE_TRIALS if few else _TRIALS) if trials is None else trials
            settings = Settings(limit_of_trials, storage or beside(store), study_name, sampler, pruner)
            reachable(settings.storage, trainers)
            space = Space(shaped, grid, layers)
            higher = loaded.metric_record.higher_is_better
            hunt = OptunaSearch(design, space, settings, seed=seed, workers=trainers.workers, higher=higher)
        with Store(store) as database:
            expected = settings.trials * len(tuning) if hunt else 0
            runner = Runner([design], source, loaded.metric_record, database, trainers, progress, expected)
            ((rates, done),) = runner.run(hunt)
            if hunt is not None and per == "network":
                named = {name: hunt.values[name] for name in rates if name in hunt.values}
            arms, chosen_name = _outcome(loaded, shaped, design, rates, done, named, limit, hunt)
            told = command or call_text(tune, asked)
            where = {**environment(), **trainers.environment}
            trivial, trivial_score = loaded.trivial_answer()
            compared = replace(design, activations=tuple(arms), baseline=chosen_name)
            database.keep(
                KeptStudy(
                    designs=(compared,),
                    metric=loaded.metric_record,
                    margin=limit,
                    resolution=loaded.resolution,
                    description=loaded.description,
                    command=told,
                    environment=where,
                    began_at=now(),
                    metrics=loaded.metric_records,
                    trivial=trivial,
                    trivial_score=trivial_score,
                    notes=loaded.notes,
                    rates=rates,
                )
            )
    metric = loaded.metric_record
    curve = result.points(named, arms, done, metric, margin=limit, resolution=loaded.resolution)
    chosen = named[chosen_name]
    study = Study(
        task=loaded.name,
        preset=source.preset,
        description=loaded.description,
        metric=metric,
        margin=limit,
        baseline=chosen_name,
        learning_rates=grid,
        tuning_seeds=tuning,
        final_seeds=final,
        recipe=design.recipe,
        arms=tuple(arms.values()),
        trials=tuple(done),
        reused=runner.reused,
        seconds=time.monotonic() - began,
        command=told,
        environment=where,
        notes=result.notes(
            design, rates, done, curve, shaped, chosen, searched=searched and per == "network"
        ),
        metrics=loaded.metric_records,
        trivial=trivial,
        trivial_score=trivial_score,
    )
    plateau = tuple(point.value for point in curve if point.standing == "as good as the best")
    sign = 1 if metric.higher_is_better else -1
    validation = {p.value: sign * p.validation for p in curve if p.validation is not None}
    tuned = Tuning(
        study=study,
        activation=shaped.spec.activation.name,
        parameter=shaped.parameter,
        default=shaped.default,
        per=per,
        points=curve,
        chosen=chosen,
        plateau=plateau,
        recommended=best.recommended(
            plateau,
            default=shaped.default,
            chosen=chosen,
            validation=validation,
            against_chosen=next(
                (point.arm.verdict for point in curve if point.value == shaped.default), None
            ),
        ),
        learned=_learned(shaped, arms, done),
        layered=result.layered(arms[hunt.best.activation], hunt.best, done)
        if hunt is not None and hunt.best is not None
        else None,
        search=hunt.record if hunt is not None else None,
    )
    if report is not None:
        reports.write_tuning(tuned, report)
    if png is not None:
        reports.write_tuning_png(tuned, png)
    return tuned


def _outcome(
    task: Task,
    shaped: Shape,
    design: Design,
    rates: dict[str, float],
    done: list[Trial],
    named: Mapping[str, float],
    margin: float,
    hunt: OptunaSearch | None,
) -> tuple[dict[str, Arm], str]:
    """The arms of everything that was trained on final seeds, and the activation chosen on validation."""
    metric = task.metric_record
    chosen = result.chosen_value(named, rates, done, higher=metric.higher_is_better)
    if chosen is None:
        errors = [trial.error for trial in done if trial.error]
        first = f"; the first error: {errors[0]}" if errors else ""
        raise StudyError(f"tune: no value of `{shaped.parameter}` came to a validation score{first}")
    layered = [hunt.best.activation] if hunt is not None and hunt.best is not None else []
    learned = [shaped.learned] if shaped.learned else []
    names = tuple(dict.fromkeys([*named, *learned, *layered]))
    compared = replace(design, activations=names, baseline=chosen)
    found = result.arms_of(compared, rates, done, metric, margin=margin, resolution=task.resolution)
    return found, chosen


def _learned(shaped: Shape, arms: Mapping[str, Arm], done: list[Trial]) -> Any:
    if shaped.learned is None:
        return None
    start = parse(shaped.learned).parameters[shaped.parameter]
    return result.learned(arms[shaped.learned], done, float(start))
