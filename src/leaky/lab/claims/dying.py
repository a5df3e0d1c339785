"""Claim 3: units that die while a network trains, and whether a leak prevents it."""

from __future__ import annotations

import torch
from torch import Tensor

from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.claims.perceptrons import Perceptrons, digits, losses_of, stream
from leaky.lab.claims.words import DEFINED, ESSAY, leaky, says
from leaky.records.ledger import Prediction

_DORMANT = 0.025
"""Of the layer's mean size, below which a unit counts as dormant."""


def dying(seed: int, *, slopes: list[str], train: int, hidden: int, count: int, rate: float) -> Values:
    """Shares of the hidden units that are cut off, on all training data after plain SGD.

    "never active" is above 0 for no sample, "no gradient" gets exactly none from any, "dormant" is smaller than 0.025
    of its layer's mean size (Sokar et al. 2023), "little gradient" the same of gradients. In a network that has
    diverged all of them are. At a learning rate, at ten times that, and at that with every bias started from -1.
    """
    (x, y), _ = digits(stream(seed, 0), train)
    stress = (("usual", 1, 0.0), ("10 x learning rate", 10, 0.0), ("bias -1", 1, -1.0))
    arms = [(slope, *how) for how in stress for slope in slopes]
    networks = Perceptrons(
        stream(seed, 1), [_number(a[0]) for a in arms], hidden, biases=[bias for *_, bias in arms]
    )
    networks.descend(x, y, [rate * factor for _, _, factor, _ in arms], count, stream(seed, 2))
    found = {}
    shares = cut_off(networks, x, y)
    for place, (slope, label, *_) in enumerate(arms):
        text = leaky(slope) if _number(slope) else "relu"
        found.update({f"{name}, {text}, {label}": float(share[place]) for name, share in shares.items()})
    return found


def cut_off(networks: Perceptrons, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """The share of hidden units, in every network, that each measure counts."""
    before, outputs, logits = networks(x)
    gradients = torch.autograd.grad(losses_of(logits, y).sum(), before)
    members = {
        "never active": [(z <= 0).all(1) for z in before],
        "no gradient": [(g == 0).all(1) for g in gradients],
        "dormant": [_small(h) for h in outputs],
        "little gradient": [_small(g) for g in gradients],
    }
    diverged = ~logits.isfinite().all(-1).all(-1)
    return {
        name: torch.where(diverged, 1.0, torch.cat(each, 1).float().mean(1)) for name, each in members.items()
    }


def _small(x: Tensor) -> Tensor:
    size = x.detach().abs().mean(1)
    return size <= _DORMANT * size.mean(1, keepdim=True)


def _number(slope: str) -> float:
    top, _, bottom = slope.partition("/")
    return float(top) / float(bottom or 1)


_STRESS = ("10 x learning rate", "bias -1")
_SHARE = "share of units"
_LEAK = leaky("0.01")

PREVENTS = Claim(
    number=3,
    name="prevents_death",
    statement="Leaky ReLU prevents dead neurons.",
    made_in=ESSAY,
    literature="Maas et al. 2013; Sokar et al. 2023 count dormant units of any activation.",
    predicted="ReLU's dead units rise with the learning rate; with a leak every unit gets a gradient.",
    expected="supported",
    defined=DEFINED,
    experiment="300 scanned digits drawn by the seed, 8 hidden layers of 64 units, 1,000 steps of plain SGD at "
    "learning rates fixed beforehand, 0.01 and 0.1, and at 0.01 with biases started at -1. On all training data: "
    "units that get no gradient at all, and units that are dormant, with an output below 0.025 of their layer's mean "
    "size. Fewer is by one unit in a hundred. In a network that has diverged all units count as dead; at 0.2 and 0.5 "
    "some did on seeds outside the ledger, ReLU's and leaky ones, so the rates are lower. Nothing else of them was "
    "looked at.",
    method=Measurement(
        dying,
        {"slopes": ["0", "0.01"], "train": 300, "hidden": 8, "count": 1000, "rate": 0.01},
        {"count": 5},
    ),
    hypotheses=(
        *(
            says(
                f"fewer units {words} with slope 0.01 than with ReLU, {stress}",
                f"{measure}, {_LEAK}, {stress}",
                "lower",
                0.01,
                than=f"{measure}, relu, {stress}",
                unit=_SHARE,
            )
            for measure, words in (("no gradient", "without a gradient"), ("dormant", "are dormant"))
            for stress in _STRESS
        ),
        *(
            says(
                f"less than one unit in a hundred without a gradient with slope 0.01, {stress}",
                f"no gradient, {_LEAK}, {stress}",
                "lower",
                reference=0.01,
                unit=_SHARE,
            )
            for stress in _STRESS
        ),
    ),
    predictions=(
        Prediction(
            "more dead ReLU units at 10 times the learning rate, by one in a hundred",
            ("no gradient, relu, 10 x learning rate", "no gradient, relu, usual"),
            0.01,
            1.0,
        ),
        Prediction("no unit without a gradient with slope 0.01", (f"no gradient, {_LEAK}, usual",), 0.0, 0.0),
    ),
)

CLAIMS = (PREVENTS,)
