"""Whether a weight still is as it was drawn, told from its values alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

_FEWEST = 256
"""Weights below which a distribution is not judged."""
_SIGMAS = 5.0
_NEAR = 0.02
"""How far from torch's bound a bound may be: a step or two of an optimiser are no training yet."""


@dataclass(frozen=True)
class Drawn:
    """A weight as it was drawn. `default`: by the bound of torch's `reset_parameters`, 1/sqrt(fan_in)."""

    second_moment: float
    fan_in: int
    default: bool


def drawn(layer: torch.nn.Module) -> Drawn | None:
    """What a layer's weight was drawn from, if it still looks so: uniform around 0 up to its bound."""
    weight = layer._parameters.get("weight")  # not one that is computed (weight_norm, parametrisations)
    if weight is None or torch.nn.parameter.is_lazy(weight) or weight.is_meta or weight.numel() < _FEWEST:
        return None
    values = weight.detach().double().flatten()
    count, bound = values.numel(), float(values.abs().max())
    if not 0 < bound < math.inf:
        return None
    share = values / bound
    sharp = 3 * _SIGMAS / count  # how far below its bound the largest of so many falls, at most
    moments = (
        (float(share.mean()), 0.0, 1 / 3),
        (float((share**2).mean()), 1 / 3, 4 / 45),
        (float((share.abs() > 0.9).double().mean()), 0.1, 0.09),
    )
    if any(abs(seen - ideal) > _SIGMAS * math.sqrt(var / count) + sharp for seen, ideal, var in moments):
        return None
    fan_in = math.prod(weight.shape[1:])
    default = abs(bound * math.sqrt(fan_in) - 1) < _NEAR + sharp
    return Drawn(float((values**2).mean()), fan_in, default)
