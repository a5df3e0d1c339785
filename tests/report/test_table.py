"""The table for the terminal, and the verdicts in plain sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from leaky.records import Interval, Metric
from leaky.report import study_caveats, study_table, verdict_sentences
from leaky.report.text import plain

from .example_study import ACTIVATIONS, HOSTILE, example_study, hostile_study, with_failures

STUDY = example_study()


def rendered(study, width):
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(study_table(study, width=width))
    return capture.get()


@pytest.mark.parametrize("width", [80, 120])
def test_every_number_is_whole_and_no_line_too_long(width):
    text = rendered(STUDY, width)
    assert all(len(line) <= width for line in text.splitlines())
    for arm in STUDY.arms:
        assert f"{100 * arm.score.estimate:.2f} %" in text
        assert f"{100 * arm.score.low:.2f} to {100 * arm.score.high:.2f}" in text
    assert "negative_slope=0.01" in text
    assert "…" not in text


def test_a_wide_terminal_shows_what_a_narrow_one_has_no_room_for():
    assert "p (Holm)" in rendered(STUDY, 120)
    assert "p (Holm)" not in rendered(STUDY, 80)


def test_lost_trials_are_counted_where_there_are_any():
    assert "lost" not in rendered(STUDY, 80)
    text = rendered(with_failures(STUDY, ACTIVATIONS[1]), 80)
    assert "10/10" in text
    assert "no result" in text


def test_a_single_activation_is_compared_with_nothing():
    assert "improvement" not in rendered(example_study(("relu",)), 80)


def test_grid_edge_is_marked_and_explained():
    arms = tuple(replace(arm, at_grid_edge=True) for arm in STUDY.arms)
    text = rendered(replace(STUDY, arms=arms), 80)
    assert "0.01*" in text
    assert "* at the edge of the grid" in " ".join(text.split())


def test_hostile_text_reaches_the_terminal_as_text():
    text = rendered(hostile_study(), 120)
    assert "\x1b" not in text
    assert "[bold]" in text  # shown, not obeyed
    assert "\x1b" not in "".join(verdict_sentences(hostile_study()))
    assert "\x1b" in HOSTILE


def test_numbers_as_people_write_them():
    share, error = Metric("accuracy", True, True), Metric("mse in users²", False, False)
    assert [share.text(0.9051), share.text(-0.01, signed=True)] == ["90.51 %", "-1.00 pp"]
    numbers = (0.42444, 1.0, 9999.4, 16278.6, -12345.0, 2e9, float("nan"), None)
    told = ["0.4244", "1", "9999", "16,279", "-12,345", "2e+09", "-", "-"]
    assert [error.text(number) for number in numbers] == told
    assert error.text(16278.6, signed=True) == "+16,279"


def test_verdicts_in_words():
    assert verdict_sentences(STUDY) == [
        "The baseline relu reaches 90.51 % accuracy on the test split (interquartile mean of 10 seeds, 95 % "
        "interval 89.54 to 91.47 %). A difference within ±1.00 pp counts as no practical difference.",
        "leaky_relu(negative_slope=0.2) is better than relu: +3.01 pp on average over 10 paired seeds, 95 % "
        "interval +2.08 to +3.94 pp, all of it above +1.00 pp; p = 0.006 after Holm's correction.",
        "leaky_relu(negative_slope=0.01) makes no practical difference to relu: -0.02 pp on average over 10 "
        "paired seeds, 95 % interval -0.93 to +0.90 pp, all of it within ±1.00 pp.",
        "elu(alpha=1.0) against relu is undecided: +0.51 pp on average over 10 paired seeds, 95 % interval -0.67 "
        "to +1.68 pp; with this spread, 10 seeds settle a true difference of 1.67 pp four times in five.",
    ]


def test_worse_in_words():
    study = example_study((ACTIVATIONS[1], ACTIVATIONS[0]))
    sentence = verdict_sentences(study)[1]
    assert sentence.startswith("relu is worse than leaky_relu(negative_slope=0.2): -")
    assert sentence.endswith("all of it below -1.00 pp; p = 0.006 after Holm's correction.")


def test_a_p_that_few_seeds_cannot_bring_down_is_not_held_against_a_verdict():
    study = example_study(final_seeds=5)
    better = next(arm for arm in study.arms if arm.verdict == "better")
    sentence = next(text for text in verdict_sentences(study) if text.startswith(better.activation))
    assert sentence.endswith("all of it above +1.00 pp.")


def test_undecided_about_the_margin_can_still_be_ahead():
    study = example_study(metric=Metric("RMSE", higher_is_better=False, percent=False))
    sentence = next(text for text in verdict_sentences(study) if text.startswith(ACTIVATIONS[1]))
    assert "is ahead of relu, but it is undecided whether by more than 0.5: +0.6021" in sentence


def test_no_result_in_words():
    sentences = verdict_sentences(with_failures(STUDY, ACTIVATIONS[1]))
    assert "leaky_relu(negative_slope=0.2) has no result: all 10 final trials failed." in sentences
    sentences = verdict_sentences(with_failures(STUDY, "relu"))
    assert sentences[0] == (
        "The baseline relu has no result (all 10 final trials failed), so nothing can be compared."
    )


def test_one_activation_and_one_seed_in_words():
    (sentence,) = verdict_sentences(example_study(("relu",)))
    assert sentence.endswith("It ran alone, so there is nothing to compare it with.")
    sentences = verdict_sentences(example_study(final_seeds=1))
    assert "interval" not in "".join(sentences)
    assert "in the only pair of seeds; one pair says nothing about the spread." in sentences[1]


def test_further_metrics_and_the_trivial_answer_in_words():
    mae = Metric("mae", higher_is_better=False, percent=False)
    arms = tuple(
        replace(arm, metrics={"mae": Interval(0.25 + i / 8, 0.2, 0.9)}) for i, arm in enumerate(STUDY.arms)
    )
    study = replace(STUDY, metrics=(mae,), arms=arms, trivial="the majority class", trivial_score=0.102)
    first, *_, last = verdict_sentences(study)
    assert "For scale: the majority class would score 10.20 %. A difference within" in first
    assert last.startswith(f"mae (lower is better): {plain(STUDY.arms[0].activation)} 0.25, ")
    assert last.endswith(f"{plain(STUDY.arms[-1].activation)} {0.25 + (len(arms) - 1) / 8:.4g}.")
    assert not [caveat for caveat in study_caveats(study) if "no better" in caveat]


@pytest.mark.parametrize("higher", [True, False])
def test_what_does_not_beat_the_trivial_answer_is_told(higher):
    metric = replace(STUDY.metric, higher_is_better=higher)
    middle = sorted(arm.score.estimate for arm in STUDY.arms)[1]
    study = replace(STUDY, metric=metric, trivial="a coin", trivial_score=middle)
    told = {caveat for caveat in study_caveats(study) if caveat.endswith("does no better than a coin.")}
    worse = [a for a in STUDY.arms if (a.score.estimate <= middle if higher else a.score.estimate >= middle)]
    assert told == {f"{plain(arm.activation)} does no better than a coin." for arm in worse}
    assert 0 < len(told) < len(STUDY.arms)
