"""One module of every class, with the input it is shown, for the tests that go through all of them."""

from __future__ import annotations

from typing import Any

import torch

import leaky
from leaky.nn.modules import CLASSES, ActivationModule

CHANNELS = 4
SHAPE = (3, CHANNELS, 6, 5)
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "DynamicReLU": {"num_channels": CHANNELS},
    "FunnelReLU": {"num_channels": CHANNELS},
}
MORE: list[tuple[str, dict[str, Any]]] = [
    ("PReLU", {"num_parameters": CHANNELS}),
    ("PReLU", {"num_parameters": SHAPE[1:]}),
    ("RReLU", {"form": "divide"}),
    ("Hardsigmoid", {"slope": 0.2}),
    ("SiLU", {"beta": 1.7}),
    ("SiLU", {"beta": -0.5}),
    ("GELU", {"approximate": "tanh"}),
    ("Softplus", {"beta": 2.0}),
    ("SShapedReLU", {"num_parameters": CHANNELS, "slope_right": 0.3}),
    ("SShapedReLU", {"num_parameters": SHAPE[1:], "slope_right": 0.3}),
    ("FlexibleReLU", {"num_parameters": CHANNELS, "bias": -0.4}),
    ("AdaptivePiecewiseLinear", {"num_parameters": SHAPE[1:], "slopes": (0.3, -0.2)}),
    ("AdaptivePiecewiseLinear", {"slopes": (0.3,), "offsets": (0.5,)}),
    ("Pade", {"num_parameters": CHANNELS}),
    ("ThresholdedReLU", {"threshold": 0.25}),
    ("DisplacedReLU", {"delta": 0.7}),
    ("ClippedReLU", {"ceiling": 1.5}),
    ("Maxout", {"num_pieces": 4}),
    ("Maxout", {"dim": -3}),
    ("CReLU", {"dim": -1}),
    ("AverageBiasedReLU", {"start_dim": 2}),
    ("DynamicReLU", {"num_channels": CHANNELS, "shared": True, "num_lines": 3}),
    ("FunnelReLU", {"num_channels": CHANNELS, "kernel_size": 1}),
]
EVERY = [(name, _ARGUMENTS.get(name, {})) for name in CLASSES]
ALL = EVERY + MORE


def label(value: Any) -> str:
    return value if isinstance(value, str) else "-".join(f"{k}={v}" for k, v in value.items()) or "plain"


def make(name: str, given: dict[str, Any]) -> Any:
    """The module; where it starts as something simpler, a step away from there."""
    torch.manual_seed(3)
    made: ActivationModule = getattr(leaky.nn, name)(**given)
    if name == "DynamicReLU":
        for parameter in made.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
    return made


def normal(shape: tuple[int, ...] = SHAPE, dtype: torch.dtype = torch.float32, scale: float = 2.0) -> Any:
    return (scale * torch.randn(shape, generator=torch.Generator().manual_seed(5))).to(dtype)


def values_of(module: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the module's entry, as the function on arrays takes them for SHAPE."""
    found = {}
    for parameter in module.entry.parameters:
        held = getattr(module, parameter.name, None)
        if held is None and parameter.learned:
            held = module.weight
        elif held is None:
            held = given.get(parameter.name, parameter.default)
        if isinstance(held, torch.Tensor):
            held = held.detach()
            shape = held.shape[1:] if parameter.series else held.shape
            if len(shape) == 1:
                held = held.reshape(*held.shape, 1, 1)
        found[parameter.name] = held
    return found
