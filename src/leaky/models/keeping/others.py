"""Layers besides ReLU and LeakyReLU that `lean` knows: what each becomes, and what it then keeps."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch.nn import functional as F

from leaky import nn
from leaky.kernels.select import TENSORS, tracing
from leaky.nn import functional
from leaky.nn.layers.noise import KeepNoise


def rrelu(
    input: torch.Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> torch.Tensor:
    """torch's rrelu, with torch's draws, that keeps its slopes in training and one bit per element in evaluation."""
    if not training:
        return functional.leaky_relu(input, (lower + upper) / 2, inplace)
    learns = torch.is_grad_enabled() and input.requires_grad and not (inplace and input.is_leaf)
    wide = upper - lower > 1e-6  # below, torch's backward takes the mean
    if not (learns and wide) or tracing() or type(input) not in TENSORS:
        return F.rrelu(input, lower, upper, training, inplace)
    result: torch.Tensor = KeepNoise.apply(input, lower, upper, inplace)
    return result


class SlopesKept(torch.nn.RReLU):
    """torch's RReLU with `rrelu` in its place."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        return rrelu(input, self.lower, self.upper, self.training, self.inplace)


@dataclass(frozen=True)
class Other:
    """What a class becomes and its function in torch; what they keep, in words."""

    becomes: type[torch.nn.Module]
    function: Callable[..., torch.Tensor]
    keeps: str

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """What is computed by: arguments of the function, which are attributes of the module."""
        return tuple(name for name in inspect.signature(self.function).parameters if name not in _TENSORS)


_TENSORS = ("input", "weight")
_BIT, _OUTPUT = "one bit per element", "its output, as a layer behind does, and not its input"
_PRELU = "its output, as a layer behind does, and the input of channels with a slope not above 0 only"
OTHERS: Mapping[type[torch.nn.Module], Other] = {
    torch.nn.ReLU6: Other(nn.ReLU6, functional.relu6, _BIT),
    torch.nn.Hardtanh: Other(nn.Hardtanh, functional.hardtanh, _BIT),
    torch.nn.ELU: Other(nn.ELU, functional.elu, _OUTPUT),
    torch.nn.CELU: Other(nn.CELU, functional.celu, _OUTPUT),
    torch.nn.SELU: Other(nn.SELU, functional.selu, _OUTPUT),
    torch.nn.Softplus: Other(nn.Softplus, functional.softplus, _OUTPUT),
    torch.nn.PReLU: Other(nn.PReLU, functional.prelu, _PRELU),
    torch.nn.Dropout: Other(nn.Dropout, functional.dropout, _BIT),
    torch.nn.RReLU: Other(SlopesKept, rrelu, "its slopes, not its input; in evaluation one bit per element"),
}
CLASSES = tuple(OTHERS)


def settings_of(module: Any) -> tuple[tuple[str, Any], ...]:
    """What two modules of one class compute the same by: settings, and learned slopes."""
    found = [(name, getattr(module, name)) for name in _known(module).settings]
    if isinstance(module, torch.nn.Dropout):
        found[1] = ("training", True)  # in evaluation there is nothing to try
    if isinstance(module, torch.nn.PReLU):
        found.append(("weight", tuple(module.weight.detach().flatten().tolist())))
    return tuple(found)


def name_of(module: Any) -> str:
    """The name of the torch class that such a module is of."""
    return next(cls.__name__ for cls in type(module).__mro__ if cls in OTHERS)


def _known(module: Any) -> Other:
    return next(OTHERS[cls] for cls in type(module).__mro__ if cls in OTHERS)


def made(name: str, settings: tuple[tuple[str, Any], ...]) -> torch.nn.Module:
    """torch's module of that name and these settings."""
    given = dict(settings)
    training = given.pop("training", True)
    weight = given.pop("weight", None)
    cls = getattr(torch.nn, name)
    if weight is None:
        module: torch.nn.Module = cls(**given)
    else:
        module = cls(len(weight))
        with torch.no_grad():
            module.get_parameter("weight").copy_(torch.tensor(weight))
    return module.train(training)
