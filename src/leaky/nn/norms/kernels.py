"""Norm + leaky ReLU, one pass forward and one backward, by the kernels that `Norm.kernels` names.

`run_forward` and `run_backward` take tensors and sizes, and know nothing of autograd.
"""

from __future__ import annotations

import torch

from leaky.nn.layout import Layout, dense, same_layout
from leaky.nn.norms.statistics import Norm


def run_forward(
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
    layout: Layout,
) -> torch.Tensor:
    """y, and the statistics into `norm` unless they are given."""
    x = dense(x, layout)
    y = torch.empty_like(x)
    vectors = (weight, bias, norm.mean, norm.var, norm.eps, negative_slope)
    if norm.ranks is not None:
        norm.kernels.norm_act_forward(x, None, *vectors, *layout, 0, False)
        norm.ranks.combine(norm.mean, norm.var, layout.n * layout.s)
    norm.kernels.norm_act_forward(
        x,
        y,
        *vectors,
        *layout,
        norm.groups,
        norm.given or norm.ranks is not None,
        running=norm.running,
        momentum=norm.momentum,
    )
    return y


def run_backward(
    grad: torch.Tensor,
    stride: tuple[int, ...],
    layout: Layout,
    y: torch.Tensor | None,
    kept: torch.Tensor | None,
    index: torch.Tensor | None,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    norm: Norm,
    negative_slope: float,
    over: bool = False,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of x, weight and bias, from the output, which has `stride`, or the input where it is kept."""
    if over and grad.stride() == stride:
        grad_x = grad
    else:
        grad_x = torch.empty_strided(grad.shape, stride, dtype=grad.dtype, device=grad.device)
        if not same_layout(grad, stride):
            grad = grad_x.copy_(grad)
    wide = norm.mean.dtype
    vector = torch.empty if grad.numel() else torch.zeros
    grad_weight, grad_bias = (vector(layout.c, dtype=wide, device=grad.device) for _ in range(2))
    source = None if kept is None else dense(kept, layout)

    def run(
        grad_x: torch.Tensor | None,
        of_weight: torch.Tensor | None,
        of_bias: torch.Tensor | None,
        given: bool,
        averages: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> None:
        norm.kernels.norm_act_backward(
            grad,
            y,
            source,
            index,
            grad_x,
            weight,
            bias,
            norm.mean,
            norm.var,
            of_weight,
            of_bias,
            norm.eps,
            negative_slope,
            *layout,
            norm.groups,
            given,
            averages=averages,
        )

    if norm.ranks is None:
        run(grad_x, grad_weight, grad_bias, norm.given)
    else:
        run(None, grad_weight, grad_bias, True)
        run(grad_x, None, None, True, norm.ranks.averages(grad_bias, grad_weight))
    some = weight if weight is not None else bias
    if some is not None and some.dtype != wide:
        grad_weight, grad_bias = grad_weight.to(some.dtype), grad_bias.to(some.dtype)
    return grad_x, grad_weight, grad_bias
