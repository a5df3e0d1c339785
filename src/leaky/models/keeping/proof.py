"""Prove that a change keeps the numbers: on small inputs for each site, on the example for the whole model."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import distributed

from leaky.models.compare import Values
from leaky.models.isolate import Example, tensors_in
from leaky.models.memory import SavedStorages, saved_bytes
from leaky.nn.recomputation import recompute

_ELEMENTS = 2**13
"""Of a made-up input of a norm."""


def shapes(norm: Any) -> list[tuple[int, ...]]:
    """Of rank 4 where the norm takes any; without space too where it takes that."""
    name, groups = type(norm).__name__, getattr(norm, "num_groups", 0)
    channels = norm.num_channels if groups else norm.num_features
    dims = int(name[-2]) if name.endswith("d") else 2
    side = max(4, math.ceil((_ELEMENTS / (2 * channels)) ** (1 / dims)))
    shapes: list[tuple[int, ...]] = [(2, channels, *[side] * dims)]
    if name in ("BatchNorm1d", "SyncBatchNorm") or 0 < groups < channels:
        shapes.append((max(16, _ELEMENTS // channels), channels))
    return shapes


def many_processes(norm: Any) -> bool:
    """Whether a call of it would speak to other processes."""
    if not (isinstance(norm, torch.nn.SyncBatchNorm) and distributed.is_available()):
        return False
    return distributed.is_initialized() and distributed.get_world_size(norm.process_group) > 1


def normal(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(20)
    return torch.randn(shape, generator=generator, device="cpu").to(like.device, like.dtype)


def saved(
    function: Callable[[torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    *,
    with_output: bool = True,
    again: bool = False,
) -> int:
    leaf = x.detach().clone().requires_grad_()
    model = function if isinstance(function, torch.nn.Module) else None

    def run() -> torch.Tensor:
        y = function(leaf.clone())
        if not with_output:
            return y
        with recompute() if again else nullcontext():
            result: torch.Tensor = _KeepOutput.apply(y)
        return result

    return saved_bytes(run, model)


def parts_kept(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> dict[str, int]:
    """Bytes that a function keeps for backward of its "input", its "output" (in place they are one) and "more"."""
    given = x.detach().clone().requires_grad_().clone()
    with SavedStorages(function if isinstance(function, torch.nn.Module) else None) as saved:
        y = function(given)
    names = {given.untyped_storage().data_ptr(): "input", y.untyped_storage().data_ptr(): "output"}
    found: dict[str, int] = {}
    for address, size in saved.sizes.items():
        part = names.get(address, "more")
        found[part] = found.get(part, 0) + size
    return found


class _KeepOutput(torch.autograd.Function):
    """A next layer that keeps its input."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> None:
        raise AssertionError("only what is kept is looked at")


def doubled(model: torch.nn.Module, x: torch.Tensor) -> Values:
    return evaluated(model.double(), x.double(), model)


def evaluated(
    function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, model: torch.nn.Module | None = None
) -> Values:
    leaf = x.detach().clone().requires_grad_()
    return _results(lambda: function(leaf.clone()), {"input 0": leaf}, model)


def evaluate(
    model: torch.nn.Module, example: Example, *, double: bool = False, by_inputs: bool = True
) -> Values:
    """Outputs, gradients of inputs and parameters, and buffers of `model`, a copy that may be spoilt, by name."""
    leaves: dict[str, torch.Tensor] = {}

    def leaf(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.detach().clone()
        if not tensor.is_floating_point():
            return tensor
        tensor = tensor.double() if double else tensor
        if not by_inputs:
            return tensor
        tensor.requires_grad_()
        leaves[f"input {len(leaves)}"] = tensor
        return tensor.clone()  # in-place operations are not allowed on leaves

    args, kwargs = example.fresh(leaf)
    return _results(lambda: model(*args, **kwargs), leaves, model)


def _results(
    function: Callable[[], Any], leaves: dict[str, torch.Tensor], model: torch.nn.Module | None
) -> Values:
    parameters = dict(model.named_parameters()) if model is not None else {}
    learned = {f"`{name}`": p for name, p in parameters.items() if p.requires_grad}
    outputs = tensors_in(function())
    values: Values = {f"output {n}": _dense(output.detach().clone()) for n, output in enumerate(outputs)}
    rooted = [output for output in outputs if output.requires_grad]
    generator = torch.Generator().manual_seed(21)
    weights = [torch.randn(y.shape, generator=generator, device="cpu").to(y.device, y.dtype) for y in rooted]
    if rooted:
        torch.autograd.backward(rooted, weights)  # not `grad`, which reentrant checkpointing refuses
        for name, leaf in {**leaves, **learned}.items():
            values[f"the gradient of {name}"] = None if leaf.grad is None else _dense(leaf.grad)
    if model is not None:
        values |= {f"the buffer `{name}`": buffer for name, buffer in model.named_buffers()}
    return values


def _dense(x: torch.Tensor) -> torch.Tensor:
    return x if x.layout == torch.strided else x.to_dense()
