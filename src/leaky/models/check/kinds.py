"""Which activation a module or a call is, with the parameters it is given, as the rules read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch import fx

from leaky import nn
from leaky.nn.norms.base import NormActModule

RECTIFIERS = frozenset({"relu", "relu6", "leaky_relu", "prelu", "rrelu"})
"""Piecewise linear, cut or scaled below 0."""
RECTIFYING = RECTIFIERS | {"elu", "selu", "celu", "gelu", "silu", "mish", "hardswish"}
"""What stands between layers, cuts or damps below 0, and is not made to end a model."""
NEVER_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "hardsigmoid", "softplus", "softmax"})
UNCHANGED_ABOVE_0 = frozenset({"relu", "leaky_relu", "prelu", "rrelu", "elu", "celu"})

# The arguments after the input, in torch's order, for modules and functions alike.
ARGUMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "relu": ("inplace",),
        "relu6": ("inplace",),
        "leaky_relu": ("negative_slope", "inplace"),
        "rrelu": ("lower", "upper", "training", "inplace"),
        "prelu": ("weight",),
        "elu": ("alpha", "inplace"),
        "selu": ("inplace",),
        "celu": ("alpha", "inplace"),
        "gelu": ("approximate",),
        "silu": ("inplace",),
        "mish": ("inplace",),
        "hardswish": ("inplace",),
        "softplus": ("beta", "threshold"),
        "sigmoid": (),
        "hardsigmoid": ("inplace",),
        "logsigmoid": (),
        "tanh": (),
        "hardtanh": ("min_val", "max_val", "inplace"),
        "softsign": (),
        "softmax": ("dim",),
        "log_softmax": ("dim",),
    }
)
_DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "leaky_relu": {"negative_slope": 0.01},
        "rrelu": {"lower": 1 / 8, "upper": 1 / 3},
        "elu": {"alpha": 1.0},
        "celu": {"alpha": 1.0},
        "softplus": {"beta": 1.0},
    }
)
_CLASSES: tuple[tuple[type[torch.nn.Module], str], ...] = (  # subclasses before their bases
    (torch.nn.ReLU6, "relu6"),
    (torch.nn.ReLU, "relu"),
    (torch.nn.LeakyReLU, "leaky_relu"),
    (torch.nn.RReLU, "rrelu"),
    (torch.nn.PReLU, "prelu"),
    (torch.nn.ELU, "elu"),
    (torch.nn.SELU, "selu"),
    (torch.nn.CELU, "celu"),
    (torch.nn.GELU, "gelu"),
    (torch.nn.SiLU, "silu"),
    (torch.nn.Mish, "mish"),
    (torch.nn.Hardswish, "hardswish"),
    (torch.nn.Softplus, "softplus"),
    (torch.nn.Sigmoid, "sigmoid"),
    (torch.nn.Hardsigmoid, "hardsigmoid"),
    (torch.nn.LogSigmoid, "logsigmoid"),
    (torch.nn.Tanh, "tanh"),
    (torch.nn.Hardtanh, "hardtanh"),
    (torch.nn.Softsign, "softsign"),
    (torch.nn.Softmax, "softmax"),
    (torch.nn.Softmax2d, "softmax"),
    (torch.nn.LogSoftmax, "log_softmax"),
)


@dataclass(frozen=True)
class Kind:
    """An activation by its name, with the values it is given. `normed`: a norm that applies it itself."""

    name: str
    given: Mapping[str, Any] = field(default_factory=dict)
    normed: bool = False

    @property
    def inplace(self) -> bool:
        """Whether it writes over its input."""
        return bool(self.given.get("inplace", False))

    @property
    def slope(self) -> float | None:
        """The slope below 0 where the activation is piecewise linear and the slope is one known number."""
        if self.name in ("relu", "relu6"):
            return 0.0
        value = self.given.get("weight" if self.name == "prelu" else "negative_slope")
        if isinstance(value, torch.Tensor) and not value.is_meta and value.numel():
            return float(value.detach().double().mean())
        return float(value) if isinstance(value, int | float) else None

    def __str__(self) -> str:
        shown = ", ".join(
            f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in self.given.items()
            if isinstance(value, bool | int | float | str) and (name != "inplace" or value)
        )
        return f"{self.name}({shown})" if shown else self.name


def kind_of_module(module: Any) -> Kind | None:
    """The activation that a module is, or that it applies to what it has normalised."""
    if isinstance(module, NormActModule):
        return Kind(module.activation.activation.name, module.activation.parameters, normed=True)
    name = next((name for cls, name in _CLASSES if isinstance(module, cls)), None)
    if name is None:
        if isinstance(module, nn.ActivationModule):  # an entry of the catalogue that torch has not
            names = [parameter.name for parameter in module.entry.parameters]
            return Kind(module.entry.name, {name: getattr(module, name) for name in names})
        return None
    return Kind(name, {name: getattr(module, name) for name in ARGUMENTS[name] if hasattr(module, name)})


def kind_of_call(node: fx.Node) -> Kind | None:
    """The activation that a call of a function or of a tensor's method is."""
    if node.op == "call_method":
        target = str(node.target)
    elif node.op == "call_function" and f"{getattr(node.target, '__module__', 'torch')}.".startswith(
        "torch."
    ):
        target = str(getattr(node.target, "__name__", ""))
    else:
        return None
    name = target.removesuffix("_")
    if name not in ARGUMENTS:
        return None
    given = dict(_DEFAULTS.get(name, {}))
    given |= dict(zip(ARGUMENTS[name], node.args[1:], strict=False))
    given |= {key: value for key, value in node.kwargs.items() if key in ARGUMENTS[name]}
    if target.endswith("_"):
        given["inplace"] = True
    return Kind(name, given)
