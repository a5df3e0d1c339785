"""Claim 30: whether networks go on learning when tasks follow one another."""

from __future__ import annotations

import torch
from torch import Tensor

from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.claims.perceptrons import INPUTS, Perceptrons, best, digits, stream
from leaky.lab.claims.words import DEFINED, says
from leaky.records.ledger import Prediction

_HIDDEN = 3


def plasticity(
    seed: int, *, slopes: list[float], rates: list[float], train: int, validation: int, tasks: int, count: int
) -> Values:
    """Accuracy on the last quarter of a run of tasks, less that on the first, and less that of fresh networks.

    A task is the digits with their pixels permuted anew, learned for `count` steps. The learning rate of an arm is
    the one with the best mean accuracy on validation digits over all tasks. Fresh networks, drawn anew for every task
    of the last quarter, learn it at the same rate on the same batches.
    """
    (x, y), held_out, test = digits(stream(seed, 0), train, validation)
    arms = [(slope, rate) for slope in slopes for rate in rates]
    each_slope, each_rate = [slope for slope, _ in arms], [rate for _, rate in arms]
    networks = Perceptrons(stream(seed, 1), each_slope, _HIDDEN)
    part = max(1, tasks // 4)
    validated, tested, fresh = [], [], []
    for task in range(tasks):
        order = torch.from_numpy(stream(seed, 2, task).permutation(INPUTS))
        learners = [networks]
        if task >= tasks - part:
            learners.append(Perceptrons(stream(seed, 3, task), each_slope, _HIDDEN))
        for learner in learners:
            learner.descend(x[:, order], y, each_rate, count, stream(seed, 4, task))
        validated.append(torch.stack(networks.score(held_out[0][:, order], held_out[1])))
        tested.append(networks.score(test[0][:, order], test[1])[0])
        fresh += [learner.score(test[0][:, order], test[1])[0] for learner in learners[1:]]
    chosen_by = torch.stack(validated).mean(0)
    found = {}
    for place, slope in enumerate(slopes):
        its = slice(place * len(rates), (place + 1) * len(rates))
        at = place * len(rates) + best(chosen_by[0][its], chosen_by[1][its])
        name = f"slope {slope:g}" if slope else "ReLU"
        last = _mean(tested[-part:], at)
        found[f"last tasks less first, {name}"] = last - _mean(tested[:part], at)
        found[f"last tasks less fresh, {name}"] = last - _mean(fresh, at)
        found[f"learning rate, {name}"] = each_rate[at]
    return found


def _mean(scores: list[Tensor], at: int) -> float:
    return float(torch.stack(scores)[:, at].mean())


_SMALL = {
    "slopes": [0.0, 0.01, 0.2],
    "rates": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    "train": 500,
    "validation": 300,
    "tasks": 40,
    "count": 100,
}
_WITH = ("0.01", "0.2")

PLASTICITY = Claim(
    number=30,
    name="plasticity",
    statement="Leaky ReLU avoids the loss of plasticity.",
    made_in="an extension of the claim that it prevents dead neurons",
    literature="Dohare et al. 2024: a leak delays the loss and does not cure it.",
    predicted="Delayed, not cured.",
    expected="mixed",
    defined=DEFINED,
    experiment="40 tasks one after the other, digits with their pixels permuted anew, 100 steps of plain SGD each "
    "on 500 of them, 3 hidden layers of 64 units; the learning rate, of six from 0.003 to 1, is chosen for every "
    "arm and seed on 300 other digits. Accuracy on the remaining 997, of the last ten tasks: less that of the first "
    "ten, and less that of fresh networks at the same rate. Avoided is a loss below a percentage point, ten digits.",
    method=Measurement(plasticity, _SMALL, {"tasks": 4, "count": 3, "rates": [0.1]}),
    hypotheses=(
        *(
            says(
                f"no loss with slope {slope}, beside {other}",
                f"last tasks less {value}, slope {slope}",
                "higher",
                reference=-0.01,
                unit="accuracy",
            )
            for value, other in (("first", "its first tasks"), ("fresh", "fresh networks"))
            for slope in _WITH
        ),
        *(
            says(
                f"a smaller loss with slope {slope} than with ReLU, beside fresh networks",
                f"last tasks less fresh, slope {slope}",
                "higher",
                0.01,
                than="last tasks less fresh, ReLU",
                unit="accuracy",
            )
            for slope in _WITH
        ),
    ),
    predictions=(
        *(
            Prediction(
                f"{words} loses a percentage point at least beside fresh networks",
                (f"last tasks less fresh, {words}",),
                -1.0,
                -0.01,
            )
            for words in ("ReLU", "slope 0.01")
        ),
        Prediction(
            "slope 0.01 loses less than ReLU",
            ("last tasks less fresh, slope 0.01", "last tasks less fresh, ReLU"),
            0.0,
            1.0,
        ),
    ),
)

CLAIMS = (PLASTICITY,)
