"""Claim 14: slopes that are too small, in float32 and in half precision."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import cross_entropy, leaky_relu

from leaky.lab.claims.claim import Claim, Measurement, Values
from leaky.lab.claims.perceptrons import BATCH, CLASSES, INPUTS, WIDTH, digits, stream
from leaky.lab.claims.words import DEFINED, ESSAY, says
from leaky.records.ledger import Prediction


def tiny_slopes(seed: int, *, slopes: list[float]) -> Values:
    """Share of a first layer's units that get no gradient from a batch, its biases at -3, in float32 and float16.

    Two hidden layers of torch's own Leaky ReLU; only the first layer is buried, so that a usual gradient comes back.
    """
    (x, y), _ = digits(stream(seed, 0), BATCH)
    random = stream(seed, 1)
    sizes = [(INPUTS, WIDTH, 1.0), (WIDTH, WIDTH, math.sqrt(2)), (WIDTH, CLASSES, math.sqrt(2))]
    draws = [
        torch.from_numpy(random.standard_normal((a, b)) * gain / math.sqrt(a)).float() for a, b, gain in sizes
    ]
    found = {}
    for dtype in (torch.float32, torch.float16):
        first, second, last = (draw.to(dtype) for draw in draws)
        for slope in slopes:
            before = (x.to(dtype) @ first - 3.0).requires_grad_()
            out = leaky_relu(leaky_relu(before, slope) @ second, slope) @ last
            (gradient,) = torch.autograd.grad(cross_entropy(out, y), before)
            share = (gradient == 0).all(0).float().mean()
            found[f"slope {slope:g}, {str(dtype).removeprefix('torch.')}"] = float(share)
    return found


_METHOD = Measurement(tiny_slopes, {"slopes": [0.0, 1e-8, 1e-6, 1e-4, 1e-2, 1e-1]})


def _claim(name: str, dtype: str, where: str, slopes: tuple[str, ...], supported: bool) -> Claim:
    return Claim(
        number=14,
        name=name,
        statement=f"A slope that is too small leads to dead neurons{where}.",
        made_in=ESSAY,
        literature="Slow is not dead; the product of slope and gradient may underflow in half precision.",
        predicted="No in float32, without a threshold; in float16 where slope times gradient is below 6e-8.",
        expected="supported" if supported else "refuted",
        defined=DEFINED,
        experiment="32 scanned digits drawn by the seed, 2 hidden layers of 64 units before any training, the first "
        "one's biases at -3, so that most of its units are never active; no loss scaling. The share of its units "
        "that get no gradient, for slopes from 0.1 to 1e-8. Dead is within 10 % of the units of ReLU's share. "
        "Slopes of 1e-8 and 0.1 were seen on a seed outside the ledger: as predicted.",
        method=_METHOD,
        hypotheses=tuple(
            says(
                f"as many without a gradient at slope {slope} as with ReLU, {dtype}",
                f"slope {slope}, {dtype}",
                "same",
                0.1,
                than=f"slope 0, {dtype}",
                unit="share of units",
            )
            for slope in slopes
        ),
        predictions=(
            Prediction(
                f"none without a gradient at slope 0.01, {dtype}", (f"slope 0.01, {dtype}",), 0.0, 0.0
            ),
        ),
    )


TOO_SMALL = _claim("too_small", "float32", "", ("0.0001", "1e-06", "1e-08"), supported=False)
TOO_SMALL_HALF = _claim("too_small_half", "float16", " in half precision", ("1e-06", "1e-08"), supported=True)

CLAIMS = (TOO_SMALL, TOO_SMALL_HALF)
