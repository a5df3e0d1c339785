"""The report as one HTML file that needs nothing else: no network, no fonts, no second file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leaky.records import Study, Trial
from leaky.report.figures import study_figures
from leaky.report.gather import silent_share
from leaky.report.interaction import (
    interaction_findings,
    interaction_introduction,
    interaction_rows,
    label,
    lost_text,
)
from leaky.report.page import render
from leaky.report.rows import table_rows
from leaky.report.text import (
    NONE,
    count_text,
    difference_text,
    duration_text,
    metric_label,
    plain,
    rate_text,
    score_text,
    share_text,
)
from leaky.report.verdicts import findings, introduction, study_caveats, summary


def html_report(study: Study) -> str:
    """The whole page as text."""
    figures, varied = study_figures(study), study.conditions
    return render(
        "report.html.j2",
        figures,
        {"rate": rate_text, "share": share_text, "duration": duration_text},
        study=study,
        metric=metric_label(study.metric, unit=False),
        introduction=interaction_introduction(study) if varied else introduction(study),
        findings=interaction_findings(study) if varied else findings(study),
        caveats=[*(lost_text(study) if varied else study_caveats(study)), *study.notes],
        interaction=interaction_rows(study),
        first=label(study, varied[0]) if varied else "",
        recipe=_recipe(study),
        summary=summary(study),
        trivial=score_text(study.metric, study.trivial_score),
        rows=table_rows(study),
        compared=len(study.arms) > 1,
        margin=difference_text(study.metric, study.margin, sign=False),
        failures=_failures(study.trials),
        trials=[_trial(study, trial) for trial in study.trials],
        finished=max((trial.finished_at for trial in study.trials), default=""),
        final_seeds=count_text(len(study.final_seeds), "seed"),
        tuning_seeds=count_text(len(study.tuning_seeds), "seed"),
    )


def _failures(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Every error text once, with the trials it ended."""
    found: dict[str, list[str]] = {}
    for trial in trials:
        if trial.error is not None or trial.status == "failed":
            plan, rate = trial.plan, rate_text(trial.plan.learning_rate)
            where = f"{plan.activation}, {plan.phase}, learning rate {rate}, seed {plan.seed}"
            found.setdefault(trial.error or "no error text", []).append(where)
    return [{"error": error, "trials": places} for error, places in found.items()]


def _trial(study: Study, trial: Trial) -> dict[str, str]:
    plan = trial.plan
    return {
        "phase": plan.phase,
        "activation": plain(plan.activation),
        **_levels(study, trial),
        "learning rate": rate_text(plan.learning_rate),
        "seed": str(plan.seed),
        "status": trial.status,
        "score": score_text(study.metric, trial.score),
        "validation": score_text(study.metric, trial.validation_score),
        "never active": share_text(silent_share(trial)),
        "epochs": str(len(trial.epochs)),
        "time": duration_text(trial.seconds) if trial.seconds else NONE,
        "key": plan.key,
    }


def _recipe(study: Study) -> dict[str, Any]:
    """The recipe as the page lists it: a momentum only of SGD, and all levels of what was varied."""
    varied = {factor.name: ", ".join(factor.levels) for factor in study.factors}
    told = {**study.recipe, **varied}
    if told.get("optimizer") not in ("sgd", None) and "optimizer" not in varied:
        told.pop("momentum", None)
    return told


def _levels(study: Study, trial: Trial) -> dict[str, str]:
    """What a trial had of the fields that the study varies."""
    for condition in study.conditions:
        if condition.recipe == trial.plan.recipe:
            return {plain(f.name): plain(v) for f, v in zip(study.factors, condition.levels, strict=True)}
    return {}
