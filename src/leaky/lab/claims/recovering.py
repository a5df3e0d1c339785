"""Claim 4: whether dead ReLU units recover, by layer, optimiser and what decays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.claims.perceptrons import BATCH, Perceptrons, digits, stream
from leaky.lab.claims.words import DEFINED, ESSAY, says
from leaky.records.ledger import Hypothesis, Prediction

_HIDDEN = 3
_BURIED = 3
"""Every third unit of a hidden layer starts with a bias of -3."""


def recovering(
    seed: int, *, train: int, count: int, every: int, rate: float, decay: float, runs: list[list[str]]
) -> Values:
    """Of ReLU units that were dead at a check, the share that was alive at a later one, by layer and run.

    A run is an optimiser, what decays ("nothing", "everything" or "biases"), and "batches" or "all data". Units that
    were dead from the start are told apart from those that died in training; none of a kind is NaN.
    """
    (x, y), _ = digits(stream(seed, 0), train)
    found = {}
    for optimizer, decayed, batches in runs:
        network = Perceptrons(stream(seed, 1), [0.0], _HIDDEN)
        with torch.no_grad():
            for bias in network.biases[:-1]:
                bias[..., ::_BURIED] = -3.0
        trainer = _trainer(network, optimizer, decayed, rate, decay)
        start = dead(network, x)
        died, back = torch.zeros_like(start), torch.zeros_like(start)
        random = stream(seed, 2)
        for step in range(1, count + 1):
            at = _batch(random, train) if batches == "batches" else slice(None)
            trainer.zero_grad()
            network.losses(x[at], y[at]).sum().backward()
            trainer.step()
            if step % every == 0:
                now = dead(network, x)
                back |= (start | died) & ~now
                died |= now & ~start
        for layer in range(_HIDDEN):
            name = f"layer {layer + 1}, {optimizer}, {decayed} decays, {batches}"
            found[f"dead from the start, {name}"] = _share(back[layer] & start[layer], start[layer])
            found[f"died in training, {name}"] = _share(back[layer] & died[layer], died[layer])
    return found


def dead(network: Perceptrons, x: Tensor) -> Tensor:
    """Which units of `(layer, unit)` are above 0 for no sample."""
    with torch.no_grad():
        return torch.stack([~(z[0] > 0).any(0) for z in network(x)[0]])  # NaN is no recovery


def _batch(random: np.random.Generator, train: int) -> Tensor:
    return torch.from_numpy(random.integers(train, size=BATCH))


def _share(part: Tensor, whole: Tensor) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else float("nan")


def _trainer(
    network: Perceptrons, optimizer: str, decayed: str, rate: float, decay: float
) -> torch.optim.Optimizer:
    """SGD, with momentum of 0.9 at a tenth of the rate, or Adam at a thirtieth."""
    groups = [
        {"params": network.weights, "weight_decay": decay if decayed == "everything" else 0.0},
        {"params": network.biases, "weight_decay": 0.0 if decayed == "nothing" else decay},
    ]
    if optimizer == "Adam":
        return torch.optim.Adam(groups, rate / 30)
    if optimizer == "momentum":
        return torch.optim.SGD(groups, rate / 10, 0.9)
    return torch.optim.SGD(groups, rate)


_RUNS = [
    ["SGD", "nothing", "batches"],
    ["SGD", "nothing", "all data"],
    ["SGD", "everything", "batches"],
    ["SGD", "biases", "batches"],
    ["momentum", "nothing", "batches"],
    ["Adam", "nothing", "batches"],
    ["Adam", "everything", "batches"],
]


def _none(words: str, value: str) -> Hypothesis:
    return says(f"none recovers of those {words}", value, "same", 0.01, unit="share of the dead")


NEVER = Claim(
    number=4,
    name="never_recovers",
    statement="Once a ReLU neuron is dead, it stays so for the rest of training.",
    made_in=ESSAY,
    literature="True of a first layer without decay: no gradient reaches its weights. Layers below a unit move; "
    "decay of everything shrinks w and b alike and keeps the sign of w.x + b, decay of the biases alone does not.",
    predicted="None dead from the start in layer 1 under plain SGD, with weight decay neither; elsewhere some.",
    expected="refuted",
    defined=DEFINED,
    experiment="300 scanned digits drawn by the seed, 3 hidden ReLU layers of 64 units, every third unit started "
    "with a bias of -3; 600 steps in batches of 32 or on all data, by SGD at 0.1, momentum of 0.9 at 0.01 and Adam "
    "at 0.0033, fixed beforehand, with weight decay of 0.01 on nothing, everything, or the biases. Every 10 steps "
    "each unit is held against all training data. Never is less than one in a hundred of the dead. Seen before, on "
    "60 digits and a seed outside the ledger: with a decay of 0.5 on the biases 0.29 of those dead in layer 1 "
    "recovered.",
    method=Measurement(
        recovering,
        {"train": 300, "count": 600, "every": 10, "rate": 0.1, "decay": 0.01, "runs": _RUNS},
        {"count": 10, "every": 5},
    ),
    hypotheses=(
        *(
            _none(
                f"dead from the start in layer {layer}, {optimizer}, {decayed} decays, {batches}",
                f"dead from the start, layer {layer}, {optimizer}, {decayed} decays, {batches}",
            )
            for layer, optimizer, decayed, batches in (
                (1, "SGD", "nothing", "batches"),
                (1, "SGD", "everything", "batches"),
                (1, "SGD", "biases", "batches"),
                (1, "Adam", "everything", "batches"),
                (2, "SGD", "nothing", "batches"),
                (2, "SGD", "nothing", "all data"),
                (3, "SGD", "nothing", "batches"),
            )
        ),
    ),
    predictions=tuple(
        Prediction(
            f"none in layer 1 under SGD, {decayed} decays",
            (f"dead from the start, layer 1, SGD, {decayed} decays, batches",),
            0.0,
            0.0,
        )
        for decayed in ("nothing", "everything")
    ),
    universal=True,
)

CLAIMS = (NEVER,)
