"""How far the outputs and gradients of a lean network are from eager's, and of both from float64."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

import lean_networks
import measure
from lean_networks import Network, built, example, loss_of, outputs_of
from measure import Row, WrongResultError

OUTPUTS, GRADIENT = 1e-6, 2e-4


@dataclass(frozen=True)
class Numbers:
    """What a model puts out, and the gradients of its parameters, input last."""

    outputs: list[Tensor]
    gradients: list[Tensor]

    @classmethod
    def of(cls, model: nn.Module, x: Tensor) -> Numbers:
        x = x.clone().requires_grad_()
        outputs = outputs_of(model, x)
        wanted = [*model.parameters(), x]  # nnU-Net has heads that only deep supervision uses: zeros for them
        gradients = torch.autograd.grad(loss_of(outputs), wanted, materialize_grads=True)
        return cls([y.detach() for y in outputs], list(gradients))

    def distance(self, truth: Numbers) -> Distance:
        """How far these are from the truth."""
        pairs = list(zip(self.gradients, truth.gradients, strict=True))
        apart = [float((mine.double() - theirs).norm()) for mine, theirs in pairs]
        size = [float(theirs.double().norm()) for _, theirs in pairs]
        outputs = [measure.relative_error(*pair) for pair in zip(self.outputs, truth.outputs, strict=True)]
        exact_zero = 1e-9 * max(size)  # a bias before a norm: its gradient is rounding alone
        tensors = [error / norm for error, norm in zip(apart, size, strict=True) if norm > exact_zero]
        return Distance(max(outputs), math.hypot(*apart) / math.hypot(*size), max(tensors))


@dataclass(frozen=True)
class Distance:
    """Relative differences: the worst output by its largest value, the whole gradient and its worst tensor in L2."""

    outputs: float
    gradient: float
    tensor: float

    def within(self, outputs: float, gradient: float, tensor: float = math.inf) -> bool:
        return self.outputs <= outputs and self.gradient <= gradient and self.tensor <= tensor


def numbers(name: str, *, thorough: bool = True) -> Row:
    """How far lean is from eager, and both from eager in float64; raises `WrongResultError` where lean is wrong.

    Right is what is within the fixed limits of eager, or within twice eager's own distance to float64, the worst of
    inputs one rounding apart (its worst tensor within five times: a rounding that moves one element across the kink
    is all it takes). If not `thorough`, float64 is computed only where the fixed limits do not settle it.
    """
    network = lean_networks.NETWORKS[name]
    x = example(network)
    eager = Numbers.of(built(network, "eager"), x)
    lean = Numbers.of(built(network, "lean"), x)
    apart = lean.distance(eager)
    row: Row = {"part": "numbers", "model": name, **asdict(apart)}
    settled = apart.within(OUTPUTS, GRADIENT, GRADIENT)
    if settled and not thorough:
        return row
    truth = Numbers.of(built(network, "eager").double(), x.double())
    own, found = _own_distance(network, eager, truth), lean.distance(truth)
    for who, distance in (("eager", own), ("lean", found)):
        row |= {f"{who}_{what}_to_float64": error for what, error in asdict(distance).items()}
    if not settled and not found.within(2 * own.outputs, 2 * own.gradient, 5 * own.tensor):
        raise WrongResultError(
            f"{network.title}: lean to eager {apart}; to float64 {found}, eager itself {own}"
        )
    return row


def _own_distance(network: Network, eager: Numbers, truth: Numbers) -> Distance:
    """Eager's distance to float64: the worst of several inputs one rounding apart.

    Batch norms over a few values make it swing by a factor of twenty between inputs that differ by 1e-7 (YOLOv3: 3e-4
    to 1.5e-2), so one draw says little.
    """
    nudges = [
        torch.randn(network.shape, generator=torch.Generator().manual_seed(seed)) for seed in range(2, 6)
    ]
    nudged = [example(network) * (1 + 1e-7 * nudge) for nudge in nudges]
    found = [eager, *(Numbers.of(built(network, "eager"), x) for x in nudged)]
    all_of_them = [asdict(numbers.distance(truth)) for numbers in found]
    return Distance(**{what: max(row[what] for row in all_of_them) for what in all_of_them[0]})
