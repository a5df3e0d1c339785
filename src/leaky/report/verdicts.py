"""The findings of a study in plain sentences."""

from __future__ import annotations

from dataclasses import dataclass

from leaky.records import Arm, Interval, Study, Verdict
from leaky.report.gather import paired_differences
from leaky.report.text import (
    count_text,
    difference_text,
    duration_text,
    finite,
    has_width,
    interval_text,
    p_text,
    plain,
    score_text,
)

_ORDER: tuple[Verdict, ...] = (
    "better",
    "worse",
    "no practical difference",
    "undecided",
    "no result",
    "baseline",
)


@dataclass(frozen=True)
class Finding:
    """What the study says of one activation."""

    activation: str
    verdict: Verdict
    sentence: str
    word: str = ""
    """What the verdict is called here, where it is not called by its own name."""


def verdict_sentences(study: Study) -> list[str]:
    """What was compared and by which margin, one sentence per activation, decided ones first, then other metrics."""
    found = (f"{finding.activation} {finding.sentence}" for finding in findings(study))
    return [introduction(study), *found, *further_sentences(study)]


def introduction(study: Study) -> str:
    """The baseline's score and what counts as a difference; for a single activation, its score."""
    base = next((arm for arm in study.arms if arm.activation == study.baseline), None)
    if base is None:
        return f"The baseline {plain(study.baseline)} was not run, so nothing can be compared."
    where = f"{plain(study.metric.name)} on the test split"
    if not finite(base.score.estimate) or base.diverged == len(base.scores):
        start = f"{plain(base.activation)} has no result ({_losses(base) or 'no trial finished'})"
        return f"{start}." if len(study.arms) == 1 else f"The baseline {start}, so nothing can be compared."
    interval = interval_text(study.metric, base.score, difference=False)
    interval = f", 95 % interval {interval}" if interval else ""
    score = f"{score_text(study.metric, base.score.estimate)} {where}"
    seeds = f"interquartile mean of {count_text(len(base.scores), 'seed')}"
    start = f"{plain(base.activation)} reaches {score} ({seeds}{interval})"
    start += f". {trivial}" if (trivial := _trivial(study)) else ""
    if len(study.arms) == 1:
        return f"{start}. It ran alone, so there is nothing to compare it with."
    margin = difference_text(study.metric, study.margin, sign=False)
    return f"The baseline {start}. A difference within ±{margin} counts as no practical difference."


def _trivial(study: Study) -> str:
    """What needs no network, for scale."""
    if not study.trivial or not finite(study.trivial_score):
        return ""
    what = plain(study.trivial)
    return f"For scale: {what} would score {score_text(study.metric, study.trivial_score)}"


def further_sentences(study: Study) -> list[str]:
    """A line per further metric: what each activation scores on it."""
    lines = []
    for metric in study.metrics:
        scores = [
            f"{plain(arm.activation)} {score_text(metric, arm.metrics[metric.name].estimate)}"
            for arm in study.arms
            if metric.name in arm.metrics
        ]
        direction = "higher" if metric.higher_is_better else "lower"
        if scores:
            lines.append(f"{plain(metric.name)} ({direction} is better): {', '.join(scores)}.")
    return lines


def findings(study: Study) -> list[Finding]:
    """One finding for every activation but the baseline."""
    others = [arm for arm in study.arms if arm.activation != study.baseline]
    others.sort(key=lambda arm: _ORDER.index(arm.verdict))
    return [Finding(plain(arm.activation), arm.verdict, _sentence(study, arm)) for arm in others]


def study_caveats(study: Study) -> list[str]:
    """What a reader should know before trusting a verdict, beside the notes of the study itself."""
    found = [
        f"{plain(arm.activation)}: {lost}." for arm in study.arms if arm.scores and (lost := _losses(arm))
    ]
    if study.trivial and finite(study.trivial_score):
        sign = 1 if study.metric.higher_is_better else -1
        for arm in study.arms:
            if finite(arm.score.estimate) and sign * (arm.score.estimate - study.trivial_score) <= 0:
                found.append(f"{plain(arm.activation)} does no better than {plain(study.trivial)}.")
    if any(len(arm.scores) == 1 for arm in study.arms):
        found.append("With a single seed there is no interval: the spread between runs is not known.")
    return found


def summary(study: Study) -> str:
    """How much work it was."""
    reused = f", {study.reused} of them taken from the store" if study.reused else ""
    return f"{count_text(len(study.trials), 'trial')}{reused}, {duration_text(study.seconds)}"


def _sentence(study: Study, arm: Arm) -> str:
    base, metric, change = plain(study.baseline), study.metric, arm.improvement
    if arm.verdict == "no result" or change is None or not finite(change.estimate):
        why = _losses(arm) or (
            "no trial finished" if not arm.scores else "the baseline has none to compare with"
        )
        return f"has no result: {why}."
    pairs = len(paired_differences(study, arm))
    over = "in the only pair of seeds" if pairs == 1 else f"on average over {pairs} paired seeds"
    ends = interval_text(metric, change, difference=True)
    numbers = f"{difference_text(metric, change.estimate)} {over}" + (
        f", 95 % interval {ends}" if ends else ""
    )
    margin = difference_text(metric, study.margin, sign=False)
    match arm.verdict:
        case "better":
            return f"is better than {base}: {numbers}, all of it above +{margin}{_p(arm, pairs)}."
        case "worse":
            return f"is worse than {base}: {numbers}, all of it below -{margin}{_p(arm, pairs)}."
        case "no practical difference":
            return f"makes no practical difference to {base}: {numbers}, all of it within ±{margin}."
        case _:
            return f"{_leaning(study, change)}: {numbers}{_detectable(study, arm, pairs)}."


def _leaning(study: Study, change: Interval) -> str:
    """Undecided about the margin may still be decided about the direction."""
    base, margin = plain(study.baseline), difference_text(study.metric, study.margin, sign=False)
    if has_width(change) and (change.low > 0 or change.high < 0):
        side = "ahead of" if change.low > 0 else "behind"
        return f"is {side} {base}, but it is undecided whether by more than {margin}"
    return f"against {base} is undecided"


def _p(arm: Arm, pairs: int) -> str:
    """Nothing where no outcome of so few sign flips could come below 0.05: a p of 1 says nothing then."""
    if not finite(arm.p_holm) or 2 / 2**pairs > 0.05:
        return ""
    p = p_text(arm.p_holm)
    return f"; p {f'< {p[1:]}' if p.startswith('<') else f'= {p}'} after Holm's correction"


def _detectable(study: Study, arm: Arm, pairs: int) -> str:
    if not has_width(arm.improvement):
        return "; one pair says nothing about the spread" if pairs == 1 else ""
    if not finite(arm.detectable):
        return ""
    size = difference_text(study.metric, arm.detectable, sign=False)
    return f"; with this spread, {pairs} seeds settle a true difference of {size} four times in five"


def _losses(arm: Arm) -> str:
    total = max(len(arm.scores) + arm.failed, arm.diverged + arm.failed)
    for count, word in ((arm.failed, "failed"), (arm.diverged, "diverged")):
        if count == total > 1:
            return f"all {total} final trials {word}"
    parts = [f"{arm.diverged} diverged"] if arm.diverged else []
    parts += [f"{arm.failed} failed"] if arm.failed else []
    return f"of {count_text(total, 'final trial')}, {' and '.join(parts)}" if parts else ""
