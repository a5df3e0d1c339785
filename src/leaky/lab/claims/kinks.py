"""Claim 25: whether it matters which derivative is taken at 0."""

from __future__ import annotations

import torch

from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.claims.perceptrons import Perceptrons, best, digits, stream
from leaky.lab.claims.words import DEFINED, says
from leaky.records.ledger import Prediction

_AT_ZERO = (0.0, 0.5, 1.0)


def kinks(seed: int, *, train: int, validation: int, count: int, rates: list[float], step: float) -> Values:
    """Test accuracy of ReLU networks by the derivative at 0, in float32 and with pre-activations rounded to `step`.

    Of every arm's networks, one a learning rate, the one that is best on validation digits counts. Also its rate, and
    the share of its pre-activations on the test digits that are exactly 0.
    """
    (x, y), held_out, test = digits(stream(seed, 0), train, validation)
    kinds = [(at, size) for size in (0.0, step) for at in _AT_ZERO]
    arms = [(*kind, rate) for kind in kinds for rate in rates]
    networks = Perceptrons(
        stream(seed, 1), [0.0] * len(arms), 3, at_zero=[a[0] for a in arms], steps=[a[1] for a in arms]
    )
    networks.descend(x, y, [rate for *_, rate in arms], count, stream(seed, 2))
    chosen_by, scores = networks.score(*held_out), networks.score(*test)[0]
    with torch.no_grad():
        before = networks(test[0])[0]
    zeros = torch.cat([(z == 0).float().mean(1) for z in before], 1).mean(1)
    found = {}
    for place, (at_zero, size) in enumerate(kinds):
        its = slice(place * len(rates), (place + 1) * len(rates))
        chosen = best(chosen_by[0][its], chosen_by[1][its])
        name = f"{at_zero:g} at 0, {'quantised' if size else 'float32'}"
        found[f"accuracy, {name}"] = float(scores[its][chosen])
        found[f"zeros, {name}"] = float(zeros[its][chosen])
        found[f"learning rate, {name}"] = rates[chosen]
    return found


KINK = Claim(
    number=25,
    name="kink",
    statement="Which derivative is taken at 0 is irrelevant.",
    made_in="common belief; frameworks take the slope, 1, or their mean",
    literature="Bertoin et al. 2021: it matters at 16 bits, and 0 is best for ReLU with plain SGD.",
    predicted="Irrelevant in float32 without exact zeros; relevant where pre-activations are quantised.",
    expected="mixed",
    defined=DEFINED,
    experiment="500 scanned digits drawn by the seed, 3 hidden ReLU layers of 64 units, 1,000 steps of plain SGD "
    "with 0, 1/2 or 1 as the derivative at 0, in float32 and with pre-activations rounded to multiples of 1/4. The "
    "learning rate, of six from 0.003 to 1, is chosen for every arm and seed on 300 other digits. Irrelevant is an "
    "accuracy on the remaining 997 within a percentage point, ten digits.",
    method=Measurement(
        kinks,
        {
            "train": 500,
            "validation": 300,
            "count": 1000,
            "rates": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
            "step": 0.25,
        },
        {"count": 5, "rates": [0.1]},
    ),
    hypotheses=tuple(
        says(
            f"{words} at 0 is as accurate as 0, {kind}",
            f"accuracy, {at_zero} at 0, {kind}",
            "same",
            0.01,
            than=f"accuracy, 0 at 0, {kind}",
            unit="accuracy",
        )
        for kind in ("float32", "quantised")
        for at_zero, words in (("0.5", "1/2"), ("1", "1"))
    ),
    predictions=(
        Prediction("fewer than one in 10,000 is exactly 0, float32", ("zeros, 0 at 0, float32",), 0.0, 1e-4),
    ),
)

CLAIMS = (KINK,)
