"""What the activations of a network have learned, in one number a parameter."""

from __future__ import annotations

import torch

from leaky.nn.activations.base import ActivationModule

_LEARNED = (ActivationModule, torch.nn.PReLU)


@torch.no_grad()
def learned_values(model: torch.nn.Module) -> dict[str, float]:
    """The mean of every parameter of every activation, by the name of its module; empty where none learns.

    >>> import leaky.nn
    >>> learned_values(torch.nn.Sequential(torch.nn.Linear(2, 3), leaky.nn.PReLU()))
    {'1': 0.25}
    """
    found: dict[str, float] = {}
    for name, module in model.named_modules():
        if isinstance(module, _LEARNED):
            own = dict(module.named_parameters(recurse=False))
            for parameter, value in own.items():
                key = name if len(own) == 1 else f"{name}.{parameter}"
                found[key] = float(f"{value.mean().item():.6g}")
    return found
