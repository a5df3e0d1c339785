"""A realistic study made of random numbers: deep plain network, ReLU losing units at high learning rates."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from leaky.records import Arm, Epoch, Interval, Metric, Study, Trial, TrialPlan, Verdict

ACTIVATIONS = (
    "relu",
    "leaky_relu(negative_slope=0.2)",
    "elu(alpha=1.0)",
    "leaky_relu(negative_slope=0.01)",
)
HOSTILE = (
    "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> {{7*7}} $x_1$ [bold]\x1b[31m %{x}"
)
_LEVEL = {
    ACTIVATIONS[0]: (0.906, 0.010, 0.55),
    ACTIVATIONS[1]: (0.934, 0.006, 0.05),
    ACTIVATIONS[2]: (0.9125, 0.012, 0.02),
    ACTIVATIONS[3]: (0.9065, 0.002, 0.50),
}
"""Final score, its spread between seeds, and how readily units fall silent."""


def example_study(
    activations: tuple[str, ...] = ACTIVATIONS,
    *,
    rates: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1),
    tuning_seeds: int = 3,
    final_seeds: int = 10,
    epochs: int = 30,
    layers: int = 16,
    metric: Metric | None = None,
    **changes: Any,
) -> Study:
    """A complete study; the same arguments always give the same numbers."""
    metric = metric or Metric("accuracy", higher_is_better=True, percent=True)
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 0.006, final_seeds)  # what all activations share, which pairing takes out
    trials: list[Trial] = []
    arms: list[Arm] = []
    for activation in activations:
        level, spread, silence = _LEVEL.get(activation, (0.91, 0.008, 0.3))
        finals = []
        for rate in rates:
            for seed in range(tuning_seeds):
                plan = _plan(activation, rate, seed, "tuning", epochs)
                trials.append(_trial(plan, level - 0.01, spread, silence, epochs, layers, metric, rng))
        chosen = rates[len(rates) // 2]
        for seed in range(final_seeds):
            plan = _plan(activation, chosen, 1_000_000 + seed, "final", epochs)
            finals.append(_trial(plan, level + shared[seed], spread, silence, epochs, layers, metric, rng))
        trials += finals
        arms.append(_arm(activation, activations[0], chosen, finals, arms, metric))
    study = Study(
        task="digits",
        preset="deep",
        description="scikit-learn's 1,797 scanned digits, a multilayer perceptron with 16 hidden layers of 64 "
        "units, no normalisation",
        metric=metric,
        margin=0.01 if metric.percent else 0.5,
        baseline=activations[0],
        learning_rates=rates,
        tuning_seeds=tuple(range(tuning_seeds)),
        final_seeds=tuple(range(1_000_000, 1_000_000 + final_seeds)),
        recipe={"optimizer": "sgd", "momentum": 0.9, "batch_size": 32, "epochs": epochs},
        arms=tuple(arms),
        trials=tuple(trials),
        reused=12,
        seconds=431.0,
        command='leaky compare digits --activation relu --activation "leaky_relu(negative_slope=0.2)" '
        "--activation elu --activation leaky_relu --seeds 10 --report report.html",
        environment={
            "python": "3.13.1",
            "leaky": "0.1.0",
            "torch": "2.9.0",
            "numpy": "2.3.4",
            "system": "Linux x86_64",
            "processor": "AMD EPYC 9654 96-Core Processor",
            "cores": "16",
        },
        notes=("elu(alpha=1.0) did best at 0.01 in tuning, but 0.003 came within its spread.",),
    )
    return replace(study, **changes)


def with_failures(
    study: Study, activation: str, error: str = "RuntimeError: out of memory (model.py:12)"
) -> Study:
    """The same study, but every final trial of one activation ended in an error."""
    trials = tuple(
        replace(t, status="failed", score=None, validation_score=None, epochs=(), layers=(), error=error)
        if t.plan.activation == activation and t.plan.phase == "final"
        else t
        for t in study.trials
    )
    nothing = Interval(math.nan, math.nan, math.nan)
    arms = tuple(
        replace(
            arm,
            scores=(),
            seeds=(),
            failed=len(study.final_seeds),
            diverged=0,
            score=nothing,
            improvement=None,
            probability=None,
            p_value=None,
            p_holm=None,
            detectable=None,
            never_active=None,
            verdict="no result",
        )
        if arm.activation == activation
        else arm
        for arm in study.arms
    )
    return replace(study, trials=trials, arms=arms)


def hostile_study() -> Study:
    """Text that tries to break out wherever text from outside is shown."""
    study = with_failures(example_study(final_seeds=3, epochs=2, layers=2), ACTIVATIONS[3], HOSTILE)
    renamed = {ACTIVATIONS[2]: HOSTILE}
    trials = tuple(
        replace(
            trial,
            plan=replace(trial.plan, activation=renamed.get(trial.plan.activation, trial.plan.activation)),
            layers=tuple(HOSTILE for _ in trial.layers),
        )
        for trial in study.trials
    )
    arms = tuple(replace(arm, activation=renamed.get(arm.activation, arm.activation)) for arm in study.arms)
    return replace(
        study, task=HOSTILE, preset=HOSTILE, description=HOSTILE, notes=(HOSTILE,), command=HOSTILE, arms=arms,
        trials=trials, environment={HOSTILE: HOSTILE}, recipe={HOSTILE: HOSTILE},
        metric=replace(study.metric, name=HOSTILE),
    )  # fmt: skip


def _plan(activation: str, rate: float, seed: int, phase: Any, epochs: int) -> TrialPlan:
    return TrialPlan("digits", "deep", "0123", activation, rate, seed, phase, {"epochs": epochs})


def _trial(
    plan: TrialPlan,
    level: float,
    spread: float,
    silence: float,
    epochs: int,
    layers: int,
    metric: Metric,
    rng: np.random.Generator,
) -> Trial:
    heat = math.log10(plan.learning_rate / 0.01)
    end = level + rng.normal(0, spread) - 0.05 * heat**2 - (0.25 * silence if heat > 0.4 else 0)
    lost = heat > 0.9 and rng.random() < 0.25 + silence
    kept = max(1, epochs // 3) if lost else epochs
    speed = 4 / (1 + 2 * max(heat + 1, 0.1))
    told = []
    for epoch in range(1, kept + 1):
        gone = lost and epoch == kept
        rise = 1 - math.exp(-epoch / speed)
        dead = silence * min(1.0, 10 ** (0.55 * heat - 0.25)) * (1 - math.exp(-epoch / 6))
        depth = np.linspace(0.25, 1.7, layers) if layers else np.zeros(0)
        shares = np.clip(dead * depth + rng.normal(0, 0.02, layers), 0, 1)
        score = 0.1 + (end - 0.1) * rise + rng.normal(0, 0.004)
        told.append(
            Epoch(
                epoch,
                None if gone else float(2.3 * math.exp(-epoch / speed) + 0.06 + abs(rng.normal(0, 0.01))),
                None if gone else float(2.3 * math.exp(-epoch / speed) + 0.3),
                None if gone else _unit(metric, score),
                tuple(round(float(share), 4) for share in shares),
            )
        )
    score = _unit(metric, end)
    return Trial(
        plan=plan,
        status="diverged" if lost else "finished",
        score=_unit(metric, 0.1) if lost else score,
        validation_score=told[-1].validation_score,
        epochs=tuple(told),
        layers=tuple(f"{2 * layer + 1}" for layer in range(layers)),
        seconds=3.4,
        compute_seconds=2.1,
        evaluation_seconds=0.4,
        error=None,
        environment={"torch": "2.9.0"},
        finished_at="2026-11-21T10:00:00.000+00:00",
    )


def _unit(metric: Metric, accuracy: float) -> float:
    """Accuracies as they are; for a metric that is an error, something that falls as they rise."""
    return round(float(accuracy), 6) if metric.higher_is_better else round(float(20 * (1 - accuracy)), 6)


def _arm(
    activation: str, baseline: str, rate: float, finals: list[Trial], before: list[Arm], metric: Metric
) -> Arm:
    scores = np.asarray([trial.score for trial in finals if trial.score is not None])
    n, nan = len(scores), math.nan
    half = 2.26 * float(scores.std(ddof=1)) / math.sqrt(n) if n > 1 else nan
    cut = n // 4
    iqm = float(np.sort(scores)[cut : n - cut].mean())
    improvement = probability = p_value = p_holm = detectable = None
    verdict: Verdict = "baseline"
    margin = 0.01 if metric.percent else 0.5
    if activation != baseline:
        sign = 1 if metric.higher_is_better else -1
        gain = sign * (scores - np.asarray(before[0].scores))
        mean, error = float(gain.mean()), float(gain.std(ddof=1)) / math.sqrt(n) if n > 1 else nan
        improvement = Interval(mean, mean - 2.26 * error, mean + 2.26 * error)
        beats = float((sign * (scores[:, None] - np.asarray(before[0].scores)) > 0).mean())
        probability = (
            Interval(beats, max(beats - 0.17, 0.0), min(beats + 0.17, 1.0))
            if n > 1
            else Interval(beats, nan, nan)
        )
        p_value, p_holm = (0.002, 0.006) if abs(mean) > 2.26 * error else (0.21, 0.42)
        p_value, p_holm = (p_value, p_holm) if n > 1 else (None, None)
        detectable = 3.2 * error if n > 1 else None
        verdict = "undecided"
        if improvement.low > margin:
            verdict = "better"
        elif improvement.high < -margin:
            verdict = "worse"
        elif -margin <= improvement.low and improvement.high <= margin:
            verdict = "no practical difference"
    return Arm(
        activation=activation,
        learning_rate=rate,
        scores=tuple(float(score) for score in scores),
        seeds=tuple(trial.plan.seed for trial in finals),
        diverged=sum(trial.status == "diverged" for trial in finals),
        failed=0,
        score=Interval(iqm, iqm - half, iqm + half),
        improvement=improvement,
        probability=probability,
        p_value=p_value,
        p_holm=p_holm,
        detectable=detectable,
        never_active=float(np.mean([trial.never_active or 0.0 for trial in finals])),
        at_grid_edge=False,
        verdict=verdict,
    )
