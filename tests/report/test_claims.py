"""Effects of claims as they are written and drawn."""

from __future__ import annotations

import math

import pytest

from leaky.records import Interval
from leaky.records.ledger import Direction, Effect, Entry, Hypothesis, Outcome, Ruling
from leaky.report.claims.amounts import Amount, claimed
from leaky.report.claims.figure import _factors, claim_figure
from leaky.report.claims.finding import clearest, effect_text, effects_table, p_holm, tally
from leaky.report.static import matplotlib_figure


def hypothesis(
    unit: str,
    direction: Direction = "higher",
    margin: float = 0.005,
    minus: bool = True,
    reference: float = 0.0,
) -> Hypothesis:
    return Hypothesis("it is so", ("a",), ("b",) if minus else (), direction, margin, reference, unit)


@pytest.mark.parametrize(
    ("told", "value", "text"),
    [
        (hypothesis("accuracy"), 0.0123, "+1.23 pp"),
        (hypothesis("accuracy"), -0.0123, "−1.23 pp"),
        (hypothesis("accuracy"), 0.0, "0 pp"),
        (hypothesis("accuracy"), 3e-8, "0 pp"),
        (hypothesis("error rate"), 0.12, "+12 pp"),
        (hypothesis("share of units"), -0.00004, "−0.004 pp"),
        (hypothesis("share of units", minus=False), 0.025, "2.50 %"),
        (hypothesis("log10(epochs)"), math.log10(0.91), "×0.91"),
        (hypothesis("log10(gradient at the first layer / at the last)"), -7.6576, "×2.2e-8"),
        (hypothesis("log10(factor)"), 400.0, "×∞"),
        (hypothesis("log10(factor)"), math.log10(1.0025), "×1.0025"),
        (hypothesis("log10(factor)"), 0.0, "×1.00"),
        (hypothesis("log10(factor)"), math.log10(17512), "×17,512"),
        (hypothesis("log10(factor)"), 7.1, "×1.26e7"),
        (hypothesis("nats"), 0.051, "0.051 nats"),
        (hypothesis("nats"), math.nan, "–"),
        (hypothesis("nats"), -math.inf, "−∞"),
    ],
)
def test_values_are_told_in_what_people_count(told: Hypothesis, value: float, text: str) -> None:
    assert Amount.of(told).text(value) == text


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (hypothesis("accuracy"), "above +0.50 pp"),
        (hypothesis("accuracy", "lower"), "below −0.50 pp"),
        (hypothesis("accuracy", "same"), "−0.50 to +0.50 pp"),
        (hypothesis("accuracy", "different"), "outside −0.50 to +0.50 pp"),
        (hypothesis("log10(epochs)", "lower", 0.0414), "below ×0.91"),
        (hypothesis("share of units", "same", 0.1, minus=False, reference=0.5), "40 to 60 %"),
        (hypothesis("log10(gradient)", "higher", 0.0, minus=False, reference=-2.0), "above ×0.01"),
    ],
)
def test_what_is_claimed_is_told_in_the_same(told: Hypothesis, text: str) -> None:
    assert claimed(told) == text


def test_axes_have_names() -> None:
    assert Amount.of(hypothesis("accuracy")).axis == "difference in percentage points, accuracy"
    assert Amount.of(hypothesis("share of units", minus=False)).axis == "per cent of units"
    assert Amount.of(hypothesis("difference of log10(seconds)")).axis == "factor, seconds"
    assert Amount.of(hypothesis("log10(factor)")).axis == "factor"
    assert Amount.of(hypothesis("nats")).axis == "nats"


def effect(
    middle: float, ruling: Ruling, p: float = 0.001, unit: str = "accuracy", half: float = 0.01
) -> Effect:
    interval = Interval(middle, middle - half, middle + half)
    differences = tuple(middle + half * step for step in (-2.0, -1.0, 0.0, 1.0, 2.0))
    return Effect(hypothesis(unit), interval, 5, p, p, ruling, asked=5, differences=differences)


def test_the_clearest_effect_has_the_smallest_p_then_the_widest_room() -> None:
    near, far, sure = effect(0.02, "supported"), effect(0.08, "supported"), effect(0.01, "supported", 1e-5)
    assert clearest([near, far]) is far
    assert clearest([near, far, sure]) is sure
    assert clearest([effect(0.02, "undecided", math.nan), near]) is near


def test_an_effect_in_a_phrase() -> None:
    assert effect_text(effect(0.02, "supported")) == "it is so: yes, +2.00 pp (+1.00 to +3.00 pp)"
    few = Effect(hypothesis("nats"), Interval(0.5, -math.inf, math.inf), 2, 0.5, 1.0, "undecided", asked=2)
    assert effect_text(few) == "it is so: open, 0.50 nats (−∞ to ∞), p 1.000"


