"""What a tuning says, in plain sentences: what to take, what that rests on, and what is not known."""

from __future__ import annotations

import math

from leaky.records import Interval, Point, Tuning
from leaky.report.gather import quantile
from leaky.report.text import count_text, difference_text, finite, interval_text, plain, rate_text, score_text
from leaky.report.verdicts import Finding, findings

ZERO = {"leaky_relu": "ReLU"}
"""What an activation is where its parameter is 0."""

_MOST_SEEDS = 1000


def value_text(tuning: Tuning, value: float) -> str:
    """The value as a reader knows it: `0 (ReLU)`, `0.1`."""
    other = ZERO.get(tuning.activation) if value == 0 else None
    return f"{value:g} ({other})" if other else f"{value:g}"


def setting(tuning: Tuning, value: float) -> str:
    """`negative_slope=0.1`."""
    return f"{tuning.parameter}={value:g}"


def recommendation(tuning: Tuning) -> str:
    """What to take, in one or two sentences; it says so where nothing is settled."""
    best, metric = tuning.recommended, tuning.study.metric
    margin = difference_text(metric, tuning.study.margin, sign=False)
    rate = rate_text(tuning.point(best).arm.learning_rate)
    if not tuning.plateau:
        return _unsettled(tuning, f"{setting(tuning, best)} (learning rate {rate})", margin)
    others = [p.value for p in tuning.points if p.standing != "no result"]
    if len(tuning.plateau) == len(others) > 1:
        what = "Keep the default" if best == tuning.default else "Take any; on validation the best was"
        return (
            f"{what}, {setting(tuning, best)} (learning rate {rate}): from {value_text(tuning, others[0])} to "
            f"{value_text(tuning, others[-1])} the {noun(tuning)} makes no practical difference here."
        )
    sure = f"with 95 % confidence it is within {margin} of the best value tried"
    if best == tuning.default:
        return f"Keep the default, {setting(tuning, best)} (learning rate {rate}): {sure}{_as_good(tuning)}."
    why = (
        "it did best on validation, and"
        if best == tuning.chosen
        else "of such values it did best on validation:"
    )
    return f"Take {setting(tuning, best)} (learning rate {rate}): {why} {sure}{_as_good(tuning)}."


def tuning_findings(tuning: Tuning) -> list[Finding]:
    """What stands beside the curve: the learned parameter, and a value for every place."""
    told = {finding.activation: finding for finding in findings(tuning.study)}
    found = []
    if tuning.learned is not None:
        finding = told.get(plain(tuning.learned.arm.activation))
        if finding is not None:
            sentence = f"{finding.sentence} {_learned(tuning)}".strip()
            found.append(Finding(finding.activation, finding.verdict, sentence, finding.word))
    if tuning.layered is not None:
        name = f"a {noun(tuning)} for every layer"
        finding = told.get(plain(tuning.layered.arm.activation))
        low, high = min(tuning.layered.values), max(tuning.layered.values)
        if len(set(tuning.layered.values)) == 1:
            sentence = f"brings nothing: the best on validation is {low:g} for all of them."
            found.append(Finding(name, "no practical difference", sentence))
        elif finding is not None:
            span = f"The best on validation runs from {low:g} to {high:g}."
            found.append(Finding(name, finding.verdict, f"{finding.sentence} {span}"))
    return found


def tuning_sentences(tuning: Tuning) -> list[str]:
    """All of it, for the terminal."""
    told = [recommendation(tuning), curve_sentence(tuning)]
    told += [f"{finding.activation} {finding.sentence}" for finding in tuning_findings(tuning)]
    if tuning.search is not None:
        told.append(search_sentence(tuning))
    return [*told, f"Not known: {unknown(tuning)}"]


def curve_sentence(tuning: Tuning) -> str:
    """Where the best was, how far the worst lies below it, and what could not be told apart."""
    metric, known = tuning.study.metric, [p for p in tuning.points if p.shortfall is not None]
    if not known:
        return "No value has final scores to compare."
    top = max(known, key=lambda point: point.shortfall.estimate)  # type: ignore[union-attr]  # known has them
    low = min(known, key=lambda point: point.shortfall.estimate)  # type: ignore[union-attr]
    told = (
        f"On fresh seeds the highest mean is at {setting(tuning, top.value)}"
        if metric.higher_is_better
        else f"On fresh seeds the lowest mean is at {setting(tuning, top.value)}"
    )
    told += f", {score_text(metric, top.arm.score.estimate)} (interquartile mean)"
    if low is not top:
        assert low.shortfall is not None
        gap = difference_text(metric, abs(low.shortfall.estimate), sign=False)
        ends = interval_text(metric, low.shortfall, difference=True)
        told += f"; {setting(tuning, low.value)} is {gap} behind" + (
            f" (95 % interval {ends})" if ends else ""
        )
    open_ones = [value_text(tuning, p.value) for p in known if p.standing == "undecided"]
    worse = [value_text(tuning, p.value) for p in known if p.standing == "worse than the best"]
    told += f". Worse by more than the margin: {', '.join(worse)}" if worse else ""
    told += f". Undecided: {', '.join(open_ones)}" if open_ones else ""
    return f"{told}."


