"""What is read off a trial: the numbers that claims compare, and those that learning rates are chosen by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean

from leaky.records import Trial

_LEARNED = 0.2
"""The training loss that a network has to come down to, to count as having learned."""


def score(trial: Trial) -> float:
    """The metric: of a final trial on the test data, of a tuning trial on the validation data."""
    return _number(trial.score)


def epochs(trial: Trial) -> float:
    """log10 of the epochs until the training loss was 0.2 at most, on the line between two; else of all epochs."""
    before = None
    for epoch in trial.epochs:
        loss = epoch.train_loss
        if loss is not None and loss <= _LEARNED:
            part = 1.0 if before is None else (before - _LEARNED) / (before - loss)
            return math.log10(epoch.epoch - 1 + part)
        before = loss
    return math.log10(max(1, int(trial.plan.recipe["epochs"])))


def early_loss(trial: Trial) -> float:
    """The training loss of the epoch with which a tenth of all is over."""
    early = math.ceil(int(trial.plan.recipe["epochs"]) / 10)
    return _number(trial.epochs[early - 1].train_loss) if len(trial.epochs) >= early else math.nan


def loss(trial: Trial) -> float:
    """The loss on the test data."""
    return _number(trial.at_end.get("loss"))


def train_loss(trial: Trial) -> float:
    """The loss on the data trained on, in evaluation mode at the end."""
    return _number(trial.at_end.get("train_loss"))


def train_score(trial: Trial) -> float:
    """The metric on the data trained on, in evaluation mode at the end."""
    return _number(trial.at_end.get("train_score"))


def gap(trial: Trial) -> float:
    """Test loss less training loss, both in evaluation mode at the end."""
    return loss(trial) - train_loss(trial)


MEASURES: Mapping[str, Callable[[Trial], float]] = {
    function.__name__: function
    for function in (score, train_score, loss, train_loss, gap, epochs, early_loss)
}


def measured(name: str, trial: Trial | None, *, higher_is_better: bool) -> float:
    """That measure of a final trial: of a diverged one the worst there is, of a failed one NaN."""
    if trial is None or trial.status not in ("finished", "diverged"):
        return math.nan
    if trial.status == "finished":
        return MEASURES[name](trial)
    return -math.inf if higher_is_better and name.endswith("score") else math.inf


def validation_loss(trial: Trial) -> float:
    """The loss on the validation data, of the epoch whose weights count."""
    kept = trial.epochs[: trial.restored_epoch]
    return _number(kept[-1].validation_loss) if kept else math.nan


TUNED_ON: Mapping[str, Callable[[Trial], float]] = {
    "score": score,
    "epochs": epochs,
    "loss": validation_loss,
    "early_loss": early_loss,
}
"""What learning rates may be chosen by: of tuning trials, which never see the test data."""


def best_rates(trials: Iterable[Trial], tuned_on: str, *, higher_is_better: bool) -> dict[str, float]:
    """The learning rate of every activation that is best on average by that measure.

    One at which fewer trials diverged goes before any at which more did; of equals the lower validation loss, then
    the lower rate. An activation all of whose trials failed is not among the keys.
    """
    groups: dict[str, dict[float, list[Trial]]] = {}
    for trial in trials:
        if trial.score is not None:
            rates = groups.setdefault(trial.plan.activation, {})
            rates.setdefault(trial.plan.learning_rate, []).append(trial)
    sign = -1 if tuned_on == "score" and higher_is_better else 1

    def rank(rate: float, group: list[Trial]) -> tuple[float, float, float, float]:
        whole = [trial for trial in group if trial.status == "finished"]
        found = [sign * _mean(whole, TUNED_ON[tuned_on]), _mean(whole, validation_loss)]
        known = [math.inf if math.isnan(value) else value for value in found]
        return 1 - len(whole) / len(group), known[0], known[1], rate

    return {
        name: min(rank(rate, group) for rate, group in rates.items())[3] for name, rates in groups.items()
    }


def _mean(trials: list[Trial], measure: Callable[[Trial], float]) -> float:
    return fmean(map(measure, trials)) if trials else math.nan


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
