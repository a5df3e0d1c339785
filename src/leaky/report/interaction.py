"""What a study that varies the training says, as rows and sentences: does the order of activations depend on it?"""

from __future__ import annotations

from dataclasses import dataclass

from leaky.records import Arm, Condition, Contrast, Study, Verdict
from leaky.report.rows import table_rows
from leaky.report.text import (
    count_text,
    difference_text,
    finite,
    has_width,
    interval_text,
    p_text,
    plain,
)
from leaky.report.verdicts import Finding

WORDS: dict[Verdict, str] = {
    "better": "gains more",
    "worse": "gains less",
    "no practical difference": "gains as much",
    "undecided": "undecided",
    "no result": "no result",
    "baseline": "baseline",
}
"""A contrast's verdict in words: of the gain on the baseline, compared with the first condition."""


@dataclass(frozen=True)
class InteractionRow:
    """One activation under one condition, every field ready to print; empty where there is nothing to say."""

    activation: str
    levels: tuple[str, ...]
    first: bool
    """Whether it is the first row of its activation."""
    learning_rate: str
    at_grid_edge: bool
    score: str
    score_interval: str
    improvement: str
    improvement_interval: str
    verdict: Verdict
    change: str
    change_interval: str
    change_p: str
    change_verdict: Verdict
    change_word: str


def interaction_rows(study: Study) -> list[InteractionRow]:
    """Every activation under every condition, activation by activation in the order of the study."""
    metric, made = study.metric, []
    told = {
        condition.levels: {row.activation: row for row in table_rows(study.under(condition))}
        for condition in study.conditions
    }
    for arm in study.arms:
        for place, condition in enumerate(study.conditions):
            row, contrast = told[condition.levels][plain(arm.activation)], condition.contrast(arm.activation)
            change = contrast.change if contrast else None
            verdict: Verdict = contrast.verdict if contrast else "baseline"
            made.append(
                InteractionRow(
                    activation=row.activation,
                    levels=condition.levels,
                    first=place == 0,
                    learning_rate=row.learning_rate,
                    at_grid_edge=row.at_grid_edge,
                    score=row.score,
                    score_interval=row.score_interval,
                    improvement="" if row.verdict == "baseline" else row.improvement,
                    improvement_interval=row.improvement_interval,
                    verdict=row.verdict,
                    change=difference_text(metric, change.estimate) if change else "",
                    change_interval=interval_text(metric, change, difference=True, unit=False),
                    change_p=p_text(contrast.p_holm) if contrast and finite(contrast.p_holm) else "",
                    change_verdict=verdict,
                    change_word=WORDS[verdict] if contrast else "",
                )
            )
    return made


def label(study: Study, condition: Condition) -> str:
    """The condition in words: `initialisation=he`."""
    pairs = zip(study.factors, condition.levels, strict=True)
    return ", ".join(f"{plain(factor.name)}={plain(level)}" for factor, level in pairs)


def interaction_introduction(study: Study) -> str:
    """What was varied, and what a contrast is."""
    named = " and ".join(f"{plain(f.name)} ({', '.join(map(plain, f.levels))})" for f in study.factors)
    margin = difference_text(study.metric, study.margin, sign=False)
    first = label(study, study.conditions[0])
    if len(study.arms) == 1:
        return f"{plain(study.baseline)} was trained at every level of {named}, its learning rate tuned for each."
    return (
        f"Every activation was trained at every level of {named}, its learning rate tuned for each. A contrast is "
        f"how much more an activation gains on {plain(study.baseline)} than it does with {first}; within ±{margin} "
        "it counts as no practical difference."
    )


def interaction_findings(study: Study) -> list[Finding]:
    """One finding for every contrast, decided ones first."""
    order = tuple(WORDS)
    found = [
        Finding(
            plain(contrast.activation),
            contrast.verdict,
            _sentence(study, condition, contrast),
            WORDS[contrast.verdict],
        )
        for condition in study.conditions
        for contrast in condition.contrasts
    ]
    return sorted(found, key=lambda finding: order.index(finding.verdict))


def interaction_sentences(study: Study) -> list[str]:
    """The introduction, then a sentence for every contrast."""
    findings = interaction_findings(study)
    return [interaction_introduction(study), *(f"{f.activation} {f.sentence}" for f in findings)]


def _sentence(study: Study, condition: Condition, contrast: Contrast) -> str:
    metric, base, change = study.metric, plain(study.baseline), contrast.change
    here, there = label(study, condition), label(study, study.conditions[0])
    if change is None or not finite(change.estimate):
        return f"has no contrast between {here} and {there}: a side of it has no result."
    pairs = _seeds(study, condition, contrast.activation)
    over = "in the only seed" if pairs == 1 else f"on average over {pairs} paired seeds"
    ends = interval_text(metric, change, difference=True)
    numbers = f"{difference_text(metric, change.estimate)} {over}"
    numbers += f", 95 % interval {ends}" if ends else ""
    margin = difference_text(metric, study.margin, sign=False)
    p = f"; p {_p(contrast.p_holm)} after Holm's correction" if finite(contrast.p_holm) else ""
    match contrast.verdict:
        case "better":
            return f"gains more on {base} with {here} than with {there}: {numbers}, all of it above +{margin}{p}."
        case "worse":
            return f"gains less on {base} with {here} than with {there}: {numbers}, all of it below -{margin}{p}."
        case "no practical difference":
            return (
                f"gains as much on {base} with {here} as with {there}: {numbers}, all of it within ±{margin}."
            )
    told = ""
    if has_width(change) and finite(contrast.detectable):
        size = difference_text(metric, contrast.detectable, sign=False)
        told = f"; with this spread, {pairs} seeds settle a true contrast of {size} four times in five"
    if has_width(change) and (change.low > 0 or change.high < 0):
        side = "more" if change.low > 0 else "less"
        whether = (
            f"gains {side} on {base} with {here} than with {there}, undecided whether by more than {margin}"
        )
        return f"{whether}: {numbers}{told}."
    return f"may gain more or less on {base} with {here} than with {there}: undecided, {numbers}{told}."


def _p(value: float) -> str:
    text = p_text(value)
    return f"< {text[1:]}" if text.startswith("<") else f"= {text}"


def _seeds(study: Study, condition: Condition, activation: str) -> int:
    """Seeds that all four sides of a contrast have a score for."""
    sides: list[Arm] = [
        side.arm(name) for side in (condition, study.conditions[0]) for name in (activation, study.baseline)
    ]
    return len(set.intersection(*(set(arm.seeds) for arm in sides)))


def lost_text(study: Study) -> list[str]:
    """Per condition how many final trials of an activation diverged or failed."""
    told = []
    for condition in study.conditions:
        for arm in condition.arms:
            parts = [f"{n} {word}" for n, word in ((arm.diverged, "diverged"), (arm.failed, "failed")) if n]
            if parts:
                total = count_text(
                    max(len(arm.scores) + arm.failed, arm.diverged + arm.failed), "final trial"
                )
                where = label(study, condition)
                told.append(f"{plain(arm.activation)} with {where}: of {total}, {' and '.join(parts)}.")
    return told
