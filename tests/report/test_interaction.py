"""What a study that varies the training says: rows, sentences, table, figures and page."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from leaky.records import Arm, Condition, Contrast, Factor, Interval, Metric, Study
from leaky.report import interaction_sentences, interaction_table, lost_text
from leaky.report.figures import interaction_figure, study_figures
from leaky.report.html import html_report
from leaky.report.interaction import interaction_findings, interaction_rows
from leaky.report.static import png_files

from .example_study import ACTIVATIONS, HOSTILE, example_study

NAMES = ACTIVATIONS[:2]
LEVELS = ("he", "xavier")


def contrast(low: float, high: float, verdict: str) -> Contrast:
    middle = (low + high) / 2
    return Contrast(NAMES[1], Interval(middle, low, high), 0.002, 0.004, 0.031, verdict)  # type: ignore[arg-type]


def varied(
    found: Contrast,
    *,
    levels: tuple[str, str] = LEVELS,
    name: str = "initialisation",
    metric: Metric | None = None,
) -> Study:
    """A study of two activations under two conditions, the second with this contrast."""
    plain = example_study(NAMES, rates=(0.003, 0.01), final_seeds=4, epochs=2, layers=2, metric=metric)
    recipes = [{**plain.trials[0].plan.recipe, name: level} for level in levels]
    trials = tuple(
        replace(trial, plan=replace(trial.plan, recipe=recipe))
        for recipe in recipes
        for trial in plain.trials
    )
    worse: tuple[Arm, ...] = tuple(
        replace(arm, score=replace(arm.score, estimate=arm.score.estimate - 0.2), learning_rate=0.003)
        for arm in plain.arms
    )
    conditions = (
        Condition((levels[0],), recipes[0], plain.arms),
        Condition((levels[1],), recipes[1], worse, (found,)),
    )
    return replace(
        plain, trials=trials, factors=(Factor(name, levels),), conditions=conditions, recipe=recipes[0]
    )


def printed(study: Study, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), no_color=True)
    console.print(interaction_table(study, width=width))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            contrast(0.015, 0.025, "better"),
            "gains more on relu with initialisation=xavier than with initialisation=he: +2.00 pp on average over "
            "4 paired seeds, 95 % interval +1.50 to +2.50 pp, all of it above +1.00 pp; p = 0.004 after Holm's "
            "correction.",
        ),
        (
            contrast(-0.025, -0.015, "worse"),
            "gains less on relu with initialisation=xavier than with initialisation=he: -2.00 pp on average over "
            "4 paired seeds, 95 % interval -2.50 to -1.50 pp, all of it below -1.00 pp; p = 0.004 after Holm's "
            "correction.",
        ),
        (
            contrast(-0.002, 0.004, "no practical difference"),
            "gains as much on relu with initialisation=xavier as with initialisation=he: +0.10 pp on average over "
            "4 paired seeds, 95 % interval -0.20 to +0.40 pp, all of it within ±1.00 pp.",
        ),
        (
            contrast(-0.02, 0.03, "undecided"),
            "may gain more or less on relu with initialisation=xavier than with initialisation=he: undecided, "
            "+0.50 pp on average over 4 paired seeds, 95 % interval -2.00 to +3.00 pp; with this spread, 4 seeds "
            "settle a true contrast of 3.10 pp four times in five.",
        ),
        (
            contrast(0.002, 0.03, "undecided"),
            "gains more on relu with initialisation=xavier than with initialisation=he, undecided whether by more "
            "than 1.00 pp: +1.60 pp on average over 4 paired seeds, 95 % interval +0.20 to +3.00 pp; with this "
            "spread, 4 seeds settle a true contrast of 3.10 pp four times in five.",
        ),
        (
            Contrast(NAMES[1], None, None, None, None, "no result"),
            "has no contrast between initialisation=xavier and initialisation=he: a side of it has no result.",
        ),
    ],
)
def test_every_verdict_has_its_sentence(found: Contrast, sentence: str) -> None:
    assert [finding.sentence for finding in interaction_findings(varied(found))] == [sentence]
    assert interaction_sentences(varied(found))[1] == f"{NAMES[1]} {sentence}"


def test_rows_go_activation_by_activation_with_the_rate_tuned_for_each_level() -> None:
    rows = interaction_rows(varied(contrast(0.015, 0.025, "better")))
    assert [(row.activation, row.levels, row.first, row.learning_rate) for row in rows] == [
        (NAMES[0], ("he",), True, "0.01"),
        (NAMES[0], ("xavier",), False, "0.003"),
        (NAMES[1], ("he",), True, "0.01"),
        (NAMES[1], ("xavier",), False, "0.003"),
    ]
    assert [row.change for row in rows] == ["", "", "", "+2.00 pp"]
    assert rows[3].change_word == "gains more"


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminals_table_fits_and_is_whole(width: int) -> None:
    told = printed(varied(contrast(0.015, 0.025, "better")), width)
    assert max(map(len, told.splitlines())) <= width
    for part in ("initialisation", "xavier", "+2.00 pp", "+1.50 to +2.50", "gains more", "baseline"):
        assert part in told
    assert ("rate" in told.splitlines()[1]) == (width == 120)


def test_the_figure_has_a_line_per_activation_over_the_levels_in_the_metrics_unit() -> None:
    study = varied(contrast(0.015, 0.025, "better"))
    figure = interaction_figure(study)
    assert figure is not None
    scores, improvements = figure.panels
    assert [text for _, text in scores.x.ticks] == ["he", "xavier"]
    estimates = {points.name: points.y for points in scores.points}
    assert estimates[NAMES[0]][0] == pytest.approx(100 * study.arms[0].score.estimate, abs=0.01)
    assert estimates[NAMES[0]][1] == pytest.approx(estimates[NAMES[0]][0] - 20, abs=0.01)
    assert {points.name for points in improvements.points} == {NAMES[1]}
    through = [line for line in scores.lines if len(set(line.x)) == 2]
    assert sorted(line.name for line in through) == sorted(NAMES)


def test_every_condition_has_its_own_figures_of_its_own_trials_and_all_are_drawn() -> None:
    study = varied(contrast(0.015, 0.025, "better"))
    keys = [figure.key for figure in study_figures(study)]
    assert keys == [
        "interaction",
        "scores-condition-1",
        "sensitivity-condition-1",
        "scores-condition-2",
        "sensitivity-condition-2",
        "functions",
    ]
    assert len(dict(png_files(study))) == len(keys)


def test_the_page_holds_the_interaction_and_lower_is_better_is_kept() -> None:
    lower = Metric("mse", higher_is_better=False, percent=False)
    page = html_report(varied(contrast(0.015, 0.025, "better"), metric=lower))
    assert "gains more" in page
    assert 'id="interaction-1"' in page
    assert "lower is better" in page
    assert "<dt>initialisation</dt><dd>he, xavier</dd>" in page


def test_text_from_outside_does_not_break_out() -> None:
    study = varied(contrast(0.015, 0.025, "better"), levels=("he", HOSTILE), name=HOSTILE)
    page = html_report(study)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\x1b" not in printed(study, 120)
    assert not any("\x1b" in sentence for sentence in interaction_sentences(study))


def test_lost_trials_are_told_by_condition() -> None:
    study = varied(contrast(0.015, 0.025, "better"))
    first = study.conditions[0]
    lost = replace(first, arms=(replace(first.arms[0], diverged=2), *first.arms[1:]))
    study = replace(study, conditions=(lost, study.conditions[1]))
    assert lost_text(study) == [f"{NAMES[0]} with initialisation=he: of 4 final trials, 2 diverged."]
