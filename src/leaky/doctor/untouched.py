"""A model left as it was, whatever ran through it: buffers, gradients, modes, random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from leaky.errors import ArgumentError, ArgumentTypeError
from leaky.models.isolate import random_state_kept


@contextmanager
def untouched(model: torch.nn.Module) -> Iterator[None]:
    """Put everything back that forward and backward passes change."""
    flags = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    with random_state_kept():
        try:
            for parameter, _ in gradients:
                parameter.grad = None
            yield
        finally:
            for parameter, gradient in gradients:
                parameter.grad = gradient
            for module, training in flags:
                module.training = training
            for module, name, buffer, before in buffers:
                module._buffers[name] = buffer
                buffer.data.copy_(before)  # not a change that a backward still to come would refuse


def unwrapped(function: str, model: Any) -> torch.nn.Module:
    """The module within torch.compile and DistributedDataParallel, checked."""
    if not isinstance(model, torch.nn.Module):
        raise ArgumentTypeError(f"{function}: `model` must be a torch.nn.Module, got {type(model).__name__}")
    while True:
        if isinstance(model, torch.nn.DataParallel) and len(model.device_ids) > 1:
            raise ArgumentError(
                f"{function}: `model` is a DataParallel over {len(model.device_ids)} devices, whose copies cannot be "
                "watched; give its `.module`, or use DistributedDataParallel"
            )
        inner = vars(model).get("_modules", {}).get("_orig_mod")
        if isinstance(model, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel):
            inner = model.module
        if not isinstance(inner, torch.nn.Module):
            break
        model = inner
    found: torch.nn.Module = model
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if torch.nn.parameter.is_lazy(tensor) or tensor.is_meta:
            raise ArgumentError(
                f"{function}: `{name}` of `model` has no values yet; load them, or call a lazy model once, before"
            )
    return found


def is_compiled(model: torch.nn.Module) -> bool:
    """Whether a compiler runs the model, or a part of it."""
    return any(
        vars(module).get("_compiled_call_impl") is not None or type(module).__name__ == "OptimizedModule"
        for module in model.modules()
    )
