"""Activations besides ReLU and LeakyReLU that `lean` knows: what each becomes, and what it then keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from leaky import nn
from leaky.kernels.select import TENSORS, tracing
from leaky.nn.layers.noise import KeepNoise


class SlopesKept(torch.nn.RReLU):
    """torch's RReLU, with torch's draws, that keeps its slopes in training and one bit per element in evaluation."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """f(input)."""
        if not self.training:
            return nn.functional.leaky_relu(input, (self.lower + self.upper) / 2, self.inplace)
        learns = torch.is_grad_enabled() and input.requires_grad and not (self.inplace and input.is_leaf)
        wide = self.upper - self.lower > 1e-6  # below, torch's backward takes the mean
        if not (learns and wide) or tracing() or type(input) not in TENSORS:
            return super().forward(input)
        result: torch.Tensor = KeepNoise.apply(input, self.lower, self.upper, self.inplace)  # type: ignore[no-untyped-call]
        return result


@dataclass(frozen=True)
class Other:
    """What a class becomes; its settings, by attribute; what it keeps, in words, and whether that is its output."""

    becomes: type[torch.nn.Module]
    settings: tuple[str, ...]
    keeps: str
    output: bool = False


_BIT, _OUTPUT = "one bit per element", "its output"
OTHERS: Mapping[type[torch.nn.Module], Other] = {
    torch.nn.ReLU6: Other(nn.ReLU6, ("inplace",), _BIT),
    torch.nn.Hardtanh: Other(nn.Hardtanh, ("min_val", "max_val", "inplace"), _BIT),
    torch.nn.ELU: Other(nn.ELU, ("alpha", "inplace"), _OUTPUT, output=True),
    torch.nn.CELU: Other(nn.CELU, ("alpha", "inplace"), _OUTPUT, output=True),
    torch.nn.SELU: Other(nn.SELU, ("inplace",), _OUTPUT, output=True),
    torch.nn.Softplus: Other(nn.Softplus, ("beta", "threshold"), _OUTPUT, output=True),
    torch.nn.PReLU: Other(
        nn.PReLU, (), "its output, and the input of channels with a slope not above 0", output=True
    ),
    torch.nn.RReLU: Other(SlopesKept, ("lower", "upper", "inplace"), "its slopes, not its input"),
}
CLASSES = tuple(OTHERS)


def settings_of(module: Any) -> tuple[tuple[str, Any], ...]:
    """What two modules of one class compute the same by: settings, learned slopes, the mode where it counts."""
    found = [(name, getattr(module, name)) for name in _known(module).settings]
    if isinstance(module, torch.nn.PReLU):
        found.append(("weight", tuple(module.weight.detach().flatten().tolist())))
    if isinstance(module, torch.nn.RReLU):
        found.append(("training", module.training))
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
