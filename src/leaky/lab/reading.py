"""From studies in a store to what they come to together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import median

import numpy as np

from leaky.errors import ArgumentError, StudyError
from leaky.lab import aggregate
from leaky.lab.control import controls, unit
from leaky.lab.store import Store
from leaky.records import Arm, Interval, Study, Trial
from leaky.records.across import Across, Cost, Overall, Profile

_THRESHOLDS = np.linspace(0.0, 1.0, 101)


def stored(store: Store, names: Sequence[str] = ()) -> list[tuple[str, Study]]:
    """Studies of a store by name, those that vary the training once for every condition.

    Args:
        store: where they are.
        names: of studies, or how their names begin; by default all, but for those whose trials are all part of
            another's.

    Raises:
        ArgumentError: there is no study of such a name.
        StudyError: there is no study, or none with a result.

    Example:
        >>> from leaky.lab.store import Store
        >>> with Store("leaky.db") as store:                                       # doctest: +SKIP
        ...     studies = leaky.lab.stored(store, ["digits"])
    """
    kept = store.studies()
    if not kept:
        raise StudyError(
            f"report: no study is kept in `{store.path}`; run its command again: what is there is not trained anew"
        )
    for name in names:
        if not any(each.name.startswith(name) for each in kept):
            known = ", ".join(each.name for each in kept)
            raise ArgumentError(f"report: no study `{name}` in `{store.path}`; there are {known}")
    found = {}
    for each in kept:
        if not names or any(each.name.startswith(name) for name in names):
            found[each.name] = each.study(each.outcomes(store.get))
    if not names:
        found = {name: study for name, study in found.items() if not _contained(study, found.values())}
    whole = [pair for name, study in found.items() for pair in _alone(name, study) if _told(pair[1])]
    if not whole:
        raise StudyError(
            "report: none of the studies has come to a result yet; run their commands to the end"
        )
    return whole


def across(studies: Sequence[tuple[str, Study]]) -> Across:
    """What studies come to together: performance profiles, overall scores, costs and controls.

    Args:
        studies: pairs of a name and a `leaky.records.Study`, as `stored` gives them.

    Returns:
        A `leaky.records.Across`; `leaky.report.write_across` makes a page of it.

    Source: R. Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the Statistical Precipice. NeurIPS.

    Example:
        >>> found = leaky.lab.across([("mine", study)])                            # doctest: +SKIP
        >>> [(each.activation, each.score.estimate) for each in found.overall]     # doctest: +SKIP
    """
    names = [[arm.activation for arm in study.arms if arm.scores] for _, study in studies]
    common = tuple(name for name in names[0] if all(name in other for other in names))
    baseline = Counter(study.baseline for _, study in studies).most_common(1)[0][0]
    runs = {name: [_normalised(study, name) for _, study in studies] for name in common}
    profiles, overall = [], []
    for name in common:
        value, low, high = aggregate.performance_profile(runs[name], _THRESHOLDS)
        profiles.append(Profile(name, *(tuple(map(float, row)) for row in (_THRESHOLDS, value, low, high))))
        chance = None
        if name != baseline and baseline in common:
            pairs = [_shared(study, name, baseline) for _, study in studies]
            if all(len(ours) for ours, _ in pairs):
                chance = aggregate.mean_probability([a for a, _ in pairs], [b for _, b in pairs])
        overall.append(
            Overall(
                name,
                sum(map(len, runs[name])),
                aggregate.interquartile_mean(runs[name]),
                aggregate.optimality_gap(runs[name]),
                chance,
            )
        )
    return Across(
        studies=tuple(studies),
        baseline=baseline,
        common=common,
        profiles=tuple(profiles),
        overall=tuple(sorted(overall, key=lambda each: (each.activation != baseline, -each.score.estimate))),
        costs=tuple(cost for name, study in studies for cost in _costs(name, study)),
        controls=controls(studies),
    )


def _contained(study: Study, others: Iterable[Study]) -> bool:
    mine = {trial.plan.key for trial in study.trials}
    return any(mine < {trial.plan.key for trial in other.trials} for other in others)


def _alone(name: str, study: Study) -> list[tuple[str, Study]]:
    """The study, or where it varies the training each of its conditions."""
    levels = [(" ".join(condition.levels), condition) for condition in study.conditions]
    return [(f"{name} {told}", study.under(condition)) for told, condition in levels] or [(name, study)]


def _told(study: Study) -> bool:
    return any(arm.activation == study.baseline and arm.scores for arm in study.arms)


def _arm(study: Study, name: str) -> Arm:
    return next(arm for arm in study.arms if arm.activation == name)


def _upwards(study: Study, scores: Sequence[float]) -> aggregate.Array:
    return np.asarray(scores, np.float64) * (1 if study.metric.higher_is_better else -1)


def _normalised(study: Study, name: str) -> aggregate.Array:
    finals = [t for t in study.trials if t.plan.phase == "final" and t.score is not None]
    finished = [t for t in finals if t.status == "finished"] or finals
    all_scores = _upwards(study, [t.score for t in finished if t.score is not None])
    mine = _upwards(study, _arm(study, name).scores)
    return aggregate.normalised(mine, float(all_scores.min()), float(all_scores.max()))


def _shared(study: Study, name: str, baseline: str) -> tuple[aggregate.Array, aggregate.Array]:
    sides = [
        dict(zip(arm.seeds, arm.scores, strict=True)) for arm in (_arm(study, name), _arm(study, baseline))
    ]
    seeds = sorted(sides[0].keys() & sides[1].keys())
    ours, theirs = (_upwards(study, [side[seed] for seed in seeds]) for side in sides)
    return ours, theirs


def _costs(name: str, study: Study) -> list[Cost]:
    size, base = unit(study), study.baseline
    made = []
    for arm in study.arms:
        gain = arm.improvement
        made.append(
            Cost(
                study=name,
                activation=arm.activation,
                time=_ratio(study, arm.activation, base, _seconds),
                saved=_ratio(study, arm.activation, base, lambda t: t.saved_bytes),
                gain=Interval(gain.estimate / size, gain.low / size, gain.high / size) if gain else None,
            )
        )
    return made


def _seconds(trial: Trial) -> float | None:
    return trial.compute_seconds / len(trial.epochs) if trial.epochs and trial.compute_seconds else None


def _ratio(study: Study, name: str, base: str, of: Callable[[Trial], float | None]) -> float | None:
    medians = []
    for activation in (name, base):
        finals = [t for t in study.trials if t.plan.phase == "final" and t.plan.activation == activation]
        values = [
            value for trial in finals if trial.status == "finished" and (value := of(trial)) is not None
        ]
        medians.append(median(values) if values else None)
    ours, theirs = medians
    return ours / theirs if ours is not None and theirs else None