def unknown(tuning: Tuning) -> str:
    """What the result does not cover."""
    study = tuning.study
    seeds = count_text(len(study.tuning_seeds), "seed")
    return (
        f"values between those tried; other networks, data and recipes; and how much better each value could be with "
        f"its learning rate tuned further than {seeds} on {_rates(tuning)} can tell."
    )


def search_sentence(tuning: Tuning) -> str:
    """What Optuna did, and where to look at it."""
    search = tuning.search
    assert search is not None
    lost = f", {search.failed} failed" if search.failed else ""
    return (
        f"Optuna: {search.complete} trials complete, {search.pruned} pruned{lost}, in study "
        f"{plain(search.study_name)} at {plain(search.storage)} (optuna-dashboard shows it)."
    )


def _rates(tuning: Tuning) -> str:
    rates = tuning.study.learning_rates
    if len(rates) == 1:
        return "one learning rate"
    if tuning.search is not None and tuning.per == "network":
        return f"rates that the search tried from {rate_text(rates[0])} to {rate_text(rates[-1])}"
    return f"a grid of {len(rates)} rates"


def _as_good(tuning: Tuning) -> str:
    rest = [value_text(tuning, value) for value in tuning.plateau if value != tuning.recommended]
    if not rest:
        return ", the only one of which that is known"
    verb = "is" if len(rest) == 1 else "are"
    return f"; so {verb} {', '.join(rest[:-1])}{' and ' if len(rest) > 1 else ''}{rest[-1]}"


def _unsettled(tuning: Tuning, taken: str, margin: str) -> str:
    """What did best on validation, and whether that is better than the default: one comparison, asked beforehand."""
    open_question = f"which values are within {margin} of the best is not settled{_seeds_needed(tuning)}."
    if tuning.default == tuning.chosen:
        return f"Keep the default, {taken}: it did best on validation, but {open_question}"
    default = next((p for p in tuning.points if p.value == tuning.default), None)
    if default is None or default.arm.improvement is None:
        return f"Take {taken} for now: it did best on validation, but {open_question}"
    metric, change = tuning.study.metric, default.arm.improvement
    if tuning.recommended == tuning.default:
        what = "is better" if default.arm.verdict == "better" else "makes no practical difference to it"
        ends = interval_text(metric, change, difference=True)
        numbers = difference_text(metric, change.estimate) + (f", 95 % interval {ends}" if ends else "")
        return (
            f"Keep the default, {taken}: {tuning.chosen:g} did best on validation, but on fresh seeds the default "
            f"{what} ({numbers}). But {open_question}"
        )
    ahead = Interval(-change.estimate, -change.high, -change.low)
    ends = interval_text(metric, ahead, difference=True)
    numbers = difference_text(metric, ahead.estimate) + (f", 95 % interval {ends}" if ends else "")
    if default.arm.verdict == "worse":
        return (
            f"Take {taken}: it did best on validation, and on fresh seeds it is better than the default, "
            f"{tuning.default:g} ({numbers}). But {open_question}"
        )
    behind = ahead.estimate < 0 if metric.higher_is_better else ahead.estimate > 0
    if behind:
        return (
            f"Take {taken} for now: it did best on validation, but on fresh seeds it was behind the default, "
            f"{tuning.default:g}, which is not settled either ({numbers}), and {open_question}"
        )
    return (
        f"Take {taken} for now: it did best on validation, but that it is better than the default, "
        f"{tuning.default:g}, is not settled ({numbers}), and {open_question}"
    )


def _seeds_needed(tuning: Tuning) -> str:
    """About how many seeds would settle the recommended value, its interval shrinking as one over their root."""
    gap, margin = tuning.point(tuning.recommended).shortfall, tuning.study.margin
    seeds = len(tuning.point(tuning.recommended).arm.scores)
    if gap is None or not finite(gap.low):
        return "; one seed gives no interval" if seeds == 1 else ""
    reach = gap.estimate - gap.low
    room = margin + gap.estimate
    if room <= 0 or reach <= 0:
        return ""
    needed = max(seeds + 1, math.ceil(seeds * (reach / room) ** 2))
    size = f"about {needed}" if needed <= _MOST_SEEDS else f"more than {_MOST_SEEDS:,}"
    return f" by {count_text(seeds, 'seed')} ({size} might, if it is as good as it looks)"


def _learned(tuning: Tuning) -> str:
    learned = tuning.learned
    assert learned is not None
    values = sorted(value for row in learned.values for value in row)
    if not values:
        return "Its trials come from an older store and do not tell what they learned; name another with --store."
    middle = quantile(values, 0.5)
    layers = count_text(len(learned.layers), "layer")
    return (
        f"It learned slopes from {values[0]:.2g} to {values[-1]:.2g} (median {middle:.2g}) in {layers}, "
        f"starting at {learned.start:g}."
    )


def noun(tuning: Tuning) -> str:
    """What the parameter is called in a sentence."""
    return "slope" if tuning.parameter == "negative_slope" else tuning.parameter


def standing_word(point: Point) -> str:
    """The standing in a table."""
    return {
        "as good as the best": "as good as best",
        "worse than the best": "worse",
        "undecided": "undecided",
        "no result": "no result",
    }[point.standing]
