"""A/A controls: an activation held against itself, where a verdict of better or worse is a false alarm."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from leaky.catalogue import parse
from leaky.errors import LeakyError
from leaky.lab import statistics
from leaky.records import Arm, Interval, Study, Verdict
from leaky.records.across import Control, ControlKind

_LEAST = 3
"""Pairs below which an interval says next to nothing."""
_SPLITS = 400
_PROBES = np.linspace(-5.0, 5.0, 81)


def controls(studies: Sequence[tuple[str, Study]]) -> tuple[Control, ...]:
    """Every control that the studies hold: halves of an arm's seeds, one function twice, a study run again."""
    found = [
        control for name, study in studies for control in (*_halves(name, study), *_renamed(name, study))
    ]
    for (first, a), (second, b) in itertools.combinations(studies, 2):
        found += _again(first, a, second, b)
    return tuple(found)


def unit(study: Study) -> float:
    """What differences of a study are told in when studies are compared: its margin, or else the spread of scores."""
    scores = [score for arm in study.arms for score in arm.scores]
    return study.margin or float(np.std(scores)) or 1.0


def _halves(name: str, study: Study) -> Iterator[Control]:
    for arm in study.arms:
        half = len(arm.scores) // 2
        if half < _LEAST or arm.diverged == len(arm.scores):
            continue
        verdicts = [_compared(study, *sides)[1] for sides in _splits(arm.scores, half)]
        change, verdict = _compared(study, arm.scores[:half], arm.scores[half : 2 * half])
        alarms = sum(said in ("better", "worse") for said in verdicts)
        yield Control(
            name, arm.activation, "halves", arm.activation, half, change, verdict, len(verdicts), alarms
        )


def _splits(scores: tuple[float, ...], half: int) -> Iterator[tuple[list[float], list[float]]]:
    """Ways of taking two halves, all of them where there are few; pairs are made in an order drawn at random."""
    rng = np.random.default_rng(0)
    count = len(scores)
    every = math.comb(count, half)
    chosen = itertools.combinations(range(count), half) if every <= _SPLITS else None
    for _ in range(min(every, _SPLITS)):
        picked = next(chosen) if chosen else tuple(rng.choice(count, half, replace=False))
        rest = [place for place in range(count) if place not in picked]
        yield [scores[i] for i in picked], [scores[int(i)] for i in rng.permutation(rest)[:half]]


def _renamed(name: str, study: Study) -> Iterator[Control]:
    for a, b in itertools.combinations(study.arms, 2):
        if _same_function(a.activation, b.activation):
            yield from _paired(name, study, a, b, "another name", b.activation)


def _again(first: str, a: Study, second: str, b: Study) -> Iterator[Control]:
    """The same question on other seeds."""
    asked = [(s.task, s.preset, s.recipe, s.metric, {t.plan.fingerprint for t in s.trials}) for s in (a, b)]
    if asked[0] != asked[1] or set(a.final_seeds) & set(b.final_seeds):
        return
    others = {arm.activation: arm for arm in b.arms}
    for arm in a.arms:
        other = others.get(arm.activation)
        if other is not None and other.learning_rate == arm.learning_rate:
            yield from _paired(first, a, arm, other, "other seeds", second)


def _paired(name: str, study: Study, a: Arm, b: Arm, kind: ControlKind, against: str) -> Iterator[Control]:
    pairs = min(len(a.scores), len(b.scores))
    if pairs >= _LEAST and a.diverged < len(a.scores) and b.diverged < len(b.scores):
        change, verdict = _compared(study, a.scores[:pairs], b.scores[:pairs])
        yield Control(name, a.activation, kind, against, pairs, change, verdict)


def _compared(study: Study, ours: Sequence[float], theirs: Sequence[float]) -> tuple[Interval, Verdict]:
    found = statistics.paired_improvement(ours, theirs, higher_is_better=study.metric.higher_is_better)
    size = unit(study)
    return (
        Interval(found.estimate / size, found.low / size, found.high / size),
        statistics.verdict(found, study.margin),
    )


def _same_function(first: str, second: str) -> bool:
    """Whether two specs are one function with one derivative, as far as probing tells."""
    try:
        a, b = parse(first), parse(second)
        entries = (a.activation, b.activation)
        if any(entry.value_formula is None or entry.along for entry in entries):
            return False
        if any(p.learned for entry in entries for p in entry.parameters):
            return False
        return all(
            np.array_equal(
                getattr(entries[0], which)(_PROBES, **a.parameters),
                getattr(entries[1], which)(_PROBES, **b.parameters),
            )
            for which in ("value", "derivative")
        )
    except (LeakyError, TypeError):
        return False
