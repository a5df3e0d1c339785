"""Seconds of torch's own functions on one thread, nothing running beside them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from leaky.lab.claims.claim import Values


def _functions() -> dict[str, Callable[[Tensor], Tensor]]:
    return {
        "relu": torch.relu,
        "leaky_relu": functional.leaky_relu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "elu": functional.elu,
        "gelu": functional.gelu,
        "softplus": functional.softplus,
    }


def function_times(seed: int, *, elements: int, rounds: int) -> Values:
    """log10 of the seconds that the value alone takes, and value and gradient, the median of interleaved rounds."""
    x = torch.randn(elements, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    upstream = torch.ones(elements)
    calls: dict[str, Callable[[], object]] = {}
    for name, function in _functions().items():
        calls[f"value, {name}"] = lambda function=function: function(x.detach())  # type: ignore[misc]  # mypy infers no default
        calls[f"value and gradient, {name}"] = lambda function=function: (  # type: ignore[misc]  # mypy infers no default
            torch.autograd.grad(function(x), x, upstream)
        )
    return interleaved(calls, rounds)


class _Of(torch.nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """The function's value."""
        return self.function(x)


def perceptron(function: Callable[[Tensor], Tensor] | None, width: int) -> torch.nn.Sequential:
    """64 inputs, four hidden layers with that activation or none, 10 outputs."""
    layers: list[torch.nn.Module] = []
    for before, after in pairwise([64, *[width] * 4]):
        layers += [torch.nn.Linear(before, after), *([] if function is None else [_Of(function)])]
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, 10))


def step_times(seed: int, *, widths: list[int], batch: int, rounds: list[int]) -> Values:
    """log10 of the seconds that forward and backward of a perceptron take, and the activation's share of them.

    The share is what is left over the same perceptron without activations.
    """
    x = torch.randn(batch, 64, generator=torch.Generator().manual_seed(seed))
    chosen = {
        name: f
        for name, f in _functions().items()
        if name in ("relu", "leaky_relu", "sigmoid", "tanh", "elu")
    }
    found = {}
    for width, turns in zip(widths, rounds, strict=True):
        torch.manual_seed(seed)
        models = {name: perceptron(function, width) for name, function in (*chosen.items(), ("none", None))}
        calls: dict[str, Callable[[], object]] = {
            name: lambda model=model: _step(model, x)  # type: ignore[misc]  # mypy infers no default
            for name, model in models.items()
        }
        times = interleaved(calls, turns)
        found.update({f"step, {name}, width {width}": taken for name, taken in times.items()})
        for name in chosen:
            found[f"share, {name}, width {width}"] = 1 - 10 ** (times["none"] - times[name])
    return found


def _step(model: torch.nn.Module, x: Tensor) -> None:
    model.zero_grad()
    model(x).square().mean().backward()


def interleaved(calls: dict[str, Callable[[], object]], rounds: int) -> Values:
    """log10 of the median seconds of each; in turns, so that what slows the machine down for a while meets all."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 2):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if turn > 1:
                taken[name].append(time.perf_counter() - began)
    return {name: math.log10(sorted(each)[len(each) // 2]) for name, each in taken.items()}
