"""The figures as descriptions: what they hold, before anything is drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from leaky.records import Interval, Metric
from leaky.report.figures import (
    curves_figure,
    functions_figure,
    scores_figure,
    sensitivity_figure,
    study_figures,
    units_figure,
)
from leaky.report.palette import DARK, INK, styles
from leaky.report.text import short_names

from .example_study import ACTIVATIONS, example_study, with_failures

STUDY = example_study()


def test_the_five_figures_in_order():
    assert [f.key for f in study_figures(STUDY)] == ["scores", "curves", "sensitivity", "units", "functions"]


def test_every_seed_is_a_point():
    scores, improvement = scores_figure(STUDY).panels
    assert sum(len(points.x) for points in scores.points) == 40
    assert sum(len(points.x) for points in improvement.points) == 30  # the baseline has none to itself


def test_estimates_are_the_records_in_per_cent():
    arm = STUDY.arms[1]
    scores, improvement = scores_figure(STUDY).panels
    shown = next(e for e in scores.estimates if e.name == arm.activation)
    assert (shown.x, shown.low, shown.high) == pytest.approx(
        [100 * arm.score.estimate, 100 * arm.score.low, 100 * arm.score.high], rel=1e-4
    )
    shown = next(e for e in improvement.estimates if e.name == arm.activation)
    assert shown.x == pytest.approx(100 * arm.improvement.estimate, rel=1e-4)
    assert [(s.low, s.high) for s in improvement.spans] == [(-1.0, 1.0)]


def test_a_paired_point_is_the_difference_of_that_seed():
    arm, base = STUDY.arms[1], STUDY.arms[0]
    points = next(p for p in scores_figure(STUDY).panels[1].points if p.name == arm.activation)
    expected = [100 * (a - b) for a, b in zip(arm.scores, base.scores, strict=True)]
    assert list(points.x) == pytest.approx(expected, abs=1e-3)


def test_lower_is_better_turns_the_improvement_round():
    study = example_study(metric=Metric("RMSE", higher_is_better=False, percent=False))
    arm, base = study.arms[1], study.arms[0]
    points = next(p for p in scores_figure(study).panels[1].points if p.name == arm.activation)
    assert list(points.x) == pytest.approx(
        [b - a for a, b in zip(arm.scores, base.scores, strict=True)], abs=1e-3
    )
    assert scores_figure(study).panels[0].x.label == "RMSE, lower is better"


def test_a_diverged_final_trial_is_a_cross_at_the_edge():
    trials = tuple(
        replace(t, status="diverged", score=0.1)
        if t.plan.phase == "final" and t.plan.activation == "relu" and t.plan.seed == 1_000_003
        else t
        for t in STUDY.trials
    )
    arm = STUDY.arms[0]
    arm = replace(arm, scores=(*arm.scores[:3], 0.1, *arm.scores[4:]), diverged=1)
    panel = scores_figure(replace(STUDY, trials=trials, arms=(arm, *STUDY.arms[1:]))).panels[0]
    (cross,) = [points for points in panel.points if points.symbol == "x"]
    assert cross.x == pytest.approx((panel.x.low,), rel=1e-4)
    assert cross.hover == ("seed 1000003: 10.00 %, diverged",)
    assert panel.x.low > 80  # one lost run does not squeeze the others together


def test_learning_curves_are_medians_with_quartiles():
    panel = curves_figure(STUDY).panels[0]
    finals = [t for t in STUDY.trials if t.plan.phase == "final" and t.plan.activation == "relu"]
    last = sorted(100 * t.epochs[-1].validation_score for t in finals)
    line = next(line for line in panel.lines if line.name == "relu")
    band = next(band for band in panel.bands if band.name == "relu")
    assert line.x == tuple(range(1, 31))
    assert line.y[-1] == pytest.approx((last[4] + last[5]) / 2, rel=1e-4)
    assert (band.low[-1], band.high[-1]) == pytest.approx(
        (last[2] + 0.25 * (last[3] - last[2]), last[6] + 0.75 * (last[7] - last[6])), rel=1e-4
    )


def test_sensitivity_shows_every_trial_and_the_chosen_rate():
    panel = sensitivity_figure(STUDY).panels[0]
    tuning = [t for t in STUDY.trials if t.plan.phase == "tuning"]
    rings = [points for points in panel.points if not points.filled]
    crosses = [points for points in panel.points if points.symbol == "x"]
    dots = [points for points in panel.points if points.filled and points.symbol is None]
    lost = sum(t.status == "diverged" for t in tuning)
    assert len(rings) == 4
    assert lost > 0
    assert sum(len(points.x) for points in crosses) == lost
    assert sum(len(points.x) for points in dots) == len(tuning) - lost
    (strip,) = panel.spans
    assert all(strip.low < y < strip.high for points in crosses for y in points.y)


def test_mean_over_diverged_trials_counts_their_score():
    line = next(line for line in sensitivity_figure(STUDY).panels[0].lines if line.name == "relu")
    worst = [t.score for t in STUDY.trials if t.plan.phase == "tuning" and t.plan.activation == "relu"][-3:]
    assert line.y[-1] == pytest.approx(100 * sum(worst) / 3, rel=1e-4)


def test_units_at_the_tuned_and_at_the_highest_rate():
    figure = units_figure(STUDY)
    assert len(figure.panels) == 8
    tuned, highest = figure.panels[:2]
    assert tuned.title == "relu at its tuned rate (0.01)"
    assert highest.title == "relu at the highest rate measured (0.1)"
    assert (len(tuned.heat.rows), len(tuned.heat.x)) == (16, 30)
    finals = [t for t in STUDY.trials if t.plan.phase == "final" and t.plan.activation == "relu"]
    mean = sum(t.epochs[29].never_active[15] for t in finals) / 10
    assert tuned.heat.values[15][29] == pytest.approx(mean, abs=1e-3)


def test_a_network_of_nans_is_not_a_network_of_dead_units():
    """NaN is not above 0, so the hooks see every unit as silent."""
    plan = next(t for t in STUDY.trials if t.plan.phase == "tuning" and t.plan.learning_rate == 0.1)
    lost = tuple(
        replace(e, validation_loss=None, validation_score=None, never_active=(1.0,) * 16)
        if e.epoch > 2
        else e
        for e in plan.epochs
    )
    trials = tuple(replace(t, epochs=lost) if t.plan.learning_rate == 0.1 else t for t in STUDY.trials)
    study = replace(STUDY, trials=trials)
    heat = units_figure(study).panels[1].heat
    assert len(heat.x) == 2 or heat.values[0][2] is None
    units = sensitivity_figure(study).panels[1]
    assert max(y for points in units.points for y in points.y) < 90


def test_the_jump_of_a_derivative_is_a_gap():
    figure = functions_figure(STUDY)
    value, slope = (next(line for line in panel.lines if line.name == "relu") for panel in figure.panels)
    gap = slope.y.index(None)
    assert (slope.y[gap - 1], slope.y[gap + 1]) == (0.0, 1.0)
    assert slope.x[gap - 1] == slope.x[gap + 1] == 0.0
    assert value.y[0] == 0.0
    names = [points.name for points in figure.panels[1].points]
    assert "elu(alpha=1.0)" not in names  # its derivative is continuous
    assert names.count("relu") == 2
    assert [points.y for points in figure.panels[1].points if points.filled and points.name == "relu"] == [
        (0.0,)
    ]


def test_styles_are_one_per_activation_and_the_baseline_is_ink():
    study = example_study(tuple(f"leaky_relu(negative_slope={slope / 20})" for slope in range(12)))
    look = styles(study)
    assert look[study.baseline].color == INK
    assert len({(style.color, style.dash) for style in look.values()}) == 12
    assert all(style.color in DARK for style in look.values())


def test_short_names_never_collide():
    names = [*ACTIVATIONS, "x" * 40 + "a" + "y" * 40, "x" * 40 + "b" + "y" * 40, "größe(α)"]
    short = short_names(names)
    assert short["leaky_relu(negative_slope=0.2)"] == "leaky_relu(0.2)"
    assert len(set(short.values())) == len(names)
    assert all(len(label) <= 26 for label in short.values())


ODD = {
    "one activation": example_study(("relu",)),
    "twelve": example_study(
        tuple(f"leaky_relu(negative_slope={slope / 20})" for slope in range(12)), epochs=3
    ),
    "one seed": example_study(final_seeds=1, tuning_seeds=1),
    "one epoch": example_study(epochs=1),
    "one rate": example_study(rates=(0.01,)),
    "no layers": example_study(layers=0),
    "an arm failed": with_failures(STUDY, ACTIVATIONS[1]),
    "the baseline failed": with_failures(STUDY, "relu"),
    "no trials": replace(STUDY, trials=()),
    "not in the catalogue": example_study(("my_activation", "größe(α)", "_x$y$")),
    "all diverged": replace(
        STUDY,
        trials=tuple(
            replace(t, status="diverged", score=math.inf, epochs=t.epochs[:1], validation_score=None)
            for t in STUDY.trials
        ),
        arms=tuple(
            replace(
                a, scores=(math.inf,) * 10, score=Interval(math.inf, math.nan, math.nan), improvement=None
            )
            for a in STUDY.arms
        ),
    ),
    "nan in epochs": replace(
        STUDY,
        trials=tuple(
            replace(
                t,
                epochs=tuple(
                    replace(e, train_loss=None, validation_score=math.nan, never_active=(math.nan,) * 16)
                    for e in t.epochs
                ),
            )
            for t in STUDY.trials
        ),
    ),
    "no rate chosen": replace(STUDY, arms=tuple(replace(a, learning_rate=math.nan) for a in STUDY.arms)),
    "margin 0": replace(STUDY, margin=0.0),
    "layers differ": replace(
        STUDY,
        trials=tuple(
            replace(
                t,
                layers=t.layers[: 3 + t.plan.seed % 5],
                epochs=tuple(
                    replace(e, never_active=e.never_active[: 3 + t.plan.seed % 5]) for e in t.epochs
                ),
            )
            for t in STUDY.trials
        ),
    ),
}


@pytest.mark.parametrize("study", ODD.values(), ids=ODD.keys())
def test_odd_studies_have_figures_of_finite_numbers(study):
    figures = study_figures(study)
    assert figures[0].key == "scores"
    assert any(figure.key == "units" for figure in figures) == (
        study not in (ODD["no layers"], ODD["no trials"], ODD["nan in epochs"])
    )
    for panel in (panel for figure in figures for panel in figure.panels):
        numbers = [v for line in panel.lines for v in (*line.x, *line.y) if v is not None]
        numbers += [v for points in panel.points for v in (*points.x, *points.y)]
        numbers += [v for e in panel.estimates for v in (e.x, e.low, e.high) if v is not None]
        numbers += [v for axis in (panel.x, panel.y) for v in (axis.low, axis.high) if v is not None]
        assert all(math.isfinite(number) for number in numbers), panel.title
