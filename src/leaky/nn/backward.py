"""What the backwards of the layers share: whether kernels may read a gradient, and whose graph a value has."""

from __future__ import annotations

from typing import Any

import torch

from leaky.kernels.select import tracing


def has_no_address(grad: torch.Tensor) -> bool:
    """Whether the numbers are not what lies in memory.

    Backward is given several gradients at once (`is_grads_batched=True`, vmap), is traced, or is given a view whose
    sign is still to be changed (the imaginary part of a conjugate).
    """
    return tracing() or torch._C._functorch.is_legacy_batchedtensor(grad) or grad.is_neg()


class Through(torch.autograd.Function):
    """The values of `x` on the graph of `trace`."""

    @staticmethod
    def forward(ctx: Any, trace: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grads[0], None