@pytest.mark.parametrize(
    ("p", "text"), [(0.0123, "0.012"), (3e-7, "3e-7"), (1.0, "1.000"), (math.nan, "–"), (2e-15, "2e-15")]
)
def test_small_p_by_their_power_of_ten(p: float, text: str) -> None:
    assert p_holm(effect(0.1, "supported", p)) == text


def made(*effects: Effect) -> Entry:
    outcome = Outcome("a", "b", "small", (0,), {}, "2026-11-21", 1.0)
    words = dict.fromkeys(("made_in", "literature", "predicted", "defined", "experiment", "command"), "x")
    return Entry(
        7, "a", "It is so.", **words, expected=None, effects=effects, ruling="mixed", outcome=outcome
    )


def test_hypotheses_are_counted() -> None:
    one, other = effect(0.02, "supported"), effect(0.02, "refuted")
    assert tally(made(one, other, other)) == "Of 3 hypotheses 1 holds, 2 do not."
    assert tally(made(one, one)) == "Both hypotheses hold."
    assert tally(made(other, other)) == "Neither hypothesis holds."
    assert tally(made(other, other, other)) == "None of its 3 hypotheses holds."
    assert tally(made(one)) == ""


def test_tables_have_no_stray_bars() -> None:
    bar = Effect(
        Hypothesis("|x| is so", ("a",), (), "higher", 0.0),
        Interval(1.0, 0.5, 2.0),
        5,
        0.1,
        0.1,
        "undecided",
        6,
    )
    *_, row = effects_table([bar]).splitlines()
    assert row.startswith("| \\|x\\| is so | above 0 | 1.00 |")
    assert "| 5 of 6 |" in row


def test_a_panel_for_every_unit_and_a_row_for_every_hypothesis() -> None:
    figure = claim_figure(
        made(effect(0.02, "supported"), effect(0.3, "refuted", unit="nats"), effect(0.01, "supported"))
    )
    assert figure is not None
    assert [len(panel.estimates) for panel in figure.panels] == [2, 1]
    first, second = figure.panels
    assert [estimate.x for estimate in first.estimates] == [2.0, 1.0]
    assert first.bands[0].x == (-0.5, 0.5)
    assert second.bands[0].x == (-0.005, 0.005)
    assert [name for name, _ in figure.legend] == ["supported", "refuted"]
    assert first.x.low is not None
    assert first.x.high is not None
    assert first.x.low < -0.5  # the margin is in the picture
    drawing = matplotlib_figure(figure)
    assert len([axes for part in drawing.subfigs for axes in part.axes]) == 2
    assert claim_figure(made()) is None


def test_what_is_not_finite_is_not_drawn() -> None:
    lost = Effect(
        hypothesis("accuracy"),
        Interval(0.02, -math.inf, 0.5),
        5,
        0.5,
        1.0,
        "undecided",
        5,
        (-math.inf, 0.02, 0.02, 0.02, 0.5),
    )
    figure = claim_figure(made(lost))
    assert figure is not None
    (panel,) = figure.panels
    inside, outside = panel.points
    assert (len(inside.x), len(outside.x)) == (4, 1)  # the diverged one, hollow at the edge
    assert panel.x.low is not None
    assert panel.x.low < outside.x[0] < min(inside.x)
    assert not outside.filled
    assert panel.estimates[0].low is None
    matplotlib_figure(figure)


def test_a_few_far_out_do_not_stretch_the_picture() -> None:
    differences = (*(0.001 * step for step in range(39)), 9.0)
    far = Effect(hypothesis("nats"), Interval(0.02, 0.01, 0.03), 40, 0.5, 1.0, "undecided", 40, differences)
    figure = claim_figure(made(far))
    assert figure is not None
    (panel,) = figure.panels
    assert panel.x.high is not None
    assert panel.x.high < 0.1
    assert len(panel.points[1].x) >= 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (math.log10(0.9), math.log10(1.12), ["0.9", "0.95", "1", "1.05", "1.1"]),
        (-1.2, 1.2, ["0.1", "0.3", "1", "3", "10"]),
        (-8.0, 0.5, ["1e-8", "1e-6", "1e-4", "0.01", "1"]),
        (math.log10(0.0075), math.log10(0.0125), ["0.008", "0.009", "0.01", "0.011", "0.012"]),
    ],
)
def test_factors_have_round_ticks(low: float, high: float, expected: list[str]) -> None:
    ticks = _factors(low, high)
    assert [text for _, text in ticks] == expected
    assert all(10**at == pytest.approx(float(text)) for at, text in ticks)
