"""Groups of parameters for an optimiser: weight decay for the weights, none for what activations learn."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.utils.parametrize import is_parametrized

from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.nn.activations.base import ActivationModule

_LEARNED = (ActivationModule, torch.nn.PReLU)


def parameter_groups(
    model: torch.nn.Module, *, weight_decay: float, norms_and_biases: bool = True
) -> list[dict[str, Any]]:
    """The parameters of `model` in groups for an optimiser, those that activations learn without weight decay.

    Decay pulls a learned slope to 0 and so makes a ReLU of a PReLU; He et al. 2015 learn slopes without it.

    Args:
        model: any module. What its activations learn are the own parameters of leaky's activation modules and of
            torch.nn.PReLU; the layers inside a DynamicReLU or FunnelReLU are layers like any others.
        weight_decay: of everything else, finite and at least 0.
        norms_and_biases: False leaves biases, and all parameters of fewer than two dimensions such as those of
            norms, without decay too.

    Returns:
        The group with `weight_decay` and the one with `weight_decay=0.0`, in this order and without empty ones; every
        parameter once, also where modules share it. Frozen ones are kept, so that they train once they are thawed;
        optimisers leave alone what has no gradient.

    Raises:
        ArgumentTypeError: `model` is no torch.nn.Module, or `weight_decay` no number.
        ArgumentError: `weight_decay` is negative or not finite, or `model` has no parameters.

    Reference: He, Zhang, Ren, Sun 2015: Delving Deep into Rectifiers. ICCV. arXiv:1502.01852

    Example:
        >>> import torch, leaky.nn
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), leaky.nn.PReLU(8))
        >>> optimizer = torch.optim.AdamW(leaky.nn.parameter_groups(model, weight_decay=0.1), lr=0.01)
        >>> [(len(group["params"]), group["weight_decay"]) for group in optimizer.param_groups]
        [(2, 0.1), (1, 0.0)]
    """
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(
            f"parameter_groups: `model` must be a torch.nn.Module, got {type(model).__name__}"
        )
    given: Any = weight_decay
    if isinstance(given, bool) or not isinstance(given, numbers.Real):
        raise ArgumentTypeError(f"parameter_groups: `weight_decay` must be a number, got {weight_decay!r}")
    if not math.isfinite(weight_decay) or weight_decay < 0:
        raise ArgumentError(
            f"parameter_groups: `weight_decay` must be finite and at least 0, got {float(weight_decay):g}"
        )
    exempt = {id(parameter) for parameter in learned_parameters(model)}
    groups: dict[float, list[torch.nn.Parameter]] = {float(weight_decay): [], 0.0: []}
    for name, parameter in model.named_parameters():
        free = id(parameter) in exempt or not (norms_and_biases or _is_weight(name, parameter))
        groups[0.0 if free else float(weight_decay)].append(parameter)
    if not any(groups.values()):
        raise ArgumentError(
            f"parameter_groups: `model` ({type(model).__name__}) has no parameters to optimise"
        )
    return [{"params": found, "weight_decay": decay} for decay, found in groups.items() if found]


def learned_parameters(model: torch.nn.Module) -> Iterator[torch.nn.Parameter]:
    """What the activations of a model learn: slopes, thresholds, coefficients."""
    for module in model.modules():
        if isinstance(module, _LEARNED):
            yield from module.parameters(recurse=False)
            if is_parametrized(module):  # what its slopes are made from
                yield from module.get_submodule("parametrizations").parameters()


def _is_weight(name: str, parameter: torch.nn.Parameter) -> bool:
    lazy = torch.nn.parameter.is_lazy(parameter)
    return name.rpartition(".")[2] != "bias" and (lazy or parameter.dim() >= 2)
