"""What the collector runs a module as, which tensors it can count, and when a forward pass is none of the model's."""

from __future__ import annotations

from typing import Any

import torch

from leaky.doctor.functions import NORM_ACTS, read_module
from leaky.doctor.units import CHANNELS_SECOND, FEATURES_LAST
from leaky.kernels.select import TENSORS
from leaky.models.keeping.twins import is_lean


def kind_of(module: torch.nn.Module) -> str | None:
    """The method of the collector that a module is run by; None for one that does not matter."""
    if isinstance(module, torch.jit.ScriptModule):
        return None
    if isinstance(module, NORM_ACTS):
        return "layer" if is_lean(module) else "activation"
    if read_module(module) is not None and "forward" not in vars(module):
        return "activation"
    if isinstance(module, (*FEATURES_LAST, *CHANNELS_SECOND)):
        return "layer"
    own = not type(module).__module__.startswith("torch.nn.")
    return "owner" if own or next(module.children(), None) is not None else None


def measurable(x: Any) -> bool:
    """Whether the input of a call is a tensor whose values can be counted."""
    return (
        type(x) in TENSORS
        and x.layout is torch.strided
        and x.is_floating_point()
        and x.numel() > 0
        and x.dim() > 0
        and not x.is_meta
        and not torch._C._are_functorch_transforms_active()
    )


def recomputing() -> bool:
    """Whether a backward runs in this thread."""
    return torch._C._current_graph_task_id() != -1
